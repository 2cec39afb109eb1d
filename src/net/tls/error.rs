//! What went wrong with TLS, in texts that a person can act on.
//!
//! The libraries report failures as texts, alerts or enums of their own. [`TlsErrorKind`] is what they have in common. If our
//! text says less than the library's, it includes that one.

use std::fmt;
use std::io;

use crate::error::system_reason;
use crate::net::exhausted::Exhausted;

/// A TLS failure. One that occurs while reading is inside an `io::Error`: see [`TlsError::inside`].
#[derive(Clone, Debug)]
pub(crate) struct TlsError {
    kind: TlsErrorKind,
    text: String,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum TlsErrorKind {
    Expired,
    NotYetValid,
    WrongHost,
    UnknownIssuer,
    /// Any other reason why the certificate does not verify.
    Certificate,
    /// No pin matches, or none could be compared.
    Pin,
    /// The server requires a client certificate.
    ClientCertificateRequired,
    /// The server refused the handshake with another alert.
    Refused,
    /// The peer does not speak TLS.
    NotTls,
    /// There is no common version of the protocol.
    Version,
    /// The time is up.
    Expiry,
    /// The connection broke.
    Broken(io::ErrorKind),
    /// There was no descriptor left to read a file with.
    Exhausted(Exhausted),
    /// A file could not be read.
    File(io::ErrorKind),
    /// A file or a value cannot be used.
    Unusable,
    /// The settings contradict each other.
    Setting,
    /// The build lacks it.
    Unsupported,
    Other,
}

impl TlsError {
    pub(super) fn new(kind: TlsErrorKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }

    /// A failure to read a file. `what` could not be done.
    pub(super) fn unreadable(what: &str, error: &io::Error) -> Self {
        match Exhausted::of_descriptors(error) {
            Some(exhausted) => {
                let text = format!("{what}: {}: {}", system_reason(error), exhausted.advice());
                Self::new(TlsErrorKind::Exhausted(exhausted), text)
            }
            None => Self::new(TlsErrorKind::File(error.kind()), format!("{what}: {error}")),
        }
    }

    pub(crate) fn kind(&self) -> TlsErrorKind {
        self.kind
    }

    /// Whether the peer's certificate is at fault, so that a retry cannot help.
    pub(crate) fn is_verification(&self) -> bool {
        use TlsErrorKind::{Certificate, Expired, NotYetValid, Pin, UnknownIssuer, WrongHost};
        matches!(self.kind, Expired | NotYetValid | WrongHost | UnknownIssuer | Certificate | Pin)
    }

