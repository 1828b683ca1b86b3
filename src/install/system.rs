//! The hook for every repository of a host, by git's system configuration.

use std::path::{Path, PathBuf};

use super::ours::is_ours;
use super::plan::{Plan, Step, is_runnable, is_so, is_there, unreachable_binary};
use super::reach::{Use, User};
use super::script::{self, Gate};
use super::{Error, git, guard};

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

/// The settings of git 2.54 and later.
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
/// Where the host has such a directory already, another's hooks are in this one, or the binary cannot be run.
pub fn install_system(directory: &Path, gate: &Gate) -> Result<Plan, Error> {
    let knows = knows_configured_hooks(Path::new("/"));
    gate.is_text(false, (!knows).then_some(directory))?;
    is_runnable(gate)?;
    gate.has_valid_policy()?;
    let mut plan = Plan::default();
    let hook = directory.join("pre-receive");
    let there = match knows {
        true => setting(COMMAND).unwrap_or_default().into_bytes(),
        false => guard::text(&hook).filter(|_| is_ours(&hook)).unwrap_or_default(),
    };
    let gate = &gate.keeping(&there, if knows { Path::new(COMMAND) } else { &hook }, &mut plan.notes)?;
    let anybody = User::anybody();
    let closed = anybody.kept_from(&gate.binary, Use::Execute);
    plan.notes.extend(closed.map(|closed| unreachable_binary(&gate.binary, &closed, "not every user")));
    let mut set = |name: &str, value: String| {
        if setting(name).as_deref() != Some(&value) {
            plan.steps.push(Step::Set { name: name.to_owned(), value });
        }
    };
    if knows {
        set(COMMAND, script::configured(gate));
        set(EVENT, "pre-receive".to_owned());
        return Ok(plan);
    }
    let value = directory.display().to_string();
    if let Some(taken) = setting("core.hooksPath").filter(|taken| *taken != value) {
        return Err(Error::HooksPathTaken { value: taken });
    }
    let mut texts: Vec<(PathBuf, String)> =
        NAMES.iter().map(|name| (directory.join(name), script::pass_on(name))).collect();
    texts.push((hook.clone(), script::system_hook(gate)));
    for (path, text) in texts {
        if is_there(&path) && !is_ours(&path) {
            return Err(Error::NotOurs { path });
        }
        if !is_so(&path, &text) {
            plan.steps.push(Step::Write { path, text, kept: None });
        }
    }
    if let Some(closed) = anybody.kept_from(&hook, Use::Execute) {
        plan.notes.push(format!(
            "look at {}: not every user can enter it, and git that runs as such a one runs no hook of any repository",
            closed.display()
        ));
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
