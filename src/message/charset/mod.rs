//! Character encodings: which one a body has, and decoding it to text.
//!
//! UTF-8, UTF-16, UTF-32, Latin-1 and ASCII are built in. The others, and guessing, come from two tables, `NAMES` in `decode`
//! and `DETECTORS` in `apparent`, with a row for each feature. Both Python's names and the web's are known, because programs
//! set them by hand. Nothing here fails: an unknown name means UTF-8, and invalid bytes become U+FFFD.

mod apparent;
mod content_type;
mod decode;
mod detect;
mod incremental;
mod legacy;
mod text_encoding;
pub(crate) mod unicode;

pub(crate) use apparent::apparent_encoding;
pub(crate) use content_type::encoding_from_headers;
pub(crate) use decode::{decode, into_text};
pub(crate) use incremental::{Decoder, cut_utf8};
pub use text_encoding::TextEncoding;

use incremental::Feed;

/// A character encoding from the table.
trait Charset: Sync {
    fn decode(&'static self, bytes: &[u8]) -> String;

    /// A decoder of a text that arrives in pieces.
    fn feed(&'static self) -> Box<dyn Feed>;

    /// Whether bytes that are all below 0x80 are ASCII.
    fn keeps_ascii(&'static self) -> bool;
}
