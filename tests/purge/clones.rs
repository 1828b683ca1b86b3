//! Plans of clones: what is on the server is rewritten, and nothing that others pushed is lost.

use std::path::{Path, PathBuf};

use crate::common::fixture::Repo;
use crate::common::git;
use crate::common::secrets::live_key;
use crate::{Case, MAIN, can_rewrite, git_in};

/// A server's repository with a key in its history, and a folder for clones of it.
struct Server {
    repo: Repo,
    key: String,
    clones: tempfile::TempDir,
}

impl Server {
    fn new(seed: u64) -> Self {
        let (mut repo, key) = (Repo::bare(), live_key(seed));
        repo.commit_on(MAIN, &[("a", Some("a\n"))], "Base");
        repo.commit_on(MAIN, &[(".env", Some(&format!("K={key}\n")))], "Oops");
        repo.branch("refs/heads/feature", MAIN);
        repo.finish();
        Self { repo, key, clones: tempfile::tempdir().unwrap() }
    }

    fn clone(&self, options: &[&str]) -> PathBuf {
        let url = format!("file://{}", self.repo.path().display());
        let made = [&["clone", "--quiet"], options, &[&url, "dev"]].concat();
        git::run(git::command(self.clones.path()), &made, b"");
        self.clones.path().join("dev")
    }

    /// All that it has, by refs.
    fn refs(&self) -> String {
        git_in(self.repo.path(), &["for-each-ref"])
    }
}

fn rewrite(case: &Case, arguments: &[&Path]) -> (Option<i32>, String) {
    case.script("1-dev/commands.sh", arguments)
}

fn publish(case: &Case, arguments: &[&Path]) -> (Option<i32>, String) {
    case.script("1-dev/publish.sh", arguments)
}

#[test]
fn what_others_pushed_since_a_clone_was_made_is_not_lost() {
    if !can_rewrite() {
        return;
    }
    let mut server = Server::new(9400);
    let dev = server.clone(&[]);
    server.repo.commit_on(MAIN, &[("late", Some("late\n"))], "A colleague's work");
    server.repo.branch("refs/heads/late", MAIN);
    server.repo.finish();
    let url = server.repo.path().to_owned();
    let case = Case::of(&[&dev]);
    let run = case.plan(&[]);
    assert_eq!(run.code, Some(0), "{}", run.errors());
    assert!(run.errors().contains("has a remote (origin)"), "{}", run.errors());

    let at = |name: &str| case.place.path().join(name);
    let (code, said) = rewrite(&case, &[&at("one")]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("has a remote (origin)") && said.contains("NEW-DIRECTORY URL"), "{said}");
    assert!(!at("one").exists());
    // Nor is it one by its own path.
    let (code, said) = rewrite(&case, &[&at("itself"), &dev]);
    assert!(code == Some(3) && said.contains("is a clone itself"), "{said}");

    let before = server.refs();
    let (code, said) = rewrite(&case, &[&at("one"), &url]);
    assert!(code == Some(0) && said.contains("Clean.\n"), "{said}");
    assert_eq!(server.refs(), before);
    // Whatever somebody does meanwhile.
    for arguments in [
        &["update-ref", "refs/heads/new", "main"][..],
        &["update-ref", "refs/heads/main", "main~1"],
        &["update-ref", "-d", "refs/heads/feature"],
    ] {
        git_in(&url, arguments);
        let meanwhile = server.refs();
        let (code, said) = publish(&case, &[&at("one"), &url]);
        assert!(code == Some(3) && said.contains("Somebody has pushed since"), "{arguments:?}: {said}");
        assert_eq!(server.refs(), meanwhile);
        for line in before.lines() {
            let (id, name) = (&line[..40], line.split('\t').nth(1).unwrap());
            git_in(&url, &["update-ref", name, id]);
        }
        git_in(&url, &["update-ref", "-d", "refs/heads/new"]);
        assert_eq!(server.refs(), before);
    }
    // The list is that of the last mirror, and of no other.
    let (code, said) = rewrite(&case, &[&at("two"), &url]);
    assert_eq!(code, Some(0), "{said}");
    assert!(publish(&case, &[&at("one"), &url]).1.contains("did not come to its end there"));
    let (code, said) = publish(&case, &[&at("two"), &url]);
    assert!(code == Some(0) && said.contains("Published."), "{said}");
    assert_eq!(git_in(&url, &["branch", "--format=%(refname:short)"]), "feature\nlate\nmain\n");
    let history = git_in(&url, &["log", "--patch", "--all"]);
    assert!(history.contains("A colleague's work") && history.contains("Base") && !history.contains(&server.key));
}

