//! What comes out: formats, files, colour, exit codes.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use super::support::{MAIN, env, folder, found, list, text};
use crate::common::fixture::Repo;
use crate::common::run::{Audit, Outcome};
use crate::common::schema;
use crate::common::secrets::{key_id, live_key, look_alike, test_key};

/// `A (.env +, other +) ── B (other -)   main`
fn leaky() -> (Repo, [String; 2]) {
    let keys = [live_key(1601), test_key(1602)];
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[(".env", Some(&env(&keys[0]))), ("other", Some(&env(&keys[1])))], "Add the keys");
    repo.commit_on(MAIN, &[("other", None)], "Remove one");
    repo.finish();
    (repo, keys)
}

fn history(repo: &Repo, options: &[&str]) -> Outcome {
    Audit::new(&["history"]).and(repo.path()).run_with(options)
}

trait RunWith {
    fn run_with(self, options: &[&str]) -> Outcome;
}

impl RunWith for Audit {
    fn run_with(self, options: &[&str]) -> Outcome {
        options.iter().fold(self, |audit, option| audit.and(option)).run()
    }
}

#[test]
fn exit_codes_are_a_promise() {
    let (repo, _) = leaky();
    let mut clean = Repo::bare();
    clean.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    clean.finish();
    assert_eq!(history(&clean, &[]).code, Some(0), "nothing found and all read");
    assert_eq!(history(&repo, &[]).code, Some(1), "keys found");
    assert_eq!(history(&repo, &["--format", "yaml"]).code, Some(2), "usage");
    assert_eq!(history(&clean, &["--max-blob-size", "1"]).code, Some(3), "incomplete");
    let both = history(&repo, &["--max-blob-size", "60"]);
    assert_eq!(both.code, Some(3), "found and incomplete");
}

#[test]
fn low_confidence_is_told_and_makes_no_exit_1() {
    //  A: a token of 50 characters that no vendor has, with nobody's name nearby   main
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("notes", Some(&format!("{}\n", look_alike(1603, 50))))], "A");
    repo.finish();
    let found = found(&Audit::history(repo.path()).run()).complete();
    assert_eq!((found.code, text(&found.report["keys"][0]["confidence"])), (0, "low"));
    let shown = history(&repo, &[]).text();
    assert!(shown.lines().next().unwrap().contains("1 possible key"), "{shown}");
}

#[test]
fn json_is_one_document_with_the_tool_and_the_time() {
    let (repo, keys) = leaky();
    let found = found(&history(&repo, &["--format", "json"])).complete();
    assert_eq!(text(&found.report["schema"]), "clerk-audit/report/1");
    assert_eq!(found.report["tool"], serde_json::json!({"name": "clerk-audit", "version": env!("CARGO_PKG_VERSION")}));
    assert!(text(&found.report["generated_at"]).ends_with('Z'));
    for key in &keys {
        let of = found.key(key);
        assert_eq!(text(&of["hint"]), format!("{}…{}", &key[..12], &key[46..]));
        assert_eq!((text(&of["kind"]), text(&of["confidence"])), ("secret_key", "high"));
        assert!(list(&of["reasons"]).count() > 0);
    }
    assert_eq!(found.key(&keys[0])["environment"], "live");
    assert_eq!(found.key(&keys[1])["environment"], "test");
}

#[test]
fn jsonl_is_a_key_a_line_and_a_closing_line_of_coverage() {
    let (repo, keys) = leaky();
    let whole = history(&repo, &["--format", "json"]).report();
    let run = history(&repo, &["--format", "jsonl"]);
    assert_eq!(run.code, Some(1));
    let lines: Vec<Value> = run.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    let mut put_together = lines[2].clone();
    put_together["keys"] = lines[..2].to_vec().into();
    assert_eq!(schema::faults(&put_together), [""; 0], "together the lines are the document");
    for (line, key) in lines.iter().zip(whole["keys"].as_array().unwrap()) {
        assert_eq!(line["type"], "key");
        let mut line = line.clone();
        line.as_object_mut().unwrap().remove("type");
        assert_eq!(&line, key, "the same as in the document");
    }
    assert_eq!((&lines[2]["type"], &lines[2]["complete"]), (&"coverage".into(), &true.into()));
    assert_eq!(lines[2]["summary"], whole["summary"]);
    assert!(run.text().ends_with('\n'));
    assert!(lines.iter().any(|line| line["id"] == key_id(&keys[0])));
}

