//! Content codings, which are undone while a body is read.
//!
//! `accept_encoding` has the table of codings of this build, `chain` finds those of a response, `reader` reads through them
//! and has the buffers and limits. A decoder is told what arrived and reports how far it got. It does not read, and where its
//! input was cut changes only the number of calls.
//!
//! Nothing here knows which codings were requested: a body is decoded by its own headers.

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
