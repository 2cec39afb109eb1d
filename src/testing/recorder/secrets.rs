//! What must not get into a file: credentials, cookies, and values whose names say that they are secret.
//!
//! Pure. Each value that is masked where its name gives it away is remembered, and masked wherever else it occurs, however it is
//! written there: a server that echoes a token, or a link that has it, gives nothing away. What has no telling name cannot be
//! recognized; the program names it ([`Secrets::add`]).

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::interaction::{Interaction, Received, Sent};
use super::masks::{self, HOST_MASK, MASK, Masked, mask_at, replaced, string_end};
use super::url_places::UrlPlaces;
use super::values::{Values, forms_of, merged};
use super::written::{Writing, undone};
use crate::form::masked::with_contents;
use crate::text::percent;
use crate::text::secret_name::{describes_message, is_secret_name, words};

/// What a cookie says about where and how long it is valid. With a mask in it, a jar would refuse the cookie or not send it.
const ATTRIBUTES: [&str; 5] = ["domain", "path", "expires", "max-age", "samesite"];

/// The names of secrets, and the values that were found.
#[derive(Clone, Debug, Default)]
pub(super) struct Secrets {
    added: Vec<String>,
    kept: Vec<String>,
    values: Values,
}

/// Values, in an order that does not depend on where they were found first.
type Found = std::collections::BTreeSet<Vec<u8>>;

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

    /// A request as it may be written. `by_auth` are the names of headers that an auth set, which are secret whatever they are
    /// called, unless they only describe the message. Returns the URL of which only that is masked whose name says so.
    pub(super) fn mask_sent(&mut self, sent: &mut Sent, by_auth: &[String]) -> String {
        let mut found = Found::new();
        let by_name = self.request_url(&sent.url, &mut found);
        let content_type = sent.header("content-type").collect::<Vec<_>>().join(",");
        for (name, value) in &mut sent.headers {
            let is_own = by_auth.iter().any(|own| own.eq_ignore_ascii_case(name)) && !describes_message(name);
            if is_own && !self.is_secret(name) && !self.kept.contains(&words(name)) {
                *value = mask(value, &mut found);
            }
        }
        self.headers(&mut sent.headers, &mut found);
        self.body(&mut sent.body, &content_type, &mut found);
        self.remember(found);
        sent.url = self.scrubbed_url(&by_name).unwrap_or_else(|| by_name.clone());
        by_name
    }

    /// A response as it may be written.
    pub(super) fn mask_received(&mut self, received: &mut Received) {
        let mut found = Found::new();
        let content_type = content_type_of(received);
        self.headers(&mut received.headers, &mut found);
        self.body(&mut received.body, &content_type, &mut found);
        self.remember(found);
    }

    /// Masks the values that were found so far wherever they are.
    ///
    /// Of a request only its URL is sent again, by who follows a link. The rest is compared, where [`MASK`] stands for any text;
    /// no other mask does.
    pub(super) fn scrub(&self, interaction: &mut Interaction) {
        let Interaction { request, response } = interaction;
        let put = |text: &mut String, masked: Option<String>| {
            if let Some(masked) = masked {
                *text = masked;
            }
        };
        let masked = self.scrubbed_url(&request.url);
        put(&mut request.url, masked);
        for (_, value) in &mut request.headers {
            let places = self.values.places_in(value.as_bytes());
            let masked = text_replaced(value, places.into_iter().map(always_mask).collect());
            put(value, masked);
        }
        let places = self.values.places_in(&request.body);
        if !places.is_empty() {
            request.body = replaced(&request.body, places.into_iter().map(always_mask));
        }
        let kind = content_type_of(response).to_ascii_lowercase();
        for (name, value) in &mut response.headers {
            let masked = match name.to_ascii_lowercase().as_str() {
                // It counts bytes, and is set again if the body changes.
                "content-length" => None,
                "location" | "content-location" => self.scrubbed_location(value),
                "set-cookie" => self.scrubbed_cookie(value),
                _ => self.scrubbed_text(value),
            };
            put(value, masked);
        }
        let masked = self.scrubbed_text(&response.reason);
        put(&mut response.reason, masked);
        let places = self.values.places_in(&response.body);
        if !places.is_empty() {
            let masks = masks::in_body(&response.body, &kind, places);
            response.body = replaced(&response.body, masks);
        }
    }

    /// `None` if there is nothing to mask.
    fn scrubbed_text(&self, text: &str) -> Option<String> {
        let places = self.values.places_in(text.as_bytes());
        let masked = places.into_iter().map(|place| (mask_at(text.as_bytes(), place.start), place));
        text_replaced(text, masked.collect())
    }

    /// The same for a `Set-Cookie`, of which nothing is masked in what says where the cookie is sent, and until when.
    fn scrubbed_cookie(&self, text: &str) -> Option<String> {
        let places = self.values.places_in(text.as_bytes());
        let (mut masked, mut start) = (Vec::new(), 0);
        for part in text.split(';') {
            let name = part.split('=').next().unwrap_or_default().trim();
            if start == 0 || !ATTRIBUTES.iter().any(|own| own.eq_ignore_ascii_case(name)) {
                let places = masks::within(&places, start..start + part.len());
                masked.extend(places.map(|place| (mask_at(text.as_bytes(), place.start), place)));
            }
            start += part.len() + 1;
        }
        text_replaced(text, masked)
    }

    /// The same for the URL of a request.
    fn scrubbed_url(&self, url: &str) -> Option<String> {
        self.scrubbed_parts(url, |_, _| MASK)
    }

    /// The same for a URL that is followed, of which a part may be a URL too.
    fn scrubbed_location(&self, url: &str) -> Option<String> {
        self.scrubbed_parts(url, mask_at)
    }

    /// The same for a URL, whose parts stay apart. Of a value that is more than a host, the host is no secret, and must be found
    /// again.
    fn scrubbed_parts(&self, url: &str, mask_at: fn(&[u8], usize) -> &'static str) -> Option<String> {
        let found = self.values.find_in(url.as_bytes());
        if found.is_empty() {
            return None;
        }
        let UrlPlaces { host, path, query } = UrlPlaces::of(url);
        let in_host = found.iter().filter(|place| host.start <= place.start && place.end <= host.end);
        let in_host = merged(in_host.cloned().collect()).into_iter().map(|place| (HOST_MASK, place));
        let found = merged(found.clone());
        let in_parts = [path, query].into_iter().flat_map(|part| masks::within(&found, part).collect::<Vec<_>>());
        let in_parts = in_parts.map(|place| (mask_at(url.as_bytes(), place.start), place));
        text_replaced(url, in_host.chain(in_parts).collect())
    }

    fn remember(&mut self, found: Found) {
        found.into_iter().for_each(|value| self.values.insert(value));
    }

    fn headers(&self, headers: &mut [(String, String)], found: &mut Found) {
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
                        found_credentials(scheme, rest, found);
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

    fn cookie(&self, pair: &str, found: &mut Found) -> String {
        match pair.split_once('=') {
            Some((name, _)) if self.kept.contains(&words(name)) => pair.to_owned(),
            Some((name, value)) => format!("{name}={}", mask(value, found)),
            None => mask(pair, found),
        }
    }

    /// Masks user info and parameters of the URL of a request.
    fn request_url(&self, text: &str, found: &mut Found) -> String {
        self.in_url(text, Ends { starts: b"?&;", others: b"#", of_secret: b"&#" }, found)
    }

    /// Masks user info and parameters in a text that is a URL, or has some in it.
    fn url(&self, text: &str, found: &mut Found) -> String {
        self.in_url(text, Ends { starts: b"?&;", others: b"#>\"', ", of_secret: b"?&;#>\"', " }, found)
    }

    fn in_url(&self, text: &str, ends: Ends<'_>, found: &mut Found) -> String {
        let out = self.user_info(text, found);
        String::from_utf8_lossy(&self.query(out.as_bytes(), ends, found)).into_owned()
    }

    fn user_info(&self, text: &str, found: &mut Found) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find("://") {
            let (before, after) = rest.split_at(at + 3);
            out.push_str(before);
            let end = after.find(['/', '?', '#', '>', '"', ' ', ',']).unwrap_or(after.len());
            let authority = &after[..end];
            match authority.rsplit_once('@') {
                Some((user_info, host)) => {
                    found_user_info(user_info.as_bytes(), found);
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
    fn query(&self, text: &[u8], ends: Ends<'_>, found: &mut Found) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len());
        let mut rest = text;
        loop {
            let end_by = |is_end: &dyn Fn(&u8) -> bool| rest.iter().position(is_end).unwrap_or(rest.len());
            let mut end = end_by(&|byte| ends.starts.contains(byte) || ends.others.contains(byte));
            let name = memchr::memchr(b'=', &rest[..end]).map(|at| &rest[..at]);
            match name.filter(|name| self.is_secret(&decoded(name))) {
                Some(name) => {
                    end = end_by(&|byte| ends.of_secret.contains(byte));
                    let value = &rest[name.len() + 1..end];
                    found.extend(forms_of(value));
                    out.extend_from_slice(&rest[..name.len() + 1]);
                    out.extend_from_slice(if value.is_empty() { b"" } else { MASK.as_bytes() });
                }
                None => out.extend_from_slice(&rest[..end]),
            }
            let Some(separator) = rest.get(end) else { return out };
            out.push(*separator);
            rest = &rest[end + 1..];
        }
    }

    /// The bytes need not be UTF-8: what has a meaning in them is ASCII.
    fn body(&self, body: &mut Vec<u8>, content_type: &str, found: &mut Found) {
        let kind = content_type.to_ascii_lowercase();
        if kind.starts_with("multipart/") {
            let masked = with_contents(body, content_type, |head, content| {
                if content.is_empty() {
                    return None;
                }
                if head.names().iter().any(|name| self.is_secret(name)) {
                    found.extend(forms_of(content));
                    return Some(MASK.into());
                }
                let kind = head.field("content-type").unwrap_or_default().to_ascii_lowercase();
                self.simple_body(content, &kind, found)
            });
            *body = masked.into_owned();
        } else if let Some(masked) = self.simple_body(body, &kind, found) {
            *body = masked;
        }
    }

    /// A body, or a part of one, that is a form or JSON.
    fn simple_body(&self, body: &[u8], kind: &str, found: &mut Found) -> Option<Vec<u8>> {
        if kind.starts_with("application/x-www-form-urlencoded") {
            return Some(self.query(body, Ends { starts: b"&", others: b"", of_secret: b"&" }, found));
        }
        let seems_json = || {
            let text = std::str::from_utf8(body).unwrap_or_default();
            text.trim_start().starts_with(['{', '[']) && !kind.contains("html")
        };
        (kind.contains("json") || seems_json()).then(|| self.json(body, found))
    }

    /// The text of JSON, or of several JSON values, with the texts masked whose names are secret. Everything else stays as it
    /// is written.
    fn json(&self, text: &[u8], found: &mut Found) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len());
        // How deep a secret value is, and whether the next value is one.
        let (mut depth, mut secret_below, mut next_is_secret) = (0_usize, None, false);
        let mut rest = text;
        while let Some(&byte) = rest.first() {
            if byte == b'"' {
                let (string, after) = rest.split_at(string_end(rest));
                let is_name = after.trim_ascii_start().starts_with(b":");
                if is_name {
                    let name = content_of(string);
                    // A key of a map has no better name.
                    next_is_secret = name != b"key" && self.is_secret(&String::from_utf8_lossy(&name));
                    out.extend_from_slice(string);
                } else if (next_is_secret || secret_below.is_some()) && string != b"\"\"" {
                    found.extend(forms_of(&content_of(string)));
                    out.extend_from_slice(format!("\"{MASK}\"").as_bytes());
                } else {
                    out.extend_from_slice(string);
                }
                next_is_secret &= is_name;
                rest = after;
                continue;
            }
            match byte {
                b'{' | b'[' => {
                    depth += 1;
                    if std::mem::take(&mut next_is_secret) && secret_below.is_none() {
                        secret_below = Some(depth);
                    }
                }
                b'}' | b']' => {
                    if secret_below == Some(depth) {
                        secret_below = None;
                    }
                    depth = depth.saturating_sub(1);
                }
                b',' => next_is_secret = false,
                _ => {}
            }
            out.push(byte);
            rest = &rest[1..];
        }
        out
    }
}

/// What ends a `name=value`.
#[derive(Clone, Copy)]
struct Ends<'a> {
    starts: &'a [u8],
    others: &'a [u8],
    /// What ends a secret: no more than must, as some of it would be left.
    of_secret: &'a [u8],
}

