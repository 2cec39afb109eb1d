//! What a program calls: the settings of a download, and what it learns from one.

use std::fmt;
use std::path::{Path, PathBuf};

use http::Method;

use super::fetch::{Plan, ask_for_the_bytes};
use crate::error::{Error, ErrorKind, Result};
use crate::message::Response;
use crate::session::RequestBuilder;

impl<'s> RequestBuilder<'s> {
    /// Downloads the response to a file, and goes on where a connection broke. [`Download::run`] starts it.
    ///
    /// The file appears under its name only when it is complete; an older one stays until then. A status that is not 2xx, and
    /// a 2xx without content, is an error.
    ///
    /// # When a connection breaks
    ///
    /// The rest is asked for (`Range`), as long as the adapter's [`Retry`](crate::Retry) permits it: a body that breaks counts
    /// as a `read` error, and the whole download has one `Retry`, also for its redirects. What arrives resets no count, so
    /// allow as many retries as there may be breaks. The default is none, as in requests. The backoff, the limit
    /// [`Timeout::total`](crate::Timeout::total), which is for the whole download, and the [`Cancel`](crate::Cancel) apply.
    ///
    /// What comes is added only if it is certain to be of the same file: the first answer needs a strong `ETag`, or no `ETag`
    /// and a `Last-Modified` that is at least one second before its `Date` (RFC 9110 §13.1.5; 60 seconds before it arrived,
    /// if it has no `Date`), which is sent as `If-Range`. In any other case the download begins anew, from its first byte: the
    /// file has changed, there is no such validator, the server sends no parts, a part that does not fit, or 416, or the
    /// method is not GET.
    ///
    /// # The content
    ///
    /// The request asks for the bytes as they are (`Accept-Encoding: identity`), unless the program sets that header. If they
    /// come with a coding all the same, it is undone, as in [`Response::content`], and a broken download begins anew.
    /// The length is checked, if the server states it.
    ///
    /// # Coming from requests
    /// New here. urllib3 never retries once the body has begun.
    ///
    /// # Examples
    /// ```
    /// # let folder = std::env::temp_dir().join(format!("petition-doc-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// # let path = folder.join("big.iso");
    /// use petition::{HttpAdapter, Retry, Session};
    ///
    /// let mut session = Session::new();
    /// # session.trust_env = false; // no proxy of this machine
    /// session.timeout = (3.05, 27).into();
    /// let retry = Retry::new().total(10).backoff_factor(0.5);
    /// session.mount_all(HttpAdapter::builder().max_retries(retry).build());
    /// # session.mount("http://files.test/", petition::adapter_fn(|_, _| petition::Response::builder(200).body("a large file").build()));
    ///
    /// let request = session.get("http://files.test/big.iso");
    /// let done = request.download(&path).resume(true).run()?;
    /// assert_eq!((done.bytes(), done.resumed()), (12, false));
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn download(self, path: impl AsRef<Path>) -> Download<'s> {
        let plan = Plan { path: path.as_ref().to_owned(), resume: false, progress: None, checksum: None };
        Download { request: self, plan, error: None }
    }
}

/// A download to a file: settings in any order, then [`run`](Self::run).
///
/// [`RequestBuilder::download`] makes one, and says what happens when a connection breaks.
///
/// # Examples
/// ```no_run
/// # let session = petition::Session::new();
/// let done = session
///     .get("https://example.com/big.iso")
///     .download("big.iso")
///     .resume(true)
///     .on_progress(|done, total| println!("{done} of {total:?} bytes"))
///     .run()?;
/// println!("{} bytes", done.bytes());
/// # Ok::<(), petition::Error>(())
/// ```
#[must_use = "a download does nothing until `run`"]
pub struct Download<'s> {
    request: RequestBuilder<'s>,
    plan: Plan<'s>,
    error: Option<Error>,
}

impl<'s> Download<'s> {
    /// Whether a download that does not finish keeps what it has, for the next run of the program. False by default.
    ///
    /// It then writes to `name.part` beside the file, and notes in `name.part.state` of which file that is a part. Both stay
    /// if the download fails, is cancelled, or the process ends; also if the disk is full. The next download with
    /// `resume(true)` to the same path goes on with them, if it is for the same URL and the note has a strong validator;
    /// otherwise it begins anew. Both are gone when the file is complete, and if nothing was written, or the checksum is
    /// wrong. The note has no URL in it and no credentials, only a hash.
    ///
    /// The part is locked while it is written. A second download to the same path does not wait, and does not touch it: it
    /// writes a file of its own, as without `resume`, and the last one to finish replaces the file. So does a download that
    /// finds the part of another user or one that it may not write to, or a note of another user that it may not remove, and
    /// one to a name so long that the file system has none that is 11 characters longer (on most systems, a name of more than
    /// 244 bytes). A part is never readable by anyone who could not read the file.
    ///
    /// Without `resume` a download goes on after a broken connection too, but leaves nothing if it fails. (If the process is
    /// killed, its hidden partial file stays.)
    ///
    /// With a method other than GET, [`run`](Self::run) is [`ErrorKind::InvalidSetting`].
    pub fn resume(mut self, resume: bool) -> Self {
        self.plan.resume = resume;
        self
    }

