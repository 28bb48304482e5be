//! File, environment and command line, laid over each other; and what is shown of the result.

use linger_config::{Config, HeaderValue, Layers, Origins, Settings, load, to_json, to_yaml};
use std::fs;
use std::path::PathBuf;

/// What `load` makes of a file in an empty folder, an environment and a command line.
fn loaded(file: &str, environment: &[(&str, &str)], flags: Settings) -> Result<(Config, Origins), String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("linger.yaml");
    fs::write(&path, file).unwrap();
    let environment = Settings::from_environment(|name| {
        environment.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
    });
    let flags = Settings { config: Some(path), ..flags };
    let folder = dir.path().display().to_string();
    load(&Layers { environment, flags }).map_err(|e| e.to_string().replace(&folder, "DIR"))
}

fn flags(listen: &str, urls: &[&str]) -> Settings {
    let targets = urls.iter().map(|&url| url.to_owned()).collect();
    Settings { listen: Some(listen.to_owned()).filter(|l| !l.is_empty()), targets, ..Settings::default() }
}

#[test]
fn an_upper_layer_wins_and_targets_add_up() {
    let file = "listen: 127.0.0.1:1\ndata: d\ntargets: [{url: 'http://a:1'}]\ncollectors: {trace: {enabled: false}}\n";
    let environment =
        [("LINGER_LISTEN", "127.0.0.1:2"), ("LINGER_TARGETS", "http://b:2  http://c:3"), ("LINGER_DATA", "")];
    let (config, origins) = loaded(file, &environment, flags("127.0.0.1:3", &["unix:///d.sock"])).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:3");
    let names: Vec<&str> = config.targets.iter().map(|t| &*t.name).collect();
    assert_eq!(names, ["a:1", "b:2", "c:3", "/d.sock"]);
    assert!(config.targets.iter().all(|t| !t.collectors.trace.enabled));
    assert!(config.data.unwrap().is_absolute(), "relative to the file");

    let origin = |key| origins.of(key).to_string();
    assert_eq!(origin("listen"), "flag --listen");
    assert!(origin("targets[0].url").ends_with("linger.yaml:3"));
    assert_eq!(origin("targets[2].url"), "env LINGER_TARGETS");
    assert_eq!(origin("targets[3].url"), "flag URL");
    assert_eq!(origin("sites_max"), "default");
}

#[test]
fn a_variable_names_the_file_unless_an_option_does() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.yaml");
    fs::write(&path, "sites_max: 7\n").unwrap();
    let environment = Settings { config: Some(path), ..Settings::default() };
    let layers = Layers { environment, flags: Settings::default() };
    assert_eq!(load(&layers).unwrap().0.sites_max, 7);
    let flags = Settings { config: Some(PathBuf::from("/dev/null")), ..Settings::default() };
    assert_eq!(load(&Layers { flags, ..layers }).unwrap().0.sites_max, 200);
}

#[test]
fn the_faults_of_all_layers_are_named_at_once() {
    let file = "sites_max: 0\ntargets: [{url: 'http://a:1'}]\n";
    let environment = [("LINGER_TARGETS", "http://b:2 c:3"), ("LINGER_METRICS_LISTEN", "x")];
    let flags = flags("0.0.0.0:1", &["http://a:1", "http://u:hunter2@e:5", "http://f:6\n--listen"]);
    let said = loaded(file, &environment, flags).unwrap_err();
    let expected = "\
error: 0 is out of range
 --> DIR/linger.yaml:1:12
  |
1 | sites_max: 0
  |            ^ at least 1
  = key: sites_max

error: expected an address and port such as `127.0.0.1:6262`, or `unix:///run/linger.sock`, found `x`
 --> environment:1:23
  |
1 | LINGER_METRICS_LISTEN=x
  |                       ^

error: expected the address of a service such as `http://127.0.0.1:6060`, found `c:3`
 --> environment:2:27
  |
2 | LINGER_TARGETS=http://b:2 c:3
  |                           ^^^ write `http://c:3`

error: the API is not offered to a network without `auth` and `tls`
 --> command line:1:10
  |
1 | --listen 0.0.0.0:1
  |          ^^^^^^^^^ a loopback address and `unix:///run/linger.sock` need neither
  = auth: {authorization: {credentials_file: FILE}} or {basic_auth: {username: NAME, password_file: FILE}}
  = tls: {cert_file: FILE, key_file: FILE}
  = metrics alone may be offered: `metrics_listen`

error: a second target named `a:1`
 --> command line:2:1
  |
2 | http://a:1
  | ^^^^^^^^^^ give one of them another `name`

error: expected the address of a service such as `http://127.0.0.1:6060`, found `http://***@e:5`
 --> command line:3:1
  |
3 | http://***@e:5
  | ^^^^^^^^^^^^^^ no user or password here: addresses end up in logs; `basic_auth` takes them

error: expected the address of a service such as `http://127.0.0.1:6060`, found `http://***`
 --> command line:4:1
  |
4 | http://***
  | ^^^^^^^^^^ the port must be a number from 1 to 65535

7 faults in several places";
    assert_eq!(said, expected);
}

