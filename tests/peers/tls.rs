//! nginx over TLS, with each library of the build: versions, client certificates, connections kept and replaced.
//!
//! What was agreed on is what nginx says in its variables.

use std::thread;
use std::time::Duration;

use petition::{ClientCert, ErrorKind, HttpAdapter, Session, TlsBackend, TlsVersion, Verify};

use crate::certificates::{Leaf, OpensslCa};
use crate::client::{backends, local_names, logged, session_over};
use crate::nginx::{Nginx, noise};
use crate::process::Dir;

/// nginx as `site.test`, with a certificate of the root `ca`, which has signed `client` as well.
fn nginx(server: &str) -> Option<Nginx> {
    let dir = Dir::new("tls");
    let ca = OpensslCa::root(&dir, "ca")?;
    ca.issue("server", &Leaf::server("DNS:site.test, IP:127.0.0.1"));
    ca.issue("client", &Leaf::client());
    Nginx::start_tls(dir, server)
}

fn url(nginx: &Nginx, path: &str) -> String {
    format!("https://site.test:{}{path}", nginx.port())
}

fn trusting(nginx: &Nginx, adapter: &HttpAdapter) -> Session {
    let mut session = session_over(adapter);
    session.verify = Verify::CaBundle(nginx.dir.path("ca.pem"));
    session
}

/// A session that trusts nginx's root, over a stock adapter with this backend.
fn session(nginx: &Nginx, backend: &TlsBackend) -> Session {
    trusting(nginx, &local_names(backend).build())
}

// TLS-08, TLS-15
#[test]
fn https_requests_in_a_row_share_one_connection_with_sni_and_alpn() {
    let server = "location / { return 200 '$ssl_server_name $ssl_alpn_protocol $connection_requests'; }";
    for backend in backends() {
        let Some(nginx) = nginx(server) else { return };
        let session = session(&nginx, &backend);

        for count in 1..=5 {
            let text = session.get(url(&nginx, "/")).send().unwrap().text().unwrap();
            assert_eq!(text, format!("site.test http/1.1 {count}"), "{backend:?}");
        }

        assert_eq!(nginx.connections().0.len(), 1, "{backend:?}");
    }
}

// TLS-08
#[test]
fn an_address_is_verified_by_its_ip_entry_and_sends_no_sni() {
    let Some(nginx) = nginx("location / { return 200 '<$ssl_server_name>'; }") else { return };
    for backend in backends() {
        let response = session(&nginx, &backend).get(format!("https://{}/", nginx.address())).send().unwrap();

        assert_eq!(response.text().unwrap(), "<>", "{backend:?}");
    }
}

#[test]
fn https_with_connection_close_gets_a_new_connection_each_time() {
    for backend in backends() {
        let Some(nginx) = nginx("keepalive_timeout 0; location / { return 200 bye; }") else { return };
        let session = session(&nginx, &backend);

        for _ in 0..3 {
            assert_eq!(session.get(url(&nginx, "/")).send().unwrap().text().unwrap(), "bye", "{backend:?}");
        }

        assert_eq!(nginx.connections().0.len(), 3, "{backend:?}");
    }
}

#[test]
fn large_bodies_pass_through_tls_in_both_directions() {
    let Some(nginx) = nginx("location /store/ { dav_methods PUT; }") else { return };
    std::fs::create_dir(nginx.dir.path("store")).unwrap();
    let content = noise(8 << 20);
    for backend in backends() {
        let session = session(&nginx, &backend);

        let stored = session.put(url(&nginx, "/store/file")).data(content.clone()).send().unwrap();
        let read = session.get(url(&nginx, "/store/file")).send().unwrap().into_content().unwrap();
        std::fs::remove_file(nginx.dir.path("store/file")).unwrap();

        assert_eq!(stored.status_code(), 201, "{backend:?}");
        assert!(read == content, "{backend:?}");
    }
}

// TLS-14
#[test]
fn a_server_with_one_version_is_spoken_to_in_that_version() {
    for version in ["TLSv1.2", "TLSv1.3"] {
        let Some(nginx) = nginx(&format!("ssl_protocols {version}; location / {{ return 200 $ssl_protocol; }}")) else {
            return;
        };
        for backend in backends() {
            let response = session(&nginx, &backend).get(url(&nginx, "/")).send().unwrap();

            assert_eq!(response.text().unwrap(), version, "{backend:?}");
        }
    }
}

#[test]
fn without_a_common_version_it_is_an_ssl_error() {
    for (server, ours) in [("TLSv1.2", TlsVersion::Tls13), ("TLSv1.3", TlsVersion::Tls12)] {
        let Some(nginx) = nginx(&format!("ssl_protocols {server}; location / {{ return 200 hi; }}")) else { return };
        for backend in backends() {
            let adapter = local_names(&backend).tls_min_version(ours).tls_max_version(ours).build();
            let error = trusting(&nginx, &adapter).get(url(&nginx, "/")).send().unwrap_err();

            assert_eq!(error.kind(), ErrorKind::SslError, "{backend:?} {server}: {error:?}");
        }
    }
}

