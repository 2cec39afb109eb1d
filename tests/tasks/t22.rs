use petition::Session;

pub fn command(session: &Session) -> petition::Result<String> {
    let request = session.post("https://api.example.com/items").header("Authorization", "Bearer secret").json(["pen"]);
    Ok(request.prepare()?.to_curl())
}

// The test of these lines.

#[test]
fn the_command_has_everything_but_the_secret() {
    let command = command(&crate::session()).unwrap();

    assert!(command.starts_with("curl "), "{command}");
    assert!(command.contains("https://api.example.com/items") && command.contains("[\"pen\"]"), "{command}");
    assert!(!command.contains("secret"), "{command}");
}
