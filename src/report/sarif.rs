//! SARIF 2.1.0 (OASIS): for code scanning.
//!
//! A run for each repository, a result for each key in it. A result's fingerprint is the key's id and nothing of its
//! place, so that a line moved or a file renamed is the same alert, and a new key in the old place is a new one. Lines
//! are given and columns are not: SARIF counts columns in characters, a report in bytes.
//!
//! GitHub's code scanning wants more than the standard, and refuses a whole file for one result that has less (its page
//! "SARIF support for code scanning"): a physical location with a line of every place, a full description and help of
//! every rule, and no more than 20 runs.

use std::collections::BTreeMap;
use std::io;

use serde_json::ser::PrettyFormatter;
use serde_json::{Value, json};

use crate::model::{Answer, Answers, Environment, KeyReport, Report, RepositoryReport};

use super::spot::{self, Gravity, Spot};
use super::{escape, remedy, wording};

/// So many runs are taken in of one file.
const MOST_RUNS: usize = 20;

pub(super) fn write(report: &Report, answers: Option<&Answers>, out: &mut dyn io::Write) -> io::Result<()> {
    // Of more repositories there is one run for all: a result says which it is of.
    let in_one = if report.repositories.len() > MOST_RUNS { report.repositories.len() } else { 1 };
    let runs: Vec<Value> =
        report.repositories.chunks(in_one).map(|repositories| run(report, answers, repositories)).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": runs,
    });
    super::json::write_value(&log, PrettyFormatter::new(), out)
}

fn run(report: &Report, answers: Option<&Answers>, repositories: &[RepositoryReport]) -> Value {
    let places: Vec<(&RepositoryReport, &KeyReport)> = repositories
        .iter()
        .flat_map(|repository| report.keys.iter().map(move |key| (repository, key)))
        .filter(|(repository, key)| spot::is_in(key, repository))
        .collect();
    let rules: BTreeMap<String, &KeyReport> = places.iter().map(|(_, key)| (spot::slug(key), *key)).collect();
    let names: Vec<&String> = rules.keys().collect();
    let of_one = |(repository, key): &(&RepositoryReport, &KeyReport)| {
        let mut result = result(key, spot::answer(answers, key), repository, &names);
        if report.repositories.len() > 1 {
            let answer = spot::answer(answers, key);
            result["message"]["text"] = message(&spot::sentence_in(key, answer, repository), key, answer).into();
        }
        if repositories.len() > 1 {
            result["properties"]["repository"] = json!(repository.path);
        }
        result
    };
    let invocations = repositories.iter().map(|repository| {
        json!({
            "executionSuccessful": repository.skipped.is_empty(),
            "endTimeUtc": report.generated_at,
            "toolExecutionNotifications": notifications(repository),
        })
    });
    let (id, properties) = match repositories {
        [repository] => {
            let properties = json!({
                "repository": repository.path,
                "commits": repository.commits,
                "blobs": repository.blobs,
                "narrowedBy": repository.narrowed_by,
            });
            (format!("clerk-audit/{}/", escape::uri_path(&repository.path.unescaped())), properties)
        }
        several => {
            let paths: Vec<_> = several.iter().map(|repository| &repository.path).collect();
            ("clerk-audit/".to_owned(), json!({ "repositories": paths }))
        }
    };
    json!({
        "tool": { "driver": {
            "name": report.tool.name,
            "version": report.tool.version,
            "rules": rules.iter().map(|(name, key)| rule(name, key)).collect::<Vec<_>>(),
        } },
        "automationDetails": { "id": id },
        "invocations": invocations.collect::<Vec<_>>(),
        "results": places.iter().map(of_one).collect::<Vec<_>>(),
        "properties": properties,
    })
}

