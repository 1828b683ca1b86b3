//! What is read: every ref whatever its namespace, heads of worktrees, reflogs, and the text of refs themselves.

use serde_json::Value;

use super::support::{MAIN, audit, audit_at, audit_with, entries, env, git_in, held, list, text, unreachable};
use crate::common::fixture::Repo;
use crate::common::fixture::objects::{Files, Mode, ObjectType, Person, Tag};
use crate::common::run::Audit;
use crate::common::secrets::{Alphabet, Padding, base64, live_key, test_key};

#[test]
fn every_namespace_is_read() {
    //  base   main          each of the refs below names a commit of its own with a key of its own
    const REFS: [&str; 12] = [
        "refs/heads/feature/x",
        "refs/tags/v1.0",
        "refs/remotes/origin/main",
        "refs/notes/commits",
        "refs/stash",
        "refs/pull/12/head",
        "refs/pull/12/merge",
        "refs/merge-requests/3/head",
        "refs/keep-around/0123",
        "refs/changes/01/1/1",
        "refs/original/refs/heads/main",
        "refs/anything",
    ];
    for packed in [false, true] {
        let mut repo = Repo::bare();
        repo.commit_on(MAIN, &[("base", Some("0\n"))], "base");
        for (number, name) in REFS.iter().enumerate() {
            repo.commit_on(name, &[("file", Some(&env(&live_key(200 + number as u64))))], name);
        }
        repo.finish();
        if packed {
            repo.git(&["pack-refs", "--all"]);
            repo.git(&["gc", "--quiet", "--prune=now"]);
        }
        let found = audit(&mut repo).complete();
        assert_eq!(found.report["repositories"][0]["refs"], REFS.len() + 1);
        for (number, name) in REFS.iter().enumerate() {
            let key = found.key(&live_key(200 + number as u64));
            assert_eq!(held(key), [*name], "packed: {packed}");
            let branch = name.starts_with("refs/heads/") || name.starts_with("refs/remotes/");
            assert_eq!(text(&key["standing"]), if branch { "branch_tip" } else { "other_tip" }, "{name}");
        }
    }
}

#[test]
fn what_stands_in_an_own_text_and_in_a_refs_name_stands_in_no_file() {
    for in_tag in [false, true] {
        let key = live_key(222);
        let mut repo = Repo::bare();
        let subject = if in_tag { "A".to_owned() } else { format!("A\n\n\nuses {key}") };
        let tip = repo.commit_on(MAIN, &[("a", Some("a\n"))], &subject);
        if in_tag {
            let tag = Tag {
                target: tip,
                target_type: ObjectType::Commit,
                name: "v1".to_owned(),
                tagger: Some(Person::at("T", 1_704_000_001)),
                message: format!("v1 with {key}\n").into_bytes(),
            };
            let tag = repo.tag(&tag);
            repo.set_ref("refs/tags/v1", tag);
        }
        repo.set_ref(&format!("refs/heads/try-{key}"), tip);
        let found = audit(&mut repo).complete();
        let places = &found.only(&key)["held_at"]["at"];
        assert_eq!(list(places).count(), 1, "{places}");
        assert!(places[0]["path"].is_null() && places[0]["line"].is_null(), "{places}");
        let told = Audit::new(&["history"]).and(repo.path()).run().text();
        let of = if in_tag { "tag" } else { "commit" };
        assert!(told.contains(&format!("in a ref's name and a {of}'s own text")), "{told}");
    }
}

#[test]
fn notes_are_told_as_notes() {
    //  A   main        refs/notes/commits: the note on A quotes a key
    let key = live_key(221);
    let mut repo = Repo::bare();
    let a = repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    repo.git(&["notes", "add", "-m", &format!("deployed with {key}"), &a.to_string()]);
    let found = audit(&mut repo).complete();
    let key = found.only(&key);
    assert_eq!(text(&key["introductions"][0]["place"]), "note");
    assert_eq!(text(&key["introductions"][0]["path"]), a.to_string());
    assert_eq!(held(key), ["refs/notes/commits"]);
    assert_eq!(text(&key["standing"]), "other_tip");
}

