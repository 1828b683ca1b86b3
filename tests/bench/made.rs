//! Repositories to measure with, each from a fixed seed.

use std::fmt::Write as _;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use fastrand::Rng;

/// Makes the repository of this name; `None` where there is none.
pub(crate) fn named(name: &str, folder: &Path) -> Option<PathBuf> {
    let write: fn(&mut dyn Write) = match name {
        "mixed" => mixed,
        "versions" => versions,
        "commits" => commits,
        "keys" => keys,
        "added" => added,
        "names" => names,
        _ => return None,
    };
    let path = folder.join(name);
    make(&path, write);
    Some(path)
}

/// 3,000 commits to files of many sizes, with one key that is edited around.
fn mixed(stream: &mut dyn Write) {
    let mut random = Rng::with_seed(42);
    let key = key(&mut random);
    let mut files: Vec<String> = (0..200).map(|_| String::new()).collect();
    for number in 0..3000 {
        let at = random.usize(..files.len());
        for _ in 0..random.usize(1..40) {
            let words: String = (0..8).map(|_| format!("{:x} ", random.u32(..))).collect();
            files[at] += &format!("{words}\n");
        }
        let content = if at == 0 { format!("{}KEY={key}\n", files[at]) } else { files[at].clone() };
        commit(stream, number, &format!("dir{}/file{at}", at % 7), content.as_bytes());
    }
}

/// 400 versions of a lock file of 1.6 MB: names, numbers and hashes, five lines of which change each time.
fn versions(stream: &mut dyn Write) {
    let mut random = Rng::with_seed(43);
    let mut lines: Vec<String> = (0..24_000).map(|_| locked(&mut random)).collect();
    for number in 0..400 {
        for _ in 0..5 {
            let at = random.usize(..lines.len());
            match random.u8(..3) {
                0 => lines.insert(at, locked(&mut random)),
                1 => _ = lines.remove(at),
                _ => lines[at] = locked(&mut random),
            }
        }
        commit(stream, number, "packages.lock", lines.join("\n").as_bytes());
    }
}

/// A line of a lock file.
fn locked(random: &mut Rng) -> String {
    let word = |random: &mut Rng| (0..random.usize(3..10)).map(|_| random.lowercase()).collect::<String>();
    match random.u8(..5) {
        0 => (0..8).map(|_| word(random) + " ").collect(),
        1 => format!("  \"{}\": {}.{}.{},", word(random), random.u8(..9), random.u8(..99), random.u8(..99)),
        2 => format!("  integrity sha512-{}==", (0..86).map(|_| random.alphanumeric()).collect::<String>()),
        3 => format!("  resolved https://registry.example/{}.tgz#{:040x}", word(random), random.u128(..)),
        _ => (0..10).map(|_| format!("{}, ", random.u32(..1_000_000))).collect(),
    }
}

/// 100,000 commits of a few bytes each, to a thousand files.
fn commits(stream: &mut dyn Write) {
    let mut random = Rng::with_seed(44);
    for number in 0..100_000 {
        let file = format!("dir{}/file{}", random.u8(..30), random.u8(..30));
        let content = format!("let value = {};\n", random.u32(..));
        commit(stream, number, &file, content.as_bytes());
    }
}

/// 2,000 commits that each bring a file with a key of its own, in 500 folders.
fn keys(stream: &mut dyn Write) {
    let mut random = Rng::with_seed(45);
    for number in 0..2_000 {
        let content = format!("CLERK_SECRET_KEY={}\n", key(&mut random));
        commit(stream, number, &format!("dir{}/{number}/.env", number % 500), content.as_bytes());
    }
}

/// 1,000 commits that each add a key to one file.
fn added(stream: &mut dyn Write) {
    let mut random = Rng::with_seed(47);
    let mut content = String::new();
    for number in 0..1_000 {
        _ = writeln!(content, "CLERK_SECRET_KEY_{number}={}", key(&mut random));
        commit(stream, number, "keys", content.as_bytes());
    }
}

/// 1,000 commits that each add a file whose name is a key, to one folder.
fn names(stream: &mut dyn Write) {
    let mut random = Rng::with_seed(48);
    for number in 0..1_000 {
        commit(stream, number, &format!("dir/{}", key(&mut random)), b"x\n");
    }
}

fn key(random: &mut Rng) -> String {
    let body: String = (0..42).map(|_| random.alphanumeric()).collect();
    format!("sk_{}_{body}", "live")
}

/// A commit on main, as `git fast-import` reads it.
fn commit(stream: &mut dyn Write, number: u32, file: &str, content: &[u8]) {
    let mut head = String::new();
    _ = writeln!(head, "commit refs/heads/main\ncommitter A <a@example.com> {} +0000", 1_700_000_000 + number);
    _ = writeln!(head, "data 1\nx\nM 644 inline {file}\ndata {}", content.len());
    for part in [head.as_bytes(), content, b"\n"] {
        stream.write_all(part).expect("git reads");
    }
}

fn make(path: &Path, write: fn(&mut dyn Write)) {
    let run = |arguments: &[&str], write: fn(&mut dyn Write)| {
        let mut git = Command::new("git");
        git.arg("-C").arg(path).args(arguments).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = git.spawn().expect("git runs");
        write(&mut BufWriter::new(child.stdin.take().expect("a pipe")));
        assert!(child.wait().expect("git ends").success());
    };
    std::fs::create_dir_all(path).expect("a folder");
    run(&["init", "-q", "--bare", "."], |_| {});
    run(&["fast-import", "--quiet"], write);
    run(&["repack", "-adfq", "--depth=50"], |_| {});
}
