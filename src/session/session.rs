//! [`Session`]: its settings, and the methods that start and send requests.

use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use http::Method;

use super::default_headers::default_headers;
use super::mounts::Mounts;
use super::redirect::Policy;
use super::request_builder::{RequestBuilder, Settings};
use crate::adapter::{Adapter, OnDemand, PoolStats, SendOptions};
use crate::auth::netrc::Netrc;
use crate::cancel::Cancel;
use crate::clock::{self, Absence, Moment, Seconds};
use crate::cookies::CookieJar;
use crate::error::Result;
use crate::headers::Headers;
use crate::message::auth::{Auth, IntoAuth};
use crate::message::body::BodyLength;
use crate::message::hooks::Hooks;
use crate::message::request::{IntoMethod, Request};
use crate::message::response::Outgoing;
use crate::message::{PreparedRequest, Response};
use crate::proxy::{self, Proxies, Route};
use crate::timeout::Timeout;
use crate::url::{IntoUrl, Url};
use crate::verify::{ClientCert, Verify};

/// Settings, cookies and pooled connections shared by requests, like requests' `Session`.
///
/// Configure it with `&mut`, then share `&Session` in scoped threads, or an `Arc<Session>`: sending needs only `&self`.
/// Set a [`timeout`](Self::timeout) first: as in requests there is none by default.
///
/// # Examples
/// ```
/// use petition::{Response, Session};
///
/// let mut session = Session::new();
/// # session.trust_env = false; // no proxy of this machine
/// session.timeout = (3.05, 27).into();
/// session.headers.insert("User-Agent", "app/1.0")?;
/// session.mount(
///     "mock://",
///     petition::adapter_fn(|_, _| Response::builder(200).body("hi").build()),
/// );
///
/// assert_eq!(session.get("mock://x").send()?.text()?, "hi");
/// # Ok::<(), petition::Error>(())
/// ```
#[non_exhaustive]
#[doc(alias = "Client")]
#[doc(alias = "Agent")]
#[doc(alias = "BaseUrlSession")]
pub struct Session {
    /// Headers sent with each request. By default `User-Agent`, `Accept-Encoding`, `Accept` and `Connection`.
    ///
    /// A request with a `Range` header sends `Accept-Encoding: identity` in place of the default, because a part of a coded
    /// body cannot be decoded by itself. A value that the program sets is sent as it is. requests offers its codings for
    /// parts too.
    #[doc(alias = "default_headers")]
    #[doc(alias = "user_agent")]
    pub headers: Headers,
    /// Credentials for requests that have none of their own.
    pub auth: Option<Arc<dyn Auth>>,
    /// Query parameters of each request. A request's own parameter of the same name replaces them, and so does a query that it
    /// has as text ([`query_string`](RequestBuilder::query_string)) and not as parameters.
    pub params: Vec<(String, String)>,
    /// Proxies by scheme, `scheme://host`, `all` or `all://host`, and a `no_proxy` list. They take precedence over the
    /// environment's.
    pub proxies: Proxies,
    /// How certificates are verified. With [`Verify::Yes`] and `trust_env`, the variables `REQUESTS_CA_BUNDLE`,
    /// `CURL_CA_BUNDLE` and `SSL_CERT_FILE` can name a bundle, for requests that are sent by their builder: as in requests,
    /// [`send`](Self::send) of a prepared request and [`paginate`](Self::paginate) do not look at them.
    pub verify: Verify,
    /// The client certificate.
    pub cert: Option<ClientCert>,
    /// Whether bodies stay on their connections until they are read; false by default.
    pub stream: bool,
    /// The maximum number of redirects to follow; 30 by default.
    pub max_redirects: u32,
    /// Whether to use the environment: proxy variables, netrc, CA bundle variables; true by default.
    #[doc(alias = "no_env_proxy")]
    pub trust_env: bool,
    /// Timeouts for each request; none by default. New here.
    pub timeout: Timeout,
    /// What may end every request of the session from outside; nothing by default. New here.
    pub cancel: Option<Cancel>,
    /// The URL to which relative URLs are joined (requests-toolbelt's `BaseUrlSession`).
    pub base_url: Option<Url>,
    /// Hooks for requests that have none of their own.
    pub hooks: Hooks,
    /// The cookies set by responses and by the program.
    #[doc(alias = "cookie_store")]
    #[doc(alias = "cookie_provider")]
    pub cookies: CookieJar,
    /// Names of headers that must not follow a redirect or a link to the next page to another origin, besides
    /// `Authorization`, `Host` and what an auth set. Empty by default, which is how requests behaves. New here.
    ///
    /// `Debug` of the session, its requests and what is prepared of them does not show their values.
    pub sensitive_headers: Vec<String>,
    /// Whether a redirect, or a link to the next page, may lead from https to http; true by default, which is how requests
    /// behaves. New here.
    pub allow_downgrade: bool,
    pub(super) mounts: Mounts,
    pub(super) netrc: Netrc,
    /// That the environment names no proxy for http, and for https.
    no_proxy_variables: [Absence; 2],
    /// The hosts that the environment excepts from its proxies.
    excepted: proxy::LastList,
    seconds: Seconds,
}

