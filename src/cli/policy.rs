//! `clerk-audit policy`

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::clock::now;
use super::exit::Exit;
use super::incident;
use super::output;
use crate::detect::Detector;
use crate::key::KeyId;
use crate::model::error_chain;
use crate::state::{Allowance, Policy, allow_entries, is_day, no_plain_file};

/// Check the gate's policy, and let known keys pass
#[derive(Args, Debug)]
pub(super) struct Policies {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Check(Check),
    Allow(Allow),
}

/// Say whether a policy is valid
///
/// Exit status: 0 it is, 2 it is not.
#[derive(Args, Debug)]
struct Check {
    /// The policy
    file: PathBuf,
}

/// Write policy entries that let the keys of a report pass
///
/// For servers whose history has keys that were rotated: the entries go to standard output, to be added to the policy.
#[derive(Args, Debug)]
struct Allow {
    /// A report of `clerk-audit history --format json`
    #[arg(long, value_name = "REPORT")]
    from: PathBuf,
    /// Why they may pass
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who answers for them
    #[arg(long, value_name = "NAME")]
    owner: String,
    /// The last day on which they may, YYYY-MM-DD in UTC
    #[arg(long, value_name = "DAY")]
    expires: String,
}

impl Policies {
    pub(super) fn run(self) -> Exit {
        match self.command {
            Command::Check(Check { file }) => match Policy::read(&file) {
                Ok(policy) => {
                    // Whether it can be written is for the server's own user to say; what it is, is so for everyone.
                    if let Some(ledger) = &policy.ledger
                        && let Some(what) = no_plain_file(ledger)
                    {
                        let (file, ledger) = (file.display(), ledger.display());
                        output::error(
                            &format!("the policy {file} is not valid: the ledger {ledger} is {what} and no plain file"),
                            Some("decisions are appended to a file that history --ledger reads again"),
                        );
                        return Exit::Usage;
                    }
                    let expired = policy.allow.iter().filter(|one| one.expires.as_str() < &now()[..10]).count();
                    let expired = if expired == 0 { String::new() } else { format!(", {expired} of them expired") };
                    let text = format!("valid: {} known keys may pass{expired}\n", policy.allow.len());
                    _ = output::to_stdout(text.as_bytes());
                    Exit::Clean
                }
                Err(error) => {
                    output::raw_error(&format!("error: {}\n", error_chain(&error)));
                    Exit::Usage
                }
            },
            Command::Allow(allow) => allow.run(),
        }
    }
}

impl Allow {
    fn run(self) -> Exit {
        if !is_day(&self.expires) || self.reason.trim().is_empty() || self.owner.trim().is_empty() {
            output::error("--expires wants a day, and --reason and --owner words", Some("--expires 2027-06-30"));
            return Exit::Usage;
        }
        if self.expires.as_str() < &now()[..10] {
            output::error("--expires is over already: such an entry lets nothing pass", None);
            return Exit::Usage;
        }
        let detector = Detector::new();
        let report = match incident::read_report(&self.from, &detector) {
            Ok(report) => report,
            Err(exit) => return exit,
        };
        let entries: Vec<(Allowance, String)> = report
            .keys
            .iter()
            .filter_map(|key| {
                let id = KeyId::parse(&key.id)?;
                // It stands in a comment, which ends with the line.
                let hint = key.hint.chars().filter(|character| !character.is_control()).collect();
                let allowance = Allowance {
                    id,
                    reason: detector.mask_text(&self.reason),
                    owner: detector.mask_text(&self.owner),
                    expires: self.expires.clone(),
                };
                Some((allowance, hint))
            })
            .collect();
        match output::to_stdout(allow_entries(&entries).as_bytes()) {
            Ok(()) => Exit::Clean,
            Err(_) => Exit::Incomplete,
        }
    }
}
