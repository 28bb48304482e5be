//! Every cut and every byte spoiled: an answer or a refusal.

use linger_gobin::{Binary, Error};

use super::program::Program;

fn ask(bytes: &[u8]) -> Result<usize, Error> {
    let binary = Binary::read(bytes)?;
    let _ = binary.all_goroutines();
    let _ = binary.layout();
    let _ = binary.elf().build_ids();
    for function in binary.functions().functions() {
        let _ = (function.name(), function.stack_bytes(function.entry()), function.is_top_frame());
        assert!(function.frames(function.entry()).count() <= 64);
    }
    Ok(binary.audit()?.defers.len())
}

fn programs() -> [Vec<u8>; 3] {
    let program = Program::of("go1.21");
    let relocated = Program { relocated: true, kind: 3, ..Program::of("go1.27") };
    [program.bytes(), relocated.bytes(), Program { arm64: true, ..program }.bytes()]
}

#[test]
fn every_cut_is_a_refusal_or_a_part() {
    for program in programs() {
        assert_eq!(ask(&program), Ok(2));
        for length in 0..program.len() {
            if let Ok(statements) = ask(&program[..length]) {
                assert!(statements <= 2, "at {length}");
            }
        }
    }
}

#[test]
fn every_spoiled_byte_is_survived() {
    for program in programs() {
        let mut bytes = program.clone();
        for place in 0..bytes.len() {
            for spoiled in [0x00, 0x01, 0x7f, 0x80, 0xff] {
                bytes[place] = program[place] ^ spoiled;
                let _ = ask(&bytes);
            }
            bytes[place] = program[place];
        }
    }
}

#[test]
fn numbers_as_large_as_they_get_are_survived() {
    for program in programs() {
        let mut bytes = program.clone();
        for place in (0..bytes.len() - 8).step_by(4) {
            for word in [0_u64, 1, u64::from(u32::MAX), i64::MAX.cast_unsigned(), u64::MAX - 7, u64::MAX] {
                bytes[place..place + 8].copy_from_slice(&word.to_le_bytes());
                let _ = ask(&bytes);
            }
            bytes[place..place + 8].copy_from_slice(&program[place..place + 8]);
        }
    }
}

/// Work that would grow with the square of the file is refused.
#[test]
fn what_no_program_has_is_refused() {
    let refusal = |program: Program| ask(&program.bytes()).unwrap_err().to_string();
    let program = Program::of("go1.27");
    let many = refusal(Program { calls: 200_000, ..program });
    assert_eq!(many, "more than 131072 calls of defer functions");
    let far = refusal(Program { calls: 100_000, ..program });
    assert_eq!(far, "more than 1073741824 bytes of code to look up lines in");
    let overlapping = refusal(Program { calls: 10_000, overlapping: 300_000, ..program });
    assert!(overlapping.ends_with(": functions overlap"), "{overlapping}");
    assert_eq!(ask(&Program { calls: 100, ..program }.bytes()), Ok(102));
}
