//! Users and passwords by host, from `~/.netrc`.
//!
//! The syntax is that of Python's `netrc`, and so is the rule that a file with a mistake is ignored. (But a `#` starts
//! a comment wherever a word can start; after an empty line Python takes that for a mistake.) requests reads the file
//! for every request. Here it is kept, and the file and the environment are looked at again at most once a second; that there
//! is no file costs one load to know. The lock guards only the copy; it is not held while the file is read.
//!
//! A file that cannot be read for want of descriptors is no file with a mistake: that is an error, and forgotten. Otherwise a
//! session that was made at a bad moment would send every request without its credentials.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;
use rustix::io::Errno;

use super::BasicAuth;
use crate::clock::{Absence, Moment};
use crate::error::{Error, ErrorKind, Result, as_source, system_reason};
use crate::text::latin1;
use crate::text::mark::{MARK, without_mark};
use crate::url::Url;

/// The netrc file named by the environment, as last seen.
#[derive(Default)]
pub(crate) struct Netrc {
    seen: Mutex<Option<Seen>>,
    /// Most users have no such file.
    absence: Absence,
}

/// How long a check of the file is valid.
const FRESH: Duration = Duration::from_secs(1);

#[derive(Clone)]
struct Seen {
    looked: Instant,
    stamp: Option<Stamp>,
    entries: Arc<Entries>,
}

/// What distinguishes one state of a file from another.
#[derive(Clone, PartialEq)]
struct Stamp {
    path: PathBuf,
    modified: Option<SystemTime>,
    size: u64,
    /// A FIFO or a device is not read: that would block, or never end.
    is_file: bool,
}

impl Netrc {
    /// The credentials for a host name without port. `env` looks up a variable; `now` is the time.
    pub(crate) fn credentials(
        &self,
        host: &str,
        env: &dyn Fn(&str) -> Option<OsString>,
        now: Moment,
    ) -> Result<Option<BasicAuth>> {
        if self.absence.is_known(now) {
            return Ok(None);
        }
        Ok(self.entries(env, now)?.find(host))
    }

    fn entries(&self, env: &dyn Fn(&str) -> Option<OsString>, moment: Moment) -> Result<Arc<Entries>> {
        let now = moment.now;
        let last = match &*self.seen.lock() {
            Some(seen) if now.saturating_duration_since(seen.looked) < FRESH => return Ok(Arc::clone(&seen.entries)),
            seen => seen.clone(),
        };
        let stamp = look(env);
        let entries = match last {
            Some(last) if last.stamp == stamp => last.entries,
            _ => Arc::new(stamp.as_ref().map(Entries::read).transpose()?.flatten().unwrap_or_default()),
        };
        if stamp.is_none() {
            self.absence.note(moment);
        }
        *self.seen.lock() = Some(Seen { looked: now, stamp, entries: Arc::clone(&entries) });
        Ok(entries)
    }
}

impl fmt::Debug for Netrc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Netrc").finish_non_exhaustive()
    }
}

/// Looks where the environment says that the file is; `None` if it is not there.
fn look(env: &dyn Fn(&str) -> Option<OsString>) -> Option<Stamp> {
    let below = |home: &Path, name: &Path| {
        let mut path = PathBuf::with_capacity(home.as_os_str().len() + "/".len() + name.as_os_str().len());
        path.push(home);
        path.push(name);
        stamp(path)
    };
    match env("NETRC").map(PathBuf::from) {
        // If set, it is the only place, even if no file is there.
        Some(path) => match path.strip_prefix("~") {
            Ok(name) => below(&home(env)?, name),
            Err(_) => stamp(path),
        },
        None => {
            let home = home(env)?;
            below(&home, Path::new(".netrc")).or_else(|| below(&home, Path::new("_netrc")))
        }
    }
}

/// `None` if there is no such file.
fn stamp(path: PathBuf) -> Option<Stamp> {
    let about = fs::metadata(&path).ok()?;
    Some(Stamp { path, modified: about.modified().ok(), size: about.len(), is_file: about.is_file() })
}

/// The home folder. Without the variable, which services often lack, it is the one that the system knows of the user, as for
/// Python's `expanduser`.
fn home(env: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let home = match env(if cfg!(windows) { "USERPROFILE" } else { "HOME" }) {
        Some(home) => Some(home.into()),
        #[allow(deprecated, reason = "until Rust 1.87, for what it did on Windows up to 1.84")]
        None => std::env::home_dir(),
    };
    home.filter(|home: &PathBuf| !home.as_os_str().is_empty())
}

