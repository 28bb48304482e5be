//! From a command line to an agent, a one-shot look, or a checked configuration file.

use super::args::{AgentArgs, ScrapeArgs};
use super::failure::Failure;
use crate::report::Scraped;
use crate::{daemon, oneshot};
use linger_config::{Config, TimeScale};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use tracing_subscriber::EnvFilter;

/// Runs an agent until a signal stops it.
pub(super) fn agent(args: &AgentArgs) -> Result<(), Failure> {
    log_to_stderr();
    let mut config = match &args.config {
        Some(file) => Config::load(file).map_err(faulty)?,
        None => Config::default(),
    };
    config = config.with_targets(&args.urls).map_err(|faults| misspelt(&faults))?;
    if let Some(listen) = &args.listen {
        config.listen = listen.parse().map_err(|e| Failure::usage(format!("--listen {listen}: {e}")))?;
    }
    let data = args.data.clone().or_else(|| config.data.clone()).map_or_else(default_data, Ok)?;
    let time_scale = TimeScale::new(args.time_scale)
        .ok_or_else(|| Failure::usage("--time-scale takes a number from 1 to 10000"))?;
    daemon::run(daemon::Setup { config, data, time_scale }).map_err(|e| {
        let failure = match e {
            daemon::Error::NoTarget => Failure::usage(e.to_string()),
            _ => Failure::new(e.to_string()),
        };
        match e.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })
}

/// Looks at one target without a store.
pub(super) fn scrape(args: &ScrapeArgs) -> Result<Scraped, Failure> {
    let mut config = Config::for_targets([&args.url]).map_err(|faults| misspelt(&faults))?;
    for target in &mut config.targets {
        target.access = args.access.access(&target.url)?;
    }
    if std::io::stderr().is_terminal() {
        let watch = humantime::format_duration(args.watch);
        // Nothing is left to be done when standard error is closed.
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            format!("watching {} for {watch} …\n", args.url).as_bytes(),
        );
    }
    oneshot::scrape(&config, args.watch).map_err(Failure::new)
}

/// Reads a configuration: one sentence about it.
pub(super) fn check_config(file: &Path) -> Result<String, Failure> {
    let config = Config::load(file).map_err(faulty)?;
    let plural = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let off: Vec<String> = Config::default()
        .alerts
        .into_iter()
        .map(|a| a.name)
        .filter(|name| config.alerts.iter().all(|a| a.name != *name))
        .collect();
    let off = if off.is_empty() {
        String::new()
    } else {
        format!("; defaults it switches off: {}", off.join(", "))
    };
    Ok(format!(
        "{}: ok, {}, {}{off}",
        file.display(),
        plural(config.targets.len(), "target"),
        plural(config.alerts.len(), "alert")
    ))
}

fn faulty(error: linger_config::Error) -> Failure {
    Failure::new(without_prefix(&error.to_string()))
}

fn misspelt(faults: &linger_config::Faults) -> Failure {
    Failure::usage(without_prefix(&faults.to_string()))
}

/// A list of faults begins with the word that every failure is printed with.
fn without_prefix(text: &str) -> &str {
    text.strip_prefix("error: ").unwrap_or(text)
}

/// `$STATE_DIRECTORY` (systemd's), else `linger` in the XDG state folder.
fn default_data() -> Result<PathBuf, Failure> {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    if let Some(state) = set("STATE_DIRECTORY") {
        return Ok(state);
    }
    let xdg = set("XDG_STATE_HOME").or_else(|| set("HOME").map(|home| home.join(".local/state")));
    xdg.map(|folder| folder.join("linger")).ok_or_else(|| {
        Failure::usage("no folder for the store: HOME is not set").hint("name one with --data DIR")
    })
}

/// Text on a terminal, JSON lines otherwise; `LINGER_LOG` filters (`debug`, `linger=trace`, …).
fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("LINGER_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    if std::io::stderr().is_terminal() {
        log.init();
    } else {
        log.json().flatten_event(true).with_current_span(false).with_span_list(false).init();
    }
}
