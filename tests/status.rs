//! `status` and `checklist`: what is noted of a rotation, by whom, and that none of it is lost.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is the failing test's message")]

mod common;

mod status {
    mod apart;
    mod gates;
    mod gone;
    mod merges;
    mod stash;
}

use std::path::Path;
use std::time::Duration;

use common::clerk::{Answer, Clerk, INSTANCE};
use common::fixture::Repo;
use common::incident::{Case, answers, asking, status};
use common::run::Audit;
use common::secrets::{key_id, live_key, test_key};

const MAIN: &str = "refs/heads/main";

#[test]
fn a_rotation_is_over_when_every_step_is_done_and_not_before() {
    let case = Case::new(vec![live_key(7040)]);
    let first = status(&case, &[]);
    assert_eq!(first.code, Some(1));
    assert!(first.text().starts_with("12 steps are open, of the one key."), "{}", first.text());
    // Looking notes what is asked, so that it outlives the report, and nothing else.
    let noted = case.status_file();
    assert!(noted.contains("\"steps\"") && !noted.contains("\"by\""), "{noted}");
    assert!(status(&case, &[]).code == Some(1) && case.status_file() == noted);

    let hint = case.hint(0);
    let steps = ["logs", "add", "deploy", "check", "minted", "config", "law", "refs"];
    for step in steps {
        let run = status(&case, &["--done", &format!("{hint}:{step}"), "--by", "Ann"]);
        assert_eq!(run.code, Some(1), "{step}: {}", run.errors());
    }
    assert!(case.status_file().contains("\"by\":\"Ann\""));
    // People read one kind of time.
    let text = status(&case, &[]).text();
    let ticked = text.lines().find(|line| line.contains("[x] logs")).unwrap();
    assert!(ticked.contains("(Ann, 20") && ticked.ends_with(" UTC)"), "{ticked}");
    // What can be seen outweighs what is said.
    let run = status(&case, &["--done", &format!("{hint}:tips")]);
    assert!(run.text().contains("[ ] tips"), "{}", run.text());
    let told = format!("tips of {hint} stays open, whatever was ticked: it stands at");
    assert!(run.errors().contains(&told), "{}", run.errors());

    let clerk = Clerk::start(answers(&case, [Answer::Dead]));
    let run = asking(Audit::new(&["status", "--verify", "--yes"]).and(&case.report), &clerk).run();
    assert_eq!(run.code, Some(1), "{}", run.text());
    assert!(
        run.text().contains("[x] dead      delete the old key in Clerk (seen: Clerk refused it on"),
        "{}",
        run.text()
    );

    // A hook and a .gitignore are seen where they are.
    let hooks = case.repo.git_directory().join("hooks");
    std::fs::create_dir_all(&hooks).unwrap();
    std::fs::write(hooks.join("pre-receive"), "#!/bin/sh\nexec clerk-audit hook pre-receive\n").unwrap();
    executable(&hooks.join("pre-receive"));
    std::fs::write(case.repo.path().join(".gitignore"), ".env*\n").unwrap();
    let run = status(&case, &[]);
    assert!(run.text().contains("[x] gate") && run.text().contains("guarded by hooks/pre-receive"), "{}", run.text());
    assert!(run.text().contains("[x] ignore") && run.text().contains("covered by .gitignore:1"), "{}", run.text());
    assert_eq!(run.code, Some(1), "it still stands at a tip");

    // The key is taken out, and the newest report says so.
    let mut repo = case.repo;
    repo.commit_on(MAIN, &[("0/.env", None)], "Take it out");
    repo.finish();
    Audit::new(&["history", "--format", "json", "--output"]).and(&case.report).and(repo.path()).run();
    let run = Audit::new(&["status"]).and(&case.report).run();
    assert_eq!(run.code, Some(0), "{}", run.text());
    assert!(run.text().starts_with("All is done for the one key."), "{}", run.text());
}

