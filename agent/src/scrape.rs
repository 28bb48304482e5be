//! The first stage: asking targets, sparing them, and naming how each attempt ended.

pub mod answering;
mod board;
pub mod census;
pub mod client;
pub mod cost;
pub mod lane;
pub mod outcome;
pub mod request;
pub mod schedule;
