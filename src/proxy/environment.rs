//! Proxies from the environment: `http_proxy`, `https_proxy`, `all_proxy`, `no_proxy`.
//!
//! Variables are looked up by name and only when needed, through a closure, so that a test can supply its own. If none
//! of them is set, nothing is allocated here.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::no_proxy::NoProxy;

/// Looks up a variable.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The variables, and what is remembered of them.
#[derive(Clone, Copy)]
pub(crate) struct Environment<'a> {
    pub(crate) variable: Lookup<'a>,
    pub(crate) list: &'a LastList,
    pub(crate) now: Instant,
}

/// The list of the environment, which may be long: parsed once for each value, and looked up at most once a second.
#[derive(Debug, Default)]
pub(crate) struct LastList(Mutex<Option<Seen>>);

#[derive(Debug)]
struct Seen {
    at: Instant,
    text: Option<String>,
    list: Option<Arc<NoProxy>>,
}

/// How long a list is believed. Looking again is a copy of it.
const BELIEVED: Duration = Duration::from_secs(1);

/// The environment of this process.
pub(crate) fn process(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// A variable that is set to something.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Variable {
    pub(super) name: &'static str,
    /// Without white space around it.
    pub(super) value: String,
}

/// Whether names of variables differ by their case.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Case {
    Counts,
    /// As on Windows.
    Ignored,
}

/// The proxy for URLs of `scheme`, if there is one.
pub(super) fn proxy(scheme: &str, environment: Lookup<'_>) -> Option<Variable> {
    let case = if cfg!(windows) { Case::Ignored } else { Case::Counts };
    proxy_where(case, scheme, environment)
}

fn proxy_where(case: Case, scheme: &str, environment: Lookup<'_>) -> Option<Variable> {
    let own = match scheme {
        // A web server passes the header `Proxy: …` to a CGI program as HTTP_PROXY (CVE-2016-1000110), which is also
        // http_proxy where case is ignored.
        "http" if environment("REQUEST_METHOD").is_some() => match case {
            Case::Counts => first(environment, &["http_proxy"]),
            Case::Ignored => None,
        },
        "http" => first(environment, &["http_proxy", "HTTP_PROXY"]),
        "https" => first(environment, &["https_proxy", "HTTPS_PROXY"]),
        _ => None,
    };
    own.or_else(|| first(environment, &["all_proxy", "ALL_PROXY"]))
}

/// The lower-case name first. If it is set but blank, it hides the other.
fn first(environment: Lookup<'_>, names: &[&'static str]) -> Option<Variable> {
    let (name, value) = names.iter().find_map(|&name| Some((name, environment(name)?)))?;
    let value = value.trim();
    (!value.is_empty()).then(|| Variable { name, value: value.to_owned() })
}

impl Environment<'_> {
    /// The list of hosts that need no proxy.
    pub(super) fn no_proxy(&self) -> Option<Arc<NoProxy>> {
        let Self { variable, list: LastList(seen), now } = *self;
        if let Some(seen) = &*seen.lock() {
            if now.saturating_duration_since(seen.at) < BELIEVED {
                return seen.list.clone();
            }
        }
        let text = no_proxy(variable);
        let last = seen.lock().take().filter(|seen| seen.text == text);
        let list = match last {
            Some(last) => last.list,
            None => text.as_deref().map(|text| Arc::new(NoProxy::parse(text))),
        };
        *seen.lock() = Some(Seen { at: now, text, list: list.clone() });
        list
    }
}

