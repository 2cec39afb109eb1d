//! The choice of a [`Route`]: a pure function of the URL and all settings.

use super::environment::{self, Environment};
use super::proxies::{Proxies, Setting};
use super::route::Route;
use super::server::Proxy;
use crate::error::Result;
use crate::url::Url;

/// The route to `url`. The request's proxies replace the session's key by key. Only if neither has a key for this URL
/// is the environment consulted, if there is one.
///
/// A `no_proxy` set by the program applies to every proxy and replaces the variable, which applies only to proxies from
/// the environment.
pub(crate) fn select(
    url: &Url,
    request: Option<&Proxies>,
    session: &Proxies,
    environment: Option<Environment<'_>>,
) -> Result<Route> {
    let levels = || request.into_iter().chain([session]).filter(|proxies| !proxies.is_empty());
    let find = |scheme: &str, host: Option<&str>| levels().find_map(|proxies| proxies.setting(scheme, host));
    let (scheme, host) = (url.scheme(), Some(url.host()));

    // In the order of requests: scheme and host, scheme, any scheme and host, any (PROXY-01).
    let set =
        find(scheme, host).or_else(|| find(scheme, None)).or_else(|| find("all", host)).or_else(|| find("all", None));
    let listed = || levels().find_map(Proxies::no_proxy);

    match (set, environment) {
        (Some(Setting::Through(proxy)), _) => {
            let direct = listed().is_some_and(|list| list.bypasses(url));
            Ok(if direct { Route::Direct } else { through(proxy.clone(), url) })
        }
        (Some(Setting::Direct | Setting::List(_)), _) | (None, None) => Ok(Route::Direct),
        (None, Some(environment)) => {
            let Some(proxy) = environment::proxy(scheme, environment.variable) else { return Ok(Route::Direct) };
            let direct = match listed() {
                Some(list) => list.bypasses(url),
                None => environment.no_proxy().is_some_and(|list| list.bypasses(url)),
            };
            if direct { Ok(Route::Direct) } else { Ok(through(Proxy::of_variable(proxy.name, &proxy.value)?, url)) }
        }
    }
}

