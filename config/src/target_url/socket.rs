//! The path of a unix socket.

use std::path::PathBuf;

/// Longest path of a socket, in bytes: `sun_path` holds 108 with the zero at its end (Linux, unix(7)).
const PATH_BYTES_MAX: usize = 107;

/// The path in `text`, what follows `unix:`.
pub(crate) fn socket(text: &str) -> Result<PathBuf, &'static str> {
    let path = text.strip_prefix("//").unwrap_or(text);
    if text.starts_with('@') {
        return Err("abstract sockets are open to every user: name one in the file system");
    }
    if !path.starts_with('/') {
        return Err("the path of a socket begins with `/`: `unix:///run/api.sock`");
    }
    if path.ends_with('/') {
        return Err("the path of a socket does not end with `/`");
    }
    if path.len() > PATH_BYTES_MAX {
        return Err("the system takes at most 107 bytes as the path of a socket");
    }
    // It is part of a target's name, which is typed on the command line.
    if path.chars().any(|c| c.is_whitespace() || c.is_control() || "?#".contains(c)) {
        return Err("no spaces, `?` and `#` in the path of a socket");
    }
    Ok(PathBuf::from(path))
}
