//! The builder of a request: `send`, and the settings that say how. What is sent is set in `request_setters`.

use std::fmt;

use crate::adapter::SendOptions;
use crate::cancel::Cancel;
use crate::error::Result;
use crate::message::seldom::{Seldom, Usual};
use crate::message::{PreparedRequest, Request, Response};
use crate::pair::Pair;
use crate::proxy::Proxies;
use crate::session::{Pages, Session};
use crate::setting::IntoSetting;
use crate::timeout::Timeout;
use crate::verify::{ClientCert, Verify};

/// A request of a session or of a one-shot function: settings in any order, then [`send`](Self::send).
///
/// The first error in a setting is kept, and returned by `send`.
///
/// | what | methods |
/// |---|---|
/// | headers | [`header`](Self::header), [`headers`](Self::headers), [`remove_header`](Self::remove_header), [`cookie`](Self::cookie), [`auth`](Self::auth) |
/// | query | [`param`](Self::param), [`params`](Self::params), `query`, [`query_string`](Self::query_string) |
/// | body | [`data`](Self::data), `form`, `json`, [`files`](Self::files) |
/// | how it is sent | [`timeout`](Self::timeout), [`allow_redirects`](Self::allow_redirects), [`stream`](Self::stream), [`verify`](Self::verify), [`cert`](Self::cert), [`proxies`](Self::proxies), [`cancel`](Self::cancel) |
///
/// # Examples
/// ```
/// # let mut session = petition::Session::new();
/// # session.trust_env = false; // no proxy of this machine
/// # session.mount("http://", petition::adapter_fn(|request, _| {
/// #     assert_eq!(request.url.query(), Some("page=1"));
/// #     petition::Response::builder(200).body("[]").build()
/// # }));
/// let response = session
///     .get("http://h/items")
///     .param("page", 1)
///     .header("Accept", "application/json")
///     .timeout((3.05, 27)) // seconds: connect, read
///     .send()?;
///
/// assert_eq!(response.text()?, "[]");
/// # Ok::<(), petition::Error>(())
/// ```
#[must_use = "a request does nothing until `send`"]
pub struct RequestBuilder<'s> {
    session: Holder<'s>,
    request: Request,
    settings: Settings,
}

/// Who owns the session.
pub(super) enum Holder<'s> {
    Shared(&'s Session),
    /// A one-shot function, which closes it when the response is complete.
    Own(Box<Session>),
}

impl Holder<'_> {
    pub(super) fn get(&self) -> &Session {
        match self {
            Self::Shared(session) => session,
            Self::Own(session) => session,
        }
    }

    /// Closes a session that nobody else has.
    pub(super) fn close_own(&self) {
        if let Self::Own(session) = self {
            session.close();
        }
    }
}

/// A request's settings for sending, which override the session's; `None` is "not set".
#[derive(Default)]
pub(super) struct Settings {
    pub(super) timeout: Timeout,
    pub(super) allow_redirects: Option<bool>,
    pub(super) stream: Option<bool>,
    pub(super) cancel: Option<Cancel>,
    pub(super) rare: Seldom<Rare>,
}

/// Settings that fewer requests have. Each method of the builder moves it, so it is to be small.
#[derive(Default)]
pub(super) struct Rare {
    pub(super) verify: Option<Verify>,
    pub(super) cert: Option<ClientCert>,
    pub(super) proxies: Proxies,
}

