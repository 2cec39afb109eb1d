//! The cases: what the client does in each. A name such as `params/100` has a size: so many of what may grow.

use std::hint::black_box;
use std::io::{Read, Write};
use std::net::TcpStream;

use petition::{Body, Cancel, Cookie, HttpAdapter, Multipart, Response, Session};

pub const MIB: usize = 1 << 20;

/// Large enough that the cost of the request itself is negligible.
pub const LARGE: usize = 16 * MIB;

/// One operation is one request, or one large body.
pub const CASES: [&str; 18] = [
    "raw",
    "small",
    "cancel",
    "pool-events",
    "headers",
    "value",
    "connect",
    "once",
    "tls",
    "start",
    "download",
    "read",
    "chunked",
    "chunked-read",
    "gzip",
    "upload",
    "upload-reader",
    "tls-connect",
];

/// What may grow, in the sizes that show whether it grows with its work.
pub const GROWTH: [(&str, &[usize]); 16] = [
    ("request-headers", &[10, 100, 1_000]),
    ("header-pairs", &[10, 100, 1_000]),
    ("response-headers", &[18, 100, 180]),
    ("set-cookie", &[10, 100]),
    ("params", &[10, 100, 1_000]),
    ("session-params", &[10, 100, 1_000]),
    ("form", &[10, 100, 1_000]),
    ("multipart", &[10, 100, 1_000]),
    ("mounts", &[10, 100]),
    ("no-proxy", &[10, 100, 1_000]),
    ("cookies", &[10, 100, 1_000]),
    ("redirects", &[3, 30, 300]),
    ("lines", &[100, 1_000]),
    ("events", &[100, 1_000]),
    ("idle", &[10, 100]),
    ("pools", &[10, 100]),
];

pub struct Case {
    pub name: &'static str,
    pub size: usize,
}

impl Case {
    pub fn named(name: &str) -> Self {
        let (name, size) = name.split_once('/').unwrap_or((name, "0"));
        let names = CASES.into_iter().chain(GROWTH.into_iter().map(|(name, _)| name));
        let name = names.into_iter().find(|known| *known == name).unwrap_or_else(|| panic!("no case {name}"));
        Self { name, size: size.parse().expect("a size is a number") }
    }

    pub fn full_name(&self) -> String {
        if self.size == 0 { self.name.to_owned() } else { format!("{}/{}", self.name, self.size) }
    }

    pub fn is_large(&self) -> bool {
        ["download", "read", "chunked", "chunked-read", "gzip", "upload", "upload-reader"].contains(&self.name)
    }

    pub fn is_tls(&self) -> bool {
        self.name.starts_with("tls")
    }

    /// The whole process counts, not what one more request takes.
    pub fn is_start(&self) -> bool {
        self.name == "start"
    }

