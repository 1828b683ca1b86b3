//! A push as it is told, and what was found in it.

use super::{MalformedInput, Place, Problem, RefUpdate, Unmasked};
use crate::key::KeyId;
use crate::model::{Confidence, Environment, Kind, Oid, Shown};

/// A push as its server tells it.
#[derive(Clone, Debug)]
pub struct Push {
    /// The refs, or why they cannot be told.
    pub updates: Result<Vec<RefUpdate>, MalformedInput>,
    /// The push options, in order.
    pub options: Vec<Vec<u8>>,
    /// The blob of its certificate.
    pub certificate: Option<Oid>,
    /// The whole names of the refs, namespace and all, in the order of the updates.
    pub full_names: Vec<Vec<u8>>,
    /// Whether git says that it took in objects for it.
    pub has_quarantine: bool,
}

impl Push {
    /// Whether it only deletes refs. Where objects came along it does not, whatever can be read of it: git takes none
    /// in for deletions.
    pub fn only_deletes(&self) -> bool {
        !self.has_quarantine && self.names_only_deletions()
    }

    /// Whether all that it says of refs is which to delete.
    pub fn names_only_deletions(&self) -> bool {
        self.updates.as_ref().is_ok_and(|updates| updates.iter().all(|update| update.new.is_none()))
    }
}

/// How a key in a push stands to what was there before. What was there less surely counts only where the policy would have
/// refused it as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// The push introduces it there.
    Introduced,
    /// It left another path in the same commit.
    Moved,
    /// A parent holds it at the same path, in other content.
    Kept,
    /// An existing tip holds it at the same path.
    HeldByTip,
    /// The push takes it away there.
    Removed,
}

impl Standing {
    /// The name that the ledger uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Introduced => "introduced",
            Self::Moved => "moved",
            Self::Kept => "kept",
            Self::HeldByTip => "held_by_tip",
            Self::Removed => "removed",
        }
    }
}

/// A commit, as the message names it.
#[derive(Clone, Debug)]
pub struct CommitShown {
    /// Its id.
    pub oid: Oid,
    /// Its subject, masked.
    pub subject: Shown,
    /// Its place among the push's new commits, parents first.
    pub number: usize,
    /// How many parents it has where it was made; none where history is cut at it.
    pub parents: usize,
    /// Whether no other commit of the push is made on it.
    pub is_last: bool,
    /// Which of the push's tops lead to it: a bit for each of [`Examination::tops`].
    pub tops: u64,
    /// One of them: of several the one behind all others, of a branch's before a tag's. Of a commit of notes the one that their
    /// ref names.
    pub top: Top,
    /// Which pushed refs that are no tags and no notes lead to it: a bit for each, and for those past sixty one together.
    pub branches: u64,
    /// Whether a pushed tag leads to it that does not go along with a top: one on a branch's commit, or below one.
    pub is_tagged: bool,
    /// The notes that it is of.
    pub notes: Option<Notes>,
}

impl CommitShown {
    pub(super) fn new(oid: Oid, parents: usize) -> Self {
        Self {
            oid,
            subject: Shown::default(),
            number: 0,
            parents,
            is_last: false,
            tops: 0,
            top: Top { oid, is_branch: false },
            branches: 0,
            is_tagged: false,
            notes: None,
        }
    }

    /// How many pushed branches lead to it, or as good as more.
    pub(super) fn branch_count(&self) -> u32 {
        self.branches.count_ones() + u32::from(self.branches & OTHER_BRANCHES != 0)
    }
}

/// The bit of all pushed branches past the sixty-first.
pub(super) const OTHER_BRANCHES: u64 = 1 << 61;

/// A commit that pushed refs name and that leads to all that it has: no other that they name, notes apart, goes on from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Top {
    /// Which.
    pub oid: Oid,
    /// Whether a ref names it that is no tag.
    pub is_branch: bool,
}

/// So many tops of a push have a bit of their own; all others have the next one together.
pub(super) const MOST_TOPS: usize = 63;

/// A ref of `git notes`, each of whose commits holds every note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Notes {
    /// The commit that the ref names on the server, as the client says.
    pub old: Option<Oid>,
}

/// One key at one place of the push.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// Which key.
    pub id: KeyId,
    /// What may be shown of it.
    pub hint: String,
    /// What kind of credential.
    pub kind: Kind,
    /// Of which environment.
    pub environment: Environment,
    /// How sure.
    pub confidence: Confidence,
    /// Where.
    pub place: Place,
    /// The commit it stands in.
    pub commit: Option<CommitShown>,
    /// How it stands to what was there before.
    pub standing: Standing,
    /// The path that it left, where it was moved.
    pub moved_from: Option<Unmasked>,
    /// Whether the object that carries it is new: it came along. Under a strict policy one that lay there is, too, where no
    /// existing ref reaches it.
    pub is_new_object: bool,
    /// Whether that lay in the store before the push, and stays there if it is refused.
    pub was_there: bool,
}

/// What was examined and found.
#[derive(Clone, Debug, Default)]
pub struct Examination {
    /// The keys.
    pub sightings: Vec<Sighting>,
    /// What could not be examined.
    pub problems: Vec<Problem>,
    /// What could not be looked into: where, and what.
    pub opaque: Vec<(Shown, &'static str)>,
    /// New objects of the quarantine.
    pub quarantined: u64,
    /// Objects read besides, because the push reaches them.
    pub reached: u64,
    /// New commits.
    pub commits: u64,
    /// Bytes scanned.
    pub bytes: u64,
    /// Whether a merge is among the new commits.
    pub has_merges: bool,
    /// The tops that lead to commits with a key, those of the newest first; the last stands for all past the sixty-third, and
    /// is a branch's if all of them are.
    pub tops: Vec<Top>,
    /// Whether more may have been taken away than was told: the decision does not rest on that.
    pub removals_cut: bool,
}
