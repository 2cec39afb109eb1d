//! Downloads: that they go on where a connection broke, with the same file or not at all, and what they leave behind.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use petition::testing::{FakeClock, Peer, Reply, TestRequest, TestServer};
use petition::{Cancel, ErrorKind, HttpAdapter, Retry, Session};

use crate::support::{TempDir, session_over};

/// A session that tries as often as this.
fn retrying(retries: u32) -> Session {
    session_over(HttpAdapter::builder().max_retries(Retry::new().total(retries)).build())
}

/// A server with one answer for each connection, in order, the last one for ever; it closes after each.
fn script(answers: &[String]) -> TestServer {
    let answers = answers.to_vec();
    let turn = AtomicUsize::new(0);
    TestServer::connections(move |peer: &mut Peer| {
        if peer.read_request().is_some() {
            let turn = turn.fetch_add(1, Ordering::SeqCst);
            peer.send(&answers[turn.min(answers.len() - 1)]);
        }
    })
}

/// What the server was asked for, each time.
fn ranges(server: &TestServer) -> Vec<(Option<String>, Option<String>)> {
    let header = |request: &TestRequest, name| request.header(name).map(str::to_owned);
    server.requests().iter().map(|request| (header(request, "range"), header(request, "if-range"))).collect()
}

fn asked(range: &str, validator: &str) -> (Option<String>, Option<String>) {
    (Some(range.to_owned()), Some(validator.to_owned()))
}

const NOTHING: (Option<String>, Option<String>) = (None, None);

/// The first five bytes of "0123456789", with these headers.
fn half(headers: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: 10\r\n\r\n01234")
}

fn whole(headers: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: 10\r\n\r\n0123456789")
}

const REST: &str = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 5\r\n\r\n56789";

const TAG: &str = "ETag: \"a\"\r\n";

/// A server that has `content` and sends parts of it.
fn origin(content: &Arc<Vec<u8>>) -> TestServer {
    let content = Arc::clone(content);
    TestServer::connections(move |peer: &mut Peer| {
        while let Some(request) = peer.read_request() {
            let range = request.header("range").filter(|_| request.header("if-range") == Some("\"v1\""));
            let from =
                range.map(|range| range.trim_start_matches("bytes=").trim_end_matches('-').parse::<usize>().unwrap());
            let total = content.len();
            let first = match from {
                None => "200 OK".to_owned(),
                Some(from) => format!("206 Partial Content\r\nContent-Range: bytes {from}-{}/{total}", total - 1),
            };
            let body = &content[from.unwrap_or(0)..];
            peer.send(format!("HTTP/1.1 {first}\r\nETag: \"v1\"\r\nContent-Length: {}\r\n\r\n", body.len()));
            peer.send(body);
        }
    })
}

/// A proxy to `server` that cuts the first `cuts` connections after `bytes` from it.
fn cutting(server: SocketAddr, cuts: usize, bytes: u64) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for (number, client) in listener.incoming().map_while(Result::ok).enumerate() {
            let Ok(server) = TcpStream::connect(server) else { return };
            let (mut up, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || std::io::copy(&mut up, &mut to));
            thread::spawn(move || {
                let limit = if number < cuts { bytes } else { u64::MAX };
                let _ = std::io::copy(&mut (&server).take(limit), &mut (&client));
                let _ = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
            });
        }
    });
    address
}

fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(next).flatten().take(length).collect()
}

#[test]
fn a_hundred_megabytes_arrive_whole_through_forty_cuts() {
    let content = Arc::new(noise(100_000_000));
    let server = origin(&content);
    let proxy = cutting(server.address(), 40, 2_400_000);
    let folder = TempDir::new();
    let (path, mut calls) = (folder.path().join("big.iso"), Vec::new());

    let url = format!("http://{proxy}/big.iso");
    let session = retrying(40);
    let done = session.get(&url).download(&path).on_progress(|done, total| calls.push((done, total))).run().unwrap();

    assert_eq!((done.bytes(), done.resumed(), done.path()), (100_000_000, true, &*path));
    assert!(std::fs::read(&path).unwrap() == *content, "the bytes are those of the server");
    assert_eq!((server.requests().len(), folder.names()), (41, vec!["big.iso".to_owned()]));
    assert!(calls.is_sorted(), "nothing is counted twice");
    assert_eq!((calls[0], calls.last()), ((0, Some(100_000_000)), Some(&(100_000_000, Some(100_000_000)))));
}

