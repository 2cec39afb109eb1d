use petition::Session;

pub fn fetch(session: &Session, url: &str, path: &str) -> petition::Result<(u64, bool)> {
    let done = session.get(url).download(path).resume(true).run()?;
    Ok((done.bytes(), done.resumed()))
}

// The test of these lines.

use petition::testing::TestServer;

#[test]
fn the_second_run_fetches_the_rest() {
    let server = TestServer::connections(|peer| {
        while let Some(request) = peer.read_request() {
            match request.header("range") {
                Some(range) => {
                    assert_eq!(range, "bytes=6-");
                    peer.send("HTTP/1.1 206 Partial Content\r\nETag: \"1\"\r\nContent-Range: bytes 6-11/12\r\nContent-Length: 6\r\n\r\n world");
                }
                None => {
                    peer.send("HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 12\r\n\r\nhello,");
                    return peer.close();
                }
            }
        }
    });
    let path = crate::folder("yesterday").join("hello.txt");
    let path = path.to_str().unwrap();

    assert!(fetch(&crate::session(), &server.url("/"), path).is_err(), "without retries the first run fails");
    assert!(!std::path::Path::new(path).exists());
    let (_, resumed) = fetch(&crate::session(), &server.url("/"), path).unwrap();

    assert!(resumed);
    assert_eq!(std::fs::read_to_string(path).unwrap(), "hello, world");
}
