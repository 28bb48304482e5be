//! The points of one scrape, each with the target's own labels.

use linger_derive::Site;
use linger_series::{Labels, SeriesKey, metric};
use std::collections::HashSet;

/// Points under construction.
pub(super) struct Samples {
    base: Labels,
    /// Keys pushed: the store refuses a scrape that names a series twice, and one site may come in two classes.
    seen: HashSet<SeriesKey>,
    /// Keys and values so far.
    pub points: Vec<(SeriesKey, f64)>,
}

impl Samples {
    /// None yet; `base` goes on each.
    pub(super) fn new(base: Labels) -> Self {
        Self { base, seen: HashSet::new(), points: Vec::new() }
    }

    /// Adds a value of `name` with labels beside the target's; of a series named twice the first value stays.
    pub(super) fn push(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let labels = if labels.is_empty() {
            self.base.clone()
        } else {
            Labels::new(self.base.iter().chain(labels.iter().copied()))
        };
        let key = SeriesKey::new(name, labels);
        if self.seen.insert(key.clone()) {
            self.points.push((key, value));
        }
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

#[cfg(test)]
mod tests {
    use super::Samples;
    use linger_derive::Site;
    use linger_series::Labels;

    /// Two writers wait for one RWMutex: one as `rwmutex`, the next, in its inner lock, as `mutex`, both at one line.
    #[test]
    fn a_site_in_two_classes_is_described_once() {
        let mut samples = Samples::new(Labels::new([("target", "api")]));
        for class in ["rwmutex", "mutex"] {
            samples.push("linger_goroutines_at_site", &[("class", class), ("site", "main.f+1")], 1.0);
            samples.describe(&Site { id: "main.f+1".into(), ..Site::unknown() });
        }
        assert_eq!(samples.points.len(), 3);
        samples.push("linger_goroutines_at_site", &[("class", "mutex"), ("site", "main.f+1")], 9.0);
        assert_eq!(samples.points.len(), 3);
    }
}
