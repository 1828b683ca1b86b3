//! What narrows an audit: the report says that it did, and that is no incompleteness.

use super::support::{Found, MAIN, audit_with, entries, env, held, list, text};
use crate::common::fixture::Repo;
use crate::common::fixture::objects::Oid;
use crate::common::run::Audit;
use crate::common::secrets::{live_key, test_key};

/// Keys of [`history`].
struct Keys {
    old: String,
    new: String,
    pull: String,
    loose: String,
    logged: String,
}

///  A (old +) ── B ── C (new +)   main
///     \
///      P (pull +)   refs/pull/1/head         a loose blob +; a commit + that only the reflog of main keeps
fn history() -> (Repo, Keys, [Oid; 4]) {
    let keys = Keys {
        old: live_key(701),
        new: live_key(702),
        pull: test_key(703),
        loose: live_key(704),
        logged: live_key(705),
    };
    let mut repo = Repo::bare();
    let a = repo.commit_on(MAIN, &[("old", Some(&env(&keys.old)))], "A");
    repo.branch("refs/pull/1/head", MAIN);
    repo.branch("refs/heads/lost", MAIN);
    let p = repo.commit_on("refs/pull/1/head", &[("pull", Some(&env(&keys.pull)))], "P");
    let lost = repo.commit_on("refs/heads/lost", &[("lost", Some(&env(&keys.logged)))], "L");
    repo.finish();
    repo.delete_ref("refs/heads/lost");
    let b = repo.commit_on(MAIN, &[("b", Some("b\n"))], "B");
    let c = repo.commit_on(MAIN, &[("new", Some(&env(&keys.new)))], "C");
    repo.blob(env(&keys.loose));
    repo.finish();
    let log = format!("{a} {lost} A <a@example.test> 1704067200 +0000\tx\n{lost} {c} A <a@example.test> 2 +0000\ty\n");
    super::support::overwrite(&repo.git_directory().join("logs/refs/heads/main"), log.as_bytes());
    (repo, keys, [a, b, c, p])
}

fn narrowed_by(found: &Found) -> Vec<&str> {
    list(&found.report["repositories"][0]["narrowed_by"]).map(text).collect()
}

