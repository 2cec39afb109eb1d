use petition::{Session, UnixAdapter};
use serde_json::Value;

/// `docker`: a session with `UnixAdapter` on `http+unix://`; `socket`: `/var/run/docker.sock`.
pub fn containers(docker: &Session, socket: &str) -> petition::Result<Vec<Value>> {
    let host = socket.replace('/', "%2F");
    docker.get(format!("http+unix://{host}/containers/json")).param("all", true).send()?.error_for_status()?.json()
}

pub fn docker() -> Session {
    let mut session = Session::new();
    session.mount("http+unix://", UnixAdapter::new());
    session
}

// The test of these lines.

#[cfg(unix)]
#[test]
fn a_request_goes_over_the_socket() {
    use std::io::{Read, Write};

    // A temporary directory has a short name, without blanks.
    let path = std::env::temp_dir().join(format!("petition-docker-{}.sock", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let server = std::thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let mut head = [0; 1024];
        let read = stream.read(&mut head).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n[{\"Id\":\"ab\"}]").unwrap();
        String::from_utf8_lossy(&head[..read]).into_owned()
    });

    let mut docker = docker();
    docker.trust_env = false;

    let found = containers(&docker, path.to_str().unwrap());
    let _ = std::fs::remove_file(&path);
    let found = found.unwrap();

    assert_eq!(found[0]["Id"], "ab");
    assert!(server.join().unwrap().starts_with("GET /containers/json?all=true HTTP/1.1\r\n"));
}
