//! What the examples share: log lines on stdout, and a small internet of local servers, so that they run offline.
//!
//! Nothing here is needed to use petition: skip it and read the examples. Names such as www.baidu.com are looked up by
//! a resolver of the adapter's own, which knows only these servers. Https sites get certificates made on the spot, from
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

    /// Adds a server of the caller's own.
    pub fn add(&mut self, name: &str, port: u16, server: TestServer) {
        self.point(name, port, server.address());
        self.servers.insert(name.to_owned(), server);
    }

    /// Lets a name lead to an address.
    pub fn point(&mut self, name: &str, port: u16, address: SocketAddr) {
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        addresses.insert((name.to_owned(), port), address);
    }

    /// The server behind a name, to ask what it has seen.
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
                None => Err(io::Error::new(io::ErrorKind::NotFound, "name not known")),
            }
        })
    }

    /// `requests.Session()` for these sites: it trusts their authority, and goes by no proxy of the environment's.
    pub fn session(&self) -> Session {
        let mut session = Session::new();
        session.trust_env = false;
        session.verify = Verify::CaBundle(self.folder.path().join("ca.pem"));
        session.mount("https://", self.adapter().build());
        session.mount("http://", self.adapter().build());
        session
    }

    /// A folder that is removed in the end.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// A page of `size` bytes, with its length announced.
pub fn page(size: usize) -> Reply {
    Reply::new(200).header("Content-Type", "text/html; charset=utf-8").body(vec![b'.'; size])
}

/// A page in chunks: its length is not known beforehand, so its log line ends in `None`.
pub fn chunked_page() -> Reply {
    Reply::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
}

/// An address where nobody listens.
pub fn nobody() -> io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}

/// A folder of this run's own.
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
