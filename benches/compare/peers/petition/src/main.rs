//! petition: a session that all threads share.

use std::io::Read;

use compare_client::{Peer, Setup, bytes};
use petition::{Body, HttpAdapter, Session};

struct Petition(Session);

impl Peer for Petition {
    fn new(setup: &Setup) -> Self {
        let mut session = Session::new();
        if setup.slots > 0 {
            session.mount("http://", HttpAdapter::builder().pool_maxsize(setup.slots).pool_block(true).build());
        }
        Self(session)
    }

    fn text(&self, url: &str) -> Option<usize> {
        Some(self.0.get(url).send().and_then(|response| response.into_text()).expect("a text").len())
    }

    fn once(setup: &Setup) -> Option<usize> {
        Some(petition::get(&setup.url).send().and_then(|response| response.into_text()).expect("a text").len())
    }

    fn read(&self, url: &str, buffer: &mut [u8]) -> Option<usize> {
        let mut response = self.0.get(url).stream(true).send().expect("a head");
        let mut length = 0;
        loop {
            match response.read(buffer).expect("a body") {
                0 => return Some(length),
                read => length += read,
            }
        }
    }

    fn content(&self, url: &str) -> Option<usize> {
        Some(self.0.get(url).send().and_then(|response| response.into_content()).expect("a body").len())
    }

    fn upload(&self, url: &str, length: usize) -> Option<usize> {
        let body = Body::sized(bytes(length), length as u64);
        self.0.post(url).data(body).send().expect("an answer");
        Some(length)
    }
}

fn main() {
    compare_client::main::<Petition>();
}
