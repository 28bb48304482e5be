//! Where each value of a configuration comes from.

use crate::fault::Faults;
use crate::report::{Referred, Report};
use crate::tree::{Kind, Node};
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything else.
    Default,
    /// A line of the configuration file.
    File {
        /// Its name as given.
        file: Arc<str>,
        /// Line, from 1.
        line: usize,
    },
    /// A variable of the environment.
    Environment(&'static str),
    /// An option of the command line, or `URL` for an address on it.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { file, line } => write!(f, "{file}:{line}"),
            Self::Environment(variable) => write!(f, "env {variable}"),
            Self::Flag(flag) => write!(f, "flag {flag}"),
        }
    }
}

/// Where each value of a configuration comes from, and the files it refers to.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    /// By path of keys, such as `targets[0].url`; what is not here is a default.
    of: HashMap<String, Origin>,
    referred: Vec<Referred>,
    file: Option<PathBuf>,
}

impl Origins {
    /// Where the value at a path of keys, such as `collectors.cpu.every`, comes from.
    #[must_use]
    pub fn of(&self, key: &str) -> Origin {
        self.of.get(key).cloned().unwrap_or(Origin::Default)
    }

    /// The configuration file, where there is one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Looks whether the files that the configuration refers to can be read: tokens, passwords, certificates and
    /// keys. An agent does not insist on it, since a secret may come later than its pod; a check before does.
    ///
    /// # Errors
    /// Each file that cannot be opened, at the place that names it.
    pub fn check_files(&self) -> Result<(), Faults> {
        let mut faults = Vec::new();
        for Referred { path, fault } in &self.referred {
            // A folder opens like a file, but no secret can be read from it.
            let opened = std::fs::File::open(path).and_then(|file| file.metadata());
            let (message, label) = match opened {
                Ok(about) if about.is_dir() => ("a folder, where a file is needed".to_owned(), String::new()),
                Ok(_) => continue,
                Err(e) => ("the file cannot be read".to_owned(), e.to_string()),
            };
            let mut fault = fault.clone();
            fault.message = message;
            fault.label(label).note(format!("file: {}", path.display()));
            faults.push(fault);
        }
        Faults::new(faults, 0).map_or(Ok(()), Err)
    }

    pub(crate) fn in_file(&mut self, path: &Path) {
        self.file = Some(path.to_owned());
    }

    pub(crate) fn set(&mut self, key: String, origin: Origin) {
        self.of.insert(key, origin);
    }

    pub(crate) fn refers(&mut self, report: &Report<'_>) {
        self.referred.extend(report.referred());
    }

    /// Remembers the line of each value below `node`.
    pub(crate) fn of_tree(&mut self, node: &Node<'_>, report: &Report<'_>) {
        let file: Arc<str> = report.file().into();
        self.of_node(node, String::new(), &file, report);
    }

    fn of_node(&mut self, node: &Node<'_>, key: String, file: &Arc<str>, report: &Report<'_>) {
        match &node.kind {
            Kind::Null | Kind::Unknown => return,
            Kind::Text(_) => {}
            Kind::List(items) => {
                for (i, item) in items.iter().enumerate() {
                    self.of_node(item, format!("{key}[{i}]"), file, report);
                }
            }
            Kind::Map(entries) => {
                for entry in entries {
                    let key =
                        if key.is_empty() { entry.key.to_string() } else { format!("{key}.{}", entry.key) };
                    self.of_node(&entry.value, key, file, report);
                }
            }
        }
        self.set(key, Origin::File { file: Arc::clone(file), line: report.line_of(node.span.start) });
    }
}
