//! `clerk-audit explain`

use clap::Args;

use super::exit::Exit;
use super::{input, output};
use crate::detect::{Chain, Detector, Found, KeyFound, Step, Unread};
use crate::key::is_bundled_for_browsers;
use crate::model::{Confidence, Span};
use crate::report::escape;

/// Say what is seen in a text, and why: for whoever wonders about a finding
///
/// Reads standard input (a file, a line, anything) and tells every Clerk credential in it, how sure that is and why, and
/// whose the look-alikes are. Shows hints only: the first and last characters.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: 0 no Clerk credential at high or medium; 1 there is one; 2 wrong usage; 3 not all \
could be read."
)]
pub(super) struct Explain {}

/// More than this is no text to be explained; `history` reads files of any size.
const MOST: u64 = 256 << 20;

impl Explain {
    pub(super) fn run(self) -> Exit {
        let text = match input::read(MOST + 1) {
            Ok(text) if text.len() as u64 > MOST => {
                output::error("standard input has more than 256 MiB", Some("`clerk-audit history` reads whole files"));
                return Exit::Incomplete;
            }
            Ok(text) => text,
            Err(error) => {
                output::error(&format!("cannot read standard input: {error}"), None);
                return Exit::Incomplete;
            }
        };
        let detector = Detector::new();
        let mut lines = Vec::new();
        let mut is_certain = false;
        let unread = detector.scan(&text, &mut |found| {
            if let Found::Key(key) = &found {
                is_certain |= key.confidence > Confidence::Low;
            }
            lines.extend(told(&detector, &found));
        });
        if lines.is_empty() {
            lines.push("Nothing: no Clerk credential, and nothing that looks like one.".to_owned());
        }
        lines.extend(untold(&detector, &unread));
        let mut page = lines.join("\n");
        page.push('\n');
        if output::to_stdout(page.as_bytes()).is_err() || !unread.limits.is_empty() {
            return Exit::Incomplete;
        }
        if is_certain { Exit::Found } else { Exit::Clean }
    }
}

/// One finding, in a line and what belongs to it.
fn told(detector: &Detector, found: &Found) -> Vec<String> {
    match found {
        Found::Key(key) => key_told(detector, key),
        Found::OtherVendor { vendor, token, span } => {
            vec![format!("{}: {}, not Clerk's: {}", bytes(*span), vendor.name, vendor.why), shown(&token.hint())]
        }
        Found::HalfMasked { token, span } => {
            vec![format!("{}: the beginning of a key; the rest is masked", bytes(*span)), shown(&token.hint())]
        }
        Found::Placeholder { span, .. } => vec![format!("{}: a placeholder, no key", bytes(*span))],
        Found::Publishable { key, span, .. } => {
            vec![format!("{}: a publishable key, no secret; it names the instance {}", bytes(*span), key.host)]
        }
    }
}

fn key_told(detector: &Detector, found: &KeyFound) -> Vec<String> {
    let confidence = match found.confidence {
        Confidence::High => "certain",
        Confidence::Medium => "probable",
        Confidence::Low => "possible",
    };
    let kind = found.kind.in_words();
    let place = match (found.line, found.column) {
        (Some(line), Some(column)) => format!("line {line}, column {column}"),
        _ => bytes(found.span),
    };
    let mut lines = vec![format!("{place}: a Clerk {kind}, {confidence} ({})", found.confidence.name())];
    lines.push(shown(&found.key.hint()));
    lines.push(format!("    id       {}", found.key.id()));
    lines.extend(found.reasons.iter().map(|reason| format!("    because  {reason}")));
    if let Some(name) = &found.variable {
        let name = escape_for_terminal(detector.mask(name).as_str());
        let public = if is_bundled_for_browsers(&name) { " (builds put it into what browsers load)" } else { "" };
        lines.push(format!("    named    {name}{public}"));
    }
    if !found.encoding.is_empty() {
        lines.push(format!("    read by  undoing {}", way(detector, &found.encoding)));
    }
    lines
}

fn untold(detector: &Detector, unread: &Unread) -> Vec<String> {
    let opaque = unread.opaque.iter().map(|opaque| {
        let way = if opaque.chain.is_empty() { String::new() } else { format!(" in {}", way(detector, &opaque.chain)) };
        format!("A container{way} could not be read into: {}. Its bytes were scanned as they are.", opaque.reason)
    });
    let limits = unread.limits.iter().map(|limit| format!("NOT ALL was read, a limit was reached: {limit}."));
    opaque.chain(limits).collect()
}

fn way(detector: &Detector, chain: &Chain) -> String {
    let step = |step: &Step| escape_for_terminal(detector.mask(step.bytes()).as_str());
    chain.iter().map(step).collect::<Vec<_>>().join(" > ")
}

fn escape_for_terminal(text: &str) -> String {
    escape::terminal(text).to_string()
}

fn shown(hint: &str) -> String {
    format!("    hint     {}", escape_for_terminal(hint))
}

fn bytes(span: Span) -> String {
    format!("bytes {} to {}", span.start, span.end)
}
