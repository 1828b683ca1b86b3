//! `trace`: one key through many repositories.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is the failing test's message")]

mod common;

mod trace {
    mod kept;
    mod ledgers;
    mod named;
}

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clerk_audit::audit::{Auditor, Options, Target, Wanted};
use clerk_audit::detect::Detector;
use clerk_audit::key::KeyText;
use clerk_audit::model::{Interrupt, Silent};
use clerk_audit::state::Known;
use clerk_audit::store::locate;
use serde_json::{Value, json};

use common::fixture::Repo;
use common::fixture::objects::{Commit, Files, Mode, ObjectType, Oid, Person, Tag};
use common::git;
use common::run::{Audit, Outcome};
use common::schema;
use common::secrets::{alphanumerics, key_id, live_key, test_key};
use common::terminal::Terminal;
use common::zlib::zlib_stored;

const MAIN: &str = "refs/heads/main";

fn env(key: &str) -> String {
    format!("CLERK_SECRET_KEY={key}\n")
}

fn trace(key: &str, repositories: &[&Path], options: &[&str]) -> Outcome {
    let audit = repositories.iter().fold(Audit::new(&["trace"]), |audit, repository| audit.and(repository));
    let run = options.iter().fold(audit, |audit, option| audit.and(option)).input(format!("{key}\n").as_bytes()).run();
    let said = format!("{}{}", run.text(), run.errors());
    assert!(key.len() < 40 || !said.contains(&key[12..key.len().min(44)]), "{said}");
    run
}

fn json(key: &str, repositories: &[&Path]) -> (Option<i32>, Value) {
    let run = trace(key, repositories, &["--format", "json"]);
    let told: Value = serde_json::from_slice(&run.stdout).unwrap_or_else(|_| panic!("{}", run.errors()));
    let faults = schema::faults_of_trace(&told);
    assert!(faults.is_empty(), "the trace is not as docs/trace.schema.json has it:\n{}", faults.join("\n"));
    (run.code, told)
}

fn whats(trace: &Value) -> Vec<(&str, &str)> {
    let events = trace["events"].as_array().unwrap().iter();
    events.map(|event| (event["what"].as_str().unwrap(), event["path"].as_str().unwrap_or(""))).collect()
}

#[test]
fn all_that_happened_is_told_in_the_order_of_time() {
    //  A (.env +) ── B (copy +) ── C (both −) ── D (.env + again) ── E (moved to conf)   main
    let key = live_key(8001);
    let mut repo = Repo::bare();
    let text = env(&key);
    repo.commit_on(MAIN, &[(".env", Some(&text)), ("other", Some(&env(&test_key(8002))))], "A");
    repo.commit_on(MAIN, &[("copy", Some(&format!("# copy\n{text}")))], "B");
    repo.commit_on(MAIN, &[(".env", None), ("copy", None)], "C");
    repo.commit_on(MAIN, &[(".env", Some(&text))], "D");
    repo.commit_on(MAIN, &[(".env", None), ("conf", Some(&text))], "E");
    repo.finish();
    let (code, told) = json(&key, &[repo.path()]);
    assert_eq!(code, Some(1));
    assert_eq!(told["id"], key_id(&key).as_str());
    assert_eq!(
        whats(&told),
        [
            ("introduced", ".env"),
            ("copied", "copy"),
            ("removed", ".env"),
            ("removed", "copy"),
            ("brought back", ".env"),
            ("moved", "conf")
        ]
    );
    assert_eq!(told["events"][5]["moved_from"], ".env");
    assert_eq!(told["events"][0]["author"]["name"], "Ada Author");
    assert_eq!(told["key"]["held_at"]["at"][0]["path"], "conf");
    let text = trace(&key, &[repo.path()], &[]).text();
    assert!(text.contains("brought back .env:1") && text.contains("moved conf:1 from .env"), "{text}");
    assert!(!text.contains(&test_key(8002)[..12]), "another key is not what this is about");
}

