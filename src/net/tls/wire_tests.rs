//! Tests of TLS with real servers, with every backend of the build.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::testing::*;
use super::*;
use crate::clock::Deadline;
use crate::error::ErrorKind;
use crate::net::testing::*;
use crate::net::{Phase, Plan, TlsErrorKind};
use crate::proxy::Route;
use crate::verify::Verify;

// TLS-02, TLS-07
#[test]
fn a_bundle_is_trusted_as_a_file_and_as_a_directory() {
    let pki = Pki::new();
    let peer = echo_over_tls(Acceptor::new(&pki.leaf));
    let authorities = TempDir::new();
    authorities.file("other.pem", Authority::new("Other Authority").pem);
    authorities.file("ours.crt", &pki.authority.pem);
    authorities.file("README", "not a certificate");

    for backend in backends() {
        for bundle in [pki.bundle.as_path(), authorities.path()] {
            let config = TlsConfig { verify: Verify::from(bundle), ..pki.config(&backend) };

            let mut connected = connect(peer, "localhost", config).unwrap();

            assert!(connected.transport.is_tls());
            assert_eq!(connected.report.peer, Some(peer));
            assert!(connected.report.tls > Duration::ZERO);
            assert_echo(&mut connected.transport);
        }
    }
}

#[test]
fn addresses_and_wildcards_are_checked_as_such() {
    let pki = Pki::new();
    let leaf = pki.authority.leaf(&["*.wild.test", "127.0.0.1", "::1"]);
    let peer = echo_over_tls(Acceptor::new(&leaf));

    for backend in backends() {
        for (host, ok) in [
            ("a.wild.test", true),
            ("a.wild.test.", true),
            ("127.0.0.1", true),
            ("::1", true),
            ("a.b.wild.test", false),
            ("wild.test", false),
            ("127.0.0.2", false),
        ] {
            let plan = Plan { port: peer.port(), ..direct(host, None) };
            let settings = pki.settings(&backend);
            // A literal is not looked up, so it is connected to as a name's address, and only verified as a literal.
            let config = TlsConfig { server_name: Some(host.to_owned()), ..settings.config().clone() };
            let settings = TlsSettings::new(config);
            let plan = Plan { host: "peer.test", tls: Some(&settings), ..plan };
            let result = connector_to([peer]).connect(&plan, &patient());

            assert_eq!(result.is_ok(), ok, "{host} {backend:?}: {result:?}");
        }
    }
}

// TLS-04, TLS-07, TLS-09
#[test]
fn a_certificate_that_is_wrong_is_refused_by_name_and_taken_without_verify() {
    let pki = Pki::new();
    let stranger = Authority::new("Stranger").leaf(&["localhost"]);
    let date = rcgen::date_time_ymd;
    let expired = pki.authority.leaf_with(&["localhost"], |params| params.not_after = date(2020, 1, 1));
    let future = pki.authority.leaf_with(&["localhost"], |params| params.not_before = date(2200, 1, 1));
    let cases: [(Leaf, TlsErrorKind, &str); 5] = [
        (pki.authority.leaf(&["elsewhere.test"]), TlsErrorKind::WrongHost, "not valid for localhost"),
        (pki.authority.leaf(&[]), TlsErrorKind::WrongHost, "not valid for localhost"), // its common name is
        (stranger, TlsErrorKind::UnknownIssuer, "unknown authority"),
        (expired, TlsErrorKind::Expired, "has expired"),
        (future, TlsErrorKind::NotYetValid, "is not valid yet"),
    ];

    for (leaf, kind, text) in cases {
        let peer = echo_over_tls(Acceptor::new(&leaf));
        for backend in backends() {
            let error = connect(peer, "localhost", pki.config(&backend)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::SslError);
            assert!(error.is_verification());
            assert_fails(Err(error), kind, text);

            let careless = TlsConfig { verify: Verify::No, ..pki.config(&backend) };
            assert_echo(&mut connect(peer, "localhost", careless).unwrap().transport);
        }
    }
}

// TLS-01
#[test]
fn the_systems_authorities_do_not_know_ours() {
    let pki = Pki::new();
    let peer = echo_over_tls(Acceptor::new(&pki.leaf));

    for backend in backends() {
        let config = TlsConfig { verify: Verify::Yes, ..pki.config(&backend) };
        let error = connect(peer, "localhost", config).unwrap_err();

        // Without any authorities on the machine, rustls cannot even start.
        assert!(matches!(tls_kind(&error), TlsErrorKind::UnknownIssuer | TlsErrorKind::Unusable), "{error}");
    }
}

