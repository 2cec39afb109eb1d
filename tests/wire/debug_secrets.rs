//! `Debug` of each public type, built with a secret wherever it can have one. docs/public-api.txt says which types there are.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use petition::retry::Cause;
use petition::testing::{MockAdapter, Reply, TestServer, prefix};
use petition::{
    BasicAuth, BearerAuth, Body, ClientCert, Cookie, CookieJar, DigestAuth, Headers, HttpAdapter, Link, Multipart,
    Part, PreparedRequest, Proxies, ProxyAuth, Request, RequestBuilder, Response, Retry, Session, TlsBackend,
    UnixAdapter, Url, Verify,
};

use crate::support::{TempDir, answer, fixed, moved, session, session_over};

const SECRET: &str = "hunter2-secret";

/// Headers whose names tell.
const TELLING: [&str; 6] =
    ["Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "X-Api-Key", "x-refresh_token"];

/// Types that have no place for a secret, and why.
const WITHOUT: [(&str, &[&str]); 6] = [
    (
        "numbers, names and times",
        &[
            "AdaptiveLimit",
            "DiscardReason",
            "ErrorKind",
            "Exchange",
            "Method",
            "RateLimit",
            "RetryBudget",
            "SameSite",
            "StatusCode",
            "TextEncoding",
            "Timeout",
            "TlsVersion",
            "Version",
            "WaitReason",
            "clock::SystemClock",
            "retry::Count",
            "testing::FakeClock",
            "testing::Fault",
            "testing::MatchOn",
        ],
    ),
    ("only whether, or how many", &["Cancel", "CancelGuard", "Hooks"]),
    ("nobody has one: it is within Events and Lines, which do not show it", &["Reader"]),
    ("a hash that is public", &["Pin"]),
    ("hosts and ports", &["PoolEvent", "PoolStats", "testing::ChaosProxy", "testing::Timeline"]),
    ("the content of a response, which is a program's to show", &["Event", "EventId"]),
];

#[test]
fn debug_of_no_public_type_shows_a_secret() {
    let mut shown = of_values();
    shown.extend(of_requests());
    shown.extend(of_responses());
    shown.extend(of_retries());
    shown.extend(of_testing());

    for (name, text) in &shown {
        assert!(!text.contains(SECRET), "{name}: {text}");
        // Basic credentials are the same in another alphabet: "user:hunter2-secret".
        assert!(
            !text.contains("aHVudGVyMi1zZWNyZXQ") && !text.contains("dXNlcjpodW50ZXIyLXNlY3JldA"),
            "{name}: {text}"
        );
    }
    let looked_at: BTreeSet<&str> = shown
        .iter()
        .map(|(name, _)| *name)
        .chain(WITHOUT.iter().flat_map(|(_, names)| names.iter().copied()))
        .collect();
    let public: BTreeSet<&str> =
        include_str!("../../docs/public-api.txt").lines().filter_map(type_with_debug).collect();
    assert!(public.len() > 70, "only {} types were found", public.len());
    assert_eq!(looked_at, public, "a type is looked at here, or is in WITHOUT with a reason");
}

/// `retry::Cause` of `petition::retry::Cause: impl<'a> Debug for Cause<'a>`.
fn type_with_debug(line: &str) -> Option<&str> {
    let (path, item) = line.strip_prefix("petition::")?.split_once(": ")?;
    (item.starts_with("impl") && item.contains(" Debug for ")).then_some(path)
}

type Shown = Vec<(&'static str, String)>;

fn with_user(host: &str) -> String {
    format!("http://user:{SECRET}@{host}/")
}

/// Settings, credentials, cookies and bodies.
fn of_values() -> Shown {
    let jar = CookieJar::new();
    jar.set(Cookie::new("id", SECRET));
    let mut proxies = Proxies::new();
    proxies.insert("all", format!("socks5://user:{SECRET}@proxy.test")).unwrap();
    let refused = proxies.insert("http", format!("ftp://user:{SECRET}@proxy.test")).unwrap_err();
    proxies.insert("http", with_user("proxy.test")).unwrap();
    let mut headers = Headers::new();
    for name in TELLING {
        headers.insert(name, SECRET).unwrap();
    }
    for name in ["Location", "Content-Location", "Referer"] {
        headers.insert(name, with_user("h.test")).unwrap();
    }
    headers.insert("Link", format!("<{}>; rel=next", with_user("h.test"))).unwrap();
    let url = Url::parse(&with_user("h.test")).unwrap();
    let links = Link::parse_header(&format!("<{url}>; rel=next; anchor=\"{url}\""));
    let form = || Body::from([("password", SECRET)]);
    let pem = format!("-----BEGIN CERTIFICATE-----\n{SECRET}\n-----END CERTIFICATE-----\n");
    let verify = Verify::system_and(pem.as_bytes());
    let Verify::SystemAnd(authorities) = &verify else { panic!("{verify:?}") };
    let cert = ClientCert::pem_bytes(SECRET, SECRET).passphrase(SECRET);
    vec![
        ("Authorities", format!("{authorities:?}")),
        ("Verify", format!("{verify:?}")),
        ("ClientCert", format!("{cert:?} {:?}", ClientCert::pkcs12_bytes(SECRET, SECRET))),
        ("TlsBackend", format!("{:?} {:?}", TlsBackend::Auto, ready_backend())),
        ("BasicAuth", format!("{:?}", BasicAuth::new("user", SECRET))),
        ("BearerAuth", format!("{:?}", BearerAuth::new(SECRET))),
        ("DigestAuth", format!("{:?}", DigestAuth::new("user", SECRET))),
        ("ProxyAuth", format!("{:?}", ProxyAuth::new("user", SECRET))),
        ("Cookie", format!("{:?}", Cookie::new("id", SECRET))),
        ("CookieJar", format!("{jar:?} {:?}", jar.iter())),
        ("Proxies", format!("{proxies:?} {refused:?} {refused}")),
        ("Headers", format!("{headers:?} {headers:#?}")),
        ("Link", format!("{links:?}")),
        ("Url", format!("{url:?}")),
        ("Body", format!("{:?} {:?}", Body::from(SECRET), form())),
        ("BodyReader", format!("{:?} {:?}", Body::from(SECRET).open().unwrap(), form().open().unwrap())),
        ("Multipart", format!("{:?}", Multipart::new().text("password", SECRET))),
        ("Part", format!("{:?}", Part::text(SECRET))),
        ("HttpAdapter", format!("{:?}", HttpAdapter::new())),
        ("HttpAdapterBuilder", format!("{:?}", HttpAdapter::builder().max_retries(3))),
        ("UnixAdapter", format!("{:?}", UnixAdapter::new())),
    ]
}

#[cfg(feature = "rustls")]
fn ready_backend() -> TlsBackend {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
    TlsBackend::RustlsConfig(Arc::new(config))
}

#[cfg(not(feature = "rustls"))]
fn ready_backend() -> TlsBackend {
    TlsBackend::Rustls
}

/// A session with a secret in each setting that can have one; `X-Own` is one that only the session knows.
fn secretive() -> Session {
    let mut session = session();
    session.auth = Some(BasicAuth::new("user", SECRET).into());
    session.proxies.insert("https", with_user("proxy.test:3128")).unwrap();
    session.cookies.insert("id", SECRET);
    session.cert = Some(ClientCert::pem_bytes(SECRET, SECRET).passphrase(SECRET));
    session.sensitive_headers.push("X-Own".to_owned());
    for name in TELLING.iter().chain(&["x-own"]) {
        session.headers.insert(*name, SECRET).unwrap();
    }
    session
}

/// A request with secrets, one of them in a header that only its auth knows.
fn post<'s>(session: &'s Session, url: &str) -> RequestBuilder<'s> {
    let builder = TELLING.iter().fold(session.post(url), |builder, name| builder.header(*name, SECRET));
    builder
        .header("X-Own", SECRET)
        .auth(|request: &mut PreparedRequest| request.headers.insert("X-Signed", SECRET))
        .data(Body::from([("password", SECRET)]))
}

