//! The server: a process of its own on the loopback interface, with threads and sockets of the standard library.
//!
//! It answers by path and parses no more of a request than where it ends, so that it costs as little as it can.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;

use native_tls::{Identity, TlsAcceptor};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::cases::LARGE;

/// A running server. It ends with this value.
pub struct Server {
    child: Child,
    plain: String,
    tls: String,
    /// The authority that signed its certificate.
    pub authority: PathBuf,
}

impl Server {
    /// With a folder of its own inside `dir`.
    pub fn start(dir: &Path, core: Option<&str>) -> Self {
        let dir = &dir.join(core.map_or("server".to_owned(), |core| format!("server-{core}")));
        std::fs::create_dir(dir).expect("one server for each core");
        let own = std::env::current_exe().expect("this program has a path");
        let mut command = crate::peers::on_core(&own, core);
        let mut child = command.arg("serve").arg(dir).stdout(Stdio::piped()).spawn().expect("a server");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut line = || lines.next().expect("an address").expect("a line");
        Self { plain: line(), tls: line(), child, authority: dir.join("authority.pem") }
    }

    /// A file with that authority and those of the system.
    pub fn bundle(&self) -> PathBuf {
        let file = self.authority.with_file_name("bundle.pem");
        if !file.exists() {
            let system = openssl_probe::probe().cert_file.and_then(|file| std::fs::read(file).ok()).unwrap_or_default();
            let own = std::fs::read(&self.authority).expect("the server has written it");
            std::fs::write(&file, [system, own].concat()).expect("the folder is ours");
        }
        file
    }

