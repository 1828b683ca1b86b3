//! The scan of one object: each layer searched once, and what it holds in encodings and containers scanned in turn.

use std::collections::BTreeMap;
use std::ops::Range;

use super::container::{self, Budget, Format, Outcome};
use super::encoding::{Decoded, Encoding, base64, escapes, hex, quoted, wide};
use super::hits::Hits;
use super::layer::{Ending, Joins, Layer, Positions};
use super::needles::Lead;
use super::probe::{self, Candidate, Probe};
use super::settle::{Sight, What};
use super::{Detector, Limits, Opaque, Unread, assigned, token, webhook};
use crate::model::Kind;

/// What a scan has come upon so far.
pub(super) struct Scan<'d> {
    detector: &'d Detector,
    limits: Limits,
    pub(super) sights: Vec<Sight>,
    pub(super) unread: Unread,
    /// How many members of containers were opened.
    members: u32,
}

/// Runs of one layer that were decoded already: by encoding and first byte, the byte they end at.
#[derive(Default)]
struct Done {
    runs: BTreeMap<(u8, usize), usize>,
    /// The last run of base64, and the alignments in which it was decoded.
    base64: Option<(base64::Run, u8)>,
}

impl Done {
    fn has(&self, kind: u8, at: usize) -> Option<usize> {
        let (&(_, _), &to) = self.runs.range((kind, 0)..=(kind, at)).next_back()?;
        (at < to).then_some(to)
    }
}

/// Kinds of runs that are told apart: wide text by the parity of its characters, hex by that of its digits.
const WIDE: u8 = 0;
const HEX: u8 = 2;
const QUOTED: u8 = 4;
const DUMP: u8 = 5;

/// Beside the alignments in which a run of base64 was decoded: whether it was asked for all that read as text.
const ASKED: u8 = 1 << 4;
/// Beside the alignments in which a run was decoded: that its lines were looked at.
const LOOKED_AT: u8 = 1 << 5;

/// So many readings of one object are kept, some 100 MB of them: an object with more was made to have them.
const MOST_SIGHTS: usize = 1 << 18;

const TOO_DEEP: &str = "encodings and containers are nested deeper than is read";

impl<'d> Scan<'d> {
    pub(super) fn new(detector: &'d Detector, limits: Limits) -> Self {
        Self { detector, limits, sights: Vec::new(), unread: Unread::default(), members: 0 }
    }

    /// Whether there was more to be read than is kept. What was let go may have been a key.
    pub(super) fn has_too_many(&self) -> bool {
        self.sights.len() >= MOST_SIGHTS
    }

    /// Scans a layer and all that is below it.
    pub(super) fn layer(&mut self, layer: &Layer<'_>, budget: &mut Budget<'_>) {
        let mut done = Done::default();
        for (lead, hit) in self.detector.needles.hits(layer.bytes) {
            if !self.has_time(budget) {
                return;
            }
            self.needle(layer, lead, hit, &mut done, budget);
        }
        self.as_container(layer, budget);
        probe::candidates(&self.detector.needles, layer.bytes, &mut |candidate| {
            self.candidate(layer, candidate, &mut done, budget)
        });
    }

    /// The same of an object whose hits are known.
    pub(super) fn object(&mut self, layer: &Layer<'_>, hits: &Hits, budget: &mut Budget<'_>) {
        let mut done = Done::default();
        for (lead, hit) in hits.needles(&self.detector.needles) {
            if !self.has_time(budget) {
                return;
            }
            self.needle(layer, lead, hit, &mut done, budget);
        }
        self.as_container(layer, budget);
        let mut probe = Probe::new(&self.detector.needles);
        for (at, sign) in hits.signs() {
            let take = &mut |candidate| self.candidate(layer, candidate, &mut done, budget);
            probe.sign(layer.bytes, at, sign, take);
        }
    }

    /// Whether there is time to look at one place more.
    fn has_time(&mut self, budget: &mut Budget<'_>) -> bool {
        /// What is read around a hit, as a rule.
        const AROUND: u64 = 512;
        budget.work(AROUND).inspect_err(|limit| self.unread.limit(limit.name())).is_ok()
    }

    fn needle(&mut self, layer: &Layer<'_>, lead: Lead, hit: usize, done: &mut Done, budget: &mut Budget<'_>) {
        match lead {
            Lead::Webhook => webhook::examine(layer, hit, &mut self.sights),
            Lead::Name => assigned::named(layer, hit, &mut self.sights),
            Lead::Claim => assigned::claim(layer, hit, &mut self.sights),
            Lead::Encoded(encoding) => self.encoded(layer, encoding, hit, done, budget),
        }
    }

