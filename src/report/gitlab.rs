//! GitLab's secret-detection report (`gl-secret-detection-report.json`, security report schemas 15): for the
//! security tab of a pipeline and its merge request.
//!
//! A vulnerability for each key and repository. Its place is where the key came in, which no later commit moves, and
//! its identifier is the key's id: GitLab tells vulnerabilities apart by both, so that a line moved opens no new one.

use std::io;

use serde_json::ser::PrettyFormatter;
use serde_json::{Value, json};

use crate::model::{Answer, Answers, Entry, KeyReport, Report, RepositoryReport};

use super::spot::{self, Gravity};
use super::{escape, wording};

/// The version of the schemas that this is written by.
const VERSION: &str = "15.2.1";

pub(super) fn write(report: &Report, answers: Option<&Answers>, out: &mut dyn io::Write) -> io::Result<()> {
    let vulnerabilities: Vec<Value> = report
        .repositories
        .iter()
        .flat_map(|repository| {
            let keys = report.keys.iter().filter(|key| spot::is_in(key, repository));
            keys.map(|key| vulnerability(key, spot::answer(answers, key), repository)).collect::<Vec<_>>()
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
    let told = skipped.map(|skipped| {
        let detail = if skipped.detail.as_str().is_empty() { String::new() } else { format!(", {}", skipped.detail) };
        let why = wording::skipped(&skipped.reason);
        json!({ "level": "fatal", "value": format!("Not read: {} is {why}{detail}", skipped.object) })
    });
    told.collect()
}

fn vulnerability(key: &KeyReport, answer: Option<&Answer>, repository: &RepositoryReport) -> Value {
    let severity = match spot::gravity(key, answer) {
        Gravity::Live => "Critical",
        Gravity::Test => "High",
        Gravity::Dead => "Medium",
        Gravity::Possible => "Low",
        Gravity::Known => "Info",
    };
    let slug = spot::slug(key);
    json!({
        "id": uuid(&key.id, &repository.path.unescaped()),
        "name": format!("Clerk {} ({})", wording::kind(key.kind), wording::environment(key.environment)),
        "description": spot::sentence(key, answer),
        "severity": severity,
        "solution": spot::what_to_do(answer),
        "identifiers": [
            { "type": "clerk_audit_rule", "name": format!("clerk-{slug}"), "value": format!("clerk-{slug}") },
            { "type": "clerk_audit_key", "name": format!("Clerk key {}", key.hint), "value": key.id },
        ],
        "links": [{ "name": "Clerk: rotate API keys", "url": wording::GUIDE }],
        "location": location(key, repository),
    })
}

fn location(key: &KeyReport, repository: &RepositoryReport) -> Value {
    let here = |entry: &&Entry| entry.repository == repository.path;
    let first = key.first_introduced.as_ref().filter(here).or_else(|| key.introductions.iter().find(here));
    let lost = key.unreachable.iter().find(|place| place.repository == repository.path);
    let path = first.and_then(|entry| entry.path.as_ref()).or(lost.and_then(|place| place.path.as_ref()));
    let line = first.map_or(lost.and_then(|place| place.line), |entry| entry.line);
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
    // Where history is cut, nobody is named.
    if let Some(entry) = first.filter(|entry| !entry.at_or_before) {
        if let Some(author) = &entry.author {
            location["commit"]["author"] = format!("{} <{}>", author.name, author.email).into();
            if let Some(time) = &author.time {
                location["commit"]["date"] = time.as_str().into();
            }
        }
        if let Some(subject) = &entry.subject {
            location["commit"]["message"] = subject.as_str().into();
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
    fn a_line_moved_at_a_tip_opens_no_new_vulnerability() {
        let mut report = sample::one_key();
        let before = gitlab(&report)["vulnerabilities"][0].clone();
        report.keys[0].held_at.at.iter_mut().for_each(|place| place.line = Some(99));
        assert_eq!(gitlab(&report)["vulnerabilities"][0], before);
    }

    #[test]
    fn nobody_is_blamed_where_history_is_cut() {
        let mut report = sample::one_key();
        report.keys[0].first_introduced.as_mut().unwrap().at_or_before = true;
        let commit = gitlab(&report)["vulnerabilities"][0]["location"]["commit"].clone();
        assert_eq!(commit.as_object().unwrap().keys().collect::<Vec<_>>(), ["sha"]);
    }
}
