//! What HTTP itself defines about methods and statuses (RFC 9110, "HTTP Semantics"), if more than one layer needs it.
//!
//! Plain names and numbers; each layer decides what to do about them.

/// The idempotent methods: two requests have the same effect as one (RFC 9110 §9.2.2).
pub(crate) const IDEMPOTENT_METHODS: [&str; 6] = ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"];

/// Whether sending it twice has the same effect as sending it once. Methods are case-sensitive.
pub(crate) fn is_idempotent(method: &str) -> bool {
    IDEMPOTENT_METHODS.contains(&method)
}

/// The redirect statuses that can be followed automatically (RFC 9110 §15.4): not 300, 304 or 305.
pub(crate) fn is_redirect(status: u16) -> bool {
    matches!(status, 301..=303) || keeps_method(status)
}

/// The redirects that keep method and body (RFC 9110 §15.4.8, §15.4.9).
pub(crate) fn keeps_method(status: u16) -> bool {
    matches!(status, 307 | 308)
}

/// The permanent redirects.
pub(crate) fn is_permanent_redirect(status: u16) -> bool {
    matches!(status, 301 | 308)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_are_five_statuses() {
        let all = |is: fn(u16) -> bool| (100..=999).filter(|&status| is(status)).collect::<Vec<_>>();

        assert_eq!(all(is_redirect), [301, 302, 303, 307, 308]);
        assert_eq!(all(keeps_method), [307, 308]);
        assert_eq!(all(is_permanent_redirect), [301, 308]);
    }

    #[test]
    fn idempotent_methods_are_known_by_their_exact_name() {
        for (method, want) in [("GET", true), ("DELETE", true), ("get", false), ("POST", false), ("PATCH", false)] {
            assert_eq!(is_idempotent(method), want, "{method}");
        }
    }
}
