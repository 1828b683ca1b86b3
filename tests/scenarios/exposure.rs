//! When and where: how long a key stood, where it stands now, and why it is gone.

use super::support::{MAIN, audit, audit_with, entries, env, held, text, unreachable};
use crate::common::fixture::Repo;
use crate::common::fixture::objects::{Files, Mode, ObjectType, Tag};
use crate::common::secrets::{live_key, test_key};

#[test]
fn a_key_at_a_branch_tip_is_open() {
    //  A + ── B   main
    let key = live_key(101);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    let b = repo.commit_on(MAIN, &[("b", Some("b\n"))], "B");
    let found = audit(&mut repo).complete();
    assert_eq!(found.code, 1);
    let key = found.only(&key);
    assert_eq!((text(&key["standing"]), &key["exposure"]["open"]), ("branch_tip", &true.into()));
    assert_eq!(text(&key["exposure"]["end_reason"]), "open");
    assert_eq!(held(key), [MAIN]);
    assert_eq!(key["held_at"]["at"][0]["commit"], b.to_string());
    assert_eq!((&found.report["summary"]["open"], &found.report["summary"]["live"]), (&1.into(), &1.into()));
}

#[test]
fn a_key_that_a_commit_removed_ends_with_that_commit_and_is_reachable_in_history() {
    //  A + ── B - ── C   main
    let key = test_key(102);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    let b = repo.commit_on(MAIN, &[(".env", None)], "B");
    repo.commit_on(MAIN, &[("c", Some("c\n"))], "C");
    let found = audit(&mut repo).complete();
    assert_eq!(found.code, 1, "closed exposure ends nothing for the key");
    let key = found.only(&key);
    assert_eq!(entries(&key["removals"], &[("B", b)]), ["B file .env key"]);
    assert_eq!((text(&key["standing"]), &key["held_at"]["count"]), ("history", &0.into()));
    assert_eq!(key["exposure"]["end"], "2024-01-01T02:00:00Z");
    assert_eq!((text(&key["exposure"]["end_reason"]), &key["exposure"]["open"]), ("removed", &false.into()));
    assert_eq!(key["reachable_from"], serde_json::json!({"count": 1, "refs": [MAIN]}));
}

#[test]
fn a_key_that_only_a_tag_or_a_pull_ref_holds_is_held_at_other_tips() {
    //  A + ── B -   main
    //  A: refs/tags/v1, refs/pull/7/head, refs/keep-around/x
    let key = live_key(103);
    let mut repo = Repo::bare();
    let a = repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    repo.commit_on(MAIN, &[(".env", None)], "B");
    for name in ["refs/tags/v1", "refs/pull/7/head", "refs/keep-around/x"] {
        repo.set_ref(name, a);
    }
    let found = audit(&mut repo).complete();
    let key = found.only(&key);
    assert_eq!(text(&key["standing"]), "other_tip");
    let counts = ["count", "branches", "tags", "other"].map(|of| key["held_at"][of].as_u64().unwrap());
    assert_eq!(counts, [3, 0, 1, 2]);
    assert_eq!(held(key), ["refs/tags/v1", "refs/keep-around/x", "refs/pull/7/head"], "tags before the rest");
    assert_eq!(key["exposure"]["open"], true, "tips hold it");
    assert_eq!(key["reachable_from"]["count"], 4);
}

#[test]
fn a_branch_that_was_deleted_ends_exposure_without_a_date() {
    //  base   main
    //     \
    //      A + (leak, deleted)
    let key = live_key(104);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("base", Some("0\n"))], "base");
    repo.branch("refs/heads/leak", MAIN);
    let a = repo.commit_on("refs/heads/leak", &[(".env", Some(&env(&key)))], "A");
    repo.finish();
    repo.delete_ref("refs/heads/leak");
    let found = audit(&mut repo).complete();
    assert_eq!(found.code, 1);
    let key = found.only(&key);
    assert_eq!((text(&key["standing"]), text(&key["exposure"]["end_reason"])), ("unreachable", "ref_gone"));
    assert_eq!((&key["exposure"]["open"], &key["exposure"]["end"]), (&false.into(), &serde_json::Value::Null));
    assert_eq!(key["first_introduced"]["commit"], a.to_string(), "over unreachable commits, and says so");
    assert_eq!(key["first_introduced"]["reachable"], false);
    assert_eq!(entries(&key["introductions"], &[]), [""; 0], "introductions are over reachable commits");
    assert_eq!(unreachable(key), ["blob file .env"]);
    assert_eq!(key["unreachable"][0]["commits"], serde_json::json!([a.to_string()]));
    assert_eq!(key["exposure"]["start"], "2024-01-01T02:00:00Z");
}

