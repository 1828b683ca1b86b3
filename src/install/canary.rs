//! The self-test: a push of a key that opens nothing, which must be refused.

use std::path::Path;

use super::{Error, git};

/// A random key and the name that it is pushed to. Neither is ever used again.
pub struct Canary {
    text: String,
    name: String,
}

/// What came of a self-test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SelfTest {
    /// The gate refused it.
    Refused,
    /// Something else refused it, and said this.
    RefusedByAnother {
        /// Its answer.
        answer: String,
    },
    /// It was accepted: the gate does not work.
    Accepted {
        /// Whether the ref that it made is gone again.
        is_deleted: bool,
        /// Whether the gate saw it and only observes.
        is_observed: bool,
        /// The objects that remain on the server until it collects garbage.
        objects: Vec<String>,
        /// The ref.
        name: String,
    },
}

impl Canary {
    /// Draws one.
    pub fn draw() -> Self {
        let mut random = fastrand::Rng::new();
        let mut letters = |count: usize| (0..count).map(|_| random.alphanumeric()).collect::<String>();
        // As a key is: forty-two letters and digits, which is enough of them never to look made up.
        let text = format!("sk_{}_{}", "test", letters(crate::key::BODY));
        let name = format!("refs/clerk-audit/self-test/{}", letters(16).to_lowercase());
        Self { text, name }
    }

    /// A file that holds it, and what it is called.
    pub(super) const FILE: &'static str = ".env";

    /// The content of that file.
    pub(super) fn file(&self) -> String {
        format!("CLERK_SECRET_KEY={}\n", self.text)
    }

    /// The ref it is pushed to.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Pushes it to a path or URL.
    ///
    /// # Errors
    /// Where no push can be made.
    pub fn push(&self, target: &str) -> Result<SelfTest, Error> {
        let folder = tempfile::tempdir().map_err(Error::io("make a folder in", Path::new("/tmp")))?;
        let at = folder.path();
        let here = std::path::Path::new(".");
        // A path is one from where the command was called, not from the folder.
        let target = here.join(target).canonicalize().map_or(target.to_owned(), |path| path.display().to_string());
        git::run(at, &["init", "--quiet", "--template="])?;
        std::fs::write(at.join(Self::FILE), self.file()).map_err(Error::io("write", at))?;
        git::run(at, &["add", "--force", Self::FILE])?;
        let commit = [
            "-c",
            "user.name=clerk-audit self-test",
            "-c",
            "user.email=self-test@invalid",
            "-c",
            "commit.gpgSign=false",
            "-c",
            "core.hooksPath=/dev/null",
            "commit",
            "--quiet",
            "--message",
            "clerk-audit self-test",
        ];
        git::run(at, &commit)?;
        let refspec = format!("HEAD:{}", self.name);
        let pushed = git::output(
            at,
            &["-c", "core.hooksPath=/dev/null", "-c", "push.gpgSign=false", "push", &target, &refspec],
        )?;
        let answer = String::from_utf8_lossy(&pushed.stderr).into_owned();
        if !pushed.status.success() {
            return Ok(if answer.contains("error: clerk-audit refuses this push") {
                SelfTest::Refused
            } else {
                SelfTest::RefusedByAnother { answer }
            });
        }
        let listed = git::run(at, &["rev-list", "--objects", "--no-object-names", "HEAD"])?;
        let deleted =
            git::output(at, &["-c", "core.hooksPath=/dev/null", "push", &target, &format!(":{}", self.name)])?;
        Ok(SelfTest::Accepted {
            is_deleted: deleted.status.success(),
            is_observed: answer.contains("clerk-audit would refuse this push"),
            objects: listed.lines().map(str::to_owned).collect(),
            name: self.name.clone(),
        })
    }
}
