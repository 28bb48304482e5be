//! A kept trace as an answer: read from its file piece by piece while it is sent, so that sending one takes no memory to
//! speak of, each piece on a thread that may wait for the disk.

use hyper::body::{Body, Bytes, Frame, SizeHint};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::task::{JoinHandle, spawn_blocking};

/// Bytes read before they are handed to the connection.
const PIECE_BYTES: u64 = 64 * 1024;

/// A file on its way. It ends with an error where the file turns out shorter than it was said to be.
pub(super) struct FileBody {
    file: Arc<File>,
    at: u64,
    bytes: u64,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
}

impl FileBody {
    /// `bytes` of this file, from its start.
    pub(super) fn new(file: File, bytes: u64) -> Self {
        Self { file: Arc::new(file), at: 0, bytes, reading: None }
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.is_end_stream() {
            return Poll::Ready(None);
        }
        let (file, at) = (self.file.clone(), self.at);
        let wanted = usize::try_from((self.bytes - at).min(PIECE_BYTES)).unwrap_or_default();
        let reading = self.reading.get_or_insert_with(|| {
            spawn_blocking(move || {
                let mut piece = vec![0; wanted];
                file.read_exact_at(&mut piece, at)?;
                Ok(piece.into())
            })
        });
        let read = ready!(Pin::new(reading).poll(context));
        self.reading = None;
        let piece = read.unwrap_or_else(|died| Err(io::Error::other(died)));
        match &piece {
            Ok(piece) => self.at += u64::try_from(piece.len()).unwrap_or_default(),
            Err(_) => self.at = self.bytes,
        }
        Poll::Ready(Some(piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.at >= self.bytes
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes - self.at.min(self.bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::{FileBody, PIECE_BYTES};
    use hyper::body::Body;
    use std::fs::File;
    use std::pin::pin;

    /// All that a body of a file with `there` bytes sends when it was said to have `said`.
    fn sent(there: usize, said: u64) -> Result<Vec<u8>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let text: Vec<u8> = (0..there).map(|i| u8::try_from(i % 251).unwrap()).collect();
        std::fs::write(&path, &text).unwrap();
        let body = FileBody::new(File::open(&path).unwrap(), said);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut body = pin!(body);
            let mut all = Vec::new();
            while let Some(frame) = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
                all.extend(frame.map_err(|e| e.to_string())?.into_data().unwrap());
            }
            assert_eq!(all, text);
            Ok(all)
        })
    }

    #[test]
    fn a_file_is_sent_whole_in_pieces_and_a_shorter_one_is_an_error() {
        let piece = usize::try_from(PIECE_BYTES).unwrap();
        for bytes in [0, 1, piece, piece + 1, 3 * piece] {
            assert_eq!(sent(bytes, bytes as u64).unwrap().len(), bytes);
        }
        assert!(sent(piece, PIECE_BYTES + 1).is_err());
    }
}