#[test]
fn git_itself_asks_whether_anybody_came_between() {
    if !can_rewrite() {
        return;
    }
    let server = Server::new(9401);
    let case = Case::of(&[&server.clone(&[])]);
    case.plan(&[]);
    let (work, url) = (case.place.path().join("one"), server.repo.path().to_owned());
    assert_eq!(rewrite(&case, &[&work, &url]).0, Some(0));
    // After it was looked at what the server has, and before anything is written: as git looks for the hook.
    let script = case.to().join("1-dev/publish.sh");
    let text = std::fs::read_to_string(&script).unwrap();
    let push = format!("git --git-dir='{}' update-ref refs/heads/new main\npush() {{", url.display());
    std::fs::write(&script, text.replacen("push() {", &push, 1)).unwrap();
    let before = server.refs();
    let (code, said) = publish(&case, &[&work, &url]);
    assert!(code != Some(0) && !said.contains("Published."), "{said}");
    assert_eq!(server.refs().lines().filter(|line| !line.ends_with("/new")).count(), before.lines().count());
    assert!(before.lines().all(|line| server.refs().contains(line)), "{}", server.refs());
}

#[test]
fn a_server_that_keeps_refs_of_its_own_gets_the_rest() {
    if !can_rewrite() {
        return;
    }
    let mut server = Server::new(9402);
    server.repo.branch("refs/pull/7/head", MAIN);
    server.repo.finish();
    server.repo.git(&["config", "receive.hideRefs", "refs/pull"]);
    let case = Case::of(&[&server.clone(&[])]);
    case.plan(&[]);
    let (work, url) = (case.place.path().join("one"), server.repo.path().to_owned());
    assert_eq!(rewrite(&case, &[&work, &url]).0, Some(0));
    let (code, said) = publish(&case, &[&work, &url]);
    assert!(code == Some(3) && said.contains("URL branches"), "{said}");
    let (code, said) = publish(&case, &[&work, &url, Path::new("branches")]);
    assert!(code == Some(0) && said.contains("Published."), "{said}");
    assert!(!git_in(&url, &["log", "--patch", "--branches"]).contains(&server.key));
}

#[test]
fn what_the_server_alone_has_and_no_rewrite_keeps_is_told_by_the_script() {
    if !can_rewrite() {
        return;
    }
    let tag = ["-c", "user.name=x", "-c", "user.email=x@example.test", "tag", "-a", "-m", "t", "v1", "main"];
    for odd in ["refs/kept/v1", "refs/heads/refs/heads/main", "refs/tags/refs/heads/feature"] {
        let mut server = Server::new(9406);
        let case = Case::of(&[&server.clone(&[])]);
        assert_eq!(case.plan(&[]).code, Some(0));
        server.repo.git(&tag);
        server.repo.git(&["update-ref", odd, if odd.starts_with("refs/kept") { "v1" } else { "main" }]);
        let (before, work) = (server.refs(), case.place.path().join("one"));
        let (code, said) = rewrite(&case, &[&work, server.repo.path()]);
        assert!(code == Some(3) && said.contains("Nothing was rewritten") && said.contains(odd), "{odd}: {said}");
        let (code, _) = publish(&case, &[&work, server.repo.path()]);
        assert_eq!((code, server.refs()), (Some(3), before));
        // Without it nothing is wrong.
        server.repo.git(&["update-ref", "-d", odd]);
        let (code, said) = rewrite(&case, &[&case.place.path().join("two"), server.repo.path()]);
        assert!(code == Some(0) && said.contains("Clean.\n"), "{odd}: {said}");
    }
}

#[test]
fn no_ref_directly_under_refs_is_lost() {
    if !can_rewrite() {
        return;
    }
    let mut server = Server::new(9405);
    let base = git_in(server.repo.path(), &["rev-parse", "main~1"]);
    for (name, at) in [("refs/one", "main"), ("refs/stash", "main"), ("refs/still", base.trim())] {
        server.repo.git(&["update-ref", name, at]);
    }
    let case = Case::of(&[&server.clone(&[])]);
    case.plan(&[]);
    let (work, url) = (case.place.path().join("one"), server.repo.path().to_owned());
    assert_eq!(rewrite(&case, &[&work, &url]).0, Some(0));
    let before = server.refs();
    let (code, said) = publish(&case, &[&work, &url]);
    let told = said.contains("refs/one refs/stash") && said.contains("Nothing is published");
    assert!(code == Some(3) && told && !said.contains("refs/still"), "{said}");
    assert_eq!(server.refs(), before);
    // Whoever has dropped them has them dropped there; one that is as it was stays.
    for name in ["refs/one", "refs/stash"] {
        git_in(&work, &["update-ref", "-d", name]);
    }
    let (code, said) = publish(&case, &[&work, &url]);
    assert!(code == Some(0) && said.contains("Published."), "{said}");
    let refs = git_in(&url, &["for-each-ref", "--format=%(refname)"]);
    assert_eq!(refs, "refs/heads/feature\nrefs/heads/main\nrefs/still\n");
    assert_eq!(git_in(&url, &["rev-parse", "refs/still"]), base);
    assert!(!git_in(&url, &["log", "--patch", "--all"]).contains(&server.key));
}

