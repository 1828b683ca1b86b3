//! When and where: which commit introduces a key, and which removes it.

use super::support::{MAIN, audit, entries, env, list, text};
use crate::common::fixture::Repo;
use crate::common::fixture::objects::{Commit, Files, Mode, Oid};
use crate::common::secrets::{live_key, test_key};

/// A tree of files.
fn files(repo: &mut Repo, all: &[(&str, &str)]) -> Files {
    all.iter().map(|(path, content)| (path.as_bytes().to_vec(), (Mode::File, repo.blob(*content)))).collect()
}

#[test]
fn a_key_kept_through_120_edits_is_dated_to_its_first_commit() {
    //  first ── edit 1 ── … ── edit 120   main      the key stands in the file all the time, on another line
    let key = live_key(1);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("README", Some("shop\n"))], "start");
    let first = repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "first");
    for edit in 0..120 {
        let content = format!("{}{}", "# more\n".repeat(edit % 7 + 1), env(&key));
        repo.commit_on(MAIN, &[(".env", Some(&format!("EDIT={edit}\n{content}")))], "edit");
    }
    let found = audit(&mut repo).complete();
    let key = found.only(&key);
    assert_eq!(key["first_introduced"]["commit"], first.to_string());
    assert_eq!(key["first_introduced"]["line"], 1);
    assert_eq!(entries(&key["introductions"], &[("first", first)]), ["first file .env key"]);
    assert_eq!(entries(&key["removals"], &[]), [""; 0]);
    assert_eq!(key["sightings"], 121, "each version of the file has it once");
}

#[test]
fn the_same_key_in_two_files_shows_both() {
    //  A (.env, config/prod.env)   main
    let key = live_key(2);
    let mut repo = Repo::bare();
    let content = env(&key);
    let other = format!("a: 1\n  key: {key}\n");
    let a = repo.commit_on(MAIN, &[(".env", Some(&content)), ("config/prod.yml", Some(&other))], "A");
    let found = audit(&mut repo).complete();
    let key = found.only(&key);
    assert_eq!(entries(&key["introductions"], &[("A", a)]), ["A file .env key", "A file config/prod.yml key"]);
    let at: Vec<(&str, Option<u64>)> =
        list(&key["held_at"]["at"]).map(|place| (text(&place["path"]), place["line"].as_u64())).collect();
    assert_eq!(at, [(".env", Some(1)), ("config/prod.yml", Some(2))]);
    assert_eq!((&key["held_at"]["count"], &key["held_at"]["branches"]), (&1.into(), &1.into()));
}

#[test]
fn a_key_that_spreads_to_a_second_file_is_introduced_there_at_path_level() {
    //  A (.env) ── B (.env, copy.env) ── C (copy.env) ── D ()   main
    let key = live_key(3);
    let mut repo = Repo::bare();
    let a = repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    let b = repo.commit_on(MAIN, &[("copy.env", Some(&format!("\n{}", env(&key))))], "B");
    let c = repo.commit_on(MAIN, &[(".env", None)], "C");
    let d = repo.commit_on(MAIN, &[("copy.env", None)], "D");
    let found = audit(&mut repo).complete();
    let key = found.only(&key);
    let names = [("A", a), ("B", b), ("C", c), ("D", d)];
    assert_eq!(entries(&key["introductions"], &names), ["A file .env key", "B file copy.env path"]);
    assert_eq!(entries(&key["removals"], &names), ["C file .env path", "D file copy.env key"]);
    assert_eq!(key["introductions"][1]["line"], 2);
}