#[test]
fn a_checklist_has_the_places_one_names_and_the_days_of_ones_plan() {
    let case = Case::new(vec![live_key(7070)]);
    let consumers = case.repo.beside("consumers");
    let hostile = "[x](https://evil.example) <img src=x>";
    std::fs::write(
        &consumers,
        format!(
            "\u{feff}# where it runs\n\nFly.io app shop-api\r\nFly.io app shop-api\n{hostile}\nold: {}\n",
            case.keys[0]
        ),
    )
    .unwrap();
    let write = |format: &str| {
        let run = Audit::new(&["checklist", "--plan", "pro", "--format", format, "--consumers"])
            .and(&consumers)
            .and(&case.report)
            .run();
        assert_eq!(run.code, Some(0), "{}", run.errors());
        case.assert_silent(&run);
        run.text()
    };
    let text = write("markdown");
    assert_eq!(text.matches("- [ ] You named `Fly.io app shop-api`\n").count(), 1, "{text}");
    assert!(
        text.contains(&format!("You named `{hostile}`")) && text.contains(&format!("old: {}", case.hint(0))),
        "{text}"
    );
    assert!(!text.contains("where it runs") && !text.contains("Hobby") && !text.contains("Business"), "{text}");
    assert!(text.contains("Pro (7 days)"));
    let html = write("html");
    assert!(!html.contains("<img") && !html.contains("href=\"https://evil") && html.contains("Fly.io app shop-api"));
    assert!(!html.contains("Hobby") && html.contains("Clerk still has the logs: 7 days on Pro"));
    // As PowerShell's `>` writes it, and what is no text at all.
    let text = format!("Fly.io app caf\u{e9}\r\nold: {}\r\n", case.keys[0]);
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let swapped: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for bytes in [[b"\xff\xfe".as_slice(), &wide].concat(), [b"\xfe\xff".as_slice(), &swapped].concat()] {
        std::fs::write(&consumers, bytes).unwrap();
        let text = write("markdown");
        assert!(text.contains("- [ ] You named `Fly.io app caf\u{e9}`\n"), "{text}");
        assert!(text.contains(&format!("old: {}", case.hint(0))) && !text.contains("\\u{0}"), "{text}");
    }
    std::fs::write(&consumers, wide).unwrap();
    let run = Audit::new(&["checklist", "--consumers"]).and(&consumers).and(&case.report).run();
    assert!(run.code == Some(3) && run.errors().contains("it is no text in UTF-8"), "{}", run.errors());
    let missing = Audit::new(&["checklist", "--consumers", "/no/such/file"]).and(&case.report).run();
    assert_eq!(missing.code, Some(3));
    assert!(missing.errors().contains("/no/such/file") && missing.errors().contains("hint:"), "{}", missing.errors());
}

#[test]
fn a_status_file_stays_as_open_as_it_is() {
    use std::os::unix::fs::PermissionsExt as _;
    let case = Case::new(vec![live_key(7072)]);
    let path = case.status_path();
    let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    std::fs::write(case.repo.beside("by the umask"), "").unwrap();
    status(&case, &["--done", &case.step("logs")]);
    assert_eq!(mode(), std::fs::metadata(case.repo.beside("by the umask")).unwrap().permissions().mode() & 0o777);
    for open in [0o664, 0o600] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(open)).unwrap();
        status(&case, &[if open == 0o664 { "--undo" } else { "--done" }, &case.step("logs")]);
        assert_eq!(mode(), open);
    }
    // Whoever may not read it is told to ask for that, and not to begin anew. Nothing stops who may everything.
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::read(&path).is_err() {
        let run = status(&case, &[]);
        assert!(run.code == Some(3) && run.errors().contains("let you read it"), "{}", run.errors());
        assert!(!run.errors().contains("begin anew"), "{}", run.errors());
    }
}

