//! The file of a recording: read whole, and written whole or not at all.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use super::interaction::Interaction;
use crate::error::{Error, ErrorKind, Result, system_text};
use crate::whole_file::{PRIVATE, USUAL, WholeFile};

/// What stands at the top, so that another format can be told apart.
const VERSION: u64 = 1;

struct File<'a>(&'a [&'a Interaction]);

impl Serialize for File<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("recording", &VERSION)?;
        map.serialize_entry("interactions", self.0)?;
        map.end()
    }
}

/// Writes the interactions to `path`, and returns how many bytes that were. With `secret`, only the owner may read a new file.
pub(super) fn write(path: &Path, interactions: &[&Interaction], secret: bool) -> Result<usize> {
    let mut bytes = serde_json::to_vec_pretty(&File(interactions))
        .map_err(|error| Error::message(ErrorKind::InvalidJson, error.to_string()))?;
    bytes.push(b'\n');
    let write = || {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder)?;
        }
        let mut file = WholeFile::create(path, if secret { PRIVATE } else { USUAL })?;
        file.write_all(&bytes)?;
        file.commit()
    };
    write().map_err(|error: io::Error| failed("write", path, error))?;
    Ok(bytes.len())
}

/// Reads what was recorded; `None` if there is no file.
pub(super) fn read(path: &Path) -> Result<Option<Vec<Interaction>>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("read", path, error)),
    };
    let wrong =
        |what: String| Error::message(ErrorKind::InvalidJson, format!("{} is not a recording: {what}", path.display()));
    let file: Value = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
    if file.get("recording").and_then(Value::as_u64) != Some(VERSION) {
        return Err(wrong(format!("\"recording\" is not {VERSION}")));
    }
    let all = file.get("interactions").and_then(Value::as_array);
    let all = all.ok_or_else(|| wrong("it has no list of interactions".to_owned()))?;
    let read = all.iter().enumerate().map(|(number, value)| {
        Interaction::from_json(value)
            .map_err(|missing| wrong(format!("interaction {} has no valid {missing}", number + 1)))
    });
    read.collect::<Result<_>>().map(Some)
}

fn failed(what: &str, path: &Path, error: io::Error) -> Error {
    let text = format!("cannot {what} {}: {}", path.display(), system_text(&error));
    Error::message(ErrorKind::Io, text).with_source(error)
}
