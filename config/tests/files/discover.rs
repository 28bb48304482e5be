//! `file_sd`: what files name, in Prometheus' shape, and what is said of those that cannot be used.

use linger_config::{Config, Credentials, Layers, Settings, Target, load};
use std::fs;
use std::path::Path;

const CONFIG: &str = "
targets: [{url: 'http://own:1', labels: {job: own}}]
collectors: {trace: {enabled: false}}
file_sd:
  - files: [targets/*.json, more.yml]
    authorization: {credentials_file: token}
    tls_config: {ca_file: ca}
";

/// What a configuration discovers beside files of these names and texts.
fn discovered(config: &str, files: &[(&str, &str)]) -> Result<Vec<Target>, String> {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("targets")).unwrap();
    let path = dir.path().join("linger.yaml");
    fs::write(&path, config).unwrap();
    for (name, text) in files {
        fs::write(dir.path().join(name), text).unwrap();
    }
    let flags = Settings { config: Some(path), ..Settings::default() };
    let (config, _) = load(&Layers { flags, ..Layers::default() }).unwrap();
    config.discover().map_err(|e| e.to_string().replace(&dir.path().display().to_string(), "DIR"))
}

#[test]
fn files_name_targets_as_prometheus_reads_them() {
    let json = "[\n\t{\"targets\": [\"10.0.0.1:6060\", \"https:\\/\\/b:1\\/x\"], \"labels\": {\"job\": \"a\", \"__meta_x\": \"y\", \"__metrics_path__\": \"/m\"}},\n\t{\"targets\": []}\n]\n";
    let yaml = "- targets: [c, 'unix:///d.sock']\n  labels: {__scheme__: https, __profile_path_prefix__: team/, env: live}\n";
    let hidden = ("targets/.half.json", "[{");
    let targets = discovered(CONFIG, &[("targets/a.json", json), ("more.yml", yaml), hidden]).unwrap();
    let shown: Vec<String> = targets
        .iter()
        .map(|t| {
            let labels: Vec<String> =
                t.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let file = t.discovered_in.as_deref().and_then(Path::file_name).map(|n| n.display().to_string());
            format!("{} {} {}", t.url, labels.join(","), file.unwrap_or_default())
        })
        .collect();
    let expected = [
        "http://own:1 job=own ",
        "https://c:443/team env=live more.yml",
        "unix:///d.sock env=live more.yml",
        "http://10.0.0.1:6060 job=a a.json",
        "https://b:1/x job=a a.json",
    ];
    assert_eq!(shown, expected);
    let [own, c, d, ..] = &targets[..] else { panic!("{targets:?}") };
    assert!(own.access.credentials.is_none() && !d.collectors.trace.enabled);
    assert!(matches!(&c.access.credentials, Some(Credentials::BearerFile(file)) if file.ends_with("token")));
    assert!(c.access.tls.ca_file.is_some() && d.access.tls.ca_file.is_none(), "TLS only where it is spoken");
}

#[test]
fn files_that_are_not_there_name_nothing_and_the_same_target_twice_is_one() {
    assert_eq!(discovered(CONFIG, &[]).unwrap().len(), 1);
    let one = "[{\"targets\": [\"a:1\"]}]";
    assert_eq!(discovered(CONFIG, &[("targets/a.json", one), ("targets/b.json", one)]).unwrap().len(), 2);
}

#[test]
fn a_broken_file_is_told_with_its_place_and_nothing_is_returned() {
    let files = [
        ("targets/a.json", "[{\"targets\": [\"a:1\", \"http://u:hunter2@b:1\"], \"label\": {}}]"),
        ("targets/b.json", ""),
        (
            "targets/c.json",
            "[{\"targets\": [\"a:1\"], \"labels\": {\"site\": \"x\", \"__scheme__\": \"ftp\"}}",
        ),
        ("more.yml", "- targets: [a:1, own:1]\n"),
    ];
    let said = discovered(CONFIG, &files).unwrap_err();
    let expected = "\
error: a second target named `own:1`
 --> DIR/more.yml:1:18
  |
1 | - targets: [a:1, own:1]
  |                  ^^^^^ the first, in the configuration, differs
  = key: [0].targets[1]

error: expected the address of a service such as `http://127.0.0.1:6060`, found `http://***@b:1`
 --> DIR/targets/a.json:1:22
  |
1 | [{\"targets\": [\"a:1\", \"http://***@b:1\"], \"label\": {}}]
  |                      ^^^^^^^^^^^^^^^^ no user or password here: addresses end up in logs; `basic_auth` takes them
  = key: [0].targets[1]

error: unknown key `label`
 --> DIR/targets/a.json:1:47
  |
1 | [{\"targets\": [\"a:1\", \"http://***@b:1\"], \"label\": {}}]
  |                                         ^^^^^^^ did you mean `labels`?
  = key: [0].label
  = known here: targets, labels

error: the file is empty
 --> DIR/targets/b.json:1:1
  |
1 | 
  | ^ `[]` names no targets

error: not YAML: ";
    assert!(said.starts_with(expected), "{said}");
    assert!(said.contains("DIR/targets/c.json:1:") && said.ends_with("5 faults in several places"), "{said}");
}

#[test]
fn what_files_name_is_bounded() {
    let many: Vec<String> = (0..1000).map(|i| format!("\"a:{}\"", i + 1)).collect();
    let text = format!("[{{\"targets\": [{}]}}]", many.join(","));
    let said = discovered(CONFIG, &[("targets/a.json", &text)]).unwrap_err();
    assert!(
        said.contains("one target too many") && said.ends_with("1 fault in DIR/targets/a.json"),
        "{said}"
    );
    let large = " ".repeat(1024 * 1024 + 1);
    let said = discovered(CONFIG, &[("more.yml", &large)]).unwrap_err();
    assert!(said.contains("larger than 1024 KiB"), "{said}");
}

#[test]
fn the_least_time_is_how_often_to_look_again() {
    assert_eq!(Config::default().refresh(), None);
    let config =
        Config::parse("file_sd: [{files: [a.json]}, {files: [b.json], refresh: 5s}]\n", "f").unwrap();
    assert_eq!(config.refresh().unwrap().to_string(), "5s");
}