#[test]
fn a_tag_on_a_blob_and_a_tag_on_a_tree_are_read() {
    //  refs/tags/blob ── tag ── blob +      refs/tags/tree ── tree (config/.env +)      A   main
    //  refs/raw/blob ── blob + (no tag object)
    let keys = [live_key(222), live_key(223), live_key(224)];
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    let blob = repo.blob(format!("\n{}", env(&keys[0])));
    let tag = repo.tag(&Tag {
        target: blob,
        target_type: ObjectType::Blob,
        name: "blob".to_owned(),
        tagger: Some(Person::at("Tess Tagger", 1_704_100_000)),
        message: b"a blob\n".to_vec(),
    });
    repo.set_ref("refs/tags/blob", tag);
    let in_tree = repo.blob(env(&keys[1]));
    let tree = repo.tree(&Files::from([(b"config/.env".to_vec(), (Mode::File, in_tree))]));
    repo.set_ref("refs/tags/tree", tree);
    let raw = repo.blob(env(&keys[2]));
    repo.set_ref("refs/raw/blob", raw);
    let found = audit(&mut repo).complete();
    for (key, reference, path, line) in [
        (&keys[0], "refs/tags/blob", "", 2),
        (&keys[1], "refs/tags/tree", "config/.env", 1),
        (&keys[2], "refs/raw/blob", "", 1),
    ] {
        let key = found.key(key);
        assert_eq!(held(key), [reference]);
        assert_eq!((text(&key["held_at"]["at"][0]["path"]), &key["held_at"]["at"][0]["line"]), (path, &line.into()));
        assert_eq!(key["held_at"]["at"][0]["commit"], serde_json::Value::Null);
        assert_eq!(entries(&key["introductions"], &[]).len(), 1);
        assert_eq!(text(&key["introductions"][0]["ref"]), reference);
        assert_eq!(key["exposure"]["open"], true);
    }
    assert_eq!(text(&found.key(&keys[0])["introductions"][0]["tagger"]["name"]), "Tess Tagger");
}

#[test]
fn nested_tags_are_read_at_every_level() {
    //  refs/tags/outer ── tag 2 (key in its message) ── tag 1 (key in its message) ── A +   (on no branch)
    let keys = [live_key(225), live_key(226), live_key(227)];
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("base", Some("0\n"))], "base");
    let a = repo.commit_on("refs/heads/x", &[(".env", Some(&env(&keys[0])))], "A");
    repo.delete_ref("refs/heads/x");
    let mut target = (a, ObjectType::Commit);
    for (level, key) in keys[1..].iter().enumerate() {
        let tag = repo.tag(&Tag {
            target: target.0,
            target_type: target.1,
            name: format!("level{level}"),
            tagger: None,
            message: format!("nested\n{key}\n").into_bytes(),
        });
        target = (tag, ObjectType::Tag);
    }
    repo.set_ref("refs/tags/outer", target.0);
    let found = audit(&mut repo).complete();
    for key in &keys {
        assert_eq!(found.key(key)["reachable_from"]["refs"], serde_json::json!(["refs/tags/outer"]));
    }
    assert_eq!(held(found.key(&keys[0])), ["refs/tags/outer"], "a tag is peeled to the commit");
    assert_eq!(text(&found.key(&keys[1])["introductions"][0]["place"]), "tag_message");
}

#[test]
fn the_headers_of_a_tag_are_read() {
    //  refs/tags/v1 ── tag (a key as its name, one as its tagger's address) ── A   main
    let (name, address) = (live_key(228), test_key(229));
    let mut repo = Repo::bare();
    let a = repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    let tag = repo.tag(&Tag {
        target: a,
        target_type: ObjectType::Commit,
        name: name.clone(),
        tagger: Some(Person { email: address.clone().into(), ..Person::at("Tess Tagger", 1_704_100_000) }),
        message: b"release\n".to_vec(),
    });
    repo.set_ref("refs/tags/v1", tag);
    let found = audit(&mut repo).complete();
    for (key, line) in [(&name, 3), (&address, 4)] {
        let entry = &found.key(key)["introductions"][0];
        assert_eq!((text(&entry["place"]), &entry["line"]), ("tag_message", &line.into()));
    }
}

