//! `purge-plan`, with the real `git filter-repo`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is the failing test's message")]

mod common;

mod purge {
    mod clones;
    mod published;
    mod said;
    mod spellings;
    mod told;
}

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::fixture::Repo;
use common::fixture::objects::{Commit, Files, Mode, ObjectType, Person, Tag};
use common::git;
use common::run::{Audit, Outcome};
use common::secrets::{Alphabet, Padding, base64, key_id, live_key, test_key, utf16le};
use common::tools;

const MAIN: &str = "refs/heads/main";

/// A folder outside of every repository, and a report in it.
struct Case {
    place: tempfile::TempDir,
    report: PathBuf,
}

impl Case {
    fn of(repositories: &[&Path]) -> Self {
        Self::ending_with(1, repositories)
    }

    /// The same where the audit ends with another exit.
    fn ending_with(code: i32, repositories: &[&Path]) -> Self {
        let place = tempfile::tempdir().unwrap();
        let report = place.path().join("report.json");
        let audit = Audit::new(&["history", "--format", "json", "--output"]).and(&report);
        let run = repositories.iter().fold(audit, |audit, repository| audit.and(repository)).run();
        assert_eq!(run.code, Some(code), "{}", run.errors());
        Self { place, report }
    }

    fn plan(&self, options: &[&str]) -> Outcome {
        let audit = Audit::new(&["purge-plan"]).and(&self.report).and("--to").and(self.to());
        options.iter().fold(audit, |audit, option| audit.and(option)).run()
    }

    fn to(&self) -> PathBuf {
        self.place.path().join("plan it's")
    }

    /// Runs the script of a plan's first repository: the new repository, and what was said. Its exit is that of the audit.
    fn rewrite(&self, repository: usize) -> (PathBuf, String) {
        let (work, success, said) = self.try_to_rewrite(repository);
        assert!(success, "{said}");
        (work, said)
    }

    fn try_to_rewrite(&self, repository: usize) -> (PathBuf, bool, String) {
        let work = self.place.path().join("work.git");
        let (code, said) = self.script(&format!("{repository}-repository/commands.sh"), &[&work]);
        (work, code == Some(0), said)
    }

    /// Runs a script of the plan: its exit, and what it said.
    fn script(&self, name: &str, arguments: &[&Path]) -> (Option<i32>, String) {
        self.script_with(env!("CARGO_BIN_EXE_clerk-audit"), name, arguments)
    }

    fn script_with(&self, audit: &str, name: &str, arguments: &[&Path]) -> (Option<i32>, String) {
        self.script_among(&[("CLERK_AUDIT", audit)], name, arguments)
    }

    /// The same with other variables in its environment.
    fn script_among(&self, variables: &[(&str, &str)], name: &str, arguments: &[&Path]) -> (Option<i32>, String) {
        let output = Command::new("sh")
            .arg(self.to().join(name))
            .args(arguments)
            .current_dir(self.place.path())
            .env("CLERK_AUDIT", env!("CARGO_BIN_EXE_clerk-audit"))
            .env("HOME", git::empty_home())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .envs(variables.iter().copied())
            .output()
            .expect("starting sh");
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(self.planned().iter().all(|key| !said.contains(&key[12..40])), "whatever is said, no key is in it");
        (output.status.code(), said)
    }

    /// The keys that the plans are about.
    fn planned(&self) -> Vec<String> {
        let folders = names(&self.to()).into_iter().map(|name| self.to().join(name).join("expressions.txt"));
        let texts = folders.filter_map(|path| std::fs::read(path).ok());
        let lines =
            texts.flat_map(|text| String::from_utf8_lossy(&text).lines().map(str::to_owned).collect::<Vec<_>>());
        let keys = lines.filter_map(|line| Some(line.strip_prefix("literal:")?.split_once("==>")?.0.to_owned()));
        keys.filter(|from| from.starts_with("sk_") && from.len() > 40).collect()
    }
}

/// Whether the rewrite itself can be made here; else that has been told.
fn can_rewrite() -> bool {
    tools::are_here(&[("git-filter-repo", "git-filter-repo"), ("python3", "python3")])
}

/// What stands in a key's place.
fn removed(key: &str) -> String {
    format!("REMOVED-{}", &key_id(key)[7..17])
}

fn hint(key: &str) -> String {
    format!("{}…{}", &key[..12], &key[46..])
}

