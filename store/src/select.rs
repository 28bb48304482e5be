//! Reading: which series a selector means, and their points from sealed blocks and the head.
//!
//! Runs on the caller's thread. The head is copied first and the blocks are read then, so a seal in between shows
//! points twice at most, never not at all; the second copy is dropped.

mod matcher;

use crate::Error;
use crate::block::Decoder;
use crate::day::Day;
use crate::id::{SeriesId, column_of, group_of, mask_of};
use crate::options::SelectLimits;
use crate::partition::Lease;
use crate::parts::Parts;
use crate::sync::read;
use linger_series::{Point, Selector, Series, SeriesKey, Window};
use matcher::Matcher;

/// One selected series on its way.
struct Reading {
    id: SeriesId,
    key: SeriesKey,
    points: Vec<Point>,
    /// Copied from the head before any block was read.
    unsealed: Vec<Point>,
}

/// The series a selector means that have points in the window, in order of key.
pub(crate) fn select(
    shared: &Parts,
    selector: &Selector,
    window: Window,
    limits: SelectLimits,
) -> Result<Vec<Series>, Error> {
    let matcher = Matcher::new(selector)?;
    let mut budget = Budget { points: 0, max: limits.points_max };
    let mut readings = Vec::new();
    let mut take = |id: SeriesId, unsealed: Vec<Point>, budget: &mut Budget| {
        // Between the two reads retention may have forgotten it.
        let Some(key) = shared.meta.series(id)?.filter(|key| matcher.matches(key)) else { return Ok(()) };
        if readings.len() >= limits.series_max {
            return Err(Error::TooMany { limit: "series in one answer", max: limits.series_max });
        }
        budget.take(unsealed.len())?;
        readings.push(Reading { id, key, points: Vec::new(), unsealed });
        Ok(())
    };
    let mut quiet = Vec::new();
    for id in shared.meta.candidates(selector)? {
        let mut unsealed = Vec::new();
        read(&shared.head).points(id.stream(), id.ordinal(), window, &mut unsealed);
        match unsealed.is_empty() {
            true => quiet.push(id),
            false => take(id, unsealed, &mut budget)?,
        }
    }
    let mut days = shared.partitions.days();
    days.retain(|day| window.from < day.end() && day.start() < window.to);
    // Sites come and go: most registered series have nothing in a short window, and do not count. What days hold is
    // read after all of the head was copied, so that a seal in between is seen.
    for id in sealed_in(shared, &days, quiet)? {
        take(id, Vec::new(), &mut budget)?;
    }
    readings.sort_unstable_by_key(|reading| reading.id);
    // Its 100 KB are not wanted where all points are in the head, as for who judges the last minutes.
    let mut decoder = None;
    for day in days {
        read_day(shared, &mut decoder, day, window, &mut readings, &mut budget)?;
    }
    for reading in &mut readings {
        let last = reading.points.last().map(|point| point.t);
        reading.points.extend(reading.unsealed.drain(..).filter(|point| Some(point.t) > last));
    }
    readings.retain(|reading| !reading.points.is_empty());
    Ok(merged(readings))
}

/// Keys of the series a selector means, whether or not they have points, in order and each once.
pub(crate) fn keys(shared: &Parts, selector: &Selector) -> Result<Vec<SeriesKey>, Error> {
    let matcher = Matcher::new(selector)?;
    let mut keys = Vec::new();
    for id in shared.meta.candidates(selector)? {
        keys.extend(shared.meta.series(id)?.filter(|key| matcher.matches(key)));
    }
    keys.sort_unstable();
    keys.dedup();
    Ok(keys)
}

