//! How long and how much is kept: points in the store, execution traces beside it.

use crate::key::{AnyKey, Bounded, Section, object, or_nothing};
use crate::read::Place;
use crate::report::Report;
use crate::{Bytes, Duration};
use serde::Serialize;

/// How long and how much is kept; whichever limit is met first counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Retention {
    /// Age up to which raw points are kept.
    pub raw: Duration,
    /// Size on disk the store is kept under.
    pub bytes: Bytes,
    /// Execution traces kept of each target, as they came; 0 keeps none.
    pub traces_per_target: u32,
    /// Bytes that the traces of all targets together may take.
    pub traces_bytes: Bytes,
}

/// Shortest retention: growth is judged over windows of an hour.
const RAW_MIN: Duration = Duration::from_secs(3600);

/// Longest retention: ten years.
const RAW_MAX: Duration = Duration::from_secs(3650 * 86_400);

/// Smallest store: a log and one day of one small service.
const BYTES_MIN: Bytes = Bytes::mib(16);

/// Largest store: beyond it this is not the right store.
const BYTES_MAX: Bytes = Bytes::mib(1024 * 1024);

/// Most traces of a target: one every ten minutes for half a day.
const TRACES_PER_TARGET_MAX: u32 = 100;

/// Least room for traces: half a minute's worth of an idle service.
const TRACES_BYTES_MIN: Bytes = Bytes::mib(1);

static KEYS: &[&AnyKey] = &[&RAW, &BYTES, &TRACES_PER_TARGET, &TRACES_BYTES];
static RAW: Bounded<Duration> = Bounded {
    name: "raw",
    about: "Age up to which raw points are kept.",
    least: RAW_MIN,
    most: RAW_MAX,
    why: "",
};
static BYTES: Bounded<Bytes> = Bounded {
    name: "bytes",
    about: "Size on disk the store is kept under.",
    least: BYTES_MIN,
    most: BYTES_MAX,
    why: "",
};

static TRACES_PER_TARGET: Bounded<u32> = Bounded {
    name: "traces_per_target",
    about: "Execution traces kept of each target, as they came; 0 keeps none.",
    least: 0,
    most: TRACES_PER_TARGET_MAX,
    why: "",
};
static TRACES_BYTES: Bounded<Bytes> = Bounded {
    name: "traces_bytes",
    about: "Bytes that the execution traces of all targets together may take; the oldest go first.",
    least: TRACES_BYTES_MIN,
    most: BYTES_MAX,
    why: "",
};

/// What is kept.
pub(crate) static RETENTION: Section = Section {
    name: "retention",
    about: "What is kept; whichever limit is met first counts.",
    object: || or_nothing(object(KEYS, &serde_json::to_value(Retention::default()).unwrap_or_default())),
};

impl Default for Retention {
    fn default() -> Self {
        Self {
            raw: Duration::from_secs(14 * 86_400),
            bytes: Bytes::mib(256),
            traces_per_target: 4,
            traces_bytes: Bytes::mib(32),
        }
    }
}

impl Retention {
    pub(crate) fn read(place: Place<'_>, report: &mut Report<'_>) -> Self {
        let default = Self::default();
        let Some(fields) = place.fields(KEYS, report) else { return default };
        let raw = fields.value(&RAW, report).map_or(default.raw, |raw| raw.value);
        let bytes = fields.value(&BYTES, report).map_or(default.bytes, |bytes| bytes.value);
        let per_target = fields.value(&TRACES_PER_TARGET, report);
        let traces_per_target = per_target.map_or(default.traces_per_target, |given| given.value);
        let traces_bytes = fields.value(&TRACES_BYTES, report);
        let traces_bytes = traces_bytes.map_or(default.traces_bytes, |given| given.value);
        Self { raw, bytes, traces_per_target, traces_bytes }
    }
}
