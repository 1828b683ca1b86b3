//! What was come upon, without what says the same twice or reads less of it.
//!
//! One text can be read in several ways: a key whose last letter is escaped looks, as it stands, like somebody else's
//! shorter token. Of readings that overlap the surest stays.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use super::layer::{Chain, Ending};
use super::lines::Lines;
use super::{Found, KeyFound};
use crate::key::{BODY, KeyText, Publishable, Vendor};
use crate::model::{Confidence, Kind, Span};

/// The length of `sk_live_` and `sk_test_`.
const PREFIX: usize = 8;

/// One reading of one place.
pub(super) struct Sight {
    /// Which member of a container it stands in; 0 for the object itself.
    pub(super) member: u32,
    /// Where in that member.
    pub(super) local: Span,
    /// The object's bytes that stand for it.
    pub(super) span: Span,
    pub(super) chain: Chain,
    pub(super) in_container: bool,
    /// Whether it may go on where its reading ends.
    pub(super) ending: Ending,
    /// When it was come upon.
    pub(super) number: usize,
    pub(super) what: What,
}

pub(super) enum What {
    Key {
        key: KeyText,
        kind: Kind,
        confidence: Confidence,
        reasons: Vec<&'static str>,
        variable: Option<Vec<u8>>,
    },
    /// `by_own_name`: the name of its own variable says whose it is.
    OtherVendor {
        vendor: Vendor,
        token: KeyText,
        by_own_name: bool,
    },
    HalfMasked {
        token: KeyText,
    },
    Placeholder {
        token: KeyText,
    },
    Publishable {
        key: Publishable,
    },
}

impl Sight {
    /// The better reading is the greater.
    fn rank(&self) -> impl Ord + use<> {
        let by_kind = match &self.what {
            // Of two that are as sure, one that has the length of a key says more than a part of it.
            What::Key { key, kind, confidence, .. } => {
                (3, Some(*confidence), *kind == Kind::SecretKey && key.length() == PREFIX + BODY)
            }
            What::HalfMasked { .. } => (2, None, false),
            What::OtherVendor { .. } => (1, None, false),
            What::Placeholder { .. } | What::Publishable { .. } => (0, None, false),
        };
        // What may be a part of something says less than any reading of the whole.
        (self.ending != Ending::Cut, by_kind, Reverse(self.chain.len()), Reverse(self.number))
    }

    /// Whether it is the better reading of two that overlap.
    fn beats(&self, other: &Self) -> bool {
        // What looks padded may be the first line of another vendor's.
        let goes_on_as = |one: &Self, longer: &Self| {
            let is_others = matches!(longer.what, What::OtherVendor { .. });
            one.ending == Ending::Padded && is_others && longer.local.end > one.local.end
        };
        // A secret that an escape goes on with is a part of one that has the length of a whole, and of nothing else.
        let is_part_of = |one: &Self, longer: &Self| {
            let is_key = matches!(longer.what, What::Key { .. });
            one.ending == Ending::Open && is_key && longer.ending == Ending::Whole && longer.local.end > one.local.end
        };
        let yields = |one: &Self, other: &Self| goes_on_as(one, other) || is_part_of(one, other);
        !yields(self, other) && (yields(other, self) || self.rank() > other.rank())
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.member == other.member && self.local.start < other.local.end && other.local.start < self.local.end
    }

    /// The better of two readings stays, with what only the other one saw.
    fn meet(&mut self, mut other: Self) {
        let is_better = other.is_told_from(self) || (other.beats(self) && !self.is_told_from(&other));
        if is_better {
            std::mem::swap(self, &mut other);
        }
        // An escape may hide the variable's name from the reading of the text as it stands.
        if let What::Key { key, variable: variable @ None, .. } = &mut self.what
            && let What::Key { key: same, variable: name @ Some(_), .. } = &mut other.what
            && key == same
        {
            *variable = name.take();
        }
    }

    /// Whether this reading knows by the own variable's name that the text, which the other guesses to be Clerk's by
    /// what stands around it, is another vendor's.
    fn is_told_from(&self, other: &Self) -> bool {
        match (&self.what, &other.what) {
            (What::OtherVendor { token, by_own_name: true, .. }, What::Key { key, confidence, variable: None, .. }) => {
                token == key && *confidence != Confidence::High
            }
            _ => false,
        }
    }

    fn is_publishable(&self) -> bool {
        matches!(self.what, What::Publishable { .. })
    }
}

