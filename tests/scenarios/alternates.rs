//! What is read: objects of alternates where something here reaches them, and those only.

use std::path::Path;

use super::support::{MAIN, audit, entries, env, held, overwrite, text};
use crate::common::fixture::Repo;
use crate::common::fixture::objects::{Commit, Files, Mode, Oid};
use crate::common::secrets::{live_key, test_key};

/// Lets a repository borrow objects: the line that goes into `objects/info/alternates`.
fn borrow(repo: &Repo, line: &[u8]) {
    overwrite(&repo.git_directory().join("objects/info/alternates"), line);
}

/// Whether a repository can be read by git with that alternate: the scenario is as it is meant.
fn git_reads(repo: &mut Repo, oid: Oid) {
    repo.git(&["cat-file", "-e", &oid.to_string()]);
}

/// A pool that others borrow from: a commit with a key, and another key that nothing reaches.
fn pool(reached: &str, unreached: &str) -> (Repo, Oid) {
    let mut pool = Repo::bare();
    let a = pool.commit_on(MAIN, &[(".env", Some(&env(reached)))], "A");
    pool.commit_on("refs/heads/others", &[("private", Some(&env(unreached)))], "of another fork");
    pool.blob(format!("loose {}", env(unreached)));
    pool.finish();
    (pool, a)
}

#[test]
fn only_what_something_here_reaches_is_read_from_an_alternate() {
    //  pool: A + (main), X + (others), a loose blob +
    //  fork: A ── B -   main          every object of A stands in the pool alone
    let (reached, unreached) = (live_key(601), live_key(602));
    let (mut pool, a) = pool(&reached, &unreached);
    for packed in [false, true] {
        if packed {
            pool.git(&["repack", "-adq"]);
            pool.git(&["prune-packed", "-q"]);
        }
        let mut fork = Repo::bare();
        borrow(&fork, format!("{}/objects\n", pool.path().display()).as_bytes());
        let tree = fork.tree(&Files::new());
        let b = fork.commit(&Commit::new(tree, &[a], 1_704_200_000, "B"));
        fork.set_ref(MAIN, b);
        let found = audit(&mut fork).complete();
        let key = found.only(&reached);
        let names = [("A", a), ("B", b)];
        assert_eq!(entries(&key["introductions"], &names), ["A file .env key"]);
        assert_eq!(entries(&key["removals"], &names), ["B file .env key"]);
        let repository = &found.report["repositories"][0];
        assert_eq!((&repository["commits"], &repository["blobs"]), (&2.into(), &1.into()), "packed: {packed}");
        assert_eq!(repository["unreachable"], serde_json::json!({"commits": 0, "blobs": 0}));
    }
}

#[test]
fn what_a_reflog_or_an_index_reaches_in_an_alternate_is_read() {
    //  pool: A +, X +        fork: nothing of its own but an index that names A's file, and a reflog that names X
    let (staged, logged) = (live_key(603), live_key(604));
    let (mut pool, _) = pool(&staged, &logged);
    let x = String::from_utf8(pool.git(&["rev-parse", "refs/heads/others"])).unwrap();
    let blob = String::from_utf8(pool.git(&["rev-parse", "main:.env"])).unwrap();
    let mut fork = Repo::with_work_tree();
    borrow(&fork, format!("{}/objects\n", pool.path().display()).as_bytes());
    fork.git_with_input(
        &["update-index", "--add", "--index-info"],
        format!("100644 {}\t.env\n", blob.trim()).as_bytes(),
    );
    let line = format!("{} {} A <a@example.test> 1704067200 +0000\tclone\n", "0".repeat(40), x.trim());
    overwrite(&fork.git_directory().join("logs/refs/heads/gone"), line.as_bytes());
    let found = audit(&mut fork).complete();
    assert_eq!(text(&found.key(&staged)["unreachable"][0]["via"]), "index");
    assert_eq!(text(&found.key(&logged)["unreachable"][0]["via"]), "refs/heads/gone@{0}");
}

