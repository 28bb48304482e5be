//! The command line: parse, dispatch, print, exit.
//!
//! Data goes to standard output, everything else to standard error. Exit codes: 0 ok, 1 failure, 2 usage;
//! `check` has Nagios' 0/1/2/3 and says even a usage error in its words.

mod access;
mod args;
mod audit;
mod config;
mod failure;
mod help;
mod moment;
mod print;
mod read;
mod start;
mod trace;

pub use args::{AgentArgs, ScrapeArgs, SettingsArgs};

use args::{Cli, Command, ConfigCommand, TraceCommand};
use clap::Parser;
use failure::Failure;
use std::process::ExitCode;

const OK: u8 = 0;
const FAILED: u8 = 1;
const USAGE: u8 = 2;

/// `check`'s codes for what is broken for sure, and for what cannot be judged.
const CRITICAL: u8 = 2;
const UNKNOWN: u8 = 3;

/// Runs the command line of this process.
#[must_use]
pub fn run() -> ExitCode {
    let words: Vec<_> = std::env::args_os().collect();
    let is_check = words.get(1).is_some_and(|word| word == "check");
    let code = match Cli::try_parse_from(words) {
        Ok(cli) => dispatch(cli.command).unwrap_or_else(|failure| {
            failure.print();
            failure.code()
        }),
        Err(error) => usage(&error, is_check),
    };
    ExitCode::from(code)
}

fn dispatch(command: Command) -> Result<u8, Failure> {
    match command {
        Command::Agent(args) => {
            start::agent(&args)?;
            Ok(OK)
        }
        Command::Scrape(args) => {
            let output = args.output;
            let scraped = start::scrape(&args)?;
            let screen = print::screen();
            print::report(&scraped, output, || crate::show::scraped(&scraped, &screen))?;
            Ok(if scraped.target.up { OK } else { FAILED })
        }
        Command::Status(args) => read::status(&args),
        Command::Trend(args) => read::trend(&args),
        Command::Defers(args) => read::defers(&args),
        Command::Query(args) => read::query(&args),
        Command::Check(args) => read::check(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Trace(TraceCommand::Summary(args)) => trace::summary(&args),
        Command::Trace(TraceCommand::Export(args)) => trace::export(&args),
        Command::Trace(TraceCommand::List(args)) => read::traces(&args),
        Command::Config(ConfigCommand::Check { file, text_only }) => config::check(&file, text_only),
        Command::Config(ConfigCommand::Show(args)) => config::show(&args),
        Command::Config(ConfigCommand::Schema) => config::schema(),
    }
}

/// Help and version are no errors; for `check` the first line on standard output is what a monitor shows.
fn usage(error: &clap::Error, is_check: bool) -> u8 {
    let is_error = error.use_stderr();
    if is_check && is_error {
        let text = error.render().to_string();
        let first = text.lines().next().unwrap_or("").trim_start_matches("error: ");
        if let Err(failure) = print::unanswered(&read::unanswered(&format!("usage: {first}"), UNKNOWN)) {
            failure.print();
        }
    }
    // A closed pipe leaves nothing to tell anybody.
    let _ = error.print();
    match (is_error, is_check) {
        (false, _) => OK,
        (true, true) => UNKNOWN,
        (true, false) => USAGE,
    }
}

#[cfg(test)]
mod tests {
    use super::args::{Cli, Command, Output, Subject};
    use clap::{CommandFactory, Parser};

    #[test]
    fn the_declaration_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn options_have_the_promised_defaults() {
        let parse = |line: &str| Cli::try_parse_from(line.split(' ')).unwrap().command;
        let Command::Trend(trend) = parse("linger trend") else { panic!("trend") };
        assert_eq!((trend.range.from.as_str(), trend.range.to.as_str()), ("now-1h", "now"));
        assert_eq!((trend.limit, trend.read.output, trend.target), (20, Output::Table, None));
        let Command::Check(check) = parse("linger check") else { panic!("check") };
        assert_eq!((check.subject, check.target), (Subject::All, None));
        let Command::Agent(agent) = parse("linger agent http://a http://b --config f") else {
            panic!("agent")
        };
        assert_eq!((agent.urls.len(), agent.settings.listen, agent.settings.data), (2, None, None));
        let Command::Scrape(scrape) = parse("linger scrape http://a --for 5m") else { panic!("scrape") };
        assert_eq!(scrape.watch.as_secs(), 300);
    }
}
