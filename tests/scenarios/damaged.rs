//! Bad input: what a disk, a copy or an interrupted program left behind. Nothing hangs, nothing passes for clean, and
//! what can be read is read.

use std::os::unix::fs::PermissionsExt;

use super::support::{Found, MAIN, audit, audit_at, env, loose_path, overwrite, pack_file, text};
use crate::common::fixture::Repo;
use crate::common::fixture::objects::{Commit, Files, Mode, ObjectType, Oid, encode_tree, object_id, sha1};
use crate::common::packs::{Packed, Step, Stored, delta, made_up, write_pack, zlib_stored};
use crate::common::run::Audit;
use crate::common::secrets::{live_key, test_key};

/// A repository with a key that can be read and a file that is to be damaged: `A (.env +, victim)   main`.
fn repo(content: &str) -> (Repo, String, Oid) {
    let key = live_key(1001);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[(".env", Some(&env(&key))), ("victim", Some(content))], "A");
    repo.finish();
    let victim = repo.blob(content);
    (repo, key, victim)
}

/// Content that does not compress.
fn noise(length: usize) -> String {
    crate::common::secrets::alphanumerics(1002, length)
}

fn check(found: &Found, key: &str, reason: &str, victim: Oid) {
    assert_eq!(found.code, 3);
    assert_eq!(found.skipped(), [(reason, victim.to_string().as_str())]);
    assert!(found.has(key), "what can be read is read");
}

#[test]
fn loose_objects_cut_at_any_length_are_gaps_and_hang_nobody() {
    let (repo, key, victim) = repo(&noise(20_000));
    let path = loose_path(&repo, victim);
    let whole = std::fs::read(&path).unwrap();
    for length in [0, 1, 2, 3, 10, 16, 100, 5_000, whole.len() / 2, whole.len() - 5, whole.len() - 1] {
        overwrite(&path, &whole[..length]);
        check(&audit_at(repo.path()), &key, "corrupt", victim);
    }
}

#[test]
fn a_loose_object_cut_to_its_header_where_it_is_a_commit_or_tree_is_a_gap() {
    //  A ── B   main, each loose and cut in turn
    let key = live_key(1003);
    for victim in ["main", "main~1", "main^{tree}", "main~1^{tree}"] {
        let mut repo = Repo::bare();
        repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
        repo.commit_on(MAIN, &[("b", Some("b\n"))], "B");
        repo.commit_on("refs/heads/other", &[(".env", Some(&env(&key)))], "other");
        let oid = String::from_utf8(repo.git(&["rev-parse", victim])).unwrap().trim().to_owned();
        let path = repo.git_directory().join("objects").join(&oid[..2]).join(&oid[2..]);
        let whole = std::fs::read(&path).unwrap();
        overwrite(&path, &whole[..whole.len() / 2]);
        let found = audit_at(repo.path());
        assert_eq!((found.code, found.skipped()), (3, vec![("corrupt", oid.as_str())]), "{victim}");
        assert!(found.has(&key));
    }
}

#[test]
fn loose_objects_that_are_something_else_are_gaps() {
    let (repo, key, victim) = repo("victim\n");
    let path = loose_path(&repo, victim);
    let deflated = |bytes: &[u8]| crate::common::packs::zlib_stored(bytes);
    for content in [
        b"plain text".to_vec(),
        vec![0; 4096],
        deflated(b""),
        deflated(b"blob"),
        deflated(b"blob 7\0short"),
        deflated(b"blob 3\0longer"),
        deflated(b"bolb 6\0victim"),
        deflated(b"blob -1\0victim"),
        deflated(b"blob 99999999999999999999999\0victim"),
        deflated(&[b'x'; 100]),
    ] {
        overwrite(&path, &content);
        check(&audit_at(repo.path()), &key, "corrupt", victim);
    }
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    check(&audit_at(repo.path()), &key, "corrupt", victim);
}

