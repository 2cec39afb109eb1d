use petition::{ClientCert, Session};

pub fn identified(cert: &str, key: &str) -> Session {
    let mut session = Session::new();
    session.cert = Some(ClientCert::pem(cert, key));
    session
}

// The test of these lines.

#[test]
fn a_certificate_that_is_not_there_is_named() {
    let mut session = identified("no-such-cert.pem", "no-such-key.pem");
    session.trust_env = false;

    let error = session.get("https://127.0.0.1:9/").send().unwrap_err();

    assert!(
        crate::chain(&error).contains("no-such-cert.pem") || error.is_connection_error(),
        "{}",
        crate::chain(&error)
    );
}
