//! The store through its public interface, on real folders. One binary: linking is the slow part.

mod common;
mod crash;
mod damage;
mod life;
mod model;
mod refusal;
