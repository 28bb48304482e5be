//! Label sets: sorted by name, each name once, cheap to clone.

use std::fmt;
use std::sync::Arc;

/// A sorted set of `name="value"` pairs. An empty value means the label is absent (Prometheus' data model),
/// so such pairs are not kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Labels(Arc<[(Box<str>, Box<str>)]>);

impl Labels {
    /// No labels.
    #[must_use]
    pub fn empty() -> Self {
        Self(Arc::from([]))
    }

    /// Builds a set from pairs in any order; of a repeated name the last value stays.
    pub fn new<N: Into<Box<str>>, V: Into<Box<str>>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut pairs: Vec<(Box<str>, Box<str>)> =
            pairs.into_iter().map(|(n, v)| (n.into(), v.into())).collect();
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        let mut kept: Vec<(Box<str>, Box<str>)> = Vec::with_capacity(pairs.len());
        for pair in pairs {
            match kept.last_mut() {
                Some(last) if last.0 == pair.0 => *last = pair,
                _ => kept.push(pair),
            }
        }
        kept.retain(|(_, value)| !value.is_empty());
        Self(kept.into())
    }

    /// The value of `name`, or `""` when absent.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.0
            .binary_search_by(|(n, _)| (**n).cmp(name))
            .ok()
            .and_then(|i| self.0.get(i))
            .map_or("", |(_, v)| v)
    }

    /// A copy with `name` set (or removed, for an empty value).
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        Self::new(self.iter().chain([(name, value)]))
    }

    /// Pairs in order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(n, v)| (&**n, &**v))
    }

    /// Number of labels.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, (name, value)) in self.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            write!(f, "{comma}{name}=\"")?;
            for c in value.chars() {
                match c {
                    '"' => f.write_str("\\\"")?,
                    '\\' => f.write_str("\\\\")?,
                    '\n' => f.write_str("\\n")?,
                    c => write!(f, "{c}")?,
                }
            }
            f.write_str("\"")?;
        }
        f.write_str("}")
    }
}

#[cfg(test)]
mod tests {
    use super::Labels;

    #[test]
    fn order_repeats_and_empty_values_do_not_matter() {
        let a = Labels::new([("b", "2"), ("a", "1"), ("c", "")]);
        let b = Labels::new([("a", "0"), ("a", "1"), ("b", "2")]);
        assert_eq!(a, b);
        assert_eq!((a.get("b"), a.get("c"), a.len()), ("2", "", 2));
    }

    #[test]
    fn display_escapes_what_a_selector_must_escape() {
        assert_eq!(Labels::new([("f", "a\"b\\c\n")]).to_string(), r#"{f="a\"b\\c\n"}"#);
    }
}
