//! One-shot functions: a fresh session each, closed before they return (API-01).

use crate::message::request::IntoMethod;
use crate::session::RequestBuilder;
use crate::url::IntoUrl;

/// A GET request of its own: connects, sends, reads, closes.
///
/// # Examples
/// ```no_run
/// let response = petition::get("http://127.0.0.1:8000/get").params([("k", "v")]).timeout(5).send()?;
/// println!("{} {}", response.status_code(), response.text()?);
/// # Ok::<(), petition::Error>(())
/// ```
pub fn get(url: impl IntoUrl) -> RequestBuilder<'static> {
    request("GET", url)
}

/// An OPTIONS request of its own.
pub fn options(url: impl IntoUrl) -> RequestBuilder<'static> {
    request("OPTIONS", url)
}

/// A HEAD request of its own; redirects are not followed unless told to (API-04).
pub fn head(url: impl IntoUrl) -> RequestBuilder<'static> {
    request("HEAD", url).allow_redirects(false)
}

/// A POST request of its own.
pub fn post(url: impl IntoUrl) -> RequestBuilder<'static> {
    request("POST", url)
}

/// A PUT request of its own.
pub fn put(url: impl IntoUrl) -> RequestBuilder<'static> {
    request("PUT", url)
}

/// A PATCH request of its own.
pub fn patch(url: impl IntoUrl) -> RequestBuilder<'static> {
    request("PATCH", url)
}

/// A DELETE request of its own.
pub fn delete(url: impl IntoUrl) -> RequestBuilder<'static> {
    request("DELETE", url)
}

/// A request of any method of its own.
pub fn request(method: impl IntoMethod, url: impl IntoUrl) -> RequestBuilder<'static> {
    RequestBuilder::one_shot(|session| session.request(method, url))
}
