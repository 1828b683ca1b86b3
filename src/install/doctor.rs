//! Is the gate there, does it run, and does it see what is pushed?

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Canary, Error, Layout, Place, git, plan};
use crate::state::{Mode, Policy, PolicyPlaces};

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// As it must be.
    Good,
    /// It works, and should not stay so.
    Doubtful,
    /// It does not work.
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, Debug)]
pub struct Check {
    /// How it came out.
    pub state: State,
    /// What was looked at, and what to do about it.
    pub text: String,
}

/// Looks at a repository. `policies` says where the hook would look for its policy; the repository's own is found here.
///
/// # Errors
/// Where there is no repository.
pub fn examine(place: &Place, policies: &PolicyPlaces) -> Result<Vec<Check>, Error> {
    let mut checks = Checks(Vec::new());
    let git_dir = PathBuf::from(git::run(&place.root, &["rev-parse", "--absolute-git-dir"])?);
    match checks.installed(place, &git_dir) {
        Some(Installed::File(hook)) => {
            checks.executable(&hook);
            checks.reads_the_quarantine(Command::new(&hook), &hook, &git_dir);
        }
        Some(Installed::Configured(command)) => {
            let mut shell = Command::new("sh");
            shell.args(["-c", &command]);
            checks.reads_the_quarantine(shell, Path::new("sh"), &git_dir);
        }
        None => {}
    }
    checks.policy(&PolicyPlaces { repository: git_dir.join("clerk-audit.toml"), ..policies.clone() });
    Ok(checks.0)
}

/// What git runs.
enum Installed {
    File(PathBuf),
    /// A command of its configuration, for the shell.
    Configured(String),
}

struct Checks(Vec<Check>);

impl Checks {
    fn add(&mut self, state: State, text: impl Into<String>) {
        self.0.push(Check { state, text: text.into() });
    }

    /// What git runs, if the gate is in it or behind it.
    fn installed(&mut self, place: &Place, git_dir: &Path) -> Option<Installed> {
        if fs::symlink_metadata(&place.hook).is_ok() && !place.hook.exists() {
            self.add(State::Bad, format!("{} is a link that leads nowhere: git ignores it", place.hook.display()));
            return None;
        }
        if calls_us(&place.hook) {
            self.add(State::Good, format!("installed: {} ({})", place.hook.display(), place.layout.name()));
            if place.layout == Layout::HookDirectory {
                let driver = git_dir.join("hooks/pre-receive");
                if !is_executable(&driver) {
                    self.add(
                        State::Bad,
                        format!("{} is not there or not executable: it runs the directory", driver.display()),
                    );
                }
            }
            return Some(Installed::File(place.hook.clone()));
        }
        if let Ok(command) = git::run(&place.root, &["config", "--get", plan::COMMAND]) {
            return self.configured(place, command);
        }
        let update = place.hook.with_file_name("update");
        if calls_us(&update) {
            self.add(
                State::Doubtful,
                format!(
                    "only {} calls the gate: it runs when the objects are stored already, so a refused key is on the \
                     server and must be rotated; install pre-receive",
                    update.display()
                ),
            );
            return None;
        }
        self.add(
            State::Bad,
            format!("not installed: {} is not the gate's; clerk-audit hook install", place.hook.display()),
        );
        None
    }

    /// A hook of git's configuration: whether this git knows such, runs it for pushes, and was not told to leave it out.
    fn configured(&mut self, place: &Place, command: String) -> Option<Installed> {
        let get = |arguments: &[&str]| git::run(&place.root, &[&["config"], arguments].concat()).ok();
        if !plan::knows_configured_hooks(&place.root) {
            self.add(
                State::Bad,
                format!(
                    "{} is set, but this git is older than 2.54 and runs no such hook: it accepts everything",
                    plan::COMMAND
                ),
            );
            return None;
        }
        // An empty value takes back those before it.
        let events = get(&["--null", "--get-all", plan::EVENT]).unwrap_or_default();
        let events = events.strip_suffix('\0').unwrap_or(&events).rsplit('\0');
        let is_run = events.take_while(|event| !event.is_empty()).any(|event| event == "pre-receive");
        if !is_run {
            self.add(State::Bad, format!("{} is set, but {} is not pre-receive", plan::COMMAND, plan::EVENT));
            return None;
        }
        for name in ["hook.clerk-audit.enabled", "hook.pre-receive.enabled"] {
            if get(&["--type=bool", "--get", name]).is_some_and(|value| value == "false") {
                self.add(State::Bad, format!("{name} is false: git runs no hook of its configuration"));
                return None;
            }
        }
        self.add(State::Good, format!("installed: by git's configuration ({})", plan::COMMAND));
        Some(Installed::Configured(command))
    }