#[test]
fn the_names_of_refs_are_read() {
    //  A   main, refs/heads/try-<key>, refs/tags/<key>
    let (branch, tag) = (live_key(230), test_key(231));
    let mut repo = Repo::bare();
    let a = repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    repo.set_ref(&format!("refs/heads/try-{branch}"), a);
    repo.set_ref(&format!("refs/tags/{tag}"), a);
    let found = audit(&mut repo).complete();
    for (key, standing, name) in [(&branch, "other_tip", "refs/heads/try-"), (&tag, "other_tip", "refs/tags/")] {
        let key = found.key(key);
        let name = format!("{name}{}", text(&key["hint"]));
        let entry = &key["introductions"][0];
        assert_eq!((text(&entry["place"]), text(&entry["ref"])), ("ref_name", name.as_str()));
        assert_eq!((&entry["commit"], text(&entry["object"])), (&serde_json::Value::Null, a.to_string().as_str()));
        assert_eq!((text(&key["standing"]), held(key)), (standing, vec![name.as_str()]));
        assert_eq!(key["exposure"]["open"], true);
    }
    let told = Audit::new(&["history", "--format", "markdown"]).and(repo.path()).run().text();
    assert!(told.contains("(live, only in a ref's name)") && !told.contains("(live, on a branch)"), "{told}");
    assert!(told.contains("(test, only in a ref's name)") && !told.contains("on tags"), "{told}");
    // In the names of a branch and a tag; and of one that has it in a file besides.
    repo.set_ref(&format!("refs/heads/try-{tag}"), a);
    repo.finish();
    let told = |repo: &Repo| Audit::new(&["history", "--format", "markdown"]).and(repo.path()).run().text();
    assert!(
        told(&repo).contains("(test, only in a ref's name)") && !told(&repo).contains("on tags"),
        "{}",
        told(&repo)
    );
    let b = repo.commit_on("refs/tags/v1", &[("a", Some(&env(&tag)))], "B");
    repo.set_ref("refs/tags/v1", b);
    repo.finish();
    assert!(told(&repo).contains("(test, only on tags)"), "{}", told(&repo));
}

#[test]
fn the_head_of_every_worktree_is_a_tip() {
    //  A (main)      worktrees/side/HEAD: B +, detached      worktrees/other/HEAD: branch other
    let key = live_key(232);
    let mut repo = Repo::with_work_tree();
    repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    repo.branch("refs/heads/other", MAIN);
    let b = repo.commit_on("refs/heads/temporary", &[(".env", Some(&env(&key)))], "B");
    repo.finish();
    let (side, other) = (repo.beside("side"), repo.beside("other"));
    repo.git(&["worktree", "add", "--quiet", "--detach", side.to_str().unwrap(), &b.to_string()]);
    repo.git(&["worktree", "add", "--quiet", other.to_str().unwrap(), "other"]);
    repo.git(&["update-ref", "-d", "refs/heads/temporary"]);
    let found = audit_at(repo.path()).complete();
    let key_report = found.only(&key);
    assert_eq!(held(key_report), ["worktrees/side/HEAD"]);
    assert_eq!((text(&key_report["standing"]), &key_report["held_at"]["other"]), ("other_tip", &1.into()));
    let from_there = audit_at(&side).complete();
    assert_eq!(held(from_there.only(&key)), ["worktrees/side/HEAD"], "the same from the linked worktree");
}

#[test]
fn a_detached_head_is_a_tip() {
    //  A (main) ── B + (HEAD, detached)
    let key = live_key(233);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    let b = repo.commit_on("refs/heads/x", &[(".env", Some(&env(&key)))], "B");
    repo.finish();
    repo.delete_ref("refs/heads/x");
    repo.finish();
    repo.git(&["update-ref", "--no-deref", "HEAD", &b.to_string()]);
    let found = audit(&mut repo).complete();
    assert_eq!(held(found.only(&key)), ["HEAD"]);
}

#[test]
fn every_reflog_entry_is_read_and_says_by_what_it_keeps_a_commit() {
    //  A ── C     main
    //     \
    //      B +    main@{1}, before it was reset
    let key = live_key(234);
    let mut repo = Repo::with_work_tree();
    repo.git(&["config", "core.logAllRefUpdates", "always"]);
    let a = repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    repo.finish();
    repo.branch("refs/heads/side", MAIN);
    repo.finish();
    let b = repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "B");
    repo.finish();
    let c = repo.commit_on("refs/heads/side", &[("c", Some("c\n"))], "C");
    repo.finish();
    repo.git(&["update-ref", MAIN, &c.to_string()]);
    let found = audit(&mut repo).complete();
    let key = found.only(&key);
    assert_eq!((text(&key["standing"]), text(&key["exposure"]["end_reason"])), ("unreachable", "ref_gone"));
    // Both HEAD and the branch logged it; one of them is named.
    let via = text(&key["unreachable"][0]["via"]);
    assert!(["HEAD@{1}", "refs/heads/main@{1}"].contains(&via), "{via}");
    assert_eq!(key["unreachable"][0]["commits"], serde_json::json!([b.to_string()]));
    assert_eq!(key["first_introduced"]["parents"], serde_json::json!([a.to_string()]));
}

