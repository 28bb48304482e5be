//! Headers sent with each request to a target.
//!
//! Refused: headers that linger or its HTTP client sets itself, and those that make a server answer with something
//! else than the whole profile. `Host` may be set: a sidecar asks 127.0.0.1, and a service behind a router of
//! names answers only to its own. `Authorization` only from a file, since it always is a secret.

use crate::excerpt::quoted;
use crate::file_path;
use crate::file_path::FileName;
use crate::key::{Json, Key, object};
use crate::read::{FromText, NotThis, Place};
use crate::report::Report;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use std::fmt;
use std::path::PathBuf;

/// The value of a header.
#[derive(Clone, PartialEq, Eq)]
pub enum HeaderValue {
    /// Written in the configuration; shown nowhere, since it may be a secret all the same.
    Text(String),
    /// What the file holds, read at each use, without line ends at its end.
    File(PathBuf),
}

/// Stands for a text that is not shown. It is a legal value, so that a shown configuration reads back.
const HIDDEN: &str = "<hidden>";

/// Most headers of a target.
const HEADERS_MAX: usize = 32;

/// Longest name of a header, in bytes.
const NAME_BYTES_MAX: usize = 128;

/// Longest value of a header, in bytes: servers refuse longer requests, Go from 1 MiB, others from 8 KiB.
const VALUE_BYTES_MAX: usize = 4096;

/// Headers a user may not set, and why.
const REFUSED: [(&str, &str); 15] = [
    ("accept", OWN),
    ("accept-encoding", OWN),
    ("connection", OWN),
    ("content-length", OWN),
    ("content-type", OWN),
    ("expect", OWN),
    ("keep-alive", OWN),
    ("proxy-authorization", "targets are never asked through a proxy"),
    ("proxy-connection", "targets are never asked through a proxy"),
    ("range", "a part of a profile tells something false"),
    ("te", OWN),
    ("trailer", OWN),
    ("transfer-encoding", OWN),
    ("upgrade", OWN),
    ("user-agent", "the logs of a service must say who asked"),
];
const OWN: &str = "linger sets it itself";

static FILE: Key<FileName> = Key::required("file", "The file that holds the value, read at each use.");

/// The schema of `headers:`.
pub(crate) fn schema() -> Value {
    let value = json!({"anyOf": [Text::JSON.schema(), object(&[&FILE], &Value::Null)]});
    json!({
        "type": ["object", "null"],
        "propertyNames": {"pattern": "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", "maxLength": NAME_BYTES_MAX},
        "additionalProperties": value,
        "maxProperties": HEADERS_MAX,
    })
}

/// Reads `headers:`, a mapping of names to texts or `{file: FILE}`.
pub(crate) fn read_all(place: Place<'_>, report: &mut Report<'_>) -> Vec<(String, HeaderValue)> {
    let at = place.at.clone();
    let pairs = place.pairs(report);
    let count = pairs.len();
    let mut headers: Vec<(String, HeaderValue)> = Vec::new();
    for (name, place) in pairs {
        // Whatever is wrong, no fault shows it.
        if place.is_text() {
            place.hide(report);
        }
        let name_at = place.key_at();
        if let Err(why) = check_name(name) {
            name_at.fault(report, format!("{} cannot be a header", quoted(name))).label(why);
        } else if headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
            name_at.fault(report, format!("a second header {}", quoted(name))).label("names have no case");
        } else if name.eq_ignore_ascii_case("authorization") && place.is_text() {
            name_at
                .fault(report, "a secret is not written here")
                .label("`Authorization: {file: FILE}`, or use `authorization` or `basic_auth`");
        }
        if let Some(value) = HeaderValue::read(place, report) {
            headers.push((name.to_owned(), value));
        }
    }
    if count > HEADERS_MAX {
        at.fault(report, format!("{count} headers")).label(format!("at most {HEADERS_MAX}"));
    }
    headers
}

/// Whether a header of this name may be sent to a target with a value from a file, and if not, why.
///
/// # Errors
/// The reason, for people.
pub fn check_name(name: &str) -> Result<(), &'static str> {
    // A token: RFC 9110, 5.6.2.
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(token) {
        return Err("letters, digits and `-`");
    }
    if name.len() > NAME_BYTES_MAX {
        return Err("at most 128 bytes");
    }
    let refused = REFUSED.iter().find(|(refused, _)| name.eq_ignore_ascii_case(refused));
    refused.map_or(Ok(()), |(_, why)| Err(why))
}

impl HeaderValue {
    fn read(place: Place<'_>, report: &mut Report<'_>) -> Option<Self> {
        if place.is_map() {
            let fields = place.fields(&[&FILE], report)?;
            return file_path::file(&fields, &FILE, report).map(Self::File);
        }
        place.value::<Text>(report).map(|text| Self::Text(text.value.0))
    }
}

impl fmt::Debug for HeaderValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str(HIDDEN),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

impl Serialize for HeaderValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(_) => serializer.serialize_str(HIDDEN),
            Self::File(path) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("file", path)?;
                map.end()
            }
        }
    }
}

struct Text(String);

impl FromText for Text {
    const EXPECTED: &'static str = "the value of a header, or `{file: FILE}`";
    const JSON: Json = Json::Text;
    fn from_text(text: &str) -> Result<Self, NotThis> {
        let wrong = |hint: &str| Err(NotThis::new(Self::EXPECTED, hint));
        match text {
            "" => wrong("leave the header out"),
            _ if text.len() > VALUE_BYTES_MAX => wrong("at most 4096 bytes"),
            // Field values: RFC 9110, 5.5. What is not ASCII has no meaning all servers agree on.
            _ if text.chars().any(|c| !c.is_ascii() || (c.is_ascii_control() && c != '\t')) => {
                wrong("ASCII characters in one line")
            }
            _ if text.trim() != text => wrong("no spaces at its ends: they would be lost"),
            _ => Ok(Self(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{HeaderValue, REFUSED, check_name};

    #[test]
    fn names_are_tokens_and_not_lingers_own() {
        for name in ["X-Scope-OrgID", "Host", "Authorization", "x_y"] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in ["", "a b", "a:", "\u{e9}", "Accept-Encoding", "CONTENT-LENGTH", "Connection"] {
            assert!(check_name(name).is_err(), "{name}");
        }
        assert!(REFUSED.iter().all(|(name, _)| name.to_ascii_lowercase() == *name));
    }

    #[test]
    fn a_text_is_shown_nowhere() {
        let value = HeaderValue::Text("hunter2".to_owned());
        assert_eq!(format!("{value:?} {}", serde_json::to_string(&value).unwrap()), "<hidden> \"<hidden>\"");
    }
}
