//! Response hooks: when they run, what they may change, and what an error in one does.

use std::sync::{Arc, Mutex};

use crate::support::{ok, session, session_over};
use petition::testing::{Reply, TestServer};
use petition::{Error, ErrorKind, HttpAdapter, PoolStats, Response};

// HOOK-01, HOOK-03
#[test]
fn hooks_run_in_order_and_each_sees_what_the_one_before_returned() {
    let server = ok();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let note = |name: &'static str| {
        let seen = Arc::clone(&seen);
        move |response: Response| {
            seen.lock().unwrap().push((name, response.status_code().as_u16()));
            Ok(response)
        }
    };

    let response = session()
        .get(server.url("/x"))
        .on_response(note("first"))
        .on_response(|_| Response::builder(418).body("replaced").build())
        .on_response(note("last"))
        .send()
        .unwrap();

    assert_eq!(*seen.lock().unwrap(), [("first", 200), ("last", 418)]);
    assert_eq!((response.status_code().as_u16(), response.text().unwrap().as_str()), (418, "replaced"));
    assert_eq!(response.request().url.path(), "/x");
}

// HOOK-01, HOOK-04, HOOK-05, REDIR-25, SES-18
#[test]
fn hooks_run_in_order_for_each_hop_after_its_time_is_taken_and_before_its_cookies_and_content() {
    let server = TestServer::http(|request| match request.target.as_str() {
        "/" => Reply::new(302).header("Location", "/next").header("Set-Cookie", "a=1").body("moved"),
        _ => Reply::new(200).header("Set-Cookie", "b=2").body("hello"),
    });
    let adapter = HttpAdapter::new();
    let session = Arc::new(session_over(&adapter));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let note = |name: &'static str| {
        let (session, adapter, seen) = (Arc::clone(&session), adapter.clone(), Arc::clone(&seen));
        move |response: Response| {
            assert!(!response.elapsed().is_zero());
            let unread = adapter.stats().iter().map(PoolStats::in_use).sum::<usize>();
            seen.lock().unwrap().push((name, response.status_code().as_u16(), session.cookies.len(), unread));
            Ok(response)
        }
    };

    session.get(server.url("/")).on_response(note("a")).on_response(note("b")).send().unwrap();

    assert_eq!(*seen.lock().unwrap(), [("a", 302, 0, 1), ("b", 302, 0, 1), ("a", 200, 1, 1), ("b", 200, 1, 1)]);
    assert_eq!(session.cookies.len(), 2);
    assert_eq!(session.cookies.get("a").unwrap().as_deref(), Some("1"));
    assert_eq!(server.requests()[1].header("cookie"), Some("a=1"));
}

// HOOK-06, SES-18
#[test]
fn an_error_of_a_hook_goes_to_the_caller_as_it_is_and_ends_everything() {
    let server = TestServer::http(|_| Reply::new(302).header("Location", "/next").header("Set-Cookie", "id=1"));
    let session = session();

    let error = session
        .get(server.url("/"))
        .on_response(|_| Err(Error::new(ErrorKind::Other, "not today")))
        .on_response(|_| panic!("the first hook failed"))
        .send()
        .unwrap_err();

    assert_eq!((error.kind(), server.requests().len()), (ErrorKind::Other, 1));
    assert_eq!(error.to_string(), "not today");
    assert!(session.cookies.is_empty());
}

// The error has the response, and may live for long
#[test]
fn a_hook_that_refuses_a_response_keeps_its_content_and_not_its_connection() {
    let server = TestServer::http(|_| Reply::new(500).body("broken"));
    let mut session = session_over(HttpAdapter::builder().pool_maxsize(1).pool_block(true).pool_timeout(0.2).build());
    session.hooks.on_response(|response| response.error_for_status());

    let errors: Vec<Error> = (0..3).map(|_| session.get(server.url("/")).send().unwrap_err()).collect();

    for error in errors {
        assert_eq!(error.kind(), ErrorKind::HttpError, "{error}");
        assert_eq!(error.into_response().unwrap().text().unwrap(), "broken");
    }
    assert_eq!(server.accepted(), 1);
}

// HOOK-09, SES-10
#[test]
fn hooks_of_a_request_replace_the_sessions() {
    let server = ok();
    let mut session = session();
    session.hooks.on_response(|_| Response::builder(299).build());

    assert_eq!(session.get(server.url("/")).send().unwrap().status_code(), 299);
    let own = session.get(server.url("/")).on_response(Ok).send().unwrap();

    assert_eq!(own.status_code(), 200);
    assert_eq!(session.get(server.url("/")).send().unwrap().status_code(), 299);
}

// HOOK-04
#[test]
fn a_hook_may_read_a_streamed_body_and_the_caller_still_has_it() {
    let server = ok();

    let response = session()
        .get(server.url("/"))
        .stream(true)
        .on_response(|response| {
            assert_eq!(response.content()?, b"ok");
            Ok(response)
        })
        .send()
        .unwrap();

    assert_eq!(response.text().unwrap(), "ok");
}
