//! The text of a body, while it is read.

use std::fmt;

use crate::error::Result;
use crate::message::charset::{self, Decoder};
use crate::message::readers::IterContent;
use crate::message::response::{Place, Response};

/// Pieces of a body as text: see [`Response::iter_text`].
///
/// # Examples
/// ```
/// let mut response =
///     petition::Response::builder(200).body("some text").build()?;
/// for text in response.iter_text(1024) {
///     print!("{}", text?);
/// }
/// # Ok::<(), petition::Error>(())
/// ```
pub struct IterText<'a> {
    pieces: IterContent<'a>,
    /// `None` at the end.
    decoder: Option<Decoder>,
}

impl<'a> IterText<'a> {
    pub(super) fn new(response: &'a mut Response, size: Option<usize>) -> Self {
        let decoder = match (response.encoding(), response.shared.body()) {
            (Some(encoding), _) => Decoder::new(encoding),
            (None, Place::Kept(content)) => Decoder::new(&charset::apparent_encoding(content)),
            // What is not there yet cannot be looked at.
            (None, Place::Stream(_)) => Decoder::new("utf-8"),
        };
        Self { pieces: IterContent::new(response, size), decoder: Some(decoder) }
    }
}

impl Iterator for IterText<'_> {
    type Item = Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(decoder) = &mut self.decoder {
            let text = match self.pieces.next() {
                Some(Ok(piece)) => decoder.push(&piece),
                Some(Err(error)) => {
                    self.decoder = None;
                    return Some(Err(error));
                }
                None => {
                    let rest = decoder.finish();
                    self.decoder = None;
                    rest
                }
            };
            if !text.is_empty() {
                return Some(Ok(text));
            }
        }
        None
    }
}

impl fmt::Debug for IterText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IterText").field("pieces", &self.pieces).finish_non_exhaustive()
    }
}
