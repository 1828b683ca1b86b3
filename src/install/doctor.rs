//! Is the gate there, does it run, and does it see what is pushed?

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use super::called::{self, Call, Named};
use super::canary::{Said, why_not_all};
use super::guard::{self, calls_us, is_executable, text};
use super::reach::Use;
use super::trial::{Answer, Runs};
use super::{Canary, Error, Place, git, ours, system, worktrees};
use crate::model::error_chain;
use crate::state::{LedgerPlace, Limits, Mode, Policy, PolicyPlaces, Reaction, is_for_group, ledger_place};

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

/// Looks at a repository. `policies` says where the hook would look for its policy, beside the one that its own text
/// names; the repository's own is found here. Without git, which chroots for hooks often do not have, all is looked at
/// that does not take git to know.
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
    let found = checks.installed(place);
    let call = match found.as_ref().map(|found| &found.runs) {
        Some(Runs::File(hook)) => called::call(&text(hook).unwrap_or_default()),
        Some(Runs::Configured(command)) => called::call(command.as_bytes()),
        None => Call::default(),
    };
    let policy = guard::policy(place, &call, policies);
    if found.is_some() {
        checks.worktrees(place);
    }
    if let Some(Found { runs, is_late }) = found {
        let known = policy.as_ref().ok().and_then(Option::as_ref);
        checks.called(place, &call, known);
        match &policy {
            Ok(None) => checks.untold(),
            // It is asked about objects that are in the store: a canary would have to be put there.
            _ if is_late => {}
            _ => checks.trial(place, &runs, known),
        }
    }
    match policy {
        Ok(policy) => policy.iter().for_each(|policy| checks.policy(place, policy)),
        Err(error) => {
            checks.add(State::Bad, format!("{}: every push is refused", error_chain(&error)));
        }
    }
    Ok(checks.0)
}

struct Checks(Vec<Check>);

/// What git runs at a push.
struct Found {
    runs: Runs,
    /// Whether that is when the objects are stored already.
    is_late: bool,
}

impl Found {
    fn in_time(runs: Runs) -> Self {
        Self { runs, is_late: false }
    }
}

impl Checks {
    fn add(&mut self, state: State, text: impl Into<String>) {
        self.0.push(Check { state, text: text.into() });
    }

    /// What git runs, if the gate is in it or behind it.
    fn installed(&mut self, place: &Place) -> Option<Found> {
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
        if place.is_at_the_root() {
            self.add(
                State::Bad,
                "core.hooksPath is empty or /, and git looks for /pre-receive: it runs no hook of the repository; git \
                 config --unset core.hooksPath, and clerk-audit hook install",
            );
        }
        if let Some(hook) = guard::hooks(place).into_iter().find(|hook| calls_us(hook)) {
            self.found(place, &hook);
            return Some(Found::in_time(Runs::File(hook)));
        }
        match guard::configured(place) {
            Ok(Some(command)) => {
                self.add(State::Good, format!("installed: by git's configuration ({})", system::COMMAND));
                return Some(Found::in_time(Runs::Configured(command)));
            }
            Ok(None) => {}
            Err(why) => {
                self.add(State::Bad, why);
                return None;
            }
        }
        let update = place.hook.with_file_name("update");
        // One that takes the place of a repository's own hands on to that, and calls nothing.
        if calls_us(&update) && !ours::only_hands_on(&update) {
            self.add(
                State::Doubtful,
                format!(
                    "only {} calls the gate: it runs when the objects are stored already, so a refused key is on the \
                     server and must be rotated, and goes only with git reflog expire --expire=now --all && git gc \
                     --prune=now there; install pre-receive",
                    update.display()
                ),
            );
            self.reach(place, &update);
            self.executable(&update);
            return Some(Found { runs: Runs::File(update), is_late: true });
        }
        if !place.is_at_the_root() {
            let hook = place.hook.display();
            let of_all = if place.is_among_the_hosts() { " --system" } else { "" };
            self.add(State::Bad, format!("not installed: {hook} is not the gate's; clerk-audit hook install{of_all}"));
        }
        None
    }

