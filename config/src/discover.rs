//! The targets that the files of `file_sd` name now.
//!
//! A file is a list, in JSON or YAML, as Prometheus reads it (`discovery/file/file.go`, 3.0):
//! `[{"targets": ["10.0.0.1:6060", …], "labels": {"job": "api", …}}, …]`. A target is `host:port` or one of
//! linger's addresses. Labels that begin with `__` are not kept: `__scheme__` (`http`, `https`) and
//! `__profile_path_prefix__`, as Pyroscope's scrapers know it, complete a `host:port`; the others, with
//! `__metrics_path__` and `__meta_…` among them, say nothing about profiles.
//!
//! A file that is not there names nothing, as with Prometheus: it may come later. A file that is there and cannot
//! be used is a fault, an empty one too: whoever replaces a file by writing into it would lose all targets for a
//! moment. Nothing is returned then, so that the caller goes on with what it has.

use crate::excerpt::quoted;
use crate::fault::Faults;
use crate::key::{AnyKey, Json, Shaped};
use crate::read::{At, FromText, NotThis, Place};
use crate::report::Report;
use crate::target::{self, TARGETS_MAX};
use crate::{
    Config, Duration, Error, FileSd, Origins, Scheme, Target, TargetUrl, TlsClient, text_file, tree,
};
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};

/// The keys of one item of a file. No schema is made of them: the files are Prometheus'.
static GROUP_KEYS: &[&AnyKey] = &[&TARGETS, &LABELS];
static TARGETS: Shaped = Shaped { name: "targets", about: "", required: false, shape: Value::default };
static LABELS: Shaped = Shaped { name: "labels", about: "", required: false, shape: Value::default };

/// Most files read at once.
const FILES_MAX: usize = 1000;

impl Config {
    /// The targets of the configuration and those that the files of `file_sd` name now.
    ///
    /// # Errors
    /// All that is wrong in the files.
    pub fn discover(&self) -> Result<Vec<Target>, Error> {
        Ok(self.discovered()?)
    }

    /// Looks at everything outside the configuration that it names: the files of [`Origins::check_files`] and those
    /// of `file_sd`. All targets, or all that is wrong.
    ///
    /// # Errors
    /// Files that cannot be read, and all that is wrong in those of `file_sd`.
    pub fn check_files(&self, origins: &Origins) -> Result<Vec<Target>, Faults> {
        match (origins.check_files(), self.discovered()) {
            (Ok(()), found) => found,
            (Err(missing), Ok(_)) => Err(missing),
            (Err(missing), Err(broken)) => Err(Faults::joined([missing, broken]).expect("both have faults")),
        }
    }

    fn discovered(&self) -> Result<Vec<Target>, Faults> {
        let mut found = Found { config: self, targets: self.targets.clone(), index: HashMap::new() };
        for (i, target) in self.targets.iter().enumerate() {
            found.index.insert(target.name.clone(), i);
        }
        let mut files = 0;
        let mut faults = Vec::new();
        for file_sd in &self.file_sd {
            let mut paths = BTreeSet::new();
            for pattern in &file_sd.files {
                match matching(Path::new(pattern)) {
                    Ok(matched) => paths.extend(matched),
                    Err(e) => faults.push(Faults::of_file(Path::new(pattern), format!("not listed: {e}"))),
                }
            }
            for path in paths {
                files += 1;
                if files > FILES_MAX {
                    let message = format!("more than {FILES_MAX} files name targets");
                    faults.push(Faults::of_file(&path, message));
                    return Faults::joined(faults).map_or(Ok(found.targets), Err);
                }
                faults.extend(found.read(&path, file_sd));
            }
        }
        Faults::joined(faults).map_or(Ok(found.targets), Err)
    }

    /// How often to look again: the least time of all `file_sd`; `None` where there is none.
    #[must_use]
    pub fn refresh(&self) -> Option<Duration> {
        self.file_sd.iter().map(|file_sd| file_sd.refresh).min()
    }
}

/// The files there are now whose name fits: all of a folder where there is a `*`, else the one named.
fn matching(pattern: &Path) -> io::Result<Vec<PathBuf>> {
    let name = pattern.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if !name.contains('*') {
        return Ok(if pattern.exists() { vec![pattern.to_owned()] } else { Vec::new() });
    }
    let folder = pattern.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = match folder.read_dir() {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let entry = entry?;
        // A mounted ConfigMap has its files as links, beside a hidden folder they lead to.
        if fits(&name, &entry.file_name().to_string_lossy()) {
            paths.push(pattern.with_file_name(entry.file_name()));
        }
    }
    Ok(paths)
}

/// Whether a name fits a pattern in which `*` stands for any text. As in a shell, it does not stand for a dot at
/// the beginning.
fn fits(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or("");
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or(""),
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// The targets found so far.
struct Found<'c> {
    config: &'c Config,
    targets: Vec<Target>,
    /// By name: its place in `targets`.
    index: HashMap<String, usize>,
}

