//! Bad input: shallow, partial and empty repositories, and what is none.

use std::io::Write as _;

use super::support::{MAIN, audit, audit_at, entries, env, git_in, list, text, unreachable};
use crate::common::fixture::Repo;
use crate::common::fixture::objects::{Files, Mode};
use crate::common::run::Audit;
use crate::common::secrets::live_key;

/// A clone of a repository in a folder beside it.
fn clone(repo: &mut Repo, options: &[&str]) -> std::path::PathBuf {
    repo.git(&["config", "uploadpack.allowFilter", "true"]);
    let clone = repo.beside("clone");
    _ = std::fs::remove_dir_all(&clone);
    let from = format!("file://{}", repo.path().display());
    let whole: Vec<&str> =
        ["clone", "--quiet"].into_iter().chain(options.iter().copied()).chain([from.as_str(), "clone"]).collect();
    git_in(repo.path().parent().unwrap(), &whole);
    clone
}

#[test]
fn a_clone_of_depth_1_blames_nobody() {
    //  A + ── B ── C   main        cloned with depth 1: C alone
    let key = live_key(1201);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    let b = repo.commit_on(MAIN, &[("b", Some("b\n"))], "B");
    let c = repo.commit_on(MAIN, &[("c", Some("c\n"))], "C");
    let clone = clone(&mut repo, &["--bare", "--depth", "1"]);
    let found = audit_at(&clone);
    assert_eq!((found.code, &found.report["complete"]), (3, &false.into()));
    assert_eq!(found.skipped(), [("shallow", b.to_string().as_str())]);
    let of = found.only(&key);
    assert_eq!(entries(&of["introductions"], &[("C", c)]), ["C file .env key"]);
    assert_eq!(of["introductions"][0]["at_or_before"], true);
    assert_eq!(of["first_introduced"]["at_or_before"], true);
    for format in ["text", "markdown"] {
        let run = Audit::new(&["history", "-v", "--format", format]).and(&clone).run();
        let told = run.text();
        assert_eq!(run.code, Some(3));
        assert!(told.contains("or before"), "{told}");
        assert!(!told.contains("Ada Author") && !told.contains("Carl Committer"), "nobody is named: {told}");
    }
}

#[test]
fn what_a_cut_commits_children_bring_is_theirs() {
    //  A ── B ── C +   main        cloned with depth 2: B and C
    let key = live_key(1202);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    repo.commit_on(MAIN, &[("b", Some("b\n"))], "B");
    let c = repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "C");
    let clone = clone(&mut repo, &["--bare", "--depth", "2"]);
    let found = audit_at(&clone);
    assert_eq!((found.code, found.reasons()), (3, vec!["shallow"]));
    let of = found.only(&key);
    assert_eq!(
        (text(&of["first_introduced"]["commit"]), &of["first_introduced"]["at_or_before"]),
        (c.to_string().as_str(), &false.into())
    );
}

#[test]
fn a_blobless_clone_does_not_pass_for_clean() {
    //  A + ── B -   main        cloned without blobs, bare: no content at all
    let key = live_key(1203);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[(".env", Some(&env(&key))), ("b", Some("b\n"))], "A");
    repo.commit_on(MAIN, &[(".env", None)], "B");
    let blob = repo.blob(env(&key));
    let clone = clone(&mut repo, &["--bare", "--filter=blob:none"]);
    let found = audit_at(&clone);
    assert_eq!((found.code, found.reasons()), (3, vec!["missing"]));
    assert_eq!(found.skipped().len(), 2, "each gap by its id");
    assert!(found.skipped().contains(&("missing", blob.to_string().as_str())));
    assert_eq!(list(&found.report["keys"]).count(), 0);
    let run = Audit::new(&["history"]).and(&clone).run();
    assert_eq!(run.code, Some(3));
    let verdict = run.text().lines().next().unwrap().to_owned();
    assert!(verdict.contains("INCOMPLETE") && verdict.contains("no all-clear"), "{verdict}");
}

#[test]
fn a_treeless_clone_does_not_pass_for_clean() {
    let key = live_key(1204);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("x/.env", Some(&env(&key)))], "A");
    let clone = clone(&mut repo, &["--bare", "--filter=tree:0"]);
    let found = audit_at(&clone);
    assert_eq!((found.code, found.reasons()), (3, vec!["missing"]));
}

#[test]
fn a_key_that_came_while_its_file_cannot_be_read_is_at_or_before() {
    //  A (.env: a blob that is missing) ── B (.env +)   main
    let key = live_key(1205);
    let mut repo = Repo::bare();
    let lost = format!("# other\n{}", env(&key));
    repo.commit_on(MAIN, &[(".env", Some(&lost))], "A");
    let b = repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "B");
    let victim = repo.blob(lost);
    repo.finish();
    std::fs::remove_file(super::support::loose_path(&repo, victim)).unwrap();
    let found = audit_at(repo.path());
    assert_eq!(found.code, 3);
    let first = &found.only(&key)["first_introduced"];
    assert_eq!((text(&first["commit"]), &first["at_or_before"]), (b.to_string().as_str(), &true.into()));
}