#[test]
fn a_named_pipe_among_the_files_hangs_nobody() {
    //  a fifo where an object, a ref, packed-refs, the index, or a pack's index should be
    let (repo, key, victim) = repo("victim\n");
    let git_directory = repo.git_directory();
    let fifo = |path: &std::path::Path| {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let made = std::process::Command::new("mkfifo").arg(path).status().expect("running mkfifo");
        assert!(made.success());
    };
    let object = loose_path(&repo, victim);
    let content = std::fs::read(&object).unwrap();
    std::fs::remove_file(&object).unwrap();
    fifo(&object);
    assert!(audit_at(repo.path()).code == 3);
    overwrite(&object, &content);
    for name in [
        "refs/heads/pipe",
        "packed-refs",
        "index",
        "shallow",
        "logs/HEAD",
        "objects/pack/pack-1.idx",
        "objects/pack/multi-pack-index",
        "objects/info/alternates",
        "objects/info/commit-graph",
    ] {
        let path = git_directory.join(name);
        fifo(&path);
        let run = crate::common::run::Audit::history(repo.path()).within(std::time::Duration::from_secs(8)).run();
        let found = super::support::found(&run);
        assert!(found.has(&key), "{name}");
        std::fs::remove_file(&path).unwrap();
    }
}

/// The same repository with everything in one pack.
fn packed(content: &str) -> (Repo, String, Oid) {
    let (mut repo, key, victim) = repo(content);
    repo.git(&["repack", "-adq"]);
    repo.git(&["prune-packed", "-q"]);
    std::fs::set_permissions(pack_file(&repo, "pack"), PermissionsExt::from_mode(0o644)).unwrap();
    std::fs::set_permissions(pack_file(&repo, "idx"), PermissionsExt::from_mode(0o644)).unwrap();
    (repo, key, victim)
}

/// Where an object stands in the pack.
fn offset(repo: &mut Repo, oid: Oid) -> usize {
    let index = pack_file(repo, "idx");
    let listed = String::from_utf8(repo.git(&["verify-pack", "-v", index.to_str().unwrap()])).unwrap();
    let line = listed.lines().find(|line| line.starts_with(&oid.to_string())).expect("the object is packed");
    line.split_whitespace().nth(4).unwrap().parse().unwrap()
}

#[test]
fn a_flipped_byte_in_a_pack_is_a_gap_of_that_object_alone() {
    let (mut repo, key, victim) = packed(&noise(3_000));
    let at = offset(&mut repo, victim);
    let path = pack_file(&repo, "pack");
    let whole = std::fs::read(&path).unwrap();
    for distance in [5, 100, 1_000, 2_000] {
        let mut bytes = whole.clone();
        bytes[at + distance] ^= 0x55;
        std::fs::write(&path, &bytes).unwrap();
        check(&audit_at(repo.path()), &key, "corrupt", victim);
    }
    let mut bytes = whole.clone();
    bytes[at] = 0x50 | (bytes[at] & 0x8f);
    std::fs::write(&path, &bytes).unwrap();
    check(&audit_at(repo.path()), &key, "corrupt", victim);
}

#[test]
fn an_index_that_has_another_object_begin_inside_of_one_costs_that_other_alone() {
    //  pack: A, its tree, .env +, victim +        the index has the tree begin amid the victim, and is made anew where it
    //                                             shows by its checksum that it is damaged
    let inside = test_key(1011);
    let (mut repo, key, victim) = packed(&format!("{}\n{}", noise(3_000), env(&inside)));
    let tree = String::from_utf8(repo.git(&["rev-parse", "main^{tree}"])).unwrap().trim().to_owned();
    let (row, count) = row_of(&mut repo, &tree);
    let at = offset(&mut repo, victim);
    let path = pack_file(&repo, "idx");
    let mut bytes = std::fs::read(&path).unwrap();
    let field = 8 + 1024 + count * 24 + row * 4;
    bytes[field..field + 4].copy_from_slice(&(at as u32 + 100).to_be_bytes());
    for (bytes, cost) in [(with_checksum(&bytes), tree.as_str()), (bytes, path.to_str().unwrap())] {
        std::fs::write(&path, &bytes).unwrap();
        let found = audit_at(repo.path());
        assert_eq!((found.code, found.skipped()), (3, vec![("corrupt", cost)]));
        assert!(found.has(&key) && found.has(&inside));
    }
}

