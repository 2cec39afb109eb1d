//! The cookies of a jar: which exist, which are sent, which are removed to make room.
//!
//! `Store` is plain data: no lock, and the time is passed in. Cookies are grouped by domain, so that a request looks
//! only at the few domains above its host. A program may set anything. What a server sends is checked and counted, and
//! replaces only what servers sent.
//!
//! Invariants: a group is never empty, and its key is the domain of its cookies; within a group, the key of a cookie is its path
//! and name; `count` is the number of all entries.

use std::cell::Cell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, hash_map};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::cookie::Cookie;
use super::domain::{self, Refusal, Scope};
use super::target::CookieTarget;
use super::{date, parse, path};
use crate::text::{authority, latin1};

/// A stored cookie.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub cookie: Cookie,
    /// The only host to which a cookie without a domain is sent, if it is not sent to all.
    pub bound: Option<Arc<str>>,
    /// Whether it came from a server, so that it is counted.
    received: bool,
    /// Its place in the order of all; overwriting keeps it.
    created: u64,
    /// When it was last set or sent, on the same scale.
    used: Cell<u64>,
}

impl Entry {
    /// A cookie set by a program.
    pub(super) fn given(mut cookie: Cookie) -> Self {
        cookie.domain = canonical_domain(&cookie.domain);
        if cookie.path.is_empty() {
            cookie.path.push('/');
        }
        // Made explicit here, so that a saved file has it too.
        cookie.host_only = !cookie.domain.is_empty() && (cookie.host_only || domain::is_alone(&cookie.domain));
        Self { cookie, bound: None, received: false, created: 0, used: Cell::new(0) }
    }

    /// The entry with the smallest age is the least recently used.
    fn age(&self) -> (u64, u64) {
        (self.used.get(), self.created)
    }

    fn id(&self) -> Id {
        Id::new(&self.cookie.path, &self.cookie.name)
    }

    /// What tells it apart from all others.
    fn whole_id(&self) -> (&str, &str, &str) {
        let Cookie { domain, path, name, .. } = &self.cookie;
        (domain, path, name)
    }

    /// Whether it is sent with this request. Its domain is known to be the host, one above it, or empty.
    fn goes_to(&self, host: &str, target: &CookieTarget<'_>, now: SystemTime) -> bool {
        let cookie = &self.cookie;
        let host_fits = if cookie.domain.is_empty() {
            self.bound.as_deref().is_none_or(|only| only == host)
        } else {
            !cookie.host_only || cookie.domain == host
        };
        host_fits
            && (!cookie.secure || target.secure)
            && path::path_matches(target.path, &cookie.path)
            && !cookie.is_expired_at(now)
    }
}

/// What tells the cookies of one domain apart: path and name.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Id {
    text: Box<str>,
    /// Where the name begins in it.
    name: usize,
}

impl Id {
    fn new(path: &str, name: &str) -> Self {
        Self { text: [path, name].concat().into(), name: path.len() }
    }
}

/// A domain as the store keeps it: lower case, no leading dot, no brackets, IDNA where it is not ASCII.
///
/// What it returns it leaves as it is, so that a domain that was kept is kept as the same when it is read again.
pub(super) fn canonical_domain(domain: &str) -> String {
    let domain = without_decoration(domain);
    match url::Host::parse(domain) {
        // IDNA removes characters, so that a dot can come first now.
        Ok(url::Host::Domain(ascii)) if !domain.is_ascii() => without_decoration(&ascii).to_owned(),
        _ => domain.to_ascii_lowercase(),
    }
}

/// Without any leading dots and brackets. A dot alone stays: it is the domain of no host ([`NO_HOST`](super::target::NO_HOST)),
/// while the empty domain is that of every host.
fn without_decoration(mut domain: &str) -> &str {
    loop {
        let rest = match domain.trim_start_matches('.') {
            "" if !domain.is_empty() => ".",
            rest => rest,
        };
        let rest = authority::without_brackets(rest);
        if rest.len() == domain.len() {
            return domain;
        }
        domain = rest;
    }
}

/// How much servers may store.
#[derive(Clone, Copy, Debug)]
pub(super) struct JarLimits {
    /// Bytes of one cookie: name, value, domain and path together.
    pub bytes: usize,
    pub per_domain: usize,
    pub total: usize,
}

impl JarLimits {
    /// RFC 6265 §6.1 asks for at least 4,096 bytes, 50 cookies and 3,000. Servers send larger cookies, and requests
    /// keeps them.
    pub(super) const DEFAULT: Self = Self { bytes: 16 * 1024, per_domain: 180, total: 10_000 };
}

/// Why a Set-Cookie line set nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Refused {
    /// It has no name, or bytes that no header may contain.
    Unreadable,
    TooLarge,
    Domain(Refusal),
    ShadowsSecure,
    Prefix,
}

impl Refused {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Unreadable => "it has a line break or NUL",
            Self::TooLarge => "it is too large",
            Self::Domain(refusal) => refusal.text(),
            Self::ShadowsSecure => "it would replace a secure cookie, but came over plain http",
            Self::Prefix => "its name promises what its attributes do not keep",
        }
    }
}

