//! From places in the code to statements in the source: copies of one function are one.
//!
//! A statement is known by file, line, kind and the line of its function's `func`. Names do not tell: instances of a
//! generic function have the types in theirs (`pkg.F[go.shape.int]`), copies of a function literal the functions they
//! were copied into (`pkg.Caller.F.func1`). Two statements on one line are told by how many one copy has.

use super::DeferKind;
use super::calls::{Callee, RuntimeCalls};
use super::open_coded::Opened;
use crate::binary::Binary;
use crate::error::Error;
use crate::pclntab::{Frame, Function};

/// Most bytes of code that come before statements in their functions, in all: a look-up of a line takes at most as
/// many steps. cmd/compile of Go 1.27 has 240 KB.
const WALKED_BYTES_MAX: u64 = 1 << 30;

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

/// A place, before its line is looked up.
struct Place<'a> {
    function: Function<'a>,
    pc: u64,
    kind: DeferKind,
    /// Order within the function.
    order: u64,
    site: Site,
}

/// A place with all that a statement is known by.
struct Located<'a> {
    key: (&'a str, u32, DeferKind, u32),
    function: &'a str,
    /// The copy it is in.
    entry: u64,
    order: u64,
    site: Site,
}

pub(super) fn group<'a>(
    binary: &Binary<'a>,
    calls: &RuntimeCalls,
    opened: Vec<Opened<'a>>,
) -> Result<Vec<Defer<'a>>, Error> {
    let called = calls.iter().filter_map(|(pc, callee)| {
        let kind = match callee {
            Callee::Proc => DeferKind::Heap,
            Callee::ProcStack => DeferKind::Stack,
            Callee::ProcAt => DeferKind::Range,
            Callee::RangeFunc | Callee::Return => return None,
        };
        let function = binary.functions().find(pc)?;
        Some(Place { function, pc, kind, order: pc, site: Site::Call { pc } })
    });
    let open = opened.into_iter().map(|Opened { function, slot, pc }| {
        let site = Site::Slot { function: function.entry(), slot, pc };
        Place { function, pc, kind: DeferKind::Open, order: slot.into(), site }
    });
    let too_many = Error::TooMany {
        what: "bytes of code to look up lines in",
        max: usize::try_from(WALKED_BYTES_MAX).unwrap_or(usize::MAX),
    };
    let mut bytes_left = WALKED_BYTES_MAX;
    let mut located: Vec<Located<'a>> = Vec::new();
    for place in called.chain(open) {
        let walked = place.pc.saturating_sub(place.function.entry());
        bytes_left = bytes_left.checked_sub(walked).ok_or_else(|| too_many.clone())?;
        located.push(place.locate());
    }
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
    Ok(defers)
}

impl<'a> Place<'a> {
    /// One whose line is not known keeps its function and has the line 0.
    fn locate(self) -> Located<'a> {
        let Self { function, pc, kind, order, site } = self;
        let frame = function.frames(pc).next().unwrap_or(Frame {
            function: function.name(),
            file: "?",
            line: 0,
            start_line: function.start_line(),
        });
        let key = (frame.file, frame.line, kind, frame.start_line);
        Located { key, function: frame.function, entry: function.entry(), order, site }
    }
}

impl<'a> Located<'a> {
    fn statement(&self) -> Defer<'a> {
        let (file, line, kind, start_line) = self.key;
        Defer { kind, function: self.function, file, line, start_line, sites: vec![self.site] }
    }
}
