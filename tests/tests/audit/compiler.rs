//! Precision and recall of each kind: 1 means that they are the compiler's statements, no more and no fewer.

use std::collections::BTreeSet;
use std::fs;

use linger_gobin::Binary;

use super::programs::{Statements, programs};

fn found(binary: &Binary<'_>) -> Statements {
    let audit = binary.audit().unwrap();
    assert_eq!(audit.not_placed, []);
    let mut found = Statements::new();
    for defer in &audit.defers {
        // The compiler's word for a range is that of the heap.
        let kind = if defer.kind.name() == "range" { "heap" } else { defer.kind.name() };
        *found.entry((defer.file.to_owned(), defer.line, kind.to_owned())).or_default() += 1;
    }
    found
}

/// Which of these lines the linker kept: some instruction belongs to them.
fn kept(binary: &Binary<'_>, lines: &BTreeSet<(&str, u32)>) -> BTreeSet<(String, u32)> {
    let numbers: BTreeSet<u32> = lines.iter().map(|(_, line)| *line).collect();
    let mut kept = BTreeSet::new();
    for function in binary.functions().functions() {
        let runs = function.line_numbers();
        for run in runs.filter(|run| u32::try_from(run.value).is_ok_and(|line| numbers.contains(&line))) {
            let place = function.line(run.start).filter(|place| lines.contains(place));
            kept.extend(place.map(|(file, line)| (file.to_owned(), line)));
        }
    }
    kept
}

#[test]
fn every_statement_found_is_the_compilers() {
    for program in programs() {
        let bytes = fs::read(&program.file).unwrap();
        let found = found(&Binary::read(&bytes).unwrap());
        let all: usize = found.values().sum();
        let wrong: Vec<_> = found
            .iter()
            .filter(|(statement, count)| program.compiler.get(*statement).is_none_or(|said| said < count))
            .collect();
        assert!(wrong.is_empty() && all > 200, "{}: of {all} wrong {wrong:?}", program.file.display());
    }
}

#[test]
fn every_statement_of_the_compiler_that_was_linked_is_found() {
    for program in programs() {
        let bytes = fs::read(&program.file).unwrap();
        let binary = Binary::read(&bytes).unwrap();
        let found = found(&binary);
        let missing: Vec<_> = program
            .compiler
            .iter()
            .filter(|(statement, said)| found.get(*statement).is_none_or(|count| count < said))
            .collect();
        let lines = missing.iter().map(|((file, line, _), _)| (file.as_str(), *line)).collect();
        let kept = kept(&binary, &lines);
        let missed: Vec<_> =
            missing.iter().filter(|((file, line, _), _)| kept.contains(&(file.clone(), *line))).collect();
        assert!(missed.is_empty(), "{}: missed {missed:?}", program.file.display());
    }
}

#[test]
fn each_kind_is_among_them() {
    for program in programs() {
        let bytes = fs::read(&program.file).unwrap();
        let found = found(&Binary::read(&bytes).unwrap());
        for kind in ["heap", "stack", "open"] {
            assert!(found.keys().any(|(_, _, k)| k == kind), "{kind} in {}", program.file.display());
        }
    }
}