/// A rule is about a kind and an environment: what is said of it is true of every key of these.
fn rule(name: &str, key: &KeyReport) -> Value {
    let what = format!("Clerk {} ({})", wording::kind(key.kind), wording::environment(key.environment));
    let severity = if key.environment == Environment::Test { "8.0" } else { "9.8" };
    let mut rule = json!({
        "id": format!("clerk-{name}"),
        "shortDescription": { "text": format!("{what} in the history of a repository") },
        "fullDescription": { "text": format!(
            "{what} that stands, or once stood, in a repository: in a file, a commit or tag, the name of a ref, or an \
             object that no ref reaches any more. Whoever could fetch it may have it."
        ) },
        "help": { "text": remedy::in_sentences(key.kind, None) },
        "defaultConfiguration": { "level": "error" },
        "properties": { "tags": ["security", "secret"], "security-severity": severity, "precision": "very-high" },
    });
    if let Some((_, address)) = remedy::page(key.kind) {
        rule["helpUri"] = address.into();
    }
    rule
}

/// What of the repository was not read.
fn notifications(repository: &RepositoryReport) -> Vec<Value> {
    let told = repository.skipped.iter().map(|skipped| {
        json!({
            "level": "error",
            "descriptor": { "id": format!("not-read/{}", skipped.reason) },
            "message": { "text": spot::not_read(skipped) },
        })
    });
    told.collect()
}

fn result(key: &KeyReport, answer: Option<&Answer>, repository: &RepositoryReport, rules: &[&String]) -> Value {
    let slug = spot::slug(key);
    let level = match spot::gravity(key, answer) {
        Gravity::Live | Gravity::Test => "error",
        Gravity::Dead => "warning",
        Gravity::Possible | Gravity::Known => "note",
    };
    let spots = spot::spots(key, repository);
    let mut result = json!({
        "ruleId": format!("clerk-{slug}"),
        "ruleIndex": rules.iter().position(|name| **name == slug).unwrap_or(0),
        "level": level,
        "message": { "text": message(&spot::sentence(key, answer), key, answer) },
        "locations": spots.iter().take(1).map(|spot| location(spot, None)).collect::<Vec<_>>(),
        "relatedLocations":
            spots.iter().skip(1).zip(1..).map(|(spot, id)| location(spot, Some(id))).collect::<Vec<_>>(),
        "fingerprints": { "keyId/v1": key.id },
        // The one that GitHub's code scanning compares.
        "partialFingerprints": { "primaryLocationLineHash": key.id },
        "properties": {
            "hint": key.hint,
            "confidence": key.confidence,
            "standing": key.standing,
            "exposure": key.exposure,
            "refs": key.reachable_from.count,
        },
    });
    if let Some(answer) = answer {
        result["properties"]["clerkSays"] = json!(answer);
    }
    if wording::is_quiet(key, answer.map(|answer| answer.liveness)) {
        let why = "the list of known keys names it, and it has not come back";
        result["suppressions"] = json!([{ "kind": "external", "status": "accepted", "justification": why }]);
    }
    result
}

fn message(sentence: &str, key: &KeyReport, answer: Option<&Answer>) -> String {
    format!("{sentence} {}", remedy::in_sentences(key.kind, answer))
}

fn location(spot: &Spot<'_>, id: Option<u64>) -> Value {
    let path = spot.path.map_or_else(|| spot.made_path.clone(), |path| path.unescaped());
    let mut location = json!({
        "message": { "text": spot.told },
        "physicalLocation": {
            "artifactLocation": { "uri": escape::uri_path(&path), "uriBaseId": "%SRCROOT%" },
            // What has no lines, a file's name say, is told at the first.
            "region": { "startLine": spot.line.unwrap_or(1).max(1) },
        },
    });
    if spot.path.is_none() {
        let name = spot.commit.map_or_else(|| spot.told.clone(), |commit| commit.to_string());
        location["logicalLocations"] = json!([{ "fullyQualifiedName": name }]);
    }
    if let Some(id) = id {
        location["id"] = id.into();
    }
    location
}

#[cfg(test)]
mod tests {
    use super::super::{Format, Options, sample};
    use super::*;

