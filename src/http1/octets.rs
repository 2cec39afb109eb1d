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