#[test]
fn another_name_can_be_sent_and_checked_or_the_check_left_out() {
    let pki = Pki::new();
    let peer = echo_over_tls(Acceptor::new(&pki.leaf));
    let stranger = echo_over_tls(Acceptor::new(&Authority::new("Stranger").leaf(&["localhost"])));

    for backend in backends() {
        let named = TlsConfig { server_name: Some("localhost".into()), ..pki.config(&backend) };
        assert_echo(&mut connect(peer, "10.0.0.1.test", named).unwrap().transport);

        let unchecked = TlsConfig { check_hostname: false, ..pki.config(&backend) };
        assert_echo(&mut connect(peer, "else.test", unchecked.clone()).unwrap().transport);
        assert_fails(connect(stranger, "else.test", unchecked), TlsErrorKind::UnknownIssuer, "unknown authority");
    }
}

// TLS-10, PROXY-22
#[test]
fn a_server_that_answers_in_plain_http_is_found_out() {
    let pki = Pki::new();
    let http = serve(|mut stream| {
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").unwrap();
        silence(stream);
    });
    let other = serve(|mut stream| {
        stream.write_all(b"220 mail.test ESMTP\r\n").unwrap();
        silence(stream);
    });

    for backend in backends() {
        assert_fails(
            connect(http, "localhost", pki.config(&backend)),
            TlsErrorKind::NotTls,
            "the server answered in plain HTTP",
        );
        assert_fails(
            connect(other, "localhost", pki.config(&backend)),
            TlsErrorKind::NotTls,
            "did not answer with TLS",
        );
    }
}

#[test]
fn a_server_that_hangs_up_is_a_broken_connection() {
    let pki = Pki::new();
    let peer = serve(|mut stream| drop(stream.read(&mut [0; 2048])));

    for backend in backends() {
        let kind = TlsErrorKind::Broken(std::io::ErrorKind::UnexpectedEof);
        assert_fails(
            connect(peer, "localhost", pki.config(&backend)),
            kind,
            "closed the connection during the handshake",
        );
    }
}

// TLS-16
#[test]
fn a_handshake_that_stalls_or_drips_is_stopped_on_time() {
    let pki = Pki::new();
    let stalling = serve(silence);
    let dripping = serve(|mut stream| {
        // The head of a long record, then a byte whenever nothing has come for 20 ms: each read would be in time.
        stream.set_read_timeout(Some(millis(20))).unwrap();
        let mut sent = stream.write_all(&[22, 3, 3, 0x40, 0]);
        while sent.is_ok() {
            let mut buffer = [0; 2048];
            match stream.read(&mut buffer) {
                Ok(0) => return,
                Ok(_) => {}
                Err(_) => sent = stream.write_all(&[0]),
            }
        }
    });

    for backend in backends() {
        let settings = pki.settings(&backend);
        for peer in [stalling, dripping] {
            for (connect, total, kind) in [
                (Some(millis(300)), None, ErrorKind::ConnectTimeout),
                (None, Some(millis(300)), ErrorKind::TotalTimeout),
            ] {
                prepare(&settings).unwrap(); // the total has no time to wait for that
                let connector = connector_to([peer]);
                let (result, took) = timed(&connector, &direct("localhost", Some(&settings)), &limits(connect, total));

                let error = result.unwrap_err();
                assert_eq!((error.kind(), error.phase), (kind, Phase::Tls), "{error}");
                assert!(took >= millis(290) && took < millis(3000), "{took:?}");
            }
        }
    }
}

// TLS-14
#[test]
fn versions_bound_the_handshake_on_both_sides() {
    let pki = Pki::new();
    let old = echo_over_tls(Acceptor::tls12(&pki.leaf));
    let both = echo_over_tls(Acceptor::new(&pki.leaf));

    for backend in backends() {
        let from_13 = TlsConfig { min_version: Some(TlsVersion::Tls13), ..pki.config(&backend) };
        let to_12 = TlsConfig { max_version: Some(TlsVersion::Tls12), ..pki.config(&backend) };

        assert_fails(connect(old, "localhost", from_13.clone()), TlsErrorKind::Version, "no common TLS version");
        // The server of native-tls goes no further than TLS 1.2.
        if cfg!(feature = "rustls") {
            assert_echo(&mut connect(both, "localhost", from_13).unwrap().transport);
        }
        assert_echo(&mut connect(old, "localhost", to_12.clone()).unwrap().transport);
        assert_echo(&mut connect(both, "localhost", to_12).unwrap().transport);
    }
}

