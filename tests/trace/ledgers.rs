//! What is said of a ledger that is not whole.

use serde_json::json;

use crate::common::fixture::Repo;
use crate::common::run::Audit;
use crate::common::secrets::{key_id, live_key, test_key};
use crate::{MAIN, env, trace};

#[test]
fn a_ledger_that_ends_within_a_line_is_told() {
    let key = live_key(8440);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    repo.finish();
    let ledger = repo.beside("ledger");
    let whole = "{\"schema\":1,\"time\":\"2026-01-01T00:00:00Z\",\"verdict\":\"accepted\",\"keys\":[],\"refs\":[]}\n";
    for (text, is_told) in [(whole.to_owned(), false), (format!("{whole}{{\"schema\":1,\"ti"), true)] {
        std::fs::write(&ledger, text).unwrap();
        let run = trace(&key, &[repo.path()], &["--ledger", ledger.to_str().unwrap()]);
        assert_eq!(run.code, Some(1), "{}", run.errors());
        assert_eq!(run.errors().contains("ledger, line 2, the last: it has no end"), is_told, "{}", run.errors());
    }
}

#[test]
fn a_key_that_is_in_no_repository_is_named_in_the_ledger_as_it_is_everywhere() {
    let keys = [live_key(8441), live_key(8442), test_key(8443)];
    let hint = |key: &str| format!("{}…{}", &key[..12], &key[46..]);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    repo.finish();
    let ledger = repo.beside("ledger");
    let line = |key: &String| {
        let told = json!({"id": key_id(key), "hint": hint(key), "decision": "refused"});
        json!({"schema": 1, "time": "2026-01-01T00:00:00Z", "verdict": "refused", "pusher": format!("ada-{}", &key[8..12]),
               "keys": [told], "refs": [{"name": MAIN}]})
    };
    // One more, whose id begins as that of the first does.
    let alike = |id: &str| format!("{}{}", &id[..15], "0".repeat(56));
    let more = line(&keys[0])
        .to_string()
        .replace(&key_id(&keys[0]), &alike(&key_id(&keys[0])))
        .replace(&hint(&keys[0]), "whsec_ab…cd");
    std::fs::write(&ledger, keys.iter().map(|key| format!("{}\n", line(key))).collect::<String>() + &more + "\n")
        .unwrap();
    let trace = |name: &str| trace("", &[repo.path()], &["--ledger", ledger.to_str().unwrap(), "--id", name]);
    for key in &keys {
        let id = key_id(key);
        let typed = hint(key).replace('…', "...");
        for name in [&id, &id[..19], &id[7..19], &id[7..19].to_uppercase(), &hint(key), &typed, &key[..12]] {
            let run = trace(name);
            assert_eq!(run.code, Some(0), "{name}: {}", run.errors());
            assert!(run.text().contains(&format!("ada-{}", &key[8..12])), "{name}: {}", run.text());
            assert!(run.text().contains(&hint(key)), "which one it is: {}", run.text());
        }
    }
    let run = trace(&key_id(&keys[0])[7..15]);
    assert_eq!(run.code, Some(2), "{}", run.text());
    let told = |hint: &str| run.errors().contains(hint);
    assert!(told("names 2 keys") && told(&hint(&keys[0])) && told("whsec_ab…cd"), "{}", run.errors());
}

#[test]
fn pushes_of_many_keys_to_many_refs_take_no_memory_by_the_product() {
    const MANY: usize = 1_000;
    let key = live_key(8444);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    repo.finish();
    let ledger = repo.beside("ledger");
    let refs: Vec<_> = (0..MANY).map(|at| json!({"name": format!("refs/heads/t{at}")})).collect();
    let ids = (1..MANY).map(|at| format!("sha256:{at:064x}")).chain([key_id(&key)]);
    let keys: Vec<_> = ids.map(|id| json!({"id": id, "decision": "refused", "places": []})).collect();
    let line = json!({"schema": 1, "time": "2026-01-01T00:00:00Z", "verdict": "refused", "keys": keys, "refs": refs});
    std::fs::write(&ledger, format!("{line}\n").repeat(20)).unwrap();
    let with = ["--ledger", ledger.to_str().unwrap()];
    let history = Audit::history(repo.path()).and_all(&with).run();
    let told = history.report()["keys"][0]["ledger"].clone();
    assert_eq!((told.as_array().unwrap().len(), &told[19]["refs"][MANY - 1]), (20, &json!("refs/heads/t999")));
    let trace = trace(&key, &[repo.path()], &with);
    assert!(trace.text().contains("refs/heads/t999"), "{}", trace.text());
    for run in [history, trace] {
        assert_eq!(run.code, Some(1), "{}", run.errors());
        // One for each key and ref of each line takes a gigabyte.
        assert!(run.peak_kilobytes < 200 << 10, "{} KB", run.peak_kilobytes);
    }
}
