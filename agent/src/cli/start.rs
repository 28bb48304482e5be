//! From a command line to an agent or a one-shot look.

use super::args::{AgentArgs, ScrapeArgs};
use super::config;
use super::failure::Failure;
use crate::report::Scraped;
use crate::{daemon, oneshot};
use linger_config::{Config, TimeScale};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;

/// Runs an agent until a signal stops it.
pub(super) fn agent(args: &AgentArgs) -> Result<(), Failure> {
    crate::logs::to_stderr();
    let (config, _) = config::load(&args.settings, &args.urls)?;
    let data = config.data.clone().map_or_else(default_data, Ok)?;
    let time_scale = TimeScale::new(args.time_scale)
        .ok_or_else(|| Failure::usage("--time-scale takes a number from 1 to 10000"))?;
    let again = args.clone();
    let load = Arc::new(move || {
        config::load(&again.settings, &again.urls)
            .map(|(config, _)| config)
            .map_err(|failure| failure.message().to_owned())
    });
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

/// Looks at one target without a store.
pub(super) fn scrape(args: &ScrapeArgs) -> Result<Scraped, Failure> {
    let mut config = Config::for_targets([&args.url]).map_err(|faults| config::faulty(&faults.into()))?;
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

/// `$STATE_DIRECTORY` (systemd's), else `linger` in the XDG state folder.
pub(super) fn default_data() -> Result<PathBuf, Failure> {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    if let Some(state) = set("STATE_DIRECTORY") {
        return Ok(state);
    }
    let xdg = set("XDG_STATE_HOME").or_else(|| set("HOME").map(|home| home.join(".local/state")));
    xdg.map(|folder| folder.join("linger")).ok_or_else(|| {
        Failure::usage("no folder for the store: HOME is not set").hint("name one with --data DIR")
    })
}
