//! What is remembered between runs, and what the server's owner says: files of this program's own.

mod hold;
mod known;
mod ledger;
mod merge;
mod policy;
mod remembered;
mod status;
mod tally;

pub use hold::{Held, hold};
pub use known::{Known, KnownError};
pub use ledger::{
    Append, Ledger, LedgerError, LedgerEvent, LedgerPlace, append, is_for_group, ledger_place, no_plain_file,
};
pub use policy::{
    Allowance, Class, Limits, Mode, OnOpaque, Policy, PolicyError, PolicyPlaces, Reaction, allow_entries, is_day,
};
pub use remembered::{DETECTOR, LooseMemory, PackMemory, Remembered, RepositoryMemory, StateFile};
pub use status::{Asked, Status, Tick};
pub use tally::Tally;

/// Why a file that this program keeps as one document cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Another process is about to write it, and does not come to an end.
    #[error("another clerk-audit is at work on {path}, and does not end")]
    Busy {
        /// Which.
        path: String,
    },
    /// It is not one, is damaged or cut short, or has the marks of a merge in it that cannot be resolved.
    #[error("{path}: {what}")]
    Malformed {
        /// Which.
        path: String,
        /// What is wrong.
        what: String,
    },
}
