//! `multipart/form-data` (RFC 7578), generated while it is sent.
//!
//! A form is a list of parts; a part is a head and a [`Source`]. No file or reader is held in memory: a gibibyte passes
//! through the sender's buffer.

use std::{fmt, mem};

use crate::error::{Error, ErrorKind, Result};
use crate::form::part::{CRLF, IntoPart, Part};
use crate::form::source::{OpenSource, Source};
use crate::setting::IntoSetting;

/// A `multipart/form-data` body: fields and files, in order, streamed.
///
/// # Coming from requests
/// This is requests' `files=` and requests-toolbelt's `MultipartEncoder` in one: files are never entirely in memory.
/// The length is declared if the lengths of all parts are known. The form can be sent again (redirects, retries,
/// authentication) if all parts can, so not with a [`Part::reader`] or [`Part::sized`].
///
/// # Examples
/// ```
/// use petition::{Body, Multipart, Part};
///
/// let form = Multipart::new()
///     .text("title", "Report")
///     .part(
///         "doc",
///         Part::bytes("a,b\n").file_name("report.csv").mime("text/csv"),
///     );
///
/// let body = Body::from(form);
/// let kind = body.content_type().unwrap();
/// assert!(kind.starts_with("multipart/form-data; boundary="));
/// ```
#[derive(Clone)]
#[must_use = "a form does nothing until it is sent"]
#[doc(alias = "Form")]
#[doc(alias = "MultipartEncoder")]
pub struct Multipart {
    boundary: String,
    parts: Vec<(String, Part)>,
}

impl Multipart {
    /// An empty form with a random boundary.
    pub fn new() -> Self {
        Self { boundary: random_boundary(), parts: Vec::new() }
    }

    /// Uses `boundary` between the parts instead of a random one; `None` chooses a random one again. It must not occur
    /// in any part.
    ///
    /// It has 1 to 70 letters, digits and `'+_-.` (what RFC 2046 §5.1.1 allows and a header needs no quotes for).
    /// Sending a form with any other boundary is [`ErrorKind::InvalidHeader`].
    pub fn boundary(mut self, boundary: impl IntoSetting<String>) -> Self {
        self.boundary = boundary.into_setting().unwrap_or_else(random_boundary);
        self
    }

    /// Adds a field that has no file name. The value is text, or anything that has a text form, as in
    /// [`data`](crate::RequestBuilder::data); [`Part::text`] takes a long `String` over without a copy.
    pub fn text(self, name: impl Into<String>, value: impl fmt::Display) -> Self {
        self.part(name, Part::text(value.to_string()))
    }

    /// Adds a part. Several parts can have the same name.
    pub fn part(mut self, name: impl Into<String>, part: Part) -> Self {
        self.parts.push((name.into(), part));
        self
    }

    /// Whether there are no parts; then nothing is sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Puts `fields` before the other parts: `data=` together with `files=`.
    pub(crate) fn prepend_fields(mut self, fields: impl IntoIterator<Item = (String, String)>) -> Self {
        let fields = fields.into_iter().map(|(name, value)| (name, Part::text(value)));
        self.parts.splice(0..0, fields);
        self
    }

