//! Response hooks: when they run, what they may change, and what an error in one does.

mod common_b;

use std::sync::{Arc, Mutex};

use common_b::{ok, session};
use petition::testing::{Reply, TestServer};
use petition::{Error, ErrorKind, Response};

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

// HOOK-04, HOOK-05
#[test]
fn hooks_run_for_each_hop_before_its_cookies_are_stored() {
    let server = TestServer::http(|request| match request.target.as_str() {
        "/" => Reply::new(302).header("Location", "/next").header("Set-Cookie", "a=1"),
        _ => Reply::new(200).header("Set-Cookie", "b=2"),
    });
    let session = Arc::new(session());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (in_hook, seen_in_hook) = (Arc::clone(&session), Arc::clone(&seen));

    session
        .get(server.url("/"))
        .on_response(move |response| {
            seen_in_hook.lock().unwrap().push((response.status_code().as_u16(), in_hook.cookies.len()));
            Ok(response)
        })
        .send()
        .unwrap();

    assert_eq!(*seen.lock().unwrap(), [(302, 0), (200, 1)]);
    assert_eq!(session.cookies.len(), 2);
}

// HOOK-06
#[test]
fn an_error_of_a_hook_goes_to_the_caller_and_ends_everything() {
    let server = TestServer::http(|_| Reply::new(302).header("Location", "/next"));

    let error = session()
        .get(server.url("/"))
        .on_response(|_| Err(Error::new(ErrorKind::Other, "not today")))
        .on_response(|_| panic!("the first hook failed"))
        .send()
        .unwrap_err();

    assert_eq!((error.kind(), server.requests().len()), (ErrorKind::Other, 1));
    assert!(format!("{error:?}").contains("not today"), "{error:?}");
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
}

// AUTH-26
#[cfg(feature = "digest")]
#[test]
fn hooks_do_not_run_again_for_the_round_of_a_challenge() {
    let server = TestServer::http(|request| match request.header("authorization") {
        None => Reply::new(401).header("WWW-Authenticate", "Digest realm=\"r\", nonce=\"n\""),
        Some(_) => Reply::new(200),
    });
    let seen = Arc::new(Mutex::new(Vec::new()));
    let in_hook = Arc::clone(&seen);

    let response = session()
        .get(server.url("/"))
        .auth(petition::DigestAuth::new("u", "p"))
        .on_response(move |response| {
            in_hook.lock().unwrap().push(response.status_code().as_u16());
            Ok(response)
        })
        .send()
        .unwrap();

    assert_eq!(response.status_code(), 200);
    assert_eq!(*seen.lock().unwrap(), [401]);
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
