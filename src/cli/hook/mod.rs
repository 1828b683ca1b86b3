//! `clerk-audit hook`: the gate as git and its servers call it.

mod input;
mod manage;
mod receive;
mod server;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::{Args, Subcommand};

use super::exit::Exit;
use receive::{Called, Gate};

/// Guard pushes: the hooks that a git server runs, and their installation
///
/// Exit status of the hooks: 0 the push may pass, 1 it is refused.
#[derive(Args, Debug)]
pub(super) struct Hook {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    PreReceive(PreReceive),
    Update(Update),
    RefUpdate(Gerrit),
    CommitReceived(Gerrit),
    Install(manage::Install),
    Uninstall(manage::Uninstall),
    Doctor(manage::Doctor),
    SelfTest(manage::SelfTesting),
}

/// Decide about a push before anything of it is stored (git's pre-receive hook)
///
/// Reads the ref updates from standard input and the quarantine from the environment, as git hands them over.
#[derive(Args, Debug)]
struct PreReceive {
    #[command(flatten)]
    policy: PolicyArgument,
    /// Write what was read from standard input to a file, for a hook that runs next; - is standard output
    #[arg(long, value_name = "FILE")]
    keep_input: Option<PathBuf>,
}

/// Decide about one ref of a push whose objects are stored already (git's update hook)
///
/// Only for servers that have no pre-receive hook: a refused key is on the server all the same.
#[derive(Args, Debug)]
struct Update {
    /// The ref
    name: OsString,
    /// What it names now
    old: OsString,
    /// What it is to name
    new: OsString,
    #[command(flatten)]
    policy: PolicyArgument,
}

/// Decide about one ref of a push to Gerrit (its hooks plugin)
///
/// Gerrit stores objects before it asks: a refused key is on the server all the same.
#[derive(Args, Debug)]
struct Gerrit {
    /// Gerrit's arguments: --project, --refname, --uploader, --oldrev, --newrev and more
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    arguments: Vec<OsString>,
}

#[derive(Args, Debug)]
struct PolicyArgument {
    /// Use this policy and no other
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

impl Hook {
    pub(super) fn run(self, interrupt: &Arc<AtomicBool>, started: std::time::Instant) -> Exit {
        let gate = |hook, policy: Option<PathBuf>| Gate { hook, policy, interrupt: Arc::clone(interrupt), started };
        match self.command {
            Command::PreReceive(PreReceive { policy, keep_input }) => {
                gate("pre-receive", policy.policy).run(Called::WithStandardInput { keep: keep_input })
            }
            Command::Update(Update { name, old, new, policy }) => {
                gate("update", policy.policy).run(Called::WithUpdate { name, old, new })
            }
            Command::RefUpdate(Gerrit { arguments }) => gate("ref-update", None).run(Called::by_gerrit(arguments)),
            Command::CommitReceived(Gerrit { arguments }) => {
                gate("commit-received", None).run(Called::by_gerrit(arguments))
            }
            Command::Install(install) => install.run(),
            Command::Uninstall(uninstall) => uninstall.run(),
            Command::Doctor(doctor) => doctor.run(),
            Command::SelfTest(test) => test.run(),
        }
    }
}
