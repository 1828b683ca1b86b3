//! The gate's ledger, as commands that read histories join it.

use std::path::Path;

use super::exit::Exit;
use super::incident::note;
use super::output;
use crate::detect::Detector;
use crate::key::KeyId;
use crate::model::{LedgerEntry, error_chain};
use crate::state::{Ledger, LedgerEvent};

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

/// What the ledger says of a key, fit to be shown.
pub(super) fn recorded(ledger: &Ledger, id: &KeyId, detector: &Detector) -> Vec<LedgerEntry> {
    let shown = |text: &String| detector.mask(text.as_bytes());
    let entry = |event: &LedgerEvent| LedgerEntry {
        time: shown(&event.time),
        verdict: shown(&event.verdict),
        decision: shown(&event.decision),
        repository: event.repository.as_ref().map(shown),
        pusher: event.pusher.as_ref().map(shown),
        remote_address: event.remote_address.as_ref().map(shown),
        refs: event.refs.iter().map(shown).collect(),
    };
    ledger.of(id).iter().map(entry).collect()
}
