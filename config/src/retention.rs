//! How long and how much the store keeps.

use crate::read::{Place, within};
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

impl Default for Retention {
    fn default() -> Self {
        Self { raw: Duration::from_secs(14 * 86_400), bytes: Bytes::mib(256) }
    }
}

impl Retention {
    pub(crate) fn read(place: Place<'_>, report: &mut Report<'_>) -> Self {
        let default = Self::default();
        let Some(fields) = place.fields(&["raw", "bytes"], report) else { return default };
        let raw = fields
            .value("raw", report)
            .and_then(|raw| within(raw, RAW_MIN, RAW_MAX, "", report))
            .map_or(default.raw, |raw| raw.value);
        let bytes = fields
            .value("bytes", report)
            .and_then(|bytes| within(bytes, BYTES_MIN, BYTES_MAX, "", report))
            .map_or(default.bytes, |bytes| bytes.value);
        Self { raw, bytes }
    }
}
