//! What a stranger says does not act on a terminal: no control character of a server, a proxy or a file is in an error's text,
//! in its causes, or in a line of the log.

use petition::{DigestAuth, HttpAdapter, Retry, Session};
#[cfg(unix)]
use petition::{ErrorKind, RateLimit, Timeout, UnixAdapter, testing::FakeClock};

#[cfg(unix)]
use crate::support::{TempDir, read_head};
use crate::support::{causes, keep, kept, once, session};

/// Changes a window's title, clears the screen, forges a line, hides the end, turns the direction of writing.
const EVIL: &str = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\u{8}\u{7f}";

/// The answer as bytes: what is above U+00FF as UTF-8.
fn bytes(text: &str) -> Vec<u8> {
    text.chars()
        .flat_map(|c| match u8::try_from(u32::from(c)) {
            Ok(byte) => vec![byte],
            Err(_) => c.to_string().into_bytes(),
        })
        .collect()
}

fn assert_inert(text: &str, place: &str) {
    let acts = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(!text.chars().any(acts), "{place}: {text:?}");
}

fn sessions() -> Vec<Session> {
    let mut retrying = session();
    let retry = Retry::new().total(1).status_forcelist([503]).backoff_factor(0);
    retrying
        .mount("http://", HttpAdapter::builder().max_retries(retry).max_headers(20).max_decoded_bytes(1000).build());
    let mut strict = session();
    strict.allow_downgrade = false;
    vec![session(), retrying, strict]
}

