//! What a proxy says with its refusal, as one line for an error.
//!
//! Proxies answer with whole pages, and some of them repeat what they were sent. Rule: no spelling of the credentials gets
//! through, be it encoded or decoded, as HTML, in a URL or as JSON, or cut off in the middle. A text is shown as it came
//! apart from its tags; that it spells a secret is found out beside it.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::text::latin1;

/// A text of the proxy's.
pub(super) struct Said {
    pub(super) bytes: Vec<u8>,
    /// Whether it is all of it, and not a beginning.
    pub(super) is_whole: bool,
}

/// What must not be printed.
pub(super) struct Secrets(Vec<Vec<char>>);

impl Secrets {
    /// Those in the value of `Proxy-Authorization`, if that was sent.
    pub(super) fn of(authorization: Option<&str>) -> Self {
        let Some(authorization) = authorization else { return Self(Vec::new()) };
        let token = authorization.split_once(' ').map_or(authorization, |(_, token)| token.trim());
        let mut secrets = vec![token.to_owned(), token.trim_end_matches('=').to_owned()];
        let mut pairs = Vec::new();
        let decoded = ANY_PADDING.decode(token.trim_end_matches('=')).unwrap_or_default();
        // A proxy may take the bytes for either.
        let (in_utf_8, in_latin_1) = (String::from_utf8_lossy(&decoded), latin1::to_text(&decoded));
        for text in [&*in_utf_8, &*in_latin_1] {
            let (user, password) = text.split_once(':').unwrap_or((text, ""));
            // A key of an API is often a user without a password, or with one that says nothing.
            secrets.push(if is_short(password) { user } else { password }.to_owned());
            if !user.is_empty() && !password.is_empty() {
                pairs.push(text.to_owned());
            }
        }
        let in_one_line: Vec<_> = secrets.iter().chain(&pairs).map(|secret| one_line(secret)).collect();
        secrets.extend(in_one_line);
        secrets.retain(|secret| !is_short(secret));
        secrets.extend(pairs);
        secrets.sort_unstable();
        secrets.dedup();
        Self(secrets.iter().map(|secret| secret.chars().collect()).collect())
    }

    /// The text as one short line, without control characters and secrets.
    pub(super) fn printable(&self, said: &Said) -> String {
        let text = String::from_utf8_lossy(&said.bytes);
        // A character that was cut is none yet.
        let text = if said.is_whole { &*text } else { text.trim_end_matches(char::REPLACEMENT_CHARACTER) };
        let text = one_line(&plain_text(&self.hidden_in(text, said.is_whole)));
        // Once more: what a line break or a tag was between is together now.
        self.hidden_in(&text, said.is_whole).chars().take(MAX_PRINTED).collect()
    }

    fn hidden_in(&self, text: &str, is_whole: bool) -> String {
        if self.0.is_empty() {
            return text.to_owned();
        }
        let mut letters: Vec<_> =
            text.char_indices().map(|(start, char)| Letter { char, start, end: start + char.len_utf8() }).collect();
        letters.extend(is_whole.then_some(Letter { char: END, start: text.len(), end: text.len() }));
        let mut found = Vec::new();
        self.find(&letters, LAYERS, &mut found);
        found.sort_unstable();
        let (mut out, mut done) = (String::new(), 0);
        for (start, end) in found {
            if start >= done {
                out.push_str(&text[done..start]);
                out.push_str("***");
            }
            done = done.max(end.min(text.len()));
        }
        out.push_str(&text[done..]);
        out
    }

    /// Where `letters` spell a secret, be it these or what they stand for in so many layers of notations.
    fn find(&self, letters: &[Letter], layers: u32, found: &mut Vec<(usize, usize)>) {
        for secret in &self.0 {
            for (at, first) in letters.iter().enumerate() {
                let said = &letters[at..letters.len().min(at + secret.len())];
                if said.iter().zip(secret).all(|(letter, char)| is_same(letter.char, *char)) {
                    // Of one that was cut off, everything up to the end.
                    let end = if said.len() < secret.len() { usize::MAX } else { said[said.len() - 1].end };
                    found.push((first.start, end));
                }
            }
        }
        for notation in [reference, percent, backslash] {
            let decoded = if layers == 0 { None } else { decoded(letters, notation) };
            if let Some(letters) = decoded {
                self.find(&letters, layers - 1, found);
            }
        }
    }
}

/// So short a secret would be found in any text.
fn is_short(secret: &str) -> bool {
    secret.chars().count() <= 3
}

/// A character, and the part of the text that spells it.
struct Letter {
    char: char,
    start: usize,
    end: usize,
}

/// What the letters at the beginning of a text stand for in some notation.
enum Spelled {
    Themselves,
    /// This character, together so many of them.
    As(char, usize),
    /// It cannot be said, because the text was cut off.
    Unfinished,
}

