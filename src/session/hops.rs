//! The loop over redirects: exchange, ask what is next, drain the old body, continue.

use crate::adapter::SendOptions;
use crate::clock::Moment;
use crate::error::{Error, ErrorKind, Result};
use crate::log_targets;
use crate::message::history::History;
use crate::message::response::Outgoing;
use crate::message::{PreparedRequest, Response};
use crate::session::{Session, prepare, redirect};
use crate::text::printable::printable;

impl Session {
    /// Sends, follows redirects, and reads the content unless it is streamed.
    pub(super) fn follow(&self, request: Outgoing, options: &mut SendOptions, now: Moment) -> Result<Response> {
        options.begin(now.now);
        self.follow_on(request, options, now)
    }

    /// The same, for one of several sends whose limit on the whole has begun.
    pub(super) fn follow_on(
        &self,
        mut request: Outgoing,
        options: &mut SendOptions,
        mut now: Moment,
    ) -> Result<Response> {
        options.timeout.check().map_err(|error| error.with_request(request.request()))?;
        let mut history: Option<History> = None;
        let response = loop {
            let sent = self.exchange(request, options, now);
            let mut response = sent.map_err(|error| error.after(history.is_some()))?;
            if let Some(history) = &history {
                response.set_history(history.clone());
            }
            // First, as in requests: one redirect too many need not lead anywhere.
            let hops = history.as_ref().map_or(0, History::len);
            let is_one_too_many = hops >= self.max_redirects as usize && redirect::location(&response).is_some();
            if options.allow_redirects && is_one_too_many {
                response.keep_for_later()?;
                let text = format!("exceeded {} redirects", self.max_redirects);
                return Err(Error::message(ErrorKind::TooManyRedirects, text)
                    .with_request(response.request())
                    .with_response(response));
            }
            let Some(next) = self.next_hop(&response, options)? else { break response };
            if !options.allow_redirects {
                response.set_next(next);
                break response;
            }
            // So that its connection serves the next hop. Errors in its body do not matter.
            response.keep_for_later()?;
            log::debug!(
                target: log_targets::REDIRECT,
                "Redirect {}: {} -> {}",
                response.status_code().as_u16(),
                printable(response.url().without_user_info()),
                printable(next.url.without_user_info())
            );
            history.get_or_insert_default().push(response);
            request = Outgoing::new(next);
            now = self.moment();
        };
        if !options.stream {
            response.content()?;
        }
        Ok(response)
    }

    /// The request that `response` asks for, with this session's cookies and netrc credentials.
    fn next_hop(&self, response: &Response, options: &SendOptions) -> Result<Option<PreparedRequest>> {
        if !response.is_redirect() {
            return Ok(None);
        }
        let request = response.request();
        let next = redirect::next_hop(request, response, &self.policy())
            .and_then(|next| next.map(|mut next| prepare::for_another_url(self, &mut next).map(|()| next)).transpose());
        match next {
            // It is not followed, so its target need not be valid.
            Err(_) if !options.allow_redirects => Ok(None),
            Err(error) => {
                // The error has the response, and must not keep its connection for as long as it lives.
                response.keep_for_later()?;
                Err(error.after(true).with_request(request).with_response(response.clone()))
            }
            next => next,
        }
    }
}