fn of_requests() -> Shown {
    let session = secretive();
    let url = with_user("h.test");
    let request = TELLING.iter().fold(Request::new("GET", &url), |request, name| request.header(*name, SECRET));
    let request = request.auth(("user", SECRET)).data(SECRET);
    let prepared = post(&session, &url).prepare().unwrap();
    assert!(["X-Own", "X-Signed", "X-Api-Key"].iter().all(|name| prepared.headers.get(name) == Some(SECRET)));
    vec![
        ("Session", format!("{session:?} {session:#?}")),
        ("SendOptions", format!("{:?}", session.send_options())),
        ("Request", format!("{request:?}")),
        ("RequestBuilder", format!("{:?}", post(&session, &url))),
        ("PreparedRequest", format!("{prepared:?} {}", prepared.to_curl())),
        ("Pages", format!("{:?}", post(&session, &url).paginate().unwrap())),
        ("Download", format!("{:?}", post(&session, &url).download("file"))),
    ]
}

fn of_responses() -> Shown {
    let head =
        format!("Set-Cookie: id={SECRET}\r\nX-Auth-Token: {SECRET}\r\nLink: <{}>; rel=next\r\n", with_user("h.test"));
    let location = format!("Location: {}\r\n", with_user("h.test"));
    let server = fixed(format!("HTTP/1.1 401 No\r\n{location}{head}Content-Length: 0\r\n\r\n"));
    let url = with_user(&server.address().to_string());
    let session = secretive();
    let response = session.get(&url).send().unwrap();
    let error = response.raise_for_status().unwrap_err();
    let builder = Response::builder(200).header("Set-Cookie", SECRET).header("X-Auth-Token", SECRET).body(SECRET);
    let shown_builder = format!("{builder:?}");
    let mut read = builder.build().unwrap();
    let file = fixed(format!("HTTP/1.1 200 OK\r\n{head}Content-Length: {}\r\n\r\n{SECRET}", SECRET.len()));
    let dir = TempDir::new();
    let downloaded = session.get(file.url("/")).download(dir.path().join("file")).run().unwrap();
    vec![
        ("Response", format!("{response:?} {response} {:?}", response.links())),
        ("Error", format!("{error:?} {error}")),
        ("ResponseBuilder", shown_builder),
        ("IterContent", format!("{:?}", read.iter_content(1))),
        ("IterText", format!("{:?}", read.iter_text(1))),
        ("Raw", format!("{:?}", read.raw())),
        ("Events", format!("{:?}", read.iter_events())),
        ("Downloaded", format!("{downloaded:?}")),
    ]
}

