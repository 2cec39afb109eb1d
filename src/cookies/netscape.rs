//! Netscape's `cookies.txt`, as used by browser add-ons, curl, wget and Python's `MozillaCookieJar`.
//!
//! A line is a cookie: domain, whether it includes sub-domains, path, whether it is secure, expiry in seconds since
//! 1970, name and value, separated by tabs. The expiry of a session cookie is 0 or empty. This file handles text only:
//! no files, no clock.

use std::borrow::Cow;
use std::fmt::Write;
use std::io;

use super::cookie::Cookie;
use super::date;
use crate::log_targets;
use crate::text::{calendar, latin1};

const HEADER: &str =
    "# Netscape HTTP Cookie File\n# The values are secrets: whoever can read this file can use them.\n\n";
const HTTP_ONLY: &str = "#HttpOnly_";

/// The cookies of a file. Bytes that are not UTF-8 are read as Latin-1, line by line.
pub(super) fn parse(file: &[u8]) -> io::Result<Vec<Cookie>> {
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    let mut cookies = Vec::new();
    for (number, line) in (1..).zip(file.split(|&byte| byte == b'\n')) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = match std::str::from_utf8(line) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(latin1::to_text(line)),
        };
        let (line, http_only) = match line.strip_prefix(HTTP_ONLY) {
            Some(rest) => (rest, true),
            None => (&*line, false),
        };
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let cookie = cookie(line).map_err(|fault| {
            // The line may hold a secret, so it is not shown.
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("line {number} is not a cookie in cookies.txt format: {fault}"),
            )
        })?;
        cookies.push(cookie.http_only(http_only));
    }
    Ok(cookies)
}

fn cookie(line: &str) -> Result<Cookie, &'static str> {
    let fields: Vec<_> = line.split('\t').collect();
    let (domain, below, path, secure, end, name, value) = match fields[..] {
        [domain, below, path, secure, end, name, value] => (domain, below, path, secure, end, name, value),
        // An editor may have removed the tab before an empty value.
        [domain, below, path, secure, end, name] => (domain, below, path, secure, end, name, ""),
        _ => return Err("it does not have seven fields"),
    };
    let flag = |text: &str| match text {
        _ if text.eq_ignore_ascii_case("true") => Ok(true),
        _ if text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err("a flag is neither TRUE nor FALSE"),
    };
    let expires = match end.trim() {
        "" => None,
        // Some write fractions of a second, and -1 for a session.
        end => match end.split('.').next().unwrap_or(end).parse::<i64>() {
            Ok(seconds) if seconds <= 0 => None,
            Ok(seconds) => calendar::at(seconds.min(date::LAST)),
            Err(_) => return Err("its expiry is not a number"),
        },
    };
    let cookie = Cookie::new(name, value).domain(domain).path(path).secure(flag(secure)?).expires(expires);
    Ok(cookie.host_only(!flag(below)? && !domain.is_empty()))
}

