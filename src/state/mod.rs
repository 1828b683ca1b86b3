//! What is remembered between runs, and what the server's owner says: files of this program's own.

mod known;
mod ledger;
mod policy;
mod remembered;
mod status;

pub use known::{Known, KnownError, Tally};
pub use ledger::{Append, Ledger, LedgerError, LedgerEvent, LedgerPlace, append, ledger_place, no_plain_file};
pub use policy::{
    Allowance, Class, Limits, Mode, OnOpaque, Policy, PolicyError, PolicyPlaces, Reaction, Standing, allow_entries,
    is_day,
};
pub use remembered::{DETECTOR, PackMemory, Remembered, RememberedError, RepositoryMemory, StateFile};
pub use status::{Asked, Status, StatusError, Tick, is_instance};
