//! What is collected from a target, how often and within which limits.
//!
//! The defaults and the least intervals follow what each endpoint was measured to cost the service. How settings
//! for all targets and for one are read and laid over each other is in [`said`].

mod keys;
mod method;
mod said;

pub(crate) use keys::COLLECTORS;
pub use method::Method;
pub(crate) use said::Said;

use crate::access::as_map;
use crate::header::HeaderValue;
use crate::nearest::nearest;
use crate::read::NotThis;
use crate::{Bytes, Duration, TimeScale};
use serde::Serialize;
use std::fmt;

/// One of the things collected. The order is that of the documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CollectorKind {
    /// The number of goroutines, from the index page.
    Count,
    /// All goroutines by stack, `debug=0`.
    Goroutine,
    /// The heap profile and memory statistics.
    Heap,
    /// The mutex profile.
    Mutex,
    /// The block profile.
    Block,
    /// A CPU profile over a window.
    Cpu,
    /// An execution trace over a window.
    Trace,
    /// Every pending defer, read from the memory of the service's process.
    Defers,
}

impl CollectorKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Count,
        Self::Goroutine,
        Self::Heap,
        Self::Mutex,
        Self::Block,
        Self::Cpu,
        Self::Trace,
        Self::Defers,
    ];

    /// The name in the configuration, in labels and in messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Goroutine => "goroutine",
            Self::Heap => "heap",
            Self::Mutex => "mutex",
            Self::Block => "block",
            Self::Cpu => "cpu",
            Self::Trace => "trace",
            Self::Defers => "defers",
        }
    }

    /// Whether the service is asked for it. The others are read beside it, from its process.
    #[must_use]
    pub const fn is_requested(self) -> bool {
        !matches!(self, Self::Defers)
    }

    /// Whether the service records over a window that the request asks for.
    #[must_use]
    pub const fn has_window(self) -> bool {
        matches!(self, Self::Cpu | Self::Trace)
    }

    /// Whether the request may be another than net/http/pprof's: services hand out traces of a flight recorder of their
    /// own.
    #[must_use]
    pub const fn has_own_request(self) -> bool {
        matches!(self, Self::Trace)
    }

    /// Least interval: below it scraping itself becomes a load.
    const fn every_min(self) -> Duration {
        Duration::from_secs(match self {
            Self::Count | Self::Goroutine => 1,
            Self::Heap | Self::Mutex | Self::Block | Self::Defers => 5,
            Self::Cpu => 10,
            Self::Trace => 30,
        })
    }

    /// Longest window: a trace grows by megabytes a second, and a server's write timeout cuts long answers.
    const fn window_max(self) -> Duration {
        Duration::from_secs(match self {
            Self::Trace => 10,
            _ => 60,
        })
    }
}

impl fmt::Display for CollectorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Longest interval: a day without a value tells nothing about growth.
const EVERY_MAX: Duration = Duration::from_secs(86_400);

/// Shortest window and the step of windows: `seconds=` is a whole number.
const WINDOW_MIN: Duration = Duration::from_secs(1);

/// Shortest interval after scaling; it bounds how busy a time scale can make the agent.
const SCALED_EVERY_MIN: Duration = Duration::from_millis(10);

/// Time given to an answer beyond its window.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Time some services sleep before they answer with a mutex or block profile (VictoriaMetrics: 10 s).
const ASLEEP: Duration = Duration::from_secs(10);

/// Shortest timeout: a loaded service answers later than this without being down.
const TIMEOUT_MIN: Duration = Duration::from_millis(100);

/// Longest timeout: a request that hangs holds the target's only place for requests.
const TIMEOUT_MAX: Duration = Duration::from_secs(300);

/// Smallest body limit: the least index page has half of it.
const BODY_BYTES_MIN: Bytes = Bytes::new(4096);

/// Body limit by default: real profiles have 1 to 25 KB and inflate to some hundred, the largest seen to 7 MB; a trace of
/// a second has up to 4 MB.
const BODY_BYTES: Bytes = Bytes::mib(8);

