//! What a trace does not tell, in sentences: where it ends too early, and what its version leaves out.

use super::summarise::Reading;
use linger_gotrace::summary::{SiteId, Summary};
use linger_gotrace::{End, Error, Version};

/// How a trace ended, in one word of the report; none is a broken one.
pub(super) fn end_name(end: Option<End>) -> &'static str {
    match end {
        Some(End::Marked) => "marked",
        Some(End::Unmarked) => "unmarked",
        Some(End::MarkMissing) => "mark missing",
        Some(End::Cut { .. }) => "cut",
        None => "broken",
    }
}

pub(super) fn of(
    summary: &Summary,
    reading: &Reading,
    broken_off: Option<&str>,
    broken: Option<&Error>,
) -> Vec<String> {
    let mut missing = Vec::new();
    let mut say = |sentence: &str| missing.push(sentence.to_owned());
    if let Some(why) = broken_off {
        say(&format!("the answer broke off: {why}"));
    }
    if let Some(error) = broken {
        say(&format!("{error}: told is what came before"));
    }
    match reading.end {
        Some(End::Cut { salvaged: true }) => {
            say(
                "the trace ends within its last generation: stacks and silent goroutines of that part are missing, and \
                 whatever came later",
            );
        }
        Some(End::Cut { salvaged: false }) => {
            say("the trace ends within a generation of which nothing could be read");
        }
        Some(End::MarkMissing) => {
            say(
                "the mark at its end is missing, and nothing else of what came: whether more was to come is not known",
            );
        }
        Some(End::Unmarked) => {
            say(
                "before Go 1.26 a trace has no mark at its end: had a whole generation been lost there, it would not show",
            );
        }
        Some(End::Marked) | None => {}
    }
    if !summary.goroutines.complete {
        say("it was cut before it named its silent goroutines: counts of goroutines are too low by them");
    }
    let unknown = summary.suspects.iter().any(|group| group.site == SiteId::UNKNOWN && group.count > 0);
    if reading.version == Version::Go1_22 && unknown {
        say(
            "Go 1.22 does not write where silent goroutines wait: `curl URL/debug/pprof/goroutine?debug=2` tells, at \
             the price of stopping the service for as long as that takes",
        );
    }
    missing
}
