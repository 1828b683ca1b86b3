//! Bad input: what happens to a repository while it is read, and to the audit itself.

use std::io::{BufRead as _, Read as _};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::support::{MAIN, audit_at, entries, env, git_in};
use crate::common::fixture::Repo;
use crate::common::packs::{Packed, Step, Stored, delta, made_up, write_pack};
use crate::common::secrets::{key_id, live_key};
use crate::common::{git, schema};

/// Tells the other thread to end, whatever ends this one.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn repacks_and_pushes_while_the_audit_runs_lose_nothing() {
    //  A + ── … ── main          a thread pushes blobs and branches and repacks, again and again
    let key = live_key(1401);
    let mut repo = Repo::bare();
    let a = repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    for number in 0..60 {
        repo.commit_on(MAIN, &[("n", Some(&format!("{number}\n{}", "x\n".repeat(number))))], "more");
    }
    repo.finish();
    let path = repo.path().to_owned();
    let (done, rounds) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let _stop = Stop(&done);
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let round = rounds.fetch_add(1, Ordering::Relaxed);
                let content = format!("push {round}\n");
                let blob = git::run(git::command(&path), &["hash-object", "-w", "--stdin"], content.as_bytes());
                let blob = String::from_utf8(blob).unwrap();
                git_in(&path, &["update-ref", &format!("refs/blobs/{round}"), blob.trim()]);
                git_in(&path, &["repack", "-adq"]);
                git_in(&path, &["prune-packed", "-q"]);
                if round % 3 == 0 {
                    git_in(&path, &["pack-refs", "--all"]);
                }
            }
        });
        let started = Instant::now();
        let mut audits = 0;
        // Enough of both, on any machine.
        while (audits < 25 || rounds.load(Ordering::Relaxed) < 10) && started.elapsed() < Duration::from_secs(20) {
            let found = audit_at(&path);
            assert_eq!((found.code, found.skipped()), (1, vec![]), "nothing is lost by a repack");
            let first = &found.only(&key)["introductions"];
            assert_eq!(entries(first, &[("A", a)]), ["A file .env key"]);
            audits += 1;
        }
    });
}

