//! The body of a request: what it is made of, how long it is, and whether it can be sent again.
//!
//! A [`Body`] is a cheap handle. [`Body::open`] begins to send it and returns a [`BodyReader`]. It knows nothing about framing
//! and connections. The rule that keeps it sound: a body that can be sent only once is never sent again, or sent empty
//! (requests does both). Opening it a second time is an error.

mod convert;
#[cfg(feature = "json")]
mod json;
mod reader;

use std::fmt;
use std::io::{Read, Seek};
use std::sync::Arc;

pub use reader::BodyReader;
use reader::{Chunks, Flow, Items};

use crate::error::{Error, ErrorKind, Result};
use crate::form::bytes::Bytes;
use crate::form::multipart::Multipart;
use crate::form::source::{Slot, Source};
pub(crate) use crate::http1::framing::BodyLength;

/// The body of a request.
///
/// Text, bytes, pairs (as a form) and files convert into a body; for readers and iterators there are constructors. A clone is
/// cheap and shares the source.
///
/// | source | Content-Length | sent again for a 307, 308, retry or 401 |
/// |---|---|---|
/// | text, bytes, pairs, JSON | yes | yes |
/// | a file, [`seekable`](Self::seekable) | yes, from its current position | yes, from that position |
/// | [`sized`](Self::sized) | yes | no: [`ErrorKind::UnrewindableBody`] |
/// | [`reader`](Self::reader), [`chunks`](Self::chunks) | no: chunked | no: [`ErrorKind::UnrewindableBody`] |
/// | [`Multipart`] | if every part has a length | if every part can be sent again |
///
/// If a source fails while it is sent, the error is [`ErrorKind::Io`] and the connection is closed.
///
/// # Coming from requests
/// What `data=` accepts. As in requests, empty data (`""`, no pairs) is no body. A body that can be read only once is never
/// sent again as an empty one.
///
/// # Examples
/// ```
/// use petition::Body;
///
/// let form = Body::from([("a", "1 2"), ("b", "ä")]);
///
/// assert_eq!(form.as_bytes(), Some(&b"a=1+2&b=%C3%A4"[..]));
/// assert_eq!(form.content_type(), Some("application/x-www-form-urlencoded"));
/// ```
#[derive(Clone, Default)]
pub struct Body {
    content: Content,
    media: Media,
    progress: Option<Arc<Progress>>,
}

type Progress = dyn Fn(u64, Option<u64>) + Send + Sync;

#[derive(Clone)]
enum Content {
    Source(Source),
    Items(Arc<Slot<Box<dyn Items>>>),
    Multipart(Arc<Multipart>),
}

/// The Content-Type that comes with the content.
#[derive(Clone, Default)]
enum Media {
    #[default]
    None,
    Form,
    #[cfg(feature = "json")]
    Json,
    Multipart(Arc<str>),
}

/// A form whose parts are in memory is built in memory up to this size, so that it is sent with the head in one write.
const SMALL_FORM: u64 = 64 * 1024;

impl Body {
    /// A reader of unknown length. It is sent chunked, with one chunk for each read, and only once.
    #[must_use]
    #[doc(alias = "from_reader")]
    pub fn reader(reader: impl Read + Send + 'static) -> Self {
        Self::from_source(Source::reader(reader))
    }

    /// A reader of exactly `length` bytes. It is sent with a Content-Length, and only once.
    ///
    /// It is read to its end, to detect too many bytes as well as too few: both are [`ErrorKind::Io`] while it is sent. Use
    /// [`Read::take`] for a reader that has more bytes, or that stays open.
    #[must_use]
    pub fn sized(reader: impl Read + Send + 'static, length: u64) -> Self {
        Self::from_source(Source::sized(reader, length))
    }

    /// A reader that can seek. It is sent with a Content-Length, from its current position to its current end, and can be sent
    /// again.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if seeking fails.
    ///
    /// # Examples
    /// ```
    /// use std::io::Cursor;
    ///
    /// let body = petition::Body::seekable(Cursor::new("text"))?;
    /// # drop(body);
    /// # Ok::<(), petition::Error>(())
    /// ```
    pub fn seekable(reader: impl Read + Seek + Send + 'static) -> Result<Self> {
        Source::seekable(reader).map(Self::from_source)
    }

