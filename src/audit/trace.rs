//! Use case: one key, wherever it is in many repositories.
//!
//! An audit that knows what it looks for: where the key's text is known, only what its search does not rule out is
//! scanned; other keys are let go as they are seen, so that nothing is attributed but the one; and what a repository
//! shares with an earlier one (a fork, a clone) is not searched again.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::{Mutex, OnceLock};

use super::content::Content;
use super::roots::{RefClass, Roots, TipObject};
use super::{Auditor, Target};
use crate::detect::{Detector, Found, OneKey};
use crate::history::{Bits, NONE, NodeKind};
use crate::key::{BODY, KeyId, KeyText};
use crate::model::{Checkout, Confidence, Contained, KeyReport, Oid, RawTime, Report, Shown};
use crate::state::Known;
use crate::store::{ObjectIndex, Objects, Store, WorkTree, parse};

/// Which key is looked for.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// This one.
    Text(KeyText),
    /// The one with this id.
    Id(KeyId),
    /// Those whose id, with or without its `sha256:`, or hint begins so.
    Begins(String),
}

impl Wanted {
    /// Whether it is seen only where a name or what stands around it says that it is Clerk's: a secret key of Clerk's length
    /// tells itself. `None` where that is not known: an id says nothing of what it is the id of.
    pub fn needs_a_name(&self) -> Option<bool> {
        match self {
            Self::Text(key) => Some(!key.tells_itself()),
            Self::Id(_) => None,
            Self::Begins(start) => {
                let is_of_a_hint = !start.starts_with("sha256:") && KeyText::is_beginning_of_hint(start);
                is_of_a_hint.then(|| !start.starts_with("sk_"))
            }
        }
    }

    /// Whether a key is one of those.
    pub fn fits(&self, key: &KeyText) -> bool {
        match self {
            Self::Text(text) => key == text,
            Self::Id(id) => key.id() == *id,
            Self::Begins(start) => is_named_by(start, &key.id().to_string(), &key.hint()),
        }
    }
}

/// Whether a key's id, with or without what it is a digest of, or its hint begins so. Hexadecimal digits are the same in
/// capitals: there are hints that have no others.
pub fn is_named_by(start: &str, id: &str, hint: &str) -> bool {
    let is_hex = start.bytes().all(|byte| byte.is_ascii_hexdigit());
    let begins_hint = match is_hex {
        true => hint.get(..start.len()).is_some_and(|hint| hint.eq_ignore_ascii_case(start)),
        false => hint.starts_with(start),
    };
    id.starts_with(start) || id.trim_start_matches("sha256:").starts_with(start) || begins_hint
}

/// The one key that a text typed or pasted has in it, with or without a name and quotes around it.
///
/// # Errors
/// In words, where it has none, or several.
pub fn key_in(text: &[u8], detector: &Detector) -> Result<KeyText, String> {
    let mut keys: Vec<KeyText> = Vec::new();
    let (mut others, mut is_whole) = (0, false);
    detector.scan(text, &mut |found| match found {
        // A guess is worth less than the suspicion that it was mistyped.
        Found::Key(found) if found.confidence == Confidence::Low && miscounted(text).is_some() => {}
        Found::Key(found) => {
            is_whole |= !text.get(found.span.end).is_some_and(u8::is_ascii_alphanumeric);
            if !keys.contains(&found.key) {
                keys.push(found.key);
            }
        }
        Found::Publishable { .. } => {}
        Found::OtherVendor { .. } | Found::HalfMasked { .. } | Found::Placeholder { .. } => others += 1,
    });
    // What is read there must be what was typed, and not a part of it.
    if let Some(why) = miscounted(text).filter(|_| !is_whole) {
        return Err(why);
    }
    if keys.is_empty()
        && let Some(key) = with_a_name(text, detector)
    {
        return Ok(key);
    }
    let why = match (keys.pop(), keys.is_empty(), others) {
        (Some(key), true, _) => return Ok(key),
        (Some(_), false, _) => "that has several keys in it: trace one at a time",
        (None, _, 0) => {
            "that is no Clerk secret key (sk_live_ or sk_test_ and 42 letters and digits), and none of the \
                         credentials that are told by their names alone"
        }
        (None, ..) => "that looks like another vendor's key, or like a placeholder, and not like one of Clerk's",
    };
    Err(why.to_owned())
}

