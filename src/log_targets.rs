//! The targets of all log lines of this crate. The crate's documentation has a table of them.
//!
//! Users filter logs by these names, so a line takes its target from here rather than from its module's path.

/// Connections, requests and retries: the lines of `urllib3.connectionpool`, word for word.
pub(crate) const CONNECTIONPOOL: &str = "petition::connectionpool";
/// Threads that wait for a connection. Nothing of urllib3's.
pub(crate) const POOL: &str = "petition::pool";
/// The counts of a `Retry`: the lines of `urllib3.util.retry`, word for word.
pub(crate) const RETRY: &str = "petition::retry";
/// Each hop of a redirect.
pub(crate) const REDIRECT: &str = "petition::redirect";
/// Why a connection was closed.
pub(crate) const ADAPTER: &str = "petition::adapter";
/// Hosts whose certificates are not verified.
pub(crate) const TLS: &str = "petition::tls";
/// Cookies that were rejected or left out.
pub(crate) const COOKIES: &str = "petition::cookies";

#[cfg(test)]
mod tests {
    #[test]
    fn every_target_is_in_the_table_of_the_documentation() {
        let own = include_str!("log_targets.rs");
        let targets: Vec<&str> = own.lines().filter_map(|line| line.strip_prefix("pub(crate) const ")).collect();
        assert!(targets.len() > 5);

        for line in targets {
            let target = line.split('"').nth(1).expect("a target is a text");
            let row = format!("//! | `{target}` |");
            assert!(include_str!("lib.rs").lines().any(|line| line.starts_with(&row)), "{target}");
        }
    }
}
