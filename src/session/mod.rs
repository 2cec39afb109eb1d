//! Sessions: settings, a cookie jar and a table of adapters, and what they do with a request.
//!
//! `session` is the value that programs hold; `request_builder` and `request_setters` make its requests. `prepare` merges its
//! settings into a request (no IO, except for netrc), `hops` is the loop over redirects, `exchange` one hop with its hooks and
//! auth rounds, `redirect` and `strip_auth` are the rules for redirects, `auth_headers` notes what an auth changed (all three
//! pure), `mounts` is the table of adapters, and `paginate` a loop over linked pages.

// First, so that its methods come first in the documentation of a session.
mod session;

mod auth_headers;
mod ca_bundle;
mod default_headers;
mod download;
mod exchange;
mod hops;
mod mounts;
mod paginate;
mod prepare;
mod redirect;
mod request_builder;
mod request_setters;
mod strip_auth;

pub use download::{Download, Downloaded};
pub use paginate::Pages;
pub use request_builder::RequestBuilder;
pub use session::Session;
