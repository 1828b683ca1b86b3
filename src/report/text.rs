//! The report for a terminal: the verdict in one line, then a block a key, then what else was seen and read.

use std::io;

use anstyle::{AnsiColor, Style};

use crate::model::{KeyReport, Report};

use super::Options;
use super::clock;
use super::triage::{self, Triage};
use super::wording;
use page::Page;
pub(super) use page::visible;

mod coverage;
mod key;
mod page;

pub(super) fn write(report: &Report, options: Options<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let mut page = Page::new(out, options, report.repositories.len() > 1);
    let triage = Triage::of(report, options.answers);
    verdict(&mut page, report, &triage)?;
    if let Some(asked) = triage.asked() {
        page.line(&page.paint(Style::new().bold(), &asked))?;
    }
    if !report.keys.is_empty() {
        page.line(&page.paint(page::DIM, clock::COMMIT_CLOCKS))?;
    }
    // Known keys stand among the others, marked, so that the report's order of urgency is kept.
    let is_sure = |key: &&KeyReport| {
        let liveness = triage.liveness(key);
        wording::is_quiet(key, liveness) || !triage::is_possible(key, liveness)
    };
    for (at, key) in report.keys.iter().filter(is_sure).enumerate() {
        page.blank()?;
        key::write(&mut page, &format!("{}.", at + 1), key, report)?;
    }
    if !triage.possible.is_empty() {
        page.blank()?;
        page.line(&page.paint(Style::new().bold(), "Possible keys: look at these first, they may be something else"))?;
    }
    for key in &triage.possible {
        page.blank()?;
        key::write(&mut page, "?", key, report)?;
    }
    page.blank()?;
    coverage::write(&mut page, report)?;
    hints(&mut page, &triage)
}

/// Where there is more than stands here.
fn hints(page: &mut Page<'_>, triage: &Triage<'_>) -> io::Result<()> {
    if page.was_cut() {
        page.line(&page.paint(page::DIM, "Long lists show their first few: -v shows all."))?;
    }
    if !triage.rotate.is_empty() {
        page.line(&page.paint(page::DIM, "Each key's rotation, step by step: --format markdown."))?;
    }
    Ok(())
}

fn verdict(page: &mut Page<'_>, report: &Report, triage: &Triage<'_>) -> io::Result<()> {
    let color = if triage.rotate.is_empty() { AnsiColor::Green } else { AnsiColor::Red };
    // Green would say "all is well", which an audit that did not read all cannot.
    let style = if triage.rotate.is_empty() && !report.complete { Style::new() } else { color.on_default() };
    let mut line = page.paint(style.bold(), &triage.verdict(report));
    if let Some(incomplete) = triage::incompleteness(report) {
        line.push(' ');
        line.push_str(&page.paint(AnsiColor::Yellow.on_default().bold(), &incomplete));
    }
    page.line(&line)
}

#[cfg(test)]
mod tests {
    use super::super::{Format, sample};
    use super::*;

    #[test]
    fn a_ref_that_several_repositories_have_is_told_with_their_number() {
        let mut report = sample::one_key();
        let reach = &mut report.keys[0].reachable_from;
        reach.refs = ["refs/heads/main", "refs/heads/main", "refs/tags/v1"].map(sample::shown).to_vec();
        reach.count = 3;
        for (format, told) in [
            (Format::Text, "3 refs: refs/heads/main (in 2 repositories), refs/tags/v1"),
            (Format::Markdown, "3 refs: `refs/heads/main` (in 2 repositories), `refs/tags/v1`"),
        ] {
            let text = sample::written(&report, format, Options::default());
            assert!(text.contains(told), "{text}");
        }
    }

    fn text(report: &Report, options: Options) -> String {
        sample::written(report, Format::Text, options)
    }

    #[test]
    fn the_whole_report_reads_as_it_should() {
        sample::assert_golden("report.txt", &text(&sample::report(), Options::default()));
    }

    #[test]
    fn colour_changes_nothing_but_colour() {
        let colored = text(&sample::report(), Options { color: true, verbose: false, ..Options::default() });
        let mut plain = String::new();
        let mut rest = colored.as_str();
        while let Some((before, after)) = rest.split_once('\u{1b}') {
            plain.push_str(before);
            rest = after.split_once('m').unwrap().1;
        }
        plain.push_str(rest);
        assert_ne!(colored, plain);
        assert_eq!(plain, text(&sample::report(), Options::default()));
    }

    #[test]
    fn the_verdict_is_the_first_line_and_says_both() {
        let text = text(&sample::report(), Options::default());
        assert_eq!(
            text.lines().next().unwrap(),
            "Found 6 Clerk secret keys (4 live, 2 test): 2 on a branch (1 live, 1 test), 1 only on tags, pull or \
             other refs (live), 1 in a commit's or tag's own text (live), 1 only in history (test), 1 only \
             unreachable (live). 1 of them is known, but back. Also 1 known key and 1 possible key. INCOMPLETE: 9 \
             things were not read."
        );
    }

    #[test]
    fn links_lead_to_clerk_alone() {
        let text = text(&sample::report(), Options { color: false, verbose: true, ..Options::default() });
        assert!(text.contains("evil.example"));
        for (at, _) in text.match_indices("://") {
            assert!(text[at..].starts_with("://dashboard.clerk.com/"), "{}", text[at..].lines().next().unwrap());
        }
    }

