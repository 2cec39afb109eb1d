//! Classes of bytes, shared by requests and responses.

/// A control byte other than the tab. What is sent contains none (RFC 9110 §5.5).
pub(super) const fn is_control(byte: u8) -> bool {
    (byte < b' ' && byte != b'\t') || byte == 0x7f
}

/// A byte that ends a line or a text for some reader: never sent and never accepted. Large sites send other control bytes.
pub(super) const fn is_dangerous(byte: u8) -> bool {
    matches!(byte, b'\0' | b'\r' | b'\n')
}

/// Removes the blanks at both ends.
pub(super) fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

/// Whether all bytes are ASCII. Looks at all of them, because there is hardly ever a reason to stop early.
pub(super) fn is_ascii(bytes: &[u8]) -> bool {
    bytes.iter().fold(0, |all, byte| all | byte) < 0x80
}

/// The highest bit of each byte of a word.
const HIGH: u64 = repeat(0x80);

const fn repeat(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// The position after the printable ASCII without blanks that starts at `at`.
#[inline]
pub(super) fn after_graphic(bytes: &[u8], at: usize) -> usize {
    after(bytes, at, not_graphic, |byte| !byte.is_ascii_graphic())
}

/// The same, also at most up to a colon: the position after the name of a field.
#[inline]
pub(super) fn after_name(bytes: &[u8], at: usize) -> usize {
    after(bytes, at, |word| not_graphic(word) | equal(word, b':'), |byte| !byte.is_ascii_graphic() || byte == b':')
}

/// The position after the text that starts at `at`: printable ASCII and tabs.
#[inline]
pub(super) fn after_text(bytes: &[u8], at: usize) -> usize {
    after(bytes, at, not_printable, |byte| is_control(byte) || byte >= 0x80)
}

/// The position of the first byte from `at` on that `ends`. `marked` says of eight bytes which may be such a byte: it sets
/// the highest bit of each.
#[inline(always)]
fn after(bytes: &[u8], at: usize, marked: impl Fn(u64) -> u64, ends: impl Fn(u8) -> bool) -> usize {
    let Some(rest) = bytes.get(at..) else { return bytes.len() };
    let mut words = rest.chunks_exact(8);
    let mut position = at;
    for word in words.by_ref() {
        let mut marks = marked(u64::from_le_bytes(word.try_into().expect("eight bytes")));
        while marks != 0 {
            let index = marks.trailing_zeros() as usize / 8;
            if ends(word[index]) {
                return position + index;
            }
            marks &= marks - 1;
        }
        position += 8;
    }
    let last = words.remainder();
    // Of what is left after whole words, the last eight bytes mostly show that nothing ends in it.
    if rest.last_chunk().is_some_and(|word| marked(u64::from_le_bytes(*word)) == 0) {
        return bytes.len();
    }
    position + last.iter().position(|&byte| ends(byte)).unwrap_or(last.len())
}

/// Marks each byte that is a blank, a control byte, or not ASCII. As in the others, a subtraction or an addition may go on into
/// the next byte, and mark that one wrongly; but no byte is left out.
#[inline]
fn not_graphic(word: u64) -> u64 {
    (word.wrapping_sub(repeat(b'!')) | word.wrapping_add(repeat(0x80 - 0x7f)) | word) & HIGH
}

/// Marks each byte that is a control byte, a tab, or not ASCII.
#[inline]
fn not_printable(word: u64) -> u64 {
    (word.wrapping_sub(repeat(b' ')) | word.wrapping_add(repeat(0x80 - 0x7f)) | word) & HIGH
}

/// Marks each byte that is `byte`.
#[inline]
fn equal(word: u64, byte: u8) -> u64 {
    let differ = word ^ repeat(byte);
    differ.wrapping_sub(repeat(1)) & !differ & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ascii_ends_before_0x80() {
        for byte in 0..=u8::MAX {
            for bytes in [&[byte][..], &[byte, 0], &[b'a', byte, b'b']] {
                assert_eq!(is_ascii(bytes), byte < 0x80, "{bytes:?}");
            }
        }
    }

    #[test]
    fn a_word_at_a_time_is_the_same_as_a_byte_at_a_time() {
        let mut random = fastrand::Rng::with_seed(1);
        for round in 0..20_000 {
            let usual = b"abzAZ09-_!~:";
            let mut bytes: Vec<u8> = (0..random.usize(0..30)).map(|_| usual[random.usize(..usual.len())]).collect();
            if let Some(byte) = bytes.len().checked_sub(1).map(|last| random.usize(0..=last)) {
                bytes[byte] = (round & 0xff) as u8;
            }
            let at = random.usize(0..=bytes.len());
            let text = bytes[at..].iter().position(|&byte| is_control(byte) || byte >= 0x80);

            let graphic = bytes[at..].iter().position(|byte| !byte.is_ascii_graphic());

            let name = bytes[at..].iter().position(|byte| !byte.is_ascii_graphic() || *byte == b':');

            assert_eq!(after_name(&bytes, at), name.map_or(bytes.len(), |more| at + more), "{bytes:?} from {at}");
            assert_eq!(after_graphic(&bytes, at), graphic.map_or(bytes.len(), |more| at + more), "{bytes:?} from {at}");
            assert_eq!(after_text(&bytes, at), text.map_or(bytes.len(), |more| at + more), "{bytes:?} from {at}");
        }
    }
}