/// Loses the object of a file's content.
fn lose(repo: &mut Repo, content: &str) {
    let victim = repo.blob(content);
    repo.finish();
    std::fs::remove_file(super::support::loose_path(repo, victim)).unwrap();
}

#[test]
fn a_tip_whose_file_cannot_be_read_removes_nothing() {
    //  A (.env +) ── B (.env: a blob that is missing)   main
    let key = live_key(1210);
    let mut repo = Repo::bare();
    let lost = format!("{}more\n", env(&key));
    repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    repo.commit_on(MAIN, &[(".env", Some(&lost))], "B");
    lose(&mut repo, &lost);
    let found = audit_at(repo.path());
    assert_eq!((found.code, found.reasons()), (3, vec!["missing"]));
    let of = found.only(&key);
    assert_eq!((list(&of["removals"]).count(), &of["held_at"]["count"]), (0, &0.into()));
    let exposure = &of["exposure"];
    assert_eq!((&exposure["open"], text(&exposure["end_reason"])), (&true.into(), "open"), "the worse is told");
    let told = |format| Audit::new(&["history", "--format", format]).and(repo.path()).run().text();
    let plain = told("text");
    assert!(plain.contains("perhaps a ref's tip") && !plain.contains("own text"), "{plain}");
    let sheet = told("markdown");
    assert!(sheet.contains("**May still stand** at a ref's tip") && !sheet.contains("own text"), "{sheet}");
}

#[test]
fn a_key_that_is_gone_after_a_file_that_cannot_be_read_went_nobody_knows_when() {
    //  A (.env +) ── B (.env: a blob that is missing) ── C (.env gone)   main
    let key = live_key(1211);
    let mut repo = Repo::bare();
    let lost = format!("{}more\n", env(&key));
    repo.commit_on(MAIN, &[(".env", Some(&env(&key))), ("a", Some("a\n"))], "A");
    repo.commit_on(MAIN, &[(".env", Some(&lost))], "B");
    repo.commit_on(MAIN, &[(".env", None)], "C");
    lose(&mut repo, &lost);
    let found = audit_at(repo.path());
    let of = found.only(&key);
    assert_eq!((found.code, list(&of["removals"]).count()), (3, 0));
    let exposure = &of["exposure"];
    assert_eq!((&exposure["open"], text(&exposure["end_reason"])), (&false.into(), "removed"));
    assert_eq!(exposure["end"], serde_json::Value::Null);
}

#[test]
fn a_commit_whose_tree_is_missing_removes_nothing() {
    //  A (s/.env +) ── B (its tree is missing) ── C (s/.env +)   main;  D: the same with the tree of `s` alone
    for below in ["", ":s"] {
        let key = live_key(1212);
        let mut repo = Repo::bare();
        repo.commit_on(MAIN, &[("s/.env", Some(&env(&key)))], "A");
        let b = repo.commit_on(MAIN, &[("s/b", Some("b\n"))], "B");
        let c = repo.commit_on(MAIN, &[("s/b", None), ("c", Some("c\n"))], "C");
        let tree = if below.is_empty() { format!("{b}^{{tree}}") } else { format!("{b}{below}") };
        let tree = String::from_utf8(repo.git(&["rev-parse", &tree])).unwrap();
        std::fs::remove_file(repo.git_directory().join("objects").join(&tree[..2]).join(tree[2..].trim())).unwrap();
        let found = audit_at(repo.path());
        let of = found.only(&key);
        assert_eq!((found.code, list(&of["removals"]).count()), (3, 0), "{below}");
        let entries = list(&of["introductions"]).collect::<Vec<_>>();
        let [_, last] = entries[..] else { panic!("{entries:#?}") };
        assert_eq!((text(&last["commit"]), &last["at_or_before"]), (c.to_string().as_str(), &true.into()), "{below}");
        assert_eq!((&of["exposure"]["open"], &of["held_at"]["count"]), (&true.into(), &1.into()));
    }
}

#[test]
fn a_path_that_is_gone_for_sure_is_left_where_the_key_may_stand_at_another() {
    //  A (a +, b +) ── B (a: a blob that is missing, b gone)   main
    let key = live_key(1213);
    let mut repo = Repo::bare();
    let lost = format!("{}more\n", env(&key));
    repo.commit_on(MAIN, &[("a", Some(&env(&key))), ("b", Some(&format!("# b\n{}", env(&key))))], "A");
    let b = repo.commit_on(MAIN, &[("a", Some(&lost)), ("b", None)], "B");
    lose(&mut repo, &lost);
    let found = audit_at(repo.path());
    let of = found.only(&key);
    assert_eq!(entries(&of["removals"], &[("B", b)]), ["B file b path"]);
    assert_eq!(of["exposure"]["open"], true);
}

