//! `clerk-audit trace`

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use clap::Args;

use super::clock::now;
use super::exit::Exit;
use super::incident;
use super::kept;
use super::ledger::{Audited, Recorded, read_ledger};
use super::limits::{self, LimitArguments};
use super::progress::Progress;
use super::repos::{Repositories, tell_failure};
use super::{input, output, prompt};
use crate::audit::{Auditor, Options, Traced, Wanted, is_named_by, key_in};
use crate::detect::Detector;
use crate::key::{KeyId, KeyText};
use crate::model::{Confidence, Interrupt, KeyReport, Kind, ReadLimits, Report};
use crate::report::{self, Trace as Told, TraceFormat};
use crate::state::Ledger;

/// Follow one key through all repositories
///
/// The key is typed at a prompt that shows nothing, or read from standard input; never given as an argument, which
/// everyone on this machine can see. Or it is named by its id or hint from a report. Tells when and where it came in,
/// was copied, removed and brought back, by whom, what shipped it, and where it is now; or, where it is nowhere,
/// exactly what was searched.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: 0 it is nowhere and all was read, 1 found, 2 wrong usage, 3 not all could be read, \
or it is of a kind that only a name tells, and was not seen."
)]
pub(super) struct Trace {
    #[command(flatten)]
    repositories: Repositories,
    /// The key's id (sha256:…), or a beginning of its id or hint that no other key has
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Look up --id among the keys of this report
    #[arg(long, value_name = "REPORT.json", requires = "id")]
    report: Option<PathBuf>,
    /// Say nothing of what kind it is: whoever asks knows, as the scripts of a purge plan do
    #[arg(long, hide = true, requires = "id", conflicts_with = "report")]
    kind_is_known: bool,
    /// Say when it was pushed and by whom, as the gate's ledger FILE has it
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
    /// Format
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// Write to FILE (mode 0600) instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Show no progress
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    limits: LimitArguments,
}

/// What is looked for.
struct Sought {
    wanted: Wanted,
    /// What it is called.
    id: String,
    /// Its hint, where that is known.
    hint: Option<String>,
    /// How far its report was made to look, if it is from one.
    limits: ReadLimits,
    /// Whether its report says that only a name tells it.
    needs_a_name: Option<bool>,
}

/// Formats of a trace.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// For a person at a terminal
    Text,
    /// One document
    Json,
    /// For a ticket
    Markdown,
}

impl Trace {
    pub(super) fn run(self, interrupt: &AtomicBool) -> Exit {
        let detector = Detector::new();
        self.answer(&detector, interrupt).unwrap_or_else(|exit| exit)
    }

    fn answer(&self, detector: &Detector, interrupt: &AtomicBool) -> Result<Exit, Exit> {
        if self.repositories.has_a_key_named(detector) {
            return Err(tell_argument());
        }
        // The list first: the one may stand on the standard input that the other would be read from.
        let targets = self.repositories.targets()?;
        if targets.is_empty() {
            output::error("no repository there", Some("name one, or a directory that has some below it"));
            return Err(Exit::Incomplete);
        }
        self.keep_inputs()?;
        let ledger = read_ledger(self.ledger.as_deref())?;
        let Sought { wanted, id, hint, limits, needs_a_name } = self.wanted(detector, interrupt)?;
        targets.iter().for_each(tell_failure);
        let limits = self.limits.over(limits);
        let (reader, progress) = (limits::detector(limits), Progress::new(self.quiet));
        let options = Options { all_refs: true, ..limits::options(limits) };
        let (events, interrupt) = (&progress, Interrupt::on(interrupt));
        let auditor = Auditor { detector: &reader, options: &options, events, interrupt };
        let audited = Audited::of(&targets);
        let Traced { report: mut found, tags, checkouts } = auditor.trace(targets, &wanted, now());
        progress.finish();
        let named: Vec<(String, String)> = match found.keys[..] {
            // Of a key that is in no repository the ledger may tell all the same.
            [] => recorded_as(&ledger, &id, &reader),
            _ => found.keys.iter().map(|key| (key.id.clone(), key.hint.clone())).collect(),
        };
        if named.len() > 1 {
            let some: Vec<String> = named.iter().take(5).map(|(id, hint)| format!("{hint} {id}")).collect();
            let message = format!("{id} names {} keys: {}", named.len(), some.join(", "));
            output::error(&message, Some("give more of it"));
            return Err(Exit::Usage);
        }
        // Others are not what this is about.
        found.other_vendors.clear();
        let (id, hint) = match named.into_iter().next() {
            Some((id, of_it)) => (id, Some(of_it).filter(|hint| !hint.is_empty()).or(hint)),
            None => (id, hint),
        };
        let needs_a_name = match self.kind_is_known {
            true => Some(false),
            false => found.keys.first().map(needs_a_name_as).or(needs_a_name),
        };
        let mut recorded = Recorded::new(&ledger, &audited, &reader);
        let pushes = KeyId::parse(&id).map(|id| recorded.of(&id)).unwrap_or_default();
        for key in &mut found.keys {
            key.ledger.clone_from(&pushes);
        }
        let told = Told {
            id: &id,
            hint: hint.as_deref(),
            report: &found,
            tags: &tags,
            ledger: &pushes,
            checkouts: &checkouts,
        };
        self.write(told)?;
        Ok(exit(&found, needs_a_name.or_else(|| wanted.needs_a_name())))
    }

