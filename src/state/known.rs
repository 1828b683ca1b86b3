//! Known keys: found before, dealt with, and no news.
//!
//! One key a line, sorted, so that two people's additions merge: its id, the date it was noted, how it stood when it was
//! last written ([`Tally`]), and a reason. Never a key, a path, a line number or a commit's id: these change with every
//! rebase. A key is news again when it has been introduced since, or is back at a tip.

use std::collections::BTreeMap;
use std::path::Path;

use super::Error;
use super::policy::is_day;
use super::tally::Tally;
use crate::key::KeyId;
use crate::model::Report;

/// The known keys.
#[derive(Clone, Debug, Default)]
pub struct Known {
    keys: BTreeMap<KeyId, Note>,
}

/// What is noted of a known key.
#[derive(Clone, Debug)]
struct Note {
    date: String,
    tally: Tally,
    reason: String,
}

const HEADER: &str = "# clerk-audit known keys, version 1: id, date noted, how it stood, reason";
/// So far the header of every version is the same.
pub(super) const BEFORE_VERSION: &str = "# clerk-audit known keys, version ";

impl Known {
    /// Reads a file of known keys.
    ///
    /// # Errors
    /// Where it cannot be read, or a line is not understood: a baseline that is half read would hide keys.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|source| Error::Read { file: name.clone(), source })?;
        Self::parse(&text, &name)
    }

    fn parse(text: &str, name: &str) -> Result<Self, Error> {
        let mut keys = BTreeMap::new();
        for (number, line) in text.lines().enumerate() {
            let error = |what| Error::Line { path: name.to_owned(), line: number + 1, what };
            let line = line.trim();
            let version = line.strip_prefix(BEFORE_VERSION);
            if version.is_some_and(|rest| rest.split(|it: char| !it.is_ascii_alphanumeric()).next() != Some("1")) {
                return Err(error("written by a later version of clerk-audit"));
            }
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let mut words = line.split_whitespace();
            let id = words.next().and_then(KeyId::parse).ok_or_else(|| error("does not begin with sha256:<64 hex>"))?;
            let date = words.next().ok_or_else(|| error("has no date"))?;
            if !is_day(date) {
                return Err(error("its date is not YYYY-MM-DD"));
            }
            // Written by hand, a line may have no counts.
            let mut tally = Tally::BY_HAND;
            let (mut reason, mut taken): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
            for word in words {
                // Each count stands there once, so what looks like one that was there already is the reason's first word:
                // that may be anything.
                let name = word.split_once('=').map_or(word, |(name, _)| name);
                if reason.is_empty() && !taken.contains(&name) && tally.take(word).map_err(error)? {
                    taken.push(name);
                } else {
                    reason.push(word);
                }
            }
            keys.insert(id, Note { date: date.to_owned(), tally, reason: reason.join(" ") });
        }
        Ok(Self { keys })
    }

    /// How a known key stood; `None` for one that is not known.
    pub fn get(&self, id: &KeyId) -> Option<&Tally> {
        self.keys.get(id).map(|note| &note.tally)
    }

    /// The text of a file in which every key of a report is known too. What is known already keeps its date and reason
    /// unless it is news, and is noted as it stands now where all was looked at: what is gone can come back. `date` is
    /// today's, `YYYY-MM-DD`.
    pub fn with(&self, report: &Report, date: &str, reason: &str) -> String {
        let mut all = self.keys.clone();
        let is_whole = report.complete && report.repositories.iter().all(|read| read.narrowed_by.is_empty());
        for key in &report.keys {
            let Some(id) = KeyId::parse(&key.id) else { continue };
            match all.get_mut(&id).filter(|_| key.known && !key.known_again) {
                Some(note) if is_whole => note.tally = Tally::of(key),
                Some(_) => {}
                None => {
                    let note = Note { date: date.to_owned(), tally: Tally::of(key), reason: reason.to_owned() };
                    all.insert(id, note);
                }
            }
        }
        let lines = all.iter().map(|(id, Note { date, tally, reason })| {
            format!("{id} {date} {} {reason}", tally.words()).trim_end().to_owned() + "\n"
        });
        std::iter::once(format!("{HEADER}\n")).chain(lines).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(digit: char) -> String {
        format!("sha256:{}", digit.to_string().repeat(64))
    }

    #[test]
    fn lines_with_and_without_counts_are_read() {
        let text =
            format!("{HEADER}\n\n{} 2026-01-02 introductions=3 tips=1 rotated\n{} 2026-01-02\n", id('a'), id('b'));
        let known = Known::parse(&text, "known").unwrap();
        let line = |digit| {
            let note = &known.keys[&KeyId::parse(&id(digit)).unwrap()];
            format!("{} {}", note.tally.words(), note.reason)
        };
        assert_eq!(line('a'), "introductions=3 tips=1 rotated");
        assert_eq!(line('b'), "introductions=1 tips=0 ");
    }

    #[test]
    fn what_is_not_understood_is_an_error_and_names_its_line() {
        for (text, line) in [
            ("nonsense", 1),
            ("\nsha256:12 2026-01-02", 2),
            (&format!("{} soon", id('a')), 1),
            (&format!("{} 0000000000", id('a')), 1),
            (&format!("{} 2026-13-01", id('a')), 1),
            (&format!("{} 2026-01-02 tips=many", id('a')), 1),
            (&format!("{} 2026-01-02 seen=1", id('a')), 1),
            ("# clerk-audit known keys, version 9: x", 1),
            ("# clerk-audit known keys, version 12: x", 1),
        ] {
            let error = Known::parse(text, "known").unwrap_err();
            assert!(matches!(error, Error::Line { line: at, .. } if at == line), "{text}: {error}");
        }
    }
}
