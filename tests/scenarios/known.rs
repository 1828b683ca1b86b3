//! What comes out: known keys. A nightly audit after a finished rotation is green, and a key that comes back is news.

use std::path::{Path, PathBuf};

use super::support::{Found, MAIN, audit_with, env, folder};
use crate::common::fixture::Repo;
use crate::common::fixture::objects::{Commit, Mode, ObjectType, Oid, encode_tree};
use crate::common::run::Audit;
use crate::common::secrets::{key_id, live_key, test_key};

/// A list of known keys, and where it stands.
struct List {
    _place: tempfile::TempDir,
    path: PathBuf,
}

impl List {
    fn new() -> Self {
        let place = folder();
        let path = place.path().join("known-keys");
        Self { _place: place, path }
    }

    /// Writes it from what an audit finds, with what is known so far.
    fn write(&self, repository: &Path, reason: &str) -> String {
        let mut audit = Audit::new(&["history", "--reason", reason, "--write-known"]).and(&self.path);
        if self.path.exists() {
            audit = audit.and("--known").and(&self.path);
        }
        let run = audit.and(repository).run();
        assert!(run.code.is_some_and(|code| code < 2), "{}", run.errors());
        std::fs::read_to_string(&self.path).unwrap()
    }

    fn audit(&self, repo: &mut Repo) -> Found {
        repo.finish();
        audit_with(repo.path(), &["--known".as_ref(), self.path.as_os_str()]).complete()
    }
}

/// `A + ── B -   main`
fn rotated(key: &str) -> Repo {
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[(".env", Some(&env(key)))], "A");
    repo.commit_on(MAIN, &[(".env", None)], "B");
    repo.finish();
    repo
}

#[test]
fn the_list_has_one_key_id_a_line_sorted_with_reason_and_date_and_no_key() {
    //  A (+, +, +)   main
    let keys = [live_key(1501), test_key(1502), live_key(1503)];
    let mut repo = Repo::bare();
    let content: String = keys.iter().map(|key| env(key)).collect();
    repo.commit_on(MAIN, &[(".env", Some(&content))], "A");
    repo.finish();
    let list = List::new();
    let text = list.write(repo.path(), "rotated, see INC-7");
    assert!(!text.contains("sk_"), "no key and no hint");
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let mut expected = keys.map(|key| key_id(&key));
    expected.sort();
    assert_eq!(lines.iter().map(|line| line.split(' ').next().unwrap()).collect::<Vec<_>>(), expected);
    for line in &lines {
        let words: Vec<&str> = line.split(' ').collect();
        assert!(words[1].len() == 10 && words[1].starts_with("20"), "a date: {line}");
        assert!(line.ends_with("rotated, see INC-7"), "{line}");
    }
    assert_eq!(list.write(repo.path(), "another reason"), text, "what is known already keeps its date and reason");
}

#[test]
fn after_a_finished_rotation_the_nightly_audit_is_green_and_still_tells() {
    //  A + ── B -   main        noted ── C   main: nothing new
    let key = live_key(1504);
    let mut repo = rotated(&key);
    let list = List::new();
    list.write(repo.path(), "rotated");
    repo.commit_on(MAIN, &[("c", Some("c\n"))], "C");
    let found = list.audit(&mut repo);
    assert_eq!(found.code, 0);
    let of = found.only(&key);
    assert_eq!((&of["known"], &of["known_again"]), (&true.into(), &false.into()));
    let text = Audit::new(&["history", "--known"]).and(&list.path).and(repo.path()).run();
    assert_eq!(text.code, Some(0));
    assert!(text.text().starts_with("No new Clerk secret key found") && text.text().contains("1 known key"));
}

#[test]
fn a_known_key_that_is_introduced_again_makes_exit_1() {
    //  A + ── B - (noted) ── C + ── D -   main
    let key = live_key(1505);
    let mut repo = rotated(&key);
    let list = List::new();
    list.write(repo.path(), "rotated");
    repo.commit_on(MAIN, &[("other.env", Some(&env(&key)))], "C");
    repo.commit_on(MAIN, &[("other.env", None)], "D");
    let found = list.audit(&mut repo);
    assert_eq!((found.code, &found.only(&key)["known_again"]), (1, &true.into()));
    list.write(repo.path(), "dealt with again");
    assert_eq!(list.audit(&mut repo).code, 0, "noted again, it is no news");
}

