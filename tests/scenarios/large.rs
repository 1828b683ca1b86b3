//! What is large: blobs that are searched while they are unpacked, families that do not fit into memory at once, and
//! one family for many threads.

use super::support::{MAIN, audit_at, audit_with, env, found, list, loose_path};
use crate::common::fixture::Repo;
use crate::common::fixture::objects::{ObjectType, Oid, object_id};
use crate::common::packs::{Packed, Step, Stored, delta, give_pack, made_up, write_pack, zlib_stored};
use crate::common::run::Audit;
use crate::common::secrets::live_key;

const MIB: usize = 1 << 20;

/// Bytes in lines that say nothing.
fn filling(size: usize) -> Vec<u8> {
    b"nothing to be seen in this line, which is as long as others are\n".iter().copied().cycle().take(size).collect()
}

#[test]
fn a_blob_that_is_not_held_is_searched_while_it_is_unpacked() {
    //  A (large: three keys, the second over the edge of a window)   main        loose and packed
    let keys = [live_key(1201), live_key(1202), live_key(1203)];
    let mut content = filling(20 * MIB);
    let places = [1000, 16 * MIB - 20, 20 * MIB - 100];
    for (key, place) in keys.iter().zip(places) {
        let line = format!("\n{}", env(key));
        content[place..place + line.len()].copy_from_slice(line.as_bytes());
    }
    let line_of = |place: usize| content[..=place].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
    let lines: Vec<u64> = places.iter().map(|place| line_of(*place)).collect();
    for packed in [false, true] {
        let mut repo = Repo::bare();
        let text = String::from_utf8(content.clone()).unwrap();
        repo.commit_on(MAIN, &[("large", Some(&text))], "A");
        let large = repo.blob(text);
        repo.finish();
        if packed {
            repo.git(&["-c", "core.bigFileThreshold=1m", "repack", "-adq"]);
            assert!(!loose_path(&repo, large).exists());
        }
        for reader in ["bulk", "libgit2"] {
            let run = Audit::history(repo.path()).and_all(&["--max-memory", "4M", "--reader", reader]).run();
            let report = found(&run).complete();
            for (key, line) in keys.iter().zip(&lines) {
                let introduced = list(&report.key(key)["introductions"]).next().unwrap();
                assert_eq!(introduced["line"], *line, "{reader}, packed: {packed}");
            }
            // A window of 16 MiB and what is kept of it, and the program itself; never the blob twice.
            assert!(run.peak_kilobytes < 48 << 10, "{} kB", run.peak_kilobytes);
        }
        let whole = audit_at(repo.path()).complete();
        assert!(keys.iter().all(|key| whole.has(key)));
    }
}

#[test]
fn what_is_found_in_a_large_blob_before_its_damage_is_told() {
    //  A (large: a key near its start; its last bytes are damaged)   main
    let key = live_key(1204);
    let mut content = filling(3 * MIB);
    let line = format!("\n{}", env(&key));
    content[1000..1000 + line.len()].copy_from_slice(line.as_bytes());
    let mut repo = Repo::bare();
    let text = String::from_utf8(content).unwrap();
    repo.commit_on(MAIN, &[("large", Some(&text))], "A");
    let large = repo.blob(text);
    repo.finish();
    let path = loose_path(&repo, large);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 12]).unwrap();
    let found = audit_with(repo.path(), &["--max-memory", "4M"]);
    assert_eq!((found.code, found.skipped()), (3, vec![("corrupt", large.to_string().as_str())]));
    assert!(found.has(&key));
}

/// A family of versions of a large file: each is made of one in the middle of those before it, and has a key of its own.
fn family(repo: &Repo, versions: usize, size: usize) -> Vec<String> {
    let keys: Vec<String> = (0..versions as u64).map(|number| live_key(1300 + number)).collect();
    let mut all = Vec::new();
    for (number, key) in keys.iter().enumerate() {
        let (oid, line) = (made_up(500 + number as u64), env(key));
        all.push(match number {
            0 => Packed::blob(oid, [line.as_bytes(), &filling(size - line.len())].concat()),
            _ => {
                let steps = [Step::Insert(line.as_bytes()), Step::Copy(line.len(), size - line.len())];
                Packed { oid, stored: Stored::OffsetDelta(number - (number - 1) / 2), bytes: delta(size, &steps) }
            }
        });
    }
    write_pack(&repo.git_directory().join("objects"), "family", &all);
    keys
}

