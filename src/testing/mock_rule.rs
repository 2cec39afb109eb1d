//! One rule of a mock: which requests it answers, with what, and how often.

use std::fmt;
use std::sync::Arc;

use super::mock_request::MockRequest;
use super::reply::Reply;
use super::url_pattern::UrlPattern;
use crate::error::{Error, ErrorKind, Result};
use crate::message::Response;

mod sealed {
    pub trait Sealed {}
}

/// What a mock can answer: a [`Reply`], an [`ErrorKind`] (a failure), a pair of kind and text, or a closure
/// `Fn(&MockRequest) -> Reply`.
///
/// The trait is sealed: it cannot be implemented outside this crate.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an answer of a mock",
    label = "expected a `Reply`, a failure, or a closure that answers",
    note = "an answer is `Reply::new(200)`, a failure such as `ErrorKind::ReadTimeout`, or `|request: &MockRequest| ...`"
)]
pub trait IntoAnswer: sealed::Sealed {
    #[doc(hidden)]
    fn into_answer(self) -> Answer;
}

#[doc(hidden)]
#[derive(Clone)]
pub enum Answer {
    Reply(Reply),
    Fail(ErrorKind, Option<String>),
    Call(Arc<dyn Fn(&MockRequest) -> Reply + Send + Sync>),
}

impl Answer {
    pub(super) fn give(self, request: &MockRequest) -> Result<Response> {
        match self {
            Self::Reply(reply) => reply.response(&request.method),
            Self::Call(call) => call(request).response(&request.method),
            Self::Fail(kind, text) => {
                let text = text.unwrap_or_else(|| format!("{} (a failure of the test)", kind.text()));
                Err(Error::message(kind, text))
            }
        }
    }
}

impl sealed::Sealed for Reply {}
impl IntoAnswer for Reply {
    fn into_answer(self) -> Answer {
        Answer::Reply(self)
    }
}

impl sealed::Sealed for ErrorKind {}
impl IntoAnswer for ErrorKind {
    fn into_answer(self) -> Answer {
        Answer::Fail(self, None)
    }
}

impl<T: Into<String>> sealed::Sealed for (ErrorKind, T) {}
impl<T: Into<String>> IntoAnswer for (ErrorKind, T) {
    fn into_answer(self) -> Answer {
        Answer::Fail(self.0, Some(self.1.into()))
    }
}

impl<F: Fn(&MockRequest) -> Reply + Send + Sync + 'static> sealed::Sealed for F {}
impl<F: Fn(&MockRequest) -> Reply + Send + Sync + 'static> IntoAnswer for F {
    fn into_answer(self) -> Answer {
        Answer::Call(Arc::new(self))
    }
}

/// A condition beyond method and URL.
pub(super) struct Condition {
    /// What it asks for, for people.
    pub(super) text: String,
    pub(super) test: Box<dyn Fn(&MockRequest) -> bool + Send + Sync>,
}

pub(super) struct Rule {
    /// `*` for any.
    pub(super) method: String,
    pub(super) url: UrlPattern,
    pub(super) conditions: Vec<Condition>,
    /// In sequence; the last one for all that follow.
    pub(super) answers: Vec<Answer>,
    /// How often it answers; `None` for ever.
    pub(super) times: Option<usize>,
    pub(super) used: usize,
}

impl Rule {
    pub(super) fn admits(&self, request: &MockRequest) -> bool {
        self.is_about(&request.method, request) && self.conditions.iter().all(|condition| (condition.test)(request))
    }

    fn is_about(&self, method: &http::Method, request: &MockRequest) -> bool {
        names(&self.method, method.as_str()) && self.url.admits(&request.url)
    }

    pub(super) fn has_answers(&self) -> bool {
        self.times.is_none_or(|times| self.used < times)
    }

    /// Whether the test used it as it said: as often as that, or at all.
    pub(super) fn is_used_up(&self) -> bool {
        match self.times {
            Some(times) => self.used == times,
            None => self.used >= self.answers.len(),
        }
    }

    pub(super) fn next_answer(&mut self) -> Answer {
        let answer = self.answers[self.used.min(self.answers.len() - 1)].clone();
        self.used += 1;
        answer
    }

    /// How often it was to be used, and was.
    pub(super) fn count(&self) -> String {
        let times = |n: usize| if n == 1 { "once".to_owned() } else { format!("{n} times") };
        let used = if self.used == 0 { "never".to_owned() } else { times(self.used) };
        match self.times {
            Some(most) => format!("used {used}, expected {}", times(most)),
            None => format!("used {used}, expected at least {}", times(self.answers.len())),
        }
    }

    /// Why it does not answer this request; `None` if it does.
    pub(super) fn refusal(&self, request: &MockRequest) -> Option<String> {
        if !names(&self.method, request.method.as_str()) {
            return Some(format!("the method is {}", request.method));
        }
        if !self.url.admits(&request.url) {
            return Some("another URL".to_owned());
        }
        if let Some(unmet) = self.conditions.iter().find(|condition| !(condition.test)(request)) {
            return Some(format!("not {}", unmet.text));
        }
        (!self.has_answers()).then(|| "all its answers are used".to_owned())
    }
}

/// Whether the method of a rule means this one.
pub(super) fn names(own: &str, method: &str) -> bool {
    own == "*" || own.eq_ignore_ascii_case(method)
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.url)?;
        self.conditions.iter().try_for_each(|condition| write!(f, " with {}", condition.text))
    }
}