#[test]
fn the_first_tag_that_contains_it_is_named_as_git_names_it() {
    //  A (+) ── B ── M ── D   main        tags: v2 at D (made first), v1 at M (annotated, made later), old at 0
    //  0 ──────── C ─┘                    C (+) by itself on a side branch
    let (key, other) = (live_key(8010), live_key(8011));
    let mut repo = Repo::bare();
    let text = env(&key);
    let file = |repo: &mut Repo, text: &str| (Mode::File, repo.blob(text));
    let with = |repo: &mut Repo, files: &[(&str, &str)], parents: &[Oid], time: i64, subject: &str| {
        let files: Files = files.iter().map(|(name, text)| (name.as_bytes().to_vec(), file(repo, text))).collect();
        let tree = repo.tree(&files);
        repo.commit(&Commit::new(tree, parents, time, subject))
    };
    let zero = with(&mut repo, &[("a", "0")], &[], 1_704_000_000, "0");
    let a = with(&mut repo, &[("a", "0"), (".env", &text)], &[zero], 1_704_000_100, "A");
    let b = with(&mut repo, &[("a", "1"), (".env", &text)], &[a], 1_704_000_200, "B");
    let side = env(&other);
    let c = with(&mut repo, &[("a", "0"), ("c", &side)], &[zero], 1_704_000_150, "C");
    let m = with(&mut repo, &[("a", "1"), (".env", &text), ("c", &side)], &[b, c], 1_704_000_300, "M");
    let d = with(&mut repo, &[("a", "2"), (".env", &text), ("c", &side)], &[m], 1_704_000_400, "D");
    repo.set_ref(MAIN, d);
    repo.set_ref("refs/tags/old", zero);
    repo.set_ref("refs/tags/v2", d);
    let tag = repo.tag(&Tag {
        target: m,
        target_type: ObjectType::Commit,
        name: "v1".to_owned(),
        tagger: Some(Person::at("Tag", 1_704_000_350)),
        message: b"v1\n".to_vec(),
    });
    repo.set_ref("refs/tags/v1", tag);
    repo.finish();
    for (key, commit) in [(&key, a), (&other, c)] {
        let (_, told) = json(key, &[repo.path()]);
        let first = &told["events"][0]["first_tag"];
        assert_eq!(first["tag"], "v1", "{told:#}");
        let by_git =
            git::run(git::command(repo.path()), &["name-rev", "--name-only", "--refs=v1", &commit.to_string()], b"");
        let by_git = String::from_utf8(by_git).unwrap().trim().replace("^0", "").replace("tags/", "");
        assert_eq!(first["name"], by_git.as_str());
    }
    let text = trace(&key, &[repo.path()], &[]).text();
    assert!(
        text.contains("first tag with it: v1~2") && text.contains("shipped with its history in v1 and v2, first v1"),
        "{text}"
    );
}

#[test]
fn a_tag_that_has_it_in_its_name_alone_shipped_nothing() {
    let key = live_key(8023);
    let mut repo = Repo::bare();
    let a = repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    repo.set_ref(&format!("refs/tags/v-{key}"), a);
    repo.finish();
    let text = trace(&key, &[repo.path()], &[]).text();
    assert!(text.contains("in the name of refs/tags/v-") && !text.contains("shipped"), "{text}");
    // Where its history may have it too that is said.
    let b = repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "B");
    repo.set_ref(&format!("refs/tags/v-{key}"), b);
    repo.finish();
    let text = trace(&key, &[repo.path()], &[]).text();
    assert!(text.contains("shipped with its history in v-"), "{text}");
}

#[test]
fn a_fork_adds_what_is_its_own_and_is_not_scanned_again() {
    let key = live_key(8020);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "B");
    repo.finish();
    let fork = repo.beside("fork.git");
    git::run(git::command(repo.path()), &["clone", "--quiet", "--mirror", ".", fork.to_str().unwrap()], b"");
    let mut clean = Repo::bare();
    clean.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    clean.finish();
    let (code, told) = json(&key, &[repo.path(), &fork, clean.path(), repo.path()]);
    assert_eq!(code, Some(1));
    let searched = told["searched"].as_array().unwrap();
    assert_eq!(searched.len(), 3, "a repository named twice is read once");
    assert_eq!(told["key"]["held_at"]["count"], 2);
    // What both have is told once, and the fork's copy is no second coming.
    assert_eq!(whats(&told), [("introduced", ".env")]);
    assert_eq!(told["events"][0]["repositories"].as_array().unwrap().len(), 2);
    let text = trace(&key, &[repo.path(), &fork, clean.path()], &[]).text();
    assert!(text.starts_with("Found: ") && text.contains("is in 2 of 3 repositories"), "{text}");
}