/// Hands over the readings that stay, in the order in which they stand in `bytes`.
pub(super) fn settle(bytes: &[u8], mut sights: Vec<Sight>, sink: &mut dyn FnMut(Found)) {
    // Of two that are as good the one that was come upon first stays: the sort is stable, and the rank has its number.
    sights.iter_mut().enumerate().for_each(|(number, sight)| sight.number = number);
    sights.sort_by_key(|sight| (sight.member, sight.local.start, sight.local.end));
    let mut kept: Vec<Sight> = Vec::with_capacity(sights.len());
    for sight in sights {
        // A publishable key is public: it hides nothing, and is told however often it stands here.
        let rival = kept.iter().rposition(|old| old.is_publishable() == sight.is_publishable());
        match rival.map(|at| &mut kept[at]) {
            Some(rival) if rival.overlaps(&sight) => {
                rival.meet(sight);
            }
            _ => kept.push(sight),
        }
    }
    kept.sort_by_key(|sight| (sight.span.start, sight.span.end, sight.member));
    one_way_into_containers(&mut kept);
    no_part_of_a_whole(&mut kept);
    let mut lines = Lines::default();
    kept.into_iter().map(|sight| told(bytes, &mut lines, sight)).for_each(sink);
}

/// The same place of a container can be come to by two ways, when what encodes the container is read as two encodings:
/// of what is found by both the shorter way stays.
fn one_way_into_containers(kept: &mut Vec<Sight>) {
    let text = |sight: &Sight| match &sight.what {
        What::Key { key, kind, .. } => Some((key.clone(), Some(*kind))),
        What::OtherVendor { token, .. } | What::HalfMasked { token } | What::Placeholder { token } => {
            Some((token.clone(), None))
        }
        What::Publishable { .. } => None,
    };
    // Where one of the ways begins or ends may differ: what encodes it goes over a line end, or has escapes in it.
    let mut ways: HashMap<_, Vec<(Span, usize)>> = HashMap::new();
    for sight in kept.iter().filter(|sight| sight.in_container) {
        if let Some(text) = text(sight) {
            let ways = ways.entry(text).or_default();
            match ways.iter_mut().find(|(span, _)| *span == sight.span) {
                Some((_, length)) => *length = (*length).min(sight.chain.len()),
                None => ways.push((sight.span, sight.chain.len())),
            }
        }
    }
    let is_better = |(one, one_length): (Span, usize), (other, other_length): (Span, usize)| {
        let overlap = one.start < other.end && other.start < one.end;
        let size = |span: Span| span.end - span.start;
        overlap && (one_length, Reverse(size(one)), one.start) < (other_length, Reverse(size(other)), other.start)
    };
    // Of two ways that are as good the first stays.
    let mut seen = HashSet::new();
    kept.retain(|sight| {
        let Some(text) = text(sight).filter(|_| sight.in_container) else { return true };
        let Some(ways) = ways.get(&text) else { return true };
        !ways.iter().any(|way| is_better(*way, (sight.span, sight.chain.len())))
            && seen.insert((text, sight.span, sight.local, sight.chain.clone()))
    });
}

/// A container whose encoding is broken over lines can be opened by its first line alone, and be cut off in a key: what a
/// whole key that is told of the same place begins with is a part of it.
fn no_part_of_a_whole(kept: &mut Vec<Sight>) {
    let key = |sight: &Sight| match &sight.what {
        What::Key { key, confidence, .. } if sight.in_container => Some((key.clone(), *confidence)),
        _ => None,
    };
    let mut whole: Vec<(KeyText, Span)> = Vec::new();
    let is_whole = |sight: &&Sight| matches!(key(sight), Some((_, Confidence::High)));
    whole.extend(kept.iter().filter(is_whole).filter_map(|sight| Some((key(sight)?.0, sight.span))));
    whole.sort_unstable_by(|one, other| one.0.expose().cmp(other.0.expose()));
    kept.retain(|sight| {
        let Some((part, _)) = key(sight).filter(|(_, confidence)| *confidence != Confidence::High) else { return true };
        let from = whole.partition_point(|(text, _)| text.expose() <= part.expose());
        let longer = whole[from..].iter().take_while(|(text, _)| text.expose().starts_with(part.expose()));
        !longer.into_iter().any(|(_, span)| span.start < sight.span.end && sight.span.start < span.end)
    });
}

fn told(bytes: &[u8], lines: &mut Lines, sight: Sight) -> Found {
    let Sight { span, chain, in_container, what, .. } = sight;
    let mut place = || (!in_container).then(|| lines.of(bytes, &chain, span.start));
    match what {
        What::Key { key, kind, confidence, reasons, variable } => {
            let (line, column) = place().unzip();
            Found::Key(KeyFound { key, kind, confidence, reasons, span, line, column, encoding: chain, variable })
        }
        What::OtherVendor { vendor, token, .. } => Found::OtherVendor { vendor, token, span },
        What::HalfMasked { token } => Found::HalfMasked { token, span },
        What::Placeholder { token } => Found::Placeholder { token, span },
        What::Publishable { key } => {
            let line = place().map(|(line, _)| line);
            Found::Publishable { key, span, line, encoding: chain }
        }
    }
}
