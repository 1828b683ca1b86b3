//! Holds a report against what the oracle expects.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::entry::{Entry, Kind, Masker, strings};
use super::expected::{Account, Expected};
use super::facts::Facts;
use super::moves;
use super::when::Moment;
use crate::common::secrets::key_id;

/// Every way in which a report of one repository differs from what it must say.
pub(crate) fn differences(facts: &Facts, report: &Value) -> Vec<String> {
    let mut differences = Vec::new();
    let keys: BTreeMap<String, String> = facts.keys().into_iter().map(|key| (key_id(&key), key)).collect();
    let reported: BTreeMap<String, &Value> = list(&report["keys"])
        .filter(|key| key["confidence"] == "high" || keys.contains_key(&text(&key["id"])))
        .map(|key| (text(&key["id"]), key))
        .collect();
    for id in keys.keys().filter(|id| !reported.contains_key(*id)) {
        differences.push(format!("{id}: a key that the report does not have"));
    }
    for id in reported.keys().filter(|id| !keys.contains_key(*id)) {
        differences.push(format!("{id}: no key, but the report has it"));
    }
    let hint = |id: &String| reported.get(id).map_or_else(String::new, |key| text(&key["hint"]));
    let masker = Masker::new(keys.iter().map(|(id, key)| (key.clone(), hint(id))).collect());
    for (id, key) in &keys {
        if let Some(reported) = reported.get(id) {
            let told = key_differences(facts, &masker, key, reported);
            differences.extend(told.into_iter().map(|difference| format!("{id}: {difference}")));
        }
    }
    differences.extend(coverage_differences(facts, report));
    differences.extend(summary_differences(report));
    differences
}

fn key_differences(facts: &Facts, masker: &Masker, key: &str, reported: &Value) -> Vec<String> {
    let expected = Expected::new(facts, masker, key);
    let account = expected.account();
    let (actual, mut differences) = reported_account(&expected, &account, reported);
    differences.extend(moves::faults(reported));
    let (prefix, body) = key.split_at(key.len() - 42);
    let environment = if prefix.contains("live") { "live" } else { "test" };
    for (field, value) in [("kind", "secret_key"), ("environment", environment), ("confidence", "high")] {
        if reported[field] != value {
            differences.push(format!("{field} is {}, not {value}", reported[field]));
        }
    }
    let hint = text(&reported["hint"]);
    if !hint.starts_with(&format!("{prefix}{}", &body[..4])) || !hint.ends_with(&body[38..]) || hint.contains(body) {
        differences.push("the hint is not the prefix and the first and last four characters".into());
    }
    for (of, lines) in &account.exactly {
        let told = actual.exactly.get(of).cloned().unwrap_or_default();
        differences.extend(lines.difference(&told).map(|line| format!("{of} lacks   {line}")));
        differences.extend(told.difference(lines).map(|line| format!("{of} has also {line}")));
    }
    for (of, lines) in actual.exactly.iter().filter(|(of, _)| !account.exactly.contains_key(*of)) {
        differences.extend(lines.iter().map(|line| format!("{of} has also {line}")));
    }
    for (of, allowed) in &account.one_of {
        let told = actual.one_of[of].first().cloned().unwrap_or_default();
        if !allowed.contains(&told) {
            differences.push(format!("{of} is      {told}"));
            differences.extend(allowed.iter().map(|line| format!("{of} must be {line}")));
        }
    }
    differences
}

/// The report's account of a key, in the oracle's words; and what is wrong in itself.
fn reported_account(expected: &Expected<'_>, account: &Account, key: &Value) -> (Account, Vec<String>) {
    let mut actual = Account::default();
    let mut wrong = Vec::new();
    for (of, kind) in [("introductions", Kind::Introduction), ("removals", Kind::Removal)] {
        let mut names = BTreeSet::new();
        for entry in list(&key[of]).map(|entry| Entry::reported(entry, kind)) {
            if !names.insert(entry.name()) && entry.commit.is_some() {
                wrong.push(format!("{of} has twice {}", entry.name()));
            }
            actual.tell(of, entry.line());
        }
    }
    held_at(&mut actual, account, &key["held_at"]);
    for name in strings(&key["reachable_from"]["refs"]) {
        actual.tell("reachable_from.refs", name);
    }
    actual.tell("reachable_from.count", key["reachable_from"]["count"].to_string());
    unreachable(&mut actual, &mut wrong, expected, &key["unreachable"]);
    let first = &key["first_introduced"];
    actual.allow(
        "first_introduced",
        match first {
            Value::Null => "null".into(),
            _ => format!("{} reachable={}", Entry::reported(first, Kind::Introduction).name(), first["reachable"]),
        },
    );
    let exposure = &key["exposure"];
    if account.exactly.contains_key("exposure.start") {
        actual.tell("exposure.start", moment(&exposure["start"]));
    }
    actual.allow("exposure.end", moment(&exposure["end"]));
    actual.tell("exposure.open", exposure["open"].to_string());
    actual.tell("exposure.end_reason", text(&exposure["end_reason"]));
    if account.exactly.contains_key("sightings") {
        actual.tell("sightings", key["sightings"].to_string());
    }
    (actual, wrong)
}

