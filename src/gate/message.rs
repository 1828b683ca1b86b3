//! The words of a decision, for the person who pushed.
//!
//! Every line stands by itself and is to be escaped by whoever writes it: what is foreign in it is masked. The
//! first word is git's own, `error:` or `warning:`, which its client colours.

use super::advice::advice;
use super::decision::{Decision, KeyDecision, Outcome, Place, Verdict};
use super::unmasked::Mask;
use super::{CommitPart, CommitShown, Sighting, Unmasked};
use crate::model::{Confidence, Environment, Kind, Shown};
use crate::state::Reaction;

/// How a message is to be given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Voice {
    /// Whether GitLab's web pages are to show it, which they do of lines that begin with `GL-HOOK-ERR:`.
    pub gitlab: bool,
    /// Whether the hook ran when the objects were in the store already.
    pub objects_remain: bool,
}

/// So many keys are told one by one.
const MOST_KEYS: usize = 10;
/// So many places of one key.
const MOST_PLACES: usize = 5;
/// So many reasons why something could not be examined.
const MOST_PROBLEMS: usize = 10;
/// So many characters of a subject.
const SUBJECT: usize = 60;
/// So many of a path: one can have as many as a push.
const PATH: usize = 300;
/// So many of a reason why something could not be examined.
const PROBLEM: usize = 1000;

/// The lines of the message; none where there is nothing to say. `mask` makes names from the push showable.
pub fn message(decision: &Decision, voice: Voice, mask: &dyn Fn(&[u8]) -> Shown) -> Vec<String> {
    let mut lines = Vec::new();
    let refused: Vec<&KeyDecision> = decision.keys.iter().filter(|key| key.outcome == Outcome::Refused).collect();
    if decision.verdict != Verdict::Accepted {
        refusal(decision, &refused, voice, mask, &mut lines);
        if !refused.is_empty() {
            advice(decision, &refused, voice, &mut lines);
        }
    }
    warnings(decision, mask, &mut lines);
    if voice.gitlab && decision.verdict == Verdict::Refused {
        let again: Vec<String> = lines
            .iter()
            .filter(|line| !line.is_empty())
            .map(|line| format!("GL-HOOK-ERR: {}", line.trim_start()))
            .collect();
        lines.extend(again);
    }
    lines
}

fn refusal(decision: &Decision, refused: &[&KeyDecision], voice: Voice, mask: Mask<'_>, lines: &mut Vec<String>) {
    // Where the objects are in the store already git hands its hooks no push options.
    let bypass = decision.bypass && !voice.objects_remain && decision.verdict == Verdict::Refused;
    let what = match (refused.len(), decision.problems.is_empty()) {
        (0, true) => "it has content that cannot be looked into".to_owned(),
        (0, false) => "not all of it could be examined".to_owned(),
        (1, _) => format!("a Clerk {} is in it", kinds(refused).first().map_or("secret", |kind| kind.in_words())),
        (count, _) if kinds(refused) == [Kind::SecretKey] => format!("{count} Clerk secret keys are in it"),
        (count, _) => format!("{count} Clerk secrets are in it"),
    };
    lines.push(match decision.verdict {
        Verdict::Observed => format!("warning: clerk-audit would refuse this push, but only observes: {what}"),
        _ => format!("error: clerk-audit refuses this push: {what}"),
    });
    let refusing: Vec<_> = decision.problems.iter().filter(|(_, reaction)| *reaction == Reaction::Refuse).collect();
    for (problem, _) in refusing.iter().take(MOST_PROBLEMS) {
        lines.push(format!("  {}", cut(&problem.in_words(), PROBLEM)));
    }
    if refusing.len() > MOST_PROBLEMS {
        lines.push(format!("  and {} more", refusing.len() - MOST_PROBLEMS));
    }
    if decision.opaque_refuses {
        let shown = decision.opaque.iter().take(MOST_PROBLEMS);
        lines.extend(shown.map(|(place, what)| {
            let place = cut(place.as_str(), PATH);
            format!("  {place} cannot be looked into: {what}")
        }));
        lines.push("  git log --all --find-object=<object> says which file an object is".to_owned());
    }
    for key in refused.iter().take(MOST_KEYS) {
        lines.push(String::new());
        key_lines(key, bypass, mask, lines);
    }
    if refused.len() > MOST_KEYS {
        lines.push(String::new());
        lines.push(format!("  and {} more keys, {} in all", refused.len() - MOST_KEYS, refused.len()));
    }
    if bypass && refused.len() > 1 {
        lines.push(String::new());
        lines.push("  each key that must pass wants an -o of its own, all of them in one push".to_owned());
    }
}

fn key_lines(key: &KeyDecision, bypass: bool, mask: Mask<'_>, lines: &mut Vec<String>) {
    let Some(first) = key.sightings.first() else { return };
    lines.push(format!("  {} ({})", first.hint, about(first)));
    if let Some(day) = &key.expired {
        lines.push(format!("    the policy's allowance for it ended on {day}"));
    }
    let alike = key.sightings.iter().filter(|sighting| sighting.standing == first.standing);
    let moved_on = key.moved_on().into_iter().filter(|sighting| sighting.standing != first.standing);
    let told: Vec<&Sighting> = alike.chain(moved_on).collect();
    for sighting in told.iter().take(MOST_PLACES) {
        if let Some(commit) = &sighting.commit {
            lines.push(format!("    in commit {}", named(commit)));
        }
        lines.push(format!("      {}", place(sighting, mask)));
    }
    if told.len() > MOST_PLACES {
        lines.push(format!("    and {} more places", told.len() - MOST_PLACES));
    }
    lines.push(if bypass {
        format!("    id {0}; if it must pass, push as before with -o 'clerk-audit.allow={0}:<reason>'", key.digits())
    } else {
        format!("    id {}", key.digits())
    });
}

