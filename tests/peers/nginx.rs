//! nginx, and bodies of every framing from it and to it.
//!
//! `Nginx` writes the configuration around what a test wants inside `server { }`. Its access log has a line for each
//! request that says over which connection it came; it is read after nginx has quit, when it is complete.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use petition::{Body, ErrorKind, HttpAdapter, Version};

use crate::client::{session, session_over};
use crate::process::{Dir, Process, program};

pub struct Nginx {
    process: Process,
    program: PathBuf,
    pub dir: Dir,
}

impl Nginx {
    /// nginx with this inside `server { }`; `$PORT$` is its port, `$DIR$` its directory. `None` if it is not installed.
    pub fn start(server: &str) -> Option<Self> {
        Self::start_in(Dir::new("nginx"), &format!("listen 127.0.0.1:$PORT$; {server}"))
    }

    /// The same over TLS, with `server.pem` and `server.key` from the directory.
    #[cfg(any(feature = "native-tls", feature = "rustls"))]
    pub fn start_tls(dir: Dir, server: &str) -> Option<Self> {
        let tls = "ssl_certificate server.pem; ssl_certificate_key server.key;";
        Self::start_in(dir, &format!("listen 127.0.0.1:$PORT$ ssl; {tls} {server}"))
    }

    fn start_in(dir: Dir, server: &str) -> Option<Self> {
        let program = program("nginx")?;
        let process = Process::start(&dir, |port| {
            let server =
                server.replace("$PORT$", &port.to_string()).replace("$DIR$", dir.root().to_str().expect("plain"));
            dir.write("nginx.conf", FRAME.replace("$SERVER$", &server));
            Self::command(&program, &dir)
        });
        Some(Self { process, program, dir })
    }

    fn command(program: &PathBuf, dir: &Dir) -> Command {
        let mut command = Command::new(program);
        command.arg("-p").arg(dir.root()).args(["-e", "error.log", "-c", "nginx.conf"]);
        command
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    pub fn port(&self) -> u16 {
        self.process.port()
    }

    pub fn address(&self) -> SocketAddr {
        self.process.address()
    }

    /// Reads the configuration again; new workers take over, and the old ones close what idles.
    pub fn reload(&self) {
        self.process.signal("HUP");
    }

    /// Ends nginx, its requests finished and its idle connections closed.
    pub fn quit(&mut self) {
        self.process.signal("QUIT");
        self.process.wait();
    }

    /// Ends nginx and starts it again on the same port.
    pub fn restart(&mut self) {
        self.quit();
        let command = Self::command(&self.program, &self.dir);
        self.process = Process::start_on(self.port(), &self.dir, command).expect("the port was ours a moment ago");
    }

    /// The connections that requests came over, after nginx has quit, with the number of requests of all of them.
    pub fn connections(mut self) -> (BTreeSet<String>, usize) {
        self.quit();
        let log = self.dir.read("access.log");
        let first = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
        (log.lines().map(first).collect(), log.lines().count())
    }
}

/// Relative paths are under `-p`. `user` is for root, whose workers would otherwise not read the directory.
const FRAME: &str = "
daemon off;
user root;
worker_processes 1;
pid nginx.pid;
events { worker_connections 1024; }
http {
    log_format line '$connection $connection_requests $status $request';
    access_log access.log line;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    client_max_body_size 0;
    default_type text/plain;
    root .;
    server { $SERVER$ }
}
";

/// Bytes that are no repetition of one block.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let step = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..length).map(step).collect()
}

#[test]
fn a_large_file_of_nginx_arrives_whole_and_leaves_the_connection_usable() {
    let Some(nginx) = Nginx::start("") else { return };
    let content = noise(32 << 20);
    nginx.dir.write("large", &content);
    let session = session();

    let whole = session.get(nginx.url("/large")).send().unwrap().into_content().unwrap();
    let mut streamed = Vec::new();
    let mut response = session.get(nginx.url("/large")).stream(true).send().unwrap();
    let count = response.copy_to(&mut streamed).unwrap();
    let part = session.get(nginx.url("/large")).header("Range", "bytes=1000-1999").send().unwrap();

    assert!(whole == content && streamed == content);
    assert_eq!(count, 32 << 20);
    assert_eq!((part.status_code().as_u16(), part.content().unwrap()), (206, &content[1000..2000]));
    let (connections, requests) = nginx.connections();
    assert_eq!((connections.len(), requests), (1, 3));
}

// BODY-03, BODY-10, BODY-13
#[test]
fn a_large_upload_is_stored_by_nginx_as_it_was_sent() {
    let Some(nginx) = Nginx::start("location /store/ { dav_methods PUT; }") else { return };
    std::fs::create_dir(nginx.dir.path("store")).unwrap();
    let content = noise(16 << 20);
    let file = nginx.dir.write("upload", &content);
    let session = session();
    let bodies = [
        ("bytes", Body::from(content.clone())),
        ("file", Body::from(std::fs::File::open(file).unwrap())),
        ("reader", Body::reader(std::io::Cursor::new(content.clone()))),
        ("sized", Body::sized(std::io::Cursor::new(content.clone()), content.len() as u64)),
    ];

    for (name, body) in bodies {
        let response = session.put(nginx.url(&format!("/store/{name}"))).data(body).send().unwrap();

        assert_eq!(response.status_code(), 201, "{name}");
        assert!(std::fs::read(nginx.dir.path(&format!("store/{name}"))).unwrap() == content, "{name}");
    }
    assert_eq!(nginx.connections().0.len(), 1);
}

// BODY-33
#[test]
fn nginx_that_refuses_an_upload_halfway_is_heard() {
    let Some(nginx) = Nginx::start("client_max_body_size 1k; location / { dav_methods PUT; }") else { return };

    let response = session().put(nginx.url("/x")).data(noise(8 << 20)).send().unwrap();

    assert_eq!(response.status_code(), 413);
}

