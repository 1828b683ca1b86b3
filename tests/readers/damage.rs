//! Repositories that are damaged at random places: what cannot be read is named, what can be is read, nothing hangs.
//! libgit2 may hang or crash on them, in a process of its own; ours may not.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use clerk_audit::model::{Copied, ObjectType};
use clerk_audit::store::{Failure, ObjectIndex, PassOptions, Pieces, Visitor};
use fastrand::Rng;
use serde_json::Value;

use super::differential::{STORAGES, repository};
use super::support::{Everything, Watchdog, each_seed, everything, open, read_everything, seeds};
use crate::common::fixture::Repo;
use crate::common::packs::{Packed, made_up, write_pack};
use crate::common::run::{Audit, Outcome};

/// So long may one repository take that is read in a few milliseconds when it is sound.
const PATIENCE: Duration = Duration::from_secs(30);

/// The files that objects stand in.
fn object_files(repo: &Repo) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut pending = vec![repo.git_directory().join("objects")];
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// Damages one file, mostly a pack or its index; what it was, to be put back.
struct Damage {
    path: PathBuf,
    whole: Vec<u8>,
    told: String,
}

impl Damage {
    fn random(random: &mut Rng, files: &[PathBuf]) -> Self {
        let of = |ending: &str| -> Vec<&PathBuf> {
            files.iter().filter(|path| path.extension().is_some_and(|it| it == ending)).collect()
        };
        let chosen = match random.u8(..8) {
            0..=3 => of("pack"),
            4 | 5 => of("idx"),
            _ => files.iter().collect(),
        };
        let path = (*random.choice(&chosen).or(random.choice(files).as_ref()).unwrap()).clone();
        let whole = std::fs::read(&path).unwrap();
        let mut bytes = whole.clone();
        let told = format!("{} is {}", path.display(), damage(random, &mut bytes));
        replace(&path, &bytes);
        Self { path, whole, told }
    }

    fn undo(&self) {
        replace(&self.path, &self.whole);
    }
}

