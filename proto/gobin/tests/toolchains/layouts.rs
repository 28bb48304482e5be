//! Offsets by debug information against the table, and what else a program tells of itself.

use linger_gobin::Binary;
use linger_gobin::layout::{Layout, LayoutSource, NoDwarf};

use super::programs::{Variant, programs};

fn layout(bytes: &[u8]) -> Layout {
    Binary::read(bytes).unwrap().layout().unwrap()
}

#[test]
fn the_table_says_what_debug_information_says() {
    let table = LayoutSource::Table { because: NoDwarf::Absent };
    for program in programs() {
        let layout = layout(&program.bytes);
        let expected = match program.variant {
            Variant::Plain | Variant::Uncompressed | Variant::Pie => &LayoutSource::Dwarf,
            Variant::Stripped | Variant::Headless => &table,
        };
        let at = format!("{program:?}");
        assert_eq!(&layout.source, expected, "{at}");
        let of_release = programs().iter().filter(|other| other.release == program.release);
        for other in of_release {
            let other = self::layout(&other.bytes);
            assert_eq!(
                (layout.g, layout.defer, layout.panic, layout.m),
                (other.g, other.defer, other.panic, other.m),
                "{at}"
            );
        }
    }
}

#[test]
fn a_program_tells_what_it_was_built_from() {
    for program in programs() {
        let binary = Binary::read(&program.bytes).unwrap();
        let info = binary.build_info();
        assert_eq!(binary.version().minor(), program.release);
        assert_eq!(info.path, "example.com/statements");
        assert_eq!(info.main.as_ref().map(|main| main.path.as_str()), Some("example.com/statements"));
        assert_eq!((info.setting("GOARCH"), info.setting("CGO_ENABLED")), (Some(program.arch), Some("0")));
        assert_eq!(binary.elf().machine().name(), program.arch);
        assert_eq!(binary.elf().is_position_independent(), program.variant == Variant::Pie);
        let ids = binary.elf().build_ids();
        assert!(ids.go.is_some_and(|id| id.contains('/')), "in a program header, sections or not");
        // Go's linker writes one by itself since 1.24, and names it among the sections only.
        let has_gnu = program.release >= 24 && program.variant != Variant::Headless;
        assert_eq!(ids.gnu.is_some_and(|id| id.len() >= 32), has_gnu, "{program:?}");
    }
}

#[test]
fn functions_are_found_by_name_and_address() {
    for program in programs() {
        let binary = Binary::read(&program.bytes).unwrap();
        let table = binary.functions();
        let [Some(main), None] = table.by_names(["main.main", "main.nothing"]) else { panic!("main.main") };
        let inside = table.find(main.end() - 1).unwrap();
        assert_eq!((inside.entry(), inside.name()), (main.entry(), "main.main"));
        let (file, line) = main.line(main.entry()).unwrap();
        assert!(file.ends_with("main.go") && line == main.start_line(), "{file}:{line}");
        assert_eq!(main.stack_bytes(main.entry()), Some(0));
        let mut end = 0;
        for function in table.functions() {
            assert!(end <= function.entry() && function.entry() <= function.end());
            end = function.end();
        }
        assert_eq!((table.find(0), table.find(end)).0.map(|f| f.name()), None);
        // `note` calls Fprintln, which is inlined into it: frames lead out to main.note. Behind its last instruction
        // there is padding, of which nothing is known.
        let [Some(note)] = table.by_names(["main.note"]) else { panic!("main.note") };
        let frames = |pc| note.frames(pc).map(|frame| frame.function).collect::<Vec<_>>();
        let all: Vec<_> = (note.entry()..note.end()).step_by(4).map(frames).collect();
        assert!(
            all.contains(&vec!["fmt.Fprintln", "main.note"]) || all.contains(&vec!["main.note"]),
            "{all:?}"
        );
        assert!(all.iter().all(|frames| frames.last().is_none_or(|last| *last == "main.note")), "{all:?}");
    }
}