/// By host, and `default`.
#[derive(Default)]
pub(crate) struct Entries {
    by_name: HashMap<String, Arc<Entry>>,
    /// Names that no URL has as they are written: those beyond ASCII by their punycode, all in lower case. They count where
    /// no name is the host itself.
    by_host: HashMap<String, Arc<Entry>>,
}

#[derive(Default)]
struct Entry {
    login: String,
    account: String,
    password: String,
}

impl Entries {
    /// `None` if it is unreadable or contains a mistake. An error if there is no descriptor to read it with.
    fn read(stamp: &Stamp) -> Result<Option<Self>> {
        if !stamp.is_file {
            return Ok(None);
        }
        let bytes = match fs::read(&stamp.path) {
            Ok(bytes) => bytes,
            Err(error) if is_shortage(&error) => return Err(cannot_read(stamp, error)),
            Err(_) => return Ok(None),
        };
        let text = String::from_utf8(without_mark(&bytes).into_owned());
        let text = text.unwrap_or_else(|error| latin1::to_text(error.as_bytes()));
        Ok(parse(&text))
    }

    fn insert(&mut self, name: String, entry: Entry) {
        let entry = Arc::new(entry);
        if let Some(host) = host_of_url(&name).filter(|host| *host != name) {
            self.by_host.insert(host, Arc::clone(&entry));
        }
        self.by_name.insert(name, entry);
    }

    /// An entry for the host counts even if it is empty; then there are no credentials.
    pub(crate) fn find(&self, host: &str) -> Option<BasicAuth> {
        let named = self.by_name.get(host).or_else(|| self.by_host.get(host));
        let entry = named.or_else(|| self.by_name.get("default"))?;
        let login = if entry.login.is_empty() { &entry.account } else { &entry.login };
        if login.is_empty() && entry.password.is_empty() {
            return None;
        }
        Some(BasicAuth::new(login, &entry.password))
    }
}

/// Whether there was no descriptor left, of the process or of the system.
fn is_shortage(error: &io::Error) -> bool {
    let is = |errno: Errno| error.raw_os_error() == Some(errno.raw_os_error());
    is(Errno::MFILE) || cfg!(unix) && is(NFILE)
}

#[cfg(unix)]
const NFILE: Errno = Errno::NFILE;
/// Windows has no such error.
#[cfg(not(unix))]
const NFILE: Errno = Errno::MFILE;

/// As a connection that cannot be made for the same reason: nothing was sent, and it may do a moment later.
fn cannot_read(stamp: &Stamp, error: io::Error) -> Error {
    let text = format!(
        "cannot read the netrc file {}: {}: no descriptor is left: use one Session for all threads, bound its connections \
         with pool_block or max_connections, or raise the limit of descriptors",
        stamp.path.display(),
        system_reason(&error)
    );
    let public = Error::message(ErrorKind::ConnectionError, text).unsent();
    match as_source(error) {
        Some(source) => public.with_source(source),
        None => public,
    }
}

/// The host as a URL has it; `None` if it can be none.
fn host_of_url(name: &str) -> Option<String> {
    // Most names are what they are in a URL.
    if name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte)) {
        return None;
    }
    // Nothing but a host may stand there: these end it, are in no host, or spell another character. A colon is part of an
    // address in brackets.
    let is_foreign = |byte: u8| byte.is_ascii_control() || b" /?#@\\%".contains(&byte);
    if name.bytes().any(is_foreign) || name.contains(':') && !name.ends_with(']') {
        return None;
    }
    let url = Url::parse(&format!("http://{name}/")).ok()?;
    Some(url.host().to_owned())
}

pub(crate) fn parse(text: &str) -> Option<Entries> {
    // Files that were put one after another have their byte-order marks in the middle.
    let text = text.replace("\r\n", "\n").replace('\r', "\n").replace(&format!("\n{MARK}"), "\n");
    let mut words = Words { rest: &text, pushed_back: None };
    let mut entries = Entries::default();
    loop {
        let word = words.next();
        let name = match word.text.as_str() {
            "" => return Some(entries),
            "machine" => words.next().text,
            // Python keeps it under this name.
            "default" => word.text,
            "macdef" => {
                words.next();
                words.skip_macro()?;
                continue;
            }
            text if text.starts_with('#') => {
                words.skip_comment(&word);
                continue;
            }
            _ => return None,
        };
        if name.is_empty() {
            return None;
        }
        entries.insert(name, words.entry()?);
    }
}

