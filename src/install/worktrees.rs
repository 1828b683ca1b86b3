//! The other ways into a repository: whoever pushes to the path of one of its worktrees is asked by the hooks that git finds from
//! there, and these may be others.

use std::path::{Path, PathBuf};

use super::guard::{self, calls_us, is_executable};
use super::place::{hooks, real};
use super::{Error, Layout, Place, ours};
use crate::store;

/// A worktree whose pushes another hook than the gate's is asked about, or none.
pub(super) struct Unguarded {
    /// What is pushed to.
    path: PathBuf,
    /// Where git looks for the hook then.
    hook: PathBuf,
}

impl Unguarded {
    /// What is wrong, and what to do.
    pub(super) fn in_words(&self) -> String {
        format!(
            "{} is a worktree of this repository, and a push to its path looks for {}, which is not the gate's; clerk-audit hook \
             install {0}",
            self.path.display(),
            self.hook.display()
        )
    }
}

/// The worktrees, apart from the one of the place, whose pushes do not come to the gate where its hook stands in its place.
///
/// # Errors
/// Where git does not say where hooks are.
pub(super) fn unguarded(place: &Place) -> Result<Vec<Unguarded>, Error> {
    let expected = match place.layout {
        Layout::Plain => Some(place.hook.clone()),
        Layout::HookDirectory => place.driver(),
        // git runs none of the others'.
        Layout::GitLab | Layout::Gitolite | Layout::GitHub => None,
    };
    let (Some(expected), Some(git_dir)) = (expected.filter(|_| place.has_git), &place.git_dir) else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for (path, other) in others(git_dir) {
        let hook = match hooks(&other) {
            Ok(directory) => directory.join("pre-receive"),
            // Nobody can push to what git takes for no repository.
            Err(Error::Git { .. }) => continue,
            Err(error) => return Err(error),
        };
        let there = Place { layout: Layout::Plain, root: path.clone(), git_dir: Some(other), hook, has_git: true };
        if !is_the_same(&there.hook, &expected) && !is_guarded(&there) {
            found.push(Unguarded { path, hook: there.hook });
        }
    }
    Ok(found)
}

/// The paths that a repository can be pushed to by besides, and the git directory of each.
fn others(git_dir: &Path) -> Vec<(PathBuf, PathBuf)> {
    let Ok(layout) = store::locate_git_dir(git_dir) else { return Vec::new() };
    let common = layout.common_dir;
    let main = common.parent().filter(|_| common.ends_with(".git")).unwrap_or(&common).to_owned();
    let all = std::iter::once((main, common.clone())).chain(store::linked_worktrees(&common));
    all.filter(|(_, dir)| real(dir) != layout.git_dir).collect()
}

/// Whether two names are one hook's, which need not be there yet.
fn is_the_same(one: &Path, other: &Path) -> bool {
    one.parent().map(real) == other.parent().map(real)
}

/// Whether what git runs there calls the gate.
fn is_guarded(place: &Place) -> bool {
    let is_ours = |hook: &PathBuf| calls_us(hook) && is_executable(hook) && !ours::only_hands_on(hook);
    is_ours(&place.hook)
        || is_ours(&place.hook.with_file_name("update"))
        || guard::configured(place).is_ok_and(|command| command.is_some())
}