/// The content of a JSON string, which may be cut off.
fn content_of(string: &[u8]) -> Vec<u8> {
    let content = string.strip_prefix(b"\"").unwrap_or(string);
    undone(content.strip_suffix(b"\"").unwrap_or(content), Writing::Json)
}

fn mask(value: &str, found: &mut Found) -> String {
    found.extend(forms_of(value.as_bytes()));
    if value.is_empty() { String::new() } else { MASK.to_owned() }
}

/// What follows the scheme in `Authorization`. Of Basic credentials the password is a secret of its own.
fn found_credentials(scheme: &str, rest: &str, found: &mut Found) {
    found.extend(forms_of(rest.as_bytes()));
    if scheme.eq_ignore_ascii_case("basic") {
        if let Ok(user_info) = BASE64.decode(rest.trim()) {
            found_user_info(&user_info, found);
        }
    }
}

/// The password; without one, the name is a token.
fn found_user_info(user_info: &[u8], found: &mut Found) {
    let (user, password) = match memchr::memchr(b':', user_info) {
        Some(at) => (&user_info[..at], &user_info[at + 1..]),
        None => (user_info, &b""[..]),
    };
    found.extend(forms_of(if password.is_empty() { user } else { password }));
}

fn always_mask(place: Range<usize>) -> Masked {
    (MASK, place)
}