#[test]
fn one_break_more_than_there_are_retries_is_the_error_and_the_old_file_stays() {
    let content = Arc::new(noise(100_000));
    for (resume, left) in [(false, &["f"][..]), (true, &["f", "f.part", "f.part.state"])] {
        let server = origin(&content);
        let proxy = cutting(server.address(), 3, 10_000);
        let folder = TempDir::new();
        let path = folder.file("f", "old");

        let url = format!("http://{proxy}/f");
        let error = retrying(2).get(&url).download(&path).resume(resume).run().unwrap_err();

        assert_eq!(error.kind(), ErrorKind::ChunkedEncodingError, "{error}");
        assert_eq!(error.retries().unwrap().history().len(), 3);
        assert_eq!((std::fs::read(&path).unwrap(), server.requests().len()), (b"old".to_vec(), 3));
        let mut names = folder.names();
        names.sort();
        assert_eq!(names, left);
    }
}

#[test]
fn nothing_is_tried_again_by_default_or_where_reads_are_not() {
    for retry in [None, Some(Retry::new().total(5).read(false)), Some(Retry::new().total(5).allowed_methods(["PUT"]))] {
        let server = script(&[half(TAG), REST.to_owned()]);
        let folder = TempDir::new();
        let mut adapter = HttpAdapter::builder();
        if let Some(retry) = retry {
            adapter = adapter.max_retries(retry);
        }

        let session = session_over(adapter.build());
        let error = session.get(server.url("/f")).download(folder.path().join("f")).run().unwrap_err();

        assert_eq!((error.kind(), server.requests().len()), (ErrorKind::ChunkedEncodingError, 1), "{error}");
        assert!(folder.names().is_empty());
    }
}

#[test]
fn a_break_waits_as_long_as_any_other_failure_and_counts_with_them() {
    let unavailable = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n".to_owned();
    let server = script(&[
        half(TAG),
        unavailable,
        REST.replace("56789", "567"),
        REST.replace("5-9", "8-9").replace("Content-Length: 5\r\n\r\n56789", "Content-Length: 2\r\n\r\n89"),
    ]);
    let clock = FakeClock::new();
    let retry = Retry::new().total(3).backoff_factor(1.0).status_forcelist([503]);
    let session = session_over(HttpAdapter::builder().max_retries(retry).clock(clock.clone()).build());
    let folder = TempDir::new();
    let path = folder.path().join("f");

    let done = session.get(server.url("/f")).download(&path).run().unwrap();

    assert_eq!(std::fs::read(&path).unwrap(), b"0123456789");
    let slept: Vec<f64> = clock.slept().iter().map(std::time::Duration::as_secs_f64).collect();
    assert_eq!(slept, [2.0, 4.0], "the first retry is at once");
    assert_eq!(done.response().retries().unwrap().history().len(), 3);
    assert_eq!(
        ranges(&server)[1..],
        [asked("bytes=5-", "\"a\""), asked("bytes=5-", "\"a\""), asked("bytes=8-", "\"a\"")]
    );
}

