//! What a plan changes beside keys, and what is told of it: versions that are dropped, binary files, replaced commits, tags
//! and names that a rewrite loses, kinds that only a name tells.

use std::io::Write;
use std::process::{Command, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::common::fixture::Repo;
use crate::common::fixture::objects::{Commit, Files, Mode, ObjectType, Oid, Person, Tag};
use crate::common::git;
use crate::common::run::Audit;
use crate::common::secrets::{key_id, live_key, test_key};
use crate::{Case, MAIN, can_rewrite, git_in, removed};

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Runs Python on some bytes.
fn python(script: &str, input: &[u8]) -> Vec<u8> {
    let mut python = Command::new("python3");
    let mut python = python.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    python.stdin.take().unwrap().write_all(input).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    output.stdout
}

/// Commits one version of each of these files, whatever else is there.
fn commit(repo: &mut Repo, on: &str, versions: &[(&str, &[u8])], message: &str) -> Oid {
    let mut files = if message == "First" { Files::new() } else { repo.files_at(on) };
    for (name, content) in versions {
        let blob = repo.blob(*content);
        files.insert(name.as_bytes().to_vec(), (Mode::File, blob));
    }
    let parent = (message != "First").then(|| repo.git(&["rev-parse", on]));
    let parent = parent.map(|id| String::from_utf8(id).unwrap());
    let bytes = |id: &String| {
        let digits = (0..20).map(|at| u8::from_str_radix(&id[at * 2..at * 2 + 2], 16).unwrap());
        Oid(digits.collect::<Vec<u8>>().try_into().unwrap())
    };
    repo.commit_files(on, files, parent.as_ref().map(bytes).as_slice(), message)
}

#[test]
fn where_a_version_is_dropped_there_is_no_file_and_no_older_one() {
    if !can_rewrite() {
        return;
    }
    let keys = [live_key(9600), live_key(9601)];
    let mut repo = Repo::bare();
    let old = gzip("harmless\n");
    commit(&mut repo, MAIN, &[("back.gz", &old), ("d/tip.gz", &old), ("a", b"1\n")], "First");
    repo.branch("refs/heads/side", MAIN);
    let dropped = [gzip(&format!("K={}\n", keys[0])), gzip(&format!("K={}\n", keys[1]))];
    commit(&mut repo, MAIN, &[("back.gz", &dropped[0]), ("d/tip.gz", &dropped[1])], "Keys");
    commit(&mut repo, MAIN, &[("a", b"2\n")], "Other");
    let new = gzip("harmless again\n");
    let tip = commit(&mut repo, MAIN, &[("back.gz", &new)], "Back");
    // A merge into a branch that has the older one.
    let side = commit(&mut repo, "refs/heads/side", &[("b", b"1\n")], "Side");
    let mut files = repo.files_at(MAIN);
    files.extend(repo.files_at("refs/heads/side").remove_entry(b"b".as_slice()));
    repo.commit_files("refs/heads/side", files, &[side, tip], "Merge");
    repo.finish();
    let case = Case::of(&[repo.path()]);
    let run = case.plan(&[]);
    assert_eq!(run.code, Some(0), "{}", run.errors());
    let told = run.errors();
    assert!(told.contains("2 versions of files are dropped") && told.contains("back.gz, d/tip.gz"), "{told}");
    let (work, said) = case.rewrite(1);
    assert!(said.contains("Clean.\n"), "{said}");
    let there = |at: &str| git_in(&work, &["ls-tree", "-r", "--name-only", at]);
    assert_eq!(there("main~3"), "a\nback.gz\nd/tip.gz\n");
    assert_eq!([there("main~2"), there("main~1")], ["a\n", "a\n"]);
    assert_eq!(there("main"), "a\nback.gz\n");
    assert_eq!(there("side"), "a\nb\nback.gz\n");
    assert_eq!(git::run(git::command(&work), &["show", "main:back.gz"], b""), new);
    let readme = std::fs::read_to_string(case.to().join("README.md")).unwrap();
    assert!(readme.contains("not there"), "{readme}");
}

#[test]
fn binary_files_keep_their_length_and_are_told() {
    if !can_rewrite() {
        return;
    }
    let (key, other) = (live_key(9602), test_key(9603));
    let made = "import pickle, sys\nsys.stdout.buffer.write(pickle.dumps({'k': sys.stdin.read(), 'z': [1] * 9}, 4))";
    let pickle = python(made, key.as_bytes());
    let rows = [b"\0\x01rows\x32".as_slice(), key.as_bytes(), b"\x32", other.as_bytes(), b"\0end"].concat();
    let mut repo = Repo::bare();
    let text = format!("K={key}\n");
    commit(&mut repo, MAIN, &[("p.pickle", &pickle), ("rows", &rows), ("a.env", text.as_bytes())], "First");
    repo.finish();
    let case = Case::of(&[repo.path()]);
    let run = case.plan(&[]);
    assert_eq!(run.code, Some(0), "{}", run.errors());
    let told = run.errors();
    assert!(told.contains("p.pickle, rows") && told.contains("checksum") && !told.contains("a.env"), "{told}");
    let (work, said) = case.rewrite(1);
    assert!(said.contains("Clean.\n"), "{said}");
    let file = |name: &str| git::run(git::command(&work), &["show", &format!("main:{name}")], b"");
    assert_eq!(file("a.env"), format!("K={}\n", removed(&key)).as_bytes());
    let now = file("rows");
    assert_eq!(
        (now.len(), &now[..7], &now[57..58], &now[108..]),
        (rows.len(), &rows[..7], &rows[57..58], &rows[108..])
    );
    assert!(now[7..].starts_with(removed(&key).as_bytes()) && now[58..].starts_with(removed(&other).as_bytes()));
    let read = "import pickle, sys\nprint(pickle.loads(sys.stdin.buffer.read())['k'])";
    assert!(python(read, &file("p.pickle")).starts_with(removed(&key).as_bytes()));
}

#[test]
fn what_replaces_commits_does_not_become_history() {
    if !can_rewrite() {
        return;
    }
    let mut repo = Repo::bare();
    for at in 0..4 {
        repo.commit_on(MAIN, &[("f", Some(&format!("{at}\n")))], &format!("c{at}"));
    }
    repo.commit_on(MAIN, &[("a", Some(&format!("K={}\n", live_key(9604))))], "Key");
    // Somebody cuts off what is before the third, to see less of it; and a tag is replaced by another.
    repo.git(&["replace", "--graft", "main~2"]);
    let tip = repo.git(&["rev-parse", "main"]);
    let tip = String::from_utf8(tip).unwrap();
    let tag = |name: &str| {
        format!("object {}\ntype commit\ntag {name}\ntagger A <a@x.test> 1704000000 +0000\n\nt\n", tip.trim())
    };
    let made: Vec<String> = ["one", "two"]
        .iter()
        .map(|name| {
            let id = repo.git_with_input(&["hash-object", "-t", "tag", "-w", "--stdin"], tag(name).as_bytes());
            String::from_utf8(id).unwrap().trim().to_owned()
        })
        .collect();
    repo.git(&["update-ref", "refs/tags/one", &made[0]]);
    repo.git(&["replace", &made[0], &made[1]]);
    let case = Case::of(&[repo.path()]);
    let run = case.plan(&[]);
    assert_eq!(run.code, Some(0), "{}", run.errors());
    assert!(run.errors().contains("2 refs below refs/replace are dropped"), "{}", run.errors());
    let (work, said) = case.rewrite(1);
    assert!(said.contains("Clean.\n"), "{said}");
    assert_eq!(git_in(&work, &["log", "--format=%s", "main"]), "Key\nc3\nc2\nc1\nc0\n");
    assert_eq!(git_in(&work, &["for-each-ref", "--format=%(refname)"]), "refs/heads/main\nrefs/tags/one\n");
    let (code, said) = case.script("1-repository/publish.sh", &[&work, repo.path()]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(git_in(repo.path(), &["log", "--format=%s", "main"]).lines().count(), 5);
    assert_eq!(git_in(repo.path(), &["for-each-ref", "refs/replace"]), "");
}

#[test]
fn what_was_rewritten_is_published_only_when_its_audit_was_clean() {
    if !can_rewrite() {
        return;
    }
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("a", Some(&format!("K={}\n", live_key(9605))))], "A");
    repo.finish();
    let case = Case::of(&[repo.path()]);
    assert_eq!(case.plan(&[]).code, Some(0));
    // One that came since.
    repo.commit_on(MAIN, &[("b", Some(&format!("K={}\n", live_key(9606))))], "B");
    repo.finish();
    let (work, is_clean, said) = case.try_to_rewrite(1);
    assert!(!is_clean && said.contains("Found 1 Clerk secret key"), "{said}");
    let before = git_in(repo.path(), &["for-each-ref"]);
    let (code, said) = case.script("1-repository/publish.sh", &[&work, repo.path()]);
    assert!(code == Some(3) && said.contains("did not come to its end there"), "{said}");
    assert_eq!(git_in(repo.path(), &["for-each-ref"]), before);
}

