//! `clerk-audit purge-plan`

use std::collections::{BTreeSet, HashSet};
use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;

use super::exit::Exit;
use super::incident::{self, note};
use super::kept::{self, Kept};
use super::limits;
use super::output;
use super::progress::Progress;
use super::rehearse::{self, Plan, Refused};
use crate::audit::{Auditor, Recall};
use crate::detect::Detector;
use crate::key::KeyId;
use crate::model::{Confidence, Interrupt, KeyReport, Kind, Oid, ReadLimits, Report, error_chain};
use crate::purge::{self, Planned, Subject};
use crate::report::escape::terminal;
use crate::store::locate;

/// Write what `git filter-repo` needs to clean a history of keys
///
/// The keys are read again from the repositories that the report names. The files written have keys in them, in every
/// spelling: they go to a new folder that is yours alone, with a script that rewrites a fresh mirror and audits it, and one
/// that publishes it unless somebody has pushed meanwhile. Nothing is rewritten by this command itself.
#[derive(Args, Debug)]
#[command(after_help = "Exit status: 0 written, 2 wrong usage, 3 the report is not whole, not all keys could be read \
again, some would be left after a rewrite, or nothing was written.")]
pub(super) struct PurgePlan {
    /// A report, as `history --format json` writes it
    #[arg(value_name = "REPORT.json")]
    report: PathBuf,
    /// The folder to write to; it must not be there yet
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Read keys from this repository instead of those that the report names (repeatable)
    #[arg(long, value_name = "REPO")]
    repo: Vec<PathBuf>,
    /// Only this key: its id or hint, or a beginning of one (repeatable) [default: all that must be rotated]
    #[arg(long, value_name = "KEY")]
    key: Vec<String>,
    /// The status file, in which is noted what the keys ask for [default: REPORT.status.json beside the report]
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
}

impl PurgePlan {
    pub(super) fn run(self, interrupt: &AtomicBool) -> Exit {
        let detector = Detector::new();
        self.answer(&detector, interrupt).unwrap_or_else(|exit| exit)
    }

    fn answer(&self, detector: &Detector, interrupt: &AtomicBool) -> Result<Exit, Exit> {
        self.check_place()?;
        let report = incident::read_report(&self.report, detector)?;
        let wanted = self.wanted(&report, detector)?;
        self.tell_left_out(&report);
        let status = kept::status_path(&self.report, self.state.as_deref());
        incident::keep_inputs(Some(&self.to), &[Some(&self.report), status.as_deref()])?;
        incident::keep_inputs(status.as_deref(), &[Some(&self.report)])?;
        if wanted.is_empty() {
            note("There is no key to clean out: nothing was written.");
            return Ok(if incident::is_whole(&report) { Exit::Clean } else { Exit::Incomplete });
        }
        // As far as the report's own audit looked: there they were.
        let reader = limits::detector(report.limits);
        let (plans, whole) = self.plans(&report, &wanted, &reader, interrupt);
        if interrupt.load(Ordering::Relaxed) {
            output::error("it was stopped before everything was read, and nothing was written", Some("run it again"));
            return Err(Exit::Incomplete);
        }
        if plans.is_empty() {
            return Err(Exit::Incomplete);
        }
        // When the history is clean a report of it has these keys no more.
        Kept::read(status, detector)?.note_keys(&report)?;
        let planned = planned(&plans, &report, &wanted);
        // Others may stand there, and are not what this plan is about.
        let only = !self.key.is_empty();
        let written = write(&self.to, &plans, &planned, only, report.limits).map_err(|error| {
            output::error(&format!("cannot write {}: {error}", self.to.display()), None);
            Exit::Incomplete
        });
        written?;
        note(&format!(
            "Written to {}. WARNING: the files there have keys in them. README.md says how to use them, what a rewrite \
             cannot reach, and how to destroy them afterwards.\nDelete the keys in Clerk first: cleaning a history is \
             tidying, not protection.",
            self.to.display()
        ));
        plans.iter().for_each(|plan| tell(plan, &reader));
        tell_named(&planned);
        let is_all_reached = plans.iter().all(|plan| plan.beyond.is_empty());
        let is_whole = incident::is_whole(&report) && whole;
        Ok(if is_whole && is_all_reached { Exit::Clean } else { Exit::Incomplete })
    }

