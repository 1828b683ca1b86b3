//! What a detector has come upon, so that it shows none of it anywhere.
//!
//! Many credentials are known by the name of their variable alone, and a piece of a name that an escape has cut out of its
//! text has half a key in it: where they stand by themselves, in a subject or a path, no search tells them. But who looks
//! for what may be shown has read the repository before.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Found;
use crate::key::KeyText;
use crate::model::Span;

/// By so many bytes a text is looked up; what is shorter is no credential.
const START: usize = 8;

/// A body that is shorter can be a word.
const SHORTEST_BODY: usize = 20;

/// So many texts are kept.
const MOST: usize = 200_000;

#[derive(Default)]
pub(super) struct Learned {
    any: AtomicBool,
    texts: RwLock<Texts>,
}

/// Credentials, to be found where they stand. Memory: theirs, and some hundred bytes each. By hashes that nobody can
/// foretell, since a repository can be full of texts that were chosen.
#[derive(Default)]
struct Texts {
    count: usize,
    hasher: RandomState,
    by_hash: HashMap<u64, Vec<KeyText>>,
    /// How long those are that begin with some bytes, the longest first: thousands begin alike, and have few lengths.
    lengths: HashMap<[u8; START], Vec<usize>>,
}

impl Texts {
    fn get(&self, text: &[u8]) -> Option<&KeyText> {
        self.by_hash.get(&self.hasher.hash_one(text))?.iter().find(|known| known.expose() == text)
    }

    fn add(&mut self, text: KeyText) {
        let Some(start) = text.expose().first_chunk::<START>().filter(|_| self.get(text.expose()).is_none()) else {
            return;
        };
        let lengths = self.lengths.entry(*start).or_default();
        if let Err(at) = lengths.binary_search_by_key(&Reverse(text.length()), |length| Reverse(*length)) {
            lengths.insert(at, text.length());
        }
        self.by_hash.entry(self.hasher.hash_one(text.expose())).or_default().push(text);
        self.count += 1;
    }

    /// The longest that `text` begins with.
    fn at_start_of(&self, text: &[u8]) -> Option<&KeyText> {
        let lengths = self.lengths.get(text.first_chunk::<START>()?)?;
        lengths.iter().find_map(|length| self.get(text.get(..*length)?))
    }
}

impl Learned {
    /// Keeps what was found, and the body of a key by itself.
    pub(super) fn add(&self, found: &Found) {
        match found {
            Found::Key(found) => self.key(&found.key),
            Found::OtherVendor { token, .. } => self.key(token),
            Found::HalfMasked { .. } | Found::Placeholder { .. } | Found::Publishable { .. } => {}
        }
    }

    fn key(&self, key: &KeyText) {
        // A key mostly stands in many objects.
        if self.texts.read().is_ok_and(|texts| texts.count >= MOST || texts.get(key.expose()).is_some()) {
            return;
        }
        if let Ok(mut texts) = self.texts.write() {
            if key.body().len() >= SHORTEST_BODY && key.body().len() < key.length() {
                texts.add(KeyText::new(key.body()));
            }
            texts.add(key.clone());
            self.any.store(texts.count > 0, Ordering::Release);
        }
    }

    /// Where any of it stands in `text`, and what is to stand there; of two at one place the longer. Cost: a look at each
    /// byte, and nothing where nothing was found yet.
    pub(super) fn spans(&self, text: &[u8]) -> Vec<(Span, String)> {
        let mut spans = Vec::new();
        if !self.any.load(Ordering::Acquire) {
            return spans;
        }
        let Ok(texts) = self.texts.read() else { return spans };
        for start in 0..text.len() {
            let here = texts.at_start_of(&text[start..]);
            spans.extend(here.map(|one| (Span { start, end: start + one.length() }, one.hint())));
        }
        spans
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_that_begin_alike_each_is_found_and_the_longest_of_those_at_one_place() {
        let learned = Learned::default();
        let key = |number: usize, body: usize| KeyText::new(format!("sk_{}_{number:0body$}", "test").as_bytes());
        (0..20_000).for_each(|number| learned.key(&key(number, 24 + number % 3)));
        let text = [key(7, 25).expose(), b" ", &key(9_000, 24).expose()[8..], b" ", key(20_001, 24).expose()].concat();
        let found: Vec<(usize, usize)> = learned.spans(&text).iter().map(|(span, _)| (span.start, span.end)).collect();
        assert_eq!(found, [(0, 33), (8, 33), (34, 58)]);
        learned.key(&KeyText::new(&text[..58]));
        assert_eq!(learned.spans(&text)[0].0, Span { start: 0, end: 58 });
    }
}