/// A clock that counts how often it is looked at, which every search of an object does when it begins.
static LOOKS: AtomicU64 = AtomicU64::new(0);

fn counting_clock() -> Instant {
    LOOKS.fetch_add(1, Ordering::Relaxed);
    Instant::now()
}

/// How many searches of objects a trace, or an audit, of repositories begins.
fn searches(repositories: &[&Path], wanted: Option<&str>) -> u64 {
    let detector = Detector::new();
    let time_for_object = Some((Duration::from_secs(60), counting_clock as fn() -> Instant));
    let options = Options { time_for_object, threads: 1, ..Options::default() };
    let auditor = Auditor { detector: &detector, options: &options, events: &Silent, interrupt: Interrupt::never() };
    let target = |path: &&Path| Target { name: path.as_os_str().as_bytes().to_vec(), layout: locate(path, false) };
    let targets = repositories.iter().map(target).collect();
    let (now, before) = ("2026-11-25T00:00:00Z".to_owned(), LOOKS.load(Ordering::Relaxed));
    match wanted {
        Some(key) => {
            let traced = auditor.trace(targets, &Wanted::Text(KeyText::new(key.as_bytes())), now);
            assert!(traced.report.complete && traced.report.repositories.len() == repositories.len());
        }
        None => assert!(auditor.run(targets, &Known::default(), now).complete),
    }
    LOOKS.load(Ordering::Relaxed) - before
}

#[test]
fn what_forks_and_clones_share_is_searched_once() {
    //  30 files in 10 commits, and a tag; a clone; a fork with one commit more; a fork that borrows its objects
    let key = live_key(8022);
    let mut repo = Repo::bare();
    for commit in 0..10 {
        let name = |file: u32| format!("{commit}/{file}");
        let text = |file: u32| format!("const n = {};\n", commit * 3 + file);
        let files: Vec<(String, String)> = (0..3).map(|file| (name(file), text(file))).collect();
        let files: Vec<(&str, Option<&str>)> =
            files.iter().map(|(name, text)| (name.as_str(), Some(text.as_str()))).collect();
        repo.commit_on(MAIN, &files, &format!("commit {commit}"));
    }
    repo.finish();
    let [clone, borrower] = ["clone.git", "borrower.git"].map(|name| repo.beside(name));
    git::run(git::command(repo.path()), &["clone", "--quiet", "--mirror", ".", clone.to_str().unwrap()], b"");
    let shared = ["clone", "--quiet", "--mirror", "--shared", ".", borrower.to_str().unwrap()];
    git::run(git::command(repo.path()), &shared, b"");
    // In packs of its own, as a server has them.
    git::run(git::command(&clone), &["repack", "-a", "-d", "-q"], b"");
    let one = searches(&[repo.path()], Some(&key));
    assert!(one >= 30 + 2 * 10, "each file, the headers and the message of each commit: {one}");
    assert_eq!(searches(&[repo.path(), &clone, &borrower], Some(&key)), one, "once for each object");
    let audit = searches(&[repo.path()], None);
    assert_eq!(searches(&[repo.path(), &clone, &borrower], None), 3 * audit, "where an audit does it for each");
    // What a fork has of its own is searched: a file, its commit's headers and message.
    let tree = git::run(git::command(&clone), &["mktree"], &{
        let blob = git::run(git::command(&clone), &["hash-object", "-w", "--stdin"], b"its own\n");
        [b"100644 blob ", blob.trim_ascii(), b"\town\n"].concat()
    });
    let tree = String::from_utf8(tree).unwrap();
    let commit = git::run(git::command(&clone), &["commit-tree", tree.trim(), "-m", "its own"], b"");
    let commit = String::from_utf8(commit).unwrap();
    git::run(git::command(&clone), &["update-ref", "refs/heads/own", commit.trim()], b"");
    assert_eq!(searches(&[repo.path(), &clone, &borrower], Some(&key)), one + 3);
}