    pub(crate) fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    /// Refuses a form that cannot be sent.
    pub(crate) fn check(&self) -> Result<()> {
        let is_boundary = (1..=70).contains(&self.boundary.len())
            && self.boundary.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"'+_-.".contains(&byte));
        if !is_boundary {
            return Err(Error::message(ErrorKind::InvalidHeader, "invalid boundary for a multipart form"));
        }
        match self.parts.iter().find_map(|(_, part)| part.fault.as_ref()) {
            Some(fault) => Err(Error::message(ErrorKind::InvalidHeader, fault.clone())),
            None => Ok(()),
        }
    }

    /// The length of the form, if the lengths of all parts are known and a number holds it.
    pub(crate) fn length(&self) -> Option<u64> {
        // What is in memory cannot overflow; what is not may be declared to have any length.
        let (mut own, mut declared) = (0_u64, 0_u64);
        for (name, part) in &self.parts {
            self.each_piece_of_head(name, part, &mut |piece| own += piece.len() as u64);
            own += CRLF.len() as u64;
            declared = declared.checked_add(part.source.length()?)?;
        }
        self.each_piece_of_closing(&mut |piece| own += piece.len() as u64);
        declared.checked_add(own)
    }

    pub(crate) fn is_replayable(&self) -> bool {
        self.parts.iter().all(|(_, part)| part.source.is_replayable())
    }

    pub(crate) fn is_spent(&self) -> bool {
        self.parts.iter().any(|(_, part)| part.source.is_spent())
    }

    /// Whether all parts are bytes in memory.
    pub(crate) fn is_in_memory(&self) -> bool {
        self.parts.iter().all(|(_, part)| matches!(part.source, Source::Bytes(_)))
    }

    /// Starts sending. All parts are opened now, so that one that cannot be sent is found before the first byte.
    pub(crate) fn open(&self) -> Result<OpenMultipart> {
        self.check()?;
        let mut heads = String::new();
        let mut parts = Vec::with_capacity(self.parts.len());
        for (name, part) in &self.parts {
            if !parts.is_empty() {
                heads.push_str(CRLF);
            }
            self.each_piece_of_head(name, part, &mut |piece| heads.push_str(piece));
            parts.push((heads.len(), part.source.open()?));
        }
        if !parts.is_empty() {
            heads.push_str(CRLF);
        }
        self.each_piece_of_closing(&mut |piece| heads.push_str(piece));
        parts.reverse();
        Ok(OpenMultipart { heads, at: 0, parts })
    }

    fn each_piece_of_head(&self, name: &str, part: &Part, take: &mut impl FnMut(&str)) {
        ["--", &self.boundary, CRLF].into_iter().for_each(&mut *take);
        part.each_piece_of_head(name, take);
    }

    fn each_piece_of_closing(&self, take: &mut impl FnMut(&str)) {
        ["--", &self.boundary, "--", CRLF].into_iter().for_each(take);
    }
}

impl Default for Multipart {
    fn default() -> Self {
        Self::new()
    }
}

// 32 hexadecimal digits, as in requests (BODY-26).
fn random_boundary() -> String {
    format!("{:032x}", fastrand::u128(..))
}

impl<K: Into<String>, P: IntoPart> FromIterator<(K, P)> for Multipart {
    fn from_iter<I: IntoIterator<Item = (K, P)>>(parts: I) -> Self {
        parts.into_iter().fold(Self::new(), |form, (name, part)| {
            let name = name.into();
            let part = part.into_part(&name);
            form.part(name, part)
        })
    }
}

impl<K: Into<String>, P: IntoPart, const N: usize> From<[(K, P); N]> for Multipart {
    fn from(parts: [(K, P); N]) -> Self {
        parts.into_iter().collect()
    }
}

impl<K: Into<String>, P: IntoPart> From<Vec<(K, P)>> for Multipart {
    fn from(parts: Vec<(K, P)>) -> Self {
        parts.into_iter().collect()
    }
}

impl fmt::Debug for Multipart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.parts.iter().map(|(name, part)| (name, part))).finish()
    }
}

/// A form that is being sent: heads and contents alternately.
pub(crate) struct OpenMultipart {
    /// All heads and the last delimiter, each with the line end of the content before it.
    heads: String,
    /// How much of them was sent.
    at: usize,
    /// The contents that are not sent yet, the next one last, each with the end of its head.
    parts: Vec<(usize, OpenSource)>,
}

