//! The meta folder: which streams and series there are, how far each stream is sealed, what each day holds, notes.
//!
//! Only the streams and a bounded cache of ids are kept in memory; labels and postings stay on disk. Rows that must
//! agree are written in one batch.

mod key;
mod postings;
mod registry;
pub(crate) mod row;

use crate::Error;
use crate::bytes::Malformed;
use crate::day::Day;
use crate::id::{GROUP_SERIES, Group, SeriesId, StreamId};
use crate::kv::{Batch, Kv};
use crate::options::{NOTE_BYTES_MAX, NOTE_NAME_BYTES_MAX};
use crate::sync::lock;
use crate::wal::log::Seq;
use linger_series::SeriesKey;
use registry::Registry;
use row::{DayFacts, GroupFacts, Sealed};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// Folder of this part.
pub(crate) const PART: &str = "meta";

pub(crate) struct Meta {
    kv: Arc<dyn Kv>,
    registry: Mutex<Registry>,
    days: Mutex<BTreeMap<Day, DayFacts>>,
    /// Something was written since the last flush.
    dirty: AtomicBool,
    series_max: usize,
}

/// What a seal records, all in one step.
pub(crate) struct SealRecord {
    pub(crate) stream: StreamId,
    pub(crate) sealed: Sealed,
    pub(crate) day: Day,
    /// Groups that got a block, with the columns that have samples in it.
    pub(crate) groups: Vec<(Group, u64)>,
    /// What the sealed blocks add to the day.
    pub(crate) facts: DayFacts,
}

fn corrupt(error: Malformed) -> Error {
    Error::Corrupt { part: PART.to_owned(), at: error.at, why: error.why.to_owned() }
}

/// A key and a value.
type Row = (Vec<u8>, Vec<u8>);

/// Rows under `prefix`, collected; only used where their number is bounded.
fn rows(kv: &dyn Kv, prefix: &[u8]) -> Result<Vec<Row>, Error> {
    let mut rows = Vec::new();
    kv.scan(prefix, &key::after(prefix), &mut |key, value| {
        rows.push((key.to_vec(), value.to_vec()));
        ControlFlow::Continue(())
    })?;
    Ok(rows)
}

fn number(row: Option<&[u8]>) -> u64 {
    row.and_then(|row| row.try_into().ok()).map_or(0, u64::from_be_bytes)
}

impl Meta {
    pub(crate) fn open(kv: Arc<dyn Kv>, series_max: usize) -> Result<Self, Error> {
        let registry = Registry::load(&*kv)?;
        let mut days = BTreeMap::new();
        for (key, row) in rows(&*kv, b"p")? {
            if let Some(day) = key::number(&key) {
                days.insert(Day(day), DayFacts::decode(&row).map_err(corrupt)?);
            }
        }
        Ok(Self {
            kv,
            registry: Mutex::new(registry),
            days: Mutex::new(days),
            dirty: AtomicBool::new(false),
            series_max,
        })
    }

    fn write(&self, batch: Batch) -> Result<(), Error> {
        self.kv.apply(batch)?;
        self.dirty.store(true, Ordering::Release);
        Ok(())
    }

    /// Makes all that was written durable, even against a power cut: the WAL must never name a series that meta
    /// does not know. Does nothing when nothing was written, which is nearly always.
    pub(crate) fn commit(&self) -> Result<(), Error> {
        if !self.dirty.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        let result = self.kv.flush().and_then(|()| self.kv.sync());
        if result.is_err() {
            self.dirty.store(true, Ordering::Release);
        }
        result
    }

    /// Records a seal: from here on replay ignores the stream's records up to `sealed`.
    pub(crate) fn record_seal(&self, seal: &SealRecord) -> Result<(), Error> {
        let mut batch = Batch::default();
        for &(group, mask) in &seal.groups {
            let before = self.group(seal.day, seal.stream, group)?;
            let facts = before.with_block(mask, seal.facts.generation, seal.facts.first);
            batch.put(&key::group(seal.day, seal.stream, group), facts.encode());
        }
        let facts = lock(&self.days).get(&seal.day).map_or(seal.facts, |facts| facts.and(seal.facts));
        batch.put(&key::day(seal.day), facts.encode());
        batch.put(&key::sealed(seal.stream), seal.sealed.encode());
        self.write(batch)?;
        self.commit()?;
        lock(&self.days).insert(seal.day, facts);
        lock(&self.registry).set_sealed(seal.stream, seal.sealed);
        Ok(())
    }

    /// What is known of each day that has sealed blocks.
    pub(crate) fn days(&self) -> BTreeMap<Day, DayFacts> {
        lock(&self.days).clone()
    }