/// A file with these cookies.
pub(super) fn format(cookies: impl Iterator<Item = Cookie>) -> String {
    let mut out = String::from(HEADER);
    for cookie in cookies {
        let Cookie { name, value, domain, path, .. } = &cookie;
        if [name, value, domain, path].iter().any(|text| text.contains(['\t', '\n', '\r'])) {
            log::warn!(target: log_targets::COOKIES, "Left out cookie {name:?} of {domain:?}: cookies.txt cannot represent tabs and line breaks");
            continue;
        }
        let prefix = if cookie.http_only { HTTP_ONLY } else { "" };
        let below = !cookie.host_only && !domain.is_empty();
        let dot = if below { "." } else { "" };
        let flag = |set: bool| if set { "TRUE" } else { "FALSE" };
        let end = cookie.expires.map_or(0, calendar::seconds);
        let (below, secure) = (flag(below), flag(cookie.secure));
        writeln!(out, "{prefix}{dot}{domain}\t{below}\t{path}\t{secure}\t{end}\t{name}\t{value}")
            .expect("writing to a String cannot fail");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(line: &str) -> Cookie {
        let mut cookies = parse(line.as_bytes()).unwrap();
        assert_eq!(cookies.len(), 1, "{line:?}");
        cookies.remove(0)
    }

    #[test]
    fn a_line_is_a_cookie() {
        let end = calendar::at(4_000_000_000);
        let cookie = || Cookie::new("a", "1").domain("h.test").host_only(true);
        let wide = || Cookie::new("a", "1").domain(".h.test");
        for (line, want) in [
            ("h.test\tFALSE\t/\tFALSE\t0\ta\t1", cookie()),
            (".h.test\tTRUE\t/\tFALSE\t0\ta\t1\n", wide()),
            (".h.test\tTRUE\t/x\tTRUE\t0\ta\t1\r\n", wide().path("/x").secure(true)),
            ("h.test\tfalse\t/\tfalse\t\ta\t1", cookie()),
            ("h.test\tFALSE\t/\tFALSE\t-1\ta\t1", cookie()),
            ("h.test\tFALSE\t/\tFALSE\t4000000000\ta\t1", cookie().expires(end)),
            ("h.test\tFALSE\t/\tFALSE\t4000000000.123\ta\t1", cookie().expires(end)),
            ("h.test\tFALSE\t/\tFALSE\t999999999999999\ta\t1", cookie().expires(calendar::at(date::LAST))),
            ("#HttpOnly_h.test\tFALSE\t/\tFALSE\t0\ta\t1", cookie().http_only(true)),
            ("#HttpOnly_.h.test\tTRUE\t/\tFALSE\t0\ta\t1", wide().http_only(true)),
            ("\tFALSE\t/\tFALSE\t0\ta\t1", Cookie::new("a", "1")),
            ("h.test\tFALSE\t/\tFALSE\t0\ta\t", Cookie { value: String::new(), ..cookie() }),
            ("h.test\tFALSE\t/\tFALSE\t0\ta", Cookie { value: String::new(), ..cookie() }),
            ("h.test\tFALSE\t/\tFALSE\t0\ta\t#1 \"x\"; y", Cookie { value: "#1 \"x\"; y".into(), ..cookie() }),
        ] {
            assert_eq!(one(line), want, "{line:?}");
        }
    }

    #[test]
    fn comments_and_blank_lines_are_passed_over() {
        let file = "\u{feff}# Netscape HTTP Cookie File\r\n\r\n#\n   \n#HttpOnly\n# h.test\tFALSE\t/\tFALSE\t0\ta\t1\n";

        assert_eq!(parse(file.as_bytes()).unwrap(), []);
        assert_eq!(parse(b"").unwrap(), []);
    }

    #[test]
    fn a_line_that_is_no_cookie_is_named_and_not_shown() {
        for line in [
            "Set-Cookie: a=secret",
            "h.test\tFALSE\t/\tFALSE\t0",
            "h.test\tFALSE\t/\tFALSE\t0\ta\tsecret\tx",
            "h.test\tmaybe\t/\tFALSE\t0\ta\tsecret",
            "h.test\tFALSE\t/\t1\t0\ta\tsecret",
            "h.test\tFALSE\t/\tFALSE\tsoon\ta\tsecret",
            "\0\u{1}",
        ] {
            let error = parse(format!("# x\n{line}\n").as_bytes()).unwrap_err();

            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{line:?}");
            assert!(error.to_string().starts_with("line 2 ") && !error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn what_is_not_utf8_is_latin1() {
        let cookies = parse(b"h.test\tFALSE\t/\tFALSE\t0\ta\t\xe9\nh.test\tFALSE\t/\tFALSE\t0\tb\t\xc3\xa9\n").unwrap();

        assert_eq!((cookies[0].value.as_str(), cookies[1].value.as_str()), ("\u{e9}", "\u{e9}"));
    }

    #[test]
    fn what_is_written_is_read_back() {
        let cookies = [
            Cookie::new("a", "1"),
            Cookie::new("b", "").domain("h.test").host_only(true).expires(calendar::at(4_000_000_000)),
            Cookie::new("c", "\"x y\"; \u{e9}").domain("h.test").path("/x").secure(true).http_only(true),
        ];

        let file = format(cookies.iter().cloned());

        assert!(file.starts_with("# Netscape HTTP Cookie File\n"), "MozillaCookieJar insists on this line");
        let dotted = Cookie { domain: ".h.test".into(), ..cookies[2].clone() };
        assert_eq!(parse(file.as_bytes()).unwrap(), [cookies[0].clone(), cookies[1].clone(), dotted]);
    }

    #[test]
    fn a_cookie_that_would_break_the_lines_is_left_out() {
        let text =
            format([Cookie::new("a", "1\n.evil.test\tTRUE\t/\tFALSE\t0\tb\t2"), Cookie::new("t\t", "1")].into_iter());

        assert_eq!(text, HEADER);
    }
}
