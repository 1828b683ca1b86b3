//! `trace` over histories whose clocks say something else than their ancestry, and over several repositories.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is the failing test's message")]

mod common;

use std::path::Path;

use common::fixture::Repo;
use common::fixture::objects::{Commit, Files, Mode, ObjectType, Oid, Person, Tag};
use common::git;
use common::run::Audit;
use common::schema;
use common::secrets::live_key;
use serde_json::Value;

const MAIN: &str = "refs/heads/main";
const START: i64 = 1_704_000_000;

fn run(key: &str, repositories: &[&Path], format: &str) -> String {
    let audit = repositories.iter().fold(Audit::new(&["trace", "--format", format]), |audit, one| audit.and(one));
    let run = audit.input(format!("{key}\n").as_bytes()).run();
    assert_eq!(run.code, Some(1), "{}", run.errors());
    assert!(!run.text().contains(&key[12..44]));
    run.text()
}

fn json(key: &str, repositories: &[&Path]) -> Value {
    let told: Value = serde_json::from_str(&run(key, repositories, "json")).unwrap();
    let faults = schema::faults_of_trace(&told);
    assert!(faults.is_empty(), "the trace is not as docs/trace.schema.json has it:\n{}", faults.join("\n"));
    told
}

fn whats(trace: &Value) -> Vec<&str> {
    trace["events"].as_array().unwrap().iter().map(|event| event["what"].as_str().unwrap()).collect()
}

/// Makes a commit of a tree with a file or without, so many seconds after the start.
fn commit(repo: &mut Repo, content: Option<&str>, parents: &[Oid], seconds: i64) -> Oid {
    let mut files = Files::from([(b"a".to_vec(), (Mode::File, repo.blob("a\n")))]);
    if let Some(content) = content {
        files.insert(b".env".to_vec(), (Mode::File, repo.blob(content)));
    }
    let tree = repo.tree(&files);
    repo.commit(&Commit::new(tree, parents, START + seconds, &format!("{seconds}")))
}

/// A history in one line, the key in it or not at each of these seconds.
fn line(key: &str, commits: &[(bool, i64)]) -> Repo {
    let mut repo = Repo::bare();
    let text = format!("CLERK_SECRET_KEY={key}\n");
    let mut parents = Vec::new();
    for (with, seconds) in commits {
        parents = vec![commit(&mut repo, with.then_some(text.as_str()), &parents, *seconds)];
    }
    repo.set_ref(MAIN, parents[0]);
    repo.finish();
    repo
}

#[test]
fn what_happened_goes_by_ancestry_and_not_by_clocks() {
    let key = live_key(8201);
    for (commits, expected) in [
        // The removal is dated ahead of what brings it back.
        (&[(false, 0), (true, 100), (false, 5000), (true, 300)][..], &["introduced", "removed", "brought back"][..]),
        // All within one second.
        (
            &[(false, 0), (true, 0), (false, 0), (true, 0), (false, 0)],
            &["introduced", "removed", "brought back", "removed"],
        ),
        // The clock of the introducer is a day ahead.
        (&[(false, 0), (true, 86_400), (false, 100)], &["introduced", "removed"]),
        (
            &[(true, 500), (false, 400), (true, 300), (false, 200)],
            &["introduced", "removed", "brought back", "removed"],
        ),
    ] {
        let repo = line(&key, commits);
        assert_eq!(whats(&json(&key, &[repo.path()])), expected, "{commits:?}");
    }
}

#[test]
fn a_line_that_never_had_it_is_given_it_for_the_first_time() {
    //  0 ── A (+) ── B (−)   main        0 ── C (+)   other, later
    let key = live_key(8202);
    let mut repo = Repo::bare();
    let text = format!("K={key}\n");
    let zero = commit(&mut repo, None, &[], 0);
    let a = commit(&mut repo, Some(&text), &[zero], 100);
    let b = commit(&mut repo, None, &[a], 200);
    let c = commit(&mut repo, Some(&text), &[zero], 300);
    repo.set_ref(MAIN, b);
    repo.set_ref("refs/heads/other", c);
    repo.finish();
    assert_eq!(whats(&json(&key, &[repo.path()])), ["introduced", "removed", "introduced"]);
    // A clone that lacks the first line tells of the commit that both have the same.
    let clone = repo.beside("clone.git");
    git::run(
        git::command(repo.path()),
        &["clone", "--quiet", "--bare", "--single-branch", "--branch", "other", ".", clone.to_str().unwrap()],
        b"",
    );
    let told = json(&key, &[&clone, repo.path()]);
    assert_eq!(whats(&told), ["introduced", "removed", "introduced"]);
    assert_eq!(told["events"][2]["repositories"].as_array().unwrap().len(), 2);
}

#[test]
fn one_commit_in_a_whole_and_in_a_cut_clone_is_told_once_and_as_the_whole_one_has_it() {
    let key = live_key(8203);
    let repo = line(&key, &[(false, 0), (true, 100)]);
    let clone = repo.beside("shallow.git");
    let url = format!("file://{}", repo.path().display());
    git::run(
        git::command(repo.path()),
        &["clone", "--quiet", "--bare", "--depth", "1", &url, clone.to_str().unwrap()],
        b"",
    );
    let audit = Audit::new(&["trace", "--format", "json"]).and(&clone).and(repo.path());
    let run = audit.input(format!("{key}\n").as_bytes()).run();
    let told: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(whats(&told), ["introduced"], "{told:#}");
    let event = &told["events"][0];
    assert_eq!((event["at_or_before"].as_bool(), event["repositories"].as_array().unwrap().len()), (Some(false), 2));
}

