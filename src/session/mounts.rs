//! Which adapter serves a URL: the longest prefix wins.

use std::any::TypeId;
use std::fmt;
use std::sync::Arc;

use crate::adapter::{Adapter, HttpAdapter, OnDemand, UnixAdapter};
use crate::error::{Error, ErrorKind, Result};
use crate::url::Url;

/// Adapters by prefix, grouped by the prefix's length. A lookup tries each length once, however many adapters there are.
#[derive(Clone, Default)]
pub(super) struct Mounts {
    /// The longest first. There are few, mostly two, and to walk along a list is cheaper than through a tree.
    lengths: Vec<(usize, Level)>,
}

/// Sorted by the prefix in lower case. Prefixes that differ only in case keep the order in which they were mounted.
type Level = Vec<(String, Vec<Mounted>)>;

/// An adapter with its prefix, as it was given.
#[derive(Clone)]
pub(super) struct Mounted {
    prefix: String,
    pub(super) adapter: Arc<dyn Adapter>,
    /// Whether it is the crate's own, which does nothing with a response except to return it.
    pub(super) is_stock: bool,
}

impl Mounts {
    /// Mounts an adapter on `prefix`. An existing one is replaced, but not closed.
    pub(super) fn mount<A: Adapter + 'static>(&mut self, prefix: String, adapter: Arc<A>) {
        let stock = [TypeId::of::<OnDemand>(), TypeId::of::<HttpAdapter>(), TypeId::of::<UnixAdapter>()];
        let is_stock = stock.contains(&TypeId::of::<A>());
        let place = self.place(prefix.len());
        if self.lengths.get(place).is_none_or(|(length, _)| *length != prefix.len()) {
            self.lengths.insert(place, (prefix.len(), Level::new()));
        }
        let (_, level) = &mut self.lengths[place];
        let lower_case = prefix.to_ascii_lowercase();
        let at = level.partition_point(|(own, _)| *own < lower_case);
        if level.get(at).is_none_or(|(own, _)| *own != lower_case) {
            level.insert(at, (lower_case, Vec::new()));
        }
        let (_, alike) = &mut level[at];
        let mounted = Mounted { prefix, adapter, is_stock };
        match alike.iter_mut().find(|own| own.prefix == mounted.prefix) {
            Some(own) => *own = mounted,
            None => alike.push(mounted),
        }
    }

    /// Removes the adapter on `prefix`; returns whether there was one.
    pub(super) fn unmount(&mut self, prefix: &str) -> bool {
        let place = self.place(prefix.len());
        let level = self.lengths.get_mut(place).filter(|(length, _)| *length == prefix.len());
        let Some((_, level)) = level else { return false };
        let Some(at) = position(level, prefix.to_ascii_lowercase().as_bytes()) else { return false };
        let (_, alike) = &mut level[at];
        let before = alike.len();
        alike.retain(|own| own.prefix != prefix);
        let is_gone = alike.len() != before;
        if alike.is_empty() {
            level.remove(at);
        }
        if level.is_empty() {
            self.lengths.remove(place);
        }
        is_gone
    }

    /// Where prefixes of that length are, or would be.
    fn place(&self, length: usize) -> usize {
        self.lengths.partition_point(|(longer, _)| *longer > length)
    }

    /// The adapter for `url`: that of the longest prefix it starts with, ignoring case.
    pub(super) fn find(&self, url: &Url) -> Result<&Mounted> {
        let found = self.lengths.iter().find_map(|(length, level)| {
            let start = url.as_str().as_bytes().get(..*length)?;
            let (_, alike) = match level.len() {
                ..=FEW => level.iter().find(|(own, _)| is_prefix(own.as_bytes(), start))?,
                _ => &level[position(level, &start.to_ascii_lowercase())?],
            };
            alike.first()
        });
        match found {
            Some(mounted) => Ok(mounted),
            None => {
                let text = format!("no adapter is mounted for {:?}", url.for_errors());
                Err(Error::message(ErrorKind::InvalidSchema, text).with_url(url))
            }
        }
    }

    pub(super) fn each(&self) -> impl Iterator<Item = &Arc<dyn Adapter>> {
        self.mounted().map(|mounted| &mounted.adapter)
    }

    /// The longest prefixes first.
    fn mounted(&self) -> impl Iterator<Item = &Mounted> {
        self.lengths.iter().flat_map(|(_, level)| level).flat_map(|(_, alike)| alike)
    }
}

