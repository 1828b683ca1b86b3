//! Random histories, the same ones for a seed: everything that git can do to a key, and some that only a
//! program that writes objects by itself can.

mod contents;
mod refs;

use fastrand::Rng;

use super::fixture::objects::{Commit, Files, Mode, Oid, Person};
use super::fixture::{FIRST_SECOND, Repo};
use super::secrets::{live_key, test_key};
use contents::{base64_of, joined, nudged, sibling, text_with, with_another_line};

const ZONES: [&str; 6] = ["+0000", "-0800", "+0530", "+1245", "-0330", "+0100"];
const PEOPLE: [&str; 4] = ["Ada Author", "Bo", "Zoë Ünal", "carl"];
const PATHS: [&[u8]; 16] = [
    b".env",
    b".env.local",
    b"src/config.ts",
    b"src/app/page.tsx",
    b"src/app",
    b"docs/readme.md",
    b"docs",
    b"a",
    b"a/b",
    b"a/b/c",
    b"with space/\xc3\xbc.txt",
    b"back\\slash",
    b"tab\there",
    b"\xff\xfe.bin",
    b".gitattributes",
    b"new\nline.txt",
];

/// How a random history is made.
pub(crate) struct Plan {
    pub(crate) seed: u64,
    /// How many commits at most; a plan without a limit draws its own.
    pub(crate) steps: Option<usize>,
    /// Whether keys are put in at all.
    pub(crate) keys: bool,
}

impl Plan {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, steps: None, keys: true }
    }

    /// Makes the repository, all its objects loose and all its refs files.
    pub(crate) fn build(&self) -> Repo {
        let mut random = Rng::with_seed(self.seed);
        let drawn = if random.u8(..5) == 0 { random.usize(20..45) } else { random.usize(1..20) };
        let keys = if self.keys { some_keys(&mut random) } else { Vec::new() };
        let talkative = random.bool();
        let repo = if random.u8(..4) == 0 { Repo::with_work_tree() } else { Repo::bare() };
        let (commits, branches) = (Vec::new(), Vec::new());
        let mut writer = Writer { random, repo, keys, talkative, commits, branches, seconds: FIRST_SECOND };
        for _ in 0..self.steps.unwrap_or(drawn) {
            writer.step();
        }
        writer.leave_refs();
        writer.repo.finish();
        writer.leave_worktree_state();
        writer.repo
    }
}

/// Keys and how often each may be used: most only a few times, so that they can be gone again at the end.
fn some_keys(random: &mut Rng) -> Vec<(String, u32)> {
    let make = |random: &mut Rng| {
        let seed = random.u64(..);
        let key = if random.bool() { live_key(seed) } else { test_key(seed) };
        let uses = match random.u8(..10) {
            0..=4 => 1,
            5..=7 => random.u32(2..5),
            _ => u32::MAX,
        };
        (key, uses)
    };
    let mut keys: Vec<(String, u32)> = (0..random.usize(1..10)).map(|_| make(random)).collect();
    if random.bool() {
        keys.push((sibling(&keys[0].0), 3));
    }
    keys
}

/// A commit that has been made.
#[derive(Clone)]
struct Made {
    id: Oid,
    files: Files,
    parents: Vec<usize>,
}

struct Writer {
    random: Rng,
    repo: Repo,
    /// Keys and how often each may still be used.
    keys: Vec<(String, u32)>,
    /// Whether keys stand in messages, names and headers too.
    talkative: bool,
    commits: Vec<Made>,
    /// Names, and the commits they are at.
    branches: Vec<(String, usize)>,
    seconds: i64,
}

impl Writer {
    fn one_in(&mut self, times: u32) -> bool {
        self.random.u32(..times) == 0
    }

    fn any_key(&mut self) -> Option<String> {
        let left: Vec<usize> = (0..self.keys.len()).filter(|at| self.keys[*at].1 > 0).collect();
        let at = *self.random.choice(&left)?;
        self.keys[at].1 -= 1;
        Some(self.keys[at].0.clone())
    }

    /// A random key in one of so many cases.
    fn key_in(&mut self, times: u32) -> Option<String> {
        if self.one_in(times) { self.any_key() } else { None }
    }

    /// The same for a text that is no file.
    fn key_in_text(&mut self, times: u32) -> Option<String> {
        if self.talkative { self.key_in(times) } else { None }
    }

    fn any_commit(&mut self) -> usize {
        self.random.usize(..self.commits.len())
    }

