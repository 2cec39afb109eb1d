//! Which adapter serves a URL: the longest prefix wins.

use std::fmt;
use std::sync::Arc;

use crate::adapter::Adapter;
use crate::error::{Error, ErrorKind, Result};
use crate::url::Url;

/// Adapters by prefix, longest first; prefixes of equal length keep the order in which they were mounted.
#[derive(Clone, Default)]
pub(super) struct Mounts {
    adapters: Vec<(String, Arc<dyn Adapter>)>,
}

impl Mounts {
    /// Mounts an adapter on `prefix`. An existing one is replaced, but not closed.
    pub(super) fn mount(&mut self, prefix: String, adapter: Arc<dyn Adapter>) {
        match self.adapters.iter_mut().find(|(own, _)| *own == prefix) {
            Some(mounted) => mounted.1 = adapter,
            None => {
                let place = self.adapters.partition_point(|(own, _)| own.len() >= prefix.len());
                self.adapters.insert(place, (prefix, adapter));
            }
        }
    }

    /// Removes the adapter on `prefix`; returns whether there was one.
    pub(super) fn unmount(&mut self, prefix: &str) -> bool {
        let before = self.adapters.len();
        self.adapters.retain(|(own, _)| own != prefix);
        self.adapters.len() != before
    }

    /// The adapter for `url`: the first whose prefix it starts with, ignoring case.
    pub(super) fn find(&self, url: &Url) -> Result<&Arc<dyn Adapter>> {
        let text = url.as_str().as_bytes();
        let starts_with = |prefix: &str| {
            let (prefix, start) = (prefix.as_bytes(), text.get(..prefix.len()));
            // The start of a prepared URL is in lower case, and so are most prefixes: then comparing memory is enough.
            start.is_some_and(|start| start == prefix || start.eq_ignore_ascii_case(prefix))
        };
        match self.adapters.iter().find(|(prefix, _)| starts_with(prefix)) {
            Some((_, adapter)) => Ok(adapter),
            None => {
                let text = format!("no adapter is mounted for {:?}", url.without_user_info());
                Err(Error::message(ErrorKind::InvalidSchema, text).with_url(url))
            }
        }
    }

    pub(super) fn each(&self) -> impl Iterator<Item = &Arc<dyn Adapter>> {
        self.adapters.iter().map(|(_, adapter)| adapter)
    }
}

impl fmt::Debug for Mounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.adapters.iter().map(|(prefix, _)| prefix)).finish()
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
        mounts.find(&url)?.send(&mut request, &SendOptions::default())?.text()
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

    // ADPT-05
    #[test]
    fn nothing_mounted_is_invalid_schema() {
        let error = serves(&mounts(&["http://"]), "ftp://user:secret@h/").unwrap_err();

        assert_eq!(error.kind(), ErrorKind::InvalidSchema);
        assert!(!error.to_string().contains("secret"));
    }
}
