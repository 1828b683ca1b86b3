//! What is to be done, before it is done.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{Error, Layout, Place, git, script};

/// One step of an installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Writes an executable file, whole or not at all.
    Write {
        /// Where.
        path: PathBuf,
        /// What.
        text: String,
    },
    /// Keeps a hook that is there under another name, or puts it back.
    Rename {
        /// From.
        from: PathBuf,
        /// To.
        to: PathBuf,
    },
    /// Removes a file of ours.
    Remove {
        /// Which.
        path: PathBuf,
    },
    /// Sets a value in the host's git configuration.
    Set {
        /// Its name.
        name: String,
        /// The value.
        value: String,
    },
    /// Takes a value out of the host's git configuration.
    Unset {
        /// Its name.
        name: String,
    },
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Write { path, .. } => write!(f, "write {}", path.display()),
            Self::Rename { from, to } => write!(f, "rename {} to {}", from.display(), to.display()),
            Self::Remove { path } => write!(f, "remove {}", path.display()),
            Self::Set { name, value } => write!(f, "git config --system {name} {value}"),
            Self::Unset { name } => write!(f, "git config --system --unset {name}"),
        }
    }
}

/// The steps, in order; none where everything is as it is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What is to be done.
    pub steps: Vec<Step>,
}

impl Plan {
    /// Does it.
    ///
    /// # Errors
    /// At the first step that cannot be done; those before it are.
    pub fn run(&self) -> Result<(), Error> {
        self.steps.iter().try_for_each(run)
    }
}

fn run(step: &Step) -> Result<(), Error> {
    match step {
        Step::Write { path, text } => {
            let dir = path.parent().unwrap_or(Path::new("/"));
            make_directories(dir)?;
            // Beside its place and renamed there: no push meets half a hook.
            let file = tempfile::Builder::new()
                .prefix(".clerk-audit-")
                .permissions(fs::Permissions::from_mode(0o755))
                .tempfile_in(dir)
                .map_err(Error::io("write in", dir))?;
            fs::write(file.path(), text).map_err(Error::io("write", path))?;
            fs::set_permissions(file.path(), fs::Permissions::from_mode(0o755))
                .map_err(Error::io("make executable", path))?;
            file.persist(path).map_err(|error| Error::io("write", path)(error.error))?;
            Ok(())
        }
        Step::Rename { from, to } => fs::rename(from, to).map_err(Error::io("rename", from)),
        Step::Remove { path } => fs::remove_file(path).map_err(Error::io("remove", path)),
        Step::Set { name, value } => git::run_for_all(&["config", "--system", name, value]).map(drop),
        Step::Unset { name } => git::run(Path::new("/"), &["config", "--system", "--unset", name]).map(drop),
    }
}

/// Makes what is missing of a directory and of those above it, so that everybody can enter them whatever the umask: git
/// passes over hooks that its user cannot reach, and accepts the push. What is there stays as it is.
fn make_directories(dir: &Path) -> Result<(), Error> {
    let is_missing = |dir: &&Path| !dir.as_os_str().is_empty() && !dir.exists();
    let missing: Vec<&Path> = dir.ancestors().take_while(is_missing).collect();
    for dir in missing.into_iter().rev() {
        match fs::create_dir(dir) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && dir.is_dir() => continue,
            Err(error) => return Err(Error::io("make", dir)(error)),
        }
        // Beside the bit that hands on the group, which a shared repository's directories have.
        let mode = fs::metadata(dir).map_err(Error::io("look at", dir))?.permissions().mode();
        let open = fs::Permissions::from_mode(mode | 0o755);
        fs::set_permissions(dir, open).map_err(Error::io("open to all", dir))?;
    }
    Ok(())
}

/// Whether there is anything at a path, a link that leads nowhere too.
fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Whether the hook at a path is ours.
pub(super) fn is_ours(path: &Path) -> bool {
    fs::read(path)
        .is_ok_and(|text| text.split(|byte| *byte == b'\n').any(|line| line.starts_with(script::MARK.as_bytes())))
}

fn is_so(path: &Path, text: &str) -> bool {
    let is_executable = fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o111 == 0o111);
    is_executable && fs::read(path).is_ok_and(|there| there == text.as_bytes())
}

/// Plans the hook at a place. `binary` is what it calls.
///
/// # Errors
/// Where two hooks would have to be kept, or nobody can say where hooks are.
pub fn install(place: &Place, binary: &Path, policy: Option<&Path>) -> Result<Plan, Error> {
    let mut plan = Plan::default();
    if place.may_be_elsewhere() {
        return Err(Error::NoGit { path: place.root.clone() });
    }
    if place.keeps() && is_there(&place.hook) && !is_ours(&place.hook) {
        if is_there(&place.kept()) {
            return Err(Error::KeptTwice { path: place.kept() });
        }
        plan.steps.push(Step::Rename { from: place.hook.clone(), to: place.kept() });
    }
    let text = script::hook(binary, policy, place.keeps());
    if !is_so(&place.hook, &text) {
        plan.steps.push(Step::Write { path: place.hook.clone(), text });
    }
    Ok(plan)
}