    /// An iterator. It is sent chunked, with one chunk for each item, and only once. Empty items are skipped, but the limits of the
    /// request are looked at after each.
    ///
    /// # Examples
    /// ```
    /// use petition::Body;
    ///
    /// let body = Body::chunks((1..=3).map(|n| format!("line {n}\n")));
    /// # drop(body);
    /// ```
    #[must_use]
    #[doc(alias = "generator")]
    pub fn chunks<I>(items: I) -> Self
    where
        I: IntoIterator<Item: AsRef<[u8]> + Send + 'static, IntoIter: Send + 'static>,
    {
        Self::try_chunks(items.into_iter().map(Ok::<_, Error>))
    }

    /// An iterator of results, sent as [`chunks`](Self::chunks) sends one of values. An error ends the request with
    /// [`ErrorKind::Io`].
    #[must_use]
    pub fn try_chunks<I, T, E>(items: I) -> Self
    where
        I: IntoIterator<Item = Result<T, E>, IntoIter: Send + 'static>,
        T: AsRef<[u8]> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let items: Box<dyn Items> = Box::new(Chunks::new(items.into_iter()));
        Self { content: Content::Items(Arc::new(Slot::new(items, false))), ..Self::default() }
    }

    /// `value` as JSON: compact, in UTF-8, with `Content-Type: application/json`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidJson`] if it contains NaN, an infinity, or a map key that is neither text nor a number, or if its
    /// `Serialize` fails.
    ///
    /// # Examples
    /// ```
    /// use petition::{Body, ErrorKind};
    ///
    /// assert_eq!(Body::json(&[1, 2])?.as_bytes(), Some(&b"[1,2]"[..]));
    /// assert_eq!(Body::json(&f64::NAN).unwrap_err().kind(), ErrorKind::InvalidJson);
    /// # Ok::<(), petition::Error>(())
    /// ```
    #[cfg(feature = "json")]
    pub fn json(value: &(impl serde::Serialize + ?Sized)) -> Result<Self> {
        Ok(Self { media: Media::Json, ..json::to_vec(value)?.into() })
    }

    /// The fields of `value` as a form: form-encoded, with `Content-Type: application/x-www-form-urlencoded`.
    ///
    /// A struct or a map whose values are scalars, lists of scalars (one field for each), or `None` (left out); or a list of
    /// pairs. Without fields there is no body.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSetting`] if the value is not flat, or if its `Serialize` fails.
    ///
    /// # Examples
    /// ```
    /// let body = petition::Body::form(&[("a", "1 2"), ("b", "3")])?;
    ///
    /// assert_eq!(body.as_bytes(), Some(&b"a=1+2&b=3"[..]));
    /// # Ok::<(), petition::Error>(())
    /// ```
    #[cfg(feature = "json")]
    pub fn form(value: &(impl serde::Serialize + ?Sized)) -> Result<Self> {
        let fields = crate::form::fields::fields(value)?;
        let given = fields.into_iter().filter_map(|(name, value)| Some((name, value?)));
        Ok(given.collect::<Vec<_>>().into())
    }

    /// Calls `progress` after each piece that is read for sending, with the number of bytes so far and the length if it is
    /// known, and once more at the end. If the body is sent again, it counts from 0. For data beside files, it counts the whole
    /// form.
    ///
    /// # Coming from requests
    /// Like `MultipartEncoderMonitor` of requests-toolbelt, for any body.
    ///
    /// # Examples
    /// ```
    /// use petition::{Body, Multipart};
    ///
    /// let form = Multipart::new().text("field", "value");
    /// let body = Body::from(form)
    ///     .on_progress(|sent, length| println!("{sent} of {length:?} bytes"));
    /// # drop(body);
    /// ```
    #[must_use]
    #[doc(alias = "MultipartEncoderMonitor")]
    pub fn on_progress(mut self, progress: impl Fn(u64, Option<u64>) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(progress));
        self
    }

    fn from_source(source: impl Into<Source>) -> Self {
        Self { content: Content::Source(source.into()), ..Self::default() }
    }

    /// The bytes, if all are in memory. `None` for files, readers, iterators, larger multipart forms, and with
    /// [`on_progress`](Self::on_progress): use [`open`](Self::open) for these.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match &self.content {
            Content::Source(Source::Bytes(bytes)) if self.progress.is_none() => Some(bytes),
            _ => None,
        }
    }

    /// The Content-Type of a form, JSON or multipart. Text, bytes, files and readers have none.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        match &self.media {
            Media::None => None,
            Media::Form => Some("application/x-www-form-urlencoded"),
            #[cfg(feature = "json")]
            Media::Json => Some("application/json"),
            Media::Multipart(kind) => Some(kind),
        }
    }

    pub(crate) fn length(&self) -> BodyLength {
        let length = match &self.content {
            Content::Source(Source::Bytes(bytes)) if bytes.is_empty() => return BodyLength::Empty,
            Content::Source(source) => source.length(),
            Content::Items(_) => None,
            Content::Multipart(form) => form.length(),
        };
        length.map_or(BodyLength::Unknown, BodyLength::Known)
    }

    /// Whether it can be sent more than once.
    #[must_use]
    pub fn is_replayable(&self) -> bool {
        match &self.content {
            Content::Source(source) => source.is_replayable(),
            Content::Items(_) => false,
            Content::Multipart(form) => form.is_replayable(),
        }
    }

    /// Whether `open` would fail, because it was read and can be read only once, or because it is being sent.
    pub(crate) fn is_spent(&self) -> bool {
        match &self.content {
            Content::Source(source) => source.is_spent(),
            Content::Items(slot) => slot.is_spent(),
            Content::Multipart(form) => form.is_spent(),
        }
    }

    /// Returns the first error of a form's setters, before anything is sent.
    pub(crate) fn check(&self) -> Result<()> {
        match &self.content {
            Content::Multipart(form) => form.check(),
            _ => Ok(()),
        }
    }

    /// Begins to send the body, from its start. It is for adapters.
    ///
    /// Read the reader until it returns nothing, even if all declared bytes were read, because only then a source that is too
    /// long is detected. Dropping the reader returns a source that can be rewound, or that was not read.
    ///
    /// # Errors
    /// [`ErrorKind::UnrewindableBody`] if it can be read only once and was, if rewinding fails, or if another request is
    /// sending it. [`ErrorKind::InvalidHeader`] if a multipart form has a header that cannot be sent.
    ///
    /// # Examples
    /// ```
    /// use std::io::{self, Read};
    /// use petition::{Body, ErrorKind};
    ///
    /// let body = Body::reader(io::repeat(b'x').take(5));
    ///
    /// assert_eq!(io::read_to_string(body.open()?)?, "xxxxx");
    /// assert_eq!(body.open().unwrap_err().kind(), ErrorKind::UnrewindableBody);
    /// # Ok::<(), petition::Error>(())
    /// ```
    pub fn open(&self) -> Result<BodyReader> {
        let flow = match &self.content {
            Content::Source(source) => Flow::Source(source.open()?),
            Content::Items(slot) => Flow::Items(slot.take()?),
            Content::Multipart(form) => Flow::Multipart(form.open()?),
        };
        let length = match self.length() {
            BodyLength::Empty => Some(0),
            BodyLength::Known(length) => Some(length),
            BodyLength::Unknown => None,
        };
        Ok(BodyReader::new(flow, self.progress.clone().map(|call| (call, length))))
    }

    /// The pairs of a form, decoded; `None` if it is not a form.
    pub(crate) fn form_pairs(&self) -> Option<Vec<(String, String)>> {
        match (&self.media, &self.content) {
            (Media::Form, Content::Source(Source::Bytes(bytes))) => {
                Some(url::form_urlencoded::parse(bytes).into_owned().collect())
            }
            _ => None,
        }
    }

    /// The body for `data=` together with `files=`: the pairs are fields before the files, and the progress of the data is that
    /// of the whole. Without files it is the data.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSetting`] if the data is not a list of pairs. [`ErrorKind::InvalidHeader`]: see [`Self::check`].
    pub(crate) fn with_files(self, files: Multipart) -> Result<Self> {
        if files.is_empty() {
            return Ok(self);
        }
        let fields = match self.form_pairs() {
            Some(pairs) => pairs,
            None if self.length() == BodyLength::Empty => Vec::new(),
            None => {
                let text =
                    "data together with files must be pairs: text or a stream cannot be part of a multipart form";
                return Err(Error::message(ErrorKind::InvalidSetting, text));
            }
        };
        let body = Self { progress: self.progress, ..Self::from(files.prepend_fields(fields)) };
        body.check()?;
        Ok(body)
    }
}

