//! The handle: cheap to clone, for any thread.

use crate::kv::Engine;
use crate::kv::sled::SledEngine;
use crate::meta::check_note;
use crate::options::{QUEUE_SAMPLES_MAX, SCRAPE_SAMPLES_MAX, SelectLimits};
use crate::parts::Parts;
use crate::stats::{Stats, raise};
use crate::sync::{lock, write};
use crate::writer::{Command, OnAck, Writer};
use crate::{Error, Options, SeriesId, select};
use linger_series::{Selector, Series, SeriesKey, Stream, TimeMs, Window};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// One scrape of one stream: all values were taken at one moment.
#[derive(Clone, Debug)]
pub struct Scrape {
    /// Where it comes from.
    pub stream: Stream,
    /// When it was made; later than the stream's last one.
    pub at: TimeMs,
    /// Each series of the stream that has a value, once, in any order. A series that is not here has no point.
    pub samples: Vec<(SeriesId, f64)>,
}

/// An open store. Clones share it; the folder is free when the last one is gone.
#[derive(Clone)]
pub struct Store(Arc<Handle>);

struct Handle {
    /// None when read-only.
    sender: Option<SyncSender<Command>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    closed: AtomicBool,
    shared: Arc<Parts>,
}

impl Store {
    /// Opens the store in `dir`, made if there is none, and replays what was not sealed.
    ///
    /// # Errors
    /// Among others [`Error::Locked`], [`Error::NotAStore`], [`Error::NewerVersion`]; [`Error::Missing`] when opened
    /// read-only. A damaged partition or WAL is no error: it is put aside and counted in [`Stats`].
    pub fn open(dir: &Path, options: Options) -> Result<Self, Error> {
        Self::open_on(dir, options, Arc::new(SledEngine))
    }

    pub(crate) fn open_on(dir: &Path, options: Options, engine: Arc<dyn Engine>) -> Result<Self, Error> {
        let (shared, replayed) = Parts::open(dir, options, engine)?;
        let last_seqs = replayed.last_seqs;
        *write(&shared.head) = replayed.head;
        let shared = Arc::new(shared);
        let mut handle =
            Handle { sender: None, thread: Mutex::new(None), closed: AtomicBool::new(false), shared };
        if !handle.shared.options.read_only {
            let (sender, receiver) = sync_channel(handle.shared.options.queue_scrapes_max.max(1));
            let writer = Writer::new(handle.shared.clone(), &last_seqs)?;
            let thread = std::thread::Builder::new()
                .name("store-writer".to_owned())
                .spawn(move || writer.run(&receiver))
                .map_err(|e| Error::io(dir, e))?;
            handle.sender = Some(sender);
            handle.thread = Mutex::new(Some(thread));
        }
        Ok(Self(Arc::new(handle)))
    }

    /// The id of a series of a stream, the same for as long as the store knows it. Cheap for a series seen lately.
    ///
    /// # Errors
    /// Names that cannot be stored, and the limits on series, streams and labels.
    pub fn register(&self, stream: &Stream, key: &SeriesKey) -> Result<SeriesId, Error> {
        self.0.writable()?;
        self.0.shared.meta.register(stream, key)
    }

    /// Queues a scrape and returns at once. `on_ack` is called on the writer's thread: with `Ok` when the scrape
    /// outlives a kill of this process, with an error when none of it was stored. Keep it short, and do not wait for
    /// the store in it.
    ///
    /// # Errors
    /// [`Error::QueueFull`] when the queue is full: this scrape was dropped and counted, `on_ack` is not called.
    /// The same for one that is too large, and for a store closed or read-only.
    pub fn append(
        &self,
        scrape: Scrape,
        on_ack: impl FnOnce(Result<(), Error>) + Send + 'static,
    ) -> Result<(), Error> {
        let samples = scrape.samples.len();
        if samples > SCRAPE_SAMPLES_MAX {
            return Err(Error::TooMany { limit: "samples in one scrape", max: SCRAPE_SAMPLES_MAX });
        }
        let shared = &self.0.shared;
        let queued = shared.queued_samples.fetch_add(samples, Ordering::Relaxed);
        let result = match queued + samples > QUEUE_SAMPLES_MAX {
            true => Err(Error::QueueFull { limit: "samples waiting", max: QUEUE_SAMPLES_MAX }),
            false => self.0.try_send(Command::Append(scrape, Box::new(on_ack))),
        };
        if result.is_err() {
            shared.queued_samples.fetch_sub(samples, Ordering::Relaxed);
            raise(&shared.counters.scrapes_dropped, 1);
            raise(&shared.counters.samples_dropped, samples);
        }
        result
    }

