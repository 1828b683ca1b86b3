//! How long an audit takes beside git's own reading of the same repository, in one run.
//!
//! `cargo bench --bench history -- REPOSITORY...`; without one, on a repository made from a fixed seed. For each: the
//! stages of an audit, medians of three, the ratio to `git cat-file --batch-all-objects --batch --unordered --buffer`
//! and to `git rev-list --objects --all`, the memory that is not the page cache's, a second audit with `--state`, and a
//! pass over the content of the blobs beside inflating each entry of one once and doing nothing.

#![expect(clippy::print_stdout, reason = "a benchmark's output is its purpose")]

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use clerk_audit::audit::{Auditor, Options, Target};
use clerk_audit::detect::{Detector, Hits};
use clerk_audit::model::{Copied, Events, Interrupt, ObjectFormat, ObjectType, Report, Silent, Stage};
use clerk_audit::state::Known;
use clerk_audit::store::parts::{self, Entries, Stored};
use clerk_audit::store::{Failure, ObjectIndex, OpenOptions, PassOptions, Pieces, Reader, Store, Visitor, locate};

const RUNS: usize = 3;

fn main() {
    let named: Vec<PathBuf> = std::env::args_os()
        .skip(1)
        .filter(|argument| !argument.to_string_lossy().starts_with("--"))
        .map(PathBuf::from)
        .collect();
    let made = tempfile::tempdir().expect("a temporary folder");
    let repositories = if named.is_empty() { vec![generated(&made.path().join("generated"))] } else { named };
    for repository in repositories {
        measure(&repository);
    }
}

fn measure(repository: &Path) {
    println!("{}", repository.display());
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
    content(repository);
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
    let detector = Detector::new();
    let options = PassOptions {
        reader: Reader::Bulk,
        limit: 1 << 30,
        memory: 512 << 20,
        known: None,
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
    let passes = (0..RUNS).map(|_| {
        let begin = Instant::now();
        store.visit_all(&mut [Blobs(&detector, 0)], &options);
        begin.elapsed()
    });
    let pass = median(passes.collect());
    println!(
        "  inflating every entry of a blob  {:8.2} s   {:.2} GB, one thread\n  scanning all blobs, containers too{:7.2} s   {:.2} of that, one thread",
        inflated.as_secs_f64(),
        bytes as f64 / 1e9,
        pass.as_secs_f64(),
        pass.as_secs_f64() / inflated.as_secs_f64(),
    );
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

/// A repository of 3,000 commits to files of many sizes, from a fixed seed, with one key that is edited around.
fn generated(path: &Path) -> PathBuf {
    let mut random = fastrand::Rng::with_seed(42);
    let key = format!("sk_{}_{}", "live", (0..42).map(|_| random.alphanumeric()).collect::<String>());
    let mut stream = Vec::new();
    let mut files: Vec<String> = (0..200).map(|_| String::new()).collect();
    for number in 0..3000 {
        let at = random.usize(..files.len());
        for _ in 0..random.usize(1..40) {
            let words: String = (0..8).map(|_| format!("{:x} ", random.u32(..))).collect();
            files[at] += &format!("{words}\n");
        }
        let content = if at == 0 { format!("{}KEY={key}\n", files[at]) } else { files[at].clone() };
        stream.extend_from_slice(
            format!(
                "commit refs/heads/main\ncommitter A <a@example.com> {} +0000\ndata 1\nx\nM 644 inline dir{}/file{at}\ndata {}\n",
                1_700_000_000 + number,
                at % 7,
                content.len()
            )
            .as_bytes(),
        );
        stream.extend_from_slice(content.as_bytes());
        stream.push(b'\n');
    }
    let run = |arguments: &[&str], input: Option<&[u8]>| {
        let mut child = Command::new("git")
            .arg("-C")
            .arg(path)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("git runs");
        if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
            stdin.write_all(input).expect("git reads");
        }
        assert!(child.wait().expect("git ends").success());
    };
    std::fs::create_dir_all(path).expect("a folder");
    run(&["init", "-q", "--bare", "."], None);
    run(&["fast-import", "--quiet"], Some(&stream));
    run(&["repack", "-adq", "--depth=50"], None);
    path.to_owned()
}
