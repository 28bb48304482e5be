//! Answers to questions, from points and the status: the same for a running agent and for a stopped one's
//! folder.

pub mod check;
pub mod defers;
pub mod history;
pub mod holders;
pub mod query;
pub mod running;
pub mod site;
pub mod trend;

use crate::live::STATUS_NOTE;
use crate::question::{Answer, Question, SitesQuestion};
use crate::reader::Reader;
use crate::report::{AgentStatus, Defers, DefersHeld, KeptTrace, Range, Status, Traces, Trend, VERSION};
use crate::traces;
use defers::Wanted;
use linger_series::{Selector, TimeMs, Window, metric};
use linger_store::{Options, Store};
use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The question is at fault.
    Asked {
        /// What is wrong with it.
        message: String,
        /// How to ask better.
        hint: String,
    },
    /// There is no such thing.
    NotFound {
        /// What is missing.
        message: String,
        /// What there is.
        hint: String,
    },
    /// Our own side failed.
    Internal(String),
}

impl Error {
    /// The next step for the user.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Asked { hint, .. } | Self::NotFound { hint, .. } => Some(hint),
            Self::Internal(_) => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked { message, .. } | Self::NotFound { message, .. } | Self::Internal(message) => {
                f.write_str(message)
            }
        }
    }
}

impl std::error::Error for Error {}

impl From<String> for Error {
    fn from(message: String) -> Self {
        Self::Internal(message)
    }
}

/// Answers `question` from points, a status and the traces that are kept.
///
/// # Errors
/// See [`Error`].
pub fn answer(
    reader: &dyn Reader,
    status: Status,
    kept: impl FnOnce(Option<&str>) -> Vec<KeptTrace>,
    question: &Question,
) -> Result<Answer, Error> {
    let begun = begun(&status);
    Ok(match question {
        Question::Status => Answer::Status(Box::new(status)),
        Question::Trend(q) => Answer::Trend(Trend {
            version: VERSION,
            range: range(q, begun),
            targets: each_target(&status, q, |t, w| trend::trend(reader, t, w, q.limit))?,
        }),
        Question::Defers(q) => {
            let sites = q.of_sites();
            let wanted = Wanted { limit: q.limit, site: q.site.as_deref() };
            let targets = each_target(&status, &sites, |t, w| {
                defers::defers(reader, t, w, wanted, held_in(&status, t))
            })?;
            holders::found(&targets, wanted.site)?;
            let range = range(&sites, begun);
            Answer::Defers(Defers { version: VERSION, range, site: q.site.clone(), targets })
        }
        Question::Query(q) => Answer::Query(query::query(reader, q)?),
        Question::Check(q) => Answer::Check(check::check(&status, q)),
        Question::Traces(q) => {
            let traces = kept(q.target.as_deref());
            if let Some(name) = q.target.as_deref().filter(|_| traces.is_empty()) {
                known(&status, name)?;
            }
            Answer::Traces(Traces { version: VERSION, traces })
        }
    })
}

/// Who holds a target's pending defers, as known last.
fn held_in<'s>(status: &'s Status, target: &str) -> &'s [DefersHeld] {
    status.targets.iter().find(|t| t.target == target).map_or(&[], |t| &t.defers_held)
}

/// When history begins; everything before is not a gap but nothing.
fn begun(status: &Status) -> i64 {
    status.store.oldest_ms.unwrap_or(i64::MIN)
}

/// The range answered: what was asked, from where history begins.
fn range(q: &SitesQuestion, begun: i64) -> Range {
    let from_ms = if begun < q.to_ms { q.from_ms.max(begun) } else { q.from_ms };
    Range { from_ms, to_ms: q.to_ms }
}

fn each_target<T>(
    status: &Status,
    q: &SitesQuestion,
    one: impl Fn(&str, Window) -> Result<T, String>,
) -> Result<Vec<T>, Error> {
    let window = Window { from: TimeMs(q.from_ms), to: TimeMs(q.to_ms.saturating_add(1)) };
    let names: Vec<&str> = status.targets.iter().map(|t| t.target.as_str()).collect();
    let asked = match q.target.as_deref() {
        Some(name) => {
            known(status, name)?;
            vec![name]
        }
        None => names,
    };
    Ok(asked.into_iter().map(|name| one(name, window)).collect::<Result<_, _>>()?)
}

