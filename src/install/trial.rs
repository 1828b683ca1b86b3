//! Runs a hook as git would, with a canary in a quarantine of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::canary::Said;
use super::deadline::{self, Ends};
use super::{Canary, Error, git};
use crate::model::ObjectFormat;
use crate::store::{PushPaths, Receiving};

/// What a hook answered.
pub(super) struct Answer {
    pub(super) is_accepted: bool,
    pub(super) meaning: Said,
    pub(super) said: String,
}

/// What git runs.
#[derive(Clone, Debug)]
pub(super) enum Runs {
    File(PathBuf),
    /// A command of its configuration, for the shell.
    Configured(String),
}

impl Runs {
    fn command(&self) -> Command {
        match self {
            Self::File(hook) => Command::new(hook),
            Self::Configured(command) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", command]);
                shell
            }
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::File(hook) => hook,
            Self::Configured(_) => Path::new("sh"),
        }
    }

    /// Runs it in a repository, or in an empty one where there is none. `folder` is an empty one of this user's.
    /// It may take so long.
    pub(super) fn try_with_canary(
        &self,
        git_dir: Option<&Path>,
        folder: &Path,
        patience: Duration,
    ) -> Result<Answer, Error> {
        let canary = Canary::draw();
        // A quarantine has what one push brought.
        let objects = folder.join(canary.name().rsplit('/').next().unwrap_or_default());
        let git_dir = match git_dir {
            Some(git_dir) => git_dir.to_owned(),
            None => empty_repository(folder).map_err(Error::io("make a repository in", folder))?,
        };
        let paths = PushPaths { git_dir: git_dir.clone(), ..PushPaths::default() };
        let format = Receiving::format_of(&paths).unwrap_or(ObjectFormat::Sha1);
        let [.., commit] = canary.write(&objects, format, "doctor").map_err(Error::io("write in", &objects))?;
        let companion = Canary::write_companion(&objects, format, "doctor").map_err(Error::io("write in", &objects))?;
        let zero = "0".repeat(commit.len());
        let mut command = self.command();
        git::apart(&mut command)
            .current_dir(&git_dir)
            .env("GIT_DIR", ".")
            .env("GIT_OBJECT_DIRECTORY", &objects)
            .env("GIT_QUARANTINE_PATH", &objects)
            .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", git_dir.join("objects"))
            .env_remove("GIT_PUSH_CERT")
            .env_remove("GIT_PUSH_OPTION_COUNT");
        // What hands on the first line alone, or one at a time, is seen by what it keeps from the gate.
        let name = canary.name();
        let input = format!("{zero} {companion} {name}-beside\n{zero} {commit} {name}\n");
        let output = deadline::run(&mut command, input.as_bytes(), patience, Ends::Group)
            .map_err(Error::io("run", self.path()))?
            .ok_or_else(|| Error::Hung { what: self.path().display().to_string(), seconds: patience.as_secs() })?;
        // git sends what a hook writes to either on to the client.
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        Ok(Answer { is_accepted: output.status.success(), meaning: Said::of(&said), said })
    }
}

/// The least that is a repository.
fn empty_repository(folder: &Path) -> std::io::Result<PathBuf> {
    let git_dir = folder.join("empty.git");
    fs::create_dir_all(git_dir.join("objects"))?;
    fs::create_dir_all(git_dir.join("refs"))?;
    fs::write(git_dir.join("HEAD"), "ref: refs/heads/main\n")?;
    Ok(git_dir)
}
