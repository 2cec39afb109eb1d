//! An adapter without a network.

use std::collections::VecDeque;
use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;

use parking_lot::Mutex;

use super::mock_request::MockRequest;
use super::mock_rule::{Answer, Condition, IntoAnswer, Rule, names};
use super::url_pattern::IntoUrlPattern;
use crate::adapter::{Adapter, SendOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::message::{PreparedRequest, Response};
use crate::text::percent;

/// An [`Adapter`] that answers by rules, and records the requests. Clones share both, so one can be mounted and another
/// inspected.
///
/// [`on`](Self::on) adds a rule; the `when_` methods, [`then`](Self::then) and [`times`](Self::times) change the last one. The
/// first rule answers that fits the request and has answers left. Without one it is [`reply`](Self::reply)'s next response,
/// then what [`otherwise`](Self::otherwise) says, and at last an error that says what each rule lacks. What belongs to a
/// connection, as [`Reply::then_close`](super::Reply::then_close), has no effect here.
///
/// # Examples
/// ```
/// use petition::testing::{MockAdapter, Reply};
/// use petition::{ErrorKind, Session};
///
/// let mock = MockAdapter::new()
///     .on("GET", "https://example.test/x", Reply::new(200).body("hi"))
///     .on("POST", "https://example.test/x", ErrorKind::ReadTimeout)
///     .when_query("n", 1)
///     .times(1)
///     .otherwise(Reply::new(404));
/// let mut session = Session::new();
/// session.trust_env = false; // no proxy of this machine
/// session.mount("https://", mock.clone());
///
/// assert_eq!(session.get("https://example.test/x").send()?.text()?, "hi");
/// let posted = session.post("https://example.test/x?n=1").send();
/// assert!(posted.unwrap_err().is_timeout());
/// assert_eq!(session.get("https://example.test/y").send()?.status_code(), 404);
/// assert_eq!(mock.count("GET", "https://example.test/x"), 1);
/// assert_eq!(mock.requests()[1].query(), "n=1");
/// mock.assert_all_used();
/// # Ok::<(), petition::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct MockAdapter {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    rules: Vec<Rule>,
    queue: VecDeque<Result<Response>>,
    otherwise: Option<Answer>,
    requests: Vec<MockRequest>,
    /// Which of them no rule answered.
    unanswered: Vec<usize>,
}

impl MockAdapter {
    /// An adapter without answers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a rule: requests with this method (`"*"` for any) and URL get this answer, for ever unless
    /// [`times`](Self::times) says otherwise.
    ///
    /// The URL is text, a [`prefix`](super::prefix()) or a closure: see [`IntoUrlPattern`]. The answer is a reply, a failure or a
    /// closure: see [`IntoAnswer`].
    ///
    /// # Panics
    /// The URL is text, and neither a URL nor a path.
    #[must_use = "returns the changed adapter"]
    #[track_caller]
    pub fn on(self, method: impl AsRef<str>, url: impl IntoUrlPattern, answer: impl IntoAnswer) -> Self {
        let (method, url) = (method.as_ref().to_owned(), url.into_pattern());
        let answers = vec![answer.into_answer()];
        self.state.lock().rules.push(Rule { method, url, conditions: Vec::new(), answers, times: None, used: 0 });
        self
    }

    /// Only if the query has this parameter with this value, percent-encoded or not. It may have others.
    ///
    /// # Panics
    /// There is no rule yet, as for all methods that change the last one.
    #[must_use = "returns the changed adapter"]
    #[track_caller]
    pub fn when_query(self, name: impl Into<String>, value: impl fmt::Display) -> Self {
        let (name, value) = (name.into(), value.to_string());
        let text = format!("{name}={value} in the query");
        self.condition(text, move |request| pairs(request.query()).any(|(own, its)| own == name && its == value))
    }

