//! One part of a multipart form: its head and its content.
//!
//! Names, types and headers can come from untrusted sources, so none of them can put a line break into a head: names
//! are escaped as browsers do, the rest is refused, and the first error is kept until the form is sent.

use std::fmt;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use crate::error::{Error, ErrorKind, Result, system_text};
use crate::form::source::Source;
use crate::headers::is_token;
use crate::setting::IntoSetting;

/// One part of a [`Multipart`](crate::Multipart) form: content, and what its head says about it.
///
/// Only [`Part::file`] sets a file name; a part without one is a plain field. The type is never guessed.
///
/// # Examples
/// ```
/// use petition::Part;
///
/// let part = Part::bytes([0, 1, 2])
///     .file_name("dump.bin")
///     .mime("application/octet-stream")
///     .header("X-Part", "1");
/// # drop(part);
/// ```
#[derive(Clone)]
#[must_use = "a part does nothing until it is sent in a form"]
pub struct Part {
    pub(super) source: Source,
    file_name: Option<String>,
    mime: Option<String>,
    headers: Vec<(String, String)>,
    /// The first header that was refused, reported when the form is sent.
    pub(super) fault: Option<String>,
}

impl Part {
    fn new(source: Source) -> Self {
        Self { source, file_name: None, mime: None, headers: Vec::new(), fault: None }
    }

    /// The file at `path`, named after the last component of the path.
    ///
    /// It is opened now, and read while it is sent.
    ///
    /// # Errors
    /// [`ErrorKind::Io`]: the file cannot be opened.
    pub fn file(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|cause| {
            let text = format!("cannot open {}: {}", path.display(), system_text(&cause));
            Error::message(ErrorKind::Io, text).with_source(cause)
        })?;
        let part = Self::from(file);
        Ok(match path.file_name().map(|name| name.to_string_lossy()) {
            Some(name) => part.file_name(name.into_owned()),
            None => part,
        })
    }

    /// A copy of these bytes. `Part::from` takes over a `Vec<u8>` or a `String` without a copy.
    pub fn bytes(bytes: impl AsRef<[u8]>) -> Self {
        Self::new(bytes.as_ref().into())
    }

    /// Text, in UTF-8.
    pub fn text(text: impl Into<String>) -> Self {
        Self::from(text.into())
    }

    /// A reader of unknown length. The form is sent chunked, and can be sent only once.
    pub fn reader(reader: impl Read + Send + 'static) -> Self {
        Self::new(Source::reader(reader))
    }

    /// A reader with exactly `length` bytes; any other number is an error while it is sent. The form can be sent only
    /// once.
    pub fn sized(reader: impl Read + Send + 'static, length: u64) -> Self {
        Self::new(Source::sized(reader, length))
    }

    /// A reader that can be sent again, from its current position to its current end.
    ///
    /// # Errors
    /// [`ErrorKind::Io`]: it cannot seek.
    pub fn seekable(reader: impl Read + Seek + Send + 'static) -> Result<Self> {
        Source::seekable(reader).map(Self::new)
    }

    /// Sets the file name. A double quote, CR, LF or NUL is sent as `%22`, `%0D`, `%0A` or `%00`. With `None` the part
    /// has none, like a field.
    pub fn file_name(mut self, name: impl IntoSetting<String>) -> Self {
        self.file_name = name.into_setting();
        self
    }

    /// Sets the Content-Type. If it contains a control character, sending is [`ErrorKind::InvalidHeader`]. With `None`,
    /// the default, the part has none.
    #[doc(alias = "mime_str")]
    pub fn mime(mut self, mime: impl IntoSetting<String>) -> Self {
        let mime = mime.into_setting();
        if let Some(mime) = &mime {
            self.note("Content-Type", mime);
        }
        self.mime = mime;
        self
    }

    /// Sets a header, and replaces one of the same name. The value is text, or anything that converts to text. If the
    /// name is not a token, or the value contains a control character, sending is [`ErrorKind::InvalidHeader`].
    ///
    /// # Coming from requests
    /// As in requests, Content-Disposition and Content-Type come from the other setters, whatever is set here, and a
    /// header without a value is not sent.
    pub fn header(mut self, name: impl AsRef<str>, value: impl fmt::Display) -> Self {
        let (name, value) = (name.as_ref().to_owned(), value.to_string());
        self.note(&name, &value);
        match self.headers.iter_mut().find(|(own, _)| own.eq_ignore_ascii_case(&name)) {
            Some(own) => *own = (name, value),
            None => self.headers.push((name, value)),
        }
        self
    }

    /// Keeps the first error in a header.
    fn note(&mut self, name: &str, value: &str) {
        let fault = if name.is_empty() || !name.bytes().all(is_token) {
            format!("invalid header name {name:?} in a multipart form: not a token")
        } else if value.chars().any(|c| c.is_ascii_control() && c != '\t') {
            format!("invalid value for header {name:?} in a multipart form: it contains a control character")
        } else {
            return;
        };
        self.fault.get_or_insert(fault);
    }

    /// The head as requests orders and escapes it, in pieces.
    pub(super) fn each_piece_of_head(&self, name: &str, take: &mut impl FnMut(&str)) {
        take("Content-Disposition: form-data; name=\"");
        escape(name, take);
        if let Some(file_name) = &self.file_name {
            take("\"; filename=\"");
            escape(file_name, take);
        }
        take("\"\r\n");
        let mut line = |name: &str, value: &str| {
            if !value.is_empty() {
                [name, ": ", value, CRLF].into_iter().for_each(&mut *take);
            }
        };
        line("Content-Type", self.mime.as_deref().unwrap_or_default());
        let is = |own: &str, name: &str| own.eq_ignore_ascii_case(name);
        for (name, value) in self.headers.iter().filter(|(name, _)| is(name, "Content-Location")) {
            line(name, value);
        }
        for (name, value) in &self.headers {
            if !["Content-Disposition", "Content-Type", "Content-Location"].iter().any(|own| is(name, own)) {
                line(name, value);
            }
        }
        take(CRLF);
    }
}

