//! Files that somebody else may have written: cookies.txt, netrc, PEM.

use std::time::{Duration, SystemTime};

use crate::auth::netrc as file;
use crate::clock;
use crate::cookies::CookieTarget;
use crate::{BasicAuth, Cookie, CookieJar};

/// Invariant: what of a cookies.txt is read is written so that the same is read again, and each cookie of it is sent to its
/// domain, in one line.
pub fn cookie_file(data: &[u8]) {
    let jar = CookieJar::new();
    if let Err(error) = jar.load(data) {
        let text = error.to_string();
        assert!(text.contains("line ") && !text.contains('\n'), "the error says where: {text}");
        assert!(jar.is_empty(), "a file with a mistake is not read in part");
        return;
    }
    let now = clock::wall();
    let is_short = |cookie: &Cookie| cookie.expires.is_some_and(|end| end < now + Duration::from_secs(600));
    if jar.iter().any(|cookie| is_short(&cookie)) {
        return; // it may expire between two looks at the jar
    }
    for cookie in jar.iter() {
        assert_is_sent(&jar, &cookie, now);
    }
    let save = |jar: &CookieJar| {
        let mut file = Vec::new();
        jar.save(&mut file).expect("a Vec takes everything");
        file
    };
    let first = save(&jar);
    let again = CookieJar::new();
    again.load(first.as_slice()).expect("what was written can be read");
    // Of what can be read, this has no line of its own: it would be a comment, or lose its ends.
    let has_line = |cookie: &Cookie| {
        let Cookie { domain, path, .. } = cookie;
        !domain.starts_with(['#', '$', '\u{feff}']) && domain.trim() == domain && path.trim() == path
    };
    let want: Vec<_> = jar.iter().filter(has_line).collect();
    assert_eq!(again.iter().collect::<Vec<_>>(), want);
    assert_eq!(String::from_utf8_lossy(&save(&again)), String::from_utf8_lossy(&first));
}

/// A request to the domain and the path of the cookie has it, in a header that can be sent.
fn assert_is_sent(jar: &CookieJar, cookie: &Cookie, now: SystemTime) {
    let host = if cookie.domain.is_empty() { "any.test" } else { &cookie.domain };
    let target = CookieTarget { host, path: &cookie.path, secure: true };
    let header = jar.header_with(None, &target, now).expect("each can be sent").unwrap_or_default();
    assert!(header.chars().all(|c| c <= '\u{ff}' && !matches!(c, '\r' | '\n' | '\0')), "{header:?}");
    let pair = if cookie.name.is_empty() { cookie.value.clone() } else { format!("{}={}", cookie.name, cookie.value) };
    // Hosts are in lower case.
    let is_host = host.to_ascii_lowercase() == *host;
    assert!(!is_host || format!("; {header}; ").contains(&format!("; {pair}; ")), "{cookie:?} is not in {header:?}");
}

/// Invariant: a netrc file gives a host only what stands under its name or under `default`; a mistake makes it empty.
pub fn netrc(data: &[u8]) {
    const HOSTS: [&str; 6] = ["a.test", "b.example.com", "default", "127.0.0.1", "::1", ""];
    let text = String::from_utf8_lossy(data);
    let entries = file::parse(&text);
    let is_plain = text.is_ascii() && !text.contains(['"', '\\', '#']) && !text.contains("macdef");
    if is_plain {
        let want = plain_netrc(&text);
        assert_eq!(entries.is_some(), want.is_some(), "{text:?}");
        for host in HOSTS {
            let found = entries.as_ref().and_then(|entries| entries.find(host));
            assert!(found == want.as_deref().and_then(|machines| credentials(machines, host)), "{host:?} in {text:?}");
        }
        return;
    }
    let Some(entries) = entries else { return };
    for host in HOSTS {
        let found = entries.find(host);
        // Names count without case, and those beyond ASCII by their punycode.
        let lower = text.to_lowercase();
        let may_be_there = ["default", "\\", host].iter().any(|part| lower.contains(part)) || !lower.is_ascii();
        assert!(found.is_none() || may_be_there, "credentials for {host:?} out of nothing");
    }
}

#[derive(Default)]
struct Machine<'a> {
    name: &'a str,
    login: &'a str,
    account: &'a str,
    password: &'a str,
}

/// A second reader, of files without quotes, escapes, comments and macros; `None` for one with a mistake.
fn plain_netrc(text: &str) -> Option<Vec<Machine<'_>>> {
    let mut words = text.split([' ', '\t', '\r', '\n']).filter(|word| !word.is_empty());
    let mut machines: Vec<Machine<'_>> = Vec::new();
    while let Some(word) = words.next() {
        match (word, machines.last_mut()) {
            ("machine", _) => machines.push(Machine { name: words.next()?, ..Machine::default() }),
            ("default", _) => machines.push(Machine { name: word, ..Machine::default() }),
            ("login" | "user", Some(machine)) => machine.login = words.next().unwrap_or_default(),
            ("account", Some(machine)) => machine.account = words.next().unwrap_or_default(),
            ("password", Some(machine)) => machine.password = words.next().unwrap_or_default(),
            _ => return None,
        }
    }
    Some(machines)
}

/// What such a file has for a host: the last machine of that name, or else of that name in another case or in brackets, or else
/// `default`.
fn credentials(machines: &[Machine<'_>], host: &str) -> Option<BasicAuth> {
    let last = |is_it: &dyn Fn(&str) -> bool| machines.iter().rev().find(|machine| is_it(machine.name));
    let machine = last(&|name| name == host)
        .or_else(|| {
            last(&|name| name.to_ascii_lowercase() == host || host.contains(':') && name == format!("[{host}]"))
        })
        .or_else(|| last(&|name| name == "default"))?;
    let login = if machine.login.is_empty() { machine.account } else { machine.login };
    (!login.is_empty() || !machine.password.is_empty()).then(|| BasicAuth::new(login, machine.password))
}

/// Invariant: a PEM text is read as far as it goes or refused in one line, and its certificates and keys are no longer than it.
pub fn pem(data: &[u8]) {
    #[cfg(any(feature = "native-tls", feature = "rustls"))]
    crate::net::invariants::pem_invariant(data);
    #[cfg(not(any(feature = "native-tls", feature = "rustls")))]
    let _ = data;
}
