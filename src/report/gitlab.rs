//! GitLab's secret-detection report (`gl-secret-detection-report.json`, security report schemas 15): for the
//! security tab of a pipeline and its merge request.
//!
//! A vulnerability for each key and repository. Its place is where the key came in, which no later commit moves, and
//! its identifier is the key's id: GitLab tells vulnerabilities apart by both, so that a line moved opens no new one.

use std::io;

use serde_json::ser::PrettyFormatter;
use serde_json::{Value, json};

use crate::model::{Answer, Answers, Entry, KeyReport, Level, Report, RepositoryReport};

use super::spot::{self, Gravity};
use super::{escape, remedy, wording};

/// The version of the schemas that this is written by.
const VERSION: &str = "15.2.1";

pub(super) fn write(report: &Report, answers: Option<&Answers>, out: &mut dyn io::Write) -> io::Result<()> {
    let vulnerabilities: Vec<Value> = report
        .repositories
        .iter()
        .flat_map(|repository| {
            let keys = report.keys.iter().filter(|key| spot::is_in(key, repository));
            keys.map(|key| vulnerability(key, spot::answer(answers, key), repository, report)).collect::<Vec<_>>()
        })
        .collect();
    // The schema wants no offset, and the report's time is in UTC.
    let time = report.generated_at.get(..19).unwrap_or("1970-01-01T00:00:00");
    let program = json!({
        "id": report.tool.name,
        "name": report.tool.name,
        "version": report.tool.version,
        "vendor": { "name": report.tool.name },
    });
    let document = json!({
        "version": VERSION,
        "scan": {
            "analyzer": program,
            "scanner": program,
            "type": "secret_detection",
            "start_time": time,
            "end_time": time,
            "status": if report.complete { "success" } else { "failure" },
            "messages": messages(report),
        },
        "vulnerabilities": vulnerabilities,
    });
    super::json::write_value(&document, PrettyFormatter::new(), out)
}

fn messages(report: &Report) -> Vec<Value> {
    let skipped = report.repositories.iter().flat_map(|repository| &repository.skipped);
    skipped.map(|skipped| json!({ "level": "fatal", "value": spot::not_read(skipped) })).collect()
}

fn vulnerability(key: &KeyReport, answer: Option<&Answer>, repository: &RepositoryReport, report: &Report) -> Value {
    let severity = match spot::gravity(key, answer) {
        Gravity::Live => "Critical",
        Gravity::Test => "High",
        Gravity::Dead => "Medium",
        Gravity::Possible => "Low",
        Gravity::Known => "Info",
    };
    let slug = spot::slug(key);
    let place = location(key, repository);
    let mut description = match report.repositories.len() {
        0 | 1 => spot::sentence(key, answer),
        // The schema has no field for whose a finding is.
        _ => spot::sentence_in(key, answer, repository),
    };
    // The schema knows files and commits alone.
    if place.get("file").is_none()
        && let Some(spot) = spot::spots(key, repository).first()
    {
        description.push_str(&format!(" Where: {}.", spot.told));
    }
    let links: Vec<Value> =
        remedy::page(key.kind).into_iter().map(|(name, url)| json!({ "name": name, "url": url })).collect();
    json!({
        "id": uuid(&key.id, &repository.path.unescaped()),
        "name": format!("Clerk {} ({})", wording::kind(key.kind), wording::environment(key.environment)),
        "description": description,
        "severity": severity,
        "solution": remedy::in_sentences(key.kind, answer),
        "identifiers": [
            { "type": "clerk_audit_rule", "name": format!("clerk-{slug}"), "value": format!("clerk-{slug}") },
            { "type": "clerk_audit_key", "name": format!("Clerk key {}", key.hint), "value": key.id },
        ],
        "links": links,
        "location": place,
    })
}

