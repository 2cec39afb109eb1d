//! Certificates made by the openssl command, while the test runs, so that their dates and faults are what the test says.
//!
//! An `OpensslCa` writes `NAME.pem` and `NAME.key` into the test's directory. Keys are on P-256 unless a test asks for
//! another: making them takes no time.

use std::fs::OpenOptions;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::process::{Dir, program};

pub struct OpensslCa<'d> {
    dir: &'d Dir,
    openssl: PathBuf,
    name: &'static str,
}

/// What a certificate says. Names are subject alternative names, as openssl writes them.
#[derive(Clone)]
pub struct Leaf {
    pub names: String,
    pub key: &'static [&'static str],
    pub from: &'static str,
    pub until: &'static str,
    pub extensions: String,
}

impl Leaf {
    /// A server's certificate without faults.
    pub fn server(names: &str) -> Self {
        Self { extensions: "extendedKeyUsage = serverAuth".to_owned(), ..Self::bare(names) }
    }

    /// A client's.
    pub fn client() -> Self {
        Self { extensions: "extendedKeyUsage = clientAuth".to_owned(), ..Self::bare("email:client@petition.test") }
    }

    fn bare(names: &str) -> Self {
        Self {
            names: names.to_owned(),
            key: P256,
            from: "20200101000000Z",
            until: "20490101000000Z",
            extensions: String::new(),
        }
    }
}

pub const P256: &[&str] = &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
pub const RSA_1024: &[&str] = &["-newkey", "rsa:1024"];
pub const RSA_2048: &[&str] = &["-newkey", "rsa:2048"];

impl<'d> OpensslCa<'d> {
    /// A root of its own, `NAME.pem`. `None` if openssl is not installed.
    pub fn root(dir: &'d Dir, name: &'static str) -> Option<Self> {
        let authority = Self { dir, openssl: program("openssl")?, name };
        let ca = "basicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign, cRLSign";
        authority.self_signed(name, ca);
        Some(authority)
    }

    /// A certificate that nobody but itself has signed.
    pub fn self_signed(&self, name: &str, extensions: &str) {
        self.configure(name, extensions);
        let (key, cert) = (format!("{name}.key"), format!("{name}.pem"));
        let mut args = vec!["req", "-x509", "-config", "openssl.cnf", "-extensions", "own", "-nodes", "-days", "3650"];
        args.extend(P256);
        args.extend(["-keyout", &key, "-out", &cert]);
        self.run(&args);
    }

    /// Signs a certificate for a server or a client.
    pub fn issue(&self, name: &str, leaf: &Leaf) {
        let extensions = format!(
            "basicConstraints = critical, CA:FALSE\nkeyUsage = critical, digitalSignature\nsubjectAltName = {}\n{}",
            leaf.names, leaf.extensions
        );
        self.sign(name, leaf, &extensions);
    }

    /// Signs an authority that may speak for names under `permitted` alone.
    pub fn constrained(&self, name: &'static str, permitted: &str) -> Self {
        let extensions = format!(
            "basicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign\n\
             nameConstraints = critical, permitted;DNS:{permitted}"
        );
        self.sign(name, &Leaf::bare(""), &extensions);
        Self { dir: self.dir, openssl: self.openssl.clone(), name }
    }

    fn sign(&self, name: &str, leaf: &Leaf, extensions: &str) {
        self.configure(name, extensions);
        let (key, request, cert) = (format!("{name}.key"), format!("{name}.csr"), format!("{name}.pem"));
        let mut args = vec!["req", "-new", "-config", "openssl.cnf", "-nodes", "-keyout", &key, "-out", &request];
        args.extend(leaf.key);
        self.run(&args);
        let dates = ["-startdate", leaf.from, "-enddate", leaf.until];
        let mut args = vec!["ca", "-batch", "-config", "openssl.cnf", "-extensions", "own", "-notext"];
        args.extend(dates);
        args.extend(["-in", &request, "-out", &cert]);
        self.run(&args);
    }

    /// The database is what `openssl ca` wants to keep; it is the only command that takes both dates.
    fn configure(&self, subject: &str, extensions: &str) {
        let signer = self.name;
        let text = format!(
            "[ca]\ndefault_ca = this\n\
             [this]\ndatabase = issued\nnew_certs_dir = .\nrand_serial = yes\ndefault_md = sha256\npolicy = any\n\
             unique_subject = no\ncertificate = {signer}.pem\nprivate_key = {signer}.key\n\
             [any]\ncommonName = supplied\n\
             [req]\ndistinguished_name = subject\nprompt = no\n\
             [subject]\nCN = {subject}\n\
             [own]\nsubjectKeyIdentifier = hash\n{extensions}\n"
        );
        self.dir.write("openssl.cnf", text);
        OpenOptions::new().create(true).append(true).open(self.dir.path("issued")).expect("the directory is ours");
    }

    fn run(&self, args: &[&str]) {
        let mut command = Command::new(&self.openssl);
        command.args(args).current_dir(self.dir.root()).stdin(Stdio::null());
        let output = command.output().expect("openssl was found");
        assert!(output.status.success(), "openssl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