#[test]
fn it_goes_on_with_the_same_file_only_and_otherwise_begins_anew() {
    let old = "Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT\r\n";
    let dated = format!("{old}Date: Tue, 14 Nov 2023 22:13:21 GMT\r\n");
    let range = |headers: &str, body: &str| format!("HTTP/1.1 206 Partial Content\r\n{headers}\r\n{body}");
    let anew = || vec![asked("bytes=5-", "\"a\""), NOTHING];
    let chunked =
        range("Content-Range: bytes 5-9/10\r\nTransfer-Encoding: chunked\r\n", "2\r\n56\r\n3\r\n789\r\n0\r\n\r\n");
    let cut_chunks = range("Content-Range: bytes 5-9/10\r\nTransfer-Encoding: chunked\r\n", "5\r\n56789\r\n");
    let until_close = range("Content-Range: bytes 5-9/10\r\n", "56789");
    let short = range("Content-Range: bytes 5-6/10\r\nContent-Length: 2\r\n", "56");
    let shorter = range("Content-Range: bytes 7-9/10\r\nContent-Length: 3\r\n", "789");
    let unknown = range("Content-Range: bytes 5-9/*\r\nContent-Length: 5\r\n", "56789");
    for (what, first, then, want) in [
        ("a strong ETag", half(TAG), vec![REST.to_owned()], vec![asked("bytes=5-", "\"a\"")]),
        (
            "a date with a later Date",
            half(&dated),
            vec![REST.to_owned()],
            vec![asked("bytes=5-", "Tue, 14 Nov 2023 22:13:20 GMT")],
        ),
        ("a date long ago", half(old), vec![REST.to_owned()], vec![asked("bytes=5-", "Tue, 14 Nov 2023 22:13:20 GMT")]),
        ("chunks", half(TAG), vec![chunked], vec![asked("bytes=5-", "\"a\"")]),
        ("chunks without the last one", half(TAG), vec![cut_chunks], vec![asked("bytes=5-", "\"a\"")]),
        ("up to the end of the connection", half(TAG), vec![until_close], vec![asked("bytes=5-", "\"a\"")]),
        (
            "a shorter part",
            half(TAG),
            vec![short, shorter],
            vec![asked("bytes=5-", "\"a\""), asked("bytes=7-", "\"a\"")],
        ),
        ("a length that is not told again", half(TAG), vec![unknown], vec![asked("bytes=5-", "\"a\"")]),
        ("no validator", half(""), vec![whole("")], vec![NOTHING]),
        ("a weak ETag", half("ETag: W/\"a\"\r\n"), vec![whole("")], vec![NOTHING]),
        ("a weak ETag with a date", half(&format!("ETag: W/\"a\"\r\n{old}")), vec![whole("")], vec![NOTHING]),
        ("no ranges", half(&format!("{TAG}Accept-Ranges: none\r\n")), vec![whole("")], vec![NOTHING]),
        ("a coding", half(&format!("{TAG}Content-Encoding: x-own\r\n")), vec![whole("")], vec![NOTHING]),
        ("nothing of the body", half(TAG).replace("01234", ""), vec![whole(TAG)], vec![NOTHING]),
        ("another file, whole", half(TAG), vec![whole("ETag: \"b\"\r\n")], vec![asked("bytes=5-", "\"a\"")]),
        ("another part", half(TAG), vec![REST.replace("5-9", "4-8"), whole("")], anew()),
        ("a part of another length", half(TAG), vec![REST.replace("/10", "/11"), whole("")], anew()),
        (
            "a part of another file",
            half(TAG),
            vec![REST.replace("Content-L", "ETag: \"b\"\r\nContent-L"), whole("")],
            anew(),
        ),
        (
            "several parts",
            half(TAG),
            vec![range("Content-Type: multipart/byteranges; boundary=x\r\nContent-Length: 0\r\n", ""), whole("")],
            anew(),
        ),
        (
            "more than the part",
            half(TAG),
            vec![range("Content-Range: bytes 5-6/10\r\nContent-Length: 5\r\n", "56789"), whole("")],
            anew(),
        ),
        (
            "416",
            half(TAG),
            vec![
                "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */3\r\nContent-Length: 0\r\n\r\n"
                    .to_owned(),
                whole(""),
            ],
            anew(),
        ),
    ] {
        let resumed = !then.iter().any(|answer| answer.contains("200 OK"));
        let answers: Vec<String> = std::iter::once(first).chain(then).collect();
        let server = script(&answers);
        let folder = TempDir::new();
        let path = folder.path().join("f");

        let done =
            retrying(1).get(server.url("/f")).download(&path).run().unwrap_or_else(|error| panic!("{what}: {error}"));

        assert_eq!(std::fs::read(&path).unwrap(), b"0123456789", "{what}");
        assert_eq!((done.bytes(), done.resumed()), (10, resumed), "{what}");
        assert_eq!(ranges(&server)[1..], want, "{what}");
        assert_eq!(folder.names(), ["f"], "{what}");
    }
}

