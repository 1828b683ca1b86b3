//! Holds what the library says of a case against what the case expects.

use std::collections::BTreeSet;

use crate::detector::{Credential, Said, encoding_name};
use crate::parse::{Case, Credential as Wanted, Expectation, Extent, Names, Told};
use crate::template::{Expanded, Mark};

/// What is wrong, in words; nothing where all is as expected.
pub(crate) fn problems(case: &Case, expanded: &Expanded, said: &[Said]) -> Vec<String> {
    let mut answer = Answer::new(said);
    let mut wrong = Vec::new();
    let mut least_placeholders = 0;
    let mut half_masked = Some(0);
    let mut hosts = BTreeSet::new();
    for expectation in &case.expectations {
        match expectation {
            Expectation::Credential(wanted) => wrong.extend(credential_problems(wanted, expanded, &mut answer)),
            Expectation::Vendor { called, names, must } => {
                for mark in marks(expanded, names, &mut wrong) {
                    wrong.extend(vendor_problem(called, *must, mark, &mut answer));
                }
            }
            Expectation::Placeholder(count) => least_placeholders += count,
            Expectation::HalfMasked(count) => half_masked = half_masked.zip(*count).map(|(sum, count)| sum + count),
            Expectation::Publishable(host) => _ = hosts.insert(host.as_str()),
            Expectation::Nothing => {}
        }
    }
    wrong.extend(answer.credentials.iter().map(|found| format!("beyond what is expected: {found:?}")));
    wrong.extend(answer.vendors.iter().map(|(name, ..)| format!("beyond what is expected: a token of {name}")));
    if answer.placeholders < least_placeholders {
        wrong.push(format!("{} of {least_placeholders} placeholders told", answer.placeholders));
    }
    if let Some(count) = half_masked.filter(|count| *count != answer.half_masked) {
        wrong.push(format!("{} half-masked keys told, and there are {count}", answer.half_masked));
    }
    if answer.hosts != hosts {
        wrong.push(format!("publishable keys of {:?} told, and there are {hosts:?}", answer.hosts));
    }
    wrong
}

/// What was said and is not accounted for yet.
struct Answer<'a> {
    credentials: Vec<&'a Credential>,
    vendors: Vec<(&'a str, &'a [u8], std::ops::Range<usize>)>,
    placeholders: usize,
    half_masked: usize,
    hosts: BTreeSet<&'a str>,
}

impl<'a> Answer<'a> {
    fn new(said: &'a [Said]) -> Self {
        let mut answer = Self {
            credentials: Vec::new(),
            vendors: Vec::new(),
            placeholders: 0,
            half_masked: 0,
            hosts: BTreeSet::new(),
        };
        for one in said {
            match one {
                Said::Credential(found) => answer.credentials.push(found),
                Said::Vendor { name, text, span } => answer.vendors.push((name, text, span.clone())),
                Said::Placeholder => answer.placeholders += 1,
                Said::HalfMasked => answer.half_masked += 1,
                Said::Publishable { host } => _ = answer.hosts.insert(host),
            }
        }
        answer
    }
}

/// The places that an expectation means; it is wrong to mean none.
fn marks<'a>(expanded: &'a Expanded, names: &Names, wrong: &mut Vec<String>) -> Vec<&'a Mark> {
    let marks: Vec<&Mark> = expanded.marks.iter().filter(|mark| names.mean(&mark.name, mark.nth)).collect();
    if marks.is_empty() {
        wrong.push(format!("the case has nothing by the name of {}", names.0));
    }
    marks
}

fn credential_problems(wanted: &Wanted, expanded: &Expanded, answer: &mut Answer<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    for mark in marks(expanded, &wanted.names, &mut wrong) {
        let who = format!("{} {}#{}", wanted.kind, mark.name, mark.nth);
        // Of several of one text, the one that stands there.
        let fits = |found: &&Credential| found.kind == wanted.kind && is_of(wanted, mark, found);
        let at = answer
            .credentials
            .iter()
            .position(|found| fits(found) && is_at(wanted, mark, found))
            .or_else(|| answer.credentials.iter().position(fits));
        let Some(at) = at else {
            wrong.push(format!("{who} is not found"));
            continue;
        };
        let found = answer.credentials.remove(at);
        if !is_at(wanted, mark, found) {
            wrong.push(format!("{who} stands at {:?} and is told at {:?}", mark.span, found.span));
            continue;
        }
        wrong
            .extend(differences(wanted, mark, &expanded.bytes, found).into_iter().map(|what| format!("{who}: {what}")));
    }
    wrong
}

/// Whether that is the credential, wherever it stands. What a keyless application's text is, is the library's choice.
fn is_of(wanted: &Wanted, mark: &Mark, found: &Credential) -> bool {
    if wanted.kind == "keyless_application" { is_at(wanted, mark, found) } else { found.text == mark.text }
}

