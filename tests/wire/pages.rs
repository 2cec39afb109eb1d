//! Pages of a listing: which links count, what ends a listing, what goes along to the next page.

use petition::testing::{MockAdapter, Reply, TestServer};
use petition::{
    BearerAuth, Error, ErrorKind, Pages, PreparedRequest, Request, Response, ResponseBuilder, Result, Session,
};

use crate::support::{authorizations, mocked, session, session_at};

fn page(link: &str) -> ResponseBuilder {
    Response::builder(200).header("Link", link)
}

fn last() -> ResponseBuilder {
    Response::builder(200)
}

/// Where a listing led that starts at `http://a.test/1` and whose answers are these.
fn way(answers: impl IntoIterator<Item = ResponseBuilder>) -> (Vec<String>, Option<Error>) {
    let (session, mock) = mocked(answers);
    let (_, error) = read(session.paginate(start(&session)));
    (mock.requests().iter().map(|request| request.url.as_str().to_owned()).collect(), error)
}

fn start(session: &Session) -> PreparedRequest {
    session.get("http://a.test/1").prepare().unwrap()
}

/// The pages up to the end or an error, behind which nothing comes.
fn read(mut pages: Pages<'_>) -> (Vec<Response>, Option<Error>) {
    let mut read = Vec::new();
    loop {
        match pages.next() {
            Some(Ok(page)) => read.push(page),
            Some(Err(error)) => {
                assert!(pages.next().is_none(), "an error is the last");
                return (read, Some(error));
            }
            None => return (read, None),
        }
    }
}

// RESP-32
#[test]
fn the_link_to_the_next_page_is_found_however_it_is_written() {
    for (link, next) in [
        ("<http://a.test/2;v=1?x=1,2>; rel=next", Some("http://a.test/2;v=1?x=1,2")),
        ("</2>; title=\"a; b\"; rel=\"next\"", Some("http://a.test/2")),
        ("</2>; title=\"a=b, <c>\"; rel=\"next\"", Some("http://a.test/2")),
        ("</2>; flag; rel=next", Some("http://a.test/2")),
        ("</2>; Rel=next", Some("http://a.test/2")),
        ("</2>; rel=\"Next\"", Some("http://a.test/2")),
        ("</2>; rel=\"prefetch NEXT\"", Some("http://a.test/2")),
        ("</2>; rel=next; rel=prev", Some("http://a.test/2")),
        ("</0>; rel=\"prev\", </2>;rel=\"next\",</9>;rel=\"last\"", Some("http://a.test/2")),
        ("</2>; rel='next'", Some("http://a.test/2")),
        ("?p=\u{c3}\u{a9}; rel=next", Some("http://a.test/1?p=%C3%A9")),
        ("</2>; rel=next; anchor=\"#list\"", Some("http://a.test/2")),
        ("</2>; rel=next; anchor=\"\"", Some("http://a.test/2")),
        ("</2>; rel=next; anchor=\"http://u:p@a.test:80/1#top\"", Some("http://a.test/2")),
        ("</2>; rel=next; anchor=\"http://a.test:81/1\"", None),
        ("</2>; rel=next; anchor=\"/other\"", None),
        ("</2>; rel=prev; rel=next", None),
        ("</2>; rel=nextish", None),
        ("</2>; title=\"x; rel=next\"", None),
        ("</2>", None),
    ] {
        let (urls, error) = way([page(link), last()]);

        let want: Vec<_> = ["http://a.test/1"].into_iter().chain(next).collect();
        assert_eq!(urls, want, "{link}");
        assert!(error.is_none(), "{link}");
    }

    let two = Response::builder(200).header("Link", "</0>; rel=\"open").header("Link", "</2>; rel=next");
    assert_eq!(way([two, last()]).0.len(), 2, "one header does not swallow the next");
}

