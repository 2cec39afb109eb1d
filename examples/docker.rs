//! Talks to Docker over its Unix socket: its version, its containers, and the log of events, line by line.
//!
//!     cargo run --all-features --example docker                          # a small server that plays Docker
//!     cargo run --all-features --example docker -- /var/run/docker.sock  # the real one
//!
//! The host of a URL is the socket's path, percent-encoded. Where there are no Unix sockets, each request is an error.

use std::error::Error;
use std::path::PathBuf;

use petition::{HttpAdapter, Session, UnixAdapter, Url};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    version: String,
    api_version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Container {
    id: String,
    names: Vec<String>,
    state: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    r#type: String,
    action: String,
}

fn docker(socket: &str) -> petition::Result<Session> {
    let host: String = socket.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let mut session = Session::new();
    session.base_url = Some(Url::parse(&format!("http+unix://{host}/"))?);
    session.timeout = (1, 30).into();
    session.mount("http+unix://", UnixAdapter::from(HttpAdapter::builder().pool_maxsize(2)));
    Ok(session)
}

fn main() -> Result<(), Box<dyn Error>> {
    let (socket, _fake) = match std::env::args().nth(1) {
        Some(path) => (PathBuf::from(path), None),
        None => fake::start().map(|(path, fake)| (path, Some(fake)))?,
    };
    let docker = docker(&socket.to_string_lossy())?;

    let version: Version = docker.get("/version").send()?.error_for_status()?.json()?;
    println!("Docker {}, API {}", version.version, version.api_version);

    let containers = docker.get("/containers/json").param("all", true).send()?.error_for_status()?;
    for container in containers.json::<Vec<Container>>()? {
        println!("{:.12} {:10} {}", container.id, container.state, container.names.join(" "));
    }

    // The events of the last ten minutes, a JSON document in each line. Without `until`, the stream would go on.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
    let events = docker.get("/events").param("since", now - 600).param("until", now);
    let mut events = events.stream(true).send()?.error_for_status()?;
    for line in events.iter_lines() {
        let event: Event = serde_json::from_slice(line?.as_ref())?;
        println!("event: {} {}", event.r#type, event.action);
    }
    Ok(())
}

/// A server on a socket in the folder for temporary files, with three answers.
#[cfg(unix)]
mod fake {
    use std::fs;
    use std::io::{self, BufRead, BufReader, Write};
    use std::os::unix::net::UnixListener;
    use std::path::PathBuf;
    use std::thread;

    /// Deletes the socket at the end.
    pub struct Fake(PathBuf);

    impl Drop for Fake {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    pub fn start() -> io::Result<(PathBuf, Fake)> {
        let path = std::env::temp_dir().join(format!("petition-docker-{}.sock", std::process::id()));
        let listener = UnixListener::bind(&path)?;
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || {
                    let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
                    while let Some(line) = lines.next() {
                        let body = match line.split([' ', '?']).nth(1) {
                            Some("/version") => r#"{"Version": "28.0.1", "ApiVersion": "1.48"}"#,
                            Some("/containers/json") => concat!(
                                r#"[{"Id": "8dfafdbc3a40aabb", "Names": ["/web"], "State": "running"}, "#,
                                r#"{"Id": "9cd87474be90ccdd", "Names": ["/db"], "State": "exited"}]"#
                            ),
                            _ => concat!(
                                r#"{"Type": "container", "Action": "start"}"#,
                                "\n",
                                r#"{"Type": "network", "Action": "connect"}"#,
                                "\n"
                            ),
                        };
                        let _ = lines.by_ref().find(|line| line.is_empty());
                        let _ = write!(&stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                    }
                });
            }
        });
        Ok((path.clone(), Fake(path)))
    }
}

#[cfg(not(unix))]
mod fake {
    pub fn start() -> std::io::Result<(std::path::PathBuf, ())> {
        Err(std::io::Error::new(std::io::ErrorKind::Unsupported, "this platform has no Unix sockets"))
    }
}