fn which(found: &Found, keys: &Keys) -> String {
    [("old", &keys.old), ("new", &keys.new), ("pull", &keys.pull), ("loose", &keys.loose), ("logged", &keys.logged)]
        .into_iter()
        .filter(|(_, key)| found.has(key))
        .map(|(name, _)| name)
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn nothing_narrows_by_itself() {
    let (repo, keys, _) = history();
    let found = audit_with::<&str>(repo.path(), &[]).complete();
    assert_eq!((which(&found, &keys).as_str(), narrowed_by(&found)), ("old new pull loose logged", vec![]));
}

#[test]
fn ref_narrows_to_what_matching_refs_reach() {
    let (repo, keys, _) = history();
    for (globs, expected) in [
        (&["main"][..], "old new"),
        (&["refs/pull/*"], "old pull"),
        (&["refs/heads/*", "refs/pull/1/head"], "old new pull"),
        (&["*"], "old new pull"),
    ] {
        let options: Vec<&str> = globs.iter().flat_map(|glob| ["--ref", glob]).collect();
        let found = audit_with(repo.path(), &options).complete();
        assert_eq!((found.code, which(&found, &keys).as_str()), (1, expected), "{globs:?}");
        let told: Vec<String> = globs.iter().map(|glob| format!("--ref {glob}")).collect();
        assert_eq!(narrowed_by(&found), told);
    }
    let found = audit_with(repo.path(), &["--ref", "main"]);
    assert_eq!(held(found.key(&keys.old)), [MAIN], "only matching refs are tips");
    assert_eq!(found.report["repositories"][0]["refs"], 1);
}

#[test]
fn a_ref_glob_that_matches_nothing_is_no_clean_audit() {
    let (repo, _, _) = history();
    let found = audit_with(repo.path(), &["--ref", "refs/heads/mian"]);
    assert_eq!((found.code, found.reasons()), (3, vec!["broken_ref"]));
}

#[test]
fn since_leaves_out_what_the_revision_reaches() {
    let (mut repo, keys, [a, b, c, _]) = history();
    repo.git(&["tag", "-a", "-m", "tag", "start", &a.to_string()]);
    for since in ["start", &a.to_string(), &a.to_string()[..12], "main~2", "refs/tags/start", "main^^"] {
        let found = audit_with(repo.path(), &["--since", since, "--no-unreachable"]).complete();
        assert_eq!(which(&found, &keys), "new pull", "{since}");
        assert_eq!(narrowed_by(&found), [&format!("--since {since}"), "--no-unreachable"]);
        assert_eq!(entries(&found.key(&keys.new)["introductions"], &[("C", c)]), ["C file new key"]);
        // B, C and P; the tag and what it reaches are left out.
        assert_eq!(found.report["repositories"][0]["commits"], 3);
    }
    let found = audit_with(repo.path(), &["--since", &b.to_string(), "--ref", "main"]).complete();
    assert_eq!(which(&found, &keys), "new");
    let found = audit_with(repo.path(), &["--since", "main", "--ref", "main"]).complete();
    assert_eq!((found.code, which(&found, &keys).as_str()), (0, ""));
}

#[test]
fn a_revision_that_names_nothing_is_told() {
    let (repo, _, _) = history();
    for since in ["nosuch", "main~99", "0123456789012345678901234567890123456789", ":/old", "main@{yesterday}"] {
        let found = audit_with(repo.path(), &["--since", since]);
        assert_eq!((found.code, found.reasons()), (3, vec!["broken_ref"]), "{since}");
    }
}

#[test]
fn no_unreachable_leaves_out_what_no_ref_reaches() {
    let (repo, keys, _) = history();
    let found = audit_with(repo.path(), &["--no-unreachable"]).complete();
    assert_eq!((which(&found, &keys).as_str(), narrowed_by(&found)), ("old new pull", vec!["--no-unreachable"]));
}

#[test]
fn no_reflog_leaves_out_reflogs_but_no_objects() {
    let (repo, keys, _) = history();
    let found = audit_with(repo.path(), &["--no-reflog"]).complete();
    assert_eq!(narrowed_by(&found), ["--no-reflog"]);
    assert_eq!(which(&found, &keys), "old new pull loose logged", "the objects are still here");
    let via = |found: &Found| found.key(&keys.logged)["unreachable"][0]["via"].clone();
    assert_eq!(via(&found), serde_json::Value::Null);
    assert_eq!(via(&audit_with::<&str>(repo.path(), &[])), "refs/heads/main@{1}");
}

#[test]
fn the_text_says_what_narrowed_it() {
    let (repo, _, _) = history();
    let run = Audit::new(&["history", "--ref", "refs/pull/*", "--no-reflog"]).and(repo.path()).run();
    assert_eq!(run.code, Some(1));
    let text = run.text();
    assert!(text.contains("--ref refs/pull/*, --no-reflog"), "{text}");
    let run = Audit::new(&["history", "--since", "main", "--ref", "main"]).and(repo.path()).run();
    assert_eq!(run.code, Some(0));
    assert!(run.text().lines().next().unwrap().contains("narrowed by options"), "{}", run.text());
}

#[test]
fn a_key_that_stood_before_and_only_goes_since_is_nobodys_introduction() {
    //  A (+) ── B (-)   main        --since A
    let key = live_key(706);
    let mut repo = Repo::bare();
    let a = repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    repo.commit_on(MAIN, &[(".env", None)], "B");
    repo.finish();
    let found = audit_with(repo.path(), &["--since", &a.to_string()]).complete();
    if found.has(&key) {
        assert_eq!(list(&found.key(&key)["introductions"]).count(), 0);
        assert_eq!(found.key(&key)["first_introduced"], serde_json::Value::Null);
    }
}

#[test]
fn a_revision_that_is_none_is_told_whatever_letters_it_has() {
    let (repo, keys, _) = history();
    for since in
        ["HEAD~0é", "HEAD^é", "HEAD~é", "main~1é~1", "HEAD~1x", "é", "~é", "HEAD~99999999999999999999", "HEAD^9"]
    {
        let found = audit_with(repo.path(), &["--since", since]);
        assert_eq!((found.code, found.skipped()), (3, vec![("broken_ref", since)]), "{since}");
        assert!(found.has(&keys.new));
    }
}

#[test]
fn a_key_that_is_brought_back_or_copied_since_is_as_sure_as_ever() {
    //  A (+) ── B (-) ── C (+ again, the same file) ── D (copied)   main        --since B, --since C, --since another branch
    let key = live_key(708);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    let b = repo.commit_on(MAIN, &[(".env", None)], "B");
    let c = repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "C");
    repo.commit_on(MAIN, &[("copy", Some(&env(&key)))], "D");
    repo.commit_on("refs/heads/other", &[("elsewhere", Some(&env(&key)))], "E");
    repo.finish();
    let whole = audit_with::<&str>(repo.path(), &[]).complete();
    let sure = |found: &Found| {
        let key = found.only(&key);
        (text(&key["confidence"]).to_owned(), key["reasons"].clone(), key["sightings"].clone())
    };
    for since in [b.to_string(), c.to_string(), "other".to_owned()] {
        let found = audit_with(repo.path(), &["--since", &since, "--ref", "main"]).complete();
        assert_eq!((found.code, sure(&found)), (1, sure(&whole)), "--since {since}");
    }
    // A ref that names the file itself.
    let mut repo = Repo::bare();
    let blob = repo.blob(env(&key));
    repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    repo.set_ref("refs/tags/file", blob);
    repo.finish();
    let found = audit_with(repo.path(), &["--since", "main"]).complete();
    assert_eq!((found.code, sure(&found)), (1, sure(&whole)));
    // Nor is a file that stood before a finding of what comes after.
    repo.git(&["update-ref", "-d", "refs/tags/file"]);
    repo.commit_on(MAIN, &[("b", Some("b\n"))], "B");
    repo.finish();
    let found = audit_with(repo.path(), &["--since", "main~1"]).complete();
    assert_eq!((found.code, found.has(&key)), (0, false));
}

