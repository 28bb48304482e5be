//! The one thread that writes. It gathers what arrived, makes it durable with one flush, and only then tells.
//!
//! A commit: meta first (a WAL record must never name a series meta does not know), then one WAL record per scrape,
//! all by one flush; then the head; then the acknowledgements. A commit never crosses the end of a block: a scrape that has no room in its stream's block, or belongs to another day, waits for the seal.

use crate::block;
use crate::day::Day;
use crate::head::Durable;
use crate::id::{Ordinal, StreamId};
use crate::meta::row::Sealed;
use crate::options::{BLOCK_SAMPLES_MAX, COMMIT_SAMPLES_MAX, HEAD_BYTES_MAX, TIME_MS_MAX, WAL_BYTES_MAX};
use crate::parts::Parts;
use crate::rewrite::Rewrite;
use crate::stats::raise;
use crate::store::Scrape;
use crate::sync::{lock, read, write};
use crate::wal::log::Seq;
use crate::wal::{self, Chain};
use crate::{Error, SeriesId};
use linger_series::TimeMs;
use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

mod clock;
mod rhythm;
mod upkeep;

use clock::Clock;
use rhythm::Rhythm;

/// Told once, on the writer's thread: keep it short.
pub(crate) type OnAck = Box<dyn FnOnce(Result<(), Error>) + Send>;

pub(crate) enum Command {
    Append(Scrape, OnAck),
    Note { name: String, value: Vec<u8>, on_ack: OnAck },
    Maintain(TimeMs),
    Flush(OnAck),
    Close(OnAck),
}

/// Longest sleep when there is nothing to do.
const IDLE: Duration = Duration::from_secs(3600);

pub(crate) struct Writer {
    shared: Arc<Parts>,
    records: wal::Encoder,
    blocks: block::Encoder,
    tails: HashMap<StreamId, Tail>,
    clock: Clock,
    pending: Vec<(Scrape, OnAck)>,
    pending_samples: usize,

    notes: BTreeMap<String, Vec<u8>>,
    note_acks: Vec<OnAck>,
    staged: Vec<Staged>,
    commits: Rhythm,
    syncs: Rhythm,
    /// Something was flushed since [`Writer::record_reached`].
    moved: bool,
    /// A day that is over, on its way into a smaller folder.
    rewrite: Option<Rewrite>,
}

/// The end of a stream, with what is staged.
#[derive(Default)]
struct Tail {
    /// Last one used, be it for a record that failed.
    last_seq: Seq,
    /// Last one that is durable.
    durable_seq: Seq,
    last: Option<TimeMs>,
    /// Samples in the block that is filling, and its day.
    block_samples: usize,
    block_day: Option<Day>,
    chain: Chain,
}

/// A scrape with its record, not yet written.
struct Staged {
    stream: StreamId,
    seq: Seq,
    record: Vec<u8>,
    at: TimeMs,
    ordinals: Vec<Ordinal>,
    values: Vec<f64>,
    on_ack: OnAck,
}

impl Writer {
    pub(crate) fn new(shared: Arc<Parts>, last_seqs: &HashMap<StreamId, Seq>) -> Result<Self, Error> {
        let zstd = |e: std::io::Error| Error::Engine { part: "writer".to_owned(), why: e.to_string() };
        let mut writer = Self {
            records: wal::Encoder::new().map_err(zstd)?,
            blocks: block::Encoder::new(block::SEAL_LEVEL).map_err(zstd)?,
            tails: HashMap::new(),
            clock: Clock::default(),
            pending: Vec::new(),
            pending_samples: 0,
            notes: BTreeMap::new(),
            note_acks: Vec::new(),
            staged: Vec::new(),
            commits: Rhythm::new(shared.options.commit_every),
            syncs: Rhythm::new(shared.options.sync_every),
            moved: false,
            rewrite: None,
            shared,
        };
        for (&stream, sealed) in &writer.shared.meta.sealed() {
            let last_seq = last_seqs.get(&stream).copied().unwrap_or(0).max(sealed.seq);
            let tail = writer.tail_of(stream, *sealed, last_seq, last_seq);
            writer.tails.insert(stream, tail);
        }
        let settled = writer.shared.options.clock_settled;
        writer.clock = Clock::after(writer.tails.values().filter_map(|tail| tail.last).max(), settled);
        Ok(writer)
    }

