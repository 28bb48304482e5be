//! `trace`: the header is recognised and the last body kept raw. What is inside is a later release's work.

use super::Reply;
use super::decode::refused;
use crate::scrape::outcome::{Failure, State};
use linger_proto::trace_header;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Takes a trace; `folder` keeps the last one of each target.
pub(super) fn take(target: &str, body: &[u8], folder: Option<&Path>) -> Result<Reply, Failure> {
    let version = trace_header::recognise(body).map_err(refused)?;
    let mut detail = format!("Go 1.{} trace, {} bytes", version.minor, body.len());
    if let Some(folder) = folder {
        let file = format!("{}.trace", file_name(target));
        let path = folder.join(&file);
        keep(&path, body).map_err(|e| {
            Failure::new(State::Internal, format!("{} cannot be written: {e}", path.display()))
        })?;
        detail = format!("{detail}, kept as trace/{file}");
    }
    Ok(Reply { detail: Some(detail), ..Reply::ok() })
}

/// Replaces the file in one step, so that a reader never sees half a trace.
fn keep(path: &Path, body: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let fresh = path.with_extension("trace.new");
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    std::io::Write::write_all(&mut file, body)?;
    drop(file);
    std::fs::rename(&fresh, path)
}

/// A target's name as a file name: what is not plain becomes `_`.
fn file_name(target: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '.' { c } else { '_' };
    let name: String = target.chars().take(100).map(plain).collect();
    name.trim_start_matches('.').to_owned()
}
