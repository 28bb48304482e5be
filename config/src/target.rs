//! A watched service: its address, what it is called, its labels, how it lets linger in and how it is collected.

use crate::access::{self, Access};
use crate::collector::Said;
use crate::excerpt::quoted;
use crate::read::{At, FromText, Given, NotThis, Place};
use crate::report::Report;
use crate::{Collectors, TargetUrl};
use linger_series::{Labels, metric};
use serde::{Serialize, Serializer};
use std::path::PathBuf;

/// A watched service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Target {
    /// Where it is.
    pub url: TargetUrl,
    /// What it is called in the `target` label and on the command line; each name once.
    pub name: String,
    /// Labels every series of it carries.
    #[serde(serialize_with = "as_map")]
    pub labels: Labels,
    /// How it lets linger in.
    #[serde(flatten)]
    pub access: Access,
    /// How it is collected: the settings for all targets, and over them its own.
    pub collectors: Collectors,
    /// The file of `file_sd` that names it; `None` for a target of the configuration itself.
    #[serde(skip)]
    pub discovered_in: Option<PathBuf>,
}

const KEYS: &[&str] = &[
    "url",
    "name",
    "labels",
    access::KEYS[0],
    access::KEYS[1],
    access::KEYS[2],
    access::KEYS[3],
    "collectors",
];

/// Most targets: a sidecar has one; beyond this, several agents share the load.
pub(crate) const TARGETS_MAX: usize = 1000;

/// Most labels of a target; every series carries them.
const LABELS_MAX: usize = 30;

/// Longest name of a target, and longest value of a label, in bytes.
const TEXT_BYTES_MAX: usize = 256;

impl Target {
    /// A target with nothing but an address.
    #[must_use]
    pub fn new(url: TargetUrl, collectors: Collectors) -> Self {
        let (name, labels, access) = (url.name(), Labels::empty(), Access::default());
        Self { url, name, labels, access, collectors, discovered_in: None }
    }

    /// Reads one item of `targets:`; beside it comes where its name was given.
    pub(crate) fn read(place: Place<'_>, for_all: &Said, report: &mut Report<'_>) -> Option<(Self, At)> {
        let fields = place.fields(KEYS, report)?;
        let url = fields.required::<TargetUrl>("url", report);
        let name = fields.value::<TargetName>("name", report);
        let labels =
            fields.get("labels").map_or_else(Labels::empty, |place| labels(place, |_| false, report));
        let own = fields.get("collectors").map(|place| Said::read(place, report)).unwrap_or_default();
        let collectors = Said::resolve(&[&own, for_all], report);
        let access = Access::read(&fields, report);
        let url = url?;
        Access::judge(&fields, &url.value, report);
        let (name, at) = match name {
            Some(Given { value: TargetName(name), at }) => (name, at),
            None => (url.value.name(), url.at),
        };
        Some((Self { url: url.value, name, labels, access, collectors, discovered_in: None }, at))
    }
}

/// Reads `labels:`. Those whose name `skip` knows are left to the caller.
pub(crate) fn labels(place: Place<'_>, skip: impl Fn(&str) -> bool, report: &mut Report<'_>) -> Labels {
    let at = place.at.clone();
    let mut pairs = place.pairs(report);
    pairs.retain(|(name, _)| !skip(name));
    if pairs.len() > LABELS_MAX {
        at.fault(report, format!("{} labels", pairs.len())).label(format!("at most {LABELS_MAX}"));
        return Labels::empty();
    }
    let mut kept = Vec::new();
    for (name, place) in pairs {
        if let Err(label) = check_name(name) {
            let key = place.key_at();
            key.fault(report, format!("{} cannot be a label", quoted(name))).label(label);
        }
        if let Some(value) = place.value::<LabelValue>(report) {
            kept.push((name, value.value.0));
        }
    }
    Labels::new(kept)
}

/// Whether a target may have a label of this name, or why not.
fn check_name(name: &str) -> Result<(), String> {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !starts || name.chars().any(|c| !c.is_ascii_alphanumeric() && c != '_') {
        return Err("letters, digits and `_`, not a digit first".to_owned());
    }
    if name.len() > TEXT_BYTES_MAX {
        return Err(format!("at most {TEXT_BYTES_MAX} bytes"));
    }
    if name.starts_with("__") {
        return Err("names with `__` are Prometheus' own".to_owned());
    }
    // `le` and `quantile` mean something in every exposition of histograms and summaries.
    let ours = ["target", "le", "quantile"].contains(&name)
        || metric::ALL.iter().any(|metric| metric.labels.contains(&name));
    if ours { Err("linger sets this label itself".to_owned()) } else { Ok(()) }
}

fn as_map<S: Serializer>(labels: &Labels, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(labels.iter())
}

struct TargetName(String);

impl FromText for TargetName {
    const EXPECTED: &'static str = "a name such as `checkout`";
    fn from_text(text: &str) -> Result<Self, NotThis> {
        match plain_text(text) {
            Ok(()) if text.contains(char::is_whitespace) => {
                Err(NotThis::new(Self::EXPECTED, "no spaces: it is typed on the command line"))
            }
            Ok(()) => Ok(Self(text.to_owned())),
            Err(hint) => Err(NotThis::new(Self::EXPECTED, hint)),
        }
    }
}

struct LabelValue(String);

impl FromText for LabelValue {
    const EXPECTED: &'static str = "the value of a label";
    fn from_text(text: &str) -> Result<Self, NotThis> {
        plain_text(text).map_err(|hint| NotThis::new(Self::EXPECTED, hint))?;
        Ok(Self(text.to_owned()))
    }
}

fn plain_text(text: &str) -> Result<(), &'static str> {
    match text {
        "" => Err("an empty text is no value; leave the key out"),
        _ if text.len() > TEXT_BYTES_MAX => Err("at most 256 bytes"),
        _ if text.chars().any(char::is_control) => Err("no control characters"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::check_name;

    #[test]
    fn labels_linger_sets_itself_are_reserved() {
        for name in ["target", "site", "class", "kind", "collector", "le", "__name__", "1a", "a-b", ""] {
            assert!(check_name(name).is_err(), "{name}");
        }
        for name in ["job", "instance", "team", "_x", "Env2"] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
    }
}
