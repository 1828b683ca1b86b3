//! What is large: blobs that are searched while they are unpacked, families that do not fit into memory at once, and
//! one family for many threads.

use super::support::{MAIN, audit_at, audit_with, env, found, list, loose_path};
use crate::common::fixture::Repo;
use crate::common::packs::{Packed, Step, Stored, delta, made_up, write_pack};
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
