//! A sound program of a few kilobytes with any bytes laid over it from any place on: functions, values by program
//! counter, inline trees, open-coded defers, module data, relocations, code.
#![no_main]

use libfuzzer_sys::fuzz_target;
use linger_gobin::Binary;

#[path = "../../tests/synthetic/program.rs"]
mod program;

fuzz_target!(|input: (bool, bool, bool, u16, &[u8])| {
    let (arm64, relocated, is_oldest, place, over) = input;
    let version = if is_oldest { "go1.21" } else { "go1.27" };
    let program = program::Program { arm64, relocated, ..program::Program::of(version) };
    let mut bytes = program.bytes();
    let place = usize::from(place) % bytes.len();
    for (byte, over) in bytes[place..].iter_mut().zip(over) {
        *byte = *over;
    }
    let Ok(binary) = Binary::read(&bytes) else { return };
    for function in binary.functions().functions() {
        assert!(function.frames(function.entry()).count() <= 64);
    }
    if let Ok(audit) = binary.audit() {
        assert!(audit.defers.len() <= bytes.len());
    }
});
