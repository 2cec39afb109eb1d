//! One hop: find the adapter, send, measure `elapsed`, run the hooks, answer a challenge, store the cookies.

use crate::adapter::SendOptions;
use crate::cancel::Cancel;
use crate::clock::{self, Moment};
use crate::error::Result;
use crate::headers::Headers;
use crate::message::history::History;
use crate::message::prepared::AuthHeader;
use crate::message::response::{Elapsed, Outgoing};
use crate::message::{PreparedRequest, Response};
use crate::session::ca_bundle::ca_bundle;
use crate::session::{Session, auth_headers, prepare};
use crate::verify::Verify;

impl Session {
    /// Sends one request, and a few more to answer challenges.
    pub(super) fn exchange(
        &self,
        mut outgoing: Outgoing,
        options: &mut SendOptions,
        mut started: Moment,
    ) -> Result<Response> {
        let request = outgoing.request();
        let adapter = self.mounts.find(&request.url).map_err(|error| error.with_request(request))?;
        let route = self.route(request, options, started)?;
        // Looked up at the first hop that uses TLS: most requests over plain HTTP never need it.
        if options.verify_by_environment && (request.url.is_https() || route.encrypted_proxy().is_some()) {
            options.verify_by_environment = false;
            options.bundle_of_environment = ca_bundle();
            options.verify = options.bundle_of_environment.clone().map_or(Verify::Yes, Verify::CaBundle);
        }
        options.route = Some(route);
        // An adapter of the program's own, or a hook, may look at the response, and close it.
        options.content_at_once = adapter.is_stock && !options.stream && request.extras.hooks.is_empty();
        let mut refused: Option<History> = None;
        let mut round = 0;
        loop {
            let request = outgoing.request_mut();
            if options.cancel.as_ref().is_some_and(Cancel::is_cancelled) {
                return Err(Cancel::error("before it was sent").unsent().after(round > 0).with_request(request));
            }
            // The program may have asked for a part since it was prepared.
            prepare::ask_for_bytes_of_a_part(request);
            options.arrived = adapter.is_stock.then_some(started.now);
            let sent = adapter.adapter.send(request, options);
            let mut response = sent.map_err(|error| error.after(round > 0).with_request(request))?;
            let answered = response.answered().filter(|_| adapter.is_stock).unwrap_or_else(clock::now);
            response.attach(outgoing, Elapsed::Between(started.now, answered));
            if let Some(shared) = &options.shared_retries {
                shared.keep(&response);
            }
            let answer =
                self.answer(&response, round).map_err(|error| error.after(true).with_request(response.request()))?;
            if let Some(refused) = &refused {
                response.set_history(refused.clone());
            }
            let Some(mut next) = answer else {
                // Rounds concern the auth alone: hooks see what came of them (docs/decisions.md#hooks-after-auth), and then its
                // cookies are stored.
                response = run_hooks(response, options.stream)?;
                response.store_cookies(&self.cookies);
                return Ok(response);
            };
            response.store_cookies(&self.cookies);
            // So that its connection serves the next round (AUTH-15). Errors in the body of a refusal do not matter.
            response.keep_for_later()?;
            self.refresh_cookies(&mut next, &response.request().headers)?;
            auth_headers::note_sent(&mut next);
            refused.get_or_insert_default().push(response);
            outgoing = Outgoing::new(*next);
            round += 1;
            started = self.moment();
        }
    }

    /// The answer of the request's auth to a 4xx with a challenge.
    fn answer(&self, response: &Response, round: u32) -> Result<Option<Box<PreparedRequest>>> {
        let request = response.request();
        let challenged = response.status_code().is_client_error() && response.headers().contains("www-authenticate");
        let Some(auth) = request.extras.auth.as_ref().filter(|_| challenged) else { return Ok(None) };
        let Some(mut next) = auth.answer(request, response, round)? else { return Ok(None) };
        next.check_replayable("the answer to a challenge")?;
        keep_extras(&mut next, request);
        auth_headers::begin_answer(&mut next, request);
        auth_headers::note(&mut next, &request.headers);
        Ok(Some(Box::new(next)))
    }

    /// Cookies that the refusal set are sent with the answer. A Cookie header that the program or its auth set stays. What the
    /// request that was refused had is in `before`.
    fn refresh_cookies(&self, next: &mut PreparedRequest, before: &Headers) -> Result<()> {
        let is_the_sessions = next.headers.get_all("cookie").eq(next.extras.session_cookie.as_deref());
        if next.extras.own_cookie_header || !is_the_sessions {
            return Ok(());
        }
        let Some(value) = prepare::cookies_for(next, Some(&self.cookies))? else {
            next.extras.session_cookie = None;
            next.headers.remove("cookie");
            return Ok(());
        };
        let is_new = !next.headers.contains("cookie");
        next.headers.set("Cookie", &value);
        next.extras.session_cookie = Some(value.into());
        if is_new {
            // What the auth adds comes last (HDR-06).
            for AuthHeader { name, .. } in next.extras.auth_headers.iter().filter(|own| !before.contains(&own.name)) {
                let is_added = |(own, _): &(&str, &str)| own.eq_ignore_ascii_case(name);
                let added = next.headers.iter().filter(is_added);
                let added: Vec<_> = added.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
                next.headers.remove(name);
                added.iter().for_each(|(name, value)| next.headers.push(name, value));
            }
        }
        Ok(())
    }
}

/// An answer that is no copy of the request is to it what a copy is: its response goes to the hooks, and a redirect to the auth.
fn keep_extras(next: &mut PreparedRequest, request: &PreparedRequest) {
    if next.extras.hooks.is_empty() && !request.extras.hooks.is_empty() {
        next.extras.hooks = request.extras.hooks.clone();
    }
    if next.extras.auth.is_none() {
        next.extras.auth.clone_from(&request.extras.auth);
    }
    if next.extras.cookies.is_none() && request.extras.cookies.is_some() {
        next.extras.cookies.clone_from(&request.extras.cookies);
    }
}

/// With an error the program gets the response too, if the hook put it there. Then its content is read as that of any other, so
/// that the error does not keep the connection.
fn run_hooks(response: Response, stream: bool) -> Result<Response> {
    let hooks = &response.request().extras.hooks;
    if hooks.is_empty() {
        return Ok(response);
    }
    let request = response.request().clone();
    let hooks = request.extras.hooks.clone();
    let ran = hooks.run(response).map_err(|error| error.after(true));
    let mut response = ran.inspect_err(|error| {
        // A hook may have sent a request of its own, whose response is not ours to read.
        if let Some(response) = error.response().filter(|own| !stream && own.request().url == request.url) {
            // What is wrong with the content is found out by who asks for it.
            let _ = response.content();
        }
    })?;
    response.attach_missing(&request);
    Ok(response)
}