/// As browsers do it (WHATWG HTML, multipart/form-data encoding), and NUL too.
fn escape(name: &str, take: &mut impl FnMut(&str)) {
    let mut rest = name;
    while let Some(at) = rest.bytes().position(|byte| matches!(byte, b'"' | b'\r' | b'\n' | b'\0')) {
        take(&rest[..at]);
        take(match rest.as_bytes()[at] {
            b'"' => "%22",
            b'\r' => "%0D",
            b'\n' => "%0A",
            _ => "%00",
        });
        rest = &rest[at + 1..];
    }
    take(rest);
}

mod sealed {
    pub trait Sealed {}
}

/// What can be a file of a form, beside its name: a [`Part`], or an open [`File`].
///
/// A `Part` is sent as it is. A `File` gets the name of the field as its file name, as in requests if it has no other;
/// [`Part::file`] knows the name of the file. The trait is sealed: it cannot be implemented outside this crate.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a file of a form",
    label = "expected a `Part` or a `File`",
    note = "`Part::file(path)?` opens a file, `Part::bytes(content).file_name(name)` has it in memory; fields go into `.data`"
)]
pub trait IntoPart: sealed::Sealed {
    #[doc(hidden)]
    fn into_part(self, name: &str) -> Part;
}

impl sealed::Sealed for Part {}
impl IntoPart for Part {
    fn into_part(self, _: &str) -> Part {
        self
    }
}

impl sealed::Sealed for File {}
impl IntoPart for File {
    fn into_part(self, name: &str) -> Part {
        Part::from(self).file_name(name)
    }
}

/// A file from its current position, without a file name.
impl From<File> for Part {
    fn from(file: File) -> Self {
        Self::new(Source::file(file))
    }
}

/// Without a copy.
impl From<Vec<u8>> for Part {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(bytes.into())
    }
}

/// Without a copy.
impl From<String> for Part {
    fn from(text: String) -> Self {
        Self::new(text.into())
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part")
            .field("file_name", &self.file_name)
            .field("mime", &self.mime)
            .field("content", &self.source)
            .finish_non_exhaustive()
    }
}

pub(super) const CRLF: &str = "\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    /// The head of a part, without its Content-Disposition.
    fn head(part: &Part) -> String {
        let mut head = String::new();
        part.each_piece_of_head("f", &mut |piece| head.push_str(piece));
        head.split_once(CRLF).unwrap().1.to_owned()
    }

    // BODY-23, BODY-24
    #[test]
    fn part_headers_have_the_order_of_urllib3() {
        let part = || Part::text("x").file_name("index.html");

        for (part, want) in [
            (part(), "\r\n"),
            (part().header("X-A", "1").mime("a/b"), "Content-Type: a/b\r\nX-A: 1\r\n\r\n"),
            (
                part().header("X-A", "1").header("content-location", "/x").mime("a/b"),
                "Content-Type: a/b\r\ncontent-location: /x\r\nX-A: 1\r\n\r\n",
            ),
            (part().header("Content-Type", "c/d").mime("a/b"), "Content-Type: a/b\r\n\r\n"),
            (part().header("content-type", "c/d"), "\r\n"),
            (part().header("Content-Disposition", "attachment"), "\r\n"),
            (
                part().header("X-A", "1").header("X-B", "\u{65e5}\t2").header("x-a", "3"),
                "x-a: 3\r\nX-B: \u{65e5}\t2\r\n\r\n",
            ),
            (part().header("X-A", "").mime(""), "\r\n"),
        ] {
            assert_eq!(head(&part), want);
            part.fault.map_or(Ok(()), Err).unwrap();
        }
    }

    #[test]
    fn a_file_name_and_a_type_are_unset_by_none_and_a_header_has_any_text_form() {
        let part = Part::text("x").file_name("a").mime("a/b").header("X-Count", 5).file_name(None).mime(None);

        let mut out = String::new();
        part.each_piece_of_head("f", &mut |piece| out.push_str(piece));

        assert_eq!(out, "Content-Disposition: form-data; name=\"f\"\r\nX-Count: 5\r\n\r\n");
    }
}