fn is_at(wanted: &Wanted, mark: &Mark, found: &Credential) -> bool {
    if mark.is_compressed {
        return true;
    }
    match wanted.extent {
        _ if wanted.kind == "keyless_application" => {
            mark.span.start <= found.span.start && found.span.end <= mark.span.end
        }
        Extent::Both => found.span == mark.span,
        Extent::Start => found.span.start == mark.span.start,
        Extent::Within => mark.span.start <= found.span.start && found.span.end <= mark.span.end,
    }
}

fn differences(wanted: &Wanted, mark: &Mark, bytes: &[u8], found: &Credential) -> Vec<String> {
    let mut wrong = Vec::new();
    if !wanted.confidence.is_empty() && !wanted.confidence.contains(&found.confidence) {
        wrong.push(format!("confidence {} and not {}", found.confidence, wanted.confidence.join(" or ")));
    }
    if found.reasons.is_empty() {
        wrong.push("no reason is given".to_owned());
    }
    for reason in &wanted.reasons {
        if !found.reasons.iter().any(|given| given.to_lowercase().contains(&reason.to_lowercase())) {
            wrong.push(format!("no reason says {reason:?}: {:?}", found.reasons));
        }
    }
    let chain: Option<Vec<&str>> = match &wanted.encoding {
        Told::Anything => None,
        Told::AsApplied => Some(mark.chain.iter().map(|name| encoding_name(name)).collect()),
        Told::Exactly(chain) => Some(chain.iter().map(|name| encoding_name(name)).collect()),
    };
    if chain.is_some_and(|chain| chain != found.encoding) {
        wrong.push(format!("encoding {:?} and not {:?}", found.encoding, mark.chain));
    }
    if wanted.variable.is_some() && wanted.variable != found.variable {
        wrong.push(format!("variable {:?} and not {:?}", found.variable, wanted.variable));
    }
    if wanted.public_variable != found.has_public_variable {
        wrong.push(if wanted.public_variable {
            "the public prefix of its variable is not told".to_owned()
        } else {
            "a public prefix is told, and its variable has none".to_owned()
        });
    }
    // Inside what is compressed there are no lines of the object's.
    if !mark.is_compressed && wanted.kind != "keyless_application" {
        let place = line_and_column(bytes, found.span.start, mark.chain.first().copied());
        if wanted.line_and_column.is_some_and(|stated| stated != place) {
            wrong.push(format!("the case says {:?} and it stands at {place:?}", wanted.line_and_column));
        }
        if found.line_and_column != Some(place) {
            wrong.push(format!("line and column {:?} and not {place:?}", found.line_and_column));
        }
    }
    wrong
}

/// From 1, as an editor shows them: in UTF-16 and UTF-32 lines and columns are of code units, else of bytes.
pub(crate) fn line_and_column(bytes: &[u8], start: usize, outermost: Option<&str>) -> (u64, u64) {
    let line_end: &[u8] = match outermost {
        Some("utf-16le") => &[b'\n', 0],
        Some("utf-16be") => &[0, b'\n'],
        Some("utf-32le") => &[b'\n', 0, 0, 0],
        Some("utf-32be") => &[0, 0, 0, b'\n'],
        _ => b"\n",
    };
    let unit = line_end.len();
    let phase = start % unit;
    let mut place = (1, 1);
    for piece in bytes[phase..start].chunks_exact(unit) {
        place = if piece == line_end { (place.0 + 1, 1) } else { (place.0, place.1 + 1) };
    }
    place
}

/// Takes the token that is told to stand there, and gives the vendor it is told to be of.
fn take_vendor<'a>(mark: &Mark, answer: &mut Answer<'a>) -> Option<&'a str> {
    // Padding and what a hyphen begins may be left out of a token; what else there is must be all of it.
    let fits = |(_, text, span): &(&str, &[u8], std::ops::Range<usize>)| {
        let is_here = mark.is_compressed || span.start == mark.span.start;
        is_here && mark.text.starts_with(text) && text.len() + 2 >= mark.text.len()
    };
    let at = answer.vendors.iter().position(fits)?;
    Some(answer.vendors.remove(at).0)
}

fn vendor_problem(called: &[String], is_needed: bool, mark: &Mark, answer: &mut Answer<'_>) -> Option<String> {
    let who = format!("{}#{}", mark.name, mark.nth);
    let Some(name) = take_vendor(mark, answer) else {
        return is_needed.then(|| format!("{who} is not told to be of {}", called.join(" or ")));
    };
    let is_called = called.iter().any(|called| name.to_lowercase().contains(&called.to_lowercase()));
    (!is_called).then(|| format!("{who} is told to be of {name} and not {}", called.join(" or ")))
}
