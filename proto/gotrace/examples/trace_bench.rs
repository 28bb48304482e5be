//! Reads a trace for the scripts of tests/bench/trace, which compare it with Go's own reader:
//!
//!     trace_bench lines FILE            one line an event, as inside/lines.go writes them
//!     trace_bench order MILLIS FILE     nanoseconds of CPU time to read it, the best of as many as fit
//!     trace_bench summary MILLIS FILE   the same, with the full summary
//!     trace_bench once-order FILE       peak memory of reading it once, in KiB
//!     trace_bench once-summary FILE     the same, with the full summary
//!     trace_bench show FILE             the summary

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::time::{Duration, Instant};
use std::{env, process};

use linger_gotrace::event::{Cause, Edge, Event, GcPhase, ProcCause, StackRef, State, StringRef, What};
use linger_gotrace::summary::{Summarizer, Summary};
use linger_gotrace::{Error, GenerationStart, Observer, Options, Read, Scene, Spooled, read};

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match *args {
        ["lines", file] => lines(file),
        ["order", millis, file] => best_of(millis, || with(file, &mut Count::default()).map(drop)),
        ["summary", millis, file] => best_of(millis, || summary(file).map(drop)),
        ["once-summary", file] => once(|| summary(file).map(drop)),
        ["show", file] => summary(file).map(|(read, summary)| println!("{read:#?}\n{summary:#?}")),
        ["once-order", file] => once(|| with(file, &mut Count::default()).map(drop)),
        _ => Err(io::Error::other("see the head of its source")),
    };
    if let Err(e) = done {
        eprintln!("trace_bench: {e}");
        process::exit(1);
    }
}

fn with<O: Observer>(file: &str, observer: &mut O) -> io::Result<Read> {
    let spooled = Spooled::new(File::open(file)?)?;
    read(&spooled, &Options::default(), observer).map_err(io::Error::other)
}

fn summary(file: &str) -> io::Result<(Read, Summary)> {
    let mut summarizer = Summarizer::new();
    let read = with(file, &mut summarizer)?;
    Ok((read, summarizer.finish(Some(read.end))))
}

/// What any reader does with an event at least: take note that it was there.
#[derive(Default)]
struct Count {
    events: u64,
    times: u64,
}

impl Observer for Count {
    fn generation(&mut self, _: &GenerationStart, _: &Scene<'_>) {}

    #[inline(always)]
    fn event(&mut self, event: &Event, _: &Scene<'_>) {
        self.events += 1;
        self.times ^= event.time.0 ^ event.goroutine.0 ^ u64::from(event.what.kind());
    }
}

/// CPU time measured at once: the kernel's count of it is only as fine as its ticks.
const BLOCK_NS: u64 = 60_000_000;

/// Nanoseconds of CPU time a round: the best mean of blocks of rounds.
fn best_of(millis: &str, mut each: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    let span = Duration::from_millis(millis.parse().map_err(io::Error::other)?);
    each()?;
    let (begun, mut best) = (Instant::now(), u64::MAX);
    while best == u64::MAX || begun.elapsed() < span {
        let (before, mut rounds, mut used) = (cpu_ns()?, 0, 0);
        while used < BLOCK_NS {
            each()?;
            rounds += 1;
            used = cpu_ns()? - before;
        }
        best = best.min(used / rounds);
    }
    println!("{best}");
    Ok(())
}

/// CPU time of this thread, the only one.
fn cpu_ns() -> io::Result<u64> {
    let stat = fs::read_to_string("/proc/self/schedstat")?;
    stat.split_whitespace().next().and_then(|ns| ns.parse().ok()).ok_or(io::ErrorKind::InvalidData.into())
}

fn once(each: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    each()?;
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("");
    println!("{}", peak.trim_start().trim_end_matches(" kB"));
    Ok(())
}

fn lines(file: &str) -> io::Result<()> {
    let mut lines =
        Lines { out: BufWriter::with_capacity(1 << 20, io::stdout().lock()), failed: None, units: 1 };
    let spooled = Spooled::new(File::open(file)?)?;
    let mut options = Options::default();
    options.refuse_cuts = true;
    let done: Result<Read, Error> = read(&spooled, &options, &mut lines);
    if let Err(e) = done {
        eprintln!("{e}");
        writeln!(lines.out, "error")?;
    }
    lines.out.flush()?;
    lines.failed.map_or(Ok(()), Err)
}

struct Lines<W> {
    out: W,
    failed: Option<io::Error>,
    units: u64,
}

impl<W: Write> Observer for Lines<W> {
    fn generation(&mut self, _: &GenerationStart, scene: &Scene<'_>) {
        self.units = scene.tables.units_per_second();
    }

