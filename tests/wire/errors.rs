//! The one error type: its kinds, what it carries, and what it must not show.

use std::error::Error as StdError;
use std::io::{self, Cursor, Read};

use petition::testing::{Reply, TestServer};
use petition::{Body, Error, ErrorKind, HttpAdapter, Retry};

use crate::support::{answer, causes, refusing, session, session_over};

/// No cause says what was said before it, in whatever case.
fn assert_says_nothing_twice(error: &Error) {
    let mut said = error.to_string().to_lowercase();
    for cause in causes(error).map(|cause| cause.to_string().to_lowercase()) {
        assert!(!said.contains(&cause) && !cause.contains(&said), "{said:?}, then {cause:?}");
        let words = cause.split(" (os error").next().unwrap_or_default();
        assert!(!said.contains(words), "{said:?}, then {cause:?}");
        said.push_str(&cause);
    }
}

/// A server that answers each connection's first request by these bytes, and closes.
fn raw(bytes: &'static [u8]) -> TestServer {
    TestServer::connections(move |peer| {
        peer.read_request();
        peer.send(bytes);
    })
}

// ERR-01
#[test]
fn one_type_catches_everything_and_is_an_io_error_where_one_is_wanted() {
    fn as_io(url: &str) -> io::Result<String> {
        Ok(session().get(url).send()?.text()?)
    }
    fn boxed(url: &str) -> Result<(), Box<dyn StdError + Send + Sync>> {
        session().get(url).send()?;
        Ok(())
    }

    let error = as_io("no-scheme").unwrap_err();
    assert_eq!(error.get_ref().unwrap().downcast_ref::<Error>().unwrap().kind(), ErrorKind::MissingSchema);
    assert!(boxed("no-scheme").unwrap_err().is::<Error>());
}

// ERR-04, ERR-05
#[test]
fn what_is_wrong_with_a_request_has_the_name_it_has_in_requests() {
    let session = session();
    for (url, kind) in [
        ("example.test/", ErrorKind::MissingSchema),
        ("ftp://example.test/", ErrorKind::InvalidSchema),
        ("http://", ErrorKind::InvalidUrl),
        ("http://example.test:99999/", ErrorKind::InvalidUrl),
        ("http://*example.test/", ErrorKind::InvalidUrl),
    ] {
        assert_eq!(session.get(url).send().unwrap_err().kind(), kind, "{url}");
    }
    let url = "http://example.test/";
    let bad_header = session.get(url).header("X-A", "a\r\nX-B: b").send().unwrap_err();
    assert_eq!(bad_header.kind(), ErrorKind::InvalidHeader);
    assert_eq!(session.request("NO GO", url).send().unwrap_err().kind(), ErrorKind::InvalidMethod);
    let bad_proxy = session.get(url).proxies([("http", "http:///no-host")]).send().unwrap_err();
    assert_eq!(bad_proxy.kind(), ErrorKind::InvalidProxyUrl);
}

// ERR-05, ERR-07: an error of the body carries its request here
#[test]
fn errors_carry_the_request_and_those_that_are_about_a_response_the_response() {
    let server = TestServer::http(|request| match request.target.as_str() {
        "/404" => Reply::new(404).body("no such page"),
        "/loop" => Reply::new(302).header("Location", "/loop").body("again"),
        "/cut" => Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").then_close(),
        _ => Reply::new(200).body("not json"),
    });
    let mut session = session();
    session.max_redirects = 3;

    let error = session.get(server.url("/404")).send().unwrap().error_for_status().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::HttpError);
    assert_eq!(error.to_string(), format!("404 Client Error: Not Found for url: {}", server.url("/404")));
    assert_eq!(error.request().unwrap().url.path(), "/404");
    assert_eq!(error.into_response().unwrap().text().unwrap(), "no such page");

    let error = session.get(server.url("/loop")).send().unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::TooManyRedirects, "exceeded 3 redirects"));
    assert_eq!(error.request().unwrap().url.path(), "/loop");
    let response = error.response().unwrap();
    assert_eq!((response.status_code().as_u16(), response.history().len()), (302, 3));

    let error = session.get(server.url("/cut")).send().unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::ChunkedEncodingError, &*format!("body ended early: 4 of 9 bytes ({})", server.address()))
    );
    assert_eq!(error.request().unwrap().url.path(), "/cut");

    let error = session.get(format!("http://{}/x", refusing())).send().unwrap_err();
    assert_eq!((error.request().unwrap().url.path(), error.url().unwrap().path()), ("/x", "/x"));
    assert!(error.response().is_none());
}

