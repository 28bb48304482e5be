//! From ids to positions: every reference of a profile is checked here, once, so that reading it cannot fail.

use std::collections::HashMap;

use super::profile::{FunctionRow, LabelRow, LineRow, LocationRow, MappingRow, Profile, ValueType};
use super::strings::Strings;
use super::tables::{LocationEntry, Tables};
use super::wire;
use crate::Error;

/// The position that stands for "none": [`Ids`] keeps every table shorter.
const NONE: u32 = u32::MAX;

/// Checks the tables and turns them into a profile.
pub(super) fn resolve(tables: Tables) -> Result<Profile, Error> {
    let Tables { small, samples, values, mut location_ids, labels, locations, lines, functions, strings } =
        tables;
    if small.sample_type.is_empty() {
        return Err(Error::NoSampleType);
    }
    if strings.len() == 0 || !strings.at(0).is_empty() {
        return Err(Error::FirstString);
    }
    let names = Names { strings: &strings };

    let mut value_start = 0;
    for (index, ends) in samples.iter().enumerate() {
        let count = ends.values - value_start;
        value_start = ends.values;
        if count != small.sample_type.len() {
            return Err(Error::ValueCount { index, values: count, expected: small.sample_type.len() });
        }
    }

    let mapping_ids = Ids::new("mapping", small.mapping.iter().map(|m| m.id))?;
    let function_ids = Ids::new("function", functions.iter().map(|f| f.id))?;
    let ids = Ids::new("location", locations.iter().map(|l| l.id))?;
    let mut start = 0;
    for (index, ends) in samples.iter().enumerate() {
        for id in location_ids.get_mut(start..ends.locations).unwrap_or_default() {
            *id = u64::from(ids.position(*id, "sample", index)?);
        }
        start = ends.locations;
    }

    let sample_types = collect(&small.sample_type, |i, t| names.value_type(t, "sample type", i))?;
    let period_type = match &small.period_type {
        Some(t) => names.value_type(t, "period type", 0)?,
        None => ValueType::default(),
    };
    let comments = collect(&small.comment, |i, c| names.position(*c, "comment", i))?;
    Ok(Profile {
        sample_types,
        period_type,
        period: small.period,
        time_ns: small.time_nanos,
        duration_ns: small.duration_nanos,
        default_type: names.position(small.default_sample_type, "default sample type", 0)?,
        doc_url: names.position(small.doc_url, "documentation URL", 0)?,
        comments,
        mappings: collect(&small.mapping, |i, m| names.mapping(m, i))?,
        labels: collect(&labels, |i, l| names.label(l, i))?,
        lines: resolve_lines(&locations, &lines, &function_ids)?,
        locations: collect(&locations, |i, l| {
            mapping_ids.position_or_none(l.mapping_id, "location", i)?;
            Ok(LocationRow { address: l.address, lines_end: l.lines_end })
        })?,
        functions: collect(&functions, |i, f| names.function(f, i))?,
        samples,
        values,
        location_positions: location_ids,
        strings,
    })
}

fn collect<T, U>(rows: &[T], mut row: impl FnMut(usize, &T) -> Result<U, Error>) -> Result<Vec<U>, Error> {
    rows.iter().enumerate().map(|(index, t)| row(index, t)).collect()
}

fn resolve_lines(
    locations: &[LocationEntry],
    lines: &[wire::Line],
    functions: &Ids,
) -> Result<Vec<LineRow>, Error> {
    let mut rows = Vec::with_capacity(lines.len());
    for (index, location) in locations.iter().enumerate() {
        for line in lines.get(rows.len()..location.lines_end).unwrap_or_default() {
            let function = functions.position_or_none(line.function_id, "location", index)?;
            rows.push(LineRow { function, line: line.line });
        }
    }
    Ok(rows)
}

/// Positions by id, for one kind of entry.
struct Ids {
    kind: &'static str,
    len: u32,
    /// `None` where the id is always the position plus one, as every known writer numbers them.
    positions: Option<HashMap<u64, u32>>,
}

impl Ids {
    fn new(kind: &'static str, ids: impl ExactSizeIterator<Item = u64> + Clone) -> Result<Self, Error> {
        let len = u32::try_from(ids.len())
            .map_err(|_| Error::TooLarge { limit: "entries of a table", bytes_max: u32::MAX as usize })?;
        if ids.clone().zip(1..).all(|(id, expected): (u64, u64)| id == expected) {
            return Ok(Self { kind, len, positions: None });
        }
        let mut positions = HashMap::with_capacity(ids.len());
        for (position, id) in (0..len).zip(ids) {
            if id == 0 || positions.insert(id, position).is_some() {
                return Err(Error::BadId { entry: kind, index: position as usize, id });
            }
        }
        Ok(Self { kind, len, positions: Some(positions) })
    }

    fn position(&self, id: u64, entry: &'static str, index: usize) -> Result<u32, Error> {
        let position = match &self.positions {
            None => id.checked_sub(1).and_then(|p| u32::try_from(p).ok()).filter(|p| *p < self.len),
            Some(positions) => positions.get(&id).copied(),
        };
        // Lazily: this is the hottest line of all, and dropping an unused error took half of the time.
        position.ok_or_else(|| Error::Missing { entry, index, to: self.kind, id: i128::from(id) })
    }

    /// As above, where id 0 says that there is none.
    fn position_or_none(&self, id: u64, entry: &'static str, index: usize) -> Result<u32, Error> {
        if id == 0 { Ok(NONE) } else { self.position(id, entry, index) }
    }
}

/// Checks indexes into the string table.
struct Names<'a> {
    strings: &'a Strings,
}

impl Names<'_> {
    fn position(&self, string: i64, entry: &'static str, index: usize) -> Result<u32, Error> {
        let position = u32::try_from(string).ok().filter(|p| (*p as usize) < self.strings.len());
        position.ok_or_else(|| Error::Missing { entry, index, to: "string", id: i128::from(string) })
    }

    fn value_type(&self, t: &wire::ValueType, entry: &'static str, index: usize) -> Result<ValueType, Error> {
        Ok(ValueType {
            kind: self.position(t.r#type, entry, index)?,
            unit: self.position(t.unit, entry, index)?,
        })
    }

    fn mapping(&self, m: &wire::Mapping, index: usize) -> Result<MappingRow, Error> {
        Ok(MappingRow {
            start: m.memory_start,
            limit: m.memory_limit,
            offset: m.file_offset,
            file: self.position(m.filename, "mapping", index)?,
            build_id: self.position(m.build_id, "mapping", index)?,
        })
    }

    fn function(&self, f: &wire::Function, index: usize) -> Result<FunctionRow, Error> {
        self.position(f.system_name, "function", index)?;
        Ok(FunctionRow {
            name: self.position(f.name, "function", index)?,
            file: self.position(f.filename, "function", index)?,
            start_line: f.start_line,
        })
    }

    fn label(&self, l: &wire::Label, index: usize) -> Result<LabelRow, Error> {
        Ok(LabelRow {
            key: self.position(l.key, "label", index)?,
            text: self.position(l.str, "label", index)?,
            number: l.num,
            unit: self.position(l.num_unit, "label", index)?,
        })
    }
}
