//! Markdown's few forms that the checklist uses, and foreign text within them.
//!
//! Every line begins with text of this program's own, so that no foreign text can begin a block.

use std::collections::HashMap;
use std::fmt;
use std::io;

use crate::model::{Answer, KeyReport, Report, Shown};

use super::super::Options;
use super::super::escape;
use super::super::few::few;
use super::super::progress::{KeyProgress, State};
use super::super::rotation::Step;

/// How many entries of a list are told unless all are asked for.
const FEW: usize = 8;

/// How many characters of a foreign text are told.
const MOST_CHARACTERS: usize = 300;

/// What a checklist is written onto.
pub(super) struct Sheet<'o> {
    out: &'o mut dyn io::Write,
    pub(super) options: Options<'o>,
    /// Whether an empty line is owed before the next.
    gap: bool,
    /// Whether there are several repositories, so that each place must name its own.
    pub(super) several: bool,
    /// How far each key is, by id.
    progress: HashMap<&'o str, &'o KeyProgress>,
}

impl<'o> Sheet<'o> {
    pub(super) fn new(out: &'o mut dyn io::Write, options: Options<'o>, report: &Report) -> Self {
        let progress = options.progress.iter().map(|key| (key.id.as_str(), key)).collect();
        Self { out, options, gap: false, several: report.repositories.len() > 1, progress }
    }

    pub(super) fn line(&mut self, text: &str) -> io::Result<()> {
        if std::mem::take(&mut self.gap) {
            self.out.write_all(b"\n")?;
        }
        writeln!(self.out, "{text}")
    }

    /// An empty line before what comes next, and only one.
    pub(super) fn gap(&mut self) {
        self.gap = true;
    }

    /// Text with an empty line before and after it.
    pub(super) fn paragraph(&mut self, text: &str) -> io::Result<()> {
        self.gap();
        self.line(text)?;
        self.gap();
        Ok(())
    }

    pub(super) fn heading(&mut self, text: &str) -> io::Result<()> {
        self.paragraph(&format!("## {text}"))
    }

    pub(super) fn subheading(&mut self, text: &str) -> io::Result<()> {
        self.paragraph(&format!("### {text}"))
    }

    pub(super) fn bullet(&mut self, depth: usize, text: &str) -> io::Result<()> {
        self.line(&format!("{}- {text}", "  ".repeat(depth)))
    }

    /// A box to tick.
    pub(super) fn tick(&mut self, depth: usize, text: &str) -> io::Result<()> {
        self.bullet(depth, &format!("[ ] {text}"))
    }

    /// A box that is ticked.
    pub(super) fn ticked(&mut self, depth: usize, text: &str) -> io::Result<()> {
        self.bullet(depth, &format!("[x] {text}"))
    }

    /// The first few of these, or all, and how many there are besides.
    pub(super) fn few(&self, values: Vec<String>) -> Vec<String> {
        let total = values.len() as u64;
        self.few_of(values, total)
    }

    /// The same where the report itself names only some of so many.
    pub(super) fn few_of(&self, values: Vec<String>, total: u64) -> Vec<String> {
        few(values, total, self.options.most(FEW)).0
    }

    /// What Clerk answered about a key.
    pub(super) fn answer(&self, key: &KeyReport) -> Option<&'o Answer> {
        self.options.answers?.get(&key.id)
    }

    /// How far a key is, where that is noted.
    pub(super) fn progress(&self, key: &KeyReport) -> Option<&'o KeyProgress> {
        self.progress.get(key.id.as_str()).copied()
    }

    /// Whether a step of a key is done, where that is noted and the key has it.
    pub(super) fn state(&self, key: &KeyReport, step: Step) -> Option<&'o State> {
        self.progress(key)?.steps.iter().find(|(other, _)| *other == step).map(|(_, state)| state)
    }

    /// Foreign text.
    pub(super) fn show(&self, text: &Shown) -> String {
        code(text)
    }
}

/// The same where only a text is wanted: what the functions of `wording` ask for.
pub(super) fn quote(text: &str) -> String {
    code(&text)
}

/// Text in a code span, cut where it is absurdly long. For whatever may be foreign, in whole or in part.
pub(super) fn code(text: &impl fmt::Display) -> String {
    escape::markdown(&escape::shorten(&text.to_string(), MOST_CHARACTERS)).to_string()
}
