use petition::{Proxies, Session, Verify};

pub fn corporate(proxy: &str, authority: &str) -> petition::Result<Session> {
    let mut session = Session::new();
    session.proxies = Proxies::from_pairs([
        ("http", proxy), // http://user:password@proxy.corp.example:3128
        ("https", proxy),
        ("no_proxy", "localhost,10.0.0.0/8,.corp.example"),
    ])?;
    session.verify = Verify::system_and(authority); // a PEM file
    Ok(session)
}

// The test of these lines.

use petition::testing::{Reply, TestServer};

#[test]
fn requests_go_through_the_proxy_with_its_password_except_inside() {
    let proxy = TestServer::http(|_| Reply::new(200).body("by proxy"));
    let inside = TestServer::http(|_| Reply::new(200).body("direct"));
    let url = proxy.url("").replace("http://", "http://user:secret@");
    let mut session = corporate(&url, "corporate-ca.pem").unwrap();
    session.proxies.insert("no_proxy", "127.0.0.1").unwrap();

    assert_eq!(session.get("http://outside.example/").send().unwrap().text().unwrap(), "by proxy");
    assert_eq!(session.get(inside.url("/")).send().unwrap().text().unwrap(), "direct");
    assert_eq!(proxy.requests()[0].header("proxy-authorization"), Some("Basic dXNlcjpzZWNyZXQ="));
}
