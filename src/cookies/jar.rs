//! The jar that sessions, responses and programs share: `Store` behind a lock.
//!
//! Every method takes `&self`. The lock is held for one access to the store, never while a caller's code runs, during
//! IO, or together with another jar's lock; what is returned is a copy. `len` is kept outside the lock, so that a
//! session without cookies pays one atomic load per request.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use parking_lot::Mutex;

use super::convert::IntoCookie;
use super::cookie::Cookie;
use super::store::{Entry, Refused, Store, Unsendable, canonical_domain};
use super::target::{CookieTarget, canonical_host};
use super::{netscape, parse};
use crate::clock;
use crate::error::{Error, ErrorKind, Result, as_source, system_reason};
use crate::log_targets;
use crate::whole_file::{PRIVATE, WholeFile};

/// A cookie jar that threads can share: every method takes `&self`.
///
/// A session stores the cookies that servers set, and sends back those that match each request by the rules of RFC
/// 6265: host and domain, path, `Secure`, expiry. A cookie that a program sets without a domain is sent to every host.
/// A clone is an independent copy.
///
/// The cookies of servers are limited: 16 KiB for a cookie, 180 cookies for a domain, 10,000 in all. Beyond that,
/// expired cookies are removed first, then the least recently used. Cookies that a program sets are neither counted nor
/// removed.
///
/// # Coming from requests
/// This is `RequestsCookieJar`. `jar["a"] = "1"` is [`insert`](Self::insert), `jar.set("a", "1", domain=…)` is
/// [`set`](Self::set), `del jar["a"]` is [`remove`](Self::remove), `jar.get("a", domain=…)` is
/// [`get_at`](Self::get_at), `jar.items()` is [`to_pairs`](Self::to_pairs), `cookiejar_from_dict(d)` is
/// `CookieJar::from(d)` and `dict_from_cookiejar` is [`get_dict`](Self::get_dict).
///
/// Some rules differ on purpose. A cookie that a server set without Domain is sent back to that host only, and not to
/// its sub-domains. A Domain that is an address or a single label (or, with the feature `psl`, a public suffix such as
/// `co.uk`) is rejected. Over plain http a server cannot replace a secure cookie. The last of a repeated attribute
/// counts. A line without `=` sets nothing.
///
/// # Examples
/// ```
/// use petition::{Cookie, CookieJar};
///
/// let jar = CookieJar::from([("theme", "dark")]);
/// jar.set(Cookie::new("id", "1").domain("a.example"));
/// jar.set(Cookie::new("id", "2").domain("b.example"));
///
/// assert_eq!(jar.get("theme")?.as_deref(), Some("dark"));
/// assert!(jar.get("id").is_err()); // on two domains
/// assert_eq!(jar.get_at("id", Some("b.example"), None)?.as_deref(), Some("2"));
/// # Ok::<(), petition::Error>(())
/// ```
#[doc(alias = "RequestsCookieJar")]
#[doc(alias = "CookieStore")]
pub struct CookieJar {
    store: Mutex<Store>,
    /// The length of the store when its lock was last released.
    len: AtomicUsize,
}

impl CookieJar {
    /// An empty jar.
    #[must_use]
    pub const fn new() -> Self {
        Self { store: Mutex::new(Store::new()), len: AtomicUsize::new(0) }
    }

    /// Sets a cookie, and replaces one with the same domain, path and name.
    pub fn set(&self, cookie: Cookie) {
        self.with(|store| store.put(Entry::given(cookie)));
    }

    /// Sets a cookie that is sent to every host: `set(Cookie::new(name, value))`.
    ///
    /// The value is text, or anything that has a text form, as in a list of pairs.
    pub fn insert(&self, name: impl Into<String>, value: impl fmt::Display) {
        self.set(Cookie::new(name, value.to_string()));
    }

    /// The value of the cookie with this name, if there is one.
    ///
    /// # Errors
    /// [`ErrorKind::CookieConflict`] if there are several, on different domains or paths: see [`get_at`](Self::get_at).
    pub fn get(&self, name: &str) -> Result<Option<String>> {
        self.get_at(name, None, None)
    }

