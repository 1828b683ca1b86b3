//! CSV (RFC 4180): a line for each key, for spreadsheets and for scripts that join by key.
//!
//! Every cell is quoted, no cell is a formula, and no cell has a line break in it. Times are as in the JSON. Each line says
//! whether the report is complete; of one that is not and has no keys there is a line for each repository that was not
//! read whole, or an incomplete audit would look like a clean one.

use std::borrow::Cow;
use std::io;

use crate::model::{Answer, Answers, Identity, KeyReport, Report, Shown, Skipped};

use super::escape::cell;

const HEADER: [&str; 36] = [
    "urgency",
    "id",
    "hint",
    "kind",
    "environment",
    "confidence",
    "known",
    "standing",
    "exposed_from",
    "exposed_until",
    "open",
    "end_reason",
    "repository",
    "first_commit",
    "at_or_before",
    "first_path",
    "first_line",
    "place",
    "author",
    "author_email",
    "author_time",
    "committer",
    "committer_email",
    "committer_time",
    "branches",
    "tags",
    "other_refs",
    "refs_that_reach_it",
    "frontend_api",
    "dashboard_url",
    "variables",
    "beside_it",
    "report_complete",
    "clerk_says",
    "clerk_asked_at",
    "clerk_instance",
];

pub(super) fn write(report: &Report, answers: Option<&Answers>, out: &mut dyn io::Write) -> io::Result<()> {
    line(&HEADER.map(str::to_owned), out)?;
    for (at, key) in report.keys.iter().enumerate() {
        let answer = answers.and_then(|answers| answers.get(&key.id));
        line(&cells(at + 1, key, report, answer), out)?;
    }
    if report.keys.is_empty() && !report.complete {
        let unread = report.repositories.iter().filter_map(|one| Some((&one.path, one.skipped.first()?)));
        let mut lines: Vec<_> = unread.map(|unread| not_read(Some(unread))).collect();
        if lines.is_empty() {
            lines.push(not_read(None));
        }
        lines.iter().try_for_each(|cells| line(cells, out))?;
    }
    Ok(())
}

/// The line of a repository that was not read whole: the first thing that was not read, and why.
fn not_read(unread: Option<(&Shown, &Skipped)>) -> [String; 36] {
    let cell = |of: fn((&Shown, &Skipped)) -> String| unread.map(of).unwrap_or_default();
    HEADER.map(|column| match column {
        "standing" => "not_read".to_owned(),
        "repository" => cell(|(path, _)| path.to_string()),
        "first_path" => cell(|(_, skipped)| skipped.object.to_string()),
        "place" => cell(|(_, skipped)| skipped.reason.to_string()),
        "report_complete" => "false".to_owned(),
        _ => String::new(),
    })
}

fn line(cells: &[String], out: &mut dyn io::Write) -> io::Result<()> {
    let cells: Vec<String> = cells.iter().map(|text| cell(text).to_string()).collect();
    write!(out, "{}\r\n", cells.join(","))
}

fn cells(urgency: usize, key: &KeyReport, report: &Report, answer: Option<&Answer>) -> [String; 36] {
    let first = key.first_introduced.as_ref();
    let whole = first.filter(|entry| !entry.at_or_before);
    let (author, committer) =
        (whole.and_then(|entry| entry.author.as_ref()), whole.and_then(|entry| entry.committer.as_ref()));
    let shown = |text: Option<&Shown>| text.map_or(String::new(), ToString::to_string);
    let time = |person: Option<&Identity>| person.and_then(Identity::moment).map(Cow::into_owned).unwrap_or_default();
    let word = |value: serde_json::Result<serde_json::Value>| match value {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    };
    let instance = key.instance.as_ref();
    [
        urgency.to_string(),
        key.id.clone(),
        key.hint.clone(),
        word(serde_json::to_value(key.kind)),
        word(serde_json::to_value(key.environment)),
        key.confidence.name().to_owned(),
        if key.known_again { "again".to_owned() } else { key.known.to_string() },
        word(serde_json::to_value(key.standing)),
        key.exposure.start.clone().unwrap_or_default(),
        key.exposure.end.clone().unwrap_or_default(),
        key.exposure.open.to_string(),
        word(serde_json::to_value(key.exposure.end_reason)),
        shown(first.map(|entry| &entry.repository)),
        first.and_then(|entry| entry.commit).map_or(String::new(), |commit| commit.to_string()),
        first.is_some_and(|entry| entry.at_or_before).to_string(),
        shown(first.and_then(|entry| entry.path.as_ref())),
        first.and_then(|entry| entry.line).map_or(String::new(), |line| line.to_string()),
        first.map_or("", |entry| entry.place.name()).to_owned(),
        shown(author.map(|person| &person.name)),
        shown(author.map(|person| &person.email)),
        time(author),
        shown(committer.map(|person| &person.name)),
        shown(committer.map(|person| &person.email)),
        time(committer),
        key.held_at.branches.to_string(),
        key.held_at.tags.to_string(),
        key.held_at.other.to_string(),
        key.reachable_from.count.to_string(),
        shown(instance.and_then(|instance| instance.frontend_api.as_ref())),
        instance.and_then(|instance| instance.dashboard_url.clone()).unwrap_or_default(),
        joined(key.variables.iter()),
        joined(key.siblings.iter().map(|place| &place.name)),
        report.complete.to_string(),
        // Empty where nobody asked.
        answer.map_or(String::new(), |answer| word(serde_json::to_value(answer.liveness))),
        answer.map_or(String::new(), |answer| answer.at.clone()),
        answer.and_then(|answer| answer.instance.clone()).unwrap_or_default(),
    ]
}

