//! Histories small enough to be understood by looking at them: what the oracle says of them is what a person
//! would say. Were it wrong here, the tests that hold the tool against it would prove nothing.

mod common;

use std::collections::BTreeMap;

use common::fixture::Repo;
use common::fixture::objects::{Commit, Files, Mode, ObjectType, Oid, Tag, sha1};
use common::oracle::entry::Masker;
use common::oracle::expected::{Account, Expected};
use common::oracle::facts::Facts;
use common::oracle::search::hits;
use common::oracle::when::Moment;
use common::random_history::Plan;
use common::secrets::{Alphabet, Padding, base64, live_key, look_alike, test_key, utf16le};

const MAIN: &str = "refs/heads/main";

/// The oracle's account of one key.
fn account(repo: &mut Repo, key: &str) -> Account {
    repo.finish();
    let facts = Facts::read(repo.path(), 2);
    let masker = Masker::new(BTreeMap::from([(key.to_owned(), "HINT".to_owned())]));
    Expected::new(&facts, &masker, key).account()
}

/// Introductions or removals: commit, place, path and level, with names in place of commit ids.
fn entries(account: &Account, of: &str, names: &[(Oid, &str)]) -> Vec<String> {
    let lines = account.exactly.get(of).into_iter().flatten();
    let mut entries: Vec<String> = lines
        .map(|line| {
            let level = if line.contains(" level=key ") { "key" } else { "path" };
            let end = line.find(" level=").expect("a level");
            let mut words: Vec<&str> = line[..end].trim_end().splitn(3, ' ').collect();
            if let Some((_, name)) = names.iter().find(|(id, _)| id.to_string() == words[0]) {
                words[0] = name;
            }
            format!("{} {level}", words.join(" "))
        })
        .collect();
    entries.sort();
    entries
}

fn only(account: &Account, of: &str) -> String {
    let lines: Vec<&String> = account.exactly.get(of).or(account.one_of.get(of)).into_iter().flatten().collect();
    assert_eq!(lines.len(), 1, "{of}: {lines:?}");
    lines[0].clone()
}

#[test]
fn a_key_is_dated_to_the_commit_that_brought_it_not_to_edits_of_its_file() {
    //  one ── two ── three (main)
    //  key    edit   gone
    let key = live_key(1);
    let mut repo = Repo::bare();
    let one = repo.commit_on(MAIN, &[(".env", Some(&format!("A=1\nKEY={key}\n")))], "one");
    let two = repo.commit_on(MAIN, &[(".env", Some(&format!("A=1\nB=2\nC=3\nKEY={key}\n")))], "two");
    let three = repo.commit_on(MAIN, &[(".env", Some("A=1\n"))], "three");
    let names = [(one, "one"), (two, "two"), (three, "three")];
    let told = account(&mut repo, &key);
    assert_eq!(entries(&told, "introductions", &names), ["one file \".env\" key"]);
    assert_eq!(entries(&told, "removals", &names), ["three file \".env\" key"]);
    assert!(only(&told, "introductions").contains(" at=2:5 "));
    assert_eq!(only(&told, "exposure.start"), "1704070800+0min");
    assert_eq!(only(&told, "exposure.end"), "1704078000+0min");
    assert_eq!(only(&told, "exposure.end_reason"), "removed");
    assert_eq!(only(&told, "held_at counts"), "0: 0 branches, 0 tags, 0 other");
    assert_eq!(only(&told, "reachable_from.refs"), MAIN);
    assert_eq!(only(&told, "sightings"), "2");
}

