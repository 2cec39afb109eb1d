//! petition against Python requests 2.34.2: the same requests, the same responses, the same faults.
//!
//! `python` starts the other side; a machine without it says so and passes, one with `PETITION_REQUIRE_PEERS=1` fails. The
//! faults are compared with a table that requests filled in once, so they need no Python.

#[path = "../wire/support/mod.rs"]
mod support;

#[cfg(target_os = "linux")]
mod faults;
mod python;
#[cfg(all(feature = "json", feature = "digest", feature = "gzip"))]
mod requests;
#[cfg(all(feature = "gzip", feature = "charset"))]
mod responses;
#[cfg(all(feature = "json", feature = "digest", feature = "gzip"))]
mod wire_case;
#[cfg(all(feature = "json", feature = "digest", feature = "gzip"))]
mod wire_normal;
