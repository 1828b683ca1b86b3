//! Refs that a disk lost: what git would not take for one is told, and nobody is told that a key is gone who was not looked
//! for.

use super::support::{MAIN, audit_at, env, held, overwrite};
use crate::common::fixture::Repo;
use crate::common::fixture::objects::Oid;
use crate::common::secrets::live_key;

/// `A (.env +)   main, release`, both in `packed-refs`.
fn packed(key: &str) -> Repo {
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[(".env", Some(&env(key)))], "A");
    repo.branch("refs/heads/release/2024", MAIN);
    repo.finish();
    repo.git(&["pack-refs", "--all"]);
    repo
}

#[test]
fn packed_refs_that_are_cut_inside_a_line_are_no_refs() {
    let key = live_key(1801);
    let repo = packed(&key);
    let path = repo.git_directory().join("packed-refs");
    let whole = std::fs::read(&path).unwrap();
    assert_eq!(held(audit_at(repo.path()).complete().only(&key)).len(), 2);
    for length in 1..whole.len() {
        overwrite(&path, &whole[..length]);
        let found = audit_at(repo.path());
        // A file that ends with a line is whole: so is git's.
        let is_whole = whole[length - 1] == b'\n';
        assert_eq!(
            (found.code, found.reasons().is_empty()),
            (if is_whole { 1 } else { 3 }, is_whole),
            "{length} bytes"
        );
        let names = ["refs/heads/main", "refs/heads/release/2024"];
        assert!(held(found.only(&key)).iter().all(|name| names.contains(name)), "{length} bytes");
        if !is_whole {
            let filled = [&whole[..length], &vec![0; whole.len() - length]].concat();
            overwrite(&path, &filled);
            assert_eq!(audit_at(repo.path()).reasons(), ["broken_ref"], "{length} bytes, then none");
        }
    }
}

#[test]
fn packed_refs_with_other_line_ends_are_no_refs() {
    let key = live_key(1802);
    let repo = packed(&key);
    let path = repo.git_directory().join("packed-refs");
    let lines = String::from_utf8(std::fs::read(&path).unwrap()).unwrap();
    overwrite(&path, lines.replace('\n', "\r\n").as_bytes());
    let found = audit_at(repo.path());
    assert_eq!((found.code, found.reasons()), (3, vec!["broken_ref"]));
    assert!(found.has(&key));
}

#[test]
fn a_worktree_that_lost_its_head_is_told() {
    //  A (main)      worktrees/side/HEAD: B +, gone
    let key = live_key(1803);
    let mut repo = Repo::with_work_tree();
    repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    let b = repo.commit_on("refs/heads/temporary", &[(".env", Some(&env(&key)))], "B");
    repo.finish();
    let side = repo.beside("side");
    repo.git(&["worktree", "add", "--quiet", "--detach", side.to_str().unwrap(), &b.to_string()]);
    repo.git(&["update-ref", "-d", "refs/heads/temporary"]);
    let kept = repo.git_directory().join("worktrees/side");
    std::fs::remove_file(kept.join("HEAD")).unwrap();
    let found = audit_at(repo.path());
    assert_eq!((found.code, found.skipped()), (3, vec![("broken_ref", "worktrees/side/HEAD")]));
    assert!(found.has(&key));
    // A directory that git takes for no worktree has no HEAD that could be lost.
    std::fs::remove_file(kept.join("gitdir")).unwrap();
    audit_at(repo.path()).complete();
}

#[test]
fn a_ref_in_a_table_whose_name_is_damaged_is_told_and_read() {
    let key = live_key(1804);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    repo.finish();
    let mut migrate = crate::common::git::command(repo.path());
    migrate.args(["refs", "migrate", "--ref-format=reftable"]);
    if !crate::common::git::answer(migrate, b"").success {
        println!("this git has no reftable");
        return;
    }
    audit_at(repo.path()).complete();
    repo.git(&["pack-refs", "--all"]);
    let tables = repo.git_directory().join("reftable");
    let mut damaged = 0;
    for table in std::fs::read_dir(&tables).unwrap().map(|entry| entry.unwrap().path()) {
        let mut bytes = std::fs::read(&table).unwrap();
        // The first is what HEAD names.
        let mut names = bytes.windows(11).enumerate().filter(|(_, part)| part == b"refs/heads/");
        let name = names.nth(1).map(|(at, _)| at);
        if let Some(at) = name.filter(|_| table.extension().is_some_and(|end| end == "ref")) {
            bytes[at] ^= 1;
            overwrite(&table, &bytes);
            damaged += 1;
        }
    }
    assert_eq!(damaged, 1);
    let found = audit_at(repo.path());
    assert_eq!((found.code, found.skipped()), (3, vec![("broken_ref", "sefs/heads/main")]));
    assert_eq!(held(found.only(&key)), ["sefs/heads/main"]);
}

#[test]
fn a_packed_ref_that_names_two_things_is_told() {
    //  packed-refs: refs/heads/main twice, A and B +; git has both fetched
    let key = live_key(1805);
    let mut repo = Repo::bare();
    let a = repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    let b = repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "B");
    repo.finish();
    repo.git(&["pack-refs", "--all"]);
    let path = repo.git_directory().join("packed-refs");
    let lines = |twice: Oid| format!("# pack-refs with: peeled\n{a} {MAIN}\n{twice} {MAIN}\n");
    overwrite(&path, lines(b).as_bytes());
    let found = audit_at(repo.path());
    assert_eq!((found.code, found.reasons()), (3, vec!["broken_ref"]));
    assert!(found.has(&key));
    overwrite(&path, lines(a).as_bytes());
    audit_at(repo.path()).complete();
}
