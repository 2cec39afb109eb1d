use petition::Session;
use serde_json::Value;

pub fn all_items(session: &Session, url: &str) -> petition::Result<Vec<Value>> {
    let mut items = Vec::new();
    for page in session.get(url).paginate()? {
        items.extend(page?.json::<Vec<Value>>()?);
    }
    Ok(items)
}

// The test of these lines.

use petition::testing::{Reply, TestServer};

#[test]
fn every_page_is_read() {
    let server = TestServer::http(|request| match request.target.as_str() {
        "/" => Reply::new(200).header("Link", "</2>; rel=\"next\"").body("[1, 2]"),
        _ => Reply::new(200).body("[3]"),
    });

    let items = all_items(&crate::session(), &server.url("/")).unwrap();

    assert_eq!(items, [1, 2, 3]);
}
