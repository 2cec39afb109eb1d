//! A client for a JSON API: a struct around a session, with a base URL, a token, typed results, the API's own errors, and
//! all pages of a list.
//!
//!     cargo run --all-features --example json_api

use std::error::Error;
use std::fmt;

use petition::testing::{Reply, TestRequest, TestServer};
use petition::{BearerAuth, HttpAdapter, Retry, Session, Url};
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Debug, Deserialize)]
struct Issue {
    number: u32,
    title: String,
}

#[derive(Serialize)]
struct NewIssue<'a> {
    title: &'a str,
    labels: &'a [&'a str],
}

/// The client. It can be shared by threads: all of its methods take `&self`.
struct Tracker {
    session: Session,
}

impl Tracker {
    fn new(base: &str, token: &str) -> petition::Result<Self> {
        let mut session = Session::new();
        session.trust_env = false; // the server is on this machine; and .netrc must not replace the token
        session.base_url = Some(Url::parse(base)?);
        session.set_auth(BearerAuth::new(token)); // a redirect to another host does not get it
        session.headers.insert("Accept", "application/json")?;
        session.timeout = (3.05, 27).into();
        let retry = Retry::new().total(3).backoff_factor(0.1).status_forcelist([502, 503, 504]);
        session.mount_all(HttpAdapter::builder().max_retries(retry).build());
        Ok(Self { session })
    }

    fn issue(&self, number: u32) -> Result<Issue, ApiError> {
        Ok(checked(self.session.get(format!("issues/{number}")).send()?)?.json()?)
    }

    fn create(&self, issue: &NewIssue) -> Result<Issue, ApiError> {
        Ok(checked(self.session.post("issues").json(issue).send()?)?.json()?)
    }

    /// The issues of all pages, each page when its first issue is asked for: `Link: <...>; rel="next"` leads on.
    fn issues(&self, state: &str) -> Result<impl Iterator<Item = Result<Issue, ApiError>>, ApiError> {
        let pages = self.session.get("issues").param("state", state).param("per_page", 2).paginate()?;
        Ok(pages.flat_map(|page| {
            let issues = page.map_err(ApiError::from).and_then(|page| Ok(checked(page)?.json::<Vec<Issue>>()?));
            match issues {
                Ok(issues) => issues.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            }
        }))
    }
}

/// What can go wrong: the API says no, or there is no usable answer.
#[derive(Debug)]
enum ApiError {
    Refused { status: u16, message: String },
    Http(petition::Error),
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { status, message } => write!(f, "refused with {status}: {message}"),
            Self::Http(error) => error.fmt(f),
        }
    }
}

impl Error for ApiError {}

impl From<petition::Error> for ApiError {
    fn from(error: petition::Error) -> Self {
        Self::Http(error)
    }
}

/// A response that is no error, or the message of its JSON.
fn checked(response: petition::Response) -> Result<petition::Response, ApiError> {
    #[derive(Deserialize)]
    struct Problem {
        message: String,
    }
    if response.ok() {
        return Ok(response);
    }
    match response.json() {
        Ok(Problem { message }) => Err(ApiError::Refused { status: response.status_code().as_u16(), message }),
        Err(_) => Ok(response.error_for_status()?), // not the API's: an error page of a gateway
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let server = TestServer::http(api);
    let tracker = Tracker::new(&server.url("/api/v1/"), "t0ken")?;

    println!("one: {}", tracker.issue(2)?.title);
    let labels = ["bug", "urgent"];
    let new = tracker.create(&NewIssue { title: "The tea is cold", labels: &labels })?;
    println!("created: #{} {}", new.number, new.title);
    for issue in tracker.issues("open")? {
        let issue = issue?;
        println!("open: #{} {}", issue.number, issue.title);
    }
    if let Err(error) = tracker.issue(99) {
        println!("no such issue: {error}");
    }
    if let Err(error) = Tracker::new(&server.url("/api/v1/"), "old")?.issue(2) {
        println!("an old token: {error}");
    }
    let targets: Vec<String> = server.requests().into_iter().map(|request| request.target).collect();
    println!("pages: {}", targets.iter().filter(|target| target.contains("per_page=2")).count());
    println!("connections: {}", server.accepted()); // one for each client
    Ok(())
}

/// The API.
fn api(request: &TestRequest) -> Reply {
    const TITLES: [&str; 5] = ["No cups", "No tea", "No milk", "No sugar", "No time"];
    let issue = |number: usize| json!({ "number": number, "title": TITLES[number - 1] });
    if request.header("authorization") != Some("Bearer t0ken") {
        return Reply::json(&json!({ "message": "the token is not valid" })).status(401);
    }
    match (request.method.as_str(), request.target.as_str()) {
        ("GET", "/api/v1/issues/2") => Reply::json(&issue(2)),
        ("POST", "/api/v1/issues") => {
            let sent: serde_json::Value = serde_json::from_slice(&request.body).unwrap_or_default();
            Reply::json(&json!({ "number": 6, "title": sent["title"] })).status(201)
        }
        ("GET", target) if target.starts_with("/api/v1/issues?") => {
            let page = target.split("&page=").nth(1).and_then(|page| page.parse().ok()).unwrap_or(1);
            let first = page * 2 - 1;
            let issues: Vec<_> = (first..=TITLES.len().min(first + 1)).map(issue).collect();
            let reply = Reply::json(&issues);
            match page {
                1 | 2 => reply.header("Link", format!("</api/v1/issues?per_page=2&page={}>; rel=\"next\"", page + 1)),
                _ => reply,
            }
        }
        _ => Reply::json(&json!({ "message": "there is no such issue" })).status(404),
    }
}
