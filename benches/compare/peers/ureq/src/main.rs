//! ureq: an agent that all threads share.

use std::io::Read;

use compare_client::{Peer, Setup, bytes};
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};
use ureq::{Agent, SendBody};

struct Ureq(Agent);

impl Peer for Ureq {
    fn new(setup: &Setup) -> Self {
        let tls = TlsConfig::builder().provider(TlsProvider::NativeTls).root_certs(RootCerts::PlatformVerifier).build();
        // It keeps three of one host unless told.
        let kept = setup.threads.max(3);
        let config = Agent::config_builder().tls_config(tls).max_idle_connections_per_host(kept);
        Self(config.max_idle_connections(kept).build().new_agent())
    }

    fn text(&self, url: &str) -> Option<usize> {
        Some(self.0.get(url).call().expect("a head").body_mut().read_to_string().expect("a text").len())
    }

    fn once(setup: &Setup) -> Option<usize> {
        Some(ureq::get(&setup.url).call().expect("a head").body_mut().read_to_string().expect("a text").len())
    }

    fn read(&self, url: &str, buffer: &mut [u8]) -> Option<usize> {
        let mut response = self.0.get(url).call().expect("a head");
        let mut reader = response.body_mut().as_reader();
        let mut length = 0;
        loop {
            match reader.read(buffer).expect("a body") {
                0 => return Some(length),
                read => length += read,
            }
        }
    }

    fn content(&self, url: &str) -> Option<usize> {
        let mut response = self.0.get(url).call().expect("a head");
        Some(response.body_mut().with_config().limit(u64::MAX).read_to_vec().expect("a body").len())
    }

    fn upload(&self, url: &str, length: usize) -> Option<usize> {
        let mut body = bytes(length);
        let request = self.0.post(url).header("Content-Length", length.to_string());
        request.send(SendBody::from_reader(&mut body)).expect("an answer").body_mut().read_to_string().expect("a text");
        Some(length)
    }
}

fn main() {
    compare_client::main::<Ureq>();
}
