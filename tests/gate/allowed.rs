//! `policy allow`: which keys of a report are let pass, and what is said of it.

use serde_json::Value;

use super::support::MAIN;
use crate::common::fixture::Repo;
use crate::common::run::{Audit, Outcome};
use crate::common::secrets::{key_id, live_key};

/// A report of a key that was removed and one that still stands on a branch.
fn report(change: impl FnOnce(&mut Value)) -> (Repo, [String; 2]) {
    let keys = [live_key(470), live_key(471)];
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("gone", Some(&keys[0])), ("here", Some(&keys[1]))], "A");
    repo.commit_on(MAIN, &[("gone", None)], "B");
    repo.finish();
    let mut report = Audit::history(repo.path()).run().report();
    change(&mut report);
    std::fs::write(repo.beside("report.json"), report.to_string()).unwrap();
    (repo, keys)
}

fn allow(repo: &Repo, more: &[&str]) -> Outcome {
    let rest = ["--reason", "rotated", "--owner", "ada", "--expires", "2999-12-31"];
    Audit::new(&["policy", "allow", "--from"]).and(repo.beside("report.json")).and_all(&rest).and_all(more).run()
}

#[test]
fn half_a_report_is_no_whole_policy() {
    let (repo, keys) = report(|report| report["complete"] = false.into());
    let run = allow(&repo, &[]);
    assert_eq!(run.code, Some(3), "{}", run.errors());
    assert!(run.errors().contains("the report is not whole"), "{}", run.errors());
    assert!(keys.iter().all(|key| run.text().contains(&key_id(key))), "what it has is written all the same");
}

#[test]
fn keys_that_are_still_open_are_warned_of_and_others_can_be_chosen() {
    let (repo, keys) = report(|_| {});
    let hint = |key: &str| format!("{}…{}", &key[..12], &key[key.len() - 4..]);
    let run = allow(&repo, &[]);
    assert_eq!(run.code, Some(0), "{}", run.errors());
    let warning = run.errors();
    assert!(warning.contains("1 of 2 keys still stand") && warning.contains(&hint(&keys[1])), "{warning}");
    assert!(!warning.contains(&hint(&keys[0])), "{warning}");
    let run = allow(&repo, &["--key", &key_id(&keys[0])]);
    assert_eq!((run.code, run.errors().as_str()), (Some(0), ""));
    assert!(run.text().contains(&key_id(&keys[0])) && !run.text().contains(&key_id(&keys[1])), "{}", run.text());
    assert_eq!(allow(&repo, &["--key", "sha256:0000"]).code, Some(2));
}
