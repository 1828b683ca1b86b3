//! Use case: the audit of whole histories.
//!
//! For each repository: the content pass reads and scans every object once; where it found nothing, that is all. Else
//! presence and history say when each key came and went, and what stands around it says which instance it belongs to
//! and what else must be rotated. The findings of several repositories are then joined by key.
//!
//! Invariant: what was not read is in `skipped`, and `complete` is false for it.

mod again;
mod attribute;
mod budget;
mod collector;
mod content;
mod details;
mod directory;
mod entries;
mod evidence;
mod findings;
mod gaps;
mod hidden;
mod join;
mod key_table;
mod outside;
mod recall;
mod rehearsal;
mod remember;
mod roots;
mod trace;
mod vendors;

pub use recall::{Place, Recall, Recalled};
pub use rehearsal::{Clean, CleanIn, Rehearsal, Tried};
pub use remember::{Another, Compared, as_of};
pub use trace::{Traced, Wanted, is_named_by, key_in};

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::{Duration, Instant};

use crate::detect::{self, Detector, Found, PieceScan, Unread};
use crate::history::{Bits, NodeKind};
use crate::key::{KeyId, deployable};
use crate::model::{
    Checkout, Contained, Events, Interrupt, KeyReport, Kind, NotOurs, ObjectType, Oid, Opaque, OpaquePlace, ReadLimits,
    Report, RepositoryReport, Shown, Skipped, Stage, UnreachableCounts, error_chain,
};
use crate::state::{Known, RepositoryMemory};
use crate::store::{Error, Failure, Gap, Layout, ObjectIndex, OpenOptions, PassOptions, Pieces, Reader, Store};
use budget::Budget;
use content::Content;
use entries::EntryMaker;
use findings::{Findings, TipKeys};
use outside::Outside;
use roots::Roots;

/// A clock that never goes back: the caller's, since none is read here.
pub type Clock = fn() -> Instant;

/// What is asked of an audit.
#[derive(Clone, Debug)]
pub struct Options {
    /// Patterns of the refs to which it is narrowed; none for all.
    pub refs: Vec<String>,
    /// Revisions whose history is left out.
    pub since: Vec<String>,
    /// Whether what no ref reaches is read.
    pub unreachable: bool,
    /// Whether reflogs are read.
    pub reflog: bool,
    /// The largest object that is held whole, in bytes.
    pub max_blob_size: u64,
    /// So many bytes of objects are held at once ([`PassOptions::memory`]).
    pub max_memory: u64,
    /// How long the encodings and containers of one object may be followed, by the caller's clock; none for as long as
    /// their other limits let it take.
    pub time_for_object: Option<(Duration, Clock)>,
    /// How many threads read.
    pub threads: usize,
    /// Which reader reads.
    pub reader: Reader,
    /// Whether every ref and place is named, and not only the first hundred.
    pub all_refs: bool,
}

impl Default for Options {
    fn default() -> Self {
        let ReadLimits { max_blob_size, max_memory, .. } = ReadLimits::default();
        Self {
            refs: Vec::new(),
            since: Vec::new(),
            unreachable: true,
            reflog: true,
            max_blob_size,
            max_memory,
            time_for_object: None,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            reader: Reader::default(),
            all_refs: false,
        }
    }
}

impl Options {
    /// So many refs and places are named unless all are.
    const MOST_NAMED: usize = 100;

    /// Whether the audit is about more than what the chosen refs reach.
    fn reads_unreachable(&self) -> bool {
        self.unreachable && self.refs.is_empty()
    }

    fn most(&self) -> usize {
        if self.all_refs { usize::MAX } else { Self::MOST_NAMED }
    }

    fn narrowed_by(&self, detector: &Detector) -> Vec<Shown> {
        let mut narrowed: Vec<Shown> = Vec::new();
        narrowed.extend(self.refs.iter().map(|glob| detector.mask(glob.as_bytes()).between("--ref ", "")));
        narrowed.extend(self.since.iter().map(|since| detector.mask(since.as_bytes()).between("--since ", "")));
        narrowed.extend((!self.unreachable).then(|| Shown::own("--no-unreachable")));
        narrowed.extend((!self.reflog).then(|| Shown::own("--no-reflog")));
        narrowed
    }
}

/// Everything an audit works with besides the repositories.
pub struct Auditor<'a> {
    /// The search.
    pub detector: &'a Detector,
    /// What is asked.
    pub options: &'a Options,
    /// Who is told of progress.
    pub events: &'a dyn Events,
    /// Who may stop it.
    pub interrupt: Interrupt<'a>,
}