    fn write(&self, told: Told<'_>) -> Result<(), Exit> {
        let format = match self.format {
            Format::Text => TraceFormat::Text,
            Format::Json => TraceFormat::Json,
            Format::Markdown => TraceFormat::Markdown,
        };
        let mut text = Vec::new();
        // Writing to memory cannot fail.
        _ = report::write_trace(told, format, &mut text);
        incident::write_out(self.output.as_deref(), &text)
    }

    /// Refuses to write over what is read. It has been told where this fails.
    fn keep_inputs(&self) -> Result<(), Exit> {
        let status = self.report.as_deref().and_then(|report| kept::status_path(report, None));
        let read = [self.report.as_deref(), status.as_deref(), self.ledger.as_deref(), self.repositories.list()];
        incident::keep_inputs(self.output.as_deref(), &read)?;
        incident::keep_noted(&[self.output.as_deref()])?;
        incident::check_outputs(&[self.output.as_deref()])
    }

    fn wanted(&self, detector: &Detector, interrupt: &AtomicBool) -> Result<Sought, Exit> {
        let sought = |wanted, id| Sought { wanted, id, hint: None, limits: ReadLimits::default(), needs_a_name: None };
        let Some(text) = &self.id else {
            let key = self.typed_key(detector, interrupt)?;
            let (id, hint) = (key.id().to_string(), key.hint());
            return Ok(Sought { hint: Some(hint), ..sought(Wanted::Text(key), id) });
        };
        if let Some(path) = &self.report {
            let report = incident::read_report(path, detector)?;
            let keys = report.keys.iter().map(|key| (key.id.as_str(), key.hint.as_str()));
            let id = incident::select(keys, text, detector).map_err(|why| usage(&why, Some("give more of it")))?;
            let key = report.keys.iter().find(|key| key.id == id);
            let (hint, needs_a_name) = (key.map(|key| key.hint.clone()), key.map(needs_a_name_as));
            let wanted = KeyId::parse(id).map_or_else(|| Wanted::Begins(id.to_owned()), Wanted::Id);
            return Ok(Sought { wanted, id: id.to_owned(), hint, limits: report.limits, needs_a_name });
        }
        if detector.mask_text(text) != *text {
            return Err(tell_argument());
        }
        let text = incident::as_written(text);
        if let Some(id) = KeyId::parse(&text) {
            return Ok(sought(Wanted::Id(id), text));
        }
        // What no id and no hint can begin with is nowhere, and that says nothing of any key.
        let digits = text.strip_prefix("sha256:").unwrap_or(&text);
        let is_hex = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if is_hex && (4..=64).contains(&digits.len()) {
            // The hint of an encryption key begins so too.
            return Ok(sought(Wanted::Begins(text.clone()), text));
        }
        if KeyText::is_beginning_of_hint(&text) {
            return Ok(sought(Wanted::Begins(text.clone()), text));
        }
        // It may be half of a key, and is not repeated.
        Err(usage(
            "--id names no beginning of an id or of a hint",
            Some(
                "four digits of an id or more (sha256:ab12…), or a hint as reports have it, of which the first four \
                  characters behind the prefix are enough (sk_live_Ab12); leave it out to type the whole key at the prompt",
            ),
        ))
    }

