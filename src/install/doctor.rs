//! Is the gate there, does it run, and does it see what is pushed?

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::reach::Use;
use super::{Canary, Error, Layout, Place, git, ours, system};
use crate::model::{ObjectFormat, ObjectType};
use crate::state::{LedgerPlace, Mode, Policy, PolicyPlaces, ledger_place};
use crate::store::{PushPaths, Receiving, locate_git_dir, write_loose};

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// As it must be.
    Good,
    /// It works, and should not stay so.
    Doubtful,
    /// It could not be looked at here.
    Unknown,
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
/// Without git, which chroots for hooks often do not have, all is looked at that does not take git to know.
///
/// # Errors
/// Where nothing can be looked at.
pub fn examine(place: &Place, policies: &PolicyPlaces) -> Result<Vec<Check>, Error> {
    let mut checks = Checks(Vec::new());
    if place.may_be_elsewhere() {
        checks.add(
            State::Unknown,
            "git cannot be run here: whether core.hooksPath or hook.clerk-audit.* of its configuration lead it to other \
             hooks was not looked at",
        );
    }
    let command = match checks.installed(place) {
        Some(Installed::File(hook)) => {
            checks.executable(&hook);
            Some((Command::new(&hook), hook))
        }
        Some(Installed::Configured(command)) => {
            let mut shell = Command::new("sh");
            shell.args(["-c", &command]);
            Some((shell, PathBuf::from("sh")))
        }
        None => None,
    };
    let repository = place.git_dir.as_ref().map(|dir| {
        let common = locate_git_dir(dir).map_or_else(|_| dir.clone(), |found| found.common_dir);
        common.join("clerk-audit.toml")
    });
    let places = PolicyPlaces { repository: repository.unwrap_or_default(), ..policies.clone() };
    if let Some((command, hook)) = command {
        match tempfile::tempdir() {
            Ok(folder) if would_make_ledger(place, &places, folder.path()) => checks.add(
                State::Unknown,
                "whether it refuses a canary was not looked at: that would make the ledger, as this user's, and the \
                 repository is another's, who could not write it then; run the doctor as the user that git runs as",
            ),
            Ok(folder) => checks.reads_the_quarantine(command, &hook, place.git_dir.as_deref(), folder.path()),
            Err(error) => checks.add(
                State::Unknown,
                format!(
                    "whether it refuses a canary was not looked at: no folder can be made for one ($TMPDIR): {error}"
                ),
            ),
        }
    }
    checks.policy(&places);
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
    fn installed(&mut self, place: &Place) -> Option<Installed> {
        if fs::symlink_metadata(&place.hook).is_ok() && !place.hook.exists() {
            self.add(State::Bad, format!("{} is a link that leads nowhere: git ignores it", place.hook.display()));
            return None;
        }
        if let Err(error) = fs::metadata(&place.hook)
            && error.kind() == std::io::ErrorKind::PermissionDenied
        {
            let text =
                "cannot be reached by this user: where git runs as them, it ignores the hook and accepts everything";
            self.add(State::Bad, format!("{} {text}", place.hook.display()));
            return None;
        }
        if calls_us(&place.hook) {
            self.reach(place, &place.hook);
            self.add(State::Good, format!("installed: {} ({})", place.hook.display(), place.layout.name()));
            if let (Layout::HookDirectory, Some(git_dir)) = (place.layout, &place.git_dir) {
                let driver = git_dir.join("hooks/pre-receive");
                self.reach(place, &driver);
                if !is_executable(&driver) {
                    self.add(
                        State::Bad,
                        format!("{} is not there or not executable: it runs the directory", driver.display()),
                    );
                }
            }
            return Some(Installed::File(place.hook.clone()));
        }
        if let Ok(command) = git::run(&place.root, &["config", "--get", system::COMMAND]) {
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

    /// Whether the repository's owner, whom git runs as most often, could run a hook, whoever asks.
    fn reach(&mut self, place: &Place, hook: &Path) {
        let Some(owner) = place.owner() else { return };
        // (That nobody may execute it is told by itself.)
        let closed = owner.kept_from(hook, Use::Execute).filter(|closed| closed != hook || is_executable(hook));
        if let Some(closed) = closed {
            let what = if closed == hook { "executed" } else { "entered" };
            self.add(
                State::Bad,
                format!(
                    "{} cannot be {what} by the repository's owner (user {}), by its mode: git that runs as them ignores \
                     {} and accepts everything; chmod a+x",
                    closed.display(),
                    owner.uid,
                    hook.display()
                ),
            );
        }
    }

    /// A hook of git's configuration: whether this git knows such, runs it for pushes, and was not told to leave it out.
    fn configured(&mut self, place: &Place, command: String) -> Option<Installed> {
        let get = |arguments: &[&str]| git::run(&place.root, &[&["config"], arguments].concat()).ok();
        if !system::knows_configured_hooks(&place.root) {
            self.add(
                State::Bad,
                format!(
                    "{} is set, but this git is older than 2.54 and runs no such hook: it accepts everything",
                    system::COMMAND
                ),
            );
            return None;
        }
        // An empty value takes back those before it.
        let events = get(&["--null", "--get-all", system::EVENT]).unwrap_or_default();
        let events = events.strip_suffix('\0').unwrap_or(&events).rsplit('\0');
        let is_run = events.take_while(|event| !event.is_empty()).any(|event| event == "pre-receive");
        if !is_run {
            self.add(State::Bad, format!("{} is set, but {} is not pre-receive", system::COMMAND, system::EVENT));
            return None;
        }
        for name in ["hook.clerk-audit.enabled", "hook.pre-receive.enabled"] {
            if get(&["--type=bool", "--get", name]).is_some_and(|value| value == "false") {
                self.add(State::Bad, format!("{name} is false: git runs no hook of its configuration"));
                return None;
            }
        }
        self.add(State::Good, format!("installed: by git's configuration ({})", system::COMMAND));
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
    fn reads_the_quarantine(&mut self, command: Command, hook: &Path, git_dir: Option<&Path>, folder: &Path) {
        match refuses_canary(command, hook, git_dir, folder) {
            Ok(Answer::Refused) => self.add(State::Good, "runs, reads the quarantine, and refuses a canary there"),
            Ok(Answer::Observed) => {
                self.add(State::Doubtful, "runs and reads the quarantine, but only observes: it refuses nothing");
            }
            Ok(Answer::Other(said)) => {
                self.add(State::Bad, format!("does not refuse a canary in the quarantine; it said: {}", said.trim()));
            }
            Err(error) => {
                let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
                self.add(State::Bad, format!("cannot be run: {error}{cause}"));
            }
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
                    Some(path) => match ledger_place(&path) {
                        Ok(LedgerPlace::Writable) => {
                            self.add(State::Good, format!("ledger: {} can be written by this user", path.display()));
                        }
                        Ok(LedgerPlace::ToBeMade) => {
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

/// Whether a push by this user would make the ledger, in a repository of another's. `own` is a folder of this user's.
fn would_make_ledger(place: &Place, policies: &PolicyPlaces, own: &Path) -> bool {
    let owner = |path: &Path| fs::metadata(path).map(|meta| meta.uid()).ok();
    let is_anothers = place.git_dir.as_ref().is_some_and(|dir| owner(dir) != owner(own));
    let ledger = Policy::find(policies).ok().and_then(|policy| policy.ledger);
    is_anothers && ledger.is_some_and(|ledger| matches!(ledger_place(&ledger), Ok(LedgerPlace::ToBeMade)))
}

/// Whether a hook is ours or says that it calls us.
fn calls_us(hook: &Path) -> bool {
    let says = |text: Vec<u8>| memchr::memmem::find(&text, b"clerk-audit").is_some();
    ours::is_ours(hook) || fs::read(hook).is_ok_and(says)
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Runs the hook as git would, with a canary in a quarantine of its own; on an empty repository where there is none.
fn refuses_canary(mut command: Command, hook: &Path, git_dir: Option<&Path>, folder: &Path) -> Result<Answer, Error> {
    let canary = Canary::draw();
    let objects = folder.join("quarantine");
    let git_dir = match git_dir {
        Some(git_dir) => git_dir.to_owned(),
        None => empty_repository(folder).map_err(Error::io("make a repository in", folder))?,
    };
    let paths = PushPaths { git_dir: git_dir.clone(), ..PushPaths::default() };
    let format = Receiving::format_of(&paths).unwrap_or(ObjectFormat::Sha1);
    let commit = write_canary(&canary, &objects, format).map_err(Error::io("write in", &objects))?;
    let zero = "0".repeat(commit.len());
    let mut child = command
        .current_dir(&git_dir)
        .env("GIT_DIR", ".")
        .env("GIT_OBJECT_DIRECTORY", &objects)
        .env("GIT_QUARANTINE_PATH", &objects)
        .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", git_dir.join("objects"))
        .env_remove("GIT_PUSH_CERT")
        .env_remove("GIT_PUSH_OPTION_COUNT")
        .stdin(Stdio::piped())
        // Not thrown away: a chroot may have no /dev/null.
        .stdout(Stdio::piped())
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

/// A commit of a file with the canary, in an object directory; its id.
fn write_canary(canary: &Canary, objects: &Path, format: ObjectFormat) -> std::io::Result<String> {
    let blob = write_loose(objects, format, ObjectType::Blob, canary.file().as_bytes())?;
    let mut tree = format!("100644 {}\0", Canary::FILE).into_bytes();
    tree.extend_from_slice(blob.as_bytes());
    let tree = write_loose(objects, format, ObjectType::Tree, &tree)?;
    let who = "clerk-audit doctor <doctor@invalid> 1700000000 +0000";
    let commit = format!("tree {tree}\nauthor {who}\ncommitter {who}\n\ncanary\n");
    Ok(write_loose(objects, format, ObjectType::Commit, commit.as_bytes())?.to_string())
}

/// The least that is a repository.
fn empty_repository(folder: &Path) -> std::io::Result<PathBuf> {
    let git_dir = folder.join("empty.git");
    fs::create_dir_all(git_dir.join("objects"))?;
    fs::create_dir_all(git_dir.join("refs"))?;
    fs::write(git_dir.join("HEAD"), "ref: refs/heads/main\n")?;
    Ok(git_dir)
}
