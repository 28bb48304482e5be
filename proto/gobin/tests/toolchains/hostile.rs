//! Programs cut off and spoiled: an answer or a refusal, never a panic, and never for long: every loop is bounded, and
//! this file's own run shows it.

use linger_gobin::{Binary, Error};

use super::programs::{Program, Variant, programs};

/// Lengths tried of one program.
const CUTS: usize = 40;
/// Places spoiled in each region, each in three ways.
const PLACES: usize = 16;

fn of(variant: Variant) -> impl Iterator<Item = &'static Program> {
    // One release: the others differ in tables, not in code.
    let release = programs().iter().map(|program| program.release).max();
    programs().iter().filter(move |program| program.variant == variant && Some(program.release) == release)
}

/// Asks everything; says how many statements there are.
fn ask(bytes: &[u8]) -> Result<usize, Error> {
    let binary = Binary::read(bytes)?;
    // Each may fail by itself.
    let _ = binary.all_goroutines();
    let _ = binary.layout();
    let _ = binary.elf().build_ids();
    let frames = binary.functions().functions().step_by(50).map(|f| f.frames(f.end() - 1).count());
    assert!(frames.sum::<usize>() <= binary.functions().len() * 64);
    let audit = binary.audit()?;
    Ok(audit.defers.len())
}

#[test]
fn a_program_cut_off_anywhere_is_a_refusal_or_a_part() {
    for program in of(Variant::Stripped).chain(of(Variant::Plain)) {
        let whole = ask(&program.bytes).unwrap();
        let step = (program.bytes.len() / CUTS) | 1;
        for length in (0..200).chain((200..program.bytes.len()).step_by(step)) {
            if let Ok(part) = ask(&program.bytes[..length]) {
                assert!(part <= whole, "{} at {length}", program.arch);
            }
        }
    }
}

/// Where tables start: their first bytes decide how everything behind is read.
fn regions(program: &Program) -> Vec<std::ops::Range<usize>> {
    let binary = Binary::read(&program.bytes).unwrap();
    let in_file = |address: u64| {
        let rest = binary.elf().from(address).unwrap();
        rest.as_ptr() as usize - program.bytes.as_ptr() as usize
    };
    let table = memchr::memmem::find(&program.bytes, &[0xf1, 0xff, 0xff, 0xff, 0, 0]).unwrap();
    let module = in_file(binary.module().address);
    let data = in_file(binary.module().function_data);
    vec![
        0..64,
        64..600,
        table..table + 72,
        table + 72..program.bytes.len(),
        module..module + 372,
        data..data + 4_000,
    ]
}

#[test]
fn spoiled_bytes_are_survived() {
    for program in of(Variant::Stripped).chain(of(Variant::Pie)) {
        let mut bytes = program.bytes.clone();
        for region in regions(program) {
            let step = (region.len() / PLACES).max(1);
            for place in region.step_by(step) {
                let was = bytes[place];
                for spoiled in [was ^ 0x01, was ^ 0x80, 0xff] {
                    bytes[place] = spoiled;
                    let _ = ask(&bytes);
                }
                bytes[place] = was;
            }
        }
    }
}

#[test]
fn spoiled_debug_information_leads_to_the_table() {
    for program in of(Variant::Uncompressed) {
        let whole = Binary::read(&program.bytes).unwrap().layout().unwrap();
        let binary = Binary::read(&program.bytes).unwrap();
        for section in [".debug_info", ".debug_abbrev"] {
            let part = binary.elf().section(section).unwrap().bytes;
            let start = part.as_ptr() as usize - program.bytes.as_ptr() as usize;
            let mut bytes = program.bytes.clone();
            for place in (start..start + part.len()).step_by((part.len() / PLACES).max(1)) {
                let was = bytes[place];
                bytes[place] ^= 0xff;
                // Whatever is wrong in it, the structures are told by what is left of it, or by the table.
                let layout = Binary::read(&bytes).unwrap().layout().unwrap();
                assert_eq!(layout.g.bytes > 200, whole.g.bytes > 200);
                bytes[place] = was;
            }
        }
    }
}