    fn as_container(&mut self, layer: &Layer<'_>, budget: &mut Budget<'_>) {
        if layer.can_be_container()
            && let Some(format) = container::sniff(layer.bytes)
        {
            self.container(layer, format, Told::All, budget);
        } else if layer.may_hold_container() || (layer.is_whole && container::is_behind_script(layer.bytes)) {
            self.containers_within(layer, budget);
        }
    }

    /// A needle of an encoding at `hit`.
    fn encoded(&mut self, layer: &Layer<'_>, encoding: Encoding, hit: usize, done: &mut Done, budget: &mut Budget<'_>) {
        match encoding {
            Encoding::Base64 { alignment } => {
                // The characters before the needle's first that belong to its group of four.
                let lead = (alignment * 8).div_ceil(6);
                self.base64(layer, hit, Some((4 - lead) % 4), done, budget);
            }
            Encoding::Wide => _ = self.candidate(layer, Candidate::Wide(hit), done, budget),
            Encoding::Hex => _ = self.candidate(layer, Candidate::Hex(hit), done, budget),
            Encoding::Percent | Encoding::Backslash | Encoding::Entities | Encoding::QuotedPrintable => {}
        }
    }

    /// Decodes what a candidate stands in and scans it; up to where that goes.
    fn candidate(
        &mut self,
        layer: &Layer<'_>,
        candidate: Candidate,
        done: &mut Done,
        budget: &mut Budget<'_>,
    ) -> usize {
        let bytes = layer.bytes;
        if !self.has_time(budget) {
            return bytes.len();
        }
        let (kind, at) = match candidate {
            Candidate::Base64 { at, is_container } => {
                return self.base64(layer, at, is_container.then_some(0), done, budget);
            }
            Candidate::Wide(at) => (WIDE + (at % 2) as u8, at),
            Candidate::Hex(at) => (HEX + (at % 2) as u8, at),
            Candidate::Dump(at) => (DUMP, at),
            Candidate::Escape(at, encoding) if layer.was_decoded_before(&self.detector.needles, at, encoding) => {
                return at + 1;
            }
            Candidate::Quoted(at)
                if layer.was_decoded_before(&self.detector.needles, at, Encoding::QuotedPrintable) =>
            {
                return at + 1;
            }
            Candidate::Quoted(at) => (QUOTED, at),
            Candidate::Prefix(at) => {
                token::examine(layer, at, &mut self.sights);
                return at;
            }
            Candidate::Escape(at, encoding) => return self.escape(layer, (at, encoding), budget),
        };
        if let Some(to) = done.has(kind, at) {
            return to;
        }
        let is_deepest = layer.depth >= self.limits.depth;
        if !is_deepest && !self.affords(layer, 0, budget) {
            return bytes.len();
        }
        let Some((decoded, joins)) = self.reading(layer, candidate, is_deepest, budget) else { return at };
        done.runs.insert((kind, decoded.from), decoded.to);
        if matches!(candidate, Candidate::Hex(_)) && matches!(decoded.positions, Positions::Places(_)) {
            // Where something stands between the bytes, they begin at odd places and even ones.
            done.runs.insert((HEX + HEX + 1 - kind, decoded.from), decoded.to);
        }
        if is_deepest {
            if !could_hold_key(&decoded.text) {
                return decoded.to;
            }
            self.unread.limit(TOO_DEEP);
            return bytes.len();
        }
        let to = self.decoded(layer, decoded, joins, budget);
        if let Candidate::Hex(at) = candidate
            // Hex of hex reads as text the other way as well.
            && hex::is_text_at(bytes, at + 1)
            && done.has(HEX + ((at + 1) % 2) as u8, at + 1).is_none()
        {
            self.candidate(layer, Candidate::Hex(at + 1), done, budget);
        }
        to
    }

    /// What a candidate stands in, decoded, and how that joins lines. Of wide text all readings but the last are scanned.
    fn reading(
        &mut self,
        layer: &Layer<'_>,
        candidate: Candidate,
        is_deepest: bool,
        budget: &mut Budget<'_>,
    ) -> Option<(Decoded, Joins)> {
        let bytes = layer.bytes;
        match candidate {
            Candidate::Wide(at) => {
                // Where both byte orders can be meant, both are read.
                let mut readings = wide::decode(bytes, at).into_iter();
                let last = readings.next_back()?;
                for reading in readings.filter(|_| !is_deepest) {
                    self.decoded(layer, reading, Joins::Nothing, budget);
                }
                Some((last, Joins::Nothing))
            }
            Candidate::Hex(at) => Some((hex::decode(bytes, at), Joins::Nothing)),
            Candidate::Dump(at) => hex::decode_dump(bytes, at).map(|decoded| (decoded, Joins::Nothing)),
            Candidate::Quoted(at) => {
                let (decoded, escapes) = quoted::decode(bytes, at);
                Some((decoded, if escapes { Joins::QuotedLines } else { Joins::Lines }))
            }
            Candidate::Base64 { .. } | Candidate::Escape(..) | Candidate::Prefix(_) => None,
        }
    }

