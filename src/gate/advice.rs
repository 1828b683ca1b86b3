//! What the person who pushed can do: commands that work as they stand, by where the keys are.
//!
//! No name from the push stands in a command: a ref may be called anything that a shell would run.

use std::collections::{BTreeMap, BTreeSet};

use super::decision::{CommitPart, Decision, KeyDecision, Place, Verdict};
use super::message::{Voice, kinds};
use super::push::MOST_TOPS;
use super::{CommitShown, Notes, Sighting, Top};
use crate::key::ROTATION_GUIDE;
use crate::model::{Kind, Oid};

/// How a secret of a kind is replaced, in a line.
fn replacement(kind: Kind) -> &'static str {
    match kind {
        Kind::SecretKey | Kind::LegacyApiKey | Kind::Other => ROTATION_GUIDE,
        Kind::WebhookSecret => {
            "https://dashboard.clerk.com/~/webhooks (add an endpoint, deploy its secret, delete the old one)"
        }
        Kind::MachineSecret => "https://dashboard.clerk.com/~/machines/configure",
        Kind::PlatformKey => {
            "in the workspace's settings, as an Admin; then rotate the secret keys of all its applications"
        }
        Kind::ClaimToken | Kind::KeylessApplication => {
            "clerk auth login in the project claims its application; then rotate its secret key"
        }
        Kind::EncryptionKey => "openssl rand -hex 32 draws a new one",
    }
}

/// So many commits are named to be changed; who has more is told of the rest by the next push.
const MOST_COMMITS: usize = 50;

/// What is to be changed of a commit.
#[derive(Default)]
struct Change {
    files: bool,
    names: bool,
    message: bool,
    person: bool,
    header: bool,
}

impl Change {
    fn add(&mut self, place: &Place) {
        match place {
            Place::CommitText { part: CommitPart::Message(_), .. } => self.message = true,
            Place::CommitText { part: CommitPart::Person, .. } => self.person = true,
            Place::CommitText { part: CommitPart::Header, .. } => self.header = true,
            Place::Name { .. } => self.names = true,
            _ => self.files = true,
        }
    }

    fn join(mut self, other: &Self) -> Self {
        self.files |= other.files;
        self.names |= other.names;
        self.message |= other.message;
        self.person |= other.person;
        self.header |= other.header;
        self
    }

    /// The commands that change the commit at hand. One that becomes empty is kept: git refuses to make it else. An amendment
    /// keeps the headers that git does not know, and so does a rebase: of a commit with such another is made first.
    fn commands(&self, parents: usize) -> Vec<String> {
        let all = if self.files || self.names { "--all " } else { "" };
        let author = if self.person { " --reset-author" } else { "" };
        let message = match (self.header, self.message) {
            (false, false) => " --no-edit",
            (false, true) => "",
            (true, false) => " -C ORIG_HEAD",
            (true, true) => " -c ORIG_HEAD",
        };
        let amend = format!("git commit {all}--amend{author}{message} --allow-empty");
        if !self.header {
            return vec![amend];
        }
        let parents: String = (1..=parents).map(|number| format!(" -p HEAD^{number}")).collect();
        vec![format!("git reset --soft $(git commit-tree -m anew{parents} HEAD^{{tree}})"), amend]
    }

    /// What is to be seen to beside the command.
    fn hints(&self, lines: &mut Vec<String>) {
        for (is_so, hint) in [
            (self.names, "git mv gives a file another name"),
            (self.message, "take it out of the message"),
            (self.person, "first put your name right: git config user.name and user.email"),
            (self.header, "git keeps its headers: the first of the two makes it anew without them"),
        ] {
            if is_so {
                lines.push(format!("          ({hint})"));
            }
        }
    }
}

/// What to do, by where the keys stand.
pub(super) fn advice(decision: &Decision, refused: &[&KeyDecision], voice: Voice, lines: &mut Vec<String>) {
    lines.push(String::new());
    let counted: Vec<&Sighting> = refused.iter().flat_map(|key| key.sightings.iter().take(key.counted)).collect();
    if decision.verdict == Verdict::Observed {
        return observed(refused, &counted, lines);
    }
    // A commit that only keeps a key has none once that which brings it has none.
    let moved_on = refused.iter().flat_map(|key| key.moved_on());
    let is_in_commits = in_commits(decision, counted.iter().copied().chain(moved_on), lines);
    let any = |is_such: &dyn Fn(&Sighting) -> bool| counted.iter().any(|sighting| is_such(sighting));
    for (is_there, line) in [
        (
            any(&|it| matches!(it.place, Place::Tag { .. })),
            "  It is in a tag: make that again without it, git tag --force --annotate <tag> <commit>",
        ),
        (
            any(&|it| it.commit.is_none() && is_content(&it.place)),
            "  A ref names a file or directory itself, without a commit: git update-ref -d <ref> takes it away",
        ),
        (
            any(&|it| matches!(it.place, Place::RefName(_))),
            "  It is in a ref's name: rename that, git branch --move (a tag: make it anew, and git tag --delete)",
        ),
        (any(&|it| matches!(it.place, Place::PushOption(_))), "  It is in a push option: leave that out"),
        (
            any(&|it| matches!(it.place, Place::Unreached { .. })),
            "  Objects were sent that nothing in this push names: push again from a fresh clone",
        ),
    ] {
        if is_there {
            lines.push(line.to_owned());
        }
    }
    if is_in_commits {
        // By which words it was pushed nobody tells the hook: `git push` alone may have another aim.
        let are_other_words = any(&|it| matches!(it.place, Place::RefName(_) | Place::PushOption(_)));
        let how = if are_other_words { "" } else { ", with the same words as before" };
        lines.push(format!("  Then push again{how}."));
    }
    lines.push(String::new());
    rotation(refused, &counted, voice, lines);
}

