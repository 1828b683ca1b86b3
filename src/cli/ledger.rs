//! The gate's ledger, as commands that read histories join it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::exit::Exit;
use super::incident::note;
use super::output;
use crate::audit::Target;
use crate::detect::Detector;
use crate::key::KeyId;
use crate::model::{LedgerEntry, error_chain};
use crate::state::{Ledger, LedgerEvent};
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

/// What the ledger says of a key, fit to be shown.
pub(super) fn recorded(ledger: &Ledger, id: &KeyId, audited: &Audited, detector: &Detector) -> Vec<LedgerEntry> {
    let shown = |text: &String| detector.mask(text.as_bytes());
    let mut known: HashMap<&String, bool> = HashMap::new();
    let mut is_audited = |directory| *known.entry(directory).or_insert_with(|| audited.has(directory));
    let entry = |event: &LedgerEvent| LedgerEntry {
        time: shown(&event.time),
        verdict: shown(&event.verdict),
        decision: shown(&event.decision),
        repository: event.repository.as_ref().map(shown),
        pusher: event.pusher.as_ref().map(shown),
        remote_address: event.remote_address.as_ref().map(shown),
        refs: event.refs.iter().map(shown).collect(),
        hook: event.hook.as_ref().map(shown),
        introduced: event.introduced,
        audited: false,
    };
    let events = ledger.of(id).iter();
    events
        .map(|event| LedgerEntry { audited: event.repository.as_ref().is_some_and(&mut is_audited), ..entry(event) })
        .collect()
}
