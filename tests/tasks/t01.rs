use petition::Session;
use serde::Deserialize;

#[derive(Deserialize)]
pub struct Item {
    pub id: u64,
    pub name: String,
}

pub fn item(session: &Session, url: &str) -> petition::Result<Item> {
    session.get(url).send()?.error_for_status()?.json()
}

// The test of these lines.

use petition::testing::{Reply, TestServer};

#[test]
fn json_becomes_a_struct_and_an_error_page_an_error() {
    let server = TestServer::http(|request| match request.target.as_str() {
        "/7" => Reply::new(200).body(r#"{"id": 7, "name": "pen"}"#),
        _ => Reply::new(404).body("none"),
    });
    let session = crate::session();

    let pen = item(&session, &server.url("/7")).unwrap();
    assert_eq!((pen.id, pen.name.as_str()), (7, "pen"));
    assert_eq!(item(&session, &server.url("/8")).err().unwrap().kind(), petition::ErrorKind::HttpError);
}
