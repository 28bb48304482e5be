//! `linger trace summary` and `linger trace export`: gets the trace, asks, prints or writes. What a refusal's next step is
//! stands here; what was wrong stands in the refusal.

mod endpoint;
mod obtain;

use super::args::{TraceExportArgs, TraceFormat, TraceSummaryArgs};
use super::failure::Failure;
use super::{FAILED, OK, print};
use crate::show;
use crate::trace::chrome::{self, ExportError};
use crate::trace::{Question, Summarised, summarise};
use flate2::Compression;
use flate2::write::GzEncoder;
use linger_gotrace::{Error, Source, Version};
use obtain::Obtained;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

/// Bytes looked at to tell a trace from something else: its header, or the beginning of an error page.
const HEAD_BYTES: usize = 64;

pub(super) fn summary(args: &TraceSummaryArgs) -> Result<u8, Failure> {
    let obtained = obtain::obtain(&args.trace)?;
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let Summarised { report, broken } = told(&obtained, limit)?;
    print::report(&report, args.output, || show::trace(&report, &print::screen()))?;
    Ok(match broken {
        Some(error) => {
            refused(&obtained, &error).print();
            FAILED
        }
        None => OK,
    })
}

pub(super) fn export(args: &TraceExportArgs) -> Result<u8, Failure> {
    if args.output.is_none() && io::stdout().is_terminal() {
        return Err(Failure::usage("a trace is nothing to be read on a terminal")
            .hint("-o FILE writes it into a file; a pipe is fine too"));
    }
    let obtained = obtain::obtain(&args.trace)?;
    match args.format {
        TraceFormat::Raw => {
            let told = to(args.output.as_deref(), |out| raw(&obtained, out))?;
            told.map_or(Ok(()), |name| note(&format!("{name}: open it with `go tool trace {name}`")))?;
        }
        TraceFormat::Chrome => {
            let Summarised { report, .. } = told(&obtained, 1)?;
            let mut broken = None;
            let written = to(args.output.as_deref(), |out| {
                let gzipped =
                    args.output.as_ref().is_some_and(|path| path.extension() == Some("gz".as_ref()));
                let exported = if gzipped {
                    let mut packed = GzEncoder::new(out, Compression::fast());
                    let exported = chrome::export(&obtained.trace, &report, &mut packed);
                    packed.try_finish()?;
                    exported
                } else {
                    chrome::export(&obtained.trace, &report, out)
                };
                match exported {
                    Ok(_) => Ok(()),
                    Err(ExportError::Write(e)) => Err(e.into()),
                    Err(ExportError::Trace(e)) => {
                        broken = Some(e);
                        Ok(())
                    }
                }
            })?;
            for missing in &report.missing {
                note(&format!("note: {missing}"))?;
            }
            if let Some(error) = broken {
                return Err(refused(&obtained, &error));
            }
            written.map_or(Ok(()), |name| note(&format!("{name}: open it in https://ui.perfetto.dev")))?;
        }
    }
    Ok(OK)
}

fn told(obtained: &Obtained, limit: usize) -> Result<Summarised, Failure> {
    let question = Question { source: obtained.name.clone(), broken_off: obtained.broken_off.clone(), limit };
    summarise(&obtained.trace, &question).map_err(|error| refused(obtained, &error))
}

/// The bytes as they are, if they are those of a trace.
fn raw(obtained: &Obtained, out: &mut dyn Write) -> Result<(), Failure> {
    let mut head = [0; HEAD_BYTES];
    let there = usize::try_from(obtained.trace.bytes()).unwrap_or(HEAD_BYTES).min(HEAD_BYTES);
    let head = head.get_mut(..there).unwrap_or(&mut []);
    let unreadable = |e: io::Error| Failure::new(format!("{}: {e}", obtained.name));
    obtained.trace.read_at(0, head).map_err(unreadable)?;
    match Version::of(head) {
        // What linger does not read may be what is wanted of it as it is.
        Ok(_) | Err(Error::OldFormat { .. } | Error::UnknownVersion { .. }) => {}
        Err(error) => return Err(refused(obtained, &error)),
    }
    io::copy(&mut obtained.trace.reader(), out)?;
    out.flush()?;
    if let Some(why) = &obtained.broken_off {
        note(&format!("note: the answer broke off: {why}"))?;
    }
    Ok(())
}

/// Writes into a file, which is there whole or not at all, or to standard output; the file's name.
fn to(
    file: Option<&Path>,
    write: impl FnOnce(&mut dyn Write) -> Result<(), Failure>,
) -> Result<Option<String>, Failure> {
    let Some(path) = file else {
        write(&mut io::stdout().lock())?;
        return Ok(None);
    };
    let name = path.display().to_string();
    let failed = |e: &io::Error| Failure::new(format!("writing {name}: {e}"));
    // A device or a pipe cannot be replaced.
    if path.exists() && !path.is_file() {
        let mut file = File::options().write(true).open(path).map_err(|e| failed(&e))?;
        write(&mut file)?;
        return Ok(Some(name));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut fresh = tempfile::NamedTempFile::new_in(folder).map_err(|e| failed(&e))?;
    write(fresh.as_file_mut())?;
    fresh.persist(path).map_err(|e| failed(&e.error))?;
    Ok(Some(name))
}

/// Beside the data, for people.
fn note(text: &str) -> Result<(), Failure> {
    let mut err = anstream::stderr().lock();
    writeln!(err, "{}", show::harmless(text)).map_err(Failure::from)
}

const NOT_A_TRACE: &str = "record one with `linger trace summary http://HOST:PORT`, or with \
    `curl -o FILE 'http://HOST:PORT/debug/pprof/trace?seconds=1'`";

fn refused(obtained: &Obtained, error: &Error) -> Failure {
    let failure = Failure::new(format!("{}: {error}", obtained.name));
    match next_step(error) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// What the user can do about a refusal.
fn next_step(error: &Error) -> Option<&'static str> {
    match error {
        Error::NotATrace { .. } => Some(NOT_A_TRACE),
        Error::OldFormat { .. } => {
            Some("`go tool trace` opens it; linger reads traces of programs built by Go 1.22 or newer")
        }
        Error::UnknownVersion { .. } => {
            Some("a newer linger may know it; `go tool trace` of that Go opens it")
        }
        Error::Limit { .. } => Some("a shorter trace stays within: --seconds 1"),
        Error::Format { .. } | Error::Events { .. } => {
            Some("was it copied as bytes and not as text? what came before that place is true")
        }
        _ => None,
    }
}
