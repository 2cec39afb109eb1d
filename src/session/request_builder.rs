//! The builder of a request: setters that collect, and `send`.

use std::fmt;

use crate::adapter::SendOptions;
use crate::cancel::Cancel;
use crate::cookies::CookieJar;
use crate::error::Result;
use crate::form::Multipart;
use crate::message::auth::IntoAuth;
use crate::message::body::Body;
use crate::message::pair::Pair;
use crate::message::{PreparedRequest, Request, Response};
use crate::proxy::Proxies;
use crate::session::Session;
use crate::setting::IntoSetting;
use crate::timeout::{IntoLimit, Timeout};
use crate::verify::{ClientCert, Verify};

/// A request of a session or of a one-shot function: settings in any order, then [`send`](Self::send).
///
/// The first error in a setting is kept, and returned by `send`.
#[must_use = "a request does nothing until `send`"]
pub struct RequestBuilder<'s> {
    session: Holder<'s>,
    request: Request,
    settings: Settings,
}

/// Who owns the session.
enum Holder<'s> {
    Shared(&'s Session),
    /// A one-shot function, which closes it when the response is complete.
    Own(Box<Session>),
}

/// A request's settings for sending, which override the session's; `None` is "not set".
#[derive(Default)]
pub(super) struct Settings {
    pub(super) timeout: Timeout,
    pub(super) allow_redirects: Option<bool>,
    pub(super) stream: Option<bool>,
    pub(super) verify: Option<Verify>,
    pub(super) cert: Option<ClientCert>,
    pub(super) proxies: Proxies,
    pub(super) cancel: Option<Cancel>,
}

impl<'s> RequestBuilder<'s> {
    pub(super) fn shared(session: &'s Session, request: Request) -> Self {
        Self { session: Holder::Shared(session), request, settings: Settings::default() }
    }

    /// Sends the request with its own settings over the session's, follows redirects, and reads the content unless
    /// `stream` is set.
    ///
    /// # Errors
    /// The first invalid setting, and every error of the exchange. A 4xx or 5xx is not an error: see
    /// [`Response::raise_for_status`].
    pub fn send(self) -> Result<Response> {
        let Self { session, request, settings } = self;
        match session {
            Holder::Shared(session) => session.run(request, settings),
            Holder::Own(session) => {
                let result = session.run(request, settings);
                session.close();
                result
            }
        }
    }

    /// The request as it would be sent, without sending it.
    ///
    /// # Errors
    /// The first invalid setting.
    pub fn prepare(self) -> Result<PreparedRequest> {
        match self.session {
            Holder::Shared(session) => session.prepare_request(self.request),
            Holder::Own(session) => session.prepare_request(self.request),
        }
    }

    fn map(mut self, change: impl FnOnce(Request) -> Request) -> Self {
        self.request = change(self.request);
        self
    }

    /// See [`Request::header`].
    pub fn header(self, name: impl AsRef<str>, value: impl fmt::Display) -> Self {
        self.map(|request| request.header(name, value))
    }

    /// See [`Request::headers`].
    pub fn headers<I: IntoIterator<Item: Pair>>(self, headers: I) -> Self {
        self.map(|request| request.headers(headers))
    }

    /// See [`Request::remove_header`].
    pub fn remove_header(self, name: impl AsRef<str>) -> Self {
        self.map(|request| request.remove_header(name))
    }

    /// See [`Request::skip_header`].
    pub fn skip_header(self, name: impl AsRef<str>) -> Self {
        self.map(|request| request.skip_header(name))
    }

    /// See [`Request::params`].
    pub fn params<I: IntoIterator<Item: Pair>>(self, params: I) -> Self {
        self.map(|request| request.params(params))
    }

    /// See [`Request::query_string`].
    pub fn query_string(self, query: impl AsRef<str>) -> Self {
        self.map(|request| request.query_string(query))
    }

    /// See [`Request::data`].
    pub fn data(self, data: impl Into<Body>) -> Self {
        self.map(|request| request.data(data))
    }

    /// See [`Request::json`].
    #[cfg(feature = "json")]
    pub fn json(self, value: impl serde::Serialize) -> Self {
        self.map(|request| request.json(value))
    }

    /// See [`Request::files`].
    pub fn files(self, files: impl Into<Multipart>) -> Self {
        self.map(|request| request.files(files))
    }

    /// See [`Request::cookies`].
    pub fn cookies(self, cookies: impl Into<CookieJar>) -> Self {
        self.map(|request| request.cookies(cookies))
    }

    /// See [`Request::auth`].
    pub fn auth(self, auth: impl IntoAuth) -> Self {
        self.map(|request| request.auth(auth))
    }

    /// See [`Request::on_response`].
    pub fn on_response(self, hook: impl Fn(Response) -> Result<Response> + Send + Sync + 'static) -> Self {
        self.map(|request| request.on_response(hook))
    }

    /// Sets the timeout: seconds or a `Duration` for connect and read, a pair to set them separately, `None` for no
    /// limit whatever the session's is, or a [`Timeout`], whose fields replace the session's if they are set.
    /// [`Timeout::new`] sets none of them.
    pub fn timeout(mut self, timeout: impl Into<Timeout>) -> Self {
        self.settings.timeout = timeout.into();
        self
    }

    /// Lets `cancel` end this request, beside the session's own token: either does. The error is
    /// [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled).
    ///
    /// # Examples
    /// ```
    /// let stop = petition::Cancel::new();
    /// stop.cancel();
    ///
    /// let error = petition::get("http://127.0.0.1:9/").cancel(&stop).send().unwrap_err();
    ///
    /// assert!(error.is_cancelled());
    /// ```
    pub fn cancel(mut self, cancel: &Cancel) -> Self {
        self.settings.cancel = Some(cancel.clone());
        self
    }

