//! What the tests of proxies, TLS and credentials share: certificates made on the spot, TLS over a script's connection, a
//! record of what each peer saw, and children of the test binary with an environment of their own.
#![allow(dead_code)]

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use petition::TlsBackend;
use petition::testing::Peer;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

/// A certificate authority.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub pem: String,
    pub der: Vec<u8>,
}

/// A certificate and its key.
pub struct Leaf {
    pub cert: String,
    pub key: String,
    pub cert_der: Vec<u8>,
    pub key_der: Vec<u8>,
    pub public_key_der: Vec<u8>,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let cert = params.self_signed(&key).unwrap();
        Self { pem: cert.pem(), der: cert.der().to_vec(), issuer: Issuer::new(params, key) }
    }

    /// A certificate for these names and addresses, for servers and clients.
    pub fn leaf(&self, names: &[&str]) -> Leaf {
        self.leaf_with(names, |_| {})
    }

    pub fn leaf_with(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Leaf {
        use rcgen::PublicKeyData;

        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, "localhost");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let cert = params.signed_by(&key, &self.issuer).unwrap();
        Leaf {
            cert: cert.pem(),
            key: key.serialize_pem(),
            cert_der: cert.der().to_vec(),
            key_der: key.serialize_der(),
            public_key_der: key.subject_public_key_info(),
        }
    }
}

/// A directory of one test's own, gone with the value.
pub struct TempDir(PathBuf);

impl TempDir {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("petition-way-out-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Writes a file and gives its path.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The TLS libraries of this build.
pub fn backends() -> Vec<TlsBackend> {
    let mut backends = Vec::new();
    if cfg!(feature = "native-tls") {
        backends.push(TlsBackend::NativeTls);
    }
    if cfg!(feature = "rustls") {
        backends.push(TlsBackend::Rustls);
    }
    backends
}

/// A script's connection as a stream, to speak TLS over.
pub struct Inner<'p>(pub &'p mut Peer);

impl Read for Inner<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let got = self.0.read_some(out.len());
        out[..got.len()].copy_from_slice(&got);
        Ok(got.len())
    }
}

impl Write for Inner<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads up to the empty line of a head; `None` at the end.
pub fn read_head(stream: &mut impl Read) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if !matches!(stream.read(&mut byte), Ok(1)) {
            return None;
        }
        head.push(byte[0]);
    }
    Some(head.iter().map(|&byte| char::from(byte)).collect())
}

/// What was seen by whom, in order. Clones share it.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<(String, String)>>>);

impl Log {
    pub fn add(&self, who: impl Into<String>, what: impl Into<String>) {
        self.0.lock().unwrap().push((who.into(), what.into()));
    }

    /// Everything that `who` saw, in order.
    pub fn of(&self, who: &str) -> Vec<String> {
        self.0.lock().unwrap().iter().filter(|(name, _)| name == who).map(|(_, what)| what.clone()).collect()
    }

    pub fn all(&self) -> Vec<(String, String)> {
        self.0.lock().unwrap().clone()
    }
}

/// An acceptor for `leaf`.
#[cfg(feature = "native-tls")]
pub fn acceptor(leaf: &Leaf) -> native_tls::TlsAcceptor {
    let identity = native_tls::Identity::from_pkcs8(leaf.cert.as_bytes(), leaf.key.as_bytes()).unwrap();
    native_tls::TlsAcceptor::new(identity).unwrap()
}

/// The script of a proxy that opens a tunnel for each CONNECT, and at its end is the origin itself: what is forwarded and
/// what comes out of a tunnel is answered by `answer`, which gets who is asked (`proxy`, or CONNECT's target) and the head.
#[cfg(feature = "native-tls")]
pub fn proxy(
    acceptor: native_tls::TlsAcceptor,
    log: Log,
    answer: impl Fn(&str, &str) -> String + Send + Sync + 'static,
) -> impl Fn(&mut Peer) + Send + Sync + 'static {
    move |peer| {
        while let Some(request) = peer.read_request() {
            log.add("proxy", request.raw_text());
            if request.method != "CONNECT" {
                peer.send(answer("proxy", &request.raw_text()));
                continue;
            }
            peer.send("HTTP/1.1 200 Connection established\r\nX-Of-The-Proxy: yes\r\n\r\n");
            let Ok(mut tls) = acceptor.accept(Inner(peer)) else { return };
            while let Some(head) = read_head(&mut tls) {
                log.add(&*request.target, &*head);
                if tls.write_all(answer(&request.target, &head).as_bytes()).is_err() {
                    return;
                }
            }
            return;
        }
    }
}

/// A whole answer.
pub fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// A redirect.
pub fn moved(to: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")
}

/// The variables that [`in_child`] sets, so that only the child acts.
const CHILD: &str = "PETITION_TEST_CHILD";

/// Whether this process is a child of [`in_child`].
pub fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// Runs one test of this binary again, as a process whose environment has these variables and no other that counts; what it
/// printed between `<<` and `>>`.
pub fn in_child(test: &str, variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(CHILD, "1");
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy", "request_method"] {
        command.env_remove(name).env_remove(name.to_ascii_uppercase());
    }
    for name in ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "NETRC"] {
        command.env_remove(name);
    }
    let output = command.envs(variables.iter().copied()).output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{shown}{}", String::from_utf8_lossy(&output.stderr));
    let said = shown.split_once("<<").and_then(|(_, rest)| rest.split_once(">>"));
    said.unwrap_or_else(|| panic!("the child said nothing: {shown}")).0.to_owned()
}

/// What [`in_child`] gives to the parent.
pub fn say(what: impl std::fmt::Display) {
    println!("<<{what}>>");
}