#[test]
fn a_known_key_quoted_in_a_later_commit_message_makes_exit_1() {
    //  A + ── B - (noted) ── C (its message quotes the key)   main
    let key = live_key(1506);
    let mut repo = rotated(&key);
    let list = List::new();
    list.write(repo.path(), "rotated");
    repo.commit_on(MAIN, &[("c", Some("c\n"))], &format!("was {key}"));
    assert_eq!(list.audit(&mut repo).code, 1);
}

#[test]
fn a_known_key_that_is_back_at_a_tip_makes_exit_1() {
    //  A + ── B - (noted)   main        refs/heads/old: A, pushed again; no new introduction
    let key = live_key(1507);
    let mut repo = Repo::bare();
    let a = repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    repo.commit_on(MAIN, &[(".env", None)], "B");
    repo.finish();
    let list = List::new();
    list.write(repo.path(), "rotated");
    repo.set_ref("refs/heads/old", a);
    let found = list.audit(&mut repo);
    let of = found.only(&key);
    assert_eq!((found.code, &of["known"], &of["known_again"]), (1, &true.into(), &true.into()));
    let text = Audit::new(&["history", "--known"]).and(&list.path).and(repo.path()).run().text();
    assert!(text.lines().next().unwrap().contains("known, but back"), "{text}");
}

#[test]
fn a_key_that_is_noted_while_at_a_tip_is_no_news_there() {
    //  A + (noted)   main ── B ── C   main: it still stands there
    let key = test_key(1508);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    repo.finish();
    let list = List::new();
    list.write(repo.path(), "a test key, accepted");
    repo.commit_on(MAIN, &[("b", Some("b\n"))], "B");
    assert_eq!(list.audit(&mut repo).code, 0);
    repo.commit_on(MAIN, &[(".env", None)], "C");
    assert_eq!(list.audit(&mut repo).code, 0);
    repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "D");
    assert_eq!(list.audit(&mut repo).code, 1, "introduced again");
}

#[test]
fn a_key_that_was_removed_and_is_back_at_another_tip_makes_exit_1() {
    //  A + (noted) ── B -   main        then refs/heads/back: A; no introduction that was not noted
    for is_written_every_night in [false, true] {
        let key = live_key(1520);
        let mut repo = Repo::bare();
        let a = repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
        repo.finish();
        let list = List::new();
        list.write(repo.path(), "noted");
        repo.commit_on(MAIN, &[(".env", None)], "B");
        assert_eq!(list.audit(&mut repo).code, 0);
        if is_written_every_night {
            let text = list.write(repo.path(), "another reason");
            assert!(text.contains(" tips=0 ") && text.contains(" noted\n"), "{text}");
        }
        repo.set_ref("refs/heads/back", a);
        let found = list.audit(&mut repo);
        assert_eq!((found.code, &found.only(&key)["known_again"]), (1, &true.into()));
    }
}

#[test]
fn a_key_whose_branch_was_deleted_is_news_when_it_is_introduced_elsewhere() {
    //  A ── B +   refs/heads/leak (noted)        the branch is deleted and pruned; A ── C +   main
    let key = live_key(1521);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    repo.branch("refs/heads/leak", MAIN);
    repo.commit_on("refs/heads/leak", &[(".env", Some(&env(&key)))], "B");
    repo.finish();
    let list = List::new();
    list.write(repo.path(), "noted");
    repo.git(&["update-ref", "-d", "refs/heads/leak"]);
    repo.git(&["gc", "-q", "--prune=now"]);
    assert_eq!(list.audit(&mut repo).code, 0);
    repo.commit_on(MAIN, &[("other.env", Some(&format!("# anew\n{}", env(&key))))], "C");
    let found = list.audit(&mut repo);
    assert_eq!((found.code, &found.only(&key)["known_again"]), (1, &true.into()));
}

