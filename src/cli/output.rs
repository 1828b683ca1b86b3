//! Where output goes: the standard streams, and files.

use std::fs::Permissions;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::detect::Detector;
use crate::report::{Format, escape};

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, help) = match self {
            Self::Text => ("text", "For a person at a terminal"),
            Self::Json => ("json", "One document: docs/report.schema.json; what later commands read"),
            Self::Jsonl => ("jsonl", "A line of JSON for each key, and one on coverage"),
            Self::Markdown => ("markdown", "The rotation checklist"),
            Self::Html => ("html", "A page: all keys in time, and the rotation checklist"),
            Self::Sarif => ("sarif", "SARIF 2.1.0, for code scanning"),
            Self::Gitlab => ("gitlab", "GitLab's secret-detection report"),
            Self::Csv => (
                "csv",
                "A table, a line for each key; of an incomplete report without keys, for each repository not read whole",
            ),
            Self::Junit => ("junit", "JUnit's XML: each key is a test that failed"),
        };
        Some(PossibleValue::new(name).help(help))
    }
}

impl Color {
    pub(super) fn on_stdout(self) -> bool {
        match self {
            Self::Auto => allows_color() && io::stdout().is_terminal(),
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// Whether the environment lets a terminal have colour: see <https://no-color.org>.
pub(super) fn allows_color() -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    set("NO_COLOR").is_none() && set("TERM").is_none_or(|term| term != "dumb")
}

/// Writes to standard output.
///
/// # Errors
/// As the stream gives them; a closed pipe among them.
pub(super) fn to_stdout(text: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text)?;
    stdout.flush()
}

/// Writes a file whole or not at all: beside its place, readable by its owner alone, and then renamed there. A
/// symbolic link in its place is replaced, never followed, unless to a device or a pipe: those are written to, because
/// `/dev/null` in whose place a file was put is of no use to anyone. What is standard output by another name
/// (`/dev/stdout`) is standard output, where that is a file as well.
///
/// # Errors
/// Where it cannot be written.
pub(super) fn to_file(path: &Path, text: &[u8]) -> io::Result<()> {
    // Created with mode 0600.
    put(path, text, || tempfile::NamedTempFile::new_in(folder_of(path)))
}

/// The same of what several people write, each with commands of their own: a file that is there keeps its mode, and its
/// group where this user can give it that; a new one is as open as the umask leaves it.
///
/// # Errors
/// Where it cannot be written.
pub(super) fn to_shared_file(path: &Path, text: &[u8]) -> io::Result<()> {
    put(path, text, || match std::fs::symlink_metadata(path) {
        Ok(there) if there.is_file() => {
            let file = tempfile::NamedTempFile::new_in(folder_of(path))?;
            let mut mode = there.mode() & 0o777;
            if file.as_file().metadata()?.gid() != there.gid()
                && std::os::unix::fs::fchown(file.as_file(), None, Some(there.gid())).is_err()
            {
                // What its group could do another can no more than all others.
                mode = mode & 0o707 | (mode & 0o007) << 3;
            }
            file.as_file().set_permissions(Permissions::from_mode(mode))?;
            Ok(file)
        }
        _ => tempfile::Builder::new().permissions(Permissions::from_mode(0o666)).tempfile_in(folder_of(path)),
    })
}

/// Writes a file by way of another, which is made beside its place.
fn put(path: &Path, text: &[u8], make: impl FnOnce() -> io::Result<tempfile::NamedTempFile>) -> io::Result<()> {
    if let Ok(there) = std::fs::metadata(path) {
        if is_stdout(&there) {
            // Behind what was written before, and where a shell's `>>` wants it.
            return to_stdout(text);
        }
        if !there.is_file() && !there.is_dir() {
            return std::fs::OpenOptions::new().write(true).open(path)?.write_all(text);
        }
    }
    let mut file = make().map_err(without_path)?;
    file.write_all(text)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Whether a file is the one that standard output goes to.
fn is_stdout(file: &std::fs::Metadata) -> bool {
    let stdout = io::stdout().as_fd().try_clone_to_owned().and_then(|stdout| std::fs::File::from(stdout).metadata());
    stdout.is_ok_and(|stdout| (stdout.dev(), stdout.ino()) == (file.dev(), file.ino()))
}

/// Whether [`to_file`] can write there, as far as can be seen before there is anything to write.
///
/// # Errors
/// Where it cannot.
pub(super) fn can_write(path: &Path) -> io::Result<()> {
    match std::fs::metadata(path) {
        Ok(there) if there.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(there) if !there.is_file() || is_stdout(&there) => Ok(()),
        _ => tempfile::NamedTempFile::new_in(folder_of(path)).map(drop).map_err(without_path),
    }
}

/// The folder that a path is in.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// An error of `tempfile`'s without the name that a file was to have for a moment.
fn without_path(error: io::Error) -> io::Error {
    let text = error.to_string();
    match text.split_once(" at path ") {
        Some((text, _)) => io::Error::new(error.kind(), text.to_owned()),
        None => error,
    }
}

/// Tells what another has worded, lines and all, on standard error: masked and escaped.
pub(super) fn raw_error(message: &str) {
    let masked = Detector::new().mask_text(message);
    let lines: String = masked.lines().map(|line| format!("{}\n", escape::terminal(line))).collect();
    _ = io::stderr().lock().write_all(lines.as_bytes());
}

/// Tells an error on standard error: what failed, and what to do about it. Masked and escaped: either can quote a
/// repository.
pub(super) fn error(message: &str, hint: Option<&str>) {
    let detector = Detector::new();
    let shown = |text: &str| {
        let masked = detector.mask_text(text);
        escape::terminal(&masked).to_string()
    };
    let mut text = format!("error: {}\n", shown(message));
    if let Some(hint) = hint {
        text.push_str(&format!("  hint: {}\n", shown(hint)));
    }
    // Nobody is left to be told where this fails.
    _ = io::stderr().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_written_to_and_a_file_is_put_in_the_place_of_any_other_link() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let is_link = |name: &str| std::fs::symlink_metadata(at(name)).unwrap().is_symlink();
        std::os::unix::fs::symlink("/dev/null", at("device")).unwrap();
        to_file(&at("device"), b"words").unwrap();
        assert!(is_link("device"));
        std::fs::write(at("another's"), "theirs").unwrap();
        std::os::unix::fs::symlink(at("another's"), at("link")).unwrap();
        to_file(&at("link"), b"words").unwrap();
        assert!(!is_link("link") && std::fs::read(at("another's")).unwrap() == b"theirs");
    }

    #[test]
    fn what_several_people_write_stays_as_open_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let mode = |name: &str| std::fs::metadata(at(name)).unwrap().mode() & 0o777;
        std::fs::write(at("by the umask"), "").unwrap();
        to_shared_file(&at("new"), b"words").unwrap();
        assert_eq!(mode("new"), mode("by the umask"));
        for open in [0o664, 0o640, 0o600] {
            std::fs::set_permissions(at("new"), Permissions::from_mode(open)).unwrap();
            to_shared_file(&at("new"), b"other words").unwrap();
            assert_eq!((mode("new"), std::fs::read(at("new")).unwrap().as_slice()), (open, &b"other words"[..]));
        }
        // Where one may not give it to that group (who may everything gives it).
        std::fs::set_permissions(at("new"), Permissions::from_mode(0o664)).unwrap();
        if std::os::unix::fs::chown(at("new"), None, Some(54321)).is_ok() {
            to_shared_file(&at("new"), b"words").unwrap();
            assert_eq!((mode("new"), std::fs::metadata(at("new")).unwrap().gid()), (0o664, 54321));
        }
        // A report is its owner's.
        to_file(&at("new"), b"words").unwrap();
        assert_eq!(mode("new"), 0o600);
    }
}
