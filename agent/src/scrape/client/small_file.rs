//! Small files written by others (tokens, keys, certificates), read anew at each use so that rotation needs no
//! restart.
//!
//! Refuses what is empty, large or no regular file, and never says what is in it.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::SystemTime;

/// Largest file with a secret: a token takes kilobytes, a chain of certificates tens of them.
pub(super) const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// The bytes of a small file, or why not, with its path and nothing of its content.
pub(super) fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, String> {
    let named = |why: String| format!("{}: {why}", path.display());
    let in_words = |e: std::io::Error| named(reason(&e));
    // Before it is opened: opening a pipe would wait for whoever writes to it.
    if !std::fs::metadata(path).map_err(in_words)?.is_file() {
        return Err(named("not a regular file".into()));
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|f| f.take(bytes_max + 1).read_to_end(&mut bytes)).map_err(in_words)?;
    match u64::try_from(bytes.len()) {
        Ok(0) => Err(named("empty".into())),
        Ok(n) if n <= bytes_max => Ok(bytes),
        _ => Err(named(format!("larger than {} KiB", bytes_max / 1024))),
    }
}

/// One line of printable ASCII, as headers carry it; the end of the line is not part of it.
pub(super) fn read_line(path: &Path) -> Result<String, String> {
    let bytes = read(path, SECRET_BYTES_MAX)?;
    let named = |why: &str| Err(format!("{}: {why}", path.display()));
    let line = bytes.trim_ascii();
    if line.is_empty() {
        return named("empty");
    }
    if line.contains(&b'\n') {
        return named("more than one line");
    }
    match std::str::from_utf8(line) {
        Ok(text) if line.iter().all(|b| (b' '..=b'~').contains(b)) => Ok(text.to_owned()),
        _ => named("has other characters than printable ASCII"),
    }
}

/// A file's length and time of change, none where there is no file: another one tells that it was exchanged.
pub(super) type Stamp = Option<(u64, SystemTime)>;

/// How the file is now.
pub(super) fn stamp(path: Option<&Path>) -> Stamp {
    let metadata = std::fs::metadata(path?).ok()?;
    Some((metadata.len(), metadata.modified().ok()?))
}

/// The system's reason without its number.
fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file".into(),
        std::io::ErrorKind::PermissionDenied => "permission denied".into(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::{SECRET_BYTES_MAX, read_line};

    #[track_caller]
    fn check(content: &[u8], expected: Result<&str, &str>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, content).unwrap();
        let named = expected.map(str::to_owned).map_err(|why| format!("{}: {why}", path.display()));
        assert_eq!(read_line(&path), named);
    }

    #[test]
    fn a_secret_is_one_printable_line() {
        check(b"s3cret\n", Ok("s3cret"));
        check(b"s3cret\r\n\n", Ok("s3cret"));
        check(b"two words", Ok("two words"));
        check(b"", Err("empty"));
        check(b" \n", Err("empty"));
        check(b"one\ntwo\n", Err("more than one line"));
        check("schl\u{fc}ssel".as_bytes(), Err("has other characters than printable ASCII"));
        check(b"a\0b", Err("has other characters than printable ASCII"));
        check(&vec![b'x'; usize::try_from(SECRET_BYTES_MAX).unwrap() + 1], Err("larger than 64 KiB"));
    }

    #[test]
    fn what_is_no_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        assert_eq!(read_line(path), Err(format!("{}: not a regular file", path.display())));
        let missing = path.join("missing");
        assert_eq!(read_line(&missing), Err(format!("{}: no such file", missing.display())));
    }
}
