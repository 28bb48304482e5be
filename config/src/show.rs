//! A configuration as it is in effect, with the origin of each value: as YAML that reads back as the same
//! configuration, and as JSON.
//!
//! Texts of headers are not shown, so of those nothing reads back. What a target collects is shown where it differs
//! from what all targets collect: a thousand targets would fill a page each, and it means the same.

use crate::{Config, Origins};
use serde_json::{Map, Value, json};
use std::fmt::Write;

/// Widest line that still moves the column of origins to the right, in characters.
const COLUMN_MAX: usize = 60;

/// The configuration in effect as YAML, each value with its origin as a comment.
#[must_use]
pub fn to_yaml(config: &Config, origins: &Origins) -> String {
    let mut lines = Vec::new();
    write_value(&in_effect(config), &Place { indent: 0, key: "" }, String::new(), origins, &mut lines);
    let fits = |line: &&Line| line.origin.is_some() && line.text.chars().count() <= COLUMN_MAX;
    let column = lines.iter().filter(fits).map(|line| line.text.chars().count()).max().unwrap_or(0);
    let mut yaml = String::new();
    for Line { text, origin } in lines {
        // Writing into a text cannot fail.
        let _ = match origin {
            Some(origin) => writeln!(yaml, "{text:<column$}  # {origin}"),
            None => writeln!(yaml, "{text}"),
        };
    }
    yaml
}

/// The configuration in effect, and the origin of each value by its path of keys.
#[must_use]
pub fn to_json(config: &Config, origins: &Origins) -> Value {
    let config = in_effect(config);
    let mut of = Map::new();
    leaves(&config, String::new(), &mut |key| {
        let origin = origins.of(&key).to_string();
        of.insert(key, origin.into());
    });
    let file = origins.file().map(|file| file.display().to_string());
    json!({"version": 1, "file": file, "config": config, "origins": of})
}

fn in_effect(config: &Config) -> Value {
    let mut shown = serde_json::to_value(config).unwrap_or_default();
    let for_all = shown.get("collectors").cloned().unwrap_or_default();
    for target in shown.get_mut("targets").and_then(Value::as_array_mut).into_iter().flatten() {
        let Some(target) = target.as_object_mut() else { continue };
        let differs = target.get("collectors").map(|own| difference(own, &for_all)).unwrap_or_default();
        match differs {
            Value::Null => target.shift_remove("collectors"),
            differs => target.insert("collectors".to_owned(), differs),
        };
    }
    shown
}

/// What of `own` is not the same in `other`; null where there is nothing.
fn difference(own: &Value, other: &Value) -> Value {
    if own == other {
        return Value::Null;
    }
    let (Value::Object(own), Value::Object(other)) = (own, other) else { return own.clone() };
    let differs = |(key, value): (&String, &Value)| {
        let theirs = other.get(key).unwrap_or(&Value::Null);
        let differs = match key.as_str() {
            // Headers of one section replace those of the other as a whole.
            "headers" if value != theirs => value.clone(),
            _ => difference(value, theirs),
        };
        (!differs.is_null()).then(|| (key.clone(), differs))
    };
    Value::Object(own.iter().filter_map(differs).collect())
}

/// Calls `with` for the path of keys of each value that holds no others.
fn leaves(value: &Value, key: String, with: &mut impl FnMut(String)) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            map.iter().for_each(|(name, value)| leaves(value, below(&key, name), with));
        }
        Value::Array(items) if !items.is_empty() => {
            items.iter().enumerate().for_each(|(i, item)| leaves(item, format!("{key}[{i}]"), with));
        }
        _ => with(key),
    }
}

fn below(key: &str, name: &str) -> String {
    if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") }
}

struct Line {
    text: String,
    origin: Option<String>,
}

/// Where a value stands in the YAML and in the configuration.
struct Place<'k> {
    indent: usize,
    key: &'k str,
}

