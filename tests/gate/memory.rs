//! A limit on memory: what is made to need much is read in little; and where even that is not to be had
//! the push is refused with a reason, and the repository stays as it was.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::bombs::{Bomb, quarantine_of};
use super::support::{MAIN, Pushed, Server, ZERO};
use crate::common::fixture::Repo;
use crate::common::run::Audit;
use crate::common::secrets::live_key;

/// Runs the hook on a quarantine, with so many kilobytes of address space.
fn limited(server: &Server, quarantine: &Path, kilobytes: u64) -> Pushed {
    let mut hook = Command::new("sh");
    hook.arg("-c")
        .arg(format!("ulimit -v {kilobytes}; exec \"$0\" hook pre-receive"))
        .arg(env!("CARGO_BIN_EXE_clerk-audit"))
        .current_dir(server.path())
        .env_clear()
        .env("GIT_DIR", ".")
        .env("GIT_QUARANTINE_PATH", quarantine)
        // An allocator sets aside address space for each thread, of which nobody uses most.
        .env("MALLOC_ARENA_MAX", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = hook.spawn().unwrap();
    // It may end without a look at it.
    _ = writeln!(child.stdin.take().unwrap(), "{ZERO} {} {MAIN}", "1".repeat(40));
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Pushed { accepted: output.status.success(), all: format!("{}: {said}", output.status), said }
}

#[test]
fn several_bombs_at_once_are_read_within_a_limit_on_memory() {
    const SIZE: u64 = 12 << 20;
    let server = Server::new();
    // Expansion is no limit here, so that all of them are read as far as memory goes.
    server.policy(&format!("[limits]\nexpansion = 100000000\nobject_bytes = {SIZE}\nseconds = 50"));
    // Four objects are held at most, all threads together. The rest is for the program itself.
    let limit = 4 * SIZE + (128 << 20);
    for bombs in [
        // Families that branch, so that a reader has one version for each level in memory; several for each thread.
        vec![Bomb::Family(63), Bomb::Family(63)],
        // Chains, of which it has two however long they are.
        vec![Bomb::Chain(8), Bomb::Chain(8), Bomb::Chain(8), Bomb::Chain(8)],
        vec![Bomb::Chain(5), Bomb::Family(31), Bomb::Chain(5), Bomb::Family(31)],
        // One that is over the limit of an object, among others.
        vec![Bomb::Large(SIZE * 6), Bomb::Family(7), Bomb::Chain(5)],
    ] {
        let folder = tempfile::tempdir().unwrap();
        let length = quarantine_of(&bombs, SIZE, folder.path());
        assert!(length < 2 << 20, "{length}");
        let pushed = limited(&server, folder.path(), limit >> 10);
        pushed.is_refused(&["is missing"]);
        assert!(!pushed.said.contains("time budget"), "{}", pushed.said);
        assert!(!pushed.said.contains("memory"), "{bombs:?}: {}", pushed.all);
    }
}

#[test]
fn whatever_memory_there_is_a_key_is_refused_and_a_reason_given() {
    let server = Server::new();
    let outcome = Audit::new(&["hook", "install"]).and(server.path()).run();
    assert_eq!(outcome.code, Some(0), "{}", outcome.errors());
    let key = live_key(450);
    let mut client = Repo::bare();
    let large = format!("{}{key}\n", "a line of text\n".repeat(1_500_000));
    client.commit_on(MAIN, &[("large", Some(&large))], "large");
    client.finish();
    let hook = server.path().join("hooks/pre-receive");
    let text = std::fs::read_to_string(&hook).unwrap();
    let (mut told, mut refused_for_it) = (0, 0);
    for unpack_limit in ["1", "1000"] {
        server.config("receive.unpackLimit", unpack_limit);
        for megabytes in [4, 12, 20, 32, 48, 64, 96, 128, 192, 1024] {
            let limit = format!("#!/bin/sh\nulimit -v {}\n", megabytes << 10);
            std::fs::write(&hook, text.replacen("#!/bin/sh\n", &limit, 1)).unwrap();
            let pushed = server.push(&mut client, &[MAIN]);
            assert!(!pushed.accepted, "{megabytes} MB: {}", pushed.all);
            assert!(!pushed.all.contains(&key), "a key was shown");
            assert_eq!(server.value(MAIN), None);
            assert!(!pushed.said.trim().is_empty(), "{megabytes} MB: refused without a reason: {}", pushed.all);
            told += usize::from(pushed.said.contains("error: clerk-audit refuses this push"));
            refused_for_it += usize::from(pushed.said.contains("large:1500001"));
        }
        server.is_sound();
    }
    // With the most it is refused for what it is, with the least for want of memory.
    assert!(refused_for_it >= 2 && told > refused_for_it, "{refused_for_it} of {told}");
    std::fs::write(&hook, text).unwrap();
    let mut fine = Repo::bare();
    fine.commit_on(MAIN, &[("a", Some("1"))], "fine");
    server.push(&mut fine, &[MAIN]).passes_silently();
}
