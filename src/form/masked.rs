//! A multipart body that is there as bytes, with other contents in some of its parts: what a command line or a file may show of
//! a form.
//!
//! It is read as leniently as a server may read it, because a part that is overlooked is shown: line ends without CR, names in
//! either spelling, with or without quotes, and a boundary that the type does not tell.

use std::borrow::Cow;

use crate::text::percent;

/// The head of a part.
pub(crate) struct Head<'b>(&'b [u8]);

/// The body with the contents that `replaced` returns. `None` leaves the content of a part.
pub(crate) fn with_contents<'b>(
    body: &'b [u8],
    content_type: &str,
    mut replaced: impl FnMut(&Head<'b>, &'b [u8]) -> Option<Vec<u8>>,
) -> Cow<'b, [u8]> {
    let (mut out, mut copied) = (Vec::new(), 0);
    let delimiters = delimiters_of(body, content_type);
    for (number, (_, start)) in delimiters.iter().enumerate() {
        let end = delimiters.get(number + 1).map_or(body.len(), |(next, _)| without_line_end(&body[..*next]).len());
        let Some(part) = body.get(*start..end) else { continue };
        let Some(length) = head_length(part) else { continue };
        let (head, content) = part.split_at(length);
        if let Some(content) = replaced(&Head(head), content) {
            out.extend_from_slice(&body[copied..start + length]);
            out.extend_from_slice(&content);
            copied = end;
        }
    }
    if copied == 0 {
        return body.into();
    }
    out.extend_from_slice(&body[copied..]);
    out.into()
}

impl Head<'_> {
    /// What the name of the part may be. Who wrote it may have escaped a quote with a backslash, as RFC 7578 has it, or as
    /// `%22`, as browsers do; so more than one reading is right.
    pub(crate) fn names(&self) -> Vec<String> {
        let Some(disposition) = self.field("content-disposition") else { return Vec::new() };
        let mut names = Vec::new();
        for escapes in [Escapes::Backslash, Escapes::None] {
            for (name, value) in params(&disposition, escapes) {
                match name.as_str() {
                    "name" => {
                        names.push(percent::decode(&value).into_owned());
                        names.push(value);
                    }
                    // RFC 5987: charset, language and the text, between quotes.
                    "name*" => {
                        names.push(percent::decode(value.rsplit('\'').next().unwrap_or_default()).into_owned());
                    }
                    _ => {}
                }
            }
        }
        names
    }

    /// The first field of that name, on one line.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let text = String::from_utf8_lossy(self.0).replace("\r\n", "\n");
        let unfolded = text.replace("\n ", " ").replace("\n\t", " ");
        let mut fields = unfolded.lines().filter_map(|line| line.split_once(':'));
        fields.find(|(own, _)| own.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
    }
}

/// Where the lines between the parts begin and end.
fn delimiters_of(body: &[u8], content_type: &str) -> Vec<(usize, usize)> {
    let mut boundaries = params(content_type, Escapes::Backslash).into_iter().filter(|(name, _)| name == "boundary");
    let told = boundaries.next().map(|(_, boundary)| delimiters(body, boundary.as_bytes())).unwrap_or_default();
    if !told.is_empty() {
        return told;
    }
    // A type that the program set itself may have another.
    let first = body.split(|&byte| byte == b'\n').next().unwrap_or_default().trim_ascii_end();
    first.strip_prefix(b"--").map(|boundary| delimiters(body, boundary)).unwrap_or_default()
}

fn delimiters(body: &[u8], boundary: &[u8]) -> Vec<(usize, usize)> {
    if boundary.is_empty() {
        return Vec::new();
    }
    let dashed = [b"--", boundary].concat();
    let is_first_of_line = |at: &usize| *at == 0 || body[at - 1] == b'\n';
    let line = |at: usize| {
        let rest = &body[at + dashed.len()..];
        let length = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        // Otherwise a longer text begins like the boundary.
        let after = rest[..length].strip_prefix(b"--").unwrap_or(&rest[..length]);
        after.trim_ascii().is_empty().then_some((at, at + dashed.len() + length))
    };
    memchr::memmem::find_iter(body, &dashed).filter(is_first_of_line).filter_map(line).collect()
}

fn without_line_end(text: &[u8]) -> &[u8] {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.strip_suffix(b"\r").unwrap_or(text)
}

/// The length of the head with the empty line behind it.
fn head_length(part: &[u8]) -> Option<usize> {
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', part) {
        if without_line_end(&part[start..=end]).is_empty() {
            return Some(end + 1);
        }
        start = end + 1;
    }
    None
}

/// What a backslash means between quotes.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Escapes {
    Backslash,
    None,
}

