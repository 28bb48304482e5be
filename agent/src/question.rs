//! What can be asked, as sent to a running agent (query string) or answered from a folder.

use serde::{Deserialize, Serialize};

/// `trend`: of one target (`None`: all) over a range.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SitesQuestion {
    /// Target name; absent means every target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// First time inside.
    pub from_ms: i64,
    /// Last time inside.
    pub to_ms: i64,
    /// Sites to list at most.
    pub limit: usize,
}

/// `defers`: of one target (`None`: all) over a range, at all sites or at one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DefersQuestion {
    /// Target name; absent means every target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// First time inside.
    pub from_ms: i64,
    /// Last time inside.
    pub to_ms: i64,
    /// Sites to list at most.
    pub limit: usize,
    /// Only what matches: identity, function or `file:line`, with `*` and `?`; with the stacks of those that hold it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
}

impl DefersQuestion {
    /// The question without its site.
    #[must_use]
    pub fn of_sites(&self) -> SitesQuestion {
        SitesQuestion {
            target: self.target.clone(),
            from_ms: self.from_ms,
            to_ms: self.to_ms,
            limit: self.limit,
        }
    }
}

/// `query`: a selector over a range.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueryQuestion {
    /// Selector in Prometheus' syntax.
    pub selector: String,
    /// First time inside.
    pub from_ms: i64,
    /// Last time inside.
    pub to_ms: i64,
}

/// What `check` looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckSubject {
    /// Agent, targets and every threshold.
    #[default]
    All,
    /// Only that the agent runs.
    Agent,
    /// Thresholds on goroutine series.
    Goroutines,
    /// Thresholds on defer series.
    Defers,
}

/// `check`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckQuestion {
    /// What to look at.
    #[serde(default)]
    pub subject: CheckSubject,
    /// Target name; absent means every target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// `traces`: what is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TracesQuestion {
    /// Target name; absent means every target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// `traces/raw`: a kept trace as it came. Answered with its bytes, so it is no [`Question`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawTraceQuestion {
    /// Target name.
    pub target: String,
    /// Which; absent means the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

impl RawTraceQuestion {
    /// Where a running agent answers it.
    pub const PATH: &'static str = "/linger/v1/traces/raw";
}

/// The questions, each with its answer in [`crate::report`].
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// Answered by [`crate::report::Status`].
    Status,
    /// Answered by [`crate::report::Trend`].
    Trend(SitesQuestion),
    /// Answered by [`crate::report::Defers`].
    Defers(DefersQuestion),
    /// Answered by [`crate::report::Query`].
    Query(QueryQuestion),
    /// Answered by [`crate::report::Check`].
    Check(CheckQuestion),
    /// Answered by [`crate::report::Traces`].
    Traces(TracesQuestion),
}

/// An answer, in the same order as [`Question`].
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// To [`Question::Status`].
    Status(Box<crate::report::Status>),
    /// To [`Question::Trend`].
    Trend(crate::report::Trend),
    /// To [`Question::Defers`].
    Defers(crate::report::Defers),
    /// To [`Question::Query`].
    Query(crate::report::Query),
    /// To [`Question::Check`].
    Check(crate::report::Check),
    /// To [`Question::Traces`].
    Traces(crate::report::Traces),
}

impl Question {
    /// Where a running agent answers it.
    #[must_use]
    pub fn path(&self) -> &'static str {
        match self {
            Self::Status => "/linger/v1/status",
            Self::Trend(_) => "/linger/v1/trend",
            Self::Defers(_) => "/linger/v1/defers",
            Self::Query(_) => "/linger/v1/query",
            Self::Check(_) => "/linger/v1/check",
            Self::Traces(_) => "/linger/v1/traces",
        }
    }
}
