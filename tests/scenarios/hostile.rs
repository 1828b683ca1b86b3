//! Bad input: what somebody made in order to hang, crash or blind an audit.

use std::path::Path;
use std::time::Duration;

use super::support::{MAIN, audit, audit_at, audit_with, entries, env, list, loose_path, text};
use crate::common::fixture::Repo;
use crate::common::fixture::objects::{Commit, Files, Mode, ObjectType, Oid, encode_tree, object_id};
use crate::common::packs::{Packed, Step, Stored, delta, made_up, offset_varint, write_pack, zlib_stored};
use crate::common::reftable::table;
use crate::common::run::{Audit, Outcome};
use crate::common::secrets::{live_key, test_key};

#[test]
fn cyclic_deltas_end_and_are_gaps() {
    //  pack: X = delta of Y, Y = delta of X; S = delta of itself; G = a sound blob +      A   main (names X)
    for reader in ["bulk", "libgit2"] {
        let key = live_key(901);
        let mut repo = Repo::bare();
        let [x, y, own, good] = [1, 2, 3, 4].map(made_up);
        let step = delta(10, &[Step::Copy(0, 10)]);
        let cyclic = |oid, base| Packed { oid, stored: Stored::RefDelta(base), bytes: step.clone() };
        let content = Packed::blob(good, env(&key));
        write_pack(
            &repo.git_directory().join("objects"),
            "cycle",
            &[cyclic(x, y), cyclic(y, x), content, cyclic(own, own)],
        );
        let tree = repo.tree(&Files::from([(b"x".to_vec(), (Mode::File, x)), (b"g".to_vec(), (Mode::File, good))]));
        let a = repo.commit(&Commit::new(tree, &[], 1_704_000_000, "A"));
        repo.set_ref(MAIN, a);
        repo.finish();
        let found = audit_with(repo.path(), &["--reader", reader]);
        assert_eq!(found.code, 3, "{reader}");
        assert_eq!(entries(&found.only(&key)["introductions"], &[("A", a)]), ["A file g key"]);
        let mut expected: Vec<(String, String)> =
            [x, y, own].iter().map(|oid| ("corrupt".to_owned(), oid.to_string())).collect();
        expected.sort();
        let skipped: Vec<(String, String)> =
            found.skipped().into_iter().map(|(reason, object)| (reason.to_owned(), object.to_owned())).collect();
        assert_eq!(skipped, expected, "{reader}");
    }
}

#[test]
fn a_cycle_of_deltas_through_two_packs_ends() {
    //  pack one: X = delta of Y        pack two: Y = delta of X
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    let [x, y] = [5, 6].map(made_up);
    let step = delta(10, &[Step::Copy(0, 10)]);
    for (name, oid, base) in [("one", x, y), ("two", y, x)] {
        let entry = Packed { oid, stored: Stored::RefDelta(base), bytes: step.clone() };
        write_pack(&repo.git_directory().join("objects"), name, &[entry]);
    }
    let found = audit(&mut repo);
    assert_eq!((found.code, found.skipped().len()), (3, 2));
}

#[test]
fn an_index_that_has_a_hundred_thousand_objects_in_one_place_has_it_read_once() {
    //  pack: a blob + of 4 MiB        its index: 100,000 ids, all at that blob      A   main
    let key = live_key(902);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    repo.finish();
    let content = format!("{}{}", "padding\n".repeat(1 << 19), env(&key));
    let objects = repo.git_directory().join("objects");
    write_pack(&objects, "many", &[Packed::blob(made_up(0), content)]);
    let index = objects.join("pack/pack-many.idx");
    let mut rows: Vec<(Oid, usize)> = (0..100_000).map(|number| (made_up(number), 12)).collect();
    rows.sort_unstable();
    let pack = std::fs::read(index.with_extension("pack")).unwrap();
    std::fs::write(&index, crate::common::packs::index(&rows, &pack)).unwrap();
    let run = Audit::history(repo.path()).within(Duration::from_secs(20)).run();
    let found = super::support::found(&run);
    assert_eq!((found.code, found.skipped()), (3, vec![("corrupt", index.to_str().unwrap())]));
    assert!(found.has(&key));
}

