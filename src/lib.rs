//! clerk-audit finds Clerk secret keys in git: since when, where, by whom, whether still there, and what to do next.
//!
//! The rooms, and what each is for (`docs/architecture.md` has the whole tour and who may see whom):
//!
//! - [`model`]: plain data that every room may see; [`model::Shown`] is the one kind of foreign string in a report
//! - [`key`]: what a key is; no I/O
//! - [`detect`]: from bytes to sightings, and masking; no I/O
//! - [`store`]: reads repositories; the only room that names git2
//! - [`history`]: introduced, removed, held, reachable, over plain facts; no I/O
//! - [`audit`]: use case, whole histories
//! - [`gate`]: use case, a push
//! - [`install`]: writes, checks and removes hooks
//! - [`demo`]: use case, the newcomer's first look
//! - [`report`]: writes a report, one file a format
//! - [`state`]: what is remembered between runs
//! - [`purge`]: the files by which a history is cleaned, the one output with keys in it; no I/O
//! - [`verify`]: asks Clerk whether a key is alive; the only room that reaches the network
//! - [`cli`]: arguments, progress, exit codes; owns the standard streams, the environment and the clock
//!
//! The library is the binary's; its API follows no promise. The command line and the report formats do
//! (`CHANGELOG.md`).

pub mod audit;
pub mod cli;
pub mod demo;
pub mod detect;
pub mod gate;
pub mod history;
pub mod install;
pub mod key;
pub mod model;
pub mod purge;
pub mod report;
pub mod state;
pub mod store;
pub mod verify;