impl Found<'_> {
    fn read(&mut self, path: &Path, file_sd: &FileSd) -> Option<Faults> {
        let text = match text_file::read(path) {
            Ok(text) => text,
            // Gone between listing and reading.
            Err(Error::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => return None,
            Err(Error::Read { source, .. }) => {
                return Some(Faults::of_file(path, format!("the file cannot be read: {source}")));
            }
            Err(e) => return Some(Faults::of_file(path, e.to_string())),
        };
        let name = path.display().to_string();
        let mut report = Report::new(&name, &text);
        if let Some(root) = tree::parse(&text, &mut report) {
            let place = Place::root(&root);
            if place.is_null() {
                place.at.fault(&mut report, "the file is empty").label("`[]` names no targets");
            }
            for group in place.items(&mut report) {
                self.group(group, path, file_sd, &mut report);
            }
        }
        report.into_faults()
    }

    fn group(&mut self, place: Place<'_>, path: &Path, file_sd: &FileSd, report: &mut Report<'_>) {
        let Some(fields) = place.fields(GROUP_KEYS, report) else { return };
        let labels_at = || fields.get(&LABELS);
        let labels = match labels_at() {
            Some(place) => target::labels(place, |name| name.starts_with("__"), report),
            None => linger_series::Labels::empty(),
        };
        let how = labels_at().map(|place| How::read(place, report)).unwrap_or_default();
        let Some(targets) = fields.get(&TARGETS) else { return };
        for item in targets.items(report) {
            let at = item.at.clone();
            let Some(address) = item.value::<Address>(report) else { continue };
            match address.value.url(&how) {
                Ok(url) => {
                    let mut access = file_sd.access.clone();
                    if url.scheme() != Scheme::Https {
                        access.tls = TlsClient::default();
                    }
                    let target = Target {
                        name: url.name(),
                        url,
                        labels: labels.clone(),
                        access,
                        collectors: self.config.collectors.clone(),
                        discovered_in: Some(path.to_owned()),
                    };
                    self.add(target, &at, report);
                }
                Err(NotThis { expected, hint }) => {
                    let found = quoted(&address.value.0);
                    at.fault(report, format!("expected {expected}, found {found}")).label(hint);
                }
            }
        }
    }

    fn add(&mut self, target: Target, at: &At, report: &mut Report<'_>) {
        if let Some(known) = self.index.get(&target.name).and_then(|&i| self.targets.get(i)) {
            let same = Target { discovered_in: known.discovered_in.clone(), ..target.clone() };
            if same != *known {
                let first = known.discovered_in.as_ref().map_or_else(
                    || "in the configuration".to_owned(),
                    |path| format!("in {}", path.display()),
                );
                at.fault(report, format!("a second target named {}", quoted(&target.name)))
                    .label(format!("the first, {first}, differs"));
            }
        } else if self.targets.len() == TARGETS_MAX {
            at.fault(report, "one target too many").label(format!("at most {TARGETS_MAX}"));
        } else {
            self.index.insert(target.name.clone(), self.targets.len());
            self.targets.push(target);
        }
    }
}

/// What labels say of the address of a service.
#[derive(Default)]
struct How {
    tls: bool,
    prefix: String,
}

impl How {
    fn read(place: Place<'_>, report: &mut Report<'_>) -> Self {
        let mut how = Self::default();
        // The shape of the labels was judged when they were read as labels.
        for (name, place) in place.pairs(&mut Report::new("", "")) {
            match name {
                "__scheme__" => how.tls = place.value::<Web>(report).is_some_and(|web| web.value.tls),
                "__profile_path_prefix__" => {
                    how.prefix = place.value::<String>(report).map_or_else(String::new, |text| text.value);
                }
                _ => {}
            }
        }
        how
    }
}

struct Web {
    tls: bool,
}

impl FromText for Web {
    const EXPECTED: &'static str = "`http` or `https`";
    const JSON: Json = Json::OneOf(&["http", "https"]);
    fn from_text(text: &str) -> Result<Self, NotThis> {
        match text {
            "http" => Ok(Self { tls: false }),
            "https" => Ok(Self { tls: true }),
            _ => Err(NotThis::new(Self::EXPECTED, "")),
        }
    }
}

/// A target as a file names it.
struct Address(String);

impl FromText for Address {
    const EXPECTED: &'static str = "`host:port` or the address of a service";
    const JSON: Json = Json::Text;
    fn from_text(text: &str) -> Result<Self, NotThis> {
        if text.is_empty() { Err(NotThis::new(Self::EXPECTED, "")) } else { Ok(Self(text.to_owned())) }
    }
}

impl Address {
    fn url(&self, how: &How) -> Result<TargetUrl, NotThis> {
        let text = &*self.0;
        if text.contains("//") || text.starts_with("unix:") {
            return text.parse();
        }
        let scheme = if how.tls { "https" } else { "http" };
        let slash = if how.prefix.is_empty() || how.prefix.starts_with('/') { "" } else { "/" };
        format!("{scheme}://{text}{slash}{}", how.prefix).parse()
    }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, name) in
            [("a.json", "a.json"), ("*.json", "a.json"), ("t_*.json", "t_.json"), ("a*b*c", "axbxc")]
        {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("a.json", "a.jso"),
            ("*.json", ".json"),
            ("*.json", "a.json~"),
            ("a*ba", "aba~"),
            ("aa*aa", "aaa"),
        ] {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }
}
