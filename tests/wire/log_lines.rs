//! The lines that users of urllib3 know, word for word. Those of retries are in `retry.rs`, those of proxies and of eviction
//! in `pool.rs`.

use petition::testing::{Reply, TestServer};

#[cfg(feature = "native-tls")]
use crate::support::session_at;
use crate::support::{answer, fixed, logged, pool_lines, refusing, session};

// LOG-01, LOG-02, LOG-04, LOG-21
#[test]
fn a_request_logs_its_connection_and_its_answer() {
    let server = TestServer::http(|_| Reply::new(200).header("Set-Cookie", "id=secret").body("secret"));
    let port = server.address().port();
    let session = session();
    let request = || session.post(server.url("/path?x=1#f")).auth(("user", "secret")).data("secret");

    let (_, lines) = logged(|| request().send().unwrap());

    let answered = format!("DEBUG connectionpool: http://127.0.0.1:{port} \"POST /path?x=1 HTTP/1.1\" 200 6");
    let started = format!("DEBUG connectionpool: Starting new HTTP connection (1): 127.0.0.1:{port}");
    assert_eq!(lines, [started, answered.clone()]);
    assert_eq!(logged(|| request().send().unwrap()).1, [answered]);
}

// LOG-02
#[test]
fn a_connect_that_fails_was_announced() {
    let address = refusing();
    let session = session();

    for number in 1..=2 {
        let (_, lines) = logged(|| session.get(format!("http://{address}/")).send().unwrap_err());
        let port = address.port();
        assert_eq!(lines, [format!("DEBUG connectionpool: Starting new HTTP connection ({number}): 127.0.0.1:{port}")]);
    }
}

// LOG-03, LOG-04, LOG-19
#[cfg(feature = "native-tls")]
#[test]
fn https_is_named_and_an_unverified_host_warned_of_once() {
    let server = crate::support::tls_server(&["localhost"], |peer| {
        while peer.read_request().is_some() {
            peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello");
            peer.close();
        }
    });
    let session = session_at(&server);
    let send = || session.get("https://localhost/x").verify(false).send().unwrap();

    let (_, lines) = logged(send);
    assert_eq!(
        lines,
        [
            "DEBUG connectionpool: Starting new HTTPS connection (1): localhost:443",
            "WARN tls: Unverified HTTPS request is being made to host 'localhost'. \
             Adding certificate verification is strongly advised.",
            "DEBUG connectionpool: https://localhost:443 \"GET /x HTTP/1.1\" 200 5",
            "DEBUG adapter: Closing connection to localhost: requested by the peer",
        ]
    );
    let (_, lines) = logged(send);
    assert_eq!(
        lines,
        [
            "DEBUG connectionpool: Resetting dropped connection: localhost",
            "DEBUG connectionpool: https://localhost:443 \"GET /x HTTP/1.1\" 200 5",
            "DEBUG adapter: Closing connection to localhost: requested by the peer",
        ]
    );
}

// LOG-05
#[test]
fn the_length_is_the_one_announced_or_none() {
    for (method, wire, logged) in [
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "200 3"),
        ("GET", "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc", "200 3"),
        ("GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "200 None"),
        ("GET", "HTTP/1.1 200 OK\r\n\r\nabc", "200 None"),
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", "200 0"),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n", "204 0"),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n", "304 0"),
        ("GET", "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", "200 1"),
    ] {
        let server = TestServer::http(move |_| Reply::raw(wire).then_close());
        let session = session();

        let (_, lines) = pool_lines(|| session.request(method, server.url("/")).send().unwrap());

        let address = server.address();
        assert_eq!(lines[1..], [format!("http://{address} \"{method} / HTTP/1.1\" {logged}")], "{wire:?}");
    }
}

// LOG-05
#[test]
fn hosts_of_ipv6_have_no_brackets() {
    let serve = |peer: &mut petition::testing::Peer| {
        peer.read_request();
        peer.send(answer("hello"));
    };
    let Ok(server) = TestServer::builder().address("[::1]:0").start(serve) else { return }; // a machine without IPv6
    let session = session();

    let (_, lines) = pool_lines(|| session.get(server.url("/")).send().unwrap());

    let port = server.address().port();
    assert_eq!(
        lines,
        [
            format!("Starting new HTTP connection (1): ::1:{port}"),
            format!("http://::1:{port} \"GET / HTTP/1.1\" 200 5"),
        ]
    );
}

