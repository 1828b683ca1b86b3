//! The rotation checklist: Markdown to work from, top to bottom, at any hour.
//!
//! Short sentences, one thing a box, the same order for every key. Steps and their order follow Clerk's guide to
//! rotation and what its API lets a leaked key do. The only links are to Clerk's dashboard and guide.

use std::io;

use crate::model::{KeyReport, Liveness, Report};

use super::Options;
use super::clock;
use super::remedy;
use super::rotation::Step;
use super::triage::{self, Triage};
use super::wording::{self, count};
use sheet::{Sheet, code};

mod coverage;
mod done;
mod earlier;
mod facts;
mod kinds;
mod logs;
mod sheet;
mod steps;

pub(super) fn write(report: &Report, options: Options<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let mut sheet = Sheet::new(out, options, report);
    let triage = Triage::of(report, options.answers);
    title(&mut sheet, report)?;
    coverage::warning(&mut sheet, report)?;
    if triage.rotate.is_empty() {
        nothing_to_rotate(&mut sheet, report, &triage)?;
    } else {
        top(&mut sheet, report, &triage)?;
    }
    for (at, key) in triage.rotate.iter().enumerate() {
        sheet.heading(&format!("{}. {}", at + 1, named(&sheet, key)))?;
        facts::write(&mut sheet, key)?;
        steps::write(&mut sheet, key, report)?;
    }
    if !triage.rotate.is_empty() {
        steps::last(&mut sheet, &triage.rotate)?;
    }
    possible(&mut sheet, &triage.possible)?;
    known(&mut sheet, &triage.known)?;
    earlier::write(&mut sheet, report, &triage)?;
    coverage::write(&mut sheet, report)
}

/// `hint` (live, on a branch), and whether Clerk says that it is alive.
fn named(sheet: &Sheet<'_>, key: &KeyReport) -> String {
    let liveness = sheet.answer(key).map(|answer| answer.liveness);
    let known = if wording::is_quiet(key, liveness) { String::new() } else { wording::known_mark(key, liveness) };
    let alive = match liveness {
        // The mark of a known one that is not back says so.
        Some(Liveness::Alive) if known.is_empty() || key.known_again => ", **alive**",
        Some(Liveness::Dead) => ", dead",
        _ => "",
    };
    let environment = wording::environment(key.environment);
    format!("{} ({environment}, {}{known}{alive})", code(&key.hint), wording::standing(key))
}

fn title(sheet: &mut Sheet<'_>, report: &Report) -> io::Result<()> {
    sheet.line("# Clerk key rotation checklist")?;
    let repositories: Vec<String> = report.repositories.iter().map(|repository| sheet.show(&repository.path)).collect();
    let number = repositories.len() as u64;
    let from = match sheet.few(repositories).as_slice() {
        [] => "no repository".to_owned(),
        [one] => one.clone(),
        several => format!("{}: {}", count(number, "repository", "repositories"), several.join(", ")),
    };
    let made = clock::readable(&report.generated_at);
    // Deadlines pass while a report lies there.
    let now = written_later(sheet, report).map_or(String::new(), |now| {
        format!(" Written from that report {now}: what is said of Clerk's logs is as of then.")
    });
    sheet.paragraph(&format!("Made {made} by {} {}, from {from}.{now}", report.tool.name, report.tool.version))
}

/// When the page is written, where that is later than its report.
fn written_later(sheet: &Sheet<'_>, report: &Report) -> Option<String> {
    let now = sheet.options.now(report);
    (now != report.generated_at).then(|| clock::readable(now))
}

