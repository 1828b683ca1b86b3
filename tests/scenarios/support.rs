//! What the scenarios share: an audit of a repository, and short ways to say what its report has to tell.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::common::fixture::Repo;
use crate::common::fixture::objects::Oid;
use crate::common::git;
use crate::common::run::{Audit, Outcome};
use crate::common::secrets::key_id;

pub(super) const MAIN: &str = "refs/heads/main";

/// What an audit came to.
pub(super) struct Found {
    pub(super) code: i32,
    pub(super) report: Value,
    #[allow(dead_code, reason = "for messages")]
    pub(super) errors: String,
}

/// Audits a repository, with more options.
pub(super) fn audit_with<A: AsRef<OsStr>>(repository: &Path, options: &[A]) -> Found {
    found(&options.iter().fold(Audit::history(repository), |audit, option| audit.and(option)).run())
}

/// Audits a repository.
pub(super) fn audit(repository: &mut Repo) -> Found {
    repository.finish();
    audit_at(repository.path())
}

/// Audits what is at a path.
pub(super) fn audit_at(path: &Path) -> Found {
    audit_with::<&str>(path, &[])
}

/// The report of a run, which its schema describes and whose exit code says the same.
pub(super) fn found(outcome: &Outcome) -> Found {
    let report = outcome.report();
    let code = outcome.code.unwrap_or_else(|| panic!("a signal ended it: {}", outcome.errors()));
    let news = list(&report["keys"])
        .any(|key| key["confidence"] != "low" && (key["known"] == false || key["known_again"] == true));
    let expected = match (report["complete"] == true, news) {
        (false, _) => 3,
        (true, true) => 1,
        (true, false) => 0,
    };
    assert_eq!(code, expected, "the exit code says what the report says: {report:#}");
    Found { code, report, errors: outcome.errors() }
}

/// The items of a list in a report.
pub(super) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().map(Vec::as_slice).unwrap_or_default().iter()
}

/// A text in a report; nothing for null.
pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

impl Found {
    /// Whether a key is in the report.
    pub(super) fn has(&self, key: &str) -> bool {
        let id = key_id(key);
        list(&self.report["keys"]).any(|found| found["id"] == id.as_str())
    }

    /// What the report says of a key, which must be there.
    pub(super) fn key(&self, key: &str) -> &Value {
        let id = key_id(key);
        list(&self.report["keys"])
            .find(|found| found["id"] == id.as_str())
            .unwrap_or_else(|| panic!("the key is not found; exit code {}; {:#}", self.code, self.report))
    }

    /// What it says of the only secret key that there is.
    pub(super) fn only(&self, key: &str) -> &Value {
        let secret_keys = list(&self.report["keys"]).filter(|key| key["kind"] == "secret_key");
        assert_eq!(secret_keys.count(), 1, "{:#}", self.report["keys"]);
        self.key(key)
    }

    /// Nothing was left out: the report is complete.
    pub(super) fn complete(self) -> Self {
        let skipped: Vec<&Value> = list(&self.report["repositories"]).map(|one| &one["skipped"]).collect();
        assert_eq!(self.report["complete"], true, "{skipped:#?}");
        self
    }

    /// What of the first repository was not read: reasons and objects, each reason once for each object.
    pub(super) fn skipped(&self) -> Vec<(&str, &str)> {
        list(&self.report["repositories"][0]["skipped"])
            .map(|skipped| (text(&skipped["reason"]), text(&skipped["object"])))
            .collect()
    }

    /// The reasons alone, each once.
    pub(super) fn reasons(&self) -> Vec<&str> {
        let mut reasons: Vec<&str> = self.skipped().into_iter().map(|(reason, _)| reason).collect();
        reasons.sort_unstable();
        reasons.dedup();
        reasons
    }
}

/// Entries in short, in the report's order: `<commit> <place> <path> <level>`, a commit by its name in the drawing.
pub(super) fn entries(entries: &Value, names: &[(&str, Oid)]) -> Vec<String> {
    list(entries)
        .map(|entry| {
            let commit = text(&entry["commit"]);
            let name = names.iter().find(|(_, oid)| oid.to_string() == commit).map_or(commit, |(name, _)| name);
            let level = text(&entry["level"]);
            let words = [name, text(&entry["place"]), text(&entry["path"]), level];
            words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
        })
        .collect()
}

/// The refs at which a key is held, each once, in order.
pub(super) fn held(key: &Value) -> Vec<&str> {
    let mut refs: Vec<&str> = list(&key["held_at"]["at"]).map(|place| text(&place["ref"])).collect();
    refs.dedup();
    refs
}

/// Places that no ref reaches: `<type> <place> <path> <via>`.
pub(super) fn unreachable(key: &Value) -> Vec<String> {
    list(&key["unreachable"])
        .map(|place| {
            let words = [&place["type"], &place["place"], &place["path"], &place["via"]].map(text);
            words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
        })
        .collect()
}

/// A line of an environment file.
pub(super) fn env(key: &str) -> String {
    format!("CLERK_SECRET_KEY={key}\n")
}

/// An empty folder that goes when the value goes.
pub(super) fn folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("clerk-audit-test-").tempdir().expect("making a folder")
}

/// Runs git in a folder.
pub(super) fn git_in<A: AsRef<OsStr>>(directory: &Path, arguments: &[A]) -> String {
    let output = git::run(git::command(directory), arguments, b"");
    String::from_utf8(output).expect("git writes UTF-8 here").trim().to_owned()
}

/// The file of a loose object.
pub(super) fn loose_path(repo: &Repo, oid: Oid) -> PathBuf {
    let hex = oid.to_string();
    repo.git_directory().join("objects").join(&hex[..2]).join(&hex[2..])
}

/// Replaces a file, whatever its mode: git makes objects read-only.
pub(super) fn overwrite(path: &Path, content: &[u8]) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("making a folder");
    _ = std::fs::remove_file(path);
    std::fs::write(path, content).unwrap_or_else(|error| panic!("writing {}: {error}", path.display()));
}

/// The only file in a repository's pack folder with an ending.
pub(super) fn pack_file(repo: &Repo, ending: &str) -> PathBuf {
    let folder = repo.git_directory().join("objects/pack");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("a pack folder")
        .map(|entry| entry.expect("reading a folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == ending))
        .collect();
    assert_eq!(files.len(), 1, "one pack: {files:?}");
    files.remove(0)
}
