//! Which boxes are ticked: as far as `clerk-audit status` knows of their steps, and with what it says of them.

use std::collections::BTreeMap;
use std::io;

use crate::model::KeyReport;

use super::super::progress::State;
use super::super::rotation::Step;
use super::super::wording::number;
use super::sheet::{Sheet, code, quote};

/// Who ticked a step, or what was seen of it.
pub(super) fn told(state: &State) -> Option<String> {
    match state {
        State::Open(why) => why.as_deref().map(|why| format!("Open: {}", quote(why))),
        State::Seen(what) => Some(format!("Done, as was seen: {}", quote(what))),
        State::Said(who) => Some(format!("Done: {}", quote(who))),
    }
}

/// `: 5 of 13 steps done`, where any is.
pub(super) fn how_far(sheet: &Sheet<'_>, key: &KeyReport) -> String {
    let Some(progress) = sheet.progress(key) else { return String::new() };
    match progress.steps.iter().filter(|(_, state)| state.is_done()).count() {
        0 => String::new(),
        done => format!(": {} of {} steps done", number(done as u64), number(progress.steps.len() as u64)),
    }
}

/// The box of one key's step.
pub(super) fn tick(sheet: &mut Sheet<'_>, key: &KeyReport, step: Step, text: &str) -> io::Result<()> {
    tick_for_all(sheet, &[key], step, text)
}

/// The box of a step that is taken for all keys at once: ticked when it is done for each that asks for it.
pub(super) fn tick_for_all(sheet: &mut Sheet<'_>, keys: &[&KeyReport], step: Step, text: &str) -> io::Result<()> {
    let states: Vec<(&KeyReport, &State)> =
        keys.iter().filter_map(|key| Some((*key, sheet.state(key, step)?))).collect();
    match !states.is_empty() && states.iter().all(|(_, state)| state.is_done()) {
        true => sheet.ticked(0, text)?,
        false => sheet.tick(0, text)?,
    }
    // What is said of several keys is said once.
    let mut said: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, state) in &states {
        if let Some(told) = told(state) {
            said.entry(told).or_default().push(code(&key.hint));
        }
    }
    let lines = said.into_iter().map(|(told, of)| match of.len() == states.len() {
        true => told,
        false => format!("{}. {told}", sheet.few(of).join(", ")),
    });
    for line in sheet.few(lines.collect()) {
        sheet.bullet(1, &line)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::super::{Evidence, Format, Gate, Options, Plan, progress, sample};
    use super::*;
    use crate::model::{Answers, Liveness, Report};

    fn written(report: &Report, format: Format, answers: &Answers, said: &[(usize, &'static str)]) -> String {
        let who = "Ann`\u{1b}[2J, 2026-11-24 10:00:00 UTC".to_owned();
        let said = said.iter().map(|(at, step)| ((report.keys[*at].id.clone(), *step), who.clone())).collect();
        let gates = BTreeMap::from([("/srv/git/shop.git".to_owned(), Gate::GuardedBy("hooks/pre-receive".to_owned()))]);
        let evidence = Evidence { answers: Some(answers), said, gates, ..Evidence::default() };
        let progress = progress(report, &evidence);
        let (plan, now) = (Plan::named("pro"), Some("2026-12-05T08:00:00Z"));
        let options = Options { plan, now, answers: Some(answers), progress: &progress, ..Options::default() };
        sample::written(report, format, options)
    }

    #[test]
    fn what_is_done_is_ticked_with_who_did_it_or_what_was_seen() {
        let report = sample::one_key();
        let answers = sample::answers(&report, &[Liveness::Dead]);
        let said = ["logs", "add", "deploy", "check", "refs"].map(|step| (0, step));
        let text = written(&report, Format::Markdown, &answers, &said);
        sample::assert_golden("checklist.md", &text);
        let page = written(&report, Format::Html, &answers, &said);
        assert_eq!(page.matches("type=\"checkbox\" checked>").count(), text.matches("- [x] ").count());
        assert!(page.contains("<li>Done, as was seen: <code>Clerk refused it on 2026-11-24 09:00:00 UTC</code>"));
    }

    #[test]
    fn a_line_in_gitignore_ticks_nothing_but_itself() {
        use crate::model::Kind;
        let mut report = sample::of_kind(Kind::KeylessApplication);
        let key = &mut report.keys[0];
        let file = crate::model::Shown::own(".clerk/.tmp/keyless.json");
        key.introductions.iter_mut().chain(&mut key.first_introduced).for_each(|entry| entry.path = Some(file.clone()));
        let ignored =
            super::super::super::paths_to_ignore(key).into_iter().map(|path| (path, Some(".gitignore:1".into())));
        let evidence = Evidence { ignored: ignored.collect(), ..Evidence::default() };
        let progress = progress(&report, &evidence);
        let options = Options { progress: &progress, ..Options::default() };
        let text = sample::written(&report, Format::Markdown, options);
        let ticked: Vec<&str> = text.lines().filter(|line| line.contains("[x]")).collect();
        assert!(ticked.len() == 2 && ticked.iter().all(|line| line.contains("**Ignore the f")), "{ticked:?} {text}");
        assert!(text.contains("  - [ ] Run `clerk init`") && text.contains("`git rm -r --cached .clerk`"), "{text}");
    }

    #[test]
    fn what_is_seen_to_be_open_is_not_ticked_whatever_was_said() {
        let report = sample::one_key();
        let answers = sample::answers(&report, &[Liveness::Alive]);
        let text = written(&report, Format::Markdown, &answers, &[(0, "dead"), (0, "tips")]);
        assert!(!text.contains("- [x] **5.**") && text.contains("  - Open: `Clerk accepted it on"), "{text}");
        assert!(text.contains("- [ ] **Take the keys out of the code**"), "{text}");
        assert!(text.contains("  - Open: `it stands at 4 refs"), "{text}");
    }

    #[test]
    fn a_box_for_all_keys_is_ticked_when_it_is_done_for_all() {
        let report = sample::report();
        let law = "**Users and law:**";
        let asked: Vec<usize> = (0..report.keys.len())
            .filter(|at| {
                let text = progress(&report, &Evidence::default());
                let own = text.iter().find(|key| key.id == report.keys[*at].id);
                own.is_some_and(|key| key.steps.iter().any(|(step, _)| *step == Step::Law))
            })
            .collect();
        assert!(asked.len() > 1);
        let said: Vec<(usize, &'static str)> = asked.iter().map(|at| (*at, "law")).collect();
        let some = written(&report, Format::Markdown, &Answers::default(), &said[1..]);
        assert!(some.contains(&format!("- [ ] {law}")) && some.contains(". Done: ``Ann`"), "{some}");
        let all = written(&report, Format::Markdown, &Answers::default(), &said);
        assert!(all.contains(&format!("- [x] {law}")) && all.contains("\n  - Done: ``Ann`"), "{all}");
    }
}
