//! What holds for any bytes, as functions: libFuzzer calls them from `fuzz/`, and the tests with the corpora there.
//!
//! Each function takes what a stranger can choose (an answer, a file, a header, a variable), states its invariant in its
//! first line, and panics if that does not hold. It must be quick and the same each time: no sleeps, no chance, no real
//! network. The module is not part of the crate; it is compiled for tests and with `--cfg fuzzing` only, and may use anything.

mod bodies;
#[cfg(test)]
mod corpora;
#[cfg(unix)]
mod exchange;
mod files;
mod headers;
mod requests;
#[cfg(unix)]
mod server;
mod urls;

pub use crate::http1::invariants::{chunk_writer, response_head};
#[cfg(unix)]
pub use crate::net::invariants::{proxy_answer, socks_answer};
pub use bodies::{body_decoder, content_coding, event_stream, multipart};
#[cfg(unix)]
pub use exchange::{exchange, upload};
pub use files::{cookie_file, netrc, pem};
pub use headers::{challenge, dates, links, set_cookie};
pub use requests::request_head;
pub use urls::{proxy_settings, url};