    /// Undoes the escapes around one of them; up to where that goes.
    fn escape(&mut self, layer: &Layer<'_>, (at, encoding): (usize, Encoding), budget: &mut Budget<'_>) -> usize {
        // Several kinds in one text are undone by turns.
        const TURNS: usize = 3;
        let bytes = layer.bytes;
        if layer.escapes >= self.limits.depth + TURNS {
            self.unread.limit(TOO_DEEP);
            return bytes.len();
        }
        // What Python prints of a container's bytes has quotes of the other kind as they stand.
        let is_container =
            encoding == Encoding::Backslash && container::within(&escapes::beginning(bytes, at), 0).is_some();
        let decoded = match is_container {
            true => escapes::decode_literal(bytes, at),
            false => escapes::decode(bytes, at, encoding),
        };
        decoded.map_or(at, |decoded| self.decoded(layer, decoded, Joins::Nothing, budget))
    }

    /// Decodes the run of base64 around `at` in the alignment that a needle tells (counted from `at`), or in every one
    /// in which it reads as text.
    fn base64(
        &mut self,
        layer: &Layer<'_>,
        at: usize,
        offset: Option<usize>,
        done: &mut Done,
        budget: &mut Budget<'_>,
    ) -> usize {
        let bytes = layer.bytes;
        let (run, decoded_in) = match done.base64.take() {
            Some((run, phases)) if (run.from..run.to).contains(&at) => (run, phases),
            _ => (base64::run(bytes, at), 0),
        };
        // Which alignments read as text is asked once of a run.
        if offset.is_none() && decoded_in & ASKED != 0 {
            let to = run.to;
            done.base64 = Some((run, decoded_in));
            return to;
        }
        let wanted = match offset {
            Some(offset) => 1 << ((run.number(at) + offset) % 4),
            None => ASKED | run.text_phases(bytes) | u8::from(base64::begins_container(&bytes[run.from..])),
        };
        if layer.depth >= self.limits.depth && !could_hold_key(&bytes[run.from..run.to]) {
            return run.to;
        }
        for phase in (0..4).filter(|phase| wanted & !decoded_in & (1 << phase) != 0) {
            if self.affords(layer, run.plain_len() as u64, budget) {
                let decoded = run.decode(bytes, phase);
                self.child(layer, decoded, Joins::Nothing, budget);
            }
        }
        if decoded_in == 0 {
            for number in run.container_lines(bytes) {
                let decoded = run.decode(bytes, number);
                if self.affords(layer, decoded.text.len() as u64, budget) {
                    self.child(layer, decoded, Joins::Nothing, budget);
                }
            }
        }
        let to = run.to;
        done.base64 = Some((run, decoded_in | wanted | LOOKED_AT));
        to
    }

    /// Whether so many bytes more may be decoded, one layer further down; a limit that forbids it is told.
    fn affords(&mut self, layer: &Layer<'_>, bytes: u64, budget: &mut Budget<'_>) -> bool {
        if layer.depth >= self.limits.depth {
            self.unread.limit(TOO_DEEP);
            return false;
        }
        match budget.produce(bytes) {
            Ok(()) => true,
            Err(limit) => {
                self.unread.limit(limit.name());
                false
            }
        }
    }

    fn decoded(&mut self, layer: &Layer<'_>, decoded: Decoded, joins: Joins, budget: &mut Budget<'_>) -> usize {
        let to = decoded.to;
        match budget.produce(decoded.text.len() as u64) {
            Ok(()) => self.child(layer, decoded, joins, budget),
            Err(limit) => self.unread.limit(limit.name()),
        }
        to
    }

    fn child(&mut self, layer: &Layer<'_>, decoded: Decoded, joins: Joins, budget: &mut Budget<'_>) {
        let Decoded { text, positions, encoding, name, .. } = decoded;
        let mut below = Layer::decoded(layer, &text, positions, (encoding, name));
        below.joins = joins;
        self.layer(&below, budget);
    }