/// The text without the notation; `None` if there is nothing of it there.
fn decoded(letters: &[Letter], notation: fn(&[Letter]) -> Spelled) -> Option<Vec<Letter>> {
    let mut out = Vec::new();
    let mut rest = letters;
    while let Some(first) = rest.first() {
        let (char, taken) = match notation(rest) {
            Spelled::As(char, taken) => (char, taken),
            Spelled::Themselves => (first.char, 1),
            Spelled::Unfinished => break,
        };
        out.push(Letter { char, start: first.start, end: rest[taken - 1].end });
        rest = &rest[taken..];
    }
    (out.len() < letters.len()).then_some(out)
}

/// A character reference of HTML, with or without its semicolon.
fn reference(text: &[Letter]) -> Spelled {
    if text[0].char != '&' {
        return Spelled::Themselves;
    }
    let in_name = |char: &char| char.is_ascii_alphanumeric() || *char == '#';
    let name: String = text[1..].iter().map(|letter| letter.char).take_while(in_name).collect();
    let Some(end) = text.get(1 + name.len()) else { return Spelled::Unfinished };
    if let Some(number) = name.strip_prefix('#') {
        let (digits, radix) = number.strip_prefix(['x', 'X']).map_or((number, 10), |digits| (digits, 16));
        let other = digits.find(|char: char| !char.is_digit(radix)).unwrap_or(digits.len());
        let before = name.len() - digits.len();
        let Ok(number) = u32::from_str_radix(&digits[..other], radix) else { return Spelled::Themselves };
        let semicolon = usize::from(other == digits.len() && end.char == ';');
        return Spelled::As(char::from_u32(number).unwrap_or(ANY), 1 + before + other + semicolon);
    }
    let known = NAMES.iter().find(|(known, _)| name.get(..known.len()).is_some_and(|n| n.eq_ignore_ascii_case(known)));
    match known {
        Some((known, char)) if name.len() == known.len() && end.char == ';' => Spelled::As(*char, name.len() + 2),
        _ if !name.is_empty() && end.char == ';' => Spelled::As(ANY, name.len() + 2),
        Some((known, char)) => Spelled::As(*char, known.len() + 1),
        None => Spelled::Themselves,
    }
}

/// An octet of a URL, or several that are one character in UTF-8.
fn percent(text: &[Letter]) -> Spelled {
    let mut octets = Vec::new();
    for triple in text.chunks(3).take(4) {
        if triple[0].char != '%' {
            break;
        }
        match hex(&triple[1..], 2) {
            Ok(octet) => octets.extend(u8::try_from(octet)),
            Err(other) if octets.is_empty() => return other,
            Err(_) => break,
        }
    }
    let of_utf8 = |length: usize| std::str::from_utf8(octets.get(..length)?).ok()?.chars().next();
    match (1..=4).find_map(|length| of_utf8(length).map(|char| Spelled::As(char, 3 * length))) {
        Some(spelled) => spelled,
        None if octets.is_empty() => Spelled::Themselves,
        None => Spelled::As(char::REPLACEMENT_CHARACTER, 3),
    }
}

/// An escape of JSON or of a programming language.
fn backslash(text: &[Letter]) -> Spelled {
    if text[0].char != '\\' {
        return Spelled::Themselves;
    }
    let Some(kind) = text.get(1) else { return Spelled::Unfinished };
    let count = match kind.char {
        'u' => 4,
        'x' => 2,
        'n' | 'r' | 't' => return Spelled::As(' ', 2),
        char => return Spelled::As(char, 2),
    };
    match hex(&text[2..], count) {
        Ok(number) => Spelled::As(char::from_u32(number).unwrap_or(ANY), 2 + count),
        Err(other) => other,
    }
}

/// The number that so many hexadecimal digits are.
fn hex(text: &[Letter], count: usize) -> Result<u32, Spelled> {
    (0..count).try_fold(0, |number, at| {
        let letter = text.get(at).ok_or(Spelled::Unfinished)?;
        letter.char.to_digit(16).map(|digit| number * 16 + digit).ok_or(Spelled::Themselves)
    })
}

/// Whether a letter of the text can be this character of a secret.
fn is_same(said: char, secret: char) -> bool {
    match said {
        END => false,
        ANY => !secret.is_ascii_alphanumeric(),
        // Of a text in another charset.
        char::REPLACEMENT_CHARACTER => !secret.is_ascii(),
        // In the query of a URL.
        '+' if secret == ' ' => true,
        _ => said.eq_ignore_ascii_case(&secret) || (said.is_whitespace() && secret.is_whitespace()),
    }
}

/// A character that is not known, but is no letter or digit, which nobody escapes. It is not one of Unicode's.
const ANY: char = char::MAX;