#[test]
fn a_rename_is_told_as_moved() {
    //  A (.env) ── B (secrets/.env.old)   main
    let key = live_key(4);
    let mut repo = Repo::bare();
    let a = repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    let b = repo.commit_on(MAIN, &[(".env", None), ("secrets/.env.old", Some(&env(&key)))], "B");
    let found = audit(&mut repo).complete();
    let key = found.only(&key);
    let names = [("A", a), ("B", b)];
    assert_eq!(entries(&key["introductions"], &names), ["A file .env key", "B file secrets/.env.old path"]);
    assert_eq!(entries(&key["removals"], &names), ["B file .env path"]);
    assert_eq!(key["introductions"][1]["moved"], ".env");
    assert_eq!(key["removals"][0]["moved"], "secrets/.env.old");
    assert_eq!(key["first_introduced"]["commit"], a.to_string());
}

#[test]
fn a_move_is_paired_by_content_then_by_name() {
    //  A (a.env, b.env, old/w.env, old/x.env, keep) ── B (c.env: what b.env was; new/x.env, edited; keep)   main
    let key = live_key(17);
    let mut repo = Repo::bare();
    let with = |before: &str| format!("{before}\n{}", env(&key));
    let all = ["a.env", "b.env", "keep", "old/w.env", "old/x.env"].map(|path| (path, with(path)));
    let before: Vec<(&str, Option<&str>)> = all.iter().map(|(path, content)| (*path, Some(content.as_str()))).collect();
    repo.commit_on(MAIN, &before, "A");
    let (same, edited) = (with("b.env"), with("edited"));
    let mut after: Vec<(&str, Option<&str>)> =
        ["a.env", "b.env", "old/w.env", "old/x.env"].map(|path| (path, None)).to_vec();
    after.extend([("c.env", Some(same.as_str())), ("new/x.env", Some(edited.as_str()))]);
    repo.commit_on(MAIN, &after, "B");
    let found = audit(&mut repo).complete();
    let moves = |of: &str| -> Vec<(String, String)> {
        let moved = list(&found.only(&key)[of]).filter(|entry| entry["level"] == "path");
        moved.map(|entry| (text(&entry["path"]).to_owned(), text(&entry["moved"]).to_owned())).collect()
    };
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(path, other)| ((*path).to_owned(), (*other).to_owned())).collect()
    };
    assert_eq!(moves("introductions"), pairs(&[("c.env", "b.env"), ("new/x.env", "old/x.env")]));
    let left = [("a.env", ""), ("b.env", "c.env"), ("old/w.env", ""), ("old/x.env", "new/x.env")];
    assert_eq!(moves("removals"), pairs(&left));
}

#[test]
fn a_cherry_pick_onto_another_branch_is_a_second_introduction() {
    //  base ── A        main      A adds the key
    //     \
    //      ──── A'      release   picked an hour later
    let key = live_key(5);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("README", Some("shop\n"))], "base");
    repo.branch("refs/heads/release", MAIN);
    let a = repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "add");
    let picked = repo.commit_on("refs/heads/release", &[(".env", Some(&env(&key)))], "add");
    let found = audit(&mut repo).complete();
    let key = found.only(&key);
    let names = [("A", a), ("A'", picked)];
    assert_eq!(entries(&key["introductions"], &names), ["A file .env key", "A' file .env key"]);
    assert_eq!(key["first_introduced"]["commit"], a.to_string());
    assert_eq!(key["held_at"]["branches"], 2);
}

#[test]
fn a_revert_of_a_removal_is_a_re_introduction() {
    //  A + ── B - ── C + (revert of B) ── D -   main
    let key = live_key(6);
    let mut repo = Repo::bare();
    let a = repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    let b = repo.commit_on(MAIN, &[(".env", None)], "B");
    let c = repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "Revert B");
    let d = repo.commit_on(MAIN, &[(".env", None)], "D");
    let found = audit(&mut repo).complete();
    let key = found.only(&key);
    let names = [("A", a), ("B", b), ("C", c), ("D", d)];
    assert_eq!(entries(&key["introductions"], &names), ["A file .env key", "C file .env key"]);
    assert_eq!(entries(&key["removals"], &names), ["B file .env key", "D file .env key"]);
    assert_eq!(key["exposure"]["start"], "2024-01-01T01:00:00Z");
    assert_eq!(key["exposure"]["end"], "2024-01-01T04:00:00Z", "one span, to the last removal");
}

