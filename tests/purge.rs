//! `purge-plan`, with the real `git filter-repo`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is the failing test's message")]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::fixture::Repo;
use common::fixture::objects::{Commit, Files, Mode, ObjectType, Person, Tag};
use common::git;
use common::run::{Audit, Outcome};
use common::secrets::{Alphabet, Padding, base64, live_key, test_key, utf16le};

const MAIN: &str = "refs/heads/main";

/// A folder outside of every repository, and a report in it.
struct Case {
    place: tempfile::TempDir,
    report: PathBuf,
}

impl Case {
    fn of(repositories: &[&Path]) -> Self {
        let place = tempfile::tempdir().unwrap();
        let report = place.path().join("report.json");
        let audit = Audit::new(&["history", "--format", "json", "--output"]).and(&report);
        let run = repositories.iter().fold(audit, |audit, repository| audit.and(repository)).run();
        assert_eq!(run.code, Some(1), "{}", run.errors());
        Self { place, report }
    }

    fn plan(&self, options: &[&str]) -> Outcome {
        let audit = Audit::new(&["purge-plan"]).and(&self.report).and("--to").and(self.to());
        options.iter().fold(audit, |audit, option| audit.and(option)).run()
    }

    fn to(&self) -> PathBuf {
        self.place.path().join("plan it's")
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// A key in every place of which a rewrite can reach anything.
fn plant() -> (Repo, Vec<String>) {
    let keys: Vec<String> =
        (0..12).map(|seed| if seed % 2 == 0 { live_key(9000 + seed) } else { test_key(9000 + seed) }).collect();
    let mut repo = Repo::bare();
    let encoded =
        |before: &str, key: &str| base64(format!("{before}{key}\n").as_bytes(), Alphabet::Standard, Padding::Full);
    let contents: Vec<(String, Vec<u8>)> = vec![
        (".env".to_owned(), format!("CLERK_SECRET_KEY={}\n", keys[0]).into_bytes()),
        ("wide.ps1".to_owned(), utf16le(&format!("$k = '{}'\r\n", keys[1]))),
        ("secret.yaml".to_owned(), format!("data:\n  k: {}\n", encoded("", &keys[2])).into_bytes()),
        ("one.b64".to_owned(), encoded("=", &keys[3]).into_bytes()),
        ("two.b64".to_owned(), encoded("a=", &keys[4]).into_bytes()),
        ("binary".to_owned(), [b"\0\x01\x02", keys[5].as_bytes(), b"\0"].concat()),
        (format!("dir-{}/{}.txt", keys[6], keys[6]), b"x\n".to_vec()),
    ];
    let mut files = Files::new();
    for (name, content) in contents {
        let blob = repo.blob(content);
        files.insert(name.into_bytes(), (Mode::File, blob));
    }
    let tree = repo.tree(&files);
    let mut first = Commit::new(tree, &[], 1_704_000_000, &format!("Use {} for now", keys[7]));
    first.author.name = format!("Ann {}", keys[8]).into();
    first.committer.email = format!("{}@example.test", keys[9]).into();
    let first = repo.commit(&first);
    let clean = repo.blob("clean\n");
    let tree = repo.tree(&Files::from([(b"a".to_vec(), (Mode::File, clean))]));
    let second = repo.commit(&Commit::new(tree, &[first], 1_704_000_100, "Clean up"));
    repo.set_ref(MAIN, second);
    repo.set_ref(&format!("refs/heads/try-{}", keys[10]), first);
    repo.set_ref("refs/pull/7/head", first);
    let tag = repo.tag(&Tag {
        target: second,
        target_type: ObjectType::Commit,
        name: "v1".to_owned(),
        tagger: Some(Person::at("Tag", 1_704_000_200)),
        message: format!("v1 with {}\n", keys[11]).into_bytes(),
    });
    repo.set_ref("refs/tags/v1", tag);
    repo.finish();
    (repo, keys)
}

#[test]
fn after_filter_repo_the_rewritten_repository_audits_clean() {
    let (repo, keys) = plant();
    let case = Case::of(&[repo.path()]);
    let run = case.plan(&[]);
    assert_eq!(run.code, Some(0), "{}", run.errors());
    assert!(run.text().is_empty(), "never on standard output");
    assert!(run.errors().contains("WARNING") && run.errors().contains("destroy"), "{}", run.errors());
    assert!(keys.iter().all(|key| !run.errors().contains(&key[10..40])));

    let work = case.place.path().join("work.git");
    let mut shell = Command::new("sh");
    shell
        .arg(case.to().join("1-repository/commands.sh"))
        .arg(&work)
        .env("CLERK_AUDIT", env!("CARGO_BIN_EXE_clerk-audit"))
        .env("HOME", git::empty_home())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null");
    let output = shell.output().expect("starting sh");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    assert!(said.contains("No Clerk secret key found"), "{said}");
    // What was clean is there still.
    let log = git::run(git::command(&work), &["log", "--format=%s", "--all"], b"");
    let log = String::from_utf8(log).unwrap();
    assert!(log.contains("Clean up") && log.contains("Use ***REMOVED*** for now"), "{log}");
    let env = git::run(git::command(&work), &["show", "main~1:.env"], b"");
    assert_eq!(env, b"CLERK_SECRET_KEY=***REMOVED***\n");
    // And the repository itself is as it was.
    assert_eq!(Audit::history(repo.path()).run().report()["summary"]["keys"], 12);
    for key in &keys {
        let objects = git::run(git::command(&work), &["cat-file", "--batch-all-objects", "--batch"], b"");
        assert!(!objects.windows(20).any(|window| window == &key.as_bytes()[20..40]));
    }
}

#[test]
fn the_files_are_ones_own_and_hold_every_spelling() {
    let key = live_key(9100);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[(".env", Some(&format!("K={key}\n")))], "A");
    repo.finish();
    let case = Case::of(&[repo.path()]);
    case.plan(&[]);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let place = case.to().join("1-repository");
    assert_eq!((mode(&case.to()), mode(&place)), (0o700, 0o700));
    assert_eq!(names(&case.to()), ["1-repository", "README.md"]);
    assert_eq!(names(&place), ["bfg.txt", "clerk_purge.py", "commands.sh", "expressions.txt", "strip-blobs.txt"]);
    for name in names(&place) {
        assert_eq!(mode(&place.join(&name)), 0o600, "{name}");
    }
    let expressions = std::fs::read(place.join("expressions.txt")).unwrap();
    let holds = |needle: &[u8]| expressions.windows(needle.len()).any(|window| window == needle);
    let wide: Vec<u8> = key.bytes().flat_map(|byte| [byte, 0]).collect();
    let hex: String = key.bytes().map(|byte| format!("{byte:02x}")).collect();
    let encoded = base64(key.as_bytes(), Alphabet::Standard, Padding::None);
    let wide_encoded = base64(&wide, Alphabet::Standard, Padding::None);
    assert!(holds(format!("literal:{key}==>***REMOVED***\n").as_bytes()));
    assert!(holds(&wide[..wide.len() - 1]) && holds(hex.as_bytes()) && holds(&encoded.as_bytes()[..60]));
    assert!(holds(&wide_encoded.as_bytes()[..120]));
    // Neither the commands nor the words have one.
    for path in [place.join("commands.sh"), case.to().join("README.md")] {
        assert!(!String::from_utf8(std::fs::read(path).unwrap()).unwrap().contains(&key[10..40]));
    }
}

#[test]
fn what_destroys_the_plan_destroys_nothing_else_wherever_it_is_typed() {
    let key = live_key(9110);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[(".env", Some(&format!("K={key}\n")))], "A");
    repo.finish();
    let case = Case::of(&[repo.path()]);
    case.plan(&[]);
    let readme = std::fs::read_to_string(case.to().join("README.md")).unwrap();
    let line = readme.lines().find(|line| line.starts_with("    ") && line.contains("shred")).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::write(elsewhere.path().join("mine"), "x").unwrap();
    let done = Command::new("sh").arg("-c").arg(line).current_dir(elsewhere.path()).status().unwrap();
    assert!(done.success() && !case.to().exists());
    assert_eq!(names(elsewhere.path()), ["mine"]);
    assert_eq!(names(case.place.path()), ["report.json"]);
}