    /// Opens the containers that begin somewhere in a layer and are spelt in its escapes, or stand behind a script.
    fn containers_within(&mut self, layer: &Layer<'_>, budget: &mut Budget<'_>) {
        /// So many marks are tried: a text with more of them was made to have them.
        const MOST: usize = 1024;
        /// A mark, and enough behind it that no container has in letters only.
        const MARK: usize = 16;
        let (mut at, mut taken) = (0, Vec::new());
        for _ in 0..MOST {
            let Some(hit) = container::within(layer.bytes, at) else { return };
            at = hit + 1;
            let rest = Layer::rest(layer, hit);
            if !layer.is_plain(hit, layer.bytes.len().min(hit + MARK))
                // What an earlier one has, stored as it is or by chance, was read there.
                && !taken.iter().any(|part: &Range<usize>| part.contains(&hit))
                && let Some(format) = container::sniff(rest.bytes)
            {
                let parts = self.container(&rest, format, Told::WhereRead, budget);
                taken.extend(parts.into_iter().map(|part| hit + part.start..hit + part.end));
            }
        }
        self.unread.limit("containers in one text");
    }

    /// Reads a container; which parts of it made sense.
    fn container(
        &mut self,
        layer: &Layer<'_>,
        format: Format,
        told: Told,
        budget: &mut Budget<'_>,
    ) -> Vec<Range<usize>> {
        if layer.depth >= self.limits.depth {
            self.unread.limit(TOO_DEEP);
            return Vec::new();
        }
        if !self.limits.containers {
            self.unread.limit("containers are not opened");
            return Vec::new();
        }
        let members = self.members;
        let (outcome, taken) = container::unpack(format, layer.bytes, budget, &mut |member, budget| {
            self.members += 1;
            let below = Layer::member(layer, member.bytes, member.step, member.path, self.members);
            self.layer(&below, budget);
            // A name says as much as a content.
            if let Some(path) = member.path {
                self.members += 1;
                let below = Layer::member(layer, path, member.step, Some(path), self.members);
                self.layer(&below, budget);
            }
        });
        match outcome {
            Outcome::NotOne | Outcome::Read => {}
            // A mark in a program that knows of the format.
            Outcome::Opaque(_) if told == Told::WhereRead && self.members == members => {}
            Outcome::Opaque(reason) => self.unread.opaque.push(Opaque { chain: layer.chain(), reason }),
            Outcome::Limited(reason) => self.unread.limit(reason),
        }
        taken
    }
}

/// Whether there are enough different bytes in `text` for a key in whatever encoding: even hex of hex of one has more. A
/// row of one digit, which reads as hex of such a row again and again, holds none.
fn could_hold_key(text: &[u8]) -> bool {
    const FEWEST: u32 = 6;
    let mut seen = [0u64; 4];
    text.iter().any(|byte| {
        seen[usize::from(byte >> 6)] |= 1 << (byte & 63);
        seen.iter().map(|bits| bits.count_ones()).sum::<u32>() >= FEWEST
    })
}

/// Which containers that cannot be read are told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    All,
    /// Only where some of it can.
    WhereRead,
}

/// Notes a reading of `from..to` of a layer, unless there are too many ([`Scan::has_too_many`]).
pub(super) fn note(layer: &Layer<'_>, from: usize, to: usize, what: What, sights: &mut Vec<Sight>) {
    note_ending(layer, (from, to), layer.ending(to), what, sights);
}

/// The same of a secret whose body ends at `body_end`, padding apart: an escape may go on with it there, and what comes of
/// escapes is a whole where it has the length of one.
pub(super) fn note_secret(
    layer: &Layer<'_>,
    (from, body_end, to): (usize, usize, usize),
    what: What,
    sights: &mut Vec<Sight>,
) {
    let What::Key { key, kind, .. } = &what else { return note(layer, from, to, what, sights) };
    // Whole bytes in base64 say so by their padding; a webhook's secret mostly has twenty-four, which need none.
    let is_padded = to > body_end && key.body().len().is_multiple_of(4);
    let is_whole = is_padded || (*kind == Kind::WebhookSecret && key.body().len() == 32);
    // What looks like its padding may be quoted-printable's.
    let goes_on = escapes::goes_on(layer.bytes, body_end);
    let was_escaped = layer.escapes > 0 && !is_whole;
    let ending = if goes_on || was_escaped { Ending::Open } else { layer.ending(to) };
    note_ending(layer, (from, to), ending, what, sights);
}

fn note_ending(layer: &Layer<'_>, (from, to): (usize, usize), ending: Ending, what: What, sights: &mut Vec<Sight>) {
    if sights.len() >= MOST_SIGHTS {
        return;
    }
    sights.push(Sight {
        member: layer.member,
        local: layer.local_span(from, to),
        span: layer.span(from, to),
        chain: layer.chain(),
        in_container: layer.in_container(),
        ending,
        number: 0,
        what,
    });
}
