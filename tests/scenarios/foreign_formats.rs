//! Bad input: formats of repositories that not every reader knows. They are read, or said not to be.

use std::path::Path;

use super::support::{MAIN, audit_at, env, folder, git_in, held, overwrite, text};
use crate::common::fixture::Repo;
use crate::common::git;
use crate::common::secrets::{live_key, test_key};

#[test]
fn a_sha_256_repository_is_read() {
    //  A + ── B -   main; a branch with another key; a loose blob +      all ids have 64 digits
    let keys = [live_key(1301), live_key(1302), test_key(1303), live_key(1304)];
    let place = folder();
    let path = place.path();
    git_in(path, &["init", "--quiet", "--template=", "--initial-branch=main", "--object-format=sha256"]);
    let commit = |content: Option<String>, message: &str| {
        match content {
            Some(content) => {
                std::fs::write(path.join(".env"), content).unwrap();
                git_in(path, &["add", ".env"]);
            }
            None => _ = git_in(path, &["rm", "--quiet", ".env"]),
        }
        git_in(path, &["commit", "--quiet", "-m", message]);
        git_in(path, &["rev-parse", "HEAD"])
    };
    let a = commit(Some(env(&keys[0])), "A");
    let b = commit(None, "B");
    git_in(path, &["checkout", "--quiet", "-b", "side"]);
    commit(Some(format!("{}{}", "padding\n".repeat(100), env(&keys[1]))), "side");
    git_in(path, &["checkout", "--quiet", "main"]);
    git::run(git::command(path), &["hash-object", "-w", "--stdin"], env(&keys[2]).as_bytes());
    for packed in [false, true] {
        if packed {
            git_in(path, &["pack-refs", "--all"]);
            git_in(path, &["repack", "-adq"]);
            git_in(path, &["prune-packed", "-q"]);
            std::fs::write(path.join("staged"), env(&keys[3])).unwrap();
            git_in(path, &["add", "staged"]);
        }
        let found = audit_at(path).complete();
        assert_eq!(found.report["repositories"][0]["object_format"], "sha256");
        let of = found.key(&keys[0]);
        assert_eq!(text(&of["introductions"][0]["commit"]), a);
        assert_eq!(text(&of["removals"][0]["commit"]), b);
        assert_eq!(held(found.key(&keys[1])), ["refs/heads/side"]);
        assert_eq!(text(&found.key(&keys[2])["standing"]), "unreachable");
        assert_eq!(found.has(&keys[3]), packed);
    }
}

/// A repository whose refs stand in a stack of tables, where this git can make one (2.45 and later).
fn with_reftable() -> Option<tempfile::TempDir> {
    let place = folder();
    let mut init = git::command(place.path());
    init.args(["init", "--quiet", "--template=", "--initial-branch=main", "--ref-format=reftable"]);
    let made = git::answer(init, b"").success;
    if !made {
        println!("this git makes no reftable repositories: this shows nothing");
    }
    made.then_some(place)
}

fn commit(path: &Path, content: &str, message: &str) -> String {
    std::fs::write(path.join(".env"), content).unwrap();
    git_in(path, &["add", ".env"]);
    git_in(path, &["commit", "--quiet", "-m", message]);
    git_in(path, &["rev-parse", "HEAD"])
}

#[test]
fn refs_and_reflogs_in_tables_are_read() {
    //  A + ── B -   main        P +   refs/pull/1/head        L + (only the reflog of side keeps it)
    //  worktrees/linked/HEAD: D +, detached; refs/heads/gone was deleted
    let keys: Vec<String> = (1310..1315).map(live_key).collect();
    let Some(place) = with_reftable() else { return };
    let path = &place.path().join("work");
    git_in(place.path(), &["init", "--quiet", "--template=", "--initial-branch=main", "--ref-format=reftable", "work"]);
    let a = commit(path, &env(&keys[0]), "A");
    let b = commit(path, "\n", "B");
    git_in(path, &["checkout", "--quiet", "-b", "side"]);
    let p = commit(path, &env(&keys[1]), "P");
    git_in(path, &["update-ref", "refs/pull/1/head", &p]);
    git_in(path, &["reset", "--quiet", "--hard", &b]);
    commit(path, &env(&keys[2]), "L");
    git_in(path, &["reset", "--quiet", "--hard", &b]);
    git_in(path, &["checkout", "--quiet", "-b", "gone"]);
    commit(path, &env(&keys[3]), "gone");
    git_in(path, &["checkout", "--quiet", "--detach", "main"]);
    commit(path, &env(&keys[4]), "D");
    let d = git_in(path, &["rev-parse", "HEAD"]);
    git_in(path, &["checkout", "--quiet", "main"]);
    git_in(path, &["branch", "--quiet", "-D", "gone"]);
    git_in(path, &["worktree", "add", "--quiet", "--detach", "../linked", &d]);
    for compacted in [false, true] {
        if compacted {
            git_in(path, &["pack-refs", "--all"]);
        }
        let found = audit_at(path).complete();
        assert_eq!(found.code, 1);
        let of = found.key(&keys[0]);
        assert_eq!((text(&of["introductions"][0]["commit"]), text(&of["removals"][0]["commit"])), (&*a, &*b));
        assert_eq!(text(&of["standing"]), "history");
        assert_eq!(held(found.key(&keys[1])), ["refs/pull/1/head"], "compacted: {compacted}");
        let logged = &found.key(&keys[2])["unreachable"][0]["via"];
        assert!(text(logged).contains("@{"), "by a reflog: {logged}");
        assert_eq!(text(&found.key(&keys[3])["standing"]), "unreachable");
        assert_eq!(held(found.key(&keys[4])), ["worktrees/linked/HEAD"]);
    }
}

