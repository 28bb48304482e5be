//! Tree -> values: what every type that reads itself from a configuration shares.
//!
//! Nothing here stops at a fault: it is reported, the value is left out, and the reading goes on, so that one
//! run finds everything.

use crate::excerpt::{Span, quoted};
use crate::fault::Fault;
use crate::key::{AnyKey, Describe, Json, Scalar};
use crate::nearest::nearest;
use crate::report::Report;
use crate::tree::{Entry, Kind, Node, names_a_secret};
use std::fmt;

/// A text that is not what its type takes: what was expected, and what to do about this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotThis {
    /// What is expected, with an example.
    pub expected: &'static str,
    /// What to do about this text; may be empty.
    pub hint: String,
}

impl NotThis {
    pub(crate) fn new(expected: &'static str, hint: impl Into<String>) -> Self {
        Self { expected, hint: hint.into() }
    }
}

impl fmt::Display for NotThis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}", self.expected)?;
        match &*self.hint {
            "" => Ok(()),
            hint => write!(f, " ({hint})"),
        }
    }
}

impl std::error::Error for NotThis {}

/// Where a value stands: its place in the text and its path of keys.
#[derive(Clone, Debug)]
pub(crate) struct At {
    pub(crate) span: Span,
    pub(crate) key: String,
}

impl At {
    /// Reports a fault here.
    pub(crate) fn fault<'r>(&self, report: &'r mut Report<'_>, message: impl Into<String>) -> &'r mut Fault {
        report.add(&self.span, &self.key, message)
    }
}

/// A value and where it was given.
#[derive(Clone, Debug)]
pub(crate) struct Given<T> {
    pub(crate) value: T,
    pub(crate) at: At,
}

/// A node to be read, and where it stands.
pub(crate) struct Place<'n> {
    node: &'n Node<'n>,
    pub(crate) at: At,
    key_span: Option<Span>,
}

impl<'n> Place<'n> {
    /// The whole document.
    pub(crate) fn root(node: &'n Node<'n>) -> Self {
        Self { node, at: At { span: node.span.clone(), key: String::new() }, key_span: None }
    }

    fn child(&self, entry: &'n Entry<'n>) -> Self {
        let key = match &*self.at.key {
            "" => entry.key.to_string(),
            path => format!("{path}.{}", entry.key),
        };
        // A value that is not there stands nowhere; its key does.
        let span = match entry.value.kind {
            Kind::Null => entry.key_span.clone(),
            _ => entry.value.span.clone(),
        };
        Self { node: &entry.value, at: At { span, key }, key_span: Some(entry.key_span.clone()) }
    }

    /// Where its key stands, for faults of the key itself.
    pub(crate) fn key_at(&self) -> At {
        At { span: self.key_span.clone().unwrap_or(self.at.span.clone()), key: self.at.key.clone() }
    }

    /// Whether no value follows the key.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self.node.kind, Kind::Null)
    }

    /// Whether a text stands here.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self.node.kind, Kind::Text(_))
    }

    /// Whether a mapping stands here.
    pub(crate) fn is_map(&self) -> bool {
        matches!(self.node.kind, Kind::Map(_))
    }

    /// No fault shows what stands here.
    pub(crate) fn hide(&self, report: &mut Report<'_>) {
        report.hide(&self.node.span);
    }

    /// The mapping here, all of whose keys must be among `known`. No value reads as an empty mapping.
    pub(crate) fn fields(self, known: &[&AnyKey], report: &mut Report<'_>) -> Option<Fields<'n>> {
        let entries = self.entries(report)?;
        let known: Vec<&str> = known.iter().map(|key| key.name()).collect();
        // Whoever errs in a key where secrets are near may have written one behind it.
        let among_secrets = self.at.key.contains(".headers.") || last_key_names_a_secret(&self.at.key);
        for entry in entries.iter().filter(|e| !known.contains(&&*e.key)) {
            let (name, span) = (&*entry.key, &entry.key_span);
            if among_secrets {
                report.hide(&entry.value.span);
            }
            let path = match &*self.at.key {
                "" => name.to_owned(),
                path => format!("{path}.{name}"),
            };
            let fault = report.add(span, &path, format!("unknown key {}", quoted(name)));
            let in_file = format!("{name}_file");
            match nearest(name, known.iter().copied()) {
                _ if known.contains(&&*in_file) => {
                    fault.label(format!("`{in_file}: FILE`: secrets are read from files, not from here"))
                }
                Some(meant) => fault.label(format!("did you mean `{meant}`?")),
                None if names_a_secret(name) => {
                    fault.label("secrets are not written here, only the files that hold them")
                }
                None if name == "<<" => fault.label("merge keys are not read"),
                None => fault,
            };
            fault.note(format!("known here: {}", known.join(", ")));
        }
        Some(Fields { place: self, entries })
    }

    /// All keys of the mapping here with their values, whatever the keys are.
    pub(crate) fn pairs(self, report: &mut Report<'_>) -> Vec<(&'n str, Place<'n>)> {
        let entries = self.entries(report).unwrap_or(&[]);
        entries.iter().map(|e| (&*e.key, self.child(e))).collect()
    }

    fn entries(&self, report: &mut Report<'_>) -> Option<&'n [Entry<'n>]> {
        match &self.node.kind {
            Kind::Map(entries) => Some(entries),
            Kind::Null => Some(&[]),
            Kind::Unknown => None,
            _ => {
                let found = self.node.describe(report);
                self.at.fault(report, format!("expected a mapping, `key: value` lines, found {found}"));
                None
            }
        }
    }

    /// The items of the list here. No value reads as an empty list.
    pub(crate) fn items(self, report: &mut Report<'_>) -> Vec<Place<'n>> {
        match &self.node.kind {
            Kind::List(items) => items
                .iter()
                .enumerate()
                .map(|(i, node)| Place {
                    node,
                    at: At { span: node.span.clone(), key: format!("{}[{i}]", self.at.key) },
                    key_span: None,
                })
                .collect(),
            Kind::Null | Kind::Unknown => Vec::new(),
            _ => {
                let found = self.node.describe(report);
                self.at
                    .fault(report, format!("expected a list, found {found}"))
                    .label("put `- ` before each item");
                Vec::new()
            }
        }
    }

    /// The text here, read as `T`.
    pub(crate) fn value<T: FromText>(self, report: &mut Report<'_>) -> Option<Given<T>> {
        let read = match &self.node.kind {
            Kind::Text(text) => T::from_text(text),
            Kind::Unknown => return None,
            _ => Err(NotThis::new(T::EXPECTED, "")),
        };
        match read {
            Ok(value) => Some(Given { value, at: self.at }),
            Err(NotThis { expected, hint }) => {
                let found = self.node.describe(report);
                self.at.fault(report, format!("expected {expected}, found {found}")).label(hint);
                None
            }
        }
    }
}

/// Whether a path of keys ends with one such as `basic_auth` or `authorization`.
fn last_key_names_a_secret(path: &str) -> bool {
    names_a_secret(path.rsplit('.').next().unwrap_or(""))
}

/// A mapping whose keys are known.
pub(crate) struct Fields<'n> {
    pub(crate) place: Place<'n>,
    entries: &'n [Entry<'n>],
}