// ERR-08, ERR-11, ERR-13, ERR-14: the cause is the source; no "Max retries exceeded" where none were configured
#[test]
fn a_refused_connection_says_so_and_has_the_systems_error_as_source() {
    let address = refusing();

    let error = session().get(format!("http://{address}/x?y=1")).send().unwrap_err();

    assert_eq!(error.kind(), ErrorKind::ConnectionError);
    assert_eq!(error.to_string(), format!("failed to connect to {address}: connection refused"));
    let source = causes(&error).find_map(|cause| cause.downcast_ref::<io::Error>()).unwrap();
    assert_eq!(source.kind(), io::ErrorKind::ConnectionRefused);
    assert!(error.raw_os_error().is_some());
    assert_says_nothing_twice(&error);
    assert!(error.is_connection_error() && !error.is_timeout());
}

// ERR-10, FRAME-01, FRAME-02, FRAME-05
#[test]
fn what_a_server_does_wrong_before_its_body_has_a_name() {
    for (bytes, kind, text) in [
        (&b""[..], ErrorKind::ConnectionError, "connection closed by the peer without a response"),
        (
            b"HTTP/1.1 200 OK\r\nConte",
            ErrorKind::ConnectionError,
            "connection closed by the peer in the response head, after 22 bytes",
        ),
        (b"HTTP/1.1 200 OK\r\n", ErrorKind::ConnectionError, "connection closed by the peer in the response head"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Cut: ",
            ErrorKind::ConnectionError,
            "connection closed by the peer in the response head",
        ),
        (b"HTTP/2 200 OK\r\n\r\n", ErrorKind::ConnectionError, ""),
        (b"HTTP/1.1 abc OK\r\n\r\n", ErrorKind::ConnectionError, ""),
        (b"HTTP/1.1 99 Low\r\n\r\n", ErrorKind::ConnectionError, ""),
        (b"SSH-2.0-x\r\n\r\n", ErrorKind::ConnectionError, "response is not HTTP/1.x: it begins with \"SSH-2.0-x\""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nok", ErrorKind::InvalidHeader, "invalid response header: "),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok",
            ErrorKind::InvalidHeader,
            "invalid response header: ",
        ),
    ] {
        let server = raw(bytes);
        let error = session().get(server.url("/")).send().unwrap_err();

        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().starts_with(text), "{error}");
        assert!(error.to_string().ends_with(&format!(" ({})", server.address())), "{error}");
        assert_eq!(error.is_connection_error(), kind == ErrorKind::ConnectionError, "{error:?}");
        assert!(error.request().is_some(), "{error:?}");
        assert!(server.wait_for_open(0));
    }
}

// ERR-10
#[test]
fn a_connection_that_is_reset_is_a_connection_error() {
    let server = TestServer::connections(|peer| {
        peer.read_request();
        peer.reset();
    });

    let error = session().get(server.url("/")).send().unwrap_err();

    assert_eq!(error.kind(), ErrorKind::ConnectionError);
    let source = causes(&error).find_map(|cause| cause.downcast_ref::<io::Error>()).unwrap();
    assert_eq!(source.kind(), io::ErrorKind::ConnectionReset);
    assert!(error.to_string().contains(&server.address().to_string()), "{error}");
    assert_says_nothing_twice(&error);
}

// ERR-05, ERR-10, SES-20
#[test]
fn what_a_server_does_wrong_in_its_body_has_a_name() {
    for (bytes, kind) in [
        (&b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"[..], ErrorKind::ChunkedEncodingError),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal", ErrorKind::ChunkedEncodingError),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", ErrorKind::ChunkedEncodingError),
        #[cfg(feature = "gzip")]
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
            ErrorKind::ContentDecodingError,
        ),
    ] {
        let server = raw(bytes);
        assert_eq!(session().get(server.url("/")).send().unwrap_err().kind(), kind);

        let mut streamed = session().get(server.url("/")).stream(true).send().unwrap();
        let error = streamed.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(Error::from(error).kind(), kind);
    }
}

