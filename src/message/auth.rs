//! The trait of authentication schemes. The schemes are in `auth/`.

use std::sync::Arc;

use crate::error::Result;
use crate::message::{PreparedRequest, Response};

/// Adds credentials to a request, and can answer a challenge.
///
/// It is called last in preparation, so `request` has its final method, URL, headers and body. A closure
/// `Fn(&mut PreparedRequest) -> Result<()>` is an `Auth` too.
///
/// # Examples
/// ```
/// use std::sync::Mutex;
///
/// use petition::{Auth, PreparedRequest, Response, Result};
///
/// /// A token that is fetched anew when a server refuses it.
/// struct Token(Mutex<String>);
///
/// impl Auth for Token {
///     fn apply(&self, request: &mut PreparedRequest) -> Result<()> {
///         let value = format!("Bearer {}", self.0.lock().unwrap());
///         request.headers.insert("Authorization", value)
///     }
///
///     fn answer(
///         &self,
///         request: &PreparedRequest,
///         _refusal: &Response,
///         round: u32,
///     ) -> Result<Option<PreparedRequest>> {
///         if round > 0 {
///             return Ok(None); // the new token was refused too
///         }
///         *self.0.lock().unwrap() = fetch_token()?;
///         let mut next = request.clone();
///         self.apply(&mut next)?;
///         Ok(Some(next))
///     }
/// }
/// # fn fetch_token() -> Result<String> {
/// #     Ok("new".into())
/// # }
/// #
/// # let mut session = petition::Session::new();
/// # session.mount("mock://", petition::adapter_fn(|request, _| match request.headers.get("Authorization") {
/// #     Some("Bearer new") => Response::builder(200).build(),
/// #     _ => Response::builder(401).header("WWW-Authenticate", "Bearer").build(),
/// # }));
/// # let sent = session.get("mock://h/").auth(Token(Mutex::new("old".into()))).send()?;
/// # assert_eq!(sent.status_code(), 200);
/// # Ok::<(), petition::Error>(())
/// ```
#[doc(alias = "AuthBase")]
pub trait Auth: Send + Sync {
    /// Changes the request before it is sent. It is called again for each redirect, and each page of
    /// [`Session::paginate`](crate::Session::paginate), at the same origin, with the headers as they were before the last
    /// call. Headers that are set here never go to another origin; as in requests, an `Authorization` goes along from `http`
    /// to `https` of the same host, both at their default ports.
    ///
    /// # Errors
    /// Any error; `send` returns it.
    fn apply(&self, request: &mut PreparedRequest) -> Result<()>;

    /// Answers a 4xx response that has a `WWW-Authenticate` challenge: with the request to send next, or `None` to keep the
    /// response. `round` counts the answers to this request so far, from 0. Cookies that the response set are sent with the
    /// answer, unless it has a `Cookie` header that is not the session's. An answer that is not a copy of `request` takes over
    /// its auth, its response hooks and its own cookies, unless it has some.
    ///
    /// # Errors
    /// Any error; `send` returns it.
    fn answer(&self, request: &PreparedRequest, response: &Response, round: u32) -> Result<Option<PreparedRequest>> {
        let _ = (request, response, round);
        Ok(None)
    }
}

impl<F: Fn(&mut PreparedRequest) -> Result<()> + Send + Sync> Auth for F {
    fn apply(&self, request: &mut PreparedRequest) -> Result<()> {
        self(request)
    }
}

pub(crate) mod sealed {
    pub trait Sealed {}
}

/// What `.auth(...)` accepts: any [`Auth`], an `Arc<dyn Auth>`, a pair of user and password for Basic, or `None`.
///
/// The trait is sealed: it cannot be implemented outside this crate. For another scheme, implement [`Auth`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a way to authenticate",
    label = "expected a pair of user and password, or an `Auth`",
    note = "Basic is `(\"user\", \"password\")`, a token is `BearerAuth::new(token)`, Digest is `DigestAuth::new(user, password)`",
    note = "an `Arc<dyn Auth>` fits, and so does `None`; another scheme implements `petition::Auth`"
)]
pub trait IntoAuth: sealed::Sealed {
    #[doc(hidden)]
    fn into_auth(self) -> Option<Arc<dyn Auth>>;
}

impl<A: Auth + 'static> sealed::Sealed for A {}
impl<A: Auth + 'static> IntoAuth for A {
    fn into_auth(self) -> Option<Arc<dyn Auth>> {
        Some(Arc::new(self))
    }
}

impl sealed::Sealed for Arc<dyn Auth> {}
impl IntoAuth for Arc<dyn Auth> {
    fn into_auth(self) -> Option<Arc<dyn Auth>> {
        Some(self)
    }
}

impl sealed::Sealed for Option<Arc<dyn Auth>> {}
impl IntoAuth for Option<Arc<dyn Auth>> {
    fn into_auth(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_auth_a_closure_and_a_shared_auth_are_taken() {
        struct Own;
        impl Auth for Own {
            fn apply(&self, _: &mut PreparedRequest) -> Result<()> {
                Ok(())
            }
        }
        let shared: Arc<dyn Auth> = Arc::new(Own);

        let taken = Arc::clone(&shared).into_auth().unwrap();

        assert!(Arc::ptr_eq(&shared, &taken));
        assert!(Own.into_auth().is_some());
        assert!((|_: &mut PreparedRequest| -> Result<()> { Ok(()) }).into_auth().is_some());
        assert!(Some(shared).into_auth().is_some() && None.into_auth().is_none());
    }
}
