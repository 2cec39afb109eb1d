//! Downloads in parallel, over a line that breaks: each goes on where it stopped, has a progress bar, and is checked.
//!
//!     cargo run --example download_many
//!
//! To use it, copy `main` and `download`; the rest is a server that hangs up in the middle of each answer.

use std::collections::VecDeque;
use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Mutex;
use std::thread;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use petition::{Downloaded, HttpAdapter, Retry, Session};

/// Names and their SHA-256, as a project publishes them.
const FILES: [(&str, &str); 3] = [
    ("1.bin", "2c030d49ec131bfbbb446ad21e7a2f12cdb4f2f4f3fda3ac709dd2e68a4646c7"),
    ("2.bin", "5174bdf922ad25698dbcb2c44fcbfc7ac3f6863b4f39083c1f8e2b23d13140a1"),
    ("3.bin", "2ebf20925bb3608e4215771d3d7f47f4a244ab3ae4df7167052b7b3decd6c14b"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let server = serve()?;
    let folder = std::env::temp_dir().join(format!("petition-download-many-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;

    let mut session = Session::new();
    session.trust_env = false; // the server is on this machine
    session.timeout = (3.05, 27).into();
    // The line breaks often, so there are many retries: they are for the whole of a download.
    let retry = Retry::new().total(20).backoff_factor(0.05);
    session.mount_all(HttpAdapter::builder().pool_maxsize(2).max_retries(retry).build());

    let queue = Mutex::new(VecDeque::from(FILES));
    let (bars, results) = (MultiProgress::new(), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _worker in 0..2 {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap().pop_front();
                    let Some((name, sha256)) = next else { return };
                    let bar = bars.add(ProgressBar::no_length().with_style(style()).with_message(name));
                    let result = download(&session, &format!("{server}/{name}"), &folder.join(name), sha256, &bar);
                    results.lock().unwrap().push((name, result));
                }
            });
        }
    });

    let mut results = results.into_inner()?;
    results.sort_by_key(|(name, _)| *name);
    for (name, result) in results {
        let done = result?;
        println!("{name}: {} bytes, resumed: {}", done.bytes(), done.resumed());
    }
    println!("in the folder: {}", std::fs::read_dir(&folder)?.count());
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

/// Downloads one file. If the program is stopped, the next run goes on with the part that is there.
fn download(
    session: &Session,
    url: &str,
    path: &Path,
    sha256: &str,
    bar: &ProgressBar,
) -> petition::Result<Downloaded> {
    let progress = |done, total: Option<u64>| {
        if let Some(total) = total {
            bar.set_length(total);
        }
        bar.set_position(done);
    };
    let done = session.get(url).download(path).resume(true).sha256(sha256).on_progress(progress).run()?;
    bar.finish();
    Ok(done)
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec}").expect("a valid template")
}

/// A server whose connections break after 400 000 bytes; returns its address.
fn serve() -> std::io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = format!("http://{}", listener.local_addr()?);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream));
        }
    });
    Ok(address)
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let lines = BufReader::new(stream.try_clone()?).lines().map_while(Result::ok);
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let number: usize = head[0][5..6].parse().unwrap_or(1); // GET /1.bin HTTP/1.1
    let content: Vec<u8> = (0..number * 1_000_000).map(|i| (i * number % 251) as u8).collect();
    let range = head.iter().find_map(|line| line.strip_prefix("Range: bytes=")?.strip_suffix('-')?.parse().ok());
    let (from, total): (usize, usize) = (range.unwrap_or(0), content.len());
    let status = match range {
        Some(_) => format!("206 Partial Content\r\nContent-Range: bytes {from}-{}/{total}", total - 1),
        None => "200 OK".to_owned(),
    };
    write!(stream, "HTTP/1.1 {status}\r\nETag: \"v{number}\"\r\nContent-Length: {}\r\n\r\n", total - from)?;
    stream.write_all(&content[from..total.min(from + 400_000)])
}
