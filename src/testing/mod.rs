//! What tests of a program that uses this crate need: a scripted server, an adapter without a network, a clock that does
//! not wait. Behind the feature `testing`; the crate's own tests and examples use it too.

mod clock;
mod mock;
mod server;

pub use clock::FakeClock;
pub use mock::MockAdapter;
pub use server::{Peer, Reply, TestRequest, TestServer, TestServerBuilder, serve};
