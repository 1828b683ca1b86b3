//! Fifty thousand refs, in one file each, in one file together, in tables: what is decided is right, takes little
//! longer than on a small repository, and where the refs that are pushed to say it all, the others are not looked at.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

use super::support::{MAIN, Pushed, Server, ZERO, pack, push, raw};
use crate::common::fixture::Repo;
use crate::common::fixture::objects::{Files, Mode, Oid};
use crate::common::git;
use crate::common::run::Audit;
use crate::common::secrets::live_key;

const REFS: usize = 50_000;

/// How refs are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    Loose,
    Packed,
    Tables,
}

/// A server from before the gate: `main`, on it a key at `config/env` of long ago; fifty thousand refs to its commits;
/// among them, and last of all, one hidden ref to a commit of its own that holds another key at `other/env`.
struct Host {
    _folder: tempfile::TempDir,
    path: PathBuf,
    client: Repo,
    hidden: Oid,
}

const HIDDEN: &str = "refs/zz/hidden";

impl Host {
    fn new(kept: Kept, old: &str, other: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server");
        std::fs::create_dir(&path).unwrap();
        let format = if kept == Kept::Tables { "--ref-format=reftable" } else { "--ref-format=files" };
        git::run(git::command(&path), &["init", "--quiet", "--bare", "--template=", "-b", "main", format], b"");
        git::run(git::command(&path), &["config", "transfer.hideRefs", "refs/zz"], b"");
        let mut client = Repo::bare();
        let mut commits = Vec::new();
        for number in 0..40 {
            let config = if number < 5 { "KEY=\n".to_owned() } else { format!("KEY={old}\n") };
            commits.push(client.commit_on(
                MAIN,
                &[("n", Some(&number.to_string())), ("config/env", Some(&config))],
                "n",
            ));
        }
        let hidden = client.commit_on("refs/heads/hidden", &[("other/env", Some(other))], "hidden");
        client.finish();
        push(client.path(), &path, &[MAIN]).passes();
        push(client.path(), &path, &["refs/heads/hidden"]).passes();
        git::run(git::command(&path), &["update-ref", "-d", "refs/heads/hidden"], b"");
        let named = (0..REFS).map(|number| (format!("refs/heads/many/{number:05}"), commits[number % commits.len()]));
        let all: Vec<(String, Oid)> = named.chain([(HIDDEN.to_owned(), hidden)]).collect();
        match kept {
            Kept::Loose => {
                std::fs::create_dir_all(path.join("refs/heads/many")).unwrap();
                std::fs::create_dir_all(path.join("refs/zz")).unwrap();
                for (name, oid) in &all {
                    std::fs::write(path.join(name), format!("{oid}\n")).unwrap();
                }
            }
            Kept::Packed => {
                let lines: String = all.iter().map(|(name, oid)| format!("{oid} {name}\n")).collect();
                std::fs::write(path.join("packed-refs"), format!("# pack-refs with: sorted \n{lines}")).unwrap();
            }
            Kept::Tables => {
                let lines: String = all.iter().map(|(name, oid)| format!("create {name} {oid}\n")).collect();
                git::run(git::command(&path), &["update-ref", "--stdin"], lines.as_bytes());
            }
        }
        let hook = path.join("hooks/pre-receive");
        std::fs::create_dir_all(path.join("hooks")).unwrap();
        std::fs::write(&hook, format!("#!/bin/sh\nexec '{}' hook pre-receive\n", env!("CARGO_BIN_EXE_clerk-audit")))
            .unwrap();
        std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
        Self { _folder: folder, path, client, hidden }
    }

    fn push(&mut self, refspec: &str) -> Pushed {
        self.client.finish();
        push(self.client.path(), &self.path, &["--force", refspec])
    }

    /// The hook by itself, on what such a push would bring; how long it took.
    fn hook(&mut self, new: Oid, name: &str) -> (Pushed, Duration) {
        self.client.finish();
        hook(self.client.path(), &self.path, new, name)
    }
}

/// The same for any server that has the client's main branch.
fn hook(client: &Path, server: &Path, new: Oid, name: &str) -> (Pushed, Duration) {
    hook_for(client, server, new, &format!("{ZERO} {new} {name}\n"))
}

/// The same of a push of other refs.
fn hook_for(client: &Path, server: &Path, new: Oid, lines: &str) -> (Pushed, Duration) {
    let there = git::run(git::command(server), &["rev-parse", MAIN], b"");
    let wanted = format!("{new}\n^{}", String::from_utf8(there).unwrap());
    let sent = git::run(git::command(client), &["pack-objects", "--revs", "--stdout", "-q"], wanted.as_bytes());
    let quarantine = Repo::bare();
    git::run(git::command(quarantine.path()), &["index-pack", "--stdin"], &sent);
    let outcome = Audit::new(&["hook", "pre-receive"])
        .from(server)
        .variable("GIT_DIR", ".")
        .variable("GIT_QUARANTINE_PATH", quarantine.path().join("objects"))
        .input(lines.as_bytes())
        .run();
    let said = outcome.errors();
    (Pushed { accepted: outcome.code == Some(0), all: said.clone(), said }, outcome.wall)
}

