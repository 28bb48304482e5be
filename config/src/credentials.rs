//! Who somebody says they are: a bearer token or a user with a password, either from a file.
//!
//! The same two keys say how a target lets linger in and whom linger's API lets in.

use crate::file_path;
use crate::file_path::FileName;
use crate::key::{AnyKey, Describe, Json, Key, Section, object, or_nothing};
use crate::read::{Fields, FromText, NotThis, Place};
use crate::report::Report;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Who somebody says they are. The files are read at each use, so that a secret can be exchanged while linger
/// runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// The file holds a token, sent as `Authorization: Bearer …`.
    BearerFile(PathBuf),
    /// HTTP basic authentication.
    Basic {
        /// The user, without a colon.
        username: String,
        /// The file holds the password.
        password_file: PathBuf,
    },
}

/// A bearer token.
pub(crate) static AUTHORIZATION: Section = Section {
    name: "authorization",
    about: "A bearer token from a file.",
    object: || or_nothing(object(&[&TYPE, &CREDENTIALS_FILE], &json!({"type": "Bearer"}))),
};

/// A user and a password.
pub(crate) static BASIC_AUTH: Section = Section {
    name: "basic_auth",
    about: "A user, and a password from a file.",
    object: || or_nothing(object(&[&USERNAME, &PASSWORD_FILE], &Value::Null)),
};

/// The keys that say it: one of them.
pub(crate) static KEYS: [&AnyKey; 2] = [&AUTHORIZATION, &BASIC_AUTH];

static TYPE: Key<Bearer> = Key::new("type", "The scheme: Bearer is the only one.");
static CREDENTIALS_FILE: Key<FileName> =
    Key::required("credentials_file", "The file that holds the token, read at each use.");
static USERNAME: Key<Username> = Key::required("username", "The user, without a colon.");
static PASSWORD_FILE: Key<FileName> =
    Key::required("password_file", "The file that holds the password, read at each use.");

/// Longest name of a user, in bytes.
const USERNAME_BYTES_MAX: usize = 256;

impl Credentials {
    /// Reads [`KEYS`] of a mapping that may have more.
    pub(crate) fn read(fields: &Fields<'_>, report: &mut Report<'_>) -> Option<Self> {
        let given = |key: &dyn Describe| fields.get(key).filter(|place| !place.is_null());
        let (authorization, basic) = (given(&AUTHORIZATION), given(&BASIC_AUTH));
        if let (Some(_), Some(basic)) = (&authorization, &basic) {
            basic
                .key_at()
                .fault(report, "`authorization` and `basic_auth`")
                .label("a request carries one of them");
        }
        let bearer = authorization.and_then(|place| bearer(place, report));
        let basic = basic.and_then(|place| self::basic(place, report));
        bearer.or(basic)
    }

    /// Reads a mapping that must have one of [`KEYS`] and nothing else.
    pub(crate) fn read_alone(place: Place<'_>, report: &mut Report<'_>) -> Option<Self> {
        let before = report.len();
        let fields = place.fields(&KEYS, report)?;
        let credentials = Self::read(&fields, report);
        if credentials.is_none() && report.len() == before {
            fields
                .at()
                .fault(report, "no credentials")
                .label("give `authorization: {credentials_file: …}` or `basic_auth`");
        }
        credentials
    }
}

fn bearer(place: Place<'_>, report: &mut Report<'_>) -> Option<Credentials> {
    let fields = place.fields(&[&TYPE, &CREDENTIALS_FILE], report)?;
    // Only told whether it is the one there is.
    fields.value(&TYPE, report);
    file_path::file(&fields, &CREDENTIALS_FILE, report).map(Credentials::BearerFile)
}

fn basic(place: Place<'_>, report: &mut Report<'_>) -> Option<Credentials> {
    let fields = place.fields(&[&USERNAME, &PASSWORD_FILE], report)?;
    let username = fields.value(&USERNAME, report);
    let password_file = file_path::file(&fields, &PASSWORD_FILE, report);
    Some(Credentials::Basic { username: username?.value.0, password_file: password_file? })
}

struct Bearer;

impl FromText for Bearer {
    const EXPECTED: &'static str = "`Bearer`";
    const JSON: Json = Json::Form("^[bB][eE][aA][rR][eE][rR]$");
    fn from_text(text: &str) -> Result<Self, NotThis> {
        // Names of schemes have no case: RFC 9110, 11.1.
        match &*text.to_ascii_lowercase() {
            "bearer" => Ok(Self),
            "basic" => Err(NotThis::new(Self::EXPECTED, "`basic_auth` takes a user and a password")),
            _ => Err(NotThis::new(Self::EXPECTED, "others as `headers: {Authorization: {file: FILE}}`")),
        }
    }
}

struct Username(String);

impl FromText for Username {
    const EXPECTED: &'static str = "the name of a user";
    const JSON: Json = Json::Text;
    fn from_text(text: &str) -> Result<Self, NotThis> {
        match text {
            "" => Err(NotThis::new(Self::EXPECTED, "")),
            // What stands behind the first colon would be the password: RFC 7617, 2.
            _ if text.contains(':') => Err(NotThis::new(Self::EXPECTED, "no colon in it")),
            _ if text.len() > USERNAME_BYTES_MAX => Err(NotThis::new(Self::EXPECTED, "at most 256 bytes")),
            _ if text.chars().any(char::is_control) => {
                Err(NotThis::new(Self::EXPECTED, "no control characters"))
            }
            _ => Ok(Self(text.to_owned())),
        }
    }
}

impl Serialize for Credentials {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Authorization<'a> {
            r#type: &'a str,
            credentials_file: &'a PathBuf,
        }
        #[derive(Serialize)]
        struct BasicAuth<'a> {
            username: &'a str,
            password_file: &'a PathBuf,
        }
        let mut map = serializer.serialize_map(Some(1))?;
        match self {
            Self::BearerFile(credentials_file) => {
                map.serialize_entry(
                    AUTHORIZATION.name,
                    &Authorization { r#type: "Bearer", credentials_file },
                )?;
            }
            Self::Basic { username, password_file } => {
                map.serialize_entry(BASIC_AUTH.name, &BasicAuth { username, password_file })?;
            }
        }
        map.end()
    }
}