/// A pack's index whose checksum fits what is in it.
fn with_checksum(index: &[u8]) -> Vec<u8> {
    let content = &index[..index.len() - 20];
    [content, &sha1(content)].concat()
}

#[test]
fn an_offset_that_leads_nowhere_costs_its_object_alone() {
    //  pack: A, its tree, .env +, victim +      the index has the victim in a table of large offsets that is not there, and
    //                                           is made anew where it shows by its checksum that it is damaged
    let inside = test_key(1012);
    let (mut repo, key, victim) = packed(&format!("{}\n{}", noise(3_000), env(&inside)));
    let (row, count) = row_of(&mut repo, &victim.to_string());
    let path = pack_file(&repo, "idx");
    let whole = std::fs::read(&path).unwrap();
    let field = 8 + 1024 + count * 24 + row * 4;
    for offset in [0x8000_0005_u32, 0xffff_ffff, 0x7fff_ffff] {
        let mut bytes = whole.clone();
        bytes[field..field + 4].copy_from_slice(&offset.to_be_bytes());
        std::fs::write(&path, with_checksum(&bytes)).unwrap();
        check(&audit_at(repo.path()), &key, "corrupt", victim);
        std::fs::write(&path, &bytes).unwrap();
        let found = audit_at(repo.path());
        assert_eq!((found.code, found.skipped()), (3, vec![("corrupt", path.to_str().unwrap())]));
        assert!(found.has(&key) && found.has(&inside), "{offset:x}");
    }
}

/// Writes over what has been made read-only.
fn put(path: &std::path::Path, bytes: &[u8]) {
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn whatever_is_damaged_of_an_index_costs_nothing_that_is_in_its_pack() {
    //  A (.env +) ── B (.env +) ── … 60   main, packed as chains of deltas that name their bases by offset or by id
    for by_offset in ["true", "false"] {
        let keys: Vec<String> = (0..60).map(|number| live_key(1100 + number)).collect();
        let mut repo = Repo::bare();
        for (number, key) in keys.iter().enumerate() {
            let text = format!("{}{}{number}\n", "a line of many\n".repeat(300), env(key));
            repo.commit_on(MAIN, &[(".env", Some(&text))], &format!("commit {number}"));
        }
        repo.finish();
        repo.git(&["-c", &format!("repack.useDeltaBaseOffset={by_offset}"), "repack", "-adfq", "--depth=50"]);
        let path = pack_file(&repo, "idx");
        let whole = std::fs::read(&path).unwrap();
        let sound = audit_at(repo.path());
        assert_eq!(sound.code, 1);
        let mut rolled = whole.clone();
        rolled[8 + 1024..].rotate_right(7);
        let flipped = |at: usize| {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            bytes
        };
        let half = whole[..whole.len() / 2].to_vec();
        let damaged = [Vec::new(), b"nonsense".to_vec(), vec![0; whole.len()], half, rolled];
        let flips = (0..40).map(|number| flipped(number * whole.len() / 40));
        for (number, bytes) in damaged.into_iter().chain(flips).enumerate() {
            put(&path, &bytes);
            let found = audit_at(repo.path());
            let when = format!("{number}, by offset: {by_offset}");
            assert_eq!((found.code, found.skipped()), (3, vec![("corrupt", path.to_str().unwrap())]), "{when}");
            assert!(keys.iter().all(|key| found.has(key)), "{when}");
        }
    }
}

#[test]
fn a_reverse_index_that_is_wrong_misleads_nobody() {
    //  A (.env +) ── B (.env +) ── … 40   main, in one pack with a reverse index that is damaged, another's or hostile
    let keys: Vec<String> = (0..40).map(|number| live_key(1200 + number)).collect();
    let mut repo = Repo::bare();
    for (number, key) in keys.iter().enumerate() {
        repo.commit_on(MAIN, &[(".env", Some(&env(key)))], &format!("commit {number}"));
    }
    repo.finish();
    repo.git(&["-c", "pack.writeReverseIndex=true", "repack", "-adfq"]);
    let path = pack_file(&repo, "rev");
    let whole = std::fs::read(&path).unwrap();
    let sound = audit_at(repo.path());
    assert_eq!((sound.code, sound.skipped()), (1, Vec::new()));
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = whole.clone();
        change(&mut bytes);
        bytes
    };
    let damaged = [
        changed(&|bytes| bytes[12..].fill(0)),
        changed(&|bytes| bytes[12..].fill(0xff)),
        changed(&|bytes| bytes.truncate(40)),
        changed(&|bytes| bytes[12..60].rotate_left(4)),
        changed(&|bytes| bytes.copy_within(12..16, 16)),
        changed(&|bytes| bytes[7] = 2),
        changed(&|bytes| bytes.extend([0; 4])),
        Vec::new(),
    ];
    for (number, bytes) in damaged.iter().enumerate() {
        put(&path, bytes);
        let found = audit_at(repo.path());
        assert_eq!((found.code, found.skipped()), (1, Vec::new()), "{number}");
        assert!(keys.iter().all(|key| found.has(key)), "{number}");
    }
    std::fs::remove_file(&path).unwrap();
    let found = audit_at(repo.path());
    assert!(found.code == 1 && keys.iter().all(|key| found.has(key)));
}

