//! `clerk-audit checklist`

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use super::clock::now;
use super::exit::Exit;
use super::incident;
use super::input;
use super::kept::{self, Kept};
use super::output;
use crate::detect::Detector;
use crate::model::{Report, Shown};
use crate::report::{self, Format, Gate, Plan};

/// Write the rotation checklist of a report
///
/// From the report alone: the repository need not be here. Keys that Clerk said are alive come first. With --format
/// any other format of a report can be written from it as well. What the keys ask for is noted in the status file.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: 0 written, 2 wrong usage, 3 the report is not whole or cannot be read, or nothing can \
be written."
)]
pub(super) struct Checklist {
    /// A report, as `history --format json` writes it (- for standard input)
    #[arg(value_name = "REPORT.json")]
    report: PathBuf,
    /// The plan of your Clerk workspace: how long it keeps logs
    #[arg(long, value_name = "PLAN")]
    plan: Option<PlanName>,
    /// Places where keys are deployed, one a line, to be told beside those that the report proposes
    #[arg(long, value_name = "FILE")]
    consumers: Option<PathBuf>,
    /// Format
    #[arg(long, value_name = "FORMAT", default_value = "markdown")]
    format: Format,
    /// Write to FILE (mode 0600) instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The status file [default: REPORT.status.json beside the report]
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Give whole lists where else the first few stand
    #[arg(long, short)]
    verbose: bool,
}

/// Clerk's plans.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum PlanName {
    /// 1 day
    Hobby,
    /// 7 days
    Pro,
    /// 30 days
    Business,
}

impl Checklist {
    pub(super) fn run(self) -> Exit {
        let detector = Detector::new();
        match self.write(&detector) {
            Ok(()) => Exit::Clean,
            Err(exit) => exit,
        }
    }

    fn write(&self, detector: &Detector) -> Result<(), Exit> {
        let mut report = incident::read_report(&self.report, detector)?;
        let status_path = kept::status_path(&self.report, self.state.as_deref());
        // Whichever is used now, the one beside the report is its as well.
        let beside = kept::status_path(&self.report, None);
        let read = [Some(self.report.as_path()), status_path.as_deref(), beside.as_deref(), self.consumers.as_deref()];
        incident::keep_inputs(self.output.as_deref(), &read)?;
        incident::keep_noted(&[self.output.as_deref()])?;
        let mut kept = Kept::read(status_path, detector)?;
        let consumers = match &self.consumers {
            Some(path) => consumers(path, detector).map_err(|error| {
                output::error(&format!("cannot read {}: {error}", path.display()), Some("a file with a place a line"));
                Exit::Incomplete
            })?,
            None => Vec::new(),
        };
        // A list of steps is what people work by: the steps outlive the report. The other formats are for machines.
        if matches!(self.format, Format::Markdown | Format::Html) {
            kept.note_keys(&report)?;
        }
        let status = kept.state;
        report::sort_by_answer(&mut report, status.answers());
        let mut evidence = super::status::evidence(&report, &status, detector);
        // A checklist is made of a report alone: that its repositories are elsewhere is nothing to be mended.
        evidence.gates.retain(|_, gate| *gate != Gate::NotHere);
        let progress = report::progress(&report, &evidence);
        let name = self.plan.map(|plan| match plan {
            PlanName::Hobby => "hobby",
            PlanName::Pro => "pro",
            PlanName::Business => "business",
        });
        let now = now();
        let options = report::Options {
            color: false,
            verbose: self.verbose,
            plan: name.and_then(Plan::named),
            consumers: &consumers,
            answers: (!status.answers().is_empty()).then_some(status.answers()),
            progress: &progress,
            now: Some(&now),
        };
        deliver(&report, self.format, options, self.output.as_deref())?;
        if incident::is_whole(&report) { Ok(()) } else { Err(Exit::Incomplete) }
    }
}

/// Writes a report where it is wanted. What went wrong has been told where this fails.
pub(super) fn deliver(
    report: &Report,
    format: Format,
    options: report::Options<'_>,
    output: Option<&Path>,
) -> Result<(), Exit> {
    let mut text = Vec::new();
    // Writing to memory cannot fail.
    _ = report::write(report, format, options, &mut text);
    incident::write_out(output, &text)
}

/// Lines of a file; empty ones and those that begin with `#` say nothing.
fn consumers(path: &Path, detector: &Detector) -> io::Result<Vec<Shown>> {
    let text = text_of(input::read_file(path, u64::MAX)?)?;
    // A byte order mark is no part of the first line, and of nothing that begins with `#`.
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
    let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let mut seen = HashSet::new();
    // What is named twice is one place.
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with(b"#") && seen.insert(*line));
    Ok(lines.map(|line| detector.mask(line)).collect())
}

/// What a file of text says in UTF-8: `>` of PowerShell writes UTF-16.
fn text_of(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    let wide = |of: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes[2..].as_chunks().0.iter().map(|pair| of(*pair)).collect();
        String::from_utf16_lossy(&units).into_bytes()
    };
    match bytes.as_slice() {
        [0xff, 0xfe, ..] => Ok(wide(u16::from_le_bytes)),
        [0xfe, 0xff, ..] => Ok(wide(u16::from_be_bytes)),
        _ if bytes.contains(&0) => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "it is no text in UTF-8, nor in UTF-16 with a byte order mark",
        )),
        _ => Ok(bytes),
    }
}