fn replace(path: &Path, bytes: &[u8]) {
    // Git makes them read-only.
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn damage(random: &mut Rng, bytes: &mut Vec<u8>) -> String {
    let at = if bytes.is_empty() { 0 } else { random.usize(..bytes.len()) };
    let end = (at + random.usize(1..40)).min(bytes.len());
    match random.u8(..8) {
        0 => {
            bytes.truncate(at);
            format!("cut at {at}")
        }
        1 => {
            bytes[at..end].fill(0);
            format!("zero from {at} to {end}")
        }
        2 => {
            bytes[at..end].iter_mut().for_each(|byte| *byte = random.u8(..));
            format!("noise from {at} to {end}")
        }
        3 => {
            bytes.drain(at..end);
            format!("without {at} to {end}")
        }
        4 => {
            bytes.splice(at..at, (0..random.usize(1..40)).map(|_| random.u8(..)));
            format!("more at {at}")
        }
        5 => {
            let from = random.usize(..=bytes.len() - (end - at));
            bytes.copy_within(from..from + end - at, at);
            format!("at {at} as at {from}, {} bytes", end - at)
        }
        _ if at < bytes.len() => {
            let bit = random.u8(..8);
            bytes[at] ^= 1 << bit;
            format!("another in bit {bit} of byte {at}")
        }
        _ => "as it was".to_owned(),
    }
}

/// A repository, stored in a way that keeps it where it is.
fn stored(seed: u64, random: &mut Rng) -> (Repo, &'static str) {
    let mut repo = repository(seed | 1);
    let (name, store) = STORAGES[random.usize(..16)];
    store(&mut repo, random);
    (repo, name)
}

/// Of what was there, what is not read any more and named nowhere; and how many are read as something else, or under
/// another id: no reader computes ids.
fn unnamed(sound: &Everything, damaged: &Everything, damage: &Damage) -> (Vec<String>, usize) {
    let failed: BTreeSet<_> = damaged.failed.iter().collect();
    // The file itself, or its other half: a pack without its index is named by the pack.
    let stem = damage.path.with_extension("").display().to_string();
    let is_named_whole = damaged.gaps.iter().any(|gap| gap.starts_with(&stem));
    let strangers: BTreeSet<_> =
        damaged.objects.iter().filter(|(oid, _)| !sound.objects.contains_key(oid)).map(|(_, read)| &read.1).collect();
    let (mut unnamed, mut wrong) = (Vec::new(), 0);
    for (oid, content) in &sound.objects {
        match damaged.objects.get(oid) {
            Some(read) if read == content => {}
            _ if is_named_whole => {}
            Some(_) => wrong += 1,
            None if failed.contains(oid) => {}
            None if strangers.contains(&content.1) => wrong += 1,
            None => unnamed.push(oid.to_string()),
        }
    }
    // An id that the damage changed, and whose object cannot be read, is named as it is now.
    let renamed = failed.iter().filter(|oid| !sound.objects.contains_key(**oid)).count().min(unnamed.len());
    unnamed.drain(..renamed);
    (unnamed, wrong + renamed)
}

#[test]
fn whatever_damage_keeps_from_being_read_is_named() {
    let (hurt, wrong) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let seeds = seeds("damaged", 16);
    let count = seeds.clone().count() * 60;
    each_seed(seeds, |seed| {
        let random = &mut Rng::with_seed(seed);
        let (repo, name) = stored(seed, random);
        let sound = read_everything(repo.path());
        assert!(sound.failed.is_empty() && sound.gaps.is_empty());
        let files = object_files(&repo);
        for _ in 0..60 {
            let damage = Damage::random(random, &files);
            let when = format!("seed {seed}, {name}, {}", damage.told);
            let _watchdog = Watchdog::within(PATIENCE, when.clone());
            let damaged = read_everything(repo.path());
            let (unnamed, other) = unnamed(&sound, &damaged, &damage);
            assert!(unnamed.is_empty(), "{when}: {} objects are gone without a word, {}", unnamed.len(), unnamed[0]);
            if other > 0 {
                println!("{when}: {other} objects are read as something else");
            }
            wrong.fetch_add(other, Ordering::Relaxed);
            hurt.fetch_add(usize::from(!damaged.failed.is_empty() || !damaged.gaps.is_empty()), Ordering::Relaxed);
            damage.undo();
        }
    });
    let (hurt, wrong) = (hurt.into_inner(), wrong.into_inner());
    println!("of {count} damages {hurt} keep something from being read; {wrong} objects are read as something else");
    assert!(hurt * 3 > count, "{hurt} of {count}: this shows little");
}

/// The ids of the keys that a report has.
fn keys(outcome: &Outcome) -> BTreeSet<String> {
    let report = outcome.report();
    let ids = report["keys"].as_array().unwrap().iter().map(|key| key["id"].as_str().unwrap().to_owned());
    ids.collect()
}

/// What libgit2 has to say, if it comes to an end at all.
fn reference(repository: &Path) -> Option<Outcome> {
    let audit = Audit::history(repository).and_all(&["--reader", "libgit2"]).within(PATIENCE);
    let (outcome, ended) = audit.attempt();
    (ended && outcome.code.is_some() && serde_json::from_slice::<Value>(&outcome.stdout).is_ok()).then_some(outcome)
}

#[test]
fn of_what_is_damaged_an_audit_finds_what_libgit2_finds_and_says_that_there_is_more() {
    let (incomplete, lost) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let seeds = seeds("damaged and audited", 12);
    let count = seeds.clone().count() * 6;
    each_seed(seeds, |seed| {
        let random = &mut Rng::with_seed(seed);
        let (mut repo, name) = stored(seed, random);
        let sound = read_everything(repo.path());
        let all = keys(&Audit::history(repo.path()).run());
        let files = object_files(&repo);
        for _ in 0..6 {
            let damage = Damage::random(random, &files);
            let when = format!("seed {seed}, {name}, {}", damage.told);
            let watchdog = Watchdog::within(PATIENCE, when.clone());
            let damaged = read_everything(repo.path());
            drop(watchdog);
            let is_hurt = sound.objects.keys().any(|oid| !damaged.objects.contains_key(oid));
            let ours = Audit::history(repo.path()).within(PATIENCE).run();
            let found = keys(&ours);
            let is_incomplete = ours.code == Some(3);
            assert!(!is_hurt || is_incomplete, "{when}: exit code {:?}", ours.code);
            assert!(is_incomplete || found.is_superset(&all), "{when}: keys are gone without a word");
            if is_incomplete {
                let skipped = &ours.report()["repositories"][0]["skipped"];
                assert!(!skipped.as_array().unwrap().is_empty(), "{when}");
            }
            match reference(repo.path()) {
                Some(theirs) => {
                    let missed: Vec<String> = keys(&theirs).difference(&found).cloned().collect();
                    if !missed.is_empty() {
                        panic!("{when}: only libgit2 finds {missed:?}; left in {}", repo.keep().display());
                    }
                    if theirs.code == Some(3) && !is_incomplete {
                        panic!("{when}: only libgit2 exits 3; left in {}", repo.keep().display());
                    }
                }
                None => println!("{when}: libgit2 comes to no end"),
            }
            incomplete.fetch_add(usize::from(is_incomplete), Ordering::Relaxed);
            lost.fetch_add(usize::from(!found.is_superset(&all)), Ordering::Relaxed);
            damage.undo();
        }
    });
    let (incomplete, lost) = (incomplete.into_inner(), lost.into_inner());
    println!("of {count} damages {incomplete} leave an audit incomplete, and {lost} cost it keys");
    assert!(incomplete * 3 > count && lost > 0, "{incomplete} and {lost} of {count}: this shows little");
}

/// Counts blobs that come in pieces, and takes its time for each: so the other thread comes to the next meanwhile.
#[derive(Default)]
struct Slow(usize);

impl Visitor for Slow {
    type Memory = ();

    fn object(&mut self, _: ObjectIndex, _: ObjectType, _: &[u8], _: Option<(&(), &[Copied])>) -> Option<()> {
        None
    }

    fn large(&mut self, _: ObjectIndex, pieces: &mut Pieces<'_>) -> Result<(), Failure> {
        self.0 += 1;
        std::thread::sleep(Duration::from_millis(300));
        while pieces.next_piece()?.is_some() {}
        Ok(())
    }
}

#[test]
fn a_large_blob_that_stands_twice_in_a_pack_is_handed_over_once() {
    //  pack: a large blob, 98 small ones, the large one once more
    let repo = Repo::bare();
    let large = || Packed::blob(made_up(1_000), vec![b'x'; 1 << 20]);
    let small = (0..98).map(|number| Packed::blob(made_up(number), number.to_string()));
    let all: Vec<Packed> = std::iter::once(large()).chain(small).chain([large()]).collect();
    write_pack(&repo.git_directory().join("objects"), "twice", &all);
    let store = open(repo.path());
    let mut visitors = [Slow::default(), Slow::default()];
    let failed = store.visit_all(&mut visitors, &PassOptions { memory: 1 << 20, ..everything() });
    assert_eq!((failed, visitors.iter().map(|visitor| visitor.0).sum::<usize>()), (Vec::new(), 1));
}
