//! Calls of the runtime's defer functions, found by their machine code: on amd64 `E8` and a distance, on arm64 `BL`.
//! A full disassembly of seven programs found no other ones.

use memchr::memchr_iter;

use super::STATEMENTS_MAX;
use crate::binary::Binary;
use crate::elf::Machine;
use crate::error::Error;
use crate::little_endian::u32_at;

/// A function of the runtime that defer statements call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callee {
    /// `deferproc`: a record on the heap.
    Proc,
    /// `deferprocStack`: a record on the stack.
    ProcStack,
    /// `deferprocat`: a record in the list of a loop over a function (since Go 1.23).
    ProcAt,
    /// `deferrangefunc`: makes that list; not a statement of its own.
    RangeFunc,
    /// `deferreturn`: runs what is pending. A frame that returns behind it is inside a deferred call.
    Return,
}

const CALLEES: [(&str, Callee); 5] = [
    ("runtime.deferproc", Callee::Proc),
    ("runtime.deferprocStack", Callee::ProcStack),
    ("runtime.deferprocat", Callee::ProcAt),
    ("runtime.deferrangefunc", Callee::RangeFunc),
    ("runtime.deferreturn", Callee::Return),
];

impl Callee {
    /// The one of this name.
    pub(crate) fn by_name(name: &str) -> Option<Self> {
        CALLEES.iter().find(|(known, _)| *known == name).map(|(_, callee)| *callee)
    }
}

/// All calls of them.
#[derive(Clone, Debug)]
pub struct RuntimeCalls {
    /// In the order of their addresses.
    calls: Vec<(u64, Callee)>,
    call_bytes: u8,
}

impl RuntimeCalls {
    pub(super) fn scan(binary: &Binary<'_>) -> Result<Self, Error> {
        let machine = binary.elf().machine();
        let callees = Callees::of(binary)?;
        let module = binary.module();
        let mut calls = Vec::new();
        // Go's own text: what cgo linked in calls none of them.
        for segment in binary.elf().segments().iter().filter(|segment| segment.executable) {
            let start = module.text.max(segment.address);
            let skipped = usize::try_from(start - segment.address).unwrap_or(usize::MAX);
            let length = usize::try_from(module.text_end.saturating_sub(start)).unwrap_or(usize::MAX);
            let text = segment.bytes.get(skipped..).unwrap_or_default();
            let text = text.get(..length).unwrap_or(text);
            match machine {
                Machine::Amd64 => amd64(text, start, &callees, &mut calls),
                Machine::Arm64 => arm64(text, start, &callees, &mut calls),
            }
            if calls.len() > STATEMENTS_MAX {
                return Err(Error::TooMany { what: "calls of defer functions", max: STATEMENTS_MAX });
            }
        }
        // Bytes that look like a call outside of every function are none.
        calls.retain(|(pc, _)| binary.functions().find(*pc).is_some());
        calls.sort_unstable_by_key(|(pc, _)| *pc);
        let call_bytes = match machine {
            Machine::Amd64 => 5,
            Machine::Arm64 => 4,
        };
        Ok(Self { calls, call_bytes })
    }

    /// Every call: its address, and whom it calls.
    pub fn iter(&self) -> impl Iterator<Item = (u64, Callee)> {
        self.calls.iter().copied()
    }

    /// Whom the instruction at this address calls.
    #[must_use]
    pub fn at(&self, pc: u64) -> Option<Callee> {
        let index = self.calls.binary_search_by_key(&pc, |(pc, _)| *pc).ok()?;
        self.calls.get(index).map(|(_, callee)| *callee)
    }

    /// Who was called by the instruction before this address, which is where it returns to.
    #[must_use]
    pub fn before(&self, return_address: u64) -> Option<Callee> {
        self.at(return_address.checked_sub(self.call_bytes.into())?)
    }

    /// Where a call at this address returns to.
    #[must_use]
    pub fn return_address(&self, pc: u64) -> u64 {
        pc.saturating_add(self.call_bytes.into())
    }
}

/// Addresses of the functions called. They stand close together, so that one comparison decides for most calls.
struct Callees {
    found: Vec<(u64, Callee)>,
    low: u64,
    span: u64,
}

impl Callees {
    fn of(binary: &Binary<'_>) -> Result<Self, Error> {
        let functions = binary.functions().by_names(CALLEES.map(|(name, _)| name));
        let found: Vec<(u64, Callee)> = functions
            .iter()
            .zip(CALLEES)
            .filter_map(|(function, (_, callee))| function.map(|f| (f.entry(), callee)))
            .collect();
        // Without it nothing would be found, which is not the same as nothing being there.
        if !found.iter().any(|(_, callee)| *callee == Callee::Return) {
            return Err(Error::Missing {
                what: "runtime.deferreturn, which -linkshared leaves in another file,",
            });
        }
        let low = found.iter().map(|(entry, _)| *entry).min().unwrap_or_default();
        let high = found.iter().map(|(entry, _)| *entry).max().unwrap_or_default();
        Ok(Self { found, low, span: high - low })
    }

    fn at(&self, address: u64) -> Option<Callee> {
        if address.wrapping_sub(self.low) > self.span {
            return None;
        }
        self.found.iter().find(|(entry, _)| *entry == address).map(|(_, callee)| *callee)
    }
}

fn amd64(text: &[u8], start: u64, callees: &Callees, calls: &mut Vec<(u64, Callee)>) {
    for (at, i) in memchr_iter(0xe8, text).filter_map(|i| Some((u64::try_from(i).ok()?, i))) {
        let Some(distance) = u32_at(text, i + 1) else { break };
        let pc = start.wrapping_add(at);
        let target = pc.wrapping_add(5).wrapping_add_signed(distance.cast_signed().into());
        calls.extend(callees.at(target).map(|callee| (pc, callee)));
        if calls.len() > STATEMENTS_MAX {
            break;
        }
    }
}

fn arm64(text: &[u8], start: u64, callees: &Callees, calls: &mut Vec<(u64, Callee)>) {
    let (words, _) = text.as_chunks::<4>();
    for (word, pc) in words.iter().zip((start..).step_by(4)) {
        let word = u32::from_le_bytes(*word);
        if word & 0xfc00_0000 != 0x9400_0000 {
            continue;
        }
        let distance = i64::from((word << 6).cast_signed() >> 6) * 4;
        calls.extend(callees.at(pc.wrapping_add_signed(distance)).map(|callee| (pc, callee)));
        if calls.len() > STATEMENTS_MAX {
            break;
        }
    }
}