#[test]
fn tags_that_stand_elsewhere_get_no_plan() {
    for (name, reaches_the_key) in [("refs/original/refs/tags/v1", true), ("refs/kept/v1", false)] {
        let mut repo = Repo::bare();
        let tip = repo.commit_on(MAIN, &[("a", Some(&format!("K={}\n", live_key(9607))))], "A");
        let clean = repo.commit_on("refs/heads/other", &[("b", Some("1\n"))], "B");
        let tree = repo.tree(&Files::new());
        let tag = |target, target_type| Tag {
            target,
            target_type,
            name: "v1".to_owned(),
            tagger: Some(Person::at("T", 1_704_000_001)),
            message: b"v1\n".to_vec(),
        };
        let of = if reaches_the_key { tip } else { clean };
        let (tag, of_tree) = (repo.tag(&tag(of, ObjectType::Commit)), repo.tag(&tag(tree, ObjectType::Tree)));
        repo.set_ref(name, tag);
        repo.finish();
        let case = Case::of(&[repo.path()]);
        let run = case.plan(&[]);
        assert_eq!(run.code, Some(3), "{}", run.errors());
        assert!(run.errors().contains(name) && run.errors().contains("no plan is made for it"), "{}", run.errors());
        // Where tags belong it can be rewritten, and one of a directory is no matter of a rewrite.
        repo.delete_ref(name);
        repo.set_ref("refs/tags/v1", tag);
        repo.set_ref(name, of_tree);
        repo.finish();
        let run = case.plan(&[]);
        assert_eq!(run.code, Some(0), "{}", run.errors());
    }
}

