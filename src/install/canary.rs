//! The self-test: a push of keys that open nothing, which must be refused.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::time::Duration;

use super::{Error, git};
use crate::model::{Confidence, Environment, Kind, ObjectFormat, ObjectType, Oid};
use crate::state::Policy;
use crate::store::write_loose;

/// Two random keys, one as of production and one as of development, because a policy may refuse only one of them; and
/// the name that they are pushed to. Nothing of it is ever used again.
pub struct Canary {
    live: String,
    test: String,
    name: String,
}

/// What came of a self-test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SelfTest {
    /// The gate refused it.
    Refused,
    /// The gate refused it when it was on the server already.
    RefusedLate {
        /// The objects that remain on the server until it collects garbage.
        objects: Vec<String>,
    },
    /// The gate refused it, and would refuse everything: it fails itself.
    Failing {
        /// Its answer.
        answer: String,
    },
    /// Something else refused it, and said this.
    RefusedByAnother {
        /// Its answer.
        answer: String,
    },
    /// Nothing was said of what was pushed: it did not come to the server's hooks, as far as can be told.
    Unanswered {
        /// git's words.
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

/// What the gate's answer to a canary says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// It refused it for a key.
    Refused,
    /// It fails itself, whatever it says of the canary.
    Failing,
    /// It refused it, and was told of no ref that leads to it.
    Cut,
    /// It would refuse it.
    Observed,
    /// Nothing of the gate's.
    Nothing,
}

impl Said {
    pub(super) fn of(answer: &str) -> Self {
        let refusal = answer.lines().find(|line| line.contains(REFUSAL));
        // A failure that the policy accepts is a warning, and stops no push.
        let fails = |line: &str| line.contains("the gate itself failed") && !line.contains("warning: clerk-audit: ");
        match refusal {
            _ if answer.lines().any(fails) => Self::Failing,
            // No canary is more than can be examined: what is would be in the way of every push.
            Some(line) if line.contains("Clerk secret key") && why_not_all(answer).next().is_some() => Self::Failing,
            Some(line) if line.contains("Clerk secret key") && answer.contains(UNREACHED) => Self::Cut,
            Some(line) if line.contains("Clerk secret key") => Self::Refused,
            Some(_) => Self::Failing,
            None if answer.contains("clerk-audit would refuse this push") => Self::Observed,
            None => Self::Nothing,
        }
    }
}

/// How the message of a refusal begins.
const REFUSAL: &str = "error: clerk-audit refuses this push: ";

/// What it says of what no ref leads to, as far as the gate is told of refs.
const UNREACHED: &str = "which was sent though no ref of this push reaches it";

/// Why not all of a push could be examined: what stands right below the first line of its refusal.
pub(super) fn why_not_all(answer: &str) -> impl Iterator<Item = &str> {
    let below = answer.lines().skip_while(|line| !line.contains(REFUSAL)).skip(1);
    let unprefixed = below.map(|line| line.strip_prefix("remote: ").unwrap_or(line));
    unprefixed.take_while(|line| line.starts_with("  ") && !line.trim().is_empty())
}

/// What the refusal of a hook that runs too late says.
const TOO_LATE: &str = "is on the server already and can be read there";

/// What git says where the other side has another format of objects.
const OTHER_FORMAT: &[&str] = &["hash algorithm", "mismatched algorithms", "object format"];

/// Settings by which the user's git would push something else, or say it so that it is not known again.
const PLAIN: &[&str] = &[
    "core.hooksPath=/dev/null",
    "push.gpgSign=false",
    "push.pushOption=",
    "push.followTags=false",
    "push.recurseSubmodules=no",
    "push.negotiate=false",
    "color.ui=false",
    "color.remote=false",
];

impl Canary {
    /// Draws one.
    pub fn draw() -> Self {
        let mut random = fastrand::Rng::new();
        let mut letters = |count: usize| (0..count).map(|_| random.alphanumeric()).collect::<String>();
        // As a key is: forty-two letters and digits, which is enough of them never to look made up.
        let mut key = |environment: &str| format!("sk_{environment}_{}", letters(crate::key::BODY));
        let (live, test) = (key("live"), key("test"));
        let name = format!("refs/clerk-audit/self-test/{}", letters(16).to_lowercase());
        Self { live, test, name }
    }

    /// Whether a policy refuses one of its keys.
    pub(super) fn is_refused_by(policy: &Policy) -> bool {
        let refuses = |environment| policy.refuse.has(Kind::SecretKey, environment, Confidence::High);
        refuses(Environment::Live) || refuses(Environment::Test)
    }

    /// Writes a commit of a file with its keys into an object directory, not by way of git: no filter of the user's and
    /// no other setting changes what is pushed. The ids, the commit's last.
    pub(super) fn write(&self, objects: &Path, format: ObjectFormat, by: &str) -> io::Result<[String; 3]> {
        let file = format!("CLERK_SECRET_KEY={}\nCLERK_SECRET_KEY={}\n", self.live, self.test);
        let blob = write_loose(objects, format, ObjectType::Blob, file.as_bytes())?;
        let mut tree = b"100644 .env\0".to_vec();
        tree.extend_from_slice(blob.as_bytes());
        let tree = write_loose(objects, format, ObjectType::Tree, &tree)?;
        let commit = write_commit(objects, format, &tree, by)?;
        Ok([blob, tree, commit].map(|id| id.to_string()))
    }

    /// Writes a commit beside it that has nothing in it; its id.
    pub(super) fn write_companion(objects: &Path, format: ObjectFormat, by: &str) -> io::Result<String> {
        let tree = write_loose(objects, format, ObjectType::Tree, b"")?;
        write_commit(objects, format, &tree, by).map(|id| id.to_string())
    }

