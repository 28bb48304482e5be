//! The log: text on a terminal, JSON lines elsewhere, on standard error; `LINGER_LOG` filters.
//!
//! What repeats is not written again and again: the same line at most once a minute, and from one place in the code at
//! most [`LINES_MAX`] different ones; what was held back is counted and said afterwards. A service that flaps, or a
//! disk that is full, must not fill the log too.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::IsTerminal;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Filter, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

/// Time within which a line is written once.
const WINDOW: Duration = Duration::from_secs(60);
/// Different lines from one place in the code within [`WINDOW`]; a thousand targets may change at once.
const LINES_MAX: u32 = 100;
/// Lines remembered; beyond it those of ended windows go first, then new ones are written unremembered.
const REMEMBERED_MAX: usize = 4096;
/// Characters of a line kept for saying how often it came.
const LINE_CHARS_MAX: usize = 160;

/// Lines of the summary at a time.
const TOLD_MAX: usize = 20;
/// The summary's own lines are not counted.
const SUMMARY: &str = "linger::said_again";

static REPEATS: OnceLock<Repeats> = OnceLock::new();

/// Sets the log up; to be called once.
pub fn to_stderr() {
    let filter = EnvFilter::try_from_env("LINGER_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = fmt::layer().with_writer(std::io::stderr).with_target(false);
    let lines = if std::io::stderr().is_terminal() {
        lines.boxed()
    } else {
        lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
    };
    let repeats = REPEATS.get_or_init(Repeats::default);
    tracing_subscriber::registry().with(lines.with_filter(repeats).with_filter(filter)).init();
}

/// Says what was held back since its window ended; to be called every few seconds.
pub fn tell_repeats() {
    let Some(repeats) = REPEATS.get() else { return };
    let Ended { said_again, left_out } = repeats.ended(Instant::now());
    let more = said_again.len().saturating_sub(TOLD_MAX);
    for (line, times) in said_again.into_iter().take(TOLD_MAX) {
        tracing::info!(target: SUMMARY, times, "said again within a minute: {line}");
    }
    if more > 0 {
        tracing::info!(target: SUMMARY, "{more} other lines were said again within a minute");
    }
    if left_out > 0 {
        tracing::info!(target: SUMMARY, "{left_out} lines of the last minute were left out: too many like them");
    }
}

/// What was said lately.
#[derive(Default)]
struct Repeats {
    said: Mutex<Said>,
}

#[derive(Default)]
struct Said {
    lines: HashMap<u64, Line>,
    places: HashMap<u64, Place>,
}

struct Line {
    since: Instant,
    text: String,
    held_back: u64,
}

struct Place {
    since: Instant,
    written: u32,
    left_out: u64,
}

/// What was held back in windows that are over.
#[derive(Debug, Default, PartialEq, Eq)]
struct Ended {
    /// Lines, and how often each came again.
    said_again: Vec<(String, u64)>,
    /// Lines that were not said at all.
    left_out: u64,
}

impl Repeats {
    /// Whether a line is written now.
    fn admits(&self, place: u64, text: &str, now: Instant) -> bool {
        let mut said = self.lock();
        let key = hash(&(place, text));
        if let Some(line) = said.lines.get_mut(&key).filter(|line| now - line.since < WINDOW) {
            line.held_back += 1;
            return false;
        }
        let fresh = Place { since: now, written: 0, left_out: 0 };
        let of_place = said.places.entry(place).or_insert(fresh);
        if now - of_place.since >= WINDOW {
            (of_place.since, of_place.written) = (now, 0);
        }
        if of_place.written >= LINES_MAX {
            of_place.left_out += 1;
            return false;
        }
        of_place.written += 1;
        if said.lines.len() >= REMEMBERED_MAX {
            said.lines.retain(|_, line| now - line.since < WINDOW);
        }
        if said.lines.len() < REMEMBERED_MAX {
            let text = text.chars().take(LINE_CHARS_MAX).collect();
            said.lines.insert(key, Line { since: now, text, held_back: 0 });
        }
        true
    }

    /// What was held back in windows that are over.
    fn ended(&self, now: Instant) -> Ended {
        let mut said = self.lock();
        let over = said.places.values_mut().filter(|place| now - place.since >= WINDOW);
        let left_out = over.map(|place| std::mem::take(&mut place.left_out)).sum();
        let mut told = Vec::new();
        said.lines.retain(|_, line| {
            let ended = now - line.since >= WINDOW;
            if ended && line.held_back > 0 {
                told.push((std::mem::take(&mut line.text), line.held_back));
            }
            !ended
        });
        Ended { said_again: told, left_out }
    }

    fn lock(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Subscriber> Filter<S> for &'static Repeats {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        // Who asks for debugging wants every line, and what was held back is told as it is.
        if *event.metadata().level() > Level::INFO || event.metadata().target() == SUMMARY {
            return true;
        }
        let mut text = Text::default();
        event.record(&mut text);
        self.admits(hash(&event.metadata().callsite()), &text.0, Instant::now())
    }
}

/// An event as one line.
#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let gap = if self.0.is_empty() { "" } else { " " };
        let _ = match field.name() {
            "message" => write!(self.0, "{gap}{value:?}"),
            // It differs each time.
            "so_far" => Ok(()),
            name => write!(self.0, "{gap}{name}={value:?}"),
        };
    }
}

fn hash(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::{Ended, LINES_MAX, Repeats, WINDOW};
    use std::time::{Duration, Instant};

    #[test]
    fn a_line_is_written_once_a_minute_and_then_counted() {
        let (repeats, start) = (Repeats::default(), Instant::now());
        let second = |s| start + Duration::from_secs(s);
        assert!(repeats.admits(1, "api refused", second(0)));
        assert!(!repeats.admits(1, "api refused", second(5)));
        assert!(!repeats.admits(1, "api refused", second(10)));
        assert!(repeats.admits(1, "api up", second(10)), "another line is news");
        assert_eq!(repeats.ended(second(59)), Ended::default());
        assert_eq!(repeats.ended(second(61)).said_again, [("api refused".to_owned(), 2)]);
        assert!(repeats.admits(1, "api refused", second(62)));
    }

    #[test]
    fn a_flood_of_different_lines_is_cut_and_each_place_has_its_own_share() {
        let (repeats, now) = (Repeats::default(), Instant::now());
        let written = (0..1000).filter(|i| repeats.admits(1, &format!("scrape {i}"), now)).count();
        assert_eq!(written, LINES_MAX as usize);
        assert!(repeats.admits(2, "thresholds cannot be judged", now));
        assert!(repeats.admits(1, "scrape 5000", now + WINDOW));
        assert_eq!(repeats.ended(now + WINDOW + WINDOW), Ended { said_again: Vec::new(), left_out: 900 });
    }
}
