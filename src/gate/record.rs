//! A decision as one line of the ledger.

use serde_json::{Value, json};

use super::decision::{Decision, KeyDecision, Outcome, Place, Verdict};
use super::unmasked::Mask;
use super::{Examination, Push, Sighting, Unmasked, message};
use crate::model::{Shown, harmless_json};

/// What the ledger says beside the decision: the server's word, not the pusher's.
#[derive(Clone, Debug, Default)]
pub struct Circumstances {
    /// The server's clock, RFC 3339.
    pub time: String,
    /// Which hook ran.
    pub hook: &'static str,
    /// What kind of server it is.
    pub server: &'static str,
    /// The repository's directory.
    pub repository: Shown,
    /// Who pushed, as the server names them.
    pub pusher: Option<Shown>,
    /// From where.
    pub remote_address: Option<Shown>,
    /// Who signed the push, as git's check of its certificate has it.
    pub signer: Option<Signer>,
    /// Whether the objects were in the store before the decision.
    pub objects_remain: bool,
    /// From the start of the process.
    pub milliseconds: u64,
    /// The policy in force.
    pub policy: Option<Shown>,
}

/// What git says of the certificate of a signed push. Only a name with a good signature and a good
/// nonce proves anything.
#[derive(Clone, Debug, Default)]
pub struct Signer {
    /// Whose key it is, where the server knows.
    pub name: Option<Shown>,
    /// The key.
    pub key: Option<Shown>,
    /// `G` for a good signature; git's `--format=%G?` has the others.
    pub status: Option<Shown>,
    /// `OK` for the nonce that the server gave out.
    pub nonce: Option<Shown>,
}

impl Signer {
    fn as_json(&self) -> Value {
        let [name, key, status, nonce] =
            [&self.name, &self.key, &self.status, &self.nonce].map(|text| text.as_ref().map(cut));
        json!({"name": name, "key": key, "status": status, "nonce": nonce})
    }
}

/// Below this name self-tests push their canaries.
const SELF_TEST: &[u8] = b"refs/clerk-audit/self-test/";

/// How much was read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    quarantined: u64,
    reached: u64,
    commits: u64,
    bytes: u64,
    removals_cut: bool,
}

impl Counts {
    /// The counts of an examination.
    pub fn of(examination: &Examination) -> Self {
        Self {
            quarantined: examination.quarantined,
            reached: examination.reached,
            commits: examination.commits,
            bytes: examination.bytes,
            removals_cut: examination.removals_cut,
        }
    }
}

/// A line of the ledger has no more bytes: a push of a few kilobytes can bring a thousand keys to a thousand long names each.
const LONGEST: usize = 1 << 20;

/// So many of them are for what is said once, and no list: each text in it is cut or has no more than [`Shown::LONGEST`].
const HEAD: usize = 160 << 10;

/// So many of each list are told.
const MOST: usize = 1_000;

/// What a line still has room for.
struct Room {
    left: usize,
}

impl Room {
    /// Whether a value still fits; what does takes its room.
    fn takes(&mut self, value: &Value) -> bool {
        let bytes = harmless_json(&value.to_string()).len() + 1;
        let fits = bytes <= self.left;
        self.left -= if fits { bytes } else { 0 };
        fits
    }

    /// As many as fit, in no more than `most` bytes.
    fn list(&mut self, most: usize, values: impl Iterator<Item = Value>) -> Vec<Value> {
        let mut own = Self { left: self.left.min(most) };
        let before = own.left;
        let list = values.take(MOST).take_while(|value| own.takes(value)).collect();
        self.left -= before - own.left;
        list
    }
}

/// The record of a decision. At most a thousand refs, keys, and places of a key stand in it, as far as there is room, with how
/// many were left out and the whole counts.
pub fn record(
    decision: &Decision,
    push: &Push,
    counts: Counts,
    circumstances: &Circumstances,
    mask: &dyn Fn(&[u8]) -> Shown,
) -> Value {
    let updates = push.updates.as_deref().unwrap_or_default();
    let is_canary = !updates.is_empty() && updates.iter().all(|update| update.name.starts_with(SELF_TEST));
    let mut room = Room { left: LONGEST - HEAD };
    let refs = updates
        .iter()
        .map(|update| json!({"name": cut(&mask(&update.name)), "claimed_old": update.old, "new": update.new}));
    let refs = room.list(128 << 10, refs);
    let problems = decision.problems.iter();
    let problems = problems.map(|(problem, _)| json!({"reason": problem.name(), "detail": problem.in_words()}));
    let problems = room.list(64 << 10, problems);
    let mut keys = room.list(384 << 10, decision.keys.iter().map(key));
    let places = add_places(&mut keys, &decision.keys, &mut room, mask);
    let place_count: usize = decision.keys.iter().map(|key| key.sightings.len()).sum();
    json!({
        "schema": 1,
        "tool": env!("CARGO_PKG_VERSION"),
        "time": circumstances.time,
        "hook": circumstances.hook,
        "server": circumstances.server,
        "repository": circumstances.repository,
        "policy": circumstances.policy,
        "pusher": circumstances.pusher.as_ref().map(cut),
        "remote_address": circumstances.remote_address.as_ref().map(cut),
        "signer": circumstances.signer.as_ref().map(Signer::as_json),
        "verdict": decision.verdict.name(),
        "canary": is_canary,
        "objects_remain": circumstances.objects_remain || remains(decision),
        "ref_count": updates.len(),
        "key_count": decision.keys.len(),
        "left_out": {
            "refs": updates.len() - refs.len(),
            "keys": decision.keys.len() - keys.len(),
            "places": place_count - places,
            "problems": decision.problems.len() - problems.len(),
        },
        "refs": refs,
        "keys": keys,
        "problems": problems,
        "coverage": {
            "complete": decision.is_complete,
            "quarantined": counts.quarantined,
            "reached": counts.reached,
            "commits": counts.commits,
            "bytes": counts.bytes,
            "opaque": decision.opaque.len(),
            "removals": if counts.removals_cut { "in part" } else { "all" },
        },
        "milliseconds": circumstances.milliseconds,
    })
}

