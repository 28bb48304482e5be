//! Registration: a stream and a series key become an id, the same one for as long as the store knows the series.
//!
//! Ordinals are never given twice, not even after a crash: the next one is part of the batch that registers.

use super::{Meta, corrupt, key, number, row, rows};
use crate::Error;
use crate::bytes::Malformed;
use crate::id::{Ordinal, SeriesId, StreamId};
use crate::kv::{Batch, Kv};
use crate::meta::row::Sealed;
use crate::options::{KEY_BYTES_MAX, LABELS_MAX, STREAMS_MAX};
use crate::sync::lock;
use linger_series::{SeriesKey, Stream};
use siphasher::sip128::{Hasher128, SipHasher24};
use std::collections::{BTreeSet, HashMap};
use std::hash::Hasher;

/// Ids kept in memory, 24 bytes each plus the map's own: 0.5 MiB. When full it is emptied; ids are then read from
/// disk again.
const CACHE_MAX: usize = 8_192;

#[derive(Default)]
pub(super) struct Registry {
    by_name: HashMap<Stream, StreamId>,
    streams: HashMap<StreamId, StreamState>,
    cache: HashMap<u128, SeriesId>,
    series: usize,
}

struct StreamState {
    next_ordinal: Ordinal,
    sealed: Sealed,
    /// Ordinals that aged out since the store was opened: callers may still hold them.
    forgotten: BTreeSet<Ordinal>,
}

impl Registry {
    pub(super) fn load(kv: &dyn Kv) -> Result<Self, Error> {
        let mut registry = Self::default();
        for (key, value) in rows(kv, b"t")? {
            let Some(id) = key::number(&key).map(StreamId) else { continue };
            let stream = row::decode_stream(&value).map_err(corrupt)?;
            let sealed = match kv.get(&key::sealed(id))? {
                Some(row) => Sealed::decode(&row).map_err(corrupt)?,
                None => Sealed::default(),
            };
            let state =
                StreamState { next_ordinal: next_ordinal(kv, id)?, sealed, forgotten: BTreeSet::new() };
            registry.by_name.insert(stream, id);
            registry.streams.insert(id, state);
        }
        registry.series = usize::try_from(number(kv.get(key::COUNT)?.as_deref())).unwrap_or(usize::MAX);
        Ok(registry)
    }

    pub(super) fn set_sealed(&mut self, stream: StreamId, sealed: Sealed) {
        if let Some(state) = self.streams.get_mut(&stream) {
            state.sealed = sealed;
        }
    }
}

/// The ordinal a stream gives next. Written with the stream and with each series: where it is missing, or behind, meta
/// lost rows, and to go on would give ids a second time and show one series' points as another's.
fn next_ordinal(kv: &dyn Kv, stream: StreamId) -> Result<Ordinal, Error> {
    let lost = |why| corrupt(Malformed { at: 0, why });
    let row = kv.get(&key::next_ordinal(stream))?;
    let next = row.and_then(|row| Ordinal::try_from(u64::from_be_bytes(row.try_into().ok()?)).ok());
    let next = next.ok_or_else(|| lost("rows were lost: a stream without its next ordinal"))?;
    match kv.get(&key::series(SeriesId::new(stream, next)))? {
        Some(_) => Err(lost("rows were lost: a stream's next ordinal is taken")),
        None => Ok(next),
    }
}

/// 128 bits that stand for a series of a stream. The odds that two of a million series share them are below 1e-26.
fn hash(stream: &Stream, key: &SeriesKey) -> u128 {
    let mut hasher = SipHasher24::new();
    let mut text = |text: &str| {
        hasher.write_u64((text.len() as u64).to_le());
        hasher.write(text.as_bytes());
    };
    text(&stream.target);
    text(&stream.collector);
    text(&key.name);
    for (name, value) in key.labels.iter() {
        text(name);
        text(value);
    }
    hasher.finish128().as_u128()
}

