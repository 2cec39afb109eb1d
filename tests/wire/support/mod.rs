//! What tests share. A helper that a second file needs comes here, and is here once.
//!
//! `tests/wire` uses most of it; the other test programs include this folder by its path and use a part.
#![allow(dead_code, unused_imports, reason = "each test program uses its own part")]

#[path = "../../../src/testing/authority.rs"]
mod authority;
mod black_hole;
mod bodies;
mod causes;
mod child;
mod journal;
mod log_lines;
mod relay;
mod servers;
mod sessions;
mod temp_dir;
mod tls;
mod tunnels;
mod waiting;

pub use authority::*;
#[cfg(target_os = "linux")]
pub use black_hole::*;
pub use bodies::*;
pub use causes::*;
pub use child::*;
pub use journal::*;
pub use log_lines::*;
pub use relay::*;
pub use servers::*;
pub use sessions::*;
pub use temp_dir::*;
#[cfg(any(feature = "native-tls", feature = "rustls"))]
pub use tls::*;
#[cfg(feature = "native-tls")]
pub use tunnels::*;
pub use waiting::*;
