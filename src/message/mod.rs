//! Requests and responses, their bodies, and the traits and closures that they carry.

// First, so that its methods come first in the documentation of a response.
pub(crate) mod response;

pub(crate) mod auth;
pub(crate) mod body;
pub(crate) mod charset;
pub(crate) mod coding;
mod curl;
mod ends;
pub(crate) mod events;
pub(crate) mod history;
pub(crate) mod hooks;
mod interop;
#[cfg(feature = "json")]
pub(crate) mod json_text;
pub(crate) mod lines;
pub(crate) mod links;
pub(crate) mod params;
pub(crate) mod prepared;
mod readers;
mod reading;
pub(crate) mod request;
pub(crate) mod seldom;
pub(crate) mod stream;
mod text_pieces;

pub use auth::{Auth, IntoAuth};
pub use body::{Body, BodyReader};
pub use charset::TextEncoding;
pub use events::{Event, EventId, Events};
pub use hooks::Hooks;
pub use lines::Lines;
pub use links::Link;
pub use params::{IntoParam, IntoParams};
pub use prepared::PreparedRequest;
pub use readers::{IterContent, Raw, Reader};
pub use request::{IntoMethod, Request};
pub use response::{Exchange, Response, ResponseBuilder, Version};
pub use text_pieces::IterText;