impl Default for Content {
    fn default() -> Self {
        Self::Source(Source::Bytes(Bytes::None))
    }
}

impl From<Multipart> for Body {
    fn from(form: Multipart) -> Self {
        let media = Media::Multipart(form.content_type().into());
        let is_small = form.is_in_memory() && form.length().is_some_and(|length| length <= SMALL_FORM);
        let body = Self { content: Content::Multipart(Arc::new(form)), media, progress: None };
        if !is_small {
            return body;
        }
        // A form with an error stays a form, so that opening it returns the error.
        let mut whole = Vec::new();
        match body.open().map(|mut open| open.read_to_end(&mut whole)) {
            Ok(Ok(_)) => Self { content: Content::Source(whole.into()), ..body },
            _ => body,
        }
    }
}

impl fmt::Debug for Body {
    /// Without the content, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("length", &self.length())
            .field("content_type", &self.content_type())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::part::Part;
    use crate::form::source::tests::{Failing, Interrupted, file};
    use parking_lot::Mutex;
    use std::io::{self, Cursor};

    fn chunks(body: &Body, max: usize) -> Result<Vec<String>> {
        let (mut open, mut all) = (body.open()?, Vec::new());
        while let Some(chunk) = open.next_chunk(max)? {
            all.push(String::from_utf8(chunk.to_vec()).unwrap());
        }
        assert!(open.next_chunk(max)?.is_none(), "a body that has ended stays so");
        Ok(all)
    }