#[test]
fn names_that_git_takes_for_one_get_no_plan() {
    for odd in ["refs/heads/refs/heads/main", "refs/tags/refs/heads/main", "refs/refs/heads/main"] {
        let mut repo = Repo::bare();
        repo.commit_on(MAIN, &[("a", Some(&format!("K={}\n", live_key(9608))))], "A");
        repo.branch("refs/heads/HEAD", MAIN);
        repo.branch(odd, MAIN);
        repo.finish();
        let case = Case::of(&[repo.path()]);
        let run = case.plan(&[]);
        assert_eq!(run.code, Some(3), "{odd}: {}", run.errors());
        let told = format!("refs/heads/main and {odd}");
        assert!(run.errors().contains(&told) && run.errors().contains("no plan is made for it"), "{}", run.errors());
    }
    // Beside which git finds each by its whole name.
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("a", Some(&format!("K={}\n", live_key(9608))))], "A");
    for name in ["refs/heads/HEAD", "refs/tags/main", "refs/tags/heads/main", "refs/heads/tags/main"] {
        repo.branch(name, MAIN);
    }
    repo.finish();
    let case = Case::of(&[repo.path()]);
    let run = case.plan(&[]);
    assert_eq!(run.code, Some(0), "{}", run.errors());
    if can_rewrite() {
        assert!(case.rewrite(1).1.contains("Clean.\n"));
    }
}

#[test]
fn messages_stay_in_their_encoding_and_what_else_a_rewrite_changes_is_told() {
    if !can_rewrite() {
        return;
    }
    let key = live_key(9609);
    let mut repo = Repo::bare();
    let blob = repo.blob("a\n");
    let tree = repo.tree(&Files::from([(b"a".to_vec(), (Mode::File, blob))]));
    let mut commit = Commit::new(tree, &[], 1_704_000_000, "");
    commit.message = [b"caf\xe9 ".as_slice(), key.as_bytes(), b"\n"].concat();
    commit.headers = b"encoding ISO-8859-1\n".to_vec();
    let tip = repo.commit(&commit);
    repo.set_ref(MAIN, tip);
    repo.finish();
    let case = Case::of(&[repo.path()]);
    assert_eq!(case.plan(&[]).code, Some(0));
    let (work, said) = case.rewrite(1);
    assert!(said.contains("Clean.\n"), "{said}");
    let raw = git::run(git::command(&work), &["cat-file", "commit", "main"], b"");
    let kept = [b"\nencoding ISO-8859-1\n\ncaf\xe9 ".as_slice(), removed(&key).as_bytes(), b"\n"].concat();
    assert!(raw.ends_with(&kept), "{}", String::from_utf8_lossy(&raw));
    let readme = std::fs::read_to_string(case.to().join("README.md")).unwrap();
    let changes = readme.split("## What else it changes").nth(1).unwrap().split("\n## ").next().unwrap();
    for word in ["Signatures", "`tag` line", "headers", "Directories", "refs/replace", "PNG", "ids of commits"] {
        assert!(changes.contains(word), "{word}: {changes}");
    }
}

