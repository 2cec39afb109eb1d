//! Bodies that nobody wants: read away within one deadline and one budget of bytes, so that their connection can be used
//! again, or else given up with it.
//!
//! Each server here would hold a reader without bounds for a minute or for ever.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use petition::testing::{Reply, TestServer};
use petition::{Error, ErrorKind, HttpAdapter, HttpAdapterBuilder, Response, Result, Retry, Session};

use crate::support::{LONG, bare, connections, millis, read_head, session_over, timed};

/// As long as giving up may take on a busy machine.
const SOON: Duration = Duration::from_secs(10);

/// How a body goes on for ever.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Body {
    /// Of known length, a byte every 10 ms.
    Trickling,
    /// Of known length, and nothing comes of it.
    Stalled,
    StalledChunks,
    /// A chunk was announced, and nothing comes of it.
    StalledChunk,
    StalledUntilClose,
    TricklingChunks,
    /// As fast as it is taken.
    Endless,
    EndlessChunks,
    /// A byte a chunk, with an extension of a kilobyte.
    EndlessExtensions,
    EndlessTrailers,
    /// Of known length, 10 GB.
    Huge,
}

use Body::*;

const ALL: [Body; 11] = [
    Trickling,
    Stalled,
    StalledChunks,
    StalledChunk,
    StalledUntilClose,
    TricklingChunks,
    Endless,
    EndlessChunks,
    EndlessExtensions,
    EndlessTrailers,
    Huge,
];

impl Body {
    fn head(self) -> &'static str {
        match self {
            Trickling | Stalled => "Content-Length: 6000\r\n\r\nbegin",
            Huge => "Content-Length: 10000000000\r\n\r\n",
            StalledUntilClose | Endless => "\r\nbegin",
            StalledChunks | TricklingChunks | EndlessChunks | EndlessExtensions => "Transfer-Encoding: chunked\r\n\r\n",
            StalledChunk => "Transfer-Encoding: chunked\r\n\r\n5;x=y\r\n",
            EndlessTrailers => "Transfer-Encoding: chunked\r\n\r\n0\r\n",
        }
    }

    /// Sends it until the client has gone; what was taken of it is added to `taken`.
    fn send(self, stream: &mut TcpStream, taken: &AtomicU64) {
        let piece = match self {
            Stalled | StalledChunks | StalledChunk | StalledUntilClose => return crate::support::hold(stream),
            Trickling => "x".to_owned(),
            TricklingChunks => "1\r\nx\r\n".to_owned(),
            Endless | Huge => "x".repeat(16 << 10),
            EndlessChunks => format!("4000\r\n{}\r\n", "x".repeat(16 << 10)),
            EndlessExtensions => format!("1;x={}\r\nx\r\n", "y".repeat(1000)),
            EndlessTrailers => format!("X: {}\r\n", "y".repeat(1000)),
        };
        while stream.write_all(piece.as_bytes()).is_ok() {
            taken.fetch_add(piece.len() as u64, Ordering::SeqCst);
            if matches!(self, Trickling | TricklingChunks) {
                thread::sleep(millis(10));
            }
        }
    }
}

/// A server that gives the first request `status`, headers and such a body, and all others `204`; and how much of the body
/// it got rid of.
fn server(status: &'static str, body: Body) -> (String, Arc<AtomicU64>) {
    let taken = Arc::new(AtomicU64::new(0));
    let (sum, turn) = (Arc::clone(&taken), AtomicU64::new(0));
    let url = bare(move |stream| {
        while read_head(stream).is_some() {
            let answer = match turn.fetch_add(1, Ordering::SeqCst) {
                0 => format!("HTTP/1.1 {status}\r\n{}", body.head()),
                _ => "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
            };
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
            if turn.load(Ordering::SeqCst) == 1 {
                return body.send(stream, &sum);
            }
        }
    });
    (url, taken)
}

/// A session without limits, except for its one slot.
fn unlimited(change: impl FnOnce(HttpAdapterBuilder) -> HttpAdapterBuilder) -> Session {
    let builder = HttpAdapter::builder().pool_maxsize(1).pool_block(true).pool_timeout(LONG);
    let mut session = session_over(change(builder).build());
    session.timeout = None.into();
    session
}

/// What the client may have taken: its budget, and what both sockets' buffers hold.
const MOST_TAKEN: u64 = 16 << 20;

