//! linger: what lingers in Go services. The way of the data is the way to read this crate:
//! `scrape` -> `pipeline` (decode, derive) -> store -> `answer` -> `api` and `cli`.

pub mod alert;
pub mod answer;
pub mod api;
pub mod ask;
pub mod audit;
pub mod cli;
pub mod clock;
pub mod daemon;
pub mod exposition;
pub mod fleet;
pub mod live;
pub mod logs;
pub mod oneshot;
pub mod pipeline;
pub mod question;
pub mod reader;
pub mod report;
pub mod scrape;
pub mod serve;
pub mod show;
mod small_file;
pub mod trace;
pub mod traces;
