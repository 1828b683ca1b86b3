//! What git says of a repository, command by command.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::common::git;

/// The id of an object, in hex.
pub(crate) type Id = String;

/// A repository that git is asked about.
#[derive(Clone)]
pub(crate) struct Reading {
    path: PathBuf,
}

/// An index: what is staged in it, and the commit that the HEAD beside it names.
pub(crate) struct Index {
    pub(crate) staged: Vec<(Vec<u8>, Id)>,
    pub(crate) head: Option<Id>,
}

/// Something in a tree, at whatever depth.
pub(crate) struct Listed {
    pub(crate) is_tree: bool,
    pub(crate) id: Id,
    pub(crate) path: Vec<u8>,
}

impl Reading {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// A git that takes no shortcuts and locks nothing.
    fn command(&self) -> Command {
        let mut git = git::command(&self.path);
        git.env("GIT_OPTIONAL_LOCKS", "0").args(["-c", "core.commitGraph=false", "-c", "safe.directory=*"]);
        git
    }

    fn ask(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        git::run(self.command(), arguments, input)
    }

    fn ask_lines(&self, arguments: &[&str], input: &[u8]) -> Vec<String> {
        let text = String::from_utf8(self.ask(arguments, input)).expect("ids and types are ASCII");
        text.lines().map(str::to_owned).collect()
    }

    /// The one line that git answers, or nothing where it says no.
    fn maybe(&self, arguments: &[&str]) -> Option<String> {
        let mut git = self.command();
        git.args(arguments);
        let answer = git::answer(git, b"");
        answer.success.then(|| String::from_utf8_lossy(&answer.stdout).trim_end().to_owned())
    }

    /// Name and id of every ref that is no symbolic one, and of every worktree's HEAD where that is detached.
    pub(crate) fn tips(&self) -> Vec<(Vec<u8>, Id)> {
        let format = "--format=%(objectname)%00%(symref)%00%(refname)";
        let mut tips = Vec::new();
        for line in self.ask(&["for-each-ref", format], b"").split(|byte| *byte == b'\n') {
            if let [id, b"", name] = line.splitn(3, |byte| *byte == 0).collect::<Vec<_>>()[..] {
                tips.push((name.to_vec(), text(id)));
            }
        }
        if self.maybe(&["symbolic-ref", "--quiet", "HEAD"]).is_none() {
            let head = self.maybe(&["rev-parse", "--verify", "--quiet", "HEAD"]).expect("a detached HEAD");
            tips.push((b"HEAD".to_vec(), head));
        }
        let list = self.ask(&["worktree", "list", "--porcelain", "-z"], b"");
        for worktree in text(&list).split("\0\0").skip(1) {
            let fields: Vec<&str> = worktree.split('\0').collect();
            if fields.contains(&"detached") {
                let head = fields.iter().find_map(|field| field.strip_prefix("HEAD ")).expect("its HEAD");
                let folder = fields[0].rsplit('/').next().expect("its folder");
                tips.push((format!("worktrees/{folder}/HEAD").into_bytes(), head.to_owned()));
            }
        }
        tips
    }