fn nothing_to_rotate(sheet: &mut Sheet<'_>, report: &Report, triage: &Triage<'_>) -> io::Result<()> {
    sheet.paragraph(&format!("**{}**", triage.verdict(report)))?;
    if let Some(asked) = triage.asked() {
        sheet.paragraph(&asked)?;
    }
    let pending = earlier::pending(sheet.options.progress, triage);
    match (report.complete, triage.possible.is_empty()) {
        (false, _) => sheet.paragraph("This is no all-clear: not all was read. Get the rest read, then look again."),
        (true, _) if !pending.is_empty() => {
            let them = if pending.len() == 1 { "of it" } else { "of them" };
            let keys = count(pending.len() as u64, "key that was found before", "keys that were found before");
            sheet.paragraph(&format!(
                "There is nothing new to rotate. But {keys} asked for more than is done: see below what is open {them}."
            ))
        }
        (true, true) => sheet.paragraph("There is nothing to rotate."),
        (true, false) => sheet.paragraph("There is nothing to rotate, unless one of the possible keys below is real."),
    }
}

/// How many, in what order, by whom, until when.
fn top(sheet: &mut Sheet<'_>, report: &Report, triage: &Triage<'_>) -> io::Result<()> {
    let standing = triage::by_standing(&triage.rotate).join(", ");
    let back = triage.back().map_or(String::new(), |back| format!(" {back}."));
    sheet.paragraph(&format!("**{}** {standing}.{back}", how_many(triage)))?;
    if let Some(asked) = triage.asked() {
        let dead = if triage.rotate.iter().any(|key| triage.liveness(key) == Some(Liveness::Dead)) {
            " A dead key opens nothing any more. What was made and changed with it is still there."
        } else {
            ""
        };
        sheet.paragraph(&format!("**{asked}**{dead}"))?;
    }
    sheet.paragraph(
        "Taking a key out of the code ends nothing: it works until it is deleted in Clerk. Go from top to bottom, one \
         key after the other, and tick each box as you go.",
    )?;

    sheet.heading("Before you start")?;
    sheet.tick(
        0,
        "**Have a workspace Admin at hand.** Only Admins can add and delete secret keys in Clerk. Members can only \
         look at the list.",
    )?;
    logs::save(sheet, report, &triage.rotate)?;
    sheet.tick(
        0,
        &format!(
            "**Mind the links.** In the dashboard, `~` stands for the instance that was open last, which may be \
             another one. After each click, check the application and the environment at the top left. Clerk's own \
             guide: <{}>",
            wording::GUIDE
        ),
    )?;

    sheet.heading("The order")?;
    for (at, key) in triage.rotate.iter().enumerate() {
        sheet.line(&format!("{}. {}{}", at + 1, named(sheet, key), done::how_far(sheet, key)))?;
    }
    Ok(())
}

/// `2 keys must be rotated: 1 live, 1 test.`, and how many are dead and need not be.
fn how_many(triage: &Triage<'_>) -> String {
    let is_dead = |key: &&KeyReport| triage.liveness(key) == Some(Liveness::Dead);
    let (dead, others): (Vec<&KeyReport>, Vec<&KeyReport>) = triage.rotate.iter().copied().partition(is_dead);
    let told = |keys: &[&KeyReport], one: &str, many: &str| {
        let number = count(keys.len() as u64, one, many);
        (!keys.is_empty()).then(|| format!("{number}: {}.", triage::environments(keys)))
    };
    let rotate = told(&others, "key must be rotated", "keys must be rotated");
    let dead = told(&dead, "key is dead already", "keys are dead already");
    rotate.into_iter().chain(dead).collect::<Vec<_>>().join(" ")
}

fn possible(sheet: &mut Sheet<'_>, keys: &[&KeyReport]) -> io::Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    sheet.heading("Possible keys: look first")?;
    sheet.paragraph("These may be something else. Look at each before you rotate anything.")?;
    for key in keys {
        sheet.subheading(&named(sheet, key))?;
        facts::write(sheet, key)?;
        sheet.gap();
        done::tick(sheet, key, Step::Look, "Look at the place. Is it a key, and is it Clerk's?")?;
        let rotate = match remedy::of_kind(key.kind) {
            Some(steps) => steps.to_owned(),
            None => {
                format!("rotate it as <{}> says. The list of keys: {}", wording::GUIDE, steps::page_link(sheet, key))
            }
        };
        sheet.tick(0, &format!("If it is: {rotate}"))?;
        sheet.tick(0, "If it is not: nothing is to be done.")?;
    }
    Ok(())
}

