//! CONNECT: asking an HTTP proxy for a tunnel to the origin (RFC 9110 §9.3.6).
//!
//! Any 2xx opens it, and the rest of the answer's head is ignored. A refusal keeps its status and the beginning of its body.
//! Credentials never get into an error, even if the proxy repeats them. Both the size of the head and the time have limits.

use std::time::Duration;

use super::error::{Credentials, ProxyFailure, ProxyStop};
use super::limits::{Bounded, Stopped};
use super::refusal::{Said, Secrets};
use crate::clock::{self, Deadline};
use crate::http1::body_decoder::BodyDecoder;
use crate::http1::framing::Framing;
use crate::http1::remote_error::RemoteError;
use crate::http1::response_head::{HeadLimits, HeadParser};
use crate::text::authority::host_and_port;
use crate::text::latin1;

/// Opens the tunnel to `host:port`. Afterwards the transport leads to the origin.
pub(super) fn open(
    proxy: &mut Bounded<'_>,
    host: &str,
    port: u16,
    authorization: Option<&str>,
) -> Result<(), ProxyStop> {
    proxy.write_all(&request(host, port, authorization))?;
    let mut read = Vec::with_capacity(512);
    let mut interim = 0;
    loop {
        let head = head(proxy, &mut read)?;
        let rest = read.split_off(head.length);
        match head.status {
            // RFC 9110 §15.2: the final answer follows. 101 is not one of these: no upgrade was requested.
            100 | 102..=199 => {
                interim += head.length;
                if interim > MAX_HEAD {
                    return Err(protocol("it sent interim responses to CONNECT without end"));
                }
                read = rest;
            }
            200..=299 => {
                // In TLS the client speaks first. A read may have ended with the head although more had arrived.
                let has_more = !rest.is_empty() || proxy.transport.try_read(&mut [0]).is_ok_and(|got| got > 0);
                return if has_more { Err(protocol("it sent data before the tunnel was used")) } else { Ok(()) };
            }
            status => {
                let secrets = Secrets::of(authorization);
                let body = secrets.printable(&body(proxy, &head, rest));
                let reason = secrets.printable(&Said { bytes: head.reason, is_whole: true });
                let credentials = authorization.map_or(Credentials::None, |_| Credentials::Sent);
                return Err(ProxyFailure::Refused { status, reason, body, credentials }.into());
            }
        }
    }
}

