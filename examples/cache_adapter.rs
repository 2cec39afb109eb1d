//! An adapter around `HttpAdapter` that keeps responses: `Cache-Control: max-age`, and `If-None-Match` when that has run out.
//!
//!     cargo run --all-features --example cache_adapter
//!
//! It shows the form of such an adapter, not all of RFC 9111: it keeps whole responses in memory, and neither `Vary` nor
//! responses to requests with credentials.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use petition::testing::{Reply, TestServer};
use petition::{Adapter, HttpAdapter, PoolStats, PreparedRequest, Response, Result, SendOptions, Session};

struct Cache<A> {
    inner: A,
    kept: Mutex<HashMap<String, Kept>>,
}

#[derive(Clone)]
struct Kept {
    response: Response, // clones share its content
    fresh_until: Instant,
}

impl<A: Adapter> Cache<A> {
    fn new(inner: A) -> Self {
        Self { inner, kept: Mutex::default() }
    }

    fn find(&self, url: &str) -> Option<Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(url).cloned()
    }

    fn keep(&self, url: String, response: Response, age: Duration) {
        let kept = Kept { response, fresh_until: Instant::now() + age };
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).insert(url, kept);
    }
}

impl<A: Adapter> Adapter for Cache<A> {
    fn send(&self, request: &mut PreparedRequest, options: &SendOptions) -> Result<Response> {
        let private = ["Authorization", "Cookie", "Range"].iter().any(|name| request.headers.contains(name));
        if request.method != "GET" || private || options.stream {
            return self.inner.send(request, options);
        }
        let url = request.url.to_string();
        let Some(kept) = self.find(&url) else {
            return self.fetch(url, request, options);
        };
        if Instant::now() < kept.fresh_until {
            return Ok(kept.response);
        }
        let Some(etag) = kept.response.headers().get("ETag").map(str::to_owned) else {
            return self.fetch(url, request, options);
        };
        // A header that is set on the request itself would follow its redirects.
        let mut question = request.clone();
        question.headers.insert("If-None-Match", etag)?;
        let answer = self.fetch(url.clone(), &mut question, options)?;
        if answer.status_code() != 304 {
            return Ok(answer);
        }
        self.keep(url, kept.response.clone(), max_age(&answer).unwrap_or_default());
        Ok(kept.response)
    }

    fn close(&self) {
        self.inner.close();
    }

    fn stats(&self) -> Vec<PoolStats> {
        self.inner.stats()
    }
}

impl<A: Adapter> Cache<A> {
    /// Sends the request, and keeps the response if it may be kept.
    fn fetch(&self, url: String, request: &mut PreparedRequest, options: &SendOptions) -> Result<Response> {
        let response = self.inner.send(request, options)?;
        let age = max_age(&response);
        let may_keep = age.is_some() || !says_no(&response) && response.headers().contains("ETag");
        if response.status_code() == 200 && may_keep {
            let mut copy = Response::builder(200).url(url.as_str()).body(response.content()?);
            for (name, value) in response.headers() {
                // The content is decoded already, so neither its coding nor its length on the wire applies.
                if !["content-encoding", "content-length", "transfer-encoding"].contains(&name.to_lowercase().as_str())
                {
                    copy = copy.header(name, value);
                }
            }
            let copy = copy.build()?;
            copy.content()?; // read once, so that the clones have it
            self.keep(url, copy, age.unwrap_or_default());
        }
        Ok(response)
    }
}

/// How long a response stays fresh; `None` if it must not be kept, or does not say.
fn max_age(response: &Response) -> Option<Duration> {
    let seconds = directives(response).into_iter().find_map(|part| part.strip_prefix("max-age=")?.parse().ok())?;
    (!says_no(response)).then(|| Duration::from_secs(seconds))
}

fn says_no(response: &Response) -> bool {
    directives(response).iter().any(|part| ["no-store", "private"].contains(&part.as_str()))
}

fn directives(response: &Response) -> Vec<String> {
    let control = response.headers().get("Cache-Control").unwrap_or_default().to_lowercase();
    control.split(',').map(|part| part.trim().to_owned()).collect()
}

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let server = TestServer::http(|request| match (request.target.as_str(), request.header("if-none-match")) {
        ("/logo", _) => Reply::new(200).header("Cache-Control", "public, max-age=3600").body("a logo"),
        ("/news", Some("\"v1\"")) => Reply::new(304),
        ("/news", _) => Reply::new(200).header("ETag", "\"v1\"").body("the news"),
        _ => Reply::new(200).header("Cache-Control", "no-store").body("a secret"),
    });
    let mut session = Session::new();
    session.trust_env = false; // the server is on this machine
    session.timeout = (3.05, 27).into();
    session.mount_all(Cache::new(HttpAdapter::new()));

    for path in ["/logo", "/news", "/secret"] {
        let before = server.requests().len();
        for _ in 0..3 {
            let response = session.get(server.url(path)).send()?;
            println!("{path}: {} {}", response.status_code().as_u16(), response.text()?);
        }
        let asked: Vec<&str> = server.requests()[before..]
            .iter()
            .map(|request| if request.header("if-none-match").is_some() { "is it still the same?" } else { "GET" })
            .collect();
        println!("{path}: the server was asked {} of 3 times: {}", asked.len(), asked.join(", "));
    }
    Ok(())
}
