//! Draws a timeline: finds which events belong together ([`Picture`]), then writes them as SVG.
//!
//! Colours are in classes, and a media query has those for a dark page. No script, no font and no file is needed.

use std::collections::HashMap;
use std::f64::consts::FRAC_1_SQRT_2;
use std::fmt::Write;
use std::time::Duration;

use super::timeline::{Record, Recorded, What};
use crate::pool::{HostPort, WaitReason};

const WIDTH: f64 = 1200.0;
const LEFT: f64 = 190.0;
const RIGHT: f64 = 24.0;
const ROW: f64 = 22.0;
const BAR: f64 = 14.0;
const LEGEND_ROW: f64 = 20.0;

/// Of the first threads; the others get hues that are far apart.
const COLOURS: [&str; 8] = ["#3f7fd0", "#e07b28", "#2f9e63", "#c9478f", "#8a67d1", "#b8920e", "#1f9bb0", "#a8603c"];

/// What there is to draw. Times are milliseconds.
#[derive(Default)]
struct Picture {
    /// Host, and how many lanes of the same host are above.
    lanes: Vec<(usize, usize)>,
    lives: Vec<Span>,
    requests: Vec<Request>,
    waits: Vec<Span>,
    sleeps: Vec<Span>,
    marks: Vec<Mark>,
    connections: usize,
    end: f64,
}

/// In the lane of a connection or of a thread.
struct Span {
    lane: usize,
    from: f64,
    to: f64,
    text: String,
}

struct Request {
    lane: usize,
    thread: usize,
    connection: u64,
    /// How many requests the connection had before.
    nth: usize,
    from: f64,
    /// Before this, it was connected.
    ready: f64,
    to: f64,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Discarded,
    Dropped,
    Again,
    Evicted,
    Paused,
}

struct Mark {
    kind: Kind,
    lane: usize,
    at: f64,
    text: String,
}

/// A connection that has not ended.
struct Open {
    lane: usize,
    since: f64,
    served: usize,
    /// The index of its request that is not over.
    request: Option<usize>,
}

impl Picture {
    fn of(recorded: &Recorded) -> Self {
        let mut picture = Self::default();
        let end = recorded.events.iter().map(|record| record.at).max().unwrap_or_default();
        picture.end = millis(end).max(0.001);
        let mut open: HashMap<(usize, u64), Open> = HashMap::new();
        let mut waiting: HashMap<usize, (f64, WaitReason)> = HashMap::new();
        // By lane: the host, and whether a connection is there.
        let mut lanes: Vec<(usize, bool)> = Vec::new();
        for Record { at, adapter, thread, host, what } in recorded.events.iter().copied() {
            let now = millis(at);
            match what {
                What::Waiting { reason } => drop(waiting.insert(thread, (now, reason))),
                What::Waited => {
                    if let Some((from, reason)) = waiting.remove(&thread) {
                        let text = format!("waits for {reason}: {}", length(now - from));
                        picture.waits.push(Span { lane: thread, from, to: now, text });
                    }
                }
                What::Connected { connection, elapsed } => {
                    let from = (now - millis(elapsed)).max(0.0);
                    let free = lanes.iter().position(|lane| *lane == (host, false));
                    let lane = free.unwrap_or_else(|| {
                        lanes.push((host, false));
                        lanes.len() - 1
                    });
                    lanes[lane].1 = true;
                    if free.is_some() {
                        let text = format!("connection {connection} in place of one that was closed");
                        picture.marks.push(Mark { kind: Kind::Again, lane, at: from, text });
                    }
                    picture.connections += 1;
                    let request = Request { lane, thread, connection, nth: 1, from, ready: now, to: picture.end };
                    let request = Some(picture.push(request));
                    open.insert((adapter, connection), Open { lane, since: from, served: 1, request });
                }
                What::Reused { connection } => {
                    let Some(of) = open.get_mut(&(adapter, connection)) else { continue };
                    of.served += 1;
                    let (lane, nth) = (of.lane, of.served);
                    let request = Request { lane, thread, connection, nth, from: now, ready: now, to: picture.end };
                    of.request = Some(picture.push(request));
                }
                What::Recycled { connection } => {
                    let request = open.get_mut(&(adapter, connection)).and_then(|of| of.request.take());
                    picture.end_request(request, now);
                }
                What::Ended { connection, why } => {
                    let Some(of) = open.remove(&(adapter, connection)) else { continue };
                    picture.end_request(of.request, now);
                    lanes[of.lane].1 = false;
                    let (kind, text) = match why {
                        Some(reason) => (Kind::Discarded, format!("connection {connection} discarded: {reason}")),
                        None => (Kind::Dropped, format!("connection {connection} was dropped by the server")),
                    };
                    picture.marks.push(Mark { kind, lane: of.lane, at: now, text });
                    picture.lives.push(life(&of, connection, now));
                }
                What::Evicted | What::Paused { .. } => {
                    let (kind, text) = match what {
                        What::Paused { duration } => (Kind::Paused, format!("paused for {duration:.1?}")),
                        _ => (Kind::Evicted, "the pool was evicted".to_owned()),
                    };
                    if let Some(lane) = lanes.iter().position(|(of, _)| *of == host) {
                        picture.marks.push(Mark { kind, lane, at: now, text });
                    }
                }
                What::Retry { delay } => {
                    let to = (now + millis(delay)).min(picture.end);
                    let text = format!("sleeps for {delay:.1?} before a retry");
                    picture.sleeps.push(Span { lane: thread, from: now, to, text });
                }
            }
        }
        for ((_, connection), of) in &open {
            picture.lives.push(life(of, *connection, picture.end));
        }
        let end = picture.end;
        for (thread, (from, reason)) in waiting {
            picture.waits.push(Span { lane: thread, from, to: end, text: format!("waits for {reason}") });
        }
        picture.sort_lanes(&lanes);
        picture
    }

