//! Build ids: what Go's and the system's linker write to tell one build from another.

use object::read::elf::{FileHeader, NoteIterator, ProgramHeader, SectionHeader, SectionTable};

use super::{Header, ORDER};

/// `NT_GNU_BUILD_ID`, and Go's own tag (Go 1.27, cmd/link/internal/ld/elf.go, `ELF_NOTE_BUILDINFO_TAG` and
/// `ELF_NOTE_GOBUILDID_TAG`).
const GNU_BUILD_ID: u32 = 3;
const GO_BUILD_ID: u32 = 4;
/// Longest id kept; Go's are 83 characters, GNU's 20 bytes.
const ID_BYTES_MAX: usize = 256;
/// Notes looked at: a Go program has two or three.
const NOTES_MAX: usize = 64;

/// Ids of a build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildIds {
    /// Go's, four hashes with slashes between.
    pub go: Option<String>,
    /// The one debuggers and symbol servers go by, as hexadecimal digits.
    pub gnu: Option<String>,
}

pub(super) fn build_ids(header: &Header, sections: &SectionTable<'_, Header>, bytes: &[u8]) -> BuildIds {
    let mut ids = BuildIds::default();
    for program in header.program_headers(ORDER, bytes).unwrap_or_default() {
        if let Ok(Some(notes)) = program.notes(ORDER, bytes) {
            read(&mut ids, notes);
        }
    }
    for section in sections.iter() {
        if let Ok(Some(notes)) = section.notes(ORDER, bytes) {
            read(&mut ids, notes);
        }
    }
    ids
}

fn read(ids: &mut BuildIds, mut notes: NoteIterator<'_, Header>) {
    for _ in 0..NOTES_MAX {
        let Ok(Some(note)) = notes.next() else { return };
        let id = note.desc();
        let id = id.get(..ID_BYTES_MAX).unwrap_or(id);
        match (note.name(), note.n_type(ORDER).0) {
            (b"Go", GO_BUILD_ID) => ids.go = Some(String::from_utf8_lossy(id).into_owned()),
            (b"GNU", GNU_BUILD_ID) => ids.gnu = Some(id.iter().map(|b| format!("{b:02x}")).collect()),
            _ => {}
        }
    }
}