fn git_in(folder: &Path, arguments: &[&str]) -> String {
    String::from_utf8(git::run(git::command(folder), arguments, b"")).unwrap()
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
    if !can_rewrite() {
        return;
    }
    let (repo, keys) = plant();
    let case = Case::of(&[repo.path()]);
    let run = case.plan(&[]);
    assert_eq!(run.code, Some(0), "{}", run.errors());
    assert!(run.text().is_empty(), "never on standard output");
    assert!(run.errors().contains("WARNING") && run.errors().contains("destroy"), "{}", run.errors());
    assert!(keys.iter().all(|key| !run.errors().contains(&key[10..40])));

    let (work, said) = case.rewrite(1);
    assert!(said.contains("No Clerk secret key found"), "{said}");
    // What was clean is there still.
    let log = git::run(git::command(&work), &["log", "--format=%s", "--all"], b"");
    let log = String::from_utf8(log).unwrap();
    assert!(log.contains("Clean up") && log.contains(&format!("Use {} for now", removed(&keys[7]))), "{log}");
    let env = git::run(git::command(&work), &["show", "main~1:.env"], b"");
    assert_eq!(env, format!("CLERK_SECRET_KEY={}\n", removed(&keys[0])).as_bytes());
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
    assert_eq!(
        names(&place),
        [
            "bfg.txt",
            "clerk_purge.py",
            "commands.sh",
            "drop-refs.txt",
            "expressions.txt",
            "publish.sh",
            "strip-blobs.txt"
        ]
    );
    for name in names(&place) {
        assert_eq!(mode(&place.join(&name)), 0o600, "{name}");
    }
    let expressions = std::fs::read(place.join("expressions.txt")).unwrap();
    let holds = |needle: &[u8]| expressions.windows(needle.len()).any(|window| window == needle);
    let wide: Vec<u8> = key.bytes().flat_map(|byte| [byte, 0]).collect();
    let hex: String = key.bytes().map(|byte| format!("{byte:02x}")).collect();
    let encoded = base64(key.as_bytes(), Alphabet::Standard, Padding::None);
    let wide_encoded = base64(&wide, Alphabet::Standard, Padding::None);
    assert!(holds(format!("literal:{key}==>{}\n", removed(&key)).as_bytes()));
    assert!(holds(&wide[..wide.len() - 1]) && holds(hex.as_bytes()) && holds(&encoded.as_bytes()[..60]));
    assert!(holds(&wide_encoded.as_bytes()[..120]));
    // Neither the commands nor the words have one.
    for path in [place.join("commands.sh"), place.join("publish.sh"), case.to().join("README.md")] {
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
    assert_eq!(names(case.place.path()), ["report.json", "report.status.json"]);
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

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

#[test]
fn names_that_differ_by_a_key_alone_stay_two() {
    if !can_rewrite() {
        return;
    }
    let keys = [live_key(9140), live_key(9141)];
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("a", Some("1\n"))], "Base");
    for (at, key) in keys.iter().enumerate() {
        let branch = format!("refs/heads/try-{key}");
        repo.branch(&branch, MAIN);
        repo.commit_on(&branch, &[(&format!("work-{at}"), Some("x\n"))], &format!("Work of {at}"));
    }
    repo.commit_on(
        MAIN,
        &[(&format!("{}.txt", keys[0]), Some("1\n")), (&format!("{}.txt", keys[1]), Some("2\n"))],
        "F",
    );
    let encoded = keys.each_ref().map(|key| base64(key.as_bytes(), Alphabet::UrlSafe, Padding::None));
    repo.commit_on(MAIN, &[(&encoded[0], Some("1\n")), (&encoded[1], Some("2\n"))], "Names in base64");
    repo.finish();
    let case = Case::of(&[repo.path()]);
    let run = case.plan(&[]);
    assert_eq!(run.code, Some(0), "{}", run.errors());
    let (work, _) = case.rewrite(1);
    for (at, key) in keys.iter().enumerate() {
        let subject = git_in(&work, &["log", "-1", "--format=%s", &format!("try-{}", removed(key))]);
        assert_eq!(subject, format!("Work of {at}\n"));
        assert_eq!(git_in(&work, &["show", &format!("main:{}.txt", removed(key))]), format!("{}\n", at + 1));
    }
    assert_eq!(git_in(&work, &["ls-tree", "--name-only", "main"]).lines().count(), 5);
}

