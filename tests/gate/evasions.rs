//! Ways to talk the gate out of what it sees: names that lead out of the refs, refs that are out of force, input that
//! was cut to look whole, variables that point elsewhere, pools behind pools, settings of the repository's own.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::support::{MAIN, Server, ZERO, pack, push, raw_with};
use crate::common::fixture::Repo;
use crate::common::fixture::objects::{Commit, Files, Mode, ObjectType, Oid, Tag, encode_tree, object_id};
use crate::common::git;
use crate::common::run::Audit;
use crate::common::secrets::live_key;

const GATE: &str = "exec \"$GATE\" hook pre-receive";

/// As many clients: no atomic pushes, so that one ref may fail and the next be made.
const NOT_ATOMIC: &str = "report-status side-band-64k";

/// A server that has objects of a commit with a key, unreachable; the commit.
fn with_a_bad_commit(key: &str) -> (Server, Repo, String) {
    let server = Server::new();
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("a", Some("1"))], "first");
    server.push(&mut client, &[MAIN]).passes_silently();
    client.branch("refs/heads/bad", MAIN);
    let bad = client.commit_on("refs/heads/bad", &[("b", Some(key))], "bad").to_string();
    server.hook("exit 0");
    server.push(&mut client, &["refs/heads/bad"]).passes();
    server.git(&["update-ref", "-d", "refs/heads/bad"]);
    server.hook(GATE);
    (server, client, bad)
}

#[test]
fn names_that_lead_out_of_the_refs_make_nothing_old() {
    let key = live_key(300);
    let (server, _client, bad) = with_a_bad_commit(&key);
    // What other repositories and other users of the host may write, and what git itself leaves lying.
    let outside = server.repo.beside("outside");
    std::fs::write(&outside, format!("{bad}\n")).unwrap();
    std::fs::write(server.path().join("ORIG_HEAD"), format!("{bad}\n")).unwrap();
    std::fs::write(server.path().join("refs/heads/left.lock"), format!("{bad}\n")).unwrap();
    let absolute = outside.as_os_str().as_bytes().to_vec();
    for name in [
        &b"refs/heads/../../ORIG_HEAD"[..],
        b"ORIG_HEAD",
        b"refs/heads/../../../outside",
        b"../outside",
        b"refs/./heads/../../ORIG_HEAD",
        b"refs/heads/left.lock",
        &absolute,
    ] {
        let commands = [(ZERO, bad.as_str(), name), (ZERO, bad.as_str(), &b"refs/heads/again"[..])];
        let pushed = raw_with(server.path(), NOT_ATOMIC, &commands, &pack(&[]));
        assert_eq!(server.value("refs/heads/again"), None, "{}: {}", String::from_utf8_lossy(name), pushed.all);
        pushed.is_refused_for(&key, &["b:1"]);
    }
}

#[test]
fn refs_that_are_out_of_force_make_nothing_old() {
    let key = live_key(301);
    for in_its_place in ["ref: refs/heads/main\n", "ref: refs/heads/nowhere\n", "no id\n", "ref: refs/../ORIG_HEAD\n"] {
        let (server, _client, bad) = with_a_bad_commit(&key);
        // Packed, and then another file of the same name: git goes by the file.
        server.git(&["update-ref", "refs/heads/x", &bad]);
        server.git(&["pack-refs", "--all"]);
        std::fs::write(server.path().join("ORIG_HEAD"), format!("{bad}\n")).unwrap();
        std::fs::create_dir_all(server.path().join("refs/heads")).unwrap();
        std::fs::write(server.path().join("refs/heads/x"), in_its_place).unwrap();
        // The hook by itself: git takes no push to such a ref for some of these.
        let outcome = Audit::new(&["hook", "pre-receive"])
            .from(server.path())
            .variable("GIT_DIR", ".")
            .input(format!("{ZERO} {bad} refs/heads/x\n").as_bytes())
            .run();
        assert_eq!(outcome.code, Some(1), "{in_its_place}: {}", outcome.errors());
        assert!(outcome.errors().contains("b:1"), "{in_its_place}: {}", outcome.errors());
    }
}

