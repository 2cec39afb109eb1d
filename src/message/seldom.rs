//! A value that nearly always is the usual one, and then takes no more room than a pointer.
//!
//! Requests and responses are moved a few times on their way. What few of them have is kept behind this, so that the others do
//! not pay for it. Reading it is as before; writing to it makes a value of its own.

use std::ops::{Deref, DerefMut};

/// A type whose usual value is one for all.
pub(crate) trait Usual: Default + 'static {
    fn usual() -> &'static Self;
}

/// A `T` that is usually [`Usual::usual`].
#[derive(Clone)]
pub(crate) struct Seldom<T>(Option<Box<T>>);

impl<T> Seldom<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Some(Box::new(value)))
    }

    /// The value, if it was made; to change it without making it.
    #[inline]
    pub(crate) fn given(&mut self) -> Option<&mut T> {
        self.0.as_deref_mut()
    }
}

impl<T> Default for Seldom<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Usual> Deref for Seldom<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or_else(|| T::usual())
    }
}

impl<T: Usual> DerefMut for Seldom<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_or_insert_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Usual for u8 {
        fn usual() -> &'static Self {
            &0
        }
    }

    #[test]
    fn a_value_is_made_when_it_is_written_to() {
        let mut own = Seldom::<u8>::default();
        assert_eq!((*own, own.0.is_some()), (0, false));

        *own += 1;
        assert_eq!((*own, *own.clone()), (1, 1));
    }
}
