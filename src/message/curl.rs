//! A prepared request as a command line of curl, for bug reports and for trying it out.
//!
//! The command is for a POSIX shell. Each argument is quoted so that the shell passes on exactly its bytes: text in single
//! quotes; what a shell's quotes cannot hold, or a terminal would act on, as octal escapes of `printf`.

use std::borrow::Cow;
use std::fmt::Write;

use http::Method;

use crate::form::masked::with_contents;
use crate::message::prepared::PreparedRequest;
use crate::text::latin1;
use crate::text::percent;
use crate::text::secret_name::may_be_secret;
use crate::text::shown::MASK;

impl PreparedRequest {
    /// The request as a command line of curl, with `***` in place of secrets.
    ///
    /// Secrets are the values of `Authorization`, `Proxy-Authorization`, `Cookie`; of headers that an [`Auth`](crate::Auth) set,
    /// except those that describe the request, as `Content-Type` and `Range` do; and of those that the session calls
    /// [sensitive](crate::Session::sensitive_headers). So are the URL's user info, and the values of headers, query parameters
    /// and fields of forms, URL-encoded or multipart, whose names speak of a token, key, password, secret, signature or session.
    /// A body that is not a form is shown as it is, also if it is JSON.
    /// [`to_curl_with_secrets`](Self::to_curl_with_secrets) masks nothing, and so its command can be run.
    ///
    /// A body that is not in memory (a file, a reader, an iterator) is `--data-binary @-`: curl reads it from standard input.
    ///
    /// # Coming from requests
    /// New here; the package `curlify` does it for requests.
    ///
    /// # Examples
    /// ```
    /// let request = petition::post("http://127.0.0.1/items?api_key=123")
    ///     .auth(("user", "password"))
    ///     .data("it's")
    ///     .prepare()?;
    ///
    /// let command = request.to_curl();
    ///
    /// assert!(
    ///     command.starts_with("curl ")
    ///         && command.contains(" 'http://127.0.0.1/items?api_key=***' ")
    /// );
    /// assert!(
    ///     command.contains(" -H 'Authorization: ***'")
    ///         && command.ends_with(r" --data-raw 'it'\''s'")
    /// );
    /// # Ok::<(), petition::Error>(())
    /// ```
    #[must_use]
    #[doc(alias = "curlify")]
    pub fn to_curl(&self) -> String {
        self.curl(true)
    }

    /// The request as a command line of curl, credentials included.
    ///
    /// Like [`to_curl`](Self::to_curl) without its mask. Do not write it to a log.
    ///
    /// # Examples
    /// ```
    /// let request =
    ///     petition::get("http://127.0.0.1/").header("X-A", "1").prepare()?;
    ///
    /// assert!(request.to_curl_with_secrets().contains("-H 'X-A: 1'"));
    /// # Ok::<(), petition::Error>(())
    /// ```
    #[must_use]
    pub fn to_curl_with_secrets(&self) -> String {
        self.curl(false)
    }

    fn curl(&self, masked: bool) -> String {
        let (mut command, mut input) = (String::from("curl"), String::new());
        for option in self.curl_options() {
            command.push(' ');
            command.push_str(option);
        }
        let has_body = self.body_bytes().is_some() || self.body.as_bytes().is_none();
        let usual = if has_body { Method::POST } else { Method::GET };
        if self.method == Method::HEAD && !has_body {
            command.push_str(" --head");
        } else if self.method != usual {
            argument(&mut command, " -X ", self.method.as_str().as_bytes());
        }
        argument(&mut command, " ", self.curl_url(masked).as_bytes());
        self.curl_headers(masked, has_body, &mut command);
        match self.body_bytes() {
            Some(body) => {
                let body = if masked { self.masked_form(body) } else { body.into() };
                match std::str::from_utf8(&body) {
                    Ok(text) if is_plain(text) => argument(&mut command, " --data-raw ", &body),
                    // An argument cannot hold NUL, and a text cannot hold other bytes.
                    _ => {
                        input.push_str("printf ");
                        format(&mut input, &body);
                        input.push_str(" | ");
                        command.push_str(" --data-binary @-");
                    }
                }
            }
            None if has_body => command.push_str(" --data-binary @-"),
            None => {}
        }
        input + &command
    }

