//! A trace's bytes, from wherever they are: a file, standard input, a service that records now, an agent that kept one.
//! A gzip is inflated. What came of an answer that broke off is taken as a cut trace, and that is said.

use super::super::args::TraceSourceArgs;
use super::super::failure::Failure;
use super::super::{print, read};
use super::endpoint::endpoint;
use crate::ask;
use crate::scrape::client::{Client, Request};
use crate::scrape::outcome::{self, State};
use crate::trace::{Spool, SpoolError, Spooled};
use linger_config::TargetUrl;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

/// Time for an answer beyond what it records: a starved host took 14 s for 3, and stopping waits for the collector.
const BEYOND_RECORDING: Duration = Duration::from_secs(60);

/// Bytes without which there is no use in going on after an answer broke off.
const HEADER_BYTES: u64 = 16;

/// A trace.
#[derive(Debug)]
pub(super) struct Obtained {
    pub(super) trace: Spooled,
    /// What the user calls it.
    pub(super) name: String,
    /// Why its bytes did not come whole, if they did not.
    pub(super) broken_off: Option<String>,
}

/// What the user means.
#[derive(Debug, PartialEq, Eq)]
enum Whence<'a> {
    Stdin,
    File(&'a Path),
    Url(&'a str),
    Target(&'a str),
}

fn whence(args: &TraceSourceArgs) -> Whence<'_> {
    let text = args.source.as_str();
    let path = Path::new(text);
    let has_end = |ends: &[&str]| path.extension().is_some_and(|end| ends.iter().any(|e| end == *e));
    match text {
        _ if args.server.is_some() || args.data.is_some() || args.id.is_some() => Whence::Target(text),
        "-" => Whence::Stdin,
        _ if text.contains("://") || text.starts_with("unix:") => Whence::Url(text),
        _ if path.exists() || text.contains('/') || has_end(&["trace", "out", "gz"]) => Whence::File(path),
        _ => Whence::Target(text),
    }
}

pub(super) fn obtain(args: &TraceSourceArgs) -> Result<Obtained, Failure> {
    // What follows the path of an address may be a secret, and the name goes into files that people pass on.
    let name = args.source.split('?').next().unwrap_or_default().to_owned();
    let bytes_max = args.max_bytes.get();
    let (trace, broken_off) = match whence(args) {
        Whence::Stdin => stream(&name, &mut io::stdin().lock(), bytes_max)?,
        Whence::File(path) => file(&name, path, bytes_max)?,
        Whence::Url(url) => record(args, url)?,
        Whence::Target(target) => kept(args, target)?,
    };
    let (trace, broken_off) = if trace.is_gzip() {
        let failed = |e: SpoolError| Failure::new(format!("{name}: inflating it: {e}"));
        let (inflated, why) = trace.inflated(bytes_max).map_err(failed)?;
        let why = why.map(|why| format!("inflating it: {}", in_words(&why)));
        (inflated, broken_off.or(why))
    } else {
        (trace, broken_off)
    };
    Ok(Obtained { trace, name, broken_off })
}

fn in_words(error: &SpoolError) -> String {
    match error {
        SpoolError::TooLarge { .. } => format!("{error}, which is what --max-bytes allows"),
        _ => error.to_string(),
    }
}

type Bytes = (Spooled, Option<String>);

fn stream(name: &str, from: &mut impl Read, bytes_max: u64) -> Result<Bytes, Failure> {
    let failed = |e: &SpoolError| Failure::new(format!("{name}: {e}"));
    let mut spool = Spool::new(bytes_max);
    let broken_off = match spool.fill(from) {
        Ok(()) => None,
        Err(error @ SpoolError::Write(_)) => return Err(failed(&error).hint(ROOM)),
        Err(error) => Some(in_words(&error)),
    };
    Ok((spool.finish().map_err(|e| failed(&e))?, broken_off))
}

const ROOM: &str =
    "TMPDIR names another folder for it; --max-bytes takes less; a plain file is read where it is";

fn file(name: &str, path: &Path, bytes_max: u64) -> Result<Bytes, Failure> {
    let failed = |e: io::Error| {
        let failure = Failure::new(format!("{name}: {e}"));
        match e.kind() {
            io::ErrorKind::NotFound => {
                failure.hint("name a file, a service such as http://127.0.0.1:6060, or a target of an agent")
            }
            _ => failure,
        }
    };
    let about = fs::metadata(path).map_err(failed)?;
    if about.is_dir() {
        return Err(Failure::new(format!("{name}: a folder")).hint("name the trace in it"));
    }
    let mut opened = File::open(path).map_err(failed)?;
    if !about.is_file() {
        return stream(name, &mut opened, bytes_max);
    }
    let spooled = linger_gotrace::Spooled::new(opened).map_err(failed)?;
    Ok((Spooled::File(spooled), None))
}

/// Has a service record now.
fn record(args: &TraceSourceArgs, url: &str) -> Result<Bytes, Failure> {
    let asked = endpoint(url, args.seconds)?;
    let access = args.access.access(&asked.service)?;
    let timeout = Duration::from_secs(asked.seconds) + BEYOND_RECORDING;
    let request = Request::get(asked.path, timeout, args.max_bytes.as_usize());
    let mut progress = print::Progress::new(&format!("{} records {} s", asked.service, asked.seconds));
    let mut spool = Spool::new(args.max_bytes.get());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| Failure::new(format!("starting a runtime: {e}")))?;
    let client = Client::of(&asked.service, &access);
    let answered = runtime.block_on(client.pour(&request, |piece| {
        spool.push(piece).map_err(|e| outcome::Failure::new(State::Internal, e.to_string()))?;
        progress.bytes(spool.bytes());
        Ok(())
    }));
    drop(progress);
    let broken_off = match answered {
        Ok(()) => None,
        Err(failure) if spool.bytes() < HEADER_BYTES || failure.state == State::Internal => {
            return Err(unanswered(&asked.service, &failure));
        }
        Err(failure) if failure.state == State::TooLarge => {
            Some(format!("{}, which is what --max-bytes allows", failure.detail))
        }
        Err(failure) => Some(failure.detail),
    };
    let trace = spool.finish().map_err(|e| Failure::new(format!("{url}: {e}")))?;
    Ok((trace, broken_off))
}