#[test]
fn a_checklist_tells_what_is_open_of_a_key_that_is_gone() {
    let case = Case::new(vec![live_key(7071)]);
    status(&case, &["--done", &case.step("logs"), "--by", "Ann"]);
    let text = std::fs::read_to_string(&case.report).unwrap();
    let mut report: serde_json::Value = serde_json::from_str(&text).unwrap();
    report["keys"] = serde_json::json!([]);
    std::fs::write(&case.report, report.to_string()).unwrap();
    let checklist = || Audit::new(&["checklist"]).and(&case.report).run().text();
    let text = checklist();
    assert!(text.contains("## Still open from before") && text.contains("- [ ] Add a new key (`add`)"), "{text}");
    assert!(!text.contains("(`logs`)") && !text.contains("There is nothing to rotate."), "{text}");
    let steps: Vec<String> = ["add", "deploy", "check", "dead", "minted", "config", "law", "gate", "ignore"]
        .iter()
        .flat_map(|step| ["--done".to_owned(), case.step(step)])
        .collect();
    let run = status(&case, &steps.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(run.code, Some(0), "{}", run.text());
    assert!(checklist().contains("There is nothing to rotate."));
}

fn executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn two_peoples_ticks_merge() {
    let case = Case::two();
    let [a, b] = [case.hint(0), case.hint(1)];
    status(&case, &["--done", &format!("{a}:logs"), "--done", &format!("{b}:logs"), "--by", "Ann"]);
    let base = case.status_file();
    status(&case, &["--done", &format!("{a}:add"), "--by", "Ann"]);
    let ours = case.status_file();
    std::fs::write(case.status_path(), &base).unwrap();
    // Of the same key too, the step that comes next in the file.
    status(&case, &["--done", &format!("{b}:deploy"), "--done", &format!("{a}:check"), "--by", "Bob"]);
    let theirs = case.status_file();
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("base", &base), ("ours", &ours), ("theirs", &theirs)] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let merged =
        common::git::run(common::git::command(folder.path()), &["merge-file", "-p", "ours", "base", "theirs"], b"");
    std::fs::write(case.status_path(), merged).unwrap();
    let run = status(&case, &[]);
    assert_eq!(run.text().matches("[x] logs").count(), 2, "{}{}", run.text(), run.errors());
    for step in ["add", "deploy", "check"] {
        assert_eq!(run.text().matches(&format!("[x] {step}")).count(), 1, "{step}: {}", run.text());
    }
}

#[test]
fn a_tick_is_somebodys_until_it_is_taken_back() {
    let case = Case::two();
    let step = case.step("logs");
    status(&case, &["--done", &step, "--by", "Ann"]);
    let again = status(&case, &["--done", &step, "--by", "Bob"]);
    assert!(again.errors().contains("logs of ") && again.errors().contains("ticked before, by Ann on 20"));
    assert!(again.text().contains("(Ann, 20") && !again.text().contains("Bob"), "{}", again.text());
    assert_eq!(status(&case, &["--done", &step, "--by", "Ann"]).errors(), "", "it is hers");
    let both = status(&case, &["--done", &step, "--undo", &step]);
    assert!(both.code == Some(2) && case.status_file().contains("Ann"), "{}", both.errors());
    let undone = status(&case, &["--undo", &step]);
    assert!(!undone.text().contains("[x] logs") && !case.status_file().contains("Ann"), "{}", undone.text());
    assert!(status(&case, &["--undo", &step]).errors().contains("was not ticked"));
    let bob = status(&case, &["--done", &step, "--by", "Bob"]);
    assert!(bob.text().contains("[x] logs") && bob.text().contains("(Bob, 20"), "{}", bob.text());
}

#[test]
fn what_cannot_be_written_is_told() {
    let case = Case::two();
    let shell = "exec \"$@\" >/dev/full";
    for arguments in [&["status"][..], &["checklist"], &["history", "--write-known", "/dev/null"]] {
        let mut command = std::process::Command::new("sh");
        command.args(["-c", shell, "sh", env!("CARGO_BIN_EXE_clerk-audit")]).args(arguments);
        command.arg(if arguments[0] == "history" { case.repo.path() } else { &case.report });
        let run = common::git::answer(command, b"");
        assert!(!run.success && run.stderr.contains("error: cannot write"), "{arguments:?}: {}", run.stderr);
    }
}

#[test]
fn a_list_of_known_keys_takes_the_place_of_no_other_file() {
    let case = Case::two();
    let report = std::fs::read(&case.report).unwrap();
    let write = |path: &Path| Audit::new(&["history", "--write-known"]).and(path).and(case.repo.path()).run();
    let refused = write(&case.report);
    assert_eq!(refused.code, Some(2), "{}", refused.errors());
    assert!(refused.errors().contains("replaces nothing but a list of known keys"), "{}", refused.errors());
    assert_eq!(std::fs::read(&case.report).unwrap(), report, "as it was");
    let list = case.report.with_file_name("known");
    for _ in 0..2 {
        assert_eq!(write(&list).code, Some(1), "a new one, and one that is there");
    }
}

