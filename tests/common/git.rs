//! The `git` command line in an environment in which nothing of this machine's is set.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A home folder with nothing in it.
pub(crate) fn empty_home() -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("empty-home");
    std::fs::create_dir_all(&home).expect("making an empty home");
    home
}

/// A `git` that knows no configuration but the repository's own, no other clock and no other name, and that sees
/// the objects as they are: no replacements, no grafts.
pub(crate) fn command(directory: &Path) -> Command {
    let mut git = Command::new("git");
    git.current_dir(directory)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", empty_home())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_AUTHOR_NAME", "Ada Author")
        .env("GIT_AUTHOR_EMAIL", "ada.author@example.test")
        .env("GIT_AUTHOR_DATE", "1700000000 +0000")
        .env("GIT_COMMITTER_NAME", "Carl Committer")
        .env("GIT_COMMITTER_EMAIL", "carl.committer@example.test")
        .env("GIT_COMMITTER_DATE", "1700000000 +0000")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_NO_REPLACE_OBJECTS", "1")
        .env("GIT_GRAFT_FILE", empty_home().join("no-grafts"))
        .env("LC_ALL", "C")
        .env("TZ", "UTC");
    git
}

/// What a finished git had to say.
pub(crate) struct Answer {
    pub(crate) success: bool,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

/// Runs `git` to its end, with `input` on its standard input.
pub(crate) fn answer(mut git: Command, input: &[u8]) -> Answer {
    git.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = git.spawn().expect("starting git");
    let mut stdin = child.stdin.take().expect("a pipe to git");
    let output = std::thread::scope(|scope| {
        if input.is_empty() {
            drop(stdin);
        } else {
            // A git that has seen enough closes the pipe: its exit status tells whether that was well.
            scope.spawn(move || stdin.write_all(input));
        }
        child.wait_with_output().expect("waiting for git")
    });
    Answer {
        success: output.status.success(),
        stdout: output.stdout,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Runs `git` to its end and gives what it wrote; a git that fails, fails the test.
pub(crate) fn run<A: AsRef<OsStr>>(mut git: Command, arguments: &[A], input: &[u8]) -> Vec<u8> {
    git.args(arguments);
    let told: Vec<String> = git.get_args().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let answer = answer(git, input);
    assert!(answer.success, "git {} failed: {}", told.join(" "), answer.stderr);
    answer.stdout
}
