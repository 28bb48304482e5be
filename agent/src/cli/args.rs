//! Every command and option, with the help that teaches them.

use super::access::{AccessArgs, TargetAccessArgs};
use super::{help, moment};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// Longest time a one-shot look may take: beyond, an agent is the tool.
const WATCH_MAX: Duration = Duration::from_secs(24 * 3_600);

/// Largest factor by which time can be shortened: a day in a second and a half.
const TIME_SCALE_MAX: f64 = 60_000.0;

/// Most sites listed: the limit of sites kept for one target, times five.
const LIMIT_MAX: u64 = 1_000;

/// Longest trace asked of a service: a busy core writes 10 MB a second.
const TRACE_SECONDS_MAX: u64 = 60;

#[derive(Debug, Parser)]
#[command(name = "linger", version, about = help::ABOUT, long_about = help::LONG_ABOUT, after_help = help::EXITS)]
#[command(arg_required_else_help = true, subcommand_required = true)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Watch services: scrape, store, judge, serve the answers
    #[command(after_help = help::AGENT)]
    Agent(AgentArgs),
    /// Look at one service now and say what stands out; stores nothing
    #[command(after_help = help::SCRAPE)]
    Scrape(ScrapeArgs),
    /// Is everything watched, how far back, at what cost, and what to do where it is not
    #[command(after_help = help::STATUS)]
    Status(ReadArgs),
    /// Which goroutines grow: where, since when, blocked on what
    #[command(after_help = help::TREND)]
    Trend(SitesArgs),
    /// Which deferred calls pile up, at which line, how fast; and which run
    #[command(after_help = help::DEFERS)]
    Defers(DefersArgs),
    /// Read stored series by selector
    #[command(after_help = help::QUERY)]
    Query(QueryArgs),
    /// One verdict for monitors and probes, as a Nagios plugin
    #[command(after_help = help::CHECK)]
    Check(CheckArgs),
    /// Every defer statement of a Go program, those in loops first: from the binary alone, stripped or not
    #[command(after_help = help::AUDIT)]
    Audit(AuditArgs),
    /// Execution traces: what happened in one, and how it opens in a viewer
    #[command(subcommand)]
    Trace(TraceCommand),
    /// Work with configuration files
    #[command(subcommand)]
    Config(ConfigCommand),
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Read a configuration and show every fault in it at once
    #[command(after_help = help::CONFIG_CHECK)]
    Check {
        /// The file
        file: PathBuf,
        /// Judge its text alone: neither the files it names for secrets and certificates nor those of `file_sd`
        #[arg(long)]
        text_only: bool,
    },
    /// Show the configuration in effect: every value, and where it comes from
    #[command(after_help = help::CONFIG_SHOW)]
    Show(ShowArgs),
    /// Print the JSON Schema of the file, for editors
    #[command(after_help = help::CONFIG_SCHEMA)]
    Schema,
}

#[derive(Debug, Subcommand)]
pub(super) enum TraceCommand {
    /// Who was born and died, who never moved, where time went, what the runtime did: of one trace, as tables
    #[command(after_help = help::TRACE_SUMMARY)]
    Summary(TraceSummaryArgs),
    /// Write a trace for ui.perfetto.dev, or as it is for `go tool trace`
    #[command(after_help = help::TRACE_EXPORT)]
    Export(TraceExportArgs),
    /// The traces that an agent kept
    #[command(after_help = help::TRACE_LIST)]
    List(TraceListArgs),
}

/// What can be said without a file, and which file.
#[derive(Clone, Debug, Args)]
pub struct SettingsArgs {
    /// Configuration file (YAML); what stands here on the command line wins over it [env: LINGER_CONFIG]
    // The variables are read by linger-config, which knows where each value comes from.
    #[arg(long, short, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder of the store [default: $STATE_DIRECTORY, else linger in the XDG state folder] [env: LINGER_DATA]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Where the answers are served [default: 127.0.0.1:6262] [env: LINGER_LISTEN]
    #[arg(long, value_name = "ADDR:PORT|unix:PATH")]
    pub listen: Option<String>,
    /// Where /metrics and /-/healthy are served, and nothing else [default: nowhere] [env: LINGER_METRICS_LISTEN]
    #[arg(long, value_name = "ADDR:PORT")]
    pub metrics_listen: Option<String>,
}

/// `linger config show`.
#[derive(Clone, Debug, Args)]
pub(super) struct ShowArgs {
    /// The file [env: LINGER_CONFIG]
    #[arg(conflicts_with = "config")]
    pub(super) file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) settings: SettingsArgs,
    /// YAML that reads back, or JSON
    #[arg(long, short, value_enum, default_value = "table")]
    pub(super) output: Output,
}