#[test]
fn an_entry_that_is_another_than_its_index_says_is_named_and_read() {
    //  pack: A, its tree, .env +, victim +     the index has another checksum for the victim, and one that fits of itself
    let inside = test_key(1013);
    let (mut repo, key, victim) = packed(&format!("{}\n{}", noise(3_000), env(&inside)));
    let (row, count) = row_of(&mut repo, &victim.to_string());
    let path = pack_file(&repo, "idx");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[8 + 1024 + count * 20 + row * 4] ^= 1;
    put(&path, &with_checksum(&bytes));
    let found = audit_at(repo.path());
    check(&found, &key, "corrupt", victim);
    assert!(found.has(&inside));
}

/// Which row of a pack's index an object has, and how many there are.
fn row_of(repo: &mut Repo, oid: &str) -> (usize, usize) {
    let ids = String::from_utf8(repo.git(&["cat-file", "--batch-all-objects", "--batch-check=%(objectname)"])).unwrap();
    (ids.lines().position(|id| id == oid).unwrap(), ids.lines().count())
}

#[test]
fn an_entry_that_is_another_is_read_from_another_copy() {
    //  pack: A, its tree, .env +, victim +     copies: the same loose
    let inside = test_key(1014);
    let (mut repo, key, victim) = packed(&format!("{}\n{}", noise(3_000), env(&inside)));
    let text = repo.git(&["cat-file", "blob", &victim.to_string()]);
    let at = offset(&mut repo, victim);
    let path = pack_file(&repo, "pack");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[at] ^= 0x70;
    put(&path, &bytes);
    let loose = loose_path(&repo, victim);
    std::fs::create_dir_all(loose.parent().unwrap()).unwrap();
    std::fs::write(loose, zlib_stored(&[format!("blob {}\0", text.len()).as_bytes(), &text].concat())).unwrap();
    let found = audit_at(repo.path());
    assert_eq!((found.code, found.skipped()), (1, Vec::new()));
    assert!(found.has(&key) && found.has(&inside));
}

#[test]
fn what_is_damaged_in_a_pack_is_read_from_another_copy() {
    let (mut repo, key, victim) = packed(&format!("{}\n{}", noise(500), env(&test_key(1004))));
    let path = pack_file(&repo, "pack");
    let at = offset(&mut repo, victim);
    let content = repo.content(victim).to_vec();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[at + 50] ^= 0x55;
    std::fs::write(&path, &bytes).unwrap();
    let loose = crate::common::packs::zlib_stored(&[format!("blob {}\0", content.len()).as_bytes(), &content].concat());
    overwrite(&loose_path(&repo, victim), &loose);
    let found = audit_at(repo.path()).complete();
    assert!(found.has(&key) && found.has(&test_key(1004)));
}