/// A cookie that cannot be sent in a header.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Unsendable {
    pub name: String,
    pub fault: &'static str,
}

#[derive(Clone, Debug)]
pub(super) struct Store {
    groups: BTreeMap<Box<str>, HashMap<Id, Entry>>,
    count: usize,
    /// Increases with each cookie that is set and each header that is built.
    tick: u64,
    /// Whether a secure cookie was ever set, so that it is worth looking for one.
    secure_seen: bool,
    limits: JarLimits,
}

/// Whether a name with a prefix has the attributes that the prefix promises: then no other host can have set it (the draft
/// that succeeds RFC 6265, "cookie name prefixes").
fn keeps_prefix(line: &parse::SetCookie<'_>, came_over_https: bool) -> bool {
    let has = |prefix: &str| line.name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    let is_secure = line.secure && came_over_https;
    match () {
        () if has("__Host-") => is_secure && line.domain.is_none() && line.path == Some("/"),
        () if has("__Secure-") => is_secure,
        () => true,
    }
}

impl Store {
    pub(super) const fn new() -> Self {
        Self { groups: BTreeMap::new(), count: 0, tick: 0, secure_seen: false, limits: JarLimits::DEFAULT }
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn clear(&mut self) {
        *self = Self { limits: self.limits, ..Self::new() };
    }

    /// All entries, in an unspecified order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.groups.values().flat_map(HashMap::values)
    }

    /// All entries, in the order in which they were first set.
    pub(super) fn entries(&self) -> Vec<&Entry> {
        let mut entries: Vec<_> = self.iter().collect();
        entries.sort_unstable_by_key(|entry| entry.created);
        entries
    }

    /// Stores an entry, and replaces one with the same domain, path and name.
    pub(super) fn put(&mut self, mut entry: Entry) {
        self.tick += 1;
        entry.used.set(self.tick);
        self.secure_seen |= entry.cookie.secure;
        let group = match self.groups.get_mut(entry.cookie.domain.as_str()) {
            Some(group) => group,
            None => self.groups.entry(entry.cookie.domain.as_str().into()).or_default(),
        };
        match group.entry(entry.id()) {
            hash_map::Entry::Occupied(mut own) => {
                entry.created = own.get().created;
                own.insert(entry);
            }
            hash_map::Entry::Vacant(place) => {
                entry.created = self.tick;
                place.insert(entry);
                self.count += 1;
            }
        }
    }

    /// Removes the entries for which `gone` is true; returns whether there were any.
    pub(super) fn remove(&mut self, mut gone: impl FnMut(&Entry) -> bool) -> bool {
        let before = self.count;
        for group in self.groups.values_mut() {
            group.retain(|_, entry| !gone(entry));
        }
        self.groups.retain(|_, group| !group.is_empty());
        self.count = self.groups.values().map(HashMap::len).sum();
        before != self.count
    }

    /// The same for the cookies of one domain.
    fn remove_in(&mut self, domain: &str, mut gone: impl FnMut(&Entry) -> bool) {
        let Some(group) = self.groups.get_mut(domain) else { return };
        let before = group.len();
        group.retain(|_, entry| !gone(entry));
        self.count -= before - group.len();
        if group.is_empty() {
            self.groups.remove(domain);
        }
    }

    /// Removes one cookie, if it is there.
    fn remove_one(&mut self, domain: &str, id: &Id) {
        let Some(group) = self.groups.get_mut(domain) else { return };
        self.count -= usize::from(group.remove(id).is_some());
        if group.is_empty() {
            self.groups.remove(domain);
        }
    }

    /// Stores a Set-Cookie line of a response from `target` (RFC 6265 §5.3).
    pub(super) fn receive(&mut self, target: &CookieTarget<'_>, line: &str, now: SystemTime) -> Result<(), Refused> {
        let line = parse::parse(line).ok_or(Refused::Unreadable)?;
        let host = target.canonical_host();
        let scope = domain::scope(&host, line.domain).map_err(Refused::Domain)?;
        let (domain, host_only) = match &scope {
            Scope::Host => (&*host, true),
            Scope::Domain(domain) => (&**domain, false),
        };
        if !keeps_prefix(&line, target.secure) {
            return Err(Refused::Prefix);
        }
        let path = line.path.map_or_else(|| path::default_path(target.path).into(), path::escape_path);
        if line.name.len() + line.value.len() + domain.len() + path.len() > self.limits.bytes {
            return Err(Refused::TooLarge);
        }
        if !target.secure && self.secure_seen && self.shadows_secure(domain, &path, line.name, now) {
            return Err(Refused::ShadowsSecure);
        }
        let expires = match line.max_age {
            Some(age) => end_of(age, now),
            None => line.expires,
        };
        if expires.is_some_and(|end| end <= now) {
            self.remove_one(domain, &Id::new(&path, line.name));
            return Ok(());
        }
        let cookie = Cookie {
            name: line.name.to_owned(),
            value: line.value.to_owned(),
            domain: domain.to_owned(),
            path: path.into_owned(),
            secure: line.secure,
            http_only: line.http_only,
            host_only,
            expires,
            same_site: line.same_site,
        };
        self.put(Entry { cookie, bound: None, received: true, created: 0, used: Cell::new(0) });
        self.make_room(domain, now);
        Ok(())
    }

