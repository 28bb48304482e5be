//! What `collectors:` sections say, and the collectors that follow from them.
//!
//! A setting may be given for all targets and again for one; the nearer one counts. What must hold between two
//! settings is judged once all is laid over each other, and a fault is shown where the nearer one was given.

use super::keys::{self, BODY, ENABLED, HEADERS, METHOD, PATH, Path, TIMEOUT};
use super::{Collector, CollectorKind, Collectors, Endpoint, Method, timeout_of};
use crate::header::{self, HeaderValue};
use crate::key::AnyKey;
use crate::read::{At, Fields, Given, Place};
use crate::report::Report;
use crate::{Bytes, Duration};

/// What one `collectors:` section says. Beside each value is where it was given, so that a fault between two
/// of them can be shown at the nearer one.
#[derive(Default)]
pub(crate) struct Said(Vec<(CollectorKind, SaidOfOne)>);

#[derive(Default)]
struct SaidOfOne {
    enabled: Option<Given<bool>>,
    every: Option<Given<Duration>>,
    timeout: Option<Given<Duration>>,
    window: Option<Given<Duration>>,
    path: Option<Given<Path>>,
    method: Option<Given<Method>>,
    /// All of one section: what a nearer one says is not added to it.
    headers: Option<Vec<(String, HeaderValue)>>,
    body_bytes_max: Option<Given<Bytes>>,
    /// Something here was faulty: what remains is not judged as a whole.
    faulty: bool,
}

impl Said {
    /// Reads a `collectors:` section.
    pub(crate) fn read(place: Place<'_>, report: &mut Report<'_>) -> Self {
        let Some(fields) = place.fields(&keys::kinds(), report) else { return Self::default() };
        let said = CollectorKind::ALL
            .into_iter()
            .filter_map(|kind| Some((kind, SaidOfOne::read(kind, fields.get(&kind)?, report))));
        Self(said.collect())
    }

    fn of(&self, kind: CollectorKind) -> Option<&SaidOfOne> {
        self.0.iter().find(|(k, _)| *k == kind).map(|(_, said)| said)
    }

    /// The collectors that follow from sections, the nearest first, and the defaults.
    pub(crate) fn resolve(sections: &[&Self], report: &mut Report<'_>) -> Collectors {
        Collectors::each(|kind| {
            let said: Vec<&SaidOfOne> = sections.iter().filter_map(|section| section.of(kind)).collect();
            let collector = resolve(kind, &said);
            if !said.iter().any(|s| s.faulty) {
                judge(&collector, &said, report);
            }
            collector
        })
    }
}

impl SaidOfOne {
    fn read(kind: CollectorKind, place: Place<'_>, report: &mut Report<'_>) -> Self {
        let before = report.len();
        let (every, window) = (keys::every(kind), keys::window(kind));
        let mut known: Vec<&AnyKey> = vec![&every, &TIMEOUT, &ENABLED];
        if kind.is_requested() {
            known.extend([&BODY as &AnyKey, &PATH]);
        }
        if kind.has_own_request() {
            known.extend([&METHOD as &AnyKey, &HEADERS]);
        }
        if kind.has_window() {
            known.insert(1, &window);
        }
        let Some(fields) = place.fields(&known, report) else {
            return Self { faulty: true, ..Self::default() };
        };
        let said = Self {
            every: fields.value(&every, report),
            timeout: fields.value(&TIMEOUT, report),
            enabled: fields.value(&ENABLED, report),
            window: if kind.has_window() { self::window(kind, &fields, report) } else { None },
            path: if kind.is_requested() { fields.value(&PATH, report) } else { None },
            method: if kind.has_own_request() { fields.value(&METHOD, report) } else { None },
            headers: if kind.has_own_request() {
                fields.get(&HEADERS).map(|place| header::read_all(place, report))
            } else {
                None
            },
            body_bytes_max: if kind.is_requested() { fields.value(&BODY, report) } else { None },
            faulty: false,
        };
        if let Some(enabled) = said.enabled.as_ref().filter(|e| kind == CollectorKind::Count && !e.value) {
            let fault = enabled.at.fault(report, "`count` cannot be switched off");
            fault.label("it is the knock that tells whether the service is there");
        }
        Self { faulty: report.len() > before, ..said }
    }
}

fn window(kind: CollectorKind, fields: &Fields<'_>, report: &mut Report<'_>) -> Option<Given<Duration>> {
    let window = fields.value(&keys::window(kind), report)?;
    if window.value.is_whole_seconds() {
        return Some(window);
    }
    window.at.fault(report, "a window is a whole number of seconds").label("endpoints take `seconds=`");
    None
}

/// The first that is given, the nearest section first.
fn nearest_given<'s, T>(
    said: &[&'s SaidOfOne],
    of: impl Fn(&'s SaidOfOne) -> Option<&'s Given<T>>,
) -> Option<&'s T> {
    said.iter().find_map(|s| of(s)).map(|given| &given.value)
}

fn resolve(kind: CollectorKind, said: &[&SaidOfOne]) -> Collector {
    let default = Collector::default_of(kind);
    let window = nearest_given(said, |s| s.window.as_ref()).copied().or(default.window);
    Collector {
        enabled: nearest_given(said, |s| s.enabled.as_ref()).copied().unwrap_or(default.enabled),
        every: nearest_given(said, |s| s.every.as_ref()).copied().unwrap_or(default.every),
        timeout: nearest_given(said, |s| s.timeout.as_ref())
            .copied()
            .unwrap_or_else(|| timeout_of(kind, window)),
        window,
        request: default.request.map(|default| Endpoint {
            path: nearest_given(said, |s| s.path.as_ref()).map_or(default.path, |path| path.0.clone()),
            method: nearest_given(said, |s| s.method.as_ref()).copied().or(default.method),
            headers: said.iter().find_map(|s| s.headers.clone()).unwrap_or_default(),
            body_bytes_max: nearest_given(said, |s| s.body_bytes_max.as_ref())
                .copied()
                .unwrap_or(default.body_bytes_max),
        }),
    }
}

/// Faults between two settings, shown where the nearer one was given.
fn judge(collector: &Collector, said: &[&SaidOfOne], report: &mut Report<'_>) {
    let Some(window) = collector.window else { return };
    let place = |of: fn(&SaidOfOne) -> Option<&Given<Duration>>| -> Option<At> {
        let given = said.iter().find_map(|s| s.window.as_ref().or_else(|| of(s)));
        given.map(|given| given.at.clone())
    };
    if window >= collector.every
        && let Some(at) = place(|s| s.every.as_ref())
    {
        at.fault(
            report,
            format!("the window of {window} is not shorter than the interval of {}", collector.every),
        )
        .label("a target is not recorded without pause");
    }
    if window >= collector.timeout
        && let Some(at) = place(|s| s.timeout.as_ref())
    {
        at.fault(
            report,
            format!("the window of {window} is not shorter than the timeout of {}", collector.timeout),
        )
        .label("no answer could arrive in time");
    }
}
