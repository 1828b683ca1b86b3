//! The words of a decision, for the person who pushed.
//!
//! Every line stands by itself and is to be escaped by whoever writes it: what is foreign in it is masked already. The
//! first word is git's own, `error:` or `warning:`, which its client colours.

use super::decision::{Decision, KeyDecision, Outcome, Place, Verdict};
use super::{CommitShown, Sighting, Standing};
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

/// How to rotate a key.
const GUIDE: &str = "https://clerk.com/docs/guides/secure/rotate-api-keys";

/// The lines of the message; none where there is nothing to say.
pub fn message(decision: &Decision, voice: Voice) -> Vec<String> {
    let mut lines = Vec::new();
    let refused: Vec<&KeyDecision> = decision.keys.iter().filter(|key| key.outcome == Outcome::Refused).collect();
    if decision.verdict != Verdict::Accepted {
        refusal(decision, &refused, &mut lines);
        if !refused.is_empty() {
            advice(decision, &refused, voice, &mut lines);
        }
    }
    warnings(decision, &mut lines);
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

fn refusal(decision: &Decision, refused: &[&KeyDecision], lines: &mut Vec<String>) {
    let what = match (refused.len(), decision.problems.is_empty()) {
        (0, true) => "it has content that cannot be looked into".to_owned(),
        (0, false) => "not all of it could be examined".to_owned(),
        (1, _) => "a Clerk secret key is in it".to_owned(),
        (count, _) => format!("{count} Clerk secret keys are in it"),
    };
    lines.push(match decision.verdict {
        Verdict::Observed => format!("warning: clerk-audit would refuse this push, but only observes: {what}"),
        _ => format!("error: clerk-audit refuses this push: {what}"),
    });
    let refusing: Vec<_> = decision.problems.iter().filter(|(_, reaction)| *reaction == Reaction::Refuse).collect();
    for (problem, _) in refusing.iter().take(MOST_PROBLEMS) {
        lines.push(format!("  {}", problem.in_words()));
    }
    if refusing.len() > MOST_PROBLEMS {
        lines.push(format!("  and {} more", refusing.len() - MOST_PROBLEMS));
    }
    if decision.opaque_refuses {
        let shown = decision.opaque.iter().take(MOST_PROBLEMS);
        lines.extend(shown.map(|(place, what)| format!("  {place}: {what} cannot be looked into")));
    }
    for key in refused.iter().take(MOST_KEYS) {
        lines.push(String::new());
        key_lines(key, decision.bypass, lines);
    }
    if refused.len() > MOST_KEYS {
        lines.push(String::new());
        lines.push(format!("  and {} more keys, {} in all", refused.len() - MOST_KEYS, refused.len()));
    }
}

fn key_lines(key: &KeyDecision, bypass: bool, lines: &mut Vec<String>) {
    let Some(first) = key.sightings.first() else { return };
    let confidence = match first.confidence.name() {
        "high" => String::new(),
        level => format!(", {level} confidence"),
    };
    lines.push(format!("  {} ({}{confidence})", first.hint, first.environment.name()));
    if let Some(day) = &key.expired {
        lines.push(format!("    the policy's allowance for it ended on {day}"));
    }
    let counted: Vec<&Sighting> = key.sightings.iter().filter(|sighting| sighting.standing == first.standing).collect();
    for sighting in counted.iter().take(MOST_PLACES) {
        if let Some(commit) = &sighting.commit {
            lines.push(format!("    in commit {}", named(commit)));
        }
        lines.push(format!("      {}", place(sighting)));
    }
    if counted.len() > MOST_PLACES {
        lines.push(format!("    and {} more places", counted.len() - MOST_PLACES));
    }
    lines.push(if bypass {
        format!("    id {0}; if it must pass: git push -o 'clerk-audit.allow={0}:<reason>'", key.digits())
    } else {
        format!("    id {}", key.digits())
    });
}

fn named(commit: &CommitShown) -> String {
    let subject = commit.subject.as_str();
    let cut: String = subject.chars().take(SUBJECT).collect();
    let more = if cut.len() < subject.len() { "…" } else { "" };
    format!("{} \"{cut}{more}\"", commit.oid.short())
}

fn place(sighting: &Sighting) -> String {
    let at = |line: Option<u64>| line.map_or(String::new(), |line| format!(":{line}"));
    match &sighting.place {
        Place::File { path, line } => format!("{path}{}", at(*line)),
        Place::Name { path } => format!("the name of {path}"),
        Place::CommitText { line } => format!("the commit's own text, line {}", line.unwrap_or(1)),
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
        Place::RefName(name) => format!("the name of the ref {name}"),
        Place::PushOption(number) => format!("push option {number}"),
        Place::Certificate => "the certificate of the signed push, which this server has stored already".to_owned(),
    }
}

/// What to do, by where the keys stand.
fn advice(decision: &Decision, refused: &[&KeyDecision], voice: Voice, lines: &mut Vec<String>) {
    let counted = || {
        let all = refused.iter().flat_map(|key| &key.sightings);
        all.filter(|sighting| !matches!(sighting.standing, Standing::Removed))
    };
    let commits = || counted().filter_map(|sighting| sighting.commit.as_ref().map(|commit| (sighting, commit)));
    let is_text = |sighting: &Sighting| matches!(sighting.place, Place::CommitText { .. });
    lines.push(String::new());
    if commits().next().is_some() {
        if commits().all(|(_, commit)| commit.is_tip) {
            lines.push("  It is in your last commit. Take it out of there, and then:".to_owned());
            if commits().all(|(sighting, _)| is_text(sighting)) {
                lines.push("      git commit --amend          (and take it out of the message)".to_owned());
            } else {
                lines.push("      git commit --all --amend --no-edit".to_owned());
            }
            lines.push("      git push".to_owned());
        } else {
            earlier(decision, &commits().collect::<Vec<_>>(), lines);
        }
    }
    for (is_there, line) in [
        (
            counted().any(|it| matches!(it.place, Place::Tag { .. })),
            "  It is in a tag: make that again without it, git tag --force --annotate <tag> <commit>",
        ),
        (
            counted().any(|it| matches!(it.place, Place::RefName(_))),
            "  It is in a ref's name: rename that, git branch --move",
        ),
        (counted().any(|it| matches!(it.place, Place::PushOption(_))), "  It is in a push option: leave that out"),
        (
            counted().any(|it| matches!(it.place, Place::Unreached { .. })),
            "  Objects were sent that nothing in this push names: push again from a fresh clone",
        ),
    ] {
        if is_there {
            lines.push(line.to_owned());
        }
    }
    lines.push(String::new());
    if voice.objects_remain && decision.verdict == Verdict::Refused {
        lines.push(
            "  The refs stay as they were, but what was pushed is on the server already and can be read there."
                .to_owned(),
        );
        lines.push("  Rotate the key now, and have the server's owner run git gc --prune=now:".to_owned());
    } else if decision.verdict == Verdict::Refused {
        lines.push(
            "  The server keeps nothing of this push. A key that has left your machine must be rotated:".to_owned(),
        );
    } else {
        lines.push("  A key that has left your machine must be rotated:".to_owned());
    }
    lines.push(format!("      {GUIDE}"));
}

/// How to take a key out of an earlier commit: the first that has it, which stands before the others in the rebase.
fn earlier(decision: &Decision, commits: &[(&Sighting, &CommitShown)], lines: &mut Vec<String>) {
    let mut distinct: Vec<&CommitShown> = Vec::new();
    for (_, commit) in commits {
        if !distinct.iter().any(|other| other.oid == commit.oid) {
            distinct.push(commit);
        }
    }
    let merges = if decision.has_merges { "--rebase-merges " } else { "" };
    lines.push(match distinct.len() {
        1 => "  It is in an earlier commit. Change that commit:".to_owned(),
        count => format!("  It came in {count} commits. Change each of them:"),
    });
    for commit in distinct.iter().take(MOST_PLACES) {
        let from = if commit.is_root { "--root".to_owned() } else { format!("{}^", commit.oid.short()) };
        lines.push(format!("      git rebase --interactive {merges}{from}"));
        lines.push(format!(
            "          (mark {} with \"edit\"; when it stops there, take the key out)",
            commit.oid.short()
        ));
    }
    lines.push("      git commit --all --amend --no-edit".to_owned());
    lines.push("      git rebase --continue".to_owned());
    lines.push("      git push".to_owned());
}

fn warnings(decision: &Decision, lines: &mut Vec<String>) {
    for (problem, reaction) in decision.problems.iter().take(MOST_PROBLEMS) {
        if *reaction == Reaction::Accept {
            lines.push(format!("warning: clerk-audit: {}; this server's policy lets it pass", problem.in_words()));
        }
    }
    if !decision.opaque_refuses {
        let shown = decision.opaque.iter().take(MOST_PROBLEMS);
        lines.extend(shown.map(|(place, what)| format!("warning: clerk-audit: {place}: {what} cannot be looked into")));
    }
    let warned: Vec<&KeyDecision> = decision.keys.iter().filter(|key| key.outcome == Outcome::Warned).collect();
    for key in warned.iter().take(MOST_KEYS) {
        if let Some(first) = key.sightings.first() {
            lines.push(format!("warning: clerk-audit: {} may be a Clerk key: {}", first.hint, place(first)));
        }
    }
    if warned.len() > MOST_KEYS {
        lines.push(format!("warning: clerk-audit: and {} more keys", warned.len() - MOST_KEYS));
    }
    for key in &decision.keys {
        if let (Outcome::Bypassed { reason }, Some(first)) = (&key.outcome, key.sightings.first()) {
            lines.push(format!("warning: clerk-audit: {} passes by push option, recorded: {reason}", first.hint));
        }
    }
    lines.extend(decision.notes.iter().take(MOST_KEYS).map(|note| format!("warning: clerk-audit: {note}")));
}