    pub fn url(&self, tls: bool, path: &str) -> String {
        format!("{}/{path}", if tls { &self.tls } else { &self.plain })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The child's side: prints its two addresses, then serves until it is ended.
pub fn serve(dir: &Path) {
    let answers = Arc::new(Answers::new());
    let acceptor = Arc::new(acceptor(dir));
    let [plain, secure] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a port"));
    let port = |listener: &TcpListener| listener.local_addr().expect("its address").port();
    println!("http://127.0.0.1:{}", port(&plain));
    println!("https://localhost:{}", port(&secure));
    let tls_answers = Arc::clone(&answers);
    std::thread::spawn(move || {
        for stream in secure.incoming().map_while(Result::ok) {
            let (answers, acceptor) = (Arc::clone(&tls_answers), Arc::clone(&acceptor));
            std::thread::spawn(move || {
                let _ = stream.set_nodelay(true);
                if let Ok(mut stream) = acceptor.accept(stream) {
                    converse(&mut stream, &answers);
                    let _ = stream.shutdown();
                }
            });
        }
    });
    for stream in plain.incoming().map_while(Result::ok) {
        let answers = Arc::clone(&answers);
        std::thread::spawn(move || {
            let mut stream: TcpStream = stream;
            let _ = stream.set_nodelay(true);
            converse(&mut stream, &answers);
        });
    }
}

fn converse(stream: &mut (impl Read + Write), answers: &Answers) {
    let mut input = vec![0; 256 * 1024];
    loop {
        let mut held = 0;
        let end = loop {
            match stream.read(&mut input[held..]) {
                Ok(0) | Err(_) => return,
                Ok(read) => held += read,
            }
            if let Some(at) = input[..held].windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
        };
        let post = input.starts_with(b"POST");
        let path = input[..end].split(|&byte| byte == b' ').nth(1).unwrap_or_default();
        let (answer, close) = answers.to(path);
        if post {
            let head = String::from_utf8_lossy(&input[..end]).to_ascii_lowercase();
            let length = head.split("content-length:").nth(1).and_then(|rest| rest.lines().next());
            let mut left = length.map_or(0, |text| text.trim().parse().expect("a length")) - (held - end);
            while left > 0 {
                match stream.read(&mut input) {
                    Ok(0) | Err(_) => return,
                    Ok(read) => left -= read,
                }
            }
        }
        if stream.write_all(answer).is_err() || close {
            return;
        }
    }
}

/// The bytes of each answer, made once.
struct Answers {
    small: Vec<u8>,
    close: Vec<u8>,
    headers: Vec<u8>,
    large: Vec<u8>,
    chunked: Vec<u8>,
    gzip: Vec<u8>,
}

impl Answers {
    fn new() -> Self {
        let json = format!("[\"{}\"]", "x".repeat(96));
        let length = format!("Content-Length: {}\r\n", json.len());
        let more: String = (0..32).map(|n| format!("X-Custom-Header-{n}: value number {n}\r\n")).collect();
        let mut chunks = Vec::new();
        for _ in 0..LARGE / (16 * 1024) {
            chunks.extend_from_slice(b"4000\r\n");
            chunks.extend_from_slice(&[b'x'; 16 * 1024]);
            chunks.extend_from_slice(b"\r\n");
        }
        chunks.extend_from_slice(b"0\r\n\r\n");
        let packed = gzip();
        let gzip_lines = format!("Content-Encoding: gzip\r\nContent-Length: {}\r\n", packed.len());
        Self {
            small: answer("application/json", &length, json.as_bytes()),
            close: answer("application/json", &format!("Connection: close\r\n{length}"), json.as_bytes()),
            headers: answer("application/json", &format!("{more}{length}"), json.as_bytes()),
            large: answer("application/octet-stream", &format!("Content-Length: {LARGE}\r\n"), &vec![b'x'; LARGE]),
            chunked: answer("application/octet-stream", "Transfer-Encoding: chunked\r\n", &chunks),
            gzip: answer("application/octet-stream", &gzip_lines, &packed),
        }
    }

    /// The answer to a path, and whether the connection ends with it.
    fn to(&self, path: &[u8]) -> (&[u8], bool) {
        match path {
            b"/close" => (&self.close, true),
            b"/headers" => (&self.headers, false),
            b"/large" => (&self.large, false),
            b"/chunked" => (&self.chunked, false),
            b"/gzip" => (&self.gzip, false),
            _ => (&self.small, false),
        }
    }
}

/// Eight header lines with the one or two that describe the body.
fn answer(kind: &str, lines: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nServer: compare\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nCache-Control: no-cache\r\n\
         Vary: Accept-Encoding\r\nETag: \"0123456789abcdef\"\r\nX-Request-Id: 6f9619ff-8b86-d011-b42d\r\n\
         Content-Type: {kind}\r\n{lines}\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// Lines that look like a log, compressed.
fn gzip() -> Vec<u8> {
    let mut text = String::new();
    let mut seed = 1_u32;
    while text.len() < LARGE {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.push_str(&format!("{:08x} GET /items/{} 200 {}\n", seed, seed >> 20, seed % 977));
    }
    text.truncate(LARGE);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish()).expect("memory takes it")
}

/// With a certificate for `localhost`, made now; the authority that signed it is written into `dir`.
fn acceptor(dir: &Path) -> TlsAcceptor {
    let mut authority = CertificateParams::new(Vec::new()).expect("no names");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "an authority of the comparison");
    let key = KeyPair::generate().expect("a key");
    let own = authority.self_signed(&key).expect("a certificate");
    std::fs::write(dir.join("authority.pem"), own.pem()).expect("the folder is ours");
    let issuer = Issuer::new(authority, key);

    let mut leaf = CertificateParams::new(["localhost".to_owned()]).expect("a name");
    leaf.distinguished_name.push(DnType::CommonName, "a server of the comparison");
    let key = KeyPair::generate().expect("a key");
    let signed = leaf.signed_by(&key, &issuer).expect("a certificate");
    let identity = Identity::from_pkcs8(signed.pem().as_bytes(), key.serialize_pem().as_bytes());
    TlsAcceptor::new(identity.expect("an identity")).expect("an acceptor")
}
