//! What a profile consists of, as its reader sees it: samples, frames, labels, mappings. Views that borrow from it.

use super::profile::{LabelRow, Profile};
use super::tables::SampleEnds;

/// A stack with its values.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    pub(super) profile: &'a Profile,
    pub(super) index: usize,
}

/// One frame of a stack. Where calls were inlined, an address has several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Frame<'a> {
    /// The function's full name, as `main.(*server).serve.func1`; empty where unknown.
    pub function: &'a str,
    /// The file; empty where unknown.
    pub file: &'a str,
    /// The line; 0 where unknown.
    pub line: i64,
    /// The line where the function starts; 0 where unknown.
    pub start_line: i64,
    /// The address. For callers Go writes the return address minus one (`runtime/pprof`, proto.go, `locForPC`).
    pub address: u64,
    /// Whether this frame was inlined into the next one.
    pub inlined: bool,
}

/// A function that the profile's frames are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function<'a> {
    /// Its full name; empty where unknown.
    pub name: &'a str,
    /// Its file; empty where unknown.
    pub file: &'a str,
    /// The line where it starts; 0 where unknown.
    pub start_line: i64,
}

/// A sample's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label<'a> {
    /// Its name.
    pub key: &'a str,
    /// Its value.
    pub value: LabelValue<'a>,
}

/// The value of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelValue<'a> {
    /// A text. On the wire an empty text and the number 0 without a unit are the same; it is read as text.
    Text(&'a str),
    /// A number and its unit, which may be empty.
    Number(i64, &'a str),
}

/// A part of the address space and the file behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping<'a> {
    /// First address.
    pub start: u64,
    /// One past the last address.
    pub limit: u64,
    /// Offset in the file of the first address.
    pub offset: u64,
    /// The file's path in the service's file system.
    pub file: &'a str,
    /// Its GNU build id, or what stands for it; empty where unknown.
    pub build_id: &'a str,
}

impl<'a> Sample<'a> {
    /// One value for each of [`Profile::value_types`].
    #[must_use]
    pub fn values(&self) -> &'a [i64] {
        let (start, end) = self.bounds();
        self.profile.values.get(start.values..end.values).unwrap_or_default()
    }

    /// The value at `index`; 0 where the profile has no such type.
    #[must_use]
    pub fn value(&self, index: usize) -> i64 {
        self.values().get(index).copied().unwrap_or(0)
    }

    /// Frames, leaf first, inlined ones expanded (innermost first).
    pub fn frames(&self) -> impl Iterator<Item = Frame<'a>> + use<'a> {
        let profile = self.profile;
        let (start, end) = self.bounds();
        let positions = profile.location_positions.get(start.locations..end.locations).unwrap_or_default();
        positions.iter().flat_map(move |position| profile.frames_at(*position))
    }

    /// Labels, in the order of the profile.
    pub fn labels(&self) -> impl ExactSizeIterator<Item = Label<'a>> + use<'a> {
        let profile = self.profile;
        let (start, end) = self.bounds();
        let rows = profile.labels.get(start.labels..end.labels).unwrap_or_default();
        rows.iter().map(move |row| profile.label(row))
    }

    fn bounds(&self) -> (SampleEnds, SampleEnds) {
        let at = |index: usize| self.profile.samples.get(index).copied().unwrap_or_default();
        (self.index.checked_sub(1).map(at).unwrap_or_default(), at(self.index))
    }
}

impl Profile {
    /// Every function once, however many frames are in it.
    pub fn functions(&self) -> impl ExactSizeIterator<Item = Function<'_>> {
        self.functions.iter().map(|f| Function {
            name: self.strings.at(f.name),
            file: self.strings.at(f.file),
            start_line: f.start_line,
        })
    }

    /// The frames of the location at `position`: one for each line, or one without a function.
    fn frames_at(&self, position: u64) -> impl Iterator<Item = Frame<'_>> {
        let position = usize::try_from(position).unwrap_or(usize::MAX);
        let location = self.locations.get(position);
        let start =
            position.checked_sub(1).and_then(|before| self.locations.get(before)).map_or(0, |l| l.lines_end);
        let (address, end) = location.map_or((0, start), |l| (l.address, l.lines_end));
        let lines = self.lines.get(start..end).unwrap_or_default();
        let bare = Frame { function: "", file: "", line: 0, start_line: 0, address, inlined: false };
        let expanded = lines.iter().enumerate().map(move |(i, line)| {
            let inlined = i + 1 < lines.len();
            match self.functions.get(line.function as usize) {
                Some(f) => Frame {
                    function: self.strings.at(f.name),
                    file: self.strings.at(f.file),
                    line: line.line,
                    start_line: f.start_line,
                    address,
                    inlined,
                },
                None => Frame { line: line.line, inlined, ..bare },
            }
        });
        expanded.chain(lines.is_empty().then_some(bare))
    }

    fn label(&self, row: &LabelRow) -> Label<'_> {
        let value = if row.text == 0 && (row.number != 0 || row.unit != 0) {
            LabelValue::Number(row.number, self.strings.at(row.unit))
        } else {
            LabelValue::Text(self.strings.at(row.text))
        };
        Label { key: self.strings.at(row.key), value }
    }
}
