//! Where points go: the store, or memory for a one-shot look.

use crate::reader::Memory;
use linger_series::{SeriesKey, Stream, TimeMs};
use linger_store::{Scrape, SeriesId, Store};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Takes the points of scrapes.
pub trait Sink {
    /// Takes the points of one scrape.
    fn append(&mut self, target: &str, collector: &str, at: TimeMs, points: &[(SeriesKey, f64)]);
    /// Keeps a small value over restarts.
    fn remember(&mut self, name: &str, value: &[u8]);
    /// Drops what is kept of a target beside its points.
    fn forget(&mut self, _target: &str) {}
}

/// Series whose ids are remembered; beyond it the map starts anew (ids are looked up again, nothing is lost).
const IDS_REMEMBERED_MAX: usize = 50_000;

/// Points to the store.
pub struct ToStore {
    store: Store,
    ids: HashMap<Stream, HashMap<SeriesKey, SeriesId>>,
    known: usize,
    refused: Arc<AtomicU64>,
    /// Set when the store no longer knows an id: a series nobody wrote for as long as points are kept.
    aged_out: Arc<AtomicBool>,
}

impl ToStore {
    /// Points go to `store`.
    pub fn new(store: Store) -> Self {
        Self { store, ids: HashMap::new(), known: 0, refused: Arc::default(), aged_out: Arc::default() }
    }

    fn id(&mut self, stream: &Stream, key: &SeriesKey) -> Result<SeriesId, linger_store::Error> {
        if self.known > IDS_REMEMBERED_MAX || self.aged_out.swap(false, Ordering::Relaxed) {
            self.ids.clear();
            self.known = 0;
        }
        let of_stream = self.ids.entry(stream.clone()).or_default();
        if let Some(id) = of_stream.get(key) {
            return Ok(*id);
        }
        let id = self.store.register(stream, key)?;
        of_stream.insert(key.clone(), id);
        self.known += 1;
        Ok(id)
    }

    fn try_append(
        &mut self,
        stream: &Stream,
        at: TimeMs,
        points: &[(SeriesKey, f64)],
    ) -> Result<(), linger_store::Error> {
        let mut samples = Vec::with_capacity(points.len());
        for (key, value) in points {
            match self.id(stream, key) {
                Ok(id) => samples.push((id, *value)),
                // One series that cannot be had (a limit reached) costs its own points only.
                Err(e) => complain(&self.refused, stream, &format!("{key}: {e}")),
            }
        }
        let (refused, aged_out, name) = (self.refused.clone(), self.aged_out.clone(), stream.clone());
        self.store.append(Scrape { stream: stream.clone(), at, samples }, move |stored| {
            if let Err(e) = stored {
                if matches!(e, linger_store::Error::UnknownSeries { .. }) {
                    aged_out.store(true, Ordering::Relaxed);
                }
                complain(&refused, &name, &e.to_string());
            }
        })
    }
}

/// Logs the first refusal and then each hundredth: a full disk must not fill the log too.
fn complain(refused: &AtomicU64, stream: &Stream, why: &str) {
    let before = refused.fetch_add(1, Ordering::Relaxed);
    if before.is_multiple_of(100) {
        let so_far = before + 1;
        tracing::error!(
            target = &*stream.target,
            collector = &*stream.collector,
            so_far,
            "scrape not stored: {why}"
        );
    }
}

impl Sink for ToStore {
    fn append(&mut self, target: &str, collector: &str, at: TimeMs, points: &[(SeriesKey, f64)]) {
        let stream = Stream::new(target, collector);
        if let Err(e) = self.try_append(&stream, at, points) {
            complain(&self.refused, &stream, &e.to_string());
        }
    }

    fn remember(&mut self, name: &str, value: &[u8]) {
        let kept = self.store.put_note(name, value.to_vec(), |stored| {
            if let Err(e) = stored {
                tracing::error!("note not stored: {e}");
            }
        });
        if let Err(e) = kept {
            tracing::error!("note {name} not stored: {e}");
        }
    }
}

/// Points to memory that others read.
#[derive(Clone, Default)]
pub struct ToMemory(pub Arc<Mutex<Memory>>);

impl Sink for ToMemory {
    fn append(&mut self, target: &str, collector: &str, at: TimeMs, points: &[(SeriesKey, f64)]) {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        memory.append(&Stream::new(target, collector), at, points);
    }

    fn remember(&mut self, _name: &str, _value: &[u8]) {}
}
