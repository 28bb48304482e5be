//! What no file may hold: paths of the machine it was made on, and where that machine gets its packages.

use crate::repository::File;

/// Written in two parts, so that this file keeps the rule.
const MACHINE: &[(&str, &str)] = &[
    ("/wo", "rk/"),
    ("/ro", "ot/"),
    ("GOPROXY", "=http"),
    ("index", "-url"),
    ("replace", "-with"),
    ("CARGO_REG", "ISTRIES_"),
];

/// Places that hold one of them, recorded and compressed files included.
pub(crate) fn machine(files: &[File]) -> Vec<String> {
    let mut broken = Vec::new();
    for file in files {
        for word in MACHINE.iter().map(|(a, b)| format!("{a}{b}")) {
            if let Some(at) = file.bytes.windows(word.len()).position(|w| w == word.as_bytes()) {
                let line = file.bytes.iter().take(at).filter(|b| **b == b'\n').count() + 1;
                broken.push(format!("{}:{line}: {word}", file.path));
            }
        }
    }
    broken
}

#[test]
fn a_machine_path_is_seen_in_text_and_in_bytes() {
    let path = MACHINE.iter().map(|(a, b)| format!("{a}{b}")).next().expect("the list has entries");
    let mut binary = vec![0xff, b'\n', 0];
    binary.extend_from_slice(path.as_bytes());
    let files = [
        File::sample("a.md", &format!("one\nsee {path}x\n")),
        File { path: "b.pb".to_owned(), bytes: binary },
        File::sample("c.md", "fine"),
    ];
    assert_eq!(machine(&files), [format!("a.md:2: {path}"), format!("b.pb:2: {path}")]);
}
