//! Where text and function data start: `runtime.firstmoduledata`, the linker's letter to the runtime. It is found by
//! the pointers it must hold, and is the one structure here whose layout changes between Go releases.

use memchr::memmem;

use crate::elf::Elf;
use crate::error::Error;
use crate::go_version::GoVersion;
use crate::little_endian::u64_at;
use crate::pclntab::Header;

/// Offsets (Go 1.27, runtime/symtab.go, `moduledata`; the same for the first ones since Go 1.20).
const NAMES_AT: usize = 8;
const UNITS_AT: usize = 32;
const TEXT_AT: usize = 176;
const TEXT_END_AT: usize = 184;
/// `gofunc`: Go 1.27 put three words before it (`typedesclen`, `itaboffset`, `itabsize`).
const FUNCTION_DATA_AT: usize = 320;
const FUNCTION_DATA_AT_1_27: usize = 344;
/// From `gofunc` to the length of `textsectmap`, behind `epclntab` and a pointer.
const TEXT_PIECES_BEHIND: usize = 24;
/// Bytes read of it: all that is named above.
const BYTES: usize = FUNCTION_DATA_AT_1_27 + TEXT_PIECES_BEHIND + 8;
/// Places looked at that only hold the same pointer.
const CANDIDATES_MAX: usize = 64;

/// What is needed of the module data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModuleData {
    /// Its own address.
    pub address: u64,
    /// The function table's header.
    pub function_table: u64,
    /// `runtime.text`: where the functions' offsets count from.
    pub text: u64,
    /// The end of Go's text.
    pub text_end: u64,
    /// `go:func.*`: where funcdata counts from.
    pub function_data: u64,
}

impl ModuleData {
    pub(crate) fn find(elf: &Elf<'_>, header: &Header<'_>, version: &GoVersion) -> Result<Self, Error> {
        let mut refusal = Error::Missing { what: "module data (runtime.firstmoduledata)" };
        for address in candidates(elf, header.address).take(CANDIDATES_MAX) {
            match Self::read(elf, header, version, address) {
                Some(Ok(found)) => return Ok(found),
                Some(Err(error)) => refusal = error,
                None => {}
            }
        }
        Err(refusal)
    }

    /// `None` where there is no module data, an error where there is and it cannot be used.
    fn read(
        elf: &Elf<'_>,
        header: &Header<'_>,
        version: &GoVersion,
        address: u64,
    ) -> Option<Result<Self, Error>> {
        let image = elf.image(address, BYTES)?;
        let word = |at| u64_at(&image, at);
        let is_it = word(0)? == header.address
            && word(NAMES_AT)? == header.names_address
            && word(UNITS_AT)? == header.units_address;
        if !is_it {
            return None;
        }
        let at = if version.minor() >= 27 { FUNCTION_DATA_AT_1_27 } else { FUNCTION_DATA_AT };
        let found = Self {
            address,
            function_table: header.address,
            text: word(TEXT_AT)?,
            text_end: word(TEXT_END_AT)?,
            function_data: word(at)?,
        };
        let damaged = |reason| Some(Err(Error::damaged("module data", address, reason)));
        let in_code = elf.segments().iter().any(|s| s.executable && s.contains(found.text));
        if !in_code || found.text_end < found.text {
            return damaged("its text is no code");
        }
        if elf.from(found.function_data).is_none() {
            return damaged("its function data is not in the file");
        }
        match word(at + TEXT_PIECES_BEHIND)? {
            0 | 1 => Some(Ok(found)),
            pieces => Some(Err(Error::SplitText { pieces })),
        }
    }
}

/// Where a pointer to the function table stands: in the file, or in what the loader will write.
fn candidates(elf: &Elf<'_>, table: u64) -> impl Iterator<Item = u64> {
    let pointer = table.to_le_bytes();
    let in_file = elf.segments().iter().filter(|segment| !segment.executable).flat_map(move |segment| {
        let places: Vec<u64> = memmem::find_iter(segment.bytes, &pointer)
            .filter_map(|at| segment.address.checked_add(u64::try_from(at).ok()?))
            .filter(|address| address % 8 == 0)
            .take(CANDIDATES_MAX)
            .collect();
        places
    });
    let by_loader = elf.relative_relocations().filter(move |(_, pointer)| *pointer == table);
    by_loader.map(|(at, _)| at).chain(in_file)
}
