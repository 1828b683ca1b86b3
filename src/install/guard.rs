//! What guards a repository against the next key: what is run at a push, by git or by a server's own hook.
//!
//! The doctor, which then has it refuse a canary, and `status`, which runs nothing of a repository's and goes by what is
//! written, have it from here.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::ours::{self, Call};
use super::shell::{Seen, refuses_by_us};
use super::{Canary, Layout, Place, system};
use crate::state::{Mode, Policy, PolicyPlaces};
use crate::store;

/// So much is read of a hook: more than anybody writes.
const MOST_BYTES: u64 = 1 << 20;

/// So many hooks of a directory are looked at.
const MOST_HOOKS: usize = 1000;

/// By what a push of a key to a repository is refused, as far as what is written there says; `None` where nothing does,
/// where the policy that it goes by refuses nothing, and where git, which alone knows, cannot be asked. It is neither run
/// nor obeyed: what calls this program by another name, or from a file that another calls, is not seen. `given`: the
/// policies beside those that the hook and the repository have.
pub fn guards(repository: &store::Layout, given: &PolicyPlaces) -> Option<String> {
    let place = Place::of_repository(repository)?;
    let refuses_by = |text: &[u8]| {
        // One that cannot be read refuses everything.
        let policy = || Policy::find(&policies(&place, &ours::call(text), given));
        refuses_by_us(text, &look) && policy().map_or(true, |it| it.mode == Mode::Enforce && Canary::is_refused_by(&it))
    };
    let refuses = |hook: &PathBuf| is_executable(hook) && text(hook).is_some_and(|text| refuses_by(&text));
    if is_led_to(&place)
        && let Some(hook) = hooks(&place).into_iter().find(refuses)
    {
        let below = hook.strip_prefix(&repository.common_dir).unwrap_or(&hook);
        return Some(below.display().to_string());
    }
    let command = configured(&place).ok()??;
    refuses_by(command.as_bytes()).then(|| format!("git's configuration ({})", system::COMMAND))
}

/// Where the policy is that a hook goes by: it may name one, and its repository may have one.
pub(super) fn policies(place: &Place, call: &Call, given: &PolicyPlaces) -> PolicyPlaces {
    let repository = place.git_dir.as_ref().map(|dir| {
        let common = store::locate_git_dir(dir).map_or_else(|_| dir.clone(), |found| found.common_dir);
        common.join("clerk-audit.toml")
    });
    // A relative one begins where the hook runs.
    let from_there = |path: &PathBuf| place.git_dir.as_ref().map_or_else(|| path.clone(), |dir| dir.join(path));
    let named = given.named.clone().or_else(|| call.policy.as_ref().map(from_there));
    PolicyPlaces { repository: repository.unwrap_or_default(), named, ..given.clone() }
}

/// Whether git comes to the hooks of a place: past a directory whose server's own hook is gone it does not.
fn is_led_to(place: &Place) -> bool {
    place.looked_for_elsewhere().is_none() && place.driver().is_none_or(|driver| is_executable(&driver))
}

/// The files that are run at a push, the one that `install` writes first.
pub(super) fn hooks(place: &Place) -> Vec<PathBuf> {
    let mut hooks = vec![place.hook.clone()];
    // In directories of hooks every file has a name of its own.
    if matches!(place.layout, Layout::HookDirectory | Layout::GitLab)
        && let Some(directory) = place.hook.parent()
    {
        // A hook that cannot be listed is none that anybody can be sure of.
        let (entries, _) = store::list_directory(directory);
        let mut inside: Vec<PathBuf> = entries.iter().take(MOST_HOOKS).map(fs::DirEntry::path).collect();
        inside.sort();
        hooks.extend(inside);
        // GitLab runs a single one too; elsewhere it is what runs the directory.
        hooks.extend(directory.parent().map(|around| around.join("pre-receive")));
    }
    hooks
}

/// The command of git's configuration that git runs at a push, if there is any; else why it does not run the one that is
/// set.
pub(super) fn configured(place: &Place) -> Result<Option<String>, String> {
    let get = |arguments: &[&str]| place.git(&[&["config"], arguments].concat()).ok();
    let Some(command) = place.has_git.then(|| get(&["--get", system::COMMAND])).flatten() else { return Ok(None) };
    if !system::knows_configured_hooks(&place.root) {
        return Err(format!(
            "{} is set, but this git is older than 2.54 and runs no such hook: it accepts everything",
            system::COMMAND
        ));
    }
    // An empty value takes back those before it.
    let events = get(&["--null", "--get-all", system::EVENT]).unwrap_or_default();
    let events = events.strip_suffix('\0').unwrap_or(&events).rsplit('\0');
    if !events.take_while(|event| !event.is_empty()).any(|event| event == "pre-receive") {
        return Err(format!("{} is set, but {} is not pre-receive", system::COMMAND, system::EVENT));
    }
    for name in ["hook.clerk-audit.enabled", "hook.pre-receive.enabled"] {
        if get(&["--type=bool", "--get", name]).is_some_and(|value| value == "false") {
            return Err(format!("{name} is false: git runs no hook of its configuration"));
        }
    }
    Ok(Some(command))
}

/// The text of a hook; none of what is no plain file, or larger than any.
pub(super) fn text(hook: &Path) -> Option<Vec<u8>> {
    let is_readable = fs::metadata(hook).is_ok_and(|meta| meta.is_file() && meta.len() <= MOST_BYTES);
    is_readable.then(|| fs::read(hook).ok()).flatten()
}

/// What is at a path that a hook asks for.
fn look(path: &[u8]) -> Seen {
    let path = Path::new(OsStr::from_bytes(path));
    match (is_executable(path), path.exists()) {
        (true, _) => Seen::Executable,
        (false, true) => Seen::There,
        (false, false) => Seen::Missing,
    }
}

/// Whether a file may be run.
pub(super) fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
