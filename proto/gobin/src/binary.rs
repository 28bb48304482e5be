//! A Go binary with everything that questions to it need found: the way into this crate.

use crate::allgs::AllGoroutines;
use crate::audit::Audit;
use crate::buildinfo::BuildInfo;
use crate::elf::Elf;
use crate::error::Error;
use crate::go_version::GoVersion;
use crate::layout::Layout;
use crate::moduledata::ModuleData;
use crate::pclntab::{Header, Pclntab};

/// A Go binary. It borrows the file's bytes and copies next to nothing of them.
#[derive(Debug)]
pub struct Binary<'a> {
    elf: Elf<'a>,
    build_info: BuildInfo,
    version: GoVersion,
    module: ModuleData,
    functions: Pclntab<'a>,
}

impl<'a> Binary<'a> {
    /// Finds everything.
    ///
    /// # Errors
    ///
    /// What is no Go program of a known release, by name; what of it is missing or damaged.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Error> {
        let elf = Elf::parse(bytes)?;
        let header = Header::find(&elf);
        let Some(build_info) = BuildInfo::find(&elf) else {
            // Go before 1.13 left no record, and a function table that is not read.
            let is_go = header.is_ok() || elf.section(".gopclntab").is_some();
            return Err(if is_go { Error::NoVersion } else { Error::NotGo });
        };
        let text = || build_info.go_version.clone();
        let version = build_info.version().ok_or(Error::NoVersion)?;
        if version.is_too_old() {
            return Err(Error::TooOld { version: text() });
        }
        if !version.is_known() {
            return Err(Error::TooNew { version: text() });
        }
        let header = header?;
        let module = ModuleData::find(&elf, &header, &version)?;
        let functions = Pclntab::new(&elf, &header, &module)?;
        Ok(Self { elf, build_info, version, module, functions })
    }

    /// The file.
    #[must_use]
    pub fn elf(&self) -> &Elf<'a> {
        &self.elf
    }

    /// What it was built from.
    #[must_use]
    pub fn build_info(&self) -> &BuildInfo {
        &self.build_info
    }

    /// The Go that built it.
    #[must_use]
    pub fn version(&self) -> &GoVersion {
        &self.version
    }

    /// Where its text and function data are.
    #[must_use]
    pub fn module(&self) -> &ModuleData {
        &self.module
    }

    /// Its functions.
    #[must_use]
    pub fn functions(&self) -> &Pclntab<'a> {
        &self.functions
    }

    /// Offsets in the runtime's structures: from its own debug information, else from the table of its release.
    /// Debug information is inflated for this unit by unit: 26 ms and 4 MB of memory for Caddy's 20 MB.
    ///
    /// # Errors
    ///
    /// When neither knows them.
    pub fn layout(&self) -> Result<Layout, Error> {
        Layout::of(&self.elf, &self.version)
            .ok_or_else(|| Error::TooNew { version: self.version.text().into() })
    }

    /// Where the runtime keeps the list of all goroutines.
    ///
    /// # Errors
    ///
    /// When it has no symbols and the code that fills the list is not understood.
    pub fn all_goroutines(&self) -> Result<AllGoroutines, Error> {
        AllGoroutines::find(&self.elf, &self.functions)
    }

    /// Every defer statement.
    ///
    /// # Errors
    ///
    /// When there are more than any program has, or finding their lines would take longer than it does for any.
    pub fn audit(&self) -> Result<Audit<'a>, Error> {
        Audit::of(self)
    }

    /// Whether it lays out open-coded defers as Go 1.21 did; see [`crate::pclntab::Function::open_coded`].
    #[must_use]
    pub fn is_go_1_21(&self) -> bool {
        self.version.minor() == 21
    }
}