    fn push(&mut self, request: Request) -> usize {
        self.requests.push(request);
        self.requests.len() - 1
    }

    fn end_request(&mut self, request: Option<usize>, at: f64) {
        if let Some(request) = request {
            self.requests[request].to = at;
        }
    }

    /// Puts the lanes of each host together, in the order of the hosts.
    fn sort_lanes(&mut self, lanes: &[(usize, bool)]) {
        let mut order: Vec<usize> = (0..lanes.len()).collect();
        order.sort_by_key(|lane| (lanes[*lane].0, *lane));
        let mut place = vec![0; lanes.len()];
        for (to, lane) in order.into_iter().enumerate() {
            place[lane] = to;
            let host = lanes[lane].0;
            let above = self.lanes.iter().filter(|(of, _)| *of == host).count();
            self.lanes.push((host, above));
        }
        self.lives.iter_mut().for_each(|life| life.lane = place[life.lane]);
        self.requests.iter_mut().for_each(|request| request.lane = place[request.lane]);
        self.marks.iter_mut().for_each(|mark| mark.lane = place[mark.lane]);
    }
}

fn life(of: &Open, connection: u64, to: f64) -> Span {
    let requests = if of.served == 1 { "request" } else { "requests" };
    Span { lane: of.lane, from: of.since, to, text: format!("connection {connection}, {} {requests}", of.served) }
}

