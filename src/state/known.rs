//! Known keys: found before, dealt with, and no news.
//!
//! One key a line, sorted, so that two people's additions merge: its id, the date it was noted, how often it had been
//! introduced and how many tips held it then, and a reason. Never a key, a path, a line number or a commit's id: these
//! change with every rebase. A key is news again when it has been introduced more often since, or when a tip holds it
//! that none held then.

use std::collections::BTreeMap;
use std::path::Path;

use crate::key::KeyId;
use crate::model::KeyReport;

/// Why a file of known keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KnownError {
    /// It cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A line of it is not one of its format.
    #[error("{path}, line {line}: {what}")]
    Line {
        /// Which file.
        path: String,
        /// Which line, from 1.
        line: usize,
        /// What is wrong.
        what: &'static str,
    },
}

/// How a key stood when it was noted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    introductions: u64,
    tips: u64,
}

impl Tally {
    /// How a key stands in a report.
    pub fn of(report: &KeyReport) -> Self {
        let mut commits: Vec<_> = report.introductions.iter().map(|entry| (entry.commit, entry.object)).collect();
        commits.sort_unstable();
        commits.dedup_by_key(|(commit, object)| commit.map_or((None, *object), |commit| (Some(commit), None)));
        Self { introductions: commits.len() as u64, tips: report.held_at.count }
    }

    /// Whether a key that stood so and now stands as `now` is news.
    pub fn is_news(&self, now: &Self) -> bool {
        now.introductions > self.introductions || (self.tips == 0 && now.tips > 0)
    }
}

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

const HEADER: &str = "# clerk-audit known keys, version 1: id, date noted, introductions and tips then, reason";

impl Known {
    /// Reads a file of known keys.
    ///
    /// # Errors
    /// Where it cannot be read, or a line is not understood: a baseline that is half read would hide keys.
    pub fn read(path: &Path) -> Result<Self, KnownError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|source| KnownError::Read { path: name.clone(), source })?;
        Self::parse(&text, &name)
    }

    fn parse(text: &str, name: &str) -> Result<Self, KnownError> {
        let mut keys = BTreeMap::new();
        for (number, line) in text.lines().enumerate() {
            let error = |what| KnownError::Line { path: name.to_owned(), line: number + 1, what };
            let line = line.trim();
            if line.starts_with("# clerk-audit known keys, version ") && !line.starts_with(&HEADER[..35]) {
                return Err(error("written by a later version of clerk-audit"));
            }
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let mut words = line.split_whitespace();
            let id = words.next().and_then(KeyId::parse).ok_or_else(|| error("does not begin with sha256:<64 hex>"))?;
            let date = words.next().ok_or_else(|| error("has no date"))?;
            let is_date = date.len() == 10 && date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
            if !is_date {
                return Err(error("its date is not YYYY-MM-DD"));
            }
            // Written by hand, a line may have no counts: then any tip and any second introduction is news.
            let mut tally = Tally { introductions: 1, tips: 0 };
            let mut reason: Vec<&str> = Vec::new();
            for word in words {
                let count = |text: &str| text.parse().map_err(|_| error("a count is no number"));
                if !reason.is_empty() {
                    reason.push(word);
                } else if let Some(text) = word.strip_prefix("introductions=") {
                    tally.introductions = count(text)?;
                } else if let Some(text) = word.strip_prefix("tips=") {
                    tally.tips = count(text)?;
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

    /// The text of a file in which every key of `keys` is known too. What is known already keeps its date and reason
    /// unless it is news. `date` is today's, `YYYY-MM-DD`.
    pub fn with(&self, keys: &[KeyReport], date: &str, reason: &str) -> String {
        let mut all = self.keys.clone();
        for key in keys.iter().filter(|key| !key.known || key.known_again) {
            if let Some(id) = KeyId::parse(&key.id) {
                all.insert(id, Note { date: date.to_owned(), tally: Tally::of(key), reason: reason.to_owned() });
            }
        }
        let lines = all.iter().map(|(id, Note { date, tally, reason })| {
            let Tally { introductions, tips } = tally;
            format!("{id} {date} introductions={introductions} tips={tips} {reason}").trim_end().to_owned() + "\n"
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
        assert_eq!(known.with(&[], "2027-01-01", "x").lines().nth(1).unwrap(), text.lines().nth(2).unwrap());
        let tally = |digit| *known.get(&KeyId::parse(&id(digit)).unwrap()).unwrap();
        assert_eq!(tally('a'), Tally { introductions: 3, tips: 1 });
        assert_eq!(tally('b'), Tally { introductions: 1, tips: 0 });
    }

    #[test]
    fn a_key_is_news_when_it_came_again_or_is_back_at_a_tip() {
        let then = Tally { introductions: 2, tips: 0 };
        assert!(!then.is_news(&Tally { introductions: 2, tips: 0 }));
        assert!(!then.is_news(&Tally { introductions: 1, tips: 0 }));
        assert!(then.is_news(&Tally { introductions: 3, tips: 0 }));
        assert!(then.is_news(&Tally { introductions: 2, tips: 1 }));
        assert!(!Tally { introductions: 2, tips: 1 }.is_news(&Tally { introductions: 2, tips: 5 }));
    }

    #[test]
    fn what_is_not_understood_is_an_error_and_names_its_line() {
        for (text, line) in [
            ("nonsense", 1),
            ("\nsha256:12 2026-01-02", 2),
            (&format!("{} soon", id('a')), 1),
            (&format!("{} 2026-01-02 tips=many", id('a')), 1),
            ("# clerk-audit known keys, version 9: x", 1),
        ] {
            let error = Known::parse(text, "known").unwrap_err();
            assert!(matches!(error, KnownError::Line { line: at, .. } if at == line), "{text}: {error}");
        }
    }
}