#[test]
fn a_ref_that_is_symbolic_or_a_link_keeps_its_history_old() {
    let key = live_key(302);
    let (server, _client, bad) = with_a_bad_commit(&key);
    server.git(&["update-ref", "refs/heads/real", &bad]);
    server.git(&["symbolic-ref", "refs/heads/symbolic", "refs/heads/real"]);
    symlink("real", server.path().join("refs/heads/link")).unwrap();
    for name in ["refs/heads/symbolic", "refs/heads/link", "refs/heads/new"] {
        server.raw(&[(ZERO, &bad, name.as_bytes())], &pack(&[])).said.lines().for_each(|line| {
            assert!(!line.contains("clerk-audit refuses"), "{name}: {line}");
        });
    }
}

#[test]
fn a_deletion_behind_which_the_rest_of_the_input_is_cut_off_is_no_deletion() {
    let server = Server::new();
    let mut client = Repo::bare();
    let first = client.commit_on(MAIN, &[("a", Some("1"))], "first").to_string();
    server.push(&mut client, &[MAIN]).passes_silently();
    let key = live_key(303);
    let blob = key.clone().into_bytes();
    let tree = encode_tree(vec![(b"b".to_vec(), Mode::File, object_id(ObjectType::Blob, &blob))]);
    let commit = Commit::new(object_id(ObjectType::Tree, &tree), &[], 1_700_000_000, "bad").encode();
    let bad = object_id(ObjectType::Commit, &commit).to_string();
    let sent = pack(&[(ObjectType::Blob, blob), (ObjectType::Tree, tree), (ObjectType::Commit, commit)]);
    // A driver of several hooks as gitolite has one. Debian's echo makes a line feed of \n and ends at \c: what is left
    // looks whole, and names one deletion.
    let by_echo = "stdin=`cat`\n/bin/dash -c 'echo \"$1\"' - \"$stdin\" | \"$GATE\" hook pre-receive";
    server.hook(by_echo);
    for pack_sent in [sent.as_slice(), &pack(&[])] {
        for name in [&b"refs/heads/gone\\n\\c"[..], b"refs/heads/gone\\012\\c"] {
            let commands = [(first.as_str(), ZERO, name), (ZERO, bad.as_str(), &b"refs/heads/x"[..])];
            let pushed = raw_with(server.path(), NOT_ATOMIC, &commands, pack_sent);
            assert_eq!(server.value("refs/heads/x"), None, "{}", pushed.all);
            pushed.is_refused(&["only deletes refs, but objects came along"]);
            git::run(git::command(server.path()), &["unpack-objects", "-q"], &sent);
        }
    }
    // Where another program than git calls the hook, what came along is looked at all the same.
    let another = Server::new();
    another.hook(&format!("export GITHUB_REPO_NAME=o/r\n{by_echo}"));
    let commands = [(first.as_str(), ZERO, &b"refs/heads/gone\\n\\c"[..]), (ZERO, bad.as_str(), &b"refs/heads/x"[..])];
    let pushed = raw_with(another.path(), NOT_ATOMIC, &commands, &sent);
    pushed.is_refused_for(&key, &["no ref of this push reaches it"]);
    // And a deletion that is one passes, whoever hands it on.
    server.push(&mut client, &["refs/heads/main:refs/heads/gone"]).passes();
    server.push(&mut client, &[":refs/heads/gone"]).passes_silently();
}

