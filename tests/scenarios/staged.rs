//! What is read: the index, in all its forms.

use super::support::{MAIN, audit, env, git_in, list, text, unreachable};
use crate::common::fixture::Repo;
use crate::common::fixture::objects::Oid;
use crate::common::secrets::{live_key, test_key};

/// A repository with a commit, and blobs of its own waiting to be staged.
fn repo_with_blobs(contents: &[String]) -> (Repo, Vec<Oid>) {
    let mut repo = Repo::with_work_tree();
    repo.commit_on(MAIN, &[("README", Some("shop\n"))], "A");
    let blobs = contents.iter().map(|content| repo.blob(content.as_str())).collect();
    repo.finish();
    (repo, blobs)
}

fn stage(repo: &mut Repo, lines: &str) {
    repo.git_with_input(&["update-index", "--add", "--index-info"], lines.as_bytes());
}

#[test]
fn what_is_staged_is_read_and_said_to_be_kept_by_the_index() {
    //  A   main      index: .env + (never committed)
    let key = live_key(301);
    let (mut repo, blobs) = repo_with_blobs(&[env(&key)]);
    stage(&mut repo, &format!("100644 {}\tconfig/.env\n", blobs[0]));
    let found = audit(&mut repo).complete();
    assert_eq!(found.code, 1);
    let key = found.only(&key);
    assert_eq!(unreachable(key), ["blob file config/.env index"]);
    assert_eq!((text(&key["standing"]), text(&key["exposure"]["end_reason"])), ("unreachable", "no_ref"));
}

#[test]
fn index_versions_2_3_and_4_are_read() {
    //  index: a/long/path/1 +, a/long/path/2 +, intent to add (which makes it version 3)
    for version in ["2", "3", "4"] {
        let keys = [live_key(302), live_key(303)];
        let (mut repo, blobs) = repo_with_blobs(&keys.each_ref().map(|key| env(key)));
        stage(&mut repo, &format!("100644 {}\ta/long/path/1\n100755 {}\ta/long/path/2\n", blobs[0], blobs[1]));
        if version == "3" {
            std::fs::write(repo.path().join("later"), "x").unwrap();
            repo.git(&["add", "--intent-to-add", "later"]);
        } else {
            repo.git(&["update-index", "--index-version", version]);
        }
        let bytes = std::fs::read(repo.git_directory().join("index")).unwrap();
        assert_eq!(bytes[7].to_string(), version, "git wrote the version that was asked for");
        let found = audit(&mut repo).complete();
        for (key, path) in keys.iter().zip(["a/long/path/1", "a/long/path/2"]) {
            assert_eq!(unreachable(found.key(key)), [format!("blob file {path} index")], "version {version}");
        }
    }
}

#[test]
fn a_split_index_is_read_in_both_its_parts() {
    //  sharedindex.…: old +        index: new +
    let (old, new) = (live_key(304), test_key(305));
    let (mut repo, blobs) = repo_with_blobs(&[env(&old), env(&new)]);
    stage(&mut repo, &format!("100644 {}\told\n", blobs[0]));
    repo.git(&["update-index", "--split-index"]);
    repo.git(&["config", "splitIndex.maxPercentChange", "100"]);
    stage(&mut repo, &format!("100644 {}\tnew\n", blobs[1]));
    let shared = std::fs::read_dir(repo.git_directory()).unwrap();
    let shared = shared.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with("sharedindex."));
    assert!(shared.count() > 0, "git wrote a shared index");
    let found = audit(&mut repo).complete();
    assert_eq!(unreachable(found.key(&old)), ["blob file old index"]);
    assert_eq!(unreachable(found.key(&new)), ["blob file new index"]);
}

#[test]
fn what_a_split_index_replaces_has_its_path_and_what_it_takes_out_is_staged_no_more() {
    //  sharedindex.…: file 1 … 200, old in 70 and 150      index: new in place of 70; 150 is gone
    let (old, new) = (live_key(312), test_key(313));
    let (mut repo, blobs) = repo_with_blobs(&[env(&old), env(&new), "nothing\n".to_owned()]);
    let lines: String = (100..300)
        .map(|file| format!("100644 {}\tfile {file}\n", blobs[if [170, 250].contains(&file) { 0 } else { 2 }]))
        .collect();
    stage(&mut repo, &lines);
    repo.git(&["update-index", "--split-index"]);
    repo.git(&["config", "splitIndex.maxPercentChange", "100"]);
    stage(&mut repo, &format!("100644 {}\tfile 170\n0 {}\tfile 250\n", blobs[1], "0".repeat(40)));
    let staged = String::from_utf8_lossy(&repo.git(&["ls-files", "--stage"])).into_owned();
    assert!(staged.contains("file 170") && !staged.contains("file 250"), "git has it so");
    let found = audit(&mut repo).complete();
    assert_eq!(unreachable(found.key(&new)), ["blob file file 170 index"]);
    assert_eq!(unreachable(found.key(&old)), ["blob file"]);
}

