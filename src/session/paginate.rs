//! Pages of a listing that link to each other (`Link: rel=next`).

use crate::error::Result;
use crate::message::{PreparedRequest, Response};
use crate::session::{Session, prepare, redirect};

impl Session {
    /// Iterates over the pages of a listing: the response to `request`, then the page that each response links to with
    /// `Link: rel=next`. New here.
    ///
    /// The first error ends the iteration.
    pub fn paginate(&self, request: PreparedRequest) -> Pages<'_> {
        Pages { session: self, next: Some(request) }
    }
}

/// An iterator over the pages of a listing: see [`Session::paginate`].
#[derive(Debug)]
pub struct Pages<'s> {
    session: &'s Session,
    next: Option<PreparedRequest>,
}

impl Iterator for Pages<'_> {
    type Item = Result<Response>;

    fn next(&mut self) -> Option<Self::Item> {
        let request = self.next.take()?;
        let sent = self.session.send(request);
        Some(sent.and_then(|response| {
            self.next = self.page_after(&response)?;
            Ok(response)
        }))
    }
}

impl Pages<'_> {
    /// The same request for the page that `response` links to. Its credentials stay with their origin.
    fn page_after(&self, response: &Response) -> Result<Option<PreparedRequest>> {
        let links = response.links();
        let next =
            links.iter().find(|link| link.rel().is_some_and(|rel| rel.split_whitespace().any(|rel| rel == "next")));
        let Some(link) = next else { return Ok(None) };
        let mut next = redirect::next_page(response, link.url(), &self.session.policy())?;
        prepare::set_cookies(&mut next, Some(&self.session.cookies))?;
        Ok(Some(next))
    }
}
