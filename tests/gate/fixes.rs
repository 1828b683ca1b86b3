//! What the message says to do, done as it says: the push passes then.

use std::path::{Path, PathBuf};

use super::support::{Pushed, Server, push};
use crate::common::fixture::Repo;
use crate::common::secrets::live_key;

/// A work tree whose owner does what they are told, and a server with the gate.
pub(super) struct Desk {
    pub(super) server: Server,
    work: Repo,
    pub(super) key: String,
    /// How the key is taken out of a file, for `sed`.
    pub(super) take_out: &'static str,
}

impl Desk {
    pub(super) fn new(seed: u64) -> Self {
        let work = Repo::with_work_tree();
        let desk = Self { server: Server::new(), work, key: live_key(seed), take_out: "s/$KEY/gone/g" };
        // So that a list of commits to rebase has their ids as the message has them.
        desk.sh("git config core.abbrev 12; git config advice.detachedHead false");
        desk
    }

    fn path(&self) -> &Path {
        self.work.path()
    }

    /// Commits what `script` makes of the files; `$KEY` is the key.
    pub(super) fn commit(&self, script: &str, message: &str) {
        self.sh(&format!("{script}\ngit add --all --force && git commit --quiet --message \"{message}\""));
    }

    pub(super) fn push(&self, refs: &[&str]) -> Pushed {
        push(self.path(), self.server.path(), refs)
    }

    pub(super) fn sh(&self, script: &str) {
        let output = self.try_sh(script);
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    }

    pub(super) fn sh_says(&self, script: &str) -> String {
        String::from_utf8(self.try_sh(script).stdout).unwrap()
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
    pub(super) fn take_out(&self) {
        let command = format!("[ ! -f \"$file\" ] || sed -i \"{}\" \"$file\"", self.take_out);
        self.sh(&format!("git ls-files | while read -r file; do {command}; done"));
    }

    /// Goes to where the first line that says so sends, by the name that its own list gives; that name.
    fn stand(&self, said: &str) -> String {
        let line = said.lines().find(|line| line.starts_with("      git switch ")).expect("where to stand");
        let (command, hint) = line.trim().split_once("          (").unwrap();
        let list = hint.trim_end_matches(')').split_once(": ").unwrap().1;
        let names = self.try_sh(&format!("{list} --format='%(refname:short)'")).stdout;
        let names = String::from_utf8(names).unwrap();
        let name = names.lines().next().unwrap_or_else(|| panic!("{list} names nothing: {said}"));
        self.sh(&command.replace("<branch>", name).replace("<tag>", name).replace("switch", "switch --quiet"));
        name.to_owned()
    }

    /// Does what was said about commits, with the key taken out wherever there is occasion to.
    pub(super) fn follow(&self, said: &str) {
        let name = self.stand(said);
        self.change(said);
        if let Some(line) = said.lines().find(|line| line.starts_with("      git tag --force <tag> HEAD ")) {
            self.sh(&line.split_once("          (").unwrap().0.replace("<tag>", &name));
        }
    }

    /// What was said of the commits where it stands.
    fn change(&self, said: &str) {
        let commands: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("      git ")).collect();
        let find = |start: &str| commands.iter().find(|command| command.starts_with(start)).copied();
        assert!(find("commit ").is_some(), "no command that changes a commit: {said}");
        // With the commits that each is for, where they are not for all.
        let changing: Vec<(&str, Option<&str>)> = commands
            .iter()
            .filter(|command| command.starts_with("commit ") || command.starts_with("reset --soft "))
            .map(|command| match command.split_once("          (at ") {
                Some((command, ids)) => (command, Some(ids.trim_end_matches(')'))),
                None => (*command, None),
            })
            .collect();
        let amend = |at: &str| -> String {
            let is_for = |ids: &Option<&str>| ids.is_none_or(|ids| ids.split(' ').any(|id| id == at));
            let chosen = changing.iter().filter(|(_, ids)| is_for(ids));
            chosen.map(|(command, _)| format!("git {command}\n")).collect()
        };
        let Some(rebase) = find("rebase --interactive") else {
            self.take_out();
            return self.sh(&amend(""));
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
            if self.sh_says("git ls-files --unmerged").is_empty() {
                self.take_out();
                let done = std::fs::read_to_string(self.path().join(".git/rebase-merge/done")).unwrap();
                let at = done.lines().rev().find_map(|line| {
                    let id = line.strip_prefix("edit ").or_else(|| line.strip_prefix("merge -C "))?;
                    id.get(..12)
                });
                let amend = amend(at.unwrap_or_default());
                self.sh(&format!("{amend}git rebase --continue || [ -n \"$(git ls-files --unmerged)\" ]"));
            } else {
                let conflict = "(where it stops for a conflict: take the key out, git add --all, and only git rebase";
                assert!(said.contains(conflict), "{said}");
                self.sh("git checkout --quiet --theirs .");
                self.take_out();
                self.sh("git add --all; git rebase --continue || [ -n \"$(git ls-files --unmerged)\" ]");
            }
        }
    }

