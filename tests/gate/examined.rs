//! What is examined: the union of what came along and what the push newly reaches.

use std::os::unix::ffi::OsStrExt;

use super::support::{MAIN, Pushed, Server, ZERO, pack, push};
use crate::common::fixture::Repo;
use crate::common::fixture::objects::{Commit, Files, Mode, ObjectType, Tag, encode_tree};
use crate::common::git;
use crate::common::secrets::{Alphabet, Padding, base64, live_key, utf16le};

fn commit_of(
    files: &[(&str, Mode, crate::common::fixture::objects::Oid)],
    parents: &[crate::common::fixture::objects::Oid],
) -> (Vec<u8>, Vec<u8>) {
    let tree = encode_tree(files.iter().map(|(name, mode, oid)| (name.as_bytes().to_vec(), *mode, *oid)).collect());
    let id = crate::common::fixture::objects::object_id(ObjectType::Tree, &tree);
    (tree, Commit::new(id, parents, 1_700_000_000, "made by hand").encode())
}

fn id(kind: ObjectType, bytes: &[u8]) -> crate::common::fixture::objects::Oid {
    crate::common::fixture::objects::object_id(kind, bytes)
}

#[test]
fn loose_and_packed_quarantines_are_read() {
    for limit in ["1", "1000"] {
        let server = Server::new();
        server.config("receive.unpackLimit", limit);
        let mut client = Repo::bare();
        let key = live_key(30);
        client.commit_on(MAIN, &[("a", Some("fine"))], "fine");
        server.push(&mut client, &[MAIN]).passes_silently();
        client.commit_on(MAIN, &[("b", Some(&key))], "bad");
        server.push(&mut client, &[MAIN]).is_refused_for(&key, &["b:1"]);
        server.is_sound();
    }
}

#[test]
fn encoded_keys_are_found() {
    let server = Server::new();
    let key = live_key(31);
    for content in [utf16le(&key), base64(key.as_bytes(), Alphabet::Standard, Padding::Full).into_bytes()] {
        let mut client = Repo::bare();
        let blob = client.blob(content);
        let files = Files::from([(b"f".to_vec(), (Mode::File, blob))]);
        client.commit_files(MAIN, files, &[], "encoded");
        server.push(&mut client, &[MAIN]).is_refused_for(&key, &["f"]);
    }
}

#[test]
fn an_extra_object_that_nothing_reaches_is_found() {
    let server = Server::new();
    let key = live_key(32);
    for (kind, extra) in [
        (ObjectType::Blob, key.clone().into_bytes()),
        (ObjectType::Commit, Commit::new(id(ObjectType::Tree, b""), &[], 1, &key).encode()),
        (ObjectType::Tag, format!("object {}\ntype tree\ntag x\n\n{key}", id(ObjectType::Tree, b"")).into_bytes()),
    ] {
        let (tree, commit) = commit_of(&[], &[]);
        let tip = id(ObjectType::Commit, &commit).to_string();
        let sent = pack(&[(ObjectType::Tree, tree), (ObjectType::Commit, commit), (kind, extra)]);
        let pushed = server.raw(&[(ZERO, &tip, b"refs/heads/main")], &sent);
        pushed.is_refused_for(&key, &["no ref of this push reaches it"]);
    }
}

#[test]
fn an_object_that_lay_unreachable_is_found_with_an_empty_pack() {
    let server = Server::new();
    let key = live_key(33);
    let mut client = Repo::bare();
    let bad = client.commit_on("refs/heads/bad", &[("a", Some(&key))], "bad");
    server.hook("exit 0");
    server.push(&mut client, &["refs/heads/bad"]).passes();
    server.git(&["update-ref", "-d", "refs/heads/bad"]);
    server.hook("exec \"$GATE\" hook pre-receive");
    let pushed = server.raw(&[(ZERO, &bad.to_string(), b"refs/heads/again")], &pack(&[]));
    pushed.is_refused_for(&key, &["a:1"]);
    let blob = client.blob(key.clone()).to_string();
    server.raw(&[(ZERO, &blob, b"refs/tags/blob")], &pack(&[])).is_refused_for(&key, &["that a ref names:1"]);
}

