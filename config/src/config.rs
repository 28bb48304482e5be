//! The configuration as a whole, and what must hold between its parts.

use crate::access::TLS_CONFIG;
use crate::alert::ALERTS;
use crate::collector::COLLECTORS;
use crate::collector::Said;
use crate::credentials::{self, AUTHORIZATION, BASIC_AUTH, Credentials};
use crate::excerpt::quoted;
use crate::file_path::FolderName;
use crate::file_sd::FILE_SD;
use crate::key::{AnyKey, Bounded, Key, Section, object, or_nothing};
use crate::layers::{self, Layers, Setting, SettingAt, Settings};
use crate::origin::Origins;
use crate::read::{At, FromText, NotThis, Place};
use crate::report::Report;
use crate::retention::RETENTION;
use crate::target::{TARGETS, TARGETS_MAX};
use crate::tls::TLS;
use crate::{
    Alert, Collectors, Error, Faults, FileSd, ListenAddr, Ratio, Retention, Target, TargetUrl, TimeScale,
    TlsServer,
};
use serde::Serialize;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Everything an agent is told. Serialised, it is a file that reads back as itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Config {
    /// Where the API listens. On a network only with [`Config::auth`] and [`Config::tls`].
    pub listen: ListenAddr,
    /// Whom the API lets in; `None`: everybody who reaches it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<Credentials>,
    /// The certificate the API shows; `None`: it speaks plain HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsServer>,
    /// Where `/metrics` and `/-/healthy` are served, and nothing else; `None`: nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics_listen: Option<ListenAddr>,
    /// Folder of the store; `None`: the agent chooses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,
    /// The watched services; none is an agent that only serves what it has stored.
    pub targets: Vec<Target>,
    /// Files that name more of them.
    pub file_sd: Vec<FileSd>,
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

/// The keys of the file.
static KEYS: &[&AnyKey] = &[
    &LISTEN,
    &AUTH,
    &TLS,
    &METRICS_LISTEN,
    &DATA,
    &TARGETS,
    &FILE_SD,
    &COLLECTORS,
    &SITES_MAX,
    &DUTY_CYCLE_MAX,
    &RETENTION,
    &ALERTS,
];

static LISTEN: Key<ListenAddr> = Key::new(
    "listen",
    "Where the API listens: a loopback address or unix:///run/linger.sock; another address needs auth and tls.",
);
static AUTH: Section = Section {
    name: "auth",
    about: "Whom the API lets in: authorization or basic_auth. Default: everybody who reaches it.",
    object: || or_nothing(object(&credentials::KEYS, &Value::Null)),
};
static METRICS_LISTEN: Key<ListenAddr> = Key::new(
    "metrics_listen",
    "Where /metrics and /-/healthy are served and nothing else. Default: nowhere.",
);
static DATA: Key<FolderName> =
    Key::new("data", "Folder of the store. Default: $STATE_DIRECTORY, else the XDG state folder.");
static SITES_MAX: Bounded<u32> = Bounded {
    name: "sites_max",
    about: "Most sites kept apart for a target and metric; the rest is summed as site=\"other\".",
    least: 1,
    most: SITES_MAX_MOST,
    why: "",
};
static DUTY_CYCLE_MAX: Bounded<Ratio> = Bounded {
    name: "duty_cycle_max",
    about: "Largest share of one core a target may spend on being scraped.",
    least: DUTY_CYCLE_LEAST,
    most: DUTY_CYCLE_MOST,
    why: "; `0.5%` is half a percent of a core",
};

/// Mappings whose schema stands once.
static SECTIONS: [&Section; 7] =
    [&AUTHORIZATION, &BASIC_AUTH, &TLS_CONFIG, &AUTH, &TLS, &COLLECTORS, &RETENTION];

/// The JSON Schema of the file, for editors. It is made of what the reader reads by, but knows less: neither what
/// must hold between keys nor the order of durations and sizes.
#[must_use]
pub fn schema() -> Value {
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "linger",
        "description": "The configuration of linger. Every key has a default; `linger config check FILE` finds more.",
    });
    let defaults = serde_json::to_value(Config::default()).unwrap_or_default();
    if let (Value::Object(schema), Value::Object(file)) = (&mut schema, or_nothing(object(KEYS, &defaults))) {
        schema.extend(file);
        let defs = SECTIONS.iter().map(|section| (section.name.to_owned(), (section.object)()));
        schema.insert("$defs".to_owned(), Value::Object(defs.collect()));
    }
    schema
}

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
            auth: None,
            tls: None,
            metrics_listen: None,
            data: None,
            targets: Vec::new(),
            file_sd: Vec::new(),
            collectors: Collectors::default(),
            sites_max: 200,
            duty_cycle_max: Ratio::from_percent(0.5),
            retention: Retention::default(),
            alerts: Alert::defaults(),
        }
    }
}