#[test]
fn names_that_would_become_one_all_the_same_get_no_plan() {
    if !can_rewrite() {
        return;
    }
    let key = live_key(9142);
    let mut repo = Repo::bare();
    let base = repo.commit_on(MAIN, &[("a", Some("1\n"))], "Base");
    repo.set_ref(&format!("refs/heads/try-{key}"), base);
    repo.set_ref(&format!("refs/heads/try-{}", removed(&key)), base);
    repo.finish();
    let mut other = Repo::bare();
    let two = [(format!("{key}.txt"), "1\n"), (format!("{}.txt", percent(&key)), "2\n")];
    other.commit_on(MAIN, &[(&two[0].0, Some(two[0].1)), (&two[1].0, Some(two[1].1))], "Two names");
    other.finish();
    let mut third = Repo::bare();
    third.commit_on(MAIN, &[(".env", Some(&format!("K={key}\n")))], "A");
    third.finish();
    let case = Case::of(&[repo.path(), other.path(), third.path()]);
    let run = case.plan(&[]);
    assert_eq!(run.code, Some(3), "{}", run.errors());
    assert_eq!(run.errors().matches("would become one").count(), 2, "{}", run.errors());
    assert!(!run.errors().contains(&key[10..40]), "{}", run.errors());
    assert_eq!(names(&case.to()), ["1-repository", "README.md"], "the others' plans are made");
    case.rewrite(1);
}

#[test]
fn a_path_that_no_script_can_have_takes_no_other_plan_away() {
    if !can_rewrite() {
        return;
    }
    use std::os::unix::ffi::OsStringExt;
    let keys = [live_key(9180), live_key(9181)];
    let mut repos = [Repo::bare(), Repo::bare()];
    for (repo, key) in repos.iter_mut().zip(&keys) {
        repo.commit_on(MAIN, &[(".env", Some(&format!("K={key}\n")))], "A");
        repo.finish();
    }
    let odd = repos[1].beside("").join(std::ffi::OsString::from_vec(b"caf\xe9.git".to_vec()));
    std::fs::rename(repos[1].path(), &odd).unwrap();
    let case = Case::of(&[odd.as_path(), repos[0].path()]);
    let run = case.plan(&[]);
    assert_eq!(run.code, Some(3), "{}", run.errors());
    assert!(run.errors().contains("no plan is made for it") && run.errors().contains("--repo"), "{}", run.errors());
    assert_eq!(names(&case.to()), ["1-repository", "README.md"]);
    case.rewrite(1);
}

#[test]
fn a_branch_with_a_key_in_its_name_stays_heads_branch() {
    if !can_rewrite() {
        return;
    }
    for is_born in [true, false] {
        let key = live_key(7390);
        let mut repo = Repo::bare();
        let name = format!("refs/heads/fix-{key}");
        repo.commit_on(if is_born { &name } else { MAIN }, &[("k", Some(&key))], "A");
        repo.finish();
        git_in(repo.path(), &["symbolic-ref", "HEAD", &name]);
        let case = Case::of(&[repo.path()]);
        let plan = case.plan(&[]);
        assert_eq!(plan.code, Some(0), "{}", plan.errors());
        let (work, said) = case.rewrite(1);
        let clean = format!("refs/heads/fix-{}", removed(&key));
        assert_eq!(git_in(&work, &["symbolic-ref", "HEAD"]).trim(), clean, "{said}");
        assert!(!said.contains(&key[12..40]) && !git_in(&work, &["for-each-ref"]).contains(&key));
    }
}

