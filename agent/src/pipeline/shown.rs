//! Which sites a former agent stored last. What ended while no agent ran still needs its closing point: without
//! one its threshold would never learn that it is over.

use crate::reader::Reader;
use linger_derive::goroutines::SiteKey;
use linger_series::{Labels, Selector, TimeMs, Window, metric};
use std::collections::BTreeSet;
use std::time::Duration;

/// How far back a former agent's points are looked for: a threshold quiet for longer is nobody's alarm.
const LOOKBACK: Duration = Duration::from_secs(24 * 3600);

/// Sites of one target with a last value above zero.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// With goroutines.
    pub goroutines: Vec<SiteKey>,
    /// With pending defers: kind and site.
    pub defers: Vec<(String, String)>,
}

impl Shown {
    /// As the store has them. A store that cannot be read has none: the scrapes to come matter more.
    pub fn last(reader: &dyn Reader, target: &str, now: TimeMs) -> Self {
        let of = |name: &str| -> Vec<Labels> {
            let selector = Selector::metric(name).with("target", target);
            let series = reader.select(&selector, Window::ending(now, LOOKBACK)).unwrap_or_else(|e| {
                tracing::warn!(target, "what ended while no agent ran stays unsaid: {e}");
                Vec::new()
            });
            let shown = series.into_iter().filter(|s| s.points.last().is_some_and(|p| p.v > 0.0));
            shown.map(|s| s.key.labels).collect()
        };
        let sites = of(metric::GOROUTINES_AT_SITE).into_iter();
        let site = |l: &Labels| (l.get("site") != metric::OTHER_SITE).then(|| l.get("site").to_owned());
        // A target whose labels were changed has each site once for each set of labels.
        let goroutines: BTreeSet<SiteKey> =
            sites.filter_map(|l| Some((l.get("class").parse().ok()?, site(&l)?))).collect();
        let piles = of(metric::DEFERS_PENDING).into_iter();
        let defers: BTreeSet<(String, String)> =
            piles.map(|l| (l.get("kind").to_owned(), l.get("site").to_owned())).collect();
        Self { goroutines: goroutines.into_iter().collect(), defers: defers.into_iter().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::Shown;
    use crate::reader::Memory;
    use linger_derive::WaitClass;
    use linger_series::{Labels, SeriesKey, Stream, TimeMs, metric};

    #[test]
    fn only_what_had_not_ended_is_shown() {
        let mut memory = Memory::default();
        let stream = Stream::new("api", "goroutine");
        let key = |name: &str, kind: &str, word: &str, site: &str| {
            SeriesKey::new(name, Labels::new([("target", "api"), (kind, word), ("site", site)]))
        };
        let goroutines = |site: &str| key(metric::GOROUTINES_AT_SITE, "class", "chan send", site);
        let first =
            [(goroutines("main.a+1"), 3.0), (goroutines("main.b+1"), 3.0), (goroutines("other"), 9.0)];
        memory.append(&stream, TimeMs(1), &first);
        let pile = key(metric::DEFERS_PENDING, "kind", "heap", "main.c+1");
        memory.append(&stream, TimeMs(2), &[(goroutines("main.b+1"), 0.0), (pile, 5e4)]);
        let shown = Shown::last(&memory, "api", TimeMs(10));
        assert_eq!(shown.goroutines, [(WaitClass::ChanSend, "main.a+1".to_owned())]);
        assert_eq!(shown.defers, [("heap".to_owned(), "main.c+1".to_owned())]);
    }
}
