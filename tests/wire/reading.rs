//! A body that is asked for more than once, in every way there is: kept content is whole each time, a stream that is over
//! says so.

use std::io::{self, Read, Write};

use crate::support::{TempDir, answer, fixed, session};
use petition::testing::TestServer;
use petition::{Error, ErrorKind, PreparedRequest, Response, Result, SendOptions, Session};

const BODY: &str = "{\"one\": 1,\n\"two\": 2}\n";

/// A way to take the whole body: its name, and what came.
type Way = (&'static str, fn(&mut Response) -> Result<Vec<u8>>);

const WAYS: [Way; 13] = [
    ("content", |r| r.content().map(<[u8]>::to_vec)),
    ("text", |r| r.text().map(String::into_bytes)),
    ("iter_content", |r| r.iter_content(4).collect::<Result<Vec<_>>>().map(|pieces| pieces.concat())),
    ("iter_lines", |r| {
        let lines: Result<Vec<_>> = r.iter_lines().collect();
        lines.map(|lines| lines.iter().flat_map(|line| [line, &b"\n"[..]].concat()).collect())
    }),
    ("iter_lines_by", |r| r.iter_lines_by("\0").collect::<Result<Vec<_>>>().map(|pieces| pieces.concat())),
    ("copy_to", |r| {
        let mut out = Vec::new();
        r.copy_to(&mut out).map(|written| {
            assert_eq!(written, out.len() as u64);
            out
        })
    }),
    ("save_to", |r| {
        let dir = TempDir::new();
        let saved = r.save_to(dir.path().join("saved"));
        assert_eq!(dir.names().len(), usize::from(saved.is_ok()));
        saved.map(|_| std::fs::read(dir.path().join("saved")).unwrap())
    }),
    ("raw", |r| read_all(r.raw())),
    ("read_to_end of a clone", |r| {
        let mut out = Vec::new();
        r.clone().read_to_end(&mut out)?;
        Ok(out)
    }),
    ("read_to_string of a clone", |r| {
        let mut out = String::from("before");
        r.clone().read_to_string(&mut out)?;
        Ok(out.split_off(6).into_bytes())
    }),
    ("read of a clone", |r| read_all(r.clone())),
    ("io::copy of a clone", |r| {
        let mut out = Vec::new();
        io::copy(&mut r.clone(), &mut out)?;
        Ok(out)
    }),
    ("serde_json of a clone", |r| {
        let value: serde_json::Value =
            serde_json::from_reader(r.clone()).map_err(|error| Error::from(io::Error::from(error)))?;
        assert_eq!((&value["one"], &value["two"]), (&1.into(), &2.into()));
        Ok(BODY.into())
    }),
];

/// By small reads, without what `read_to_end` may do better.
fn read_all(mut from: impl Read) -> Result<Vec<u8>> {
    let (mut out, mut piece) = (Vec::new(), [0; 3]);
    loop {
        match from.read(&mut piece)? {
            0 => return Ok(out),
            n => out.extend_from_slice(&piece[..n]),
        }
    }
}

fn stream(server: &TestServer) -> Response {
    session().get(server.url("/")).stream(true).send().unwrap()
}

#[test]
fn kept_content_is_whole_in_each_way_each_time_and_for_each_handle() {
    let server = fixed(answer(BODY));
    let mut response = session().get(server.url("/")).send().unwrap();

    for _ in 0..2 {
        for (name, way) in WAYS {
            assert_eq!(way(&mut response).unwrap(), BODY.as_bytes(), "{name}");
            assert_eq!(way(&mut response.clone()).unwrap(), BODY.as_bytes(), "{name}");
        }
    }
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_handle_reads_kept_content_once_from_start_to_end_whatever_others_do() {
    let server = fixed(answer(BODY));
    let mut first = session().get(server.url("/")).send().unwrap();
    let mut start = [0; 5];
    first.read_exact(&mut start).unwrap();
    let mut second = first.clone();

    assert_eq!(read_all(&mut second).unwrap(), BODY.as_bytes());
    assert_eq!(first.copy_to(&mut io::sink()).unwrap(), BODY.len() as u64);
    let mut rest = String::new();
    first.read_to_string(&mut rest).unwrap();

    assert_eq!([std::str::from_utf8(&start).unwrap(), &rest].concat(), BODY);
    for handle in [&mut first, &mut second] {
        assert_eq!(handle.read(&mut [0; 9]).unwrap(), 0);
        assert_eq!(handle.read_to_end(&mut Vec::new()).unwrap(), 0);
    }
}

#[test]
fn a_stream_that_was_taken_in_any_way_is_consumed_in_every_other() {
    let server = fixed(answer(BODY));
    for (first, take) in WAYS.iter().filter(|(name, _)| !["content", "text"].contains(name)) {
        for (second, way) in WAYS {
            let mut response = stream(&server);
            assert_eq!(take(&mut response).unwrap(), BODY.as_bytes(), "{first}");

            for mut handle in [response.clone(), response] {
                let error = way(&mut handle).expect_err(&format!("{first}, then {second}"));
                assert_eq!(error.kind(), ErrorKind::StreamConsumed, "{first}, then {second}");
                let error = Error::from(handle.read(&mut [0]).unwrap_err());
                assert_eq!(error.kind(), ErrorKind::StreamConsumed, "{first}, {second}, then read");
            }
        }
    }
}

#[test]
fn a_handle_that_has_read_its_stream_to_the_end_stays_there_and_others_find_it_consumed() {
    let server = fixed(answer(BODY));
    let mut response = stream(&server);
    let mut other = response.clone();

    assert_eq!(read_all(&mut response).unwrap(), BODY.as_bytes());

    // As BufReader's lines and others ask again.
    assert_eq!(response.read(&mut [0; 9]).unwrap(), 0);
    assert_eq!(Error::from(other.read(&mut [0; 9]).unwrap_err()).kind(), ErrorKind::StreamConsumed);
    for (name, way) in WAYS {
        assert_eq!(way(&mut response).unwrap_err().kind(), ErrorKind::StreamConsumed, "{name}");
    }
}

#[test]
fn lines_of_a_buffered_reader_end_well_though_the_last_has_no_end() {
    use std::io::BufRead;
    for kept in [true, false] {
        let server = fixed(answer("one\ntwo"));
        let response = session().get(server.url("/")).stream(!kept).send().unwrap();

        let lines: Vec<_> = io::BufReader::new(response).lines().map(io::Result::unwrap).collect();

        assert_eq!(lines, ["one", "two"], "{kept}");
    }
}

#[test]
fn what_is_read_whole_from_a_stream_is_not_read_again_as_nothing() {
    let server = fixed(answer(BODY));
    let whole: [fn(&mut Response) -> io::Result<()>; 2] =
        [|r| r.read_to_end(&mut Vec::new()).map(drop), |r| r.read_to_string(&mut String::new()).map(drop)];
    for first in whole {
        for second in whole {
            let mut response = stream(&server);
            first(&mut response).unwrap();

            assert_eq!(Error::from(second(&mut response).unwrap_err()).kind(), ErrorKind::StreamConsumed);
            let again = serde_json::from_reader::<_, serde_json::Value>(&mut response).unwrap_err();
            assert_eq!(Error::from(io::Error::from(again)).kind(), ErrorKind::StreamConsumed);
        }
    }
}

#[test]
fn what_is_left_of_a_stream_goes_to_who_reads_on_and_a_file_is_never_a_part() {
    let server = fixed(answer("0123456789"));
    let started = || {
        let mut response = stream(&server);
        response.read_exact(&mut [0; 4]).unwrap();
        response
    };

    assert_eq!(started().copy_to(&mut io::sink()).unwrap(), 6);
    assert_eq!(started().iter_lines().next().unwrap().unwrap(), b"456789");
    let mut response = stream(&server);
    assert_eq!(response.iter_content(4).next().unwrap().unwrap(), b"0123");
    assert_eq!(read_all(&mut response).unwrap(), b"456789");
    // The last byte has been read, the end has not.
    let mut response = stream(&server);
    response.read_exact(&mut [0; 10]).unwrap();
    assert_eq!(Error::from(response.clone().read(&mut [0]).unwrap_err()).kind(), ErrorKind::StreamConsumed);
    assert_eq!(response.read(&mut [0]).unwrap(), 0);
    let mut response = stream(&server);
    response.read_exact(&mut [0; 10]).unwrap();
    assert_eq!(response.copy_to(&mut io::sink()).unwrap(), 0);

    let dir = TempDir::new();
    let path = dir.file("old", "old");
    assert_eq!(started().save_to(&path).unwrap_err().kind(), ErrorKind::StreamConsumed);
    assert_eq!((std::fs::read(&path).unwrap().as_slice(), dir.names().len()), (&b"old"[..], 1));
}

/// Takes so many bytes.
struct Small(usize);

impl Write for Small {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.min(bytes.len()) {
            0 => Err(io::Error::other("no room")),
            taken => {
                self.0 -= taken;
                Ok(taken)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_copy_that_fails_half_way_is_no_copy_and_is_not_gone_on_with() {
    let server = fixed(answer(BODY));

    let mut kept = session().get(server.url("/")).send().unwrap();
    assert_eq!(kept.copy_to(&mut Small(5)).unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(kept.copy_to(&mut Small(99)).unwrap(), BODY.len() as u64);

    for (name, way) in WAYS {
        let mut response = stream(&server);
        assert_eq!(response.copy_to(&mut Small(5)).unwrap_err().kind(), ErrorKind::Io);
        assert_eq!(way(&mut response).unwrap_err().kind(), ErrorKind::StreamConsumed, "{name}");
    }
    // The writer of one that panics has not got it either.
    let mut response = stream(&server);
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let dir = TempDir::new();
        response.save_to_with(dir.path().join("saved"), |_, _| panic!("as a program may"))
    }));
    assert!(panicked.is_err());
    assert_eq!(response.copy_to(&mut io::sink()).unwrap_err().kind(), ErrorKind::StreamConsumed);
}

#[test]
fn an_empty_body_is_empty_in_each_way_and_no_body_is_never_consumed() {
    for head in ["HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"] {
        for (name, way) in WAYS.iter().filter(|(name, _)| !name.starts_with("serde_json")) {
            let mut response = stream(&fixed(head));
            assert_eq!(way(&mut response).unwrap(), b"", "{name}");
            assert_eq!(way(&mut response).unwrap(), b"", "{name}");
        }
    }
}

#[test]
fn a_stream_that_two_threads_read_and_keep_is_never_empty_for_one() {
    for _ in 0..20 {
        let server = fixed(answer(BODY));
        let response = stream(&server);
        std::thread::scope(|scope| {
            let ways = WAYS.iter().filter(|(name, _)| !name.starts_with("serde_json"));
            let spawn = |(name, way): &Way| {
                let (name, way, mut handle) = (*name, *way, response.clone());
                scope.spawn(move || (name, way(&mut handle)))
            };
            let threads: Vec<_> = ways.map(spawn).collect();
            for thread in threads {
                let (name, got) = thread.join().unwrap();
                // What another thread took meanwhile is missing, so there is no telling but for nothing at all.
                assert!(got.as_ref().map_or(true, |got| !got.is_empty()), "{name}: {got:?}");
            }
        });
    }
}

#[test]
fn an_adapter_that_caches_gives_each_user_the_whole() {
    let server = fixed(answer(BODY));
    let network = session();
    let cached = std::sync::OnceLock::<Response>::new();
    let mut cache = Session::new();
    cache.mount("http://", move |request: &mut PreparedRequest, options: &SendOptions| {
        if let Some(cached) = cached.get() {
            return Ok(cached.clone());
        }
        let response = network.send_with(request.clone(), options.clone())?;
        response.content()?;
        Ok(cached.get_or_init(|| response).clone())
    });
    for streamed in [false, true, false] {
        for (name, way) in WAYS {
            let mut response = cache.get(server.url("/")).stream(streamed).send().unwrap();
            assert_eq!(way(&mut response).unwrap(), BODY.as_bytes(), "{name}");
            let mut response = cache.get(server.url("/")).stream(streamed).send().unwrap();
            assert_eq!(read_all(&mut response).unwrap(), BODY.as_bytes(), "after {name}");
        }
    }
    assert_eq!(server.requests().len(), 1);
}

// DEC-14
#[cfg(feature = "gzip")]
#[test]
fn the_body_as_it_came_is_there_while_it_was_not_decoded() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(BODY.as_bytes()).unwrap();
    let body = encoder.finish().unwrap();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", body.len());
    let server = fixed([head.as_bytes(), &body].concat());

    let mut kept = session().get(server.url("/")).send().unwrap();
    assert_eq!(read_all(kept.raw()).unwrap_err().kind(), ErrorKind::StreamConsumed);
    assert_eq!(read_all(&mut kept).unwrap(), BODY.as_bytes());

    let mut response = stream(&server);
    assert_eq!(read_all(response.raw()).unwrap(), body);
    assert_eq!(read_all(response.raw()).unwrap_err().kind(), ErrorKind::StreamConsumed);

    // Some of it as it came: what is left does not decode, and is not tried.
    for (name, way) in WAYS.iter().filter(|(name, _)| *name != "raw") {
        let mut response = stream(&server);
        response.raw().read_exact(&mut [0; 5]).unwrap();
        assert_eq!(way(&mut response).unwrap_err().kind(), ErrorKind::StreamConsumed, "{name}");
    }
    let mut response = stream(&server);
    response.raw().read_exact(&mut [0; 5]).unwrap();
    assert_eq!(read_all(response.raw()).unwrap(), &body[5..]);
}

#[test]
fn a_closed_response_is_consumed_in_each_way() {
    let server = fixed(answer(BODY));
    for (name, way) in WAYS {
        let mut response = stream(&server);
        response.close();
        assert_eq!(way(&mut response).unwrap_err().kind(), ErrorKind::StreamConsumed, "{name}");
    }
}

#[test]
fn events_and_lines_of_a_stream_that_is_over_are_an_error_as_pieces_are() {
    let server = fixed(answer("data: 1\n\n"));
    let mut response = stream(&server);
    assert_eq!(response.iter_events().count(), 1);

    assert_eq!(response.iter_events().next().unwrap().unwrap_err().kind(), ErrorKind::StreamConsumed);
    assert_eq!(response.iter_lines().next().unwrap().unwrap_err().kind(), ErrorKind::StreamConsumed);

    let mut kept = session().get(server.url("/")).send().unwrap();
    for _ in 0..2 {
        assert_eq!(kept.iter_events().map(|event| event.unwrap().data).collect::<Vec<_>>(), ["1"]);
        assert_eq!(kept.iter_lines().count(), 2);
    }
}

#[test]
fn errors_of_a_body_name_host_and_port_once() {
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
    let no_chunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n";
    let no_gzip = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 20\r\n\r\nThis was not zipped.";
    for (wire, kind, start) in [
        (short, ErrorKind::ChunkedEncodingError, "body ended early: 3 of 10 bytes"),
        (chunked, ErrorKind::ChunkedEncodingError, "chunked body ended early"),
        (no_chunk, ErrorKind::ChunkedEncodingError, "invalid chunked body"),
        (no_gzip, ErrorKind::ContentDecodingError, "body cannot be decoded as gzip"),
    ] {
        if kind == ErrorKind::ContentDecodingError && !cfg!(feature = "gzip") {
            continue;
        }
        let server = crate::support::once(wire);
        let place = server.address().to_string();
        let url = server.url("/").replace("http://", "http://user:secret@") + "?key=secret";
        let check = |error: Error, name: &str| {
            let text = error.to_string();
            assert_eq!(error.kind(), kind, "{name}: {text}");
            assert!(text.starts_with(start) && text.ends_with(&format!("({place})")), "{name}: {text}");
            assert!(text.matches(&place).count() == 1 && !text.contains("secret"), "{name}: {text}");
        };

        check(session().get(&url).send().unwrap_err(), "send");
        // JSON is read as far as it is none, and what comes as it is does not have to decode.
        let ways = WAYS.iter().filter(|(name, _)| !name.starts_with("serde_json"));
        for (name, way) in ways.filter(|(name, _)| *name != "raw" || kind == ErrorKind::ChunkedEncodingError) {
            let mut response = session().get(&url).stream(true).send().unwrap();
            check(way(&mut response).unwrap_err(), name);
        }
    }
}

#[cfg(feature = "json")]
#[test]
fn json_that_is_none_says_from_where() {
    let server = fixed(answer("<html>"));
    let response = session().get(server.url("/")).send().unwrap();

    let error = response.json::<serde_json::Value>().unwrap_err();

    let place = format!("({})", server.address());
    assert!(error.to_string().ends_with(&place), "{error}");
    let (mocked, _) = crate::support::mocked([Response::builder(200).body("{")]);
    let error = mocked.get("https://h.test/a?b").send().unwrap().json::<serde_json::Value>().unwrap_err();
    assert!(error.to_string().ends_with("(h.test:443)"), "{error}");
}
