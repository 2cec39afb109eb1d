//! Turns a description into a prepared request: merges the request's settings over the session's, in requests' order:
//! method, URL and params, headers, cookies, body, auth last.

use std::collections::{HashMap, HashSet};
use std::mem;
use std::sync::Arc;

use crate::auth::BasicAuth;
use crate::clock::{self, Moment};
use crate::cookies::CookieJar;
use crate::error::{Error, Result};
use crate::form::urlencoded;
use crate::headers::Headers;
use crate::message::auth::Auth;
use crate::message::body::BodyLength;
use crate::message::coding;
use crate::message::prepared::Skip;
use crate::message::request::Destination;
use crate::message::response::Outgoing;
use crate::message::{PreparedRequest, Request};
use crate::session::{Session, auth_headers};
use crate::url::Url;

/// What a session contributes to the requests that it prepares; empty for [`Request::prepare`].
struct Base<'s> {
    headers: Headers,
    params: &'s [(String, String)],
    /// With the time.
    session: Option<(&'s Session, Moment)>,
}

impl Request {
    /// Prepares the request without a session: without default headers, cookies or netrc. Only the URL's user info
    /// counts as credentials.
    ///
    /// # Errors
    /// The first invalid setting.
    pub fn prepare(mut self) -> Result<PreparedRequest> {
        let base = Base { headers: Headers::new(), params: &[], session: None };
        Ok(prepare(&mut self, base)?.into_request())
    }
}

impl Session {
    /// The request with this session's headers, params, cookies, auth and hooks merged in, ready for
    /// [`send`](Session::send). Later changes to the session do not affect it.
    ///
    /// # Errors
    /// The first invalid setting.
    pub fn prepare_request(&self, mut request: Request) -> Result<PreparedRequest> {
        Ok(self.prepare_at(&mut request, self.moment())?.into_request())
    }

    /// The same, at `now`. It takes what is in the request, which is not moved for it.
    pub(super) fn prepare_at(&self, request: &mut Request, now: Moment) -> Result<Outgoing> {
        let headers = self.headers.clone_for(&request.headers);
        prepare(request, Base { headers, params: &self.params, session: Some((self, now)) })
    }
}

fn prepare(request: &mut Request, base: Base<'_>) -> Result<Outgoing> {
    request.take_error()?;
    let mut url = url(request, &base)?;
    if let Some(query) = query(request, base.params) {
        url = url.with_query(&query)?;
    }
    let mut headers = base.headers;
    for name in &request.details.removed {
        headers.remove(name);
    }
    headers.merge(&request.headers);
    let mut prepared = PreparedRequest::new(mem::take(&mut request.method), url, headers);
    // Only what is not as usual is set, because that makes extras (see `Seldom`).
    if request.details.skip != Skip::default() {
        prepared.extras.skip = request.details.skip;
    }
    if request.headers.contains("accept-encoding") {
        prepared.extras.own_accept_encoding = true;
    }
    if request.details.expect_continue.is_some() {
        prepared.extras.expect_continue = request.details.expect_continue;
    }
    if let Some((session, _)) = base.session.filter(|(session, _)| !session.sensitive_headers.is_empty()) {
        prepared.extras.sensitive_headers.clone_from(&session.sensitive_headers);
    }
    if prepared.headers.contains("cookie") {
        prepared.extras.own_cookie_header = true;
    }
    let cookies = request.details.given().and_then(|details| details.cookies.take());
    if let Some(cookies) = cookies.filter(|jar| !jar.is_empty()) {
        // They must not follow a redirect to another host (REDIR-13).
        let bound = cookies.bound_to(prepared.cookie_target().host);
        prepared.extras.cookies = Some(bound);
    }
    set_cookies(&mut prepared, base.session.map(|(session, _)| &session.cookies))?;
    set_body(&mut prepared, request)?;
    let (own, session) = (&request.details.hooks, base.session.map(|(session, _)| &session.hooks));
    if let Some(hooks) = Some(own).filter(|own| !own.is_empty()).or(session).filter(|hooks| !hooks.is_empty()) {
        prepared.extras.hooks = hooks.clone();
    }
    // Before the auth, which sees the headers as they are sent.
    ask_for_bytes_of_a_part(&mut prepared);
    let auth = request.details.given().and_then(|details| details.auth.take());
    authenticate(&mut prepared, auth, base.session)?;
    // It is moved here, to where its response has it, and no more.
    Ok(Outgoing::new(prepared))
}