#[test]
fn a_pack_that_is_cut_is_a_gap() {
    let (repo, _, _) = packed(&noise(3_000));
    let path = pack_file(&repo, "pack");
    let whole = std::fs::read(&path).unwrap();
    for length in [0, 4, 11, 12, 30, whole.len() / 2, whole.len() - 21, whole.len() - 30] {
        std::fs::write(&path, &whole[..length]).unwrap();
        let found = audit_at(repo.path());
        assert_eq!(found.code, 3, "cut to {length}");
        assert!(found.reasons().iter().all(|reason| ["corrupt", "broken_ref", "missing"].contains(reason)));
    }
}

#[test]
fn an_index_of_a_pack_that_is_cut_or_rubbish_is_a_gap() {
    let (repo, _, _) = packed("victim\n");
    let path = pack_file(&repo, "idx");
    let whole = std::fs::read(&path).unwrap();
    let mut absurd = whole.clone();
    absurd[8 + 255 * 4..8 + 256 * 4].copy_from_slice(&[0xff; 4]);
    let far: Vec<u8> = {
        // Every offset beyond the pack.
        let mut bytes = whole.clone();
        let count = u32::from_be_bytes(bytes[8 + 255 * 4..8 + 256 * 4].try_into().unwrap()) as usize;
        let table = 8 + 1024 + count * 24;
        bytes[table..table + count * 4].fill(0x7f);
        bytes
    };
    let mut cut: Vec<Vec<u8>> = [0, 7, 100, 1032, 1050, whole.len() / 2].map(|length| whole[..length].to_vec()).into();
    cut.extend([absurd, far, vec![0xff; 5_000], vec![0; 5_000]]);
    for (number, bytes) in cut.iter().enumerate() {
        std::fs::write(&path, bytes).unwrap();
        let found = audit_at(repo.path());
        assert_eq!(found.code, 3, "number {number}");
    }
    std::fs::remove_file(&path).unwrap();
    let found = audit_at(repo.path());
    assert!(found.code == 3 && found.reasons().contains(&"corrupt"), "a pack without an index: {:?}", found.skipped());
    std::fs::write(&path, &whole).unwrap();
    std::fs::remove_file(pack_file(&repo, "pack")).unwrap();
    let found = audit_at(repo.path());
    assert!(found.code == 3 && found.reasons().contains(&"unreadable"), "an index without a pack");
}

#[test]
fn a_delta_whose_base_is_gone_is_a_gap() {
    //  pack: a delta of an id that is nowhere
    let (repo, key, _) = repo("victim\n");
    let oid = crate::common::packs::made_up(1);
    let bytes = crate::common::packs::delta(10, &[crate::common::packs::Step::Copy(0, 10)]);
    let stored = crate::common::packs::Stored::RefDelta(crate::common::packs::made_up(2));
    crate::common::packs::write_pack(
        &repo.git_directory().join("objects"),
        "thin",
        &[crate::common::packs::Packed { oid, stored, bytes }],
    );
    check(&audit_at(repo.path()), &key, "corrupt", oid);
}

#[test]
fn a_delta_whose_base_is_in_another_pack_or_loose_is_read() {
    //  pack: deltas of a loose blob and of a blob in another pack, each adding a key
    let (mut repo, key, _) = repo("victim\n");
    let loose = repo.blob("0123456789");
    repo.finish();
    let objects = repo.git_directory().join("objects");
    let packed = crate::common::packs::made_up(3);
    crate::common::packs::write_pack(&objects, "base", &[crate::common::packs::Packed::blob(packed, "0123456789")]);
    let keys = [live_key(1005), live_key(1006)];
    for (at, base) in [loose, packed].into_iter().enumerate() {
        let line = env(&keys[at]);
        let steps = [crate::common::packs::Step::Copy(0, 10), crate::common::packs::Step::Insert(line.as_bytes())];
        let entry = crate::common::packs::Packed {
            oid: crate::common::packs::made_up(4 + at as u64),
            stored: crate::common::packs::Stored::RefDelta(base),
            bytes: crate::common::packs::delta(10, &steps),
        };
        crate::common::packs::write_pack(&objects, &format!("thin{at}"), &[entry]);
    }
    let found = audit(&mut repo).complete();
    assert!(found.has(&key) && keys.iter().all(|key| found.has(key)));
}

