//! Finding a repository's directories from a path.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Error, files};

/// The directories of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Where HEAD and the index of the worktree one stands in are.
    pub git_dir: PathBuf,
    /// Where refs and objects are; another one than `git_dir` for a linked worktree.
    pub common_dir: PathBuf,
}

/// The repository at `path`: a work tree, a git directory, a `.git` file's target. `search_upward` also looks in the
/// directories above, as git does from where one stands.
///
/// # Errors
/// [`Error::NotARepository`] where there is none, with the enclosing repository if there is one; [`Error::Io`] where
/// nobody may look.
pub fn locate(path: &Path, search_upward: bool) -> Result<Layout, Error> {
    let start = path.canonicalize().map_err(|source| Error::Io { path: path.to_owned(), source })?;
    let mut above = start.ancestors().filter_map(|dir| layout_at(dir).map(|layout| (dir, layout)));
    let found = above.next();
    // What may not be looked into may well be one, and another's around it is not what was named.
    if found.as_ref().is_none_or(|(dir, _)| *dir != start)
        && let Some(error) = forbidden(&start)
    {
        return Err(error);
    }
    match found {
        Some((dir, layout)) if search_upward || dir == start => Ok(layout),
        Some((dir, _)) => Err(Error::NotARepository { path: path.to_owned(), enclosing: Some(dir.to_owned()) }),
        None => Err(Error::NotARepository { path: path.to_owned(), enclosing: None }),
    }
}

/// The layout of a git directory that is known to be one (`$GIT_DIR`).
///
/// # Errors
/// [`Error::NotARepository`] where it is none.
pub fn locate_git_dir(path: &Path) -> Result<Layout, Error> {
    let dir = path.canonicalize().map_err(|source| Error::Io { path: path.to_owned(), source })?;
    let dir = if dir.is_file() { git_file_target(&dir).unwrap_or(dir) } else { dir };
    let none = || forbidden(&dir).unwrap_or_else(|| Error::NotARepository { path: path.to_owned(), enclosing: None });
    git_dir_layout(&dir).ok_or_else(none)
}

/// What keeps this user from seeing whether there is a repository.
fn forbidden(dir: &Path) -> Option<Error> {
    [dir.to_owned(), dir.join(".git")].into_iter().find_map(|dir| {
        let probed = fs::symlink_metadata(dir.join("HEAD"));
        let source = probed.err().filter(|error| error.kind() == io::ErrorKind::PermissionDenied)?;
        Some(Error::Io { path: dir, source })
    })
}

fn layout_at(dir: &Path) -> Option<Layout> {
    let dot_git = dir.join(".git");
    match fs::metadata(&dot_git) {
        Ok(meta) if meta.is_dir() => git_dir_layout(&dot_git).or_else(|| git_dir_layout(dir)),
        Ok(meta) if meta.is_file() => git_dir_layout(&git_file_target(&dot_git)?),
        _ => git_dir_layout(dir),
    }
}

/// Where a `.git` file (`gitdir: <path>`) points.
fn git_file_target(file: &Path) -> Option<PathBuf> {
    let text = files::read(file).ok()?;
    let target = text.strip_prefix(b"gitdir:")?.trim_ascii();
    file.parent()?.join(path_of(target)).canonicalize().ok()
}

/// The layout of `dir` if it looks like a git directory: git asks for `HEAD`, `objects` and `refs` too (`setup.c`,
/// `is_git_directory`).
fn git_dir_layout(dir: &Path) -> Option<Layout> {
    let head = dir.join("HEAD");
    // An old HEAD can be a symbolic link to a branch that is not born yet.
    fs::symlink_metadata(&head).ok()?;
    let common_dir = match files::read(&dir.join("commondir")) {
        Ok(text) => dir.join(path_of(text.trim_ascii())).canonicalize().ok()?,
        Err(_) => dir.to_owned(),
    };
    let has = |name: &str| common_dir.join(name).is_dir();
    (has("objects") && has("refs")).then(|| Layout { git_dir: dir.to_owned(), common_dir })
}

/// A path from bytes that git wrote.
pub(super) fn path_of(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

/// The bytes of a path.
pub(super) fn bytes_of(path: &Path) -> Vec<u8> {
    use std::os::unix::ffi::OsStrExt;
    path.as_os_str().as_bytes().to_vec()
}