// ERR-09: whatever lies below, the error is ours
#[test]
fn errors_of_lower_layers_do_not_escape() {
    let refused = format!("http://{}/", refusing());
    for retry in [Retry::new().total(false), Retry::new().connect(false)] {
        let session = session_over(HttpAdapter::builder().max_retries(retry).build());
        assert_eq!(session.get(&refused).send().unwrap_err().kind(), ErrorKind::ConnectionError);
    }

    let server = TestServer::http(|_| Reply::new(503));
    let retry = Retry::new().total(1).status_forcelist([503]);
    let retrying = session_over(HttpAdapter::builder().max_retries(retry).build());
    let once = Body::reader(Cursor::new("x"));
    assert_eq!(retrying.put(server.url("/")).data(once).send().unwrap_err().kind(), ErrorKind::UnrewindableBody);

    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    let error = session().post(server.url("/")).data(Body::reader(Broken)).send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(
        error.to_string().contains("the disk is gone")
            || causes(&error).any(|c| c.to_string().contains("the disk is gone"))
    );
    assert_eq!(session().get(server.url("/")).timeout(-1).send().unwrap_err().kind(), ErrorKind::InvalidSetting);
    let mut response = session().get(server.url("/")).send().unwrap();
    assert_eq!(response.iter_content(0).next().unwrap().unwrap_err().kind(), ErrorKind::InvalidSetting);
}

// ERR-09
#[cfg(feature = "native-tls")]
#[test]
fn a_ca_file_that_is_not_there_is_an_error_of_ours_that_names_it() {
    let error = session().get("https://127.0.0.1:9/").verify("/no/such/ca.pem").send().unwrap_err();

    assert!(error.to_string().contains("/no/such/ca.pem"), "{error}");
}

// LOG-21
#[test]
fn credentials_are_shown_by_no_error_and_no_log_line() {
    let closing = raw(b"");
    let loops = TestServer::http(|_| Reply::new(302).header("Location", "/"));
    let with_user = |url: String| url.replacen("http://", "http://user:hunter2@", 1);
    let session = session_over(HttpAdapter::builder().max_retries(1).build());

    let urls = [closing.url("/"), loops.url("/"), format!("http://{}/", refusing()), "http://a.test:0x/".to_owned()];
    for url in urls.map(with_user) {
        let (error, lines) = crate::support::logged(|| {
            let request = session.get(&url).header("Authorization", "hunter2").header("Cookie", "id=hunter2");
            request.send().unwrap_err()
        });

        let shown = format!("{error} {error:?} {:?} {lines:?}", error.url());
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

// A message is one line, and does not end in a stop
#[test]
fn texts_are_one_line() {
    let server = raw(b"\x01\r\n\r\nHTTP/2\n");
    let not_found = TestServer::http(|_| Reply::raw("HTTP/1.1 404 a\tb\r\nContent-Length: 0\r\n\r\n"));
    let session = session();

    for error in [
        session.get(server.url("/")).send().unwrap_err(),
        session.get("http://a\nb/").send().unwrap_err(),
        session.get("x\ny").send().unwrap_err(),
        session.get(not_found.url("/")).send().unwrap().error_for_status().unwrap_err(),
    ] {
        let text = error.to_string();
        assert!(!text.contains(['\n', '\r']) && !text.ends_with('.'), "{text:?}");
    }
}

// POOL-33
#[test]
fn after_an_error_the_session_goes_on() {
    let server = TestServer::connections(|peer| {
        if peer.read_request().is_some() && peer.number() > 0 {
            peer.send(answer("fine"));
        }
    });
    let session = session();

    session.get(server.url("/")).send().unwrap_err();

    assert_eq!(session.get(server.url("/")).send().unwrap().text().unwrap(), "fine");
}

#[test]
fn the_retries_of_an_error_are_those_of_its_attempts_and_it_has_none_without() {
    let session = session();
    let refused = format!("http://{}/", refusing());
    let silent = raw(b"");
    // By default no count is above 0, and what the server may have seen is not to be retried.
    for (url, attempts) in [(refused, 1), (silent.url("/"), 0)] {
        let error = session.get(url).send().unwrap_err();
        assert_eq!(error.retries().unwrap().history().len(), attempts, "{error}");
    }
    let short = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx");
    let lost = raw(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n");
    let found = raw(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    for error in [
        session.get("no-scheme").send().unwrap_err(),
        session.get(short.url("/")).send().unwrap_err(),
        session.get(short.url("/")).stream(true).send().unwrap().into_content().unwrap_err(),
    ] {
        assert!(error.retries().is_none(), "{error}");
    }
    for error in [
        session.get(lost.url("/")).send().unwrap_err(),
        session.get(found.url("/")).send().unwrap().error_for_status().unwrap_err(),
    ] {
        assert!(error.retries().is_none(), "{error}");
        assert!(error.response().unwrap().retries().is_some(), "{error}");
    }
}
