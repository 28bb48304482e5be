//! Any bytes as a program: an answer or a refusal. For ELF headers, sections, symbols, notes, build info.
#![no_main]

use libfuzzer_sys::fuzz_target;
use linger_gobin::Binary;
use linger_gobin::buildinfo::BuildInfo;
use linger_gobin::elf::Elf;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(elf) = Elf::parse(bytes) {
        let _ = (elf.build_ids(), elf.symbols(["runtime.allgs"]), elf.section(".gopclntab"), BuildInfo::find(&elf));
    }
    if let Ok(binary) = Binary::read(bytes) {
        let _ = (binary.all_goroutines(), binary.audit());
    }
});
