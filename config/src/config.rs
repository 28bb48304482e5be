//! The configuration as a whole: where it comes from and what must hold between its parts.

use crate::collector::Said;
use crate::fault::{Report, quoted};
use crate::read::{At, FromText, NotThis, Place, within};
use crate::target::TARGETS_MAX;
use crate::tree::{self, FILE_BYTES_MAX};
use crate::{Alert, Collectors, Error, Faults, ListenAddr, Ratio, Retention, Target, TargetUrl, TimeScale};
use serde::Serialize;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Everything an agent is told. Serialised, it is a file that reads back as itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Config {
    /// Where the API listens.
    pub listen: ListenAddr,
    /// Folder of the store; `None`: the agent chooses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,
    /// The watched services; none is an agent that only serves what it has stored.
    pub targets: Vec<Target>,
    /// What targets collect unless they say otherwise; already part of each of [`Config::targets`].
    pub collectors: Collectors,
    /// Most sites kept apart for a target and metric; the rest is summed as `other`.
    pub sites_max: u32,
    /// Largest share of one core a target may spend on being scraped.
    pub duty_cycle_max: Ratio,
    /// What the store keeps.
    pub retention: Retention,
    /// Thresholds.
    pub alerts: Vec<Alert>,
}

const KEYS: &[&str] =
    &["listen", "data", "targets", "collectors", "sites_max", "duty_cycle_max", "retention", "alerts"];

/// Most sites: every one is a series in the store and a line on a page.
const SITES_MAX_MOST: u32 = 10_000;

/// Largest duty cycle: beyond it the watching is the load.
const DUTY_CYCLE_MOST: Ratio = Ratio::from_percent(10.0);

