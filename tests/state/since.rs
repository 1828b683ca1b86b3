//! What was done to a repository since it was remembered, by disks, by git and by people who clean it.

use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::common::fixture::Repo;
use crate::common::fixture::objects::Oid;
use crate::common::run::Audit;
use crate::common::secrets::live_key;
use crate::{Case, MAIN, pack_file, plain};

/// The file of a loose object, which is made writable.
fn loose_file(repo: &Repo, oid: Oid) -> PathBuf {
    let hex = oid.to_string();
    let path = repo.git_directory().join("objects").join(&hex[..2]).join(&hex[2..]);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    path
}

#[test]
fn what_was_damaged_since_is_read_again_and_seen() {
    //  A + ── B   main: loose, then packed; one file in which nothing is, cut short, emptied, overwritten
    let mut repo = Repo::bare();
    let text = "nothing to see, in some more words than a few\n".repeat(20);
    let clean = repo.blob(text.as_str());
    let key = live_key(9730);
    repo.commit_on(MAIN, &[(".env", Some(&format!("K={key}\n"))), ("clean", Some(&text))], "A");
    repo.finish();
    let state = repo.beside("state");
    let audit = |repo: &Repo| {
        let run = Audit::history(repo.path()).and("--state").and(&state).run();
        let whole = Audit::history(repo.path()).run();
        assert_eq!((run.code, plain(&run), run.errors()), (whole.code, plain(&whole), whole.errors()));
        run.code
    };
    assert_eq!(audit(&repo), Some(1));
    let path = loose_file(&repo, clean);
    let sound = std::fs::read(&path).unwrap();
    for length in [sound.len() / 2, 0] {
        std::fs::write(&path, &sound[..length]).unwrap();
        assert_eq!(audit(&repo), Some(3), "cut to {length}");
        repo.commit_on(MAIN, &[("b", Some(&format!("{length}\n")))], "B");
        repo.finish();
        assert_eq!(audit(&repo), Some(3), "cut to {length}, and something is new");
        std::fs::write(&path, &sound).unwrap();
        assert_eq!(audit(&repo), Some(1), "mended");
    }
    let mut case = Case::remembered(9731);
    case.damage_clean_and_touch();
    assert_eq!(case.audit(&[]).code, Some(3), "a pack that was written into");
    assert_eq!(case.audit(&[]).code, Some(3), "and once more");
}

#[test]
fn another_time_alone_changes_nothing_but_that_it_is_read_again() {
    //  A + ── B   main: packed, and C loose; git marks what is in use by the time of its file
    let mut case = Case::remembered(9732);
    case.repo.commit_on(MAIN, &[("c", Some("c\n"))], "C");
    case.repo.finish();
    let loose = case.repo.blob("c\n");
    assert_eq!(case.audit(&[]).code, Some(1));
    let first = plain(&Audit::history(case.repo.path()).run());
    let later = SystemTime::now() + Duration::from_secs(7);
    for path in [pack_file(&case.repo, "pack"), pack_file(&case.repo, "idx"), loose_file(&case.repo, loose)] {
        let before = case.file();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        File::options().append(true).open(&path).unwrap().set_modified(later).unwrap();
        let run = case.audit(&[]);
        assert_eq!((run.code, run.errors().as_str(), plain(&run)), (Some(1), "", first.clone()), "{}", path.display());
        assert_ne!(case.file(), before, "it is known by its new time");
    }
}

#[test]
fn a_history_that_was_rewritten_and_cleaned_is_read_anew() {
    //  A + ── B   main        A' ── B'   main, and nothing else is left
    let mut case = Case::remembered(9733);
    case.repo.git(&["update-ref", "-d", MAIN]);
    let path = case.repo.path().to_owned();
    case.repo.git(&["gc", "-q", "--prune=now"]);
    case.repo.commit_on("refs/heads/new", &[("b", Some("after the purge\n"))], "B'");
    case.repo.git(&["update-ref", MAIN, "refs/heads/new"]);
    case.repo.git(&["update-ref", "-d", "refs/heads/new"]);
    let before = case.file();
    let run = case.audit(&[]);
    assert_eq!((run.code, plain(&run)), (Some(0), plain(&Audit::history(&path).run())), "{}", run.errors());
    let said = format!("{}: everything is read again: nothing is left there", path.display());
    assert!(run.errors().contains(&said), "{}", run.errors());
    assert_ne!(case.file(), before, "written anew");
    std::fs::write(case.state(), &before).unwrap();
    assert_eq!(case.audit(&["--quiet"]).errors(), "");
    assert_eq!(case.audit(&[]).errors(), "", "now it is known");
}

#[test]
fn a_repository_that_lost_the_index_of_its_only_pack_is_incomplete_and_not_another_one() {
    let case = Case::remembered(9734);
    std::fs::remove_file(pack_file(&case.repo, "idx")).unwrap();
    let run = case.audit(&[]);
    assert_eq!((run.code, plain(&run)), (Some(3), plain(&Audit::history(case.repo.path()).run())));
}
