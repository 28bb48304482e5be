//! Names of files and folders in a configuration: relative ones stand beside the file they are written in.

use crate::read::{Fields, FromText, NotThis};
use crate::report::Report;
use std::path::{Path, PathBuf};

/// The name of a file.
pub(crate) struct FileName(PathBuf);

/// The name of a folder.
pub(crate) struct FolderName(PathBuf);

impl FromText for FileName {
    const EXPECTED: &'static str = "a file such as `/run/secrets/token`";
    fn from_text(text: &str) -> Result<Self, NotThis> {
        path(text).map(Self).map_err(|hint| NotThis::new(Self::EXPECTED, hint))
    }
}

impl FromText for FolderName {
    const EXPECTED: &'static str = "a folder such as `/var/lib/linger`";
    fn from_text(text: &str) -> Result<Self, NotThis> {
        path(text).map(Self).map_err(|hint| NotThis::new(Self::EXPECTED, hint))
    }
}

impl FolderName {
    /// As it was written.
    pub(crate) fn as_path(&self) -> &Path {
        &self.0
    }
}

fn path(text: &str) -> Result<PathBuf, &'static str> {
    match text {
        "" => Err("leave the key out for the default"),
        _ if text.starts_with('~') => Err("`~` is not expanded here"),
        _ if text.contains('\0') => Err("no zero bytes"),
        _ => Ok(PathBuf::from(text)),
    }
}

/// The file named by `key`. It is remembered as one that must be there in the end.
pub(crate) fn file(fields: &Fields<'_>, key: &str, report: &mut Report<'_>) -> Option<PathBuf> {
    let given = fields.value::<FileName>(key, report)?;
    let path = report.path(&given.value.0);
    report.refers(&path, &given.at.span, &given.at.key);
    Some(path)
}

/// As [`file`], for a key that must be given.
pub(crate) fn required_file(fields: &Fields<'_>, key: &str, report: &mut Report<'_>) -> Option<PathBuf> {
    match fields.get(key) {
        Some(_) => file(fields, key, report),
        None => {
            // Says what is missing.
            fields.required::<FileName>(key, report)?;
            None
        }
    }
}
