//! What is remembered between runs, and what the server's owner says: files of this program's own.

mod entries;
mod hold;
mod known;
mod ledger;
mod merge;
mod ours;
mod passing;
mod policy;
mod remembered;
mod status;
mod tally;
mod wait;

pub use hold::{Held, hold};
pub use known::Known;
pub use ledger::{
    Append, Ledger, LedgerEvent, LedgerPlace, LedgerPush, append, is_for_group, ledger_place, no_plain_file,
};
pub use ours::noted_in;
pub use policy::{Allowance, Class, Limits, Mode, OnOpaque, Policy, PolicyPlaces, Reaction, allow_entries, is_day};
pub use remembered::{DETECTOR, LooseMemory, PackMemory, Remembered, RepositoryMemory, StateFile};
pub use status::{Asked, Status, Tick};
pub use tally::Tally;
pub use wait::Wait;

/// Opens a plain file to read it. A pipe or a device is none: whoever reads one waits until somebody writes, or has no end of it.
fn open_plain(path: &std::path::Path) -> std::io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    // What was looked at before may be another by then: what is open is looked at, and opening must not wait.
    let flags = rustix::fs::OFlags::NONBLOCK.bits() as i32;
    let file = std::fs::OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "it is no plain file")),
    }
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read.
    #[error("cannot read {file}")]
    Read {
        /// Which: its path, behind what it is where that tells more.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// Another process is about to write it, and does not come to an end.
    #[error("another clerk-audit is at work on {path}, and does not end")]
    Busy {
        /// Which.
        path: String,
    },
    /// A line of it is not one of its format.
    #[error("{path}, line {line}: {what}")]
    Line {
        /// Which file.
        path: String,
        /// Which line, from 1.
        line: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// It is not one, is damaged or cut short, or has the marks of a merge in it that cannot be resolved.
    #[error("{path}: {what}")]
    Malformed {
        /// Which.
        path: String,
        /// What is wrong.
        what: String,
    },
    /// It is a policy, and no TOML, or has a setting that is not known or whose value is none.
    #[error("the policy {path} is not valid: {what}")]
    Invalid {
        /// Which.
        path: String,
        /// What is wrong and where.
        what: String,
    },
}
