//! Bodies whose source takes its time and gives nothing meanwhile: empty items, interrupted reads, one small part after another.
//! Whatever ends a request is looked at each time that a source returns.

use std::io::{self, Cursor, Read};
use std::iter;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};

use petition::testing::{FakeClock, Peer, TestServer};
use petition::{AdaptiveLimit, Body, Cancel, ErrorKind, HttpAdapter, Multipart, Part, RequestBuilder, Timeout};

use crate::support::{Gate, LONG, millis, ok, session, session_over};

/// How often a source is asked that nothing stops.
const ALL: usize = 2_000;

/// Gives nothing, as an iterator or as a reader, and tells each time that it is asked.
#[derive(Clone)]
struct Nothing {
    asked: Arc<AtomicUsize>,
    tell: Arc<dyn Fn(usize) + Send + Sync>,
}

impl Nothing {
    fn new(tell: impl Fn(usize) + Send + Sync + 'static) -> Self {
        Self { asked: Arc::default(), tell: Arc::new(tell) }
    }

    /// False at the end.
    fn is_asked(&self) -> bool {
        let asked = self.asked.fetch_add(1, SeqCst) + 1;
        (self.tell)(asked);
        asked < ALL
    }

    fn times_asked(&self) -> usize {
        self.asked.load(SeqCst)
    }
}

impl Iterator for Nothing {
    type Item = &'static str;

    fn next(&mut self) -> Option<&'static str> {
        self.is_asked().then_some("")
    }
}

impl Read for Nothing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        if self.is_asked() { Err(io::ErrorKind::Interrupted.into()) } else { Ok(0) }
    }
}

/// A part that is all there when it is asked for.
struct Small(Nothing, Cursor<&'static str>);

impl Read for Small {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.1.position() == 0 {
            self.0.is_asked();
        }
        self.1.read(out)
    }
}

/// Adds a body that has this source.
type Put = fn(RequestBuilder, Nothing) -> RequestBuilder;

const ALL_OF_IT: &str = "all of it";

/// In all but the last, something is sent before the source ends.
const BODIES: [(&str, Put); 13] = [
    ("empty items", |put, source| put.data(Body::chunks(source))),
    ("empty items behind one", |put, source| put.data(Body::chunks(iter::once(ALL_OF_IT).chain(source)))),
    ("empty items of a declared length", |put, source| put.header("Content-Length", "9").data(Body::chunks(source))),
    ("empty items behind all of a declared length", |put, source| {
        put.header("Content-Length", "9").data(Body::chunks(iter::once(ALL_OF_IT).chain(source)))
    }),
    ("interrupted reads", |put, source| put.data(Body::reader(source))),
    ("interrupted reads behind one", |put, source| put.data(Body::reader(Cursor::new(ALL_OF_IT).chain(source)))),
    ("interrupted reads of a known length", |put, source| put.data(Body::sized(source, 9))),
    ("interrupted reads behind all of a known length", |put, source| {
        put.data(Body::sized(Cursor::new(ALL_OF_IT).chain(source), 9))
    }),
    ("a part", |put, source| put.files(Multipart::new().part("name", Part::reader(source)))),
    ("a part of a known length", |put, source| put.files(Multipart::new().part("name", Part::sized(source, 9)))),
    ("small parts", |put, source| put.files(parts(|_| Part::reader(Small(source.clone(), Cursor::new("x")))))),
    ("small parts of a known length", |put, source| {
        put.files(parts(|_| Part::sized(Small(source.clone(), Cursor::new("x")), 1)))
    }),
    ("nothing of a known length", |put, source| put.data(Body::sized(source, 0))),
];

fn parts(part: impl Fn(usize) -> Part) -> Multipart {
    (0..ALL / 4).fold(Multipart::new(), |form, number| form.part("name", part(number)))
}

/// A server that reads all that comes and answers nothing, and what came on each connection.
fn listening() -> (TestServer, mpsc::Receiver<String>) {
    let (tell, told) = mpsc::channel();
    let server = TestServer::connections(move |peer| {
        let mut all = Vec::new();
        loop {
            match peer.read_some(usize::MAX) {
                more if more.is_empty() => break,
                more => all.extend(more),
            }
        }
        tell.send(String::from_utf8(all).unwrap()).unwrap();
    });
    (server, told)
}

/// What came looks like no whole request.
fn assert_is_torn(came: &str, what: &str) {
    let (_, body) = came.split_once("\r\n\r\n").unwrap_or_default();
    assert!(!body.ends_with("0\r\n\r\n"), "{what}: {came}");
    let is_sized = came.contains("Content-Length: 9\r\n");
    assert!(!is_sized || body.len() < 9, "{what}: {came}");
}

// It was asked on and on, as only what gives something was a reason to look
#[test]
fn the_total_timeout_ends_an_upload_whose_source_gives_nothing() {
    for (what, put) in BODIES {
        let (server, told) = listening();
        let clock = FakeClock::new();
        let session = session_over(HttpAdapter::builder().clock(clock.clone()).build());
        let source = Nothing::new(move |_| clock.advance(1));
        let put = put(session.put(server.url("/")), source.clone());

        let error = put.timeout(Timeout::new().total(20)).send().unwrap_err();

        assert_eq!(error.kind(), ErrorKind::TotalTimeout, "{what}");
        let text = format!("the total timeout ran out while sending the request to {}", server.address());
        assert_eq!(error.to_string(), text, "{what}");
        assert_eq!(source.times_asked(), 20, "{what}");
        assert_is_torn(&told.recv_timeout(LONG).unwrap(), what);
    }
}

