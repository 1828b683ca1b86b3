//! Bad input: what git accepts by push and libgit2 refuses to parse. It is scanned all the same.

use super::support::{MAIN, audit, entries, env, held, list, text};
use crate::common::fixture::Repo;
use crate::common::fixture::objects::{Commit, Files, Mode, ObjectType, Oid, encode_tree};
use crate::common::secrets::{live_key, test_key};

/// Puts objects where git would not let them through its checks.
fn commit_of(repo: &mut Repo, text: String) -> Oid {
    let commit = repo.object(ObjectType::Commit, text.into_bytes());
    repo.set_ref(MAIN, commit);
    commit
}

#[test]
fn malformed_commits_are_read_and_walked() {
    //  A + ── B (malformed, its message has a key) ── C -   main
    let who = "A <a@example.test> 1704000000 +0000";
    let (file, message) = (live_key(1101), test_key(1102));
    // What stands in B after its tree; PARENT is where its parent stands in well-formed ones.
    let heads = [
        ("no author, no committer", "PARENT".to_owned()),
        ("no committer", format!("PARENTauthor {who}\n")),
        ("no author", format!("PARENTcommitter {who}\n")),
        ("committer before author", format!("PARENTcommitter {who}\nauthor {who}\n")),
        ("no address", "PARENTauthor A 1704000000 +0000\ncommitter A\n".to_owned()),
        ("open address", format!("PARENTauthor A <a@example.test 1704000000\ncommitter {who}\n")),
        ("header before author", format!("PARENTx-odd 1\nauthor {who}\ncommitter {who}\n")),
        ("overlong time", format!("PARENTauthor A <a@b> {}\ncommitter A <a@b> {}\n", "9".repeat(40), "9".repeat(40))),
        ("no time", "PARENTauthor A <a@b>\ncommitter A <a@b>\n".to_owned()),
        ("odd zone", "PARENTauthor A <a@b> 1704000000 rubbish\ncommitter A <a@b> 1704000000 +99999999\n".to_owned()),
        ("negative time", "PARENTauthor A <a@b> -99 +0000\ncommitter A <a@b> -99 -0000\n".to_owned()),
        ("duplicate author", format!("PARENTauthor {who}\nauthor {who}\ncommitter {who}\n")),
        ("NUL in a header", format!("PARENTauthor A\0B <a@b> 1704000000 +0000\ncommitter {who}\n")),
        ("carriage returns", format!("PARENTauthor {who}\r\ncommitter {who}\r\n")),
        ("not UTF-8", format!("PARENTauthor {who}\nencoding ISO-8859-1\ncommitter {who}\n")),
    ];
    for (name, head) in heads {
        let mut repo = Repo::bare();
        let blob = repo.blob(env(&file));
        let with = repo.tree(&Files::from([(b".env".to_vec(), (Mode::File, blob))]));
        let without = repo.tree(&Files::new());
        let a = repo.commit(&Commit::new(with, &[], 1_704_000_000, "A"));
        let head = head.replace("PARENT", &format!("parent {a}\n"));
        let b = commit_of(&mut repo, format!("tree {with}\n{head}\nsubject\n\nuses {message}\n"));
        let c = repo.commit(&Commit::new(without, &[b], 1_704_000_200, "C"));
        repo.set_ref(MAIN, c);
        let found = audit(&mut repo);
        let quoted = found.key(&message);
        assert_eq!(text(&quoted["introductions"][0]["place"]), "commit_message", "{name}");
        assert_eq!(text(&quoted["introductions"][0]["commit"]), b.to_string(), "{name}");
        let kept = found.key(&file);
        assert_eq!(text(&kept["first_introduced"]["commit"]), a.to_string(), "{name}: history goes on through it");
        assert_eq!(text(&kept["removals"][0]["commit"]), c.to_string(), "{name}");
        assert_eq!(found.code, 1, "{name}: everything that it names was read");
    }
}