#[test]
fn what_names_no_key_or_two_ticks_nothing() {
    let case = Case::new(vec![live_key(7050), live_key(7051)]);
    for (done, word) in [
        ("sk_live_:logs".to_owned(), "names 2 keys"),
        ("zz:logs".to_owned(), "no key's id or hint"),
        (format!("{}:dance", case.hint(0)), "no step dance"),
        (format!("{}:claim", case.hint(0)), "has no step claim"),
        (case.hint(0), "no colon"),
        (format!("{}:logs", case.keys[0]), "a key itself"),
    ] {
        let run = status(&case, &["--done", &done]);
        assert_eq!(run.code, Some(2), "{done}");
        assert!(run.errors().contains(word) && run.errors().contains("hint:"), "{}", run.errors());
        case.assert_silent(&run);
    }
    assert!(case.status_file().is_empty());
}

#[test]
fn a_key_cleaned_out_of_history_still_asks_for_what_people_must_do() {
    let case = Case::new(vec![test_key(7060)]);
    let id = key_id(&case.keys[0]);
    status(&case, &["--done", &format!("{id}:logs"), "--by", "Ann"]);
    clean(&case);
    audit_anew(&case, &[], case.repo.path());
    let run = status(&case, &[]);
    assert_eq!(run.code, Some(1), "{}", run.text());
    assert!(run.text().contains("no longer in the report") && run.text().contains("[ ] minted"), "{}", run.text());
    assert!(run.text().contains("[x] refs") && run.text().contains("[x] logs"), "{}", run.text());
}

/// Takes the keys out of all that the case's repository has.
fn clean(case: &Case) {
    let git = |arguments: &[&str]| _ = common::git::run(common::git::command(case.repo.path()), arguments, b"");
    let tree = String::from_utf8(common::git::run(common::git::command(case.repo.path()), &["mktree"], b"")).unwrap();
    let who = ["-c", "user.name=x", "-c", "user.email=x@example.test"];
    let made = [&who[..], &["commit-tree", "-m", "Clean", tree.trim()]].concat();
    let commit = String::from_utf8(common::git::run(common::git::command(case.repo.path()), &made, b"")).unwrap();
    git(&["update-ref", MAIN, commit.trim()]);
    git(&["reflog", "expire", "--expire=now", "--all"]);
    _ = std::fs::remove_file(case.repo.git_directory().join("index"));
    git(&["gc", "--quiet", "--prune=now"]);
}

/// Makes the case's report anew.
fn audit_anew(case: &Case, options: &[&str], repository: &Path) {
    let audit = Audit::new(&["history", "--format", "json", "--output"]).and(&case.report);
    options.iter().fold(audit, |audit, option| audit.and(option)).and(repository).run();
}

#[test]
fn a_report_of_less_than_where_the_key_was_seen_proves_nothing() {
    let mut other = Repo::bare();
    other.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    other.finish();
    for (options, elsewhere, why) in [
        (&["--ref", "refs/heads/clean"][..], false, "narrowed by --ref refs/heads/clean"),
        (&["--since", "main"], false, "narrowed by --since main"),
        (&[], true, "is not about"),
    ] {
        let mut case = Case::new(vec![test_key(7074)]);
        case.repo.commit_on("refs/heads/clean", &[("a", Some("a\n"))], "A");
        case.repo.finish();
        tick_what_people_do(&case);
        audit_anew(&case, options, if elsewhere { other.path() } else { case.repo.path() });
        let run = status(&case, &[]);
        assert_eq!(run.code, Some(1), "{why}: {}", run.text());
        assert!(run.text().contains("no longer in the report") && run.text().contains(why), "{why}: {}", run.text());
        for step in ["tips", "refs"] {
            assert!(run.text().contains(&format!("[ ] {step}")), "{why}: {}", run.text());
        }
        // A whole report of it has the key.
        audit_anew(&case, &[], case.repo.path());
        assert!(status(&case, &[]).text().contains("it stands at"), "{why}");
    }
}

/// Ticks all that only a person can see of the first key.
fn tick_what_people_do(case: &Case) {
    for step in ["logs", "add", "deploy", "check", "dead", "minted", "config", "ignore", "gate"] {
        status(case, &["--done", &case.step(step), "--by", "Ann"]);
    }
}