/// Smallest duty cycle: below it even the cheapest scrape is not affordable.
const DUTY_CYCLE_LEAST: Ratio = Ratio::from_percent(0.01);

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: ListenAddr::loopback(6262),
            data: None,
            targets: Vec::new(),
            collectors: Collectors::default(),
            sites_max: 200,
            duty_cycle_max: Ratio::from_percent(0.5),
            retention: Retention::default(),
            alerts: Alert::defaults(),
        }
    }
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// The file cannot be read or is not UTF-8, or all that is wrong in it.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let fail = |source| Error::Read { path: path.to_owned(), source };
        let mut bytes = Vec::new();
        // One byte more than is accepted: enough to see that there is more.
        let limit = u64::try_from(FILE_BYTES_MAX + 1).unwrap_or(u64::MAX);
        File::open(path).map_err(fail)?.take(limit).read_to_end(&mut bytes).map_err(fail)?;
        if bytes.len() > FILE_BYTES_MAX {
            // The cut may have split a character; the size alone is what is wrong.
            bytes.fill(b' ');
        }
        let text = String::from_utf8(bytes)
            .map_err(|e| Error::NotText { path: path.to_owned(), at_byte: e.utf8_error().valid_up_to() })?;
        Ok(Self::parse(&text, &path.display().to_string())?)
    }

    /// Reads the text of a file; `file_name` is shown with faults.
    ///
    /// # Errors
    /// All that is wrong. A text that is not YAML has that one fault.
    pub fn parse(text: &str, file_name: &str) -> Result<Self, Faults> {
        let mut report = Report::new(file_name, text);
        let config = match tree::parse(text, &mut report) {
            Some(root) => Self::read(Place::root(&root), &mut report),
            None => Self::default(),
        };
        report.finish(config)
    }

    /// The defaults with these targets, for a command line without a file.
    ///
    /// # Errors
    /// See [`Config::with_targets`].
    pub fn for_targets<S: AsRef<str>>(urls: impl IntoIterator<Item = S>) -> Result<Self, Faults> {
        Self::default().with_targets(urls)
    }

    /// Adds targets from a command line. They collect what the file says for all targets.
    ///
    /// # Errors
    /// All addresses that are faulty or were given before; line N is the Nth of them.
    pub fn with_targets<S: AsRef<str>>(mut self, urls: impl IntoIterator<Item = S>) -> Result<Self, Faults> {
        let urls: Vec<String> =
            urls.into_iter().map(|url| url.as_ref().replace(char::is_control, "\u{fffd}")).collect();
        let text = urls.join("\n");
        let mut report = Report::new("command line", &text);
        let mut start = 0;
        for url in &urls {
            let at = At { span: start..start + url.len(), key: String::new() };
            start = at.span.end + 1;
            match url.parse::<TargetUrl>() {
                Ok(url) => self.add_target(Target::new(url, self.collectors.clone()), &at, &mut report),
                Err(NotThis { expected, hint }) => {
                    at.fault(&mut report, format!("expected {expected}, found {}", quoted(url))).label(hint);
                }
            }
        }
        report.finish(self)
    }

    /// Life `by` times faster: intervals, windows and how long alerts wait are divided. Windows stay whole
    /// seconds and intervals at least twice their window; timeouts and retention stay as they are.
    #[must_use]
    pub fn scaled(mut self, by: TimeScale) -> Self {
        self.collectors = self.collectors.scaled(by);
        for target in &mut self.targets {
            target.collectors = target.collectors.scaled(by);
        }
        for alert in &mut self.alerts {
            alert.hold = alert.hold.shorter(by);
        }
        self
    }

    fn read(place: Place<'_>, report: &mut Report<'_>) -> Self {
        let mut config = Self::default();
        let Some(fields) = place.fields(KEYS, report) else { return config };
        if let Some(listen) = fields.value("listen", report) {
            config.listen = listen.value;
        }
        config.data = fields.value::<Folder>("data", report).map(|data| data.value.0);
        let for_all = fields.get("collectors").map(|place| Said::read(place, report)).unwrap_or_default();
        config.collectors = Said::resolve(&[&for_all], report);
        if let Some(sites) = fields
            .value::<u32>("sites_max", report)
            .and_then(|sites| within(sites, 1, SITES_MAX_MOST, "", report))
        {
            config.sites_max = sites.value;
        }
        if let Some(duty) = fields.value::<Ratio>("duty_cycle_max", report).and_then(|duty| {
            within(duty, DUTY_CYCLE_LEAST, DUTY_CYCLE_MOST, "; `0.5%` is half a percent of a core", report)
        }) {
            config.duty_cycle_max = duty.value;
        }
        if let Some(place) = fields.get("retention") {
            config.retention = Retention::read(place, report);
        }
        if let Some(place) = fields.get("alerts") {
            config.alerts = Alert::read_all(place, report);
        }
        if let Some(place) = fields.get("targets") {
            config.read_targets(place, &for_all, report);
        }
        config
    }

    fn read_targets(&mut self, place: Place<'_>, for_all: &Said, report: &mut Report<'_>) {
        let at = place.at.clone();
        let items = place.items(report);
        if items.len() > TARGETS_MAX {
            at.fault(report, format!("{} targets", items.len())).label(format!("at most {TARGETS_MAX}"));
            return;
        }
        for item in items {
            if let Some((target, at)) = Target::read(item, for_all, report) {
                self.add_target(target, &at, report);
            }
        }
    }

    fn add_target(&mut self, target: Target, at: &At, report: &mut Report<'_>) {
        if self.targets.len() == TARGETS_MAX {
            at.fault(report, "one target too many").label(format!("at most {TARGETS_MAX}"));
        } else if self.targets.iter().any(|other| other.name == target.name) {
            at.fault(report, format!("a second target named {}", quoted(&target.name)))
                .label("give one of them another `name`");
        } else {
            self.targets.push(target);
        }
    }
}

struct Folder(PathBuf);

impl FromText for Folder {
    const EXPECTED: &'static str = "a folder such as `/var/lib/linger`";
    fn from_text(text: &str) -> Result<Self, NotThis> {
        match text {
            "" => Err(NotThis::new(Self::EXPECTED, "leave the key out for the default")),
            _ if text.starts_with('~') => Err(NotThis::new(Self::EXPECTED, "`~` is not expanded here")),
            _ if text.contains('\0') => Err(NotThis::new(Self::EXPECTED, "")),
            _ => Ok(Self(PathBuf::from(text))),
        }
    }
}
