//! What earlier reports had of a key and a later one has not.

use std::path::Path;
use std::time::Duration;

use crate::common::clerk::{Answer, Clerk, INSTANCE};
use crate::common::fixture::Repo;
use crate::common::git;
use crate::common::incident::{Case, answers, asking, status};
use crate::common::run::Audit;
use crate::common::secrets::{alphanumerics, key_id, live_key};
use crate::{MAIN, audit_anew, clean, executable};

/// The names of the steps that are told with this mark.
fn marked(case: &Case, mark: char) -> Vec<String> {
    let text = status(case, &[]).text();
    let lines = text.lines().filter_map(|line| line.trim().strip_prefix(&format!("[{mark}] ")));
    lines.filter_map(|rest| Some(rest.split_whitespace().next()?.to_owned())).collect()
}

/// A key beside another vendor's in one repository, and by itself in another, at whose tip it is no more; the report is
/// of both.
fn in_two() -> (Case, Repo) {
    let key = live_key(7650);
    let (mut whole, mut other) = (Repo::with_work_tree(), Repo::bare());
    let beside = alphanumerics(7651, 24);
    whole.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    whole.commit_on(MAIN, &[(".env", Some(&format!("CLERK_SECRET_KEY={key}\nRESEND_API_KEY={beside}\n")))], "B");
    other.commit_on(MAIN, &[("cfg", Some(&format!("CLERK_SECRET_KEY={key}\n")))], "C");
    other.commit_on(MAIN, &[("cfg", None), ("a", Some("a\n"))], "D");
    whole.finish();
    other.finish();
    let report = whole.beside("report.json");
    let case = Case { repo: whole, keys: vec![key], report };
    audit_both(&case, other.path());
    (case, other)
}

fn audit_both(case: &Case, other: &Path) {
    audit_anew(case, &[other.to_str().unwrap()], case.repo.path());
}