#[test]
fn a_merge_introduces_only_what_no_parent_has() {
    //  root ── left ──── merge (main): the key typed in while resolving
    //     └─── right ──┘  left has the other key, which the merge keeps and so does not introduce
    let (typed_in, on_the_left) = (live_key(2), test_key(3));
    let mut repo = Repo::bare();
    let root = repo.commit_on(MAIN, &[("a", Some("1\n"))], "root");
    repo.branch("refs/heads/right", MAIN);
    let left = repo.commit_on(MAIN, &[("a", Some(&format!("left {on_the_left}\n")))], "left");
    let right = repo.commit_on("refs/heads/right", &[("a", Some("right\n"))], "right");
    let mut files = repo.files_at(MAIN);
    let resolved = repo.blob(format!("{on_the_left}\n{typed_in}\n"));
    files.insert(b"a".to_vec(), (Mode::File, resolved));
    let merge = repo.commit_files(MAIN, files, &[left, right], "merge");
    let names = [(root, "root"), (left, "left"), (right, "right"), (merge, "merge")];
    assert_eq!(entries(&account(&mut repo, &typed_in), "introductions", &names), ["merge file \"a\" key"]);
    let told = account(&mut repo, &on_the_left);
    assert_eq!(entries(&told, "introductions", &names), ["left file \"a\" key"]);
    assert_eq!(entries(&told, "removals", &names), [""; 0]);
    assert_eq!(only(&told, "held_at.at"), format!("{MAIN} {merge} \"a\" line 1"));
    assert_eq!(only(&told, "exposure.end_reason"), "open");
}

#[test]
fn a_merge_that_takes_neither_side_removes_the_key() {
    //  root ── with ── merge (main): without
    //     └─── plain ─┘
    let key = live_key(4);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("a", Some("1\n"))], "root");
    repo.branch("refs/heads/with", MAIN);
    let plain = repo.commit_on(MAIN, &[("b", Some("2\n"))], "plain");
    let with = repo.commit_on("refs/heads/with", &[("k", Some(&*key))], "with");
    let files = repo.files_at(MAIN);
    let merge = repo.commit_files(MAIN, files, &[plain, with], "merge");
    repo.delete_ref("refs/heads/with");
    let told = account(&mut repo, &key);
    assert_eq!(entries(&told, "introductions", &[(with, "with")]), ["with file \"k\" key"]);
    assert_eq!(entries(&told, "removals", &[(merge, "merge")]), ["merge file \"k\" key"]);
}

#[test]
fn a_rename_is_a_removal_and_an_introduction_at_path_level() {
    //  one ── two (main): old.txt becomes new.txt
    let key = test_key(5);
    let mut repo = Repo::bare();
    let one = repo.commit_on(MAIN, &[("old.txt", Some(&*key))], "one");
    let two = repo.commit_on(MAIN, &[("old.txt", None), ("new.txt", Some(&*key))], "two");
    let names = [(one, "one"), (two, "two")];
    let told = account(&mut repo, &key);
    let introductions = ["one file \"old.txt\" key", "two file \"new.txt\" path"];
    assert_eq!(entries(&told, "introductions", &names), introductions);
    assert_eq!(entries(&told, "removals", &names), ["two file \"old.txt\" path"]);
    assert_eq!(only(&told, "exposure.end"), "null");
}

#[test]
fn the_first_introduction_has_no_ancestor_that_introduces_however_late_its_clock() {
    //  ahead ── revert ── again (main)      the clock of `ahead` runs ten years ahead
    //  side (side)                          an independent root, dated between
    let key = live_key(6);
    let mut repo = Repo::bare();
    let blob = repo.blob(key.clone());
    let with = repo.tree(&Files::from([(b"k".to_vec(), (Mode::File, blob))]));
    let without = repo.tree(&Files::new());
    let ahead = repo.commit(&Commit::new(with, &[], 2_000_000_000, "ahead"));
    let revert = repo.commit(&Commit::new(without, &[ahead], 1_700_000_100, "revert"));
    let again = repo.commit(&Commit::new(with, &[revert], 1_700_000_200, "again"));
    repo.set_ref(MAIN, again);
    let names = [(ahead, "ahead"), (revert, "revert"), (again, "again")];
    let told = account(&mut repo, &key);
    let introductions = ["again file \"k\" key", "ahead file \"k\" key"];
    assert_eq!(entries(&told, "introductions", &names), introductions);
    assert_eq!(only(&told, "first_introduced"), format!("{ahead} file \"k\"  reachable=true"));
    let removal = only(&told, "removals");
    assert!(removal.starts_with(&revert.to_string()) && removal.contains(" skew=true "), "{removal}");

    let side = repo.commit(&Commit::new(with, &[], 1_800_000_000, "side"));
    repo.set_ref("refs/heads/side", side);
    let told = account(&mut repo, &key);
    assert_eq!(only(&told, "first_introduced"), format!("{side} file \"k\"  reachable=true"));
}

