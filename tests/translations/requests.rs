//! What users of requests write, and what it is here. See `tests/translations.rs`.
#![allow(unused, clippy::all)]

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::time::Duration;

use petition::{
    Body, ClientCert, Cookie, CookieJar, DigestAuth, Error, ErrorKind, HttpAdapter, Method, Multipart, Part,
    PreparedRequest, Proxies, ProxyAuth, Request, Response, Result, Retry, SendOptions, Session, Timeout, UnixAdapter,
    Verify,
};
use serde_json::{Value, json};

/// # Functions
/// Each opens a connection and closes it. A program that sends more than one request makes a session.
fn functions(url: &str) -> Result<()> {
    // `requests.get(url)`
    let _ = petition::get(url).send()?;

    // `requests.options(url)`
    let _ = petition::options(url).send()?;

    // `requests.head(url)`
    // > the only one that does not follow redirects
    let _ = petition::head(url).send()?;

    // `requests.post(url, data={"k": "v"})`
    let _ = petition::post(url).data([("k", "v")]).send()?;

    // `requests.put(url, data="text")`
    let _ = petition::put(url).data("text").send()?;

    // `requests.patch(url, json={"a": 1})`
    let _ = petition::patch(url).json(json!({"a": 1})).send()?;

    // `requests.delete(url)`
    let _ = petition::delete(url).send()?;

    // `requests.request("PURGE", url)`
    let _ = petition::request("PURGE", url).send()?;
    Ok(())
}

/// # Parameters of a request
/// Named arguments are methods of the request, before `send`.
fn parameters(s: &Session, url: &str) -> Result<()> {
    // `params={"q": "tea", "page": 2}`
    let _ = s.get(url).param("q", "tea").param("page", 2).send()?;

    // `params=[("tag", "a"), ("tag", "b")]`
    let _ = s.get(url).params([("tag", "a"), ("tag", "b")]).send()?;

    // `params={"q": None}`
    // > left out; also takes a parameter of the session away
    let _ = s.get(url).param("q", None::<&str>).send()?;

    // `params="a=1&b"`
    // > as it is
    let _ = s.get(url).query_string("a=1&b").send()?;

    // `data={"user": "ann"}`
    let _ = s.post(url).data([("user", "ann")]).send()?;

    // `data=b"..."`, `data="..."`
    let _ = s.post(url).data(vec![1u8, 2]).send()?;

    // `data=open("f", "rb")`
    let _ = s.post(url).data(File::open("f")?).send()?;

    // `data=generator()`
    // > chunked, and sent once
    let _ = s.post(url).data(Body::chunks(["a", "b"].map(String::from))).send()?;

    // `data=file_like`
    let _ = s.post(url).data(Body::reader(std::io::stdin())).send()?;

    // `json={"a": 1}`
    let _ = s.post(url).json(json!({"a": 1})).send()?;

    // `files={"f": open("a.csv", "rb")}`
    let _ = s.post(url).files(Multipart::new().part("f", Part::file("a.csv")?)).send()?;

    // `files={"f": ("n.csv", b"a,b", "text/csv")}`
    let _ =
        s.post(url).files(Multipart::new().part("f", Part::bytes("a,b").file_name("n.csv").mime("text/csv"))).send()?;

    // `headers={"X-A": "1"}`
    let _ = s.get(url).header("X-A", 1).send()?;

    // `headers={"X-A": None}`
    let _ = s.get(url).remove_header("X-A").send()?;

    // `cookies={"a": "1"}`
    let _ = s.get(url).cookie("a", "1").send()?;

    // `cookies=jar`
    let _ = s.get(url).cookies(CookieJar::new()).send()?;

    // `auth=("user", "password")`
    let _ = s.get(url).auth(("user", "password")).send()?;

    // `auth=HTTPDigestAuth("user", "password")`
    let _ = s.get(url).auth(DigestAuth::new("user", "password")).send()?;

    // `auth=HTTPProxyAuth("user", "password")`
    let _ = s.get(url).auth(ProxyAuth::new("user", "password")).send()?;

    // `auth=lambda r: ...`, a subclass of `AuthBase`
    // > or implement `Auth`, which can answer challenges
    let _ = s.get(url).auth(|request: &mut PreparedRequest| request.headers.insert("X-Token", "t")).send()?;

    // `timeout=5`
    // > seconds, or a `Duration`; there is none by default
    let _ = s.get(url).timeout(5).send()?;

    // `timeout=(3.05, 27)`
    let _ = s.get(url).timeout((3.05, 27)).send()?;

    // `timeout=None`
    // > takes the session's away
    let _ = s.get(url).timeout(None).send()?;

    // `allow_redirects=False`
    let _ = s.get(url).allow_redirects(false).send()?;

    // `proxies={"https": "http://proxy:3128"}`
    let _ = s.get(url).proxies([("https", "http://proxy:3128")]).send()?;

    // `proxies={"https": None}`
    // > direct; an empty text
    let _ = s.get(url).proxies([("https", "")]).send()?;

    // `stream=True`
    let _ = s.get(url).stream(true).send()?;

    // `verify=False`
    let _ = s.get(url).verify(false).send()?;

    // `verify="ca.pem"`
    let _ = s.get(url).verify("ca.pem").send()?;

    // `cert="both.pem"`
    let _ = s.get(url).cert("both.pem").send()?;

    // `cert=("c.pem", "k.pem")`
    let _ = s.get(url).cert(ClientCert::pem("c.pem", "k.pem")).send()?;

    // `hooks={"response": check}`
    let _ = s.get(url).on_response(|response| response.error_for_status()).send()?;
    Ok(())
}

