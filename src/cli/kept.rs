//! The status of a report, in memory and in the file beside the report.
//!
//! Several people and jobs may be at work on one file: whatever is noted is put into the file as it is at that moment,
//! while all others wait, and the file is replaced whole.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::exit::Exit;
use super::incident::note;
use super::output;
use super::status::note_keys;
use crate::detect::Detector;
use crate::model::{Report, error_chain};
use crate::state::{Error, Status, hold};

/// So long another process may take to write the file, which is a matter of milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// A status and where it is kept.
pub(super) struct Kept<'a> {
    /// What it says, as it was read or written last. Masked.
    pub(super) state: Status,
    path: Option<PathBuf>,
    /// The file as it was written last. While it is still so it need not be read again, which takes long where there are
    /// thousands of keys.
    written: Option<String>,
    detector: &'a Detector,
}

impl<'a> Kept<'a> {
    /// Reads what is kept in a file; of a report from standard input nothing is. What is wrong with it has been told
    /// where this fails.
    pub(super) fn read(path: Option<PathBuf>, detector: &'a Detector) -> Result<Self, Exit> {
        let path = path.map(followed);
        let state = match &path {
            Some(path) => read(path, detector)?,
            None => Status::default(),
        };
        Ok(Self { state, path, written: None, detector })
    }

    /// Whether there is a file that it can be kept in.
    pub(super) fn has_a_place(&self) -> bool {
        self.path.is_some()
    }

    /// What is to be known of answers before it is run again.
    pub(super) fn keeps(&self) -> &'static str {
        match self.has_a_place() {
            true => "what was answered is kept",
            false => "what was answered is not kept (--state FILE keeps it)",
        }
    }

    /// Proves that it can be written, as far as that can be seen before there is anything to write. That it cannot has been
    /// told where this fails.
    pub(super) fn check_place(&self) -> Result<(), Exit> {
        self.path.as_deref().map_or(Ok(()), output::can_write).map_err(|error| self.tell_unwritten(&error))
    }

    /// Changes it, and the file with it. What went wrong has been told where this fails.
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Status)) -> Result<(), Exit> {
        self.try_change(change)?.map_err(|error| self.tell_unwritten(&error))
    }

    fn tell_unwritten(&self, error: &std::io::Error) -> Exit {
        let path = self.path.as_deref().unwrap_or(Path::new("-"));
        let message = format!("cannot write {}: {error}", path.display());
        output::error(&message, Some("--state FILE puts it elsewhere"));
        Exit::Incomplete
    }

    /// Notes what the keys of a report ask for, so that their steps outlive the report: after a history was cleaned a
    /// new one has them no more. That the file cannot be written keeps nobody from reading it: it is told and no more.
    pub(super) fn note_keys(&mut self, report: &Report) -> Result<(), Exit> {
        if let Err(error) = self.try_change(|state| note_keys(report, state))? {
            let path = self.path.as_deref().unwrap_or(Path::new("-"));
            note(&format!(
                "warning: cannot write {}: {error}. Once a key is cleaned out of its history nothing knows any more \
                 what it asked for; --state FILE keeps that elsewhere.",
                path.display()
            ));
        }
        Ok(())
    }

    /// The inner result says whether what is noted could be written.
    fn try_change(&mut self, change: impl FnOnce(&mut Status)) -> Result<std::io::Result<()>, Exit> {
        let Some(path) = &self.path else {
            change(&mut self.state);
            return Ok(Ok(()));
        };
        let held = hold(path, PATIENCE).map_err(|error| {
            output::error(&error_chain(&error), Some("wait for it, or look for one that hangs, and run it again"));
            Exit::Incomplete
        })?;
        let before = match self.written.take().filter(|text| is_still(path, text)) {
            Some(text) => text,
            None => {
                self.state = read(path, self.detector)?;
                self.state.text()
            }
        };
        let was_merged = self.state.was_merged();
        change(&mut self.state);
        let after = self.state.text();
        let is_written =
            if after == before && !was_merged { Ok(()) } else { output::to_shared_file(path, after.as_bytes()) };
        drop(held);
        self.written = (is_written.is_ok() && !was_merged).then_some(after);
        if was_merged && is_written.is_ok() {
            note(&format!(
                "{} had the marks of a merge in it, or entries twice. Both sides were taken together: of a step the earliest \
                 tick, of dead the latest, of a key the newest answer. `git add` it.",
                path.display()
            ));
        }
        Ok(is_written)
    }
}

/// The file that a link stands for, or is to stand for: a status that is kept elsewhere stays there, and all who come by
/// other ways wait for each other. What is no status is refused when it is read, wherever a link leads.
fn followed(path: PathBuf) -> PathBuf {
    match path.canonicalize() {
        Ok(file) if path.is_symlink() && file.is_file() => file,
        Ok(_) => path,
        Err(_) => ends(&path),
    }
}

/// What links lead to at last, whether or not anything is there; of those that lead round one of them.
fn ends(path: &Path) -> PathBuf {
    /// As many links as Linux follows.
    const MOST_LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(to) = path.read_link() else { break };
        path = output::folder_of(&path).join(to);
    }
    path
}

/// Whether a file has this text and no other.
fn is_still(path: &Path, text: &str) -> bool {
    let is_as_long = std::fs::metadata(path).is_ok_and(|meta| meta.len() == text.len() as u64);
    is_as_long && std::fs::read(path).is_ok_and(|now| now == text.as_bytes())
}

