//! Layers: an object's bytes, what its encoded parts say, what those say in turn.

use std::sync::Arc;

use super::encoding::{Encoding, base64, broken, escapes};
use super::needles::Needles;
use super::places::Places;
use super::probe;
use super::senders::Senders;
use crate::model::Span;

/// One step on the way from an object's bytes to a text in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// An encoding or a container that was undone, by its name.
    Undone(&'static str),
    /// The path of a container's member: its bytes are a repository's, not masked yet.
    Member(Vec<u8>),
}

impl Step {
    /// The name or path.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Undone(name) => name.as_bytes(),
            Self::Member(path) => path,
        }
    }
}

/// The steps that were taken, outermost first; none for text that stands as it is.
pub type Chain = Arc<[Step]>;

/// From positions in a decoded text to positions in the bytes it was decoded from.
pub(super) enum Positions {
    /// Character `n` is the `width` bytes at `first + n * width`.
    Units { first: usize, width: usize },
    /// Six bits a byte, from this one on.
    Sextets { first: usize },
    /// Six bits a byte, of a run that goes over lines, from its character of this number on.
    ScatteredSextets { lines: Arc<base64::Lines>, first: usize },
    /// Where each character begins and ends.
    Places(Places),
    /// All of it stands for all of the text: a container.
    Whole(Span),
}

impl Positions {
    fn start(&self, at: usize) -> usize {
        match self {
            Self::Units { first, width } => first + at * width,
            Self::Sextets { first } => first + at * 8 / 6,
            Self::ScatteredSextets { lines, first } => lines.place(first + at * 8 / 6).unwrap_or(0),
            Self::Places(places) => places.start(at),
            Self::Whole(span) => span.start,
        }
    }

    /// One past the bytes that stand for the text up to `at`, which is not 0.
    fn end(&self, at: usize) -> usize {
        match self {
            Self::Units { first, width } => first + at * width,
            Self::Sextets { first } => first + (at * 8).div_ceil(6),
            Self::ScatteredSextets { lines, first } => {
                lines.place(first + (at * 8).div_ceil(6).saturating_sub(1)).map_or(0, |place| place + 1)
            }
            Self::Places(places) => places.end(at.saturating_sub(1)),
            Self::Whole(span) => span.end,
        }
    }

    /// Whether nothing stands between the characters of `from..to` that stands for none of them.
    fn is_gapless(&self, from: usize, to: usize) -> bool {
        match self {
            Self::Places(places) => places.is_gapless(from, to),
            _ => true,
        }
    }

    /// Whether the character at `at` begins a line of a run that goes over several: what the line before says may be
    /// no part of it.
    fn begins_line(&self, at: usize) -> bool {
        let Self::ScatteredSextets { lines, first } = self else { return false };
        let number = at * 8 / 6;
        (at * 8).is_multiple_of(6) && number > 0 && lines.begins_at(first + number)
    }

    /// Whether each character of `from..to` is one byte of what it was decoded from: then it stands there as it is.
    fn is_plain(&self, from: usize, to: usize) -> bool {
        matches!(self, Self::Places(_)) && self.end(to) - self.start(from) == to - from
    }
}

/// How a text ends that stands at the end of a run of an encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Whole,
    /// With a `=` that pads the run, unless it is a soft line break.
    Padded,
    /// Where the run is broken off, and more may belong to the text.
    Cut,
    /// It is no length that such a secret has, or an escape stands behind it that may go on with it.
    Open,
}

/// Whether an encoding took line ends out of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joins {
    Nothing,
    /// And did nothing else: any `=` at a line end looks so.
    Lines,
    /// Where other escapes say that it is quoted-printable indeed.
    QuotedLines,
}

/// Text, and how it was come by.
pub(super) struct Layer<'a> {
    pub(super) bytes: &'a [u8],
    origin: Option<(&'a Layer<'a>, Positions)>,
    steps: Vec<Step>,
    /// The encoding that was undone last, if it was one.
    undone: Option<Encoding>,
    /// How many encodings and containers deep it lies, escapes of single characters apart.
    pub(super) depth: usize,
    /// How many times escapes of single characters were undone.
    pub(super) escapes: usize,
    /// Which member of a container it is, or stands in; 0 outside of containers.
    pub(super) member: u32,
    /// Whether line ends were taken out of it.
    pub(super) joins: Joins,
    /// Whether nothing stands before or behind it: a container is one only whole.
    pub(super) is_whole: bool,
    /// Who sends webhooks, by the names in it.
    pub(super) senders: Senders,
}