    /// A stream's end as the head and the last seal know it; its next record starts a chain.
    fn tail_of(&self, stream: StreamId, sealed: Sealed, last_seq: Seq, durable_seq: Seq) -> Tail {
        let head = read(&self.shared.head);
        let times = head.stream(stream).map_or(&[][..], |unsealed| unsealed.times());
        Tail {
            last_seq,
            durable_seq,
            last: times.last().copied().or(sealed.last),
            block_samples: times.len(),
            block_day: times.first().map(|&first| Day::of(first)),
            chain: Chain::default(),
        }
    }

    /// Serves until told to close or until all handles are gone.
    pub(crate) fn run(mut self, commands: &Receiver<Command>) {
        loop {
            let received = commands.recv_timeout(self.sleep());
            let came = received.is_ok();
            let closing = match received {
                Ok(command) => self.take(command),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => Some(None),
            };
            if let Some(on_ack) = closing {
                self.close(on_ack);
                return;
            }
            if self.is_full() || self.commits.is_due(Instant::now(), came) {
                self.commit();
            }
            self.rewrite_some();
            if self.syncs.is_due(Instant::now(), came) {
                // A failure is counted as a fault and tried again.
                let _ = self.sync();
            }
        }
    }

    fn sleep(&self) -> Duration {
        let now = Instant::now();
        let rewrite = self.rewrite.as_ref().map(Rewrite::rest);
        let rests = [self.commits.rest(now), self.syncs.rest(now), rewrite];
        rests.into_iter().flatten().min().unwrap_or(IDLE)
    }

    /// Whether what waits is too much to wait.
    fn is_full(&self) -> bool {
        self.pending_samples >= COMMIT_SAMPLES_MAX
            || self.pending.len() >= self.shared.options.queue_scrapes_max.max(1)
    }

    /// Takes a command; `Some` when it is the last.
    fn take(&mut self, command: Command) -> Option<Option<OnAck>> {
        if matches!(command, Command::Append(..) | Command::Note { .. }) {
            self.commits.wanted(Instant::now());
        }
        match command {
            Command::Append(scrape, on_ack) => {
                self.shared.queued_samples.fetch_sub(scrape.samples.len(), Ordering::Relaxed);
                self.pending_samples += scrape.samples.len();
                self.pending.push((scrape, on_ack));
            }
            Command::Note { name, value, on_ack } => {
                self.notes.insert(name, value);
                self.note_acks.push(on_ack);
            }
            Command::Maintain(now) => {
                self.commit();
                self.maintain(now);
            }
            Command::Flush(on_ack) => {
                self.commit();
                let result = self.sync();
                self.tell(on_ack, result);
            }
            Command::Close(on_ack) => return Some(Some(on_ack)),
        }
        None
    }

    fn close(&mut self, on_ack: Option<OnAck>) {
        self.end_rewrite(None);
        self.commit();
        let result = self.record_reached();
        if let Some(on_ack) = on_ack {
            self.tell(on_ack, result);
        }
    }

    /// Makes durable against a power cut what commits made durable against a kill.
    fn sync(&mut self) -> Result<(), Error> {
        if !self.syncs.is_wanted() {
            return Ok(());
        }
        let result = self.shared.log.sync();
        self.syncs.done(Instant::now());
        if let Err(error) = &result {
            self.syncs.wanted(Instant::now());
            self.shared.fault("sync", error);
        }
        result
    }

    /// Calls an acknowledgement. One that panics must not take the writer down with it.
    fn tell(&self, on_ack: OnAck, result: Result<(), Error>) {
        if catch_unwind(AssertUnwindSafe(|| on_ack(result))).is_err() {
            self.shared.fault("acknowledgement", &"the callback panicked");
        }
    }

