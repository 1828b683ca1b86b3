//! No output of any command ever has a key in it. A key of its own is planted in each place where one can stand, and
//! every output of every command and format is searched for all of them: raw, in UTF-16, in base64, in hex, whole and
//! any twelve characters of them.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is the failing test's message")]

mod common;

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use common::fixture::Repo;
use common::fixture::objects::{Commit, Files, Mode, ObjectType, Person, Tag, encode_tree};
use common::run::{Audit, Outcome};
use common::secrets::{
    Alphabet, Padding, alphanumerics, base64, key_id, live_key, look_alike, publishable_key, test_key, utf16le,
};

/// So many characters of a key in a row are too many. A hint shows four.
const WINDOW: usize = 12;

/// Keys by the place in which they were planted, and what to look for.
struct Planted {
    keys: Vec<(&'static str, String)>,
    /// Tokens of other vendors, which masking covers too.
    others: Vec<String>,
}

impl Planted {
    /// Every piece of every body, as it would look in each encoding.
    fn pieces(&self) -> Vec<(usize, HashSet<Vec<u8>>)> {
        let bodies = self.keys.iter().map(|(_, key)| key).chain(&self.others);
        let bodies: Vec<&str> = bodies.map(|token| token.rsplit('_').next().expect("a body")).collect();
        let mut by_length: std::collections::BTreeMap<usize, HashSet<Vec<u8>>> = Default::default();
        let mut add = |text: &[u8], length: usize| {
            by_length.entry(length).or_default().extend(text.windows(length).map(<[u8]>::to_vec));
        };
        for body in bodies {
            add(body.as_bytes(), WINDOW);
            let wide = &utf16le(body)[2..];
            add(wide, WINDOW * 2);
            add(&[&[0], &wide[..wide.len() - 1]].concat(), WINDOW * 2);
            let hex: String = body.bytes().map(|byte| format!("{byte:02x}")).collect();
            add(hex.as_bytes(), WINDOW * 2);
            add(hex.to_uppercase().as_bytes(), WINDOW * 2);
            for alignment in 0..3 {
                for alphabet in [Alphabet::Standard, Alphabet::UrlSafe] {
                    let text = base64(&[&b"___"[..alignment], body.as_bytes()].concat(), alphabet, Padding::None);
                    // What the bytes before and behind have a part in is not the body's.
                    add(&text.as_bytes()[(alignment * 8).div_ceil(6)..text.len() - 1], WINDOW / 3 * 4);
                }
            }
        }
        by_length.into_iter().collect()
    }
}

/// Searches outputs.
struct Search {
    pieces: Vec<(usize, HashSet<Vec<u8>>)>,
    searched: usize,
}

impl Search {
    fn bytes(&mut self, what: &str, bytes: &[u8]) {
        self.searched += 1;
        for (length, pieces) in &self.pieces {
            if let Some(at) = bytes.windows(*length).position(|window| pieces.contains(window)) {
                let around = &bytes[at.saturating_sub(60)..bytes.len().min(at + 100)];
                panic!("{what} has a part of a key: … {} …", String::from_utf8_lossy(around));
            }
        }
        // Whatever key it is, planted or made by the program itself.
        for prefix in ["sk_live_", "sk_test_"] {
            for at in memmem(bytes, prefix.as_bytes()) {
                let body = bytes[at + prefix.len()..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
                assert!(body < WINDOW, "{what} shows {body} characters of a body");
            }
        }
    }

    fn outcome(&mut self, what: &str, outcome: &Outcome) {
        self.bytes(&format!("standard output of {what}"), &outcome.stdout);
        self.bytes(&format!("standard error of {what}"), &outcome.stderr);
        assert!(!outcome.errors().contains("panicked"), "{what}: {}", outcome.errors());
    }
}

fn memmem<'a>(bytes: &'a [u8], needle: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    bytes.windows(needle.len()).enumerate().filter(move |(_, window)| *window == needle).map(|(at, _)| at)
}

struct Planter {
    seed: u64,
    planted: Planted,
}

impl Planter {
    fn key(&mut self, place: &'static str) -> String {
        self.seed += 1;
        let key = if self.seed.is_multiple_of(2) { live_key(self.seed) } else { test_key(self.seed) };
        self.planted.keys.push((place, key.clone()));
        key
    }

