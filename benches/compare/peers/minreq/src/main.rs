//! minreq: functions only; a connection for each request, bodies sent from memory, nothing decoded.

use std::io::Read;

use compare_client::{Peer, Setup};

struct Minreq;

impl Peer for Minreq {
    fn new(_setup: &Setup) -> Self {
        Self
    }

    fn text(&self, url: &str) -> Option<usize> {
        Some(minreq::get(url).send().expect("an answer").as_str().expect("a text").len())
    }

    fn read(&self, url: &str, buffer: &mut [u8]) -> Option<usize> {
        if url.ends_with("/gzip") {
            return None;
        }
        let mut response = minreq::get(url).send_lazy().expect("a head");
        let mut length = 0;
        loop {
            match response.read(buffer).expect("a body") {
                0 => return Some(length),
                read => length += read,
            }
        }
    }

    fn content(&self, url: &str) -> Option<usize> {
        Some(minreq::get(url).send().expect("an answer").into_bytes().len())
    }
}

fn main() {
    compare_client::main::<Minreq>();
}
