//! The file of a unix socket: made so that nobody but its owner ever connects, taken over from a dead agent, removed at
//! the end. What is not a socket, or answers, is left alone.

use super::Refusal;
use linger_config::ListenAddr;
use std::io::{Error, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

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
        // Short: the kernel takes paths of 107 bytes (unix(7), sun_path).
        let private = parent.join(format!(".l{}", std::process::id()));
        std::fs::DirBuilder::new().mode(0o700).create(&private).map_err(fail)?;
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
    use super::SocketFile;
    use crate::serve::Refusal;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixStream;

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
    fn a_file_that_is_no_socket_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes");
        std::fs::write(&path, "precious").unwrap();
        assert!(matches!(SocketFile::bind(&path), Err(Refusal::NotASocket(_))));
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
    }
}
