//! Joining what several repositories yield into one report, in the order in which people must act.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::Outcome;
use super::entries::{clock_order, entry_order};
use crate::key::KeyId;
use crate::model::{
    Candidate, Confidence, EndReason, Environment, Instance, KeyReport, Oid, OtherVendor, REPORT_SCHEMA, ReadLimits,
    Report, Summary, Tool, VendorExample,
};
use crate::state::{Known, Tally};

/// The report over all outcomes. At most `most` refs and places are named for each key.
pub(super) fn report(
    outcomes: Vec<Outcome>,
    known: &Known,
    generated_at: String,
    limits: ReadLimits,
    most: usize,
) -> Report {
    let mut keys: BTreeMap<KeyId, KeyReport> = BTreeMap::new();
    let mut vendors: BTreeMap<&'static str, (HashSet<KeyId>, VendorExample)> = BTreeMap::new();
    let (mut placeholders, mut half_masked) = (HashSet::<KeyId>::new(), HashSet::<KeyId>::new());
    let mut repositories = Vec::new();
    let mut sighted: HashSet<(KeyId, Oid)> = HashSet::new();
    for outcome in outcomes {
        // What clones have in common is one object.
        let mut again: HashMap<KeyId, u64> = HashMap::new();
        let told: HashSet<KeyId> = outcome.keys.iter().map(|(id, _)| *id).collect();
        for (key, object, count) in outcome.sighted.into_iter().filter(|(key, ..)| told.contains(key)) {
            if !sighted.insert((key, object)) {
                *again.entry(key).or_default() += u64::from(count);
            }
        }
        for (id, mut report) in outcome.keys {
            match keys.get_mut(&id) {
                Some(all) => {
                    report.sightings = report.sightings.saturating_sub(again.get(&id).copied().unwrap_or_default());
                    absorb(all, report);
                }
                None => _ = keys.insert(id, report),
            }
        }
        for found in outcome.vendors {
            let example = VendorExample { object: Some(found.example), path: found.path };
            vendors.entry(found.vendor).or_insert_with(|| (HashSet::new(), example)).0.extend(found.tokens);
        }
        placeholders.extend(outcome.placeholders);
        half_masked.extend(outcome.half_masked);
        repositories.push(outcome.coverage);
    }
    let mut keys: Vec<KeyReport> = keys
        .into_values()
        .map(|mut report| {
            report.held_at.at.truncate(most);
            report.reachable_from.refs.truncate(most);
            report.reachable_from.at.truncate(if repositories.len() > 1 { most } else { 0 });
            report
        })
        .collect();
    settle_known(&mut keys, known);
    Report {
        schema: REPORT_SCHEMA.into(),
        tool: Tool { name: env!("CARGO_PKG_NAME").into(), version: env!("CARGO_PKG_VERSION").into() },
        generated_at,
        limits,
        complete: repositories.iter().all(|repository| repository.skipped.is_empty()),
        summary: Summary::of(&keys),
        repositories,
        keys,
        other_vendors: vendors
            .into_iter()
            .map(|(vendor, (tokens, example))| OtherVendor {
                vendor: vendor.into(),
                count: tokens.len() as u64,
                example,
            })
            .collect(),
        placeholders: placeholders.len() as u64,
        half_masked: half_masked.len() as u64,
    }
}

/// Says of each key whether it is known, and puts all in the order in which people must act.
pub(super) fn settle_known(keys: &mut [KeyReport], known: &Known) {
    for key in &mut *keys {
        let tally = KeyId::parse(&key.id).and_then(|id| known.get(&id));
        key.known = tally.is_some();
        key.known_again = tally.is_some_and(|tally| tally.is_news(&Tally::of(key)));
    }
    keys.sort_by_cached_key(urgency);
}

/// What must be done first: what is sure, what is news, production, what stands on a branch, what stood longest.
fn urgency(key: &KeyReport) -> impl Ord + use<> {
    let environment = match key.environment {
        Environment::Live => 0,
        // What does not say may be production.
        Environment::Unknown => 1,
        Environment::Test => 2,
    };
    let seconds = key.first_introduced.as_ref().and_then(|entry| entry.seconds);
    (
        key.confidence == Confidence::Low,
        key.known && !key.known_again,
        environment,
        key.standing,
        !key.exposure.open,
        (seconds.is_none(), seconds),
        key.id.clone(),
    )
}

