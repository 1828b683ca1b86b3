//! How long an audit takes beside git's own reading of the same repository, in one run.
//!
//! `cargo bench --bench history -- REPOSITORY...`; in a repository's place `mixed` (the default), `versions` (400 of a lock
//! file of 1.6 MB), `commits` (100,000 small ones), `keys` (2,000 that each bring one), `added` (1,000 that each add one to a
//! file) or `names` (1,000 files that have one in their names), which are made from fixed seeds.
//! For each: the stages of an audit, medians of three, the ratio to `git cat-file --batch-all-objects --batch --unordered
//! --buffer` and to `git rev-list --objects --all`, the memory that is not the page cache's, a second audit with `--state`,
//! and a pass over the content of the blobs beside inflating each entry of one once and doing nothing; with `--content`
//! the last alone.

#![expect(clippy::print_stdout, reason = "a benchmark's output is its purpose")]

mod made;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use clerk_audit::audit::{Auditor, Options, Target};
use clerk_audit::detect::{Detector, Hits, Limits};
use clerk_audit::model::{Copied, Events, Interrupt, ObjectFormat, ObjectType, Report, Silent, Stage};
use clerk_audit::state::Known;
use clerk_audit::store::parts::{self, Entries, Stored};
use clerk_audit::store::{Failure, ObjectIndex, OpenOptions, PassOptions, Pieces, Reader, Store, Visitor, locate};

const RUNS: usize = 3;

fn main() {
    let named = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect::<Vec<_>>();
    let of_content = std::env::args().any(|argument| argument == "--content");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let repository = |name: &str| made::named(name, folder.path()).unwrap_or_else(|| PathBuf::from(name));
    let repositories: Vec<PathBuf> = match named.as_slice() {
        [] => vec![repository("mixed")],
        named => named.iter().map(|name| repository(name)).collect(),
    };
    for repository in repositories {
        println!("{}", repository.display());
        if !of_content {
            measure(&repository);
        }
        content(&repository);
    }
}

fn measure(repository: &Path) {
    let cat_file = ["cat-file", "--batch-all-objects", "--batch", "--unordered", "--buffer"];
    let read = median((0..RUNS).map(|_| git(repository, &cat_file)).collect());
    let walk = median((0..RUNS).map(|_| git(repository, &["rev-list", "--objects", "--all"])).collect());
    println!("  git cat-file, every object       {:8.2} s", read.as_secs_f64());
    println!("  git rev-list --objects --all     {:8.2} s", walk.as_secs_f64());
    for (reader, threads) in [(Reader::Bulk, 2), (Reader::Bulk, 1), (Reader::Libgit2, 1)] {
        let runs = if reader == Reader::Bulk { RUNS } else { 1 };
        let runs: Vec<(Stages, Report)> = (0..runs).map(|_| audit(repository, reader, threads)).collect();
        let of = |stage: fn(&Stages) -> Duration| median(runs.iter().map(|(stages, _)| stage(stages)).collect());
        let whole = of(Stages::whole);
        println!(
            "  clerk-audit, {reader:?}, {threads} thread(s){:>9.2} s   {:.2} of git cat-file; opening {:.2}, content {:.2}, history {:.2}",
            whole.as_secs_f64(),
            whole.as_secs_f64() / read.as_secs_f64(),
            of(|stages| stages.opening).as_secs_f64(),
            of(|stages| stages.content).as_secs_f64(),
            of(|stages| stages.history).as_secs_f64(),
        );
        let coverage = &runs[0].1.repositories[0];
        println!(
            "      {} keys; {} commits, {} trees, {} blobs, {:.2} GB; anonymous memory so far at most {} MB",
            runs[0].1.keys.len(),
            coverage.commits,
            coverage.trees,
            coverage.blobs,
            coverage.bytes as f64 / 1e9,
            peak_memory() >> 10,
        );
    }
    remembered(repository, read);
    beside_kingfisher(repository);
}