// The order of the lines is that of requests (WIRE-08).
fn request(host: &str, port: u16, authorization: Option<&str>) -> Vec<u8> {
    let authority = host_and_port(host, port);
    let mut request = format!("CONNECT {authority} HTTP/1.1\r\n").into_bytes();
    if let Some(authorization) = authorization {
        request.extend_from_slice(b"Proxy-Authorization: ");
        // As any header; what is made in this crate is ASCII, and a program's own was looked at when it was set.
        request.extend(latin1::to_bytes(authorization).unwrap_or_else(|| authorization.into()));
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(format!("Host: {authority}\r\n\r\n").as_bytes());
    request
}

struct Head {
    /// In bytes, including the empty line.
    length: usize,
    status: u16,
    reason: Vec<u8>,
    content_length: Option<usize>,
    chunked: bool,
}

/// Reads until `read` begins with a complete head.
fn head(proxy: &mut Bounded<'_>, read: &mut Vec<u8>) -> Result<Head, ProxyStop> {
    loop {
        if let Some(head) = parse(read)? {
            return Ok(head);
        }
        if read.len() >= MAX_HEAD {
            return Err(protocol(HEAD_TOO_LONG));
        }
        if more(proxy, read)? == 0 {
            return Err(ProxyFailure::Io(std::io::ErrorKind::UnexpectedEof.into()).into());
        }
    }
}

fn more(proxy: &mut Bounded<'_>, read: &mut Vec<u8>) -> Result<usize, Stopped> {
    let mut buffer = [0; 1024];
    let got = proxy.read(&mut buffer)?;
    read.extend_from_slice(&buffer[..got]);
    Ok(got)
}

fn parse(read: &[u8]) -> Result<Option<Head>, ProxyStop> {
    let limits = HeadLimits { max_bytes: MAX_HEAD, max_headers: MAX_HEADERS };
    let (head, length) = match HeadParser::new(limits).feed(read) {
        Ok(Some(found)) => found,
        Ok(None) => return Ok(None),
        Err(RemoteError::HeadTooLarge { .. }) => return Err(protocol(HEAD_TOO_LONG)),
        Err(_) => return Err(protocol("its answer to CONNECT is not HTTP")),
    };
    let value = |name: &str| head.headers.get(name);
    Ok(Some(Head {
        length,
        status: head.status.as_u16(),
        reason: latin1::to_bytes(&head.reason).unwrap_or_default(),
        content_length: value("content-length").and_then(|length| length.parse().ok()),
        chunked: value("transfer-encoding").is_some_and(|coding| coding.to_ascii_lowercase().contains("chunked")),
    }))
}

/// The beginning of a refusal's body, as far as it arrives without a long wait. An error counts as its end.
fn body(proxy: &mut Bounded<'_>, head: &Head, mut read: Vec<u8>) -> Said {
    let enough = if head.chunked { MAX_BODY } else { head.content_length.unwrap_or(MAX_BODY).min(MAX_BODY) };
    let deadline = Deadline::after(clock::now(), Some(BODY_WAIT));
    let mut has_ended = false;
    while read.len() < enough && !(head.chunked && read.ends_with(b"0\r\n\r\n")) {
        let Some(left) = deadline.left(clock::now()).filter(|left| !left.is_zero()) else { break };
        let mut patient = Bounded { transport: &mut *proxy.transport, bound: proxy.bound.within(left) };
        let more = more(&mut patient, &mut read);
        if more.as_ref().map_or(true, |got| *got == 0) {
            has_ended = more.is_ok();
            break;
        }
    }
    let length = if head.chunked { None } else { head.content_length };
    let is_whole = length.map_or(has_ended, |length| length <= read.len().min(MAX_BODY));
    read.truncate(enough);
    if head.chunked { unchunked(&read) } else { Said { bytes: read, is_whole } }
}

/// The content of the chunks, including an incomplete last one.
fn unchunked(chunks: &[u8]) -> Said {
    let mut bytes = chunks.to_vec();
    let decoded = BodyDecoder::new(Framing::Chunked).decode_in_place(&mut bytes);
    bytes.truncate(decoded.as_ref().map_or(0, |progress| progress.filled));
    Said { bytes, is_whole: decoded.is_ok_and(|progress| progress.done) }
}

fn protocol(what: &'static str) -> ProxyStop {
    ProxyFailure::Protocol(what.into()).into()
}

const MAX_HEAD: usize = 16 * 1024;
const MAX_HEADERS: usize = 100;
const HEAD_TOO_LONG: &str = "the head of its answer to CONNECT is too long";
const MAX_BODY: usize = 4 * 1024;
/// How long to wait for the body of a refusal; the refusal itself is already known.
const BODY_WAIT: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::mpsc;

    use super::*;
    use crate::error::ErrorKind;
    use crate::net::testing::*;
    use crate::net::{ConnectError, ConnectErrorKind, Connected, Limits, Phase, Plan};
    use crate::proxy::Route;

    const AUTHORIZATION: &str = "Basic dXNlcjpodW50ZXIy"; // user:hunter2

    /// A proxy that answers CONNECT with these bytes, then echoes until the end.
    fn proxy(answer: &'static [u8]) -> std::net::SocketAddr {
        serve(move |mut stream| {
            read_head(&mut stream);
            stream.write_all(answer).unwrap();
            echo(stream);
        })
    }

    fn through(
        proxy: std::net::SocketAddr,
        host: &str,
        authorization: Option<&str>,
        limits: &Limits<'_>,
    ) -> Result<Connected, ConnectError> {
        let route = Route::Tunnel(proxy_server("proxy.test", authorization));
        let plan = Plan { host, port: 8443, tls: None, route: &route, proxy_tls: None };
        connector_to([proxy]).connect(&plan, limits)
    }

    fn refused(answer: &'static [u8]) -> ConnectError {
        through(proxy(answer), "a.test", Some(AUTHORIZATION), &patient()).unwrap_err()
    }

    // WIRE-08
    #[test]
    fn the_request_is_the_recorded_one() {
        let (tell, told) = mpsc::channel();
        let peer = serve(move |mut stream| {
            tell.send(read_head(&mut stream)).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            echo(stream);
        });

        for (host, authorization, request) in [
            (
                "localhost",
                Some("Basic cHU6cHA="),
                "CONNECT localhost:8443 HTTP/1.1\r\nProxy-Authorization: Basic cHU6cHA=\r\nHost: localhost:8443\r\n\r\n",
            ),
            ("::1", None, "CONNECT [::1]:8443 HTTP/1.1\r\nHost: [::1]:8443\r\n\r\n"),
        ] {
            let mut connected = through(peer, host, authorization, &patient()).unwrap();

            assert_eq!(told.recv().unwrap(), request);
            assert_eq!(connected.report.peer, Some(peer));
            assert_echo(&mut connected.transport);
        }
    }

    // PROXY-18, PROXY-30
    #[test]
    fn any_2xx_opens_whatever_its_headers_say() {
        for answer in [
            &b"HTTP/1.1 200 Connection established\r\n\r\n"[..],
            b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nX-Long: yes\r\n\r\n",
            b"HTTP/1.1 204 \r\nTransfer-Encoding: chunked\r\n\r\n",
            b"HTTP/1.1 200 O\x01K\r\nVia: \x7f\x0b\r\nno field\r\n\r\n",
            b"\r\nHTTP/1.1 200 Verbindung \xfc\r\n\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 201 Created\r\n\r\n",
        ] {
            let mut connected = through(proxy(answer), "a.test", None, &patient()).unwrap();
            assert_echo(&mut connected.transport);
        }
    }

    // PROXY-18, PROXY-19
    #[test]
    fn a_refusal_shows_status_and_body_and_no_credentials() {
        for (answer, text) in [
            (
                &b"HTTP/1.1 407 Proxy Auth Required\r\nContent-Length: 12\r\n\r\n<b>log\r\nin\0</and more"[..],
                "407 Proxy Auth Required: log in (credentials were sent)",
            ),
            (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "403 Forbidden"),
            (
                b"HTTP/1.1 502 Bad Gateway\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nno wa\r\n1\r\ny\r\n0\r\n\r\n",
                "502 Bad Gateway: no way",
            ),
            (
                b"HTTP/1.1 407 for user:hunter2\r\nContent-Length: 56\r\n\r\nyou sent hunter2 as Basic dXNlcjpodW50ZXIy, user:hunter2!",
                "407 for ***: you sent *** as Basic ***, *** (credentials were sent)",
            ),
            (b"HTTP/1.1 101 Switching Protocols\r\nContent-Length: 0\r\n\r\n", "101 Switching Protocols"),
            (b"HTTP/1.1 302 Found\r\nLocation: http://x/\r\nContent-Length: 0\r\n\r\n", "302 Found"),
        ] {
            let error = refused(answer);

            assert_eq!((error.kind(), error.phase), (ErrorKind::ProxyError, Phase::Tunnel));
            assert_eq!(error.to_string(), format!("proxy proxy.test:3128: tunnel connection failed: {text}"));
            let whole = format!("{error:?} {error}");
            assert!(!whole.contains("hunter2") && !whole.contains("dXNlcjpodW50ZXIy"), "{whole}");
        }
    }

    #[test]
    fn a_407_says_whether_credentials_were_sent() {
        let answer = b"HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n";

        let without = through(proxy(answer), "a.test", None, &patient()).unwrap_err();

        assert!(without.to_string().ends_with("407 Who (no credentials were sent)"), "{without}");
        assert!(refused(answer).to_string().ends_with("407 Who (credentials were sent)"));
    }

    #[test]
    fn a_secret_that_a_refusal_is_cut_off_in_is_not_shown() {
        let before = " ".repeat(MAX_BODY - "not user:hunt".len());
        let long = format!("HTTP/1.1 407 Who\r\nContent-Length: 9999\r\n\r\n{before}not user:hunter2");
        for (answer, text) in [
            (&*long, "not ***"),
            ("HTTP/1.1 407 Who\r\n\r\nnot user:hunt", "not ***"),
            ("HTTP/1.1 407 Who\r\nTransfer-Encoding: chunked\r\n\r\nd\r\nnot user:hunt\r\n", "not ***"),
            ("HTTP/1.1 407 Who\r\nContent-Length: 8\r\n\r\nnot user", "not user"),
            ("HTTP/1.1 407 Who\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nnot user\r\n0\r\n\r\n", "not user"),
        ] {
            let error = refused(Box::leak(answer.to_owned().into_boxed_str()).as_bytes());

            assert!(error.to_string().ends_with(&format!("407 Who: {text} (credentials were sent)")), "{error}");
        }
    }

    #[test]
    fn a_refusal_whose_body_never_ends_is_not_waited_for() {
        let endless = proxy(b"HTTP/1.1 503 Busy\r\n\r\ntoo many ");

        let error = through(endless, "a.test", None, &limits(None, None)).unwrap_err();

        assert!(error.to_string().ends_with("503 Busy: too many"), "{error}");
    }

    // PROXY-20
    #[test]
    fn an_answer_that_is_not_http_or_not_whole_is_an_error() {
        let long: &'static str = Box::leak(format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(20_000)).into_boxed_str());
        let many: &'static str =
            Box::leak(format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(200)).into_boxed_str());
        for (answer, text) in [
            (&b"garbage\r\n"[..], "its answer to CONNECT is not HTTP"),
            (b"SSH-2.0-OpenSSH_9\r\n", "its answer to CONNECT is not HTTP"),
            (long.as_bytes(), "the head of its answer to CONNECT is too long"),
            (many.as_bytes(), "its answer to CONNECT is not HTTP"),
            (b"HTTP/1.1 200 OK\r\n\r\n220 hello", "it sent data before the tunnel was used"),
        ] {
            let error = refused(answer);

            assert_eq!((error.kind(), error.phase), (ErrorKind::ConnectionError, Phase::Tunnel), "{error}");
            assert_eq!(error.to_string(), format!("proxy proxy.test:3128: {text}"));
        }

        for part in [&b""[..], b"HTTP/1.1 20"] {
            let peer = serve(move |mut stream| {
                read_head(&mut stream);
                stream.write_all(part).unwrap();
            });
            let error = through(peer, "a.test", None, &patient()).unwrap_err();
            assert!(error.to_string().ends_with("it closed the connection without an answer"), "{error}");
        }
    }

    // A read ends with the head if that is as long as the buffer.
    #[test]
    fn what_arrives_with_the_answer_is_found_however_long_its_head_is() {
        for length in (1022..=1026).chain(2047..=2049) {
            for more in [&b""[..], b"x", b"220 hello"] {
                let mut answer = format!("HTTP/1.1 200 OK\r\nX: {:length$}", "").into_bytes();
                answer.truncate(length - 4);
                answer.extend(b"\r\n\r\n");
                answer.extend(more);
                let peer = proxy(Box::leak(answer.into_boxed_slice()));

                match through(peer, "a.test", None, &patient()) {
                    Ok(mut connected) => {
                        assert_eq!(more, b"", "{length} bytes");
                        assert_echo(&mut connected.transport);
                    }
                    Err(error) => {
                        assert_ne!(more, b"", "{length} bytes: {error}");
                        assert!(error.to_string().ends_with("it sent data before the tunnel was used"), "{error}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_proxy_that_stalls_is_left_on_time() {
        let silent = serve(silence);
        let halfway = proxy(b"HTTP/1.1 200 OK\r\nX-");

        for peer in [silent, halfway] {
            for (connect, total, kind) in [
                (Some(millis(200)), None, ErrorKind::ConnectTimeout),
                (None, Some(millis(200)), ErrorKind::TotalTimeout),
            ] {
                let error = through(peer, "a.test", None, &limits(connect, total)).unwrap_err();
                assert_eq!((error.kind(), error.phase), (kind, Phase::Tunnel));
            }
        }
    }

    // PROXY-21
    #[test]
    fn a_proxy_that_is_not_there_is_the_proxys_error() {
        let error = through(closed_port(), "a.test", Some(AUTHORIZATION), &patient()).unwrap_err();

        assert_eq!((error.kind(), error.phase), (ErrorKind::ProxyError, Phase::Connect));
        assert_eq!(error.to_string(), format!("failed to connect to proxy proxy.test:3128: {}", refusal()));
        assert!(matches!(error.kind, ConnectErrorKind::Connect(_)));
    }

    #[test]
    fn chunks_are_taken_as_far_as_they_came() {
        for (chunks, body) in [
            (&b"3\r\nabc\r\n0\r\n\r\n"[..], &b"abc"[..]),
            (b"3\r\nabc\r\n5\r\nde", b"abcde"),
            (b"3\r\nabc\r", b"abc"),
            (b"zz\r\nabc", b""),
            (b"ffffffffffffffff\r\nabc", b"abc"),
        ] {
            let said = unchunked(chunks);
            assert_eq!((&*said.bytes, said.is_whole), (body, chunks.ends_with(b"0\r\n\r\n")));
        }
    }
}
