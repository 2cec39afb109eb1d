//! `http+unix://` through the public API.

use std::io::Write;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use petition::testing::FakeClock;
use petition::{
    Adapter, AdaptiveLimit, ErrorKind, HttpAdapter, PreparedRequest, RateLimit, Response, Retry, SendOptions, Session,
    UnixAdapter,
};

use crate::support::{TempDir, answer, logged, read_head, session};

/// A server on a socket in a directory of its own.
struct Server {
    path: PathBuf,
    _dir: TempDir,
    heads: Arc<Mutex<Vec<String>>>,
    accepted: Arc<AtomicU32>,
}

impl Server {
    fn new(name: &str, script: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        let dir = TempDir::new();
        let path = dir.path().join(name);
        let listener = UnixListener::bind(&path).unwrap();
        let (heads, accepted, script) =
            (Arc::<Mutex<Vec<String>>>::default(), Arc::new(AtomicU32::new(0)), Arc::new(script));
        let server = Self { path, _dir: dir, heads: Arc::clone(&heads), accepted: Arc::clone(&accepted) };
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                accepted.fetch_add(1, Ordering::Relaxed);
                let (heads, script) = (Arc::clone(&heads), Arc::clone(&script));
                thread::spawn(move || {
                    while let Some(head) = read_head(&mut stream) {
                        let reply = script(&head);
                        heads.lock().unwrap().push(head);
                        if stream.write_all(reply.as_bytes()).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        server
    }

    fn url(&self, target: &str) -> String {
        url(&self.path, target)
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    fn accepted(&self) -> u32 {
        self.accepted.load(Ordering::Relaxed)
    }
}

fn url(path: &Path, target: &str) -> String {
    format!("http+unix://{}{target}", path.to_str().unwrap().replace('/', "%2F").replace(' ', "%20"))
}

fn session_with(adapter: UnixAdapter) -> Session {
    let mut session = session();
    session.mount("http+unix://", adapter);
    session
}

// URL-01, URL-25: such URLs are prepared.
#[test]
fn the_host_is_the_sockets_path_and_what_is_sent_is_localhost() {
    let server = Server::new("Upper case.sock", |_| answer("hello"));
    let session = session_with(UnixAdapter::new());

    let response = session.get(server.url("/a/b?x=1#part")).params([("y", "ü")]).send().unwrap();

    assert_eq!(response.text().unwrap(), "hello");
    let head = server.heads().remove(0);
    assert!(head.starts_with("GET /a/b?x=1&y=%C3%BC HTTP/1.1\r\nHost: localhost\r\n"), "{head}");
}

#[test]
fn a_path_may_be_missing_and_a_host_header_is_the_callers() {
    let server = Server::new("s", |_| answer(""));
    let session = session_with(UnixAdapter::new());

    session.get(server.url("")).header("Host", "docker").send().unwrap();

    let head = server.heads().remove(0);
    assert!(head.starts_with("GET / HTTP/1.1\r\n") && head.contains("\r\nHost: docker\r\n"), "{head}");
    assert!(!head.contains("localhost"), "{head}");
}

#[test]
fn connections_are_pooled_by_path() {
    let (one, two) = (Server::new("one", |_| answer("1")), Server::new("two", |_| answer("2")));
    let adapter = UnixAdapter::from(HttpAdapter::builder().pool_maxsize(1).pool_block(true));
    let session = session_with(adapter.clone());

    for _ in 0..3 {
        assert_eq!(session.get(one.url("/")).send().unwrap().text().unwrap(), "1");
        assert_eq!(session.get(two.url("/")).send().unwrap().text().unwrap(), "2");
        // Another spelling of the same path.
        session.get(one.url("/").replace("%2F", "%2f")).send().unwrap();
    }

    assert_eq!((one.accepted(), two.accepted()), (1, 1));
    assert_eq!(adapter.stats().len(), 2);
    let hosts: Vec<_> = adapter.stats().iter().map(|pool| pool.host().to_owned()).collect();
    assert!(hosts.iter().any(|host| Path::new(host) == one.path), "{hosts:?}");

    adapter.close();
    session.get(one.url("/")).send().unwrap();
    assert_eq!(one.accepted(), 2);
}

#[test]
fn a_redirect_without_a_scheme_stays_on_the_socket() {
    let server = Server::new("s", |head| match head.starts_with("GET /old ") {
        true => "HTTP/1.1 302 Found\r\nLocation: /new?x\r\nContent-Length: 0\r\n\r\n".into(),
        false => answer("new"),
    });

    let response = session_with(UnixAdapter::new()).get(server.url("/old")).send().unwrap();

    assert_eq!(response.text().unwrap(), "new");
    assert_eq!(response.url().as_str(), server.url("/new?x"));
    assert_eq!(server.accepted(), 1);
}

#[test]
fn no_proxy_is_asked() {
    let server = Server::new("s", |_| answer("direct"));
    let session = session_with(UnixAdapter::new());

    let request = session.get(server.url("/")).proxies([("all", "http://u:p@127.0.0.1:1")]);

    assert_eq!(request.send().unwrap().text().unwrap(), "direct");
    assert!(!server.heads()[0].contains("Proxy-Authorization"));
}

#[test]
fn a_socket_that_is_not_there_is_a_connection_error_that_names_it() {
    let session = session_with(UnixAdapter::new());

    let error = session.get("http+unix://%2Fno%2Fsuch.sock/").send().unwrap_err();

    assert_eq!(error.kind(), ErrorKind::ConnectionError);
    assert!(error.to_string().contains("/no/such.sock"), "{error}");
}

#[test]
fn a_url_of_another_kind_is_refused() {
    for (url, kind) in [
        ("http://h/", ErrorKind::InvalidSchema),
        ("https+unix://%2Fs/", ErrorKind::InvalidSchema),
        ("http+unix:///path", ErrorKind::InvalidUrl),
        ("http+unix://%2Fa%00b/", ErrorKind::InvalidUrl),
    ] {
        let mut session = session_with(UnixAdapter::new());
        session.mount("http", UnixAdapter::new());
        session.mount("http://", UnixAdapter::new());

        let error = session.get(url).send().unwrap_err();

        assert_eq!(error.kind(), kind, "{url}: {error}");
    }
}

/// An adapter around another, as anybody writes one: it knows `send` and no more.
struct Around<A>(A);

impl<A: Adapter> Adapter for Around<A> {
    fn send(&self, request: &mut PreparedRequest, options: &SendOptions) -> petition::Result<Response> {
        self.0.send(request, &options.clone())
    }
}

// TIME-04: by the adapter's clock, whoever holds the adapter
#[test]
fn the_total_timeout_and_the_elapsed_time_go_by_the_clock_that_was_set() {
    let clock = FakeClock::new();
    // Each hop takes two seconds, by that clock alone.
    let passing = clock.clone();
    let server = Server::new("s", move |head| {
        passing.advance(Duration::from_secs(2));
        match head.strip_prefix("GET /").and_then(|rest| rest.split(' ').next()?.parse::<u32>().ok()) {
            Some(0) | None => answer("there"),
            Some(n) => format!("HTTP/1.1 302 Found\r\nLocation: /{}\r\nContent-Length: 0\r\n\r\n", n - 1),
        }
    });
    // Far from the system's time.
    clock.advance(Duration::from_secs(3600));
    let adapter = || UnixAdapter::from(HttpAdapter::builder().clock(clock.clone()));
    let mut around = session_with(adapter());
    around.mount("http+unix://", Around(Around(Box::new(adapter()) as Box<dyn Adapter>)));

    for session in [session_with(adapter()), around] {
        let response = session.get(server.url("/1")).timeout(petition::Timeout::new().total(5)).send().unwrap();
        assert_eq!(response.elapsed(), Duration::from_secs(2));
        assert_eq!(response.history()[0].elapsed(), Duration::from_secs(2));

        let error = session.get(server.url("/9")).timeout(petition::Timeout::new().total(5)).send().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TotalTimeout, "{error}");
        // The third hop crosses the limit; whether it is stopped then or the fourth is not begun is the server's race.
        assert!(error.request().unwrap().url.as_str().ends_with(['7', '6']), "{error:?}");
    }
}

#[test]
fn a_socket_has_a_pace_of_its_own() {
    let servers = ["a.sock", "b.sock"].map(|name| Server::new(name, |_| answer("hello")));
    let clock = FakeClock::new();
    let settings = HttpAdapter::builder().pool_block(true).rate_limit(RateLimit::every(5)).clock(clock.clone());
    let adapter = UnixAdapter::from(settings.adaptive_limit(AdaptiveLimit::between(1, 4)));
    let mut session = session();
    session.mount("http+unix://", adapter.clone());

    servers.iter().for_each(|server| drop(session.get(server.url("/")).send().unwrap()));
    assert_eq!(clock.slept(), [Duration::ZERO; 0]);
    session.get(servers[0].url("/")).send().unwrap();

    assert_eq!(clock.slept(), [Duration::from_secs(5)]);
    let limits: Vec<_> = adapter.stats().iter().map(|stats| stats.limit()).collect();
    assert_eq!(limits, [Some(2), Some(2)]);
}

#[test]
fn a_socket_has_no_port_in_events_statistics_and_log_lines() {
    let busy = AtomicU32::new(0);
    let server = Server::new("s", move |_| match busy.fetch_add(1, Ordering::Relaxed) {
        0 => "HTTP/1.1 503 No\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n".to_owned(),
        _ => answer("hello"),
    });
    let told = Arc::new(Mutex::new(Vec::new()));
    let (kept, path) = (Arc::clone(&told), server.path.to_str().unwrap().to_owned());
    let settings = HttpAdapter::builder()
        .max_retries(Retry::new().total(1).status_forcelist([503]))
        .pause_on_retry_after(true)
        .clock(FakeClock::new())
        .on_event(move |event| {
            kept.lock().unwrap().push((event.endpoint().0.to_owned(), event.endpoint().1, event.to_string()));
        });
    let adapter = UnixAdapter::from(settings);
    let session = session_with(adapter.clone());

    let (_, lines) = logged(|| session.get(server.url("/")).send().unwrap());

    let told = told.lock().unwrap();
    assert!(told.len() >= 6, "{told:?}");
    for (host, port, text) in &*told {
        assert_eq!((host, *port), (&path, 0), "{text}");
        assert!(text.starts_with(&format!("{path}: ")), "{text}");
    }
    for what in ["paused for", "retry in", "made in", "recycled"] {
        assert!(told.iter().any(|(_, _, text)| text.contains(what)), "{what}: {told:?}");
    }
    let stats = &adapter.stats()[0];
    assert_eq!((stats.host(), stats.port()), (path.as_str(), 0));
    assert!(stats.to_string().starts_with(&format!("http://{path}: 0 in use, 1 idle; ")), "{stats}");
    assert!(lines[0].ends_with(&format!("Starting new HTTP connection (1): {path}")), "{lines:?}");
    assert!(lines[1].ends_with(&format!("http://{path} \"GET / HTTP/1.1\" 503 0")), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains(":80") || line.contains(":0")), "{lines:?}");
}