#[test]
fn a_loose_object_that_is_not_what_it_is_called_is_searched_in_any_order() {
    //  A (a, packed)   main        a clone in which a loose `a` has the key in place of its own text
    let key = live_key(8027);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    let blob = repo.blob("a\n").to_string();
    repo.finish();
    let (forged, honest) = (repo.beside("forged.git"), repo.beside("honest.git"));
    for clone in [&forged, &honest] {
        let copied = ["clone", "--quiet", "--mirror", "--no-hardlinks", ".", clone.to_str().unwrap()];
        git::run(git::command(repo.path()), &copied, b"");
    }
    git::run(git::command(&honest), &["repack", "-adq"], b"");
    let body = env(&key);
    let object = [format!("blob {}\0", body.len()).as_bytes(), body.as_bytes()].concat();
    let file = forged.join("objects").join(&blob[..2]).join(&blob[2..]);
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, zlib_stored(&object)).unwrap();
    for others in [[repo.path(), honest.as_path()], [&honest, repo.path()]] {
        let [one, other] = others;
        for order in [[one, other, &forged], [one, &forged, other], [&forged, one, other]] {
            assert_eq!(trace(&key, &order, &[]).code, Some(1), "{order:?}");
        }
    }
    // Nor does it hide what the others have under its id.
    let text = b"blob 2\0a\n";
    std::fs::write(&file, zlib_stored(text)).unwrap();
    repo.commit_on(MAIN, &[("a", Some(&body))], "B");
    let keyed = repo.blob(body).to_string();
    repo.finish();
    git::run(git::command(&honest), &["fetch", "--quiet", "--prune"], b"");
    git::run(git::command(&honest), &["repack", "-adq"], b"");
    let file = forged.join("objects").join(&keyed[..2]).join(&keyed[2..]);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, zlib_stored(text)).unwrap();
    let (code, told) = json(&key, &[&forged, &honest]);
    assert_eq!((code, &told["key"]["held_at"]["count"]), (Some(1), &1.into()));
}

/// A ledger's line, as the gate writes it.
fn ledger_line(time: &str, key: &str, verdict: &str, decision: &str) -> String {
    json!({"schema": 1, "time": time, "verdict": verdict, "repository": "/srv/git/app.git", "pusher": "ada",
           "remote_address": "192.0.2.9", "refs": [{"name": "refs/heads/main"}], "canary": false,
           "keys": [{"id": key_id(key), "decision": decision}]})
    .to_string()
}

#[test]
fn pushes_stand_among_what_happened() {
    //  A (.env +), 2024-01-01; the ledger: refused before, let pass after; later a push that had it in the same place
    let (key, other) = (live_key(8080), live_key(8081));
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    repo.finish();
    let ledger = repo.beside("ledger");
    let lines = [
        ledger_line("2020-01-01T00:00:00Z", &key, "refused", "refused"),
        ledger_line("2100-01-01T00:00:00Z", &key, "accepted", "bypassed"),
        ledger_line("2100-01-02T00:00:00Z", &key, "accepted", "passed"),
        ledger_line("2100-01-03T00:00:00Z", &other, "refused", "refused"),
    ];
    std::fs::write(&ledger, lines.join("\n")).unwrap();
    let with = ["--ledger", ledger.to_str().unwrap()];
    let run = trace(&key, &[repo.path()], &[&with[..], &["--format", "json"]].concat());
    let told: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(schema::faults_of_trace(&told), [""; 0]);
    assert_eq!(whats(&told), [("push refused", ""), ("introduced", ".env"), ("pushed", "")]);
    assert_eq!(told["events"][2]["push"]["pusher"], "ada");
    assert_eq!(told["events"][2]["repositories"], json!(["/srv/git/app.git"]));
    assert_eq!(told["ledger"].as_array().unwrap().len(), 3);
    let text = trace(&key, &[repo.path()], &with).text();
    assert!(text.contains("pushed by ada from 192.0.2.9, let pass by push option (ledger)"), "{text}");
    assert!(text.contains("to refs/heads/main") && text.contains("in /srv/git/app.git"), "{text}");
    assert!(text.find("push refused").unwrap() < text.find("introduced").unwrap(), "{text}");

    // What the gate refused is in no repository, and its ledger tells who tried.
    for id in [None, Some(key_id(&other)), Some(key_id(&other)[..20].to_owned())] {
        let typed = if id.is_none() { other.as_str() } else { "" };
        let by_id: Vec<&str> = id.iter().flat_map(|id| ["--id", id.as_str()]).collect();
        let run = trace(typed, &[repo.path()], &[&with[..], &by_id].concat());
        assert_eq!(run.code, Some(0), "{}", run.errors());
        let text = run.text();
        assert!(text.starts_with("Nowhere: ") && text.contains("push refused by ada"), "{text}");
    }

    std::fs::write(&ledger, "no ledger\n").unwrap();
    let run = trace(&key, &[repo.path()], &with);
    assert_eq!(run.code, Some(2));
    assert!(run.errors().contains("line 1: no record of a decision"), "{}", run.errors());
}

