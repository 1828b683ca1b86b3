//! What is still open of keys that ask for it by what was noted of them: a history that was cleaned has them no more,
//! and a list of known keys says that they are no news.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use crate::model::Report;

use super::super::progress::{KeyProgress, State};
use super::super::rotation::{self, Step};
use super::super::triage::Triage;
use super::sheet::{Sheet, code, quote};

/// Of which keys something is open that the other parts of the page do not tell.
pub(super) fn pending<'a>(progress: &'a [KeyProgress], triage: &Triage<'_>) -> Vec<(&'a KeyProgress, Vec<Open<'a>>)> {
    let rotate = triage.rotate.iter().map(|key| (key.id.as_str(), rotation::steps(key)));
    let possible = triage.possible.iter().map(|key| (key.id.as_str(), vec![Step::Look]));
    let told: BTreeMap<&str, Vec<Step>> = rotate.chain(possible).collect();
    let pending = progress.iter().map(|key| {
        let told = told.get(key.id.as_str()).map_or(&[][..], Vec::as_slice);
        (key, open(key).filter(|(step, _)| !told.contains(step)).collect::<Vec<_>>())
    });
    pending.filter(|(_, open)| !open.is_empty()).collect()
}

/// A step, and why it is open, if anything was seen of it.
type Open<'a> = (Step, Option<&'a str>);

fn open(key: &KeyProgress) -> impl Iterator<Item = Open<'_>> {
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
        "An earlier report had these keys, or had them in more places. That they were cleaned out of a history, or put on \
         the list of known keys, does none of what is open here. `clerk-audit status` ticks it.",
    )?;
    let here: BTreeSet<&str> = report.keys.iter().map(|key| key.id.as_str()).collect();
    let known: BTreeSet<&str> = triage.known.iter().map(|key| key.id.as_str()).collect();
    for (key, open) in pending {
        let about = match (here.contains(key.id.as_str()), known.contains(key.id.as_str())) {
            (false, _) => "no longer in the report",
            (true, true) => "known",
            (true, false) => "beside what is told above",
        };
        sheet.subheading(&format!("{} ({about})", code(&key.hint)))?;
        for (step, why) in open {
            let told = step.told(key.kind);
            let (first, rest) = told.split_at(1);
            let why = why.map_or(String::new(), |why| format!(": {}", quote(why)));
            sheet.tick(0, &format!("{}{rest} (`{}`){why}", first.to_uppercase(), step.name()))?;
        }
        sheet.gap();
    }
    Ok(())
}
