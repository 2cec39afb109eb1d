//! URLs, as requests understands them.
//!
//! A [`Url`] is text that is prepared once and never changes. What is shown, what is sent, and what pools and cookies are
//! looked up by are slices of it. It knows nothing about requests, proxies or sockets. Invariants: what is read from a
//! `Url` can go on the wire as it is, and only the whole text shows user info.

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
