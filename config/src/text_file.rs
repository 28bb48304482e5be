//! Text files of bounded size.

use crate::Error;
use crate::tree::FILE_BYTES_MAX;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

/// O_NONBLOCK of open(2), the same on every architecture that linger is built for: a pipe is told without waiting for
/// who writes to it.
const DO_NOT_WAIT: i32 = if cfg!(target_os = "linux") { 0o4000 } else { 0x4 };

/// The text of a file. Of one that is too large no text at all, but as much of it that this is noticed.
pub(crate) fn read(path: &Path) -> Result<String, Error> {
    let fail = |source| Error::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    // One byte more than is accepted: enough to see that there is more.
    let limit = u64::try_from(FILE_BYTES_MAX + 1).unwrap_or(u64::MAX);
    let file = OpenOptions::new().read(true).custom_flags(DO_NOT_WAIT).open(path).map_err(fail)?;
    // Without a writer it would be an empty file now and another one at a reload. `/dev/null` is a good empty file.
    if file.metadata().map_err(fail)?.file_type().is_fifo() {
        return Err(fail(std::io::Error::new(ErrorKind::InvalidInput, "a pipe and no regular file")));
    }
    file.take(limit).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() > FILE_BYTES_MAX {
        // The cut may have split a character; the size alone is what is wrong.
        bytes.fill(b' ');
    }
    String::from_utf8(bytes)
        .map_err(|e| Error::NotText { path: path.to_owned(), at_byte: e.utf8_error().valid_up_to() })
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn a_pipe_is_refused_without_waiting_for_its_writer() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(read(&pipe).unwrap_err().to_string().contains("a pipe and no regular file"));
        assert!(read(folder.path()).is_err());
        assert_eq!(read("/dev/null".as_ref()).unwrap(), "");
    }
}