#[test]
fn a_flag_may_offer_the_api_where_the_file_protects_it() {
    let file = "auth: {authorization: {credentials_file: t}}\ntls: {cert_file: c, key_file: k}\n";
    assert!(loaded(file, &[], flags("0.0.0.0:1", &[])).is_ok());
    // What a file without a tree would have said is not known: one fault, not two.
    let said = loaded("[", &[], flags("0.0.0.0:1", &[])).unwrap_err();
    assert!(said.ends_with("1 fault in DIR/linger.yaml"), "{said}");
}

#[test]
fn files_that_are_not_there_are_named_where_they_are_named() {
    let file = "auth: {authorization: {credentials_file: here}}\ntargets:\n  - url: https://a:1\n    \
                headers: {X: {file: gone}}\n    tls_config: {ca_file: /dev}\n";
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("linger.yaml");
    fs::write(&path, file).unwrap();
    fs::write(dir.path().join("here"), "token").unwrap();
    let flags = Settings { config: Some(path), ..Settings::default() };
    let (_, origins) = load(&Layers { flags, ..Layers::default() }).unwrap();
    let said = origins.check_files().unwrap_err().to_string();
    for part in ["linger.yaml:4:25", "the file cannot be read", "linger.yaml:5:27", "a folder", "2 faults"] {
        assert!(said.contains(part), "{part} in {said}");
    }
}

const SHOWN: &str = "listen: 127.0.0.1:3\ntargets:\n  - url: https://a:1\n    headers: {X: hunter2, Y: {file: /y}}\n    collectors: {cpu: {window: 6s}}\nalerts: []\n";

fn hide(headers: &mut [(String, HeaderValue)]) {
    for (_, value) in headers {
        if let HeaderValue::Text(text) = value {
            *text = "<hidden>".to_owned();
        }
    }
}

#[test]
fn what_is_shown_reads_back_and_names_origins() {
    for file in [SHOWN, "", include_str!("../good/hostile.yaml"), include_str!("../good/socket.yaml")] {
        let (mut config, origins) = loaded(file, &[], flags("", &["http://z:1"])).unwrap();
        let yaml = to_yaml(&config, &origins);
        assert!(!yaml.contains("hunter2"), "{yaml}");
        for target in &mut config.targets {
            hide(&mut target.access.headers);
            hide(&mut target.collectors.trace.request.as_mut().unwrap().headers);
        }
        hide(&mut config.collectors.trace.request.as_mut().unwrap().headers);
        let again = Config::parse(&yaml, "shown").unwrap_or_else(|faults| panic!("{faults}\n{yaml}"));
        assert_eq!(again, config, "{yaml}");
        let json = to_json(&config, &origins);
        assert_eq!(Config::parse(&json["config"].to_string(), "shown").unwrap(), config);
    }
}

#[test]
fn the_page_is_one_value_a_line_with_its_origin() {
    let (config, origins) = loaded(SHOWN, &[], flags("127.0.0.1:4", &["http://z:1"])).unwrap();
    let yaml = to_yaml(&config, &origins);
    let line = |start: &str| {
        let line = yaml.lines().find(|line| line.trim_start().starts_with(start));
        let mut words: Vec<&str> = line.unwrap_or_default().split_whitespace().collect();
        if let Some(last) = words.last_mut() {
            *last = last.rsplit('/').next().unwrap();
        }
        words.join(" ")
    };
    assert_eq!(line("listen:"), "listen: 127.0.0.1:4 # flag --listen");
    assert_eq!(line("- url: https"), "- url: https://a:1 # linger.yaml:3");
    assert_eq!(line("X:"), "X: <hidden> # linger.yaml:4");
    assert_eq!(line("window: 6s"), "window: 6s # linger.yaml:5");
    assert_eq!(line("timeout: 16s"), "timeout: 16s # default");
    assert_eq!(line("- url: http:"), "- url: http://z:1 # flag URL");
    assert_eq!(line("alerts:"), "alerts: [] # linger.yaml:6");
    assert_eq!(line("sites_max:"), "sites_max: 200 # default");
    let json = to_json(&config, &origins);
    assert_eq!(json["origins"]["listen"], "flag --listen");
    assert_eq!((&json["version"], &json["config"]["sites_max"]), (&1.into(), &200.into()));
}
