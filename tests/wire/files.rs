//! Bodies that are saved to files: what stands under the name, what becomes of what stood there, and what is left beside it.

use std::fs;

use crate::support::{TempDir, answer, fixed, once, session};
use petition::testing::TestServer;
use petition::{ErrorKind, Response};

const SHORT: &str = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc";

fn stream(server: &TestServer) -> Response {
    session().get(server.url("/")).stream(true).send().unwrap()
}

/// As a stream, and as kept content.
fn both(server: &TestServer) -> [Response; 2] {
    [stream(server), session().get(server.url("/")).send().unwrap()]
}

#[test]
fn a_second_save_of_a_stream_leaves_the_good_file_and_one_of_kept_content_writes_it_again() {
    let server = fixed(answer("whole"));
    let dir = TempDir::new();
    let path = dir.path().join("file");
    let [mut streamed, mut kept] = both(&server);

    streamed.save_to(&path).unwrap();
    let error = streamed.save_to(&path).unwrap_err();
    assert_eq!((error.kind(), fs::read(&path).unwrap().as_slice()), (ErrorKind::StreamConsumed, &b"whole"[..]));

    for _ in 0..2 {
        fs::write(&path, "old").unwrap();
        assert_eq!(kept.save_to(&path).unwrap(), 5);
        assert_eq!(fs::read(&path).unwrap(), b"whole");
    }
    assert_eq!(dir.names(), ["file"]);
}

#[test]
fn names_of_any_length_that_a_file_can_have_are_saved() {
    let server = fixed(answer("whole"));
    let dir = TempDir::new();
    if !dir.takes_long_names() {
        return;
    }
    for length in [1, 230, 241, 254, 255] {
        for mut response in both(&server) {
            let path = dir.path().join("n".repeat(length));
            response.save_to(&path).unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"whole");
        }
    }
    let long = "\u{e4}".repeat(127);
    stream(&server).save_to(dir.path().join(&long)).unwrap();

    let error = stream(&server).save_to(dir.path().join("n".repeat(300))).unwrap_err();

    assert_eq!((error.kind(), dir.names().len()), (ErrorKind::Io, 6));
}

#[test]
fn a_failure_of_any_kind_leaves_what_was_there_and_nothing_else() {
    let dir = TempDir::new();
    let (old, folder) = (dir.file("old", "old"), dir.path().join("folder"));
    fs::create_dir(&folder).unwrap();
    let server = fixed(answer("whole"));

    assert_eq!(stream(&once(SHORT)).save_to(&old).unwrap_err().kind(), ErrorKind::ChunkedEncodingError);
    assert_eq!(
        stream(&once(SHORT)).save_to(dir.path().join("new")).unwrap_err().kind(),
        ErrorKind::ChunkedEncodingError
    );
    let refused = [folder.clone(), folder.join(""), dir.path().join("new/"), dir.path().join("no/such"), old.join("x")];
    for path in refused.iter().map(|path| path.as_path()).chain(["", "..", "/"].map(std::path::Path::new)) {
        for mut response in both(&server) {
            let error = response.save_to(path).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Io, "{}", path.display());
            assert!(error.to_string().starts_with(&format!("cannot write {}: ", path.display())), "{error}");
        }
        // Nothing was read for a file that cannot be.
        let mut response = stream(&server);
        response.save_to(path).unwrap_err();
        assert_eq!(response.content().unwrap(), b"whole", "{}", path.display());
    }
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        stream(&server).save_to_with(&old, |_, _| panic!("as a program may"))
    }));
    assert!(panicked.is_err());

    let mut names = dir.names();
    names.sort();
    assert_eq!((names, fs::read(&old).unwrap().as_slice()), (vec!["folder".to_owned(), "old".to_owned()], &b"old"[..]));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}

#[cfg(unix)]
mod on_unix {
    use std::io::Read;
    use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
    use std::os::unix::net::UnixListener;
    use std::path::Path;
    use std::process::Command;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_link_is_followed_also_to_what_is_not_there_yet() {
        let (dir, elsewhere) = (TempDir::new(), TempDir::new());
        let target = elsewhere.file("target", "old");
        let at = |name: &str| dir.path().join(name);
        symlink(&target, at("absolute")).unwrap();
        symlink("absolute", at("relative")).unwrap();
        symlink("new", at("dangling")).unwrap();
        symlink("round", at("round")).unwrap();
        symlink(elsewhere.path(), at("folder")).unwrap();
        let server = fixed(answer("whole"));

        for (name, path) in
            [("relative", &target), ("dangling", &at("new")), ("folder/other", &elsewhere.path().join("other"))]
        {
            for mut response in both(&server) {
                response.save_to(at(name)).unwrap();
                assert_eq!(fs::read(path).unwrap(), b"whole", "{name}");
            }
        }
        assert_eq!(stream(&server).save_to(at("round")).unwrap_err().kind(), ErrorKind::Io);
        stream(&once(SHORT)).save_to(at("absolute")).unwrap_err();

        for link in ["absolute", "relative", "dangling", "round", "folder"] {
            assert!(fs::symlink_metadata(at(link)).unwrap().is_symlink(), "{link}");
        }
        assert_eq!((dir.names().len(), elsewhere.names().len()), (6, 2));
        assert_eq!(fs::read(&target).unwrap(), b"whole");
    }