#[cfg(feature = "digest")]
#[test]
fn pins_are_compared_with_or_without_verification() {
    use sha2::Digest;

    let pki = Pki::new();
    let peer = echo_over_tls(Acceptor::new(&pki.leaf));
    let hex = |bytes: &[u8]| sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let right =
        [Pin::certificate(&hex(&pki.leaf.cert_der)).unwrap(), Pin::public_key(&hex(&pki.leaf.public_key_der)).unwrap()];
    let wrong = Pin::public_key(&hex(b"another key")).unwrap();

    for backend in backends() {
        for verify in [Verify::No, Verify::from(&pki.bundle)] {
            let pinned = |pins: &[&Pin]| TlsConfig {
                verify: verify.clone(),
                pins: pins.iter().map(|pin| (*pin).clone()).collect(),
                ..pki.config(&backend)
            };
            for pin in &right {
                assert_echo(&mut connect(peer, "localhost", pinned(&[&wrong, pin])).unwrap().transport);
            }
            let refused = connect(peer, "localhost", pinned(&[&wrong])).unwrap_err();
            assert!(refused.is_verification());
            assert_fails(Err(refused), TlsErrorKind::Pin, "matches none of the pins");
        }
    }
}

#[cfg(not(feature = "digest"))]
#[test]
fn a_pin_without_the_digest_feature_is_an_error_that_names_it() {
    let pki = Pki::new();
    let peer = echo_over_tls(Acceptor::new(&pki.leaf));

    for backend in backends() {
        let config = TlsConfig { pins: vec![Pin::certificate(&"ab".repeat(32)).unwrap()], ..pki.config(&backend) };
        let error = connect(peer, "localhost", config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("`digest`"), "{error}");
    }
}

// PROXY-23, PROXY-24
#[test]
fn tls_goes_through_tls_and_both_are_checked() {
    let pki = Pki::new();
    let proxy_leaf = pki.authority.leaf(&["proxy.test"]);
    let (outer, inner) = (Acceptor::new(&proxy_leaf), Acceptor::new(&pki.leaf));
    let peer = serve(move |stream| {
        let Some(mut outside) = outer.accept(stream) else { return };
        if read_head(&mut outside).is_empty() {
            return;
        }
        outside.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").unwrap();
        outside.flush().unwrap();
        if let Some(inside) = inner.accept(Tunnel(outside)) {
            echo(inside);
        }
    });

    for outside in backends() {
        for inside in backends() {
            let (to_proxy, to_origin) = (pki.settings(&outside), pki.settings(&inside));
            let route = |proxy| Route::Tunnel(proxy_server(proxy, None));
            let (known, other) = (route("proxy.test"), route("other.test"));
            let (tls, proxy_tls) = (Some(&to_origin), Some(&to_proxy));
            let plan = Plan { host: "localhost", port: 443, tls, route: &known, proxy_tls };

            let mut connected = connector_to([peer]).connect(&plan, &patient()).unwrap();
            assert_echo(&mut connected.transport);
            assert!(!connected.transport.is_stale());
            connected.transport.set_wait(Wait { silence: Some(millis(50)), until: Deadline::NONE });
            let error = connected.transport.read(&mut [0]).unwrap_err();
            assert!(crate::net::is_timeout(&error), "{error:?}");

            let error = connector_to([peer]).connect(&Plan { route: &other, ..plan }, &patient()).unwrap_err();
            assert_eq!((error.kind(), tls_kind(&error)), (ErrorKind::ProxyError, TlsErrorKind::WrongHost));
            assert!(error.to_string().contains("proxy other.test:3128"), "{error}");
        }
    }
}

/// A boxed stream with the `Debug` that native-tls asks for.
struct Tunnel<'s>(Box<dyn super::testing::Both + 's>);

impl std::fmt::Debug for Tunnel<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tunnel")
    }
}

impl Read for Tunnel<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(out)
    }
}

impl Write for Tunnel<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

