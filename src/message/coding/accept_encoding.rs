//! The codings of this build, and the value of `Accept-Encoding` that offers them.
//!
//! The table is the only place that knows which codings exist: the offer and the decoders come from the same rows.

use std::sync::LazyLock;

use super::decode::Decode;

/// The codings of this build, a row for each feature, in the order in which they are offered.
pub(super) static TABLE: &[&[Coding]] = &[
    #[cfg(feature = "gzip")]
    super::flate::CODINGS,
    #[cfg(feature = "brotli")]
    super::brotli::CODINGS,
    #[cfg(feature = "zstd")]
    super::zstd::CODINGS,
];

/// A coding of the table.
pub(super) struct Coding {
    /// The name to offer, then other names; in lower case.
    pub(super) names: &'static [&'static str],
    pub(super) start: fn() -> Result<Box<dyn Decode>, String>,
}

impl Coding {
    pub(super) fn name(&self) -> &'static str {
        self.names[0]
    }
}

/// The value of Accept-Encoding that offers what this build can decode. With all features it is that of requests.
pub(crate) fn accept_encoding() -> &'static str {
    static OFFER: LazyLock<String> = LazyLock::new(|| {
        let names: Vec<&str> = TABLE.iter().copied().flatten().map(Coding::name).collect();
        if names.is_empty() { "identity".to_owned() } else { names.join(", ") }
    });
    &OFFER
}

/// The coding of that name, without regard to case.
pub(super) fn find(name: &str) -> Option<&'static Coding> {
    let is_it = |coding: &&Coding| coding.names.iter().any(|known| known.eq_ignore_ascii_case(name));
    TABLE.iter().copied().flatten().find(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;

    // SES-02
    #[test]
    fn what_is_offered_is_what_the_table_has_in_the_order_of_requests() {
        let want: Vec<&str> = [
            cfg!(feature = "gzip").then_some("gzip, deflate"),
            cfg!(feature = "brotli").then_some("br"),
            cfg!(feature = "zstd").then_some("zstd"),
        ]
        .into_iter()
        .flatten()
        .collect();

        assert_eq!(accept_encoding(), if want.is_empty() { "identity".to_owned() } else { want.join(", ") });
    }
}