#[test]
fn deltas_that_lie_about_sizes_and_places_are_gaps() {
    //  pack: deltas that copy from beyond their base, that are cut, whose result has another size than they say
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    let base = made_up(10);
    let mut entries = vec![Packed::blob(base, "0123456789")];
    let bad = [
        delta(10, &[Step::Copy(5, 10)]),
        delta(11, &[Step::Copy(0, 10)]),
        vec![10, 20, 0x91, 0, 10],
        vec![10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x91, 0, 10],
        vec![10, 5, 0],
        vec![10],
        Vec::new(),
    ];
    for (at, bytes) in bad.iter().enumerate() {
        let oid = made_up(20 + at as u64);
        entries.push(Packed { oid, stored: Stored::OffsetDelta(at + 1), bytes: bytes.clone() });
    }
    write_pack(&repo.git_directory().join("objects"), "lies", &entries);
    let found = audit(&mut repo);
    assert_eq!((found.code, found.reasons()), (3, vec!["corrupt"]));
    assert_eq!(found.skipped().len(), bad.len());
}

#[test]
fn a_delta_that_would_grow_without_end_is_cut_at_the_limit() {
    //  pack: 1 MiB ── ×16 ── ×16 ── ×16 (4 GiB): each a delta that copies its base sixteen times
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    let mut size = 1 << 20;
    let mut all = vec![Packed::blob(made_up(30), vec![b'x'; size])];
    for step in 1..=3 {
        let steps: Vec<Step<'_>> = (0..16).map(|_| Step::Copy(0, size)).collect();
        all.push(Packed { oid: made_up(30 + step), stored: Stored::OffsetDelta(1), bytes: delta(size, &steps) });
        size *= 16;
    }
    write_pack(&repo.git_directory().join("objects"), "bomb", &all);
    repo.finish();
    let found = audit_with(repo.path(), &["--max-blob-size", "100M"]);
    assert_eq!((found.code, found.skipped().len()), (3, 2));
    assert!(found.reasons().contains(&"too_large"), "{:?}", found.skipped());
}

#[test]
fn a_chain_of_5000_deltas_is_read_to_its_end() {
    //  pack: v0 ── v1 ── … ── v5000, each a delta of the one before that changes its number; v4999 has a key
    let key = live_key(902);
    let mut repo = Repo::bare();
    let body = "x".repeat(2000);
    let version = |number: u64| {
        let key = if number == 4999 { env(&key) } else { String::new() };
        format!("{number:08}{key}{body}")
    };
    let mut all = vec![Packed::blob(made_up(10_000), version(0))];
    for number in 1..=5000 {
        let before = version(number - 1).len();
        let head = version(number);
        let steps = [Step::Insert(&head.as_bytes()[..head.len() - 2000]), Step::Copy(before - 2000, 2000)];
        all.push(Packed {
            oid: made_up(10_000 + number),
            stored: Stored::OffsetDelta(1),
            bytes: delta(before, &steps),
        });
    }
    write_pack(&repo.git_directory().join("objects"), "chain", &all);
    let tree = repo.tree(&Files::from([(b"f".to_vec(), (Mode::File, made_up(14_999)))]));
    let a = repo.commit(&Commit::new(tree, &[], 1_704_000_000, "A"));
    repo.set_ref(MAIN, a);
    let found = audit(&mut repo).complete();
    assert_eq!(entries(&found.only(&key)["introductions"], &[("A", a)]), ["A file f key"]);
    assert_eq!(found.report["repositories"][0]["blobs"], 5001);
}

/// A chain of trees, each in the one above, in one pack: the root's id and how deep the file in it lies.
fn deep_trees(repo: &Repo, name: &str, levels: usize, file: Oid) -> Oid {
    let mut entry = encode_tree(vec![(b"f".to_vec(), Mode::File, file)]);
    let mut all = Vec::with_capacity(levels);
    let mut oid = object_id(ObjectType::Tree, &entry);
    for _ in 0..levels {
        all.push(Packed { oid, stored: Stored::Whole(2), bytes: std::mem::take(&mut entry) });
        entry = encode_tree(vec![(b"d".to_vec(), Mode::Directory, oid)]);
        oid = object_id(ObjectType::Tree, &entry);
    }
    let root = all.last().expect("a level").oid;
    write_pack(&repo.git_directory().join("objects"), name, &all);
    root
}

