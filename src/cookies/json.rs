//! Serialization of cookies and jars (feature `json`).
//!
//! Written by hand, because serde is used without its derive feature. A jar is a list of cookies, a cookie a map of its
//! fields, with its expiry in seconds since 1970. A jar can also be read from a map of names and values, which is what
//! `json.dump(dict_from_cookiejar(session.cookies), file)` writes in Python.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error as _, Serialize, SerializeStruct, Serializer};

use super::cookie::{Cookie, SameSite};
use super::date;
use super::jar::CookieJar;
use super::store::fault_of;
use crate::log_targets;
use crate::text::calendar;

const FIELDS: &[&str] =
    &["name", "value", "domain", "path", "secure", "http_only", "host_only", "expires", "same_site"];

/// All fields. The value is not encrypted: restrict who can read it. A cookie that cannot be sent (with a line break, NUL or
/// a character beyond Latin-1) is an error, because it could not be read back; a [`CookieJar`] leaves it out.
impl Serialize for Cookie {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(fault) = fault_in(self) {
            return Err(S::Error::custom(cannot_be_sent(self, fault)));
        }
        let mut out = serializer.serialize_struct("Cookie", FIELDS.len())?;
        out.serialize_field("name", &self.name)?;
        out.serialize_field("value", &self.value)?;
        out.serialize_field("domain", &self.domain)?;
        out.serialize_field("path", &self.path)?;
        out.serialize_field("secure", &self.secure)?;
        out.serialize_field("http_only", &self.http_only)?;
        out.serialize_field("host_only", &self.host_only)?;
        out.serialize_field("expires", &self.expires.map(calendar::seconds))?;
        out.serialize_field("same_site", &self.same_site.map(SameSite::as_str))?;
        out.end()
    }
}

/// From a map of the fields. Only `name` and `value` are required; unknown fields are ignored, and so is a fraction in
/// `expires`. A cookie that cannot be sent (with a line break, NUL or a character beyond Latin-1) is an error.
impl<'de> Deserialize<'de> for Cookie {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_struct("Cookie", FIELDS, CookieVisitor)
    }
}

struct CookieVisitor;

impl<'de> Visitor<'de> for CookieVisitor {
    type Value = Cookie;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a cookie: a map with a name and a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Cookie, A::Error> {
        let mut cookie = Cookie::new("", "");
        let (mut named, mut valued) = (false, false);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "name" => (cookie.name, named) = (map.next_value()?, true),
                "value" => (cookie.value, valued) = (map.next_value()?, true),
                "domain" => cookie.domain = map.next_value()?,
                "path" => cookie.path = map.next_value()?,
                "secure" => cookie.secure = map.next_value()?,
                "http_only" => cookie.http_only = map.next_value()?,
                "host_only" => cookie.host_only = map.next_value()?,
                "expires" => {
                    let seconds: Option<f64> = map.next_value()?;
                    cookie.expires = seconds.and_then(date::ending_at);
                }
                "same_site" => {
                    let text: Option<String> = map.next_value()?;
                    cookie.same_site = text.as_deref().and_then(SameSite::parse);
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        match (named, valued) {
            (true, true) => sendable(cookie),
            (false, _) => Err(A::Error::missing_field("name")),
            (_, false) => Err(A::Error::missing_field("value")),
        }
    }
}

/// Refuses a cookie that would make every request to its host fail.
fn sendable<E: serde::de::Error>(cookie: Cookie) -> Result<Cookie, E> {
    match fault_in(&cookie) {
        Some(fault) => Err(E::custom(cannot_be_sent(&cookie, fault))),
        None => Ok(cookie),
    }
}

fn fault_in(cookie: &Cookie) -> Option<&'static str> {
    fault_of(&cookie.name).or_else(|| fault_of(&cookie.value))
}

fn cannot_be_sent(cookie: &Cookie, fault: &str) -> String {
    format!("cookie {:?} cannot be sent: it has {fault}", cookie.name)
}

/// A list of cookies, in the order in which they were first set. A cookie that cannot be sent is left out, with a warning in
/// the log: with it, none of the list could be read back.
impl Serialize for CookieJar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut cookies: Vec<_> = self.iter().collect();
        cookies.retain(|cookie| match fault_in(cookie) {
            None => true,
            Some(fault) => {
                let Cookie { name, domain, .. } = cookie;
                log::warn!(target: log_targets::COOKIES, "Left out cookie {name:?} of {domain:?}: it cannot be sent: it has {fault}");
                false
            }
        });
        serializer.collect_seq(cookies)
    }
}

/// From a list of cookies, or from a map of names and values; a name without a value (null) is ignored. A cookie that
/// cannot be sent is an error.
impl<'de> Deserialize<'de> for CookieJar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JarVisitor)
    }
}

struct JarVisitor;