// A link about another document is not followed, so a page that is not known as itself would end the listing.
#[test]
fn an_anchor_names_the_page_however_both_are_written() {
    for (page_url, anchor) in [
        ("http://a.test/\u{e9}", "/\u{c3}\u{a9}"),
        ("http://a.test/\u{e9}", "/%c3%a9"),
        ("http://a.test/\u{e9}?\u{e9}", "/\u{c3}\u{a9}?\u{c3}\u{a9}#top"),
        ("http://a.test/a%2fb", "/a%2fb"),
        ("http://a.test/%7ea", "/~a"),
        ("http://\u{fc}.test/", "//xn--tda.test/"),
    ] {
        let link = format!("</2>; rel=next; anchor=\"{anchor}\"");
        let (session, mock) = mocked([page(&link), last()]);

        let (pages, error) = read(session.paginate(session.get(page_url).prepare().unwrap()));

        assert!(error.is_none() && pages.len() == 2, "{page_url} {anchor}: {error:?}");
        assert_eq!(mock.requests()[1].url.path(), "/2");
    }
    // The URL that a redirect led to is kept as it was written.
    for (location, anchor) in
        [("/a%2fb", ""), ("/a%2fb", "#x"), ("/a%2fb", "/a%2Fb"), ("?%7e", "?~"), ("//a.test", "/")]
    {
        let to = Response::builder(302).header("Location", location);

        let (urls, error) = way([to, page(&format!("</2>; rel=next; anchor=\"{anchor}\"")), last()]);

        assert!(error.is_none() && urls.len() == 3, "{location} {anchor}: {urls:?}");
    }
}

// docs/decisions.md#pagination
#[test]
fn a_page_that_is_none_is_an_error_and_not_the_end() {
    for status in [204, 206, 299] {
        assert!(way([Response::builder(status)]).1.is_none(), "{status}");
    }
    for (status, text) in [
        (503, "503 Server Error: Service Unavailable for url: http://a.test/2"),
        (404, "404 Client Error: Not Found for url: http://a.test/2"),
        (429, "429 Client Error: Too Many Requests for url: http://a.test/2"),
        (304, "304 Unexpected Status: Not Modified for url: http://a.test/2"),
        (302, "302 Unexpected Status: Found for url: http://a.test/2"), // without a Location
    ] {
        let answers = || {
            [
                page("</2?key=secret#2>; rel=next").body("one"),
                Response::builder(status).header("Link", "</3>; rel=next"),
            ]
        };

        let (session, mock) = mocked(answers());
        let (pages, error) = read(session.paginate(start(&session)));

        let error = error.expect("a listing that does not end");
        assert_eq!((pages.len(), pages[0].text().unwrap().as_str()), (1, "one"));
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::HttpError, text));
        assert_eq!(error.response().map(|response| response.status_code().as_u16()), Some(status));
        assert_eq!(mock.requests().len(), 2);

        let (session, mock) = mocked(answers().into_iter().chain([last()]));
        let (pages, error) = read(session.paginate(start(&session)).any_status());
        let statuses: Vec<u16> = pages.iter().map(|page| page.status_code().as_u16()).collect();
        assert!(error.is_none());
        assert_eq!((statuses, mock.requests().len()), (vec![200, status, 200], 3));
    }
}

#[test]
fn a_listing_that_leads_back_ends_with_an_error_behind_its_pages() {
    for answers in [
        vec!["</1>; rel=next"],
        vec!["<#more>; rel=next"],
        vec!["<>; rel=next"],
        vec!["</2>; rel=next", "</1#x>; rel=next"],
        vec!["</2>; rel=next", "</3>; rel=next", "</2>; rel=next"],
    ] {
        let (session, mock) = mocked(answers.iter().map(|link| page(link)));
        let (pages, error) = read(session.paginate(start(&session)));

        let error = error.expect("a listing without end");
        assert_eq!((pages.len(), mock.requests().len()), (answers.len(), answers.len()), "{answers:?}");
        assert_eq!(error.kind(), ErrorKind::InvalidUrl);
        assert!(error.to_string().contains("was there before"), "{error}");
        assert!(error.response().is_some());
    }

    // Over a redirect, from where it was led to, and to there, however it is written.
    for (location, link) in [("/here", "/1"), ("/here", "http://a.test:80/here"), ("/a%2fb", "/a%2fb")] {
        let to = Response::builder(302).header("Location", location);
        let (urls, error) = way([to, page(&format!("<{link}>; rel=next"))]);
        assert_eq!((urls.len(), error.map(|error| error.kind())), (2, Some(ErrorKind::InvalidUrl)), "{link}");
    }

    let links = ["</2?token=secret#secret>; rel=next"; 2];
    let error = way(links.map(page)).1.expect("a listing without end");
    assert_eq!(error.to_string(), "the next page was there before: http://a.test/2");
}

