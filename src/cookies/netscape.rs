//! Netscape's `cookies.txt`, as used by browser add-ons, curl, wget and Python's `MozillaCookieJar`.
//!
//! A line is a cookie: domain, whether it includes sub-domains, path, whether it is secure, expiry in seconds since
//! 1970, name and value, separated by tabs. The expiry of a session cookie is 0 or empty. The name may be empty.
//!
//! The file is bytes, and a header is bytes: each byte is one character here, whatever encoding was meant. Only the
//! domain, which is never sent, is text. This file opens no files and reads no clock.

use std::io;
use std::time::SystemTime;

use super::cookie::Cookie;
use super::store::fault_of;
use super::target::NO_HOST;
use super::{date, path};
use crate::log_targets;
use crate::text::mark::{MARK, without_mark};
use crate::text::{calendar, latin1};

const HEADER: &str =
    "# Netscape HTTP Cookie File\n# The values are secrets: whoever can read this file can use them.\n\n";
const HTTP_ONLY: &str = "#HttpOnly_";

/// The cookies of a file.
pub(super) fn parse(file: &[u8]) -> io::Result<Vec<Cookie>> {
    let mut cookies = Vec::new();
    for (number, line) in (1..).zip(lines(&without_mark(file))) {
        let Some((line, http_only)) = content(line) else { continue };
        let cookie = cookie(line).map_err(|fault| {
            // The line may hold a secret, so it is not shown.
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("line {number} is not a cookie in cookies.txt format: {fault}"),
            )
        })?;
        if is_nothing(&cookie) {
            log::warn!(target: log_targets::COOKIES, "Left out line {number} of a cookies.txt file: the cookie has neither name nor value");
            continue;
        }
        cookies.push(cookie.http_only(http_only));
    }
    Ok(cookies)
}

/// The lines: each ends with LF, CR LF or CR.
fn lines(file: &[u8]) -> impl Iterator<Item = &[u8]> {
    let up_to_lf = file.split(|&byte| byte == b'\n');
    up_to_lf.flat_map(|line| line.strip_suffix(b"\r").unwrap_or(line).split(|&byte| byte == b'\r'))
}

/// The part of a line that is a cookie, and whether it is marked HttpOnly; `None` for comments and blank lines.
fn content(line: &[u8]) -> Option<(&[u8], bool)> {
    // Concatenated files have byte-order marks in the middle.
    let line = line.strip_prefix(MARK.encode_utf8(&mut [0; 4]).as_bytes()).unwrap_or(line);
    let (line, http_only) = match line.trim_ascii_start().strip_prefix(HTTP_ONLY.as_bytes()) {
        Some(rest) => (rest, true),
        None => (line, false),
    };
    // A leading tab is kept: it follows an empty domain.
    match line.trim_ascii_start().first() {
        None | Some(b'#' | b'$') => None,
        Some(_) => Some((line, http_only)),
    }
}

fn cookie(line: &[u8]) -> Result<Cookie, &'static str> {
    let fields: Vec<_> = line.split(|&byte| byte == b'\t').collect();
    let (domain, below, path, secure, end, name, value) = match fields[..] {
        [domain, below, path, secure, end, name, value] => (domain, below, path, secure, end, name, value),
        // An editor may have removed the tab before an empty value.
        [domain, below, path, secure, end, name] => (domain, below, path, secure, end, name, &b""[..]),
        _ => return Err("it does not have seven fields"),
    };
    if line.contains(&b'\0') {
        return Err("it has a NUL, which cannot be sent");
    }
    let flag = |text: &[u8]| match text.trim_ascii() {
        text if text.eq_ignore_ascii_case(b"true") => Ok(true),
        text if text.eq_ignore_ascii_case(b"false") => Ok(false),
        _ => Err("a flag is neither TRUE nor FALSE"),
    };
    // An empty domain means every host; blanks hardly mean that.
    let domain = match domain.trim_ascii() {
        [] if !domain.is_empty() => return Err("its domain is blank"),
        domain => domain,
    };
    let domain = std::str::from_utf8(domain).map_or_else(|_| latin1::to_text(domain), str::to_owned);
    let path = latin1::to_text(path.trim_ascii());
    let end = std::str::from_utf8(end).ok().and_then(end_of).ok_or("its expiry is not a number")?;
    let host_only = !flag(below)? && !domain.is_empty();
    let cookie = Cookie::new(latin1::to_text(name), latin1::to_text(value));
    let cookie = cookie.domain(domain).host_only(host_only).path(path::escape_path(&path));
    Ok(cookie.secure(flag(secure)?).expires(end))
}

