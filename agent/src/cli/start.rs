//! From a command line to an agent, a one-shot look, or a checked configuration file.

use super::args::{AgentArgs, ScrapeArgs};
use super::failure::Failure;
use crate::report::Scraped;
use crate::{daemon, oneshot};
use linger_config::{Config, Layers, Settings, TimeScale};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Runs an agent until a signal stops it.
pub(super) fn agent(args: &AgentArgs) -> Result<(), Failure> {
    crate::logs::to_stderr();
    let config = load(args)?;
    let data = config.data.clone().map_or_else(default_data, Ok)?;
    let time_scale = TimeScale::new(args.time_scale)
        .ok_or_else(|| Failure::usage("--time-scale takes a number from 1 to 10000"))?;
    let again = args.clone();
    let load = Arc::new(move || load(&again).map_err(|failure| failure.message().to_owned()));
    daemon::run(daemon::Setup { config, data, time_scale, load }).map_err(|e| {
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

/// The configuration of this command line: file, environment and flags.
fn load(args: &AgentArgs) -> Result<Config, Failure> {
    let flags = Settings {
        config: args.config.clone(),
        listen: args.listen.clone(),
        metrics_listen: args.metrics_listen.clone(),
        data: args.data.clone(),
        targets: args.urls.clone(),
    };
    let environment = Settings::from_environment(|name| std::env::var_os(name));
    let (config, _) = linger_config::load(&Layers { environment, flags }).map_err(faulty)?;
    Ok(config)
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
