//! Random histories that change between audits: what `--state` tells must be what an audit without it tells, whatever
//! was done to the repository meanwhile.
//!
//! `CLERK_AUDIT_SEED` replays one history (with `CLERK_AUDIT_HISTORIES`, that many from it on);
//! `CLERK_AUDIT_HISTORIES` changes how many there are.

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use common::fixture::Repo;
use common::git;
use common::random_history::Plan;
use common::run::Audit;
use common::secrets::{live_key, look_alike, publishable_key};
use common::seeds::{failing, number, say};
use fastrand::Rng;
use serde_json::Value;

const HISTORIES: u64 = 120;
/// What may be done to a repository between two audits.
type Change = fn(&mut Repo, &mut Rng);
const CHANGES: [(&str, Change); 24] = [
    ("nothing", |_, _| {}),
    ("nothing", |_, _| {}),
    ("a commit", commit),
    ("a commit", commit),
    ("a branch less", |repo, random| {
        let refs = refs(repo);
        if let Some(name) = random.choice(&refs) {
            _ = git(repo, &["update-ref", "-d", name]);
        }
    }),
    ("a branch moved", |repo, random| {
        let (refs, commits) = (refs(repo), lines(repo, &["rev-list", "--all"]));
        if let (Some(name), Some(commit)) = (random.choice(&refs), random.choice(&commits)) {
            _ = git(repo, &["update-ref", name, commit]);
        }
    }),
    ("repack -ad", |repo, _| _ = git(repo, &["repack", "-a", "-d", "-q"])),
    ("repack", |repo, _| _ = git(repo, &["repack", "-d", "-q"])),
    ("repack -adk, no deltas", |repo, _| _ = git(repo, &["repack", "-a", "-d", "-k", "-q", "--window=0", "-F"])),
    ("gc", |repo, _| _ = git(repo, &["gc", "-q", "--prune=now"])),
    ("loose objects", loosen),
    ("an object twice", |repo, _| _ = git(repo, &["repack", "-a", "-q"])),
    ("a pack's index anew", |repo, _| {
        for pack in files(&repo.git_directory().join("objects/pack"), "pack") {
            _ = git(repo, &["index-pack", "--index-version=1", pack.to_str().expect("UTF-8")]);
        }
    }),
    ("prune", |repo, _| _ = git(repo, &["prune", "--expire=now"])),
    ("pack-refs", |repo, _| _ = git(repo, &["pack-refs", "--all"])),
    ("a tag", |repo, random| {
        let key = live_key(random.u64(..));
        let text = if random.bool() { format!("signed by {key}") } else { "a release".into() };
        let commits = lines(repo, &["rev-list", "--all"]);
        if let Some(commit) = random.choice(&commits) {
            _ = git(repo, &["tag", "-a", "-m", &text, &format!("t{}", random.u32(..)), commit]);
        }
    }),
    ("staged", |repo, random| {
        let blob = repo.blob(format!("K={}\n", live_key(random.u64(..)))).to_string();
        repo.finish();
        let name = format!("100644,{blob},staged{}", random.u8(..3));
        _ = git(repo, &["update-index", "--add", "--cacheinfo", &name]);
    }),
    ("stash", |repo, random| {
        let blob = repo.blob(format!("s {}\n", random.u32(..))).to_string();
        repo.finish();
        _ = git(repo, &["update-index", "--add", "--cacheinfo", &format!("100644,{blob},stashed")]);
        let made = lines(repo, &["stash", "create"]);
        if let Some(stash) = made.first() {
            _ = git(repo, &["stash", "store", stash]);
        }
    }),
    ("reflogs expire", |repo, _| _ = git(repo, &["reflog", "expire", "--expire=now", "--all"])),
    ("a reflog's line", |repo, random| {
        _ = git(repo, &["config", "core.logAllRefUpdates", "always"]);
        let commits = lines(repo, &["rev-list", "--all"]);
        if let Some(commit) = random.choice(&commits) {
            let said = format!("reset with {}", live_key(random.u64(..)));
            _ = git(repo, &["update-ref", "-m", &said, "refs/heads/logged", commit]);
        }
    }),
    ("a worktree", |repo, random| {
        let at = repo.beside(&format!("tree{}", random.u32(..)));
        let commits = lines(repo, &["rev-list", "--all"]);
        if let Some(commit) = random.choice(&commits) {
            _ = git(repo, &["worktree", "add", "--no-checkout", "--detach", at.to_str().expect("UTF-8"), commit]);
        }
    }),
    ("another HEAD", |repo, random| {
        let refs = refs(repo);
        if let Some(name) = random.choice(&refs).filter(|name| name.starts_with("refs/heads/")) {
            _ = git(repo, &["symbolic-ref", "HEAD", name]);
        }
    }),
    ("an alternate", |repo, random| {
        let at = repo.beside("other.git");
        if !at.exists() {
            _ = git(repo, &["init", "-q", "--bare", at.to_str().expect("UTF-8")]);
        }
        let text = format!("K={}\n", live_key(random.u64(..)));
        git::run(git::command(&at), &["hash-object", "-w", "--stdin"], text.as_bytes());
        let info = repo.git_directory().join("objects/info");
        std::fs::create_dir_all(&info).expect("a folder");
        std::fs::write(info.join("alternates"), format!("{}/objects\n", at.display())).expect("alternates");
    }),
    ("an object lost", |repo, random| {
        let loose = loose(repo);
        if let Some(path) = random.choice(&loose) {
            std::fs::remove_file(path).expect("removing an object");
        }
    }),
];

