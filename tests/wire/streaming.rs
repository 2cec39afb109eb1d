//! Bodies that are read piece by piece, saved, given up, or cut off.

use std::io::{Read, Write};

use crate::support::{TempDir, answer, fixed, once, session, session_over};
use petition::testing::TestServer;
use petition::{ErrorKind, HttpAdapter, Response};

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n5\r\ndefgh\r\n0\r\n\r\n";
const SHORT: &str = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc";
/// The length is that of the bytes on the wire, coded or not.
const SHORT_CODED: &str = "HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 11\r\n\r\nabcde";
const SHORT_CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n5\r\nde";

fn get(server: &TestServer) -> Response {
    session().get(server.url("/")).stream(true).send().unwrap()
}

fn pieces(response: &mut Response, size: usize) -> Vec<String> {
    response.iter_content(size).map(|piece| String::from_utf8(piece.unwrap()).unwrap()).collect()
}

// RESP-05, RESP-07, RESP-09
#[test]
fn pieces_are_full_but_the_last_and_of_a_chunked_body_end_with_their_chunk() {
    let server = fixed(answer("abcdefgh"));
    assert_eq!(pieces(&mut get(&server), 3), ["abc", "def", "gh"]);
    for (size, want) in [(4, &["abc", "defg", "h"][..]), (100, &["abc", "defgh"]), (2, &["ab", "c", "de", "fg", "h"])] {
        assert_eq!(pieces(&mut get(&fixed(CHUNKED)), size), want, "{size}");
    }
}

// RESP-07, RESP-02
#[test]
fn content_that_is_kept_is_cut_as_often_as_wanted() {
    let server = fixed(CHUNKED);
    let mut response = session().get(server.url("/")).send().unwrap();

    for size in [1, 3, 5, 100] {
        let pieces: Vec<Vec<u8>> = response.iter_content(size).map(Result::unwrap).collect();

        assert_eq!(pieces, b"abcdefgh".chunks(size).collect::<Vec<_>>(), "{size}");
    }
    assert_eq!(response.content().unwrap(), b"abcdefgh");
    assert_eq!(response.content().unwrap().as_ptr(), response.content().unwrap().as_ptr());
    assert_eq!(server.requests().len(), 1);
}

// RESP-06 (deviation: refused)
#[test]
fn a_piece_size_of_zero_is_refused() {
    let first = get(&fixed(CHUNKED)).iter_content(0).next().unwrap();

    assert_eq!(first.unwrap_err().kind(), ErrorKind::InvalidSetting);
}

// RESP-03, RESP-04, RESP-08; docs/decisions.md#stream-consumed
#[test]
fn a_body_that_was_taken_from_the_stream_is_consumed() {
    let server = fixed(answer("one\ntwo\n"));
    let consumed = |response: &mut Response| {
        assert_eq!(response.content().unwrap_err().kind(), ErrorKind::StreamConsumed);
        assert_eq!(response.iter_content(8).next().unwrap().unwrap_err().kind(), ErrorKind::StreamConsumed);
        assert_eq!(response.iter_lines().next().unwrap().unwrap_err().kind(), ErrorKind::StreamConsumed);
    };

    let mut response = get(&server);
    assert_eq!(pieces(&mut response, 100), ["one\ntwo\n"]);
    consumed(&mut response);
    let mut response = get(&server);
    response.read_exact(&mut [0; 2]).unwrap();
    assert_eq!(response.content().unwrap_err().kind(), ErrorKind::StreamConsumed);
}

// RESP-12, RESP-13, RESP-14
#[test]
fn lines_end_at_any_of_the_three_ends_wherever_chunks_cut_them() {
    let cut =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\none\r\n8\r\n\ntwo\rthr\r\n3\r\nee\n\r\n0\r\n\r\n";
    let lines: Vec<Vec<u8>> = get(&fixed(cut)).iter_lines().map(Result::unwrap).collect();
    assert_eq!(lines, [&b"one"[..], b"two", b"three"]);

    let parts: Vec<Vec<u8>> = get(&fixed(answer("a||b||c"))).iter_lines_by("||").map(Result::unwrap).collect();
    assert_eq!(parts, [b"a", b"b", b"c"]);
}

