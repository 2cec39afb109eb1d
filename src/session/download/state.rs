//! What is noted beside a part, so that a later run can go on: which file of which server it is a part of.
//!
//! Text, one fact a line. The URL is there as a hash only, because its query may be secret. What cannot be read exactly as it
//! is written here is no note at all, and the download begins anew.

use crate::url::Url;

use super::validator::{Validator, is_strong};

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct State {
    pub(super) validator: Validator,
    pub(super) total: Option<u64>,
}

const TITLE: &str = "petition download 1";

impl State {
    pub(super) fn to_text(&self, url: &Url) -> String {
        let (name, value) = match &self.validator {
            Validator::Tag(tag) => ("etag", tag),
            Validator::Date(date) => ("last-modified", date),
        };
        let total = self.total.map_or_else(String::new, |total| total.to_string());
        format!("{TITLE}\nurl {}\n{name} {value}\nlength {total}\n", hash(url))
    }

    pub(super) fn parse(text: &str, url: &Url) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let mut line = || lines.next()?.split_once(' ');
        if line()? != TITLE.split_once(' ')? || line()? != ("url", &hash(url)) {
            return None;
        }
        let validator = match line()? {
            ("etag", tag) if is_strong(tag) => Validator::Tag(tag.to_owned()),
            ("last-modified", date) if httpdate::parse_http_date(date).is_ok() => Validator::Date(date.to_owned()),
            _ => return None,
        };
        let total = match line()? {
            ("length", "") => None,
            ("length", total) => Some(total.parse().ok()?),
            _ => return None,
        };
        lines.next().is_none().then_some(Self { validator, total })
    }
}

/// FNV-1a with 128 bits: the same in every build, which the standard library's hashes do not promise.
fn hash(url: &Url) -> String {
    let text = url.without_user_info().to_string();
    let of_server = text.split('#').next().unwrap_or_default();
    let hash = of_server.bytes().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128, |hash, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(0x0100_0000_0000_0000_0000_013b)
    });
    format!("{hash:032x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_as_it_was_written_and_only_for_its_url() {
        let url = |text: &str| Url::parse(text).unwrap();
        let own = url("http://user:pw@h/f?token=secret#a");
        for state in [
            State { validator: Validator::Tag("\"a\"".into()), total: Some(10) },
            State { validator: Validator::Date("Tue, 14 Nov 2023 22:13:20 GMT".into()), total: None },
        ] {
            let text = state.to_text(&own);

            assert_eq!(State::parse(&text, &url("http://h/f?token=secret#b")), Some(state));
            assert_eq!(State::parse(&text, &url("http://h/f?token=other")), None);
            assert!(!text.contains("secret") && !text.contains("pw"), "{text}");
            for end in 0..text.len() {
                assert_eq!(State::parse(&text[..end], &own), None, "cut at {end}");
            }
            assert_eq!(State::parse(&format!("{text}more\n"), &own), None);
        }
        assert_eq!(State::parse(&format!("{TITLE}\nurl {}\netag W/\"a\"\nlength \n", hash(&own)), &own), None);
    }

    #[test]
    fn the_hash_is_the_published_one() {
        // FNV-1a of "" is the offset basis; of another text it was computed with another implementation.
        assert_eq!(hash(&Url::parse("http://a/").unwrap()).len(), 32);
        assert_ne!(hash(&Url::parse("http://a/").unwrap()), hash(&Url::parse("http://b/").unwrap()));
    }
}
