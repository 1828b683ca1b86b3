//! `history --state FILE`: what is remembered, when it is of use, and when it is refused. `tests/state_property.rs`
//! holds it against audits that remember nothing.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is the failing test's message")]

mod common;

mod state {
    mod since;
}

use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use common::fixture::Repo;
use common::fixture::objects::Oid;
use common::run::{Audit, Outcome};
use common::secrets::{Alphabet, Padding, base64, key_id, live_key, test_key};
use serde_json::Value;
use sha2::{Digest, Sha256};

const MAIN: &str = "refs/heads/main";

/// A repository with a key, packed, and a file that has nothing in it; where a state file goes.
struct Case {
    repo: Repo,
    key: String,
    clean: Oid,
}

impl Case {
    fn new(seed: u64) -> Self {
        let mut repo = Repo::bare();
        let key = live_key(seed);
        let text = "nothing to see, in some more words than a few\n";
        repo.commit_on(MAIN, &[(".env", Some(&format!("CLERK_SECRET_KEY={key}\n"))), ("clean", Some(text))], "A");
        repo.commit_on(MAIN, &[("b", Some("b\n"))], "B");
        repo.git(&["repack", "-a", "-d", "-q", "--window=0"]);
        let clean = repo.blob(text);
        Self { repo, key, clean }
    }

    fn state(&self) -> PathBuf {
        self.repo.beside("state")
    }

    fn audit(&self, more: &[&str]) -> Outcome {
        Audit::history(self.repo.path()).and_all(more).and("--state").and(self.state()).run()
    }

    /// The first audit, which leaves a state file.
    fn remembered(seed: u64) -> Self {
        let case = Self::new(seed);
        let run = case.audit(&[]);
        assert_eq!((run.code, run.errors().as_str()), (Some(1), ""));
        case
    }

    fn file(&self) -> String {
        std::fs::read_to_string(self.state()).unwrap()
    }

    /// What the file remembers.
    fn document(&self) -> Value {
        serde_json::from_str::<Value>(&self.file()).unwrap()["remembered"].take()
    }

    /// Writes the file with something changed in it, as whole as clerk-audit would.
    fn forge(&self, change: impl FnOnce(&mut Value)) {
        let mut document = self.document();
        change(&mut document);
        let body = document.to_string();
        let hash: String = Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect();
        let head = format!("{{\n\"format\": \"clerk-audit/state/2\",\n\"sha256\": \"{hash}\",\n\"remembered\": ");
        std::fs::write(self.state(), format!("{head}{body}\n}}\n")).unwrap();
    }

    /// Damages the entry of the clean file in its pack, and nothing by which the pack is known again.
    fn damage_clean(&mut self) {
        let pack = pack_file(&self.repo, "pack");
        let modified = std::fs::metadata(&pack).unwrap().modified().unwrap();
        self.damage_clean_and_touch();
        File::options().append(true).open(&pack).unwrap().set_modified(modified).unwrap();
    }

    /// Damages it as a disk does, or whoever writes into a pack.
    fn damage_clean_and_touch(&mut self) {
        let pack = pack_file(&self.repo, "pack");
        let listed = self.repo.git(&["verify-pack", "-v", pack.with_extension("idx").to_str().unwrap()]);
        let id = self.clean.to_string();
        let listed = String::from_utf8(listed).unwrap();
        let line = listed.lines().find(|line| line.starts_with(&id)).unwrap();
        let offset: usize = line.split_whitespace().nth(4).unwrap().parse().unwrap();
        let mut bytes = std::fs::read(&pack).unwrap();
        bytes[offset + 10] ^= 0xff;
        std::fs::remove_file(&pack).unwrap();
        std::fs::write(&pack, bytes).unwrap();
        assert_eq!(Audit::history(self.repo.path()).run().code, Some(3), "an audit that remembers nothing sees it");
    }
}

/// The only file in a repository's pack folder with an ending.
fn pack_file(repo: &Repo, ending: &str) -> PathBuf {
    let folder = repo.git_directory().join("objects/pack");
    let mut files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.find(|path| path.extension().is_some_and(|it| it == ending)).unwrap()
}

fn plain(run: &Outcome) -> Value {
    let mut report = run.report();
    report.as_object_mut().unwrap().remove("generated_at");
    report
}

