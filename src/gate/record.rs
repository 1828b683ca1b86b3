//! A decision as one line of the ledger.

use serde_json::{Value, json};

use super::decision::{Decision, Outcome, Place};
use super::unmasked::Mask;
use super::{Examination, Push, Sighting, Unmasked, message};
use crate::model::Shown;

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
        json!({"name": self.name, "key": self.key, "status": self.status, "nonce": self.nonce})
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

/// The record of a decision. At most a thousand refs, keys, and places of a key stand in it, and the whole counts.
pub fn record(
    decision: &Decision,
    push: &Push,
    counts: Counts,
    circumstances: &Circumstances,
    mask: &dyn Fn(&[u8]) -> Shown,
) -> Value {
    const MOST: usize = 1_000;
    let updates = push.updates.as_deref().unwrap_or_default();
    let is_canary = !updates.is_empty() && updates.iter().all(|update| update.name.starts_with(SELF_TEST));
    let refs: Vec<Value> = updates
        .iter()
        .take(MOST)
        .map(|update| json!({"name": cut(&mask(&update.name)), "claimed_old": update.old, "new": update.new}))
        .collect();
    let keys: Vec<Value> = decision
        .keys
        .iter()
        .take(MOST)
        .map(|key| {
            let mut value = json!({
                "id": key.id.to_string(),
                "hint": key.sightings.first().map(|sighting| sighting.hint.as_str()),
                "decision": key.outcome.name(),
                "places": key.sightings.iter().take(MOST).map(|sighting| place(sighting, mask)).collect::<Vec<_>>(),
                "place_count": key.sightings.len(),
            });
            match &key.outcome {
                Outcome::Bypassed { reason } => value["reason"] = json!(cut(reason)),
                Outcome::Allowed { reason, owner } => {
                    value["reason"] = json!(reason);
                    value["owner"] = json!(owner);
                }
                Outcome::Refused | Outcome::Warned | Outcome::Passed => {}
            }
            value
        })
        .collect();
    let problems: Vec<Value> = decision
        .problems
        .iter()
        .take(MOST)
        .map(|(problem, _)| json!({"reason": problem.name(), "detail": problem.in_words()}))
        .collect();
    json!({
        "schema": 1,
        "tool": env!("CARGO_PKG_VERSION"),
        "time": circumstances.time,
        "hook": circumstances.hook,
        "server": circumstances.server,
        "repository": circumstances.repository,
        "policy": circumstances.policy,
        "pusher": circumstances.pusher,
        "remote_address": circumstances.remote_address,
        "signer": circumstances.signer.as_ref().map(Signer::as_json),
        "verdict": decision.verdict.name(),
        "canary": is_canary,
        "objects_remain": circumstances.objects_remain || remains(decision),
        "refs": refs,
        "ref_count": updates.len(),
        "keys": keys,
        "key_count": decision.keys.len(),
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

/// Whether a key stands where git had stored it before it asked: in the certificate.
fn remains(decision: &Decision) -> bool {
    let mut places = decision.keys.iter().flat_map(|key| &key.sightings).map(|sighting| &sighting.place);
    places.any(|place| *place == Place::Certificate { is_stored: true })
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
