//! Bodies that cannot be sent twice, and sources that fail.

use std::io::{self, Cursor, Read};

use petition::{Body, Multipart, Part};

/// Every kind of body that can be sent once, with its name.
pub fn one_shot_bodies() -> [(&'static str, Body); 5] {
    [
        ("reader", Body::reader(Cursor::new("data"))),
        ("sized", Body::sized(Cursor::new("data"), 4)),
        ("chunks", Body::chunks(["da", "ta"])),
        ("form of a reader", Multipart::new().part("p", Part::reader(Cursor::new("data"))).into()),
        ("form of a sized reader", Multipart::new().part("p", Part::sized(Cursor::new("data"), 4)).into()),
    ]
}

/// Gives its pieces one by one, then fails.
pub struct Failing(pub Vec<&'static [u8]>);

impl Read for Failing {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() {
            return Err(io::Error::other("the disk is gone"));
        }
        let piece = self.0.remove(0);
        buf[..piece.len()].copy_from_slice(piece);
        Ok(piece.len())
    }
}