#[test]
fn a_key_that_may_have_moved_to_what_cannot_be_read_is_not_gone() {
    //  A (a +) ── B (a gone, x/y: a blob that is missing) ── C   main;  D: the tree of `x` is missing
    let key = live_key(1214);
    for tree in [false, true] {
        let mut repo = Repo::bare();
        let lost = format!("moved {}", env(&key));
        repo.commit_on(MAIN, &[("a", Some(&env(&key))), ("z", Some("z\n"))], "A");
        let b = repo.commit_on(MAIN, &[("a", None), ("x/y", Some(&lost))], "B");
        repo.commit_on(MAIN, &[("z", Some("zz\n"))], "C");
        if tree {
            repo.finish();
            let id = String::from_utf8(repo.git(&["rev-parse", "main:x"])).unwrap();
            std::fs::remove_file(repo.git_directory().join("objects").join(&id[..2]).join(id[2..].trim())).unwrap();
        } else {
            lose(&mut repo, &lost);
        }
        let found = audit_at(repo.path());
        let of = found.only(&key);
        assert_eq!((found.code, entries(&of["removals"], &[("B", b)])), (3, vec!["B file a path".to_owned()]));
        assert_eq!((&of["exposure"]["open"], text(&of["exposure"]["end_reason"])), (&true.into(), "open"), "{tree}");
        // Once that is gone too, nobody knows since when.
        repo.commit_on(MAIN, &[("x/y", None)], "D");
        repo.finish();
        let found = audit_at(repo.path());
        let exposure = &found.only(&key)["exposure"];
        assert_eq!((&exposure["open"], &exposure["end"]), (&false.into(), &serde_json::Value::Null), "{tree}");
    }
}

#[test]
fn a_key_that_may_have_come_from_what_cannot_be_read_is_at_or_before() {
    //  A (x/y: a blob that is missing) ── B (x/y gone, a +)   main
    let key = live_key(1215);
    let mut repo = Repo::bare();
    let lost = format!("moved {}", env(&key));
    repo.commit_on(MAIN, &[("x/y", Some(&lost)), ("z", Some("z\n"))], "A");
    let b = repo.commit_on(MAIN, &[("x/y", None), ("a", Some(&env(&key)))], "B");
    lose(&mut repo, &lost);
    let found = audit_at(repo.path());
    let first = &found.only(&key)["first_introduced"];
    assert_eq!((text(&first["commit"]), &first["at_or_before"]), (b.to_string().as_str(), &true.into()));
}

#[test]
fn what_cannot_be_read_and_does_not_change_has_no_part_in_it() {
    //  A (x/y: a blob that is missing) ── B (a +) ── C (a gone)   main        x/y stays
    let key = live_key(1216);
    let mut repo = Repo::bare();
    let lost = "nobody knows\n";
    repo.commit_on(MAIN, &[("x/y", Some(lost))], "A");
    let b = repo.commit_on(MAIN, &[("a", Some(&env(&key)))], "B");
    let c = repo.commit_on(MAIN, &[("a", None)], "C");
    lose(&mut repo, lost);
    let found = audit_at(repo.path());
    let of = found.only(&key);
    assert_eq!(entries(&of["introductions"], &[("B", b)]), ["B file a key"]);
    assert_eq!(entries(&of["removals"], &[("C", c)]), ["C file a key"]);
    assert_eq!(of["introductions"][0]["at_or_before"], false);
    assert_eq!((&of["exposure"]["open"], of["exposure"]["end"].is_null()), (&false.into(), false));
}

#[test]
fn a_tip_that_cannot_be_read_where_the_key_stood_may_hold_it() {
    //  A (x/.env: a blob that is missing) ── B (x/.env +) ── C (x/.env gone)   main        A: other
    let key = live_key(1217);
    let mut repo = Repo::bare();
    let lost = format!("# first\n{}", env(&key));
    repo.commit_on(MAIN, &[("x/.env", Some(&lost)), ("z", Some("z\n"))], "A");
    repo.branch("refs/heads/other", MAIN);
    repo.commit_on(MAIN, &[("x/.env", Some(&env(&key)))], "B");
    let c = repo.commit_on(MAIN, &[("x/.env", None)], "C");
    lose(&mut repo, &lost);
    let found = audit_at(repo.path());
    let of = found.only(&key);
    assert_eq!(entries(&of["removals"], &[("C", c)]), ["C file x/.env key"], "of its branch");
    assert_eq!((&of["exposure"]["open"], &of["held_at"]["count"]), (&true.into(), &0.into()), "the worse is told");
    // What no tip has any more holds nothing.
    repo.delete_ref("refs/heads/other");
    let found = audit(&mut repo);
    let exposure = &found.only(&key)["exposure"];
    assert_eq!((&exposure["open"], text(&exposure["end_reason"])), (&false.into(), "removed"));
}

