//! Little that becomes much: packs, trees and names of which a few kilobytes cost a naive reader gigabytes or hours. Each
//! is decided in time, in little memory, and never by letting it in unread.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use super::support::{MAIN, Pushed, Server, ZERO, pack};
use crate::common::fixture::Repo;
use crate::common::fixture::objects::{Commit, Mode, ObjectType, Oid, encode_tree, object_id, sha1};
use crate::common::git;
use crate::common::run::{Audit, Outcome};
use crate::common::secrets::{alphanumerics, live_key};

/// A pack of entries whose bodies are made here: type number, size that is claimed, what stands before the data, data.
fn raw_pack(entries: &[(u8, u64, Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = b"PACK\0\0\0\x02".to_vec();
    bytes.extend_from_slice(&u32::try_from(entries.len()).unwrap().to_be_bytes());
    for (kind, size, before, data) in entries {
        let mut rest = size >> 4;
        let mut byte = (kind << 4) | (size & 15) as u8;
        while rest > 0 {
            bytes.push(byte | 0x80);
            byte = (rest & 0x7f) as u8;
            rest >>= 7;
        }
        bytes.push(byte);
        bytes.extend_from_slice(before);
        bytes.extend_from_slice(data);
    }
    let checksum = sha1(&bytes);
    bytes.extend_from_slice(&checksum);
    bytes
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Zeros, deflated as one stream without being in memory at once.
fn zeros(size: u64) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    let block = vec![0; 1 << 20];
    for _ in 0..size >> 20 {
        encoder.write_all(&block).unwrap();
    }
    encoder.finish().unwrap()
}

#[test]
fn six_hundred_megabytes_of_zeros_are_refused_in_time_and_memory() {
    let server = Server::new();
    let size = 600 << 20;
    let sent = raw_pack(&[(3, size, Vec::new(), zeros(size))]);
    assert!(sent.len() < 1 << 20);
    // What git itself takes for the pack comes before the hook, so the hook's own use is looked at.
    server.hook("exec /usr/bin/env sh -c 'ulimit -v 2000000; exec \"$0\" hook pre-receive' \"$GATE\"");
    for limit in ["1", "1000"] {
        server.config("receive.unpackLimit", limit);
        let pushed = server.raw(&[(ZERO, &"1".repeat(40), b"refs/heads/main")], &sent);
        pushed.is_refused(&["more than 268435456 bytes", "limits.object_bytes"]);
    }
}

/// A delta that copies its whole base, whose size both are.
fn identity_delta(size: u64) -> Vec<u8> {
    let mut delta = Vec::new();
    for _ in 0..2 {
        let mut rest = size;
        while rest >= 0x80 {
            delta.push((rest as u8 & 0x7f) | 0x80);
            rest >>= 7;
        }
        delta.push(rest as u8);
    }
    let mut at = 0u64;
    while at < size {
        let length = (size - at).min(0xff_ffff);
        delta.push(0x80 | 0x7f);
        delta.extend_from_slice(&(at as u32).to_le_bytes());
        delta.extend_from_slice(&(length as u32).to_le_bytes()[..3]);
        at += length;
    }
    delta
}

/// An offset as git writes it in an entry's header.
fn offset_bytes(mut back: u64) -> Vec<u8> {
    let mut bytes = vec![(back & 0x7f) as u8];
    back >>= 7;
    while back > 0 {
        back -= 1;
        bytes.insert(0, 0x80 | (back & 0x7f) as u8);
        back >>= 7;
    }
    bytes
}

/// An entry of a pack, as [`raw_pack`] takes it.
type Entry = (u8, u64, Vec<u8>, Vec<u8>);

/// A delta that copies its base but for the last byte, in the place of which it puts another.
fn changed_delta(size: u64, last: u8) -> Vec<u8> {
    let mut delta = identity_delta(size);
    // The last copy is cut by one byte and one is inserted.
    delta.truncate(delta.len() - 8);
    let before = (size - 1) / 0xff_ffff * 0xff_ffff;
    if size - 1 > before {
        delta.push(0x80 | 0x7f);
        delta.extend_from_slice(&(before as u32).to_le_bytes());
        delta.extend_from_slice(&((size - 1 - before) as u32).to_le_bytes()[..3]);
    }
    delta.extend_from_slice(&[1, last]);
    delta
}

/// How many bytes an entry takes.
fn length(entry: &Entry) -> u64 {
    let header = 1 + (0..).take_while(|at| entry.1 >> (4 + 7 * at) > 0).count();
    (header + entry.2.len() + entry.3.len()) as u64
}

/// A file of this size, and versions of it: each is a delta of the one that `base` says of its number.
fn versions(begins_with: &[u8], size: u64, count: usize, base: impl Fn(usize) -> usize) -> Vec<Entry> {
    let mut whole = vec![0; size as usize];
    whole[..begins_with.len()].copy_from_slice(begins_with);
    let mut entries = vec![(3, size, Vec::new(), deflated(&whole))];
    let mut offsets = vec![0];
    for number in 1..=count {
        let delta = changed_delta(size, 1 + (number % 250) as u8);
        offsets.push(offsets[number - 1] + length(&entries[number - 1]));
        let back = offsets[number] - offsets[base(number)];
        entries.push((6, delta.len() as u64, offset_bytes(back), deflated(&delta)));
    }
    entries
}

/// A pack of a few kilobytes: a file of 1.2 MB and 400 versions of it, each a delta of the one before that changes a byte.
fn chain(begins_with: &[u8]) -> Vec<u8> {
    raw_pack(&versions(begins_with, 1_200_000, 400, |number| number - 1))
}

/// A family of 63 files of this size in a few kilobytes: each is made of the one at half its number, so that a reader
/// which goes down along them has six in memory.
fn family(size: u64) -> Vec<u8> {
    raw_pack(&versions(b"", size, 62, |number| (number - 1) / 2))
}

/// Something that is small as it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bomb {
    /// So many files, each made of the one at half its number.
    Family(usize),
    /// So many files, each made of the one before.
    Chain(usize),
    /// One file of so many bytes.
    Large(u64),
}

/// An object directory with a pack of several, whose files have this size; how large it is. git would take minutes to
/// give each object its id, of which the gate believes git: these are numbered.
pub(super) fn quarantine_of(bombs: &[Bomb], size: u64, objects: &Path) -> usize {
    let entries: Vec<Entry> = bombs
        .iter()
        .enumerate()
        .flat_map(|(at, bomb)| {
            let mark = [b'a' + at as u8];
            match *bomb {
                Bomb::Family(count) => versions(&mark, size, count - 1, |number| (number - 1) / 2),
                Bomb::Chain(count) => versions(&mark, size, count - 1, |number| number - 1),
                Bomb::Large(size) => vec![(3, size, Vec::new(), zeros(size))],
            }
        })
        .collect();
    let bytes = raw_pack(&entries);
    let mut index = b"\xfftOc\0\0\0\x02".to_vec();
    let count = u32::try_from(entries.len()).unwrap();
    let id = |number: u32| [[0; 16].as_slice(), &number.to_be_bytes()].concat();
    // All ids begin with a zero.
    (0..256).for_each(|_| index.extend_from_slice(&count.to_be_bytes()));
    (0..count).for_each(|number| index.extend(id(number)));
    (0..count).for_each(|_| index.extend_from_slice(&[0; 4]));
    let mut offset = 12;
    for entry in &entries {
        index.extend_from_slice(&u32::try_from(offset).unwrap().to_be_bytes());
        offset += length(entry);
    }
    index.extend_from_slice(&bytes[bytes.len() - 20..]);
    let checksum = sha1(&index);
    index.extend_from_slice(&checksum);
    std::fs::create_dir_all(objects.join("pack")).unwrap();
    std::fs::write(objects.join("pack/pack-bombs.pack"), &bytes).unwrap();
    std::fs::write(objects.join("pack/pack-bombs.idx"), index).unwrap();
    bytes.len()
}

#[test]
fn a_chain_of_deltas_that_unpacks_without_end_is_refused_in_time_and_memory() {
    let sent = chain(b"");
    assert!(sent.len() < 16 << 10, "{}", sent.len());
    // Sixteen times the largest object may be unpacked freely: here that is less than the chain comes to.
    let server = Server::new();
    server.policy("[limits]\nobject_bytes = 2000000");
    let outcome = in_quarantine(&server, &sent, "1".repeat(40));
    outcome.is_refused(&["unpacks to more than 10000 times", "limits.expansion"]);
    // Versions of the image of an empty disk are such a chain as well. By the defaults it is read to its end: the ref names nothing that was sent, and that is all that is wrong.
    let outcome = direct(&sent, "1".repeat(40));
    outcome.is_refused(&["is missing"]);
    assert!(!outcome.said.contains("limits.expansion"), "{}", outcome.said);
    // A server whose owner has raised that reads it all, in time too.
    let server = Server::new();
    server.config("receive.unpackLimit", "1");
    server.policy("[limits]\nseconds = 30\nexpansion = 1000000");
    let key = live_key(93);
    let started = Instant::now();
    let pushed = server.raw(&[(ZERO, &"1".repeat(40), b"refs/heads/main")], &chain(key.as_bytes()));
    pushed.is_refused_for(&key, &["no ref of this push reaches it"]);
    assert!(started.elapsed() < Duration::from_secs(45), "{:?}", started.elapsed());
}

#[test]
fn a_family_of_versions_that_would_fill_the_memory_is_read_in_what_there_is() {
    const LARGE: u64 = 12 << 20;
    let sent = family(LARGE);
    assert!(sent.len() < 128 << 10, "{}", sent.len());
    let server = Server::new();
    server.policy(&format!("[limits]\nexpansion = 1000000\nobject_bytes = {LARGE}"));
    let outcome = run_in_quarantine(&server, &sent, "1".repeat(40));
    // The ref names nothing that was sent, and that is all that is wrong. Six versions and the next one would be 84 MiB.
    let said = outcome.errors();
    assert!(outcome.code == Some(1) && said.contains("is missing"), "{said}");
    assert_eq!(said.matches("\n  the ").count(), 1, "{said}");
    assert!(outcome.peak_kilobytes < (4 * LARGE + (16 << 20)) >> 10, "{} KB", outcome.peak_kilobytes);
}

#[test]
fn many_small_changes_to_a_large_file_pass() {
    let server = Server::new();
    let mut random = fastrand::Rng::with_seed(5);
    let mut lines: Vec<String> = (0..40_000).map(|line| format!("{line} {:x}\n", random.u64(..) >> 16)).collect();
    let mut client = Repo::with_work_tree();
    let mut stream = Vec::new();
    for number in 0..400 {
        lines[random.usize(..40_000)] = format!("changed {number}\n");
        let content = lines.concat();
        let head = format!(
            "commit refs/heads/main\ncommitter A <a@b> {} +0000\ndata 1\nxM 644 inline large\ndata {}\n",
            1_700_000_000 + number,
            content.len()
        );
        stream.extend_from_slice(head.as_bytes());
        stream.extend_from_slice(content.as_bytes());
        stream.push(b'\n');
    }
    git::run(git::command(client.path()), &["fast-import", "--quiet"], &stream);
    git::run(git::command(client.path()), &["repack", "-adq"], b"");
    server.push(&mut client, &[MAIN]).passes_silently();
}

#[test]
fn a_tree_of_many_levels_is_refused_at_the_limit_and_at_no_depth_a_crash() {
    for (levels, is_over) in [(2_000, false), (2_100, true), (200_000, true)] {
        for key in [Some(live_key(90)), None] {
            let content = key.clone().unwrap_or("fine".to_owned());
            let blob = object_id(ObjectType::Blob, content.as_bytes());
            let mut objects = vec![(ObjectType::Blob, content.into_bytes())];
            let mut inner = (Mode::File, blob);
            for _ in 0..levels {
                let tree = encode_tree(vec![(b"d".to_vec(), inner.0, inner.1)]);
                inner = (Mode::Directory, object_id(ObjectType::Tree, &tree));
                objects.push((ObjectType::Tree, tree));
            }
            let outcome = commit_of(objects, inner.1);
            match key {
                _ if is_over => outcome.is_refused(&["more than 2048 directories deep", "limits.tree_depth"]),
                Some(key) => outcome.is_refused_for(&key, &["d/d/d"]),
                None => outcome.passes_silently(),
            }
        }
    }
}

#[test]
fn ten_trees_with_more_paths_than_can_be_walked_are_decided_at_once() {
    let key = live_key(94);
    for (content, is_bad) in [(key.as_str(), true), ("fine", false)] {
        let mut objects = vec![(ObjectType::Blob, content.as_bytes().to_vec())];
        let mut inner = (Mode::File, object_id(ObjectType::Blob, content.as_bytes()));
        for _ in 0..10 {
            let tree = encode_tree((0..10).map(|at| (format!("d{at}").into_bytes(), inner.0, inner.1)).collect());
            inner = (Mode::Directory, object_id(ObjectType::Tree, &tree));
            objects.push((ObjectType::Tree, tree));
        }
        if is_bad {
            commit_of(objects.clone(), inner.1)
                .is_refused_for(&key, &["more keys in it than are told apart", "d0/d0/d0"]);
            // Where limits are no reason to refuse, the key that was found before one was reached is.
            let server = Server::new();
            server.policy("on_limit = \"accept\"");
            let commit = Commit::new(inner.1, &[], 1, "many").encode();
            let tip = object_id(ObjectType::Commit, &commit);
            objects.push((ObjectType::Commit, commit));
            in_quarantine(&server, &pack(&objects), tip.to_string()).is_refused_for(&key, &["d0/d0/d0"]);
            continue;
        }
        // The same where the file itself is not sent, so that the trees must be walked to find it.
        let server = Server::new();
        let mut client = Repo::bare();
        client.commit_on(MAIN, &[("a", Some(content))], "first");
        server.push(&mut client, &[MAIN]).passes_silently();
        objects.remove(0);
        let commit = Commit::new(inner.1, &[], 1, "many").encode();
        let tip = object_id(ObjectType::Commit, &commit);
        objects.push((ObjectType::Commit, commit));
        in_quarantine(&server, &pack(&objects), tip.to_string()).passes_silently();
    }
}

#[test]
fn names_that_stand_many_times_in_a_tree_cost_no_memory() {
    let key = live_key(95);
    let mut objects = vec![(ObjectType::Blob, key.clone().into_bytes())];
    let mut inner = (Mode::File, object_id(ObjectType::Blob, key.as_bytes()));
    for _ in 0..4 {
        let tree = encode_tree((0..3_000).map(|_| (b"d".to_vec(), inner.0, inner.1)).collect());
        inner = (Mode::Directory, object_id(ObjectType::Tree, &tree));
        objects.push((ObjectType::Tree, tree));
    }
    commit_of(objects, inner.1).is_refused_for(&key, &["d/d/d/d:1"]);
}

#[test]
fn long_names_many_levels_deep_cost_no_memory() {
    let key = live_key(96);
    let mut objects = vec![(ObjectType::Blob, key.clone().into_bytes())];
    let blob = object_id(ObjectType::Blob, key.as_bytes());
    let empty = encode_tree(vec![(b"f".to_vec(), Mode::File, blob)]);
    let leaf = object_id(ObjectType::Tree, &empty);
    objects.push((ObjectType::Tree, empty));
    let wide = encode_tree((0..5_000).map(|at| (format!("{at:05}").into_bytes(), Mode::Directory, leaf)).collect());
    let mut inner = object_id(ObjectType::Tree, &wide);
    objects.push((ObjectType::Tree, wide));
    for _ in 0..1_000 {
        let tree = encode_tree(vec![(vec![b'x'; 60_000], Mode::Directory, inner)]);
        inner = object_id(ObjectType::Tree, &tree);
        objects.push((ObjectType::Tree, tree));
    }
    commit_of(objects, inner).is_refused(&["stands at a path of more than 65536 bytes", "on_limit"]);
}

#[test]
fn a_key_behind_more_tokens_than_are_told_apart_does_not_pass() {
    // Too long to be a key: each by itself is only told, and does not refuse.
    let tokens: String = (0..10_050).map(|seed| format!("sk_{}_{}\n", "live", alphanumerics(seed, 50))).collect();
    let server = Server::new();
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("a", Some(&format!("{tokens}{}\n", live_key(97))))], "many");
    server.push(&mut client, &[MAIN]).is_refused(&["more keys than are told apart"]);
    // In a file that lay in the store, unreachable, it is no otherwise.
    server.hook("exit 0");
    server.push(&mut client, &["refs/heads/main:refs/heads/gone"]).passes();
    server.git(&["update-ref", "-d", "refs/heads/gone"]);
    server.hook("exec \"$GATE\" hook pre-receive");
    let tip = String::from_utf8(client.git(&["rev-parse", MAIN])).unwrap();
    let blob = String::from_utf8(client.git(&["rev-parse", "refs/heads/main:a"])).unwrap();
    for (target, name) in [(tip.trim(), MAIN), (blob.trim(), "refs/tags/a")] {
        server.raw(&[(ZERO, target, name.as_bytes())], &pack(&[])).is_refused(&["more keys than are told apart"]);
    }
}