    /// The value of the cookie with this name and, if given, this domain and path.
    ///
    /// # Errors
    /// [`ErrorKind::CookieConflict`] if there are several.
    pub fn get_at(&self, name: &str, domain: Option<&str>, path: Option<&str>) -> Result<Option<String>> {
        let place = Place::new(domain, path);
        let found = self.with(|store| {
            let mut found = store.iter().filter(|entry| entry.cookie.name == name && place.has(entry));
            let first = found.next().map(|entry| entry.cookie.value.clone());
            if found.next().is_some() { Err(()) } else { Ok(first) }
        });
        found.map_err(|()| {
            Error::message(ErrorKind::CookieConflict, format!("there are multiple cookies with name {name:?}"))
        })
    }

    /// Whether there is at least one cookie with this name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        !self.is_empty() && self.with(|store| store.iter().any(|entry| entry.cookie.name == name))
    }

    /// Removes the cookies with this name, on all domains and paths; returns whether there was one.
    pub fn remove(&self, name: &str) -> bool {
        self.remove_at(name, None, None)
    }

    /// Removes the cookies with this name and, if given, this domain and path; returns whether there was one.
    pub fn remove_at(&self, name: &str, domain: Option<&str>, path: Option<&str>) -> bool {
        let place = Place::new(domain, path);
        self.with(|store| store.remove(|entry| entry.cookie.name == name && place.has(entry)))
    }

    /// Removes all cookies.
    pub fn clear(&self) {
        self.with(Store::clear);
    }

    /// Removes all cookies of this domain; returns whether there was one.
    pub fn clear_domain(&self, domain: &str) -> bool {
        let place = Place::new(Some(domain), None);
        self.with(|store| store.remove(|entry| place.has(entry)))
    }

    /// Removes the session cookies, as a browser does when it is closed; returns whether there was one.
    pub fn clear_session_cookies(&self) -> bool {
        self.with(|store| store.remove(|entry| entry.cookie.expires.is_none()))
    }

    /// Removes the expired cookies; returns whether there was one. They are never sent, but remain until the jar comes
    /// across them.
    pub fn remove_expired(&self) -> bool {
        let now = clock::wall();
        self.with(|store| store.remove(|entry| entry.cookie.is_expired_at(now)))
    }

    /// The number of cookies.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }

    /// Whether the jar is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A copy of the cookies, in the order in which they were first set.
    pub fn iter(&self) -> Iter {
        let cookies: Vec<_> = self.snapshot().into_iter().map(|entry| entry.cookie).collect();
        Iter { cookies: cookies.into_iter() }
    }

    /// Names and values, in order. A name is listed once for each of its cookies.
    #[must_use]
    #[doc(alias = "get_dict")]
    pub fn to_pairs(&self) -> Vec<(String, String)> {
        self.iter().map(|cookie| (cookie.name, cookie.value)).collect()
    }

    /// Names and values of the cookies with this domain and path, if given. Of several cookies with one name the last
    /// counts.
    #[must_use]
    pub fn get_dict(&self, domain: Option<&str>, path: Option<&str>) -> HashMap<String, String> {
        let place = Place::new(domain, path);
        let entries = self.snapshot().into_iter().filter(|entry| place.has(entry));
        entries.map(|entry| (entry.cookie.name, entry.cookie.value)).collect()
    }

    /// The domains of the cookies, each once. The empty domain is that of cookies sent to every host.
    #[must_use]
    pub fn domains(&self) -> Vec<String> {
        each_once(self.iter().map(|cookie| cookie.domain))
    }

    /// The paths of the cookies, each once.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        each_once(self.iter().map(|cookie| cookie.path))
    }

    /// Adds all cookies of another jar, or names and values. Each replaces one with the same domain, path and name.
    ///
    /// # Examples
    /// ```
    /// let jar = petition::CookieJar::from([("a", "1")]);
    /// let other = petition::CookieJar::from([("a", "2"), ("b", "3")]);
    ///
    /// jar.update(&other);
    /// jar.update([("c", "4")]);
    ///
    /// let want = petition::CookieJar::from([("a", "2"), ("b", "3"), ("c", "4")]);
    /// assert_eq!(jar.to_pairs(), want.to_pairs());
    /// ```
    pub fn update(&self, cookies: impl Into<Self>) {
        let entries = cookies.into().snapshot();
        self.with(|store| entries.into_iter().for_each(|entry| store.put(entry)));
    }

    /// Adds the cookies whose names do not exist yet on any domain or path.
    ///
    /// # Coming from requests
    /// `cookiejar_from_dict(cookies, jar, overwrite=False)`, and what `merge_cookies(jar, cookies)` does with a
    /// dictionary.
    pub fn insert_missing<I>(&self, cookies: I)
    where
        I: IntoIterator,
        I::Item: IntoCookie,
    {
        let cookies: Vec<_> = cookies.into_iter().map(IntoCookie::into_cookie).collect();
        self.with(|store| {
            let known: HashSet<_> = store.iter().map(|entry| entry.cookie.name.clone()).collect();
            for cookie in cookies.into_iter().filter(|cookie| !known.contains(&cookie.name)) {
                store.put(Entry::given(cookie));
            }
        });
    }

    /// Adds the cookies of a file in Netscape's format, `cookies.txt`, as browser add-ons, curl, wget and
    /// `MozillaCookieJar` write it, and returns their number. Expired cookies and comments (lines that start with `#` or
    /// `$`) are left out; a line that starts with `#HttpOnly_` is a cookie. Lines end with LF, CR LF or CR.
    ///
    /// Names and values are bytes, decoded as Latin-1 like those that servers send: the bytes of the file are the bytes
    /// that are sent.
    ///
    /// # Coming from requests
    /// `MozillaCookieJar` decodes the file, and requests encodes the value as Latin-1: an `é` in UTF-8 (C3 A9) is sent as
    /// E9. Here, as in curl, it is sent as C3 A9. A cookie without a name is sent as its value alone, as by both.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if reading fails, or if a line is not a cookie or is one that cannot be sent; the text has the
    /// line number. Then nothing is added.
    ///
    /// # Examples
    /// ```
    /// let jar = petition::CookieJar::new();
    /// let file = ".example.com\tTRUE\t/\tTRUE\t0\tid\tabc\n";
    ///
    /// assert_eq!(jar.load(file.as_bytes())?, 1);
    /// assert_eq!(jar.get("id")?.as_deref(), Some("abc"));
    /// # Ok::<(), petition::Error>(())
    /// ```
    pub fn load(&self, reader: impl io::Read) -> Result<usize> {
        Ok(self.load_netscape(reader)?)
    }

    /// Adds the cookies of the file at `path`, like [`load`](Self::load).
    ///
    /// # Errors
    /// As for [`load`](Self::load); the text has the path.
    pub fn load_from(&self, path: impl AsRef<Path>) -> Result<usize> {
        let path = path.as_ref();
        let loaded = File::open(path).and_then(|file| self.load_netscape(file));
        loaded.map_err(|error| of_file("load cookies from", path, error))
    }

    fn load_netscape(&self, mut reader: impl io::Read) -> io::Result<usize> {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes)?;
        let now = clock::wall();
        let mut cookies = netscape::parse(&bytes)?;
        cookies.retain(|cookie| !cookie.is_expired_at(now));
        let count = cookies.len();
        self.with(|store| cookies.into_iter().for_each(|cookie| store.put(Entry::given(cookie))));
        Ok(count)
    }

    /// Writes the cookies in Netscape's format, `cookies.txt`. Session cookies are included, with 0 as their expiry;
    /// expired cookies are not. The values are secrets: restrict who can read the file.
    ///
    /// The format cannot represent a tab or a line break in a name or value, and a cookie with NUL or a character beyond
    /// Latin-1 cannot be sent; such a cookie is left out, with a warning in the log. Any other is written byte for byte as
    /// the server sent it.
    ///
    /// # Coming from requests
    /// `MozillaCookieJar.save(ignore_discard=True)`; it writes an empty expiry for a session cookie, and
    /// [`load`](Self::load) accepts both.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if writing fails.
    pub fn save(&self, mut writer: impl io::Write) -> Result<()> {
        writer.write_all(&self.to_netscape())?;
        writer.flush()?;
        Ok(())
    }

    /// Writes the cookies to the file at `path`, like [`save`](Self::save), completely or not at all: they are written to a
    /// temporary file beside it, which is then renamed. An existing file keeps its permissions; a new one is readable by
    /// its owner alone. Symbolic links are followed; a path that is not a regular file is written to directly.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if writing fails; the text has the path, and an existing file is unchanged.
    ///
    /// # Examples
    /// ```
    /// # let folder = std::env::temp_dir().join(format!("petition-doc-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// # let path = folder.join("cookies.txt");
    /// let jar = petition::CookieJar::from([("id", "abc")]);
    /// jar.save_to(&path)?;
    ///
    /// let back = petition::CookieJar::new();
    /// assert_eq!(back.load_from(&path)?, 1);
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), petition::Error>(())
    /// ```
    pub fn save_to(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let text = self.to_netscape();
        let saved = WholeFile::create(path, PRIVATE).and_then(|mut file| {
            file.write_all(&text)?;
            file.commit()
        });
        saved.map_err(|error| of_file("save cookies to", path, error))
    }

    fn to_netscape(&self) -> Vec<u8> {
        let now = clock::wall();
        netscape::format(self.iter().filter(|cookie| !cookie.is_expired_at(now)))
    }

    /// The value of the Cookie header for a request; `None` if no cookie matches.
    ///
    /// The value may hold control characters that a server sent, other than line breaks and NUL, so it bypasses the
    /// check of `Headers::insert`. Fails with `InvalidHeader` for a program's cookie that must not be sent.
    #[cfg(test)]
    pub(crate) fn header_for(&self, target: &CookieTarget<'_>, now: SystemTime) -> Result<Option<String>> {
        self.header_with(None, target, now)
    }

    /// The same, with the request's cookies over those of the jar, which does not change.
    ///
    /// This is what a jar filled from both would send, without making one.
    pub(crate) fn header_with(
        &self,
        own: Option<&Self>,
        target: &CookieTarget<'_>,
        now: SystemTime,
    ) -> Result<Option<String>> {
        let own = own.map(Self::snapshot).unwrap_or_default();
        if own.is_empty() && self.is_empty() {
            return Ok(None);
        }
        self.with(|store| store.header(&own, target, now)).map_err(|Unsendable { name, fault }| {
            Error::message(ErrorKind::InvalidHeader, format!("cookie {name:?} cannot be sent: it contains {fault}"))
        })
    }

    /// Stores the Set-Cookie lines of a response.
    pub(crate) fn absorb<'a>(
        &self,
        target: &CookieTarget<'_>,
        set_cookie: impl IntoIterator<Item = &'a str>,
        now: SystemTime,
    ) {
        for line in set_cookie {
            if let Err(refused) = self.with(|store| store.receive(target, line, now)) {
                log_refused(target.host, line, refused);
            }
        }
    }

    /// A copy with the cookies of `other` over those of this jar.
    #[cfg(test)]
    pub(crate) fn merged_with(&self, other: &Self) -> Self {
        let merged = self.clone();
        merged.update(other);
        merged
    }

    /// A copy whose cookies without a domain are sent to `host` only: for the cookies of one request, which must not
    /// follow a redirect to another site.
    pub(crate) fn bound_to(&self, host: &str) -> Self {
        let host: Arc<str> = canonical_host(host).into();
        let (entries, jar) = (self.snapshot(), Self::new());
        jar.with(|store| {
            for mut entry in entries {
                if entry.cookie.domain.is_empty() {
                    entry.bound = Some(Arc::clone(&host));
                }
                store.put(entry);
            }
        });
        jar
    }

    /// The only access to the store, so that no guard leaves this file.
    fn with<R>(&self, look: impl FnOnce(&mut Store) -> R) -> R {
        let mut store = self.store.lock();
        let result = look(&mut store);
        self.len.store(store.len(), Ordering::Release);
        result
    }

    fn snapshot(&self) -> Vec<Entry> {
        if self.is_empty() {
            return Vec::new();
        }
        self.with(|store| store.entries().into_iter().cloned().collect())
    }
}

