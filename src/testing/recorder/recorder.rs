//! The adapter that records and replays.

use std::fmt;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::StatusCode;
use parking_lot::Mutex;

use super::cassette;
use super::interaction::{Interaction, Received, Sent};
use super::matching::MatchOn;
use super::secrets::Secrets;
use super::tee::{Heard, Tee};
use crate::adapter::{Adapter, HttpAdapter, PoolStats, SendOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::headers::Headers;
use crate::http1::head::ResponseHead;
use crate::log_targets;
use crate::message::coding::{self, DecodeLimits};
use crate::message::stream::Plain;
use crate::message::{Body, PreparedRequest, Response, Version};
use crate::testing::MockRequest;
use crate::testing::received::received;

/// Up to this size the file is written after each interaction.
const SMALL_FILE: usize = 256 * 1024;

/// An [`Adapter`] that records what passes through it to one file, and replays it afterwards without a network, as vcrpy does
/// for requests (feature `json`).
///
/// The file is JSON for people to read: requests and responses in order, bodies as text where they are text and otherwise in
/// base64, content codings undone. It is written whole or not at all.
///
/// Replaying, each recorded interaction answers one request: the first that is left and [matches](Self::match_on). If none does,
/// a mask in a recorded request stands for any text but none: a secret that only an answer had is not known then. A request
/// without an answer is an error that names the nearest, of kind [`ErrorKind::Other`], so that nothing tries it again. Redirects
/// and cookies work as they did. Failures are not recorded: a request that fails, or a body that breaks, is not in the file. Of a
/// body that the program gives up, the file has what was read, decoded as far as it goes. A body whose content coding cannot be
/// undone, or not within the limits of the adapter, is left out with a warning in the log: its secrets could not be masked. A
/// response of which nobody has read the body is added when it is dropped.
///
/// # Secrets
///
/// By default the file has no credentials and no cookies: `***` takes the place of the values of `Authorization`, `Cookie`,
/// `Set-Cookie` (each cookie keeps its name and attributes), user info, what an [`Auth`](crate::Auth) set (except headers that
/// describe the request, as `Content-Type` does), and whatever has a telling name (`api_key`, `access_token`, `client_secret`,
/// `password`, …), as a header, in a query, in a form and in JSON. A value of six characters or more that was masked once is
/// masked in all that is recorded after it, also where a server echoes it: as it is, percent-encoded, or escaped as in JSON or
/// HTML, in a body of any kind. A value that is such a name itself, as `password`, is masked only where its own name tells.
///
/// What is masked stays fit for use. In a host the mask is `masked`, so that a URL stays one. In JSON of a response, a number with
/// such a value in it is 0. Nothing is masked in the `Domain`, `Path`, `SameSite` and times of a cookie, without which a replay
/// would not send it, nor in a `Content-Length`.
///
/// [`mask`](Self::mask) adds names, [`keep`](Self::keep) takes some away. A secret whose name does not tell, in HTML or in a binary
/// body, is not recognized: read a new file before it is published. Replayed responses have the masks.
///
/// # Examples
/// ```
/// # let folder = std::env::temp_dir().join(format!("petition-recorder-{}", std::process::id()));
/// # let path = folder.join("items.json");
/// use petition::Session;
/// use petition::testing::{Recorder, Reply, TestServer};
///
/// let server = TestServer::http(|_| Reply::json(&["a", "b"]));
/// let url = server.url("/items?token=secret");
/// let fetch = || {
///     let mut session = Session::new();
///     session.trust_env = false; // no proxy of this machine
///     session.mount_all(Recorder::auto(&path)); // tests/cassettes/items.json
///     session.get(&url).send()?.json::<Vec<String>>()
/// };
///
/// assert_eq!(fetch()?, ["a", "b"]); // records
/// drop(server);
/// assert_eq!(fetch()?, ["a", "b"]); // replays
/// assert!(!std::fs::read_to_string(&path)?.contains("secret"));
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Recorder {
    shared: Arc<Shared>,
}

struct Shared {
    path: PathBuf,
    inner: Mutex<Arc<dyn Adapter>>,
    state: Mutex<State>,
}

struct State {
    mode: Mode,
    match_on: Vec<MatchOn>,
    secrets: Secrets,
    /// Why nothing can be replayed, or the last recording could not be written; the next send returns it.
    fault: Option<Error>,
}

enum Mode {
    Replay {
        recorded: Vec<Interaction>,
        used: Vec<bool>,
    },
    Record {
        /// In the order of the requests; those whose body is still being read are missing.
        recorded: Vec<Option<Interaction>>,
        /// How large the file was, and how much has come since.
        written: usize,
        unwritten: usize,
    },
    /// The file cannot be replayed.
    Nothing,
}

impl Recorder {
    /// Replays the file at `path` if there is one, otherwise records to it.
    ///
    /// To record anew, delete the file. What is wrong with the file is an error of each send.
    #[must_use]
    pub fn auto(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        match cassette::read(path) {
            Ok(Some(recorded)) => Self::new(path, Mode::replay(recorded), None),
            Ok(None) => Self::record(path),
            Err(error) => Self::new(path, Mode::Nothing, Some(error)),
        }
    }

    /// Records to `path`. An older file is replaced when the first interaction is complete.
    #[must_use]
    pub fn record(path: impl AsRef<Path>) -> Self {
        Self::new(path.as_ref(), Mode::Record { recorded: Vec::new(), written: 0, unwritten: 0 }, None)
    }

    /// Replays the file at `path`, and never uses the network. Without the file each send is [`ErrorKind::Io`].
    #[must_use]
    pub fn replay(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        match cassette::read(path) {
            Ok(Some(recorded)) => Self::new(path, Mode::replay(recorded), None),
            Ok(None) => {
                let text = format!("there is no recording {} to replay", path.display());
                Self::new(path, Mode::Nothing, Some(Error::message(ErrorKind::Io, text)))
            }
            Err(error) => Self::new(path, Mode::Nothing, Some(error)),
        }
    }

    fn new(path: &Path, mode: Mode, fault: Option<Error>) -> Self {
        let state = State { mode, match_on: MatchOn::usual(), secrets: Secrets::default(), fault };
        let inner: Arc<dyn Adapter> = Arc::new(HttpAdapter::new());
        let shared = Shared { path: path.to_owned(), inner: Mutex::new(inner), state: Mutex::new(state) };
        Self { shared: Arc::new(shared) }
    }

    /// Sends with this adapter while recording. By default it is a new [`HttpAdapter`].
    #[must_use = "returns the changed recorder"]
    pub fn inner(self, adapter: impl Adapter + 'static) -> Self {
        *self.shared.inner.lock() = Arc::new(adapter);
        self
    }

    /// What a request must have in common with a recorded one. By default, as in vcrpy, it is the method and the whole URL:
    /// scheme, host, port, path, and the query in any order. Headers and body do not matter then.
    #[must_use = "returns the changed recorder"]
    pub fn match_on(self, match_on: impl IntoIterator<Item = MatchOn>) -> Self {
        self.shared.state.lock().match_on = match_on.into_iter().collect();
        self
    }

    /// Also masks headers, parameters, form fields and JSON values of these names. Case does not matter, and `a_b`, `a-b` and
    /// `aB` are the same name.
    #[must_use = "returns the changed recorder"]
    pub fn mask<N: AsRef<str>>(self, names: impl IntoIterator<Item = N>) -> Self {
        names.into_iter().for_each(|name| self.shared.state.lock().secrets.add(name.as_ref()));
        self
    }

    /// Does not mask what has these names. The name of a cookie stands for that cookie, `cookie` for all of them. Only its owner
    /// may read a file with unmasked secrets, where the system has modes.
    #[must_use = "returns the changed recorder"]
    pub fn keep<N: AsRef<str>>(self, names: impl IntoIterator<Item = N>) -> Self {
        names.into_iter().for_each(|name| self.shared.state.lock().secrets.keep(name.as_ref()));
        self
    }

    /// Whether it records; otherwise it replays.
    #[must_use]
    pub fn is_recording(&self) -> bool {
        matches!(self.shared.state.lock().mode, Mode::Record { .. })
    }

    /// How many recorded interactions are left to replay.
    #[must_use]
    pub fn left(&self) -> usize {
        match &self.shared.state.lock().mode {
            Mode::Replay { used, .. } => used.iter().filter(|used| !**used).count(),
            Mode::Record { .. } | Mode::Nothing => 0,
        }
    }

    /// Writes what was recorded so far; nothing if there is nothing new.
    ///
    /// This is seldom needed: a file up to 256 KiB is written after each interaction, a larger one each time it has grown by an
    /// eighth, when the session is closed, and when the last clone of the recorder is dropped.
    ///
    /// # Errors
    /// [`ErrorKind::Io`]: the file cannot be written. An older one stays.
    pub fn save(&self) -> Result<()> {
        let mut state = self.shared.state.lock();
        let is_recording = matches!(state.mode, Mode::Record { .. });
        match state.fault.take() {
            Some(fault) if is_recording => Err(fault),
            fault => {
                state.fault = fault;
                self.shared.write(&mut state)
            }
        }
    }
}

impl Mode {
    fn replay(recorded: Vec<Interaction>) -> Self {
        Self::Replay { used: vec![false; recorded.len()], recorded }
    }
}

impl Shared {
    fn write(&self, state: &mut State) -> Result<()> {
        let secret = !state.secrets.masks_all();
        let Mode::Record { recorded, written, unwritten } = &mut state.mode else { return Ok(()) };
        if *unwritten == 0 {
            return Ok(());
        }
        let complete: Vec<&Interaction> = recorded.iter().flatten().collect();
        *written = cassette::write(&self.path, &complete, secret)?;
        *unwritten = 0;
        Ok(())
    }

    /// Adds a complete interaction in its place.
    fn complete(&self, place: usize, mut interaction: Interaction) {
        let mut state = self.state.lock();
        state.secrets.mask_received(&mut interaction.response);
        state.secrets.scrub(&mut interaction);
        set_length(&mut interaction.response);
        let Mode::Record { recorded, written, unwritten } = &mut state.mode else { return };
        *unwritten += 1 + interaction.request.body.len() + interaction.response.body.len();
        recorded[place] = Some(interaction);
        // Writing all of a large file for each interaction would be work that grows with the square of their number.
        if *written < SMALL_FILE || *unwritten > *written / 8 {
            if let Err(error) = self.write(&mut state) {
                state.fault = Some(error);
            }
        }
    }
}

/// What was written last, if the program has not seen to it.
impl Drop for Shared {
    fn drop(&mut self) {
        let mut state = std::mem::replace(
            &mut *self.state.lock(),
            State { mode: Mode::Nothing, match_on: Vec::new(), secrets: Secrets::default(), fault: None },
        );
        if let Err(error) = self.write(&mut state) {
            log::warn!(target: log_targets::ADAPTER, "The recording was not written: {error}");
        }
    }
}

impl Adapter for Recorder {
    fn send(&self, request: &mut PreparedRequest, options: &SendOptions) -> Result<Response> {
        let mut sent = Sent::of(request)?;
        let by_auth: Vec<String> = request.extras.auth_headers.iter().map(|own| own.name.to_string()).collect();
        let place = {
            let mut state = self.shared.state.lock();
            let state = &mut *state;
            let by_name = state.secrets.mask_sent(&mut sent, &by_auth);
            match &mut state.mode {
                Mode::Nothing => {
                    let fault = state
                        .fault
                        .as_ref()
                        .map_or((ErrorKind::Other, String::new()), |fault| (fault.kind(), fault.to_string()));
                    return Err(Error::message(fault.0, fault.1));
                }
                Mode::Replay { recorded, used } => {
                    let tape = Tape { path: &self.shared.path, recorded, used, match_on: &state.match_on };
                    let other = (sent.url != by_name).then(|| Sent { url: by_name, ..sent.clone() });
                    return tape.answer(&[sent].into_iter().chain(other).collect::<Vec<_>>());
                }
                Mode::Record { recorded, .. } => {
                    if let Some(fault) = state.fault.take() {
                        return Err(fault);
                    }
                    recorded.push(None);
                    recorded.len() - 1
                }
            }
        };
        let inner = Arc::clone(&self.shared.inner.lock());
        let response = inner.send(request, options)?;
        self.listen(place, sent, &response);
        Ok(response)
    }

    fn close(&self) {
        self.shared.inner.lock().clone().close();
        let mut state = self.shared.state.lock();
        if let Err(error) = self.shared.write(&mut state) {
            state.fault = Some(error);
        }
    }

    fn stats(&self) -> Vec<PoolStats> {
        self.shared.inner.lock().clone().stats()
    }
}

impl Recorder {
    /// Records `response` when its body has been read.
    fn listen(&self, place: usize, request: Sent, response: &Response) {
        let shared = Arc::clone(&self.shared);
        let status = response.status_code().as_u16();
        let reason = response.reason().to_owned();
        let headers = owned(response.headers());
        let complete = move |body: Vec<u8>, form: Form| {
            let mut response = Received { status, reason, headers, body };
            if let Err(error) = undo_codings(&mut response, form) {
                let path = shared.path.display();
                log::warn!(target: log_targets::ADAPTER, "A body was left out of the recording {path}: {error}");
            }
            shared.complete(place, Interaction { request, response });
        };
        let mut complete = Some(complete);
        response.wrap_body(|source, limits| match complete.take() {
            Some(complete) => Box::new(Tee::new(source, move |raw, heard| complete(raw, Form::Raw(heard, limits)))),
            None => source,
        });
        // It has no body, or the adapter has read it: only then may it be read here. One that the adapter gave up is no
        // answer to record.
        let Some(complete) = complete else { return };
        if let Ok(content) = response.content() {
            complete(content.to_vec(), Form::Content);
        }
    }
}

impl Sent {
    /// The request as it is sent. A body that can be sent only once is read into memory, and sent from there.
    fn of(request: &mut PreparedRequest) -> Result<Self> {
        let read = MockRequest::new(request)?;
        let body = read.content().to_vec();
        if request.body.is_spent() {
            request.body = Body::from(body.clone());
        }
        let url = request.url.as_str().split('#').next().unwrap_or_default().to_owned();
        Ok(Self { method: request.method.to_string(), url, headers: owned(&request.headers), body })
    }
}

fn owned(headers: &Headers) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Undoes the codings, so that the body can be read and its secrets found. One of which the rest was given up is decoded as far
/// as it goes.
///
/// # Errors
/// It cannot be decoded, by the adapter and its limits. It is left out: its secrets could not be masked.
fn undo_codings(received: &mut Received, form: Form) -> io::Result<()> {
    let is_coding = |name: &str| name.eq_ignore_ascii_case("content-encoding");
    let (limits, is_part) = match form {
        Form::Raw(heard, limits) => (limits, heard == Heard::Part),
        Form::Content => (DecodeLimits::default(), false),
    };
    let codings = received.headers.iter().filter(|(name, _)| is_coding(name)).map(|(_, value)| value.as_str());
    let mut coded = coding::decoder(codings, limits, &received.body[..]);
    // It has none, or one that this build does not know: then both are left.
    if coded.is_plain() || received.body.is_empty() {
        return Ok(());
    }
    if is_part || received.status == StatusCode::PARTIAL_CONTENT.as_u16() {
        coded.may_be_cut();
    }
    let mut decoded = Vec::new();
    let result = match coded.read_to_end(&mut decoded) {
        // The adapter has decoded it before.
        Err(_) if matches!(form, Form::Content) => {
            decoded.clone_from(&received.body);
            Ok(())
        }
        Err(error) => {
            decoded.clear();
            Err(error)
        }
        Ok(_) => Ok(()),
    };
    received.body = decoded;
    received.headers.retain(|(name, _)| !is_coding(name));
    result
}

/// What was heard of a body.
#[derive(Clone, Copy, Debug)]
enum Form {
    /// What came over the wire, and the limits for decoding it.
    Raw(Heard, DecodeLimits),
    /// What the adapter made of it.
    Content,
}

/// The length that the body has now.
fn set_length(received: &mut Received) {
    for (name, value) in &mut received.headers {
        if name.eq_ignore_ascii_case("content-length") && !received.body.is_empty() {
            *value = received.body.len().to_string();
        }
    }
}

impl Received {
    fn into_response(self) -> Result<Response> {
        let Self { status, reason, headers, body } = self;
        let status = StatusCode::from_u16(status).map_err(|_| {
            Error::message(ErrorKind::InvalidSetting, format!("the status is {status} in the recording"))
        })?;
        let mut list = Headers::new();
        headers.iter().for_each(|(name, value)| list.push(name, value));
        let head =
            ResponseHead { version: Version::Http11, status, reason: reason.into(), headers: list, left_out: None };
        if body.is_empty() {
            return Ok(received(head, None));
        }
        Ok(received(head, Some(Box::new(Plain(Cursor::new(body))))))
    }
}

/// A recording that is replayed.
struct Tape<'t> {
    path: &'t Path,
    recorded: &'t [Interaction],
    used: &'t mut [bool],
    match_on: &'t [MatchOn],
}

