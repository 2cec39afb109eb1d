//! httpbin under gunicorn: what requests' own users try first.
//!
//! Starting it takes seconds, so tests that run at the same time share one.

use std::env;
use std::io::{Cursor, Read};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use petition::{Body, ErrorKind, HttpAdapter, Part, Retry, Timeout};
use serde_json::json;

use crate::client::{json, session, session_over};
use crate::nginx::noise;
use crate::process::{Dir, Process, missing};

struct Httpbin {
    process: Process,
    _dir: Dir, // goes after the process
}

impl Httpbin {
    /// The one that runs, or a new one. `None` if it is not installed.
    fn start() -> Option<Arc<Self>> {
        static RUNNING: Mutex<Weak<Httpbin>> = Mutex::new(Weak::new());
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(httpbin) = running.upgrade() {
            return Some(httpbin);
        }
        let python = python()?;
        let dir = Dir::new("httpbin");
        let process = Process::start(&dir, |port| {
            let mut command = Command::new(&python);
            command.args(["-m", "gunicorn", "--worker-class", "gthread", "--threads", "16", "--keep-alive", "30"]);
            command.args(["--bind", &format!("127.0.0.1:{port}"), "httpbin:app"]);
            command.current_dir(dir.root()).env("HOME", dir.root()).env("XDG_RUNTIME_DIR", dir.root());
            command
        });
        let httpbin = Arc::new(Self { process, _dir: dir });
        *running = Arc::downgrade(&httpbin);
        Some(httpbin)
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.process.address())
    }
}

