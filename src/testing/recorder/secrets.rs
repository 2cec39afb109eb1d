//! What must not get into a file: credentials, cookies, and values whose names say that they are secret.
//!
//! Pure. Each value that is masked where its name gives it away is remembered, and masked wherever else it occurs: a server
//! that echoes a token, or a link that has it, gives nothing away. What has no telling name cannot be recognized; the program
//! names it ([`Secrets::add`]).

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::interaction::{Interaction, Received, Sent};
use crate::text::percent;
use crate::text::secret_name::{is_secret_name, words};

pub(super) const MASK: &str = "***";

/// Shorter values are not looked for elsewhere: they would be found in everything.
const SHORTEST: usize = 6;

/// How many values are looked for.
const MOST_VALUES: usize = 1000;

/// The names of secrets, and the values that were found.
#[derive(Clone, Debug, Default)]
pub(super) struct Secrets {
    added: Vec<String>,
    kept: Vec<String>,
    values: BTreeSet<String>,
}

impl Secrets {
    /// Masks values of this name too.
    pub(super) fn add(&mut self, name: &str) {
        self.added.push(words(name));
    }

    /// Does not mask values of this name.
    pub(super) fn keep(&mut self, name: &str) {
        self.kept.push(words(name));
    }

    /// Whether nothing is kept that would have been masked.
    pub(super) fn masks_all(&self) -> bool {
        self.kept.is_empty()
    }

    fn is_secret(&self, name: &str) -> bool {
        let name = words(name);
        if self.kept.contains(&name) {
            return false;
        }
        self.added.contains(&name) || is_secret_name(&name)
    }

    /// A request as it may be written, and as it is compared. `by_auth` are the names of headers that an auth set.
    pub(super) fn mask_sent(&mut self, sent: &mut Sent, by_auth: &[String]) {
        let mut found = BTreeSet::new();
        sent.url = self.request_url(&sent.url, &mut found);
        for (name, value) in &mut sent.headers {
            let is_own = |own: &String| own.eq_ignore_ascii_case(name);
            if by_auth.iter().any(is_own) && !self.is_secret(name) && !self.kept.contains(&words(name)) {
                *value = mask(value, &mut found);
            }
        }
        let content_type = sent.header("content-type").collect::<Vec<_>>().join(",");
        self.headers(&mut sent.headers, &mut found);
        self.body(&mut sent.body, &content_type, &mut found);
        self.remember(found);
        // The URL is compared, so it is masked alike every time: what requests had is known again when they are replayed, and of
        // what responses had the program then knows the mask alone.
        sent.url = scrub(&sent.url, &self.values).into_owned();
    }