#[test]
fn a_key_quoted_in_three_commit_messages_is_introduced_in_each_and_stays_exposed() {
    //  A ── B ── C ── D   main      A, B and C quote the key in their messages; no file ever has it
    let key = test_key(7);
    let mut repo = Repo::bare();
    let messages = [format!("use {key}"), format!("subject\n\nno, {key}"), format!("x\n\ny\nz {key}"), "D".to_owned()];
    let commits: Vec<_> = messages
        .iter()
        .enumerate()
        .map(|(number, message)| repo.commit_on(MAIN, &[("n", Some(&number.to_string()))], message))
        .collect();
    let found = audit(&mut repo).complete();
    let key = found.only(&key);
    let names = [("A", commits[0]), ("B", commits[1]), ("C", commits[2])];
    assert_eq!(
        entries(&key["introductions"], &names),
        ["A commit_message key", "B commit_message key", "C commit_message key"]
    );
    let at: Vec<_> =
        list(&key["introductions"]).map(|entry| (entry["line"].as_u64(), entry["column"].as_u64())).collect();
    assert_eq!(at, [(Some(1), Some(5)), (Some(3), Some(5)), (Some(4), Some(3))]);
    assert_eq!(entries(&key["removals"], &[]), [""; 0]);
    assert_eq!((&key["exposure"]["open"], &key["exposure"]["end"]), (&true.into(), &serde_json::Value::Null));
    assert_eq!((&key["held_at"]["count"], text(&key["standing"])), (&0.into(), "history"));
    assert_eq!(key["introductions"][0]["subject"], format!("use {}", text(&key["hint"])));
}

#[test]
fn a_key_typed_while_resolving_a_conflict_is_introduced_by_the_merge() {
    //  base ── A ── M   main      M's resolution has a key that neither A nor B has
    //      \       /
    //       ── B ──     feature
    let key = live_key(8);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("app.ts", Some("let a = 0\n"))], "base");
    repo.branch("refs/heads/feature", MAIN);
    let a = repo.commit_on(MAIN, &[("app.ts", Some("let a = 1\n"))], "A");
    let b = repo.commit_on("refs/heads/feature", &[("app.ts", Some("let a = 2\n"))], "B");
    let resolved = files(&mut repo, &[("app.ts", &format!("let a = 1\nlet key = \"{key}\"\n"))]);
    let m = repo.commit_files(MAIN, resolved, &[a, b], "Merge branch 'feature'");
    let found = audit(&mut repo).complete();
    let key = found.only(&key);
    assert_eq!(entries(&key["introductions"], &[("M", m)]), ["M file app.ts key"]);
    assert_eq!(key["introductions"][0]["parents"], serde_json::json!([a.to_string(), b.to_string()]));
    assert_eq!((&key["introductions"][0]["line"], &key["introductions"][0]["column"]), (&2.into(), &12.into()));
}

#[test]
fn an_ordinary_merge_introduces_nothing() {
    //  base ── A ───── M   main
    //      \          /
    //       ── B + ───     feature      B brings the key; M takes it over
    let key = live_key(9);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("a", Some("0\n"))], "base");
    repo.branch("refs/heads/feature", MAIN);
    let a = repo.commit_on(MAIN, &[("a", Some("1\n"))], "A");
    let b = repo.commit_on("refs/heads/feature", &[(".env", Some(&env(&key)))], "B");
    let merged = files(&mut repo, &[("a", "1\n"), (".env", &env(&key))]);
    repo.commit_files(MAIN, merged, &[a, b], "M");
    let found = audit(&mut repo).complete();
    let key = found.only(&key);
    assert_eq!(entries(&key["introductions"], &[("B", b)]), ["B file .env key"]);
    assert_eq!(key["held_at"]["branches"], 2);
}