/// Whether a target is called so.
///
/// # Errors
/// [`Error::NotFound`], with the names there are.
pub fn known(status: &Status, name: &str) -> Result<(), Error> {
    let names: Vec<&str> = status.targets.iter().map(|t| t.target.as_str()).collect();
    if names.contains(&name) {
        return Ok(());
    }
    Err(Error::NotFound {
        message: format!("no target is called {name:?}"),
        hint: format!("targets here: {}", names.join(", ")),
    })
}

/// Answers from the folder of a stopped agent.
///
/// # Errors
/// The folder cannot be opened, or see [`answer`].
pub fn from_folder(dir: &Path, question: &Question) -> Result<Answer, Error> {
    let options = Options { read_only: true, ..Options::default() };
    let store = Store::open(dir, options).map_err(|e| Error::Internal(e.to_string()))?;
    let status = status_of_folder(&store, dir)?;
    let answered = answer(&store, status, |target| traces::kept_in(dir, target), question);
    store.close().map_err(|e| Error::Internal(e.to_string()))?;
    answered
}

/// The status a stopped agent left behind, with what its store holds now.
fn status_of_folder(store: &Store, dir: &Path) -> Result<Status, Error> {
    let note = store.note(STATUS_NOTE).map_err(|e| Error::Internal(e.to_string()))?;
    // One that is missing (killed within the first minute) or of another version costs the states, not the points.
    let saved = note.and_then(|note| serde_json::from_slice(&note).ok());
    let mut status: Status = match saved {
        Some(status) => status,
        None => without_note(store, dir)?,
    };
    status.agent.running = false;
    status.now_ms = crate::clock::now().0;
    for target in status.targets.iter_mut().filter(|t| t.up) {
        target.up = false;
        target.state = "was up when the agent stopped".into();
    }
    status.agent.pid = None;
    status.store = crate::live::store_status(&store.stats());
    Ok(status)
}

/// What the points alone tell of a folder.
fn without_note(store: &Store, dir: &Path) -> Result<Status, Error> {
    let keys = Reader::keys(store, &Selector::metric(metric::UP))?;
    let names: BTreeSet<String> = keys.iter().map(|key| key.labels.get("target").to_owned()).collect();
    Ok(Status {
        version: VERSION,
        as_of_ms: store.stats().newest.map_or(0, |t| t.0),
        agent: AgentStatus { data: dir.display().to_string(), time_scale: 1.0, ..AgentStatus::default() },
        targets: names.iter().map(|name| crate::live::only_named(name)).collect(),
        ..Status::default()
    })
}

#[cfg(test)]
mod tests {
    use super::from_folder;
    use crate::live::STATUS_NOTE;
    use crate::question::{Answer, Question, SitesQuestion};
    use linger_series::{Labels, SeriesKey, Stream, TimeMs, metric};
    use linger_store::{Options, Scrape, Store};

    /// The folder of an agent that was killed before it saved a status, or saved one that is not ours to read.
    #[track_caller]
    fn check(note: Option<&[u8]>) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), Options::default()).unwrap();
        let stream = Stream::new("api", "count");
        let key = |name: &str| SeriesKey::new(name, Labels::new([("target", "api")]));
        let ids = [metric::UP, metric::GOROUTINES].map(|name| store.register(&stream, &key(name)).unwrap());
        let samples = ids.iter().map(|id| (*id, 1.0)).collect();
        store.append(Scrape { stream, at: TimeMs(1_000), samples }, |stored| stored.unwrap()).unwrap();
        if let Some(note) = note {
            store.put_note(STATUS_NOTE, note.to_vec(), |stored| stored.unwrap()).unwrap();
        }
        store.close().unwrap();

        let Answer::Status(status) = from_folder(dir.path(), &Question::Status).unwrap() else {
            panic!("a status")
        };
        assert!(!status.agent.running && status.as_of_ms == 1_000);
        assert_eq!(status.targets.iter().map(|t| t.target.as_str()).collect::<Vec<_>>(), ["api"]);
        let question = SitesQuestion { target: Some("api".into()), from_ms: 0, to_ms: 5_000, limit: 5 };
        let Answer::Trend(trend) = from_folder(dir.path(), &Question::Trend(question)).unwrap() else {
            panic!("a trend")
        };
        assert_eq!(trend.targets[0].total.as_ref().map(|t| t.last), Some(1.0));
    }

    #[test]
    fn points_are_answered_from_whether_or_not_a_status_was_saved() {
        check(None);
        check(Some(br#"{"version": 99}"#));
    }
}