/// Opening a directory or any file in it is noted from here on.
pub(super) struct Watch(std::os::fd::OwnedFd);

impl Watch {
    pub(super) fn on(directory: &Path) -> Self {
        let watch = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).unwrap();
        inotify::add_watch(&watch, directory, WatchFlags::OPEN).unwrap();
        Self(watch)
    }

    /// Whether anything was opened since it was asked last.
    pub(super) fn has_seen(&self) -> bool {
        let mut events = [0; 4096];
        let mut seen = false;
        while rustix::io::read(&self.0, &mut events).is_ok_and(|count| count > 0) {
            seen = true;
        }
        seen
    }
}

#[test]
fn with_fifty_thousand_refs_the_same_is_decided_and_soon() {
    for (number, kept) in (0..).zip([Kept::Loose, Kept::Packed, Kept::Tables]) {
        let [old, other, new] = [0, 1, 2].map(|at| live_key(400 + 10 * number + at));
        let mut host = Host::new(kept, &old, &other);
        let mut slowest = Duration::ZERO;
        let mut hook = |host: &mut Host, tip: Oid, name: &str| {
            let (pushed, took) = host.hook(tip, name);
            slowest = slowest.max(took);
            pushed
        };
        let tip = host.client.commit_on(MAIN, &[("fine", Some("1"))], "fine");
        hook(&mut host, tip, MAIN).passes_silently();
        host.push(MAIN).passes_silently();
        // A key in a new commit.
        host.client.branch("refs/heads/bad", MAIN);
        let tip = host.client.commit_on("refs/heads/bad", &[("bad", Some(&new))], "bad");
        hook(&mut host, tip, MAIN).is_refused_for(&new, &["bad:1"]);
        host.push("refs/heads/bad").is_refused_for(&new, &["bad:1"]);
        // One of long ago that is moved, edited, and held by the one hidden ref.
        host.client.branch("refs/heads/moved", MAIN);
        let content = format!("KEY={old}\n");
        host.client.commit_on("refs/heads/moved", &[("config/env", None), ("moved", Some(&content))], "move");
        let tip =
            host.client.commit_on("refs/heads/moved", &[("moved", Some(&format!("# edited\n{content}")))], "edit");
        hook(&mut host, tip, "refs/heads/moved").passes_silently();
        host.push("refs/heads/moved").passes_silently();
        let mut unrelated = Repo::bare();
        unrelated.commit_on(MAIN, &[("other/env", Some(&other))], "as the hidden ref has it");
        unrelated.finish();
        push(unrelated.path(), &host.path, &["refs/heads/main:refs/heads/unrelated"]).passes_silently();
        // What only the hidden ref reaches is old; what no ref reaches is not.
        raw(&host.path, &[(ZERO, &host.hidden.to_string(), b"refs/heads/found")], &pack(&[])).passes_silently();
        for name in [HIDDEN, "refs/heads/found", "refs/heads/unrelated"] {
            git::run(git::command(&host.path), &["update-ref", "-d", name], b"");
        }
        raw(&host.path, &[(ZERO, &host.hidden.to_string(), b"refs/heads/found")], &pack(&[]))
            .is_refused_for(&other, &["other/env:1"]);
        // So slow an unoptimised binary on a busy machine may be: to open each of them once for each of them is out of
        // it.
        assert!(slowest < Duration::from_secs(10), "{kept:?}: {slowest:?}");
    }
}

#[test]
fn a_push_of_as_many_refs_as_there_are_is_decided_soon() {
    for kept in [Kept::Packed, Kept::Tables] {
        let mut host = Host::new(kept, &live_key(440), &live_key(441));
        let new = host.client.commit_on(MAIN, &[("fine", Some("1"))], "fine");
        host.client.finish();
        let names = |folder: &str| -> String {
            (0..REFS).map(|number| format!("{ZERO} {new} refs/heads/{folder}/{number:05}\n")).collect()
        };
        let lines = names("many") + &names("more");
        let (pushed, took) = hook_for(host.client.path(), &host.path, new, &lines);
        pushed.passes_silently();
        // To look through all of them for each of them takes as long on the fastest machine.
        assert!(took < Duration::from_secs(5), "{kept:?}: {took:?}");
    }
}

