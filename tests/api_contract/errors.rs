//! Errors: one kind for each of requests' exceptions, and predicates for those that others inherit from.

use std::io;

use petition::{Error, ErrorKind, PreparedRequest, Response, Result, Session};

use crate::offline;

/// A match as programs write it; the kinds are open, so it ends in `_`.
fn named(kind: ErrorKind) -> bool {
    match kind {
        ErrorKind::HttpError => true,
        ErrorKind::ConnectionError | ErrorKind::ProxyError | ErrorKind::SslError => true,
        ErrorKind::ConnectTimeout | ErrorKind::ReadTimeout => true,
        ErrorKind::PoolTimeout | ErrorKind::TotalTimeout => true, // not in requests
        ErrorKind::TooManyRedirects | ErrorKind::RetryError => true,
        ErrorKind::MissingSchema | ErrorKind::InvalidSchema | ErrorKind::InvalidUrl | ErrorKind::InvalidProxyUrl => {
            true
        }
        ErrorKind::InvalidHeader | ErrorKind::InvalidJson | ErrorKind::UnrewindableBody => true,
        ErrorKind::ChunkedEncodingError | ErrorKind::ContentDecodingError | ErrorKind::StreamConsumed => true,
        ErrorKind::CookieConflict => true,
        _ => false,
    }
}

#[test]
fn what_an_error_tells() {
    fn is_standard<E: std::error::Error + Send + Sync + 'static>(_: &E) {}

    // for adapters, auth and hooks; any Into<Box<dyn Error + Send + Sync>>
    let e = Error::new(ErrorKind::ConnectionError, "no route");
    is_standard(&e);
    assert!(named(e.kind()));
    assert!(e.is_connection_error() && !e.is_timeout());
    let request: Option<&PreparedRequest> = e.request();
    assert!(request.is_none());
    let response: Option<&Response> = e.response();
    assert!(response.is_none());

    let e = Response::builder(404).body("gone").build().unwrap().raise_for_status().unwrap_err();
    let text: Option<String> = e.response().and_then(|r| r.text().ok()); // e.response.text
    assert_eq!(text.as_deref(), Some("gone"));
    let response: Option<Response> = e.into_response();
    assert!(response.is_some());
}

#[test]
fn errors_go_through_io_and_back() -> Result<()> {
    fn copy(s: &Session, url: &str) -> io::Result<u64> {
        let mut r = s.get(url).stream(true).send()?; // into io::Error
        io::copy(&mut r, &mut io::sink())
    }

    assert_eq!(copy(&offline(), "http://h/")?, 12); // back into petition::Error
    let back = Error::from(copy(&offline(), "nowhere://h/").unwrap_err());
    assert_eq!(back.kind(), ErrorKind::InvalidSchema);
    Ok(())
}
