//! A cache of connectors: each is built once for its TLS settings.
//!
//! Building a connector reads and parses a bundle of authorities, which takes tens of milliseconds with OpenSSL; reusing it
//! costs a lookup. The cache is small and is shared by the whole process, so that the one-shot functions profit too. A
//! connector whose files have changed, or those in its directory, is built again.
//!
//! The lock guards the list only. Threads that need the same connector at once wait for the thread that builds it.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use parking_lot::Mutex;

use super::{Built, TlsError, TlsSettings, build};

static SHARED: Cache = Cache::new(32);

/// The connector for these settings.
pub(super) fn connector(settings: &TlsSettings) -> Result<Built, TlsError> {
    SHARED.connector(settings)
}

struct Cache {
    /// The least recently used is at the front.
    entries: Mutex<Vec<Entry>>,
    /// More settings than this work too, but slower.
    capacity: usize,
}

struct Entry {
    settings: TlsSettings,
    stamps: Vec<Stamp>,
    slot: Slot,
}

type Slot = Arc<OnceLock<Result<Built, TlsError>>>;

/// What distinguishes two states of a file or a directory; `None` if it does not exist. The number is a file's length, or
/// stands for what is in a directory.
type Stamp = Option<(SystemTime, u64)>;

/// Of a directory with more entries than this, only that they come and go is seen: each look is a system call for each.
const MOST_FILES: usize = 4096;

impl Cache {
    const fn new(capacity: usize) -> Self {
        Self { entries: Mutex::new(Vec::new()), capacity }
    }

    fn connector(&self, settings: &TlsSettings) -> Result<Built, TlsError> {
        // Before reading, so that after a change meanwhile the next lookup builds again.
        let stamps = settings.files().map(stamp).collect();
        let slot = self.slot(settings, stamps);
        let built = slot.get_or_init(|| build(settings.config())).clone();
        if built.is_err() {
            drop(self.remove(&slot));
        }
        built
    }

    fn slot(&self, settings: &TlsSettings, stamps: Vec<Stamp>) -> Slot {
        let mut entries = self.entries.lock();
        let place = entries.iter().position(|entry| entry.settings == *settings);
        let old = place.map(|place| entries.remove(place));
        let (entry, outdated) = match old {
            Some(entry) if entry.stamps == stamps => (entry, None),
            other => (Entry { settings: settings.clone(), stamps, slot: Arc::default() }, other),
        };
        let slot = Arc::clone(&entry.slot);
        let oldest = (entries.len() >= self.capacity).then(|| entries.remove(0));
        entries.push(entry);
        drop(entries);
        drop((outdated, oldest)); // freeing a bundle takes time
        slot
    }

    fn remove(&self, slot: &Slot) -> Option<Entry> {
        let mut entries = self.entries.lock();
        let place = entries.iter().position(|entry| Arc::ptr_eq(&entry.slot, slot))?;
        Some(entries.remove(place))
    }
}

fn stamp(path: &Path) -> Stamp {
    let metadata = fs::metadata(path).ok()?;
    let number = if metadata.is_dir() { entries_of(path) } else { metadata.len() };
    Some((metadata.modified().ok()?, number))
}

/// A number for the names and the states of the files in a directory, whose own time tells nothing of a file that is
/// written to in its place.
fn entries_of(directory: &Path) -> u64 {
    let paths: Vec<PathBuf> =
        fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    let are_looked_at = paths.len() <= MOST_FILES;
    let state = |path: &Path| fs::metadata(path).and_then(|file| Ok((file.modified()?, file.len()))).ok();
    // A sum, because they come in any order.
    paths.iter().fold(0, |sum, path| {
        let mut hasher = DefaultHasher::new();
        (path, are_looked_at.then(|| state(path))).hash(&mut hasher);
        hasher.finish().wrapping_add(sum)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::tls::TlsConfig;
    use crate::verify::Verify;

    fn slot_of(cache: &Cache, settings: &TlsSettings) -> Slot {
        cache.slot(settings, settings.files().map(stamp).collect())
    }

    fn trusting(bundle: &Path) -> TlsSettings {
        TlsSettings::new(TlsConfig { verify: Verify::from(bundle), ..TlsConfig::default() })
    }

    #[test]
    fn equal_settings_share_a_connector_until_a_file_changes() {
        let dir = crate::net::testing::TempDir::new();
        let bundle = dir.file("ca.pem", "one");
        let cache = Cache::new(8);

        let first = slot_of(&cache, &trusting(&bundle));
        assert!(Arc::ptr_eq(&first, &slot_of(&cache, &trusting(&bundle))));
        assert!(!Arc::ptr_eq(&first, &slot_of(&cache, &TlsSettings::default())));

        dir.file("ca.pem", "another length");
        assert!(!Arc::ptr_eq(&first, &slot_of(&cache, &trusting(&bundle))));
        assert_eq!(cache.entries.lock().len(), 2); // the outdated one is gone
    }

    // Only the directory's own time was looked at, and that stays the same.
    #[test]
    fn a_file_of_a_directory_that_changes_in_its_place_changes_the_directory() {
        let dir = crate::net::testing::TempDir::new();
        let elsewhere = crate::net::testing::TempDir::new();
        let ours = dir.file("ours.pem", "one");
        dir.file("other.pem", "other");
        let target = elsewhere.file("target.pem", "target");
        #[cfg(unix)]
        std::os::unix::fs::symlink(&target, dir.path().join("link.pem")).unwrap();
        let cache = Cache::new(8);
        let settings = trusting(dir.path());
        let mut slot = slot_of(&cache, &settings);
        let mut changes = |change: &dyn Fn()| {
            let before = fs::metadata(dir.path()).unwrap().modified().unwrap();
            assert!(Arc::ptr_eq(&slot, &slot_of(&cache, &settings)));
            change();
            let same_time = before == fs::metadata(dir.path()).unwrap().modified().unwrap();
            let old = std::mem::replace(&mut slot, slot_of(&cache, &settings));
            (!Arc::ptr_eq(&old, &slot), same_time)
        };
        let touch = |path: &Path| {
            let old = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1);
            fs::File::options().write(true).open(path).unwrap().set_modified(old).unwrap();
        };

        assert_eq!(changes(&|| drop(dir.file("ours.pem", "another length"))), (true, true));
        assert_eq!(changes(&|| touch(&ours)), (true, true));
        if cfg!(unix) {
            assert_eq!(changes(&|| touch(&target)), (true, true));
        }
        assert!(changes(&|| drop(dir.file("more.pem", "more"))).0);
        assert!(changes(&|| fs::rename(&ours, dir.path().join("renamed.pem")).unwrap()).0);
        assert!(changes(&|| fs::remove_file(dir.path().join("more.pem")).unwrap()).0);
    }

    #[test]
    fn what_was_not_used_for_longest_makes_room() {
        let cache = Cache::new(2);
        let [a, b, c] = ["a", "b", "c"].map(|name| trusting(Path::new(name)));
        let (first_a, first_b) = (slot_of(&cache, &a), slot_of(&cache, &b));

        slot_of(&cache, &a);
        slot_of(&cache, &c);

        assert!(Arc::ptr_eq(&first_a, &slot_of(&cache, &a)));
        assert!(!Arc::ptr_eq(&first_b, &slot_of(&cache, &b)));
    }

    #[test]
    fn a_failure_is_not_kept() {
        let cache = Cache::new(8);

        assert!(cache.connector(&trusting(Path::new("no/such/bundle"))).is_err());

        assert!(cache.entries.lock().is_empty());
    }
}