/// Largest body limit: bodies are held in memory while they are decoded.
const BODY_BYTES_MAX: Bytes = Bytes::mib(64);

/// How one thing is collected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Collector {
    /// Whether it is collected at all.
    pub enabled: bool,
    /// Time from the start of one scrape to the next.
    pub every: Duration,
    /// Time to the last byte of the answer, its window included.
    pub timeout: Duration,
    /// How long the service records, in whole seconds; only for `cpu` and `trace`, and always for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<Duration>,
    /// What the service is asked; for all kinds but those that are read beside it.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub request: Option<Endpoint>,
}

/// What a service is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Endpoint {
    /// Path on the service, after the prefix of its address.
    pub path: String,
    /// How it is asked; only said of kinds with a request of their own, GET otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    /// Headers of these requests alone, over those of the target; only of kinds with a request of their own.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "as_map")]
    pub headers: Vec<(String, HeaderValue)>,
    /// Largest body read, as it comes and once it is inflated.
    pub body_bytes_max: Bytes,
}

impl Collector {
    /// The defaults of `kind`.
    #[must_use]
    pub fn default_of(kind: CollectorKind) -> Self {
        use CollectorKind::{Block, Count, Cpu, Defers, Goroutine, Heap, Mutex, Trace};
        let (every_s, window_s, path) = match kind {
            Count => (5, None, Some("/debug/pprof/")),
            Goroutine => (15, None, Some("/debug/pprof/goroutine")),
            Heap => (60, None, Some("/debug/pprof/heap")),
            Mutex => (60, None, Some("/debug/pprof/mutex")),
            Block => (60, None, Some("/debug/pprof/block")),
            Cpu => (60, Some(5), Some("/debug/pprof/profile")),
            Trace => (600, Some(1), Some("/debug/pprof/trace")),
            Defers => (15, None, None),
        };
        let window = window_s.map(Duration::from_secs);
        Self {
            enabled: true,
            every: Duration::from_secs(every_s),
            timeout: timeout_of(kind, window),
            window,
            request: path.map(|path| Endpoint {
                path: path.to_owned(),
                method: kind.has_own_request().then(Method::default),
                headers: Vec::new(),
                body_bytes_max: BODY_BYTES,
            }),
        }
    }

    fn scaled(&self, by: TimeScale) -> Self {
        let window = self.window.map(|window| {
            let whole_seconds = window.shorter(by).as_millis() / 1000;
            Duration::from_secs(whole_seconds).max(WINDOW_MIN)
        });
        let every = self.every.shorter(by).max(SCALED_EVERY_MIN);
        // Recording must leave as much time again for everything else.
        let every = window.map_or(every, |window| every.max(window.plus(window)));
        Self { every, window, ..self.clone() }
    }
}

fn timeout_of(kind: CollectorKind, window: Option<Duration>) -> Duration {
    let asleep = match kind {
        CollectorKind::Mutex | CollectorKind::Block => ASLEEP,
        _ => Duration::from_secs(0),
    };
    window.map_or(TIMEOUT, |window| window.plus(TIMEOUT)).plus(asleep)
}

/// How everything is collected from one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "each field is the collector of the kind it is named after")]
pub struct Collectors {
    pub count: Collector,
    pub goroutine: Collector,
    pub heap: Collector,
    pub mutex: Collector,
    pub block: Collector,
    pub cpu: Collector,
    pub trace: Collector,
    pub defers: Collector,
}

impl Default for Collectors {
    fn default() -> Self {
        Self::each(Collector::default_of)
    }
}

impl Collectors {
    fn each(mut of: impl FnMut(CollectorKind) -> Collector) -> Self {
        Self {
            count: of(CollectorKind::Count),
            goroutine: of(CollectorKind::Goroutine),
            heap: of(CollectorKind::Heap),
            mutex: of(CollectorKind::Mutex),
            block: of(CollectorKind::Block),
            cpu: of(CollectorKind::Cpu),
            trace: of(CollectorKind::Trace),
            defers: of(CollectorKind::Defers),
        }
    }