/// Runs the hook by itself on a commit with this tree: git would spend its own time on it first.
fn commit_of(mut objects: Vec<(ObjectType, Vec<u8>)>, tree: Oid) -> Pushed {
    let commit = Commit::new(tree, &[], 1, "made to be much").encode();
    let tip = object_id(ObjectType::Commit, &commit);
    objects.push((ObjectType::Commit, commit));
    direct(&pack(&objects), tip.to_string())
}

fn direct(sent: &[u8], tip: String) -> Pushed {
    in_quarantine(&Server::new(), sent, tip)
}

fn in_quarantine(server: &Server, sent: &[u8], tip: String) -> Pushed {
    let outcome = run_in_quarantine(server, sent, tip);
    Pushed { accepted: outcome.code == Some(0), said: outcome.errors(), all: outcome.errors() }
}

fn run_in_quarantine(server: &Server, sent: &[u8], tip: String) -> Outcome {
    let client = Repo::bare();
    git::run(git::command(client.path()), &["index-pack", "--stdin", "--fix-thin"], sent);
    let started = Instant::now();
    let outcome = Audit::new(&["hook", "pre-receive"])
        .from(server.path())
        .variable("GIT_DIR", ".")
        .variable("GIT_QUARANTINE_PATH", client.path().join("objects"))
        .input(format!("{ZERO} {tip} refs/heads/main\n").as_bytes())
        .run();
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    assert!(outcome.peak_kilobytes < 400 << 10, "{} KB", outcome.peak_kilobytes);
    outcome
}