#[test]
fn a_key_removed_only_in_a_merge_is_removed_there() {
    //  A + ── B ─────── M -   main      M's resolution takes the key out that B and C both have
    //     \            /
    //      ─── C ─────
    let key = live_key(10);
    let mut repo = Repo::bare();
    let a = repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    repo.branch("refs/heads/side", MAIN);
    let b = repo.commit_on(MAIN, &[("b", Some("b\n"))], "B");
    let c = repo.commit_on("refs/heads/side", &[("c", Some("c\n"))], "C");
    repo.delete_ref("refs/heads/side");
    let without = files(&mut repo, &[("b", "b\n"), ("c", "c\n")]);
    let m = repo.commit_files(MAIN, without, &[b, c], "M");
    let found = audit(&mut repo).complete();
    let key = found.only(&key);
    assert_eq!(entries(&key["introductions"], &[("A", a)]), ["A file .env key"]);
    assert_eq!(entries(&key["removals"], &[("M", m)]), ["M file .env key"]);
    assert_eq!(key["exposure"]["end_reason"], "removed");
}

#[test]
fn an_octopus_merge_introduces_only_what_none_of_its_parents_held() {
    //  base ─┬─ A ─┬─ O   main      B holds key 1; key 2 is typed into O
    //        ├─ B ─┤
    //        └─ C ─┘
    let (one, two) = (live_key(11), test_key(12));
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("base", Some("0\n"))], "base");
    for branch in ["refs/heads/b", "refs/heads/c"] {
        repo.branch(branch, MAIN);
    }
    let a = repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    let b = repo.commit_on("refs/heads/b", &[("b", Some(&env(&one)))], "B");
    let c = repo.commit_on("refs/heads/c", &[("c", Some("c\n"))], "C");
    let all = files(&mut repo, &[("a", "a\n"), ("b", &env(&one)), ("c", &env(&two))]);
    let o = repo.commit_files(MAIN, all, &[a, b, c], "O");
    let found = audit(&mut repo).complete();
    let names = [("B", b), ("O", o)];
    assert_eq!(entries(&found.key(&one)["introductions"], &names), ["B file b key"]);
    assert_eq!(entries(&found.key(&two)["introductions"], &names), ["O file c key"]);
}

#[test]
fn a_criss_cross_is_told_by_topology() {
    //  base ── A + ── M1 ── X   one      M1 and M2 merge A and B both ways; X and Y go on
    //      \      \  /
    //       \      \/
    //        \     /\
    //         ── B ── M2 - ── Y   two    M2 drops the key in its resolution
    let key = live_key(13);
    let mut repo = Repo::bare();
    repo.commit_on("refs/heads/one", &[("base", Some("0\n"))], "base");
    repo.branch("refs/heads/two", "refs/heads/one");
    let a = repo.commit_on("refs/heads/one", &[(".env", Some(&env(&key)))], "A");
    let b = repo.commit_on("refs/heads/two", &[("b", Some("b\n"))], "B");
    let with = files(&mut repo, &[("base", "0\n"), ("b", "b\n"), (".env", &env(&key))]);
    let without = files(&mut repo, &[("base", "0\n"), ("b", "b\n")]);
    repo.commit_files("refs/heads/one", with, &[a, b], "M1");
    let m2 = repo.commit_files("refs/heads/two", without, &[b, a], "M2");
    repo.commit_on("refs/heads/one", &[("x", Some("x\n"))], "X");
    repo.commit_on("refs/heads/two", &[("y", Some("y\n"))], "Y");
    let found = audit(&mut repo).complete();
    let key = found.only(&key);
    assert_eq!(entries(&key["introductions"], &[("A", a)]), ["A file .env key"]);
    assert_eq!(entries(&key["removals"], &[("M2", m2)]), ["M2 file .env key"]);
    assert_eq!(key["exposure"]["open"], true, "branch one still holds it");
    assert_eq!(key["reachable_from"]["count"], 2);
}

