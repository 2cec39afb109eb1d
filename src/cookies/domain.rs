//! Cookie domains: which hosts a cookie is sent to (RFC 6265 §5.1.3, §5.3).
//!
//! Pure functions on text. Hosts and domains are in lower case, without port and brackets. Where the RFC leaves a
//! choice, the stricter one is taken.

use std::borrow::Cow;

use super::suffixes;

/// Where a cookie that a host sets is sent back to.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Scope<'a> {
    /// To the host that set it.
    Host,
    /// To the hosts of this domain, in lower case.
    Domain(Cow<'a, str>),
}

/// Why a Domain attribute is rejected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Refusal {
    Foreign,
    SingleLabel,
    PublicSuffix,
}

impl Refusal {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Foreign => "its domain does not include the host",
            Self::SingleLabel => "its domain is a single label",
            Self::PublicSuffix => "its domain is a public suffix",
        }
    }
}

/// The scope of a cookie, from the Domain attribute that `host` sent.
pub(super) fn scope<'a>(host: &str, domain: Option<&'a str>) -> Result<Scope<'a>, Refusal> {
    let Some(domain) = domain.map(lower_case) else { return Ok(Scope::Host) };
    let alone = if is_single_label(&domain) {
        Some(Refusal::SingleLabel)
    } else if suffixes::is_public(&domain) {
        Some(Refusal::PublicSuffix)
    } else {
        None
    };
    match alone {
        // An address, `localhost` or a host that is itself a public suffix may name itself and nothing else.
        _ if *domain == *host && (alone.is_some() || is_address(host)) => Ok(Scope::Host),
        _ if !domain_matches(host, &domain) => Err(Refusal::Foreign),
        Some(refusal) => Err(refusal),
        None => Ok(Scope::Domain(domain)),
    }
}

/// Whether `host` is `domain` or below it.
pub(super) fn domain_matches(host: &str, domain: &str) -> bool {
    host == domain || host.strip_suffix(domain).is_some_and(|front| front.ends_with('.')) && !is_address(host)
}

/// The host, then each domain above it: `a.b.c`, `b.c`, `c`. There is none above an address.
pub(super) fn domains_of(host: &str) -> impl Iterator<Item = &str> {
    let up = !is_address(host);
    std::iter::successors(Some(host), move |domain| domain.split_once('.').map(|(_, parent)| parent).filter(|_| up))
        .filter(|domain| !domain.is_empty())
}

/// Whether `domain` has no sub-domains to which a cookie could be sent.
pub(super) fn is_alone(domain: &str) -> bool {
    is_single_label(domain) || is_address(domain)
}

fn is_single_label(domain: &str) -> bool {
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    !domain.trim_start_matches('.').contains('.') && !domain.contains(':')
}