/// What is said of a key, its places apart.
fn key(key: &KeyDecision) -> Value {
    let mut value = json!({
        "id": key.id.to_string(),
        "hint": key.sightings.first().map(|sighting| sighting.hint.as_str()),
        "decision": key.outcome.name(),
        "places": [],
        "place_count": key.sightings.len(),
    });
    match &key.outcome {
        Outcome::Bypassed { reason } => value["reason"] = json!(cut(reason)),
        Outcome::Allowed { reason, owner } => {
            value["reason"] = json!(cut(reason));
            value["owner"] = json!(cut(owner));
        }
        Outcome::Refused | Outcome::Warned | Outcome::Passed => {}
    }
    value
}

/// Adds the first place of each key, then the second of each, as far as there is room; how many.
fn add_places(told: &mut [Value], keys: &[KeyDecision], room: &mut Room, mask: Mask<'_>) -> usize {
    let mut lists: Vec<Vec<Value>> = vec![Vec::new(); told.len()];
    let most = keys.iter().map(|key| key.sightings.len()).max().unwrap_or_default().min(MOST);
    'room: for round in 0..most {
        for (list, key) in lists.iter_mut().zip(keys) {
            let Some(sighting) = key.sightings.get(round) else { continue };
            let place = place(sighting, mask);
            if !room.takes(&place) {
                break 'room;
            }
            list.push(place);
        }
    }
    let count = lists.iter().map(Vec::len).sum();
    for (value, list) in told.iter_mut().zip(lists) {
        value["places"] = Value::Array(list);
    }
    count
}

/// Whether a key stands where git had stored it before it asked, in the certificate; or what is refused for one lay there
/// before the push.
fn remains(decision: &Decision) -> bool {
    let is_refused = decision.verdict == Verdict::Refused;
    decision.keys.iter().any(|key| {
        let counted = if is_refused && key.outcome == Outcome::Refused { key.counted } else { 0 };
        let is_stored = |sighting: &Sighting| sighting.place == Place::Certificate { is_stored: true };
        key.sightings.iter().any(is_stored) || key.sightings.iter().take(counted).any(|sighting| sighting.was_there)
    })
}

/// A text, masked whole, as far as the ledger has it: nobody is to fill a disk with names.
fn cut(text: &Shown) -> String {
    message::cut(text.as_str(), 1_000)
}

fn place(sighting: &Sighting, mask: Mask<'_>) -> Value {
    let named = |path: &Unmasked| cut(&path.shown(mask));
    let mut value = match &sighting.place {
        Place::File { path, line } => json!({"place": "file", "path": named(path), "line": line}),
        Place::Name { path } => json!({"place": "path", "path": named(path)}),
        Place::CommitText { line, .. } => json!({"place": "commit", "line": line}),
        Place::Tag { oid, line } => json!({"place": "tag", "object": oid, "line": line}),
        Place::Tagged { oid, line } => json!({"place": "tagged", "object": oid, "line": line}),
        Place::Unreached { oid, kind, line } => {
            json!({"place": "unreached", "object": oid, "type": kind, "line": line})
        }
        Place::Unplaced { oid, kind, line } => {
            json!({"place": "unplaced", "object": oid, "type": kind, "line": line})
        }
        Place::RefName(name) => json!({"place": "ref_name", "path": named(name)}),
        Place::PushOption(number) => json!({"place": "push_option", "number": number}),
        Place::Certificate { .. } => json!({"place": "certificate"}),
    };
    value["standing"] = json!(sighting.standing.name());
    value["kind"] = json!(sighting.kind.name());
    value["environment"] = json!(sighting.environment.name());
    value["confidence"] = json!(sighting.confidence.name());
    if let Some(commit) = &sighting.commit {
        value["commit"] = json!(commit.oid);
    }
    value
}