#[test]
fn a_policy_of_the_repository_counts_for_pushes_into_its_linked_worktrees() {
    let server = Server::of(Repo::with_work_tree());
    server.config("receive.denyCurrentBranch", "ignore");
    let key = live_key(304);
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("a", Some(&format!("1\n{key}\n")))], "long ago");
    server.hook("exit 0");
    server.push(&mut client, &[MAIN]).passes();
    server.hook(GATE);
    server.git(&["worktree", "add", "--quiet", "--detach", "../linked", MAIN]);
    server.policy_with_ledger("strict = true");
    client.commit_on(MAIN, &[("a", Some(&format!("2\n{key}\n")))], "edit");
    client.finish();
    let linked = server.repo.beside("linked");
    push(client.path(), &linked, &["refs/heads/main:refs/heads/x"]).is_refused_for(&key, &["a:2"]);
    assert_eq!(server.ledger().len(), 1);
    server.policy("nonsense = 1");
    push(client.path(), &linked, &["refs/heads/main:refs/heads/x"]).is_refused(&["is not valid", "nonsense"]);
    let outcome = Audit::new(&["hook", "doctor"]).and(&linked).run();
    assert!(outcome.text().contains("is not valid"), "{}", outcome.text());
}

#[test]
fn variables_of_gits_change_nothing_of_what_is_seen() {
    let key = live_key(305);
    let elsewhere = tempfile::tempdir().unwrap();
    let nothing = elsewhere.path().display();
    let grafts = elsewhere.path().join("grafts");
    for (number, setting) in [
        // What git itself would go by, were it asked.
        format!("GIT_GRAFT_FILE='{}'", grafts.display()),
        "GIT_REPLACE_REF_BASE=refs/heads/".to_owned(),
        format!("GIT_CEILING_DIRECTORIES='{nothing}' GIT_WORK_TREE='{nothing}' GIT_INDEX_FILE='{nothing}/index'"),
        format!("GIT_COMMON_DIR='{nothing}'"),
        "GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=extensions.objectFormat GIT_CONFIG_VALUE_0=sha256".to_owned(),
        "GIT_CONFIG_PARAMETERS=\"'core.repositoryFormatVersion'='9'\"".to_owned(),
        format!("GIT_CONFIG_GLOBAL='{nothing}/none' GIT_CONFIG_SYSTEM='{nothing}/none' HOME='{nothing}'"),
        "GIT_DEFAULT_HASH=sha256 GIT_DEFAULT_REF_FORMAT=reftable".to_owned(),
        "GIT_LITERAL_PATHSPECS=1 GIT_ATTR_SOURCE=HEAD GIT_NO_LAZY_FETCH=0 GIT_PROTOCOL=version=2".to_owned(),
        // One of the two variables leads to a place in which nothing is.
        format!("GIT_QUARANTINE_PATH='{nothing}'"),
        format!("GIT_OBJECT_DIRECTORY='{nothing}'"),
        format!("GIT_ALTERNATE_OBJECT_DIRECTORIES='{nothing}:':\"$GIT_ALTERNATE_OBJECT_DIRECTORIES\""),
        // The quarantine by another name among the places that are not looked at.
        "GIT_ALTERNATE_OBJECT_DIRECTORIES=\"$GIT_ALTERNATE_OBJECT_DIRECTORIES:$GIT_OBJECT_DIRECTORY/../$(basename \
         \"$GIT_OBJECT_DIRECTORY\")\""
            .to_owned(),
    ]
    .into_iter()
    .enumerate()
    {
        let server = Server::new();
        let mut client = Repo::bare();
        let first = client.commit_on(MAIN, &[("a", Some("1"))], "first");
        server.push(&mut client, &[MAIN]).passes_silently();
        std::fs::write(&grafts, format!("{first}\n")).unwrap();
        client.commit_on(MAIN, &[("b", Some(&key))], "bad");
        client.commit_on(MAIN, &[("b", None)], "good again");
        // No shell may stop at a variable that is missing, nor the gate where it is odd.
        server.hook(&format!("export {setting}\n{GATE}"));
        let pushed = server.push(&mut client, &[MAIN]);
        assert!(!pushed.accepted, "{number} {setting}: {}", pushed.all);
        pushed.is_refused_for(&key, &["b:1"]);
    }
}

/// Makes the objects of one directory be found behind another's, by this line.
fn stands_behind(server: &Server, line: &[u8]) {
    std::fs::create_dir_all(server.path().join("objects/info")).unwrap();
    std::fs::write(server.path().join("objects/info/alternates"), [line, b"\n"].concat()).unwrap();
}

