//! How often one request allocates: counted by an allocator of this test program's own.
//!
//! Only the thread of the test counts, so the server does not. A cost is the difference between a run of 2N and one of N
//! requests: what is made once cancels out. Each test has a process whose environment sets nothing: the session is the one that
//! users get, which looks at it. The limits on allocations are what was measured, and those on bytes 3 % above it.

// A global allocator cannot be had without `unsafe`; the crate itself forbids it.
#![allow(unsafe_code)]

#[path = "wire/support/mod.rs"]
mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use petition::testing::{Reply, TestServer};
use petition::{HttpAdapter, PoolEvent, Request, Session};

use support::without_environment;

/// The system's allocator, counting for threads that asked for it.
struct Counting;

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    allocations: u64,
    bytes: u64,
}

thread_local! {
    static COUNT: Cell<Option<Count>> = const { Cell::new(None) };
}

fn note(bytes: usize) {
    // A thread that is ending has no count; what it allocates then belongs to no request.
    let _ = COUNT.try_with(|count| {
        if let Some(Count { allocations, bytes: seen }) = count.get() {
            count.set(Some(Count { allocations: allocations + 1, bytes: seen + bytes as u64 }));
        }
    });
}

// SAFETY: every call goes to the system's allocator unchanged; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size);
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What `act` allocates on this thread.
fn counted(act: impl FnOnce()) -> Count {
    COUNT.set(Some(Count::default()));
    act();
    COUNT.take().expect("it was set above")
}

/// What one more `act` allocates, on average, once it has run often.
fn cost(runs: u64, mut act: impl FnMut()) -> Count {
    let mut run = |count: u64| counted(|| (0..count).for_each(|_| act()));
    run(4);
    let (once, twice) = (run(runs), run(2 * runs));
    Count {
        allocations: twice.allocations.saturating_sub(once.allocations).div_ceil(runs),
        bytes: twice.bytes.saturating_sub(once.bytes).div_ceil(runs),
    }
}

#[track_caller]
fn within(cost: Count, allocations: u64, bytes: u64) {
    assert!(
        cost.allocations <= allocations && cost.bytes <= bytes,
        "{} allocations of {} bytes in all; at most {allocations} and {bytes}",
        cost.allocations,
        cost.bytes
    );
    println!("{} allocations, {} bytes", cost.allocations, cost.bytes);
}

/// 100 bytes of JSON behind `headers` header lines.
fn small(headers: usize) -> TestServer {
    TestServer::http(move |_| {
        let body = format!("{{\"text\": \"{}\"}}", "x".repeat(88));
        assert_eq!(body.len(), 100);
        // Content-Type and Content-Length are two of them.
        (2..headers).fold(Reply::new(200).header("Content-Type", "application/json").body(body), |reply, n| {
            reply.header(format!("X-Header-{n}"), format!("value of header number {n}"))
        })
    })
}

#[test]
fn the_counter_counts_this_thread_alone() {
    let one = cost(10, || drop(std::hint::black_box(Vec::<u8>::with_capacity(64))));
    let none = cost(10, || {
        std::thread::scope(|scope| {
            COUNT.set(None);
            scope.spawn(|| drop(std::hint::black_box(Vec::<u8>::with_capacity(64)))).join().expect("it does not panic");
            COUNT.set(Some(Count::default()));
        });
    });

    assert_eq!((one.allocations, one.bytes), (1, 64));
    assert_eq!(none.allocations, 0);
}

#[test]
fn a_small_request_on_a_kept_connection_allocates_little() {
    without_environment(|| {
        let server = small(8);
        let url = server.url("/items");
        let session = Session::new();

        let cost = cost(50, || assert_eq!(session.get(&url).send().and_then(|r| r.text()).expect("a text").len(), 100));

        within(cost, 8, 1_552);
    });
}

#[test]
fn to_tell_of_events_allocates_nothing() {
    without_environment(|| {
        let server = small(8);
        let url = server.url("/items");
        let mut session = Session::new();
        let get = |session: &Session| session.get(&url).send().and_then(|r| r.text()).expect("a text");
        let off = cost(50, || assert_eq!(get(&session).len(), 100));
        let told = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&told);
        let count = move |_: &PoolEvent<'_>| {
            counter.fetch_add(1, Relaxed);
        };
        let adapter = HttpAdapter::builder().on_event(count);

        session.mount("http://", adapter.build());
        let on = cost(50, || assert_eq!(get(&session).len(), 100));

        assert_eq!((on.allocations, on.bytes), (off.allocations, off.bytes));
        assert!(told.load(Relaxed) >= 300, "two for each request");
    });
}

#[test]
fn a_header_and_a_parameter_of_text_are_copied_once() {
    let cost_of =
        |build: fn(Request) -> Request| cost(50, || drop(build(Request::new("GET", "http://127.0.0.1/")))).allocations;
    let none = cost_of(|request| request);

    // The name, the value, and the list.
    assert_eq!(cost_of(|request| request.param("name", "value")) - none, 3);
    assert_eq!(cost_of(|request| request.param("name", Some("value"))) - none, 3);
    assert_eq!(cost_of(|request| request.params([("name", "value")])) - none, 3);
    // The text of all headers, which grows once, and their positions.
    assert_eq!(cost_of(|request| request.header("X-Name", "value")) - none, 3);
}