    /// The TLS failure inside the error of a read or write, if there is one. With TLS 1.3, a server that requires a client
    /// certificate reports it there.
    pub(crate) fn inside(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    /// Classifies a library's text.
    pub(super) fn from_text(text: &str, host: &str) -> Self {
        let lower = text.to_ascii_lowercase();
        let kind =
            TEXTS.iter().find(|(needle, _)| lower.contains(needle)).map_or(TlsErrorKind::Other, |(_, kind)| *kind);
        Self::of(kind, host, text)
    }

    /// Our text for `kind`, or `text` if we have none.
    pub(super) fn of(kind: TlsErrorKind, host: &str, text: &str) -> Self {
        let sentence = match kind {
            TlsErrorKind::Expired => format!("the certificate of {host} has expired"),
            TlsErrorKind::NotYetValid => format!("the certificate of {host} is not valid yet"),
            TlsErrorKind::WrongHost => format!("the certificate is not valid for {host}"),
            TlsErrorKind::UnknownIssuer => {
                format!("the certificate of {host} was issued by an unknown authority ({})", brief(text))
            }
            TlsErrorKind::ClientCertificateRequired => "the server requires a client certificate".to_owned(),
            TlsErrorKind::Refused => format!("the server refused the handshake ({})", brief(text)),
            TlsErrorKind::NotTls => format!("the server did not answer with TLS ({})", brief(text)),
            TlsErrorKind::Version => format!("no common TLS version ({})", brief(text)),
            _ => brief(text).to_owned(),
        };
        Self::new(kind, sentence)
    }
}

/// Parts of the libraries' texts, the most specific first: OpenSSL, then Security Framework and SChannel.
const TEXTS: &[(&str, TlsErrorKind)] = &[
    ("certificate has expired", TlsErrorKind::Expired),
    ("not within its validity period", TlsErrorKind::Expired),
    ("certificate is not yet valid", TlsErrorKind::NotYetValid),
    ("hostname mismatch", TlsErrorKind::WrongHost),
    ("ip address mismatch", TlsErrorKind::WrongHost),
    ("name does not match", TlsErrorKind::WrongHost),
    ("unable to get local issuer certificate", TlsErrorKind::UnknownIssuer),
    ("unable to get issuer certificate", TlsErrorKind::UnknownIssuer),
    ("unable to verify the first certificate", TlsErrorKind::UnknownIssuer),
    ("self-signed certificate", TlsErrorKind::UnknownIssuer),
    ("self signed certificate", TlsErrorKind::UnknownIssuer),
    ("not trusted", TlsErrorKind::UnknownIssuer),
    ("alert certificate required", TlsErrorKind::ClientCertificateRequired),
    ("certificate verify failed", TlsErrorKind::Certificate),
    ("wrong version number", TlsErrorKind::NotTls),
    ("http request", TlsErrorKind::NotTls),
    ("packet length too long", TlsErrorKind::NotTls),
    ("record layer failure", TlsErrorKind::NotTls),
    ("unsupported protocol", TlsErrorKind::Version),
    ("alert protocol version", TlsErrorKind::Version),
    ("no protocols available", TlsErrorKind::Version),
    (" alert ", TlsErrorKind::Refused),
];

/// What happened, and why, from OpenSSL's `error:0A000086:SSL routines:function:what happened:file:line: (why)`.
fn brief(text: &str) -> &str {
    let line = text.lines().next().unwrap_or_default().trim();
    let Some(rest) = line.strip_prefix("error:") else { return line };
    if let Some((_, why)) = rest.rsplit_once(": (") {
        return why.trim_end_matches(')');
    }
    rest.split(':').nth(3).map_or(line, str::trim)
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for TlsError {}

impl From<TlsError> for io::Error {
    fn from(error: TlsError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // TLS-09, TLS-10, TLS-13, TLS-14
    #[test]
    fn library_texts_become_sentences() {
        const VERIFY: &str = "error:0A000086:SSL routines:tls_post_process_server_certificate:certificate verify failed:../ssl/x.c:1889:";
        for (text, kind, sentence) in [
            (format!("{VERIFY} (certificate has expired)"), TlsErrorKind::Expired, "the certificate of h has expired"),
            (format!("{VERIFY} (hostname mismatch)"), TlsErrorKind::WrongHost, "the certificate is not valid for h"),
            (format!("{VERIFY} (IP address mismatch)"), TlsErrorKind::WrongHost, "the certificate is not valid for h"),
            (
                format!("{VERIFY} (unable to get local issuer certificate)"),
                TlsErrorKind::UnknownIssuer,
                "the certificate of h was issued by an unknown authority (unable to get local issuer certificate)",
            ),
            (format!("{VERIFY} (CA signature digest too weak)"), TlsErrorKind::Certificate, "CA signature digest too weak"),
            (
                "error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../ssl/record/x.c:354:".into(),
                TlsErrorKind::NotTls,
                "the server did not answer with TLS (wrong version number)",
            ),
            (
                "error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required:../x.c:1:SSL alert number 116"
                    .into(),
                TlsErrorKind::ClientCertificateRequired,
                "the server requires a client certificate",
            ),
            (
                "error:0A000410:SSL routines:ssl3_read_bytes:sslv3 alert handshake failure:../x.c:1:SSL alert number 40"
                    .into(),
                TlsErrorKind::Refused,
                "the server refused the handshake (sslv3 alert handshake failure)",
            ),
            ("something new".into(), TlsErrorKind::Other, "something new"),
        ] {
            let error = TlsError::from_text(&text, "h");
            assert_eq!((error.kind(), error.to_string().as_str()), (kind, sentence));
        }
    }

    #[test]
    fn a_failure_is_found_again_inside_an_io_error() {
        let error = io::Error::from(TlsError::new(TlsErrorKind::ClientCertificateRequired, "x"));

        assert_eq!(TlsError::inside(&error).map(TlsError::kind), Some(TlsErrorKind::ClientCertificateRequired));
        assert!(TlsError::inside(&io::Error::other("plain")).is_none());
    }
}
