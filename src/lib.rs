//! petition
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod clock;
#[allow(dead_code, unused_imports)]
mod cookies;
mod error;
mod headers;
#[allow(dead_code)]
mod http1;
mod message;
#[allow(dead_code, unused_imports)] // used by the adapter
#[allow(dead_code, unused_imports)] // until the adapter uses it
mod net;
#[allow(dead_code, unused_imports)] // until the adapter uses it
mod pool;
pub mod retry;
mod timeout;
#[allow(dead_code)]
mod url;
mod verify;

pub use cookies::{Cookie, CookieJar, IntoCookie, SameSite};
pub use error::{Error, ErrorKind, Result};
pub use headers::Headers;
pub use http::{Method, StatusCode};
pub use message::{Auth, PreparedRequest, Response};
pub use net::{Pin, TlsBackend, TlsVersion};
pub use pool::PoolStats;
pub use retry::Retry;
pub use timeout::Timeout;
pub use url::Url;
pub use verify::{ClientCert, Verify};
pub use url::{IntoUrl, Url};
