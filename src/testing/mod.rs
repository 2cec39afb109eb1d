//! For tests of programs that use this crate: a scripted server, an adapter without a network, and a clock that does
//! not wait. Requires the feature `testing`; the crate's own tests and examples use it too.

mod clock;
mod mock;
mod server;

pub use clock::FakeClock;
pub use mock::MockAdapter;
pub use server::{Peer, Reply, TestRequest, TestServer, TestServerBuilder, serve};