/// The picture of what was recorded.
pub(super) fn draw(title: &str, recorded: &Recorded) -> String {
    let picture = Picture::of(recorded);
    let mut svg = Svg { scale: (WIDTH - LEFT - RIGHT) / picture.end, text: String::new() };
    let legend_rows = 1 + recorded.threads.len().div_ceil(PER_ROW);
    let lanes = 74.0 + legend_rows as f64 * LEGEND_ROW;
    let threads = lanes + picture.lanes.len() as f64 * ROW + 30.0;
    let axis = threads + recorded.threads.len() as f64 * ROW + 4.0;
    let height = axis + 34.0;
    svg.begin(title, height, recorded.threads.len());
    svg.legend(&picture, recorded);
    svg.axis(picture.end, lanes, axis);
    svg.heading("connections", lanes - 8.0);
    for (row, (host, above)) in picture.lanes.iter().enumerate() {
        let (name, port) = &recorded.hosts[*host];
        let name = HostPort(name, *port).to_string();
        svg.label(&format!("{} · {}", shortened(&name), above + 1), lanes + row as f64 * ROW);
    }
    for life in &picture.lives {
        svg.life(life, lanes);
    }
    for request in &picture.requests {
        svg.request(request, recorded, lanes, threads);
    }
    for mark in &picture.marks {
        // Ends above, beginnings below: they are often at the same time.
        let up = if matches!(mark.kind, Kind::Again | Kind::Evicted) { -6.0 } else { 5.0 };
        svg.mark(mark.kind, svg.x(mark.at), lanes + (mark.lane as f64 + 0.5) * ROW - up, &mark.text);
    }
    svg.heading("threads", threads - 8.0);
    for (row, name) in recorded.threads.iter().enumerate() {
        svg.label(shortened(name), threads + row as f64 * ROW);
    }
    for wait in &picture.waits {
        svg.span(wait, &format!("url(#w{})", wait.lane), "", threads, &recorded.threads[wait.lane]);
    }
    for sleep in &picture.sleeps {
        svg.span(sleep, "none", " class=\"sleep\"", threads, &recorded.threads[sleep.lane]);
    }
    svg.text.push_str("</svg>\n");
    svg.text
}

/// Threads in a row of the legend.
const PER_ROW: usize = 8;

struct Svg {
    scale: f64,
    text: String,
}