    fn executable(&mut self, hook: &Path) {
        if !is_executable(hook) {
            self.add(State::Bad, format!("{} is not executable: git ignores it; chmod +x", hook.display()));
            return;
        }
        let text = fs::read_to_string(hook).unwrap_or_default();
        let first = text.lines().next().unwrap_or_default();
        if let Some(interpreter) = first.strip_prefix("#!").and_then(|rest| rest.split_whitespace().next())
            && !is_executable(Path::new(interpreter))
        {
            self.add(State::Bad, format!("{} wants {interpreter}, which is not there", hook.display()));
        }
        let metadata = (fs::metadata(hook), hook.parent().map(fs::metadata));
        if let (Ok(file), Some(Ok(dir))) = metadata
            && (file.permissions().mode() | dir.permissions().mode()) & 0o002 != 0
        {
            self.add(State::Doubtful, format!("{} or its directory can be written by anyone", hook.display()));
        }
    }

    /// Runs the hook as git would, on a quarantine with a canary in it.
    fn reads_the_quarantine(&mut self, command: Command, hook: &Path, git_dir: &Path) {
        match refuses_canary(command, hook, git_dir) {
            Ok(Answer::Refused) => self.add(State::Good, "runs, reads the quarantine, and refuses a canary there"),
            Ok(Answer::Observed) => {
                self.add(State::Doubtful, "runs and reads the quarantine, but only observes: it refuses nothing");
            }
            Ok(Answer::Other(said)) => {
                self.add(State::Bad, format!("does not refuse a canary in the quarantine; it said: {}", said.trim()));
            }
            Err(error) => self.add(State::Bad, format!("cannot be run: {error}")),
        }
    }

    fn policy(&mut self, places: &PolicyPlaces) {
        match Policy::find(places) {
            Err(error) => {
                let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
                self.add(State::Bad, format!("{error}{cause}: every push is refused"));
            }
            Ok(policy) => {
                let from = policy.path.as_ref().map_or("the defaults".to_owned(), |path| path.display().to_string());
                self.add(State::Good, format!("policy: {from}"));
                if policy.mode == Mode::Observe {
                    self.add(State::Doubtful, "the policy only observes: nothing is refused");
                }
                match policy.ledger {
                    None => self.add(State::Good, "ledger: none is named"),
                    Some(path) => match fs::OpenOptions::new().append(true).open(&path) {
                        Ok(_) => {
                            self.add(State::Good, format!("ledger: {} can be written by this user", path.display()))
                        }
                        Err(error)
                            if error.kind() == std::io::ErrorKind::NotFound
                                && path.parent().is_some_and(Path::is_dir) =>
                        {
                            self.add(State::Good, format!("ledger: {} will be made by the first push", path.display()));
                        }
                        Err(error) => {
                            self.add(State::Bad, format!("the ledger {} cannot be written: {error}", path.display()));
                        }
                    },
                }
            }
        }
    }
}

enum Answer {
    Refused,
    Observed,
    Other(String),
}

/// Whether a hook is ours or says that it calls us.
fn calls_us(hook: &Path) -> bool {
    let says = |text: Vec<u8>| memchr::memmem::find(&text, b"clerk-audit").is_some();
    plan::is_ours(hook) || fs::read(hook).is_ok_and(says)
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

fn refuses_canary(mut command: Command, hook: &Path, git_dir: &Path) -> Result<Answer, Error> {
    let canary = Canary::draw();
    let folder = tempfile::tempdir().map_err(Error::io("make a folder in", Path::new("/tmp")))?;
    let client = folder.path().join("client");
    let objects = client.join("objects");
    let format = git::run(git_dir, &["rev-parse", "--show-object-format"]).unwrap_or_else(|_| "sha1".to_owned());
    let client_arg = client.display().to_string();
    git::run(
        folder.path(),
        &["init", "--quiet", "--bare", "--template=", &format!("--object-format={format}"), &client_arg],
    )?;
    let file = folder.path().join("env");
    fs::write(&file, canary.file()).map_err(Error::io("write", &file))?;
    let blob = git::run(&client, &["hash-object", "-w", "--no-filters", &file.display().to_string()])?;
    git::run(&client, &["update-index", "--add", "--cacheinfo", &format!("100644,{blob},.env")])?;
    let tree = git::run(&client, &["write-tree"])?;
    let who =
        ["-c", "user.name=clerk-audit doctor", "-c", "user.email=doctor@invalid", "commit-tree", "-m", "canary", &tree];
    let commit = git::run(&client, &who)?;
    let zero = "0".repeat(commit.len());
    let mut child = command
        .current_dir(git_dir)
        .env("GIT_DIR", ".")
        .env("GIT_OBJECT_DIRECTORY", &objects)
        .env("GIT_QUARANTINE_PATH", &objects)
        .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", git_dir.join("objects"))
        .env_remove("GIT_PUSH_CERT")
        .env_remove("GIT_PUSH_OPTION_COUNT")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Error::io("run", hook))?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not read its input is told by its answer.
        _ = writeln!(stdin, "{zero} {commit} {}", canary.name());
    }
    let output = child.wait_with_output().map_err(Error::io("run", hook))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok(match output.status.success() {
        false if said.contains("error: clerk-audit refuses this push: a Clerk secret key") => Answer::Refused,
        true if said.contains("clerk-audit would refuse this push") => Answer::Observed,
        _ => Answer::Other(said),
    })
}