#[test]
fn a_tip_may_hold_a_key_where_it_may_have_come_from() {
    //  A (x/y: a blob that is missing) ── B (x/y gone, a +) ── C (a gone)   main        A: a tag
    let key = live_key(1218);
    let mut repo = Repo::bare();
    let lost = format!("moved {}", env(&key));
    let a = repo.commit_on(MAIN, &[("x/y", Some(&lost)), ("z", Some("z\n"))], "A");
    repo.commit_on(MAIN, &[("x/y", None), ("a", Some(&env(&key)))], "B");
    repo.commit_on(MAIN, &[("a", None)], "C");
    repo.set_ref("refs/tags/v1", a);
    lose(&mut repo, &lost);
    let found = audit_at(repo.path());
    let of = found.only(&key);
    assert_eq!((&of["exposure"]["open"], &of["held_at"]["count"]), (&true.into(), &0.into()), "the worse is told");
    repo.delete_ref("refs/tags/v1");
    let found = audit(&mut repo);
    let exposure = &found.only(&key)["exposure"];
    assert_eq!((&exposure["open"], text(&exposure["end_reason"])), (&false.into(), "removed"));
}

#[test]
fn an_empty_repository_has_no_commits_and_is_clean() {
    for mut repo in [Repo::bare(), Repo::with_work_tree()] {
        let found = audit(&mut repo).complete();
        assert_eq!((found.code, &found.report["repositories"][0]["commits"]), (0, &0.into()));
        let run = Audit::new(&["history"]).and(repo.path()).run();
        assert_eq!(run.code, Some(0));
        assert!(run.text().lines().next().unwrap().contains("no commits"), "{}", run.text());
    }
}

#[test]
fn the_index_and_loose_objects_of_an_empty_repository_are_read() {
    //  (no commit)        index: .env +        a loose blob +
    let (staged, loose) = (live_key(1206), live_key(1207));
    let mut repo = Repo::with_work_tree();
    let blob = repo.blob(env(&staged));
    repo.blob(env(&loose));
    repo.git_with_input(&["update-index", "--add", "--index-info"], format!("100644 {blob}\t.env\n").as_bytes());
    let found = audit(&mut repo).complete();
    assert_eq!(found.code, 1);
    assert_eq!(unreachable(found.key(&staged)), ["blob file .env index"]);
    assert_eq!(unreachable(found.key(&loose)), ["blob file"]);
    assert_eq!(text(&found.key(&loose)["exposure"]["end_reason"]), "no_ref");
}

#[test]
fn a_repository_of_another_owner_is_read() {
    //  A +   main        every file belongs to somebody else (only root can make it so)
    let key = live_key(1208);
    let mut repo = Repo::with_work_tree();
    repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    repo.git(&["repack", "-adq"]);
    let mut pending = vec![repo.path().to_owned()];
    let mut given = true;
    while let Some(path) = pending.pop() {
        given &= std::os::unix::fs::lchown(&path, Some(54_321), Some(54_321)).is_ok();
        if path.is_dir() && !path.is_symlink() {
            pending.extend(std::fs::read_dir(&path).unwrap().flatten().map(|entry| entry.path()));
        }
    }
    if !given {
        println!("not root: nothing could be given away, so this shows nothing");
    }
    for reader in ["bulk", "libgit2"] {
        let found = super::support::audit_with(repo.path(), &["--reader", reader]).complete();
        assert!(found.has(&key));
    }
}

#[test]
fn a_file_in_which_a_limit_was_reached_removes_and_brings_in_nothing() {
    //  A (a.gz +) ── B (a.gz: the same, packed too often to be read)   main;        and B ── A
    let key = live_key(1220);
    let packed = |times: usize| {
        (0..times).fold(env(&key).into_bytes(), |bytes, _| {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gzip.write_all(&bytes).unwrap();
            gzip.finish().unwrap()
        })
    };
    for (first, second) in [(1, 9), (9, 1)] {
        let mut repo = Repo::bare();
        let mut last = Vec::new();
        for times in [first, second] {
            let blob = repo.blob(packed(times));
            let files = Files::from([(b"a.gz".to_vec(), (Mode::File, blob))]);
            last = vec![repo.commit_files(MAIN, files, &last, "packed")];
        }
        let found = audit(&mut repo);
        assert_eq!((found.code, found.reasons()), (3, vec!["limit"]));
        let of = found.only(&key);
        assert_eq!((list(&of["removals"]).count(), &of["exposure"]["open"]), (0, &true.into()));
        assert_eq!(of["first_introduced"]["at_or_before"], first == 9);
    }
}