/// A credential that only its variable's name tells, typed without it: what any of those names would make of it. Of what
/// begins as secret keys do, the text itself says whose it is.
fn with_a_name(text: &[u8], detector: &Detector) -> Option<KeyText> {
    const AROUND: [(&str, &str); 6] = [
        ("CLERK_WEBHOOK_SIGNING_SECRET=", ""),
        ("CLERK_MACHINE_SECRET_KEY=", ""),
        ("CLERK_PLATFORM_API_KEY=", ""),
        ("CLERK_ENCRYPTION_KEY=", ""),
        ("CLERK_API_KEY=", ""),
        ("{\"claimUrl\":\"https://dashboard.clerk.com/apps/claim?token=", "\"}"),
    ];
    let typed = text.trim_ascii();
    if typed.starts_with(b"sk_") {
        return None;
    }
    let whole = KeyText::new(typed);
    let read = |(before, behind): &(&str, &str)| {
        let mut read = None;
        detector.scan(&[before.as_bytes(), typed, behind.as_bytes()].concat(), &mut |found| {
            if let Found::Key(found) = found {
                read = Some(found.key).filter(|key| *key == whole);
            }
        });
        read
    };
    AROUND.iter().find_map(read)
}

/// Says of a key that was typed with a few letters too many or too few how many they are: the nearest that reads as one is
/// not what was meant.
fn miscounted(text: &[u8]) -> Option<String> {
    const OFF: usize = 4;
    for prefix in ["sk_live_", "sk_test_"] {
        for at in memchr::memmem::find_iter(text, prefix) {
            let body = &text[at + prefix.len()..];
            let length = body.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
            if length != BODY && length.abs_diff(BODY) <= OFF {
                return Some(format!(
                    "that has {length} letters and digits behind {prefix}, and a key of Clerk's has {BODY}"
                ));
            }
        }
    }
    None
}

/// What a trace comes to.
#[derive(Clone, Debug)]
pub struct Traced {
    /// The report that has the key alone.
    pub report: Report,
    /// The first tag that contains each commit that brought it in.
    pub tags: Vec<Contained>,
    /// The work trees that have it checked out.
    pub checkouts: Vec<Checkout>,
}

/// The search for the one key by its text: from the start where it was typed, and from its first sighting on where
/// only its id is known. Of several keys that a beginning may name none is followed.
pub(super) struct Needle {
    search: OnceLock<Option<OneKey>>,
    learns: bool,
}

impl Needle {
    fn new(wanted: &Wanted, detector: &Detector) -> Self {
        let needle = Self { search: OnceLock::new(), learns: !matches!(wanted, Wanted::Begins(_)) };
        if let Wanted::Text(text) = wanted {
            needle.learn(text, detector);
        }
        needle
    }

    /// The search, once the text is known and where it is worth one.
    pub(super) fn get(&self) -> Option<&OneKey> {
        self.search.get()?.as_ref()
    }

    /// Takes the text of a key that is wanted.
    pub(super) fn learn(&self, text: &KeyText, detector: &Detector) {
        if self.learns {
            self.search.get_or_init(|| detector.for_key(text));
        }
    }
}

/// Objects that were scanned in an earlier repository and had nothing in them, by their ids. Whoever can write a file can
/// have another object under an id: so of those that are loose ids are computed, and those in packs are held against the
/// checksums that git wrote beside their ids.
#[derive(Default)]
pub(super) struct Scanned(Mutex<HashSet<Oid>>);

