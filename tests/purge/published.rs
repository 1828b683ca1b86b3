//! What goes along with a rewrite, and how it is published: notes, repositories with a work tree, and the line that says so.

use std::process::Command;

use crate::common::fixture::Repo;
use crate::common::git;
use crate::common::secrets::live_key;
use crate::{Case, MAIN, can_rewrite};

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
