//! What one request costs more for each thing of which there may be many: counted in instructions by valgrind, on a client in a
//! process of its own.
//!
//! One more must cost about the same whether there are few or many: work that is quadratic shows as a cost that grows. The
//! client is this program again, with the address of this test's server in its environment. Without valgrind the test says so
//! and passes, unless `PETITION_REQUIRE_PEERS` is set. `.ci/counts` holds the figures themselves, in a release build.
#![cfg(target_os = "linux")]

#[path = "wire/support/mod.rs"]
mod support;

use std::io::Read;
use std::process::Command;

use petition::testing::TestServer;
use petition::{Cookie, HttpAdapter, Multipart, Response, Session};

use support::{TempDir, without_settings};

const URL: &str = "PETITION_COUNTED_URL";

/// The last is below the limits on response headers and on the cookies of a domain.
const SIZES: [usize; 3] = [10, 40, 160];

/// How often each is counted, so that what happens once in a while weighs little.
const TIMES: usize = 4;

/// What a session does that has so many of something.
type Subject = fn(&str, usize) -> Box<dyn FnMut()>;

const SUBJECTS: &[(&str, Subject)] = &[
    ("header", |url, n| {
        let (session, url, pairs) = (Session::new(), format!("{url}/plain"), pairs(n));
        Box::new(move || {
            let request = session.get(&url);
            done(pairs.iter().fold(request, |request, (name, value)| request.header(name, value)).send());
        })
    }),
    ("headers", |url, n| {
        let (session, url, pairs) = (Session::new(), format!("{url}/plain"), pairs(n));
        Box::new(move || done(session.get(&url).headers(&pairs).send()))
    }),
    ("headers beside credentials", |url, n| {
        let (session, url, pairs) = (Session::new(), format!("{url}/plain"), pairs(n));
        Box::new(move || done(session.get(&url).headers(&pairs).auth(("u", "p")).send()))
    }),
    ("response headers", |url, n| get(Session::new(), format!("{url}/headers/{n}"))),
    ("Set-Cookie", |url, n| get(Session::new(), format!("{url}/cookies/{n}"))),
    ("Set-Cookie that deletes", |url, n| {
        let (session, url) = (Session::new(), url.to_owned());
        Box::new(move || {
            done(session.get(format!("{url}/cookies/{n}")).send());
            done(session.get(format!("{url}/no-cookies/{n}")).send());
        })
    }),
    ("attributes of a Set-Cookie", |url, n| get(Session::new(), format!("{url}/attributes/{n}"))),
    ("links", |url, n| {
        let (session, url) = (Session::new(), format!("{url}/links/{n}"));
        Box::new(move || assert_eq!(session.get(&url).send().expect("an answer").links().len(), n))
    }),
    #[cfg(feature = "digest")]
    ("parameters of a challenge", |url, n| {
        let mut session = Session::new();
        session.auth = Some(petition::DigestAuth::new("user", "password").into());
        get(session, format!("{url}/challenge/{n}"))
    }),
    ("labels of a Location", |url, n| {
        let (session, url) = (Session::new(), format!("{url}/labels/{n}"));
        Box::new(move || {
            let response = session.get(&url).allow_redirects(false).send().expect("an answer");
            response.next().expect("a redirect");
        })
    }),
    ("segments of a Location that go back", |url, n| {
        let (session, url) = (Session::new(), format!("{url}/back/{n}"));
        Box::new(move || {
            let response = session.get(&url).allow_redirects(false).send().expect("an answer");
            let next = response.next().expect("a redirect");
            assert_eq!(next.url.path(), "/back/plain");
        })
    }),
    ("segments of a URL that go back", |url, n| get(Session::new(), format!("{url}/{}", there_and_back(MANY * n)))),
    // A fragment is prepared like the rest, and not sent.
    ("escapes of a URL", |url, n| get(Session::new(), format!("{url}/plain#{}%", "%41%zz".repeat(MANY * n)))),
    ("at signs of a URL", |url, n| {
        get(Session::new(), format!("{url}/plain").replacen("http://", &format!("http://{}", "u@".repeat(10 * n)), 1))
    }),
    ("cookies of other domains", |url, n| {
        let session = Session::new();
        (0..n).for_each(|n| session.cookies.set(Cookie::new(format!("n{n}"), "v").domain(format!("h{n}.test"))));
        get(session, format!("{url}/plain"))
    }),
    ("params", |url, n| {
        let (session, url, pairs) = (Session::new(), format!("{url}/plain"), pairs(n));
        Box::new(move || done(session.get(&url).params(&pairs).send()))
    }),
    ("session params overridden", |url, n| {
        let (mut session, url, pairs) = (Session::new(), format!("{url}/plain"), pairs(n));
        session.params.clone_from(&pairs);
        Box::new(move || done(session.get(&url).params(&pairs).send()))
    }),
    ("form", |url, n| {
        let (session, url, pairs) = (Session::new(), format!("{url}/plain"), pairs(n));
        Box::new(move || done(session.post(&url).data(&pairs).send()))
    }),
    ("parts of a form", |url, n| {
        let (session, url, pairs) = (Session::new(), format!("{url}/plain"), pairs(n));
        Box::new(move || {
            let form = pairs.iter().fold(Multipart::new(), |form, (name, value)| form.text(name, value));
            done(session.post(&url).files(form).send());
        })
    }),
    ("mounts", |url, n| {
        let mut session = Session::new();
        (0..n).for_each(|n| session.mount(format!("http://host-{n}.test/"), HttpAdapter::new()));
        get(session, format!("{url}/plain"))
    }),
    ("entries of no_proxy", |url, n| {
        let mut session = Session::new();
        session.proxies.insert("http", "http://127.0.0.1:9").expect("a proxy");
        session.proxies.insert("no_proxy", (0..n).fold("127.0.0.1".to_owned(), without)).expect("a list");
        get(session, format!("{url}/plain"))
    }),
    ("hops", |url, n| {
        let mut session = Session::new();
        session.max_redirects = u32::MAX;
        get(session, format!("{url}/hops/{n}"))
    }),
    ("chunks", |url, n| get(Session::new(), format!("{url}/chunks/{n}"))),
    ("lines", |url, n| {
        let (session, url) = (Session::new(), format!("{url}/lines/{n}"));
        Box::new(move || {
            let mut response = session.get(&url).stream(true).send().expect("a head");
            assert_eq!(response.iter_lines().filter(Result::is_ok).count(), n);
        })
    }),
    ("events", |url, n| {
        let (session, url) = (Session::new(), format!("{url}/events/{n}"));
        Box::new(move || {
            let mut response = session.get(&url).stream(true).send().expect("a head");
            assert_eq!(response.iter_events().filter(Result::is_ok).count(), n);
        })
    }),
    ("idle connections and pools", |url, n| {
        let mut session = Session::new();
        session.mount("http://", HttpAdapter::builder().pool_connections(n + 1).pool_maxsize(n).build());
        let plain = format!("{url}/plain");
        let open: Vec<Response> = (0..n).map(|_| session.get(&plain).stream(true).send().expect("a head")).collect();
        open.into_iter().for_each(|response| done(Ok(response)));
        for host in 2..n + 2 {
            done(session.get(plain.replace("127.0.0.1", &format!("127.0.0.{host}"))).send());
        }
        get(session, plain)
    }),
];

