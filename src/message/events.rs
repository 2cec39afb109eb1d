//! Server-sent events: the `text/event-stream` format of the HTML standard (§9.2), from any reader.
//!
//! An event is returned at the empty line that ends it. As in the standard, one without such a line is dropped when the stream
//! ends. Reconnecting is left to the program; an event has what is needed for it.

use std::fmt;
use std::io::Read;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use super::charset::cut_utf8;
use super::ends::Ends;
use super::lines;
use crate::error::{Error, ErrorKind, Result};

/// One event of a `text/event-stream` body.
///
/// # Examples
/// ```
/// let stream =
///     "retry: 500\n\nid: 7\nevent: price\ndata: 12\ndata: EUR\n\ndata: bye\n\n";
///
/// let mut events = petition::Events::new(stream.as_bytes());
///
/// let price = events.next().unwrap()?;
/// assert_eq!((price.event.as_str(), price.data.as_str()), ("price", "12\nEUR"));
/// let bye = events.next().unwrap()?;
/// assert_eq!((bye.event.as_str(), bye.id.as_str()), ("message", "7"));
/// assert!(events.next().is_none());
/// # Ok::<(), petition::Error>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// The last `id` of the stream so far, of this event or an earlier one; empty if there was none. To continue after an
    /// interruption, send it as `Last-Event-ID`.
    pub id: EventId,
    /// The type; `message` if the stream names none.
    pub event: String,
    /// The data. Several `data` lines are joined by line feeds.
    pub data: String,
    /// How long to wait before reconnecting: the last `retry` of the stream so far.
    pub retry: Option<Duration>,
}

/// The [`id`](Event::id) of an event. Events with the same id share its text.
///
/// # Examples
/// ```
/// let event = petition::Events::new(&b"id: 7\ndata\n\n"[..]).next().unwrap()?;
///
/// assert_eq!(event.id, "7");
/// let request = petition::Request::new("GET", "http://127.0.0.1/")
///     .header("Last-Event-ID", &event.id);
/// # drop(request);
/// # Ok::<(), petition::Error>(())
/// ```
#[derive(Clone, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct EventId(Option<Arc<str>>);

impl EventId {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }
}

impl Deref for EventId {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for EventId {
    fn as_ref(&self) -> &str {
        self
    }
}

impl From<&str> for EventId {
    fn from(text: &str) -> Self {
        Self((!text.is_empty()).then(|| text.into()))
    }
}

impl From<EventId> for String {
    fn from(id: EventId) -> Self {
        id.as_str().to_owned()
    }
}

impl PartialEq<str> for EventId {
    fn eq(&self, text: &str) -> bool {
        self.as_str() == text
    }
}

impl PartialEq<&str> for EventId {
    fn eq(&self, text: &&str) -> bool {
        self.as_str() == *text
    }
}

impl PartialEq<String> for EventId {
    fn eq(&self, text: &String) -> bool {
        self.as_str() == text
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

/// The events of a body, as they arrive: an iterator of [`Event`].
///
/// An event of more than 16 MiB is an error ([`ErrorKind::ContentDecodingError`]). The iterator ends after an error.
///
/// # Examples
/// ```
/// # let mut session = petition::Session::new();
/// # let body = "data: 1\n\nevent: price\ndata: 2\n\n";
/// # session.mount("mock://", petition::adapter_fn(move |_, _| petition::Response::builder(200).body(body).build()));
/// let request = session.get("mock://h/stream").stream(true);
/// let mut response =
///     request.header("Accept", "text/event-stream").send()?;
///
/// let mut seen = Vec::new();
/// for event in response.iter_events() {
///     let event = event?;
///     seen.push(format!("{} {}", event.event, event.data));
/// }
/// assert_eq!(seen, ["message 1", "price 2"]);
/// # Ok::<(), petition::Error>(())
/// ```
pub struct Events<R> {
    /// `None` at the end.
    body: Option<R>,
    parser: Parser,
}

/// The limit on the data of an event, and on one line.
const MAX_EVENT: usize = 16 << 20;

/// How much is read at a time. What is read ahead is little.
const READ: usize = 1024;

/// How much of a long line is read at a time.
const LONG_READ: usize = 64 * 1024;

impl<R: Read> Events<R> {
    /// The events of `body`: a response, or any other reader.
    pub fn new(body: R) -> Self {
        Self { body: Some(body), parser: Parser::new() }
    }
}

impl<R: Read> Iterator for Events<R> {
    type Item = Result<Event>;

    fn next(&mut self) -> Option<Self::Item> {
        let body = self.body.as_mut()?;
        let last = loop {
            match self.parser.next() {
                Some(Ok(event)) => return Some(Ok(event)),
                Some(Err(error)) => break Some(Err(error)),
                None => {}
            }
            match lines::read(body, self.parser.room()) {
                Ok(0) => break None,
                Ok(n) => self.parser.add(n),
                Err(error) => break Some(Err(error.into())),
            }
        };
        self.body = None;
        last
    }
}

impl<R> fmt::Debug for Events<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("last_id", &self.parser.id)
            .field("retry", &self.parser.retry)
            .finish_non_exhaustive()
    }
}

/// What has arrived, as text, and the event that it is in. The standard decodes a stream before its lines are looked at: then
/// the text is checked once for each read, and not once for each value.
struct Parser {
    /// Where more is read to: after the `kept` first bytes, which begin a character whose end has not arrived.
    bytes: Vec<u8>,
    kept: usize,
    text: String,
    ends: Ends,
    /// Whether a line was read: there is a byte-order mark only before the first.
    has_begun: bool,
    /// These two are kept from event to event.
    id: EventId,
    retry: Option<Duration>,
    /// Not empty.
    event: Option<String>,
    /// The data lines; one empty line differs from none.
    data: Option<String>,
}

impl Parser {
    fn new() -> Self {
        Self {
            bytes: Vec::new(),
            kept: 0,
            text: String::new(),
            ends: Ends::of_lines(),
            has_begun: false,
            id: EventId::default(),
            retry: None,
            event: None,
            data: None,
        }
    }