/// The expiry; the outer `None` means that `text` is not a number. Some programs write fractions, exponents, or -1 for a
/// session cookie.
fn end_of(text: &str) -> Option<Option<SystemTime>> {
    let text = text.trim();
    if text.is_empty() {
        return Some(None);
    }
    let is_number = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    let seconds: f64 = text.parse().ok().filter(|_| is_number)?;
    Some(date::ending_at(seconds).filter(|_| seconds >= 1.0))
}

/// Whether nothing would be sent.
fn is_nothing(cookie: &Cookie) -> bool {
    cookie.name.is_empty() && cookie.value.is_empty()
}

/// A file with these cookies.
pub(super) fn format(cookies: impl Iterator<Item = Cookie>) -> Vec<u8> {
    let mut out = HEADER.as_bytes().to_vec();
    for cookie in cookies {
        match line(&cookie) {
            Ok(line) => out.extend(line),
            Err(fault) => {
                let Cookie { name, domain, .. } = &cookie;
                log::warn!(target: log_targets::COOKIES, "Left out cookie {name:?} of {domain:?}: cookies.txt cannot represent {fault}");
            }
        }
    }
    out
}

/// A line that [`cookie`] reads as this cookie, or why there is none.
fn line(cookie: &Cookie) -> Result<Vec<u8>, &'static str> {
    let Cookie { name, value, domain, path, .. } = cookie;
    if is_nothing(cookie) {
        return Err("a cookie without name and value");
    }
    if [name, value, domain, path].iter().any(|text| text.contains(['\t', '\n', '\r', '\0'])) {
        return Err("tabs, line breaks or NUL");
    }
    if domain.starts_with(['#', '$', MARK]) || domain.trim() != domain || path.trim() != path {
        return Err("such a domain or path");
    }
    let bytes = |text: &str| match fault_of(text) {
        Some(fault) => Err(fault),
        None => Ok(text.chars().filter_map(latin1::byte).collect::<Vec<_>>()),
    };
    let (path, name, value) = (bytes(path)?, bytes(name)?, bytes(value)?);
    let below = !cookie.host_only && !domain.is_empty();
    let mut line = Vec::new();
    line.extend_from_slice(if cookie.http_only { HTTP_ONLY.as_bytes() } else { b"" });
    line.extend_from_slice(if below { b"." } else { b"" });
    let flag = |set: bool| if set { "TRUE" } else { "FALSE" };
    // MozillaCookieJar refuses a file in which the flag does not say whether the domain begins with a dot.
    let dotted = below || domain == NO_HOST;
    let end = cookie.expires.map_or(0, calendar::seconds).to_string();
    let fields: [&[u8]; 7] = [
        domain.as_bytes(),
        flag(dotted).as_bytes(),
        &path,
        flag(cookie.secure).as_bytes(),
        end.as_bytes(),
        &name,
        &value,
    ];
    line.extend(fields.join(&b'\t'));
    line.push(b'\n');
    Ok(line)
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
            (" h.test \tFALSE\t/\tFALSE\t0\ta\t1", cookie()),
            ("  .h.test  \t TRUE\t / \t FALSE \t0\ta\t1", wide()),
            ("#HttpOnly_ h.test\tFALSE\t/\tFALSE\t0\ta\t1", cookie().http_only(true)),
            ("  #HttpOnly_h.test\tFALSE\t/\tFALSE\t0\ta\t1", cookie().http_only(true)),
            ("#HttpOnly_\tFALSE\t/\tFALSE\t0\ta\t1", Cookie::new("a", "1").http_only(true)),
            ("h.test\tFALSE\t/\tFALSE\t0\ta\t 1 ", Cookie { value: " 1 ".into(), ..cookie() }),
            ("b\u{fc}cher.test\tFALSE\t/\tFALSE\t0\ta\t1", cookie().domain("b\u{fc}cher.test")),
            ("h.test\tFALSE\t/\tFALSE\t0\ta\t#1 \"x\"; y", Cookie { value: "#1 \"x\"; y".into(), ..cookie() }),
        ] {
            assert_eq!(one(line), want, "{line:?}");
        }
    }

    #[test]
    fn comments_and_blank_lines_are_passed_over() {
        const COOKIE: &str = "h.test\tFALSE\t/\tFALSE\t0\ta\t1";
        for line in [
            "",
            "   ",
            "\t",
            "#",
            "  # x",
            "\t# x",
            "$",
            "$ Version 1",
            "  $x",
            "#HttpOnly",
            "#HttpOnly_",
            "#HttpOnly_ # x",
        ] {
            assert_eq!(parse(line.as_bytes()).unwrap(), [], "{line:?}");
        }
        for mark in ["#", "# ", "  # ", "\t#", "$", " $"] {
            assert_eq!(parse(format!("{mark}{COOKIE}\n").as_bytes()).unwrap(), [], "{mark:?}");
        }
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
            "h.test\tFALSE\t/\tFALSE\tinf\ta\tsecret",
            "h.test\tFALSE\t/\tFALSE\tNaN\ta\tsecret",
            "h.test\tFALSE\t/\tFALSE\t0x10\ta\tsecret",
            "h.test\tFALSE\t/\tFALSE\t4e9.5\ta\tsecret",
            "h.test\tFALSE\t/\tFALSE\t.\ta\tsecret",
            "h.test\tFALSE\t/\tFALSE\t0\ta\tsecret\0",
            "h.test\tFALSE\t/\tFALSE\t0\t\0\tsecret",
            "  \tFALSE\t/\tFALSE\t0\ta\tsecret",
            "\0\u{1}",
        ] {
            let error = parse(format!("# x\n{line}\n").as_bytes()).unwrap_err();

            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{line:?}");
            assert!(error.to_string().starts_with("line 2 ") && !error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn bytes_are_characters_and_stay_bytes() {
        for bytes in [&b"\xe9"[..], b"\xc3\xa9", b"\xe2\x82\xac", b"\x80\xff", b"\x01\x1f\x7f", b"\"a, b\\\""] {
            let line = [b"h.test\tFALSE\t/\tFALSE\t0\tn", bytes, b"\tv", bytes, b"\n"].concat();

            let cookies = parse(&line).unwrap();

            let text = latin1::to_text(bytes);
            assert_eq!((&cookies[0].name, &cookies[0].value), (&format!("n{text}"), &format!("v{text}")));
            assert_eq!(format(cookies.into_iter()), [HEADER.as_bytes(), &line].concat());
        }
    }

    #[test]
    fn lines_end_at_lf_crlf_and_cr_and_are_counted_alike() {
        for end in ["\n", "\r\n", "\r"] {
            let line = |value: &str| format!("h.test\tFALSE\t/\tFALSE\t0\ta\t{value}{end}");
            let good = format!("# Netscape HTTP Cookie File{end}{end}{}{}", line("1"), line("2"));

            let values: Vec<_> = parse(good.as_bytes()).unwrap().into_iter().map(|cookie| cookie.value).collect();
            assert_eq!(values, ["1", "2"], "{end:?}");
            let error = parse(format!("{good}bad{end}").as_bytes()).unwrap_err();
            assert!(error.to_string().starts_with("line 5 "), "{end:?}: {error}");
        }
        let mixed = "#\rh.test\tFALSE\t/\tFALSE\t0\ta\t1\r\nh.test\tFALSE\t/\tFALSE\t0\tb\t2\n\rx";
        assert!(parse(mixed.as_bytes()).unwrap_err().to_string().starts_with("line 5 "));
    }

    #[test]
    fn a_byte_order_mark_hides_no_line() {
        let line = "h.test\tFALSE\t/\tFALSE\t0\ta\tb\u{e9}\n";
        let cookie = || Cookie::new("a", "b\u{c3}\u{a9}").domain("h.test").host_only(true);

        for (file, count) in [
            (format!("\u{feff}{line}"), 1),
            (format!("\u{feff}#HttpOnly_{line}"), 1),
            (format!("\u{feff}# x\n{line}\u{feff}# y\n\u{feff}{line}"), 2),
        ] {
            let cookies = parse(file.as_bytes()).unwrap();

            assert_eq!(cookies.len(), count, "{file:?}");
            assert!(cookies.into_iter().all(|own| own.http_only(false) == cookie()), "{file:?}");
        }
        for units in [u16::to_le_bytes, u16::to_be_bytes] {
            let file: Vec<u8> = format!("\u{feff}{line}").encode_utf16().flat_map(units).collect();

            assert_eq!(parse(&file).unwrap(), [cookie()]);
        }
    }

    #[test]
    fn an_end_is_any_number() {
        let end = |text: &str| one(&format!("h.test\tFALSE\t/\tFALSE\t{text}\ta\t1")).expires.map(calendar::seconds);
        for (text, want) in [
            ("", None),
            ("0", None),
            ("-1", None),
            (".5", None),
            ("-.5", None),
            ("0.999", None),
            ("-9e99", None),
            ("1", Some(1)),
            ("1.999", Some(1)),
            ("4e9", Some(4_000_000_000)),
            ("4E+9", Some(4_000_000_000)),
            (" 4000000000 ", Some(4_000_000_000)),
            ("+4000000000", Some(4_000_000_000)),
            ("4000000000.", Some(4_000_000_000)),
            ("253402300799", Some(date::LAST)),
            ("253402300798", Some(date::LAST - 1)),
            ("9223372036854775807", Some(date::LAST)),
            ("9223372036854775808", Some(date::LAST)),
            ("99999999999999999999999999", Some(date::LAST)),
            ("1e999", Some(date::LAST)),
        ] {
            assert_eq!(end(text), want, "{text:?}");
        }
    }

    #[test]
    fn a_cookie_without_a_name_is_one_and_without_anything_is_none() {
        assert_eq!(one("h.test\tFALSE\t/\tFALSE\t0\t\tv"), Cookie::new("", "v").domain("h.test").host_only(true));
        assert_eq!(parse(b"h.test\tFALSE\t/\tFALSE\t0\t\t\n").unwrap(), []);
        let written = format([Cookie::new("", "v"), Cookie::new("", "")].into_iter());
        assert_eq!(written, format!("{HEADER}\tFALSE\t/\tFALSE\t0\t\tv\n").into_bytes());
    }

    #[test]
    fn a_path_is_spelled_as_requests_spell_it() {
        let path = |bytes: &[u8]| {
            let line = [b"h.test\tFALSE\t", bytes, b"\tFALSE\t0\ta\t1"].concat();
            parse(&line).unwrap().remove(0).path
        };

        assert_eq!(path(b"/\xc3\xa9/%c3 x"), "/%C3%A9/%C3%20x");
        assert_eq!(path(b"/a/"), "/a/");
    }

    #[test]
    fn what_is_written_is_read_back() {
        let cookies = [
            Cookie::new("a", "1"),
            Cookie::new("b", "").domain("h.test").host_only(true).expires(calendar::at(4_000_000_000)),
            Cookie::new("c", "\"x y\"; \u{e9}").domain("h.test").path("/x").secure(true).http_only(true),
        ];

        let file = format(cookies.iter().cloned());

        assert!(file.starts_with(b"# Netscape HTTP Cookie File\n"), "MozillaCookieJar insists on this line");
        let dotted = Cookie { domain: ".h.test".into(), ..cookies[2].clone() };
        assert_eq!(parse(&file).unwrap(), [cookies[0].clone(), cookies[1].clone(), dotted]);
    }

    #[test]
    fn a_cookie_that_a_file_cannot_hold_or_that_cannot_be_sent_is_left_out() {
        for cookie in [
            Cookie::new("a", "1\n.evil.test\tTRUE\t/\tFALSE\t0\tb\t2"),
            Cookie::new("a", "1\r2"),
            Cookie::new("t\t", "1"),
            Cookie::new("a", "\0"),
            Cookie::new("a", "\u{20ac}"),
            Cookie::new("\u{100}", "1"),
            Cookie::new("a", "1").domain("#h.test"),
            Cookie::new("a", "1").domain("$h.test"),
            Cookie::new("a", "1").domain(" h.test"),
            Cookie::new("a", "1").path("/ "),
        ] {
            assert_eq!(format(std::iter::once(cookie.clone())), HEADER.as_bytes(), "{cookie:?}");
        }
    }
}