    /// Whether a cookie that came over plain http would replace a secure one, or be mistaken for it.
    ///
    /// The draft that succeeds RFC 6265 calls this "leave secure cookies alone".
    fn shadows_secure(&self, domain: &str, path: &str, name: &str, now: SystemTime) -> bool {
        let near = |own: &str| domain::domain_matches(own, domain) || domain::domain_matches(domain, own);
        self.groups.iter().filter(|(own, _)| near(own)).flat_map(|(_, group)| group.values()).any(|own| {
            own.cookie.secure
                && own.cookie.name == name
                && path::path_matches(path, &own.cookie.path)
                && !own.cookie.is_expired_at(now)
        })
    }

    /// Removes what exceeds the limits: expired cookies first, then the least recently used of those from servers.
    fn make_room(&mut self, domain: &str, now: SystemTime) {
        let JarLimits { per_domain, total, .. } = self.limits;
        if self.groups.get(domain).is_some_and(|group| group.len() > per_domain) {
            self.remove_in(domain, |own| own.cookie.is_expired_at(now));
            let group = self.groups.get(domain).into_iter().flat_map(HashMap::values);
            if let Some(last) = last_to_go(group, per_domain, per_domain) {
                self.remove_in(domain, |own| own.received && own.age() <= last);
            }
        }
        if self.count > total {
            self.remove(|own| own.cookie.is_expired_at(now));
            // A tenth at a time, so that not every further cookie has to look at all of them.
            if let Some(last) = last_to_go(self.iter(), total, total - total / 10) {
                self.remove(|own| own.received && own.age() <= last);
            }
        }
    }

    /// The value of the Cookie header for that request, with the request's cookies `own` over those of the jar; `None`
    /// if there is nothing to send, and then nothing is allocated.
    pub(super) fn header(
        &mut self,
        own: &[Entry],
        target: &CookieTarget<'_>,
        now: SystemTime,
    ) -> Result<Option<String>, Unsendable> {
        self.tick += 1;
        let host = target.canonical_host();
        let domains = || std::iter::once("").chain(domain::domains_of(&host));
        let (mut out, mut expired) = (Vec::new(), false);
        for entry in domains().filter_map(|domain| self.groups.get(domain)).flat_map(HashMap::values) {
            if entry.goes_to(&host, target, now) {
                entry.used.set(self.tick);
                out.push((entry.created, entry));
            }
            expired |= entry.cookie.is_expired_at(now);
        }
        // Where the jar's cookies are, for those that replace one.
        let places: HashMap<_, _> = match own {
            [] => HashMap::new(),
            _ => out.iter().enumerate().map(|(at, (_, entry))| (entry.whole_id(), at)).collect(),
        };
        for entry in own {
            let domain = &*entry.cookie.domain;
            if !(domain.is_empty() || domain::domain_matches(&host, domain)) || !entry.goes_to(&host, target, now) {
                continue;
            }
            match places.get(&entry.whole_id()) {
                Some(&at) => out[at].1 = entry,
                None => out.push((u64::MAX, entry)),
            }
        }
        // RFC 6265 §5.4: longer paths first, then in the order in which they came. The sort is stable.
        out.sort_by_key(|(created, entry)| (Reverse(entry.cookie.path.len()), *created));
        let header = write(out.iter().map(|(_, entry)| &entry.cookie));
        if expired {
            for domain in domains() {
                self.remove_in(domain, |entry| entry.cookie.is_expired_at(now));
            }
        }
        header
    }
}

/// The age up to which received entries must be removed to leave `rest` of them, if there are more than `most`.
fn last_to_go<'a>(entries: impl Iterator<Item = &'a Entry>, most: usize, rest: usize) -> Option<(u64, u64)> {
    let mut ages: Vec<_> = entries.filter(|entry| entry.received).map(Entry::age).collect();
    if ages.len() <= most {
        return None;
    }
    let last = ages.len() - rest - 1;
    Some(*ages.select_nth_unstable(last).1)
}

/// When a cookie with this Max-Age expires; `None` if the system cannot represent that time.
fn end_of(age: i64, now: SystemTime) -> Option<SystemTime> {
    now.checked_add(Duration::from_secs(age.clamp(0, date::LAST).unsigned_abs()))
}

fn write<'a>(cookies: impl Iterator<Item = &'a Cookie> + Clone) -> Result<Option<String>, Unsendable> {
    let size = cookies.clone().map(|cookie| cookie.name.len() + cookie.value.len() + "=; ".len()).sum();
    let mut out = String::with_capacity(size);
    for Cookie { name, value, .. } in cookies {
        if let Some(fault) = fault_of(name).or_else(|| fault_of(value)) {
            return Err(Unsendable { name: name.clone(), fault });
        }
        if name.is_empty() && value.is_empty() {
            continue;
        }
        if !out.is_empty() {
            out.push_str("; ");
        }
        // Servers disagree on what `=value` means.
        if !name.is_empty() {
            out.push_str(name);
            out.push('=');
        }
        out.push_str(value);
    }
    Ok(Some(out).filter(|out| !out.is_empty()))
}