/// A repository to audit: what it is called, and its directories or why it has none.
pub struct Target {
    /// The path it was named by, as bytes.
    pub name: Vec<u8>,
    /// Its directories.
    pub layout: Result<Layout, Error>,
}

/// What the audit of one repository yields.
struct Outcome {
    coverage: RepositoryReport,
    keys: Vec<(KeyId, KeyReport)>,
    /// How often each key stands in which object, where other repositories may have the same.
    sighted: Vec<(KeyId, Oid, u32)>,
    vendors: Vec<vendors::Found>,
    placeholders: HashSet<KeyId>,
    half_masked: HashSet<KeyId>,
    /// For a trace: the first tags, and the work trees.
    contained: Vec<Contained>,
    checkouts: Vec<Checkout>,
    /// What the next audit need not read again, where that is wanted and all was read.
    memory: Option<RepositoryMemory>,
}

impl Outcome {
    fn nothing(coverage: RepositoryReport) -> Self {
        Self {
            coverage,
            keys: Vec::new(),
            sighted: Vec::new(),
            vendors: Vec::new(),
            placeholders: HashSet::new(),
            half_masked: HashSet::new(),
            contained: Vec::new(),
            checkouts: Vec::new(),
            memory: None,
        }
    }
}

/// What an audit looks for and looks at, where that is less than everything.
#[derive(Clone, Copy, Default)]
struct Seeking<'a> {
    /// The one key.
    wanted: Option<&'a Wanted>,
    /// The search for it, where it is sought by its text.
    needle: Option<&'a trace::Needle>,
    /// What earlier repositories had, and nothing in it.
    scanned: Option<&'a trace::Scanned>,
    /// What an earlier audit remembers of this repository.
    memory: Option<&'a RepositoryMemory>,
    /// Whether what was read is to be remembered.
    remembers: bool,
    /// Whether it is one of several repositories.
    is_one_of_several: bool,
}

