//! attohttpc: a session; it makes a connection for each request.

use std::io::{Read, Write};

use attohttpc::Session;
use attohttpc::body::{Body, BodyKind};
use compare_client::{Peer, Setup, bytes};

struct Atto(Session);

/// Its own bodies are files and bytes.
struct Reader(usize);

impl Body for Reader {
    fn kind(&mut self) -> std::io::Result<BodyKind> {
        Ok(BodyKind::KnownLength(self.0 as u64))
    }

    fn write<W: Write>(&mut self, mut writer: W) -> std::io::Result<()> {
        std::io::copy(&mut bytes(self.0), &mut writer).map(drop)
    }
}

impl Peer for Atto {
    fn new(_setup: &Setup) -> Self {
        Self(Session::new())
    }

    fn text(&self, url: &str) -> Option<usize> {
        Some(self.0.get(url).send().and_then(|response| response.text()).expect("a text").len())
    }

    fn once(setup: &Setup) -> Option<usize> {
        Some(attohttpc::get(&setup.url).send().and_then(|response| response.text()).expect("a text").len())
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
        self.0.post(url).body(Reader(length)).send().and_then(|response| response.text()).expect("an answer");
        Some(length)
    }
}

fn main() {
    compare_client::main::<Atto>();
}