/// Writes `value` behind `before`, what its line has so far.
fn write_value(value: &Value, place: &Place<'_>, before: String, origins: &Origins, lines: &mut Vec<Line>) {
    let key = place.key;
    match value {
        Value::Object(map) if !map.is_empty() => {
            // The first key of an item stands beside its dash; below any other key, each has a line of its own.
            let mut before = Some(before);
            for (name, value) in map {
                let start = match before.take() {
                    Some(dash) if dash.trim_start() == "- " => dash,
                    Some(line) => {
                        if !line.is_empty() {
                            lines.push(Line { text: line, origin: None });
                        }
                        " ".repeat(place.indent)
                    }
                    None => " ".repeat(place.indent),
                };
                let key = below(key, name);
                let inner = Place { indent: place.indent + 2, key: &key };
                write_value(value, &inner, format!("{start}{}:", scalar(name)), origins, lines);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            lines.push(Line { text: before, origin: None });
            for (i, item) in items.iter().enumerate() {
                let key = format!("{key}[{i}]");
                let dash = format!("{}- ", " ".repeat(place.indent));
                write_value(item, &Place { indent: place.indent + 2, key: &key }, dash, origins, lines);
            }
        }
        value => {
            let shown = match value {
                Value::Object(_) => "{}".to_owned(),
                Value::Array(_) => "[]".to_owned(),
                Value::String(text) => scalar(text),
                other => other.to_string(),
            };
            let space = if before.ends_with(' ') { "" } else { " " };
            // A comment ends with its line, whatever a file is called.
            let origin = Some(origins.of(key).to_string().replace(char::is_control, "\u{fffd}"));
            lines.push(Line { text: format!("{before}{space}{shown}"), origin });
        }
    }
}

/// A text as YAML: in quotes where it could be taken for something else.
fn scalar(text: &str) -> String {
    const WORDS: [&str; 11] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "inf", "nan"];
    let plain = text.starts_with(|c: char| c.is_ascii_alphanumeric() || "/<".contains(c))
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./:%<>".contains(c))
        && !text.ends_with(':')
        // Numbers, and what some readers take for times and dates.
        && text.contains(|c: char| c.is_ascii_alphabetic() || "/%".contains(c) || text.contains('.') && c == ':')
        && text.parse::<f64>().is_err()
        && !WORDS.iter().any(|word| text.eq_ignore_ascii_case(word));
    if plain {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            // What YAML does not take as it is: control characters, other line ends and the byte order mark.
            c if c.is_control() || "\u{2028}\u{2029}\u{feff}".contains(c) => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::scalar;
    use crate::report::Report;
    use crate::tree::{Kind, parse};
    use proptest::prelude::{prop_assert_eq, proptest};

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(scalar(text), expected);
    }

    #[test]
    fn a_text_is_quoted_where_it_could_be_something_else() {
        check("127.0.0.1:6262", "127.0.0.1:6262");
        check("http://a:1/x", "http://a:1/x");
        check("0.5%", "0.5%");
        check("15s", "15s");
        check("<hidden>", "<hidden>");
        check("*", "\"*\"");
        check("12", "\"12\"");
        check("1e3", "\"1e3\"");
        check("12:30", "\"12:30\"");
        check("Yes", "\"Yes\"");
        check("", "\"\"");
        check("a: b #c\"\u{7}", "\"a: b #c\\\"\\u0007\"");
    }

    proptest! {
        #[test]
        fn every_text_reads_back(text: String) {
            let yaml = format!("k: {}  # x", scalar(&text));
            let mut report = Report::new("f", &yaml);
            let root = parse(&yaml, &mut report).expect("what is written can be read");
            let Kind::Map(entries) = &root.kind else { return Ok(()) };
            let Some(Kind::Text(read)) = entries.first().map(|e| &e.value.kind) else { return Ok(()) };
            prop_assert_eq!(&**read, &*text);
        }
    }
}
