//! May it pass? A pure function of what was found and the policy.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::problem::ProblemClass;
use super::{CommitShown, Examination, Problem, Push, Sighting, Standing, Top, Unmasked};
use crate::key::KeyId;
use crate::model::{ObjectType, Oid, Shown};
use crate::state::{Allowance, Mode, OnOpaque, Policy, Reaction};

/// Where in a push a key stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a file.
    File {
        /// Its path.
        path: Unmasked,
        /// The line.
        line: Option<u64>,
    },
    /// In the name of a file or directory.
    Name {
        /// Its path.
        path: Unmasked,
    },
    /// In a commit's own text.
    CommitText {
        /// The line of the commit.
        line: Option<u64>,
        /// In which part of it.
        part: CommitPart,
    },
    /// In a tag.
    Tag {
        /// Which.
        oid: Oid,
        /// The line of the tag.
        line: Option<u64>,
    },
    /// In a file that a ref or tag names without a commit.
    Tagged {
        /// Which.
        oid: Oid,
        /// The line.
        line: Option<u64>,
    },
    /// In an object that was sent and that no pushed ref reaches.
    Unreached {
        /// Which.
        oid: Oid,
        /// What it is.
        kind: ObjectType,
        /// The line.
        line: Option<u64>,
    },
    /// In an object that was sent, of which it was not found out where it stands.
    Unplaced {
        /// Which.
        oid: Oid,
        /// What it is.
        kind: ObjectType,
        /// The line.
        line: Option<u64>,
    },
    /// In a ref's name.
    RefName(Unmasked),
    /// In the push option of this number, from 1.
    PushOption(usize),
    /// In the certificate of a signed push.
    Certificate {
        /// Whether git had stored it before it asked, and not beside what was pushed.
        is_stored: bool,
    },
}

/// A part of a commit's own text: each is changed in another way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CommitPart {
    /// The message; in this line of it, from 1.
    Message(Option<u64>),
    /// Its author or its committer.
    Person,
    /// Another header.
    Header,
}

impl Place {
    /// The path or name in it.
    pub(super) fn path(&self) -> Option<&Unmasked> {
        match self {
            Self::File { path, .. } | Self::Name { path } | Self::RefName(path) => Some(path),
            _ => None,
        }
    }
}

/// Why the examination ended before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The time budget was over.
    Budget {
        /// How much it was, in seconds, rounded up.
        seconds: u64,
    },
    /// A signal.
    Signal,
}

/// What becomes of the push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It passes.
    Accepted,
    /// It does not.
    Refused,
    /// It would not, but the policy only observes.
    Observed,
}

impl Verdict {
    /// The name that the ledger uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Observed => "observed",
        }
    }
}

/// What was decided about one key, the gravest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It makes the push refused.
    Refused,
    /// A push option let it pass.
    Bypassed {
        /// Why, as the pusher said.
        reason: Shown,
    },
    /// The policy knows it.
    Allowed {
        /// Why, as the policy says.
        reason: Shown,
        /// Who answers for it.
        owner: Shown,
    },
    /// It is told.
    Warned,
    /// It was there before, or was taken away.
    Passed,
}

impl Outcome {
    /// The name that the ledger uses.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Bypassed { .. } => "bypassed",
            Self::Allowed { .. } => "allowed",
            Self::Warned => "warned",
            Self::Passed => "passed",
        }
    }
}

/// A key, what was decided, and where it stands.
#[derive(Clone, Debug)]
pub struct KeyDecision {
    /// Which key.
    pub id: KeyId,
    /// What was decided.
    pub outcome: Outcome,
    /// The day on which an allowance for it ended.
    pub expired: Option<String>,
    /// Its places; those that made the outcome first.
    pub sightings: Vec<Sighting>,
    /// How many of them, the first, count by the policy: in the others it was there before, or is taken away.
    pub counted: usize,
}

impl KeyDecision {
    /// The first 12 hex digits of its id, by which a push option names it.
    pub fn digits(&self) -> String {
        self.id.to_string().chars().skip("sha256:".len()).take(12).collect()
    }

    /// The places that it was moved to from one that counts, or on from there: it comes in there once that has none.
    pub(super) fn moved_on(&self) -> Vec<&Sighting> {
        let (counted, others) = self.sightings.split_at(self.counted.min(self.sightings.len()));
        let tops = |commit: &CommitShown| {
            let tops = commit.tops;
            (0..u64::BITS as usize).filter(move |top| tops >> top & 1 == 1)
        };
        let mut first = [usize::MAX; u64::BITS as usize];
        for commit in counted.iter().filter_map(|sighting| sighting.commit.as_ref()) {
            tops(commit).for_each(|top| first[top] = first[top].min(commit.number));
        }
        let is_behind = |commit: &CommitShown| tops(commit).any(|top| first[top] < commit.number);
        let mut moved: Vec<&Sighting> =
            others.iter().filter(|sighting| sighting.commit.as_ref().is_some_and(is_behind)).collect();
        moved.sort_by_key(|sighting| sighting.commit.as_ref().map(|commit| commit.number));
        let mut paths: HashSet<&Unmasked> = counted.iter().filter_map(|sighting| sighting.place.path()).collect();
        // What was moved from elsewhere was there before the push, and may stay.
        moved.retain(|sighting| {
            let is_on = sighting.moved_from.as_ref().is_some_and(|from| paths.contains(from));
            paths.extend(sighting.place.path().filter(|_| is_on));
            is_on
        });
        moved
    }
}