#[test]
fn what_comes_after_it_began_anew_is_resumed_by_the_new_validator() {
    let second = half("ETag: \"b\"\r\n").replace("01234", "abcde");
    let server = script(&[half(TAG), second, REST.replace("56789", "fghij")]);
    let folder = TempDir::new();
    let (path, mut calls) = (folder.path().join("f"), Vec::new());

    let done = retrying(2)
        .get(server.url("/f"))
        .download(&path)
        .on_progress(|done, total| calls.push((done, total)))
        .run()
        .unwrap();

    assert_eq!((std::fs::read(&path).unwrap(), done.resumed()), (b"abcdefghij".to_vec(), true));
    assert_eq!(ranges(&server), [NOTHING, asked("bytes=5-", "\"a\""), asked("bytes=5-", "\"b\"")]);
    assert_eq!(calls, [0, 5, 0, 5, 5, 10].map(|done| (done, Some(10))));
}

#[test]
fn without_a_length_the_end_is_where_the_framing_ends() {
    let chunks = "HTTP/1.1 200 OK\r\nETag: \"a\"\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n".to_owned();
    let server = script(&[chunks, REST.to_owned()]);
    let open = script(&["HTTP/1.1 200 OK\r\n\r\n01234".to_owned()]);
    let folder = TempDir::new();
    let (path, mut totals) = (folder.path().join("f"), Vec::new());

    let done =
        retrying(1).get(server.url("/f")).download(&path).on_progress(|_, total| totals.push(total)).run().unwrap();
    assert_eq!((done.bytes(), std::fs::read(&path).unwrap()), (10, b"0123456789".to_vec()));
    assert_eq!(totals, [None, None, Some(10), Some(10)]);

    // Nothing tells an end from a break.
    assert_eq!(retrying(1).get(open.url("/f")).download(&path).run().unwrap().bytes(), 5);
}

#[test]
fn the_bytes_are_asked_for_as_they_are_and_a_coding_is_undone() {
    let server = script(&[whole("")]);
    let folder = TempDir::new();
    let path = folder.path().join("f");

    let session = retrying(0);
    session.get(server.url("/f")).download(&path).run().unwrap();
    session.get(server.url("/f")).header("Accept-Encoding", "gzip").download(&path).run().unwrap();
    session.get(server.url("/f")).remove_header("Accept-Encoding").download(&path).run().unwrap();

    let codings: Vec<_> =
        server.requests().iter().map(|request| request.header("accept-encoding").map(str::to_owned)).collect();
    assert_eq!(codings, ["identity", "gzip", "identity"].map(|text| Some(text.to_owned())));
}

#[cfg(feature = "gzip")]
#[test]
fn a_coded_body_is_decoded_into_the_file() {
    // printf 0123456789 | gzip -n
    let gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x33\x30\x34\x32\x36\x31\x35\x33\xb7\xb0\x04\0\xc6\xc7\x84\xa6\x0a\0\0\0";
    let server = TestServer::http(|_| {
        Reply::new(200).header("Content-Encoding", "gzip").header("ETag", "\"a\"").body(&gzip[..])
    });
    let folder = TempDir::new();
    let path = folder.path().join("f");

    let done = retrying(0).get(server.url("/f")).download(&path).resume(true).run().unwrap();

    assert_eq!((done.bytes(), std::fs::read(&path).unwrap()), (10, b"0123456789".to_vec()));
}

