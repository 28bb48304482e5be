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
    for (line, times) in repeats.ended(Instant::now()) {
        tracing::info!(times, "said again within a minute: {line}");
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
        let of_place = said.places.entry(place).or_insert(Place { since: now, written: 0 });
        if now - of_place.since >= WINDOW {
            *of_place = Place { since: now, written: 0 };
        }
        of_place.written += 1;
        let admitted = of_place.written <= LINES_MAX;
        if said.lines.len() >= REMEMBERED_MAX {
            said.lines.retain(|_, line| now - line.since < WINDOW);
        }
        if said.lines.len() < REMEMBERED_MAX {
            let text = text.chars().take(LINE_CHARS_MAX).collect();
            said.lines.insert(key, Line { since: now, text, held_back: u64::from(!admitted) });
        }
        admitted
    }

    /// Lines whose window is over and that were held back, and how often.
    fn ended(&self, now: Instant) -> Vec<(String, u64)> {
        let mut said = self.lock();
        let mut told = Vec::new();
        said.lines.retain(|_, line| {
            let ended = now - line.since >= WINDOW;
            if ended && line.held_back > 0 {
                told.push((std::mem::take(&mut line.text), line.held_back));
            }
            !ended
        });
        told
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
        // Who asks for debugging wants every line.
        if *event.metadata().level() > Level::INFO {
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
    use super::{LINES_MAX, Repeats, WINDOW};
    use std::time::{Duration, Instant};

    #[test]
    fn a_line_is_written_once_a_minute_and_then_counted() {
        let (repeats, start) = (Repeats::default(), Instant::now());
        let second = |s| start + Duration::from_secs(s);
        assert!(repeats.admits(1, "api refused", second(0)));
        assert!(!repeats.admits(1, "api refused", second(5)));
        assert!(!repeats.admits(1, "api refused", second(10)));
        assert!(repeats.admits(1, "api up", second(10)), "another line is news");
        assert!(repeats.ended(second(59)).is_empty());
        assert_eq!(repeats.ended(second(61)), [("api refused".to_owned(), 2)]);
        assert!(repeats.admits(1, "api refused", second(62)));
    }

    #[test]
    fn a_flood_of_different_lines_is_cut_and_each_place_has_its_own_share() {
        let (repeats, now) = (Repeats::default(), Instant::now());
        let written = (0..1000).filter(|i| repeats.admits(1, &format!("scrape {i}"), now)).count();
        assert_eq!(written, LINES_MAX as usize);
        assert!(repeats.admits(2, "thresholds cannot be judged", now));
        assert!(repeats.admits(1, "scrape 5000", now + WINDOW));
        let told = repeats.ended(now + WINDOW + WINDOW);
        assert_eq!(told.iter().map(|(_, n)| n).sum::<u64>(), 900);
    }
}
