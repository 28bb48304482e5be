//! `linger audit`: the defer statements of a program. Those in loops come first and are always listed; the others
//! are hundreds in every program, and are listed when they are asked for.

use super::page::Page;
use super::paint::Paint;
use super::table::{Cell, Column, Fit, INDENT, Table};
use super::text::harmless;
use super::{Screen, name, number};
use crate::report::audit::{Audit, AuditedDefer, BaselineUse};

const COLUMNS: [Column; 5] = [
    Column::new("KIND", &["KIND"], Fit::Left),
    Column::new("OWNER", &["OWNER"], Fit::Left),
    Column::new("WHERE", &["FUNCTION", "FILE:LINE", "PACKAGE"], Fit::Rest),
    Column::new("", &["COPIES"], Fit::Right),
    Column::new("", &["STATE", "REASON"], Fit::Left),
];

/// Names listed where a list has no table of its own.
const NAMED_MAX: usize = 10;

/// The page.
#[must_use]
pub fn audit(audit: &Audit, screen: &Screen) -> String {
    let mut page = Page::new(screen);
    head(&mut page, audit);
    let (in_loops, others): (Vec<_>, Vec<_>) = audit.defers.iter().partition(|defer| defer.in_loop);
    page.gap();
    loops(&mut page, audit, &in_loops);
    page.gap();
    outside(&mut page, audit, &others);
    not_placed(&mut page, audit);
    if let Some(baseline) = &audit.baseline {
        page.gap();
        baseline_used(&mut page, baseline);
    }
    verdict(&mut page, audit);
    page.finish()
}

fn head(page: &mut Page<'_>, audit: &Audit) {
    let binary = &audit.binary;
    let file = binary.path.rsplit('/').next().unwrap_or(&binary.path);
    page.line(&format!("{} · defer statements", harmless(file)));
    let mut facts = vec![format!("built by {} for {}", harmless(&binary.go), harmless(&binary.arch))];
    if !binary.module.is_empty() {
        facts.push(
            format!("{} {}", harmless(&binary.module), harmless(&binary.module_version)).trim_end().into(),
        );
    }
    facts.extend(binary.revision.as_deref().map(|revision| format!("commit {}", harmless(revision))));
    page.note_of(&facts);
    let all: u64 = audit.statements.values().sum();
    let of = |kind: &str| audit.statements.get(kind).copied().unwrap_or(0);
    let mut counts = vec![format!("{} in all", number::plural(all, "statement"))];
    counts.extend(
        ["heap", "range", "stack", "open"]
            .iter()
            .filter(|kind| of(kind) > 0)
            .map(|kind| format!("{} {kind}", number::count(of(kind)))),
    );
    page.note_of(&counts);
}

fn loops(page: &mut Page<'_>, audit: &Audit, defers: &[&AuditedDefer]) {
    let asked_for = |kind: &str| audit.only.is_empty() || audit.only.iter().any(|only| only == kind);
    if !defers.is_empty() {
        page.note(
            "in loops: each turn that passes one adds a call that waits until the function returns; what it would \
             close or unlock is held until then, and a function that does not return piles them up",
        );
        table(page, defers, audit);
    } else if asked_for("heap") && asked_for("range") && audit.package.is_none() {
        page.note("in loops: none");
    } else if asked_for("heap") || asked_for("range") {
        page.note("in loops: none among those asked for");
    }
}

/// Those that fail are listed whether they were asked for or not.
fn outside(page: &mut Page<'_>, audit: &Audit, defers: &[&AuditedDefer]) {
    let asked_for = !audit.only.is_empty() || audit.package.is_some();
    let listed: Vec<&AuditedDefer> = defers.iter().copied().filter(|d| asked_for || d.fails).collect();
    let counted = number::count((defers.len() - listed.len()) as u64);
    if !listed.is_empty() {
        page.note("not in loops: one call each waits while its function runs");
        table(page, &listed, audit);
    }
    if listed.len() < defers.len() {
        page.note(&format!(
            "{counted} not in loops are not listed, of each of which one call waits while its function runs: \
             --only stack, --only open or --package GLOB shows them"
        ));
    }
}

fn table(page: &mut Page<'_>, defers: &[&AuditedDefer], audit: &Audit) {
    let mut table = Table::new(&COLUMNS);
    for defer in defers {
        table.row(row(defer, audit.baseline.is_some()));
    }
    page.table(&table);
}

fn row(defer: &AuditedDefer, has_baseline: bool) -> Vec<Cell> {
    let function = name::function(&defer.function);
    let short = name::place(&defer.file, u64::from(defer.line));
    let whole = harmless(&format!("{}:{}", defer.file, defer.line));
    let (state, reason) = match (&defer.known, defer.fails) {
        (Some(reason), _) => ("known", harmless(reason)),
        (None, true) => ("fails", String::new()),
        (None, false) => ("", String::new()),
    };
    let mut lines = vec![format!("{function} {short}"), format!("{INDENT}{}", harmless(&defer.package))];
    if defer.copies > 1 {
        lines.push(format!("{INDENT}in {} copies", number::count(defer.copies as u64)));
    }
    match state {
        "known" if reason.is_empty() => lines.push(format!("{INDENT}known, no reason given")),
        "known" => lines.push(format!("{INDENT}known: {reason}")),
        "fails" if !has_baseline => lines.push(format!("{INDENT}{}", Paint::Bad.on("fails"))),
        "fails" => lines.push(format!("{INDENT}{}", Paint::Bad.on("fails: not in the baseline"))),
        _ => {}
    }
    vec![
        Cell::one(harmless(&defer.kind)),
        Cell::one(harmless(&defer.owner)),
        Cell::both(lines, vec![harmless(&defer.function), whole, harmless(&defer.package)]),
        Cell::pipe(number::count(defer.copies as u64)),
        Cell::both(Vec::new(), vec![state.to_owned(), reason]),
    ]
}

