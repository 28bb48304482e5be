//! The file of a unix socket: made so that nobody but its owner ever connects, taken over from a dead agent, removed at
//! the end. What is not a socket, or answers, is left alone.

use super::Refusal;
use linger_config::ListenAddr;
use std::ffi::OsStr;
use std::io::{Error, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A socket file of ours.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    /// Who took the path over keeps it.
    identity: Identity,
}

/// Device, inode and time of change: the kernel hands the number of a removed file out again.
type Identity = (u64, u64, i64, i64);

fn identity(path: &Path) -> Result<Identity, Error> {
    let meta = std::fs::symlink_metadata(path)?;
    Ok((meta.dev(), meta.ino(), meta.ctime(), meta.ctime_nsec()))
}

impl SocketFile {
    /// Listens at `path`.
    ///
    /// The socket is made inside a folder that only its owner may enter, closed to others and then moved to its
    /// place: a socket bound at the place itself would be open to everybody for a moment where the umask says so, and
    /// a connection made then would be served later.
    pub(super) fn bind(path: &Path) -> Result<(UnixListener, Self), Refusal> {
        remove_dead(path)?;
        let fail = |e| Refusal::Bind(ListenAddr::Unix(path.to_owned()), e);
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        remove_leftovers(parent);
        let private = private_folder(parent).map_err(fail)?;
        let made = Self::bind_privately(&private.join("s"), path);
        let removed = std::fs::remove_dir_all(&private);
        let made = made.map_err(fail)?;
        removed.map_err(fail)?;
        Ok(made)
    }

    fn bind_privately(fresh: &Path, path: &Path) -> Result<(UnixListener, Self), Error> {
        let listener = UnixListener::bind(fresh)?;
        std::fs::set_permissions(fresh, std::fs::Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        std::fs::rename(fresh, path)?;
        // Not before: being moved changes the time.
        Ok((listener, Self { path: path.to_owned(), identity: identity(path)? }))
    }
}

/// What private folders are called: short, since the kernel takes paths of 107 bytes (unix(7), sun_path).
const PRIVATE: &str = ".l";
/// Names tried: an agent that was killed while it bound its socket leaves its folder, and in a container the next one has
/// the same process id.
const NAMES_MAX: usize = 16;
/// A private folder this old is nobody's: binding takes a millisecond.
const LEFT_BEHIND_AFTER: Duration = Duration::from_secs(60);

/// A new folder that only its owner may enter.
fn private_folder(parent: &Path) -> Result<PathBuf, Error> {
    let mut taken = Error::from(ErrorKind::AlreadyExists);
    for n in 0..NAMES_MAX {
        let folder = parent.join(format!("{PRIVATE}{}.{n}", std::process::id()));
        match std::fs::DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => return Ok(folder),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => taken = e,
            Err(e) => return Err(e),
        }
    }
    Err(taken)
}

/// Removes private folders that killed agents left behind: old ones, and only where nothing but a socket is in them. What
/// cannot be removed is another's.
fn remove_leftovers(parent: &Path) {
    let Ok(entries) = std::fs::read_dir(parent) else { return };
    for folder in entries.flatten().filter(|entry| is_private_name(&entry.file_name())) {
        let Ok(meta) = folder.metadata() else { continue };
        let age = meta.modified().ok().and_then(|at| at.elapsed().ok());
        if !meta.is_dir() || age.is_none_or(|age| age < LEFT_BEHIND_AFTER) {
            continue;
        }
        let socket = folder.path().join("s");
        if std::fs::symlink_metadata(&socket).is_ok_and(|meta| meta.file_type().is_socket()) {
            let _ = std::fs::remove_file(&socket);
        }
        let _ = std::fs::remove_dir(folder.path());
    }
}

/// `.l`, a process id, and a number.
fn is_private_name(name: &OsStr) -> bool {
    let rest = name.to_str().and_then(|name| name.strip_prefix(PRIVATE));
    rest.is_some_and(|rest| {
        rest.starts_with(|c: char| c.is_ascii_digit()) && rest.chars().all(|c| c.is_ascii_digit() || c == '.')
    })
}

/// Removes the socket of an agent that is gone: one on which nobody answers.
fn remove_dead(path: &Path) -> Result<(), Refusal> {
    let fail = |e| Refusal::Bind(ListenAddr::Unix(path.to_owned()), e);
    let meta = match std::fs::symlink_metadata(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(fail(e)),
        Ok(meta) => meta,
    };
    if !meta.file_type().is_socket() {
        return Err(Refusal::NotASocket(path.to_owned()));
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => Err(Refusal::Taken(path.to_owned())),
        Err(e) if e.kind() == ErrorKind::ConnectionRefused => std::fs::remove_file(path).map_err(fail),
        Err(e) => Err(fail(e)),
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|there| there == self.identity) {
            // A file that stays behind is found dead by the next agent.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LEFT_BEHIND_AFTER, SocketFile};
    use crate::serve::Refusal;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::time::SystemTime;

    #[test]
    fn a_socket_is_its_owners_and_goes_with_its_listener() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("api.sock");
        let (_listener, file) = SocketFile::bind(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(UnixStream::connect(&path).is_ok());
        assert!(matches!(SocketFile::bind(&path), Err(Refusal::Taken(_))));
        drop(file);
        assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none());
    }

    #[test]
    fn a_dead_agents_socket_is_replaced_and_its_late_end_leaves_the_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("api.sock");
        let (listener, old) = SocketFile::bind(&path).unwrap();
        drop(listener);
        let (_listener, _new) = SocketFile::bind(&path).unwrap();
        drop(old);
        assert!(UnixStream::connect(&path).is_ok());
    }

    #[test]
    fn what_a_killed_agent_left_keeps_no_socket_from_being_bound_and_goes_in_time() {
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join(format!(".l{}.0", std::process::id()));
        let others = folder.path().join(".l7.0");
        for private in [&left, &others] {
            std::fs::create_dir(private).unwrap();
            drop(UnixListener::bind(private.join("s")).unwrap());
        }
        std::fs::write(others.join("notes"), "precious").unwrap();
        let path = folder.path().join("api.sock");
        let bind = || drop(SocketFile::bind(&path).unwrap());
        bind();
        assert!(left.exists(), "it may be in use");
        for private in [&left, &others] {
            let long_ago = SystemTime::now() - 2 * LEFT_BEHIND_AFTER;
            std::fs::File::open(private).unwrap().set_modified(long_ago).unwrap();
        }
        bind();
        assert!(!left.exists());
        assert_eq!(std::fs::read(others.join("notes")).unwrap(), b"precious");
    }

    #[test]
    fn a_file_that_is_no_socket_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes");
        std::fs::write(&path, "precious").unwrap();
        assert!(matches!(SocketFile::bind(&path), Err(Refusal::NotASocket(_))));
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
    }
}
