//! What is shown of a site: function, file and line of the newest build seen.

use crate::reader::Reader;
use crate::report::SiteText;
use linger_series::{Selector, SeriesKey, TimeMs, Window, metric};
use std::collections::HashMap;
use std::time::Duration;

/// How far before the range a site's description is looked for: it is written with each scrape, so only a
/// target that is gone needs more than the range itself.
const LOOKBACK: Duration = Duration::from_secs(24 * 3600);

/// Descriptions of sites of one target, by site id.
#[derive(Debug, Default)]
pub struct Sites(HashMap<String, (TimeMs, SiteText)>);

impl Sites {
    /// Reads the descriptions valid in `window`.
    ///
    /// # Errors
    /// What the reader says.
    pub fn read(reader: &dyn Reader, target: &str, window: Window) -> Result<Self, String> {
        let wider = Window { from: window.from - LOOKBACK, to: window.to };
        let selector = Selector::metric(metric::SITE_INFO).with("target", target);
        let mut sites = Self::default();
        for series in reader.select(&selector, wider)? {
            let Some(last) = series.points.last() else { continue };
            let text = describe(&series.key);
            let newest = sites.0.get(&text.site).is_none_or(|(t, _)| *t <= last.t);
            if newest {
                sites.0.insert(text.site.clone(), (last.t, text));
            }
        }
        Ok(sites)
    }

    /// The description of `site`; its id alone where none was stored.
    #[must_use]
    pub fn get(&self, site: &str) -> SiteText {
        match self.0.get(site) {
            Some((_, text)) => text.clone(),
            None => SiteText { site: site.to_owned(), function: site.to_owned(), ..SiteText::default() },
        }
    }
}

fn describe(key: &SeriesKey) -> SiteText {
    let label = |name: &str| key.labels.get(name).to_owned();
    SiteText {
        site: label("site"),
        function: label("function"),
        file: label("file"),
        line: key.labels.get("line").parse().unwrap_or(0),
        blocked_at: label("blocked_at"),
        entry: label("entry"),
    }
}
