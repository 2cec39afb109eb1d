//! A proxy, parsed from its URL once: values that a pool key can hold, and that are printed without their credentials.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::text::{authority, basic};
use crate::url;

/// A proxy of either kind.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Proxy {
    Http(Arc<ProxyServer>),
    Socks(Arc<SocksProxy>),
}

/// An HTTP proxy.
#[derive(Clone, Eq, Hash, PartialEq)]
pub(crate) struct ProxyServer {
    pub(crate) scheme: ProxyScheme,
    /// A name, or an address without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The value of Proxy-Authorization.
    pub(crate) authorization: Option<String>,
}

/// The protocol used to an HTTP proxy.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum ProxyScheme {
    Http,
    Https,
}

/// A SOCKS proxy.
#[derive(Clone, Eq, Hash, PartialEq)]
pub(crate) struct SocksProxy {
    pub(crate) version: SocksVersion,
    pub(crate) resolve: SocksResolve,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// User and password; in version 4 the password is ignored.
    pub(crate) credentials: Option<(String, String)>,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum SocksVersion {
    V4,
    V5,
}

/// Where the origin's name is resolved.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum SocksResolve {
    Here,
    AtProxy,
}

impl Proxy {
    /// Reads what an environment variable says, as curl does: without `scheme://` it is an HTTP proxy, whatever stands
    /// before the first colon. Errors name the variable and do not show its value.
    pub(super) fn of_variable(name: &str, value: &str) -> Result<Self> {
        let url = if value.starts_with("//") {
            Cow::Owned(format!("http:{value}"))
        } else if has_scheme(value) {
            Cow::Borrowed(value)
        } else {
            Cow::Owned(format!("http://{value}"))
        };
        Self::parse(&url).map_err(|error| {
            // A text that shows what does not parse would show a password where the host was forgotten.
            let why = match error.to_string() {
                text if text.starts_with("Failed to parse") => "its host or port is not valid".to_owned(),
                text => text,
            };
            let text = format!("the environment variable {name} is not the URL of a proxy: {why}");
            Error::message(error.kind(), text)
        })
    }

    /// Parses the URL of a proxy. Without a scheme it is an HTTP proxy, unless the text looks as if it had one: in
    /// `localhost:1`, `localhost` is taken for a scheme.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let scheme = url::dissect(text)?.scheme;
        // Parsed without its scheme, the host of a SOCKS URL is normalized like any other.
        let is_socks = scheme.is_some_and(|scheme| scheme.get(..5).is_some_and(|s| s.eq_ignore_ascii_case("socks")));
        let parsed = url::dissect(&text[scheme.filter(|_| is_socks).map_or(0, |scheme| scheme.len() + 1)..])?;
        let host = authority::without_brackets(&parsed.host);
        if host.is_empty() {
            return Err(Error::message(
                ErrorKind::InvalidProxyUrl,
                "Please check proxy URL. It is malformed and could be missing the host.",
            ));
        }
        let host = host.to_owned();
        let credentials = parsed.credentials().filter(|(user, _)| !user.is_empty());

        let scheme = scheme.unwrap_or("http").to_ascii_lowercase();
        let (version, resolve) = match scheme.as_str() {
            "http" | "https" => {
                let (scheme, port) = match scheme.as_str() {
                    "http" => (ProxyScheme::Http, 80),
                    _ => (ProxyScheme::Https, 443),
                };
                // A user name without a colon sends nothing.
                let authorization =
                    credentials.and_then(|(user, password)| Some(basic::credentials(&user, &password?)));
                let port = parsed.port.unwrap_or(port);
                return Ok(Self::Http(Arc::new(ProxyServer { scheme, host, port, authorization })));
            }
            "socks4" => (SocksVersion::V4, SocksResolve::Here),
            "socks4a" => (SocksVersion::V4, SocksResolve::AtProxy),
            "socks5" => (SocksVersion::V5, SocksResolve::Here),
            "socks5h" => (SocksVersion::V5, SocksResolve::AtProxy),
            _ if is_socks => return Err(unusable(format!("Unable to determine SOCKS version from {scheme}"))),
            _ => {
                let text = format!("Proxy URL had unsupported scheme {scheme}, should use http:// or https://");
                return Err(unusable(text));
            }
        };
        let credentials = match version {
            SocksVersion::V4 => credentials.map(|(user, _)| (user.into_owned(), String::new())),
            // RFC 1929 has no empty password.
            SocksVersion::V5 => credentials
                .and_then(|(user, password)| Some((user.into_owned(), password?.into_owned())))
                .filter(|(_, password)| !password.is_empty()),
        };
        let port = parsed.port.unwrap_or(1080);
        Ok(Self::Socks(Arc::new(SocksProxy { version, resolve, host, port, credentials })))
    }
}

