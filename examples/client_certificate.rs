//! A server that wants to know who its client is: a certificate of the client's own (mutual TLS).
//!
//!     cargo run --all-features --example client_certificate
//!     cargo run --all-features --example client_certificate -- https://host/ client.pem client.key
//!
//! Without arguments it starts such a server, with an authority that signs both certificates. With them it identifies itself to
//! a real one. `ClientCert::pem_file` takes one file with certificate and key, `pem_bytes` text from memory, `pkcs12` a `.p12`;
//! `.passphrase(...)` opens a key that is encrypted.

use std::error::Error;

use petition::testing::{Reply, TestServer, serve};
use petition::{ClientCert, Session};

fn main() -> Result<(), Box<dyn Error>> {
    let mut session = Session::new();
    session.timeout = (3.05, 27).into();

    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [url, certificate, key] = arguments.as_slice() {
        session.cert = Some(ClientCert::pem(certificate, key));
        println!("{}", session.get(url).send()?.error_for_status()?.text()?);
        return Ok(());
    }

    let server = TestServer::builder().require_client_certificate().start(serve(|request| {
        let known = request.client_certificate.is_some(); // in DER; TLS has verified it
        Reply::new(200).body(if known { "welcome, I know you" } else { "who are you?" })
    }))?;
    session.trust_env = false; // the server is on this machine
    session.verify = server.ca_file().into();

    let refused = session.get(server.url("/")).send();
    println!("without a certificate: {}", if refused.is_err() { "refused" } else { "let in" });

    session.cert = Some(server.client_cert());
    println!("with one: {}", session.get(server.url("/")).send()?.text()?);

    // Of another authority: the server does not accept it.
    let stranger = TestServer::builder().require_client_certificate().start(serve(|_| Reply::new(200)))?;
    let refused = session.get(server.url("/")).cert(stranger.client_cert()).send();
    println!("with a stranger's: {}", if refused.is_err() { "refused" } else { "let in" });

    // A connection belongs to its certificate: requests with another one never share it.
    println!("requests that arrived: {}", server.requests().len());
    Ok(())
}