#[test]
fn a_revision_that_is_empty_or_no_commit_is_told() {
    let (mut repo, keys, _) = history();
    let tree = String::from_utf8(repo.git(&["rev-parse", "main^{tree}"])).unwrap();
    // As a variable of CI gives it that nobody set.
    for option in ["--since", "--ref"] {
        let run = Audit::history(repo.path()).and_all(&[option, ""]).run();
        assert_eq!((run.code, run.stdout.len()), (Some(2), 0), "{option}");
    }
    for since in ["~0", "^0", "^", "~", "~1", tree.trim()] {
        let found = audit_with(repo.path(), &["--since", since]);
        assert_eq!((found.code, found.skipped()), (3, vec![("broken_ref", since)]), "{since:?}");
        assert!(found.has(&keys.new));
    }
}

#[test]
fn a_whole_id_is_that_commit_whatever_ref_is_called_so() {
    //  A ── B ── C (new +)   main, and a branch that is called by A's id
    let (mut repo, keys, [a, _, c, _]) = history();
    let (whole, short) = (a.to_string(), a.to_string()[..12].to_owned());
    repo.git(&["update-ref", &format!("refs/heads/{whole}"), &c.to_string()]);
    let found = audit_with(repo.path(), &["--since", &whole]).complete();
    assert!(found.has(&keys.new));
    // What is called by the beginning of one may be either.
    repo.git(&["update-ref", &format!("refs/heads/{short}"), &c.to_string()]);
    let found = audit_with(repo.path(), &["--since", &short]);
    assert_eq!((found.code, found.skipped()), (3, vec![("broken_ref", short.as_str())]));
    assert!(found.has(&keys.new));
    let found = audit_with(repo.path(), &["--since", &format!("refs/heads/{short}")]).complete();
    assert!(!found.has(&keys.new));
}

#[test]
fn a_name_of_two_refs_is_told() {
    //  A ── B ── C (new +)   main, and a tag that is called so
    let (mut repo, keys, [.., c, _]) = history();
    repo.git(&["update-ref", "refs/tags/main", &c.to_string()]);
    for since in ["main", "main~1"] {
        let found = audit_with(repo.path(), &["--since", since]);
        assert_eq!((found.code, found.skipped()), (3, vec![("broken_ref", since)]));
        assert!(text(&found.report["repositories"][0]["skipped"][0]["detail"]).contains("ambiguous"));
        assert!(found.has(&keys.new), "nothing is left out");
    }
    for since in ["heads/main~1", "refs/tags/main~1"] {
        assert!(audit_with(repo.path(), &["--since", since]).complete().has(&keys.new));
    }
}