    fn other(&mut self) -> String {
        self.seed += 1;
        let token = look_alike(self.seed, 24);
        self.planted.others.push(token.clone());
        token
    }
}

/// Places whose keys no object, ref or index of the repository has: they are not found, and are not shown either.
const OUTSIDE: [&str; 6] =
    ["remote address", "repository path", "alternate", "broken ref", "pack name", "worktree folder"];

/// A repository with a key in every place, below a folder that has one in its name.
fn plant() -> (Repo, PathBuf, Planted) {
    let mut plant = Planter { seed: 5000, planted: Planted { keys: Vec::new(), others: Vec::new() } };
    let mut repo = Repo::with_work_tree();
    let main = "refs/heads/main";
    let base = files(&mut repo, &mut plant);
    let tree = repo.tree(&base);
    let mut commit = Commit::new(tree, &[], 1_704_100_000, &format!("Use {} for now", plant.key("subject")));
    commit.message.extend(format!("\n\nand {}\0and {}\n", plant.key("body"), plant.key("behind a NUL")).into_bytes());
    commit.author.name = format!("Ann {}", plant.key("author's name")).into();
    commit.author.email = format!("{}@example.test", plant.key("author's address")).into();
    commit.committer.name = plant.key("committer's name").into();
    commit.committer.email = plant.key("committer's address").into();
    let (unknown, signature) = (plant.key("unknown header"), plant.key("signature"));
    commit.headers = format!("x-token {unknown}\ngpgsig -----BEGIN\n {signature}\n -----END\n").into();
    let first = repo.commit(&commit);
    let encoded = base64(plant.key("base64 subject").as_bytes(), Alphabet::Standard, Padding::Full);
    let mut second = Commit::new(tree, &[first], 1_704_200_000, &format!("blob {encoded} {}", plant.other()));
    let encoded_name = base64(plant.key("base64 author").as_bytes(), Alphabet::UrlSafe, Padding::None);
    second.author.name = encoded_name.into();
    second.message.extend(b"\n\n");
    second.message.extend(utf16le(&plant.key("UTF-16 body")));
    let second = repo.commit(&second);
    // A subject in UTF-16, a time that is a key, no committer at all.
    let mut odd =
        format!("tree {tree}\nparent {second}\nauthor A <a@example.test> {}\n\n", plant.key("time")).into_bytes();
    odd.extend(utf16le(&format!("{}\nsecond line", plant.key("UTF-16 subject"))));
    let odd = repo.object(ObjectType::Commit, odd);
    let removed = repo.tree(&Files::new());
    let last = repo.commit(&Commit::new(removed, &[odd], 1_704_300_000, &format!("Remove {}", plant.key("removal"))));
    repo.set_ref(main, last);
    repo.set_ref(&format!("refs/heads/try/{}", plant.key("branch name")), second);
    repo.set_ref(&format!("refs/pull/{}/head", plant.key("pull ref name")), first);
    let tag = repo.tag(&Tag {
        target: first,
        target_type: ObjectType::Commit,
        name: plant.key("tag header"),
        tagger: Some(Person { email: plant.key("tagger").into(), ..Person::at("Tess", 1_704_100_000) }),
        message: format!("release {}\n\n{}\n", plant.key("tag subject"), plant.key("tag message")).into(),
    });
    repo.set_ref(&format!("refs/tags/{}", plant.key("tag name")), tag);
    // Objects that nothing names, malformed ones among them.
    repo.object(ObjectType::Commit, format!("rubbish {}", plant.key("malformed commit")).into());
    repo.object(ObjectType::Tag, format!("rubbish {}\n\n{}", plant.key("malformed tag"), plant.other()).into());
    let mut cut = encode_tree(vec![(b"x".to_vec(), Mode::Directory, removed)]);
    cut.extend(format!("100644 {}", plant.key("malformed tree")).bytes());
    repo.object(ObjectType::Tree, cut);
    repo.blob(plant.key("loose blob"));
    repo.git(&["notes", "add", "-m", &plant.key("note"), &first.to_string()]);
    outside_of_objects(&mut repo, &mut plant, &first.to_string());
    let folder = repo.beside(&plant.key("repository path"));
    std::fs::rename(repo.path(), &folder).expect("renaming");
    (repo, folder, plant.planted)
}

/// The files of the first commit.
fn files(repo: &mut Repo, plant: &mut Planter) -> Files {
    let mut files = Files::new();
    let mut add = |path: String, mode: Mode, content: Vec<u8>| {
        let blob = repo.blob(content);
        files.insert(path.into_bytes(), (mode, blob));
    };
    let long = "x".repeat(70);
    let content = [
        format!("CLERK_SECRET_KEY={}\n", plant.key("content")),
        format!("{}={}\n", plant.key("variable name"), plant.key("value of it")),
        format!("{}_{long}={}\n", plant.key("long variable name"), plant.key("value of the long one")),
        format!("{long}_{}_{long}={}\n", plant.key("variable name's middle"), plant.key("value of that")),
        format!("{}_SECRET=whsec_abcdefghijkl\n", plant.key("sibling name")),
        format!("{}_{long}_SECRET=whsec_abcdefghijkl\n", plant.key("long sibling name")),
        format!("{long}{long}_{}_TOKEN: ghp_abcdefghijkl\n", plant.key("end of a long sibling name")),
        format!("PK={}\nSTRIPE={}\n", publishable_key("happy-cat-1.clerk.accounts.dev"), plant.other()),
        format!("base64: {}\n", base64(plant.key("base64 content").as_bytes(), Alphabet::Standard, Padding::Full)),
    ];
    add(format!("config-{}/.env", plant.key("folder name")), Mode::File, content.concat().into());
    add(format!("{}.txt", plant.key("file name")), Mode::File, plant.key("content beside").into());
    add("link".to_owned(), Mode::SymbolicLink, format!("to/{}", plant.key("link's target")).into());
    add("wide.ps1".to_owned(), Mode::File, utf16le(&format!("$k = '{}'\r\n", plant.key("UTF-16 content"))));
    let encoded = base64(plant.key("base64 file name").as_bytes(), Alphabet::UrlSafe, Padding::None);
    add(format!("deep/{encoded}/x"), Mode::File, b"x\n".to_vec());
    add(format!("{}/stripe.env", plant.key("folder of another vendor's")), Mode::File, plant.other().into());
    add(format!("names/{}", plant.other()), Mode::File, b"y\n".to_vec());
    let workflow = format!("env:\n  CLERK_SECRET_KEY: {}\n", plant.key("workflow"));
    add(format!(".github/workflows/{}.yml", plant.key("consumer's path")), Mode::File, workflow.into());
    let control = format!("\u{1b}[31m{}\u{202e}.txt", plant.key("name with controls"));
    add(control, Mode::File, b"z\n".to_vec());
    files
}

/// Reflogs, the index, configuration, and files that are broken.
fn outside_of_objects(repo: &mut Repo, plant: &mut Planter, commit: &str) {
    let staged = repo.blob(format!("STAGED={}\n", plant.key("staged content")));
    let lines = format!("100644 {staged}\tstaged/{}/x\n", plant.key("staged path"));
    repo.git_with_input(&["update-index", "--add", "--index-info"], lines.as_bytes());
    let directory = repo.git_directory();
    let write = |name: &str, content: &str| {
        let path = directory.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("making a folder");
        std::fs::write(path, content).expect("writing");
    };
    let zero = "0".repeat(40);
    let log =
        |who: &str, message: &str| format!("{zero} {commit} {who} <w@example.test> 1704067200 +0000\t{message}\n");
    write(
        "logs/refs/heads/main",
        &log(&plant.key("reflog's person"), &format!("push {}", plant.key("reflog message"))),
    );
    write(&format!("logs/refs/heads/{}", plant.key("reflog of a ref that is gone")), &log("W", "x"));
    let config = std::fs::read_to_string(directory.join("config")).expect("a configuration");
    let address = format!("https://x:{}@git.example.test/shop.git", plant.key("remote address"));
    write("config", &format!("{config}[remote \"origin\"]\n\turl = {address}\n"));
    write(&format!("refs/heads/broken-{}", plant.key("broken ref")), "rubbish\n");
    write("objects/info/alternates", &format!("/nowhere/{}/objects\n", plant.key("alternate")));
    write(&format!("objects/pack/pack-{}.idx", plant.key("pack name")), "rubbish");
    write(&format!("worktrees/{}/HEAD", plant.key("worktree folder")), &format!("{commit}\n"));
}

#[test]
fn no_output_of_any_command_has_a_key_in_it() {
    let (_repo, path, planted) = plant();
    let mut search = Search { pieces: planted.pieces(), searched: 0 };
    let report = Audit::history(&path).run();
    assert_eq!(report.code, Some(3), "broken files are told: {}", report.errors());
    search.outcome("history --format json", &report);
    let report = report.report();
    let ids: HashSet<&str> = report["keys"].as_array().unwrap().iter().filter_map(|key| key["id"].as_str()).collect();
    for (place, key) in planted.keys.iter().filter(|(place, _)| !OUTSIDE.contains(place)) {
        assert!(ids.contains(key_id(key).as_str()), "the key in the {place} is not found: this proves nothing");
    }
    for format in ["text", "json", "jsonl", "markdown", "html", "sarif", "gitlab", "csv", "junit"] {
        for options in [&[][..], &["-v"], &["-v", "--all-refs", "--color", "always"], &["--reader", "libgit2"]] {
            let mut audit = Audit::new(&["history", "--format", format]).and(&path);
            audit = options.iter().fold(audit, |audit, option| audit.and(option));
            search.outcome(&format!("history --format {format} {options:?}"), &audit.run());
        }
    }
    for narrowing in [&["--no-unreachable"][..], &["--no-reflog"], &["--ref", "refs/pull/*"], &["--since", "main~1"]] {
        let audit = narrowing.iter().fold(Audit::new(&["history", "-v"]).and(&path), |audit, option| audit.and(option));
        search.outcome(&format!("history {narrowing:?}"), &audit.run());
    }
    written_files(&path, &planted, &mut search);
    incident(&path, &planted, &mut search);
    assert!(search.searched > 50);
}

/// What the commands of an incident say, and the files that they leave beside a report.
fn incident(path: &Path, planted: &Planted, search: &mut Search) {
    let place = tempfile::tempdir().expect("a folder");
    let report = place.path().join("report.json");
    Audit::new(&["history", "--format", "json", "--output"]).and(&report).and(path).run();
    // Whoever sends it on may have put keys back into it.
    let text = std::fs::read_to_string(&report).expect("a report");
    let spoiled = text.replace("\"name\": \"A\"", &format!("\"name\": \"{}\"", planted.keys[0].1));
    assert_ne!(text, spoiled);
    std::fs::write(&report, spoiled).expect("writing");
    for format in ["text", "json", "jsonl", "markdown", "html", "sarif", "gitlab", "csv", "junit"] {
        let run = Audit::new(&["checklist", "-v", "--format", format]).and(&report).run();
        // The report is of a repository that has what cannot be read.
        assert_eq!(run.code, Some(3), "{}", run.errors());
        search.outcome(&format!("checklist --format {format}"), &run);
    }
    let key = &planted.keys[0].1;
    let id = key_id(key);
    for done in [format!("{id}:logs"), format!("{key}:logs"), format!("{id}:{key}"), key.clone()] {
        let run = Audit::new(&["status", "--done", &done, "--by", key]).and(&report).run();
        search.outcome(&format!("status --done {done}"), &run);
    }
    search.bytes("the status", &std::fs::read(report.with_file_name("report.status.json")).expect("a status"));
    // Nobody listens there.
    let run = Audit::new(&["verify", "--yes", "--api-url", "https://127.0.0.1:1"]).and(&report).run();
    search.outcome("verify", &run);
    let run = Audit::new(&["verify", "--yes", "--api-url", key]).and(&report).run();
    search.outcome("verify --api-url KEY", &run);
    let plan = place.path().join("plan");
    let run = Audit::new(&["purge-plan", "--to"]).and(&plan).and(&report).run();
    search.outcome("purge-plan of a repository with a key in its path", &run);
    assert!(run.errors().contains("has a key in its own path"), "{}", run.errors());
    let run = Audit::new(&["purge-plan", "--to"]).and(&plan).and(&report).and("--repo").and(path).run();
    search.outcome("purge-plan of what has a commit without a committer", &run);
    assert!(run.errors().contains("has no address or no time"), "{}", run.errors());
    // As it was before that commit.
    let git = |arguments: &[&str]| common::git::run(common::git::command(path), arguments, b"");
    let before = String::from_utf8(git(&["rev-parse", "main~2"])).expect("an id");
    git(&["update-ref", "refs/heads/main", before.trim()]);
    let run = Audit::new(&["purge-plan", "--to"]).and(&plan).and(&report).and("--repo").and(path).run();
    assert!(plan.join("README.md").exists(), "{}", run.errors());
    search.outcome("purge-plan", &run);
    for (_, key) in &planted.keys[..6] {
        for format in ["text", "json", "markdown"] {
            let run = Audit::new(&["trace", "--format", format]).and(path).input(key.as_bytes()).run();
            search.outcome(&format!("trace --format {format}"), &run);
            let run = Audit::new(&["trace", "--format", format, "--id", &key_id(key)]).and(path).run();
            search.outcome(&format!("trace --id --format {format}"), &run);
        }
    }
}

/// What is written to files: reports, the checklist, known keys.
fn written_files(path: &Path, planted: &Planted, search: &mut Search) {
    let place = tempfile::tempdir().expect("a folder");
    let file = |name: &str| place.path().join(name);
    let reason = format!("it was {}", planted.keys[0].1);
    let run = Audit::new(&["history", "--format", "json", "--reason", &reason])
        .and("--output")
        .and(file("report"))
        .and("--checklist")
        .and(file("checklist"))
        .and("--write-known")
        .and(file("known"))
        .and(path)
        .run();
    search.outcome("history with files", &run);
    for name in ["report", "checklist", "known"] {
        let bytes = std::fs::read(file(name)).expect("it was written");
        assert!(bytes.len() > 100);
        search.bytes(name, &bytes);
    }
    let run = Audit::new(&["history", "--known"]).and(file("known")).and(path).run();
    search.outcome("history --known", &run);
    // A list of known keys in which somebody wrote the key itself.
    let key = &planted.keys[0].1;
    for line in [key.clone(), format!("{} {key}", key_id(key)), format!("{} 2026-01-01 tips={key}", key_id(key))] {
        std::fs::write(file("known"), format!("{line}\n")).expect("writing");
        search.outcome(
            "history with a wrong list",
            &Audit::new(&["history", "--known"]).and(file("known")).and(path).run(),
        );
    }
    std::fs::write(file("known"), format!("{} 2026-01-01 was {key}\n", key_id(key))).expect("writing");
    let again =
        Audit::new(&["history", "--known"]).and(file("known")).and("--write-known").and(file("again")).and(path).run();
    search.outcome("history --write-known again", &again);
    search.bytes("the list that was written again", &std::fs::read(file("again")).expect("it was written"));
}

#[test]
fn no_error_has_a_key_in_it() {
    let planted = Planted { keys: vec![("argument", live_key(5900))], others: vec![look_alike(5901, 24)] };
    let mut search = Search { pieces: planted.pieces(), searched: 0 };
    let key = planted.keys[0].1.as_str();
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path().join(key);
    std::fs::create_dir(&folder).expect("making a folder");
    let repository = folder.join("repository");
    let mut repo = Repo::bare();
    repo.commit_on("refs/heads/main", &[("a", Some("a\n"))], "A");
    repo.finish();
    std::fs::rename(repo.path(), &repository).expect("renaming");
    let list = folder.join("list");
    std::fs::write(&list, format!("/nowhere/{key}\n{}\n", folder.display())).expect("writing");
    let here = repository.as_os_str();
    let assigned = |option: &str| OsString::from(format!("{option}={key}"));
    let key_argument = OsString::from(key);
    let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
    let mut runs: Vec<Vec<OsString>> = vec![
        vec![key_argument.clone()],
        words(&["help", key]),
        words(&["demo", key]),
        words(&["history", key]),
        words(&["history", &format!("--{key}")]),
        words(&["history", &format!("-{key}")]),
        words(&["history", "--reason", key]),
        vec!["history".into(), folder.clone().into()],
        vec!["history".into(), folder.join("nosuch").into()],
        vec!["history".into(), "--repos-under".into(), folder.join("nosuch").into()],
        vec!["history".into(), "--repos-from".into(), folder.join("nosuch").into()],
        vec!["history".into(), "--repos-from".into(), list.into()],
        vec!["history".into(), "--known".into(), folder.join("nosuch").into(), here.into()],
        vec!["history".into(), "--output".into(), folder.join("no/such").into(), here.into()],
        vec!["history".into(), "--checklist".into(), folder.join("no/such").into(), here.into()],
        vec!["history".into(), "--write-known".into(), folder.join("no/such").into(), here.into()],
    ];
    for command in ["trace", "verify", "checklist", "status", "purge-plan"] {
        runs.push(words(&[command, key]));
        runs.push(vec![command.into(), folder.join("nosuch").into()]);
        runs.push(words(&[command, "--id", key, "--to", key]));
    }
    for option in ["--format", "--color", "--max-blob-size", "--threads", "--ref", "--since", "--reader", "--quiet"] {
        runs.push(vec!["history".into(), assigned(option), here.into()]);
    }
    for arguments in runs {
        for format in ["text", "json"] {
            let mut audit = Audit::new(&arguments);
            if format == "json" && arguments[0] == "history" {
                audit = audit.and("--format").and("json");
            }
            search.outcome(&format!("{arguments:?}"), &audit.run());
        }
    }
    let run = Audit::new(&["history"]).variable("GIT_DIR", folder.join("nosuch")).run();
    search.outcome("history with GIT_DIR", &run);
    assert_eq!(run.code, Some(3));
    let run = Audit::new(&["history"]).from(&folder).run();
    search.outcome("history in a folder", &run);
}

/// Credentials that are known by the names of their variables alone, and pieces of names that an escape cut out of a text.
#[test]
fn what_only_its_variable_tells_is_shown_nowhere() {
    let hex: String = alphanumerics(5940, 32).bytes().map(|byte| format!("{byte:02x}")).collect();
    let (escaped, other) = (live_key(5941), live_key(5942));
    let token = alphanumerics(5943, 40);
    for (line, secret) in [
        (format!("CLERK_API_KEY=live_{}", &token[..34]), format!("live_{}", &token[..34])),
        (format!("CLERK_ENCRYPTION_KEY={hex}"), hex),
        (format!("CLERK_MACHINE_SECRET_KEY=ak_{token}"), format!("ak_{token}")),
        (format!("CLERK_PLATFORM_API_KEY=ak_{token}"), format!("ak_{token}")),
        (format!("{}_SECRET_KEY={other}", escaped.replace('_', "%5F")), escaped.clone()),
        (
            format!("CLERK_SECRET_KEY={other}\nSTRIPE_{}_SECRET_KEY=abcdefgh12345678", escaped.replace('_', "&#95;")),
            escaped,
        ),
    ] {
        let mut repo = Repo::bare();
        let (path, branch) = (format!("config/{secret}.env"), format!("refs/heads/fix-{secret}"));
        let text = format!("A=1\n{line}\n");
        let blob = repo.blob(text.as_bytes());
        let files = Files::from([(path.into_bytes(), (Mode::File, blob)), (b"b.env".to_vec(), (Mode::File, blob))]);
        let tree = repo.tree(&files);
        let mut commit = Commit::new(tree, &[], 1_700_000_000, &format!("add {secret}\n"));
        commit.author = Person::at(&format!("Ada {secret}"), 1_700_000_000);
        let commit = repo.commit(&commit);
        repo.set_ref(&branch, commit);
        repo.finish();
        let planted = Planted { keys: vec![("everywhere", secret)], others: Vec::new() };
        let mut search = Search { pieces: planted.pieces(), searched: 0 };
        for format in ["text", "json", "jsonl", "markdown", "html", "csv", "sarif", "gitlab", "junit"] {
            let run = Audit::new(&["history", "--format", format]).and(repo.path()).run();
            assert_eq!(run.code, Some(1), "{line}: {}", run.errors());
            search.outcome(&format!("history --format {format} of {line:.12}"), &run);
        }
        let server = Repo::bare();
        let hook = server.git_directory().join("hooks/pre-receive");
        std::fs::create_dir_all(hook.parent().expect("a folder")).expect("making a folder");
        let ledger = server.beside("ledger");
        std::fs::write(server.git_directory().join("clerk-audit.toml"), format!("ledger = \"{}\"\n", ledger.display()))
            .expect("a policy");
        let gate = env!("CARGO_BIN_EXE_clerk-audit");
        std::fs::write(&hook, format!("#!/bin/sh\nexec '{gate}' hook pre-receive\n")).expect("a hook");
        std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a mode");
        let mut push = common::git::command(repo.path());
        push.arg("push").arg(server.path()).arg(format!("{commit}:refs/heads/main"));
        let answer = common::git::answer(push, b"");
        assert!(!answer.success, "{line}: {}", answer.stderr);
        search.bytes("a refusal", answer.stderr.as_bytes());
        search.bytes("the ledger", &std::fs::read(&ledger).expect("a ledger"));
    }
}

#[test]
fn an_enclosing_repository_in_a_hint_is_masked() {
    let planted = Planted { keys: vec![("path", live_key(5910))], others: Vec::new() };
    let mut search = Search { pieces: planted.pieces(), searched: 0 };
    let repo = Repo::with_work_tree();
    let named = repo.beside(&planted.keys[0].1);
    std::fs::rename(repo.path(), &named).expect("renaming");
    std::fs::create_dir(named.join("src")).expect("making a folder");
    let run = Audit::new(&["history"]).and(named.join("src")).run();
    assert!(run.errors().contains("hint:"));
    search.outcome("history of a folder inside", &run);
}

#[test]
fn the_demonstration_shows_no_key() {
    let planted = Planted { keys: vec![("temporary folder", live_key(5920))], others: Vec::new() };
    let mut search = Search { pieces: planted.pieces(), searched: 0 };
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path().join(&planted.keys[0].1);
    std::fs::create_dir(&folder).expect("making a folder");
    for color in ["never", "always"] {
        let run = Audit::new(&["demo", "--color", color]).variable("TMPDIR", &folder).run();
        assert_eq!(run.code, Some(0), "{}", run.errors());
        search.outcome("demo", &run);
    }
    for made in std::fs::read_dir(&folder).expect("what was made").flatten() {
        let checklist = std::fs::read(made.path().join("checklist.md")).expect("a checklist");
        search.bytes("the demonstration's checklist", &checklist);
    }
}

#[test]
fn the_search_itself_finds_keys() {
    let body = alphanumerics(5930, 42);
    let key = format!("sk_{}_{body}", "live");
    let planted = Planted { keys: vec![("x", key.clone())], others: Vec::new() };
    let pieces = planted.pieces();
    let finds = |bytes: &[u8]| {
        pieces.iter().any(|(length, pieces)| bytes.windows(*length).any(|window| pieces.contains(window)))
    };
    assert!(finds(key.as_bytes()) && finds(format!("…{}…", &body[10..22]).as_bytes()));
    assert!(finds(&utf16le(&key)) && finds(&utf16le(&key)[3..]));
    for before in ["", "a", "ab"] {
        assert!(finds(base64(format!("{before}{key}").as_bytes(), Alphabet::Standard, Padding::Full).as_bytes()));
    }
    let hex: String = body.bytes().map(|byte| format!("{byte:02X}")).collect();
    assert!(finds(hex.as_bytes()));
    let hint = format!("sk_live_{}…{}", &body[..4], &body[38..]);
    assert!(!finds(hint.as_bytes()) && !finds(key_id(&key).as_bytes()));
}

/// What a limit keeps a search from reading is hidden whole: it may be a key. And what somebody lets be read of objects says
/// nothing of what may be shown.
#[test]
fn what_lies_beyond_a_limit_is_not_shown() {
    let wrapped = |text: &str, times: usize| {
        (0..times).fold(text.to_owned(), |text, _| base64(text.as_bytes(), Alphabet::Standard, Padding::Full))
    };
    let key = |seed: u64| live_key(5960 + seed);
    let escaped = key(1).replace('_', "%5F");
    for (subject, secret, options) in [
        // More tokens than are told apart, so that what comes behind them in the search is not noted.
        (
            format!("Ship {} {}", key(0), format!("whsec_{} ", "x".repeat(8)).repeat(264_000)),
            key(0)[8..].to_owned(),
            "",
        ),
        (format!("Ship {}", wrapped(&key(2), 6)), wrapped(&key(2), 6)[..60].to_owned(), ""),
        (format!("Ship {escaped}"), key(1)[8..].to_owned(), "--max-decoded=1"),
        (format!("Ship {escaped}"), key(1)[8..].to_owned(), "--max-depth=1"),
        (format!("Ship {}", wrapped(&key(3), 1)), wrapped(&key(3), 1)[16..40].to_owned(), "--max-decoded=1"),
        (format!("Ship {}", wrapped(&key(3), 2)), wrapped(&key(3), 2)[20..50].to_owned(), "--max-depth=1"),
    ] {
        let mut repo = Repo::bare();
        let (other, name) = (key(9), &subject[..subject.len().min(200)]);
        repo.commit_on("refs/heads/main", &[(".env", Some(&format!("CLERK_SECRET_KEY={other}\n")))], &subject);
        repo.finish();
        for format in ["text", "json", "jsonl", "markdown", "html", "sarif", "gitlab", "csv", "junit"] {
            let mut audit = Audit::new(&["history", "-v", "--format", format]).and(repo.path());
            audit = if options.is_empty() { audit } else { audit.and(options) };
            let run = audit.run();
            assert!(!run.stdout.is_empty() && run.code != Some(0), "{}", run.errors());
            for output in [&run.stdout, &run.stderr] {
                let is_shown = memmem(output, secret.as_bytes()).next().is_some();
                assert!(!is_shown, "{format} {options} shows what is in {name}");
            }
        }
    }
}

#[test]
fn a_subject_shows_no_more_than_the_hint_of_a_key_that_goes_on_in_the_next_line() {
    for first in [12, 20] {
        let key = live_key(8600 + first as u64);
        let (start, rest) = key.split_at(8 + first);
        let mut repo = Repo::bare();
        let message = format!("\nAdd CLERK_SECRET_KEY=\"{start}\\\n{rest}\"\n\nBody\n");
        repo.commit_on("refs/heads/main", &[("a", Some("a\n"))], &message);
        repo.finish();
        let report = Audit::history(repo.path()).run().report();
        assert_eq!(report["keys"][0]["id"], key_id(&key).as_str(), "{first}");
        let subject = report["keys"][0]["first_introduced"]["subject"].as_str().unwrap();
        let hint = report["keys"][0]["hint"].as_str().unwrap();
        assert!(subject.starts_with("Add CLERK_SECRET_KEY=") && subject.contains(hint), "{subject}");
        assert!(!subject.contains(&start[8..]) && !subject.contains("Body"), "{subject}");
    }
}