    #[test]
    fn the_mode_is_kept_and_a_partial_file_is_never_more_open() {
        let server = fixed(answer("whole"));
        let dir = TempDir::new();
        let path = dir.path().join("file");
        for bits in [0o600, 0o640, 0o644, 0o755, 0o666, 0o700, 0o660] {
            fs::write(&path, "old").unwrap();
            set_mode(&path, bits);
            let mut partial = Vec::new();

            stream(&server)
                .save_to_with(&path, |_, _| {
                    let names = dir.names().into_iter().filter(|name| name != "file");
                    partial.extend(names.map(|name| mode(&dir.path().join(name))));
                })
                .unwrap();

            assert_eq!((mode(&path), fs::read(&path).unwrap().as_slice()), (bits, &b"whole"[..]), "{bits:o}");
            assert!(partial.len() == 1 && partial.iter().all(|mode| mode & !bits == 0), "{bits:o} {partial:?}");
        }
        // A new one is as any new file.
        let (own, any) = (dir.path().join("own"), dir.file("any", ""));
        stream(&server).save_to(&own).unwrap();
        assert_eq!(mode(&own), mode(&any));
    }

    /// A named pipe.
    fn fifo(path: &Path) {
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    }

    #[test]
    fn a_pipe_is_written_to_and_stays_one_also_by_a_link() {
        let server = fixed(answer("whole"));
        let dir = TempDir::new();
        let (path, link) = (dir.path().join("pipe"), dir.path().join("link"));
        fifo(&path);
        symlink("pipe", &link).unwrap();
        for path in [&path, &link] {
            for mut response in both(&server) {
                let reader = std::thread::spawn({
                    let path = path.clone();
                    move || fs::read(path).unwrap()
                });
                assert_eq!(response.save_to(path).unwrap(), 5);
                assert_eq!(reader.join().unwrap(), b"whole");
            }
        }
        // Nobody waits for a pipe to say that there is nothing for it.
        let mut response = stream(&server);
        response.copy_to(&mut std::io::sink()).unwrap();
        assert_eq!(response.save_to(&path).unwrap_err().kind(), ErrorKind::StreamConsumed);

        assert!(fs::symlink_metadata(&path).unwrap().file_type().is_fifo());
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(dir.names().len(), 2);
    }

    #[test]
    fn a_pipe_whose_reader_goes_is_an_error() {
        let dir = TempDir::new();
        let path = dir.path().join("pipe");
        fifo(&path);
        let server = fixed(answer(&"x".repeat(1 << 20)));
        let reader = std::thread::spawn({
            let path = path.clone();
            move || fs::File::open(path).unwrap().read_exact(&mut [0; 10]).unwrap()
        });

        let error = stream(&server).save_to(&path).unwrap_err();

        reader.join().unwrap();
        assert_eq!((error.kind(), dir.names().len()), (ErrorKind::Io, 1), "{error}");
    }

    #[test]
    fn a_socket_cannot_be_written_to_and_stays() {
        let dir = TempDir::new();
        let path = dir.path().join("socket");
        let _listener = UnixListener::bind(&path).unwrap();

        let error = stream(&fixed(answer("whole"))).save_to(&path).unwrap_err();

        assert_eq!((error.kind(), dir.names().len()), (ErrorKind::Io, 1));
        assert!(fs::metadata(&path).unwrap().file_type().is_socket());
    }

    #[test]
    fn a_device_is_written_to_and_stays_one() {
        let server = fixed(answer("whole"));
        let dir = TempDir::new();
        let link = dir.path().join("null");
        symlink("/dev/null", &link).unwrap();
        for path in [Path::new("/dev/null"), &link] {
            for mut response in both(&server) {
                assert_eq!(response.save_to(path).unwrap(), 5);
            }
        }
        assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
        assert_eq!(dir.names(), ["null"]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_device_that_is_full_is_an_error_that_names_it() {
        let error = stream(&fixed(answer("whole"))).save_to("/dev/full").unwrap_err();

        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.to_string().starts_with("cannot write /dev/full: "), "{error}");
        assert!(fs::metadata("/dev/full").unwrap().file_type().is_char_device());
    }

    /// A file that a process has open is the same one afterwards.
    #[cfg(target_os = "linux")]
    #[test]
    fn what_a_process_has_open_is_written_to() {
        use std::os::fd::AsRawFd;

        let dir = TempDir::new();
        let path = dir.file("output", "old and longer");
        let mut output = fs::File::options().read(true).write(true).open(&path).unwrap();

        stream(&fixed(answer("whole"))).save_to(format!("/proc/self/fd/{}", output.as_raw_fd())).unwrap();
        stream(&fixed(answer("whole"))).save_to(format!("/dev/fd/{}", output.as_raw_fd())).unwrap();

        let mut read = String::new();
        output.read_to_string(&mut read).unwrap();
        assert_eq!((read.as_str(), dir.names().len()), ("whole", 1));
    }
}