fn of_retries() -> Shown {
    let location = with_user("h.test");
    let redirect = Cause::Redirect { status: 302, location: &location };
    let retry = Retry::new().total(1).increment("GET", &location, redirect).unwrap();
    let give_up = retry.increment("GET", &location, redirect).unwrap_err();

    let told = Arc::new(Mutex::new(String::new()));
    let tells = Arc::clone(&told);
    let asking = Retry::new().total(1).status_forcelist([302]).retry_if(move |attempt| {
        tells.lock().unwrap().push_str(&format!("{attempt:?}"));
        false
    });
    let server = fixed(moved(&location));
    let session = session_over(HttpAdapter::builder().max_retries(asking).build());
    let url = with_user(&server.address().to_string());
    session.get(url).allow_redirects(false).send().unwrap();
    let attempt = told.lock().unwrap().clone();
    assert!(attempt.contains("Redirect") && attempt.contains("h.test"), "{attempt}");
    vec![
        ("retry::Attempt", attempt),
        ("retry::Cause", format!("{redirect:?}")),
        ("retry::GiveUp", format!("{give_up:?}")),
        ("retry::RequestHistory", format!("{:?} {:?}", retry.history(), give_up.retry().history())),
        ("retry::Retry", format!("{retry:?}")),
    ]
}

fn of_testing() -> Shown {
    let told = Arc::new(Mutex::new(String::new()));
    let tells = Arc::clone(&told);
    let builder = TestServer::builder();
    let shown_builder = format!("{builder:?}");
    let server = builder
        .start(move |peer| {
            while peer.read_request().is_some() {
                tells.lock().unwrap().push_str(&format!("{peer:?}"));
                peer.send(answer("ok"));
            }
        })
        .unwrap();
    // By their names alone: a server knows no session and no auth.
    let plain = session();
    let sent = TELLING.iter().fold(plain.post(server.url("/")), |builder, name| builder.header(*name, SECRET));
    sent.data(Body::from([("password", SECRET)])).send().unwrap();
    let requests = server.requests();
    assert!(requests[0].header("x-api-key") == Some(SECRET) && requests[0].text().contains(SECRET));
    let peer = told.lock().unwrap().clone();
    assert!(peer.contains("Peer"), "{peer}");

    let url = with_user("h.test");
    let reply = Reply::new(200).headers(TELLING.map(|name| (name, SECRET))).header("Location", &url).body(SECRET);
    let mock = MockAdapter::new()
        .on("POST", prefix(&url), reply.clone())
        .when_body(format!("password={SECRET}"))
        .on("GET", url.as_str(), Reply::new(200))
        .when_query("token", SECRET);
    let mut mocked = secretive();
    mocked.mount("http://", mock.clone());
    post(&mocked, &url).send().unwrap();
    let raw = Reply::raw(format!("HTTP/1.1 200 OK\r\nSet-Cookie: {SECRET}\r\n\r\n"));
    vec![
        ("testing::TestServer", format!("{server:?}")),
        ("testing::TestServerBuilder", shown_builder),
        ("testing::Peer", peer),
        ("testing::TestRequest", format!("{requests:?} {requests:#?}")),
        ("testing::Reply", format!("{reply:?} {raw:?}")),
        ("testing::MockAdapter", format!("{mock:?}")),
        ("testing::MockRequest", format!("{:?}", mock.requests())),
        ("testing::Prefix", format!("{:?}", prefix(&url))),
        ("testing::Recorder", recorder()),
    ]
}

#[cfg(feature = "json")]
fn recorder() -> String {
    let dir = TempDir::new();
    let recorder = petition::testing::Recorder::record(dir.path().join("file.json")).mask(["X-Own"]);
    format!("{recorder:?}")
}

/// It records JSON.
#[cfg(not(feature = "json"))]
fn recorder() -> String {
    String::new()
}