    /// The index of every worktree.
    pub(crate) fn indexes(&self) -> Vec<Index> {
        let list = self.ask(&["worktree", "list", "--porcelain", "-z"], b"");
        let worktrees = list.split(|byte| *byte == 0).filter_map(|field| field.strip_prefix(b"worktree "));
        let index = |path: &[u8]| {
            let worktree = Self::new(Path::new(OsStr::from_bytes(path)));
            let listed = worktree.ask(&["ls-files", "--stage", "--full-name", "-z"], b"");
            let entries = listed.split(|byte| *byte == 0).filter(|entry| !entry.is_empty());
            let staged = entries.map(|entry| {
                let tab = entry.iter().position(|byte| *byte == b'\t').expect("a tab before the path");
                let told = text(&entry[..tab]);
                (entry[tab + 1..].to_vec(), told.split(' ').nth(1).expect("an id").to_owned())
            });
            let head = worktree.maybe(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]);
            Index { staged: staged.collect(), head }
        };
        worktrees.map(index).collect()
    }

    /// Every object that any of `tips` reaches, tags, trees and blobs too.
    pub(crate) fn reachable(&self, tips: &[Id]) -> Vec<Id> {
        let arguments = ["rev-list", "--objects", "--no-object-names", "--stdin"];
        if tips.is_empty() { Vec::new() } else { self.ask_lines(&arguments, tips.join("\n").as_bytes()) }
    }

    /// Every commit that any of `tips` reaches.
    pub(crate) fn commits(&self, tips: &[Id]) -> Vec<Id> {
        if tips.is_empty() {
            return Vec::new();
        }
        self.ask_lines(&["rev-list", "--stdin"], tips.join("\n").as_bytes())
    }

    /// These commits and their ancestors with their parents, parents first.
    pub(crate) fn parents_first(&self, commits: &[Id]) -> Vec<(Id, Vec<Id>)> {
        if commits.is_empty() {
            return Vec::new();
        }
        let arguments = ["rev-list", "--topo-order", "--reverse", "--parents", "--stdin"];
        let lines = self.ask_lines(&arguments, commits.join("\n").as_bytes());
        let split = |line: String| {
            let mut ids = line.split(' ').map(str::to_owned);
            (ids.next().expect("a commit"), ids.collect())
        };
        lines.into_iter().map(split).collect()
    }

    /// Hands over all that each of these trees has: files, links, submodules and the trees inside it, each of
    /// these before what it has. It is `ls-tree -r -t` of each, by one git: what each has and an empty tree has not.
    pub(crate) fn list_each(&self, trees: &[Id], mut seen: impl FnMut(&Id, Vec<Listed>)) {
        let empty = text(&self.ask(&["hash-object", "-t", "tree", "--stdin"], b""));
        let empty = empty.trim_end();
        let mut git = self.command();
        git.args(["diff-tree", "--stdin", "-r", "-t", "-z", "--no-renames", "--ignore-submodules=none"]);
        let mut child = git.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("starting git diff-tree");
        let mut input = child.stdin.take().expect("a pipe to git");
        let mut output = BufReader::with_capacity(1 << 20, child.stdout.take().expect("a pipe from git"));
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let mut pairs = trees.iter().map(|tree| format!("{empty} {tree}\n"));
                pairs.try_for_each(|pair| input.write_all(pair.as_bytes())).expect("writing to git diff-tree");
            });
            for tree in trees {
                let mut head = String::new();
                output.read_line(&mut head).expect("reading from git diff-tree");
                assert_eq!(head.trim_end(), format!("{empty} {tree}"), "git diff-tree tells one tree after another");
                let mut listed = Vec::new();
                while output.fill_buf().expect("reading from git diff-tree").starts_with(b":") {
                    let mut field = || {
                        let mut field = Vec::new();
                        output.read_until(0, &mut field).expect("reading from git diff-tree");
                        field.pop();
                        field
                    };
                    let (told, path) = (text(&field()), field());
                    let words: Vec<&str> = told.split(' ').collect();
                    listed.push(Listed { is_tree: words[1] == "040000", id: words[3].to_owned(), path });
                }
                seen(tree, listed);
            }
        });
        assert!(child.wait().expect("waiting for git diff-tree").success(), "git diff-tree failed");
    }

    /// Hands over every object that the repository has, reachable or not: id, type and content.
    pub(crate) fn every_object(&self, mut seen: impl FnMut(Id, &str, Vec<u8>)) {
        let mut git = self.command();
        git.args(["cat-file", "--batch-all-objects", "--unordered", "--buffer", "--batch"]);
        let mut child = git.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("starting git cat-file");
        let mut output = BufReader::with_capacity(1 << 20, child.stdout.take().expect("a pipe from git"));
        let mut head = String::new();
        while output.read_line(&mut head).expect("reading from git cat-file") > 0 {
            let [id, object_type, size] = head.trim_end().split(' ').collect::<Vec<_>>()[..] else {
                panic!("git cat-file said {head:?}");
            };
            let mut content = vec![0; size.parse::<usize>().expect("a size") + 1];
            output.read_exact(&mut content).expect("reading from git cat-file");
            content.pop();
            seen(id.to_owned(), object_type, content);
            head.clear();
        }
        assert!(child.wait().expect("waiting for git cat-file").success(), "git cat-file failed");
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
