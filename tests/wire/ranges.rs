//! Parts of what a server has: what is asked for, and what is made of an answer that is coded all the same.

use crate::support::{last_text, ok, session};
use petition::testing::TestServer;
use petition::{Request, Session};

/// What the last request said of codings.
fn said(server: &TestServer) -> Option<String> {
    let text = last_text(server);
    let mut all = text.lines().filter(|line| line.to_ascii_lowercase().starts_with("accept-encoding:"));
    let said = all.next().map(|line| line.split_once(": ").unwrap().1.to_owned());
    assert!(all.next().is_none(), "{text}");
    said
}

#[test]
fn a_request_for_a_part_asks_for_its_bytes_unless_the_program_says_otherwise() {
    let server = ok();
    let url = server.url("/");
    let default = Session::new().headers.get("Accept-Encoding").unwrap().to_owned();
    let mut session = session();
    let identity = Some("identity".to_owned());

    session.get(&url).send().unwrap();
    assert_eq!(said(&server), Some(default.clone()));
    for (name, value) in [("Range", "bytes=0-9"), ("range", "bytes=5-"), ("RANGE", "bytes=-5")] {
        session.get(&url).header(name, value).send().unwrap();
        assert_eq!(said(&server), identity, "{name}");
        session.head(&url).header(name, value).send().unwrap();
        assert_eq!(said(&server), identity, "{name}");
    }
    // What the program says stays, also where it says what the default is.
    for own in ["gzip", "br;q=1", "", &default] {
        session.get(&url).header("accept-encoding", own).header("Range", "bytes=0-9").send().unwrap();
        assert_eq!(said(&server).unwrap_or_default().trim(), own);
    }
    session.get(&url).header("Range", "bytes=0-9").remove_header("Accept-Encoding").send().unwrap();
    assert_eq!(said(&server), identity);
    // A name that only looks like it.
    session.get(&url).header("If-Range", "\"a\"").header("X-Range", "1").send().unwrap();
    assert_eq!(said(&server), Some(default));

    session.headers.insert("Range", "bytes=0-1").unwrap();
    session.get(&url).send().unwrap();
    assert_eq!(said(&server), identity);
    session.headers.insert("Accept-Encoding", "gzip").unwrap();
    session.get(&url).send().unwrap();
    assert_eq!(said(&server), Some("gzip".to_owned()));
}

#[test]
fn a_prepared_request_that_gets_its_range_later_asks_for_bytes_too() {
    let server = ok();
    let session = session();
    let mut prepared = session.prepare_request(Request::new("GET", server.url("/"))).unwrap();
    prepared.headers.insert("Range", "bytes=0-9").unwrap();
    session.send(prepared).unwrap();
    assert_eq!(said(&server).as_deref(), Some("identity"));

    let prepared = session.prepare_request(Request::new("GET", server.url("/")).header("Range", "bytes=0-9")).unwrap();
    assert_eq!(prepared.headers.get("accept-encoding"), Some("identity"));

    let own = Request::new("GET", server.url("/")).header("Accept-Encoding", "gzip");
    let mut prepared = session.prepare_request(own).unwrap();
    prepared.headers.insert("Range", "bytes=0-9").unwrap();
    session.send(prepared).unwrap();
    assert_eq!(said(&server).as_deref(), Some("gzip"));
}

#[test]
fn the_hops_of_a_request_for_a_part_ask_for_bytes_too() {
    let server = TestServer::http(|request| match request.target.as_str() {
        "/" => petition::testing::Reply::new(302).header("Location", "/there"),
        _ => petition::testing::Reply::new(206).body("part"),
    });

    let response = session().get(server.url("/")).header("Range", "bytes=0-3").send().unwrap();

    assert_eq!((response.text().unwrap().as_str(), server.requests().len()), ("part", 2));
    assert_eq!(said(&server).as_deref(), Some("identity"));
}

#[cfg(feature = "gzip")]
mod coded {
    use std::io::{Read, Write};

    use super::*;
    use crate::support::fixed;
    use petition::ErrorKind;

    fn gzip(body: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    fn answer(status: u16, coding: &str, body: &[u8]) -> TestServer {
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Encoding: {coding}\r\nContent-Range: bytes 0-99/1000\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        fixed([head.as_bytes(), body].concat())
    }

    #[test]
    fn a_part_of_a_coded_body_is_given_as_far_as_it_decodes() {
        let plain: Vec<u8> = (0..2000_u32).flat_map(|n| n.to_string().into_bytes()).collect();
        let coded = gzip(&plain);
        for (coding, coded) in [("gzip", &coded), ("x-gzip", &coded), ("gzip, gzip", &gzip(&coded))] {
            for cut in [1, 12, coded.len() / 2, coded.len() - 5, coded.len()] {
                let server = answer(206, coding, &coded[..cut]);
                let response = session().get(server.url("/")).header("Range", "bytes=0-").send().unwrap();
                let content = response.content().unwrap();
                assert!(plain.starts_with(content), "{coding} {cut}");
                assert!(cut < coded.len() / 2 || content.len() > 500, "{coding} {cut}: {}", content.len());

                let mut streamed = Vec::new();
                let mut response = session().get(server.url("/")).stream(true).send().unwrap();
                response.read_to_end(&mut streamed).unwrap();
                assert_eq!(streamed, content, "{coding} {cut}");

                // Whole or not at all, where it is no part.
                let server = answer(200, coding, &coded[..cut]);
                assert_eq!(session().get(server.url("/")).send().is_ok(), cut == coded.len(), "{coding} {cut}");
            }
        }
    }

    #[test]
    fn a_part_from_the_middle_of_a_coded_body_is_an_error_that_says_what_to_ask_for() {
        let coded = gzip(&b"text ".repeat(300));
        let server = answer(206, "gzip", &coded[7..]);

        let error = session().get(server.url("/")).header("Range", "bytes=7-").send().unwrap_err();

        assert_eq!(error.kind(), ErrorKind::ContentDecodingError);
        assert!(error.to_string().contains("ask for it without a coding"), "{error}");
    }

    #[test]
    fn a_part_that_is_damaged_is_an_error() {
        let mut coded = gzip(b"some text");
        let last = coded.len() - 6; // of the check sum
        coded[last] ^= 1;

        let error = session().get(answer(206, "gzip", &coded).url("/")).send().unwrap_err();

        assert_eq!(error.kind(), ErrorKind::ContentDecodingError);
    }
}