#[test]
fn a_tree_of_200000_levels_is_read_and_a_key_at_its_bottom_is_found() {
    //  A (d/d/d/… 200,000 levels …/f +)   main
    let key = live_key(903);
    let mut repo = Repo::bare();
    let file = repo.blob(env(&key));
    let root = deep_trees(&repo, "deep", 200_000, file);
    let a = repo.commit(&Commit::new(root, &[], 1_704_000_000, "A"));
    repo.set_ref(MAIN, a);
    let found = audit(&mut repo);
    assert_eq!((found.code, found.reasons()), (3, vec!["too_deep"]), "its path is not told, and that is said");
    let found_key = found.only(&key);
    assert_eq!(found_key["introductions"][0]["object"], file.to_string(), "the object is told");
    assert_eq!(found.report["repositories"][0]["trees"], 200_000);
}

#[test]
fn a_tree_of_200000_levels_without_a_key_is_read_whole() {
    //  A (d/d/d/… 200,000 levels …/f)   main      and a key somewhere else
    let key = live_key(904);
    let mut repo = Repo::bare();
    let file = repo.blob("nothing\n");
    let root = deep_trees(&repo, "deep", 200_000, file);
    let other = repo.blob(env(&key));
    let entries_of_root = vec![(b"d".to_vec(), Mode::Directory, root), (b"e".to_vec(), Mode::File, other)];
    let top = repo.object(ObjectType::Tree, encode_tree(entries_of_root));
    let a = repo.commit(&Commit::new(top, &[], 1_704_000_000, "A"));
    repo.set_ref(MAIN, a);
    let found = audit(&mut repo).complete();
    assert_eq!(entries(&found.only(&key)["introductions"], &[("A", a)]), ["A file e key"]);
}

#[test]
fn as_deep_as_git_goes_paths_are_told() {
    //  A (d/d/… 2,000 levels …/f +)   main
    let key = live_key(905);
    let mut repo = Repo::bare();
    let file = repo.blob(env(&key));
    let root = deep_trees(&repo, "deep", 2_000, file);
    let a = repo.commit(&Commit::new(root, &[], 1_704_000_000, "A"));
    repo.set_ref(MAIN, a);
    let found = audit(&mut repo).complete();
    let path = text(&found.only(&key)["introductions"][0]["path"]).to_owned();
    assert_eq!(path, format!("{}f", "d/".repeat(1_999)));
}

#[test]
fn trees_that_multiply_are_no_bomb() {
    //  A ── t20 (ten entries, all t19) ── t19 (ten entries, all t18) ── … ── t0 (ten files, all one blob +)
    let key = live_key(906);
    let mut repo = Repo::bare();
    let file = repo.blob(env(&key));
    let entry = |mode, oid| (0..10).map(|at| (format!("e{at}").into_bytes(), mode, oid)).collect::<Vec<_>>();
    let mut tree = repo.object(ObjectType::Tree, encode_tree(entry(Mode::File, file)));
    for _ in 0..20 {
        tree = repo.object(ObjectType::Tree, encode_tree(entry(Mode::Directory, tree)));
    }
    let a = repo.commit(&Commit::new(tree, &[], 1_704_000_000, "A"));
    repo.set_ref(MAIN, a);
    repo.finish();
    let run = Audit::history(repo.path()).within(Duration::from_secs(10)).run();
    let found = super::support::found(&run);
    assert!(found.has(&key), "10^21 paths, one key: it is found, and told as far as it goes");
    assert_eq!(found.reasons(), ["limit"], "that not all paths are told is told");
    assert!(run.stdout.len() < 250_000_000, "{} bytes of report", run.stdout.len());
}

