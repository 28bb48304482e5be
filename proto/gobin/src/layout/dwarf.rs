//! Offsets from the program's debug information: DWARF 4 (Go up to 1.24) and 5, compressed or not. Read by `gimli`;
//! only the unit `runtime` is looked through, where Go's linker puts all types it keeps (Go 1.27,
//! cmd/link/internal/ld/dwarf.go).

mod section;

use std::borrow::Cow;
use std::collections::HashMap;

use gimli::{EndianSlice, LittleEndian, Section};

use super::{DeferLayout, GLayout, Layout, LayoutSource, MLayout, NoDwarf, PanicLayout};
use crate::elf::Elf;

/// Most bytes of debug information, inflated: Kubernetes' API server has about 40 MB of the sections read.
pub(super) const BYTES_MAX: usize = 96 << 20;
/// Most steps in all: a byte of a list of abbreviations, an entry, an attribute. Kubernetes' API server takes 3 million
/// with Go's linker, whose units share one short list.
const STEPS_MAX: usize = 64 << 20;

type Slice<'s> = EndianSlice<'s, LittleEndian>;
type Entry<'s> = gimli::DebuggingInformationEntry<Slice<'s>>;
/// Offsets by structure and member; the structure's own size is under the empty name.
type Offsets = HashMap<(&'static str, String), u64>;

const STRUCTURES: [&str; 6] =
    ["runtime.g", "runtime.gobuf", "runtime.stack", "runtime._defer", "runtime._panic", "runtime.m"];

pub(super) fn layout(elf: &Elf<'_>, bytes_max: usize) -> Result<Layout, NoDwarf> {
    let mut left = bytes_max;
    let mut sections: HashMap<&'static str, Cow<'_, [u8]>> = HashMap::new();
    for id in [gimli::SectionId::DebugInfo, gimli::SectionId::DebugAbbrev, gimli::SectionId::DebugStr] {
        if let Some(bytes) = section::read(elf, id.name(), left)? {
            left = left.saturating_sub(bytes.len());
            sections.insert(id.name(), bytes);
        }
    }
    if !sections.contains_key(gimli::SectionId::DebugInfo.name()) {
        return Err(NoDwarf::Absent);
    }
    let load = |id: gimli::SectionId| -> Result<Slice<'_>, NoDwarf> {
        let bytes = sections.get(id.name()).map_or(&[][..], |bytes| &**bytes);
        Ok(EndianSlice::new(bytes, LittleEndian))
    };
    let offsets = offsets(&gimli::Dwarf::load(load)?)?;
    assemble(&offsets)
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

fn offsets(dwarf: &gimli::Dwarf<Slice<'_>>) -> Result<Offsets, NoDwarf> {
    let mut offsets = Offsets::new();
    let mut steps = Steps(STEPS_MAX);
    let abbreviations_bytes = dwarf.debug_abbrev.reader().len();
    let mut shared = None;
    let mut units = dwarf.units();
    while let Some(header) = units.next().map_err(damaged)? {
        // Not `Dwarf::unit`, which wants lines and addresses too.
        let at = header.debug_abbrev_offset();
        let abbreviations = match shared.take().filter(|(shared_at, _)| *shared_at == at) {
            Some((_, abbreviations)) => abbreviations,
            None => {
                steps.take(abbreviations_bytes.saturating_sub(at.0))?;
                dwarf.abbreviations(&header).map_err(damaged)?
            }
        };
        let mut entries = header.entries(&abbreviations);
        let root = entries.next_dfs().map_err(damaged)?;
        steps.take(root.map_or(1, |root| root.attrs().len() + 1))?;
        // Assembly has units of the same name.
        if root.is_some_and(|root| name(dwarf, root).is_some_and(|name| name.slice() == b"runtime")) {
            members(dwarf, entries, &mut steps, &mut offsets)?;
        }
        if STRUCTURES.into_iter().all(|s| offsets.contains_key(&(s, String::new()))) {
            break;
        }
        shared = Some((at, abbreviations));
    }
    Ok(offsets)
}

/// Go's linker writes names in place; a debugger's tool may have moved them into a table.
fn name<'s>(dwarf: &gimli::Dwarf<Slice<'s>>, entry: &Entry<'s>) -> Option<Slice<'s>> {
    match entry.attr_value(gimli::DW_AT_name)? {
        gimli::AttributeValue::String(name) => Some(name),
        gimli::AttributeValue::DebugStrRef(offset) => dwarf.debug_str.get_str(offset).ok(),
        _ => None,
    }
}

/// Members of the structures that are asked for.
fn members<'s>(
    dwarf: &gimli::Dwarf<Slice<'s>>,
    mut entries: gimli::EntriesCursor<'_, Slice<'s>>,
    steps: &mut Steps,
    offsets: &mut Offsets,
) -> Result<(), NoDwarf> {
    let number = |entry: &Entry<'s>, what| entry.attr_value(what).and_then(|value| value.udata_value());
    let mut inside = None;
    while let Some(entry) = entries.next_dfs().map_err(damaged)? {
        steps.take(entry.attrs().len() + 1)?;
        match entry.tag() {
            gimli::DW_TAG_structure_type => {
                inside = name(dwarf, entry)
                    .and_then(|name| STRUCTURES.into_iter().find(|s| s.as_bytes() == name.slice()));
                if let Some(structure) = inside {
                    let bytes = number(entry, gimli::DW_AT_byte_size).unwrap_or_default();
                    offsets.insert((structure, String::new()), bytes);
                }
            }
            gimli::DW_TAG_member => {
                let Some(structure) = inside else { continue };
                let offset = number(entry, gimli::DW_AT_data_member_location);
                if let (Some(name), Some(offset)) = (name(dwarf, entry), offset) {
                    let name = String::from_utf8_lossy(name.slice()).into_owned();
                    offsets.insert((structure, name), offset);
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