impl Auditor<'_> {
    /// Audits repositories one after the other and joins what was found. One that cannot be read does not stop the
    /// others. `generated_at` is the time by the caller's clock, RFC 3339.
    pub fn run(&self, targets: Vec<Target>, known: &Known, generated_at: String) -> Report {
        let seeking = Seeking { is_one_of_several: targets.len() > 1, ..Seeking::default() };
        let outcomes = targets.into_iter().map(|target| self.repository(target, seeking)).collect();
        join::report(outcomes, known, generated_at, self.limits(), self.options.most())
    }

    /// The limits that it goes by, for the report. Where no clock was given, none was reached by it.
    fn limits(&self) -> ReadLimits {
        let detect::Limits { depth, decoded, .. } = self.detector.limits();
        let time = self.options.time_for_object.map(|(time, _)| time.as_secs());
        ReadLimits {
            max_depth: u8::try_from(depth).unwrap_or(u8::MAX),
            max_decoded: decoded,
            max_object_time: time.unwrap_or(ReadLimits::default().max_object_time),
            max_blob_size: self.options.max_blob_size,
            max_memory: self.options.max_memory,
        }
    }

    fn open_options(&self) -> OpenOptions {
        let reads_all = self.options.reads_unreachable();
        OpenOptions { reflogs: self.options.reflog && reads_all, indexes: reads_all }
    }

    fn repository(&self, target: Target, seeking: Seeking<'_>) -> Outcome {
        let name = self.detector.mask(&target.name);
        self.events.stage(Stage::Opening, name.as_str(), None);
        let opened = target.layout.and_then(|layout| Store::open(layout, self.open_options()));
        match opened {
            Ok(store) => self.audit(store, name, seeking),
            Err(error) => {
                let detail = self.detector.mask(error_chain(&error).as_bytes());
                let mut coverage = blank_coverage(name.clone(), self.options.narrowed_by(self.detector));
                coverage.skipped.push(Skipped { object: name, reason: "unreadable".into(), detail });
                Outcome::nothing(coverage)
            }
        }
    }

    fn audit(&self, mut store: Store, name: Shown, seeking: Seeking<'_>) -> Outcome {
        let mut content = self.read_content(&mut store, &name, seeking);
        let mut gaps = std::mem::take(&mut store.gaps);
        gaps.append(&mut store.listing_gaps);
        let interrupted = self.interrupt.is_set();
        let (roots, leads) = side_by_side(
            self.options.threads,
            || roots::find(&store, &content, self.options, interrupted, &mut gaps),
            &|| attribute::leading_trees(&content),
        );
        gaps.extend(gaps::of_content(&store, &content, &roots));
        let outside = Outside::of(&store, &mut content, self, &name, &mut gaps);
        if interrupted {
            gaps.push(Gap::named("interrupted", b"audit", b"it was stopped before everything was read"));
        }
        content.settle(&roots.held);
        let read = Read { store: &store, content: &content, roots: &roots, name: &name, interrupted };
        let ((keys, contained, checkouts), vendors) = side_by_side(
            self.options.threads,
            || {
                let keys = self.keys(read, &leads, outside, &mut gaps);
                let (contained, checkouts) = match seeking.wanted {
                    Some(_) => (
                        trace::contained(&store, &content, &roots, self.detector, &keys),
                        trace::checkouts(&store, self.detector, &name, &keys),
                    ),
                    None => (Vec::new(), Vec::new()),
                };
                (keys, contained, checkouts)
            },
            &|| vendors::find(&store, &content, &roots, self.detector),
        );
        let coverage = self.coverage(&store, &content, &roots, name, gaps);
        let (placeholders, half_masked) = (content.placeholders(&roots.relevant), content.half_masked(&roots.relevant));
        let memory = (seeking.remembers && !self.interrupt.is_set())
            .then(|| remember::memory(&store, &content, coverage.path.as_str()));
        let sighted = if seeking.is_one_of_several { content.sighted(&store, &roots.held) } else { Vec::new() };
        Outcome { coverage, keys, sighted, vendors, placeholders, half_masked, contained, checkouts, memory }
    }

    /// The keys found and all that history tells of them. `leads`: the trees that lead to one.
    fn keys(
        &self,
        Read { store, content, roots, name, interrupted }: Read<'_>,
        leads: &Bits,
        Outside { ref_names, reflog_lines, index_paths }: Outside,
        gaps: &mut Vec<Gap>,
    ) -> Vec<(KeyId, KeyReport)> {
        if content.has_no_keys() {
            return Vec::new();
        }
        self.events.stage(Stage::History, name.as_str(), None);
        let mut attribution = attribute::attribute(store, content, roots, leads, self.interrupt);
        let too_deep = attribution.presence.too_deep.iter().collect::<BTreeSet<_>>();
        gaps.extend(too_deep.into_iter().map(|tree| {
            let oid = store.objects.oid(*tree).to_string();
            Gap::named("too_deep", oid.as_bytes(), b"the trees above it are too many to name a path")
        }));
        gaps.extend(attribution.unread.iter().map(|tree| {
            let oid = store.objects.oid(*tree).to_string();
            Gap::named("unreadable", oid.as_bytes(), b"it was moved away while its history was read: audit again")
        }));
        let tip_keys = TipKeys::of(&mut attribution, content, roots, &ref_names);
        let make =
            EntryMaker { store, content, roots, attribution: &attribution, detector: self.detector, repository: name };
        let findings = Findings {
            make,
            interrupted: interrupted || self.interrupt.is_set(),
            interrupt: self.interrupt,
            tip_keys,
            ref_names: &ref_names,
            outside: outside::not_told_by_commits(&make, reflog_lines, index_paths),
            most: self.options.most(),
            below_tips: OnceCell::new(),
            tip_trees: OnceCell::new(),
            origins: RefCell::default(),
        };
        let mut budget = Budget::default();
        let mut keys = findings.reports(&mut budget);
        surround(&make, &mut keys, self.interrupt);
        if !interrupted && self.interrupt.is_set() {
            gaps.push(Gap::named("interrupted", b"history", b"it was stopped before all that was found was looked at"));
        }
        let is_cut = attribution.reachable.is_cut || attribution.unreachable.is_cut || budget.is_cut;
        if attribution.presence.has_cut_paths() || is_cut {
            gaps.push(Gap::named("limit", b"history", b"there are more paths with keys than are told"));
        }
        keys
    }

    fn pass_options<'p>(&'p self, known: Option<&'p (dyn Fn(ObjectIndex) -> bool + Sync)>) -> PassOptions<'p> {
        PassOptions {
            reader: self.options.reader,
            types: ObjectType::ALL,
            limit: self.options.max_blob_size,
            memory: self.options.max_memory,
            known,
            checks_known: false,
            interrupt: self.interrupt,
            events: self.events,
        }
    }

    /// Reads everything; once more where objects were moved away meanwhile (`git repack -ad`, `git gc`).
    fn read_content(&self, store: &mut Store, name: &Shown, seeking: Seeking<'_>) -> Content {
        /// A repository that is repacked all the time is read this often.
        const TRIES: u32 = 6;
        let mut tries = 1;
        loop {
            self.events.stage(Stage::Content, name.as_str(), Some(store.objects.len() as u64));
            // What an earlier repository or an earlier audit had, and nothing in it, is not even read again.
            let remembered = seeking.memory.map(|memory| remember::known(store, memory));
            let scanned_before = seeking.scanned.map(|scanned| scanned.known(&store.objects));
            let known =
                |index| [&remembered, &scanned_before].into_iter().flatten().any(|known: &Bits| known.has(index));
            let is_any_known = remembered.is_some() || scanned_before.is_some();
            let pass = content::Pass {
                detector: self.detector,
                options: PassOptions {
                    checks_known: seeking.scanned.is_some(),
                    ..self.pass_options(is_any_known.then_some(&known))
                },
                threads: self.options.threads,
                time_for_object: self.options.time_for_object,
                seeking,
                scanned_before: scanned_before.as_ref(),
            };
            let content = content::read_all(store, &pass);
            let gone = |failure: &crate::store::Failure| {
                matches!(failure, crate::store::Failure::Io(std::io::ErrorKind::NotFound))
            };
            let unsettled = content.failures.iter().any(|(_, failure)| gone(failure))
                || !content.missing.is_empty()
                || store.refs.tips.iter().any(|tip| store.objects.find(&tip.oid).is_none() && !tip.oid.is_builtin())
                || !store.listing_gaps.is_empty();
            if unsettled && tries < TRIES && !self.interrupt.is_set() {
                // Whoever moves objects about needs a moment to have them in place again.
                std::thread::sleep(std::time::Duration::from_millis(30 << tries));
                if store.relist() {
                    tries += 1;
                    continue;
                }
            }
            store.note_failures(&content.failures);
            return content;
        }
    }

    fn coverage(
        &self,
        store: &Store,
        content: &Content,
        roots: &Roots,
        name: Shown,
        gaps: Vec<Gap>,
    ) -> RepositoryReport {
        let mut coverage = blank_coverage(name, self.options.narrowed_by(self.detector));
        coverage.object_format = Some(store.format.name().into());
        coverage.refs = roots.tips.len() as u64;
        // By kind, those that are reached and others; sums, since what is next to what cannot be foretold.
        let mut counts = [[0; 2]; NodeKind::ALL.len()];
        for object in 0..store.objects.len() as u32 {
            let (kind, is_relevant) = (content.graph.kind(object), roots.relevant.has(object));
            counts[kind as usize][usize::from(!roots.reached.has(object))] += u64::from(is_relevant);
            let is_read = is_relevant && kind != NodeKind::Absent;
            coverage.bytes += u64::from(is_read) * content.sizes[object as usize];
        }
        let count = |kind: NodeKind| counts[kind as usize].iter().sum();
        (coverage.blobs, coverage.commits, coverage.trees) =
            (count(NodeKind::Blob), count(NodeKind::Commit), count(NodeKind::Tree));
        coverage.unreachable.blobs = counts[NodeKind::Blob as usize][1];
        coverage.unreachable.commits = counts[NodeKind::Commit as usize][1];
        coverage.not_ours = NotOurs {
            submodules: content.submodules.len() as u64,
            lfs_pointers: content.lfs_pointers.iter().filter(|blob| roots.relevant.has(**blob)).count() as u64,
        };
        let mask = |bytes: &[u8]| self.detector.mask(bytes);
        coverage.fetches_only = store.remotes.narrowed_to.iter().map(|source| mask(source)).collect();
        let opaque = content.opaque.iter().filter(|(object, _)| roots.relevant.has(*object));
        let opaque: BTreeSet<OpaquePlace> = opaque
            .map(|(object, opaque)| OpaquePlace {
                object: store.objects.oid(*object),
                encoding: opaque.chain.iter().map(|step| mask(step.bytes())).collect(),
                reason: opaque.reason.into(),
            })
            .collect();
        coverage.opaque.count = opaque.len() as u64;
        coverage.opaque.at = opaque.into_iter().take(self.options.most()).collect();
        let skipped: BTreeSet<Skipped> = gaps
            .iter()
            .map(|gap| Skipped { object: mask(&gap.object), reason: gap.reason.into(), detail: mask(&gap.detail) })
            .collect();
        coverage.skipped = skipped.into_iter().collect();
        coverage
    }
}