// POOL-42
#[test]
fn a_late_record_or_the_end_makes_an_idle_connection_stale() {
    let pki = Pki::new();
    let acceptor = Acceptor::new(&pki.leaf);
    // Answers each byte; at `2` with a byte too many, at `0` not at all and hangs up without a close_notify.
    let peer = serve(move |stream| {
        let Some(mut stream) = acceptor.accept(stream) else { return };
        let mut byte = [0];
        while let Ok(1) = stream.read(&mut byte) {
            let answer: &[u8] = match byte[0] {
                b'0' => return,
                b'2' => b"22",
                _ => b"1",
            };
            for byte in answer {
                stream.write_all(&[*byte]).unwrap();
                stream.flush().unwrap();
            }
        }
    });
    let ask = |transport: &mut crate::net::Transport, byte: u8| {
        transport.write_all(&[byte]).unwrap();
        let mut answer = [0];
        transport.read_exact(&mut answer).unwrap();
    };

    for backend in backends() {
        let mut kept = connect(peer, "localhost", pki.config(&backend)).unwrap().transport;
        ask(&mut kept, b'1');
        assert!(!kept.is_stale());
        ask(&mut kept, b'2');
        wait_until_stale(&mut kept);

        let mut ended = connect(peer, "localhost", pki.config(&backend)).unwrap().transport;
        ask(&mut ended, b'1');
        ended.write_all(b"0").unwrap();
        wait_until_stale(&mut ended);
        // requests accepts an end without close_notify.
        assert_eq!(ended.read(&mut [0; 8]).unwrap(), 0);
    }
}

/// The server's side of a connection, which can hold back what is written to send it in one go with what is not TLS.
#[derive(Clone, Debug)]
struct Cork {
    stream: Arc<TcpStream>,
    held: Arc<Mutex<Option<Vec<u8>>>>,
}

impl Cork {
    fn hold(&self) {
        *self.held.lock().unwrap() = Some(Vec::new());
    }

    fn send_with(&self, more: &[u8]) {
        let held = self.held.lock().unwrap().take().unwrap();
        (&*self.stream).write_all(&[&*held, more].concat()).unwrap();
    }
}

impl Read for Cork {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        (&*self.stream).read(out)
    }
}

