//! What is remembered between runs, in files of this program's own.

mod known;
mod status;

pub use known::{Known, KnownError, Tally};
pub use status::{Asked, Status, StatusError, Tick, is_instance};
