//! Log lines that users of urllib3 know, word for word.

use crate::adapter::job::Job;
use crate::http1::framing::Framing;
use crate::http1::head::ResponseHead;
use crate::log_targets::CONNECTIONPOOL;
use crate::pool::Endpoint;

/// The line about a response: request line, status and length.
#[inline]
pub(super) fn log_answer(job: &Job<'_>, endpoint: &Endpoint, head: &ResponseHead, framing: Framing) {
    // Chunked counts, and urllib3 warns (LOG-17).
    if framing == Framing::Chunked && head.headers.contains("content-length") {
        log::warn!(
            target: CONNECTIONPOOL,
            "Received response with both Content-Length and Transfer-Encoding set. This is expressly forbidden by RFC 7230 \
             sec 3.3.2. Ignoring Content-Length and attempting to process response as Transfer-Encoding: chunked."
        );
    }
    if log::log_enabled!(target: CONNECTIONPOOL, log::Level::Debug) {
        log_status(job, endpoint, head, framing);
    }
}

#[inline(never)]
fn log_status(job: &Job<'_>, endpoint: &Endpoint, head: &ResponseHead, framing: Framing) {
    let length = framing.log_length().map_or_else(|| "None".to_owned(), |length| length.to_string());
    log::debug!(
        target: CONNECTIONPOOL,
        "{}://{} \"{} {} HTTP/1.1\" {} {length}",
        endpoint.scheme,
        endpoint,
        job.method(),
        job.target(),
        head.status.as_u16(),
    );
}