impl Write for Cork {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match &mut *self.held.lock().unwrap() {
            Some(held) => held.write(bytes),
            None => (&*self.stream).write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

// With rustls, what had been decrypted was lost if something that cannot be came in the same read.
#[test]
fn what_came_before_a_bad_record_is_read_first_and_then_the_error() {
    let pki = Pki::new();
    let undecryptable = [&[23, 3, 3, 0, 32][..], &[7; 32]].concat();
    let alert = vec![21, 3, 3, 0, 2, 2, 40];
    let no_tls = b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec();
    for junk in [undecryptable, alert, no_tls] {
        let acceptor = Acceptor::new(&pki.leaf);
        let bad = junk.clone();
        let peer = serve(move |stream| {
            let cork = Cork { stream: Arc::new(stream), held: Arc::default() };
            let Some(mut tls) = acceptor.accept(cork.clone()) else { return };
            tls.read_exact(&mut [0]).unwrap();
            cork.hold();
            for word in ["good ", "news"] {
                tls.write_all(word.as_bytes()).and_then(|()| tls.flush()).unwrap();
            }
            cork.send_with(&bad);
            silence(cork);
        });

        for backend in backends() {
            let mut transport = connect(peer, "localhost", pki.config(&backend)).unwrap().transport;
            transport.set_wait(Wait { silence: Some(Duration::from_secs(20)), until: Deadline::NONE });
            transport.write_all(b"?").and_then(|()| transport.flush()).unwrap();
            let mut news = [0; 9];
            transport.read_exact(&mut news).unwrap();

            assert_eq!(&news, b"good news", "{backend:?}");
            assert!(transport.is_stale(), "it would be used again: {backend:?}");
            let error = transport.read(&mut news).unwrap_err();
            assert!(TlsError::inside(&error).is_some(), "{error:?} {backend:?}");
        }
    }
}

#[test]
fn shutting_down_says_good_bye() {
    let pki = Pki::new();
    let acceptor = Acceptor::new(&pki.leaf);
    let (tell, told) = std::sync::mpsc::channel();
    let peer = serve(move |stream| {
        let Some(mut stream) = acceptor.accept(stream) else { return };
        tell.send(stream.read(&mut [0]).map_err(|error| error.kind())).unwrap();
    });

    for backend in backends() {
        let mut transport = connect(peer, "localhost", pki.config(&backend)).unwrap().transport;

        transport.shutdown();

        assert_eq!(told.recv_timeout(Duration::from_secs(20)).unwrap(), Ok(0)); // not UnexpectedEof
        assert!(transport.is_stale());
    }
}

#[test]
fn much_data_goes_both_ways() {
    let pki = Pki::new();
    let peer = echo_over_tls(Acceptor::new(&pki.leaf));
    let data: Vec<u8> = (0..300_000_u32).map(|n| n.to_le_bytes()[1]).collect();

    for backend in backends() {
        let mut transport = connect(peer, "localhost", pki.config(&backend)).unwrap().transport;
        transport.set_wait(Wait { silence: Some(Duration::from_secs(20)), until: Deadline::NONE });
        for part in data.chunks(30_000) {
            transport.write_all(part).unwrap();
            transport.flush().unwrap();
            let mut back = vec![0; part.len()];
            transport.read_exact(&mut back).unwrap();
            assert!(back == part);
        }
    }
}

// TLS-08, TLS-15
#[cfg(feature = "rustls")]
#[test]
fn the_server_hears_the_name_and_http_1_1() {
    let pki = Pki::new();
    let (tell, told) = std::sync::mpsc::channel();
    let leaf = pki.authority.leaf(&["localhost", "127.0.0.1"]);
    let peer = echo_over_tls(Acceptor::new(&leaf).reporting(tell));

    for backend in backends() {
        for (host, sni) in [("localhost", Some("localhost")), ("localhost.", Some("localhost")), ("127.0.0.1", None)] {
            let settings = pki.settings(&backend);
            let plan = Plan { port: peer.port(), ..direct(host, Some(&settings)) };

            connector_to([peer]).connect(&plan, &patient()).unwrap();

            let seen = told.recv().unwrap();
            assert_eq!((seen.sni.as_deref(), seen.alpn.as_deref()), (sni, Some(&b"http/1.1"[..])), "{host}");
        }
    }
}

#[cfg(feature = "rustls")]
#[test]
fn rustls_resumes_sessions_of_the_same_settings_only() {
    let pki = Pki::new();
    let (tell, told) = std::sync::mpsc::channel();
    let peer = echo_over_tls(Acceptor::new(&pki.leaf).reporting(tell));
    let strict = pki.settings(&TlsBackend::Rustls);
    // Not Verify::No: other tests share its connector and sessions.
    let careless = TlsSettings::new(TlsConfig { check_hostname: false, ..strict.config().clone() });
    let (strict, careless) = (prepare(&strict).unwrap(), prepare(&careless).unwrap());
    let resumed = |ready: &Ready<'_>| {
        let mut transport = ready.handshake("localhost", plain(peer), &patient().bound()).unwrap();
        assert_echo(&mut transport); // the session's ticket comes before
        told.recv().unwrap().resumed
    };

    assert!(!resumed(&careless));
    assert!(resumed(&careless));
    assert!(!resumed(&strict));
    assert!(resumed(&strict));
}

#[cfg(feature = "rustls")]
#[test]
fn a_ready_configuration_decides_alone() {
    use ::rustls::{ClientConfig, RootCertStore};

    let pki = Pki::new();
    let peer = echo_over_tls(Acceptor::new(&pki.leaf));
    let mut roots = RootCertStore::empty();
    roots.add(der_of(&pki.authority.pem).into()).unwrap();
    let provider = Arc::new(::rustls::crypto::ring::default_provider());
    let ready = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let alone = TlsConfig { backend: TlsBackend::RustlsConfig(Arc::new(ready)), ..TlsConfig::default() };

    assert_echo(&mut connect(peer, "localhost", alone.clone()).unwrap().transport);
    for beside in [
        TlsConfig { verify: Verify::No, ..alone.clone() },
        TlsConfig { cert: Some(crate::verify::ClientCert::from("a.pem")), ..alone.clone() },
        TlsConfig { min_version: Some(TlsVersion::Tls13), ..alone.clone() },
        TlsConfig { check_hostname: false, ..alone.clone() },
    ] {
        let error = connect(peer, "localhost", beside).unwrap_err();
        assert_eq!((error.kind(), tls_kind(&error)), (ErrorKind::InvalidSetting, TlsErrorKind::Setting));
    }
}