    /// Does what was said for each branch and tag, on it; how many there were.
    pub(super) fn follow_on_each(&self, said: &str) -> usize {
        let mut starts: Vec<usize> = said.match_indices("\n      git switch ").map(|(at, _)| at + 1).collect();
        starts.push(said.len());
        for part in starts.windows(2).map(|ends| &said[ends[0]..ends[1]]) {
            self.follow(part);
            while let Some(other) = self.others(part).lines().next() {
                self.sh(&format!("git switch --quiet {other}"));
                self.change(part);
            }
        }
        starts.len() - 1
    }

    /// The branches on which the same is still to be done.
    fn others(&self, said: &str) -> String {
        let command = said
            .lines()
            .find_map(|line| line.trim().strip_prefix("(the same on each other branch that still has it: "))
            .map(|line| format!("{} --format='%(refname:short)' | grep -v HEAD; :", line.trim_end_matches(')')));
        command.map(|command| self.sh_says(&command)).unwrap_or_default()
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
        pushed.is_refused_for(&self.key, &["must be rotated", AGAIN]);
        self.follow(&pushed.said);
        self.push(refs).passes();
        pushed.said
    }
}

const MAIN: &str = "HEAD:refs/heads/main";

/// Nobody tells the hook by which words it was pushed.
const AGAIN: &str = "  Then push again, with the same words as before.\n";

/// A desk whose branch `main` is published, with an `origin` and no upstream.
fn published(seed: u64) -> Desk {
    let desk = Desk::new(seed);
    desk.sh(&format!("git remote add origin '{}'; git branch -M main", desk.server.path().display()));
    desk.commit("echo a >a", "first");
    desk.push(&[MAIN]).passes();
    desk
}

impl Desk {
    /// What `git push` with these words is answered.
    fn pushed_by(&self, words: &str) -> (bool, String) {
        let answer = self.try_sh(&format!("git push {words}"));
        let said = String::from_utf8_lossy(&answer.stderr).replace("remote: ", "");
        (answer.status.success(), said.lines().map(|line| format!("{}\n", line.trim_end())).collect())
    }

    /// It is refused; done as it says, to the letter, the same words pass, and what else is published stays.
    #[track_caller]
    fn is_mended_where_it_stands(&self, words: &str, name: &str) -> String {
        let main = self.server.value("refs/heads/main");
        let (passed, said) = self.pushed_by(words);
        assert!(!passed && said.contains(AGAIN), "{said}");
        assert!(!said.contains("      git push"), "where that would go nobody knows: {said}");
        self.follow(&said);
        let (passed, said) = self.pushed_by(words);
        assert!(passed, "{said}");
        assert_eq!(self.server.value("refs/heads/main"), main);
        assert!(self.server.value(name).is_some_and(|value| Some(value) != main));
        said
    }
}