/// Whether the time for an object is over, by a clock that begins now, or someone has asked to stop.
fn object_clock<'i>(time: Option<(Duration, Clock)>, interrupt: Interrupt<'i>) -> impl Fn() -> bool + 'i {
    let ends = time.map(|(time, clock)| (clock() + time, clock));
    move || interrupt.is_set() || ends.is_some_and(|(ends, clock): (Instant, Clock)| clock() > ends)
}

/// Scans an object that is read in pieces, each of which has as much time as an object. Whether it could be read to its end,
/// and what could not be read into: what was found before that counts in any case.
fn scan_pieces<C: Fn() -> bool>(
    mut scan: PieceScan<'_>,
    pieces: &mut Pieces<'_>,
    clock: impl Fn() -> C,
    interrupt: Interrupt<'_>,
    sink: &mut dyn FnMut(Found),
) -> (Result<(), Failure>, Unread) {
    let read = loop {
        let is_over = clock();
        match pieces.next_piece() {
            Ok(Some(piece)) if !interrupt.is_set() => scan.feed(piece, &is_over, sink),
            Ok(_) => break Ok(()),
            Err(failure) => break Err(failure),
        }
    };
    let unread = scan.finish(&clock(), sink);
    (read, unread)
}

/// Does two things, at once where there are `threads` for it and one is to be had.
fn side_by_side<A, B: Send>(threads: usize, first: impl FnOnce() -> A, second: &(impl Fn() -> B + Sync)) -> (A, B) {
    if threads < 2 {
        return (first(), second());
    }
    std::thread::scope(|scope| {
        let other = std::thread::Builder::new().spawn_scoped(scope, second);
        let done = first();
        let other = other.ok().and_then(|other| other.join().ok());
        (done, other.unwrap_or_else(second))
    })
}