    /// The ref it is pushed to.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Pushes it to a path or URL, in the format of objects that is there. Each push may take so long, since a hook can hang.
    ///
    /// # Errors
    /// Where no push can be made, or does not end.
    pub fn push(&self, target: &OsStr, patience: Duration) -> Result<SelfTest, Error> {
        // A path is one from where the command was called, not from the folder.
        let here = Path::new(".").join(target).canonicalize();
        let target = here.map_or_else(|_| target.to_owned(), OsString::from);
        let first = self.push_as(&target, ObjectFormat::Sha1, patience)?;
        match &first {
            // Only the push itself tells: an empty repository lists nothing by which it could be known before.
            SelfTest::RefusedByAnother { answer } | SelfTest::Unanswered { answer }
                if OTHER_FORMAT.iter().any(|words| answer.contains(words)) =>
            {
                let second = self.push_as(&target, ObjectFormat::Sha256, patience);
                second.or(Ok(first))
            }
            _ => Ok(first),
        }
    }

    fn push_as(&self, target: &OsString, format: ObjectFormat, patience: Duration) -> Result<SelfTest, Error> {
        let folder = tempfile::tempdir().map_err(Error::io("make a folder in", Path::new("/tmp")))?;
        let at = folder.path();
        let mut init = git::command(at);
        init.env("GIT_DEFAULT_HASH", format.name()).args(["init", "--quiet", "--template="]);
        git::finish(init, at)?;
        let objects = self.write(&at.join(".git/objects"), format, "self-test").map_err(Error::io("write in", at))?;
        let push = |refspec: String| {
            let mut push = git::command(at);
            PLAIN.iter().for_each(|setting| _ = push.args(["-c", setting]));
            git::run_within(push.args(["push", "--porcelain", "--"]).arg(target).arg(refspec), at, patience)
        };
        let pushed = push(format!("{}:{}", objects[2], self.name))?;
        let mut answer = String::from_utf8_lossy(&pushed.stderr).into_owned();
        // A line for each ref of which the server, or git before it sends anything, says no.
        let report = String::from_utf8_lossy(&pushed.stdout);
        let refused: Vec<&str> = report.lines().filter(|line| line.starts_with("!\t")).collect();
        refused.iter().for_each(|line| answer.extend([line, "\n"]));
        let said = Said::of(&answer);
        if !pushed.status.success() {
            return Ok(match said {
                Said::Refused if answer.contains(TOO_LATE) => SelfTest::RefusedLate { objects: objects.to_vec() },
                // A push has other lines, or none, where something else stands before the gate.
                Said::Refused | Said::Cut => SelfTest::Refused,
                Said::Failing => SelfTest::Failing { answer },
                Said::Observed | Said::Nothing if refused.is_empty() => SelfTest::Unanswered { answer },
                Said::Observed | Said::Nothing => SelfTest::RefusedByAnother { answer },
            });
        }
        let deleted = push(format!(":{}", self.name))?;
        Ok(SelfTest::Accepted {
            is_deleted: deleted.status.success(),
            is_observed: said == Said::Observed,
            objects: objects.to_vec(),
            name: self.name.clone(),
        })
    }
}

fn write_commit(objects: &Path, format: ObjectFormat, tree: &Oid, by: &str) -> io::Result<Oid> {
    let who = format!("clerk-audit {by} <{by}@invalid> 1700000000 +0000");
    let commit = format!("tree {tree}\nauthor {who}\ncommitter {who}\n\nclerk-audit {by}\n");
    write_loose(objects, format, ObjectType::Commit, commit.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_the_gates_only_where_it_says_so() {
        let refusal = "remote: error: clerk-audit refuses this push: ";
        for (answer, said) in [
            (format!("{refusal}2 Clerk secret keys are in it\n"), Said::Refused),
            (format!("{refusal}a Clerk secret key is in it\n"), Said::Refused),
            (format!("{refusal}a Clerk secret key is in it\nremote:   the gate itself failed: x\n"), Said::Failing),
            (
                format!(
                    "{refusal}a Clerk secret key is in it\nremote: warning: clerk-audit: the gate itself failed: x; this \
                     server's policy lets it pass\n"
                ),
                Said::Refused,
            ),
            (format!("{refusal}a Clerk secret key is in it\nremote:   standard input is x\nremote: \n"), Said::Failing),
            (format!("{refusal}a Clerk secret key is in it        \nremote:         \nremote:   sk_\n"), Said::Refused),
            (format!("{refusal}a Clerk secret key is in it\n\n  the file x, {UNREACHED}\n"), Said::Cut),
            (format!("{refusal}not all of it could be examined\n"), Said::Failing),
            (format!("{refusal}the gate was ended before it could say why (status 127)\n"), Said::Failing),
            ("warning: clerk-audit would refuse this push, but only observes: x".to_owned(), Said::Observed),
            ("remote: a Clerk secret key is in it".to_owned(), Said::Nothing),
        ] {
            assert_eq!(Said::of(&answer), said, "{answer}");
        }
    }

    #[test]
    fn it_is_refused_by_policies_that_refuse_one_class_of_keys() {
        let mut policy = Policy::default();
        assert!(Canary::is_refused_by(&policy));
        for environment in [Environment::Live, Environment::Test] {
            policy.refuse.environments = vec![environment, Environment::Unknown];
            assert!(Canary::is_refused_by(&policy));
        }
        policy.refuse.environments = vec![Environment::Unknown];
        assert!(!Canary::is_refused_by(&policy));
        policy = Policy::default();
        policy.refuse.kinds = vec![Kind::WebhookSecret];
        assert!(!Canary::is_refused_by(&policy));
    }
}
