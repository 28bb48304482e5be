//! `linger audit BINARY`: reads the files, asks, prints, and fails where that was asked for. What a refusal's next
//! step is stands here; what was wrong stands in the refusal.

use super::args::{AuditArgs, AuditedKind};
use super::failure::Failure;
use super::{FAILED, OK, print};
use crate::audit::{Baseline, Question, audit};
use crate::show;
use linger_gobin::audit::DeferKind;
use linger_gobin::{Binary, Error, Format};
use std::fs;
use std::path::Path;

/// Largest program read, all of it into memory: 25 times Caddy with its debug information.
const BINARY_BYTES_MAX: u64 = 2 << 30;

/// What a baseline is written of when nothing else is asked for.
const LOOP: [DeferKind; 2] = [DeferKind::Heap, DeferKind::Range];

pub(super) fn run(args: &AuditArgs) -> Result<u8, Failure> {
    let path = args.binary.display().to_string();
    let bytes = read(&args.binary, BINARY_BYTES_MAX)?;
    let binary = Binary::read(&bytes).map_err(|error| refused(&path, &error))?;
    let fail_on = kinds(&args.fail_on);
    let mut question = Question { only: kinds(&args.only), package: args.package.clone(), fail_on };
    if let Some(file) = &args.write_baseline {
        if question.fail_on.is_empty() {
            question.fail_on = LOOP.to_vec();
        }
        return write_baseline(file, &path, &binary, &question);
    }
    let baseline = args.baseline.as_deref().map(baseline).transpose()?;
    let report = audit(&path, &binary, &question, baseline.as_ref()).map_err(|e| refused(&path, &e))?;
    print::report(&report, args.output, || show::audit(&report, &print::screen()))?;
    Ok(if report.failures() > 0 { FAILED } else { OK })
}

fn kinds(asked: &[AuditedKind]) -> Vec<DeferKind> {
    let mut kinds: Vec<DeferKind> = Vec::new();
    for kind in asked {
        match kind {
            AuditedKind::Loop => kinds.extend(LOOP),
            AuditedKind::Heap => kinds.push(DeferKind::Heap),
            AuditedKind::Range => kinds.push(DeferKind::Range),
            AuditedKind::Stack => kinds.push(DeferKind::Stack),
            AuditedKind::Open => kinds.push(DeferKind::Open),
        }
    }
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

fn baseline(file: &Path) -> Result<Baseline, Failure> {
    let bytes = read(file, crate::audit::BASELINE_BYTES_MAX)?;
    let name = file.display().to_string();
    let text = String::from_utf8(bytes).map_err(|_| Failure::new(format!("{name}: not text")))?;
    Baseline::parse(&name, &text).map_err(|error| {
        Failure::new(format!("{name}: {error}")).hint("linger audit BINARY --write-baseline FILE writes one")
    })
}

/// Adds what fails; a file that is there has to be a baseline.
fn write_baseline(file: &Path, path: &str, binary: &Binary<'_>, question: &Question) -> Result<u8, Failure> {
    let name = file.display();
    let mut known = if file.exists() { baseline(file)? } else { Baseline::default() };
    let report = audit(path, binary, question, None).map_err(|e| refused(path, &e))?;
    let failing = report.defers.into_iter().filter(|defer| defer.fails);
    let statements = failing.filter_map(|defer| {
        let kind = question.fail_on.iter().find(|kind| kind.name() == defer.kind)?;
        Some((*kind, defer.site))
    });
    let added = known.add(statements);
    fs::write(file, known.text()).map_err(|e| Failure::new(format!("{name}: {e}")))?;
    let (all, without) = (known.len(), known.without_reason());
    let mut said = format!("{name}: {added} added, {all} in all");
    if without > 0 {
        said += &format!("; {without} without a reason yet: write it behind the #");
    }
    print::text(&format!("{said}\n"))?;
    Ok(OK)
}

fn read(file: &Path, bytes_max: u64) -> Result<Vec<u8>, Failure> {
    let name = file.display();
    let failed = |e: std::io::Error| {
        let failure = Failure::new(format!("{name}: {e}"));
        match e.kind() {
            std::io::ErrorKind::PermissionDenied if file.starts_with("/proc") => {
                failure.hint("run as the user of the process; in a pod, share its process namespace")
            }
            std::io::ErrorKind::NotFound => {
                failure.hint("name the program's file; `which NAME` finds one on the path")
            }
            _ => failure,
        }
    };
    let about = fs::metadata(file).map_err(failed)?;
    if about.is_dir() {
        let failure = Failure::new(format!("{name}: a folder"));
        return Err(failure.hint("name the program in it, as `go build -o FILE` wrote it"));
    }
    // A pipe or a device could go on for ever.
    if !about.is_file() {
        return Err(Failure::new(format!("{name}: not a file")));
    }
    if about.len() > bytes_max {
        return Err(Failure::new(format!("{name}: larger than {} MiB", bytes_max >> 20)));
    }
    fs::read(file).map_err(failed)
}

fn refused(path: &str, error: &Error) -> Failure {
    let failure = Failure::new(format!("{path}: {error}"));
    match next_step(error) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// What the user can do about a refusal.
fn next_step(error: &Error) -> Option<String> {
    let step = match error {
        Error::NotElf { format: Format::MachO | Format::Pe } => {
            "build it for Linux and audit that: GOOS=linux go build; its defers are the same"
        }
        Error::NotElf { format: Format::Script } => "audit the program that the script starts",
        Error::NotElf { format: Format::Wasm } | Error::Machine { .. } => {
            "build it for a machine that is read and audit that: GOOS=linux GOARCH=amd64 go build; its defers are the same"
        }
        Error::NotElf { format: Format::Compressed } => "unpack it and audit the program in it",
        Error::NotElf { .. } | Error::NotAProgram { .. } => {
            "name the program, as `go build -o FILE` wrote it"
        }
        Error::NotGo => {
            "name the service's own program; of a running one, /proc/PID/exe; one packed by upx has to be unpacked first"
        }
        Error::NoVersion | Error::TooOld { .. } => "build it with Go 1.21 or newer",
        Error::TooNew { .. } => "a newer linger may know it; to audit today, build it with an older Go",
        Error::Missing { .. } | Error::Damaged { .. } => {
            "is the file whole, and not packed (as by upx)? unpack it, or audit it as `go build` wrote it"
        }
        _ => return None,
    };
    Some(step.to_owned())
}
