//! A selector ready to be evaluated: its regular expressions compiled, anchored and bounded.

use crate::Error;
use crate::options::REGEX_BYTES_MAX;
use linger_series::{Op, Selector, SeriesKey};
use regex::{Regex, RegexBuilder};
use std::collections::HashMap;

pub(super) struct Matcher<'a> {
    selector: &'a Selector,
    expressions: HashMap<&'a str, Regex>,
}

impl<'a> Matcher<'a> {
    pub(super) fn new(selector: &'a Selector) -> Result<Self, Error> {
        let mut expressions = HashMap::new();
        for matcher in selector.matchers.iter().filter(|m| matches!(m.op, Op::Regex | Op::NotRegex)) {
            // By itself first: `a)|(b` is only well-formed between the brackets of the anchors.
            compile(&matcher.value, &matcher.value)?;
            // Fully anchored, and a dot matches line ends too, as in Prometheus.
            let expression = compile(&format!("^(?s:{})$", matcher.value), &matcher.value)?;
            expressions.insert(&*matcher.value, expression);
        }
        Ok(Self { selector, expressions })
    }

    pub(super) fn matches(&self, key: &SeriesKey) -> bool {
        self.selector.matches(key, |pattern, value| {
            self.expressions.get(pattern).is_some_and(|expression| expression.is_match(value))
        })
    }
}

fn compile(expression: &str, as_given: &str) -> Result<Regex, Error> {
    RegexBuilder::new(expression)
        .size_limit(REGEX_BYTES_MAX)
        .dfa_size_limit(REGEX_BYTES_MAX)
        .build()
        .map_err(|e| Error::Regex { pattern: as_given.to_owned(), why: e.to_string() })
}

#[cfg(test)]
mod tests {
    use super::Matcher;
    use crate::Error;
    use linger_series::{Labels, Selector, SeriesKey};

    #[track_caller]
    fn check(selector: &str, expected: bool) {
        let key = SeriesKey::new("m", Labels::new([("site", "main.leak+7"), ("text", "a\nb")]));
        let selector = Selector::parse(selector).unwrap();
        assert_eq!(Matcher::new(&selector).unwrap().matches(&key), expected, "{selector}");
    }

    #[test]
    fn expressions_are_fully_anchored() {
        check("m{site=~\"main\"}", false);
        check("m{site=~\"main.*\"}", true);
        check("m{site=~\"x|main.*\"}", true);
        check("m{site=~\"main.leak|x\"}", false);
        check("m{site!~\"main\"}", true);
        check("m{text=~\"a.b\"}", true);
        check("m{absent=~\".*\"}", true);
        check("m{absent=~\".+\"}", false);
    }

    #[test]
    fn expressions_that_are_wrong_or_too_large_are_named() {
        for pattern in ["(", "(a{1000}){1000}", "a)(b"] {
            let selector = Selector::parse(&format!("m{{a=~\"{pattern}\"}}")).unwrap();
            let error = Matcher::new(&selector).map(|_| ()).unwrap_err();
            assert!(matches!(&error, Error::Regex { pattern: p, .. } if p == pattern), "{error}");
        }
    }
}
