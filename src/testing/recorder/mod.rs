//! Real traffic, recorded once and replayed afterwards, as vcrpy does for requests.
//!
//! `recorder` is the adapter; `tee` listens to a response while the program reads it. An `interaction` is a request with its
//! response, `cassette` the file of them, `matching` says which recorded request an actual one is, and `secrets` what must not
//! get into the file.

mod cassette;
mod interaction;
mod matching;
mod recorder;
mod secrets;
mod tee;

pub use matching::MatchOn;
pub use recorder::Recorder;
