//! Thresholds: which series may not be how large, or grow how fast, for how long.

use crate::Duration;
use crate::excerpt::quoted;
use crate::nearest::nearest;
use crate::read::{FromText, Given, NotThis, Place, within};
use crate::report::Report;
use linger_series::metric;
use serde::Serialize;

/// A threshold. Where both conditions are given, both must hold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Alert {
    /// What it is called; each name once.
    pub name: String,
    /// The metric judged, one of [`linger_series::metric::ALL`].
    pub series: String,
    /// Pattern of the `site` label: `*` stands for any text, `?` for any one character. It is `*` for a metric
    /// without sites.
    pub site: String,
    /// Holds while the value is above this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub above: Option<f64>,
    /// Holds while the value grows by more than this in an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub growth_per_hour: Option<f64>,
    /// How long the conditions must hold before the alert fires; zero: at once.
    #[serde(rename = "for")]
    pub hold: Duration,
}

const KEYS: &[&str] = &["name", "series", "site", "above", "growth_per_hour", "for"];

/// Most alerts: each is judged against every site of every target.
const ALERTS_MAX: usize = 1000;

/// Longest wait before an alert fires.
const HOLD_MAX: Duration = Duration::from_secs(7 * 86_400);

/// Longest pattern of sites, in bytes: names of Go functions seldom pass half of it.
const PATTERN_BYTES_MAX: usize = 1024;

impl Alert {
    /// The alerts that are on unless others are given.
    #[must_use]
    pub fn defaults() -> Vec<Self> {
        let alert = |name: &str, series: &str, above, growth_per_hour, hold_min: u64| Self {
            name: name.to_owned(),
            series: series.to_owned(),
            site: "*".to_owned(),
            above,
            growth_per_hour,
            hold: Duration::from_secs(hold_min * 60),
        };
        vec![
            alert("DeferPile", metric::DEFERS_PENDING, Some(10_000.0), None, 2),
            alert("DeferGrowth", metric::DEFERS_PENDING, None, Some(5000.0), 2),
            alert("GoroutineGrowth", metric::GOROUTINES_AT_SITE, Some(50.0), Some(500.0), 5),
        ]
    }

    /// Reads an `alerts:` section, which replaces the defaults.
    pub(crate) fn read_all(place: Place<'_>, report: &mut Report<'_>) -> Vec<Self> {
        if place.is_null() {
            place
                .at
                .fault(report, "`alerts` has no value")
                .label("`alerts: []` for none; leave the key out for the defaults");
            return Vec::new();
        }
        let at = place.at.clone();
        let items = place.items(report);
        if items.len() > ALERTS_MAX {
            at.fault(report, format!("{} alerts", items.len())).label(format!("at most {ALERTS_MAX}"));
            return Vec::new();
        }
        let mut names: Vec<(String, usize)> = Vec::new();
        let mut alerts = Vec::new();
        for item in items {
            alerts.extend(Self::read(item, &mut names, report));
        }
        alerts
    }

    fn read(place: Place<'_>, names: &mut Vec<(String, usize)>, report: &mut Report<'_>) -> Option<Self> {
        let fields = place.fields(KEYS, report)?;
        let name = fields.required::<Name>("name", report);
        if let Some(Given { value: Name(name), at }) = &name {
            if let Some((_, first)) = names.iter().find(|(known, _)| known == name) {
                let line = report.line_of(*first);
                at.fault(report, format!("a second alert named {}", quoted(name)))
                    .label(format!("the first is in line {line}"));
            }
            names.push((name.clone(), at.span.start));
        }
        let series = fields.required::<Series>("series", report);
        let site = fields.value::<Pattern>("site", report);
        if let (Some(series), Some(site)) = (&series, &site)
            && site.value.0 != "*"
            && !series.value.0.labels.contains(&"site")
        {
            site.at
                .fault(report, format!("`{}` has no sites", series.value.0.name))
                .label("leave `site` out");
        }
        let above = fields.value::<f64>("above", report);
        let growth = fields.value::<f64>("growth_per_hour", report);
        if fields.get("above").is_none() && fields.get("growth_per_hour").is_none() {
            fields
                .at()
                .fault(report, "an alert without a condition")
                .label("give `above`, `growth_per_hour` or both");
        }
        let hold = fields
            .value("for", report)
            .and_then(|hold| within(hold, Duration::from_secs(0), HOLD_MAX, "", report));
        Some(Self {
            name: name?.value.0,
            series: series?.value.0.name.to_owned(),
            site: site.map_or_else(|| "*".to_owned(), |site| site.value.0),
            above: above.map(|n| n.value),
            growth_per_hour: growth.map(|n| n.value),
            hold: hold.map_or(Duration::from_secs(0), |hold| hold.value),
        })
    }
}

struct Name(String);

impl FromText for Name {
    const EXPECTED: &'static str = "a name of letters, digits, `_`, `-` and `.`";
    fn from_text(text: &str) -> Result<Self, NotThis> {
        let fits = !text.is_empty()
            && text.len() <= 100
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
        if fits { Ok(Self(text.to_owned())) } else { Err(NotThis::new(Self::EXPECTED, "")) }
    }
}

struct Series(&'static metric::Metric);

impl FromText for Series {
    const EXPECTED: &'static str = "the name of a metric such as `linger_goroutines_at_site`";
    fn from_text(text: &str) -> Result<Self, NotThis> {
        let known = || metric::ALL.iter().map(|m| m.name);
        let Some(found) = metric::find(text) else {
            let meant = metric::find(&format!("linger_{text}"))
                .map(|m| m.name)
                .or_else(|| nearest(text, known()))
                .map(|meant| format!("did you mean `{meant}`?"));
            return Err(NotThis::new(Self::EXPECTED, meant.unwrap_or_default()));
        };
        Ok(Self(found))
    }
}

struct Pattern(String);

impl FromText for Pattern {
    const EXPECTED: &'static str = "a pattern of sites such as `*` or `shop.(*Cart).*`";
    fn from_text(text: &str) -> Result<Self, NotThis> {
        match text {
            "" => Err(NotThis::new(Self::EXPECTED, "`*` means every site")),
            _ if text.len() > PATTERN_BYTES_MAX => Err(NotThis::new(Self::EXPECTED, "at most 1024 bytes")),
            _ => Ok(Self(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Alert;
    use linger_series::metric;

    #[test]
    fn default_alerts_watch_metrics_that_exist() {
        for alert in Alert::defaults() {
            assert!(metric::find(&alert.series).is_some(), "{}", alert.series);
        }
    }
}
