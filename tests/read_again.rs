//! Commands that read the keys of a report again: as far as the audit that made it, and never silently less.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is the failing test's message")]

mod common;

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use clerk_audit::audit::{Auditor, Options, Recall};
use clerk_audit::detect::Detector;
use clerk_audit::model::{Interrupt, Silent};
use clerk_audit::store::locate;
use common::clerk::{Answer, Clerk};
use common::fixture::Repo;
use common::fixture::objects::{Files, Mode};
use common::git;
use common::incident::asking;
use common::run::{Audit, Outcome};
use common::secrets::{Alphabet, Padding, base64, key_id, live_key};

const MAIN: &str = "refs/heads/main";

/// A key in a file in more containers than are opened unless somebody asks for it.
struct Deep {
    repo: Repo,
    key: String,
    place: tempfile::TempDir,
}

impl Deep {
    /// `beside`: a file that has the key as it is.
    fn new(seed: u64, beside: bool) -> Self {
        let key = live_key(seed);
        let plain = format!("CLERK_SECRET_KEY={key}\n").into_bytes();
        let mut repo = Repo::bare();
        let packed = repo.blob((0..7).fold(plain.clone(), |content, _| gzip(&content)));
        let mut files = Files::from([(b"deep.gz".to_vec(), (Mode::File, packed))]);
        if beside {
            let plain = repo.blob(plain);
            files.insert(b"plain.env".to_vec(), (Mode::File, plain));
        }
        repo.commit_files(MAIN, files, &[], "Add keys");
        repo.finish();
        Self { repo, key, place: tempfile::tempdir().unwrap() }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Audits it as deep as it takes, and lets the report say so or not, as earlier versions did.
    fn report(&self, says_limits: bool) -> PathBuf {
        let path = self.at("report.json");
        let run = Audit::history(self.repo.path()).and("--max-depth").and("9").run();
        assert_eq!(run.code, Some(1), "{}", run.errors());
        let mut report = run.report();
        assert_eq!((&report["complete"], &report["limits"]["max_depth"]), (&true.into(), &9.into()));
        if !says_limits {
            report.as_object_mut().unwrap().remove("limits");
        }
        std::fs::write(&path, report.to_string()).unwrap();
        path
    }

    fn repo_git(&self, arguments: &[&str]) -> Vec<u8> {
        git::run(git::command(self.repo.path()), arguments, b"")
    }

    fn plan(&self, report: &Path) -> Outcome {
        Audit::new(&["purge-plan"]).and(report).and("--to").and(self.at("plan")).run()
    }

    fn verify(&self, report: &Path, clerk: &Clerk) -> Outcome {
        asking(Audit::new(&["verify", "--yes"]).and(report), clerk).run()
    }
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_purge_plan_drops_what_is_as_deep_as_the_report_was_made_to_look() {
    let deep = Deep::new(9700, true);
    let run = deep.plan(&deep.report(true));
    assert_eq!(run.code, Some(0), "{}", run.errors());
    let of_plan = |name: &str| std::fs::read_to_string(deep.at("plan/1-repository").join(name)).unwrap();
    let packed = String::from_utf8(deep.repo_git(&["rev-parse", "main:deep.gz"])).unwrap();
    assert!(of_plan("strip-blobs.txt").contains(packed.trim()), "{}", of_plan("strip-blobs.txt"));
    // What proves that it is clean looks as deep.
    let audit = "history --write-known \"$plan/left.txt\" --max-depth 9 .";
    assert!(of_plan("commands.sh").contains(audit), "{}", of_plan("commands.sh"));
}

#[test]
fn a_purge_plan_that_does_not_look_as_deep_says_so() {
    let deep = Deep::new(9701, true);
    let run = deep.plan(&deep.report(false));
    assert_eq!(run.code, Some(3), "{}", run.errors());
    assert!(run.errors().contains("1 object of ") && run.errors().contains("--max-depth"), "{}", run.errors());
}

#[test]
fn keys_are_gone_only_where_all_was_read() {
    let deep = Deep::new(9702, false);
    let clerk = Clerk::start(HashMap::from([(deep.key.clone(), Answer::Dead)]));
    let run = deep.verify(&deep.report(false), &clerk);
    assert_eq!(run.code, Some(3), "{}", run.errors());
    assert!(run.errors().contains("could not be read again, since not all could be read"), "{}", run.errors());
    assert!(!run.errors().contains("not in the repositories any more"), "{}", run.errors());
    let run = deep.verify(&deep.report(true), &clerk);
    assert_eq!(run.code, Some(0), "{}{}", run.text(), run.errors());
}

#[test]
fn a_trace_by_a_report_looks_as_deep_and_one_can_be_told_to() {
    let deep = Deep::new(9703, false);
    let trace = |report: Option<&Path>, options: &[&str]| {
        let audit = Audit::new(&["trace", "--id", &key_id(&deep.key)]).and_all(options).and(deep.repo.path());
        report.iter().fold(audit, |audit, report| audit.and("--report").and(report)).run().code
    };
    assert_eq!(trace(Some(&deep.report(true)), &[]), Some(1));
    assert_eq!(trace(Some(&deep.report(false)), &[]), Some(3));
    assert_eq!(trace(None, &["--max-depth", "9"]), Some(1));
    assert_eq!(trace(None, &[]), Some(3));
}

/// Reads the keys of a repository again, each object within a time.
fn recall(repo: &Repo, time: Duration, interrupt: Interrupt<'_>) -> Recall {
    let detector = Detector::new();
    let time_for_object = Some((time, Instant::now as fn() -> Instant));
    let options = Options { time_for_object, threads: 1, ..Options::default() };
    let auditor = Auditor { detector: &detector, options: &options, events: &Silent, interrupt };
    let layout = locate(repo.path(), false).unwrap();
    auditor.recall(b"repository", layout, None).unwrap()
}

#[test]
fn an_object_has_its_time_and_can_be_interrupted() {
    let mut repo = Repo::bare();
    let long = format!("{}CLERK_SECRET_KEY={}\n", "filler text\n".repeat(40_000), live_key(9704));
    let packed = repo.blob(gzip(base64(long.as_bytes(), Alphabet::Standard, Padding::Full).as_bytes()));
    repo.commit_files(MAIN, Files::from([(b"a.gz".to_vec(), (Mode::File, packed))]), &[], "Add it");
    repo.finish();
    let whole = recall(&repo, Duration::from_secs(600), Interrupt::never());
    assert!(whole.is_whole() && whole.keys.len() == 1);
    let late = recall(&repo, Duration::ZERO, Interrupt::never());
    assert!(late.limited == 1 && !late.is_whole() && late.keys.is_empty());
    let stopped = AtomicBool::new(true);
    assert!(recall(&repo, Duration::from_secs(600), Interrupt::on(&stopped)).keys.is_empty());
}