#[test]
fn an_unchanged_repository_is_told_again_byte_for_byte_in_every_format() {
    let case = Case::remembered(9700);
    let other = test_key(9701);
    let known = case.repo.beside("known");
    let ledger = case.repo.beside("ledger");
    std::fs::write(&known, format!("{} 2026-01-02 introductions=1 tips=1 ours\n", key_id(&case.key))).unwrap();
    let line = serde_json::json!({"schema": 1, "time": "2020-01-01T00:00:00Z", "verdict": "accepted", "pusher": "ada",
        "repository": "/srv/git/app.git", "remote_address": "192.0.2.9", "refs": [{"name": MAIN}], "canary": false,
        "keys": [{"id": key_id(&case.key), "decision": "bypassed"}, {"id": key_id(&other), "decision": "bypassed"}]});
    std::fs::write(&ledger, format!("{line}\n")).unwrap();
    let with = ["--known", known.to_str().unwrap(), "--ledger", ledger.to_str().unwrap()];
    let before = case.file();
    for format in ["text", "json", "jsonl", "markdown", "html", "sarif", "gitlab", "csv", "junit"] {
        for more in [&[][..], &with] {
            let audit =
                || Audit::new(&["history", "--all-refs", "--format", format]).and_all(more).and(case.repo.path());
            // The two may stand on both sides of a second's end.
            let same = (0..10).any(|_| {
                let (told, whole) = (audit().and("--state").and(case.state()).run(), audit().run());
                assert_eq!((told.code, told.errors()), (whole.code, whole.errors()), "{format}");
                assert_eq!(told.code, Some(if more.is_empty() { 1 } else { 0 }));
                told.stdout == whole.stdout
            });
            assert!(same, "{format} {more:?}");
        }
    }
    assert_eq!(case.file(), before);
}

#[test]
fn nothing_is_read_of_what_is_as_it_was_and_of_what_is_new_only_that() {
    let mut case = Case::remembered(9702);
    let first = plain(&Audit::history(case.repo.path()).run());
    case.damage_clean();
    let again = case.audit(&[]);
    assert_eq!((again.code, plain(&again)), (Some(1), first), "told again, and nothing read");
    //  A + ── B (remembered) ── C +   main
    let new = live_key(9703);
    case.repo.commit_on(MAIN, &[("new", Some(&format!("K={new}\n")))], "C");
    case.repo.finish();
    for _ in 0..2 {
        let run = case.audit(&[]);
        assert_eq!((run.code, run.errors().as_str()), (Some(1), ""));
        let report = run.report();
        let ids: Vec<&str> = report["keys"].as_array().unwrap().iter().map(|key| key["id"].as_str().unwrap()).collect();
        let mut expected = [key_id(&case.key), key_id(&new)];
        expected.sort();
        let mut ids = ids;
        ids.sort_unstable();
        assert_eq!(ids, expected);
        assert_eq!(report["complete"], true, "the file that is known to be clean was not read");
        assert_eq!(
            (&report["repositories"][0]["blobs"], &report["repositories"][0]["commits"]),
            (&4.into(), &3.into())
        );
    }
    // In another pack it is another copy, and read.
    let folder = case.repo.git_directory().join("objects/pack");
    for entry in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = entry.file_name().unwrap().to_str().unwrap().to_owned();
        if name.ends_with(".idx") {
            let mut bytes = std::fs::read(&entry).unwrap();
            let end = bytes.len() - 1;
            bytes[end] ^= 1;
            std::fs::remove_file(&entry).unwrap();
            std::fs::write(&entry, bytes).unwrap();
        }
    }
    assert_eq!(case.audit(&[]).code, Some(3));
}

/// One thing that is done to a repository, given its git directory.
type Change<'a> = (&'a str, &'a dyn Fn(&mut Repo, &Path));

