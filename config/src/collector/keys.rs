//! The keys of `collectors:` and of one collector in it.

use super::{
    BODY_BYTES_MAX, BODY_BYTES_MIN, Collector, CollectorKind, EVERY_MAX, Method, TIMEOUT_MAX, TIMEOUT_MIN,
    WINDOW_MIN,
};
use crate::header;
use crate::key::{AnyKey, Bounded, Describe, Json, Key, Section, Shaped, described, object, or_nothing};
use crate::read::{FromText, NotThis};
use crate::{Bytes, Duration};
use serde_json::{Value, to_value};

/// What is collected.
pub(crate) static COLLECTORS: Section = Section {
    name: "collectors",
    about: "What is collected, how often and within which limits.",
    object: || or_nothing(object(&kinds(), &Value::Null)),
};

/// The keys of `collectors:`.
pub(super) fn kinds() -> Vec<&'static AnyKey> {
    const { &CollectorKind::ALL }.iter().map(|kind| -> &AnyKey { kind }).collect()
}

impl Describe for CollectorKind {
    fn name(&self) -> &'static str {
        self.as_str()
    }

    fn schema(&self) -> Value {
        let (every, window) = (every(*self), window(*self));
        let mut keys: Vec<&AnyKey> = vec![&ENABLED, &every, &TIMEOUT];
        if self.is_requested() {
            keys.extend([&PATH as &AnyKey, &BODY]);
        }
        if self.has_own_request() {
            keys.extend([&METHOD as &AnyKey, &HEADERS]);
        }
        if self.has_window() {
            keys.push(&window);
        }
        let mut defaults = to_value(Collector::default_of(*self)).unwrap_or_default();
        if let (Value::Object(defaults), true) = (&mut defaults, self.has_window()) {
            // It follows the window.
            defaults.remove("timeout");
        }
        described(or_nothing(object(&keys, &defaults)), self.about())
    }
}

impl CollectorKind {
    /// What it tells.
    const fn about(self) -> &'static str {
        match self {
            Self::Count => {
                "The number of goroutines, from the index page: cheap at any number of goroutines."
            }
            Self::Goroutine => {
                "Goroutines by stack. Taken less often by itself when it costs the service more."
            }
            Self::Heap => {
                "The heap profile, where pending heap-allocated defers are seen, and memory statistics."
            }
            Self::Mutex => "Lock contention; empty unless the service calls runtime.SetMutexProfileFraction.",
            Self::Block => "Blocking; empty unless the service calls runtime.SetBlockProfileRate.",
            Self::Cpu => "A CPU profile over `window`.",
            Self::Trace => {
                "An execution trace over `window`: births and deaths of goroutines, where they are blocked and for how long."
            }
            Self::Defers => {
                "Every pending defer, read from the memory of the service's process where that is permitted."
            }
        }
    }
}

pub(super) static ENABLED: Key<bool> = Key::new("enabled", "Whether it is collected at all.");
pub(super) static PATH: Key<Path> = Key::new("path", "Path on the service, after the prefix of its address.");
pub(super) static METHOD: Key<Method> = Key::new("method", "How it is asked for.");
pub(super) static HEADERS: Shaped = Shaped {
    name: "headers",
    about: "Headers of these requests alone, over those of the target; a secret as {file: FILE}.",
    required: false,
    shape: header::schema,
};
pub(super) static TIMEOUT: Bounded<Duration> = Bounded {
    name: "timeout",
    about: "Time to the last byte of the answer, the window included; by default the window and 10 s.",
    least: TIMEOUT_MIN,
    most: TIMEOUT_MAX,
    why: "",
};
pub(super) static BODY: Bounded<Bytes> = Bounded {
    name: "body_bytes_max",
    about: "Largest body read, as it comes and once it is inflated.",
    least: BODY_BYTES_MIN,
    most: BODY_BYTES_MAX,
    why: "",
};

pub(super) const fn every(kind: CollectorKind) -> Bounded<Duration> {
    Bounded {
        name: "every",
        about: "Time from the start of one scrape to the next.",
        least: kind.every_min(),
        most: EVERY_MAX,
        why: ", to protect the service",
    }
}

pub(super) const fn window(kind: CollectorKind) -> Bounded<Duration> {
    Bounded {
        name: "window",
        about: "How long the service records, in whole seconds.",
        least: WINDOW_MIN,
        most: kind.window_max(),
        why: ", to protect the service",
    }
}

/// A path on a service.
pub(super) struct Path(pub(super) String);

impl FromText for Path {
    const EXPECTED: &'static str = "a path such as `/debug/pprof/heap`";
    const JSON: Json = Json::Form("^/[^?# ]*$");
    fn from_text(text: &str) -> Result<Self, NotThis> {
        let wrong = |hint: &str| Err(NotThis::new(Self::EXPECTED, hint));
        if !text.starts_with('/') {
            return wrong("a path begins with `/`");
        }
        if text.contains(['?', '#']) {
            return wrong("no query here: linger asks its own questions");
        }
        if text.chars().any(|c| !c.is_ascii_graphic()) {
            return wrong("write other characters as `%` and two digits");
        }
        Ok(Self(text.to_owned()))
    }
}
