//! The list of goroutines: what the code of the runtime refers to is what the symbol says.

use linger_gobin::Binary;

use super::programs::{Variant, programs};

#[test]
fn the_code_says_what_the_symbol_says() {
    for program in programs().iter().filter(|program| program.variant == Variant::Plain) {
        let by_symbol = Binary::read(&program.bytes).unwrap().all_goroutines().unwrap();
        assert!(by_symbol.by_symbol && by_symbol.length.is_some());
        let without_symbols = programs().iter().find(|other| {
            (other.release, other.arch, other.variant) == (program.release, program.arch, Variant::Headless)
        });
        let by_code = Binary::read(&without_symbols.unwrap().bytes).unwrap().all_goroutines().unwrap();
        assert_eq!((by_code.slice, by_code.by_symbol), (by_symbol.slice, false), "{}", program.arch);
    }
}

#[test]
fn the_list_is_in_memory_that_is_written_to() {
    for program in programs() {
        let binary = Binary::read(&program.bytes).unwrap();
        let slice = binary.all_goroutines().unwrap().slice;
        let home = binary.elf().segments().iter().find(|segment| segment.contains(slice)).unwrap();
        assert!(home.writable && home.contains(slice + 16));
    }
}
