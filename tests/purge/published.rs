//! What goes along with a rewrite, and how it is published: notes, repositories with a work tree, and the line that says so.

use std::process::Command;

use crate::common::fixture::Repo;
use crate::common::git;
use crate::common::secrets::live_key;
use crate::{Case, MAIN, can_rewrite, git_in, removed};

const WHO: [&str; 4] = ["-c", "user.name=x", "-c", "user.email=x@example.test"];

/// Publishes as the other script says that it is to be done, whatever the folders are called.
fn publish_as_said(said: &str, repo: &Repo) -> (Option<i32>, String) {
    let line = said.lines().find(|line| line.contains("publish.sh") && line.ends_with(" URL")).unwrap_or_default();
    let mut command = Command::new("sh");
    command.args(["-c", &line.replace(" URL", " \"$1\""), "sh"]).arg(repo.path()).env("HOME", git::empty_home());
    let output = command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn what_is_said_to_be_done_next_can_be_pasted_whatever_the_folders_are_called() {
    if !can_rewrite() {
        return;
    }
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("a", Some("a\n")), (".env", Some(&format!("K={}\n", live_key(9502))))], "Oops");
    repo.finish();
    let case = Case::of(&[repo.path()]);
    assert_eq!(case.plan(&[]).code, Some(0));
    assert!(case.to().display().to_string().contains('\''));
    let (code, said) = publish_as_said(&case.rewrite(1).1, &repo);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn notes_go_with_the_commits_that_they_are_of() {
    if !can_rewrite() {
        return;
    }
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("a", Some("a\n"))], "Base");
    repo.commit_on(MAIN, &[(".env", Some(&format!("K={}\n", live_key(9500))))], "Oops");
    repo.finish();
    for (options, of, text) in
        [(&[][..], "main", "reviewed"), (&[], "main~1", "first"), (&["--ref=ci"], "main", "green")]
    {
        let arguments = [&WHO[..], &["notes"], options, &["add", "-m", text, of]].concat();
        repo.git(&arguments);
    }
    let case = Case::of(&[repo.path()]);
    assert_eq!(case.plan(&[]).code, Some(0));
    let (work, said) = case.rewrite(1);
    assert_ne!(git_in(&work, &["rev-parse", "main"]), git_in(repo.path(), &["rev-parse", "main"]));
    for (options, of, text) in
        [(&[][..], "main", "reviewed"), (&[], "main~1", "first"), (&["--ref=ci"], "main", "green")]
    {
        assert_eq!(git_in(&work, &[&["notes"], options, &["show", of]].concat()), format!("{text}\n"), "{said}");
    }
    // None is left at a commit that is gone.
    assert_eq!(git_in(&work, &["notes", "list"]).lines().count(), 2);
    assert_eq!(git_in(&work, &["notes", "--ref=ci", "list"]).lines().count(), 1);
}

#[test]
fn a_repository_with_a_work_tree_is_not_half_written() {
    if !can_rewrite() {
        return;
    }
    let mut repo = Repo::with_work_tree();
    repo.commit_on(MAIN, &[("a", Some("a\n")), ("cfg", Some(&format!("K={}\n", live_key(9501))))], "Oops");
    repo.branch("refs/heads/other", MAIN);
    repo.finish();
    git_in(repo.path(), &["reset", "--quiet", "--hard"]);
    let case = Case::of(&[repo.path()]);
    assert_eq!(case.plan(&[]).code, Some(0));
    let (_, said) = case.rewrite(1);
    let publish = || publish_as_said(&said, &repo);
    let before = git_in(repo.path(), &["for-each-ref"]);
    let (code, said) = publish();
    assert!(code == Some(3) && said.contains("has a work tree") && said.contains("updateInstead"), "{said}");
    assert_eq!(git_in(repo.path(), &["for-each-ref"]), before);
    git_in(repo.path(), &["config", "receive.denyCurrentBranch", "updateInstead"]);
    let (code, said) = publish();
    assert_eq!(code, Some(0), "{said}");
    let text = std::fs::read_to_string(repo.path().join("cfg")).unwrap();
    assert!(text.starts_with("K=REMOVED-") && git_in(repo.path(), &["status", "--porcelain"]).is_empty(), "{text}");
}

#[test]
fn a_default_branch_with_a_key_in_its_name_is_told_before_anything_is_published() {
    if !can_rewrite() {
        return;
    }
    let key = live_key(9503);
    let mut repo = Repo::bare();
    repo.commit_on(&format!("refs/heads/{key}"), &[("a", Some(&key))], "Oops");
    repo.branch(&format!("refs/heads/z-{key}"), &format!("refs/heads/{key}"));
    repo.finish();
    git_in(repo.path(), &["symbolic-ref", "HEAD", &format!("refs/heads/{key}")]);
    let case = Case::of(&[repo.path()]);
    assert_eq!(case.plan(&[]).code, Some(0));
    let (work, _) = case.rewrite(1);
    let publish = || case.script("1-repository/publish.sh", &[&work, repo.path()]);
    let before = git_in(repo.path(), &["for-each-ref"]);
    let (code, said) = publish();
    let clean = format!("refs/heads/{}", removed(&key));
    let advice = format!("git -C SERVER symbolic-ref HEAD {clean}\n");
    assert!(code == Some(3) && said.contains("Nothing is published") && said.contains(&advice), "{said}");
    assert_eq!(git_in(repo.path(), &["for-each-ref"]), before);
    // As it is said, on a host too, where the new one has to be there.
    git_in(&work, &["push", "--quiet", repo.path().to_str().unwrap(), &clean]);
    git_in(repo.path(), &["symbolic-ref", "HEAD", &clean]);
    let (code, said) = publish();
    assert!(code == Some(0) && said.contains("Published."), "{said}");
    assert!(!git_in(repo.path(), &["for-each-ref"]).contains(&key));
}
