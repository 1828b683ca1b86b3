//! What is read: objects that nothing names, the whole of commits, and what replacements and grafts cannot hide.

use super::support::{MAIN, audit, entries, env, held, list, loose_path, overwrite, text, unreachable};
use crate::common::fixture::Repo;
use crate::common::fixture::objects::{Commit, Files, Mode, ObjectType, Tag, encode_tree};
use crate::common::secrets::{live_key, test_key, utf16le};

#[test]
fn unreachable_objects_of_every_type_are_read_loose_and_packed() {
    //  A   main      and, named by nothing: a blob +, a tree (name +), a commit (message +), a tag (message +)
    for packed in [false, true] {
        let keys = [live_key(501), live_key(502), live_key(503), live_key(504)];
        let mut repo = Repo::bare();
        let a = repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
        let plain = repo.blob("plain\n");
        let blob = repo.blob(env(&keys[0]));
        let tree =
            repo.object(ObjectType::Tree, encode_tree(vec![(format!("{}.txt", keys[1]).into(), Mode::File, plain)]));
        let empty = repo.tree(&Files::new());
        let commit = repo.commit(&Commit::new(empty, &[], 1_704_000_000, &format!("with {}", keys[2])));
        let tag = repo.tag(&Tag {
            target: a,
            target_type: ObjectType::Commit,
            name: "gone".to_owned(),
            tagger: None,
            message: format!("for {}\n", keys[3]).into_bytes(),
        });
        repo.finish();
        if packed {
            let ids: String = [a, plain, blob, tree, empty, commit, tag].iter().map(|oid| format!("{oid}\n")).collect();
            let base = repo.git_directory().join("objects/pack/pack");
            repo.git_with_input(&["pack-objects", "--quiet", base.to_str().unwrap()], ids.as_bytes());
            repo.git(&["prune-packed", "--quiet"]);
            assert!(!loose_path(&repo, blob).exists());
        }
        let found = audit(&mut repo).complete();
        let expected = [
            (blob, "blob", "file"),
            (tree, "tree", "path"),
            (commit, "commit", "commit_message"),
            (tag, "tag", "tag_message"),
        ];
        for (key, (object, kind, place)) in keys.iter().zip(expected) {
            let key = found.key(key);
            let at = &key["unreachable"][0];
            assert_eq!(text(&at["object"]), object.to_string(), "packed: {packed}");
            assert_eq!((text(&at["type"]), text(&at["place"])), (kind, place));
            assert_eq!(text(&key["standing"]), "unreachable");
        }
    }
}

#[test]
fn every_part_of_a_commit_is_read_as_raw_bytes() {
    //  A   main      keys in: author's name and address, committer's, an unknown header, a signature, behind a NUL
    let keys: Vec<String> = (510..517).map(live_key).collect();
    let mut repo = Repo::bare();
    let tree = repo.tree(&Files::new());
    let mut commit = Commit::new(tree, &[], 1_704_000_000, &format!("subject\n\nbody\0hidden {}\n", keys[6]));
    commit.author.name = format!("A {}", keys[0]).into();
    commit.author.email = format!("{}@example.test", keys[1]).into();
    commit.committer.name = keys[2].clone().into();
    commit.committer.email = keys[3].clone().into();
    commit.headers = format!(
        "x-unheard-of {}\ngpgsig -----BEGIN PGP SIGNATURE-----\n Comment: {}\n -----END PGP SIGNATURE-----\n",
        keys[4], keys[5]
    )
    .into();
    let a = repo.commit(&commit);
    repo.set_ref(MAIN, a);
    let found = audit(&mut repo).complete();
    let places = ["author", "author", "committer", "committer", "commit_header", "commit_header", "commit_message"];
    for (key, place) in keys.iter().zip(places) {
        let key = found.key(key);
        assert_eq!(entries(&key["introductions"], &[("A", a)]), [format!("A {place} key")]);
        assert_eq!(key["exposure"]["open"], true);
    }
    let author = &found.key(&keys[4])["introductions"][0]["author"];
    assert_eq!(text(&author["name"]), format!("A {}", text(&found.key(&keys[0])["hint"])));
}

