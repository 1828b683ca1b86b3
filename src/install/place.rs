//! Where a server looks for hooks.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use memchr::memmem;

use super::guard::text;
use super::ours::is_the_hosts;
use super::reach::User;
use super::{Error, git};
use crate::store;

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
    /// The repository's directory; none where what was named is no repository, and need be none.
    pub(super) git_dir: Option<PathBuf>,
    /// Whether there is a git, which knows of settings that say where hooks are.
    pub(super) has_git: bool,
}

impl Place {
    /// Finds the place in a repository, by what is there, or as `layout` says.
    ///
    /// # Errors
    /// Where there is no repository and the layout wants one.
    pub fn find(path: &Path, layout: Option<Layout>) -> Result<Self, Error> {
        let root = path.canonicalize().map_err(Error::io("find", path))?;
        let has_git = git::is_here();
        let git_dir = git_dir(&root, has_git);
        if let Some(layout @ (Layout::Gitolite | Layout::GitHub)) = layout {
            let hook = match layout {
                Layout::Gitolite => root.join("hooks/common/pre-receive"),
                _ => root.join("pre-receive"),
            };
            return Ok(Self { layout, root, hook, git_dir: git_dir.ok(), has_git });
        }
        Self::at(root, git_dir?, layout, has_git)
    }

    /// The place in a repository that was found already; none where nobody can say, or where its server runs no hooks of it.
    pub(super) fn of_repository(repository: &store::Layout) -> Option<Self> {
        let git_dir = repository.common_dir.clone();
        let place = Self::at(git_dir.clone(), git_dir, None, git::is_here()).ok()?;
        (!place.may_be_elsewhere()).then_some(place)
    }

    fn at(root: PathBuf, git_dir: PathBuf, layout: Option<Layout>, has_git: bool) -> Result<Self, Error> {
        if layout.is_none() && is_githubs(&git_dir) {
            return Err(Error::GitHubs { path: root });
        }
        if layout.is_none()
            && let Some(hooks) = gerrits_hooks(&git_dir)
        {
            return Err(Error::Gerrits { path: root, hooks });
        }
        let layout = layout.unwrap_or_else(|| detect(&git_dir, has_git));
        let hook = match layout {
            Layout::HookDirectory => {
                if has_git {
                    // Where nobody can say where git looks, nobody can say that it looks there.
                    hooks(&git_dir)?;
                }
                git_dir.join("hooks/pre-receive.d/clerk-audit")
            }
            Layout::GitLab => git_dir.join("custom_hooks/pre-receive.d/clerk-audit"),
            _ if has_git => hooks(&git_dir)?.join("pre-receive"),
            _ => match store::locate_git_dir(&git_dir) {
                Ok(layout) => layout.common_dir.join("hooks/pre-receive"),
                Err(_) => return Err(Error::NotARepository { path: root }),
            },
        };
        Ok(Self { layout, root, hook, git_dir: Some(git_dir), has_git })
    }

    /// Runs git in it. The repository is named, whoever owns it: it is only asked, and nothing of it is run.
    pub(super) fn git(&self, arguments: &[&str]) -> Result<String, Error> {
        match &self.git_dir {
            Some(git_dir) => git::run(git_dir, &[&["--git-dir=."], arguments].concat()),
            None => git::run(&self.root, arguments),
        }
    }

    /// Whether settings that only git can read may lead it past this hook.
    pub(super) fn may_be_elsewhere(&self) -> bool {
        !self.has_git && matches!(self.layout, Layout::Plain | Layout::HookDirectory)
    }

    /// Whom the server works as, as far as files tell: the repository's owner, or that of gitolite's directory.
    pub(super) fn owner(&self) -> Option<User> {
        match self.layout {
            Layout::GitHub => None,
            Layout::Gitolite => User::owner_of(&self.root),
            Layout::Plain | Layout::HookDirectory | Layout::GitLab => User::owner_of(self.git_dir.as_ref()?),
        }
    }

