//! Writes, checks and removes hooks on each kind of server.
//!
//! Hooks that are there are kept: ours runs first and hands the same bytes on. Everything is planned before anything is
//! written, so that a dry run shows what a run does, and doing it twice changes nothing. This room alone runs other
//! programs: git, and the hook that it looks at.

mod called;
mod canary;
mod deadline;
mod doctor;
mod git;
mod guard;
mod kept;
mod ours;
mod place;
mod plan;
mod reach;
mod script;
mod shell;
mod system;
mod trial;
mod worktrees;

use std::io;
use std::path::PathBuf;

use crate::state;

pub use canary::{Canary, SelfTest};
pub use doctor::{Check, State, examine, patience};
pub use guard::{Guard, guards};
pub use place::{Layout, Place};
pub use plan::{Plan, Step, install, uninstall};
pub use script::{Gate, shell_path};
pub use system::{install_system, uninstall_system};

/// Why hooks cannot be installed, checked or removed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read or written.
    #[error("cannot {what} {}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// git says no.
    #[error("git {arguments}: {answer}")]
    Git {
        /// What it was asked.
        arguments: String,
        /// What it answered.
        answer: String,
    },
    /// A program that was run did not come to an end, and was ended.
    #[error("{what} did not end within {seconds} s, and was ended")]
    Hung {
        /// What.
        what: String,
        /// How long it had.
        seconds: u64,
    },
    /// There is no git to ask.
    #[error("git cannot be run, and it alone says where {} has its hooks", path.display())]
    NoGit {
        /// The repository.
        path: PathBuf,
    },
    /// There is no git repository.
    #[error("not a git repository: {}", path.display())]
    NotARepository {
        /// Where.
        path: PathBuf,
    },
    /// A repository of GitHub Enterprise Server's, which runs no hook that stands in it.
    #[error("{} is one of GitHub Enterprise Server's, which runs no hooks of a repository's own", path.display())]
    GitHubs {
        /// The repository.
        path: PathBuf,
    },
    /// A repository of Gerrit's, which runs no hook that stands in it.
    #[error("{} is one of Gerrit's, which runs no hooks of a repository's own but those in {hooks}", path.display())]
    Gerrits {
        /// The repository.
        path: PathBuf,
        /// The directory of the site's hooks.
        hooks: String,
    },
    /// The setting that says where hooks are says nothing.
    #[error("core.hooksPath is empty or /, and git looks for /pre-receive: it runs no hook of the repository")]
    NoHooksPath,
    /// What the hook is to call cannot be run.
    #[error("{} is not there or not executable: a hook that calls it would refuse every push", path.display())]
    NoBinary {
        /// The binary.
        path: PathBuf,
    },
    /// The policy that the hook is to name cannot be read, or is not valid.
    #[error("the hook would refuse every push")]
    Policy(#[source] state::Error),
    /// The hook that is there names a policy by a variable.
    #[error("{} names its policy by a variable, which would be lost", path.display())]
    PolicyUntold {
        /// The hook.
        path: PathBuf,
    },
    /// A path that is to be written into a hook or a setting has bytes that are no text.
    #[error("{path:?} is no text: neither a hook nor git's configuration would name it as it is")]
    NotText {
        /// The path.
        path: PathBuf,
    },
    /// A file stands where ours is to be, and is another's.
    #[error("{} is there, and is no hook as clerk-audit writes it: it stays as it is", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// The directory of hooks is the gate's own for every repository of the host.
    #[error("{} is there for every repository of this host", path.display())]
    Hosts {
        /// The hook in it.
        path: PathBuf,
    },
    /// A kept hook stands in the way of keeping another.
    #[error("{} is there already: two hooks to keep", path.display())]
    KeptTwice {
        /// The file.
        path: PathBuf,
    },
    /// The host's configuration says where hooks are already.
    #[error("core.hooksPath is set to {value} for the whole host")]
    HooksPathTaken {
        /// Its value.
        value: String,
    },
}

impl Error {
    fn io(what: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }
}
