//! The same failures, met with different `Retry` policies: which are tried again, how long it waits, and what comes out.
//!
//!     cargo run --all-features --example retry_policies
//!
//! Each line has a server of its own that fails as its script says. The clock is a fake one, so nobody waits for the backoff.

use std::error::Error;
use std::sync::Mutex;

use petition::testing::{FakeClock, TestServer};
use petition::{HttpAdapter, Method, Retry, Session};

/// What the server does with a request.
#[derive(Clone, Copy)]
enum Step {
    Status(u16),
    /// 429 with `Retry-After`, in seconds.
    Later(u32),
    /// Closes the connection without an answer.
    Break,
}
use Step::{Break, Later, Status};

fn main() -> Result<(), Box<dyn Error>> {
    let (get, post) = (Method::GET, Method::POST);

    println!("# no policy: a request is sent once");
    show(&get, Retry::from(0), &[Status(503), Status(200)])?;
    show(&get, Retry::from(0), &[Break, Status(200)])?;

    println!("# total(3): broken connections, for methods that may be repeated; no statuses");
    let plain = Retry::new().total(3);
    show(&get, plain.clone(), &[Break, Break, Status(200)])?;
    show(&get, plain.clone(), &[Status(503), Status(200)])?;
    show(&post, plain, &[Break, Status(200)])?;

    println!("# status_forcelist and backoff_factor(0.5): also these statuses, with growing pauses");
    let usual = Retry::new().total(4).backoff_factor(0.5).status_forcelist([500, 502, 503, 504]);
    show(&get, usual.clone(), &[Status(503), Status(502), Break, Status(503), Status(200)])?;
    show(&get, usual.clone(), &[Status(404)])?;
    show(&post, usual.clone(), &[Status(503), Status(200)])?;

    println!("# any_method: POST too, which the server has to recognise as the same (an idempotency key)");
    show(&post, usual.clone().any_method(), &[Break, Status(503), Status(200)])?;

    println!("# Retry-After replaces the backoff; retry_after_max bounds it");
    show(&get, usual.clone(), &[Later(7), Status(200)])?;
    show(&get, usual.clone().retry_after_max(5), &[Later(3600), Status(200)])?;
    show(&get, usual.clone().respect_retry_after_header(false), &[Later(7), Status(200)])?;

    println!("# exhausted: an error, or the last response with raise_on_status(false)");
    show(&get, usual.clone().total(2), &[Status(503); 3])?;
    show(&get, usual.clone().total(2).raise_on_status(false), &[Status(503); 3])?;

    println!("# retry_if: a rule of your own has the last word");
    let rule = usual.retry_if(|attempt| attempt.status() != Some(500));
    show(&get, rule.clone(), &[Status(500), Status(200)])?;
    show(&get, rule, &[Status(503), Status(200)])?;
    Ok(())
}

/// Sends one request to a server with this script, and prints what happened.
fn show(method: &Method, retry: Retry, script: &[Step]) -> Result<(), Box<dyn Error>> {
    let server = serve(script.to_vec());
    let clock = FakeClock::new();
    let mut session = Session::new();
    session.trust_env = false; // the server is on this machine
    // Without replay_stale, a reused connection that breaks is repeated once, whatever the policy.
    let adapter = HttpAdapter::builder().max_retries(retry).replay_stale(false).clock(clock.clone()).build();
    session.mount_all(adapter);

    let outcome = match session.request(method, server.url("/")).send() {
        Ok(response) => response.status_code().as_u16().to_string(),
        Err(error) => format!("{:?}", error.kind()),
    };

    let tries = server.requests().len();
    let seen: Vec<String> = script.iter().take(tries).map(name).collect();
    let waits: Vec<String> = clock.slept().iter().map(|wait| format!("{wait:?}")).collect();
    let waits = if waits.is_empty() { String::new() } else { format!(", waits {}", waits.join(" ")) };
    println!("{method}: {} => {outcome} ({tries} sent{waits})", seen.join(", "));
    Ok(())
}

fn name(step: &Step) -> String {
    match step {
        Status(status) => status.to_string(),
        Later(seconds) => format!("429 after {seconds} s"),
        Break => "broken".to_owned(),
    }
}

/// A server that follows the script, one step for each request.
fn serve(script: Vec<Step>) -> TestServer {
    let steps = Mutex::new(script.into_iter());
    TestServer::connections(move |peer| {
        while peer.read_request().is_some() {
            let step = steps.lock().ok().and_then(|mut steps| steps.next());
            let (status, header) = match step {
                Some(Status(status)) => (status, String::new()),
                Some(Later(seconds)) => (429, format!("Retry-After: {seconds}\r\n")),
                Some(Break) | None => return,
            };
            peer.send(format!("HTTP/1.1 {status} Scripted\r\n{header}Content-Length: 0\r\n\r\n"));
        }
    })
}