/// The binary, in an environment in which nothing of this machine's is set.
fn binary(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clerk-audit"));
    command
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", git::empty_home())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Waits for the end of a process, which comes soon or fails the test.
fn end_of(child: &mut Child, patience: Duration) -> Option<i32> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("waiting") {
            return status.code();
        }
        if started.elapsed() > patience {
            child.kill().expect("ending it");
            child.wait().expect("waiting");
            panic!("it did not end within {patience:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a process handles SIGINT by now; `None` where the system does not tell.
fn handles_interrupt(process: u32) -> Option<bool> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"))?;
    Some(u64::from_str_radix(caught.trim(), 16).ok()? & 2 != 0)
}

fn interrupt(process: u32) {
    assert!(crate::common::tools::signal(process, "INT"));
}

/// A repository that takes many seconds to read: one file of 4 MiB in three thousand versions, in a pack of a few
/// hundred kilobytes.
fn slow() -> Repo {
    const SIZE: usize = 4 << 20;
    let repo = Repo::bare();
    let mut all = vec![Packed::blob(made_up(0), "x".repeat(63).repeat(SIZE / 63 + 1)[..SIZE].to_owned())];
    for number in 1..3_000usize {
        let line = format!("{number:016}");
        let steps = [Step::Insert(line.as_bytes()), Step::Copy(16, SIZE - 16)];
        let bytes = delta(SIZE, &steps);
        all.push(Packed { oid: made_up(number as u64), stored: Stored::OffsetDelta(number), bytes });
    }
    write_pack(&repo.git_directory().join("objects"), "slow", &all);
    repo
}

#[test]
fn ctrl_c_reports_what_was_found_so_far_and_exits_3() {
    //  first: A +   main (read in no time)        second: takes long to read, and is interrupted
    let key = live_key(1402);
    let mut first = Repo::bare();
    first.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    first.finish();
    let second = slow();
    let paths = [first.path(), second.path()].map(|path| path.to_str().unwrap().to_owned());
    // On a machine so slow that the first was not read by then: later.
    for pause in [400, 1_500, 5_000] {
        let arguments = ["history", "--format", "json", "--threads", "1", &paths[0], &paths[1]];
        let mut child = binary(&arguments).spawn().expect("starting it");
        let mut stdout = child.stdout.take().expect("a pipe");
        let reader = std::thread::spawn(move || {
            let mut text = Vec::new();
            stdout.read_to_end(&mut text).expect("reading");
            text
        });
        while handles_interrupt(child.id()) == Some(false) {
            std::thread::sleep(Duration::from_millis(2));
        }
        std::thread::sleep(Duration::from_millis(pause));
        interrupt(child.id());
        let sent = Instant::now();
        let code = end_of(&mut child, Duration::from_secs(30));
        assert_eq!(code, Some(3));
        assert!(sent.elapsed() < Duration::from_secs(10), "it ends soon");
        let report: serde_json::Value = serde_json::from_slice(&reader.join().unwrap()).expect("a report, whole");
        assert_eq!(schema::faults(&report), [""; 0]);
        assert_eq!(report["complete"], false);
        assert_eq!(report["repositories"][1]["skipped"][0]["reason"], "interrupted", "{:#}", report["repositories"]);
        if report["repositories"][0]["skipped"] == serde_json::json!([]) {
            assert_eq!(report["keys"][0]["id"], key_id(&key), "what was found so far is there");
            return;
        }
    }
    panic!("a small repository was not read in five seconds");
}

#[test]
fn what_was_stopped_is_not_remembered() {
    //  first: A +   main (remembered)        second: takes long to read, and is interrupted
    let mut first = Repo::bare();
    first.commit_on(MAIN, &[(".env", Some(&env(&live_key(1404))))], "A");
    first.finish();
    let state = first.beside("state");
    let second = slow();
    let paths = [first.path(), second.path(), &state].map(|path| path.to_str().unwrap().to_owned());
    let stopped = || {
        let mut child = binary(&["history", "--state", &paths[2], &paths[0], &paths[1]]).spawn().expect("starting it");
        while handles_interrupt(child.id()) == Some(false) {
            std::thread::sleep(Duration::from_millis(2));
        }
        std::thread::sleep(Duration::from_millis(300));
        interrupt(child.id());
        assert_eq!(end_of(&mut child, Duration::from_secs(30)), Some(3));
    };
    stopped();
    assert!(!state.exists());
    let run = crate::common::run::Audit::new(&["history", "--state"]).and(&state).and(first.path()).run();
    assert_eq!(run.code, Some(1), "{}", run.errors());
    let before = std::fs::read(&state).unwrap();
    stopped();
    assert_eq!(std::fs::read(&state).unwrap(), before);
}

#[test]
fn a_second_ctrl_c_ends_it_at_once() {
    //  many keys, and a pipe that nobody reads from, so that the report cannot be written
    let mut repo = Repo::bare();
    for number in 0..120 {
        repo.commit_on(MAIN, &[(&format!("{number}/.env"), Some(&env(&live_key(1500 + number))))], "A");
    }
    repo.finish();
    let mut command = binary(&["history", "--format", "json", repo.path().to_str().expect("UTF-8")]);
    let mut child = command.spawn().expect("starting it");
    // By its first bytes it has begun to write.
    let mut output = child.stdout.take().expect("a pipe");
    output.read_exact(&mut [0; 16]).expect("the report's beginning");
    std::thread::sleep(Duration::from_millis(300));
    interrupt(child.id());
    std::thread::sleep(Duration::from_millis(300));
    assert!(child.try_wait().unwrap().is_none(), "the first only asks");
    interrupt(child.id());
    assert_eq!(end_of(&mut child, Duration::from_secs(10)), Some(3));
}

#[test]
fn a_reader_that_closes_its_pipe_causes_no_panic() {
    let key = live_key(1403);
    let mut repo = Repo::bare();
    let a = repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    for number in 0..3_000 {
        repo.set_ref(&format!("refs/heads/a-branch-with-a-long-name-{number}"), a);
    }
    repo.finish();
    let path = repo.path().to_str().unwrap();
    for arguments in [
        &["history", "--format", "json", "--all-refs", path][..],
        &["history", "--format", "jsonl", "--all-refs", path],
        &["history", "--format", "markdown", "-v", "--all-refs", path],
        &["history", "-v", "--all-refs", path],
        &["history", "--help"],
        &["demo"],
    ] {
        for after in [0, 1] {
            let place = super::support::folder();
            let mut command = binary(arguments);
            let mut child = command.env("TMPDIR", place.path()).spawn().expect("starting it");
            let mut stdout = std::io::BufReader::new(child.stdout.take().expect("a pipe"));
            let mut stderr = child.stderr.take().expect("a pipe");
            if after == 1 {
                stdout.read_until(b'\n', &mut Vec::new()).expect("reading");
            }
            drop(stdout);
            let code = end_of(&mut child, Duration::from_secs(30));
            let mut told = String::new();
            stderr.read_to_string(&mut told).expect("reading");
            assert!(!told.contains("panicked"), "{told}");
            let allowed: &[i32] = if arguments.contains(&"--help") || after == 1 { &[0, 1, 3] } else { &[3] };
            assert!(code.is_some_and(|code| allowed.contains(&code)), "{arguments:?}: {code:?}, {told}");
        }
    }
}

#[test]
fn what_waits_for_its_input_ends_at_the_first_signal() {
    let repo = Repo::bare();
    let arguments = ["trace", repo.path().to_str().expect("UTF-8")];
    let mut child = binary(&arguments).stdin(Stdio::piped()).spawn().expect("starting it");
    while handles_interrupt(child.id()) == Some(false) {
        std::thread::sleep(Duration::from_millis(5));
    }
    // From there to its input it is a few milliseconds.
    std::thread::sleep(Duration::from_secs(1));
    interrupt(child.id());
    assert_eq!(end_of(&mut child, Duration::from_secs(20)), Some(3));
}

#[test]
fn the_first_ctrl_c_ends_a_command_that_waits_for_standard_input() {
    for arguments in [&["explain"][..], &["history", "--repos-from", "-"], &["checklist", "-"]] {
        let mut child = binary(arguments).stdin(Stdio::piped()).spawn().expect("starting it");
        let open = child.stdin.take();
        while handles_interrupt(child.id()) == Some(false) {
            std::thread::sleep(Duration::from_millis(2));
        }
        // What is done between the handler and the waiting takes no time.
        std::thread::sleep(Duration::from_millis(300));
        interrupt(child.id());
        assert_eq!(end_of(&mut child, Duration::from_secs(5)), Some(3), "{arguments:?}");
        drop(open);
    }
}
