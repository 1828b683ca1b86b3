//! Pushes that were made to get past: names, ids, objects and packs that git's own client would never send.

use super::support::{MAIN, Server, ZERO, pack};
use crate::common::fixture::Repo;
use crate::common::fixture::objects::{Commit, Files, Mode, ObjectType, Oid, encode_tree, object_id};
use crate::common::run::Audit;
use crate::common::secrets::live_key;

const FINE: &str = "refs/heads/fine";

/// The objects of one commit: a blob, a tree, a commit.
fn one_commit(content: &str) -> (String, Vec<(ObjectType, Vec<u8>)>) {
    let blob = object_id(ObjectType::Blob, content.as_bytes());
    let tree = encode_tree(vec![(b"f".to_vec(), Mode::File, blob)]);
    let commit = Commit::new(object_id(ObjectType::Tree, &tree), &[], 1_700_000_000, "by hand").encode();
    let tip = object_id(ObjectType::Commit, &commit).to_string();
    (tip, vec![(ObjectType::Blob, content.into()), (ObjectType::Tree, tree), (ObjectType::Commit, commit)])
}

#[test]
fn names_with_any_bytes_are_read_as_they_are() {
    let server = Server::new();
    let key = live_key(60);
    let (good, mut objects) = one_commit("fine");
    let (bad, more) = one_commit(&key);
    objects.extend(more);
    let sent = pack(&objects);
    for name in [
        &b"refs/heads/a\\cb"[..],
        b"refs/heads/\x1b[31m",
        b"refs/heads/\xff\xfe",
        b"refs/heads/a b",
        b"refs/heads/-x",
        // As reviews are asked for (git's proc-receive).
        b"refs/for/main",
    ] {
        let commands = [(ZERO, good.as_str(), name), (ZERO, bad.as_str(), &b"refs/heads/main"[..])];
        server.raw(&commands, &sent).is_refused_for(&key, &["f:1"]);
        assert_eq!(server.value(MAIN), None);
    }
    // A line feed in a name makes two lines of one: the second is no update.
    let forged = format!("refs/heads/x\n{ZERO} {good} refs/heads/y");
    let pushed = server.raw(&[(ZERO, &good, forged.as_bytes())], &sent);
    assert!(!pushed.accepted);
    server
        .raw(&[(ZERO, &good, b"refs/heads/x\nrubbish")], &sent)
        .is_refused(&["line 2 of standard input is no ref update"]);
    server.raw(&[(ZERO, &good, b"")], &sent).is_refused(&["line 1 of standard input is no ref update"]);
}

#[test]
fn refs_that_a_shells_echo_hides_do_not_hide_what_they_bring() {
    let server = Server::new();
    // The shape of gitolite's driver of several hooks, with the shell that Debian has for sh.
    server.hook("stdin=`cat`\necho \"$stdin\" | \"$GATE\" hook pre-receive");
    let key = live_key(61);
    let (good, mut objects) = one_commit("fine");
    let (bad, more) = one_commit(&key);
    objects.extend(more);
    let commands = [(ZERO, good.as_str(), &b"refs/heads/a\\cb"[..]), (ZERO, bad.as_str(), &b"refs/heads/main"[..])];
    server.raw(&commands, &pack(&objects)).is_refused_for(&key, &[]);
    assert_eq!(server.value(MAIN), None);
    let (good, objects) = one_commit("fine");
    let pushed = server.raw(&[(ZERO, good.as_str(), b"refs/heads/a\\cb")], &pack(&objects));
    // Where echo knows no \c the line is whole: then git itself refuses the name or takes it.
    if pushed.said.contains("standard input") {
        pushed.is_refused(&["does not end with a line feed"]);
    }
}

#[test]
fn standard_input_that_is_not_gits_is_refused() {
    let server = Server::new();
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("a", Some("1"))], "fine");
    for (script, why) in [
        ("\"$GATE\" hook pre-receive </dev/null", "names no ref update"),
        ("printf '%s' \"$(cat)\" | \"$GATE\" hook pre-receive", "does not end with a line feed"),
        ("(cat; echo) | \"$GATE\" hook pre-receive", "line 2"),
        ("cut -c2- | \"$GATE\" hook pre-receive", "line 1"),
        ("tr ' ' '\\t' | \"$GATE\" hook pre-receive", "line 1"),
    ] {
        server.hook(script);
        server.push(&mut client, &[MAIN]).is_refused(&[why]);
    }
}