    /// Refuses what is there already, and what would be committed sooner or later.
    fn check_place(&self) -> Result<(), Exit> {
        if std::fs::symlink_metadata(&self.to).is_ok() {
            let message = format!("{} is there already, and nothing is overwritten", self.to.display());
            output::error(&message, Some("name a folder that is not there yet"));
            return Err(Exit::Usage);
        }
        let parent = output::folder_of(&self.to);
        let Ok(parent) = parent.canonicalize() else {
            output::error(&format!("there is no folder {}", parent.display()), None);
            return Err(Exit::Usage);
        };
        if locate(&parent, true).is_ok() {
            let message =
                format!("{} is inside a repository: files with keys would be committed there", self.to.display());
            output::error(&message, Some("name a place outside of any repository"));
            return Err(Exit::Usage);
        }
        Ok(())
    }

    /// Says which keys are no part of the plan: what is only possible, nobody wants cleaned out unasked.
    fn tell_left_out(&self, report: &Report) {
        let left: Vec<&str> = report.keys.iter().filter(|key| !is_sure(key)).map(|key| key.hint.as_str()).collect();
        if left.is_empty() || !self.key.is_empty() {
            return;
        }
        let more = if left.len() > 10 { format!(" and {} more", left.len() - 10) } else { String::new() };
        let (is, they, them) = match left.len() {
            1 => ("key is", "it is a key", "it"),
            _ => ("keys are", "they are keys", "them"),
        };
        note(&format!(
            "{} possible {is} left out: {}{more}. If you see that {they}, name {them} with --key, and each other that is \
             to go as well.",
            left.len(),
            left[..left.len().min(10)].join(", ")
        ));
    }

    fn wanted(&self, report: &Report, detector: &Detector) -> Result<HashSet<KeyId>, Exit> {
        if self.key.is_empty() {
            let all = report.keys.iter().filter(|key| is_sure(key));
            return Ok(all.filter_map(|key| KeyId::parse(&key.id)).collect());
        }
        let mut wanted = HashSet::new();
        for text in &self.key {
            let keys = report.keys.iter().map(|key| (key.id.as_str(), key.hint.as_str()));
            let id = incident::select(keys, text, detector).map_err(|why| {
                output::error(&why, Some("give more of its id or hint"));
                Exit::Usage
            })?;
            wanted.extend(KeyId::parse(id));
        }
        Ok(wanted)
    }

    /// The keys of each repository, and whether every key was found in one.
    fn plans(
        &self,
        report: &Report,
        wanted: &HashSet<KeyId>,
        detector: &Detector,
        interrupt: &AtomicBool,
    ) -> (Vec<Plan>, bool) {
        let named = incident::repositories_of(report, &self.repo);
        let (options, progress) = (limits::options(report.limits), Progress::new(false));
        let auditor = Auditor { detector, options: &options, events: &progress, interrupt: Interrupt::on(interrupt) };
        let (mut plans, mut found, mut whole) = (Vec::new(), HashSet::new(), true);
        // What stays has to be known as well: git says names of refs, and those can have any key.
        let mut known: HashSet<KeyId> = report.keys.iter().filter_map(|key| KeyId::parse(&key.id)).collect();
        known.extend(wanted);
        for path in &named {
            let (recall, is_whole) = incident::recall(&auditor, path, &known);
            whole &= is_whole;
            let here: Vec<KeyId> = recall.keys.keys().copied().filter(|id| wanted.contains(id)).collect();
            if here.is_empty() {
                continue;
            }
            found.extend(here);
            match made(&auditor, path, recall, wanted) {
                Some(plan) => plans.push(plan),
                None => whole = false,
            }
        }
        progress.finish();
        let lost = wanted.len() - found.len();
        // What is named and not there was not read, and may be where they are.
        whole &= lost == 0 || !whole || incident::is_all_there(&auditor, &named);
        if !interrupt.load(Ordering::Relaxed) {
            incident::tell_lost(lost, wanted.len(), whole);
        }
        (plans, whole && lost == 0)
    }
}