// A server that neither chunks nor knows the length ends the body with the connection, as in HTTP/1.0.
#[test]
fn a_body_that_ends_with_the_connection_is_read_to_its_end() {
    let server = "chunked_transfer_encoding off; sub_filter_types *; sub_filter_once off; sub_filter aaaa bbbb;";
    let Some(nginx) = Nginx::start(server) else { return };
    nginx.dir.write("text", "aaaa".repeat(100_000));
    let adapter = HttpAdapter::new();

    let response = session_over(&adapter).get(nginx.url("/text")).send().unwrap();

    assert_eq!(response.headers().get("content-length"), None);
    assert_eq!(response.headers().get("transfer-encoding"), None);
    assert!(response.text().unwrap() == "bbbb".repeat(100_000));
    assert_eq!(adapter.stats()[0].idle(), 0);
}

#[test]
fn a_chunked_body_of_nginx_leaves_the_connection_usable() {
    let Some(nginx) = Nginx::start("sub_filter_types *; sub_filter_once off; sub_filter aaaa bbbb;") else { return };
    nginx.dir.write("text", "aaaa".repeat(100_000));
    let session = session();

    for _ in 0..3 {
        let response = session.get(nginx.url("/text")).send().unwrap();
        assert_eq!(response.headers().get("transfer-encoding"), Some("chunked"));
        assert!(response.text().unwrap() == "bbbb".repeat(100_000));
    }

    assert_eq!(nginx.connections().0.len(), 1);
}

#[test]
fn head_and_statuses_without_a_body_keep_the_connection() {
    let server = "location /none { return 204; } location / { }";
    let Some(nginx) = Nginx::start(server) else { return };
    nginx.dir.write("text", "hello");
    let session = session();

    let head = session.head(nginx.url("/text")).send().unwrap();
    let none = session.get(nginx.url("/none")).send().unwrap();
    let etag = head.headers().get("etag").unwrap();
    let unchanged = session.get(nginx.url("/text")).header("If-None-Match", etag).send().unwrap();
    let missing = session.get(nginx.url("/missing")).send().unwrap();

    assert_eq!((head.headers().get("content-length"), head.content().unwrap()), (Some("5"), &b""[..]));
    assert_eq!((none.status_code().as_u16(), none.content().unwrap()), (204, &b""[..]));
    assert_eq!((unchanged.status_code().as_u16(), unchanged.content().unwrap()), (304, &b""[..]));
    assert_eq!(missing.raise_for_status().unwrap_err().kind(), ErrorKind::HttpError);
    assert_eq!(nginx.connections().0.len(), 1);
}

#[test]
fn an_old_python_server_that_speaks_http_1_0_is_understood() {
    let Some(python) = program("python3") else { return };
    let dir = Dir::new("http10");
    let content = noise(1 << 20);
    dir.write("file", &content);
    let server = Process::start(&dir, |port| {
        let mut command = Command::new(&python);
        command.args(["-m", "http.server", "--bind", "127.0.0.1", &port.to_string()]).current_dir(dir.root());
        command
    });
    let adapter = HttpAdapter::new();
    let session = session_over(&adapter);

    for _ in 0..3 {
        let response = session.get(format!("http://{}/file", server.address())).send().unwrap();
        assert_eq!(response.version(), Version::Http10);
        assert!(response.content().unwrap() == content);
    }

    // POOL-26
    assert_eq!(adapter.stats()[0].idle(), 0);
}

// REDIR-16, COOK-03: nginx makes an absolute URL of a Location, and of a directory without its slash.
#[test]
fn redirects_and_cookies_of_nginx_are_followed_and_kept() {
    let server = "location = /set { add_header Set-Cookie 'a=1; Path=/'; return 302 /show; }
                  location = /show { return 200 \"$cookie_a\"; }";
    let Some(nginx) = Nginx::start(server) else { return };
    std::fs::create_dir(nginx.dir.path("sub")).unwrap();
    nginx.dir.write("sub/index.html", "index");
    let session = session();

    let shown = session.get(nginx.url("/set")).send().unwrap();
    let index = session.get(nginx.url("/sub")).send().unwrap();

    assert_eq!((shown.text().unwrap().as_str(), shown.history().len()), ("1", 1));
    assert_eq!((index.text().unwrap().as_str(), index.url().as_str()), ("index", nginx.url("/sub/").as_str()));
    assert_eq!(nginx.connections().0.len(), 1);
}

#[cfg(feature = "gzip")]
#[test]
fn what_nginx_compresses_on_the_way_is_decoded() {
    let Some(nginx) = Nginx::start("gzip on; gzip_types *; gzip_min_length 1;") else { return };
    let text: String = (0..100_000).map(|n| format!("line {n}\n")).collect();
    nginx.dir.write("text", &text);

    let response = session().get(nginx.url("/text")).send().unwrap();

    assert_eq!(response.headers().get("content-encoding"), Some("gzip"));
    assert!(response.text().unwrap() == text);
}

#[cfg(feature = "zstd")]
#[test]
fn zstd_that_the_reference_library_made_is_decoded() {
    let Some(nginx) = Nginx::start("location / { add_header Content-Encoding zstd; }") else { return };
    let content = [noise(1 << 20), vec![0; 1 << 20]].concat();
    nginx.dir.write("coded", zstd::encode_all(&content[..], 3).unwrap());

    let response = session().get(nginx.url("/coded")).send().unwrap();

    assert_eq!(response.headers().get("content-encoding"), Some("zstd"));
    assert!(response.content().unwrap() == content);
}