    fn event(&mut self, event: &Event, scene: &Scene<'_>) {
        if let Err(e) = self.line(event, scene) {
            self.failed = Some(e);
        }
    }
}

/// Go's numbers are signed.
fn signed(id: u64) -> i64 {
    id.cast_signed()
}

impl<W: Write> Lines<W> {
    fn line(&mut self, event: &Event, scene: &Scene<'_>) -> io::Result<()> {
        let ns = i128::from(event.time.0) * 1_000_000_000 / i128::from(self.units);
        let ids = [event.thread.0, event.proc.0, event.goroutine.0].map(signed);
        write!(self.out, "{} {} {} {} {ns} ", event.what.kind(), ids[0], ids[1], ids[2])?;
        self.stack(stack_of(&event.what), scene)?;
        self.details(&event.what, scene)?;
        writeln!(self.out)
    }

    fn details(&mut self, what: &What, scene: &Scene<'_>) -> io::Result<()> {
        let string = |s: StringRef| quoted(scene.tables.string(s).unwrap_or(b"?"));
        match what {
            What::Goroutine(t) => {
                let reason = match t.cause {
                    Cause::Block { reason } | Cause::Stop { reason } => reason,
                    _ => StringRef(0),
                };
                let (from, to) = (letter(t.from), letter(t.to));
                write!(self.out, " G{} {from}>{to} {}", signed(t.id.0), string(reason))?;
                match t.cause {
                    Cause::Create { entry } if entry.0 != 0 => {
                        write!(self.out, " ")?;
                        self.stack(entry, scene)
                    }
                    _ => Ok(()),
                }
            }
            What::Proc { proc, .. } => write!(self.out, " P{}", signed(proc.0)),
            What::StwBegin { kind, .. } | What::StwEnd { kind } => {
                write!(self.out, " {}", quoted(scene.names.text(*kind)))
            }
            What::Gc {
                phase: GcPhase::Sweep { swept_bytes, reclaimed_bytes, .. }, edge: Edge::End, ..
            } => {
                write!(self.out, " {swept_bytes} {reclaimed_bytes}")
            }
            What::HeapAlloc { bytes } | What::HeapGoal { bytes } => write!(self.out, " {bytes}"),
            What::Procs { count, .. } => write!(self.out, " {count}"),
            What::Label { label } => write!(self.out, " {}", string(*label)),
            What::TaskBegin { task, name, .. }
            | What::TaskEnd { task, name, .. }
            | What::RegionBegin { task, name, .. }
            | What::RegionEnd { task, name, .. } => {
                write!(self.out, " T{} {}", task.0, quoted(scene.names.text(*name)))
            }
            What::Log { task, key, value, .. } => {
                write!(self.out, " T{} {} {}", task.0, string(*key), string(*value))
            }
            _ => Ok(()),
        }
    }

    fn stack(&mut self, stack: StackRef, scene: &Scene<'_>) -> io::Result<()> {
        if stack.0 == 0 {
            return write!(self.out, "-");
        }
        let frames = scene.tables.stack(stack).unwrap_or(&[]);
        let hash = frames.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, frame| {
            (hash ^ frame.pc).wrapping_mul(0x0000_0100_0000_01b3)
        });
        write!(self.out, "{}:{hash:x}", frames.len())
    }
}

fn stack_of(what: &What) -> StackRef {
    match what {
        What::Goroutine(transition) => transition.stack,
        What::Procs { stack, .. }
        | What::StwBegin { stack, .. }
        | What::Gc { stack, .. }
        | What::TaskBegin { stack, .. }
        | What::TaskEnd { stack, .. }
        | What::RegionBegin { stack, .. }
        | What::RegionEnd { stack, .. }
        | What::Log { stack, .. }
        | What::CpuSample { stack } => *stack,
        What::Proc { cause: ProcCause::Status(_), .. } => StackRef(0),
        _ => StackRef(0),
    }
}

fn letter(state: State) -> char {
    match state {
        State::Unknown => 'U',
        State::Gone => 'N',
        State::Runnable => 'R',
        State::Running => 'X',
        State::Waiting => 'W',
        State::Syscall => 'S',
    }
}

/// As Go quotes; the traces that are compared hold no text for which the two languages differ.
fn quoted(text: &[u8]) -> String {
    format!("{:?}", String::from_utf8_lossy(text))
}
