//! What is staged or stashed of a key that commits have as well.

use std::path::Path;

use crate::common::git;
use crate::common::secrets::live_key;
use crate::{env, json};

/// A repository of git's own making, whose every command has a name and an address.
struct Made(tempfile::TempDir);

impl Made {
    fn new() -> Self {
        let made = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(made.path()).unwrap();
        made.git(&["init", "--quiet", "--initial-branch", "main"]);
        made.commit("a", Some("a\n"));
        made
    }

    fn path(&self) -> std::path::PathBuf {
        self.0.path().join("repo")
    }

    fn git(&self, arguments: &[&str]) {
        self.git_in(&self.path(), arguments);
    }

    fn git_in(&self, folder: &Path, arguments: &[&str]) {
        let who = ["-c", "user.name=x", "-c", "user.email=x@example.test"];
        git::run(git::command(folder), &[&who[..], arguments].concat(), b"");
    }

    fn commit(&self, name: &str, text: Option<&str>) {
        match text {
            Some(text) => std::fs::write(self.path().join(name), text).unwrap(),
            None => std::fs::remove_file(self.path().join(name)).unwrap(),
        }
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", name]);
    }

    /// Of each place out of reach the path and by what it is kept.
    fn kept(&self, key: &str) -> Vec<(String, String)> {
        let (code, told) = json(key, &[&self.path()]);
        assert_eq!(code, Some(1), "{told}");
        let word = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let places = told["key"]["unreachable"].as_array().unwrap().iter();
        places.map(|place| (word(&place["path"]), word(&place["via"]))).collect()
    }
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(path, via)| ((*path).to_owned(), (*via).to_owned())).collect()
}

#[test]
fn what_is_staged_again_is_told_though_history_has_the_same_file() {
    let (made, key) = (Made::new(), live_key(8420));
    made.commit(".env", Some(&env(&key)));
    assert_eq!(made.kept(&key), [], "what is checked out is staged as well");
    made.commit(".env", None);
    let linked = made.0.path().join("linked");
    made.git(&["worktree", "add", "--quiet", linked.to_str().unwrap(), "-b", "other"]);
    for name in [".env", "second"] {
        std::fs::write(linked.join(name), env(&key)).unwrap();
    }
    made.git_in(&linked, &["add", "--all"]);
    assert_eq!(made.kept(&key), pairs(&[(".env", "worktrees/linked/index"), ("second", "worktrees/linked/index")]));
    made.git_in(&linked, &["commit", "--quiet", "--message", "Again"]);
    assert_eq!(made.kept(&key), []);
}

#[test]
fn each_stash_is_told_though_another_has_the_same_file() {
    let (made, key) = (Made::new(), live_key(8421));
    made.commit("old", Some(&env(&key)));
    for other in ["one", "two", "three"] {
        std::fs::write(made.path().join("a"), env(&key)).unwrap();
        std::fs::write(made.path().join(other), other).unwrap();
        made.git(&["stash", "--quiet", "--include-untracked"]);
    }
    // What they were made on has it too, which is none of theirs.
    assert_eq!(made.kept(&key), pairs(&[("a", "refs/stash@{1}"), ("a", "refs/stash@{2}")]));
}

#[test]
fn a_work_tree_whose_folder_is_gone_has_nothing_checked_out() {
    let (made, key) = (Made::new(), live_key(8422));
    made.git(&["checkout", "--quiet", "-b", "leaky"]);
    made.commit(".env", Some(&env(&key)));
    made.git(&["checkout", "--quiet", "main"]);
    let linked = made.0.path().join("linked");
    made.git(&["worktree", "add", "--quiet", linked.to_str().unwrap(), "leaky"]);
    let checked_out = || {
        let (code, told) = json(&key, &[&made.path()]);
        assert_eq!(code, Some(1), "{told}");
        told["checkouts"].as_array().unwrap().len()
    };
    assert_eq!(checked_out(), 1);
    std::fs::remove_dir_all(&linked).unwrap();
    assert_eq!(checked_out(), 0);
}
