//! Proxies from the environment: `http_proxy`, `https_proxy`, `all_proxy`, `no_proxy`.
//!
//! Variables are looked up by name and only when needed, through a closure, so that a test can supply its own. If none
//! of them is set, nothing is allocated here.

/// Looks up a variable.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

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

/// The proxy for URLs of `scheme`, if there is one.
pub(super) fn proxy(scheme: &str, environment: Lookup<'_>) -> Option<Variable> {
    let own = match scheme {
        // A web server passes the header `Proxy: …` to a CGI program as HTTP_PROXY (CVE-2016-1000110).
        "http" if environment("REQUEST_METHOD").is_some() => first(environment, &["http_proxy"]),
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

/// The list of hosts that need no proxy. Here, unlike above, a blank lower-case variable hides nothing, because
/// requests combines the two with `or`.
pub(super) fn no_proxy(environment: Lookup<'_>) -> Option<String> {
    ["no_proxy", "NO_PROXY"].into_iter().filter_map(environment).find(|list| !list.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<T>(variables: &[(&str, &str)], ask: impl FnOnce(Lookup<'_>) -> T) -> T {
        ask(&|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
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
            let found = with(variables, |environment| proxy(scheme, environment));
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
            assert_eq!(with(variables, |environment| proxy(scheme, environment)).unwrap().name, name, "{variables:?}");
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
}