fn held_at(actual: &mut Account, account: &Account, held_at: &Value) {
    for place in list(&held_at["at"]) {
        let commit = place["commit"].as_str().unwrap_or("-");
        let path = place["path"].as_str().map_or("-".into(), |path| format!("{path:?}"));
        let start = format!("{} {commit} {path}", text(&place["ref"]));
        let any = format!("{start} any line");
        let line = format!("{start} line {}", place["line"]);
        // Two keys with one hint make two paths that look the same: at one of them the line may be left open.
        let expected = account.exactly.get("held_at.at");
        let is_expected = |line: &String| expected.is_some_and(|lines| lines.contains(line));
        actual.tell("held_at.at", if is_expected(&any) && !is_expected(&line) { any } else { line });
    }
    let count = |of: &str| held_at[of].to_string();
    let (branches, tags, other) = (count("branches"), count("tags"), count("other"));
    let line = format!("{}: {branches} branches, {tags} tags, {other} other", count("count"));
    actual.tell("held_at counts", line);
}

fn unreachable(actual: &mut Account, wrong: &mut Vec<String>, expected: &Expected<'_>, items: &Value) {
    let paths = expected.paths_of_unreachable();
    for item in list(items) {
        let (id, object_type) = (text(&item["object"]), text(&item["type"]));
        match &*object_type {
            "blob" | "tree" => {
                let mut commits = strings(&item["commits"]);
                commits.sort();
                actual.tell("unreachable", format!("{object_type} {id} commits={}", commits.join(",")));
                if let (Some(path), Some(known)) = (item["path"].as_str(), paths.get(&id))
                    && !known.contains(path)
                {
                    wrong.push(format!("unreachable {id} has the path {path:?}, which nothing gives it"));
                }
                if item["path"].is_null() && paths.contains_key(&id) {
                    wrong.push(format!("unreachable {id} has no path, but it has one"));
                }
            }
            _ => actual.tell("unreachable", format!("{object_type} {id}")),
        }
    }
}

fn coverage_differences(facts: &Facts, report: &Value) -> Vec<String> {
    let repositories: Vec<&Value> = list(&report["repositories"]).collect();
    let [repository] = repositories[..] else {
        return vec![format!("{} repositories are reported, not one", repositories.len())];
    };
    let mut differences = Vec::new();
    let mut compare = |of: &str, told: &Value, expected: &Value| {
        if told != expected {
            differences.push(format!("{of} is {told}, not {expected}"));
        }
    };
    compare("complete", &report["complete"], &Value::Bool(true));
    compare("skipped", &repository["skipped"], &Value::Array(Vec::new()));
    compare("narrowed_by", &repository["narrowed_by"], &Value::Array(Vec::new()));
    for (plural, singular) in [("commits", "commit"), ("trees", "tree"), ("blobs", "blob")] {
        compare(plural, &repository[plural], &facts.counts.get(singular).copied().unwrap_or(0).into());
    }
    for (plural, singular) in [("commits", "commit"), ("blobs", "blob")] {
        let expected = facts.unreachable_counts.get(singular).copied().unwrap_or(0);
        compare(&format!("unreachable {plural}"), &repository["unreachable"][plural], &expected.into());
    }
    compare("bytes", &repository["bytes"], &facts.bytes.into());
    differences
}

/// The summary counts all keys of the report, those too that are not certain.
fn summary_differences(report: &Value) -> Vec<String> {
    let count = |is: &dyn Fn(&Value) -> bool| list(&report["keys"]).filter(|key| is(key)).count();
    let expected = [
        ("keys", count(&|_| true)),
        ("live", count(&|key| key["environment"] == "live")),
        ("test", count(&|key| key["environment"] == "test")),
        ("open", count(&|key| key["exposure"]["open"] == true)),
    ];
    let summary = &report["summary"];
    let wrong = expected.into_iter().filter(|(field, count)| summary[field] != *count as u64);
    wrong.map(|(field, count)| format!("summary.{field} is {}, not {count}", summary[field])).collect()
}

fn moment(value: &Value) -> String {
    match value.as_str() {
        Some(text) => Moment::reported(text).map_or_else(|| text.to_owned(), |moment| moment.to_string()),
        None => "null".into(),
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("null").to_owned()
}
