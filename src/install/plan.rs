//! What is to be done, before it is done.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::guard::is_executable;
use super::ours::{has_mark, is_ours, is_the_hosts};
use super::reach::Use;
use super::script::{Gate, KeptRun};
use super::{Error, Layout, Place, git, guard, kept, script, worktrees};
use crate::store;

/// One step of an installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Writes an executable file, whole or not at all.
    Write {
        /// Where.
        path: PathBuf,
        /// What.
        text: String,
        /// The name under which a hook that is there is kept.
        kept: Option<PathBuf>,
    },
    /// Puts a hook that was kept back into its place, over ours.
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
    /// Removes a directory of ours, where there is nothing in it any more.
    RemoveDirectory {
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
            Self::Write { path, kept: Some(kept), .. } => {
                write!(f, "rename {0} to {1}, and write {0}", path.display(), kept.display())
            }
            Self::Write { path, kept: None, .. } => write!(f, "write {}", path.display()),
            Self::Rename { from, to } => write!(f, "rename {} to {}", from.display(), to.display()),
            Self::Remove { path } => write!(f, "remove {}", path.display()),
            Self::RemoveDirectory { path } => write!(f, "remove the empty directory {}", path.display()),
            Self::Set { name, value } => write!(f, "git config --system {name} {value}"),
            Self::Unset { name } => write!(f, "git config --system --unset-all {name}"),
        }
    }
}

/// The steps, in order; none where everything is as it is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What is to be done.
    pub steps: Vec<Step>,
    /// What somebody has to know of it.
    pub notes: Vec<String>,
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
        Step::Write { path, text, kept } => write(path, text, kept.as_deref()),
        Step::Rename { from, to } => fs::rename(from, to).map_err(Error::io("rename", from)),
        Step::Remove { path } => fs::remove_file(path).map_err(Error::io("remove", path)),
        Step::RemoveDirectory { path } => match fs::remove_dir(path) {
            // Somebody has put something into it since: then it is theirs.
            Err(error) if error.kind() == std::io::ErrorKind::DirectoryNotEmpty => Ok(()),
            done => done.map_err(Error::io("remove", path)),
        },
        Step::Set { name, value } => git::run_for_all(&["config", "--system", "--replace-all", name, value]).map(drop),
        Step::Unset { name } => git::run(Path::new("/"), &["config", "--system", "--unset-all", name]).map(drop),
    }
}

/// Writes a hook. At no time is there none where one was: git would accept every push. So all that can fail for want of
/// room is done before, what is there gets a second name, and only then loses its first.
fn write(path: &Path, text: &str, kept: Option<&Path>) -> Result<(), Error> {
    let dir = path.parent().unwrap_or(Path::new("/"));
    make_directories(dir)?;
    // Beside its place and renamed there: no push meets half a hook.
    let mut file = beside(dir)?;
    file.as_file_mut().write_all(text.as_bytes()).map_err(Error::io("write", path))?;
    let open = fs::Permissions::from_mode(0o755);
    // By the file and never by its name: whoever owns the directory can give that to another file of root's.
    file.as_file().set_permissions(open).map_err(Error::io("make executable", path))?;
    file.as_file().sync_all().map_err(Error::io("write", path))?;
    if let Some(kept) = kept.filter(|kept| !is_same(path, kept)) {
        keep(path, kept)?;
    }
    file.persist(path).map(drop).map_err(|error| Error::io("write", path)(error.error))
}

fn beside(dir: &Path) -> Result<tempfile::NamedTempFile, Error> {
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix(".clerk-audit-").permissions(fs::Permissions::from_mode(0o755));
    builder.tempfile_in(dir).map_err(Error::io("write in", dir))
}

/// Gives a hook a second name, under which there is nothing yet: by a link, or where there can be none, by a copy.
fn keep(hook: &Path, kept: &Path) -> Result<(), Error> {
    if fs::hard_link(hook, kept).is_ok() {
        return Ok(());
    }
    let failed = |error| Error::io("keep", hook)(error);
    if let Ok(target) = fs::read_link(hook) {
        return std::os::unix::fs::symlink(target, kept).map_err(failed);
    }
    let mut copy = beside(kept.parent().unwrap_or(Path::new("/")))?;
    let mut original = fs::File::open(hook).map_err(failed)?;
    std::io::copy(&mut original, copy.as_file_mut()).map_err(failed)?;
    let mode = original.metadata().map_err(failed)?.permissions();
    copy.as_file().set_permissions(mode).map_err(failed)?;
    copy.as_file().sync_all().map_err(failed)?;
    copy.persist_noclobber(kept).map(drop).map_err(|error| failed(error.error))
}

