//! The loop of a download: ask for the file, or for the rest of it, copy what comes, and go on where it broke.
//!
//! Each request goes through the whole session, with its redirects, cookies and auth. All of them share one limit on the whole,
//! one token and the retries of the adapter. The rule that keeps it sound: bytes are added only if a strong validator says that
//! they are of the same file, and go where `Content-Range` says.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::answer::{Answer, Asked, is_coded, refuses_ranges, total};
use super::checksum::Checksum;
use super::sink::Sink;
use super::state::State;
use super::validator::Validator;
use crate::adapter::{SendOptions, SharedRetries};
use crate::clock;
use crate::error::{Error, ErrorKind, Result, system_text};
use crate::message::coding;
use crate::message::response::Outgoing;
use crate::message::{PreparedRequest, Request, Response};
use crate::session::{Session, prepare, redirect};

/// How much is read at once.
const PIECE: usize = 64 * 1024;

/// What is called with the number of bytes so far, and the length if it is known.
type Progress<'p> = dyn FnMut(u64, Option<u64>) + Send + 'p;

/// How a download is done.
pub(super) struct Plan<'p> {
    pub(super) path: PathBuf,
    pub(super) resume: bool,
    pub(super) progress: Option<Box<Progress<'p>>>,
    pub(super) checksum: Option<Box<dyn Checksum>>,
}

/// What has come of it.
pub(super) struct Fetched {
    pub(super) bytes: u64,
    pub(super) resumed: bool,
    pub(super) response: Response,
}

struct Fetch<'a, 'p> {
    session: &'a Session,
    request: PreparedRequest,
    options: SendOptions,
    retries: Arc<SharedRetries>,
    plan: Plan<'p>,
    sink: Sink,
    /// How much of the file there is.
    done: u64,
    /// How much of it the checksum has seen.
    summed: u64,
    /// Of which file it is a part; `None` if no part of it can be asked for.
    known: Option<State>,
    total: Option<u64>,
    /// Whether a part was answered with something that is none.
    is_whole_only: bool,
    resumed: bool,
}

impl Session {
    /// Downloads what `request` asks for.
    pub(super) fn fetch(&self, request: PreparedRequest, mut options: SendOptions, plan: Plan<'_>) -> Result<Fetched> {
        let retries = Arc::new(SharedRetries::default());
        options.stream = true;
        options.shared_retries = Some(Arc::clone(&retries));
        options.begin(clock::now());
        let sink = Sink::open(&plan.path, plan.resume).map_err(|error| cannot_write(&plan.path, error))?;
        let mut fetch = Fetch {
            session: self,
            request,
            options,
            retries,
            plan,
            sink,
            done: 0,
            summed: 0,
            known: None,
            total: None,
            is_whole_only: false,
            resumed: false,
        };
        fetch.find_part()?;
        let response = fetch.run()?;
        fetch.finish(response)
    }
}

impl Fetch<'_, '_> {
    /// Takes over what an earlier run has left, if it is known what it is.
    fn find_part(&mut self) -> Result<()> {
        let left = self.sink.left().map_err(|error| cannot_write(&self.plan.path, error))?;
        let Some((text, length)) = left else { return Ok(()) };
        let Some(state) = State::parse(&text, &self.request.url) else { return Ok(()) };
        if state.total.is_none_or(|total| length <= total) {
            (self.done, self.total, self.known) = (length, state.total, Some(state));
        }
        Ok(())
    }

    fn run(&mut self) -> Result<Response> {
        let (mut is_first, mut is_answered) = (true, false);
        loop {
            let from = self.next_byte();
            let mut request = self.request.clone();
            if !is_first {
                request.check_replayable("the rest of a download")?;
            }
            let asked = match (&self.known, from) {
                (Some(known), 1..) => {
                    request.headers.set("Range", &format!("bytes={from}-"));
                    request.headers.set("If-Range", known.validator.text());
                    Some(Asked { from, validator: &known.validator, total: self.total })
                }
                _ => None,
            };
            // Last, as an auth sees the headers as they are sent.
            if !std::mem::take(&mut is_first) || asked.is_some() {
                self.renew(&mut request)?;
            }
            let sent = self.session.follow_on(Outgoing::new(request), &mut self.options.clone(), self.session.moment());
            let response = sent.map_err(|error| error.after(is_answered))?;
            is_answered = true;
            match Answer::of(response.status_code().as_u16(), response.headers(), asked.as_ref()) {
                Answer::Refused => {
                    // The caller may read it, and its connection must not wait for that.
                    response.keep_for_later()?;
                    return Err(response.status_error(&response.url().for_errors()));
                }
                Answer::Useless => {
                    response.keep_for_later()?;
                    self.forget();
                    continue;
                }
                Answer::Whole => self.begin(&response)?,
                Answer::Part { end, total } => {
                    self.go_on(from, total)?;
                    match self.copy(response, Some(end))? {
                        Copied::Complete(response) => return Ok(response),
                        Copied::Broken => continue,
                    }
                }
            }
            match self.copy(response, None)? {
                Copied::Complete(response) => return Ok(response),
                Copied::Broken => {}
            }
        }
    }

    /// The first byte to ask for: 0 for all of them.
    fn next_byte(&self) -> u64 {
        match (&self.known, self.total) {
            (None, _) => 0,
            _ if self.is_whole_only => 0,
            // All of it was written by an earlier run, which ended before it could say so. The last byte tells whether it is
            // still the same file.
            (Some(_), Some(total)) if self.done == total => self.done.saturating_sub(1),
            (Some(_), _) => self.done,
        }
    }

    /// Gives a request that is sent again the cookies of now, and its auth.
    fn renew(&self, request: &mut PreparedRequest) -> Result<()> {
        redirect::take_back_auth(request);
        if !request.extras.own_cookie_header {
            request.headers.remove("cookie");
        }
        prepare::for_another_url(self.session, request)
    }