    /// Syncs the log and remembers how far it is.
    fn record_reached(&mut self) -> Result<(), Error> {
        self.sync()?;
        if self.moved {
            let reached: Vec<_> =
                self.tails.iter().map(|(stream, tail)| (*stream, tail.durable_seq)).collect();
            self.shared.meta.record_reached(&reached)?;
            self.moved = false;
        }
        Ok(())
    }

    /// Makes everything gathered durable and tells.
    fn commit(&mut self) {
        self.commits.done(Instant::now());
        let pending = std::mem::take(&mut self.pending);
        self.pending_samples = 0;
        let notes = std::mem::take(&mut self.notes);
        let note_acks = std::mem::take(&mut self.note_acks);
        let meta = self.shared.meta.put_notes(&notes).and_then(|()| self.shared.meta.commit());
        for on_ack in note_acks {
            self.tell(on_ack, meta.clone());
        }
        for (scrape, on_ack) in pending {
            match meta.clone().and_then(|()| self.stage(scrape)) {
                Ok(Some(staged)) => self.staged.push(Staged { on_ack, ..staged }),
                Ok(None) => self.tell(on_ack, Ok(())),
                Err(error) => {
                    raise(&self.shared.counters.scrapes_refused, 1);
                    *lock(&self.shared.counters.last_refusal) = Some(error.to_string());
                    self.tell(on_ack, Err(error));
                }
            }
        }
        self.write_staged();
        self.seal_full();
    }

    /// Checks a scrape and encodes its record; `None` for one without samples.
    fn stage(&mut self, scrape: Scrape) -> Result<Option<Staged>, Error> {
        let Some(&(any, _)) = scrape.samples.first() else { return Ok(None) };
        let at = scrape.at;
        if !(0..=TIME_MS_MAX).contains(&at.0) {
            return Err(Error::TimeOutOfRange { at });
        }
        let meta = &self.shared.meta;
        let stream = meta.stream(&scrape.stream).ok_or(Error::UnknownSeries { id: any })?;
        let (ordinals, values) = columns(stream, scrape.samples)?;
        meta.check_known(stream, &ordinals)?;
        let tail = self.tails.entry(stream).or_default();
        if let Some(last) = tail.last.filter(|last| at <= *last) {
            return Err(Error::TimeNotAfter { stream: scrape.stream, at, last });
        }
        let judged = self.clock.judge(at, Instant::now());
        judged.map_err(|newest| Error::TimeJumped { at, newest, believed_after: clock::BELIEVED_AFTER })?;
        let room = tail.block_samples < BLOCK_SAMPLES_MAX
            && (tail.block_samples == 0 || tail.block_day == Some(Day::of(at)));
        if !room {
            self.write_staged();
            self.seal(stream)?;
        }
        let tail = self.tails.entry(stream).or_default();
        let record = self.records.encode(&mut tail.chain, at, &ordinals, &values);
        let record = record.map_err(|e| Error::Engine { part: "wal".to_owned(), why: e.to_string() })?;
        tail.last_seq += 1;
        tail.last = Some(at);
        tail.block_samples += 1;
        tail.block_day = Some(Day::of(at));
        let on_ack: OnAck = Box::new(|_| ());
        Ok(Some(Staged { stream, seq: tail.last_seq, record, at, ordinals, values, on_ack }))
    }

    /// One flush; then the head, then the acknowledgements.
    fn write_staged(&mut self) {
        let mut staged = std::mem::take(&mut self.staged);
        if staged.is_empty() {
            return;
        }
        let wal_bytes: Vec<usize> = staged.iter().map(|scrape| scrape.record.len()).collect();
        let records = staged.iter_mut().map(|s| (s.stream, s.seq, std::mem::take(&mut s.record))).collect();
        let started = Instant::now();
        let result = self.shared.log.append(records);
        let counters = &self.shared.counters;
        let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        counters.last_flush_us.store(micros, Ordering::Relaxed);
        if result.is_ok() {
            self.syncs.wanted(started);
            self.moved = true;
            let mut head = write(&self.shared.head);
            for (scrape, wal_bytes) in staged.iter().zip(wal_bytes) {
                let Staged { stream, seq, at, ordinals, values, .. } = scrape;
                head.append(*stream, &Durable { seq: *seq, wal_bytes, at: *at, ordinals, values });
                if let Some(tail) = self.tails.get_mut(stream) {
                    tail.durable_seq = *seq;
                }
            }
            drop(head);
            raise(&counters.scrapes_acknowledged, staged.len());
            raise(&counters.samples_acknowledged, staged.iter().map(|s| s.values.len()).sum());
        } else {
            raise(&counters.scrapes_refused, staged.len());
            self.forget_staged(&staged);
        }
        for scrape in staged {
            self.tell(scrape.on_ack, result.clone());
        }
    }

