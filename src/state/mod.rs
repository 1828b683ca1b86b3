//! What is remembered between runs, in files of this program's own.

mod known;

pub use known::{Known, KnownError, Tally};
