//! Makes a whole copy of a repository, with keys planted on the way.
//!
//! ```text
//!   source ── git fast-export ──► commits one by one, changed by the plan ──► git fast-import ── copy
//! ```
//!
//! Blobs are not exported: the copy borrows the source's objects while it is made and takes them over at its end.
//! A blob that the source lacks (it may be a partial clone) becomes the same short placeholder everywhere.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tempfile::TempDir;

use super::common::git;
use super::plan::{Commit, Mark, Plan, Planted};

/// A copy and what was planted in it.
pub(crate) struct Copied {
    folder: TempDir,
    pub(crate) path: PathBuf,
    pub(crate) planted: Vec<Planted>,
    /// How many blobs the source did not have.
    pub(crate) absent: usize,
}

impl Copied {
    /// Leaves it on the disk.
    pub(crate) fn keep(self) -> PathBuf {
        let _ = self.folder.keep();
        self.path
    }
}

/// Copies `source`, which is only read.
pub(crate) fn copy_with(source: &Path) -> Copied {
    assert!(super::is_repository(source), "{} is no git repository", source.display());
    let folder = tempfile::Builder::new().prefix("clerk-audit-copy-").tempdir().expect("making a folder");
    let path = folder.path().join("repository.git");
    std::fs::create_dir(&path).expect("making a folder");
    let ask = |arguments: &[&str]| git::run(git::command(&path), arguments, b"");
    ask(&["init", "--quiet", "--bare", "--template="]);
    let alternates = path.join("objects/info/alternates");
    std::fs::create_dir_all(alternates.parent().expect("a folder")).expect("making a folder");
    std::fs::write(&alternates, objects_of(source)).expect("borrowing objects");

    let placeholder = git::run(git::command(&path), &["hash-object", "-w", "--stdin"], b"absent\n");
    let absent = absent_objects(source);
    let filter = Filter {
        placeholder: text(&placeholder),
        absent: absent.iter().cloned().collect(),
        plan: Plan::new(&histories(source)),
    };
    let plan = pipe(source, &path, filter);
    let marks = read_marks(&path.join("marks"));
    let planted = plan.planted(&marks);
    ask(&["repack", "-a", "-d", "-q"]);
    std::fs::remove_file(alternates).expect("giving back borrowed objects");
    // A partial clone's packs are kept whole with all that the old commits had; the second time they are not.
    let packs = std::fs::read_dir(path.join("objects/pack")).expect("packs").map(|entry| entry.expect("a pack").path());
    for promise in packs.filter(|pack| pack.extension().is_some_and(|extension| extension == "promisor")) {
        std::fs::remove_file(promise).expect("a promise");
    }
    ask(&["repack", "-a", "-d", "-q"]);
    // What only these reach stays in the pack.
    for name in plan.refs_to_delete() {
        ask(&["update-ref", "-d", name]);
    }
    ask(&["pack-refs", "--all"]);
    copy_head(source, &path);
    Copied { folder, path, planted, absent: absent.len() }
}

fn objects_of(source: &Path) -> String {
    let inner = text(&git::run(git::command(source), &["rev-parse", "--git-path", "objects"], b""));
    let whole = source.join(inner).canonicalize().expect("the source's objects");
    format!("{}\n", whole.to_str().expect("a path that is UTF-8"))
}

fn absent_objects(source: &Path) -> Vec<String> {
    let arguments = ["rev-list", "--objects", "--all", "--missing=print", "--no-object-names"];
    let listing = text(&git::run(git::command(source), &arguments, b""));
    listing.lines().filter_map(|line| line.strip_prefix('?')).map(str::to_owned).collect()
}

/// Every commit with its parents, parents first.
fn histories(source: &Path) -> Vec<(String, Vec<String>)> {
    let arguments = ["rev-list", "--all", "--parents", "--topo-order", "--reverse"];
    let listing = text(&git::run(git::command(source), &arguments, b""));
    let split = |line: &str| {
        let mut ids = line.split(' ').map(str::to_owned);
        (ids.next().expect("a commit"), ids.collect())
    };
    listing.lines().map(split).collect()
}

fn copy_head(source: &Path, path: &Path) {
    let head = git::answer(with(git::command(source), &["symbolic-ref", "--quiet", "HEAD"]), b"");
    if head.success {
        git::run(git::command(path), &["symbolic-ref", "HEAD", &text(&head.stdout)], b"");
    }
}

