//! Whole exchanges of a session with a server that says anything.

use std::io::Read;
use std::time::Duration;

use http::Method;

use super::server::{LAST_WORD, Script, Server};
use crate::http1::invariants::{self, Answer};
use crate::http1::response_head::HeadLimits;
use crate::testing::FakeClock;
use crate::{DigestAuth, ErrorKind, HttpAdapter, PreparedRequest, Response, Retry, SendOptions, Session, UnixAdapter};

/// Between two answers of the input.
const NEXT: &[u8] = b"\n--next--\n";

/// A session with everything on that reacts to a response: redirects, cookies, Digest, retries, codings. What leaves the
/// socket is answered by a closure.
fn session() -> Session {
    let mut session = Session::new();
    session.trust_env = false;
    // Never reached: the server ends what it says, or the answer is complete.
    session.timeout = (10, 10).into();
    session.max_redirects = 5;
    let retry = Retry::new().total(2).read(0).status_forcelist([503]).backoff_factor(1);
    let settings = HttpAdapter::builder().max_retries(retry).clock(FakeClock::new()).drain_timeout(5);
    session.mount("http+unix://", UnixAdapter::from(settings));
    let elsewhere = |_: &mut PreparedRequest, _: &SendOptions| Response::builder(200).body("elsewhere").build();
    session.mount("http://", elsewhere);
    session.mount("https://", elsewhere);
    session
}

/// What a client without a socket makes of an answer whose peer closed.
fn oracle(answer: &[u8]) -> Answer {
    invariants::read(&Method::GET, HeadLimits::default(), [answer], 4096)
}

/// The answers in `data`. The peer closes after one that is not complete by itself.
fn scripts(data: &[u8], ends_of_first: usize) -> Vec<Script> {
    let mut rest = data;
    let mut scripts = Vec::new();
    loop {
        let at = memchr::memmem::find(rest, NEXT);
        let bytes = &rest[..at.unwrap_or(rest.len())];
        let longer = [bytes, b"x"].concat();
        // What is complete does not change when more comes.
        let complete = oracle(bytes).end.is_ok() && oracle(&longer).surplus == oracle(bytes).surplus + 1;
        // A body that is sent once goes to the first only.
        let ends_of_first = if scripts.is_empty() { ends_of_first } else { 1 };
        scripts.push(Script { bytes: bytes.to_vec(), close: !complete, ends_of_first });
        match at {
            Some(at) if scripts.len() < 4 => rest = &rest[at + NEXT.len()..],
            _ => return scripts,
        }
    }
}

/// Whatever the first exchange was, the next request on the session gets its own answer.
fn assert_next_is_clean(session: &Session, server: &Server) {
    server.say([]);
    let response = session.get(server.url()).send().unwrap_or_else(|error| panic!("the next request failed: {error}"));
    assert_eq!(response.status_code(), 200);
    assert_eq!(
        response.content().unwrap_or_default(),
        &LAST_WORD[LAST_WORD.len() - 9..],
        "an answer of another request"
    );
}

fn assert_is_no_wait(error: &crate::Error) {
    let kinds = [ErrorKind::ReadTimeout, ErrorKind::ConnectTimeout, ErrorKind::TotalTimeout];
    assert!(!kinds.contains(&error.kind()), "it waited for what could not come: {error}");
    let text = error.to_string();
    assert!(!text.chars().any(char::is_control), "a control character reaches a terminal: {text:?}");
}

/// Invariant: any bytes of a server end in a response or an error, at once, and the next request gets its own answer; a body
/// without a coding is the one that the codec reads.
pub fn exchange(data: &[u8]) {
    let server = Server::get();
    let session = session();
    let scripts = scripts(data, 1);
    let alone = scripts.len() == 1;
    let first = oracle(&scripts[0].bytes);
    server.say(scripts);

    let result = session.get(server.url()).auth(DigestAuth::new("user", "password")).send();

    match &result {
        Err(error) => assert_is_no_wait(error),
        Ok(response) => {
            let plain = response.history().is_empty() && response.headers().get("content-encoding").is_none();
            let status = first.head.as_ref().map(|head| head.status);
            if alone
                && plain
                && status == Some(response.status_code())
                && status.is_some_and(|status| status.is_success())
            {
                assert!(first.end.is_ok(), "an answer that the codec refuses: {:?}", first.end);
                assert_eq!(response.content().unwrap_or_default(), first.body);
            }
            let _ = (response.text(), response.links(), response.cookies().len(), format!("{response:?}"));
        }
    }
    drop(result);
    assert_next_is_clean(&session, server);
}

/// A body of unknown length, without an empty line.
struct Upload(usize);

impl Read for Upload {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = out.len().min(self.0).min(4096);
        out[..count].fill(b'u');
        self.0 -= count;
        Ok(count)
    }
}

/// Invariant: any bytes that a server sends while a body is uploaded to it end in a response or an error, at once, and the
/// next request gets its own answer.
pub fn upload(data: &[u8]) {
    let Some((&size, answers)) = data.split_first() else { return };
    let server = Server::get();
    let session = session();
    server.say(scripts(answers, 2));

    let body = crate::Body::reader(Upload(1 + usize::from(size) * 1000));
    let result = session.post(server.url()).data(body).timeout(Duration::from_secs(10)).send();

    if let Err(error) = &result {
        assert_is_no_wait(error);
    }
    drop(result);
    assert_next_is_clean(&session, server);
}
