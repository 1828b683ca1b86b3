//! How far each key is, as text.

use std::io;

use crate::model::{Answers, Report};

use super::escape::terminal;
use super::progress::{KeyProgress, State};
use super::triage::Triage;
use super::wording;

pub(super) fn write(
    keys: &[KeyProgress],
    report: &Report,
    answers: Option<&Answers>,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let is_done = |key: &&KeyProgress| key.steps.iter().all(|(_, state)| state.is_done());
    let done = keys.iter().filter(is_done).count();
    let open: usize = keys.iter().map(|key| key.steps.iter().filter(|(_, state)| !state.is_done()).count()).sum();
    match (keys.len(), open) {
        (0, _) => writeln!(out, "No key asks for anything.")?,
        (1, 0) => writeln!(out, "All is done for the one key.")?,
        (number, 0) => writeln!(out, "All is done for all {number} keys.")?,
        (number, open) => {
            let steps = wording::count(open as u64, "step is open", "steps are open");
            match number {
                1 => writeln!(out, "{steps}, of the one key.")?,
                _ => writeln!(out, "{steps}; {done} of {number} keys are done.")?,
            }
        }
    }
    let triage = Triage::of(report, answers);
    for key in triage.known.iter().filter(|known| !keys.iter().any(|key| key.id == known.id)) {
        if let Some(told) = wording::known_at_tip(key, answers.and_then(|answers| answers.get(&key.id))) {
            writeln!(out, "{} is known, and {told}", terminal(&key.hint))?;
        }
    }
    for key in keys {
        let ticked = key.steps.iter().filter(|(_, state)| state.is_done()).count();
        let about = terminal(&key.about);
        writeln!(out, "\n{}  {about}: {ticked} of {} done", terminal(&key.hint), key.steps.len())?;
        for (step, state) in &key.steps {
            let (mark, told) = match state {
                State::Open(None) => (' ', String::new()),
                State::Open(Some(why)) => (' ', format!(" ({why})")),
                State::Seen(what) => ('x', format!(" (seen: {what})")),
                State::Said(who) => ('x', format!(" ({who})")),
            };
            writeln!(out, "   [{mark}] {:<9} {}{}", step.name(), step.told(key.kind), terminal(&told))?;
        }
        writeln!(out, "   id        {}", terminal(&key.id))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Evidence, progress, sample};
    use super::*;

    #[test]
    fn the_whole_status_reads_as_it_should() {
        let report = sample::report();
        let id = report.keys[0].id.clone();
        let said = [((id, "logs"), "Ann\u{1b}[2J, 2026-11-24 10:00:00 UTC".to_owned())].into();
        let mut out = Vec::new();
        write(&progress(&report, &Evidence { said, ..Evidence::default() }), &report, None, &mut out).unwrap();
        sample::assert_golden("status.txt", &String::from_utf8(out).unwrap());
    }

    #[test]
    fn nothing_to_do_is_one_line() {
        let mut out = Vec::new();
        write(&progress(&sample::clean(), &Evidence::default()), &sample::clean(), None, &mut out).unwrap();
        assert_eq!(out, b"No key asks for anything.\n");
    }
}