impl Session {
    /// A session with requests' defaults: see the fields.
    #[must_use]
    #[doc(alias = "builder")]
    #[doc(alias = "ClientBuilder")]
    #[doc(alias = "AgentBuilder")]
    pub fn new() -> Self {
        let mut mounts = Mounts::default();
        for prefix in ["https://", "http://"] {
            mounts.mount(prefix.to_owned(), Arc::new(OnDemand::default()));
        }
        Self {
            headers: default_headers(),
            auth: None,
            params: Vec::new(),
            proxies: Proxies::default(),
            verify: Verify::Yes,
            cert: None,
            stream: false,
            max_redirects: 30,
            trust_env: true,
            timeout: Timeout::new(),
            cancel: None,
            base_url: None,
            hooks: Hooks::new(),
            cookies: CookieJar::new(),
            sensitive_headers: Vec::new(),
            allow_downgrade: true,
            mounts,
            netrc: Netrc::default(),
            no_proxy_variables: Default::default(),
            excepted: Default::default(),
            seconds: Seconds::default(),
        }
    }

    /// A GET request: [`send`](RequestBuilder::send) sends it with this session's settings, cookies and connections.
    ///
    /// An invalid URL is an error of `send`.
    ///
    /// # Examples
    /// ```
    /// # let mut session = petition::Session::new();
    /// # session.trust_env = false; // no proxy of this machine
    /// # session.mount("http://", petition::adapter_fn(|_, _| petition::Response::builder(200).body("hi").build()));
    /// let response = session.get("http://h/items").param("page", 1).send()?;
    ///
    /// assert_eq!(response.text()?, "hi");
    /// # Ok::<(), petition::Error>(())
    /// ```
    pub fn get(&self, url: impl IntoUrl) -> RequestBuilder<'_> {
        self.request(Method::GET, url)
    }

    /// An OPTIONS request, which asks what the server allows.
    pub fn options(&self, url: impl IntoUrl) -> RequestBuilder<'_> {
        self.request(Method::OPTIONS, url)
    }

    /// A HEAD request: the headers of a GET without its body. It is the only method that does not follow redirects by default.
    pub fn head(&self, url: impl IntoUrl) -> RequestBuilder<'_> {
        self.request(Method::HEAD, url).allow_redirects(false)
    }

    /// A POST request. Its body is set by [`data`](RequestBuilder::data), `form`, `json` or
    /// [`files`](RequestBuilder::files).
    ///
    /// # Examples
    /// ```
    /// # let mut session = petition::Session::new();
    /// # session.mount("mock://", petition::adapter_fn(|_, _| petition::Response::builder(201).build()));
    /// let response = session.post("mock://h/items").data([("name", "new")]).send()?;
    ///
    /// assert_eq!(response.status_code(), 201);
    /// # Ok::<(), petition::Error>(())
    /// ```
    pub fn post(&self, url: impl IntoUrl) -> RequestBuilder<'_> {
        self.request(Method::POST, url)
    }

    /// A PUT request, with a body as for [`post`](Self::post).
    pub fn put(&self, url: impl IntoUrl) -> RequestBuilder<'_> {
        self.request(Method::PUT, url)
    }

    /// A PATCH request, with a body as for [`post`](Self::post).
    pub fn patch(&self, url: impl IntoUrl) -> RequestBuilder<'_> {
        self.request(Method::PATCH, url)
    }

    /// A DELETE request. It can have a body.
    pub fn delete(&self, url: impl IntoUrl) -> RequestBuilder<'_> {
        self.request(Method::DELETE, url)
    }

    /// A request of any method: text in any case, or a [`Method`]. The URL is joined to [`base_url`](Self::base_url), if
    /// there is one.
    pub fn request(&self, method: impl IntoMethod, url: impl IntoUrl) -> RequestBuilder<'_> {
        RequestBuilder::shared(self, Request::start(method, url, self.base_url.as_ref()))
    }

    /// Sends a prepared request with this session's settings. Redirects are followed.
    ///
    /// # Errors
    /// Every error of the exchange.
    ///
    /// # Examples
    /// ```
    /// # let mut session = petition::Session::new();
    /// # session.mount("mock://", petition::adapter_fn(|request, _| {
    /// #     petition::Response::builder(200).body(request.headers.get("X-Sign").unwrap_or("")).build()
    /// # }));
    /// let mut request = session.get("mock://h/").prepare()?;
    /// request.headers.insert("X-Sign", "of the finished request")?;
    ///
    /// assert_eq!(session.send(request)?.text()?, "of the finished request");
    /// # Ok::<(), petition::Error>(())
    /// ```
    pub fn send(&self, request: PreparedRequest) -> Result<Response> {
        self.send_with(request, self.send_options())
    }

    /// Sends a prepared request with the given options.
    ///
    /// # Errors
    /// Every error of the exchange.
    pub fn send_with(&self, request: PreparedRequest, mut options: SendOptions) -> Result<Response> {
        self.follow(Outgoing::new(request), &mut options, self.moment())
    }

    /// This session's settings as options for [`send_with`](Self::send_with).
    #[must_use]
    #[doc(alias = "merge_environment_settings")]
    pub fn send_options(&self) -> SendOptions {
        SendOptions {
            timeout: self.timeout,
            stream: self.stream,
            verify: self.verify.clone(),
            cert: self.cert.clone(),
            cancel: self.cancel.clone(),
            ..SendOptions::default()
        }
    }

    /// Sets the credentials for requests that have none of their own: a pair for Basic, any [`Auth`], or `None`.
    ///
    /// # Coming from requests
    /// `session.auth = ("user", "password")`.
    ///
    /// # Examples
    /// ```
    /// use petition::{BearerAuth, Session};
    ///
    /// let mut session = Session::new();
    /// session.set_auth(("user", "password"));
    /// session.set_auth(BearerAuth::new("token"));
    /// ```
    pub fn set_auth(&mut self, auth: impl IntoAuth) {
        self.auth = auth.into_auth();
    }

    /// Sets how certificates are verified: `true`, `false`, a path to a bundle or a directory, or a [`Verify`].
    ///
    /// # Coming from requests
    /// `session.verify = "ca.pem"`.
    ///
    /// # Examples
    /// ```
    /// use petition::{Session, Verify};
    ///
    /// let mut session = Session::new();
    /// session.set_verify("/etc/ssl/corporate-ca.pem");
    ///
    /// assert_eq!(
    ///     session.verify,
    ///     Verify::CaBundle("/etc/ssl/corporate-ca.pem".into())
    /// );
    /// ```
    #[doc(alias = "add_root_certificates")]
    pub fn set_verify(&mut self, verify: impl Into<Verify>) {
        self.verify = verify.into();
    }

    /// Sets the timeout of each request: seconds or a `Duration` for connect and read, a pair to set them separately, a
    /// [`Timeout`], or `None` for no limit.
    ///
    /// # Examples
    /// ```
    /// use petition::{Session, Timeout};
    ///
    /// let mut session = Session::new();
    /// session.set_timeout((3.05, 27));
    ///
    /// assert_eq!(session.timeout, Timeout::new().connect(3.05).read(27));
    /// ```
    pub fn set_timeout(&mut self, timeout: impl Into<Timeout>) {
        self.timeout = timeout.into();
    }

    /// Uses `adapter` for URLs that start with `prefix`, ignoring case; the longest prefix wins. An adapter that is
    /// already mounted there is replaced, but not closed.
    ///
    /// As in requests, the two are compared as text: a prefix of `https://host/` is not one of `https://host:443/`, nor of
    /// `https://user@host/`. A setting that must hold for a host however it is spelled, such as
    /// [pins](crate::HttpAdapterBuilder::tls_pin), belongs on all URLs: [`mount_all`](Self::mount_all).
    ///
    /// # Examples
    /// ```
    /// use petition::{HttpAdapter, Session};
    ///
    /// let mut session = Session::new();
    /// let patient = HttpAdapter::builder().max_retries(3).build();
    /// session.mount("https://api.example.com/", patient); // for this host only
    /// ```
    #[doc(alias = "adapters")]
    pub fn mount(&mut self, prefix: impl Into<String>, adapter: impl Adapter + 'static) {
        self.mounts.mount(prefix.into(), Arc::new(adapter));
    }

    /// Uses one adapter for `http://` and `https://`, in place of those that are mounted there.
    ///
    /// # Coming from requests
    /// New here: the two calls of `mount` that most programs make.
    ///
    /// # Examples
    /// ```
    /// use petition::{HttpAdapter, Session};
    ///
    /// let mut session = Session::new();
    /// session.mount_all(
    ///     HttpAdapter::builder().pool_maxsize(32).pool_block(true).build(),
    /// );
    /// ```
    pub fn mount_all(&mut self, adapter: impl Adapter + 'static) {
        let adapter = Arc::new(adapter);
        for prefix in ["https://", "http://"] {
            self.mounts.mount(prefix.to_owned(), adapter.clone());
        }
    }

    /// What the pools of all mounted adapters are doing: each pool once, however often its adapter is mounted.
    ///
    /// # Coming from requests
    /// New here.
    ///
    /// # Examples
    /// ```
    /// let session = petition::Session::new();
    /// for pool in session.stats() {
    ///     println!("{pool}");
    /// }
    /// ```
    #[must_use]
    pub fn stats(&self) -> Vec<PoolStats> {
        let mut seen = HashSet::new();
        let all = self.mounts.each().flat_map(|adapter| adapter.stats());
        all.filter(|pool| seen.insert(pool.id())).collect()
    }

    /// Removes the adapter that is mounted on exactly `prefix`, without closing it; returns whether there was one.
    ///
    /// # Coming from requests
    /// `session.adapters.pop(prefix)`.
    ///
    /// # Examples
    /// ```
    /// let mut session = petition::Session::new();
    ///
    /// assert!(session.unmount("http://")); // https only
    /// assert!(session.get("http://127.0.0.1/").send().is_err());
    /// ```
    pub fn unmount(&mut self, prefix: impl AsRef<str>) -> bool {
        self.mounts.unmount(prefix.as_ref())
    }

    /// The adapter that would serve `url`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSchema`](crate::ErrorKind::InvalidSchema): no adapter is mounted for it; or another kind if
    /// the URL is invalid.
    pub fn get_adapter(&self, url: impl IntoUrl) -> Result<&dyn Adapter> {
        let url = url.resolve(self.base_url.as_ref())?;
        Ok(&*self.mounts.find(&url)?.adapter)
    }

    /// Closes the idle connections of all mounted adapters. Exchanges in progress finish, and the session remains
    /// usable.
    pub fn close(&self) {
        self.mounts.each().for_each(|adapter| adapter.close());
    }

    /// Sends the request of a [`RequestBuilder`].
    pub(super) fn run(&self, request: &mut Request, settings: &mut Settings) -> Result<Response> {
        let mut now = self.moment();
        let prepared = self.prepare_at(request, now)?;
        let mut options = self.options_with(settings);
        if prepared.request().extras.auth.is_some() || prepared.request().body.length() != BodyLength::Empty {
            // Only an auth, or a form, can have taken time.
            now = self.moment();
        }
        self.follow(prepared, &mut options, now)
    }

    /// The request of a [`RequestBuilder`], and how it is sent.
    pub(super) fn prepare_to_send(
        &self,
        request: &mut Request,
        settings: &mut Settings,
    ) -> Result<(PreparedRequest, SendOptions)> {
        let prepared = self.prepare_at(request, self.moment())?.into_request();
        Ok((prepared, self.options_with(settings)))
    }

    /// The time.
    pub(super) fn moment(&self) -> Moment {
        self.seconds.at(clock::now())
    }

    /// The settings for redirects.
    pub(super) fn policy(&self) -> Policy<'_> {
        Policy { sensitive_headers: &self.sensitive_headers, allow_downgrade: self.allow_downgrade }
    }

    /// The route to the request's host: by the request's proxies, the session's, or the environment's.
    pub(super) fn route(&self, request: &PreparedRequest, options: &SendOptions, now: Moment) -> Result<Route> {
        let absence = &self.no_proxy_variables[usize::from(request.url.is_https())];
        // Only http and https have variables of their own; the others are too rare to remember.
        let is_known = request.url.is_http() && absence.is_known(now);
        let has_asked = Cell::new(false);
        let has_found = Cell::new(false);
        let ask = |name: &str| {
            let value = proxy::environment::process(name);
            has_asked.set(true);
            has_found.set(has_found.get() || value.is_some());
            value
        };
        if (is_known || !self.trust_env) && options.proxies.is_empty() && self.proxies.is_empty() {
            return Ok(Route::Direct);
        }
        let environment = (self.trust_env && !is_known).then_some(proxy::Environment {
            variable: &ask,
            list: &self.excepted,
            now: now.now,
        });
        let route = proxy::select(&request.url, Some(&options.proxies), &self.proxies, environment)
            .map_err(|error| error.with_request(request));
        if has_asked.get() && !has_found.get() && request.url.is_http() {
            absence.note(now);
        }
        route
    }
}

impl Default for Session {
    fn default() -> Self {
        Self::new()
    }
}

impl Session {
    /// Whether `sensitive_headers` has this name.
    pub(super) fn calls_sensitive(&self, name: &str) -> bool {
        self.sensitive_headers.iter().any(|own| own.eq_ignore_ascii_case(name))
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("headers", &self.headers.shown(&|name| self.calls_sensitive(name)))
            .field("timeout", &self.timeout)
            .field("trust_env", &self.trust_env)
            .field("mounts", &self.mounts)
            .finish_non_exhaustive()
    }
}
