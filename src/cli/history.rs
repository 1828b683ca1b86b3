//! `clerk-audit history`

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};

use super::clock::now;
use super::exit::Exit;
use super::incident;
use super::kept;
use super::ledger::{Audited, Recorded, read_ledger};
use super::limits::{self, LimitArguments};
use super::output::{self, Color};
use super::progress::Progress;
use super::remember::Memory;
use super::repos::{Repositories, tell_failure};
use crate::audit::{Auditor, Options, Target};
use crate::detect::Detector;
use crate::key::KeyId;
use crate::model::{Interrupt, ReadLimits, Report, Silent, error_chain};
use crate::report::{self, Format};
use crate::state::{Known, Remembered};
use crate::store::Reader;

/// Audit whole histories: every key that was ever in a repository
///
/// Reads every object: all refs whatever their namespace, reflogs, worktrees, the index, and what no ref reaches.
/// Says of each key when and where it came in, whether it is still there, who can read it, and what to do. Reads
/// only; no network; never prints a key.
#[derive(Args, Debug)]
#[command(after_help = "Exit status: 0 nothing found and all read; 1 keys found; 2 wrong usage; 3 not all could be \
read (what was found is reported).")]
pub(super) struct History {
    #[command(flatten)]
    repositories: Repositories,

    /// Read only what refs that match GLOB reach, symbolic ones too (repeatable; * matches slashes too)
    #[arg(long = "ref", value_name = "GLOB", value_parser = NonEmptyStringValueParser::new(), help_heading = "Narrowing")]
    refs: Vec<String>,
    /// Leave out what REV reaches: an id, or a ref that no other has the name of
    #[arg(long, value_name = "REV", value_parser = NonEmptyStringValueParser::new(), help_heading = "Narrowing")]
    since: Vec<String>,
    /// Leave out what no ref reaches
    #[arg(long, help_heading = "Narrowing")]
    no_unreachable: bool,
    /// Leave out reflogs and what only they reach by name
    #[arg(long, help_heading = "Narrowing")]
    no_reflog: bool,

    /// Format of the report
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    format: Format,
    /// Write the report to FILE (mode 0600) instead of standard output
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,
    /// Write the rotation checklist (Markdown) to FILE as well
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    checklist: Option<PathBuf>,
    /// Name every ref and place, not only the first hundred
    #[arg(long, help_heading = "Output")]
    all_refs: bool,
    /// When to use colour; NO_COLOR is heeded
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    color: Color,
    /// Show no progress
    #[arg(long, short, help_heading = "Output")]
    quiet: bool,
    /// Give whole lists where the text has the first few
    #[arg(long, short, help_heading = "Output")]
    verbose: bool,

    /// Keys listed in FILE do not make exit 1, unless they came again
    #[arg(long, value_name = "FILE", help_heading = "Known keys")]
    known: Option<PathBuf>,
    /// Write FILE so that every key found, and every one known, is known next time
    #[arg(long, value_name = "FILE", help_heading = "Known keys")]
    write_known: Option<PathBuf>,
    /// The reason to note beside keys newly written with --write-known
    #[arg(long, value_name = "TEXT", default_value = "noted", requires = "write_known", help_heading = "Known keys")]
    reason: String,

    /// Say of each key when it was pushed and by whom, as the gate's ledger FILE has it
    #[arg(long, value_name = "FILE", help_heading = "Known keys")]
    ledger: Option<PathBuf>,

    /// Remember in FILE what was read and found: the next audit with it reads what is new, and nothing where nothing is
    #[arg(long, value_name = "FILE", help_heading = "Again and again")]
    state: Option<PathBuf>,

    #[command(flatten)]
    limits: LimitArguments,
    /// Read with N threads [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256), help_heading = "Limits")]
    threads: Option<u16>,
    /// Which reader reads packs: ours, or libgit2 as the reference
    #[arg(long, value_name = "NAME", default_value = "bulk", hide = true)]
    reader: ReaderName,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ReaderName {
    Bulk,
    Libgit2,
}

impl History {
    pub(super) fn run(self, interrupt: &AtomicBool) -> Exit {
        let known = match self.known.as_deref().map(Known::read).transpose() {
            Ok(known) => known.unwrap_or_default(),
            Err(error) => {
                output::error(&error_chain(&error), Some("--write-known FILE writes such a file"));
                return Exit::Usage;
            }
        };
        let ledger = match read_ledger(self.ledger.as_deref()) {
            Ok(ledger) => ledger,
            Err(exit) => return exit,
        };
        let targets = match self.keep_files_apart().and_then(|()| self.repositories.targets()) {
            Ok(targets) => targets,
            Err(exit) => return exit,
        };
        if targets.is_empty() {
            output::error("no repository there", Some("name one, or a directory that has some below it"));
            return Exit::Incomplete;
        }
        let nothing_opened = targets.iter().all(|target| target.layout.is_err());
        targets.iter().for_each(tell_failure);
        let limits = self.limits.over(ReadLimits::default());
        let (detector, options) = (limits::detector(limits), self.options(limits));
        let silent =
            Auditor { detector: &detector, options: &options, events: &Silent, interrupt: Interrupt::on(interrupt) };
        // What is asked of the file is answered before there is any progress to tell of.
        let memory = self.state.as_deref().filter(|_| !nothing_opened);
        let memory = match memory.map(|path| Memory::of(path, &silent, &targets, self.quiet)).transpose() {
            Ok(memory) => memory,
            Err(exit) => return exit,
        };
        let progress = Progress::new(self.quiet);
        let auditor = Auditor { events: &progress, ..silent };
        let audited = Audited::of(&targets);
        let (mut report, remembered) = audit(&auditor, targets, &known, memory);
        join(&mut report, Recorded::new(&ledger, &audited, &detector));
        progress.finish();
        if nothing_opened && self.format == Format::Text && self.output.is_none() {
            return Exit::Incomplete;
        }
        match self.deliver(&report, &known, &detector, remembered) {
            Ok(()) => Exit::of(&report),
            Err(()) => Exit::Incomplete,
        }
    }