#[test]
fn a_link_that_cannot_be_followed_is_an_error_behind_its_page() {
    let (session, _) = mocked([page("<http://[::/>; rel=next").body("one")]);

    let (pages, error) = read(session.paginate(start(&session)));

    assert_eq!(pages.len(), 1);
    let error = error.unwrap();
    assert_eq!((error.kind(), error.response().is_some()), (ErrorKind::InvalidUrl, true));
}

// REDIR-27
#[test]
fn a_page_over_plain_http_is_refused_where_the_session_says_so() {
    for (from, to, refused) in [
        ("https://a.test/1", "http://a.test/2", true),
        ("https://a.test/1", "http://b.test/2", true),
        ("https://a.test/1", "https://b.test/2", false),
        ("http://a.test/1", "http://a.test/2", false),
        ("http://a.test/1", "https://a.test/2", false),
    ] {
        for allow in [true, false] {
            let (mut session, mock) = mocked([page(&format!("<{to}>; rel=next")), last()]);
            session.allow_downgrade = allow;

            let (pages, error) = read(session.paginate(session.get(from).prepare().unwrap()));

            let stops = refused && !allow;
            assert_eq!((pages.len(), mock.requests().len()), if stops { (1, 1) } else { (2, 2) }, "{from} {to}");
            assert_eq!(error.map(|error| error.kind()), stops.then_some(ErrorKind::InvalidUrl), "{from} {to}");
        }
    }
}

/// An auth that says for which URL it was asked.
fn signing(request: &mut PreparedRequest) -> Result<()> {
    let target = request.url.path().to_owned();
    request.headers.append("X-Signed", format!("{target} of {}", request.headers.len()))
}

// docs/decisions.md#auth-stays
#[test]
fn an_auth_is_asked_anew_for_each_page_of_its_origin_and_for_no_other() {
    let (session, mock) = mocked([
        page("</2>; rel=next"),
        page("<http://a.test:80/3>; rel=next"),
        page("<http://b.test/4>; rel=next"),
        last(),
    ]);
    let first = session.get("http://a.test/1").header("X-Signed", "by hand").auth(signing).prepare().unwrap();

    let (pages, error) = read(session.paginate(first));

    assert!(error.is_none() && pages.len() == 4);
    let requests = mock.requests();
    let count = requests[0].headers.len() - 1;
    for (index, request) in requests[..3].iter().enumerate() {
        let signed: Vec<_> = request.headers.get_all("x-signed").collect();
        assert_eq!(signed, ["by hand", &format!("/{} of {count}", index + 1)]);
    }
    assert!(!requests[3].headers.contains("x-signed"));
}

// docs/decisions.md#auth-stays: the cookies of a page are chosen anew, and then the auth sets its own
#[test]
fn an_auth_may_set_cookies_and_is_asked_anew_for_each_page() {
    let (session, mock) =
        mocked([page("</2>; rel=next"), page("</3>; rel=next"), page("<http://b.test/4>; rel=next"), last()]);
    session.cookies.insert("jar", "1");
    let auth = |request: &mut PreparedRequest| {
        let path = request.url.path().to_owned();
        request.headers.insert("Cookie", format!("path={path}"))?;
        request.headers.insert("X-Signed", path)
    };

    let (pages, error) = read(session.paginate(session.get("http://a.test/1").auth(auth).prepare().unwrap()));

    assert!(error.is_none() && pages.len() == 4);
    let requests = mock.requests();
    let sent: Vec<_> =
        requests.iter().map(|request| (request.headers.get("cookie"), request.headers.get("x-signed"))).collect();
    let of = |cookie, path| (Some(cookie), Some(path));
    assert_eq!(sent, [of("path=/1", "/1"), of("path=/2", "/2"), of("path=/3", "/3"), (Some("jar=1"), None)]);
}

#[test]
fn credentials_by_user_info_and_by_session_stay_with_their_origin() {
    let answers = || [page("</2>; rel=next"), page("<http://b.test/3>; rel=next"), last()];

    let (session, mock) = mocked(answers());
    read(session.paginate(session.get("http://u:p@a.test/1").prepare().unwrap()));
    let basic = Some("Basic dTpw".to_owned());
    assert_eq!(authorizations(&mock), [basic.clone(), basic, None]);

    let (mut session, mock) = mocked(answers());
    session.auth = Some(BearerAuth::new("t").into());
    read(session.paginate(start(&session)));
    let bearer = Some("Bearer t".to_owned());
    assert_eq!(authorizations(&mock), [bearer.clone(), bearer, None]);
}

