//! Random histories: what a trace says of a key, typed or named by its id, is what the audit says of it.
//!
//! A trace whose key is typed scans only what the search for that one key does not rule out; one that is named by its
//! id scans everything until it has seen the key. Neither may miss or add a place.
//!
//! `CLERK_AUDIT_SEED` replays one history; `CLERK_AUDIT_HISTORIES` changes how many there are.

mod common;

use std::path::Path;

use common::oracle::facts::Facts;
use common::random_history::Plan;
use common::run::Audit;
use common::schema;
use common::secrets::{key_id, live_key};
use common::seeds::number;
use serde_json::Value;

const HISTORIES: u64 = 120;

fn trace(repository: &Path, id: Option<&str>, typed: &str) -> (Option<i32>, Value) {
    let audit = Audit::new(&["trace", "--format", "json"]).and(repository).input(typed.as_bytes());
    let run = id.into_iter().fold(audit, |audit, id| audit.and("--id").and(id)).run();
    let told: Value = serde_json::from_slice(&run.stdout).unwrap_or_else(|_| panic!("{}", run.errors()));
    let faults = schema::faults_of_trace(&told);
    assert!(faults.is_empty(), "the trace is not as docs/trace.schema.json has it:\n{}", faults.join("\n"));
    (run.code, told)
}

/// What is said of a key, but for the paths of neighbours: an audit may know one by another key that stands there.
fn comparable(key: &Value) -> Value {
    let mut key = key.clone();
    let cut = |evidence: &mut Value| {
        let short = evidence.as_str().and_then(|text| text.split(", ").next()).map(str::to_owned);
        *evidence = short.map_or(Value::Null, Value::from);
    };
    if key["instance"].is_object() {
        cut(&mut key["instance"]["evidence"]);
        for other in key["instance"]["alternatives"].as_array_mut().into_iter().flatten() {
            cut(&mut other["evidence"]);
        }
    }
    for sibling in key["siblings"].as_array_mut().into_iter().flatten() {
        sibling["path"] = Value::Null;
    }
    key
}

/// What was searched, without what a report does not have: of each repository whether the key is in it.
fn searched(told: &Value, has_key: bool) -> Value {
    let mut searched = told["searched"].clone();
    for repository in searched.as_array_mut().into_iter().flatten() {
        assert_eq!(repository.as_object_mut().expect("a repository").remove("has_key"), Some(Value::Bool(has_key)));
    }
    searched
}

#[test]
fn a_trace_says_of_each_key_what_the_audit_says() {
    let replayed = number("CLERK_AUDIT_SEED");
    let base = replayed.unwrap_or_else(|| fastrand::u64(..1 << 40));
    let histories = number("CLERK_AUDIT_HISTORIES").unwrap_or(if replayed.is_some() { 1 } else { HISTORIES });
    let mut traced = 0;
    for seed in base..base + histories {
        let mut repo = Plan::new(seed).build();
        let texts = Facts::read(repo.path(), 1).keys();
        if seed % 2 == 0 {
            repo.git(&["repack", "-a", "-d", "-k", "-q"]);
        }
        let report = Audit::history(repo.path()).run().report();
        let keys = report["keys"].as_array().expect("keys");
        // A few of each: what differs between keys is random too.
        for text in texts.iter().take(3) {
            let id = key_id(text);
            let of = keys.iter().find(|key| key["id"] == id.as_str());
            let expected = of.map_or(Value::Null, comparable);
            for told in [trace(repo.path(), None, text), trace(repo.path(), Some(&id), "")] {
                let (code, told) = told;
                assert_eq!(code, Some(i32::from(of.is_some())), "seed {seed} (CLERK_AUDIT_SEED replays it)");
                let told_of_it = comparable(&told["key"]);
                assert!(
                    told_of_it == expected,
                    "seed {seed} (CLERK_AUDIT_SEED replays it): {told_of_it:#} {expected:#}"
                );
                assert_eq!(searched(&told, of.is_some()), report["repositories"], "seed {seed}");
            }
            traced += 1;
        }
        let (code, told) = trace(repo.path(), None, &live_key(seed ^ 0x5eed_0000_0000));
        assert_eq!((code, &told["key"]), (Some(0), &Value::Null), "seed {seed}");
        assert_eq!(searched(&told, false), report["repositories"], "seed {seed}");
    }
    assert!(traced > 0 || histories < 10, "base seed {base}: no history has a key");
}
