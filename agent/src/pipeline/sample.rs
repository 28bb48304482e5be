//! The points of one scrape, each with the target's own labels.

use linger_derive::Site;
use linger_series::{Labels, SeriesKey, metric};

/// Points under construction.
pub(super) struct Samples {
    base: Labels,
    /// Keys and values so far.
    pub points: Vec<(SeriesKey, f64)>,
}

impl Samples {
    /// None yet; `base` goes on each.
    pub(super) fn new(base: Labels) -> Self {
        Self { base, points: Vec::new() }
    }

    /// Adds a value of `name` with labels beside the target's.
    pub(super) fn push(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let labels = if labels.is_empty() {
            self.base.clone()
        } else {
            Labels::new(self.base.iter().chain(labels.iter().copied()))
        };
        self.points.push((SeriesKey::new(name, labels), value));
    }

    /// Says where a site is.
    pub(super) fn describe(&mut self, site: &Site) {
        let line = site.line.to_string();
        let labels = [
            ("site", site.id.as_str()),
            ("function", &site.function),
            ("file", &site.file),
            ("line", &line),
            ("blocked_at", &site.blocked_at),
            ("entry", &site.entry),
        ];
        self.push(metric::SITE_INFO, &labels, 1.0);
    }
}