#[test]
fn symbolic_refs_name_what_they_lead_to() {
    //  A (old +) ── B ── C (new +)   main ◄─ default ◄─ HEAD        B: origin/main ◄─ origin/HEAD
    let (mut repo, keys, [_, b, ..]) = history();
    repo.git(&["update-ref", "refs/remotes/origin/main", &b.to_string()]);
    repo.git(&["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main"]);
    repo.git(&["symbolic-ref", "refs/heads/default", "refs/heads/main"]);
    repo.git(&["symbolic-ref", "HEAD", "refs/heads/default"]);
    for since in ["origin/main", "origin/HEAD", "origin", "refs/remotes/origin/HEAD", "default~1", "HEAD~1", "@^"] {
        let found = audit_with(repo.path(), &["--since", since, "--no-unreachable"]).complete();
        assert_eq!(which(&found, &keys), "new pull", "{since}");
    }
    for (glob, expected) in [
        ("origin/HEAD", "old"),
        ("origin", "old"),
        ("refs/remotes/origin/HEAD", "old"),
        ("default", "old new"),
        ("HEAD", "old new"),
    ] {
        let found = audit_with(repo.path(), &["--ref", glob]).complete();
        assert_eq!(which(&found, &keys), expected, "{glob}");
    }
    assert_eq!(held(audit_with(repo.path(), &["--ref", "default"]).key(&keys.new)), [MAIN]);
    // Where it leads is remembered with the rest.
    let state = repo.beside("state");
    let options = ["--since".as_ref(), "origin".as_ref(), "--state".as_ref(), state.as_os_str()];
    assert!(audit_with(repo.path(), &options).complete().has(&keys.new));
    repo.git(&["symbolic-ref", "refs/remotes/origin/HEAD", MAIN]);
    assert!(!audit_with(repo.path(), &options).complete().has(&keys.new));
}

#[test]
fn a_key_whose_file_is_only_edited_since_is_no_finding() {
    //  A (+) ── B (edited) ── M   main        --since A
    //     \                  /
    //      C (edited too) ──
    let key = live_key(709);
    let mut repo = Repo::bare();
    let a = repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    repo.branch("refs/heads/side", MAIN);
    let c = repo.commit_on("refs/heads/side", &[(".env", Some(&format!("C=1\n{}", env(&key))))], "C");
    let b = repo.commit_on(MAIN, &[(".env", Some(&format!("{}B=1\n", env(&key))))], "B");
    let mut files = repo.files_at(MAIN);
    let merged = repo.blob(format!("C=1\n{}B=1\n", env(&key)));
    files.insert(b".env".to_vec(), (crate::common::fixture::objects::Mode::File, merged));
    repo.commit_files(MAIN, files, &[b, c], "M");
    repo.finish();
    for since in [a, b] {
        let found = audit_with(repo.path(), &["--since", &since.to_string()]).complete();
        assert_eq!((found.code, found.has(&key)), (0, false), "--since {since}");
    }
}

#[test]
fn who_only_moves_or_copies_a_key_since_did_not_bring_it_in() {
    //  A (+) ── B (moved, or copied)   main        --since A
    let key = live_key(710);
    for moves in [true, false] {
        let mut repo = Repo::bare();
        let a = repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
        let left = if moves { &[("new", Some(env(&key))), (".env", None)][..] } else { &[("new", Some(env(&key)))] };
        let left: Vec<(&str, Option<&str>)> = left.iter().map(|(path, text)| (*path, text.as_deref())).collect();
        let b = repo.commit_on(MAIN, &left, "B");
        repo.finish();
        let since = a.to_string();
        let found = audit_with(repo.path(), &["--since", &since]).complete();
        let of = found.only(&key);
        assert_eq!(entries(&of["introductions"], &[("B", b)]), ["B file new path"]);
        assert!(of["first_introduced"].is_null() && of["exposure"]["start"].is_null(), "{of:#}");
        assert_eq!(of["exposure"]["open"], true);
        let run = Audit::new(&["history", "--format", "gitlab", "--since", &since]).and(repo.path()).run();
        assert!(!run.text().contains("Ada Author"), "{}", run.text());
    }
}