#[test]
fn a_new_tree_that_names_an_old_unreachable_blob_is_refused() {
    let server = Server::new();
    let key = live_key(34);
    let mut client = Repo::bare();
    client.commit_on("refs/heads/bad", &[("a", Some(&key))], "bad");
    server.hook("exit 0");
    server.push(&mut client, &["refs/heads/bad"]).passes();
    server.git(&["update-ref", "-d", "refs/heads/bad"]);
    server.hook("exec \"$GATE\" hook pre-receive");
    let (tree, commit) = commit_of(&[("b", Mode::File, client.blob(key.clone()))], &[]);
    let tip = id(ObjectType::Commit, &commit).to_string();
    let sent = pack(&[(ObjectType::Tree, tree), (ObjectType::Commit, commit)]);
    server.raw(&[(ZERO, &tip, b"refs/heads/main")], &sent).is_refused_for(&key, &["b:1"]);
}

#[test]
fn a_fork_that_shares_a_pool_is_told_what_the_pool_has() {
    let pool = Server::new();
    let key = live_key(35);
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("a", Some("1"))], "first");
    pool.hook("exit 0");
    pool.push(&mut client, &[MAIN]).passes();
    let fork = Server::new();
    fork.push(&mut client, &[MAIN]).passes();
    client.commit_on(MAIN, &[("b", Some(&key))], "bad");
    pool.push(&mut client, &[MAIN]).passes();
    let alternates = fork.path().join("objects/info/alternates");
    std::fs::write(alternates, format!("{}\n", pool.path().join("objects").display())).unwrap();
    fork.push(&mut client, &[MAIN]).is_refused_for(&key, &["b:1"]);
    let tip = client.git(&["rev-parse", MAIN]);
    let tip = String::from_utf8(tip).unwrap();
    fork.raw(&[(ZERO, tip.trim(), b"refs/heads/x")], &pack(&[])).is_refused_for(&key, &["b:1"]);
}

#[test]
fn the_old_id_is_not_believed() {
    let server = Server::new();
    let key = live_key(36);
    let mut client = Repo::bare();
    let first = client.commit_on(MAIN, &[("a", Some("1"))], "first");
    server.push(&mut client, &[MAIN]).passes();
    let bad = client.commit_on(MAIN, &[("b", Some(&key))], "bad");
    client.commit_on(MAIN, &[("b", None)], "good");
    client.finish();
    let sent = git::run(
        git::command(client.path()),
        &["pack-objects", "--revs", "--stdout", "-q"],
        format!("{MAIN}\n^{first}\n").as_bytes(),
    );
    let tip = String::from_utf8(client.git(&["rev-parse", MAIN])).unwrap();
    // The old id is the bad commit: a range from it would leave that out.
    let pushed = server.raw(&[(&bad.to_string(), tip.trim(), b"refs/heads/main")], &sent);
    pushed.is_refused_for(&key, &["b:1"]);
}

#[test]
fn every_line_of_a_push_of_many_refs_is_examined() {
    let server = Server::new();
    let key = live_key(37);
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("a", Some("1"))], "first");
    for number in 0..1_000 {
        client.branch(&format!("refs/heads/b{number:03}"), MAIN);
    }
    client.branch("refs/heads/zzz", MAIN);
    client.commit_on("refs/heads/zzz", &[("z", Some(&key))], "the last of all");
    server.push(&mut client, &["refs/heads/*:refs/heads/*"]).is_refused_for(&key, &["z:1"]);
    assert_eq!(server.git(&["for-each-ref"]), "");
    client.commit_on("refs/heads/zzz", &[("z", None)], "x");
    client.delete_ref("refs/heads/zzz");
    server.push(&mut client, &["refs/heads/*:refs/heads/*"]).passes_silently();
}

