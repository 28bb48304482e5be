//! Series selectors in Prometheus' syntax: `name{label="v", other!="v", re=~"a|b", not!~"c.*"}`.
//!
//! This file parses and holds them; regular expressions are compiled by who evaluates (this crate has no
//! dependencies). Expressions are fully anchored, as in Prometheus.

use crate::SeriesKey;
use std::fmt;

/// How a label is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Regex,
    /// `!~`
    NotRegex,
}

/// One comparison. An absent label compares as the empty string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matcher {
    /// Label name.
    pub label: String,
    /// Comparison.
    pub op: Op,
    /// Text or expression compared with.
    pub value: String,
}

/// A metric name (or none: any) and matchers, all of which must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// Metric name; `None` matches all.
    pub name: Option<String>,
    /// Comparisons.
    pub matchers: Vec<Matcher>,
}

/// Where and why a selector does not parse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Byte offset in the text.
    pub at: usize,
    /// What was expected there.
    pub expected: &'static str,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "selector: expected {} at column {}", self.expected, self.at + 1)
    }
}

impl std::error::Error for ParseError {}

/// Longest selector accepted, in bytes: far above what a person types, far below what costs anything.
const SELECTOR_BYTES_MAX: usize = 64 * 1024;

impl Selector {
    /// All series of one metric.
    pub fn metric(name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), matchers: Vec::new() }
    }

    /// Adds `label="value"`.
    #[must_use]
    pub fn with(mut self, label: &str, value: &str) -> Self {
        self.matchers.push(Matcher { label: label.into(), op: Op::Equal, value: value.into() });
        self
    }

    /// Parses Prometheus' selector syntax.
    ///
    /// # Errors
    /// The first place that does not fit, and what was expected there.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        if text.len() > SELECTOR_BYTES_MAX {
            return Err(ParseError { at: SELECTOR_BYTES_MAX, expected: "a selector of at most 64 KiB" });
        }
        let mut p = Parser { text, at: 0 };
        p.space();
        let name = p.word(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':');
        let mut selector = Self { name: (!name.is_empty()).then(|| name.to_owned()), matchers: Vec::new() };
        p.space();
        if p.eat("{") {
            p.matchers(&mut selector.matchers)?;
        }
        p.space();
        if p.at < text.len() {
            return Err(p.expected("the end"));
        }
        if selector.name.is_none() && selector.matchers.is_empty() {
            return Err(p.expected("a metric name or a label matcher"));
        }
        Ok(selector)
    }

    /// Whether `key` is selected; `regex(pattern, value)` decides a fully anchored match.
    pub fn matches(&self, key: &SeriesKey, mut regex: impl FnMut(&str, &str) -> bool) -> bool {
        self.name.as_deref().is_none_or(|n| n == &*key.name)
            && self.matchers.iter().all(|m| {
                let value = if m.label == "__name__" { &*key.name } else { key.labels.get(&m.label) };
                match m.op {
                    Op::Equal => value == m.value,
                    Op::NotEqual => value != m.value,
                    Op::Regex => regex(&m.value, value),
                    Op::NotRegex => !regex(&m.value, value),
                }
            })
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn expected(&self, expected: &'static str) -> ParseError {
        ParseError { at: self.at, expected }
    }

    fn space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn word(&mut self, part: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !part(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or("")
    }

    fn matchers(&mut self, into: &mut Vec<Matcher>) -> Result<(), ParseError> {
        loop {
            self.space();
            if self.eat("}") {
                return Ok(());
            }
            let label = self.word(|c| c.is_ascii_alphanumeric() || c == '_').to_owned();
            if label.is_empty() {
                return Err(self.expected("a label name or `}`"));
            }
            self.space();
            let op = if self.eat("=~") {
                Op::Regex
            } else if self.eat("!~") {
                Op::NotRegex
            } else if self.eat("!=") {
                Op::NotEqual
            } else if self.eat("=") {
                Op::Equal
            } else {
                return Err(self.expected("one of = != =~ !~"));
            };
            self.space();
            let value = self.quoted()?;
            into.push(Matcher { label, op, value });
            self.space();
            if !self.eat(",") {
                if self.eat("}") {
                    return Ok(());
                }
                return Err(self.expected("`,` or `}`"));
            }
        }
    }

    fn quoted(&mut self) -> Result<String, ParseError> {
        let quote = match self.rest().chars().next() {
            Some(q @ ('"' | '\'')) => q,
            _ => return Err(self.expected("a quoted value")),
        };
        let mut value = String::new();
        let mut escaped = false;
        for (i, c) in self.rest().char_indices().skip(1) {
            match (escaped, c) {
                (true, 'n') => value.push('\n'),
                (true, 't') => value.push('\t'),
                (true, c @ ('\\' | '"' | '\'')) => value.push(c),
                (true, _) => {
                    self.at += i;
                    return Err(self.expected("one of the escapes \\\\ \\\" \\' \\n \\t"));
                }
                (false, '\\') => {
                    escaped = true;
                    continue;
                }
                (false, c) if c == quote => {
                    self.at += i + c.len_utf8();
                    return Ok(value);
                }
                (false, c) => value.push(c),
            }
            escaped = false;
        }
        Err(self.expected("the closing quote of this value"))
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name.as_deref().unwrap_or(""))?;
        if self.name.is_some() && self.matchers.is_empty() {
            return Ok(());
        }
        f.write_str("{")?;
        for (i, m) in self.matchers.iter().enumerate() {
            let op = match m.op {
                Op::Equal => "=",
                Op::NotEqual => "!=",
                Op::Regex => "=~",
                Op::NotRegex => "!~",
            };
            let value = m.value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            write!(f, "{}{}{op}\"{value}\"", if i == 0 { "" } else { "," }, m.label)?;
        }
        f.write_str("}")
    }
}

#[cfg(test)]
mod tests {
    use super::Selector;
    use crate::{Labels, SeriesKey};

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let got = match Selector::parse(text) {
            Ok(s) => s.to_string(),
            Err(e) => e.to_string(),
        };
        assert_eq!(got, expected, "{text}");
    }

    #[test]
    fn selectors_parse_or_say_where_not() {
        check("linger_up", "linger_up");
        check(" linger_up { } ", "linger_up");
        check("a{b='x', c!=\"y\",d=~\"z.*\",}", "a{b=\"x\",c!=\"y\",d=~\"z.*\"}");
        check(r#"{f!~"a\\.b\n"}"#, r#"{f!~"a\\.b\n"}"#);
        check("", "selector: expected a metric name or a label matcher at column 1");
        check("a{b}", "selector: expected one of = != =~ !~ at column 4");
        check("a{b=\"x}", "selector: expected the closing quote of this value at column 5");
        check("a{b=\"x\" c=\"y\"}", "selector: expected `,` or `}` at column 9");
        check("rate(a[5m])", "selector: expected the end at column 5");
        check(r#"a{b="\q"}"#, r#"selector: expected one of the escapes \\ \" \' \n \t at column 7"#);
    }

    #[test]
    fn an_absent_label_compares_as_empty() {
        let key = SeriesKey::new("m", Labels::new([("a", "1")]));
        let hit = |s: &str| Selector::parse(s).unwrap().matches(&key, |p, v| p == v);
        assert!(hit("m{b=\"\"}") && hit("m{a!=\"2\"}") && hit("{a=\"1\"}") && hit("{__name__=\"m\"}"));
        assert!(!hit("n") && !hit("m{b!=\"\"}") && hit("m{a=~\"1\"}") && !hit("m{a!~\"1\"}"));
    }
}