fn get(session: Session, url: String) -> Box<dyn FnMut()> {
    Box::new(move || done(session.get(&url).send()))
}

fn done(response: petition::Result<Response>) {
    response.and_then(|response| response.into_content()).expect("an answer");
}

/// Names of one length: those are the hardest to tell apart.
fn pairs(count: usize) -> Vec<(String, String)> {
    (0..count).map(|n| (format!("name-{n:04}"), format!("value number {n}"))).collect()
}

fn without(list: String, n: usize) -> String {
    format!("host-{n}.test,{list}")
}

/// Of what is copied fast, so that work that is quadratic shows.
const MANY: usize = 50;

/// A path that leads to `plain` through many segments and back out of all of them.
fn there_and_back(n: usize) -> String {
    format!("{}{}plain", "x/".repeat(n), "../".repeat(n))
}

fn answer(path: &str) -> Vec<u8> {
    let (kind, n) = path.trim_start_matches('/').split_once('/').unwrap_or((path, "0"));
    let n: usize = n.parse().expect("a number");
    let each = |text: &dyn Fn(usize) -> String| (0..n).map(text).collect::<String>();
    let (head, body) = match kind {
        "headers" => (each(&|n| format!("X-Header-{n}: value {n}\r\n")), String::new()),
        "cookies" => (each(&|n| format!("Set-Cookie: name{n:04}=value; Path=/\r\n")), String::new()),
        "no-cookies" => (each(&|n| format!("Set-Cookie: name{n:04}=; Path=/; Max-Age=0\r\n")), String::new()),
        "hops" if n > 0 => {
            return format!("HTTP/1.1 302 Found\r\nLocation: /hops/{}\r\nContent-Length: 0\r\n\r\n", n - 1)
                .into_bytes();
        }
        "attributes" => (format!("Set-Cookie: name=value{}\r\n", "; Path=/; a=b".repeat(n)), String::new()),
        "links" => {
            (format!("Link: {}\r\n", each(&|n| format!("</{n}>; rel=\"a, b; c\"; title=\"{n}\", "))), String::new())
        }
        "challenge" => {
            let more = each(&|n| format!(", name{n:04}=\"value, number {n}\""));
            let challenge = format!("WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"{more}");
            return format!("HTTP/1.1 401 Unauthorized\r\n{challenge}\r\nContent-Length: 0\r\n\r\n").into_bytes();
        }
        "labels" => {
            let host = "\u{fc}.".repeat(n);
            return format!("HTTP/1.1 302 Found\r\nLocation: http://{host}test/\r\nContent-Length: 0\r\n\r\n")
                .into_bytes();
        }
        "back" => {
            // The head is below 16 kB, so that few reads take it.
            let path = there_and_back(20 * n);
            return format!("HTTP/1.1 302 Found\r\nLocation: {path}\r\nContent-Length: 0\r\n\r\n").into_bytes();
        }
        "chunks" => {
            let chunks = each(&|_| format!("40\r\n{}\r\n", "x".repeat(64)));
            return format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n").into_bytes();
        }
        "lines" => (String::new(), "a line of a body that is read as text\n".repeat(n)),
        "events" => (String::new(), "event: news\ndata: what there is to say\n\n".repeat(n)),
        _ => (String::new(), String::new()),
    };
    format!("HTTP/1.1 200 OK\r\n{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// Not a test of its own: the client that the test below counts.
#[test]
fn client() {
    let Ok(url) = std::env::var(URL) else { return };
    for (_, subject) in SUBJECTS {
        for size in SIZES {
            let mut act = subject(&url, size);
            (0..2).for_each(|_| act());
            counted(&mut act);
            dumped();
        }
    }
}

/// valgrind is told this function's name, and would stop in one whose name begins alike.
#[inline(never)]
fn counted(act: &mut dyn FnMut()) {
    for _ in 0..TIMES {
        act();
    }
}

/// At which valgrind writes down what it has counted.
#[inline(never)]
fn dumped() {
    std::hint::black_box(());
}

#[test]
fn what_there_is_more_of_costs_the_same_each() {
    let server = TestServer::builder()
        .address("0.0.0.0:0")
        .start(|peer| {
            while let Some(request) = peer.read_request() {
                peer.send(answer(request.path()));
            }
        })
        .expect("a port");
    let own = std::env::current_exe().expect("a test has a path");
    let dir = TempDir::new();
    let profile = dir.path().join("profile");
    let mut valgrind = Command::new("valgrind");
    without_settings(&mut valgrind);
    valgrind.args(["--tool=callgrind", "--toggle-collect=growth::counted*", "--dump-before=growth::dumped*"]);
    valgrind.arg(format!("--callgrind-out-file={}", profile.display())).arg(own);
    valgrind.args(["--exact", "client", "--test-threads=1"]);
    valgrind.env(URL, format!("http://127.0.0.1:{}", server.address().port()));
    let output = match valgrind.output() {
        Ok(output) => output,
        Err(error) => {
            assert!(std::env::var_os("PETITION_REQUIRE_PEERS").is_none(), "valgrind is required, and missing: {error}");
            return println!("skipped: no valgrind ({error})");
        }
    };
    let printed = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&printed));
    let mut dumps = (1..).map(|number| {
        let mut text = String::new();
        let file = std::fs::File::open(format!("{}.{number}", profile.display()));
        file.and_then(|mut file| file.read_to_string(&mut text)).expect("a profile for each");
        let totals = text.lines().find_map(|line| line.strip_prefix("totals: ")).expect("a total");
        totals.trim().parse::<f64>().expect("a number") / TIMES as f64
    });

    let mut faults = Vec::new();
    for (name, _) in SUBJECTS {
        let [least, few, many] = [(); 3].map(|()| dumps.next().expect("they do not end"));
        let each = |from: usize, to: usize, less: f64, more: f64| (more - less) / (SIZES[to] - SIZES[from]) as f64;
        let (first, last) = (each(0, 1, least, few), each(1, 2, few, many));
        println!("{name}: {least:.0} with {}, then {first:.0} and {last:.0} each", SIZES[0]);
        // A list that doubles its room, and a read more or less, are not to be seen here.
        if last > 1.1 * first + 50.0 {
            faults.push(format!("{name}: {first:.0} each up to {}, but {last:.0} up to {}", SIZES[1], SIZES[2]));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}