fn joined<'a>(names: impl Iterator<Item = &'a Shown>) -> String {
    names.map(Shown::as_str).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::{Format, Options, sample};

    /// A reader of RFC 4180: the cells of each line.
    fn parse(text: &str) -> Vec<Vec<String>> {
        let mut lines = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let mut cells = Vec::new();
            loop {
                rest = rest.strip_prefix('"').expect("every cell is quoted");
                let mut cell = String::new();
                loop {
                    let at = rest.find('"').expect("every cell ends");
                    cell.push_str(&rest[..at]);
                    rest = &rest[at + 1..];
                    match rest.strip_prefix('"') {
                        Some(more) => {
                            cell.push('"');
                            rest = more;
                        }
                        None => break,
                    }
                }
                cells.push(cell);
                match rest.strip_prefix(',') {
                    Some(more) => rest = more,
                    None => break,
                }
            }
            rest = rest.strip_prefix("\r\n").expect("every line ends in CRLF");
            lines.push(cells);
        }
        lines
    }

    #[test]
    fn the_whole_table_reads_as_it_should() {
        sample::assert_golden("report.csv", &sample::written(&sample::report(), Format::Csv, Options::default()));
    }

    #[test]
    fn what_clerk_answered_has_columns_of_its_own() {
        use crate::model::Liveness::{Alive, Dead};
        let report = sample::report();
        let answers = sample::answers(&report, &[Alive, Dead]);
        let options = Options { answers: Some(&answers), ..Options::default() };
        let lines = parse(&sample::written(&report, Format::Csv, options));
        let last = |line: usize| lines[line][lines[line].len() - 3..].to_vec();
        assert_eq!(last(0), ["clerk_says", "clerk_asked_at", "clerk_instance"]);
        assert_eq!(last(1), ["alive", "2026-11-24T09:00:00Z", "ins_2def"]);
        assert_eq!(last(2), ["dead", "2026-11-24T09:00:00Z", ""]);
        assert_eq!(last(3), ["", "", ""]);
    }

    #[test]
    fn an_incomplete_report_without_keys_is_not_an_empty_table() {
        let csv = |report: &crate::model::Report| parse(&sample::written(report, Format::Csv, Options::default()));
        let mut report = sample::report();
        report.keys.clear();
        assert!(!report.complete);
        report.repositories[0].path = sample::shown("=cmd|' /C calc'!A0");
        let lines = csv(&report);
        let unread: Vec<_> = report.repositories.iter().filter(|one| !one.skipped.is_empty()).collect();
        assert!(!unread.is_empty() && lines.len() == 1 + unread.len(), "{lines:?}");
        let column = |name: &str| super::HEADER.iter().position(|column| *column == name).unwrap();
        for (line, one) in lines[1..].iter().zip(unread) {
            assert_eq!(line.len(), super::HEADER.len());
            assert_eq!(
                (line[column("standing")].as_str(), line[column("report_complete")].as_str()),
                ("not_read", "false")
            );
            assert!(line[column("place")] == *one.skipped[0].reason && !line[column("first_path")].is_empty());
            assert!(!line[column("repository")].starts_with('='), "{line:?}");
        }
        report.repositories.iter_mut().for_each(|one| one.skipped.clear());
        assert_eq!(csv(&report).len(), 2, "it says so itself");
        report.complete = true;
        assert_eq!(csv(&report).len(), 1);
    }

    #[test]
    fn every_line_has_every_column_and_no_cell_is_a_formula() {
        let mut report = sample::report();
        let hostile = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", "\t=1", "a\r\nb,\"c\"\n=1"];
        for (key, text) in report.keys.iter_mut().zip(hostile) {
            key.variables = vec![sample::shown(text)];
            if let Some(first) = &mut key.first_introduced {
                first.path = Some(sample::shown(text));
            }
        }
        let lines = parse(&sample::written(&report, Format::Csv, Options::default()));
        assert_eq!(lines.len(), report.keys.len() + 1);
        for line in &lines {
            assert_eq!(line.len(), super::HEADER.len());
            for cell in line {
                assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell}");
                assert!(!cell.contains(['\n', '\r', '\t']), "{cell}");
            }
        }
    }
}
