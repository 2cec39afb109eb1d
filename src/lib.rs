//! A blocking HTTP/1.1 client with the API and behaviour of Python's requests.
//!
//! ```no_run
//! let text = petition::get("https://example.com/").timeout(5).send()?.text()?;
//! # #[cfg(feature = "json")] {
//! let ids: Vec<u32> = petition::get("https://example.com/ids").send()?.json()?;
//! # }
//! petition::post("https://example.com/").data([("user", "me")]).send()?;
//! petition::get("https://example.com/f").stream(true).send()?.save_to("f.bin")?;
//! # Ok::<(), petition::Error>(())
//! ```
//!
//! Each of these functions opens and closes a connection of its own. Requests that belong together share a [`Session`]: its
//! settings, cookies and connections. A session can be shared by threads, which wait for each other when its pool is in use.
//!
//! ```
//! use petition::{HttpAdapter, Retry, Session};
//! # use petition::{PreparedRequest, Response, SendOptions};
//! # use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
//! # static SEEN: AtomicUsize = AtomicUsize::new(0);
//!
//! let mut session = Session::new();
//! # session.trust_env = false; // no proxy of this machine
//! session.set_timeout((3.05, 27)); // seconds: connect, read
//! let retry = Retry::new()
//!     .total(3)
//!     .backoff_factor(0.5)
//!     .status_forcelist([500, 502, 503, 504]);
//! let adapter = HttpAdapter::builder().pool_maxsize(8).pool_block(true);
//! session.mount("https://", adapter.max_retries(retry).build());
//! # session.mount("https://api.example.com/", |_: &mut PreparedRequest, _: &SendOptions| {
//! #     SEEN.fetch_add(1, SeqCst);
//! #     Response::builder(200).body("[]").build()
//! # });
//!
//! let session = &session; // configured: share it
//! std::thread::scope(|scope| {
//!     for page in 0..8 {
//!         let request =
//!             session.get("https://api.example.com/items").param("page", page);
//!         scope.spawn(move || request.send()?.error_for_status()?.text());
//!     }
//! });
//! # assert_eq!(SEEN.load(SeqCst), 8);
//! ```
//!
//! There is no async runtime. From async code, call it where blocking is allowed (`spawn_blocking`).
//!
//! # Set a timeout
//!
//! As in requests there is none by default, so a server that does not answer blocks its caller forever. Set
//! [`Session::timeout`] first: `(connect, read)` in seconds, or a [`Timeout`] with a limit on the whole request.
//!
//! # Where to look
//!
//! | for | see |
//! |---|---|
//! | one request | [`get`], [`post`], [`request`] and so on; [`RequestBuilder`] has all settings |
//! | settings and cookies that requests share | [`Session`] |
//! | pools, sockets, TLS | [`HttpAdapter`] and its builder |
//! | Unix sockets | [`UnixAdapter`] |
//! | retries | [`Retry`], [`retry`], [`RetryBudget`] |
//! | back-pressure by time | [`RateLimit`], [`AdaptiveLimit`], [`HttpAdapterBuilder::pause_on_retry_after`] |
//! | responses | [`Response`] |
//! | errors | [`Error`], [`ErrorKind`] |
//! | custom transports | [`Adapter`], [`adapter_fn`] |
//! | downloads to files, which survive broken connections | [`RequestBuilder::download`] |
//! | tests | `testing` (feature `testing`) |
//!
//! # Features
//!
//! | feature | default | for |
//! |---|---|---|
//! | `native-tls` | yes | https with the system's TLS library |
//! | `native-tls-vendored` | | OpenSSL built from source, if its headers are not installed |
//! | `rustls` | | https with rustls, chosen on the adapter |
//! | `gzip` | yes | gzip and deflate bodies |
//! | `brotli`, `zstd` | | br and zstd bodies |
//! | `charset` | yes | text in charsets other than UTF-8, UTF-16, UTF-32 and Latin-1 |
//! | `charset-detect` | | `apparent_encoding` guessed from the content |
//! | `json` | yes | JSON bodies, with serde |
//! | `digest` | yes | Digest authentication; certificate pins; the SHA-256 of downloads |
//! | `psl` | | public suffixes are rejected as cookie domains |
//! | `socks` | | SOCKS proxies |
//! | `testing` | | mocks, recorded traffic, a test server (also with TLS), a clock that does not wait |
//!
//! Without any of them plain HTTP works.
//!
//! # Log lines
//!
//! The crate logs through [`log`]. The lines that urllib3 also has are the same word for word, so that users of
//! requests find what they search for: `Starting new HTTPS connection (1): host:443`, `Resetting dropped connection:
//! host`, and so on. Headers, the values of cookies, and bodies are never logged.
//!
//! | target | level | lines |
//! |---|---|---|
//! | `petition::connectionpool` | debug | a new or dropped connection, the status and length of a response, a retry after a response |
//! | `petition::connectionpool` | warn | a full pool, a retry after a broken connection, skipped header lines |
//! | `petition::pool` | debug | a thread that has to wait for a connection, or for the pace of an origin; no thread for `reap_idle` |
//! | `petition::pool` | warn | a thread that has waited for 5 s, once for each wait |
//! | `petition::retry` | debug | the remaining counts of a `Retry`, also of one made from a number; a retry without a token |
//! | `petition::redirect` | debug | where a redirect comes from, and where it leads |
//! | `petition::adapter` | debug | why a connection is closed rather than kept |
//! | `petition::tls` | warn | a host whose certificate is not verified, once per adapter |
//! | `petition::cookies` | debug | a rejected cookie, and the reason |
//! | `petition::cookies` | warn | a cookie that cannot be written to a file, a line of a file that is none |
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod adapter;
mod api;
mod auth;
mod cancel;
pub mod clock;
mod cookies;
mod error;
mod form;
// Only for `fuzz/`, and for the tests of its corpora.
#[cfg(all(feature = "testing", any(test, fuzzing)))]
#[doc(hidden)]
pub mod fuzzing;
mod headers;
mod http1;
mod log_targets;