/// What was decided about a push.
#[derive(Clone, Debug)]
pub struct Decision {
    /// Whether it passes.
    pub verdict: Verdict,
    /// Every key in it.
    pub keys: Vec<KeyDecision>,
    /// What could not be examined, and whether that refuses.
    pub problems: Vec<(Problem, Reaction)>,
    /// What could not be looked into, and whether that refuses.
    pub opaque: Vec<(Shown, &'static str)>,
    /// Whether opaque content refuses.
    pub opaque_refuses: bool,
    /// What is wrong with push options that were to let a key pass.
    pub notes: Vec<String>,
    /// Whether the policy lets push options do that.
    pub bypass: bool,
    /// Whether the message may name a merge's way of being rewritten.
    pub has_merges: bool,
    /// The tops of the push that lead to commits with a key ([`Examination::tops`]).
    pub tops: Vec<Top>,
    /// Whether all was examined.
    pub is_complete: bool,
    /// Whether the push only deletes refs, and passes whatever else is so.
    pub only_deletes: bool,
}

/// The name by which a push option lets a key pass.
const OPTION: &[u8] = b"clerk-audit.allow=";

/// Decides. `today` is the server's day, `YYYY-MM-DD` in UTC. `mask` makes text of the pusher's showable.
pub fn decide(
    examination: Examination,
    push: &Push,
    policy: &Policy,
    today: &str,
    mask: &dyn Fn(&[u8]) -> Shown,
) -> Decision {
    let only_deletes = push.only_deletes();
    let mut by_key: BTreeMap<KeyId, Vec<Sighting>> = BTreeMap::new();
    for sighting in examination.sightings {
        by_key.entry(sighting.id).or_default().push(sighting);
    }
    let allowances = policy.allowances();
    let mut keys: Vec<KeyDecision> = by_key
        .into_iter()
        .map(|(id, mut sightings)| {
            let weight = |sighting: &Sighting| weigh(sighting, policy);
            sightings.sort_by_key(|sighting| std::cmp::Reverse(weight(sighting)));
            let counted = sightings.iter().filter(|sighting| weight(sighting) > Weight::Passed).count();
            let mut key = KeyDecision { id, outcome: Outcome::Passed, expired: None, sightings, counted };
            key.outcome = match key.sightings.iter().map(weight).max() {
                Some(Weight::Refused) if !only_deletes => Outcome::Refused,
                Some(Weight::Refused | Weight::Warned) => Outcome::Warned,
                _ => Outcome::Passed,
            };
            allow(&mut key, &allowances, today, mask);
            key
        })
        .collect();
    let notes = bypass(&mut keys, push, policy, mask);
    let problems: Vec<(Problem, Reaction)> = examination
        .problems
        .into_iter()
        .map(|problem| {
            let reaction = match problem.class() {
                _ if only_deletes => Reaction::Accept,
                ProblemClass::Push => Reaction::Refuse,
                ProblemClass::Limit => policy.on_limit,
                ProblemClass::Failure => policy.on_failure,
            };
            (problem, reaction)
        })
        .collect();
    let opaque_refuses = policy.opaque == OnOpaque::Refuse && !examination.opaque.is_empty() && !only_deletes;
    let refuses = keys.iter().any(|key| key.outcome == Outcome::Refused)
        || problems.iter().any(|(_, reaction)| *reaction == Reaction::Refuse)
        || opaque_refuses;
    let verdict = match (refuses, policy.mode) {
        (false, _) => Verdict::Accepted,
        (true, Mode::Enforce) => Verdict::Refused,
        (true, Mode::Observe) => Verdict::Observed,
    };
    keys.sort_by_key(|key| key.outcome != Outcome::Refused);
    Decision {
        verdict,
        keys,
        is_complete: problems.is_empty(),
        problems,
        opaque: examination.opaque,
        opaque_refuses,
        notes,
        bypass: policy.bypass,
        has_merges: examination.has_merges,
        tops: examination.tops,
        only_deletes,
    }
}

impl Decision {
    /// Takes a failure of the gate's own into account that came after the decision.
    pub fn fail(&mut self, what: Shown, policy: &Policy) {
        let reaction = if self.only_deletes { Reaction::Accept } else { policy.on_failure };
        self.problems.push((Problem::Failed(what), reaction));
        self.is_complete = false;
        if reaction == Reaction::Refuse {
            self.verdict = match policy.mode {
                Mode::Enforce => Verdict::Refused,
                Mode::Observe => Verdict::Observed,
            };
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    Passed,
    Warned,
    Refused,
}

fn weigh(sighting: &Sighting, policy: &Policy) -> Weight {
    let counts = match sighting.standing {
        Standing::Introduced => true,
        Standing::Moved | Standing::Kept | Standing::HeldByTip => policy.strict && sighting.is_new_object,
        Standing::Removed => false,
    };
    let is_in = |class: &crate::state::Class| class.has(sighting.kind, sighting.environment, sighting.confidence);
    match counts {
        true if is_in(&policy.refuse) => Weight::Refused,
        true if is_in(&policy.warn) => Weight::Warned,
        _ => Weight::Passed,
    }
}

fn allow(key: &mut KeyDecision, allowances: &HashMap<KeyId, &Allowance>, today: &str, mask: &dyn Fn(&[u8]) -> Shown) {
    if key.outcome != Outcome::Refused {
        return;
    }
    match allowances.get(&key.id) {
        Some(allowance) if allowance.is_in_force(today) => {
            key.outcome =
                Outcome::Allowed { reason: mask(allowance.reason.as_bytes()), owner: mask(allowance.owner.as_bytes()) };
        }
        Some(allowance) => key.expired = Some(allowance.expires.clone()),
        None => {}
    }
}

/// Applies push options of the form `clerk-audit.allow=<12 hex digits>:<reason>`; what is wrong with any of them.
fn bypass(keys: &mut [KeyDecision], push: &Push, policy: &Policy, mask: &dyn Fn(&[u8]) -> Shown) -> Vec<String> {
    let mut notes = Vec::new();
    // Both come from whoever pushes, and there can be many of each.
    let mut by_digits: HashMap<String, Vec<usize>> = HashMap::new();
    if policy.bypass && push.options.iter().any(|option| option.starts_with(OPTION)) {
        for (at, key) in keys.iter().enumerate() {
            by_digits.entry(key.digits()).or_default().push(at);
        }
    }
    let mut said = Said { options: &push.options, mask, pieces: None };
    let wishes =
        push.options.iter().enumerate().filter_map(|(at, option)| Some((at + 1, option.strip_prefix(OPTION)?)));
    for (number, wish) in wishes {
        let mut note = |what: &str| notes.push(format!("push option {number} {what}"));
        if !policy.bypass {
            note("has no effect: this server lets no push option allow a key");
            continue;
        }
        let colon = memchr::memchr(b':', wish);
        let (digits, reason) = colon.map_or((wish, &b""[..]), |at| (&wish[..at], wish[at + 1..].trim_ascii()));
        let is_id = digits.len() == 12 && digits.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !is_id || reason.is_empty() {
            note("has no effect: it is not clerk-audit.allow=<12 digits>:<reason>");
            continue;
        }
        let named = std::str::from_utf8(digits).ok().and_then(|digits| by_digits.get(digits));
        let Some(&[one]) = named.map(Vec::as_slice) else {
            note("has no effect: it does not name exactly one key of this push");
            continue;
        };
        let key = &mut keys[one];
        match key.outcome == Outcome::Refused {
            true if said.has(key) => note("has no effect: the key stands in a push option"),
            true => key.outcome = Outcome::Bypassed { reason: mask(reason) },
            false => note("has no effect: the key it names is not refused"),
        }
    }
    notes
}

/// What push options say, as far as keys are concerned.
struct Said<'a> {
    options: &'a [Vec<u8>],
    mask: &'a dyn Fn(&[u8]) -> Shown,
    /// Pieces of them, as they are and masked; made when first asked for.
    pieces: Option<Vec<(&'a [u8], Shown)>>,
}

impl Said<'_> {
    /// So long are the pieces: of a longer text not all is shown. Each begins in the middle of the one before, so that a key
    /// stands whole in one.
    const PIECE: usize = 4096;

    /// A key that stands in the very words that ask for it to pass stays refused. By itself, too, where the name of its
    /// variable alone would tell it: masking knows the text of each key of the push, and puts its hint there.
    fn has(&mut self, key: &KeyDecision) -> bool {
        let is_sighted =
            |sighting: &Sighting| matches!(sighting.place, Place::PushOption(_) | Place::Certificate { .. });
        if key.sightings.iter().any(is_sighted) {
            return true;
        }
        let (options, mask) = (self.options, self.mask);
        let pieces = self.pieces.get_or_insert_with(|| {
            let starts = |option: &[u8]| (0..option.len()).step_by(Self::PIECE / 2);
            let pieces = options
                .iter()
                .flat_map(|option| starts(option).map(|from| &option[from..option.len().min(from + Self::PIECE)]));
            pieces.map(|piece| (piece, mask(piece))).collect()
        });
        let Some(hint) = key.sightings.first().map(|sighting| sighting.hint.as_bytes()) else { return false };
        // Whoever reads the refusal may well quote the hint.
        let count = |text: &[u8]| memchr::memmem::find_iter(text, hint).count();
        pieces.iter().any(|(piece, masked)| count(masked.as_str().as_bytes()) > count(piece))
    }
}
