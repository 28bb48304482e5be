//! Whole files: what is said about faulty ones, what the example means, and what any text at all gets.
//!
//! Files in `good/` have no faults. `faulty/NAME.yaml` stands beside `faulty/NAME.txt`, what is said about it.
//! `LINGER_BLESS=1 cargo test -p linger-config` writes the `.txt` files anew; review the difference.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a helper fails the test that calls it")]

mod discover;
mod layers;
mod schema;

use linger_config::{Collector, Config, Duration, Scheme, TimeScale};
use proptest::collection::vec;
use proptest::prelude::{prop_assert, prop_assert_eq, proptest};
use proptest::sample::select;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// The YAML files in a folder beside this one, by name.
fn files_in(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|ext| ext == "yaml"))
            .collect();
    files.sort();
    files
}

#[test]
fn each_faulty_file_is_told_all_its_faults() {
    let files = files_in("faulty");
    assert!(files.len() >= 8, "the table is gone: {files:?}");
    let mut different = Vec::new();
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&file).unwrap();
        let said = match Config::parse(&text, name) {
            Ok(_) => "no fault\n".to_owned(),
            Err(faults) => format!("{faults}\n"),
        };
        let golden = file.with_extension("txt");
        if std::env::var_os("LINGER_BLESS").is_some() {
            fs::write(&golden, &said).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if said != expected {
            different.push(format!("{name}\n--- said\n{said}--- expected\n{expected}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn no_fault_shows_a_password() {
    for name in ["secrets", "access", "broken_secret"] {
        let path = format!("{}/tests/faulty/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
        let text = fs::read_to_string(path).unwrap();
        let faults = Config::parse(&text, name).unwrap_err();
        let shown = format!("{faults} {faults:?}");
        assert!(text.contains("hunter2") && !shown.contains("hunter"), "{faults}");
    }
}

#[test]
fn a_target_shows_no_secret_in_debugging() {
    let config = parsed("targets: [{url: 'http://a:1', headers: {X: hunter2}}]");
    let shown = format!("{:?}", config.targets);
    assert!(shown.contains("<hidden>") && !shown.contains("hunter2"), "{shown}");
}

const EXAMPLE: &str = include_str!("../../../deploy/linger.example.yaml");

#[track_caller]
fn parsed(text: &str) -> Config {
    Config::parse(text, "test.yaml").unwrap_or_else(|faults| panic!("{faults}"))
}

#[test]
fn nothing_said_is_the_default() {
    for text in ["", "# nothing\n", "---\n", "{}", "targets:\ncollectors:\n  cpu:\nretention:\n"] {
        assert_eq!(parsed(text), Config::default(), "{text}");
    }
}

#[test]
fn the_example_says_the_defaults() {
    assert_eq!(parsed(EXAMPLE), Config::default());
}

#[test]
fn the_example_names_every_key() {
    // What serialises is what there is; the example must mention each key of it.
    let Value::Object(all) = serde_json::to_value(parsed(&uncommented())).unwrap() else {
        panic!("no object")
    };
    let mut keys = Vec::new();
    collect_keys(&Value::Object(all), &mut keys);
    for key in keys {
        assert!(EXAMPLE.contains(&format!("{key}:")), "`{key}` is missing in the example");
    }
}

fn collect_keys(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                into.push(key.clone());
                collect_keys(value, into);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_keys(item, into)),
        _ => {}
    }
}

/// The example with its commented-out settings in force.
fn uncommented() -> String {
    EXAMPLE
        .replace("\ntargets: []\n", "\n")
        .replace("\nfile_sd: []\n", "\n")
        .lines()
        .map(|line| match line.strip_prefix('#') {
            // `# text` is prose, `#key` and `#  - item` are settings.
            Some(rest) if !rest.starts_with(' ') || rest.starts_with("  ") => format!("{rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect()
}

#[test]
fn the_commented_out_settings_of_the_example_work() {
    let config = parsed(&uncommented());
    let [target, orders, mailer] = &config.targets[..] else { panic!("targets: {:?}", config.targets) };
    assert_eq!((&*target.name, target.labels.get("env")), ("checkout", "live"));
    assert!(!target.collectors.trace.enabled && config.collectors.trace.enabled);
    assert_eq!(config.data.as_deref(), Some(Path::new("/var/lib/linger")));
    assert_eq!((orders.url.scheme(), mailer.url.scheme()), (Scheme::Https, Scheme::Unix));
    assert_eq!((orders.access.headers.len(), &*config.file_sd[0].files[0]), (2, "targets/*.json"));
}

#[test]
fn what_is_written_reads_back_as_itself() {
    let text = "
listen: '[::1]:0'
data: /d
targets:
  - {url: 'http://h/prefix', labels: {job: a}, collectors: {cpu: {window: 2s, enabled: false}}}
  - {url: 'http://[::1]:1', name: b}
collectors: {cpu: {every: 2m}, heap: {path: /x}, trace: {path: /y, method: POST}}
sites_max: 7
duty_cycle_max: 0.07%
retention: {raw: 36h, bytes: 17000001, traces_per_target: 0, traces_bytes: 2MiB}
alerts: [{name: A, series: linger_defers_pending, site: 'a*', above: 0.5, growth_per_hour: -1e3}]
";
    for config in [parsed(text), Config::default()] {
        let written = serde_json::to_string(&config).unwrap();
        assert_eq!(parsed(&written), config, "{written}");
    }
}

#[test]
fn a_target_collects_by_the_nearest_setting() {
    let config = parsed(
        "
collectors: {cpu: {every: 2m, window: 3s, timeout: 20s}, trace: {window: 4s}}
targets:
  - url: http://a:1
    collectors: {cpu: {window: 6s}}
  - url: http://b:1/p
",
    );
    let show = |c: &Collector| {
        format!(
            "every {} window {} timeout {}",
            c.every,
            c.window.map_or_else(String::new, |w| w.to_string()),
            c.timeout
        )
    };
    let [a, b] = &config.targets[..] else { panic!("two targets") };
    assert_eq!(show(&config.collectors.cpu), "every 2m window 3s timeout 20s");
    assert_eq!(show(&a.collectors.cpu), "every 2m window 6s timeout 20s");
    assert_eq!(show(&b.collectors.cpu), "every 2m window 3s timeout 20s");
    assert_eq!(
        show(&a.collectors.trace),
        "every 10m window 4s timeout 14s",
        "the timeout follows the window"
    );
    assert_eq!((&*a.name, &*b.name), ("a:1", "b:1/p"));
}

#[test]
fn a_trace_may_come_from_an_endpoint_of_the_services_own() {
    let config = parsed(
        "
collectors: {trace: {path: /flight, method: POST, headers: {X-A: a, X-B: {file: b}}}}
targets:
  - url: http://a:1
    collectors: {trace: {headers: {X-C: c}}}
  - url: http://b:1
",
    );
    let show = |c: &Collector| {
        let request = c.request.as_ref().unwrap();
        let names: Vec<&str> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
        format!("{:?} {} {}", request.method, request.path, names.join(" "))
    };
    let [a, b] = &config.targets[..] else { panic!("two targets") };
    assert_eq!(show(&a.collectors.trace), "Some(Post) /flight X-C");
    assert_eq!(show(&b.collectors.trace), "Some(Post) /flight X-A X-B");
    assert_eq!(show(&b.collectors.heap), "None /debug/pprof/heap ");
    let shown = serde_json::to_string(&a.collectors).unwrap();
    assert!(shown.contains("\"X-C\":\"<hidden>\""), "{shown}");
}

#[test]
fn a_scaled_configuration_scales_every_target() {
    let config = Config::for_targets(["http://a:1"]).unwrap().scaled(TimeScale::new(5.0).unwrap());
    assert_eq!(config.targets[0].collectors, config.collectors);
    assert_eq!(config.collectors.goroutine.every, Duration::from_secs(3));
    assert_eq!(config.retention, Config::default().retention);
    assert_eq!(config.alerts[0].hold, Duration::from_secs(24));
}

#[test]
fn files_that_cannot_be_used_say_why() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("linger.yaml");
    let said = |bytes: &[u8]| {
        fs::write(&file, bytes).unwrap();
        Config::load(&file).map_or_else(|e| e.to_string(), |_| "fine".to_owned())
    };
    assert_eq!(said(b"sites_max: 5\n"), "fine");
    assert!(said(b"sites_max: 5\nx: \xff").ends_with("linger.yaml is not UTF-8 text: byte 16"));
    assert!(said(&vec![b'#'; 1024 * 1024 + 1]).contains("the file is larger than 1024 KiB"));
    fs::remove_file(&file).unwrap();
    assert!(Config::load(&file).unwrap_err().to_string().starts_with("cannot read "));
}

#[test]
fn a_file_of_faults_is_counted_and_cut() {
    let items = "  - {ur: x, name: ''}\n".repeat(900);
    let faults = Config::parse(&format!("targets:\n{items}"), "f").unwrap_err();
    assert_eq!((faults.iter().count(), faults.count()), (100, 2700));
    let repeated = Config::parse(&"x: 1\n".repeat(200_000), "f").unwrap_err();
    assert!(repeated.count() > 10_000 && repeated.iter().count() == 100);
    let deep = Config::parse(&"[".repeat(500_000), "f").unwrap_err();
    assert_eq!(deep.count(), 1, "{deep}");
    let targets = "  - {url: 'http://a:1'}\n".repeat(1001);
    let many = Config::parse(&format!("targets:\n{targets}"), "f").unwrap_err();
    assert!(many.count() == 1 && many.to_string().contains("1001 targets"), "{many}");
}

proptest! {
    /// Pieces of YAML and of our own keys in any order: an answer, never a panic, and faults that name a place
    /// inside the text.
    #[test]
    fn any_text_gets_an_answer(pieces in vec(select(PIECES), 0..60)) {
        let text = pieces.concat();
        if let Err(faults) = Config::parse(&text, "f") {
            prop_assert!(faults.count() > 0);
            for fault in faults.iter() {
                prop_assert!(fault.line >= 1 && fault.line <= text.lines().count() + 1, "{fault}");
                prop_assert!(!fault.message.is_empty());
            }
        }
    }

    #[test]
    fn the_example_with_a_piece_changed_gets_an_answer(at in 0..EXAMPLE.len(), piece in select(PIECES), gone in 0usize..40) {
        let mut text = EXAMPLE.to_owned();
        if text.is_char_boundary(at) && text.is_char_boundary((at + gone).min(EXAMPLE.len())) {
            text.replace_range(at..(at + gone).min(EXAMPLE.len()), piece);
        }
        if let Ok(config) = Config::parse(&text, "f") {
            let written = serde_json::to_string(&config).unwrap();
            prop_assert_eq!(parsed(&written), config);
        }
    }
}

const PIECES: &[&str] = &[
    "targets",
    "url",
    "http://127.0.0.1:6060",
    "collectors",
    "cpu",
    "window",
    "every",
    "alerts",
    "name",
    "labels",
    "sites_max",
    ":",
    ": ",
    "\n",
    "\n  ",
    "\n    ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    ", ",
    "\"",
    "'",
    "&a ",
    "*a ",
    "!t ",
    "<<: ",
    "? ",
    "|\n",
    ">\n",
    "#",
    "\t",
    "~",
    "null",
    "5s",
    "0.5%",
    "-1",
    "1e400",
    "\u{feff}",
    "ö",
    "\u{0}",
    "---\n",
    "...\n",
    "%YAML 1.2\n",
    "\r\n",
    "@",
    "//",
];