#[test]
fn parents_are_those_that_git_counts() {
    //  A + ── B (+, names A as a parent where git does not read it) ── C -   main
    let who = "A <a@example.test> 1704000000 +0000";
    let key = live_key(1120);
    for (name, head) in [
        ("header before parent", format!("x-odd 1\nPARENTauthor {who}\ncommitter {who}\n")),
        ("parent after author", format!("author {who}\nPARENTcommitter {who}\n")),
        ("parent after committer", format!("author {who}\ncommitter {who}\nPARENT")),
    ] {
        let mut repo = Repo::bare();
        let blob = repo.blob(env(&key));
        let with = repo.tree(&Files::from([(b".env".to_vec(), (Mode::File, blob))]));
        let without = repo.tree(&Files::new());
        let a = repo.commit(&Commit::new(with, &[], 1_704_000_000, "A"));
        let head = head.replace("PARENT", &format!("parent {a}\n"));
        let b = commit_of(&mut repo, format!("tree {with}\n{head}\nsubject\n"));
        let c = repo.commit(&Commit::new(without, &[b], 1_704_000_200, "C"));
        repo.set_ref(MAIN, c);
        assert_eq!(
            String::from_utf8(repo.git(&["rev-list", "main"])).unwrap().lines().count(),
            2,
            "{name}: so git says"
        );
        let found = audit(&mut repo).complete();
        let introduced = &found.only(&key)["introductions"];
        let commits: Vec<&str> = super::support::list(introduced).map(|entry| text(&entry["commit"])).collect();
        assert_eq!(commits, [b.to_string()], "{name}");
        assert_eq!(text(&found.only(&key)["first_introduced"]["commit"]), b.to_string(), "{name}");
    }
}

#[test]
fn commits_of_which_something_cannot_be_read_are_gaps_and_not_the_end() {
    //  A + ── B (its tree or parent is no id, or missing) ── C   main
    let (file, message) = (live_key(1103), test_key(1104));
    let who = "A <a@example.test> 1704000000 +0000";
    for (name, head) in [
        ("no tree", "parent PARENT\n"),
        ("a tree that is no id", "tree rubbish\nparent PARENT\n"),
        ("a short tree", "tree 0123456789\nparent PARENT\n"),
        ("a parent that is no id", "tree TREE\nparent rubbish\nparent PARENT\n"),
        ("nothing at all", ""),
    ] {
        let mut repo = Repo::bare();
        let a = repo.commit_on("refs/heads/a", &[(".env", Some(&env(&file)))], "A");
        let tree = repo.tree(&Files::new());
        let head = head.replace("TREE", &tree.to_string()).replace("PARENT", &a.to_string());
        let text = if head.is_empty() {
            message.clone()
        } else {
            format!("{head}author {who}\ncommitter {who}\n\n{message}\n")
        };
        let b = commit_of(&mut repo, text);
        let c = repo.commit(&Commit::new(tree, &[b], 1_704_000_200, "C"));
        repo.set_ref(MAIN, c);
        let found = audit(&mut repo);
        assert_eq!((found.code, found.skipped()), (3, vec![("malformed", b.to_string().as_str())]), "{name}");
        assert!(found.has(&file) && found.has(&message), "{name}");
    }
}

#[test]
fn two_trees_in_one_commit_hide_neither() {
    //  A: "tree <one +>", "tree <two +>"   main        git reads the first and libgit2 refuses it
    let keys = [live_key(1105), live_key(1106)];
    let mut repo = Repo::bare();
    let trees = keys.each_ref().map(|key| {
        let blob = repo.blob(env(key));
        repo.tree(&Files::from([(b".env".to_vec(), (Mode::File, blob))]))
    });
    let who = "A <a@example.test> 1704000000 +0000";
    commit_of(&mut repo, format!("tree {}\ntree {}\nauthor {who}\ncommitter {who}\n\nx\n", trees[0], trees[1]));
    let found = audit(&mut repo);
    assert_eq!(held(found.key(&keys[0])), [MAIN]);
    assert!(found.has(&keys[1]));
}

