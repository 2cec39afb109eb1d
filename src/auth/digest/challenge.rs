//! Parses `WWW-Authenticate` (RFC 9110 §11.6.1).
//!
//! One value can contain several challenges of several schemes, separated by commas, which also separate parameters: a
//! name followed by `=` is a parameter of the scheme before it, and a word alone is a scheme without parameters. The
//! parser is lenient: what makes no sense is skipped, so that a challenge of another scheme never hides a Digest
//! challenge, and an unquoted text extends to the comma, blanks included.

use crate::headers::is_token;

/// A Digest challenge. Texts are as they came, without quotes.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Challenge {
    pub realm: String,
    pub nonce: String,
    pub opaque: Option<String>,
    pub algorithm: Option<String>,
    pub qop: Option<String>,
    /// The credentials are right, but the nonce or its count is not (RFC 7616 §3.3).
    pub stale: bool,
}

/// The complete Digest challenges in one header value: those with a realm and a nonce.
pub(super) fn parse(value: &str) -> Vec<Challenge> {
    let mut found: Vec<Vec<(String, String)>> = Vec::new();
    let mut is_ours = false;
    let mut input = Input(value);
    while !input.0.is_empty() {
        let word = input.token();
        if word.is_empty() {
            input.skip_one();
            continue;
        }
        input.blanks();
        if let Some(after) = input.0.strip_prefix('=') {
            input = Input(after);
            input.blanks();
            let value = input.value();
            if let Some(parameters) = found.last_mut().filter(|_| is_ours) {
                parameters.push((word.to_ascii_lowercase(), value));
            }
        } else if word.eq_ignore_ascii_case("digest") {
            is_ours = true;
            found.push(Vec::new());
        } else if !(input.0.is_empty() || input.0.starts_with(',')) {
            is_ours = false;
        } else if is_ours && ["auth", "auth-int"].iter().any(|own| own.eq_ignore_ascii_case(word)) {
            // `qop=auth,auth-int`, its quotes forgotten.
            let last = found.last_mut().and_then(|parameters| parameters.last_mut());
            if let Some((_, qop)) = last.filter(|(name, _)| name == "qop") {
                qop.extend([",", word]);
            }
        }
    }
    found.into_iter().filter_map(complete).collect()
}

fn complete(mut parameters: Vec<(String, String)>) -> Option<Challenge> {
    // A header must not contain it, and no honest server sends it.
    if parameters.iter().any(|(_, value)| value.chars().any(|c| c.is_ascii_control() && c != '\t')) {
        return None;
    }
    let mut take = |name: &str| {
        let index = parameters.iter().position(|(own, _)| own == name)?;
        Some(parameters.remove(index).1)
    };
    Some(Challenge {
        realm: take("realm")?,
        nonce: take("nonce").filter(|nonce| !nonce.is_empty())?,
        opaque: take("opaque"),
        algorithm: take("algorithm").filter(|name| !name.is_empty()),
        qop: take("qop").filter(|qop| !qop.is_empty()),
        stale: take("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
    })
}

/// The rest of the input.
struct Input<'a>(&'a str);

impl<'a> Input<'a> {
    fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        let end = self.0.find(|c| !accept(c)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }

