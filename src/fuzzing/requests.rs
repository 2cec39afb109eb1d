//! The head of a request, from what a program may take from a stranger: a method, a target, headers.

use crate::Headers;
use crate::http1::request_head::{Automatic, write};

/// Invariant: a head is refused, or another parser reads the method, the target and the headers that were set, and no more.
pub fn request_head(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut fields = text.split('\u{1}');
    let (method, target) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
    let mut headers = Headers::new();
    let mut set = Vec::new();
    while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
        if set.len() < 20 && headers.append(name, value).is_ok() {
            set.push((name, value));
        }
    }
    // The other parser knows fewer methods.
    if !method.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return;
    }
    let automatic = Automatic { host: Some("a.test"), user_agent: Some("agent"), ..Automatic::default() };
    let mut head = b"before".to_vec();
    if write(&mut head, method, target, automatic, &headers).is_err() {
        assert_eq!(head, b"before", "what is refused leaves nothing behind");
        return;
    }

    let mut room = [httparse::EMPTY_HEADER; 32];
    let mut read = httparse::Request::new(&mut room);
    let length = read.parse(&head[6..]).expect("it is a head");
    assert_eq!(length, httparse::Status::Complete(head.len() - 6), "one head and nothing behind it");
    assert_eq!((read.method, read.path, read.version), (Some(method), Some(target), Some(1)));
    for (name, value) in &set {
        let sent = value.trim_matches([' ', '\t']);
        let is_that = |header: &&httparse::Header<'_>| {
            let text = crate::text::latin1::to_text(header.value);
            header.name.eq_ignore_ascii_case(name) && text.trim_matches([' ', '\t']) == sent
        };
        assert!(read.headers.iter().any(|header| is_that(&header)), "{name:?}: {value:?}");
    }
    let own = |name: &str| usize::from(!set.iter().any(|(set, _)| set.eq_ignore_ascii_case(name)));
    assert_eq!(read.headers.len(), set.len() + own("host") + own("user-agent"));
}