fn content_type_of(received: &Received) -> String {
    let own = received.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    own.map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(",")
}

fn text_replaced(text: &str, masks: Vec<Masked>) -> Option<String> {
    (!masks.is_empty()).then(|| String::from_utf8_lossy(&replaced(text.as_bytes(), masks)).into_owned())
}

fn decoded(text: &[u8]) -> String {
    percent::decode(&String::from_utf8_lossy(text).replace('+', " ")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str, content_type: &str) -> String {
        let mut body = text.as_bytes().to_vec();
        Secrets::default().body(&mut body, content_type, &mut Found::new());
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
            ("http://h/a?api+key=s&%FF%20token=s", "http://h/a?api+key=***&%FF%20token=***"),
        ] {
            assert_eq!(Secrets::default().url(text, &mut Found::new()), want);
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
            (
                r#"{"access\u005ftoken":"s","x\"token":"","a\\":"b"}"#,
                r#"{"access\u005ftoken":"***","x\"token":"","a\\":"b"}"#,
            ),
        ] {
            assert_eq!(body(text, "application/json; charset=utf-8"), want);
        }
        assert_eq!(body("user=a&password=b%20c&x=", "application/x-www-form-urlencoded"), "user=a&password=***&x=");
        assert_eq!(body("password=pa,ss#wo'rd&x=1", "application/x-www-form-urlencoded"), "password=***&x=1");
        assert_eq!(body("password=b", "text/plain"), "password=b");
        let form = "--x\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nsecret\r\n--x\r\nContent-Disposition: \
                    form-data; name=\"a\"\r\n\r\n1\r\n--x--\r\n";
        assert_eq!(body(form, "multipart/form-data; boundary=x"), form.replace("secret", MASK));
        let form = "--x\r\nContent-Disposition: form-data; name=a\r\nContent-Type: application/json\r\n\r\n\
                    {\"token\":\"secret\"}\r\n--x--\r\n";
        assert_eq!(body(form, "multipart/form-data; boundary=\"x\""), form.replace("secret", MASK));
        // A part need not say what it is, nor a body.
        let form = form.replace("Content-Type: application/json\r\n", "");
        assert_eq!(body(&form, "multipart/form-data; boundary=\"x\""), form.replace("secret", MASK));
        assert_eq!(body("{\"token\":\"secret\"}", ""), "{\"token\":\"***\"}");
    }

    #[test]
    fn forms_and_json_that_are_no_text_are_masked_too() {
        for (kind, text, want) in [
            ("application/x-www-form-urlencoded", &b"n=\xe9&password=hunter2\xe9&a"[..], &b"n=\xe9&password=***&a"[..]),
            (
                "application/json; charset=latin1",
                b"{\"n\":\"\xe9\",\"token\":\"\xe9\"}",
                b"{\"n\":\"\xe9\",\"token\":\"***\"}",
            ),
            ("image/png", b"\x89PNG{\"token\":\"\xe9\"}", b"\x89PNG{\"token\":\"\xe9\"}"),
        ] {
            let mut body = text.to_vec();
            Secrets::default().body(&mut body, kind, &mut Found::new());
            assert_eq!(body, want);
        }
    }

    fn answer(headers: &[(&str, &str)], body: &[u8]) -> Received {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Received { status: 200, reason: String::new(), headers, body: body.to_vec() }
    }

    /// What is written of an exchange after `earlier`.
    fn after(mut earlier: Received, url: &str, response: Received) -> Interaction {
        let mut secrets = Secrets::default();
        secrets.mask_received(&mut earlier);
        let request = Sent { method: "GET".to_owned(), url: url.to_owned(), ..Sent::default() };
        let mut all = Interaction { request, response };
        secrets.mask_sent(&mut all.request, &[]);
        secrets.mask_received(&mut all.response);
        secrets.scrub(&mut all);
        all
    }

    #[test]
    fn a_value_is_masked_however_a_server_writes_it() {
        for (headers, json) in [
            (&[][..], r#"{"access_token":"abc\/def+123="}"#),
            (&[], r#"{"access_token":"abc/def\u002B123\u003d"}"#),
            (&[("X-Api-Key", "abc/def+123=")], "{}"),
            (&[("Set-Cookie", "a=\"abc/def+123=\"; Path=/")], "{}"),
            (&[("Set-Cookie", "a=abc%2Fdef%2b123%3D")], "{}"),
            (&[("Authorization", "Bearer abc/def+123=")], "{}"),
            (&[("Authorization", "Basic dXNlcjphYmMvZGVmKzEyMz0=")], "{}"),
            (&[("Authorization", "basic YWJjL2RlZisxMjM9Og==")], "{}"),
            (&[("Location", "http://abc%2Fdef%2B123%3D@h/")], "{}"),
            (&[("Location", "http://me:abc%2Fdef+123=@h/")], "{}"),
        ] {
            for (text, want) in [
                (&b"abc/def+123="[..], &b"***"[..]),
                (b"a=abc%2Fdef%2B123%3D&b", b"a=***&b"),
                (b"a=abc%2fdef%2b123%3d&b", b"a=***&b"),
                (br#"["abc\/def+123=","abc\/def\u002b123\u003D"]"#, br#"["***","***"]"#),
                (b"<p>abc&#x2F;def&#43;123&#x3D;</p>", b"<p>***</p>"),
                (b"\xe9\x00 abc/def+123= \xff", b"\xe9\x00 *** \xff"),
                (b"http://abc%2Fdef%2B123%3D.h/", b"http://masked.h/"),
                (b"abc/def-123=", b"abc/def-123="),
            ] {
                let all = after(answer(headers, json.as_bytes()), "http://h/", answer(&[], text));
                let shown = String::from_utf8_lossy(text);
                assert_eq!(all.response.body, want, "{headers:?} {json} {shown}");
            }
        }
    }

    #[test]
    fn a_url_stays_one_whatever_is_masked_in_it() {
        for (value, url, want) in [
            ("europe", "http://europe.h/a", "http://masked.h/a"),
            ("europe.h", "http://europe.h:81/europe.h", "http://masked:81/***"),
            ("europe and http://europe.h/page", "http://europe.h/page", "http://masked.h/***"),
            ("europe.h:81", "http://europe.h:81/europe.h:81", "http://europe.h:81/***"),
            ("http://h/page", "http://h/page?a=b", "http://h/***?a=b"),
            ("http://h/", "http://h/page", "http://h/page"),
            ("page?a=b", "http://h/page?a=b&c", "http://h/***?***&c"),
            ("english", "http://h/docs/english?l=english", "http://h/docs/***?l=***"),
            ("/hooks/T0/B0", "http://h/hooks%2FT0%2fB0/x", "http://h/***/x"),
        ] {
            let mut earlier = answer(&[], b"");
            earlier.headers =
                value.split(" and ").map(|value| ("Set-Cookie".to_owned(), format!("v={value}"))).collect();
            let all = after(earlier, url, answer(&[("Location", url)], b""));
            assert_eq!((&*all.request.url, &*all.response.headers[0].1), (want, want), "{value}");
        }
        let link = "<http://europe.h/2>; rel=next, <http:\\/\\/europe.h/europe>";
        let earlier = answer(&[("Set-Cookie", "v=europe")], b"");
        let all = after(earlier, "http://h/", answer(&[("Link", link)], link.as_bytes()));
        let want = "<http://masked.h/2>; rel=next, <http:\\/\\/masked.h/***>";
        assert_eq!((&*all.response.headers[0].1, &*all.response.body), (want, want.as_bytes()));
    }

    #[test]
    fn a_word_that_names_secrets_is_masked_as_a_value_only() {
        let body = br#"{"password":"password","a":"password"}"#;
        let earlier = answer(&[("Authorization", "Basic dXNlcjpwYXNzd29yZA==")], b"");
        let all = after(earlier, "http://h/", answer(&[], body));
        assert_eq!(all.response.body, br#"{"password":"***","a":"password"}"#);
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
    fn what_describes_a_request_is_no_secret_of_the_auth_that_set_it() {
        let kind = "application/x-www-form-urlencoded; charset=utf-8";
        let described = [
            ("content-type", kind),
            ("Range", "bytes=0-99"),
            ("Accept-Encoding", "identity"),
            ("Host", "contoso.test"),
        ];
        let headers: Vec<_> = described.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let by_auth = ["Content-Type", "Range", "Accept-Encoding", "Host"].map(str::to_owned);
        let request = Sent {
            method: "POST".to_owned(),
            url: "http://h/".to_owned(),
            headers: headers.clone(),
            body: b"password=hunter2hunter2".to_vec(),
        };
        let response = answer(&[("Content-Type", kind), ("X-Echo", "bytes=0-99")], b"hunter2hunter2 identity");
        let mut all = Interaction { request, response: response.clone() };
        let mut secrets = Secrets::default();

        secrets.mask_sent(&mut all.request, &by_auth);
        secrets.mask_received(&mut all.response);
        secrets.scrub(&mut all);

        assert_eq!((all.request.headers, all.request.body), (headers, b"password=***".to_vec()));
        assert_eq!((all.response.headers, all.response.body), (response.headers, b"*** identity".to_vec()));
    }

    #[test]
    fn what_says_where_a_cookie_is_sent_stays() {
        let earlier = || answer(&[("X-Token", "europe"), ("X-Token", "123456")], b"");
        for (cookie, want) in [
            ("region=europe; Path=/europe", "region=***; Path=/europe"),
            ("r=x; domain=europe.test;PATH=/europe; secure", "r=***; domain=europe.test;PATH=/europe; secure"),
            (
                "a=1; Max-Age=123456; Expires=Fri, 123456; samesite=europe",
                "a=***; Max-Age=123456; Expires=Fri, 123456; samesite=europe",
            ),
            ("path=europe; Comment=in europe", "path=***; Comment=in ***"),
            ("a=1; Path=/; europe", "a=***; Path=/; ***"),
            ("europe", "***"),
        ] {
            let all = after(earlier(), "http://h/", answer(&[("Set-Cookie", cookie)], b""));
            assert_eq!(all.response.headers[0].1, want);
        }
        // Of a value that is part of both, only the other part.
        let all = after(
            answer(&[("X-Token", "abc; Path=/europe; def")], b""),
            "http://h/",
            answer(&[("Set-Cookie", "a=1;x=abc; Path=/europe; def")], b""),
        );
        assert_eq!(all.response.headers[0].1, "a=***;x=***; Path=/europe;***");
    }

    #[test]
    fn a_response_is_fit_for_use_and_a_request_for_comparing() {
        let body = br#"{"user_id":1234567,"next":"//1234567.h/1234567"}"#;
        let earlier = answer(&[("Set-Cookie", "uid=1234567")], b"");
        let headers = [
            ("Content-Length", "1234567"),
            ("Location", "/login?next=http%3A%2F%2F1234567.h%2F1234567"),
            ("Link", "<//1234567.h/2>; rel=next"),
        ];
        let mut all = after(earlier, "http://1234567.h/?next=http%3A%2F%2F1234567.h", answer(&headers, body));
        let values: Vec<&str> = all.response.headers.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, ["1234567", "/login?next=http%3A%2F%2Fmasked.h%2F***", "<//masked.h/2>; rel=next"]);
        assert_eq!(all.response.body, br#"{"user_id":0,"next":"//masked.h/***"}"#);
        assert_eq!(all.request.url, "http://masked.h/?next=http%3A%2F%2F***.h");

        let mut secrets = Secrets::default();
        secrets.mask_received(&mut answer(&[("Set-Cookie", "uid=1234567")], b""));
        all.request.body = body.to_vec();
        all.request.headers = vec![("Referer".to_owned(), "http://1234567.h/".to_owned())];
        secrets.scrub(&mut all);

        assert_eq!(all.request.headers[0].1, "http://***.h/");
        assert_eq!(all.request.body, br#"{"user_id":***,"next":"//***.h/***"}"#);
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