#[test]
fn what_is_staged_or_new_in_a_stash_stands_in_it() {
    //  A   main      refs/stash: a merge of A, what was staged (a, b), and new files (.env); a is clean again in its tree
    let keys = [live_key(261), live_key(262), live_key(263)];
    let mut repo = Repo::with_work_tree();
    repo.commit_on(MAIN, &[("a", Some("a\n")), ("b", Some("b\n"))], "A");
    repo.git(&["reset", "--quiet", "--hard"]);
    let folder = repo.path().to_owned();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write("a", &env(&keys[0]));
    write("b", &env(&keys[1]));
    repo.git(&["add", "a", "b"]);
    write("a", "clean\n");
    write(".env", &env(&keys[2]));
    repo.git(&["stash", "--quiet", "--include-untracked"]);
    let found = audit(&mut repo).complete();
    for (key, path, commit) in [(&keys[0], "a", "stash^2"), (&keys[1], "b", "stash"), (&keys[2], ".env", "stash^3")] {
        let key = found.key(key);
        assert_eq!((held(key), text(&key["standing"])), (vec!["refs/stash"], "other_tip"), "{path}");
        assert_eq!((&key["held_at"]["count"], &key["held_at"]["other"]), (&1.into(), &1.into()), "{path}");
        let at = &key["held_at"]["at"][0];
        let commit = git_in(repo.path(), &["rev-parse", commit]);
        assert_eq!((text(&at["path"]), text(&at["commit"]), &at["line"]), (path, commit.trim(), &1.into()));
        assert!(key["exposure"]["open"] == true && key["removals"] == serde_json::json!([]), "{path}: {key}");
        assert_eq!(key["reachable_from"]["refs"], serde_json::json!(["refs/stash"]), "{path}");
    }
    // Whatever else names that commit, it is what the stash keeps; and any other merge removes what it leaves out.
    repo.git(&["update-ref", "refs/keep/stash", "refs/stash"]);
    repo.git(&["stash", "drop", "--quiet"]);
    let found = audit(&mut repo).complete();
    let key = found.key(&keys[2]);
    assert!(held(key).is_empty() && key["removals"].as_array().unwrap().len() == 1, "{key}");
}

#[test]
fn the_stash_below_the_first_is_read() {
    //  A   main      stash@{1}: W1 + (its key is in no other commit)      stash@{0}: W0
    let key = live_key(235);
    let mut repo = Repo::with_work_tree();
    repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    repo.git(&["reset", "--quiet", "--hard"]);
    let path = repo.path().join("a");
    for content in [env(&key), "other\n".to_owned()] {
        std::fs::write(&path, content).unwrap();
        repo.git(&["stash", "--quiet"]);
    }
    let found = audit(&mut repo).complete();
    let key = found.only(&key);
    assert_eq!(unreachable(key), ["blob file a refs/stash@{1}"]);
}

#[test]
fn the_text_of_reflogs_is_read() {
    //  A ── B   main      the reflog's message of B quotes a key; the log of a deleted branch has one in its name
    let (message, name) = (live_key(236), live_key(237));
    let mut repo = Repo::with_work_tree();
    repo.git(&["config", "core.logAllRefUpdates", "always"]);
    let a = repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    repo.finish();
    repo.git(&["update-ref", "-m", &format!("push with {message}"), "refs/heads/x", &a.to_string()]);
    let log = repo.git_directory().join(format!("logs/refs/heads/{name}"));
    let line = format!("{} {a} A <a@example.test> 1704067200 +0000\tbranch: created\n", "0".repeat(40));
    std::fs::write(log, line).unwrap();
    let found = audit(&mut repo).complete();
    let quoted = found.key(&message);
    assert_eq!(unreachable(quoted), ["reflog reflog refs/heads/x refs/heads/x@{0}"]);
    assert_eq!(quoted["unreachable"][0]["line"], 1);
    assert_eq!(text(&quoted["exposure"]["end_reason"]), "no_ref");
    let named = found.key(&name);
    let hint = text(&named["hint"]);
    assert_eq!(unreachable(named), [format!("reflog ref_name refs/heads/{hint}")]);
}