#[test]
fn everything_that_a_report_is_made_of_is_looked_at() {
    //  A +   main, other; a reflog's line, a staged path; then one thing alone is another
    let keys: Vec<String> = (9720..9727).map(live_key).collect();
    let line = |oid: Oid, said: &str| {
        format!("{} {oid} Ada Author <ada.author@example.test> 1700000000 +0000\t{said}\n", "0".repeat(40))
    };
    let changes: [Change<'_>; 8] = [
        ("a reflog's text", &|repo, dir| {
            let commit = repo.git(&["rev-parse", "main"]);
            let commit = String::from_utf8(commit).unwrap();
            let log = std::fs::read_to_string(dir.join("logs/refs/heads/main")).unwrap();
            assert!(log.contains(commit.trim()));
            std::fs::write(dir.join("logs/refs/heads/main"), log.replace("said", &keys[0])).unwrap();
        }),
        ("a reflog's name", &|_, dir| {
            std::fs::rename(dir.join("logs/refs/heads/main"), dir.join(format!("logs/refs/heads/{}", keys[1])))
                .unwrap();
        }),
        ("a staged path", &|repo, dir| {
            std::fs::remove_file(dir.join("index")).unwrap();
            let blob = repo.blob("x\n").to_string();
            repo.git(&["update-index", "--add", "--cacheinfo", &format!("100644,{blob},{}", keys[2])]);
        }),
        ("a ref's name", &|repo, _| {
            repo.git(&["update-ref", "refs/heads/another", "refs/heads/other"]);
            repo.git(&["update-ref", "-d", "refs/heads/other"]);
        }),
        ("where a ref is", &|repo, _| _ = repo.git(&["update-ref", "refs/heads/other", "main~1"])),
        ("a symbolic ref's name", &|repo, _| {
            _ = repo.git(&["symbolic-ref", &format!("refs/heads/{}", keys[3]), "refs/heads/main"]);
        }),
        ("a loose object", &|repo, _| {
            let text = format!("K={}\n", keys[4]);
            repo.git_with_input(&["hash-object", "-w", "--stdin"], text.as_bytes());
        }),
        ("a worktree's HEAD", &|repo, _| {
            let at = repo.beside("linked").to_str().unwrap().to_owned();
            repo.git(&["worktree", "add", "-q", "--no-checkout", "--detach", &at, "main"]);
        }),
    ];
    for (what, change) in changes {
        let mut repo = Repo::with_work_tree();
        repo.commit_on(MAIN, &[("x", Some("x\n"))], "first");
        let a = repo.commit_on(MAIN, &[(".env", Some(&format!("K={}\n", keys[6])))], "A");
        repo.branch("refs/heads/other", MAIN);
        let blob = repo.blob("x\n").to_string();
        repo.git(&["update-index", "--add", "--cacheinfo", &format!("100644,{blob},plain")]);
        let dir = repo.git_directory();
        std::fs::create_dir_all(dir.join("logs/refs/heads")).unwrap();
        std::fs::write(dir.join("logs/refs/heads/main"), line(a, "said")).unwrap();
        let state = repo.beside("state");
        let before = plain(&Audit::history(repo.path()).and("--state").and(&state).run());
        change(&mut repo, &dir);
        let now = plain(&Audit::history(repo.path()).run());
        assert_ne!(now, before, "{what} makes another report");
        let told = Audit::history(repo.path()).and("--state").and(&state).run();
        assert_eq!((plain(&told), told.errors().as_str()), (now, ""), "{what}");
    }
}

#[test]
fn what_is_loose_is_known_by_its_file_until_it_is_packed() {
    let mut repo = Repo::bare();
    let blobs = ["one\n", "two\n"].map(|text| repo.blob(text));
    repo.commit_on(MAIN, &[("one", Some("one\n")), ("two", Some("two\n"))], "A");
    repo.finish();
    let state = repo.beside("state");
    let audit = |repo: &Repo| Audit::history(repo.path()).and("--state").and(&state).run();
    assert_eq!(audit(&repo).code, Some(0));
    let file: Value = serde_json::from_slice(&std::fs::read(&state).unwrap()).unwrap();
    let mut loose: Vec<&str> = file["remembered"]["repositories"][0]["loose"]
        .as_array()
        .unwrap()
        .iter()
        .map(|loose| loose["oid"].as_str().unwrap())
        .collect();
    loose.sort_unstable();
    let mut expected = blobs.map(|blob| blob.to_string());
    expected.sort();
    assert_eq!(loose, expected, "blobs alone: what else there is is always read");
    repo.git(&["repack", "-a", "-d", "-q"]);
    let run = audit(&repo);
    assert_eq!((run.code, plain(&run)), (Some(0), plain(&Audit::history(repo.path()).run())));
}