#[test]
fn what_was_pushed_under_another_name_goes_there_again() {
    for name in ["refs/heads/topic", "refs/for/main"] {
        let desk = published(1891);
        desk.commit("echo $KEY >b", "with a key");
        desk.is_mended_where_it_stands(&format!("origin HEAD:{name}"), name);
    }
    // By another branch than it is pushed to, of one that is there already.
    let desk = published(1892);
    desk.push(&["HEAD:refs/heads/topic"]).passes();
    desk.sh("git switch --quiet --create work");
    desk.commit("echo $KEY >b", "with a key");
    desk.commit("echo c >c", "more");
    desk.is_mended_where_it_stands("origin HEAD:topic", "refs/heads/topic");
}

#[test]
fn what_no_branch_names() {
    for words in ["HEAD~1", "HEAD"] {
        let desk = published(1886);
        desk.commit("echo $KEY >b", "with a key");
        if words == "HEAD" {
            desk.sh("git switch --quiet --detach; git branch --force main HEAD~1");
        } else {
            desk.commit("echo c >c", "more");
        }
        let (passed, said) = desk.pushed_by(&format!("origin {words}:refs/heads/topic"));
        assert!(!passed, "{said}");
        let hint = said.lines().find_map(|line| line.trim().strip_prefix("(where that names none: ")).expect(&said);
        let (stand, then) = hint.split_once(", ").unwrap();
        assert_eq!(then, "and push HEAD in its place then)");
        let top = stand.rsplit(' ').next().unwrap();
        assert_eq!(
            desk.sh_says(&format!("git branch --points-at {top} --format='%(refname:short)' | grep -v HEAD; :")),
            ""
        );
        desk.sh(&stand.replace("switch", "switch --quiet"));
        desk.change(&said);
        let (passed, said) = desk.pushed_by("origin HEAD:refs/heads/topic");
        assert!(passed, "{said}");
    }
}

#[test]
fn a_branch_that_is_not_checked_out() {
    for is_last in [true, false] {
        let desk = published(1893);
        desk.sh("git switch --quiet --create topic");
        desk.commit("echo $KEY >b", "with a key");
        if !is_last {
            desk.commit("echo c >c", "more");
        }
        desk.sh("git switch --quiet main");
        let main = desk.try_sh("git rev-parse main").stdout;
        desk.is_mended_where_it_stands("origin topic", "refs/heads/topic");
        assert_eq!(desk.try_sh("git rev-parse main").stdout, main, "what is published was changed");
    }
}

#[test]
fn a_tag_on_what_is_not_checked_out() {
    for (is_last, made) in [(true, "git tag"), (false, "git tag"), (true, "git tag --annotate --message v1")] {
        let desk = published(1894);
        desk.sh("git switch --quiet --detach");
        desk.commit("echo $KEY >b", "with a key");
        if !is_last {
            desk.commit("echo c >c", "more");
        }
        desk.sh(&format!("{made} v1; git switch --quiet main"));
        let main = desk.try_sh("git rev-parse main").stdout;
        desk.is_mended_where_it_stands("origin v1", "refs/tags/v1");
        assert_eq!(desk.try_sh("git rev-parse main").stdout, main, "what is published was changed");
    }
}

#[test]
fn two_tags_that_have_nothing_in_common() {
    let desk = published(1896);
    for number in 1..3 {
        desk.sh("git switch --quiet --detach main");
        desk.commit(&format!("echo $KEY {number} >b"), "with a key");
        desk.sh(&format!("git tag v{number}"));
    }
    desk.sh("git switch --quiet main");
    let (passed, said) = desk.pushed_by("--tags origin");
    assert!(!passed);
    assert_eq!(desk.follow_on_each(&said), 2, "{said}");
    let (passed, said) = desk.pushed_by("--tags origin");
    assert!(passed, "{said}");
}

