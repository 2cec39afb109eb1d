//! What a decoder of one content coding is, whichever library does the work.

/// One running decoder. Errors are the reason alone; who it was is known to the caller.
pub(super) trait Decode: Send {
    /// Decodes from `input` to `out`, which is never empty. With no `input`, hands out what is left inside.
    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Result<Step, String>;

    /// Whether the body is whole if nothing more comes.
    fn may_end(&self) -> bool;
}

/// How far one call of [`Decode::step`] got.
#[derive(Default)]
pub(super) struct Step {
    pub(super) used: usize,
    pub(super) filled: usize,
    /// The coded data is over; whatever follows is not part of it.
    pub(super) ended: bool,
}
