//! Which lines of a case hold a credential, and which only look as if they did.

use std::fmt;
use std::ops::Range;

use crate::parse::{Case, Expectation};
use crate::template::{Expanded, Mark};

/// What a line that holds no credential of Clerk's is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Decoy {
    OtherVendor,
    Placeholder,
    HalfMasked,
    Publishable,
    /// Identifiers, words, hashes: something that looks like a token and is none.
    LookAlike,
}

impl Decoy {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OtherVendor => "other vendor",
            Self::Placeholder => "placeholder",
            Self::HalfMasked => "half-masked key",
            Self::Publishable => "publishable key",
            Self::LookAlike => "identifier, word or hash",
        }
    }
}

/// The places of a case that a kind is expected at, with that kind.
pub(crate) fn credentials<'a>(case: &'a Case, expanded: &'a Expanded) -> Vec<(&'a str, &'a Mark)> {
    let mut found = Vec::new();
    for expectation in &case.expectations {
        let Expectation::Credential(wanted) = expectation else { continue };
        let marks = expanded.marks.iter().filter(|mark| wanted.names.mean(&mark.name, mark.nth));
        found.extend(marks.map(|mark| (wanted.kind.as_str(), mark)));
    }
    found
}

/// The lines, with their bytes, that hold no credential and look as if they did.
pub(crate) fn decoys(case: &Case, expanded: &Expanded) -> Vec<(Range<usize>, Decoy)> {
    let credentials = credentials(case, expanded);
    let overlaps = |line: &Range<usize>, mark: &Mark| mark.span.start < line.end && line.start < mark.span.end;
    let vendors = |mark: &Mark| {
        let named =
            |it: &Expectation| matches!(it, Expectation::Vendor { names, .. } if names.mean(&mark.name, mark.nth));
        case.expectations.iter().any(named)
    };
    let mut found = Vec::new();
    let mut start = 0;
    for bytes in expanded.bytes.split_inclusive(|byte| *byte == b'\n') {
        let line = start..start + bytes.len();
        start = line.end;
        if credentials.iter().any(|(_, mark)| overlaps(&line, mark)) {
            continue;
        }
        let is_vendor = expanded.marks.iter().any(|mark| overlaps(&line, mark) && vendors(mark));
        let is_marked = expanded.marks.iter().any(|mark| overlaps(&line, mark));
        if is_vendor {
            found.push((line, Decoy::OtherVendor));
        } else if is_marked || looks_like_one(bytes) {
            found.push((line, decoy(case, bytes)));
        }
    }
    found
}

/// By what its case is about, where the line itself does not say.
fn decoy(case: &Case, line: &[u8]) -> Decoy {
    let has = |text: &[u8]| memchr::memmem::find(line, text).is_some();
    let expects = |fits: fn(&Expectation) -> bool| case.expectations.iter().any(fits);
    if has(b"pk_live_") || has(b"pk_test_") {
        Decoy::Publishable
    } else if expects(|it| matches!(it, Expectation::HalfMasked(_))) {
        Decoy::HalfMasked
    } else if expects(|it| matches!(it, Expectation::Placeholder(_))) {
        Decoy::Placeholder
    } else {
        Decoy::LookAlike
    }
}

fn looks_like_one(line: &[u8]) -> bool {
    let lower = line.to_ascii_lowercase();
    ["sk_", "pk_", "rk_", "ak_", "mt_", "oat_", "whsec_", "live_", "test_", "clerk"]
        .iter()
        .any(|needle| memchr::memmem::find(&lower, needle.as_bytes()).is_some())
}

/// How many lines there are of each.
#[derive(Default)]
pub(crate) struct Lines {
    pub(crate) must: usize,
    pub(crate) must_not: usize,
}

impl Lines {
    pub(crate) fn add(&mut self, case: &Case, expanded: &Expanded) {
        let line = |at: usize| memchr::memchr_iter(b'\n', &expanded.bytes[..at]).count();
        let must: std::collections::BTreeSet<usize> =
            credentials(case, expanded).iter().map(|(_, mark)| line(mark.span.start)).collect();
        self.must += must.len();
        self.must_not += decoys(case, expanded).len();
    }
}

impl fmt::Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} lines with a credential and {} that look as if they had one", self.must, self.must_not)
    }
}