/// The parameters in the value of a field; their names in lower case.
fn params(value: &str, escapes: Escapes) -> Vec<(String, String)> {
    let (mut out, mut rest) = (Vec::new(), value);
    loop {
        rest = rest.trim_start_matches([' ', '\t', ';']);
        if rest.is_empty() {
            return out;
        }
        let end = rest.find(['=', ';']).unwrap_or(rest.len());
        let name = rest[..end].trim().to_ascii_lowercase();
        rest = &rest[end..];
        let Some(after) = rest.strip_prefix('=') else { continue };
        let after = after.trim_start();
        let value = match after.strip_prefix('"') {
            Some(quoted) => {
                let (value, length) = quoted_text(quoted, escapes);
                rest = &quoted[length..];
                value
            }
            None => {
                let end = after.find(';').unwrap_or(after.len());
                rest = &after[end..];
                after[..end].trim_end().to_owned()
            }
        };
        out.push((name, value));
    }
}

/// The text up to the closing quote, and the length of both.
fn quoted_text(quoted: &str, escapes: Escapes) -> (String, usize) {
    let mut out = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return (out, at + 1),
            '\\' if escapes == Escapes::Backslash => out.extend(chars.next().map(|(_, char)| char)),
            _ => out.push(char),
        }
    }
    (out, quoted.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(body: &str, content_type: &str) -> String {
        let masked = with_contents(body.as_bytes(), content_type, |head, _| {
            head.names().iter().any(|name| name == "pin").then(|| b"*".to_vec())
        });
        String::from_utf8(masked.into_owned()).unwrap()
    }

    #[test]
    fn a_part_is_known_by_its_name_however_that_is_written() {
        for disposition in [
            "Content-Disposition: form-data; name=\"pin\"",
            "content-disposition:form-data;name=pin",
            "Content-Disposition: form-data; filename=\"a;b\"; name=\"pin\"",
            "Content-Disposition: form-data; filename=\"a\\\"; name=x\"; NAME = \"pin\"",
            "Content-Disposition: form-data; filename=\"a\\\"; name=\"pin\"",
            "Content-Disposition: form-data;\r\n\tname=\"pin\"",
            "Content-Disposition: form-data; name=\"p%69n\"",
            "Content-Disposition: form-data; name=\"p\\in\"",
            "Content-Disposition: form-data; name*=utf-8''p%69n",
            "Content-Disposition: name=\"pin\"",
            "Content-Type: text/plain\r\nContent-Disposition: form-data; name=\"pin\"; filename=\"f\"",
        ] {
            let body = format!("--b\r\n{disposition}\r\n\r\n12\r\n34\r\n--b--\r\n");
            assert_eq!(
                masked(&body, "multipart/form-data; boundary=b"),
                body.replace("12\r\n34", "*"),
                "{disposition}"
            );
        }
        for disposition in [
            "Content-Disposition: form-data; name=\"pins\"",
            "Content-Disposition: form-data; name=\"a\"; filename=\"pin\"",
            "Content-Disposition: form-data; name=\"a; name=pin\"",
            "X-Disposition: form-data; name=\"pin\"",
        ] {
            let body = format!("--b\r\n{disposition}\r\n\r\n1234\r\n--b--\r\n");
            assert_eq!(masked(&body, "multipart/form-data; boundary=b"), body, "{disposition}");
        }
    }

    #[test]
    fn parts_end_where_the_boundary_is_a_line() {
        let part = |line_end: &str, content: &str| {
            format!("--b{line_end}Content-Disposition: form-data; name=\"pin\"{line_end}{line_end}{content}{line_end}")
        };
        for content_type in [
            "multipart/form-data; boundary=b",
            "multipart/form-data; charset=utf-8; Boundary=\"b\"",
            "multipart/form-data; boundary=other",
            "multipart/form-data",
        ] {
            for line_end in ["\r\n", "\n"] {
                for content in ["1", "", "1--b2", "1\r\n--bc\r\n2", "1\r\n--b 2"] {
                    let (one, end) = (part(line_end, content), format!("--b-- {line_end}behind"));
                    let want = part(line_end, "*");
                    assert_eq!(masked(&format!("{one}{one}{end}"), content_type), format!("{want}{want}{end}"));
                }
            }
        }
        let whole = part("\r\n", "1");
        assert_eq!(
            masked(&format!("before\r\n{whole}--b--"), "a/b; boundary=b"),
            format!("before\r\n{}--b--", part("\r\n", "*"))
        );
        assert_eq!(masked(whole.trim_end(), "a/b; boundary=b"), part("\r\n", "*").trim_end(), "it is cut off");
        for body in ["", "--", "--b", "--b\r\n", "--b\r\n--b--\r\n", "--b\r\n\r\n\r\n--b--", "no form"] {
            assert_eq!(masked(body, "multipart/form-data; boundary=b"), body);
            assert_eq!(masked(body, "multipart/form-data"), body);
        }
    }
}
