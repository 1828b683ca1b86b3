//! The texts of hooks.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::Error;
use super::called::{self, Named};
use crate::model::shell_word;
use crate::state::Policy;

/// By this line a hook of ours is known.
pub(super) const MARK: &str = "# clerk-audit gate";

/// By this one a hook that `install` wrote, of this version or an earlier one, and no script of `hooks/`.
pub(super) const WRITTEN: &str = "# Written by: clerk-audit hook install";

/// What such a hook is removed with where it stands in the place of every repository's of the host.
pub(super) const OF_THE_HOST: &str = " --system";

/// What a hook calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    /// The binary.
    pub binary: PathBuf,
    /// Whether somebody named it: else it is the one that runs now.
    pub is_named: bool,
    /// The policy that it is given; without one it looks for it.
    pub policy: Option<PathBuf>,
}

/// How a hook that was kept is run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum KeptRun {
    /// As the file that it is.
    #[default]
    ByItself,
    /// By these words of a shell, which sources it: it then finds its old name in `$0`.
    SourcedBy(Vec<String>),
}

/// Says a refusal where the gate cannot: git says no more than that the hook declined. GitLab's pages show a line of
/// their own.
const REFUSE: &str = "refuse() {\n  printf 'error: clerk-audit refuses this push: %s\\n' \"$1\" >&2\n  \
                      [ -z \"${GL_ID-}${GL_REPOSITORY-}\" ] ||\n    \
                      printf 'GL-HOOK-ERR: error: clerk-audit refuses this push: %s\\n' \"$1\" >&2\n}\n";

/// It was ended from outside, for want of memory or by a signal.
const ENDED: &str = "[ \"$status\" -le 1 ] || refuse \"the gate was ended before it could say why (status $status)\"\n";

/// The same for a command in git's configuration, in one line. No server of GitLab's runs such.
const ENDED_CONFIGURED: &str = "[ \"$status\" -le 1 ] || echo \"error: clerk-audit refuses this push: the gate was \
                                ended before it could say why (status $status)\" >&2";

fn head(what: &str, options: &str) -> String {
    format!("#!/bin/sh\n{MARK}: {what}\n{WRITTEN}. Remove with: clerk-audit hook uninstall{options}.\n")
}

/// The hook that calls the binary, where each hook has a file of its own.
pub(super) fn hook(gate: &Gate) -> String {
    let call = call(&quoted(&gate.binary), gate.policy.as_deref());
    alone(&format!("{REFUSE}{call}"))
}

/// The same for GitHub's instances, which have neither this machine's binary nor its path: it stands beside the hook.
pub(super) fn github_hook(gate: &Gate) -> String {
    if gate.is_named {
        return hook(gate);
    }
    let call = call("\"$gate\"", gate.policy.as_deref());
    alone(&format!(
        "{REFUSE}gate=${{0%/*}}/clerk-audit\n[ -x \"$gate\" ] || gate=${{CLERK_AUDIT:-/usr/local/bin/clerk-audit}}\n{call}"
    ))
}

fn alone(call: &str) -> String {
    format!("{}{call}\nstatus=$?\n{ENDED}exit $status\n", head("refuses pushes that bring Clerk secret keys", ""))
}

/// The hook that calls the binary, and where one is kept, that after it with the same input.
pub(super) fn keeping_hook(gate: &Gate, kept: &KeptRun) -> String {
    let run = match kept {
        KeptRun::ByItself => "\"$own\"".to_owned(),
        // Not by its file: it would find another name, and what goes by its name would silently do nothing.
        KeptRun::SourcedBy(shell) => format!("{} -c '. \"$0.kept\"' \"$0\"", shell.join(" ")),
    };
    let before = before_another(gate, &run);
    format!("{}own=\"$0.kept\"\n{before}", head("refuses pushes that bring Clerk secret keys", ""))
}

/// How a binary, one word of a shell, is called.
fn call(binary: &str, policy: Option<&Path>) -> String {
    let policy = policy.map(|path| format!(" --policy {}", quoted(path))).unwrap_or_default();
    format!("{binary} hook pre-receive{policy}")
}

/// The gate as a command of git's configuration, which git hands to a shell: one line, and no file that could be missing.
pub(super) fn configured(gate: &Gate) -> String {
    let call = call(&quoted(&gate.binary), gate.policy.as_deref());
    format!("{call}; status=$?; {ENDED_CONFIGURED}; exit $status")
}