/// The words of a file.
struct Words<'a> {
    rest: &'a str,
    pushed_back: Option<Word>,
}

struct Word {
    /// Empty at the end of the file (and for `""`, as in Python).
    text: String,
    /// Whether the line ended directly after it.
    ended_line: bool,
}

impl Words<'_> {
    fn next(&mut self) -> Word {
        if let Some(word) = self.pushed_back.take() {
            return word;
        }
        let (mut text, mut ended_line) = (String::new(), false);
        let mut rest = self.rest.chars();
        let is_blank = |c: char| matches!(c, '\n' | '\t' | '\r' | ' ');
        let first = loop {
            match rest.next() {
                Some(c) if is_blank(c) => {}
                other => break other,
            }
        };
        let quoted = first == Some('"');
        let mut next = if quoted { rest.next() } else { first };
        while let Some(c) = next {
            match c {
                '"' if quoted => break,
                c if !quoted && is_blank(c) => {
                    ended_line = c == '\n';
                    break;
                }
                '\\' => text.extend(rest.next()),
                c => text.push(c),
            }
            next = rest.next();
        }
        self.rest = rest.as_str();
        Word { text, ended_line }
    }

    /// What follows the name of a machine, up to the next entry.
    fn entry(&mut self) -> Option<Entry> {
        let mut entry = Entry::default();
        loop {
            let word = self.next();
            match word.text.as_str() {
                "" | "machine" | "default" | "macdef" => {
                    self.pushed_back = Some(word);
                    return Some(entry);
                }
                "login" | "user" => entry.login = self.next().text,
                "account" => entry.account = self.next().text,
                "password" => entry.password = self.next().text,
                text if text.starts_with('#') => self.skip_comment(&word),
                _ => return None,
            }
        }
    }

    fn skip_comment(&mut self, start: &Word) {
        if !start.ended_line {
            self.skip_line();
        }
    }

    fn skip_line(&mut self) {
        self.rest = self.rest.split_once('\n').map_or("", |(_, rest)| rest);
    }

    /// A macro ends with an empty line, which is required.
    fn skip_macro(&mut self) -> Option<()> {
        while !self.rest.is_empty() {
            if let Some(rest) = self.rest.strip_prefix('\n') {
                self.rest = rest;
                return Some(());
            }
            self.skip_line();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::clock::Seconds;
    use crate::clock::now;
    use crate::temp_dir::TempDir;

    static SECONDS: LazyLock<Seconds> = LazyLock::new(Seconds::default);

    #[test]
    fn a_byte_order_mark_hides_no_machine() {
        let folder = TempDir::new();
        let text = "\u{feff}machine h login l password p";
        for (name, bytes) in [
            ("utf8", text.as_bytes().to_vec()),
            ("le", text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
            ("be", text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
        ] {
            let path = folder.file(name, bytes);

            let found = Netrc::default()
                .credentials("h", &|name| (name == "NETRC").then(|| path.clone().into()), SECONDS.at(now()))
                .unwrap();

            assert!(found == Some(BasicAuth::new("l", "p")), "{name}");
        }
    }

    // AUTH-12. What Python 3.11 makes of each; three hosts are looked up: h, g and one that is not there.
    #[test]
    fn files_mean_what_they_mean_to_python() {
        for (text, want) in [
            ("machine h login l password p\n", [Some(("l", "p")), None, None]),
            ("machine h\nlogin l\n\tpassword p", [Some(("l", "p")), None, None]),
            ("default login d password e", [Some(("d", "e")), Some(("d", "e")), Some(("d", "e"))]),
            ("machine h account a password p", [Some(("a", "p")), None, None]),
            ("machine h login \"a b\" password \"c\\\"d\"", [Some(("a b", "c\"d")), None, None]),
            ("machine h login a\\ b password x", [Some(("a b", "x")), None, None]),
            ("machine h user u password p machine g login m", [Some(("u", "p")), Some(("m", "")), None]),
            ("machine machine machine", [None, None, None]), // a mistake
            ("machine", [None, None, None]),                 // a mistake
            ("machine h login", [None, None, None]),
            ("machine h foo bar", [None, None, None]), // a mistake
            ("login x", [None, None, None]),           // a mistake
            ("# comment\nmachine h login l password p", [Some(("l", "p")), None, None]),
            ("machine g\n\u{feff}machine h login l password p\u{feff}", [Some(("l", "p\u{feff}")), None, None]),
            ("# a machine x login y\nmachine h login l password p", [Some(("l", "p")), None, None]),
            ("machine h # comment password q\nlogin l password p", [Some(("l", "p")), None, None]),
            ("machine h login l #x y z\npassword p", [Some(("l", "p")), None, None]),
            ("machine h login l #\npassword p", [Some(("l", "p")), None, None]),
            ("#\nmachine h login l", [Some(("l", "")), None, None]),
            ("machine h password #p login l", [Some(("l", "#p")), None, None]),
            ("macdef m\nfoo\nbar\n\nmachine h login l password p", [Some(("l", "p")), None, None]),
            ("macdef m\nfoo\nbar", [None, None, None]), // a mistake
            ("macdef m\n\nmachine h login l", [Some(("l", "")), None, None]),
            ("machine h login a password b machine h login c password d", [Some(("c", "d")), None, None]),
            ("machine default login x password y", [Some(("x", "y")), Some(("x", "y")), Some(("x", "y"))]),
            ("machine h", [None, None, None]),
            ("machine h default login d", [None, Some(("d", "")), Some(("d", ""))]),
            (
                "machine h login \"\" password p\nmachine g login q password r",
                [Some(("", "p")), Some(("q", "r")), None],
            ),
            ("machine h\r\nlogin l\r\npassword p\r\n", [Some(("l", "p")), None, None]),
            ("\n\n  machine\th\nlogin l password p#q", [Some(("l", "p#q")), None, None]),
            (
                "machine h login l password p macdef x\nabc\n\nmachine g login m password n",
                [Some(("l", "p")), Some(("m", "n")), None],
            ),
            (
                "machine h login l password p # trailing\nmachine g login m password n",
                [Some(("l", "p")), Some(("m", "n")), None],
            ),
            ("machine h #c\nlogin l password p", [Some(("l", "p")), None, None]),
            ("machine h login \"open", [Some(("open", "")), None, None]),
            ("machine h login l\\", [Some(("l", "")), None, None]),
            ("machine \"h\" login l password p", [Some(("l", "p")), None, None]),
            ("#", [None, None, None]),
            ("# ", [None, None, None]),
            ("#x", [None, None, None]),
            ("machine h login l password p\n#", [Some(("l", "p")), None, None]),
            ("macdef", [None, None, None]),                                   // a mistake
            ("machine h login l password p\nmacdef m\n", [None, None, None]), // a mistake
            ("default\n\ndefault login x", [Some(("x", "")), Some(("x", "")), Some(("x", ""))]),
        ] {
            let entries = parse(text).unwrap_or_default();

            let got = ["h", "g", "other"].map(|host| entries.find(host));

            let want = want.map(|found| found.map(|(user, password): (&str, &str)| BasicAuth::new(user, password)));
            assert!(got == want, "{text:?}");
        }
    }

    #[test]
    fn a_comment_may_follow_an_empty_line_and_need_not_have_a_blank() {
        let text = "#machine x\nmachine h login l\n\n# a comment\n#b c\npassword p\n\n#the end of it\n";

        let found = parse(text).unwrap().find("h");

        assert!(found == Some(BasicAuth::new("l", "p")));
    }

    // requests looks a host up as the URL has it, unprepared; here a URL has one form.
    #[test]
    fn a_machine_has_its_name_in_unicode_in_punycode_and_in_any_case() {
        let host = "xn--bcher-kva.example";
        for (name, want) in [
            ("b\u{fc}cher.example", true),
            ("B\u{dc}CHER.example", true),
            ("xn--bcher-kva.example", true),
            ("XN--BCHER-KVA.EXAMPLE", true),
            ("\"b\u{fc}cher.example\"", true),
            ("bucher.example", false),
            ("b\u{fc}cher.example:80", false),
            ("u@b\u{fc}cher.example", false),
            ("b\u{fc}cher.example/x", false),
            ("b\u{fc}cher.example#x", false),
            ("b\u{fc}cher.example?x", false),
            ("b\u{fc}cher.example:0", false),
            ("b\u{fc}cher.example:", false),
            ("@b\u{fc}cher.example", false),
            ("b\u{fc}cher.example/.", false),
            ("b\u{fc}cher.example\\\\x", false),
            ("b\u{fc}cher%2eexample", false),
            ("b\u{fc}cher.example.", false),
            ("B\u{dc}CHER.EXAMPLE.", false),
            ("\"b\u{fc}cher.example\t\"", false),
            ("\"b\u{fc}cher.example\n\"", false),
            ("\" b\u{fc}cher.example\"", false),
            ("b\u{fc}cher\u{3002}example", false),
            ("b\u{fc}cher.example\u{ff03}x", false),
            ("\u{2603}.example", false),
            ("sub.b\u{fc}cher.example", false),
        ] {
            let entries = parse(&format!("machine {name} login l password p")).unwrap();
            assert_eq!(entries.find(host).is_some(), want, "{name}");
        }
        let both = "machine b\u{fc}cher.example login a password a machine xn--bcher-kva.example login b password b";
        assert!(parse(both).unwrap().find(host) == Some(BasicAuth::new("b", "b")));
        let latin1 = latin1::to_text(b"machine b\xfccher.example login l password caf\xe9");
        assert!(parse(&latin1).unwrap().find(host) == Some(BasicAuth::new("l", "caf\u{e9}")));
    }

    #[test]
    fn what_is_more_than_a_host_is_no_host() {
        for (name, host, want) in [
            ("h", "h", true),
            ("H", "h", true),
            ("h#x", "h", false),
            ("h:0", "h", false),
            ("h:", "h", false),
            ("h:00080", "h", false),
            ("@h", "h", false),
            ("a:b@h", "h", false),
            ("h/.", "h", false),
            ("h/", "h", false),
            ("/h", "h", false),
            ("h?", "h", false),
            ("h\\\\x", "h", false),
            ("%68", "h", false),
            ("H%2E", "h.", false),
            ("H.", "h.", true),
            ("H.", "h", false),
            ("\"h\t\"", "h", false),
            ("\"h\n\"", "h", false),
            ("\"\\\nh\"", "h", false),
            ("\"h \"", "h", false),
            ("\"H\u{7f}\"", "h", false),
            ("\u{ff28}", "h", false),
            ("::1", "::1", true),
            ("[::1]", "::1", true),
            ("[FE80::A]", "fe80::a", true),
            ("[::1]:", "::1", false),
            ("[::1]:0", "::1", false),
            ("[::1]#]", "::1", false),
            ("[::1", "::1", false),
        ] {
            let entries = parse(&format!("machine {name} login l password p")).unwrap();
            assert_eq!(entries.find(host).is_some(), want, "{name}");
        }
    }

    /// A home folder, gone with the value.
    struct Home(TempDir);

    impl Home {
        fn new() -> Self {
            Self(TempDir::new())
        }

        fn write(&self, name: &str, user: &str) -> String {
            let path = self.0.file(name, format!("machine h login {user} password p"));
            path.to_str().unwrap().to_owned()
        }

        /// The user that is found with this `NETRC`, and this folder as the home.
        fn user(&self, netrc: &Netrc, variable: Option<&str>, now: Instant) -> Option<String> {
            let env = |name: &str| match name {
                "NETRC" => variable.map(OsString::from),
                "HOME" | "USERPROFILE" => Some(self.0.path().into()),
                _ => None,
            };
            let found = netrc.credentials("h", &env, SECONDS.at(now)).unwrap()?;
            ["one", "two", "new"].into_iter().find(|user| found == BasicAuth::new(*user, "p")).map(str::to_owned)
        }
    }

    #[test]
    fn the_variable_goes_before_the_two_files_of_the_home() {
        let home = Home::new();
        let user = |variable: Option<&str>| home.user(&Netrc::default(), variable, now());

        assert_eq!(user(None), None);
        home.write("_netrc", "two");
        assert_eq!(user(None).as_deref(), Some("two"));
        home.write(".netrc", "one");
        assert_eq!(user(None).as_deref(), Some("one"));
        let own = home.write("own", "new");
        assert_eq!(user(Some(&own)).as_deref(), Some("new"));
        assert_eq!(user(Some("~/own")).as_deref(), Some("new"));
        assert_eq!(user(Some("/missing/netrc")), None, "set, and nothing there: no file of the home");
        assert_eq!(user(Some("")), None);
        assert_eq!(user(Some(home.0.path().to_str().unwrap())), None, "a folder is no file");
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_is_no_text_is_a_path() {
        use std::os::unix::ffi::OsStringExt;

        let odd = || OsString::from_vec(b"caf\xe9".to_vec());
        let home = Home::new();
        home.write(".netrc", "one");
        let found = |netrc: OsString, home: &Path| {
            let env = |name: &str| Some(if name == "NETRC" { netrc.clone() } else { home.into() });
            let found = Netrc::default().credentials("h", &env, SECONDS.at(now())).unwrap();
            found.map(|found| found == BasicAuth::new("two", "p"))
        };

        let named = home.0.path().join(odd());
        assert_eq!(found(named.clone().into(), home.0.path()), None, "set, and nothing there: no file of the home");
        let text = "machine h login two password p";
        // Not every file system takes such a name.
        if fs::write(&named, text).is_ok() {
            assert_eq!(found(named.clone().into(), home.0.path()), Some(true));
            assert_eq!(found(Path::new("~").join(odd()).into(), home.0.path()), Some(true));
            fs::remove_file(&named).unwrap();
            fs::create_dir(&named).unwrap();
            fs::write(named.join("netrc"), text).unwrap();
            assert_eq!(found("~/netrc".into(), &named), Some(true));
        }
    }

    #[test]
    fn without_its_variable_the_home_is_the_one_that_the_system_knows() {
        #[allow(deprecated, reason = "until Rust 1.87, for what it did on Windows up to 1.84")]
        let known = std::env::home_dir().filter(|home| !home.as_os_str().is_empty());

        assert_eq!(home(&|_| None), known);
        assert_eq!(home(&|_| Some("".into())), None);
        assert_eq!(home(&|_| Some("own".into())).as_deref(), Some(Path::new("own")));
    }

    // AUTH-13, but once a second
    #[test]
    fn file_and_environment_are_looked_at_again_after_a_second() {
        let (home, netrc, start) = (Home::new(), Netrc::default(), now());
        let own = home.write("own", "two");
        let after = |millis| start + Duration::from_millis(millis);
        home.write(".netrc", "one");

        assert_eq!(home.user(&netrc, None, start).as_deref(), Some("one"));
        let path = home.write(".netrc", "new");
        // Far from the first, whatever the file system's clock can tell apart.
        fs::File::options().write(true).open(path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(home.user(&netrc, None, after(999)).as_deref(), Some("one"), "not looked at");
        assert_eq!(home.user(&netrc, None, after(1000)).as_deref(), Some("new"));

        assert_eq!(home.user(&netrc, Some(&own), after(1999)).as_deref(), Some("new"));
        assert_eq!(home.user(&netrc, Some(&own), after(2000)).as_deref(), Some("two"), "another file");
        fs::remove_file(&own).unwrap();
        assert_eq!(home.user(&netrc, Some(&own), after(2999)).as_deref(), Some("two"));
        assert_eq!(home.user(&netrc, Some(&own), after(3000)), None);
        home.write("own", "one");
        assert_eq!(home.user(&netrc, Some(&own), after(3001)), None, "believed for the rest of the second");
        assert_eq!(home.user(&netrc, Some(&own), after(4500)).as_deref(), Some("one"));
    }

    #[test]
    fn a_file_with_a_mistake_or_in_latin1_is_no_error() {
        let home = Home::new();
        home.0.file(".netrc", "machine machine machine");
        assert_eq!(home.user(&Netrc::default(), None, now()), None);

        home.0.file(".netrc", b"machine h login one password p machine g login caf\xe9");
        assert_eq!(home.user(&Netrc::default(), None, now()).as_deref(), Some("one"));
    }

    #[test]
    fn debug_shows_no_credentials() {
        assert_eq!(format!("{:?}", Netrc::default()), "Netrc { .. }");
    }

    proptest::proptest! {
        #[test]
        fn any_file_is_read_to_its_end(words in proptest::collection::vec("machine|default|macdef|login|[hm#\"\\\\\n\r ]{1,3}", 0..12)) {
            let good = "machine good login l password p default ";
            let with_junk = parse(&format!("{good}{}", words.join(" ")));

            if let Some(entries) = with_junk {
                proptest::prop_assert!(entries.find("good") == Some(BasicAuth::new("l", "p")));
            }
        }
    }
}
