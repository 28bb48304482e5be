//! The write-ahead log's record: one scrape, as the change to the scrape before it in the same stream.
//!
//! Little-endian: `head u8 (version in the high bits, flags in the low), crc32 u32 of all that follows, link varint,
//! at zigzag varint, [raw bytes varint], body (zstd where it pays)`. Body: unless the flag says that the series are
//! those of the record before, their number and the differences of their ordinals; then a bitmap of the values that
//! changed; then each changed value: a varint `zigzag(integer change) << 1`, or the byte 1 and eight bytes of bits.
//!
//! Records form chains: link 0 needs nothing before it, link n needs link n-1. A chain starts anew after a seal, an
//! open, a failed write and [`CHAIN_MAX`] records, so one lost record costs at most the rest of its chain and is
//! never decoded into wrong values.

pub(crate) mod log;

use crate::bytes::{Cursor, Malformed, put_count, put_varint, put_zigzag, unzigzag, zigzag};
use crate::id::Ordinal;
use crate::options::SCRAPE_SAMPLES_MAX;
use linger_series::TimeMs;
use std::io;

const VERSION: u8 = 1 << 4;
const VERSION_BITS: u8 = 0xf0;
/// The series are those of the record before.
const SAME_SERIES: u8 = 1;
/// The body is compressed.
const PACKED: u8 = 2;

/// Bytes before the part the checksum covers.
const CRC_END: usize = 5;

/// Records that may depend on one another: a quarter of an hour at 15 s. A record that starts a chain costs a few
/// bytes per sample more.
const CHAIN_MAX: u64 = 64;

/// Bodies below this are not worth a compressor's start.
const PACK_BYTES_MIN: usize = 128;

/// zstd level for records: they live for two hours.
const LEVEL: i32 = 1;

/// Largest body: every sample with its ordinal, its bit and its nine bytes.
const RAW_BYTES_MAX: usize = SCRAPE_SAMPLES_MAX * 16;

/// The last scrape of a stream, as both ends of the log know it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Chain {
    /// Link the next record gets; 0 starts a chain.
    next_link: u64,
    /// Series of the last scrape, rising.
    pub(crate) ordinals: Vec<Ordinal>,
    /// Their values.
    pub(crate) values: Vec<f64>,
}

impl Chain {
    /// Makes the next record depend on none before.
    pub(crate) fn restart(&mut self) {
        self.next_link = 0;
        self.ordinals.clear();
        self.values.clear();
    }

    /// Values of the last scrape for other series; 0 for those it did not have.
    fn carried(&self, ordinals: &[Ordinal]) -> Vec<f64> {
        let mut before = self.ordinals.iter().zip(&self.values).peekable();
        ordinals
            .iter()
            .map(|&ordinal| {
                while before.next_if(|(o, _)| **o < ordinal).is_some() {}
                before.next_if(|(o, _)| **o == ordinal).map_or(0.0, |(_, &value)| value)
            })
            .collect()
    }
}

/// Encodes records; keeps the compressor's memory between them.
pub(crate) struct Encoder {
    zstd: zstd::bulk::Compressor<'static>,
    body: Vec<u8>,
}

