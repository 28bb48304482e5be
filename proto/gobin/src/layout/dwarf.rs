//! Offsets from the program's debug information: DWARF 4 (Go up to 1.24) and 5, compressed or not. Read by `gimli`;
//! only the unit `runtime` is looked through, where Go's linker puts all types it keeps (Go 1.27,
//! cmd/link/internal/ld/dwarf.go). Units are inflated one after the other and let go again, until all is found: of a
//! program whose units take 20 MB, no more than the largest is held.

mod section;
mod units;

use std::collections::HashMap;

use gimli::{EndianSlice, LittleEndian};

use super::{DeferLayout, GLayout, Layout, LayoutSource, MLayout, NoDwarf, PanicLayout};
use crate::elf::Elf;
use units::Units;

/// Most bytes of the lists of abbreviations, 614 from Go's linker, and of the names beside them, which it does not write.
const ABBREVIATIONS_BYTES_MAX: usize = 1 << 20;
const NAMES_BYTES_MAX: usize = 8 << 20;
/// Most steps in all: a byte of a list of abbreviations, an entry, an attribute. Three times as many as Caddy's units
/// have bytes.
const STEPS_MAX: usize = 64 << 20;

type Slice<'s> = EndianSlice<'s, LittleEndian>;
type Entry<'s> = gimli::DebuggingInformationEntry<Slice<'s>>;
/// Offsets by structure and member; the structure's own size is under the empty name.
type Offsets = HashMap<(&'static str, String), u64>;

const STRUCTURES: [&str; 6] =
    ["runtime.g", "runtime.gobuf", "runtime.stack", "runtime._defer", "runtime._panic", "runtime.m"];

pub(super) fn layout(elf: &Elf<'_>) -> Result<Layout, NoDwarf> {
    let units = Units::open(elf)?.ok_or(NoDwarf::Absent)?;
    let abbreviations = section::read(elf, ".debug_abbrev", ABBREVIATIONS_BYTES_MAX)?;
    let names = section::read(elf, ".debug_str", NAMES_BYTES_MAX)?;
    let beside = Beside {
        abbreviations: gimli::DebugAbbrev::new(&abbreviations, LittleEndian),
        abbreviations_bytes: abbreviations.len(),
        names: gimli::DebugStr::new(&names, LittleEndian),
    };
    assemble(&offsets(units, &beside)?)
}

/// What units refer to.
struct Beside<'s> {
    abbreviations: gimli::DebugAbbrev<Slice<'s>>,
    abbreviations_bytes: usize,
    names: gimli::DebugStr<Slice<'s>>,
}

fn damaged(error: gimli::Error) -> NoDwarf {
    NoDwarf::Damaged(error.to_string())
}

/// What is left of [`STEPS_MAX`].
struct Steps(usize);

impl Steps {
    fn take(&mut self, steps: usize) -> Result<(), NoDwarf> {
        self.0 = self.0.checked_sub(steps).ok_or(NoDwarf::TooLarge)?;
        Ok(())
    }
}

fn offsets(mut units: Units<'_>, beside: &Beside<'_>) -> Result<Offsets, NoDwarf> {
    let mut offsets = Offsets::new();
    let mut steps = Steps(STEPS_MAX);
    let mut shared = None;
    while let Some(unit) = units.next()? {
        let info = gimli::DebugInfo::new(unit, LittleEndian);
        let Some(header) = info.units().next().map_err(damaged)? else { continue };
        let at = header.debug_abbrev_offset();
        let abbreviations = match shared.take().filter(|(shared_at, _)| *shared_at == at) {
            Some((_, abbreviations)) => abbreviations,
            None => {
                steps.take(beside.abbreviations_bytes.saturating_sub(at.0))?;
                header.abbreviations(&beside.abbreviations).map_err(damaged)?
            }
        };
        let mut entries = header.entries(&abbreviations);
        let root = entries.next_dfs().map_err(damaged)?;
        steps.take(root.map_or(1, |root| root.attrs().len() + 1))?;
        // Assembly has units of the same name.
        if root.is_some_and(|root| name(beside, root) == Some(b"runtime")) {
            members(beside, entries, &mut steps, &mut offsets)?;
        }
        if STRUCTURES.into_iter().all(|s| offsets.contains_key(&(s, String::new()))) {
            break;
        }
        shared = Some((at, abbreviations));
    }
    Ok(offsets)
}