fn check(stream: &Stream, key: &SeriesKey) -> Result<(), Error> {
    let pairs = key.labels.iter().flat_map(|(name, value)| [name, value]);
    let texts = [&*stream.target, &*stream.collector, &*key.name].into_iter().chain(pairs);
    let mut bytes = 0;
    for text in texts {
        bytes += text.len();
        if text.contains('\0') {
            let text = text.chars().take(64).collect();
            return Err(Error::BadName { text, why: "holds a NUL character" });
        }
    }
    if key.name.is_empty() {
        return Err(Error::BadName { text: key.to_string(), why: "has no metric name" });
    }
    if bytes > KEY_BYTES_MAX {
        return Err(Error::TooMany { limit: "series key bytes", max: KEY_BYTES_MAX });
    }
    if key.labels.len() > LABELS_MAX {
        return Err(Error::TooMany { limit: "labels per series", max: LABELS_MAX });
    }
    Ok(())
}

impl Meta {
    /// The id of a series, given now if it has none yet.
    pub(crate) fn register(&self, stream: &Stream, key: &SeriesKey) -> Result<SeriesId, Error> {
        let hash = hash(stream, key);
        let registry = &mut *lock(&self.registry);
        if let Some(&id) = registry.cache.get(&hash) {
            return Ok(id);
        }
        let known = self.kv.get(&key::hash(hash))?.and_then(|row| key::trailing_id(&row));
        let id = match known {
            Some(id) => id,
            None => {
                check(stream, key)?;
                self.add(registry, hash, stream, key)?
            }
        };
        if registry.cache.len() >= CACHE_MAX {
            registry.cache.clear();
        }
        registry.cache.insert(hash, id);
        Ok(id)
    }

    fn add(
        &self,
        registry: &mut Registry,
        hash: u128,
        stream: &Stream,
        key: &SeriesKey,
    ) -> Result<SeriesId, Error> {
        if registry.series >= self.series_max {
            return Err(Error::TooMany { limit: "series in the store", max: self.series_max });
        }
        let mut batch = Batch::default();
        let (stream_id, ordinal) = match registry.by_name.get(stream) {
            Some(id) => (*id, registry.streams.get(id).map_or(0, |state| state.next_ordinal)),
            None => {
                let next = registry.streams.keys().max().map_or(0, |id| id.0 + 1);
                if registry.streams.len() >= STREAMS_MAX {
                    return Err(Error::TooMany { limit: "streams in the store", max: STREAMS_MAX });
                }
                batch.put(&key::stream(StreamId(next)), row::encode_stream(stream));
                (StreamId(next), 0)
            }
        };
        let next_ordinal = ordinal.checked_add(1).ok_or(Error::TooMany {
            limit: "series ever registered in a stream",
            max: Ordinal::MAX as usize,
        })?;
        let id = SeriesId::new(stream_id, ordinal);
        batch.put(&key::series(id), row::encode_series(key));
        batch.put(&key::hash(hash), id.to_be_bytes());
        for (label, value) in postings(key) {
            batch.put(&key::posting(label, value, id), []);
        }
        batch.put(&key::next_ordinal(stream_id), u64::from(next_ordinal).to_be_bytes());
        batch.put(key::COUNT, (registry.series as u64 + 1).to_be_bytes());
        self.write(batch)?;
        registry.series += 1;
        registry.by_name.entry(stream.clone()).or_insert(stream_id);
        let state = registry.streams.entry(stream_id).or_insert_with(|| StreamState {
            next_ordinal,
            sealed: Sealed::default(),
            forgotten: BTreeSet::new(),
        });
        state.next_ordinal = next_ordinal;
        Ok(id)
    }

    /// Forgets series that no partition holds any more.
    pub(super) fn forget(&self, ids: &[SeriesId]) -> Result<(), Error> {
        let registry = &mut *lock(&self.registry);
        let names: HashMap<StreamId, Stream> =
            registry.by_name.iter().map(|(stream, id)| (*id, stream.clone())).collect();
        let mut batch = Batch::default();
        let mut forgotten = Vec::new();
        for &id in ids {
            let (Some(key), Some(stream)) = (self.series(id)?, names.get(&id.stream())) else { continue };
            batch.delete(&key::series(id));
            batch.delete(&key::hash(hash(stream, &key)));
            for (label, value) in postings(&key) {
                batch.delete(&key::posting(label, value, id));
            }
            forgotten.push(id);
        }
        if forgotten.is_empty() {
            return Ok(());
        }
        let left = registry.series.saturating_sub(forgotten.len());
        batch.put(key::COUNT, (left as u64).to_be_bytes());
        self.write(batch)?;
        registry.series = left;
        registry.cache.clear();
        for id in forgotten {
            if let Some(state) = registry.streams.get_mut(&id.stream()) {
                state.forgotten.insert(id.ordinal());
            }
        }
        Ok(())
    }

