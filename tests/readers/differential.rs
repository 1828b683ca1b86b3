//! Random histories, stored in every way that git has: both readers tell the same, byte for byte.

use std::path::{Path, PathBuf};

use fastrand::Rng;

use super::support::{assert_same, each_seed, same_with_both_readers, seeds};
use crate::common::fixture::Repo;
use crate::common::git;
use crate::common::random_history::Plan;
use crate::common::run::Audit;
use crate::common::secrets::{live_key, test_key};

/// A random history and in it a file and a directory of many versions, so that there are deltas; all objects loose.
pub(super) fn repository(seed: u64) -> Repo {
    let mut repo = Plan::new(seed).build();
    let random = &mut Rng::with_seed(seed ^ 0x9e37_79b9);
    let versions = if seed.is_multiple_of(13) { 300 } else { random.usize(3..40) };
    grow(&mut repo, random, versions);
    fill(&mut repo, random);
    repo.finish();
    repo
}

/// Commits versions of one file: lines come, go, move and are doubled, and some of them have keys.
fn grow(repo: &mut Repo, random: &mut Rng, versions: usize) {
    let mut lines: Vec<String> = (0..random.usize(20..300)).map(|number| words(random, number)).collect();
    for version in 0..versions {
        for _ in 0..random.usize(1..4) {
            let at = random.usize(..=lines.len());
            match random.u8(..9) {
                0 => lines.insert(at, format!("CLERK_SECRET_KEY={}", live_key(random.u64(..)))),
                1 => lines.insert(at, format!("stripe: {}", test_key(random.u64(..)))),
                2 | 3 => lines.insert(at, words(random, version)),
                4 if lines.len() > 10 => drop(lines.drain(at.min(lines.len() - 5)..).take(2).collect::<Vec<_>>()),
                5 => {
                    let from = random.usize(..lines.len().max(1));
                    let some: Vec<String> = lines.iter().skip(from).take(20).cloned().collect();
                    lines.splice(at..at, some);
                }
                6 if at < lines.len() => lines[at].push_str(" CLERK_"),
                7 if at < lines.len() => lines.swap(at, 0),
                _ => lines.push(words(random, version)),
            }
        }
        lines.truncate(2_000);
        repo.commit_on("refs/heads/grown", &[("CHANGELOG.md", Some(&lines.join("\n")))], &format!("version {version}"));
    }
}

/// Commits versions of a directory of many files: some come, go and change, and some names have keys.
fn fill(repo: &mut Repo, random: &mut Rng) {
    let mut names: Vec<String> = (0..random.usize(20..400)).map(|number| format!("many/file{number:03}")).collect();
    let mut changes: Vec<(String, Option<String>)> =
        names.iter().map(|name| (name.clone(), Some(name.clone()))).collect();
    for version in 0..random.usize(2..25) {
        for _ in 0..random.usize(1..4) {
            let at = random.usize(..names.len());
            match random.u8(..6) {
                0 => names.push(format!("many/{}.txt", live_key(random.u64(..)))),
                1 => names.push(format!("many/below/{}", test_key(random.u64(..)))),
                2 => names.push(format!("many/new{}", random.u16(..))),
                3 => {
                    changes.push((names.swap_remove(at), None));
                    continue;
                }
                4 => {
                    changes.push((names[at].clone(), Some(format!("KEY={}\n", live_key(random.u64(..))))));
                    continue;
                }
                _ => {
                    changes.push((names[at].clone(), Some(words(random, version))));
                    continue;
                }
            }
            changes.extend(names.last().map(|name| (name.clone(), Some(name.len().to_string()))));
        }
        let changed: Vec<(&str, Option<&str>)> =
            changes.iter().map(|(name, content)| (name.as_str(), content.as_deref())).collect();
        repo.commit_on("refs/heads/filled", &changed, &format!("version {version}"));
        changes.clear();
    }
}

fn words(random: &mut Rng, number: usize) -> String {
    format!("- change {number} of {} by {}", random.u32(..), random.u16(..))
}

fn try_git<A: AsRef<std::ffi::OsStr>>(directory: &Path, arguments: &[A], input: &[u8]) -> bool {
    let mut command = git::command(directory);
    command.args(arguments);
    git::answer(command, input).success
}