/// What the plans are about: all that is wanted, whether or not it was found again.
fn planned(plans: &[Plan], report: &Report, wanted: &HashSet<KeyId>) -> Vec<Planned> {
    let leaks = plans.iter().flat_map(|plan| &plan.leaks);
    let tell_themselves: HashSet<KeyId> =
        leaks.filter(|leak| leak.text.tells_itself()).map(|leak| leak.text.id()).collect();
    // Of a keyless application's file the text is no secret; of what was not read again the report says how sure its text
    // alone is.
    let needs_a_name = |id: &KeyId, key: &KeyReport| match key.kind {
        Kind::KeylessApplication => false,
        Kind::SecretKey if key.confidence == Confidence::High => false,
        _ => !tell_themselves.contains(id),
    };
    let all = report.keys.iter().filter_map(|key| {
        let id = KeyId::parse(&key.id).filter(|id| wanted.contains(id))?;
        Some(Planned { id, hint: key.hint.clone(), needs_a_name: needs_a_name(&id, key) })
    });
    all.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Says of which keys more may be left than any audit sees.
fn tell_named(planned: &[Planned]) {
    let named: Vec<&str> = planned.iter().filter(|key| key.needs_a_name).map(|key| key.hint.as_str()).collect();
    if named.is_empty() {
        return;
    }
    let more = if named.len() > 10 { format!(" and {} more", named.len() - 10) } else { String::new() };
    note(&format!(
        "There is what only a name tells: {}{more}. Where its value stands without that, packed or spelt in no way that is foreseen, \
         it is neither written over nor seen by any audit: search for that as well.",
        named[..named.len().min(10)].join(", "),
    ));
}

/// Whether a key is cleaned out unasked.
fn is_sure(key: &KeyReport) -> bool {
    key.confidence > Confidence::Low
}

/// The plan for one repository. Why there is none has been told.
fn made(auditor: &Auditor<'_>, path: &Path, recall: Recall, wanted: &HashSet<KeyId>) -> Option<Plan> {
    let repository = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if repository.to_str().is_none() {
        let message =
            format!("the path of {} is no text that a script can have: no plan is made for it", path.display());
        output::error(&message, Some("clone or move it to a path that is UTF-8, and name that with --repo"));
        return None;
    }
    let (keys, others): (Vec<_>, Vec<_>) = recall.keys.into_values().partition(|key| wanted.contains(&key.text.id()));
    let planned =
        locate(path, false).and_then(|layout| rehearse::plan(auditor, repository, layout, keys, others, wanted));
    match planned {
        Ok(Ok(plan)) => Some(plan),
        Ok(Err(refused)) => {
            let (why, hint) = told(&refused, auditor.detector);
            output::error(&format!("{}: {why}: no plan is made for it", path.display()), Some(hint));
            None
        }
        Err(error) => {
            output::error(&error_chain(&error), None);
            None
        }
    }
}

/// Why there is no plan, and what to do about it.
fn told(refused: &Refused, detector: &Detector) -> (String, &'static str) {
    match refused {
        Refused::Collision(names) => {
            let [one, other] = names.each_ref().map(|name| detector.mask(name));
            let why = format!("the two names {one} and {other} would become one, and one of them be lost");
            (why, "rename or delete one of them, audit again, and make the plan then")
        }
        Refused::Shallow => (
            "it is shallow, so that its rewritten history would begin where it is cut off, and publishing it take away all \
             before that"
                .to_owned(),
            "`git fetch --unshallow`, or audit the server's repository, and make the plan of that report",
        ),
        Refused::Partial => (
            "it is a partial clone, and a key may be in what it does not have".to_owned(),
            "audit the server's repository, or a clone that is whole, and make the plan of that report",
        ),
        Refused::Sha256Tag(name) => (
            format!(
                "it uses SHA-256, and `git filter-repo` cannot rewrite annotated tags there, as {} is one",
                detector.mask(name)
            ),
            "delete those tags on the server (`git for-each-ref --format='%(objecttype) %(refname)'` names them), audit it \
             again, and make the plan then; what was tagged can be tagged anew when all is published",
        ),
        Refused::TagElsewhere(name) => (
            format!(
                "{} is no ref below refs/tags and names an annotated tag, of which `git filter-repo` makes another one there",
                detector.mask(name)
            ),
            "delete such refs on the server (`git for-each-ref --format='%(objecttype) %(refname)'` names them), or give the tag a \
             name below refs/tags; audit it again, and make the plan then",
        ),
        Refused::Ambiguous(names) => {
            let [one, other] = names.each_ref().map(|name| detector.mask(name));
            let why = format!("git can take {one} and {other} for each other, and `git filter-repo` then leaves one out");
            (why, "rename or delete the second on the server (`git update-ref -d`), audit it again, and make the plan then")
        }
        Refused::People(oid) => (
            format!(
                "an author, committer or tagger of {oid} has no address or no time that can be read, and `git filter-repo` \
                 ends there"
            ),
            "write it anew with both on the server (`git replace --edit`, and then `git filter-repo --force`, does that; or \
             delete the refs that reach it), audit again, and make the plan then",
        ),
    }
}

/// Says what is to be known of a plan before it is used, what it drops, and what it does not reach.
fn tell(plan: &Plan, detector: &Detector) {
    let few = |names: &[Vec<u8>]| few(names, detector);
    if !plan.remotes.is_empty() {
        note(&format!(
            "{} has a remote ({}): its commands.sh wants the URL of the server's repository, since what is here of others' \
             branches is as old as the last fetch.",
            plan.repository.display(),
            plan.remotes.join(", ")
        ));
    }
    tell_files(plan, detector);
    if plan.replacements > 0 {
        let refs = match plan.replacements {
            1 => "1 ref below refs/replace is".to_owned(),
            many => format!("{many} refs below refs/replace are"),
        };
        note(&format!("{refs} dropped: history is rewritten as it is, and not as they show it."));
    }
    if !plan.dropped.is_empty() {
        note(&format!(
            "No rewrite goes over what names a file or a directory and no commit: {} {} dropped (drop-refs.txt).",
            few(&plan.dropped),
            if plan.dropped.len() == 1 { "is" } else { "are" }
        ));
    }
    if plan.beyond.is_empty() {
        return;
    }
    let message = format!(
        "after the rewrite of {} a key will be left, in a spelling that cannot be written over: in {}",
        plan.repository.display(),
        few(&plan.beyond)
    );
    let hint = "reword or rename these by hand first (`git rebase -i`; `git replace --edit`, and then `git filter-repo --force`; \
                `git branch -m`), audit again, and make the plan then";
    output::error(&message, Some(hint));
}

/// Says which files are dropped, and which may be damaged.
fn tell_files(plan: &Plan, detector: &Detector) {
    let stripped: BTreeSet<&Oid> = plan.leaks.iter().flat_map(|leak| &leak.packed).collect();
    if !stripped.is_empty() {
        let (versions, them) = match stripped.len() {
            1 => ("1 version of a file is".to_owned(), "it"),
            many => (format!("{many} versions of files are"), "them"),
        };
        note(&format!(
            "From the history of {}, {versions} dropped whole, since a key in {them} cannot be written over, or not without damage: \
             strip-blobs.txt names what{}. Where that is the newest version the file is gone: commit it anew without the key \
             when all is published.",
            plan.repository.display(),
            if plan.stripped.is_empty() { String::new() } else { format!(" ({})", few(&plan.stripped, detector)) },
        ));
    }
    if !plan.binary.is_empty() {
        note(&format!(
            "Files that are no text keep their length where a key in them is written over. What has a checksum of itself in it (PNG \
             does) comes out damaged all the same: look at {}.",
            few(&plan.binary, detector)
        ));
    }
}

/// The first of some names, fit to be shown.
fn few(names: &[Vec<u8>], detector: &Detector) -> String {
    let some: Vec<String> = names.iter().take(10).map(|name| detector.mask(name).to_string()).collect();
    let more = if names.len() > 10 { format!(" and {} more", names.len() - 10) } else { String::new() };
    format!("{}{more}", some.join(", "))
}

/// Writes all plans: into a folder of mode 0700, files of mode 0600. What could not be written whole is taken away.
fn write(to: &Path, plans: &[Plan], planned: &[Planned], only: bool, limits: ReadLimits) -> io::Result<()> {
    let folder = |path: &Path| DirBuilder::new().mode(0o700).create(path);
    folder(to)?;
    let no_text = |what: &str| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("the {what}'s path is no text that a script can have"))
    };
    let all = || {
        let whole = to.canonicalize()?;
        let readme = purge::readme(whole.to_str().ok_or_else(|| no_text("folder"))?);
        file(&to.join("README.md"), readme.as_bytes())?;
        for (at, plan) in plans.iter().enumerate() {
            let place = to.join(folder_name(at, &plan.repository));
            folder(&place)?;
            for one in purge::files(&plan.leaks, &plan.others, &plan.dropped) {
                file(&place.join(one.name), &one.content)?;
            }
            let repository = plan.repository.to_str().ok_or_else(|| no_text("repository"))?;
            let remotes: Vec<String> = plan.remotes.iter().map(|name| terminal(name).to_string()).collect();
            let subject = Subject { repository, remotes: &remotes };
            let here: HashSet<KeyId> = plan.leaks.iter().map(|leak| leak.text.id()).collect();
            let keys: Vec<Planned> = planned.iter().filter(|key| only || here.contains(&key.id)).cloned().collect();
            file(&place.join("commands.sh"), purge::commands(&subject, &keys, only, limits).as_bytes())?;
        }
        Ok(())
    };
    all().map_err(|error: io::Error| match std::fs::remove_dir_all(to) {
        Ok(()) => error,
        Err(left) => io::Error::new(
            error.kind(),
            format!("{error}; what was written before may have keys in it, and cannot be removed ({left}): remove it by hand"),
        ),
    })
}

