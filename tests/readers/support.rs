//! What these tests share: seeds, every object of a repository as the bulk reader hands it over, and two reports side
//! by side.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clerk_audit::model::{Copied, Interrupt, ObjectType, Oid, Silent};
use clerk_audit::store::{Failure, ObjectIndex, OpenOptions, PassOptions, Pieces, Reader, Store, Visitor, locate};

use crate::common::run::{Audit, Outcome};
use crate::common::seeds::{failing, number};

/// The seeds of a test's cases: `count` of them, or what the environment says. Says which.
pub(super) fn seeds(of: &str, count: u64) -> std::ops::Range<u64> {
    let replayed = number("CLERK_AUDIT_SEED");
    let base = replayed.unwrap_or_else(|| fastrand::u64(..1 << 40));
    let count = if replayed.is_some() { 1 } else { count * number("CLERK_AUDIT_TIMES").unwrap_or(1) };
    println!("{of}: {count} cases from seed {base} on (CLERK_AUDIT_SEED replays one)");
    base..base + count
}

/// Does the work of each seed on all cores; panics with the first few that fail.
pub(super) fn each_seed(seeds: std::ops::Range<u64>, work: impl Fn(u64) + Sync) {
    let failed = failing(seeds, |seed| {
        work(seed);
        Ok(())
    });
    let told: Vec<String> =
        failed.iter().map(|(seed, told)| format!("CLERK_AUDIT_SEED={seed} replays it: {told}")).collect();
    assert!(failed.is_empty(), "{}", told.join("\n"));
}

/// Every object as the bulk reader hands it over, and what it could not read.
pub(super) struct Everything {
    pub(super) objects: BTreeMap<Oid, (ObjectType, Vec<u8>)>,
    /// By id.
    pub(super) failed: Vec<Oid>,
    /// By the names of files.
    pub(super) gaps: Vec<String>,
}

#[derive(Default)]
struct Keep(Vec<(ObjectIndex, ObjectType, Vec<u8>)>);

impl Visitor for Keep {
    type Memory = ();

    fn object(
        &mut self,
        index: ObjectIndex,
        kind: ObjectType,
        bytes: &[u8],
        _: Option<(&(), &[Copied])>,
    ) -> Option<()> {
        self.0.push((index, kind, bytes.to_vec()));
        Some(())
    }

    fn large(&mut self, _: ObjectIndex, pieces: &mut Pieces<'_>) -> Result<(), Failure> {
        Err(Failure::TooLarge(pieces.left()))
    }
}

pub(super) fn open(repository: &Path) -> Store {
    let layout = locate(repository, false).expect("a repository");
    Store::open(layout, OpenOptions { reflogs: true, indexes: true }).expect("it opens")
}

/// Reads everything on two threads. An object that is handed over twice is a failure of the test.
pub(super) fn read_everything(repository: &Path) -> Everything {
    let store = open(repository);
    let mut visitors = [Keep::default(), Keep::default()];
    let failed = store.visit_all(&mut visitors, &everything());
    let mut objects = BTreeMap::new();
    for (index, kind, bytes) in visitors.into_iter().flat_map(|visitor| visitor.0) {
        let twice = objects.insert(store.objects.oid(index), (kind, bytes));
        assert!(twice.is_none(), "{} was handed over twice", store.objects.oid(index));
    }
    let failed = failed.into_iter().map(|(index, _)| store.objects.oid(index)).collect();
    let gaps = store.gaps.iter().chain(&store.listing_gaps);
    let gaps = gaps.map(|gap| String::from_utf8_lossy(&gap.object).into_owned()).collect();
    Everything { objects, failed, gaps }
}

/// Ends the whole test, with a word, if it is not dropped in time: what hangs here hangs in this process.
pub(super) struct Watchdog(Arc<AtomicU64>);

impl Watchdog {
    pub(super) fn within(time: Duration, what: String) -> Self {
        let done = Arc::new(AtomicU64::new(0));
        let seen = done.clone();
        let ends = Instant::now() + time;
        std::thread::spawn(move || {
            while seen.load(Ordering::Relaxed) == 0 {
                if Instant::now() > ends {
                    println!("{what} hangs");
                    std::process::abort();
                }
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        Self(done)
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.0.store(1, Ordering::Relaxed);
    }
}

/// What a report says, byte for byte, but for the time at which it was made.
pub(super) fn without_time(outcome: &Outcome) -> String {
    let text = outcome.text();
    let lines: Vec<&str> = text.split('\n').filter(|line| !line.contains("\"generated_at\": ")).collect();
    assert!(lines.len() < text.split('\n').count(), "the report says when it was made: {}", outcome.errors());
    lines.join("\n")
}

/// Audits a repository with both readers; panics where one word of the reports differs. Gives the first.
pub(super) fn same_with_both_readers(repository: &Path, when: &str) -> Outcome {
    let bulk = Audit::history(repository).run();
    let reference = Audit::history(repository).and_all(&["--reader", "libgit2"]).run();
    assert_same(&bulk, &reference, when);
    bulk
}

pub(super) fn assert_same(one: &Outcome, other: &Outcome, when: &str) {
    let (mine, theirs) = (without_time(one), without_time(other));
    if mine != theirs {
        let differ = mine.lines().zip(theirs.lines()).enumerate().find(|(_, (mine, theirs))| mine != theirs);
        panic!(
            "{when}: the reports differ at {differ:?}; {} and {} lines",
            mine.lines().count(),
            theirs.lines().count()
        );
    }
    assert_eq!(one.code, other.code, "{when}");
}

/// A pass with room for everything.
pub(super) fn everything() -> PassOptions<'static> {
    PassOptions {
        reader: Reader::Bulk,
        types: ObjectType::ALL,
        limit: 1 << 30,
        memory: 4 << 30,
        known: None,
        checks_known: false,
        interrupt: Interrupt::never(),
        events: &Silent,
    }
}
