//! curl: libcurl's easy interface, a handle for each thread.

use std::cell::RefCell;
use std::io::Read;

use compare_client::{Peer, Setup, bytes};
use curl::easy::{Easy, List};

struct Curl;

thread_local! {
    static KEPT: RefCell<Easy> = RefCell::new(Easy::new());
}

fn get(easy: &mut Easy, url: &str, mut take: impl FnMut(&[u8])) {
    easy.url(url).expect("a URL");
    let mut transfer = easy.transfer();
    transfer
        .write_function(|data| {
            take(data);
            Ok(data.len())
        })
        .expect("a function");
    transfer.perform().expect("an answer");
}

fn text(easy: &mut Easy, url: &str) -> usize {
    let mut body = Vec::new();
    get(easy, url, |data| body.extend_from_slice(data));
    String::from_utf8(body).expect("a text").len()
}

impl Peer for Curl {
    fn new(_setup: &Setup) -> Self {
        Self
    }

    fn text(&self, url: &str) -> Option<usize> {
        KEPT.with_borrow_mut(|easy| Some(text(easy, url)))
    }

    fn once(setup: &Setup) -> Option<usize> {
        Some(text(&mut Easy::new(), &setup.url))
    }

    /// It has its own buffer, and hands out parts of that.
    fn read(&self, url: &str, _buffer: &mut [u8]) -> Option<usize> {
        KEPT.with_borrow_mut(|easy| {
            easy.accept_encoding("gzip").expect("an option");
            let mut length = 0;
            get(easy, url, |data| length += data.len());
            Some(length)
        })
    }

    fn content(&self, url: &str) -> Option<usize> {
        KEPT.with_borrow_mut(|easy| {
            let mut body = Vec::new();
            get(easy, url, |data| body.extend_from_slice(data));
            Some(body.len())
        })
    }

    fn upload(&self, url: &str, length: usize) -> Option<usize> {
        KEPT.with_borrow_mut(|easy| {
            let mut headers = List::new();
            // It would wait for the server's leave.
            headers.append("Expect:").expect("a header");
            easy.url(url).and_then(|()| easy.post(true)).expect("a URL");
            easy.post_field_size(length as u64).and_then(|()| easy.http_headers(headers)).expect("options");
            easy.upload_buffer_size(compare_client::BLOCK).expect("a size");
            let mut body = bytes(length);
            let mut transfer = easy.transfer();
            transfer.read_function(move |buffer| Ok(body.read(buffer).expect("a reader"))).expect("a function");
            transfer.write_function(|data| Ok(data.len())).expect("a function");
            transfer.perform().expect("an answer");
            Some(length)
        })
    }
}

fn main() {
    compare_client::main::<Curl>();
}
