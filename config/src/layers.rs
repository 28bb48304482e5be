//! The layers of a configuration: a file, over it the environment, over that the command line.
//!
//! All layers are read before anything is judged, so that one run names the faults of all of them. Addresses of
//! targets add up; every other value of an upper layer replaces that of a lower one.

use crate::config::Reading;
use crate::excerpt::Span;
use crate::fault::Faults;
use crate::origin::{Origin, Origins};
use crate::read::{At, Place};
use crate::report::Report;
use crate::{Config, Error, text_file, tree};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What a configuration is made of.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// What the environment says.
    pub environment: Settings,
    /// What the command line says.
    pub flags: Settings,
}

/// What can be said without a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The configuration file: `LINGER_CONFIG`, `--config`.
    pub config: Option<PathBuf>,
    /// Where the API listens: `LINGER_LISTEN`, `--listen`.
    pub listen: Option<String>,
    /// Where metrics are served: `LINGER_METRICS_LISTEN`, `--metrics-listen`.
    pub metrics_listen: Option<String>,
    /// Folder of the store: `LINGER_DATA`, `--data`.
    pub data: Option<PathBuf>,
    /// Addresses of targets: `LINGER_TARGETS`, with spaces between them; the arguments.
    pub targets: Vec<String>,
}

impl Settings {
    /// What the environment says. `variable` looks one up; one that is empty says nothing.
    pub fn from_environment(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let text = |name: &str| set(name).map(|value| value.to_string_lossy().into_owned());
        Self {
            config: set("LINGER_CONFIG").map(PathBuf::from),
            listen: text("LINGER_LISTEN"),
            metrics_listen: text("LINGER_METRICS_LISTEN"),
            data: set("LINGER_DATA").map(PathBuf::from),
            targets: text("LINGER_TARGETS")
                .map(|urls| urls.split_whitespace().map(str::to_owned).collect())
                .unwrap_or_default(),
        }
    }
}

/// Reads all layers.
///
/// # Errors
/// The file cannot be read or is not UTF-8, or all that is wrong in the layers.
pub fn load(layers: &Layers) -> Result<(Config, Origins), Error> {
    let file = layers.flags.config.as_deref().or(layers.environment.config.as_deref());
    let Some(path) = file else { return Ok(assemble("", "", Path::new(""), layers)?) };
    let text = text_file::read(path)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    if folder.to_str().is_none() {
        // What the file names could neither be shown nor written down.
        return Err(Faults::of_file(path, "the name of its folder is not UTF-8 text".to_owned()).into());
    }
    let (config, mut origins) = assemble(&text, &path.display().to_string(), folder, layers)?;
    origins.in_file(path);
    Ok((config, origins))
}

/// Reads the text of a file and what is over it; `folder` is what file names in the text are relative to.
pub(crate) fn assemble(
    text: &str,
    file_name: &str,
    folder: &Path,
    layers: &Layers,
) -> Result<(Config, Origins), Faults> {
    let mut origins = Origins::default();
    let mut in_file = Report::new(file_name, text).relative_to(folder);
    let mut reading = match tree::parse(text, &mut in_file) {
        Some(root) => {
            origins.of_tree(&root, &in_file);
            Reading::of_file(Place::root(&root), &mut in_file)
        }
        None => Reading::broken(),
    };
    let over = [Written::environment(&layers.environment), Written::command_line(&layers.flags)];
    let [environment, flags] = &over;
    let mut reports =
        [in_file, Report::new("environment", &environment.text), Report::new("command line", &flags.text)];
    for (i, written) in over.iter().enumerate() {
        let layer = i + 1;
        let Some(report) = reports.get_mut(layer) else { continue };
        for value in &written.values {
            reading.lay_over(layer, value, &mut origins, report);
        }
    }
    reading.judge(&mut reports);
    for report in &reports {
        origins.refers(report);
    }
    match Faults::joined(reports.into_iter().filter_map(Report::into_faults)) {
        None => Ok((reading.config, origins)),
        Some(faults) => Err(faults),
    }
}

/// Which value a setting is.
#[derive(Clone, Debug)]
pub(crate) enum Setting {
    Listen(String),
    MetricsListen(String),
    Data(PathBuf),
    Target(String),
}

/// One value of an upper layer and where it stands in [`Written::text`].
pub(crate) struct SettingAt {
    pub(crate) setting: Setting,
    pub(crate) origin: Origin,
    pub(crate) span: Span,
}

impl SettingAt {
    /// Where it stands.
    pub(crate) fn at(&self) -> At {
        At { span: self.span.clone(), key: String::new() }
    }
}

/// Settings written as a text that faults can point into.
#[derive(Default)]
struct Written {
    text: String,
    values: Vec<SettingAt>,
}

impl Written {
    /// A line `NAME=value` for each variable.
    fn environment(settings: &Settings) -> Self {
        let mut written = Self::default();
        for (name, setting) in settings.values() {
            let variable = match setting {
                Setting::Listen(_) => "LINGER_LISTEN",
                Setting::MetricsListen(_) => "LINGER_METRICS_LISTEN",
                Setting::Data(_) => "LINGER_DATA",
                Setting::Target(_) => "LINGER_TARGETS",
            };
            // The addresses of one variable share its line.
            let goes_on = variable == "LINGER_TARGETS" && written.text.contains("LINGER_TARGETS=");
            let before = if goes_on { " ".to_owned() } else { format!("\n{variable}=") };
            written.push(&before, &name, setting, Origin::Environment(variable));
        }
        written
    }

    /// A line for each option and each address.
    fn command_line(settings: &Settings) -> Self {
        let mut written = Self::default();
        for (name, setting) in settings.values() {
            let flag = match setting {
                Setting::Listen(_) => "--listen",
                Setting::MetricsListen(_) => "--metrics-listen",
                Setting::Data(_) => "--data",
                Setting::Target(_) => "URL",
            };
            let before = if flag == "URL" { "\n".to_owned() } else { format!("\n{flag} ") };
            written.push(&before, &name, setting, Origin::Flag(flag));
        }
        written
    }

    fn push(&mut self, before: &str, value: &str, setting: Setting, origin: Origin) {
        let before = if self.text.is_empty() { before.trim_start() } else { before };
        self.text.push_str(before);
        let start = self.text.len();
        // A line end in a value would move everything after it.
        self.text.push_str(&value.replace(char::is_control, "\u{fffd}"));
        self.values.push(SettingAt { setting, origin, span: start..self.text.len() });
    }
}

impl Settings {
    /// Each value as text and as what it is.
    fn values(&self) -> Vec<(String, Setting)> {
        let listen = self.listen.iter().map(|v| (v.clone(), Setting::Listen(v.clone())));
        let metrics = self.metrics_listen.iter().map(|v| (v.clone(), Setting::MetricsListen(v.clone())));
        let data = self.data.iter().map(|v| (v.to_string_lossy().into_owned(), Setting::Data(v.clone())));
        let targets = self.targets.iter().map(|v| (v.clone(), Setting::Target(v.clone())));
        listen.chain(metrics).chain(data).chain(targets).collect()
    }
}