    #[test]
    fn what_is_no_object_is_told_for_what_it_is() {
        let text = text(&sample::report(), Options { color: false, verbose: true, ..Options::default() });
        for line in [
            "name of the reflog refs/heads/sk_live_AbC4…WxY4, whose ref is gone\n",
            "reflog of HEAD, line 7 (HEAD@{3})\n",
            "path notes/sk_test_AbC6…WxY6.txt in the index\n",
            "in the name of refs/pull/3/sk_live_AbC2…WxY2",
            "the name of the ref refs/pull/3/sk_live_AbC2…WxY2",
            "line 4 of the file that refs/tags/config names\n",
        ] {
            assert!(text.contains(line), "{line}");
        }
    }

    #[test]
    fn what_a_work_trees_head_alone_reaches_no_fetch_brings() {
        let mut report = sample::report();
        let is_closed = |key: &crate::model::KeyReport| key.standing == crate::model::Where::History;
        report.keys.retain(|key| is_closed(key) && !key.exposure.open);
        report.keys.truncate(1);
        for (name, is_fetched) in [("refs/heads/main", true), ("HEAD", true), ("worktrees/wt/HEAD", false)] {
            let reach = &mut report.keys[0].reachable_from;
            (reach.refs, reach.count) = (vec![sample::shown(name)], 1);
            for (format, told) in [(Format::Text, "can read it"), (Format::Markdown, "who can fetch can read it")] {
                let text = sample::written(&report, format, Options::default());
                assert_eq!(text.contains(told), is_fetched, "{name}: {text}");
                assert_eq!(text.contains("which no fetch brings"), !is_fetched, "{name}: {text}");
            }
        }
    }

    #[test]
    fn nobody_is_blamed_where_history_is_cut() {
        let mut report = sample::report();
        report.keys.truncate(1);
        let key = &mut report.keys[0];
        let mut cut = key.first_introduced.take().unwrap();
        cut.at_or_before = true;
        (key.introductions, key.removals) = (vec![cut.clone()], Vec::new());
        key.first_introduced = Some(cut);
        let text = text(&report, Options { color: false, verbose: true, ..Options::default() });
        assert!(text.contains("at or before"));
        assert!(!text.contains("Ann") && !text.contains("ann@"), "{text}");
    }

    #[test]
    fn a_clean_report_is_short() {
        let text = text(&sample::clean(), Options::default());
        assert!(text.starts_with("No Clerk secret key found in 1 repository (1,204 commits, 3,777 blobs read).\n"));
        assert!(!text.contains("INCOMPLETE") && !text.contains(clock::COMMIT_CLOCKS));
        assert!(text.lines().count() < 8, "{text}");
    }

    #[test]
    fn what_clerk_answered_stands_at_the_top_and_beside_each_key() {
        use crate::model::Liveness::{Alive, Dead, Unknown};
        let mut report = sample::report();
        let known = report.keys.iter().position(|key| key.known && !key.known_again).unwrap();
        report.keys.swap(3, known);
        let possible = report.keys.iter().position(|key| key.confidence == crate::model::Confidence::Low).unwrap();
        report.keys.swap(4, possible);
        let answers = sample::answers(&report, &[Alive, Dead, Unknown, Alive, Alive]);
        let text = text(&report, Options { answers: Some(&answers), ..Options::default() });
        let asked =
            "Clerk was asked, last on 2026-11-24 09:00:00 UTC: 3 alive, 1 dead, 1 not known, 3 not asked about.";
        assert_eq!(text.lines().nth(1), Some(asked));
        for line in [
            "   Clerk says    alive: Clerk accepted it on 2026-11-24 09:00:00 UTC\n                 it opens the instance ins_2def\n",
            "   instance      ins_2def, as Clerk answered\n                 beside the key: likely clerk.shop.example",
            "   Clerk says    dead: Clerk refused it on 2026-11-24 09:00:00 UTC\n",
            "   Clerk says    not known, asked on 2026-11-24 09:00:00 UTC: no answer in time, says `x` <b>\n",
            "known, but alive\n",
            "   next          it is dead: save the logs, undo what it may have made",
        ] {
            assert!(text.contains(line), "{line}{text}");
        }
        // What Clerk accepted is no "possible" key, and is rotated as any other.
        let block = text.split("\n\n").find(|block| block.contains(&report.keys[4].hint)).unwrap();
        assert!(!block.contains("possible") && block.contains("add a new key, deploy it, delete this one"), "{block}");
        // Nothing of it where nobody was asked.
        assert!(!self::text(&sample::report(), Options::default()).contains("Clerk says"));
    }

    #[test]
    fn an_exposure_that_a_clock_dates_ahead_of_the_report_is_marked() {
        let mut report = sample::one_key();
        assert!(!text(&report, Options::default()).contains("ahead"));
        report.keys[0].exposure.start = Some("2028-01-01T00:00:00Z".to_owned());
        let told = text(&report, Options::default());
        assert!(told.contains("still open\n                 (its clock runs ahead of this report's)\n"), "{told}");
        let html = sample::written(&report, Format::Html, Options::default());
        assert!(html.contains("2028-01-01<br><em>its clock runs ahead of this report&#39;s</em><br>"), "{html}");
    }

    #[test]
    fn verbose_tells_all_that_was_not_read() {
        let long = text(&sample::report(), Options { color: false, verbose: true, ..Options::default() });
        let short = text(&sample::report(), Options::default());
        let told = |text: &str| text.matches("pack has no such object").count();
        assert_eq!((told(&short), told(&long)), (3, 7));
        assert!(short.contains("and 4 more"));
    }
}