#[test]
fn pools_behind_pools_are_read_however_they_are_named() {
    let key = live_key(306);
    // As fork networks have it: the path is one from the object directory, with and without dots at its beginning.
    for is_relative in [true, false] {
        let (pool, mut client, bad) = with_a_bad_commit(&key);
        let (middle, fork) = (Server::new(), Server::new());
        let objects = |server: &Server| server.path().join("objects");
        fork.push(&mut client, &[MAIN]).passes_silently();
        for (near, far) in [(&middle, &pool), (&fork, &middle)] {
            let link = near.path().join("objects/behind");
            symlink(objects(far), &link).unwrap();
            match is_relative {
                true => stands_behind(near, b"behind"),
                false => stands_behind(near, objects(far).as_os_str().as_bytes()),
            }
        }
        fork.raw(&[(ZERO, &bad, b"refs/heads/x")], &pack(&[])).is_refused_for(&key, &["b:1"]);
        let blob = object_id(ObjectType::Blob, key.as_bytes());
        fork.raw(&[(ZERO, &blob.to_string(), b"refs/tags/x")], &pack(&[])).is_refused_for(&key, &["that a ref names"]);
        // A new commit whose tree was in the pool all the while.
        let tree = pool.git(&["rev-parse", &format!("{bad}^{{tree}}")]);
        let commit = format!("tree {}\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nx", tree.trim());
        let tip = object_id(ObjectType::Commit, commit.as_bytes()).to_string();
        fork.raw(&[(ZERO, &tip, b"refs/heads/x")], &pack(&[(ObjectType::Commit, commit.into_bytes())]))
            .is_refused_for(&key, &["b:1"]);
        assert_eq!(fork.value("refs/heads/x"), None);
    }
}

#[test]
fn odd_refs_that_are_there_already_neither_stop_the_gate_nor_blind_it() {
    let key = live_key(307);
    let server = Server::new();
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("a", Some("1"))], "first");
    let blob = client.blob("a file");
    let tree = client.tree(&Files::from([(b"f".to_vec(), (Mode::File, blob))]));
    let of_tree = client.tag(&Tag {
        target: tree,
        target_type: ObjectType::Tree,
        name: "t".to_owned(),
        tagger: None,
        message: b"m".to_vec(),
    });
    for (name, target) in [("refs/tags/blob", blob), ("refs/tags/tree", tree), ("refs/tags/of-tree", of_tree)] {
        client.set_ref(name, target);
    }
    server.push(&mut client, &["refs/*:refs/*"]).passes_silently();
    // A commit that other programs cannot parse, on a branch of its own.
    let odd = format!("tree {tree}\n\nno author and no committer\n").into_bytes();
    let odd_id = object_id(ObjectType::Commit, &odd).to_string();
    server.raw(&[(ZERO, &odd_id, b"refs/heads/odd")], &pack(&[(ObjectType::Commit, odd)])).passes_silently();
    let heads = server.path().join("refs/heads");
    std::fs::copy(heads.join("main"), heads.join(std::ffi::OsStr::from_bytes(b"not-\xff-UTF-8"))).unwrap();
    server.git(&["symbolic-ref", "refs/heads/dangling", "refs/heads/nowhere"]);
    for packed in [false, true] {
        if packed {
            server.git(&["pack-refs", "--all"]);
        }
        client.branch("refs/heads/topic", MAIN);
        client.commit_on("refs/heads/topic", &[("c", Some(&packed.to_string()))], "fine");
        server.push(&mut client, &["--force", "refs/heads/topic"]).passes_silently();
        client.commit_on("refs/heads/topic", &[("d", Some(&key))], "bad");
        server.push(&mut client, &["--force", "refs/heads/topic"]).is_refused_for(&key, &["d:1"]);
        let another = client.commit_on("refs/heads/another", &[("e", Some(&key))], "unrelated");
        server.push(&mut client, &["refs/heads/another"]).is_refused_for(&key, &["e:1"]);
        client.delete_ref("refs/heads/another");
        assert_ne!(another, Oid([0; 20]));
    }
}