/// Another scanner on the same history, where it is installed: with its quickest settings and one rule.
fn beside_kingfisher(repository: &Path) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let begin = Instant::now();
    let mut kingfisher = Command::new("kingfisher");
    kingfisher.args(["scan", "--turbo", "--rule", "betterleaks.stripe", "--no-extract-archives", "--no-update-check"]);
    kingfisher.args(["--git-history", "full", "--format", "json"]);
    kingfisher.arg("--output").arg(folder.path().join("found.json")).arg(repository);
    let status = kingfisher.stdout(Stdio::null()).stderr(Stdio::null()).status();
    let took = begin.elapsed();
    // 200 and 205: it found something.
    if let Ok(status) = status
        && matches!(status.code(), Some(0 | 200 | 205))
    {
        let audits = (0..RUNS).map(|_| audit(repository, Reader::Bulk, 2).0.whole());
        let whole = median(audits.collect());
        println!(
            "  kingfisher --turbo, one rule     {:8.2} s   the audit takes {:.2} of that",
            took.as_secs_f64(),
            whole.as_secs_f64() / took.as_secs_f64(),
        );
    }
}

/// The program itself, twice, with a file in which it remembers what it read.
fn remembered(repository: &Path, read: Duration) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = || {
        let begin = Instant::now();
        let mut audit = Command::new(env!("CARGO_BIN_EXE_clerk-audit"));
        audit.args(["history", "--quiet", "--format", "json", "--output"]).arg(folder.path().join("report.json"));
        audit.arg("--state").arg(folder.path().join("state.json")).arg(repository);
        audit.stderr(Stdio::null()).status().expect("clerk-audit runs");
        begin.elapsed().as_secs_f64()
    };
    let (first, mut again) = (run(), [run(), run(), run()]);
    again.sort_by(f64::total_cmp);
    println!(
        "  clerk-audit --state, a second time {:6.2} s   {:.3} of the first time, {:.3} of git cat-file",
        again[1],
        again[1] / first,
        again[1] / read.as_secs_f64()
    );
}

/// Scans blobs, and passes over everything else.
struct Blobs<'a>(&'a Detector, usize);

impl Visitor for Blobs<'_> {
    type Memory = Hits;

    fn object(
        &mut self,
        _: ObjectIndex,
        kind: ObjectType,
        bytes: &[u8],
        base: Option<(&Hits, &[Copied])>,
    ) -> Option<Hits> {
        if kind != ObjectType::Blob {
            return None;
        }
        self.0.scan_after(bytes, base, &|| false, &mut |_| self.1 += 1).1
    }

    fn large(&mut self, _: ObjectIndex, pieces: &mut Pieces<'_>) -> Result<(), Failure> {
        let mut scan = self.0.in_pieces();
        while let Some(piece) = pieces.next_piece()? {
            scan.feed(piece, &|| false, &mut |_| self.1 += 1);
        }
        scan.finish(&|| false, &mut |_| self.1 += 1);
        Ok(())
    }
}

/// The pass over all objects in which blobs are scanned, on one thread, beside inflating what is stored of blobs.
fn content(repository: &Path) {
    let layout = locate(repository, false).expect("a repository");
    let objects = layout.common_dir.join("objects");
    let store = Store::open(layout, OpenOptions { reflogs: false, indexes: false }).expect("a repository");
    let with_containers = Detector::new();
    let limits = Limits { containers: false, ..with_containers.limits() };
    let without = Detector::with_limits(limits);
    let options = PassOptions {
        reader: Reader::Bulk,
        types: &[ObjectType::Blob],
        limit: 1 << 30,
        memory: 512 << 20,
        known: None,
        checks_known: false,
        interrupt: Interrupt::never(),
        events: &Silent,
    };
    let (mut inflated, mut bytes) = (Duration::ZERO, 0);
    for (pack, offsets) in blobs_of(&objects, store.format) {
        let file = File::open(&pack).expect("a pack");
        let mut entries = Entries::new(&file, end_of(&file, store.format), store.format, true);
        let mut out = Vec::new();
        let begin = Instant::now();
        for offset in offsets {
            _ = entries.read(offset, 1 << 30, &mut out);
            bytes += out.len();
        }
        inflated += begin.elapsed();
    }
    println!(
        "  inflating every entry of a blob  {:8.2} s   {:.2} GB, one thread",
        inflated.as_secs_f64(),
        bytes as f64 / 1e9
    );
    for (detector, what) in [(&without, "no containers"), (&with_containers, "containers too")] {
        let passes = (0..RUNS).map(|_| {
            let begin = Instant::now();
            store.visit_all(&mut [Blobs(detector, 0)], &options);
            begin.elapsed()
        });
        let pass = median(passes.collect());
        println!(
            "  scanning all blobs, {what:<14} {:7.2} s   {:.2} of that, one thread",
            pass.as_secs_f64(),
            pass.as_secs_f64() / inflated.as_secs_f64(),
        );
    }
}