/// # Session
fn session() -> Result<()> {
    // `s = requests.Session()`
    // > `mut` to configure it; then share `&s`, or an `Arc`
    let mut s = Session::new();

    // `s.get(url)`, `s.post(url)`, …
    let _ = s.get("http://h/").send()?;

    // `s.request("GET", url)`
    let _ = s.request(Method::GET, "http://h/").send()?;

    // `s.headers["X-A"] = "1"`
    s.headers.insert("X-A", "1")?;

    // `s.headers.update({"X-A": "1", "X-B": "2"})`
    s.headers.update([("X-A", "1"), ("X-B", "2")])?;

    // `del s.headers["X-A"]`
    s.headers.remove("X-A");

    // `s.auth = ("user", "password")`
    s.set_auth(("user", "password"));

    // `s.params = {"locale": "en"}`
    s.params.push(("locale".into(), "en".into()));

    // `s.cookies.set("a", "1", domain="h", path="/")`
    s.cookies.set(Cookie::new("a", "1").domain("h").path("/"));

    // `s.cookies["a"]`
    // > an error if several match, as in requests
    let _ = s.cookies.get("a")?;

    // `s.proxies = {"https": "http://proxy:3128"}`
    s.proxies = Proxies::from_pairs([("https", "http://proxy:3128")])?;

    // `s.verify = False`
    s.set_verify(false);

    // `s.verify = "ca.pem"`
    s.verify = "ca.pem".into();

    // `s.cert = ("c.pem", "k.pem")`
    s.cert = Some(ClientCert::pem("c.pem", "k.pem"));

    // `s.stream = True`
    s.stream = true;

    // `s.max_redirects = 5`
    s.max_redirects = 5;

    // `s.trust_env = False`
    s.trust_env = false;

    // `s.hooks["response"].append(check)`
    s.hooks.on_response(|response| response.error_for_status());

    // `s.mount("https://", adapter)`
    s.mount("https://", HttpAdapter::new());

    // both of `s.mount("http://", a)`, `s.mount("https://", a)`
    s.mount_all(HttpAdapter::new());

    // `s.get_adapter(url)`
    let _ = s.get_adapter("https://h/")?;

    // `s.prepare_request(Request("GET", url))`
    let p = s.prepare_request(Request::new("GET", "https://h/"))?;

    // `s.send(p, timeout=5)`
    // > `send(p)` takes the session's settings
    let mut options = s.send_options();
    options.timeout = 5.into();
    s.send_with(p, options)?;

    // `s.close()`, `with requests.Session() as s:`
    // > a session that is dropped is closed
    s.close();

    // —
    // > a timeout for every request: requests has none
    s.set_timeout((3.05, 27));

    // `s.rebuild_auth`, `s.should_strip_auth`, …
    // > no subclasses: these settings, an `Auth`, or an adapter
    s.sensitive_headers.push("X-Api-Key".into());
    Ok(())
}