#[test]
fn all_stages_of_a_conflict_are_read() {
    //  index: .env at stages 1 (base +), 2 (ours +), 3 (theirs +)
    let keys = [live_key(306), live_key(307), live_key(308)];
    let (mut repo, blobs) = repo_with_blobs(&keys.each_ref().map(|key| env(key)));
    let lines: String = (0..3).map(|at| format!("100644 {} {}\t.env\n", blobs[at], at + 1)).collect();
    stage(&mut repo, &lines);
    let found = audit(&mut repo).complete();
    for key in &keys {
        assert_eq!(unreachable(found.key(key)), ["blob file .env index"]);
    }
}

#[test]
fn a_conflict_that_was_resolved_is_read_from_the_resolve_undo_extension() {
    //  index: .env resolved; REUC has the three sides it was resolved from, each with a key
    let keys = [live_key(309), live_key(310), live_key(311)];
    let mut contents: Vec<String> = keys.iter().map(|key| env(key)).collect();
    contents.push("RESOLVED=1\n".to_owned());
    let (mut repo, blobs) = repo_with_blobs(&contents);
    let lines: String = (0..3).map(|at| format!("100644 {} {}\t.env\n", blobs[at], at + 1)).collect();
    stage(&mut repo, &lines);
    std::fs::write(repo.path().join(".env"), "RESOLVED=1\n").unwrap();
    repo.git(&["add", ".env"]);
    let index = std::fs::read(repo.git_directory().join("index")).unwrap();
    assert!(index.windows(4).any(|four| four == b"REUC"), "git wrote the extension");
    let found = audit(&mut repo).complete();
    for key in &keys {
        assert_eq!(unreachable(found.key(key)), ["blob file .env index"]);
    }
}

#[test]
fn the_index_of_a_linked_worktree_is_read() {
    //  A (main)      worktrees/side/index: .env +
    let key = live_key(312);
    let (mut repo, blobs) = repo_with_blobs(&[env(&key)]);
    let side = repo.beside("side");
    repo.git(&["worktree", "add", "--quiet", "--detach", side.to_str().unwrap(), "main"]);
    git_in(&side, &["update-index", "--add", "--cacheinfo", &format!("100644,{},.env", blobs[0])]);
    let found = audit(&mut repo).complete();
    assert_eq!(unreachable(found.only(&key)), ["blob file .env worktrees/side/index"]);
}

#[test]
fn paths_in_the_index_are_read() {
    //  index: keys/<key>.txt, an empty file that was never committed
    let key = live_key(313);
    let (mut repo, blobs) = repo_with_blobs(&["empty\n".to_owned()]);
    stage(&mut repo, &format!("100644 {}\tkeys/{key}.txt\n", blobs[0]));
    let found = audit(&mut repo).complete();
    let key = found.only(&key);
    assert_eq!(unreachable(key), [format!("index path keys/{}.txt index", text(&key["hint"]))]);
    assert_eq!(key["unreachable"][0]["object"], blobs[0].to_string());
}

#[test]
fn what_is_committed_and_checked_out_is_not_told_again_as_staged() {
    //  A (.env +, <key>.txt)   main      index: the same
    let (content, path) = (live_key(314), live_key(315));
    let mut repo = Repo::with_work_tree();
    repo.commit_on(MAIN, &[(".env", Some(&env(&content))), (&format!("{path}.txt"), Some("x\n"))], "A");
    repo.git(&["reset", "--quiet", "--hard"]);
    let found = audit(&mut repo).complete();
    for key in [&content, &path] {
        assert_eq!(list(&found.key(key)["unreachable"]).count(), 0);
        assert_eq!(text(&found.key(key)["standing"]), "branch_tip");
    }
}

#[test]
fn an_index_that_cannot_be_read_is_a_gap() {
    //  index: cut short
    let (mut repo, blobs) = repo_with_blobs(&["x\n".to_owned()]);
    stage(&mut repo, &format!("100644 {}\ta/b/c\n", blobs[0]));
    let path = repo.git_directory().join("index");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let found = audit(&mut repo);
    assert_eq!((found.code, found.reasons()), (3, vec!["corrupt"]));
}

#[test]
fn what_is_checked_out_by_an_alias_is_not_told_again() {
    //  A (.env +)   main ◄─ current ◄─ HEAD        index: .env +
    let key = live_key(340);
    let mut repo = Repo::with_work_tree();
    repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    repo.git(&["symbolic-ref", "refs/heads/current", MAIN]);
    repo.git(&["symbolic-ref", "HEAD", "refs/heads/current"]);
    repo.git(&["read-tree", "HEAD"]);
    let found = audit(&mut repo).complete();
    assert_eq!(unreachable(found.only(&key)), Vec::<String>::new());
}