impl Encoder {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { zstd: zstd::bulk::Compressor::new(LEVEL)?, body: Vec::new() })
    }

    /// One record for a scrape; `ordinals` rise strictly and pair with `values`. Moves `chain` on.
    pub(crate) fn encode(
        &mut self,
        chain: &mut Chain,
        at: TimeMs,
        ordinals: &[Ordinal],
        values: &[f64],
    ) -> io::Result<Vec<u8>> {
        if chain.next_link >= CHAIN_MAX {
            chain.restart();
        }
        let same = chain.next_link > 0 && chain.ordinals == ordinals;
        self.body.clear();
        if !same {
            put_ordinals(ordinals, &mut self.body);
            chain.values = chain.carried(ordinals);
            chain.ordinals.clear();
            chain.ordinals.extend_from_slice(ordinals);
        }
        put_changes(&mut chain.values, values, &mut self.body);
        let packed = match self.body.len() {
            0..PACK_BYTES_MIN => None,
            _ => Some(self.zstd.compress(&self.body)?).filter(|packed| packed.len() < self.body.len()),
        };
        let flags = if same { SAME_SERIES } else { 0 } | if packed.is_some() { PACKED } else { 0 };
        let mut record = vec![VERSION | flags, 0, 0, 0, 0];
        put_varint(&mut record, chain.next_link);
        put_zigzag(&mut record, at.0);
        match packed {
            Some(packed) => {
                put_count(&mut record, self.body.len());
                record.extend_from_slice(&packed);
            }
            None => record.extend_from_slice(&self.body),
        }
        let crc = crc32fast::hash(record.get(CRC_END..).unwrap_or_default());
        for (to, from) in record.iter_mut().skip(1).zip(crc.to_le_bytes()) {
            *to = from;
        }
        chain.next_link += 1;
        Ok(record)
    }
}

fn put_ordinals(ordinals: &[Ordinal], out: &mut Vec<u8>) {
    put_count(out, ordinals.len());
    let mut after = 0;
    for &ordinal in ordinals {
        put_varint(out, u64::from(ordinal - after));
        after = ordinal.saturating_add(1);
    }
}

/// Writes the bitmap and the changes, and makes `before` equal to `now`.
fn put_changes(before: &mut [f64], now: &[f64], out: &mut Vec<u8>) {
    for (before, now) in before.chunks(8).zip(now.chunks(8)) {
        let bits = before.iter().zip(now).map(|(b, n)| u8::from(b.to_bits() != n.to_bits()));
        out.push(bits.enumerate().fold(0, |byte, (i, bit)| byte | bit << i));
    }
    for (before, &now) in before.iter_mut().zip(now).filter(|(b, n)| b.to_bits() != n.to_bits()) {
        match integer_change(*before, now) {
            Some(change) => put_varint(out, zigzag(change) << 1),
            None => {
                out.push(1);
                out.extend_from_slice(&now.to_bits().to_le_bytes());
            }
        }
        *before = now;
    }
}

/// The integer that, added by the decoder, gives exactly the bits of `now`.
#[inline]
fn integer_change(before: f64, now: f64) -> Option<i64> {
    let change = now - before;
    // Below 2^50 the zigzag code still has room for the flag bit.
    if change.abs() < 1e15 {
        #[expect(clippy::cast_possible_truncation, reason = "below 1e15; a fraction fails the comparison")]
        let integer = change as i64;
        (apply_change(before, integer).to_bits() == now.to_bits()).then_some(integer)
    } else {
        None
    }
}

#[inline]
fn apply_change(before: f64, change: i64) -> f64 {
    before + change as f64
}

/// Decodes records; keeps the decompressor's memory between them.
pub(crate) struct Decoder {
    zstd: zstd::bulk::Decompressor<'static>,
}