impl Usual for Rare {
    fn usual() -> &'static Self {
        static USUAL: Rare = Rare { verify: None, cert: None, proxies: Proxies::new() };
        &USUAL
    }
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
    ///
    /// # Examples
    /// ```
    /// # let mut session = petition::Session::new();
    /// # session.mount("mock://", petition::adapter_fn(|_, _| petition::Response::builder(404).build()));
    /// let response = session.get("mock://h/").send()?;
    ///
    /// assert_eq!(response.status_code(), 404);
    /// assert!(response.raise_for_status().is_err());
    /// # Ok::<(), petition::Error>(())
    /// ```
    #[doc(alias = "call")]
    #[doc(alias = "execute")]
    pub fn send(self) -> Result<Response> {
        self.with_session(|session, request, settings| session.run(request, settings))
    }

    /// Does something with the session, the request and its settings; a one-shot function's own session is closed then.
    pub(super) fn with_session<T>(
        mut self,
        act: impl FnOnce(&Session, &mut Request, &mut Settings) -> Result<T>,
    ) -> Result<T> {
        let Self { session, request, settings } = &mut self;
        let result = act(session.get(), request, settings);
        session.close_own();
        result
    }

    /// The request as it would be sent, without sending it.
    ///
    /// # Errors
    /// The first invalid setting.
    ///
    /// # Examples
    /// ```
    /// let request = petition::get("http://127.0.0.1/a b").prepare()?;
    ///
    /// assert_eq!(request.url.as_str(), "http://127.0.0.1/a%20b");
    /// # Ok::<(), petition::Error>(())
    /// ```
    pub fn prepare(self) -> Result<PreparedRequest> {
        self.session.get().prepare_request(self.request)
    }

    /// Iterates over the pages of a listing: the response to this request, then the page that each response links to with
    /// `Link: rel=next`. The request's settings (timeout, `verify` and so on) apply to each page.
    ///
    /// What goes along to the next page, and which links are followed, is as for [`Session::paginate`]. A page whose status is
    /// not 2xx is an error; see [`Pages::any_status`].
    ///
    /// # Errors
    /// The first invalid setting. The errors of a page are the last item of the iterator.
    ///
    /// # Examples
    /// ```
    /// # use petition::{Response, Session, adapter_fn};
    /// # let mut session = Session::new();
    /// # session.trust_env = false; // no proxy of this machine
    /// # session.mount("http://", adapter_fn(|request, _| match request.url.query() {
    /// #     Some("page=1") => Response::builder(200).header("Link", "<?page=2>; rel=next").body("one").build(),
    /// #     _ => Response::builder(200).body("two").build(),
    /// # }));
    /// let mut items = Vec::new();
    /// for page in
    ///     session.get("http://h/items").param("page", 1).timeout(5).paginate()?
    /// {
    ///     items.push(page?.text()?);
    /// }
    /// assert_eq!(items, ["one", "two"]);
    /// # Ok::<(), petition::Error>(())
    /// ```
    pub fn paginate(self) -> Result<Pages<'s>> {
        let Self { session, request, settings } = self;
        let (mut request, mut settings) = (request, settings);
        let (request, options) = session.get().prepare_to_send(&mut request, &mut settings)?;
        // An invalid limit is an error here, not of the first page.
        options.timeout.check().map_err(|error| error.with_request(&request))?;
        Ok(Pages::new(session, request, Some(options)))
    }

    /// As [`map`](Self::map), without moving the request out and back.
    #[inline]
    pub(super) fn change(mut self, change: impl FnOnce(&mut Request)) -> Self {
        change(&mut self.request);
        self
    }

    pub(super) fn map(mut self, change: impl FnOnce(Request) -> Request) -> Self {
        self.request = change(self.request);
        self
    }

    /// Sets the timeout: seconds or a `Duration` for connect and read, a pair to set them separately, `None` for no
    /// limit whatever the session's is, or a [`Timeout`], whose fields replace the session's if they are set.
    /// [`Timeout::new`] sets none of them.
    ///
    /// There is no limit by default. What is not more than zero makes [`send`](Self::send) return
    /// [`ErrorKind::InvalidSetting`](crate::ErrorKind::InvalidSetting).
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use petition::Timeout;
    ///
    /// let request = petition::get("http://127.0.0.1/").timeout(5); // seconds
    /// let request = request.timeout((3.05, Duration::from_secs(27)));
    /// let request = request.timeout(Timeout::new().total(60));
    /// # drop(request);
    /// ```
    #[doc(alias = "timeout_per_call")]
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
    /// let error =
    ///     petition::get("http://127.0.0.1:9/").cancel(&stop).send().unwrap_err();
    ///
    /// assert!(error.is_cancelled());
    /// ```
    pub fn cancel(mut self, cancel: &Cancel) -> Self {
        self.settings.cancel = Some(cancel.clone());
        self
    }

    /// Whether redirects are followed. True by default, except for [`Session::head`].
    #[doc(alias = "redirect")]
    #[doc(alias = "redirects")]
    pub fn allow_redirects(mut self, allow: bool) -> Self {
        self.settings.allow_redirects = Some(allow);
        self
    }

    /// Whether the body stays on the connection until it is read. With `None`, the default, the session decides.
    #[doc(alias = "preload_content")]
    pub fn stream(mut self, stream: impl Into<Option<bool>>) -> Self {
        self.settings.stream = stream.into();
        self
    }

    /// How the server's certificate is verified: `true`, `false`, a path to a bundle or a directory, or a [`Verify`].
    /// With `None`, the default, the session decides.
    #[doc(alias = "danger_accept_invalid_certs")]
    #[doc(alias = "disable_verification")]
    pub fn verify(mut self, verify: impl IntoSetting<Verify>) -> Self {
        self.settings.rare.verify = verify.into_setting();
        self
    }

    /// The client certificate: a pair of certificate and key, one file with both, or a [`ClientCert`]. With `None`, the
    /// default, the session's is used if it has one.
    #[doc(alias = "identity")]
    #[doc(alias = "client_cert")]
    pub fn cert(mut self, cert: impl IntoSetting<ClientCert>) -> Self {
        self.settings.rare.cert = cert.into_setting();
        self
    }

    /// Adds proxies by scheme, `scheme://host`, `all` or `all://host`. Each replaces an earlier one for the same key;
    /// an empty one means no proxy. They take precedence over the session's and the environment's for the same key; among
    /// different keys the most specific one counts: `scheme://host`, then the scheme, `all://host` and `all`.
    ///
    /// An invalid one makes [`send`](Self::send) return [`ErrorKind::InvalidProxyUrl`](crate::ErrorKind::InvalidProxyUrl) or
    /// [`ErrorKind::InvalidUrl`](crate::ErrorKind::InvalidUrl).
    ///
    /// # Examples
    /// ```
    /// let through = petition::get("http://127.0.0.1/")
    ///     .proxies([("http", "http://proxy:3128")]);
    /// // Whatever the environment says:
    /// let direct = petition::get("http://127.0.0.1/").proxies([("http", "")]);
    /// # drop((through, direct));
    /// ```
    #[doc(alias = "proxy")]
    pub fn proxies<I: IntoIterator<Item: Pair>>(mut self, proxies: I) -> Self {
        for pair in proxies {
            if let Err(error) = self.settings.rare.proxies.insert(pair.name(), pair.value()) {
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
        f.debug_struct("RequestBuilder")
            .field("request", &self.request.shown(&|name| self.session.get().calls_sensitive(name)))
            .finish_non_exhaustive()
    }
}

impl Session {
    /// This session's options, overridden by a request's settings.
    pub(super) fn options_with(&self, settings: &mut Settings) -> SendOptions {
        let verify_is_set = settings.rare.verify.is_some() || self.verify != Verify::Yes;
        let mut rare = settings.rare.given();
        SendOptions {
            timeout: settings.timeout.over(self.timeout),
            allow_redirects: settings.allow_redirects.unwrap_or(true),
            stream: settings.stream.unwrap_or(self.stream),
            verify: rare.as_mut().and_then(|rare| rare.verify.take()).unwrap_or_else(|| self.verify.clone()),
            verify_by_environment: self.trust_env && !verify_is_set,
            cert: rare.as_mut().and_then(|rare| rare.cert.take()).or_else(|| self.cert.clone()),
            proxies: rare.map(|rare| std::mem::take(&mut rare.proxies)).unwrap_or_default(),
            cancel: match (&self.cancel, settings.cancel.take()) {
                (Some(session), Some(own)) => Some(Cancel::either(session, &own)),
                (session, own) => own.or_else(|| session.clone()),
            },
            // What the session finds out on the way.
            bundle_of_environment: None,
            content_at_once: false,
            arrived: None,
            route: None,
            start: None,
            shared_retries: None,
        }
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
        assert_eq!((given.stream, &given.rare.verify), (Some(true), &Some(Verify::No)));
        assert_eq!(given.rare.cert, Some(ClientCert::pem("client.pem", "client.key")));
        assert!(set().request.details.auth.is_some());

        let unset = set().timeout(Timeout::new()).stream(None).verify(None).cert(None).auth(None);
        assert_eq!(
            (unset.settings.stream, &unset.settings.rare.verify, &unset.settings.rare.cert),
            (None, &None, &None)
        );
        assert_eq!(unset.settings.timeout, Timeout::new());
        assert!(unset.request.details.auth.is_none());

        let shared: Arc<dyn Auth> = Arc::new(crate::BearerAuth::new("token"));
        assert!(session.get("http://h/").auth(Some(shared)).request.details.auth.is_some());
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
