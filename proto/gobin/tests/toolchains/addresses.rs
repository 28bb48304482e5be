//! What is said of single addresses is what the audit of the whole program says of them.

use linger_gobin::Binary;
use linger_gobin::audit::{Callee, DeferKind, Site};
use linger_gobin::census::{Code, DeferCalls, Memory, Piece, Stop};
use linger_gobin::elf::Segment;

use super::programs::programs;

/// A program's file by address; zeros behind each segment, as the kernel leaves them.
struct Image<'a>(&'a [Segment<'a>]);

impl Memory for Image<'_> {
    fn read_pieces(&mut self, _: &[Piece], _: &mut [u8], _: &mut Vec<bool>) -> Result<(), Stop> {
        panic!("a function table is read one piece at a time")
    }

    fn read(&mut self, address: u64, into: &mut [u8]) -> Result<bool, Stop> {
        let of = |s: &&Segment<'_>| (s.address..s.address + s.memory_bytes).contains(&address);
        let Some(segment) = self.0.iter().find(of) else { return Ok(false) };
        let start = usize::try_from(address - segment.address).unwrap().min(segment.bytes.len());
        let bytes = &segment.bytes[start..segment.bytes.len().min(start + into.len())];
        into.fill(0);
        into[..bytes.len()].copy_from_slice(bytes);
        Ok(true)
    }

    fn confirm(&mut self) -> Result<(), Stop> {
        Ok(())
    }
}

fn kind(callee: Callee) -> Option<DeferKind> {
    match callee {
        Callee::Proc => Some(DeferKind::Heap),
        Callee::ProcStack => Some(DeferKind::Stack),
        Callee::ProcAt => Some(DeferKind::Range),
        Callee::RangeFunc | Callee::Return => None,
    }
}

#[test]
fn an_address_is_a_defer_call_exactly_where_the_audit_says_so() {
    for program in programs() {
        let binary = Binary::read(&program.bytes).unwrap();
        let audit = binary.audit().unwrap();
        let mut calls = DeferCalls::new(&Code::of(&binary), Image(binary.elf().segments())).unwrap();
        for defer in &audit.defers {
            for site in &defer.sites {
                let Site::Call { pc } = *site else { continue };
                let found = calls.before(audit.calls.return_address(pc)).unwrap().unwrap();
                assert_eq!(kind(found.callee), Some(defer.kind), "{program:?} {defer:?}");
                let place = &found.place;
                assert_eq!(
                    (&*place.file, place.line, place.start_line),
                    (defer.file, defer.line, defer.start_line)
                );
            }
        }
        let mut returns = 0;
        // Everywhere in the program's own functions, also where no instruction ends.
        for function in binary.functions().functions().filter(|f| f.name().starts_with("main.")) {
            for address in function.entry()..function.end() {
                let found = calls.before(address).unwrap().map(|call| call.callee);
                assert_eq!(
                    found,
                    audit.calls.before(address),
                    "{program:?} {} {address:#x}",
                    function.name()
                );
                returns += usize::from(found == Some(Callee::Return));
            }
            assert_eq!(calls.start_line(function.entry()).unwrap(), Some(function.start_line()));
        }
        assert!(returns > 30, "{program:?}: {returns}");
        assert_eq!(calls.before(0).unwrap(), None);
        assert_eq!(calls.before(u64::MAX).unwrap(), None);
    }
}