#[test]
fn another_clone_at_the_same_path_proves_nothing_of_what_it_does_not_fetch() {
    let mut server = Repo::bare();
    let key = test_key(7077);
    server.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    server.branch("refs/heads/leaky", MAIN);
    server.commit_on("refs/heads/leaky", &[(".env", Some(&format!("CLERK_SECRET_KEY={key}\n")))], "B");
    server.finish();
    let clones = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| _ = common::git::run(common::git::command(clones.path()), arguments, b"");
    let url = format!("file://{}", server.path().display());
    let (clone, report) = (clones.path().join("dev"), clones.path().join("report.json"));
    git(&["clone", "--quiet", &url, "dev"]);
    let case = Case { repo: server, keys: vec![key], report };
    audit_anew(&case, &[], &clone);
    tick_what_people_do(&case);
    let whole: serde_json::Value = serde_json::from_slice(&std::fs::read(&case.report).unwrap()).unwrap();
    assert_eq!(whole["repositories"][0]["fetches_only"], serde_json::json!([]));
    assert_eq!(whole["keys"].as_array().map(Vec::len), Some(1));
    for (anew, why) in [
        (&["clone", "--quiet", "--single-branch", "--branch", "main", &url, "dev"][..], "fetches only refs/heads/main"),
        (&["init", "--quiet", "dev"], "has no commits any more"),
    ] {
        std::fs::remove_dir_all(&clone).unwrap();
        git(anew);
        audit_anew(&case, &[], &clone);
        let run = status(&case, &[]);
        assert_eq!(run.code, Some(1), "{why}: {}", run.text());
        for step in ["tips", "refs"] {
            let line =
                run.text().lines().find(|line| line.contains(&format!("[ ] {step}"))).unwrap_or_default().to_owned();
            assert!(line.contains(why), "{why}: {}", run.text());
        }
        // A person can look at the server's.
        assert!(!run.text().contains("All is done"));
    }
    let report = Audit::history(&clone).run().report();
    assert_eq!(report["repositories"][0]["fetches_only"], serde_json::json!([]));
    for step in ["tips", "refs"] {
        status(&case, &["--done", &case.step(step), "--by", "Ann"]);
    }
    assert_eq!(status(&case, &[]).code, Some(0));
}

#[test]
fn a_clone_that_comes_to_fetch_less_is_told_though_nothing_else_changed() {
    let mut server = Repo::bare();
    server.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    server.finish();
    let clones = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| _ = common::git::run(common::git::command(clones.path()), arguments, b"");
    git(&["clone", "--quiet", &format!("file://{}", server.path().display()), "dev"]);
    let report = || {
        let state = clones.path().join("state");
        let run = Audit::history(&clones.path().join("dev")).and("--state").and(&state).run();
        run.report()["repositories"][0]["fetches_only"].clone()
    };
    assert_eq!(report(), serde_json::json!([]));
    let narrow = "+refs/heads/main:refs/remotes/origin/main";
    git(&["-C", "dev", "config", "remote.origin.fetch", narrow]);
    assert_eq!(report(), serde_json::json!(["refs/heads/main"]));
}

#[test]
fn a_narrowed_report_without_a_key_is_no_all_clear() {
    let case = Case::new(vec![test_key(7078)]);
    audit_anew(&case, &["--since", "main", "--no-unreachable"], case.repo.path());
    let told = "The report was narrowed by --no-unreachable and --since main: there may be more keys than it has.";
    let run = status(&case, &[]);
    assert_eq!(run.code, Some(3), "{}", run.text());
    assert!(run.text().contains("No key asks for anything.") && run.text().contains(told), "{}", run.text());
    let run = Audit::new(&["verify", "--yes"]).and(&case.report).run();
    assert!(run.text().contains("No key to ask about.") && run.errors().contains(told), "{}", run.errors());
    audit_anew(&case, &[], case.repo.path());
    assert!(!status(&case, &[]).text().contains("narrowed"));
}

#[test]
fn a_key_that_a_list_of_known_ones_has_is_not_rotated_by_that() {
    let case = Case::new(vec![test_key(7075)]);
    assert_eq!(status(&case, &[]).code, Some(1));
    let known = case.repo.beside("known");
    Audit::new(&["history", "--write-known"]).and(&known).and(case.repo.path()).run();
    let known = known.to_str().unwrap();
    audit_anew(&case, &["--known", known], case.repo.path());
    let run = status(&case, &[]);
    assert_eq!(run.code, Some(1), "{}", run.text());
    assert!(run.text().contains("[ ] dead") && run.text().contains("[ ] tips"), "{}", run.text());
    // Of one that nobody has looked at since it became known nothing is asked.
    std::fs::remove_file(case.status_path()).unwrap();
    assert_eq!(status(&case, &[]).code, Some(0));
}