#[test]
fn odd_objects_are_no_reason_to_refuse_and_hide_nothing() {
    let server = Server::new();
    let tree = encode_tree(Vec::new());
    let tree_id = object_id(ObjectType::Tree, &tree);
    let key = live_key(62);
    for odd in [
        "",
        "author nobody\n",
        "author A a@b 1 +0000\ncommitter\n",
        "committer C <c@d> 1 +0000\nauthor A <a@b> 1 +0000\n",
        "author A <a@b> 99999999999999999999999 +9999\ncommitter C <c@d> x y\n",
        "author A <a@b>\0hidden 1 +0000\ncommitter C <c@d> 1 +0000\n",
        "extra x\nauthor A <a@b> 1 +0000\ncommitter C <c@d> 1 +0000\n",
        "author A <a@b> 1 +0000\nauthor B <b@b> 1 +0000\ncommitter C <c@d> 1 +0000\n",
        "author A <a@b>\ncommitter C <c@d>\n",
    ] {
        for (content, is_fine) in [("words\n", true), (key.as_str(), false)] {
            let commit = format!("tree {tree_id}\n{odd}\nsubject\0{content}").into_bytes();
            let tip = object_id(ObjectType::Commit, &commit).to_string();
            let sent = pack(&[(ObjectType::Tree, tree.clone()), (ObjectType::Commit, commit)]);
            let pushed = server.raw(&[(ZERO, &tip, FINE.as_bytes())], &sent);
            if is_fine {
                pushed.passes_silently();
                server.git(&["update-ref", "-d", FINE]);
            } else {
                pushed.is_refused_for(&key, &["the commit's own text"]);
            }
        }
    }
    // Nothing but headers, and no blank line behind them.
    for (content, is_fine) in [("C", true), (key.as_str(), false)] {
        let commit = format!("tree {tree_id}\nauthor A <a@b> 1 +0000\ncommitter {content} <c@d> 1 +0000\n");
        let tip = object_id(ObjectType::Commit, commit.as_bytes()).to_string();
        let sent = pack(&[(ObjectType::Tree, tree.clone()), (ObjectType::Commit, commit.into_bytes())]);
        let pushed = server.raw(&[(ZERO, &tip, FINE.as_bytes())], &sent);
        if is_fine {
            pushed.passes_silently()
        } else {
            pushed.is_refused_for(&key, &["the commit's own text"])
        }
        server.git(&["update-ref", "-d", FINE]);
    }
    server.git(&["prune", "--expire=now"]);
}

#[test]
fn odd_tags_are_no_reason_to_refuse_and_hide_nothing() {
    let server = Server::new();
    let tree = encode_tree(Vec::new());
    let target = object_id(ObjectType::Tree, &tree);
    let key = live_key(66);
    for odd in [
        "tag t\n\nKEY\n",
        "tag t\ntagger nobody\n\nKEY\n",
        "tag t\nextra x\ntagger T <t@t> 1 +0000\n\nKEY\n",
        "tag t\ntagger T <t@t> 99999999999999999999999 +9999\n\nKEY\n",
        "tag t\ntagger T <t@t> 1 +0000\nKEY\n",
        "tag t\ntagger T <t@t> 1 +0000\n\nm\0KEY\n",
        "tag a b\x1b[31m\ntagger KEY <t@t> 1 +0000\n\nm\n",
    ] {
        for (content, is_fine) in [("words", true), (key.as_str(), false)] {
            let tag = format!("object {target}\ntype tree\n{}", odd.replace("KEY", content)).into_bytes();
            let tip = object_id(ObjectType::Tag, &tag).to_string();
            let sent = pack(&[(ObjectType::Tree, tree.clone()), (ObjectType::Tag, tag)]);
            let pushed = server.raw(&[(ZERO, &tip, b"refs/tags/odd")], &sent);
            if is_fine {
                pushed.passes_silently();
                server.git(&["update-ref", "-d", "refs/tags/odd"]);
            } else {
                pushed.is_refused_for(&key, &["It is in a tag"]);
            }
        }
    }
}

#[test]
fn what_is_sent_twice_is_read() {
    let server = Server::new();
    server.config("receive.unpackLimit", "1");
    let key = live_key(67);
    for content in ["fine", key.as_str()] {
        let (tip, mut objects) = one_commit(content);
        objects.extend(objects.clone());
        let pushed = server.raw(&[(ZERO, &tip, FINE.as_bytes())], &pack(&objects));
        if content == "fine" { pushed.passes_silently() } else { pushed.is_refused_for(&key, &["f:1"]) }
    }
}