    /// A response as it may be written.
    pub(super) fn mask_received(&mut self, received: &mut Received) {
        let mut found = BTreeSet::new();
        let content_type: Vec<&str> = received
            .headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("content-type"))
            .map(|(_, value)| value.as_str())
            .collect();
        let content_type = content_type.join(",");
        self.headers(&mut received.headers, &mut found);
        self.body(&mut received.body, &content_type, &mut found);
        self.remember(found);
    }

    /// Masks the values that were found so far wherever they are.
    pub(super) fn scrub(&self, interaction: &mut Interaction) {
        let Interaction { request, response } = interaction;
        let texts = [&mut request.url, &mut response.reason];
        let values = request.headers.iter_mut().chain(&mut response.headers).map(|(_, value)| value);
        for text in values.chain(texts) {
            *text = scrub(text, &self.values).into_owned();
        }
        for body in [&mut request.body, &mut response.body] {
            if let Ok(text) = std::str::from_utf8(body) {
                if let Cow::Owned(masked) = scrub(text, &self.values) {
                    *body = masked.into_bytes();
                }
            }
        }
    }

    fn remember(&mut self, found: BTreeSet<String>) {
        for value in found {
            if self.values.len() < MOST_VALUES {
                self.values.insert(value);
            }
        }
    }

    fn headers(&self, headers: &mut [(String, String)], found: &mut BTreeSet<String>) {
        for (name, value) in headers {
            let masked = match name.to_ascii_lowercase().as_str() {
                "set-cookie" if self.is_secret("cookie") => {
                    let (pair, rest) = value.split_once(';').map_or((value.as_str(), None), |(a, b)| (a, Some(b)));
                    let pair = self.cookie(pair, found);
                    rest.map_or(pair.clone(), |rest| format!("{pair};{rest}"))
                }
                "cookie" if self.is_secret("cookie") => {
                    value.split("; ").map(|pair| self.cookie(pair, found)).collect::<Vec<_>>().join("; ")
                }
                "authorization" | "proxy-authorization" if self.is_secret(name) => match value.split_once(' ') {
                    Some((scheme, rest)) => {
                        found_value(rest, found);
                        format!("{scheme} {MASK}")
                    }
                    None => mask(value, found),
                },
                _ if self.is_secret(name) => mask(value, found),
                "location" | "content-location" | "link" | "referer" | "refresh" => self.url(value, found),
                _ => continue,
            };
            *value = masked;
        }
    }

    fn cookie(&self, pair: &str, found: &mut BTreeSet<String>) -> String {
        match pair.split_once('=') {
            Some((name, _)) if self.kept.contains(&words(name)) => pair.to_owned(),
            Some((name, value)) => format!("{name}={}", mask(value, found)),
            None => mask(pair, found),
        }
    }

    /// Masks user info and parameters of the URL of a request.
    fn request_url(&self, text: &str, found: &mut BTreeSet<String>) -> String {
        let out = self.user_info(text, found);
        self.query(&out, Ends { starts: &['?', '&', ';'], others: "#", of_secret: "&#" }, found)
    }

    /// Masks user info and parameters in a text that is a URL, or has some in it.
    fn url(&self, text: &str, found: &mut BTreeSet<String>) -> String {
        let out = self.user_info(text, found);
        let ends = Ends { starts: &['?', '&', ';'], others: "#>\"', ", of_secret: "?&;#>\"', " };
        self.query(&out, ends, found)
    }

    fn user_info(&self, text: &str, found: &mut BTreeSet<String>) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find("://") {
            let (before, after) = rest.split_at(at + 3);
            out.push_str(before);
            let end = after.find(['/', '?', '#', '>', '"', ' ', ',']).unwrap_or(after.len());
            let authority = &after[..end];
            match authority.rsplit_once('@') {
                Some((user, host)) => {
                    if let Some((_, password)) = user.split_once(':') {
                        found_value(password, found);
                    }
                    out.push_str(&format!("{MASK}@{host}"));
                }
                None => out.push_str(authority),
            }
            rest = &after[end..];
        }
        out.push_str(rest);
        out
    }

    /// Masks the values of `name=value`, at the start of the text and after each of its ends.
    fn query(&self, text: &str, ends: Ends<'_>, found: &mut BTreeSet<String>) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        loop {
            let mut end = rest.find(|c| ends.starts.contains(&c) || ends.others.contains(c)).unwrap_or(rest.len());
            match rest[..end].split_once('=') {
                Some((name, _)) if self.is_secret(&decoded(name)) => {
                    end = rest.find(|c| ends.of_secret.contains(c)).unwrap_or(rest.len());
                    let value = &rest[name.len() + 1..end];
                    out.push_str(&format!("{name}={}", mask(value, found)));
                }
                _ => out.push_str(&rest[..end]),
            }
            let Some(separator) = rest[end..].chars().next() else { return out };
            out.push(separator);
            rest = &rest[end + separator.len_utf8()..];
        }
    }

    fn body(&self, body: &mut Vec<u8>, content_type: &str, found: &mut BTreeSet<String>) {
        let kind = content_type.to_ascii_lowercase();
        if kind.starts_with("multipart/") {
            self.parts(body, found);
            return;
        }
        let Ok(text) = std::str::from_utf8(body) else { return };
        let is_json = kind.contains("json") || (text.trim_start().starts_with(['{', '[']) && !kind.contains("html"));
        let masked = if is_json {
            self.json(text, found)
        } else if kind.starts_with("application/x-www-form-urlencoded") {
            self.query(text, Ends { starts: &['&'], others: "", of_secret: "&" }, found)
        } else {
            return;
        };
        *body = masked.into_bytes();
    }

    /// The text of JSON, or of several JSON values, with the texts masked whose names are secret. Everything else stays as it
    /// is written.
    fn json(&self, text: &str, found: &mut BTreeSet<String>) -> String {
        let mut out = String::with_capacity(text.len());
        // How deep a secret value is, and whether the next value is one.
        let (mut depth, mut secret_below, mut next_is_secret) = (0_usize, None, false);
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if c == '"' {
                let (string, after) = rest.split_at(string_end(rest));
                let is_name = after.trim_start().starts_with(':');
                let content = string.trim_matches('"');
                if is_name {
                    // A key of a map has no better name.
                    next_is_secret = content != "key" && self.is_secret(content);
                    out.push_str(string);
                } else if (next_is_secret || secret_below.is_some()) && !content.is_empty() {
                    found_value(content, found);
                    out.push_str(&format!("\"{MASK}\""));
                } else {
                    out.push_str(string);
                }
                next_is_secret &= is_name;
                rest = after;
                continue;
            }
            match c {
                '{' | '[' => {
                    depth += 1;
                    if std::mem::take(&mut next_is_secret) && secret_below.is_none() {
                        secret_below = Some(depth);
                    }
                }
                '}' | ']' => {
                    if secret_below == Some(depth) {
                        secret_below = None;
                    }
                    depth = depth.saturating_sub(1);
                }
                ',' => next_is_secret = false,
                _ => {}
            }
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
        out
    }

    /// Masks the parts of a form whose names are secret.
    fn parts(&self, body: &mut Vec<u8>, found: &mut BTreeSet<String>) {
        let Some(line) = memchr::memmem::find(body, b"\r\n") else { return };
        let delimiter = [b"\r\n", &body[..line]].concat();
        let mut out = Vec::with_capacity(body.len());
        let mut rest = &body[..];
        loop {
            let end = memchr::memmem::find(rest, &delimiter).unwrap_or(rest.len());
            let part = &rest[..end];
            match memchr::memmem::find(part, b"\r\n\r\n") {
                Some(head) if self.is_secret(&part_name(&part[..head])) => {
                    if let Ok(value) = std::str::from_utf8(&part[head + 4..]) {
                        found_value(value, found);
                    }
                    out.extend_from_slice(&part[..head + 4]);
                    out.extend_from_slice(MASK.as_bytes());
                }
                _ => out.extend_from_slice(part),
            }
            if end == rest.len() {
                break;
            }
            out.extend_from_slice(&delimiter);
            rest = &rest[end + delimiter.len()..];
        }
        *body = out;
    }
}

