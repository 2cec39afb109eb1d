//! The trait of decoders, for one content coding each.

/// A decoder in progress. An error is only the reason; the caller knows the coding.
pub(super) trait Decode: Send {
    /// Decodes from `input` to `out`, which is never empty. Without `input`, it writes what it has buffered.
    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Result<Step, String>;

    /// Whether the body is complete if nothing follows.
    fn may_end(&self) -> bool;
}

/// How far one call of [`Decode::step`] got.
#[derive(Default)]
pub(super) struct Step {
    pub(super) used: usize,
    pub(super) filled: usize,
    /// The coded data has ended; what follows is not part of it.
    pub(super) ended: bool,
}