fn git(repo: &mut Repo, arguments: &[&str]) -> Vec<u8> {
    repo.finish();
    let mut command = git::command(repo.path());
    command.args(arguments);
    // Not everything can be done everywhere: a bare repository has no stash.
    let answer = git::answer(command, b"");
    if answer.success { answer.stdout } else { Vec::new() }
}

fn lines(repo: &mut Repo, arguments: &[&str]) -> Vec<String> {
    String::from_utf8_lossy(&git(repo, arguments)).lines().map(str::to_owned).collect()
}

fn refs(repo: &mut Repo) -> Vec<String> {
    lines(repo, &["for-each-ref", "--format=%(refname)"])
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut found: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|it| it == ending)).collect();
    found.sort();
    found
}

fn loose(repo: &Repo) -> Vec<PathBuf> {
    let objects = repo.git_directory().join("objects");
    let folders = std::fs::read_dir(objects).into_iter().flatten().flatten();
    let folders = folders.filter(|folder| folder.file_name().len() == 2);
    let mut found: Vec<PathBuf> = folders
        .flat_map(|folder| std::fs::read_dir(folder.path()).into_iter().flatten().flatten())
        .map(|file| file.path())
        .collect();
    found.sort();
    found
}

/// A commit with a file of any of the kinds that a report tells apart, on a branch of its own or on another.
fn commit(repo: &mut Repo, random: &mut Rng) {
    let key = live_key(random.u64(..));
    let text = match random.u8(..8) {
        0 => format!("CLERK_SECRET_KEY={key}\n"),
        1 => format!("K={}\n", look_alike(random.u64(..), 24)),
        2 => format!("NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY={}\n", publishable_key("clean-mole-12.clerk.accounts.dev")),
        3 => format!("CLERK_SECRET_KEY=sk_{}_{}\n", "test", "x".repeat(42)),
        4 => format!("CLERK_SECRET_KEY={}********{}\n", &key[..14], &key[key.len() - 6..]),
        5 => "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n".to_owned(),
        6 => format!("see process.env.CLERK_SECRET_KEY {}\n", random.u32(..)),
        _ => format!("nothing {}\n", random.u32(..)),
    };
    let branch = format!("refs/heads/more{}", random.u8(..3));
    let path = *random.choice(&["a", "b/c", ".env", "docker-compose.yml"]).expect("one of them");
    repo.commit_on(&branch, &[(path, Some(&text))], "more");
    repo.finish();
}

/// All that is packed, loose.
fn loosen(repo: &mut Repo, _: &mut Rng) {
    let folder = repo.git_directory().join("objects/pack");
    let aside = repo.beside("aside");
    std::fs::create_dir_all(&aside).expect("a folder");
    for pack in files(&folder, "pack") {
        let to = aside.join(pack.file_name().expect("a name"));
        std::fs::rename(&pack, &to).expect("moving a pack");
        std::fs::remove_file(pack.with_extension("idx")).expect("removing an index");
        _ = std::fs::remove_file(pack.with_extension("rev"));
        let stream = std::fs::read(&to).expect("reading a pack");
        git::run(git::command(repo.path()), &["unpack-objects", "-q"], &stream);
    }
}

