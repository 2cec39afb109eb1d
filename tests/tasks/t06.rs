use petition::{HttpAdapter, Retry, Session};

pub fn fetch(session: &mut Session, url: &str, path: &str, sha256: &str) -> petition::Result<u64> {
    session.mount_all(HttpAdapter::builder().max_retries(Retry::new().total(10).backoff_factor(0.5)).build());
    Ok(session.get(url).download(path).sha256(sha256).run()?.bytes())
}

// The test of these lines.

use petition::testing::TestServer;

#[test]
fn a_broken_download_goes_on() {
    const BODY: &[u8] = b"hello, world";
    let server = TestServer::connections(|peer| {
        while let Some(request) = peer.read_request() {
            match request.header("range") {
                None => {
                    peer.send("HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 12\r\n\r\nhello,");
                    return peer.close();
                }
                Some(range) => {
                    assert_eq!((range, request.header("if-range")), ("bytes=6-", Some("\"1\"")));
                    peer.send("HTTP/1.1 206 Partial Content\r\nETag: \"1\"\r\nContent-Range: bytes 6-11/12\r\nContent-Length: 6\r\n\r\n world");
                }
            }
        }
    });
    let path = crate::folder("resume").join("hello.txt");
    let sum = "09ca7e4eaa6e8ae9c7d261167129184883644d07dfba7cbfbc4c8a2e08360d5b";

    let bytes = fetch(&mut crate::session(), &server.url("/hello.txt"), path.to_str().unwrap(), sum).unwrap();

    assert_eq!(bytes, 12);
    assert_eq!(std::fs::read(&path).unwrap(), BODY);
    assert!(fetch(&mut crate::session(), &server.url("/hello.txt"), path.to_str().unwrap(), &"0".repeat(64)).is_err());
    assert_eq!(std::fs::read(&path).unwrap(), BODY, "the good file stays");
}
