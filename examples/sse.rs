//! Follows server-sent events, and goes on after the last one when the connection breaks.
//!
//!     cargo run --all-features --example sse
//!
//! `iter_events` reads the format. Reconnecting is the program's: it sends the last id as `Last-Event-ID`, waits as long as the
//! server's `retry` says, and ends with a `Cancel`, which also ends a wait.

use std::error::Error;
use std::time::Duration;

use petition::testing::TestServer;
use petition::{Cancel, Event, Response, Session, Timeout};

/// Calls `take` with each event until that cancels `stop`.
fn follow(session: &Session, url: &str, stop: &Cancel, mut take: impl FnMut(&Event)) -> petition::Result<()> {
    let (mut last_id, mut pause) = (String::new(), Duration::from_secs(3));
    while !stop.is_cancelled() {
        let mut request = session.get(url).header("Accept", "text/event-stream").stream(true).cancel(stop);
        if !last_id.is_empty() {
            request = request.header("Last-Event-ID", &last_id);
        }
        match request.send().and_then(Response::error_for_status) {
            // By the standard, no content means: do not come back.
            Ok(response) if response.status_code() == 204 => return Ok(()),
            Ok(mut response) => {
                for event in response.iter_events() {
                    let Ok(event) = event else { break }; // the connection broke, or was silent for too long
                    last_id = event.id.to_string();
                    pause = event.retry.unwrap_or(pause);
                    take(&event);
                }
            }
            // A refusal stays one; the rest may be better in a while.
            Err(error) if error.status().is_some_and(|status| status.is_client_error()) => return Err(error),
            Err(_) => {}
        }
        if !stop.is_cancelled() {
            println!("disconnected after event {last_id:?}");
            let _ = stop.sleep(pause); // cut short when it is cancelled
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let server = serve();
    let mut session = Session::new();
    session.trust_env = false; // the server is on this machine
    // A server with nothing to say sends a comment now and then: a minute of silence is a dead connection.
    session.timeout = Timeout::new().connect(3.05).read(60);

    let stop = Cancel::new();
    follow(&session, &server.url("/prices"), &stop, |event| {
        println!("{} {}: {}", &*event.id, event.event, event.data.replace('\n', " | "));
        if event.event == "close" {
            stop.cancel();
        }
    })?;

    for request in server.requests() {
        println!("request with Last-Event-ID: {}", request.header("last-event-id").unwrap_or("none"));
    }
    Ok(())
}

/// A server that breaks off in the middle of the second event, refuses once, and then goes on.
fn serve() -> TestServer {
    TestServer::connections(|peer| {
        let Some(request) = peer.read_request() else { return };
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
        match (peer.number(), request.header("last-event-id")) {
            (0, _) => {
                let events = ": hello\nretry: 20\n\nid: 1\nevent: price\ndata: 12 EUR\n\nid: 2\nevent: pri";
                peer.send(format!("{head}{events}"));
            }
            (1, _) => peer.send("HTTP/1.1 503 Restarting\r\nContent-Length: 0\r\n\r\n"),
            (_, Some("1")) => {
                let events = "id: 2\nevent: price\ndata: 13 EUR\ndata: (closing)\n\nid: 3\nevent: close\ndata: bye\n\n";
                peer.send(format!("{head}{events}"));
            }
            _ => {}
        }
    })
}
