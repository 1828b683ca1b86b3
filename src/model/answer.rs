//! What Clerk answered when it was asked whether a key is alive.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Answers by key id (`sha256:…`).
pub type Answers = BTreeMap<String, Answer>;

/// Whether a key still works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Liveness {
    /// Clerk accepted it.
    Alive,
    /// It could not be found out.
    Unknown,
    /// Clerk says that there is no such key: it was deleted, or never was one.
    Dead,
}

/// One answer, which stands beside a finding and never in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The verdict.
    pub liveness: Liveness,
    /// Why, in this program's words.
    pub reason: String,
    /// When it was asked, RFC 3339, UTC, by this machine's clock.
    pub at: String,
    /// The instance that Clerk named (`ins_…`).
    pub instance: Option<String>,
}
