//! That nothing which people noted is written over, and what is no place to note anything.

use std::path::Path;

use crate::common::git;
use crate::common::incident::{Case, status};
use crate::common::run::Audit;

#[test]
fn what_people_ticked_is_written_over_by_no_report() {
    let case = Case::two();
    status(&case, &["--done", &case.step("logs"), "--by", "Ann"]);
    let kept = case.status_path();
    let elsewhere = case.repo.beside("elsewhere.status.json");
    std::fs::copy(&kept, &elsewhere).unwrap();
    let noted = case.status_file();
    let report = case.report.to_str().unwrap();
    let [kept, elsewhere] = [&kept, &elsewhere].map(|path| path.to_str().unwrap());
    let repository = case.repo.path().to_str().unwrap();
    let history = ["history", "--format", "json"];
    for arguments in [
        &[&history[..], &["--output", report, "--checklist", kept, repository]].concat(),
        &[&history[..], &["--output", kept, repository]].concat(),
        &[&history[..], &["--output", elsewhere, repository]].concat(),
        &vec!["trace", "--output", kept, repository],
        &vec!["checklist", "--state", elsewhere, "--output", kept, report],
        &vec!["checklist", "--state", elsewhere, "--output", elsewhere, report],
        &vec!["checklist", "--output", elsewhere, report],
    ] {
        let run = Audit::new(arguments).input(case.keys[0].as_bytes()).run();
        assert_eq!(run.code, Some(2), "{arguments:?}: {}", run.errors());
        assert!(run.errors().contains("not written over") && run.errors().contains("hint:"), "{}", run.errors());
        assert!(case.status_file() == noted && std::fs::read_to_string(elsewhere).unwrap() == noted, "{arguments:?}");
    }
    // Nor is its place taken before there is one.
    std::fs::remove_file(kept).unwrap();
    for option in ["--checklist", "--write-known", "--state"] {
        let run = Audit::new(&[&history[..], &["--output", report, option, kept, repository]].concat()).run();
        assert_eq!(run.code, Some(2), "{option}: {}", run.errors());
        assert!(!Path::new(kept).exists());
    }
    // What else is noted by this program stays as well.
    let state = case.repo.beside("state");
    let remembered = Audit::new(&["history", "--state"]).and(&state).and(repository).run();
    assert_eq!(remembered.code, Some(1), "{}", remembered.errors());
    let ledger = case.repo.beside("ledger");
    std::fs::write(&ledger, "{\"canary\":false,\"pusher\":\"ada\",\"schema\":1,\"verdict\":\"accepted\"}\n").unwrap();
    for path in [&state, &ledger] {
        let before = std::fs::read(path).unwrap();
        let run = Audit::new(&["history", "--output"]).and(path).and(repository).run();
        assert_eq!(run.code, Some(2), "{}", run.errors());
        assert_eq!(std::fs::read(path).unwrap(), before);
    }
}

#[test]
fn a_report_that_is_a_stream_has_no_status_beside_it() {
    let case = Case::two();
    let shell = "exec \"$1\" status /dev/stdin --done \"$2\" <\"$3\"";
    let mut command = std::process::Command::new("sh");
    command.args(["-c", shell, "sh", env!("CARGO_BIN_EXE_clerk-audit"), &case.step("logs")]).arg(&case.report);
    let run = git::answer(command, b"");
    assert!(!run.success && run.stderr.contains("has no place beside it"), "{}", run.stderr);
    assert!(!Path::new("/dev/stdin.status.json").exists());
}

#[test]
fn a_pipe_that_nobody_writes_to_is_left_at_the_first_signal() {
    let case = Case::two();
    let pipe = case.repo.beside("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for arguments in [&["status"][..], &["trace", "--id", "sk_live_abcd", "--repos-from"], &["checklist"]] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_clerk-audit"));
        command.args(arguments).arg(&pipe).stderr(std::process::Stdio::null()).stdout(std::process::Stdio::null());
        let mut run = command.spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(500));
        let kill = std::process::Command::new("kill").args(["-TERM", &run.id().to_string()]).status().unwrap();
        assert!(kill.success());
        let ended = (0..100).find_map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(50));
            run.try_wait().unwrap()
        });
        if ended.is_none() {
            run.kill().unwrap();
        }
        assert_eq!(ended.and_then(|status| status.code()), Some(3), "{arguments:?}");
    }
}