/// An interpreter that has both.
fn python() -> Option<String> {
    let python = env::var("PETITION_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut import = Command::new(&python);
    import.args(["-c", "import httpbin, gunicorn"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if import.status().is_ok_and(|status| status.success()) {
        return Some(python);
    }
    missing("httpbin with gunicorn");
    None
}

#[test]
fn each_method_arrives_with_its_query_and_form() {
    let Some(httpbin) = Httpbin::start() else { return };
    let session = session();

    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        let request = session.request(method, httpbin.url("/anything/path")).params([("q", "a b"), ("q", "ü&")]);
        let echo = json(&request.data([("x", "1"), ("y", "é=")]).send().unwrap());

        assert_eq!(echo["method"], method);
        assert_eq!(echo["args"], json!({"q": ["a b", "ü&"]}), "{method}");
        assert_eq!(echo["form"], json!({"x": "1", "y": "é="}), "{method}");
    }
}

// HDR-06: what requests sends by itself.
#[test]
fn the_default_headers_arrive_as_sent() {
    let Some(httpbin) = Httpbin::start() else { return };

    let echo = json(&session().get(httpbin.url("/headers")).header("X-Trace", "1").send().unwrap());

    let host = httpbin.process.address().to_string();
    assert_eq!(echo["headers"]["Host"], host.as_str());
    assert_eq!(echo["headers"]["Accept"], "*/*");
    assert_eq!(echo["headers"]["Connection"], "keep-alive");
    assert_eq!(echo["headers"]["X-Trace"], "1");
}

#[test]
fn status_codes_are_told_and_raised() {
    let Some(httpbin) = Httpbin::start() else { return };
    let session = session();

    for status in [200_u16, 201, 204, 299, 400, 404, 418, 429, 500, 503] {
        let response = session.get(httpbin.url(&format!("/status/{status}"))).send().unwrap();

        assert_eq!(response.status_code().as_u16(), status);
        assert_eq!(response.raise_for_status().is_err(), status >= 400, "{status}");
    }
}

// RETRY-04, RETRY-12, POOL-35
#[test]
fn a_status_to_retry_is_asked_for_again_and_then_an_error() {
    let Some(httpbin) = Httpbin::start() else { return };
    let adapter = HttpAdapter::builder().max_retries(Retry::new().total(3).status_forcelist([503])).build();

    let error = session_over(&adapter).get(httpbin.url("/status/503")).send().unwrap_err();

    assert_eq!(error.kind(), ErrorKind::RetryError);
    assert_eq!((adapter.stats()[0].num_connections(), adapter.stats()[0].num_requests()), (1, 4));
}

// REDIR-01, REDIR-16, REDIR-22
#[test]
fn redirects_are_followed_relative_and_absolute_up_to_the_limit() {
    let Some(httpbin) = Httpbin::start() else { return };
    let mut session = session();
    session.max_redirects = 5;

    for path in ["/redirect/5", "/relative-redirect/5", "/absolute-redirect/5"] {
        let response = session.get(httpbin.url(path)).send().unwrap();
        assert_eq!((response.url().path(), response.history().len()), ("/get", 5), "{path}");
    }
    let error = session.get(httpbin.url("/relative-redirect/6")).send().unwrap_err();

    assert_eq!(error.kind(), ErrorKind::TooManyRedirects);
}

// REDIR-02, REDIR-04
#[test]
fn a_post_becomes_a_get_after_302_and_stays_with_its_body_after_307() {
    let Some(httpbin) = Httpbin::start() else { return };
    let session = session();

    for (status, method, data) in [("301", "GET", ""), ("302", "GET", ""), ("303", "GET", ""), ("307", "POST", "body")]
    {
        let request = session.post(httpbin.url("/redirect-to")).params([("url", "/anything"), ("status_code", status)]);
        let echo = json(&request.data("body").send().unwrap());

        assert_eq!((echo["method"].as_str(), echo["data"].as_str()), (Some(method), Some(data)), "{status}");
    }
}

// COOK-03, REDIR-14
#[test]
fn cookies_are_kept_sent_and_deleted() {
    let Some(httpbin) = Httpbin::start() else { return };
    let session = session();

    let set = json(&session.get(httpbin.url("/cookies/set?a=1&b=2")).send().unwrap());
    let once = json(&session.get(httpbin.url("/cookies")).cookies([("c", "3")]).send().unwrap());
    let deleted = json(&session.get(httpbin.url("/cookies/delete?a")).send().unwrap());

    assert_eq!(set["cookies"], json!({"a": "1", "b": "2"}));
    assert_eq!(once["cookies"], json!({"a": "1", "b": "2", "c": "3"}));
    assert_eq!(deleted["cookies"], json!({"b": "2"}));
}

// AUTH-05, AUTH-07
#[test]
fn basic_auth_is_accepted_and_refused() {
    let Some(httpbin) = Httpbin::start() else { return };
    let session = session();
    let url = httpbin.url("/basic-auth/alice/s3cret");

    let right = session.get(&url).auth(("alice", "s3cret")).send().unwrap();
    let wrong = session.get(&url).auth(("alice", "other")).send().unwrap();
    let in_url = session.get(url.replace("http://", "http://alice:s3cret@")).send().unwrap();
    let bearer = session.get(httpbin.url("/bearer")).auth(petition::BearerAuth::new("token")).send().unwrap();

    assert_eq!(json(&right)["user"], "alice");
    assert_eq!(wrong.status_code(), 401);
    assert_eq!(in_url.status_code(), 200);
    assert_eq!(json(&bearer)["token"], "token");
}

// AUTH-14, COOK-32: httpbin refuses a round that comes without the challenge's cookies.
#[cfg(feature = "digest")]
#[test]
fn digest_auth_is_answered_in_one_round_for_each_algorithm() {
    let Some(httpbin) = Httpbin::start() else { return };

    for algorithm in ["MD5", "SHA-256", "SHA-512"] {
        let session = session();
        let url = httpbin.url(&format!("/digest-auth/auth/alice/s3cret/{algorithm}"));
        let right = session.get(&url).auth(petition::DigestAuth::new("alice", "s3cret")).send().unwrap();
        let wrong = session.get(&url).auth(petition::DigestAuth::new("alice", "other")).send().unwrap();

        assert_eq!((right.status_code().as_u16(), right.history().len()), (200, 1), "{algorithm}");
        assert_eq!(wrong.status_code(), 401, "{algorithm}");
    }
}

#[cfg(feature = "gzip")]
#[test]
fn gzip_and_deflate_are_decoded() {
    let Some(httpbin) = Httpbin::start() else { return };
    let session = session();

    for (path, flag, coding) in [("/gzip", "gzipped", "gzip"), ("/deflate", "deflated", "deflate")] {
        let response = session.get(httpbin.url(path)).send().unwrap();

        assert_eq!(response.headers().get("content-encoding"), Some(coding));
        assert_eq!(json(&response)[flag], true);
    }
}

#[cfg(feature = "brotli")]
#[test]
fn brotli_is_decoded() {
    let Some(httpbin) = Httpbin::start() else { return };

    let response = session().get(httpbin.url("/brotli")).send().unwrap();

    assert_eq!(response.headers().get("content-encoding"), Some("br"));
    assert_eq!(json(&response)["brotli"], true);
}

// BODY-20, BODY-24, BODY-25
#[test]
fn a_multipart_upload_arrives_in_its_parts() {
    let Some(httpbin) = Httpbin::start() else { return };
    let parts = [
        ("small", Part::bytes("content ü").file_name("a b.txt").mime("text/plain")),
        ("streamed", Part::reader(Cursor::new(vec![b'x'; 300_000])).file_name("stream.bin")),
    ];

    let session = session();
    let request = session.post(httpbin.url("/post")).data([("field", "value"), ("field", "again")]);
    let echo = json(&request.files(parts).send().unwrap());

    assert_eq!(echo["form"], json!({"field": ["value", "again"]}));
    assert_eq!(echo["files"]["small"], "content ü");
    assert_eq!(echo["files"]["streamed"].as_str().unwrap().len(), 300_000);
    assert!(echo["headers"]["Content-Type"].as_str().unwrap().starts_with("multipart/form-data; boundary="));
}

// BODY-13
#[test]
fn a_chunked_upload_arrives_whole() {
    let Some(httpbin) = Httpbin::start() else { return };
    let text: String = (0..20_000).map(|n| format!("{n} ")).collect();

    let session = session();
    let post = |body: Body| json(&session.post(httpbin.url("/post")).data(body).send().unwrap());

    let by_reader = post(Body::reader(Cursor::new(text.clone())));
    let by_chunks = post(Body::chunks(["ab", "", "c"]));

    assert!(by_reader["data"] == text.as_str());
    assert_eq!(by_reader["headers"]["Transfer-Encoding"], "chunked");
    assert_eq!(by_chunks["data"], "abc");
}

#[cfg(feature = "json")]
#[test]
fn a_json_body_arrives_as_json() {
    let Some(httpbin) = Httpbin::start() else { return };
    let value = json!({"text": "ü\n", "list": [1, 2.5, null, true]});

    let echo = json(&session().post(httpbin.url("/post")).json(&value).send().unwrap());

    assert_eq!(echo["json"], value);
    assert_eq!(echo["headers"]["Content-Type"], "application/json");
}

#[test]
fn streamed_bytes_come_in_the_chunks_asked_for() {
    let Some(httpbin) = Httpbin::start() else { return };
    let session = session();
    let url = httpbin.url("/stream-bytes/100000?seed=7&chunk_size=1000");

    let whole = session.get(&url).send().unwrap().into_content().unwrap();
    let mut response = session.get(&url).stream(true).send().unwrap();
    let chunks: Vec<Vec<u8>> = response.iter_content(640).collect::<Result<_, _>>().unwrap();

    assert_eq!(whole.len(), 100_000);
    assert!(chunks.concat() == whole);
    assert!(chunks.iter().all(|chunk| chunk.len() <= 640));
}

#[test]
fn lines_of_a_stream_are_json_each() {
    let Some(httpbin) = Httpbin::start() else { return };
    let mut response = session().get(httpbin.url("/stream/20")).stream(true).send().unwrap();

    let ids: Vec<u64> = response
        .iter_lines()
        .map(|line| serde_json::from_slice::<serde_json::Value>(&line.unwrap()).unwrap()["id"].as_u64().unwrap())
        .collect();

    assert_eq!(ids, (0..20).collect::<Vec<_>>());
}

// `/drip` sends a byte now and then: each is there when it was sent, not when the body is complete.
#[test]
fn a_dripping_body_can_be_read_while_it_drips() {
    let Some(httpbin) = Httpbin::start() else { return };
    let url = httpbin.url("/drip?numbytes=10&duration=3&delay=0");
    let mut response = session().get(url).stream(true).send().unwrap();
    let mut first = [0; 10];

    let count = response.read(&mut first).unwrap();
    let mut rest = Vec::new();
    response.read_to_end(&mut rest).unwrap();

    assert!(count < 10, "the body came at once");
    assert_eq!([&first[..count], &rest].concat(), b"**********");
}

#[test]
fn a_slow_answer_is_a_read_timeout_and_the_session_goes_on() {
    let Some(httpbin) = Httpbin::start() else { return };
    let adapter = HttpAdapter::new();
    let session = session_over(&adapter);

    let slow = session.get(httpbin.url("/delay/5")).timeout((30, 0.3)).send().unwrap_err();
    let late = session.get(httpbin.url("/delay/5")).timeout(Timeout::new().total(0.3)).send().unwrap_err();
    let patient = session.get(httpbin.url("/delay/1")).timeout((30, 30)).send().unwrap();

    assert_eq!((slow.kind(), slow.is_timeout()), (ErrorKind::ReadTimeout, true));
    assert_eq!(late.kind(), ErrorKind::TotalTimeout);
    assert!(patient.elapsed() >= Duration::from_secs(1));
    assert_eq!(adapter.stats()[0].num_connections(), 3); // nobody waits for the answers that were given up
}

#[test]
fn a_body_that_stalls_is_a_read_timeout() {
    let Some(httpbin) = Httpbin::start() else { return };

    let stalled = session().get(httpbin.url("/drip?numbytes=2&duration=20&delay=0")).timeout((30, 0.5)).send();

    assert_eq!(stalled.unwrap_err().kind(), ErrorKind::ReadTimeout);
}

#[test]
fn conditional_and_range_requests_get_what_they_ask_for() {
    let Some(httpbin) = Httpbin::start() else { return };
    let session = session();

    let unchanged = session.get(httpbin.url("/etag/abc")).header("If-None-Match", "abc").send().unwrap();
    let part = session.get(httpbin.url("/range/26")).header("Range", "bytes=10-15").send().unwrap();
    let links = session.get(httpbin.url("/response-headers")).params([("Link", "</next>; rel=next")]).send().unwrap();

    assert_eq!((unchanged.status_code().as_u16(), unchanged.content().unwrap()), (304, &b""[..]));
    assert_eq!((part.status_code().as_u16(), part.text().unwrap().as_str()), (206, "klmnop"));
    assert_eq!(links.links()[0].rel(), Some("next"));
}

#[test]
fn text_is_decoded_by_its_charset() {
    let Some(httpbin) = Httpbin::start() else { return };

    let response = session().get(httpbin.url("/encoding/utf8")).send().unwrap();

    assert_eq!(response.encoding(), Some("utf-8"));
    assert!(response.text().unwrap().contains("∮ E⋅da = Q"));
}

#[test]
fn a_large_upload_is_not_lost_when_the_answer_is_an_error() {
    let Some(httpbin) = Httpbin::start() else { return };

    let response = session().post(httpbin.url("/status/413")).data(noise(4 << 20)).send().unwrap();

    assert_eq!(response.status_code(), 413);
}
