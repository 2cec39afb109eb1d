//! The functions without a session: what they leave behind, and what they follow.
//!
//! They trust the environment, so each test runs in a process whose environment sets nothing.

use std::io::Read;

use petition::testing::{Reply, TestServer};
use petition::{ErrorKind, Request};

use crate::support::{connections, saying, session, without_environment};

// API-01, API-02
#[test]
fn one_shot_functions_leave_nothing_open() {
    without_environment(|| {
        let server = saying("hello");

        for _ in 0..2 {
            assert_eq!(petition::get(server.url("/")).send().unwrap().text().unwrap(), "hello");
            assert!(server.wait_for_open(0));
        }

        assert_eq!(connections(&server), [0, 1]);
        assert!(server.requests().iter().all(|request| request.header("connection") == Some("keep-alive")));
    });
}

// API-01
#[test]
fn one_shot_functions_leave_nothing_open_when_they_fail() {
    without_environment(|| {
        let server = TestServer::http(|_| Reply::new(302).header("Location", "/again"));

        let error = petition::get(server.url("/")).send().unwrap_err();

        assert_eq!(error.kind(), ErrorKind::TooManyRedirects);
        assert!(server.wait_for_open(0));
    });
}

// API-03
#[test]
fn a_streamed_response_outlives_its_hidden_session_and_takes_the_socket_along() {
    without_environment(|| {
        let server = TestServer::http(|_| Reply::new(200).body(vec![b'x'; 300_000]));

        let mut response = petition::get(server.url("/")).stream(true).send().unwrap();
        response.read_exact(&mut [0; 100_000]).unwrap();
        assert_eq!(server.open(), 1);
        assert_eq!(response.read_to_end(&mut Vec::new()).unwrap(), 200_000);
        assert!(server.wait_for_open(0));

        drop(petition::get(server.url("/")).stream(true).send().unwrap());
        assert!(server.wait_for_open(0));
    });
}

// API-01, API-04, API-06
#[test]
fn only_head_does_not_follow_redirects() {
    without_environment(|| {
        let server = TestServer::http(|request| match request.target.as_str() {
            "/" => Reply::new(302).header("Location", "/there"),
            _ => Reply::new(200),
        });
        let url = server.url("/");
        let session = session();

        for (name, status, sent) in [
            ("head", 302, petition::head(&url).send()),
            ("get", 200, petition::get(&url).send()),
            ("options", 200, petition::options(&url).send()),
            ("post", 200, petition::post(&url).data("x").send()),
            ("put", 200, petition::put(&url).data("x").send()),
            ("patch", 200, petition::patch(&url).data("x").send()),
            ("delete", 200, petition::delete(&url).send()),
            ("request HEAD", 200, petition::request("HEAD", &url).send()),
            ("head, told to", 200, petition::head(&url).allow_redirects(true).send()),
            ("get, told not to", 302, petition::get(&url).allow_redirects(false).send()),
            ("session.head", 302, session.head(&url).send()),
            ("session.head, told to", 200, session.head(&url).allow_redirects(true).send()),
            ("session.get, told not to", 302, session.get(&url).allow_redirects(false).send()),
            ("session.options", 200, session.options(&url).send()),
            ("session.request HEAD", 200, session.request("HEAD", &url).send()),
            ("session.send HEAD", 200, session.send(Request::new("HEAD", &url).prepare().unwrap())),
        ] {
            assert_eq!(sent.unwrap().status_code().as_u16(), status, "{name}");
        }
    });
}
