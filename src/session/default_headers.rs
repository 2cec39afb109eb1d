//! The headers of a new session: `User-Agent`, `Accept-Encoding`, `Accept` and `Connection`.
//!
//! No `Expect`: as in requests, a body follows its head at once, without waiting for a `100 Continue`.

use std::sync::LazyLock;

use crate::adapter::USER_AGENT;
use crate::headers::Headers;
use crate::message::coding;

/// requests' defaults in requests' order. `Accept-Encoding` offers the codings of this build.
static DEFAULTS: LazyLock<Headers> = LazyLock::new(|| {
    let mut headers = Headers::with_capacity(8, 192);
    headers.push("User-Agent", USER_AGENT);
    headers.push("Accept-Encoding", coding::accept_encoding());
    headers.push("Accept", "*/*");
    headers.push("Connection", "keep-alive");
    headers.shared()
});

/// A copy of them for a new session.
pub(super) fn default_headers() -> Headers {
    DEFAULTS.duplicate()
}