    /// A hook that calls the gate: whether git, or what runs its directory, comes to it.
    fn found(&mut self, place: &Place, hook: &Path) {
        self.reach(place, hook);
        match place.gitlabs_mark() {
            Some(mark) => self.add(
                State::Unknown,
                format!(
                    "{} ({}): git does not run it, GitLab does, and that this is GitLab's is told by {mark} alone; clerk-audit \
                     hook self-test URL shows it, and --layout plain is for a repository that is GitLab's no more",
                    hook.display(),
                    place.layout.name()
                ),
            ),
            None => self.add(State::Good, format!("installed: {} ({})", hook.display(), place.layout.name())),
        }
        if let Some(directory) = place.outside() {
            self.add(
                State::Good,
                format!(
                    "{} is outside of the repository: install and uninstall are about every one that has its hooks there",
                    directory.display()
                ),
            );
        }
        if let Some(driver) = place.driver() {
            self.reach(place, &driver);
            if !is_executable(&driver) {
                self.add(
                    State::Bad,
                    format!("{} is not there or not executable: it runs the directory", driver.display()),
                );
            }
        }
        if let Some(elsewhere) = place.looked_for_elsewhere() {
            let text = "core.hooksPath leads git past the directory of hooks, to";
            self.add(State::Bad, format!("{text} {}", elsewhere.display()));
        }
        if place.is_by_this_users_configuration() && !is_of_this_user(place.git_dir.as_deref()) {
            self.add(
                State::Doubtful,
                "core.hooksPath is this user's own (git config --global), and the repository is another's: git that runs \
                 as them looks elsewhere",
            );
        }
        self.executable(hook);
        // The canary is refused before it is run; one that is not executable the gate's hook passes over.
        if place.keeps() && is_executable(&place.kept()) {
            self.interpreter(&place.kept());
        }
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

    fn executable(&mut self, hook: &Path) {
        if !is_executable(hook) {
            self.add(State::Bad, format!("{} is not executable: git ignores it; chmod +x", hook.display()));
            return;
        }
        self.interpreter(hook);
        let metadata = (fs::metadata(hook), hook.parent().map(fs::metadata));
        if let (Ok(file), Some(Ok(dir))) = metadata
            && (file.permissions().mode() | dir.permissions().mode()) & 0o002 != 0
        {
            self.add(State::Doubtful, format!("{} or its directory can be written by anyone", hook.display()));
        }
    }

    /// Whether a push to the path of another worktree comes to the gate as well.
    fn worktrees(&mut self, place: &Place) {
        match worktrees::unguarded(place) {
            Ok(unguarded) => unguarded.iter().for_each(|one| self.add(State::Bad, one.in_words())),
            Err(error) => {
                let text = "whether pushes to its other worktrees come to the gate was not looked at";
                self.add(State::Unknown, format!("{text}: {}", error_chain(&error)));
            }
        }
    }

    /// Whether the system finds what a hook's first line names: git refuses every push where it does not.
    fn interpreter(&mut self, hook: &Path) {
        let text = text(hook).unwrap_or_default();
        let first = text.split(|byte| *byte == b'\n').next().and_then(|line| line.strip_prefix(b"#!"));
        let Some(first) = first.map(String::from_utf8_lossy) else { return };
        // To the system that is a part of the last word.
        if first.ends_with('\r') {
            let text = "has a carriage return at the end of its first line, and cannot be run: every push is refused";
            return self.add(State::Bad, format!("{} {text}", hook.display()));
        }
        if let Some(interpreter) = first.split_whitespace().next().filter(|it| !is_executable(Path::new(it))) {
            self.add(State::Bad, format!("{} wants {interpreter}, which is not there", hook.display()));
        }
    }

    /// What the hook calls: where that cannot be run, or its policy not be read, every push is refused.
    fn called(&mut self, place: &Place, call: &Call, policy: Option<&Policy>) {
        let owner = place.owner();
        let named = if let Named::File(path) = &call.policy { Some(path) } else { None };
        let policy = policy.and_then(|policy| policy.path.as_ref()).or(named);
        let asked = [(call.binary.as_ref(), Use::Execute, "executed"), (policy, Use::Read, "read")];
        for (path, wanted, what) in asked {
            let Some(path) = path.filter(|path| path.is_absolute()) else { continue };
            if !path.exists() {
                self.add(
                    State::Bad,
                    format!("{}, which the hook names, is not there: every push is refused", path.display()),
                );
            } else if let Some(closed) = owner.as_ref().and_then(|owner| owner.kept_from(path, wanted)) {
                self.add(
                    State::Bad,
                    format!(
                        "{} cannot be {what} by the repository's owner, by the mode of {}: every push of theirs is refused",
                        path.display(),
                        closed.display()
                    ),
                );
            }
        }
    }

    /// The hook's text does not say by which policy it goes: what a trial would leave behind is not known.
    fn untold(&mut self) {
        self.add(
            State::Unknown,
            "the hook's policy is named by a variable, on a condition, or where it cannot be read: neither that nor its \
             ledger was looked at, nor whether it refuses a canary, which may make the ledger as this user's; name it: \
             clerk-audit hook doctor --policy FILE",
        );
    }

    /// Has the hook refuse a canary, if that leaves nothing behind.
    fn trial(&mut self, place: &Place, runs: &Runs, policy: Option<&Policy>) {
        if policy.is_some_and(|policy| !Canary::is_refused_by(policy)) {
            self.add(
                State::Doubtful,
                "the policy refuses no secret keys, neither live nor test: no canary can show that the gate works",
            );
            return;
        }
        match tempfile::tempdir() {
            Ok(folder) if would_make_ledger(place, policy, folder.path()) => self.add(
                State::Unknown,
                "whether it refuses a canary was not looked at: that would make the ledger, as this user's, and others \
                 push here too, who could not write it then; run the doctor as the user that git runs as, or make the \
                 ledger before (docs/hooks.md)",
            ),
            Ok(folder) => self.run(place, runs, folder.path(), patience(policy)),
            Err(error) => self.add(
                State::Unknown,
                format!(
                    "whether it refuses a canary was not looked at: no folder can be made for one ($TMPDIR): {error}"
                ),
            ),
        }
    }

    fn run(&mut self, place: &Place, runs: &Runs, folder: &Path, patience: Duration) {
        let git_dir = place.git_dir.as_deref();
        let driver = place.driver().filter(|driver| is_executable(driver)).map(Runs::File);
        if let Some(driver) = driver {
            match driver.try_with_canary(git_dir, folder, patience) {
                // It refuses by something else, which stands before ours or takes its server's environment.
                Ok(Answer { is_accepted: false, meaning: Said::Nothing, said }) => {
                    self.add(
                        State::Unknown,
                        format!(
                            "hooks/pre-receive, which runs the directory, ends before the gate is heard, as it may without \
                             its server; clerk-audit hook self-test URL tells more; it said: {}",
                            in_one_line(&said, false)
                        ),
                    );
                }
                answer => return self.answer(answer),
            }
        }
        self.answer(runs.try_with_canary(git_dir, folder, patience));
    }

    fn answer(&mut self, answer: Result<Answer, Error>) {
        let answer = match answer {
            Ok(answer) => answer,
            Err(error @ Error::Hung { .. }) => {
                return self.add(State::Bad, format!("hangs, and every push with it: {error}"));
            }
            Err(error) => return self.add(State::Bad, format!("cannot be run: {}", error_chain(&error))),
        };
        let said = in_one_line(&answer.said, answer.meaning == Said::Failing);
        match (answer.meaning, answer.is_accepted) {
            (Said::Refused, false) => self.add(State::Good, "runs, reads the quarantine, and refuses a canary there"),
            (Said::Cut, false) => self.add(
                State::Doubtful,
                "refuses a canary, but is not told of all refs of a push at once: what calls it must hand on standard \
                 input whole, or the gate sees of other refs only what comes along, and not what lies there already",
            ),
            (Said::Observed, true) => {
                self.add(State::Doubtful, "runs and reads the quarantine, but only observes: it refuses nothing");
            }
            (Said::Failing, false) => {
                self.add(State::Bad, format!("the gate fails, and would refuse every push; it said: {said}"));
            }
            _ => self.add(State::Bad, format!("does not refuse a canary in the quarantine; it said: {said}")),
        }
    }

    fn policy(&mut self, place: &Place, policy: &Policy) {
        let from = policy.path.as_ref().map_or("the defaults".to_owned(), |path| path.display().to_string());
        self.add(State::Good, format!("policy: {from}"));
        if policy.mode == Mode::Observe {
            self.add(State::Doubtful, "the policy only observes: nothing is refused");
        }
        let options = ["config", "--type=bool", "--get", "receive.advertisePushOptions"];
        if policy.bypass && place.has_git && git::run(&place.root, &options).ok().as_deref() != Some("true") {
            self.add(
                State::Doubtful,
                "the policy lets a push option allow a key, but git takes no push options here: \
                 git config receive.advertisePushOptions true",
            );
        }
        match &policy.ledger {
            None => self.add(State::Good, "ledger: none is named"),
            Some(path) => self.ledger(place, path, policy.on_failure),
        }
    }

    fn ledger(&mut self, place: &Place, path: &Path, on_failure: Reaction) {
        let found = match ledger_place(path) {
            Ok(found) => found,
            Err(error) if on_failure == Reaction::Accept => {
                let text = format!("the ledger {} cannot be written, and no push is recorded: {error}", path.display());
                return self.add(State::Doubtful, text);
            }
            Err(error) => {
                return self.add(State::Bad, format!("the ledger {} cannot be written: {error}", path.display()));
            }
        };
        let is_for_all = is_ledger_for_group(path, found);
        self.owners_ledger(place, path, found);
        self.add(
            State::Good,
            match found {
                LedgerPlace::Writable => format!("ledger: {} can be written by this user", path.display()),
                LedgerPlace::ToBeMade => format!("ledger: {} will be made by the first push", path.display()),
            },
        );
        if place.is_shared() && !is_for_all {
            self.add(
                State::Doubtful,
                format!(
                    "the repository is shared by a group, and the ledger {} is, or will be, its maker's alone: pushes by \
                     others are refused; make it beforehand with mode 0660 and that group (docs/hooks.md)",
                    path.display()
                ),
            );
        }
    }
}

impl Checks {
    /// Whether the repository's owner, whom git runs as most often, could write the ledger, whoever asks.
    fn owners_ledger(&mut self, place: &Place, path: &Path, found: LedgerPlace) {
        let Some(owner) = place.owner() else { return };
        let closed = match found {
            LedgerPlace::Writable => owner.kept_from(path, Use::Write).or_else(|| owner.kept_from(path, Use::Read)),
            LedgerPlace::ToBeMade => {
                let folder = path.parent().unwrap_or(Path::new("/"));
                owner.kept_from(folder, Use::Write).or_else(|| owner.kept_from(folder, Use::Execute))
            }
        };
        if let Some(closed) = closed {
            self.add(
                State::Bad,
                format!(
                    "the ledger {} cannot be written by the repository's owner (user {}), by the mode of {}: a push of theirs \
                     is refused, or not recorded (on_failure); chown or chmod it",
                    path.display(),
                    owner.uid,
                    closed.display()
                ),
            );
        }
    }
}

/// How long a hook may take to refuse a canary: what the gate gives itself, and what starts and ends it.
pub fn patience(policy: Option<&Policy>) -> Duration {
    const AROUND: Duration = Duration::from_secs(10);
    let seconds = policy.and_then(|policy| policy.limits.seconds).unwrap_or(Limits::SECONDS);
    Duration::try_from_secs_f64(seconds).unwrap_or_default() + AROUND
}

/// What a hook said, in one line; of a gate that fails only that.
fn in_one_line(said: &str, is_failing: bool) -> String {
    const MOST: usize = 6;
    let why: Vec<&str> = why_not_all(said).map(str::trim).collect();
    let tells = |line: &&str| {
        let is_told =
            ["the gate itself failed", "clerk-audit refuses this push"].iter().any(|told| line.contains(told));
        is_told || why.contains(line)
    };
    let lines = said.lines().map(str::trim).filter(|line| !line.is_empty() && (!is_failing || tells(line)));
    lines.take(MOST).collect::<Vec<_>>().join("; ")
}

/// Whether a group can write the ledger, or will be able to when it is made.
fn is_ledger_for_group(path: &Path, found: LedgerPlace) -> bool {
    match found {
        LedgerPlace::Writable => fs::metadata(path).is_ok_and(|meta| meta.mode() & 0o060 == 0o060),
        LedgerPlace::ToBeMade => path.parent().is_some_and(is_for_group),
    }
}

/// Whether a push by this user would make the ledger, where others push too. `own` is a folder of this user's.
fn would_make_ledger(place: &Place, policy: Option<&Policy>, own: &Path) -> bool {
    let owner = |path: &Path| fs::metadata(path).map(|meta| meta.uid()).ok();
    let is_anothers = place.git_dir.as_ref().is_some_and(|dir| owner(dir) != owner(own));
    let ledger = policy.and_then(|policy| policy.ledger.as_ref());
    let to_be_made = ledger.filter(|ledger| matches!(ledger_place(ledger), Ok(LedgerPlace::ToBeMade)));
    let is_for_all = || to_be_made.is_some_and(|ledger| is_ledger_for_group(ledger, LedgerPlace::ToBeMade));
    to_be_made.is_some() && (is_anothers || place.is_shared() && !is_for_all())
}

/// Whether this process runs as the owner.
fn is_of_this_user(path: Option<&Path>) -> bool {
    let owner = |path: &Path| fs::metadata(path).map(|meta| meta.uid()).ok();
    path.and_then(owner).is_some_and(|uid| owner(Path::new("/proc/self")) == Some(uid))
}