impl Scanned {
    /// Those of a repository that need not be scanned again.
    pub(super) fn known(&self, objects: &Objects) -> Bits {
        let mut known = Bits::new(objects.len());
        if let Ok(all) = self.0.lock() {
            let scanned = (0..objects.len() as u32).filter(|object| all.contains(&objects.oid(*object)));
            objects.called_right(scanned).into_iter().for_each(|object| _ = known.insert(object));
        }
        known
    }

    /// Notes what had nothing in it, of a repository of which so much was `known`.
    pub(super) fn add(&self, objects: &Objects, content: &Content, known: &Bits) {
        let failed: HashSet<ObjectIndex> = content.failures.iter().map(|(object, _)| *object).collect();
        let is_new = |object: &ObjectIndex| !known.has(*object) && !failed.contains(object);
        let clean = objects.called_right(content.clean.iter().copied().filter(is_new));
        if let Ok(mut all) = self.0.lock() {
            all.extend(clean.into_iter().map(|object| objects.oid(object)));
        }
    }
}

impl Auditor<'_> {
    /// Traces a key through repositories.
    pub fn trace(&self, targets: Vec<Target>, wanted: &Wanted, generated_at: String) -> Traced {
        let scanned = Scanned::default();
        let several = targets.len() > 1;
        let needle = Needle::new(wanted, self.detector);
        let seeking = super::Seeking {
            wanted: Some(wanted),
            needle: Some(&needle),
            scanned: several.then_some(&scanned),
            is_one_of_several: several,
            ..super::Seeking::default()
        };
        let (mut tags, mut checkouts) = (Vec::new(), Vec::new());
        let mut outcomes = Vec::new();
        for target in targets {
            let mut outcome = self.repository(target, seeking);
            tags.append(&mut outcome.contained);
            checkouts.append(&mut outcome.checkouts);
            outcomes.push(outcome);
        }
        tags.sort();
        tags.dedup();
        let report = super::join::report(outcomes, &Known::default(), generated_at, self.limits(), usize::MAX);
        Traced { report, tags, checkouts }
    }
}

/// The work trees whose HEAD names a tip that holds a key.
pub(super) fn checkouts(
    store: &Store,
    detector: &Detector,
    repository: &Shown,
    keys: &[(KeyId, KeyReport)],
) -> Vec<Checkout> {
    let holding: HashSet<&Shown> =
        keys.iter().flat_map(|(_, key)| &key.held_at.at).map(|place| &place.reference).collect();
    let of = |tree: WorkTree| {
        let reference = detector.mask(&tree.head);
        let path = detector.mask(tree.path.as_os_str().as_encoded_bytes());
        holding.contains(&reference).then(|| Checkout { repository: repository.clone(), path, reference })
    };
    store.work_trees().into_iter().filter_map(of).collect()
}

/// The first tag that contains each commit by which a key came in.
pub(super) fn contained(
    store: &Store,
    content: &Content,
    roots: &Roots,
    detector: &Detector,
    keys: &[(KeyId, KeyReport)],
) -> Vec<Contained> {
    let mut tags: Vec<(Option<i64>, &TipObject)> = roots
        .tips
        .iter()
        .filter(|tip| tip.class == RefClass::Tag)
        .map(|tip| (time_of(store, content, tip), tip))
        .collect();
    // What has no time comes last; ties by name, so that nothing depends on how refs are stored.
    tags.sort_by_key(|(time, tip)| (time.is_none(), *time, &tip.name));
    let mut open: HashMap<ObjectIndex, &crate::model::Entry> = HashMap::new();
    for (_, key) in keys {
        for entry in key.introductions.iter().chain(&key.first_introduced) {
            if let Some(object) = entry.commit.and_then(|commit| store.objects.find(&commit)) {
                open.insert(object, entry);
            }
        }
    }
    let mut found = Vec::new();
    // What an earlier tag reached leads to nothing that is still open: so all tags together cost one walk.
    let mut seen: HashSet<ObjectIndex> = HashSet::new();
    for (time, tip) in tags {
        if open.is_empty() {
            break;
        }
        let name = tip.name.strip_prefix(b"refs/tags/").unwrap_or(&tip.name);
        for (commit, path) in reached(content, tip.peeled, &open.keys().copied().collect(), &mut seen) {
            let Some(entry) = open.remove(&commit) else { continue };
            let tag = detector.mask(name);
            found.push(Contained {
                repository: entry.repository.clone(),
                commit: store.objects.oid(commit),
                name: tag.between("", &path),
                tag,
                time: time.and_then(RawTime::rfc3339_utc),
            });
        }
    }
    found
}

