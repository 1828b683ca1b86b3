//! The texts of hooks.

use std::path::Path;

/// By this line a hook of ours is known.
pub(super) const MARK: &str = "# clerk-audit gate";

/// The hook that calls the binary, and where one is kept, that after it with the same input: through a file, because a
/// shell's variable loses NULs and `echo` cuts a name with a `\c`. The gate writes it: a shell would wait without end for
/// an input that has none.
pub(super) fn hook(binary: &Path, policy: Option<&Path>, keeps: bool) -> String {
    let policy = policy.map(|path| format!(" --policy {}", quoted(path))).unwrap_or_default();
    let call = format!("{} hook pre-receive{policy}", quoted(binary));
    let head = format!(
        "#!/bin/sh\n{MARK}: refuses pushes that bring Clerk secret keys\n# Written by: clerk-audit hook install. \
         Remove with: clerk-audit hook uninstall.\n"
    );
    if !keeps {
        return format!("{head}exec {call}\n");
    }
    format!(
        "{head}kept=\"$0.kept\"\n[ -x \"$kept\" ] || exec {call}\ninput=$(mktemp) || exit 1\n\
         trap 'rm -f \"$input\"' EXIT\n{call} --keep-input \"$input\" || exit 1\n\"$kept\" \"$@\" <\"$input\"\n"
    )
}

/// A hook in a directory that stands in the place of every repository's own: it hands on to that.
pub(super) fn pass_on(name: &str) -> String {
    format!(
        "#!/bin/sh\n{MARK}: hands on to the repository's own hook\nown=\"$(git rev-parse --git-common-dir)/hooks/{name}\"\n\
         [ -x \"$own\" ] || exit 0\nexec \"$own\" \"$@\"\n"
    )
}

/// The gate in such a directory, and then the repository's own hook with the same input.
pub(super) fn system_hook(binary: &Path, policy: Option<&Path>) -> String {
    let policy = policy.map(|path| format!(" --policy {}", quoted(path))).unwrap_or_default();
    let call = format!("{} hook pre-receive{policy}", quoted(binary));
    format!(
        "#!/bin/sh\n{MARK}: refuses pushes that bring Clerk secret keys\nown=\"$(git rev-parse --git-common-dir)/hooks/pre-receive\"\n\
         [ -x \"$own\" ] || exec {call}\ninput=$(mktemp) || exit 1\ntrap 'rm -f \"$input\"' EXIT\n\
         {call} --keep-input \"$input\" || exit 1\n\"$own\" \"$@\" <\"$input\"\n"
    )
}

/// A path as one word of a shell.
pub(super) fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "'\\''"))
}
