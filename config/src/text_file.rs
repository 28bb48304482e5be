//! Text files of bounded size.

use crate::Error;
use crate::tree::FILE_BYTES_MAX;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The text of a file. Of one that is too large no text at all, but as much of it that this is noticed.
pub(crate) fn read(path: &Path) -> Result<String, Error> {
    let fail = |source| Error::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    // One byte more than is accepted: enough to see that there is more.
    let limit = u64::try_from(FILE_BYTES_MAX + 1).unwrap_or(u64::MAX);
    File::open(path).map_err(fail)?.take(limit).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() > FILE_BYTES_MAX {
        // The cut may have split a character; the size alone is what is wrong.
        bytes.fill(b' ');
    }
    String::from_utf8(bytes)
        .map_err(|e| Error::NotText { path: path.to_owned(), at_byte: e.utf8_error().valid_up_to() })
}