/// What follows a text that was not cut off, so that nothing in it is unfinished.
const END: char = '\0';

/// The references that are read without a semicolon, and those in which others are written.
const NAMES: [(&str, char); 5] = [("amp", '&'), ("lt", '<'), ("gt", '>'), ("quot", '"'), ("nbsp", ' ')];

/// A URL, in a text, in a page.
const LAYERS: u32 = 3;

/// Programs make headers of their own.
const ANY_PADDING: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

fn one_line(text: &str) -> String {
    let words = text.split(|char: char| char.is_whitespace() || char.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// What a browser would show of a page; a text without tags is left as it is.
fn plain_text(page: &str) -> String {
    let mut out = String::new();
    let (mut rest, mut has_tags) = (page, false);
    while let Some((before, tag)) = rest.split_once('<') {
        out.push_str(before);
        if tag.is_empty() && has_tags {
            rest = tag;
            break;
        }
        if !tag.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) {
            out.push('<');
            rest = tag;
            continue;
        }
        has_tags = true;
        out.push(' ');
        // Whatever has no end was cut off.
        let after = |end: &str| tag.split_once(end).map_or("", |(_, rest)| rest);
        rest = match HIDDEN.iter().find(|name| is_tag(tag, name)) {
            Some(name) => end_tag(tag, name).map_or("", |at| &tag[at..]),
            None if tag.starts_with("!--") => after("-->"),
            None => after(">"),
        };
    }
    out.push_str(rest);
    if has_tags && out.contains('&') {
        for (reference, char) in REFERENCES {
            out = out.replace(reference, char);
        }
    }
    out
}

fn is_tag(tag: &str, name: &str) -> bool {
    let rest = tag.get(..name.len()).filter(|start| start.eq_ignore_ascii_case(name)).map(|_| &tag[name.len()..]);
    rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-'))
}

/// Where the end tag of that name begins.
fn end_tag(text: &str, name: &str) -> Option<usize> {
    text.match_indices("</").map(|(at, _)| at).find(|at| is_tag(&text[at + 2..], name))
}

/// Elements whose content is no text.
const HIDDEN: [&str; 2] = ["script", "style"];

/// Those of which pages are full. What stands for `<` stays as it is: it is not to look like a tag.
const REFERENCES: [(&str, &str); 4] = [("&nbsp;", " "), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];

const MAX_PRINTED: usize = 300;

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn whole(text: impl AsRef<[u8]>) -> Said {
        Said { bytes: text.as_ref().to_vec(), is_whole: true }
    }

    fn cut(text: impl AsRef<[u8]>) -> Said {
        Said { bytes: text.as_ref().to_vec(), is_whole: false }
    }

    /// Those of Basic credentials.
    fn secrets(credentials: impl AsRef<[u8]>) -> Secrets {
        Secrets::of(Some(&format!("Basic {}", STANDARD.encode(credentials))))
    }

    #[test]
    fn of_a_page_its_text_is_shown_in_one_line() {
        for (page, text) in [
            ("no tags,\r\n  &amp; a < b", "no tags, &amp; a < b"),
            ("<p>one</p><p>two &amp; &quot;three&quot;</p>", "one two & \"three\""),
            (
                "<!DOCTYPE html><html><head><title>Denied</title>\n<STYLE type=x>b{c:d}</STYLE><script>if (a<b) c()</script></head>\
                 <body bgcolor='#fff'><!-- a <b> --><h1>Access denied</h1>\n<hr></body></html>",
                "Denied Access denied",
            ),
            ("a<styled>b</styled>", "a b"),
            ("a &lt;b&gt;<br>", "a &lt;b&gt;"),
            // Cut off.
            ("text<a href='x", "text"),
            ("text<style>b{", "text"),
            ("text<!-- b", "text"),
            ("<b>text<", "text"),
            ("text<", "text<"),
            ("<", "<"),
            ("<sc\u{e9}>x", "x"),
        ] {
            assert_eq!(Secrets::of(None).printable(&whole(page)), text, "{page}");
        }
    }

    #[test]
    fn a_secret_is_hidden_however_it_is_spelled() {
        for (credentials, page, text) in [
            ("user:hunter2", "user:hunter2 hunter2 HUNTER2 dXNlcjpodW50ZXIy", "*** *** *** ***"),
            ("user:hunter2", "<p>hunter2</p><a href='/?p=hunter2'>user</a>", "*** user"),
            // A key in place of the user, and the token with and without its padding.
            ("APIKEY123:", "unknown account APIKEY123", "unknown account ***"),
            ("APIKEY123:x", "unknown account APIKEY123, x", "unknown account ***, x"),
            ("APIKEY123", "unknown account APIKEY123", "unknown account ***"),
            ("APIKEY123:", "QVBJS0VZMTIzOg== QVBJS0VZMTIzOg QVBJS0VZMTIzOg%3D%3D", "*** *** ***"),
            // In a page, or in a text like one.
            ("user:a<bcd", "<p>no access for user:a&lt;bcd</p>", "no access for ***"),
            ("user:a<bcd", "<p>no access for a<bcd</p>", "no access for ***"),
            ("user:a>bcd", "a&gt;bcd a&GT;bcd a&gtbcd", "*** *** ***"),
            ("user:p&ss", "denied for user:p&amp;ss, or p&amp;ss", "denied for ***, or ***"),
            ("user:p&ss", "p&#38;ss p&#038;ss p&#x26;ss p&#X26;ss p&#38ss p&ampss", "*** *** *** *** *** ***"),
            ("user:p&ss", "p&amp;amp;ss p&amp;#38;ss &#112;&#38;&#115;&#115;", "*** *** ***"),
            ("user:say\"it'", "say&quot;it&#39; say&#34;it&apos; say&#x22;it&#x27;", "*** *** ***"),
            ("user:100%ok", "100&percnt;ok 100%25ok", "*** ***"),
            // In a URL.
            (
                "user:p&s/s?",
                "http://user:p%26s%2Fs%3F@proxy/ p%26s%2fs%3f p%2526s%252Fs%253F",
                "http://***@proxy/ *** ***",
            ),
            ("user:p&ss", "<a>/?user=p%26ss&amp;amp;</a> p&amp;ss", "/?user=***&amp; ***"),
            // In JSON.
            ("user:say\"it\\", r#"{"password": "say\"it\\"}"#, r#"{"password": "***"}"#),
            ("user:p&ss", r#"{"password": "p\u0026ss", "or": "p\x26ss"}"#, r#"{"password": "***", "or": "***"}"#),
            // With white space in it.
            ("user:open sesame", "open sesame open\r\n sesame open&nbsp;sesame", "*** *** ***"),
            ("user:open sesame", "open+sesame open%20sesame open\\u0020sesame", "*** *** ***"),
            ("user:open sesame", "<b>open</b> <br>sesame", "***"),
            // In any charset.
            (
                "user:p\u{e4}ss",
                "p\u{e4}ss p&auml;ss p&#228;ss p%C3%A4ss p%E4ss p\u{c3}\u{a4}ss",
                "*** *** *** *** *** ***",
            ),
        ] {
            assert_eq!(secrets(credentials).printable(&whole(page)), text, "{page}");
        }
        for credentials in [&b"user:p\xe4ss"[..], "user:p\u{e4}ss".as_bytes()] {
            for page in [&b"p\xe4ss"[..], "p\u{e4}ss".as_bytes(), b"p%E4ss", b"p&auml;ss"] {
                assert_eq!(secrets(credentials).printable(&whole(page)), "***", "{}", page.escape_ascii());
            }
        }
    }

    #[test]
    fn a_header_of_the_programs_own_is_hidden_too() {
        for (authorization, page, text) in [
            ("Bearer s3cret-token", "no such token: s3cret-token", "no such token: ***"),
            ("s3cret-token", "no such token: s3cret-token", "no such token: ***"),
            ("Basic QVBJS0VZMTIzOg", "unknown account APIKEY123", "unknown account ***"),
        ] {
            assert_eq!(Secrets::of(Some(authorization)).printable(&whole(page)), text);
        }
    }

    #[test]
    fn what_is_too_short_for_a_secret_hides_nothing() {
        const PAGE: &str = "a proxy log: me, x: at 1:2 &c. 100% \\o";
        for credentials in ["", ":", "x:", "me:x", ":x", "me:"] {
            assert_eq!(secrets(credentials).printable(&whole(PAGE)), PAGE, "{credentials}");
        }
        assert_eq!(secrets("me:x").printable(&whole("not me:x")), "not ***");
    }

    #[test]
    fn a_secret_that_is_cut_off_is_hidden() {
        for (credentials, spelled) in [
            ("user:hunter2", "user:hunter2"),
            ("user:hunter2", "hunter2"),
            ("user:hunter2", "dXNlcjpodW50ZXIy"),
            ("user:a<b&c\u{e4}d", "user:a&lt;b&#38;c\u{e4}d"),
            ("user:a<b&c\u{e4}d", "user%3Aa%3Cb%26c%C3%A4d"),
            ("user:a<b&c\u{e4}d", r"a\u003cb\u0026c\u00e4d"),
        ] {
            for length in 1..spelled.len() {
                let text = ["denied for ".as_bytes(), &spelled.as_bytes()[..length]].concat();

                assert_eq!(secrets(credentials).printable(&cut(text)), "denied for ***", "{spelled} {length}");
            }
        }
        assert_eq!(secrets("user:hunter2").printable(&whole("denied for user")), "denied for user");
    }
}