    /// Options without which curl would send something else.
    fn curl_options(&self) -> impl Iterator<Item = &'static str> {
        let url = self.url.as_str();
        let codings = self.headers.get("accept-encoding").filter(|codings| !codings.eq_ignore_ascii_case("identity"));
        [
            // Everything here is HTTP/1.1, and so are headers such as Connection.
            (self.url.is_https(), "--http1.1"),
            (url.contains(['[', ']', '{', '}']), "--globoff"),
            (url.contains("/."), "--path-as-is"),
            (codings.is_some(), "--compressed"),
        ]
        .into_iter()
        .filter_map(|(is_needed, option)| is_needed.then_some(option))
    }

    fn curl_url(&self, masked: bool) -> String {
        let url = if masked { self.url.without_user_info() } else { self.url.as_str().into() };
        // The fragment is never sent, and may be secret.
        let url = &url[..url.find('#').unwrap_or(url.len())];
        match url.split_once('?') {
            Some((before, query)) if masked => {
                format!("{before}?{}", String::from_utf8_lossy(&masked_pairs(query.as_bytes())))
            }
            _ => url.to_owned(),
        }
    }

    fn curl_headers(&self, masked: bool, has_body: bool, command: &mut String) {
        for (name, value) in &self.headers {
            // curl knows the length of what it sends.
            if has_body && self.body_bytes().is_some() && name.eq_ignore_ascii_case("content-length") {
                continue;
            }
            let value = if masked && (may_be_secret(name) || self.has_secret(name)) { MASK } else { value };
            // With a colon and nothing behind it, curl would leave the header out.
            let line = if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") };
            argument(command, " -H ", &latin1::to_bytes(&line).unwrap_or_else(|| line.into_bytes()));
        }
        // What curl would add by itself.
        for (name, is_added) in [
            ("Accept", true),
            ("User-Agent", self.extras.skip.user_agent),
            ("Content-Type", has_body),
            ("Authorization", !masked && self.url.user_info().is_some()),
        ] {
            if is_added && !self.headers.contains(name) {
                argument(command, " -H ", format!("{name}:").as_bytes());
            }
        }
    }

    /// The body, with the secrets of a form masked. It may be no text.
    fn masked_form<'b>(&self, body: &'b [u8]) -> Cow<'b, [u8]> {
        let is = |value: &str, kind: &str| value.to_ascii_lowercase().starts_with(kind);
        if self.headers.any("content-type", |value| is(value, "application/x-www-form-urlencoded")) {
            return masked_pairs(body).into();
        }
        match self.headers.get_all("content-type").find(|value| is(value, "multipart/")) {
            Some(kind) => with_contents(body, kind, |head, content| {
                let is_secret = !content.is_empty() && head.names().iter().any(|name| may_be_secret(name));
                is_secret.then(|| MASK.into())
            }),
            None => body.into(),
        }
    }
}

/// `a=1&token=2` as `a=1&token=***`.
fn masked_pairs(query: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(query.len());
    for (index, pair) in query.split(|&byte| byte == b'&').enumerate() {
        if index > 0 {
            out.push(b'&');
        }
        let name_end = memchr::memchr(b'=', pair).filter(|&end| end + 1 < pair.len() && is_secret_field(&pair[..end]));
        match name_end {
            Some(end) => {
                out.extend_from_slice(&pair[..=end]);
                out.extend_from_slice(MASK.as_bytes());
            }
            None => out.extend_from_slice(pair),
        }
    }
    out
}

/// Whether a name, as it is written in a query or a form, may say that its value is a secret.
fn is_secret_field(name: &[u8]) -> bool {
    may_be_secret(&percent::decode(&String::from_utf8_lossy(name).replace('+', " ")))
}

/// Whether single quotes hold it, and a terminal into which it is pasted does nothing but insert it.
fn is_plain(text: &str) -> bool {
    text.chars().all(|letter| letter == '\n' || !letter.is_control())
}

/// Appends one argument.
fn argument(command: &mut String, before: &str, bytes: &[u8]) {
    command.push_str(before);
    match std::str::from_utf8(bytes) {
        Ok(text) if bytes.is_ascii() && is_plain(text) => quote(command, text),
        // A body or a URL may be text beyond ASCII; the bytes of a header are Latin-1.
        Ok(text) if before != " -H " && is_plain(text) => quote(command, text),
        _ => {
            command.push_str("\"$(printf ");
            format(command, bytes);
            command.push_str(")\"");
        }
    }
}

