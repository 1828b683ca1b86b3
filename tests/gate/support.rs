//! A server with a gate, clients that push to it, and a client that lies.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::common::fixture::Repo;
use crate::common::fixture::objects::{ObjectType, pack_stream};
use crate::common::git;
use crate::common::run::Audit;

pub(super) const MAIN: &str = "refs/heads/main";
pub(super) const ZERO: &str = "0000000000000000000000000000000000000000";

/// A bare repository whose pre-receive hook is the gate.
pub(super) struct Server {
    pub(super) repo: Repo,
}

/// What came of a push.
pub(super) struct Pushed {
    /// Whether every ref was updated.
    pub(super) accepted: bool,
    /// What the hook said, as it said it.
    pub(super) said: String,
    /// All that git said.
    pub(super) all: String,
}

impl Server {
    pub(super) fn new() -> Self {
        Self::of(Repo::bare())
    }

    /// Puts the gate into a repository.
    pub(super) fn of(repo: Repo) -> Self {
        let server = Self { repo };
        server.hook("exec \"$GATE\" hook pre-receive");
        server
    }

    /// Another hook; `$GATE` is the binary.
    pub(super) fn hook(&self, script: &str) {
        self.hook_named("pre-receive", script);
    }

    pub(super) fn hook_named(&self, name: &str, script: &str) {
        let hooks = self.repo.git_directory().join("hooks");
        std::fs::create_dir_all(&hooks).unwrap();
        let path = hooks.join(name);
        let gate = env!("CARGO_BIN_EXE_clerk-audit");
        std::fs::write(&path, format!("#!/bin/sh\nGATE='{gate}'\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(super) fn path(&self) -> &Path {
        self.repo.path()
    }

    /// Sets the repository's own policy.
    pub(super) fn policy(&self, text: &str) {
        std::fs::write(self.repo.git_directory().join("clerk-audit.toml"), text).unwrap();
    }

    pub(super) fn ledger_path(&self) -> PathBuf {
        self.repo.beside("ledger")
    }

    /// A policy with a ledger.
    pub(super) fn policy_with_ledger(&self, text: &str) {
        self.policy(&format!("ledger = \"{}\"\n{text}", self.ledger_path().display()));
    }

    pub(super) fn ledger(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.ledger_path()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Whoever was killed while writing to it left nothing that spoils the rest.
    pub(super) fn has_a_ledger_that_can_be_read(&self) {
        assert!(self.ledger_path().exists());
        let outcome = Audit::history(self.path()).and("--ledger").and(self.ledger_path()).run();
        assert_eq!(outcome.code, Some(0), "{}", outcome.errors());
    }

    /// Runs git in the server's repository, its hook apart.
    pub(super) fn git(&self, arguments: &[&str]) -> String {
        String::from_utf8(git::run(git::command(self.path()), arguments, b"")).unwrap()
    }

    pub(super) fn config(&self, name: &str, value: &str) {
        self.git(&["config", name, value]);
    }

    /// What a ref names, if anything.
    pub(super) fn value(&self, name: &str) -> Option<String> {
        let mut command = git::command(self.path());
        command.args(["rev-parse", "--verify", "--quiet", name]);
        let answer = git::answer(command, b"");
        answer.success.then(|| String::from_utf8(answer.stdout).unwrap().trim().to_owned())
    }

    /// Pushes from a repository.
    pub(super) fn push(&self, client: &mut Repo, arguments: &[&str]) -> Pushed {
        client.finish();
        push(client.path(), self.path(), arguments)
    }

    /// Pushes as a raw client does: these commands, this pack.
    pub(super) fn raw(&self, commands: &[(&str, &str, &[u8])], pack: &[u8]) -> Pushed {
        raw(self.path(), commands, pack)
    }

    /// The repository is whole.
    pub(super) fn is_sound(&self) {
        self.git(&["fsck", "--no-dangling", "--connectivity-only"]);
        let left = std::fs::read_dir(self.repo.git_directory().join("objects")).unwrap().flatten();
        for entry in left {
            assert!(!entry.file_name().to_string_lossy().contains("incoming"), "a quarantine was left");
        }
    }
}

/// Pushes from one path to another.
pub(super) fn push(client: &Path, server: &Path, arguments: &[&str]) -> Pushed {
    push_with(client, server, arguments, &[])
}

/// The same, with these variables, and with the system's configuration where one of them names it.
pub(super) fn push_with(client: &Path, server: &Path, arguments: &[&str], variables: &[(&str, &Path)]) -> Pushed {
    let mut command = git::command(client);
    for (name, value) in variables {
        command.env(name, value);
        if *name == "GIT_CONFIG_SYSTEM" {
            command.env("GIT_CONFIG_NOSYSTEM", "0");
        }
    }
    command.arg("push").args(&arguments[..arguments.len() - 1]).arg(server).arg(arguments[arguments.len() - 1]);
    let answer = git::answer(command, b"");
    let lines = answer.stderr.split(['\n', '\r']).filter_map(|line| line.strip_prefix("remote: "));
    let said = lines.map(|line| format!("{}\n", line.trim_end())).collect();
    Pushed { accepted: answer.success, said, all: answer.stderr }
}

/// What a raw client sends and what it is answered.
pub(super) fn raw(server: &Path, commands: &[(&str, &str, &[u8])], pack: &[u8]) -> Pushed {
    raw_with(server, "report-status side-band-64k atomic", commands, pack)
}

/// The same by a client that wants these capabilities.
pub(super) fn raw_with(server: &Path, wants: &str, commands: &[(&str, &str, &[u8])], pack: &[u8]) -> Pushed {
    let mut request = Vec::new();
    for (at, (old, new, name)) in commands.iter().enumerate() {
        let mut line = format!("{old} {new} ").into_bytes();
        line.extend_from_slice(name);
        if at == 0 {
            line.push(0);
            line.extend_from_slice(wants.as_bytes());
        }
        request.extend_from_slice(format!("{:04x}", line.len() + 4).as_bytes());
        request.extend_from_slice(&line);
    }
    request.extend_from_slice(b"0000");
    request.extend_from_slice(pack);
    raw_request(server, &request)
}

/// The same by a client that sends these bytes.
pub(super) fn raw_request(server: &Path, request: &[u8]) -> Pushed {
    let mut command = git::command(server);
    command.args(["receive-pack", "--stateless-rpc", "."]);
    let answer = git::answer(command, request);
    let (report, said) = bands(&answer.stdout);
    let accepted = report.contains("unpack ok") && !report.contains("ng ") && report.contains("ok ");
    Pushed { accepted, all: format!("{report}{said}{}", answer.stderr), said }
}

/// Takes the two bands of an answer apart.
fn bands(mut bytes: &[u8]) -> (String, String) {
    let (mut report, mut said) = (Vec::new(), Vec::new());
    while let Some(length) =
        bytes.get(..4).and_then(|hex| usize::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok())
    {
        let Some(line) = bytes.get(4..length.max(4)) else { break };
        match line.split_first() {
            Some((1, rest)) => report.extend_from_slice(rest),
            Some((2, rest)) => said.extend_from_slice(rest),
            _ => {}
        }
        bytes = &bytes[length.max(4)..];
    }
    (String::from_utf8_lossy(&report).into_owned(), String::from_utf8_lossy(&said).into_owned())
}

/// A pack of objects, and the id of each.
pub(super) fn pack(objects: &[(ObjectType, Vec<u8>)]) -> Vec<u8> {
    pack_stream(objects)
}

impl Pushed {
    /// It passed, and nothing was said.
    #[track_caller]
    pub(super) fn passes(&self) {
        assert!(self.accepted, "refused: {}", self.all);
    }

    #[track_caller]
    pub(super) fn passes_silently(&self) {
        self.passes();
        assert_eq!(self.said, "", "a push that may pass is no reason to speak");
    }

    /// It was refused by the gate, with these words among what was said, and no key in them.
    #[track_caller]
    pub(super) fn is_refused(&self, words: &[&str]) {
        assert!(!self.accepted, "accepted: {}", self.all);
        let is_ours = self.said.lines().any(|line| line.starts_with("error: clerk-audit refuses this push: "));
        assert!(is_ours, "refused by another: {}", self.all);
        for word in words {
            assert!(self.said.contains(word), "{word:?} is not in: {}", self.said);
        }
    }

    /// It was refused for a key, whose hint is shown and whose text is not.
    #[track_caller]
    pub(super) fn is_refused_for(&self, key: &str, words: &[&str]) {
        self.is_refused(words);
        let hint = format!("{}…{}", &key[..12], &key[key.len() - 4..]);
        assert!(self.said.contains(&hint), "{hint} is not in: {}", self.said);
        assert!(!self.all.contains(key) && !self.all.contains(&key[12..38]), "a key was shown");
    }
}