// The pages are written for the default features; some are about tests.
#[cfg(all(doctest, feature = "native-tls", feature = "json", feature = "digest", feature = "testing"))]
mod guides;
mod message;
mod net;
mod pace;
mod pair;
mod pool;
mod proxy;
pub mod retry;
mod semantics;
mod session;
mod setting;
mod status;
#[cfg(test)]
mod temp_dir;
#[cfg(feature = "testing")]
pub mod testing;
mod text;
mod timeout;
mod url;
mod verify;
mod whole_file;

pub use adapter::{Adapter, HttpAdapter, HttpAdapterBuilder, SendOptions, UnixAdapter, adapter_fn};
pub use api::{delete, get, head, options, patch, post, put, request};
pub use auth::{BasicAuth, BearerAuth, DigestAuth, ProxyAuth};
pub use cancel::{Cancel, CancelGuard};
pub use clock::Clock;
pub use cookies::{Cookie, CookieJar, IntoCookie, SameSite};
pub use error::{Error, ErrorKind, Result};
pub use form::{IntoPart, Multipart, Part};
pub use headers::{Headers, IntoHeaderValue, IntoHeaders};
pub use http::{Method, StatusCode};
pub use message::{
    Auth, Body, BodyReader, Event, EventId, Events, Exchange, Hooks, IntoAuth, IntoMethod, IntoParam, IntoParams,
    IterContent, IterText, Lines, Link, PreparedRequest, Raw, Reader, Request, Response, ResponseBuilder, TextEncoding,
    Version,
};
pub use net::{Pin, TlsBackend, TlsVersion};
pub use pace::{AdaptiveLimit, RateLimit, RetryBudget};
pub use pair::Pair;
pub use pool::{DiscardReason, PoolEvent, PoolStats, WaitReason};
pub use proxy::Proxies;
pub use retry::Retry;
pub use session::{Download, Downloaded, Pages, RequestBuilder, Session};
pub use setting::IntoSetting;
pub use status::IntoStatus;
pub use timeout::{IntoDuration, IntoLimit, Timeout};
pub use url::{IntoUrl, Url};
pub use verify::{Authorities, ClientCert, IntoAuthorities, Verify};
