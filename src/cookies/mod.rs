//! Cookies: what a server may set, where it is sent back to, and what a program sees of it.
//!
//! The rules are those of RFC 6265, the interface that of requests' jar. Where the two contradict each other, the RFC
//! wins. `parse` and `date` read a Set-Cookie line, `domain` and `path` say which hosts and paths a cookie belongs to,
//! `store` keeps cookies and is plain data, `jar` puts a lock around it, `netscape` and `json` read and write files.
//!
//! Nothing here knows about URLs, requests or sessions: a request is a [`CookieTarget`], and the time is passed in.

mod convert;
mod cookie;
mod date;
mod domain;
#[cfg(test)]
mod http_state;
mod jar;
#[cfg(feature = "json")]
mod json;
mod netscape;
mod parse;
mod path;
mod store;
#[cfg_attr(not(feature = "psl"), path = "suffixes_unknown.rs")]
mod suffixes;
mod target;

pub use convert::IntoCookie;
pub use cookie::{Cookie, SameSite};
pub use jar::CookieJar;
pub(crate) use target::CookieTarget;