/// Whether `start` is `own`, which has the same length, in any case. The last byte is looked at first: where the URL has another
/// scheme, one of them mostly is at its host there, and the other at a slash.
fn is_prefix(own: &[u8], start: &[u8]) -> bool {
    let ends_alike = match (own.last(), start.last()) {
        (Some(own), Some(start)) => own.eq_ignore_ascii_case(start),
        _ => true,
    };
    ends_alike && (own == start || own.eq_ignore_ascii_case(start))
}

/// Of so few prefixes of one length, looking at each is cheaper than a copy in lower case and a search by halves.
const FEW: usize = 4;

/// Where in `level` the prefixes are that are `prefix` in lower case.
fn position(level: &Level, prefix: &[u8]) -> Option<usize> {
    level.binary_search_by(|(own, _)| own.as_bytes().cmp(prefix)).ok()
}

impl fmt::Debug for Mounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.mounted().map(|mounted| &mounted.prefix)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::SendOptions;
    use crate::message::{PreparedRequest, Response};

    fn mounts(prefixes: &[&str]) -> Mounts {
        let mut mounts = Mounts::default();
        for prefix in prefixes {
            let name = (*prefix).to_owned();
            let adapter =
                move |_: &mut PreparedRequest, _: &SendOptions| Response::builder(200).body(name.clone()).build();
            mounts.mount((*prefix).to_owned(), Arc::new(adapter));
        }
        mounts
    }

    fn serves(mounts: &Mounts, url: &str) -> Result<String> {
        let url = Url::parse(url).unwrap();
        let mut request = PreparedRequest::new(http::Method::GET, url.clone(), crate::Headers::new());
        mounts.find(&url)?.adapter.send(&mut request, &SendOptions::default())?.text()
    }

    // ADPT-01, ADPT-02, ADPT-03, ADPT-06
    #[test]
    fn the_longest_prefix_wins_without_regard_to_case() {
        let mounts = mounts(&["http://", "HTTP://A.test/v1", "http://a.test", "http://b.test", "x"]);

        for (url, want) in [
            ("http://a.test/v1/x", "HTTP://A.test/v1"),
            ("http://a.test/V1", "HTTP://A.test/v1"),
            ("http://a.test/v2", "http://a.test"),
            ("http://b.test.evil/", "http://b.test"),
            ("http://c.test/", "http://"),
            ("x-own:thing", "x"),
        ] {
            assert_eq!(serves(&mounts, url).unwrap(), want, "{url}");
        }
    }

    // ADPT-01, ADPT-04
    #[test]
    fn prefixes_that_differ_in_case_are_two_and_the_first_counts() {
        let mut mounts = mounts(&["http://A.test/", "http://a.test/", "http://\u{e9}"]);
        assert_eq!(serves(&mounts, "http://a.test/x").unwrap(), "http://A.test/");
        assert_eq!(format!("{mounts:?}"), "[\"http://A.test/\", \"http://a.test/\", \"http://\u{e9}\"]");

        assert!(mounts.unmount("http://A.test/") && !mounts.unmount("http://A.test/"));
        assert_eq!(serves(&mounts, "http://a.test/x").unwrap(), "http://a.test/");
        assert!(mounts.unmount("http://a.test/") && mounts.unmount("http://\u{e9}"));
        assert!(serves(&mounts, "http://a.test/x").is_err() && !mounts.unmount("http://a.test/"));
        assert_eq!((mounts.each().count(), mounts.lengths.len()), (0, 0));
    }

    // ADPT-05
    #[test]
    fn nothing_mounted_is_invalid_schema() {
        let error = serves(&mounts(&["http://"]), "ftp://user:secret@h/?token=secret").unwrap_err();

        assert_eq!(error.kind(), ErrorKind::InvalidSchema);
        assert_eq!(error.to_string(), "no adapter is mounted for \"ftp://h/\"");
    }
}
