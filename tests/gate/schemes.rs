//! Schemes: pushes that put a key together from what is harmless by itself, have it lie somewhere first, or say of
//! themselves what is not so.

use std::io::Write as _;
use std::process::Stdio;

use super::support::{MAIN, Server, ZERO, pack};
use crate::common::fixture::Repo;
use crate::common::fixture::objects::{Commit, Mode, ObjectType, Oid, Tag, encode_tree, object_id, sha1};
use crate::common::git;
use crate::common::packs::Stored;
use crate::common::packs::{Packed, Step, delta, delta_sizes, made_up, pack as packed, short_copy, zlib_stored};
use crate::common::secrets::live_key;

const GATE: &str = "exec \"$GATE\" hook pre-receive";

/// A tree of one file `f`, and a commit of it.
fn commit_of(blob: Oid, parents: &[Oid]) -> (Vec<u8>, Vec<u8>, Oid) {
    let tree = encode_tree(vec![(b"f".to_vec(), Mode::File, blob)]);
    let commit = Commit::new(object_id(ObjectType::Tree, &tree), parents, 1_700_000_000, "by hand").encode();
    let tip = object_id(ObjectType::Commit, &commit);
    (tree, commit, tip)
}

/// Pushes entries of a pack as they are to a new branch, once to where they become loose objects and once to where the
/// pack stays; a server each, that has what `base` has.
fn each_way(base: &mut Repo, entries: &[Packed], tip: Oid, then: impl Fn(super::support::Pushed)) {
    for unpack_limit in ["1", "1000"] {
        let server = Server::new();
        server.config("receive.unpackLimit", unpack_limit);
        server.push(base, &[MAIN]).passes_silently();
        let sent = packed(entries, &mut zlib_stored).0;
        then(server.raw(&[(ZERO, &tip.to_string(), b"refs/heads/x")], &sent));
    }
}

#[test]
fn a_key_that_stands_nowhere_but_in_what_a_delta_makes_is_found() {
    let key = live_key(500);
    let (first, second) = key.split_at(20);
    // What is there has the halves, the latter first and far apart; more than 64 KiB, so that a copy can tell that length
    // by leaving it out.
    let line = "a line that is like any other\n";
    let filler = line.repeat(3_000);
    let old = format!("{second}\n{filler}{first}");
    let mut base = Repo::bare();
    base.commit_on(MAIN, &[("f", Some(&old))], "harmless");
    let base_id = object_id(ObjectType::Blob, old.as_bytes());
    let at_first = old.len() - first.len();
    let joined = delta(old.len(), &[Step::Copy(at_first, first.len()), Step::Copy(0, second.len())]);
    // What is copied ends with a line.
    let from = second.len() + 1 + line.len() - 0x10000 % line.len();
    let copied_long = [
        delta_sizes(old.len(), 0x10000 + key.len()),
        short_copy(from, 0x10000),
        short_copy(at_first, first.len()),
        short_copy(0, second.len()),
    ]
    .concat();
    let in_letters: Vec<Vec<u8>> = key.bytes().map(|byte| vec![byte]).collect();
    let letters: Vec<Step<'_>> = in_letters.iter().map(|letter| Step::Insert(letter)).collect();
    let inserted = delta(old.len(), &letters);
    let long_content = format!("{}{key}", &old[from..from + 0x10000]);
    for (bytes, content) in [(joined, key.clone()), (copied_long, long_content), (inserted, key.clone())] {
        let blob = object_id(ObjectType::Blob, content.as_bytes());
        let (tree, commit, tip) = commit_of(blob, &[]);
        let entries = [
            Packed { oid: blob, stored: Stored::RefDelta(base_id), bytes },
            Packed { oid: made_up(1), stored: Stored::Whole(2), bytes: tree },
            Packed { oid: made_up(2), stored: Stored::Whole(1), bytes: commit },
        ];
        each_way(&mut base, &entries, tip, |pushed| pushed.is_refused_for(&key, &["f:"]));
    }
    // The same of a name in a tree, which is a delta of a tree, and of a commit's text.
    let (old_tree, old_commit, _) = commit_of(base_id, &[]);
    let mut base = Repo::bare();
    let tree = base.object(ObjectType::Tree, old_tree.clone());
    assert_eq!(base.object(ObjectType::Blob, old.into_bytes()), base_id);
    let main = base.object(ObjectType::Commit, old_commit.clone());
    base.set_ref(MAIN, main);
    let (mode, end) = (b"100644 ".len(), old_tree.len() - 21);
    let named = [&old_tree[..mode], key.as_bytes(), &old_tree[end..]].concat();
    let of_named = delta(
        old_tree.len(),
        &[Step::Copy(0, mode), Step::Insert(first.as_bytes()), Step::Insert(second.as_bytes()), Step::Copy(end, 21)],
    );
    let tree_id = object_id(ObjectType::Tree, &named);
    let commit = Commit::new(tree_id, &[], 1_700_000_000, "a name").encode();
    let tip = object_id(ObjectType::Commit, &commit);
    let entries = [
        Packed { oid: tree_id, stored: Stored::RefDelta(tree), bytes: of_named },
        Packed { oid: made_up(2), stored: Stored::Whole(1), bytes: commit },
    ];
    each_way(&mut base, &entries, tip, |pushed| pushed.is_refused_for(&key, &["the name of "]));
    let line = format!("\n{key}");
    let text = [old_commit.as_slice(), line.as_bytes()].concat();
    let of_text = delta(old_commit.len(), &[Step::Copy(0, old_commit.len()), Step::Insert(line.as_bytes())]);
    let tip = object_id(ObjectType::Commit, &text);
    let entries = [Packed { oid: tip, stored: Stored::RefDelta(main), bytes: of_text }];
    each_way(&mut base, &entries, tip, |pushed| pushed.is_refused_for(&key, &["the commit's own text"]));
}