#[test]
fn a_repository_that_was_cleaned_takes_no_step_with_it_while_another_has_the_key() {
    let (case, other) = in_two();
    let before = marked(&case, ' ');
    assert!(["siblings", "ignore", "gate"].iter().all(|step| before.iter().any(|open| open == step)), "{before:?}");
    clean(&case);
    audit_both(&case, other.path());
    let text = status(&case, &[]).text();
    assert!(!text.contains("no longer in the report"), "{text}");
    let all = [marked(&case, ' '), marked(&case, 'x')].concat();
    assert!(before.iter().all(|step| all.contains(step)), "{before:?} {all:?}");
    assert!(marked(&case, ' ').iter().any(|step| step == "siblings"), "{text}");
    let checklist = Audit::new(&["checklist"]).and(&case.report).run().text();
    assert!(checklist.contains("## Still open from before"), "{checklist}");
    assert!(
        checklist.contains("(beside what is told above)\n\n- [ ] Rotate what stood beside it (`siblings`)"),
        "{checklist}"
    );
    // Every step but that one.
    let hint = case.hint(0);
    let rest: Vec<String> = marked(&case, ' ').iter().filter(|step| *step != "siblings").cloned().collect();
    let ticks: Vec<String> = rest.iter().flat_map(|step| ["--done".to_owned(), format!("{hint}:{step}")]).collect();
    let run = status(&case, &ticks.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(run.code, Some(1), "{}", run.text());
    assert_eq!(status(&case, &["--done", &format!("{hint}:siblings")]).code, Some(0));
}

#[test]
fn a_gate_and_ignored_files_are_looked_for_in_every_repository_that_ever_had_the_key() {
    let (case, other) = in_two();
    status(&case, &[]);
    clean(&case);
    audit_both(&case, other.path());
    let guard = |git_directory: &Path| {
        let hooks = git_directory.join("hooks");
        std::fs::create_dir_all(&hooks).unwrap();
        std::fs::write(hooks.join("pre-receive"), "#!/bin/sh\nexec clerk-audit hook pre-receive\n").unwrap();
        executable(&hooks.join("pre-receive"));
    };
    guard(&other.git_directory());
    let text = status(&case, &[]).text();
    let cleaned = case.repo.path().display();
    assert!(text.contains("[ ] gate") && text.contains(&format!("{cleaned} has no such hook here")), "{text}");
    assert!(text.contains("[ ] ignore") && text.contains("no .gitignore covers .env"), "{text}");
    guard(&case.repo.git_directory());
    std::fs::write(case.repo.path().join(".gitignore"), ".env\n").unwrap();
    let seen = marked(&case, 'x');
    assert!(["gate", "ignore"].iter().all(|step| seen.iter().any(|done| done == step)), "{seen:?}");
}

#[test]
fn a_key_that_was_alive_and_is_cleaned_out_is_over_once_somebody_says_that_it_is_deleted() {
    let case = Case::new(vec![live_key(7655)]);
    let step = case.step("dead");
    status(&case, &["--done", &step, "--by", "Ann"]);
    let pause = || std::thread::sleep(Duration::from_millis(1100));
    pause();
    let clerk = Clerk::start(answers(&case, [Answer::Alive(INSTANCE)]));
    assert_eq!(case.verify(&clerk).run().code, Some(1));
    clean(&case);
    audit_anew(&case, &[], case.repo.path());
    // Ann's tick is older than Clerk's answer.
    let open = status(&case, &[]);
    assert!(open.text().contains("[ ] dead") && open.text().contains("tick it once it is deleted"), "{}", open.text());
    let verify = || asking(Audit::new(&["verify", "--yes", "--again"]).and(&case.report), &clerk).run();
    let asked = verify();
    assert_eq!(asked.code, Some(3), "{}{}", asked.text(), asked.errors());
    let told = format!("{} is no longer in the report, and Clerk cannot be asked about it: alive on 20", case.hint(0));
    assert!(asked.errors().contains(&told), "{}", asked.errors());
    case.assert_silent(&asked);
    pause();
    let ticked = status(&case, &["--done", &step, "--by", "Bob"]);
    assert!(ticked.text().contains("[x] dead") && ticked.text().contains("(Bob, 20"), "{}", ticked.text());
    assert_eq!(verify().code, Some(0));
    let steps: Vec<String> =
        marked(&case, ' ').iter().flat_map(|step| ["--done".to_owned(), case.step(step)]).collect();
    assert_eq!(status(&case, &steps.iter().map(String::as_str).collect::<Vec<_>>()).code, Some(0));
}

#[test]
fn an_answer_of_a_clock_that_ran_ahead_keeps_no_step_open_and_is_told() {
    let case = Case::new(vec![live_key(7657)]);
    let clerk = Clerk::start(answers(&case, [Answer::Alive(INSTANCE)]));
    assert_eq!(case.verify(&clerk).run().code, Some(1));
    let kept: serde_json::Value = serde_json::from_str(&case.status_file()).unwrap();
    let at = kept[format!("{}/answer", key_id(&case.keys[0]))]["at"].as_str().unwrap().to_owned();
    std::fs::write(case.status_path(), case.status_file().replace(&at, "2999-06-01T00:00:00Z")).unwrap();
    clean(&case);
    audit_anew(&case, &[], case.repo.path());
    let open = status(&case, &[]);
    assert!(open.text().contains("[ ] dead"), "{}", open.text());
    let told = format!("what Clerk answered about {} is noted as of 2999-06-01", case.hint(0));
    assert!(
        open.errors().contains(&told) && open.errors().contains("one of the two clocks is off"),
        "{}",
        open.errors()
    );
    let ticked = status(&case, &["--done", &case.step("dead"), "--by", "Bob"]);
    assert!(ticked.text().contains("[x] dead") && ticked.text().contains("(Bob, 20"), "{}", ticked.text());
    assert!(!ticked.errors().contains("stays open"), "{}", ticked.errors());
    assert_eq!(Audit::new(&["verify", "--yes"]).and(&case.report).run().code, Some(0), "all that is left is dead");
}

#[test]
fn a_tick_of_a_clock_that_ran_ahead_outweighs_no_later_answer_and_is_told() {
    let case = Case::new(vec![live_key(7658)]);
    let step = case.step("dead");
    status(&case, &["--done", &step, "--by", "Ann"]);
    let kept: serde_json::Value = serde_json::from_str(&case.status_file()).unwrap();
    let at = kept[format!("{}/dead", key_id(&case.keys[0]))]["at"].as_str().unwrap().to_owned();
    std::fs::write(case.status_path(), case.status_file().replace(&at, "2999-06-01T00:00:00Z")).unwrap();
    let told = format!("dead of {} was ticked by Ann as of 2999-06-01", case.hint(0));
    let run = status(&case, &[]);
    assert!(run.errors().contains(&told) && run.errors().contains("one of the two clocks is off"), "{}", run.errors());
    let before = case.status_file();
    let clerk = Clerk::start(answers(&case, [Answer::Alive(INSTANCE)]));
    assert_eq!(case.verify(&clerk).run().code, Some(1));
    clean(&case);
    audit_anew(&case, &[], case.repo.path());
    let is_open = |what: &str| {
        let run = status(&case, &[]);
        assert!(
            run.text().contains("[ ] dead") && run.text().contains("Clerk accepted it on"),
            "{what}: {}",
            run.text()
        );
        assert_eq!(Audit::new(&["verify", "--yes"]).and(&case.report).run().code, Some(3), "{what}");
    };
    is_open("the answer came after it");
    // A copy that knows the tick alone takes nothing back.
    let after = case.status_file();
    for [ours, theirs] in [[&before, &after], [&after, &before]] {
        std::fs::write(case.status_path(), format!("<<<<<<< HEAD\n{ours}=======\n{theirs}>>>>>>> other\n")).unwrap();
        is_open("merged");
    }
    let ticked = status(&case, &["--done", &step, "--by", "Bob"]);
    assert!(ticked.text().contains("[x] dead") && ticked.text().contains("(Bob, 20"), "{}", ticked.text());
    assert_eq!(Audit::new(&["verify", "--yes"]).and(&case.report).run().code, Some(0), "all that is left is dead");
}

#[test]
fn of_two_ticks_of_dead_a_merge_keeps_the_one_that_is_newer_than_clerks_answer() {
    for is_bob_first in [true, false] {
        let case = Case::new(vec![live_key(7659)]);
        let step = case.step("dead");
        status(&case, &[]);
        let base = case.status_file();
        status(&case, &["--done", &step, "--by", "Bob"]);
        let bob = case.status_file();
        std::fs::write(case.status_path(), &base).unwrap();
        std::thread::sleep(Duration::from_millis(1100));
        let clerk = Clerk::start(answers(&case, [Answer::Alive(INSTANCE)]));
        assert_eq!(case.verify(&clerk).run().code, Some(1));
        clean(&case);
        audit_anew(&case, &[], case.repo.path());
        status(&case, &["--done", &step, "--by", "Ann"]);
        let ann = case.status_file();
        let folder = tempfile::tempdir().unwrap();
        let sides = if is_bob_first { ["bob", "base", "ann"] } else { ["ann", "base", "bob"] };
        for (name, text) in [("base", &base), ("ann", &ann), ("bob", &bob)] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let mut merge = git::command(folder.path());
        let merged = merge.args(["merge-file", "-p"]).args(sides).output().unwrap().stdout;
        std::fs::write(case.status_path(), merged).unwrap();
        let text = status(&case, &[]).text();
        assert!(text.contains("[x] dead") && text.contains("(Ann, 20"), "{is_bob_first}: {text}");
    }
}

#[test]
fn a_clone_without_tags_proves_nothing_of_what_a_tag_holds() {
    let (mut server, key) = (Repo::bare(), live_key(7658));
    server.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    server.branch("refs/tags/v1", MAIN);
    server.commit_on("refs/tags/v1", &[("cfg", Some(&format!("CLERK_SECRET_KEY={key}\n")))], "B");
    server.finish();
    let clones = tempfile::tempdir().unwrap();
    let clone = clones.path().join("dev");
    let url = format!("file://{}", server.path().display());
    let clone_anew = |options: &[&str]| {
        _ = std::fs::remove_dir_all(&clone);
        let arguments = [&["clone", "--quiet"], options, &[url.as_str(), "dev"]].concat();
        git::run(git::command(clones.path()), &arguments, b"");
    };
    let case = Case { repo: server, keys: vec![key], report: clones.path().join("report.json") };
    clone_anew(&[]);
    audit_anew(&case, &[], &clone);
    assert!(status(&case, &[]).text().contains("it stands at 1 tag"));
    clone_anew(&["--no-tags"]);
    audit_anew(&case, &[], &clone);
    let text = status(&case, &[]).text();
    for step in ["tips", "refs"] {
        let line = text.lines().find(|line| line.contains(&format!("[ ] {step} "))).unwrap_or_default();
        assert!(line.contains("dev fetches all but tags: audit the server's repository"), "{text}");
    }
    let told = Audit::new(&["history"]).and(&clone).run().text();
    assert!(told.contains("all but tags: of tags nothing is here"), "{told}");
}