#[test]
fn an_answer_leaves_no_control_character_in_errors_and_log_lines() {
    let with = |template: &str| bytes(&template.replace("{}", EVIL));
    let answers: Vec<(&str, Vec<u8>)> = vec![
        ("reason", with("HTTP/1.1 404 Not{}Found\r\nContent-Length: 0\r\n\r\n")),
        ("reason, retried", with("HTTP/1.1 503 Bu{}sy\r\nRetry-After: {}\r\nContent-Length: 0\r\n\r\n")),
        ("not HTTP", with("SSH-2.0 {}\r\n")),
        ("version", with("HTTP/1.{} 200 OK\r\n\r\n")),
        ("status", with("HTTP/1.1 2{}0 OK\r\n\r\n")),
        ("no field", with("HTTP/1.1 200 OK\r\nno{}colon\r\nContent-Length: 0\r\n\r\n")),
        ("name", with("HTTP/1.1 200 OK\r\na{}b: c\r\nContent-Length: 0\r\n\r\n")),
        ("right to left", with("HTTP/1.1 200 OK\r\nno colon \u{202e}gpj.exe\u{2066}\r\nContent-Length: 0\r\n\r\n")),
        ("length", with("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n")),
        ("lengths", with("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: {}\r\n\r\nx")),
        ("transfer coding", with("HTTP/1.1 200 OK\r\nTransfer-Encoding: {}\r\n\r\n")),
        ("chunk size", with("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}\r\n")),
        ("chunk extension", with("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;{}\r\nxyz")),
        (
            "coding",
            with("HTTP/1.1 200 OK\r\nContent-Encoding: gzip, {}, a, b, c, d, e, f\r\nContent-Length: 3\r\n\r\nabc"),
        ),
        ("coded body", with("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\u{1b}[2")),
        ("location", with("HTTP/1.1 302 Found\r\nLocation: /a{}b\r\nContent-Length: 0\r\n\r\n")),
        ("location, scheme", with("HTTP/1.1 302 Found\r\nLocation: evil:{}\r\nContent-Length: 0\r\n\r\n")),
        ("location, host", with("HTTP/1.1 302 Found\r\nLocation: http://a{}b/\r\nContent-Length: 0\r\n\r\n")),
        ("location, port", with("HTTP/1.1 302 Found\r\nLocation: http://a:9{}/\r\nContent-Length: 0\r\n\r\n")),
        ("location, direction", with("HTTP/1.1 302 Found\r\nLocation: evil:\u{202e}x\r\nContent-Length: 0\r\n\r\n")),
        ("cookie", with("HTTP/1.1 200 OK\r\nSet-Cookie: a{}=b; Domain=com\r\nContent-Length: 0\r\n\r\n")),
        ("cookie, domain", with("HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Domain={}\r\nContent-Length: 0\r\n\r\n")),
        (
            "challenge",
            with(
                "HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm=\"{}\", nonce=\"{}\", qop=auth\r\nContent-Length: 0\r\n\r\n",
            ),
        ),
        ("connection", with("HTTP/1.1 200 OK\r\nConnection: {}, close\r\nContent-Length: 2\r\n\r\nokX{}")),
        ("link", with("HTTP/1.1 200 OK\r\nLink: <evil:{}>; rel=next\r\nContent-Length: 2\r\n\r\n[]")),
        ("charset", with("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset={}\r\nContent-Length: 1\r\n\r\nx")),
        ("json", with("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"\u{1b}[2J\": x")),
    ];
    let mut said = 0;
    for (place, answer) in answers {
        for session in sessions() {
            let server = once(answer.clone());
            keep();
            let auth = DigestAuth::new("user", "password");
            let result = session.get(server.url("/?q=1")).auth(auth).send();
            let mut errors = Vec::new();
            match result {
                Err(error) => errors.push(error),
                Ok(response) => {
                    errors.extend(response.raise_for_status().err());
                    #[cfg(feature = "json")]
                    errors.extend(response.json::<Vec<u8>>().err());
                    errors.extend(response.text().err());
                    assert_inert(&format!("{response} {response:?} {:?}", response.headers()), place);
                    errors.extend(
                        session
                            .paginate(session.get(server.url("/")).prepare().unwrap())
                            .take(2)
                            .filter_map(Result::err),
                    );
                }
            }
            for error in &errors {
                said += 1;
                assert_inert(&error.to_string(), place);
                assert_inert(&format!("{error:?}"), place);
                for cause in causes(error) {
                    assert_inert(&cause.to_string(), place);
                }
            }
            for line in kept().iter().filter(|line| line.target.starts_with("petition")) {
                assert_inert(&line.text, place);
            }
        }
    }
    assert!(said > 50, "only {said} errors were looked at");
}

#[test]
fn a_text_of_the_programs_own_stays_as_it_is() {
    let error = petition::Error::new(petition::ErrorKind::Other, "two\nlines");

    assert_eq!(error.to_string(), "two\nlines");
}

// The path of a socket is what its server or a redirect says, and may have any character but NUL
#[cfg(unix)]
#[test]
fn the_path_of_a_socket_leaves_no_control_character_in_errors_log_lines_events_and_statistics() {
    use std::io::Write;
    use std::os::unix::net::UnixListener;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    let dir = TempDir::new();
    let path = dir.path().join(format!("{EVIL}\n\u{202e}s"));
    let listener = UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                while let Some(head) = read_head(&mut stream) {
                    let answer = match head.split(' ').nth(1).unwrap() {
                        "/last" => "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
                        "/busy" => "HTTP/1.1 503 No\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
                        "/garbage" => "what is this\r\n",
                        _ => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                    };
                    let _ = stream.write_all(answer.as_bytes());
                }
            });
        }
    });
    let escaped: String = path.to_str().unwrap().bytes().map(|byte| format!("%{byte:02X}")).collect();
    let url = |target: &str| format!("http+unix://{escaped}{target}");
    let shown = Arc::new(Mutex::new(Vec::new()));
    for bounded in [false, true] {
        let told = Arc::clone(&shown);
        let settings = HttpAdapter::builder()
            .pool_maxsize(1)
            .pool_block(bounded)
            .max_retries(Retry::new().total(1).status_forcelist([503]))
            .rate_limit(RateLimit::every(Duration::from_millis(1)))
            .pause_on_retry_after(true)
            .clock(FakeClock::new())
            .on_event(move |event| {
                let mut shown = told.lock().unwrap();
                shown.extend([event.to_string(), event.endpoint().0.to_owned(), format!("{event:?}")]);
            });
        let mut session = session();
        session.mount("http+unix://", UnixAdapter::from(settings));
        keep();

        for target in ["/", "/last", "/busy", "/garbage", "/"] {
            let mut shown = Vec::new();
            match session.get(url(target)).send() {
                Ok(response) => shown.extend(response.raise_for_status().err().map(|error| error.to_string())),
                Err(error) => shown.extend([error.to_string(), format!("{error:?}")]),
            }
            shown.iter().for_each(|text| assert_inert(text, target));
        }
        let held = [None, bounded.then_some(Duration::from_millis(50))].map(|limit| {
            let request = session.get(url("/")).stream(true).timeout(Timeout::new().pool(limit));
            request.send().map_err(|error| error.to_string())
        });
        held.iter().filter_map(|late| late.as_ref().err()).for_each(|text| assert_inert(text, "late"));
        held.into_iter().flatten().for_each(|response| assert_eq!(response.text().unwrap(), "ok"));
        let stats = session.stats();
        assert_inert(&format!("{} {} {stats:?}", stats[0], stats[0].host()), "statistics");
        // By a redirect, to a path where nothing is.
        let redirecting = once(format!("HTTP/1.1 302 Found\r\nLocation: {}0/\r\nContent-Length: 0\r\n\r\n", url("")));
        let error = session.get(redirecting.url("/")).send().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionError);
        assert_inert(&error.to_string(), "redirect");
        session.close();

        let lines: Vec<_> = kept().into_iter().filter(|line| line.target.starts_with("petition")).collect();
        lines.iter().for_each(|line| assert_inert(&line.text, "log"));
        let said: Vec<_> = if bounded {
            vec!["Waiting for a connection to /", "Waiting for the rate limit, to send to /"]
        } else {
            vec!["Starting new HTTP", "Resetting", "Closing connection", "pool is full", "http:///"]
        };
        for what in said {
            assert!(lines.iter().any(|line| line.text.contains(what)), "{what}");
        }
    }
    let shown = shown.lock().unwrap();
    shown.iter().for_each(|text| assert_inert(text, "event"));
    for what in ["retry in", "paused", "waiting for", "discarded", "made in", "reused", "recycled"] {
        assert!(shown.iter().any(|event| event.contains(what)), "{what}");
    }
}
