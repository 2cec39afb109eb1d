use std::time::Duration;

use petition::{Cancel, Event, Session};

/// Calls `take` with each event until it returns false; reconnects where the stream breaks.
pub fn follow(session: &Session, url: &str, stop: &Cancel, mut take: impl FnMut(Event) -> bool) {
    let (mut last_id, mut pause) = (String::new(), Duration::from_secs(3));
    while !stop.is_cancelled() {
        let mut request = session.get(url).header("Accept", "text/event-stream").stream(true).cancel(stop);
        if !last_id.is_empty() {
            request = request.header("Last-Event-ID", &last_id);
        }
        if let Ok(mut response) = request.send().and_then(petition::Response::error_for_status) {
            for event in response.iter_events() {
                let Ok(event) = event else { break };
                last_id = event.id.to_string();
                pause = event.retry.unwrap_or(pause);
                if !take(event) {
                    return;
                }
            }
        }
        let _ = stop.sleep(pause); // returns at once when it is cancelled
    }
}

// The test of these lines.

use petition::testing::{Reply, TestServer};

#[test]
fn it_goes_on_after_the_last_event() {
    let server = TestServer::http(|request| match request.header("last-event-id") {
        None => Reply::new(200).body("retry: 0\n\nid: 1\ndata: a\n\n"),
        Some(id) => Reply::new(200).body(format!("id: 2\ndata: after {id}\n\n")),
    });
    let mut seen = Vec::new();

    follow(&crate::session(), &server.url("/"), &Cancel::new(), |event| {
        seen.push(event.data);
        seen.len() < 2
    });

    assert_eq!(seen, ["a", "after 1"]);
}
