//! How long the gate takes beside git's own walk of the same push, in one run.
//!
//! `cargo bench --bench gate`: makes a repository of 450,000 objects and 20,000 refs from a fixed seed, puts what a push
//! would bring into a quarantine, and runs `clerk-audit hook pre-receive` and `git rev-list --objects NEW --not --all` on it,
//! whole processes both, medians of eleven. `-- 45000` makes a smaller one.

#![expect(clippy::print_stdout, reason = "a benchmark's output is its purpose")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

const REFS: usize = 20_000;
/// The push that has a key: whether an existing tip has it is asked of each.
const REFUSED: &str = "one commit with a key, refused";
/// Objects that one commit of the repository makes: itself, four trees, a blob.
const EACH: usize = 6;

fn main() {
    let wanted = std::env::args().skip(1).find_map(|argument| argument.parse::<usize>().ok()).unwrap_or(450_000);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = folder.path().join("server");
    let commits = wanted / EACH;
    make(&server, commits);
    println!("{commits} commits, {wanted} objects, {REFS} refs");
    for refs in ["packed", "loose", "packed, with a commit-graph"] {
        match refs {
            "packed" => _ = git(&server, &["pack-refs", "--all"], ""),
            "loose" => loosen(&server),
            _ => {
                git(&server, &["pack-refs", "--all"], "");
                git(&server, &["commit-graph", "write", "--reachable"], "");
            }
        }
        println!("refs {refs}");
        for (name, parent, count) in [
            ("one commit on the tip of main", "main", 1),
            ("one commit on an older one of main", "main~5", 1),
            ("one commit on a tenth of the way back", "TENTH", 1),
            ("a thousand commits", "main", 1000),
            (REFUSED, "main", 1),
        ] {
            let parent = if parent == "TENTH" { format!("main~{}", commits / 10) } else { parent.to_owned() };
            let push = Push::make(folder.path(), &server, (&parent, count), name == REFUSED);
            push.measure(name, if count == 1 { 11 } else { 3 });
            if count == 1 && parent == "main" && name != REFUSED {
                push.at_once(8);
            }
        }
    }
    let empty = folder.path().join("empty");
    git(folder.path(), &["init", "-q", "--bare", "empty"], "");
    let tip = git(&server, &["rev-parse", "main"], "").trim().to_owned();
    let push = Push { quarantine: server.join("objects"), server: empty, tip, is_refused: false };
    println!("first push of the whole history");
    push.measure("all of main", 1);
}

/// What a push would bring, and where to.
struct Push {
    quarantine: PathBuf,
    server: PathBuf,
    tip: String,
    is_refused: bool,
}

impl Push {
    fn make(folder: &Path, server: &Path, (parent, count): (&str, usize), is_refused: bool) -> Self {
        let client = folder.join("client");
        _ = std::fs::remove_dir_all(&client);
        git(folder, &["init", "-q", "--bare", "client"], "");
        let alternates = client.join("objects/info/alternates");
        std::fs::write(alternates, format!("{}\n", server.join("objects").display())).expect("writing alternates");
        let base = git(server, &["rev-parse", parent], "").trim().to_owned();
        let mut random = fastrand::Rng::with_seed(46);
        let word = match is_refused {
            true => {
                format!("CLERK_SECRET_KEY=sk_{}_{}", "live", (0..42).map(|_| random.alphanumeric()).collect::<String>())
            }
            false => "pushed".to_owned(),
        };
        let mut stream = String::new();
        for number in 0..count {
            let from = if number == 0 { format!("from {base}\n") } else { String::new() };
            commit(&mut stream, "refs/heads/topic", number + 777, 1_800_000_000 + number, &from, &word);
        }
        git(&client, &["fast-import", "--quiet"], &stream);
        let tip = git(&client, &["rev-parse", "topic"], "").trim().to_owned();
        Self { quarantine: client.join("objects"), server: server.to_owned(), tip, is_refused }
    }

    fn hook(&self) -> Command {
        self.with_environment(Command::new(env!("CARGO_BIN_EXE_clerk-audit")), &["hook", "pre-receive"])
    }

    fn with_environment(&self, mut command: Command, arguments: &[&str]) -> Command {
        command
            .args(arguments)
            .current_dir(&self.server)
            .env("GIT_DIR", ".")
            .env("GIT_OBJECT_DIRECTORY", &self.quarantine)
            .env("GIT_QUARANTINE_PATH", &self.quarantine)
            .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", self.server.join("objects"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(if self.is_refused { Stdio::null() } else { Stdio::inherit() });
        command
    }