/// Who asks for a part, and says nothing about codings, gets it as it is: a part of what was coded does not decode by
/// itself, and its bytes are not those that were asked for.
pub(super) fn ask_for_bytes_of_a_part(prepared: &mut PreparedRequest) {
    if !prepared.headers.contains("range") || prepared.extras.own_accept_encoding {
        return;
    }
    if prepared.headers.get_all("accept-encoding").eq([coding::accept_encoding()]) {
        prepared.headers.set("Accept-Encoding", "identity");
    }
}

fn url(request: &mut Request, base: &Base<'_>) -> Result<Url> {
    match request.destination.take() {
        Some(Destination::Ready(url)) => Ok(url),
        Some(Destination::Relative(text, error)) => {
            match base.session.and_then(|(session, _)| session.base_url.as_ref()) {
                Some(base) => base.join(&text),
                None => Err(Error::message(error.kind(), error.to_string())),
            }
        }
        None => unreachable!("a request without a URL has an error"),
    }
}

/// What the params add to the URL's query, if anything. A name that the request sets replaces the session's; a query given as
/// text replaces them all.
fn query(request: &Request, session: &[(String, String)]) -> Option<String> {
    // An empty query counts as not given (SES-06).
    let raw = request.query.raw.as_deref().filter(|raw| !raw.is_empty());
    let pairs = &request.query.pairs;
    if session.is_empty() && pairs.is_empty() && raw.is_none() {
        return None;
    }
    let mut query = Vec::new();
    // The values of each name: of both lists there may be many. Without a value, the session's is taken away (SES-04).
    let mut own: HashMap<&str, Vec<&str>> = HashMap::new();
    if !session.is_empty() {
        for (name, value) in pairs {
            own.entry(name).or_default().extend(value.as_deref());
        }
    }
    let mut sent: HashSet<&str> = HashSet::new();
    if raw.is_none() || !pairs.is_empty() {
        for (name, value) in session {
            match own.get(name.as_str()) {
                None => urlencoded::append_pair(&mut query, name, value),
                // As in a Python mapping: the session's position, the request's value.
                Some(values) if sent.insert(name) => {
                    values.iter().for_each(|value| urlencoded::append_pair(&mut query, name, value));
                }
                Some(_) => {}
            }
        }
    }
    for (name, value) in pairs.iter().filter(|(name, _)| !sent.contains(name.as_str())) {
        if let Some(value) = value {
            urlencoded::append_pair(&mut query, name, value);
        }
    }
    let mut query = String::from_utf8(query).expect("encoded pairs are ASCII");
    if let Some(raw) = raw {
        if !query.is_empty() {
            query.push('&');
        }
        query.push_str(raw);
    }
    (!query.is_empty()).then_some(query)
}

/// Sets `Cookie` from the jars, unless the program has set one.
fn set_cookies(prepared: &mut PreparedRequest, session: Option<&CookieJar>) -> Result<()> {
    let session = session.filter(|jar| !jar.is_empty());
    if (prepared.extras.cookies.is_none() && session.is_none()) || prepared.headers.contains("cookie") {
        return Ok(());
    }
    if let Some(value) = cookies_for(prepared, session)? {
        // Not checked like a program's value: what a server set is sent back unchanged, and the codec checks it again.
        prepared.headers.set("Cookie", &value);
    }
    Ok(())
}

