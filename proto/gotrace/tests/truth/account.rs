//! What the program says of itself: `program/window.go`, where each field is explained.

use std::collections::BTreeMap;

use serde::Deserialize;

/// One trace.
#[derive(Debug, Deserialize)]
pub(crate) struct Window {
    pub(crate) file: String,
    pub(crate) at_least_ns: u64,
    pub(crate) at_most_ns: u64,
    pub(crate) at_start: BTreeMap<String, u64>,
    pub(crate) created: BTreeMap<String, u64>,
    pub(crate) alive: BTreeMap<String, u64>,
    pub(crate) max: u64,
    pub(crate) births: Option<Vec<Birth>>,
    pub(crate) waits: Vec<Wait>,
    pub(crate) calls: Option<Vec<Span>>,
    pub(crate) running: Option<Vec<Span>>,
    pub(crate) created_ns: u64,
    pub(crate) yielded: Option<u64>,
    pub(crate) suspects: Vec<Suspects>,
    pub(crate) stops: Vec<Span>,
    pub(crate) collections: u64,
    pub(crate) tasks: Option<Vec<Annotation>>,
    pub(crate) regions: Option<Vec<Annotation>>,
    pub(crate) logs: BTreeMap<String, u64>,
    pub(crate) events: BTreeMap<String, u64>,
}

/// Goroutines that one function created with another.
#[derive(Debug, Deserialize)]
pub(crate) struct Birth {
    pub(crate) site: String,
    pub(crate) function: String,
    pub(crate) created: u64,
}

/// How many and how long.
#[derive(Debug, Deserialize)]
pub(crate) struct Span {
    pub(crate) name: String,
    pub(crate) count: u64,
    pub(crate) ns: u64,
}

/// Waits within a function.
#[derive(Debug, Deserialize)]
pub(crate) struct Wait {
    pub(crate) reason: String,
    pub(crate) function: String,
    pub(crate) count: u64,
    pub(crate) open: u64,
    pub(crate) ns: u64,
    pub(crate) woken_by: String,
}

/// Goroutines that never move.
#[derive(Debug, Deserialize)]
pub(crate) struct Suspects {
    pub(crate) reason: String,
    pub(crate) function: String,
    pub(crate) count: u64,
}

/// Regions, or tasks, of one name.
#[derive(Debug, Deserialize)]
pub(crate) struct Annotation {
    pub(crate) name: String,
    pub(crate) begun: u64,
    pub(crate) ended: u64,
    pub(crate) open: u64,
    pub(crate) begun_before: u64,
    pub(crate) abandoned: u64,
    pub(crate) ns: u64,
}