#[test]
fn the_next_run_goes_on_with_what_the_last_one_left() {
    let server = script(&[half(TAG), REST.to_owned()]);
    let folder = TempDir::new();
    let (path, mut calls) = (folder.file("f", "old"), Vec::new());
    let url = server.url("/f");

    retrying(0).get(&url).download(&path).resume(true).run().unwrap_err();
    assert_eq!(std::fs::read(folder.path().join("f.part")).unwrap(), b"01234");
    let note = std::fs::read_to_string(folder.path().join("f.part.state")).unwrap();
    assert!(note.contains("\"a\"") && !note.contains("http"), "{note}");

    let done = retrying(0)
        .get(&url)
        .download(&path)
        .resume(true)
        .on_progress(|done, total| calls.push((done, total)))
        .run()
        .unwrap();

    assert_eq!((done.bytes(), done.resumed(), done.response().status_code().as_u16()), (10, true, 206));
    assert_eq!((std::fs::read(&path).unwrap(), folder.names()), (b"0123456789".to_vec(), vec!["f".to_owned()]));
    assert_eq!(ranges(&server), [NOTHING, asked("bytes=5-", "\"a\"")]);
    assert_eq!(calls, [(5, Some(10)), (10, Some(10))]);
}

#[test]
fn a_part_of_which_nothing_is_known_is_not_gone_on_with() {
    let state = |folder: &TempDir| folder.path().join("f.part.state");
    for (what, spoil) in [
        ("no note", &(|folder: &TempDir| std::fs::remove_file(state(folder)).unwrap()) as &dyn Fn(&TempDir)),
        ("no note of ours", &|folder| std::fs::write(state(folder), "etag \"a\"\n").unwrap()),
        ("a longer part than the file", &|folder| drop(folder.file("f.part", "0123456789a"))),
        ("an empty part", &|folder| drop(folder.file("f.part", ""))),
        ("another URL", &|_| ()),
    ] {
        let server = script(&[half(TAG), whole(TAG)]);
        let folder = TempDir::new();
        let path = folder.path().join("f");
        retrying(0).get(server.url("/f")).download(&path).resume(true).run().unwrap_err();
        spoil(&folder);

        let other = if what == "another URL" { "/f?x" } else { "/f" };
        let done = retrying(0).get(server.url(other)).download(&path).resume(true).run().unwrap();

        assert_eq!((ranges(&server), done.resumed()), (vec![NOTHING, NOTHING], false), "{what}");
        assert_eq!(
            (std::fs::read(&path).unwrap(), folder.names()),
            (b"0123456789".to_vec(), vec!["f".to_owned()]),
            "{what}"
        );
    }
}

#[test]
fn a_whole_part_is_finished_by_asking_for_its_last_byte() {
    let last = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 9-9/10\r\nContent-Length: 1\r\n\r\n9";
    let server = script(&[half(TAG), last.to_owned()]);
    let folder = TempDir::new();
    let path = folder.path().join("f");
    retrying(0).get(server.url("/f")).download(&path).resume(true).run().unwrap_err();
    folder.file("f.part", "0123456789");

    let done = retrying(0).get(server.url("/f")).download(&path).resume(true).run().unwrap();

    assert_eq!((done.bytes(), std::fs::read(&path).unwrap()), (10, b"0123456789".to_vec()));
    assert_eq!(ranges(&server)[1], asked("bytes=9-", "\"a\""));
}

#[test]
fn a_name_that_leaves_no_room_for_a_part_downloads_without_one() {
    if !TempDir::new().takes_long_names() {
        return;
    }
    for (length, keeps) in [(244, true), (245, false), (250, false), (251, false), (255, false)] {
        let server = script(&[half(TAG), if keeps { REST.to_owned() } else { whole(TAG) }]);
        let folder = TempDir::new();
        let path = folder.path().join("n".repeat(length));

        retrying(0).get(server.url("/f")).download(&path).resume(true).run().unwrap_err();
        assert_eq!(folder.names().len(), if keeps { 2 } else { 0 }, "{length}");
        let done = retrying(0).get(server.url("/f")).download(&path).resume(true).run().unwrap();

        assert_eq!((std::fs::read(&path).unwrap(), done.resumed()), (b"0123456789".to_vec(), keeps), "{length}");
        assert_eq!(folder.names().len(), 1, "{length}");
    }
}