    /// Asks the server for leave before a body is sent (`Expect: 100-continue`, RFC 9110 §10.1.1).
    ///
    /// The head goes out alone. The body follows when the server says 100 (Continue), or when `limit` has passed, as
    /// not every server knows the expectation; a usual limit is one second, as curl's. A final answer means that the
    /// body is not sent: a body that can be sent only once is then still unread, and can serve a redirect or the answer
    /// to a challenge. Without a body, nothing is asked. `None` takes it back; that is the default.
    ///
    /// # Coming from requests
    /// New here: requests does not wait for an answer, even with the header set by hand.
    pub fn expect_continue(self, limit: impl IntoLimit) -> Self {
        self.map(|request| request.expect_continue(limit))
    }

    /// Whether redirects are followed. True by default, except for [`Session::head`].
    pub fn allow_redirects(mut self, allow: bool) -> Self {
        self.settings.allow_redirects = Some(allow);
        self
    }

    /// Whether the body stays on the connection until it is read. With `None`, the default, the session decides.
    pub fn stream(mut self, stream: impl Into<Option<bool>>) -> Self {
        self.settings.stream = stream.into();
        self
    }

    /// How the server's certificate is verified: `true`, `false`, a path to a bundle or a directory, or a [`Verify`].
    /// With `None`, the default, the session decides.
    pub fn verify(mut self, verify: impl IntoSetting<Verify>) -> Self {
        self.settings.verify = verify.into_setting();
        self
    }

    /// The client certificate: a pair of certificate and key, one file with both, or a [`ClientCert`]. With `None`, the
    /// default, the session's is used if it has one.
    pub fn cert(mut self, cert: impl IntoSetting<ClientCert>) -> Self {
        self.settings.cert = cert.into_setting();
        self
    }

    /// Adds proxies by scheme, `scheme://host`, `all` or `all://host`. Each replaces an earlier one for the same key;
    /// an empty one means no proxy. They take precedence over the session's and the environment's.
    pub fn proxies<I: IntoIterator<Item: Pair>>(mut self, proxies: I) -> Self {
        for pair in proxies {
            if let Err(error) = self.settings.proxies.insert(pair.name(), pair.value()) {
                self.request.fail(error);
            }
        }
        self
    }
}

impl RequestBuilder<'static> {
    /// A request with its own session.
    pub(crate) fn one_shot(start: impl FnOnce(&Session) -> RequestBuilder<'_>) -> Self {
        let session = Box::new(Session::new());
        let RequestBuilder { request, settings, .. } = start(&session);
        Self { session: Holder::Own(session), request, settings }
    }
}

impl fmt::Debug for RequestBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBuilder").field("request", &self.request).finish_non_exhaustive()
    }
}

impl SendOptions {
    /// The session's options, overridden by a request's settings.
    pub(super) fn with(mut self, settings: Settings) -> Self {
        self.timeout = settings.timeout.over(self.timeout);
        self.allow_redirects = settings.allow_redirects.unwrap_or(self.allow_redirects);
        self.stream = settings.stream.unwrap_or(self.stream);
        self.verify = settings.verify.unwrap_or(self.verify);
        self.cert = settings.cert.or(self.cert);
        self.proxies = settings.proxies;
        self.cancel = match (self.cancel, settings.cancel) {
            (Some(session), Some(own)) => Some(Cancel::either(&session, &own)),
            (session, own) => session.or(own),
        };
        self
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::message::Auth;

    #[test]
    fn what_a_request_sets_over_its_session_is_unset_by_none() {
        let session = Session::new();
        let set = || {
            session
                .get("http://h/")
                .timeout(5)
                .stream(true)
                .verify(false)
                .cert(("client.pem", "client.key"))
                .auth(("user", "password"))
        };

        let given = set().settings;
        assert_eq!((given.stream, given.verify), (Some(true), Some(Verify::No)));
        assert_eq!(given.cert, Some(ClientCert::pem("client.pem", "client.key")));
        assert!(set().request.auth.is_some());

        let unset = set().timeout(Timeout::new()).stream(None).verify(None).cert(None).auth(None);
        assert_eq!((unset.settings.stream, unset.settings.verify, unset.settings.cert), (None, None, None));
        assert_eq!(unset.settings.timeout, Timeout::new());
        assert!(unset.request.auth.is_none());

        let shared: Arc<dyn Auth> = Arc::new(crate::BearerAuth::new("token"));
        assert!(session.get("http://h/").auth(Some(shared)).request.auth.is_some());
        assert_eq!(set().timeout(Some(Duration::from_secs(1))).settings.timeout, Timeout::from(1));
    }

    #[test]
    fn a_header_takes_what_a_list_of_headers_takes() {
        let session = Session::new();
        let (name, value) = (String::from("X-A"), String::from("1"));
        for request in [
            session.get("http://h/").header("X-A", "1"),
            session.get("http://h/").header(&name, &value),
            session.get("http://h/").header(name.clone(), value.clone()),
            session.get("http://h/").header("X-A", 1),
            session.get("http://h/").header("X-A", std::num::NonZeroU8::MIN),
            session.get("http://h/").headers([("X-A", 1)]),
            session.get("http://h/").headers([(&name, &value)]),
        ] {
            assert_eq!(request.prepare().unwrap().headers.get("x-a"), Some("1"));
        }

        let refused = session.get("http://h/").header("X-A", 'ſ').prepare().unwrap_err();
        assert_eq!(refused.kind(), crate::ErrorKind::InvalidHeader);
    }
}