    /// By `io::Read`, in buffers of that size.
    fn read(body: &Body, buffer: usize) -> Result<String> {
        let (mut open, mut all, mut buffer) = (body.open()?, Vec::new(), vec![0; buffer]);
        loop {
            match open.read(&mut buffer)? {
                0 => return Ok(String::from_utf8(all).unwrap()),
                count => all.extend_from_slice(&buffer[..count]),
            }
        }
    }

    // BODY-13
    #[test]
    fn an_iterator_gives_one_chunk_for_each_item_and_leaves_empty_ones_out() {
        let body = || Body::chunks(["", "a", "", "long item", ""]);

        assert_eq!((body().length(), body().is_replayable(), body().as_bytes()), (BodyLength::Unknown, false, None));
        assert_eq!(chunks(&body(), 4).unwrap(), ["a", "long item"]);
        for buffer in 1..12 {
            assert_eq!(read(&body(), buffer).unwrap(), "along item");
        }
        assert_eq!(chunks(&Body::chunks(Vec::<String>::new()), 4).unwrap(), [""; 0]);
    }

    #[test]
    fn a_source_that_gives_nothing_yet_is_asked_once_and_is_no_progress() {
        let told: Arc<Mutex<Vec<_>>> = Arc::default();
        let items = || Body::chunks(["", "a", "", ""]);
        let part = Part::reader(Interrupted::new("a", 1));
        for (body, want) in [
            (items(), [Some(0), Some(1), Some(0), Some(0), None]),
            (Body::reader(Interrupted::new("a", 1)), [Some(0), Some(1), Some(0), None, None]),
            (Body::sized(Interrupted::new("a", 1), 1), [Some(0), Some(0), Some(1), None, None]),
            (Multipart::new().boundary("B").part("a", part).into(), [Some(49), Some(1), Some(0), Some(9), None]),
        ] {
            let seen = Arc::clone(&told);
            let mut open = body.on_progress(move |sent, _| seen.lock().push(sent)).open().unwrap();

            let got = want.map(|_| open.next_piece(4096).unwrap().map(<[u8]>::len));

            assert_eq!(got, want);
            let given = want.into_iter().filter(|given| *given != Some(0)).count();
            assert_eq!(std::mem::take(&mut *told.lock()).len(), given);
        }
        let (body, mut framed) = (items(), Vec::new());
        let mut open = body.open().unwrap();
        while let Some(piece) = open.next_framed(4096).unwrap() {
            framed.push(String::from_utf8(piece.to_vec()).unwrap());
        }
        assert_eq!(framed, ["", "1\r\na\r\n", "", ""], "an empty chunk would be the end");
    }