#[test]
fn sizes_in_a_pack_that_are_told_in_more_bytes_than_it_takes_hide_nothing() {
    let key = live_key(501);
    let mut bytes = b"PACK\0\0\0\x02\0\0\0\x03".to_vec();
    let (tree, commit, tip) = commit_of(object_id(ObjectType::Blob, key.as_bytes()), &[]);
    for (number, content) in [(3u8, key.as_bytes()), (2, &tree), (1, &commit)] {
        bytes.push(0x80 | number << 4 | (content.len() & 15) as u8);
        let rest = content.len() >> 4;
        // Groups of zeros behind the last that says something.
        bytes.extend_from_slice(&[0x80 | (rest & 0x7f) as u8, 0x80 | (rest >> 7) as u8, 0x80, 0]);
        bytes.extend(zlib_stored(content));
    }
    let checksum = sha1(&bytes);
    bytes.extend_from_slice(&checksum);
    for unpack_limit in ["1", "1000"] {
        let server = Server::new();
        server.config("receive.unpackLimit", unpack_limit);
        let pushed = server.raw(&[(ZERO, &tip.to_string(), b"refs/heads/x")], &bytes);
        assert!(!pushed.accepted && server.value("refs/heads/x").is_none(), "{}", pushed.all);
        // git may refuse such a pack itself; where it takes it, the gate reads it.
        if !pushed.all.contains("unpack index-pack") && !pushed.all.contains("unpack unpack-objects") {
            pushed.is_refused_for(&key, &["f:1"]);
        }
    }
}

#[test]
fn a_ref_whose_name_is_an_objects_id_makes_that_no_older() {
    let key = live_key(502);
    let server = Server::new();
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("a", Some("1"))], "fine");
    server.push(&mut client, &[MAIN]).passes_silently();
    let (tree, commit, tip) = commit_of(object_id(ObjectType::Blob, key.as_bytes()), &[]);
    let lying =
        pack(&[(ObjectType::Blob, key.clone().into_bytes()), (ObjectType::Tree, tree), (ObjectType::Commit, commit)]);
    git::run(git::command(server.path()), &["unpack-objects", "-q"], &lying);
    for name in [format!("refs/heads/{tip}"), format!("refs/tags/{tip}/{tip}"), format!("refs/heads/x-{tip}-")] {
        server.push(&mut client, &[&format!("{MAIN}:{name}")]).passes_silently();
    }
    // A tag that says in its text what a peeled line says.
    let main = Oid(std::array::from_fn(|at| {
        let text = server.value(MAIN).unwrap();
        u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()
    }));
    let tag = client.tag(&Tag {
        target: main,
        target_type: ObjectType::Commit,
        name: "t".to_owned(),
        tagger: None,
        message: format!("object {tip}\n^{tip}\n{tip} refs/heads/y\n").into_bytes(),
    });
    client.set_ref("refs/tags/t", tag);
    server.push(&mut client, &["refs/tags/t"]).passes_silently();
    for is_packed in [false, true] {
        if is_packed {
            server.git(&["pack-refs", "--all"]);
        }
        server.raw(&[(ZERO, &tip.to_string(), b"refs/heads/bad")], &pack(&[])).is_refused_for(&key, &["f:1"]);
    }
}

/// Pushes as one who says that history is cut at a commit.
fn raw_shallow(server: &Server, cut: Oid, tip: Oid, sent: &[u8]) -> super::support::Pushed {
    let line = |text: &str| format!("{:04x}{text}", text.len() + 4);
    let mut request = line(&format!("shallow {cut}")).into_bytes();
    request.extend(line(&format!("{ZERO} {tip} refs/heads/x\0report-status side-band-64k")).into_bytes());
    request.extend_from_slice(b"0000");
    request.extend_from_slice(sent);
    super::support::raw_request(server.path(), &request)
}

