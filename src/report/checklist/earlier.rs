//! What is still open of keys that ask for it by what was noted of them: a history that was cleaned has them no more,
//! and a list of known keys says that they are no news.

use std::collections::BTreeSet;
use std::io;

use crate::model::Report;

use super::super::progress::{KeyProgress, State};
use super::super::rotation::Step;
use super::super::triage::Triage;
use super::sheet::{Sheet, code, quote};

/// Of which keys something is open that the other parts of the page do not tell.
pub(super) fn pending<'a>(progress: &'a [KeyProgress], triage: &Triage<'_>) -> Vec<&'a KeyProgress> {
    let told: BTreeSet<&str> = triage.rotate.iter().chain(&triage.possible).map(|key| key.id.as_str()).collect();
    progress.iter().filter(|key| !told.contains(key.id.as_str()) && open(key).next().is_some()).collect()
}

fn open(key: &KeyProgress) -> impl Iterator<Item = (Step, Option<&str>)> {
    key.steps.iter().filter_map(|(step, state)| match state {
        State::Open(why) => Some((*step, why.as_deref())),
        State::Seen(_) | State::Said(_) => None,
    })
}

pub(super) fn write(sheet: &mut Sheet<'_>, report: &Report, triage: &Triage<'_>) -> io::Result<()> {
    let pending = pending(sheet.options.progress, triage);
    if pending.is_empty() {
        return Ok(());
    }
    sheet.heading("Still open from before")?;
    sheet.paragraph(
        "An earlier report had these keys. That they were cleaned out of a history, or put on the list of known keys, \
         does none of what is open here. `clerk-audit status` ticks it.",
    )?;
    let here: BTreeSet<&str> = report.keys.iter().map(|key| key.id.as_str()).collect();
    for key in pending {
        let about = if here.contains(key.id.as_str()) { "known" } else { "no longer in the report" };
        sheet.subheading(&format!("{} ({about})", code(&key.hint)))?;
        for (step, why) in open(key) {
            let told = step.told(key.kind);
            let (first, rest) = told.split_at(1);
            let why = why.map_or(String::new(), |why| format!(": {}", quote(why)));
            sheet.tick(0, &format!("{}{rest} (`{}`){why}", first.to_uppercase(), step.name()))?;
        }
        sheet.gap();
    }
    Ok(())
}