#[test]
fn nowhere_tells_exactly_what_was_searched() {
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[(".env", Some(&env(&test_key(8030))))], "A");
    repo.finish();
    let key = live_key(8031);
    let run = trace(&key, &[repo.path()], &[]);
    assert_eq!(run.code, Some(0), "{}", run.errors());
    let text = run.text();
    assert!(text.starts_with(&format!("Nowhere: {}…{} ({})", &key[..12], &key[46..], key_id(&key))), "{text}");
    assert!(text.contains("1 ref, 1 commit, 1 tree, 1 blob"), "{text}");
}

#[test]
fn half_an_answer_is_no_answer() {
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    repo.finish();
    let run = trace(&live_key(8040), &[repo.path(), Path::new("/nowhere/at/all")], &[]);
    assert_eq!(run.code, Some(3));
    assert!(run.text().contains("NOT OPENED: /nowhere/at/all"), "{}", run.text());
}

#[test]
fn stashes_worktrees_refs_names_and_messages_are_told() {
    let key = live_key(8050);
    let mut repo = Repo::bare();
    let a = repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    repo.set_ref(&format!("refs/pull/{key}/head"), a);
    repo.commit_on("refs/stash", &[(".env", Some(&env(&key)))], &format!("WIP with {key}"));
    repo.finish();
    let text = trace(&key, &[repo.path()], &[]).text();
    assert!(text.contains("on refs/stash") && text.contains("in the name of refs/pull/sk_live_"), "{text}");
    assert!(text.contains("in the commit message"), "{text}");
}

#[test]
fn work_trees_that_have_it_are_told() {
    //  A ── B (+ .env) side: a linked worktree is on side, another stands at B by itself; main is checked out at A
    let key = live_key(8055);
    let mut repo = Repo::with_work_tree();
    repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    let b = repo.commit_on("refs/heads/side", &[(".env", Some(&env(&key)))], "B");
    repo.finish();
    let (on, apart) = (repo.beside("on side"), repo.beside("apart"));
    repo.git(&["worktree", "add", "--quiet", on.to_str().unwrap(), "side"]);
    repo.git(&["worktree", "add", "--quiet", "--detach", apart.to_str().unwrap(), &b.to_string()]);
    let (_, told) = json(&key, &[repo.path()]);
    let mut trees: Vec<(&str, &str)> = Vec::new();
    for one in told["checkouts"].as_array().unwrap() {
        trees.push((one["path"].as_str().unwrap(), one["ref"].as_str().unwrap()));
    }
    trees.sort_unstable();
    let expected = [(apart.to_str().unwrap(), "worktrees/apart/HEAD"), (on.to_str().unwrap(), "refs/heads/side")];
    assert_eq!(trees, expected, "and not the main one");
    let text = trace(&key, &[repo.path()], &[]).text();
    assert!(text.contains(&format!("checked out in {} (refs/heads/side)", on.display())), "{text}");
    repo.git(&["symbolic-ref", "HEAD", "refs/heads/side"]);
    let (_, told) = json(&key, &[repo.path()]);
    assert_eq!(told["checkouts"].as_array().unwrap().len(), 3);
}

