//! URLs, as requests understands them.
//!
//! [`Url`] is text that has been prepared once and is never changed: what is shown, what is sent and what pools and
//! cookies are looked up by are slices of it. It knows nothing of requests, proxies or sockets. What must hold:
//! whatever is read from a `Url` can go on the wire as it is, and nothing here ever prints user info unless the whole
//! text is asked for.

mod convert;
mod encode;
mod host;
mod idna;
mod join;
mod layout;
mod prepare;
#[cfg(test)]
mod tests;
mod url;

pub use self::url::Url;
pub use convert::IntoUrl;
pub(crate) use prepare::dissect;