impl Config {
    /// Reads a file alone, without environment and command line.
    ///
    /// # Errors
    /// The file cannot be read or is not UTF-8, or all that is wrong in it.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let flags = Settings { config: Some(path.to_owned()), ..Settings::default() };
        layers::load(&Layers { flags, ..Layers::default() }).map(|(config, _)| config)
    }

    /// Reads the text of a file; `file_name` is shown with faults.
    ///
    /// # Errors
    /// All that is wrong. A text that is not YAML has that one fault.
    pub fn parse(text: &str, file_name: &str) -> Result<Self, Faults> {
        let nothing = Layers::default();
        layers::assemble(text, file_name, Path::new(""), &nothing).map(|(config, _)| config)
    }

    /// The defaults with these targets, for a command line without a file.
    ///
    /// # Errors
    /// All addresses that are faulty or were given before; line N is the Nth of them.
    pub fn for_targets<S: AsRef<str>>(urls: impl IntoIterator<Item = S>) -> Result<Self, Faults> {
        let targets = urls.into_iter().map(|url| url.as_ref().to_owned()).collect();
        let flags = Settings { targets, ..Settings::default() };
        let layers = Layers { flags, ..Layers::default() };
        layers::assemble("", "", Path::new(""), &layers).map(|(config, _)| config)
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
}

/// A configuration while its layers are read: what was given where, for the judgement of the whole.
#[derive(Default)]
pub(crate) struct Reading {
    pub(crate) config: Config,
    /// The file has no tree: nothing is known of what it would have said.
    broken: bool,
    listen: Option<Spot>,
    metrics_listen: Option<Spot>,
    auth_given: bool,
    tls_given: bool,
}

/// A place in one of the layers.
struct Spot {
    layer: usize,
    at: At,
}

impl Reading {
    /// Of a file without a tree.
    pub(crate) fn broken() -> Self {
        Self { broken: true, ..Self::default() }
    }

    /// Of a file, the layer 0.
    pub(crate) fn of_file(place: Place<'_>, report: &mut Report<'_>) -> Self {
        let mut reading = Self::default();
        let Some(fields) = place.fields(KEYS, report) else { return Self::broken() };
        let config = &mut reading.config;
        if let Some(listen) = fields.value(&LISTEN, report) {
            config.listen = listen.value;
            reading.listen = Some(Spot { layer: 0, at: listen.at });
        }
        if let Some(place) = fields.get(&AUTH).filter(|place| !place.is_null()) {
            reading.auth_given = true;
            config.auth = Credentials::read_alone(place, report);
        }
        if let Some(place) = fields.get(&TLS).filter(|place| !place.is_null()) {
            reading.tls_given = true;
            config.tls = TlsServer::read(place, report);
        }
        if let Some(listen) = fields.value(&METRICS_LISTEN, report) {
            config.metrics_listen = Some(listen.value);
            reading.metrics_listen = Some(Spot { layer: 0, at: listen.at });
        }
        config.data = fields.value(&DATA, report).map(|data| report.path(data.value.as_path()));
        let for_all = fields.get(&COLLECTORS).map(|place| Said::read(place, report)).unwrap_or_default();
        config.collectors = Said::resolve(&[&for_all], report);
        if let Some(sites) = fields.value(&SITES_MAX, report) {
            config.sites_max = sites.value;
        }
        if let Some(duty) = fields.value(&DUTY_CYCLE_MAX, report) {
            config.duty_cycle_max = duty.value;
        }
        if let Some(place) = fields.get(&RETENTION) {
            config.retention = Retention::read(place, report);
        }
        if let Some(place) = fields.get(&ALERTS) {
            config.alerts = Alert::read_all(place, report);
        }
        if let Some(place) = fields.get(&FILE_SD) {
            config.file_sd = FileSd::read_all(place, report);
        }
        if let Some(place) = fields.get(&TARGETS) {
            reading.read_targets(place, &for_all, report);
        }
        reading
    }