#[test]
fn a_bare_repository_ignores_what_its_head_ignores_and_its_gate_outlives_the_key() {
    let mut repo = Repo::bare();
    let key = test_key(7076);
    repo.commit_on(MAIN, &[("a/.env", Some(&format!("CLERK_SECRET_KEY={key}\n")))], "A");
    repo.finish();
    let report = repo.beside("report.json");
    Audit::new(&["history", "--format", "json", "--output"]).and(&report).and(repo.path()).run();
    let mut case = Case { repo, keys: vec![key], report };
    assert!(status(&case, &[]).text().contains("[ ] ignore"));
    case.repo.commit_on(MAIN, &[("a/.env", None), ("a/.gitignore", Some("# keys\n.env*\n"))], "B");
    case.repo.finish();
    let hooks = case.repo.git_directory().join("hooks");
    std::fs::create_dir_all(&hooks).unwrap();
    std::fs::write(hooks.join("pre-receive"), "#!/bin/sh\nexec clerk-audit hook pre-receive\n").unwrap();
    executable(&hooks.join("pre-receive"));
    let seen = |text: String| {
        assert!(text.contains("[x] ignore") && text.contains("covered by a/.gitignore:2"), "{text}");
        assert!(text.contains("[x] gate"), "{text}");
    };
    seen(status(&case, &[]).text());
    // Its history is rewritten, what it ignores stays.
    let git = |arguments: &[&str]| {
        String::from_utf8(common::git::run(common::git::command(case.repo.path()), arguments, b"")).unwrap()
    };
    let who = ["-c", "user.name=x", "-c", "user.email=x@example.test"];
    let commit = git(&[&who[..], &["commit-tree", "-m", "Clean", "main^{tree}"]].concat());
    git(&["update-ref", MAIN, commit.trim()]);
    git(&["gc", "--quiet", "--prune=now"]);
    audit_anew(&case, &[], case.repo.path());
    let text = status(&case, &[]).text();
    assert!(text.contains("no longer in the report") && text.contains("[x] tips"), "{text}");
    seen(text);
}

#[test]
fn a_cleaned_history_forgets_nothing_that_was_only_looked_at() {
    for command in ["status", "checklist", "purge-plan"] {
        let case = Case::new(vec![test_key(7061)]);
        let to = case.repo.beside("plan");
        let audit = Audit::new(&[command]).and(&case.report);
        let audit = if command == "purge-plan" { audit.and("--to").and(&to) } else { audit };
        let run = audit.run();
        assert!(run.code == Some(0) || command == "status", "{}", run.errors());
        clean(&case);
        audit_anew(&case, &[], case.repo.path());
        let run = status(&case, &[]);
        assert_eq!(run.code, Some(1), "{command}: {}", run.text());
        assert!(run.text().contains("no longer in the report") && run.text().contains("[ ] minted"), "{}", run.text());
        case.assert_silent(&run);
    }
}

#[test]
fn a_place_that_cannot_be_written_to_keeps_nobody_from_reading() {
    let case = Case::new(vec![test_key(7062)]);
    let nowhere = case.repo.beside("no/such/folder/x.status.json");
    let run = Audit::new(&["status", "--state"]).and(&nowhere).and(&case.report).run();
    assert_eq!(run.code, Some(1), "{}", run.errors());
    assert!(run.text().contains("[ ] logs") && run.errors().contains("warning: cannot write"), "{}", run.errors());
    let done = Audit::new(&["status", "--done", &case.step("logs"), "--state"]).and(&nowhere).and(&case.report).run();
    assert_eq!(done.code, Some(3), "a tick that is not kept is none: {}", done.errors());
}

#[test]
fn ticks_at_one_moment_are_all_kept() {
    let case = Case::new(vec![live_key(7063)]);
    let steps = ["logs", "add", "deploy", "check", "minted", "config", "law"];
    for _ in 0..3 {
        _ = std::fs::remove_file(case.status_path());
        std::thread::scope(|scope| {
            for step in steps {
                let case = &case;
                scope
                    .spawn(move || assert_eq!(status(case, &["--done", &case.step(step), "--by", step]).code, Some(1)));
            }
        });
        let kept = case.status_file();
        let lost: Vec<&str> = steps.into_iter().filter(|step| !kept.contains(&format!("\"by\":\"{step}\""))).collect();
        assert!(lost.is_empty(), "{lost:?} of {kept}");
    }
}