/// Appends `text` in single quotes.
fn quote(command: &mut String, text: &str) {
    command.push('\'');
    for (index, part) in text.split('\'').enumerate() {
        if index > 0 {
            command.push_str("'\\''");
        }
        command.push_str(part);
    }
    command.push('\'');
}

/// Appends a format of `printf` that writes exactly these bytes, in single quotes.
fn format(command: &mut String, bytes: &[u8]) {
    command.push('\'');
    for &byte in bytes {
        match byte {
            b'%' => command.push_str("%%"),
            b'\\' => command.push_str("\\\\"),
            b' '..=b'~' if byte != b'\'' && byte != b'-' => command.push(char::from(byte)),
            _ => {
                // A text is written without a failure.
                let _ = write!(command, "\\{byte:03o}");
            }
        }
    }
    command.push('\'');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::Part;
    use crate::message::Request;
    use crate::message::body::Body;

    fn get(url: &str) -> PreparedRequest {
        Request::new("GET", url).prepare().unwrap()
    }

    #[test]
    fn a_request_is_one_line_that_curl_sends_in_the_same_way() {
        let none = || Request::new("GET", "http://h/x");
        for (request, want) in [
            (none(), "curl 'http://h/x' -H 'Accept:'"),
            (none().header("Accept", "*/*"), "curl 'http://h/x' -H 'Accept: */*'"),
            (none().header("Accept", ""), "curl 'http://h/x' -H 'Accept;'"),
            (none().skip_header("User-Agent"), "curl 'http://h/x' -H 'Accept:' -H 'User-Agent:'"),
            (
                none().header("Accept-Encoding", "gzip"),
                "curl --compressed 'http://h/x' -H 'Accept-Encoding: gzip' -H 'Accept:'",
            ),
            (Request::new("HEAD", "https://h/"), "curl --http1.1 --head 'https://h/' -H 'Accept:'"),
            (Request::new("DELETE", "http://h/"), "curl -X 'DELETE' 'http://h/' -H 'Content-Length: 0' -H 'Accept:'"),
            (
                Request::new("POST", "http://h/").data("a"),
                "curl 'http://h/' -H 'Accept:' -H 'Content-Type:' --data-raw 'a'",
            ),
            (
                Request::new("PUT", "http://h/").data([("a", "b c")]),
                "curl -X 'PUT' 'http://h/' -H 'Content-Type: application/x-www-form-urlencoded' -H 'Accept:' --data-raw 'a=b+c'",
            ),
            (
                Request::new("POST", "http://h/").data(Body::sized(std::io::empty(), 3)),
                "curl 'http://h/' -H 'Content-Length: 3' -H 'Accept:' -H 'Content-Type:' --data-binary @-",
            ),
            (Request::new("GET", "http://[::1]/a#f"), "curl --globoff 'http://[::1]/a' -H 'Accept:'"),
            (Request::new("GET", "http://h/a.b/.c"), "curl --path-as-is 'http://h/a.b/.c' -H 'Accept:'"),
        ] {
            assert_eq!(request.prepare().unwrap().to_curl(), want);
        }
    }

    #[test]
    fn secrets_are_masked_and_nothing_else() {
        for (url, want) in [
            ("http://u:pw@h/a?x=1", "http://h/a?x=1"),
            ("http://u:pw@h?x=1#token", "http://h/?x=1"),
            ("http://h/?token=1&tokens=&page=2", "http://h/?token=***&tokens=&page=2"),
            (
                "http://h/?access_token=1;2&X-Amz-Signature=3&X-Amz-Date=4",
                "http://h/?access_token=***&X-Amz-Signature=***&X-Amz-Date=4",
            ),
            ("http://h/?api%20key=1&monkey=2&key=3", "http://h/?api%20key=***&monkey=2&key=***"),
            ("http://h/?api+key=1&%ff%20token=2&=3&token", "http://h/?api+key=***&%FF%20token=***&=3&token"),
            ("http://h/?Password=a%3Db&sig=1&design=2", "http://h/?Password=***&sig=***&design=2"),
        ] {
            assert_eq!(get(url).curl_url(true), want);
        }
        let request = Request::new("POST", "http://h/")
            .headers([("Authorization", "hunter2"), ("Proxy-Authorization", "hunter2"), ("Cookie", "a=hunter2")])
            .headers([("X-Api-Key", "hunter2"), ("X-Trace", "shown")])
            .data([("user", "shown"), ("password", "hunter2")])
            .prepare()
            .unwrap();
        let (masked, full) = (request.to_curl(), request.to_curl_with_secrets());
        assert!(
            !masked.contains("hunter2")
                && masked.contains("X-Trace: shown")
                && masked.contains("user=shown&password=***")
        );
        assert_eq!(full.matches("hunter2").count(), 5);
    }

    #[test]
    fn secrets_of_every_form_are_masked_also_if_it_is_no_text() {
        let post = || Request::new("POST", "http://h/");
        let url_encoded = |form: &[u8]| {
            post().data(form.to_vec()).header("Content-Type", "application/x-www-form-urlencoded; charset=latin1")
        };
        let multipart = post()
            .data([("user", "shown"), ("password", "hunter2"), ("empty_token", "")])
            .files([("client_secret", Part::bytes(b"hunter2\xff").file_name("shown.bin"))]);
        let by_hand = "--b\r\ncontent-disposition: form-data; filename=\"f\"; name=\"%22pass%22\"\r\n\r\nshown\r\n\
                       --b\r\nContent-Disposition: form-data; filename=\"f\"; name=api_key\r\n\r\nhunter2\r\n--b--\r\n";
        for request in [
            url_encoded(b"user=shown&password=hunter2&n=\xe9"),
            url_encoded(b"n=\xe9shown&api+key=hunter2\xff&n=1"),
            multipart,
            post().data(by_hand).header("Content-Type", "Multipart/Form-Data; boundary=\"b\""),
        ] {
            let request = request.prepare().unwrap();
            let (masked, full) = (request.to_curl(), request.to_curl_with_secrets());
            assert!(!masked.contains("hunter2") && masked.contains("***") && masked.contains("shown"), "{masked}");
            assert!(full.contains("hunter2"), "{full}");
        }
    }

    #[test]
    fn what_an_auth_set_is_secret_whatever_its_name() {
        let session = crate::session::Session::new();
        let auth = |request: &mut PreparedRequest| request.headers.insert("X-Team", "hunter2");

        let request = session.get("http://h/").auth(auth).prepare().unwrap();

        assert!(
            request.to_curl().contains("X-Team: ***") && request.to_curl_with_secrets().contains("X-Team: hunter2")
        );
    }

    // The session sets `Accept-Encoding` for a range, before it looks for what the auth has set.
    #[test]
    fn what_describes_the_request_is_shown_also_if_an_auth_set_it() {
        let session = crate::session::Session::new();
        let auth = |request: &mut PreparedRequest| {
            request.headers.insert("Range", "bytes=5-")?;
            request.headers.insert("content-type", "application/x-www-form-urlencoded; charset=utf-8")
        };

        let post = session.post("http://h/").data([("user", "shown"), ("password", "hunter2")]).auth(auth);
        let masked = post.prepare().unwrap().to_curl();

        for shown in ["Range: bytes=5-", "Accept-Encoding: identity", "charset=utf-8", "user=shown&password=***"] {
            assert!(masked.contains(shown), "{masked}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_passes_on_every_byte() {
        let all: Vec<u8> = (0..=255).collect();
        let texts = ["", "it's", "$HOME `id` \\n \"x\" !! %s %%", "-n", "\u{e9}\n\u{1f600}", "@file", "a\\'b"];
        for bytes in texts.iter().map(|text| text.as_bytes()).chain([&all[1..], b"\xff", b"\t\r\x1b[2J"]) {
            let (mut plain, mut header) = (String::from("printf %s"), String::from("printf %s"));
            argument(&mut plain, " ", bytes);
            argument(&mut header, " -H ", bytes);
            let mut input = String::from("printf ");
            format(&mut input, bytes);
            assert_eq!(shell(&plain), bytes, "{plain}");
            assert_eq!(shell(&header.replacen(" -H ", " ", 1)), bytes, "{header}");
            assert_eq!(shell(&input), bytes, "{input}");
        }
        let mut input = String::from("printf ");
        format(&mut input, &all);
        assert_eq!(shell(&input), all);
    }

    #[cfg(unix)]
    fn shell(command: &str) -> Vec<u8> {
        let output = std::process::Command::new("sh").arg("-c").arg(command).output().expect("there is a shell");
        assert!(output.status.success(), "{command}");
        output.stdout
    }
}
