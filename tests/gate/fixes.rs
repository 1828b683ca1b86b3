//! What the message says to do, done as it says: the push passes then.

use std::path::{Path, PathBuf};

use super::support::{Pushed, Server, push};
use crate::common::fixture::Repo;
use crate::common::secrets::live_key;

/// A work tree whose owner does what they are told, and a server with the gate.
struct Desk {
    server: Server,
    work: Repo,
    key: String,
}

impl Desk {
    fn new(seed: u64) -> Self {
        let work = Repo::with_work_tree();
        let desk = Self { server: Server::new(), work, key: live_key(seed) };
        // So that a list of commits to rebase has their ids as the message has them.
        desk.sh("git config core.abbrev 12; git config advice.detachedHead false");
        desk
    }

    fn path(&self) -> &Path {
        self.work.path()
    }

    /// Commits what `script` makes of the files; `$KEY` is the key.
    fn commit(&self, script: &str, message: &str) {
        self.sh(&format!("{script}\ngit add --all --force && git commit --quiet --message \"{message}\""));
    }

    fn push(&self, refs: &[&str]) -> Pushed {
        push(self.path(), self.server.path(), refs)
    }

    fn sh(&self, script: &str) {
        let output = self.try_sh(script);
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn try_sh(&self, script: &str) -> std::process::Output {
        let git = crate::common::git::command(self.path());
        let mut shell = std::process::Command::new("sh");
        shell.current_dir(self.path()).env_clear().arg("-ec").arg(script).env("KEY", &self.key);
        for (name, value) in git.get_envs() {
            shell.env(name, value.unwrap_or_default());
        }
        // Whatever is opened in an editor, the key is taken out of it.
        shell.env("GIT_EDITOR", "sed -i \"s/$KEY/gone/g\"");
        shell.output().unwrap()
    }

    /// Takes the key out of every file.
    fn take_out(&self) {
        self.sh("git ls-files | while read -r file; do [ ! -f \"$file\" ] || sed -i \"s/$KEY/gone/g\" \"$file\"; done");
    }

    /// Does what was said about commits, with the key taken out wherever there is occasion to.
    fn follow(&self, said: &str) {
        let commands: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("      git ")).collect();
        let find = |start: &str| commands.iter().find(|command| command.starts_with(start)).copied();
        let amend = find("commit ").unwrap_or_else(|| panic!("no command that changes a commit: {said}"));
        let Some(rebase) = find("rebase --interactive") else {
            self.take_out();
            return self.sh(&format!("git {amend}"));
        };
        assert!(find("rebase --continue").is_some(), "{said}");
        let marked = |before: &str, behind: &str| -> Vec<String> {
            let line = said.lines().find_map(|line| line.trim().strip_prefix(before)?.split_once(behind));
            line.iter().flat_map(|(ids, _)| ids.split(' ')).map(str::to_owned).collect()
        };
        let mut edits: Vec<String> =
            marked("(mark ", " with \"edit\"").iter().map(|id| format!("s/^pick {id}/edit {id}/")).collect();
        let breaks = marked("(behind the line of the merge ", " write");
        edits.extend(breaks.iter().map(|id| format!("/^merge -C {id}/a break")));
        assert!(!edits.is_empty(), "{said}");
        self.sh(&format!("GIT_SEQUENCE_EDITOR='sed -i -e \"{}\"' git {rebase}", edits.join("\" -e \"")));
        let mut stops = 0;
        while self.is_rebasing() {
            stops += 1;
            assert!(stops < 20, "it stops again and again: {said}");
            self.take_out();
            self.sh(&format!("git {amend}\ngit rebase --continue"));
        }
    }

    /// Does what was said for each branch, on it; how many there were.
    fn follow_on_branches(&self, said: &str) -> usize {
        let parts: Vec<&str> = said.split("      git switch <branch>").skip(1).collect();
        for part in &parts {
            let id = part.split_once("git branch --contains ").unwrap().1.split(')').next().unwrap();
            self.sh(&format!(
                "git switch --quiet $(git branch --contains {id} --format='%(refname:short)' | head -n 1)"
            ));
            self.follow(part);
        }
        parts.len()
    }

    fn is_rebasing(&self) -> bool {
        [PathBuf::from("rebase-merge"), PathBuf::from("rebase-apply")]
            .iter()
            .any(|name| self.path().join(".git").join(name).exists())
    }

    /// It is refused, and once everything that was said is done it passes.
    #[track_caller]
    fn is_mended_by_what_it_is_told(&self, refs: &[&str]) -> String {
        let pushed = self.push(refs);
        pushed.is_refused_for(&self.key, &["must be rotated", "      git push"]);
        self.follow(&pushed.said);
        self.push(refs).passes();
        pushed.said
    }
}

const MAIN: &str = "HEAD:refs/heads/main";