impl OpenMultipart {
    /// Fills `out` across the boundaries of parts, but asks one reader only, and only once: the limits of the request are looked
    /// at before the next. `None` is the end, and 0 says that there is nothing yet.
    pub(crate) fn read(&mut self, out: &mut [u8]) -> Result<Option<usize>> {
        let (mut filled, mut has_asked) = (0, false);
        while filled < out.len() {
            let end = self.parts.last().map_or(self.heads.len(), |(end, _)| *end);
            if self.at < end {
                let piece = &self.heads.as_bytes()[self.at..end];
                let count = piece.len().min(out.len() - filled);
                out[filled..filled + count].copy_from_slice(&piece[..count]);
                (filled, self.at) = (filled + count, self.at + count);
                continue;
            }
            let Some((_, content)) = self.parts.last_mut() else { break };
            if matches!(content, OpenSource::Reader(_)) && mem::replace(&mut has_asked, true) {
                break;
            }
            let given = content.read(&mut out[filled..])?;
            filled += given.unwrap_or_default();
            if given.is_none() || content.has_ended() {
                self.parts.pop();
            }
        }
        let is_over = self.parts.is_empty() && self.at == self.heads.len();
        Ok(if filled == 0 && is_over { None } else { Some(filled) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::source::tests::{Failing, Interrupted, file};
    use std::io::{self, Cursor, Read};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    const BOUNDARY: &str = "00112233445566778899aabbccddeeff";

    fn form() -> Multipart {
        Multipart::new().boundary(BOUNDARY)
    }

    fn sent_by(form: &Multipart, block: usize) -> Result<Vec<u8>> {
        let (mut open, mut all, mut buffer) = (form.open()?, Vec::new(), vec![0; block]);
        loop {
            match open.read(&mut buffer)? {
                None => return Ok(all),
                Some(count) => all.extend_from_slice(&buffer[..count]),
            }
        }
    }

    /// Sent in blocks of every size, which must change nothing; checks the announced length too.
    fn torn(form: &Multipart) -> String {
        let whole = sent_by(form, 4096).unwrap();
        for block in 1..whole.len() {
            assert_eq!(sent_by(form, block).unwrap(), whole, "in blocks of {block}");
        }
        assert_eq!(form.length(), Some(whole.len() as u64));
        String::from_utf8(whole).unwrap()
    }

    // WIRE-04, BODY-25
    #[test]
    fn the_layout_is_that_of_requests_to_the_byte() {
        let form = form()
            .part("up", Part::bytes("hello").file_name("h.txt").mime("text/plain"))
            .prepend_fields([("f".to_owned(), "v".to_owned())]);

        let want = "--00112233445566778899aabbccddeeff\r\n\
            Content-Disposition: form-data; name=\"f\"\r\n\
            \r\n\
            v\r\n\
            --00112233445566778899aabbccddeeff\r\n\
            Content-Disposition: form-data; name=\"up\"; filename=\"h.txt\"\r\n\
            Content-Type: text/plain\r\n\
            \r\n\
            hello\r\n\
            --00112233445566778899aabbccddeeff--\r\n";
        assert_eq!(torn(&form), want);
        assert_eq!((want.len(), form.length()), (253, Some(253)));
        assert_eq!(form.content_type(), "multipart/form-data; boundary=00112233445566778899aabbccddeeff");
    }

    // BODY-20, TBELT-03
    #[test]
    fn parts_keep_their_order_and_may_share_a_name() {
        let parts = vec![("b", Part::text("1")), ("a", Part::text("")), ("b", Part::text("2"))];

        let text = torn(&Multipart::from(parts).boundary("B"));

        assert_eq!(
            text,
            "--B\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\n1\r\n\
            --B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n\
            --B\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\n2\r\n--B--\r\n"
        );
    }

    // BODY-22, BODY-27
    #[test]
    fn names_are_raw_utf8_with_quotes_and_line_breaks_escaped() {
        for (name, file_name, want) in [
            ("f", None, r#"name="f""#),
            ("", Some("a"), r#"name=""; filename="a""#),
            ("\u{fc}", Some("\u{65e5}.txt"), "name=\"\u{fc}\"; filename=\"\u{65e5}.txt\""),
            ("a\"b", Some("c\"d"), r#"name="a%22b"; filename="c%22d""#),
            ("f", Some("a\r\nb.txt"), r#"name="f"; filename="a%0D%0Ab.txt""#),
            ("f\0\r\nX: y", Some("\n\0"), r#"name="f%00%0D%0AX: y"; filename="%0A%00""#),
            ("a\\b%22", Some("%"), r#"name="a\b%22"; filename="%""#),
        ] {
            let part = file_name.into_iter().fold(Part::text("x"), Part::file_name);

            let text = torn(&form().part(name, part));

            let want = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {want}\r\n\r\nx\r\n--{BOUNDARY}--\r\n");
            assert_eq!(text, want);
        }
    }

    #[test]
    fn nothing_gets_a_line_break_into_a_head() {
        let part = || Part::text("x");

        for (form, want) in [
            (form().part("f", part().mime("a/b\r\nX: y")), "Content-Type"),
            (form().part("f", part().mime("a\0b")), "Content-Type"),
            (form().part("f", part().header("X", "a\nb")), "\"X\""),
            (form().part("f", part().header("X", "a\rb").header("X", "fine")), "\"X\""),
            (form().part("f", part().header("X: y\r\nZ", "a")), "not a token"),
            (form().part("f", part().header("", "a")), "not a token"),
            (form().part("e", part()).part("f", part().mime("\n").header("", "a")), "Content-Type"),
            (form().boundary("a\r\nb"), "boundary"),
            (form().boundary(""), "boundary"),
            (form().boundary("a b"), "boundary"),
            (form().boundary("a".repeat(71)), "boundary"),
        ] {
            let error = form.open().map(drop).unwrap_err();

            assert_eq!(error.kind(), ErrorKind::InvalidHeader);
            assert!(error.to_string().contains(want), "{error}");
        }
    }

    // BODY-26
    #[test]
    fn a_boundary_is_32_hex_digits_and_another_each_time() {
        let boundary = Multipart::new().boundary;

        assert!(boundary.len() == 32 && boundary.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
        assert_ne!(boundary, Multipart::new().boundary);
    }

    // BODY-21
    #[test]
    fn a_file_part_bears_the_last_component_of_its_path() {
        // Windows forbids quotes in the names of files.
        let (name, shown) =
            if cfg!(windows) { ("petition 'q'", "petition 'q'") } else { ("petition \"q\"", "petition %22q%22") };
        let path = std::env::temp_dir().join(format!("{name} {}", std::process::id()));
        std::fs::write(&path, "content").unwrap();
        let part = Part::file(&path);
        std::fs::remove_file(&path).unwrap();

        let text = torn(&form().part("doc", part.unwrap()));

        let name = format!("filename=\"{shown} {}\"\r\n\r\ncontent\r\n", std::process::id());
        assert!(text.contains(&name), "{text}");
        let missing = Part::file(&path).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::Io);
        assert!(missing.to_string().starts_with("cannot open "));
    }

    // TBELT-04
    #[test]
    fn a_form_of_files_is_sent_again_from_where_they_stood() {
        let mut standing = file(b"0123456789");
        io::Seek::seek(&mut standing, io::SeekFrom::Start(4)).unwrap();

        let form = form()
            .part("f", Part::from(standing))
            .part("g", Part::seekable(Cursor::new("cursor")).unwrap())
            .part("h", Part::from(file(b"third")));

        assert!(form.is_replayable());
        let text = torn(&form);
        assert!(text.contains("\r\n\r\n456789\r\n--") && text.contains("cursor\r\n") && text.contains("third\r\n"));
    }

    #[test]
    fn one_reader_makes_the_length_unknown_and_the_form_sendable_once() {
        let form = form().text("a", "1").part("s", Part::reader(Cursor::new("stream")));

        assert_eq!((form.length(), form.is_replayable(), form.is_spent()), (None, false, false));
        let text = String::from_utf8(sent_by(&form, 16).unwrap()).unwrap();
        assert!(text.ends_with(&format!("name=\"s\"\r\n\r\nstream\r\n--{BOUNDARY}--\r\n")));

        assert!(form.is_spent());
        assert_eq!(form.open().map(drop).unwrap_err().kind(), ErrorKind::UnrewindableBody);
    }

    #[test]
    fn a_sized_part_announces_the_length_and_keeps_it() {
        let whole = form().part("s", Part::sized(Cursor::new("12345"), 5));
        let want = whole.length().unwrap();
        assert_eq!(sent_by(&whole, 16).unwrap().len() as u64, want);

        for length in [4, 6] {
            let error = sent_by(&form().part("s", Part::sized(Cursor::new("12345"), length)), 16).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Io, "{length}");
        }
    }

    #[test]
    fn lengths_that_no_number_holds_are_not_known() {
        let part = || Part::sized(io::empty(), u64::MAX / 2);

        assert_eq!(form().part("a", part()).part("b", part()).part("c", part()).length(), None);
        // The framing does not fit either, wherever it exceeds.
        let framing = form().part("a", Part::sized(io::empty(), 0)).length().unwrap();
        for less in [0, 1, 2, framing / 2, framing - 1, framing] {
            let length = form().part("a", Part::sized(io::empty(), u64::MAX - less)).length();
            assert_eq!(length, (less == framing).then_some(u64::MAX), "{less} of {framing}");
        }
    }

    #[test]
    fn a_part_that_fails_is_an_error_in_the_middle() {
        let form = form().part("s", Part::reader(Failing(vec![b"abc"])));

        assert_eq!(sent_by(&form, 4096).unwrap_err().kind(), ErrorKind::Io);
    }

    #[test]
    fn a_block_waits_for_one_read_only() {
        let form = form().boundary("B").text("a", "1").part("s", Part::reader(Failing(vec![b"first", b"second"])));
        let mut open = form.open().unwrap();
        let mut buffer = [0; 4096];

        let count = open.read(&mut buffer).unwrap().unwrap();

        assert!(buffer[..count].starts_with(b"--B\r\n") && buffer[..count].ends_with(b"first"));
    }

    // All of them were asked, as each had ended with what it gave
    #[test]
    fn a_block_asks_one_reader_only_also_if_that_has_ended() {
        struct Counted(Arc<AtomicUsize>, Cursor<&'static str>);
        impl Read for Counted {
            fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
                // A reader of declared length is also asked, with room for one byte, whether it has ended.
                if out.len() > 1 {
                    self.0.fetch_add(1, Relaxed);
                }
                self.1.read(out)
            }
        }
        for (kind, content, part) in [
            ("sized", "abc", (|reader| Part::sized(reader, 3)) as fn(Counted) -> Part),
            ("of unknown length", "abc", |reader| Part::reader(reader)),
            ("empty", "", |reader| Part::reader(reader)),
        ] {
            let asked: Arc<AtomicUsize> = Arc::default();
            let form = || {
                let counted = || Counted(Arc::clone(&asked), Cursor::new(content));
                Multipart::from(["a", "b", "c"].map(|name| (name, part(counted())))).boundary("B").text("last", "1")
            };
            let whole = sent_by(&form(), 4096).unwrap();
            for block in [4096, whole.len() / 3, 40] {
                let (mut open, mut all, mut buffer) = (form().open().unwrap(), Vec::new(), vec![0; block]);
                loop {
                    let before = asked.load(Relaxed);
                    let given = open.read(&mut buffer).unwrap();
                    assert!(asked.load(Relaxed) <= before + 1, "{kind}, in blocks of {block}");
                    let Some(count) = given else { break };
                    all.extend_from_slice(&buffer[..count]);
                }
                assert_eq!(all, whole, "{kind}, in blocks of {block}");
            }
        }
    }

    #[test]
    fn a_form_of_one_file_is_one_block() {
        let form = form().text("a", "1").part("f", Part::from(file(b"content"))).text("b", "2");
        let (mut open, mut buffer) = (form.open().unwrap(), vec![0; 4096]);

        assert_eq!(open.read(&mut buffer).unwrap().map(|count| count as u64), form.length());
        assert_eq!(open.read(&mut buffer).unwrap(), None);
    }

    #[test]
    fn a_part_that_is_interrupted_gives_nothing_yet() {
        let part = Part::reader(Interrupted::new("content", 2));
        let form = form().boundary("B").part("f", part);
        let (mut open, mut all, mut buffer) = (form.open().unwrap(), Vec::new(), vec![0; 4096]);
        while let Some(count) = open.read(&mut buffer).unwrap() {
            all.push(count);
        }

        let head = "--B\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\n".len();
        assert_eq!(all, [head, 0, "content".len(), 0, 0, "\r\n--B--\r\n".len()]);
    }

    // "a 1 GiB part never takes more than 1 MiB": what is held is the caller's block, and no read asks for more.
    #[test]
    fn a_part_of_a_gibibyte_passes_through_one_block() {
        struct Zeros {
            largest: Arc<AtomicUsize>,
        }
        impl Read for Zeros {
            fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
                self.largest.fetch_max(out.len(), Relaxed);
                Ok(out.len())
            }
        }
        const GIB: u64 = 1 << 30;
        const BLOCK: usize = 256 * 1024;
        let largest: Arc<AtomicUsize> = Arc::default();
        let zeros = Zeros { largest: Arc::clone(&largest) };
        let form = form().part("big", Part::sized(zeros.take(GIB), GIB));

        let (mut open, mut buffer, mut total, mut blocks) = (form.open().unwrap(), vec![0; BLOCK], 0, 0);
        loop {
            match open.read(&mut buffer).unwrap() {
                None => break,
                Some(count) => (total, blocks) = (total + count as u64, blocks + 1),
            }
        }

        assert_eq!(Some(total), form.length());
        assert!(largest.load(Relaxed) <= BLOCK);
        assert!(blocks <= GIB / BLOCK as u64 + 2, "{blocks} blocks");
    }

    #[test]
    fn debug_shows_no_content() {
        let form = form().text("password", "secret").part("f", Part::bytes("secret").file_name("a"));

        assert!(!format!("{form:?}").contains("secret"));
    }
}