    fn any_branch(&mut self) -> usize {
        self.random.usize(..self.branches.len())
    }

    /// One more commit, on a branch that is there or a new one.
    fn step(&mut self) {
        if self.branches.is_empty() || self.one_in(20) {
            let files = self.changed(Files::new());
            let root = self.make(files, Vec::new());
            return self.new_branch(root);
        }
        if self.one_in(6) {
            let start = self.any_commit();
            self.new_branch(start);
        }
        let branch = self.any_branch();
        let tip = self.branches[branch].1;
        let made = match self.random.u8(..20) {
            0..=2 => self.merge(tip),
            3 => self.revert(tip),
            4 => self.cherry_pick(tip),
            // Nothing changes, or all that some commit had comes back.
            5 => self.make(self.commits[tip].files.clone(), vec![tip]),
            7 => self.clean_up(tip),
            6 => {
                let other = self.any_commit();
                self.make(self.commits[other].files.clone(), vec![tip])
            }
            _ => {
                let files = self.changed(self.commits[tip].files.clone());
                self.make(files, vec![tip])
            }
        };
        self.branches[branch].1 = made;
        if self.branches.len() > 1 && self.one_in(10) {
            // Its commits may be lost with it.
            let gone = self.any_branch();
            self.branches.remove(gone);
        }
        if self.one_in(25) {
            let (branch, target) = (self.any_branch(), self.any_commit());
            self.branches[branch].1 = target;
        }
    }

    fn new_branch(&mut self, at: usize) {
        let number = self.commits.len() * 100 + self.branches.len();
        let key = self.key_in_text(40).map_or_else(String::new, |key| format!("-{key}"));
        let kinds = ["heads/b", "heads/feature/f", "heads/b", "remotes/origin/r", "pull/", "heads/main-"];
        let kind = *self.random.choice(&kinds).expect("one of them");
        let end = if kind == "pull/" { "/head" } else { "" };
        self.branches.push((format!("refs/{kind}{number}{key}{end}"), at));
    }

    fn make(&mut self, files: Files, parents: Vec<usize>) -> usize {
        let tree = self.repo.tree(&files);
        let ids: Vec<Oid> = parents.iter().map(|parent| self.commits[*parent].id).collect();
        let (author, committer) = (self.person(), self.person());
        let headers = self.headers();
        let message = self.message();
        let commit = Commit { tree, parents: ids, author, committer, headers, message };
        let id = self.repo.commit(&commit);
        self.commits.push(Made { id, files, parents });
        self.commits.len() - 1
    }

    /// Somebody, by a clock that mostly goes on, sometimes stands still and sometimes jumps.
    fn person(&mut self) -> Person {
        let name = *self.random.choice(&PEOPLE).expect("one of them");
        self.seconds += self.random.i64(0..3) * 3600;
        let jump = match self.random.u8(..12) {
            0 => -self.random.i64(1..400) * 86_400,
            1 => self.random.i64(1..400) * 86_400,
            _ => 0,
        };
        let mut person = Person::at(name, self.seconds + jump);
        person.zone = self.random.choice(&ZONES).expect("one of them");
        if self.one_in(30) {
            person.name = b"Ren\xe9 of Latin-1".to_vec();
        }
        if let Some(key) = self.key_in_text(120) {
            person.name = format!("Bo {key}").into_bytes();
        }
        if let Some(key) = self.key_in_text(200) {
            person.email = format!("{key}@example.test").into_bytes();
        }
        person
    }

    fn headers(&mut self) -> Vec<u8> {
        let mut headers = String::new();
        if self.one_in(20) {
            headers.push_str("encoding ISO-8859-1\n");
        }
        if self.one_in(15) {
            let key = self.key_in_text(2).unwrap_or_else(|| "nothing".into());
            headers.push_str(&format!("gpgsig -----BEGIN PGP SIGNATURE-----\n \n {key}\n -----END-----\n"));
        }
        if let Some(key) = self.key_in_text(60) {
            headers.push_str(&format!("x-deploy token={key}\n"));
        }
        headers.into_bytes()
    }

    fn message(&mut self) -> Vec<u8> {
        let mut message = format!("commit number {}\n", self.commits.len());
        if let Some(key) = self.key_in_text(25) {
            message = format!("use {key} for now\n");
        }
        if self.one_in(4) {
            message.push_str("\nIt was like that before.\n");
        }
        if let Some(key) = self.key_in_text(25) {
            message.push_str(&format!("\nClerk-Key: {key}\n"));
        }
        if let Some(key) = self.key_in_text(40) {
            message.push_str(&format!("\nauth {}\n", base64_of(&mut self.random, &key)));
        }
        if let Some(key) = self.key_in_text(60) {
            message.push_str(&format!("\0{key}\n"));
        }
        message.into_bytes()
    }

