//! Header lines that are no fields: left out, and said so in the log.

use std::sync::{Mutex, OnceLock};

use petition::testing::{Reply, TestServer};

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Collect;

impl log::Log for Collect {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        if record.level() == log::Level::Warn {
            LINES.lock().unwrap().push(format!("{}: {}", record.target(), record.args()));
        }
    }

    fn flush(&self) {}
}

// LOG-16, FRAME-08
#[test]
fn a_line_that_is_no_field_is_left_out_with_a_warning() {
    static SET: OnceLock<()> = OnceLock::new();
    SET.get_or_init(|| log::set_logger(&Collect).map(|()| log::set_max_level(log::LevelFilter::Trace)).unwrap());
    let server =
        TestServer::http(|_| Reply::raw("HTTP/1.1 200 OK\r\nnot a field\r\nContent-Length: 2\r\nX-Last: z\r\n\r\nhi"));

    let url = server.url("/").replace("http://", "http://user:secret@");
    let response = petition::get(url.as_str()).send().unwrap();

    assert_eq!((response.text().unwrap().as_str(), response.headers().get("x-last")), ("hi", Some("z")));
    let expected = format!(
        "petition::connectionpool: Failed to parse headers (url={}): left out \"not a field\"",
        server.url("/")
    );
    assert_eq!(*LINES.lock().unwrap(), [expected]);
}
