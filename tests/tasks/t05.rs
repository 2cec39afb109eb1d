use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use petition::Session;

/// Saves each URL under its last segment in `folder`, four at a time; `show` is called with the bytes of all files so far.
pub fn fetch_all(
    session: &Session,
    urls: &[String],
    folder: &Path,
    show: &(dyn Fn(u64) + Sync),
) -> Vec<petition::Result<u64>> {
    let sum = AtomicU64::new(0);
    let fetch = |url: &String| {
        let name = url.rsplit('/').next().unwrap_or("file");
        let mut before = 0;
        let done = session
            .get(url)
            .download(folder.join(name))
            .on_progress(|done, _total| {
                show(sum.fetch_add(done.saturating_sub(before), Relaxed) + done.saturating_sub(before));
                before = done;
            })
            .run()?;
        Ok(done.bytes())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = urls
            .chunks(urls.len().div_ceil(4).max(1))
            .map(|some| scope.spawn(|| some.iter().map(fetch).collect::<Vec<_>>()))
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker does not panic")).collect()
    })
}

// The test of these lines.

use petition::testing::{Reply, TestServer};

#[test]
fn twenty_files_are_whole() {
    let server = TestServer::http(|request| Reply::new(200).body(request.target.repeat(1000)));
    let folder = crate::folder("fetch-all");
    let urls: Vec<String> = (0..20).map(|n| server.url(&format!("/{n}.bin"))).collect();
    let most = AtomicU64::new(0);

    let done = fetch_all(&crate::session(), &urls, &folder, &|sum| {
        most.fetch_max(sum, Relaxed);
    });

    let bytes: u64 = done.into_iter().map(Result::unwrap).sum();
    assert_eq!(bytes, most.load(Relaxed));
    for n in 0..20 {
        assert_eq!(std::fs::read_to_string(folder.join(format!("{n}.bin"))).unwrap(), format!("/{n}.bin").repeat(1000));
    }
}
