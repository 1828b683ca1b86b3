//! Writes a finished [`Report`] in each format, one file a format, and the rotation checklist.
//!
//! Invariant: nothing that came from a repository is written but through [`escape`] (JSON: through a formatter of its
//! own), and nothing of it ever becomes a link. Keys are masked before they come here: a [`crate::model::Shown`] and a
//! hint are all that a report has of them.
//!
//! Nothing here reads a clock, an environment or a file. The cost is one pass over the report, with memory for a line, or
//! for the document where it is put together first (HTML, of which the page is made from the checklist's Markdown, and
//! GitLab's format); text and Markdown shorten long lists and long names, JSON gives all.

use std::io;

use crate::model::{Answers, Liveness, Report, Shown};

pub use around::Gate;
pub use clock::Plan;
pub use progress::{Evidence, KeyProgress, Noted, State, ever_seen_in, narrowed, progress, seen_in};
pub use read::{Mask, ReadError, read, read_document};
pub use rotation::{Step, paths_to_ignore};
pub use trace::{Trace, TraceFormat, write_trace};

mod around;
mod checklist;
mod clock;
mod csv;
pub mod escape;
mod few;
mod gitlab;
mod html;
mod json;
mod junit;
mod progress;
mod read;
mod remedy;
mod rotation;
#[cfg(test)]
mod sample;
mod sarif;
mod spot;
mod status;
mod text;
mod trace;
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
    /// One page with the picture of all keys in time and the rotation checklist.
    Html,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// GitLab's secret-detection report.
    Gitlab,
    /// A table with a line for each key.
    Csv,
    /// JUnit's XML: each key is a test that failed.
    Junit,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Text,
        Self::Json,
        Self::Jsonl,
        Self::Markdown,
        Self::Html,
        Self::Sarif,
        Self::Gitlab,
        Self::Csv,
        Self::Junit,
    ];
}

/// How a report is written. The formats that are not for people have the answers alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// Whether text has colours: for terminals only.
    pub color: bool,
    /// Whether text and Markdown give whole lists, where else they give the first few and the count.
    pub verbose: bool,
    /// The Clerk plan, where it is known: then the deadlines of its logs alone are told.
    pub plan: Option<Plan>,
    /// Places where keys are deployed that a person has named, beside those that the report proposes.
    pub consumers: &'a [Shown],
    /// What Clerk answered about the keys.
    pub answers: Option<&'a Answers>,
    /// How far each key is, those that the report has no more among them, where that is noted.
    pub progress: &'a [KeyProgress],
    /// The time at which it is written, where that is not when the report was made: deadlines pass meanwhile.
    pub now: Option<&'a str>,
}

impl Options<'_> {
    /// The time that deadlines are reckoned from. A clock that runs behind the report's has no say.
    fn now<'a>(&'a self, report: &'a Report) -> &'a str {
        self.now.filter(|now| clock::is_ahead(now, &report.generated_at)).unwrap_or(&report.generated_at)
    }

    /// How many entries of a list are told where the first `few` are, unless all are asked for.
    fn most(&self, few: usize) -> usize {
        if self.verbose { usize::MAX } else { few }
    }
}

/// Whether a time of a report is later than `now`: a clock is off.
pub fn is_ahead(time: &str, now: &str) -> bool {
    clock::is_ahead(time, now)
}

/// A time of a report or a status as people read it.
pub fn readable_time(time: &str) -> String {
    clock::readable(time)
}

/// Puts the keys that Clerk said are alive before those of which it is not known, and the dead ones last; within each
/// the report's own order stays.
pub fn sort_by_answer(report: &mut Report, answers: &Answers) {
    let liveness = |id: &str| answers.get(id).map_or(Liveness::Unknown, |answer| answer.liveness);
    report.keys.sort_by_key(|key| liveness(&key.id));
}

/// Writes how far each key is, for a person at a terminal.
pub fn write_status(
    keys: &[KeyProgress],
    report: &Report,
    answers: &Answers,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    status::write(keys, report, Some(answers), out)
}

