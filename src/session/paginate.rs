//! Pages of a listing that link to each other (`Link: rel=next`).
//!
//! A listing never ends early without an error: a page with an error status, a link that cannot be followed and a link that
//! leads back are errors, returned after the pages before them.

use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher, RandomState};

use crate::adapter::SendOptions;
use crate::error::{Error, ErrorKind, Result};
use crate::message::links::Link;
use crate::message::{PreparedRequest, Response};
use crate::session::request_builder::Holder;
use crate::session::{Session, prepare, redirect};
use crate::url::Url;

impl Session {
    /// Iterates over the pages of a listing: the response to `request`, then the page that each response links to with
    /// `Link: rel=next`. New here.
    ///
    /// Each page is requested as a redirect to it would be, with the method, headers and body of the request. An [`Auth`] is
    /// applied again for each page of its origin. Another origin gets neither credentials, nor headers that an auth set, nor
    /// a `Host` header that the program set. [`allow_downgrade`](Self::allow_downgrade) and
    /// [`sensitive_headers`](Self::sensitive_headers) apply. A link whose `anchor` names another document is not followed
    /// (RFC 8288 §3.2).
    ///
    /// # Errors
    /// The first error is the last item; the pages before it are returned first.
    /// [`ErrorKind::HttpError`], with the response: the status of a page is not 2xx; see [`Pages::any_status`].
    /// [`ErrorKind::InvalidUrl`], with the response: a link cannot be followed, or leads back to an earlier page. Otherwise
    /// as for [`send`](Self::send).
    ///
    /// [`Auth`]: crate::Auth
    ///
    /// # Examples
    /// ```
    /// # use petition::{Response, Request, Session, adapter_fn};
    /// # let mut session = Session::new();
    /// # session.mount("mock://", adapter_fn(|request, _| match request.url.query() {
    /// #     None => Response::builder(200).header("Link", "<mock://h/items?page=2>; rel=next").body("one").build(),
    /// #     Some(_) => Response::builder(200).body("two").build(),
    /// # }));
    /// let first = session.prepare_request(Request::new("GET", "mock://h/items"))?;
    ///
    /// let mut items = Vec::new();
    /// for page in session.paginate(first) {
    ///     items.push(page?.text()?);
    /// }
    /// assert_eq!(items, ["one", "two"]);
    /// # Ok::<(), petition::Error>(())
    /// ```
    #[doc(alias = "follow_links")]
    pub fn paginate(&self, request: PreparedRequest) -> Pages<'_> {
        Pages::new(Holder::Shared(self), request, None)
    }
}

/// An iterator over the pages of a listing: see [`Session::paginate`].
///
/// Each item is a page as a [`Response`]. An error is the last item. No page is requested before it is asked for.
///
/// # Examples
/// ```
/// # use petition::{Response, Session, adapter_fn};
/// # let mut session = Session::new();
/// # session.mount("mock://", adapter_fn(|_, _| Response::builder(200).body("one").build()));
/// let texts: petition::Result<Vec<String>> = session
///     .get("mock://h/items")
///     .paginate()?
///     .map(|page| page?.text())
///     .collect();
///
/// assert_eq!(texts?, ["one"]);
/// # Ok::<(), petition::Error>(())
/// ```
#[must_use = "pages are requested one by one, by iterating"]
pub struct Pages<'s> {
    session: Holder<'s>,
    /// How each page is requested; with `None`, as the session's settings are then.
    options: Option<SendOptions>,
    next: Option<Result<PreparedRequest>>,
    any_status: bool,
    seen: Seen,
}

impl<'s> Pages<'s> {
    pub(super) fn new(session: Holder<'s>, first: PreparedRequest, options: Option<SendOptions>) -> Self {
        Self { session, options, next: Some(Ok(first)), any_status: false, seen: Seen::default() }
    }

