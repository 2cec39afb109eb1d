//! Bodies in both directions: their framing, content codings, lines and events, and forms.

use std::io::Read;

use crate::{Multipart, Part, Response};

/// Gives at most `most` bytes for each read.
struct Torn {
    bytes: Vec<u8>,
    at: usize,
    most: usize,
}

impl Read for Torn {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = self.most.min(out.len()).min(self.bytes.len() - self.at);
        out[..count].copy_from_slice(&self.bytes[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

/// Invariant: a body in pieces is the body in one piece, or the same error, and takes the same bytes of the wire, whether it is
/// copied from a buffer, read in place or read in parts.
pub fn body_decoder(data: &[u8]) {
    crate::http1::invariants::body_decoder(data);
    crate::adapter::invariants::body_reads(data);
}

const CODINGS: [&str; 8] =
    ["gzip", "deflate", "br", "zstd", "gzip, deflate", "deflate, gzip, identity", "zstd, br", "br, gzip"];

/// Invariant: a coded body that arrives in pieces and is read in pieces is the body in one piece, or both are errors.
pub fn content_coding(data: &[u8]) {
    let Some((&[which, most, size], body)) = data.split_first_chunk() else { return };
    let coding = CODINGS[usize::from(which) % CODINGS.len()];
    let response = |most: usize| {
        let reader = Torn { bytes: body.to_vec(), at: 0, most };
        Response::builder(200).header("Content-Encoding", coding).reader(reader).build().expect("it is well-formed")
    };
    let whole = response(body.len().max(1)).into_content();

    let mut torn = Vec::new();
    let mut failed = None;
    for chunk in response(1 + usize::from(most)).iter_content(1 + usize::from(size)) {
        assert!(failed.is_none(), "nothing follows an error");
        match chunk {
            Ok(chunk) => {
                assert!(!chunk.is_empty() && chunk.len() <= 1 + usize::from(size), "a chunk has the size asked for");
                torn.extend_from_slice(&chunk);
            }
            Err(error) => failed = Some(error),
        }
    }

    match (whole, failed) {
        (Ok(whole), None) => assert_eq!(whole, torn),
        (Err(one), Some(other)) => assert_eq!(one.kind(), other.kind()),
        (whole, failed) => panic!("whole: {:?}, torn: {failed:?}", whole.map(|content| content.len())),
    }
}

/// Invariant: the lines, and the events, of a body are the same however it is cut, and hold no more than the body.
pub fn event_stream(data: &[u8]) {
    let Some((&most, body)) = data.split_first() else { return };
    let response = |most: usize| {
        let reader = Torn { bytes: body.to_vec(), at: 0, most };
        let kind = ("Content-Type", "text/event-stream");
        Response::builder(200).header(kind.0, kind.1).reader(reader).build().expect("it is well-formed")
    };
    let lines = |most: usize| -> Vec<String> {
        response(most).iter_lines().map(|line| format!("{:?}", line.map_err(|error| error.kind()))).collect()
    };
    let events = |most: usize| -> Vec<String> {
        response(most).iter_events().map(|event| format!("{:?}", event.map_err(|error| error.kind()))).collect()
    };
    let length: usize = response(usize::MAX).iter_lines().flatten().map(|line| line.len()).sum();

    assert!(length <= body.len());
    assert_eq!(lines(1 + usize::from(most)), lines(usize::MAX));
    assert_eq!(events(1 + usize::from(most)), events(usize::MAX));
}

const BOUNDARY: &str = "XbOuNdArYX";

/// Invariant: a form has the length it announces, and as many parts and header lines as were asked for, whatever the names,
/// types and contents are.
pub fn multipart(data: &[u8]) {
    let Some((&size, rest)) = data.split_first() else { return };
    let mut form = Multipart::new().boundary(BOUNDARY.to_owned());
    let mut lines = 0;
    let mut parts = 0;
    for spec in rest.split(|byte| *byte == 0xff).take(8) {
        let texts: Vec<_> = spec.split(|byte| *byte == 0xfe).map(String::from_utf8_lossy).collect();
        let text = |at: usize| texts.get(at).map(|text| text.as_ref());
        let content = text(1).unwrap_or_default();
        if content.contains(BOUNDARY) {
            return;
        }
        let mut part = Part::bytes(content.as_bytes());
        lines += 1; // Content-Disposition
        if let Some(name) = text(2) {
            part = part.file_name(name.to_owned());
        }
        if let Some(mime) = text(3) {
            part = part.mime(mime.to_owned());
            lines += 1;
        }
        if let (Some(name), Some(value)) = (text(4), text(5)) {
            part = part.header(name, value);
            lines += 1;
        }
        form = form.part(text(0).unwrap_or_default(), part);
        parts += 1;
    }
    // A header that cannot be sent is refused before anything is.
    let Ok(mut open) = form.open() else { return };
    let mut sent = Vec::new();
    let mut buffer = vec![0; 1 + usize::from(size)];
    loop {
        match open.read(&mut buffer).expect("bytes in memory can be read") {
            None => break,
            Some(count) => sent.extend_from_slice(&buffer[..count]),
        }
    }

    assert_eq!(Some(sent.len() as u64), form.length());
    let text = String::from_utf8_lossy(&sent);
    let text = format!("\r\n{text}");
    let delimiter = format!("\r\n--{BOUNDARY}");
    let mut pieces = text.split(delimiter.as_str());
    assert_eq!(pieces.next(), Some(""), "a form begins with a delimiter");
    let pieces: Vec<_> = pieces.collect();
    assert_eq!(pieces.last(), Some(&"--\r\n"), "and ends with the last");
    assert_eq!(pieces.len(), parts + 1, "{text:?}");
    let heads = pieces[..parts].iter().map(|piece| piece.split("\r\n\r\n").next().unwrap_or_default());
    let found: usize = heads.map(|head| head.trim_start_matches("\r\n").split("\r\n").count()).sum();
    assert!(found <= lines, "{found} header lines where at most {lines} were asked for: {text:?}");
}
