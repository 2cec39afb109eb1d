//! The code in README.md and docs/, as tests of the crate's documentation.
//!
//! A page with Rust code that is not listed here fails `tests/references.rs`.

macro_rules! pages {
    ($($name:ident: $path:literal),* $(,)?) => {$(
        #[doc = include_str!(concat!("../", $path))]
        pub struct $name;
    )*};
}

pages! {
    Readme: "README.md",
    Adapters: "docs/adapters.md",
    Architecture: "docs/architecture.md",
    Async: "docs/async.md",
    CookiesAndAuth: "docs/cookies-and-auth.md",
    EventsAndPages: "docs/events-and-pages.md",
    FormsAndFiles: "docs/forms-and-files.md",
    Logging: "docs/logging.md",
    Pace: "docs/pace.md",
    Pooling: "docs/pooling.md",
    ProxiesAndTls: "docs/proxies-and-tls.md",
    QuickStart: "docs/quick-start.md",
    Retries: "docs/retries.md",
    Sessions: "docs/sessions.md",
    Streaming: "docs/streaming.md",
    Tasks: "docs/tasks.md",
    TestingYourCode: "docs/testing-your-code.md",
    Timeouts: "docs/timeouts.md",
}