#[test]
fn broken_refs_are_gaps_and_the_rest_is_read() {
    //  A +   main      and: an empty ref, rubbish, a short id, the zero id, a missing object, rubbish in packed-refs
    let (repo, key, _) = repo("victim\n");
    let missing = "0123456789012345678901234567890123456789";
    for (name, content) in [
        ("refs/heads/empty", String::new()),
        ("refs/heads/rubbish", "what is this\n".to_owned()),
        ("refs/heads/short", "0123456789\n".to_owned()),
        ("refs/heads/zero", format!("{}\n", "0".repeat(40))),
        ("refs/heads/missing", format!("{missing}\n")),
        ("packed-refs", format!("# pack-refs with: peeled fully-peeled sorted\nrubbish\n{missing} refs/tags/gone\n")),
    ] {
        let path = repo.git_directory().join(name);
        overwrite(&path, content.as_bytes());
        let found = audit_at(repo.path());
        assert_eq!((found.code, found.reasons()), (3, vec!["broken_ref"]), "{name}");
        let object = found.skipped()[0].1.to_owned();
        assert!(object == name || name == "packed-refs", "{object}");
        assert!(found.has(&key));
        std::fs::remove_file(&path).unwrap();
    }
    overwrite(&repo.git_directory().join("HEAD"), b"rubbish\n");
    let found = audit_at(repo.path());
    assert!(found.code == 3 && found.has(&key), "HEAD is rubbish");
}

#[test]
fn symbolic_refs_in_a_loop_hang_nobody() {
    let (repo, key, _) = repo("victim\n");
    for (name, target) in [("one", "two"), ("two", "one"), ("self", "self")] {
        overwrite(
            &repo.git_directory().join("refs/heads").join(name),
            format!("ref: refs/heads/{target}\n").as_bytes(),
        );
    }
    let found = audit_at(repo.path());
    assert!(found.has(&key));
}

#[test]
fn missing_objects_of_every_type_are_gaps() {
    //  A (.env +, x/y) ── B   main; the tag v1 on B; each object in turn is lost
    let key = live_key(1007);
    for (victim, reason) in [
        ("main:x/y", "missing"),
        ("main:x", "missing"),
        ("main^{tree}", "missing"),
        ("main~1", "missing"),
        ("main", "missing"),
    ] {
        let mut repo = Repo::bare();
        repo.commit_on(MAIN, &[(".env", Some(&env(&key))), ("x/y", Some("y\n"))], "A");
        repo.commit_on(MAIN, &[("b", Some("b\n"))], "B");
        repo.git(&["tag", "-a", "-m", "tag", "v1", "main"]);
        let oid = String::from_utf8(repo.git(&["rev-parse", victim])).unwrap().trim().to_owned();
        std::fs::remove_file(repo.git_directory().join("objects").join(&oid[..2]).join(&oid[2..])).unwrap();
        let found = audit_at(repo.path());
        assert_eq!(found.code, 3, "{victim}");
        assert!(found.skipped().contains(&(reason, oid.as_str())), "{victim}: {:?}", found.skipped());
        assert!(found.has(&key), "{victim}");
    }
}

#[test]
fn an_object_folder_that_cannot_be_read_is_a_gap() {
    //  objects/xx: no permission (which root does not mind)
    let (repo, key, victim) = repo("victim\n");
    let folder = loose_path(&repo, victim).parent().unwrap().to_owned();
    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o000)).unwrap();
    let readable = std::fs::read_dir(&folder).is_ok();
    let found = audit_at(repo.path());
    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).unwrap();
    if readable {
        assert!(found.complete().has(&key));
    } else {
        assert_eq!(found.code, 3);
        assert!(found.reasons().contains(&"unreadable"));
    }
}