/// Writes the report in one format. Whether to flush, and what a closed pipe means, is the caller's.
pub fn write(report: &Report, format: Format, options: Options<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    match format {
        Format::Text => text::write(report, options, out),
        Format::Json => json::write(report, options.answers, out),
        Format::Jsonl => json::write_lines(report, options.answers, out),
        Format::Markdown => checklist::write(report, options, out),
        Format::Html => html::write(report, options, out),
        Format::Sarif => sarif::write(report, options.answers, out),
        Format::Gitlab => gitlab::write(report, options.answers, out),
        Format::Csv => csv::write(report, options.answers, out),
        Format::Junit => junit::write(report, options.answers, out),
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
                    let written = sample::written(&report, format, Options { verbose, ..Options::default() });
                    // CSV ends its lines in two characters, and has no others of them.
                    let written = if format == Format::Csv { written.replace("\r\n", "\n") } else { written };
                    let hidden = |&character: &char| character != '\n' && escape::is_hidden(character);
                    assert_eq!(written.chars().find(hidden), None, "{format:?}");
                    assert!(written.ends_with('\n') && !written.ends_with("\n\n"), "{format:?}");
                }
            }
        }
    }

    #[test]
    fn every_format_says_what_clerk_answered_and_when() {
        use crate::model::Liveness::{Alive, Dead};
        let report = sample::report();
        let answers = sample::answers(&report, &[Alive, Dead]);
        let day = &answers[&report.keys[0].id].at[..10];
        for format in Format::ALL {
            let with = sample::written(&report, format, Options { answers: Some(&answers), ..Options::default() });
            let without = sample::written(&report, format, Options::default());
            assert!(with != without && with.matches(day).count() > without.matches(day).count(), "{format:?}");
            let words = ["Clerk accepted it", "\"alive\"", "alive"];
            let says = |text: &str| words.iter().map(|word| text.matches(word).count()).sum::<usize>();
            assert!(says(&with) > says(&without), "{format:?}");
        }
    }

    #[test]
    fn a_known_key_that_clerk_accepts_is_quiet_in_no_format() {
        use crate::model::Liveness::{Alive, Dead};
        let mut report = sample::report();
        report.keys.retain(|key| key.known && !key.known_again);
        report.keys.truncate(1);
        let quiet = |format, liveness| {
            let answers = sample::answers(&report, &[liveness]);
            let text = sample::written(&report, format, Options { answers: Some(&answers), ..Options::default() });
            let marks = ["<skipped", "\"suppressions\"", "\"note\"", "\"Info\""];
            marks.iter().any(|mark| text.contains(mark))
        };
        for format in [Format::Junit, Format::Sarif, Format::Gitlab] {
            assert!(quiet(format, Dead) && !quiet(format, Alive), "{format:?}");
        }
    }

    #[test]
    fn no_format_asks_to_delete_what_is_dead() {
        use crate::model::Liveness::{Alive, Dead};
        let report = sample::one_key();
        let write = |format, liveness| {
            let answers = sample::answers(&report, &[liveness]);
            let text = sample::written(&report, format, Options { answers: Some(&answers), ..Options::default() });
            if format != Format::Sarif {
                return text;
            }
            // A rule is about all keys of a kind.
            let log: serde_json::Value = serde_json::from_str(&text).unwrap();
            log["runs"][0]["results"].to_string()
        };
        for (format, grave) in [
            (Format::Text, ""),
            (Format::Junit, "<failure"),
            (Format::Sarif, "\"error\""),
            (Format::Gitlab, "Critical"),
        ] {
            let (alive, dead) = (write(format, Alive), write(format, Dead));
            assert!(alive.contains("delete this one") && !dead.contains("delete this one"), "{format:?}: {dead}");
            let left = "t is dead: save the logs, undo what it may have made and changed, take it out of the code";
            assert!(dead.contains(left), "{format:?}: {dead}");
            assert!(alive.contains(grave) && (format == Format::Junit || grave.is_empty() || !dead.contains(grave)));
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
