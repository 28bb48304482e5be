//! Whether a process runs a Go program: by the marks Go's linker leaves in the ELF file. It refuses to read more
//! than headers and section names.

use super::Program;
use crate::pid::Pid;
use crate::proc::Proc;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Most sections looked at: Go programs with debug information have 35 to 39 (Go 1.26; Prometheus, etcd, Caddy).
const SECTIONS_MAX: u16 = 256;
/// Most bytes of section names: as many sections with names of 64 bytes.
const NAMES_BYTES_MAX: usize = 16 << 10;
/// Sections only Go's linker writes (Go 1.26, `cmd/link/internal/ld`); strip(1) leaves all three.
const MARKS: [&[u8]; 3] = [b".go.buildinfo", b".gopclntab", b".note.go.buildid"];

impl Program {
    pub(crate) fn of(proc: &Proc, pid: Pid) -> Self {
        // Through `exe`, which is the file itself whatever our own view of its path is.
        File::open(proc.of(pid, "exe")).and_then(|file| sections(&file)).map_or(Self::Unknown, |names| {
            match names {
                Some(names) if names.split(|b| *b == 0).any(|name| MARKS.contains(&name)) => Self::Go,
                Some(_) => Self::Other,
                None => Self::Unknown,
            }
        })
    }
}

/// The section names of a 64-bit ELF file of this machine's byte order; `None` where it has none.
fn sections(file: &File) -> io::Result<Option<Vec<u8>>> {
    let mut header = [0; 64];
    file.read_exact_at(&mut header, 0)?;
    let class_and_order = [2, if cfg!(target_endian = "little") { 1 } else { 2 }];
    if header.get(..4) != Some(b"\x7fELF") || header.get(4..6) != Some(&class_and_order) {
        return Ok(None);
    }
    // Elf64_Ehdr: e_shoff at 40, e_shentsize at 58, e_shnum at 60, e_shstrndx at 62.
    let (Some(table), Some(entry), Some(count), Some(names)) =
        (u64_at(&header, 40), u16_at(&header, 58), u16_at(&header, 60), u16_at(&header, 62))
    else {
        return Ok(None);
    };
    if table == 0 || entry != 64 || count > SECTIONS_MAX || names >= count {
        return Ok(None);
    }
    let mut section = [0; 64];
    let at = table.checked_add(u64::from(names) * u64::from(entry)).ok_or(io::ErrorKind::InvalidData)?;
    file.read_exact_at(&mut section, at)?;
    // Elf64_Shdr: sh_offset at 24, sh_size at 32.
    let (Some(offset), Some(size)) = (u64_at(&section, 24), u64_at(&section, 32)) else { return Ok(None) };
    let Some(size) = usize::try_from(size).ok().filter(|size| *size <= NAMES_BYTES_MAX) else {
        return Ok(None);
    };
    let mut text = vec![0; size];
    file.read_exact_at(&mut text, offset)?;
    Ok(Some(text))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8)?.try_into().ok().map(u64::from_ne_bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::Program;
    use crate::pid::Pid;
    use crate::proc::Proc;

    #[test]
    fn a_rust_program_is_no_go_program() {
        assert_eq!(Program::of(&Proc::here(), Pid::own()), Program::Other);
    }

    #[test]
    fn a_process_that_is_not_there_is_unknown() {
        assert_eq!(Program::of(&Proc::here(), Pid(u32::MAX)), Program::Unknown);
    }

    #[test]
    fn of_a_script_nothing_is_known() {
        let tree = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(tree.path().join("7")).expect("created");
        std::fs::write(tree.path().join("7/exe"), [b'#'; 100]).expect("written");
        assert_eq!(Program::of(&Proc::at(tree.path()), Pid(7)), Program::Unknown);
    }
}