#[test]
fn work_trees_of_a_repository_with_its_refs_in_tables_are_told() {
    //  A ── B (+ .env) side, main: the main one is on main, one on side, one stands at B by itself, one at A
    let place = tempfile::tempdir().unwrap();
    let path = place.path().canonicalize().unwrap().join("repository");
    std::fs::create_dir(&path).unwrap();
    let mut init = git::command(&path);
    init.args(["init", "--quiet", "--initial-branch=main", "--ref-format=reftable"]);
    if !git::answer(init, b"").success {
        println!("skipped: this git knows no reftable");
        return;
    }
    let git = |arguments: &[&str]| git::run(git::command(&path), arguments, b"");
    git(&["commit", "--quiet", "--allow-empty", "-m", "A"]);
    let key = live_key(8057);
    std::fs::write(path.join(".env"), env(&key)).unwrap();
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "B"]);
    git(&["branch", "side"]);
    let beside = |name: &str| path.with_file_name(name).to_str().unwrap().to_owned();
    let [on, apart, before] = ["on", "apart", "before"].map(beside);
    git(&["worktree", "add", "--quiet", &on, "side"]);
    git(&["worktree", "add", "--quiet", "--detach", &apart, "main"]);
    git(&["worktree", "add", "--quiet", "--detach", &before, "main~1"]);
    let (_, told) = json(&key, &[&path]);
    let of = |one: &Value| (one["path"].as_str().unwrap().to_owned(), one["ref"].as_str().unwrap().to_owned());
    let mut trees: Vec<(String, String)> = told["checkouts"].as_array().unwrap().iter().map(of).collect();
    trees.sort_unstable();
    let main = path.to_str().unwrap().to_owned();
    let expected = [
        (apart, "worktrees/apart/HEAD".to_owned()),
        (on, "refs/heads/side".to_owned()),
        (main, "refs/heads/main".to_owned()),
    ];
    assert_eq!(trees, expected, "and not the one at A");
}

#[test]
fn what_came_in_on_two_lines_of_history_was_not_brought_back() {
    //  0 ── A (+)  main        0 ── B (+)  side, later; C (−) on main; D (+) on main
    let key = live_key(8056);
    let mut repo = Repo::bare();
    let text = env(&key);
    let files = |repo: &mut Repo, with: bool| -> Files {
        let mut files = Files::from([(b"a".to_vec(), (Mode::File, repo.blob("a\n")))]);
        if with {
            files.insert(b".env".to_vec(), (Mode::File, repo.blob(text.as_str())));
        }
        files
    };
    let mut time = 1_704_000_000;
    let mut commit = |repo: &mut Repo, with: bool, parents: &[Oid], subject: &str| {
        time += 100;
        let files = files(repo, with);
        let tree = repo.tree(&files);
        repo.commit(&Commit::new(tree, parents, time, subject))
    };
    let zero = commit(&mut repo, false, &[], "0");
    let a = commit(&mut repo, true, &[zero], "A");
    let b = commit(&mut repo, true, &[zero], "B");
    let c = commit(&mut repo, false, &[a], "C");
    let d = commit(&mut repo, true, &[c], "D");
    repo.set_ref(MAIN, d);
    repo.set_ref("refs/heads/side", b);
    repo.finish();
    let (_, told) = json(&key, &[repo.path()]);
    let whats: Vec<&str> = whats(&told).into_iter().map(|(what, _)| what).collect();
    assert_eq!(whats, ["introduced", "introduced", "removed", "brought back"]);
}