impl Decoder {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { zstd: zstd::bulk::Decompressor::new()? })
    }

    /// Reads one record: its time; `chain` then holds its series and values. After an error the chain starts anew,
    /// so that records up to the next link 0 are refused.
    pub(crate) fn decode(&mut self, chain: &mut Chain, record: &[u8]) -> Result<TimeMs, Malformed> {
        let result = self.try_decode(chain, record);
        if result.is_err() {
            chain.restart();
        }
        result
    }

    fn try_decode(&mut self, chain: &mut Chain, record: &[u8]) -> Result<TimeMs, Malformed> {
        let mut cursor = Cursor::new(record);
        let head = cursor.u8()?;
        if head & VERSION_BITS != VERSION || head & !(VERSION_BITS | SAME_SERIES | PACKED) != 0 {
            return cursor.fail("unknown version of a record");
        }
        let crc = cursor.u32()?;
        if crc != crc32fast::hash(record.get(CRC_END..).unwrap_or_default()) {
            return cursor.fail("checksum of a record does not match");
        }
        let link = cursor.varint()?;
        if link == 0 {
            chain.restart();
        } else if link != chain.next_link {
            return cursor.fail("a record before this one is missing");
        }
        let at = TimeMs(cursor.zigzag()?);
        if head & PACKED == 0 {
            decode_body(chain, head & SAME_SERIES != 0, cursor)?;
        } else {
            let raw_bytes = cursor.count(RAW_BYTES_MAX, "a body larger than its limit")?;
            let packed = cursor.take(cursor.remaining())?;
            let raw = self.zstd.decompress(packed, raw_bytes);
            let raw =
                raw.map_err(|_| Malformed { at: record.len() - packed.len(), why: "zstd of a record" })?;
            decode_body(chain, head & SAME_SERIES != 0, Cursor::new(&raw))?;
        }
        chain.next_link = link + 1;
        Ok(at)
    }
}

/// Reads a body into the chain, for which the series are known when they are the `same`.
pub(crate) fn decode_body(chain: &mut Chain, same: bool, mut body: Cursor<'_>) -> Result<(), Malformed> {
    if !same {
        // Each ordinal takes a byte at least, so a count above what remains is refused before it allocates.
        let count =
            body.count(SCRAPE_SAMPLES_MAX.min(body.remaining()), "more series than the record holds")?;
        let mut ordinals = Vec::with_capacity(count);
        let mut after = 0_u64;
        for _ in 0..count {
            let ordinal =
                after.checked_add(body.varint()?).and_then(|ordinal| Ordinal::try_from(ordinal).ok());
            let Some(ordinal) = ordinal else { return body.fail("ordinal above 32 bits") };
            ordinals.push(ordinal);
            after = u64::from(ordinal) + 1;
        }
        chain.values = chain.carried(&ordinals);
        chain.ordinals = ordinals;
    }
    let bitmap = body.take(chain.values.len().div_ceil(8))?;
    for (values, &bits) in chain.values.chunks_mut(8).zip(bitmap) {
        for (i, value) in values.iter_mut().enumerate() {
            if bits >> i & 1 == 1 {
                let code = body.varint()?;
                *value = match code & 1 {
                    0 => apply_change(*value, unzigzag(code >> 1)),
                    _ if code == 1 => f64::from_bits(body.u64()?),
                    _ => return body.fail("unknown code of a value"),
                };
            }
        }
    }
    body.end()
}

