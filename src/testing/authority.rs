//! Certificates that are made when a test runs.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

/// An authority, which signs the certificates of one server and its clients.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    der: Vec<u8>,
    file: OnceLock<TempFile>,
}

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "petition test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect(MADE);
        let certificate = params.self_signed(&key).expect(MADE);
        let (pem, der) = (certificate.pem(), certificate.der().to_vec());
        Self { issuer: Issuer::new(params, key), pem, der, file: OnceLock::new() }
    }

    /// Its own certificate.
    pub(super) fn pem(&self) -> &str {
        &self.pem
    }

    pub(super) fn der(&self) -> &[u8] {
        &self.der
    }

    /// Its own certificate as a file, which goes with it.
    pub(super) fn file(&self) -> PathBuf {
        self.file.get_or_init(|| TempFile::new(&self.pem)).0.clone()
    }

    /// Certificate and key of a server on this machine.
    pub(super) fn server_pem(&self) -> (String, String) {
        self.leaf("localhost", &["localhost", "127.0.0.1", "::1"], ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// Certificate and key of a client.
    pub(super) fn client_pem(&self) -> (String, String) {
        self.leaf("client", &["client"], ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn leaf(&self, name: &str, names: &[&str], usage: ExtendedKeyUsagePurpose) -> (String, String) {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("constants that are names and addresses");
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().expect(MADE);
        let certificate = params.signed_by(&key, &self.issuer).expect(MADE);
        (certificate.pem(), key.serialize_pem())
    }
}

const MADE: &str = "the library makes keys and certificates of its default kind";

/// A file that is deleted with the value.
struct TempFile(PathBuf);

impl TempFile {
    fn new(content: &str) -> Self {
        let name = format!("petition-ca-{}-{:016x}.pem", std::process::id(), fastrand::u64(..));
        let path = std::env::temp_dir().join(name);
        write(&path, content).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
        Self(path)
    }
}

fn write(path: &Path, content: &str) -> std::io::Result<()> {
    use std::io::Write;

    std::fs::File::create_new(path)?.write_all(content.as_bytes())
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