    /// The next event, if its end has arrived.
    fn next(&mut self) -> Option<Result<Event>> {
        while let Some(line) = self.ends.next(self.text.as_bytes()) {
            let mut line = &self.text[line];
            // The same as below, where its end has not come: how the body was cut makes no difference.
            if line.len() > MAX_EVENT {
                return Some(Err(too_large("line")));
            }
            if !std::mem::replace(&mut self.has_begun, true) {
                line = line.strip_prefix('\u{feff}').unwrap_or(line);
            }
            if line.is_empty() {
                let event = self.event.take();
                if let Some(data) = self.data.take() {
                    let event = event.unwrap_or_else(|| "message".to_owned());
                    return Some(Ok(Event { id: self.id.clone(), event, data, retry: self.retry }));
                }
            } else if let Some(value) = value(line, "data") {
                match &mut self.data {
                    None => self.data = Some(value.to_owned()),
                    Some(data) if data.len() + 1 + value.len() > MAX_EVENT => return Some(Err(too_large("event"))),
                    Some(data) => {
                        data.push('\n');
                        data.push_str(value);
                    }
                }
            } else if let Some(value) = value(line, "event") {
                self.event = (!value.is_empty()).then(|| value.to_owned());
            } else if let Some(value) = value(line, "id") {
                if !value.contains('\0') {
                    self.id = EventId::from(value);
                }
            } else if let Some(value) = value(line, "retry") {
                let digits = Some(value).filter(|value| value.bytes().all(|b| b.is_ascii_digit()));
                if let Some(millis) = digits.and_then(|digits| digits.parse().ok()) {
                    self.retry = Some(Duration::from_millis(millis));
                }
            } // else a comment, whose name is empty, or an unknown name, which is ignored
        }
        (self.text.len() - self.ends.start() > MAX_EVENT).then(|| Err(too_large("line")))
    }

    /// Where to read more, once what has arrived has no further event.
    fn room(&mut self) -> &mut [u8] {
        self.text.drain(..self.ends.start());
        self.ends.forget();
        let size = self.kept + self.text.len().clamp(READ, LONG_READ);
        if self.bytes.len() < size {
            self.bytes.resize(size, 0);
        }
        &mut self.bytes[self.kept..size]
    }

