use super::{IntoUrl, Url, layout};
use crate::error::ErrorKind;

#[derive(serde::Deserialize)]
struct PrepareRow {
    url: String,
    prepared: Option<String>,
    path_url: Option<String>,
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

fn refusal(text: &str) -> (ErrorKind, String) {
    let error = Url::parse(text).expect_err(text);
    (error.kind(), error.to_string())
}

// URL-05 to URL-21, URL-28
#[test]
fn urls_are_prepared_as_requests_prepares_them() {
    let rows: Vec<PrepareRow> = serde_json::from_str(include_str!("testdata/url_prepare.json")).unwrap();
    assert!(rows.len() > 80);

    for row in rows {
        match row.prepared {
            Some(prepared) => {
                let got = url(&row.url);
                assert_eq!(got.as_str(), prepared, "{:?}", row.url);
                assert_eq!(got.target(), row.path_url.unwrap(), "{:?}", row.url);
                assert_eq!(url(&prepared).as_str(), prepared, "preparing twice changes nothing");
            }
            None => assert_eq!(refusal(&row.url).0, ErrorKind::InvalidUrl, "{:?}", row.url),
        }
    }
}

// URL-01, URL-03, URL-04, URL-14 to URL-17
#[test]
fn refusals_say_what_is_wrong_in_the_words_of_requests() {
    let long = format!("http://{}/", "a".repeat(64));
    let long_text = format!("Failed to parse: '{}', label empty or too long", "a".repeat(64));
    for (text, kind, message) in [
        ("", ErrorKind::MissingSchema, "Invalid URL '': No scheme supplied. Perhaps you meant https://?"),
        ("h", ErrorKind::MissingSchema, "Invalid URL 'h': No scheme supplied. Perhaps you meant https://h?"),
        ("/p", ErrorKind::MissingSchema, "Invalid URL '/p': No scheme supplied. Perhaps you meant https:///p?"),
        (
            "//h/p",
            ErrorKind::MissingSchema,
            "Invalid URL '//h/p': No scheme supplied. Perhaps you meant https:////h/p?",
        ),
        (
            "http.x:80/",
            ErrorKind::MissingSchema,
            "Invalid URL 'http.x:80/': No scheme supplied. Perhaps you meant https://http.x:80/?",
        ),
        (
            "httpé://x/",
            ErrorKind::MissingSchema,
            "Invalid URL 'httpé://x/': No scheme supplied. Perhaps you meant https://httpé://x/?",
        ),
        ("http://", ErrorKind::InvalidUrl, "Invalid URL 'http://': No host supplied"),
        ("http:///p", ErrorKind::InvalidUrl, "Invalid URL 'http:///p': No host supplied"),
        ("http:/h/", ErrorKind::InvalidUrl, "Invalid URL 'http:/h/': No host supplied"),
        ("http:h", ErrorKind::InvalidUrl, "Invalid URL 'http:h': No host supplied"),
        // Without what may be secret, in which this differs from requests.
        ("http://?x#y", ErrorKind::InvalidUrl, "Invalid URL 'http://': No host supplied"),
        ("http:u@h?x", ErrorKind::InvalidUrl, "Invalid URL 'http:h': No host supplied"),
        (
            "h/@me?x",
            ErrorKind::MissingSchema,
            "Invalid URL 'h/@me': No scheme supplied. Perhaps you meant https://h/@me?",
        ),
        (
            "http.x:80/@me",
            ErrorKind::MissingSchema,
            "Invalid URL '...': No scheme supplied. Perhaps you meant https://...?",
        ),
        ("http://:80/", ErrorKind::InvalidUrl, "Invalid URL 'http://:80/': No host supplied"),
        ("http:\\\\h\\", ErrorKind::InvalidUrl, "Invalid URL 'http:\\\\h\\': No host supplied"),
        ("http://[/", ErrorKind::InvalidUrl, "Failed to parse: '[' is not a valid host or port"),
        ("http://a b/", ErrorKind::InvalidUrl, "Failed to parse: Host 'a b' contains invalid character ' '"),
        ("http://h:65536/", ErrorKind::InvalidUrl, "Failed to parse: port 65536 is above 65535"),
        ("http://*.h/", ErrorKind::InvalidUrl, "URL has an invalid label."),
        ("http://.h/", ErrorKind::InvalidUrl, "URL has an invalid label."),
        ("http://a..b/", ErrorKind::InvalidUrl, "Failed to parse: 'a..b', label empty or too long"),
        ("http://☃.net/", ErrorKind::InvalidUrl, "Failed to parse: Name '☃' is not a valid IDNA label"),
        (&long, ErrorKind::InvalidUrl, &long_text),
    ] {
        assert_eq!(refusal(text), (kind, message.to_owned()), "{text:?}");
    }
}

#[test]
fn no_refusal_shows_a_password() {
    for text in [
        "http://user:secret@/",
        "http://user:secret@a b/",
        "http://user:secret@h:x/",
        "http://user:sec/ret@h/",
        "http://user:sec#ret@h/",
        "http://user:sec?ret@h/",
        "http://user:9secret9/@h/",
        "http.user:secret@h/",
        "http://user:secret@*.h/",
        "http://user:secret@a..b/",
        "http+unix://user:secret@ü-/",
        "http:///user:secret@h/",
        "http:/user:secret@h/",
        "http:user:secret@h/",
        "http:\\user:secret@h/",
        "http:///corp/user:secret@h/",
        "http:///corp/user:sec?ret@h/",
        "http:/corp\\user:secret@h/",
        "https:corp\\user:secret@h:8080",
        "http:///key/secret@h/",
        "httpcorp/user:secret@h",
        "http:user:sec/ret@h/",
        "http:///user:sec?ret@h/",
        "httpuser:secret@h",
        "http.user:secret@h?x",
        "http://?secret",
        "h/?secret#secret",
    ] {
        let Err(error) = Url::parse(text) else { continue };
        let shown = format!("{error} {error:?}");
        for secret in ["secret", "sec", "ret@"] {
            assert!(!shown.contains(secret), "{text:?}: {shown}");
        }
    }
}

// URL-02
#[test]
fn leading_white_space_is_cut_and_trailing_is_encoded() {
    assert_eq!(url(" \t\n\u{1c}\u{a0}http://h/x \n"), "http://h/x%20%0A");
}

// URL-01, ADPT-07
#[test]
fn other_schemes_stay_as_written_and_have_parts_as_far_as_they_go() {
    for (text, scheme, host, port, path, query, target) in [
        ("foo://Bar:8/baz qux?%zz#é", "foo", "bar", Some(8), "/baz qux", Some("%zz"), "/baz qux?%zz"),
        ("FOO://x", "foo", "x", None, "", None, "/"),
        ("FOO://x?", "foo", "x", None, "", Some(""), "/"),
        ("mailto:a@b", "mailto", "", None, "a@b", None, "a@b"),
        ("localhost:3128", "localhost", "", None, "3128", None, "3128"),
        ("127.0.0.1:80/x", "", "", None, "127.0.0.1:80/x", None, "127.0.0.1:80/x"),
        ("//h:80/x", "", "h", Some(80), "/x", None, "/x"),
        ("ftp://u:p@[::1]:21/é", "ftp", "::1", Some(21), "/é", None, "/é"),
        ("x://[é", "x", "é", None, "", None, "/"),
        ("x://h:port/", "x", "h", None, "/", None, "/"),
        (":", "", "", None, ":", None, ":"),
    ] {
        let got = url(text);
        assert_eq!(got.as_str(), text);
        assert!(!got.is_http());
        assert_eq!(
            (got.scheme(), got.host(), got.port(), got.path(), got.query(), got.target()),
            (scheme, host, port, path, query, target),
            "{text:?}"
        );
        assert_eq!(got.with_query("a=1").unwrap(), got, "params are not added");
    }

    // What starts with "http" is split and joined again, but only http and https are normalized.
    let unix = url("http+unix://%2Fvar%2Frun/../x y?q");
    assert_eq!((unix.as_str(), unix.is_http()), ("http+unix://%2Fvar%2Frun/../x%20y?q", false));
    assert_eq!(unix.with_query("a=1").unwrap(), "http+unix://%2Fvar%2Frun/../x%20y?q&a=1");
}

#[test]
fn parts_of_a_url() {
    let got = url("HTTPS://us%40er:p%3Aw%2F@Host.Example.:8443/a%20b;c?q=1#f");

    assert_eq!(got.as_str(), "https://us%40er:p%3Aw%2F@host.example.:8443/a%20b;c?q=1#f");
    assert_eq!((got.scheme(), got.host(), got.port()), ("https", "host.example.", Some(8443)));
    assert_eq!((got.path(), got.query(), got.fragment()), ("/a%20b;c", Some("q=1"), Some("f")));
    assert_eq!((got.username().as_deref(), got.password().as_deref()), (Some("us@er"), Some("p:w/")));
    assert_eq!((got.target(), &*got.host_header()), ("/a%20b;c?q=1", "host.example:8443"));
    assert_eq!(got.absolute_target(), "https://host.example.:8443/a%20b;c?q=1");
    assert_eq!(got.without_user_info(), "https://host.example.:8443/a%20b;c?q=1#f");
    assert_eq!((got.port_or_default(), url("https://h").port_or_default()), (Some(8443), Some(443)));
    assert_eq!(got.user_info(), Some("us%40er:p%3Aw%2F"));
}

// AUTH-07
#[test]
fn user_and_password_are_told_apart() {
    for (text, user, password) in [
        ("http://h/", None, None),
        ("http://@h/", None, None),
        ("http://u@h/", Some("u"), None),
        ("http://u:@h/", Some("u"), Some("")),
        ("http://:p@h/", Some(""), Some("p")),
        ("http://u:p:q@h/", Some("u"), Some("p:q")),
        ("http://u@p@h/", Some("u@p"), None),
        ("http://%C3%BC:%ff@h/", Some("ü"), Some("\u{fffd}")),
    ] {
        let got = url(text);
        assert_eq!((got.username().as_deref(), got.password().as_deref()), (user, password), "{text:?}");
    }
}

// HDR-10, URL-17, URL-22
#[test]
fn host_header_leaves_out_what_goes_without_saying() {
    for (text, header, authority) in [
        ("http://h/", "h", "h"),
        ("http://h:80/", "h", "h:80"),
        ("https://h:80/", "h:80", "h:80"),
        ("https://h:443/", "h", "h:443"),
        ("http://h:/", "h", "h"),
        ("http://H.:81/", "h:81", "h.:81"),
        ("http://h./", "h", "h."),
        ("http://[::1]/", "[::1]", "[::1]"),
        ("http://[::1]:81/", "[::1]:81", "[::1]:81"),
        ("http://[::1]:80/", "[::1]", "[::1]:80"),
        ("http://[FE80::1%25Eth0]:81/", "[fe80::1]:81", "[fe80::1]:81"),
        ("http://u:p@0X7F.1:81/", "0x7f.1:81", "0x7f.1:81"),
        ("http://bücher/", "xn--bcher-kva", "xn--bcher-kva"),
    ] {
        let got = url(text);
        assert_eq!((&*got.host_header(), &*got.authority()), (header, authority), "{text:?}");
    }
}

// POOL-08
#[test]
fn hosts_differ_by_a_trailing_dot_and_not_by_case() {
    assert_eq!(url("http://h/").host(), url("HTTP://H:80/").host());
    assert_eq!(url("http://h/").port_or_default(), url("HTTP://H:80/").port_or_default());
    assert_ne!(url("http://h./").host(), url("http://h/").host());
    // An IPv4 shorthand keeps its case in the text, but not in the pool key.
    let shorthand = url("http://0X7F.1/");
    assert_eq!((shorthand.as_str(), shorthand.host()), ("http://0X7F.1/", "0x7f.1"));
}

// URL-18
#[test]
fn a_zone_is_written_one_way_and_leaves_other_escapes_alone() {
    for (text, want, host) in [
        ("http://[FE80::A%25Eth0]/a%20b", "http://[fe80::a%25Eth0]/a%20b", "fe80::a%25Eth0"),
        ("http://[fe80::a%eth0]/", "http://[fe80::a%25eth0]/", "fe80::a%25eth0"),
        ("http://[::FFFF:127.0.0.1]:80/", "http://[::ffff:127.0.0.1]:80/", "::ffff:127.0.0.1"),
    ] {
        let got = url(text);
        assert_eq!((got.as_str(), got.host()), (want, host));
        assert_eq!(url(want), got);
    }
}

// URL-25, URL-26, URL-12
#[test]
fn params_follow_the_query_and_precede_the_fragment() {
    for (text, extra, want, target) in [
        ("http://h/p?x=0#frag", "a=1", "http://h/p?x=0&a=1#frag", "/p?x=0&a=1"),
        ("http://h/p#frag", "a=1", "http://h/p?a=1#frag", "/p?a=1"),
        ("http://h?", "a=1", "http://h/?a=1", "/?a=1"),
        ("http://h/", "?a=1", "http://h/??a=1", "/??a=1"),
        ("http://h/?x", "&a=1", "http://h/?x&&a=1", "/?x&&a=1"),
        ("http://h/", "a=b c", "http://h/?a=b%20c", "/?a=b%20c"),
        ("http://h/", "a=é", "http://h/?a=%C3%A9", "/?a=%C3%A9"),
        ("http://h/", "a=%zz", "http://h/?a=%25zz", "/?a=%25zz"),
        ("http://h/", "a=100%", "http://h/?a=100%", "/?a=100%25"),
        ("http://h/", "a[]=1", "http://h/?a[]=1", "/?a%5B%5D=1"),
        ("http://h/", "a#b", "http://h/?a#b", "/?a"),
        ("http://h/p?x", "", "http://h/p?x", "/p?x"),
        ("https://u:p@ü:8/%20?y", "a", "https://u:p@xn--tda:8/%20?y&a", "/%20?y&a"),
    ] {
        let got = url(text).with_query(extra).unwrap();
        assert_eq!((got.as_str(), got.target()), (want, target), "{text:?} {extra:?}");
    }
}

// REDIR-16, REDIR-17, REDIR-18, REDIR-30; what requests 2.34.2 has as the next response's URL
#[test]
fn a_location_is_resolved_and_requoted() {
    let from = url("http://h:8/dir/sub/start?orig=1#ofrag");
    for (location, want, target) in [
        ("next", "http://h:8/dir/sub/next#ofrag", "/dir/sub/next"),
        ("./next", "http://h:8/dir/sub/next#ofrag", "/dir/sub/next"),
        ("../next", "http://h:8/dir/next#ofrag", "/dir/next"),
        ("../../../next", "http://h:8/next#ofrag", "/next"),
        ("/a/../next", "http://h:8/next#ofrag", "/next"),
        ("/next ", "http://h:8/next%20#ofrag", "/next%20"),
        ("/ne xt", "http://h:8/ne%20xt#ofrag", "/ne%20xt"),
        ("/é", "http://h:8/%C3%A9#ofrag", "/%C3%A9"),
        ("http://h:8?x=1", "http://h:8?x=1#ofrag", "/?x=1"),
        ("http://other", "http://other#ofrag", "/"),
        ("http:next", "http://h:8/next#ofrag", "/next"),
        ("next;p=1", "http://h:8/dir/sub/next;p=1#ofrag", "/dir/sub/next;p=1"),
        ("/next#new", "http://h:8/next#new", "/next"),
        ("/next#", "http://h:8/next#ofrag", "/next"),
        ("#new", "http://h:8/dir/sub/start?orig=1#new", "/dir/sub/start?orig=1"),
        ("?q=2", "http://h:8/dir/sub/start?q=2#ofrag", "/dir/sub/start?q=2"),
        ("?", "http://h:8/dir/sub/start?orig=1#ofrag", "/dir/sub/start?orig=1"),
        ("//", "http://h:8/dir/sub/start?orig=1#ofrag", "/dir/sub/start?orig=1"),
        ("//Other:81/x", "http://Other:81/x#ofrag", "/x"),
        ("HTTPS://Other/x", "https://Other/x#ofrag", "/x"),
        ("/next?u=http://b/c", "http://h:8/next?u=http://b/c#ofrag", "/next?u=http://b/c"),
        ("/next|x", "http://h:8/next%7Cx#ofrag", "/next%7Cx"),
        ("/%2e%2e/next", "http://h:8/next#ofrag", "/next"),
        ("/next%0d%0aX: y", "http://h:8/next%0d%0aX:%20y#ofrag", "/next%0D%0AX:%20y"),
        ("\tnext", "http://h:8/dir/sub/next#ofrag", "/dir/sub/next"),
        ("/next\tx\r\n", "http://h:8/nextx#ofrag", "/nextx"),
        (":", "http://h:8/dir/sub/:#ofrag", "/dir/sub/:"),
        ("..", "http://h:8/dir/#ofrag", "/dir/"),
        ("next/../other", "http://h:8/dir/sub/other#ofrag", "/dir/sub/other"),
        ("http://lu:lp@other/", "http://lu:lp@other/#ofrag", "/"),
        ("http://bücher/", "http://xn--bcher-kva/#ofrag", "/"),
        ("mailto:a@b", "mailto:a@b#ofrag", "a@b"),
        ("unknown://x/y", "unknown://x/y#ofrag", "/y"),
    ] {
        let got = from.redirect(location).unwrap_or_else(|error| panic!("{location:?}: {error}"));
        assert_eq!((got.as_str(), got.target()), (want, target), "{location:?}");
        assert_eq!(got.host(), got.host().to_lowercase());
    }

    for location in [
        "http://a.%01/",
        "//a%0a%0d/",
        "http://user@%7f:80/",
        "https://",
        "http://[::1/next",
        "http://.bad/",
        "http://h:99999/",
        "http://☃/",
        "https://:80/",
    ] {
        assert_eq!(from.redirect(location).expect_err(location).kind(), ErrorKind::InvalidUrl);
    }
}

// REDIR-16 for adapters of other schemes, where requests gives up
#[test]
fn a_relative_location_works_for_any_scheme_with_an_authority() {
    assert_eq!(url("mock://h/a/b").redirect("../c").unwrap(), "mock://h/c");
    assert_eq!(url("mock://h/a/b").redirect("//g/c").unwrap(), "mock://g/c");
}

// TBELT-10
#[test]
fn a_base_is_joined_by_the_rules_for_relative_references() {
    let base = url("http://h/api/v1");
    for (text, want) in [
        ("users", "http://h/api/users"),
        ("/users", "http://h/users"),
        ("", "http://h/api/v1"),
        ("http://o/x y", "http://o/x%20y"),
        ("//o:80/x", "http://o:80/x"),
        ("ä?ö#ü", "http://h/api/%C3%A4?%C3%B6#%C3%BC"),
        ("foo://x", "foo://x"),
    ] {
        assert_eq!(text.resolve(Some(&base)).unwrap(), want);
        assert_eq!(String::from(text).resolve(Some(&base)).unwrap(), want);
    }
    assert_eq!(url("http://o/").resolve(Some(&base)).unwrap(), "http://o/");
    assert_eq!((url("//o:80/x")).resolve(Some(&base)).unwrap(), "http://o:80/x");
    assert_eq!("http://h".resolve(None).unwrap(), "http://h/");
    assert_eq!("users".resolve(None).unwrap_err().kind(), ErrorKind::MissingSchema);
}

#[test]
fn values_of_the_url_crate_convert_both_ways() {
    let theirs = ::url::Url::parse("http://u:p@Bücher.example:80/a b?c='#d").unwrap();

    let ours = Url::from(theirs);
    assert_eq!(ours, "http://u:p@xn--bcher-kva.example/a%20b?c=%27#d");
    assert_eq!(::url::Url::try_from(&ours).unwrap().as_str(), ours.as_str());
    assert_eq!(::url::Url::try_from(&url("//h:1/")).unwrap_err().kind(), ErrorKind::InvalidUrl);

    // Ours refuses some of theirs.
    let long = format!("http://{}/", "a".repeat(64));
    assert_eq!(Url::from(::url::Url::parse(&long).unwrap()), long.as_str());
}

#[test]
fn debug_and_errors_leave_user_info_out() {
    for (text, shown) in [
        ("http://user:secret@h/x", "Url(\"http://h/x\")"),
        ("foo://user:secret@h/x", "Url(\"foo://h/x\")"),
        ("user:secret@h/x", "Url(\"h/x\")"),
        ("//user:secret@h:80/x", "Url(\"//h:80/x\")"),
        ("mailto:a@b", "Url(\"mailto:a@b\")"),
        ("http://h/@x", "Url(\"http://h/@x\")"),
    ] {
        assert_eq!(format!("{:?}", url(text)), shown);
        assert_eq!(url(text).to_string(), text);
    }
}

#[test]
fn texts_of_errors_leave_the_query_out_too() {
    for (text, shown) in [
        ("http://user:secret@h:8/x?secret#secret", "http://h:8/x"),
        ("https://h/#secret", "https://h/"),
        ("http://h/@x?a@b", "http://h/@x"),
        ("foo://user:secret@h/x?secret", "foo://h/x"),
        ("foo://h/x?secret@b", "foo://h/x"),
        ("user:secret@h/x?secret", "h/x"),
        ("user:sec?ret@h/x?secret", "h/x"),
        ("user:sec/ret@h#secret", "h"),
        ("mailto:a@b?secret", "mailto:a@b"),
        ("localhost:3128", "localhost:3128"),
    ] {
        assert_eq!(url(text).for_errors(), shown);
    }
}

#[test]
fn equality_order_and_hash_go_by_the_text() {
    use std::collections::{BTreeSet, HashSet};

    let spellings = ["http://h/a", "HTTP://H/a", "http://h/b/../a", " http://h/a"];
    assert_eq!(spellings.iter().map(|text| url(text)).collect::<HashSet<_>>().len(), 1);
    let ordered: BTreeSet<Url> = ["http://h/b", "http://h/a"].iter().map(|text| url(text)).collect();
    assert_eq!(ordered.first().unwrap(), &"http://h/a");
    // The same text, but the buffers differ after it.
    assert_eq!(url("http://h/").redirect("http://h").unwrap(), "http://h");
}

#[test]
fn the_one_pass_over_a_prepared_url_finds_what_the_whole_rules_find() {
    for text in [
        "http://127.0.0.1:8080/path/to/x.json?x=1&y=%20#frag",
        "https://example.com/",
        "http://h./a.b/.../%2F",
        "http://a_b-c.d1/?q",
        "http://h:65535/#f",
    ] {
        let quick = url(text);
        let whole = layout::lay_out(text.into(), layout::Demand::Http).unwrap();
        assert_eq!(&*quick.buffer, text, "nothing behind the text");
        for (a, b) in [
            (quick.scheme(), whole.scheme()),
            (quick.host(), whole.host()),
            (quick.path(), whole.path()),
            (quick.target(), whole.target()),
            (&*quick.authority(), &*whole.authority()),
        ] {
            assert_eq!(a, b, "{text}");
        }
        assert_eq!((quick.port(), quick.query(), quick.fragment()), (whole.port(), whole.query(), whole.fragment()));
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_prepared_or_refused_and_what_is_prepared_can_be_sent(
        text in "(http://|https://|HTTP://u:p@|)[a-zA-Z0-9:/?#@%\\.\\[\\]é☃ \\\\|~-]{0,24}",
        reference in "[a-z0-9:/?#@%\\.;é \\[\\]-]{0,16}",
    ) {
        let Ok(got) = Url::parse(&text) else { return Ok(()) };
        let moved = got.redirect(&reference).ok();
        for url in moved.iter().chain([&got]) {
            let _ = (url.host_header(), url.absolute_target(), url.username(), url.password(), format!("{url:?}"));
            if url.is_http() {
                proptest::prop_assert!(url.target().starts_with('/'));
                proptest::prop_assert!(url.target().bytes().all(|b| b.is_ascii_graphic() && b != b'#'));
                proptest::prop_assert!(url.host().bytes().all(|b| b.is_ascii_graphic()));
                proptest::prop_assert!(!url.host().is_empty() && url.path().starts_with('/'));
            }
        }
        if got.is_http() {
            proptest::prop_assert_eq!(&Url::parse(got.as_str()).unwrap(), &got);
        }
    }
}
