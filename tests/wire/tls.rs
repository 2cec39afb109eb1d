//! TLS through the public API, by every backend of the build: who is trusted, what is said when not, and which connections
//! are kept apart.

use std::io::Write;
use std::sync::Arc;

use petition::testing::{Reply, TestServer};
use petition::{
    ClientCert, Error, ErrorKind, HttpAdapter, HttpAdapterBuilder, Session, TlsBackend, TlsVersion, Verify,
};
use rustls::crypto::ring;
use rustls::server::WebPkiClientVerifier;
use rustls::{
    HandshakeKind, RootCertStore, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion, version,
};

use crate::support::*;

/// A server, and what it learnt of its clients.
struct Secure {
    server: TestServer,
    journal: Journal,
}

const BOTH: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];

fn config(leaf: &Leaf, versions: &[&'static SupportedProtocolVersion], clients_of: Option<&Authority>) -> ServerConfig {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(versions).unwrap();
    let builder = match clients_of {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.der.clone().into()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(leaf.key_der.clone().into());
    let mut config = builder.with_single_cert(vec![leaf.cert_der.clone().into()], key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

impl Secure {
    fn new(leaf: &Leaf) -> Self {
        Self::with(config(leaf, BOTH, None), |_| answer("ok"))
    }

    fn with(config: ServerConfig, script: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        let (config, journal) = (Arc::new(config), Journal::default());
        let seen = journal.clone();
        let server = TestServer::connections(move |peer| {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, Inner(peer));
            while stream.conn.is_handshaking() {
                if stream.conn.complete_io(&mut stream.sock).is_err() {
                    // To close on unread bytes would be a reset, which may overtake the alert.
                    return stream.sock.0.wait_for_close();
                }
            }
            seen.add("sni", stream.conn.server_name().unwrap_or("none"));
            seen.add("alpn", String::from_utf8_lossy(stream.conn.alpn_protocol().unwrap_or_default()));
            seen.add("resumed", (stream.conn.handshake_kind() == Some(HandshakeKind::Resumed)).to_string());
            while let Some(head) = read_head(&mut stream) {
                seen.add("request", &*head);
                if stream.write_all(script(&head).as_bytes()).and_then(|()| stream.flush()).is_err() {
                    return;
                }
            }
        });
        Self { server, journal }
    }

    /// A URL of the server under some name.
    fn url(&self, host: &str) -> String {
        format!("https://{host}:{}/", self.server.address().port())
    }
}

/// A session for which every name is 127.0.0.1.
fn session(backend: &TlsBackend, change: impl FnOnce(HttpAdapterBuilder) -> HttpAdapterBuilder) -> Session {
    let resolver = |_: &str, port: u16| Ok(vec![([127, 0, 0, 1], port).into()]);
    let builder = HttpAdapter::builder().tls_backend(backend.clone()).resolver(resolver);
    session_over(change(builder).build())
}

/// An authority, its bundle in a file, and a certificate for `good.test`.
struct Pki {
    authority: Authority,
    leaf: Leaf,
    dir: TempDir,
}

impl Pki {
    fn new() -> Self {
        Self::named("TLS Tests")
    }

    fn named(name: &str) -> Self {
        let (authority, dir) = (Authority::new(name), TempDir::new());
        dir.file("ca.pem", &authority.pem);
        Self { leaf: authority.leaf(&["good.test"]), authority, dir }
    }

    fn bundle(&self) -> Verify {
        self.dir.path().join("ca.pem").into()
    }

    fn session(&self, backend: &TlsBackend) -> Session {
        let mut session = session(backend, |builder| builder);
        session.verify = self.bundle();
        session
    }
}

#[track_caller]
fn assert_says(error: &Error, kind: ErrorKind, text: &str) {
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(text), "{error}");
}

// TLS-01, TLS-02, TLS-04
#[test]
fn verify_is_on_off_a_bundle_or_a_directory() {
    // The system's authorities are where the environment says.
    without_environment(|| {
        let pki = Pki::new();
        let secure = Secure::new(&pki.leaf);
        let stranger = pki.dir.file("stranger.pem", Authority::new("Stranger").pem);
        for backend in backends() {
            let session = session(&backend, |builder| builder);
            let get = |verify: Verify| session.get(secure.url("good.test")).verify(verify).send();

            assert_eq!(get(false.into()).unwrap().text().unwrap(), "ok");
            assert_eq!(get(pki.bundle()).unwrap().text().unwrap(), "ok");
            assert_eq!(get(pki.dir.path().into()).unwrap().text().unwrap(), "ok");
            for verify in [true.into(), (&stranger).into()] {
                assert_says(&get(verify).unwrap_err(), ErrorKind::SslError, "unknown authority");
            }
        }
    });
}

// docs/decisions.md#system-and
#[test]
fn authorities_beside_the_systems_add_to_them() {
    if cfg!(windows) {
        println!("skipped: no variable names the system's authorities here");
        return;
    }
    // The system's authorities are those that SSL_CERT_FILE names to both backends.
    let child = Child::new(|| {
        let variable = |name: &str| std::env::var(name).unwrap();
        let own = match variable("TEST_AS").as_str() {
            "path" => Verify::system_and(variable("TEST_OWN")),
            "text" => Verify::system_and(std::fs::read_to_string(variable("TEST_OWN")).unwrap()),
            _ => Verify::system_and(std::fs::read(variable("TEST_OWN")).unwrap()),
        };
        let said = backends().into_iter().map(|backend| {
            let mut session = session(&backend, |builder| builder);
            session.verify = own.clone();
            ["TEST_BY_OWN", "TEST_BY_SYSTEM", "TEST_BY_NOBODY"].map(|url| match session.get(variable(url)).send() {
                Ok(response) => response.text().unwrap(),
                Err(error) => format!("{:?}", error.kind()),
            })
        });
        let said: Vec<_> = said.map(|said| said.join(" ")).collect();
        said.join("; ")
    });
    let (own, system, stranger) = (Pki::named("Own"), Pki::named("System"), Pki::named("Stranger"));
    let servers = [&own, &system, &stranger].map(|pki| Secure::new(&pki.leaf));
    let urls = servers.each_ref().map(|server| server.url("good.test"));
    let bundles = [&own, &system].map(|pki| pki.dir.path().join("ca.pem").to_str().unwrap().to_owned());

    for form in ["path", "text", "bytes"] {
        let said = child.run(&[
            ("SSL_CERT_FILE", &bundles[1]),
            ("TEST_OWN", &bundles[0]),
            ("TEST_AS", form),
            ("TEST_BY_OWN", &urls[0]),
            ("TEST_BY_SYSTEM", &urls[1]),
            ("TEST_BY_NOBODY", &urls[2]),
        ]);
        assert_eq!(said, vec!["ok ok SslError"; backends().len()].join("; "), "{form}");
    }
}

// TLS-03
#[test]
fn authorities_that_cannot_be_added_are_an_error_that_names_them() {
    without_environment(|| {
        let pki = Pki::new();
        let secure = Secure::new(&pki.leaf);
        let empty = pki.dir.file("empty.pem", "no certificate");
        for backend in backends() {
            let session = session(&backend, |builder| builder);
            for (verify, text) in [
                (Verify::system_and("nowhere/ca.pem"), "nowhere/ca.pem"),
                (Verify::system_and(&empty), "empty.pem"),
                (Verify::system_and(b"no certificate"), "memory"),
                (Verify::system_and(pki.leaf.cert.as_str()), "there is no root in it"),
            ] {
                let error = session.get(secure.url("good.test")).verify(verify).send().unwrap_err();
                assert!(error.to_string().contains(text), "{error}");
            }
        }
    });
}

// TLS-03
#[test]
fn a_bundle_that_is_not_there_or_has_no_certificates_is_named() {
    let pki = Pki::new();
    let secure = Secure::new(&pki.leaf);
    let empty = pki.dir.file("empty.pem", "nothing of use\n");
    for backend in backends() {
        let session = session(&backend, |builder| builder);
        let get = |path: &std::path::Path| session.get(secure.url("good.test")).verify(path).send().unwrap_err();

        assert_says(&get(&pki.dir.path().join("none.pem")), ErrorKind::Io, "none.pem");
        assert_says(&get(&empty), ErrorKind::SslError, "empty.pem");
    }
    assert_eq!(secure.server.accepted(), 0);
}

// TLS-07, TLS-09
#[test]
fn a_certificate_that_does_not_verify_is_an_error_that_says_why_and_is_not_tried_again() {
    let pki = Pki::new();
    let year = |year| {
        move |params: &mut rcgen::CertificateParams| {
            params.not_before = rcgen::date_time_ymd(year, 1, 1);
            params.not_after = rcgen::date_time_ymd(year + 1, 1, 1);
        }
    };
    let servers = [
        (Secure::new(&pki.authority.leaf_with(&["good.test"], year(2001))), "the certificate of good.test has expired"),
        (
            Secure::new(&pki.authority.leaf_with(&["good.test"], year(2095))),
            "the certificate of good.test is not valid yet",
        ),
        (Secure::new(&pki.authority.leaf(&["other.test"])), "the certificate is not valid for good.test"),
        // A common name does not count.
        (Secure::new(&pki.authority.leaf(&[])), "the certificate is not valid for good.test"),
        (
            Secure::new(&Authority::new("Stranger").leaf(&["good.test"])),
            "the certificate of good.test was issued by an unknown authority",
        ),
    ];
    for backend in backends() {
        for (secure, text) in &servers {
            let mut session = session(&backend, |builder| builder.max_retries(3));
            session.verify = pki.bundle();
            let before = secure.server.accepted();

            let error = session.get(secure.url("good.test")).send().unwrap_err();

            assert_says(&error, ErrorKind::SslError, text);
            assert!(error.is_connection_error() && !error.is_timeout());
            assert_eq!(secure.server.accepted() - before, 1, "{backend:?} tried {text:?} again");
        }
    }
}

// TLS-07, TLS-08, TLS-15
#[test]
fn names_and_addresses_are_checked_and_only_names_are_sent() {
    let pki = Pki::new();
    let secure = Secure::new(&pki.authority.leaf(&["good.test", "127.0.0.1"]));
    for backend in backends() {
        let session = pki.session(&backend);

        for host in ["good.test", "good.test.", "127.0.0.1"] {
            assert_eq!(session.get(secure.url(host)).send().unwrap().text().unwrap(), "ok", "{backend:?} {host}");
        }
    }
    let names: Vec<_> = backends().iter().flat_map(|_| ["good.test", "good.test", "none"]).collect();
    assert_eq!(secure.journal.of("sni"), names);
    assert!(secure.journal.of("alpn").iter().all(|protocol| protocol == "http/1.1"));

    let without_address = Secure::new(&pki.leaf);
    for backend in backends() {
        let error = pki.session(&backend).get(without_address.url("127.0.0.1")).send().unwrap_err();
        assert_says(&error, ErrorKind::SslError, "the certificate is not valid for 127.0.0.1");
    }
}

// TBELT-14
#[test]
fn another_name_can_be_asked_for_or_none_checked() {
    let pki = Pki::new();
    let secure = Secure::new(&pki.leaf);
    let strange = Secure::new(&Authority::new("Stranger").leaf(&["good.test"]));
    for backend in backends() {
        let mut named = session(&backend, |builder| builder.tls_server_name("good.test"));
        named.verify = pki.bundle();
        assert!(named.get(secure.url("127.0.0.1")).send().is_ok(), "{backend:?}");

        let mut unchecked = session(&backend, |builder| builder.tls_check_hostname(false));
        unchecked.verify = pki.bundle();
        assert!(unchecked.get(secure.url("other.test")).send().is_ok(), "{backend:?}");
        // The chain is checked all the same.
        let error = unchecked.get(strange.url("other.test")).send().unwrap_err();
        assert_says(&error, ErrorKind::SslError, "unknown authority");
    }
}

// TLS-10
#[test]
fn a_server_of_plain_http_is_told_from_one_of_tls() {
    let plain = TestServer::connections(|peer| {
        peer.read_some(16);
        peer.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        peer.wait_for_close();
    });
    let pki = Pki::new();
    for backend in backends() {
        let error = pki.session(&backend).get(plain.url("/").replace("http:", "https:")).send();

        assert_says(&error.unwrap_err(), ErrorKind::SslError, "the server answered in plain HTTP");
    }
}

// TLS-11, TLS-13
#[test]
fn a_client_certificate_is_shown_where_there_is_one_and_its_lack_is_said() {
    let pki = Pki::new();
    let client = pki.authority.leaf(&["client.test"]);
    let (cert, key) = (pki.dir.file("c.crt", &client.cert), pki.dir.file("c.key", &client.key));
    let both = pki.dir.file("c.both", format!("{}{}", client.key, client.cert));
    for versions in [&[&version::TLS12][..], &[&version::TLS13]] {
        let secure = Secure::with(config(&pki.leaf, versions, Some(&pki.authority)), |_| answer("welcome"));
        for backend in backends() {
            let session = pki.session(&backend);
            let shown = [
                ClientCert::from((&cert, &key)),
                ClientCert::from(&both),
                ClientCert::pem_bytes(client.cert.as_bytes(), client.key.as_bytes()),
            ];
            for own in shown {
                let response = session.get(secure.url("good.test")).cert(own).send().unwrap();
                assert_eq!(response.text().unwrap(), "welcome");
            }

            let error = session.get(secure.url("good.test")).send().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::SslError, "{backend:?} {versions:?}: {error}");
            if versions.contains(&&version::TLS13) {
                assert_says(&error, ErrorKind::SslError, "the server requires a client certificate");
            }
        }
    }
}

// Under TLS 1.3 the alert comes after the handshake, and a reset right behind it
#[test]
fn a_refused_client_certificate_is_an_ssl_error_every_time() {
    let (pki, others) = (Pki::new(), Authority::new("Nobody's"));
    let stranger = others.leaf(&["client.test"]);
    let stranger = ClientCert::pem_bytes(stranger.cert.as_bytes(), stranger.key.as_bytes());
    for versions in [&[&version::TLS12][..], &[&version::TLS13]] {
        let config = Arc::new(config(&pki.leaf, versions, Some(&pki.authority)));
        let server = TestServer::connections(move |peer| {
            let mut connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut inner = Inner(peer);
            while connection.is_handshaking() {
                if connection.complete_io(&mut inner).is_err() {
                    return; // closes on whatever the client has sent by now
                }
            }
        });
        let url = format!("https://good.test:{}/", server.address().port());
        for backend in backends() {
            let session = pki.session(&backend);
            for round in 0..30 {
                for large in [false, true] {
                    let body = vec![b'x'; if large { 8 << 20 } else { 0 }];
                    let none = session.post(&url).data(body.clone()).send();
                    let unknown = session.post(&url).data(body).cert(stranger.clone()).send();

                    for (case, sent) in [("none", none), ("unknown", unknown)] {
                        let error = sent.unwrap_err();
                        let why = format!("{backend:?} {versions:?} {case} {large} {round}: {error:?}");
                        assert!(error.kind() == ErrorKind::SslError, "{why}");
                    }
                }
            }
        }
    }
}

// TLS-11, TLS-12
#[test]
fn a_client_certificate_that_cannot_be_used_is_an_error_before_anything_is_sent() {
    let pki = Pki::new();
    let secure = Secure::new(&pki.leaf);
    let (one, two) = (pki.authority.leaf(&["one.test"]), pki.authority.leaf(&["two.test"]));
    let cert = pki.dir.file("one.crt", &one.cert);
    let other_key = pki.dir.file("two.key", &two.key);
    let encrypted = pki
        .dir
        .file("encrypted.key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n");
    for backend in backends() {
        let session = pki.session(&backend);
        let get = |own: ClientCert| session.get(secure.url("good.test")).cert(own).send().unwrap_err();

        assert_says(&get("no/such.crt".into()), ErrorKind::Io, "no/such.crt");
        assert_says(&get((&cert, "no/such.key").into()), ErrorKind::Io, "no/such.key");
        assert_says(&get((&cert, &cert).into()), ErrorKind::SslError, "key");
        assert_says(&get((&cert, &encrypted).into()), ErrorKind::SslError, "encrypted");
        assert_eq!(get((&cert, &other_key).into()).kind(), ErrorKind::SslError, "{backend:?}");
    }
    let error =
        pki.session(&TlsBackend::Rustls).get(secure.url("good.test")).cert(ClientCert::pkcs12("a.p12", "x")).send();
    let error = error.unwrap_err();
    assert!(error.to_string().contains("native-tls"), "{error}");
}

// TLS-14
#[test]
fn versions_can_be_bounded_and_no_common_one_is_said() {
    let pki = Pki::new();
    let (old, new) = (
        Secure::with(config(&pki.leaf, &[&version::TLS12], None), |_| answer("old")),
        Secure::with(config(&pki.leaf, &[&version::TLS13], None), |_| answer("new")),
    );
    for backend in backends() {
        for (min, max, secure, fits) in [
            (TlsVersion::Tls12, TlsVersion::Tls13, &old, true),
            (TlsVersion::Tls12, TlsVersion::Tls13, &new, true),
            (TlsVersion::Tls12, TlsVersion::Tls12, &old, true),
            (TlsVersion::Tls12, TlsVersion::Tls12, &new, false),
            (TlsVersion::Tls13, TlsVersion::Tls13, &old, false),
            (TlsVersion::Tls13, TlsVersion::Tls13, &new, true),
        ] {
            let mut session = session(&backend, |builder| builder.tls_min_version(min).tls_max_version(max));
            session.verify = pki.bundle();

            match session.get(secure.url("good.test")).send() {
                Ok(_) => assert!(fits, "{backend:?} {min:?} {max:?}"),
                Err(error) => {
                    assert!(!fits, "{backend:?} {min:?} {max:?}: {error}");
                    assert_says(&error, ErrorKind::SslError, "version");
                }
            }
        }
    }
}

// TLS-17, POOL-05, POOL-10
#[test]
fn a_connection_that_was_verified_one_way_is_not_used_for_another() {
    let pki = Pki::new();
    let client = pki.authority.leaf(&["client.test"]);
    let both = pki.dir.file("client.pem", format!("{}{}", client.cert, client.key));
    let copy = pki.dir.file("copy.pem", &pki.authority.pem);
    let stranger = pki.dir.file("stranger.pem", Authority::new("Stranger").pem);
    for backend in backends() {
        let secure = Secure::new(&pki.leaf);
        let session = session(&backend, |builder| builder);
        let get = |verify: Verify, cert: Option<ClientCert>| {
            let request = session.get(secure.url("good.test")).verify(verify);
            match cert {
                Some(cert) => request.cert(cert).send(),
                None => request.send(),
            }
        };

        for _ in 0..2 {
            get(false.into(), None).unwrap();
            get(pki.bundle(), None).unwrap();
            get((&copy).into(), None).unwrap();
            get(pki.bundle(), Some((&both).into())).unwrap();
            // The idle connections do not help where the certificate is not trusted.
            assert_eq!(get((&stranger).into(), None).unwrap_err().kind(), ErrorKind::SslError);
        }

        assert_eq!(secure.journal.of("request").len(), 8);
        // Four ways that went through, once each, and two that did not.
        assert_eq!(secure.server.accepted(), 6, "{backend:?}");
    }
}

/// What `act` returned, and what was warned of for TLS meanwhile.
fn warnings<T>(act: impl FnOnce() -> T) -> (T, Vec<String>) {
    let (result, lines) = logged(act);
    let warned = lines.iter().filter_map(|line| line.strip_prefix("WARN tls: "));
    (result, warned.map(str::to_owned).collect())
}

fn unverified(host: &str) -> String {
    format!(
        "Unverified HTTPS request is being made to host '{host}'. Adding certificate verification is strongly advised."
    )
}

// LOG-19; docs/decisions.md#warn-once: once per host and adapter
#[test]
fn an_unverified_host_is_warned_of_once_by_each_adapter() {
    let pki = Pki::new();
    let secure = Secure::with(config(&pki.leaf, BOTH, None), |_| {
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".into()
    });
    for backend in backends() {
        let session = session(&backend, |builder| builder);

        let ((), lines) = warnings(|| {
            for _ in 0..3 {
                for host in ["unverified-a.test", "unverified-b.test"] {
                    session.get(secure.url(host)).verify(false).send().unwrap();
                }
                let _ = session.get(secure.url("verified.test")).verify(pki.bundle()).send();
            }
        });

        assert_eq!(lines, [unverified("unverified-a.test"), unverified("unverified-b.test")], "{backend:?}");
    }
}

#[test]
fn an_unverified_proxy_is_warned_of_too() {
    let pki = Pki::new();
    let proxy = Secure::new(&pki.leaf);
    for backend in backends() {
        let mut session = session(&backend, |builder| builder);
        session.proxies.insert("http", proxy.url("warned-proxy.test")).unwrap();

        let ((), lines) = warnings(|| {
            for _ in 0..2 {
                session.get("http://not-warned.test/").verify(false).send().unwrap();
            }
        });

        assert_eq!(lines, [unverified("warned-proxy.test")], "{backend:?}");
    }
}

// TLS-06; docs/decisions.md#program-first: what the program sets wins
#[test]
fn the_environments_bundle_counts_where_nobody_says_otherwise() {
    let child = Child::new(|| {
        let variable = |name: &str| std::env::var(name).ok();
        let mut session = session(&TlsBackend::Auto, |builder| builder);
        session.trust_env = variable("TEST_DISTRUST").is_none();
        match variable("TEST_SESSION").as_deref() {
            None => {}
            Some("off") => session.verify = Verify::No,
            Some(path) => session.verify = path.into(),
        }
        let request = session.get(variable("TEST_URL").unwrap());
        let request = match variable("TEST_REQUEST").as_deref() {
            None => request,
            Some("on") => request.verify(true),
            Some("off") => request.verify(false),
            Some(path) => request.verify(path),
        };
        match request.send() {
            Ok(response) => response.text().unwrap(),
            Err(error) => format!("{:?}", error.kind()),
        }
    });
    let pki = Pki::new();
    let secure = Secure::new(&pki.leaf);
    let redirecting = {
        let to = secure.url("good.test");
        TestServer::http(move |_| Reply::new(302).header("Location", &to))
    };
    let good = pki.dir.path().join("ca.pem");
    let bad = pki.dir.file("stranger.pem", Authority::new("Stranger").pem);
    let (good, bad) = (good.to_str().unwrap(), bad.to_str().unwrap());
    let (url, plain) = (secure.url("good.test"), redirecting.url("/"));

    for (variables, want) in [
        (&[][..], "SslError"),
        (&[("REQUESTS_CA_BUNDLE", good)], "ok"),
        (&[("CURL_CA_BUNDLE", good)], "ok"),
        (&[("SSL_CERT_FILE", good)], "ok"),
        (&[("REQUESTS_CA_BUNDLE", bad), ("CURL_CA_BUNDLE", good)], "SslError"),
        (&[("REQUESTS_CA_BUNDLE", ""), ("CURL_CA_BUNDLE", good), ("SSL_CERT_FILE", bad)], "ok"),
        (&[("REQUESTS_CA_BUNDLE", good), ("TEST_REQUEST", "on")], "SslError"),
        (&[("REQUESTS_CA_BUNDLE", good), ("TEST_REQUEST", bad)], "SslError"),
        (&[("REQUESTS_CA_BUNDLE", bad), ("TEST_REQUEST", good)], "ok"),
        (&[("REQUESTS_CA_BUNDLE", bad), ("TEST_REQUEST", "off")], "ok"),
        (&[("REQUESTS_CA_BUNDLE", bad), ("TEST_SESSION", good)], "ok"),
        (&[("REQUESTS_CA_BUNDLE", bad), ("TEST_SESSION", "off")], "ok"),
        (&[("REQUESTS_CA_BUNDLE", good), ("TEST_DISTRUST", "1")], "SslError"),
        // A redirect from http leads there too.
        (&[("REQUESTS_CA_BUNDLE", good), ("TEST_URL", &plain)], "ok"),
    ] {
        let mut all = vec![("TEST_URL", url.as_str())];
        all.extend_from_slice(variables);
        assert_eq!(child.run(&all), want, "{variables:?}");
    }
}

// docs/decisions.md#program-first
#[test]
fn a_ready_configuration_is_not_touched_by_the_environments_bundle() {
    let child = Child::new(|| {
        let mut roots = RootCertStore::empty();
        let authority = std::fs::read(std::env::var("TEST_AUTHORITY").unwrap()).unwrap();
        roots.add(authority.into()).unwrap();
        let config = rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let session = session(&TlsBackend::RustlsConfig(Arc::new(config)), |builder| builder);
        let request = session.get(std::env::var("TEST_URL").unwrap());
        let request = match std::env::var("TEST_VERIFY") {
            Ok(path) => request.verify(path),
            Err(_) => request,
        };
        match request.send() {
            Ok(response) => response.text().unwrap(),
            Err(error) => format!("{:?}", error.kind()),
        }
    });
    let pki = Pki::new();
    let secure = Secure::new(&pki.leaf);
    let authority = pki.dir.file("ca.der", &pki.authority.der);
    let stranger = pki.dir.file("stranger.pem", Authority::new("Stranger").pem);
    let (authority, stranger) = (authority.to_str().unwrap(), stranger.to_str().unwrap());
    let url = secure.url("good.test");

    for variables in [
        &[][..],
        &[("REQUESTS_CA_BUNDLE", stranger)],
        &[("CURL_CA_BUNDLE", "/no/such")],
        &[("SSL_CERT_FILE", stranger)],
    ] {
        let mut all = vec![("TEST_URL", url.as_str()), ("TEST_AUTHORITY", authority)];
        all.extend_from_slice(variables);
        assert_eq!(child.run(&all), "ok", "{variables:?}");
        all.push(("TEST_VERIFY", stranger));
        assert_eq!(child.run(&all), "InvalidSetting", "{variables:?}");
    }
}

// TBELT-13
#[cfg(feature = "digest")]
#[test]
fn a_pinned_server_must_have_the_certificate_or_the_key() {
    use petition::Pin;
    use sha2::{Digest, Sha256};

    let hex = |bytes: &[u8]| Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let pki = Pki::new();
    let secure = Secure::new(&pki.leaf);
    let wrong = Pin::certificate(&"00".repeat(32)).unwrap();
    for backend in backends() {
        for (pins, fits) in [
            (vec![Pin::certificate(&hex(&pki.leaf.cert_der)).unwrap()], true),
            (vec![Pin::public_key(&hex(&pki.leaf.public_key_der)).unwrap()], true),
            (vec![wrong.clone(), Pin::public_key(&hex(&pki.leaf.public_key_der)).unwrap()], true),
            (vec![wrong.clone()], false),
            (vec![Pin::public_key(&hex(&pki.leaf.cert_der)).unwrap()], false),
        ] {
            for verify in [pki.bundle(), Verify::No] {
                let session =
                    session(&backend, |builder| pins.iter().cloned().fold(builder, HttpAdapterBuilder::tls_pin));
                match session.get(secure.url("good.test")).verify(verify).send() {
                    Ok(_) => assert!(fits, "{backend:?} {pins:?}"),
                    Err(error) => {
                        assert!(!fits, "{backend:?} {pins:?}: {error}");
                        assert_says(&error, ErrorKind::SslError, "pin");
                    }
                }
            }
        }
    }
}

// CVE-2026-129482 of OkHttp: a pin for a name is none for the same name with a dot behind it. An adapter's pins are for each
// server that it connects to, so what is mounted on everything has no such gap.
#[cfg(feature = "digest")]
#[test]
fn pins_that_are_mounted_on_everything_hold_for_each_spelling_of_a_host_and_behind_redirects() {
    use petition::Pin;

    let pki = Pki::new();
    let secure = Secure::new(&pki.leaf);
    let port = secure.server.address().port();
    let spellings = [
        format!("https://good.test:{port}/"),
        format!("https://GOOD.test:{port}/"),
        format!("https://x@good.test:{port}/"),
        format!("https://x:y@good.test:{port}/"),
        format!("https://good.test.:{port}/"),
        format!("https://good%2Etest:{port}/"),
        format!("https://127.0.0.1:{port}/"),
    ];
    for backend in backends() {
        let session = session(&backend, |builder| builder.tls_pin(Pin::certificate(&"00".repeat(32)).unwrap()));
        for url in &spellings {
            let elsewhere = fixed(moved(url));
            for url in [url, &elsewhere.url("/")] {
                let error = session.get(url).verify(pki.bundle()).send().unwrap_err();
                assert_eq!(error.kind(), ErrorKind::SslError, "{backend:?} {url}: {error}");
            }
        }
    }
    assert_eq!(secure.journal.of("request"), [""; 0]);
}

// TLS-18: requests resumes nothing; the rustls backend does.
#[test]
fn rustls_resumes_sessions() {
    let pki = Pki::new();
    for versions in [&[&version::TLS12][..], &[&version::TLS13]] {
        let secure = Secure::with(config(&pki.leaf, versions, None), |_| {
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".into()
        });
        let session = pki.session(&TlsBackend::Rustls);

        for _ in 0..3 {
            session.get(secure.url("good.test")).send().unwrap();
        }

        assert_eq!(secure.journal.of("resumed"), ["false", "true", "true"]);
    }
}

// With rustls, the whole answer was lost if something that is no TLS came in the same read.
#[test]
fn an_answer_that_came_before_a_bad_record_is_taken_and_its_connection_is_not() {
    let pki = Pki::new();
    let config = Arc::new(config(&pki.leaf, BOTH, None));
    let server = TestServer::connections(move |peer| {
        let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut stream = StreamOwned::new(connection, Inner(peer));
        while read_head(&mut stream).is_some() {
            stream.conn.writer().write_all(answer("whole").as_bytes()).unwrap();
            let mut wire = Vec::new();
            while stream.conn.wants_write() {
                stream.conn.write_tls(&mut wire).unwrap();
            }
            wire.extend(b"HTTP/1.1 408 Request Timeout\r\n\r\n");
            stream.sock.0.send(wire);
        }
    });

    for (turn, backend) in backends().iter().enumerate() {
        let session = pki.session(backend);
        for sent in 1..=2 {
            let response = session.get(format!("https://good.test:{}/", server.address().port())).send().unwrap();

            assert_eq!(response.text().unwrap(), "whole", "{backend:?}");
            assert_eq!(server.accepted(), 2 * turn + sent, "a connection for each: {backend:?}");
        }
    }
}

// TLS-21
#[test]
fn plain_http_asks_for_no_bundle_and_no_certificate() {
    let server = TestServer::http(|_| Reply::new(204));

    let response =
        crate::support::session().get(server.url("/")).verify("no/such/bundle").cert("no/such/cert").send().unwrap();

    assert_eq!(response.status_code(), 204);
}

// TLS-20: by rustls; native-tls has no way to it.
#[test]
fn rustls_writes_the_key_log_that_the_environment_names() {
    let child = Child::new(|| {
        let pki = Pki::new();
        let secure = Secure::new(&pki.leaf);
        pki.session(&TlsBackend::Rustls).get(secure.url("good.test")).send().unwrap();
        "done"
    });
    let dir = TempDir::new();
    let keys = dir.path().join("keys.log");

    assert_eq!(child.run(&[("SSLKEYLOGFILE", keys.to_str().unwrap())]), "done");

    let log = std::fs::read_to_string(&keys).unwrap();
    assert!(log.contains("CLIENT_TRAFFIC_SECRET_0 "), "{log}");
}