#[test]
fn nothing_is_overwritten_and_nothing_lands_in_a_repository() {
    let key = live_key(9110);
    let mut repo = Repo::with_work_tree();
    repo.commit_on(MAIN, &[(".env", Some(&format!("K={key}\n")))], "A");
    repo.finish();
    let case = Case::of(&[repo.path()]);
    std::fs::create_dir(case.to()).unwrap();
    let there = case.plan(&[]);
    assert_eq!(there.code, Some(2));
    assert!(there.errors().contains("nothing is overwritten") && names(&case.to()).is_empty(), "{}", there.errors());
    let link = case.place.path().join("link");
    std::os::unix::fs::symlink(case.place.path().join("nowhere"), &link).unwrap();
    for to in [link, repo.path().join("plan"), PathBuf::from("/no/such/place")] {
        let run = Audit::new(&["purge-plan"]).and(&case.report).and("--to").and(&to).run();
        assert_eq!(run.code, Some(2), "{}: {}", to.display(), run.errors());
    }
    assert!(!repo.path().join("plan").exists());
}

#[test]
fn a_repository_that_lost_its_objects_is_told_and_nothing_is_half_written() {
    let keys = [live_key(9120), live_key(9121)];
    let mut repos = [Repo::bare(), Repo::bare()];
    for (repo, key) in repos.iter_mut().zip(&keys) {
        repo.commit_on(MAIN, &[(".env", Some(&format!("K={key}\n")))], "A");
        repo.finish();
    }
    let case = Case::of(&[repos[0].path(), repos[1].path()]);
    std::fs::remove_dir_all(repos[1].path()).unwrap();
    let run = case.plan(&[]);
    assert_eq!(run.code, Some(3), "a plan that is not whole says so");
    assert!(run.errors().contains("1 of 2 keys could not be read again"), "{}", run.errors());
    assert_eq!(names(&case.to()), ["1-repository", "README.md"]);
    std::fs::remove_dir_all(case.to()).unwrap();
    std::fs::remove_dir_all(repos[0].path()).unwrap();
    let run = case.plan(&[]);
    assert_eq!(run.code, Some(3));
    assert!(!case.to().exists());
    let one = case.plan(&["--key", "sk_live_", "--key", "zz"]);
    assert_eq!(one.code, Some(2));
}