    #[test]
    fn items_may_be_any_kind_of_bytes() {
        for body in [
            Body::chunks([b"ab".to_vec()]),
            Body::chunks(vec![String::from("ab")]),
            Body::chunks([*b"ab"]),
            Body::chunks([&b"ab"[..]]),
            Body::chunks("ab".split(' ')),
            Body::try_chunks([Ok::<_, io::Error>("ab")]),
        ] {
            assert_eq!(chunks(&body, 16).unwrap(), ["ab"]);
        }
    }

    #[test]
    fn read_and_next_chunk_of_items_can_be_mixed() {
        let body = Body::chunks(["abcd", "ef"]);
        let mut open = body.open().unwrap();

        assert_eq!(open.read(&mut [0; 2]).unwrap(), 2);
        assert_eq!(open.next_chunk(16).unwrap(), Some(&b"cd"[..]));
        assert_eq!(open.read(&mut [0; 9]).unwrap(), 2);
        assert_eq!(open.next_chunk(16).unwrap(), None);
    }

    // BODY-10
    #[test]
    fn readers_and_bytes_come_in_blocks() {
        for body in [
            Body::from("0123456789"),
            Body::from(file(b"0123456789")),
            Body::reader(Cursor::new("0123456789")),
            Body::sized(Cursor::new("0123456789"), 10),
            Body::seekable(Cursor::new("0123456789")).unwrap(),
        ] {
            assert_eq!(chunks(&body, 4).unwrap(), ["0123", "4567", "89"], "{body:?}");
        }
    }

    // BODY-13, BODY-14
    #[test]
    fn a_block_is_framed_as_chunks_of_16_kib_and_an_item_as_one() {
        let content: String = ('a'..='z').cycle().take(80_000).collect();
        let framed = |body: Body, max: usize| {
            let (mut open, mut all) = (body.open().unwrap(), String::new());
            while let Some(piece) = open.next_framed(max).unwrap() {
                all.push_str(std::str::from_utf8(piece).unwrap());
            }
            assert!(open.next_framed(max).unwrap().is_none(), "a body that has ended stays so");
            all
        };
        let want = |size: usize, length: usize| {
            let mut all = String::new();
            for chunk in content.as_bytes()[..length].chunks(size) {
                all.push_str(&format!("{:x}\r\n{}\r\n", chunk.len(), std::str::from_utf8(chunk).unwrap()));
            }
            all
        };

        for length in [0, 1, 15, 4_095, 16_383, 16_384, 16_385, 20_000, 32_768, 49_000, 65_535, 65_536, 65_537, 80_000]
        {
            let part = content[..length].to_owned();
            for max in [16_384, 65_536] {
                assert_eq!(
                    framed(Body::reader(Cursor::new(part.clone())), max),
                    want(16_384, length),
                    "{length} {max}"
                );
                assert_eq!(framed(Body::from(part.clone()), max), want(16_384, length), "{length} {max}");
            }
            assert_eq!(framed(Body::chunks([part]), 16_384), want(length.max(1), length), "{length}");
        }
        assert_eq!(framed(Body::reader(Cursor::new("0123456789")), 4), "4\r\n0123\r\n4\r\n4567\r\n2\r\n89\r\n");
    }

    // BODY-10, BODY-13
    #[test]
    fn lengths_are_known_where_they_can_be() {
        for (body, length, again) in [
            (Body::default(), BodyLength::Empty, true),
            (Body::from("h\u{e9}"), BodyLength::Known(3), true),
            (Body::from(file(b"abc")), BodyLength::Known(3), true),
            (Body::seekable(Cursor::new("abc")).unwrap(), BodyLength::Known(3), true),
            (Body::sized(io::empty(), 3), BodyLength::Known(3), false),
            (Body::sized(io::empty(), 0), BodyLength::Known(0), false),
            (Body::reader(io::empty()), BodyLength::Unknown, false),
            (Multipart::new().boundary("B").text("a", "1").into(), BodyLength::Known(59), true),
            (Multipart::new().part("a", Part::reader(io::empty())).into(), BodyLength::Unknown, false),
        ] {
            assert_eq!((body.length(), body.is_replayable()), (length, again), "{body:?}");
        }
    }

