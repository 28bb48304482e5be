//! The address of `runtime.allgs`, the slice of all goroutines: by its symbol, else from the code of
//! `runtime.allgadd`, which appends to it (Go 1.27, runtime/proc.go).
//!
//! A slice is three words, pointer, length and capacity, so `allgadd` refers to some X, X+8 and X+16. Nothing else
//! it uses is a slice.

mod amd64;
mod arm64;

use crate::elf::{Elf, Machine};
use crate::error::Error;
use crate::pclntab::Pclntab;

/// Most bytes looked at of a function that has 346 (Go 1.27, amd64).
const CODE_BYTES_MAX: usize = 4 << 10;

/// Where the list of goroutines is, before the process is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllGoroutines {
    /// `runtime.allgs`: a pointer to `*g` pointers, then how many, then the capacity. A reader that does not hold
    /// the lock may see them from different moments: the pointer has to be the same before and after.
    pub slice: u64,
    /// `runtime.allglen`, which is written after the slice; known by its symbol only.
    pub length: Option<u64>,
    /// Whether a symbol said so; else the code did.
    pub by_symbol: bool,
}

impl AllGoroutines {
    pub(crate) fn find(elf: &Elf<'_>, functions: &Pclntab<'_>) -> Result<Self, Error> {
        if let [Some(slice), length] = elf.symbols(["runtime.allgs", "runtime.allglen"]) {
            return Ok(Self { slice, length, by_symbol: true });
        }
        Self::from_code(elf, functions)
    }

    fn from_code(elf: &Elf<'_>, functions: &Pclntab<'_>) -> Result<Self, Error> {
        let missing = Error::Missing { what: "list of goroutines (runtime.allgs)" };
        let [Some(function)] = functions.by_names(["runtime.allgadd"]) else { return Err(missing) };
        let code = elf.between(function.entry(), function.end()).unwrap_or_default();
        let code = code.get(..CODE_BYTES_MAX).unwrap_or(code);
        let mut words = match elf.machine() {
            Machine::Amd64 => amd64::words(code, function.entry()),
            Machine::Arm64 => arm64::words(code, function.entry()),
        };
        words.sort_unstable();
        words.dedup();
        let has = |address: Option<u64>| address.is_some_and(|a| words.binary_search(&a).is_ok());
        let mut slices = words.iter().copied().filter(|&x| has(x.checked_add(8)) && has(x.checked_add(16)));
        match (slices.next(), slices.next()) {
            (Some(slice), None) => Ok(Self { slice, length: None, by_symbol: false }),
            _ => Err(missing),
        }
    }
}