#[test]
fn many_response_headers_allocate_no_more() {
    without_environment(|| {
        let server = small(40);
        let url = server.url("/items");
        let session = Session::new();

        let cost = cost(50, || assert_eq!(session.get(&url).send().and_then(|r| r.text()).expect("a text").len(), 100));

        within(cost, 8, 3_394);
    });
}

#[test]
fn a_body_of_known_length_is_allocated_once() {
    without_environment(|| {
        const MIB: usize = 1 << 20;
        let server = TestServer::http(|_| Reply::new(200).body(vec![b'x'; MIB]));
        let url = server.url("/file");
        let session = Session::new();

        let cost = cost(4, || {
            assert_eq!(session.get(&url).send().and_then(|r| r.into_content()).expect("a body").len(), MIB);
        });

        within(cost, 10, 1_100_000);
    });
}

#[test]
fn reading_a_streamed_body_allocates_nothing() {
    without_environment(|| {
        let server = TestServer::http(|_| Reply::new(200).body(vec![b'x'; 1 << 20]));
        let session = Session::new();
        let mut buffer = vec![0; 64 * 1024];
        let mut read = || {
            let mut response = session.get(server.url("/file")).stream(true).send().expect("a head");
            counted(|| while response.read(&mut buffer).expect("a body") > 0 {})
        };

        // The first connection that comes back makes room for itself in the pool.
        read();
        let count = read();

        assert_eq!(count.allocations, 0);
    });
}

/// What one request costs more for each of its `n` parts, at `n` and at ten times as many, may not differ much: cost in
/// proportion to work.
#[track_caller]
fn grows_with_its_work(what: &str, n: usize, send: impl Fn(usize)) {
    let at = |count: usize| cost(4, || send(count));
    let (none, few, many) = (at(0), at(n), at(10 * n));
    let each =
        |cost: Count, of: fn(Count) -> u64, count: usize| of(cost).saturating_sub(of(none)) as f64 / count as f64;
    for (unit, of) in [("allocations", (|count| count.allocations) as fn(Count) -> u64), ("bytes", |count| count.bytes)]
    {
        let (few, many) = (each(few, of, n), each(many, of, 10 * n));
        println!("{what}: {few:.1} and {many:.1} {unit} each");
        // A list that doubles its room takes up to twice as much at one size as at another.
        assert!(many <= 2.0 * few + 8.0, "{what}: {few:.1} {unit} each of {n}, but {many:.1} of {}", 10 * n);
    }
}

#[test]
fn what_a_request_consists_of_costs_the_same_each_however_much_there_is() {
    without_environment(|| {
        let server = small(8);
        let url = server.url("/items");
        let session = Session::new();
        let pairs: Vec<(String, String)> = (0..1000).map(|n| (format!("name-{n:04}"), format!("value {n}"))).collect();
        let pairs = |count: usize| pairs[..count].iter().map(|(name, value)| (name, value));

        grows_with_its_work("header", 100, |count| {
            let request = pairs(count).fold(session.get(&url), |request, (name, value)| request.header(name, value));
            drop(request.send().expect("an answer"));
        });
        grows_with_its_work("headers", 100, |count| {
            drop(session.get(&url).headers(pairs(count)).send().expect("an answer"))
        });
        grows_with_its_work("params", 100, |count| {
            drop(session.get(&url).params(pairs(count)).send().expect("an answer"))
        });
        grows_with_its_work("data", 100, |count| {
            drop(session.post(&url).data(pairs(count).collect::<Vec<_>>()).send().expect("an answer"));
        });
        grows_with_its_work("parts", 100, |count| {
            let form = pairs(count).fold(petition::Multipart::new(), |form, (name, value)| form.text(name, value));
            drop(session.post(&url).files(form).send().expect("an answer"));
        });
    });
}

#[test]
fn response_headers_cost_the_same_each_up_to_their_limit() {
    without_environment(|| {
        let session = Session::new();
        let servers: Vec<(usize, TestServer)> = [0, 24, 240].map(|more| (more, small(8 + more))).into();

        grows_with_its_work("response headers", 24, |count| {
            let (_, server) = servers.iter().find(|(more, _)| *more == count).expect("there is one");
            drop(session.get(server.url("/items")).send().expect("an answer"));
        });
    });
}

#[test]
fn hops_and_cookies_cost_the_same_each() {
    without_environment(|| {
        let server = TestServer::http(|request| {
            let (kind, n) = request.path()[1..].split_once('/').expect("a kind and a number");
            let n: usize = n.parse().expect("a number");
            match kind {
                "hops" if n > 0 => Reply::new(302).header("Location", format!("/hops/{}", n - 1)),
                "hops" => Reply::new(200),
                _ => (0..n).fold(Reply::new(200), |reply, n| reply.header("Set-Cookie", format!("name{n}=value"))),
            }
        });
        let mut session = Session::new();
        session.max_redirects = u32::MAX;

        grows_with_its_work("hops", 10, |count| {
            let response = session.get(server.url(&format!("/hops/{count}"))).send().expect("an answer");
            assert_eq!(response.history().len(), count);
        });
        grows_with_its_work("cookies of one answer", 16, |count| {
            let session = Session::new();
            drop(session.get(server.url(&format!("/cookies/{count}"))).send().expect("an answer"));
            assert_eq!(session.cookies.len(), count);
        });
    });
}