/// Says which cookie was refused, without its value. Where there is no name, all of the line may be a value.
fn log_refused(host: &str, line: &str, refused: Refused) {
    match parse::name(line) {
        Some(name) => {
            let name: String = name.chars().take(64).collect();
            log::debug!(target: log_targets::COOKIES, "Refused cookie {name:?} of {host}: {}", refused.text());
        }
        None => {
            // Each character was a byte.
            let bytes = line.chars().count();
            log::debug!(target: log_targets::COOKIES, "Refused a cookie of {host}: its line of {bytes} bytes has no name");
        }
    }
}

/// An error about a file, with its path.
fn of_file(what: &str, path: &Path, error: io::Error) -> Error {
    let text = format!("cannot {what} {}: {}", path.display(), system_reason(&error));
    let public = Error::message(ErrorKind::Io, text);
    match as_source(error) {
        Some(source) => public.with_source(source),
        None => public,
    }
}

/// A domain and a path to look for, if given.
struct Place<'a> {
    domain: Option<String>,
    path: Option<&'a str>,
}

impl<'a> Place<'a> {
    fn new(domain: Option<&str>, path: Option<&'a str>) -> Self {
        Self { domain: domain.map(canonical_domain), path }
    }

    fn has(&self, entry: &Entry) -> bool {
        self.domain.as_ref().is_none_or(|domain| *domain == entry.cookie.domain)
            && self.path.is_none_or(|path| path == entry.cookie.path)
    }
}