impl<'de> Visitor<'de> for JarVisitor {
    type Value = CookieJar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of cookies, or a map of names and values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<CookieJar, A::Error> {
        let jar = CookieJar::new();
        while let Some(cookie) = list.next_element::<Cookie>()? {
            jar.set(cookie);
        }
        Ok(jar)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<CookieJar, A::Error> {
        let jar = CookieJar::new();
        while let Some((name, value)) = map.next_entry::<String, Option<String>>()? {
            if let Some(value) = value {
                jar.set(sendable(Cookie::new(name, value))?);
            }
        }
        Ok(jar)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jar_comes_back_as_it_was() {
        let jar = CookieJar::from([
            Cookie::new("a", "1"),
            Cookie::new("b", "\u{e9} \"x\"").domain("h.test").path("/x").secure(true).http_only(true),
            Cookie::new("a", "2")
                .domain("h.test")
                .host_only(true)
                .same_site(SameSite::Lax)
                .expires(calendar::at(4_000_000_000)),
        ]);

        let text = serde_json::to_string(&jar).unwrap();
        let back: CookieJar = serde_json::from_str(&text).unwrap();

        assert!(back.iter().eq(jar.iter()), "{text}");
        assert!(text.contains(r#""expires":4000000000,"same_site":"Lax""#), "{text}");
    }

    #[test]
    fn a_map_of_names_and_values_is_a_jar() {
        let jar: CookieJar = serde_json::from_str(r#"{"b": "1", "a": "2", "c": null}"#).unwrap();

        assert_eq!(jar.to_pairs(), [("b".into(), "1".into()), ("a".into(), "2".into())]);
        assert_eq!(jar.domains(), [""]);
    }

    #[test]
    fn what_is_not_said_of_a_cookie_has_its_default() {
        let cookie: Cookie = serde_json::from_str(r#"{"value":"1","name":"a","future":[1]}"#).unwrap();

        assert_eq!(cookie, Cookie::new("a", "1"));
    }

    #[test]
    fn what_is_no_cookie_is_an_error() {
        for text in ["1", "\"a=1\"", "[1]", r#"[{"name":"a"}]"#, r#"[{"value":"1"}]"#, r#"{"a":1}"#, r#"[["a","1"]]"#] {
            assert!(serde_json::from_str::<CookieJar>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_end_may_be_any_number() {
        for (json, want) in [
            ("null", None),
            ("4000000000", Some(4_000_000_000)),
            ("4e9", Some(4_000_000_000)),
            ("4000000000.75", Some(4_000_000_000)),
            ("-1", Some(-1)),
            ("99999999999999999999", Some(date::LAST)),
        ] {
            let cookie: Cookie =
                serde_json::from_str(&format!(r#"{{"name":"a","value":"1","expires":{json}}}"#)).unwrap();

            assert_eq!(cookie.expires.map(calendar::seconds), want, "{json}");
        }
    }

    #[test]
    fn what_cannot_be_sent_is_refused_and_not_shown() {
        for text in [
            r#"[{"name":"a","value":"secret\n"}]"#,
            r#"[{"name":"a","value":"secret\u0000"}]"#,
            r#"[{"name":"a","value":"secret\u20ac"}]"#,
            r#"[{"name":"a\u20ac","value":"secret"}]"#,
            r#"{"a":"secret\u20ac"}"#,
        ] {
            let error = serde_json::from_str::<CookieJar>(text).unwrap_err().to_string();

            assert!(error.contains("cannot be sent: it has") && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_jar_is_written_without_what_cannot_be_sent_and_a_cookie_alone_is_not() {
        for bad in [Cookie::new("b", "secret\u{20ac}"), Cookie::new("b\u{100}", "1"), Cookie::new("b", "secret\n")] {
            let jar = CookieJar::from([Cookie::new("a", "1"), bad.clone(), Cookie::new("c", "\u{e9}")]);

            let text = serde_json::to_string(&jar).unwrap();

            let back: CookieJar = serde_json::from_str(&text).unwrap();
            assert_eq!(back.to_pairs(), [("a".into(), "1".into()), ("c".into(), "\u{e9}".into())]);
            assert!(!text.contains("secret"), "{text}");
            let error = serde_json::to_string(&bad).unwrap_err().to_string();
            assert!(error.contains("cannot be sent: it has") && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_cookie_without_a_name_comes_back_without_one() {
        let text = serde_json::to_string(&CookieJar::from([("", "v")])).unwrap();
        assert!(text.contains(r#""name":"","value":"v""#), "{text}");

        for text in [text.as_str(), r#"{"":"v"}"#] {
            let jar: CookieJar = serde_json::from_str(text).unwrap();
            assert_eq!(jar.to_pairs(), [(String::new(), "v".to_owned())], "{text}");
        }
    }
}