    fn sarif(report: &Report) -> Value {
        serde_json::from_str(&sample::written(report, Format::Sarif, Options::default())).unwrap()
    }

    #[test]
    fn the_whole_log_reads_as_it_should() {
        let text = sample::written(&sample::report(), Format::Sarif, Options::default());
        sample::assert_golden("report.sarif", &text);
    }

    #[test]
    fn a_reflog_is_no_file_below_the_source_root() {
        let mut report = sample::report();
        report.keys.retain(|key| key.unreachable.iter().any(|place| place.object_type == "reflog"));
        let log = sarif(&report);
        let result = &log["runs"][0]["results"][0];
        let places =
            result["locations"].as_array().unwrap().iter().chain(result["relatedLocations"].as_array().unwrap());
        let of_logs: Vec<&Value> =
            places.filter(|place| place["message"]["text"].as_str().unwrap().contains("reflog")).collect();
        assert_eq!(of_logs.len(), 2);
        for place in of_logs {
            // Of what is in no file code scanning wants a path too: one that no tree has.
            let uri = place["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap();
            assert!(uri.starts_with(".git/logs/") && place.get("logicalLocations").is_some(), "{place}");
        }
    }

    #[test]
    fn it_is_as_the_standard_has_it() {
        for report in [sample::report(), sample::clean(), sample::unopened(), sample::one_key()] {
            sample::assert_schema("sarif-2.1.0.json", &sarif(&report));
        }
    }

    /// The schema that the standard publishes, from the sources of the crate whose types are generated from it.
    fn official() -> Value {
        let run = |program: &str, arguments: &[&str]| {
            let program = std::env::var_os(program.to_uppercase()).unwrap_or_else(|| program.into());
            let mut command = std::process::Command::new(program);
            let told = command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
            assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
            String::from_utf8(told.stdout).unwrap()
        };
        // Of other systems' crates none may be on this machine.
        let version = run("rustc", &["-vV"]);
        let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
        let options = ["metadata", "--offline", "--locked", "--format-version", "1", "--filter-platform", host];
        let told: Value = serde_json::from_str(&run("cargo", &options)).unwrap();
        let packages = told["packages"].as_array().unwrap();
        let manifest =
            packages.iter().find(|package| package["name"] == "serde-sarif").unwrap()["manifest_path"].clone();
        let schema = std::path::Path::new(manifest.as_str().unwrap()).with_file_name("src/schema.json");
        let schema: Value = serde_json::from_str(&std::fs::read_to_string(schema).unwrap()).unwrap();
        assert_eq!(schema["title"], "Static Analysis Results Format (SARIF) Version 2.1.0 JSON Schema");
        schema
    }

    #[test]
    fn it_is_as_the_standards_own_schema_has_it() {
        let validator = jsonschema::draft7::options().should_validate_formats(true).build(&official()).unwrap();
        for report in [sample::report(), sample::clean(), sample::unopened(), sample::one_key()] {
            let log = sarif(&report);
            let errors: Vec<String> =
                validator.iter_errors(&log).map(|error| format!("{}: {error}", error.instance_path)).collect();
            assert!(errors.is_empty(), "{errors:#?}");
            let read: serde_sarif::sarif::Sarif = serde_json::from_value(log).unwrap();
            assert_eq!(read.runs.len(), report.repositories.len());
        }
        let wrong = serde_json::json!({"version": "2.1.0", "runs": [{"results": []}]});
        assert!(!validator.is_valid(&wrong), "a run without a tool");
    }

    #[test]
    fn a_moved_line_is_the_same_alert_and_another_key_is_not() {
        let mut report = sample::one_key();
        let before = sarif(&report)["runs"][0]["results"][0].clone();
        for place in &mut report.keys[0].held_at.at {
            (place.line, place.path) = (Some(99), Some(sample::shown("elsewhere/.env")));
        }
        let after = sarif(&report)["runs"][0]["results"][0].clone();
        assert_ne!(before["locations"], after["locations"]);
        for name in ["fingerprints", "partialFingerprints", "ruleId"] {
            assert_eq!(before[name], after[name], "{name}");
        }
        report.keys[0].id = format!("sha256:{}", "9".repeat(64));
        assert_ne!(sarif(&report)["runs"][0]["results"][0]["fingerprints"], before["fingerprints"]);
    }

    #[test]
    fn every_place_has_a_physical_location_as_code_scanning_wants_it() {
        let log = sarif(&sample::report());
        let results = log["runs"][0]["results"].as_array().unwrap();
        let places = |result: &Value| -> Vec<Value> {
            let all = [&result["locations"], &result["relatedLocations"]].map(|places| places.as_array().unwrap());
            all.into_iter().flatten().cloned().collect()
        };
        let mut uris = Vec::new();
        for result in results {
            assert_eq!(result["locations"].as_array().unwrap().len(), 1);
            for place in places(result) {
                let physical = &place["physicalLocation"];
                uris.push(physical["artifactLocation"]["uri"].as_str().unwrap_or_default().to_owned());
                assert!(physical["region"]["startLine"].as_u64().is_some_and(|line| line > 0), "{place}");
                assert!(place["message"]["text"].is_string(), "{place}");
            }
        }
        assert!(uris.iter().all(|uri| !uri.is_empty() && !uri.starts_with('/')), "{uris:?}");
        for start in [".git/commit/", ".git/tag/", ".git/refs/tags/config", ".git/refs/pull/3/sk_live_AbC2%E2%80%A6"] {
            assert!(uris.iter().any(|uri| uri.starts_with(start)), "{start}: {uris:?}");
        }
        for rule in log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap() {
            for text in ["shortDescription", "fullDescription", "help"] {
                assert!(rule[text]["text"].as_str().is_some_and(|text| text.len() > 20), "{text}: {rule}");
            }
        }
    }

    #[test]
    fn more_repositories_than_runs_are_taken_in_are_in_one_run() {
        let mut report = sample::one_key();
        let one = report.repositories[0].clone();
        for (others, runs) in [(19, 20), (20, 1)] {
            let other = |at| RepositoryReport { path: sample::shown(&format!("/srv/{at}")), ..one.clone() };
            report.repositories = std::iter::once(one.clone()).chain((0..others).map(other)).collect();
            let log = sarif(&report);
            assert_eq!(log["runs"].as_array().unwrap().len(), runs);
            assert_eq!(log["runs"][0]["results"].as_array().unwrap().len(), 1);
            sample::assert_schema("sarif-2.1.0.json", &log);
        }
        let log = sarif(&report);
        assert_eq!(log["runs"][0]["results"][0]["properties"]["repository"], "/srv/git/shop.git");
        assert_eq!(log["runs"][0]["invocations"].as_array().unwrap().len(), 21);
    }

    #[test]
    fn a_rules_severity_is_its_kinds_and_environments_whatever_key_is_last() {
        let mut report = sample::report();
        let severities = |report: &Report| {
            let log = sarif(report);
            let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap().clone();
            rules.into_iter().map(|rule| rule["properties"]["security-severity"].clone()).collect::<Vec<_>>()
        };
        let before = severities(&report);
        assert_eq!(before, ["9.8", "8.0"]);
        for _ in 0..report.keys.len() {
            report.keys.rotate_left(1);
            assert_eq!(severities(&report), before);
        }
    }

    #[test]
    fn what_was_not_read_makes_the_run_unsuccessful() {
        let log = sarif(&sample::report());
        let invocation = &log["runs"][0]["invocations"][0];
        assert_eq!(invocation["executionSuccessful"], false);
        assert_eq!(invocation["toolExecutionNotifications"].as_array().unwrap().len(), 9);
        assert_eq!(sarif(&sample::clean())["runs"][0]["invocations"][0]["executionSuccessful"], true);
    }
}