fn with(mut command: std::process::Command, arguments: &[&str]) -> std::process::Command {
    command.args(arguments);
    command
}

/// Mark and new id of every commit.
fn read_marks(path: &Path) -> HashMap<Mark, String> {
    let listing = std::fs::read_to_string(path).expect("the marks of fast-import");
    let split = |line: &str| {
        let (mark, id) = line.split_once(' ').expect("a mark and an id");
        (mark.to_owned(), id.to_owned())
    };
    listing.lines().map(split).collect()
}

/// Runs the two gits with the filter between them.
fn pipe(source: &Path, copy: &Path, mut filter: Filter) -> Plan {
    let export = [
        "fast-export",
        "--glob=refs/*",
        "--no-data",
        "--show-original-ids",
        "--signed-tags=strip",
        "--tag-of-filtered-object=drop",
        "--reencode=no",
    ];
    let import =
        ["fast-import", "--quiet", "--force", "--date-format=raw-permissive", "--export-marks=marks", "--done"];
    let mut export = with(git::command(source), &export)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("starting git fast-export");
    let mut import = with(git::command(copy), &import).stdin(Stdio::piped()).spawn().expect("starting git fast-import");
    let input = BufReader::with_capacity(1 << 20, export.stdout.take().expect("a pipe from git"));
    let output = BufWriter::with_capacity(1 << 20, import.stdin.take().expect("a pipe to git"));
    filter.run(input, output);
    assert!(export.wait().expect("waiting for git").success(), "git fast-export failed");
    assert!(import.wait().expect("waiting for git").success(), "git fast-import failed");
    filter.plan
}

/// Stands between fast-export and fast-import.
struct Filter {
    placeholder: String,
    absent: HashSet<String>,
    plan: Plan,
}

impl Filter {
    fn run(&mut self, mut input: impl BufRead, mut output: impl Write) {
        let mut line = Vec::new();
        while next_line(&mut input, &mut line) {
            if line.starts_with(b"commit ") {
                let mut commit = self.read_commit(&mut input, &line);
                self.plan.change(&mut commit);
                commit.write(&mut output);
            } else {
                output.write_all(&line).expect("writing to git fast-import");
                if let Some(data) = read_data(&mut input, &line) {
                    output.write_all(&data).expect("writing to git fast-import");
                }
            }
        }
        self.plan.finish(&mut output);
        output.write_all(b"done\n").expect("writing to git fast-import");
        output.flush().expect("writing to git fast-import");
    }

    fn read_commit(&self, input: &mut impl BufRead, head: &[u8]) -> Commit {
        let mut commit = Commit { head: vec![head.to_vec()], ..Commit::default() };
        let mut line = Vec::new();
        while next_line(input, &mut line) && line != b"\n" {
            if let Some(data) = read_data(input, &line) {
                commit.message = data;
            } else if line.starts_with(b"from ") || line.starts_with(b"merge ") {
                let mark = line.split(|byte| *byte == b' ').nth(1).expect("a mark");
                commit.parents.push(text(mark));
            } else if line.starts_with(b"mark ") {
                commit.mark = text(&line[5..]);
                commit.head.push(line.clone());
            } else if let Some(id) = line.strip_prefix(b"original-oid ") {
                commit.original = text(id);
            } else if matches!(line[..2], [b'M' | b'D', b' ']) || line == b"deleteall\n" {
                commit.changes.push(self.without_absent(&line));
            } else {
                commit.head.push(line.clone());
            }
        }
        commit
    }

    /// `M 100644 <id> <path>`, with the placeholder in the place of an id that the source does not have.
    fn without_absent(&self, line: &[u8]) -> Vec<u8> {
        let words: Vec<&[u8]> = line.splitn(4, |byte| *byte == b' ').collect();
        match words[..] {
            [b"M", mode, id, path] if mode != b"160000" && self.absent.contains(&text(id)) => {
                [b"M", mode, self.placeholder.as_bytes(), path].join(&b' ')
            }
            _ => line.to_vec(),
        }
    }
}

fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> bool {
    line.clear();
    input.read_until(b'\n', line).expect("reading from git fast-export") > 0
}

/// The bytes that follow a line `data <count>`.
fn read_data(input: &mut impl BufRead, line: &[u8]) -> Option<Vec<u8>> {
    let count = text(line.strip_prefix(b"data ")?).parse().expect("a number of bytes");
    let mut data = vec![0; count];
    input.read_exact(&mut data).expect("reading from git fast-export");
    Some(data)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end().to_owned()
}