#[test]
fn malformed_trees_are_read_as_git_reads_them() {
    //  A: a tree with odd modes and names; under each entry a key of its own
    let cases: Vec<(&str, &str, Vec<u8>)> = vec![
        ("a mode of seventeen digits' bits", "1100644", b"big-mode".to_vec()),
        ("a mode with a leading zero", "0100644", b"zero".to_vec()),
        ("an old mode", "100664", b"group-writable".to_vec()),
        ("an odd mode of a file", "100000", b"no-permissions".to_vec()),
        ("a name of 70,000 bytes", "100644", vec![b'n'; 70_000]),
        ("a name with a slash", "100644", b"a/b".to_vec()),
        ("the name ..", "100644", b"..".to_vec()),
        ("the name .git", "100644", b".git".to_vec()),
        ("a name that is not UTF-8", "100644", b"\xff\xfe\x80".to_vec()),
        ("a directory with a leading zero", "040000", b"folder".to_vec()),
        ("an empty name", "100644", Vec::new()),
    ];
    for (number, (name, mode, entry_name)) in cases.into_iter().enumerate() {
        let key = live_key(1110 + number as u64);
        let mut repo = Repo::bare();
        let blob = repo.blob(env(&key));
        let is_folder = mode.ends_with("40000");
        let target = if is_folder { repo.tree(&Files::from([(b"f".to_vec(), (Mode::File, blob))])) } else { blob };
        let mut bytes = [mode.as_bytes(), b" ", &entry_name, b"\0"].concat();
        bytes.extend_from_slice(&target.0);
        let tree = repo.object(ObjectType::Tree, bytes);
        let a = repo.commit(&Commit::new(tree, &[], 1_704_000_000, "A"));
        repo.set_ref(MAIN, a);
        let found = audit(&mut repo).complete();
        assert_eq!(text(&found.only(&key)["introductions"][0]["commit"]), a.to_string(), "{name}");
        assert_eq!(held(found.only(&key)), [MAIN], "{name}");
    }
}

#[test]
fn duplicate_and_unsorted_entries_hide_nothing() {
    //  A: a tree with "z", "a", "a" (twice the name, two blobs)   main
    let keys = [live_key(1130), live_key(1131), live_key(1132)];
    let mut repo = Repo::bare();
    let mut bytes = Vec::new();
    for (name, key) in [("z", &keys[0]), ("a", &keys[1]), ("a", &keys[2])] {
        let blob = repo.blob(env(key));
        bytes.extend_from_slice(format!("100644 {name}\0").as_bytes());
        bytes.extend_from_slice(&blob.0);
    }
    let tree = repo.object(ObjectType::Tree, bytes);
    let a = repo.commit(&Commit::new(tree, &[], 1_704_000_000, "A"));
    repo.set_ref(MAIN, a);
    let found = audit(&mut repo).complete();
    for key in &keys {
        assert_eq!(held(found.key(key)), [MAIN]);
    }
}

#[test]
fn an_entry_of_an_odd_type_hides_what_is_here() {
    //  A: entries of modes 160000, 110000 and 20000, each naming a blob + that is here   main
    for (number, mode) in ["160000", "110000", "20000", "0"].into_iter().enumerate() {
        let key = live_key(1140 + number as u64);
        let mut repo = Repo::bare();
        let blob = repo.blob(env(&key));
        let tree = repo.object(ObjectType::Tree, [format!("{mode} odd\0").as_bytes(), &blob.0].concat());
        let a = repo.commit(&Commit::new(tree, &[], 1_704_000_000, "A"));
        repo.set_ref(MAIN, a);
        let found = audit(&mut repo).complete();
        assert!(found.has(&key), "{mode}: a blob that is here is read, whatever names it");
    }
}

#[test]
fn a_tree_that_breaks_off_is_read_up_to_there_and_is_a_gap() {
    //  A: a tree whose second entry is cut; a key in what is left of it, and one in the file before
    let (before, inside) = (live_key(1150), test_key(1151));
    let mut repo = Repo::bare();
    let blob = repo.blob(env(&before));
    let mut bytes = encode_tree(vec![(b"a".to_vec(), Mode::File, blob)]);
    bytes.extend_from_slice(format!("100644 {inside}").as_bytes());
    let tree = repo.object(ObjectType::Tree, bytes);
    let a = repo.commit(&Commit::new(tree, &[], 1_704_000_000, "A"));
    repo.set_ref(MAIN, a);
    let found = audit(&mut repo);
    assert_eq!((found.code, found.skipped()), (3, vec![("malformed", tree.to_string().as_str())]));
    assert_eq!(held(found.key(&before)), [MAIN]);
    assert!(found.has(&inside));
}

