//! squid as a forward proxy and, for https, as a tunnel, with and without a password.
//!
//! squid's access log says what went through it, by method and target; it is read after squid has ended. The origin behind
//! it is nginx.

use std::process::Command;

use petition::{ErrorKind, HttpAdapter, Session};

use crate::client::session_over;
use crate::nginx::{Nginx, noise};
use crate::process::{Dir, Process, program};

struct Squid {
    process: Process,
    dir: Dir,
}

/// Whom squid lets pass.
enum Access {
    Everybody,
    /// The user `alice` with the password `p@ss:w%rd`.
    Alice,
}

impl Squid {
    fn start(access: Access) -> Option<Self> {
        let squid = program("squid")?;
        let dir = Dir::new("squid");
        let access = match access {
            Access::Everybody => "http_access allow all".to_owned(),
            Access::Alice => {
                let helper = dir.write("helper.sh", HELPER);
                format!("auth_param basic program /bin/sh {helper}\n{ALICE}")
            }
        };
        let process = Process::start(&dir, |port| {
            let here = dir.root().to_str().expect("plain");
            let frame = FRAME.replace("$PORT$", &port.to_string()).replace("$DIR$", here);
            let config = dir.write("squid.conf", frame.replace("$ACCESS$", &access));
            let mut command = Command::new(&squid);
            // Under the usual name, what another user's squid has left in shared memory would keep this one from starting.
            command.args(["-N", "-n", &service(port), "-f", &config]).current_dir(dir.root());
            command
        });
        Some(Self { process, dir })
    }

    /// The proxy's URL; `user` is user-info with its `@`, or nothing.
    fn url(&self, user: &str) -> String {
        format!("http://{user}{}", self.process.address())
    }

    /// A session for which every request goes through here.
    fn session(&self, adapter: &HttpAdapter, user: &str) -> Session {
        let mut session = session_over(adapter);
        session.proxies.insert("all", self.url(user)).unwrap();
        session
    }

    /// Ends squid and says what it served: client port, status and method of each. The connection that asked whether squid
    /// is ready has no method.
    fn served(mut self) -> Vec<(String, String)> {
        self.process.signal("TERM");
        self.process.wait();
        let log = self.dir.read("access.log");
        let words = |line: &str| {
            let (port, what) = line.split_once(' ').expect("our own format");
            (port.to_owned(), what.to_owned())
        };
        log.lines().map(words).filter(|(_, what)| !what.ends_with(" -")).collect()
    }
}

fn service(port: u16) -> String {
    format!("petition{port}")
}

/// squid leaves its shared memory behind where it is killed.
impl Drop for Squid {
    fn drop(&mut self) {
        let name = format!("{}-", service(self.process.port()));
        let Ok(files) = std::fs::read_dir("/dev/shm") else { return };
        for file in files.flatten().filter(|file| file.file_name().to_string_lossy().starts_with(&name)) {
            let _ = std::fs::remove_file(file.path());
        }
    }
}

/// squid run by root becomes another user, who may write into the directory.
const FRAME: &str = "
http_port 127.0.0.1:$PORT$
pid_filename $DIR$/squid.pid
logformat peer %>p %>Hs %rm
access_log stdio:$DIR$/access.log peer
cache_log $DIR$/cache.log
cache_store_log none
coredump_dir $DIR$
netdb_filename none
visible_hostname petition.test
cache deny all
cache_mem 1 MB
memory_cache_shared off
max_filedescriptors 1024
pinger_enable off
shutdown_lifetime 0 seconds
$ACCESS$
";

const ALICE: &str = "
auth_param basic children 1
auth_param basic realm petition
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all";

/// squid hands user and password over a line each, percent-encoded as far as it deems needed.
const HELPER: &str = r#"
while read -r line; do
    case $line in
    "alice p@ss:w%25rd" | "alice p%40ss%3Aw%25rd") echo OK ;;
    *) echo ERR ;;
    esac
done
"#;

/// `alice` with her password, as user-info.
const ALICE_INFO: &str = "alice:p%40ss%3Aw%25rd@";

const HEADERS: &str = "location / { return 200 '$http_via|$http_proxy_authorization|$http_x_trace'; }";

