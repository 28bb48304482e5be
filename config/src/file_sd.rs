//! `file_sd:`: files that name targets, in Prometheus' words, and how those targets let linger in.
//!
//! What the files say is read by [`crate::discover`]; here is only which files, and how often.

use crate::Duration;
use crate::access::{self, Access};
use crate::read::{FromText, NotThis, Place, within};
use crate::report::Report;
use serde::Serialize;

/// Files that name targets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileSd {
    /// Names of files ending in `.json`, `.yml` or `.yaml`; in the last part of a name, `*` stands for any text.
    pub files: Vec<String>,
    /// Time from one reading to the next.
    pub refresh: Duration,
    /// How the targets named there let linger in.
    #[serde(flatten)]
    pub access: Access,
}

const KEYS: &[&str] =
    &["files", "refresh", access::KEYS[0], access::KEYS[1], access::KEYS[2], access::KEYS[3]];

/// Most items of `file_sd`, and most names of files in one.
const ITEMS_MAX: usize = 100;

/// Prometheus reads again every 5 minutes and follows changes by inotify; linger only reads again.
const REFRESH: Duration = Duration::from_secs(30);
const REFRESH_MIN: Duration = Duration::from_secs(1);
const REFRESH_MAX: Duration = Duration::from_secs(3600);

impl FileSd {
    /// Reads `file_sd:`, a list.
    pub(crate) fn read_all(place: Place<'_>, report: &mut Report<'_>) -> Vec<Self> {
        let at = place.at.clone();
        let items = place.items(report);
        if items.len() > ITEMS_MAX {
            at.fault(report, format!("{} items", items.len())).label(format!("at most {ITEMS_MAX}"));
            return Vec::new();
        }
        items.into_iter().filter_map(|item| Self::read(item, report)).collect()
    }

    fn read(place: Place<'_>, report: &mut Report<'_>) -> Option<Self> {
        let fields = place.fields(KEYS, report)?;
        let mut files = Vec::new();
        match fields.get("files").filter(|place| !place.is_null()) {
            None => {
                let fault = fields.at().fault(report, "`files` is missing");
                fault.label("`files: [targets/*.json]`, the files that name targets");
            }
            Some(place) => {
                let at = place.at.clone();
                let items = place.items(report);
                if items.len() > ITEMS_MAX {
                    at.fault(report, format!("{} files", items.len())).label(format!("at most {ITEMS_MAX}"));
                }
                for item in items {
                    if let Some(pattern) = item.value::<Pattern>(report) {
                        files.push(report.path(pattern.value.0.as_ref()).display().to_string());
                    }
                }
            }
        }
        let refresh = fields
            .value("refresh", report)
            .and_then(|refresh| within(refresh, REFRESH_MIN, REFRESH_MAX, "", report))
            .map_or(REFRESH, |refresh| refresh.value);
        Some(Self { files, refresh, access: Access::read(&fields, report) })
    }
}

struct Pattern(String);

impl FromText for Pattern {
    const EXPECTED: &'static str = "the name of a file such as `targets/*.json`";
    fn from_text(text: &str) -> Result<Self, NotThis> {
        let wrong = |hint: &str| Err(NotThis::new(Self::EXPECTED, hint));
        // The names Prometheus takes: discovery/file/file.go, patFileSDName (3.0).
        let (folder, name) = text.rsplit_once('/').unwrap_or(("", text));
        if folder.contains('*') {
            return wrong("`*` stands only in the last part of the name");
        }
        if !["json", "yml", "yaml", "JSON", "YML", "YAML"]
            .iter()
            .any(|ext| name.strip_suffix(ext).and_then(|stem| stem.strip_suffix('.')).is_some())
        {
            return wrong("it ends in `.json`, `.yml` or `.yaml`");
        }
        if text.contains(['\0', '\n']) {
            return wrong("no control characters");
        }
        Ok(Self(text.to_owned()))
    }
}