#[test]
fn the_first_introduction_is_by_topology_and_not_by_the_clock() {
    //  A + (2031, a clock that runs ahead) ── B - (2024) ── C + (2024)   main
    let key = live_key(14);
    let mut repo = Repo::bare();
    let with = repo.blob(env(&key));
    let tree_with = repo.tree(&Files::from([(b".env".to_vec(), (Mode::File, with))]));
    let tree_without = repo.tree(&Files::new());
    let a = repo.commit(&Commit::new(tree_with, &[], 1_930_000_000, "A"));
    let b = repo.commit(&Commit::new(tree_without, &[a], 1_710_000_000, "B"));
    let c = repo.commit(&Commit::new(tree_with, &[b], 1_720_000_000, "C"));
    repo.set_ref(MAIN, c);
    let found = audit(&mut repo).complete();
    let key = found.only(&key);
    assert_eq!(key["first_introduced"]["commit"], a.to_string());
    assert_eq!(key["first_introduced"]["clock_skew"], false);
    let names = [("A", a), ("B", b), ("C", c)];
    assert_eq!(entries(&key["introductions"], &names), ["A file .env key", "C file .env key"]);
    assert_eq!(key["introductions"][0]["clock_skew"], false);
    assert_eq!(key["removals"][0]["clock_skew"], true, "B is dated before its parent");
    assert_eq!(key["exposure"]["start"], "2031-02-27T23:06:40Z");
}

#[test]
fn no_commit_is_listed_before_its_ancestors() {
    //  A + (2031, a clock that runs ahead) ── B - ── C + ── D - ── E + ── F -   main      in 2024, all in one second
    let key = live_key(16);
    let mut repo = Repo::bare();
    let with = repo.blob(env(&key));
    let tree_with = repo.tree(&Files::from([(b".env".to_vec(), (Mode::File, with))]));
    let tree_without = repo.tree(&Files::new());
    let mut names: Vec<(&str, Oid)> = Vec::new();
    for (at, name) in ["A", "B", "C", "D", "E", "F"].into_iter().enumerate() {
        let tree = if at % 2 == 0 { tree_with } else { tree_without };
        let seconds = if at == 0 { 1_930_000_000 } else { 1_710_000_000 };
        let parent = names.last().map(|(_, commit)| *commit);
        names.push((name, repo.commit(&Commit::new(tree, parent.as_slice(), seconds, name))));
    }
    repo.set_ref(MAIN, names[5].1);
    let found = audit(&mut repo).complete();
    let key = found.only(&key);
    let came = ["A file .env key", "C file .env key", "E file .env key"];
    let went = ["B file .env key", "D file .env key", "F file .env key"];
    assert_eq!(
        (entries(&key["introductions"], &names), entries(&key["removals"], &names)),
        (came.map(String::from).to_vec(), went.map(String::from).to_vec())
    );
}

#[test]
fn of_several_first_introductions_the_earliest_committer_time_counts_then_the_author_time() {
    //  A + (committed 300, written 200)     three roots, each introduces the key
    //  B + (committed 100, written 100)
    //  C + (committed 100, written  50)     the first of them
    let key = live_key(15);
    let mut repo = Repo::bare();
    let with = repo.blob(env(&key));
    let tree = repo.tree(&Files::from([(b".env".to_vec(), (Mode::File, with))]));
    let mut commit = |name: &str, committed: i64, written: i64| {
        let mut commit = Commit::new(tree, &[], 1_700_000_000 + committed, name);
        commit.author.seconds = 1_700_000_000 + written;
        let commit = repo.commit(&commit);
        repo.set_ref(&format!("refs/heads/{name}"), commit);
        commit
    };
    commit("a", 300, 200);
    commit("b", 100, 100);
    let c = commit("c", 100, 50);
    let found = audit(&mut repo).complete();
    assert_eq!(found.only(&key)["first_introduced"]["commit"], c.to_string());
}

