//! The layout that all parts of the text share: labels in a column, lists cut to their first few, colours.
//!
//! Lines are never broken: how wide a terminal is, is the terminal's business.

use std::cell::Cell;
use std::io;

use anstyle::Style;

use crate::model::{Answer, KeyReport, Shown};

use super::super::Options;
use super::super::escape;
use super::super::few::few;

/// For what is worth less attention than the rest.
pub(super) const DIM: Style = Style::new().dimmed();

/// How many entries of a list are told unless all are asked for.
const FEW: usize = 3;

/// How many characters of a foreign text are told.
const MOST_CHARACTERS: usize = 300;

/// What a report is written onto.
pub(super) struct Page<'o> {
    out: &'o mut dyn io::Write,
    options: Options<'o>,
    cut: Cell<bool>,
    /// Whether there are several repositories, so that each place must name its own.
    pub(super) several: bool,
}

impl<'o> Page<'o> {
    pub(super) fn new(out: &'o mut dyn io::Write, options: Options<'o>, several: bool) -> Self {
        Self { out, options, cut: Cell::new(false), several }
    }

    /// What Clerk answered about a key, where it was asked.
    pub(super) fn answer(&self, key: &KeyReport) -> Option<&'o Answer> {
        self.options.answers?.get(&key.id)
    }

    /// The text in a style, where there are colours.
    pub(super) fn paint(&self, style: Style, text: &str) -> String {
        if self.options.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    pub(super) fn blank(&mut self) -> io::Result<()> {
        self.out.write_all(b"\n")
    }

    pub(super) fn line(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.out, "{line}")
    }

    /// A labelled value, with further lines of it below one another.
    pub(super) fn field(&mut self, label: &str, values: &[String]) -> io::Result<()> {
        for (at, value) in values.iter().enumerate() {
            let label = self.paint(DIM, &format!("{:<14}", if at == 0 { label } else { "" }));
            writeln!(self.out, "   {label}{value}")?;
        }
        Ok(())
    }

    /// The first few of these, or all, and how many there are besides.
    pub(super) fn few(&self, values: Vec<String>) -> Vec<String> {
        let total = values.len() as u64;
        self.few_of(values, total)
    }

    /// The same where the report itself names only some of so many.
    pub(super) fn few_of(&self, values: Vec<String>, total: u64) -> Vec<String> {
        let (values, is_cut) = few(values, total, self.options.most(FEW));
        self.cut.set(self.cut.get() || is_cut);
        values
    }

    /// Whether any list was cut.
    pub(super) fn was_cut(&self) -> bool {
        self.cut.get()
    }
}

/// Foreign text, escaped, and cut where it is absurdly long.
pub(super) fn show(text: &Shown) -> String {
    visible(text.as_str())
}

/// The same for text that is not marked as foreign and may have some in it.
///
/// Terminals and logs on the web make a link of whatever has a `://`, and no stranger's address may lead an Admin
/// anywhere: one of the slashes is written as an escape.
pub(in crate::report) fn visible(text: &str) -> String {
    escape::terminal(&escape::shorten(text, MOST_CHARACTERS)).to_string().replace("://", ":\\u{2f}/")
}