#[test]
fn odd_trees_are_read_as_they_are() {
    let server = Server::new();
    let key = live_key(63);
    let blob = object_id(ObjectType::Blob, key.as_bytes());
    let entry = |mode: &str, name: &str, oid: Oid| [format!("{mode} {name}\0").as_bytes(), &oid.0].concat();
    let inner = entry("100644", "inner", blob);
    let inner_id = object_id(ObjectType::Tree, &inner);
    let words = |kind| match kind {
        ObjectType::Commit => Commit::new(object_id(ObjectType::Tree, b""), &[], 1, &key).encode(),
        _ => format!("object {blob}\ntype blob\ntag t\n\n{key}\n").into_bytes(),
    };
    let said_in = |kind| object_id(kind, &words(kind));
    for (tree, place) in [
        (entry("100664", "..", blob), "..:1"),
        (entry("1100644", "wide", blob), "wide:1"),
        (entry("0100644", "padded", blob), "padded:1"),
        ([entry("100644", "b", object_id(ObjectType::Blob, b"x")), entry("100644", "a", blob)].concat(), "a:1"),
        ([entry("100644", "a", object_id(ObjectType::Blob, b"x")), entry("100644", "a", blob)].concat(), "a:1"),
        (entry("100644", "a/b", blob), "a/b:1"),
        (entry("120000", "link", blob), "link:1"),
        (entry("100644", "file-mode", inner_id), "inner"),
        (entry("0", "odd", blob), "odd:1"),
        (entry("60000", "odd", blob), "odd:1"),
        (entry("100644", ".git", blob), ".git:1"),
        (entry("100644", &"n".repeat(70_000), blob), "nnnn"),
        // git itself takes none of these; the hook is asked all the same.
        (entry("40000", "directory", blob), ""),
        (entry("100644", "", blob), ""),
        // A file's mode, and a commit or a tag.
        (entry("100644", "commit", said_in(ObjectType::Commit)), ""),
        (entry("100644", "tag", said_in(ObjectType::Tag)), ""),
    ] {
        let commit = Commit::new(object_id(ObjectType::Tree, &tree), &[], 1_700_000_000, "odd").encode();
        let tip = object_id(ObjectType::Commit, &commit).to_string();
        let mut sent = vec![
            (ObjectType::Blob, key.clone().into_bytes()),
            (ObjectType::Blob, b"x".to_vec()),
            (ObjectType::Tree, inner.clone()),
            (ObjectType::Commit, commit),
        ];
        // The key stands in the object that the file names and nowhere else.
        if [&b"commit\0"[..], b"tag\0"].iter().any(|name| tree[7..].starts_with(name)) {
            sent.remove(0);
            sent.extend([ObjectType::Commit, ObjectType::Tag].map(|kind| (kind, words(kind))));
        }
        if tree != inner {
            sent.push((ObjectType::Tree, tree));
        }
        server.raw(&[(ZERO, &tip, FINE.as_bytes())], &pack(&sent)).is_refused_for(&key, &[place]);
    }
}

#[test]
fn a_submodule_and_a_null_id_are_not_missing() {
    let server = Server::new();
    let mut client = Repo::bare();
    let files = Files::from([
        (b"module".to_vec(), (Mode::Submodule, Oid([7; 20]))),
        (b"null".to_vec(), (Mode::Submodule, Oid([0; 20]))),
    ]);
    client.commit_files(MAIN, files, &[], "submodules");
    server.push(&mut client, &[MAIN]).passes_silently();
}

