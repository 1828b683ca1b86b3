//! What a detector has come upon, so that it shows none of it anywhere.
//!
//! Many credentials are known by the name of their variable alone, and a piece of a name that an escape has cut out of its
//! text has half a key in it: where they stand by themselves, in a subject or a path, no search tells them. But who looks
//! for what may be shown has read the repository before.

use std::borrow::Cow;
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, Ordering};

use rustc_hash::FxHashMap;

use super::Found;
use crate::key::KeyText;
use crate::model::Span;

/// By so many bytes a text is looked up; what is shorter is no credential.
const START: usize = 8;

/// A body that is shorter can be a word.
const SHORTEST_BODY: usize = 20;

/// So many texts are kept.
const MOST: usize = 200_000;

/// Texts by their first bytes. Memory: theirs, and some hundred bytes each.
#[derive(Default)]
pub(super) struct Learned {
    any: AtomicBool,
    texts: RwLock<FxHashMap<[u8; START], Vec<KeyText>>>,
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
        self.text(Cow::Borrowed(key));
        if key.body().len() >= SHORTEST_BODY && key.body().len() < key.length() {
            self.text(Cow::Owned(KeyText::new(key.body())));
        }
    }

    fn text(&self, text: Cow<'_, KeyText>) {
        let Some(start) = text.expose().first_chunk::<START>() else { return };
        let is_there = |texts: &FxHashMap<_, Vec<KeyText>>| texts.get(start).is_some_and(|all| all.contains(&text));
        // A key mostly stands in many objects.
        if self.texts.read().is_ok_and(|texts| texts.len() >= MOST || is_there(&texts)) {
            return;
        }
        if let Ok(mut texts) = self.texts.write()
            && !is_there(&texts)
        {
            texts.entry(*start).or_default().push(text.into_owned());
            self.any.store(true, Ordering::Release);
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
        for (start, window) in text.windows(START).enumerate() {
            let Ok(window) = <&[u8; START]>::try_from(window) else { continue };
            let all = texts.get(window).into_iter().flatten();
            let here = all.filter(|one| text[start..].starts_with(one.expose())).max_by_key(|one| one.length());
            spans.extend(here.map(|one| (Span { start, end: start + one.length() }, one.hint())));
        }
        spans
    }
}
