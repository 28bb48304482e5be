//! The profile as it is on the wire, in flat tables: ids and string indexes are not looked at yet.
//!
//! Each entry is decoded by prost into a message that is used again and again, then copied to the end of a table, so
//! a profile of 10,000 samples costs a few dozen allocations. What the tables take is counted against a limit before
//! they grow.

use prost::Message;

use super::fields::{Field, Fields};
use super::strings::Strings;
use super::wire;
use crate::limits::Budget;
use crate::{Error, Limits};

/// What a top-level field may become in memory beside its payload (the largest is a mapping of 80 bytes).
const SMALL_FIELD_BYTES: usize = 128;

/// All entries of a profile.
#[derive(Debug, Default)]
pub(super) struct Tables {
    /// The fields that occur once or rarely: sample types, mappings, times, comments.
    pub(super) small: wire::Profile,
    /// Ends of each sample's part of the three tables below.
    pub(super) samples: Vec<SampleEnds>,
    pub(super) values: Vec<i64>,
    pub(super) location_ids: Vec<u64>,
    pub(super) labels: Vec<wire::Label>,
    pub(super) locations: Vec<LocationEntry>,
    pub(super) lines: Vec<wire::Line>,
    pub(super) functions: Vec<wire::Function>,
    pub(super) strings: Strings,
}

/// Where a sample's entries end in the tables; they start where those of the sample before end.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct SampleEnds {
    pub(super) values: usize,
    pub(super) locations: usize,
    pub(super) labels: usize,
}

/// A location; its lines start where those of the location before end.
#[derive(Debug)]
pub(super) struct LocationEntry {
    pub(super) id: u64,
    pub(super) mapping_id: u64,
    pub(super) address: u64,
    pub(super) lines_end: usize,
}

/// Reads an inflated profile.
pub(super) fn read(raw: &[u8], limits: &Limits) -> Result<Tables, Error> {
    let mut reader = Reader::new(limits);
    let mut fields = Fields::of(raw);
    while let Some(field) = fields.next()? {
        reader.field(&field)?;
    }
    Ok(reader.tables)
}

/// The tables so far, and the messages that entries are decoded into.
struct Reader<'a> {
    tables: Tables,
    limits: &'a Limits,
    budget: Budget,
    sample: wire::Sample,
    location: wire::Location,
    function: wire::Function,
}

impl<'a> Reader<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self {
            tables: Tables::default(),
            limits,
            budget: Budget::of(limits),
            sample: wire::Sample::default(),
            location: wire::Location::default(),
            function: wire::Function::default(),
        }
    }

    /// Field numbers as in `profile.proto`.
    fn field(&mut self, field: &Field<'_>) -> Result<(), Error> {
        match (field.number, field.payload) {
            (2, Some(payload)) => self.sample(payload, field.offset),
            (4, Some(payload)) => self.location(payload, field.offset),
            (5, Some(payload)) => self.function(payload, field.offset),
            (6, Some(payload)) => self.string(payload),
            _ => self.small(field),
        }
    }

    fn sample(&mut self, payload: &[u8], offset: usize) -> Result<(), Error> {
        self.admit(payload)?;
        let index = self.tables.samples.len();
        self.sample.clear();
        self.sample.merge(payload).map_err(|reason| Error::Entry {
            entry: "sample",
            index,
            offset,
            reason,
        })?;
        self.budget.spend(
            size_of::<SampleEnds>()
                + size_of_val(self.sample.value.as_slice())
                + size_of_val(self.sample.location_id.as_slice())
                + size_of_val(self.sample.label.as_slice()),
        )?;
        let tables = &mut self.tables;
        tables.values.extend_from_slice(&self.sample.value);
        tables.location_ids.extend_from_slice(&self.sample.location_id);
        tables.labels.extend_from_slice(&self.sample.label);
        tables.samples.push(SampleEnds {
            values: tables.values.len(),
            locations: tables.location_ids.len(),
            labels: tables.labels.len(),
        });
        Ok(())
    }

    fn location(&mut self, payload: &[u8], offset: usize) -> Result<(), Error> {
        self.admit(payload)?;
        let index = self.tables.locations.len();
        self.location.clear();
        self.location.merge(payload).map_err(|reason| Error::Entry {
            entry: "location",
            index,
            offset,
            reason,
        })?;
        self.budget.spend(size_of::<LocationEntry>() + size_of_val(self.location.line.as_slice()))?;
        let tables = &mut self.tables;
        tables.lines.extend_from_slice(&self.location.line);
        tables.locations.push(LocationEntry {
            id: self.location.id,
            mapping_id: self.location.mapping_id,
            address: self.location.address,
            lines_end: tables.lines.len(),
        });
        Ok(())
    }

    fn function(&mut self, payload: &[u8], offset: usize) -> Result<(), Error> {
        self.admit(payload)?;
        let index = self.tables.functions.len();
        self.function.clear();
        self.function.merge(payload).map_err(|reason| Error::Entry {
            entry: "function",
            index,
            offset,
            reason,
        })?;
        self.budget.spend(size_of::<wire::Function>())?;
        self.tables.functions.push(self.function);
        Ok(())
    }

    fn string(&mut self, payload: &[u8]) -> Result<(), Error> {
        // An invalid byte becomes a replacement character of three.
        self.budget.spend(size_of::<usize>() + payload.len().saturating_mul(3))?;
        self.tables.strings.push(payload);
        Ok(())
    }

    /// A field that prost adds to the message of small fields. Packed numbers grow to eight bytes each.
    fn small(&mut self, field: &Field<'_>) -> Result<(), Error> {
        self.budget.spend(SMALL_FIELD_BYTES + field.whole.len().saturating_mul(8))?;
        self.tables.small.merge(field.whole).map_err(|reason| Error::Entry {
            entry: "field",
            index: usize::try_from(field.number).unwrap_or(usize::MAX),
            offset: field.offset,
            reason,
        })
    }

    /// Refuses an entry that is larger than one can be, before it is decoded.
    fn admit(&self, payload: &[u8]) -> Result<(), Error> {
        let bytes_max = self.limits.entry_bytes_max;
        if payload.len() > bytes_max {
            return Err(Error::TooLarge { limit: "entry_bytes_max", bytes_max });
        }
        Ok(())
    }
}