#[test]
fn own_texts_tags_and_names_are_introduced_where_they_stand() {
    //  one (main, tag v1 with the key in its message, a ref with the key in its name)
    let key = test_key(7);
    let mut repo = Repo::bare();
    let tree = repo.tree(&Files::new());
    let mut commit = Commit::new(tree, &[], 1_700_000_000, &format!("subject\n\nkey {key}\n"));
    commit.author.name = format!("Bo {key}").into_bytes();
    commit.headers = format!("gpgsig begin\n {key}\n end\n").into_bytes();
    let one = repo.commit(&commit);
    let message = format!("see {key}\n").into_bytes();
    let target_type = ObjectType::Commit;
    let tag = repo.tag(&Tag { target: one, target_type, name: "v1".into(), tagger: None, message });
    repo.set_ref(MAIN, one);
    repo.set_ref("refs/tags/v1", tag);
    repo.set_ref(&format!("refs/pull/{key}/head"), one);
    let told = account(&mut repo, &key);
    let expected = [
        format!("- ref_name \"-\" {one} key"),
        format!("- tag_message \"-\" {tag} key"),
        "one author \"-\" key".into(),
        "one commit_header \"-\" key".into(),
        "one commit_message \"-\" key".into(),
    ];
    assert_eq!(entries(&told, "introductions", &[(one, "one")]), expected);
    let lines = &told.exactly["introductions"];
    assert!(lines.iter().any(|line| line.contains("commit_message") && line.contains(" at=3:5 ")), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("commit_header") && line.contains(" at=5:2 ")), "{lines:?}");
    assert_eq!(only(&told, "held_at counts"), "1: 0 branches, 0 tags, 1 other");
    assert_eq!(only(&told, "reachable_from.count"), "3");
    assert_eq!(only(&told, "exposure.end_reason"), "open");
}

#[test]
fn names_of_folders_and_lone_objects_are_held_too() {
    //  one (main): a folder with the key in its name; tags of a blob and of a tree that no commit has
    let (in_name, in_blob) = (live_key(8), test_key(9));
    let mut repo = Repo::bare();
    let one = repo.commit_on(MAIN, &[(&format!("x/dir-{in_name}/f"), Some("1"))], "one");
    let blob = repo.blob(format!("\n{in_blob}"));
    let tree = repo.tree(&Files::from([(b"d/e".to_vec(), (Mode::Executable, blob))]));
    repo.set_ref("refs/tags/blob", blob);
    repo.set_ref("refs/tags/tree", tree);
    let told = account(&mut repo, &in_name);
    assert_eq!(entries(&told, "introductions", &[(one, "one")]), ["one path \"x/dir-HINT\" key"]);
    let told = account(&mut repo, &in_blob);
    let expected = [format!("- file \"-\" {blob} key"), format!("- file \"d/e\" {blob} key")];
    assert_eq!(entries(&told, "introductions", &[]), expected);
    let held: Vec<&String> = told.exactly["held_at.at"].iter().collect();
    assert_eq!(held, ["refs/tags/blob - - line 2", "refs/tags/tree - \"d/e\" line 2"]);
}

#[test]
fn what_no_ref_reaches_is_told_apart() {
    //  one (main)    two: on a branch that was deleted    a blob that never was in any commit
    let (gone, loose) = (live_key(10), test_key(11));
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("a", Some("1"))], "one");
    repo.branch("refs/heads/lost", MAIN);
    let two = repo.commit_on("refs/heads/lost", &[("k", Some(&*gone))], "two");
    repo.finish();
    repo.delete_ref("refs/heads/lost");
    let blob = repo.blob(loose.clone());
    let told = account(&mut repo, &gone);
    assert!(!told.exactly.contains_key("introductions"));
    assert_eq!(only(&told, "first_introduced"), format!("{two} file \"k\"  reachable=false"));
    assert_eq!(only(&told, "exposure.end_reason"), "ref_gone");
    assert!(only(&told, "unreachable").ends_with(&format!("commits={two}")));
    let told = account(&mut repo, &loose);
    assert_eq!(only(&told, "first_introduced"), "null");
    assert_eq!(only(&told, "exposure.end_reason"), "no_ref");
    assert_eq!(only(&told, "unreachable"), format!("blob {blob} commits="));
}

