//! isahc: a client that all threads share, with libcurl in a thread of its own.

use std::io::Read;

use compare_client::{Peer, Setup, bytes};
use isahc::config::{Configurable, ExpectContinue};
use isahc::{Body, HttpClient, ReadResponseExt};

struct Isahc(HttpClient);

impl Peer for Isahc {
    fn new(_setup: &Setup) -> Self {
        // It would wait a second for the server's leave to send a body.
        let builder = HttpClient::builder().expect_continue(ExpectContinue::disabled());
        Self(builder.build().expect("a client"))
    }

    fn text(&self, url: &str) -> Option<usize> {
        Some(self.0.get(url).expect("a head").text().expect("a text").len())
    }

    fn read(&self, url: &str, buffer: &mut [u8]) -> Option<usize> {
        let mut response = self.0.get(url).expect("a head");
        let mut length = 0;
        loop {
            match response.body_mut().read(buffer).expect("a body") {
                0 => return Some(length),
                read => length += read,
            }
        }
    }

    fn content(&self, url: &str) -> Option<usize> {
        Some(self.0.get(url).expect("a head").bytes().expect("a body").len())
    }

    fn upload(&self, url: &str, length: usize) -> Option<usize> {
        let body = Body::from_reader_sized(bytes(length), length as u64);
        self.0.post(url, body).expect("a head").text().expect("an answer");
        Some(length)
    }
}

fn main() {
    compare_client::main::<Isahc>();
}