#[test]
fn a_nul_in_a_header_hides_nothing() {
    //  A   main      a NUL in the encoding header; a key in the rest of the line and in the message
    let (header, message) = (live_key(518), test_key(519));
    let mut repo = Repo::bare();
    let tree = repo.tree(&Files::new());
    let mut commit = Commit::new(tree, &[], 1_704_000_000, &format!("{message}\n"));
    commit.headers = format!("encoding UTF-8\0{header}\n").into();
    let a = repo.commit(&commit);
    repo.set_ref(MAIN, a);
    let found = audit(&mut repo).complete();
    assert_eq!(text(&found.key(&header)["introductions"][0]["place"]), "commit_header");
    assert_eq!(text(&found.key(&message)["introductions"][0]["place"]), "commit_message");
}

#[test]
fn a_commit_that_carries_a_signed_tag_is_read() {
    //  A ── M   main      M has a mergetag header, as git writes for merges of signed tags, with a key in its message
    let key = live_key(520);
    let mut repo = Repo::bare();
    let tree = repo.tree(&Files::new());
    let a = repo.commit(&Commit::new(tree, &[], 1_704_000_000, "A"));
    let mut commit = Commit::new(tree, &[a], 1_704_000_100, "M");
    commit.headers =
        format!("mergetag object {a}\n type commit\n tag v1\n tagger T <t@example.test> 1 +0000\n \n notes {key}\n")
            .into();
    let m = repo.commit(&commit);
    repo.set_ref(MAIN, m);
    let found = audit(&mut repo).complete();
    assert_eq!(entries(&found.only(&key)["introductions"], &[("M", m)]), ["M commit_header key"]);
}

#[test]
fn replacements_hide_nothing() {
    //  A + ── B -   main      refs/replace/<A>: a decoy without the key; refs/replace/<blob>: another
    let key = live_key(521);
    let mut repo = Repo::bare();
    let a = repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    let b = repo.commit_on(MAIN, &[(".env", None)], "B");
    let blob = repo.blob(env(&key));
    let (tree, decoy_blob) = (repo.tree(&Files::new()), repo.blob("CLERK_SECRET_KEY=\n"));
    let decoy = repo.commit(&Commit::new(tree, &[], 1_704_000_000, "decoy"));
    repo.set_ref(&format!("refs/replace/{a}"), decoy);
    repo.set_ref(&format!("refs/replace/{blob}"), decoy_blob);
    let found = audit(&mut repo).complete();
    let key = found.only(&key);
    let names = [("A", a), ("B", b)];
    assert_eq!(entries(&key["introductions"], &names), ["A file .env key"]);
    assert_eq!(entries(&key["removals"], &names), ["B file .env key"]);
}

#[test]
fn what_only_a_replacement_holds_is_read_too() {
    //  A   main      refs/replace/<A>: a commit with a key, which whoever fetches refs/replace can read
    let key = live_key(522);
    let mut repo = Repo::bare();
    let a = repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    repo.commit_on(&format!("refs/replace/{a}"), &[(".env", Some(&env(&key)))], "other");
    let found = audit(&mut repo).complete();
    assert_eq!(held(found.only(&key)), [format!("refs/replace/{a}")]);
}

#[test]
fn grafts_hide_nothing() {
    //  A + ── B - ── C   main      info/grafts says that C has no parents, and that A is a child of C
    let key = live_key(523);
    let mut repo = Repo::bare();
    let a = repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    let b = repo.commit_on(MAIN, &[(".env", None)], "B");
    let c = repo.commit_on(MAIN, &[("c", Some("c\n"))], "C");
    repo.finish();
    overwrite(&repo.git_directory().join("info/grafts"), format!("{c}\n{a} {c}\n").as_bytes());
    let found = audit(&mut repo).complete();
    let key = found.only(&key);
    assert_eq!(entries(&key["removals"], &[("B", b)]), ["B file .env key"]);
    assert_eq!(text(&key["standing"]), "history");
    assert_eq!(found.report["repositories"][0]["unreachable"]["commits"], 0);
}

