use std::path::Path;

use petition::Session;

pub fn logged_in(session: &Session, site: &str, cookies: &Path) -> petition::Result<()> {
    if cookies.exists() {
        session.cookies.load_from(cookies)?;
    }
    if session.get(format!("{site}/me")).send()?.status_code() == 401 {
        let login = [("user", "ann"), ("password", "secret")];
        session.post(format!("{site}/login")).data(login).send()?.error_for_status()?;
        session.cookies.save_to(cookies)?;
    }
    Ok(())
}

// The test of these lines.

use petition::testing::{Reply, TestServer};

#[test]
fn the_second_session_does_not_log_in() {
    let server = TestServer::http(|request| match request.target.as_str() {
        "/login" => Reply::new(200).header("Set-Cookie", "id=7; Max-Age=3600"),
        _ if request.header("cookie") == Some("id=7") => Reply::new(200),
        _ => Reply::new(401),
    });
    let site = server.url("");
    let site = site.trim_end_matches('/');
    let file = crate::folder("cookies").join("cookies.txt");

    logged_in(&crate::session(), site, &file).unwrap();
    logged_in(&crate::session(), site, &file).unwrap();

    let logins = server.requests().iter().filter(|request| request.target == "/login").count();
    assert_eq!(logins, 1);
}
