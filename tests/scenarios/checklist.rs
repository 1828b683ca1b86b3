//! What comes out: the rotation checklist.

use super::support::{MAIN, env, folder};
use crate::common::fixture::Repo;
use crate::common::fixture::objects::{Commit, Files, Mode};
use crate::common::run::Audit;
use crate::common::secrets::{live_key, publishable_key, test_key};

/// `A (.env: live +, DATABASE_URL; web/.env: test +, publishable) ── B (web/.env gone)   main`
fn leaky() -> (Repo, String, String) {
    let (live, test) = (live_key(2001), test_key(2002));
    let mut repo = Repo::bare();
    let first = format!("{}DATABASE_URL=postgres://u:p@host/db\n", env(&live));
    let second = format!("{}\n{}", publishable_key("happy-cat-1.clerk.accounts.dev"), env(&test));
    let workflow = "env:\n  CLERK_SECRET_KEY: ${{ secrets.CLERK_SECRET_KEY }}\n";
    repo.commit_on(
        MAIN,
        &[(".env", Some(&first)), ("web/.env", Some(&second)), (".github/workflows/ci.yml", Some(workflow))],
        "Add the keys",
    );
    repo.commit_on(MAIN, &[("web/.env", None)], "Remove one");
    repo.finish();
    (repo, live, test)
}

#[test]
fn the_checklist_says_what_a_person_needs_at_2_am() {
    let (repo, live, test) = leaky();
    let sheet = Audit::new(&["history", "--format", "markdown"]).and(repo.path()).run();
    assert_eq!(sheet.code, Some(1));
    let sheet = sheet.text();
    for words in [
        "2 keys must be rotated: 1 live, 1 test",
        "Admin",
        "https://clerk.com/docs/guides/secure/rotate-api-keys",
        &format!("`{}…{}`", &live[..12], &live[46..]),
        &format!("`{}…{}`", &test[..12], &test[46..]),
        "`happy-cat-1.clerk.accounts.dev`",
        "Ada Author",
        ".env:1",
        "refs/heads/main",
        "- [ ] ",
        "GitHub Actions",
        "DATABASE_URL",
        "last used",
        "Clean the history last",
    ] {
        assert!(sheet.contains(words), "{words:?} is not in\n{sheet}");
    }
    assert!(!sheet.contains("postgres://"), "by variable name, never by value");
    let at = |words: &str| sheet.find(words).unwrap_or_else(|| panic!("{words}"));
    assert!(at(&format!("## 1. `{}", &live[..12])) < at(&format!("## 2. `{}", &test[..12])), "live before test");
    let steps =
        ["Save the logs", "Add a new key", "Deploy the new key", "**Check**", "Delete", "Clean the history last"];
    let first = &sheet[at("## 1. ")..at("## 2. ")];
    let order: Vec<usize> =
        steps.iter().map(|step| first.find(step).unwrap_or_else(|| panic!("{step} in\n{first}"))).collect();
    assert!(order.is_sorted(), "{steps:?} in this order");
}

#[test]
fn checklist_goes_to_its_own_file_beside_the_report() {
    let (repo, live, _) = leaky();
    let place = folder();
    let file = place.path().join("todo.md");
    let run = Audit::new(&["history", "--format", "json", "--checklist"]).and(&file).and(repo.path()).run();
    assert_eq!(run.code, Some(1));
    run.report();
    let sheet = std::fs::read_to_string(&file).unwrap();
    assert!(sheet.starts_with("# Clerk key rotation checklist") && sheet.contains(&live[..12]));
}

#[test]
fn logs_that_are_gone_are_said_to_be_gone_and_what_can_still_be_saved_is_said() {
    //  A + (2024)   main        Clerk keeps logs 1, 7 and 30 days: all of that is past
    let (repo, _, _) = leaky();
    let sheet = Audit::new(&["history", "--format", "markdown"]).and(repo.path()).run().text();
    for words in ["gone since", "the last day", "the last 7 days", "the last 30 days"] {
        assert!(sheet.contains(words), "{words:?} is not in\n{sheet}");
    }
}

#[test]
fn logs_that_are_still_there_have_a_day_by_which_to_save_them() {
    //  A + (an hour ago)   main
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let key = live_key(2003);
    let mut repo = Repo::bare();
    let blob = repo.blob(env(&key));
    let tree = repo.tree(&Files::from([(b".env".to_vec(), (Mode::File, blob))]));
    let a = repo.commit(&Commit::new(tree, &[], now as i64 - 3600, "A"));
    repo.set_ref(MAIN, a);
    repo.finish();
    let sheet = Audit::new(&["history", "--format", "markdown"]).and(repo.path()).run().text();
    assert!(sheet.contains("there until") && sheet.contains("Save them before that day"), "{sheet}");
}

#[test]
fn with_nothing_found_there_is_nothing_to_rotate_unless_not_all_was_read() {
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    repo.finish();
    let sheet = Audit::new(&["history", "--format", "markdown"]).and(repo.path()).run();
    assert!(sheet.code == Some(0) && sheet.text().contains("nothing to rotate"), "{}", sheet.text());
    let sheet = Audit::new(&["history", "--format", "markdown", "--max-blob-size", "1"]).and(repo.path()).run();
    assert!(sheet.code == Some(3) && sheet.text().contains("no all-clear"), "{}", sheet.text());
}
