//! The client's side of the tests: sessions that this machine's environment does not change, the TLS backends of the build,
//! and petition's log lines.

use std::cell::RefCell;
use std::sync::Once;
#[cfg(any(feature = "native-tls", feature = "rustls"))]
use std::time::Duration;

use log::{LevelFilter, Log, Metadata, Record};
use petition::{HttpAdapter, Response, Session};

/// A session without the environment's proxies and passwords, and with a limit, so that a test ends.
pub fn session() -> Session {
    let mut session = Session::new();
    session.trust_env = false;
    session.timeout = 60.into();
    session
}

/// The same over one adapter for every URL.
pub fn session_over(adapter: &HttpAdapter) -> Session {
    let mut session = session();
    session.mount("http://", adapter.clone());
    session.mount("https://", adapter.clone());
    session
}

/// Each TLS library of this build.
#[cfg(any(feature = "native-tls", feature = "rustls"))]
pub fn backends() -> Vec<petition::TlsBackend> {
    vec![
        #[cfg(feature = "native-tls")]
        petition::TlsBackend::NativeTls,
        #[cfg(feature = "rustls")]
        petition::TlsBackend::Rustls,
    ]
}

/// A builder whose host names all lead to this machine.
#[cfg(any(feature = "native-tls", feature = "rustls"))]
pub fn local_names(backend: &petition::TlsBackend) -> petition::HttpAdapterBuilder {
    HttpAdapter::builder()
        .tls_backend(backend.clone())
        .idle_timeout(Duration::from_secs(60))
        .resolver(|_, port| Ok(vec![(std::net::Ipv4Addr::LOCALHOST, port).into()]))
}

/// The body as JSON, in every build.
pub fn json(response: &Response) -> serde_json::Value {
    let content = response.content().unwrap();
    serde_json::from_slice(content).unwrap_or_else(|_| panic!("not JSON: {}", String::from_utf8_lossy(content)))
}

/// What `act` returns, and the lines that petition logged on this thread meanwhile, `DEBUG` and above.
pub fn logged<T>(act: impl FnOnce() -> T) -> (T, Vec<String>) {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        log::set_logger(&Lines).expect("no other logger");
        log::set_max_level(LevelFilter::Debug);
    });
    LINES.take();
    let value = act();
    (value, LINES.take())
}

thread_local! {
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

struct Lines;

impl Log for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("petition")
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            LINES.with_borrow_mut(|lines| lines.push(record.args().to_string()));
        }
    }

    fn flush(&self) {}
}