#[test]
fn a_file_that_is_none_is_an_error_and_is_not_written_over() {
    let case = Case::remembered(9704);
    let whole = case.file();
    let report = Audit::history(case.repo.path()).run().stdout;
    for (bad, what) in [
        (Vec::new(), "cut short"),
        (whole.as_bytes()[..whole.len() / 2].to_vec(), "cut short"),
        (b"hello".to_vec(), "no state file"),
        (b"{}".to_vec(), "no state file"),
        (report, "no state file"),
        (whole.replacen("again\":[\"", "again\":[\"0", 1).into_bytes(), "not as clerk-audit wrote it"),
        (whole.replacen("\"tips\"", "\"pits\"", 1).into_bytes(), "not as clerk-audit wrote it"),
        (format!("{whole} ").into_bytes(), "not as clerk-audit wrote it"),
    ] {
        std::fs::write(case.state(), &bad).unwrap();
        let run = case.audit(&[]);
        assert_eq!((run.code, run.text().as_str()), (Some(2), ""), "{what}");
        assert!(run.errors().contains(what) && run.errors().contains("hint: name another file"), "{}", run.errors());
        assert_eq!(std::fs::read(case.state()).unwrap(), bad);
    }
    // What cannot be read, and what would be waited for.
    std::fs::remove_file(case.state()).unwrap();
    std::fs::create_dir(case.state()).unwrap();
    let run = case.audit(&[]);
    assert!(run.code == Some(2) && run.errors().contains("a directory"), "{}", run.errors());
    std::fs::remove_dir(case.state()).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(case.state()).status().unwrap().success());
    let run = case.audit(&[]);
    assert!(run.code == Some(2) && run.errors().contains("a named pipe"), "{}", run.errors());
    // A list from which an id is missing, and that is whole otherwise, is what the hash is for.
    std::fs::remove_file(case.state()).unwrap();
    assert_eq!(case.audit(&[]).code, Some(1));
}

#[test]
fn another_repositorys_is_refused_and_a_moved_one_is_the_same() {
    let case = Case::remembered(9705);
    let other = Case::new(9706);
    let before = case.file();
    let refused = |case: &Case, path: &Path, told: &Path| {
        let before = case.file();
        let run = Audit::history(path).and("--state").and(case.state()).run();
        assert_eq!((run.code, run.text().as_str()), (Some(2), ""));
        let said = format!("it remembers another repository, which was at {}", told.display());
        assert!(run.errors().contains(&said) && run.errors().contains("hint:"), "{}", run.errors());
        assert_eq!(case.file(), before, "nothing is written over");
    };
    refused(&case, other.repo.path(), case.repo.path());
    // Written by another version or with other options, it is another's all the same.
    case.forge(|document| document["detector"] = "0.0.1+x".into());
    refused(&case, other.repo.path(), case.repo.path());
    std::fs::write(case.state(), &before).unwrap();
    // A clone has its commits: its blobs are known, and its report is its own.
    let clone = case.repo.beside("clone.git");
    common::git::run(
        common::git::command(case.repo.path()),
        &["clone", "-q", "--mirror", ".", clone.to_str().unwrap()],
        b"",
    );
    let run = Audit::history(&clone).and("--state").and(case.state()).run();
    assert_eq!((run.code, plain(&run)), (Some(1), plain(&Audit::history(&clone).run())));
    // Another one in its place.
    std::fs::write(case.state(), &before).unwrap();
    std::fs::rename(case.repo.path(), case.repo.beside("moved")).unwrap();
    std::fs::rename(other.repo.path(), case.repo.path()).unwrap();
    let run = Audit::history(case.repo.path()).and("--state").and(case.state()).run();
    assert_eq!((run.code, plain(&run)), (Some(1), plain(&Audit::history(case.repo.path()).run())));
    let said = format!("{}: everything is read again", case.repo.path().display());
    assert!(run.errors().contains(&said), "nobody can tell it from one that was rewritten: {}", run.errors());
    std::fs::write(case.state(), &before).unwrap();
    let moved = case.repo.beside("moved");
    let run = Audit::history(&moved).and("--state").and(case.state()).run();
    assert_eq!((run.code, plain(&run)), (Some(1), plain(&Audit::history(&moved).run())), "moved, and the same");
}

#[test]
fn a_repository_with_nothing_that_it_could_be_told_by_is_not_refused() {
    let mut repo = Repo::bare();
    let state = repo.beside("state");
    let audit = |repo: &Repo| Audit::history(repo.path()).and("--state").and(&state).run();
    assert_eq!(audit(&repo).code, Some(0), "nothing in it");
    let key = live_key(9707);
    repo.commit_on(MAIN, &[("a", Some(&format!("K={key}\n")))], "A");
    repo.finish();
    assert_eq!(audit(&repo).code, Some(1));
    // Its only ref names what is not there: nothing says that it is another one.
    let mut broken = Repo::bare();
    let state = broken.beside("state");
    broken.finish();
    std::fs::create_dir_all(broken.path().join("refs/heads")).unwrap();
    std::fs::write(broken.path().join("refs/heads/main"), format!("{}\n", "1".repeat(40))).unwrap();
    for _ in 0..2 {
        let run = Audit::history(broken.path()).and("--state").and(&state).run();
        assert_eq!((run.code, run.errors().as_str()), (Some(3), ""));
    }
}

