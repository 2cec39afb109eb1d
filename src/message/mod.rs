//! What is sent and what comes back: requests, responses, and the traits and closures that they carry.

pub(crate) mod auth;
pub(crate) mod prepared;
pub(crate) mod response;

pub use auth::Auth;
pub use prepared::PreparedRequest;
pub use response::Response;
