//! Downloads: a body is written to a file piece by piece, and is never entirely in memory.
//!
//!     cargo run --example download

mod support;

use std::fs::{self, File};
use std::io::Write;

use support::Internet;

const SIZE: usize = 1 << 20;

fn main() -> support::Result {
    let mut internet = Internet::new()?;
    internet.https("downloads.example", |_| support::page(SIZE))?;
    let session = internet.session();
    let url = "https://downloads.example/big.bin";
    let path = internet.folder().join("big.bin");

    // with s.get(url, stream=True) as r, open(path, "wb") as f:
    //     for chunk in r.iter_content(65536):
    //         f.write(chunk)
    let mut response = session.get(url).stream(true).send()?.error_for_status()?;
    let total: Option<usize> = response.headers().get("content-length").and_then(|length| length.parse().ok());
    let mut file = File::create(&path)?;
    let mut progress = Progress::new();
    let mut done = 0;
    for chunk in response.iter_content(64 * 1024) {
        let chunk = chunk?;
        file.write_all(&chunk)?;
        done += chunk.len();
        progress.show(done as u64, total.map(|total| total as u64));
    }
    println!("iter_content: {} bytes", fs::metadata(&path)?.len());

    // The same in one line. Only a complete download replaces an existing file.
    let mut progress = Progress::new();
    let mut response = session.get(url).stream(true).send()?.error_for_status()?;
    let written = response.save_to_with(&path, |done, total| progress.show(done, total))?;
    println!("save_to: {written} bytes");

    // A response is a reader, so anything that takes a reader takes it. shutil.copyfileobj(r.raw, f)
    let mut response = session.get(url).stream(true).send()?;
    let copied = std::io::copy(&mut response, &mut std::io::sink())?;
    println!("io::copy: {copied} bytes");

    println!("{} connection", internet.server("downloads.example").accepted());
    Ok(())
}

/// Prints a line for each quarter.
struct Progress {
    quarters: u64,
}

impl Progress {
    fn new() -> Self {
        Self { quarters: 0 }
    }

    fn show(&mut self, done: u64, total: Option<u64>) {
        let Some(total) = total else { return };
        while self.quarters < done * 4 / total {
            self.quarters += 1;
            println!("{} %", self.quarters * 25);
        }
    }
}
