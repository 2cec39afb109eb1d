//! Shared by the examples: log lines on stdout, and a small internet of local servers, so that they run offline.
//!
//! You do not need this to use petition: skip it and read the examples. Names such as www.baidu.com are looked up by a
//! custom resolver of the adapter, which knows only these servers. Https sites use certificates generated at start, by
//! an authority whose certificate is a file in a temporary folder.
#![allow(dead_code)] // each example uses a part

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use petition::testing::{Reply, TestRequest, TestServer, serve};
use petition::{HttpAdapter, HttpAdapterBuilder, Session, Verify};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

/// What `main` returns: any error ends the example.
pub type Result<T = (), E = Box<dyn Error>> = std::result::Result<T, E>;

/// Prints petition's log lines as `LEVEL:target:message`: Python's `logging.basicConfig(level=logging.DEBUG)`.
pub fn log_to_stdout() {
    env_logger::Builder::new()
        .filter_module("petition", log::LevelFilter::Debug)
        .target(env_logger::Target::Stdout)
        .format(|out, record| writeln!(out, "{}:{}:{}", record.level(), record.target(), record.args()))
        .init();
}

/// Sites by name, each a server on 127.0.0.1.
pub struct Internet {
    servers: HashMap<String, TestServer>,
    addresses: Arc<Mutex<HashMap<(String, u16), SocketAddr>>>,
    authority: CertifiedIssuer<'static, KeyPair>,
    folder: Folder,
}

impl Internet {
    /// An internet without sites.
    pub fn new() -> Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Authority of the examples");
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let folder = Folder::new()?;
        fs::write(folder.path().join("ca.pem"), authority.pem())?;
        Ok(Self { servers: HashMap::new(), addresses: Arc::default(), authority, folder })
    }

    /// Adds `https://name`.
    pub fn https(&mut self, name: &str, answer: impl Fn(&TestRequest) -> Reply + Send + Sync + 'static) -> Result {
        let mut params = CertificateParams::new([name.to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.authority)?;
        let server = TestServer::builder().tls(&certificate.pem(), &key.serialize_pem())?.start(serve(answer))?;
        self.add(name, 443, server);
        Ok(())
    }

    /// Adds `http://name`.
    pub fn http(&mut self, name: &str, answer: impl Fn(&TestRequest) -> Reply + Send + Sync + 'static) {
        self.add(name, 80, TestServer::http(answer));
    }

    /// Adds an existing server.
    pub fn add(&mut self, name: &str, port: u16, server: TestServer) {
        self.point(name, port, server.address());
        self.servers.insert(name.to_owned(), server);
    }

    /// Maps a name to an address.
    pub fn point(&mut self, name: &str, port: u16, address: SocketAddr) {
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        addresses.insert((name.to_owned(), port), address);
    }

    /// The server with this name, to inspect what it has seen.
    pub fn server(&self, name: &str) -> &TestServer {
        &self.servers[name]
    }

    /// `HTTPAdapter(…)` for these sites.
    pub fn adapter(&self) -> HttpAdapterBuilder {
        let addresses = Arc::clone(&self.addresses);
        HttpAdapter::builder().resolver(move |name, port| {
            let addresses = addresses.lock().unwrap_or_else(PoisonError::into_inner);
            match addresses.get(&(name.to_owned(), port)) {
                Some(address) => Ok(vec![*address]),
                None => Err(io::Error::new(io::ErrorKind::NotFound, "unknown name")),
            }
        })
    }

    /// `requests.Session()` for these sites: it trusts their authority, and ignores the environment's proxies.
    pub fn session(&self) -> Session {
        let mut session = Session::new();
        session.trust_env = false;
        session.verify = Verify::CaBundle(self.folder.path().join("ca.pem"));
        session.mount("https://", self.adapter().build());
        session.mount("http://", self.adapter().build());
        session
    }

    /// A folder that is removed when dropped.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// A page of `size` bytes, with a Content-Length.
pub fn page(size: usize) -> Reply {
    Reply::new(200).header("Content-Type", "text/html; charset=utf-8").body(vec![b'.'; size])
}

/// A chunked page: its length is unknown, so its log line ends in `None`.
pub fn chunked_page() -> Reply {
    Reply::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
}

/// An address on which nothing listens.
pub fn nobody() -> io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}

/// A new folder for this run.
struct Folder(PathBuf);

impl Folder {
    fn new() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("petition-example-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