#[test]
fn a_token_ends_an_upload_whose_source_gives_nothing() {
    for (what, put) in BODIES {
        let (server, told) = listening();
        let (session, cancel) = (session(), Cancel::new());
        let token = cancel.clone();
        let source = Nothing::new(move |asked| {
            if asked == 20 {
                token.cancel();
            }
        });

        let error = put(session.put(server.url("/")), source.clone()).cancel(&cancel).send().unwrap_err();

        assert_eq!(error.kind(), ErrorKind::Cancelled, "{what}");
        assert_eq!(source.times_asked(), 20, "{what}");
        assert_is_torn(&told.recv_timeout(LONG).unwrap(), what);
    }
}

/// A source that goes on slowly once the server has done what it does.
fn waiting_for(done: &Gate) -> Nothing {
    let done = done.clone();
    Nothing::new(move |asked| {
        if asked > 1 {
            done.wait();
            // More than a source may take before the server is listened to.
            std::thread::sleep(millis(60));
        }
    })
}

#[test]
fn a_refusal_ends_an_upload_whose_source_gives_nothing() {
    for (what, put) in &BODIES[..BODIES.len() - 1] {
        let gate = Gate::default();
        let refused = gate.clone();
        let server = TestServer::connections(move |peer| {
            peer.read_head();
            peer.send("HTTP/1.1 429 Too Many Requests\r\nContent-Length: 2\r\n\r\nno");
            refused.open();
            while !peer.read_some(usize::MAX).is_empty() {}
        });
        let source = waiting_for(&gate);

        let response = put(session().put(server.url("/")), source.clone()).send().unwrap();

        assert_eq!((response.status_code().as_u16(), &*response.text().unwrap()), (429, "no"), "{what}");
        assert!(source.times_asked() < 100, "{what}: {}", source.times_asked());
    }
}

#[test]
fn a_server_that_is_gone_ends_an_upload_whose_source_gives_nothing() {
    for (what, put) in &BODIES[..BODIES.len() - 1] {
        let gate = Gate::default();
        let gone = gate.clone();
        let server = TestServer::connections(move |peer: &mut Peer| {
            peer.read_head();
            peer.close();
            gone.open();
        });
        let source = waiting_for(&gate);

        let error = put(session().put(server.url("/")), source.clone()).send().unwrap_err();

        assert_eq!(error.kind(), ErrorKind::ConnectionError, "{what}: {error}");
        assert!(source.times_asked() < 100, "{what}: {}", source.times_asked());
    }
}

#[test]
fn what_gives_nothing_for_a_while_arrives_whole() {
    let server = ok();
    let session = session();
    let some = || ["", "ab", "", "", "c", ""];
    for (body, chunks) in [
        (Body::chunks(some()), "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"),
        (Body::reader(Hesitating(some().into_iter().collect())), "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"),
        (Body::sized(Hesitating(some().into_iter().collect()), 3), "abc"),
        (Body::sized(Hesitating([""].into()), 0), ""),
    ] {
        session.put(server.url("/")).data(body).send().unwrap();

        let raw = String::from_utf8(server.requests().pop().unwrap().raw).unwrap();
        assert_eq!(raw.split_once("\r\n\r\n").unwrap().1, chunks);
    }
}

/// Is interrupted where it has an empty piece.
struct Hesitating(std::collections::VecDeque<&'static str>);

impl Read for Hesitating {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self.0.pop_front() {
            Some("") => Err(io::ErrorKind::Interrupted.into()),
            Some(piece) if out.len() < piece.len() => {
                self.0.push_front(piece);
                piece.as_bytes().read(out)
            }
            piece => piece.unwrap_or_default().as_bytes().read(out),
        }
    }
}

// The server had taken everything at once
#[test]
fn a_slow_source_lowers_no_learnt_limit_and_a_server_that_takes_nothing_does() {
    let (server, clock) = (ok(), FakeClock::new());
    let address = Arc::new(Mutex::new(server.address()));
    let at = Arc::clone(&address);
    let builder = HttpAdapter::builder().pool_maxsize(9).pool_block(true).adaptive_limit(AdaptiveLimit::between(6, 9));
    let adapter = builder.clock(clock.clone()).resolver(move |_, _| Ok(vec![*at.lock().unwrap()])).build();
    let session = session_over(&adapter);
    let limit = || adapter.stats()[0].limit().unwrap();
    let put = |total: f64| session.put("http://host.test/").timeout(Timeout::new().total(total));
    (0..6 + 7 + 8).for_each(|_| drop(put(20.0).send().unwrap()));
    assert_eq!(limit(), 9);

    for (what, body) in BODIES {
        let clock = clock.clone();
        let error = body(put(20.0), Nothing::new(move |_| clock.advance(1))).send().unwrap_err();
        assert_eq!((error.kind(), limit()), (ErrorKind::TotalTimeout, 9), "{what}");
    }
    let late = iter::once_with(move || {
        clock.advance(20);
        "late"
    });
    let error = put(20.0).data(Body::chunks(late)).send().unwrap_err();
    assert_eq!((error.kind(), limit()), (ErrorKind::TotalTimeout, 9), "one late item");

    let over = Gate::default();
    let is_over = over.clone();
    let stalling = TestServer::connections(move |peer| {
        peer.read_head();
        is_over.wait();
    });
    adapter.close_idle(0);
    *address.lock().unwrap() = stalling.address();
    let large = io::repeat(b'x').take(64 << 20);
    let error = put(0.2).data(Body::reader(large)).send().unwrap_err();
    over.open();
    assert_eq!((error.kind(), limit()), (ErrorKind::TotalTimeout, 6));
}