#[test]
fn orphan_roots_introduce_all_that_they_hold() {
    //  A ── M   main      the histories of two projects, joined; both roots have the key
    //      /
    //  B ──
    let key = live_key(16);
    let mut repo = Repo::bare();
    let a = repo.commit_on(MAIN, &[("a/.env", Some(&env(&key)))], "A");
    let b = repo.commit_on("refs/heads/other", &[("b/.env", Some(&env(&key)))], "B");
    let both = files(&mut repo, &[("a/.env", &env(&key)), ("b/.env", &env(&key))]);
    repo.commit_files(MAIN, both, &[a, b], "M");
    let found = audit(&mut repo).complete();
    let key = found.only(&key);
    assert_eq!(entries(&key["introductions"], &[("A", a), ("B", b)]), ["A file a/.env key", "B file b/.env key"]);
    assert_eq!(key["first_introduced"]["commit"], a.to_string());
}

#[test]
fn a_mode_change_or_a_copy_of_the_whole_folder_is_no_new_key() {
    //  A (x/.env) ── B (x/.env executable) ── C (x and its copy y)   main
    let key = live_key(17);
    let mut repo = Repo::bare();
    let blob = repo.blob(env(&key));
    let at = |path: &str, mode| (path.as_bytes().to_vec(), (mode, blob));
    let a = repo.commit_files(MAIN, Files::from([at("x/.env", Mode::File)]), &[], "A");
    let b = repo.commit_files(MAIN, Files::from([at("x/.env", Mode::Executable)]), &[a], "B");
    let copied = Files::from([at("x/.env", Mode::Executable), at("y/.env", Mode::Executable)]);
    let c = repo.commit_files(MAIN, copied, &[b], "C");
    let found = audit(&mut repo).complete();
    let key = found.only(&key);
    assert_eq!(entries(&key["introductions"], &[("A", a), ("C", c)]), ["A file x/.env key", "C file y/.env path"]);
    assert_eq!(key["introductions"][1]["moved"], serde_json::Value::Null, "a copy is no move");
    assert_eq!(key["sightings"], 1, "one blob, one span");
}

#[test]
fn times_keep_their_offset_and_what_rfc_3339_cannot_say_is_kept_raw() {
    //  A (+0530) ── B (offset +9999) ── C (year 292,277,026,596)   main      each adds a file with the key
    let key = live_key(18);
    let mut repo = Repo::bare();
    let blob = repo.blob(env(&key));
    let mut held = Files::new();
    let mut parents = Vec::new();
    for (name, seconds, zone) in
        [("a", 1_700_000_000, "+0530"), ("b", 1_700_000_100, "+9999"), ("c", i64::MAX, "+0000")]
    {
        held.insert(name.as_bytes().to_vec(), (Mode::File, blob));
        let mut commit = Commit::new(repo.tree(&held), &parents, seconds, name);
        (commit.author.zone, commit.committer.zone) = (zone, zone);
        parents = vec![repo.commit(&commit)];
    }
    repo.set_ref(MAIN, parents[0]);
    let found = audit(&mut repo).complete();
    let times: Vec<(&str, &str)> = list(&found.only(&key)["introductions"])
        .map(|entry| (text(&entry["committer"]["time"]), text(&entry["committer"]["time_raw"])))
        .collect();
    assert_eq!(
        times,
        [
            ("2023-11-15T03:43:20+05:30", "1700000000 +0530"),
            ("", "1700000100 +9999"),
            ("", "9223372036854775807 +0000")
        ]
    );
    let author = &found.only(&key)["introductions"][0]["author"];
    assert_eq!((text(&author["name"]), text(&author["email"])), ("Ada Author", "ada.author@example.test"));
}
