//! A program's defer statements as a report: whose they are, which of them were asked for, which fail. Pure: the
//! binary comes in read.

mod baseline;

use crate::report::VERSION;
use crate::report::audit::{Audit, AuditedBinary, AuditedDefer, BaselineUse, NotPlaced};
use linger_derive::package::{package_of, readable};
use linger_derive::site::StartLines;
use linger_derive::{Frame, GoRoot, Site};
use linger_gobin::audit::{Defer, DeferKind};
use linger_gobin::{Binary, audit as gobin};
use std::collections::{BTreeMap, BTreeSet};
use wildmatch::WildMatch;

pub use baseline::{Baseline, BaselineError, FILE_BYTES_MAX as BASELINE_BYTES_MAX};

/// What is asked of a program.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// Kinds to list; all when empty.
    pub only: Vec<DeferKind>,
    /// Packages to list and judge.
    pub package: Option<String>,
    /// Kinds that fail.
    pub fail_on: Vec<DeferKind>,
}

/// Whose a package is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    Own,
    Library,
    Go,
}

impl Owner {
    fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Library => "library",
            Self::Go => "go",
        }
    }
}

/// Audits a program that was read from `path`.
///
/// # Errors
///
/// When the program has more statements than can be.
pub fn audit(
    path: &str,
    binary: &Binary<'_>,
    question: &Question,
    baseline: Option<&Baseline>,
) -> Result<Audit, linger_gobin::Error> {
    let found = binary.audit()?;
    let owners = Owners::of(binary, &found);
    let package = question.package.as_deref().map(WildMatch::new);
    let names = |kinds: &[DeferKind]| kinds.iter().map(|kind| kind.name().to_owned()).collect();
    let mut statements = BTreeMap::new();
    let mut everything = BTreeSet::new();
    let mut defers: Vec<(Owner, AuditedDefer)> = Vec::new();
    for defer in &found.defers {
        let (owner, mut row) = owners.row(defer);
        *statements.entry(row.kind.clone()).or_insert(0) += 1;
        everything.insert((defer.kind, row.site.clone()));
        if package.as_ref().is_some_and(|glob| !glob.matches(&row.package)) {
            continue;
        }
        row.known = baseline.and_then(|baseline| baseline.reason(defer.kind, &row.site)).map(str::to_owned);
        // Nobody can change Go, and few a library: they are judged when they are asked for.
        let is_judged = package.is_some() || owner == Owner::Own;
        row.fails = is_judged && question.fail_on.contains(&defer.kind) && row.known.is_none();
        if row.fails || question.only.is_empty() || question.only.contains(&defer.kind) {
            defers.push((owner, row));
        }
    }
    defers.sort_by(|(owner, a), (other, b)| {
        let order = (!a.in_loop, owner, &a.package, &a.file, a.line);
        order.cmp(&(!b.in_loop, other, &b.package, &b.file, b.line))
    });
    Ok(Audit {
        version: VERSION,
        binary: described(path, binary),
        statements,
        only: names(&question.only),
        package: question.package.clone(),
        defers: defers.into_iter().map(|(_, row)| row).collect(),
        not_placed: found
            .not_placed
            .iter()
            .map(|(function, statements)| NotPlaced {
                function: readable(function).into_owned(),
                statements: *statements,
            })
            .collect(),
        baseline: baseline.map(|baseline| BaselineUse {
            file: baseline.file().to_owned(),
            entries: baseline.len(),
            without_reason: baseline.without_reason(),
            unmatched: baseline.unmatched(&everything),
        }),
        fail_on: names(&question.fail_on),
    })
}

fn described(path: &str, binary: &Binary<'_>) -> AuditedBinary {
    let info = binary.build_info();
    let main = info.main.clone().unwrap_or_default();
    AuditedBinary {
        path: path.to_owned(),
        go: info.go_version.clone(),
        arch: binary.elf().machine().name().to_owned(),
        module: main.path,
        module_version: main.version,
        revision: info.setting("vcs.revision").map(str::to_owned),
        build_id: binary.elf().build_ids().gnu,
    }
}

/// Tells whose a statement is.
struct Owners {
    main_module: String,
    go_root: GoRoot,
}

impl Owners {
    fn of(binary: &Binary<'_>, found: &gobin::Audit<'_>) -> Self {
        let main_module = binary.build_info().main.as_ref().map(|main| main.path.clone());
        // Every program has defers of package runtime.
        let go_root = GoRoot::learn(found.defers.iter().map(frame));
        Self { main_module: main_module.unwrap_or_default(), go_root }
    }

    fn row(&self, defer: &Defer<'_>) -> (Owner, AuditedDefer) {
        let frame = frame(defer);
        let site = Site::of_statement([frame], &StartLines::default()).unwrap_or_else(Site::unknown);
        let package = readable(package_of(defer.function)).into_owned();
        let owner = self.owner(&package, frame);
        let row = AuditedDefer {
            kind: defer.kind.name().to_owned(),
            function: site.function,
            file: site.file,
            line: defer.line,
            in_loop: defer.kind.in_loop(),
            package,
            owner: owner.name().to_owned(),
            site: site.id,
            copies: defer.sites.len(),
            known: None,
            fails: false,
        };
        (owner, row)
    }

    fn owner(&self, package: &str, frame: Frame<'_>) -> Owner {
        let rest = package.strip_prefix(self.main_module.as_str());
        let in_main = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        // A program built from files, without a module, knows of no other packages than its own and Go's.
        if package == "main" || (in_main && !self.main_module.is_empty()) {
            Owner::Own
        } else if self.go_root.is_standard_library(frame) {
            Owner::Go
        } else {
            Owner::Library
        }
    }
}

fn frame<'a>(defer: &Defer<'a>) -> Frame<'a> {
    Frame {
        function: defer.function,
        file: defer.file,
        line: defer.line.into(),
        start_line: defer.start_line.into(),
    }
}
