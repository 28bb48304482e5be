//! The command line: parse, dispatch, print, exit.
//!
//! Data goes to standard output, everything else to standard error. Exit codes: 0 ok, 1 failure, 2 usage;
//! `check` has Nagios' 0/1/2/3 and says even a usage error in its words.

mod args;
mod failure;
mod help;
mod moment;
mod print;
mod read;
mod start;

pub use args::{AgentArgs, ScrapeArgs};

use args::{Cli, Command, ConfigCommand};
use clap::Parser;
use failure::Failure;
use std::process::ExitCode;

/// `check`'s code for what cannot be judged.
const UNKNOWN: u8 = 3;

/// Runs the command line of this process.
#[must_use]
pub fn run() -> ExitCode {
    let words: Vec<_> = std::env::args_os().collect();
    let is_check = words.get(1).is_some_and(|word| word == "check");
    match Cli::try_parse_from(words) {
        Ok(cli) => dispatch(cli.command).unwrap_or_else(|failure| {
            failure.print();
            failure.code()
        }),
        Err(error) => usage(&error, is_check),
    }
}

fn dispatch(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Agent(args) => {
            start::agent(&args)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Scrape(args) => {
            let output = args.output;
            let scraped = start::scrape(&args)?;
            let screen = print::screen();
            print::report(&scraped, output, || crate::show::scraped(&scraped, &screen))?;
            Ok(if scraped.target.up { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Command::Status(args) => read::status(&args),
        Command::Trend(args) => read::trend(&args),
        Command::Defers(args) => read::defers(&args),
        Command::Query(args) => read::query(&args),
        Command::Check(args) => read::check(&args),
        Command::Config(ConfigCommand::Check { file }) => {
            let summary = start::check_config(&file)?;
            print::text(&format!("{summary}\n"))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Help and version are no errors; for `check` the first line on standard output is what a monitor shows.
fn usage(error: &clap::Error, is_check: bool) -> ExitCode {
    let is_error = error.use_stderr();
    if is_check && is_error {
        let text = error.render().to_string();
        let first = text.lines().next().unwrap_or("").trim_start_matches("error: ");
        if let Err(failure) = print::check(&read::unknown(&format!("usage: {first}"), UNKNOWN)) {
            failure.print();
        }
    }
    // A closed pipe leaves nothing to tell anybody.
    let _ = error.print();
    match (is_error, is_check) {
        (false, _) => ExitCode::SUCCESS,
        (true, true) => ExitCode::from(UNKNOWN),
        (true, false) => ExitCode::from(2),
    }
}