/// What ends a `name=value`.
#[derive(Clone, Copy)]
struct Ends<'a> {
    starts: &'a [char],
    others: &'a str,
    /// What ends a secret: no more than must, as some of it would be left.
    of_secret: &'a str,
}

/// The name in the Content-Disposition of a part's head.
fn part_name(head: &[u8]) -> String {
    let head = String::from_utf8_lossy(head);
    let after = head.split_once("; name=\"").map_or("", |(_, after)| after);
    after.split('"').next().unwrap_or_default().to_owned()
}

/// Where the JSON string ends that `text` begins with.
fn string_end(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '\\' if !is_escaped => is_escaped = true,
            '"' if !is_escaped => return at + 1,
            _ => is_escaped = false,
        }
    }
    text.len()
}

fn mask(value: &str, found: &mut BTreeSet<String>) -> String {
    found_value(value, found);
    if value.is_empty() { String::new() } else { MASK.to_owned() }
}

fn found_value(value: &str, found: &mut BTreeSet<String>) {
    let value = value.trim().trim_matches('"');
    for form in [value.to_owned(), decoded(value)] {
        if form.len() >= SHORTEST && form != MASK {
            found.insert(form);
        }
    }
}

fn scrub<'t>(text: &'t str, values: &BTreeSet<String>) -> Cow<'t, str> {
    // The longest first: another may be a part of it.
    let mut present: Vec<&String> = values.iter().filter(|value| text.contains(value.as_str())).collect();
    present.sort_by_key(|value| std::cmp::Reverse(value.len()));
    present.into_iter().fold(Cow::Borrowed(text), |text, value| Cow::Owned(text.replace(value.as_str(), MASK)))
}