#[test]
fn what_is_missing_is_refused_with_a_reason() {
    let server = Server::new();
    let missing = Oid([9; 20]);
    let empty = encode_tree(Vec::new());
    let empty_id = object_id(ObjectType::Tree, &empty);
    let with_blob = encode_tree(vec![(b"f".to_vec(), Mode::File, missing)]);
    let with_tree = encode_tree(vec![(b"d".to_vec(), Mode::Directory, missing)]);
    for (tree, parents, what) in [
        (with_blob, vec![], "the file 090909090909 is missing"),
        (with_tree, vec![], "the tree 090909090909 is missing"),
        (empty.clone(), vec![missing], "the commit 090909090909 is missing"),
    ] {
        let commit = Commit::new(object_id(ObjectType::Tree, &tree), &parents, 1, "cut").encode();
        let tip = object_id(ObjectType::Commit, &commit).to_string();
        let sent = pack(&[(ObjectType::Tree, tree), (ObjectType::Commit, commit)]);
        server.raw(&[(ZERO, &tip, FINE.as_bytes())], &sent).is_refused(&["not all of it could be examined", what]);
    }
    // A tree that ends in the middle of an entry, and one below a sound one: nobody can tell what is behind.
    let cut = b"100644 f\0short".to_vec();
    let above = encode_tree(vec![(b"d".to_vec(), Mode::Directory, object_id(ObjectType::Tree, &cut))]);
    for (tree, more) in [(cut.clone(), None), (above, Some(cut))] {
        let commit = Commit::new(object_id(ObjectType::Tree, &tree), &[], 1, "cut").encode();
        let tip = object_id(ObjectType::Commit, &commit).to_string();
        let mut sent = vec![(ObjectType::Tree, tree), (ObjectType::Commit, commit)];
        sent.extend(more.map(|tree| (ObjectType::Tree, tree)));
        server.raw(&[(ZERO, &tip, FINE.as_bytes())], &pack(&sent)).is_refused(&["does not say what it names"]);
    }
    let pushed = server.raw(&[(ZERO, &missing.to_string(), FINE.as_bytes())], &pack(&[(ObjectType::Tree, empty)]));
    pushed.is_refused(&["the object 090909090909 is missing"]);
    // A parent that is no id; and a second tree, which git takes for nothing.
    for (odd, is_fine) in [("parent xyz".to_owned(), false), (format!("tree {}", Oid([8; 20])), true)] {
        let commit = format!("tree {empty_id}\n{odd}\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nx");
        let tip = object_id(ObjectType::Commit, commit.as_bytes()).to_string();
        let sent = pack(&[(ObjectType::Tree, encode_tree(Vec::new())), (ObjectType::Commit, commit.into_bytes())]);
        let pushed = server.raw(&[(ZERO, &tip, FINE.as_bytes())], &sent);
        if is_fine { pushed.passes_silently() } else { pushed.is_refused(&["does not say what it names"]) }
    }
}

/// The environment of a hook with a quarantine of our making.
fn in_quarantine(server: &Server, quarantine: &std::path::Path, line: &str) -> crate::common::run::Outcome {
    Audit::new(&["hook", "pre-receive"])
        .from(server.path())
        .variable("GIT_DIR", ".")
        .variable("GIT_OBJECT_DIRECTORY", quarantine)
        .variable("GIT_ALTERNATE_OBJECT_DIRECTORIES", server.path().join("objects"))
        .input(line.as_bytes())
        .run()
}

#[test]
fn a_corrupt_quarantine_is_refused_with_a_reason() {
    let server = Server::new();
    let mut client = Repo::bare();
    let tip = client.commit_on(MAIN, &[("a", Some(&"a line\n".repeat(500)))], "fine").to_string();
    client.finish();
    let line = format!("{ZERO} {tip} refs/heads/main\n");
    client.git(&["repack", "-q", "-a", "-d"]);
    let sound = client.path().join("objects");
    assert_eq!(in_quarantine(&server, &sound, &line).code, Some(0));
    let pack_dir = sound.join("pack");
    let entry =
        std::fs::read_dir(&pack_dir).unwrap().flatten().find(|it| it.path().extension().is_some_and(|e| e == "pack"));
    let path = entry.unwrap().path();
    let bytes = std::fs::read(&path).unwrap();
    let writable = |path: &std::path::Path| {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    };
    writable(&path);
    let mut random = fastrand::Rng::with_seed(7);
    for round in 0..40 {
        let mut damaged = bytes.clone();
        if round % 2 == 0 {
            damaged.truncate(random.usize(..bytes.len() - 20));
        } else {
            let at = random.usize(12..bytes.len() - 20);
            damaged[at] ^= 1 << random.u8(..8);
        }
        std::fs::write(&path, damaged).unwrap();
        let outcome = in_quarantine(&server, &sound, &line);
        // Whatever was damaged: a byte that nothing rests on may be as it likes, a reason is given for all else.
        match outcome.code {
            Some(0) => assert_eq!(round % 2, 1),
            Some(1) => assert!(outcome.errors().starts_with("error: clerk-audit refuses"), "{}", outcome.errors()),
            other => panic!("round {round}: {other:?} {}", outcome.errors()),
        }
    }
    std::fs::write(&path, &bytes).unwrap();
    let index = path.with_extension("idx");
    std::fs::remove_file(&index).unwrap();
    let outcome = in_quarantine(&server, &sound, &line);
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.errors().contains("the pack has no index"), "{}", outcome.errors());
}