#[test]
fn malformed_tags_are_read() {
    //  refs/tags/v1: tags without type, with a bad tagger, with headers nobody knows, with the wrong type — A + (no branch)
    let who = "T <t@example.test> 1704000000 +0000";
    for (name, head) in [
        ("bad tagger", "object TARGET\ntype commit\ntag v1\ntagger nobody\n".to_owned()),
        ("no tagger", "object TARGET\ntype commit\ntag v1\n".to_owned()),
        ("odd header", format!("object TARGET\ntype commit\ntag v1\nx-odd 1\ntagger {who}\n")),
        ("no name", format!("object TARGET\ntype commit\ntagger {who}\n")),
        ("no type", format!("object TARGET\ntag v1\ntagger {who}\n")),
        ("wrong type", format!("object TARGET\ntype blob\ntag v1\ntagger {who}\n")),
        ("object not first", format!("type commit\nobject TARGET\ntag v1\ntagger {who}\n")),
    ] {
        let (message, file) = (live_key(1160), live_key(1161));
        let mut repo = Repo::bare();
        repo.commit_on(MAIN, &[("base", Some("0\n"))], "base");
        let a = repo.commit_on("refs/heads/x", &[(".env", Some(&env(&file)))], "A");
        repo.delete_ref("refs/heads/x");
        let text_of = format!("{}\nrelease with {message}\n", head.replace("TARGET", &a.to_string()));
        let tag = repo.object(ObjectType::Tag, text_of.into_bytes());
        repo.finish();
        let path = repo.git_directory().join("refs/tags/v1");
        super::support::overwrite(&path, format!("{tag}\n").as_bytes());
        let found = super::support::audit_at(repo.path());
        assert_eq!(text(&found.key(&message)["introductions"][0]["place"]), "tag_message", "{name}");
        assert_eq!(held(found.key(&file)), ["refs/tags/v1"], "{name}");
        assert!(found.code == 1 || found.reasons() == ["malformed"], "{name}: {:?}", found.skipped());
    }
}

#[test]
fn a_tag_that_names_nothing_is_a_gap() {
    let key = live_key(1170);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("base", Some("0\n"))], "base");
    let tag = repo.object(ObjectType::Tag, format!("tag v1\n\n{key}\n").into_bytes());
    repo.finish();
    super::support::overwrite(&repo.git_directory().join("refs/tags/v1"), format!("{tag}\n").as_bytes());
    let found = super::support::audit_at(repo.path());
    assert_eq!((found.code, found.skipped()), (3, vec![("malformed", tag.to_string().as_str())]));
    assert!(found.has(&key));
}

#[test]
fn the_empty_tree_and_a_null_submodule_are_no_gaps() {
    //  A: the empty tree, which is not stored; B: a submodule whose id is all zeros   main
    let mut repo = Repo::bare();
    let empty = repo.tree(&Files::new());
    let a = repo.commit(&Commit::new(empty, &[], 1_704_000_000, "A"));
    let null = repo.object(ObjectType::Tree, [&b"160000 lib\0"[..], &[0; 20]].concat());
    let b = repo.commit(&Commit::new(null, &[a], 1_704_000_100, "B"));
    repo.set_ref(MAIN, b);
    repo.finish();
    std::fs::remove_file(super::support::loose_path(&repo, empty)).unwrap();
    assert_eq!(audit(&mut repo).complete().code, 0);
}

#[test]
fn a_tree_that_breaks_off_removes_nothing_that_it_does_not_list() {
    //  A (a, z +) ── B (a; breaks off in z) ── C (a, z +)   main, or B is
    let key = live_key(1180);
    for is_tip in [true, false] {
        let mut repo = Repo::bare();
        let (blob, other) = (repo.blob(env(&key)), repo.blob("a\n"));
        let entries_of = vec![(b"a".to_vec(), Mode::File, other), (b"z".to_vec(), Mode::File, blob)];
        let whole = encode_tree(entries_of);
        let cut = repo.object(ObjectType::Tree, whole[..whole.len() - 10].to_vec());
        let tree = repo.object(ObjectType::Tree, whole);
        let a = repo.commit(&Commit::new(tree, &[], 1_704_000_000, "A"));
        let b = repo.commit(&Commit::new(cut, &[a], 1_704_000_100, "B"));
        let c = repo.commit(&Commit::new(tree, &[b], 1_704_000_200, "C"));
        repo.set_ref(MAIN, if is_tip { b } else { c });
        let found = audit(&mut repo);
        assert_eq!((found.code, found.reasons()), (3, vec!["malformed"]));
        let of = found.only(&key);
        assert_eq!((list(&of["removals"]).count(), &of["exposure"]["open"]), (0, &true.into()));
        let sure: Vec<&str> = list(&of["introductions"])
            .filter(|entry| entry["at_or_before"] == false)
            .map(|it| text(&it["commit"]))
            .collect();
        assert_eq!(sure, [a.to_string()], "C may have kept it");
    }
}