#[test]
fn tags_of_anything_and_notes_are_examined() {
    let key = live_key(38);
    let mut client = Repo::bare();
    let blob = client.blob(key.clone());
    let tree = client.tree(&Files::from([(b"deep/f".to_vec(), (Mode::File, blob))]));
    let tag = |client: &mut Repo, target, target_type| {
        client.tag(&Tag { target, target_type, name: "t".to_owned(), tagger: None, message: b"m".to_vec() })
    };
    let of_blob = tag(&mut client, blob, ObjectType::Blob);
    let nested = tag(&mut client, of_blob, ObjectType::Tag);
    let of_tree = tag(&mut client, tree, ObjectType::Tree);
    for (name, target, place) in [
        ("refs/tags/blob", blob, "that a ref names:1"),
        ("refs/tags/of-blob", of_blob, "that a ref names:1"),
        ("refs/tags/nested", nested, "that a ref names:1"),
        ("refs/tags/tree", tree, "deep/f:1"),
        ("refs/tags/of-tree", of_tree, "deep/f:1"),
    ] {
        client.set_ref(name, target);
        Server::new().push(&mut client, &[name]).is_refused_for(&key, &[place]);
    }
    client.commit_on("refs/notes/commits", &[("ab/cdef", Some(&key))], "Notes added");
    Server::new().push(&mut client, &["refs/notes/commits"]).is_refused_for(&key, &["ab/cdef:1"]);
}

#[test]
fn a_shallow_push_is_examined_and_its_cut_parents_are_not_missing() {
    let server = Server::new();
    server.config("receive.shallowUpdate", "true");
    let mut origin = Repo::bare();
    origin.commit_on(MAIN, &[("a", Some("1"))], "one");
    origin.commit_on(MAIN, &[("a", Some("2"))], "two");
    origin.finish();
    let clone = origin.beside("clone");
    let url = format!("file://{}", origin.path().display());
    let target = clone.display().to_string();
    git::run(git::command(origin.path()), &["clone", "--quiet", "--bare", "--depth", "1", &url, &target], b"");
    push(&clone, server.path(), &[MAIN]).passes_silently();
    let key = live_key(39);
    origin.commit_on(MAIN, &[("b", Some(&key))], "three");
    origin.finish();
    let other = origin.beside("other");
    let target = other.display().to_string();
    git::run(git::command(origin.path()), &["clone", "--quiet", "--bare", "--depth", "1", &url, &target], b"");
    push(&other, server.path(), &["refs/heads/main:refs/heads/x"]).is_refused_for(&key, &["b:1"]);
}

#[test]
fn a_namespace_is_pushed_to_under_the_gate() {
    let server = Server::new();
    let key = live_key(40);
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("a", Some("1"))], "first");
    client.finish();
    let pushed = |client: &Repo| -> Pushed {
        let url = format!("ext::git --namespace=team %s {}", server.path().display());
        let mut command = git::command(client.path());
        command.args(["-c", "protocol.ext.allow=always", "push", &url, MAIN]);
        let answer = git::answer(command, b"");
        Pushed { accepted: answer.success, said: said(&answer.stderr), all: answer.stderr }
    };
    pushed(&client).passes_silently();
    assert!(server.value("refs/namespaces/team/refs/heads/main").is_some());
    client.commit_on(MAIN, &[("b", Some(&key))], "bad");
    client.finish();
    pushed(&client).is_refused_for(&key, &["b:1"]);
}

fn said(stderr: &str) -> String {
    let lines = stderr.split(['\n', '\r']).filter_map(|line| line.strip_prefix("remote: "));
    lines.map(|line| format!("{}\n", line.trim_end())).collect()
}