// Root may write to any file.
#[cfg(unix)]
#[test]
fn a_part_that_may_not_be_written_to_is_left_and_the_file_downloaded_beside_it() {
    use std::os::unix::fs::PermissionsExt;

    let folder = TempDir::new();
    let (path, part) = (folder.path().join("f"), folder.file("f.part", "theirs"));
    std::fs::set_permissions(&part, PermissionsExt::from_mode(0o444)).unwrap();
    let may_write = std::fs::OpenOptions::new().write(true).open(&part).is_ok();
    let server = script(&[whole(TAG)]);

    let done = retrying(0).get(server.url("/f")).download(&path).resume(true).run().unwrap();

    assert_eq!((std::fs::read(&path).unwrap(), done.resumed()), (b"0123456789".to_vec(), false));
    assert_eq!(std::fs::read(&part).ok(), (!may_write).then(|| b"theirs".to_vec()));
}

#[test]
fn what_cannot_be_removed_from_the_place_of_the_note_is_left_and_the_file_downloaded_beside_it() {
    let folder = TempDir::new();
    let (path, note) = (folder.path().join("f"), folder.path().join("f.part.state"));
    std::fs::create_dir(&note).unwrap();
    let server = script(&[whole(TAG)]);

    retrying(0).get(server.url("/f")).download(&path).resume(true).run().unwrap();

    assert_eq!((std::fs::read(&path).unwrap(), folder.names().len()), (b"0123456789".to_vec(), 2));
    assert!(note.is_dir());
}

#[cfg(unix)]
#[test]
fn what_others_put_beside_a_part_is_neither_written_to_nor_waited_for() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    let folder = TempDir::new();
    let precious = folder.file("precious", "precious");
    let [path, part, note] = ["f", "f.part", "f.part.state"].map(|name| folder.path().join(name));
    let fifo = || assert!(std::process::Command::new("mkfifo").arg(&note).status().unwrap().success());
    let link = |to| symlink(to, &note).unwrap();
    for put in [&fifo as &dyn Fn(), &|| link("precious"), &|| link("elsewhere")] {
        put();
        std::fs::set_permissions(folder.file("f", "old"), PermissionsExt::from_mode(0o600)).unwrap();
        std::fs::set_permissions(folder.file("f.part", "left"), PermissionsExt::from_mode(0o644)).unwrap();
        let server = script(&[half(TAG), REST.to_owned()]);

        retrying(0).get(server.url("/f")).download(&path).resume(true).run().unwrap_err();
        assert_eq!(std::fs::metadata(&part).unwrap().mode() & 0o777, 0o600);
        assert!(std::fs::read_to_string(&note).unwrap().contains("\"a\""));
        let done = retrying(0).get(server.url("/f")).download(&path).resume(true).run().unwrap();

        assert_eq!((std::fs::read(&path).unwrap(), done.resumed()), (b"0123456789".to_vec(), true));
        assert_eq!((std::fs::read(&precious).unwrap(), folder.names().len()), (b"precious".to_vec(), 2));
    }
}

#[test]
fn two_downloads_to_one_path_do_not_harm_each_other() {
    let content = Arc::new(noise(300_000));
    let server = origin(&content);
    let proxy = cutting(server.address(), 6, 60_000);
    let folder = TempDir::new();
    let path = folder.path().join("f");
    let url = format!("http://{proxy}/f");

    thread::scope(|scope| {
        let runs: Vec<_> =
            (0..4).map(|_| scope.spawn(|| retrying(10).get(&url).download(&path).resume(true).run())).collect();
        for run in runs {
            assert_eq!(run.join().unwrap().unwrap().bytes(), 300_000);
        }
    });

    assert!(std::fs::read(&path).unwrap() == *content);
    assert_eq!(folder.names(), ["f"]);
}

#[test]
fn who_cancels_in_the_middle_can_go_on_later() {
    let content = Arc::new(noise(1_000_000));
    let server = origin(&content);
    let folder = TempDir::new();
    let path = folder.path().join("f");
    let cancel = Cancel::new();

    let session = retrying(5);
    let stop = |done: u64, _: Option<u64>| {
        if done > 200_000 {
            cancel.cancel();
        }
    };
    let request = session.get(server.url("/f")).cancel(&cancel);
    let error = request.download(&path).resume(true).on_progress(stop).run().unwrap_err();
    assert!(error.is_cancelled(), "{error}");
    assert!(!path.exists());

    let done = session.get(server.url("/f")).download(&path).resume(true).run().unwrap();
    assert!(done.resumed() && std::fs::read(&path).unwrap() == *content);
}

