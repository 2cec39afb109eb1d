//! One-shot functions: each uses a session of its own, which is closed before the function returns.

use crate::message::request::IntoMethod;
use crate::session::RequestBuilder;
use crate::url::IntoUrl;

/// A GET request without a session: connects, sends, reads and closes.
///
/// There is no timeout unless one is set. Errors are those of [`send`](RequestBuilder::send). For more than one request to a
/// host, a [`Session`](crate::Session) is faster, because it keeps the connection.
///
/// # Examples
/// ```no_run
/// let response = petition::get("http://127.0.0.1:8000/get")
///     .params([("k", "v")])
///     .timeout(5)
///     .send()?;
/// println!("{} {}", response.status_code(), response.text()?);
/// # Ok::<(), petition::Error>(())
/// ```
pub fn get(url: impl IntoUrl) -> RequestBuilder<'static> {
    request("GET", url)
}

/// An OPTIONS request without a session, as [`get`] sends one.
///
/// # Examples
/// ```no_run
/// let response = petition::options("http://127.0.0.1:8000/").timeout(5).send()?;
/// println!("{:?}", response.headers().get("allow"));
/// # Ok::<(), petition::Error>(())
/// ```
pub fn options(url: impl IntoUrl) -> RequestBuilder<'static> {
    request("OPTIONS", url)
}

/// A HEAD request without a session, as [`get`] sends one. By default it does not follow redirects.
///
/// # Examples
/// ```no_run
/// let response =
///     petition::head("http://127.0.0.1:8000/big.iso").timeout(5).send()?;
/// println!("{:?} bytes", response.content_length());
/// # Ok::<(), petition::Error>(())
/// ```
pub fn head(url: impl IntoUrl) -> RequestBuilder<'static> {
    request("HEAD", url).allow_redirects(false)
}

/// A POST request without a session, as [`get`] sends one.
///
/// # Examples
/// ```no_run
/// petition::post("http://127.0.0.1:8000/login")
///     .data([("user", "me"), ("password", "secret")])
///     .timeout(5)
///     .send()?;
/// # Ok::<(), petition::Error>(())
/// ```
pub fn post(url: impl IntoUrl) -> RequestBuilder<'static> {
    request("POST", url)
}

/// A PUT request without a session, as [`get`] sends one.
///
/// # Examples
/// ```no_run
/// let file = std::fs::File::open("report.pdf")?;
/// petition::put("http://127.0.0.1:8000/report.pdf")
///     .data(file)
///     .timeout(5)
///     .send()?
///     .raise_for_status()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn put(url: impl IntoUrl) -> RequestBuilder<'static> {
    request("PUT", url)
}

/// A PATCH request without a session, as [`get`] sends one.
///
/// # Examples
/// ```no_run
/// petition::patch("http://127.0.0.1:8000/items/1")
///     .data([("name", "new")])
///     .timeout(5)
///     .send()?;
/// # Ok::<(), petition::Error>(())
/// ```
pub fn patch(url: impl IntoUrl) -> RequestBuilder<'static> {
    request("PATCH", url)
}

/// A DELETE request without a session, as [`get`] sends one.
///
/// # Examples
/// ```no_run
/// petition::delete("http://127.0.0.1:8000/items/1")
///     .timeout(5)
///     .send()?
///     .raise_for_status()?;
/// # Ok::<(), petition::Error>(())
/// ```
pub fn delete(url: impl IntoUrl) -> RequestBuilder<'static> {
    request("DELETE", url)
}

/// A request of any method without a session, as [`get`] sends one.
///
/// A method that is not a token is [`ErrorKind::InvalidMethod`](crate::ErrorKind::InvalidMethod) when the request is sent.
///
/// # Examples
/// ```no_run
/// let response = petition::request("PROPFIND", "http://127.0.0.1:8000/")
///     .header("Depth", 1)
///     .timeout(5)
///     .send()?;
/// # Ok::<(), petition::Error>(())
/// ```
pub fn request(method: impl IntoMethod, url: impl IntoUrl) -> RequestBuilder<'static> {
    RequestBuilder::one_shot(|session| session.request(method, url))
}
