//! Installing the gate, looking after it, and taking it out again.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::receive::variable;
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::detect::Detector;
use crate::install::{self, Canary, Error, Gate, Layout, Place, Plan, SelfTest, State, shell_path};
use crate::model::error_chain;
use crate::report::escape;
use crate::state::PolicyPlaces;

/// Where hooks of the whole host are put, where git's configuration does not know them.
const HOST_HOOKS: &str = "/etc/clerk-audit/hooks";

/// Install the gate into repositories, or for a whole host
///
/// Keeps hooks that are there: the gate runs first and hands them the same input. Doing it again changes nothing, and keeps the
/// policy that the gate's hook names; uninstall and install take that out.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: 0 done, or nothing was to be done; 2 wrong usage; 3 it could not be done everywhere."
)]
pub(super) struct Install {
    #[command(flatten)]
    target: Target,
    /// The policy that the hook uses [default: the one that it names already, else the one that it finds]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// The binary that the hook calls [default: this one]
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
}

/// Take the gate out again; a hook that was kept comes back
#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: 0 done, or nothing was to be done; 2 wrong usage; 3 it could not be done everywhere."
)]
pub(super) struct Uninstall {
    #[command(flatten)]
    target: Target,
}

#[derive(Args, Debug)]
struct Target {
    /// Repositories (for gitolite its LOCAL_CODE directory, for GitHub a checkout of the hooks' repository)
    #[arg(value_name = "REPO", required_unless_present = "system")]
    repositories: Vec<PathBuf>,
    /// Every repository of this host, by git's system configuration
    #[arg(long, conflicts_with_all = ["repositories", "layout"])]
    system: bool,
    /// Where hooks for --system are put by a git before 2.54
    #[arg(long, value_name = "DIR", default_value = HOST_HOOKS, requires = "system")]
    directory: PathBuf,
    /// The kind of server [default: by what is there]
    #[arg(long, value_name = "NAME")]
    layout: Option<LayoutName>,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

/// Say whether the gate is installed in REPO, runs, and sees what is pushed
///
/// Exit status: 0 it does, 1 something is wrong, 3 it cannot be told.
#[derive(Args, Debug)]
pub(super) struct Doctor {
    /// The repository
    repository: PathBuf,
    /// The kind of server [default: by what is there]
    #[arg(long, value_name = "NAME")]
    layout: Option<LayoutName>,
    /// The policy that the hook is given [default: the one that it names, or finds]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

/// Push a random canary key and see that it is refused
///
/// It has two keys, live and test, goes to refs/clerk-audit/self-test/, opens nothing and is never used again. Exit status:
/// 0 it was refused by the gate, 1 it was accepted, or refused too late, or the gate fails, 3 it cannot be told.
#[derive(Args, Debug)]
pub(super) struct SelfTesting {
    /// The repository's path, or the URL that people push to: GitLab, Gitea and GitHub want the URL
    target: OsString,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LayoutName {
    /// git's own hooks directory
    Plain,
    /// Gitea, Forgejo, soft-serve
    HookDirectory,
    /// GitLab's custom_hooks
    Gitlab,
    /// gitolite's LOCAL_CODE
    Gitolite,
    /// GitHub Enterprise Server
    Github,
}

impl LayoutName {
    fn layout(self) -> Layout {
        match self {
            Self::Plain => Layout::Plain,
            Self::HookDirectory => Layout::HookDirectory,
            Self::Gitlab => Layout::GitLab,
            Self::Gitolite => Layout::Gitolite,
            Self::Github => Layout::GitHub,
        }
    }
}

fn say(text: &str) {
    let masked = Detector::new().mask_text(text);
    _ = output::to_stdout(format!("{}\n", escape::terminal(&masked)).as_bytes());
}

fn fail(error: &Error) -> Exit {
    let hint = match error {
        Error::NotARepository { .. } => Some("name a bare repository, or a work tree that is pushed to"),
        Error::KeptTwice { .. } => Some("look at both, and remove the one that is not needed"),
        Error::NotText { .. } => Some("give it a name of plain characters"),
        Error::NotOurs { .. } => Some("give it another name or take it away, and do this again"),
        Error::HooksPathTaken { .. } => Some("put the gate's hook into that directory: hooks/pre-receive has it"),
        Error::Hosts { .. } => Some("clerk-audit hook install --system, or uninstall --system, is about all of them"),
        Error::GitHubs { .. } => Some(
            "name a checkout of the repository with the site's hooks: --layout github DIR; hooks/github has the steps",
        ),
        Error::Gerrits { .. } => Some(
            "hooks/gerrit goes there as ref-update, which runs when a key is on the server already (docs/hooks.md); --layout \
             plain for a repository that is Gerrit's no more",
        ),
        Error::NoGit { .. } => Some("install it, or name the layout of a server that needs none: --layout"),
        Error::NoHooksPath => Some("git config --unset core.hooksPath in it, or set it to a directory of hooks"),
        Error::Policy(_) => Some("clerk-audit policy check FILE says what is wrong"),
        Error::PolicyUntold { .. } => Some("name it: --policy FILE; or uninstall first"),
        Error::NoBinary { .. } => Some("put it there first, or name another: --binary FILE"),
        Error::Hung { .. } => Some("look at what it waits for: a network, a password, a file that has no end"),
        Error::Git { .. } | Error::Io { .. } => None,
    };
    output::error(&error_chain(error), hint);
    Exit::Incomplete
}

impl Target {
    /// Plans for each place, does or tells it; the places where that is done. Where one cannot be done, the others are.
    fn each(&self, plan: impl Fn(&Place) -> Result<Plan, Error>, nothing: &str) -> (Vec<Place>, Exit) {
        let mut done = Vec::new();
        for repository in &self.repositories {
            let one = Place::find(repository, self.layout.map(LayoutName::layout)).and_then(|place| {
                self.carry_out(&plan(&place)?, &format!("{}: {nothing}", place.root.display()))?;
                Ok(place)
            });
            match one {
                Ok(place) => done.push(place),
                Err(error) => _ = fail(&error),
            }
        }
        let (failed, all) = (self.repositories.len() - done.len(), self.repositories.len());
        if failed > 0 && all > 1 {
            output::error(&format!("{failed} of {all} could not be done; the others are"), None);
        }
        (done, if failed > 0 { Exit::Incomplete } else { Exit::Clean })
    }

