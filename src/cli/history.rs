//! `clerk-audit history`

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::exit::Exit;
use super::incident;
use super::output::{self, Color, FormatName};
use super::progress::Progress;
use super::remember::Memory;
use super::repos::Repositories;
use crate::audit::{Auditor, Options, Target};
use crate::detect::{self, Detector};
use crate::key::KeyId;
use crate::model::{Interrupt, LedgerEntry, Report, Silent};
use crate::report::{self, Format};
use crate::state::{Known, Ledger, LedgerEvent, Remembered};
use crate::store::{Error, Reader};

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

    /// Read only what refs that match GLOB reach (repeatable; * matches slashes too)
    #[arg(long = "ref", value_name = "GLOB", help_heading = "Narrowing")]
    refs: Vec<String>,
    /// Leave out what REV reaches
    #[arg(long, value_name = "REV", help_heading = "Narrowing")]
    since: Vec<String>,
    /// Leave out what no ref reaches
    #[arg(long, help_heading = "Narrowing")]
    no_unreachable: bool,
    /// Leave out reflogs and what only they reach by name
    #[arg(long, help_heading = "Narrowing")]
    no_reflog: bool,

    /// Format of the report
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    format: FormatName,
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

    /// Do not read objects larger than SIZE (bytes, or with K, M, G), blobs apart that are searched while they are
    /// unpacked (see --max-memory); they are told and make exit 3
    #[arg(long, value_name = "SIZE", default_value = "1G", value_parser = size, help_heading = "Limits")]
    max_blob_size: u64,
    /// Hold SIZE bytes of objects at once, all threads together. A blob larger than half of it is searched while it is
    /// unpacked, whatever its size; what needs more and cannot be is told and makes exit 3
    #[arg(long, value_name = "SIZE", default_value = "512M", value_parser = size, help_heading = "Limits")]
    max_memory: u64,
    /// Decode SIZE bytes at most of the encodings and containers of one object; past it is told and makes exit 3
    #[arg(long, value_name = "SIZE", default_value = "256M", value_parser = size, help_heading = "Limits")]
    max_decoded: u64,
    /// Follow encodings and containers N deep
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=32), help_heading = "Limits")]
    max_depth: u8,
    /// Follow the encodings and containers of one object for SECONDS at most; past it is told and makes exit 3
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400), help_heading = "Limits")]
    max_object_time: u64,
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
                output::error(&chain(&error), Some("--write-known FILE writes such a file"));
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
        let limits = detect::Limits { depth: self.max_depth.into(), decoded: self.max_decoded, ..Default::default() };
        let (detector, options) = (Detector::with_limits(limits), self.options());
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
        let (mut report, remembered) = audit(&auditor, targets, &known, memory);
        join(&mut report, &ledger, &detector);
        progress.finish();
        if nothing_opened && matches!(self.format, FormatName::Text) && self.output.is_none() {
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
        // A state that cannot be written keeps no report back.
        incident::check_outputs(&[output, checklist, write_known])
    }

    fn options(&self) -> Options {
        let defaults = Options::default();
        Options {
            refs: self.refs.clone(),
            since: self.since.clone(),
            unreachable: !self.no_unreachable,
            reflog: !self.no_reflog,
            max_blob_size: self.max_blob_size,
            max_memory: self.max_memory,
            time_for_object: Some((Duration::from_secs(self.max_object_time), Instant::now)),
            threads: self.threads.map_or(defaults.threads, usize::from),
            reader: match self.reader {
                ReaderName::Bulk => Reader::Bulk,
                ReaderName::Libgit2 => Reader::Libgit2,
            },
            all_refs: self.all_refs,
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
        let format = self.format.format();
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
        let text = rendered(report, format, options);
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

/// The gate's ledger, empty where none is named.
pub(super) fn read_ledger(path: Option<&Path>) -> Result<Ledger, Exit> {
    path.map(Ledger::read).transpose().map(Option::unwrap_or_default).map_err(|error| {
        output::error(&chain(&error), Some("the gate writes one where its policy names it: docs/hooks.md"));
        Exit::Usage
    })
}

/// Puts beside each key what the ledger says of it.
fn join(report: &mut Report, ledger: &Ledger, detector: &Detector) {
    for key in &mut report.keys {
        key.ledger = KeyId::parse(&key.id).map(|id| recorded(ledger, &id, detector)).unwrap_or_default();
    }
}

/// What the ledger says of a key, fit to be shown.
pub(super) fn recorded(ledger: &Ledger, id: &KeyId, detector: &Detector) -> Vec<LedgerEntry> {
    let shown = |text: &String| detector.mask(text.as_bytes());
    let entry = |event: &LedgerEvent| LedgerEntry {
        time: shown(&event.time),
        verdict: shown(&event.verdict),
        decision: shown(&event.decision),
        repository: event.repository.as_ref().map(shown),
        pusher: event.pusher.as_ref().map(shown),
        remote_address: event.remote_address.as_ref().map(shown),
        refs: event.refs.iter().map(shown).collect(),
    };
    ledger.of(id).iter().map(entry).collect()
}

fn rendered(report: &Report, format: Format, options: report::Options) -> Vec<u8> {
    let mut text = Vec::new();
    // Writing to memory cannot fail.
    _ = report::write(report, format, options, &mut text);
    text
}

pub(super) fn tell_failure(target: &Target) {
    let Err(error) = &target.layout else { return };
    let hint = match error {
        Error::NotARepository { enclosing: Some(dir), .. } => {
            Some(format!("the repository around it is {}", dir.display()))
        }
        Error::NotARepository { .. } => Some("name a work tree, a .git directory or a bare repository".to_owned()),
        Error::Io { path, source } => Some(match source.kind() {
            io::ErrorKind::NotFound if path.is_absolute() => "look at its spelling, part by part".to_owned(),
            io::ErrorKind::NotFound => "a path that does not begin with / begins where you stand".to_owned(),
            io::ErrorKind::PermissionDenied => {
                "run it as somebody who may read it, the server's own user say".to_owned()
            }
            _ => "name the repository itself, or leave it out".to_owned(),
        }),
        Error::UnknownFormat { .. } => Some("a newer version of clerk-audit may know it".to_owned()),
    };
    output::error(&chain(error), hint.as_deref());
}

/// An error and its causes in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

/// The time by this machine's clock, RFC 3339, UTC, whole seconds.
pub(super) fn now() -> String {
    let now = OffsetDateTime::now_utc();
    now.replace_nanosecond(0).unwrap_or(now).format(&Rfc3339).unwrap_or_else(|_| "1970-01-01T00:00:00Z".to_owned())
}

fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|character: char| !character.is_ascii_digit());
    let factor = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" | "B" => 1,
        "K" | "KB" | "KIB" => 1 << 10,
        "M" | "MB" | "MIB" => 1 << 20,
        "G" | "GB" | "GIB" => 1 << 30,
        _ => return Err("a number of bytes, or one with K, M or G".to_owned()),
    };
    let number: u64 = digits.parse().map_err(|_| "a number of bytes, or one with K, M or G".to_owned())?;
    number.checked_mul(factor).filter(|size| *size > 0).ok_or_else(|| "a size that fits".to_owned())
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_are_read_with_and_without_units() {
        assert_eq!(size("100"), Ok(100));
        assert_eq!(size("2K"), Ok(2048));
        assert_eq!(size("1GiB"), Ok(1 << 30));
        for wrong in ["", "x", "0", "1T", "-1", "99999999999G"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
