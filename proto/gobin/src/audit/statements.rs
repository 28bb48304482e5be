//! From places in the code to statements in the source: copies of one function are one.
//!
//! A statement is known by file, line, kind and the line of its function's `func`: instances of a generic function
//! share their name, copies of a function literal do not (`pkg.F.func1`, `pkg.Caller.F.func1`), and all share
//! these. Two statements on one line are told by how many one copy has.

use super::DeferKind;
use super::calls::{Callee, RuntimeCalls};
use super::open_coded::Opened;
use crate::binary::Binary;
use crate::pclntab::Function;

/// A place in the code that belongs to a statement. Addresses are those of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    /// The call of the runtime.
    Call {
        /// The instruction.
        pc: u64,
    },
    /// An open-coded defer.
    Slot {
        /// The first instruction of the function.
        function: u64,
        /// Its bit and slot.
        slot: u8,
        /// The store into the slot.
        pc: u64,
    },
}

/// A defer statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defer<'a> {
    /// How it keeps its record.
    pub kind: DeferKind,
    /// The function it stands in: of several copies the one with the shortest name.
    pub function: &'a str,
    /// Its file.
    pub file: &'a str,
    /// Its line.
    pub line: u32,
    /// The line of the function's `func`; a line relative to it survives edits above.
    pub start_line: u32,
    /// Where it is in the code, once for each copy.
    pub sites: Vec<Site>,
}

/// A place with all that a statement is known by.
struct Located<'a> {
    key: (&'a str, u32, DeferKind, u32),
    function: &'a str,
    /// The copy it is in.
    entry: u64,
    /// Order within the copy.
    order: u64,
    site: Site,
}

pub(super) fn group<'a>(
    binary: &Binary<'a>,
    calls: &RuntimeCalls,
    opened: Vec<Opened<'a>>,
) -> Vec<Defer<'a>> {
    let called = calls.iter().filter_map(|(pc, callee)| {
        let kind = match callee {
            Callee::Proc => DeferKind::Heap,
            Callee::ProcStack => DeferKind::Stack,
            Callee::ProcAt => DeferKind::Range,
            Callee::RangeFunc | Callee::Return => return None,
        };
        let function = binary.functions().find(pc)?;
        Some(locate(function, pc, kind, pc, Site::Call { pc }))
    });
    let open = opened.into_iter().map(|Opened { function, slot, pc }| {
        let site = Site::Slot { function: function.entry(), slot, pc };
        locate(function, pc, DeferKind::Open, slot.into(), site)
    });
    let mut located: Vec<Located<'a>> = called.chain(open).collect();
    located.sort_unstable_by_key(|l| (l.key, l.entry, l.order));

    let mut defers: Vec<Defer<'a>> = Vec::new();
    for same_place in located.chunk_by(|a, b| a.key == b.key) {
        let first_of_place = defers.len();
        for copy in same_place.chunk_by(|a, b| a.entry == b.entry) {
            for (i, place) in copy.iter().enumerate() {
                match defers.get_mut(first_of_place + i) {
                    Some(defer) => {
                        defer.sites.push(place.site);
                        if place.function.len() < defer.function.len() {
                            defer.function = place.function;
                        }
                    }
                    None => defers.push(place.statement()),
                }
            }
        }
    }
    defers
}

impl<'a> Located<'a> {
    fn statement(&self) -> Defer<'a> {
        let (file, line, kind, start_line) = self.key;
        Defer { kind, function: self.function, file, line, start_line, sites: vec![self.site] }
    }
}

/// A place whose line is not known keeps its function and has the line 0.
fn locate<'a>(function: Function<'a>, pc: u64, kind: DeferKind, order: u64, site: Site) -> Located<'a> {
    let frame = function.frames(pc).next();
    let (file, line) = frame.map_or(("?", 0), |frame| (frame.file, frame.line));
    let (name, start_line) = frame
        .map_or_else(|| (function.name(), function.start_line()), |frame| (frame.function, frame.start_line));
    Located { key: (file, line, kind, start_line), function: name, entry: function.entry(), order, site }
}
