//! The folder of kept traces: its files and its index.
//!
//! Refuses to touch what it did not make: only files that are called like a trace or like one half written are removed.

use crate::report::{KeptTrace, Traces, VERSION};
use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Which file is what.
const INDEX: &str = "index.json";
/// What the name of a trace ends in.
const TRACE: &str = "trace";
/// What the name of a file ends in while it is written.
const HALF_WRITTEN: &str = "new";
/// Largest index read: a thousand targets with a hundred traces each, the most a configuration allows, have 30 MB.
const INDEX_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The folder.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// The file of a trace.
    pub(super) fn path_of(&self, id: &str) -> PathBuf {
        self.0.join(format!("{id}.{TRACE}"))
    }

    /// What the index names and is there as long as it was.
    pub(super) fn read_index(&self) -> Vec<KeptTrace> {
        let path = self.0.join(INDEX);
        let small = std::fs::metadata(&path).is_ok_and(|m| m.is_file() && m.len() <= INDEX_BYTES_MAX);
        let text = if small { std::fs::read(&path).ok() } else { None };
        let index: Option<Traces> = text.and_then(|text| serde_json::from_slice(&text).ok());
        let mut traces = index.filter(|index| index.version == VERSION).unwrap_or_default().traces;
        let plain = |id: &str| !id.is_empty() && id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
        traces.retain(|trace| plain(&trace.id) && self.is_whole(trace));
        traces
    }

    fn is_whole(&self, trace: &KeptTrace) -> bool {
        let about = std::fs::symlink_metadata(self.path_of(&trace.id));
        about.is_ok_and(|about| about.is_file() && about.len() == trace.bytes)
    }

    /// Removes traces that `kept` does not name and files that were never finished.
    pub(super) fn sweep(&self, kept: &[KeptTrace]) {
        let Ok(entries) = std::fs::read_dir(&self.0) else { return };
        for path in entries.flatten().map(|entry| entry.path()) {
            let ends_in = path.extension().and_then(|extension| extension.to_str());
            let named = kept.iter().any(|trace| path == self.path_of(&trace.id));
            if matches!(ends_in, Some(TRACE | HALF_WRITTEN)) && !named {
                remove(&path);
            }
        }
    }

    /// Removes the files of these.
    pub(super) fn remove(&self, traces: &[KeptTrace]) {
        for trace in traces {
            remove(&self.path_of(&trace.id));
        }
    }

    /// Writes a trace in one step, so that nobody sees half of it.
    pub(super) fn write(&self, id: &str, body: &[u8]) -> io::Result<()> {
        self.make()?;
        replace(&self.path_of(id), body)
    }

    /// Writes the index, the same way.
    pub(super) fn write_index(&self, kept: &[KeptTrace]) -> io::Result<()> {
        self.make()?;
        let index = Traces { version: VERSION, traces: kept.to_vec() };
        replace(&self.0.join(INDEX), &serde_json::to_vec(&index)?)
    }

    fn make(&self) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.0)?;
        std::fs::set_permissions(&self.0, Permissions::from_mode(0o700))
    }
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(HALF_WRITTEN);
    let aside = PathBuf::from(name);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
    let written = file.write_all(bytes).and_then(|()| std::fs::rename(&aside, path));
    if written.is_err() {
        // On a full disk it would stay until the next start, and the next one beside it.
        remove(&aside);
    }
    written
}

fn remove(path: &Path) {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            tracing::warn!("{} cannot be removed: {e}", path.display());
        }
        _ => {}
    }
}
