//! The cases of the IETF's http-state working group, which RFC 6265 was written after, played against a jar: a server sets
//! cookies, and the next request shows what is sent back. `testdata/http-state.json` has them, one a line.

use std::time::{Duration, SystemTime};

use super::{CookieJar, CookieTarget};

#[derive(serde::Deserialize)]
struct Case {
    id: String,
    url: String,
    set_cookie: Vec<String>,
    next: String,
    cookie: Option<String>,
}

fn target(url: &str) -> CookieTarget<'_> {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (authority, _) = rest.split_once('/').unwrap();
    let path = rest[authority.len()..].split('?').next().unwrap();
    CookieTarget { host: CookieTarget::host_of_header(authority).unwrap(), path, secure: scheme == "https" }
}

// COOK-01, COOK-06, COOK-07, COOK-14, COOK-16, COOK-17, COOK-19 to COOK-22
#[test]
fn the_cases_of_the_ietf_come_out_as_rfc_6265_says() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("testdata/http-state.json")).unwrap();
    // 2027: the dates in the cases lie well before or after.
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    assert!(cases.len() > 100);

    for case in cases {
        let jar = CookieJar::new();

        jar.absorb(&target(&case.url), case.set_cookie.iter().map(String::as_str), now);

        assert_eq!(
            jar.header_for(&target(&case.next), now).unwrap(),
            case.cookie,
            "{}: {:?}",
            case.id,
            case.set_cookie
        );
    }
}