fn file(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// `1-shop`: of a repository's name what every shell takes as it is.
fn folder_name(at: usize, repository: &Path) -> String {
    let name = repository.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let plain: String = name.chars().filter(|it| it.is_ascii_alphanumeric() || "-_.".contains(*it)).take(40).collect();
    format!("{}-{plain}", at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Target;
    use crate::report::{self, Format};
    use crate::state::Known;

    #[test]
    fn what_was_stopped_writes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let repository = folder.path().join("shop");
        crate::demo::make(&repository).unwrap();
        let limits = ReadLimits::default();
        let (detector, options) = (limits::detector(limits), limits::options(limits));
        let running = AtomicBool::new(false);
        let events = crate::model::Silent;
        let auditor =
            Auditor { detector: &detector, options: &options, events: &events, interrupt: Interrupt::on(&running) };
        let name = repository.as_os_str().as_encoded_bytes().to_vec();
        let targets = vec![Target { name, layout: locate(&repository, false) }];
        let report = auditor.run(targets, &Known::default(), super::super::clock::now());
        let mut text = Vec::new();
        report::write(&report, Format::Json, report::Options::default(), &mut text).unwrap();
        let path = folder.path().join("report.json");
        std::fs::write(&path, text).unwrap();
        let plan =
            PurgePlan { report: path, to: folder.path().join("plan"), repo: Vec::new(), key: Vec::new(), state: None };
        assert_eq!(plan.answer(&detector, &AtomicBool::new(true)), Err(Exit::Incomplete));
        assert!(!plan.to.exists());
        assert_eq!(plan.answer(&detector, &running), Ok(Exit::Clean));
        assert!(plan.to.exists());
    }
}
