//! `linger defers`, below its tables: what will never run, and goroutines inside deferred calls.

use super::page::Page;
use super::{Screen, name, number};
use crate::report::{DeferStranded, DefersRunning, SiteText};

/// Shown of each; JSON has more.
const SHOWN: usize = 5;

/// Pending defers that will never run.
pub(super) fn stranded(page: &mut Page<'_>, stranded: &[DeferStranded]) {
    if stranded.is_empty() {
        return;
    }
    page.gap();
    page.note("will never run, since their goroutines wait for what cannot come:");
    for s in stranded.iter().take(SHOWN) {
        page.item("-", &format!("{} at {}", number::count(s.pending), place(&s.at)));
    }
}

/// Goroutines inside deferred calls.
pub(super) fn running(page: &mut Page<'_>, running: Option<&DefersRunning>, screen: &Screen) {
    let Some(running) = running else { return };
    page.gap();
    let (at, ago) = (screen.clock.at_second(running.at_ms), screen.clock.ago(running.at_ms));
    page.note(&format!("goroutines inside a deferred call {at} ({ago}):"));
    for r in running.inside.iter().take(SHOWN) {
        let at = place(&r.at);
        let why = match r.how.as_str() {
            "return" => format!("run at the return of {at}"),
            "panic" => format!("run by a panic in {at}"),
            _ => format!("run by runtime.Goexit, called in {at}"),
        };
        page.item("-", &format!("{} in {}, {why}", number::count(r.goroutines), name::function(&r.call)));
    }
}

fn place(at: &SiteText) -> String {
    let function = if at.function.is_empty() { &at.site } else { &at.function };
    format!("{} {}", name::function(function), name::place(&at.file, at.line))
}