#[test]
fn text_has_the_verdict_first_and_then_a_block_a_key() {
    let (repo, _) = leaky();
    let shown = history(&repo, &[]).text();
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines[0].starts_with("Found 2 Clerk secret keys (1 live, 1 test): 1 on a branch (live)"), "{shown}");
    assert!(shown.contains("Add the keys") && shown.contains("Ada Author"), "{shown}");
    assert!(shown.contains(".env:1"), "{shown}");
    let (first, second) = (shown.find("\n1. ").unwrap(), shown.find("\n2. ").unwrap());
    assert!(first < second && shown[first..second].contains("sk_live_") && shown[second..].contains("sk_test_"));
}

#[test]
fn colour_is_for_terminals_and_for_who_asks() {
    let (repo, _) = leaky();
    let has_color = |options: &[&str], variable: Option<&str>| {
        let mut audit = Audit::new(&["history"]).and(repo.path());
        if let Some(name) = variable {
            audit = audit.variable(name, "1");
        }
        audit.run_with(options).text().contains('\u{1b}')
    };
    assert!(!has_color(&[], None), "a pipe is no terminal");
    assert!(!has_color(&["--color", "auto"], None));
    assert!(has_color(&["--color", "always"], None));
    assert!(!has_color(&["--color", "never"], None));
    assert!(!has_color(&[], Some("NO_COLOR")));
    assert!(!has_color(&[], Some("CLICOLOR_FORCE")));
    assert!(!has_color(&["--color", "always", "--format", "json"], None));
    assert!(!has_color(&["--color", "always", "--format", "markdown"], None));
    let place = folder();
    let file = place.path().join("report");
    let run = Audit::new(&["history", "--color", "always", "--output"]).and(&file).and(repo.path()).run();
    assert_eq!(run.code, Some(1));
    assert!(!std::fs::read_to_string(&file).unwrap().contains('\u{1b}'), "a file is no terminal, whatever is asked");
}

#[test]
fn nothing_but_errors_goes_to_standard_error_where_that_is_no_terminal() {
    let (repo, _) = leaky();
    for options in [&[][..], &["-v"], &["--quiet"], &["--format", "json"]] {
        assert_eq!(history(&repo, options).errors(), "", "{options:?}");
    }
}

#[test]
fn output_goes_to_a_file_of_ones_own() {
    let (repo, _) = leaky();
    let place = folder();
    let file = place.path().join("report.json");
    std::fs::write(&file, "old").unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o666)).unwrap();
    let run = Audit::new(&["history", "--format", "json", "--output"]).and(&file).and(repo.path()).run();
    assert_eq!((run.code, run.text().as_str()), (Some(1), ""));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600);
    let report: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(schema::faults(&report), [""; 0]);
    let left: Vec<_> = std::fs::read_dir(place.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left, ["report.json"], "no temporary file is left");
    let dash = history(&repo, &["--output", "-"]);
    assert!(dash.text().starts_with("Found 2"), "- is standard output");
}

#[test]
fn a_link_in_the_place_of_the_output_is_replaced_and_never_followed() {
    let (repo, _) = leaky();
    for option in ["--output", "--checklist", "--write-known"] {
        let place = folder();
        let (target, link) = (place.path().join("target"), place.path().join("link"));
        std::fs::write(&target, "precious").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let run = Audit::new(&["history", option]).and(&link).and(repo.path()).run();
        assert_eq!(run.code, Some(1), "{option}: {}", run.errors());
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "precious", "{option}");
        let meta = std::fs::symlink_metadata(&link).unwrap();
        assert!(meta.is_file() && meta.permissions().mode() & 0o7777 == 0o600, "{option}");
    }
}

