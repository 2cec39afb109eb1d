//! Public suffixes, from the list that is built into the `psl` crate (feature `psl`).

/// Whether `domain`, in lower case, is one below which unrelated parties register names: `co.uk`, `github.io`.
pub(super) fn is_public(domain: &str) -> bool {
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    psl::suffix(domain.as_bytes()).is_some_and(|suffix| suffix.is_known() && suffix.as_bytes() == domain.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_knows_suffixes_of_registries_and_of_hosters() {
        for (domain, want) in [
            ("com", true),
            ("co.uk", true),
            ("co.uk.", true),
            ("github.io", true),
            ("xn--55qx5d.cn", true),
            ("example.com", false),
            ("example.co.uk", false),
            ("h.test", false),
            ("www.ck", false),
        ] {
            assert_eq!(is_public(domain), want, "{domain}");
        }
    }
}
