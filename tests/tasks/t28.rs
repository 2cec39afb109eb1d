use std::io::Read;

use petition::{Body, Response, Session};

pub fn upload(
    session: &Session,
    url: &str,
    source: impl Read + Send + 'static,
    length: u64,
) -> petition::Result<Response> {
    session.put(url).data(Body::sized(source, length)).send()?.error_for_status()
}

// The test of these lines.

use std::io;

use petition::testing::TestServer;

#[test]
fn a_reader_is_sent_in_pieces() {
    const LENGTH: u64 = 64 << 20;
    let server = TestServer::connections(|peer| {
        let request = peer.read_head().unwrap();
        assert_eq!(request.header("content-length"), Some("67108864"));
        let mut left = LENGTH as usize;
        while left > 0 {
            let read = peer.read_some(left.min(1 << 16)).len();
            assert!(read > 0, "the client closed with {left} bytes to come");
            left -= read;
        }
        peer.send("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
        peer.wait_for_close();
    });

    let done = upload(&crate::session(), &server.url("/"), io::repeat(b'x').take(LENGTH), LENGTH).unwrap();

    assert_eq!(done.status_code(), 201);
}
