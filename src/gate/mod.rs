//! Use case: a push. What it brings, what of that is new, and whether it may pass.
//!
//! Two sets are examined, because neither alone is whole: what lies in the quarantine, as raw bytes, and what the pushed
//! tips newly reach, which may have lain in the store unreachable. [`Examiner`] reads; [`decide()`] is a pure function of
//! what was read and the policy; [`message()`] words it. No key is ever shown, and this room cannot reach the network.
//!
//! Invariant: what was not read is a [`Problem`], and the default answer to a problem is to refuse.

mod advice;
mod ancestry;
mod compare;
mod content;
mod decision;
mod doubts;
mod examine;
mod input;
mod kept_names;
mod message;
mod past;
mod problem;
mod push;
mod record;
mod scan;
mod unmasked;

pub use crate::state::Limits;
pub use decision::{CommitPart, Decision, KeyDecision, Outcome, Place, Stop, Verdict, decide};
pub use examine::Examiner;
pub use input::{MalformedInput, RefUpdate, parse as parse_input};
pub use message::{Voice, message};
pub use problem::Problem;
pub use push::{CommitShown, Examination, Notes, Push, Sighting, Standing, Top};
pub use record::{Circumstances, Counts, Signer, record};
pub use unmasked::Unmasked;