// LOG-04: the line comes with the head, whatever becomes of the body
#[test]
fn an_answer_is_logged_once_its_head_is_there() {
    let server = TestServer::http(|_| Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").then_close());
    let session = session();

    let (_, lines) = pool_lines(|| session.get(server.url("/")).send().unwrap_err());

    assert!(lines[1].ends_with("200 9"), "{lines:?}");
}

// LOG-14: none of urllib3's; the session says where it goes under a target of its own
#[test]
fn a_redirect_logs_two_exchanges_and_where_it_leads() {
    let server = TestServer::http(|request| match request.target.as_str() {
        "/" => Reply::new(302).header("Location", "/there"),
        _ => Reply::new(200),
    });
    let address = server.address();
    let session = session();

    let (_, lines) = logged(|| session.get(server.url("/")).send().unwrap());

    assert_eq!(
        lines[1..],
        [
            format!("DEBUG connectionpool: http://{address} \"GET / HTTP/1.1\" 302 0"),
            format!("DEBUG redirect: Redirect 302: http://{address}/ -> http://{address}/there"),
            format!("DEBUG connectionpool: http://{address} \"GET /there HTTP/1.1\" 200 0"),
        ]
    );
}

// LOG-17
#[test]
fn content_length_beside_chunks_is_warned_of() {
    let wire = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let server = TestServer::http(move |_| Reply::raw(wire));
    let session = session();

    let (_, lines) = logged(|| session.get(server.url("/")).send().unwrap());

    let warning = "WARN connectionpool: Received response with both Content-Length and Transfer-Encoding set. This is expressly \
                   forbidden by RFC 7230 sec 3.3.2. Ignoring Content-Length and attempting to process response as \
                   Transfer-Encoding: chunked.";
    assert_eq!(lines.iter().filter(|line| line.as_str() == warning).count(), 1, "{lines:?}");
}

// New here: under a target of its own, why a connection is not kept
#[test]
fn a_connection_that_is_closed_behind_its_response_says_why() {
    for (wire, reason) in [
        ("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", "requested by the peer"),
        ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.0 without keep-alive"),
        ("HTTP/1.1 200 OK\r\n\r\nok", "body is delimited by connection close"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more", "unexpected bytes after the response"),
    ] {
        let server = TestServer::http(move |_| Reply::raw(wire).then_close());
        let session = session();

        let (_, lines) = logged(|| session.get(server.url("/")).send().unwrap());

        assert_eq!(lines[2..], [format!("DEBUG adapter: Closing connection to 127.0.0.1: {reason}")]);
    }
}

// Values of cookies are never logged, and where there is no name all of the line may be one
#[test]
fn a_refused_cookie_is_logged_by_its_name_or_else_by_its_length() {
    let (long, cut) = (format!("{}=hunter2; Domain=x.test", "n".repeat(100)), format!("cookie {:?}", "n".repeat(64)));
    let (foreign, prefix) =
        ("its domain does not include the host", "its name promises what its attributes do not keep");
    for (line, what, why) in [
        ("sid=hunter2; Domain=x.test", "cookie \"sid\"", foreign),
        (" sid =hunter2; Domain=x.test", "cookie \"sid\"", foreign),
        ("__Host-a=hunter2", "cookie \"__Host-a\"", prefix),
        (&long, &cut, foreign),
        ("hunter2", "a cookie", "its line of 7 bytes has no name"),
        ("eyJ.hunter2; Path=/", "a cookie", "its line of 19 bytes has no name"),
        ("hunter2; a=1", "a cookie", "its line of 12 bytes has no name"),
        ("=hunter2", "a cookie", "its line of 8 bytes has no name"),
        ("=hunter2=", "a cookie", "its line of 9 bytes has no name"),
        ("\u{e9}hunter2", "a cookie", "its line of 9 bytes has no name"),
    ] {
        let server = fixed(format!("HTTP/1.1 200 OK\r\nSet-Cookie: {line}\r\nContent-Length: 2\r\n\r\nhi"));

        let (_, lines) = logged(|| session().get(server.url("/")).send().unwrap());

        let about_cookies: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix("DEBUG cookies: ")).collect();
        assert_eq!(about_cookies, [format!("Refused {what} of 127.0.0.1: {why}")], "{line:?}");
        assert!(!lines.concat().contains("hunter2"), "{lines:?}");
    }
}

// LOG-16, FRAME-08; docs/decisions.md#log-lines
#[test]
fn a_line_that_is_no_field_is_left_out_with_a_warning_that_does_not_show_it() {
    for (malformed, number) in [
        ("not a field\r\n", 2),
        ("Set-Cookie session=hunter2; Path=/\r\n", 2),
        ("hunter2\r\n", 2),
        (": hunter2\r\n", 2),
        ("X-First: a\r\n folded\r\nhunter2\r\n and hunter2\r\nhunter2 again\r\n", 4),
    ] {
        let server = fixed(format!("HTTP/1.1 200 OK\r\n{malformed}Content-Length: 2\r\nX-Last: z\r\n\r\nhi"));
        let url = server.url("/").replace("http://", "http://user:secret@");

        let (response, lines) = logged(|| session().get(url.as_str()).send().unwrap());

        assert_eq!((response.text().unwrap().as_str(), response.headers().get("x-last")), ("hi", Some("z")));
        let warnings: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix("WARN ")).collect();
        let url = server.url("/");
        let bytes = malformed.split("\r\n").nth(number - 2).unwrap().len();
        let expected = format!(
            "connectionpool: Failed to parse headers (url={url}): line {number} of the head is no field, and its {bytes} bytes \
             are left out"
        );
        assert_eq!(warnings, [expected]);
        assert!(!lines.concat().contains("hunter2"), "{lines:?}");
    }
}
