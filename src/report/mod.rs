//! Writes a finished [`Report`] in each format, one file a format, and the rotation checklist.
//!
//! Invariant: nothing that came from a repository is written but through [`escape`] (JSON: through a formatter of its
//! own), and nothing of it ever becomes a link. Keys are masked before they come here: a [`crate::model::Shown`] and a
//! hint are all that a report has of them.
//!
//! Nothing here reads a clock, an environment or a file. The cost is one pass over the report, with memory for a
//! line; text and Markdown shorten long lists and long names, JSON gives all.

use std::io;

use crate::model::Report;

pub use read::{Mask, ReadError, read};

mod checklist;
mod clock;
pub mod escape;
mod json;
mod read;
#[cfg(test)]
mod sample;
mod text;
mod triage;
mod wording;

/// A format of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// For a person at a terminal.
    Text,
    /// One JSON document, as `docs/report.schema.json` has it.
    Json,
    /// A line of JSON for each key, then one on coverage.
    Jsonl,
    /// The rotation checklist.
    Markdown,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Text, Self::Json, Self::Jsonl, Self::Markdown];
}

/// How a report is written. JSON has no options.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether text has colours: for terminals only.
    pub color: bool,
    /// Whether text and Markdown give whole lists, where else they give the first few and the count.
    pub verbose: bool,
}

/// Writes the report in one format. Whether to flush, and what a closed pipe means, is the caller's.
pub fn write(report: &Report, format: Format, options: Options, out: &mut dyn io::Write) -> io::Result<()> {
    match format {
        Format::Text => text::write(report, options, out),
        Format::Json => json::write(report, out),
        Format::Jsonl => json::write_lines(report, out),
        Format::Markdown => checklist::write(report, options, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_format_lets_a_hidden_character_through() {
        for report in [sample::report(), sample::clean(), sample::unopened()] {
            for format in Format::ALL {
                for verbose in [false, true] {
                    let written = sample::written(&report, format, Options { color: false, verbose });
                    let hidden = |&character: &char| character != '\n' && escape::is_hidden(character);
                    assert_eq!(written.chars().find(hidden), None, "{format:?}");
                    assert!(written.ends_with('\n') && !written.ends_with("\n\n"), "{format:?}");
                }
            }
        }
    }

    #[test]
    fn a_failing_writer_is_told_of() {
        struct Closed;
        impl io::Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        for format in Format::ALL {
            let result = write(&sample::report(), format, Options::default(), &mut Closed);
            assert_eq!(result.map_err(|error| error.kind()), Err(io::ErrorKind::BrokenPipe), "{format:?}");
        }
    }
}
