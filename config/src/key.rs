//! The keys of a configuration: what each is called, what it is for and what it takes.
//!
//! A key is declared once. The reader takes its name, its type and its bounds from here, and so does the schema:
//! what an editor accepts and what linger accepts cannot part ways.

use crate::read::{FromText, Given, Place, within};
use crate::report::Report;
use linger_series::metric;
use serde_json::{Map, Value, json};
use std::fmt;
use std::marker::PhantomData;

/// A key of whatever kind.
pub(crate) type AnyKey = dyn Describe + Sync;

/// What a schema says of a key.
pub(crate) trait Describe {
    /// Its name.
    fn name(&self) -> &'static str;
    /// Whether a mapping must have it.
    fn is_required(&self) -> bool {
        false
    }
    /// The schema of its value.
    fn schema(&self) -> Value;
}

/// A key with one value, which is read as `T`.
pub(crate) trait Scalar: Describe {
    type Value: FromText;
    /// Reads the value.
    fn read(&self, place: Place<'_>, report: &mut Report<'_>) -> Option<Given<Self::Value>>;
}

/// A key whose value is a `T`.
pub(crate) struct Key<T> {
    name: &'static str,
    about: &'static str,
    required: bool,
    value: PhantomData<fn() -> T>,
}

impl<T> Key<T> {
    /// A key that may be left out.
    pub(crate) const fn new(name: &'static str, about: &'static str) -> Self {
        Self { name, about, required: false, value: PhantomData }
    }

    /// A key that a mapping must have.
    pub(crate) const fn required(name: &'static str, about: &'static str) -> Self {
        Self { name, about, required: true, value: PhantomData }
    }
}

impl<T: FromText> Describe for Key<T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn is_required(&self) -> bool {
        self.required
    }

    fn schema(&self) -> Value {
        described(T::JSON.schema(), self.about)
    }
}

impl<T: FromText> Scalar for Key<T> {
    type Value = T;

    fn read(&self, place: Place<'_>, report: &mut Report<'_>) -> Option<Given<T>> {
        place.value(report)
    }
}

/// A key whose value lies between two others, both included.
pub(crate) struct Bounded<T> {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) least: T,
    pub(crate) most: T,
    /// Why there are bounds, said after the one that was broken; may be empty.
    pub(crate) why: &'static str,
}

impl<T: FromText + fmt::Display> Describe for Bounded<T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn schema(&self) -> Value {
        let Self { about, least, most, .. } = self;
        let mut schema = described(T::JSON.schema(), &format!("{about} From {least} to {most}."));
        // A schema knows the order of numbers, not that of durations and sizes.
        if let (Json::Integer, Value::Object(map)) = (T::JSON, &mut schema) {
            let number = |bound: &T| bound.to_string().parse::<i64>().map_or(Value::Null, Value::from);
            map.insert("minimum".to_owned(), number(least));
            map.insert("maximum".to_owned(), number(most));
        }
        schema
    }
}

impl<T: FromText + fmt::Display + PartialOrd + Copy> Scalar for Bounded<T> {
    type Value = T;

    fn read(&self, place: Place<'_>, report: &mut Report<'_>) -> Option<Given<T>> {
        within(place.value(report)?, self.least, self.most, self.why, report)
    }
}

/// A key whose value is a mapping that several places may have; its schema stands once, under `$defs`.
pub(crate) struct Section {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// The schema of the mapping.
    pub(crate) object: fn() -> Value,
}

impl Describe for Section {
    fn name(&self) -> &'static str {
        self.name
    }

    fn schema(&self) -> Value {
        described(json!({"$ref": format!("#/$defs/{}", self.name)}), self.about)
    }
}

/// A key whose value has a shape of its own.
pub(crate) struct Shaped {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) required: bool,
    /// The schema of the value.
    pub(crate) shape: fn() -> Value,
}

impl Describe for Shaped {
    fn name(&self) -> &'static str {
        self.name
    }

    fn is_required(&self) -> bool {
        self.required
    }

    fn schema(&self) -> Value {
        described((self.shape)(), self.about)
    }
}

/// What a text is in JSON, for a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Json {
    Boolean,
    Integer,
    Number,
    /// Any text, also one that looks like a number: YAML does not tell `123` from `"123"` where we read texts.
    Text,
    /// A text of a form.
    Form(&'static str),
    /// A text of a form, or a number.
    FormOrNumber(&'static str),
    /// A text of a form, or 0.
    FormOrZero(&'static str),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// The name of a metric.
    Metric,
}

impl Json {
    /// The schema of such a text.
    pub(crate) fn schema(self) -> Value {
        match self {
            Self::Boolean => json!({"type": "boolean"}),
            Self::Integer => json!({"type": "integer"}),
            Self::Number => json!({"type": "number"}),
            Self::Text => json!({"type": ["string", "number", "boolean"], "minLength": 1}),
            Self::Form(pattern) => json!({"type": "string", "pattern": pattern}),
            Self::FormOrNumber(pattern) => {
                json!({"type": ["string", "number"], "pattern": pattern, "minimum": 0})
            }
            Self::FormOrZero(pattern) => {
                json!({"type": ["string", "integer"], "pattern": pattern, "minimum": 0, "maximum": 0})
            }
            Self::OneOf(words) => json!({"enum": words}),
            Self::Metric => json!({"enum": metric::ALL.iter().map(|m| m.name).collect::<Vec<_>>()}),
        }
    }
}

/// The schema of a mapping with these keys and no others; `defaults` has what those say that may be left out.
pub(crate) fn object(keys: &[&AnyKey], defaults: &Value) -> Value {
    let mut properties = Map::new();
    for key in keys {
        let mut schema = key.schema();
        // What is no value of its own has its defaults inside.
        if let (Value::Object(schema), Some(default)) = (&mut schema, defaults.get(key.name()))
            && !default.is_object()
        {
            schema.insert("default".to_owned(), default.clone());
        }
        properties.insert(key.name().to_owned(), schema);
    }
    let required: Vec<&str> = keys.iter().filter(|key| key.is_required()).map(|key| key.name()).collect();
    let mut object = json!({"type": "object", "properties": properties, "additionalProperties": false});
    if let (Value::Object(object), false) = (&mut object, required.is_empty()) {
        object.insert("required".to_owned(), json!(required));
    }
    object
}

/// A mapping that may be left empty, as `key:` without a value.
pub(crate) fn or_nothing(mut schema: Value) -> Value {
    if let Some(of) = schema.get_mut("type") {
        *of = json!([of.take(), "null"]);
    }
    schema
}

/// A list of at most `most` of these; empty where there is no value.
pub(crate) fn list(item: Value, most: usize) -> Value {
    json!({"type": ["array", "null"], "items": item, "maxItems": most})
}

/// A schema with what it is for.
pub(crate) fn described(schema: Value, about: &str) -> Value {
    let mut described = Map::new();
    described.insert("description".to_owned(), about.into());
    if let Value::Object(schema) = schema {
        described.extend(schema);
    }
    Value::Object(described)
}
