//! The work trees of a repository, and what their HEADs name.

use std::path::{Path, PathBuf};

use super::locate::path_of;
use super::{Store, files, refs};

/// A work tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkTree {
    /// Where its files are.
    pub path: PathBuf,
    /// The branch that it is on, or the name of its own HEAD among the tips where that names a commit.
    pub head: Vec<u8>,
}

/// Where the files of a linked worktree are, by its directory in the repository.
fn files_of(dir: &Path) -> Option<PathBuf> {
    let text = files::read(&dir.join("gitdir")).ok()?;
    Some(dir.join(path_of(text.trim_ascii())).parent()?.to_owned())
}

/// The linked worktrees of a repository: where the files of each are, and its directory in the repository, which is the former
/// too where nobody can say.
pub fn linked_worktrees(common_dir: &Path) -> Vec<(PathBuf, PathBuf)> {
    let all = refs::worktrees(common_dir, &mut Vec::new()).into_iter();
    all.map(|(_, dir)| (files_of(&dir).unwrap_or_else(|| dir.clone()), dir)).collect()
}

impl Store {
    /// The main work tree, where there is one, and the linked ones, unless their folder is gone: git knows of those until it
    /// prunes them. What their files say now is not looked at.
    pub fn work_trees(&self) -> Vec<WorkTree> {
        let common = &self.layout.common_dir;
        let head = |own: Vec<u8>| self.refs.branches.get(&own).cloned().unwrap_or(own);
        let main = common.ends_with(".git").then(|| common.parent()).flatten();
        let main = main.map(|path| WorkTree { path: path.to_owned(), head: head(b"HEAD".to_vec()) });
        let linked = refs::worktrees(common, &mut Vec::new()).into_iter().filter_map(|(name, dir)| {
            let own = [b"worktrees/", name.as_slice(), b"/HEAD"].concat();
            Some(WorkTree { path: files_of(&dir)?, head: head(own) })
        });
        // One that may not be looked for may be there.
        main.into_iter().chain(linked).filter(|tree| tree.path.try_exists().unwrap_or(true)).collect()
    }
}
