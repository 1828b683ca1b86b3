//! What a push may cost: time, memory, depth; and that whoever reaches a limit is refused with a reason, not let in.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::support::{MAIN, Pushed, Server, ZERO, pack};
use crate::common::fixture::Repo;
use crate::common::fixture::objects::{Commit, Mode, ObjectType, Oid, encode_tree, object_id, sha1};
use crate::common::git;
use crate::common::run::Audit;
use crate::common::secrets::live_key;

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

#[test]
fn an_object_over_the_limit_is_refused_and_the_setting_named() {
    let server = Server::new();
    server.policy("[limits]\nobject_bytes = 1000");
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("a", Some(&"x".repeat(1001)))], "large");
    server.push(&mut client, &[MAIN]).is_refused(&["more than 1000 bytes", "limits.object_bytes"]);
    server.policy("on_limit = \"accept\"\n[limits]\nobject_bytes = 1000");
    let pushed = server.push(&mut client, &[MAIN]);
    pushed.passes();
    assert!(pushed.said.contains("warning: clerk-audit: the object"), "{}", pushed.said);
    server.policy("[limits]\ntotal_bytes = 1500");
    client.commit_on(MAIN, &[("b", Some(&"y".repeat(900))), ("c", Some(&"z".repeat(900)))], "much");
    server.push(&mut client, &[MAIN]).is_refused(&["more than 1500 bytes when unpacked", "limits.total_bytes"]);
}

#[test]
fn the_time_budget_is_kept_and_named() {
    let server = Server::new();
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("a", Some("1"))], "fine");
    server.policy_with_ledger("[limits]\nseconds = 0.000001");
    server.push(&mut client, &[MAIN]).is_refused(&["time budget of 1 s", "limits.seconds"]);
    let line = server.ledger().pop().unwrap();
    assert_eq!((&line["verdict"], &line["problems"][0]["reason"]), (&"refused".into(), &"time".into()));
    assert_eq!(line["coverage"]["complete"], false);
    server.policy("on_limit = \"accept\"\n[limits]\nseconds = 0.000001");
    server.push(&mut client, &[MAIN]).passes();
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
    server.config("receive.unpackLimit", "1");
    let size = 600 << 20;
    let sent = raw_pack(&[(3, size, Vec::new(), zeros(size))]);
    assert!(sent.len() < 1 << 20);
    // What git itself takes for the pack comes before the hook, so the hook's own use is looked at.
    server.hook("exec /usr/bin/env sh -c 'ulimit -v 2000000; exec \"$0\" hook pre-receive' \"$GATE\"");
    let pushed = server.raw(&[(ZERO, &"1".repeat(40), b"refs/heads/main")], &sent);
    pushed.is_refused(&["more than 268435456 bytes"]);
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