fn location(key: &KeyReport, repository: &RepositoryReport) -> Value {
    let here = |entry: &&Entry| entry.repository == repository.path;
    let first = key.first_introduced.as_ref().filter(here).or_else(|| key.introductions.iter().find(here));
    let lost = key.unreachable.iter().find(|place| place.repository == repository.path);
    let lost_in = lost.and_then(spot::file);
    let path = first.and_then(|entry| entry.path.as_ref()).or(lost_in.map(|(path, _)| path));
    let line = first.map_or(lost_in.and_then(|(_, line)| line), |entry| entry.line);
    let commit = first.and_then(|entry| entry.commit).or(lost.and_then(|place| place.commits.first().copied()));
    // GitLab's own analyzer writes seven zeros where there is no commit.
    let mut location =
        json!({ "commit": { "sha": commit.map_or_else(|| "0000000".to_owned(), |commit| commit.to_string()) } });
    if let Some(path) = path {
        location["file"] = escape::terminal(path.as_str()).to_string().into();
        if let Some(line) = line.filter(|line| *line > 0) {
            (location["start_line"], location["end_line"]) = (line.into(), line.into());
        }
    }
    // Where history is cut, nobody is named; nor who only copied it.
    if let Some(entry) = first.filter(|entry| !entry.at_or_before && entry.level == Level::Key) {
        if let Some(author) = &entry.author {
            let who = format!("{} <{}>", author.name, author.email);
            location["commit"]["author"] = escape::terminal(&who).to_string().into();
            if let Some(time) = author.moment() {
                location["commit"]["date"] = time.into_owned().into();
            }
        }
        if let Some(subject) = &entry.subject {
            location["commit"]["message"] = escape::terminal(subject.as_str()).to_string().into();
        }
    }
    location
}

/// An id in the form of a UUID that is the same for the same key in the same repository.
fn uuid(id: &str, repository: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    let hash = Sha256::new().chain_update(id).chain_update([0]).chain_update(repository).finalize();
    let hex: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::super::{Format, Options, sample};
    use super::*;
    use crate::model::{Shown, Skipped};

    fn gitlab(report: &Report) -> Value {
        serde_json::from_str(&sample::written(report, Format::Gitlab, Options::default())).unwrap()
    }

    #[test]
    fn the_whole_report_reads_as_it_should() {
        let text = sample::written(&sample::report(), Format::Gitlab, Options::default());
        sample::assert_golden("gl-secret-detection-report.json", &text);
    }

    #[test]
    fn it_is_as_gitlab_has_it() {
        for report in [sample::report(), sample::clean(), sample::unopened(), sample::one_key()] {
            sample::assert_schema("gitlab-secret-detection-15.json", &gitlab(&report));
        }
    }

    #[test]
    fn what_stands_in_no_file_has_none() {
        let mut report = sample::report();
        report
            .keys
            .retain(|key| key.standing == crate::model::Where::Unreachable && key.unreachable[0].object.is_none());
        (report.keys[0].first_introduced, report.keys[0].introductions) = (None, Vec::new());
        report.keys[0].unreachable.truncate(2);
        let vulnerability = &gitlab(&report)["vulnerabilities"][0];
        assert_eq!(vulnerability["location"], json!({ "commit": { "sha": "0000000" } }));
        assert!(vulnerability["description"].as_str().unwrap().contains("name of the reflog"), "{vulnerability}");
    }

    #[test]
    fn a_line_moved_at_a_tip_opens_no_new_vulnerability() {
        let mut report = sample::one_key();
        let before = gitlab(&report)["vulnerabilities"][0].clone();
        report.keys[0].held_at.at.iter_mut().for_each(|place| place.line = Some(99));
        assert_eq!(gitlab(&report)["vulnerabilities"][0], before);
    }

    #[test]
    fn what_a_stranger_wrote_turns_and_hides_nothing() {
        let mut report = sample::one_key();
        let hostile = || Shown::from_masked("a\u{202e}\u{1b}[2Jb\u{200b}".as_bytes());
        let first = report.keys[0].first_introduced.as_mut().unwrap();
        (first.subject, first.path) = (Some(hostile()), Some(hostile()));
        let author = first.author.as_mut().unwrap();
        (author.name, author.email) = (hostile(), hostile());
        report.complete = false;
        report.repositories[0].skipped.push(Skipped { reason: "corrupt".into(), object: hostile(), detail: hostile() });
        let text = gitlab(&report).to_string();
        assert_eq!(text.matches("u{202e}").count(), 6, "{text}");
        // As JSON's escapes they would be whole again for whoever reads the document.
        let hidden = |text: &str| text.chars().any(escape::is_hidden);
        let mut pending = vec![gitlab(&report)];
        while let Some(value) = pending.pop() {
            match value {
                Value::String(text) => assert!(!hidden(&text), "{text:?}"),
                Value::Array(all) => pending.extend(all),
                Value::Object(all) => pending.extend(all.into_iter().map(|(_, value)| value)),
                _ => {}
            }
        }
    }

    #[test]
    fn nobody_is_blamed_where_history_is_cut() {
        let mut report = sample::one_key();
        report.keys[0].first_introduced.as_mut().unwrap().at_or_before = true;
        let commit = gitlab(&report)["vulnerabilities"][0]["location"]["commit"].clone();
        assert_eq!(commit.as_object().unwrap().keys().collect::<Vec<_>>(), ["sha"]);
    }
}