fn through(proxy: Proxy, url: &Url) -> Route {
    match proxy {
        Proxy::Socks(server) => Route::Socks(server),
        Proxy::Http(server) if url.is_https() => Route::Tunnel(server),
        Proxy::Http(server) => Route::Forward(server),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::error::ErrorKind;
    use crate::proxy::environment::LastList;

    type Pairs<'a> = &'a [(&'a str, &'a str)];

    fn proxies(pairs: Pairs<'_>) -> Proxies {
        let mut proxies = Proxies::new();
        for (key, value) in pairs {
            proxies.insert(key, value).unwrap();
        }
        proxies
    }

    /// The route in words.
    fn route(url: &str, request: Pairs<'_>, session: Pairs<'_>, variables: Pairs<'_>) -> Result<String> {
        let variable =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let list = LastList::default();
        let environment = Environment { variable: &variable, list: &list, now: clock::now() };
        let route = select(&Url::parse(url)?, Some(&proxies(request)), &proxies(session), Some(environment))?;
        Ok(match route {
            Route::Direct => "direct".into(),
            Route::Forward(server) => format!("forward {}", server.host),
            Route::Tunnel(server) => format!("tunnel {}", server.host),
            Route::Socks(server) => format!("socks {}", server.host),
            Route::Unix(path) => format!("unix {}", path.display()),
        })
    }

    // PROXY-01, PROXY-04
    #[test]
    fn the_most_particular_key_counts() {
        let all = [("all", "d"), ("all://h", "c"), ("http", "b"), ("http://h", "a")];
        for (first, want) in [(4, "forward a"), (3, "forward b"), (2, "forward c"), (1, "forward d"), (0, "direct")] {
            assert_eq!(route("http://H:8080/x", &all[..first], &[], &[]).unwrap(), want);
        }
        for (url, request, want) in [
            ("https://h/", &[("https", "p")][..], "tunnel p"),
            ("https://h/", &[("http", "p")], "direct"),
            ("http://h/", &[("HTTP", "p")], "direct"),
            ("http://h/", &[("http://other", "p")], "direct"),
            ("http://[::1]:8/", &[("http://::1", "p")], "forward p"),
            ("http://h/", &[("http", ""), ("all", "p")], "direct"),
            ("http://h/", &[("http://h", ""), ("http", "p")], "direct"),
            ("http://h/", &[("http", "socks5://p")], "socks p"),
            ("https://h/", &[("all", "socks4a://p")], "socks p"),
            ("foo://h/", &[("foo", "p")], "forward p"),
        ] {
            assert_eq!(route(url, request, &[], &[]).unwrap(), want, "{url} {request:?}");
        }
    }

    // PROXY-02, PROXY-04; docs/decisions.md#program-first
    #[test]
    fn request_beats_session_and_session_beats_environment() {
        for (request, session, variables, want) in [
            (&[("http", "r")][..], &[("http", "s")][..], &[("http_proxy", "e")][..], "forward r"),
            (&[], &[("http", "s")], &[("http_proxy", "e")], "forward s"),
            (&[], &[], &[("http_proxy", "e")], "forward e"),
            (&[], &[("all", "s")], &[("http_proxy", "e")], "forward s"),
            (&[("all", "r")], &[("http", "s")], &[], "forward s"),
            (&[("http", "")], &[("http", "s")], &[("http_proxy", "e")], "direct"),
            (&[("http", "")], &[], &[("http_proxy", "e")], "direct"),
            (&[("https", "r")], &[], &[("http_proxy", "e")], "forward e"),
            (&[], &[], &[("http_proxy", "127.0.0.1:1"), ("all_proxy", "q")], "forward 127.0.0.1"),
            (&[], &[], &[("all_proxy", "socks5h://q")], "socks q"),
            (&[], &[], &[("https_proxy", "q")], "direct"),
            (&[], &[], &[("http_proxy", " localhost:3128 ")], "forward localhost"),
            (&[], &[], &[("http_proxy", "  ")], "direct"),
        ] {
            assert_eq!(route("http://h/", request, session, variables).unwrap(), want, "{request:?} {session:?}");
        }
    }

    // PROXY-06, PROXY-07; docs/decisions.md#no-proxy
    #[test]
    fn no_proxy_of_the_environment_is_for_the_environment() {
        for (request, session, variables, want) in [
            (&[][..], &[][..], &[("http_proxy", "e"), ("no_proxy", "h")][..], "direct"),
            (&[], &[], &[("http_proxy", "e"), ("no_proxy", ""), ("NO_PROXY", "h")], "direct"),
            (&[("http", "r")], &[], &[("no_proxy", "h")], "forward r"),
            (&[], &[("http", "s")], &[("no_proxy", "*")], "forward s"),
            (&[("no_proxy", "h")], &[], &[("http_proxy", "e")], "direct"),
            (&[("no_proxy", "x")], &[], &[("http_proxy", "e"), ("no_proxy", "h")], "forward e"),
            (&[("no_proxy", "")], &[], &[("http_proxy", "e"), ("NO_PROXY", "h")], "forward e"),
            (&[], &[("http", "s"), ("no_proxy", "h")], &[], "direct"),
            (&[("no_proxy", "x")], &[("http", "s"), ("no_proxy", "h")], &[], "forward s"),
            (&[("http", "r"), ("no_proxy", "h")], &[], &[], "direct"),
        ] {
            assert_eq!(route("http://h/", request, session, variables).unwrap(), want, "{request:?} {session:?}");
        }
    }

    #[test]
    fn an_environment_that_is_not_trusted_is_not_asked() {
        let url = Url::parse("http://h/").unwrap();
        assert_eq!(select(&url, None, &Proxies::new(), None).unwrap(), Route::Direct);

        // Nor is one that has no say.
        let (never, list) = (|name: &str| -> Option<String> { panic!("asked for {name}") }, LastList::default());
        let environment = Environment { variable: &never, list: &list, now: clock::now() };
        let session = proxies(&[("http", "s")]);
        assert!(matches!(select(&url, None, &session, Some(environment)).unwrap(), Route::Forward(_)));
    }

    #[test]
    fn a_bad_proxy_of_the_environment_is_an_error_of_the_requests_that_need_it() {
        let bad = [("http_proxy", "http://"), ("no_proxy", "direct.test")];
        assert_eq!(route("http://h/", &[], &[], &bad).unwrap_err().kind(), ErrorKind::InvalidProxyUrl);
        assert_eq!(route("http://direct.test/", &[], &[], &bad).unwrap(), "direct");
        assert_eq!(route("https://h/", &[], &[], &bad).unwrap(), "direct");
    }
}