#[test]
fn what_is_staged_beside_what_is_checked_out_is_told_again() {
    //  one (main, HEAD): .env has the key; the index has .env as it is, and the same file as copy; a key in a path too
    let (key, in_path) = (live_key(14), live_key(15));
    let mut repo = Repo::with_work_tree();
    repo.commit_on(MAIN, &[(".env", Some(&format!("KEY={key}\n")))], "one");
    let (_, blob) = repo.files_at(MAIN)[&b".env"[..]];
    let clean = repo.blob("clean\n");
    repo.finish();
    repo.git(&["symbolic-ref", "HEAD", MAIN]);
    let entries = format!("100644 {blob}\t.env\n100644 {blob}\tcopy\n100644 {clean}\tfor-{in_path}\n");
    repo.git_with_input(&["update-index", "--add", "--index-info"], entries.as_bytes());
    let told = account(&mut repo, &key);
    assert_eq!(only(&told, "unreachable"), format!("blob {blob} commits="));
    assert_eq!(only(&told, "sightings"), "1");
    let told = account(&mut repo, &in_path);
    assert_eq!(only(&told, "unreachable"), format!("index {clean}"));
    assert_eq!(only(&told, "sightings"), "1");
    // Nothing is told again where all that is staged is as it is at HEAD.
    repo.git(&["read-tree", "HEAD"]);
    assert_eq!(account(&mut repo, &key).exactly.get("unreachable"), None);
}

#[test]
fn the_search_finds_keys_in_every_form_and_nothing_else() {
    let (key, other) = (live_key(12), test_key(13));
    let places = |bytes: &[u8]| -> Vec<(u64, u64)> { hits(bytes).iter().map(|hit| (hit.line, hit.column)).collect() };
    assert_eq!(places(format!("a\n\"{key}\",\n{other}").as_bytes()), [(2, 2), (3, 1)]);
    assert_eq!(places(&utf16le(&format!("\u{10a}\u{a0a}\nx = {key}\n"))), [(2, 5)]);
    for before in ["", "=", "k=", "ID:", "key="] {
        for (alphabet, padding) in [(Alphabet::Standard, Padding::Full), (Alphabet::UrlSafe, Padding::None)] {
            let text = base64(format!("{before}{key}:x").as_bytes(), alphabet, padding);
            let column = 8 + before.len() as u64 * 8 / 6;
            assert_eq!(places(format!("one\ntoken: {text}\n").as_bytes()), [(2, column)], "after {before:?}");
        }
    }
    assert_eq!(hits(format!("{key} {other}").as_bytes())[1].key, other);
    for no_key in [format!("ta{key}"), format!("{key}A"), look_alike(1, 24), look_alike(1, 99), key.to_uppercase()] {
        assert_eq!(places(no_key.as_bytes()), []);
    }
    assert_eq!(places(format!("sk_{}_{}", "live", "x".repeat(42)).as_bytes()), []);
}

#[test]
fn times_are_read_with_their_offsets() {
    let same = |recorded: &str, reported: &str| {
        assert_eq!(Moment::reported(reported), Some(Moment::recorded(recorded)), "{reported}");
    };
    same("0 +0000", "1970-01-01T00:00:00Z");
    same("1700000000 +0530", "2023-11-15T03:43:20+05:30");
    same("1709210096 -0330", "2024-02-29T09:04:56-03:30");
    same("-1 +0000", "1969-12-31T23:59:59Z");
    same("951782399 +0000", "2000-02-28T23:59:59Z");
}

#[test]
fn git_agrees_with_what_the_builder_writes() {
    let hex = |bytes: [u8; 20]| Oid(bytes).to_string();
    assert_eq!(hex(sha1(b"abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
    for seed in 0..20 {
        let mut repo = Plan::new(seed).build();
        // Its one complaint: a submodule may be called `.gitattributes`.
        repo.git(&["-c", "fsck.gitattributesMissing=ignore", "fsck", "--no-dangling", "--no-progress"]);
    }
}
