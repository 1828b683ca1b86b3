//! What the integration tests share: repositories made in code, runs of the binary, and an oracle that reads
//! a repository by git's own command line and knows nothing of the code that it is held against.
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod clerk;
pub(crate) mod fixture;
pub(crate) mod git;
pub(crate) mod incident;
pub(crate) mod nobody;
pub(crate) mod oracle;
pub(crate) mod packs;
pub(crate) mod random_history;
pub(crate) mod reference;
pub(crate) mod reftable;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod secrets;
pub(crate) mod seeds;
pub(crate) mod terminal;
pub(crate) mod tools;
pub(crate) mod zlib;