    /// Parts are of no use with this server.
    fn forget(&mut self) {
        self.is_whole_only = true;
        self.known = None;
    }

    /// The whole file comes.
    fn begin(&mut self, response: &Response) -> Result<()> {
        let headers = response.headers();
        let validator = Validator::of_answer(headers, clock::wall());
        let can_go_on = !self.is_whole_only && self.is_get() && !is_coded(headers) && !refuses_ranges(headers);
        self.total = total(headers);
        self.known = validator.filter(|_| can_go_on).map(|validator| State { validator, total: self.total });
        let text = self.known.as_ref().map(|known| known.to_text(&self.request.url));
        if self.done > 0 || matches!(self.sink, Sink::Part(_)) {
            self.sink.restart(text.as_deref()).map_err(|error| cannot_write(&self.plan.path, error))?;
        }
        if let Some(checksum) = &mut self.plan.checksum {
            checksum.restart();
        }
        (self.done, self.summed, self.resumed) = (0, 0, false);
        self.report();
        Ok(())
    }

    fn is_get(&self) -> bool {
        self.request.method == http::Method::GET
    }

    /// The rest comes, from byte `from` on.
    fn go_on(&mut self, from: u64, total: Option<u64>) -> Result<()> {
        let (checksum, summed) = (&mut self.plan.checksum, self.summed);
        // Reading back what another run wrote is for the checksum alone.
        let back_from = if checksum.is_some() { summed } else { from };
        let add = |bytes: &[u8]| {
            if let Some(checksum) = checksum {
                checksum.add(bytes);
            }
        };
        self.sink.go_on(back_from, from, add).map_err(|error| cannot_write(&self.plan.path, error))?;
        (self.done, self.summed, self.total) = (from, from, total);
        self.resumed = true;
        self.report();
        Ok(())
    }

    /// Copies a body, which must end at byte `end` if that is given.
    fn copy(&mut self, mut response: Response, end: Option<u64>) -> Result<Copied> {
        let mut piece = vec![0; PIECE];
        loop {
            let n = match response.read(&mut piece) {
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return self.broke(response, error.into()),
            };
            if n == 0 {
                break;
            }
            if end.is_some_and(|end| n as u64 > end - self.done) {
                // More than its Content-Range: who knows what it is.
                response.close();
                self.forget();
                return Ok(Copied::Broken);
            }
            self.write(&piece[..n])?;
        }
        let wanted = end.or(self.total);
        if wanted.is_some_and(|wanted| self.done < wanted) {
            let text = format!("body ended early: {} of {} bytes", self.done, wanted.unwrap_or_default());
            let error = Error::message(ErrorKind::ChunkedEncodingError, text).at(response.url());
            return self.broke(response, error);
        }
        // A server may send less than all that was asked for.
        if self.total.is_some_and(|total| self.done < total) {
            return Ok(Copied::Broken);
        }
        Ok(Copied::Complete(response))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.sink.write_all(bytes).map_err(|error| cannot_write(&self.plan.path, error))?;
        if let Some(checksum) = &mut self.plan.checksum {
            checksum.add(bytes);
        }
        self.done += bytes.len() as u64;
        self.summed = self.done;
        self.report();
        Ok(())
    }

    fn report(&mut self) {
        if let Some(progress) = &mut self.plan.progress {
            progress(self.done, self.total);
        }
    }

    /// The body broke. The adapter that sends next decides whether there is another attempt.
    fn broke(&mut self, response: Response, error: Error) -> Result<Copied> {
        use ErrorKind::{ChunkedEncodingError, ConnectionError, ProxyError, ReadTimeout, SslError};

        if self.done > 0 && self.total == Some(self.done) {
            // Nothing is missing except the end of the framing.
            return Ok(Copied::Complete(response));
        }
        if !matches!(error.kind(), ChunkedEncodingError | ConnectionError | ProxyError | ReadTimeout | SslError) {
            return Err(error);
        }
        let can_restart = self.done == 0 || self.known.is_some() || self.sink.can_restart();
        if !can_restart {
            return Err(error);
        }
        self.retries.broke(error.with_request(response.request()))?;
        Ok(Copied::Broken)
    }

    fn finish(self, response: Response) -> Result<Fetched> {
        let Self { mut plan, sink, done, resumed, .. } = self;
        if let Some(Err(error)) = plan.checksum.as_mut().map(|checksum| checksum.finish()) {
            // To go on with it would not make it right.
            sink.discard();
            return Err(error.at(response.url()).with_request(response.request()));
        }
        sink.commit().map_err(|error| cannot_write(&plan.path, error))?;
        Ok(Fetched { bytes: done, resumed, response })
    }
}

enum Copied {
    Complete(Response),
    Broken,
}

/// A part of a coded body cannot be decoded, so codings are not offered, unless the program offers its own. It comes before the
/// request is prepared, as an auth sees the headers as they are sent.
pub(super) fn ask_for_the_bytes(session: &Session, request: &mut Request) {
    const NAME: &str = "Accept-Encoding";
    if request.headers.contains(NAME) || request.details.skip.accept_encoding {
        return;
    }
    let is_removed = request.details.removed.iter().any(|removed| removed.eq_ignore_ascii_case(NAME));
    let is_free = is_removed || !session.headers.contains(NAME);
    if is_free || session.headers.get_all(NAME).eq([coding::accept_encoding()]) {
        request.headers.set(NAME, "identity");
    }
}

fn cannot_write(target: &Path, error: io::Error) -> Error {
    let text = format!("cannot write {}: {}", target.display(), system_text(&error));
    Error::message(ErrorKind::Io, text).with_source(error)
}