    /// The key that is typed, or stands on standard input.
    fn typed_key(&self, detector: &Detector, interrupt: &AtomicBool) -> Result<KeyText, Exit> {
        let typed = typed(self.repositories.take_standard_input(), interrupt).map_err(|error| {
            if error.kind() == io::ErrorKind::Interrupted {
                output::error("it was stopped: no key was typed", None);
                return Exit::Incomplete;
            }
            // The list takes standard input, so that a terminal is all that is left to ask on.
            if self.repositories.take_standard_input() {
                let hint = "put the list into a file, or name the key with --id";
                return usage(
                    "standard input has the list, and there is no terminal to ask for the key on",
                    Some(hint),
                );
            }
            usage(&format!("cannot read the key: {error}"), None)
        })?;
        if typed.trim_ascii().is_empty() {
            let message = match io::stdin().is_terminal() {
                true => "no key was typed",
                false => "standard input has no key on it, and is no terminal to ask on",
            };
            return Err(usage(message, Some("write it to standard input, or name it with --id")));
        }
        let hint = "type a key whole, and what only its name tells as NAME=value; by its first four characters behind \
                    the prefix --id finds a key (sk_live_Ab12)";
        key_in(&typed, detector).map_err(|why| usage(&why, Some(hint)))
    }
}

/// Wrong usage, told.
fn usage(message: &str, hint: Option<&str>) -> Exit {
    output::error(message, hint);
    Exit::Usage
}

/// Whether a key that was found is seen only where a name says that it is Clerk's: a secret key of which the text alone is
/// enough is told surely.
fn needs_a_name_as(key: &KeyReport) -> bool {
    key.kind != Kind::SecretKey || key.confidence != Confidence::High
}

/// The keys of a ledger that are named so, by id and hint, fit to be shown.
fn recorded_as(ledger: &Ledger, name: &str, detector: &Detector) -> Vec<(String, String)> {
    let shown = ledger.keys().map(|(id, hint)| (id.to_string(), detector.mask_text(hint)));
    shown.filter(|(id, hint)| is_named_by(name, id, hint)).collect()
}

/// What a trace comes to. That a credential which only its name tells was not seen, or was seen in some places, says nothing
/// of places that have its value without one.
fn exit(found: &Report, needs_a_name: Option<bool>) -> Exit {
    if needs_a_name == Some(true) {
        incident::note(
            "warning: a credential of this kind and length is seen only where a name or what stands around it says \
             that it is Clerk's. Where its value stands alone it is not: search for that as well.",
        );
    }
    match (found.complete, found.keys.is_empty()) {
        (false, _) => Exit::Incomplete,
        (true, true) if needs_a_name == Some(true) => Exit::Incomplete,
        (true, true) => {
            if needs_a_name.is_none() {
                incident::note(
                    "What this names is not known: were it of a kind that only a name tells (a webhook's secret, an \
                     encryption key), its value may stand somewhere without one. --report says of what kind it is.",
                );
            }
            Exit::Clean
        }
        (true, false) => Exit::Found,
    }
}

/// Says that a key was given where everyone can see it.
fn tell_argument() -> Exit {
    let hint = "count it as leaked once more; leave it out, and type it at the prompt";
    output::error("that is a key itself, and arguments are seen by everyone on this machine", Some(hint));
    Exit::Usage
}

/// The key, from a prompt that shows nothing or from standard input, unless something else was read from that.
fn typed(is_taken: bool, interrupt: &AtomicBool) -> io::Result<Vec<u8>> {
    /// More than any key and the line around it.
    const MOST: u64 = 64 * 1024;
    if is_taken || io::stdin().is_terminal() {
        return prompt::ask("Key (not shown): ", interrupt);
    }
    input::read(MOST)
}