#[test]
fn a_link_to_standard_output_is_written_to_and_stays() {
    use std::process::{Command, Stdio};
    let (repo, _) = leaky();
    // Where standard output is a file, as in `clerk-audit … >> log`: it goes on where it stands.
    for target in ["/proc/self/fd/1", "/dev/stdout"] {
        let place = folder();
        let (link, log) = (place.path().join("link"), place.path().join("log"));
        std::os::unix::fs::symlink(target, &link).unwrap();
        std::fs::write(&log, "before\n").unwrap();
        let stdout = std::fs::OpenOptions::new().append(true).open(&log).unwrap();
        let status = Command::new(env!("CARGO_BIN_EXE_clerk-audit"))
            .args(["history", "--output"])
            .args([&link, repo.path()])
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .stdin(Stdio::null())
            .stdout(stdout)
            .status()
            .unwrap();
        assert_eq!(status.code(), Some(1), "{target}");
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink(), "{target} stays");
        let text = std::fs::read_to_string(&log).unwrap();
        assert!(text.starts_with("before\nFound 2 Clerk secret keys"), "{target}: {text}");
    }
}

#[test]
fn output_that_cannot_be_written_is_an_error_and_exit_3() {
    let (repo, _) = leaky();
    let place = folder();
    for (option, path) in [("--output", "no/such/folder/report"), ("--checklist", "."), ("--write-known", "no/list")] {
        let run = Audit::new(&["history", option]).and(place.path().join(path)).and(repo.path()).run();
        assert_eq!(run.code, Some(3), "{option}");
        assert!(run.errors().starts_with("error: cannot write") && run.errors().contains("hint:"), "{}", run.errors());
        // Before the audit, whose result would be lost.
        assert!(run.text().is_empty(), "{}", run.text());
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0, "nothing is left behind");
    }
}

#[test]
fn a_failed_write_leaves_the_old_report() {
    let (repo, _) = leaky();
    let place = folder();
    let file = place.path().join("report");
    std::fs::create_dir(&file).unwrap();
    std::fs::write(file.join("kept"), "kept").unwrap();
    let run = Audit::new(&["history", "--output"]).and(&file).and(repo.path()).run();
    assert_eq!(run.code, Some(3));
    assert_eq!(std::fs::read_to_string(file.join("kept")).unwrap(), "kept");
}

#[test]
fn bytes_that_are_not_utf_8_and_backslashes_are_told_apart() {
    //  A (caf\xe9 +, back\slash +)   main        author "J\xfcrgen"
    use crate::common::fixture::objects::{Commit, Files, Mode};
    let key = live_key(1604);
    let mut repo = Repo::bare();
    let blob = repo.blob(env(&key));
    let at = |path: &[u8]| (path.to_vec(), (Mode::File, blob));
    let tree = repo.tree(&Files::from([at(b"caf\xe9"), at(b"back\\slash")]));
    let mut commit = Commit::new(tree, &[], 1_704_000_000, "A");
    commit.author.name = b"J\xfcrgen".to_vec();
    let a = repo.commit(&commit);
    repo.set_ref(MAIN, a);
    repo.finish();
    let found = found(&Audit::history(repo.path()).run()).complete();
    let paths: Vec<&str> = list(&found.only(&key)["introductions"]).map(|entry| text(&entry["path"])).collect();
    assert_eq!(paths, ["back\\\\slash", "caf\\xe9"]);
    assert_eq!(text(&found.only(&key)["first_introduced"]["author"]["name"]), "J\\xfcrgen");
}

#[test]
fn both_readers_say_the_same() {
    //  a repository with packs, deltas, loose objects, tags: the reference reader finds the same, byte for byte
    let (mut repo, _) = leaky();
    for number in 0..50 {
        let content = format!("{}{}", "line\n".repeat(300), env(&live_key(1610 + number % 7)));
        repo.commit_on(MAIN, &[("big", Some(&format!("{number}\n{content}")))], &format!("edit {number}"));
    }
    repo.git(&["repack", "-adq"]);
    repo.commit_on(MAIN, &[("loose", Some(&env(&live_key(1620))))], "loose");
    repo.finish();
    let reports = ["bulk", "libgit2"].map(|reader| {
        let mut report = Audit::history(repo.path()).and("--reader").and(reader).run().report();
        report["generated_at"] = Value::Null;
        report
    });
    assert_eq!(reports[0], reports[1]);
    let mut single = Audit::history(repo.path()).and("--threads").and("1").run().report();
    single["generated_at"] = Value::Null;
    assert_eq!(reports[0], single, "the number of threads changes nothing");
}
