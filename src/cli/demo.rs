//! `clerk-audit demo`

use std::sync::atomic::AtomicBool;

use clap::Args;

use super::clock::now;
use super::exit::Exit;
use super::limits;
use super::output::{self, Color};
use super::progress::Progress;
use crate::audit::{Auditor, Target};
use crate::model::{Interrupt, ReadLimits};
use crate::report::{self, Format, escape};
use crate::state::Known;
use crate::store::locate;

/// Make a small leaky repository and audit it
///
/// Shows the real thing on a fresh machine: a key typed in a merge resolution, one deleted later, one in a tag's
/// message, one still at the tip. The keys are made up on the spot and open nothing.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: 0 it was shown, with the keys that it is to find; 2 wrong usage; 3 it could not be made, \
read or shown."
)]
pub(super) struct Demo {
    /// When to use colour; NO_COLOR is heeded
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: Color,
}

impl Demo {
    pub(super) fn run(self, interrupt: &AtomicBool) -> Exit {
        let dir = match tempfile::Builder::new().prefix("clerk-audit-demo-").tempdir() {
            Ok(dir) => dir.keep(),
            Err(error) => {
                output::error(&format!("cannot make a temporary folder: {error}"), None);
                return Exit::Incomplete;
            }
        };
        let repository = dir.join("shop");
        if let Err(error) = crate::demo::make(&repository) {
            output::error(&format!("cannot make the repository: {error}"), None);
            return Exit::Incomplete;
        }
        let limits = ReadLimits::default();
        let (detector, options, progress) = (limits::detector(limits), limits::options(limits), Progress::new(false));
        let auditor =
            Auditor { detector: &detector, options: &options, events: &progress, interrupt: Interrupt::on(interrupt) };
        let name = repository.as_os_str().as_encoded_bytes().to_vec();
        let targets = vec![Target { name, layout: locate(&repository, false) }];
        let report = auditor.run(targets, &Known::default(), now());
        progress.finish();
        let mut text = Vec::new();
        let options = report::Options { color: self.color.on_stdout(), verbose: false, ..Default::default() };
        // Writing to memory cannot fail.
        _ = report::write(&report, Format::Text, options, &mut text);
        let mut checklist = Vec::new();
        _ = report::write(&report, Format::Markdown, report::Options::default(), &mut checklist);
        let path = dir.join("checklist.md");
        if let Err(error) = output::to_file(&path, &checklist) {
            output::error(&format!("cannot write {}: {error}", path.display()), None);
            return Exit::Incomplete;
        }
        let shown = |path: &std::path::Path| {
            let masked = detector.mask_text(&path.display().to_string());
            escape::terminal(&masked).to_string()
        };
        text.extend_from_slice(
            format!(
                "\nThat was `clerk-audit history {}`, which exits 1 here because keys were found.\n\
                 The rotation checklist is {}.\n",
                shown(&repository),
                shown(&path)
            )
            .as_bytes(),
        );
        match output::to_stdout(&text) {
            // The demonstration has shown what it should: that is what this command is asked for.
            Ok(()) if report.complete => Exit::Clean,
            _ => Exit::Incomplete,
        }
    }
}