impl<'a> Layer<'a> {
    /// An object's own bytes.
    pub(super) fn object(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            origin: None,
            steps: Vec::new(),
            undone: None,
            depth: 0,
            escapes: 0,
            member: 0,
            joins: Joins::Nothing,
            is_whole: true,
            senders: Senders::default(),
        }
    }

    /// A part of an object's bytes.
    pub(super) fn part(bytes: &'a [u8]) -> Self {
        Self { is_whole: false, ..Self::object(bytes) }
    }

    /// What a part of `parent` says, by the name that reports give its encoding.
    pub(super) fn decoded(
        parent: &'a Layer<'a>,
        bytes: &'a [u8],
        positions: Positions,
        (encoding, name): (Encoding, &'static str),
    ) -> Self {
        let is_escape = matches!(encoding, Encoding::Percent | Encoding::Backslash | Encoding::Entities);
        Self {
            origin: Some((parent, positions)),
            steps: vec![Step::Undone(name)],
            undone: Some(encoding),
            depth: parent.depth + usize::from(!is_escape),
            escapes: parent.escapes + usize::from(is_escape),
            member: parent.member,
            ..Self::object(bytes)
        }
    }

    /// Member number `member` of the container that `parent` is.
    pub(super) fn member(
        parent: &'a Layer<'a>,
        bytes: &'a [u8],
        name: &'static str,
        path: Option<&[u8]>,
        member: u32,
    ) -> Self {
        let mut steps = vec![Step::Undone(name)];
        steps.extend(path.map(|path| Step::Member(path.to_vec())));
        let all = Positions::Whole(Span { start: 0, end: parent.bytes.len() });
        Self {
            origin: Some((parent, all)),
            steps,
            depth: parent.depth + 1,
            escapes: parent.escapes,
            member,
            ..Self::object(bytes)
        }
    }

    /// What of `parent` begins at `at`.
    pub(super) fn rest(parent: &'a Layer<'a>, at: usize) -> Self {
        Self {
            origin: Some((parent, Positions::Units { first: at, width: 1 })),
            depth: parent.depth,
            escapes: parent.escapes,
            member: parent.member,
            ..Self::object(&parent.bytes[at..])
        }
    }

    /// The object's bytes that stand for `from..to` of this text.
    pub(super) fn span(&self, from: usize, to: usize) -> Span {
        match &self.origin {
            None => Span { start: from, end: to },
            Some((parent, positions)) => {
                let start = positions.start(from).min(parent.bytes.len());
                parent.span(start, positions.end(to.max(from + 1)).clamp(start, parent.bytes.len()))
            }
        }
    }

    /// The same in the bytes of the innermost container's member that it stands in.
    pub(super) fn local_span(&self, from: usize, to: usize) -> Span {
        match &self.origin {
            Some((parent, positions)) if !matches!(positions, Positions::Whole(_)) => {
                let start = positions.start(from).min(parent.bytes.len());
                parent.local_span(start, positions.end(to.max(from + 1)).clamp(start, parent.bytes.len()))
            }
            _ => Span { start: from, end: to },
        }
    }

    /// Whether it may be a container: an object, a member of another, or what somebody encoded as a whole. An escape
    /// stands for a character of a text.
    pub(super) fn can_be_container(&self) -> bool {
        self.is_whole && matches!(self.undone, None | Some(Encoding::Base64 { .. } | Encoding::Hex))
    }

    /// Whether a container may begin in it beside other text: what is spelt byte by byte has no beginning of its own.
    pub(super) fn may_hold_container(&self) -> bool {
        use Encoding::{Backslash, Hex, Percent, QuotedPrintable};
        matches!(self.undone, Some(Backslash | Hex | Percent | QuotedPrintable))
    }

    /// Whether it stands in a container, where there are no lines of the object's.
    pub(super) fn in_container(&self) -> bool {
        self.member > 0
    }

    /// Whether `from..to` stands in the parent letter for letter, where it is found without decoding.
    pub(super) fn is_plain(&self, from: usize, to: usize) -> bool {
        self.origin.as_ref().is_some_and(|(_, positions)| positions.is_plain(from, to))
    }

    /// Whether nothing was taken out between the characters of `from..to`.
    pub(super) fn is_gapless(&self, from: usize, to: usize) -> bool {
        self.origin.as_ref().is_none_or(|(_, positions)| positions.is_gapless(from, to))
    }

    /// Whether the character at `at` begins a line of wrapped base64.
    pub(super) fn begins_line(&self, at: usize) -> bool {
        self.origin.as_ref().is_some_and(|(_, positions)| positions.begins_line(at))
    }

    /// The same for what is judged by what stands right beside it: an escape may end before it, a letter follow.
    pub(super) fn is_plain_around(&self, from: usize, to: usize) -> bool {
        const BESIDE: usize = 12;
        self.is_plain(from.saturating_sub(BESIDE), (to + 1).min(self.bytes.len()))
    }

    /// Whether an escape of this encoding at `at` stands in the parent as it does here, and is decoded there: where a
    /// text has several kinds of escapes, they are undone in one order only. Quoted-printable comes first, since it
    /// joins lines.
    pub(super) fn was_decoded_before(&self, needles: &Needles, at: usize, escape: Encoding) -> bool {
        /// The longest escape.
        const ESCAPE: usize = 6;
        let rank = |encoding| match encoding {
            Encoding::Percent => 1,
            Encoding::Backslash => 2,
            Encoding::Entities => 3,
            _ => 0,
        };
        let own = self.undone.map_or(0, rank);
        let is_decoded_there = || match (self.outside(at), escape) {
            (Some((parent, from)), Encoding::QuotedPrintable) => probe::begins_quoted(needles, parent.bytes, from),
            (Some((parent, from)), _) => escapes::escape_at(parent.bytes, from) == Some(escape),
            (None, _) => false,
        };
        own > 0 && rank(escape) <= own && self.is_plain(at, (at + ESCAPE).min(self.bytes.len())) && is_decoded_there()
    }

    /// Whether the text up to `end` ends where the run that it was decoded from, or one around that, goes on behind what
    /// breaks lines: then more may belong to it.
    pub(super) fn ending(&self, end: usize) -> Ending {
        let Some((parent, _)) = self.outside(0).filter(|_| end >= self.bytes.len()) else { return Ending::Whole };
        let is_part: fn(u8) -> bool = match self.undone {
            Some(Encoding::Base64 { .. }) => base64::is_base64,
            Some(Encoding::Hex) => |byte| byte.is_ascii_hexdigit(),
            _ => return parent.ending(self.end_outside(end)),
        };
        // Bits that make no whole byte.
        let to = self.end_outside(end);
        let to = to + parent.bytes[to..].iter().take(3).take_while(|byte| is_part(**byte)).count();
        match broken::goes_on(parent.bytes, to, is_part) {
            false => parent.ending(to),
            true if base64::is_padded(parent.bytes, to, self.bytes.len()) => Ending::Padded,
            true => Ending::Cut,
        }
    }

    /// The layer this one was decoded from, and where `at` stands in it.
    pub(super) fn outside(&self, at: usize) -> Option<(&'a Layer<'a>, usize)> {
        let (parent, positions) = self.origin.as_ref()?;
        (!matches!(positions, Positions::Whole(_))).then(|| (*parent, positions.start(at).min(parent.bytes.len())))
    }

    /// The same where this one is wide text, and how many bytes each of its characters has there.
    pub(super) fn wide_outside(&self, at: usize) -> Option<(&'a Layer<'a>, usize, usize)> {
        match &self.origin {
            Some((parent, positions @ Positions::Units { width, .. })) if self.undone == Some(Encoding::Wide) => {
                Some((*parent, positions.start(at).min(parent.bytes.len()), *width))
            }
            _ => None,
        }
    }

    /// Where the text up to `to` ends in the layer this one was decoded from.
    pub(super) fn end_outside(&self, to: usize) -> usize {
        self.origin.as_ref().map_or(to, |(parent, positions)| positions.end(to).min(parent.bytes.len()))
    }

    /// All steps, outermost first.
    pub(super) fn chain(&self) -> Chain {
        let mut steps = Vec::new();
        self.collect(&mut steps);
        steps.into()
    }

    fn collect(&self, steps: &mut Vec<Step>) {
        if let Some((parent, _)) = &self.origin {
            parent.collect(steps);
        }
        steps.extend_from_slice(&self.steps);
    }
}