fn each_once(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = HashSet::new();
    texts.filter(|text| seen.insert(text.clone())).collect()
}

impl Clone for CookieJar {
    fn clone(&self) -> Self {
        if self.is_empty() {
            return Self::new();
        }
        let store = self.with(|store| store.clone());
        Self { len: AtomicUsize::new(store.len()), store: Mutex::new(store) }
    }
}

impl Default for CookieJar {
    fn default() -> Self {
        Self::new()
    }
}

/// The cookies, without their values.
impl fmt::Debug for CookieJar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<T: IntoCookie> Extend<T> for CookieJar {
    fn extend<I: IntoIterator<Item = T>>(&mut self, cookies: I) {
        for cookie in cookies {
            self.set(cookie.into_cookie());
        }
    }
}

/// An iterator over a copy of a jar's cookies: see [`CookieJar::iter`].
#[derive(Clone, Debug)]
pub struct Iter {
    cookies: std::vec::IntoIter<Cookie>,
}

impl Iterator for Iter {
    type Item = Cookie;

    fn next(&mut self) -> Option<Cookie> {
        self.cookies.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.cookies.size_hint()
    }
}

impl DoubleEndedIterator for Iter {
    fn next_back(&mut self) -> Option<Cookie> {
        self.cookies.next_back()
    }
}

