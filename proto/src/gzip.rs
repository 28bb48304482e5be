//! Inflating a body under a limit. Knows gzip only, by its magic; refuses to believe the size a stream promises.

use std::io::{ErrorKind, Read};

use flate2::bufread::MultiGzDecoder;

use crate::{Error, Limits};

/// Deflate cannot grow a byte into more than this many, so a size promised beyond it is a lie.
/// RFC 1951: a match of 258 bytes costs at least two bits.
const INFLATE_RATIO_MAX: usize = 1032;

/// Whether a body is gzip.
pub(crate) fn is_gzip(body: &[u8]) -> bool {
    body.starts_with(&[0x1f, 0x8b])
}

/// Inflates every member of a gzip body.
pub(crate) fn inflate(body: &[u8], limits: &Limits) -> Result<Vec<u8>, Error> {
    let max = limits.decompressed_bytes_max;
    // One byte beyond the limit is read to tell that it is passed: with room for it a bomb is held once, not twice.
    let mut raw = Vec::with_capacity(promised_bytes(body).min(max.saturating_add(1)));
    let mut decoder = MultiGzDecoder::new(body);
    let outcome = decoder.by_ref().take(max as u64 + 1).read_to_end(&mut raw);
    let offset = body.len() - decoder.get_ref().len();
    match outcome {
        Ok(_) if raw.len() > max => Err(Error::TooLarge { limit: "decompressed_bytes_max", bytes_max: max }),
        Ok(_) => Ok(raw),
        Err(e) if e.kind() == ErrorKind::UnexpectedEof => Err(Error::TruncatedGzip { offset: body.len() }),
        Err(e) => Err(Error::CorruptGzip { offset, reason: e.to_string() }),
    }
}

/// How many bytes a gzip body inflates to, when that is at most `max`. Keeps none of them.
pub(crate) fn inflated_bytes(body: &[u8], max: usize) -> Result<usize, Error> {
    let mut decoder = MultiGzDecoder::new(body);
    let outcome = std::io::copy(&mut decoder.by_ref().take(max as u64 + 1), &mut std::io::sink());
    let offset = body.len() - decoder.get_ref().len();
    match outcome.map(usize::try_from) {
        Ok(Ok(n)) if n <= max => Ok(n),
        Ok(_) => Err(Error::TooLarge { limit: "decompressed_bytes_max", bytes_max: max }),
        Err(e) if e.kind() == ErrorKind::UnexpectedEof => Err(Error::TruncatedGzip { offset: body.len() }),
        Err(e) => Err(Error::CorruptGzip { offset, reason: e.to_string() }),
    }
}

/// The size the last member's trailer gives (RFC 1952, ISIZE), capped by what deflate can do. One byte more, so that
/// reading to the end needs no second buffer.
fn promised_bytes(body: &[u8]) -> usize {
    let isize_bytes = body.last_chunk::<4>().map_or(0, |b| u32::from_le_bytes(*b) as usize);
    isize_bytes.min(body.len().saturating_mul(INFLATE_RATIO_MAX)).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::{inflate, inflated_bytes, promised_bytes};
    use crate::{Error, Limits};

    fn gzip(raw: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(raw).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn members_are_joined() {
        let body = [gzip(b"one "), gzip(b"two")].concat();
        assert_eq!(inflate(&body, &Limits::default()).unwrap(), b"one two");
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let bomb = gzip(&vec![0; 8 << 20]);
        assert!(bomb.len() < 16 << 10);
        let limits = Limits { decompressed_bytes_max: 1 << 20, ..Limits::default() };
        let expected = Error::TooLarge { limit: "decompressed_bytes_max", bytes_max: 1 << 20 };
        assert_eq!(inflate(&bomb, &limits), Err(expected));
        let exact = Limits { decompressed_bytes_max: 8 << 20, ..Limits::default() };
        assert_eq!(inflate(&bomb, &exact).unwrap().len(), 8 << 20);
        assert_eq!(inflated_bytes(&bomb, 8 << 20), Ok(8 << 20));
        let expected = Error::TooLarge { limit: "decompressed_bytes_max", bytes_max: (8 << 20) - 1 };
        assert_eq!(inflated_bytes(&bomb, (8 << 20) - 1), Err(expected));
    }

    #[test]
    fn a_promised_size_beyond_what_deflate_can_do_is_not_believed() {
        let mut body = gzip(b"small");
        let at = body.len() - 4;
        body[at..].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(promised_bytes(&body) < 64 << 10);
        assert!(matches!(inflate(&body, &Limits::default()), Err(Error::CorruptGzip { .. })));
    }

    #[test]
    fn every_cut_is_called_a_truncation() {
        let body = gzip(b"the quick brown fox jumps over the lazy dog");
        for end in 2..body.len() {
            let outcome = inflate(&body[..end], &Limits::default());
            assert_eq!(outcome, Err(Error::TruncatedGzip { offset: end }));
        }
    }

    #[test]
    fn damage_says_where() {
        let mut body = gzip(&[7; 1000]);
        body[10] ^= 0x06;
        assert!(
            matches!(inflate(&body, &Limits::default()), Err(Error::CorruptGzip { offset, .. }) if offset >= 10)
        );
    }
}
