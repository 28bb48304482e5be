//! The store through its public interface, on real folders. One binary: linking is the slow part.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a panic fails the test, as it should"
)]

mod crash;
mod damage;
mod life;
mod model;
mod refusal;
mod scene;
