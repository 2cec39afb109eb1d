//! What `.data(...)` accepts: text, bytes, files, and pairs, which become a form.

use crate::form::urlencoded::append_pair;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::fs::File;
use std::sync::Arc;

use super::{Body, Media};
use crate::form::source::Source;

/// No body.
impl From<()> for Body {
    fn from((): ()) -> Self {
        Self::default()
    }
}

macro_rules! from_bytes {
    ($([$($generics:tt)*] $type:ty, |$value:ident| $bytes:expr;)*) => {$(
        impl<$($generics)*> From<$type> for Body {
            fn from($value: $type) -> Self {
                Self::from_source($bytes)
            }
        }
    )*};
}

from_bytes! {
    [] &str, |text| text;
    [] String, |text| text;
    [] &String, |text| text.as_str();
    ['a] Cow<'a, str>, |text| text;
    [] &[u8], |bytes| bytes;
    [const N: usize] [u8; N], |bytes| &bytes[..];
    [const N: usize] &[u8; N], |bytes| &bytes[..];
    [] Vec<u8>, |bytes| bytes;
    [] &Vec<u8>, |bytes| bytes.as_slice();
    [] Arc<[u8]>, |bytes| bytes;
}

/// A file is sent from its current position to its end, with a Content-Length, and can be sent again. What is not a regular
/// file (a pipe, a terminal) is sent like [`Body::reader`].
impl From<File> for Body {
    fn from(file: File) -> Self {
        Self::from_source(Source::file(file))
    }
}

macro_rules! from_pairs {
    ($([$($generics:tt)*] $type:ty;)*) => {$(
        /// A form, in this order. Keys can be repeated.
        impl<K: AsRef<str>, V: Display, $($generics)*> From<$type> for Body {
            fn from(pairs: $type) -> Self {
                let mut out = Vec::new();
                for (key, value) in pairs {
                    append_pair(&mut out, AsRef::<str>::as_ref(&key), &value.to_string());
                }
                form(out)
            }
        }
    )*};
}

from_pairs! {
    [const N: usize] [(K, V); N];
    [const N: usize] &[(K, V); N];
    [] &[(K, V)];
    [] Vec<(K, V)>;
    [] &Vec<(K, V)>;
    [S] HashMap<K, V, S>;
    [S] &HashMap<K, V, S>;
    [] BTreeMap<K, V>;
    [] &BTreeMap<K, V>;
}

fn form(text: Vec<u8>) -> Body {
    // Without pairs there is no body, and no Content-Type (BODY-05).
    if text.is_empty() { Body::default() } else { Body { media: Media::Form, ..Body::from(text) } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::body::BodyLength;

    fn bytes(body: impl Into<Body>) -> (String, Option<String>) {
        let body = body.into();
        (String::from_utf8(body.as_bytes().unwrap().to_vec()).unwrap(), body.content_type().map(str::to_owned))
    }

    // BODY-02, BODY-03
    #[test]
    fn text_and_bytes_go_as_they_are_without_a_type() {
        let text = String::from("h\u{e9}");
        for (body, want) in [
            (Body::from("h\u{e9}"), "h\u{e9}"),
            (Body::from(&text), "h\u{e9}"),
            (Body::from(text.clone()), "h\u{e9}"),
            (Body::from(Cow::from("a")), "a"),
            (Body::from(b"a"), "a"),
            (Body::from(*b"a"), "a"),
            (Body::from(&b"a"[..]), "a"),
            (Body::from(b"a".to_vec()), "a"),
            (Body::from(&b"a".to_vec()), "a"),
            (Body::from(Arc::<[u8]>::from(*b"a")), "a"),
        ] {
            assert_eq!(body.length(), BodyLength::Known(want.len() as u64));
            assert!(body.is_replayable());
            assert_eq!(bytes(body), (want.to_owned(), None));
        }
    }

    // BODY-04
    #[test]
    fn pairs_of_every_shape_are_a_form() {
        let owned = vec![(String::from("a"), 1), (String::from("b"), 2)];
        let tree = BTreeMap::from([("a", "1"), ("b", "2")]);
        let hash = HashMap::from([("a", 1.5)]);
        for (body, want) in [
            (Body::from([("a", "1"), ("b", "2")]), "a=1&b=2"),
            (Body::from(&[("a", 1), ("b", 2)]), "a=1&b=2"),
            (Body::from(&owned[..]), "a=1&b=2"),
            (Body::from(&owned), "a=1&b=2"),
            (Body::from(owned.clone()), "a=1&b=2"),
            (Body::from(&tree), "a=1&b=2"),
            (Body::from(tree.clone()), "a=1&b=2"),
            (Body::from(&hash), "a=1.5"),
            (Body::from(hash.clone()), "a=1.5"),
            (Body::from([("x", "1"), ("y", "2"), ("x", "3")]), "x=1&y=2&x=3"),
        ] {
            assert_eq!(bytes(body), (want.to_owned(), Some("application/x-www-form-urlencoded".into())));
        }
    }

    // BODY-04, URL-23
    #[test]
    fn a_form_is_encoded_like_pythons_urlencode() {
        for (name, value, want) in [
            ("a b", "c+d", "a+b=c%2Bd"),
            ("", "", "="),
            ("k", "_.-~aZ09", "k=_.-~aZ09"),
            ("k", "*'()!", "k=%2A%27%28%29%21"),
            ("k", "a=b&c;d/e?f", "k=a%3Db%26c%3Bd%2Fe%3Ff"),
            ("\u{fc}", "\u{65e5}\r\n", "%C3%BC=%E6%97%A5%0D%0A"),
        ] {
            assert_eq!(bytes([(name, value)]).0, want);
        }
    }

    // BODY-05
    #[test]
    fn empty_data_is_no_body() {
        let none: [(&str, &str); 0] = [];
        for body in [Body::from(""), Body::from(b""), Body::from(Vec::<u8>::new()), Body::from(none), Body::default()] {
            assert_eq!((body.length(), body.content_type()), (BodyLength::Empty, None));
        }
    }

    #[test]
    fn the_pairs_of_a_form_come_back() {
        let pairs = [("a b", "c+d&"), ("\u{fc}", ""), ("a b", "%41")];

        let back = Body::from(pairs).form_pairs().unwrap();

        assert_eq!(back, pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert!(Body::from("a=1").form_pairs().is_none());
    }
}