fn unanswered(service: &TargetUrl, failure: &outcome::Failure) -> Failure {
    let said = Failure::new(format!("{service}: {}: {}", failure.state, failure.detail));
    match (&failure.state, failure.state.next_step()) {
        (State::Internal, _) => said.hint(ROOM),
        (_, Some(next)) => said.hint(next),
        _ => said,
    }
}

/// One that an agent kept of a target: the newest, unless another is named.
fn kept(args: &TraceSourceArgs, target: &str) -> Result<Bytes, Failure> {
    let source = read::source_of(args.data.as_deref(), args.server.as_deref());
    let access = args.access.to_agent(read::token_file());
    let body = ask::raw_trace(&source, &access, target, args.id.as_deref()).map_err(|error| {
        // A word may also be meant as the name of a file.
        let missing = format!("no file {target} is here, so an agent was asked for a target of that name: ");
        let meant = if args.server.is_some() || args.data.is_some() { "" } else { &missing };
        Failure::from(error).after(meant)
    })?;
    Ok((Spooled::Memory(body.into()), None))
}

#[cfg(test)]
mod tests {
    use super::{Whence, whence};
    use crate::cli::args::{Cli, Command, TraceCommand};
    use clap::Parser;
    use std::path::Path;

    #[track_caller]
    fn check(line: &str, expected: &Whence<'_>) {
        let words = format!("linger trace summary {line}");
        let Ok(Cli { command: Command::Trace(TraceCommand::Summary(args)) }) =
            Cli::try_parse_from(words.split(' '))
        else {
            panic!("{line}")
        };
        assert_eq!(whence(&args.trace), *expected, "{line}");
    }

    #[test]
    fn what_is_meant_shows_in_how_it_is_written() {
        check("-", &Whence::Stdin);
        check("http://a:6060", &Whence::Url("http://a:6060"));
        check("unix:/run/api.sock", &Whence::Url("unix:/run/api.sock"));
        check("./api", &Whence::File(Path::new("./api")));
        check("gone.trace", &Whence::File(Path::new("gone.trace")));
        check("Cargo.toml", &Whence::File(Path::new("Cargo.toml")));
        check("api", &Whence::Target("api"));
        check("127.0.0.1:6060", &Whence::Target("127.0.0.1:6060"));
        check("Cargo.toml --server http://a:1", &Whence::Target("Cargo.toml"));
        check("Cargo.toml --data /x", &Whence::Target("Cargo.toml"));
        check("a --id 17-af", &Whence::Target("a"));
        check("Cargo.toml --id 17-af", &Whence::Target("Cargo.toml"));
    }
}
