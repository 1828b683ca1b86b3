//! Bad input to the commands of an incident: each a clear error that says what to do, and nothing overwritten.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is the failing test's message")]

mod common;

use std::path::PathBuf;

use common::fixture::Repo;
use common::run::{Audit, Outcome};
use common::secrets::live_key;

struct Case {
    _repo: Repo,
    place: tempfile::TempDir,
}

impl Case {
    fn new() -> Self {
        let mut repo = Repo::bare();
        repo.commit_on("refs/heads/main", &[(".env", Some(&format!("K={}\n", live_key(9500))))], "A");
        repo.finish();
        let place = tempfile::tempdir().unwrap();
        let case = Self { place, _repo: repo };
        let run =
            Audit::new(&["history", "--format", "json", "--output"]).and(case.report()).and(case._repo.path()).run();
        assert_eq!(run.code, Some(1));
        case
    }

    fn report(&self) -> PathBuf {
        self.place.path().join("report.json")
    }

    fn write(&self, text: &[u8]) {
        std::fs::write(self.report(), text).unwrap();
    }

    /// Every command that reads a report.
    fn each(&self) -> Vec<Outcome> {
        let plan = self.place.path().join("plan");
        let commands: [&[&str]; 5] = [
            &["checklist"],
            &["status"],
            &["verify", "--yes", "--api-url", "https://127.0.0.1:1"],
            &["purge-plan", "--to", plan.to_str().unwrap()],
            &["trace", "--id", "sha256:abcdef", "--report"],
        ];
        commands.iter().map(|command| Audit::new(command).and(self.report()).run()).collect()
    }
}

/// As PowerShell's `>` writes it, or the same in the other order and without a mark.
fn utf16(text: &[u8], other: bool) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    match other {
        true => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        false => format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect(),
    }
}

#[test]
fn a_mark_before_what_is_read_says_nothing() {
    let case = Case::new();
    let text = std::fs::read(case.report()).unwrap();
    case.write(&[b"\xef\xbb\xbf".as_slice(), &text].concat());
    let run = Audit::new(&["status"]).and(case.report()).run();
    assert!(run.code == Some(1) && run.errors().is_empty(), "{:?} {}", run.code, run.errors());
    let list = case.report().with_file_name("list");
    std::fs::write(&list, format!("\u{feff}{}\r\n", case._repo.path().display())).unwrap();
    let run = Audit::new(&["history", "--repos-from"]).and(&list).run();
    assert_eq!(run.code, Some(1), "{}", run.errors());
}

#[test]
fn a_report_of_another_version_cut_short_or_none_at_all() {
    let case = Case::new();
    let text = std::fs::read(case.report()).unwrap();
    let whole = String::from_utf8(text.clone()).unwrap();
    let lines = Audit::new(&["history", "--format", "jsonl"]).and(case._repo.path()).run().stdout;
    for (bad, what, hint) in [
        (
            whole.replace("report/1", "report/2").into_bytes(),
            "of the version clerk-audit/report/2",
            "the version of clerk-audit that wrote it",
        ),
        (text[..text.len() / 2].to_vec(), "cut short", "write it again"),
        (Vec::new(), "cut short", "write it again"),
        (utf16(&text, false), "it is UTF-16", "--output FILE"),
        (utf16(&text, true), "it is UTF-16", "--output FILE"),
        (lines, "a line for each key", "--format json"),
        (b"hello".to_vec(), "not a JSON report: line 1", "--format json"),
        (b"{}".to_vec(), "no report of clerk-audit", "--format json"),
        (
            whole.replace("\"sightings\": 1", "\"sightings\": -1").into_bytes(),
            "not as clerk-audit writes it",
            "make it anew",
        ),
    ] {
        case.write(&bad);
        for run in case.each() {
            assert!(matches!(run.code, Some(3)), "{what}: {:?} {}", run.code, run.errors());
            assert!(run.errors().contains(what) && run.errors().contains(hint), "{what}: {}", run.errors());
            assert!(run.text().is_empty());
        }
        assert_eq!(std::fs::read(case.report()).unwrap(), bad, "nothing is overwritten");
    }
    std::fs::remove_file(case.report()).unwrap();
    for run in case.each() {
        assert!(run.code == Some(3) && run.errors().contains("hint:"), "{}", run.errors());
    }
}

#[test]
fn what_is_read_is_not_written_over() {
    let case = Case::new();
    let text = std::fs::read(case.report()).unwrap();
    let link = case.place.path().join("link");
    std::os::unix::fs::symlink(case.report(), &link).unwrap();
    for target in [case.report(), link] {
        for arguments in [&["checklist", "--output"][..], &["status", "--state"], &["verify", "--yes", "--state"]] {
            let run = Audit::new(arguments).and(&target).and(case.report()).run();
            assert_eq!(run.code, Some(2), "{arguments:?}: {}", run.errors());
            assert!(run.errors().contains("not written over"), "{}", run.errors());
        }
    }
    assert_eq!(std::fs::read(case.report()).unwrap(), text);
}