/// Whether two names are one file's: an installation was ended between its steps.
fn is_same(one: &Path, other: &Path) -> bool {
    let of = |path: &Path| fs::symlink_metadata(path).map(|meta| (meta.dev(), meta.ino())).ok();
    of(one).is_some_and(|file| of(other) == Some(file))
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
        // Opened once, and no link: its name may be another directory's by now.
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::DIRECTORY;
        let made = fs::OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(dir);
        let made = made.map_err(Error::io("look at", dir))?;
        // Beside the bit that hands on the group, which a shared repository's directories have.
        let mode = made.metadata().map_err(Error::io("look at", dir))?.permissions().mode();
        made.set_permissions(fs::Permissions::from_mode(mode | 0o755)).map_err(Error::io("open to all", dir))?;
    }
    Ok(())
}

/// Whether there is anything at a path, a link that leads nowhere too.
pub(super) fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Whether an executable file has this text already.
pub(super) fn is_so(path: &Path, text: &str) -> bool {
    let is_executable = fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o111 == 0o111);
    is_executable && guard::text(path).is_some_and(|there| there == text.as_bytes())
}

/// Plans the hook at a place.
///
/// # Errors
/// Where two hooks would have to be kept, another's file is in the way, what is there is the whole host's and does not guard it,
/// or nobody can say where hooks are.
pub fn install(place: &Place, gate: &Gate) -> Result<Plan, Error> {
    let mut plan = Plan::default();
    if place.may_be_elsewhere() {
        return Err(Error::NoGit { path: place.root.clone() });
    }
    if place.is_at_the_root() {
        return Err(Error::NoHooksPath);
    }
    gate.is_text(place.layout == Layout::GitHub && !gate.is_named, None)?;
    // GitHub's instances have other files than this machine.
    if place.layout != Layout::GitHub {
        is_runnable(gate)?;
        gate.has_valid_policy()?;
    }
    if place.is_among_the_hosts() {
        // One for this repository alone would take the place of all, and cut off each one's own.
        if !is_the_hosts(&place.hook) || !is_executable(&place.hook) {
            return Err(Error::Hosts { path: place.hook.clone() });
        }
        plan.notes.push(format!("by {}, for every repository of this host; it stays as it is", place.hook.display()));
        return Ok(plan);
    }
    plan.look_around(place, gate);
    let is_anothers = is_there(&place.hook) && !is_ours(&place.hook);
    let there = (!is_anothers).then(|| guard::text(&place.hook)).flatten().unwrap_or_default();
    let gate = &gate.keeping(&there, &place.hook, &mut plan.notes)?;
    let text = if place.keeps() {
        let kept = place.kept();
        if is_anothers && is_there(&kept) && !is_same(&place.hook, &kept) {
            return Err(Error::KeptTwice { path: kept });
        }
        let run = plan.look_at_kept(place, if is_anothers { &place.hook } else { &kept });
        script::keeping_hook(gate, &run)
    } else if is_anothers {
        return Err(Error::NotOurs { path: place.hook.clone() });
    } else if place.layout == Layout::GitHub {
        script::github_hook(gate)
    } else {
        script::hook(gate)
    };
    if !is_so(&place.hook, &text) {
        let kept = (is_anothers && place.keeps()).then(|| place.kept());
        plan.steps.push(Step::Write { path: place.hook.clone(), text, kept });
    }
    plan.notes.extend(worktrees::unguarded(place)?.iter().map(|one| format!("look at it: {}", one.in_words())));
    Ok(plan)
}

/// Whether what the hook is to call can be run: what stands there would else be replaced by one that refuses every push.
pub(super) fn is_runnable(gate: &Gate) -> Result<(), Error> {
    if is_executable(&gate.binary) { Ok(()) } else { Err(Error::NoBinary { path: gate.binary.clone() }) }
}

/// Says of a binary that somebody cannot run it: then every push of theirs is refused.
pub(super) fn unreachable_binary(binary: &Path, closed: &Path, who: &str) -> String {
    format!(
        "look at {}: {who} can run {} behind it, and a push by one who cannot is refused",
        closed.display(),
        binary.display()
    )
}