/// Go's linker writes names in place; a debugger's tool may have moved them into a table.
fn name<'u>(beside: &'u Beside<'_>, entry: &Entry<'u>) -> Option<&'u [u8]> {
    match entry.attr_value(gimli::DW_AT_name)? {
        gimli::AttributeValue::String(name) => Some(name.slice()),
        gimli::AttributeValue::DebugStrRef(offset) => {
            beside.names.get_str(offset).ok().map(|name| name.slice())
        }
        _ => None,
    }
}

/// Members of the structures that are asked for.
fn members<'u>(
    beside: &'u Beside<'_>,
    mut entries: gimli::EntriesCursor<'_, Slice<'u>>,
    steps: &mut Steps,
    offsets: &mut Offsets,
) -> Result<(), NoDwarf> {
    let number = |entry: &Entry<'u>, what| entry.attr_value(what).and_then(|value| value.udata_value());
    let mut inside = None;
    while let Some(entry) = entries.next_dfs().map_err(damaged)? {
        steps.take(entry.attrs().len() + 1)?;
        match entry.tag() {
            gimli::DW_TAG_structure_type => {
                inside = name(beside, entry)
                    .and_then(|name| STRUCTURES.into_iter().find(|s| s.as_bytes() == name));
                if let Some(structure) = inside {
                    let bytes = number(entry, gimli::DW_AT_byte_size).unwrap_or_default();
                    offsets.insert((structure, String::new()), bytes);
                }
            }
            gimli::DW_TAG_member => {
                let Some(structure) = inside else { continue };
                let offset = number(entry, gimli::DW_AT_data_member_location);
                if let (Some(name), Some(offset)) = (name(beside, entry), offset) {
                    offsets.insert((structure, String::from_utf8_lossy(name).into_owned()), offset);
                }
            }
            _ => inside = None,
        }
    }
    Ok(())
}

fn assemble(offsets: &Offsets) -> Result<Layout, NoDwarf> {
    let number = |structure, member: &str| -> Option<u16> {
        offsets.get(&(structure, member.to_owned())).and_then(|offset| u16::try_from(*offset).ok())
    };
    let lacks = |what| move || NoDwarf::Lacks(what);
    let g = |member| number("runtime.g", member).ok_or_else(lacks("runtime.g"));
    let in_g = |outer, structure, member| {
        let inner = number(structure, member).ok_or_else(lacks(structure))?;
        g(outer)?.checked_add(inner).ok_or_else(lacks(structure))
    };
    let defer = |member| number("runtime._defer", member);
    let need_defer = |member| defer(member).ok_or_else(lacks("runtime._defer"));
    let panic = |member| number("runtime._panic", member).ok_or_else(lacks("runtime._panic"));
    let m = |member| number("runtime.m", member).ok_or_else(lacks("runtime.m"));
    let start_pc = g("startpc")?;
    Ok(Layout {
        source: LayoutSource::Dwarf,
        g: GLayout {
            bytes: start_pc.checked_add(8).ok_or_else(lacks("runtime.g"))?,
            stack_lo: in_g("stack", "runtime.stack", "lo")?,
            stack_hi: in_g("stack", "runtime.stack", "hi")?,
            panic: g("_panic")?,
            defer: g("_defer")?,
            m: g("m")?,
            sched_sp: in_g("sched", "runtime.gobuf", "sp")?,
            sched_pc: in_g("sched", "runtime.gobuf", "pc")?,
            syscall_sp: g("syscallsp")?,
            syscall_pc: g("syscallpc")?,
            atomic_status: g("atomicstatus")?,
            goid: g("goid")?,
            wait_since: g("waitsince")?,
            wait_reason: g("waitreason")?,
            parent_goid: g("parentGoid")?,
            go_pc: g("gopc")?,
            start_pc,
        },
        defer: DeferLayout {
            bytes: need_defer("")?,
            heap: need_defer("heap")?,
            open_defer: defer("openDefer"),
            range_func: defer("rangefunc"),
            sp: need_defer("sp")?,
            pc: need_defer("pc")?,
            function: need_defer("fn")?,
            link: need_defer("link")?,
            head: defer("head"),
        },
        panic: PanicLayout {
            bytes: panic("")?,
            link: panic("link")?,
            goexit: panic("goexit")?,
            defer_bits: number("runtime._panic", "deferBitsPtr"),
        },
        m: MLayout { thread_id: m("procid")?, current_g: m("curg")? },
    })
}