#[test]
fn half_a_history_gets_no_plan() {
    let mut server = Server::new(9403);
    server.repo.git(&["config", "uploadpack.allowFilter", "true"]);
    for (options, why) in [(["--depth", "1"], "--unshallow"), (["--filter=blob:none", "--no-tags"], "partial clone")] {
        let dev = server.clone(&options);
        // What a partial clone was asked for is there, and it may be all.
        let code = if options[0] == "--depth" { 3 } else { 1 };
        let case = Case::ending_with(code, &[&dev]);
        let run = case.plan(&[]);
        assert_eq!(run.code, Some(3), "{why}: {}", run.errors());
        assert!(run.errors().contains(why) && run.errors().contains("no plan is made"), "{}", run.errors());
        assert!(!case.to().exists());
        std::fs::remove_dir_all(dev).unwrap();
    }
}

#[test]
fn what_is_shallow_when_it_is_cloned_is_not_rewritten() {
    if !can_rewrite() {
        return;
    }
    let server = Server::new(9404);
    let dev = server.clone(&["--bare"]);
    git_in(&dev, &["remote", "remove", "origin"]);
    let case = Case::of(&[&dev]);
    assert_eq!(case.plan(&[]).code, Some(0));
    std::fs::remove_dir_all(&dev).unwrap();
    server.clone(&["--bare", "--depth", "1"]);
    let work = case.place.path().join("one");
    let (code, said) = rewrite(&case, &[&work]);
    assert!(code == Some(3) && said.contains("is shallow") && said.contains("--unshallow"), "{said}");
    assert!(!case.to().join("1-dev/before.txt").exists());
}

#[test]
fn no_other_repository_that_the_environment_names_is_touched() {
    if !can_rewrite() {
        return;
    }
    let (server, other) = (Server::new(9405), Server::new(9405));
    let (url, others) = (server.repo.path().to_owned(), other.repo.path().display().to_string());
    let case = Case::of(&[&url]);
    assert_eq!(case.plan(&[]).code, Some(0));
    let objects = format!("{others}/objects");
    let before = [server.refs(), other.refs()];
    for (at, variables) in [
        // What an alias of git's, a hook and `git rebase --exec` have in their environment.
        &[("GIT_DIR", others.as_str()), ("GIT_WORK_TREE", "/"), ("GIT_PREFIX", "x/")][..],
        &[("GIT_COMMON_DIR", &others), ("GIT_OBJECT_DIRECTORY", &objects), ("GIT_NAMESPACE", "x")],
        &[("GIT_QUARANTINE_PATH", &objects), ("GIT_INDEX_FILE", "/no/such/index"), ("CDPATH", "/:.")],
        &[("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "safe.bareRepository"), ("GIT_CONFIG_VALUE_0", "explicit")],
    ]
    .into_iter()
    .enumerate()
    {
        let work = case.place.path().join(format!("work-{at}"));
        let (code, said) = case.script_among(variables, "1-repository/commands.sh", &[&work]);
        assert!(code == Some(0) && said.contains("Clean.\n"), "{variables:?}: {said}");
        assert_eq!([server.refs(), other.refs()], before, "{variables:?}");
        assert_ne!(git_in(&work, &["rev-parse", "main"]), git_in(&url, &["rev-parse", "main"]));
        let (code, said) = case.script_among(variables, "1-repository/publish.sh", &[&work, &url]);
        assert!(code == Some(0) && said.contains("Published."), "{variables:?}: {said}");
        assert_eq!([server.refs() == before[0], other.refs() == before[1]], [false, true], "{variables:?}");
        for line in before[0].lines() {
            git_in(&url, &["update-ref", line.split('\t').nth(1).unwrap(), &line[..40]]);
        }
    }
}