#[test]
fn a_key_is_named_by_its_id_or_typed_and_never_an_argument() {
    let keys = [live_key(8060), live_key(8061)];
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("a", Some(&env(&keys[0]))), ("b", Some(&env(&keys[1])))], "A");
    repo.finish();
    let report = repo.beside("report.json");
    Audit::new(&["history", "--format", "json", "--output"]).and(&report).and(repo.path()).run();
    let id = key_id(&keys[0]);
    let by = |options: &[&str]| trace("", &[repo.path()], options);
    let hints = [format!("{}…{}", &keys[0][..12], &keys[0][46..]), format!("{}...{}", &keys[0][..12], &keys[0][46..])];
    let upper = id.to_uppercase();
    for name in [id.as_str(), &id[..20], &id[7..17], &upper, &upper[7..17], &keys[0][..12], &hints[0], &hints[1]] {
        for from in [None, Some(report.to_str().unwrap())] {
            let options: Vec<&str> =
                [Some("--id"), Some(name), from.map(|_| "--report"), from].into_iter().flatten().collect();
            let run = by(&options);
            assert_eq!(run.code, Some(1), "{name} {}", run.errors());
            assert!(run.text().contains(&id), "{}", run.text());
        }
    }
    let ambiguous = by(&["--id", "sk_live_", "--report", report.to_str().unwrap()]);
    assert_eq!(ambiguous.code, Some(2));
    assert!(ambiguous.errors().contains("names 2 keys"), "{}", ambiguous.errors());
    // What no id and no hint can begin with is no answer: "nowhere" would be believed.
    for name in [&keys[0][..13], &keys[0][..40], "sk_lvie_AbCd", "sk_live_", "sha256:xyz1234", "12z4", "abc"] {
        let run = by(&["--id", name]);
        assert_eq!(run.code, Some(2), "{name}: {}", run.text());
        let why = ["names no beginning", "is a key itself"].iter().any(|why| run.errors().contains(why));
        assert!(why && run.errors().contains("hint:"), "{}", run.errors());
        assert!(!run.errors().contains(&keys[0][12..20]), "half a key is not repeated: {}", run.errors());
    }
    let argument = by(&["--id", &keys[0]]);
    assert_eq!(argument.code, Some(2));
    assert!(argument.errors().contains("is a key itself"), "{}", argument.errors());
    // Nor where a repository is named, by who took it for the key's place.
    let run = Audit::new(&["trace", &keys[0]]).run();
    assert_eq!(run.code, Some(2));
    assert!(run.errors().contains("is a key itself") && run.errors().contains("at the prompt"), "{}", run.errors());
    for (typed, why) in [
        ("", "standard input has no key on it"),
        ("hello", "is no Clerk secret key"),
        ("sk_live_short", "another vendor's key, or like a placeholder"),
        (&format!("{} {}", keys[0], keys[1]), "several keys"),
        (&keys[0][..49], "has 41 letters and digits behind sk_live_"),
        (&format!("K={}x\n", keys[0]), "has 43 letters and digits behind sk_live_"),
    ] {
        let run = trace(typed, &[repo.path()], &[]);
        assert_eq!(run.code, Some(2), "{typed}");
        assert!(run.errors().contains(why), "{typed}: {}", run.errors());
    }
    let quoted = trace(&format!("export CLERK_SECRET_KEY=\"{}\"", keys[0]), &[repo.path()], &[]);
    assert_eq!(quoted.code, Some(1));
}

#[test]
fn a_credential_that_only_its_name_tells_is_typed_by_its_value() {
    let legacy = format!("{}_{}", "live", alphanumerics(8071, 34));
    let webhook = format!("{}_{}", "whsec", alphanumerics(8070, 32));
    let machine = format!("{}_{}", "ak", alphanumerics(8072, 44));
    let encryption = key_id(&legacy)["sha256:".len()..].to_owned();
    let mut repo = Repo::bare();
    let values = [
        ("CLERK_WEBHOOK_SIGNING_SECRET", &webhook),
        ("CLERK_API_KEY", &legacy),
        ("CLERK_MACHINE_SECRET_KEY", &machine),
        ("CLERK_ENCRYPTION_KEY", &encryption),
    ];
    let text: String = values.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    repo.commit_on(MAIN, &[(".env", Some(&text))], "A");
    repo.finish();
    for (name, value) in values {
        for typed in [value.clone(), format!("  {value} "), format!("{name}={value}")] {
            let run = trace(&typed, &[repo.path()], &[]);
            assert_eq!(run.code, Some(1), "{name}: {}", run.errors());
            assert!(run.text().contains(&key_id(value)), "{name}: {}", run.text());
        }
    }
    // That it was not seen says less of these: their values may stand without a name.
    let mut bare = Repo::bare();
    bare.commit_on(MAIN, &[("notes", Some(&format!("{encryption}\n")))], "A");
    bare.finish();
    let unseen = trace(&encryption, &[bare.path()], &[]);
    assert!(unseen.code == Some(3) && unseen.errors().contains("Where its value stands alone"), "{}", unseen.errors());
    let nonsense = trace(&alphanumerics(8073, 30), &[repo.path()], &[]);
    assert!(nonsense.code == Some(2) && nonsense.errors().contains("as NAME=value"), "{}", nonsense.errors());
}

#[test]
fn a_key_typed_at_the_prompt_is_not_shown() {
    let key = live_key(8064);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    repo.finish();
    let mut terminal = Terminal::start(&["trace".as_ref(), repo.path().as_os_str()]);
    terminal.wait_for("Key (not shown): ");
    terminal.wait_for_no_echo();
    terminal.types(&format!("{key}\n"));
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(1), "{shown}");
    assert!(shown.contains("Found: ") && !shown.contains(&key[12..44]), "{shown}");
}

