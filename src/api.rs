//! One-shot functions: each uses a session of its own, which is closed before the function returns.

use crate::message::request::IntoMethod;
use crate::session::RequestBuilder;
use crate::url::IntoUrl;

/// A GET request without a session: connects, sends, reads and closes.
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

/// An OPTIONS request without a session.
pub fn options(url: impl IntoUrl) -> RequestBuilder<'static> {
    request("OPTIONS", url)
}

/// A HEAD request without a session. By default it does not follow redirects.
pub fn head(url: impl IntoUrl) -> RequestBuilder<'static> {
    request("HEAD", url).allow_redirects(false)
}

/// A POST request without a session.
pub fn post(url: impl IntoUrl) -> RequestBuilder<'static> {
    request("POST", url)
}

/// A PUT request without a session.
pub fn put(url: impl IntoUrl) -> RequestBuilder<'static> {
    request("PUT", url)
}

/// A PATCH request without a session.
pub fn patch(url: impl IntoUrl) -> RequestBuilder<'static> {
    request("PATCH", url)
}

/// A DELETE request without a session.
pub fn delete(url: impl IntoUrl) -> RequestBuilder<'static> {
    request("DELETE", url)
}

/// A request of any method, without a session.
pub fn request(method: impl IntoMethod, url: impl IntoUrl) -> RequestBuilder<'static> {
    RequestBuilder::one_shot(|session| session.request(method, url))
}