    /// The number of a stream, if any series of it was registered.
    pub(crate) fn stream(&self, stream: &Stream) -> Option<StreamId> {
        lock(&self.registry).by_name.get(stream).copied()
    }

    /// Whether all of these rising ordinals are series of the stream; else the first that is not.
    pub(crate) fn check_known(&self, stream: StreamId, ordinals: &[Ordinal]) -> Result<(), Error> {
        let registry = lock(&self.registry);
        let state = registry.streams.get(&stream);
        let known = |ordinal: &Ordinal| {
            state.is_some_and(|s| *ordinal < s.next_ordinal && !s.forgotten.contains(ordinal))
        };
        let all = match (state, ordinals.last()) {
            (Some(state), Some(last)) if state.forgotten.is_empty() => *last < state.next_ordinal,
            _ => ordinals.iter().all(known),
        };
        match ordinals.iter().find(|ordinal| !all && !known(ordinal)) {
            Some(&ordinal) => Err(Error::UnknownSeries { id: SeriesId::new(stream, ordinal) }),
            None => Ok(()),
        }
    }

    /// Every stream and how far it is sealed.
    pub(crate) fn sealed(&self) -> HashMap<StreamId, Sealed> {
        lock(&self.registry).streams.iter().map(|(id, state)| (*id, state.sealed)).collect()
    }

    /// Numbers of streams and series.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let registry = lock(&self.registry);
        (registry.streams.len(), registry.series)
    }
}

/// The pairs a series is found by: its name as `__name__`, and its labels.
fn postings(key: &SeriesKey) -> impl Iterator<Item = (&str, &str)> {
    std::iter::once(("__name__", &*key.name)).chain(key.labels.iter())
}

#[cfg(test)]
mod tests {
    use super::{Meta, key};
    use crate::id::StreamId;
    use crate::kv::sled::SledEngine;
    use crate::kv::{Batch, Engine, KvOptions};
    use linger_series::{Labels, SeriesKey, Stream};

    /// Registers three series, does something to the row of the next ordinal, and loads again.
    #[track_caller]
    fn check(next_ordinal: Option<&[u8]>, expected: Option<&str>) {
        let dir = tempfile::tempdir().unwrap();
        let options = KvOptions { cache_bytes: 1024 * 1024, segment_bytes: 128 * 1024 };
        let kv = SledEngine.open(dir.path(), "meta", options).unwrap();
        let meta = Meta::open(kv.clone(), 100).unwrap();
        for site in ["a", "b", "c"] {
            let key = SeriesKey::new("m", Labels::new([("site", site)]));
            meta.register(&Stream::new("api", "heap"), &key).unwrap();
        }
        let mut batch = Batch::default();
        match next_ordinal {
            Some(row) => batch.put(&key::next_ordinal(StreamId(0)), row),
            None => batch.delete(&key::next_ordinal(StreamId(0))),
        }
        kv.apply(batch).unwrap();
        let said = Meta::open(kv, 100).err().map(|error| error.to_string());
        let expected = expected.map(|why| format!("meta: corrupt at byte 0: rows were lost: {why}"));
        assert_eq!(said, expected);
    }

    #[test]
    fn an_ordinal_is_never_given_twice_because_rows_were_lost() {
        check(Some(&3_u64.to_be_bytes()), None);
        check(Some(&9_u64.to_be_bytes()), None);
        check(None, Some("a stream without its next ordinal"));
        check(Some(b"x"), Some("a stream without its next ordinal"));
        check(Some(&2_u64.to_be_bytes()), Some("a stream's next ordinal is taken"));
    }
}
