//! An incident: a repository with keys in it, its report, and what is asked and noted of it.

use std::collections::HashMap;
use std::path::PathBuf;

use super::clerk::{Answer, Clerk};
use super::fixture::Repo;
use super::run::{Audit, Outcome};
use super::secrets::{key_id, live_key, test_key};

const MAIN: &str = "refs/heads/main";

/// A repository with keys in it, and its report beside it.
pub(crate) struct Case {
    pub(crate) repo: Repo,
    pub(crate) keys: Vec<String>,
    pub(crate) report: PathBuf,
}

impl Case {
    pub(crate) fn new(keys: Vec<String>) -> Self {
        let mut repo = Repo::with_work_tree();
        for (at, key) in keys.iter().enumerate() {
            let text = format!("CLERK_SECRET_KEY={key}\n");
            repo.commit_on(MAIN, &[(&format!("{at}/.env"), Some(&text))], "Add a key");
        }
        repo.finish();
        let report = repo.beside("report.json");
        let run = Audit::new(&["history", "--format", "json", "--output"]).and(&report).and(repo.path()).run();
        assert_eq!(run.code, Some(1), "{}", run.errors());
        Self { repo, keys, report }
    }

    pub(crate) fn two() -> Self {
        Self::new(vec![live_key(7001), test_key(7002)])
    }

    pub(crate) fn verify(&self, clerk: &Clerk) -> Audit {
        asking(Audit::new(&["verify", "--yes"]).and(&self.report), clerk)
    }

    /// The place of its status file.
    pub(crate) fn status_path(&self) -> PathBuf {
        self.report.with_file_name("report.status.json")
    }

    pub(crate) fn status_file(&self) -> String {
        std::fs::read_to_string(self.status_path()).unwrap_or_default()
    }

    /// The step of its first key, as `--done` takes it.
    pub(crate) fn step(&self, step: &str) -> String {
        format!("{}:{step}", key_id(&self.keys[0]))
    }

    pub(crate) fn hint(&self, at: usize) -> String {
        let key = &self.keys[at];
        format!("{}…{}", &key[..12], &key[46..])
    }

    /// No key is in what a run said, nor in the file that it kept.
    pub(crate) fn assert_silent(&self, run: &Outcome) {
        let said = format!("{}{}{}", run.text(), run.errors(), self.status_file());
        for key in &self.keys {
            assert!(!said.contains(&key[12..40]), "{said}");
        }
    }
}

pub(crate) fn asking(audit: Audit, clerk: &Clerk) -> Audit {
    audit.and("--api-url").and(clerk.url()).and("--ca-file").and(clerk.authority()).and("--timeout").and("3")
}

pub(crate) fn answers<const N: usize>(case: &Case, answers: [Answer; N]) -> HashMap<String, Answer> {
    case.keys.iter().cloned().zip(answers).collect()
}

pub(crate) fn status(case: &Case, options: &[&str]) -> Outcome {
    options.iter().fold(Audit::new(&["status"]).and(&case.report), |audit, option| audit.and(option)).run()
}
