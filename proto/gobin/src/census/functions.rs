//! Go's function table read where the file is, a few bytes at a time: what a walk needs of one instruction is asked
//! for once and kept, so that a program of 100 MB costs no more memory than one of 2 MB.
//!
//! [`crate::pclntab`] reads the same table from bytes at hand and says where its layout is from; that file and this
//! one share the parts that decode.

mod inlined;

pub use inlined::Frame;

use super::blocks::Blocks;
use super::calls;
use super::memory::{Memory, Stop};
use super::program::Code;
use crate::audit::DeferKind;
use crate::audit::open_coded::first_stores;
use crate::elf::Machine;
use crate::little_endian::{u8_at, u32_at, u64_at};
use crate::pclntab::{OpenCoded, PcValues};
use inlined::Inlined;
use std::collections::HashMap;

/// Blocks of the file that are kept: 1 MiB.
const BLOCK_BYTES: usize = 8 << 10;
const BLOCKS: usize = 128;
/// Bytes of the table's header, of a function's entry and of its record (see `pclntab/function.rs`).
const HEADER_BYTES: usize = 72;
const ENTRY_BYTES: u64 = 8;
const RECORD_BYTES: usize = 44;
/// Bytes asked of a table of values, more each time while the address is not in them; the longest of Kubernetes' API
/// server has 90 KB.
const VALUES_BYTES: [usize; 3] = [128, 4 << 10, 256 << 10];
/// Longest name.
const NAME_BYTES_MAX: usize = 4 << 10;
/// Largest function looked through for the places of its open-coded defers; larger ones keep their first line.
const CODE_BYTES_MAX: usize = 1 << 20;
/// Bytes that tell where open-coded defers are: up to ten numbers of five bytes.
const OPEN_CODED_BYTES: usize = 50;
/// Instructions remembered; a service with 100,000 goroutines stands at some hundred.
const INSTRUCTIONS_MAX: usize = 64 << 10;
/// `FuncID_cgocallback` (Go 1.21 to 1.27, internal/abi/symtab.go).
const CGO_CALLBACK: u8 = 4;
const FLAG_TOP_FRAME: u8 = 1;
const FLAG_WRITES_SP: u8 = 2;
/// Numbers of tables, as in `pclntab/function.rs`.
const FUNCDATA_OPEN_CODED: u8 = 4;
/// The last release whose loops over functions are told by where their function returns from, and what they call.
const MINOR_OF_RETURNS: u16 = 24;
const LOOP_CALLEE: &str = "runtime.deferrangefunc";
const UNKNOWN: &str = "?";

/// A place in the source.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The function, the innermost one where some were inlined.
    pub function: String,
    /// Its file.
    pub file: String,
    /// The line; 0 where it is not known.
    pub line: u32,
    /// The line of the function's `func`.
    pub start_line: u32,
}

impl Place {
    /// Where there is no Go function.
    fn unknown() -> Self {
        Self { function: UNKNOWN.into(), file: UNKNOWN.into(), line: 0, start_line: 0 }
    }
}

/// What the walk needs of an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Instruction {
    /// The first address of its function.
    pub(super) entry: u64,
    /// Bytes of stack in use, without the return address on amd64.
    pub(super) stack_bytes: u32,
    /// No caller is above its function.
    pub(super) is_top: bool,
    /// Its function moves the stack pointer in ways that no table tells.
    pub(super) writes_sp: bool,
    /// Its function calls `runtime.deferreturn`: it has a defer statement.
    pub(super) has_defers: bool,
    /// Where its function keeps its open-coded defers.
    pub(super) open: Option<OpenCoded>,
}

/// The function table of one program.
#[derive(Debug)]
pub(super) struct Functions<F> {
    file: F,
    blocks: Blocks,
    machine: Machine,
    minor: u16,
    text: u64,
    function_data: u64,
    table: Table,
    instructions: HashMap<u64, Option<Instruction>>,
    /// Places of frames that were told: those of the next census are mostly the same.
    frames: HashMap<u64, Frame>,
}

/// Addresses of its parts.
#[derive(Clone, Copy, Debug, Default)]
struct Table {
    count: u64,
    names: u64,
    units: u64,
    files: u64,
    values: u64,
    functions: u64,
}

/// A function's record, copied.
struct Function {
    entry: u64,
    end: u64,
    record: Vec<u8>,
}

