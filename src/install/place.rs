//! Where a server looks for hooks.

use std::path::{Path, PathBuf};

use super::{Error, git};

/// The layouts of servers (`docs/hooks.md` has where each comes from).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// git's own: `hooks/pre-receive`.
    Plain,
    /// Gitea, Forgejo and soft-serve: `hooks/pre-receive.d/`, which the server's own hook runs.
    HookDirectory,
    /// GitLab: `custom_hooks/pre-receive.d/`.
    GitLab,
    /// gitolite: `hooks/common/pre-receive` below its LOCAL_CODE directory.
    Gitolite,
    /// GitHub Enterprise Server: an executable in a repository of its administrators'.
    GitHub,
}

impl Layout {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::HookDirectory => "hook-directory",
            Self::GitLab => "gitlab",
            Self::Gitolite => "gitolite",
            Self::GitHub => "github",
        }
    }

    /// Whether a push over a path goes round the server's own hooks.
    pub fn wants_url(self) -> bool {
        matches!(self, Self::HookDirectory | Self::GitLab | Self::GitHub)
    }
}

/// One place for the hook.
#[derive(Clone, Debug)]
pub struct Place {
    /// Which layout it is of.
    pub layout: Layout,
    /// The repository or directory that was named.
    pub root: PathBuf,
    /// The file of the hook.
    pub hook: PathBuf,
}

impl Place {
    /// Finds the place in a repository, by what is there, or as `layout` says.
    ///
    /// # Errors
    /// Where there is no repository and the layout wants one.
    pub fn find(path: &Path, layout: Option<Layout>) -> Result<Self, Error> {
        let root = path.canonicalize().map_err(Error::io("find", path))?;
        if let Some(layout @ (Layout::Gitolite | Layout::GitHub)) = layout {
            let hook = match layout {
                Layout::Gitolite => root.join("hooks/common/pre-receive"),
                _ => root.join("pre-receive"),
            };
            return Ok(Self { layout, root, hook });
        }
        let not_there = |_| Error::NotARepository { path: root.clone() };
        let git_dir = git::run(&root, &["rev-parse", "--absolute-git-dir"]).map(PathBuf::from).map_err(not_there)?;
        let layout = layout.unwrap_or_else(|| detect(&git_dir));
        let hook = match layout {
            Layout::HookDirectory => git_dir.join("hooks/pre-receive.d/clerk-audit"),
            Layout::GitLab => git_dir.join("custom_hooks/pre-receive.d/clerk-audit"),
            // As git finds it: core.hooksPath may say another place.
            _ => root.join(git::run(&root, &["rev-parse", "--git-path", "hooks"])?).join("pre-receive"),
        };
        Ok(Self { layout, root, hook })
    }

    /// Where a hook that was there is kept.
    pub(super) fn kept(&self) -> PathBuf {
        let mut name = self.hook.as_os_str().to_owned();
        name.push(".kept");
        PathBuf::from(name)
    }

    /// Whether a hook that is in the way is to be kept: in directories of hooks every file has its own name.
    pub(super) fn keeps(&self) -> bool {
        matches!(self.layout, Layout::Plain | Layout::Gitolite)
    }
}

fn detect(git_dir: &Path) -> Layout {
    let config = std::fs::read_to_string(git_dir.join("config")).unwrap_or_default();
    if git_dir.join("custom_hooks").is_dir() || config.contains("[gitlab]") {
        Layout::GitLab
    } else if git_dir.join("hooks/pre-receive.d").is_dir() {
        Layout::HookDirectory
    } else {
        Layout::Plain
    }
}