// PROXY-29, POOL-11
#[test]
fn squid_forwards_plain_requests_over_one_connection() {
    let (Some(squid), Some(nginx)) = (Squid::start(Access::Everybody), Nginx::start(HEADERS)) else { return };
    let adapter = HttpAdapter::new();
    let session = squid.session(&adapter, "");

    for _ in 0..3 {
        let response = session.get(nginx.url("/")).header("X-Trace", "1").send().unwrap();
        assert!(response.text().unwrap().contains("petition.test (squid"), "{}", response.text().unwrap());
        assert!(response.text().unwrap().ends_with("||1"));
    }

    assert_eq!(adapter.stats()[0].port(), squid.process.port());
    let served = squid.served();
    assert_eq!(served.len(), 3);
    assert!(served.iter().all(|(port, what)| what == "200 GET" && *port == served[0].0), "{served:?}");
}

// PROXY-16: squid takes the header for itself.
#[test]
fn squid_forwards_for_the_right_password_alone() {
    let (Some(squid), Some(nginx)) = (Squid::start(Access::Alice), Nginx::start(HEADERS)) else { return };
    let adapter = HttpAdapter::new();

    let right = squid.session(&adapter, ALICE_INFO).get(nginx.url("/")).send().unwrap();
    let wrong = squid.session(&adapter, "alice:other@").get(nginx.url("/")).send().unwrap();
    let none = squid.session(&adapter, "").get(nginx.url("/")).send().unwrap();

    assert_eq!(right.status_code(), 200);
    assert!(right.text().unwrap().ends_with("||"), "the origin saw: {}", right.text().unwrap());
    assert_eq!((wrong.status_code().as_u16(), none.status_code().as_u16()), (407, 407));
}

#[test]
fn large_bodies_pass_through_squid_in_both_directions() {
    let nginx = Nginx::start("location /store/ { dav_methods PUT; }");
    let (Some(squid), Some(nginx)) = (Squid::start(Access::Everybody), nginx) else { return };
    std::fs::create_dir(nginx.dir.path("store")).unwrap();
    let content = noise(8 << 20);
    let session = squid.session(&HttpAdapter::new(), "");
    let chunked = petition::Body::reader(std::io::Cursor::new(content.clone()));

    let stored = session.put(nginx.url("/store/file")).data(chunked).send().unwrap();
    let read = session.get(nginx.url("/store/file")).send().unwrap();

    assert_eq!(stored.status_code(), 201);
    assert!(read.content().unwrap() == content);
}

#[test]
fn an_origin_that_squid_cannot_reach_is_squids_answer() {
    let (Some(squid), Some(mut nginx)) = (Squid::start(Access::Everybody), Nginx::start(HEADERS)) else { return };
    nginx.quit();

    let response = squid.session(&HttpAdapter::new(), "").get(nginx.url("/")).send().unwrap();

    assert_eq!(response.status_code(), 503);
    assert!(response.headers().get("x-squid-error").unwrap().starts_with("ERR_CONNECT_FAIL"));
}

// PROXY-21
#[test]
fn a_squid_that_is_gone_is_a_proxy_error() {
    let (Some(mut squid), Some(nginx)) = (Squid::start(Access::Everybody), Nginx::start(HEADERS)) else { return };
    let session = squid.session(&HttpAdapter::new(), "");
    session.get(nginx.url("/")).send().unwrap();
    squid.process.signal("TERM");
    squid.process.wait();

    let error = session.get(nginx.url("/")).send().unwrap_err();

    assert_eq!(error.kind(), ErrorKind::ProxyError);
}

// PROXY-06: said in the session's own proxies, it keeps a host from the proxy.
#[test]
fn no_proxy_goes_past_squid() {
    let (Some(squid), Some(nginx)) = (Squid::start(Access::Everybody), Nginx::start(HEADERS)) else { return };
    let mut session = squid.session(&HttpAdapter::new(), "");
    session.proxies.insert("no_proxy", "127.0.0.1").unwrap();

    let response = session.get(nginx.url("/")).send().unwrap();

    assert_eq!(response.text().unwrap(), "||");
    assert_eq!(squid.served(), []);
}

#[cfg(any(feature = "native-tls", feature = "rustls"))]
mod tunnels {
    use super::{ALICE_INFO, Access, HEADERS, Squid};
    use crate::certificates::{Leaf, OpensslCa};
    use crate::client::{backends, local_names, logged};
    use crate::nginx::Nginx;
    use crate::process::Dir;
    use petition::{ErrorKind, Session, TlsBackend, Verify};