/// # Request and PreparedRequest
fn requests() -> Result<()> {
    // `Request("POST", url, data={...})`
    let request = Request::new("POST", "https://h/").data([("k", "v")]);

    // `req.prepare()`
    // > without a session: no default headers
    let mut p = request.prepare()?;

    // `p.method`
    let _ = &p.method;

    // `p.url`
    let _ = p.url.as_str();

    // `p.headers["X-A"] = "1"`
    p.headers.insert("X-A", "1")?;

    // `p.body`
    let _ = p.body_bytes();

    // `p.path_url`
    let _ = (p.url.path(), p.url.query());

    // `p.copy()`
    let _ = p.clone();

    // —
    // > a command line for a bug report; secrets are masked
    let _ = p.to_curl();
    Ok(())
}

/// # Response
fn response(mut r: Response) -> Result<()> {
    // `r.status_code`
    // > compares with numbers: `r.status_code() == 404`
    let _ = r.status_code();

    // `r.ok`
    let _ = r.ok();

    // `r.reason`
    let _ = r.reason();

    // `r.headers["Content-Type"]`
    let _ = r.headers().get("Content-Type");

    // `r.text`
    let _ = r.text()?;

    // `r.content`
    let _ = r.content()?;

    // `r.json()`
    // > or into a type of your own
    let _ = r.json::<Value>()?;

    // `r.encoding`
    let _ = r.encoding();

    // `r.encoding = "latin-1"`
    r.set_encoding("latin-1");

    // `r.apparent_encoding`
    let _ = r.apparent_encoding()?;

    // `r.url`
    let _ = r.url();

    // `r.history`
    let _ = r.history();

    // `r.elapsed`
    let _ = r.elapsed();

    // `r.request`
    let _ = r.request();

    // `r.cookies`
    let _ = r.cookies();

    // `r.links["next"]["url"]`
    let _ = r.links().iter().find(|link| link.has_rel("next")).map(|link| link.url().to_owned());

    // `r.next`
    let _ = r.next();

    // `r.is_redirect`, `r.is_permanent_redirect`
    let _ = r.is_redirect();

    // `r.raise_for_status()`
    r.raise_for_status()?;

    // `r.iter_content(8192)`
    let _ = r.iter_content(8192);

    // `r.iter_content(chunk_size=None)`
    let _ = r.iter_content(None);

    // `r.iter_content(1024, decode_unicode=True)`
    let _ = r.iter_text(1024);

    // `r.iter_lines()`
    let _ = r.iter_lines();

    // `r.iter_lines(delimiter=b"\0")`
    let _ = r.iter_lines_by(b"\0");

    // `r.raw.read(10)`
    let _ = std::io::Read::read(&mut r.raw(), &mut [0; 10])?;

    // `r.raw.version`
    let _ = r.version();

    // `r.raw.retries`
    let _ = r.retries();

    // `shutil.copyfileobj(r.raw, f)`
    let _ = r.copy_to(&mut std::io::sink())?;

    // —
    // > to a file that is replaced only by a whole one
    let _ = r.save_to("file")?;

    // `r.close()`, `with requests.get(url, stream=True) as r:`
    // > or drop it
    r.close();
    Ok(())
}

