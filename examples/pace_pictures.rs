//! Draws the pictures of docs/pace.md from runs against a local server.
//!
//!     cargo run --release --example pace_pictures -- docs
//!
//! It takes about ten seconds, and writes `pace-rate.svg`, `pace-pause.svg` and `pace-limit.svg` into the folder.

mod support;

use std::fmt::Write;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use petition::testing::{Reply, TestServer};
use petition::{AdaptiveLimit, HttpAdapter, HttpAdapterBuilder, RateLimit, Retry, Session};

fn main() -> support::Result {
    let folder = std::env::args().nth(1).ok_or("the folder to write to is missing")?;
    let folder = Path::new(&folder);
    std::fs::write(folder.join("pace-rate.svg"), rate()?)?;
    std::fs::write(folder.join("pace-pause.svg"), pause()?)?;
    std::fs::write(folder.join("pace-limit.svg"), limit()?)?;
    println!("three pictures in {}", folder.display());
    Ok(())
}

/// A request as the server saw it.
struct Dot {
    seconds: f64,
    thread: usize,
    refused: bool,
}

/// A server that notes who asked when, and answers as `status` says.
fn noting(status: impl Fn(f64) -> u16 + Send + Sync + 'static) -> (TestServer, Arc<Mutex<Vec<Dot>>>) {
    let dots: Arc<Mutex<Vec<Dot>>> = Arc::default();
    let (noted, begin) = (Arc::clone(&dots), Instant::now());
    let server = TestServer::http(move |request| {
        let seconds = begin.elapsed().as_secs_f64();
        let status = status(seconds);
        let thread = request.target.trim_start_matches('/').parse().unwrap_or_default();
        noted.lock().unwrap_or_else(PoisonError::into_inner).push(Dot { seconds, thread, refused: status == 429 });
        if status == 429 { Reply::new(429).header("Retry-After", 1) } else { Reply::new(status) }
    });
    (server, dots)
}

/// What the server saw while threads asked, each again after a pause for thought.
fn seen(
    adapter: HttpAdapterBuilder,
    threads: usize,
    requests: usize,
    thought: Duration,
    status: impl Fn(f64) -> u16 + Send + Sync + 'static,
) -> support::Result<Vec<Dot>> {
    let (server, dots) = noting(status);
    let mut session = Session::new();
    session.trust_env = false;
    session.mount("http://", adapter.pool_maxsize(threads).build());
    let run = |thread: usize| {
        (0..requests).try_for_each(|_| {
            session.get(server.url(&format!("/{thread}"))).send()?;
            thread::sleep(thought);
            Ok::<(), petition::Error>(())
        })
    };
    thread::scope(|scope| {
        let run = &run;
        let threads: Vec<_> = (0..threads).map(|thread| scope.spawn(move || run(thread))).collect();
        threads.into_iter().try_for_each(|thread| Ok(thread.join().map_err(|_| "a thread panicked")??))
    })
    .map_err(|error: Box<dyn std::error::Error>| error)?;
    drop(server);
    Ok(std::mem::take(&mut *dots.lock().unwrap_or_else(PoisonError::into_inner)))
}

const NO_TIME: Duration = Duration::ZERO;

fn rate() -> support::Result<String> {
    let limited = HttpAdapter::builder().rate_limit(RateLimit::per_second(20).burst(8));
    let mut picture = Picture::new(2, "Requests as the server gets them: 8 threads, 5 requests each");
    let panels = [
        ("no limit", seen(HttpAdapter::builder(), 8, 5, Duration::from_millis(5), |_| 200)?),
        ("rate_limit: 20 a second, burst 8", seen(limited, 8, 5, NO_TIME, |_| 200)?),
    ];
    for (index, (title, dots)) in panels.iter().enumerate() {
        picture.dots(index, title, dots, 8, 2.0);
    }
    Ok(picture.end())
}

