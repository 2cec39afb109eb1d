//! What the operating system says about an error, as part of a line of ours.
//!
//! The one place for it: Windows ends its messages with a full stop, then std appends the number, as in
//! `Access is denied. (os error 5)`. Texts of this crate have no stop, and those that have the error as their source
//! need no number.

use std::error::Error as StdError;
use std::{fmt, io};

/// The text of `error`, with the number if there is one, and without the stop of a system's message.
pub(crate) fn system_text(error: &(impl fmt::Display + ?Sized)) -> String {
    let text = error.to_string();
    match text.find(NUMBER) {
        Some(at) => format!("{}{}", text[..at].trim_end_matches(is_end), &text[at..]),
        None => text,
    }
}

/// The same without the number, and with a first word that starts in lower case unless it is an abbreviation: "connection
/// refused".
pub(crate) fn system_reason(error: &(impl fmt::Display + ?Sized)) -> String {
    let mut text = error.to_string();
    if let Some(at) = text.find(NUMBER) {
        let end = text[..at].trim_end_matches(is_end).len();
        text.truncate(end);
    }
    // What std says before the words of getaddrinfo.
    if let Some(looked_up) = text.strip_prefix("failed to lookup address information: ") {
        text = looked_up.to_owned();
    }
    let is_word = text.as_bytes().get(1).is_some_and(|second| !second.is_ascii_uppercase());
    if let Some(first) = text.get_mut(..1).filter(|_| is_word) {
        first.make_ascii_lowercase();
    }
    text
}

/// `error` as the source of a message that has its [`system_reason`]: what is left to say is the system's number, or
/// the kind. `None` where the kind was the reason.
pub(crate) fn as_source(error: io::Error) -> Option<io::Error> {
    let is_kind_alone = error.raw_os_error().is_none() && error.get_ref().is_none();
    (!is_kind_alone).then(|| io::Error::new(error.kind(), Said(error)))
}

/// The system's number for `error`, also if a message has said the rest of it.
pub(super) fn number_of(error: &io::Error) -> Option<i32> {
    let said = error.get_ref().and_then(|inner| inner.downcast_ref::<Said>());
    error.raw_os_error().or_else(|| said?.0.raw_os_error())
}

/// An error whose reason the error above it says.
#[derive(Debug)]
struct Said(io::Error);

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.raw_os_error() {
            Some(number) => write!(f, "os error {number}"),
            None => self.0.kind().fmt(f),
        }
    }
}

impl StdError for Said {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}

fn is_end(end: char) -> bool {
    end == '.' || end.is_whitespace()
}

const NUMBER: &str = " (os error ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_systems_message_has_no_stop_and_only_a_source_has_the_number() {
        for (text, whole, reason) in [
            (
                "Connection refused (os error 111)", // Linux
                "Connection refused (os error 111)",
                "connection refused",
            ),
            (
                "Access is denied. (os error 5)", // Windows
                "Access is denied (os error 5)",
                "access is denied",
            ),
            (
                "A message of two lines.\r\nThis is one.\r\n (os error 1)",
                "A message of two lines.\r\nThis is one (os error 1)",
                "a message of two lines.\r\nThis is one",
            ),
            (
                "failed to lookup address information: Name or service not known",
                "failed to lookup address information: Name or service not known",
                "name or service not known",
            ),
            // What no system said is left alone.
            ("The disk of 2.5 in. is full.", "The disk of 2.5 in. is full.", "the disk of 2.5 in. is full."),
            ("\u{dc}bel. (os error 9)", "\u{dc}bel (os error 9)", "\u{dc}bel"),
            ("OS Error 9 (os error 9)", "OS Error 9 (os error 9)", "OS Error 9"), // Wine, of what it has no words for
            ("", "", ""),
        ] {
            assert_eq!((system_text(text), system_reason(text)), (whole.to_owned(), reason.to_owned()), "{text:?}");
        }
    }

    #[test]
    fn a_source_says_what_its_message_has_not_said() {
        let refused = as_source(io::Error::from_raw_os_error(111)).unwrap();
        assert_eq!((refused.to_string().as_str(), number_of(&refused)), ("os error 111", Some(111)));
        assert_eq!(refused.kind(), io::Error::from_raw_os_error(111).kind());
        assert!(refused.source().is_none());

        assert!(as_source(io::ErrorKind::UnexpectedEof.into()).is_none());
        assert_eq!(as_source(io::Error::other("no such name")).unwrap().to_string(), "other error");

        let nested =
            as_source(io::Error::new(io::ErrorKind::NotFound, crate::Error::from(io::Error::from_raw_os_error(2))));
        let nested = nested.unwrap();
        assert_eq!((nested.to_string().as_str(), number_of(&nested)), ("entity not found", None));
        assert!(nested.source().is_some());
    }

    #[test]
    fn this_systems_messages_fit_into_a_line() {
        for number in [1, 2, 5, 13, 32, 104, 111, 10_054, 10_060, 10_061] {
            let error = io::Error::from_raw_os_error(number);

            let (whole, reason) = (system_text(&error), system_reason(&error));

            assert!(whole.ends_with(&format!(" (os error {number})")) && !whole.contains(". (os"), "{whole}");
            assert!(!reason.ends_with(is_end) && !reason.contains("(os error"), "{reason}");
        }
    }
}