impl Svg {
    fn x(&self, at: f64) -> f64 {
        LEFT + at * self.scale
    }

    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        self.text.write_fmt(text).expect("a String takes everything");
        self.text.push('\n');
    }

    fn begin(&mut self, title: &str, height: f64, threads: usize) {
        self.put(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
             font-family=\"system-ui, sans-serif\" font-size=\"12\">"
        ));
        self.text.push_str(STYLE);
        self.put(format_args!("<defs>"));
        for thread in 0..threads {
            let colour = colour(thread);
            self.put(format_args!(
                "<pattern id=\"w{thread}\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" \
                 patternTransform=\"rotate(45)\"><rect width=\"2\" height=\"5\" fill=\"{colour}\"/></pattern>"
            ));
        }
        self.put(format_args!("</defs>\n<rect class=\"page\" width=\"{WIDTH}\" height=\"{height}\"/>"));
        let title = escaped(title);
        self.put(format_args!(
            "<text class=\"text\" x=\"16\" y=\"26\" font-size=\"16\" font-weight=\"600\">{title}</text>"
        ));
    }

    fn legend(&mut self, picture: &Picture, recorded: &Recorded) {
        let longest = picture.waits.iter().map(|wait| wait.to - wait.from).fold(0.0, f64::max);
        let mut line =
            format!("{}, {}", many(picture.requests.len(), "request"), many(picture.connections, "connection"));
        if !picture.waits.is_empty() {
            let _ = write!(line, ", {}, the longest {}", many(picture.waits.len(), "wait"), length(longest));
        }
        self.put(format_args!("<text class=\"faint\" x=\"16\" y=\"45\">{line}</text>"));
        for (thread, name) in recorded.threads.iter().enumerate() {
            let x = 16.0 + (thread % PER_ROW) as f64 * (WIDTH - 32.0) / PER_ROW as f64;
            let y = 54.0 + (thread / PER_ROW) as f64 * LEGEND_ROW;
            let (colour, name) = (colour(thread), escaped(shortened(name)));
            self.put(format_args!(
                "<rect x=\"{x}\" y=\"{y}\" width=\"12\" height=\"12\" rx=\"2\" fill=\"{colour}\"/>\
                 <text class=\"text\" x=\"{}\" y=\"{}\">{name}</text>",
                x + 17.0,
                y + 10.0
            ));
        }
        let y = 60.0 + recorded.threads.len().div_ceil(PER_ROW) as f64 * LEGEND_ROW;
        let mut x = 22.0;
        let words = [
            (Kind::Discarded, "discarded"),
            (Kind::Dropped, "dropped by the server"),
            (Kind::Again, "connected again"),
            (Kind::Evicted, "pool evicted"),
            (Kind::Paused, "paused"),
        ];
        let seen = words.iter().filter(|(kind, _)| picture.marks.iter().any(|mark| mark.kind == *kind));
        for (kind, word) in seen {
            self.mark(*kind, x, y, word);
            self.put(format_args!("<text class=\"text\" x=\"{}\" y=\"{}\">{word}</text>", x + 11.0, y + 4.0));
            x += 40.0 + word.len() as f64 * 6.6;
        }
        let bars = [
            ("url(#w0)", "", "waits", !picture.waits.is_empty()),
            (colour(0).as_str(), " opacity=\".45\"", "connecting", true),
            ("none", " class=\"sleep\"", "sleeps before a retry", !picture.sleeps.is_empty()),
        ]
        .map(|(fill, more, word, is_there)| (fill.to_owned(), more, word, is_there));
        for (fill, more, word, _) in bars.iter().filter(|(.., is_there)| *is_there) {
            self.put(format_args!(
                "<rect x=\"{}\" y=\"{}\" width=\"26\" height=\"12\" fill=\"{fill}\"{more}/>\
                 <text class=\"text\" x=\"{}\" y=\"{}\">{word}</text>",
                x - 6.0,
                y - 6.0,
                x + 26.0,
                y + 4.0
            ));
            x += 56.0 + word.len() as f64 * 6.6;
        }
    }

    fn axis(&mut self, end: f64, top: f64, bottom: f64) {
        let step = step(end);
        let mut tick = 0;
        while step * f64::from(tick) <= end {
            let at = step * f64::from(tick);
            let x = self.x(at);
            self.put(format_args!(
                "<line class=\"grid\" x1=\"{x:.1}\" y1=\"{top:.1}\" x2=\"{x:.1}\" y2=\"{bottom:.1}\"/>\
                 <text class=\"faint\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                bottom + 16.0,
                tick_text(at, end)
            ));
            tick += 1;
        }
    }

    fn heading(&mut self, word: &str, y: f64) {
        self.put(format_args!("<text class=\"faint\" x=\"16\" y=\"{y:.1}\" font-weight=\"600\">{word}</text>"));
    }

    fn label(&mut self, name: &str, top: f64) {
        let (x, y, name) = (LEFT - 10.0, top + ROW / 2.0 + 4.0, escaped(name));
        self.put(format_args!("<text class=\"text\" x=\"{x}\" y=\"{y:.1}\" text-anchor=\"end\">{name}</text>"));
    }

    /// The line of a connection, on which its requests lie.
    fn life(&mut self, life: &Span, lanes: f64) {
        let (x, y) = (self.x(life.from), lanes + life.lane as f64 * ROW + ROW / 2.0 - 2.0);
        let width = (self.x(life.to) - x).max(1.0);
        self.put(format_args!(
            "<rect class=\"life\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"4\"><title>{}</title></rect>",
            life.text
        ));
    }

    fn request(&mut self, request: &Request, recorded: &Recorded, lanes: f64, threads: f64) {
        let Request { lane, thread, connection, nth, from, ready, to } = *request;
        let (x, middle, end) = (self.x(from), self.x(ready), self.x(to));
        let (y, colour) = (lanes + lane as f64 * ROW + (ROW - BAR) / 2.0, colour(thread));
        let name = escaped(&recorded.threads[thread]);
        let title = format!(
            "<title>{name}: request {nth} of connection {connection}, {} from {}</title>",
            length(to - from),
            length(from)
        );
        if middle - x > 0.3 {
            self.put(format_args!(
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{BAR}\" fill=\"{colour}\" opacity=\".45\">\
                 <title>{name}: connecting, {}</title></rect>",
                middle - x,
                length(ready - from)
            ));
        }
        self.put(format_args!(
            "<rect class=\"bar\" x=\"{middle:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{BAR}\" fill=\"{colour}\">{title}</rect>",
            (end - middle).max(1.0)
        ));
        let y = threads + thread as f64 * ROW + ROW / 2.0 - 2.0;
        self.put(format_args!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"4\" fill=\"{colour}\"/>",
            (end - x).max(0.6)
        ));
    }

    fn span(&mut self, span: &Span, fill: &str, more: &str, threads: f64, name: &str) {
        let (x, y) = (self.x(span.from), threads + span.lane as f64 * ROW + (ROW - BAR) / 2.0);
        let (width, name) = ((self.x(span.to) - x).max(1.0), escaped(name));
        self.put(format_args!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{BAR}\" fill=\"{fill}\"{more}>\
             <title>{name}: {}</title></rect>",
            span.text
        ));
    }

    fn mark(&mut self, kind: Kind, x: f64, y: f64, text: &str) {
        let (class, path) = match kind {
            Kind::Discarded => ("cross", cross(x, y, 2.3, 5.5)),
            Kind::Dropped => ("dropped", format!("M{:.1} {:.1}h10l-5 9z", x - 5.0, y - 4.5)),
            Kind::Again => ("again", format!("M{x:.1} {:.1}l5 9h-10z", y - 4.5)),
            Kind::Evicted => ("evicted", format!("M{x:.1} {:.1}l6 6l-6 6l-6 -6z", y - 6.0)),
            Kind::Paused => ("paused", format!("M{:.1} {:.1}h3v10h-3zm6 0h3v10h-3z", x - 4.5, y - 5.0)),
        };
        let text = escaped(text);
        self.put(format_args!("<path class=\"{class}\" d=\"{path}\"><title>{text}</title></path>"));
    }
}

