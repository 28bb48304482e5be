//! Prometheus itself as the reader of `/metrics`: its linter finds nothing to say, and its server gets linger's own
//! values by OpenMetrics, keeps them apart by site, and loses them when they are old.

use crate::agent::{Agent, free_address};
use crate::environment::{self, Go};
use crate::program::Program;
use crate::service::{self, Service};
use crate::wait;
use linger::report::Query;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Every name linger has, as its own tests wrote it.
const EVERY_METRIC: &str = include_str!("../../../../agent/src/exposition/every_metric.txt");

/// `promtool check metrics`.
#[track_caller]
fn lint(page: &str) {
    let mut command = Command::new(environment::peer("promtool"));
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("promtool starts");
    let mut input = child.stdin.take().expect("promtool reads");
    // A linter that stops reading has something to say, which is asked for below.
    let _ = std::io::Write::write_all(&mut input, page.as_bytes());
    drop(input);
    let output = child.wait_with_output().expect("promtool ends");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn promtool_has_nothing_to_say_about_any_name() {
    let told = EVERY_METRIC.lines().filter(|l| l.starts_with("# TYPE")).count();
    assert!(told > linger_series::metric::ALL.len(), "{told} families");
    lint(EVERY_METRIC);
}

/// A Prometheus that scrapes one address every second.
struct Prometheus {
    _program: Program,
    address: SocketAddr,
    _folder: TempDir,
}

impl Prometheus {
    fn scraping(target: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let config = folder.path().join("prometheus.yml");
        let yaml = format!(
            "global: {{scrape_interval: 1s}}\nscrape_configs:\n- job_name: linger\n  static_configs: [{{targets: [\"{target}\"]}}]\n"
        );
        std::fs::write(&config, yaml).expect("a configuration can be written");
        let listen = free_address();
        let mut command = Command::new(environment::peer("prometheus"));
        command.arg(format!("--config.file={}", config.display()));
        command.arg(format!("--storage.tsdb.path={}", folder.path().join("tsdb").display()));
        command.arg(format!("--web.listen-address={listen}"));
        let program = Program::start(&mut command, &folder.path().join("log"));
        Self { _program: program, address: listen.parse().expect("an address"), _folder: folder }
    }

    /// The instant vector of an expression: labels and values; none while it cannot answer yet.
    fn query(&self, expression: &str) -> Vec<(BTreeMap<String, String>, f64)> {
        let coded: String = expression.bytes().map(|b| format!("%{b:02X}")).collect();
        let Ok(answer) = service::get(self.address, &format!("/api/v1/query?query={coded}")) else {
            return Vec::new();
        };
        let Ok(json) = serde_json::from_slice::<Value>(&answer.body) else { return Vec::new() };
        let result = json["data"]["result"].as_array().cloned().unwrap_or_default();
        let sample = |s: &Value| {
            let labels = s["metric"].as_object()?.iter();
            let labels = labels.map(|(n, v)| (n.clone(), v.as_str().unwrap_or("").to_owned())).collect();
            Some((labels, s["value"][1].as_str()?.parse().ok()?))
        };
        result.iter().filter_map(sample).collect()
    }
}

#[test]
fn prometheus_has_lingers_own_values_and_loses_them_when_they_are_old() {
    let mut service = Service::start(Go::Newest, "waits");
    let metrics = free_address();
    let agent = Agent::with(60, &[&service.url()], &["--metrics-listen", &metrics]);
    let prometheus = Prometheus::scraping(&metrics);
    wait::until("Prometheus has sites and their growth", || {
        let growth = prometheus.query("linger_goroutine_growth_per_hour");
        let up = prometheus.query("up{job=\"linger\"}");
        if !growth.is_empty() && up.first().is_some_and(|s| s.1 == 1.0) { Ok(()) } else { Err(up) }
    });
    let page = service::get(metrics.parse().expect("an address"), "/metrics").expect("the page");
    lint(&String::from_utf8(page.body).expect("a page is UTF-8"));

    // The service never moves: both have the same number for each site and class.
    let stored: Query = agent.ask(&["query", "linger_goroutines_at_site"]);
    let scraped = prometheus.query("linger_goroutines_at_site");
    let mut compared = 0;
    for series in &stored.series {
        let (_, last) = series.points.last().expect("a point");
        if *last == 0.0 || series.labels["class"] == "other" || !series.labels["site"].contains("main.") {
            continue;
        }
        let same = |s: &&(BTreeMap<String, String>, f64)| {
            ["target", "class", "site"].iter().all(|l| s.0.get(*l) == series.labels.get(*l))
        };
        let found = scraped.iter().find(same).unwrap_or_else(|| panic!("{:?} in {scraped:?}", series.labels));
        assert_eq!(found.1, *last, "{:?}", series.labels);
        compared += 1;
    }
    assert!(compared >= 10, "{compared} of {:?}", stored.series);
    // A join finds where each site is: exactly one description each, or Prometheus refuses the whole expression.
    let joined = prometheus
        .query("linger_goroutines_at_site * on (target, site) group_left (file, line) linger_site_info");
    assert!(joined.iter().any(|s| s.0.get("file").is_some_and(|f| f.ends_with("main.go"))), "{joined:?}");

    let of = |format: &str| {
        let found = prometheus.query(&format!("linger_agent_expositions_total{{format=\"{format}\"}}"));
        found.first().map_or(0.0, |s| s.1)
    };
    // A page counts those before it.
    wait::until("pages were asked for as OpenMetrics", || {
        let times = of("openmetrics");
        if times > 1.0 { Ok(()) } else { Err(times) }
    });
    assert!(of("text") <= 1.0, "ours was the only plain one: {}", of("text"));

    service.kill();
    wait::until("what is old is gone and the target is down", || {
        let sites = prometheus.query("linger_goroutines_at_site");
        let up = prometheus.query("linger_up");
        if sites.is_empty() && up.len() == 1 && up[0].1 == 0.0 { Ok(()) } else { Err((sites.len(), up)) }
    });
}
