use petition::{HttpAdapter, Pin, Session};

pub fn pinned(keys: &[&str]) -> petition::Result<Session> {
    let pins = keys.iter().map(|key| Pin::public_key(key)).collect::<petition::Result<Vec<_>>>()?;
    let mut session = Session::new();
    session.mount_all(HttpAdapter::builder().tls_pins(pins).build());
    Ok(session)
}

// The test of these lines.

use petition::testing::{Reply, TestServer};

#[test]
fn another_key_is_refused() {
    let server = TestServer::https(|_| Reply::new(200));
    let url = server.url("/");
    let folder = crate::folder("pin");
    let ca = folder.join("ca.pem");
    std::fs::write(&ca, server.ca_pem()).unwrap();
    let mut session = pinned(&["sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="]).unwrap();
    session.trust_env = false;
    session.verify = ca.as_path().into();

    let error = session.get(&url).send().unwrap_err();

    assert_eq!(error.kind(), petition::ErrorKind::SslError, "{}", crate::chain(&error));
    assert!(pinned(&["no hash"]).is_err());
}