const STYLE: &str = "<style>
.page{fill:#fff}.text{fill:#1f2328}.faint{fill:#59636e}.grid{stroke:#d8dee4}.life{fill:#c3cbd4}
.bar{stroke:#fff;stroke-width:.6}.sleep{stroke:#59636e;stroke-dasharray:2 3}
.cross{fill:#c4262e;stroke:#fff;stroke-width:1.2}.again{fill:#1a7f37;stroke:#fff;stroke-width:1.2}
.dropped{fill:#7a3fc4;stroke:#fff;stroke-width:1.2}.evicted{fill:#b35900;stroke:#fff;stroke-width:1.2}.paused{fill:#59636e}
@media (prefers-color-scheme:dark){
.page{fill:#0d1117}.text{fill:#e6edf3}.faint{fill:#9198a1}.grid{stroke:#2a313b}.life{fill:#454e5a}
.bar{stroke:#0d1117}.sleep{stroke:#9198a1}
.cross{fill:#ff7b72;stroke:#0d1117}.again{fill:#4ac26b;stroke:#0d1117}
.dropped{fill:#c297ff;stroke:#0d1117}.evicted{fill:#f0a04b;stroke:#0d1117}.paused{fill:#9198a1}}
</style>
";

fn colour(thread: usize) -> String {
    match COLOURS.get(thread) {
        Some(colour) => (*colour).to_owned(),
        // The golden angle: no two that follow are alike.
        None => format!("hsl({:.0},55%,52%)", (thread as f64 * 137.508) % 360.0),
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn length(millis: f64) -> String {
    if millis >= 1000.0 { format!("{:.2} s", millis / 1000.0) } else { format!("{millis:.1} ms") }
}

fn many(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

/// 1, 2 or 5 times a power of ten, so that there are about ten ticks.
fn step(end: f64) -> f64 {
    let power = 10f64.powf((end / 10.0).log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|times| times * power).find(|step| end / step <= 10.0).unwrap_or(end)
}

fn tick_text(at: f64, end: f64) -> String {
    let digits = if step(end) < 0.1 { 2 } else { usize::from(step(end) < 1.0) };
    if end >= 5000.0 { format!("{:.1} s", at / 1000.0) } else { format!("{at:.digits$} ms") }
}

/// The outline of a cross whose arms are `2 * half` wide and reach `arm` from its middle, turned by 45 degrees.
fn cross(x: f64, y: f64, half: f64, arm: f64) -> String {
    // Its corners where they would be unturned, clockwise.
    let (h, a) = (half * 0.7, arm);
    let corners =
        [(-h, -a), (h, -a), (h, -h), (a, -h), (a, h), (h, h), (h, a), (-h, a), (-h, h), (-a, h), (-a, -h), (-h, -h)];
    let turned = corners.map(|(dx, dy)| {
        let (dx, dy) = ((dx - dy) * FRAC_1_SQRT_2, (dx + dy) * FRAC_1_SQRT_2);
        format!("{:.1} {:.1}", x + dx, y + dy)
    });
    format!("M{}z", turned.join("L"))
}

/// What fits before a lane.
fn shortened(name: &str) -> &str {
    name.char_indices().nth(24).map_or(name, |(end, _)| &name[..end])
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::super::Timeline;
    use super::*;
    use crate::pool::{DiscardReason, PoolEvent};

    const HOST: &str = "a<b";

    fn connected(connection: u64) -> PoolEvent<'static> {
        PoolEvent::Connected { host: HOST, port: 80, connection, elapsed: Duration::ZERO, again: false }
    }

    fn recorded(events: &[PoolEvent<'_>]) -> (Picture, String) {
        let timeline = Timeline::new("a title & more");
        let listener = timeline.listener();
        events.iter().for_each(listener);
        (Picture::of(&timeline.recorded()), timeline.svg())
    }

    #[test]
    fn a_lane_is_used_again_only_when_its_connection_has_ended() {
        let discarded =
            |connection| PoolEvent::Discarded { host: HOST, port: 80, connection, reason: DiscardReason::Full };
        let (picture, svg) = recorded(&[
            connected(1),
            connected(2),
            PoolEvent::Recycled { host: HOST, port: 80, connection: 1 },
            PoolEvent::Reused { host: HOST, port: 80, connection: 1 },
            discarded(2),
            connected(3),
            discarded(1),
        ]);

        assert_eq!(picture.lanes, [(0, 0), (0, 1)]);
        let lanes: Vec<_> = picture.requests.iter().map(|request| (request.connection, request.lane)).collect();
        assert_eq!(lanes, [(1, 0), (2, 1), (1, 0), (3, 1)]);
        assert_eq!(picture.marks.iter().filter(|mark| mark.kind == Kind::Again).count(), 1);
        assert_eq!(picture.lives.len(), 3);
        assert!(svg.contains("connection 2 discarded: pool full"));
    }

    #[test]
    fn the_lanes_of_a_host_are_together_and_a_wait_is_in_that_of_its_thread() {
        let other = PoolEvent::Connected { host: "b", port: 80, connection: 2, elapsed: Duration::ZERO, again: false };
        let (picture, _) = recorded(&[
            connected(1),
            other,
            connected(3),
            PoolEvent::Waiting { host: "b", port: 80, reason: WaitReason::Connection },
            PoolEvent::Waited { host: "b", port: 80, elapsed: Duration::ZERO },
        ]);

        assert_eq!(picture.lanes, [(0, 0), (0, 1), (1, 0)]);
        assert_eq!(picture.requests.iter().map(|request| request.lane).collect::<Vec<_>>(), [0, 2, 1]);
        assert_eq!(picture.waits.iter().map(|wait| wait.lane).collect::<Vec<_>>(), [0]);
    }

    #[test]
    fn a_wait_says_what_it_is_for_whether_or_not_it_is_over() {
        let waiting = |reason| PoolEvent::Waiting { host: HOST, port: 80, reason };
        let over = PoolEvent::Waited { host: HOST, port: 80, elapsed: Duration::ZERO };
        let (picture, svg) = recorded(&[waiting(WaitReason::RateLimit), over, waiting(WaitReason::Pause)]);

        assert_eq!(picture.waits.len(), 2);
        assert!(svg.contains("waits for the rate limit: ") && svg.contains("waits for the end of a pause"), "{svg}");
    }

    #[test]
    fn names_are_escaped_and_nothing_at_all_can_be_drawn() {
        let (_, svg) = recorded(&[connected(1)]);
        assert!(svg.contains("a title &amp; more") && svg.contains("a&lt;b:80") && !svg.contains("a<b"));

        let (picture, empty) = recorded(&[]);
        assert!(picture.requests.is_empty() && empty.ends_with("</svg>\n") && !empty.contains("NaN"));
    }

    #[test]
    fn there_are_about_ten_ticks() {
        for (end, want) in [(9.0, 1.0), (10.0, 1.0), (11.0, 2.0), (99.0, 10.0), (430.0, 50.0), (0.04, 0.005)] {
            assert!((step(end) - want).abs() < 1e-9, "{end}: {}", step(end));
        }
    }
}
