//! Which keys are let pass: those of a report by `policy allow`, and one by a push option; and what is said of it.

use serde_json::Value;

use super::support::{MAIN, Server};
use crate::common::fixture::Repo;
use crate::common::run::{Audit, Outcome};
use crate::common::secrets::{body, key_id, live_key};

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

#[test]
fn a_key_that_only_the_name_of_its_variable_tells_is_not_let_pass_by_words_that_say_it() {
    let server = Server::new();
    server.config("receive.advertisePushOptions", "true");
    server.policy_with_ledger("bypass = true");
    let secret = "0123456789abcdef".chars().cycle().skip(5).step_by(7).take(64).collect::<String>();
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[(".env", Some(&format!("{}={secret}\n", "CLERK_ENCRYPTION_KEY")))], "bad");
    let refused = server.push(&mut client, &[MAIN]);
    refused.is_refused(&["clerk-audit.allow="]);
    let key = server.ledger()[0]["keys"][0].clone();
    let (digits, hint) = (&key["id"].as_str().unwrap()[7..19], key["hint"].as_str().unwrap());
    let wish = |reason: &str| format!("--push-option=clerk-audit.allow={digits}:{reason}");
    let far = format!("{} {secret}", "far behind ".repeat(4_000));
    for options in [
        vec![wish(&secret)],
        vec![wish(&format!("it is {secret}."))],
        vec![wish(&far)],
        vec![wish("rotated"), format!("--push-option={secret}")],
    ] {
        let mut arguments: Vec<&str> = options.iter().map(String::as_str).collect();
        arguments.push(MAIN);
        let pushed = server.push(&mut client, &arguments);
        pushed.is_refused(&["the key stands in a push option"]);
        assert!(!pushed.all.contains(&secret), "the key was shown");
    }
    // Its hint is what the refusal shows.
    server.push(&mut client, &[&wish(&format!("rotated {hint}")), MAIN]).passes();
    assert_eq!(server.ledger().pop().unwrap()["keys"][0]["decision"], "bypassed");
}

#[test]
fn who_pushed_is_masked_by_what_the_push_brought() {
    let server = Server::new();
    server.policy_with_ledger("");
    let key = live_key(472);
    let odd = format!("{}[{}]", &key[..8], body(472));
    server.hook(&format!("REMOTE_USER='{odd}' REMOTE_ADDR='{odd}' exec \"$GATE\" hook pre-receive"));
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("a", Some(&key))], "bad");
    server.push(&mut client, &[MAIN]).is_refused_for(&key, &[]);
    let line = server.ledger()[0].to_string();
    assert!(line.contains("\"pusher\":\"sk_live_[") && !line.contains(&body(472)[8..30]), "a key was recorded");
}