#[test]
fn paths_with_colons_and_quotes_are_found_again() {
    for name in [&b"co:lon"[..], b"\"quo\\ted", b"new\nline", b"not UTF-8 \xff\xfe"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(std::ffi::OsStr::from_bytes(name));
        std::fs::create_dir(&path).unwrap();
        git::run(git::command(&path), &["init", "--quiet", "--bare", "--template="], b"");
        let hooks = path.join("hooks");
        std::fs::create_dir(&hooks).unwrap();
        let gate = env!("CARGO_BIN_EXE_clerk-audit");
        std::os::unix::fs::symlink(gate, hooks.join("gate")).unwrap();
        std::fs::write(hooks.join("pre-receive"), format!("#!/bin/sh\nexec '{gate}' hook pre-receive\n")).unwrap();
        std::fs::set_permissions(hooks.join("pre-receive"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
        let mut client = Repo::bare();
        client.commit_on(MAIN, &[("a", Some("1"))], "first");
        client.finish();
        push(client.path(), &path, &[MAIN]).passes_silently();
        let key = live_key(41);
        client.commit_on(MAIN, &[("b", Some(&key))], "bad");
        client.finish();
        push(client.path(), &path, &[MAIN]).is_refused_for(&key, &["b:1"]);
    }
}

#[test]
fn replaced_objects_are_read_as_they_are() {
    let server = Server::new();
    let key = live_key(42);
    let mut client = Repo::bare();
    let decoy = client.blob("nothing here");
    let bad = client.blob(key.clone());
    client.set_ref(&format!("refs/replace/{bad}"), decoy);
    server.push(&mut client, &["refs/replace/*:refs/replace/*"]).passes_silently();
    let files = Files::from([(b"f".to_vec(), (Mode::File, bad))]);
    client.commit_files(MAIN, files, &[], "bad");
    server.push(&mut client, &[MAIN]).is_refused_for(&key, &["f:1"]);
}

#[test]
fn clocks_that_ran_wrong_refuse_nothing_that_is_old() {
    let server = Server::new();
    let key = live_key(43);
    let mut client = Repo::bare();
    let blob = client.blob(key);
    let large = client.blob("a file that is over the limit\n".repeat(100));
    let files = [(b"old".to_vec(), (Mode::File, blob)), (b"large".to_vec(), (Mode::File, large))];
    let tree = client.tree(&Files::from(files));
    // Ten commits dated before their parents, the first of which holds a key; then a branch from within.
    let mut parent = client.commit(&Commit::new(tree, &[], 1_700_000_000, "old"));
    let mut within = parent;
    for number in 0..10i64 {
        let empty = client.tree(&Files::new());
        parent = client.commit(&Commit::new(empty, &[parent], 1_600_000_000 - number * 10_000_000, "skewed"));
        if number == 0 {
            within = parent;
        }
    }
    let tip = client.commit(&Commit::new(tree, &[parent], 1_000_000_000, "far behind"));
    client.set_ref(MAIN, tip);
    server.hook("exit 0");
    server.push(&mut client, &[MAIN]).passes();
    server.hook("exec \"$GATE\" hook pre-receive");
    let clean = client.tree(&Files::new());
    let topic = client.commit(&Commit::new(clean, &[within], 1_700_000_001, "topic"));
    client.set_ref("refs/heads/topic", topic);
    server.push(&mut client, &["refs/heads/topic"]).passes();
    // The old commit itself, which a walk by dates does not see to be old.
    client.set_ref("refs/heads/old", within);
    server.push(&mut client, &["refs/heads/old"]).passes();
    // What old commits have may be over a limit or closed, or have a key: none of it is this push's.
    let zeros = client.commit(&Commit::new(clean, &[within], 1_700_000_002, "another"));
    client.set_ref("refs/heads/another", zeros);
    for policy in ["strict = true", "[limits]\nobject_bytes = 400"] {
        server.policy(policy);
        server.push(&mut client, &["refs/heads/another"]).passes();
        server.git(&["update-ref", "-d", "refs/heads/another"]);
    }
}

#[test]
fn repositories_of_sha256_and_with_reftables_are_guarded() {
    for options in [vec!["--object-format=sha256"], vec!["--ref-format=reftable"]] {
        let folder = tempfile::tempdir().unwrap();
        let (server, client) = (folder.path().join("server"), folder.path().join("client"));
        for (path, bare) in [(&server, "--bare"), (&client, "--quiet")] {
            std::fs::create_dir(path).unwrap();
            let all = [&["init", "--quiet", "--template=", bare], options.as_slice()].concat();
            git::run(git::command(path), &all, b"");
        }
        std::fs::create_dir(server.join("hooks")).unwrap();
        let hook = server.join("hooks/pre-receive");
        std::fs::write(&hook, format!("#!/bin/sh\nexec '{}' hook pre-receive\n", env!("CARGO_BIN_EXE_clerk-audit")))
            .unwrap();
        std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let commit = |name: &str, content: &str| {
            std::fs::write(client.join(name), content).unwrap();
            git::run(git::command(&client), &["add", "."], b"");
            git::run(git::command(&client), &["commit", "--quiet", "-m", name], b"");
        };
        commit("a", "1");
        push(&client, &server, &["HEAD:refs/heads/main"]).passes_silently();
        commit("c", "2");
        push(&client, &server, &["HEAD:refs/heads/main"]).passes_silently();
        let key = live_key(44);
        commit("b", &key);
        push(&client, &server, &["HEAD:refs/heads/main"]).is_refused_for(&key, &["b:1"]);
    }
}

#[test]
fn the_gate_runs_in_a_work_tree_that_is_pushed_to() {
    let server = Server::of(Repo::with_work_tree());
    server.config("receive.denyCurrentBranch", "updateInstead");
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("a", Some("1"))], "first");
    server.push(&mut client, &[MAIN]).passes_silently();
    let key = live_key(45);
    client.commit_on(MAIN, &[("b", Some(&key))], "bad");
    server.push(&mut client, &[MAIN]).is_refused_for(&key, &["b:1"]);
}

