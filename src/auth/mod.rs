//! Authentication: implementations of [`Auth`](crate::Auth), and netrc, the file of users by host.

mod basic;
mod bearer;
mod digest;
pub(crate) mod netrc;

pub use basic::{BasicAuth, ProxyAuth};
pub use bearer::BearerAuth;
pub use digest::DigestAuth;