/// # Exceptions
/// One type, [`petition::Error`](https://docs.rs/petition), with a kind.
fn exceptions(e: &Error) {
    // `except requests.RequestException`
    let _: Result<Response, Error> = petition::get("http://h/").send();

    // `except requests.HTTPError`
    let _ = e.kind() == ErrorKind::HttpError;

    // `except requests.ConnectionError`
    // > with those that inherit from it: `ProxyError`, `SSLError`, `ConnectTimeout`
    let _ = e.is_connection_error();

    // `except requests.exceptions.ProxyError`
    let _ = e.kind() == ErrorKind::ProxyError;

    // `except requests.exceptions.SSLError`
    let _ = e.kind() == ErrorKind::SslError;

    // `except requests.Timeout`
    let _ = e.is_timeout();

    // `except requests.ConnectTimeout`
    let _ = e.kind() == ErrorKind::ConnectTimeout;

    // `except requests.ReadTimeout`
    let _ = e.kind() == ErrorKind::ReadTimeout;

    // `except requests.TooManyRedirects`
    let _ = e.kind() == ErrorKind::TooManyRedirects;

    // `except requests.exceptions.RetryError`
    let _ = e.kind() == ErrorKind::RetryError;

    // `except requests.URLRequired`, `InvalidURL`
    let _ = e.kind() == ErrorKind::InvalidUrl;

    // `except requests.exceptions.MissingSchema`
    let _ = e.kind() == ErrorKind::MissingSchema;

    // `except requests.exceptions.InvalidSchema`
    let _ = e.kind() == ErrorKind::InvalidSchema;

    // `except requests.exceptions.InvalidProxyURL`
    let _ = e.kind() == ErrorKind::InvalidProxyUrl;

    // `except requests.exceptions.InvalidHeader`
    let _ = e.kind() == ErrorKind::InvalidHeader;

    // `except requests.JSONDecodeError`, `InvalidJSONError`
    let _ = e.kind() == ErrorKind::InvalidJson;

    // `except requests.exceptions.ChunkedEncodingError`
    let _ = e.kind() == ErrorKind::ChunkedEncodingError;

    // `except requests.exceptions.ContentDecodingError`
    let _ = e.kind() == ErrorKind::ContentDecodingError;

    // `except requests.exceptions.StreamConsumedError`
    let _ = e.kind() == ErrorKind::StreamConsumed;

    // `except requests.exceptions.UnrewindableBodyError`
    let _ = e.kind() == ErrorKind::UnrewindableBody;

    // `except requests.cookies.CookieConflictError`
    let _ = e.kind() == ErrorKind::CookieConflict;

    // `except urllib3.exceptions.EmptyPoolError`
    let _ = e.kind() == ErrorKind::PoolTimeout;

    // `e.request`
    let _ = e.request();

    // `e.response`
    let _ = e.response();

    // `e.response.status_code`
    let _ = e.status();

    // `e.__cause__`
    let _ = std::error::Error::source(e);
}

/// # HTTPAdapter
fn adapter() {
    // `HTTPAdapter()`
    let _ = HttpAdapter::new();

    // `HTTPAdapter(pool_connections=20)`
    // > how many hosts have a pool
    let _ = HttpAdapter::builder().pool_connections(20).build();

    // `HTTPAdapter(pool_maxsize=20)`
    let _ = HttpAdapter::builder().pool_maxsize(20).build();

    // `HTTPAdapter(pool_block=True)`
    let _ = HttpAdapter::builder().pool_maxsize(20).pool_block(true).build();

    // `HTTPAdapter(max_retries=3)`
    let _ = HttpAdapter::builder().max_retries(3).build();

    // `HTTPAdapter(max_retries=Retry(...))`
    let _ = HttpAdapter::builder().max_retries(Retry::new().total(3)).build();

    // a subclass with `socket_options` in `init_poolmanager`
    // > `requests_toolbelt.TCPKeepAliveAdapter`
    let _ = HttpAdapter::builder().tcp_keepalive(60).tcp_keepalive_interval(20).tcp_keepalive_count(5).build();

    // `requests_toolbelt.SourceAddressAdapter("10.0.0.1")`
    let _ = HttpAdapter::builder().source_address(std::net::IpAddr::from([10, 0, 0, 1])).build();

    // `requests_toolbelt.HostHeaderSSLAdapter`, `assert_hostname`, `server_hostname`
    let _ = HttpAdapter::builder().tls_server_name("h").build();

    // `requests_unixsocket.Session()`
    let _ = UnixAdapter::new();
}

