//! Records what pools tell, to be drawn.
//!
//! It keeps each event with its time and its thread, and nothing else: what belongs together is found when it is drawn
//! ([`timeline_svg`](super::timeline_svg)).

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::timeline_svg::draw;
use crate::adapter::HttpAdapterBuilder;
use crate::clock;
use crate::pool::{DiscardReason, PoolEvent, WaitReason};

/// Records the events of adapters, and draws them: which thread had which connection when, and who waited.
///
/// The picture is an SVG that stands alone: a lane for each connection, with its requests as bars in the colour of their
/// thread; below, a lane for each thread, with its waits hatched. Marks show connections that were discarded or dropped, new
/// ones in their place, and evicted pools. Everything says what it is when the pointer is over it. A lane whose connection
/// has ended is used again for the next connection to the same host. The colours suit a light and a dark page.
///
/// Clones record into the same timeline.
///
/// # Examples
/// ```
/// use petition::testing::{Reply, TestServer, Timeline};
/// use petition::{HttpAdapter, Session};
///
/// let server = TestServer::http(|_| Reply::new(200).body("hello"));
/// let timeline = Timeline::new("two threads, one connection");
/// let mut session = Session::new();
/// # session.trust_env = false; // no proxy of this machine
/// let adapter = HttpAdapter::builder().pool_maxsize(1).pool_block(true);
/// session.mount("http://", timeline.attach(adapter).build());
///
/// std::thread::scope(|scope| {
///     for _ in 0..2 {
///         scope.spawn(|| session.get(server.url("/")).send().map(drop));
///     }
/// });
///
/// assert!(timeline.svg().starts_with("<svg"));
/// // timeline.write("timeline.svg")?;
/// ```
#[derive(Clone)]
pub struct Timeline {
    title: Arc<str>,
    recorded: Arc<Mutex<Recorded>>,
}

/// What was recorded so far.
#[derive(Clone, Default)]
pub(super) struct Recorded {
    pub(super) events: Vec<Record>,
    /// The names of the threads, in the order of their first event.
    pub(super) threads: Vec<String>,
    /// Hosts and ports.
    pub(super) hosts: Vec<(String, u16)>,
    known_threads: HashMap<ThreadId, usize>,
    adapters: usize,
    start: Option<Instant>,
}

/// An event, with what it borrowed as an index.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Record {
    /// Since the first event; it may begin before that.
    pub(super) at: Duration,
    pub(super) adapter: usize,
    pub(super) thread: usize,
    pub(super) host: usize,
    pub(super) what: What,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum What {
    Waiting { reason: WaitReason },
    Waited,
    Connected { connection: u64, elapsed: Duration },
    Reused { connection: u64 },
    Recycled { connection: u64 },
    Ended { connection: u64, why: Option<DiscardReason> },
    Evicted,
    Retry { delay: Duration },
    Paused { duration: Duration },
}

impl Timeline {
    /// An empty timeline with a title for its picture.
    #[must_use]
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into().into(), recorded: Arc::default() }
    }

    /// Records the events of the adapter that `builder` builds. It replaces an earlier
    /// [`on_event`](HttpAdapterBuilder::on_event) of the builder.
    pub fn attach(&self, builder: HttpAdapterBuilder) -> HttpAdapterBuilder {
        builder.on_event(self.listener())
    }

    /// What records the events of one more adapter, for programs that do something else with the events too.
    ///
    /// # Examples
    /// ```
    /// use petition::HttpAdapter;
    /// use petition::testing::Timeline;
    ///
    /// let timeline = Timeline::new("mine");
    /// let record = timeline.listener();
    /// let adapter = HttpAdapter::builder().on_event(move |event| {
    ///     record(event);
    ///     println!("{event}");
    /// });
    /// # drop(adapter);
    /// ```
    pub fn listener(&self) -> impl Fn(&PoolEvent<'_>) + Clone + Send + Sync + 'static {
        let adapter = {
            let mut recorded = self.recorded.lock();
            recorded.adapters += 1;
            recorded.adapters - 1
        };
        let recorded = Arc::clone(&self.recorded);
        move |event| recorded.lock().record(adapter, event)
    }

    /// The number of events so far.
    #[must_use]
    pub fn events(&self) -> usize {
        self.recorded.lock().events.len()
    }

    /// The picture of what was recorded so far, as the text of an SVG, 1200 pixels wide.
    #[must_use]
    pub fn svg(&self) -> String {
        let recorded = self.recorded.lock().clone();
        draw(&self.title, &recorded)
    }

    /// Writes [`svg`](Self::svg) to a file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> io::Result<()> {
        std::fs::write(path, self.svg())
    }
}

#[cfg(test)]
impl Timeline {
    pub(super) fn recorded(&self) -> Recorded {
        self.recorded.lock().clone()
    }
}

impl fmt::Debug for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeline").field("title", &self.title).field("events", &self.events()).finish()
    }
}

impl Recorded {
    fn record(&mut self, adapter: usize, event: &PoolEvent<'_>) {
        let what = match *event {
            PoolEvent::Waiting { reason, .. } => What::Waiting { reason },
            PoolEvent::Waited { .. } => What::Waited,
            PoolEvent::Connected { connection, elapsed, .. } => What::Connected { connection, elapsed },
            PoolEvent::Reused { connection, .. } => What::Reused { connection },
            PoolEvent::Recycled { connection, .. } => What::Recycled { connection },
            PoolEvent::Discarded { connection, reason, .. } => What::Ended { connection, why: Some(reason) },
            PoolEvent::Dropped { connection, .. } => What::Ended { connection, why: None },
            PoolEvent::Evicted { .. } => What::Evicted,
            PoolEvent::RetryScheduled { delay, .. } => What::Retry { delay },
            PoolEvent::Paused { duration, .. } => What::Paused { duration },
        };
        let now = clock::now();
        let before = if let What::Connected { elapsed, .. } = what { elapsed } else { Duration::ZERO };
        let start = *self.start.get_or_insert_with(|| now.checked_sub(before).unwrap_or(now));
        let (thread, host) = (self.thread(), self.host(event.endpoint()));
        self.events.push(Record { at: now.saturating_duration_since(start), adapter, thread, host, what });
    }

    fn thread(&mut self) -> usize {
        let current = thread::current();
        *self.known_threads.entry(current.id()).or_insert_with(|| {
            let number = self.threads.len();
            self.threads.push(current.name().map_or_else(|| format!("thread {}", number + 1), str::to_owned));
            number
        })
    }

    fn host(&mut self, (host, port): (&str, u16)) -> usize {
        let known = self.hosts.iter().position(|(known, known_port)| known == host && *known_port == port);
        known.unwrap_or_else(|| {
            self.hosts.push((host.to_owned(), port));
            self.hosts.len() - 1
        })
    }
}
