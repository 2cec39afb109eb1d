use petition::{Error, ErrorKind};

#[derive(Debug, PartialEq)]
pub enum Next {
    Again,
    GiveUp,
    TellTheUser,
}

pub fn what_now(error: &Error) -> Next {
    match error.kind() {
        ErrorKind::ConnectTimeout | ErrorKind::ReadTimeout | ErrorKind::PoolTimeout => Next::Again,
        ErrorKind::ConnectionError | ErrorKind::ChunkedEncodingError | ErrorKind::RetryError => Next::Again,
        ErrorKind::HttpError => match error.status().map(|status| status.as_u16()) {
            Some(429 | 500..=599) => Next::Again,
            _ => Next::TellTheUser,
        },
        ErrorKind::Cancelled | ErrorKind::TotalTimeout => Next::GiveUp,
        _ => Next::TellTheUser, // a URL, a certificate, a proxy, a setting: trying again would not help
    }
}

// The test of these lines.

use petition::testing::{Reply, TestServer};

#[test]
fn each_failure_has_its_answer() {
    let server = TestServer::http(|request| Reply::new(request.target[1..].parse::<u16>().unwrap()));
    let session = crate::session();
    let status = |status: u16| {
        let response = session.get(server.url(&format!("/{status}"))).send().unwrap();
        what_now(&response.error_for_status().unwrap_err())
    };

    assert_eq!(status(503), Next::Again);
    assert_eq!(status(404), Next::TellTheUser);
    assert_eq!(what_now(&session.get("no scheme").send().unwrap_err()), Next::TellTheUser);
    assert_eq!(what_now(&session.get(crate::nobody()).send().unwrap_err()), Next::Again);
}
