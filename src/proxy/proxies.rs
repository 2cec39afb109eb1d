//! The proxies that the program sets, checked when they are set.
//!
//! [`Proxies`] is requests' dictionary. Each proxy's URL is parsed once, on insertion, by `server`.

use std::fmt;
use std::sync::Arc;

use super::no_proxy::NoProxy;
use super::server::Proxy;
use crate::error::Result;
use crate::pair::Pair;

/// Which proxy to use for which URLs.
///
/// | key | used for |
/// |---|---|
/// | `http://host`, `https://host` | that scheme and host, without port |
/// | `http`, `https` | that scheme |
/// | `all://host` | that host |
/// | `all` | every URL |
/// | `no_proxy` | not a proxy: a list of hosts that are reached directly, as in the environment variable |
///
/// The first match in this order counts. The value is the proxy's URL, with the scheme `http`, `https`, `socks4`,
/// `socks4a`, `socks5` or `socks5h`; an empty value means no proxy. Credentials in the URL are sent to the proxy.
///
/// # Coming from requests
/// What is set here takes precedence over `http_proxy` and `NO_PROXY` in the environment, and `no_proxy` works in a
/// session as well. An invalid proxy URL is refused at once.
///
/// # Examples
/// ```
/// use petition::Proxies;
///
/// let mut proxies = Proxies::new();
/// proxies.insert("http", "http://user:password@127.0.0.1:3128")?;
/// proxies.insert("https://internal.example", "")?;
/// proxies.insert("no_proxy", "localhost,10.0.0.0/8,.example.org")?;
///
/// assert!(proxies.insert("https", "ftp://127.0.0.1").is_err());
/// assert!(!format!("{proxies:?}").contains("password"));
/// # Ok::<(), petition::Error>(())
/// ```
#[derive(Clone, Default)]
#[doc(alias = "Proxy")]
#[doc(alias = "NoProxy")]
pub struct Proxies {
    entries: Vec<Entry>,
}

#[derive(Clone)]
struct Entry {
    key: String,
    value: String,
    setting: Setting,
}

/// The meaning of a key's value.
#[derive(Clone, Debug)]
pub(super) enum Setting {
    Direct,
    Through(Proxy),
    /// The value of `no_proxy`. Clones share it: a long list is parsed once.
    List(Arc<NoProxy>),
}

impl Proxies {
    /// No proxies.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// These proxies: pairs of a key and a URL. An empty URL means a direct connection. Of a repeated key, the last counts.
    ///
    /// # Coming from requests
    /// `proxies = {"https": "http://proxy:3128", "no_proxy": "localhost"}`.
    ///
    /// # Errors
    /// Of the first pair that [`insert`](Self::insert) refuses.
    ///
    /// # Examples
    /// ```
    /// use petition::{Proxies, Session};
    ///
    /// let mut session = Session::new();
    /// session.proxies = Proxies::from_pairs([
    ///     ("https", "http://proxy:3128"),
    ///     ("no_proxy", "localhost"),
    /// ])?;
    ///
    /// assert_eq!(session.proxies.get("https"), Some("http://proxy:3128"));
    /// # Ok::<(), petition::Error>(())
    /// ```
    pub fn from_pairs(pairs: impl IntoIterator<Item: Pair>) -> Result<Self> {
        let mut proxies = Self::new();
        pairs.into_iter().try_for_each(|pair| proxies.insert(pair.name(), pair.value()))?;
        Ok(proxies)
    }

    /// Sets the proxy for `key`, and replaces an earlier one.
    ///
    /// # Errors
    /// `InvalidProxyUrl` if `url` has no host, `InvalidUrl` if it does not parse or its scheme is not one of a proxy.
    /// The earlier value then remains.
    pub fn insert(&mut self, key: impl AsRef<str>, url: impl AsRef<str>) -> Result<()> {
        let (key, value) = (key.as_ref(), url.as_ref());
        let setting = match (key, value) {
            (NO_PROXY, _) => Setting::List(Arc::new(NoProxy::parse(value))),
            (_, "") => Setting::Direct,
            _ => Setting::Through(Proxy::parse(value)?),
        };
        let entry = Entry { key: key.into(), value: value.into(), setting };
        match self.entries.iter_mut().find(|entry| entry.key == key) {
            Some(earlier) => *earlier = entry,
            None => self.entries.push(entry),
        }
        Ok(())
    }

