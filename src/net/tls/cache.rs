//! Connectors, built once for each TLS setting.
//!
//! Building one reads and parses a bundle of authorities, tens of milliseconds with OpenSSL; using it again costs a look-up.
//! The cache is shared by the whole process, so that the one-shot functions gain from it too, and it is small. A connector
//! whose files have changed since is built anew.
//!
//! The lock guards the list only. Threads that need the same connector at once wait for the one that builds it.

use std::fs;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use parking_lot::Mutex;

use super::{Built, TlsError, TlsSettings, build};

static CACHE: Mutex<Vec<Entry>> = Mutex::new(Vec::new());

/// More settings than this at a time are possible, only slower.
const CAPACITY: usize = 32;

struct Entry {
    settings: TlsSettings,
    stamps: Vec<Stamp>,
    slot: Slot,
}

type Slot = Arc<OnceLock<Result<Built, TlsError>>>;

/// What tells two states of a file apart; `None` if it is not there.
type Stamp = Option<(SystemTime, u64)>;

/// The connector for these settings.
pub(super) fn connector(settings: &TlsSettings) -> Result<Built, TlsError> {
    // Before reading, so that a change meanwhile makes the next look-up build again.
    let stamps = settings.files().map(stamp).collect();
    let slot = slot(settings, stamps);
    let built = slot.get_or_init(|| build(settings.config())).clone();
    if built.is_err() {
        let failed = {
            let mut entries = CACHE.lock();
            let place = entries.iter().position(|entry| Arc::ptr_eq(&entry.slot, &slot));
            place.map(|place| entries.remove(place))
        };
        drop(failed);
    }
    built
}

/// The slot of these settings, which is moved to the end: the front is what was not used for longest.
fn slot(settings: &TlsSettings, stamps: Vec<Stamp>) -> Slot {
    let mut entries = CACHE.lock();
    let place = entries.iter().position(|entry| entry.settings == *settings);
    let old = place.map(|place| entries.remove(place));
    let (entry, outdated) = match old {
        Some(entry) if entry.stamps == stamps => (entry, None),
        other => (Entry { settings: settings.clone(), stamps, slot: Arc::default() }, other),
    };
    let slot = Arc::clone(&entry.slot);
    let oldest = (entries.len() >= CAPACITY).then(|| entries.remove(0));
    entries.push(entry);
    drop(entries);
    drop((outdated, oldest)); // freeing a bundle takes its time
    slot
}

fn stamp(path: &Path) -> Stamp {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::tls::{TlsBackend, TlsConfig};
    use crate::verify::Verify;

    fn slot_of(settings: &TlsSettings) -> Slot {
        slot(settings, settings.files().map(stamp).collect())
    }

    #[test]
    fn equal_settings_share_a_connector_until_a_file_changes() {
        let dir = crate::net::testing::TempDir::new();
        let bundle = dir.file("ca.pem", "one");
        let settings = || TlsSettings::new(TlsConfig { verify: Verify::from(&bundle), ..TlsConfig::default() });
        let other = TlsSettings::new(TlsConfig { verify: Verify::No, ..settings().config().clone() });

        let first = slot_of(&settings());
        assert!(Arc::ptr_eq(&first, &slot_of(&settings())));
        assert!(!Arc::ptr_eq(&first, &slot_of(&other)));

        dir.file("ca.pem", "another length");
        assert!(!Arc::ptr_eq(&first, &slot_of(&settings())));
    }

    #[test]
    fn a_failure_is_not_kept() {
        let settings = TlsSettings::new(TlsConfig {
            verify: Verify::from("no/such/bundle"),
            backend: TlsBackend::Auto,
            ..TlsConfig::default()
        });

        assert!(connector(&settings).is_err());

        assert!(!CACHE.lock().iter().any(|entry| entry.settings == settings));
    }
}