/// # urllib3: Retry
/// The same names, the same defaults, as a value.
fn retry(r: &Retry) -> Result<()> {
    // `Retry(total=3)`
    let _ = Retry::new().total(3);

    // `Retry(total=None)`
    // > only the other counts limit the retries
    let _ = Retry::new().total(None);

    // `Retry(total=False)`, `Retry(False)`
    // > no retries
    let _ = Retry::new().total(false);

    // `Retry(connect=2)`, `read=`, `redirect=`, `status=`, `other=`
    let _ = Retry::new().connect(2).read(1).redirect(0).status(3).other(0);

    // `Retry(allowed_methods=["GET", "POST"])`
    let _ = Retry::new().allowed_methods(["GET", "POST"]);

    // `Retry(allowed_methods=None)`
    let _ = Retry::new().any_method();

    // `Retry(status_forcelist=[500, 502, 503, 504])`
    let _ = Retry::new().status_forcelist([500, 502, 503, 504]);

    // `Retry(backoff_factor=0.3)`
    let _ = Retry::new().backoff_factor(0.3);

    // `Retry(backoff_max=30)`, `backoff_jitter=1`
    let _ = Retry::new().backoff_max(30).backoff_jitter(1);

    // `Retry(raise_on_status=False)`, `raise_on_redirect=False`
    let _ = Retry::new().raise_on_status(false).raise_on_redirect(false);

    // `Retry(respect_retry_after_header=False)`
    let _ = Retry::new().respect_retry_after_header(false);

    // `Retry(retry_after_max=60)`
    let _ = Retry::new().retry_after_max(60);

    // `Retry(remove_headers_on_redirect=["X-Key"])`
    // > a session has rules of its own: `Session::sensitive_headers`
    let _ = Retry::new().remove_headers_on_redirect(["X-Key"]);

    // `r.history`
    let _ = r.history();

    // `r.get_backoff_time()`
    let _ = r.backoff_time();

    // `r.parse_retry_after("120")`
    let _ = r.parse_retry_after("120")?;

    // `r.is_retry("GET", 503, has_retry_after=True)`
    let _ = r.is_retry("GET", 503, true);

    // `r.is_exhausted()`
    let _ = r.is_exhausted();

    // `r.new(total=1)`
    let _ = r.clone().total(1);

    // a subclass of `Retry` with `increment`
    let _ = Retry::new().retry_if(|attempt| attempt.status() != Some(501));
    Ok(())
}

/// # urllib3: Timeout and PoolManager
fn pool_manager() -> Result<()> {
    // `Timeout(connect=3, read=10)`
    let _ = Timeout::new().connect(3).read(10);

    // `Timeout(total=30)`
    // > the whole request, retries and redirects included
    let _ = Timeout::new().total(30);

    // `PoolManager(num_pools=50, maxsize=8, block=True)`
    let _ = HttpAdapter::builder().pool_connections(50).pool_maxsize(8).pool_block(true).build();

    // `urlopen(..., pool_timeout=2)`
    let _ = HttpAdapter::builder().pool_timeout(2).build();

    // `PoolManager(source_address=("10.0.0.1", 0))`
    let _ = HttpAdapter::builder().source_address(std::net::IpAddr::from([10, 0, 0, 1])).build();

    // `PoolManager(ssl_minimum_version=TLSv1_2)`
    let _ = HttpAdapter::builder().tls_min_version(petition::TlsVersion::Tls12).build();

    // `PoolManager(assert_fingerprint="...")`
    // > SHA-256 only; or `Pin::public_key`
    let _ = HttpAdapter::builder().tls_pin(petition::Pin::certificate("9f:86:…")?).build();

    // `PoolManager(assert_hostname=False)`
    let _ = HttpAdapter::builder().tls_check_hostname(false).build();

    // `pool.num_connections`, `pool.num_requests`
    let _ = HttpAdapter::new().stats();

    // `PoolManager.clear()`
    let _ = HttpAdapter::new().close_idle(Duration::ZERO);

    // —
    // > a limit over all hosts
    let _ = HttpAdapter::builder().max_connections(100).build();

    // —
    // > requests keeps idle connections for ever
    let _ = HttpAdapter::builder().idle_timeout(30).max_lifetime(600).build();
    Ok(())
}