/// How a repository is stored: a name, and what makes it so. What is made may be beside it.
type Storage = (&'static str, fn(&mut Repo, &mut Rng) -> PathBuf);

pub(super) const STORAGES: &[Storage] = &[
    ("one pack, any window and depth", |repo, random| {
        let depth = format!("--depth={}", random.choice([0, 1, 2, 10, 50, 4000]).unwrap());
        let window = format!("--window={}", random.choice([0, 1, 10, 250]).unwrap());
        in_place(repo, &["repack", "-adkfq", &depth, &window])
    }),
    ("chains 250 deep", |repo, _| in_place(repo, &["repack", "-adkFq", "--depth=250", "--window=250"])),
    ("bases by their ids", |repo, _| in_place(repo, &["-c", "repack.useDeltaBaseOffset=false", "repack", "-adkfq"])),
    ("packed and loose", |repo, _| in_place(repo, &["repack", "-aq"])),
    ("some packed, some loose", |repo, random| {
        some_packs(repo, random, 1);
        in_place(repo, &["prune-packed", "-q"])
    }),
    ("the same in several packs", |repo, random| {
        some_packs(repo, random, 4);
        in_place(repo, &["repack", "-aq"])
    }),
    ("several packs and an index of them", |repo, random| {
        some_packs(repo, random, 3);
        in_place(repo, &["multi-pack-index", "write"])
    }),
    ("an index of packs by repack", |repo, random| {
        some_packs(repo, random, 2);
        in_place(repo, &["repack", "-adkq", "--write-midx"])
    }),
    ("geometric", |repo, random| {
        some_packs(repo, random, 5);
        in_place(repo, &["repack", "--geometric=2", "-dq"])
    }),
    ("cruft", |repo, _| in_place(repo, &["repack", "--cruft", "-dq"])),
    ("cruft of several times", |repo, random| {
        in_place(repo, &["repack", "--cruft", "-dq"]);
        let oid = repo.blob(format!("CLERK_SECRET_KEY={}\n", live_key(random.u64(..))));
        repo.finish();
        assert!(try_git(repo.path(), &["cat-file", "-e", &oid.to_string()], b""));
        in_place(repo, &["repack", "--cruft", "-dq"])
    }),
    ("a pack that is kept", |repo, random| {
        some_packs(repo, random, 2);
        let folder = repo.git_directory().join("objects/pack");
        let pack = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| path.extension().is_some_and(|extension| extension == "pack"));
        std::fs::write(pack.unwrap().with_extension("keep"), "").unwrap();
        in_place(repo, &["repack", "-adkq"])
    }),
    ("an index of version 1, no compression", |repo, _| {
        in_place(repo, &["-c", "pack.indexVersion=1", "-c", "pack.compression=0", "repack", "-adkFq"])
    }),
    ("most compression, islands", |repo, _| {
        let options = ["-c", "pack.compression=9", "-c", "pack.island=refs/heads/(.)"];
        in_place(repo, &[&options[..], &["repack", "-adkFiq"]].concat())
    }),
    ("gc", |repo, _| in_place(repo, &["gc", "--aggressive", "--quiet", "--prune=now"])),
    ("a bitmap and a commit graph", |repo, _| {
        in_place(repo, &["repack", "-adbq"]);
        in_place(repo, &["commit-graph", "write", "--reachable"])
    }),
    ("fetched, each time into a pack", |repo, _| fetched(repo, "1")),
    ("fetched, each time into loose objects", |repo, _| fetched(repo, "1000000")),
    ("thin packs made whole", |repo, _| thin(repo)),
    ("an alternate, its path relative", |repo, random| borrower(repo, random, "pool", "../../pool/objects")),
    ("an alternate with a colon", |repo, random| borrower(repo, random, "co:lon", "../../co:lon/objects")),
    ("an alternate with a quote", |repo, random| borrower(repo, random, "quo\"te", "\"../../quo\\\"te/objects\"")),
    ("an alternate's alternate", |repo, random| {
        let middle = borrower(repo, random, "pool", "../../pool/objects");
        std::fs::rename(&middle, middle.with_file_name("middle")).unwrap();
        let last = middle.with_file_name("last");
        make_borrower(&last, "../../middle/objects");
        copy_refs(&middle.with_file_name("middle"), &last);
        last
    }),
    ("a clone without blobs", |repo, _| clone(repo, &["--filter=blob:none", "--no-checkout"])),
    ("a shallow clone", |repo, _| clone(repo, &["--depth=2", "--no-single-branch", "--no-checkout"])),
    ("a clone", |repo, _| clone(repo, &["--mirror"])),
];

fn in_place(repo: &mut Repo, arguments: &[&str]) -> PathBuf {
    repo.git(arguments);
    repo.path().to_owned()
}

/// Packs of random objects, which may overlap, have their bases elsewhere or have none.
fn some_packs(repo: &mut Repo, random: &mut Rng, count: usize) {
    let all = repo.git(&["cat-file", "--batch-all-objects", "--batch-check=%(objectname)"]);
    let all: Vec<&[u8]> = all.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    for _ in 0..count {
        let one_in = random.usize(1..4);
        let some: Vec<&[u8]> = all.iter().copied().filter(|_| random.usize(..one_in) == 0).collect();
        if !some.is_empty() {
            let folder = repo.git_directory().join("objects/pack");
            std::fs::create_dir_all(&folder).unwrap();
            repo.git_with_input(&["pack-objects", "-q", folder.join("pack").to_str().unwrap()], &some.join(&b'\n'));
        }
    }
}