    // RETRY-24, REDIR-04, AUTH-23
    #[test]
    fn what_can_be_sent_again_is_the_same_each_time() {
        for body in [
            Body::from("abc"),
            Body::from(file(b"abc")),
            Body::seekable(Cursor::new("abc")).unwrap(),
            Multipart::new().text("a", "abc").into(),
            Multipart::new().part("a", file(b"abc").into()).into(),
        ] {
            let first = chunks(&body, 2).unwrap();
            assert_eq!(chunks(&body.clone(), 2).unwrap(), first, "{body:?}");
        }
    }

    // RETRY-25, RETRY-26, REDIR-05, REDIR-06, AUTH-23
    #[test]
    fn what_can_be_sent_once_is_never_sent_again_nor_empty() {
        for body in [
            Body::reader(Cursor::new("abc")),
            Body::sized(Cursor::new("abc"), 3),
            Body::chunks(["a", "bc"]),
            Multipart::new().part("a", Part::reader(Cursor::new("abc"))).into(),
        ] {
            let clone = body.clone();
            drop(body.open().unwrap());
            assert!(!clone.is_spent(), "{body:?}: nothing was read");

            body.open().unwrap().next_chunk(4096).unwrap();

            assert!(clone.is_spent(), "{body:?}");
            assert_eq!(clone.open().unwrap_err().kind(), ErrorKind::UnrewindableBody, "{body:?}");
        }
    }

    #[test]
    fn the_first_of_two_threads_has_the_reader() {
        let body = Body::reader(Cursor::new("once"));
        let barrier = std::sync::Barrier::new(2);

        let sent = std::thread::scope(|scope| {
            let send = || {
                let read = body.open().map(|mut open| io::read_to_string(&mut open).unwrap());
                barrier.wait();
                read.ok()
            };
            let other = scope.spawn(send);
            [send(), other.join().unwrap()]
        });

        assert_eq!(sent.into_iter().flatten().collect::<Vec<_>>(), ["once"]);
    }

    #[test]
    fn a_source_that_fails_in_the_middle_is_an_error() {
        for body in [
            Body::reader(Failing(vec![b"abc"])),
            Body::sized(Failing(vec![b"abc"]), 9),
            Body::try_chunks([Ok("abc"), Err("disk on fire")]),
            Body::try_chunks([Ok("abc"), Err(Error::new(ErrorKind::ReadTimeout, "disk on fire"))]),
        ] {
            let mut open = body.open().unwrap();
            assert_eq!(open.next_chunk(16).unwrap(), Some(&b"abc"[..]));

            let error = open.next_chunk(16).unwrap_err();

            let got = (error.kind(), error.to_string());
            assert_eq!(got, (ErrorKind::Io, "reading the request body failed: disk on fire".into()));
        }
    }

    #[test]
    fn errors_come_whole_through_io_read() {
        let body = Body::sized(Cursor::new("abc"), 4);

        let error = Error::from(io::read_to_string(body.open().unwrap()).unwrap_err());

        let got = (error.kind(), error.to_string());
        assert_eq!(got, (ErrorKind::Io, "request body is shorter than its declared 4 bytes: only 3 bytes".into()));
    }

    #[test]
    fn a_small_form_in_memory_is_whole_and_a_large_one_is_streamed() {
        let small = Multipart::new().boundary("B").text("a", "1");
        let large = Multipart::new().boundary("B").part("a", Part::bytes(vec![b'x'; 70_000]));

        let whole = "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--B--\r\n";
        assert_eq!(Body::from(small).as_bytes(), Some(whole.as_bytes()));
        let body = Body::from(large);
        assert_eq!((body.as_bytes(), body.content_type()), (None, Some("multipart/form-data; boundary=B")));
        assert!(chunks(&body, 16 * 1024).unwrap().iter().all(|chunk| chunk.len() <= 16 * 1024));
    }

