//! linger: what lingers in Go services. The way of the data is the way to read this crate:
//! `scrape` -> `pipeline` (decode, derive) -> store -> `answer` -> `api` and `cli`.

pub mod question;
pub mod report;