    /// Some files more, less or other than these.
    fn changed(&mut self, mut files: Files) -> Files {
        for _ in 0..self.random.usize(1..4) {
            let path = self.path();
            match self.random.u8(..16) {
                0..=3 => {
                    let keys = self.some_keys();
                    self.put_text(&mut files, path, &keys);
                }
                4 => self.put_text(&mut files, path, &[]),
                5 | 6 => self.edit(&mut files),
                7 | 8 => {
                    let path = self.existing(&files);
                    path.map(|path| files.remove(&path));
                }
                9 | 10 => self.move_or_copy(&mut files, path),
                11 => self.change_mode(&mut files),
                12 => self.put_link(&mut files, path),
                13 => {
                    let id = Oid(std::array::from_fn(|_| self.random.u8(1..)));
                    put(&mut files, path, (Mode::Submodule, id));
                }
                14 => self.rewrite(&mut files),
                _ => self.put_under_key(&mut files),
            }
        }
        files
    }

    fn path(&mut self) -> Vec<u8> {
        self.random.choice(&PATHS).expect("one of them").to_vec()
    }

    fn some_keys(&mut self) -> Vec<String> {
        let count = if self.one_in(5) { 2 } else { 1 };
        (0..count).filter_map(|_| self.any_key()).collect()
    }

    fn existing(&mut self, files: &Files) -> Option<Vec<u8>> {
        let paths: Vec<&Vec<u8>> = files.keys().collect();
        self.random.choice(&paths).map(|path| (*path).clone())
    }

    fn put_text(&mut self, files: &mut Files, path: Vec<u8>, keys: &[String]) {
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let content = text_with(&mut self.random, &keys);
        let blob = self.repo.blob(content);
        put(files, path, (Mode::File, blob));
    }

    /// Adds a line somewhere, and what keys there are stay; or changes one character in or beside a key.
    fn edit(&mut self, files: &mut Files) {
        let Some(path) = self.existing(files) else { return };
        let (mode, blob) = files[&path];
        if matches!(mode, Mode::File | Mode::Executable) {
            let content = self.repo.content(blob);
            let mut keys: Vec<&str> = self.keys.iter().map(|(key, _)| key.as_str()).collect();
            self.random.shuffle(&mut keys);
            keys.truncate(if self.random.u8(..3) == 0 { keys.len() } else { 0 });
            let nudged = keys.into_iter().find_map(|key| nudged(&mut self.random, content, key));
            let content = nudged.unwrap_or_else(|| with_another_line(&mut self.random, content));
            let blob = self.repo.blob(content);
            files.insert(path, (mode, blob));
        }
    }

    /// New content at an old path, mostly without what was there.
    fn rewrite(&mut self, files: &mut Files) {
        if let Some(path) = self.existing(files) {
            let keys = if self.one_in(3) { self.some_keys() } else { Vec::new() };
            self.put_text(files, path, &keys);
        }
    }

    fn move_or_copy(&mut self, files: &mut Files, to: Vec<u8>) {
        let Some(from) = self.existing(files) else { return };
        let mut entry = files[&from];
        if self.random.bool() {
            files.remove(&from);
        }
        if self.one_in(3) && matches!(entry.0, Mode::File | Mode::Executable) {
            let content = with_another_line(&mut self.random, self.repo.content(entry.1));
            entry.1 = self.repo.blob(content);
        }
        put(files, to, entry);
    }

    fn change_mode(&mut self, files: &mut Files) {
        let Some(path) = self.existing(files) else { return };
        let entry = files.get_mut(&path).expect("a path that is there");
        entry.0 = match entry.0 {
            Mode::File => Mode::Executable,
            Mode::Executable => Mode::SymbolicLink,
            Mode::SymbolicLink => Mode::File,
            other => other,
        };
    }

    fn put_link(&mut self, files: &mut Files, path: Vec<u8>) {
        let target = self.key_in(2).map_or_else(|| "../elsewhere".into(), |key| format!("../{key}/x"));
        let blob = self.repo.blob(target);
        put(files, path, (Mode::SymbolicLink, blob));
    }