#[test]
fn a_signal_ends_the_prompt_and_leaves_a_terminal_that_shows_what_is_typed() {
    let mut repo = Repo::bare();
    repo.finish();
    for signal in ["TERM", "INT"] {
        let terminal = Terminal::start(&["trace".as_ref(), repo.path().as_os_str()]);
        terminal.wait_for("Key (not shown): ");
        terminal.wait_for_no_echo();
        terminal.signal(signal);
        let (code, settings) = terminal.settings_after();
        assert_eq!(code, Some(3), "{signal}");
        assert!(settings.iter().any(|word| word == "echo"), "{signal}: {settings:?}");
    }
    // The key that makes a terminal end what runs there at once.
    let mut terminal = Terminal::start(&["trace".as_ref(), repo.path().as_os_str()]);
    terminal.wait_for("Key (not shown): ");
    terminal.wait_for_no_echo();
    terminal.types("sk_\u{1c}");
    let (code, settings) = terminal.settings_after();
    assert!(code == Some(3) && settings.iter().any(|word| word == "echo"), "{code:?} {settings:?}");
}

#[test]
fn a_beginning_that_two_keys_have_names_neither() {
    // The same ends, so the same hint.
    let key = live_key(8062);
    let other = if key.as_bytes()[30] == b'Q' { "R" } else { "Q" };
    let twin = [&key[..30], other, &key[31..]].concat();
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("a", Some(&env(&key))), ("b", Some(&env(&twin)))], "A");
    repo.finish();
    let output = repo.beside("trace.txt");
    std::fs::write(&output, "before").unwrap();
    let run = trace("", &[repo.path()], &["--id", &key[..12], "--output", output.to_str().unwrap()]);
    assert_eq!(run.code, Some(2), "{}", run.errors());
    assert!(run.errors().contains("names 2 keys") && run.errors().contains("give more of it"), "{}", run.errors());
    assert!(run.errors().contains(&key_id(&key)) && run.errors().contains(&key_id(&twin)), "{}", run.errors());
    assert_eq!(std::fs::read_to_string(&output).unwrap(), "before", "nothing is overwritten");
    let one = trace("", &[repo.path()], &["--id", &key_id(&twin)[..24]]);
    assert_eq!(one.code, Some(1));
}

#[test]
fn a_list_on_standard_input_is_not_taken_for_the_key() {
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    repo.finish();
    let list = format!("{}\n", repo.path().display());
    // In a session of its own, so that there is no terminal to ask on.
    let mut alone = std::process::Command::new("setsid");
    alone.args(["--wait", env!("CARGO_BIN_EXE_clerk-audit"), "trace", "--repos-from", "-"]);
    let run = git::answer(alone, list.as_bytes());
    assert!(!run.success, "{}", run.stderr);
    assert!(run.stderr.contains("no terminal to ask") && run.stderr.contains("--id"), "{}", run.stderr);
    let id = key_id(&live_key(8090));
    let run = Audit::new(&["trace", "--repos-from", "-", "--id", &id]).input(list.as_bytes()).run();
    assert_eq!(run.code, Some(0), "{}", run.errors());
}

#[test]
fn lists_with_duplicates_unreadable_entries_and_loops_of_links_end() {
    let key = live_key(8070);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    repo.finish();
    let place = tempfile::tempdir().unwrap();
    let here = place.path();
    std::os::unix::fs::symlink(here.join("loop"), here.join("loop")).unwrap();
    std::os::unix::fs::symlink(".", here.join("self")).unwrap();
    std::os::unix::fs::symlink(repo.path(), here.join("link")).unwrap();
    std::fs::write(here.join("file"), "x").unwrap();
    let list = here.join("list");
    let lines = [
        repo.path(),
        &here.join("link"),
        repo.path(),
        &here.join("loop"),
        &here.join("gone"),
        &here.join("file"),
        &here.join("gone"),
    ];
    std::fs::write(&list, lines.map(|path| path.display().to_string()).join("\n")).unwrap();
    let run = trace(&key, &[], &["--repos-from", list.to_str().unwrap(), "--repos-under", here.to_str().unwrap()]);
    assert_eq!(run.code, Some(3), "{}", run.errors());
    assert!(run.text().contains("is in 1 of 4 repositories"), "{}", run.text());
    assert_eq!(run.text().matches("NOT OPENED").count(), 3, "{}", run.text());
}