    /// A value of an upper layer.
    pub(crate) fn lay_over(
        &mut self,
        layer: usize,
        value: &SettingAt,
        origins: &mut Origins,
        report: &mut Report<'_>,
    ) {
        let at = value.at();
        let key = match &value.setting {
            Setting::Listen(text) => read(text, &at, report).map(|listen| {
                self.config.listen = listen;
                self.listen = Some(Spot { layer, at });
                "listen".to_owned()
            }),
            Setting::MetricsListen(text) => read(text, &at, report).map(|listen| {
                self.config.metrics_listen = Some(listen);
                self.metrics_listen = Some(Spot { layer, at });
                "metrics_listen".to_owned()
            }),
            Setting::Data(path) if path.to_str().is_none() => {
                at.fault(report, "the name of the folder is not UTF-8 text");
                None
            }
            Setting::Data(path) => read::<FolderName>(&path.to_string_lossy(), &at, report).map(|_| {
                self.config.data = Some(path.clone());
                "data".to_owned()
            }),
            Setting::Target(text) => read::<TargetUrl>(text, &at, report).map(|url| {
                let target = Target::new(url, self.config.collectors.clone());
                let key = format!("targets[{}].url", self.config.targets.len());
                self.add_target(target, &at, report);
                key
            }),
        };
        if let Some(key) = key {
            origins.set(key, value.origin.clone());
        }
    }

    /// What must hold between values of whatever layers. Each fault stands where the value was given that makes it
    /// one.
    pub(crate) fn judge(&mut self, reports: &mut [Report<'_>]) {
        if self.broken {
            return;
        }
        let config = &self.config;
        if let Some(Spot { layer, at }) = &self.listen
            && let Some(report) = reports.get_mut(*layer)
            && config.listen.is_on_network()
        {
            let missing: Vec<&str> = [("`auth`", self.auth_given), ("`tls`", self.tls_given)]
                .into_iter()
                .filter_map(|(key, given)| (!given).then_some(key))
                .collect();
            if !missing.is_empty() {
                let missing = missing.join(" and ");
                at.fault(report, format!("the API is not offered to a network without {missing}"))
                    .label("a loopback address and `unix:///run/linger.sock` need neither")
                    .note("auth: {authorization: {credentials_file: FILE}} or {basic_auth: {username: NAME, password_file: FILE}}")
                    .note("tls: {cert_file: FILE, key_file: FILE}")
                    .note("metrics alone may be offered: `metrics_listen`");
            }
        }
        let no_choice = !matches!(&config.listen, ListenAddr::Tcp(address) if address.port() == 0);
        if let Some(Spot { layer, at }) = &self.metrics_listen
            && let Some(report) = reports.get_mut(*layer)
            && config.metrics_listen.as_ref() == Some(&config.listen)
            && no_choice
        {
            at.fault(report, "`metrics_listen` is where the API listens")
                .label("give it another port: who may read metrics may not read everything");
        }
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
        let targets = &mut self.config.targets;
        if targets.len() == TARGETS_MAX {
            at.fault(report, "one target too many").label(format!("at most {TARGETS_MAX}"));
        } else if targets.iter().any(|other| other.name == target.name) {
            at.fault(report, format!("a second target named {}", quoted(&target.name)))
                .label("give one of them another `name`");
        } else {
            targets.push(target);
        }
    }
}

/// A value that no file has.
fn read<T: FromText>(text: &str, at: &At, report: &mut Report<'_>) -> Option<T> {
    T::from_text(text)
        .map_err(|NotThis { expected, hint }| {
            at.fault(report, format!("expected {expected}, found {}", quoted(text))).label(hint);
        })
        .ok()
}