#[test]
fn a_tick_while_clerk_is_asked_is_kept() {
    let case = Case::new(vec![live_key(7064)]);
    let clerk = Clerk::start(answers(&case, [Answer::Slow(Duration::from_millis(800))]));
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| case.verify(&clerk).run());
        while clerk.requests().is_empty() {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(status(&case, &["--done", &case.step("logs"), "--by", "Ann"]).code, Some(1));
        assert_eq!(asked.join().unwrap().code, Some(1));
    });
    let kept = case.status_file();
    assert!(kept.contains("\"by\":\"Ann\"") && kept.contains("\"alive\""), "{kept}");
}

/// Two branches of a repository that has the report, one person at work on each, and a merge of both.
fn merged(case: &Case, base: bool, ann: &dyn Fn(), bob: &dyn Fn()) -> bool {
    let folder = case.report.parent().unwrap().to_owned();
    let git = |arguments: &[&str]| {
        let mut command = common::git::command(&folder);
        let all = ["-c", "user.name=x", "-c", "user.email=x@example.test"];
        command.args(all).args(arguments).output().unwrap().status.success()
    };
    if !folder.join(".git").exists() {
        assert!(git(&["init", "--quiet", "--initial-branch", "main"]));
    }
    let commit = || {
        assert!(git(&["add", "--force", "report.json"]));
        _ = git(&["add", "--force", "report.status.json"]);
        assert!(git(&["commit", "--quiet", "--allow-empty", "--message", "x"]));
    };
    if base {
        status(case, &[]);
    }
    commit();
    assert!(git(&["checkout", "--quiet", "-B", "other"]));
    ann();
    commit();
    assert!(git(&["checkout", "--quiet", "main"]));
    bob();
    commit();
    git(&["merge", "--quiet", "--no-edit", "other"])
}

#[test]
fn what_git_cannot_merge_is_taken_together() {
    let tick = |case: &Case, step: &str, by: &str| {
        let run = status(case, &["--done", &case.step(step), "--by", by]);
        assert_eq!(run.code, Some(1), "{}", run.errors());
    };
    // The same step by two people: who was first did it.
    let case = Case::new(vec![live_key(7065)]);
    let pause = || std::thread::sleep(Duration::from_millis(1100));
    let ann = || tick(&case, "logs", "Ann");
    assert!(!merged(&case, true, &ann, &|| {
        pause();
        tick(&case, "logs", "Bob");
    }));
    let run = status(&case, &[]);
    assert!(run.text().contains("[x] logs") && run.text().contains("(Ann, "), "{}{}", run.text(), run.errors());
    assert!(run.errors().contains("marks of a merge") && run.errors().contains("git add"), "{}", run.errors());
    let mended = case.status_file();
    assert!(!mended.contains("<<<<") && !mended.contains("Bob") && status(&case, &[]).errors().is_empty());

    // Both asked Clerk, and a checklist made right after the merge has both sides too.
    let case = Case::new(vec![live_key(7066)]);
    let clerk = Clerk::start(answers(&case, [Answer::Then(Box::new(Answer::Alive(INSTANCE)), Box::new(Answer::Dead))]));
    let verify = || _ = case.verify(&clerk).and("--again").run();
    assert!(!merged(&case, true, &verify, &|| {
        pause();
        verify();
    }));
    let csv = Audit::new(&["checklist", "--format", "csv"]).and(&case.report).run();
    assert!(csv.text().contains("\"dead\""), "the newest answer counts: {}{}", csv.text(), csv.errors());

    // Nobody had a file when the branches parted.
    let case = Case::new(vec![live_key(7067)]);
    assert!(!merged(&case, false, &|| tick(&case, "logs", "Ann"), &|| tick(&case, "add", "Bob")));
    let run = status(&case, &[]);
    assert!(run.text().contains("[x] logs") && run.text().contains("[x] add"), "{}{}", run.text(), run.errors());

    // What is on lines of their own git merges by itself.
    let case = Case::new(vec![live_key(7068)]);
    assert!(merged(&case, true, &|| tick(&case, "logs", "Ann"), &|| tick(&case, "law", "Bob")));
}