    /// What is to be repeated, with all that is made once already made. `url` is the server's first line: its URL and,
    /// after spaces, what else the client has to know.
    pub fn operation(&self, url: &str) -> Box<dyn FnMut()> {
        let mut words = url.split(' ').map(str::to_owned);
        let (url, more) = (words.next().expect("a URL"), words.collect::<Vec<String>>());
        let size = self.size;
        let mut session = Session::new();
        match self.name {
            "raw" => raw(&url),
            "once" => Box::new(move || text(petition::get(&url).send())),
            "value" => Box::new(move || {
                black_box(session.get(&url).send().and_then(|r| r.json::<serde_json::Value>()).expect("JSON"));
            }),
            "download" | "chunked" | "gzip" => Box::new(move || {
                let body = session.get(&url).send().and_then(|r| r.into_content()).expect("a body");
                assert_eq!(black_box(body).len(), LARGE);
            }),
            "read" | "chunked-read" => {
                let mut buffer = vec![0; 64 * 1024];
                Box::new(move || {
                    let mut response = session.get(&url).stream(true).send().expect("a head");
                    while response.read(&mut buffer).expect("a body") > 0 {}
                })
            }
            "upload" => {
                let body = vec![b'x'; LARGE];
                Box::new(move || text(session.post(&url).data(body.clone()).send()))
            }
            "upload-reader" => Box::new(move || {
                let reader = std::io::repeat(b'x').take(LARGE as u64);
                text(session.post(&url).data(Body::sized(reader, LARGE as u64)).send());
            }),
            "request-headers" => {
                let pairs = pairs("X-Header", size);
                Box::new(move || {
                    let request = session.get(&url);
                    text(pairs.iter().fold(request, |request, (name, value)| request.header(name, value)).send());
                })
            }
            "header-pairs" => {
                let pairs = pairs("X-Header", size);
                Box::new(move || text(session.get(&url).headers(&pairs).send()))
            }
            "params" => {
                let pairs = pairs("name", size);
                Box::new(move || text(session.get(&url).params(&pairs).send()))
            }
            "session-params" => {
                let pairs = pairs("name", size);
                session.params.clone_from(&pairs);
                Box::new(move || text(session.get(&url).params(&pairs).send()))
            }
            "form" => {
                let pairs = pairs("name", size);
                Box::new(move || text(session.post(&url).data(&pairs).send()))
            }
            "multipart" => {
                let pairs = pairs("name", size);
                Box::new(move || {
                    let parts = pairs.iter().fold(Multipart::new(), |parts, (name, value)| parts.text(name, value));
                    text(session.post(&url).files(parts).send());
                })
            }
            "redirects" => {
                session.max_redirects = u32::MAX;
                Box::new(move || text(session.get(format!("{url}/{size}")).send()))
            }
            "lines" => Box::new(move || {
                let mut response = session.get(&url).stream(true).send().expect("a head");
                assert_eq!(
                    response.iter_lines().map(|line| line.expect("a line").len()).filter(|&n| n > 0).count(),
                    size
                );
            }),
            "events" => Box::new(move || {
                let mut response = session.get(&url).stream(true).send().expect("a head");
                assert_eq!(response.iter_events().filter(Result::is_ok).count(), size);
            }),
            _ => {
                set_up(self.name, size, &mut session, &url, more);
                Box::new(move || text(session.get(&url).send()))
            }
        }
    }
}

/// For the cases whose operation is a plain GET.
fn set_up(name: &str, size: usize, session: &mut Session, url: &str, more: Vec<String>) {
    match name {
        "connect" => session.headers.insert("Connection", "close").expect("a header"),
        "cancel" => session.cancel = Some(Cancel::new()),
        "pool-events" => {
            let adapter = HttpAdapter::builder().on_event(|event| {
                black_box(event);
            });
            session.mount("http://", adapter.build());
        }
        "tls" | "tls-connect" => session.verify = more[0].as_str().into(),
        "mounts" => (0..size).for_each(|n| session.mount(format!("http://host-{n}.test/"), HttpAdapter::new())),
        "no-proxy" => {
            let hosts: String = (0..size).map(|n| format!("host-{n}.test,")).collect();
            session.proxies.insert("http", "http://127.0.0.1:9").expect("a proxy");
            session.proxies.insert("no_proxy", format!("{hosts}127.0.0.1")).expect("a list");
        }
        "cookies" => (0..size).for_each(|n| {
            session.cookies.set(Cookie::new(format!("name{n}"), "value").domain(format!("host-{n}.test")));
        }),
        "idle" => {
            session.mount("http://", HttpAdapter::builder().pool_maxsize(size).build());
            let open: Vec<Response> =
                (0..size).map(|_| session.get(url).stream(true).send().expect("a head")).collect();
            open.into_iter().for_each(|response| text(Ok(response)));
        }
        "pools" => {
            session.mount("http://", HttpAdapter::builder().pool_connections(size + 1).build());
            more.iter().for_each(|url| text(session.get(url).send()));
        }
        _ => (),
    }
}

fn text(response: petition::Result<Response>) {
    black_box(response.and_then(|response| response.text()).expect("an answer"));
}

/// Names of one length: those are the hardest to tell apart.
fn pairs(name: &str, count: usize) -> Vec<(String, String)> {
    (0..count).map(|n| (format!("{name}-{n:04}"), format!("value number {n}"))).collect()
}

/// The lower limit for any client: one write and one read, without parsing.
fn raw(url: &str) -> Box<dyn FnMut()> {
    let (authority, _) = url.trim_start_matches("http://").split_once('/').expect("a path");
    let request = format!("GET /items HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    let mut stream = TcpStream::connect(authority).expect("a connection");
    stream.set_nodelay(true).expect("a socket option");
    let mut buffer = vec![0; 64 * 1024];
    Box::new(move || {
        stream.write_all(request.as_bytes()).expect("a write");
        assert!(black_box(stream.read(&mut buffer).expect("a read")) > 100);
    })
}
