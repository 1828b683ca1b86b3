//! What runs: which repositories an audit is of, and how they are named.

use std::path::Path;

use super::support::{MAIN, env, folder, found, git_in, held, list, text};
use crate::common::fixture::Repo;
use crate::common::run::Audit;
use crate::common::secrets::live_key;

/// A repository with a key at the tip of its only branch.
fn leaky(mut repo: Repo, seed: u64) -> Repo {
    repo.commit_on(MAIN, &[(".env", Some(&env(&live_key(seed))))], "A");
    repo.finish();
    repo
}

fn json() -> Audit {
    Audit::new(&["history", "--format", "json"])
}

fn paths(report: &serde_json::Value) -> Vec<String> {
    list(&report["repositories"]).map(|one| text(&one["path"]).to_owned()).collect()
}

/// The path as reports name it.
fn real(path: &Path) -> String {
    path.canonicalize().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn without_a_name_it_is_the_repository_one_stands_in() {
    //  repository/ (work tree), repository/a/b/          A +   main
    let repo = leaky(Repo::with_work_tree(), 801);
    let below = repo.path().join("a/b");
    std::fs::create_dir_all(&below).unwrap();
    for place in [repo.path(), &below, &repo.path().join(".git"), &repo.path().join(".git/refs")] {
        let found = found(&json().from(place).run()).complete();
        assert_eq!(held(found.only(&live_key(801))), [MAIN], "{}", place.display());
        let found = super::support::found(&json().from(place).and(".").run()).complete();
        assert!(found.has(&live_key(801)), "`.` means the same, in {}", place.display());
    }
}

#[test]
fn bare_work_tree_and_git_directory_can_be_named() {
    let (bare, full) = (leaky(Repo::bare(), 802), leaky(Repo::with_work_tree(), 803));
    for (path, key, name) in [
        (bare.path().to_owned(), 802, real(bare.path())),
        (full.path().to_owned(), 803, real(full.path())),
        (full.path().join(".git"), 803, real(full.path())),
    ] {
        let found = found(&json().and(&path).run()).complete();
        assert_eq!((found.code, paths(&found.report)), (1, vec![name]));
        assert!(found.has(&live_key(key)));
    }
}

#[test]
fn a_relative_path_is_from_where_one_stands() {
    let repo = leaky(Repo::bare(), 804);
    let found = found(&json().from(repo.path().parent().unwrap()).and("repository").run()).complete();
    assert!(found.has(&live_key(804)));
}

#[test]
fn a_linked_worktree_is_its_repository() {
    //  repository/.git/worktrees/side  ◄── side/.git (a file)
    let mut repo = leaky(Repo::with_work_tree(), 805);
    let side = repo.beside("side");
    repo.git(&["worktree", "add", "--quiet", "--detach", side.to_str().unwrap(), "main"]);
    let by_worktree = found(&json().and(&side).run()).complete();
    assert_eq!(held(by_worktree.only(&live_key(805))), [MAIN, "worktrees/side/HEAD"]);
    let both = found(&json().and(&side).and(repo.path()).run()).complete();
    assert_eq!(list(&both.report["repositories"]).count(), 1, "one repository, however many of its worktrees");
    assert_eq!(both.only(&live_key(805))["held_at"]["count"], 2);
}

#[test]
fn a_git_file_is_followed() {
    //  checkout/.git (a file: "gitdir: ../repository", as submodules have it)
    let repo = leaky(Repo::bare(), 806);
    let checkout = repo.beside("checkout");
    std::fs::create_dir(&checkout).unwrap();
    for target in ["../repository".to_owned(), repo.path().to_str().unwrap().to_owned()] {
        std::fs::write(checkout.join(".git"), format!("gitdir: {target}\n")).unwrap();
        let found = found(&json().and(&checkout).run()).complete();
        assert!(found.has(&live_key(806)), "{target}");
    }
}

#[test]
fn git_dir_names_the_repository_unless_one_is_named() {
    let (one, two) = (leaky(Repo::bare(), 807), leaky(Repo::with_work_tree(), 808));
    let elsewhere = folder();
    let by_variable = found(&json().from(elsewhere.path()).variable("GIT_DIR", one.path()).run()).complete();
    assert!(by_variable.has(&live_key(807)));
    let relative = found(&json().from(two.path()).variable("GIT_DIR", ".git").run()).complete();
    assert!(relative.has(&live_key(808)));
    let inside = found(&json().from(two.path()).variable("GIT_DIR", one.path()).run()).complete();
    assert!(inside.has(&live_key(807)) && !inside.has(&live_key(808)), "as git does, before where one stands");
    let named = found(&json().variable("GIT_DIR", one.path()).and(two.path()).run()).complete();
    assert!(named.has(&live_key(808)) && !named.has(&live_key(807)));
    let wrong = json().from(two.path()).variable("GIT_DIR", elsewhere.path()).run();
    assert_eq!(wrong.code, Some(3));
}

#[test]
fn repos_from_reads_a_list_from_a_file_or_standard_input() {
    let (one, two) = (leaky(Repo::bare(), 809), leaky(Repo::with_work_tree(), 810));
    let list_text = format!("# ours\n\n{}\n  {}\t\r\n", one.path().display(), two.path().display());
    let place = folder();
    let file = place.path().join("list");
    std::fs::write(&file, &list_text).unwrap();
    let from_file = found(&json().and("--repos-from").and(&file).run()).complete();
    let from_input = found(&json().and("--repos-from").and("-").input(list_text.as_bytes()).run()).complete();
    for found in [from_file, from_input] {
        assert_eq!(paths(&found.report), [real(one.path()), real(two.path())]);
        assert!(found.has(&live_key(809)) && found.has(&live_key(810)));
    }
    let missing = json().and("--repos-from").and(place.path().join("nosuch")).run();
    assert_eq!(missing.code, Some(2), "{}", missing.errors());
    assert!(missing.errors().contains("error:"), "{}", missing.errors());
}

#[test]
fn repos_under_takes_every_repository_below_and_is_caught_in_no_loop() {
    //  top/a (work tree), top/a/nested/b.git (bare, inside it), top/deep/er/c, top/loop -> top, top/empty
    let place = folder();
    let top = place.path().join("top");
    for (path, seed, bare) in [("a", 811, false), ("a/nested/b.git", 812, true), ("deep/er/c", 813, false)] {
        let repo = leaky(if bare { Repo::bare() } else { Repo::with_work_tree() }, seed);
        let to = top.join(path);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::rename(repo.path(), &to).unwrap();
    }
    std::fs::create_dir(top.join("empty")).unwrap();
    std::os::unix::fs::symlink(&top, top.join("loop")).unwrap();
    std::os::unix::fs::symlink("../..", top.join("deep/er/up")).unwrap();
    let found = found(&json().and("--repos-under").and(&top).run()).complete();
    let expected: Vec<String> = ["a", "a/nested/b.git", "deep/er/c"].map(|path| real(&top.join(path))).into();
    assert_eq!(paths(&found.report), expected);
    assert!([811, 812, 813].iter().all(|seed| found.has(&live_key(*seed))));
}

#[test]
fn nothing_below_a_directory_is_no_clean_audit() {
    let place = folder();
    let run = json().and("--repos-under").and(place.path()).run();
    assert_eq!(run.code, Some(3), "{}", run.errors());
    assert!(run.errors().contains("error:"), "{}", run.errors());
    let run = json().and("--repos-under").and(place.path().join("nosuch")).run();
    assert_eq!(run.code, Some(3), "{}", run.errors());
}

#[test]
fn a_checkout_below_whose_repository_is_gone_is_told() {
    //  top/a (sound), top/b/.git (a file that leads nowhere), top/c/.git (a directory whose HEAD is lost)
    let place = folder();
    let sound = leaky(Repo::with_work_tree(), 814);
    std::fs::rename(sound.path(), place.path().join("a")).unwrap();
    let whole = found(&json().and("--repos-under").and(place.path()).run());
    assert_eq!(whole.code, 1);
    std::fs::create_dir(place.path().join("b")).unwrap();
    std::fs::write(place.path().join("b/.git"), "gitdir: /nowhere/at/all\n").unwrap();
    let with_file = found(&json().and("--repos-under").and(place.path()).run());
    assert_eq!(with_file.code, 3, "a checkout that cannot be read is no part of a clean audit");
    std::fs::remove_dir_all(place.path().join("b")).unwrap();
    let broken = leaky(Repo::with_work_tree(), 815);
    std::fs::remove_file(broken.path().join(".git/HEAD")).unwrap();
    std::fs::rename(broken.path(), place.path().join("c")).unwrap();
    let with_directory = found(&json().and("--repos-under").and(place.path()).run());
    assert_eq!(with_directory.code, 3, "nor is one without its HEAD");
}

#[test]
fn a_bare_repository_below_that_is_broken_is_told() {
    //  top/a.git (sound), top/project (directories of a repository's names), top/x.git (its refs or its HEAD are lost)
    let place = folder();
    let sound = leaky(Repo::bare(), 823);
    std::fs::rename(sound.path(), place.path().join("a.git")).unwrap();
    for name in ["config", "objects"] {
        std::fs::create_dir_all(place.path().join("project").join(name)).unwrap();
    }
    let under = || found(&json().and("--repos-under").and(place.path()).run());
    assert_eq!(paths(&under().complete().report).len(), 1);
    for lost in ["refs", "HEAD"] {
        let broken = leaky(Repo::bare(), 824);
        let (to, lost) = (place.path().join("x.git"), broken.path().join(lost));
        if lost.is_dir() { std::fs::remove_dir_all(lost) } else { std::fs::remove_file(lost) }.unwrap();
        std::fs::rename(broken.path(), &to).unwrap();
        let with = under();
        assert_eq!((with.code, paths(&with.report).len()), (3, 2), "what cannot be read is no part of a clean audit");
        std::fs::remove_dir_all(&to).unwrap();
    }
}

#[test]
fn a_submodule_below_is_a_repository_of_its_own() {
    //  top (work tree) ── lib/ (a submodule: lib/.git is a file, its repository is top/.git/modules/lib)
    let library = leaky(Repo::bare(), 816);
    let mut top = Repo::with_work_tree();
    top.commit_on(MAIN, &[("README", Some("top\n"))], "A");
    top.git(&["reset", "--quiet", "--hard"]);
    let from = library.path().to_str().unwrap();
    top.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", from, "lib"]);
    let alone = found(&json().and(top.path()).run()).complete();
    assert_eq!((alone.code, &alone.report["repositories"][0]["not_ours"]["submodules"]), (0, &0.into()));
    let under = found(&json().and("--repos-under").and(top.path()).run()).complete();
    assert_eq!(list(&under.report["repositories"]).count(), 2);
    assert!(under.has(&live_key(816)));
    let named = found(&json().and(top.path().join("lib")).run()).complete();
    assert!(named.has(&live_key(816)));
    git_in(top.path(), &["commit", "--quiet", "-m", "lib"]);
    let committed = found(&json().and(top.path()).run()).complete();
    assert_eq!(committed.report["repositories"][0]["not_ours"]["submodules"], 1);
}

#[test]
fn not_a_repository_is_an_error_with_a_hint_and_exit_3() {
    let place = folder();
    let run = Audit::new(&["history"]).and(place.path()).run();
    assert_eq!((run.code, run.text().as_str()), (Some(3), ""));
    assert!(run.errors().contains("not a git repository") && run.errors().contains("hint:"), "{}", run.errors());
    let run = Audit::new(&["history"]).and(place.path().join("nosuch")).run();
    assert_eq!(run.code, Some(3));
    assert!(run.errors().contains("cannot read") && run.errors().contains("nosuch"), "{}", run.errors());
    let run = Audit::new(&["history"]).from(place.path()).run();
    assert_eq!(run.code, Some(3));
    let told = found(&json().and(place.path()).run());
    assert_eq!((told.code, told.reasons()), (3, vec!["unreadable"]));
    assert_eq!(told.report["repositories"][0]["object_format"], serde_json::Value::Null);
}

#[test]
fn a_folder_inside_a_work_tree_is_no_repository_and_the_hint_names_the_one_around_it() {
    let repo = leaky(Repo::with_work_tree(), 817);
    let below = repo.path().join("src");
    std::fs::create_dir(&below).unwrap();
    let run = Audit::new(&["history"]).and(&below).run();
    assert_eq!(run.code, Some(3));
    let errors = run.errors();
    assert!(errors.contains("hint:") && errors.contains(&real(repo.path())), "{errors}");
}

#[test]
fn a_repository_that_nobody_may_look_into_is_told_as_that() {
    use std::os::unix::fs::PermissionsExt as _;
    let set = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let (bare, tree) = (leaky(Repo::bare(), 823), leaky(Repo::with_work_tree(), 824));
    for (closed, named) in [(bare.path().to_owned(), bare.path()), (tree.path().join(".git"), tree.path())] {
        set(&closed, 0o000);
        // Root may look all the same.
        let is_closed = std::fs::metadata(closed.join("HEAD")).is_err();
        let run = Audit::new(&["history"]).and(named).run();
        set(&closed, 0o755);
        if is_closed {
            assert_eq!(run.code, Some(3), "{}", run.errors());
            assert!(run.errors().contains("error: cannot read ") && run.errors().contains("ermission denied"));
            assert!(run.errors().contains("as somebody who may read it"), "{}", run.errors());
            assert!(!run.errors().contains("not a git repository"), "{}", run.errors());
        }
    }
}

#[test]
fn demo_makes_a_leaky_repository_and_shows_the_real_thing() {
    let place = folder();
    let run = Audit::new(&["demo"]).variable("TMPDIR", place.path()).run();
    assert_eq!(run.code, Some(0), "{}", run.errors());
    let text = run.text();
    assert!(text.starts_with("Found 4 Clerk secret keys (2 live, 2 test)"), "{text}");
    assert!(text.contains("Stripe") && text.contains("v1.0") && text.contains("Merge branch 'feature'"), "{text}");
    let made: Vec<_> = std::fs::read_dir(place.path()).unwrap().flatten().map(|entry| entry.path()).collect();
    assert_eq!(made.len(), 1, "all in one temporary folder");
    let found = found(&json().and(made[0].join("shop")).run()).complete();
    assert_eq!(found.code, 1, "the key at the tip makes a real audit fail");
    assert!(std::fs::read_to_string(made[0].join("checklist.md")).unwrap().contains("- [ ]"));
}

#[test]
fn wrong_usage_exits_2() {
    for arguments in [
        &["history", "--nosuch"][..],
        &["nosuch"],
        &["history", "--format", "xml"],
        &["history", "--max-blob-size", "many"],
        &["history", "--threads", "0"],
        &["history", "--reason", "without --write-known"],
        &[],
    ] {
        let run = Audit::new(arguments).run();
        assert_eq!((run.code, run.text().as_str()), (Some(2), ""), "{arguments:?}");
        assert!(!run.errors().is_empty());
    }
    for arguments in [&["--help"][..], &["history", "--help"], &["--version"]] {
        assert_eq!(Audit::new(arguments).run().code, Some(0));
    }
}

#[test]
fn repos_under_takes_submodules_that_are_checked_out_no_more() {
    //  top/.git/modules/lib (and in it lib/modules/deeper), with no checkout left
    let top = leaky(Repo::with_work_tree(), 820);
    for (name, seed) in [("modules/lib", 821), ("modules/lib/modules/deeper", 822)] {
        let lib = leaky(Repo::bare(), seed);
        let to = top.path().join(".git").join(name);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::rename(lib.path(), to).unwrap();
    }
    let found = found(&json().and("--repos-under").and(top.path()).run()).complete();
    assert!((820..=822).all(|seed| found.has(&live_key(seed))));
    assert_eq!(list(&found.report["repositories"]).count(), 3);
}
