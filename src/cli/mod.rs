//! The command line: arguments, progress, output, exit codes and hints. It wires the rooms, and it alone owns the
//! standard streams, the environment and the clock.
//!
//! One file a command, its arguments beside its function. Every string of a repository's that goes to a stream from
//! here is masked and escaped first.

mod checklist;
mod clock;
mod demo;
mod exit;
mod explain;
mod history;
mod hook;
mod incident;
mod input;
mod kept;
mod ledger;
mod limits;
mod output;
mod panics;
mod policy;
mod progress;
mod prompt;
mod purge_plan;
mod rehearse;
mod remember;
mod repos;
mod status;
mod trace;
mod verify;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use clap::{ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand};

pub use exit::Exit;

/// Find Clerk secret keys in git histories, and what to do about them
#[derive(Parser, Debug)]
#[command(
    name = "clerk-audit",
    version,
    propagate_version = true,
    max_term_width = 100,
    after_help = "Exit status: 0 nothing found and all read, 1 keys found, 2 wrong usage, 3 not all could be read\n\
                  (whatever was found is reported all the same). No command prints a key; `purge-plan` alone\n\
                  writes keys, to a folder of your own. None uses the network but `verify` and\n\
                  `status --verify`, which ask Clerk, and `hook self-test`, which pushes to where it is told."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    History(Box<history::History>),
    Trace(Box<trace::Trace>),
    Verify(Box<verify::Verify>),
    Checklist(checklist::Checklist),
    Status(Box<status::Status>),
    PurgePlan(purge_plan::PurgePlan),
    Demo(demo::Demo),
    Explain(explain::Explain),
    Hook(hook::Hook),
    Policy(policy::Policies),
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let started = Instant::now();
    panics::tell();
    panics::leave_no_core();
    run(std::env::args_os(), started).into()
}

fn run(arguments: impl Iterator<Item = OsString>, started: Instant) -> Exit {
    let color = if output::allows_color() { ColorChoice::Auto } else { ColorChoice::Never };
    let parsed = Arguments::command()
        .color(color)
        .try_get_matches_from(arguments)
        .and_then(|matches| Arguments::from_arg_matches(&matches));
    let arguments = match parsed {
        Ok(arguments) => arguments,
        Err(error) => {
            if error.use_stderr() {
                // It quotes the arguments, and someone may have given a key for one.
                output::raw_error(&error.render().to_string());
                return Exit::Usage;
            }
            // Help and version are asked for; a closed stream is no reason to fail.
            _ = error.print();
            return Exit::Clean;
        }
    };
    let interrupt = interrupt_flag();
    match arguments.command {
        Command::History(history) => history.run(&interrupt),
        Command::Trace(trace) => trace.run(&interrupt),
        Command::Verify(verify) => verify.run(&interrupt),
        Command::Checklist(checklist) => checklist.run(),
        Command::Status(status) => status.run(&interrupt),
        Command::PurgePlan(plan) => plan.run(&interrupt),
        Command::Demo(demo) => demo.run(&interrupt),
        Command::Explain(explain) => explain.run(),
        Command::Hook(hook) => hook.run(&interrupt, started),
        Command::Policy(policy) => policy.run(),
    }
}

/// A flag that Ctrl-C sets. The first time, what was found so far is reported; the second ends the process, and the first
/// where input is still waited for.
fn interrupt_flag() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    // A limit on the size of files is an error of the write like a full disk, not the end of the process.
    _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::new(AtomicBool::new(false)));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // Where a signal cannot be handled it does what it always does, which is to end the process.
        let status = i32::from(Exit::Incomplete.code());
        for ends in [flag.clone(), input::is_waiting()] {
            _ = signal_hook::flag::register_conditional_shutdown(signal, status, ends);
        }
        _ = signal_hook::flag::register(signal, flag.clone());
    }
    flag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }
}
