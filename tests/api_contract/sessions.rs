//! What a session has: attributes are fields, as in Python. Configure with `&mut`, then share.

use std::sync::Arc;

use petition::{
    Adapter, BasicAuth, ClientCert, Cookie, CookieJar, DigestAuth, HttpAdapter, PreparedRequest, Request, Response,
    Result, Retry, Session, StatusCode, Timeout, Url, Verify,
};

use crate::offline;

#[test]
fn settings() -> Result<()> {
    let mut s = Session::new();

    s.headers.insert("User-Agent", "app/1.0")?;
    s.headers.remove("Accept");
    s.auth = Some(BasicAuth::new("user", "password").into());
    s.auth = Some(Arc::new(DigestAuth::new("user", "password")));
    s.auth = None;
    s.params = vec![("api_key".to_string(), "1".to_string())];
    s.proxies.insert("http", "http://user:pw@127.0.0.1:3128")?;
    s.proxies.insert("no_proxy", "localhost,10.0.0.0/8")?;
    s.verify = Verify::Yes;
    s.verify = Verify::No;
    s.verify = Verify::CaBundle("ca.pem".into());
    s.cert = Some(ClientCert::pem("client.pem", "client.key"));
    s.stream = false;
    s.max_redirects = 30;
    s.trust_env = true;
    s.timeout = Timeout::from((3.05, 27.0)); // a default for every request: requests has none
    s.base_url = Some(Url::parse("http://h/api/")?); // requests-toolbelt's BaseUrlSession
    s.hooks.on_response(|r: Response| -> Result<Response> { Ok(r) });

    assert_eq!(s.headers.get("user-agent"), Some("app/1.0"));
    assert!(s.auth.is_none());
    Ok(())
}

#[test]
fn cookies() -> Result<()> {
    let mut s = Session::new();

    s.cookies.set(Cookie::new("a", "1").domain("h").path("/").secure(true));
    s.cookies.insert("b", "2");
    let value: Option<String> = s.cookies.get("a")?; // Err: the name exists on several domains or paths
    assert_eq!(value.as_deref(), Some("1"));
    let mut seen = Vec::new();
    for cookie in s.cookies.iter() {
        let (name, value, _, path): (&str, &str, &str, &str) =
            (&cookie.name, &cookie.value, &cookie.domain, &cookie.path);
        seen.push(format!("{name}={value} {path}"));
    }
    assert_eq!(seen, ["a=1 /", "b=2 /"]);
    s.cookies.remove("b");
    s.cookies.clear();

    assert_eq!(s.cookies.iter().count(), 0);
    s.cookies = CookieJar::new();
    Ok(())
}

#[test]
fn mounts() -> Result<()> {
    let mut s = Session::new();

    s.mount("https://", HttpAdapter::builder().pool_connections(1).pool_maxsize(2).build());
    let shared = HttpAdapter::builder().max_retries(3).build();
    s.mount("http://", shared.clone()); // clones share one set of pools
    s.mount("https://api.example.com/v1/", shared.clone());
    let _: &dyn Adapter = s.get_adapter("http://h/")?; // Err(InvalidSchema): nothing mounted for it
    assert!(s.get_adapter("nowhere://h/").is_err());

    s.close(); // closes every pool; the session stays usable
    Ok(())
}

#[test]
fn threads_share_a_session() {
    fn both<T: Send + Sync + 'static>() {}
    both::<Session>();
    both::<HttpAdapter>();
    both::<Retry>();
    both::<CookieJar>();
    both::<petition::Error>();
    both::<Response>(); // as an Error may carry one
    both::<PreparedRequest>();
    fn moves<T: Send + 'static>() {}
    moves::<Request>();

    let session = offline();
    let statuses: Vec<StatusCode> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..8).map(|_| scope.spawn(|| session.get("http://h/").send().map(|r| r.status_code()))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap().unwrap()).collect()
    });

    assert_eq!(statuses, [StatusCode::OK; 8]);
}
