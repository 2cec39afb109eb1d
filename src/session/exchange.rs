//! One hop: find the adapter, send, measure `elapsed`, run the hooks, answer a challenge, store the cookies.

use crate::adapter::SendOptions;
use crate::cancel::Cancel;
use crate::clock::{self, Moment};
use crate::error::Result;
use crate::message::history::History;
use crate::message::prepared::AuthHeader;
use crate::message::response::{Elapsed, Outgoing};
use crate::message::{PreparedRequest, Response};
use crate::session::ca_bundle::ca_bundle;
use crate::session::{Session, prepare};
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
                return Err(Cancel::error("before it was sent").unsent().with_request(request));
            }
            // The program may have asked for a part since it was prepared.
            prepare::ask_for_bytes_of_a_part(request);
            options.arrived = adapter.is_stock.then_some(started.now);
            let sent = adapter.adapter.send(request, options);
            let mut response = sent.map_err(|error| error.with_request(request))?;
            let answered = response.answered().filter(|_| adapter.is_stock).unwrap_or_else(clock::now);
            response.attach(outgoing, Elapsed::Between(started.now, answered));
            if let Some(shared) = &options.shared_retries {
                shared.keep(&response);
            }
            // Hooks see only the first response: rounds concern the auth alone (AUTH-26).
            if round == 0 {
                response = run_hooks(response)?;
            }
            let answer = self.answer(&response, round)?;
            if let Some(refused) = &refused {
                response.set_history(refused.clone());
            }
            response.store_cookies(&self.cookies);
            let Some(mut next) = answer else { return Ok(response) };
            // So that its connection serves the next round (AUTH-15). Errors in the body of a refusal do not matter.
            response.keep_for_later()?;
            if next.extras.cookies.is_some() || !self.cookies.is_empty() {
                self.refresh_cookies(&mut next, response.request())?;
            }
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
        next.extras.unanswered.get_or_insert_with(|| Box::new(request.headers.clone()));
        prepare::note_auth_headers(&mut next, &request.headers, Some(&request.headers));
        Ok(Some(Box::new(next)))
    }

    /// Cookies that the refusal set are sent with the answer. A Cookie header set by the program stays.
    fn refresh_cookies(&self, next: &mut PreparedRequest, before: &PreparedRequest) -> Result<()> {
        if before.extras.own_cookie_header {
            return Ok(());
        }
        next.headers.remove("cookie");
        prepare::set_cookies(next, Some(&self.cookies))?;
        // What the auth adds comes last (HDR-06).
        for AuthHeader { name, .. } in &next.extras.auth_headers {
            if !before.headers.contains(name) {
                let value = next.headers.get(name).map(str::to_owned);
                next.headers.remove(name);
                next.headers.push(name, &value.unwrap_or_default());
            }
        }
        Ok(())
    }
}

fn run_hooks(response: Response) -> Result<Response> {
    let hooks = &response.request().extras.hooks;
    if hooks.is_empty() {
        return Ok(response);
    }
    let request = response.request().clone();
    let hooks = request.extras.hooks.clone();
    let mut response = hooks.run(response)?;
    response.attach_missing(&request);
    Ok(response)
}