fn end_of(pack: &File, format: ObjectFormat) -> u64 {
    pack.metadata().expect("its size").len() - format.raw_len() as u64
}

/// Of each pack the offsets at which blobs stand, in order.
fn blobs_of(objects: &Path, format: ObjectFormat) -> Vec<(PathBuf, Vec<u64>)> {
    let folder = std::fs::read_dir(objects.join("pack")).into_iter().flatten().flatten();
    let indexes = folder.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|it| it == "idx"));
    let mut all = Vec::new();
    for index in indexes {
        let listed = parts::index(&std::fs::read(&index).expect("an index"), format).expect("a sound index");
        let pack = index.with_extension("pack");
        let file = File::open(&pack).expect("a pack");
        let mut entries = Entries::new(&file, end_of(&file, format), format, true);
        let (mut stored, mut out) = (BTreeMap::new(), Vec::new());
        let place_of: HashMap<_, _> = listed.iter().copied().collect();
        for (_, offset) in &listed {
            if let Ok(how) = entries.read(*offset, 1 << 30, &mut out) {
                stored.insert(*offset, how);
            }
        }
        let is_blob = |offset: &u64| {
            let mut at = *offset;
            loop {
                match stored.get(&at) {
                    Some(Stored::Whole(kind)) => return *kind == ObjectType::Blob,
                    Some(Stored::OffsetDelta(base)) => at = *base,
                    Some(Stored::RefDelta(base)) => match place_of.get(base) {
                        Some(place) => at = *place,
                        None => return false,
                    },
                    None => return false,
                }
            }
        };
        let offsets = stored.keys().copied().filter(is_blob).collect();
        all.push((pack, offsets));
    }
    all
}

/// How long each stage took.
#[derive(Default)]
struct Stages {
    opening: Duration,
    content: Duration,
    history: Duration,
}

impl Stages {
    fn whole(&self) -> Duration {
        self.opening + self.content + self.history
    }
}

/// Notes when stages begin.
#[derive(Default)]
struct Clock(Mutex<Vec<(Stage, Instant)>>);

impl Events for Clock {
    fn stage(&self, stage: Stage, _: &str, _: Option<u64>) {
        self.0.lock().expect("no thread panics").push((stage, Instant::now()));
    }
    fn advance(&self, _: u64) {}
    fn keys(&self, _: u64) {}
}

fn audit(repository: &Path, reader: Reader, threads: usize) -> (Stages, Report) {
    let clock = Clock::default();
    let options = Options { reader, threads, ..Options::default() };
    let detector = Detector::new();
    let auditor = Auditor { detector: &detector, options: &options, events: &clock, interrupt: Interrupt::never() };
    let target = Target { name: b"bench".to_vec(), layout: locate(repository, false) };
    let report = auditor.run(vec![target], &Known::default(), String::new());
    let end = Instant::now();
    let marks = clock.0.into_inner().expect("no thread panics");
    let mut stages = Stages::default();
    for (at, (stage, begin)) in marks.iter().enumerate() {
        let took = marks.get(at + 1).map_or(end, |next| next.1) - *begin;
        match stage {
            Stage::Opening => stages.opening += took,
            Stage::Content => stages.content += took,
            Stage::History => stages.history += took,
        }
    }
    (stages, report)
}

fn git(repository: &Path, arguments: &[&str]) -> Duration {
    let begin = Instant::now();
    let mut command = Command::new("git");
    let status = command.arg("-C").arg(repository).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    // A partial clone makes git fail at the end; the time up to there is what there is to compare with.
    status.expect("git runs");
    begin.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Kibibytes of resident memory at the peak of this process; it maps no files.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}