#[test]
fn old_history_is_found_by_packs_indexes_of_many_packs_and_commit_graphs() {
    let server = Server::new();
    let mut client = Repo::bare();
    for number in 0..40 {
        client.commit_on(MAIN, &[(&format!("d{}/f", number % 5), Some(&number.to_string()))], "more");
        if number % 10 == 0 {
            server.push(&mut client, &[MAIN]).passes_silently();
            server.git(&["repack", "-q", "-d"]);
        }
    }
    server.push(&mut client, &[MAIN]).passes_silently();
    let key = live_key(46);
    let mut number = 100;
    let mut check = |server: &Server, client: &mut Repo| {
        number += 1;
        client.branch("refs/heads/topic", MAIN);
        client.commit_on("refs/heads/topic", &[("d0/g", Some(&number.to_string()))], "fine");
        server.push(client, &["--force", "refs/heads/topic"]).passes_silently();
        client.commit_on("refs/heads/topic", &[("d0/h", Some(&key))], "bad");
        server.push(client, &["--force", "refs/heads/topic"]).is_refused_for(&key, &["d0/h:1"]);
    };
    check(&server, &mut client);
    server.git(&["repack", "-q", "-d"]);
    server.git(&["multi-pack-index", "write"]);
    server.git(&["pack-refs", "--all"]);
    check(&server, &mut client);
    server.git(&["commit-graph", "write", "--reachable"]);
    check(&server, &mut client);
    server.git(&["commit-graph", "write", "--reachable", "--split=no-merge"]);
    check(&server, &mut client);
    server.git(&["-c", "pack.indexVersion=1", "repack", "-q", "-a", "-d"]);
    check(&server, &mut client);
    // A branch from deep within, which no ref names.
    let deep = server.git(&["rev-parse", &format!("{MAIN}~20")]);
    server.raw(&[(ZERO, deep.trim(), b"refs/heads/deep")], &pack(&[])).passes_silently();
}