    fn token(&mut self) -> &'a str {
        self.take_while(|c| u8::try_from(c).is_ok_and(is_token))
    }

    fn blanks(&mut self) {
        self.take_while(|c| c == ' ' || c == '\t');
    }

    /// Skips a comma, a blank or unexpected text; a quoted text as a whole, because it can contain anything.
    fn skip_one(&mut self) {
        if self.0.starts_with('"') {
            self.value();
        } else {
            let mut rest = self.0.chars();
            rest.next();
            self.0 = rest.as_str();
        }
    }

    /// The text up to a comma, or up to a blank that the next parameter follows.
    fn unquoted(&mut self) -> &'a str {
        let start = self.0;
        loop {
            self.take_while(|c| c != ',' && c != ' ' && c != '\t');
            let length = start.len() - self.0.len();
            self.blanks();
            let mut next = Input(self.0);
            let name = next.token();
            next.blanks();
            if self.0.is_empty() || self.0.starts_with(',') || (!name.is_empty() && next.0.starts_with('=')) {
                return &start[..length];
            }
        }
    }

    /// A quoted text without its quotes and escapes, or an unquoted one. An unterminated quoted text extends to the end.
    fn value(&mut self) -> String {
        let Some(quoted) = self.0.strip_prefix('"') else {
            return self.unquoted().to_owned();
        };
        let mut out = String::new();
        let mut rest = quoted.chars();
        while let Some(c) = rest.next() {
            match c {
                '"' => break,
                '\\' => out.extend(rest.next()),
                _ => out.push(c),
            }
        }
        self.0 = rest.as_str();
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(parameters: &[(&str, &str)]) -> Challenge {
        let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        complete(parameters.collect()).unwrap()
    }

    // AUTH-22
    #[test]
    fn a_digest_challenge_is_found_wherever_it_stands() {
        let plain = || challenge(&[("realm", "r"), ("nonce", "n"), ("qop", "auth")]);

        for value in [
            r#"Digest realm="r", nonce="n", qop="auth""#,
            r#"digest realm=r,nonce=n,qop=auth"#,
            r#"DIGEST  realm = "r" ,, NONCE= n , Qop="auth","#,
            r#"Basic realm="b", Digest realm="r", nonce="n", qop="auth""#,
            r#"Digest realm="r", nonce="n", qop="auth", Basic realm="b", nonce="x", qop="auth-int""#,
            r#"Negotiate, Bearer a/b+c==, Digest realm="r", nonce="n", qop="auth""#,
            r#"Basic realm="a, Digest realm=\"x\", nonce=\"y\"", Digest realm="r", nonce="n", qop="auth""#,
            r#""junk, Digest nonce=x" é;; Digest realm="r", nonce="n", qop="auth", charset=UTF-8, stale=false"#,
            r#"Digest realm="r", realm="second", nonce="n", qop="auth", opaque"#,
        ] {
            assert_eq!(parse(value), [plain()], "{value}");
        }
        for value in [
            "stale=true, Digest realm=r, nonce=n, qop=auth, Stale=\"TRUE\"",
            "Digest stale=True, realm=r, nonce=n, qop=auth",
        ] {
            assert_eq!(parse(value), [Challenge { stale: true, ..plain() }], "{value}");
        }
    }

    #[test]
    fn several_challenges_keep_their_order_and_their_own_parameters() {
        let value = r#"Digest realm="a", nonce="1", algorithm=SHA-256, opaque="o", Digest realm="b", nonce="2""#;

        let want = [
            challenge(&[("realm", "a"), ("nonce", "1"), ("algorithm", "SHA-256"), ("opaque", "o")]),
            challenge(&[("realm", "b"), ("nonce", "2")]),
        ];
        assert_eq!(parse(value), want);
    }

    #[test]
    fn escapes_are_undone_and_texts_that_do_not_end_are_taken() {
        for (value, realm) in [
            (r#"Digest nonce=n, realm="a\"b\\c, d=e""#, r#"a"b\c, d=e"#),
            (r#"Digest nonce=n, realm="open"#, "open"),
            (r#"Digest nonce=n, realm="open\"#, "open"),
            (r#"Digest nonce=n, realm="""#, ""),
            (r#"Digest nonce=n, realm="#, ""),
            ("Digest nonce=n, realm=\"caf\u{e9}\"", "caf\u{e9}"),
        ] {
            assert_eq!(parse(value), [challenge(&[("nonce", "n"), ("realm", realm)])], "{value}");
        }
    }

    #[test]
    fn a_text_without_quotes_goes_up_to_the_comma() {
        for (value, realm) in [
            ("Digest realm=My Realm, nonce=n", "My Realm"),
            ("Digest nonce=n, realm=My  own\tRealm \t", "My  own\tRealm"),
            ("Digest realm=My Realm nonce=n", "My Realm"),
            ("Digest realm=My Realm nonce = \"n\"", "My Realm"),
            ("Digest realm=it's \"mine\", nonce=n", "it's \"mine\""),
            ("Digest realm=a/b c, nonce=n, Basic realm=other one", "a/b c"),
            ("Digest realm=Digest me, nonce=n", "Digest me"),
            ("Basic realm=My Digest, Digest realm=My Realm,nonce=n", "My Realm"),
            ("Digest realm=, nonce=n", ""),
            ("Digest realm= , nonce=n", ""),
        ] {
            assert_eq!(parse(value), [challenge(&[("nonce", "n"), ("realm", realm)])], "{value}");
        }
    }

    #[test]
    fn a_word_alone_ends_no_challenge() {
        for value in [
            "Digest realm=r, qop=auth,auth-int, nonce=n",
            "Digest realm=r, qop=auth, auth-int ,nonce=n",
            "Digest nonce=n, realm=r, qop=auth,auth-int",
            "Digest nonce=n, stale, realm=r, qop=\"auth,auth-int\", Negotiate",
            "Negotiate, Digest nonce=n, realm=r, NTLM, qop=\"auth,auth-int\", Basic realm=x, nonce=y",
        ] {
            assert_eq!(
                parse(value),
                [challenge(&[("nonce", "n"), ("realm", "r"), ("qop", "auth,auth-int")])],
                "{value}"
            );
        }
    }

    #[test]
    fn of_a_parameter_that_is_there_twice_the_first_counts() {
        let value = "Digest realm=r, nonce=n, opaque=o, opaque=p, nonce=second, realm=second";

        assert_eq!(parse(value), [challenge(&[("realm", "r"), ("nonce", "n"), ("opaque", "o")])]);
    }

    #[test]
    fn incomplete_challenges_are_none() {
        for value in [
            "",
            ",",
            "=",
            "\"",
            "Digest",
            "Basic realm=\"b\"",
            "Digest realm=\"r\"",
            "Digest nonce=\"n\"",
            "Digest realm=\"r\", nonce=\"\"",
            "realm=\"r\", nonce=\"n\"",
            "Digests realm=\"r\", nonce=\"n\"",
            "Bearer x=\"Digest realm=r, nonce=n\"",
        ] {
            assert_eq!(parse(value), [], "{value}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_value_is_read_to_its_end(junk in "[ \t,=\"\\\\a-cDigest\u{e9}]{0,40}") {
            // Quotes that are open would make a text of all that follows.
            let junk = junk.replace(['"', '\\'], "");
            let challenges = parse(&format!("{junk}, Digest realm=r, nonce=n"));

            let last = challenges.last().unwrap();
            proptest::prop_assert_eq!((last.realm.as_str(), last.nonce.as_str()), ("r", "n"));
        }

        #[test]
        fn any_quotes_are_read_to_their_end(junk in "[ ,=\"\\\\an]{0,40}") {
            for challenge in parse(&format!("Digest realm=r, nonce=n, x={junk}")) {
                proptest::prop_assert!(!challenge.nonce.is_empty());
            }
        }
    }
}
