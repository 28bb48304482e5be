//! Which series a selector can mean: from the postings of its name and its equality matchers.

use super::{Meta, key};
use crate::Error;
use crate::id::SeriesId;
use linger_series::{Op, Selector};
use std::ops::ControlFlow;

impl Meta {
    /// A superset of the selected series, in order of id: those that have the name and every `label="value"` of the
    /// selector. What postings cannot decide (empty values, inequality, expressions, long values) is left to the
    /// caller, who compares labels.
    pub(crate) fn candidates(&self, selector: &Selector) -> Result<Vec<SeriesId>, Error> {
        let name = selector.name.as_deref().map(|name| ("__name__", name));
        let equal = selector
            .matchers
            .iter()
            .filter(|matcher| matcher.op == Op::Equal && !matcher.value.is_empty())
            .map(|matcher| (&*matcher.label, &*matcher.value));
        let mut found: Option<Vec<SeriesId>> = None;
        for (label, value) in name.into_iter().chain(equal) {
            let ids = self.ids(&key::posting_prefix(label, value))?;
            let both = match found {
                None => ids,
                Some(before) => intersection(&before, &ids),
            };
            if both.is_empty() {
                return Ok(both);
            }
            found = Some(both);
        }
        match found {
            Some(ids) => Ok(ids),
            None => self.ids(b"s"),
        }
    }

    /// Ids at the end of the keys under a prefix, rising. Their number is bounded by the series of the store.
    fn ids(&self, prefix: &[u8]) -> Result<Vec<SeriesId>, Error> {
        let mut ids = Vec::new();
        self.kv.scan(prefix, &key::after(prefix), &mut |key, _| {
            ids.extend(key::trailing_id(key));
            ControlFlow::Continue(())
        })?;
        Ok(ids)
    }
}

fn intersection(a: &[SeriesId], b: &[SeriesId]) -> Vec<SeriesId> {
    let mut b = b.iter().peekable();
    a.iter()
        .filter(|id| {
            while b.next_if(|other| other < id).is_some() {}
            b.peek() == Some(id)
        })
        .copied()
        .collect()
}
