//! Real traffic, recorded once and replayed afterwards, as vcrpy does for requests.
//!
//! `recorder` is the adapter; `tee` listens to a response while the program reads it. An `interaction` is a request with its
//! response, `cassette` the file of them, and `matching` says which recorded request an actual one is. `secrets` is what must not
//! get into the file: it remembers `values`, and finds them however they are `written`, in the parts of a URL (`url_places`) too.
//! `masks` is what takes their place.

mod cassette;
mod interaction;
mod masks;
mod matching;
mod recorder;
mod secrets;
mod tee;
mod url_places;
mod values;
mod written;

pub use matching::MatchOn;
pub use recorder::Recorder;