    fn carry_out(&self, plan: &Plan, nothing: &str) -> Result<(), Error> {
        if plan.steps.is_empty() {
            say(nothing);
        }
        for step in &plan.steps {
            say(&format!("{}{step}", if self.dry_run { "would " } else { "" }));
        }
        plan.notes.iter().for_each(|note| say(note));
        if self.dry_run { Ok(()) } else { plan.run() }
    }

    /// Makes its directory absolute: git would take a relative one for each repository's own.
    fn with_its_directory(mut self) -> Self {
        self.directory = std::path::absolute(&self.directory).unwrap_or(self.directory);
        self
    }
}

impl Install {
    pub(super) fn run(self) -> Exit {
        let is_named = self.binary.is_some();
        let binary = match self.binary.map_or_else(std::env::current_exe, std::path::absolute) {
            Ok(binary) => binary,
            Err(error) => {
                output::error(&format!("cannot tell where this binary is: {error}"), Some("--binary FILE names it"));
                return Exit::Incomplete;
            }
        };
        let policy = self.policy.as_deref().map(std::path::absolute).transpose().unwrap_or(self.policy.clone());
        let gate = Gate { binary, is_named, policy };
        let target = self.target.with_its_directory();
        let (places, exit) = if target.system {
            let plan = install::install_system(&target.directory, &gate);
            match plan.and_then(|plan| target.carry_out(&plan, "installed for the whole host already")) {
                Ok(()) => (Vec::new(), Exit::Clean),
                Err(error) => return fail(&error),
            }
        } else {
            target.each(|place| install::install(place, &gate), "installed already")
        };
        for text in places.iter().filter(|_| !target.dry_run).filter_map(|place| place.by_hand(&gate)) {
            say(&format!("then {text}"));
        }
        if target.system || !places.is_empty() {
            say("The gate looks only at new pushes. What is there already, look at once:");
            say(&format!("  clerk-audit history {}", what_is_there(&places)));
        }
        exit
    }
}

/// The arguments of the one audit of what is there already: the repositories, or where they all are.
fn what_is_there(places: &[Place]) -> String {
    let repositories: Option<Vec<String>> = places.iter().map(|place| Some(shell_path(place.repository()?))).collect();
    match repositories {
        Some(repositories) if !repositories.is_empty() => repositories.join(" "),
        _ => {
            let folder = places.iter().find_map(Place::repositories_beside);
            format!("--repos-under {}", folder.map_or("DIR".to_owned(), |folder| shell_path(&folder)))
        }
    }
}

impl Uninstall {
    pub(super) fn run(self) -> Exit {
        let target = self.target.with_its_directory();
        if target.system {
            let plan = install::uninstall_system(&target.directory);
            let done = target.carry_out(&plan, "not installed for the whole host");
            return done.map_or_else(|error| fail(&error), |()| Exit::Clean);
        }
        target.each(install::uninstall, "not installed").1
    }
}

impl Doctor {
    pub(super) fn run(self) -> Exit {
        let place = match Place::find(&self.repository, self.layout.map(LayoutName::layout)) {
            Ok(place) => place,
            Err(error) => return fail(&error),
        };
        let places = PolicyPlaces {
            named: self.policy,
            environment: variable("CLERK_AUDIT_POLICY").filter(|value| !value.is_empty()).map(PathBuf::from),
            ..PolicyPlaces::of_host()
        };
        let checks = match install::examine(&place, &places) {
            Ok(checks) => checks,
            Err(error) => return fail(&error),
        };
        for check in &checks {
            let mark = match check.state {
                State::Good => "ok   ",
                State::Doubtful => "look ",
                State::Unknown => "?    ",
                State::Bad => "bad  ",
            };
            say(&format!("{mark} {}", check.text));
        }
        let has = |state| checks.iter().any(|check| check.state == state);
        match () {
            () if has(State::Bad) || has(State::Doubtful) => Exit::Found,
            () if has(State::Unknown) => Exit::Incomplete,
            () => Exit::Clean,
        }
    }
}

/// Whether what is to be pushed to is a path, by itself or as a URL, of a repository whose server runs the hooks.
fn goes_round_its_server(target: &OsStr) -> bool {
    let path = target.as_bytes().strip_prefix(b"file://").map_or(target, OsStr::from_bytes);
    // git takes a path without the .git at its end too.
    let mut bare = path.to_owned();
    bare.push(".git");
    let found = [path.to_owned(), bare].into_iter().find(|path| Path::new(path).is_dir());
    found.is_some_and(|path| match Place::find(Path::new(&path), None) {
        Ok(place) => place.layout.wants_url(),
        Err(error) => matches!(error, Error::GitHubs { .. } | Error::Gerrits { .. }),
    })
}

fn remaining(objects: &[String]) {
    say("These objects of the canary, which opens nothing, remain on the server until it collects garbage:");
    objects.iter().for_each(|object| say(&format!("  {object}")));
}

/// Says why it is not shown that the gate works, and what git said.
fn not_shown(error: &str, hint: Option<&str>, answer: &str) {
    output::error(error, hint);
    output::raw_error(answer);
}

impl SelfTesting {
    pub(super) fn run(self) -> Exit {
        if goes_round_its_server(&self.target) {
            output::error(
                "a push over a path does not go through this kind of server",
                Some("give the URL that people push to"),
            );
            return Exit::Usage;
        }
        let canary = Canary::draw();
        match canary.push(&self.target, install::patience(None)) {
            Ok(SelfTest::Refused) => {
                say("The gate works: it refused the canary.");
                Exit::Clean
            }
            Ok(SelfTest::RefusedLate { objects }) => {
                output::error(
                    "the gate works, but too late: it refused the canary when that was on the server already, where it can be \
                     read",
                    Some("use a pre-receive hook where the server has one"),
                );
                remaining(&objects);
                Exit::Found
            }
            Ok(SelfTest::Failing { answer }) => {
                let hint = "clerk-audit hook doctor REPO says more";
                not_shown("the gate fails, and would refuse every push", Some(hint), &answer);
                Exit::Found
            }
            Ok(SelfTest::RefusedByAnother { answer }) => {
                not_shown("the canary was refused, but not by the gate", None, &answer);
                Exit::Incomplete
            }
            Ok(SelfTest::Unanswered { answer }) => {
                let error = "the server could not be reached, or ended without an answer: nothing is known of the gate";
                not_shown(error, Some("look at the URL, and whether this user may push there"), &answer);
                Exit::Incomplete
            }
            Ok(SelfTest::Accepted { is_deleted, is_observed, objects, name }) => {
                let why = if is_observed { "it only observes" } else { "it accepted a key" };
                output::error(
                    &format!("the gate does not work: {why}"),
                    Some("clerk-audit hook doctor REPO says more"),
                );
                say(&if is_deleted {
                    format!("{name} is deleted again.")
                } else {
                    format!("{name} could not be deleted.")
                });
                remaining(&objects);
                Exit::Found
            }
            Err(error @ Error::Hung { .. }) => {
                let message = format!("it cannot be told whether the gate works: {}", error_chain(&error));
                let hint = format!("look at the server; if it takes the canary yet, delete {} there", canary.name());
                output::error(&message, Some(&hint));
                Exit::Incomplete
            }
            Err(error) => fail(&error),
        }
    }
}