#[test]
fn the_limit_on_the_whole_is_one_for_all_connections() {
    let server = script(&[half(TAG)]);
    let clock = FakeClock::new();
    let retry = Retry::new().total(100).backoff_factor(10.0);
    let mut session = session_over(HttpAdapter::builder().max_retries(retry).clock(clock.clone()).build());
    session.timeout = petition::Timeout::new().total(60);
    let folder = TempDir::new();

    let error = session.get(server.url("/f")).download(folder.path().join("f")).run().unwrap_err();

    assert_eq!(error.kind(), ErrorKind::TotalTimeout, "{error}");
    assert!(clock.slept().len() < 5 && folder.names().is_empty());
}

#[test]
fn a_status_that_is_no_file_is_an_error_with_its_response() {
    for status in
        ["404 Not Found", "500 Internal Server Error", "204 No Content", "206 Partial Content", "304 Not Modified"]
    {
        let server = script(&[format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n")]);
        let folder = TempDir::new();
        let path = folder.file("f", "old");

        let error = retrying(0).get(server.url("/f?key=secret")).download(&path).resume(true).run().unwrap_err();

        assert!(error.to_string().ends_with("/f"), "{error}");
        assert_eq!((error.kind(), error.status().unwrap().as_str()), (ErrorKind::HttpError, &status[..3]), "{error}");
        assert_eq!((std::fs::read(&path).unwrap(), folder.names()), (b"old".to_vec(), vec!["f".to_owned()]));
    }
}

#[test]
fn what_cannot_work_is_refused_before_anything_is_sent() {
    let server = script(&[whole("")]);
    let (session, folder) = (retrying(0), TempDir::new());
    let (url, path) = (server.url("/f"), folder.path().join("f"));
    for (request, resume) in [
        (session.head(&url), false),
        (session.post(&url), true),
        (session.get(&url).header("range", "bytes=1-"), false),
        (session.get(&url).header("If-Range", "\"a\""), false),
    ] {
        let error = request.download(&path).resume(resume).run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidSetting, "{error}");
    }
    let error = session.get(&url).download(folder.path().join("no/such/f")).resume(true).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    let error = session.get(&url).download(folder.path()).resume(true).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    assert_eq!((server.requests().len(), folder.names().len()), (0, 0));

    // The answer to a POST can be saved, whole or not at all.
    assert_eq!(session.post(&url).data("report").download(&path).run().unwrap().bytes(), 10);
}

#[test]
fn redirects_cookies_and_auth_are_those_of_any_request() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let server = {
        let seen = Arc::clone(&seen);
        TestServer::http(move |request| {
            let header = |name| request.header(name).unwrap_or("-").to_owned();
            seen.lock().unwrap().push((
                request.target.clone(),
                header("range"),
                header("cookie"),
                header("authorization"),
            ));
            match (request.target.as_str(), request.header("range")) {
                ("/f", _) => Reply::new(302).header("Location", "/g").header("Set-Cookie", "a=1"),
                (_, None) => Reply::raw(half(TAG)).then_close(),
                (_, Some(_)) => Reply::raw(REST),
            }
        })
    };
    let folder = TempDir::new();
    let path = folder.path().join("f");

    let session = retrying(1);
    let done = session.get(server.url("/f")).auth(("u", "p")).download(&path).run().unwrap();

    assert_eq!((std::fs::read(&path).unwrap(), done.response().history().len()), (b"0123456789".to_vec(), 1));
    let basic = "Basic dTpw";
    let row = |target: &str, range: &str, cookie: &str| (target.into(), range.into(), cookie.into(), basic.into());
    let want: Vec<(String, String, String, String)> =
        vec![row("/f", "-", "-"), row("/g", "-", "a=1"), row("/f", "bytes=5-", "a=1"), row("/g", "bytes=5-", "a=1")];
    assert_eq!(*seen.lock().unwrap(), want);
}

