//! [`Pair`]: names and values, in all the types in which a program has them.

use std::borrow::Cow;
use std::fmt::Display;

mod sealed {
    pub trait Sealed {}
}

/// A name and a value: `(K, V)` or `&(K, V)`, where `K` is text and `V` has a text form.
///
/// So arrays, slices, `Vec`, `HashMap` and `BTreeMap`, owned or borrowed, are all lists of pairs. The trait is sealed: it
/// cannot be implemented outside this crate.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a pair of a name and a value",
    label = "expected `(name, value)`",
    note = "a name is text, a value has a text form (`Display`): text, a number, `true` and so on",
    note = "values of different types do not fit into one list: write them as text, or make several calls"
)]
pub trait Pair: sealed::Sealed {
    #[doc(hidden)]
    fn name(&self) -> &str;
    #[doc(hidden)]
    fn value(&self) -> Cow<'_, str>;
    /// What the text is made from, for those who have a place for it.
    #[doc(hidden)]
    fn shown(&self) -> impl Display;
}

/// The text form of a value. For text, this is the only copy that is made.
fn text(value: &impl Display) -> Cow<'_, str> {
    Cow::Owned(value.to_string())
}

impl<K: AsRef<str>, V: Display> sealed::Sealed for (K, V) {}
impl<K: AsRef<str>, V: Display> Pair for (K, V) {
    fn name(&self) -> &str {
        self.0.as_ref()
    }

    fn value(&self) -> Cow<'_, str> {
        text(&self.1)
    }

    fn shown(&self) -> impl Display {
        &self.1
    }
}

impl<K: AsRef<str>, V: Display> sealed::Sealed for &(K, V) {}
impl<K: AsRef<str>, V: Display> Pair for &(K, V) {
    fn name(&self) -> &str {
        self.0.as_ref()
    }

    fn value(&self) -> Cow<'_, str> {
        text(&self.1)
    }

    fn shown(&self) -> impl Display {
        &self.1
    }
}
