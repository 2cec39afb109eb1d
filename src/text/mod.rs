//! Text rules that more than one layer needs: each rule is here once, below all layers, so that no layer has its own
//! copy.
//!
//! Text and bytes in, text and bytes out. Nothing here knows about requests, complete URLs, sockets or the current
//! time.

pub(crate) mod authority;
pub(crate) mod basic;
pub(crate) mod calendar;
pub(crate) mod http_date;
pub(crate) mod latin1;
pub(crate) mod mark;
pub(crate) mod percent;
pub(crate) mod printable;
pub(crate) mod secret_name;
pub(crate) mod shown;