/// Whether it is the content or the name of a file.
fn is_content(place: &Place) -> bool {
    matches!(place, Place::File { .. } | Place::Name { .. } | Place::Tagged { .. })
}

/// What came to the server cannot be taken back: whoever rewrites it pushes against what is there.
fn observed(refused: &[&KeyDecision], counted: &[&Sighting], lines: &mut Vec<String>) {
    lines.push("  The push passes all the same, and the key can be read on the server. Rotate it now:".to_owned());
    replacements(refused, lines);
    if counted.iter().any(|it| it.commit.is_some() && is_content(&it.place)) {
        lines.push("  Where it still stands take it out in a new commit, and push that.".to_owned());
    }
}

/// That the key must be rotated, and how.
fn rotation(refused: &[&KeyDecision], counted: &[&Sighting], voice: Voice, lines: &mut Vec<String>) {
    let is_stored = counted.iter().any(|it| it.place == Place::Certificate { is_stored: true });
    let is_there = counted.iter().any(|it| it.was_there);
    let prune = "  Rotate the key now, and have the server's owner run git gc --prune=now:";
    let words: &[&str] = if is_stored && !voice.objects_remain {
        &["  git has stored the certificate of this push already, and it can be read there.", prune]
    } else if voice.objects_remain {
        // Such a hook is asked about each ref by itself: others of the same push may have moved.
        &["  This ref stays as it was, but what was pushed is on the server already and can be read there.", prune]
    } else if is_there {
        &[
            "  What has the key was on the server before this push, and can be read there. Where no ref reaches it",
            "  git gc --prune=now takes it away, run by the server's owner. Rotate the key now:",
        ]
    } else {
        &["  The server keeps nothing of this push. A key that has left your machine must be rotated:"]
    };
    lines.extend(words.iter().map(|line| (*line).to_owned()));
    replacements(refused, lines);
}

/// How each kind is replaced.
fn replacements(refused: &[&KeyDecision], lines: &mut Vec<String>) {
    let ways: BTreeSet<&str> = kinds(refused).into_iter().map(replacement).collect();
    lines.extend(ways.into_iter().map(|way| format!("      {way}")));
}

/// How to change the commits that have a key; whether any has.
fn in_commits<'a>(decision: &Decision, sightings: impl Iterator<Item = &'a Sighting>, lines: &mut Vec<String>) -> bool {
    let mut changes: BTreeMap<(usize, Oid), (&CommitShown, Change)> = BTreeMap::new();
    let mut in_notes: BTreeSet<(Notes, Oid)> = BTreeSet::new();
    for sighting in sightings {
        let Some(commit) = &sighting.commit else { continue };
        match commit.notes {
            Some(notes) if commit.branches == 0 => _ = in_notes.insert((notes, commit.top.oid)),
            _ => {
                let entry = changes.entry((commit.number, commit.oid));
                entry.or_insert_with(|| (commit, Change::default())).1.add(&sighting.place);
            }
        }
    }
    let changes: Vec<(&CommitShown, Change)> = changes.into_values().collect();
    if !changes.is_empty() {
        let (tops, count) = by_top(&decision.tops, &changes);
        match tops.first() {
            Some(one) if count == 1 || is_the_same_on_each(&decision.tops, &changes) => on_one(decision, one, lines),
            _ => on_several(decision, changes.len(), (&tops, count), lines),
        }
        if changes.iter().any(|(commit, _)| commit.is_tagged) {
            lines.push("  A tag is on it too. Make it again on the new commit, and push that:".to_owned());
            lines.push("      git tag --force <tag> <commit>          (--annotate, if it was)".to_owned());
        }
    }
    out_of_notes(&in_notes, lines);
    !changes.is_empty() || !in_notes.is_empty()
}