    /// What a day holds of a group.
    pub(crate) fn group(&self, day: Day, stream: StreamId, group: Group) -> Result<GroupFacts, Error> {
        let row = self.kv.get(&key::group(day, stream, group))?;
        row.map_or(Ok(GroupFacts::default()), |row| GroupFacts::decode(&row).map_err(corrupt))
    }

    /// What a day holds of every group.
    pub(crate) fn groups(&self, day: Day) -> Result<BTreeMap<(StreamId, Group), GroupFacts>, Error> {
        let mut groups = BTreeMap::new();
        for (key, row) in rows(&*self.kv, &key::groups(day))? {
            if let Some(place) = key::stream_and_group(&key) {
                groups.insert(place, GroupFacts::decode(&row).map_err(corrupt)?);
            }
        }
        Ok(groups)
    }

    /// Remembers how far the WAL is, so that a start can tell when records are missing at its end. The WAL is synced
    /// before.
    pub(crate) fn record_reached(&self, reached: &[(StreamId, Seq)]) -> Result<(), Error> {
        let mut batch = Batch::default();
        for &(stream, seq) in reached {
            batch.put(&key::reached(stream), seq.to_be_bytes());
        }
        if batch.is_empty() {
            return Ok(());
        }
        self.write(batch)?;
        self.commit()
    }

    /// The seq a stream's WAL had reached when it was last recorded.
    pub(crate) fn reached(&self, stream: StreamId) -> Result<Seq, Error> {
        Ok(number(self.kv.get(&key::reached(stream))?.as_deref()))
    }

    /// Forgets a day, and the series that only it had and `in_head` does not. Comes before the day's partition is
    /// dropped: a crash in between leaves rows nobody can name, never a name for another's rows.
    pub(crate) fn forget_day(&self, day: Day, in_head: impl Fn(SeriesId) -> bool) -> Result<(), Error> {
        let masks = |day| self.groups(day).map(|g| g.into_iter().map(|(place, facts)| (place, facts.mask)));
        let mut gone: BTreeMap<_, _> = masks(day)?.collect();
        let others: Vec<Day> = lock(&self.days).keys().copied().filter(|other| *other != day).collect();
        for other in others {
            for (place, mask) in masks(other)? {
                gone.entry(place).and_modify(|gone| *gone &= !mask);
            }
        }
        let ids = gone.iter().flat_map(|(&(stream, group), &mask)| {
            (0..GROUP_SERIES)
                .filter(move |column| mask >> column & 1 == 1)
                .map(move |column| SeriesId::new(stream, group.0 * GROUP_SERIES + column))
        });
        let ids: Vec<SeriesId> = ids.filter(|id| !in_head(*id)).collect();
        self.forget(&ids)?;
        let mut batch = Batch::default();
        for (stream, group) in gone.keys() {
            batch.delete(&key::group(day, *stream, *group));
        }
        batch.delete(&key::day(day));
        self.write(batch)?;
        self.commit()?;
        lock(&self.days).remove(&day);
        Ok(())
    }

    /// A series' name and labels.
    pub(crate) fn series(&self, id: SeriesId) -> Result<Option<SeriesKey>, Error> {
        let row = self.kv.get(&key::series(id))?;
        row.map(|row| row::decode_series(&row).map_err(corrupt)).transpose()
    }

    pub(crate) fn note(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        self.kv.get(&key::note(name))
    }

    /// Writes notes; durable after the next [`Meta::commit`]. An empty value removes a note.
    pub(crate) fn put_notes(&self, notes: &BTreeMap<String, Vec<u8>>) -> Result<(), Error> {
        let mut batch = Batch::default();
        for (name, value) in notes {
            match value.is_empty() {
                true => batch.delete(&key::note(name)),
                false => batch.put(&key::note(name), value.as_slice()),
            }
        }
        if batch.is_empty() { Ok(()) } else { self.write(batch) }
    }

    pub(crate) fn bytes_on_disk(&self) -> u64 {
        self.kv.bytes_on_disk()
    }
}

/// Refuses a note that is too large, before it is queued.
pub(crate) fn check_note(name: &str, value: &[u8]) -> Result<(), Error> {
    if name.is_empty() || name.len() > NOTE_NAME_BYTES_MAX {
        let text = name.chars().take(64).collect();
        return Err(Error::BadName { text, why: "is no name of a note: 1 to 256 bytes" });
    }
    if value.len() > NOTE_BYTES_MAX {
        return Err(Error::TooMany { limit: "note bytes", max: NOTE_BYTES_MAX });
    }
    Ok(())
}
