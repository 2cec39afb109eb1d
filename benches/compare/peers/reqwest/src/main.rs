//! reqwest: a blocking client that all threads share.

use std::io::Read;

use compare_client::{Peer, Setup, bytes};
use reqwest::blocking::{Body, Client};

struct Reqwest(Client);

impl Peer for Reqwest {
    fn new(_setup: &Setup) -> Self {
        Self(Client::new())
    }

    fn text(&self, url: &str) -> Option<usize> {
        Some(self.0.get(url).send().and_then(|response| response.text()).expect("a text").len())
    }

    fn once(setup: &Setup) -> Option<usize> {
        Some(reqwest::blocking::get(&setup.url).and_then(|response| response.text()).expect("a text").len())
    }

    fn read(&self, url: &str, buffer: &mut [u8]) -> Option<usize> {
        let mut response = self.0.get(url).send().expect("a head");
        let mut length = 0;
        loop {
            match response.read(buffer).expect("a body") {
                0 => return Some(length),
                read => length += read,
            }
        }
    }

    fn content(&self, url: &str) -> Option<usize> {
        Some(self.0.get(url).send().and_then(|response| response.bytes()).expect("a body").len())
    }

    fn upload(&self, url: &str, length: usize) -> Option<usize> {
        let body = Body::sized(bytes(length), length as u64);
        self.0.post(url).body(body).send().and_then(|response| response.text()).expect("an answer");
        Some(length)
    }
}

fn main() {
    compare_client::main::<Reqwest>();
}
