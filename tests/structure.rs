//! The rooms of the house and who may see whom, as `docs/architecture.md` has it; and the house in order: this
//! repository's own history, audited by its own tool.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is the failing test's message")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use common::git;
use common::run::Audit;

/// A source file without its comments and without its tests.
struct Source {
    /// From the repository's root.
    path: String,
    /// The whole text, comments taken out.
    code: String,
    /// The same without what is compiled for tests only.
    product: String,
}

static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    let mut pending = vec![root.join("src")];
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(&folder).expect("reading src").flatten() {
            let path = entry.path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && path != root.join("src/build.rs") {
                // (What cargo runs before there is a program is no room of it.)
                files.push(path);
            }
        }
    }
    files.sort();
    let only_tests = test_modules(&files);
    files
        .iter()
        .map(|path| {
            let code = without_comments(&std::fs::read_to_string(path).expect("reading a source file"));
            let product = if only_tests.contains(path) { String::new() } else { without_tests(&code) };
            let path = path.strip_prefix(root).expect("below the root").to_str().expect("UTF-8").to_owned();
            Source { path, code, product }
        })
        .collect()
});

/// Files that are a module of their own and compiled for tests only: `#[cfg(test)] mod name;`.
fn test_modules(files: &[PathBuf]) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for path in files {
        let text = std::fs::read_to_string(path).expect("reading a source file");
        let mut lines = text.lines().map(str::trim).peekable();
        while let Some(line) = lines.next() {
            let Some(next) = lines.peek().filter(|_| line == "#[cfg(test)]") else { continue };
            let words = next.trim_start_matches("pub(crate) ").trim_start_matches("pub(super) ");
            if let Some(name) = words.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')) {
                let folder = path.parent().expect("a folder");
                let stem = path.file_stem().expect("a name");
                let inner = if stem == "mod" || stem == "lib" { folder.to_owned() } else { folder.join(stem) };
                found.insert(inner.join(format!("{name}.rs")));
            }
        }
    }
    found
}

/// Lines that are comments say nothing of who sees whom; neither does what stands behind `//` on a line of code.
fn without_comments(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let trimmed = line.trim_start();
        if trimmed.starts_with("//") { "" } else { line.split(" // ").next().unwrap_or_default() }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Everything but the module of tests, which stands last in each file.
fn without_tests(code: &str) -> String {
    match code.find("\n#[cfg(test)]\nmod tests {") {
        Some(at) => code[..at].to_owned(),
        None => code.to_owned(),
    }
}

impl Source {
    /// The name of its room: the folder or file right below `src`.
    fn room(&self) -> &str {
        let below = self.path.strip_prefix("src/").expect("below src");
        below.split('/').next().and_then(|first| first.split('.').next()).expect("a name")
    }

    /// Neither the tour nor the first line of the program is in a room.
    fn is_in_a_room(&self) -> bool {
        !matches!(self.path.as_str(), "src/main.rs" | "src/lib.rs")
    }

    /// How many modules lie between it and the crate's root.
    fn depth(&self) -> usize {
        let parts: Vec<&str> = self.path.strip_prefix("src/").expect("below src").split('/').collect();
        parts.len() - usize::from(parts.last() == Some(&"mod.rs"))
    }
}

/// The table of rooms: which rooms each may see.
fn table() -> BTreeMap<String, BTreeSet<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/architecture.md");
    let text = std::fs::read_to_string(&path).expect("docs/architecture.md");
    let mut lines = text.lines().skip_while(|line| !line.starts_with("| room | may see |"));
    assert!(lines.next().is_some(), "docs/architecture.md has a table of rooms");
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    let rooms: BTreeMap<String, BTreeSet<String>> = rows
        .map(|row| {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            let name = cells[0].trim_matches('`').trim_start_matches("src/").trim_end_matches('/');
            let seen = cells[1].split(',').map(|name| name.trim().trim_matches('`').to_owned());
            (name.trim_end_matches(".rs").to_owned(), seen.filter(|name| !name.is_empty()).collect())
        })
        .collect();
    assert!(rooms.len() >= 5, "{rooms:?}");
    rooms
}