#[test]
fn an_object_of_another_type_than_the_tree_says_is_read_all_the_same() {
    //  A: a tree whose entry "d" is said to be a directory and is a blob +, and "f" said to be a file and is a tree
    let (in_blob, in_tree) = (live_key(1008), live_key(1009));
    let mut repo = Repo::bare();
    let blob = repo.blob(env(&in_blob));
    let inner = repo.blob(env(&in_tree));
    let tree = repo.tree(&Files::from([(b"x".to_vec(), (Mode::File, inner))]));
    let entries = vec![(b"d".to_vec(), Mode::Directory, blob), (b"f".to_vec(), Mode::File, tree)];
    let root = repo.object(
        crate::common::fixture::objects::ObjectType::Tree,
        crate::common::fixture::objects::encode_tree(entries),
    );
    let a = repo.commit(&Commit::new(root, &[], 1_704_000_000, "A"));
    repo.set_ref(MAIN, a);
    let found = audit(&mut repo);
    for key in [&in_blob, &in_tree] {
        assert_eq!(text(&found.key(key)["standing"]), "branch_tip");
    }
}

#[test]
fn what_also_stands_as_a_delta_of_what_is_made_of_it_hangs_nobody() {
    //  one pack: X whole, X as a delta of Y, Y as a delta of X
    let key = live_key(1040);
    let content = env(&key);
    let (x, y) = (object_id(ObjectType::Blob, content.as_bytes()), made_up(1));
    let whole = || Packed::blob(x, content.clone());
    let of_y =
        || Packed { oid: x, stored: Stored::RefDelta(y), bytes: delta(content.len(), &[Step::Copy(0, content.len())]) };
    let of_x =
        || Packed { oid: y, stored: Stored::RefDelta(x), bytes: delta(content.len(), &[Step::Copy(0, content.len())]) };
    for entries in [[whole(), of_y(), of_x()], [of_y(), whole(), of_x()], [of_x(), of_y(), whole()]] {
        for reader in ["bulk", "libgit2"] {
            let mut repo = Repo::bare();
            let files = Files::from([(b".env".to_vec(), (Mode::File, x)), (b"other".to_vec(), (Mode::File, y))]);
            repo.commit_on(MAIN, &[("a", Some("a"))], "first");
            repo.finish();
            write_pack(&repo.git_directory().join("objects"), "cycle", &entries);
            let tree = encode_tree(files.into_iter().map(|(name, (mode, oid))| (name, mode, oid)).collect());
            let tree = repo.object(ObjectType::Tree, tree);
            let commit = repo.commit(&Commit::new(tree, &[], 1_700_000_000, "both"));
            repo.set_ref(MAIN, commit);
            repo.finish();
            let patience = std::time::Duration::from_secs(20);
            let run = Audit::history(repo.path()).and_all(&["--reader", reader]).within(patience).run();
            assert!(super::support::found(&run).has(&key), "{reader}");
        }
    }
}

#[test]
fn a_multi_pack_index_that_is_damaged_changes_nothing() {
    let (mut repo, key, _) = packed("victim\n");
    repo.git(&["multi-pack-index", "write"]);
    let path = repo.git_directory().join("objects/pack/multi-pack-index");
    let whole = std::fs::read(&path).unwrap();
    for at in (0..whole.len()).step_by(whole.len() / 60 + 1) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x40;
        overwrite(&path, &bytes);
        let found = audit_at(repo.path()).complete();
        assert!(found.has(&key), "byte {at}");
    }
}