/// What a header must not contain. Other characters are sent as they are, also those that a server sent.
pub(super) fn fault_of(text: &str) -> Option<&'static str> {
    if text.bytes().any(|byte| matches!(byte, b'\r' | b'\n' | b'\0')) {
        Some("a line break or NUL")
    } else if !latin1::fits(text) {
        Some("a character beyond Latin-1")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: SystemTime = SystemTime::UNIX_EPOCH;

    fn day(count: u64) -> SystemTime {
        START + Duration::from_secs(count * 86_400)
    }

    fn target(url: &str) -> CookieTarget<'_> {
        let (scheme, rest) = url.split_once("://").unwrap();
        let at = rest.find('/').unwrap_or(rest.len());
        CookieTarget { host: &rest[..at], path: &rest[at..], secure: scheme == "https" }
    }

    /// What a jar without cookies of the request's own sends, on day 1.
    fn sent(store: &mut Store, url: &str) -> String {
        store.header(&[], &target(url), day(1)).unwrap().unwrap_or_default()
    }

    /// A store after those answers, on day 1.
    fn after(answers: &[(&str, &str)]) -> Store {
        let mut store = Store::new();
        for (url, line) in answers {
            let _ = store.receive(&target(url), line, day(1));
        }
        store
    }

    fn given(cookies: &[Cookie]) -> Store {
        let mut store = Store::new();
        cookies.iter().cloned().map(Entry::given).for_each(|entry| store.put(entry));
        store
    }

    #[test]
    fn a_canonical_domain_is_its_own() {
        for (domain, want) in [
            (".Example.COM", "example.com"),
            ("...a.test", "a.test"),
            ("..\u{ad}.te3t", "te3t"), // IDNA removes the soft hyphen
            (".[.a.test]", "a.test"),
            ("[[::1]]", "::1"),
            ("%41.test", "%41.test"), // as it stands: only what is not ASCII is parsed
            ("A_b.test", "a_b.test"),
            ("..", "."),
            ("", ""),
        ] {
            assert_eq!(canonical_domain(domain), want, "{domain:?}");
            assert_eq!(canonical_domain(want), want);
        }
    }

    // COOK-01, COOK-22
    #[test]
    fn longer_paths_go_first_then_older_cookies_and_overwriting_keeps_the_place() {
        let mut store = after(&[
            ("http://w.h.test/", "a=1; Path=/"),
            ("http://w.h.test/", "b=1; Path=/x"),
            ("http://w.h.test/", "c=1; Path=/; Domain=h.test"),
            ("http://w.h.test/", "d=1; Path=/x/y"),
            ("http://w.h.test/", "e=1; Path=/"),
            ("http://w.h.test/", "a=2; Path=/"),
            ("http://w.h.test/", "a=3; Path=/x"),
        ]);

        assert_eq!(sent(&mut store, "http://w.h.test/x/y"), "d=1; b=1; a=3; a=2; c=1; e=1");
        assert_eq!(store.len(), 6);
    }

    // COOK-16
    #[test]
    fn a_cookie_that_was_deleted_and_set_again_is_the_youngest() {
        let mut store = after(&[
            ("http://h.test/", "a=1"),
            ("http://h.test/", "b=1"),
            ("http://h.test/", "a=; Max-Age=0"),
            ("http://h.test/", "a=2"),
        ]);

        assert_eq!(sent(&mut store, "http://h.test/"), "b=1; a=2");
    }

    // COOK-05, REDIR-13
    #[test]
    fn a_cookie_without_domain_goes_to_every_host_unless_it_is_bound() {
        let mut store = given(&[Cookie::new("a", "1")]);
        let mut bound = Entry::given(Cookie::new("b", "2"));
        bound.bound = Some("h.test".into());
        store.put(bound);

        for (url, want) in [
            ("http://h.test/", "a=1; b=2"),
            ("http://H.TEST/", "a=1; b=2"),
            ("http://w.h.test/", "a=1"),
            ("https://127.0.0.1/x", "a=1"),
            ("http://localhost/", "a=1"),
        ] {
            assert_eq!(sent(&mut store, url), want, "{url}");
        }
    }

    // COOK-09, COOK-11, COOK-12, COOK-13
    #[test]
    fn without_domain_a_servers_cookie_stays_with_its_host() {
        for (set, line, send, want) in [
            ("http://h.test/", "a=1", "http://h.test/", "a=1"),
            ("http://H.test/", "a=1", "http://h.TEST/", "a=1"),
            ("http://h.test/", "a=1", "http://w.h.test/", ""),
            ("http://w.h.test/", "a=1", "http://h.test/", ""),
            ("http://w.h.test/", "a=1; Domain=h.test", "http://h.test/", "a=1"),
            ("http://w.h.test/", "a=1; Domain=H.TEST", "http://x.y.h.test/", "a=1"),
            ("http://w.h.test/", "a=1; Domain=.w.h.test", "http://x.w.h.test/", "a=1"),
            ("http://w.h.test/", "a=1; Domain=h.test", "http://evilh.test/", ""),
            ("http://h.test/", "a=1; Domain=test", "http://h.test/", ""),
            ("http://h.test/", "a=1; Domain=w.h.test", "http://h.test/", ""),
            ("http://localhost/", "a=1", "http://localhost/", "a=1"),
            ("http://localhost/", "a=1; Domain=localhost", "http://localhost/", "a=1"),
            ("http://localhost/", "a=1; Domain=localhost", "http://w.localhost/", ""),
            ("http://intranet/", "a=1", "http://intranet.local/", ""),
            ("http://127.0.0.1/", "a=1", "http://127.0.0.1/", "a=1"),
            ("http://127.0.0.1/", "a=1; Domain=127.0.0.1", "http://127.0.0.1/", "a=1"),
            ("http://127.0.0.1/", "a=1; Domain=0.0.1", "http://127.0.0.1/", ""),
            ("http://127.0.0.1/", "a=1", "http://127.0.0.2/", ""),
            ("http://::1/", "a=1", "http://::1/", "a=1"),
            ("mock:///", "a=1", "mock:///", "a=1"),
            ("mock:///", "a=1", "https://h.test/", ""),
            ("mock:///", "a=1; Domain=h.test", "https://h.test/", ""),
            ("http://h.test/", "a=1", "mock:///", ""),
        ] {
            assert_eq!(sent(&mut after(&[(set, line)]), send), want, "{set} {line} {send}");
        }
    }

    #[test]
    fn a_programs_domain_covers_sub_domains_where_there_can_be_any() {
        let cookie = |domain| Cookie::new("a", "1").domain(domain);
        for (cookie, send, want) in [
            (cookie("h.test"), "http://h.test/", "a=1"),
            (cookie("h.test"), "http://w.h.test/", "a=1"),
            (cookie(".H.Test"), "http://w.h.test/", "a=1"),
            (cookie("h.test").host_only(true), "http://w.h.test/", ""),
            (cookie("h.test").host_only(true), "http://h.test/", "a=1"),
            (cookie("test"), "http://h.test/", ""),
            (cookie("localhost"), "http://localhost/", "a=1"),
            (cookie("localhost"), "http://w.localhost/", ""),
            (cookie("127.0.0.1"), "http://127.0.0.1/", "a=1"),
            (cookie("[::1]"), "http://::1/", "a=1"),
            (cookie("."), "http://h.test/", ""),
            (cookie("b\u{fc}cher.test"), "http://w.xn--bcher-kva.test/", "a=1"),
        ] {
            assert_eq!(sent(&mut given(std::slice::from_ref(&cookie)), send), want, "{cookie:?} {send}");
        }
    }

    // COOK-06, COOK-07, COOK-08
    #[test]
    fn a_path_that_does_not_start_with_a_slash_is_the_default() {
        for (line, send, want) in [
            ("a=1", "http://h.test/dir/x", "a=1"),
            ("a=1", "http://h.test/dir", "a=1"),
            ("a=1", "http://h.test/dirx", ""),
            ("a=1", "http://h.test/", ""),
            ("a=1; Path=/elsewhere", "http://h.test/elsewhere", "a=1"),
            ("a=1; Path=dir", "http://h.test/dir", "a=1"),
            ("a=1; Path=", "http://h.test/dir", "a=1"),
            ("a=1; Path=/a b", "http://h.test/a%20b/c", "a=1"),
            ("a=1; Path=/", "http://h.test", "a=1"),
        ] {
            assert_eq!(sent(&mut after(&[("http://h.test/dir/page", line)]), send), want, "{line} {send}");
        }
    }

    // COOK-14
    #[test]
    fn a_secure_cookie_goes_over_https_only() {
        let mut store = after(&[("http://h.test/", "a=1; Secure"), ("https://h.test/", "b=1; Secure")]);

        assert_eq!(sent(&mut store, "http://h.test/"), "");
        assert_eq!(sent(&mut store, "https://h.test/"), "a=1; b=1");
    }

    #[test]
    fn plain_http_leaves_secure_cookies_alone() {
        let secure = ("https://w.h.test/login/x", "a=1; Secure; Path=/login");
        for (url, line, allowed) in [
            ("http://w.h.test/", "a=2; Path=/login", false),
            ("http://w.h.test/", "a=2; Path=/login; Secure", false),
            ("http://w.h.test/", "a=2; Path=/login; Max-Age=0", false),
            ("http://w.h.test/", "a=2; Path=/login/in", false),
            ("http://w.h.test/", "a=2; Path=/login; Domain=h.test", false),
            ("http://x.w.h.test/", "a=2; Path=/login", false),
            // Not taken for it: another name, a wider path, another host; and https may do as it likes.
            ("http://w.h.test/", "b=2; Path=/login", true),
            ("http://w.h.test/", "a=2; Path=/", true),
            ("http://other.h.test/", "a=2; Path=/login", true),
            ("https://w.h.test/", "a=2; Path=/login", true),
        ] {
            let mut store = after(&[secure]);
            let result = store.receive(&target(url), line, day(1));

            assert_eq!(result, if allowed { Ok(()) } else { Err(Refused::ShadowsSecure) }, "{url} {line}");
            if !allowed {
                assert_eq!(sent(&mut store, "https://w.h.test/login"), "a=1", "{url} {line}");
            }
        }
    }

    #[test]
    fn a_secure_cookie_of_the_program_is_left_alone_and_an_expired_one_is_not() {
        for (cookie, want) in [
            (Cookie::new("a", "1"), Err(Refused::ShadowsSecure)),
            (Cookie::new("a", "1").expires(day(2)), Err(Refused::ShadowsSecure)),
            (Cookie::new("a", "1").expires(day(1)), Ok(())),
        ] {
            let mut store = given(&[cookie.domain("h.test").secure(true)]);

            assert_eq!(store.receive(&target("http://h.test/"), "a=2", day(1)), want);
        }
    }

    // COOK-16
    #[test]
    fn max_age_beats_expires_and_the_past_deletes() {
        for (attributes, on_day_1, on_day_3) in [
            ("", "a=2", "a=2"),
            ("; Max-Age=86401", "a=2", ""),
            ("; Expires=Sat, 03 Jan 1970 00:00:00 GMT", "a=2", ""),
            ("; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "", ""),
            ("; Max-Age=0", "", ""),
            ("; Max-Age=-1", "", ""),
            ("; Max-Age=-99999999999999999999", "", ""),
            ("; Max-Age=99999999999999999999", "a=2", "a=2"),
            ("; Max-Age=999999; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "a=2", "a=2"),
            ("; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=999999", "a=2", "a=2"),
            ("; Max-Age=0; Expires=Thu, 01 Jan 2099 00:00:00 GMT", "", ""),
            ("; Max-Age=x", "a=2", "a=2"),
            ("; Expires=x", "a=2", "a=2"),
        ] {
            let mut store = after(&[("http://h.test/", "a=1"), ("http://h.test/", &format!("a=2{attributes}"))]);

            assert_eq!(sent(&mut store, "http://h.test/"), on_day_1, "{attributes}");
            let later = store.header(&[], &target("http://h.test/"), day(3)).unwrap();
            assert_eq!(later.unwrap_or_default(), on_day_3, "{attributes}");
        }
    }

    // COOK-18
    #[test]
    fn an_expired_cookie_is_dropped_when_the_jar_comes_across_it() {
        let mut store = after(&[
            ("http://h.test/", "a=1; Max-Age=1"),
            ("http://h.test/", "b=1"),
            ("http://x.test/", "c=1; Max-Age=1"),
        ]);
        assert_eq!(store.len(), 3);

        assert_eq!(store.header(&[], &target("http://h.test/"), day(2)), Ok(Some("b=1".into())));
        assert_eq!(store.len(), 2);

        assert_eq!(store.header(&[], &target("http://x.test/"), day(2)), Ok(None));
        assert_eq!((store.len(), store.groups.len()), (1, 1));
    }

    // COOK-04, SES-09
    #[test]
    fn cookies_of_the_request_lie_over_those_of_the_jar() {
        let at = |path| Cookie::new("a", "own").domain("h.test").path(path);
        for (jar, own, want) in [
            // Without domain on both sides: replaced, in its place.
            (vec![Cookie::new("a", "1"), Cookie::new("z", "1")], Cookie::new("a", "own"), "a=own; z=1"),
            (vec![Cookie::new("z", "1")], Cookie::new("a", "own"), "z=1; a=own"),
            // The one of a server has a domain: both go.
            (vec![Cookie::new("a", "1").domain("h.test")], Cookie::new("a", "own"), "a=1; a=own"),
            (vec![Cookie::new("a", "1").domain("h.test")], at("/"), "a=own"),
            (vec![Cookie::new("a", "1").domain("h.test")], at("/x"), "a=own; a=1"),
            (vec![Cookie::new("a", "1").domain("h.test").path("/x")], at("/"), "a=1; a=own"),
            // One that does not go to this request replaces nothing.
            (vec![Cookie::new("a", "1")], Cookie::new("a", "own").secure(true), "a=1"),
            (vec![Cookie::new("a", "1")], Cookie::new("a", "own").expires(day(1)), "a=1"),
            (vec![Cookie::new("z", "1")], Cookie::new("a", "own").domain("x.test"), "z=1"),
            (vec![Cookie::new("z", "1")], Cookie::new("a", "own").domain("w.h.test"), "z=1"),
            (vec![], Cookie::new("a", "own").domain("h.test"), "a=own"),
        ] {
            let own = Entry::given(own);
            let header = given(&jar).header(std::slice::from_ref(&own), &target("http://h.test/x/y"), day(1)).unwrap();

            assert_eq!(header.unwrap_or_default(), want, "{jar:?} {own:?}");
        }
    }

    // COOK-30
    #[test]
    fn line_breaks_and_what_is_not_latin1_are_stopped_and_nothing_else() {
        for (name, value, want) in [
            ("a", "1\r\nX: y", Err("a line break or NUL")),
            ("a", "1\n", Err("a line break or NUL")),
            ("a\r", "1", Err("a line break or NUL")),
            ("a", "\0", Err("a line break or NUL")),
            ("a", "\u{100}", Err("a character beyond Latin-1")),
            ("a\u{20ac}", "1", Err("a character beyond Latin-1")),
            ("a", "\u{ff}", Ok("a=\u{ff}")),
            ("a", "\u{80}\u{e9}", Ok("a=\u{80}\u{e9}")),
            ("a", "1; b=2", Ok("a=1; b=2")),
            ("a", "x\\y, \"z\" \u{1}", Ok("a=x\\y, \"z\" \u{1}")),
            ("a b", "", Ok("a b=")),
            ("", "v", Ok("v")),
            ("", "v=w", Ok("v=w")),
            ("", "", Ok("")),
        ] {
            let header = given(&[Cookie::new(name, value)]).header(&[], &target("http://h.test/"), day(1));

            let header = header.map_err(|unsendable| unsendable.fault).map(Option::unwrap_or_default);
            assert_eq!(header.as_deref().map_err(|fault| *fault), want, "{name:?} {value:?}");
        }
    }

    #[test]
    fn what_a_header_would_stop_is_only_stopped_where_it_goes() {
        let mut store = given(&[Cookie::new("a", "\n").domain("bad.test"), Cookie::new("b", "1")]);

        assert_eq!(sent(&mut store, "http://h.test/"), "b=1");
    }

    #[test]
    fn a_prefix_of_a_name_is_a_promise_that_is_kept() {
        let target = |secure| CookieTarget { host: "a.h.test", path: "/x", secure };
        for (line, https, http) in [
            ("__Host-a=1; Secure; Path=/", true, false),
            ("__HOST-a=1; Secure; Path=/", true, false),
            ("__Host-a=1; Secure", false, false),
            ("__Host-a=1; Secure; Path=/x", false, false),
            ("__Host-a=1; Path=/", false, false),
            ("__Host-a=1; Secure; Path=/; Domain=h.test", false, false),
            ("__Host-a=1; Secure; Path=/; Domain=a.h.test", false, false),
            ("__Secure-a=1; Secure", true, false),
            ("__secure-a=1; Secure; Domain=h.test; Path=/x", true, false),
            ("__Secure-a=1", false, false),
            ("_Host-a=1", true, true),
            ("__Hosta=1", true, true),
            ("é__Host-=1", true, true),
        ] {
            for (secure, want) in [(true, https), (false, http)] {
                let mut store = Store::new();
                let result = store.receive(&target(secure), line, SystemTime::UNIX_EPOCH);
                assert_eq!(result, if want { Ok(()) } else { Err(Refused::Prefix) }, "{line} {secure}");
            }
        }
    }

    #[test]
    fn a_server_cannot_set_more_than_the_limits() {
        let small = JarLimits { bytes: 20, per_domain: 3, total: 10 };
        let mut store = Store { limits: small, ..given(&[Cookie::new("mine", "1").domain("h.test")]) };
        let mut set = |url: &str, line: &str| store.receive(&target(url), line, day(1));

        // h.test and / are seven bytes of the twenty.
        assert_eq!(set("http://h.test/", "a=123456789012"), Ok(()));
        assert_eq!(set("http://h.test/", "a=1234567890123"), Err(Refused::TooLarge));
        assert_eq!(set("http://h.test/123456789012", "a=1; Path=/123456789012"), Err(Refused::TooLarge));

        set("http://h.test/", "b=1; Path=/b").unwrap();
        set("http://h.test/", "c=1").unwrap();
        assert_eq!(sent(&mut store, "http://h.test/"), "mine=1; a=123456789012; c=1");
        store.receive(&target("http://h.test/"), "d=1", day(1)).unwrap();

        // `b` was not used for the longest time; the program's own is not counted, and stays.
        assert_eq!(sent(&mut store, "http://h.test/b"), "mine=1; a=123456789012; c=1; d=1");
        // All were used at once: the oldest goes.
        store.receive(&target("http://h.test/"), "e=1", day(1)).unwrap();
        assert_eq!(sent(&mut store, "http://h.test/b"), "mine=1; c=1; d=1; e=1");
    }

    #[test]
    fn expired_cookies_make_room_first() {
        let mut store = Store { limits: JarLimits { per_domain: 2, ..JarLimits::DEFAULT }, ..Store::new() };
        for line in ["a=1", "b=1; Max-Age=1"] {
            store.receive(&target("http://h.test/"), line, day(1)).unwrap();
        }

        store.receive(&target("http://h.test/"), "c=1", day(2)).unwrap();

        assert_eq!(sent(&mut store, "http://h.test/"), "a=1; c=1");
    }

    #[test]
    fn nothing_is_looked_for_to_remove_where_there_is_room() {
        for limits in [JarLimits { per_domain: 2, ..JarLimits::DEFAULT }, JarLimits { total: 2, ..JarLimits::DEFAULT }]
        {
            let mut store = Store { limits, ..Store::new() };
            for line in ["a=1; Path=/a; Max-Age=1", "b=1"] {
                store.receive(&target("http://h.test/"), line, day(1)).unwrap();
            }

            store.receive(&target("http://h.test/"), "b=2", day(2)).unwrap();
            assert_eq!(store.len(), 2, "the expired one is in nobody's way");
            store.receive(&target("http://h.test/"), "c=1", day(2)).unwrap();
            assert_eq!(store.len(), 2);
        }
    }

    #[test]
    fn what_was_sent_is_newer_than_what_was_set_before() {
        let mut store = Store { limits: JarLimits { per_domain: 2, ..JarLimits::DEFAULT }, ..Store::new() };
        for line in ["a=1", "b=1; Path=/b"] {
            store.receive(&target("http://h.test/"), line, day(1)).unwrap();
        }
        assert_eq!(sent(&mut store, "http://h.test/"), "a=1");

        store.receive(&target("http://h.test/"), "c=1", day(1)).unwrap();

        assert_eq!(sent(&mut store, "http://h.test/b"), "a=1; c=1");
    }

    #[test]
    fn a_refusal_says_why() {
        let all = [
            Refused::Unreadable,
            Refused::TooLarge,
            Refused::Domain(Refusal::Foreign),
            Refused::ShadowsSecure,
            Refused::Prefix,
        ]
        .map(Refused::text);

        for (index, text) in all.iter().enumerate() {
            assert!(text.contains(' ') && !all[..index].contains(text), "{text:?}");
        }
        assert_eq!(Refused::Domain(Refusal::Foreign).text(), Refusal::Foreign.text());
    }

    #[test]
    fn a_full_jar_drops_a_tenth_and_keeps_what_is_in_use() {
        let mut store =
            Store { limits: JarLimits { total: 20, ..JarLimits::DEFAULT }, ..given(&[Cookie::new("mine", "1")]) };
        let hosts: Vec<_> = (0..20).map(|number| format!("http://h{number}.test/")).collect();
        for host in &hosts {
            store.receive(&target(host), "a=1", day(1)).unwrap();
        }
        assert_eq!(store.len(), 21);
        sent(&mut store, &hosts[0]);

        store.receive(&target("http://new.test/"), "a=1", day(1)).unwrap();

        assert_eq!(store.len(), 18 + 1);
        assert_eq!(sent(&mut store, &hosts[0]), "mine=1; a=1");
        assert_eq!(sent(&mut store, &hosts[1]), "mine=1");
        assert_eq!(sent(&mut store, &hosts[3]), "mine=1");
        assert_eq!(sent(&mut store, &hosts[4]), "mine=1; a=1");
        assert_eq!(sent(&mut store, "http://new.test/"), "mine=1; a=1");
    }

    #[test]
    fn the_default_limits_are_at_least_what_the_rfc_asks_for() {
        let JarLimits { bytes, per_domain, total } = JarLimits::DEFAULT;

        assert!(bytes >= 4096 && per_domain >= 50 && total >= 3000);
        let long = format!("a={}", "v".repeat(10_000));
        assert_eq!(sent(&mut after(&[("http://h.test/", &long)]), "http://h.test/"), long);
    }

    #[test]
    fn the_count_is_that_of_the_entries_whatever_happens() {
        let mut store = Store { limits: JarLimits { bytes: 100, per_domain: 3, total: 8 }, ..Store::new() };
        let mut random = 1_u32;
        for step in 0..5_000 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (host, name, kind) = (random >> 8 & 7, random >> 12 & 3, random >> 16 & 15);
            let url = format!("{}://h{host}.w.test/", if kind & 1 == 0 { "http" } else { "https" });
            match kind {
                0..=7 => {
                    let attributes = ["", "; Max-Age=0", "; Max-Age=90000", "; Domain=w.test", "; Secure"];
                    let attribute = attributes[(random >> 20) as usize % attributes.len()];
                    let _ = store.receive(&target(&url), &format!("n{name}=1{attribute}"), day(step / 100));
                }
                8..=10 => drop(store.header(&[], &target(&url), day(step / 100))),
                11 => drop(store.remove(|entry| entry.cookie.name == format!("n{name}"))),
                12 if step % 50 == 0 => store.clear(),
                _ => store.put(Entry::given(Cookie::new(format!("n{name}"), "2"))),
            }

            assert_eq!(store.len(), store.entries().len());
            assert!(store.groups.iter().all(|(domain, group)| {
                !group.is_empty()
                    && group.iter().all(|(id, entry)| *entry.cookie.domain == **domain && *id == entry.id())
            }));
            assert!(store.entries().iter().filter(|entry| entry.received).count() <= 8);
        }
    }
}