    /// nginx with a certificate for its address: squid resolves names itself.
    fn origin() -> Option<Nginx> {
        let dir = Dir::new("origin");
        OpensslCa::root(&dir, "ca")?.issue("server", &Leaf::server("IP:127.0.0.1"));
        Nginx::start_tls(dir, HEADERS)
    }

    fn url(nginx: &Nginx) -> String {
        format!("https://{}/", nginx.address())
    }

    fn session(squid: &Squid, nginx: &Nginx, backend: &TlsBackend, user: &str) -> Session {
        let mut session = squid.session(&local_names(backend).build(), user);
        session.verify = Verify::CaBundle(nginx.dir.path("ca.pem"));
        session
    }

    // PROXY-18, PROXY-29: the origin sees neither squid nor its password.
    #[test]
    fn squid_tunnels_https_once_for_each_connection() {
        let (Some(squid), Some(nginx)) = (Squid::start(Access::Everybody), origin()) else { return };
        let backends = backends();
        for backend in &backends {
            let session = session(&squid, &nginx, backend, "");
            for _ in 0..3 {
                let response = session.get(url(&nginx)).header("X-Trace", "1").send().unwrap();
                assert_eq!(response.text().unwrap(), "||1", "{backend:?}");
            }
        }

        let served = squid.served();
        assert_eq!(served.len(), backends.len());
        assert!(served.iter().all(|(_, what)| what == "200 CONNECT"), "{served:?}");
        let (connections, requests) = nginx.connections();
        assert_eq!((connections.len(), requests), (backends.len(), 3 * backends.len()));
    }

    // PROXY-16, PROXY-18
    #[test]
    fn squid_tunnels_for_the_right_password_alone() {
        let (Some(squid), Some(nginx)) = (Squid::start(Access::Alice), origin()) else { return };
        for backend in backends() {
            let right = session(&squid, &nginx, &backend, ALICE_INFO).get(url(&nginx)).send().unwrap();
            let wrong = session(&squid, &nginx, &backend, "alice:other@").get(url(&nginx)).send().unwrap_err();
            let none = session(&squid, &nginx, &backend, "").get(url(&nginx)).send().unwrap_err();

            assert_eq!(right.text().unwrap(), "||", "{backend:?}");
            for error in [wrong, none] {
                assert_eq!(error.kind(), ErrorKind::ProxyError, "{backend:?}");
                let text = format!("{error} {error:?}");
                assert!(text.contains("407") && !text.contains("other"), "{backend:?}: {text}");
            }
        }
    }

    // PROXY-18
    #[test]
    fn the_origins_certificate_is_verified_through_the_tunnel() {
        let (Some(squid), Some(nginx)) = (Squid::start(Access::Everybody), origin()) else { return };
        for backend in backends() {
            let mut session = session(&squid, &nginx, &backend, "");
            session.verify = Verify::Yes;

            let error = session.get(url(&nginx)).send().unwrap_err();

            assert_eq!(error.kind(), ErrorKind::SslError, "{backend:?}");
        }
    }

    // PROXY-18
    #[test]
    fn a_tunnel_to_nowhere_is_a_proxy_error() {
        let (Some(squid), Some(mut nginx)) = (Squid::start(Access::Everybody), origin()) else { return };
        nginx.quit();
        for backend in backends() {
            let error = session(&squid, &nginx, &backend, "").get(url(&nginx)).send().unwrap_err();

            assert_eq!(error.kind(), ErrorKind::ProxyError, "{backend:?}");
        }
    }

    // POOL-41
    #[test]
    fn a_tunnel_that_was_lost_is_dug_again() {
        for backend in backends() {
            let (Some(squid), Some(mut nginx)) = (Squid::start(Access::Everybody), origin()) else { return };
            let session = session(&squid, &nginx, &backend, "");
            session.get(url(&nginx)).send().unwrap();
            nginx.restart();

            let (again, lines) = logged(|| session.get(url(&nginx)).send());

            assert_eq!(again.unwrap().status_code(), 200, "{backend:?}: {lines:?}");
            assert_eq!(squid.served().len(), 2, "{backend:?}");
        }
    }
}
