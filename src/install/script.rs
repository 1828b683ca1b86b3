//! The texts of hooks.

use std::path::Path;

/// By this line a hook of ours is known.
pub(super) const MARK: &str = "# clerk-audit gate";

/// Says so where the gate was ended from outside, for want of memory or by a signal: it cannot itself, and git says no
/// more than that the hook declined.
const ENDED: &str = "[ \"$status\" -le 1 ] ||\n  echo \"error: clerk-audit refuses this push: the gate was ended \
                     before it could say why (status $status)\" >&2\n";

/// The hook that calls the binary, and where one is kept, that after it with the same input: through a file, because a
/// shell's variable loses NULs and `echo` cuts a name with a `\c`. The gate writes it: a shell would wait without end
/// for an input that has none.
pub(super) fn hook(binary: &Path, policy: Option<&Path>, keeps: bool) -> String {
    let head = format!(
        "#!/bin/sh\n{MARK}: refuses pushes that bring Clerk secret keys\n# Written by: clerk-audit hook install. \
         Remove with: clerk-audit hook uninstall.\n"
    );
    if !keeps {
        return format!("{head}{}\nstatus=$?\n{ENDED}exit $status\n", call(binary, policy));
    }
    head + "own=\"$0.kept\"\n" + &before_another(binary, policy)
}

/// How the binary is called.
fn call(binary: &Path, policy: Option<&Path>) -> String {
    let policy = policy.map(|path| format!(" --policy {}", quoted(path))).unwrap_or_default();
    format!("{} hook pre-receive{policy}", quoted(binary))
}

/// The gate as a command of git's configuration, which git hands to a shell: one line, and no file that could be missing.
pub(super) fn configured(binary: &Path, policy: Option<&Path>) -> String {
    let ended = ENDED.trim_end().replace("||\n  ", "|| ");
    format!("{}; status=$?; {ended}; exit $status", call(binary, policy))
}

/// The gate, and then the hook `$own`, where there is one, with the same input.
fn before_another(binary: &Path, policy: Option<&Path>) -> String {
    let call = call(binary, policy);
    format!(
        "input=\nif [ -x \"$own\" ]; then\n  input=$(mktemp) || exit 1\n  trap 'rm -f \"$input\"' EXIT\nfi\n\
         {call} ${{input:+--keep-input \"$input\"}}\nstatus=$?\n{ENDED}\
         if [ \"$status\" != 0 ] || [ -z \"$input\" ]; then exit $status; fi\n\"$own\" \"$@\" <\"$input\"\n"
    )
}

/// Finds the repository's own hook. `git init` runs hooks too, when there is no repository yet.
fn find_own(name: &str) -> String {
    format!("own=$(git rev-parse --git-common-dir 2>/dev/null) || own=${{GIT_DIR:-.}}\nown=\"$own/hooks/{name}\"\n")
}

/// A hook in a directory that stands in the place of every repository's own: it hands on to that.
pub(super) fn pass_on(name: &str) -> String {
    format!(
        "#!/bin/sh\n{MARK}: hands on to the repository's own hook\n{}[ -x \"$own\" ] || exit 0\nexec \"$own\" \"$@\"\n",
        find_own(name)
    )
}

/// The gate in such a directory, and then the repository's own hook with the same input.
pub(super) fn system_hook(binary: &Path, policy: Option<&Path>) -> String {
    format!(
        "#!/bin/sh\n{MARK}: refuses pushes that bring Clerk secret keys\n{}{}",
        find_own("pre-receive"),
        before_another(binary, policy)
    )
}

/// A path as one word of a shell.
pub(super) fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "'\\''"))
}
