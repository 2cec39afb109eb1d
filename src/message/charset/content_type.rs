//! The encoding that a `Content-Type` names: requests' `get_encoding_from_headers`.

/// The encoding that a Content-Type names or implies, as in requests: the last charset parameter, which can be empty;
/// otherwise ISO-8859-1 if the type contains `text`; otherwise UTF-8 if it contains `application/json`.
pub(crate) fn encoding_from_headers(content_type: Option<&str>) -> Option<&str> {
    // The usual one, without a search.
    if content_type == Some("application/json") {
        return Some("utf-8");
    }
    let (kind, params) = content_type.map(|value| match memchr::memchr(b';', value.as_bytes()) {
        Some(at) => (&value[..at], Some(&value[at + 1..])),
        None => (value, None),
    })?;
    let named = params.and_then(|params| {
        params.rsplit(';').find_map(|param| {
            let (name, value) = param.trim().split_once('=')?;
            unquote(name).eq_ignore_ascii_case("charset").then(|| unquote(value))
        })
    });
    match named {
        Some(charset) => Some(charset),
        // Setting up a search costs more than a plain loop.
        None if has(kind, b"text") => Some("ISO-8859-1"),
        None if has(kind, b"application/json") => Some("utf-8"),
        None => None,
    }
}

fn has(text: &str, word: &[u8]) -> bool {
    text.as_bytes().windows(word.len()).any(|window| window == word)
}

fn unquote(text: &str) -> &str {
    text.trim_matches(['"', '\'', ' '])
}

#[cfg(test)]
mod tests {
    use super::*;

    // RESP-15, RESP-16, UTIL-05: as recorded from requests
    #[test]
    fn the_encoding_comes_from_content_type_as_in_requests() {
        for (content_type, want) in [
            ("text/html; charset=utf-8", Some("utf-8")),
            ("text/html;CHARSET=\"Utf-8\"", Some("Utf-8")),
            ("text/html; charset = 'utf-8' ", Some("utf-8")),
            ("a/b; 'charset'=y", Some("y")),
            ("a/b;charset=''x'", Some("x")),
            ("; charset=z", Some("z")),
            ("x; charset=a; charset=b", Some("b")),
            ("x; charset=a; boundary=b", Some("a")),
            ("x; charset=a=b", Some("a=b")),
            ("x; charset=\"a;b\"", Some("a")),
            ("text/html; charset=\t'u'\t;", Some("\t'u")),
            ("text/html; charset=", Some("")),
            ("text/html; charset", Some("ISO-8859-1")),
            ("text/html, charset=utf-8", Some("ISO-8859-1")),
            ("texture/plain", Some("ISO-8859-1")),
            ("TEXT/HTML", None),
            ("a/b; type=text", None),
            ("application/json", Some("utf-8")),
            ("application/json-text", Some("ISO-8859-1")),
            ("application/JSON", None),
            ("application/problem+json", None),
            ("application/octet-stream", None),
            ("", None),
        ] {
            assert_eq!(encoding_from_headers(Some(content_type)), want, "{content_type}");
        }
        assert_eq!(encoding_from_headers(None), None);
    }
}