#[test]
fn a_chain_of_deltas_that_unpacks_without_end_is_decided_in_time() {
    let server = Server::new();
    server.config("receive.unpackLimit", "1");
    server.policy("[limits]\nseconds = 30");
    let size = 1_200_000u64;
    let key = live_key(93);
    let mut base = vec![0; size as usize];
    base[..key.len()].copy_from_slice(key.as_bytes());
    let mut entries = vec![(3, size, Vec::new(), deflated(&base))];
    let mut before = 12u64;
    let mut content = base;
    // Each changes one byte, so that every version is an object of its own.
    for number in 0..400u64 {
        let mut delta = identity_delta(size);
        let at = delta.len();
        // The last copy is cut by one byte and one is inserted.
        delta.truncate(at - 8);
        let length = (size - 1) as u32;
        delta.push(0x80 | 0x70);
        delta.extend_from_slice(&length.to_le_bytes()[..3]);
        delta.push(1);
        delta.push(1 + (number % 250) as u8);
        let last = content.len() - 1;
        content[last] = 1 + (number % 250) as u8;
        let data = deflated(&delta);
        let entry = &entries[entries.len() - 1];
        let header = {
            let mut length = 1u64;
            let mut rest = entry.1 >> 4;
            while rest > 0 {
                length += 1;
                rest >>= 7;
            }
            length
        };
        let back = header + (entry.2.len() + entry.3.len()) as u64;
        before += back;
        entries.push((6, delta.len() as u64, offset_bytes(back), data));
    }
    assert!(before < 64 << 10);
    let started = Instant::now();
    let pushed = server.raw(&[(ZERO, &"1".repeat(40), b"refs/heads/main")], &raw_pack(&entries));
    pushed.is_refused_for(&key, &["no ref of this push reaches it"]);
    assert!(started.elapsed() < Duration::from_secs(45), "{:?}", started.elapsed());
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

#[test]
fn a_tree_of_many_levels_is_refused_at_the_limit_and_at_no_depth_a_crash() {
    for (levels, is_over) in [(1_500, false), (2_100, true), (200_000, true)] {
        let key = live_key(90);
        let blob = object_id(ObjectType::Blob, key.as_bytes());
        let mut objects = vec![(ObjectType::Blob, key.clone().into_bytes())];
        let mut inner = (Mode::File, blob);
        for _ in 0..levels {
            let tree = encode_tree(vec![(b"d".to_vec(), inner.0, inner.1)]);
            inner = (Mode::Directory, object_id(ObjectType::Tree, &tree));
            objects.push((ObjectType::Tree, tree));
        }
        let commit = Commit::new(inner.1, &[], 1, "deep").encode();
        let tip = object_id(ObjectType::Commit, &commit);
        objects.push((ObjectType::Commit, commit));
        let outcome = direct(&objects, tip);
        if is_over {
            outcome.is_refused(&["more than 2048 directories deep", "limits.tree_depth"]);
        } else {
            outcome.is_refused_for(&key, &["d/d/d"]);
        }
    }
}

/// Runs the hook by itself on a quarantine with these objects: git would spend its own time on them first.
fn direct(objects: &[(ObjectType, Vec<u8>)], tip: Oid) -> Pushed {
    let server = Server::new();
    let client = Repo::bare();
    git::run(git::command(client.path()), &["index-pack", "--stdin", "--fix-thin"], &pack(objects));
    let started = Instant::now();
    let outcome = Audit::new(&["hook", "pre-receive"])
        .from(server.path())
        .variable("GIT_DIR", ".")
        .variable("GIT_QUARANTINE_PATH", client.path().join("objects"))
        .input(format!("{ZERO} {tip} refs/heads/main\n").as_bytes())
        .run();
    assert!(started.elapsed() < Duration::from_secs(30));
    assert!(outcome.peak_kilobytes < 400 << 10, "{} KB", outcome.peak_kilobytes);
    Pushed { accepted: outcome.code == Some(0), said: outcome.errors(), all: outcome.errors() }
}

#[test]
fn a_memory_limit_refuses_and_damages_nothing() {
    let server = Server::new();
    server.config("receive.unpackLimit", "1");
    let mut client = Repo::bare();
    let key = live_key(91);
    let large = format!("{}{key}", "a line of text\n".repeat(4_000_000));
    client.commit_on(MAIN, &[("large", Some(&large))], "large");
    // Too little to hold the object: whatever happens then, the push does not pass.
    server.hook("ulimit -v 40000; exec \"$GATE\" hook pre-receive");
    let pushed = server.push(&mut client, &[MAIN]);
    assert!(!pushed.accepted, "{}", pushed.all);
    assert!(!pushed.said.trim().is_empty(), "a reason is given: {}", pushed.all);
    assert_eq!(server.value(MAIN), None);
    server.is_sound();
    server.hook("exec \"$GATE\" hook pre-receive");
    server.push(&mut client, &[MAIN]).is_refused_for(&key, &["large:4000001"]);
}

#[test]
fn a_signal_ends_it_with_a_reason_and_a_refusal() {
    let mut client = Repo::bare();
    let content: String = (0..200_000).map(|line| format!("line {line}\n")).collect();
    for number in 0..40 {
        client.commit_on(MAIN, &[("f", Some(&format!("{number}\n{content}")))], "more");
    }
    client.finish();
    let tip = String::from_utf8(client.git(&["rev-parse", MAIN])).unwrap();
    let server = Server::new();
    let mut hook = Command::new(env!("CARGO_BIN_EXE_clerk-audit"))
        .args(["hook", "pre-receive"])
        .current_dir(server.path())
        .env("GIT_DIR", ".")
        .env("GIT_QUARANTINE_PATH", client.path().join("objects"))
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = hook.stdin.take().unwrap();
    writeln!(stdin, "{ZERO} {} {MAIN}", tip.trim()).unwrap();
    drop(stdin);
    std::thread::sleep(Duration::from_millis(60));
    let ended = Command::new("kill").arg(hook.id().to_string()).status().unwrap().success();
    let output = hook.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    // Either it was done by then, or it says why it is not.
    assert!(output.status.success() || said.contains("told to end"), "{ended} {:?} {said}", output.status);
}

#[test]
fn gitlab_reads_lines_of_its_own() {
    let server = Server::new();
    let key = live_key(92);
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("a", Some(&key))], "bad");
    server.push(&mut client, &[MAIN]).is_refused_for(&key, &[]);
    assert!(!server.push(&mut client, &[MAIN]).said.contains("GL-HOOK-ERR"));
    // As Gitaly calls custom hooks: an absolute directory, and no GIT_QUARANTINE_PATH.
    server.hook(
        "unset GIT_QUARANTINE_PATH; GL_ID=user-7 GL_USERNAME=ada GL_PROTOCOL=ssh GL_REPOSITORY=project-1 GL_PROJECT_PATH=a/b \
         GIT_DIR=\"$PWD\" exec \"$GATE\" hook pre-receive",
    );
    server.policy_with_ledger("");
    let pushed = server.push(&mut client, &[MAIN]);
    pushed.is_refused_for(&key, &["\nGL-HOOK-ERR: error: clerk-audit refuses this push", "\nGL-HOOK-ERR: a:1"]);
    let line = server.ledger().pop().unwrap();
    assert_eq!((&line["server"], &line["pusher"]), (&"gitlab".into(), &"ada".into()));
}
