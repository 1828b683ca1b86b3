//! Which repositories: named, listed in a file, or below a directory.

use std::collections::HashSet;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::Exit;
use super::{input, output};
use crate::audit::Target;
use crate::detect::Detector;
use crate::model::error_chain;
use crate::store::{Error, Layout, list_directory, locate, locate_git_dir};

/// The repositories to work on
#[derive(Args, Debug)]
pub(super) struct Repositories {
    /// Repositories: work trees or git directories [default: the one you stand in, or $GIT_DIR]
    #[arg(value_name = "REPO")]
    named: Vec<PathBuf>,
    /// Read paths of repositories from FILE, one a line (- for standard input)
    #[arg(long, value_name = "FILE", help_heading = "Repositories")]
    repos_from: Option<PathBuf>,
    /// Take every repository below DIR
    #[arg(long, value_name = "DIR", help_heading = "Repositories")]
    repos_under: Vec<PathBuf>,
}

impl Repositories {
    /// Whether the list is read from standard input, which then has nothing else to give.
    pub(super) fn take_standard_input(&self) -> bool {
        self.repos_from.as_deref() == Some(Path::new("-"))
    }

    /// The file that the list is read from, if any.
    pub(super) fn list(&self) -> Option<&Path> {
        self.repos_from.as_deref()
    }

    /// Whether a key was given in the place of a repository: a path that is there may have one in it.
    pub(super) fn has_a_key_named(&self, detector: &Detector) -> bool {
        self.named.iter().any(|path| {
            let text = path.to_string_lossy();
            detector.mask_text(&text) != text && std::fs::symlink_metadata(path).is_err()
        })
    }

    /// The targets, each repository once, however many of its worktrees are named. What is wrong with the list itself
    /// has been told where this fails.
    pub(super) fn targets(&self) -> Result<Vec<Target>, Exit> {
        self.find().map_err(|error| {
            let list = self.repos_from.as_deref().unwrap_or(Path::new("-"));
            let message = format!("cannot read the list of repositories {}: {error}", list.display());
            output::error(&message, Some("it is a file with a path a line; - is standard input"));
            Exit::Usage
        })
    }

    /// The targets; fails where the list itself cannot be read.
    fn find(&self) -> io::Result<Vec<Target>> {
        let mut targets = Vec::new();
        let here = Path::new(".").canonicalize().ok();
        for path in &self.named {
            // Where one stands, the repository around is meant; elsewhere a path must be the repository itself.
            let is_here = here.is_some() && path.canonicalize().ok() == here;
            targets.push(target(path, locate(path, is_here)));
        }
        if let Some(file) = &self.repos_from {
            for path in lines(file)? {
                targets.push(target(&path, locate(&path, false)));
            }
        }
        for dir in &self.repos_under {
            targets.extend(below(dir));
        }
        if self.named.is_empty() && self.repos_from.is_none() && self.repos_under.is_empty() {
            targets.push(match std::env::var_os("GIT_DIR").filter(|value| !value.is_empty()) {
                Some(git_dir) => target(Path::new(&git_dir), locate_git_dir(Path::new(&git_dir))),
                None => target(Path::new("."), locate(Path::new("."), true)),
            });
        }
        let (mut seen, mut unopened) = (HashSet::new(), HashSet::new());
        targets.retain(|target| match &target.layout {
            Ok(layout) => seen.insert(layout.common_dir.clone()),
            Err(_) => unopened.insert(target.name.clone()),
        });
        Ok(targets)
    }
}

pub(super) fn target(path: &Path, layout: Result<Layout, Error>) -> Target {
    // What one calls the repository: its work tree's path where it has one.
    let name = match &layout {
        Ok(layout) if layout.common_dir.ends_with(".git") => layout.common_dir.parent().map(Path::to_owned),
        Ok(layout) => Some(layout.common_dir.clone()),
        Err(_) => None,
    };
    Target { name: name.as_deref().unwrap_or(path).as_os_str().as_bytes().to_vec(), layout }
}

