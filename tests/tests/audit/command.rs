//! The command on Go's own `go`: what it prints, when it fails, and a baseline from its first day on.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

use serde_json::Value;

use super::programs::programs;

fn audit(binary: &Path, line: &str) -> (i32, String, String) {
    let agent = env::var_os("LINGER_TEST_AGENT").expect("LINGER_TEST_AGENT, as tests/audit/run sets it");
    let mut command = Command::new(agent);
    command.arg("audit").arg(binary).args(line.split_whitespace());
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

fn json(binary: &Path, line: &str) -> Value {
    let (code, stdout, stderr) = audit(binary, &format!("{line} --output json"));
    assert!(code <= 1 && stderr.is_empty(), "{stderr}");
    serde_json::from_str(&stdout).unwrap()
}

fn cmd_go() -> Vec<PathBuf> {
    programs().into_iter().map(|program| program.file).filter(|file| file.ends_with("go")).collect()
}

#[test]
fn json_has_every_statement_and_the_table_those_in_loops() {
    for binary in cmd_go() {
        let all = json(&binary, "");
        let defers = all["defers"].as_array().unwrap();
        let counted: u64 = all["statements"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
        assert_eq!((all["version"].as_u64(), defers.len() as u64), (Some(1), counted));
        let in_loops: Vec<&Value> = defers.iter().take_while(|d| d["in_loop"] == true).collect();
        assert!(in_loops.len() >= 4 && defers[in_loops.len()..].iter().all(|d| d["in_loop"] == false));
        let (code, table, _) = audit(&binary, "");
        assert_eq!(code, 0);
        for defer in in_loops {
            let place = format!("{}:{}", defer["file"].as_str().unwrap(), defer["line"]);
            assert!(table.contains(&place), "{place}");
        }
        let only = json(&binary, "--only stack --package cmd/go/*");
        let only = only["defers"].as_array().unwrap();
        let fits = |d: &Value| d["kind"] == "stack" && d["package"].as_str().unwrap().starts_with("cmd/go/");
        assert!(!only.is_empty() && only.iter().all(fits));
    }
}

#[test]
fn what_is_judged_is_ones_own_unless_more_is_asked_for() {
    let beside = |program: PathBuf| program.with_file_name("statements");
    for binary in cmd_go().into_iter().map(beside).filter(|file| file.exists()) {
        let report = json(&binary, "--fail-on heap");
        assert_eq!(report["binary"]["module"], "example.com/statements");
        let defers = report["defers"].as_array().unwrap();
        let heap = |d: &&Value| d["kind"] == "heap";
        let own: Vec<&Value> = defers.iter().filter(|d| d["owner"] == "own").collect();
        assert!(own.len() > 35 && own.iter().all(|d| d["package"] == "main"));
        assert!(
            defers.iter().all(|d| d["owner"] == "own" || d["owner"] == "go"),
            "there is no library in it"
        );
        let failing = defers.iter().filter(|d| d["fails"] == true).count();
        assert_eq!(failing, own.iter().copied().filter(heap).count());
        assert_eq!((failing, own[0]["site"].as_str()), (5, Some("main.loops+2")));
        assert_eq!(audit(&binary, "--fail-on heap").0, 1);
        assert_eq!(audit(&binary, "--fail-on heap --package internal/*").0, 0);
        // Instances of a generic function are one statement, under the name that Go shows.
        let generic = own.iter().find(|d| d["function"] == "main.generic[...]").unwrap();
        assert_eq!(generic["copies"], 3);
    }
}

#[test]
fn a_baseline_lets_the_old_pass_and_fails_the_new() {
    let folder = tempfile::tempdir().unwrap();
    for binary in cmd_go() {
        let file = folder.path().join("defers.baseline");
        let _ = fs::remove_file(&file);
        let name = file.display();
        // Nothing of Go itself is judged unless it is asked for.
        assert_eq!(audit(&binary, "--fail-on loop").0, 0);
        let (code, page, _) = audit(&binary, "--fail-on loop --package *");
        assert_eq!(code, 1);
        assert!(page.contains("fails: "), "{page}");

        let (code, said, _) = audit(&binary, &format!("--package * --write-baseline {name}"));
        assert!(code == 0 && said.contains(" added, ") && said.contains("without a reason yet"), "{said}");
        assert_eq!(audit(&binary, &format!("--fail-on loop --package * --baseline {name}")).0, 0);

        // A reason is kept, and what is taken out fails again.
        let text = fs::read_to_string(&file).unwrap();
        let entries: Vec<&str> = text.lines().filter(|line| line.starts_with("heap")).collect();
        let (first, second) = (entries[0], entries[1]);
        let edited = text.replace(&format!("{first}\n"), "").replace(second, &format!("{second} it ends"));
        fs::write(&file, edited).unwrap();
        let report = json(&binary, &format!("--fail-on loop --package * --baseline {name}"));
        let failing = report["defers"].as_array().unwrap().iter().filter(|d| d["fails"] == true).count();
        assert_eq!(failing, 1, "{first}");
        assert!(report["defers"].as_array().unwrap().iter().any(|d| d["known"] == "it ends"));
        assert!(audit(&binary, &format!("--package * --write-baseline {name}")).1.contains(": 1 added"));
        assert!(fs::read_to_string(&file).unwrap().contains("# it ends\n"));

        // What the program has no more is said.
        fs::write(&file, format!("{text}heap  gone.F+1  # was there\n")).unwrap();
        let (code, page, _) = audit(&binary, &format!("--fail-on loop --package * --baseline {name}"));
        assert!(code == 0 && page.contains("- heap gone.F+1"), "{page}");
    }
}
