//! The keys that a content pass has come upon, and what their sightings tell together.

use std::collections::{BTreeSet, HashMap};

use super::trace::Wanted;
use crate::detect::KeyFound;
use crate::history::{Bits, NONE};
use crate::key::KeyText;
use crate::model::{Confidence, Kind};
use crate::store::ObjectIndex;

/// So many different keys are told apart; a repository made of nothing else reaches it.
const MOST_KEYS: usize = 50_000;
/// So many names of a key are looked for where it may be deployed.
const MOST_OF_KEY: usize = 1000;

/// A key, as far as its sightings tell.
#[derive(Clone, Debug)]
pub(super) struct KeyInfo {
    pub(super) text: KeyText,
    pub(super) kind: Kind,
    pub(super) confidence: Confidence,
    pub(super) reasons: BTreeSet<&'static str>,
    pub(super) variables: BTreeSet<Vec<u8>>,
    pub(super) sightings: u64,
}

/// Keys seen so far, shared by the threads.
#[derive(Default)]
pub(super) struct KeyTable {
    /// Where it is set, other keys are passed over.
    wanted: Option<Wanted>,
    numbers: HashMap<KeyText, u32>,
    pub(super) texts: Vec<(KeyText, Kind)>,
    /// By key and object; [`NONE`] for text outside any object.
    mentions: HashMap<(u32, ObjectIndex), Mention>,
    pub(super) full: bool,
}

/// What the sightings of one key in one object tell together.
struct Mention {
    count: u64,
    confidence: Confidence,
    reasons: BTreeSet<&'static str>,
    variables: BTreeSet<Vec<u8>>,
}

impl KeyTable {
    /// An empty one; where `wanted` is given, for no other keys.
    pub(super) fn of(wanted: Option<Wanted>) -> Self {
        Self { wanted, ..Self::default() }
    }

    /// Notes a sighting; the key's number, unless there are too many.
    pub(super) fn note(&mut self, found: &KeyFound, object: ObjectIndex) -> Option<u32> {
        /// Names beyond these say nothing more.
        const MOST_VARIABLES: usize = 20;
        if self.wanted.as_ref().is_some_and(|wanted| !wanted.fits(&found.key)) {
            return None;
        }
        let number = match self.numbers.get(&found.key) {
            Some(number) => *number,
            None if self.texts.len() >= MOST_KEYS => {
                self.full = true;
                return None;
            }
            None => {
                let number = self.texts.len() as u32;
                self.numbers.insert(found.key.clone(), number);
                self.texts.push((found.key.clone(), found.kind));
                number
            }
        };
        let mention = self.mentions.entry((number, object)).or_insert_with(|| Mention {
            count: 0,
            confidence: found.confidence,
            reasons: BTreeSet::new(),
            variables: BTreeSet::new(),
        });
        mention.count += 1;
        // The reasons of the surest sighting are the ones that count.
        if found.confidence > mention.confidence {
            mention.confidence = found.confidence;
            mention.reasons.clear();
        }
        if found.confidence == mention.confidence {
            mention.reasons.extend(&found.reasons);
        }
        if let Some(variable) = &found.variable
            && mention.variables.len() < MOST_VARIABLES
        {
            mention.variables.insert(variable.clone());
        }
        Some(number)
    }

    /// What the sightings in relevant objects tell of each key.
    pub(super) fn infos(&self, relevant: &Bits) -> Vec<KeyInfo> {
        let mut infos: Vec<KeyInfo> = self
            .texts
            .iter()
            .map(|(text, kind)| KeyInfo {
                text: text.clone(),
                kind: *kind,
                confidence: Confidence::Low,
                reasons: BTreeSet::new(),
                variables: BTreeSet::new(),
                sightings: 0,
            })
            .collect();
        for ((key, object), mention) in &self.mentions {
            if *object != NONE && !relevant.has(*object) {
                continue;
            }
            let info = &mut infos[*key as usize];
            info.sightings += mention.count;
            info.variables.extend(mention.variables.iter().cloned());
            // The first by name, whatever the order in which they come.
            while info.variables.len() > MOST_OF_KEY {
                info.variables.pop_last();
            }
            if mention.confidence > info.confidence {
                info.confidence = mention.confidence;
                info.reasons.clear();
            }
            if mention.confidence == info.confidence {
                info.reasons.extend(&mention.reasons);
            }
        }
        infos
    }
}
