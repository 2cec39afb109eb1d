//! [`IntoSetting`]: what a setter of an optional setting accepts: a value in any of its forms, or `None`.
//!
//! It is for settings that several types convert to. A setter with only one such type takes `impl Into<Option<T>>`, and
//! one for a limit takes `impl IntoLimit`.

use std::borrow::Cow;
use std::sync::Arc;

pub(crate) mod sealed {
    pub trait Sealed<T> {}
}

/// What can set an optional setting of type `T`, or unset it.
///
/// | `T` | set by | unset by |
/// |---|---|---|
/// | `String` | `&str`, `String`, `&String`, `Cow<str>`, `Box<str>`, `Arc<str>`, `Some(String)` | `None` |
/// | [`Verify`](crate::Verify) | a `Verify`, `bool`, a path, `Some(Verify)` | `None` |
/// | [`ClientCert`](crate::ClientCert) | a `ClientCert`, one path, a pair of paths, `Some(ClientCert)` | `None` |
///
/// A path is a `&str`, `String`, `&Path` or `PathBuf`. The trait is sealed: it cannot be implemented outside this crate.
///
/// # Examples
/// ```
/// use petition::{ClientCert, Session};
///
/// fn get(
///     session: &Session,
///     cert: Option<ClientCert>,
/// ) -> petition::RequestBuilder<'_> {
///     session.get("https://127.0.0.1/").cert(cert).verify("ca.pem")
/// }
///
/// let session = Session::new();
/// // Both as the session has them:
/// let request = get(&session, None).verify(None);
/// # drop(request);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot set a `{T}`",
    label = "expected a `{T}`, a value that converts to it, or `None`",
    note = "for `verify`: `true`, `false`, a path, or a `Verify`; for `cert`: a path, a pair of paths, or a `ClientCert`"
)]
pub trait IntoSetting<T>: sealed::Sealed<T> {
    #[doc(hidden)]
    fn into_setting(self) -> Option<T>;
}

impl<T> sealed::Sealed<T> for Option<T> {}
impl<T> IntoSetting<T> for Option<T> {
    fn into_setting(self) -> Option<T> {
        self
    }
}

macro_rules! texts {
    ($($text:ty)*) => {$(
        impl sealed::Sealed<String> for $text {}
        impl IntoSetting<String> for $text {
            fn into_setting(self) -> Option<String> {
                Some(AsRef::<str>::as_ref(&self).to_owned())
            }
        }
    )*};
}
texts!(&str &&str &String Cow<'_, str> Box<str> Arc<str>);

impl sealed::Sealed<String> for String {}
impl IntoSetting<String> for String {
    fn into_setting(self) -> Option<String> {
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::{ClientCert, Verify};

    #[test]
    fn every_form_of_a_text_sets_it_and_none_unsets_it() {
        fn text(value: impl IntoSetting<String>) -> Option<String> {
            value.into_setting()
        }
        let owned = String::from("a");
        for set in [
            text("a"),
            ["a"].iter().map(text).collect::<Option<_>>(),
            text(&owned),
            text(owned.clone()),
            text(Cow::from("a")),
            text(Box::<str>::from("a")),
            text(Arc::<str>::from("a")),
            text(Some(owned.clone())),
        ] {
            assert_eq!(set.as_deref(), Some("a"));
        }
        assert_eq!(text(None), None);
    }

    #[test]
    fn what_converts_to_verify_and_cert_sets_them_and_none_unsets_them() {
        fn verify(value: impl IntoSetting<Verify>) -> Option<Verify> {
            value.into_setting()
        }
        fn cert(value: impl IntoSetting<ClientCert>) -> Option<ClientCert> {
            value.into_setting()
        }

        assert_eq!(verify(false), Some(Verify::No));
        assert_eq!(verify("ca.pem"), Some(Verify::from("ca.pem")));
        assert_eq!(verify(Verify::Yes), Some(Verify::Yes));
        assert_eq!(verify(Some(Verify::No)), Some(Verify::No));
        assert_eq!(verify(None), None);

        assert_eq!(cert(("c", String::from("k"))), Some(ClientCert::pem("c", "k")));
        assert_eq!(cert("both"), Some(ClientCert::pem_file("both")));
        assert_eq!(cert(ClientCert::pem_file("both")), Some(ClientCert::pem_file("both")));
        assert_eq!(cert(None), None);
    }
}