#[cfg(test)]
mod tests {
    use super::{CHAIN_MAX, Chain, Decoder, Encoder};
    use crate::column::tests::odd_value;
    use crate::hostile;
    use linger_series::TimeMs;
    use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};
    use std::collections::BTreeMap;

    fn bits(values: &[f64]) -> Vec<u64> {
        values.iter().map(|v| v.to_bits()).collect()
    }

    fn record(encoder: &mut Encoder, chain: &mut Chain, at: i64, scrape: &[(u32, f64)]) -> Vec<u8> {
        let (ordinals, values): (Vec<u32>, Vec<f64>) = scrape.iter().copied().unzip();
        encoder.encode(chain, TimeMs(at), &ordinals, &values).unwrap()
    }

    proptest! {
        #[test]
        fn any_scrapes_come_back_bit_for_bit(
            scrapes in prop::collection::vec(
                (any::<i64>(), prop::collection::btree_map(0..200_u32, odd_value(), 0..100)), 1..12),
        ) {
            let mut encoder = Encoder::new().unwrap();
            let mut decoder = Decoder::new().unwrap();
            let (mut out, mut back) = (Chain::default(), Chain::default());
            for (at, scrape) in &scrapes {
                let scrape: Vec<(u32, f64)> = scrape.iter().map(|(o, v)| (*o, *v)).collect();
                let bytes = record(&mut encoder, &mut out, *at, &scrape);
                prop_assert_eq!(decoder.decode(&mut back, &bytes), Ok(TimeMs(*at)));
                prop_assert_eq!(&back.ordinals, &scrape.iter().map(|s| s.0).collect::<Vec<_>>());
                prop_assert_eq!(bits(&back.values), bits(&scrape.iter().map(|s| s.1).collect::<Vec<_>>()));
            }
        }

        #[test]
        fn changed_bodies_never_panic(
            scrape in prop::collection::btree_map(0..200_u32, odd_value(), 1..60),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            cut in any::<prop::sample::Index>(),
        ) {
            // Behind checksum and zstd, where chance alone never gets.
            let mut encoder = Encoder::new().unwrap();
            let scrape: Vec<(u32, f64)> = scrape.into_iter().collect();
            record(&mut encoder, &mut Chain::default(), 0, &scrape);
            let mut body = encoder.body;
            prop_assert_eq!(hostile::wal_body(&body), Ok(scrape.len()));
            for (at, byte) in changes {
                let at = at.index(body.len());
                body[at] ^= byte;
            }
            let _ = hostile::wal_body(&body);
            body.truncate(cut.index(body.len()));
            let _ = hostile::wal_body(&body);
        }

        #[test]
        fn hostile_bytes_never_panic_and_leave_no_half_chain(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut chain = Chain::default();
            if Decoder::new().unwrap().decode(&mut chain, &bytes).is_err() {
                prop_assert!(chain == Chain::default());
            }
        }
    }

    fn recorded() -> Vec<Vec<u8>> {
        let mut encoder = Encoder::new().unwrap();
        let mut chain = Chain::default();
        (0..CHAIN_MAX as i64 + 3)
            .map(|i| {
                let scrape: BTreeMap<u32, f64> = (0..90)
                    .filter(|o| i != 5 || o % 7 != 0)
                    .map(|o| (o, if o % 3 == 0 { i as f64 * 0.37 } else { f64::from(o) + i as f64 }))
                    .collect();
                record(&mut encoder, &mut chain, i * 15_000, &scrape.into_iter().collect::<Vec<_>>())
            })
            .collect()
    }

    #[test]
    fn a_lost_record_ends_its_chain_and_not_the_next() {
        let records = recorded();
        let mut decoder = Decoder::new().unwrap();
        let mut chain = Chain::default();
        let read: Vec<bool> = records
            .iter()
            .enumerate()
            .filter(|(i, _)| *i != 10)
            .map(|(_, bytes)| decoder.decode(&mut chain, bytes).is_ok())
            .collect();
        assert!(read[..10].iter().all(|ok| *ok));
        let chain_end = usize::try_from(CHAIN_MAX).unwrap() - 1;
        assert!(read[10..chain_end].iter().all(|ok| !*ok));
        assert!(read[chain_end..].iter().all(|ok| *ok));
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_refused() {
        let mut decoder = Decoder::new().unwrap();
        for bytes in recorded().iter().take(7) {
            for cut in 0..bytes.len() {
                assert!(decoder.decode(&mut Chain::default(), &bytes[..cut]).is_err());
            }
            for bit in 8..bytes.len() * 8 {
                let mut flipped = bytes.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert!(decoder.decode(&mut Chain::default(), &flipped).is_err(), "bit {bit}");
            }
        }
    }

    #[test]
    fn a_steady_scrape_takes_well_under_a_byte_per_sample() {
        let mut encoder = Encoder::new().unwrap();
        let mut chain = Chain::default();
        let scrape =
            |i: i64| (0..500).map(move |o| (o, f64::from(o % 40) + (i * i64::from(o % 10 == 0)) as f64));
        let first = record(&mut encoder, &mut chain, 0, &scrape(0).collect::<Vec<_>>());
        let next = record(&mut encoder, &mut chain, 15_000, &scrape(1).collect::<Vec<_>>());
        assert!(first.len() < 1500 && next.len() < 250, "{} {}", first.len(), next.len());
    }
}