    /// Returns each response whatever its status. By default, a page whose status is not 2xx is an error.
    ///
    /// # Examples
    /// ```
    /// # use petition::{Response, Request, Session, adapter_fn};
    /// # let mut session = Session::new();
    /// # session.mount("mock://", adapter_fn(|_, _| Response::builder(503).build()));
    /// let first = || session.prepare_request(Request::new("GET", "mock://h/items"));
    ///
    /// let page = session
    ///     .paginate(first()?)
    ///     .any_status()
    ///     .next()
    ///     .expect("there is a first page")?;
    /// assert_eq!(page.status_code(), 503);
    ///
    /// assert!(
    ///     session
    ///         .paginate(first()?)
    ///         .next()
    ///         .expect("there is a first page")
    ///         .is_err()
    /// );
    /// # Ok::<(), petition::Error>(())
    /// ```
    pub fn any_status(mut self) -> Self {
        self.any_status = true;
        self
    }

    fn page(&mut self, request: PreparedRequest) -> Result<Response> {
        self.seen.is_new(&request.url);
        let session = self.session.get();
        // The total timeout of each page begins anew.
        let page = session.send_with(request, self.options.clone().unwrap_or_else(|| session.send_options()))?;
        if !self.any_status && !page.status_code().is_success() {
            return Err(page.status_error(&page.url().for_errors()));
        }
        self.seen.is_new(page.url());
        self.next = self.page_after(&page).transpose();
        Ok(page)
    }

    /// The same request for the page that `page` links to.
    fn page_after(&mut self, page: &Response) -> Result<Option<PreparedRequest>> {
        let links = page.links();
        let Some(link) = links.iter().find(|link| link.has_rel("next") && is_about(link, page.url())) else {
            return Ok(None);
        };
        let blame = |error: Error| error.with_request(page.request()).with_response(page.clone());
        let mut next = redirect::next_page(page, link.url(), &self.session.get().policy()).map_err(blame)?;
        if !self.seen.is_new(&next.url) {
            let text = format!("the next page was there before: {}", next.url.for_errors());
            return Err(blame(Error::message(ErrorKind::InvalidUrl, text)));
        }
        prepare::for_another_url(self.session.get(), &mut next).map_err(blame)?;
        Ok(Some(next))
    }
}

impl Iterator for Pages<'_> {
    type Item = Result<Response>;

    fn next(&mut self) -> Option<Self::Item> {
        let page = self.next.take()?.and_then(|request| self.page(request));
        if self.next.is_none() {
            self.session.close_own();
        }
        Some(page)
    }
}

impl std::iter::FusedIterator for Pages<'_> {}

impl fmt::Debug for Pages<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").field("next", &self.next).field("any_status", &self.any_status).finish_non_exhaustive()
    }
}

/// Whether the link is about the page itself, and not about what an `anchor` names.
fn is_about(link: &Link, page: &Url) -> bool {
    match link.param("anchor") {
        Some(anchor) => redirect::linked(page, anchor).is_ok_and(|context| document(&context) == document(page)),
        None => true,
    }
}

/// Which document a URL names: without its fragment, and in one form, whether it comes from a Location, which is kept as it
/// was written, or from a link, which is prepared. Its port is there in any case, and user info is not.
fn document(url: &Url) -> String {
    if !url.is_http() {
        let text = url.as_str();
        return text[..text.find('#').unwrap_or(text.len())].to_owned();
    }
    let prepared = Url::parse(url.as_str());
    let url = prepared.as_ref().unwrap_or(url);
    format!("{}://{}:{}{}", url.scheme(), url.host(), url.port_or_default().unwrap_or_default(), url.target())
}

/// The pages seen, as hashes: a listing may have very many.
#[derive(Default)]
struct Seen {
    hasher: RandomState,
    pages: HashSet<u64>,
}

impl Seen {
    /// Whether the page was not seen before; then it is noted.
    fn is_new(&mut self, url: &Url) -> bool {
        self.pages.insert(self.hasher.hash_one(document(url)))
    }
}
