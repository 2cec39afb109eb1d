//! Sessions that look at nothing but the test.

use std::borrow::Borrow;

use petition::testing::{MockAdapter, TestServer};
use petition::{HttpAdapter, HttpAdapterBuilder, ResponseBuilder, Session};

use super::LONG;

/// A session that does not look at the environment; where the code is wrong, it times out.
pub fn session() -> Session {
    let mut session = Session::new();
    session.trust_env = false;
    session.timeout = LONG.into();
    session
}

/// The same over one adapter for both schemes.
pub fn session_over(adapter: impl Borrow<HttpAdapter>) -> Session {
    let mut session = session();
    session.mount("http://", adapter.borrow().clone());
    session.mount("https://", adapter.borrow().clone());
    session
}

/// The same, for which every host is at `server`.
pub fn session_at(server: &TestServer) -> Session {
    session_over(everywhere(server).build())
}

/// An adapter's builder that finds every host, whatever its name and port, at `server`.
pub fn everywhere(server: &TestServer) -> HttpAdapterBuilder {
    let address = server.address();
    HttpAdapter::builder().resolver(move |_, _| Ok(vec![address]))
}

/// A session without a network: a mock for both schemes gives these answers and keeps the requests.
pub fn mocked(answers: impl IntoIterator<Item = ResponseBuilder>) -> (Session, MockAdapter) {
    let mock = answers.into_iter().fold(MockAdapter::new(), MockAdapter::reply);
    let mut session = session();
    session.mount("http://", mock.clone());
    session.mount("https://", mock.clone());
    (session, mock)
}

/// The Authorization headers that a mock was sent.
pub fn authorizations(mock: &MockAdapter) -> Vec<Option<String>> {
    mock.requests().iter().map(|request| request.headers.get("authorization").map(str::to_owned)).collect()
}