    /// The points a selector means in a window, in order of key; series without a point are left out.
    ///
    /// # Errors
    /// A regular expression that does not compile, an answer above the limits, and failing reads. A partition found
    /// damaged is no error: it is put aside and counted, and gives no points.
    pub fn select(
        &self,
        selector: &Selector,
        window: Window,
        limits: SelectLimits,
    ) -> Result<Vec<Series>, Error> {
        select::select(&self.0.shared, selector, window, limits)
    }

    /// The keys a selector means, whether or not they have points.
    ///
    /// # Errors
    /// As [`Store::select`].
    pub fn keys(&self, selector: &Selector) -> Result<Vec<SeriesKey>, Error> {
        select::keys(&self.0.shared, selector)
    }

    /// Queues a small durable value under a name, in place of the one before; an empty one removes it. `on_ack` as
    /// in [`Store::append`].
    ///
    /// # Errors
    /// A name or value above its limit, a full queue, a store closed or read-only.
    pub fn put_note(
        &self,
        name: &str,
        value: Vec<u8>,
        on_ack: impl FnOnce(Result<(), Error>) + Send + 'static,
    ) -> Result<(), Error> {
        check_note(name, &value)?;
        self.0.try_send(Command::Note { name: name.to_owned(), value, on_ack: Box::new(on_ack) })
    }

    /// The value of a note; one just queued is seen after its acknowledgement.
    ///
    /// # Errors
    /// A failing read.
    pub fn note(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        self.0.shared.meta.note(name)
    }

    /// Asks for upkeep and returns at once: seals what waited too long, drops days by retention, closes idle
    /// partitions. To be called every minute. What fails is counted and named in [`Stats`].
    ///
    /// # Errors
    /// A full queue, a store closed or read-only.
    pub fn maintain(&self, now: TimeMs) -> Result<(), Error> {
        self.0.try_send(Command::Maintain(now))
    }

    /// Keeps days up to another age and other bytes on disk from the next upkeep on.
    pub fn set_retention(&self, age: Duration, bytes: u64) {
        *lock(&self.0.shared.retention) = (age, bytes);
    }

    /// Waits until everything queued before is durable, even against a power cut. Not to be called from an
    /// acknowledgement.
    ///
    /// # Errors
    /// A failed sync, a store closed or read-only.
    pub fn flush(&self) -> Result<(), Error> {
        self.0.wait(Command::Flush)
    }

    /// What the store says about itself. Reads sizes from the file system.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.0.shared.stats()
    }

    /// Reads every sealed block, counts them and compares checksums; damaged partitions are put aside, as when a reader meets
    /// them. Opens each partition once: meant for `linger store check`, not for a running agent.
    ///
    /// # Errors
    /// Failing reads. Damage is no error: [`Stats::quarantined`] says it.
    pub fn check(&self) -> Result<u64, Error> {
        self.0.shared.check()
    }

    /// The store's folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.0.shared.dir()
    }

    /// Makes everything queued durable and ends the writer. Other clones can still read; the folder is free when
    /// the last is gone. What is not sealed stays in the WAL.
    ///
    /// # Errors
    /// A failed last sync; [`Error::Closed`] when it was closed before.
    pub fn close(self) -> Result<(), Error> {
        if self.0.sender.is_none() {
            return Ok(());
        }
        let result = self.0.wait(Command::Close);
        self.0.closed.store(true, Ordering::Release);
        self.0.join();
        result
    }
}

impl Handle {
    fn writable(&self) -> Result<&SyncSender<Command>, Error> {
        match &self.sender {
            None => Err(Error::ReadOnly),
            Some(_) if self.closed.load(Ordering::Acquire) => Err(Error::Closed),
            Some(sender) => Ok(sender),
        }
    }

    fn try_send(&self, command: Command) -> Result<(), Error> {
        self.writable()?.try_send(command).map_err(|refused| match refused {
            TrySendError::Full(_) => {
                Error::QueueFull { limit: "scrapes waiting", max: self.shared.options.queue_scrapes_max }
            }
            TrySendError::Disconnected(_) => Error::Closed,
        })
    }

    /// Sends a command, waiting for room, and waits for its answer.
    fn wait(&self, command: impl FnOnce(OnAck) -> Command) -> Result<(), Error> {
        let (answer, answered) = channel();
        let on_ack: OnAck = Box::new(move |result| {
            // The other end waits for it; where it is gone, nobody wants to know.
            let _ = answer.send(result);
        });
        self.writable()?.send(command(on_ack)).map_err(|_| Error::Closed)?;
        answered.recv().map_err(|_| Error::Closed)?
    }

    fn join(&self) {
        let thread = lock(&self.thread).take();
        // The last clone may go away inside an acknowledgement, on the writer's own thread: it ends by itself.
        if let Some(thread) = thread.filter(|thread| thread.thread().id() != std::thread::current().id()) {
            let _ = thread.join();
        }
    }
}

impl Drop for Handle {
    /// As [`Store::close`], for those who only let go.
    fn drop(&mut self) {
        self.sender = None;
        self.join();
    }
}