/// The commits before hold what a note's new one takes out: the new one is made on what the server has.
fn out_of_notes(in_notes: &BTreeSet<(Notes, Oid)>, lines: &mut Vec<String>) {
    if !in_notes.is_empty() {
        lines.push("  It is in a note. Take it out of there, and leave out the history that has it:".to_owned());
    }
    for (notes, top) in in_notes.iter().take(MOST_TOLD) {
        let parent = notes.old.map(|old| format!("-p {} ", old.short())).unwrap_or_default();
        if in_notes.len() > 1 {
            lines.push(format!("      git for-each-ref refs/notes --points-at {}          (says which)", top.short()));
        }
        lines.push("      git notes --ref <notes> edit <commit>".to_owned());
        lines.push(format!(
            "      git update-ref refs/notes/<notes> $(git commit-tree -m notes {parent}refs/notes/<notes>^{{tree}})"
        ));
    }
    and_more(in_notes.len(), lines);
}

/// So many branches, tags or notes are told how to change; who has more is told of the rest by the next push.
const MOST_TOLD: usize = 10;

fn and_more(count: usize, lines: &mut Vec<String>) {
    if count > MOST_TOLD {
        lines.push(format!("  and {} more, of which the next push is told", count - MOST_TOLD));
    }
}

/// What is to be changed of the commits that a branch or tag has, which one rebase can do.
struct OnTop<'a> {
    top: Top,
    changes: Vec<&'a (&'a CommitShown, Change)>,
}

impl OnTop<'_> {
    /// Whether no other commit is made on any of them.
    fn is_last(&self) -> bool {
        self.changes.iter().all(|(commit, _)| commit.is_last)
    }

    /// Stand where it is, change it. What is pushed need not be what is checked out, and what is checked out may be published.
    fn steps(&self, decision: &Decision, is_the_only: bool, lines: &mut Vec<String>) {
        let Top { oid, is_branch } = self.top;
        let top = oid.short();
        let (command, list) =
            if is_branch { ("git switch <branch>", "git branch") } else { ("git switch --detach <tag>", "git tag") };
        lines.push(format!("      {command}          (the one you push: {list} --points-at {top})"));
        if is_branch {
            // A commit was pushed by itself, or what was checked out was no branch.
            lines.push(format!(
                "          (where that names none: git switch --detach {top}, and push HEAD in its place then)"
            ));
        }
        let is_last = self.is_last();
        if is_last {
            amended(&self.changes, lines);
        } else {
            rebased(decision, self, lines);
        }
        // Elsewhere each has steps of its own, but for those that a rebase takes along.
        if is_the_only || is_last {
            on_others(&self.changes, lines);
        }
        if !is_branch {
            lines.push("      git tag --force <tag> HEAD          (--annotate, if it was)".to_owned());
        }
    }
}

