use petition::{Request, Session};

pub fn call(session: &Session, request: http::Request<Vec<u8>>) -> petition::Result<http::Response<Vec<u8>>> {
    let request = session.prepare_request(Request::try_from(request)?)?;
    session.send(request)?.into_http()
}

// The test of these lines.

use petition::testing::{Reply, TestServer};

#[test]
fn http_types_go_in_and_out() {
    let server =
        TestServer::http(|request| Reply::new(201).header("X-Method", &request.method).body(request.body.clone()));
    let request = http::Request::post(server.url("/a")).header("X-A", "1").body(b"abc".to_vec()).unwrap();

    let response = call(&crate::session(), request).unwrap();

    assert_eq!(response.status(), 201);
    assert_eq!(response.headers()["x-method"], "POST");
    assert_eq!(response.body(), b"abc");
    assert_eq!(server.requests()[0].header("x-a"), Some("1"));
}
