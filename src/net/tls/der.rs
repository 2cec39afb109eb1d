//! As much DER as certificates and keys need: extracting values, and adding tag and length to content.
//!
//! What does not parse is `None`; the caller decides what that means.

pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;

/// One value: its tag, its content, and both with the length between them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
    pub(super) whole: &'a [u8],
}

/// Values one after another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Values<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Values<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        // Certificates and keys have no tags of several bytes and no indefinite lengths.
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        let whole = &self.0[..self.0.len() - rest.len()];
        self.0 = rest;
        Some(Value { tag, content, whole })
    }
}

impl<'a> Values<'a> {
    /// The next value, if it has this tag.
    pub(super) fn expect(&mut self, tag: u8) -> Option<Value<'a>> {
        let mut ahead = *self;
        let value = ahead.next().filter(|value| value.tag == tag)?;
        *self = ahead;
        Some(value)
    }
}

/// `content` with its tag and length.
pub(super) fn frame(tag: u8, content: &[&[u8]]) -> Vec<u8> {
    let length: usize = content.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(length + 6);
    out.push(tag);
    let bytes = length.to_be_bytes();
    let significant = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
    if length > 0x7f {
        out.push(0x80 | u8::try_from(significant.len()).expect("a usize has at most 8 bytes"));
        out.extend_from_slice(significant);
    } else {
        out.push(u8::try_from(length).expect("at most 0x7f"));
    }
    for part in content {
        out.extend_from_slice(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_reads_back_at_every_length_of_length() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000] {
            let content = vec![7; length];

            let framed = frame(OCTET_STRING, &[&content]);

            let mut values = Values(&framed);
            let value = values.next().unwrap();
            assert_eq!((value.tag, value.content, value.whole), (OCTET_STRING, &content[..], &framed[..]));
            assert!(values.next().is_none());
        }
    }

    #[test]
    fn what_is_cut_off_or_odd_is_no_value() {
        let framed = frame(SEQUENCE, &[&[1; 300]]);
        for end in 0..framed.len() {
            assert!(Values(&framed[..end]).next().is_none());
        }
        assert!(Values(&[0x30, 0x80, 0, 0]).next().is_none()); // indefinite
        assert!(Values(&[0x30, 0x85, 0, 0, 0, 0, 0]).next().is_none());
    }
}
