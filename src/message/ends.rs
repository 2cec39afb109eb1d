//! Where lines and pieces end, in what has arrived of a body.
//!
//! `Ends` has positions only; the bytes are passed to it, for lines are bytes and events text. Where the network cut the body
//! changes nothing. A line that ends in CR is complete before it is known whether LF follows, so that a slow server's line is
//! never delayed; the LF is skipped when it arrives. Nothing is searched twice.

use std::ops::Range;

use memchr::memmem::Finder;

/// How far a body was cut into pieces. The bytes that its methods take are all of those that have arrived, except the ones that
/// were [forgotten](Self::forget).
pub(super) struct Ends {
    end: End,
    /// Where the next piece begins.
    start: usize,
    /// Where the search for its end begins.
    search_from: usize,
    /// Whether the last byte that arrived was the CR of a line before, so that a LF after it belongs to that line's end.
    after_cr: bool,
}

enum End {
    Line,
    Delimiter(Box<Finder<'static>>),
}

impl Ends {
    /// Lines end in LF, CR LF or CR.
    pub(super) fn of_lines() -> Self {
        Self::new(End::Line)
    }

    /// Pieces end before a delimiter, which is not empty.
    pub(super) fn of_pieces(delimiter: &[u8]) -> Self {
        Self::new(End::Delimiter(Box::new(Finder::new(delimiter).into_owned())))
    }

    fn new(end: End) -> Self {
        Self { end, start: 0, search_from: 0, after_cr: false }
    }

    /// The next complete piece, without its end. If there is none, the caller has to get [`more`](Self::more).
    #[inline]
    pub(super) fn next(&mut self, bytes: &[u8]) -> Option<Range<usize>> {
        let unsearched = &bytes[self.search_from..];
        let (length, delimiter, is_cr) = match &self.end {
            End::Line => line_end(unsearched).map(|(at, byte)| (at, 1, byte == b'\r'))?,
            End::Delimiter(finder) => (finder.find(unsearched)?, finder.needle().len(), false),
        };
        let piece = self.start..self.search_from + length;
        self.start = piece.end + delimiter;
        if is_cr {
            self.after_cr = true;
            self.skip_lf(bytes);
        }
        self.search_from = self.start;
        Some(piece)
    }

    /// Notes that more has arrived, since there was no end in the first `searched` bytes.
    pub(super) fn more(&mut self, bytes: &[u8], searched: usize) {
        // A delimiter may have begun in them.
        let begun = match &self.end {
            End::Line => 0,
            End::Delimiter(finder) => finder.needle().len() - 1,
        };
        if self.after_cr {
            self.skip_lf(bytes);
        }
        self.search_from = searched.saturating_sub(begun).max(self.start);
    }

    /// Skips the LF of a CR LF, once there is a byte after the CR.
    fn skip_lf(&mut self, bytes: &[u8]) {
        if let Some(&next) = bytes.get(self.start) {
            self.start += usize::from(next == b'\n');
            self.after_cr = false;
        }
    }

    /// Where the piece begins that is not complete.
    pub(super) fn start(&self) -> usize {
        self.start
    }

    /// Tells that the bytes before [`start`](Self::start) have been removed.
    pub(super) fn forget(&mut self) {
        self.search_from -= self.start;
        self.start = 0;
    }
}

/// Where the first line ends, and the LF or CR there. The first words are searched here, because a call of `memchr2` takes
/// longer than most lines are.
#[inline]
fn line_end(bytes: &[u8]) -> Option<(usize, u8)> {
    const EACH: u64 = u64::MAX / 0xff;
    const FEW: usize = 64;
    let mut searched = 0;
    for word in bytes[..bytes.len().min(FEW)].chunks_exact(8) {
        let word = u64::from_le_bytes(word.try_into().expect("a chunk has eight bytes"));
        // The highest bit of each byte up to CR, and perhaps of bytes after the first such.
        let found = word.wrapping_sub(EACH * (b'\r' as u64 + 1)) & !word & (EACH * 0x80);
        if found != 0 {
            let bit = found.trailing_zeros() & !7;
            match (word >> bit) as u8 {
                byte @ (b'\n' | b'\r') => return Some((searched + bit as usize / 8, byte)),
                _ => break, // a tab, for example
            }
        }
        searched += 8;
    }
    memchr::memchr2(b'\n', b'\r', &bytes[searched..]).map(|at| (searched + at, bytes[searched + at]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_line_end_is_found(
            bytes in proptest::collection::vec(
                prop_oneof![40 => Just(b'a'), 40 => any::<u8>(), 1 => Just(b'\t'), 1 => Just(b'\n'), 1 => Just(b'\r')],
                0..200,
            ),
        ) {
            let want = bytes.iter().copied().enumerate().find(|(_, byte)| matches!(byte, b'\n' | b'\r'));
            prop_assert_eq!(line_end(&bytes), want);
        }
    }

    #[test]
    fn each_byte_is_told_from_a_line_end_wherever_it_is() {
        for byte in 0..=u8::MAX {
            for at in 0..20 {
                let mut bytes = [b'\n'; 20];
                bytes[..at].fill(b' ');
                bytes[at] = byte;
                let want = if matches!(byte, b'\n' | b'\r') { at } else { at + 1 };
                assert_eq!(line_end(&bytes), bytes.get(want).map(|&byte| (want, byte)), "{byte:#x} at {at}");
            }
        }
    }
}