#[test]
fn a_remote_head_and_other_symbolic_refs_are_no_tips_of_their_own() {
    //  A +   main      HEAD and refs/remotes/origin/HEAD are symbolic      refs/heads/unborn: to nothing
    let key = live_key(238);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    repo.branch("refs/remotes/origin/main", MAIN);
    repo.git(&["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main"]);
    repo.git(&["symbolic-ref", "refs/heads/unborn", "refs/heads/nothing"]);
    let found = audit(&mut repo).complete();
    assert_eq!(held(found.only(&key)), [MAIN, "refs/remotes/origin/main"]);
}

#[test]
fn refs_that_were_written_by_a_linked_worktree_alone_are_read() {
    //  A (main)      worktrees/side/refs/bisect/bad: B +
    let key = live_key(239);
    let mut repo = Repo::with_work_tree();
    repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    let b = repo.commit_on("refs/heads/temporary", &[(".env", Some(&env(&key)))], "B");
    repo.finish();
    let side = repo.beside("side");
    repo.git(&["worktree", "add", "--quiet", "--detach", side.to_str().unwrap(), "main"]);
    git_in(&side, &["update-ref", "refs/bisect/bad", &b.to_string()]);
    repo.git(&["update-ref", "-d", "refs/heads/temporary"]);
    let found = audit(&mut repo).complete();
    assert_eq!(held(found.only(&key)), ["worktrees/side/refs/bisect/bad"]);
    assert_eq!(list(&found.report["keys"]).count(), 1);
}

#[test]
fn the_name_of_a_branch_that_is_not_born_yet_is_read() {
    let key = live_key(290);
    for (name, text) in [
        ("HEAD".to_owned(), format!("ref: refs/heads/{key}\n")),
        (format!("refs/heads/{key}"), "ref: refs/heads/nowhere\n".to_owned()),
    ] {
        let mut repo = Repo::bare();
        repo.commit_on("refs/heads/other", &[("a", Some("a"))], "A");
        repo.finish();
        std::fs::write(repo.git_directory().join(name), text).unwrap();
        assert!(audit(&mut repo).complete().has(&key));
    }
}

/// As of an object, so of a name and of a log's line: what a limit keeps from being read is told.
#[test]
fn what_of_a_reflog_and_of_a_name_lies_beyond_a_limit_is_a_gap() {
    let key = live_key(229);
    let wrapped = |text: &str| base64(text.as_bytes(), Alphabet::UrlSafe, Padding::None);
    let twice = wrapped(&wrapped(&format!("token: {key} ")));
    let commit = |repo: &mut Repo| repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    let mut logged = Repo::bare();
    let at = commit(&mut logged);
    let line = format!("{at} {at} A <a@b.c> 1700000000 +0000\t{twice}\n");
    logged.finish();
    std::fs::create_dir_all(logged.path().join("logs/refs/heads")).unwrap();
    std::fs::write(logged.path().join("logs/refs/heads/main"), line).unwrap();
    let mut named = Repo::bare();
    let at = commit(&mut named);
    named.set_ref(&format!("refs/heads/{twice}"), at);
    named.finish();
    for (repo, place) in [(logged, "refs/heads/main"), (named, "refs/heads/")] {
        assert!(audit_at(repo.path()).complete().has(&key), "{place}");
        let found = audit_with(repo.path(), &["--max-depth=1"]);
        assert_eq!(found.code, 3, "{place}");
        let skipped: Vec<&Value> = list(&found.report["repositories"][0]["skipped"]).collect();
        assert_eq!(text(&skipped[0]["reason"]), "limit", "{skipped:?}");
        assert!(text(&skipped[0]["object"]).starts_with(place), "{skipped:?}");
    }
}

#[test]
fn the_head_of_a_worktree_that_is_on_a_branch_is_not_gone() {
    let key = live_key(431);
    let mut repo = Repo::with_work_tree();
    repo.commit_on(MAIN, &[("a", Some("1\n"))], "A");
    repo.finish();
    let side = repo.beside(&format!("wt-{key}"));
    repo.git(&["worktree", "add", "--quiet", "-b", &format!("wt-{key}"), side.to_str().unwrap(), "main"]);
    let found = audit(&mut repo).complete();
    let key_report = found.only(&key);
    assert_eq!(list(&key_report["unreachable"]).filter(|place| text(&place["place"]) == "ref_name").count(), 0);
    let names = held(key_report);
    assert!(names.iter().any(|name| name.starts_with("worktrees/wt-")), "{names:?}");
}