    /// By what its hook is taken to be GitLab's to run, which git itself does not, if it is.
    pub(super) fn gitlabs_mark(&self) -> Option<&'static str> {
        let git_dir = self.git_dir.as_ref().filter(|_| self.layout == Layout::GitLab)?;
        Some(gitlabs_mark(git_dir).unwrap_or("--layout"))
    }

    /// The server's own hook, which runs the directory that ours is in.
    pub(super) fn driver(&self) -> Option<PathBuf> {
        let git_dir = self.git_dir.as_ref().filter(|_| self.layout == Layout::HookDirectory)?;
        Some(git_dir.join("hooks/pre-receive"))
    }

    /// Where git looks for hooks, if that is not where the layout has them.
    pub(super) fn looked_for_elsewhere(&self) -> Option<PathBuf> {
        let git_dir = self.git_dir.as_ref().filter(|_| self.has_git && self.layout == Layout::HookDirectory)?;
        let there = hooks(git_dir).ok()?;
        (there.canonicalize().ok() != git_dir.join("hooks").canonicalize().ok()).then_some(there)
    }

    /// Whether `core.hooksPath` is set to nothing, or to the root of the host's files: no hook is to stand there.
    pub(super) fn is_at_the_root(&self) -> bool {
        self.layout == Layout::Plain && self.hook == Path::new("/pre-receive")
    }

    /// Whether a group shares the repository, so that git runs as many users.
    pub(super) fn is_shared(&self) -> bool {
        let mode = |dir: &PathBuf| std::fs::metadata(dir).map(|meta| meta.permissions().mode()).ok();
        self.git_dir.as_ref().and_then(mode).is_some_and(|mode| mode & 0o020 != 0)
    }

    /// The repository that it guards; none where it is for many, which stand elsewhere.
    pub fn repository(&self) -> Option<&Path> {
        (!matches!(self.layout, Layout::Gitolite | Layout::GitHub)).then_some(self.root.as_path())
    }

    /// Where gitolite has its repositories, if that is beside its directory, as it is unless its settings say otherwise.
    pub fn repositories_beside(&self) -> Option<PathBuf> {
        let folder = self.root.parent()?.join("repositories");
        (self.layout == Layout::Gitolite && folder.is_dir()).then_some(folder)
    }

    /// The directory of its hook, without links, where that is not below the repository's: others may have theirs there as well.
    pub(super) fn outside(&self) -> Option<PathBuf> {
        let git_dir = self.git_dir.as_ref().filter(|_| self.repository().is_some())?;
        let common = store::locate_git_dir(git_dir).map_or_else(|_| git_dir.clone(), |found| found.common_dir);
        let directory = real(self.hook.parent()?);
        (!directory.starts_with(real(&common))).then_some(directory)
    }

    /// Whether a setting of this user's own, and none of the repository's or the host's, says where the hook is.
    pub(super) fn is_by_this_users_configuration(&self) -> bool {
        self.hooks_path_is_of("global")
    }

    /// Whether a setting of the host's says where the hook is: it is every repository's then.
    pub(super) fn is_by_the_hosts_configuration(&self) -> bool {
        self.hooks_path_is_of("system")
    }

    /// Whether `core.hooksPath`, if it says where the hook is, is of a scope.
    fn hooks_path_is_of(&self, scope: &str) -> bool {
        let found = |git_dir: &PathBuf| {
            git::run(git_dir, &["--git-dir=.", "config", "--show-scope", "--get", "core.hooksPath"]).ok()
        };
        let is_so = |found: String| found.split_once('\t').is_some_and(|(there, _)| there == scope);
        self.layout == Layout::Plain && self.has_git && self.git_dir.as_ref().and_then(found).is_some_and(is_so)
    }

    /// Whether the hook stands, or is to stand, among those of ours that take the place of every repository's of the host.
    pub(super) fn is_among_the_hosts(&self) -> bool {
        let update = self.hook.with_file_name("update");
        self.layout == Layout::Plain && [&self.hook, &update].into_iter().any(|hook| is_the_hosts(hook))
    }

    /// The directories that `install` makes for the hook of this layout and nobody misses where they are empty, the inner
    /// first.
    pub(super) fn own_directories(&self) -> Vec<PathBuf> {
        let count = if matches!(self.layout, Layout::GitLab | Layout::Gitolite) { 2 } else { 0 };
        self.hook.ancestors().skip(1).take(count).map(Path::to_owned).collect()
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

/// A path without links, as far as it leads to anything.
pub(super) fn real(path: &Path) -> PathBuf {
    let known = path.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
    match known {
        Some((above, real)) if above != path => path.strip_prefix(above).map_or(real.clone(), |rest| real.join(rest)),
        Some((_, real)) => real,
        None => path.to_owned(),
    }
}

/// The directory of the repository at a path.
fn git_dir(root: &Path, has_git: bool) -> Result<PathBuf, Error> {
    let by_hand = || store::locate(root, true).map(|layout| layout.git_dir);
    let not_there = || Error::NotARepository { path: root.to_owned() };
    if !has_git {
        return by_hand().map_err(|_| not_there());
    }
    match git::path(root, &["rev-parse", "--absolute-git-dir"]) {
        Ok(found) => Ok(found),
        // It is there, and git will not work in it: of another owner, most often. git's own words say what to do.
        Err(refused) if by_hand().is_ok() => Err(refused),
        Err(_) => Err(not_there()),
    }
}

/// The directory of the hooks that receive-pack runs. It works in the repository's directory, so that a relative
/// `core.hooksPath` begins there, in a repository with a work tree too: other commands would begin at its top. Of a linked
/// worktree that is its own, below `worktrees`.
pub(super) fn hooks(git_dir: &Path) -> Result<PathBuf, Error> {
    let named = git::path(git_dir, &["--git-dir=.", "config", "--path", "--get", "core.hooksPath"]);
    match named {
        // git puts nothing before the names of hooks then, and looks for `/pre-receive`; asked for the directory, it says "./".
        Ok(path) if path.as_os_str().is_empty() => Ok(PathBuf::from("/")),
        Ok(path) => Ok(git_dir.join(path)),
        Err(hung @ Error::Hung { .. }) => Err(hung),
        _ => Ok(git_dir.join(git::path(git_dir, &["--git-dir=.", "rev-parse", "--git-path", "hooks"])?)),
    }
}

/// Whether it is one of GitHub Enterprise Server's own: it has them below one directory of the host, as the example of
/// `GIT_DIR` in its documentation of hooks has it, each with the name of its owner and its own in a file.
fn is_githubs(git_dir: &Path) -> bool {
    git_dir.starts_with("/data/user/repositories") || git_dir.join("info/nwo").is_file()
}

/// The directory of the hooks of the site that a repository of Gerrit's belongs to. It has its settings above, or at least
/// the branch in which Gerrit keeps those of each project (`project-config`). git is not asked for what is in it: where it is
/// not there, in a partial clone, git would fetch it, by a command that the repository names.
fn gerrits_hooks(git_dir: &Path) -> Option<String> {
    if let Some(site) = git_dir.ancestors().skip(1).find(|dir| dir.join("etc/gerrit.config").is_file()) {
        return Some(site.join("hooks").display().to_string());
    }
    let paths = store::PushPaths { git_dir: git_dir.to_owned(), ..store::PushPaths::default() };
    let has_config = store::Receiving::open(&paths).is_ok_and(|store| store.tips.value(b"refs/meta/config").is_some());
    has_config.then(|| "$site/hooks".to_owned())
}

/// By what a repository looks like one of GitLab's, which has a directory for hooks in a repository that has any, and by
/// default names a repository's directory by a hash below one of this name. An empty directory is what somebody left. All of it
/// stays where a repository is moved to another server.
fn gitlabs_mark(git_dir: &Path) -> Option<&'static str> {
    let config = text(&git_dir.join("config")).unwrap_or_default();
    let has_any = |dir: PathBuf| !store::list_directory(&dir).0.is_empty();
    let custom = store::list_directory(&git_dir.join("custom_hooks")).0;
    if git_dir.components().any(|part| part.as_os_str() == "@hashed") {
        Some("@hashed in its path")
    } else if memmem::find(&config, b"[gitlab]").is_some() {
        Some("[gitlab] in its config")
    } else {
        custom.iter().any(|entry| !entry.path().is_dir() || has_any(entry.path())).then_some("its custom_hooks")
    }
}