#[test]
fn an_audit_that_remembers_tells_what_one_tells_that_does_not() {
    let replayed = number("CLERK_AUDIT_SEED");
    let base = replayed.unwrap_or_else(|| fastrand::u64(..1 << 40));
    let histories = number("CLERK_AUDIT_HISTORIES").unwrap_or(if replayed.is_some() { 1 } else { HISTORIES });
    say(&format!("random histories that change: {histories} from seed {base} on"));
    let tally = Mutex::new(BTreeMap::<&str, u64>::new());
    let failures = failing(base..base + histories, |seed| {
        let (done, told) = check(seed);
        let mut tally = tally.lock().expect("no thread panicked");
        done.iter().for_each(|change| *tally.entry(change).or_default() += 1);
        told.map_or(Ok(()), |told| Err(format!("{done:?}: {told}")))
    });
    let told: Vec<String> = failures.iter().map(|(seed, told)| format!("seed {seed}, {told}")).collect();
    assert!(failures.is_empty(), "base seed {base} (CLERK_AUDIT_SEED replays one):\n{}", told.join("\n"));
    say(&format!("{histories} histories: {:?}", tally.into_inner().expect("no thread panicked")));
}

/// What was done to a history, and where the reports differ if they do.
fn check(seed: u64) -> (Vec<&'static str>, Option<String>) {
    let mut repo = Plan::new(seed).build();
    let mut random = Rng::with_seed(seed ^ 0x5eed);
    let state = repo.beside("state");
    let mut done = Vec::new();
    for _ in 0..random.usize(3..7) {
        let told = difference(&repo, &mut random, &state);
        if told.is_some() {
            return (done, told);
        }
        for _ in 0..random.usize(1..3) {
            let (name, change) = CHANGES[random.usize(..CHANGES.len())];
            done.push(name);
            change(&mut repo, &mut random);
        }
    }
    let told = difference(&repo, &mut random, &state);
    (done, told)
}

fn difference(repo: &Repo, random: &mut Rng, state: &Path) -> Option<String> {
    let reader = *random.choice(&["bulk", "libgit2"]).expect("one of them");
    let threads = *random.choice(&["1", "3"]).expect("one of them");
    let with =
        Audit::history(repo.path()).and_all(&["--reader", reader, "--threads", threads]).and("--state").and(state);
    let earlier = remembered_tips(state);
    let (with, without) = (with.run(), Audit::history(repo.path()).run());
    let plain = |run: &common::run::Outcome| {
        let mut report = run.report();
        report.as_object_mut().expect("a report is an object").remove("generated_at");
        report
    };
    // All that a small history had may be gone: then everything is read again, and that is told.
    let is_gone = |tip: &String| {
        let mut command = git::command(repo.path());
        command.args(["cat-file", "-e", tip]);
        !git::answer(command, b"").success
    };
    let may_tell = !earlier.is_empty() && earlier.iter().all(is_gone);
    let tells = with.errors().contains("everything is read again: nothing is left there");
    let (told, whole) = (plain(&with), plain(&without));
    let says_no_more = with.errors().is_empty() || (may_tell && tells);
    if with.code != without.code || !says_no_more {
        return Some(format!("exit code {:?}, not {:?}: {}", with.code, without.code, with.errors()));
    }
    let text = std::fs::read_to_string(state).expect("a state file");
    if text.contains(&format!("sk_{}_", "live")) && has_a_key(&text) {
        return Some("there is a key in the state file".to_owned());
    }
    first_difference(&whole, &told, "")
}

fn remembered_tips(state: &Path) -> Vec<String> {
    let Ok(text) = std::fs::read(state) else { return Vec::new() };
    let document: Value = serde_json::from_slice(&text).expect("JSON");
    let tips = document["remembered"]["repositories"][0]["tips"].as_array().cloned().unwrap_or_default();
    tips.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Whether a whole key stands anywhere.
fn has_a_key(text: &str) -> bool {
    ["live", "test"].iter().any(|environment| {
        let prefix = format!("sk_{environment}_");
        text.match_indices(&prefix).any(|(at, _)| {
            let body = &text[at + prefix.len()..];
            let length = body.bytes().take_while(u8::is_ascii_alphanumeric).count();
            let all_one = body.bytes().take(length).all(|byte| byte == b'x');
            length == 42 && !all_one
        })
    })
}

/// Where two reports differ first.
fn first_difference(one: &Value, other: &Value, at: &str) -> Option<String> {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) if one.len() == other.len() => {
            let mut fields = one.iter().map(|(name, value)| (name, value, other.get(name).unwrap_or(&Value::Null)));
            fields.find_map(|(name, one, other)| first_difference(one, other, &format!("{at}/{name}")))
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            let mut items = one.iter().zip(other).enumerate();
            items.find_map(|(index, (one, other))| first_difference(one, other, &format!("{at}/{index}")))
        }
        _ => (one != other).then(|| format!("{at} is {other}, not {one}")),
    }
}