/// Those of rising `ids` that have samples in sealed blocks of these days. To the day: for a short window it can be
/// all that its day holds.
fn sealed_in(shared: &Parts, days: &[Day], ids: Vec<SeriesId>) -> Result<Vec<SeriesId>, Error> {
    let place = |id: &SeriesId| (id.stream(), group_of(id.ordinal()));
    let mut sealed = Vec::new();
    for ids in ids.chunk_by(|a, b| place(a) == place(b)) {
        let Some((stream, group)) = ids.first().map(place) else { continue };
        let mut mask = 0;
        for &day in days {
            mask |= shared.meta.group(day, stream, group)?.mask;
        }
        sealed.extend(ids.iter().filter(|id| mask & mask_of(id.ordinal()) != 0));
    }
    Ok(sealed)
}

/// Points of one answer, against their limit.
struct Budget {
    points: usize,
    max: usize,
}

impl Budget {
    fn take(&mut self, points: usize) -> Result<(), Error> {
        self.points += points;
        match self.points > self.max {
            true => Err(Error::TooMany { limit: "points in one answer", max: self.max }),
            false => Ok(()),
        }
    }
}

/// Appends a day's points to all readings. A partition found damaged is put aside and gives no more points.
fn read_day(
    shared: &Parts,
    decoder: &mut Option<Decoder>,
    day: Day,
    window: Window,
    readings: &mut [Reading],
    budget: &mut Budget,
) -> Result<(), Error> {
    let place = |reading: &Reading| (reading.id.stream(), group_of(reading.id.ordinal()));
    let mut lease = None;
    // Ids are in order, so that the series of a group lie together and each block is unpacked once.
    for readings in readings.chunk_by_mut(|a, b| place(a) == place(b)) {
        let Some((stream, group)) = readings.first().map(place) else { continue };
        let wanted = readings.iter().fold(0, |mask, reading| mask | mask_of(reading.id.ordinal()));
        let facts = shared.meta.group(day, stream, group)?;
        if facts.mask & wanted == 0 {
            continue;
        }
        if lease.is_none() {
            lease = shared.partitions.read(day)?;
        }
        let Some(lease) = &lease else { return Ok(()) };
        let decoder = match decoder {
            Some(decoder) => decoder,
            None => decoder.insert(new_decoder()?),
        };
        let rows = lease.blocks(stream, group, &facts, window);
        match rows.and_then(|rows| unpack(lease, decoder, &rows, window, readings, budget)) {
            Err(error) if error.is_corruption() => return shared.partitions.quarantine(lease),
            result => result?,
        }
    }
    Ok(())
}

fn new_decoder() -> Result<Decoder, Error> {
    Decoder::new().map_err(|e| Error::Engine { part: "select".to_owned(), why: e.to_string() })
}

/// Appends the points of one group's blocks.
fn unpack(
    lease: &Lease,
    decoder: &mut Decoder,
    rows: &[Vec<u8>],
    window: Window,
    readings: &mut [Reading],
    budget: &mut Budget,
) -> Result<(), Error> {
    for row in rows {
        let block = decoder.block(row).map_err(|error| lease.corrupt(error))?;
        for reading in &mut *readings {
            let before = reading.points.len();
            decoder
                .points(&block, column_of(reading.id.ordinal()), window, &mut reading.points)
                .map_err(|error| lease.corrupt(error))?;
            budget.take(reading.points.len() - before)?;
        }
    }
    Ok(())
}

/// One series per key: the same key can have come from several streams, as when a metric moved to another
/// collector. Of two points at one time the later registered stream's stays.
fn merged(readings: Vec<Reading>) -> Vec<Series> {
    let mut readings = readings;
    readings.sort_by(|a, b| (&a.key, a.id).cmp(&(&b.key, b.id)));
    let mut series: Vec<Series> = Vec::with_capacity(readings.len());
    for reading in readings {
        match series.last_mut() {
            Some(last) if last.key == reading.key => {
                last.points.splice(0..0, reading.points);
                // Stable: at equal times the later stream's point, put before, comes first and stays.
                last.points.sort_by_key(|point| point.t);
                last.points.dedup_by_key(|point| point.t);
            }
            _ => series.push(Series { key: reading.key, points: reading.points }),
        }
    }
    series
}