#[test]
fn refs_that_nobody_pushes_to_are_not_looked_at_where_the_others_say_it_all() {
    let [old, other, new] = [440, 441, 442].map(live_key);
    let mut host = Host::new(Kept::Loose, &old, &other);
    let watch = Watch::on(&host.path.join("refs/heads/many"));
    let fine = host.client.commit_on(MAIN, &[("fine", Some("1"))], "fine");
    let edited = host.client.commit_on(MAIN, &[("config/env", Some(&format!("# edited\nKEY={old}\n")))], "edit");
    let edited_again = format!("# edited\nKEY={old}\n");
    let moved = host.client.commit_on(MAIN, &[("config/env", None), ("moved", Some(&edited_again))], "move");
    for (tip, name) in [
        (fine, MAIN),
        // A branch of its own that begins at HEAD.
        (fine, "refs/heads/topic"),
        (edited, MAIN),
        (moved, MAIN),
        (fine, "refs/tags/v1"),
    ] {
        host.hook(tip, name).0.passes_silently();
        assert!(!watch.has_seen(), "{name}: a ref was looked at that is not pushed to");
    }
    // Where a key comes in, all of them are asked before that is said; and what is watched is what is looked at.
    let bad = host.client.commit_on(MAIN, &[("bad", Some(&new))], "bad");
    host.hook(bad, MAIN).0.is_refused_for(&new, &["bad:1"]);
    assert!(watch.has_seen(), "the watch sees nothing");
}

#[test]
fn what_both_sides_of_a_merge_come_from_is_not_walked() {
    let key = live_key(450);
    let server = Server::new();
    server.hook("exit 0");
    server.config("receive.unpackLimit", "10000");
    let mut client = Repo::bare();
    // (An hour each: as far as clocks may differ everything is looked at.)
    let commits: Vec<Oid> =
        (0..60).map(|number| client.commit_on(MAIN, &[("n", Some(&number.to_string()))], "n")).collect();
    let files = client.files_at(MAIN);
    let carrier = client.blob(key.as_str());
    let mut side = |name: &str, path: &str, parents: &[Oid]| {
        let blob = client.blob(name);
        let mut files = files.clone();
        files.insert(path.as_bytes().to_vec(), (Mode::File, carrier));
        files.insert(name.as_bytes().to_vec(), (Mode::File, blob));
        client.commit_files(&format!("refs/heads/{name}"), files, parents, name)
    };
    let sides: Vec<Oid> = (0..12).map(|number| side(&format!("s{number}"), "p", &commits[59..])).collect();
    client.finish();
    push(client.path(), server.path(), &["refs/heads/*:refs/heads/*"]).passes();
    server.hook("exec \"$GATE\" hook pre-receive");
    let files = Files::from([(b"q".to_vec(), (Mode::File, carrier))]);
    // One of the past that is alone in its directory, as most are.
    let folder = |oid: &Oid| server.path().join("objects").join(&oid.to_string()[..2]);
    let is_alone = |oid: &&Oid| std::fs::read_dir(folder(oid)).is_ok_and(|files| files.count() == 1);
    let first = folder(commits[1..20].iter().find(is_alone).unwrap());
    for parents in [&sides[..2], &sides] {
        let merge = client.commit_files("refs/heads/merge", files.clone(), parents, "moves it");
        client.finish();
        // (git looks at the past itself, where it sends and takes in: the hook runs by itself.)
        let watch = Watch::on(&first);
        hook(client.path(), server.path(), merge, "refs/heads/merge").0.passes_silently();
        assert!(!watch.has_seen(), "{merge}: the past was walked");
    }
}

#[test]
fn a_key_on_each_of_many_refs_is_told_within_the_time_budget() {
    const MANY: usize = 60_000;
    let server = Server::new();
    server.policy("[limits]\nseconds = 8");
    let client = Repo::bare();
    // Commits that have nothing in common, of which the last alone has a ref here.
    let mut commits = String::new();
    for (number, key) in (0..MANY).map(|number| (number + 1, live_key(10_000 + number as u64) + "\n")) {
        commits += "reset refs/heads/m\ncommit refs/heads/m\n";
        commits += &format!("mark :{number}\ncommitter a <a@b> 1700000000 +0000\ndata 2\nm\n");
        commits += &format!("M 100644 inline f\ndata {}\n{key}\n", key.len());
    }
    let marks = client.beside("marks");
    let told = format!("--export-marks={}", marks.display());
    git::run(git::command(client.path()), &["fast-import", "--quiet", &told], commits.as_bytes());
    let marks = std::fs::read_to_string(marks).unwrap();
    for folder in ["tags", "notes", "heads"] {
        let ids = marks.lines().filter_map(|line| line.split_once(' ')).enumerate();
        let lines: String = ids.map(|(number, (_, id))| format!("{ZERO} {id} refs/{folder}/t{number}\n")).collect();
        let outcome = Audit::new(&["hook", "pre-receive"])
            .from(server.path())
            .variable("GIT_DIR", ".")
            .variable("GIT_QUARANTINE_PATH", client.path().join("objects"))
            .input(lines.as_bytes())
            .run();
        let said = outcome.errors();
        assert_eq!(outcome.code, Some(1), "{said}");
        assert!(said.contains("of which the next push is told") || said.contains("time budget of 8 s"), "{said}");
        // To look through all of them for each of them takes much longer.
        assert!(outcome.wall < Duration::from_secs(12), "{folder}: {:?}", outcome.wall);
    }
}
