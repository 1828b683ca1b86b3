//! What one audit remembers for the next.
//!
//! Where nothing changed, the report that was made is the one that would be made. Where something did, blobs that had
//! nothing in them are not read again as long as the pack they stood in, or, of loose ones, their file is there and as it
//! was. Commits, trees and tags are always read: a new one changes what is said of every key.

use std::collections::{HashMap, HashSet};

use sha2::{Digest, Sha256};

use super::content::Content;
use super::{Auditor, Options, Outcome, Seeking, Target, join};
use crate::detect;
use crate::history::{Bits, NodeKind};
use crate::model::{Oid, Report};
use crate::state::{Known, LooseMemory, PackMemory, Remembered, RepositoryMemory};
use crate::store::{self, Layout, Store};

/// How repositories stand to what is remembered.
#[derive(Clone, Debug, Default)]
pub struct Compared {
    /// For each of them, which of those that are remembered it is.
    pairs: Vec<Option<usize>>,
    /// Whether all are as they were, in the same order and at the same places.
    pub unchanged: bool,
    /// Where, masked, nothing is left of what stood there: a history that was rewritten and cleaned, say. There
    /// everything is read.
    pub rewritten: Vec<String>,
}

/// What is remembered is of another repository. Where that was, masked.
#[derive(Clone, Debug, thiserror::Error)]
#[error("it remembers another repository, which was at {0}")]
pub struct Another(pub String);