#[test]
fn a_submodule_that_names_a_sent_file_hides_nothing() {
    let server = Server::new();
    let key = live_key(47);
    let blob = id(ObjectType::Blob, key.as_bytes());
    let (tree, commit) = commit_of(&[("module", Mode::Submodule, blob)], &[]);
    let tip = id(ObjectType::Commit, &commit).to_string();
    let sent = [(ObjectType::Blob, key.clone().into_bytes()), (ObjectType::Tree, tree), (ObjectType::Commit, commit)];
    server
        .raw(&[(ZERO, &tip, b"refs/heads/main")], &pack(&sent))
        .is_refused_for(&key, &["no ref of this push reaches it"]);
}

#[test]
fn a_certificate_is_examined() {
    let server = Server::new();
    let key = live_key(48);
    let mut client = Repo::bare();
    let tip = client.commit_on(MAIN, &[("a", Some("1"))], "fine");
    client.finish();
    for (text, code) in [(format!("pusher x\npush-option={key}\n"), 1), ("pusher x\n".to_owned(), 0)] {
        let written = git::run(git::command(server.path()), &["hash-object", "-w", "--stdin"], text.as_bytes());
        let outcome = crate::common::run::Audit::new(&["hook", "pre-receive"])
            .from(server.path())
            .variable("GIT_QUARANTINE_PATH", client.path().join("objects"))
            .variable("GIT_PUSH_CERT", String::from_utf8(written).unwrap().trim())
            .input(format!("{ZERO} {tip} {MAIN}\n").as_bytes())
            .run();
        assert_eq!(outcome.code, Some(code), "{}", outcome.errors());
        assert_eq!(outcome.errors().contains("the certificate of the signed push"), code == 1);
    }
    // A git that puts it beside what was pushed, and throws it away with that.
    server.policy_with_ledger("");
    let beside = client.blob(format!("pusher x\npush-option={}\n", live_key(49)));
    client.finish();
    let outcome = crate::common::run::Audit::new(&["hook", "pre-receive"])
        .from(server.path())
        .variable("GIT_DIR", ".")
        .variable("GIT_QUARANTINE_PATH", client.path().join("objects"))
        .variable("GIT_PUSH_CERT", beside.to_string())
        .input(format!("{ZERO} {tip} {MAIN}\n").as_bytes())
        .run();
    assert_eq!(outcome.code, Some(1), "{}", outcome.errors());
    let said = outcome.errors();
    assert!(
        said.contains("the certificate of the signed push\n") && said.contains("keeps nothing of this push"),
        "{said}"
    );
    assert!(!said.contains("no ref of this push reaches it"), "{said}");
    assert_eq!(server.ledger().pop().unwrap()["objects_remain"], false);
}

#[test]
fn a_linked_worktree_an_extension_and_broken_refs_are_no_way_round() {
    let server = Server::of(Repo::with_work_tree());
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("a", Some("1")), (".gitattributes", Some("* -diff\n"))], "first");
    server.config("receive.denyCurrentBranch", "ignore");
    server.push(&mut client, &[MAIN]).passes_silently();
    server.git(&["worktree", "add", "--quiet", "--detach", "../linked", MAIN]);
    server.config("core.repositoryFormatVersion", "1");
    server.config("extensions.partialClone", "origin");
    let git_dir = server.repo.git_directory();
    std::fs::write(git_dir.join("refs/heads/garbage"), "no id\n").unwrap();
    std::fs::write(git_dir.join("refs/heads/dangling"), format!("{}\n", "7".repeat(40))).unwrap();
    // A graft that would cut the bad commit off from what it brings.
    let first = server.git(&["rev-parse", MAIN]);
    std::fs::create_dir_all(git_dir.join("info")).unwrap();
    std::fs::write(git_dir.join("info/grafts"), first).unwrap();
    let key = live_key(49);
    client.commit_on(MAIN, &[("b", Some(&format!("\0binary\0{key}\0")))], "bad");
    client.finish();
    let linked = server.repo.beside("linked");
    push(client.path(), &linked, &["refs/heads/main:refs/heads/x"]).is_refused_for(&key, &["b"]);
    // git itself takes no push as long as a ref names what is not there.
    std::fs::remove_file(git_dir.join("refs/heads/dangling")).unwrap();
    std::fs::remove_file(git_dir.join("refs/heads/garbage")).unwrap();
    std::fs::remove_file(git_dir.join("info/grafts")).unwrap();
    client.commit_on("refs/heads/fine", &[("c", Some("1"))], "fine");
    client.finish();
    let pushed = push(client.path(), &linked, &["refs/heads/fine"]);
    pushed.passes();
    assert!(!pushed.said.contains("clerk-audit"), "{}", pushed.said);
}