#[test]
fn tags_of_tags_and_messages_that_are_no_utf8_come_out_clean() {
    if !can_rewrite() {
        return;
    }
    let keys = [live_key(7391), live_key(7392), test_key(7393)];
    let mut repo = Repo::bare();
    let blob = repo.blob("a\n");
    let tree = repo.tree(&Files::from([(b"a".to_vec(), (Mode::File, blob))]));
    let mut commit = Commit::new(tree, &[], 1_704_000_000, "");
    commit.message = [b"caf\xe9 ".as_slice(), keys[0].as_bytes(), b"\n"].concat();
    commit.headers = b"encoding ISO-8859-1\n".to_vec();
    let tip = repo.commit(&commit);
    repo.set_ref(MAIN, tip);
    let mut target = tip;
    for (at, key) in keys.iter().enumerate().skip(1) {
        let name = format!("v{at}");
        let target_type = if at == 1 { ObjectType::Commit } else { ObjectType::Tag };
        let message = format!("t {key}\n").into_bytes();
        target = repo.tag(&Tag {
            target,
            target_type,
            name: name.clone(),
            tagger: Some(Person::at("T", 1_704_000_001)),
            message,
        });
        repo.set_ref(&format!("refs/tags/{name}"), target);
    }
    repo.finish();
    let case = Case::of(&[repo.path()]);
    assert_eq!(case.plan(&[]).code, Some(0));
    let (work, said) = case.rewrite(1);
    assert!(said.contains("Clean."), "{said}");
    let objects = git::run(git::command(&work), &["cat-file", "--batch-all-objects", "--batch"], b"");
    for key in &keys {
        assert!(!objects.windows(key.len()).any(|text| text == key.as_bytes()));
        assert!(String::from_utf8_lossy(&objects).contains(&removed(key)));
    }
    assert_eq!(git_in(&work, &["cat-file", "-t", "v2^{tag}"]).trim(), "tag");
    assert_eq!(std::fs::metadata(case.to().join("1-repository/bin")).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn the_name_of_a_messages_encoding_comes_out_clean() {
    if !can_rewrite() {
        return;
    }
    let key = live_key(9330);
    let mut repo = Repo::bare();
    let tree = repo.tree(&Files::new());
    // No encoding that git can convert from: a rewrite keeps the header.
    let mut odd = Commit::new(tree, &[], 1_704_000_000, "Root");
    odd.headers = format!("encoding {key}\n").into_bytes();
    let odd = repo.commit(&odd);
    repo.set_ref(MAIN, odd);
    repo.finish();
    let case = Case::of(&[repo.path()]);
    assert_eq!(case.plan(&[]).code, Some(0));
    let (work, said) = case.rewrite(1);
    let commit = git_in(&work, &["cat-file", "commit", MAIN]);
    assert!(commit.contains(&format!("encoding {}\n", removed(&key))), "{commit}{said}");
}

#[test]
fn a_plan_for_one_key_proves_that_one_gone_whatever_else_stands_there() {
    if !can_rewrite() {
        return;
    }
    let (key, other) = (live_key(7394), live_key(7395));
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("k", Some(&key)), ("o", Some(&other))], "A");
    repo.finish();
    let case = Case::of(&[repo.path()]);
    assert_eq!(case.plan(&["--key", &key_id(&key)]).code, Some(0));
    let (work, said) = case.rewrite(1);
    let clean = format!("Clean of {}.", hint(&key));
    assert!(said.contains("Nowhere: ") && said.contains(&clean) && !said.contains("Clean.\n"), "{said}");
    assert_eq!(git_in(&work, &["show", "main:o"]), other);
    assert_eq!(git_in(&work, &["show", "main:k"]), removed(&key));
}

#[test]
fn what_is_only_possible_is_left_out_and_told_and_no_history_with_it_is_called_clean() {
    if !can_rewrite() {
        return;
    }
    let (key, possible) = (live_key(7396), live_key(7397));
    let mut repo = Repo::bare();
    // A string that goes on in the next line.
    let continued = format!("char *k = \"{}\\\n{}\";\n", &possible[..20], &possible[20..]);
    repo.commit_on(MAIN, &[("k", Some(&key)), ("k.c", Some(&continued))], "A");
    repo.finish();
    let case = Case::of(&[repo.path()]);
    let run = case.plan(&[]);
    assert_eq!(run.code, Some(0), "{}", run.errors());
    let told = format!("1 possible key is left out: {}.", hint(&possible));
    assert!(
        run.errors().contains(&told) && run.errors().contains("see that it is a key, name it with --key"),
        "{}",
        run.errors()
    );
    let (_, said) = case.rewrite(1);
    assert!(said.contains(&hint(&possible)) && said.contains("Clean of the keys of this plan."), "{said}");
    assert!(!said.contains("Clean.\n"), "{said}");
    // Whoever has looked at it takes it in.
    std::fs::remove_dir_all(case.to()).unwrap();
    let run = case.plan(&["--key", &hint(&possible), "--key", &hint(&key)]);
    assert!(run.code == Some(0) && !run.errors().contains("left out"), "{}", run.errors());
    let work = case.place.path().join("other.git");
    let (code, said) = case.script("1-repository/commands.sh", &[&work]);
    assert!(code == Some(0) && said.contains("Clean of "), "{said}");
    assert_eq!(Audit::history(&work).run().report()["keys"], serde_json::json!([]));
}

