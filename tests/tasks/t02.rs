use petition::{BearerAuth, Response, Session};
use serde_json::json;

pub fn log_in(session: &Session, url: &str) -> petition::Result<Response> {
    session.post(url).data([("user", "ann"), ("password", "secret")]).send()?.error_for_status()
}

pub fn create(session: &Session, url: &str, token: &str) -> petition::Result<Response> {
    let order = json!({"item": 7, "count": 2});
    session.post(url).json(order).header("X-Request-Id", 42).auth(BearerAuth::new(token)).send()?.error_for_status()
}

// The test of these lines.

use petition::testing::{Reply, TestServer};

#[test]
fn forms_and_json_arrive_with_their_headers() {
    let server = TestServer::http(|_| Reply::new(201));
    let session = crate::session();

    log_in(&session, &server.url("/login")).unwrap();
    create(&session, &server.url("/orders"), "t").unwrap();

    let seen = server.requests();
    assert_eq!(seen[0].header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(seen[0].body, b"user=ann&password=secret");
    assert_eq!(seen[1].header("authorization"), Some("Bearer t"));
    assert_eq!(seen[1].header("x-request-id"), Some("42"));
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&seen[1].body).unwrap(), json!({"item": 7, "count": 2}));
}