#[test]
fn a_branch_that_the_server_does_not_have() {
    let desk = Desk::new(1890);
    desk.sh(&format!("git remote add origin '{}'", desk.server.path().display()));
    desk.commit("echo a >a", "first");
    desk.push(&[MAIN]).passes();
    desk.sh("git checkout --quiet -b topic");
    desk.commit("echo $KEY >b", "with a key");
    let refused = desk.try_sh("git push --set-upstream origin topic");
    let said = String::from_utf8_lossy(&refused.stderr).replace("remote: ", "");
    assert!(!refused.status.success());
    desk.follow(&said);
    let push = said.lines().find_map(|line| line.strip_prefix("      git push")).expect("a command that pushes");
    desk.sh(&format!("git push{push}"));
    assert!(desk.server.value("refs/heads/topic").is_some());
}

#[test]
fn in_the_last_commit() {
    for (seed, script, message) in [
        (1800, "echo KEY=$KEY >env", "a file"),
        (1801, "echo a >a; echo KEY=$KEY >env", "with $KEY in the message too"),
        (1802, "echo a >a", "only here: $KEY"),
        (1803, "mkdir $KEY; echo a >$KEY/a; echo KEY=$KEY >env", "a name, and a file"),
    ] {
        let desk = Desk::new(seed);
        desk.commit("echo hello >README", "first");
        desk.commit(script, message);
        let names = "for name in $(git ls-files | grep $KEY); do git mv \"$name\" moved; done";
        let pushed = desk.push(&[MAIN]);
        pushed.is_refused_for(&desk.key, &["It is in your last commit"]);
        desk.sh(names);
        desk.follow(&pushed.said);
        desk.push(&[MAIN]).passes();
    }
}

#[test]
fn a_commit_that_has_nothing_else_in_it() {
    let desk = Desk::new(1804);
    desk.commit("echo hello >README", "first");
    desk.commit("echo KEY=$KEY >.env", "only that");
    let pushed = desk.push(&[MAIN]);
    std::fs::remove_file(desk.path().join(".env")).unwrap();
    desk.follow(&pushed.said);
    desk.push(&[MAIN]).passes();
}

#[test]
fn in_an_earlier_commit() {
    for (seed, script, message) in [
        (1810, "echo KEY=$KEY >env", "a file"),
        (1811, "echo KEY=$KEY >env", "a file, and $KEY in the message"),
        (1812, "echo a >a", "only here: $KEY"),
    ] {
        for is_root in [false, true] {
            let desk = Desk::new(seed);
            if !is_root {
                desk.commit("echo hello >README", "first");
            }
            desk.commit(script, message);
            desk.commit("echo 1 >after", "after");
            let said = desk.is_mended_by_what_it_is_told(&[MAIN]);
            assert_eq!(said.contains("--root"), is_root);
        }
    }
}

#[test]
fn what_a_later_commit_takes_out_becomes_empty_and_stops_nobody() {
    let desk = Desk::new(1820);
    desk.commit("echo hello >README", "first");
    desk.commit("printf 'A=1\\nKEY=%s\\n' $KEY >env", "bad");
    desk.commit("printf 'A=1\\nKEY=gone\\n' >env", "take it out");
    desk.commit("echo 1 >after", "after");
    desk.is_mended_by_what_it_is_told(&[MAIN]);
}

#[test]
fn in_several_commits_by_one_rebase() {
    let desk = Desk::new(1830);
    desk.commit("echo hello >README", "first");
    for number in 0..4 {
        desk.commit(&format!("echo KEY=$KEY >env{number}"), "bad");
        desk.commit(&format!("echo 1 >fine{number}"), "fine");
    }
    let said = desk.is_mended_by_what_it_is_told(&[MAIN]);
    assert_eq!(said.matches("git rebase --interactive").count(), 1, "{said}");
    assert!(said.contains("It came in 4 commits"), "{said}");
}

#[test]
fn beside_and_in_a_merge() {
    for (seed, in_merge) in [(1840, false), (1841, true)] {
        let desk = Desk::new(seed);
        desk.commit("echo hello >README", "first");
        desk.commit("echo 1 >fine", "fine");
        desk.sh("git checkout --quiet -b side HEAD~1");
        desk.commit(if in_merge { "echo 1 >side" } else { "echo KEY=$KEY >side" }, "on the side");
        desk.sh("git checkout --quiet -; git merge --quiet --no-ff --no-commit side >/dev/null");
        desk.commit(if in_merge { "echo KEY=$KEY >evil" } else { "true" }, "merge");
        desk.commit("echo 1 >after", "after");
        desk.is_mended_by_what_it_is_told(&[MAIN]);
    }
}

#[test]
fn on_two_branches_of_which_one_goes_on_from_the_other() {
    let desk = Desk::new(1850);
    desk.commit("echo hello >README", "first");
    desk.sh("git checkout --quiet -b lower");
    desk.commit("echo KEY=$KEY >env", "bad");
    desk.sh("git checkout --quiet -b upper");
    desk.commit("echo 1 >more", "more");
    let said = desk.is_mended_by_what_it_is_told(&["refs/heads/*:refs/heads/*"]);
    assert!(said.contains("--update-refs") && said.contains("git branch --contains"), "{said}");
}

