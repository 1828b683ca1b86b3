//! Clerk's logs: what there is of them, until when.

use std::io;

use crate::model::{KeyReport, Report};

use super::super::Options;
use super::super::clock::{self, Logs, PLANS, Plan};
use super::super::rotation::Step;
use super::super::wording::{self, count};
use super::done;
use super::sheet::Sheet;

pub(super) fn save(sheet: &mut Sheet<'_>, report: &Report, keys: &[&KeyReport]) -> io::Result<()> {
    let kept: Vec<String> =
        plans(sheet.options).into_iter().map(|plan| format!("{} on {}", plan.keeps(), plan.name)).collect();
    let first = format!("**Save Clerk's logs first.** They are kept {}, and cannot be got back.", wording::list(&kept));
    done::tick_for_all(sheet, keys, Step::Logs, &first)?;
    let Some((start, day)) =
        clock::earliest_start(keys.iter().copied()).and_then(|start| Some((start, clock::utc_day(start)?)))
    else {
        return sheet.bullet(1, "When the first key was exposed is not known. Save all that is there.");
    };
    // Several keys can begin at that time; if history is cut at one of them, it began no later.
    let cut = keys.iter().any(|key| key.exposure.start.as_deref() == Some(start) && wording::is_cut(key));
    let on = if cut { "on or before" } else { "on" };
    let unknown = keys.iter().filter(|key| key.exposure.start.is_none()).count() as u64;
    let known = if unknown > 0 { " whose time is known" } else { "" };
    sheet.bullet(1, &format!("The first exposure{known} was {on} {day} (UTC). {}", clock::COMMIT_CLOCKS))?;
    if unknown > 0 {
        let (of, they) = (count(unknown, "key", "keys"), if unknown == 1 { "it is" } else { "they are" });
        sheet.bullet(
            1,
            &format!("Of {of} it is not known since when {they} exposed, perhaps for longer. Save all that is there."),
        )?;
    }
    for line in lines(start, sheet.options.now(report), &plans(sheet.options)) {
        sheet.bullet(1, &line)?;
    }
    if clock::is_ahead(start, &report.generated_at) {
        sheet.bullet(1, "That commit's clock runs ahead of this report's: do not count on these days.")?;
    }
    if keys.len() > 1 {
        sheet.bullet(1, "Keys that came in later have later days: see step 1 of each.")?;
    }
    Ok(())
}

/// The plans whose deadlines are told: the one that was named, or all.
fn plans(options: Options<'_>) -> Vec<Plan> {
    options.plan.map_or(PLANS.to_vec(), |plan| vec![plan])
}

/// The same in one line, for the steps of a key: what to do about it stands at the top.
pub(super) fn days(sheet: &Sheet<'_>, report: &Report, start: &str) -> String {
    let now = sheet.options.now(report);
    let days = plans(sheet.options).into_iter().filter_map(|plan| {
        Some(match clock::logs(start, now, plan)? {
            Logs::Until(day) => format!("there until {day} on {}", plan.name),
            Logs::Gone { on, .. } => format!("gone since {on} on {}", plan.name),
        })
    });
    let days: Vec<String> = days.collect();
    let is_ahead = clock::is_ahead(start, &report.generated_at);
    let ahead = if is_ahead { " Its clock runs ahead: do not count on these days." } else { "" };
    if days.is_empty() { String::new() } else { format!(" Its logs: {}.{ahead}", days.join(", ")) }
}

/// What is left of the logs of the first exposure, a line for each plan.
fn lines(start: &str, now: &str, plans: &[Plan]) -> Vec<String> {
    let told = |plan: &Plan| {
        let (name, keeps) = (plan.name, plan.keeps());
        Some(match clock::logs(start, now, *plan)? {
            Logs::Until(day) => format!("{name} ({keeps}): there until {day}. Save them before that day."),
            Logs::Gone { on, left_since } => format!(
                "{name} ({keeps}): gone since {on}. Still there: the last {}, back to {left_since}. Save that now.",
                if plan.days == 1 { "day".to_owned() } else { keeps.clone() }
            ),
        })
    };
    plans.iter().filter_map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::{Format, sample};
    use super::*;

    #[test]
    fn logs_that_are_gone_are_told_with_what_is_left() {
        let now = "2026-11-23T10:00:00Z";
        let left = lines("2026-11-10T10:00:00Z", now, &PLANS);
        assert_eq!(
            left,
            [
                "Hobby (1 day): gone since 2026-11-11. Still there: the last day, back to 2026-11-22. Save that now.",
                "Pro (7 days): gone since 2026-11-17. Still there: the last 7 days, back to 2026-11-16. Save that now.",
                "Business (30 days): there until 2026-12-10. Save them before that day.",
            ]
        );
        assert!(lines("not a time", now, &PLANS).is_empty());
    }

    #[test]
    fn deadlines_are_those_of_the_day_on_which_the_page_is_written() {
        let mut report = sample::one_key();
        report.keys[0].exposure.start = Some("2026-11-20T10:00:00Z".to_owned());
        let plan = Plan::named("pro");
        for format in [Format::Markdown, Format::Html] {
            let write = |now| sample::written(&report, format, Options { plan, now, ..Options::default() });
            let then = write(None);
            assert!(then.contains("there until 2026-11-27") && !then.contains("Written from that report"), "{then}");
            let later = write(Some("2026-12-05T08:00:00Z"));
            assert!(!later.contains("there until"), "{later}");
            for told in [
                "gone since 2026-11-27. Still there: the last 7 days, back to 2026-11-28. Save that now.",
                "Its logs: gone since 2026-11-27 on Pro.",
                "Written from that report 2026-12-05 08:00:00 UTC: what is said of Clerk&#39;s logs is as of then.",
            ] {
                let told = if format == Format::Html { told.to_owned() } else { told.replace("&#39;", "'") };
                assert!(later.contains(&told), "{told} {later}");
            }
            // A clock that runs behind makes no report younger.
            assert_eq!(write(Some("2026-11-01T08:00:00Z")), then);
        }
    }

    #[test]
    fn a_commit_from_the_future_has_no_days_to_count_on() {
        let mut report = sample::one_key();
        report.keys[0].exposure.start = Some("2027-01-01T00:00:00Z".to_owned());
        for now in [None, Some("2027-02-01T00:00:00Z")] {
            let text = sample::written(&report, Format::Markdown, Options { now, ..Options::default() });
            assert!(text.contains("  - That commit's clock runs ahead of this report's: do not count on these days."));
            assert!(text.contains(" Its clock runs ahead: do not count on these days."), "{text}");
        }
    }
}