fn decoded(text: &str) -> String {
    percent::decode(&text.replace('+', " ")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str, content_type: &str) -> String {
        let mut body = text.as_bytes().to_vec();
        Secrets::default().body(&mut body, content_type, &mut BTreeSet::new());
        String::from_utf8(body).unwrap()
    }

    #[test]
    fn names_that_say_so_are_secret() {
        let secrets = Secrets::default();
        for name in [
            "Authorization",
            "X-Api-Key",
            "api_key",
            "apiKey",
            "APIKEY",
            "access_token",
            "accessToken",
            "X-CSRF-Token",
            "client_secret",
            "Password",
            "userPassword",
            "X-Amz-Signature",
            "sessionid",
            "JWT",
            "X-Amz-Security-Token",
            "AWSAccessKeyId",
            "key",
        ] {
            assert!(secrets.is_secret(name), "{name}");
        }
        for name in
            ["page", "Accept", "author", "monkey", "keyboard", "max_tokens", "X-Request-Id", "secretary", "User-Agent"]
        {
            assert!(!secrets.is_secret(name), "{name}");
        }
    }

    #[test]
    fn urls_lose_user_info_and_secret_parameters_and_nothing_else() {
        for (text, want) in [
            ("http://h/a?b=c&d", "http://h/a?b=c&d"),
            ("http://u:p@h/a?api_key=s3&b=c#token=x", "http://***@h/a?api_key=***&b=c#token=***"),
            ("/next?page=2&token=a%20b", "/next?page=2&token=***"),
            (
                "<http://h/a?page=2&key=s>; rel=\"next\", <http://h/b?key=t>; rel=\"last\"",
                "<http://h/a?page=2&key=***>; rel=\"next\", <http://h/b?key=***>; rel=\"last\"",
            ),
            ("http://h/a?api%5Fkey=s", "http://h/a?api%5Fkey=***"),
            ("http://h/a?token=", "http://h/a?token="),
        ] {
            assert_eq!(Secrets::default().url(text, &mut BTreeSet::new()), want);
        }
    }

    #[test]
    fn json_and_forms_keep_their_text_except_secrets() {
        for (text, want) in [
            ("{\"b\": 1,\n \"a\": \"token\"}", "{\"b\": 1,\n \"a\": \"token\"}"),
            ("{\"access_token\": \"s\\\"3\", \"x\": \"y\"}", "{\"access_token\": \"***\", \"x\": \"y\"}"),
            (
                "{\"token\":{\"value\":\"s\",\"n\":[\"t\"]},\"v\":\"w\"}",
                "{\"token\":{\"value\":\"***\",\"n\":[\"***\"]},\"v\":\"w\"}",
            ),
            ("{\"token\":1,\"v\":\"w\"}\n{\"token\":\"a\"}", "{\"token\":1,\"v\":\"w\"}\n{\"token\":\"***\"}"),
            ("{\"token\": \"cut", "{\"token\": \"***\""),
        ] {
            assert_eq!(body(text, "application/json; charset=utf-8"), want);
        }
        assert_eq!(body("user=a&password=b%20c&x=", "application/x-www-form-urlencoded"), "user=a&password=***&x=");
        assert_eq!(body("password=pa,ss#wo'rd&x=1", "application/x-www-form-urlencoded"), "password=***&x=1");
        assert_eq!(body("password=b", "text/plain"), "password=b");
        let form = "--x\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nsecret\r\n--x\r\nContent-Disposition: \
                    form-data; name=\"a\"\r\n\r\n1\r\n--x--\r\n";
        assert_eq!(body(form, "multipart/form-data; boundary=x"), form.replace("secret", MASK));
    }

    #[test]
    fn a_value_that_an_earlier_answer_had_is_masked_in_a_later_url() {
        let sent =
            |url: &str| Sent { method: "GET".to_owned(), url: url.to_owned(), headers: Vec::new(), body: Vec::new() };
        let mut secrets = Secrets::default();
        let body = br#"{"access_token": "abcdefgh"}"#.to_vec();
        let headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        secrets.mask_received(&mut Received { status: 200, reason: String::new(), headers, body });

        let mut later = sent("http://h/bot-abcdefgh/x");
        secrets.mask_sent(&mut later, &[]);

        assert_eq!(later.url, "http://h/bot-***/x");
    }

    #[test]
    fn what_an_auth_set_is_masked_whatever_its_name() {
        let mut request = Sent {
            method: "GET".to_owned(),
            url: "http://h/".to_owned(),
            headers: vec![("X-Team".to_owned(), "hunter2".to_owned()), ("X-Other".to_owned(), "1".to_owned())],
            body: Vec::new(),
        };

        Secrets::default().mask_sent(&mut request, &["x-team".to_owned()]);

        assert_eq!(request.headers[0].1, MASK);
        assert_eq!(request.headers[1].1, "1");
    }

    #[test]
    fn a_value_that_was_found_is_masked_wherever_it_is() {
        let mut secrets = Secrets::default();
        let mut request = Sent {
            method: "GET".to_owned(),
            url: "http://h/bot123456/x?n=1".to_owned(),
            headers: vec![("X-Api-Key".to_owned(), "bot123456".to_owned())],
            body: b"bot123456".to_vec(),
        };
        secrets.mask_sent(&mut request, &[]);
        let headers = vec![("Set-Cookie".to_owned(), "id=abcdefgh; Path=/".to_owned())];
        let mut response =
            Received { status: 200, reason: String::new(), headers, body: b"<a bot123456 abcdefgh>".to_vec() };
        secrets.mask_received(&mut response);
        let mut all = Interaction { request, response };

        secrets.scrub(&mut all);

        let text = format!("{} {:?}", all.request.url, all);
        assert!(!text.contains("bot123456") && !text.contains("abcdefgh"), "{text}");
        assert_eq!(all.request.url, "http://h/***/x?n=1");
        assert_eq!(all.response.headers[0].1, "id=***; Path=/");
        assert_eq!((all.request.body, all.response.body), (b"***".to_vec(), b"<a *** ***>".to_vec()));
    }
}