/// Puts commits, parents first, together by the tops that lead to them: of each all that it has, because no rebase changes
/// what another stands on. As many as are told, and how many there are.
fn by_top<'a>(tops: &[Top], changes: &'a [(&'a CommitShown, Change)]) -> (Vec<OnTop<'a>>, usize) {
    let is_on = |number: usize, commit: &CommitShown| commit.tops >> number & 1 == 1;
    let all = changes.iter().fold(0, |all, (commit, _)| all | commit.tops);
    let (own, mut told): (u64, Vec<OnTop<'a>>) = (all & !(1 << MOST_TOPS), Vec::new());
    // The newest are the first of the tops.
    for (number, top) in tops.iter().enumerate().take(MOST_TOPS).rev().filter(|(number, _)| own >> number & 1 == 1) {
        if told.len() < MOST_TOLD {
            let changes = changes.iter().filter(|(commit, _)| is_on(number, commit)).collect();
            told.push(OnTop { top: *top, changes });
        }
    }
    // Of the others it is only known which one is behind all others.
    let mut others: BTreeMap<Oid, OnTop<'a>> = BTreeMap::new();
    for change in changes.iter().filter(|(commit, _)| commit.tops & own == 0) {
        let top = change.0.top;
        others.entry(top.oid).or_insert_with(|| OnTop { top, changes: Vec::new() }).changes.push(change);
    }
    let count = own.count_ones() as usize + others.len();
    told.extend(others.into_values());
    told.truncate(MOST_TOLD);
    (told, count)
}

/// Whether every branch that has one of them has all, and no tag alone does: whoever has one of them checked out can begin.
fn is_the_same_on_each(tops: &[Top], changes: &[(&CommitShown, Change)]) -> bool {
    let on = changes.first().map_or(0, |(commit, _)| commit.tops);
    let mut tops = tops.iter().enumerate().filter(|(number, _)| on >> number & 1 == 1);
    on != 0 && tops.all(|(_, top)| top.is_branch) && changes.iter().all(|(commit, _)| commit.tops == on)
}

/// One after the other: no rebase changes what is not below what is checked out.
fn on_several(decision: &Decision, commits: usize, (tops, count): (&[OnTop<'_>], usize), lines: &mut Vec<String>) {
    lines.push(match commits {
        1 => "  It is in a commit of several branches or tags. Change it on each of them:".to_owned(),
        _ => format!("  It came in {commits} commits. Change them, branch by branch:"),
    });
    tops.iter().for_each(|top| top.steps(decision, false, lines));
    and_more(count, lines);
}

/// All of it is on one branch, or on several that all have it.
fn on_one(decision: &Decision, one: &OnTop<'_>, lines: &mut Vec<String>) {
    let is_branch = one.top.is_branch;
    let name = if is_branch { "branch" } else { "tag" };
    lines.push(match (one.is_last(), one.changes.len()) {
        (true, _) if is_branch => {
            "  It is in your last commit. Stand on its branch, take it out there, and change the commit:".to_owned()
        }
        (true, _) => {
            "  It is in the commit of a tag. Stand on that, take it out there, and change the commit:".to_owned()
        }
        (false, 1) => format!("  It is in an earlier commit. Stand on its {name}, and change that commit:"),
        (false, count) => format!("  It came in {count} commits. Stand on their {name}, and change each of them:"),
    });
    one.steps(decision, true, lines);
}

/// The commands that change the commit at hand. They are the same for all of them, where nobody loses anything by that: not
/// a commit its author because another's has a key in it.
fn amended(changes: &[&(&CommitShown, Change)], lines: &mut Vec<String>) {
    let mut alike: BTreeMap<(bool, Option<usize>), (Change, Vec<String>)> = BTreeMap::new();
    for (commit, change) in changes {
        let (joined, ids) = alike.entry((change.person, change.header.then_some(commit.parents))).or_default();
        *joined = std::mem::take(joined).join(change);
        ids.push(commit.oid.short());
    }
    for ((_, parents), (change, ids)) in &alike {
        let ids: Vec<&str> = ids.iter().take(MOST_COMMITS).map(String::as_str).collect();
        let at = if alike.len() > 1 { format!("          (at {})", ids.join(" ")) } else { String::new() };
        lines.extend(change.commands(parents.unwrap_or_default()).iter().map(|command| format!("      {command}{at}")));
        change.hints(lines);
    }
}

/// One rebase, from the first commit that has one. All others stand behind that, or beside it below the same commit.
fn rebased(decision: &Decision, OnTop { top, changes }: &OnTop<'_>, lines: &mut Vec<String>) {
    let Some((first, _)) = changes.first() else { return };
    let has_branches = changes.iter().any(|(commit, _)| commit.branch_count() > u32::from(top.is_branch));
    let merges = if decision.has_merges { "--rebase-merges " } else { "" };
    let branches = if has_branches { "--update-refs " } else { "" };
    let from = if first.parents == 0 { "--root".to_owned() } else { format!("{}^", first.oid.short()) };
    // What takes the key out later becomes empty: git would stop there.
    lines.push(format!("      git rebase --interactive --empty=drop {merges}{branches}{from}"));
    let (joins, plain): (Vec<_>, Vec<_>) = changes.iter().copied().partition(|(commit, _)| commit.parents > 1);
    let list = |commits: &[&(&CommitShown, Change)]| {
        let ids: Vec<String> = commits.iter().take(MOST_COMMITS).map(|(commit, _)| commit.oid.short()).collect();
        ids.join(" ")
    };
    if !plain.is_empty() {
        lines.push(format!("          (mark {} with \"edit\"; when it stops there, take the key out)", list(&plain)));
    }
    if !joins.is_empty() {
        lines.push(format!(
            "          (behind the line of the merge {} write a line \"break\"; take the key out there)",
            list(&joins)
        ));
    }
    amended(changes, lines);
    lines.push("      git rebase --continue".to_owned());
    if changes.len() > 1 {
        lines.push("          (these again wherever it stops to edit)".to_owned());
    }
    // git takes an amendment there, and makes one commit of this and the one before.
    lines.push(
        "          (where it stops for a conflict: take the key out, git add --all, and only git rebase --continue)"
            .to_owned(),
    );
}

/// Where several branches lead to a commit, changing it on one changes it on no other, but for those that a rebase takes along.
fn on_others(changes: &[&(&CommitShown, Change)], lines: &mut Vec<String>) {
    let are_several = changes.iter().any(|(commit, _)| commit.branch_count() > 1);
    if let Some((first, _)) = changes.first().filter(|_| are_several) {
        lines.push(format!(
            "          (the same on each other branch that still has it: git branch --contains {})",
            first.oid.short()
        ));
    }
}