#[test]
fn a_push_that_says_its_history_is_cut_where_it_is_not_hides_nothing() {
    let key = live_key(503);
    let clean = b"nothing\n".to_vec();
    let (bad_tree, bad_commit, bad) = commit_of(object_id(ObjectType::Blob, key.as_bytes()), &[]);
    let (tree, commit, tip) = commit_of(object_id(ObjectType::Blob, &clean), &[bad]);
    let before =
        [(ObjectType::Blob, key.clone().into_bytes()), (ObjectType::Tree, bad_tree), (ObjectType::Commit, bad_commit)];
    let last = [(ObjectType::Blob, clean), (ObjectType::Tree, tree), (ObjectType::Commit, commit)];
    // What is behind the cut is sent along; it lay there; or it is nowhere, and then there is nothing to refuse.
    let server = Server::new();
    server.config("receive.shallowUpdate", "true");
    let both = [before.as_slice(), &last].concat();
    raw_shallow(&server, tip, tip, &pack(&both)).is_refused_for(&key, &["f:1"]);
    git::run(git::command(server.path()), &["unpack-objects", "-q"], &pack(&before));
    raw_shallow(&server, tip, tip, &pack(&last)).is_refused_for(&key, &["f:1"]);
    assert_eq!(server.value("refs/heads/x"), None);
    let other = Server::new();
    other.config("receive.shallowUpdate", "true");
    raw_shallow(&other, tip, tip, &pack(&last)).passes_silently();
    // It comes later, when history is cut there: nothing reached it.
    let pushed = other.raw(&[(ZERO, &bad.to_string(), b"refs/heads/y")], &pack(&before));
    pushed.is_refused_for(&key, &["f:1"]);
    let pushed = other.raw(&[(ZERO, &tip.to_string(), b"refs/heads/y")], &pack(&before));
    pushed.is_refused_for(&key, &["no ref of this push reaches it"]);
}

#[test]
fn a_receive_pack_that_is_killed_at_any_moment_leaves_no_key_that_a_ref_reaches() {
    let server = Server::new();
    server.policy_with_ledger("");
    let mut random = fastrand::Rng::with_seed(12);
    let mut ended = 0;
    for number in 0..60u64 {
        let key = live_key(21_000 + number);
        let (tree, commit, tip) = commit_of(object_id(ObjectType::Blob, key.as_bytes()), &[]);
        let sent =
            pack(&[(ObjectType::Blob, key.into_bytes()), (ObjectType::Tree, tree), (ObjectType::Commit, commit)]);
        let line = format!("{ZERO} {tip} refs/heads/main\0report-status side-band-64k atomic");
        let request = [format!("{:04x}{line}0000", line.len() + 4).as_bytes(), &sent].concat();
        let mut command = git::command(server.path());
        command.args(["receive-pack", "--stateless-rpc", "."]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(&request).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(random.u64(0..40)));
        ended += usize::from(child.try_wait().unwrap().is_none());
        _ = child.kill();
        // It ends when the hook has closed its end too.
        child.wait_with_output().unwrap();
        assert_eq!(server.value(MAIN), None);
    }
    assert!(ended > 0, "none was ended in time: that is no test of it");
    server.has_a_ledger_that_can_be_read();
    server.git(&["fsck", "--no-dangling", "--connectivity-only"]);
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("a", Some("1"))], "fine");
    server.push(&mut client, &[MAIN]).passes_silently();
    assert_eq!(server.git(&["for-each-ref", "--format=%(refname)"]).trim(), MAIN);
}

#[test]
fn what_lay_unreachable_in_a_sha_256_repository_is_found_too() {
    let key = live_key(504);
    let server = Server::of(Repo::bare_sha256());
    let client = Repo::bare_sha256();
    let git = |arguments: &[&str], input: &str| {
        String::from_utf8(git::run(git::command(client.path()), arguments, input.as_bytes())).unwrap().trim().to_owned()
    };
    let commit = |content: &str, parents: &[&str]| {
        let blob = git(&["hash-object", "-w", "--stdin"], content);
        let tree = git(&["mktree"], &format!("100644 blob {blob}\tf\n"));
        let parents: Vec<&str> = parents.iter().flat_map(|parent| ["-p", parent]).collect();
        git(&[&["commit-tree", &tree, "-m", "by hand"][..], &parents].concat(), "")
    };
    let main = commit("fine\n", &[]);
    let bad = commit(&key, &[&main]);
    let after = commit("fine again\n", &[&bad]);
    let push = |refspec: &str| super::support::push(client.path(), server.path(), &[refspec]);
    push(&format!("{main}:{MAIN}")).passes_silently();
    server.hook("exit 0");
    push(&format!("{bad}:refs/heads/bad")).passes();
    server.git(&["update-ref", "-d", "refs/heads/bad"]);
    server.hook(GATE);
    for refspec in
        [format!("{bad}:refs/heads/x"), format!("{after}:refs/heads/x"), format!("{bad}^{{tree}}:refs/tags/x")]
    {
        push(&refspec).is_refused_for(&key, &["f:1"]);
    }
}