fn soon<T>(what: impl std::fmt::Debug, act: impl FnOnce() -> T) -> T {
    let (result, took) = timed(act);
    assert!(took < SOON, "{what:?}: {took:?}");
    result
}

fn is_given_up(response: &Response) {
    let error = response.content().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StreamConsumed);
    assert!(error.to_string().contains("was not kept"), "{error}");
}

#[test]
fn a_dropped_response_is_given_up_soon_and_its_slot_is_free() {
    for body in ALL {
        let (url, taken) = server("200 OK", body);
        let session = unlimited(|builder| builder);
        let response = session.get(&url).stream(true).send().unwrap();

        soon(body, || drop(response));
        let next = soon(body, || session.get(&url).send().unwrap());

        assert_eq!(next.status_code(), 204);
        assert!(taken.load(Ordering::SeqCst) < MOST_TAKEN, "{body:?}: {taken:?}");
    }
}

// Each of the two bounds holds alone
#[test]
fn the_budget_of_bytes_holds_without_the_deadline() {
    for body in [Endless, EndlessChunks, EndlessExtensions, EndlessTrailers, Huge] {
        let (url, taken) = server("200 OK", body);
        let session = unlimited(|builder| builder.drain_timeout(LONG));
        let response = session.get(&url).stream(true).send().unwrap();

        soon(body, || drop(response));

        assert!(taken.load(Ordering::SeqCst) < MOST_TAKEN, "{body:?}: {taken:?}");
    }
}

#[test]
fn the_deadline_holds_without_the_budget() {
    for body in [Trickling, Stalled, TricklingChunks] {
        let (url, _) = server("200 OK", body);
        let session = unlimited(|builder| builder.drain_limit(u64::MAX));
        let response = session.get(&url).stream(true).send().unwrap();

        soon(body, || drop(response));
    }
}

// Not even the deadline is waited for
#[test]
fn a_body_of_unknown_length_with_nothing_ready_is_not_waited_for() {
    for body in [StalledChunks, StalledChunk, StalledUntilClose] {
        let (url, _) = server("200 OK", body);
        let session = unlimited(|builder| builder.drain_timeout(LONG));
        let response = session.get(&url).stream(true).send().unwrap();

        soon(body, || drop(response));
    }
}

#[test]
fn what_is_there_is_taken_and_its_connection_used_again() {
    for (limit, kept) in [(64 << 10, true), (0, false)] {
        let server = TestServer::http(|request| match request.target.as_str() {
            "/chunks" => Reply::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
            _ => Reply::new(200).body("some of it"),
        });
        let session = unlimited(|builder| builder.drain_limit(limit).drain_timeout(LONG));

        for path in ["/chunks", "/sized", "/last"] {
            drop(session.get(server.url(path)).stream(true).send().unwrap());
        }

        assert_eq!(connections(&server), if kept { [0, 0, 0] } else { [0, 1, 2] });
    }
}

#[test]
fn a_retry_does_not_wait_for_a_drain() {
    for body in ALL {
        let (url, taken) = server("503 No", body);
        let retry = Retry::new().total(1).status_forcelist([503]);
        let session = unlimited(|builder| builder.max_retries(retry));

        let response = soon(body, || session.get(&url).timeout((60, 30)).send().unwrap());

        assert_eq!(response.status_code(), 204);
        assert!(taken.load(Ordering::SeqCst) < MOST_TAKEN, "{body:?}: {taken:?}");
    }
}

#[test]
fn a_status_that_raises_does_not_wait_for_its_body_and_the_error_is_dropped_as_fast() {
    for body in ALL {
        let (url, taken) = server("503 No", body);
        let retry = Retry::new().total(0).status_forcelist([503]);
        let session = unlimited(|builder| builder.max_retries(retry));

        let error = soon(body, || session.get(&url).send().unwrap_err());

        assert_eq!((error.kind(), error.status().unwrap().as_u16()), (ErrorKind::RetryError, 503));
        is_given_up(error.response().unwrap());
        soon(body, || drop(error));
        assert_eq!(soon(body, || session.get(&url).send().unwrap()).status_code(), 204);
        assert!(taken.load(Ordering::SeqCst) < MOST_TAKEN, "{body:?}: {taken:?}");
    }
}

