//! Small files written by others (tokens, passwords, headers, keys, certificates), read anew at each use so that rotation
//! needs no restart: one rule for all of them, whoever uses them.
//!
//! Refuses what is empty, large or no regular file, and never says what is in it. A pipe is told without waiting for its
//! writer; a file system that does not answer holds a thread of its own ([`Aside`]), not the agent.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::{Mutex, oneshot};

/// Largest file with a secret: a token takes kilobytes, a chain of certificates tens of them.
pub(crate) const SECRET_BYTES_MAX: u64 = 64 * 1024;
/// How long files are waited for: a local one takes microseconds, one over a network milliseconds.
const READ_TIME_MAX: Duration = Duration::from_secs(2);
/// O_NONBLOCK of open(2), the same on every architecture that linger is built for.
const DO_NOT_WAIT: i32 = if cfg!(target_os = "linux") { 0o4000 } else { 0x4 };

/// The bytes of a small file, or why not, with its path and nothing of its content.
pub(crate) fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, String> {
    let named = |why: String| format!("{}: {why}", path.display());
    let in_words = |e: std::io::Error| named(reason(&e));
    let file: File = OpenOptions::new().read(true).custom_flags(DO_NOT_WAIT).open(path).map_err(in_words)?;
    // What was opened, not what has the name by now.
    if !file.metadata().map_err(in_words)?.is_file() {
        return Err(named("not a regular file".into()));
    }
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(in_words)?;
    match u64::try_from(bytes.len()) {
        Ok(0) => Err(named("empty".into())),
        Ok(n) if n <= bytes_max => Ok(bytes),
        _ => Err(named(format!("larger than {} KiB", bytes_max / 1024))),
    }
}

/// A secret: one line of text without control characters. The one end of line that an editor leaves is no part of it, and
/// nothing else is taken away: what is compared or sent is what stands there.
pub(crate) fn read_line(path: &Path) -> Result<String, String> {
    let bytes = read(path, SECRET_BYTES_MAX)?;
    let named = |why: &str| Err(format!("{}: {why}", path.display()));
    let Ok(text) = String::from_utf8(bytes) else { return named("is no text in UTF-8") };
    let line = text.strip_suffix('\n').map_or(&*text, |line| line.strip_suffix('\r').unwrap_or(line));
    match line {
        _ if line.trim().is_empty() => named("empty"),
        _ if line.contains('\n') => named("more than one line"),
        _ if line.chars().any(char::is_control) => named("has control characters"),
        _ => Ok(line.to_owned()),
    }
}

/// Reads files where they hold up nobody: on a thread of its own, one at a time for each [`Aside`], so that a file system
/// that never answers costs one thread for whoever names its files.
#[derive(Clone, Debug, Default)]
pub(crate) struct Aside(Arc<Mutex<()>>);

impl Aside {
    /// What `work` gives, or why it did not in time.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, String> {
        self.within(READ_TIME_MAX, work).await
    }

    async fn within<T: Send + 'static>(
        &self,
        limit: Duration,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, String> {
        let reading = async {
            let turn = self.0.clone().lock_owned().await;
            let (tell, told) = oneshot::channel();
            let thread = std::thread::Builder::new().name("files".into());
            let aside = move || {
                // Who gave up on it does not hear it.
                let _ = tell.send(work());
                drop(turn);
            };
            thread.spawn(aside).map_err(|e| format!("no thread to read files: {e}"))?;
            told.await.map_err(|_| "reading files failed; please report it".to_owned())
        };
        match tokio::time::timeout(limit, reading).await {
            Ok(done) => done,
            Err(_) => Err(format!("the file system did not answer within {} s", limit.as_secs())),
        }
    }
}

/// A file's length and time of change, none where there is no file: another one tells that it was exchanged.
pub(crate) type Stamp = Option<(u64, SystemTime)>;

/// How the file is now.
pub(crate) fn stamp(path: Option<&Path>) -> Stamp {
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
    use super::{Aside, SECRET_BYTES_MAX, read_line};
    use std::sync::mpsc::channel;
    use std::time::Duration;

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
        check(b"s3cret\r\n", Ok("s3cret"));
        check(b"s3cret\n\n", Err("more than one line"));
        check(b" two words ", Ok(" two words "));
        check("schl\u{fc}ssel".as_bytes(), Ok("schl\u{fc}ssel"));
        check(b"", Err("empty"));
        check(b" \n", Err("empty"));
        check(b"one\ntwo\n", Err("more than one line"));
        check(b"schl\xfcssel", Err("is no text in UTF-8"));
        check(b"a\0b", Err("has control characters"));
        check(&vec![b'x'; usize::try_from(SECRET_BYTES_MAX).unwrap() + 1], Err("larger than 64 KiB"));
    }

    #[test]
    fn what_is_no_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        assert_eq!(read_line(path), Err(format!("{}: not a regular file", path.display())));
        let pipe = path.join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert_eq!(read_line(&pipe), Err(format!("{}: not a regular file", pipe.display())));
        let missing = path.join("missing");
        assert_eq!(read_line(&missing), Err(format!("{}: no such file", missing.display())));
    }

    #[test]
    fn files_that_do_not_come_hold_one_thread_and_nobody_else() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (aside, soon) = (Aside::default(), Duration::from_millis(50));
        let (let_go, wait) = channel::<()>();
        runtime.block_on(async {
            assert!(aside.within(soon, move || wait.recv().is_ok()).await.is_err());
            assert!(aside.within(soon, || 1).await.is_err(), "no second thread beside the one that waits");
            assert_eq!(Aside::default().within(soon * 100, || 1).await, Ok(1), "others go on");
            drop(let_go);
            assert_eq!(aside.within(soon * 100, || 2).await, Ok(2));
        });
    }
}