/// The text of that list. Here, unlike above, a blank lower-case variable hides nothing, because
/// requests combines the two with `or`.
fn no_proxy(environment: Lookup<'_>) -> Option<String> {
    ["no_proxy", "NO_PROXY"].into_iter().filter_map(environment).find(|list| !list.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    fn with<T>(variables: &[(&str, &str)], ask: impl FnOnce(Lookup<'_>) -> T) -> T {
        ask(&|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    /// The same where names differ in more than their case.
    fn with_any_case<T>(variables: &[(&str, &str)], ask: impl FnOnce(Lookup<'_>) -> T) -> T {
        let is = |key: &str, name: &str| key.eq_ignore_ascii_case(name);
        ask(&|name| variables.iter().find(|(key, _)| is(key, name)).map(|(_, value)| (*value).to_owned()))
    }

    // PROXY-05
    #[test]
    fn cgi_hides_http_proxy_in_any_case_where_case_is_ignored() {
        for (variables, scheme, want) in [
            (&[("HTTP_PROXY", "p")][..], "http", Some("p")),
            (&[("http_proxy", "p")], "http", Some("p")),
            (&[("HTTP_PROXY", "p"), ("REQUEST_METHOD", "GET")], "http", None),
            (&[("http_proxy", "p"), ("REQUEST_METHOD", "GET")], "http", None),
            (&[("Http_Proxy", "p"), ("Request_Method", "GET")], "http", None),
            (&[("HTTP_PROXY", "p"), ("ALL_PROXY", "q"), ("REQUEST_METHOD", "GET")], "http", Some("q")),
            (&[("HTTPS_PROXY", "p"), ("REQUEST_METHOD", "GET")], "https", Some("p")),
            (&[("https_proxy", "p"), ("HTTP_PROXY", "q"), ("REQUEST_METHOD", "GET")], "https", Some("p")),
        ] {
            let found = with_any_case(variables, |environment| proxy_where(Case::Ignored, scheme, environment));
            assert_eq!(found.map(|variable| variable.value).as_deref(), want, "{variables:?}");
        }
    }

    // PROXY-05
    #[test]
    fn lower_case_comes_first_and_cgi_hides_the_upper_case() {
        for (variables, scheme, want) in [
            (&[("http_proxy", "p")][..], "http", Some("p")),
            (&[("http_proxy", "p")], "https", None),
            (&[("HTTPS_PROXY", "p")], "https", Some("p")),
            (&[("http_proxy", "p"), ("HTTP_PROXY", "q")], "http", Some("p")),
            (&[("http_proxy", ""), ("HTTP_PROXY", "q")], "http", None),
            (&[("http_proxy", ""), ("all_proxy", "q")], "http", Some("q")),
            (&[("HTTP_PROXY", "p"), ("REQUEST_METHOD", "GET")], "http", None),
            (&[("HTTPS_PROXY", "p"), ("REQUEST_METHOD", "GET")], "https", Some("p")),
            (&[("http_proxy", "p"), ("REQUEST_METHOD", "GET")], "http", Some("p")),
            (&[("all_proxy", "p")], "http", Some("p")),
            (&[("ALL_PROXY", "p")], "https", Some("p")),
            (&[("all_proxy", ""), ("ALL_PROXY", "p")], "https", None),
            (&[("http_proxy", "p"), ("all_proxy", "q")], "http", Some("p")),
            (&[("all_proxy", "p")], "ftp", Some("p")),
            (&[], "http", None),
            // White space does not count.
            (&[("http_proxy", " p\t\r\n")], "http", Some("p")),
            (&[("https_proxy", "  ")], "https", None),
            (&[("https_proxy", " "), ("HTTPS_PROXY", "q")], "https", None),
            (&[("http_proxy", "\t"), ("all_proxy", " q ")], "http", Some("q")),
            (&[("all_proxy", "\n")], "http", None),
        ] {
            let found = with(variables, |environment| proxy_where(Case::Counts, scheme, environment));
            assert_eq!(found.map(|variable| variable.value).as_deref(), want, "{variables:?}");
        }
    }

    #[test]
    fn the_variable_that_counts_is_known_by_name() {
        for (variables, scheme, name) in [
            (&[("http_proxy", "p"), ("HTTP_PROXY", "q")][..], "http", "http_proxy"),
            (&[("HTTP_PROXY", "q"), ("all_proxy", "r")], "http", "HTTP_PROXY"),
            (&[("HTTPS_PROXY", "q")], "https", "HTTPS_PROXY"),
            (&[("http_proxy", " "), ("ALL_PROXY", "r")], "http", "ALL_PROXY"),
        ] {
            let found = with(variables, |environment| proxy_where(Case::Counts, scheme, environment));
            assert_eq!(found.unwrap().name, name, "{variables:?}");
        }
    }

    #[test]
    fn an_empty_no_proxy_does_not_hide_the_upper_case_one() {
        for (variables, want) in [
            (&[("no_proxy", "a"), ("NO_PROXY", "b")][..], Some("a")),
            (&[("no_proxy", ""), ("NO_PROXY", "b")], Some("b")),
            (&[("NO_PROXY", "b")], Some("b")),
            (&[("no_proxy", " \t"), ("NO_PROXY", "b")], Some("b")),
            (&[("no_proxy", " "), ("NO_PROXY", "")], None),
            (&[], None),
        ] {
            assert_eq!(with(variables, no_proxy).as_deref(), want, "{variables:?}");
        }
    }

    #[test]
    fn a_list_is_parsed_once_for_each_value_and_looked_up_once_a_second() {
        let (list, start) = (LastList::default(), clock::now());
        let ask = |value: Option<&str>, millis| {
            let asked = std::cell::Cell::new(0);
            let variable = |name: &str| {
                asked.set(asked.get() + 1);
                value.filter(|_| name == "no_proxy").map(str::to_owned)
            };
            let now = start + Duration::from_millis(millis);
            (Environment { variable: &variable, list: &list, now }.no_proxy(), asked.get())
        };
        let (first, asked) = ask(Some("a.test"), 0);
        assert_eq!(asked, 1);

        let (within, asked) = ask(Some("b.test"), 999);
        assert!(asked == 0 && Arc::ptr_eq(first.as_ref().unwrap(), &within.unwrap()));
        let (same, asked) = ask(Some("a.test"), 1_000);
        assert!(asked == 1 && Arc::ptr_eq(&first.unwrap(), same.as_ref().unwrap()));
        let (other, asked) = ask(Some("b.test"), 2_000);
        assert!(asked == 1 && !Arc::ptr_eq(&same.unwrap(), &other.unwrap()));
        assert!(matches!(ask(None, 3_000), (None, 2)));
        assert!(matches!(ask(None, 3_500), (None, 0)));
    }
}