impl<F: Memory> Functions<F> {
    /// Reads the header through `file`, which is the program's file by address, before the process was moved.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub(super) fn new(code: &Code, mut file: F) -> Result<Self, Stop> {
        let mut header = [0; HEADER_BYTES];
        let start = code.module.function_table;
        if !file.read(start, &mut header)? {
            return Err(Stop::File("its function table is not in it".into()));
        }
        let number = |at| u64_at(&header, at).unwrap_or_default();
        let part = |at| start.saturating_add(number(at));
        let table = Table {
            count: number(8),
            names: part(32),
            units: part(40),
            files: part(48),
            values: part(56),
            functions: part(64),
        };
        Ok(Self {
            file,
            blocks: Blocks::new(BLOCK_BYTES, BLOCKS),
            machine: code.machine,
            minor: code.minor,
            text: code.module.text,
            function_data: code.module.function_data,
            table,
            instructions: HashMap::new(),
            frames: HashMap::new(),
        })
    }

    pub(super) fn machine(&self) -> Machine {
        self.machine
    }

    /// Gives back the file's blocks: what was asked of them is remembered, and the next census asks little.
    pub(super) fn let_go(&mut self) {
        self.blocks.let_go();
    }

    /// What the walk needs of an instruction; `None` where there is no function.
    pub(super) fn instruction(&mut self, pc: u64) -> Result<Option<Instruction>, Stop> {
        if let Some(known) = self.instructions.get(&pc) {
            return Ok(*known);
        }
        let found = self.look_up(pc)?;
        if self.instructions.len() >= INSTRUCTIONS_MAX {
            self.instructions.clear();
        }
        self.instructions.insert(pc, found);
        Ok(found)
    }

    fn look_up(&mut self, pc: u64) -> Result<Option<Instruction>, Stop> {
        let Some(function) = self.find(pc)? else { return Ok(None) };
        let Some(stack_bytes) = self.value(function.number(16), &function, pc)? else { return Ok(None) };
        let Ok(stack_bytes) = u32::try_from(stack_bytes) else { return Ok(None) };
        let flags = u8_at(&function.record, 41).unwrap_or_default();
        let carefully = u8_at(&function.record, 40) == Some(CGO_CALLBACK);
        Ok(Some(Instruction {
            entry: function.entry,
            stack_bytes,
            is_top: flags & FLAG_TOP_FRAME != 0,
            writes_sp: flags & FLAG_WRITES_SP != 0 && !carefully,
            has_defers: function.number(12) != 0,
            open: self.open_coded(&function)?,
        }))
    }

    /// The source of an instruction; of a return address ask for the byte before it.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub(super) fn place(&mut self, pc: u64) -> Result<Place, Stop> {
        let Some(function) = self.find(pc)? else { return Ok(Place::unknown()) };
        let inlined = self.inlined(&function, pc)?;
        self.place_in(&function, pc, inlined.as_ref())
    }

    /// The source of an instruction of a function that is known, and of what was inlined there.
    fn place_in(&mut self, function: &Function, pc: u64, inlined: Option<&Inlined>) -> Result<Place, Stop> {
        let line = self.value(function.number(24), function, pc)?.and_then(|line| u32::try_from(line).ok());
        let number = self.value(function.number(20), function, pc)?;
        let file =
            match number.and_then(|number| function.number(32).checked_add(u32::try_from(number).ok()?)) {
                Some(index) => self.file_name(index)?,
                None => None,
            };
        let (name, start_line) =
            inlined.map_or((function.number(4), function.number(36)), |i| (i.name, i.start_line));
        Ok(Place {
            function: self.text_at(self.table.names, name)?.map_or_else(|| UNKNOWN.into(), without_types),
            file: file.unwrap_or_else(|| UNKNOWN.into()),
            line: line.unwrap_or_default(),
            start_line,
        })
    }

    /// The source of a function's open-coded statement; without its line where the code is not understood.
    pub(super) fn place_of_slot(&mut self, entry: u64, slot: u8) -> Result<Place, Stop> {
        let pc = self.slot_store(entry, slot)?;
        let mut place = self.place(pc.unwrap_or(entry))?;
        if pc.is_none() {
            place.line = 0;
        }
        Ok(place)
    }

    /// The source of a loop over a function, by its record's pc. Up to Go 1.24 that is where the function returns from
    /// (runtime/panic.go, `deferrangefunc`), so that of several loops in a function none is told by its line.
    pub(super) fn place_of_loop(&mut self, pc: u64) -> Result<Place, Stop> {
        if self.minor > MINOR_OF_RETURNS {
            // The byte before belongs to the call.
            return self.place(pc.wrapping_sub(1));
        }
        let Some(function) = self.find(pc)? else { return self.place(pc) };
        let mut loops = Vec::new();
        for call in calls::find(self.machine, &self.code(&function)?, function.entry) {
            if self.is_called(call.target, LOOP_CALLEE)? {
                loops.push(call.pc);
            }
        }
        if let [only] = loops.as_slice() {
            return self.place(*only);
        }
        let mut place = self.place(function.entry)?;
        place.line = 0;
        Ok(place)
    }

    /// Whether a function of this name starts here.
    fn is_called(&mut self, entry: u64, name: &str) -> Result<bool, Stop> {
        Ok(self.name_of_entry(entry)?.as_deref() == Some(name))
    }

    /// The name of the function that starts here.
    pub(super) fn name_of_entry(&mut self, entry: u64) -> Result<Option<String>, Stop> {
        let Some(function) = self.find(entry)?.filter(|f| f.entry == entry) else { return Ok(None) };
        self.text_at(self.table.names, function.number(4))
    }

    /// The line at which the function that an instruction belongs to starts.
    pub(super) fn start_line(&mut self, pc: u64) -> Result<Option<u32>, Stop> {
        Ok(self.find(pc)?.map(|function| function.number(36)))
    }

    /// What the call right before an address calls, where there is one.
    pub(super) fn call_before(&mut self, return_address: u64) -> Result<Option<u64>, Stop> {
        let call_bytes: u8 = match self.machine {
            Machine::Amd64 => 5,
            Machine::Arm64 => 4,
        };
        let mut call = [0; 5];
        let Some(call) = call.get_mut(..call_bytes.into()) else { return Ok(None) };
        let Some(pc) = return_address.checked_sub(call_bytes.into()).filter(|pc| *pc >= self.text) else {
            return Ok(None);
        };
        if !self.file.read(pc, call)? {
            return Ok(None);
        }
        Ok(calls::find(self.machine, call, pc).find(|found| found.pc == pc).map(|found| found.target))
    }

    /// The code of a function, as much of it as is looked through.
    fn code(&mut self, function: &Function) -> Result<Vec<u8>, Stop> {
        let length = usize::try_from(function.end.saturating_sub(function.entry)).unwrap_or(usize::MAX);
        let mut code = vec![0; length.min(CODE_BYTES_MAX)];
        if !self.file.read(function.entry, &mut code)? {
            code.clear();
        }
        Ok(code)
    }

    fn slot_store(&mut self, entry: u64, slot: u8) -> Result<Option<u64>, Stop> {
        let Some(function) = self.find(entry)? else { return Ok(None) };
        let Some(open) = self.open_coded(&function)? else { return Ok(None) };
        let code = self.code(&function)?;
        let mut values = vec![0; VALUES_BYTES.iter().copied().max().unwrap_or_default()];
        let sizes = self.table.values.saturating_add(function.number(16).into());
        if !self.file.read(sizes, &mut values)? {
            return Ok(None);
        }
        let sizes = PcValues::over(&values, entry, self.machine.quantum());
        let stores = first_stores(self.machine, &code, entry, sizes, &open);
        Ok(stores.get(usize::from(slot)).copied().flatten())
    }

    /// The function an instruction belongs to.
    fn find(&mut self, pc: u64) -> Result<Option<Function>, Stop> {
        let Some(offset) = pc.checked_sub(self.text).and_then(|o| u32::try_from(o).ok()) else {
            return Ok(None);
        };
        let (mut low, mut high) = (0, self.table.count);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.entry_offset(middle)? {
                Some(start) if start <= offset => low = middle + 1,
                Some(_) => high = middle,
                None => return Ok(None),
            }
        }
        let Some(index) = low.checked_sub(1) else { return Ok(None) };
        let Some(at) = self.table.functions.checked_add(index * ENTRY_BYTES) else { return Ok(None) };
        let Some(entry) = self.bytes::<12>(at)? else { return Ok(None) };
        let [start, record, end] = [0, 4, 8].map(|at| u32_at(&entry, at).unwrap_or_default());
        if !(start..end).contains(&offset) {
            return Ok(None);
        }
        let at = self.table.functions.saturating_add(record.into());
        let Some(fixed) = self.bytes::<RECORD_BYTES>(at)? else { return Ok(None) };
        // Offsets of pcdata and of funcdata follow; there are a dozen at most.
        let pc_data = u32_at(&fixed, 28).unwrap_or_default().min(64);
        let more = usize::try_from(pc_data).unwrap_or(0) + usize::from(u8_at(&fixed, 43).unwrap_or(0));
        let mut record = vec![0; RECORD_BYTES + more * 4];
        if !self.blocks.read(&mut self.file, at, &mut record)? {
            return Ok(None);
        }
        let address = |offset: u32| self.text.saturating_add(offset.into());
        Ok(Some(Function { entry: address(start), end: address(end), record }))
    }

    fn entry_offset(&mut self, index: u64) -> Result<Option<u32>, Stop> {
        let Some(at) = index.checked_mul(ENTRY_BYTES).and_then(|o| self.table.functions.checked_add(o))
        else {
            return Ok(None);
        };
        Ok(self.bytes(at)?.map(u32::from_le_bytes))
    }

    fn value(&mut self, table: u32, function: &Function, pc: u64) -> Result<Option<i32>, Stop> {
        if table == 0 {
            return Ok(None);
        }
        for length in VALUES_BYTES {
            let mut bytes = vec![0; length];
            if !self.blocks.read(
                &mut self.file,
                self.table.values.saturating_add(table.into()),
                &mut bytes,
            )? {
                return Ok(None);
            }
            let found = PcValues::over(&bytes, function.entry, self.machine.quantum()).at(pc);
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn open_coded(&mut self, function: &Function) -> Result<Option<OpenCoded>, Stop> {
        let Some(at) = self.function_data(function, FUNCDATA_OPEN_CODED) else { return Ok(None) };
        let Some(bytes) = self.bytes::<OPEN_CODED_BYTES>(at)? else { return Ok(None) };
        Ok(OpenCoded::parse(&bytes, self.minor == 21))
    }

    fn function_data(&self, function: &Function, table: u8) -> Option<u64> {
        if table >= u8_at(&function.record, 43)? {
            return None;
        }
        let pc_data = usize::try_from(function.number(28)).ok()?;
        let at = RECORD_BYTES.checked_add(pc_data.checked_add(usize::from(table))?.checked_mul(4)?)?;
        let offset = u32_at(&function.record, at).filter(|offset| *offset != u32::MAX)?;
        self.function_data.checked_add(offset.into())
    }

    fn file_name(&mut self, index: u32) -> Result<Option<String>, Stop> {
        let at = self.table.units.saturating_add(u64::from(index) * 4);
        match self.bytes(at)?.map(u32::from_le_bytes) {
            Some(offset) if offset != u32::MAX => self.text_at(self.table.files, offset),
            _ => Ok(None),
        }
    }

    /// A text that ends with a zero.
    fn text_at(&mut self, table: u64, offset: u32) -> Result<Option<String>, Stop> {
        for length in [128, NAME_BYTES_MAX] {
            let mut bytes = vec![0; length];
            if !self.blocks.read(&mut self.file, table.saturating_add(offset.into()), &mut bytes)? {
                return Ok(None);
            }
            if let Some(text) = memchr::memchr(0, &bytes).and_then(|end| bytes.get(..end)) {
                return Ok(std::str::from_utf8(text).ok().map(str::to_owned));
            }
        }
        Ok(None)
    }

    fn bytes<const N: usize>(&mut self, at: u64) -> Result<Option<[u8; N]>, Stop> {
        let mut bytes = [0; N];
        Ok(self.blocks.read(&mut self.file, at, &mut bytes)?.then_some(bytes))
    }
}

impl Function {
    /// A number of the record, which is whole.
    fn number(&self, at: usize) -> u32 {
        u32_at(&self.record, at).unwrap_or_default()
    }
}

/// Without type arguments, as profiles and stack traces name it (Go 1.27, runtime/symtab.go, `funcNameForPrint`), so
/// that instances of a generic function are one.
fn without_types(name: String) -> String {
    match name.split_once('[').zip(name.rsplit_once(']')) {
        Some(((before, _), (_, after))) => format!("{before}[...]{after}"),
        None => name,
    }
}

/// Most marks told apart in one goroutine, which are searched one by one: real ones have some dozen. Beyond, the walk
/// along its records or its stack ends.
pub(super) const MARKS_MAX: usize = 1_024;

/// What is pending, as memory tells it: an instruction, and for open-coded defers a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Mark {
    pub(super) kind: DeferKind,
    /// The return address of the call that made the record; of an open-coded one the function's first instruction.
    pub(super) pc: u64,
    /// 0 for those that have a record.
    pub(super) slot: u8,
}