/// Plans the removal of our hook; one that was kept comes back.
pub fn uninstall(place: &Place) -> Plan {
    let mut plan = Plan::default();
    if is_ours(&place.hook) {
        plan.steps.push(Step::Remove { path: place.hook.clone() });
        if place.keeps() && is_there(&place.kept()) {
            plan.steps.push(Step::Rename { from: place.kept(), to: place.hook.clone() });
        }
    }
    plan
}

/// Hooks that a directory of the host's takes the place of. Not `push-to-checkout`: that it is there changes what git does.
const NAMES: &[&str] = &[
    "applypatch-msg",
    "commit-msg",
    "post-applypatch",
    "post-checkout",
    "post-commit",
    "post-index-change",
    "post-merge",
    "post-receive",
    "post-rewrite",
    "post-update",
    "pre-applypatch",
    "pre-auto-gc",
    "pre-commit",
    "pre-merge-commit",
    "pre-push",
    "pre-rebase",
    "prepare-commit-msg",
    "proc-receive",
    "reference-transaction",
    "sendemail-validate",
    "update",
];

pub(super) const COMMAND: &str = "hook.clerk-audit.command";
pub(super) const EVENT: &str = "hook.clerk-audit.event";

/// The first version of git whose configuration names hooks.
const CONFIGURED_HOOKS: (u32, u32) = (2, 54);

/// Whether the git that works in a directory runs hooks that its configuration names.
pub(super) fn knows_configured_hooks(directory: &Path) -> bool {
    git::version(directory).is_some_and(|version| version >= CONFIGURED_HOOKS)
}

fn setting(name: &str) -> Option<String> {
    git::run(Path::new("/"), &["config", "--system", "--get", name]).ok()
}

/// Plans the hook for every repository of this host: by git's configuration where this git knows hooks there, else by a
/// directory of hooks, `directory`, that hands on to each repository's own.
///
/// # Errors
/// Where the host has such a directory already.
pub fn install_system(directory: &Path, binary: &Path, policy: Option<&Path>) -> Result<Plan, Error> {
    let mut plan = Plan::default();
    let mut set = |name: &str, value: String| {
        if setting(name).as_deref() != Some(&value) {
            plan.steps.push(Step::Set { name: name.to_owned(), value });
        }
    };
    if knows_configured_hooks(Path::new("/")) {
        set(COMMAND, script::configured(binary, policy));
        set(EVENT, "pre-receive".to_owned());
        return Ok(plan);
    }
    let value = directory.display().to_string();
    if let Some(taken) = setting("core.hooksPath").filter(|taken| *taken != value) {
        return Err(Error::HooksPathTaken { value: taken });
    }
    let mut texts: Vec<(PathBuf, String)> =
        NAMES.iter().map(|name| (directory.join(name), script::pass_on(name))).collect();
    texts.push((directory.join("pre-receive"), script::system_hook(binary, policy)));
    for (path, text) in texts {
        if !is_so(&path, &text) {
            plan.steps.push(Step::Write { path, text });
        }
    }
    if setting("core.hooksPath").is_none() {
        plan.steps.push(Step::Set { name: "core.hooksPath".to_owned(), value });
    }
    Ok(plan)
}

/// Plans its removal.
pub fn uninstall_system(directory: &Path) -> Plan {
    let mut plan = Plan::default();
    let ours = [(COMMAND, None), (EVENT, None), ("core.hooksPath", Some(directory.display().to_string()))];
    for (name, value) in ours {
        if let Some(there) = setting(name)
            && value.is_none_or(|value| value == there)
        {
            plan.steps.push(Step::Unset { name: name.to_owned() });
        }
    }
    for name in NAMES.iter().chain(&["pre-receive"]) {
        let path = directory.join(name);
        if is_ours(&path) {
            plan.steps.push(Step::Remove { path });
        }
    }
    plan
}

impl Place {
    /// What else must be done by hand after an installation.
    pub fn by_hand(&self) -> Option<&'static str> {
        match self.layout {
            Layout::Gitolite => Some("run as gitolite's user: gitolite setup --hooks-only (docs/hooks.md)"),
            Layout::GitHub => {
                Some("commit it, executable, and add it as a pre-receive hook in the site's administration")
            }
            Layout::Plain | Layout::HookDirectory | Layout::GitLab => None,
        }
    }
}
