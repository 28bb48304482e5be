//! Who somebody says they are: a bearer token or a user with a password, either from a file.
//!
//! The same two keys say how a target lets linger in and whom linger's API lets in.

use crate::file_path;
use crate::read::{Fields, FromText, NotThis, Place};
use crate::report::Report;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
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

/// The keys that say it: one of them.
pub(crate) const KEYS: [&str; 2] = ["authorization", "basic_auth"];

/// Longest name of a user, in bytes.
const USERNAME_BYTES_MAX: usize = 256;

impl Credentials {
    /// Reads [`KEYS`] of a mapping that may have more.
    pub(crate) fn read(fields: &Fields<'_>, report: &mut Report<'_>) -> Option<Self> {
        let [authorization, basic] = KEYS.map(|key| fields.get(key).filter(|place| !place.is_null()));
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
    let fields = place.fields(&["type", "credentials_file"], report)?;
    // Only told whether it is the one there is.
    fields.value::<Bearer>("type", report);
    file_path::required_file(&fields, "credentials_file", report).map(Credentials::BearerFile)
}

fn basic(place: Place<'_>, report: &mut Report<'_>) -> Option<Credentials> {
    let fields = place.fields(&["username", "password_file"], report)?;
    let username = fields.required::<Username>("username", report);
    let password_file = file_path::required_file(&fields, "password_file", report);
    Some(Credentials::Basic { username: username?.value.0, password_file: password_file? })
}

struct Bearer;

impl FromText for Bearer {
    const EXPECTED: &'static str = "`Bearer`";
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
                map.serialize_entry(KEYS[0], &Authorization { r#type: "Bearer", credentials_file })?;
            }
            Self::Basic { username, password_file } => {
                map.serialize_entry(KEYS[1], &BasicAuth { username, password_file })?;
            }
        }
        map.end()
    }
}