#[test]
fn a_long_subject_is_not_held_for_each_of_many_keys_and_shows_no_key() {
    let keys: String = (0..9_000).map(|seed| format!("CLERK_SECRET_KEY={}\n", live_key(seed))).collect();
    let own = live_key(9_001);
    // Behind more tokens than are told apart, or simply long.
    for filler in ["whsec_xxxxxxxx ".repeat(264_000), "word ".repeat(100_000)] {
        let blob = keys.clone().into_bytes();
        let tree = encode_tree(vec![(b"a".to_vec(), Mode::File, object_id(ObjectType::Blob, &blob))]);
        let id = object_id(ObjectType::Tree, &tree);
        let commit = Commit::new(id, &[], 1, &format!("Ship {own} {filler}")).encode();
        let tip = object_id(ObjectType::Commit, &commit).to_string();
        let sent = pack(&[(ObjectType::Blob, blob), (ObjectType::Tree, tree), (ObjectType::Commit, commit)]);
        let pushed = direct(&sent, tip);
        assert!(!pushed.accepted && pushed.all.len() < 100_000, "{} bytes", pushed.all.len());
        assert!(!pushed.all.contains(&own[8..]), "{}", pushed.all);
    }
}

#[test]
fn a_hundred_thousand_tokens_that_begin_alike_pass_in_time() {
    let line = |seed| format!("stripe: sk_{}_{}\n", "test", alphanumerics(seed, 24));
    let blob = (0..100_000).map(line).collect::<String>().into_bytes();
    let tree = encode_tree(vec![(b"seeds".to_vec(), Mode::File, object_id(ObjectType::Blob, &blob))]);
    let id = object_id(ObjectType::Tree, &tree);
    let pushed = commit_of(vec![(ObjectType::Blob, blob), (ObjectType::Tree, tree)], id);
    assert!(pushed.accepted, "{}", pushed.said);
}
