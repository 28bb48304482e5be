//! `query`: every stored point of the selected series.

use super::Error;
use crate::question::QueryQuestion;
use crate::reader::Reader;
use crate::report::{Query, QuerySeries, Range, VERSION};
use linger_series::{Selector, TimeMs, Window};

/// Selects.
///
/// # Errors
/// A selector that does not parse, or what the reader says.
pub fn query(reader: &dyn Reader, question: &QueryQuestion) -> Result<Query, Error> {
    let selector = Selector::parse(&question.selector).map_err(|e| Error::Asked {
        message: e.to_string(),
        hint: r#"selectors only, no functions: linger query 'linger_goroutines_at_site{class="chan send"}'; growth is stored as linger_goroutine_growth_per_hour and linger_defers_pending_growth_per_second"#.into(),
    })?;
    let window = Window { from: TimeMs(question.from_ms), to: TimeMs(question.to_ms.saturating_add(1)) };
    let series = reader.select(&selector, window)?;
    let series = series.into_iter().map(|s| QuerySeries {
        name: s.key.name.to_string(),
        labels: s.key.labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
        points: s.points.iter().map(|p| (p.t.0, p.v)).collect(),
    });
    Ok(Query {
        version: VERSION,
        range: Range { from_ms: question.from_ms, to_ms: question.to_ms },
        series: series.collect(),
    })
}
