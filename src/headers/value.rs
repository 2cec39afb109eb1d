//! What can be the value of a header: anything with a text form, and the `HeaderValue` of the `http` crate.

use std::fmt::{self, Display, Write};

use http::HeaderValue;

/// Marks a value by its text form.
pub struct ByText;

/// Marks a value of the `http` crate.
pub struct OfHttp;

mod sealed {
    pub trait Sealed<M> {}
}

/// What can be the value of a header: text, a number, or anything else with a text form, or an [`http::HeaderValue`].
///
/// `M` tells the two kinds apart; the compiler finds it. The trait is sealed: it cannot be implemented outside this crate.
///
/// # Examples
/// ```
/// let mut headers = petition::Headers::new();
/// headers.insert("X-Count", 5)?;
/// headers.insert("Range", http::HeaderValue::from_static("bytes=0-99"))?;
///
/// assert_eq!(
///     (headers.get("x-count"), headers.get("range")),
///     (Some("5"), Some("bytes=0-99"))
/// );
/// # Ok::<(), petition::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the value of a header",
    label = "it has no text form",
    note = "a value is text, a number, an `http::HeaderValue`, or anything else that implements `Display`",
    note = "to leave out a header that the session sends, use `.remove_header(name)`"
)]
pub trait IntoHeaderValue<M>: sealed::Sealed<M> {
    #[doc(hidden)]
    fn into_display(self) -> impl Display;
}

impl<T: Display> sealed::Sealed<ByText> for T {}
impl<T: Display> IntoHeaderValue<ByText> for T {
    fn into_display(self) -> impl Display {
        self
    }
}

impl sealed::Sealed<OfHttp> for HeaderValue {}
impl IntoHeaderValue<OfHttp> for HeaderValue {
    fn into_display(self) -> impl Display {
        Latin1(self)
    }
}

impl sealed::Sealed<OfHttp> for &HeaderValue {}
impl IntoHeaderValue<OfHttp> for &HeaderValue {
    fn into_display(self) -> impl Display {
        Latin1(self)
    }
}

/// The bytes of a value as text, each one a character.
struct Latin1<B>(B);

impl<B: AsRef<[u8]>> Display for Latin1<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().iter().try_for_each(|&byte| f.write_char(char::from(byte)))
    }
}