#[test]
fn a_clock_that_is_off_is_told() {
    let case = Case::new();
    let text = std::fs::read_to_string(case.report()).unwrap();
    let made = text.split("\"generated_at\": \"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    case.write(text.replace(&made, "2999-01-01T00:00:00Z").as_bytes());
    let run = Audit::new(&["checklist"]).and(case.report()).run();
    assert_eq!(run.code, Some(0));
    assert!(run.errors().contains("one of the two clocks is off"), "{}", run.errors());
    // A commit from the future is told in the checklist itself.
    case.write(text.replace(&made, "2001-01-01T00:00:00Z").as_bytes());
    let run = Audit::new(&["checklist"]).and(case.report()).run();
    assert!(run.text().contains("clock runs ahead"), "{}", run.text());
}

#[test]
fn a_status_that_cannot_be_read_is_an_error_and_stays() {
    let case = Case::new();
    let status = case.place.path().join("report.status.json");
    for (bad, word) in [
        ("{\"schema\": ", "not as clerk-audit writes it"),
        ("{}", "no status file"),
        ("<<<<<<< ours\n", "marks of a merge"),
    ] {
        std::fs::write(&status, bad).unwrap();
        let run = Audit::new(&["status", "--done", "sk_live_:logs"]).and(case.report()).run();
        assert_eq!(run.code, Some(3));
        assert!(run.errors().contains(word) && run.errors().contains("hint:"), "{}", run.errors());
        assert_eq!(std::fs::read_to_string(&status).unwrap(), bad);
    }
}

#[test]
fn a_list_or_a_repository_that_cannot_be_read_is_named_and_what_to_do() {
    let case = Case::new();
    let place = case.place.path();
    let (list, link) = (place.join("no list"), place.join("loop"));
    std::os::unix::fs::symlink(&link, &link).unwrap();
    let key = live_key(9501);
    for command in ["history", "trace"] {
        let audit = || Audit::new(&[command]).input(key.as_bytes());
        let run = audit().and("--repos-from").and(&list).run();
        assert_eq!(run.code, Some(2));
        let told = format!("cannot read the list of repositories {}", list.display());
        assert!(run.errors().contains(&told) && run.errors().contains("a path a line"), "{}", run.errors());
        for (path, what, hint) in [
            (&list, "No such file", "look at its spelling"),
            (&PathBuf::from("no/such/path"), "No such file", "begins where you stand"),
            (&link, "symbolic links", "name the repository itself"),
            (&case.report(), "Not a directory", "name the repository itself"),
        ] {
            for option in [&["--repos-under"][..], &[]] {
                let run = audit().and_all(option).and(path).run();
                assert_eq!(run.code, Some(3), "{command} {option:?}: {}", run.errors());
                let said = run.errors();
                let has_hint = said.contains(hint) || said.contains("name a work tree, a .git directory");
                assert!(said.contains(&path.display().to_string()) && has_hint, "{said}");
                assert!(said.contains(what) || said.contains("not a git repository"), "{said}");
            }
        }
    }
}

#[test]
fn what_cannot_be_written_is_named_and_what_to_do() {
    let case = Case::new();
    let nowhere = case.place.path().join("no/folder/out");
    for run in [
        Audit::new(&["checklist", "--output"]).and(&nowhere).and(case.report()).run(),
        Audit::new(&["trace", "--id", "sha256:abcdef", "--output"]).and(&nowhere).and(case._repo.path()).run(),
        Audit::new(&["status", "--done", "sk_live_:logs", "--state"]).and(&nowhere).and(case.report()).run(),
    ] {
        assert_eq!(run.code, Some(3));
        let told = format!("cannot write {}: No such file or directory", nowhere.display());
        assert!(run.errors().contains(&told) && run.errors().contains("hint:"), "{}", run.errors());
        assert!(!run.errors().contains(" at path "), "{}", run.errors());
    }
}

#[test]
fn half_a_report_never_says_that_all_is_done() {
    let case = Case::new();
    let text = std::fs::read_to_string(case.report()).unwrap();
    let mut report: serde_json::Value = serde_json::from_str(&text).unwrap();
    report["complete"] = false.into();
    report["keys"] = serde_json::json!([]);
    case.write(report.to_string().as_bytes());
    let run = Audit::new(&["status"]).and(case.report()).run();
    assert_eq!(run.code, Some(3));
    assert!(run.text().contains("The report is not whole"), "{}", run.text());
    let plan = case.place.path().join("plan");
    for run in [
        Audit::new(&["checklist"]).and(case.report()).run(),
        Audit::new(&["verify", "--yes", "--api-url", "https://127.0.0.1:1"]).and(case.report()).run(),
        Audit::new(&["purge-plan", "--to"]).and(&plan).and(case.report()).run(),
    ] {
        assert_eq!(run.code, Some(3), "{}{}", run.text(), run.errors());
        assert!(run.errors().contains("the report is not whole") && run.errors().contains("hint:"), "{}", run.errors());
    }
    // What it has is written all the same.
    let mut report: serde_json::Value = serde_json::from_str(&text).unwrap();
    report["complete"] = false.into();
    case.write(report.to_string().as_bytes());
    let run = Audit::new(&["purge-plan", "--to"]).and(&plan).and(case.report()).run();
    assert!(run.code == Some(3) && plan.join("README.md").exists(), "{}", run.errors());
    let run = Audit::new(&["checklist"]).and(case.report()).run();
    assert!(run.code == Some(3) && run.text().contains("1 key must be rotated"), "{}", run.text());
}