#[test]
fn events_of_an_event_stream_are_read_one_by_one() {
    let mut response = get(&fixed(answer("event: a\ndata: 1\ndata: 2\nid: 9\n\n: note\n\ndata: x\n\n")));

    let events: Vec<(String, String, String)> =
        response.iter_events().map(|event| event.unwrap()).map(|e| (e.event, e.data, e.id.into())).collect();

    let event = |name: &str, data: &str| (name.to_owned(), data.to_owned(), "9".to_owned());
    assert_eq!(events, [event("a", "1\n2"), event("message", "x")]);
}

// FRAME-16, FRAME-19, RESP-38, RESP-39, DEC-15
#[test]
fn a_body_that_is_cut_off_is_an_error_in_every_way_of_reading_and_frees_its_slot() {
    for wire in [SHORT, SHORT_CODED, SHORT_CHUNKED] {
        let read: [fn(&mut Response) -> petition::Result<()>; 6] = [
            |r| r.content().map(drop),
            |r| r.iter_content(2).collect::<Result<Vec<_>, _>>().map(drop),
            |r| r.iter_lines().collect::<Result<Vec<_>, _>>().map(drop),
            |r| r.read_to_end(&mut Vec::new()).map(drop).map_err(Into::into),
            |r| r.raw().read_to_end(&mut Vec::new()).map(drop).map_err(Into::into),
            |r| r.copy_to(&mut std::io::sink()).map(drop),
        ];
        for (n, read) in read.into_iter().enumerate() {
            let server = once(wire);
            let adapter = HttpAdapter::new();
            let mut response = session_over(adapter.clone()).get(server.url("/")).stream(true).send().unwrap();

            let error = read(&mut response).unwrap_err();

            assert_eq!(error.kind(), ErrorKind::ChunkedEncodingError, "{n} {wire:?}");
            assert!(error.request().is_some(), "{n}");
            let stats = &adapter.stats()[0];
            assert_eq!((stats.idle(), stats.in_use()), (0, 0), "{n}");
        }
        let error = session().get(once(wire).url("/")).send().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ChunkedEncodingError);
    }
}

#[test]
fn a_file_stands_under_its_name_only_when_it_is_whole() {
    let dir = TempDir::new();
    let path = dir.path().join("target");
    let names = || dir.names().len();

    get(&once(SHORT)).save_to(&path).unwrap_err();
    assert_eq!(names(), 0);

    let mut told = Vec::new();
    let server = fixed(answer("whole"));
    assert_eq!(get(&server).save_to_with(&path, |done, total| told.push((done, total))).unwrap(), 5);
    assert_eq!((std::fs::read(&path).unwrap().as_slice(), told.last()), (&b"whole"[..], Some(&(5, Some(5)))));

    get(&once(SHORT_CHUNKED)).save_to(&path).unwrap_err();
    assert_eq!((std::fs::read(&path).unwrap().as_slice(), names()), (&b"whole"[..], 1));

    get(&fixed(answer("new"))).save_to(&path).unwrap();
    assert_eq!((std::fs::read(&path).unwrap().as_slice(), names()), (&b"new"[..], 1));
}

#[test]
fn a_writer_that_fails_ends_the_copy() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("no room"))
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    let error = get(&fixed(answer("abc"))).copy_to(&mut Full).unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Io);
}

// RESP-33
#[test]
fn close_gives_an_unread_body_up_and_its_connection_with_it() {
    let server = fixed(answer("abc"));
    let session = session();

    let response = session.get(server.url("/")).stream(true).send().unwrap();
    response.close();
    response.close();
    assert_eq!(response.content().unwrap_err().kind(), ErrorKind::StreamConsumed);
    session.get(server.url("/")).send().unwrap().close();
    session.get(server.url("/")).send().unwrap();

    assert_eq!(server.accepted(), 2);
}

#[test]
fn clones_share_one_body() {
    let mut first = get(&fixed(answer("abcdef")));
    let mut second = first.clone();
    let (mut a, mut b) = ([0; 2], [0; 2]);
    first.read_exact(&mut a).unwrap();
    second.read_exact(&mut b).unwrap();
    assert_eq!((&a, &b), (b"ab", b"cd"));

    let first = get(&fixed(answer("abcdef")));
    let second = first.clone();
    assert_eq!(first.into_content().unwrap(), b"abcdef");
    assert_eq!(second.into_text().unwrap(), "abcdef");
}