    /// Refuses one file for two things, and one that cannot be written. It has been told where this fails.
    fn keep_files_apart(&self) -> Result<(), Exit> {
        let [output, checklist, write_known, state, known, ledger] =
            [&self.output, &self.checklist, &self.write_known, &self.state, &self.known, &self.ledger]
                .map(|path| path.as_deref().filter(|path| *path != Path::new("-")));
        let list = self.repositories.list();
        // A list of known keys alone is read and written anew, with what it had.
        for (written, others) in [
            (output, &[checklist, write_known, state, known, ledger, list][..]),
            (checklist, &[write_known, state, known, ledger, list]),
            (write_known, &[state, ledger, list]),
            (state, &[known, ledger, list]),
        ] {
            let Some(written) = written else { continue };
            let is_it = |other: &&Path| incident::real(other) == incident::real(written);
            if others.iter().flatten().any(is_it) {
                let message = format!("{} is named for two things", written.display());
                output::error(&message, Some("give each a file of its own"));
                return Err(Exit::Usage);
            }
        }
        // What is no such list is somebody's report, say, and would be gone; of a link the link alone.
        if let Some(path) = write_known.filter(|path| std::fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file()))
            && let Err(error) = Known::read(path)
        {
            let hint = "--write-known replaces nothing but a list of known keys: name another file, or take that away";
            output::error(&error_chain(&error), Some(hint));
            return Err(Exit::Usage);
        }
        incident::keep_noted(&[output, checklist])?;
        // What is ticked of the report stands beside it, or will.
        let status = output.and_then(|report| kept::status_path(report, None));
        for written in [checklist, write_known, state] {
            incident::keep_inputs(written, &[status.as_deref()])?;
        }
        // A state that cannot be written keeps no report back.
        incident::check_outputs(&[output, checklist, write_known])
    }

    fn options(&self, limits: ReadLimits) -> Options {
        let defaults = limits::options(limits);
        Options {
            refs: self.refs.clone(),
            since: self.since.clone(),
            unreachable: !self.no_unreachable,
            reflog: !self.no_reflog,
            threads: self.threads.map_or(defaults.threads, usize::from),
            reader: match self.reader {
                ReaderName::Bulk => Reader::Bulk,
                ReaderName::Libgit2 => Reader::Libgit2,
            },
            all_refs: self.all_refs,
            ..defaults
        }
    }

    /// Writes everything that was asked for; tries each even where another failed.
    fn deliver(
        &self,
        report: &Report,
        known: &Known,
        detector: &Detector,
        remembered: Option<Remembered>,
    ) -> Result<(), ()> {
        let to_stdout = self.output.as_deref().is_none_or(|path| path == Path::new("-"));
        let color = to_stdout && self.color.on_stdout();
        let options = report::Options { color, verbose: self.verbose, ..Default::default() };
        let mut whole = Ok(());
        let mut check = |done: io::Result<()>, what: &Path| {
            if let Err(error) = done {
                // A reader that has seen enough closes its pipe: no message, but the report did not get through.
                if error.kind() != io::ErrorKind::BrokenPipe {
                    output::error(&format!("cannot write {}: {error}", what.display()), None);
                }
                whole = Err(());
            }
        };
        let text = rendered(report, self.format, options);
        match &self.output {
            Some(path) if !to_stdout => check(output::to_file(path, &text), path),
            _ => check(output::to_stdout(&text), Path::new("the report")),
        }
        if let Some(path) = &self.checklist {
            let plain = report::Options { color: false, verbose: self.verbose, ..Default::default() };
            check(output::to_file(path, &rendered(report, Format::Markdown, plain)), path);
        }
        if let Some(path) = &self.write_known {
            let reason = detector.mask_text(&self.reason.replace(['\n', '\r'], " "));
            let text = known.with(report, &report.generated_at[..10], &reason);
            check(output::to_file(path, text.as_bytes()), path);
        }
        if let (Some(path), Some(remembered)) = (&self.state, remembered) {
            check(output::to_file(path, &remembered.text()), path);
        }
        whole
    }
}

/// The report, and what to remember for the next one if there is anything new to.
fn audit(
    auditor: &Auditor<'_>,
    targets: Vec<Target>,
    known: &Known,
    memory: Option<Memory>,
) -> (Report, Option<Remembered>) {
    let now = now();
    let Some(mut memory) = memory else { return (auditor.run(targets, known, now), None) };
    match memory.replay(auditor.detector, known, &now) {
        Some(report) => (report, None),
        None => memory.audit(auditor, targets, known, now),
    }
}

/// Puts beside each key what the ledger says of it.
fn join(report: &mut Report, mut recorded: Recorded<'_>) {
    for key in &mut report.keys {
        key.ledger = KeyId::parse(&key.id).map(|id| recorded.of(&id)).unwrap_or_default();
    }
}

fn rendered(report: &Report, format: Format, options: report::Options) -> Vec<u8> {
    let mut text = Vec::new();
    // Writing to memory cannot fail.
    _ = report::write(report, format, options, &mut text);
    text
}