#[test]
fn what_the_program_has_changed_since_goes_along_as_it_is() {
    let (session, mock) = mocked([page("</2>; rel=next"), last()]);
    let mut first = session.get("http://a.test/1").auth(BearerAuth::new("t")).prepare().unwrap();
    first.headers.insert("Authorization", "Own").unwrap();

    read(session.paginate(first));

    assert_eq!(authorizations(&mock), [Some("Own".to_owned()), Some("Own".to_owned())]);
}

#[cfg(feature = "digest")]
#[test]
fn digest_is_made_anew_for_each_page() {
    let server = TestServer::http(|request| {
        let said = request.header("authorization").unwrap_or_default();
        let next = request.target.trim_start_matches('/').parse::<u32>().unwrap() + 1;
        match said.contains(&format!("uri=\"{}\"", request.target)) {
            true if next > 4 => Reply::new(200),
            true => Reply::new(200).header("Link", format!("</{next}>; rel=next")),
            false => Reply::new(401).header("WWW-Authenticate", "Digest realm=r, nonce=n, qop=auth"),
        }
    });
    let session = session();
    let first = session.get(server.url("/1")).auth(petition::DigestAuth::new("u", "p")).prepare().unwrap();

    let (pages, error) = read(session.paginate(first));

    assert!(error.is_none() && pages.len() == 4);
    let counts: Vec<_> = server
        .requests()
        .iter()
        .map(|request| Some(request.header("authorization")?.split("nc=").nth(1)?.split(',').next()?.to_owned()))
        .collect();
    let count = |n: u32| Some(format!("{n:08}"));
    assert_eq!(counts, [None, count(1), count(2), count(3), count(4)], "once for each page, and refused once");
}

// REDIR-14
#[test]
fn cookies_and_a_host_of_the_programs_own_are_for_each_page_what_they_are_for_its_origin() {
    let server = TestServer::http(|request| match request.target.as_str() {
        "/1" => Reply::new(200).header("Set-Cookie", "c=1; Path=/").header("Link", "</2>; rel=next"),
        "/2" => Reply::new(200).header("Link", "<http://b.test/3>; rel=next"),
        _ => Reply::new(200),
    });
    let session = session_at(&server);
    session.cookies.set(petition::Cookie::new("b", "2").domain("b.test"));
    let first = session.prepare_request(Request::new("GET", "http://a.test/1").header("Host", "own.test")).unwrap();

    read(session.paginate(first));

    let requests = server.requests();
    let seen: Vec<_> =
        requests.iter().map(|request| (request.header("host").unwrap(), request.header("cookie"))).collect();
    assert_eq!(seen, [("own.test", None), ("own.test", Some("c=1")), ("b.test", Some("b=2"))]);
}

#[test]
fn nothing_is_sent_before_a_page_is_asked_for() {
    let mock = MockAdapter::new().reply(page("</2>; rel=next")).reply(last());
    let mut session = session();
    session.mount("http://", mock.clone());

    let mut pages = session.paginate(start(&session));
    assert_eq!(mock.requests().len(), 0);
    pages.next().unwrap().unwrap();
    assert_eq!(mock.requests().len(), 1);
}

// Headers that an auth of the program's own sets are made for each page of the origin, and for no other
#[test]
fn an_auth_of_ones_own_is_asked_for_each_page_of_its_origin() {
    let other = TestServer::http(|_| Reply::new(200));
    let next = other.url("/3");
    let server = TestServer::http(move |request| match request.target.as_str() {
        "/1" => Reply::new(200).header("Link", "</2>; rel=next"),
        _ => Reply::new(200).header("Link", format!("<{next}>; rel=next")),
    });
    let turn = std::sync::atomic::AtomicUsize::new(0);
    let auth = move |request: &mut petition::PreparedRequest| {
        let turn = turn.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        request.headers.insert("X-Key", format!("{} {turn}", request.url.path()))
    };
    let session = session();

    let start = session.get(server.url("/1")).auth(auth).prepare().unwrap();
    let (pages, error) = read(session.paginate(start));

    assert!(error.is_none() && pages.len() == 3, "{error:?}");
    let keys: Vec<_> =
        server.requests().iter().map(|request| request.header("x-key").unwrap_or("none").to_owned()).collect();
    assert_eq!(keys, ["/1 0", "/2 1"]);
    assert_eq!(other.requests()[0].header("x-key"), None);
}
