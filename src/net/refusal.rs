//! What a proxy says with its refusal, as one line for an error.
//!
//! Proxies answer with whole pages, and some of them repeat what they were sent. Rule: no spelling of the credentials gets
//! through, be it encoded or decoded, as HTML, in a URL or as JSON, interrupted by what is not seen (tags, line breaks, soft
//! hyphens), or cut off in the middle. A text is shown as it came apart from its tags; that it spells a secret is found out
//! beside it.

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
#[derive(Default)]
pub(super) struct Secrets {
    /// As they are.
    whole: Vec<Vec<char>>,
    /// Those that are looked for across interruptions, without what these may consist of.
    bare: Vec<Vec<char>>,
}

impl Secrets {
    /// Those in the value of `Proxy-Authorization`, if that was sent.
    pub(super) fn of(authorization: Option<&str>) -> Self {
        let Some(authorization) = authorization else { return Self::default() };
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
        let whole: Vec<Vec<char>> = secrets.iter().map(|secret| secret.chars().collect()).collect();
        let bare = whole.iter().map(|secret| secret.iter().copied().filter(|char| !is_unseen(*char)).collect());
        let mut bare: Vec<Vec<char>> = bare.filter(|secret: &Vec<char>| secret.len() >= MIN_INTERRUPTED).collect();
        bare.sort_unstable();
        bare.dedup();
        Self { whole, bare }
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
        if self.whole.is_empty() {
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
        for secret in &self.whole {
            for (at, first) in letters.iter().enumerate() {
                let said = &letters[at..letters.len().min(at + secret.len())];
                if said.iter().zip(secret).all(|(letter, char)| is_same(letter.char, *char)) {
                    // Of one that was cut off, everything up to the end.
                    let end = if said.len() < secret.len() { usize::MAX } else { said[said.len() - 1].end };
                    found.push((first.start, end));
                }
            }
        }
        if !self.bare.is_empty() {
            let ends = ends_of_unseen(letters);
            for secret in &self.bare {
                found.extend((0..letters.len()).filter_map(|at| interrupted(letters, at, &ends, secret)));
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

/// The part of the text that spells `secret` from the letter `at` on, with anything unseen in between.
fn interrupted(letters: &[Letter], at: usize, ends: &[usize], secret: &[char]) -> Option<(usize, usize)> {
    let (mut next, mut spelled) = (at, 0);
    while let (Some(letter), Some(char)) = (letters.get(next), secret.get(spelled)) {
        let after = if spelled > 0 { ends[next] } else { next };
        // What can be either is rather between two letters than one of them: the secret as it is was looked for before.
        let goes_on_after = after > next && letters.get(after).is_some_and(|letter| is_same(letter.char, *char));
        if !goes_on_after && is_same(letter.char, *char) {
            (next, spelled) = (next + 1, spelled + 1);
        } else if after > next {
            next = after;
        } else {
            return None;
        }
    }
    let end = if spelled < secret.len() { usize::MAX } else { letters[next - 1].end };
    Some((letters[at].start, end))
}

/// For each letter the end of the white space, tag or comment that begins with it, which a reader of the page does not see; its own
/// place if there is none. One pass from the end, however many begin and do not end.
fn ends_of_unseen(letters: &[Letter]) -> Vec<usize> {
    let mut ends: Vec<usize> = (0..letters.len()).collect();
    // A tag without an end was cut off.
    let is_whole = letters.last().is_some_and(|last| last.char == END);
    let cut = (!is_whole).then_some(letters.len());
    let (mut tag_end, mut comment_end) = (cut, cut);
    for at in (0..letters.len()).rev() {
        let follows = |text: &str| letters[at..].iter().map(|letter| letter.char).take(text.len()).eq(text.chars());
        let end = match letters[at].char {
            '<' if follows("<!--") => comment_end,
            '<' if letters.get(at + 1).is_none_or(|letter| begins_tag(letter.char)) => tag_end,
            char if is_unseen(char) => Some(at + 1),
            _ => None,
        };
        ends[at] = end.unwrap_or(at);
        if letters[at].char == '>' {
            tag_end = Some(at + 1);
        } else if follows("-->") {
            comment_end = Some(at + 3);
        }
    }
    ends
}

/// Whether a `<` before it begins a tag, and is none for itself.
fn begins_tag(char: char) -> bool {
    char.is_ascii_alphabetic() || matches!(char, '/' | '!' | '?')
}

/// Whether a reader of a page sees nothing of it, or a gap: white space, controls, and what Unicode has for joining, breaking and
/// directing a text (Default_Ignorable_Code_Point); and what is no character, or none that is known.
fn is_unseen(char: char) -> bool {
    match char {
        END => false,
        ANY | char::REPLACEMENT_CHARACTER => true,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' => true,
        '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' => true,
        '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' => true,
        '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' => true,
        '\u{e0000}'..='\u{e0fff}' => true,
        _ => char.is_whitespace() || char.is_control(),
    }
}

/// A shorter secret would be found in the words of any text.
const MIN_INTERRUPTED: usize = 6;

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
    /// This character, or unit of UTF-16, together so many of them.
    As(u32, usize),
    /// It cannot be said, because the text was cut off.
    Unfinished,
}

/// The text without the notation; `None` if there is nothing of it there.
fn decoded(letters: &[Letter], notation: fn(&[Letter]) -> Spelled) -> Option<Vec<Letter>> {
    let mut out = Vec::new();
    let mut rest = letters;
    while let Some(first) = rest.first() {
        let (char, taken) = match notation(rest) {
            Spelled::As(high @ 0xd800..=0xdbff, taken) => match rest.get(taken).map(|_| notation(&rest[taken..])) {
                Some(Spelled::As(low @ 0xdc00..=0xdfff, more)) => (of_pair(high, low), taken + more),
                Some(Spelled::As(..) | Spelled::Themselves) => (ANY, taken),
                Some(Spelled::Unfinished) | None => break,
            },
            Spelled::As(code, taken) => (char::from_u32(code).unwrap_or(ANY), taken),
            Spelled::Themselves => (first.char, 1),
            Spelled::Unfinished => break,
        };
        out.push(Letter { char, start: first.start, end: rest[taken - 1].end });
        rest = &rest[taken..];
    }
    (out.len() < letters.len()).then_some(out)
}

/// The character that two surrogates are.
fn of_pair(high: u32, low: u32) -> char {
    char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)).unwrap_or(ANY)
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
        return Spelled::As(number, 1 + before + other + semicolon);
    }
    let known = NAMES.iter().find(|(known, _)| name.get(..known.len()).is_some_and(|n| n.eq_ignore_ascii_case(known)));
    match known {
        Some((known, char)) if name.len() == known.len() && end.char == ';' => {
            Spelled::As(u32::from(*char), name.len() + 2)
        }
        _ if !name.is_empty() && end.char == ';' => {
            let unseen = UNSEEN.iter().find(|(unseen, _)| name.eq_ignore_ascii_case(unseen));
            Spelled::As(u32::from(unseen.map_or(ANY, |(_, char)| *char)), name.len() + 2)
        }
        Some((known, char)) => Spelled::As(u32::from(*char), known.len() + 1),
        None => Spelled::Themselves,
    }
}

/// An octet of a URL, or several that are one character in UTF-8; or `%u` with four digits, as old scripts write it.
fn percent(text: &[Letter]) -> Spelled {
    if text[0].char == '%' && text.get(1).is_some_and(|letter| letter.char.eq_ignore_ascii_case(&'u')) {
        return digits(text, 2, 4);
    }
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
    match (1..=4).find_map(|length| of_utf8(length).map(|char| Spelled::As(u32::from(char), 3 * length))) {
        Some(spelled) => spelled,
        None if octets.is_empty() => Spelled::Themselves,
        None => Spelled::As(u32::from(char::REPLACEMENT_CHARACTER), 3),
    }
}

/// An escape of JSON or of a programming language.
fn backslash(text: &[Letter]) -> Spelled {
    if text[0].char != '\\' {
        return Spelled::Themselves;
    }
    let Some(kind) = text.get(1) else { return Spelled::Unfinished };
    match kind.char {
        'u' | 'x' if text.get(2).is_some_and(|letter| letter.char == '{') => braced(text),
        'u' => digits(text, 2, 4),
        'U' => digits(text, 2, 8),
        'x' => digits(text, 2, 2),
        'n' | 'r' | 't' => Spelled::As(u32::from(' '), 2),
        char => Spelled::As(u32::from(char), 2),
    }
}

/// Digits in braces behind two letters.
fn braced(text: &[Letter]) -> Spelled {
    let count = text[3..].iter().take(MAX_BRACED + 1).take_while(|letter| letter.char.is_ascii_hexdigit()).count();
    match text.get(3 + count) {
        _ if count > MAX_BRACED => Spelled::Themselves,
        None => Spelled::Unfinished,
        Some(letter) if letter.char == '}' && count > 0 => {
            hex(&text[3..], count).map_or_else(|other| other, |code| Spelled::As(code, 3 + count + 1))
        }
        Some(_) => Spelled::Themselves,
    }
}

/// So many digits behind as many letters as `before`.
fn digits(text: &[Letter], before: usize, count: usize) -> Spelled {
    hex(text.get(before..).unwrap_or_default(), count)
        .map_or_else(|other| other, |code| Spelled::As(code, before + count))
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

/// A character that is not known, but is no letter or digit, which nobody escapes. Like the next, it is not one of Unicode's.
const ANY: char = char::MAX;

/// What follows a text that was not cut off, so that nothing in it is unfinished.
const END: char = '\u{10fffe}';

/// The references that are read without a semicolon, and those in which others are written.
const NAMES: [(&str, char); 6] =
    [("amp", '&'), ("lt", '<'), ("gt", '>'), ("quot", '"'), ("nbsp", ' '), ("shy", '\u{ad}')];

/// Other references to what is not seen. These end with a semicolon.
const UNSEEN: [(&str, char); 6] = [
    ("zwj", '\u{200d}'),
    ("zwnj", '\u{200c}'),
    ("ZeroWidthSpace", '\u{200b}'),
    ("NoBreak", '\u{2060}'),
    ("NewLine", ' '),
    ("Tab", ' '),
];

/// In `\u{…}`, with zeros before them.
const MAX_BRACED: usize = 8;

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
        if !tag.starts_with(begins_tag) {
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
            ("user:a&table<bcd", "a&table&lt;bcd a&Tab;&table&lt;bcd", "*** ***"),
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
            // By units of UTF-16, or by the number of the character.
            (
                "user:p\u{1f980}ss-word",
                r#"{"error":"bad password p\ud83e\udd80ss-word"}"#,
                r#"{"error":"bad password ***"}"#,
            ),
            ("user:p\u{1f980}ss", r"p\uD83E\uDD80ss p\\ud83e\\udd80ss p\u{1f980}ss p\x{01F980}ss", "*** *** *** ***"),
            ("user:p\u{1f980}ss", r"p\U0001F980ss p\xf0\x9f\xa6\x80ss p\u{0}ss", r"*** *** p\u{0}ss"),
            (
                "user:p\u{1f980}ss",
                "p&#55358;&#56704;ss p&#xD83E;&#xDD80;ss p&#129408;ss p&#x1f980;ss",
                "*** *** *** ***",
            ),
            ("user:p\u{1f980}ss", "p%uD83E%uDD80ss p%ud83e%udd80ss p%F0%9F%A6%80ss p\u{1f980}ss", "*** *** *** ***"),
            ("user:p\u{1f980}ss", r"p\ud83ess p\udd80\ud83ess", r"*** p\udd80\ud83ess"),
            ("user:p\u{4e2d}ss%u", "p%u4E2Dss%25u p%u4e2dss%u p%25u4E2Dss%u", "*** *** ***"),
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
    fn a_secret_is_hidden_whatever_that_is_not_seen_interrupts_it() {
        for (credentials, page, text) in [
            ("user:hunter2-long", "<p>bad password hunter2<wbr>-long</p>", "bad password ***"),
            ("user:hunter2-long", "<p>bad password hunter2<!-- -->-long</p>", "bad password ***"),
            ("user:hunter2-long", "<p>hunter2<!-- <b> -- > --><!---->-long, <!-- a -->or</p>", "***, or"),
            ("user:hunter2-long", "bad password <b>hunter2</b>-long", "bad password ***"),
            ("user:hunter2-long", "<i>h</i><i>u</i>nter2<script>if (a > b) c()</script>-long", "***"),
            (
                "user:hunter2-long",
                "hunter2\u{ad}-long hunter2\u{200b}-lo\u{2060}ng \u{feff}hunter2-\u{feff}long",
                "*** *** \u{feff}***",
            ),
            ("user:hunter2-long", "hunter2&shy;-long hunter2&#173;-long hunter2&ZeroWidthSpace;-long", "*** *** ***"),
            (
                "user:hunter2-long",
                "hunter2&zwsp;-long hunter2-&zwsp;long hunter2-l&InvisibleComma;&zwj;ong",
                "*** *** ***",
            ),
            (
                "user:hunter2-long",
                "hunter2%E2%80%8B-long hunter2\\u200b-long hunter2\\n-long hunter2\0-long",
                "*** *** *** ***",
            ),
            ("user:hunter2-long", r#"{"page":"<b>hunter2<\/b>-long"}"#, r#"{"page":" ***"}"#),
            (
                "user:hunter2-long",
                r#"{"page":"\u003cb\u003ehunter2\u003c/b\u003e-long"}"#,
                r#"{"page":"\u003cb\u003e***"}"#,
            ),
            ("user:hunter2-long", "h u n t e r 2 - l o n g, HUNTER2 -\r\n\tLONG", "***, ***"),
            // What is like a tag in it, or like white space.
            ("user:p<b>ss<wo>rd", "p&lt;b&gt;ss<wbr>&lt;wo&gt;r<b>d</b>, p&lt;b&gt;ss&lt;wo&gt;rd", "*** , ***"),
            ("user:p<q-word", "p<wbr>&lt;q-<b>word</b> &gt;", "*** &gt;"),
            ("user:open sesame", "open<b>sesame</b>, o&#8203;pen sesame", "*** , ***"),
            // A token in lines of 64 and 76 columns.
            (
                "user:hunter2-long-enough-to-be-wrapped-by-an-encoder-at-76-columns",
                "sent dXNlcjpodW50ZXIyLWxvbmctZW5vdWdoLXRvLWJlLXdyYXBwZWQtYnktYW4tZW5j\n\
                 b2Rlci1hdC03Ni1jb2x1bW5z\n",
                "sent ***",
            ),
            (
                "user:hunter2-long-enough-to-be-wrapped-by-an-encoder-at-76-columns",
                "sent dXNlcjpodW50ZXIyLWxvbmctZW5vdWdoLXRvLWJlLXdyYXBwZWQtYnktYW4tZW5jb2Rlci1h\r\n\
                 dC03Ni1jb2x1bW5z, or not",
                "sent ***, or not",
            ),
            // Something that is seen is between, or it is too short for that.
            (
                "user:hunter2-long",
                "hunter2, -long hunter2 < -long hunter2 <",
                "hunter2, -long hunter2 < -long hunter2 <",
            ),
            ("user:noone", "no one, noone", "no one, ***"),
        ] {
            assert_eq!(secrets(credentials).printable(&whole(page)), text, "{page}");
        }
        for spelled in [
            "hunter2<wbr>-long",
            "hunter2<!-- c -->-long",
            "hunter2&#8203;-long",
            "hunter2 -long",
            "h<b>unter2</b>-long",
        ] {
            for length in 1..spelled.len() {
                let text = ["denied for ", &spelled[..length]].concat();

                assert_eq!(secrets("user:hunter2-long").printable(&cut(text)), "denied for ***", "{spelled} {length}");
            }
        }
    }

    /// The work does not grow faster than the page, whatever begins in it and does not end.
    #[test]
    fn a_page_full_of_beginnings_is_read_in_one_pass() {
        for page in ["<", "<!--", "<b", "<b>", "--", "h<b>", "h <!--", "\u{200b}", "h\u{ad}"] {
            let page = page.repeat(100_000 / page.len());
            for said in [whole(&page), cut(&page)] {
                let text = String::from_utf8(said.bytes.clone()).unwrap();
                let mut letters: Vec<Letter> = text
                    .char_indices()
                    .map(|(start, char)| Letter { char, start, end: start + char.len_utf8() })
                    .collect();
                letters.extend(said.is_whole.then_some(Letter { char: END, start: text.len(), end: text.len() }));

                let ends = ends_of_unseen(&letters);

                assert!(ends.iter().zip(0..).all(|(end, at)| (at..=letters.len()).contains(end)));
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
            ("user:a\u{1f980}bcd", r"a\ud83e\udd80bcd"),
            ("user:a\u{1f980}bcd", r"a\u{1f980}bcd"),
            ("user:a\u{1f980}bcd", "a&#55358;&#56704;bcd"),
            ("user:a\u{1f980}bcd", "a%uD83E%uDD80bcd"),
        ] {
            for length in 1..spelled.len() {
                let text = ["denied for ".as_bytes(), &spelled.as_bytes()[..length]].concat();

                assert_eq!(secrets(credentials).printable(&cut(text)), "denied for ***", "{spelled} {length}");
            }
        }
        assert_eq!(secrets("user:hunter2").printable(&whole("denied for user")), "denied for user");
    }
}
