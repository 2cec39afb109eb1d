//! Files that somebody else may have written: cookies.txt, netrc, PEM.

use crate::CookieJar;
use crate::auth::netrc as file;

/// Invariant: what of a cookies.txt is read is written so that reading it again changes nothing, and each cookie of it can be
/// sent.
pub fn cookie_file(data: &[u8]) {
    let jar = CookieJar::new();
    if let Err(error) = jar.load(data) {
        let text = error.to_string();
        assert!(text.contains("line ") && !text.contains('\n'), "the error says where: {text}");
        assert!(jar.is_empty(), "a file with a mistake is not read in part");
        return;
    }
    let save = |jar: &CookieJar| {
        let mut file = Vec::new();
        jar.save(&mut file).expect("a Vec takes everything");
        file
    };
    let first = save(&jar);
    let again = CookieJar::new();
    again.load(first.as_slice()).expect("what was written can be read");
    assert_eq!(String::from_utf8_lossy(&save(&again)), String::from_utf8_lossy(&first));
}

/// Invariant: a netrc file gives a host only what stands under its name or under `default`; a mistake makes it empty.
pub fn netrc(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Some(entries) = file::parse(&text) else { return };
    for host in ["a.test", "b.example.com", "default", "127.0.0.1", "::1", ""] {
        let found = entries.find(host);
        // Names count without case, and those beyond ASCII by their punycode.
        let lower = text.to_lowercase();
        let may_be_there = ["default", "\\", host].iter().any(|part| lower.contains(part)) || !lower.is_ascii();
        assert!(found.is_none() || may_be_there, "credentials for {host:?} out of nothing");
    }
}

/// Invariant: a PEM text is read as far as it goes or refused in one line, and its certificates and keys are no longer than it.
pub fn pem(data: &[u8]) {
    #[cfg(any(feature = "native-tls", feature = "rustls"))]
    crate::net::invariants::pem_invariant(data);
    #[cfg(not(any(feature = "native-tls", feature = "rustls")))]
    let _ = data;
}