impl Plan {
    /// What installing does not see to.
    fn look_around(&mut self, place: &Place, gate: &Gate) {
        let beside = place.layout == Layout::GitHub && !gate.is_named;
        if place.layout == Layout::GitHub && gate.is_named && !is_executable(&gate.binary) {
            self.notes.push(format!(
                "look at {}: it cannot be run here, and must be there where the hook runs, or every push is refused",
                gate.binary.display()
            ));
        }
        let owner = place.owner().filter(|_| !beside);
        if let Some(closed) = owner.and_then(|owner| owner.kept_from(&gate.binary, Use::Execute)) {
            self.notes.push(unreachable_binary(&gate.binary, &closed, "not even the repository's owner"));
        }
        self.notes.extend(place.shared("gets the gate"));
        if place.is_by_this_users_configuration() {
            self.notes.push(format!(
                "look at core.hooksPath: it is this user's own (git config --global), and only pushes that run as this user \
                 look at {}",
                place.hook.display()
            ));
        }
    }

    /// Removes the directories that the hook leaves empty.
    fn directories(&mut self, place: &Place) {
        let mut inside = place.hook.clone();
        for path in place.own_directories() {
            let (entries, gap) = store::list_directory(&path);
            if gap.is_some() || entries.iter().any(|entry| entry.path() != inside) {
                return;
            }
            self.steps.push(Step::RemoveDirectory { path: path.clone() });
            inside = path;
        }
    }

    /// How the hook that is kept, which stands at `path` yet, is to be run.
    fn look_at_kept(&mut self, place: &Place, path: &Path) -> KeptRun {
        if !is_there(path) {
            return KeptRun::default();
        }
        let (run, is_doubtful) = kept::run_of(path);
        if is_doubtful {
            self.notes.push(format!(
                "look at {0}: it runs under this name now, and if it goes by its name (pre-receive) it does something else",
                place.kept().display()
            ));
        }
        run
    }
}

/// Plans the removal of our hook; one that was kept comes back.
///
/// # Errors
/// Where the file in its place is another's, or the whole host's, or somebody has changed it.
pub fn uninstall(place: &Place) -> Result<Plan, Error> {
    let mut plan = Plan::default();
    if is_ours(&place.hook) {
        if place.is_among_the_hosts() {
            return Err(Error::Hosts { path: place.hook.clone() });
        }
        plan.notes.extend(place.shared("loses the gate"));
        plan.steps.push(if place.keeps() && is_there(&place.kept()) {
            Step::Rename { from: place.kept(), to: place.hook.clone() }
        } else {
            Step::Remove { path: place.hook.clone() }
        });
        if !place.keeps() || !is_there(&place.kept()) {
            plan.directories(place);
        }
    } else if is_there(&place.hook) && (!place.keeps() || has_mark(&place.hook)) {
        return Err(Error::NotOurs { path: place.hook.clone() });
    }
    Ok(plan)
}

impl Place {
    /// That the hook is not, or may not be, the repository's alone, and what becomes of the others.
    fn shared(&self, becomes: &str) -> Option<String> {
        if self.is_by_the_hosts_configuration() {
            return Some(format!(
                "look at core.hooksPath: it is the host's (git config --system), and {} is the hook of every repository here",
                self.hook.display()
            ));
        }
        let directory = self.outside()?;
        Some(format!(
            "look at {}: it is outside of {}, and every repository that has its hooks there {becomes} as well",
            directory.display(),
            self.root.display()
        ))
    }

    /// What else must be done by hand after an installation.
    pub fn by_hand(&self, gate: &Gate) -> Option<&'static str> {
        match self.layout {
            Layout::Gitolite => Some("run as gitolite's user: gitolite setup --hooks-only (docs/hooks.md)"),
            Layout::GitHub if !gate.is_named => Some(
                "put the static binary (hooks/build-static) beside it as clerk-audit, commit both, executable, and add the \
                 hook as a pre-receive hook in the site's administration",
            ),
            Layout::GitHub => {
                Some("commit it, executable, and add it as a pre-receive hook in the site's administration")
            }
            Layout::GitLab => Some(
                "see that GitLab runs it, as git does not: clerk-audit hook self-test URL (--layout plain, if the repository is \
                 GitLab's no more)",
            ),
            Layout::Plain | Layout::HookDirectory => None,
        }
    }
}