/// The server takes 39 requests; then it asks for a second's rest.
fn pause() -> support::Result<String> {
    let strict = || {
        let state = Mutex::new((0, 0.0));
        move |now: f64| {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            if now < state.1 {
                return 429;
            }
            state.0 += 1;
            if state.0 == 40 {
                state.1 = now + 1.0;
                return 429;
            }
            200
        }
    };
    let adapter = || HttpAdapter::builder().max_retries(Retry::new().total(5));
    let thought = Duration::from_millis(100);
    let mut picture = Picture::new(2, "A server asks for a rest of 1 s: 12 threads, as the server sees them");
    let panels = [
        ("each thread learns by a refusal of its own", seen(adapter(), 12, 12, thought, strict())?),
        ("pause_on_retry_after(true)", seen(adapter().pause_on_retry_after(true), 12, 12, thought, strict())?),
    ];
    for (index, (title, dots)) in panels.iter().enumerate() {
        let refused = dots.iter().filter(|dot| dot.refused).count();
        picture.dots(index, &format!("{title}: {refused} refused"), dots, 12, 3.0);
    }
    Ok(picture.end())
}

/// Thirty-two threads, and a server that serves 6 at a time, then 20, then 2.
fn limit() -> support::Result<String> {
    const PHASES: [(usize, usize); 3] = [(6, 1500), (20, 3500), (2, 500)];
    let (capacity, active) = (Arc::new(AtomicUsize::new(PHASES[0].0)), AtomicUsize::new(0));
    let refused = Arc::new(AtomicUsize::new(0));
    let (most, no) = (Arc::clone(&capacity), Arc::clone(&refused));
    let server = TestServer::http(move |_| {
        if active.fetch_add(1, SeqCst) >= most.load(SeqCst) {
            active.fetch_sub(1, SeqCst);
            no.fetch_add(1, SeqCst);
            return Reply::new(503);
        }
        thread::sleep(Duration::from_millis(5));
        active.fetch_sub(1, SeqCst);
        Reply::new(200)
    });
    let adapter =
        HttpAdapter::builder().pool_maxsize(32).pool_block(true).adaptive_limit(AdaptiveLimit::between(1, 32)).build();
    let mut session = Session::new();
    session.trust_env = false;
    session.mount("http://", adapter.clone());

    let total: usize = PHASES.iter().map(|(_, exchanges)| exchanges).sum();
    let samples: Mutex<Vec<(usize, usize)>> = Mutex::new(Vec::new());
    let served = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| {
                while served.load(SeqCst) < total {
                    let Ok(response) = session.get(server.url("/")).send() else { return };
                    if response.status_code() != 200 {
                        thread::sleep(Duration::from_millis(2));
                        continue;
                    }
                    let number = served.fetch_add(1, SeqCst) + 1;
                    let limit = adapter.stats().first().and_then(petition::PoolStats::limit).unwrap_or_default();
                    samples.lock().unwrap_or_else(PoisonError::into_inner).push((limit, capacity.load(SeqCst)));
                    let mut end = 0;
                    for pair in PHASES.windows(2) {
                        end += pair[0].1;
                        if number == end {
                            capacity.store(pair[1].0, SeqCst);
                        }
                    }
                }
            });
        }
    });

    let samples = samples.into_inner().unwrap_or_else(PoisonError::into_inner);
    let refused = refused.load(SeqCst);
    let title = format!("32 threads find what a server takes at a time: {} served, {refused} refused", samples.len());
    let mut picture = Picture::new(1, &title);
    picture.steps(&samples);
    Ok(picture.end())
}

/// An SVG with panels, one below the other.
struct Picture {
    svg: String,
}

const WIDTH: f64 = 1000.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 980.0;
const TOP: f64 = 60.0;
const PANEL: f64 = 250.0;
const PLOT: f64 = 180.0;