#[test]
fn a_family_that_does_not_fit_at_once_is_read_all_the_same() {
    //  pack: fifteen versions of 6 MiB, a tree of deltas four levels deep
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    repo.finish();
    let keys = family(&repo, 15, 6 * MIB);
    for options in [["--max-memory", "13M", "--threads", "4"], ["--max-memory", "512M", "--threads", "1"]] {
        let run = Audit::history(repo.path()).and_all(&options).run();
        let report = found(&run).complete();
        assert!(keys.iter().all(|key| report.has(key)), "{options:?}");
        let most = if options[1] == "13M" { 13 + 16 } else { 512 };
        assert!(run.peak_kilobytes < most << 10, "{options:?}: {} kB", run.peak_kilobytes);
    }
}

#[test]
fn versions_for_which_there_is_no_memory_are_told() {
    //  pack: three versions of 6 MiB, of which no two fit
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    repo.finish();
    let keys = family(&repo, 3, 6 * MIB);
    // The whole one is larger than half of the memory, and searched while it is unpacked; or it fits, and its
    // versions do not beside it.
    for memory in ["8M", "12M"] {
        let found = audit_with(repo.path(), &["--max-memory", memory]);
        assert_eq!(found.code, 3);
        let mut expected = [501, 502].map(|number| ("too_large".to_owned(), made_up(number).to_string()));
        expected.sort();
        let skipped: Vec<(String, String)> =
            found.skipped().into_iter().map(|(reason, object)| (reason.to_owned(), object.to_owned())).collect();
        assert_eq!(skipped, expected, "{memory}");
        assert!(found.has(&keys[0]) && !found.has(&keys[1]), "{memory}");
    }
}

#[test]
fn one_family_for_many_threads_is_read_as_by_one() {
    //  pack: three thousand versions of one small file, a tree of deltas; every one has its key
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    repo.finish();
    let keys = family(&repo, 3000, 4000);
    let one = audit_with(repo.path(), &["--threads", "1"]).complete();
    assert!(keys.iter().all(|key| one.has(key)));
    for _ in 0..3 {
        let many = audit_with(repo.path(), &["--threads", "7"]).complete();
        assert_eq!(many.report["keys"], one.report["keys"]);
        assert_eq!(many.report["repositories"], one.report["repositories"]);
    }
}

#[test]
fn what_is_made_from_objects_over_the_limit_is_read() {
    //  pack: 8000 bytes, of them 7000 and a key of its own, of those 1000 and a key, and 6000 and a key; a line before it
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    repo.finish();
    let keys = [live_key(1210), live_key(1211), live_key(1212)];
    let lines = keys.each_ref().map(|key| env(key));
    let whole = filling(8000);
    let (copied, mut contents) = (|line: &str, length: usize| [line.as_bytes(), &whole[..length]].concat(), Vec::new());
    contents.extend([whole.clone(), copied(&lines[0], 7000), copied(&lines[1], 1000), copied(&lines[2], 6000)]);
    let oids: Vec<Oid> = contents.iter().map(|content| object_id(ObjectType::Blob, content)).collect();
    let of = |base: usize, line: &str, from: usize, length: usize| {
        delta(contents[base].len(), &[Step::Insert(line.as_bytes()), Step::Copy(from, length)])
    };
    let behind = lines[0].len();
    let entry = |number: usize, back: usize, bytes: Vec<u8>| Packed {
        oid: oids[number],
        stored: Stored::OffsetDelta(back),
        bytes,
    };
    let pack = [
        Packed::blob(oids[0], whole.clone()),
        entry(1, 1, of(0, &lines[0], 0, 7000)),
        entry(2, 1, of(1, &lines[1], behind, 1000)),
        entry(3, 2, of(1, &lines[2], behind, 6000)),
    ];
    give_pack(&repo.git_directory(), &pack, &mut zlib_stored);
    let mut expected: Vec<String> = [0, 1, 3].map(|number| oids[number].to_string()).into();
    expected.sort();
    for options in [["--reader", "bulk"], ["--reader", "libgit2"], ["--max-memory", "16M"]] {
        let found = audit_with(repo.path(), &[&["--max-blob-size", "4K"], &options[..]].concat());
        let mut skipped = found.skipped();
        skipped.sort();
        let expected: Vec<(&str, &str)> = expected.iter().map(|oid| ("too_large", oid.as_str())).collect();
        assert_eq!((found.code, skipped), (3, expected), "{options:?}");
        assert!(found.has(&keys[1]) && !found.has(&keys[0]) && !found.has(&keys[2]), "{options:?}");
        assert_eq!(list(&found.key(&keys[1])["unreachable"]).next().unwrap()["line"], 1);
    }
    // What is made from what there is no memory for is told for that.
    let found = audit_with(repo.path(), &["--max-blob-size", "4K", "--max-memory", "5K"]);
    assert!(found.skipped().iter().all(|(reason, _)| *reason == "too_large"), "{:?}", found.skipped());
}