    #[test]
    fn a_form_that_was_refused_says_so_when_it_is_checked_or_opened() {
        let body = Body::from(Multipart::new().part("f", Part::text("x").mime("a\nb")));

        assert_eq!(body.check().unwrap_err().kind(), ErrorKind::InvalidHeader);
        assert_eq!(body.open().unwrap_err().kind(), ErrorKind::InvalidHeader);
    }

    // BODY-01, BODY-19, BODY-25, BODY-28, BODY-31
    #[test]
    fn data_beside_files_goes_before_them_as_fields() {
        let files = || Multipart::new().boundary("B").part("f", Part::bytes("x").file_name("n"));
        let field = |name, value| format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        let file = "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"n\"\r\n\r\nx\r\n--B--\r\n";

        let pairs = Body::from([("x", "1"), ("y", ""), ("x", "\u{e9}&")]).with_files(files()).unwrap();
        let want = field("x", "1") + &field("y", "") + &field("x", "\u{e9}&") + file;
        assert_eq!(pairs.as_bytes(), Some(want.as_bytes()));

        let none = Body::default().with_files(files()).unwrap();
        assert_eq!(none.as_bytes(), Some(file.as_bytes()));

        assert_eq!(Body::from("text").with_files(Multipart::new()).unwrap().as_bytes(), Some(&b"text"[..]));
        for data in [Body::from("a=1"), Body::reader(io::empty())] {
            assert_eq!(data.with_files(files()).unwrap_err().kind(), ErrorKind::InvalidSetting);
        }
    }

    // TBELT-06
    #[test]
    fn progress_is_told_after_each_piece_and_at_the_end() {
        let told: Arc<Mutex<Vec<_>>> = Arc::default();
        let seen = Arc::clone(&told);
        let content = "x".repeat(40_134);
        let body = Body::from(&content).on_progress(move |sent, length| seen.lock().push((sent, length)));
        let want = [16_384, 32_768, 40_134, 40_134].map(|sent| (sent, Some(40_134)));

        assert!(body.as_bytes().is_none());
        let mut open = body.open().unwrap();
        while open.next_chunk(16 * 1024).unwrap().is_some() {}
        assert_eq!(*told.lock(), want);

        told.lock().clear();
        assert_eq!(read(&body, 16 * 1024).unwrap(), content);
        assert_eq!(*told.lock(), want);
    }

    #[test]
    fn the_progress_of_data_is_that_of_the_form_with_its_files() {
        let files = [
            Multipart::new().part("f", Part::bytes("in memory")),
            Multipart::new().part("f", Part::bytes(vec![b'x'; 70_000])),
            Multipart::new().part("f", Part::sized(Cursor::new("sized"), 5)),
            Multipart::new().part("f", Part::reader(Cursor::new("of any length"))),
        ];
        for files in files {
            for data in [Body::from([("a", "1")]), Body::default()] {
                let told: Arc<Mutex<Vec<_>>> = Arc::default();
                let seen = Arc::clone(&told);
                let data = data.on_progress(move |sent, length| seen.lock().push((sent, length)));

                let body = data.with_files(files.clone()).unwrap();
                let length = match body.length() {
                    BodyLength::Known(length) => Some(length),
                    _ => None,
                };
                // A part that can be sent once is sent with the first of the data.
                let Ok(sent) = read(&body, 16 * 1024) else { continue };

                assert_eq!(told.lock().last(), Some(&(sent.len() as u64, length)), "{body:?}");
            }
        }
    }

    #[test]
    fn a_body_can_be_shared_and_shows_no_content() {
        fn shared<T: Send + Sync + 'static>(value: T) -> T {
            value
        }
        let body = shared(Body::from([("password", "secret")]));

        assert!(!format!("{body:?}").contains("secret"));
    }

    // BODY-06
    #[cfg(feature = "json")]
    #[test]
    fn json_has_its_type() {
        let body = Body::json("").unwrap();

        assert_eq!((body.as_bytes(), body.content_type()), (Some(&b"\"\""[..]), Some("application/json")));
    }
}