    /// Only if there is a header of this name with this value.
    #[must_use = "returns the changed adapter"]
    #[track_caller]
    pub fn when_header(self, name: impl Into<String>, value: impl fmt::Display) -> Self {
        let (name, value) = (name.into(), value.to_string());
        // The value may be secret, and the text is shown.
        let text = format!("this header {name}");
        self.condition(text, move |request| request.headers.get_all(&name).any(|own| own == value))
    }

    /// Only if the body is exactly this.
    #[must_use = "returns the changed adapter"]
    #[track_caller]
    pub fn when_body(self, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let text = format!("the body {:?}", String::from_utf8_lossy(&body));
        self.condition(text, move |request| request.content() == body)
    }

    /// Only if the body is JSON of this value: the order of keys and white space do not matter (feature `json`).
    ///
    /// # Panics
    /// As [`when_query`](Self::when_query), and if `value` has no JSON form.
    #[cfg(feature = "json")]
    #[must_use = "returns the changed adapter"]
    #[track_caller]
    pub fn when_json(self, value: &(impl serde::Serialize + ?Sized)) -> Self {
        let wanted = serde_json::to_value(value).unwrap_or_else(|error| panic!("no JSON form: {error}"));
        let text = format!("the JSON {wanted}");
        self.condition(text, move |request| request.json::<serde_json::Value>().is_ok_and(|own| own == wanted))
    }

    /// Only if `test` says so. It must not use the mock, whose rules are locked meanwhile.
    #[must_use = "returns the changed adapter"]
    #[track_caller]
    pub fn when(self, test: impl Fn(&MockRequest) -> bool + Send + Sync + 'static) -> Self {
        self.condition("what a closure asks for".to_owned(), test)
    }

    /// What the rule answers the next time, after the answers before; the last one answers for ever.
    #[must_use = "returns the changed adapter"]
    #[track_caller]
    pub fn then(self, answer: impl IntoAnswer) -> Self {
        self.change(|rule| rule.answers.push(answer.into_answer()))
    }

    /// How often the rule answers. After that, later rules are asked.
    #[must_use = "returns the changed adapter"]
    #[track_caller]
    pub fn times(self, times: usize) -> Self {
        self.change(|rule| rule.times = Some(times))
    }

    /// The rule answers one request: `times(1)`.
    #[must_use = "returns the changed adapter"]
    #[track_caller]
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// What requests get that no rule answers. By default they fail with [`ErrorKind::ConnectionError`].
    #[must_use = "returns the changed adapter"]
    pub fn otherwise(self, answer: impl IntoAnswer) -> Self {
        self.state.lock().otherwise = Some(answer.into_answer());
        self
    }

    /// Adds a response for the next request that no rule answers, whatever it is.
    #[must_use = "returns the changed adapter"]
    pub fn reply(self, response: crate::ResponseBuilder) -> Self {
        self.state.lock().queue.push_back(response.build());
        self
    }

    /// Adds an error for the next request that no rule answers, in place of a response.
    #[must_use = "returns the changed adapter"]
    pub fn fail(self, error: Error) -> Self {
        self.state.lock().queue.push_back(Err(error));
        self
    }

    #[track_caller]
    fn condition(self, text: String, test: impl Fn(&MockRequest) -> bool + Send + Sync + 'static) -> Self {
        self.change(|rule| rule.conditions.push(Condition { text, test: Box::new(test) }))
    }

    #[track_caller]
    fn change(self, change: impl FnOnce(&mut Rule)) -> Self {
        change(self.state.lock().rules.last_mut().expect("`on` comes first: this changes the last rule"));
        self
    }

    /// The requests so far, also those that failed.
    #[must_use]
    pub fn requests(&self) -> Vec<MockRequest> {
        self.state.lock().requests.clone()
    }

    /// How many requests had this method (`"*"` for any) and URL: see [`on`](Self::on).
    ///
    /// # Panics
    /// As [`on`](Self::on).
    #[must_use]
    #[track_caller]
    pub fn count(&self, method: impl AsRef<str>, url: impl IntoUrlPattern) -> usize {
        let (method, url) = (method.as_ref(), url.into_pattern());
        let is_meant = |request: &&MockRequest| names(method, request.method.as_str()) && url.admits(&request.url);
        self.state.lock().requests.iter().filter(is_meant).count()
    }

