//! For tests of programs that use this crate (feature `testing`): a scripted server, an adapter without a network, recorded
//! traffic, a proxy that breaks connections, a clock that does not wait, and a timeline that draws what pools did.
//!
//! | to test | use |
//! |---|---|
//! | what a program sends and how it handles answers and failures | [`MockAdapter`] |
//! | a program against the traffic of a real server, without that server | `Recorder` (feature `json`) |
//! | what happens on the wire, over TCP and TLS | [`TestServer`] |
//! | a program whose network is bad: cuts, resets, black holes | [`ChaosProxy`] |
//! | backoff and limits on time | [`FakeClock`] |
//! | which thread has which connection when, and who waits | [`Timeline`] |

mod authority;
mod chaos;
mod clock;
mod fault;
mod listening;
mod mock;
mod mock_request;
mod mock_rule;
mod own_authority;
mod received;
#[cfg(feature = "json")]
mod recorder;
mod reply;
mod request;
mod server;
mod timeline;
mod timeline_svg;
mod tls;
mod url_pattern;

pub use chaos::ChaosProxy;
pub use clock::FakeClock;
pub use fault::Fault;
pub use mock::MockAdapter;
pub use mock_request::MockRequest;
pub use mock_rule::IntoAnswer;
#[cfg(feature = "json")]
pub use recorder::{MatchOn, Recorder};
pub use reply::Reply;
pub use request::TestRequest;
pub use server::{Peer, TestServer, TestServerBuilder, serve};
pub use timeline::Timeline;
pub use url_pattern::{IntoUrlPattern, Prefix, prefix};