#[test]
fn other_options_mean_that_everything_is_read_and_that_is_told() {
    let mut case = Case::remembered(9708);
    case.damage_clean();
    for same in [&["--threads", "1"][..], &["--reader", "libgit2"], &["--verbose", "--color", "never"]] {
        assert_eq!(case.audit(same).code, Some(1), "{same:?} changes nothing of what is found");
    }
    let before = case.file();
    for other in [
        &["--ref", "main"][..],
        &["--since", "main~1"],
        &["--no-unreachable"],
        &["--no-reflog"],
        &["--max-blob-size", "2M"],
        &["--max-memory", "256M"],
        &["--max-decoded", "1M"],
        &["--max-depth", "3"],
        &["--max-object-time", "50"],
    ] {
        // Left out, the damage is no gap.
        let code = if other[0] == "--since" { 0 } else { 3 };
        let run = case.audit(other);
        assert_eq!(run.code, Some(code), "{other:?}: read again, and the damage is seen");
        let told = "everything is read again: it was written with other options";
        assert!(run.errors().contains(told), "{}", run.errors());
        assert_ne!(case.file(), before, "written anew");
        std::fs::write(case.state(), &before).unwrap();
        let run = case.audit(&[other, &["--quiet"]].concat());
        assert_eq!((run.code, run.errors().as_str()), (Some(code), ""));
        std::fs::write(case.state(), &before).unwrap();
    }
    // Not all refs, where there are few, is another report all the same.
    let run = Audit::new(&["history", "--state"]).and(case.state()).and(case.repo.path()).run();
    assert!(run.code == Some(3) && run.errors().contains("other options"), "{}", run.errors());
}

#[test]
fn another_version_of_the_search_or_of_the_file_means_that_everything_is_read_and_that_is_told() {
    let mut case = Case::remembered(9709);
    let (before, document) = (case.file(), case.document());
    case.damage_clean();
    case.forge(|_| {});
    assert_eq!(case.audit(&[]).code, Some(1), "with nothing forged it is believed");
    case.forge(|document| {
        let version = document["detector"].as_str().unwrap().to_owned();
        assert!(version.starts_with(concat!(env!("CARGO_PKG_VERSION"), "+")), "{version}");
        let last = version.len() - 1;
        let other = if version.ends_with('0') { "1" } else { "0" };
        document["detector"] = format!("{}{other}", &version[..last]).into();
    });
    let run = case.audit(&[]);
    assert_eq!(run.code, Some(3), "the damage is seen");
    assert!(run.errors().contains("another version of clerk-audit wrote it, and this one"), "{}", run.errors());
    assert_eq!(case.document()["detector"], document["detector"], "written anew");
    for other in ["state/1", "state/3"] {
        std::fs::write(case.state(), before.replacen("state/2", other, 1)).unwrap();
        let run = case.audit(&[]);
        assert_eq!(run.code, Some(3), "the damage is seen");
        assert!(run.errors().contains("in another format"), "{}", run.errors());
        assert_eq!(case.document()["detector"], document["detector"], "written anew");
    }
}

#[test]
fn a_report_that_is_not_complete_is_not_told_again() {
    let mut case = Case::new(9710);
    case.damage_clean();
    for _ in 0..2 {
        assert_eq!(case.audit(&[]).code, Some(3));
        let document = case.document();
        assert_eq!(document["report"], Value::Null);
        let again = document["repositories"][0]["packs"][0]["again"].as_array().unwrap().clone();
        assert!(again.contains(&case.clean.to_string().into()), "what could not be read is read again: {again:?}");
    }
}

#[test]
fn a_report_that_lacks_what_it_would_always_lack_is_told_again_and_is_no_more_complete() {
    let mut case = Case::new(9713);
    let nested = (0..9).fold(format!("CLERK_SECRET_KEY={}", case.key), |text, _| {
        base64(text.as_bytes(), Alphabet::Standard, Padding::Full)
    });
    case.repo.commit_on(MAIN, &[("nested", Some(&nested))], "C");
    case.repo.git(&["repack", "-a", "-d", "-q", "--window=0"]);
    let first = case.audit(&[]);
    assert_eq!(first.code, Some(3));
    let skipped = &first.report()["repositories"][0]["skipped"];
    assert_eq!((skipped.as_array().unwrap().len(), &skipped[0]["reason"]), (1, &"limit".into()));
    case.damage_clean();
    let second = case.audit(&[]);
    assert_eq!((second.code, plain(&second)), (Some(3), plain(&first)), "nothing was read");
}

