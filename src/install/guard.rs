//! What guards a repository against the next key: what is run at a push, by git or by a server's own hook.
//!
//! The doctor, which then has it refuse a canary, and `status`, which runs nothing of a repository's and goes by what is
//! written, have it from here.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::called::{self, Call, Named};
use super::ours::is_ours;
use super::plan::is_there;
use super::shell::{Seen, refuses_by_us};
use super::{Layout, Place, system};
use crate::key::KeyId;
use crate::state::{self, Class, Policy, PolicyPlaces};
use crate::store;

/// So much is read of a hook: more than anybody writes.
const MOST_BYTES: u64 = 1 << 20;

/// So many hooks of a directory are looked at.
const MOST_HOOKS: usize = 1000;

/// What a repository's pushes are asked by, and the policy that it goes by.
pub struct Guard {
    /// The hook, or what else runs this program.
    pub name: String,
    /// One that cannot be read refuses everything.
    policy: Option<Policy>,
}

impl Guard {
    /// The setting by which it lets a key of this class pass, as [`Policy::lets_pass`] has it.
    pub fn lets_pass(&self, key: &KeyId, class: &Class, today: &str) -> Option<String> {
        self.policy.as_ref()?.lets_pass(key, class, today)
    }
}

/// By what a push to a repository is looked at and can be refused, as far as what is written there says; none where
/// nothing does, where it is not told by which policy, and where git, which alone knows, cannot be asked. It is neither run
/// nor obeyed: what calls this program by another name, or from a file that another calls, is not seen. `given`: the
/// policies beside those that the hook and the repository have.
pub fn guards(repository: &store::Layout, given: &PolicyPlaces) -> Vec<Guard> {
    let Some(place) = Place::of_repository(repository) else { return Vec::new() };
    let guard = |text: &[u8], name: String| match policy(&place, &called::call(text), given) {
        _ if !refuses_by_us(text, &look) => None,
        Ok(policy) => Some(Guard { name, policy: Some(policy?) }),
        Err(_) => Some(Guard { name, policy: None }),
    };
    let of_hook = |hook: &PathBuf| {
        let text = text(hook).filter(|_| is_executable(hook))?;
        let below = hook.strip_prefix(&repository.common_dir).unwrap_or(hook);
        guard(&text, below.display().to_string())
    };
    let hooks = if is_led_to(&place) { hooks(&place) } else { Vec::new() };
    let mut guards: Vec<Guard> = hooks.iter().filter_map(of_hook).collect();
    if let Ok(Some(command)) = configured(&place) {
        guards.extend(guard(command.as_bytes(), format!("git's configuration ({})", system::COMMAND)));
    }
    guards
}

/// The policy that a hook goes by: it may name one, and its repository may have one. None where its text does not tell which.
///
/// # Errors
/// Where it cannot be read or is not valid.
pub(super) fn policy(place: &Place, call: &Call, given: &PolicyPlaces) -> Result<Option<Policy>, state::Error> {
    // A relative one begins where the hook runs.
    let from_there = |path: &PathBuf| place.git_dir.as_ref().map_or_else(|| path.clone(), |dir| dir.join(path));
    let file = |named: &Named| if let Named::File(path) = named { Some(from_there(path)) } else { None };
    let named = given.named.clone().or_else(|| file(&call.policy));
    let is_untold = match call.policy {
        Named::Untold => true,
        // The host's comes before it.
        _ => call.environment == Named::Untold && !is_there(&given.host),
    };
    if named.is_none() && is_untold {
        return Ok(None);
    }
    let environment =
        if call.environment == Named::Nothing { given.environment.clone() } else { file(&call.environment) };
    let repository = place.git_dir.as_ref().map(|dir| {
        let common = store::locate_git_dir(dir).map_or_else(|_| dir.clone(), |found| found.common_dir);
        common.join("clerk-audit.toml")
    });
    let repository = repository.unwrap_or_default();
    Policy::find(&PolicyPlaces { repository, named, environment, host: given.host.clone() }).map(Some)
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

/// Whether a hook is ours or says that it calls us.
pub(super) fn calls_us(hook: &Path) -> bool {
    let says = |text: Vec<u8>| memchr::memmem::find(&text, b"clerk-audit").is_some();
    text(hook).is_some_and(says) || is_ours(hook)
}

/// Whether a file may be run.
pub(super) fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
