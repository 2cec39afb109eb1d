//! The ways to authenticate: implementations of [`Auth`](crate::Auth), and the file that names users by host.

mod basic;
mod bearer;
mod digest;
pub(crate) mod netrc;

pub use basic::{BasicAuth, ProxyAuth};
pub use bearer::BearerAuth;
pub use digest::DigestAuth;