/// Adds what another repository says of the same key.
fn absorb(all: &mut KeyReport, more: KeyReport) {
    absorb_exposure(all, &more);
    if more.confidence > all.confidence {
        all.confidence = more.confidence;
        all.reasons = more.reasons;
    } else if more.confidence == all.confidence {
        all.reasons.extend(more.reasons);
        all.reasons.sort();
        all.reasons.dedup();
    }
    all.standing = all.standing.min(more.standing);
    absorb_instance(all, more.instance);
    all.variables.extend(more.variables);
    all.variables.sort();
    all.variables.dedup();
    all.in_browser_bundle |= more.in_browser_bundle;
    all.introductions.extend(more.introductions);
    all.introductions.sort_by_cached_key(entry_order);
    all.removals.extend(more.removals);
    all.removals.sort_by_cached_key(entry_order);
    all.held_at.count += more.held_at.count;
    all.held_at.branches += more.held_at.branches;
    all.held_at.tags += more.held_at.tags;
    all.held_at.other += more.held_at.other;
    all.held_at.at.extend(more.held_at.at);
    all.reachable_from.count += more.reachable_from.count;
    all.reachable_from.refs.extend(more.reachable_from.refs);
    all.reachable_from.at.extend(more.reachable_from.at);
    all.unreachable.extend(more.unreachable);
    all.siblings.extend(more.siblings);
    all.siblings.sort();
    all.siblings.dedup();
    all.consumers.extend(more.consumers);
    all.consumers.sort();
    all.consumers.dedup();
    all.sightings += more.sightings;
}

/// Two repositories may name two instances: both are told.
fn absorb_instance(all: &mut KeyReport, more: Option<Instance>) {
    let Some(more) = more else { return };
    let Some(mine) = &mut all.instance else {
        all.instance = Some(more);
        return;
    };
    let Instance { frontend_api, publishable_key, dashboard_url, evidence, alternatives } = more;
    let first = Candidate { frontend_api, publishable_key, dashboard_url, evidence };
    for candidate in std::iter::once(first).chain(alternatives) {
        let is_told =
            |api: &Option<_>, url: &Option<_>| *api == candidate.frontend_api && *url == candidate.dashboard_url;
        let in_others = mine.alternatives.iter().any(|old| is_told(&old.frontend_api, &old.dashboard_url));
        if !is_told(&mine.frontend_api, &mine.dashboard_url) && !in_others {
            mine.alternatives.push(candidate);
        }
    }
}

/// One span over all repositories, from the earliest first introduction to the latest end.
fn absorb_exposure(all: &mut KeyReport, more: &KeyReport) {
    let order = |report: &KeyReport| {
        let first = report.first_introduced.as_ref();
        // What a ref reaches comes before what none does, and who is known to have brought it in before one who only had it
        // where a clone's history is cut: clocks say little of those two.
        let rank = first.map(|entry| (!entry.reachable, entry.at_or_before));
        (first.is_none(), rank, first.map(clock_order))
    };
    if order(more) < order(all) {
        all.first_introduced.clone_from(&more.first_introduced);
        all.exposure.start.clone_from(&more.exposure.start);
    }
    let rank = |reason| match reason {
        EndReason::Open => 0,
        EndReason::Removed => 1,
        EndReason::RefGone => 2,
        EndReason::NoRef => 3,
    };
    let (mine, theirs) = (rank(all.exposure.end_reason), rank(more.exposure.end_reason));
    let last = |report: &KeyReport| {
        report.removals.iter().filter(|entry| entry.level == crate::model::Level::Key).filter_map(|e| e.seconds).max()
    };
    if theirs < mine || (theirs == mine && last(more) > last(all)) {
        all.exposure.end.clone_from(&more.exposure.end);
        all.exposure.end_reason = more.exposure.end_reason;
    }
    all.exposure.open |= more.exposure.open;
}