#[test]
fn an_author_and_a_committer_are_examined() {
    for (author, committer) in [(true, false), (false, true)] {
        let server = Server::new();
        let key = live_key(50);
        let mut client = Repo::bare();
        let tree = client.tree(&Files::new());
        let mut commit = Commit::new(tree, &[], 1_700_000_000, "subject");
        if author {
            commit.author.name = key.clone().into_bytes();
        }
        if committer {
            commit.committer.email = key.clone().into_bytes();
        }
        let commit = client.commit(&commit);
        client.set_ref(MAIN, commit);
        server.push(&mut client, &[MAIN]).is_refused_for(&key, &["the commit's own text"]);
    }
}

#[test]
fn a_repack_meanwhile_refuses_nothing_and_lets_nothing_in() {
    let server = Server::new();
    let mut client = Repo::bare();
    for number in 0..30 {
        client.commit_on(MAIN, &[("f", Some(&"x\n".repeat(number + 1)))], "more");
    }
    server.push(&mut client, &[MAIN]).passes_silently();
    let path = server.path().to_owned();
    std::thread::scope(|scope| {
        // The sender goes with this scope's work, however that ends.
        let (_working, is_done) = std::sync::mpsc::channel::<()>();
        scope.spawn(move || {
            while is_done.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
                let mut command = git::command(&path);
                command.args(["repack", "-q", "-a", "-d"]);
                git::answer(command, b"");
            }
        });
        for number in 0..25u64 {
            client.commit_on(MAIN, &[("g", Some(&number.to_string()))], "fine");
            let mut pushed = server.push(&mut client, &[MAIN]);
            // git itself loses a race with `repack -d`, which takes a directory away while objects are moved into it.
            while pushed.all.contains("unable to migrate objects") && pushed.said.is_empty() {
                pushed = server.push(&mut client, &[MAIN]);
            }
            pushed.passes_silently();
            client.branch("refs/heads/bad", MAIN);
            let key = live_key(5000 + number);
            client.commit_on("refs/heads/bad", &[("k", Some(&key))], "bad");
            server.push(&mut client, &["refs/heads/bad"]).is_refused_for(&key, &["k:1"]);
        }
    });
}

#[test]
fn an_object_directory_that_a_late_hook_is_given_is_no_quarantine() {
    let key = live_key(1940);
    let server = Server::new();
    std::fs::remove_file(server.path().join("hooks/pre-receive")).unwrap();
    server.hook_named("update", "GIT_OBJECT_DIRECTORY=\"$PWD/store\" exec \"$GATE\" hook update \"$@\"");
    let store = server.path().join("store");
    std::fs::create_dir(&store).unwrap();
    // What lies there and nothing reaches was not pushed.
    let mut command = git::command(server.path());
    command.env("GIT_OBJECT_DIRECTORY", &store);
    git::run(command, &["hash-object", "-w", "--stdin"], key.as_bytes());
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("a", Some("1"))], "fine");
    server.push(&mut client, &[MAIN]).passes_silently();
    client.commit_on(MAIN, &[("b", Some(&key))], "bad");
    server.push(&mut client, &[MAIN]).is_refused_for(&key, &["b:1"]);
}
