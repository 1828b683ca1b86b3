//! Runs git.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use super::Error;
use super::deadline::{self, Ends};

/// Variables by which another git would tell this one where to work.
const FOREIGN: &[&str] = &[
    "GIT_DIR",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_WORK_TREE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_PREFIX",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_QUARANTINE_PATH",
    "GIT_NAMESPACE",
    "GIT_SHALLOW_FILE",
    "GIT_GRAFT_FILE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_REPLACE_REF_BASE",
];

/// Takes from a command what another git would tell it that way. Settings stay: a server's own environment has some.
pub(super) fn apart(command: &mut Command) -> &mut Command {
    FOREIGN.iter().fold(command, |command, name| command.env_remove(name))
}

/// A git that works in `directory` and asks nobody anything.
pub(super) fn command(directory: &Path) -> Command {
    let mut git = Command::new("git");
    apart(&mut git).current_dir(directory).env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
    git
}

/// Whether there is a git to run: chroots for hooks often have none.
pub(super) fn is_here() -> bool {
    let version = deadline::run(Command::new("git").arg("version"), b"", PATIENCE, Ends::Itself);
    version.is_ok_and(|output| output.is_some_and(|output| output.status.success()))
}

/// So long may take what is asked of a repository that is here: a file of its own that its settings name may have no end.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs one that was put together, for so long at most; what came of it.
pub(super) fn run_within(git: &mut Command, directory: &Path, patience: Duration) -> Result<Output, Error> {
    let output = deadline::run(git, b"", patience, Ends::Itself).map_err(Error::io("run git in", directory))?;
    output.ok_or_else(|| {
        let told: Vec<String> = git.get_args().map(|one| one.to_string_lossy().into_owned()).collect();
        Error::Hung { what: format!("git {}", told.join(" ")), seconds: patience.as_secs() }
    })
}

/// Runs one that was put together; what it wrote.
pub(super) fn finish(mut git: Command, directory: &Path) -> Result<String, Error> {
    let output = run_within(&mut git, directory, PATIENCE)?;
    answer(output, &git.get_args().collect::<Vec<_>>())
}

/// Runs it; what it wrote, without the last line feed.
pub(super) fn run<A: AsRef<OsStr>>(directory: &Path, arguments: &[A]) -> Result<String, Error> {
    let mut git = command(directory);
    git.args(arguments);
    finish(git, directory)
}

/// Runs it; the path that it wrote, whatever bytes that has.
pub(super) fn path<A: AsRef<OsStr>>(directory: &Path, arguments: &[A]) -> Result<PathBuf, Error> {
    let mut git = command(directory);
    git.args(arguments);
    let output = run_within(&mut git, directory, PATIENCE)?;
    let written = written(output, arguments)?;
    Ok(PathBuf::from(OsString::from_vec(written.strip_suffix(b"\n").unwrap_or(&written).to_vec())))
}

fn answer<A: AsRef<OsStr>>(output: Output, arguments: &[A]) -> Result<String, Error> {
    let written = written(output, arguments)?;
    Ok(String::from_utf8_lossy(&written).trim_end_matches('\n').to_owned())
}

fn written<A: AsRef<OsStr>>(output: Output, arguments: &[A]) -> Result<Vec<u8>, Error> {
    if !output.status.success() {
        let told: Vec<String> = arguments.iter().map(|one| one.as_ref().to_string_lossy().into_owned()).collect();
        let answer = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Error::Git { arguments: told.join(" "), answer });
    }
    Ok(output.stdout)
}

/// Runs it, whatever the umask, so that everybody can read a file of the host's that it makes: git ends where there is one
/// that it may not read.
pub(super) fn run_for_all(arguments: &[&str]) -> Result<String, Error> {
    let mut shell = Command::new("sh");
    shell.args(["-c", "umask 022 && exec git \"$@\"", "git"]).args(arguments);
    apart(&mut shell).current_dir("/").env("LC_ALL", "C");
    let output = run_within(&mut shell, Path::new("/"), PATIENCE)?;
    answer(output, arguments)
}

/// Its version, as far as it can be told.
pub(super) fn version(directory: &Path) -> Option<(u32, u32)> {
    let text = run(directory, &["version"]).ok()?;
    let mut numbers = text.split_whitespace().nth(2)?.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_is_told_of_no_repository_but_its_own() {
        let local = run(Path::new("/"), &["rev-parse", "--local-env-vars"]).unwrap();
        let left: Vec<&str> = local.lines().filter(|name| !FOREIGN.contains(name)).collect();
        assert!(left.iter().all(|name| name.starts_with("GIT_CONFIG_")), "{left:?}");
    }
}