// TLS-11
#[test]
fn nginx_learns_the_client_from_its_certificate() {
    let server = "ssl_verify_client on; ssl_client_certificate ca.pem; location / { return 200 $ssl_client_s_dn; }";
    for version in ["TLSv1.2", "TLSv1.3"] {
        let Some(nginx) = nginx(&format!("ssl_protocols {version}; {server}")) else { return };
        let (cert, key) = (nginx.dir.text("client.pem"), nginx.dir.text("client.key"));
        let both = nginx.dir.write("both.pem", nginx.dir.read("client.pem") + &nginx.dir.read("client.key"));
        for backend in backends() {
            let mut session = session(&nginx, &backend);

            let without = session.get(url(&nginx, "/")).send().unwrap();
            let pair = session.get(url(&nginx, "/")).cert((&cert, &key)).send().unwrap();
            session.cert = Some(ClientCert::pem_file(&both));
            let one_file = session.get(url(&nginx, "/")).send().unwrap();

            assert_eq!(without.status_code(), 400, "{backend:?} {version}");
            assert_eq!(pair.text().unwrap(), "CN=client", "{backend:?} {version}");
            assert_eq!(one_file.text().unwrap(), "CN=client", "{backend:?} {version}");
        }
    }
}

// POOL-10
#[test]
fn a_connection_that_was_not_verified_is_not_used_where_verification_is_asked_for() {
    let Some(nginx) = nginx("location / { return 200 hi; }") else { return };
    for backend in backends() {
        let session = session_over(local_names(&backend).build());

        let unverified = session.get(url(&nginx, "/")).verify(false).send().unwrap();
        let error = session.get(url(&nginx, "/")).send().unwrap_err();
        let trusted = session.get(url(&nginx, "/")).verify(nginx.dir.text("ca.pem")).send().unwrap();

        assert_eq!(unverified.status_code(), 200, "{backend:?}");
        assert_eq!(error.kind(), ErrorKind::SslError, "{backend:?}");
        assert_eq!(trusted.status_code(), 200, "{backend:?}");
    }
}

// POOL-28, POOL-42
#[test]
fn a_tls_connection_that_a_restarted_nginx_closed_is_replaced() {
    for backend in backends() {
        let Some(mut nginx) = nginx("location / { return 200 $pid; }") else { return };
        let session = session(&nginx, &backend);
        let before = session.get(url(&nginx, "/")).send().unwrap().text().unwrap();
        nginx.restart();

        let (after, lines) = logged(|| session.get(url(&nginx, "/")).send().unwrap().text().unwrap());

        assert_ne!(before, after);
        assert_eq!(lines[0], "Resetting dropped connection: site.test", "{backend:?}");
    }
}

// Session tickets come behind the handshake of TLS 1.3: they are not taken for a dropped connection.
#[test]
fn an_idle_tls_connection_with_late_tickets_is_used_again() {
    let server = "ssl_protocols TLSv1.3; ssl_session_tickets on; location / { return 200 '$connection'; }";
    for backend in backends() {
        let Some(nginx) = nginx(server) else { return };
        let session = session(&nginx, &backend);

        let first = session.get(url(&nginx, "/")).send().unwrap().text().unwrap();
        let (second, lines) = logged(|| session.get(url(&nginx, "/")).send().unwrap().text().unwrap());

        assert_eq!(first, second, "{backend:?}");
        assert!(!lines.iter().any(|line| line.contains("Resetting")), "{backend:?}: {lines:?}");
    }
}

// POOL-40
#[test]
fn threads_share_a_few_tls_connections() {
    for backend in backends() {
        let Some(nginx) = nginx("keepalive_requests 1000000; location / { return 200 hi; }") else { return };
        let adapter = local_names(&backend).pool_maxsize(4).pool_block(true).build();
        let session = trusting(&nginx, &adapter);
        let url = url(&nginx, "/");

        thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    for _ in 0..25 {
                        assert_eq!(session.get(&url).send().unwrap().text().unwrap(), "hi");
                    }
                });
            }
        });

        let (connections, requests) = nginx.connections();
        assert_eq!(requests, 16 * 25, "{backend:?}");
        assert!(connections.len() <= 4, "{backend:?}: nginx saw {} connections", connections.len());
    }
}

// TLS-10
#[test]
fn https_to_a_plain_port_of_nginx_is_an_ssl_error() {
    let Some(nginx) = Nginx::start("location / { return 200 hi; }") else { return };
    for backend in backends() {
        let error = session_over(local_names(&backend).build())
            .get(url(&nginx, "/"))
            .timeout(Duration::from_secs(30))
            .send()
            .unwrap_err();

        assert_eq!(error.kind(), ErrorKind::SslError, "{backend:?}: {error:?}");
    }
}

// The other way round nginx answers in plain HTTP: 400.
#[test]
fn http_to_a_tls_port_of_nginx_is_its_plain_answer() {
    let Some(nginx) = nginx("location / { return 200 hi; }") else { return };

    let response = session_over(HttpAdapter::new()).get(nginx.url("/")).send().unwrap();

    assert_eq!(response.status_code(), 400);
}