impl Options {
    /// A hash of all that decides what is found: not of how many threads read, and which reader. A hash, because
    /// somebody may have asked for a ref by the key in its name.
    pub fn asked(&self, limits: detect::Limits) -> String {
        // All of them, so that whoever adds one says here whether it changes anything.
        let Self {
            refs,
            since,
            unreachable,
            reflog,
            max_blob_size,
            max_memory,
            time_for_object,
            threads: _,
            reader: _,
            all_refs,
        } = self;
        let detect::Limits { depth, decoded, entries, containers } = limits;
        let narrowed = (refs, since, unreachable, reflog, all_refs);
        let limited = (max_blob_size, max_memory, time_for_object.map(|(time, _)| time), depth, decoded);
        let limited = (limited, entries, containers);
        let words = (narrowed, limited);
        Sha256::digest(format!("{words:?}")).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Auditor<'_> {
    /// Whether all repositories are as they were, or else which of those that are remembered each is: one of whose tips
    /// it has an object, the one at its own place first. Reads no object.
    ///
    /// # Errors
    /// Where what is remembered is of another repository: it was at another place, and none of what its refs named is
    /// here. At the same place nothing need be left: whoever purges a key and collects the garbage wants just that.
    pub fn compare(&self, targets: &[Target], remembered: &Remembered) -> Result<Compared, Another> {
        let all = &remembered.repositories;
        let names: Vec<String> = targets.iter().map(|target| self.detector.mask(&target.name).to_string()).collect();
        let is_same = |(at, target): (usize, &Target)| {
            let now = target.layout.as_ref().ok().and_then(|layout| store::fingerprint(layout, self.open_options()));
            all.get(at).is_some_and(|old| old.path == names[at] && Some(&old.fingerprint) == now.as_ref())
        };
        if targets.len() == all.len() && targets.iter().enumerate().all(is_same) {
            let pairs = (0..all.len()).map(Some).collect();
            return Ok(Compared { pairs, unchanged: true, rewritten: Vec::new() });
        }
        let shown = |old: &RepositoryMemory| self.detector.mask_text(&old.path);
        let has_tips = |layout: &Layout, old: &RepositoryMemory| store::has_any(layout, &old.tips);
        let here: Vec<Option<usize>> = names.iter().map(|name| all.iter().position(|old| old.path == *name)).collect();
        let mut pairs: Vec<Option<usize>> = vec![None; targets.len()];
        let mut taken = HashSet::new();
        for (at, target) in targets.iter().enumerate() {
            let Some(old) = here[at] else { continue };
            // One that cannot be opened this time is still the one that was there.
            let is_it =
                target.layout.as_ref().map_or(true, |layout| all[old].tips.is_empty() || has_tips(layout, &all[old]));
            if is_it {
                pairs[at] = taken.insert(old).then_some(old);
            }
        }
        for (at, target) in targets.iter().enumerate() {
            let Ok(layout) = &target.layout else { continue };
            if pairs[at].is_none() {
                let free = (0..all.len()).find(|old| !taken.contains(old) && has_tips(layout, &all[*old]));
                taken.extend(free);
                pairs[at] = free;
            }
        }
        let lost = pairs.iter().zip(&here).filter_map(|(pair, here)| here.filter(|_| pair.is_none()));
        let rewritten: Vec<String> = lost.filter(|old| taken.insert(*old)).map(|old| shown(&all[old])).collect();
        match all.iter().find(|old| !old.tips.is_empty()) {
            Some(old) if taken.is_empty() => Err(Another(shown(old))),
            _ => Ok(Compared { pairs, unchanged: false, rewritten }),
        }
    }

    /// Audits as [`Auditor::run`] does, reads no blob again that is known to have nothing in it, and says what to
    /// remember of each repository.
    pub fn run_remembering(
        &self,
        targets: Vec<Target>,
        known: &Known,
        generated_at: String,
        earlier: Option<(&Remembered, &Compared)>,
    ) -> (Report, Vec<RepositoryMemory>) {
        let (mut outcomes, mut memories): (Vec<Outcome>, _) = (Vec::new(), Vec::new());
        let is_one_of_several = targets.len() > 1;
        for (at, target) in targets.into_iter().enumerate() {
            let memory =
                earlier.and_then(|(remembered, compared)| remembered.repositories.get((*compared.pairs.get(at)?)?));
            let seeking = Seeking { memory, remembers: true, is_one_of_several, ..Seeking::default() };
            let mut outcome = self.repository(target, seeking);
            let remembered = outcome.memory.take();
            // What could not be opened this time is no less known for that.
            memories.extend(remembered.or_else(|| memory.cloned()));
            outcomes.push(outcome);
        }
        (join::report(outcomes, known, generated_at, self.limits(), self.options.most()), memories)
    }
}

/// The report that an audit at another time, with other known keys, would have made of the same.
pub fn as_of(mut report: Report, known: &Known, generated_at: String) -> Report {
    report.generated_at = generated_at;
    join::settle_known(&mut report.keys, known);
    report
}

/// What to remember of a repository all of which was read.
pub(super) fn memory(store: &Store, content: &Content, path: &str) -> RepositoryMemory {
    let objects = &store.objects;
    let mut clean = Bits::new(objects.len());
    content.clean.iter().for_each(|object| _ = clean.insert(*object));
    let marks = objects.pack_marks();
    let mut again: Vec<Vec<Oid>> = vec![Vec::new(); marks.len()];
    let mut loose = Vec::new();
    for object in 0..objects.len() as u32 {
        // What could not be read is of no kind: it is read again as well.
        if !matches!(content.graph.kind(object), NodeKind::Blob | NodeKind::Absent) {
            continue;
        }
        // Of several copies one was read, and another may be damaged.
        let is_single = objects.places(object).count() == 1;
        let is_clean = is_single && clean.has(object);
        for place in objects.places(object) {
            match (place, is_clean) {
                (Some(pack), false) => again[pack].push(objects.oid(object)),
                (None, true) => {
                    let oid = objects.oid(object);
                    loose.extend(objects.loose_marks(object).map(|mark| LooseMemory { oid, mark }));
                }
                _ => {}
            }
        }
    }
    let packs = marks.into_iter().zip(again);
    let packs = packs.filter_map(|(mark, again)| Some(PackMemory { mark: mark?, again })).collect();
    // Not those that are broken: of them nothing would be found next time either.
    let tips = store.refs.tips.iter().map(|tip| tip.oid);
    let mut tips: Vec<Oid> = tips.filter(|oid| objects.find(oid).is_some()).collect();
    tips.sort_unstable();
    tips.dedup();
    RepositoryMemory { path: path.to_owned(), fingerprint: store.fingerprint(), tips, packs, loose }
}

/// The objects that are known to have nothing in them, of those that are blobs.
pub(super) fn known(store: &Store, memory: &RepositoryMemory) -> Bits {
    let objects = &store.objects;
    let remembered: HashMap<&str, &PackMemory> = memory.packs.iter().map(|pack| (pack.mark.as_str(), pack)).collect();
    let marks = objects.pack_marks();
    let packs: Vec<_> = marks.iter().map(|mark| remembered.get(mark.as_deref()?)).collect();
    let (mut known, mut again) = (Bits::new(objects.len()), Bits::new(objects.len()));
    for object in 0..objects.len() as u32 {
        if objects.places(object).flatten().any(|pack| packs[pack].is_some()) {
            known.insert(object);
        }
    }
    let oids = packs.iter().flatten().flat_map(|pack| &pack.again);
    oids.filter_map(|oid| objects.find(oid)).for_each(|object| _ = again.insert(object));
    known.subtract(&again);
    for LooseMemory { oid, mark } in &memory.loose {
        // Once it is packed, the copy in the pack is another.
        if let Some(object) = objects.find(oid)
            && objects.loose_marks(object).any(|here| here == *mark)
        {
            known.insert(object);
        }
    }
    known
}
