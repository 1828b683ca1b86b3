//! The gate's ledger, as commands that read histories join it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::exit::Exit;
use super::incident::note;
use super::output;
use crate::audit::Target;
use crate::detect::Detector;
use crate::key::KeyId;
use crate::model::{LedgerEntry, Shown, error_chain};
use crate::state::{Ledger, LedgerEvent, LedgerPush};
use crate::store::locate_git_dir;

/// The gate's ledger, empty where none is named. What is wrong with it has been told where this fails.
pub(super) fn read_ledger(path: Option<&Path>) -> Result<Ledger, Exit> {
    let Some(path) = path else { return Ok(Ledger::default()) };
    let ledger = Ledger::read(path).map_err(|error| {
        output::error(&error_chain(&error), Some("the gate writes one where its policy names it: docs/hooks.md"));
        Exit::Usage
    })?;
    if let [first, more @ ..] = ledger.torn() {
        let more = if more.is_empty() { String::new() } else { format!(", and {} more", more.len()) };
        note(&format!(
            "warning: {}, line {first}{more}: it ends too early, as a process leaves it that is killed, and is passed over",
            path.display()
        ));
    }
    if let Some(line) = ledger.cut() {
        note(&format!(
            "warning: {}, line {line}, the last: it has no end, and is passed over. A push is about to be written there, or it \
             was cut off.",
            path.display()
        ));
    }
    Ok(ledger)
}

/// The repositories that are read, by which it is told whose events a ledger has.
pub(super) struct Audited(Vec<PathBuf>);

impl Audited {
    pub(super) fn of(targets: &[Target]) -> Self {
        let layouts = targets.iter().filter_map(|target| target.layout.as_ref().ok());
        Self(layouts.filter_map(|layout| layout.common_dir.canonicalize().ok()).collect())
    }

    /// Whether a directory, as a ledger names it, is one of theirs. It may be written in another way, and be no directory of
    /// this machine's.
    fn has(&self, directory: &str) -> bool {
        let layout = locate_git_dir(Path::new(directory)).ok();
        let real = layout.and_then(|layout| layout.common_dir.canonicalize().ok());
        real.is_some_and(|real| self.0.contains(&real))
    }
}

/// What a ledger says of keys, fit to be shown.
pub(super) struct Recorded<'a> {
    ledger: &'a Ledger,
    audited: &'a Audited,
    detector: &'a Detector,
    /// Directories that it names: whether they are those of a repository that is read.
    known: HashMap<&'a str, bool>,
    /// Pushes, each made fit once whatever many keys were in it.
    pushes: HashMap<*const LedgerPush, LedgerEntry>,
}

impl<'a> Recorded<'a> {
    pub(super) fn new(ledger: &'a Ledger, audited: &'a Audited, detector: &'a Detector) -> Self {
        Self { ledger, audited, detector, known: HashMap::new(), pushes: HashMap::new() }
    }

    /// What it says of one.
    pub(super) fn of(&mut self, id: &KeyId) -> Vec<LedgerEntry> {
        let (ledger, detector) = (self.ledger, self.detector);
        let entry = |LedgerEvent { push, decision, introduced }: &'a LedgerEvent| {
            let decision = detector.mask(decision.as_bytes());
            LedgerEntry { decision, introduced: *introduced, ..self.pushed(push) }
        };
        ledger.of(id).iter().map(entry).collect()
    }

    /// What is the same for all keys of a push.
    fn pushed(&mut self, push: &'a Arc<LedgerPush>) -> LedgerEntry {
        if let Some(shown) = self.pushes.get(&Arc::as_ptr(push)) {
            return shown.clone();
        }
        let shown = |text: &String| self.detector.mask(text.as_bytes());
        let directory = push.repository.as_deref();
        let is_audited =
            directory.is_some_and(|named| *self.known.entry(named).or_insert_with(|| self.audited.has(named)));
        let entry = LedgerEntry {
            time: shown(&push.time),
            verdict: shown(&push.verdict),
            decision: Shown::default(),
            repository: push.repository.as_ref().map(shown),
            pusher: push.pusher.as_ref().map(shown),
            remote_address: push.remote_address.as_ref().map(shown),
            refs: push.refs.iter().map(shown).collect(),
            hook: push.hook.as_ref().map(shown),
            introduced: false,
            audited: is_audited,
        };
        self.pushes.insert(Arc::as_ptr(push), entry.clone());
        entry
    }
}
