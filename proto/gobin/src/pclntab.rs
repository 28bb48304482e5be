//! Go's table of functions: which instruction belongs to which function, file and line. Every Go program has it,
//! stripped or not, for its own stack traces.
//!
//! Layout of Go 1.20 to 1.27: runtime/symtab.go, `pcHeader` and `_func`; written by cmd/link/internal/ld/pcln.go.
//! Nothing is copied out of the file: a [`Function`] is read where it stands, so that a table of 100,000 functions
//! costs no memory. Older tables are refused by the caller, by the version of Go.

mod function;
mod header;
mod inline_tree;
mod pc_values;

use memchr::{memchr, memmem};

use crate::elf::Elf;
use crate::error::Error;
use crate::little_endian::u32_at;
use crate::moduledata::ModuleData;

pub use function::{Function, OpenCoded};
pub use inline_tree::{Frame, Frames};
pub use pc_values::{PcValues, Run};

pub(crate) use function::OPEN_CODED_MAX;
pub(crate) use header::Header;

/// Longest name read, those of types in its brackets included. The longest in cmd/go has 847 bytes.
const NAME_BYTES_MAX: usize = 16 << 10;
/// Bytes of an entry of the function table: two 32-bit offsets (`functab`).
const FTAB_ENTRY_BYTES: usize = 8;

/// The table.
#[derive(Clone, Copy, Debug)]
pub struct Pclntab<'a> {
    /// Where the functions' offsets count from, `runtime.text`.
    text: u64,
    quantum: u8,
    function_count: usize,
    names: &'a [u8],
    /// Numbers of files by compilation unit.
    units: &'a [u8],
    files: &'a [u8],
    pc_values: &'a [u8],
    /// The function table, then the functions.
    functions: &'a [u8],
    /// From `go:func.*` on: inline trees, open-coded defers.
    function_data: &'a [u8],
}

impl<'a> Pclntab<'a> {
    pub(crate) fn new(elf: &Elf<'a>, header: &Header<'a>, module: &ModuleData) -> Result<Self, Error> {
        let damaged = |reason: &str| Error::damaged("function table", header.address, reason);
        let table = Self {
            text: module.text,
            quantum: header.quantum,
            function_count: header.function_count,
            names: header.names,
            units: header.units,
            files: header.files,
            pc_values: header.pc_values,
            functions: header.functions,
            function_data: elf.from(module.function_data).unwrap_or_default(),
        };
        let bytes = table.function_count.checked_mul(FTAB_ENTRY_BYTES).ok_or_else(|| damaged("overflows"))?;
        // The entry behind the last one holds the end of the text.
        if table.function_count == 0 || table.functions.len() < bytes + FTAB_ENTRY_BYTES {
            return Err(damaged("holds fewer functions than it says"));
        }
        Ok(table)
    }

    /// How many functions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.function_count
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.function_count == 0
    }

    /// The functions in the order of their addresses. Those whose entry is damaged are left out.
    pub fn functions(&self) -> impl Iterator<Item = Function<'a>> {
        let table = *self;
        (0..self.function_count).filter_map(move |index| table.function(index))
    }

    /// The function an instruction belongs to.
    #[must_use]
    pub fn find(&self, pc: u64) -> Option<Function<'a>> {
        let offset = u32::try_from(pc.checked_sub(self.text)?).ok()?;
        // The last function that starts at or before it.
        let (mut low, mut high) = (0, self.function_count);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.entry_offset(middle)? <= offset { low = middle + 1 } else { high = middle }
        }
        self.function(low.checked_sub(1)?).filter(|function| (function.entry()..function.end()).contains(&pc))
    }

    /// The functions of exactly these names, found without reading every name.
    #[must_use]
    pub fn by_names<const N: usize>(&self, names: [&str; N]) -> [Option<Function<'a>>; N] {
        let offsets = names.map(|name| self.name_offset(name));
        let mut found = [None; N];
        for function in self.functions() {
            for (offset, found) in offsets.iter().zip(&mut found) {
                if found.is_none() && *offset == Some(function.name_offset()) {
                    *found = Some(function);
                }
            }
        }
        found
    }

    fn name_offset(&self, name: &str) -> Option<u32> {
        let with_ends = [b"\0", name.as_bytes(), b"\0"].concat();
        // Names follow each other, each with a zero behind it; the first one is empty.
        let at = memmem::find(self.names, &with_ends)?;
        u32::try_from(at + 1).ok()
    }

    fn function(&self, index: usize) -> Option<Function<'a>> {
        let at = index.checked_mul(FTAB_ENTRY_BYTES)?;
        let record = usize::try_from(u32_at(self.functions, at + 4)?).ok()?;
        let [entry, end] = [self.entry_offset(index)?, self.entry_offset(index + 1)?];
        Function::new(*self, self.text.checked_add(entry.into())?, self.text.checked_add(end.into())?, record)
    }

    fn entry_offset(&self, index: usize) -> Option<u32> {
        u32_at(self.functions, index.checked_mul(FTAB_ENTRY_BYTES)?)
    }

    fn name(&self, offset: u32) -> Option<&'a str> {
        text_at(self.names, offset)
    }

    fn file(&self, unit: u32, number: i32) -> Option<&'a str> {
        let index = unit.checked_add(u32::try_from(number).ok()?)?;
        let offset = u32_at(self.units, usize::try_from(index).ok()?.checked_mul(4)?)?;
        text_at(self.files, offset)
    }

    fn pc_values(&self, offset: u32, entry: u64) -> PcValues<'a> {
        PcValues::new(self.pc_values, offset, entry, self.quantum)
    }
}

/// A text that ends with a zero.
fn text_at(table: &[u8], offset: u32) -> Option<&str> {
    let rest = table.get(usize::try_from(offset).ok()?..)?;
    let rest = rest.get(..NAME_BYTES_MAX).unwrap_or(rest);
    std::str::from_utf8(rest.get(..memchr(0, rest)?)?).ok()
}