/// What runs a directory of hooks, where git comes to it, outweighs what only looks like a server's.
fn detect(git_dir: &Path, has_git: bool) -> Layout {
    let is_gitlabs = gitlabs_mark(git_dir).is_some();
    let own = git_dir.join("hooks");
    let is_led_there = || hooks(git_dir).is_ok_and(|there| there.canonicalize().ok() == own.canonicalize().ok());
    if has_driver(&own) && (!is_gitlabs || !has_git || is_led_there()) {
        Layout::HookDirectory
    } else if is_gitlabs {
        Layout::GitLab
    } else {
        Layout::Plain
    }
}

/// Whether a directory of hooks is run by a driver in `pre-receive`, as Gitea, Forgejo and soft-serve write it. A
/// `pre-receive.d` beside any other hook is run by nobody.
fn has_driver(hooks: &Path) -> bool {
    let directory = hooks.join("pre-receive.d");
    if !directory.is_dir() {
        return false;
    }
    match text(&hooks.join("pre-receive")) {
        Some(text) => names_its_directory(&text),
        // It is to be written again yet: what stands beside tells whose repository it is.
        None => {
            ["gitea", "forgejo", "soft-serve"].iter().any(|name| directory.join(name).exists())
                || ["update.d", "post-receive.d"].iter().all(|name| hooks.join(name).is_dir())
        }
    }
}

/// Whether a script speaks of `pre-receive.d`, or of a variable with `.d` behind it.
fn names_its_directory(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let ends_in_variable = |before: &str| {
        let before = before.trim_end_matches(['"', '\'', '}']);
        let name = before.trim_end_matches(|it: char| it.is_ascii_alphanumeric() || it == '_');
        name.len() < before.len() && (name.ends_with('$') || name.ends_with("${"))
    };
    let ends_there = |after: &str| !after.starts_with(|it: char| it.is_ascii_alphanumeric() || "._-".contains(it));
    text.contains("pre-receive.d")
        || text.match_indices(".d").any(|(at, _)| ends_in_variable(&text[..at]) && ends_there(&text[at + 2..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drivers_are_told_by_what_they_say() {
        for text in [
            "for hook in ${GIT_DIR}/hooks/${hookname}.d/*; do",
            "run-parts \"$0\".d",
            "run-parts \"$0.d\"",
            "for hook in ${0}.d/*",
            "ls hooks/pre-receive.d",
        ] {
            assert!(names_its_directory(text.as_bytes()), "{text}");
        }
        for text in ["", "exit 0", ". /etc/conf.d/x", "$0.data", "cat \"$file.d.txt\"", "rm x.d"] {
            assert!(!names_its_directory(text.as_bytes()), "{text}");
        }
    }
}