/// Whether `host` is an IP address in any notation: no top-level domain is a number.
pub(super) fn is_address(host: &str) -> bool {
    if host.contains(':') {
        return true;
    }
    let host = host.strip_suffix('.').unwrap_or(host);
    let last = host.rsplit('.').next().unwrap_or(host);
    match last.strip_prefix("0x") {
        Some(hex) => hex.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

pub(super) fn lower_case(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(text: &str) -> Result<Scope<'_>, Refusal> {
        Ok(Scope::Domain(Cow::Borrowed(text)))
    }

    // COOK-09, COOK-11, COOK-12, COOK-13
    #[test]
    fn a_host_names_itself_or_a_domain_above_it() {
        for (host, attribute, want) in [
            ("h.test", None, Ok(Scope::Host)),
            ("h.test", Some("h.test"), domain("h.test")),
            ("h.test", Some("H.Test"), domain("h.test")),
            ("a.b.h.test", Some("h.test"), domain("h.test")),
            ("a.b.h.test", Some("b.h.test"), domain("b.h.test")),
            ("h.test", Some("a.h.test"), Err(Refusal::Foreign)),
            ("h.test", Some("x.test"), Err(Refusal::Foreign)),
            ("evilh.test", Some("h.test"), Err(Refusal::Foreign)),
            ("a.h.test", Some(".h.test"), Err(Refusal::Foreign)),
            ("a.h.test", Some("h.test."), Err(Refusal::Foreign)),
            ("h.test.", Some("h.test."), domain("h.test.")),
            ("a.h.test", Some("http://h.test"), Err(Refusal::Foreign)),
            // A single label.
            ("h.test", Some("test"), Err(Refusal::SingleLabel)),
            ("h.test.", Some("test."), Err(Refusal::SingleLabel)),
            ("h.test", Some("com"), Err(Refusal::Foreign)),
            ("localhost", Some("localhost"), Ok(Scope::Host)),
            ("localhost", Some("LOCALHOST"), Ok(Scope::Host)),
            ("localhost", Some("localhost.local"), Err(Refusal::Foreign)),
            ("localhost", Some("local"), Err(Refusal::Foreign)),
            ("app.localhost", Some("localhost"), Err(Refusal::SingleLabel)),
            ("intranet", None, Ok(Scope::Host)),
            // An address.
            ("127.0.0.1", None, Ok(Scope::Host)),
            ("127.0.0.1", Some("127.0.0.1"), Ok(Scope::Host)),
            ("127.0.0.1", Some("0.0.1"), Err(Refusal::Foreign)),
            ("127.0.0.1", Some("1"), Err(Refusal::Foreign)),
            ("127.0.0.1", Some("localhost"), Err(Refusal::Foreign)),
            ("::1", Some("::1"), Ok(Scope::Host)),
            ("fe80::1%25en0.h.test", Some("h.test"), Err(Refusal::Foreign)),
            ("h.test", Some("127.0.0.1"), Err(Refusal::Foreign)),
        ] {
            assert_eq!(scope(host, attribute), want, "{host}: {attribute:?}");
        }
    }

    #[test]
    fn a_refusal_says_why() {
        let all = [Refusal::Foreign, Refusal::SingleLabel, Refusal::PublicSuffix].map(Refusal::text);

        for (index, text) in all.iter().enumerate() {
            assert!(text.contains(' ') && !all[..index].contains(text), "{text:?}");
        }
    }

    #[cfg(feature = "psl")]
    #[test]
    fn a_public_suffix_is_no_domain() {
        for (host, attribute, want) in [
            ("a.co.uk", "co.uk", Err(Refusal::PublicSuffix)),
            ("a.co.uk", "a.co.uk", domain("a.co.uk")),
            ("b.a.co.uk", "a.co.uk", domain("a.co.uk")),
            ("co.uk", "co.uk", Ok(Scope::Host)),
            ("a.github.io", "github.io", Err(Refusal::PublicSuffix)),
            // With the dot of the root; and in any case.
            ("a.co.uk.", "co.uk.", Err(Refusal::PublicSuffix)),
            ("a.co.uk", "co.uk.", Err(Refusal::Foreign)),
            ("a.co.uk.", "co.uk", Err(Refusal::Foreign)),
            ("a.co.uk", "Co.UK", Err(Refusal::PublicSuffix)),
            ("co.uk.", "co.uk.", Ok(Scope::Host)),
            ("github.io", "github.io", Ok(Scope::Host)),
            ("a.h.test", "h.test", domain("h.test")),
        ] {
            assert_eq!(scope(host, Some(attribute)), want, "{host}: {attribute:?}");
        }
    }

    // COOK-10
    #[cfg(not(feature = "psl"))]
    #[test]
    fn without_the_list_a_public_suffix_is_a_domain() {
        assert_eq!(scope("a.co.uk", Some("co.uk")), domain("co.uk"));
    }

    #[test]
    fn addresses_are_known_in_every_form() {
        for (host, want) in [
            ("127.0.0.1", true),
            ("127.1", true),
            ("2130706433", true),
            ("0x7f000001", true),
            ("0x7f.0x1", true),
            ("1.2.3.4.", true),
            ("::1", true),
            ("fe80::1%eth0", true),
            ("h.test", false),
            ("1.test", false),
            ("1.2.3.4.test", false),
            ("4.com1", false),
            ("localhost", false),
            ("", false),
            (".", false),
        ] {
            assert_eq!(is_address(host), want, "{host}");
        }
    }

    #[test]
    fn the_domains_of_a_host_are_itself_and_those_above() {
        for (host, want) in [
            ("a.b.c", &["a.b.c", "b.c", "c"][..]),
            ("localhost", &["localhost"]),
            ("127.0.0.1", &["127.0.0.1"]),
            ("::1", &["::1"]),
            ("h.test.", &["h.test.", "test."]),
            ("", &[]),
        ] {
            assert_eq!(domains_of(host).collect::<Vec<_>>(), want, "{host}");
        }
    }
}