    /// Decodes what was read into the room.
    fn add(&mut self, length: usize) {
        let searched = self.text.len();
        let bytes = &self.bytes[..self.kept + length];
        let whole = bytes.len() - cut_utf8(bytes);
        // Most is UTF-8, which is found out sooner than what is wrong with it.
        match std::str::from_utf8(&bytes[..whole]) {
            Ok(text) => self.text.push_str(text),
            Err(_) => self.text.push_str(&String::from_utf8_lossy(&bytes[..whole])),
        }
        self.kept = bytes.len() - whole;
        self.bytes.copy_within(whole..whole + self.kept, 0);
        self.ends.more(self.text.as_bytes(), searched);
    }
}

/// The value of a field, if the line has this one.
#[inline]
fn value<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(name)?;
    match rest.strip_prefix(':') {
        Some(value) => Some(value.strip_prefix(' ').unwrap_or(value)),
        None => Some(rest).filter(|rest| rest.is_empty()), // otherwise a longer name
    }
}

#[cold]
fn too_large(what: &str) -> Error {
    Error::message(ErrorKind::ContentDecodingError, format!("server-sent {what} is larger than {MAX_EVENT} bytes"))
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    /// Gives at most so many bytes for a read.
    struct Torn<'a>(&'a [u8], usize);

    impl Read for Torn<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let n = self.1.min(out.len());
            self.0.read(&mut out[..n])
        }
    }

    type Short<'a> = (&'a str, &'a str, &'a str, Option<u64>);

    fn assert_events(stream: &[u8], want: &[Short<'_>]) {
        for piece in [1, 2, 3, 5, usize::MAX] {
            let events: Vec<_> = Events::new(Torn(stream, piece)).map(Result::unwrap).collect();
            let short: Vec<_> = events
                .iter()
                .map(|one| {
                    let retry = one.retry.map(|retry| u64::try_from(retry.as_millis()).unwrap());
                    (one.event.as_str(), one.data.as_str(), one.id.as_str(), retry)
                })
                .collect();
            assert_eq!(short, want, "{:?} by {piece}", String::from_utf8_lossy(stream));
        }
    }

    #[test]
    fn events_are_read_by_the_rules_of_the_standard_however_they_arrive() {
        let table: &[(&str, &[Short<'_>])] = &[
            ("", &[]),
            ("\n\n\n", &[]),
            ("data: one\n\ndata:two\n\n", &[("message", "one", "", None), ("message", "two", "", None)]),
            ("data: a\rdata: b\r\rdata: c\r\n\r\n", &[("message", "a\nb", "", None), ("message", "c", "", None)]),
            // the examples of the standard
            ("data: YHOO\ndata: +2\ndata: 10\n\n", &[("message", "YHOO\n+2\n10", "", None)]),
            (
                ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
                &[
                    ("message", "first event", "1", None),
                    ("message", "second event", "", None),
                    ("message", " third event", "", None),
                ],
            ),
            ("data\n\ndata\ndata\n\ndata:", &[("message", "", "", None), ("message", "\n", "", None)]),
            ("data:test\n\ndata: test\n\n", &[("message", "test", "", None), ("message", "test", "", None)]),
            // types last for one event, ids and retry for all
            (
                "event: add\nid: 7\nretry: 250\ndata: x\n\ndata: y\n\nid\ndata: z\n\n",
                &[("add", "x", "7", Some(250)), ("message", "y", "7", Some(250)), ("message", "z", "", Some(250))],
            ),
            // an event without data is none, but its id and retry count
            ("event: add\nid: 3\nretry: 10\n\ndata: x\n\n", &[("message", "x", "3", Some(10))]),
            // what is no number, has a NUL or another name is ignored
            ("retry: 1s\nretry:\nretry: -1\nretry: +5\ndata: x\n\n", &[("message", "x", "", None)]),
            ("retry: 99999999999999999999999\nretry: 5\ndata: x\n\n", &[("message", "x", "", Some(5))]),
            ("id: a\nid: b\0\nDATA: no\n data: no\nfoo: no\n:data: no\ndata: x\n\n", &[("message", "x", "a", None)]),
            ("data: a: b\nevent:  c\n\n", &[(" c", "a: b", "", None)]),
            // a mark at the beginning only
            ("\u{feff}data: x\n\n\u{feff}data: y\n\n", &[("message", "x", "", None)]),
            // no empty line, no event
            ("data: x\n\ndata: y\n", &[("message", "x", "", None)]),
            ("data: x", &[]),
            ("data: x\n", &[]),
            ("data: x\n\r", &[("message", "x", "", None)]),
            ("data: \u{20ac}\n\n", &[("message", "\u{20ac}", "", None)]),
        ];
        for (stream, want) in table {
            assert_events(stream.as_bytes(), want);
        }
        assert_events(b"data: a\xe2\x82\ndata: \xac\n\n", &[("message", "a\u{fffd}\n\u{fffd}", "", None)]);
        let bytes = b"event: \xf0\x9f\x98\x80\xff\xf0\x9f\x98\ndata: \xe2\x82\xac\xe2\n\ndata: \xe2\x82\n\n\xe2";
        let (event, data) = ("\u{1f600}\u{fffd}\u{fffd}", "\u{20ac}\u{fffd}");
        assert_events(bytes, &[(event, data, "", None), ("message", "\u{fffd}", "", None)]);
    }

    #[test]
    fn a_long_id_is_there_once_for_all_events_that_it_stands_for() {
        let stream = format!("id: {}\n\n{}", "7".repeat(4 << 20), "data: x\n\n".repeat(1000));

        let events: Vec<_> = Events::new(stream.as_bytes()).map(Result::unwrap).collect();

        assert_eq!((events.len(), events[0].id.len()), (1000, 4 << 20));
        assert!(events.iter().all(|event| event.id.as_ptr() == events[0].id.as_ptr()));
        assert!(events[0].clone().id.as_ptr() == events[0].id.as_ptr());
    }

    #[test]
    fn an_id_is_compared_and_shown_as_its_text() {
        let id = EventId::from("7\"");

        let text = "7\"".to_owned();
        assert!(id == "7\"" && id == *"7\"" && id == text && id != EventId::default());
        assert_eq!((id.to_string(), format!("{id:?}"), id.len()), ("7\"".to_owned(), r#""7\"""#.to_owned(), 2));
        assert_eq!((String::from(id), EventId::default().as_str()), ("7\"".to_owned(), ""));
    }

    #[test]
    fn an_event_comes_as_soon_as_its_empty_line_has_begun_to_end() {
        struct Stalls<'a>(&'a [u8]);
        impl Read for Stalls<'_> {
            fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
                match self.0.read(out)? {
                    0 => Err(Error::message(ErrorKind::ReadTimeout, "read timed out").into()),
                    n => Ok(n),
                }
            }
        }
        for stream in ["data: x\n\n", "data: x\r\n\r", "data: x\r\r", "data: x\n\ndata: y"] {
            let mut events = Events::new(Stalls(stream.as_bytes()));

            assert_eq!(events.next().unwrap().unwrap().data, "x");
            assert_eq!(events.next().unwrap().unwrap_err().kind(), ErrorKind::ReadTimeout);
            assert!(events.next().is_none());
        }
    }

    #[test]
    fn an_event_of_more_than_16_mib_is_an_error_in_one_line_or_many() {
        let one_line = io::repeat(b'x');
        let lines = io::repeat(0).take(1 << 20).chain(&b"\n"[..]);
        let mut many = Vec::new();
        (b"data:".chain(lines)).read_to_end(&mut many).unwrap();
        let many = Cycle { block: &many, at: 0 };
        for stream in [Box::new(one_line) as Box<dyn Read>, Box::new(many)] {
            let mut events = Events::new(stream);

            assert_eq!(events.next().unwrap().unwrap_err().kind(), ErrorKind::ContentDecodingError);
            assert!(events.next().is_none());
        }
    }

    #[test]
    fn how_the_body_was_cut_does_not_decide_what_is_too_large() {
        for (size, fits) in [(MAX_EVENT, true), (MAX_EVENT + 1, false), (MAX_EVENT + 60_000, false)] {
            for end in ["\n\n", "\r\n\r\n", "\r\r"] {
                let stream = [&b"data:"[..], &vec![b'x'; size - 5], end.as_bytes()].concat();
                for piece in [10_007, usize::MAX] {
                    let first = Events::new(Torn(&stream, piece)).next().unwrap();
                    let length = first.map(|event| event.data.len()).map_err(|error| error.kind());
                    let want = if fits { Ok(size - 5) } else { Err(ErrorKind::ContentDecodingError) };
                    assert_eq!(length, want, "{size} bytes by {piece} with {end:?}");
                }
            }
        }
    }

    struct Cycle<'a> {
        block: &'a [u8],
        at: usize,
    }

    impl Read for Cycle<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let n = (&self.block[self.at..]).read(out)?;
            self.at = (self.at + n) % self.block.len();
            Ok(n)
        }
    }
}
