//! `clerk-audit policy`

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::clock::now;
use super::exit::Exit;
use super::incident;
use super::output;
use crate::detect::Detector;
use crate::key::KeyId;
use crate::model::{KeyReport, Report, error_chain};
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
#[command(
    after_help = "Exit status: 0 written, 2 wrong usage, 3 the report is not whole (the entries of what it has are \
written) or cannot be read, or nothing can be written."
)]
struct Allow {
    /// A report of `clerk-audit history --format json`
    #[arg(long, value_name = "REPORT")]
    from: PathBuf,
    /// Only this key: its id or hint, or a beginning of one (repeatable) [default: all of the report]
    #[arg(long, value_name = "KEY")]
    key: Vec<String>,
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
        let keys = match self.keys(&report, &detector) {
            Ok(keys) => keys,
            Err(exit) => return exit,
        };
        tell_open(&keys);
        let entries: Vec<(Allowance, String)> = keys
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
            Ok(()) if incident::is_whole(&report) => Exit::Clean,
            _ => Exit::Incomplete,
        }
    }

    /// The keys that are let pass: those that are named, or all.
    fn keys<'r>(&self, report: &'r Report, detector: &Detector) -> Result<Vec<&'r KeyReport>, Exit> {
        if self.key.is_empty() {
            return Ok(report.keys.iter().collect());
        }
        let mut wanted = BTreeSet::new();
        for text in &self.key {
            let keys = report.keys.iter().map(|key| (key.id.as_str(), key.hint.as_str()));
            wanted.insert(incident::select(keys, text, detector).map_err(|why| {
                output::error(&why, Some("give more of its id or hint"));
                Exit::Usage
            })?);
        }
        Ok(report.keys.iter().filter(|key| wanted.contains(key.id.as_str())).collect())
    }
}

/// Warns of keys that still stand where they can be read, which nobody has rotated, most likely.
fn tell_open(keys: &[&KeyReport]) {
    const MOST: usize = 10;
    let open: Vec<&str> = keys.iter().filter(|key| key.exposure.open).map(|key| key.hint.as_str()).collect();
    if open.is_empty() {
        return;
    }
    let more = if open.len() > MOST { format!(" and {} more", open.len() - MOST) } else { String::new() };
    let (of, all) = (open.len(), keys.len());
    incident::note(&format!(
        "warning: {of} of {all} keys still stand at a tip: {}{more}. The gate will let them in anywhere: rotate them first, \
         or choose others with --key.",
        open[..of.min(MOST)].join(", ")
    ));
}