/// Says why a target cannot be read, if so, and what to do.
pub(super) fn tell_failure(target: &Target) {
    let Err(error) = &target.layout else { return };
    let hint = match error {
        Error::NotARepository { enclosing: Some(dir), .. } => {
            Some(format!("the repository around it is {}", dir.display()))
        }
        Error::NotARepository { .. } => Some("name a work tree, a .git directory or a bare repository".to_owned()),
        Error::Io { path, source } => Some(match source.kind() {
            io::ErrorKind::NotFound if path.is_absolute() => "look at its spelling, part by part".to_owned(),
            io::ErrorKind::NotFound => "a path that does not begin with / begins where you stand".to_owned(),
            io::ErrorKind::PermissionDenied => {
                "run it as somebody who may read it, the server's own user say".to_owned()
            }
            _ => "name the repository itself, or leave it out".to_owned(),
        }),
        Error::UnknownFormat { .. } => Some("a newer version of clerk-audit may know it".to_owned()),
    };
    output::error(&error_chain(error), hint.as_deref());
}

/// The paths in a file, one a line; empty lines and lines that begin with `#` say nothing.
fn lines(file: &Path) -> io::Result<Vec<PathBuf>> {
    let text = if file == Path::new("-") { input::read(u64::MAX)? } else { input::read_file(file, u64::MAX)? };
    // What editors of Windows put before a text is no part of a path.
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
    let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    Ok(lines
        .filter(|line| !line.is_empty() && !line.starts_with(b"#"))
        .map(|line| PathBuf::from(OsString::from_vec(line.to_vec())))
        .collect())
}

/// Whether a directory has two or more of the things that a bare repository has, each of its kind: a project may well have
/// directories `config` and `objects`.
fn looks_bare(dir: &Path) -> bool {
    let is_dir = |name: &str| dir.join(name).is_dir();
    // An old HEAD is a link to a branch, which may not be born yet.
    let is_file = |name: &str| std::fs::symlink_metadata(dir.join(name)).is_ok_and(|meta| !meta.is_dir());
    let dirs = ["objects", "refs"].into_iter().filter(|name| is_dir(name)).count();
    dirs + ["HEAD", "config", "packed-refs"].into_iter().filter(|name| is_file(name)).count() >= 2
}

/// Every repository below a directory, in order. Links are not followed, so that there are no loops. What is inside a work
/// tree is looked at; of what is inside a git directory the repositories of submodules, which outlive their checkouts.
fn below(dir: &Path) -> Vec<Target> {
    let mut targets = Vec::new();
    let mut pending = vec![dir.to_owned()];
    while let Some(dir) = pending.pop() {
        let found = locate(&dir, false);
        let git_dir = found.as_ref().ok().map(|layout| layout.git_dir.clone());
        let is_bare = git_dir.is_some() && dir.canonicalize().ok() == git_dir;
        // What has a `.git` and is no repository is a checkout whose repository is gone or broken, and what looks like a bare
        // one a broken one: that is told. So is a directory of which nobody can say.
        let dot_git = std::fs::symlink_metadata(dir.join(".git"));
        let cannot_be_told = dot_git.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied);
        match (found.is_ok(), dot_git) {
            (false, Err(source)) if cannot_be_told => {
                targets.push(target(&dir, Err(Error::Io { path: dir.clone(), source })));
                continue;
            }
            (false, Err(_)) if !looks_bare(&dir) => {}
            _ => targets.push(target(&dir, found)),
        }
        pending.extend(git_dir.map(|git_dir| git_dir.join("modules")).filter(|modules| modules.is_dir()));
        if is_bare {
            continue;
        }
        let (dirs, failed) = directories_in(&dir);
        pending.extend(dirs);
        targets.extend(failed.map(|source| target(&dir, Err(Error::Io { path: dir.clone(), source }))));
    }
    targets
}

/// The directories in a directory, the last first, and what kept it from being listed to its end.
fn directories_in(dir: &Path) -> (Vec<PathBuf>, Option<io::Error>) {
    let (entries, mut failed) = list_directory(dir);
    let mut dirs = Vec::new();
    for entry in entries.iter().filter(|entry| entry.file_name() != ".git") {
        match entry.file_type() {
            Ok(kind) => dirs.extend(kind.is_dir().then(|| entry.path())),
            // What is gone by now was listed a moment too early.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    dirs.sort_by(|a, b| b.cmp(a));
    (dirs, failed)
}
