//! `openssl s_server` with certificates that have one fault each, with each TLS library of the build.
//!
//! Every faulty server is also asked with verification off, which must work: the refusal is for the fault alone.

use std::error::Error as _;
use std::process::Command;

use petition::{Error, ErrorKind, Retry, Session, TlsBackend, Verify};

use crate::certificates::{Leaf, OpensslCa, RSA_1024, RSA_2048};
use crate::client::{backends, local_names, logged, session_over};
use crate::process::{Dir, Process, program};

/// A server with `NAME.pem` and `NAME.key` of the directory, and these arguments; it answers each GET with its status page.
fn serve(dir: &Dir, name: &str, args: &[&str]) -> Process {
    let openssl = program("openssl").expect("it made the certificate");
    Process::start(dir, |port| {
        let mut command = Command::new(&openssl);
        command.args(["s_server", "-www", "-accept", &format!("127.0.0.1:{port}")]);
        command.args(["-cert", &format!("{name}.pem"), "-key", &format!("{name}.key")]);
        command.args(args).current_dir(dir.root());
        command
    })
}

fn session(dir: &Dir, backend: &TlsBackend) -> Session {
    let mut session = session_over(local_names(backend).build());
    session.verify = Verify::CaBundle(dir.path("ca.pem"));
    session
}

/// What the error and everything behind it say.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn says(error: &Error, words: &[&str]) -> bool {
    words.iter().any(|words| chain(error).contains(words))
}

/// A server that is asked as `https://site.test`: refused, in one of these words, and accepted where nobody verifies.
fn refused(dir: &Dir, name: &str, args: &[&str], words: &[&str]) {
    let server = serve(dir, name, args);
    let url = format!("https://site.test:{}/", server.port());
    for backend in backends() {
        let session = session(dir, &backend);

        let error = session.get(&url).send().expect_err(name);
        let unverified = session.get(&url).verify(false).send();

        assert_eq!(error.kind(), ErrorKind::SslError, "{backend:?} {name}: {error:?}");
        assert!(says(&error, words), "{backend:?} {name}: {}", chain(&error));
        assert_eq!(unverified.unwrap().status_code(), 200, "{backend:?} {name}");
    }
}

// TLS-09
#[test]
fn a_certificate_without_faults_is_accepted() {
    let dir = Dir::new("good");
    let Some(ca) = OpensslCa::root(&dir, "ca") else { return };
    for (name, key) in [("ec", Leaf::server("").key), ("rsa", RSA_2048)] {
        ca.issue(name, &Leaf { key, ..Leaf::server("DNS:site.test") });
        let server = serve(&dir, name, &[]);
        for backend in backends() {
            let response = session(&dir, &backend).get(format!("https://site.test:{}/", server.port())).send().unwrap();

            assert!(response.text().unwrap().contains("s_server"), "{backend:?} {name}");
        }
    }
}

#[test]
fn an_expired_certificate_is_refused() {
    let dir = Dir::new("expired");
    let Some(ca) = OpensslCa::root(&dir, "ca") else { return };
    ca.issue("expired", &Leaf { until: "20200201000000Z", ..Leaf::server("DNS:site.test") });

    refused(&dir, "expired", &[], &["has expired"]);
}

#[test]
fn a_certificate_that_is_not_valid_yet_is_refused() {
    let dir = Dir::new("early");
    let Some(ca) = OpensslCa::root(&dir, "ca") else { return };
    ca.issue("early", &Leaf { from: "20480101000000Z", ..Leaf::server("DNS:site.test") });

    refused(&dir, "early", &[], &["is not valid yet"]);
}

// TLS-07: the common name is the host's; it does not count.
#[test]
fn a_certificate_for_another_host_is_refused() {
    let dir = Dir::new("host");
    let Some(ca) = OpensslCa::root(&dir, "ca") else { return };
    ca.issue("site.test", &Leaf::server("DNS:other.test, DNS:*.site.test"));

    refused(&dir, "site.test", &[], &["is not valid for site.test"]);
}

#[test]
fn a_self_signed_certificate_is_refused() {
    let dir = Dir::new("self");
    let Some(ca) = OpensslCa::root(&dir, "ca") else { return };
    ca.self_signed("alone", "subjectAltName = DNS:site.test");

    refused(&dir, "alone", &[], &["unknown authority"]);
}

