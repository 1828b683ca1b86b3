//! What an audit remembers, so that the next need not read what it has read: `history --state FILE`.
//!
//! One JSON file for all repositories of a run: of each what tells whether it is as it was, the packs that were read by
//! their checksums, and of their blobs only those that must be read again, which are few; and the report, where it was
//! complete. It has ids, hashes, masked paths and the report's masked text, and never a key. Its second line is the
//! hash of what follows: a list from which a line was lost would be a blob that nobody reads.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Error, no_plain_file};
use crate::model::Oid;

/// What every version's format begins with.
pub(super) const FORMATS: &str = "clerk-audit/state/";
/// The name and version of the file.
const FORMAT: &str = "clerk-audit/state/2";
/// The version of this program and a hash of its sources: what another build found is nothing to rely on.
pub const DETECTOR: &str = concat!(env!("CARGO_PKG_VERSION"), "+", env!("CLERK_AUDIT_SOURCES"));

/// What a file has.
#[derive(Clone, Debug)]
pub enum StateFile {
    /// There is none.
    Missing,
    /// It is of a version with another format.
    OtherFormat,
    /// This.
    Read(Box<Remembered>),
}

/// What is remembered of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remembered {
    /// [`DETECTOR`] of the program that wrote it.
    pub detector: String,
    /// A hash of the options that decide what is found.
    pub asked: String,
    /// The repositories, in the report's order.
    pub repositories: Vec<RepositoryMemory>,
    /// The report as JSON, with no word on known keys and none from a ledger; none where it was not complete.
    pub report: Option<Value>,
}

/// What is remembered of one repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepositoryMemory {
    /// Where it was, masked.
    pub path: String,
    /// A hash of everything that the findings depend on; empty where that was not known.
    pub fingerprint: String,
    /// What refs and HEADs named, each id once: by these another repository is told.
    pub tips: Vec<Oid>,
    /// Packs that were read.
    pub packs: Vec<PackMemory>,
    /// Blobs that were loose, were read and had nothing in them.
    pub loose: Vec<LooseMemory>,
}

/// A loose object that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LooseMemory {
    /// Which.
    pub oid: Oid,
    /// Size and time of its file: one that was cut short or emptied since is another.
    pub mark: String,
}

/// A pack that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackMemory {
    /// Checksums, sizes and times of the pack and of its index.
    pub mark: String,
    /// Of its blobs, those that must be read again: that had something in them, could not be read, or stood elsewhere
    /// too.
    pub again: Vec<Oid>,
}

/// As much of any version's file as says which it is.
#[derive(Deserialize)]
struct Head {
    format: Option<String>,
    sha256: Option<String>,
}

impl Remembered {
    /// Reads a file.
    ///
    /// # Errors
    /// Where it is there and cannot be read, is none, is cut short or was changed: it would be written over.
    pub fn read(path: &Path) -> Result<StateFile, Error> {
        let name = path.display().to_string();
        if let Some(what) = no_plain_file(path) {
            return Err(Error::Malformed { path: name, what: format!("it is {what} and no plain file") });
        }
        match std::fs::read(path) {
            Ok(text) => Self::parse(&text, &name),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(StateFile::Missing),
            Err(source) => Err(Error::Read { file: name, source }),
        }
    }

    fn parse(text: &[u8], name: &str) -> Result<StateFile, Error> {
        let wrong = |what: &str| Error::Malformed { path: name.to_owned(), what: what.to_owned() };
        let head: Head = serde_json::from_slice(text).map_err(|error| match error.classify() {
            serde_json::error::Category::Eof => wrong("it is cut short"),
            _ => wrong("it is no state file of clerk-audit"),
        })?;
        match head.format.as_deref() {
            Some(FORMAT) => {}
            Some(other) if other.starts_with(FORMATS) => return Ok(StateFile::OtherFormat),
            _ => return Err(wrong("it is no state file of clerk-audit")),
        }
        let hash = head.sha256.unwrap_or_default();
        let body = text.strip_prefix(before(&hash).as_bytes()).and_then(|rest| rest.strip_suffix(AFTER));
        let body = body.filter(|body| hash_of(body) == hash);
        let remembered = body.and_then(|body| serde_json::from_slice(body).ok());
        remembered
            .map(|remembered| StateFile::Read(Box::new(remembered)))
            .ok_or_else(|| wrong("it is not as clerk-audit wrote it"))
    }

    /// The text of the file.
    pub fn text(&self) -> Vec<u8> {
        // Everything in it has a text.
        let body = serde_json::to_vec(self).unwrap_or_default();
        [before(&hash_of(&body)).as_bytes(), &body, AFTER].concat()
    }
}

/// What stands before the body whose hash this is.
fn before(hash: &str) -> String {
    format!("{{\n\"format\": \"{FORMAT}\",\n\"sha256\": \"{hash}\",\n\"remembered\": ")
}

const AFTER: &[u8] = b"\n}\n";

fn hash_of(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oid(byte: u8) -> Oid {
        Oid::from_bytes(&[byte; 20]).unwrap()
    }

    fn remembered() -> Remembered {
        let pack = PackMemory { mark: "12-34".to_owned(), again: vec![oid(1), oid(2)] };
        let repository = RepositoryMemory {
            path: "/srv/git/\u{e9}.git".to_owned(),
            fingerprint: "ab".to_owned(),
            tips: vec![oid(3)],
            packs: vec![pack],
            loose: vec![LooseMemory { oid: oid(4), mark: "5-6.000000007".to_owned() }],
        };
        Remembered {
            detector: DETECTOR.to_owned(),
            asked: "cd".to_owned(),
            repositories: vec![repository],
            report: Some(serde_json::json!({ "keys": [] })),
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let StateFile::Read(read) = Remembered::parse(&remembered().text(), "x").unwrap() else { panic!("not read") };
        assert_eq!(read.text(), remembered().text());
        assert_eq!(read.repositories, remembered().repositories);
    }

    #[test]
    fn what_is_cut_short_or_changed_anywhere_is_an_error() {
        let text = remembered().text();
        for length in 0..text.len() - 1 {
            let error = Remembered::parse(&text[..length], "x").unwrap_err().to_string();
            assert!(error.contains("cut short"), "{length}: {error}");
        }
        for at in 0..text.len() {
            for change in [1, 0x20, 0x40] {
                let mut changed = text.clone();
                changed[at] ^= change;
                let read = Remembered::parse(&changed, "x");
                // The digit that is the version is the one thing that may be another.
                let is_version = at == text.iter().position(|byte| *byte == b'2').unwrap();
                assert!(read.is_err() || (is_version && matches!(read, Ok(StateFile::OtherFormat))), "{at}");
            }
        }
    }

    #[test]
    fn what_is_no_state_file_is_told_from_one_of_another_version() {
        for (text, word) in [("", "cut short"), ("{}", "no state file"), ("[]", "no state file"), ("x", "no state")] {
            let error = Remembered::parse(text.as_bytes(), "x").unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
        for other in
            [&b"{\"format\": \"clerk-audit/state/1\"}"[..], b"{\"format\": \"clerk-audit/state/3\", \"more\": [1]}"]
        {
            assert!(matches!(Remembered::parse(other, "x"), Ok(StateFile::OtherFormat)));
        }
    }
}
