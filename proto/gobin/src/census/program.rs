//! What the walk has to know of a program beforehand. All of it is small, so that the file's bytes can be let go.

use crate::binary::Binary;
use crate::elf::Machine;
use crate::error::Error;
use crate::layout::{Layout, LayoutSource};
use crate::moduledata::ModuleData;

/// Where the table of a program's functions is, and by which rules it is read.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    pub(super) machine: Machine,
    pub(super) minor: u16,
    pub(super) module: ModuleData,
}

impl Code {
    /// Of a binary.
    #[must_use]
    pub fn of(binary: &Binary<'_>) -> Self {
        let (machine, minor) = (binary.elf().machine(), binary.version().minor());
        Self { machine, minor, module: *binary.module() }
    }

    /// Its release of Go 1.
    #[must_use]
    pub fn minor(&self) -> u16 {
        self.minor
    }
}

/// A program whose memory can be walked.
#[derive(Clone, Debug)]
pub struct Program {
    pub(super) code: Code,
    pub(super) layout: Layout,
    /// `runtime.allgs`, before the process was moved.
    pub(super) all_goroutines: u64,
    version: String,
}

impl Program {
    /// Of a binary.
    ///
    /// # Errors
    ///
    /// When offsets or the list of goroutines are not known.
    pub fn of(binary: &Binary<'_>) -> Result<Self, Error> {
        Self::with_list(binary, binary.all_goroutines()?.slice)
    }

    /// Of a binary whose list of goroutines, `runtime.allgs`, is known to be at this address.
    ///
    /// # Errors
    ///
    /// When offsets are not known.
    pub fn with_list(binary: &Binary<'_>, all_goroutines: u64) -> Result<Self, Error> {
        Ok(Self {
            code: Code::of(binary),
            layout: binary.layout()?,
            all_goroutines,
            version: binary.version().text().to_owned(),
        })
    }

    /// One that tests make up.
    #[cfg(test)]
    pub(super) fn made_up(module: ModuleData, layout: Layout, all_goroutines: u64) -> Self {
        let (machine, version) = (Machine::Amd64, "go1.27".to_owned());
        Self { code: Code { machine, minor: 27, module }, layout, all_goroutines, version }
    }

    /// The Go that built it.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Where the header of its function table is, before the process was moved: its bytes in memory are those of
    /// the file, or the process runs something else.
    #[must_use]
    pub fn function_table(&self) -> u64 {
        self.code.module.function_table
    }

    /// What its offsets rest on.
    #[must_use]
    pub fn layout_source(&self) -> &LayoutSource {
        &self.layout.source
    }
}