#[test]
fn a_certificate_of_another_root_is_refused() {
    let dir = Dir::new("root");
    let (Some(_), Some(stranger)) = (OpensslCa::root(&dir, "ca"), OpensslCa::root(&dir, "stranger")) else { return };
    stranger.issue("strange", &Leaf::server("DNS:site.test"));

    refused(&dir, "strange", &[], &["unknown authority"]);
}

// The server itself must be told to use such a key. rustls refuses what it signs.
#[test]
fn a_certificate_with_a_key_of_1024_bits_is_refused() {
    let dir = Dir::new("weak");
    let Some(ca) = OpensslCa::root(&dir, "ca") else { return };
    ca.issue("weak", &Leaf { key: RSA_1024, ..Leaf::server("DNS:site.test") });
    let server = serve(&dir, "weak", &["-cipher", "DEFAULT@SECLEVEL=0"]);

    for backend in backends() {
        let error = session(&dir, &backend).get(format!("https://site.test:{}/", server.port())).send().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SslError, "{backend:?}: {}", chain(&error));
        assert!(says(&error, &["key too weak", "key too small", "BadSignature"]), "{backend:?}: {}", chain(&error));
    }
}

#[test]
fn an_authority_is_believed_for_the_names_it_may_speak_for_alone() {
    let dir = Dir::new("constrained");
    let Some(ca) = OpensslCa::root(&dir, "ca") else { return };
    let inside = ca.constrained("inside", "inside.test");
    inside.issue("outer", &Leaf::server("DNS:site.test"));
    inside.issue("inner", &Leaf::server("DNS:www.inside.test"));

    let server = serve(&dir, "inner", &["-cert_chain", "inside.pem"]);
    for backend in backends() {
        let response = session(&dir, &backend).get(format!("https://www.inside.test:{}/", server.port())).send();
        assert_eq!(response.unwrap().status_code(), 200, "{backend:?}");
    }
    refused(&dir, "outer", &["-cert_chain", "inside.pem"], &["permitted subtree violation", "NameConstraintViolation"]);
}

// RETRY-07: here a certificate that does not verify is not asked for again.
#[test]
fn a_refused_certificate_is_not_retried() {
    let dir = Dir::new("once");
    let Some(ca) = OpensslCa::root(&dir, "ca") else { return };
    ca.issue("other", &Leaf::server("DNS:other.test"));
    let server = serve(&dir, "other", &[]);

    for backend in backends() {
        let mut session = session_over(local_names(&backend).max_retries(Retry::new().total(3)).build());
        session.verify = Verify::CaBundle(dir.path("ca.pem"));
        let (result, lines) = logged(|| session.get(format!("https://site.test:{}/", server.port())).send());

        assert_eq!(result.unwrap_err().kind(), ErrorKind::SslError, "{backend:?}");
        assert_eq!(lines.len(), 1, "{backend:?}: {lines:?}");
    }
}

// TLS-13: under TLS 1.3 the refusal comes with the first read.
#[test]
fn a_server_that_insists_on_a_client_certificate_gets_one_or_it_is_an_ssl_error() {
    let dir = Dir::new("insists");
    let Some(ca) = OpensslCa::root(&dir, "ca") else { return };
    ca.issue("server", &Leaf::server("DNS:site.test"));
    ca.issue("client", &Leaf::client());
    for version in ["-tls1_2", "-tls1_3"] {
        let server = serve(&dir, "server", &[version, "-CAfile", "ca.pem", "-Verify", "2", "-verify_return_error"]);
        let url = format!("https://site.test:{}/", server.port());
        for backend in backends() {
            let session = session(&dir, &backend);

            let error = session.get(&url).send().unwrap_err();
            let known = session.get(&url).cert((dir.text("client.pem"), dir.text("client.key"))).send();

            assert_eq!(error.kind(), ErrorKind::SslError, "{backend:?} {version}: {}", chain(&error));
            assert_eq!(known.unwrap().status_code(), 200, "{backend:?} {version}");
        }
    }
}

// TLS-14
#[test]
fn a_server_older_than_tls_1_2_is_an_ssl_error() {
    let dir = Dir::new("old");
    let Some(ca) = OpensslCa::root(&dir, "ca") else { return };
    ca.issue("server", &Leaf::server("DNS:site.test"));
    let server = serve(&dir, "server", &["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"]);

    for backend in backends() {
        let error = session(&dir, &backend).get(format!("https://site.test:{}/", server.port())).send().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SslError, "{backend:?}: {}", chain(&error));
        assert!(says(&error, &["no common TLS version"]), "{backend:?}: {}", chain(&error));
    }
}
