//! Open-coded defers: the statement is where the function value is stored into the statement's slot. How many there
//! are and where their slots are stands in the function's own data, so that each is either placed or named as missing.

mod amd64;
mod arm64;

use std::collections::HashSet;

use super::STATEMENTS_MAX;
use crate::binary::Binary;
use crate::elf::Machine;
use crate::error::Error;
use crate::pclntab::{Function, OPEN_CODED_MAX, OpenCoded, PcValues};

/// A store of 64 bits from a register to the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Store {
    pc: u64,
    /// Bytes above the stack pointer.
    above: u64,
}

/// An open-coded statement.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opened<'a> {
    pub(super) function: Function<'a>,
    pub(super) slot: u8,
    pub(super) pc: u64,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct OpenCodedDefers<'a> {
    pub(super) placed: Vec<Opened<'a>>,
    /// Functions in which some were not, and how many.
    pub(super) not_placed: Vec<(&'a str, u8)>,
    /// Where the functions start that have any.
    pub(super) functions: HashSet<u64>,
}

pub(super) fn find<'a>(binary: &Binary<'a>) -> Result<OpenCodedDefers<'a>, Error> {
    let mut found = OpenCodedDefers::default();
    // Functions do not overlap, so that their code is no more than the text. A damaged table may say otherwise.
    let text = binary.module().text_end.saturating_sub(binary.module().text);
    let mut bytes_left = usize::try_from(text).unwrap_or(usize::MAX);
    for function in binary.functions().functions() {
        let Some(slots) = function.open_coded(binary.is_go_1_21()) else { continue };
        let code = binary.elf().between(function.entry(), function.end()).unwrap_or_default();
        let damaged = || Error::damaged("function table", function.entry(), "functions overlap");
        bytes_left = bytes_left.checked_sub(code.len()).ok_or_else(damaged)?;
        found.functions.insert(function.entry());
        let placed = place(binary, function, &slots, code);
        let missing = slots.count.saturating_sub(u8::try_from(placed.len()).unwrap_or(u8::MAX));
        if missing > 0 {
            found.not_placed.push((function.name(), missing));
        }
        found.placed.extend(placed);
        if found.placed.len() + found.not_placed.len() > STATEMENTS_MAX {
            return Err(Error::TooMany { what: "open-coded defers", max: STATEMENTS_MAX });
        }
    }
    Ok(found)
}

/// The first store into each slot.
fn place<'a>(binary: &Binary<'a>, function: Function<'a>, slots: &OpenCoded, code: &[u8]) -> Vec<Opened<'a>> {
    let first = first_stores(binary.elf().machine(), code, function.entry(), function.stack_sizes(), slots);
    let placed = (0_u8..).zip(first).filter_map(|(slot, pc)| Some(Opened { function, slot, pc: pc? }));
    placed.collect()
}

/// Where in a function's code each slot is stored into first.
pub(crate) fn first_stores(
    machine: Machine,
    code: &[u8],
    entry: u64,
    mut sizes: PcValues<'_>,
    slots: &OpenCoded,
) -> [Option<u64>; OPEN_CODED_MAX] {
    let stores: Box<dyn Iterator<Item = Store> + '_> = match machine {
        Machine::Amd64 => Box::new(amd64::stores(code, entry)),
        Machine::Arm64 => Box::new(arm64::stores(code, entry)),
    };
    let mut run = sizes.next();
    let mut first = [None::<u64>; OPEN_CODED_MAX];
    for store in stores {
        while run.is_some_and(|run| run.end <= store.pc) {
            run = sizes.next();
        }
        let Some(stack_bytes) = run.and_then(|run| u64::try_from(run.value).ok()) else { continue };
        // The slot is so far below `varp`, which is the stack pointer + the stack's size - 8.
        let Some(below) = stack_bytes.checked_sub(8).and_then(|varp| varp.checked_sub(store.above)) else {
            continue;
        };
        let slot = (0..slots.count.into()).find(|i| slots.slot_below(*i).map(u64::from) == Some(below));
        if let Some(pc) = slot.and_then(|slot| first.get_mut(slot)) {
            pc.get_or_insert(store.pc);
        }
    }
    first
}
