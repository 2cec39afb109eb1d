//! Spellings that more than one layer needs: each rule once, below everything, so that no layer has a copy of its own.
//!
//! Text and bytes in, text and bytes out. Nothing here knows a request, a whole URL, a socket or the current time.

pub(crate) mod authority;
pub(crate) mod basic;
pub(crate) mod calendar;
pub(crate) mod http_date;
pub(crate) mod latin1;
pub(crate) mod percent;