/// Whether `text` begins with a scheme and `://`, rather than with a user name and a password that has them.
fn has_scheme(text: &str) -> bool {
    let is_of_scheme = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    text.split_once("://").is_some_and(|(scheme, _)| scheme.bytes().all(is_of_scheme))
}

fn unusable(text: String) -> Error {
    Error::message(ErrorKind::InvalidUrl, text)
}

impl ProxyScheme {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl fmt::Display for ProxyServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_origin(f, self.scheme.as_str(), &self.host, self.port)
    }
}

impl fmt::Debug for ProxyServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProxyServer({self})")
    }
}

impl fmt::Display for SocksProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match (self.version, self.resolve) {
            (SocksVersion::V4, SocksResolve::Here) => "socks4",
            (SocksVersion::V4, SocksResolve::AtProxy) => "socks4a",
            (SocksVersion::V5, SocksResolve::Here) => "socks5",
            (SocksVersion::V5, SocksResolve::AtProxy) => "socks5h",
        };
        write_origin(f, scheme, &self.host, self.port)
    }
}

impl fmt::Debug for SocksProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SocksProxy({self})")
    }
}

fn write_origin(f: &mut fmt::Formatter<'_>, scheme: &str, host: &str, port: u16) -> fmt::Result {
    write!(f, "{scheme}://{}", authority::host_and_port(host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(text: &str) -> ProxyServer {
        match Proxy::parse(text) {
            Ok(Proxy::Http(server)) => (*server).clone(),
            other => panic!("{text:?}: {other:?}"),
        }
    }

    fn socks(text: &str) -> SocksProxy {
        match Proxy::parse(text) {
            Ok(Proxy::Socks(server)) => (*server).clone(),
            other => panic!("{text:?}: {other:?}"),
        }
    }

    // PROXY-13, PROXY-15
    #[test]
    fn http_proxies_with_and_without_a_scheme() {
        for (text, want) in [
            ("http://127.0.0.1:3128", "http://127.0.0.1:3128"),
            ("127.0.0.1:3128", "http://127.0.0.1:3128"),
            ("proxy.example:3128", "http://proxy.example:3128"),
            ("proxy", "http://proxy:80"),
            ("HTTP://Proxy/path?q", "http://proxy:80"),
            ("https://proxy", "https://proxy:443"),
            ("http://[::1]", "http://[::1]:80"),
            ("http://bücher", "http://xn--bcher-kva:80"),
            ("//proxy:1", "http://proxy:1"),
            ("u:p@proxy.example:1", ""),
        ] {
            if want.is_empty() {
                assert!(Proxy::parse(text).is_err(), "{text:?}");
            } else {
                assert_eq!(http(text).to_string(), want, "{text:?}");
            }
        }
        assert_eq!(http("http://[::1]:1").host, "::1");
    }

    // PROXY-13, PROXY-14
    #[test]
    fn proxy_urls_that_cannot_be_used_are_refused() {
        const NO_HOST: &str = "Please check proxy URL. It is malformed and could be missing the host.";
        for (text, kind, message) in [
            ("localhost:1", ErrorKind::InvalidProxyUrl, NO_HOST),
            ("user:secret@127.0.0.1:1", ErrorKind::InvalidProxyUrl, NO_HOST),
            ("http://", ErrorKind::InvalidProxyUrl, NO_HOST),
            ("http:///", ErrorKind::InvalidProxyUrl, NO_HOST),
            ("/path", ErrorKind::InvalidProxyUrl, NO_HOST),
            ("socks5://", ErrorKind::InvalidProxyUrl, NO_HOST),
            ("http://h:bad", ErrorKind::InvalidUrl, "Failed to parse: 'h:bad' is not a valid host or port"),
            (
                "ftp://user:secret@h",
                ErrorKind::InvalidUrl,
                "Proxy URL had unsupported scheme ftp, should use http:// or https://",
            ),
            ("socks6://h", ErrorKind::InvalidUrl, "Unable to determine SOCKS version from socks6"),
            ("socks://h", ErrorKind::InvalidUrl, "Unable to determine SOCKS version from socks"),
        ] {
            let error = Proxy::parse(text).unwrap_err();
            assert_eq!((error.kind(), error.to_string()), (kind, message.to_owned()), "{text:?}");
        }
        for text in ["http://user:sec#ret@h", "http://user:sec/ret@h", "socks5://user:sec?ret@h"] {
            let error = Proxy::parse(text).unwrap_err().to_string();
            assert!(!error.contains("sec") && !error.contains("ret"), "{error}");
        }
    }

    #[test]
    fn a_variable_needs_no_scheme() {
        for (value, want, authorization) in [
            ("localhost:3128", "http://localhost:3128", None),
            ("localhost", "http://localhost:80", None),
            ("proxy.example:3128/", "http://proxy.example:3128", None),
            ("127.0.0.1:1", "http://127.0.0.1:1", None),
            ("[::1]:3128", "http://[::1]:3128", None),
            ("//proxy:1", "http://proxy:1", None),
            ("user:pass@localhost:3128", "http://localhost:3128", Some("Basic dXNlcjpwYXNz")),
            ("user:pass@host.example", "http://host.example:80", Some("Basic dXNlcjpwYXNz")),
            ("u:p%3A%2F%2F@h:1", "http://h:1", Some("Basic dTpwOi8v")),
            ("https://proxy", "https://proxy:443", None),
            ("HTTP://user:pass@h", "http://h:80", Some("Basic dXNlcjpwYXNz")),
        ] {
            let Ok(Proxy::Http(server)) = Proxy::of_variable("http_proxy", value) else { panic!("{value}") };
            assert_eq!(
                (server.to_string().as_str(), server.authorization.as_deref()),
                (want, authorization),
                "{value}"
            );
        }
        let socks = Proxy::of_variable("all_proxy", "socks5h://u:p@localhost:1").unwrap();
        assert!(matches!(socks, Proxy::Socks(server) if server.to_string() == "socks5h://localhost:1"));
    }

    #[test]
    fn a_variable_that_is_no_proxy_is_named_and_its_secrets_are_not_shown() {
        for value in [
            "http://user:hunter2@",
            "user:hunter2@",
            "user:hunter2@host:bad",
            "http://user:hunter2@host:99999",
            "user:hunter2@ho st",
            "ftp://user:hunter2@h",
            "socks9://user:hunter2@h",
            "user:hunter2://x@h",
            "user:hunter2/x@h",
            "user:hunter2#x@h:1",
            "user:hunter2?x@h",
            "http://user:hunter2\\x@h",
            ":hunter2",
            "user:hunter2",
            "socks5://user:hunter2",
        ] {
            let error = Proxy::of_variable("HTTPS_PROXY", value).unwrap_err();

            let text = format!("{error} {error:?}");
            assert!(text.contains("HTTPS_PROXY") && !text.contains("hunter2"), "{value}: {text}");
            assert!(matches!(error.kind(), ErrorKind::InvalidProxyUrl | ErrorKind::InvalidUrl), "{value}: {error:?}");
        }
    }

    // PROXY-16, AUTH-06
    #[test]
    fn credentials_of_an_http_proxy_become_its_authorization() {
        for (text, want) in [
            ("http://user:pass@h", Some("Basic dXNlcjpwYXNz")),
            ("http://us%40er:p%3Aw@h", Some("Basic dXNAZXI6cDp3")),
            ("http://user:@h", Some("Basic dXNlcjo=")),
            ("http://user@h", None),
            ("http://:pass@h", None),
            ("http://h", None),
            // Latin-1, then UTF-8.
            ("http://%C3%BC:p@h", Some("Basic /Dpw")),
            ("http://ü:p@h", Some("Basic /Dpw")),
            ("http://%E2%82%AC:p@h", Some("Basic 4oKsOnA=")),
            ("http://u:100%@h", Some("Basic dToxMDAl")),
        ] {
            assert_eq!(http(text).authorization.as_deref(), want, "{text:?}");
        }
    }

    // PROXY-25
    #[test]
    fn socks_urls_say_version_resolver_and_credentials() {
        let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        for (text, shown, credentials) in [
            ("socks5://h", "socks5://h:1080", None),
            ("SOCKS5H://H:1", "socks5h://h:1", None),
            ("socks4://[::1]:9", "socks4://[::1]:9", None),
            ("socks4a://h", "socks4a://h:1080", None),
            ("socks5://us%40er:p%20w@h", "socks5://h:1080", pair("us@er", "p w")),
            ("socks5://user@h", "socks5://h:1080", None),
            ("socks5://user:@h", "socks5://h:1080", None),
            ("socks4://user@h", "socks4://h:1080", pair("user", "")),
            ("socks4://user:pass@h", "socks4://h:1080", pair("user", "")),
            ("socks5h://bücher", "socks5h://xn--bcher-kva:1080", None),
        ] {
            let got = socks(text);
            assert_eq!((got.to_string(), got.credentials.clone()), (shown.to_owned(), credentials), "{text:?}");
        }
        assert_eq!(socks("socks4a://h").resolve, SocksResolve::AtProxy);
        assert_eq!(socks("socks4://h").version, SocksVersion::V4);
    }

    #[test]
    fn servers_are_told_apart_by_what_a_pool_must_not_share() {
        assert_eq!(http("http://u:p@H:80/x"), http("http://u:p@h"));
        assert_ne!(http("http://u:p@h"), http("http://u:q@h"));
        assert_ne!(http("http://h:443"), http("https://h"));
    }
}