#[test]
fn an_adapter_without_retries_breaks_once() {
    struct Breaks(bool);
    impl Read for Breaks {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            if std::mem::replace(&mut self.0, true) {
                return Err(petition::Error::new(ErrorKind::ConnectionError, "broke").into());
            }
            out[..2].copy_from_slice(b"ab");
            Ok(2)
        }
    }
    let mut session = Session::new();
    session.trust_env = false;
    session.mount(
        "mock://",
        petition::adapter_fn(|_, _| {
            petition::Response::builder(200).header("ETag", "\"a\"").reader(Breaks(false)).build()
        }),
    );
    let folder = TempDir::new();

    let error = session.get("mock://h/f").download(folder.path().join("f")).run().unwrap_err();

    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::ConnectionError, "broke (h)"));
}

#[cfg(feature = "digest")]
#[test]
fn a_checksum_is_checked_over_all_parts_and_runs() {
    // printf 0123456789 | sha256sum
    let sum = "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882";
    let folder = TempDir::new();
    let path = folder.file("f", "old");

    let server = script(&[half(TAG), REST.to_owned()]);
    let session = retrying(0);
    session.get(server.url("/f")).download(&path).resume(true).sha256(sum).run().unwrap_err();
    let done = session.get(server.url("/f")).download(&path).resume(true).sha256(sum.to_uppercase()).run().unwrap();
    assert!(done.resumed());

    let server = script(&[half(TAG), REST.to_owned()]);
    retrying(1).get(server.url("/f")).download(&path).sha256(sum).run().unwrap();
    let server = script(&[half(TAG), whole("ETag: \"b\"\r\n")]);
    retrying(1).get(server.url("/f")).download(&path).sha256(sum).run().unwrap();

    for resume in [false, true] {
        let server = script(&[half(TAG), REST.replace("56789", "5678x")]);
        let error = retrying(1).get(server.url("/f")).download(&path).resume(resume).sha256(sum).run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ChecksumMismatch);
        assert!(error.to_string().contains(sum) && error.to_string().contains("127.0.0.1"), "{error}");
        assert_eq!((std::fs::read(&path).unwrap(), folder.names()), (b"0123456789".to_vec(), vec!["f".to_owned()]));
    }
    for bad in ["", "84d8", &"g".repeat(64)] {
        let error = session.get(server.url("/f")).download(&path).sha256(bad).run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidSetting);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_that_names_the_file() {
    let server = script(&[whole(TAG)]);

    let error = retrying(3).get(server.url("/f")).download("/dev/full").resume(true).run().unwrap_err();

    assert_eq!((error.kind(), server.requests().len()), (ErrorKind::Io, 1));
    assert!(error.to_string().contains("/dev/full"), "{error}");
}

#[cfg(unix)]
#[test]
fn what_was_given_to_a_pipe_is_not_given_again() {
    let folder = TempDir::new();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reading = |pipe: std::path::PathBuf| thread::spawn(move || std::fs::read(pipe).unwrap());

    let server = script(&[half(TAG), REST.to_owned()]);
    let reader = reading(pipe.clone());
    retrying(1).get(server.url("/f")).download(&pipe).run().unwrap();
    assert_eq!(reader.join().unwrap(), b"0123456789");

    let server = script(&[half(""), whole("")]);
    let reader = reading(pipe.clone());
    let error = retrying(1).get(server.url("/f")).download(&pipe).run().unwrap_err();
    assert_eq!((reader.join().unwrap(), error.kind()), (b"01234".to_vec(), ErrorKind::ChunkedEncodingError));
}

#[test]
fn one_shot_functions_download_too() {
    let server = script(&[whole("")]);
    let folder = TempDir::new();
    let path = folder.path().join("f");
    let mut last = 0;

    petition::get(server.url("/f"))
        .proxies([("all", "")])
        .download(&path)
        .on_progress(|done, _| last = done)
        .run()
        .unwrap();

    assert_eq!(last, 10);
    let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"!").unwrap();
}