impl<'n> Fields<'n> {
    /// Where the mapping stands.
    pub(crate) fn at(&self) -> &At {
        &self.place.at
    }

    /// What `key` has, where it is given.
    pub(crate) fn get(&self, key: &dyn Describe) -> Option<Place<'n>> {
        self.entries.iter().find(|e| e.key == key.name()).map(|e| self.place.child(e))
    }

    /// What `key` has; `None` where it is not given or faulty. A fault where it is missing and must be given.
    pub(crate) fn value<K: Scalar>(&self, key: &K, report: &mut Report<'_>) -> Option<Given<K::Value>> {
        match self.get(key) {
            Some(place) => key.read(place, report),
            None => {
                if key.is_required() {
                    let name = key.name();
                    self.at()
                        .fault(report, format!("`{name}` is missing"))
                        .label(format!("`{name}: …`, {}", K::Value::EXPECTED));
                }
                None
            }
        }
    }
}

/// A type that reads itself from one text.
pub(crate) trait FromText: Sized {
    /// What is expected, with an example.
    const EXPECTED: &'static str;
    /// What it is in JSON.
    const JSON: Json;
    /// Reads it.
    fn from_text(text: &str) -> Result<Self, NotThis>;
}

/// A type that is written as it is read, as one text: by `FromStr` and `Display`.
macro_rules! written_as_text {
    ($type:ty, $expected:expr, $json:expr) => {
        impl $crate::read::FromText for $type {
            const EXPECTED: &'static str = $expected;
            const JSON: $crate::key::Json = $json;
            fn from_text(text: &str) -> Result<Self, $crate::read::NotThis> {
                text.parse()
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}
pub(crate) use written_as_text;

impl FromText for String {
    const EXPECTED: &'static str = "a text";
    const JSON: Json = Json::Text;
    fn from_text(text: &str) -> Result<Self, NotThis> {
        Ok(text.to_owned())
    }
}

impl FromText for bool {
    const EXPECTED: &'static str = "`true` or `false`";
    const JSON: Json = Json::Boolean;
    fn from_text(text: &str) -> Result<Self, NotThis> {
        match text {
            "true" => Ok(true),
            "false" => Ok(false),
            "yes" | "on" | "True" | "TRUE" => Err(NotThis::new(Self::EXPECTED, "write `true`")),
            "no" | "off" | "False" | "FALSE" => Err(NotThis::new(Self::EXPECTED, "write `false`")),
            _ => Err(NotThis::new(Self::EXPECTED, "")),
        }
    }
}

impl FromText for u32 {
    const EXPECTED: &'static str = "a whole number";
    const JSON: Json = Json::Integer;
    fn from_text(text: &str) -> Result<Self, NotThis> {
        text.parse().map_err(|_| NotThis::new(Self::EXPECTED, ""))
    }
}

impl FromText for f64 {
    const EXPECTED: &'static str = "a number";
    const JSON: Json = Json::Number;
    fn from_text(text: &str) -> Result<Self, NotThis> {
        match text.parse::<Self>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => Err(NotThis::new(Self::EXPECTED, "")),
        }
    }
}

/// Keeps a value inside `least..=most`, or says which bound it broke and why there is one.
pub(crate) fn within<T: PartialOrd + fmt::Display>(
    given: Given<T>,
    least: T,
    most: T,
    why: &str,
    report: &mut Report<'_>,
) -> Option<Given<T>> {
    let (bound, word) = if given.value < least {
        (least, "at least")
    } else if given.value > most {
        (most, "at most")
    } else {
        return Some(given);
    };
    given.at.fault(report, format!("{} is out of range", given.value)).label(format!("{word} {bound}{why}"));
    None
}