/// The tagger's time of a tag, or the committer's of what it names.
fn time_of(store: &Store, content: &Content, tip: &TipObject) -> Option<i64> {
    const MOST_TAG: u64 = 1 << 20;
    let committed = content.clocks_of(tip.peeled).committer;
    let Some(tag) = tip.tags.first() else { return committed };
    let mut bytes = Vec::new();
    store.read(*tag, MOST_TAG, &mut bytes).ok()?;
    let tagger = parse::tag(&bytes, store.format).tagger?;
    RawTime::parse(parse::ident(bytes.get(tagger)?).time).map(|time| time.seconds).or(committed)
}

/// What it costs to come to a commit, and from which of its children, as the how-manieth parent of that.
type Step = (u64, Option<(ObjectIndex, usize)>);

/// Those of `wanted` that a commit reaches, each with the way to it (`~3^2~1`): the shortest, where leaving the line
/// of first parents costs as much as a long way along it (git's `name-rev.c`, `MERGE_TRAVERSAL_WEIGHT`). What is `seen`
/// reaches none of them, and is not walked; what is walked is seen.
fn reached(
    content: &Content,
    from: ObjectIndex,
    wanted: &HashSet<ObjectIndex>,
    seen: &mut HashSet<ObjectIndex>,
) -> Vec<(ObjectIndex, String)> {
    const LEAVING: u64 = 65_535;
    if content.graph.kind(from) != NodeKind::Commit || seen.contains(&from) {
        return Vec::new();
    }
    let mut best: HashMap<ObjectIndex, Step> = HashMap::from([(from, (0, None))]);
    let mut queue = BinaryHeap::from([Reverse((0u64, from))]);
    while let Some(Reverse((cost, commit))) = queue.pop() {
        if best.get(&commit).is_some_and(|(known, _)| *known < cost) {
            continue;
        }
        for (number, parent) in content.graph.links(commit).iter().skip(1).enumerate() {
            let leads_on = *parent != NONE && content.graph.kind(*parent) == NodeKind::Commit && !seen.contains(parent);
            if !leads_on {
                continue;
            }
            let cost = cost + if number == 0 { 1 } else { LEAVING };
            if best.get(parent).is_none_or(|(known, _)| cost < *known) {
                best.insert(*parent, (cost, Some((commit, number))));
                queue.push(Reverse((cost, *parent)));
            }
        }
    }
    let mut found: Vec<(ObjectIndex, String)> =
        wanted.iter().filter(|commit| best.contains_key(commit)).map(|commit| (*commit, way(&best, *commit))).collect();
    found.sort();
    seen.extend(best.into_keys());
    found
}

fn way(best: &HashMap<ObjectIndex, Step>, to: ObjectIndex) -> String {
    let mut steps = Vec::new();
    let mut at = to;
    while let Some((_, Some((child, number)))) = best.get(&at) {
        steps.push(*number);
        at = *child;
    }
    let mut path = String::new();
    let mut straight = 0;
    for number in steps.into_iter().rev() {
        if number == 0 {
            straight += 1;
            continue;
        }
        if straight > 0 {
            path.push_str(&format!("~{straight}"));
            straight = 0;
        }
        path.push_str(&format!("^{}", number + 1));
    }
    if straight > 0 {
        path.push_str(&format!("~{straight}"));
    }
    path
}