fn known(sheet: &mut Sheet<'_>, keys: &[&KeyReport]) -> io::Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    sheet.heading("Already dealt with")?;
    sheet.paragraph("The list of known keys names these, and they have not come back.")?;
    for key in keys {
        let exposed = clock::span(&key.exposure, wording::is_cut(key));
        sheet.bullet(0, &format!("{}: exposed {exposed}.", named(sheet, key)))?;
        let answer = sheet.answer(key);
        if let Some(answer) = answer {
            sheet.bullet(1, &format!("{}.", facts::answered(answer)))?;
        }
        // No box: a list of known keys says that this was dealt with, and the status asks for nothing either.
        if let Some(told) = wording::known_at_tip(key, answer) {
            sheet.bullet(1, &format!("It {told}"))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Format, Plan, sample};
    use super::*;

    fn checklist(report: &Report) -> String {
        sample::written(report, Format::Markdown, Options::default())
    }

    #[test]
    fn the_whole_checklist_reads_as_it_should() {
        sample::assert_golden("report.md", &checklist(&sample::report()));
    }

    #[test]
    fn links_lead_to_clerk_alone() {
        let text = sample::written(
            &sample::report(),
            Format::Markdown,
            Options { color: false, verbose: true, ..Options::default() },
        );
        // What stands in code spans is text. No span of ours or of the sample's ends within another.
        let outside: String = outside_code(&text);
        for (at, _) in outside.match_indices("://") {
            let link = &outside[at..];
            assert!(
                link.starts_with("://dashboard.clerk.com/") || link.starts_with("://clerk.com/docs/"),
                "{}",
                link.lines().next().unwrap()
            );
        }
        assert!(!outside.contains('@') && !outside.contains("evil") && !outside.contains("script>"), "{outside}");
    }

    /// A reader of code spans as CommonMark has them: a run of backticks up to the next run of the same length.
    fn outside_code(text: &str) -> String {
        let mut outside = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('`') {
            outside.push_str(&rest[..at]);
            let from = &rest[at..];
            let run = from.len() - from.trim_start_matches('`').len();
            let mut inner = &from[run..];
            loop {
                let close = inner.find('`').expect("every span is closed");
                let after = inner[close..].trim_start_matches('`');
                let length = inner[close..].len() - after.len();
                inner = after;
                if length == run {
                    break;
                }
            }
            rest = inner;
        }
        outside + rest
    }

    #[test]
    fn keys_are_numbered_in_the_order_of_the_report() {
        let text = checklist(&sample::report());
        let headings: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(
            headings,
            [
                "Before you start",
                "The order",
                "1. `sk_live_AbC1…WxY1` (live, on a branch)",
                "2. `sk_live_AbC2…WxY2` (live, only on tags, pull or other refs)",
                "3. `sk_live_AbC7…WxY7` (live, in a commit's or tag's own text)",
                "4. `sk_live_AbC4…WxY4` (live, only unreachable)",
                "5. `sk_test_AbC8…WxY8` (test, on a branch, known, but back)",
                "6. `sk_test_AbC3…WxY3` (test, only in history)",
                "Last, when every key above is deleted",
                "Possible keys: look first",
                "Already dealt with",
                "What was read",
            ]
        );
    }

    #[test]
    fn nothing_found_is_a_calm_page() {
        let text = checklist(&sample::clean());
        assert!(text.contains("There is nothing to rotate."));
        assert!(!text.contains("- [ ]") && !text.contains("ncomplete"));
        assert!(text.lines().count() < 15, "{text}");
    }

    #[test]
    fn nothing_found_in_half_a_repository_is_no_all_clear() {
        let mut report = sample::report();
        report.keys.clear();
        let text = checklist(&report);
        assert!(text.contains("This is no all-clear") && !text.contains("There is nothing to rotate"), "{text}");
        assert!(text.contains("> **This list is incomplete.**"));
    }

    #[test]
    fn the_exact_page_is_linked_only_where_it_is_ours() {
        let exact = "<https://dashboard.clerk.com/apps/app_2abc/instances/ins_2def/api-keys>";
        let mut report = sample::one_key();
        assert!(checklist(&report).contains(exact));
        let url = &mut report.keys[0].instance.as_mut().unwrap().dashboard_url;
        *url = Some("https://evil.example/apps/app_2abc/instances/ins_2def/api-keys".to_owned());
        let text = checklist(&report);
        assert!(!text.contains("evil.example/apps") && !text.contains(exact));
        assert!(text.contains(wording::DASHBOARD));
    }

    #[test]
    fn a_plan_a_list_of_consumers_and_clerks_answer_have_their_places() {
        use crate::model::{Answer, Answers, Liveness};
        let mut report = sample::one_key();
        let consumers = [sample::shown("Fly.io app `shop-api`"), sample::shown("[x](https://evil.example)")];
        let answer = Answer {
            liveness: Liveness::Alive,
            reason: "200".to_owned(),
            at: "2026-11-24T09:00:00Z".to_owned(),
            instance: Some("ins_2def".to_owned()),
        };
        let answers = Answers::from([(report.keys[0].id.clone(), answer)]);
        let write = |report: &Report| {
            let plan = Plan::named("pro");
            let options = Options { plan, consumers: &consumers, answers: Some(&answers), ..Options::default() };
            sample::written(report, Format::Markdown, options)
        };
        let text = write(&report);
        assert!(!text.contains("Hobby") && !text.contains("Business") && text.contains("Pro (7 days)"));
        assert!(text.contains("[ ] You named `` Fly.io app `shop-api` ``"), "{text}");
        assert!(text.find("You named").unwrap() < text.find("This repository suggests").unwrap());
        assert!(text.contains("**Alive:** Clerk accepted it on 2026-11-24 09:00:00 UTC"));
        assert!(text.contains("apps/app_2abc/instances/ins_2def"));
        // What Clerk says outweighs what stood beside the key.
        let url = &mut report.keys[0].instance.as_mut().unwrap().dashboard_url;
        *url = Some("https://dashboard.clerk.com/apps/app_2abc/instances/ins_other/api-keys".to_owned());
        let text = write(&report);
        assert!(text.contains("the address then has `ins_2def` in it"), "{text}");
        assert!(text.contains("Clerk names another instance than the publishable key"));
        assert!(text.contains("- **Which instance:** `ins_2def`, as Clerk itself answered.\n  - What stood beside the key names `clerk.shop.example`"), "{text}");
        // Whatever stood beside the key, or nothing.
        report.keys[0].instance = None;
        let text = write(&report);
        assert!(text.contains("- **Which instance:** `ins_2def`, as Clerk itself answered.\n"), "{text}");
        assert!(!text.contains("nothing near the key names one"), "{text}");
    }

    #[test]
    fn what_is_open_of_keys_that_are_gone_is_told_until_it_is_done() {
        use super::super::{Evidence, Noted, Step, progress};
        let report = sample::clean();
        let id = sample::one_key().keys[0].id.clone();
        let noted = Noted {
            hint: "sk_live_AbC1…WxY1".to_owned(),
            steps: vec![Step::Logs, Step::Dead],
            seen_in: [("/srv/git/`x`.git".to_owned(), Default::default())].into(),
            ..Noted::default()
        };
        let mut evidence = Evidence { noted: [(id.clone(), noted)].into(), ..Evidence::default() };
        let write = |evidence: &Evidence<'_>| {
            let progress = progress(&report, evidence);
            sample::written(&report, Format::Markdown, Options { progress: &progress, ..Options::default() })
        };
        let text = write(&evidence);
        assert!(
            text.contains("There is nothing new to rotate. But 1 key that was found before asked for more"),
            "{text}"
        );
        assert!(text.contains("## Still open from before\n"), "{text}");
        assert!(text.contains("### `sk_live_AbC1…WxY1` (no longer in the report)\n\n- [ ] Save Clerk's logs (`logs`)\n- [ ] Delete the old key in Clerk (`dead`)\n"), "{text}");
        for step in ["logs", "dead"] {
            evidence.said.insert((id.clone(), step), "Ann".to_owned());
        }
        let text = write(&evidence);
        assert!(text.contains("There is nothing to rotate.") && !text.contains("Still open from before"), "{text}");
    }

    #[test]
    fn what_clerk_answered_stands_at_the_top_in_the_order_and_beside_each_key() {
        use crate::model::Liveness::{Alive, Dead, Unknown};
        let mut report = sample::report();
        // The one that is known and not back, which asks for nothing, first.
        let known = report.keys.iter().position(|key| key.known && !key.known_again).unwrap();
        report.keys.swap(0, known);
        let write = |answers: &[_]| {
            let answers = sample::answers(&report, answers);
            sample::written(&report, Format::Markdown, Options { answers: Some(&answers), ..Options::default() })
        };
        let text = write(&[Alive, Alive, Dead, Unknown]);
        let asked =
            "**Clerk was asked, last on 2026-11-24 09:00:00 UTC: 2 alive, 1 dead, 1 not known, 4 not asked about.**";
        assert!(text.contains(&format!("{asked} A dead key opens nothing any more.")), "{text}");
        // What Clerk accepts was not dealt with, whatever the list of known ones says.
        let hint = |at: usize| report.keys[at].hint.as_str();
        for line in [
            format!("\n1. `{}` (test, only in history, known, but alive)\n", hint(0)),
            format!("\n2. `{}` (live, only on tags, pull or other refs, **alive**)\n", hint(1)),
            format!("\n3. `{}` (live, in a commit's or tag's own text, dead)\n", hint(2)),
        ] {
            assert!(text.contains(&line), "{line}{text}");
        }
        assert!(text.contains("**Known, but alive:**") && text.contains("**Dead:** Clerk refused it on 2026-11-24"));
        assert!(text.contains("**It is dead already.**"));
        assert!(text.contains("**6 keys must be rotated: 3 live, 3 test. 1 key is dead already: 1 live.**"), "{text}");
        let of_dead = text.split("\n## ").find(|part| part.contains("It opens nothing any more")).unwrap();
        assert!(of_dead.contains("While it was alive, who had it could") && !of_dead.contains("Who has it can"));
        assert!(text.contains(
            "**Alive or not:** not known, asked on 2026-11-24 09:00:00 UTC: no answer in time, says \\`x\\` \\<b\\>."
        ));
        // And of one that was dealt with.
        let text = write(&[Dead]);
        let told = text.split("## Already dealt with").nth(1).unwrap();
        assert!(
            told.contains("dead): exposed") && told.contains("  - **Dead:** Clerk refused it on 2026-11-24"),
            "{told}"
        );
        assert!(!write(&[]).contains("Clerk was asked"));
    }

    #[test]
    fn the_status_has_a_step_for_each_box_of_each_kind() {
        use super::super::{Step, rotation};
        use crate::model::Kind;
        let mut report = sample::one_key();
        for kind in Kind::ALL.iter().copied() {
            report.keys[0].kind = kind;
            let text = checklist(&report);
            let is_numbered = |line: &&str| {
                line.strip_prefix("- [ ] **").is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
            };
            let boxes = text.lines().filter(is_numbered).count();
            // Those stand at the end of the page, for all keys at once.
            let is_for_all = |step: &Step| match step {
                Step::Tips | Step::Refs | Step::Gate | Step::Law => true,
                Step::Ignore => kind != Kind::KeylessApplication,
                _ => false,
            };
            let own = rotation::steps(&report.keys[0]).into_iter().filter(|step| !is_for_all(step)).count();
            assert_eq!(boxes, own + 1, "and one that says to clean the history last: {kind:?} {text}");
        }
    }

    #[test]
    fn a_key_that_is_back_and_asked_about_is_not_to_be_looked_for() {
        use crate::model::Liveness::{Alive, Dead, Unknown};
        let mut report = sample::report();
        report.keys.retain(|key| key.known_again);
        for (liveness, looks) in [(Unknown, true), (Alive, false), (Dead, false)] {
            let answers = sample::answers(&report, &[liveness]);
            let options = Options { answers: Some(&answers), ..Options::default() };
            let text = sample::written(&report, Format::Markdown, options);
            assert_eq!(text.contains("**Is it still good?**"), looks, "{liveness:?} {text}");
        }
    }

    #[test]
    fn what_is_said_of_each_kind_is_true_of_it() {
        use crate::model::Kind;
        let told = |kind: Kind| checklist(&sample::of_kind(kind));
        for kind in Kind::ALL.iter().copied() {
            let text = told(kind);
            let is_rotated_as_secret_key = matches!(kind, Kind::SecretKey | Kind::LegacyApiKey);
            for only_of_those in ["in the dashboard's list, the one that begins", "when the key was last used"] {
                assert_eq!(text.contains(only_of_those), is_rotated_as_secret_key, "{kind:?}: {text}");
            }
            assert!(text.contains(&format!("begins with `{}Ab`", kind.name())) && text.contains("`Yz`"), "{text}");
        }
        assert!(told(Kind::WebhookSecret).contains("whose signing secret begins with `webhook_secretAb`"));
        assert!(told(Kind::EncryptionKey).contains("It is in no dashboard"));
    }

    #[test]
    fn whoever_looks_for_the_instance_is_sent_where_that_kind_can_be_seen() {
        use crate::model::Kind;
        for kind in Kind::ALL.iter().copied() {
            let mut report = sample::of_kind(kind);
            report.keys[0].instance = None;
            let text = checklist(&report);
            let is_in_a_list = matches!(kind, Kind::SecretKey | Kind::LegacyApiKey | Kind::Other);
            assert_eq!(text.contains("Look through the key lists"), is_in_a_list, "{kind:?}: {text}");
            assert!(text.contains("nothing near the key names one. "), "{kind:?}: {text}");
        }
    }

    #[test]
    fn a_first_exposure_is_not_told_of_keys_whose_start_is_not_known() {
        let mut report = sample::report();
        assert!(!checklist(&report).contains("since when is not known"), "all of them have a start");
        let start = |text: &str| text.lines().find(|line| line.contains("The first exposure")).map(str::to_owned);
        report.keys[1].exposure.start = None;
        let text = checklist(&report);
        assert!(start(&text).unwrap().starts_with("  - The first exposure whose time is known was on"), "{text}");
        assert!(
            text.contains(
                "  - Of 1 key it is not known since when it is exposed, perhaps for longer. Save all that is there."
            ),
            "{text}"
        );
    }

    #[test]
    fn nobody_is_blamed_where_history_is_cut() {
        let mut report = sample::one_key();
        let key = &mut report.keys[0];
        let mut cut = key.first_introduced.take().unwrap();
        cut.at_or_before = true;
        (key.introductions, key.removals) = (vec![cut.clone()], Vec::new());
        key.first_introduced = Some(cut);
        let text = checklist(&report);
        assert!(text.contains("at or before") && text.contains("was on or before 2026-11-21"), "{text}");
        assert!(!text.contains("who wrote"), "{text}");
        assert!(!text.contains("Ann") && !text.contains("ann@"), "{text}");
    }
}