#[test]
fn placeholders_and_other_vendors_of_an_alternate_are_counted_only_where_reached() {
    //  pool: X (a placeholder, a Stripe key) on another fork's branch        fork: A   main
    let stripe = crate::common::secrets::look_alike(605, 24);
    let placeholder = format!("sk_{}_{}", "test", "x".repeat(42));
    let mut pool = Repo::bare();
    pool.commit_on(MAIN, &[("x", Some(&format!("{stripe}\n{placeholder}\n")))], "X");
    pool.finish();
    let mut fork = Repo::bare();
    fork.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    borrow(&fork, format!("{}/objects\n", pool.path().display()).as_bytes());
    let found = audit(&mut fork).complete();
    assert_eq!(found.report["other_vendors"], serde_json::json!([]));
    assert_eq!(found.report["placeholders"], 0);
}

#[test]
fn relative_colon_and_quoted_paths_of_alternates_are_followed() {
    //  fork ── objects/info/alternates ── pool (its path relative; with a colon; with a quote, quoted as git does)
    let key = live_key(606);
    let unreached = test_key(607);
    for (name, line) in [
        ("pool.git", "../../pool.git/objects\n"),
        ("co:lon.git", "../../co:lon.git/objects\n"),
        ("quo\"te.git", "\"../../quo\\\"te.git/objects\"\n"),
        ("t\u{e9}l\u{e9}.git", "\"../../t\\303\\251l\\303\\251.git/objects\"\n"),
        ("commented.git", "# a comment\n\n../../commented.git/objects\n"),
    ] {
        let (pool, a) = pool(&key, &unreached);
        let mut fork = Repo::bare();
        std::fs::rename(pool.path(), fork.beside(name)).unwrap();
        borrow(&fork, line.as_bytes());
        git_reads(&mut fork, a);
        fork.set_ref(MAIN, a);
        let found = audit(&mut fork).complete();
        assert_eq!(held(found.only(&key)), [MAIN], "{name}");
    }
}

#[test]
fn alternates_of_alternates_are_followed_and_cycles_end() {
    //  fork ──► middle ──► pool ──► fork
    let (key, unreached) = (live_key(608), live_key(609));
    let (pool, a) = pool(&key, &unreached);
    let middle = Repo::bare();
    let mut fork = Repo::bare();
    let objects = |path: &Path| format!("{}/objects\n", path.display()).into_bytes();
    borrow(&middle, &objects(pool.path()));
    borrow(&fork, &objects(middle.path()));
    borrow(&pool, &objects(fork.path()));
    fork.set_ref(MAIN, a);
    let found = audit(&mut fork).complete();
    assert_eq!(held(found.only(&key)), [MAIN]);
}

#[test]
fn an_alternate_that_is_gone_is_a_gap() {
    //  fork ──► (gone)        main: A, whose objects went with it
    let key = live_key(610);
    let (pool, a) = pool(&key, &test_key(611));
    let mut fork = Repo::bare();
    borrow(&fork, format!("{}/objects\n", pool.path().display()).as_bytes());
    fork.set_ref(MAIN, a);
    fork.finish();
    drop(pool);
    let found = audit(&mut fork);
    assert_eq!(found.code, 3);
    assert!(
        found.reasons().contains(&"unreadable") && found.reasons().contains(&"broken_ref"),
        "{:?}",
        found.skipped()
    );
}

#[test]
fn a_tree_here_that_names_a_blob_there_is_whole() {
    //  pool: blob + (named by nothing there)        fork: A, whose tree names that blob
    let key = live_key(612);
    let mut pool = Repo::bare();
    let blob = pool.blob(env(&key));
    pool.finish();
    let mut fork = Repo::bare();
    borrow(&fork, format!("{}/objects\n", pool.path().display()).as_bytes());
    let tree = fork.tree(&Files::from([(b".env".to_vec(), (Mode::File, blob))]));
    let a = fork.commit(&Commit::new(tree, &[], 1_704_200_000, "A"));
    fork.set_ref(MAIN, a);
    let found = audit(&mut fork).complete();
    assert_eq!(entries(&found.only(&key)["introductions"], &[("A", a)]), ["A file .env key"]);
}
