//! The client's side of the tests: what `support` has, and what only peers need.

#[cfg(any(feature = "native-tls", feature = "rustls"))]
use std::time::Duration;

#[cfg(any(feature = "native-tls", feature = "rustls"))]
use petition::HttpAdapter;
use petition::Response;

#[cfg(any(feature = "native-tls", feature = "rustls"))]
pub use crate::support::backends;
pub use crate::support::{session, session_over};

/// A builder whose host names all lead to this machine.
#[cfg(any(feature = "native-tls", feature = "rustls"))]
pub fn local_names(backend: &petition::TlsBackend) -> petition::HttpAdapterBuilder {
    HttpAdapter::builder()
        .tls_backend(backend.clone())
        .idle_timeout(Duration::from_secs(60))
        .resolver(|_, port| Ok(vec![(std::net::Ipv4Addr::LOCALHOST, port).into()]))
}

/// The body as JSON, in every build.
pub fn json(response: &Response) -> serde_json::Value {
    let content = response.content().unwrap();
    serde_json::from_slice(content).unwrap_or_else(|_| panic!("not JSON: {}", String::from_utf8_lossy(content)))
}

/// What `act` returned, and the texts of the lines that petition logged on this thread meanwhile, `DEBUG` and above.
pub fn logged<T>(act: impl FnOnce() -> T) -> (T, Vec<String>) {
    let (value, lines) = crate::support::logged(act);
    let text = |line: String| line.split_once(": ").map(|(_, text)| text.to_owned());
    (value, lines.into_iter().filter_map(text).collect())
}