fn not_placed(page: &mut Page<'_>, audit: &Audit) {
    if audit.not_placed.is_empty() {
        return;
    }
    let statements: u64 = audit.not_placed.iter().map(|f| u64::from(f.statements)).sum();
    page.gap();
    page.note(&format!(
        "missing: at least {} that the program has and that were not found, in",
        number::plural(statements, "statement")
    ));
    for function in audit.not_placed.iter().take(NAMED_MAX) {
        page.item("-", &name::function(&function.function));
    }
    left_out(page, audit.not_placed.len());
}

fn baseline_used(page: &mut Page<'_>, baseline: &BaselineUse) {
    let entries = number::count(baseline.entries as u64);
    let mut facts = vec![format!("baseline {}: {entries} known", harmless(&baseline.file))];
    if baseline.without_reason > 0 {
        facts.push(format!("{} without a reason", number::count(baseline.without_reason as u64)));
    }
    page.note_of(&facts);
    if baseline.unmatched.is_empty() {
        return;
    }
    let count = number::count(baseline.unmatched.len() as u64);
    page.note(&format!("in the program no more, to be taken out of it ({count}):"));
    for entry in baseline.unmatched.iter().take(NAMED_MAX) {
        page.item("-", &harmless(entry));
    }
    left_out(page, baseline.unmatched.len());
}

fn left_out(page: &mut Page<'_>, all: usize) {
    if let Some(more) = all.checked_sub(NAMED_MAX).filter(|more| *more > 0) {
        page.item("-", &format!("{} more: --output json has all", number::count(more as u64)));
    }
}

fn verdict(page: &mut Page<'_>, audit: &Audit) {
    if audit.fail_on.is_empty() {
        return;
    }
    page.gap();
    let kinds = audit.fail_on.join(", ");
    let judged = match &audit.package {
        Some(glob) => format!("packages like {}", harmless(glob)),
        None => "the main module's packages; --package '*' judges all".into(),
    };
    let failures = number::plural(audit.failures() as u64, "statement");
    if audit.failures() == 0 {
        page.note(&format!("{}: no new {kinds} in {judged}", Paint::Good.on("ok")));
    } else {
        page.note(&format!(
            "{}: {failures} of kind {kinds} in {judged}. Move what the loop does into a function of its own, so that its \
             defer runs with each turn; or accept it with a reason: --write-baseline FILE",
            Paint::Bad.on("fails"),
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::audit;
    use crate::report::audit::{Audit, AuditedBinary, AuditedDefer, BaselineUse, NotPlaced};
    use crate::show::samples::check_golden;
    use std::collections::BTreeMap;

    fn defer(kind: &str, owner: &str, function: &str, file: &str, line: u32) -> AuditedDefer {
        let package = function.split_once(".(").map_or("main", |(package, _)| package);
        AuditedDefer {
            kind: kind.into(),
            function: function.into(),
            file: file.into(),
            line,
            in_loop: kind == "heap" || kind == "range",
            package: package.into(),
            owner: owner.into(),
            copies: 1,
            ..AuditedDefer::default()
        }
    }

    fn shop() -> Audit {
        let cart = "github.com/acme/shop/cart.(*Cart).drain";
        Audit {
            version: 1,
            binary: AuditedBinary {
                path: "/srv/bin/shop".into(),
                go: "go1.27.3".into(),
                arch: "amd64".into(),
                module: "github.com/acme/shop".into(),
                module_version: "v1.4.0".into(),
                revision: Some("8d3c1f0".into()),
                build_id: None,
            },
            statements: BTreeMap::from([("heap".into(), 2), ("stack".into(), 1), ("open".into(), 1_214)]),
            only: vec![],
            package: None,
            defers: vec![
                AuditedDefer { copies: 3, ..defer("heap", "own", cart, "/src/shop/cart/cart.go", 131) },
                defer(
                    "heap",
                    "go",
                    "net.(*Resolver).goLookupIPCNAMEOrder",
                    "/go/src/net/dnsclient_unix.go",
                    698,
                ),
                defer("stack", "own", "main.main", "/src/shop/main.go", 12),
            ],
            not_placed: vec![],
            baseline: None,
            fail_on: vec![],
        }
    }

    #[test]
    fn loops_are_listed_and_others_counted() {
        check_golden("audit", |screen| audit(&shop(), screen));
    }

    #[test]
    fn what_fails_and_what_is_known_are_told_apart() {
        let mut judged = shop();
        judged.fail_on = vec!["heap".into(), "range".into()];
        judged.defers[0].known = Some("the lines of one order, 50 at most".into());
        judged.defers.insert(
            1,
            AuditedDefer {
                fails: true,
                ..defer("heap", "own", "main.\x1b[31mevil\u{202e}", "/src/shop/evil.go", 7)
            },
        );
        judged.not_placed = vec![NotPlaced { function: "main.odd".into(), statements: 2 }];
        judged.baseline = Some(BaselineUse {
            file: "defers.baseline".into(),
            entries: 3,
            without_reason: 1,
            unmatched: vec!["heap github.com/acme/shop.gone+4".into()],
        });
        check_golden("audit-judged", |screen| audit(&judged, screen));
    }

    #[test]
    fn nothing_in_loops_is_said() {
        let mut calm = shop();
        calm.defers.clear();
        calm.fail_on = vec!["heap".into()];
        calm.package = Some("main".into());
        check_golden("audit-calm", |screen| audit(&calm, screen));
    }
}