    /// Checks that each rule was used: as often as [`times`](Self::times) says, or else at least once for each of its answers;
    /// and that no response of [`reply`](Self::reply) is left.
    ///
    /// # Panics
    /// Otherwise. The message lists the rules, with a minus before those that were not used, and the requests, with a plus
    /// before those that no rule answered:
    ///
    /// ```text
    /// 1 of 2 rules was not used as expected
    ///   GET http://h/items: used once, expected at least once
    /// - POST http://h/items: used never, expected once
    /// requests:
    ///   GET http://h/items
    /// + POST http://h/item
    /// ```
    #[track_caller]
    pub fn assert_all_used(&self) {
        let report = self.state.lock().unused();
        if let Some(text) = report {
            panic!("{text}");
        }
    }
}

impl State {
    fn unused(&self) -> Option<String> {
        let unused = self.rules.iter().filter(|rule| !rule.is_used_up()).count();
        if unused == 0 && self.queue.is_empty() {
            return None;
        }
        let verb = if unused == 1 { "was" } else { "were" };
        let mut text = format!("{unused} of {} rules {verb} not used as expected\n", self.rules.len());
        for rule in &self.rules {
            let sign = if rule.is_used_up() { ' ' } else { '-' };
            let _ = writeln!(text, "{sign} {rule}: {}", rule.count());
        }
        if !self.queue.is_empty() {
            let _ = writeln!(text, "- {} responses of `reply` and `fail` are left", self.queue.len());
        }
        text.push_str(if self.requests.is_empty() { "no requests" } else { "requests:" });
        for (number, request) in self.requests.iter().enumerate() {
            let sign = if self.unanswered.contains(&number) { '+' } else { ' ' };
            let _ = write!(text, "\n{sign} {request}");
        }
        Some(text)
    }

    /// What happens to a request that no rule answers.
    fn without_rule(&mut self, request: &MockRequest) -> Result<Answer, Result<Response>> {
        if let Some(next) = self.queue.pop_front() {
            return Err(next);
        }
        self.unanswered.push(self.requests.len() - 1);
        if let Some(answer) = &self.otherwise {
            return Ok(answer.clone());
        }
        let mut text = format!("no response left for request {}: {request}", self.requests.len());
        for rule in &self.rules {
            let why = rule.refusal(request).unwrap_or_default();
            let _ = write!(text, "; {rule}: {why}");
        }
        Err(Err(Error::message(ErrorKind::ConnectionError, text)))
    }
}

impl Adapter for MockAdapter {
    fn send(&self, request: &mut PreparedRequest, _: &SendOptions) -> Result<Response> {
        let request = MockRequest::new(request)?;
        let answer = {
            let mut state = self.state.lock();
            state.requests.push(request.clone());
            match state.rules.iter_mut().find(|rule| rule.has_answers() && rule.admits(&request)) {
                Some(rule) => Ok(rule.next_answer()),
                None => state.without_rule(&request),
            }
        };
        // A closure may use the mock, so it is called after unlocking.
        answer.map_or_else(|response| response, |answer| answer.give(&request))
    }
}

impl fmt::Debug for MockAdapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.lock();
        // Without their conditions: what a query or a body must be may be secret.
        let rules: Vec<String> = state.rules.iter().map(|rule| format!("{} {}", rule.method, rule.url)).collect();
        f.debug_struct("MockAdapter").field("rules", &rules).field("requests", &state.requests).finish_non_exhaustive()
    }
}

/// Names and values of a query, decoded.
fn pairs(query: &str) -> impl Iterator<Item = (String, String)> + '_ {
    let decoded = |text: &str| percent::decode(&text.replace('+', " ")).into_owned();
    query.split('&').filter(|pair| !pair.is_empty()).map(move |pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    })
}
