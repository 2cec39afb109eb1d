//! Content codings: what Content-Encoding says was done to a body, undone while it is read.
//!
//! `accept_encoding` has the table of codings of this build, `chain` finds those of a response, `reader` reads
//! through them and holds the buffers and limits. A decoder is told what arrived and says how far it got; it never reads by
//! itself, and being torn at any byte changes nothing but the number of calls.
//!
//! What is here does not know which codings were asked for: a body is decoded by what it says (DEC-02).

mod accept_encoding;
mod brotli;
mod chain;
mod decode;
mod fault;
mod flate;
mod reader;
mod zstd;

pub(crate) use accept_encoding::accept_encoding;
pub(crate) use chain::decoder;
pub(crate) use reader::{Coded, DecodeLimits};
