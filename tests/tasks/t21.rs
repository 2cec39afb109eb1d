use petition::Session;
use petition::testing::Recorder;

pub fn recorded(file: &str) -> Session {
    let mut session = Session::new();
    session.mount_all(Recorder::auto(file));
    session
}

// The test of these lines.

use petition::testing::{Reply, TestServer};

#[test]
fn the_second_time_needs_no_server() {
    let file = crate::folder("record").join("items.json");
    let server = TestServer::http(|_| Reply::new(200).body("[1, 2]"));
    let url = server.url("/items");
    let ask = || {
        let mut session = recorded(file.to_str().unwrap());
        session.trust_env = false;
        session.get(&url).header("Authorization", "Bearer secret").send().unwrap().text().unwrap()
    };

    assert_eq!(ask(), "[1, 2]");
    drop(server);
    assert_eq!(ask(), "[1, 2]");
    assert!(!std::fs::read_to_string(&file).unwrap().contains("secret"));
}