#[test]
fn a_redirect_is_followed_whatever_its_body_does_and_that_response_says_so() {
    for body in ALL {
        let (url, taken) = server("302 Found\r\nLocation: /there", body);
        let session = unlimited(|builder| builder);

        let response = soon(body, || session.get(&url).send().unwrap());

        assert_eq!((response.status_code().as_u16(), response.history().len()), (204, 1));
        is_given_up(&response.history()[0]);
        assert!(taken.load(Ordering::SeqCst) < MOST_TAKEN, "{body:?}: {taken:?}");
    }
}

// What fits is kept for `history`, up to the budget
#[test]
fn a_redirects_body_is_kept_up_to_the_budget() {
    for (length, limit, kept) in
        [(60_000, None, true), (70_000, None, false), (70_000, Some(70_000), true), (1, Some(0), false)]
    {
        let server = TestServer::http(move |request| match request.target.as_str() {
            "/" => Reply::new(302).header("Location", "/there").body(vec![b'x'; length]),
            _ => Reply::new(200),
        });
        let session = unlimited(|builder| match limit {
            Some(limit) => builder.drain_limit(limit),
            None => builder,
        });

        let response = session.get(server.url("/")).send().unwrap();

        let first = &response.history()[0];
        if kept {
            assert_eq!(first.content().unwrap().len(), length);
        } else {
            is_given_up(first);
        }
        assert_eq!(connections(&server)[1], usize::from(!kept), "{length} {limit:?}");
    }
}

#[cfg(feature = "gzip")]
#[test]
fn a_redirects_coded_body_is_bounded_when_it_is_decoded_too() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(&vec![0; 50 << 20]).unwrap();
    let coded = gzip.finish().unwrap();
    assert!(coded.len() < 64 << 10);
    let server = TestServer::http(move |request| match request.target.as_str() {
        "/" => Reply::new(302).header("Location", "/there").header("Content-Encoding", "gzip").body(coded.clone()),
        _ => Reply::new(200),
    });

    let response = unlimited(|builder| builder).get(server.url("/")).send().unwrap();

    is_given_up(&response.history()[0]);
}

#[cfg(feature = "digest")]
#[test]
fn a_challenge_is_answered_whatever_its_body_does() {
    for body in ALL {
        let challenge = "401 No\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"";
        let (url, taken) = server(challenge, body);
        let session = unlimited(|builder| builder);

        let get = session.get(&url).auth(petition::DigestAuth::new("user", "pass"));
        let response = soon(body, || get.send().unwrap());

        assert_eq!((response.status_code().as_u16(), response.history().len()), (204, 1));
        assert!(taken.load(Ordering::SeqCst) < MOST_TAKEN, "{body:?}: {taken:?}");
    }
}

// requests reads these to their end, or leaks their slot
#[test]
fn an_error_that_carries_a_streamed_response_is_dropped_as_fast() {
    fn streamed(session: &Session, url: &str) -> Result<Response> {
        session.get(url).stream(true).send()
    }
    type Fail = fn(&Session, &str) -> Result<Response>;
    let ways: [(&str, &str, Fail); 3] = [
        ("404 No", "status", |session, url| streamed(session, url)?.error_for_status()),
        ("302 Found\r\nLocation: /there", "redirects", |session, url| streamed(session, url)),
        ("200 OK", "hook", |session, url| {
            let hook = |response: Response| {
                let error = Error::new(ErrorKind::Other, "as planned");
                drop(response);
                Err(error)
            };
            session.get(url).on_response(hook).stream(true).send()
        }),
    ];
    for (status, name, fail) in ways {
        for body in ALL {
            let (url, taken) = server(status, body);
            let mut session = unlimited(|builder| builder);
            session.max_redirects = 0;

            let error = soon((name, body), || fail(&session, &url).unwrap_err());
            soon((name, body), || drop(error));

            let next = soon((name, body), || session.get(&url).allow_redirects(false).send().unwrap());
            assert_eq!(next.status_code(), 204);
            assert!(taken.load(Ordering::SeqCst) < MOST_TAKEN, "{name} {body:?}: {taken:?}");
        }
    }
}

// The total timeout of the request ends a drain as well
#[test]
fn a_drain_ends_with_the_request() {
    let (url, _) = server("302 Found\r\nLocation: /there", Trickling);
    let session = unlimited(|builder| builder);

    let get = session.get(&url).timeout(petition::Timeout::new().total(0.2));
    let error = soon("total", || get.send().unwrap_err());

    assert_eq!(error.kind(), ErrorKind::TotalTimeout);
}