/// `linger agent`.
#[derive(Clone, Debug, Args)]
pub struct AgentArgs {
    /// Services to watch, `http://127.0.0.1:6060`, `https://…` or `unix:///run/api.sock`; a path prefix is allowed
    /// [env: LINGER_TARGETS, with spaces between]
    #[arg(value_name = "URL")]
    pub urls: Vec<String>,
    /// What a file may say as well
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// Divide every interval and window by N (for tests and demonstrations)
    #[arg(long, value_name = "N", default_value = "1", value_parser = time_scale, hide_short_help = true)]
    pub time_scale: f64,
}

/// `linger scrape`.
#[derive(Clone, Debug, Args)]
pub struct ScrapeArgs {
    /// The service, `http://127.0.0.1:6060`, `https://…` or `unix:///run/api.sock`; a path prefix is allowed
    pub url: String,
    /// How long to watch: longer sees slower growth
    #[arg(long = "for", value_name = "TIME", default_value = "30s", value_parser = watch_time)]
    pub watch: Duration,
    #[command(flatten)]
    pub(super) access: TargetAccessArgs,
    #[arg(long, short, value_enum, default_value = "table", help = help::OUTPUT)]
    pub(super) output: Output,
}

/// What every reading command takes.
#[derive(Clone, Debug, Args)]
pub(super) struct ReadArgs {
    /// The agent to ask; also `https://…` or `unix:/run/linger.sock` [env: LINGER_SERVER] [default: http://127.0.0.1:6262]
    // The variable is read in `read.rs`: for clap it would conflict with --data as if it had been typed.
    #[arg(long, value_name = "URL", conflicts_with = "data")]
    pub(super) server: Option<String>,
    /// Read this folder instead; the agent that holds it is asked if it runs
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    #[command(flatten)]
    pub(super) access: AccessArgs,
    #[arg(long, short, value_enum, default_value = "table", help = help::OUTPUT)]
    pub(super) output: Output,
}

/// A range of time.
#[derive(Clone, Debug, Args)]
pub(super) struct RangeArgs {
    /// Start of the range
    #[arg(long, value_name = "TIME", default_value = "now-1h", allow_hyphen_values = true, long_help = format!("Start of the range: {}", moment::FORMS))]
    pub(super) from: String,
    /// End of the range
    #[arg(long, value_name = "TIME", default_value = "now", allow_hyphen_values = true)]
    pub(super) to: String,
}

/// `linger trend`, and what `linger defers` takes too.
#[derive(Clone, Debug, Args)]
pub(super) struct SitesArgs {
    /// Target by name; all of them when left out
    pub(super) target: Option<String>,
    #[command(flatten)]
    pub(super) range: RangeArgs,
    /// Sites to list for each target
    #[arg(long, value_name = "N", default_value = "20", value_parser = clap::value_parser!(u64).range(1..=LIMIT_MAX))]
    pub(super) limit: u64,
    #[command(flatten)]
    pub(super) read: ReadArgs,
}

/// `linger defers`.
#[derive(Clone, Debug, Args)]
pub(super) struct DefersArgs {
    /// Only what is pending at this site, and who holds it with their stacks: a function, FILE:LINE, or the site as
    /// JSON names it; with * and ?
    #[arg(long, value_name = "SITE", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(super) site: Option<String>,
    #[command(flatten)]
    pub(super) sites: SitesArgs,
}

/// `linger query`.
#[derive(Clone, Debug, Args)]
pub(super) struct QueryArgs {
    /// Selector in Prometheus' syntax: name{label="v", other=~"a|b"}
    pub(super) selector: String,
    #[command(flatten)]
    pub(super) range: RangeArgs,
    #[command(flatten)]
    pub(super) read: ReadArgs,
}

/// `linger check`.
#[derive(Clone, Debug, Args)]
pub(super) struct CheckArgs {
    /// What to look at
    #[arg(value_enum, default_value = "all")]
    pub(super) subject: Subject,
    /// Target by name; all of them when left out
    pub(super) target: Option<String>,
    #[command(flatten)]
    pub(super) read: ReadArgs,
}