#[test]
fn a_name_that_is_nested_deeper_than_is_read_makes_a_report_incomplete() {
    let mut case = Case::new(9714);
    let nested = (0..9).fold(format!("CLERK_SECRET_KEY={}", case.key), |text, _| {
        base64(text.as_bytes(), Alphabet::UrlSafe, Padding::None)
    });
    case.repo.commit_on(MAIN, &[(nested.as_str(), Some("x"))], "C");
    case.repo.finish();
    let run = case.audit(&[]);
    let skipped = &run.report()["repositories"][0]["skipped"];
    assert_eq!((run.code, &skipped[0]["reason"]), (Some(3), &"limit".into()), "{skipped}");
}

#[test]
fn a_state_file_that_cannot_be_written_does_not_keep_the_report_back() {
    let case = Case::new(9711);
    let nowhere = case.repo.beside("no/folder/state");
    let run = Audit::history(case.repo.path()).and("--state").and(&nowhere).run();
    assert_eq!((run.code, run.report()["summary"]["keys"].clone()), (Some(3), 1.into()));
    assert!(run.errors().contains(&format!("cannot write {}", nowhere.display())), "{}", run.errors());
}

#[test]
fn one_file_is_not_for_two_things() {
    let case = Case::remembered(9712);
    let before = case.file();
    let state = case.state();
    let link = case.repo.beside("link");
    std::os::unix::fs::symlink(&state, &link).unwrap();
    let new = case.repo.beside("new");
    for (option, state, other) in [
        ("--output", &state, &state),
        ("--output", &state, &link),
        ("--checklist", &new, &new),
        ("--write-known", &state, &state),
    ] {
        let run = Audit::history(case.repo.path()).and("--state").and(state).and(option).and(other).run();
        assert_eq!(run.code, Some(2), "{option}");
        assert!(run.errors().contains("is named for two things"), "{}", run.errors());
    }
    assert!(case.file() == before && !new.exists());
}

#[test]
fn several_repositories_are_one_state() {
    let (one, mut two, three) = (Case::new(9713), Case::new(9714), Case::new(9715));
    let state = one.repo.beside("several");
    let audit = |cases: &[&Case]| {
        let with =
            cases.iter().fold(Audit::new(&["history", "--format", "json", "--state"]).and(&state), |run, case| {
                run.and(case.repo.path())
            });
        let without =
            cases.iter().fold(Audit::new(&["history", "--format", "json"]), |run, case| run.and(case.repo.path()));
        let (with, without) = (with.run(), without.run());
        assert_eq!((with.code, with.errors().as_str()), (without.code, ""));
        assert_eq!(plain(&with), plain(&without));
    };
    audit(&[&one, &two]);
    audit(&[&one, &two]);
    audit(&[&two, &one]);
    two.repo.commit_on(MAIN, &[("c", Some("c\n"))], "C");
    two.repo.finish();
    audit(&[&two, &one]);
    audit(&[&two, &three, &one]);
    audit(&[&three]);
    let before = std::fs::read(&state).unwrap();
    let run = Audit::history(one.repo.path()).and("--state").and(&state).run();
    assert_eq!(run.code, Some(2), "now it is another's: {}", run.errors());
    assert_eq!(std::fs::read(&state).unwrap(), before);
}

#[test]
fn there_is_no_key_in_it_and_nobody_else_may_read_it() {
    let mut case = Case::new(9716);
    let second = test_key(9717);
    // Also where it was asked for by name, and where a ref or a folder is named so.
    case.repo.commit_on(&format!("refs/heads/{second}"), &[(&second, Some("x\n"))], &format!("use {second}"));
    case.repo.finish();
    let run = case.audit(&["--ref", &format!("*{second}*"), "--ref", "main"]);
    assert_eq!(run.code, Some(1), "{}", run.errors());
    let text = case.file();
    assert!(!text.contains(&case.key[8..]) && !text.contains(&second[8..]));
    assert!(text.contains(&key_id(&case.key)) && text.contains(&key_id(&second)));
    assert_eq!(std::fs::metadata(case.state()).unwrap().permissions().mode() & 0o777, 0o600);
}
