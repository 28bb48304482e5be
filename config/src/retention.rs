//! How long and how much the store keeps.

use crate::key::{AnyKey, Bounded, Section, object, or_nothing};
use crate::read::Place;
use crate::report::Report;
use crate::{Bytes, Duration};
use serde::Serialize;

/// How long and how much the store keeps; whichever limit is met first counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Retention {
    /// Age up to which raw points are kept.
    pub raw: Duration,
    /// Size on disk the store is kept under.
    pub bytes: Bytes,
}

/// Shortest retention: growth is judged over windows of an hour.
const RAW_MIN: Duration = Duration::from_secs(3600);

/// Longest retention: ten years.
const RAW_MAX: Duration = Duration::from_secs(3650 * 86_400);

/// Smallest store: a log and one day of one small service.
const BYTES_MIN: Bytes = Bytes::mib(16);

/// Largest store: beyond it this is not the right store.
const BYTES_MAX: Bytes = Bytes::mib(1024 * 1024);

static KEYS: &[&AnyKey] = &[&RAW, &BYTES];
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

/// What the store keeps.
pub(crate) static RETENTION: Section = Section {
    name: "retention",
    about: "What the store keeps; whichever limit is met first counts.",
    object: || or_nothing(object(KEYS, &serde_json::to_value(Retention::default()).unwrap_or_default())),
};

impl Default for Retention {
    fn default() -> Self {
        Self { raw: Duration::from_secs(14 * 86_400), bytes: Bytes::mib(256) }
    }
}

impl Retention {
    pub(crate) fn read(place: Place<'_>, report: &mut Report<'_>) -> Self {
        let default = Self::default();
        let Some(fields) = place.fields(KEYS, report) else { return default };
        let raw = fields.value(&RAW, report).map_or(default.raw, |raw| raw.value);
        let bytes = fields.value(&BYTES, report).map_or(default.bytes, |bytes| bytes.value);
        Self { raw, bytes }
    }
}