#[test]
fn nothing_is_written_over_what_is_read_or_kept() {
    let case = Case::new(vec![live_key(7069)]);
    let (list, ledger) = (case.repo.beside("list"), case.repo.beside("new"));
    std::fs::write(&list, format!("{}\n", case.repo.path().display())).unwrap();
    let kept = case.status_path();
    let read = std::fs::read(&case.report).unwrap();
    let history = || Audit::new(&["history", "--format", "json", "--repos-from"]).and(&list);
    for (what, audit) in [
        ("the list", history().and("--output").and(&list)),
        ("the list", history().and("--checklist").and(&list)),
        ("the list", history().and("--write-known").and(&list)),
        ("one file twice", history().and("--output").and(&ledger).and("--checklist").and(&ledger)),
        ("the list", Audit::new(&["trace", "--id", "sk_live_Ab12", "--repos-from"]).and(&list).and("-o").and(&list)),
        ("the status that is not there", Audit::new(&["checklist", "-o"]).and(&kept).and(&case.report)),
        (
            "the status that is not there",
            Audit::new(&["trace", "--id", &key_id(&case.keys[0]), "--report"])
                .and(&case.report)
                .and("-o")
                .and(&kept)
                .and(case.repo.path()),
        ),
        ("the report", Audit::new(&["status", "--state"]).and(&case.report).and(&case.report)),
    ] {
        let run = audit.run();
        assert_eq!(run.code, Some(2), "{what}: {}", run.errors());
        assert!(run.errors().contains("hint:") && !kept.exists() && !ledger.exists(), "{what}: {}", run.errors());
    }
    assert_eq!(std::fs::read_to_string(&list).unwrap(), format!("{}\n", case.repo.path().display()));
    assert!(std::fs::read(&case.report).unwrap() == read);
}

#[test]
fn a_hook_that_only_mentions_the_gate_guards_nothing() {
    let case = Case::new(vec![live_key(7072)]);
    let hooks = case.repo.git_directory().join("hooks");
    std::fs::create_dir_all(&hooks).unwrap();
    let with = |text: &str| {
        std::fs::write(hooks.join("pre-receive"), text).unwrap();
        executable(&hooks.join("pre-receive"));
        status(&case, &[]).text()
    };
    let text = with("#!/bin/sh\n# TODO: clerk-audit hook pre-receive\nexit 0\n");
    assert!(text.contains("[ ] gate"), "{text}");
    for ignored in [
        "clerk-audit hook pre-receive || true",
        "if false; then\n  clerk-audit hook pre-receive\nfi",
        "test -x /no/such/clerk-audit || exit 0\nexec /no/such/clerk-audit hook pre-receive",
    ] {
        let text = with(&format!("#!/bin/sh\n{ignored}\n"));
        assert!(text.contains("[ ] gate"), "{ignored}: {text}");
    }
    with("#!/bin/sh\nexec clerk-audit hook pre-receive\n");
    let settings = case.repo.git_directory().join("config");
    let before = std::fs::read_to_string(&settings).unwrap();
    std::fs::write(&settings, format!("{before}[core]\n\thooksPath = /nonexistent\n")).unwrap();
    let text = status(&case, &[]).text();
    assert!(text.contains("[ ] gate"), "{text}");
    std::fs::write(&settings, before).unwrap();
    // Every script that is shipped, and the one that is installed.
    for name in ["pre-receive", "gitea", "github", "gitlab", "gitolite", "bitbucket"] {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("hooks").join(name);
        let text = with(&std::fs::read_to_string(script).unwrap());
        assert!(text.contains("[x] gate"), "{name}: {text}");
    }
    with("#!/bin/sh\nexit 0\n");
    let run = Audit::new(&["hook", "install"]).and(case.repo.path()).run();
    assert_eq!(run.code, Some(0), "{}", run.errors());
    assert!(status(&case, &[]).text().contains("[x] gate"), "beside a hook that is kept");
}

#[test]
fn an_entry_of_a_list_that_cannot_be_read_is_told_once() {
    let case = Case::new(vec![live_key(7073)]);
    let list = case.repo.beside("list");
    std::fs::write(&list, format!("/no/such/place\n{}\n/no/such/place\n", case.repo.path().display())).unwrap();
    let run = Audit::new(&["history", "--format", "json", "--repos-from"]).and(&list).run();
    assert_eq!(run.code, Some(3));
    assert_eq!(run.errors().matches("/no/such/place").count(), 1, "{}", run.errors());
    assert_eq!(run.report()["repositories"].as_array().unwrap().len(), 2);
}
