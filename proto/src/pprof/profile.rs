//! A decoded profile: tables whose every position has been checked.

use super::entry::{Mapping, Sample};
use super::strings::Strings;
use super::tables::SampleEnds;

/// A decoded profile. Reading it cannot fail.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    pub(super) sample_types: Vec<ValueType>,
    pub(super) period_type: ValueType,
    pub(super) period: i64,
    pub(super) time_ns: i64,
    pub(super) duration_ns: i64,
    pub(super) default_type: u32,
    pub(super) doc_url: u32,
    pub(super) comments: Vec<u32>,
    pub(super) mappings: Vec<MappingRow>,
    pub(super) samples: Vec<SampleEnds>,
    pub(super) values: Vec<i64>,
    pub(super) location_positions: Vec<u64>,
    pub(super) labels: Vec<LabelRow>,
    pub(super) locations: Vec<LocationRow>,
    pub(super) lines: Vec<LineRow>,
    pub(super) functions: Vec<FunctionRow>,
    pub(super) strings: Strings,
}

/// Kind and unit of a value, as positions in the string table.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct ValueType {
    pub(super) kind: u32,
    pub(super) unit: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct MappingRow {
    pub(super) start: u64,
    pub(super) limit: u64,
    pub(super) offset: u64,
    pub(super) file: u32,
    pub(super) build_id: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LocationRow {
    pub(super) address: u64,
    pub(super) lines_end: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LineRow {
    pub(super) function: u32,
    pub(super) line: i64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct FunctionRow {
    pub(super) name: u32,
    pub(super) file: u32,
    pub(super) start_line: i64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LabelRow {
    pub(super) key: u32,
    pub(super) text: u32,
    pub(super) number: i64,
    pub(super) unit: u32,
}

impl Profile {
    /// Kind and unit of each value of a sample, in order: `("inuse_space", "bytes")`.
    pub fn value_types(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.sample_types.iter().map(|t| (self.strings.at(t.kind), self.strings.at(t.unit)))
    }

    /// Which value of a sample is of `kind`.
    #[must_use]
    pub fn value_index(&self, kind: &str) -> Option<usize> {
        self.value_types().position(|(k, _)| k == kind)
    }

    /// The kind that the writer wants shown by default, where it names one.
    #[must_use]
    pub fn default_type(&self) -> Option<&str> {
        Some(self.strings.at(self.default_type)).filter(|kind| !kind.is_empty())
    }

    /// What is counted between two samples, its unit, and how many: `("cpu", "nanoseconds", 10000000)`.
    /// All empty where the profile has no period.
    #[must_use]
    pub fn period(&self) -> (&str, &str, i64) {
        (self.strings.at(self.period_type.kind), self.strings.at(self.period_type.unit), self.period)
    }

    /// When it was taken, Unix time in nanoseconds by the service's clock; 0 where not said.
    #[must_use]
    pub fn time_ns(&self) -> i64 {
        self.time_ns
    }

    /// How long it ran, in nanoseconds; 0 for snapshots.
    #[must_use]
    pub fn duration_ns(&self) -> i64 {
        self.duration_ns
    }

    /// All samples, in the order of the profile.
    pub fn samples(&self) -> impl ExactSizeIterator<Item = Sample<'_>> {
        (0..self.samples.len()).map(|index| Sample { profile: self, index })
    }

    /// Free text of the writer.
    pub fn comments(&self) -> impl ExactSizeIterator<Item = &str> {
        self.comments.iter().map(|c| self.strings.at(*c))
    }

    /// Where this kind of profile is documented, where the writer says so.
    #[must_use]
    pub fn doc_url(&self) -> Option<&str> {
        Some(self.strings.at(self.doc_url)).filter(|url| !url.is_empty())
    }

    /// What was mapped; the first one is the main binary.
    pub fn mappings(&self) -> impl ExactSizeIterator<Item = Mapping<'_>> {
        self.mappings.iter().map(|m| Mapping {
            start: m.start,
            limit: m.limit,
            offset: m.offset,
            file: self.strings.at(m.file),
            build_id: self.strings.at(m.build_id),
        })
    }

    /// Values of all samples added up, at `value_index`; as wide as no sum can pass.
    #[must_use]
    pub fn total(&self, value_index: usize) -> i128 {
        self.samples().map(|sample| i128::from(sample.value(value_index))).sum()
    }
}