#[test]
fn a_history_that_was_rebased_is_no_news() {
    //  A ── B + ── C -   main (noted)        the same on another root, by the same people at the same times
    let key = live_key(1522);
    let build = |first: &str| {
        let mut repo = Repo::bare();
        repo.commit_on(MAIN, &[("a", Some(first))], "A");
        repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "B");
        repo.commit_on(MAIN, &[(".env", None)], "C");
        repo.finish();
        repo
    };
    let list = List::new();
    list.write(build("a\n").path(), "rotated");
    assert_eq!(list.audit(&mut build("another root\n")).code, 0);
}

#[test]
fn a_list_of_an_earlier_version_is_read_as_it_was_meant() {
    //  A + ── B -   main        one introduction, no tip, and no more than that is noted
    let key = live_key(1523);
    let mut repo = rotated(&key);
    let list = List::new();
    std::fs::write(&list.path, format!("{} 2026-01-02 introductions=1 tips=0 rotated\n", key_id(&key))).unwrap();
    assert_eq!(list.audit(&mut repo).code, 0);
    let text = list.write(repo.path(), "another reason");
    assert!(text.contains(" 2026-01-02 introductions=1 tips=0 removals=1 seen=") && text.contains(" rotated\n"));
    repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "C");
    assert_eq!(list.audit(&mut repo).code, 1);
}

#[test]
fn what_a_narrowed_audit_does_not_see_is_not_noted_as_gone() {
    //  A +   main        B   refs/heads/other; noted, then audited with --ref other and written again
    let key = live_key(1524);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    repo.branch("refs/heads/other", MAIN);
    repo.commit_on("refs/heads/other", &[(".env", None)], "B");
    repo.finish();
    let list = List::new();
    let text = list.write(repo.path(), "noted");
    let narrowed = Audit::new(&["history", "--ref", "other", "--known"]).and(&list.path).and("--write-known");
    assert_eq!(narrowed.and(&list.path).and(repo.path()).run().code, Some(0));
    assert_eq!(std::fs::read_to_string(&list.path).unwrap(), text);
}

#[test]
fn another_key_makes_exit_1_whatever_is_known() {
    let (old, new) = (live_key(1509), live_key(1510));
    let mut repo = rotated(&old);
    let list = List::new();
    list.write(repo.path(), "rotated");
    repo.commit_on(MAIN, &[("new", Some(&env(&new)))], "C");
    let found = list.audit(&mut repo);
    assert_eq!(found.code, 1);
    assert_eq!((&found.key(&old)["known"], &found.key(&new)["known"]), (&true.into(), &false.into()));
    assert_eq!(found.report["keys"][0]["id"], key_id(&new), "news first");
}

#[test]
fn a_line_written_by_hand_is_enough_and_says_nothing_of_tips() {
    let key = live_key(1511);
    let mut repo = rotated(&key);
    let list = List::new();
    std::fs::write(&list.path, format!("# ours\n\n{} 2026-01-02\n", key_id(&key))).unwrap();
    assert_eq!(list.audit(&mut repo).code, 0);
}

#[test]
fn a_list_that_cannot_be_understood_is_wrong_usage_and_not_half_read() {
    let key = live_key(1512);
    let repo = rotated(&key);
    let list = List::new();
    for text in ["rubbish\n".to_owned(), format!("{} when\n", key_id(&key)), "sha256:12 2026-01-01\n".to_owned()] {
        std::fs::write(&list.path, text).unwrap();
        let run = Audit::new(&["history", "--known"]).and(&list.path).and(repo.path()).run();
        assert_eq!((run.code, run.text().as_str()), (Some(2), ""));
        assert!(run.errors().contains("line 1"), "{}", run.errors());
    }
    std::fs::remove_file(&list.path).unwrap();
    let run = Audit::new(&["history", "--known"]).and(&list.path).and(repo.path()).run();
    assert_eq!(run.code, Some(2));
    assert!(run.errors().contains("hint:"), "{}", run.errors());
}

#[test]
fn two_lists_merge_line_by_line() {
    //  one repository noted, another noted into the same list: both stay
    let (one, two) = (live_key(1513), live_key(1514));
    let list = List::new();
    list.write(rotated(&one).path(), "one");
    let text = list.write(rotated(&two).path(), "two");
    assert!(text.contains(&key_id(&one)) && text.contains(&key_id(&two)));
    assert!(text.contains(" one\n") && text.contains(" two\n"));
}