fn read(path: &Path, detector: &Detector) -> Result<Status, Exit> {
    match Status::read(path) {
        Ok(status) => Ok(status.masked(&|text| detector.mask_text(text))),
        Err(error) => {
            let hint = match &error {
                Error::Read { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => {
                    "have whoever owns it let you read it, and write it (`chmod`, `chgrp`); --state FILE names another, \
                     which knows nothing of what is ticked there"
                }
                _ => {
                    "mend it; or take one that git has (`git checkout --ours` or `--theirs` after a merge), and tick \
                     again what it lacks; or take it away and begin anew: what it says is then forgotten"
                }
            };
            output::error(&error_chain(&error), Some(hint));
            Err(Exit::Incomplete)
        }
    }
}

/// Where the status of a report is kept: beside it. What is standard input, or another stream, by whichever name, has
/// no place beside it.
pub(super) fn status_path(report: &Path, named: Option<&Path>) -> Option<PathBuf> {
    match named {
        Some(path) => Some(path.to_owned()),
        None if report == Path::new("-") || is_stream(report) => None,
        None => {
            let name = report.file_name()?.to_string_lossy().into_owned();
            let stem = name.strip_suffix(".json").unwrap_or(&name);
            Some(report.with_file_name(format!("{stem}.status.json")))
        }
    }
}

/// Whether a path names something that is open already, or is no plain file.
fn is_stream(path: &Path) -> bool {
    /// As many links as Linux follows.
    const MOST_LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let folder = output::folder_of(&path).canonicalize().unwrap_or_default();
        // `/dev/stdin` leads there; what is open may well be a file somewhere, whose name is not what was given.
        if folder.starts_with("/proc") {
            return true;
        }
        match path.read_link() {
            Ok(to) => path = folder.join(to),
            Err(_) => break,
        }
    }
    path.metadata().is_ok_and(|there| !there.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Tick;

    #[test]
    fn the_status_stands_beside_the_report() {
        let path = |name: &str| status_path(Path::new(name), None);
        assert_eq!(path("a/report.json"), Some(PathBuf::from("a/report.status.json")));
        assert_eq!(path("report"), Some(PathBuf::from("report.status.json")));
        assert_eq!(path("-"), None);
    }

    #[test]
    fn a_stream_has_nothing_beside_it_by_whichever_name() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/dev/stdin", folder.path().join("link.json")).unwrap();
        for name in ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0", "/dev/null"] {
            assert_eq!(status_path(Path::new(name), None), None, "{name}");
        }
        assert_eq!(status_path(&folder.path().join("link.json"), None), None);
        let named = folder.path().join("x");
        assert_eq!(status_path(Path::new("/dev/stdin"), Some(&named)), Some(named));
        std::fs::write(folder.path().join("r.json"), "").unwrap();
        std::os::unix::fs::symlink("r.json", folder.path().join("l.json")).unwrap();
        assert_eq!(status_path(&folder.path().join("l.json"), None), Some(folder.path().join("l.status.json")));
    }

    #[test]
    fn a_status_that_is_kept_elsewhere_stays_there() {
        let folder = tempfile::tempdir().unwrap();
        let [file, link, none] = ["kept.json", "x.status.json", "y.status.json"].map(|name| folder.path().join(name));
        let detector = Detector::new();
        let id = format!("sha256:{}", "a".repeat(64));
        std::fs::write(&file, Status::default().text()).unwrap();
        for (link, to) in [(&link, "kept.json"), (&none, "other")] {
            std::os::unix::fs::symlink(to, link).unwrap();
        }
        let mut kept = Kept::read(Some(link.clone()), &detector).unwrap();
        let tick = Tick::new("Ann".to_owned(), "2026-11-24T10:00:00Z".to_owned());
        assert!(kept.change(|state| state.add_tick(&id, "logs", tick)).is_ok());
        assert!(link.is_symlink() && Status::read(&file).unwrap().tick(&id, "logs").is_some());
        // Where it is to be kept there need not be one yet.
        let mut kept = Kept::read(Some(none.clone()), &detector).unwrap();
        let tick = Tick::new("Ann".to_owned(), "2026-11-24T10:00:00Z".to_owned());
        assert!(kept.change(|state| state.add_tick(&id, "logs", tick)).is_ok());
        let other = folder.path().join("other");
        assert!(none.is_symlink() && Status::read(&other).unwrap().tick(&id, "logs").is_some());
        // What is no status is not written over.
        std::fs::write(other, "mine").unwrap();
        assert!(Kept::read(Some(none), &detector).is_err());
    }

    #[test]
    fn what_another_notes_meanwhile_is_not_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.status.json");
        let detector = Detector::new();
        let id = |digit: char| format!("sha256:{}", digit.to_string().repeat(64));
        let tick = |of: &mut Kept<'_>, digit| {
            let tick = Tick::new("Ann".to_owned(), "2026-11-24T10:00:00Z".to_owned());
            assert!(of.change(|state| state.add_tick(&id(digit), "logs", tick)).is_ok());
        };
        let kept = || Kept::read(Some(path.clone()), &detector).unwrap();
        let (mut one, mut other) = (kept(), kept());
        for digit in ['a', 'b'] {
            tick(&mut one, digit);
        }
        tick(&mut other, 'c');
        tick(&mut one, 'd');
        let state = Status::read(&path).unwrap();
        assert!("abcd".chars().all(|digit| state.tick(&id(digit), "logs").is_some()));
        std::fs::remove_file(&path).unwrap();
        tick(&mut one, 'e');
        let state = Status::read(&path).unwrap();
        assert!(state.tick(&id('a'), "logs").is_none() && state.tick(&id('e'), "logs").is_some());
    }
}