#[test]
fn an_object_that_cannot_be_read_makes_a_plan_that_says_so() {
    let keys = [live_key(9130), live_key(9131)];
    let mut repo = Repo::bare();
    for (name, key) in ["a", "b"].iter().zip(&keys) {
        repo.commit_on(MAIN, &[(name, Some(&format!("K={key}\n")))], name);
    }
    repo.finish();
    let case = Case::of(&[repo.path()]);
    let id = git::run(git::command(repo.path()), &["rev-parse", "main:b"], b"");
    let id = String::from_utf8(id).unwrap();
    let object = repo.git_directory().join("objects").join(&id[..2]).join(id[2..].trim());
    std::fs::set_permissions(&object, std::fs::Permissions::from_mode(0o644)).unwrap();
    std::fs::write(&object, b"damaged").unwrap();
    let run = case.plan(&[]);
    assert_eq!(run.code, Some(3), "{}", run.errors());
    assert!(run.errors().contains("1 object of") && run.errors().contains("cannot be read"), "{}", run.errors());
    assert!(run.errors().contains("1 of 2 keys could not be read again"), "{}", run.errors());
    let expressions = std::fs::read(case.to().join("1-repository/expressions.txt")).unwrap();
    let holds = |key: &str| expressions.windows(key.len()).any(|window| window == key.as_bytes());
    assert!(holds(&keys[0]) && !holds(&keys[1]), "what is there is planned");
}