#[test]
fn a_loose_blob_was_never_at_a_ref_as_far_as_is_known() {
    //  base   main         (a blob that nothing names)
    let key = test_key(105);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("base", Some("0\n"))], "base");
    let blob = repo.blob(env(&key));
    let found = audit(&mut repo).complete();
    let key = found.only(&key);
    assert_eq!(text(&key["exposure"]["end_reason"]), "no_ref");
    assert_eq!(key["first_introduced"], serde_json::Value::Null);
    assert_eq!(key["unreachable"][0]["object"], blob.to_string());
    assert_eq!(key["unreachable"][0]["via"], serde_json::Value::Null);
    assert_eq!(found.report["repositories"][0]["unreachable"], serde_json::json!({"commits": 0, "blobs": 1}));
}

#[test]
fn reachable_and_unreachable_holding_are_kept_apart() {
    //  A + ── B -        main
    //     \
    //      X + ── Y      gone; X changes the file and keeps the key
    let key = live_key(106);
    let mut repo = Repo::bare();
    let a = repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    repo.branch("refs/heads/gone", MAIN);
    repo.commit_on("refs/heads/gone", &[(".env", Some(&format!("# x\n{}", env(&key))))], "X");
    repo.finish();
    repo.delete_ref("refs/heads/gone");
    let b = repo.commit_on(MAIN, &[(".env", None)], "B");
    let found = audit(&mut repo).complete();
    let key = found.only(&key);
    assert_eq!(text(&key["standing"]), "history");
    let names = [("A", a), ("B", b)];
    assert_eq!(entries(&key["introductions"], &names), ["A file .env key"]);
    assert_eq!(entries(&key["removals"], &names), ["B file .env key"]);
    assert_eq!(unreachable(key), ["blob file .env"]);
}

#[test]
fn the_verdict_tells_what_stands_on_a_branch_from_what_stands_only_on_other_refs() {
    //  A + ── B -   main        A: refs/pull/1/head          C +   side
    let (pull, branch) = (live_key(107), test_key(108));
    let mut repo = Repo::bare();
    let a = repo.commit_on(MAIN, &[(".env", Some(&env(&pull)))], "A");
    repo.commit_on(MAIN, &[(".env", None)], "B");
    repo.set_ref("refs/pull/1/head", a);
    repo.finish();
    let only_pull = crate::common::run::Audit::new(&["history"]).and(repo.path()).run();
    assert_eq!(only_pull.text().lines().next(), Some("Found 1 Clerk secret key: live, only on pull or other refs."));
    repo.commit_on("refs/heads/side", &[(".env", Some(&env(&branch)))], "C");
    repo.finish();
    let both = crate::common::run::Audit::new(&["history"]).and(repo.path()).run();
    assert_eq!(
        both.text().lines().next(),
        Some("Found 2 Clerk secret keys (1 live, 1 test): 1 on a branch (test), 1 only on pull or other refs (live).")
    );
}

#[test]
fn the_most_urgent_key_comes_first() {
    //  main: test key at the tip, live key in history; tag: another live key
    let (at_tip, in_history, on_tag) = (test_key(109), live_key(110), live_key(111));
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("old", Some(&env(&in_history)))], "A");
    repo.commit_on(MAIN, &[("old", None), ("now", Some(&env(&at_tip)))], "B");
    let tagged = repo.commit_on("refs/heads/x", &[("tag", Some(&env(&on_tag)))], "C");
    repo.delete_ref("refs/heads/x");
    repo.set_ref("refs/tags/v1", tagged);
    let found = audit(&mut repo).complete();
    let order: Vec<&str> = super::support::list(&found.report["keys"]).map(|key| text(&key["id"])).collect();
    let expected = [&on_tag, &in_history, &at_tip].map(|key| crate::common::secrets::key_id(key));
    assert_eq!(order, expected, "live before test, at a tip before history");
    let summary = &found.report["summary"];
    assert_eq!(summary, &serde_json::json!({"keys": 3, "live": 2, "test": 1, "open": 2}));
}

