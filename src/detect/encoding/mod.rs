//! Encodings: ways in which text can stand in bytes.
//!
//! An encoding gives two things. Either the needles that must stand in encoded bytes for a prefix to be there
//! ([`Encoding::needles`], derived by code and never typed in) or, where it has no fixed spelling, a cheap detector of
//! runs (`probe`). And the way back (`decode` of each): from a place in the bytes to the plain text of the whole run around
//! it, with a map from positions in the text to positions in the bytes. What comes out is a layer like any other, and
//! is searched like any other: so chains compose.

pub(super) mod base64;
pub(super) mod broken;
pub(super) mod escapes;
pub(super) mod hex;
pub(super) mod quoted;
pub(super) mod wide;

use super::layer::Positions;

/// A way in which text can stand in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Encoding {
    /// UTF-16 and UTF-32, either byte order: which it is, the bytes around a place tell.
    Wide,
    /// Standard and URL-safe alphabet alike, on one line or many; how many plain bytes stand before a place in its
    /// group of three.
    Base64 { alignment: usize },
    /// Two hex digits a byte, with or without something between each two.
    Hex,
    /// `%73`.
    Percent,
    /// `\u0073`, `\x73`, `\163`, `\/` and the other escapes of JSON and C.
    Backslash,
    /// `&#115;`.
    Entities,
    /// `=73`, and line ends after a `=`.
    QuotedPrintable,
}

/// The plain text of a run.
pub(super) struct Decoded {
    pub(super) text: Vec<u8>,
    pub(super) positions: Positions,
    pub(super) encoding: Encoding,
    /// The encoding's name in reports.
    pub(super) name: &'static str,
    /// The run's bytes.
    pub(super) from: usize,
    pub(super) to: usize,
}

impl Encoding {
    /// What `text` looks like in this encoding, in every way that has a fixed spelling.
    pub(super) fn needles(text: &[u8]) -> Vec<(Self, Vec<u8>)> {
        let mut all = vec![(Self::Wide, wide::utf16_core(text))];
        all.extend((0..3).map(|alignment| (Self::Base64 { alignment }, crate::key::base64::core(text, alignment))));
        all.extend(hex::spellings(text).map(|spelling| (Self::Hex, spelling)));
        all
    }
}
