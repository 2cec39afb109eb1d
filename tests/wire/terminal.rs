//! What a stranger says does not act on a terminal: no control character of a server, a proxy or a file is in an error's text,
//! in its causes, or in a line of the log.

use petition::{DigestAuth, HttpAdapter, Retry, Session};

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
