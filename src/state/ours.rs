//! Whether a file is one in which this program notes what stands nowhere else.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use serde_json::Value;

use super::known::BEFORE_VERSION;
use super::{remembered, status};

/// What a file is, where something is noted in it that would be lost: people's ticks, a server's record. As it begins: one
/// that is damaged further on, or has the marks of a merge in it, is no less somebody's.
pub fn noted_in(path: &Path) -> Option<&'static str> {
    /// As much as the longest line of a ledger.
    const MOST: u64 = 2 << 20;
    /// The marks of a merge may stand before it.
    const FIRST_LINES: usize = 4;
    if !std::fs::metadata(path).is_ok_and(|meta| meta.is_file()) {
        return None;
    }
    let mut lines = BufReader::new(File::open(path).ok()?.take(MOST)).split(b'\n');
    let first = lines.next()?.ok()?;
    if first.starts_with(BEFORE_VERSION.as_bytes()) {
        return Some("a list of known keys");
    }
    let is_decision = |line: &[u8]| {
        serde_json::from_slice::<Value>(line)
            .is_ok_and(|line| line.get("verdict").is_some() && line.get("pusher").is_some())
    };
    if is_decision(&first) {
        return Some("a ledger");
    }
    let begins: Vec<u8> = first.into_iter().chain(lines.take(FIRST_LINES).flatten().flatten()).collect();
    let has = |name: &str| memchr::memmem::find(&begins, format!("\"{name}").as_bytes()).is_some();
    match () {
        () if has(status::SCHEMAS) => Some("a status file, with what people ticked"),
        () if has(remembered::FORMATS) => Some("what an audit remembers for the next"),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Remembered, Status};
    use super::*;

    #[test]
    fn files_in_which_something_is_noted_are_told_from_those_that_can_be_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let status = Status::default().text();
        let remembered =
            Remembered { detector: String::new(), asked: String::new(), repositories: Vec::new(), report: None };
        for (text, word) in [
            (status.clone(), Some("status")),
            (format!("<<<<<<< ours\n{status}=======\n{status}>>>>>>> theirs\n"), Some("status")),
            (status[..status.len() - 4].to_owned(), Some("status")),
            (String::from_utf8(remembered.text()).unwrap(), Some("remembers")),
            (format!("{BEFORE_VERSION}1: id\n"), Some("known")),
            ("{\"canary\":false,\"pusher\":\"ann\",\"verdict\":\"accepted\"}\n{\"pus".to_owned(), Some("ledger")),
            ("{\"schema\": \"clerk-audit/report/1\"}".to_owned(), None),
            ("clerk-audit/status/1".to_owned(), None),
            (String::new(), None),
        ] {
            std::fs::write(&path, &text).unwrap();
            let told = noted_in(&path);
            assert!(
                told.is_some() == word.is_some() && told.unwrap_or_default().contains(word.unwrap_or_default()),
                "{text}"
            );
        }
        assert_eq!(noted_in(folder.path()), None);
        assert_eq!(noted_in(&folder.path().join("none")), None);
        assert_eq!(noted_in(Path::new("/dev/zero")), None);
    }
}
