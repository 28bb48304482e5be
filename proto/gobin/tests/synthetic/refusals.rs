//! What is not read, by name.

use linger_gobin::Binary;

use super::program::{Program, WRITABLE};

#[track_caller]
fn check(bytes: &[u8], says: &str) {
    let refusal = Binary::read(bytes).map(|binary| binary.version().clone()).unwrap_err();
    assert_eq!(refusal.to_string(), says);
}

#[test]
fn a_release_without_a_known_layout_is_refused_by_its_name() {
    check(&Program::of("go1.20.14").bytes(), "built by \"go1.20.14\"; the oldest Go that is read is go1.21");
    check(&Program::of("go1.9").bytes(), "built by \"go1.9\"; the oldest Go that is read is go1.21");
    check(&Program::of("go1.28").bytes(), "built by \"go1.28\"; the newest Go that is known is go1.27");
    check(
        &Program::of("devel go1.28-1a2b3c Tue").bytes(),
        "built by \"devel go1.28-1a2b3c Tue\"; the newest Go that is known is go1.27",
    );
    check(&Program::of("custom build").bytes(), "a Go program that does not tell which Go built it");
}

#[test]
fn what_is_no_program_for_us_is_refused_by_its_name() {
    let of = |kind, machine| Program { kind, machine: Some(machine), ..Program::of("go1.27") }.bytes();
    check(&of(1, 62), "not a program but an object file");
    check(&of(4, 62), "not a program but a core dump");
    check(&of(2, 3), "a program for 386; only amd64 and arm64 are read");
    check(&of(2, 243), "a program for riscv64; only amd64 and arm64 are read");
    check(&of(2, 9_999), "a program for machine 9999 of the ELF list; only amd64 and arm64 are read");
    for (bytes, what) in [
        (&b""[..], "an empty file"),
        (b"#!/bin/sh\n", "a script"),
        (b"hello\n", "a text file"),
        (b"MZ\x90\0", "a PE file (Windows)"),
        (b"\xca\xfe\xba\xbe\0\0\0\x02", "a Mach-O file (macOS)"),
        (b"!<arch>\n__.PKGDEF", "an archive of object files"),
        (b"\0asm\x01\0\0\0", "a WebAssembly module"),
        (b"PK\x03\x04", "a compressed file"),
        (b"\0\x01\x02\x03", "something else"),
    ] {
        check(bytes, &format!("not a Linux program but {what}"));
    }
}

#[test]
fn a_program_without_a_table_is_told_from_one_that_is_not_gos() {
    let program = Program::of("go1.27");
    let without = |mark: &[u8]| {
        let mut bytes = program.bytes();
        let at = memchr::memmem::find(&bytes, mark).unwrap();
        bytes[at] ^= 0xff;
        bytes
    };
    check(&without(&[0xf1, 0xff, 0xff, 0xff, 0, 0]), "no function table (pclntab) found");
    check(&without(b"\xff Go buildinf:"), "a Go program that does not tell which Go built it");
    let mut nothing = without(b"\xff Go buildinf:");
    let at = memchr::memmem::find(&nothing, &[0xf1, 0xff, 0xff, 0xff, 0, 0]).unwrap();
    nothing[at] = 0;
    check(&nothing, "not a Go program");
    // The mark alone, as in a program that looks for it.
    let mut mark = Program::of("text behind it").bytes();
    let at = memchr::memmem::find(&mark, &[0xf1, 0xff, 0xff, 0xff, 0, 0]).unwrap();
    mark[at] = 0;
    check(&mark, "not a Go program");
}

#[test]
fn module_data_that_leads_nowhere_is_refused() {
    let program = Program::of("go1.26");
    let with = |at: usize, word: u64| {
        let mut bytes = program.bytes();
        let module = bytes.len() - 400 - 48 - (32 + 1 + 6 + 1) + at;
        bytes[module..module + 8].copy_from_slice(&word.to_le_bytes());
        bytes
    };
    check(&with(8, 1), "no module data (runtime.firstmoduledata) found");
    check(&with(176, WRITABLE), "damaged module data at 0x40000010: its text is no code");
    check(&with(320, 1), "damaged module data at 0x40000010: its function data is not in the file");
    check(&Program { text_pieces: 2, ..program }.bytes(), "its text is in 2 pieces, which is not read");
}