/// The rooms that a source file names: `crate::room` and `crate::{room, …}`.
fn named_rooms(code: &str) -> BTreeSet<String> {
    let word =
        |text: &str| -> String { text.chars().take_while(|it| it.is_ascii_alphanumeric() || *it == '_').collect() };
    let mut named = BTreeSet::new();
    for (at, _) in code.match_indices("crate::").chain(code.match_indices("clerk_audit::")) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|it| it.is_ascii_alphanumeric() || it == '_' || it == '$') {
            continue;
        }
        let rest = &code[at + code[at..].find("::").expect("it is there") + 2..];
        match rest.strip_prefix('{') {
            None => _ = named.insert(word(rest)),
            Some(group) => {
                let (mut level, mut start) = (0, true);
                for (at, character) in group.char_indices() {
                    match character {
                        '{' => level += 1,
                        '}' if level == 0 => break,
                        '}' => level -= 1,
                        ',' if level == 0 => start = true,
                        it if start && !it.is_whitespace() => {
                            named.insert(word(&group[at..]));
                            start = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    named
}

#[test]
fn every_room_sees_only_what_the_architecture_lets_it_see() {
    let table = table();
    let mut wrong = Vec::new();
    for source in SOURCES.iter().filter(|source| source.is_in_a_room()) {
        let Some(may_see) = table.get(source.room()) else {
            wrong.push(format!("{} is in no room of docs/architecture.md", source.path));
            continue;
        };
        for room in named_rooms(&source.code) {
            if room != source.room() && !may_see.contains(&room) {
                wrong.push(format!("{} names crate::{room}, which its room may not see", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_room_of_the_architecture_is_there_and_none_sees_itself_in_a_circle() {
    let table = table();
    let rooms: BTreeSet<&str> = SOURCES.iter().filter(|it| it.is_in_a_room()).map(Source::room).collect();
    assert_eq!(table.keys().map(String::as_str).collect::<BTreeSet<_>>(), rooms);
    for seen in table.values().flatten() {
        assert!(table.contains_key(seen), "{seen} is no room");
    }
    let mut left: BTreeMap<&String, BTreeSet<&String>> =
        table.iter().map(|(room, seen)| (room, seen.iter().collect())).collect();
    while !left.is_empty() {
        let free: Vec<&String> = left.iter().filter(|(_, seen)| seen.is_empty()).map(|(room, _)| *room).collect();
        assert!(!free.is_empty(), "a circle of rooms: {left:?}");
        for room in free {
            left.remove(room);
            left.values_mut().for_each(|seen| _ = seen.remove(room));
        }
    }
}

#[test]
fn no_file_leaves_its_room_by_way_of_super() {
    let mut wrong = Vec::new();
    for source in SOURCES.iter().filter(|source| source.is_in_a_room()) {
        let mut inner = 0;
        for (number, line) in source.code.lines().enumerate() {
            if line.starts_with("mod ") && line.ends_with('{') {
                inner = 1;
            } else if line == "}" {
                inner = 0;
            }
            let most = (1..=9).rev().find(|count| line.contains(&"super::".repeat(*count))).unwrap_or(0);
            if most >= source.depth() + inner {
                wrong.push(format!("{}:{}: {}", source.path, number + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Holds that what a needle stands for is only in files whose path begins with one of `places`.
fn only_in(needles: &[&str], places: &[&str], why: &str) {
    let mut wrong = Vec::new();
    for source in SOURCES.iter().filter(|source| !places.iter().any(|place| source.path.starts_with(place))) {
        for (number, line) in source.product.lines().enumerate() {
            if let Some(needle) = needles.iter().find(|needle| has_word(line, needle)) {
                wrong.push(format!("{}:{}: {needle}", source.path, number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{why}\n{}", wrong.join("\n"));
}

/// Whether a line has `needle` with no letter, digit or `_` right before it.
fn has_word(line: &str, needle: &str) -> bool {
    line.match_indices(needle).any(|(at, _)| {
        !line[..at].chars().next_back().is_some_and(|before| before.is_ascii_alphanumeric() || before == '_')
    })
}

#[test]
fn only_the_store_names_git2() {
    only_in(&["git2::", "use git2"], &["src/store/"], "git's files and libgit2 are known to the store alone");
}

#[test]
fn only_the_command_line_owns_streams_environment_and_clock() {
    only_in(
        &[
            "println!",
            "eprintln!",
            "print!",
            "eprint!",
            "io::stdout",
            "io::stderr",
            "io::stdin",
            "std::env::",
            "env::var",
            "env::args",
            "env::current_dir",
            "SystemTime",
            "Instant::now",
            "now_utc",
            "now_local",
            "process::exit",
            "signal_hook",
        ],
        &["src/cli/"],
        "standard streams, the environment, the clock and the end of the process are the command line's",
    );
}

#[test]
fn files_are_touched_where_the_architecture_says() {
    only_in(
        &["std::fs", "fs::", "File::open", "File::create", "tempfile::"],
        &["src/store/", "src/state/", "src/install/", "src/cli/"],
        "the rooms between are handed bytes",
    );
}

#[test]
fn directories_are_listed_where_what_fails_of_it_is_told() {
    only_in(
        &["read_dir("],
        &["src/store/files.rs"],
        "an entry that cannot be read is no entry that is not there: `store::list_directory` says both",
    );
}

#[test]
fn one_room_reaches_the_network_and_nothing_is_run() {
    only_in(
        &["std::net", "TcpStream", "TcpListener", "UdpSocket", "ToSocketAddrs", "reqwest", "ureq", "hyper::"],
        &["src/verify/"],
        "asking Clerk is the one thing that uses the network",
    );
    only_in(
        &["process::Command", "Command::new("],
        &["src/install/"],
        "installing, checking and testing hooks runs git and the hook; nothing else starts a program",
    );
    let manifest = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let dependencies = manifest.split("[dev-dependencies]").next().unwrap();
    for name in ["reqwest", "hyper", "curl", "openssl", "native-tls", "rustls", "tokio"] {
        assert!(!dependencies.lines().any(|line| line.starts_with(name)), "{name} reaches the network");
    }
    let git2 = dependencies.lines().find(|line| line.starts_with("git2")).expect("git2");
    assert!(git2.contains("default-features = false") && !git2.contains("https") && !git2.contains("ssh"), "{git2}");
}

#[test]
fn only_the_command_line_can_have_clerk_asked() {
    let seen_by: Vec<String> =
        table().into_iter().filter(|(_, sees)| sees.contains("verify")).map(|(room, _)| room).collect();
    assert_eq!(seen_by, ["cli"], "the gate above all must never send a key anywhere");
    let sees = &table()["verify"];
    assert!(!["store", "audit", "detect", "history"].iter().any(|room| sees.contains(*room)));
}

#[test]
fn only_detection_makes_text_that_may_be_shown() {
    only_in(&["Shown::from_masked", "from_masked("], &["src/detect/", "src/model/shown.rs"], "masking is detect's");
}

#[test]
fn only_the_reader_of_reports_takes_one_out_of_a_document() {
    only_in(
        &["serde_json::from_", "Deserializer::from_"],
        &["src/report/read.rs", "src/state/", "src/verify/"],
        "what is read back must be masked anew before it is a report, and it is there alone",
    );
}

#[test]
fn keys_are_exposed_to_few() {
    for source in SOURCES.iter().filter(|source| source.is_in_a_room()) {
        // Verification sends a key to Clerk, in one header; a purge plan is made of keys.
        let allowed = ["src/key/", "src/detect/", "src/verify/", "src/purge.rs"]
            .iter()
            .any(|place| source.path.starts_with(place));
        assert!(allowed || !source.product.contains(".expose()"), "{} looks at the text of keys", source.path);
    }
}

#[test]
fn nothing_is_unsafe_and_nothing_panics_by_design() {
    for source in SOURCES.iter() {
        for (number, line) in source.product.lines().enumerate() {
            for needle in [".unwrap()", "panic!(", "todo!(", "unimplemented!("] {
                assert!(!line.contains(needle), "{}:{}: {needle}", source.path, number + 1);
            }
        }
    }
    // One call of a safe function that is compiled for what the processor was just seen to have.
    let unsafe_places = SOURCES.iter().map(|source| (source.path.as_str(), source.product.matches("unsafe ").count()));
    let unsafe_places: Vec<_> = unsafe_places.filter(|(_, count)| *count > 0).collect();
    // Calls of what is compiled for vectors, where the processor was seen to have them.
    assert_eq!(unsafe_places, [("src/detect/needles/vectors.rs", 1), ("src/detect/probe/mod.rs", 1)]);
}

#[test]
fn the_search_for_rooms_sees_every_way_to_name_one() {
    let code = "use crate::model::Oid;\nuse crate::{key::{A, B}, detect::Detector, store};\nfn f(x: crate::state::Known) {}\n$crate::no";
    let named: Vec<String> = named_rooms(code).into_iter().collect();
    assert_eq!(named, ["detect", "key", "model", "state", "store"]);
}

#[test]
fn this_repository_audits_clean_with_its_own_tool() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    if !root.join(".git").exists() {
        println!("this is no checkout: there is no history to audit");
        return;
    }
    let run = Audit::history(root).run();
    let report = run.report();
    assert_eq!(report["keys"], serde_json::json!([]), "keys are put together at run time, never written down");
    if run.code == Some(3) {
        let answer =
            git::run(git::command(root), &["-c", "safe.directory=*", "rev-parse", "--is-shallow-repository"], b"");
        assert_eq!(answer.trim_ascii(), b"true", "{:#}", report["repositories"]);
        return;
    }
    assert_eq!(run.code, Some(0));
}
