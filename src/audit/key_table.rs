//! The keys that a content pass has come upon, and what their sightings tell together.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use rustc_hash::FxHashMap;

use super::trace::Wanted;
use crate::detect::KeyFound;
use crate::history::{Bits, KeySets, NONE, SetId};
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
    /// By key and object; [`NONE`] for text outside any object. A file with hundreds of keys has them in hundreds of
    /// versions, so each is small: what sightings say is numbered, and sets of it are kept once.
    mentions: FxHashMap<(u32, ObjectIndex), Mention>,
    sets: KeySets,
    reasons: Numbered<&'static str>,
    variables: Numbered<Vec<u8>>,
    pub(super) full: bool,
}

/// What the sightings of one key in one object tell together.
struct Mention {
    count: u32,
    confidence: Confidence,
    reasons: SetId,
    variables: SetId,
}

/// Values by number, each different one once.
struct Numbered<T> {
    all: Vec<T>,
    numbers: HashMap<T, u32>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { all: Vec::new(), numbers: HashMap::new() }
    }
}

impl<T: Clone + Eq + Hash> Numbered<T> {
    fn number(&mut self, value: &T) -> u32 {
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        let number = self.all.len() as u32;
        self.all.push(value.clone());
        self.numbers.insert(value.clone(), number);
        number
    }

    fn set(&self, numbers: impl Iterator<Item = u32>) -> BTreeSet<T>
    where
        T: Ord,
    {
        numbers.map(|number| self.all[number as usize].clone()).collect()
    }
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
        let reasons = found.reasons.iter().map(|reason| self.reasons.number(reason)).collect();
        let reasons = self.sets.of(reasons);
        let variable = found.variable.as_ref().map(|variable| self.variables.number(variable));
        let mention = self.mentions.entry((number, object)).or_insert_with(|| Mention {
            count: 0,
            confidence: found.confidence,
            reasons,
            variables: SetId::EMPTY,
        });
        mention.count = mention.count.saturating_add(1);
        // The reasons of the surest sighting are the ones that count.
        if found.confidence > mention.confidence {
            (mention.confidence, mention.reasons) = (found.confidence, reasons);
        } else if found.confidence == mention.confidence {
            mention.reasons = self.sets.union(mention.reasons, reasons);
        }
        if let Some(variable) = variable
            && self.sets.keys(mention.variables).take(MOST_VARIABLES).count() < MOST_VARIABLES
        {
            let variable = self.sets.of(vec![variable]);
            mention.variables = self.sets.union(mention.variables, variable);
        }
        Some(number)
    }

    /// Of each key how often it was seen in which of the objects that count.
    pub(super) fn sighted(&self, counted: &Bits) -> impl Iterator<Item = (&KeyText, ObjectIndex, u32)> {
        let counted = |object: &ObjectIndex| *object != NONE && counted.has(*object);
        let mentions = self.mentions.iter().filter(move |((_, object), _)| counted(object));
        mentions.map(|((key, object), mention)| (&self.texts[*key as usize].0, *object, mention.count))
    }

    /// What the sightings in objects that count tell of each key.
    pub(super) fn infos(&mut self, counted: &Bits) -> Vec<KeyInfo> {
        struct Sum {
            sightings: u64,
            confidence: Confidence,
            reasons: SetId,
            variables: SetId,
        }
        let none = || Sum { sightings: 0, confidence: Confidence::Low, reasons: SetId::EMPTY, variables: SetId::EMPTY };
        let mut sums: Vec<Sum> = self.texts.iter().map(|_| none()).collect();
        for ((key, object), mention) in &self.mentions {
            if *object != NONE && !counted.has(*object) {
                continue;
            }
            let sum = &mut sums[*key as usize];
            sum.sightings += u64::from(mention.count);
            sum.variables = self.sets.union(sum.variables, mention.variables);
            if mention.confidence > sum.confidence {
                (sum.confidence, sum.reasons) = (mention.confidence, mention.reasons);
            } else if mention.confidence == sum.confidence {
                sum.reasons = self.sets.union(sum.reasons, mention.reasons);
            }
        }
        let info = |((text, kind), sum): (&(KeyText, Kind), Sum)| {
            let mut variables = self.variables.set(self.sets.keys(sum.variables));
            // The first by name, whatever the order in which they come.
            while variables.len() > MOST_OF_KEY {
                variables.pop_last();
            }
            KeyInfo {
                text: text.clone(),
                kind: *kind,
                confidence: sum.confidence,
                reasons: self.reasons.set(self.sets.keys(sum.reasons)),
                variables,
                sightings: sum.sightings,
            }
        };
        self.texts.iter().zip(sums).map(info).collect()
    }
}
