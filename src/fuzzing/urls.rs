//! URLs, the references that a server joins to them, and the proxies that the environment names.

use crate::clock;
use crate::proxy::{Environment, LastList, select};
use crate::{Proxies, Url};

/// Invariant: a URL that is accepted can be sent as it stands and parses to itself; one that is joined to it breaks neither
/// the request line nor the Host header, and its host has no delimiter of a URL.
pub fn url(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (base, reference) = text.split_once('\u{1}').unwrap_or((&text, "../x?y#z"));
    let Ok(url) = Url::parse(base) else { return };
    if !url.is_http() {
        return; // kept as it was written, and not sent by the stock adapter
    }
    let again = Url::parse(url.as_str()).map(|again| again.as_str().to_owned());
    assert!(again.is_ok_and(|again| again == url.as_str()), "{url} is another URL when it is parsed again");
    check(&url);
    // As in requests, a percent sign of a Location that is no escape stays, which `parse` would encode: its text may differ.
    for joined in [url.join(reference), url.redirect(reference)].into_iter().flatten() {
        check(&joined);
    }
}

fn check(url: &Url) {
    if !url.is_http() {
        return;
    }
    let text = url.as_str();
    // A host that is joined is not checked as one that is parsed, so it need not parse again.
    for part in [url.target(), &url.absolute_target(), &url.host_header(), &url.authority()] {
        assert!(part.bytes().all(|byte| byte.is_ascii_graphic()), "{part:?} cannot be sent");
    }
    assert!(!url.host().is_empty() && !url.host().contains(['/', '@', '?', '#', '\\']), "{text:?}");
    assert!(!url.without_user_info().split(['/', '?', '#']).nth(2).is_some_and(|host| host.contains('@')), "{text:?}");
}

/// Invariant: proxy variables and a list of exceptions lead to a route or to an error that does not show the password.
pub fn proxy_settings(data: &[u8]) {
    const PASSWORD: &str = "c0rrect-h0rse";
    let text = String::from_utf8_lossy(data);
    let mut fields = text.split('\u{1}');
    let mut field = || fields.next().unwrap_or_default().to_owned();
    let (proxy, list, host, other) = (field(), field(), field(), field());
    let Ok(url) = Url::parse(&format!("http://{host}/")) else { return };
    for value in [proxy.clone(), format!("http://user:{PASSWORD}@{proxy}"), format!("user:{PASSWORD}@{proxy}")] {
        let environment = |name: &str| match name {
            "http_proxy" => Some(value.clone()),
            "no_proxy" => Some(list.clone()),
            "ALL_PROXY" => Some(other.clone()),
            _ => None,
        };
        let last = LastList::default();
        let environment = Environment { variable: &environment, list: &last, now: clock::now() };
        match select(&url, None, &Proxies::new(), Some(environment)) {
            Ok(route) => assert!(list.trim() != "*" || matches!(route, crate::proxy::Route::Direct)),
            Err(error) => {
                let text = format!("{error} {error:?}");
                assert!(!text.contains(PASSWORD), "{text}");
                assert!(!error.to_string().chars().any(char::is_control), "{error}");
            }
        }
    }
    let mut set = Proxies::new();
    if set.insert("http", &proxy).is_ok() {
        set.insert("no_proxy", &list).expect("a list of exceptions is any text");
        let _ = select(&url, None, &set, None);
    }
}
