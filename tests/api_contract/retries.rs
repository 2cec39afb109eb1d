//! `Retry`: every parameter of urllib3's, by name, and what it decides.

use std::time::Duration;

use petition::retry::{Attempt, Cause, GiveUp};
use petition::{Error, ErrorKind, Retry};

#[test]
fn settings() {
    let retry: Retry = Retry::new()
        .total(10)
        .total(None) // no overall limit
        .total(false) // disabled: the first error is raised as it is
        .connect(3)
        .read(2)
        .read(false)
        .redirect(5)
        .status(4)
        .other(1)
        .allowed_methods(["GET", "POST"])
        .any_method() // allowed_methods=None
        .status_forcelist([429, 500, 502, 503, 504])
        .backoff_factor(0.3)
        .backoff_max(120.0)
        .backoff_jitter(0.1)
        .raise_on_redirect(true)
        .raise_on_status(true)
        .respect_retry_after_header(true)
        .retry_after_max(21_600.0)
        .remove_headers_on_redirect(["Authorization"])
        .retry_if(|attempt: &Attempt<'_>| -> bool { attempt.retries_left() != Some(0) });

    // word for word urllib3's, where no retries at all means no redirects either
    assert_eq!(format!("{retry:?}"), "Retry(total=False, connect=3, read=False, redirect=0, status=4)");
}

#[test]
fn decisions() {
    let error = Error::new(ErrorKind::ConnectionError, "no route");
    let retry: Retry = Retry::from(3); // as max_retries=3: Retry(total=3); Retry::from(0) is Retry(total=0, read=false)

    let next: Result<Retry, GiveUp> = retry.increment("GET", "/path", Cause::Status(503));
    assert!(retry.increment("GET", "/path", Cause::Connect(&error)).is_ok());
    assert!(retry.increment("GET", "/path", Cause::Read(&error)).is_ok());
    assert!(retry.increment("GET", "/path", Cause::Other(&error)).is_ok());
    assert!(retry.increment("GET", "/path", Cause::Redirect { status: 302, location: "/next" }).is_ok());
    let again: bool = retry.is_retry("GET", 503, true);
    let backoff: Duration = retry.backoff_time();
    let asked: Result<Duration, Error> = retry.parse_retry_after("120");
    let done: bool = retry.is_exhausted();

    assert!(again && !done);
    assert_eq!((backoff, asked.unwrap()), (Duration::ZERO, Duration::from_secs(120)));
    let next = next.expect("three are left");
    let past: Vec<(&str, &str, Option<u16>, Option<&str>)> = next
        .history()
        .iter()
        .map(|past| (past.method(), past.url(), past.status(), past.redirect_location()))
        .collect();
    assert_eq!(past, [("GET", "/path", Some(503), None)]);
}
