//! What guards a repository against the next key: the hook that git runs at a push.
//!
//! It is read from this machine's files, as they are now; neither run nor obeyed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::locate::Layout;
use super::shell::refuses_by_us;
use super::{files, list_directory};

/// Where this machine's settings of git stand, and the home directory that `~` in them means.
#[derive(Clone, Debug, Default)]
pub struct HookSettings {
    /// The files that git reads before a repository's own, in its order.
    files: Vec<PathBuf>,
    home: Option<PathBuf>,
}

impl HookSettings {
    /// Reads the variables by `variable`, as git does (git(1), `GIT_CONFIG_SYSTEM` and those beside it).
    pub fn from_environment(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let path = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = path("HOME");
        let is_set = |value: OsString| !matches!(value.to_str(), Some("" | "0" | "false" | "no" | "off"));
        let has_no_system = variable("GIT_CONFIG_NOSYSTEM").is_some_and(is_set);
        let system = path("GIT_CONFIG_SYSTEM").unwrap_or_else(|| PathBuf::from("/etc/gitconfig"));
        let mut files: Vec<PathBuf> = (!has_no_system).then_some(system).into_iter().collect();
        match path("GIT_CONFIG_GLOBAL") {
            Some(global) => files.push(global),
            None => {
                let beside = |home: &PathBuf| home.join(".config");
                let config = path("XDG_CONFIG_HOME").or_else(|| home.as_ref().map(beside));
                files.extend(config.map(|config| config.join("git/config")));
                files.extend(home.as_ref().map(|home| home.join(".gitconfig")));
            }
        }
        Self { files, home }
    }

    /// Where `core.hooksPath` leads, if anything sets it. Settings that others include are not followed.
    fn hooks_path(&self, layout: &Layout) -> Option<PathBuf> {
        let own = layout.common_dir.join("config");
        // The last that says it has the say.
        let mut texts = self.files.iter().chain([&own]).rev().filter_map(|file| files::read(file).ok());
        let path = texts.find_map(|text| super::setting(&text, "core", "hookspath"))?;
        // An empty one is none: git then looks in the repository's own directory.
        let path = Path::new(path.as_str()).to_owned();
        let path = match (path.strip_prefix("~"), &self.home) {
            (Ok(below), Some(home)) => home.join(below),
            _ => path,
        };
        // Where receive-pack runs it (githooks(5)): in the repository's directory.
        (!path.as_os_str().is_empty()).then(|| layout.git_dir.join(path))
    }
}

/// The hook by which this program refuses a push, as git's servers know them; `None` where there is none.
///
/// Looked at are git's own place, or the one that `core.hooksPath` names in its stead, and those of GitLab, Gitea and
/// Forgejo.
pub fn push_hook(layout: &Layout, settings: &HookSettings) -> Option<PathBuf> {
    let hooks = settings.hooks_path(layout).unwrap_or_else(|| layout.common_dir.join("hooks"));
    let gits = hooks.join("pre-receive");
    if runs_us(&gits) {
        return Some(gits);
    }
    // Gitea's own hook runs those in the directory, and git runs that one.
    let of_gitea = is_run(&gits).then(|| hooks.join("pre-receive.d"));
    // GitLab runs these itself, wherever it leads git.
    let of_gitlab =
        ["custom_hooks/pre-receive", "custom_hooks/pre-receive.d"].map(|place| layout.common_dir.join(place));
    of_gitea.into_iter().chain(of_gitlab).find_map(|path| {
        if path.is_dir() {
            // A hook that cannot be listed is none that anybody can be sure of.
            let mut inside: Vec<PathBuf> = list_directory(&path).0.iter().map(std::fs::DirEntry::path).collect();
            inside.sort();
            return inside.into_iter().find(|path| runs_us(path));
        }
        runs_us(&path).then_some(path)
    })
}

/// Whether a file may be run.
fn is_run(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Whether a file may be run, calls this program, and refuses where that does. It is not run: what calls it by another
/// name, or from a file that this one calls, is not seen.
fn runs_us(path: &Path) -> bool {
    const MOST: u64 = 1 << 20;
    let is_small = std::fs::metadata(path).is_ok_and(|meta| meta.len() <= MOST);
    is_run(path) && is_small && files::read(path).is_ok_and(|text| refuses_by_us(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: &str = "#!/bin/sh\nexec clerk-audit hook pre-receive\n";

    struct Server(tempfile::TempDir);

    impl Server {
        fn new() -> Self {
            let place = tempfile::tempdir().unwrap();
            for folder in ["hooks/pre-receive.d", "custom_hooks", "elsewhere"] {
                std::fs::create_dir_all(place.path().join(folder)).unwrap();
            }
            Self(place)
        }

        fn write(&self, name: &str, text: &str) {
            use std::os::unix::fs::PermissionsExt;
            let path = self.0.path().join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }

        fn hook(&self) -> Option<String> {
            let dir = self.0.path().to_owned();
            let layout = Layout { git_dir: dir.clone(), common_dir: dir.clone() };
            let host = dir.join("host");
            let settings = HookSettings::from_environment(|name| match name {
                "GIT_CONFIG_SYSTEM" => Some(host.clone().into()),
                "HOME" => Some(dir.clone().into()),
                _ => None,
            });
            let hook = push_hook(&layout, &settings)?;
            Some(hook.strip_prefix(&dir).unwrap().display().to_string())
        }
    }

    #[test]
    fn the_hook_that_git_runs_is_the_one_that_guards() {
        let server = Server::new();
        server.write("hooks/pre-receive", CALL);
        assert_eq!(server.hook().as_deref(), Some("hooks/pre-receive"));
        // By the repository's own setting, by the host's, below the home directory, and back.
        for (file, value, expected) in [
            ("config", "elsewhere", None),
            ("config", "\"elsewhere\" ; of ours", None),
            ("host", "/nonexistent", None),
            (".gitconfig", "~/elsewhere", None),
            ("config", "", Some("hooks/pre-receive")),
            ("config", "./hooks", Some("./hooks/pre-receive")),
        ] {
            server.write(file, &format!("[Core]\n\tbare = true\n\thooksPath = {value}\n"));
            let hook = server.hook().map(|hook| hook.replace("./", ""));
            assert_eq!(hook, expected.map(|hook| hook.replace("./", "")), "{file} {value}");
            server.write(file, "");
        }
        server.write("config", "[core]\nhooksPath = elsewhere\n");
        server.write("elsewhere/pre-receive", CALL);
        assert_eq!(server.hook().as_deref(), Some("elsewhere/pre-receive"));
    }

    #[test]
    fn what_a_servers_own_hook_runs_guards_where_that_one_is_run() {
        let server = Server::new();
        server.write("hooks/pre-receive.d/clerk-audit", CALL);
        assert_eq!(server.hook(), None, "git runs no such directory by itself");
        server.write("hooks/pre-receive", "#!/bin/sh\nfor hook in \"$0\".d/*; do \"$hook\" || exit 1; done\n");
        assert_eq!(server.hook().as_deref(), Some("hooks/pre-receive.d/clerk-audit"));
        server.write("config", "[core]\nhooksPath = /opt/gitlab\n");
        assert_eq!(server.hook(), None);
        server.write("custom_hooks/pre-receive", CALL);
        assert_eq!(server.hook().as_deref(), Some("custom_hooks/pre-receive"));
    }
}
