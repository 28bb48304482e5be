//! What is found in them.

use linger_gobin::Binary;
use linger_gobin::audit::{Callee, DeferKind, Site};

use super::program::{Program, READ_ONLY};

#[track_caller]
fn check(program: &Program, call: u64, store: u64) {
    let bytes = program.bytes();
    let binary = Binary::read(&bytes).unwrap();
    let audit = binary.audit().unwrap();
    let text = binary.module().text;
    assert_eq!(text, READ_ONLY + 64 + 3 * 56);
    let main = binary.functions().by_names(["main.main"])[0].unwrap();
    let found: Vec<_> =
        audit.defers.iter().map(|d| (d.kind, d.function, d.file, d.line, d.sites.clone())).collect();
    let slot = Site::Slot { function: main.entry(), slot: 0, pc: text + store };
    assert_eq!(
        found,
        [
            (DeferKind::Heap, "main.main", "main.go", 10, vec![Site::Call { pc: text + call }]),
            (DeferKind::Open, "main.main", "main.go", 11, vec![slot]),
        ],
        "{program:?}"
    );
    assert_eq!(audit.calls.at(main.defer_return().unwrap()), Some(Callee::Return));
    assert_eq!(audit.by_slot(main.entry(), 0).map(|d| d.line), Some(11));
    let open = main.open_coded(binary.is_go_1_21()).unwrap();
    assert_eq!((open.bits_below, open.count, open.slot_below(0), open.slot_below(1)), (9, 1, Some(8), None));
}

#[test]
fn both_machines_and_every_layout_give_the_same_statements() {
    for version in ["go1.21", "go1.22.1", "go1.24.9", "go1.26rc1", "devel go1.27-0123abc Mon Jan 4"] {
        let amd64 = Program::of(version);
        let arm64 = Program { arm64: true, ..amd64 };
        for relocated in [false, true] {
            check(&Program { relocated, ..amd64 }, 3, 8);
            check(&Program { relocated, kind: 3, ..arm64 }, 12, 16);
        }
    }
}

#[test]
fn a_table_of_goroutines_that_is_not_there_is_a_refusal() {
    let bytes = Program::of("go1.27").bytes();
    let refusal = Binary::read(&bytes).unwrap().all_goroutines().unwrap_err();
    assert_eq!(refusal.to_string(), "no list of goroutines (runtime.allgs) found");
}

/// The program with some bytes exchanged for others.
fn with(program: Program, exchanges: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut bytes = program.bytes();
    for (old, new) in exchanges {
        let at = memchr::memmem::find(&bytes, old).unwrap();
        bytes[at..at + new.len()].copy_from_slice(new);
    }
    bytes
}

#[test]
fn a_function_that_defers_by_no_known_means_is_named() {
    let no_call: (&[u8], &[u8]) = (&[0xe8, 0xf8, 0xff, 0xff, 0xff], &[0x90; 5]);
    let no_store: (&[u8], &[u8]) = (&[0x48, 0x89, 0x44, 0x24, 0x10], &[0x90; 5]);
    let program = Program::of("go1.27");
    let bytes = with(program, &[no_call, no_store]);
    let audit = Binary::read(&bytes).unwrap().audit().unwrap();
    assert_eq!((audit.defers.len(), audit.not_placed), (0, vec![("main.main", 1)]));

    // Its list of open-coded defers, at the start of the segment that is written to, says that there are none.
    let mut bytes = with(program, &[no_call]);
    let list = memchr::memmem::rfind(&bytes, &[9, 8, 0, 0, 0, 0, 0, 0]).unwrap();
    bytes[list + 1] = 0;
    let audit = Binary::read(&bytes).unwrap().audit().unwrap();
    assert_eq!((audit.defers.len(), audit.not_placed), (0, vec![("main.main", 1)]));
}

#[test]
fn a_program_whose_runtime_is_elsewhere_is_a_refusal() {
    let bytes = with(Program::of("go1.27"), &[(b"runtime.deferreturn", b"runtime.elsewhere..")]);
    let refusal = Binary::read(&bytes).unwrap().audit().unwrap_err().to_string();
    assert_eq!(refusal, "no runtime.deferreturn, which -linkshared leaves in another file, found");
}
