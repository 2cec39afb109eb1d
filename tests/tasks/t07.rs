use std::fs::File;

use petition::{Body, Response, Session};

pub fn upload(
    session: &Session,
    url: &str,
    path: &str,
    show: impl Fn(u64, Option<u64>) + Send + Sync + 'static,
) -> petition::Result<Response> {
    let body = Body::from(File::open(path)?).on_progress(show);
    session.put(url).data(body).send()?.error_for_status()
}

// The test of these lines.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use petition::testing::{Reply, TestServer};

#[test]
fn a_file_is_sent_with_its_length_and_progress() {
    let server = TestServer::http(|request| Reply::new(200).body(request.body.len().to_string()));
    let path = crate::folder("upload").join("big.bin");
    std::fs::write(&path, vec![b'x'; 3 << 20]).unwrap();
    let sent = Arc::new(AtomicU64::new(0));
    let last = sent.clone();

    let done = upload(&crate::session(), &server.url("/"), path.to_str().unwrap(), move |done, total| {
        assert_eq!(total, Some(3 << 20));
        last.store(done, SeqCst);
    })
    .unwrap();

    assert_eq!(done.text().unwrap(), (3 << 20).to_string());
    assert_eq!(sent.load(SeqCst), 3 << 20);
    assert_eq!(server.requests()[0].header("content-length"), Some("3145728"));
}