#[test]
fn a_tag_that_names_itself_hangs_nobody() {
    let key = live_key(1041);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    repo.finish();
    let (one, two) = (made_up(10), made_up(11));
    let tag = |target: Oid| format!("object {target}\ntype tag\ntag t\n\nround\n").into_bytes();
    let entries =
        [(one, two), (two, one)].map(|(oid, target)| Packed { oid, stored: Stored::Whole(4), bytes: tag(target) });
    write_pack(&repo.git_directory().join("objects"), "circle", &entries);
    overwrite(&repo.git_directory().join("refs/tags/round"), format!("{one}\n").as_bytes());
    let found = audit_at(repo.path());
    assert_eq!((found.code, found.skipped()), (3, vec![("too_deep", one.to_string().as_str())]));
    assert!(found.has(&key));
}

#[test]
fn a_pack_is_read_whatever_it_is_called() {
    let (repo, key, _) = packed("victim\n");
    for ending in ["idx", "pack"] {
        let from = pack_file(&repo, ending);
        let to = from.with_file_name(format!("other.{ending}"));
        std::fs::rename(from, to).unwrap();
    }
    assert!(audit_at(repo.path()).complete().has(&key));
}

#[test]
fn logs_and_worktrees_that_cannot_be_looked_into_are_gaps() {
    for name in ["logs", "logs/refs", "worktrees", "worktrees/one"] {
        let (repo, key, _) = repo("victim\n");
        let path = repo.git_directory().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        _ = std::fs::remove_dir_all(&path);
        // A link to itself: not even the superuser can follow it.
        std::os::unix::fs::symlink(path.file_name().unwrap(), &path).unwrap();
        let found = audit_at(repo.path());
        assert_eq!((found.code, found.reasons()), (3, vec!["unreadable"]), "{name}");
        assert!(found.has(&key));
    }
}

#[test]
fn a_directory_that_is_called_as_tables_of_refs_are_says_nothing() {
    let (repo, key, _) = repo("victim\n");
    for list in [None, Some("")] {
        std::fs::create_dir_all(repo.git_directory().join("reftable")).unwrap();
        if let Some(list) = list {
            std::fs::write(repo.git_directory().join("reftable/tables.list"), list).unwrap();
        }
        let found = audit_at(repo.path()).complete();
        assert_eq!(super::support::held(found.only(&key)), [MAIN]);
    }
}

#[test]
fn a_tip_that_cannot_be_read_may_have_what_left_the_others() {
    //  A + ── B -   main        A ── C +   release, by a tag or without; what is damaged or lost
    for what in ["commit", "tree", "tag", "tagged", "no such object"] {
        let key = live_key(1050);
        let mut repo = Repo::bare();
        repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
        repo.branch("refs/heads/release", MAIN);
        repo.commit_on(MAIN, &[(".env", None)], "B");
        let c = repo.commit_on("refs/heads/release", &[("o", Some("2\n"))], "C");
        let files = repo.files_at("refs/heads/release");
        let tree = repo.tree(&files);
        repo.finish();
        if what.starts_with("tag") {
            repo.git(&["tag", "-a", "-m", "v1", "v1", &c.to_string()]);
            repo.git(&["update-ref", "-d", "refs/heads/release"]);
        }
        let tag = String::from_utf8(repo.git(&["for-each-ref", "--format=%(objectname)", "refs/tags"])).unwrap();
        let victim = match what {
            "tree" => tree.to_string(),
            "tag" => tag.trim().to_owned(),
            _ => c.to_string(),
        };
        let path = repo.git_directory().join("objects").join(&victim[..2]).join(&victim[2..]);
        if what == "no such object" {
            let lost = format!("{}\n", "e".repeat(40));
            overwrite(&repo.git_directory().join("refs/heads/release"), lost.as_bytes());
        } else {
            let whole = std::fs::read(&path).unwrap();
            overwrite(&path, &whole[..whole.len() / 2]);
        }
        let found = audit_at(repo.path());
        assert_eq!(found.code, 3, "{what}");
        let of = found.only(&key);
        let exposure = &of["exposure"];
        assert_eq!((&exposure["open"], &exposure["end"]), (&true.into(), &serde_json::Value::Null), "{what}");
        assert_eq!(super::support::list(&of["removals"]).count(), 1, "{what}: B");
    }
}
