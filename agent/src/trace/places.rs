//! Sites of a trace as places to show: the owner first, as everywhere in linger.

use crate::report::trace::TracePlace;
use linger_derive::package::readable;
use linger_derive::site::StartLines;
use linger_derive::{Frame, GoRoot, Site};
use linger_gotrace::summary::{self, SiteId};

/// Frames of a place that are told.
const STACK_FRAMES_MAX: usize = 32;

/// Bytes of a frame that are told: as much as of a site's own place.
const FRAME_BYTES_MAX: usize = linger_derive::site::PLACE_BYTES_MAX;

/// What stands for all places beyond the limit of those that are told apart.
const OTHER: &str = "(all other places)";

/// The sites of one trace.
pub(super) struct Places<'a> {
    sites: &'a [summary::Site],
    go_root: GoRoot,
}

impl<'a> Places<'a> {
    pub(super) fn of(sites: &'a [summary::Site]) -> Self {
        let go_root = GoRoot::learn(sites.iter().flat_map(|site| &site.frames).map(frame));
        Self { sites, go_root }
    }

    fn frames(&self, site: SiteId) -> &'a [summary::Frame] {
        self.sites.get(site.0).map_or(&[], |site| &site.frames)
    }

    /// Whether whoever is here is a goroutine of the runtime's or of the tracer's, by the function it started with.
    pub(super) fn is_runtime(&self, site: SiteId) -> bool {
        let root = self.frames(site).last().map_or("", |frame| &frame.function);
        let runtime = root.starts_with("runtime.") && root != "runtime.main";
        runtime || root.starts_with("runtime/trace.")
    }

    pub(super) fn place(&self, site: SiteId) -> TracePlace {
        if site == SiteId::OTHER {
            return TracePlace { function: OTHER.into(), ..TracePlace::default() };
        }
        let frames = self.frames(site);
        let shown = Site::of_stack(frames.iter().map(frame), &self.go_root, &StartLines::default());
        let shown = shown.unwrap_or_else(Site::unknown);
        TracePlace {
            function: shown.function,
            file: shown.file,
            line: shown.line,
            at: shown.blocked_at,
            stack: frames.iter().take(STACK_FRAMES_MAX).map(text).collect(),
        }
    }
}

/// What tells places apart for who reads of them: many stacks lead through one.
pub(super) type Identity = (String, String, u32, String);

pub(super) fn identity(place: &TracePlace) -> Identity {
    (place.function.clone(), place.file.clone(), place.line, place.at.clone())
}

fn frame(frame: &summary::Frame) -> Frame<'_> {
    Frame { function: &frame.function, file: &frame.file, line: frame.line.into(), start_line: 0 }
}

fn text(frame: &summary::Frame) -> String {
    let text = format!("{} {}:{}", readable(&frame.function), frame.file, frame.line);
    let mut bytes = 0;
    text.chars()
        .take_while(|c| {
            bytes += c.len_utf8();
            bytes <= FRAME_BYTES_MAX
        })
        .collect()
}