#[test]
fn a_quarantine_that_is_named_and_not_there_is_no_empty_one() {
    let server = Server::new();
    let mut client = Repo::bare();
    let tip = client.commit_on(MAIN, &[("a", Some("1"))], "fine").to_string();
    server.push(&mut client, &[MAIN]).passes_silently();
    let line = format!("{ZERO} {tip} refs/heads/other\n");
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(in_quarantine(&server, folder.path(), &line).code, Some(0));
    std::fs::write(folder.path().join("file"), "").unwrap();
    for name in ["none", "file", "file/none"] {
        let outcome = in_quarantine(&server, &folder.path().join(name), &line);
        assert_eq!(outcome.code, Some(1), "{name}");
        assert_eq!(outcome.errors().matches("what was pushed cannot be listed").count(), 1, "{}", outcome.errors());
    }
}

#[test]
fn truncated_loose_objects_are_refused_and_end() {
    let server = Server::new();
    let mut client = Repo::bare();
    let tip = client.commit_on(MAIN, &[("a", Some(&live_key(64).repeat(300)))], "big");
    let blob = client.blob(live_key(64).repeat(300)).to_string();
    client.finish();
    let path = client.path().join("objects").join(&blob[..2]).join(&blob[2..]);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    for length in [0, 1, 10, bytes.len() / 2] {
        std::fs::write(&path, &bytes[..length]).unwrap();
        let line = format!("{ZERO} {tip} refs/heads/main\n");
        let outcome = in_quarantine(&server, &client.path().join("objects"), &line);
        assert_eq!(outcome.code, Some(1), "{length}");
        assert!(outcome.errors().contains("cannot be read"), "{}", outcome.errors());
    }
}

#[test]
fn a_client_that_hangs_up_changes_nothing() {
    let server = Server::new();
    let key = live_key(65);
    // The hook's messages go to a pipe that nobody reads.
    server.hook("exec 3>&1; (\"$GATE\" hook pre-receive; echo $? >status) 2>&1 | true; exit $(cat status)");
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("a", Some(&key))], "bad");
    let pushed = server.push(&mut client, &[MAIN]);
    assert!(!pushed.accepted, "{}", pushed.all);
    assert_eq!(std::fs::read_to_string(server.path().join("status")).unwrap().trim(), "1");
}

#[test]
fn a_hook_that_is_killed_at_any_moment_accepts_no_key() {
    let server = Server::new();
    server.policy_with_ledger("");
    let killed = server.repo.beside("killed");
    super::installed::script(&killed, "#!/bin/sh\n");
    let outcome = Audit::new(&["hook", "install", "--binary"]).and(&killed).and(server.path()).run();
    assert_eq!(outcome.code, Some(0), "{}", outcome.errors());
    // The hook of the test's own is kept, and is not to be asked.
    server.hook_named("pre-receive.kept", "exit 0");
    let mut random = fastrand::Rng::with_seed(11);
    let mut ended = 0;
    for number in 0..200u64 {
        let delay = random.u32(0..30);
        let text = format!(
            "#!/bin/sh\n(sleep 0.{delay:03}; kill -9 $$) </dev/null >/dev/null 2>&1 &\nexec '{}' \"$@\"\n",
            env!("CARGO_BIN_EXE_clerk-audit")
        );
        std::fs::write(&killed, text).unwrap();
        std::fs::set_permissions(&killed, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let key = live_key(20_000 + number);
        let (tip, objects) = one_commit(&key);
        let pushed = server.raw(&[(ZERO, &tip, b"refs/heads/main")], &pack(&objects));
        assert!(!pushed.accepted, "round {number}, {delay} ms: {}", pushed.all);
        assert_eq!(server.value(MAIN), None);
        assert!(pushed.all.contains("pre-receive hook declined"), "{}", pushed.all);
        // By the gate where there was time, by the script where not.
        pushed.is_refused(&[]);
        ended += usize::from(pushed.said.contains("was ended before it could say why (status 137)"));
    }
    assert!(ended > 0, "none was ended in time: that is no test of it");
    server.has_a_ledger_that_can_be_read();
    server.is_sound();
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("a", Some("1"))], "fine");
    server.hook("exec \"$GATE\" hook pre-receive");
    server.push(&mut client, &[MAIN]).passes_silently();
}