/// What kind it is where that is not what the gate is there for, its environment where it says one, how sure.
fn about(sighting: &Sighting) -> String {
    let mut parts = Vec::new();
    if sighting.kind != Kind::SecretKey {
        parts.push(sighting.kind.in_words().to_owned());
    }
    match sighting.environment {
        Environment::Unknown if !parts.is_empty() => {}
        Environment::Unknown => parts.push("environment unknown".to_owned()),
        environment => parts.push(environment.name().to_owned()),
    }
    if sighting.confidence != Confidence::High {
        parts.push(format!("{} confidence", sighting.confidence.name()));
    }
    parts.join(", ")
}

/// The kinds that made a push refused, each once.
pub(super) fn kinds(refused: &[&KeyDecision]) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = refused.iter().filter_map(|key| Some(key.sightings.first()?.kind)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

fn named(commit: &CommitShown) -> String {
    format!("{} \"{}\"", commit.oid.short(), cut(commit.subject.as_str(), SUBJECT))
}

/// The beginning of a text, and whether there is more of it.
pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn place(sighting: &Sighting, mask: Mask<'_>) -> String {
    let at = |line: Option<u64>| line.map_or(String::new(), |line| format!(":{line}"));
    let short = |path: &Unmasked| cut(path.shown(mask).as_str(), PATH);
    match &sighting.place {
        Place::File { path, line } => format!("{}{}", short(path), at(*line)),
        Place::Name { path } => format!("the name of {}", short(path)),
        Place::CommitText { part: CommitPart::Message(None), .. } => "the commit's own text".to_owned(),
        Place::CommitText { part: CommitPart::Message(Some(line)), .. } => {
            format!("the commit's own text, line {line} of the message")
        }
        Place::CommitText { part: CommitPart::Person, .. } => {
            "the commit's own text, its author or committer".to_owned()
        }
        Place::CommitText { part: CommitPart::Header, line } => {
            format!("the commit's own text, line {} of its headers", line.unwrap_or(1))
        }
        Place::Tag { oid, line } => format!("the tag {}, line {}", oid.short(), line.unwrap_or(1)),
        Place::Tagged { oid, line } => format!("the file {} that a ref names{}", oid.short(), at(*line)),
        Place::Unreached { oid, kind, line } => {
            format!(
                "the {} {}{}, which was sent though no ref of this push reaches it",
                kind.name(),
                oid.short(),
                at(*line)
            )
        }
        Place::Unplaced { oid, kind, line } => {
            format!("the {} {}{}; where it stands was not found out", kind.name(), oid.short(), at(*line))
        }
        Place::RefName(name) => format!("the name of the ref {}", short(name)),
        Place::PushOption(number) => format!("push option {number}"),
        Place::Certificate { is_stored: true } => {
            "the certificate of the signed push, which this server has stored already".to_owned()
        }
        Place::Certificate { is_stored: false } => "the certificate of the signed push".to_owned(),
    }
}

fn warnings(decision: &Decision, mask: Mask<'_>, lines: &mut Vec<String>) {
    let why = match decision.only_deletes {
        true => "what only deletes passes all the same",
        false => "this server's policy lets it pass",
    };
    for (problem, reaction) in decision.problems.iter().take(MOST_PROBLEMS) {
        if *reaction == Reaction::Accept {
            lines.push(format!("warning: clerk-audit: {}; {why}", cut(&problem.in_words(), PROBLEM)));
        }
    }
    if !decision.opaque_refuses {
        let shown = decision.opaque.iter().take(MOST_PROBLEMS);
        lines.extend(shown.map(|(place, what)| {
            let place = cut(place.as_str(), PATH);
            format!("warning: clerk-audit: {place} cannot be looked into: {what}")
        }));
    }
    let warned: Vec<&KeyDecision> = decision.keys.iter().filter(|key| key.outcome == Outcome::Warned).collect();
    for key in warned.iter().take(MOST_KEYS) {
        if let Some(first) = key.sightings.first() {
            lines.push(format!(
                "warning: clerk-audit: {} may be a Clerk {}: {}",
                first.hint,
                first.kind.in_words(),
                place(first, mask)
            ));
        }
    }
    if warned.len() > MOST_KEYS {
        lines.push(format!("warning: clerk-audit: and {} more keys", warned.len() - MOST_KEYS));
    }
    let mut places = warned.iter().flat_map(|key| &key.sightings).map(|sighting| &sighting.place);
    if decision.verdict == Verdict::Accepted && places.any(|place| *place == Place::Certificate { is_stored: true }) {
        lines.push(
            "warning: clerk-audit: rotate what is in the certificate, and have the server's owner run git gc --prune=now"
                .to_owned(),
        );
    }
    for key in &decision.keys {
        if let (Outcome::Bypassed { reason }, Some(first)) = (&key.outcome, key.sightings.first()) {
            lines.push(format!("warning: clerk-audit: {} passes by push option, recorded: {reason}", first.hint));
        }
    }
    lines.extend(decision.notes.iter().take(MOST_KEYS).map(|note| format!("warning: clerk-audit: {note}")));
}
