//! What comes out: several repositories in one report.

use super::support::{MAIN, env, folder, found, list, text};
use crate::common::fixture::Repo;
use crate::common::fixture::objects::{Commit, Files, Mode};
use crate::common::run::Audit;
use crate::common::secrets::{live_key, test_key};

#[test]
fn one_that_cannot_be_read_does_not_stop_the_others() {
    //  one: A +   main        (no repository)        two: A +   main        (nothing there at all)
    let keys = [live_key(1701), test_key(1702)];
    let mut repos = [Repo::bare(), Repo::bare()];
    for (repo, key) in repos.iter_mut().zip(&keys) {
        repo.commit_on(MAIN, &[(".env", Some(&env(key)))], "A");
        repo.finish();
    }
    let place = folder();
    for format in ["json", "text", "markdown", "jsonl"] {
        let run = Audit::new(&["history", "--format", format])
            .and(repos[0].path())
            .and(place.path())
            .and(repos[1].path())
            .and(place.path().join("nosuch"))
            .run();
        assert_eq!(run.code, Some(3), "{format}");
        let errors = run.errors();
        assert!(errors.contains("not a git repository") && errors.contains("nosuch"), "{errors}");
        if format == "json" {
            let found = found(&run);
            assert!(keys.iter().all(|key| found.has(key)));
            let formats: Vec<bool> =
                list(&found.report["repositories"]).map(|one| one["object_format"].is_null()).collect();
            assert_eq!(formats, [false, true, false, true], "each is told, in the order it was named");
            assert_eq!(found.report["repositories"][1]["skipped"][0]["reason"], "unreadable");
        } else {
            let shown = run.text();
            assert!(keys.iter().all(|key| shown.contains(&key[..12])), "{shown}");
        }
    }
}

#[test]
fn the_same_key_in_two_repositories_is_one_key() {
    //  one: A + ── B -   main        two: X + (an hour before A) ── Y   main
    let key = live_key(1703);
    let mut two = Repo::bare();
    let x = two.commit_on(MAIN, &[("x", Some(&env(&key)))], "X");
    two.commit_on(MAIN, &[("y", Some("y\n"))], "Y");
    two.finish();
    let mut one = Repo::bare();
    one.commit_on("refs/heads/x", &[("z", Some("z\n"))], "to be later");
    one.commit_on(MAIN, &[("a", Some(&env(&key)))], "A");
    one.commit_on(MAIN, &[("a", None)], "B");
    one.finish();
    let found = found(&Audit::history(one.path()).and(two.path()).run()).complete();
    let of = found.only(&key);
    assert_eq!(found.report["summary"], serde_json::json!({"keys": 1, "live": 1, "test": 0, "open": 1}));
    assert_eq!(text(&of["first_introduced"]["commit"]), x.to_string(), "the earliest of all");
    assert_eq!(list(&of["introductions"]).map(|entry| text(&entry["path"])).collect::<Vec<_>>(), ["x", "a"]);
    let name = text(&of["held_at"]["at"][0]["repository"]).to_owned();
    assert!(name.ends_with(two.path().file_name().unwrap().to_str().unwrap()));
    assert_eq!((&of["held_at"]["count"], &of["exposure"]["open"]), (&1.into(), &true.into()));
    assert_eq!(of["exposure"]["end"], serde_json::Value::Null);
    assert_eq!(of["sightings"], 1, "both files are the same object");
}

#[test]
fn the_same_repository_named_twice_is_read_once() {
    let key = live_key(1704);
    let mut repo = Repo::with_work_tree();
    repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    repo.finish();
    let link = repo.beside("link");
    std::os::unix::fs::symlink(repo.path(), &link).unwrap();
    let run = Audit::history(repo.path())
        .and(repo.path())
        .and(repo.path().join(".git"))
        .and(&link)
        .and(repo.path().join("../repository/."))
        .and("--repos-under")
        .and(repo.path().parent().unwrap())
        .run();
    let found = found(&run).complete();
    assert_eq!(list(&found.report["repositories"]).count(), 1);
    assert_eq!(found.only(&key)["held_at"]["count"], 1);
}

#[test]
fn other_vendors_and_placeholders_are_joined() {
    //  both repositories have the same Stripe key and the same placeholder; one has a second of each
    let stripe = [1705, 1706].map(|seed| crate::common::secrets::look_alike(seed, 24));
    let placeholder = ["x", "a"].map(|letter| format!("sk_{}_{}", "test", letter.repeat(42)));
    let mut repos = [Repo::bare(), Repo::bare()];
    repos[0].commit_on(MAIN, &[("a", Some(&format!("{}\n{}\n", stripe[0], placeholder[0])))], "A");
    let second = format!("{}\n{}\n{}\n{}\n", stripe[0], stripe[1], placeholder[0], placeholder[1]);
    repos[1].commit_on(MAIN, &[("b", Some(&second))], "B");
    repos.iter_mut().for_each(Repo::finish);
    let found = found(&Audit::history(repos[0].path()).and(repos[1].path()).run()).complete();
    assert_eq!((found.code, &found.report["placeholders"]), (0, &2.into()));
    assert_eq!(found.report["other_vendors"][0]["count"], 2);
}

#[test]
fn who_is_known_to_have_brought_a_key_in_comes_before_where_a_clone_is_cut() {
    //  A + (its clock runs ahead) ── B   main        cut: B alone
    let key = live_key(1707);
    let mut repo = Repo::bare();
    let blob = repo.blob(env(&key));
    let tree = repo.tree(&Files::from([(b".env".to_vec(), (Mode::File, blob))]));
    let a = repo.commit(&Commit::new(tree, &[], 1_900_000_000, "A"));
    let b = repo.commit(&Commit::new(tree, &[a], 1_704_000_000, "B"));
    repo.set_ref(MAIN, b);
    repo.finish();
    let from = format!("file://{}", repo.path().display());
    for name in ["cut", "whole-is-before"] {
        let cut = repo.beside(name);
        super::support::git_in(cut.parent().unwrap(), &["clone", "--quiet", "--bare", "--depth", "1", &from, name]);
        for [one, other] in [[repo.path(), &cut], [&cut, repo.path()]] {
            let found = found(&Audit::history(one).and(other).run());
            let of = found.only(&key);
            let first = &of["first_introduced"];
            assert_eq!((text(&first["commit"]), &first["at_or_before"]), (a.to_string().as_str(), &false.into()));
            assert_eq!(of["exposure"]["start"], first["committer"]["time"]);
        }
    }
}

#[test]
fn what_clones_have_in_common_is_one_sighting() {
    //  A + ── B ++   main, and a clone of it in which C + is new
    let key = live_key(1708);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    repo.commit_on(MAIN, &[(".env", Some(&format!("{}{}", env(&key), env(&key))))], "B");
    repo.finish();
    let clone = repo.beside("clone");
    super::support::git_in(repo.path(), &["clone", "--quiet", "--bare", ".", clone.to_str().unwrap()]);
    let sightings = |found: &super::support::Found| found.only(&key)["sightings"].clone();
    let both = || found(&Audit::history(repo.path()).and(&clone).run()).complete();
    assert_eq!(sightings(&both()), 3);
    let new = super::support::git_in(&clone, &["commit-tree", "-m", &format!("C {key}"), "main^{tree}", "-p", "main"]);
    super::support::git_in(&clone, &["update-ref", MAIN, &new]);
    assert_eq!(sightings(&both()), 4);
}