#[test]
fn ten_thousand_refs_in_tables_are_read() {
    //  A +   refs/heads/b00000 … b09999, in blocks with an index, their names sharing prefixes; then some go
    let key = live_key(1320);
    let Some(place) = with_reftable() else { return };
    let a = commit(place.path(), &env(&key), "A");
    let updates: String = (0..10_000).map(|number| format!("create refs/heads/b{number:05} {a}\n")).collect();
    git::run(git::command(place.path()), &["update-ref", "--stdin"], updates.as_bytes());
    let deletes: String = (0..10_000).step_by(2).map(|number| format!("delete refs/heads/b{number:05}\n")).collect();
    git::run(git::command(place.path()), &["update-ref", "--stdin"], deletes.as_bytes());
    let found = audit_at(place.path()).complete();
    assert_eq!(found.only(&key)["held_at"]["count"], 5001);
    assert_eq!(held(found.only(&key))[1], "refs/heads/b00001");
}

#[test]
fn tables_that_cannot_be_read_are_gaps() {
    //  A +   main, but a table is gone, cut, rubbish, or its list is
    let key = live_key(1321);
    let Some(place) = with_reftable() else { return };
    commit(place.path(), &env(&key), "A");
    git_in(place.path(), &["pack-refs", "--all"]);
    let tables = place.path().join(".git/reftable");
    let names = std::fs::read_to_string(tables.join("tables.list")).unwrap();
    let table = tables.join(names.lines().next().unwrap());
    let whole = std::fs::read(&table).unwrap();
    for (what, content) in [
        ("empty", Vec::new()),
        ("cut in its header", whole[..10].to_vec()),
        ("cut in its middle", whole[..whole.len() / 2].to_vec()),
        ("cut before its footer", whole[..whole.len() - 68].to_vec()),
        ("rubbish", vec![0xff; 500]),
    ] {
        overwrite(&table, &content);
        let found = audit_at(place.path());
        assert_eq!(found.code, 3, "{what}: {:?}", found.skipped());
        assert!(found.has(&key), "{what}: the objects are read");
    }
    std::fs::remove_file(&table).unwrap();
    assert_eq!(audit_at(place.path()).code, 3, "gone");
    overwrite(&table, &whole);
    assert_eq!(audit_at(place.path()).complete().code, 1);
    for list in ["nosuch.ref\n", "../../../config\n", "\0\u{1}\n"] {
        overwrite(&tables.join("tables.list"), format!("{names}{list}").as_bytes());
        let found = audit_at(place.path());
        assert_eq!(found.code, 3, "{list:?}");
        assert!(found.has(&key));
    }
    std::fs::remove_file(tables.join("tables.list")).unwrap();
    let found = audit_at(place.path());
    assert!(found.has(&key) && found.code == 3, "without a list: {:?}", found.skipped());
}

#[test]
fn a_storage_of_refs_of_the_future_is_told() {
    //  A +        its refs stand in a format that nobody knows yet
    let key = live_key(1322);
    let mut repo = Repo::bare();
    let blob = repo.blob(env(&key));
    repo.finish();
    let config = "[core]\n\trepositoryformatversion = 1\n[extensions]\n\trefStorage = sqlite\n";
    overwrite(&repo.git_directory().join("config"), config.as_bytes());
    let found = audit_at(repo.path());
    assert_eq!((found.code, found.reasons()), (3, vec!["unsupported"]));
    assert_eq!(text(&found.key(&key)["unreachable"][0]["object"]), blob.to_string());
}

#[test]
fn an_object_format_of_the_future_is_told() {
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    repo.finish();
    let config = "[core]\n\trepositoryformatversion = 1\n[extensions]\n\tobjectFormat = blake3\n";
    overwrite(&repo.git_directory().join("config"), config.as_bytes());
    let found = audit_at(repo.path());
    assert_eq!((found.code, found.reasons()), (3, vec!["unreadable"]));
}

#[test]
fn packed_indexes_of_version_1_and_multi_pack_indexes_are_no_obstacle() {
    //  A + ── B   main        pack indexes of version 1; a multi-pack index over two packs; a commit-graph; bitmaps
    let key = live_key(1307);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    repo.git(&["-c", "pack.indexVersion=1", "repack", "-adq"]);
    assert!(audit_at(repo.path()).complete().has(&key));
    repo.commit_on(MAIN, &[("b", Some("b\n"))], "B");
    repo.git(&["repack", "-dq"]);
    repo.git(&["multi-pack-index", "write"]);
    repo.git(&["commit-graph", "write", "--reachable"]);
    let found = audit_at(repo.path()).complete();
    assert_eq!(found.report["repositories"][0]["commits"], 2);
    repo.git(&["repack", "-adbq"]);
    assert!(audit_at(repo.path()).complete().has(&key));
}