impl ExactSizeIterator for Iter {}

impl IntoIterator for &CookieJar {
    type Item = Cookie;
    type IntoIter = Iter;

    fn into_iter(self) -> Iter {
        self.iter()
    }
}

impl IntoIterator for CookieJar {
    type Item = Cookie;
    type IntoIter = Iter;

    fn into_iter(self) -> Iter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::temp_dir::TempDir;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn target(host: &str) -> CookieTarget<'_> {
        CookieTarget { host, path: "/", secure: false }
    }

    /// `a` on two domains and two paths, `b` without domain.
    fn crowd() -> CookieJar {
        CookieJar::from([
            Cookie::new("a", "1").domain("x.test"),
            Cookie::new("a", "2").domain("y.test"),
            Cookie::new("a", "3").domain("y.test").path("/p"),
            Cookie::new("b", "4"),
        ])
    }

    #[test]
    fn a_jar_can_be_shared() {
        fn shared<T: Send + Sync + Clone + Default + fmt::Debug>() {}
        shared::<CookieJar>();
    }

    // COOK-23
    #[test]
    fn a_name_on_several_domains_is_a_conflict_until_the_place_is_named() {
        let jar = crowd();
        for (name, domain, path, want) in [
            ("b", None, None, Some(Some("4"))),
            ("a", None, None, None),
            ("a", Some("y.test"), None, None),
            ("a", None, Some("/"), None),
            ("a", Some("x.test"), None, Some(Some("1"))),
            ("a", Some(".X.test"), None, Some(Some("1"))),
            ("a", None, Some("/p"), Some(Some("3"))),
            ("a", Some("y.test"), Some("/"), Some(Some("2"))),
            ("a", Some("z.test"), None, Some(None)),
            ("b", Some(""), None, Some(Some("4"))),
            ("A", None, None, Some(None)),
        ] {
            let got = jar.get_at(name, domain, path);

            assert_eq!(got.as_ref().ok().map(Option::as_deref), want, "{name} {domain:?} {path:?}");
            if let Err(error) = got {
                assert_eq!(error.kind(), ErrorKind::CookieConflict);
                assert_eq!(error.to_string(), "there are multiple cookies with name \"a\"");
            }
        }
        assert_eq!(jar.get("b").unwrap().as_deref(), Some("4"));
        assert!(jar.get("a").is_err());
    }

    // COOK-24
    #[test]
    fn remove_takes_a_name_out_on_every_domain() {
        let jar = crowd();

        assert!(jar.remove_at("a", Some("y.test"), Some("/p")));
        assert!(!jar.remove_at("a", Some("y.test"), Some("/p")));
        assert_eq!(jar.to_pairs(), pairs(&[("a", "1"), ("a", "2"), ("b", "4")]));
        assert!(jar.remove("a") && !jar.remove("a"));
        assert_eq!(jar.to_pairs(), pairs(&[("b", "4")]));
    }

    // COOK-25
    #[test]
    fn a_jar_looks_like_a_mapping() {
        let jar = crowd();

        assert_eq!((jar.len(), jar.is_empty(), jar.iter().len()), (4, false, 4));
        assert!(jar.contains("a") && jar.contains("b") && !jar.contains("c"));
        assert_eq!(jar.domains(), ["x.test", "y.test", ""]);
        assert_eq!(jar.paths(), ["/", "/p"]);
        assert_eq!(jar.to_pairs(), pairs(&[("a", "1"), ("a", "2"), ("a", "3"), ("b", "4")]));
        for (domain, path, want) in [
            (None, None, &[("a", "3"), ("b", "4")][..]),
            (Some("y.test"), None, &[("a", "3")]),
            (Some("y.test"), Some("/"), &[("a", "2")]),
            (Some(""), None, &[("b", "4")]),
            (Some("z.test"), None, &[]),
        ] {
            assert_eq!(jar.get_dict(domain, path), pairs(want).into_iter().collect(), "{domain:?} {path:?}");
        }
        let values: Vec<_> = (&jar).into_iter().rev().map(|cookie| cookie.value).collect();
        assert_eq!(values, ["4", "3", "2", "1"]);
    }

    // COOK-22
    #[test]
    fn the_same_name_domain_and_path_overwrite() {
        let jar = CookieJar::new();
        jar.insert("a", "1");
        jar.insert("b", "1");
        jar.set(Cookie::new("a", "2"));
        jar.set(Cookie::new("a", "3").path(""));
        jar.set(Cookie::new("b", "2").domain("X.test"));
        jar.set(Cookie::new("b", "3").domain(".x.test"));

        assert_eq!(jar.to_pairs(), pairs(&[("a", "3"), ("b", "1"), ("b", "3")]));
    }

    #[test]
    fn clearing_takes_out_what_it_says() {
        let later = clock::wall() + Duration::from_secs(1000);
        let full = || {
            let jar = crowd();
            jar.set(Cookie::new("later", "1").domain("x.test").expires(later));
            jar.set(Cookie::new("over", "1").expires(NOW));
            jar
        };
        type Clear = fn(&CookieJar) -> bool;
        let cases: [(Clear, usize); 4] = [
            (|jar| jar.clear_domain("x.test"), 4),
            (CookieJar::clear_session_cookies, 2),
            (CookieJar::remove_expired, 5),
            (
                |jar| {
                    jar.clear();
                    true
                },
                0,
            ),
        ];
        for (clear, left) in cases {
            let jar = full();

            assert!(clear(&jar));
            assert_eq!((jar.len(), jar.iter().len(), jar.is_empty()), (left, left, left == 0));
        }
        assert!(!CookieJar::new().remove_expired());
    }

    // COOK-27, COOK-28, UTIL-08
    #[test]
    fn update_overwrites_and_insert_missing_does_not() {
        let jar = CookieJar::from([Cookie::new("a", "1"), Cookie::new("b", "1").domain("x.test")]);

        jar.update([("a", "2"), ("c", "2")]);
        assert_eq!(jar.to_pairs(), pairs(&[("a", "2"), ("b", "1"), ("c", "2")]));

        jar.update(CookieJar::from(Cookie::new("b", "3").domain("x.test")));
        assert_eq!(jar.to_pairs(), pairs(&[("a", "2"), ("b", "3"), ("c", "2")]));

        jar.insert_missing([("a", "4"), ("b", "4"), ("d", "4")]);
        assert_eq!(jar.to_pairs(), pairs(&[("a", "2"), ("b", "3"), ("c", "2"), ("d", "4")]));

        jar.update(&jar);
        assert_eq!(jar.len(), 4);
    }

    // COOK-27
    #[test]
    fn a_clone_is_a_jar_of_its_own() {
        let jar = crowd();
        let copy = jar.clone();

        jar.clear();
        copy.insert("c", "5");

        assert_eq!((jar.len(), copy.len()), (0, 5));
        assert_eq!(CookieJar::new().clone().len(), 0);
    }

    // SES-09, COOK-04
    #[test]
    fn the_cookies_of_a_request_do_not_stay() {
        let (session, own) = (CookieJar::from([("a", "1")]), CookieJar::from([("b", "2")]));

        assert_eq!(session.header_with(Some(&own), &target("h.test"), NOW).unwrap().as_deref(), Some("a=1; b=2"));
        assert_eq!(session.merged_with(&own).header_for(&target("h.test"), NOW).unwrap().as_deref(), Some("a=1; b=2"));
        assert_eq!(session.header_for(&target("h.test"), NOW).unwrap().as_deref(), Some("a=1"));
        assert_eq!((session.len(), own.len()), (1, 1));
        assert_eq!(CookieJar::new().header_with(None, &target("h.test"), NOW).unwrap(), None);
        assert_eq!(CookieJar::new().header_with(Some(&own), &target("h"), NOW).unwrap().as_deref(), Some("b=2"));
    }

    // REDIR-12, REDIR-13, REDIR-14
    #[test]
    fn on_a_redirect_own_cookies_stay_with_their_host_and_new_ones_go_on() {
        let session = CookieJar::from([("all", "0")]);
        let own =
            CookieJar::from([Cookie::new("mine", "1"), Cookie::new("b", "2").domain("b.test")]).bound_to("A.test");
        let sent = |host| session.header_with(Some(&own), &target(host), NOW).unwrap().unwrap_or_default();

        assert_eq!(sent("a.test"), "all=0; mine=1");
        for jar in [&session, &own] {
            jar.absorb(&target("a.test"), ["x=1; Domain=a.test", "y=1"], NOW);
        }

        assert_eq!(sent("b.test"), "all=0; b=2");
        assert_eq!(sent("a.test"), "all=0; x=1; y=1; mine=1");
        assert_eq!(session.to_pairs(), pairs(&[("all", "0"), ("x", "1"), ("y", "1")]));
    }

    #[test]
    fn a_server_replaces_the_cookie_that_the_request_brought() {
        let session = CookieJar::new();
        let own = CookieJar::from(Cookie::new("a", "mine").domain("h.test").host_only(true));

        for jar in [&session, &own] {
            jar.absorb(&target("h.test"), ["a=server"], NOW);
        }

        let header = session.header_with(Some(&own), &target("h.test"), NOW).unwrap();
        assert_eq!(header.as_deref(), Some("a=server"));
    }

    #[test]
    fn a_cookie_from_no_host_goes_to_no_host() {
        let jar = CookieJar::new();
        jar.absorb(&target(""), ["a=1", "b=2; Domain=h.test", "c=3; Domain=.", "d=4; Domain=test"], NOW);
        let own = CookieJar::from([("mine", "5")]).bound_to("");

        let mut file = Vec::new();
        jar.save(&mut file).unwrap();
        let saved = CookieJar::new();
        saved.load(&*file).unwrap();
        assert!(file.ends_with(b"\n.\tTRUE\t/\tFALSE\t0\tc\t3\n"), "as MozillaCookieJar wants it");

        for jar in [&jar, &jar.clone(), &jar.iter().collect(), &saved] {
            let sent = |host| jar.header_with(Some(&own), &target(host), NOW).unwrap();
            assert_eq!(sent("").as_deref(), Some("a=1; c=3; mine=5"));
            for host in ["h.test", "h.test.", "test", "localhost", "127.0.0.1", "::1"] {
                assert_eq!(sent(host), None, "{host}");
            }
            assert_eq!(jar.domains(), ["."]);
        }
    }

    // COOK-30
    #[test]
    fn a_line_break_in_a_cookie_is_an_invalid_header_and_not_shown() {
        let jar = CookieJar::from([("a", "secret\r\nX: y")]);

        let error = jar.header_for(&target("h.test"), NOW).unwrap_err();

        assert_eq!(error.kind(), ErrorKind::InvalidHeader);
        assert_eq!(error.to_string(), "cookie \"a\" cannot be sent: it contains a line break or NUL");
    }

    #[test]
    fn a_file_holds_what_is_not_over() {
        let jar = CookieJar::new();
        jar.absorb(&target("w.h.test"), ["a=1", "b=2; Domain=h.test; HttpOnly; Secure"], NOW);
        jar.set(Cookie::new("c", "3").max_age(Duration::from_secs(1000)));
        jar.set(Cookie::new("over", "1").expires(NOW));

        let mut file = Vec::new();
        jar.save(&mut file).unwrap();
        let back = CookieJar::new();

        assert_eq!(back.load(&*file).unwrap(), 3);
        let text = String::from_utf8(file).unwrap();
        assert!(text.contains("w.h.test\tFALSE\t/\tFALSE\t0\ta\t1\n"), "{text}");
        assert!(text.contains("#HttpOnly_.h.test\tTRUE\t/\tTRUE\t0\tb\t2\n"), "{text}");
        assert_eq!(back.to_pairs(), pairs(&[("a", "1"), ("b", "2"), ("c", "3")]));
        assert_eq!(back.header_for(&target("x.h.test"), NOW).unwrap().as_deref(), Some("c=3"));
        assert_eq!(back.iter().map(|cookie| cookie.host_only).collect::<Vec<_>>(), [true, false, false]);
    }

    #[test]
    fn a_file_that_cannot_be_read_or_written_changes_nothing() {
        struct Broken;
        impl io::Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::PermissionDenied.into())
            }
        }
        impl io::Write for Broken {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let jar = CookieJar::from([("a", "1")]);

        let half = b"h.test\tFALSE\t/\tFALSE\t0\tb\t2\nnonsense\n";
        let over = b"h.test\tFALSE\t/\tFALSE\t1\tb\t2\n";

        assert_eq!(jar.load(Broken).unwrap_err().kind(), ErrorKind::Io);
        assert_eq!(jar.load(&half[..]).unwrap_err().kind(), ErrorKind::Io);
        assert_eq!(jar.load(&over[..]).unwrap(), 0);
        assert_eq!(jar.save(Broken).unwrap_err().kind(), ErrorKind::Io);
        assert_eq!(jar.to_pairs(), pairs(&[("a", "1")]));
    }

    #[test]
    fn what_came_off_the_wire_is_saved_and_sent_byte_for_byte() {
        let jar = CookieJar::new();
        jar.absorb(&target("h.test"), ["a=\u{c3}\u{a9}\u{1}\u{ff}"], NOW);

        let mut file = Vec::new();
        jar.save(&mut file).unwrap();
        let back = CookieJar::new();
        back.load(&*file).unwrap();

        assert!(file.ends_with(b"\ta\t\xc3\xa9\x01\xff\n"));
        assert_eq!(
            back.header_for(&target("h.test"), NOW).unwrap().as_deref(),
            Some("a=\u{c3}\u{a9}\u{1}\u{ff}"),
            "each character a byte"
        );
    }

    #[test]
    fn a_file_by_name_is_replaced_wholly_and_its_errors_name_it() {
        let folder = TempDir::new();
        let path = folder.file("cookies.txt", "old");
        let jar = CookieJar::from([("a", "1")]);

        jar.save_to(&path).unwrap();
        let back = CookieJar::new();

        assert_eq!(back.load_from(&path).unwrap(), 1);
        assert_eq!(back.to_pairs(), jar.to_pairs());
        let bad = folder.file("bad.txt", "# x\rnonsense\r");
        for (error, text) in [
            (back.load_from(&bad).unwrap_err(), "bad.txt: line 2 is not a cookie"),
            (back.load_from(folder.path().join("none.txt")).unwrap_err(), "none.txt: "),
            (jar.save_to(folder.path().join("no/such.txt")).unwrap_err(), "such.txt: "),
        ] {
            assert_eq!(error.kind(), ErrorKind::Io);
            assert!(error.to_string().contains(text), "{error}");
        }
    }

    #[test]
    fn debug_hides_values() {
        let shown =
            format!("{:?} {:?}", CookieJar::from([("a", "hunter2")]), CookieJar::from([("a", "hunter2")]).iter());

        assert!(shown.contains("\"a\"") && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn threads_lose_no_cookie() {
        let jar = CookieJar::new();

        std::thread::scope(|scope| {
            for thread in 0..8 {
                let jar = &jar;
                scope.spawn(move || {
                    let host = format!("h{thread}.test");
                    for number in 0..50 {
                        jar.absorb(&target(&host), [format!("n{number}=1").as_str()], NOW);
                        jar.insert(format!("t{thread}-{number}"), "1");
                        let sent = jar.header_for(&target(&host), NOW).unwrap().unwrap_or_default();
                        assert!(sent.contains(&format!("n{number}=1")), "{sent}");
                        assert!(jar.remove(&format!("t{thread}-{number}")));
                    }
                });
            }
        });

        assert_eq!((jar.len(), jar.iter().len()), (400, 400));
    }
}