/// # Cookies
fn cookies(jar: &CookieJar) -> Result<()> {
    // `RequestsCookieJar()`, `cookiejar_from_dict({})`
    let _ = CookieJar::new();

    // `jar.set("a", "1")`
    jar.insert("a", "1");

    // `jar.get("a")`
    let _ = jar.get("a")?;

    // `jar.get("a", domain="h", path="/")`
    let _ = jar.get_at("a", Some("h"), Some("/"))?;

    // `jar.get_dict()`, `dict_from_cookiejar(jar)`
    let _ = jar.get_dict(None, None);

    // `jar.items()`
    let _ = jar.to_pairs();

    // `jar.list_domains()`, `jar.list_paths()`
    let _ = (jar.domains(), jar.paths());

    // `jar.update(other)`
    jar.update(CookieJar::new());

    // `remove_cookie_by_name(jar, "a")`
    jar.remove("a");

    // `jar.clear()`
    jar.clear();

    // `jar.clear_session_cookies()`
    jar.clear_session_cookies();

    // `MozillaCookieJar("c.txt").load()`
    let _ = jar.load_from("c.txt")?;

    // `MozillaCookieJar("c.txt").save()`
    jar.save_to("c.txt")?;
    Ok(())
}

/// # requests-toolbelt
fn toolbelt(s: &mut Session, url: &str) -> Result<()> {
    // `MultipartEncoder(fields={...})`
    // > every form is streamed
    let _ = Multipart::new().text("a", "1").part("f", Part::file("f")?);

    // `MultipartEncoderMonitor(encoder, callback)`
    let _ = Body::from(Multipart::new().text("a", "1")).on_progress(|done, total| println!("{done} of {total:?}"));

    // `StreamingIterator(size, iterator)`
    let _ = Body::sized(std::io::empty(), 0);

    // `sessions.BaseUrlSession(base_url="https://h/v1/")`
    s.base_url = Some("https://h/v1/".parse()?);

    // `user_agent("my-package", "1.0")`
    s.headers.insert("User-Agent", "my-package/1.0")?;

    // `dump.dump_all(r)`
    // > the log at debug level, or `to_curl`
    let _ = s.get(url).prepare()?.to_curl();

    // `streaming_response_to_file`, `downloadutils.stream.stream_response_to_file`
    let _ = s.get(url).stream(true).send()?.save_to("file")?;

    // `threaded.map`, `threaded.pool`
    // > threads share a session
    std::thread::scope(|scope| scope.spawn(|| s.get(url).send().map(drop)).join().ok());

    // `auth.guess.GuessAuth("u", "p")`
    // > Digest answers a challenge, Basic needs none
    let _ = s.get(url).auth(DigestAuth::new("u", "p")).send()?;
    Ok(())
}

/// # Everything else
fn everything_else(r: &Response) -> Result<()> {
    // `requests.codes.not_found`
    let _ = r.status_code() == petition::StatusCode::NOT_FOUND;

    // `requests.utils.parse_header_links(value)`
    let _ = petition::Link::parse_header("<https://h/2>; rel=next");

    // `requests.structures.CaseInsensitiveDict`
    let _ = petition::Headers::from_pairs([("X-A", "1")])?;

    // `logging.basicConfig(level=logging.DEBUG)`
    // > in the environment, with `env_logger::init()` in `main`
    let _ = "RUST_LOG=petition=debug";

    // `urllib3.disable_warnings()`
    // > one line for each host, at the target `petition::tls`
    let _ = "RUST_LOG=petition=debug,petition::tls=off";

    // `requests.adapters.BaseAdapter`
    // > the trait `Adapter`, or a closure
    let _ = petition::adapter_fn(|_, _| Response::builder(200).build());
    Ok(())
}
