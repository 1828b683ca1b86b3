//! Runs the binary: nothing of this machine's in its environment, and an end to it if it hangs.

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{git, schema};

/// How long a run may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// One run of the binary, to be started.
pub(crate) struct Audit {
    arguments: Vec<OsString>,
    directory: PathBuf,
    variables: Vec<(OsString, OsString)>,
    input: Vec<u8>,
    patience: Duration,
}

impl Audit {
    /// Any command.
    pub(crate) fn new<A: AsRef<OsStr>>(arguments: &[A]) -> Self {
        Self {
            arguments: arguments.iter().map(|argument| argument.as_ref().to_owned()).collect(),
            directory: git::empty_home(),
            variables: Vec::new(),
            input: Vec::new(),
            patience: PATIENCE,
        }
    }

    /// `history` of a repository, as one JSON document that names every ref.
    pub(crate) fn history(repository: &Path) -> Self {
        Self::new(&["history", "--format", "json", "--all-refs"]).and(repository)
    }

    /// One more argument.
    pub(crate) fn and(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// More arguments.
    pub(crate) fn and_all(self, arguments: &[&str]) -> Self {
        arguments.iter().fold(self, |audit, argument| audit.and(argument))
    }

    /// Where it is started.
    pub(crate) fn from(mut self, directory: &Path) -> Self {
        directory.clone_into(&mut self.directory);
        self
    }

    /// A variable of its environment.
    pub(crate) fn variable(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.variables.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// What it reads from standard input.
    pub(crate) fn input(mut self, input: &[u8]) -> Self {
        input.clone_into(&mut self.input);
        self
    }

    /// How long it may take.
    pub(crate) fn within(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Runs it. One that takes too long is ended and fails the test.
    pub(crate) fn run(self) -> Outcome {
        let (told, patience) = (format!("clerk-audit {:?}", self.arguments), self.patience);
        let (outcome, ended) = self.attempt();
        let said = String::from_utf8_lossy(&outcome.stderr);
        assert!(ended, "{told} hung: it was ended after {patience:?}; it had said {said}");
        outcome
    }

    /// Runs it; whether it came to an end by itself.
    pub(crate) fn attempt(self) -> (Outcome, bool) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_clerk-audit"));
        command
            .args(&self.arguments)
            .current_dir(&self.directory)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", git::empty_home())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC")
            .envs(self.variables)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let started = Instant::now();
        let mut child = command.spawn().expect("starting clerk-audit");
        let mut stdin = child.stdin.take().expect("a pipe to clerk-audit");
        let stdout = child.stdout.take().expect("a pipe from clerk-audit");
        let stderr = child.stderr.take().expect("a pipe from clerk-audit");
        let input = self.input;
        std::thread::scope(|scope| {
            // It may well end without reading its input.
            scope.spawn(move || stdin.write_all(&input));
            let stdout = scope.spawn(move || read_all(stdout));
            let stderr = scope.spawn(move || read_all(stderr));
            let (code, peak_kilobytes) = wait(&mut child, started, self.patience);
            let outcome = Outcome {
                stdout: stdout.join().expect("reading standard output"),
                stderr: stderr.join().expect("reading standard error"),
                code: code.flatten(),
                wall: started.elapsed(),
                peak_kilobytes,
            };
            (outcome, code.is_some())
        })
    }
}

/// Its exit code and its peak of anonymous memory; no exit code at all where it had to be ended.
fn wait(child: &mut Child, started: Instant, patience: Duration) -> (Option<Option<i32>>, u64) {
    let mut pause = Duration::from_micros(500);
    let mut peak = 0;
    loop {
        if let Some(status) = child.try_wait().expect("waiting for clerk-audit") {
            return (Some(status.code()), peak);
        }
        if started.elapsed() > patience {
            child.kill().expect("ending clerk-audit");
            child.wait().expect("waiting for clerk-audit");
            return (None, peak);
        }
        peak = peak.max(anonymous_kilobytes(child.id()));
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(10));
    }
}

/// Anonymous memory of a process now, where the system tells it.
fn anonymous_kilobytes(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn read_all(mut from: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).expect("reading from clerk-audit");
    bytes
}

/// What a run came to.
pub(crate) struct Outcome {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    /// `None` where a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) wall: Duration,
    /// The highest that was seen; 0 where the system does not tell.
    pub(crate) peak_kilobytes: u64,
}

impl Outcome {
    /// Standard output as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.stdout.clone()).expect("standard output is UTF-8")
    }

    /// Standard error as text.
    pub(crate) fn errors(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Standard output as a JSON report, which its schema describes.
    pub(crate) fn report(&self) -> Value {
        let report: Value = serde_json::from_slice(&self.stdout).unwrap_or_else(|error| {
            panic!("no JSON report ({error}); exit code {:?}; standard error: {}", self.code, self.errors())
        });
        let faults = schema::faults(&report);
        assert!(faults.is_empty(), "the report is not as docs/report.schema.json has it:\n{}", faults.join("\n"));
        report
    }
}