    /// Runs the hook, which does as it must.
    fn decide(&self) -> (Duration, u64) {
        let (status, wall, memory) = timed(self.hook(), &self.line());
        assert_eq!(status.success(), !self.is_refused, "{status}");
        (wall, memory)
    }

    fn line(&self) -> String {
        format!("{} {} refs/heads/topic\n", "0".repeat(40), self.tip)
    }

    fn measure(&self, name: &str, runs: usize) {
        let walk = ["rev-list", "--objects", &self.tip, "--not", "--all"];
        let (mut ours, mut gits, mut peak) = (Vec::new(), Vec::new(), 0);
        for _ in 0..runs {
            let (wall, memory) = self.decide();
            ours.push(wall);
            peak = peak.max(memory);
            let (status, wall, _) = timed(self.with_environment(Command::new("git"), &walk), "");
            assert!(status.success(), "{status}");
            gits.push(wall);
        }
        let (ours, gits) = (median(ours), median(gits));
        println!(
            "  {name:<40} {:>9.1} ms   git {:>9.1} ms   {:>5.2} of it   {:>4} MB",
            ours.as_secs_f64() * 1e3,
            gits.as_secs_f64() * 1e3,
            ours.as_secs_f64() / gits.as_secs_f64(),
            peak >> 10,
        );
    }

    /// So many of the same push at once.
    fn at_once(&self, count: usize) {
        let started = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..count {
                scope.spawn(|| self.decide());
            }
        });
        println!("  {count} of them at once {:>28.1} ms for all", started.elapsed().as_secs_f64() * 1e3);
    }
}

/// Runs a command to its end: how that was, how long it took, and the most memory it was seen to have, in KB.
fn timed(mut command: Command, input: &str) -> (ExitStatus, Duration, u64) {
    let started = Instant::now();
    let mut child = command.spawn().expect("starting it");
    child.stdin.take().expect("its input").write_all(input.as_bytes()).expect("writing its input");
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        if let Some(ended) = child.try_wait().expect("waiting") {
            return (ended, started.elapsed(), peak);
        }
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = peak.max(line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0));
        std::thread::sleep(Duration::from_micros(300));
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn git(directory: &Path, arguments: &[&str], input: &str) -> String {
    let mut child = Command::new("git")
        .current_dir(directory)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starting git");
    let mut stdin = child.stdin.take().expect("its input");
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input.as_bytes()));
        child.wait_with_output().expect("waiting for git")
    });
    assert!(output.status.success(), "git {arguments:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// One commit of a `git fast-import` stream: one file changed, four trees with it.
fn commit(stream: &mut String, reference: &str, number: usize, time: usize, from: &str, word: &str) {
    let (a, b, c) = (number % 20, number / 20 % 20, number / 400 % 20);
    let content =
        format!("{word} {number}\nexport const value = {};\n", number.wrapping_mul(2_654_435_761) % 1_000_003);
    _ = write!(
        stream,
        "commit {reference}\ncommitter A <a@b> {time} +0000\ndata 6\nchange\n{from}M 644 inline src/d{a}/e{b}/f{c}.js\ndata {}\n{content}\n",
        content.len()
    );
}

fn make(server: &Path, commits: usize) {
    git(server.parent().expect("a folder"), &["init", "-q", "--bare", "server"], "");
    let mut stream = String::new();
    for number in 0..commits {
        commit(&mut stream, "refs/heads/main", number, 1_600_000_000 + number * 60, "", "first");
        if number % (commits / REFS).max(1) == 0 {
            _ = write!(stream, "reset refs/pull/{number}/head\nfrom refs/heads/main\n\n");
        }
    }
    git(server, &["fast-import", "--quiet"], &stream);
    git(server, &["symbolic-ref", "HEAD", "refs/heads/main"], "");
}

/// Writes every packed ref as a file of its own.
fn loosen(server: &Path) {
    let packed = std::fs::read_to_string(server.join("packed-refs")).expect("packed refs");
    for line in packed.lines().filter(|line| !line.starts_with(['#', '^'])) {
        let (oid, name) = line.split_once(' ').expect("a ref");
        let path = server.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("making folders");
        std::fs::write(path, format!("{oid}\n")).expect("writing a ref");
    }
    std::fs::remove_file(server.join("packed-refs")).expect("removing packed-refs");
}
