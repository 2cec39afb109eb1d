//! Text that a stranger may have chosen, for people: what would act on a terminal, or hide what follows it, is escaped.
//!
//! Control characters (C0, DEL, C1: a terminal obeys them), line and paragraph separators (they forge a line of a log), and
//! the marks that reverse the direction of writing (they show one text for another).

use std::borrow::Cow;

/// `text` on one line, with `\u{1b}` for an escape character.
pub(crate) fn printable<'a>(text: impl Into<Cow<'a, str>>) -> Cow<'a, str> {
    let text = text.into();
    // Nearly all texts are.
    if !text.chars().any(acts) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => out.extend(c.escape_default()),
            c if acts(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out.into()
}

fn acts(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_on_a_terminal_is_shown_and_the_rest_is_left() {
        for (text, want) in [
            ("", ""),
            ("grüße, 漢字 \u{1f600} \\ \"q\"", "grüße, 漢字 \u{1f600} \\ \"q\""),
            ("\u{1b}]0;owned\u{7}", "\\u{1b}]0;owned\\u{7}"),
            ("a\r\nb\tc", "a\\r\\nb\\tc"),
            ("\u{9b}2J\u{7f}\0", "\\u{9b}2J\\u{7f}\\u{0}"),
            ("user\u{202e}txt.exe\u{2028}\u{2066}\u{200f}", "user\\u{202e}txt.exe\\u{2028}\\u{2066}\\u{200f}"),
        ] {
            assert_eq!(printable(text), want);
        }
        assert!(matches!(printable("plain"), Cow::Borrowed(_)));
    }
}