#[test]
fn a_key_that_comes_and_goes_at_thousands_of_paths_is_no_bomb() {
    //  A (6,561 paths +) ── B (all gone) ── C (+) ── … ── the 160th (all gone)   main
    let key = live_key(907);
    let mut repo = Repo::bare();
    let mut tree = repo.blob(env(&key));
    for level in 0..4 {
        let mode = if level == 0 { Mode::File } else { Mode::Directory };
        let entries = (0..9).map(|at| (format!("e{at}").into_bytes(), mode, tree)).collect::<Vec<_>>();
        tree = repo.object(ObjectType::Tree, encode_tree(entries));
    }
    let empty = repo.object(ObjectType::Tree, Vec::new());
    let mut commits: Vec<Oid> = Vec::new();
    for number in 0..160 {
        let tree = if number % 2 == 0 { tree } else { empty };
        let parents: Vec<Oid> = commits.last().copied().into_iter().collect();
        commits.push(repo.commit(&Commit::new(tree, &parents, 1_704_000_000 + number, "toggled")));
    }
    repo.set_ref(MAIN, *commits.last().unwrap());
    repo.finish();
    let run = Audit::history(repo.path()).within(Duration::from_secs(20)).run();
    let found = super::support::found(&run);
    assert_eq!((found.code, found.reasons()), (3, vec!["limit"]), "that not all is told is told");
    let of = found.only(&key);
    let told = ["introductions", "removals"].map(|name| super::support::list(&of[name]).count());
    assert!(told.iter().sum::<usize>() <= 20_001 && told.iter().all(|count| *count > 5_000), "{told:?}");
    assert_eq!(text(&of["first_introduced"]["commit"]), commits[0].to_string());
    let exposure = &of["exposure"];
    assert_eq!((&exposure["open"], text(&exposure["end_reason"])), (&false.into(), "removed"));
    assert_eq!(text(&exposure["end"]), "2023-12-31T05:22:39Z", "by the last commit, which is not among those told");
    assert!(run.stdout.len() < 50_000_000, "{} bytes of report", run.stdout.len());
}

#[test]
fn objects_over_the_limit_are_told_and_not_read() {
    //  A (small +, large +)   main        --max-blob-size 4K; loose and packed
    let (small, large) = (live_key(907), live_key(908));
    for packed in [false, true] {
        let mut repo = Repo::bare();
        let content = format!("{}{}", "x".repeat(5000), env(&large));
        repo.commit_on(MAIN, &[("small", Some(&env(&small))), ("large", Some(&content))], "A");
        let oid = repo.blob(content);
        if packed {
            repo.git(&["repack", "-adq"]);
            repo.git(&["prune-packed", "-q"]);
            assert!(!loose_path(&repo, oid).exists());
        }
        repo.finish();
        let found = audit_with(repo.path(), &["--max-blob-size", "4K"]);
        assert_eq!((found.code, found.skipped()), (3, vec![("too_large", oid.to_string().as_str())]));
        assert!(found.has(&small) && !found.has(&large), "found and incomplete: exit 3, and both are said");
        let text = Audit::new(&["history", "--max-blob-size", "4096"]).and(repo.path()).run();
        assert_eq!(text.code, Some(3));
        let verdict = text.text().lines().next().unwrap().to_owned();
        assert!(verdict.starts_with("Found 1 Clerk secret key") && verdict.contains("INCOMPLETE"), "{verdict}");
        let found = audit_at(repo.path()).complete();
        assert!(found.has(&large));
    }
}