#[test]
fn a_tag_message_stays_exposed_as_long_as_a_ref_reaches_the_tag() {
    //  A   main, and refs/tags/v1 = tag object with the key in its message
    let key = live_key(112);
    let mut repo = Repo::bare();
    let a = repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    let tag = repo.tag(&Tag {
        target: a,
        target_type: ObjectType::Commit,
        name: "v1".to_owned(),
        tagger: Some(crate::common::fixture::objects::Person::at("Tess Tagger", 1_704_100_000)),
        message: format!("release\n\nstaging has {key}\n").into_bytes(),
    });
    repo.set_ref("refs/tags/v1", tag);
    let found = audit(&mut repo).complete();
    let key_report = found.only(&key);
    let entry = &key_report["introductions"][0];
    assert_eq!((&entry["commit"], text(&entry["place"])), (&serde_json::Value::Null, "tag_message"));
    assert_eq!((text(&entry["object"]), text(&entry["tagger"]["name"])), (tag.to_string().as_str(), "Tess Tagger"));
    assert_eq!((&entry["line"], &entry["column"]), (&3.into(), &13.into()));
    assert_eq!(text(&entry["subject"]), "release");
    assert_eq!((text(&key_report["exposure"]["end_reason"]), text(&key_report["standing"])), ("open", "history"));
    assert_eq!(key_report["exposure"]["start"], "2024-01-01T09:06:40Z");
    assert_eq!(key_report["reachable_from"]["refs"], serde_json::json!(["refs/tags/v1"]));

    repo.delete_ref("refs/tags/v1");
    let gone = audit(&mut repo).complete();
    let key_report = gone.only(&key);
    assert_eq!(
        (text(&key_report["exposure"]["end_reason"]), text(&key_report["standing"])),
        ("ref_gone", "unreachable")
    );
    assert_eq!(unreachable(key_report), ["tag tag_message"]);
    let first = &key_report["first_introduced"];
    assert_eq!((text(&first["object"]), text(&first["tagger"]["name"])), (tag.to_string().as_str(), "Tess Tagger"));
    assert_eq!((&first["reachable"], text(&first["subject"])), (&false.into(), "release"));
    assert_eq!(key_report["exposure"]["start"], "2024-01-01T09:06:40Z");
    assert_eq!(entries(&key_report["introductions"], &[]), [""; 0]);
}

#[test]
fn at_and_refs_name_a_hundred_and_count_all() {
    //  A + : main, refs/heads/b000 … b149, refs/tags/t0 … t9
    let key = live_key(113);
    let mut repo = Repo::bare();
    let a = repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    for number in 0..150 {
        repo.set_ref(&format!("refs/heads/b{number:03}"), a);
    }
    for number in 0..10 {
        repo.set_ref(&format!("refs/tags/t{number}"), a);
    }
    repo.finish();
    let few = crate::common::run::Audit::new(&["history", "--format", "json"]).and(repo.path()).run().report();
    let of = &few["keys"][0];
    let named = |of: &serde_json::Value| {
        (of["held_at"]["at"].as_array().unwrap().len(), of["reachable_from"]["refs"].as_array().unwrap().len())
    };
    assert_eq!(named(of), (100, 100));
    assert_eq!((&of["held_at"]["count"], &of["reachable_from"]["count"]), (&161.into(), &161.into()));
    assert_eq!(of["held_at"]["at"][0]["ref"], MAIN, "HEAD's branch first");
    assert_eq!(of["held_at"]["at"][1]["ref"], "refs/heads/b000");
    let all = audit_with::<&str>(repo.path(), &[]);
    assert_eq!(named(all.only(&key)), (161, 161), "with --all-refs");
    assert_eq!(held(all.only(&key))[151], "refs/tags/t0", "tags after branches");
}

#[test]
fn line_and_column_are_of_the_first_line_and_the_encoding_is_told() {
    //  A (plain twice, base64, UTF-16)   main
    let (plain, encoded, wide) = (live_key(114), live_key(115), live_key(116));
    let mut repo = Repo::bare();
    let base64 = crate::common::secrets::base64(
        format!("x:{encoded}").as_bytes(),
        crate::common::secrets::Alphabet::Standard,
        crate::common::secrets::Padding::Full,
    );
    let mut files = Files::new();
    for (path, content) in [
        ("plain", format!("é {plain}\n\n{plain}\n").into_bytes()),
        ("base64", format!("a\n  value: {base64}\n").into_bytes()),
        ("wide", crate::common::secrets::utf16le(&format!("one\r\nkey={wide}\r\n"))),
    ] {
        let blob = repo.blob(content);
        files.insert(path.as_bytes().to_vec(), (Mode::File, blob));
    }
    repo.commit_files(MAIN, files, &[], "A");
    let found = audit(&mut repo).complete();
    let stand = |key: &str| {
        let entry = &found.key(key)["introductions"][0];
        (entry["line"].as_u64().unwrap(), entry["column"].as_u64().unwrap(), entry["encoding"].clone())
    };
    assert_eq!(stand(&plain), (1, 4, serde_json::json!([])), "columns count bytes: é has two");
    assert_eq!(found.key(&plain)["sightings"], 2);
    assert_eq!(stand(&wide), (2, 5, serde_json::json!(["utf-16le"])), "of UTF-16, units");
    let (line, column, encoding) = stand(&encoded);
    assert_eq!((line, encoding), (2, serde_json::json!(["base64"])));
    assert!((10..=13).contains(&column), "where the encoded text of the key starts: {column}");
}
