//! Cookies that a session keeps, and credentials: Basic, Bearer, Digest and custom.
//!
//!     cargo run --example cookies_and_auth

mod support;

use std::sync::Arc;

use petition::testing::{Reply, TestRequest};
use petition::{Auth, BasicAuth, BearerAuth, Cookie, DigestAuth, PreparedRequest};
use support::Internet;

fn main() -> support::Result {
    let mut internet = Internet::new()?;
    internet.https("shop.example", answer)?;
    let mut s = internet.session();

    println!("# cookies");
    s.get("https://shop.example/login").send()?; // sets one
    s.cookies.set(Cookie::new("theme", "dark").domain("shop.example").path("/").secure(true));
    for cookie in s.cookies.iter() {
        println!("{}={} for {}{}", cookie.name, cookie.value, cookie.domain, cookie.path);
    }
    // s.get(url, cookies={"once": "1"})
    let response = s.get("https://shop.example/cookies").cookies([("once", "1")]).send()?;
    println!("sent: {}", response.text()?);
    let response = s.get("https://shop.example/cookies").send()?;
    println!("sent: {}", response.text()?);

    println!("# auth");
    // s.auth = ("user", "password")
    s.auth = Some(BasicAuth::new("user", "password").into());
    let response = s.get("https://shop.example/auth").send()?;
    println!("the session's: {}", response.text()?);

    let response = s.get("https://shop.example/auth").auth(BearerAuth::new("token")).send()?;
    println!("the request's: {}", response.text()?);

    // s.get(url, auth=HTTPDigestAuth("user", "password"))
    let digest = Arc::new(DigestAuth::new("user", "password")); // keep it: it knows the server's nonce next time
    let response = s.get("https://shop.example/digest").auth(Arc::clone(&digest) as Arc<dyn Auth>).send()?;
    println!("digest: {} after {} refusal", response.status_code(), response.history().len());

    // class Token(AuthBase): def __call__(self, r): r.headers["X-Token"] = …; return r
    let response = s.get("https://shop.example/auth").auth(Token("secret")).send()?;
    println!("custom: {}", response.text()?);
    Ok(())
}

struct Token(&'static str);

impl Auth for Token {
    fn apply(&self, request: &mut PreparedRequest) -> petition::Result<()> {
        request.headers.insert("X-Token", self.0)
    }
}

fn answer(request: &TestRequest) -> Reply {
    let sent = |name| request.header(name).unwrap_or("nothing").to_owned();
    match request.target.as_str() {
        "/login" => Reply::new(200).header("Set-Cookie", "session=abc; Path=/; Secure; HttpOnly"),
        "/cookies" => Reply::new(200).body(sent("cookie")),
        "/digest" if !sent("authorization").starts_with("Digest ") => {
            let challenge = r#"Digest realm="shop", qop="auth", nonce="d64f", algorithm=SHA-256"#;
            Reply::new(401).header("WWW-Authenticate", challenge)
        }
        "/digest" => Reply::new(200),
        _ if request.header("x-token").is_some() => Reply::new(200).body(format!("X-Token: {}", sent("x-token"))),
        _ => Reply::new(200).body(sent("authorization")),
    }
}