#[test]
fn a_branch_that_the_server_does_not_have() {
    let desk = published(1890);
    desk.sh("git checkout --quiet -b topic");
    desk.commit("echo $KEY >b", "with a key");
    desk.is_mended_where_it_stands("--set-upstream origin topic", "refs/heads/topic");
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
fn where_history_is_cut_at_the_commit() {
    for is_last in [false, true] {
        let desk = Desk::new(1897);
        desk.server.config("receive.shallowUpdate", "true");
        desk.commit("echo a >a", "first");
        desk.commit("echo $KEY >b", "with a key");
        desk.sh("git rev-parse HEAD >.git/shallow");
        if !is_last {
            desk.commit("echo c >c", "more");
        }
        let said = desk.is_mended_by_what_it_is_told(&[MAIN]);
        assert_eq!(said.contains("--root"), !is_last, "{said}");
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
fn commits_that_only_keep_it_stay_commits_of_their_own() {
    // What a commit moves may come in with it once the one before has none.
    for (seed, after, told) in [
        (1821, "printf 'A=1\nKEY=%s\nB=1\n' $KEY >env", "It is in an earlier commit"),
        (1822, "git mv env moved; echo B=1 >>moved", "It came in 2 commits"),
    ] {
        let desk = Desk::new(seed);
        desk.commit("echo hello >README; echo A=1 >env", "first");
        desk.commit("printf 'A=1\nKEY=%s\n' $KEY >env", "bad");
        desk.commit(after, "keeps it");
        desk.commit("echo 1 >after", "after");
        let said = desk.is_mended_by_what_it_is_told(&[MAIN]);
        assert!(said.contains(told), "{said}");
        assert_eq!(desk.sh_says("git log --format=%s"), "after\nkeeps it\nbad\nfirst\n");
        assert_eq!(desk.sh_says("git grep -c gone HEAD").trim().rsplit(':').next(), Some("1"));
    }
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
fn on_two_branches_with_the_same_last_commit() {
    let wanted = ["refs/heads/*:refs/heads/*"];
    let desk = Desk::new(1855);
    desk.commit("echo hello >README", "first");
    desk.commit("echo KEY=$KEY >env", "bad");
    desk.sh("git branch release");
    let pushed = desk.push(&wanted);
    pushed.is_refused_for(&desk.key, &["It is in your last commit"]);
    desk.follow(&pushed.said);
    let left = desk.others(&pushed.said);
    assert_eq!(left.lines().count(), 1, "{left}");
    desk.sh(&format!("git switch --quiet {left}"));
    desk.change(&pushed.said);
    assert_eq!(desk.others(&pushed.said), "");
    desk.push(&wanted).passes();
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
        assert_eq!(desk.follow_on_each(&pushed.said), 2, "{}", pushed.said);
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
    assert_eq!(desk.follow_on_each(&pushed.said), 1, "{}", pushed.said);
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
fn in_a_name_and_in_the_message_that_signs_with_it() {
    let desk = Desk::new(1862);
    desk.commit("echo hello >README", "first");
    let both = "GIT_AUTHOR_NAME=$KEY GIT_COMMITTER_NAME=$KEY";
    desk.sh(&format!("echo a >a; git add a; {both} git commit --quiet --signoff --message fine"));
    let pushed = desk.push(&[MAIN]);
    let places = ["its author or committer", "line 3 of the message", "--reset-author", "take it out of the message"];
    pushed.is_refused_for(&desk.key, &places);
    assert_eq!(pushed.said.matches("its author or committer").count(), 1, "{}", pushed.said);
    desk.follow(&pushed.said);
    desk.push(&[MAIN]).passes();
}

#[test]
fn in_a_header_and_in_the_message_that_git_copied_it_to() {
    let desk = Desk::new(1863);
    desk.commit("echo hello >README", "first");
    desk.sh("git tag --annotate --message \"release $KEY\" v1
         { git cat-file commit HEAD | sed '/^$/,$d'
           echo \"mergetag object $(git rev-parse HEAD)\"; git cat-file tag v1 | sed -e 1d -e 's/^/ /'
           printf '\\nMerge tag v1\\n\\nrelease %s\\n' $KEY; } >../commit
         git tag --delete v1; git reset --soft $(git hash-object -t commit -w ../commit)");
    let pushed = desk.push(&[MAIN]);
    pushed.is_refused_for(&desk.key, &["of its headers", "line 3 of the message", "-c ORIG_HEAD"]);
    desk.follow(&pushed.said);
    desk.push(&[MAIN]).passes();
}

#[test]
fn a_commit_keeps_its_author_whatever_anothers_has_in_it() {
    let desk = Desk::new(1861);
    desk.commit("echo hello >README", "first");
    desk.sh("echo $KEY >a; git add a; GIT_AUTHOR_NAME=Ada git commit --quiet --message hers");
    desk.sh("echo b >b; git add b; GIT_AUTHOR_NAME=$KEY git commit --quiet --message mine");
    let said = desk.is_mended_by_what_it_is_told(&[MAIN]);
    assert_eq!(said.matches("--reset-author").count(), 1, "{said}");
    let authors = desk.sh_says("git log --format='%an %s'");
    assert!(authors.contains("Ada hers\n"), "{authors}");
}

#[test]
fn in_a_header_that_git_keeps() {
    let headed = "git reset --quiet --hard $(git cat-file commit HEAD | sed \"0,/^\\$/s//extra $KEY\\n/\" | \
                  git hash-object -t commit -w --stdin --literally)";
    for (seed, is_last) in [(1862, true), (1863, false)] {
        let desk = Desk::new(seed);
        desk.commit("echo hello >README", "first");
        desk.sh("echo a >a; git add a; GIT_AUTHOR_NAME=Ada git commit --quiet --message \"hers, as she said\"");
        desk.sh(headed);
        if !is_last {
            desk.commit("echo b >b", "after");
        }
        desk.is_mended_by_what_it_is_told(&[MAIN]);
        let commits = desk.sh_says("git log --format='%an %s'");
        assert!(commits.contains("Ada hers, as she said\n"), "{commits}");
    }
    // What git puts there itself: the tag that was merged, if it was signed.
    for (seed, is_last) in [(1864, true), (1865, false)] {
        let desk = Desk::new(seed);
        desk.commit("echo hello >README", "first");
        desk.sh("git checkout --quiet -b side");
        desk.commit("echo b >b", "on the side");
        desk.sh(
            "git update-ref refs/tags/v1 $(printf 'object %s\ntype commit\ntag v1\ntagger A <a@b> 1700000000 +0000\n\n%s\n\
             -----BEGIN PGP SIGNATURE-----\n\niQEz\n=abcd\n-----END PGP SIGNATURE-----\n' $(git rev-parse HEAD) $KEY | \
             git mktag)",
        );
        desk.sh("git checkout --quiet -; git merge --quiet --no-ff --message merged v1");
        if !is_last {
            desk.commit("echo c >c", "after");
        }
        desk.is_mended_by_what_it_is_told(&[MAIN]);
        assert_eq!(desk.sh_says("git log --merges --format=%s"), "merged\n");
    }
}

#[test]
fn under_a_tag() {
    let desk = Desk::new(1870);
    desk.commit("echo hello >README", "first");
    desk.commit("echo KEY=$KEY >env", "bad");
    desk.sh("git tag --annotate --message v1 v1");
    let pushed = desk.push(&["refs/tags/v1"]);
    pushed.is_refused_for(&desk.key, &["It is in the commit of a tag", "git tag --force <tag> HEAD "]);
    desk.follow(&pushed.said);
    desk.push(&["refs/tags/v1"]).passes();
    // On a branch that is pushed too.
    let desk = Desk::new(1871);
    desk.commit("echo KEY=$KEY >env", "bad");
    desk.sh("git tag v1");
    let pushed = desk.push(&["--tags", MAIN]);
    pushed.is_refused_for(&desk.key, &["A tag is on it too", "git tag --force <tag> <commit>"]);
    desk.follow(&pushed.said);
    desk.sh("git tag --force v1 HEAD");
    desk.push(&["--tags", MAIN]).passes();
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
