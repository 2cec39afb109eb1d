//! Classes of bytes, shared by requests and responses.

/// A byte that no line of a head may contain: a control byte other than the tab (RFC 9110 §5.5).
pub(super) const fn is_control(byte: u8) -> bool {
    (byte < b' ' && byte != b'\t') || byte == 0x7f
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
