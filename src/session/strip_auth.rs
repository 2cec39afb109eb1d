//! The rule that strips `Authorization` when a redirect or a link to the next page leads to another origin.
//!
//! requests' `should_strip_auth`, recorded in `testdata/strip_auth.json`. What else is removed is in `redirect`.

use crate::url::Url;

/// Whether a redirect from `old` to `new` must lose its Authorization.
pub(super) fn strip_auth(old: &Url, new: &Url) -> bool {
    if old.host() != new.host() {
        return true;
    }
    let plain = |url: &Url| url.port().is_none() || url.port() == url.default_port();
    // An upgrade to https on default ports is the only change that keeps it.
    let same_scheme = old.scheme() == new.scheme();
    let upgrade = old.scheme() == "http" && new.is_https();
    if (same_scheme || upgrade) && plain(old) && plain(new) {
        return false;
    }
    !same_scheme || old.port() != new.port()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    // REDIR-07
    #[test]
    fn authorization_is_stripped_when_the_origin_changes() {
        #[derive(serde::Deserialize)]
        struct Row {
            from: String,
            to: String,
            strip_auth: bool,
        }
        let rows: Vec<Row> = serde_json::from_str(include_str!("testdata/strip_auth.json")).unwrap();
        assert!(rows.len() > 80);

        for row in rows {
            assert_eq!(strip_auth(&url(&row.from), &url(&row.to)), row.strip_auth, "{} -> {}", row.from, row.to);
        }
    }

    #[test]
    fn only_http_becomes_https_without_a_loss() {
        for (from, to, want) in [
            ("http://h.test/", "https://h.test/", false),
            ("https://h.test/", "http://h.test/", true),
            ("mock://h.test/", "https://h.test/", true),
            ("http://h.test/", "mock://h.test/", true),
            ("mock://h.test/", "mock://h.test/", false),
        ] {
            assert_eq!(strip_auth(&url(from), &url(to)), want, "{from} -> {to}");
        }
    }
}