    /// Removes `key`; returns its value, if there was one.
    pub fn remove(&mut self, key: &str) -> Option<String> {
        let at = self.entries.iter().position(|entry| entry.key == key)?;
        Some(self.entries.remove(at).value)
    }

    /// The value of `key`, as it was set.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| entry.value.as_str())
    }

    /// Keys and values, in order of insertion.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|entry| (entry.key.as_str(), entry.value.as_str()))
    }

    /// Whether nothing is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Removes all proxies.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    pub(super) fn no_proxy(&self) -> Option<&NoProxy> {
        self.entries.iter().find_map(|entry| match &entry.setting {
            Setting::List(list) => Some(&**list),
            Setting::Direct | Setting::Through(_) => None,
        })
    }

    /// What is set for `scheme` and, if `host` is given, that host.
    pub(super) fn setting(&self, scheme: &str, host: Option<&str>) -> Option<&Setting> {
        let matches = |key: &str| match host {
            None => key == scheme,
            Some(host) => key.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("://")) == Some(host),
        };
        self.entries.iter().find(|entry| matches(&entry.key)).map(|entry| &entry.setting)
    }
}

const NO_PROXY: &str = "no_proxy";

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.entries.iter().map(|entry| {
                let value = match &entry.setting {
                    Setting::Direct | Setting::List(_) => entry.value.clone(),
                    Setting::Through(Proxy::Http(server)) => server.to_string(),
                    Setting::Through(Proxy::Socks(server)) => server.to_string(),
                };
                (&entry.key, value)
            }))
            .finish()
    }
}

impl PartialEq for Proxies {
    /// Compares like maps: the order does not matter.
    fn eq(&self, other: &Self) -> bool {
        self.entries.len() == other.entries.len() && self.iter().all(|(key, value)| other.get(key) == Some(value))
    }
}

impl Eq for Proxies {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_of_proxies_keeps_the_last_good_value() {
        let mut proxies = Proxies::new();
        assert!(proxies.is_empty());
        proxies.insert("http", "http://u:secret@a").unwrap();
        proxies.insert("all", "").unwrap();
        proxies.insert("no_proxy", "x,y").unwrap();
        proxies.insert("http", "http://u:secret@b").unwrap();
        assert!(proxies.insert("http", "foo://c").is_err());

        assert_eq!(proxies.get("http"), Some("http://u:secret@b"));
        assert_eq!(proxies.iter().map(|(key, _)| key).collect::<Vec<_>>(), ["http", "all", "no_proxy"]);
        assert_eq!(format!("{proxies:?}"), r#"{"http": "http://b:80", "all": "", "no_proxy": "x,y"}"#);
        assert_eq!(proxies, proxies.clone());

        assert_eq!(proxies.remove("all").as_deref(), Some(""));
        assert_eq!(proxies.remove("all"), None);
        proxies.clear();
        assert_eq!(proxies, Proxies::default());
    }

    #[test]
    fn pairs_are_inserted_one_by_one_and_the_first_bad_one_is_the_error() {
        let pairs = [("https", "http://u:secret@a"), ("all", ""), ("no_proxy", "x"), ("https", "http://b")];

        let proxies = Proxies::from_pairs(pairs).unwrap();

        assert_eq!(proxies.iter().collect::<Vec<_>>(), [("https", "http://b"), ("all", ""), ("no_proxy", "x")]);
        let map = std::collections::HashMap::from([(String::from("http"), String::from("http://a"))]);
        assert_eq!(Proxies::from_pairs(&map).unwrap().get("http"), Some("http://a"));
        let refused = Proxies::from_pairs([("http", "http://a"), ("https", "foo://secret@c"), ("all", "http://")]);
        assert_eq!(refused.unwrap_err().kind(), crate::ErrorKind::InvalidUrl);
    }
}
