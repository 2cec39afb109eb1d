//! Downloads that go on where a connection broke.
//!
//! `builder` is what the program calls, `fetch` the loop of requests and the copying. The rules are pure: `validator` says
//! which part of which file can be asked for (RFC 9110 §13.1.5), `answer` what an answer means for what there is already,
//! `state` what is noted beside a part for a later run. `sink` is where the bytes go.

mod answer;
mod builder;
mod checksum;
mod fetch;
mod sink;
mod state;
mod validator;

pub use builder::{Download, Downloaded};