#[test]
fn an_exposure_does_not_run_backwards() {
    let key = live_key(8204);
    let repo = line(&key, &[(false, 0), (true, 86_400), (false, 100)]);
    let text = run(&key, &[repo.path()], "text");
    assert!(text.contains("until a commit removed it, which is dated before that"), "{text}");
}

#[test]
fn it_is_said_of_each_repository_whether_it_has_it_and_of_each_ref_whose_it_is() {
    let key = live_key(8205);
    let repo = line(&key, &[(false, 0), (true, 100), (false, 200)]);
    let clones: Vec<_> = (0..7).map(|number| repo.beside(&format!("clone{number}.git"))).collect();
    for clone in &clones {
        git::run(git::command(repo.path()), &["clone", "--quiet", "--mirror", ".", clone.to_str().unwrap()], b"");
    }
    git::run(git::command(&clones[3]), &["branch", "fork", "main"], b"");
    let mut clean = Repo::bare();
    clean.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    clean.finish();
    let all: Vec<&Path> = clones.iter().map(|clone| clone.as_path()).chain([repo.path(), clean.path()]).collect();
    let told = json(&key, &all);
    for one in told["searched"].as_array().unwrap() {
        let is_clean = one["path"] == clean.path().to_str().unwrap();
        assert_eq!(one["has_key"], !is_clean, "{one}");
    }
    let at = told["key"]["reachable_from"]["at"].as_array().unwrap();
    assert_eq!(at.len() as u64, told["key"]["reachable_from"]["count"].as_u64().unwrap());
    let forks: Vec<&Value> = at.iter().filter(|one| one["ref"] == "refs/heads/fork").collect();
    assert!(forks.len() == 1 && forks[0]["repository"] == clones[3].to_str().unwrap(), "{at:?}");
    for format in ["text", "markdown"] {
        let text = run(&key, &all, format);
        assert_eq!(text.matches("FOUND IN: ").count(), 8, "{text}");
        let line = text.lines().find(|line| line.contains("refs/heads/fork") || line.contains("heads/fork")).unwrap();
        assert!(line.contains("clone3.git") && !line.contains("clone2.git"), "{line}");
    }
    // Of one repository there is nothing to tell apart.
    assert!(json(&key, &[repo.path()])["key"]["reachable_from"]["at"].is_null());
}

#[test]
fn the_first_tag_is_the_earliest_of_all_repositories() {
    let key = live_key(8206);
    let mut repo = line(&key, &[(true, 100)]);
    let clone = repo.beside("clone.git");
    git::run(git::command(repo.path()), &["clone", "--quiet", "--mirror", ".", clone.to_str().unwrap()], b"");
    let tip = git::run(git::command(repo.path()), &["rev-parse", "main"], b"");
    let tip = String::from_utf8(tip).unwrap();
    let tag = |repo: &mut Repo, name: &str, seconds: i64| {
        let target = commit(repo, Some(&format!("CLERK_SECRET_KEY={key}\n")), &[], 100);
        assert_eq!(target.to_string(), tip.trim());
        let tag = repo.tag(&Tag {
            target,
            target_type: ObjectType::Commit,
            name: name.to_owned(),
            tagger: Some(Person::at("Tag", START + seconds)),
            message: b"x\n".to_vec(),
        });
        repo.set_ref(&format!("refs/tags/{name}"), tag);
        repo.finish();
    };
    tag(&mut repo, "late", 900);
    let mut other = line(&key, &[(true, 100)]);
    tag(&mut other, "early", 200);
    for repositories in [[repo.path(), other.path(), &clone], [&clone, other.path(), repo.path()]] {
        let told = json(&key, &repositories);
        assert_eq!(told["events"][0]["first_tag"]["tag"], "early", "{told:#}");
        assert_eq!(told["events"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn a_moment_with_an_odd_offset_is_told_in_utc() {
    let key = live_key(8430);
    let mut repo = Repo::bare();
    let blob = repo.blob(format!("CLERK_SECRET_KEY={key}\n"));
    let (with, without) = (Files::from([(b"x".to_vec(), (Mode::File, blob))]), Files::new());
    let mut parents = Vec::new();
    for (files, seconds, zone) in [(&with, START, "+9999"), (&without, START + 86_400, "+0060")] {
        let mut commit = Commit::new(repo.tree(files), &parents, seconds, "A");
        (commit.author.zone, commit.committer.zone) = (zone, zone);
        parents = vec![repo.commit(&commit)];
    }
    repo.set_ref(MAIN, parents[0]);
    repo.finish();
    let text = run(&key, &[repo.path()], "text");
    assert!(!text.contains("unknown time") && text.contains("2023-12-31 05:20:00 UTC"), "{text}");
    assert!(text.contains("2024-01-01 05:20:00 UTC"), "{text}");
    let told = json(&key, &[repo.path()]);
    assert_eq!(told["events"][0]["time"], "2023-12-31T05:20:00Z");
    // What was recorded is kept as it was.
    assert_eq!(told["events"][0]["committer"]["time"], Value::Null);
    assert_eq!(told["events"][0]["committer"]["time_raw"], "1704000000 +9999");
    let exposure = &told["key"]["exposure"];
    assert_eq!((&exposure["start"], &exposure["end"]), (&told["events"][0]["time"], &told["events"][1]["time"]));
}