#[test]
fn what_only_a_hidden_ref_reaches_is_old_and_hidden_refs_are_guarded() {
    let key = live_key(308);
    let (server, mut client, bad) = with_a_bad_commit(&key);
    server.git(&["update-ref", "refs/hidden/kept", &bad]);
    server.config("transfer.hideRefs", "refs/hidden");
    for packed in [false, true] {
        if packed {
            server.git(&["pack-refs", "--all"]);
        }
        server.raw(&[(ZERO, &bad, format!("refs/heads/old-{packed}").as_bytes())], &pack(&[])).passes_silently();
        server.git(&["update-ref", "-d", &format!("refs/heads/old-{packed}")]);
    }
    // git refuses an update of a hidden ref, and asks the hook all the same.
    let other = live_key(309);
    client.commit_on(MAIN, &[("c", Some(&other))], "bad");
    server.push(&mut client, &["refs/heads/main:refs/hidden/new"]).is_refused_for(&other, &["c:1"]);
}

#[test]
fn a_server_whose_own_history_is_cut_is_guarded() {
    let key = live_key(310);
    let mut origin = Repo::bare();
    let old = origin.commit_on(MAIN, &[("a", Some(&key))], "one").to_string();
    origin.commit_on(MAIN, &[("a", Some("2"))], "two");
    origin.finish();
    let server = origin.beside("server");
    let url = format!("file://{}", origin.path().display());
    let target = server.display().to_string();
    git::run(git::command(origin.path()), &["clone", "--quiet", "--bare", "--depth", "1", &url, &target], b"");
    let hooks = server.join("hooks");
    std::fs::create_dir_all(&hooks).unwrap();
    symlink(env!("CARGO_BIN_EXE_clerk-audit"), hooks.join("gate")).unwrap();
    let hook = hooks.join("pre-receive");
    std::fs::write(&hook, "#!/bin/sh\nexec hooks/gate hook pre-receive\n").unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    origin.commit_on(MAIN, &[("b", Some("3"))], "three");
    origin.finish();
    push(origin.path(), &server, &[MAIN]).passes_silently();
    // What is behind the cut was never here: it is new, whatever the commit in front of it says.
    origin.finish();
    let sent = git::run(
        git::command(origin.path()),
        &["pack-objects", "--revs", "--stdout", "-q"],
        format!("{old}\n").as_bytes(),
    );
    super::support::raw(&server, &[(ZERO, &old, b"refs/heads/old")], &sent).is_refused_for(&key, &["a:1"]);
}

#[test]
fn a_commit_of_more_parents_than_other_programs_can_count_is_walked() {
    let key = live_key(311);
    let server = Server::new();
    let tree = encode_tree(Vec::new());
    let empty = object_id(ObjectType::Tree, &tree);
    let blob = key.clone().into_bytes();
    let bad_tree = encode_tree(vec![(b"k".to_vec(), Mode::File, object_id(ObjectType::Blob, &blob))]);
    let root = Commit::new(empty, &[], 1, "root").encode();
    let bad = Commit::new(object_id(ObjectType::Tree, &bad_tree), &[], 1, "the last of many").encode();
    let mut parents = vec![object_id(ObjectType::Commit, &root); 70_000];
    parents.push(object_id(ObjectType::Commit, &bad));
    let merge = Commit::new(empty, &parents, 2, "many").encode();
    let tip = object_id(ObjectType::Commit, &merge).to_string();
    let sent = [
        (ObjectType::Tree, tree),
        (ObjectType::Blob, blob),
        (ObjectType::Tree, bad_tree),
        (ObjectType::Commit, root),
        (ObjectType::Commit, bad),
        (ObjectType::Commit, merge),
    ];
    server.raw(&[(ZERO, &tip, MAIN.as_bytes())], &pack(&sent)).is_refused_for(&key, &["k:1"]);
}