/// A repository whose objects were read.
#[derive(Clone, Copy)]
struct Read<'a> {
    store: &'a Store,
    content: &'a Content,
    roots: &'a Roots,
    name: &'a Shown,
    /// Whether it was stopped before everything was read.
    interrupted: bool,
}

/// Adds evidence, siblings and consumers to the reports of one repository.
fn surround(make: &EntryMaker<'_>, keys: &mut [(KeyId, KeyReport)], interrupt: Interrupt<'_>) {
    // Of several paths the first by name, so that nothing depends on the order in which threads came upon the keys.
    let mut paths: HashMap<Oid, Shown> = HashMap::new();
    let mut note = |object: Oid, path: &Shown| {
        let first = paths.entry(object).or_insert_with(|| path.clone());
        if path < first {
            first.clone_from(path);
        }
    };
    for (_, report) in keys.iter() {
        for entry in report.introductions.iter().chain(&report.first_introduced) {
            if let (Some(blob), Some(path)) = (entry.blob, &entry.path) {
                note(blob, path);
            }
        }
        for place in &report.unreachable {
            if let (Some(object), Some(path)) = (place.object, &place.path) {
                note(object, path);
            }
        }
    }
    let variable_names = |info: &key_table::KeyInfo| -> BTreeSet<Vec<u8>> {
        let names = info.variables.iter().filter_map(|name| deployable(std::str::from_utf8(name).ok()?));
        let names: BTreeSet<Vec<u8>> = names.map(|name| name.as_bytes().to_vec()).collect();
        // Other kinds have names of their own, and not one that everybody uses.
        let is_nameless_key = names.is_empty() && info.kind == Kind::SecretKey;
        if is_nameless_key { BTreeSet::from([b"CLERK_SECRET_KEY".to_vec()]) } else { names }
    };
    let all_variables = make.content.keys.iter().flat_map(variable_names).collect();
    let consumers = evidence::consumers(make, &all_variables, interrupt);
    let mut evidence = evidence::gather(make, &paths, interrupt);
    let number: HashMap<KeyId, u32> =
        make.content.keys.iter().enumerate().map(|(number, info)| (info.text.id(), number as u32)).collect();
    for (id, report) in keys {
        let Some(number) = number.get(id) else { continue };
        let found = evidence.remove(number).unwrap_or_default();
        report.instance = found.instance;
        let info = &make.content.keys[*number as usize];
        report.siblings = found.siblings;
        let names = variable_names(info);
        let mut places: Vec<_> = names.iter().filter_map(|name| consumers.get(name)).flatten().cloned().collect();
        places.sort();
        places.dedup();
        report.consumers = places;
    }
}

fn blank_coverage(path: Shown, narrowed_by: Vec<Shown>) -> RepositoryReport {
    RepositoryReport {
        path,
        object_format: None,
        refs: 0,
        commits: 0,
        trees: 0,
        blobs: 0,
        bytes: 0,
        unreachable: UnreachableCounts::default(),
        narrowed_by,
        fetches_only: Vec::new(),
        skipped: Vec::new(),
        opaque: Opaque::default(),
        not_ours: NotOurs::default(),
    }
}
