//! What of a push could not be examined.

use crate::model::{Oid, Shown};
use crate::store::Failure;

/// One thing that could not be examined, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// An object that the push needs is nowhere.
    Missing {
        /// Which.
        oid: Oid,
        /// What it would be.
        kind: &'static str,
    },
    /// An object cannot be read.
    Unreadable {
        /// Which.
        oid: Oid,
        /// Why.
        failure: Failure,
    },
    /// An object can be read, but not what it names.
    Undecodable {
        /// Which.
        oid: Oid,
        /// What it is.
        kind: &'static str,
    },
    /// The quarantine cannot be listed.
    Quarantine {
        /// What is wrong with it; this program's own words.
        detail: String,
    },
    /// Standard input is not git's.
    Input(super::MalformedInput),
    /// An object is larger than the limit.
    TooLarge {
        /// Which.
        oid: Oid,
        /// The limit, bytes.
        limit: u64,
    },
    /// All objects together are larger than the limit.
    TooMuch {
        /// The limit, bytes.
        limit: u64,
    },
    /// A tree is deeper than the limit.
    TooDeep {
        /// The tree at which it was.
        oid: Oid,
        /// The limit, levels.
        limit: usize,
    },
    /// A tree stands at a path that is longer than any file's.
    LongPath {
        /// Which tree.
        oid: Oid,
        /// The limit, bytes.
        limit: usize,
    },
    /// What was sent unpacks beyond all proportion.
    Expansion {
        /// How many bytes it takes as it was stored.
        stored: u64,
        /// The limit: so many times that.
        times: u64,
    },
    /// A limit was reached in what encodings and containers of an object hold.
    Decoding {
        /// Which; none for what the push says in words.
        oid: Option<Oid>,
        /// The limit, in words.
        limit: &'static str,
    },
    /// There are more keys than are told apart.
    TooMany,
    /// The time was over, or a signal came.
    Stopped(super::Stop),
    /// A failure of the gate's own. Masked: a policy that is not valid is quoted, and pushers read it.
    Failed(Shown),
}

/// Which setting says what a problem means for the push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProblemClass {
    /// Always refused.
    Push,
    /// `on_limit`.
    Limit,
    /// `on_failure`.
    Failure,
}

/// So many are kept, and one of each class at least: the rest is as the first. A commit may name a million parents that are
/// nowhere.
const MOST: usize = 1_000;

impl Problem {
    /// Puts it among others.
    pub(super) fn join(self, others: &mut Vec<Self>) {
        let is_more_of_the_same = others.len() >= MOST && others.iter().any(|other| other.class() == self.class());
        // One tree that is too deep is found in the quarantine and by its commit, perhaps at different levels.
        let is_same = |other: &Self| {
            let are_deep = matches!((other, &self), (Self::TooDeep { .. }, Self::TooDeep { .. }));
            are_deep || *other == self
        };
        if !is_more_of_the_same && !others.iter().any(is_same) {
            others.push(self);
        }
    }

    pub(super) fn of_failure(oid: Oid, failure: Failure, limit: u64) -> Self {
        match failure {
            Failure::TooLarge(_) => Self::TooLarge { oid, limit },
            failure => Self::Unreadable { oid, failure },
        }
    }

    pub(super) fn class(&self) -> ProblemClass {
        match self {
            Self::TooLarge { .. }
            | Self::TooMuch { .. }
            | Self::TooDeep { .. }
            | Self::LongPath { .. }
            | Self::Expansion { .. }
            | Self::Decoding { .. }
            | Self::TooMany
            | Self::Stopped(_) => ProblemClass::Limit,
            Self::Failed(_) => ProblemClass::Failure,
            Self::Missing { .. }
            | Self::Unreadable { .. }
            | Self::Undecodable { .. }
            | Self::Quarantine { .. }
            | Self::Input(_) => ProblemClass::Push,
        }
    }

    /// One word for it, for the ledger.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "missing",
            Self::Unreadable { .. } => "unreadable",
            Self::Undecodable { .. } => "undecodable",
            Self::Quarantine { .. } => "quarantine",
            Self::Input(_) => "input",
            Self::TooLarge { .. } => "object_bytes",
            Self::TooMuch { .. } => "total_bytes",
            Self::TooDeep { .. } => "tree_depth",
            Self::LongPath { .. } => "path_bytes",
            Self::Expansion { .. } => "expansion",
            Self::Decoding { .. } => "decoding",
            Self::TooMany => "too_many_keys",
            Self::Stopped(super::Stop::Budget { .. }) => "time",
            Self::Stopped(super::Stop::Signal) => "signal",
            Self::Failed(_) => "failure",
        }
    }

    /// It in words, and which setting changes what it means.
    pub fn in_words(&self) -> String {
        match self {
            Self::Missing { oid, kind } => {
                format!("the {kind} {} is missing: it was neither sent nor is it here", oid.short())
            }
            Self::Unreadable { oid, failure } => format!("the object {} cannot be read: {failure}", oid.short()),
            Self::Undecodable { oid, kind } => {
                format!("the {kind} {} does not say what it names: nobody can tell what hangs from it", oid.short())
            }
            Self::Quarantine { detail } => format!("what was pushed cannot be listed: {detail}"),
            Self::Input(malformed) => malformed.to_string(),
            Self::TooLarge { oid, limit } => format!(
                "the object {} has more than {limit} bytes; the policy's limits.object_bytes raises that",
                oid.short()
            ),
            Self::TooMuch { limit } => format!(
                "the push has more than {limit} bytes when unpacked; the policy's limits.total_bytes raises that, or \
                 push it in parts"
            ),
            Self::TooDeep { oid, limit } => format!(
                "the tree {} is more than {limit} directories deep; the policy's limits.tree_depth raises that",
                oid.short()
            ),
            Self::LongPath { oid, limit } => format!(
                "the tree {} stands at a path of more than {limit} bytes; the policy's on_limit says what that means",
                oid.short()
            ),
            Self::Expansion { stored, times } => format!(
                "the push unpacks to more than {times} times the {stored} bytes it takes packed; the policy's \
                 limits.expansion raises that"
            ),
            Self::Decoding { oid, limit } => format!(
                "{} has more in it than can be examined ({limit}); the policy's on_limit says what that means",
                oid.map_or_else(
                    || "a ref's name or a push option".to_owned(),
                    |oid| format!("the object {}", oid.short())
                )
            ),
            Self::TooMany => "there are more keys in it than are told apart".to_owned(),
            Self::Stopped(super::Stop::Budget { seconds }) => format!(
                "the time budget of {seconds} s was over before all was examined; the policy's limits.seconds raises \
                 it, or push it in parts"
            ),
            Self::Stopped(super::Stop::Signal) => "it was told to end before all was examined".to_owned(),
            Self::Failed(what) => format!("the gate itself failed: {what}"),
        }
    }
}
