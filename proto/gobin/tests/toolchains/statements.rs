//! Which defer statements there are, by their source, by the compiler, by us.

use linger_gobin::Binary;
use linger_gobin::audit::{Callee, DeferKind, Site};

use super::programs::{Program, Statement, programs, source};

/// What the comments in `program/` say, without what a release does not compile.
fn marked(release: u16) -> Vec<Statement> {
    let mut statements = Vec::new();
    for file in ["main.go", "ranges.go"] {
        let text = std::fs::read_to_string(source().join(file)).unwrap();
        if text.starts_with("//go:build go1.23") && release < 23 {
            continue;
        }
        for (number, line) in (1..).zip(text.lines()) {
            let Some((code, kinds)) = line.split_once(" // ") else { continue };
            if code.contains("defer ") && kinds != "dropped" {
                statements.extend(kinds.split(' ').map(|kind| (file.to_owned(), number, kind.to_owned())));
            }
        }
    }
    statements.sort();
    assert!(statements.len() > 35);
    statements
}

/// What the audit says of the program's own files.
fn found(program: &Program) -> Vec<Statement> {
    let binary = Binary::read(&program.bytes).unwrap();
    let audit = binary.audit().unwrap();
    assert_eq!(audit.not_placed, [], "{program:?}");
    let own = audit.defers.iter().filter(|defer| defer.function.starts_with("main."));
    let mut statements: Vec<Statement> = own
        .map(|defer| {
            let file = defer.file.rsplit('/').next().unwrap();
            (file.to_owned(), defer.line, defer.kind.name().to_owned())
        })
        .collect();
    statements.sort();
    statements
}

#[test]
fn every_statement_of_the_source_is_found_once_with_its_kind() {
    for program in programs() {
        assert_eq!(found(program), marked(program.release), "{program:?}");
    }
}

#[test]
fn the_compiler_says_the_same() {
    for program in programs() {
        let mut found = found(program);
        // Its words know no ranges, and it says what a line is once for each statement and each instance.
        for (_, _, kind) in &mut found {
            if kind == "range" {
                "heap".clone_into(kind);
            }
        }
        found.dedup();
        let mut compiler = program.compiler.clone();
        compiler.dedup();
        let text = std::fs::read_to_string(source().join("main.go")).unwrap();
        let dropped = text.lines().position(|line| line.ends_with("// dropped")).unwrap() + 1;
        compiler.retain(|(file, line, _)| file != "main.go" || *line as usize != dropped);
        assert_eq!(found, compiler, "{program:?}");
    }
}

#[test]
fn copies_of_a_statement_are_one_statement() {
    for program in programs() {
        let binary = Binary::read(&program.bytes).unwrap();
        let audit = binary.audit().unwrap();
        let sites = |function: &str, kind: DeferKind| -> Vec<usize> {
            let of = audit.defers.iter().filter(|d| d.function.starts_with(function) && d.kind == kind);
            of.map(|defer| defer.sites.len()).collect()
        };
        assert_eq!(sites("main.generic[", DeferKind::Heap), [3], "int, string, float64");
        assert_eq!(sites("main.two", DeferKind::Open), [1, 1]);
        // A literal in a function that is inlined: copied with it, under the names of its callers.
        let text = std::fs::read_to_string(source().join("main.go")).unwrap();
        let line = text.lines().position(|line| line.contains("note(\"literal\")")).unwrap() + 1;
        let literals =
            audit.defers.iter().filter(|d| d.file.ends_with("/main.go") && d.line as usize == line);
        let copies: Vec<usize> =
            literals.filter(|d| d.function.starts_with("main.")).map(|d| d.sites.len()).collect();
        assert!(matches!(copies[..], [copies] if copies > 1), "{program:?}: {copies:?}");
    }
}

#[test]
fn every_site_leads_back_to_its_statement() {
    for program in programs() {
        let binary = Binary::read(&program.bytes).unwrap();
        let audit = binary.audit().unwrap();
        let call_bytes = if program.arch == "amd64" { 5 } else { 4 };
        for defer in &audit.defers {
            assert!(defer.line > 0 && defer.function != "?" && defer.file.contains('.'), "{defer:?}");
            assert!((1..=defer.line).contains(&defer.start_line), "{defer:?}");
            for site in &defer.sites {
                let (pc, by_site) = match *site {
                    Site::Call { pc } => (pc, audit.by_return_address(pc + call_bytes)),
                    Site::Slot { function, slot, pc } => (pc, audit.by_slot(function, slot)),
                };
                assert_eq!(by_site, Some(defer));
                let function = binary.functions().find(pc).unwrap();
                // The body of a loop over a function defers for the loop's function.
                assert!(function.defer_return().is_some() || defer.kind == DeferKind::Range, "{defer:?}");
                assert_eq!(
                    binary.functions().by_names([function.name()])[0].unwrap().name(),
                    function.name()
                );
            }
        }
        assert_eq!(audit.by_return_address(0), None);
        assert_eq!(audit.by_slot(0, 0), None);
    }
}

#[test]
fn deferreturn_is_called_where_the_function_table_says() {
    for program in programs() {
        let binary = Binary::read(&program.bytes).unwrap();
        let audit = binary.audit().unwrap();
        let mut seen = 0;
        for function in binary.functions().functions() {
            let Some(call) = function.defer_return() else { continue };
            // The runtime counts from the call's last byte where it looks for it, and so does the table on arm64.
            assert_eq!(audit.calls.at(call), Some(Callee::Return), "{} at {call:#x}", function.name());
            assert_eq!(audit.calls.before(audit.calls.return_address(call)), Some(Callee::Return));
            seen += 1;
        }
        assert!(seen > 30);
    }
}