#[test]
fn a_push_for_review_is_examined_before_anyone_takes_it() {
    let key = live_key(312);
    let server = Server::new();
    server.config("receive.procReceiveRefs", "refs/for");
    // It would take everything, and says that it was asked.
    server.hook_named("proc-receive", "touch asked\nexit 1");
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("a", Some(&key))], "for review");
    server.push(&mut client, &["refs/heads/main:refs/for/main/topic"]).is_refused_for(&key, &["a:1"]);
    assert!(!server.path().join("asked").exists());
    client.commit_on(MAIN, &[("a", Some("1"))], "fine");
    client.branch("refs/heads/clean", MAIN);
    let mut clean = Repo::bare();
    clean.commit_on(MAIN, &[("a", Some("1"))], "fine");
    let pushed = server.push(&mut clean, &["refs/heads/main:refs/for/main/topic"]);
    assert!(!pushed.said.contains("clerk-audit"), "{}", pushed.said);
    assert!(server.path().join("asked").exists());
}

#[test]
fn an_index_of_many_packs_that_is_written_in_parts_hides_nothing() {
    let server = Server::new();
    server.config("receive.unpackLimit", "1");
    let mut client = Repo::bare();
    let key = live_key(313);
    for number in 0..4 {
        client.commit_on(MAIN, &[("a", Some(&number.to_string()))], "more");
        server.push(&mut client, &[MAIN]).passes_silently();
        let mut command = git::command(server.path());
        command.args(["multi-pack-index", "write", "--incremental"]);
        // A git before 2.47 has no such thing.
        if !git::answer(command, b"").success {
            server.git(&["multi-pack-index", "write"]);
        }
    }
    client.commit_on(MAIN, &[("b", Some(&key))], "bad");
    server.push(&mut client, &[MAIN]).is_refused_for(&key, &["b:1"]);
    client.commit_on(MAIN, &[("b", None)], "still in the history");
    server.push(&mut client, &[MAIN]).is_refused_for(&key, &["b:1"]);
}

#[test]
fn attributes_filters_and_settings_of_the_pushed_tree_and_of_the_repository_change_nothing() {
    let key = live_key(314);
    let server = Server::new();
    std::fs::create_dir_all(server.path().join("info")).unwrap();
    std::fs::write(server.path().join("info/attributes"), "* -diff -text filter=none export-ignore\n").unwrap();
    for (name, value) in [
        ("core.attributesFile", "/nonexistent"),
        ("core.bigFileThreshold", "1"),
        ("core.logAllRefUpdates", "always"),
        ("core.alternateRefsCommand", "exit 0 #"),
        ("core.useReplaceRefs", "true"),
        ("receive.fsckObjects", "true"),
        ("fsck.skipList", "/dev/null"),
        ("filter.none.clean", "true"),
    ] {
        server.config(name, value);
    }
    let mut client = Repo::bare();
    let attributes = "* -diff -text binary filter=none diff=none\n";
    client.commit_on(MAIN, &[(".gitattributes", Some(attributes)), ("a", Some("1"))], "first");
    server.push(&mut client, &[MAIN]).passes_silently();
    // It lies there as if it were a repository of its own.
    client.commit_on(MAIN, &[("sub/HEAD", Some("ref: x\n")), ("sub/config", Some(&format!("k = {key}\n")))], "bad");
    server.push(&mut client, &[MAIN]).is_refused_for(&key, &["sub/config:1"]);
}

#[test]
fn what_another_namespace_reaches_is_old_for_the_gate_as_for_git() {
    let key = live_key(315);
    let (server, _client, bad) = with_a_bad_commit(&key);
    // git takes what any namespace reaches for old, and so does the gate: it is there, and was looked at when it came.
    server.git(&["update-ref", "refs/namespaces/team/refs/heads/x", &bad]);
    server.raw(&[(ZERO, &bad, b"refs/heads/x")], &pack(&[])).passes_silently();
    server.git(&["update-ref", "-d", "refs/heads/x"]);
    server.git(&["update-ref", "-d", "refs/namespaces/team/refs/heads/x"]);
    server.raw(&[(ZERO, &bad, b"refs/heads/x")], &pack(&[])).is_refused_for(&key, &["b:1"]);
    assert!(Path::new(server.path()).join("objects").is_dir());
}