/// What is fetched from the repository in pieces, the newest last.
fn fetched(repo: &mut Repo, limit: &str) -> PathBuf {
    let place = repo.beside("fetched");
    remove_grafts(repo);
    let make = ["init", "--quiet", "--bare", "--template=", place.to_str().unwrap()];
    repo.git(&make);
    let unpack = format!("fetch.unpackLimit={limit}");
    let from = format!("file://{}", repo.path().display());
    let grown = String::from_utf8(repo.git(&["rev-list", "--reverse", "refs/heads/grown"])).unwrap();
    let commits: Vec<&str> = grown.lines().collect();
    repo.git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
    for number in [commits.len() / 3, commits.len() / 2, commits.len() - 1] {
        let refspec = format!("{}:refs/heads/step{number}", commits[number]);
        git::run(git::command(&place), &["-c", &unpack, "fetch", "--quiet", &from, &refspec], b"");
    }
    git::run(git::command(&place), &["-c", &unpack, "fetch", "--quiet", &from, "refs/*:refs/all/*"], b"");
    place
}

/// Packs whose deltas name bases of other packs, completed as a push completes them.
fn thin(repo: &mut Repo) -> PathBuf {
    let place = repo.beside("completed");
    repo.git(&["init", "--quiet", "--bare", "--template=", place.to_str().unwrap()]);
    let grown = String::from_utf8(repo.git(&["rev-list", "--reverse", "refs/heads/grown"])).unwrap();
    let commits: Vec<&str> = grown.lines().collect();
    let mut known = String::new();
    for step in [commits.len() / 2, commits.len() - 1] {
        let wanted = format!("{}\n{known}", commits[step]);
        let pack = repo.git_with_input(&["pack-objects", "-q", "--revs", "--thin", "--stdout"], wanted.as_bytes());
        git::run(git::command(&place), &["index-pack", "--fix-thin", "--stdin"], &pack);
        known = format!("^{}\n", commits[step]);
    }
    git::run(git::command(&place), &["update-ref", "refs/heads/grown", commits[commits.len() - 1]], b"");
    place
}

fn make_borrower(place: &Path, line: &str) {
    std::fs::create_dir_all(place).unwrap();
    git::run(git::command(place), &["init", "--quiet", "--bare", "--template="], b"");
    std::fs::create_dir_all(place.join("objects/info")).unwrap();
    std::fs::write(place.join("objects/info/alternates"), format!("{line}\n")).unwrap();
}

fn copy_refs(from: &Path, to: &Path) {
    let refs = git::run(git::command(from), &["for-each-ref", "--format=create %(refname) %(objectname)"], b"");
    git::run(git::command(to), &["update-ref", "--stdin"], &refs);
}

/// A repository that borrows from the repository, which is moved to `name`, and has some of its objects itself.
fn borrower(repo: &mut Repo, random: &mut Rng, name: &str, line: &str) -> PathBuf {
    some_packs(repo, random, 1);
    let pool = repo.beside(name);
    let place = repo.beside("borrower");
    make_borrower(&place, line);
    std::fs::create_dir_all(place.join("objects/pack")).unwrap();
    if random.bool() {
        // One of the pool's packs, which is then there twice.
        for entry in std::fs::read_dir(repo.git_directory().join("objects/pack")).unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, place.join("objects/pack").join(path.file_name().unwrap())).unwrap();
        }
    }
    let from = repo.git_directory();
    std::fs::rename(&from, &pool).unwrap();
    copy_refs(&pool, &place);
    place
}

/// git hands a history out as its grafts have it, which may name what is not there.
fn remove_grafts(repo: &Repo) {
    _ = std::fs::remove_file(repo.git_directory().join("info/grafts"));
}

fn clone(repo: &mut Repo, options: &[&str]) -> PathBuf {
    let place = repo.beside("clone");
    repo.git(&["config", "uploadpack.allowFilter", "true"]);
    remove_grafts(repo);
    repo.git(&["repack", "-aq"]);
    let from = format!("file://{}", repo.path().display());
    let folder = repo.path().parent().unwrap();
    let all = [&["clone", "--quiet"], options, &[&from, place.to_str().unwrap()]].concat();
    git::run(git::command(folder), &all, b"");
    place
}

#[test]
fn however_a_history_is_stored_both_readers_tell_the_same_of_it() {
    let seeds = seeds("stored in every way", 2 * STORAGES.len() as u64);
    each_seed(seeds, |seed| {
        let mut repo = repository(seed);
        let random = &mut Rng::with_seed(seed);
        let (name, store) = STORAGES[(seed % STORAGES.len() as u64) as usize];
        let when = format!("seed {seed}, {name}");
        let loose = Audit::history(repo.path()).run();
        let place = store(&mut repo, random);
        let packed = same_with_both_readers(&place, &when);
        // Nothing was dropped and nothing moved: then each object by itself told the same, too.
        let whole = ["one pack", "chains", "bases by", "packed and", "some packed", "the same", "several packs"];
        if whole.iter().any(|beginning| name.starts_with(beginning)) {
            assert_same(&loose, &packed, &format!("{when}, and all loose"));
        }
    });
}
