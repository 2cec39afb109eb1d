//! A response of a test, as an adapter makes one of what came over the wire.
//!
//! Its headers are those of a peer, which may have what a program's own must not: a control byte in a value, a name that is no
//! token. So it is not made by the builder, which checks them as a program's.

use crate::http1::head::ResponseHead;
use crate::message::coding::DecodeLimits;
use crate::message::response::Parts;
use crate::message::stream::BodySource;
use crate::message::{Exchange, Response};

/// `None` is no body, or an empty one.
pub(super) fn received(head: ResponseHead, body: Option<Box<dyn BodySource>>) -> Response {
    Response::from_parts(Parts {
        status: head.status,
        reason: head.reason,
        version: head.version,
        headers: head.headers,
        limits: DecodeLimits::default(),
        body,
        content: None,
        closer: None,
        exchange: Exchange::default(),
        answered: None,
        retries: None,
    })
}
