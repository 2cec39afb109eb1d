//! Content coding on the wire: what is undone, what is left, what is refused, and the limits.

use std::io::{Read, Write};

use crate::support::{fixed, session, session_over};
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use petition::testing::TestServer;
use petition::{ErrorKind, HttpAdapter};

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn zlib(body: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn deflate(body: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn coded(coding: &str, body: &[u8]) -> TestServer {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n", body.len());
    fixed([head.as_bytes(), body].concat())
}

// DEC-01, DEC-02, DEC-03, DEC-06, DEC-08, DEC-09, DEC-11, DEC-13
#[test]
fn codings_are_undone_from_the_right_and_unknown_ones_leave_the_body_as_it_came() {
    let two = [gzip(b"he"), gzip(b"llo")].concat();
    let junk = [gzip(b"hello"), b"junk".to_vec()].concat();
    for (coding, body) in [
        ("gzip", gzip(b"hello")),
        ("X-GZip", gzip(b"hello")),
        ("deflate", zlib(b"hello")),
        ("DEFLATE", zlib(b"hello")),
        ("deflate", deflate(b"hello")),
        ("deflate, gzip", gzip(&zlib(b"hello"))),
        ("gzip, identity", gzip(b"hello")),
        ("identity", b"hello".to_vec()),
        ("unheard-of", b"hello".to_vec()),
        ("gzip", two),
        ("gzip", junk),
    ] {
        let server = coded(coding, &body);
        let session = session();

        let response = session.get(server.url("/")).header("Accept-Encoding", "identity").send().unwrap();

        assert_eq!(response.text().unwrap(), "hello", "{coding}");
        assert_eq!(response.headers().get("content-encoding"), Some(coding));
        assert_eq!(response.headers().get("content-length"), Some(body.len().to_string().as_str()));
        session.get(server.url("/")).send().unwrap();
        assert_eq!(server.accepted(), 1, "{coding}");
    }
    assert_eq!(session().get(coded("gzip", b"").url("/")).send().unwrap().text().unwrap(), "");
}

// DEC-04 (deviation: an error), DEC-05, DEC-10, RESP-39
#[test]
fn a_body_that_does_not_decode_is_an_error() {
    let whole = gzip(b"hello hello hello");
    let mut wrong = whole.clone();
    let checksum = wrong.len() - 8;
    wrong[checksum] ^= 1;
    for (coding, body) in [
        ("gzip", b"not gzip at all".to_vec()),
        ("gzip", whole[..whole.len() - 12].to_vec()),
        ("gzip", wrong),
        ("gzip, gzip, gzip, gzip, gzip, gzip", whole),
    ] {
        let error = session().get(coded(coding, &body).url("/")).send().unwrap_err();

        assert_eq!(error.kind(), ErrorKind::ContentDecodingError, "{coding}: {error}");
        assert!(error.request().is_some());
    }
}

// DEC-12
#[test]
fn a_body_may_not_grow_past_the_limits_of_its_adapter() {
    let zeros = vec![0; 1000];
    for (max, fits) in [(1000, true), (999, false)] {
        let server = coded("gzip", &gzip(&zeros));
        let session = session_over(HttpAdapter::builder().max_decoded_bytes(max).build());

        match session.get(server.url("/")).send() {
            Ok(response) => assert!(fits && response.content().unwrap() == zeros),
            Err(error) => assert!(!fits && error.kind() == ErrorKind::ContentDecodingError, "{error}"),
        }
    }
}

// DEC-14
#[test]
fn raw_gives_the_bytes_as_they_came() {
    let body = gzip(b"hello");
    let server = coded("gzip", &body);

    let mut response = session().get(server.url("/")).stream(true).send().unwrap();
    let mut got = Vec::new();
    response.raw().read_to_end(&mut got).unwrap();
    assert_eq!(got, body);

    let mut response = session().get(server.url("/")).stream(true).send().unwrap();
    response.read_exact(&mut [0]).unwrap();
    assert!(response.raw().read_to_end(&mut got).is_err());
}

// DEC-11, FRAME-11
#[test]
fn a_head_with_a_coding_has_no_body() {
    let server = fixed("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 99\r\n\r\n");
    let session = session();

    assert_eq!(session.head(server.url("/")).send().unwrap().content().unwrap(), b"");
    session.head(server.url("/")).send().unwrap();

    assert_eq!(server.accepted(), 1);
}
