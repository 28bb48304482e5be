//! What the writer does each minute: seals of streams that scrape rarely, retention, closing of idle partitions, and
//! the start of rewriting a day that is over.

use super::Writer;
use crate::Error;
use crate::day::Day;
use crate::retention;
use crate::rewrite::{Progress, Rewrite};
use crate::sync::{lock, read};
use linger_series::TimeMs;
use std::collections::BTreeMap;
use std::time::Duration;

/// Partitions unused for this long are closed: a person who looks at a week keeps looking for minutes.
const PARTITION_IDLE: Duration = Duration::from_secs(300);

/// How long after its end a day's last block may still fill: collectors that run every ten minutes.
const DAY_GRACE: Duration = Duration::from_secs(1800);

impl Writer {
    pub(super) fn maintain(&mut self, now: TimeMs) {
        self.seal_idle(now);
        if let Err(error) = self.record_reached() {
            self.shared.fault("recording the log's end", &error);
        }
        if let Err(error) = self.retain(now) {
            self.shared.fault("retention", &error);
        }
        self.shared.partitions.close_idle(PARTITION_IDLE);
        if self.rewrite.is_none() {
            let is_over = |day: Day| now.since(day.end()) >= DAY_GRACE;
            match Rewrite::begin(&self.shared, is_over) {
                Ok(rewrite) => self.rewrite = rewrite,
                Err(error) => self.shared.fault("rewriting a day", &error),
            }
        }
    }

    /// A step of a rewriting under way, if its rest is over.
    pub(super) fn rewrite_some(&mut self) {
        let Some(rewrite) = self.rewrite.as_mut().filter(|rewrite| rewrite.rest().is_zero()) else { return };
        match rewrite.step(&self.shared) {
            Ok(Progress::More) => {}
            Ok(Progress::Done) => self.rewrite = None,
            Err(error) => self.end_rewrite(Some(&error)),
        }
    }

    /// Gives a rewriting up; the day is rewritten another time.
    pub(super) fn end_rewrite(&mut self, error: Option<&Error>) {
        let Some(rewrite) = self.rewrite.take() else { return };
        if let Some(error) = error {
            self.shared.fault("rewriting a day", error);
        }
        if let Err(error) = rewrite.abandon(&self.shared.partitions, error) {
            self.shared.fault("giving up a rewriting", &error);
        }
    }

    /// Seals what is too old to wait for a full block, and blocks of days that are over.
    fn seal_idle(&mut self, now: TimeMs) {
        let age_max = self.shared.options.head_age_max;
        let idle: Vec<_> = read(&self.shared.head)
            .first_times()
            .filter(|(_, first)| {
                now.since(*first) >= age_max || now.since(Day::of(*first).end()) >= DAY_GRACE
            })
            .map(|(stream, _)| stream)
            .collect();
        for stream in idle {
            if self.seal(stream).is_err() {
                return;
            }
        }
    }

    /// Drops days by age and by bytes. Age counts from the newest sample that is believed where that is earlier than
    /// `now`: a clock that jumped ahead must not empty the store.
    fn retain(&mut self, now: TimeMs) -> Result<(), Error> {
        let shared = &self.shared;
        let stats = shared.stats();
        let mut bytes: BTreeMap<Day, u64> = BTreeMap::new();
        for (day, partition) in shared.partitions.stats() {
            *bytes.entry(day).or_default() += partition.bytes;
        }
        let other = stats.disk_bytes.saturating_sub(bytes.values().sum());
        let days = shared.partitions.days().into_iter();
        let days = days.chain(read(&shared.head).last_times().map(Day::of)).collect();
        let now = stats.newest.map_or(now, |newest| retention::believed(&days, newest.min(now)).min(now));
        let (age, most) = *lock(&shared.retention);
        let gone = retention::expired(&bytes, other, now, age, most);
        for &day in &gone {
            let head = read(&shared.head);
            shared.meta.forget_day(day, |id| head.has(id.stream(), id.ordinal()))?;
        }
        if gone.is_empty() { Ok(()) } else { shared.partitions.remove(&gone) }
    }
}