#[test]
fn what_a_tag_or_a_tree_that_is_there_holds_is_not_introduced() {
    let key = live_key(316);
    let content = format!("KEY={key}\n");
    for packed in [false, true] {
        for of_tree in [false, true] {
            let server = Server::new();
            let mut client = Repo::bare();
            let commit = client.commit_on(MAIN, &[("config/env", Some(&content))], "released long ago");
            let blob = client.blob(content.clone());
            let tree = client.tree(&Files::from([(b"config/env".to_vec(), (Mode::File, blob))]));
            let (target, target_type) = if of_tree { (tree, ObjectType::Tree) } else { (commit, ObjectType::Commit) };
            let inner = Tag { target, target_type, name: "v1".to_owned(), tagger: None, message: b"one\n".to_vec() };
            let inner = client.tag(&inner);
            // A tag of a tag, and nothing but it names what holds the key.
            let outer = Tag {
                target: inner,
                target_type: ObjectType::Tag,
                name: "v1-signed".to_owned(),
                tagger: None,
                message: b"two\n".to_vec(),
            };
            let outer = client.tag(&outer);
            client.set_ref("refs/tags/v1", outer);
            server.hook("exit 0");
            server.push(&mut client, &["refs/tags/v1"]).passes();
            server.hook(GATE);
            if packed {
                server.git(&["pack-refs", "--all"]);
            }
            let mut other = Repo::bare();
            other.commit_on(MAIN, &[("config/env", Some(&content)), ("more", Some("1"))], "another history");
            server.push(&mut other, &[MAIN]).passes_silently();
            // At another path it is introduced all the same.
            other.commit_on(MAIN, &[("copy", Some(&content))], "copy");
            server.push(&mut other, &[MAIN]).is_refused_for(&key, &["copy:1"]);
            server.raw(&[(ZERO, &target.to_string(), b"refs/tags/light")], &pack(&[])).passes_silently();
        }
    }
}

#[test]
fn what_stands_in_the_place_of_a_tree_and_is_none_is_refused() {
    let key = live_key(317);
    let (server, mut client, bad) = with_a_bad_commit(&key);
    let blob = client.blob(key.clone());
    let old_tag = format!("object {blob}\ntype blob\ntag t\n\n{key}\n").into_bytes();
    let tag = object_id(ObjectType::Tag, &old_tag);
    git::run(git::command(server.path()), &["unpack-objects", "-q"], &pack(&[(ObjectType::Tag, old_tag)]));
    // All of it lies in the store, unreachable, and nothing of it is sent. git takes none of these where it looks at what
    // hangs together; on some hosts it is told not to look.
    let bad = Oid(std::array::from_fn(|at| u8::from_str_radix(&bad[2 * at..2 * at + 2], 16).unwrap()));
    for inner in [blob, bad, tag] {
        let directory = encode_tree(vec![(b"d".to_vec(), Mode::Directory, inner)]);
        let below = object_id(ObjectType::Tree, &directory);
        for (tree, sent) in [(inner, Vec::new()), (below, vec![(ObjectType::Tree, directory)])] {
            let commit = Commit::new(tree, &[], 1_700_000_000, "odd").encode();
            let tip = object_id(ObjectType::Commit, &commit);
            let sent = [sent, vec![(ObjectType::Commit, commit)]].concat();
            let quarantine = Repo::bare();
            git::run(git::command(quarantine.path()), &["unpack-objects", "-q"], &pack(&sent));
            let outcome = Audit::new(&["hook", "pre-receive"])
                .from(server.path())
                .variable("GIT_DIR", ".")
                .variable("GIT_QUARANTINE_PATH", quarantine.path().join("objects"))
                .input(format!("{ZERO} {tip} refs/heads/x\n").as_bytes())
                .run();
            assert_eq!(outcome.code, Some(1), "{}", outcome.errors());
            assert!(outcome.errors().contains("does not say what it names"), "{}", outcome.errors());
        }
    }
}
