//! The work trees of a repository, and what their HEADs name.

use std::path::PathBuf;

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

impl Store {
    /// The main work tree, where there is one, and the linked ones, unless their folder is gone: git knows of those until it
    /// prunes them. What their files say now is not looked at.
    pub fn work_trees(&self) -> Vec<WorkTree> {
        let common = &self.layout.common_dir;
        let head = |own: Vec<u8>| self.refs.branches.get(&own).cloned().unwrap_or(own);
        let main = common.ends_with(".git").then(|| common.parent()).flatten();
        let main = main.map(|path| WorkTree { path: path.to_owned(), head: head(b"HEAD".to_vec()) });
        let linked = refs::worktrees(common, &mut Vec::new()).into_iter().filter_map(|(name, dir)| {
            let text = files::read(&dir.join("gitdir")).ok()?;
            let path = dir.join(path_of(text.trim_ascii()));
            let own = [b"worktrees/", name.as_slice(), b"/HEAD"].concat();
            Some(WorkTree { path: path.parent()?.to_owned(), head: head(own) })
        });
        // One that may not be looked for may be there.
        main.into_iter().chain(linked).filter(|tree| tree.path.try_exists().unwrap_or(true)).collect()
    }
}
