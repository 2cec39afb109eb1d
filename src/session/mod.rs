//! Sessions: settings, a cookie jar and a table of adapters; and what they do with a request.
//!
//! `session` is the value that programs hold. `prepare` merges its settings into a request (no IO, but a look at netrc),
//! `hops` is the loop of redirects, `exchange` one hop with its hooks and auth rounds, `redirect` and `strip_auth` the rules
//! of redirects (pure), `mounts` the table of adapters, `paginate` a loop over linked pages.

mod ca_bundle;
mod default_headers;
mod exchange;
mod hops;
mod mounts;
mod paginate;
mod prepare;
mod redirect;
mod request_builder;
mod session;
mod strip_auth;

pub use paginate::Pages;
pub use request_builder::RequestBuilder;
pub use session::Session;
