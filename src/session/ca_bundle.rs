//! The CA bundle named by the environment: what `Verify::Yes` means with `trust_env`.

use std::path::PathBuf;

/// The first of requests' two variables that is set, else OpenSSL's.
pub(super) fn ca_bundle() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"].into_iter().find_map(set)
}