#[test]
fn a_reason_is_a_reason_whatever_it_begins_with() {
    //  A + ── B - (noted) ── C + ── D -   main
    let reasons = [
        "seen=by security",
        "tips=9 of us know",
        "introductions=99 x",
        "at=",
        "removals=7",
        "tips=many",
        "a  b\ttips=3",
    ];
    for reason in reasons {
        let key = live_key(1525);
        let mut repo = rotated(&key);
        let list = List::new();
        let text = list.write(repo.path(), reason);
        let noted = reason.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(list.audit(&mut repo).code, 0, "{reason}");
        let again = list.write(repo.path(), "another reason");
        assert!(again.ends_with(&format!(" {noted}\n")), "{again}");
        assert_eq!(again.split_whitespace().collect::<Vec<_>>(), text.split_whitespace().collect::<Vec<_>>());
        repo.commit_on(MAIN, &[("other.env", Some(&env(&key)))], "C");
        repo.commit_on(MAIN, &[("other.env", None)], "D");
        assert_eq!(list.audit(&mut repo).code, 1, "{reason} hides nothing");
    }
}

#[test]
fn an_edit_of_a_file_with_a_known_key_is_no_news_since_a_revision() {
    //  A (+), noted ── B (edited)   main        --since A
    let key = live_key(1530);
    let mut repo = Repo::bare();
    let a = repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    repo.finish();
    let list = List::new();
    list.write(repo.path(), "rotated");
    repo.commit_on(MAIN, &[(".env", Some(&format!("B=1\n{}", env(&key))))], "B");
    repo.finish();
    let since = a.to_string();
    let options = ["--known".as_ref(), list.path.as_os_str(), "--since".as_ref(), since.as_ref()];
    assert_eq!(audit_with(repo.path(), &options).complete().code, 0);
    assert_eq!(list.audit(&mut repo).code, 0);
}

#[test]
fn an_edit_of_what_nothing_says_who_has_is_no_news() {
    //  A (d/d/… too many levels …/f +), noted ── B (the same, edited)   main
    let key = live_key(1531);
    let mut repo = Repo::bare();
    let commit = |repo: &mut Repo, content: String, parents: &[Oid]| {
        let file = repo.blob(content);
        let mut tree = repo.object(ObjectType::Tree, encode_tree(vec![(b"f".to_vec(), Mode::File, file)]));
        for _ in 0..4_200 {
            tree = repo.object(ObjectType::Tree, encode_tree(vec![(b"d".to_vec(), Mode::Directory, tree)]));
        }
        let commit = repo.commit(&Commit::new(tree, parents, 1_704_000_000, "deep"));
        repo.set_ref(MAIN, commit);
        repo.finish();
        commit
    };
    let a = commit(&mut repo, env(&key), &[]);
    let list = List::new();
    let run = Audit::new(&["history", "--reason", "x", "--write-known"]).and(&list.path).and(repo.path()).run();
    assert_eq!(run.code, Some(3), "{}", run.errors());
    commit(&mut repo, format!("B=1\n{}", env(&key)), &[a]);
    let found = audit_with(repo.path(), &["--known".as_ref(), list.path.as_os_str()]);
    let of = found.only(&key);
    assert_eq!((&of["known"], &of["known_again"]), (&true.into(), &false.into()));
}

#[test]
fn a_known_key_that_comes_to_a_branch_with_a_stale_pull_ref_is_news() {
    //  A ── C ── M   main        B +   refs/pull/1/head, noted before M
    //     \      /
    //      B ────
    let key = live_key(1532);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    repo.branch("refs/pull/1/head", MAIN);
    let b = repo.commit_on("refs/pull/1/head", &[(".env", Some(&env(&key)))], "B");
    repo.finish();
    let list = List::new();
    list.write(repo.path(), "rotated");
    let c = repo.commit_on(MAIN, &[("c", Some("c\n"))], "C");
    assert_eq!(list.audit(&mut repo).code, 0);
    let mut files = repo.files_at("refs/pull/1/head");
    files.extend(repo.files_at(MAIN));
    repo.commit_files(MAIN, files, &[c, b], "M");
    let found = list.audit(&mut repo);
    assert_eq!((found.code, &found.only(&key)["known_again"]), (1, &true.into()));
}