#[test]
fn a_file_that_says_shallow_hides_nothing_that_is_there() {
    //  A + ── B   main      .git/shallow names B, and yet A is there
    let key = live_key(524);
    let mut repo = Repo::bare();
    let a = repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    let b = repo.commit_on(MAIN, &[(".env", None)], "B");
    repo.finish();
    overwrite(&repo.git_directory().join("shallow"), format!("{b}\n").as_bytes());
    let found = audit(&mut repo);
    assert_eq!(entries(&found.only(&key)["introductions"], &[("A", a)]), ["A file .env key"]);
}

#[test]
fn an_object_in_several_packs_and_loose_is_counted_once() {
    //  A +   main      in two packs, and loose
    let key = live_key(525);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    let all = repo.git(&["rev-list", "--objects", "--no-object-names", "main"]);
    let base = repo.git_directory().join("objects/pack/pack");
    let first: Vec<u8> = all.split_inclusive(|byte| *byte == b'\n').take(2).flatten().copied().collect();
    repo.git_with_input(&["pack-objects", "--quiet", base.to_str().unwrap()], &all);
    repo.git_with_input(&["pack-objects", "--quiet", base.to_str().unwrap()], &first);
    let found = audit(&mut repo).complete();
    let repository = &found.report["repositories"][0];
    assert_eq!(["commits", "trees", "blobs"].map(|of| repository[of].as_u64().unwrap()), [1, 1, 1]);
    assert_eq!(found.only(&key)["sightings"], 1);
    assert_eq!(list(&found.only(&key)["introductions"]).count(), 1);
    assert_eq!(unreachable(found.only(&key)), [""; 0]);
}

#[test]
fn what_was_read_is_counted() {
    //  A (a, x/b) ── B (a)   main      and one loose blob
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("a", Some("12345")), ("x/b", Some("1234567890"))], "A");
    repo.commit_on(MAIN, &[("x/b", None)], "B");
    repo.blob("loose");
    let found = audit(&mut repo).complete();
    assert_eq!(found.code, 0);
    let repository = &found.report["repositories"][0];
    let counts = ["refs", "commits", "trees", "blobs"].map(|of| repository[of].as_u64().unwrap());
    assert_eq!(counts, [1, 2, 3, 3]);
    let bytes =
        String::from_utf8(repo.git(&["cat-file", "--batch-all-objects", "--batch-check=%(objectsize)"])).unwrap();
    assert_eq!(repository["bytes"], bytes.lines().map(|size| size.parse::<u64>().unwrap()).sum::<u64>());
    assert_eq!(repository["object_format"], "sha1");
    assert_eq!(repository["unreachable"], serde_json::json!({"commits": 0, "blobs": 1}));
}

#[test]
fn a_key_in_utf_16_in_a_commit_message_has_its_line() {
    //  A   main      the message is UTF-16, as some tools on Windows write it; a tag's message too
    let (message, tagged) = (live_key(526), live_key(527));
    for mark in [true, false] {
        let mut repo = Repo::bare();
        let tree = repo.tree(&Files::new());
        let wide = |text: String| utf16le(&text)[if mark { 0 } else { 2 }..].to_vec();
        let mut commit = Commit::new(tree, &[], 1_704_000_000, "");
        commit.message = wide(format!("subject\r\n\r\nuses {message}\r\n"));
        let a = repo.commit(&commit);
        repo.set_ref(MAIN, a);
        let tag = repo.tag(&Tag {
            target: a,
            target_type: ObjectType::Commit,
            name: "v1".to_owned(),
            tagger: None,
            message: wide(format!("{tagged}\n")),
        });
        repo.set_ref("refs/tags/v1", tag);
        let found = audit(&mut repo).complete();
        for (key, lines) in [(&message, 1..=3), (&tagged, 1..=1)] {
            let line = found.key(key)["introductions"][0]["line"].as_u64().unwrap();
            assert!(lines.contains(&line), "a line of the message, not {line}");
        }
    }
}