impl Tape<'_> {
    /// Answers a request, which is given with all known secrets masked, and, if that differs, with those alone that names give
    /// away. Not the same ones are known now as then: a recorded answer has masks in their place, and the program may have
    /// others.
    fn answer(self, sent: &[Sent]) -> Result<Response> {
        let Self { path, recorded, used, match_on } = self;
        let agree = |what: &MatchOn, number: usize| sent.iter().any(|sent| what.agree(&recorded[number].request, sent));
        let may_agree = |what: &MatchOn, number: usize| {
            agree(what, number) || sent.iter().any(|sent| what.may_agree(&recorded[number].request, sent))
        };
        let is_same = |number: &usize| match_on.iter().all(|what| agree(what, *number));
        let is_alike = |number: &usize| match_on.iter().all(|what| may_agree(what, *number));
        let left: Vec<usize> = (0..used.len()).filter(|&number| !used[number]).collect();
        let found = left.iter().find(|number| is_same(number)).or_else(|| left.iter().find(|number| is_alike(number)));
        if let Some(&number) = found {
            used[number] = true;
            return recorded[number].response.clone().into_response();
        }
        let Sent { method, url, .. } = &sent[0];
        let mut text = format!("no recorded answer for {method} {url} in {}: ", path.display());
        let count = |is: &dyn Fn(&usize) -> bool| (0..used.len()).filter(is).count();
        let fits = Some(count(&is_same)).filter(|&count| count > 0).unwrap_or_else(|| count(&is_alike));
        let differences = |number: usize| match_on.iter().filter(move |what| !may_agree(what, number));
        match left.iter().min_by_key(|&&number| differences(number).count()) {
            _ if fits > 0 => {
                let times = if fits == 1 { "once".to_owned() } else { format!("{fits} times") };
                text.push_str(&format!("it was recorded {times}, and replayed as often"));
            }
            Some(&number) => {
                let Sent { method, url, .. } = &recorded[number].request;
                let what = differences(number).map(MatchOn::name).collect::<Vec<_>>().join(", ");
                let left = left.len();
                text.push_str(&format!(
                    "of {left} that are left the nearest is {method} {url}, which differs in: {what}"
                ));
            }
            None => text.push_str("none is left"),
        }
        text.push_str("; delete the file to record anew");
        Err(Error::message(ErrorKind::Other, text))
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("path", &self.shared.path)
            .field("is_recording", &self.is_recording())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "gzip"))]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_coding_is_undone_within_the_limits_of_the_adapter_and_as_far_as_was_read() {
        let text = "a text ".repeat(1000).into_bytes();
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
        encoder.write_all(&text).unwrap();
        let coded = encoder.finish().unwrap();
        let none = DecodeLimits { max_decoded_bytes: None, max_expansion_ratio: None };
        let few = DecodeLimits { max_decoded_bytes: Some(100), ..none };
        for (what, body, form, want) in [
            ("whole", &coded[..], Form::Raw(Heard::Whole, none), Some(&text[..])),
            ("no more is allowed", &coded[..], Form::Raw(Heard::Whole, few), None),
            ("cut short", &coded[..1000], Form::Raw(Heard::Whole, none), None),
            ("given up", &coded[..1000], Form::Raw(Heard::Part, none), Some(&text[..985])),
            ("given up at once", &coded[..3], Form::Raw(Heard::Part, none), Some(b"")),
            ("no gzip", b"other", Form::Raw(Heard::Part, none), None),
            ("decoded before", b"other", Form::Content, Some(b"other")),
        ] {
            let headers = vec![("content-encoding".to_owned(), "gzip".to_owned()), ("X-A".to_owned(), String::new())];
            let mut received = Received { status: 200, reason: String::new(), headers, body: body.to_vec() };

            let result = undo_codings(&mut received, form);

            assert_eq!(result.is_ok(), want.is_some(), "{what}");
            assert_eq!((&received.body[..], received.headers.len()), (want.unwrap_or_default(), 1), "{what}");
        }
        let headers = vec![("Content-Encoding".to_owned(), "unheard-of".to_owned())];
        let mut unknown = Received { status: 200, reason: String::new(), headers, body: coded };
        let before = unknown.clone();
        undo_codings(&mut unknown, Form::Raw(Heard::Part, few)).unwrap();
        assert_eq!(unknown, before);
    }
}