impl Picture {
    fn new(panels: usize, title: &str) -> Self {
        let height = TOP + PANEL * panels as f64;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
             font-size=\"14\">\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n"
        );
        let _ = writeln!(svg, "<text x=\"{LEFT}\" y=\"30\" font-size=\"18\" fill=\"#222\">{title}</text>");
        Self { svg }
    }

    /// The frame of a panel, with a scale of `marks` on the x axis; where its plot begins.
    fn frame(&mut self, index: usize, title: &str, most: f64, step: f64, unit: &str) -> f64 {
        let top = TOP + PANEL * index as f64 + 20.0;
        let bottom = top + PLOT;
        let _ = writeln!(self.svg, "<text x=\"{LEFT}\" y=\"{}\" fill=\"#222\">{title}</text>", top - 8.0);
        let _ = writeln!(
            self.svg,
            "<rect x=\"{LEFT}\" y=\"{top}\" width=\"{}\" height=\"{PLOT}\" fill=\"#f7f7f7\" stroke=\"#bbb\"/>",
            RIGHT - LEFT
        );
        let mut mark = 0.0;
        while mark <= most + step / 100.0 {
            let x = x(mark, most);
            let _ = writeln!(
                self.svg,
                "<path d=\"M{x:.1} {top}V{bottom}\" stroke=\"#ddd\"/><text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\" \
                 fill=\"#555\">{mark}{unit}</text>",
                bottom + 18.0
            );
            mark += step;
        }
        top
    }

    /// Requests over time, a row for each thread.
    fn dots(&mut self, index: usize, title: &str, dots: &[Dot], threads: usize, most: f64) {
        let top = self.frame(index, title, most, 0.5, " s");
        let row = PLOT / threads as f64;
        let _ = writeln!(
            self.svg,
            "<text x=\"20\" y=\"{}\" fill=\"#555\" transform=\"rotate(-90 20 {0})\" text-anchor=\"middle\">threads</text>",
            top + PLOT / 2.0
        );
        for Dot { seconds, thread, refused } in dots.iter().filter(|dot| dot.seconds <= most) {
            let (x, y) = (x(*seconds, most), top + row * (*thread as f64 + 0.5));
            let (colour, what) = if *refused { ("#d62728", "refused") } else { ("#1f77b4", "served") };
            let _ = writeln!(
                self.svg,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{colour}\" fill-opacity=\"0.75\"><title>thread \
                 {thread}, {seconds:.3} s, {what}</title></circle>"
            );
        }
    }

    /// The limit over exchanges, and what the server takes.
    fn steps(&mut self, samples: &[(usize, usize)]) {
        const MOST: f64 = 32.0;
        let count = samples.len() as f64;
        let title = "blue: the learnt limit; grey: what the server serves at a time (6, 20, 2)";
        let top = self.frame(0, title, count, 500.0, "");
        let y = |limit: usize| top + PLOT * (1.0 - limit as f64 / MOST);
        for limit in [2, 6, 20, 32] {
            let _ = writeln!(
                self.svg,
                "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#555\">{limit}</text>",
                LEFT - 8.0,
                y(limit) + 5.0
            );
        }
        let mut line = |of: fn(&(usize, usize)) -> usize, colour: &str, width: f64| {
            let mut path = String::new();
            for (number, sample) in samples.iter().enumerate() {
                let before = number.checked_sub(1).map(|before| of(&samples[before]));
                if before != Some(of(sample)) || number + 1 == samples.len() {
                    let (x, y) = (x(number as f64, count), y(of(sample)));
                    let _ =
                        if before.is_none() { write!(path, "M{x:.1} {y:.1}") } else { write!(path, "H{x:.1}V{y:.1}") };
                }
            }
            let _ =
                writeln!(self.svg, "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\"/>");
        };
        line(|sample| sample.1, "#999", 4.0);
        line(|sample| sample.0, "#1f77b4", 1.5);
        let _ = writeln!(
            self.svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\" fill=\"#555\">exchanges served</text>",
            (LEFT + RIGHT) / 2.0,
            top + PLOT + 38.0
        );
    }

    fn end(mut self) -> String {
        self.svg.push_str("</svg>\n");
        self.svg
    }
}

fn x(value: f64, most: f64) -> f64 {
    LEFT + (RIGHT - LEFT) * value / most
}