    /// The collector of `kind`.
    #[must_use]
    pub const fn get(&self, kind: CollectorKind) -> &Collector {
        match kind {
            CollectorKind::Count => &self.count,
            CollectorKind::Goroutine => &self.goroutine,
            CollectorKind::Heap => &self.heap,
            CollectorKind::Mutex => &self.mutex,
            CollectorKind::Block => &self.block,
            CollectorKind::Cpu => &self.cpu,
            CollectorKind::Trace => &self.trace,
            CollectorKind::Defers => &self.defers,
        }
    }

    /// The collector of `kind`, to change it.
    pub const fn get_mut(&mut self, kind: CollectorKind) -> &mut Collector {
        match kind {
            CollectorKind::Count => &mut self.count,
            CollectorKind::Goroutine => &mut self.goroutine,
            CollectorKind::Heap => &mut self.heap,
            CollectorKind::Mutex => &mut self.mutex,
            CollectorKind::Block => &mut self.block,
            CollectorKind::Cpu => &mut self.cpu,
            CollectorKind::Trace => &mut self.trace,
            CollectorKind::Defers => &mut self.defers,
        }
    }

    /// Each kind with its collector, those not enabled included.
    pub fn iter(&self) -> impl Iterator<Item = (CollectorKind, &Collector)> {
        CollectorKind::ALL.into_iter().map(|kind| (kind, self.get(kind)))
    }

    pub(crate) fn scaled(&self, by: TimeScale) -> Self {
        Self::each(|kind| self.get(kind).scaled(by))
    }
}

/// The kind of collector a word names, or the nearest one.
impl std::str::FromStr for CollectorKind {
    type Err = NotThis;

    fn from_str(text: &str) -> Result<Self, NotThis> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
            let hint =
                nearest(text, Self::ALL.map(Self::as_str)).map(|meant| format!("did you mean `{meant}`?"));
            NotThis::new(
                "a collector: count, goroutine, heap, mutex, block, cpu, trace or defers",
                hint.unwrap_or_default(),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Collector, CollectorKind, Collectors};
    use crate::{Duration, TimeScale};

    #[test]
    fn each_kind_has_its_name_and_finds_itself() {
        for (kind, collector) in Collectors::default().iter() {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert_eq!(collector, &Collector::default_of(kind));
            assert_eq!(collector.window.is_some(), kind.has_window());
            assert_eq!(collector.request.is_some(), kind.is_requested());
            let method = collector.request.as_ref().and_then(|request| request.method);
            assert_eq!(method.is_some(), kind.has_own_request());
            assert!(collector.every >= kind.every_min(), "{kind}");
        }
        let e = "hep".parse::<CollectorKind>().unwrap_err();
        assert_eq!(e.hint, "did you mean `heap`?");
    }

    #[track_caller]
    fn check_scaled(kind: CollectorKind, by: f64, every: &str, window: Option<&str>) {
        let scaled = Collector::default_of(kind).scaled(TimeScale::new(by).unwrap());
        assert_eq!(scaled.every.to_string(), every);
        assert_eq!(scaled.window.map(|w| w.to_string()).as_deref(), window);
        assert_eq!(scaled.timeout, Collector::default_of(kind).timeout);
    }

    #[test]
    fn a_time_scale_shortens_but_windows_stay_whole_and_shorter_than_intervals() {
        check_scaled(CollectorKind::Count, 1.0, "5s", None);
        check_scaled(CollectorKind::Count, 60.0, "83ms", None);
        check_scaled(CollectorKind::Count, 10_000.0, "10ms", None);
        check_scaled(CollectorKind::Cpu, 2.0, "30s", Some("2s"));
        check_scaled(CollectorKind::Cpu, 60.0, "2s", Some("1s"));
        check_scaled(CollectorKind::Trace, 60.0, "10s", Some("1s"));
        let all = Collectors::default().scaled(TimeScale::new(5.0).unwrap());
        assert_eq!(all.goroutine.every, Duration::from_secs(3));
    }
}