/// What the jars have for the request.
pub(super) fn cookies_for(prepared: &PreparedRequest, session: Option<&CookieJar>) -> Result<Option<String>> {
    let (own, target) = (prepared.extras.cookies.as_ref(), prepared.cookie_target());
    match session {
        Some(session) => session.header_with(own, &target, clock::wall()),
        None => CookieJar::new().header_with(own, &target, clock::wall()),
    }
}

fn set_body(prepared: &mut PreparedRequest, request: &mut Request) -> Result<()> {
    let data = request.data.take();
    let (files, json) = match request.details.given() {
        Some(details) => (details.files.take().filter(|files| !files.is_empty()), details.json.take()),
        None => (None, None),
    };
    let is_multipart = files.is_some();
    prepared.body = match (files, data, json) {
        (Some(files), data, _) => data.unwrap_or_default().with_files(files)?,
        // Data takes precedence over JSON, but empty data is no data (BODY-01).
        (None, Some(data), Some(json)) if data.length() == BodyLength::Empty => json,
        (None, Some(data), _) => data,
        (None, None, json) => json.unwrap_or_default(),
    };
    prepared.set_framing();
    if let Some(content_type) = prepared.body.content_type() {
        // A Content-Type set by the caller would name a boundary that the body does not use (BODY-30).
        if is_multipart || !prepared.headers.contains("content-type") {
            prepared.headers.set("Content-Type", content_type);
        }
    }
    Ok(())
}

/// Applies the first of these that exists: the request's auth, the session's, netrc, the URL's user info.
fn authenticate(
    prepared: &mut PreparedRequest,
    own: Option<Arc<dyn Auth>>,
    session: Option<(&Session, Moment)>,
) -> Result<()> {
    let chosen = own.or_else(|| session.and_then(|(session, _)| session.auth.clone()));
    if let Some(chosen) = chosen {
        return apply(prepared, chosen);
    }
    let netrc = session.map(|(session, now)| from_netrc(session, prepared, now)).transpose()?.flatten();
    match netrc.or_else(|| prepared.url.user_info().and_then(BasicAuth::from_user_info)) {
        Some(basic) => apply(prepared, basic.into()),
        None => Ok(()),
    }
}

/// Gives a request that a redirect or a link led to what belongs to its own URL: cookies, then the auth.
pub(super) fn for_another_url(session: &Session, next: &mut PreparedRequest) -> Result<()> {
    set_cookies(next, Some(&session.cookies))?;
    match next.extras.auth.clone() {
        Some(auth) => apply(next, auth),
        None => match from_netrc(session, next, session.moment())? {
            Some(basic) => apply(next, basic.into()),
            None => Ok(()),
        },
    }
}

/// The credentials in netrc for the request's host; none if the program has set an Authorization header.
fn from_netrc(session: &Session, prepared: &PreparedRequest, now: Moment) -> Result<Option<BasicAuth>> {
    if !session.trust_env || prepared.headers.contains("authorization") {
        return Ok(None);
    }
    // Paths need not be text.
    let variable = |name: &str| std::env::var_os(name);
    session.netrc.credentials(prepared.url.host(), &variable, now)
}

/// Applies `auth` and notes which headers it set. If it set a body, computes the framing again.
fn apply(prepared: &mut PreparedRequest, auth: Arc<dyn Auth>) -> Result<()> {
    let own = prepared.extras.own_cookie_header;
    prepared.extras.session_cookie = prepared.headers.get("cookie").filter(|_| !own).map(Into::into);
    let (before, length) = (prepared.headers.clone(), prepared.body.length());
    auth.apply(prepared)?;
    // It may have set a Range.
    ask_for_bytes_of_a_part(prepared);
    auth_headers::note(prepared, &before);
    if prepared.body.length() != length {
        prepared.set_framing();
    }
    prepared.extras.auth = Some(auth);
    Ok(())
}