    /// After a failed write: takes its records back as far as that goes, and lets the streams end where they ended
    /// before. A record that reached the disk all the same is replayed as what it is, a scrape of unknown outcome.
    fn forget_staged(&mut self, staged: &[Staged]) {
        let records: Vec<(StreamId, Seq)> = staged.iter().map(|scrape| (scrape.stream, scrape.seq)).collect();
        if let Err(error) = self.shared.log.delete_all(&records) {
            self.shared.fault("taking back a failed write", &error);
        }
        let sealed = self.shared.meta.sealed();
        for &(stream, _) in &records {
            let (last_seq, durable_seq) =
                self.tails.get(&stream).map_or((0, 0), |tail| (tail.last_seq, tail.durable_seq));
            let sealed = sealed.get(&stream).copied().unwrap_or_default();
            let tail = self.tail_of(stream, sealed, last_seq, durable_seq);
            self.tails.insert(stream, tail);
        }
    }

    fn seal(&mut self, stream: StreamId) -> Result<(), Error> {
        let day = read(&self.shared.head).stream(stream).and_then(|unsealed| unsealed.day());
        if self.rewrite.as_ref().is_some_and(|rewrite| Some(rewrite.day()) == day) {
            // What is sealed now would be missing from the copy.
            self.end_rewrite(None);
        }
        let result = crate::seal::seal(&self.shared, &mut self.blocks, stream);
        if let Err(error) = &result {
            self.shared.fault("seal", error);
        }
        let sealed = read(&self.shared.head).stream(stream).is_none();
        if let Some(tail) = self.tails.get_mut(&stream).filter(|_| sealed) {
            tail.block_samples = 0;
            tail.block_day = None;
            tail.chain.restart();
        }
        if sealed { Ok(()) } else { result }
    }

    /// Seals full blocks, and early what takes more memory or WAL than the limits. One failure ends it: the next
    /// commit tries again.
    fn seal_full(&mut self) {
        let full: Vec<StreamId> = self
            .tails
            .iter()
            .filter(|(_, tail)| tail.block_samples >= BLOCK_SAMPLES_MAX)
            .map(|(stream, _)| *stream)
            .collect();
        for stream in full {
            if self.seal(stream).is_err() {
                return;
            }
        }
        loop {
            let over = {
                let head = read(&self.shared.head);
                if head.bytes() > HEAD_BYTES_MAX {
                    head.largest()
                } else if head.wal_bytes() > WAL_BYTES_MAX {
                    head.oldest()
                } else {
                    None
                }
            };
            match over {
                Some(stream) if self.seal(stream).is_ok() => {}
                _ => return,
            }
        }
    }
}

/// A scrape's series and values in rising order of series, all of one stream, none twice.
fn columns(stream: StreamId, mut samples: Vec<(SeriesId, f64)>) -> Result<(Vec<Ordinal>, Vec<f64>), Error> {
    if !samples.is_sorted_by_key(|(id, _)| *id) {
        samples.sort_unstable_by_key(|(id, _)| *id);
    }
    for ((a, _), (b, _)) in samples.iter().zip(samples.iter().skip(1)) {
        if a == b {
            return Err(Error::RepeatedSeries { id: *a });
        }
    }
    for (id, _) in samples.first().into_iter().chain(samples.last()) {
        if id.stream() != stream {
            return Err(Error::UnknownSeries { id: *id });
        }
    }
    Ok(samples.into_iter().map(|(id, value)| (id.ordinal(), value)).unzip())
}
