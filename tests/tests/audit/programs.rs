//! The programs, and what the compiler said of the packages in them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{env, fs};

/// A statement as compiler and audit both say it, and how many of them stand on that line.
pub(crate) type Statements = BTreeMap<(String, u32, String), usize>;

/// A program of Go itself.
pub(crate) struct Program {
    pub(crate) file: PathBuf,
    /// Every statement of its packages, those included that the linker dropped.
    pub(crate) compiler: Statements,
}

pub(crate) fn programs() -> Vec<Program> {
    let folder = PathBuf::from(
        env::var_os("LINGER_TEST_AUDIT").expect("LINGER_TEST_AUDIT, as tests/audit/run sets it"),
    );
    let mut programs = Vec::new();
    for build in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let Ok(list) = fs::read_to_string(build.join("list.txt")) else { continue };
        for name in ["go", "compile", "trace"] {
            let file = build.join(name);
            if file.exists() {
                programs.push(Program { file, compiler: statements(&list) });
            }
        }
    }
    assert!(programs.len() >= 4, "fewer programs than one Go gives");
    programs
}

/// Lines like `/go/src/net/dial.go:705:4: heap-allocated defer`, by whole paths, as in the programs.
fn statements(list: &str) -> Statements {
    let mut columns: Vec<_> = list.lines().filter_map(statement).collect();
    columns.sort();
    // Instances of a generic function say the same again.
    columns.dedup();
    let mut statements = Statements::new();
    for (file, line, _, kind) in columns {
        *statements.entry((file, line, kind)).or_default() += 1;
    }
    assert!(statements.len() > 500, "a list of {} statements", statements.len());
    statements
}

fn statement(line: &str) -> Option<(String, u32, u32, String)> {
    let (place, kind) = line.strip_suffix(" defer")?.rsplit_once(": ")?;
    let mut parts = place.rsplitn(3, ':');
    let (column, line) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some((parts.next()?.to_owned(), line, column, kind.split_once('-')?.0.to_owned()))
}
