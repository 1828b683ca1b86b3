//! Repositories whose ids are SHA-256, which libgit2 cannot read: held against what git itself hands out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use clerk_audit::model::{ObjectType, Oid};
use fastrand::Rng;
use regex::bytes::Regex;

use super::support::{each_seed, read_everything, seeds};
use crate::common::fixture::Repo;
use crate::common::run::Audit;
use crate::common::secrets::{key_id, live_key, test_key};

/// A history of branches that grow, with keys in files, names and messages, each with a line of its own.
fn repository(random: &mut Rng) -> Repo {
    let mut stream = String::new();
    let mut lines: Vec<String> = (0..random.usize(5..200)).map(|_| format!("line {}", random.u64(..))).collect();
    let key = |random: &mut Rng| {
        let seed = random.u64(..);
        if random.bool() { live_key(seed) } else { test_key(seed) }
    };
    let data = |stream: &mut String, text: &str| _ = write!(stream, "data {}\n{text}\n", text.len());
    for version in 0..random.usize(2..60) {
        let at = random.usize(..=lines.len());
        match random.u8(..4) {
            0 => lines.insert(at, format!("CLERK_SECRET_KEY={}", key(random))),
            1 if lines.len() > 3 => _ = lines.remove(at.min(lines.len() - 1)),
            _ => lines.insert(at, format!("line {}", random.u64(..))),
        }
        let branch = if random.u8(..5) == 0 { "other" } else { "main" };
        let time = 1_700_000_000 + version * 60;
        _ = write!(stream, "commit refs/heads/{branch}\ncommitter C <c@example.test> {time} +0000\n");
        let message = if random.u8(..9) == 0 { format!("use {}\n", key(random)) } else { "change\n".to_owned() };
        data(&mut stream, &message);
        let name = if random.u8(..9) == 0 { format!("dir/{}", key(random)) } else { "dir/file".to_owned() };
        _ = writeln!(stream, "M 100644 inline {name}");
        data(&mut stream, &lines.join("\n"));
    }
    _ = write!(stream, "tag v1\nfrom refs/heads/main\ntagger T <t@example.test> 1700000000 +0000\n");
    data(&mut stream, &format!("release\n\n{}\n", key(random)));
    // A branch that the first commit is on has to be there for the tag.
    let first = stream.find("refs/heads/").unwrap();
    let end = first + stream[first..].find('\n').unwrap();
    stream.replace_range(first..end, "refs/heads/main");
    let mut repo = Repo::bare_sha256();
    repo.git_with_input(&["fast-import", "--quiet"], stream.as_bytes());
    repo
}

type Objects = BTreeMap<Oid, (ObjectType, Vec<u8>)>;

/// The objects as git hands them out, and all that it said.
fn by_git(repo: &mut Repo) -> (Objects, Vec<u8>) {
    let all = repo.git(&["cat-file", "--batch-all-objects", "--batch"]);
    let mut objects = BTreeMap::new();
    let mut rest = &all[..];
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap();
        let head = std::str::from_utf8(&rest[..end]).unwrap();
        let [oid, kind, size] = head.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let kind = match kind {
            "commit" => ObjectType::Commit,
            "tree" => ObjectType::Tree,
            "blob" => ObjectType::Blob,
            _ => ObjectType::Tag,
        };
        let size: usize = size.parse().unwrap();
        let content = rest[end + 1..end + 1 + size].to_vec();
        objects.insert(Oid::from_hex(oid.as_bytes()).unwrap(), (kind, content));
        rest = &rest[end + 2 + size..];
    }
    (objects, all)
}

#[test]
fn of_a_sha_256_repository_everything_is_read_that_git_hands_out() {
    let grep = Regex::new(r"sk_(?:live|test)_[A-Za-z0-9]{42}").unwrap();
    each_seed(seeds("SHA-256", 28), |seed| {
        let random = &mut Rng::with_seed(seed);
        let mut repo = repository(random);
        let stored: &[&[&str]] = match seed % 7 {
            0 => &[&["repack", "-adkfq", "--depth=250", "--window=250"]],
            1 => &[&["-c", "repack.useDeltaBaseOffset=false", "repack", "-adkFq"]],
            2 => &[&["repack", "-aq"], &["multi-pack-index", "write"]],
            3 => &[&["update-ref", "-d", "refs/tags/v1"], &["repack", "--cruft", "-dq"]],
            4 => &[&["-c", "pack.indexVersion=1", "repack", "-adkfq"]],
            5 => &[&["unpack"]],
            _ => &[],
        };
        for arguments in stored {
            if **arguments == ["unpack"] {
                unpack(&mut repo);
            } else {
                repo.git(arguments);
            }
        }
        let (objects, everything) = by_git(&mut repo);
        let read = read_everything(repo.path());
        assert!(read.failed.is_empty() && read.gaps.is_empty(), "seed {seed}: {:?} {:?}", read.failed, read.gaps);
        assert!(read.objects == objects, "seed {seed}: {} objects of {}", read.objects.len(), objects.len());

        let run = Audit::history(repo.path()).run();
        let report = run.report();
        let found: BTreeSet<&str> =
            report["keys"].as_array().unwrap().iter().map(|key| key["id"].as_str().unwrap()).collect();
        let grepped: BTreeSet<String> =
            grep.find_iter(&everything).map(|key| key_id(std::str::from_utf8(key.as_bytes()).unwrap())).collect();
        assert!(!grepped.is_empty());
        assert_eq!(found, grepped.iter().map(String::as_str).collect(), "seed {seed}");
        let one = &report["repositories"][0];
        assert_eq!((run.code, &one["object_format"]), (Some(1), &"sha256".into()), "seed {seed}: {}", one["skipped"]);
        for (name, kind) in [("commits", ObjectType::Commit), ("trees", ObjectType::Tree), ("blobs", ObjectType::Blob)]
        {
            let count = objects.values().filter(|object| object.0 == kind).count();
            assert_eq!(one[name], count, "seed {seed}: {name}");
        }
    });
}

/// Makes loose objects of a repository's pack.
fn unpack(repo: &mut Repo) {
    repo.git(&["repack", "-adkq"]);
    let folder = repo.git_directory().join("objects/pack");
    let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let pack = files.iter().find(|path| path.extension().is_some_and(|ending| ending == "pack"));
    let bytes = std::fs::read(pack.unwrap()).unwrap();
    // Git would not write what it has.
    files.iter().for_each(|path| std::fs::remove_file(path).unwrap());
    repo.git_with_input(&["unpack-objects", "-q"], &bytes);
}