#[test]
fn of_what_only_a_name_tells_no_more_is_said_than_is_seen() {
    if !can_rewrite() {
        return;
    }
    let (key, digits) = (live_key(9610), key_id(&live_key(9611))[7..].to_owned());
    let mut repo = Repo::bare();
    let named = format!("CLERK_ENCRYPTION_KEY={digits}\n");
    let vault = gzip(&format!("aes {digits}\n"));
    commit(&mut repo, MAIN, &[("a.env", named.as_bytes()), ("vault.gz", &vault), ("k", key.as_bytes())], "First");
    repo.finish();
    let case = Case::of(&[repo.path()]);
    let hint = format!("{}…{}", &digits[..4], &digits[60..]);
    let told = |said: &str| said.contains(&hint) && said.contains("only a name tells") && !said.contains("Clean.\n");
    let plan_and_rewrite = |options: &[&str], work: &str| {
        let run = case.plan(options);
        assert_eq!(run.code, Some(0), "{}", run.errors());
        let (code, said) = case.script("1-repository/commands.sh", &[&case.place.path().join(work)]);
        assert_eq!(code, Some(0), "{said}");
        std::fs::remove_dir_all(case.to()).unwrap();
        (run.errors().to_owned(), said)
    };
    let (planned, said) = plan_and_rewrite(&[], "all");
    assert!(told(&planned) && told(&said), "{planned}{said}");
    let id = format!("sha256:{}", &key_id(&digits)[7..]);
    let (planned, said) = plan_and_rewrite(&["--key", &id], "one");
    assert!(told(&planned) && told(&said), "{planned}{said}");
    // A secret key tells itself, wherever it stands.
    let (planned, said) = plan_and_rewrite(&["--key", &key_id(&key)], "other");
    for text in [planned, said] {
        assert!(!text.contains("only a name tells") && !text.contains("is not known"), "{text}");
    }
}

#[test]
fn a_trace_by_whoever_knows_the_kind_says_nothing_of_it() {
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[("a", Some("1\n"))], "A");
    repo.finish();
    let trace = |options: &[&str]| {
        let audit = Audit::new(&["trace", "--id", &key_id(&live_key(9612))]);
        options.iter().fold(audit, |audit, option| audit.and(option)).and(repo.path()).run()
    };
    let run = trace(&[]);
    assert!(run.code == Some(0) && run.errors().contains("is not known"), "{}", run.errors());
    let run = trace(&["--kind-is-known"]);
    assert!(run.code == Some(0) && run.errors().is_empty(), "{}", run.errors());
}

#[test]
fn a_key_that_got_no_plan_is_not_said_to_be_told_by_a_name() {
    let keys = [live_key(9613), live_key(9614)];
    let folder = tempfile::tempdir().unwrap();
    let repositories: Vec<Repo> = keys
        .iter()
        .map(|key| {
            let mut repo = Repo::bare();
            repo.commit_on(MAIN, &[("a", Some(&format!("{key}\n")))], "A");
            repo.finish();
            repo
        })
        .collect();
    let (report, plan) = (folder.path().join("report.json"), folder.path().join("plan"));
    let audit = Audit::new(&["history", "--format", "json", "--output"]).and(&report);
    audit.and(repositories[0].path()).and(repositories[1].path()).run();
    let run =
        Audit::new(&["purge-plan", "--to"]).and(&plan).and("--repo").and(repositories[0].path()).and(&report).run();
    assert_eq!(run.code, Some(3), "{}", run.errors());
    assert!(!run.errors().contains("only a name tells"), "{}", run.errors());
}

#[test]
fn a_secret_key_that_only_a_name_tells_is_not_called_nowhere() {
    let key = &live_key(9615)[..46];
    let folder = tempfile::tempdir().unwrap();
    let repo = |text: &str| {
        let mut repo = Repo::bare();
        repo.commit_on(MAIN, &[("a", Some(text))], "A");
        repo.finish();
        repo
    };
    let (named, alone) = (repo(&format!("CLERK_SECRET_KEY={key}\n")), repo(&format!("x {key}\n")));
    let report = folder.path().join("report.json");
    Audit::new(&["history", "--format", "json", "--output"]).and(&report).and(named.path()).run();
    let trace = Audit::new(&["trace", "--id", &key_id(key), "--report"]).and(&report).and(alone.path()).run();
    assert!(trace.code == Some(3) && trace.errors().contains("search for that as well"), "{}", trace.errors());
}