#[test]
fn a_key_in_a_name_that_has_a_line_end_in_it_is_cleaned() {
    if !can_rewrite() {
        return;
    }
    let keys = [live_key(7399), live_key(7400)];
    let mut repo = Repo::bare();
    let names =
        [format!("nl-{}\n{}", &keys[0][..20], &keys[0][20..]), format!("d {}\n{}", &keys[1][..25], &keys[1][25..])];
    repo.commit_on(
        MAIN,
        &[
            ("a", Some(&format!("CLERK_SECRET_KEY={}\nCLERK_SECRET_KEY={}\n", keys[0], keys[1]))),
            (&names[0], Some("q\n")),
            (&format!("{}/f", names[1]), Some("q\n")),
        ],
        "Names",
    );
    repo.finish();
    let case = Case::of(&[repo.path()]);
    let run = case.plan(&[]);
    assert_eq!(run.code, Some(0), "{}", run.errors());
    let (work, said) = case.rewrite(1);
    assert!(said.contains("Clean.\n"), "{said}");
    let names = git_in(&work, &["ls-tree", "-r", "-z", "--name-only", "main"]);
    let ends = |key: &String| names.contains(&key[..20]) || names.contains(&key[30..]);
    assert!(!keys.iter().any(ends) && names.contains(&removed(&keys[0])), "{names:?}");
}

#[test]
fn a_script_does_not_call_clean_what_has_a_key_of_the_plan_left() {
    if !can_rewrite() {
        return;
    }
    let key = live_key(7401);
    let mut repo = Repo::bare();
    let continued = format!("char *k = \"{}\\\n{}\";\n", &key[..20], &key[20..]);
    repo.commit_on(MAIN, &[("k", Some(&key)), ("k.c", Some(&continued))], "A");
    repo.finish();
    let case = Case::of(&[repo.path()]);
    assert_eq!(case.plan(&[]).code, Some(0));
    // As a spelling would be that the plan does not know.
    let module = case.to().join("1-repository/clerk_purge.py");
    let text = std::fs::read_to_string(&module).unwrap();
    std::fs::write(&module, text.replace("SPELLINGS = [", "SPELLINGS = []\nNONE = [")).unwrap();
    let (_, success, said) = case.try_to_rewrite(1);
    assert!(!success && said.contains("Keys of this plan are left"), "{said}");
    assert!(said.contains(&hint(&key)) && !said.contains("Clean"), "{said}");
}

#[test]
fn what_filter_repo_cannot_rewrite_gets_no_plan() {
    let key = live_key(7402);
    let refused = |repo: &Repo, why: &str| {
        let case = Case::of(&[repo.path()]);
        let run = case.plan(&[]);
        assert_eq!(run.code, Some(3), "{}", run.errors());
        assert!(run.errors().contains(why) && run.errors().contains("no plan is made for it"), "{}", run.errors());
        assert!(!case.to().exists());
    };
    let people = ["A 1700000000 +0000", "A <a@example.test>"];
    for (at, person) in people.iter().enumerate() {
        let mut repo = Repo::bare();
        let blob = repo.blob(format!("K={key}\n"));
        let tree = repo.tree(&Files::from([(b"a".to_vec(), (Mode::File, blob))]));
        let text = format!("tree {tree}\nauthor {person}\ncommitter {person}\n\nOdd\n");
        let odd = repo.object(ObjectType::Commit, text.into_bytes());
        let tip = if at == 0 { odd } else { repo.commit(&Commit::new(tree, &[odd], 1_704_000_000, "Next")) };
        repo.set_ref(MAIN, tip);
        repo.finish();
        refused(&repo, &format!("of {odd} has no address or no time"));
    }
    let mut repo = Repo::bare_sha256();
    repo.finish();
    let tree = {
        let blob =
            git::run(git::command(repo.path()), &["hash-object", "-w", "--stdin"], format!("K={key}\n").as_bytes());
        let entry = format!("100644 blob {}\ta\n", String::from_utf8(blob).unwrap().trim());
        git::run(git::command(repo.path()), &["mktree"], entry.as_bytes())
    };
    let commit = git_in(repo.path(), &["commit-tree", "-m", "A", String::from_utf8(tree).unwrap().trim()]);
    git_in(repo.path(), &["update-ref", MAIN, commit.trim()]);
    let case = Case::of(&[repo.path()]);
    assert_eq!(case.plan(&[]).code, Some(0), "without such tags it can");
    git_in(repo.path(), &["tag", "-a", "-m", "v1", "v1", "main"]);
    refused(&repo, "refs/tags/v1");
}

#[test]
fn a_script_that_could_not_audit_rewrites_nothing() {
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("k", Some(&live_key(7398)))], "A");
    repo.finish();
    let case = Case::of(&[repo.path()]);
    case.plan(&[]);
    let work = case.place.path().join("work.git");
    let (code, said) = case.script_with("/no/such/clerk-audit", "1-repository/commands.sh", &[&work]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("CLERK_AUDIT") && !work.exists(), "{said}");
}