    /// A path with a key in the name of the file, of its folder, or of both.
    fn put_under_key(&mut self, files: &mut Files) {
        let Some(key) = self.any_key() else { return };
        let path = match self.random.u8(..5) {
            0 => format!("backup-{key}.txt"),
            1 => format!("dir-{key}/x"),
            2 => format!("a/{key}"),
            3 => format!("old {key}/in {key}/y"),
            _ => format!("src/{key}/app/z"),
        };
        if self.one_in(4) {
            let id = Oid(std::array::from_fn(|_| self.random.u8(1..)));
            return put(files, path.into_bytes(), (Mode::Submodule, id));
        }
        let keys = if self.one_in(3) { self.some_keys() } else { Vec::new() };
        self.put_text(files, path.into_bytes(), &keys);
    }

    /// Two parents or more. What stands in both and differs is taken from either, joined or written anew, and
    /// then there may be a key that none of them has.
    fn merge(&mut self, tip: usize) -> usize {
        let mut parents = vec![tip];
        for _ in 0..if self.one_in(4) { self.random.usize(2..5) } else { 1 } {
            let branch = self.any_branch();
            let other = if self.one_in(3) { self.any_commit() } else { self.branches[branch].1 };
            if !parents.contains(&other) {
                parents.push(other);
            }
        }
        let mut files = self.commits[tip].files.clone();
        if !self.one_in(6) {
            for parent in &parents[1..] {
                for (path, theirs) in self.commits[*parent].files.clone() {
                    self.resolve(&mut files, path, theirs);
                }
            }
        }
        if self.one_in(4) {
            files = self.changed(files);
        }
        self.make(files, parents)
    }

    fn resolve(&mut self, files: &mut Files, path: Vec<u8>, theirs: (Mode, Oid)) {
        let Some(ours) = files.get(&path).copied() else {
            if !self.one_in(5) {
                put(files, path, theirs);
            }
            return;
        };
        let is_text = |entry: (Mode, Oid)| matches!(entry.0, Mode::File | Mode::Executable);
        match self.random.u8(..6) {
            _ if ours == theirs => {}
            0 | 1 => {
                files.insert(path, theirs);
            }
            2 if is_text(ours) && is_text(theirs) => {
                let content = joined(self.repo.content(ours.1), self.repo.content(theirs.1));
                let blob = self.repo.blob(content);
                files.insert(path, (Mode::File, blob));
            }
            3 => {
                let keys = self.some_keys();
                self.put_text(files, path, &keys);
            }
            _ => {}
        }
    }

    /// All files go, or all but a few.
    fn clean_up(&mut self, tip: usize) -> usize {
        let mut files = self.commits[tip].files.clone();
        let kept = self.random.usize(..3);
        while files.len() > kept {
            files.pop_last();
        }
        self.make(files, vec![tip])
    }

    /// Takes back what the tip did, or what an earlier commit did.
    fn revert(&mut self, tip: usize) -> usize {
        let undone = if self.random.bool() { tip } else { self.any_commit() };
        let after = self.commits[undone].files.clone();
        let before = self.before(undone);
        let files = apply(&after, &before, self.commits[tip].files.clone());
        self.make(files, vec![tip])
    }

    fn cherry_pick(&mut self, tip: usize) -> usize {
        let picked = self.any_commit();
        let before = self.before(picked);
        let files = apply(&before, &self.commits[picked].files, self.commits[tip].files.clone());
        self.make(files, vec![tip])
    }

    fn before(&self, commit: usize) -> Files {
        let parent = self.commits[commit].parents.first();
        parent.map_or_else(Files::new, |parent| self.commits[*parent].files.clone())
    }
}

/// Puts something at a path. What stood in its way goes: a file where a folder must be, and the reverse.
fn put(files: &mut Files, path: Vec<u8>, entry: (Mode, Oid)) {
    let inside = [&path[..], b"/"].concat();
    files.retain(|other, _| !other.starts_with(&inside) && !path.starts_with(&[&other[..], b"/"].concat()));
    files.insert(path, entry);
}

/// Does to `files` what leads from one tree to another.
fn apply(from: &Files, to: &Files, mut files: Files) -> Files {
    for path in from.keys().filter(|path| !to.contains_key(*path)) {
        files.remove(path);
    }
    for (path, entry) in to.iter().filter(|(path, entry)| from.get(*path) != Some(*entry)) {
        put(&mut files, path.clone(), *entry);
    }
    files
}