/// `linger audit`.
#[derive(Clone, Debug, Args)]
pub(super) struct AuditArgs {
    /// The program: an ELF file built by Go 1.21 to 1.27 for amd64 or arm64; of a running one, /proc/PID/exe
    pub(super) binary: PathBuf,
    /// Only statements of this kind (repeatable)
    #[arg(long, value_name = "KIND", value_enum)]
    pub(super) only: Vec<AuditedKind>,
    /// Only statements of packages whose import path matches, with `*` and `?`: 'example.com/shop/*'
    #[arg(long, value_name = "GLOB")]
    pub(super) package: Option<String>,
    /// Exit with 1 when there is a statement of this kind (repeatable) that is not in the baseline: among the
    /// packages of --package, else among those of the main module
    #[arg(long, value_name = "KIND", value_enum)]
    pub(super) fail_on: Vec<AuditedKind>,
    /// Statements that are known, each with a reason
    #[arg(long, value_name = "FILE")]
    pub(super) baseline: Option<PathBuf>,
    /// Write what --fail-on (or else `loop`) finds into this baseline; reasons already in it stay
    #[arg(long, value_name = "FILE", conflicts_with = "baseline")]
    pub(super) write_baseline: Option<PathBuf>,
    #[arg(long, short, value_enum, default_value = "table", help = help::OUTPUT)]
    pub(super) output: Output,
}

/// Where a trace is from.
#[derive(Clone, Debug, Args)]
pub(super) struct TraceSourceArgs {
    /// A file, also gzipped, `-` for standard input; or a service, `http://127.0.0.1:6060`, that is asked to record
    /// now; or the whole address of an endpoint; or a target of an agent, whose newest kept trace is taken
    #[arg(value_name = "FILE|URL|TARGET")]
    pub(super) source: String,
    /// Seconds a service records
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u64).range(1..=TRACE_SECONDS_MAX))]
    pub(super) seconds: u64,
    /// Most bytes taken of a trace that is not a plain file; a larger one is cut there, and that is said
    #[arg(long, value_name = "SIZE", default_value = "256MiB")]
    pub(super) max_bytes: linger_config::Bytes,
    /// The agent to ask for a target's trace [env: LINGER_SERVER] [default: http://127.0.0.1:6262]
    #[arg(long, value_name = "URL", conflicts_with = "data")]
    pub(super) server: Option<String>,
    /// Take a target's trace from this folder; the agent that holds it is asked if it runs
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// The kept trace with this id instead of the newest; `linger trace list` shows them
    #[arg(long, value_name = "ID")]
    pub(super) id: Option<String>,
    #[command(flatten)]
    pub(super) access: TargetAccessArgs,
}

/// `linger trace list`.
#[derive(Clone, Debug, Args)]
pub(super) struct TraceListArgs {
    /// Target by name; all of them when left out
    pub(super) target: Option<String>,
    #[command(flatten)]
    pub(super) read: ReadArgs,
}

/// `linger trace summary`.
#[derive(Clone, Debug, Args)]
pub(super) struct TraceSummaryArgs {
    #[command(flatten)]
    pub(super) trace: TraceSourceArgs,
    /// Rows of each list
    #[arg(long, value_name = "N", default_value = "10", value_parser = clap::value_parser!(u64).range(1..=LIMIT_MAX))]
    pub(super) limit: u64,
    #[arg(long, short, value_enum, default_value = "table", help = help::OUTPUT)]
    pub(super) output: Output,
}

/// `linger trace export`.
#[derive(Clone, Debug, Args)]
pub(super) struct TraceExportArgs {
    #[command(flatten)]
    pub(super) trace: TraceSourceArgs,
    /// What to write
    #[arg(long, value_enum, default_value = "chrome")]
    pub(super) format: TraceFormat,
    /// File to write, gzipped when its name ends in .gz; standard output, unless that is a terminal, when left out
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

/// A form of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum TraceFormat {
    /// Chrome's JSON trace events: opens in ui.perfetto.dev and in chrome://tracing
    Chrome,
    /// As the service wrote it: opens in `go tool trace`
    Raw,
}

/// Which statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum AuditedKind {
    /// In a loop: heap and range
    Loop,
    /// A record on the heap with each turn of a loop
    Heap,
    /// In a loop over a function, for … range f
    Range,
    /// A record on the stack
    Stack,
    /// No record: a bit in the function's frame
    Open,
}

/// What `check` looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Subject {
    /// Agent, targets and every threshold
    All,
    /// Only that the agent runs (for liveness probes)
    Agent,
    /// Thresholds on goroutines
    Goroutines,
    /// Thresholds on defers
    Defers,
}

/// How an answer is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// For people; in a pipe one plain line each
    Table,
    /// For programs: stable, exact, `"version": 1`
    Json,
}

fn time_scale(text: &str) -> Result<f64, String> {
    let scale: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (1.0..=TIME_SCALE_MAX).contains(&scale) {
        Ok(scale)
    } else {
        Err(format!("must be 1 to {TIME_SCALE_MAX}"))
    }
}

fn watch_time(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|e| format!("{e}; write 30s, 5m or 1h30m"))?;
    if (Duration::from_secs(1)..=WATCH_MAX).contains(&time) {
        Ok(time)
    } else {
        Err("must be 1s to 24h".into())
    }
}
