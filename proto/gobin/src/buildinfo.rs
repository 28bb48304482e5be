//! What a Go program was built from: the record that `go version -m` shows.
//!
//! Format: Go 1.27, debug/buildinfo/buildinfo.go, `readRawBuildInfo`. Since Go 1.18 two strings stand in the record;
//! before, two pointers do, and they are followed so that an old Go can be refused by its name.

mod modules;

use memchr::memmem;

use crate::elf::Elf;
use crate::go_version::GoVersion;
use crate::little_endian::{u8_at, u64_at};

pub use modules::Module;

const MAGIC: &[u8] = b"\xff Go buildinf:";
const RECORD_BYTES: usize = 32;
/// Longest version text: releases have ten characters, and name the experiments they were built with.
const VERSION_BYTES_MAX: usize = 4 << 10;
/// Longest list of modules: a module takes about 100 bytes, so that this is some 40,000 of them.
const MODULES_BYTES_MAX: usize = 4 << 20;
/// Places looked at that only seem to hold the record: a program that reads such records holds the mark as text.
const CANDIDATES_MAX: usize = 64;
/// What stands around the list of modules (Go 1.27, cmd/go/internal/modload/build.go, `infoStart`, `infoEnd`).
const FRAME_BYTES: usize = 16;

/// The record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildInfo {
    /// The Go that built it, as it stands there.
    pub go_version: String,
    /// Import path of the main package; empty without modules.
    pub path: String,
    /// The main module.
    pub main: Option<Module>,
    /// All modules it depends on, those that replace others included.
    pub dependencies: Vec<Module>,
    /// `-buildmode`, `CGO_ENABLED`, `GOARCH`, `vcs.revision`, …
    pub settings: Vec<(String, String)>,
}

impl BuildInfo {
    /// Finds and reads the record; `None` where there is none.
    #[must_use]
    pub fn find(elf: &Elf<'_>) -> Option<Self> {
        let section = elf.section(".go.buildinfo").map(|section| section.bytes);
        let data = elf.segments().iter().filter(|segment| !segment.executable).map(|segment| segment.bytes);
        let places = section.into_iter().chain(data);
        places.flat_map(candidates).take(CANDIDATES_MAX).find_map(|record| Self::read(elf, record))
    }

    /// The release of Go that built it.
    #[must_use]
    pub fn version(&self) -> Option<GoVersion> {
        GoVersion::parse(&self.go_version)
    }

    /// A setting by name, as `vcs.revision`.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn read(elf: &Elf<'_>, record: &[u8]) -> Option<Self> {
        let (version, modules) = match u8_at(record, 15)? {
            flags if flags & 2 != 0 => {
                let (version, rest) = counted(record.get(RECORD_BYTES..)?, VERSION_BYTES_MAX)?;
                let modules = counted(rest, MODULES_BYTES_MAX).map(|(modules, _)| modules);
                (version, modules)
            }
            0 if u8_at(record, 14)? == 8 => {
                let version = pointed_to(elf, u64_at(record, 16)?, VERSION_BYTES_MAX)?;
                (version, pointed_to(elf, u64_at(record, 24)?, MODULES_BYTES_MAX))
            }
            _ => return None,
        };
        // A program that looks for such records, like this one, holds the mark too, and anything behind it.
        let is_version = |text: &&str| text.starts_with("go") || text.starts_with("devel");
        let go_version = std::str::from_utf8(version).ok().filter(is_version)?.to_owned();
        let empty = Self {
            go_version,
            path: String::new(),
            main: None,
            dependencies: Vec::new(),
            settings: Vec::new(),
        };
        let framed = modules.and_then(|m| m.get(FRAME_BYTES..m.len().checked_sub(FRAME_BYTES)?));
        Some(match framed.and_then(|text| std::str::from_utf8(text).ok()) {
            Some(text) => modules::read(empty, text),
            None => empty,
        })
    }
}

/// Every place that starts like the record. It is aligned to 16 bytes of the address, which the mark's own are too.
fn candidates(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    memmem::find_iter(bytes, MAGIC).take(CANDIDATES_MAX).filter_map(|at| bytes.get(at..))
}

/// A string with its length before it, and what follows.
fn counted(bytes: &[u8], bytes_max: usize) -> Option<(&[u8], &[u8])> {
    let (length, taken) = crate::little_endian::varint_at(bytes, 0)?;
    let length = usize::try_from(length).ok().filter(|length| *length <= bytes_max)?;
    bytes.get(taken..)?.split_at_checked(length)
}

/// The string whose header (pointer, length) is at an address.
fn pointed_to<'a>(elf: &Elf<'a>, header: u64, bytes_max: usize) -> Option<&'a [u8]> {
    let header = elf.image(header, 16)?;
    let length = usize::try_from(u64_at(&header, 8)?).ok().filter(|length| *length <= bytes_max)?;
    elf.at(u64_at(&header, 0)?, length)
}