#[test]
fn on_branches_that_have_nothing_of_it_in_common() {
    let wanted = ["refs/heads/*:refs/heads/*"];
    for (seed, is_first_last, is_there) in [(1851, false, "left"), (1852, true, "right"), (1853, false, "right")] {
        let desk = Desk::new(seed);
        desk.commit("echo hello >README", "first");
        desk.sh("git branch -M base; git checkout --quiet -b left");
        desk.commit("echo KEY=$KEY >left", "bad on the left");
        if !is_first_last {
            desk.commit("echo 1 >more", "more");
        }
        desk.sh("git checkout --quiet -b right base");
        desk.commit("echo KEY=$KEY >right", "bad on the right");
        desk.commit("echo 1 >right-more", "more");
        desk.sh(&format!("git checkout --quiet {is_there}"));
        let pushed = desk.push(&wanted);
        pushed.is_refused_for(&desk.key, &["It came in 2 commits. Change them, branch by branch:"]);
        assert_eq!(desk.follow_on_branches(&pushed.said), 2, "{}", pushed.said);
        desk.push(&wanted).passes();
    }
}

#[test]
fn on_a_branch_that_goes_on_from_another_and_brings_more() {
    let wanted = ["refs/heads/*:refs/heads/*"];
    let desk = Desk::new(1854);
    desk.commit("echo hello >README", "first");
    desk.sh("git checkout --quiet -b lower");
    desk.commit("echo KEY=$KEY >lower", "bad");
    desk.sh("git checkout --quiet -b upper");
    desk.commit("echo KEY=$KEY >upper", "bad too");
    desk.commit("echo 1 >more", "more");
    desk.sh("git checkout --quiet lower");
    let pushed = desk.push(&wanted);
    assert_eq!(desk.follow_on_branches(&pushed.said), 1, "{}", pushed.said);
    desk.push(&wanted).passes();
}

#[test]
fn in_a_name_of_a_person() {
    let desk = Desk::new(1860);
    desk.commit("echo hello >README", "first");
    desk.sh("echo a >a; git add a; GIT_AUTHOR_NAME=$KEY git commit --quiet --message fine");
    let pushed = desk.push(&[MAIN]);
    pushed.is_refused_for(&desk.key, &["its author or committer", "--reset-author", "git config user.name"]);
    desk.follow(&pushed.said);
    desk.push(&[MAIN]).passes();
}

#[test]
fn under_a_tag() {
    let desk = Desk::new(1870);
    desk.commit("echo hello >README", "first");
    desk.commit("echo KEY=$KEY >env", "bad");
    desk.sh("git tag --annotate --message v1 v1");
    let pushed = desk.push(&["refs/tags/v1"]);
    pushed.is_refused_for(&desk.key, &["A tag is on it too", "git tag --force <tag> <commit>"]);
    desk.follow(&pushed.said);
    desk.sh("git tag --force v1 HEAD");
    desk.push(&["refs/tags/v1"]).passes();
}

#[test]
fn in_a_note() {
    let desk = Desk::new(1880);
    desk.commit("echo hello >README", "first");
    let notes = "refs/notes/commits";
    for round in 0..2 {
        if round > 0 {
            // There are notes on the server by now, which stay.
            desk.commit("echo 1 >more", "more");
        }
        desk.sh("git notes add --message \"see $KEY\"");
        let pushed = desk.push(&[notes]);
        pushed.is_refused_for(&desk.key, &["It is in a note"]);
        let commands: Vec<String> = pushed
            .said
            .lines()
            .filter_map(|line| line.strip_prefix("      "))
            .filter(|line| line.starts_with("git notes") || line.starts_with("git update-ref"))
            .map(|line| line.replace("<notes>", "commits").replace("<commit>", "HEAD"))
            .collect();
        assert_eq!(commands.len(), 2, "{}", pushed.said);
        commands.iter().for_each(|command| desk.sh(command));
        desk.push(&[notes]).passes();
    }
    assert_eq!(desk.server.git(&["ls-tree", "-r", "--name-only", notes]).lines().count(), 2);
}

#[test]
fn in_a_file_that_a_ref_names_itself() {
    let desk = Desk::new(1890);
    desk.commit("echo hello >README", "first");
    desk.sh("git tag file $(printf '%s' $KEY | git hash-object -w --stdin)");
    desk.push(&["refs/tags/file"]).is_refused_for(&desk.key, &["git update-ref -d <ref>"]);
}

#[test]
fn no_name_from_the_push_stands_in_a_command() {
    let desk = Desk::new(1895);
    desk.commit("echo hello >README", "first");
    desk.commit("echo KEY=$KEY >env", "\\$(touch here)");
    let pushed = desk.push(&["HEAD:refs/heads/$(touch,here);x"]);
    pushed.is_refused_for(&desk.key, &[]);
    assert!(
        !pushed.said.lines().any(|line| line.starts_with("      git") && line.contains("touch")),
        "{}",
        pushed.said
    );
}