#[test]
fn a_commit_whose_tree_cannot_be_made_out_removes_nothing() {
    //  A + ── B -   main;    A ── C ("tree rubbish")   release;    C ── D +   later
    let key = live_key(1181);
    let mut repo = Repo::bare();
    let blob = repo.blob(env(&key));
    let tree = repo.tree(&Files::from([(b".env".to_vec(), (Mode::File, blob))]));
    let none = repo.tree(&Files::new());
    let a = repo.commit(&Commit::new(tree, &[], 1_704_000_000, "A"));
    let b = repo.commit(&Commit::new(none, &[a], 1_704_000_100, "B"));
    let who = "A <a@example.test> 1704009999 +0000";
    let c = commit_of(&mut repo, format!("tree rubbish\nparent {a}\nauthor {who}\ncommitter {who}\n\nC\n"));
    let d = repo.commit(&Commit::new(tree, &[c], 1_704_000_200, "D"));
    repo.set_ref(MAIN, b);
    repo.finish();
    // git itself points no branch at such a commit.
    super::support::overwrite(&repo.git_directory().join("refs/heads/release"), format!("{c}\n").as_bytes());
    let found = audit(&mut repo);
    assert_eq!(found.skipped(), [("malformed", c.to_string().as_str())]);
    let of = found.only(&key);
    assert_eq!(entries(&of["removals"], &[("B", b)]), ["B file .env key"]);
    assert_eq!((&of["exposure"]["open"], text(&of["exposure"]["end_reason"])), (&true.into(), "open"));
    repo.set_ref("refs/heads/later", d);
    let found = audit(&mut repo);
    let entry = list(&found.only(&key)["introductions"]).find(|entry| text(&entry["commit"]) == d.to_string());
    assert!(entry.is_none_or(|entry| entry["at_or_before"] == true));
}

#[test]
fn links_to_what_is_of_another_type_are_gaps_and_remove_nothing() {
    //  A (d/.env +) ── B (what is not as it is named: its tree, or d)   main;    B: its parent is none
    let key = live_key(1182);
    for name in ["tree is a blob", "tree is a commit", "directory is a blob", "tag", "blob", "tree"] {
        let mut repo = Repo::bare();
        let (blob, other) = (repo.blob(env(&key)), repo.blob("x\n"));
        let tree = repo.tree(&Files::from([(b"d/.env".to_vec(), (Mode::File, blob))]));
        let none = repo.tree(&Files::from([(b"x".to_vec(), (Mode::File, other))]));
        let a = repo.commit(&Commit::new(tree, &[], 1_704_000_000, "A"));
        let tag = repo.object(ObjectType::Tag, format!("object {a}\ntype commit\ntag v\n\nm\n").into_bytes());
        let mut wrong = || repo.object(ObjectType::Tree, encode_tree(vec![(b"d".to_vec(), Mode::Directory, other)]));
        let (of_b, parent, told) = match name {
            "tree is a blob" => (other, a, None),
            "tree is a commit" => (a, a, None),
            "directory is a blob" => (wrong(), a, Some(wrong())),
            "tag" => (none, tag, None),
            "blob" => (none, other, None),
            _ => (none, tree, None),
        };
        let b = repo.commit(&Commit::new(of_b, &[parent], 1_704_000_100, "B"));
        repo.finish();
        super::support::overwrite(&repo.git_directory().join(MAIN), format!("{b}\n").as_bytes());
        for reader in ["bulk", "libgit2"] {
            let found = super::support::audit_with(repo.path(), &["--reader", reader]);
            let gap = told.unwrap_or(b).to_string();
            assert_eq!((found.code, found.skipped()), (3, vec![("malformed", gap.as_str())]), "{name}");
            let of = found.only(&key);
            assert_eq!(list(&of["removals"]).count(), 0, "{name}");
            assert!(told.is_none() || of["exposure"]["open"] == true, "{name}");
        }
    }
}