#[test]
fn escapes_and_markup_of_strangers_do_nothing() {
    //  A: path, subject, author and branch with terminal escapes, bidi controls, Markdown and HTML   main
    let key = test_key(909);
    let mut repo = Repo::bare();
    let file = repo.blob(env(&key));
    let path = "a\u{1b}[2J\r\nb\u{202e}`](https://evil.example)<img src=x>|".as_bytes().to_vec();
    let tree = repo.tree(&Files::from([(path, (Mode::File, file))]));
    let subject = "\u{1b}]8;;https://evil.example\u{7}click\u{1b}]8;;\u{7} [link](https://evil.example) `x` <script>";
    let mut commit = Commit::new(tree, &[], 1_704_000_000, subject);
    commit.author.name = "\u{9b}31mEve\u{202e}\u{2066} ![x](https://evil.example/x.png)".into();
    let a = repo.commit(&commit);
    repo.set_ref("refs/heads/<script>(x)\u{e9}`x`!", a);
    let found = audit(&mut repo).complete();
    let id = text(&found.only(&key)["id"]).to_owned();
    for (format, color) in
        [("text", "never"), ("text", "always"), ("markdown", "never"), ("json", "never"), ("jsonl", "never")]
    {
        let run = Audit::new(&["history", "-v", "--format", format, "--color", color]).and(repo.path()).run();
        let shown = run.text();
        let controls: Vec<char> = shown
            .chars()
            .filter(|it| {
                (it.is_control() && *it != '\n')
                    || matches!(it, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
            })
            .filter(|it| !(color == "always" && *it == '\u{1b}'))
            .collect();
        assert_eq!(controls, Vec::<char>::new(), "{format} {color}");
        if color == "always" {
            assert!(shown.split('\u{1b}').skip(1).all(|rest| {
                rest.starts_with('[')
                    && rest[1..].trim_start_matches(|it: char| it.is_ascii_digit() || it == ';').starts_with('m')
            }));
        }
        if format == "markdown" {
            for line in shown.lines().filter(|line| line.contains("evil.example") || line.contains("script")) {
                assert!(line.contains('`'), "in a code span: {line}");
            }
            assert!(!shown.contains("\n<img") && !shown.contains("\n`](http"));
        }
        assert!(shown.contains(&id) || format == "text" || format == "markdown");
    }
    assert_eq!(list(&found.only(&key)["introductions"]).count(), 1);
}

/// A table of refs whose names share all but their last four letters with the one before, all at `oid`: one block.
fn table_of_like_names(name: &str, count: usize, oid: Oid) -> Vec<u8> {
    let mut records = Vec::new();
    let mut shared = 0;
    for number in 0..count {
        let whole = format!("{name}{number:04}");
        records.extend(offset_varint(shared));
        records.extend(offset_varint((whole.len() - shared) << 3 | 1));
        records.extend_from_slice(&whole.as_bytes()[shared..]);
        records.push(0);
        records.extend_from_slice(&oid.0);
        shared = name.len();
    }
    table(&[(b'r', &records)], &mut zlib_stored)
}

/// So long, and so many: names of which each is too long, and names that together are too much.
const LONG_NAMES: [(usize, usize); 2] = [(500_000, 400), (60_000, 4_000)];

#[test]
fn names_in_tables_that_share_all_but_their_ends_are_no_bomb() {
    //  A +        a table of some hundred kilobytes: names that come to 200 MB and 240 MB
    let key = live_key(910);
    for (length, count) in LONG_NAMES {
        let mut repo = Repo::bare();
        let a = repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
        repo.finish();
        let git_directory = repo.git_directory();
        let config = "[core]\n\trepositoryformatversion = 1\n\tbare = true\n[extensions]\n\trefStorage = reftable\n";
        super::support::overwrite(&git_directory.join("config"), config.as_bytes());
        let table = table_of_like_names(&format!("refs/heads/{}", "n".repeat(length)), count, a);
        assert!(table.len() < 700_000, "{} bytes", table.len());
        super::support::overwrite(&git_directory.join("reftable/1.ref"), &table);
        super::support::overwrite(&git_directory.join("reftable/tables.list"), b"1.ref\n");
        let run = Audit::history(repo.path()).run();
        let found = super::support::found(&run);
        assert_eq!((found.code, found.reasons()), (3, vec!["too_large"]), "{:?}", found.skipped());
        assert!(found.has(&key));
        assert!(run.peak_kilobytes < 150 << 10, "{} kB", run.peak_kilobytes);
    }
}

#[test]
fn paths_in_an_index_that_share_all_but_their_ends_are_no_bomb() {
    //  A +   main        an index of version 4, of some hundred kilobytes: paths that come to 200 MB and 240 MB
    let key = live_key(911);
    for (length, count) in LONG_NAMES {
        let mut repo = Repo::bare();
        repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
        let blob = repo.blob("staged\n");
        repo.finish();
        let mut index = b"DIRC\0\0\0\x04".to_vec();
        index.extend((count as u32).to_be_bytes());
        for number in 0..count {
            index.extend([0; 24]);
            index.extend(0o100_644u32.to_be_bytes());
            index.extend([0; 12]);
            index.extend(blob.0);
            index.extend([0x0f, 0xff]);
            let (strip, start) = if number == 0 { (0, "n".repeat(length)) } else { (4, String::new()) };
            index.extend(offset_varint(strip));
            index.extend(format!("{start}{number:04}\0").into_bytes());
        }
        index.extend([0; 20]);
        assert!(index.len() < 700_000, "{} bytes", index.len());
        super::support::overwrite(&repo.git_directory().join("index"), &index);
        let run = Audit::history(repo.path()).run();
        let found = super::support::found(&run);
        assert_eq!((found.code, found.reasons()), (3, vec!["too_large"]), "{:?}", found.skipped());
        assert!(found.has(&key));
        assert!(run.peak_kilobytes < 150 << 10, "{} kB", run.peak_kilobytes);
    }
}

#[test]
fn a_loose_object_that_lies_about_its_size_is_held_to_what_it_says() {
    //  A +   main        a loose blob: it says ten bytes, and has 300 MiB; a tree that does the same
    use std::io::Write as _;
    let key = live_key(912);
    for kind in ["blob", "tree"] {
        let mut repo = Repo::bare();
        repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
        repo.finish();
        let mut stream = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        stream.write_all(format!("{kind} 10\0").as_bytes()).unwrap();
        (0..300).for_each(|_| stream.write_all(&[b'x'; 1 << 20]).unwrap());
        let liar = made_up(700);
        super::support::overwrite(&loose_path(&repo, liar), &stream.finish().unwrap());
        let run = Audit::history(repo.path()).and_all(&["--max-memory", "16M"]).run();
        let found = super::support::found(&run);
        assert_eq!((found.code, found.skipped()), (3, vec![("corrupt", liar.to_string().as_str())]));
        assert!(found.has(&key));
        assert!(run.peak_kilobytes < 64 << 10, "{kind}: {} kB", run.peak_kilobytes);
    }
}

/// Whether an audit takes a few seconds and no more: one that does not is tried again, since others use this machine too.
fn is_quick(first: &Outcome, repository: &Path) -> bool {
    const FEW: Duration = Duration::from_secs(4);
    first.wall < FEW || (0..2).any(|_| Audit::history(repository).run().wall < FEW)
}

#[test]
fn an_index_that_is_long_is_looked_through_once_for_all_that_is_unreachable() {
    //  A   main        pack: 12,000 blobs + that nothing names; an index with 150,000 paths, all of another blob
    let key = live_key(913);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    let blob = repo.blob("staged\n");
    let staged = repo.blob(format!("staged {}", env(&key)));
    repo.finish();
    let all: Vec<Packed> =
        (0..12_000).map(|number| Packed::blob(made_up(1_000 + number), format!("{number} {}", env(&key)))).collect();
    write_pack(&repo.git_directory().join("objects"), "many", &all);
    let mut lines: String = (0..150_000).map(|number| format!("100644 {blob}\tf{number:06}\n")).collect();
    lines.push_str(&format!("100644 {staged}\tz/.env\n"));
    repo.git_with_input(&["update-index", "--add", "--index-info"], lines.as_bytes());
    let run = Audit::history(repo.path()).within(Duration::from_secs(60)).run();
    let found = super::support::found(&run);
    let of = found.only(&key);
    let paths: Vec<&str> =
        list(&of["unreachable"]).map(|place| text(&place["path"])).filter(|path| !path.is_empty()).collect();
    assert_eq!(paths, ["z/.env"], "the one that is staged has a path");
    assert_eq!(list(&of["unreachable"]).count(), 12_001);
    assert!(is_quick(&run, repo.path()), "{:?}", run.wall);
}

#[test]
fn forty_thousand_refs_and_as_many_reflogs_take_no_longer_than_they_are_many() {
    //  A   main, and refs/remotes/origin/b00000 … b39999; logs of as many that are gone, and of one + that is gone too
    let key = live_key(914);
    let mut repo = Repo::bare();
    let a = repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    repo.finish();
    let folder = repo.git_directory().join("logs/refs/remotes/origin");
    std::fs::create_dir_all(&folder).unwrap();
    let mut packed = String::new();
    for number in 0..40_000 {
        packed.push_str(&format!("{a} refs/remotes/origin/b{number:05}\n"));
        let line = format!("{a} {a} A <a@example.test> 1704067200 +0000\tfetch\n");
        std::fs::write(folder.join(format!("c{number:05}")), line).unwrap();
    }
    std::fs::write(folder.join(&key), "").unwrap();
    super::support::overwrite(&repo.git_directory().join("packed-refs"), packed.as_bytes());
    let run = Audit::history(repo.path()).run();
    let found = super::support::found(&run).complete();
    assert_eq!(list(&found.only(&key)["unreachable"]).count(), 1, "the name of a log whose ref is gone");
    assert!(is_quick(&run, repo.path()), "{:?}", run.wall);
}