/// The gate, and then the hook `$own`, where there is one, by `run` with the same input. The gate reads it, because a shell
/// would wait without end for an input that has none, and hands on what it let pass: lines without a NUL, which a shell
/// can hold, and no file that could be missing where a disk is full. `echo` would cut a name with a `\c`.
fn before_another(gate: &Gate, run: &str) -> String {
    let call = call(&quoted(&gate.binary), gate.policy.as_deref());
    format!(
        "{REFUSE}keep=\n[ ! -x \"$own\" ] || keep=-\n\
         input=$(\n{call} ${{keep:+--keep-input -}}\nstatus=$?; printf .; exit $status)\nstatus=$?\n{ENDED}\
         if [ \"$status\" != 0 ] || [ -z \"$keep\" ]; then exit $status; fi\n\
         [ \"$input\" != . ] && printf %s \"${{input%.}}\" >/dev/null || {{\n  refuse 'the hook behind it cannot be given its input'\n  exit 1\n}}\n\
         printf %s \"${{input%.}}\" 2>/dev/null | {run} \"$@\"\n"
    )
}

/// Finds the repository's own hook. `git init` runs hooks too, when there is no repository yet.
fn find_own(name: &str) -> String {
    format!("{FIND_OWN} || own=${{GIT_DIR:-.}}\nown=\"$own/hooks/{name}\"\n")
}

/// How that begins; earlier versions wrote it right below the mark.
pub(super) const FIND_OWN: &str = "own=$(git rev-parse --git-common-dir 2>/dev/null)";

/// A hook in a directory that stands in the place of every repository's own: it hands on to that.
pub(super) fn pass_on(name: &str) -> String {
    let head = head("hands on to the repository's own hook", OF_THE_HOST);
    format!("{head}{}[ -x \"$own\" ] || exit 0\nexec \"$own\" \"$@\"\n", find_own(name))
}

/// The gate in such a directory, and then the repository's own hook with the same input.
pub(super) fn system_hook(gate: &Gate) -> String {
    let head = head("refuses pushes that bring Clerk secret keys", OF_THE_HOST);
    format!("{head}{}{}", find_own("pre-receive"), before_another(gate, "\"$own\""))
}

impl Gate {
    /// The same with the policy that is named already, by what stands in its place, where it is given none: whoever installs
    /// it again for a new binary takes no policy away.
    pub(super) fn keeping(&self, there: &[u8], path: &Path, notes: &mut Vec<String>) -> Result<Self, Error> {
        match called::call(there).policy {
            Named::Nothing => Ok(self.clone()),
            _ if self.policy.is_some() => Ok(self.clone()),
            Named::File(policy) => {
                notes.push(format!(
                    "it keeps the policy {}; --policy FILE names another, and uninstall takes it out",
                    policy.display()
                ));
                Ok(Self { policy: Some(policy), ..self.clone() })
            }
            Named::Untold => Err(Error::PolicyUntold { path: path.to_owned() }),
        }
    }

    /// Holds that the policy which somebody names can be read: with another the hook refuses every push.
    pub(super) fn has_valid_policy(&self) -> Result<(), Error> {
        self.policy.as_deref().map_or(Ok(()), |path| Policy::read(path).map(drop).map_err(Error::Policy))
    }

    /// Holds that what is to be written can be: a path with another character in it would name nothing, git passes over hooks
    /// that are not there, and accepts every push. `is_beside`: the hook finds the binary by itself.
    pub(super) fn is_text(&self, is_beside: bool, directory: Option<&Path>) -> Result<(), Error> {
        let binary = (!is_beside).then_some(self.binary.as_path());
        let paths = [binary, self.policy.as_deref(), directory];
        match paths.into_iter().flatten().find(|path| path.to_str().is_none()) {
            Some(path) => Err(Error::NotText { path: path.to_owned() }),
            None => Ok(()),
        }
    }
}

/// A path, which is text, as one word of a shell.
pub(super) fn quoted(path: &Path) -> String {
    shell_word(&path.display().to_string())
}

/// A path as one word of a shell, to be read and typed: in quotes only where it takes them, and what is no text or cannot be
/// seen in digits.
pub fn shell_path(path: &Path) -> String {
    let is_seen = |it: char| it.is_alphanumeric() || it.is_ascii_graphic() || it == ' ';
    let Some(text) = path.to_str().filter(|text| text.chars().all(is_seen)) else { return in_digits(path) };
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "/._-+:,@%".contains(it);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        quoted(path)
    }
}

/// The word that `printf` makes of the bytes. What a shell takes from a command loses its line feeds at the end: a dot
/// behind a slash changes no directory.
fn in_digits(path: &Path) -> String {
    let bytes = path.as_os_str().as_bytes();
    let word: String = bytes
        .iter()
        .map(|byte| match byte {
            b' ' | b'/' | b'.' | b'-' | b'_' => char::from(*byte).to_string(),
            byte if byte.is_ascii_alphanumeric() => char::from(*byte).to_string(),
            byte => format!("\\{byte:03o}"),
        })
        .collect();
    let end = if bytes.ends_with(b"\n") { "/." } else { "" };
    format!("\"$(printf -- '{word}{end}')\"")
}