    /// Calls `progress` with the number of bytes in the file, and its length if that is known: once when the download begins or
    /// goes on, and after each piece.
    ///
    /// The first call has what an earlier run wrote. If the download begins anew, the count goes back to 0.
    pub fn on_progress(mut self, progress: impl FnMut(u64, Option<u64>) + Send + 's) -> Self {
        self.plan.progress = Some(Box::new(progress));
        self
    }

    /// Checks that the complete file has this SHA-256, 64 hexadecimal digits in either case.
    ///
    /// If it has not, [`run`](Self::run) is [`ErrorKind::ChecksumMismatch`], and neither a file nor a part is left of it; an
    /// older file stays. Anything but 64 digits is [`ErrorKind::InvalidSetting`], before anything is sent.
    #[cfg(feature = "digest")]
    pub fn sha256(mut self, hex: impl AsRef<str>) -> Self {
        match super::checksum::of_hex(hex.as_ref()) {
            Ok(checksum) => self.plan.checksum = Some(checksum),
            Err(error) => self.error = self.error.or(Some(error)),
        }
        self
    }

    /// Downloads, and returns when the file is complete and on the disk.
    ///
    /// # Errors
    /// As [`RequestBuilder::send`], and:
    /// - [`ErrorKind::HttpError`], with the response: the status is not 2xx, or there is no content (204, 205).
    /// - the error of the body, if it broke and no retry is left: most often [`ErrorKind::ChunkedEncodingError`] or
    ///   [`ErrorKind::ReadTimeout`]. Its [`retries`](Error::retries) has the history.
    /// - [`ErrorKind::ChecksumMismatch`]: see [`sha256`](Self::sha256).
    /// - [`ErrorKind::Io`]: the file cannot be written, for example because the disk is full.
    /// - [`ErrorKind::InvalidSetting`]: the method is HEAD; the method is not GET and `resume` is set; or the request has a
    ///   `Range` or `If-Range` header, which a download sets itself.
    ///
    /// Whatever the error, an older file stays as it was.
    pub fn run(self) -> Result<Downloaded> {
        let Self { request, plan, error } = self;
        if let Some(error) = error {
            return Err(error);
        }
        let path = plan.path.clone();
        request.with_session(|session, request, settings| {
            ask_for_the_bytes(session, request);
            let (prepared, options) = session.prepare_to_send(request, settings)?;
            let problem = if prepared.method == Method::HEAD {
                Some("a response to HEAD has no content to download".to_owned())
            } else if plan.resume && prepared.method != Method::GET {
                Some(format!("only a GET can be resumed, not a {}", prepared.method))
            } else {
                ["Range", "If-Range"]
                    .into_iter()
                    .find(|name| prepared.headers.contains(name))
                    .map(|name| format!("a download sets {name} itself; to save a part, use send and save_to"))
            };
            if let Some(text) = problem {
                return Err(Error::message(ErrorKind::InvalidSetting, text).with_request(&prepared));
            }
            let fetched = session.fetch(prepared, options, plan)?;
            Ok(Downloaded { path, bytes: fetched.bytes, resumed: fetched.resumed, response: fetched.response })
        })
    }
}

impl fmt::Debug for Download<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("request", &self.request)
            .field("path", &self.plan.path)
            .field("resume", &self.plan.resume)
            .finish_non_exhaustive()
    }
}

/// A finished download: see [`Download::run`].
#[derive(Clone, Debug)]
pub struct Downloaded {
    path: PathBuf,
    bytes: u64,
    resumed: bool,
    response: Response,
}

impl Downloaded {
    /// The length of the file, in bytes: also of those that were there before.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether some of the file came from an earlier connection, of this run or of an earlier one. False if the file came in
    /// one piece, and if the download had to begin anew and then came in one piece.
    #[must_use]
    pub fn resumed(&self) -> bool {
        self.resumed
    }

    /// The path, as it was given.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The last response, for its headers and its URL. Its status is 206 if the download was resumed, and its body has been
    /// read.
    #[must_use]
    pub fn response(&self) -> &Response {
        &self.response
    }
}
