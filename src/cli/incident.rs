//! What the commands of an incident share: reading a report and the status beside it, naming a key, asking.

use std::collections::HashSet;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::exit::Exit;
use super::status::path_of;
use super::{input, output};
use crate::audit::{Auditor, Recall, is_named_by};
use crate::detect::Detector;
use crate::key::KeyId;
use crate::model::{Report, error_chain};
use crate::report::{self, ReadError};
use crate::state::noted_in;
use crate::store::locate;

/// The largest report that is read: one of a hundred thousand keys is a tenth of it.
const MOST_BYTES: u64 = 2 << 30;

/// Where the keys of a report are read again: in the repositories that are named, or those that it was made of.
pub(super) fn repositories_of(report: &Report, named: &[PathBuf]) -> Vec<PathBuf> {
    if !named.is_empty() {
        return named.to_vec();
    }
    let read = report.repositories.iter().filter(|one| one.object_format.is_some());
    read.map(|one| path_of(one.path.as_str())).collect()
}

/// Reads a report; `-` is standard input. What is wrong with it has been told where this fails.
pub(super) fn read_report(path: &Path, detector: &Detector) -> Result<Report, Exit> {
    let read = match path == Path::new("-") {
        true => input::read(MOST_BYTES + 1),
        false => input::read_file(path, MOST_BYTES + 1),
    };
    let text = read.map_err(|error| {
        let hint = "name a file that `clerk-audit history --format json --output FILE` wrote";
        output::error(&format!("cannot read {}: {error}", path.display()), Some(hint));
        Exit::Incomplete
    })?;
    if text.len() as u64 > MOST_BYTES {
        output::error(&format!("{} is too large to be a report", path.display()), None);
        return Err(Exit::Incomplete);
    }
    let report = report::read(&text, &|bytes| detector.mask(bytes)).map_err(|error| {
        output::error(&format!("{}: {error}", path.display()), Some(hint(&error)));
        Exit::Incomplete
    })?;
    if report::is_ahead(&report.generated_at, &super::clock::now()) {
        note(&format!(
            "warning: the report was made at {}, which this machine's clock has not come to: one of the two clocks is \
             off, and so may be every deadline",
            report.generated_at
        ));
    }
    Ok(report)
}

/// Refuses to write over what was read, or over what is kept where nothing is kept yet. It has been told where this
/// fails.
pub(super) fn keep_inputs(written: Option<&Path>, read: &[Option<&Path>]) -> Result<(), Exit> {
    let Some(target) = written.filter(|path| *path != Path::new("-")) else { return Ok(()) };
    let real = real(target);
    if read.iter().flatten().any(|path| **path != *"-" && self::real(path) == real) {
        let message = format!("{} is what is read or kept: it is not written over", target.display());
        output::error(&message, Some("name another"));
        return Err(Exit::Usage);
    }
    Ok(())
}

/// Refuses to write a report over what people or servers noted, whichever report it belongs to. It has been told where
/// this fails.
pub(super) fn keep_noted(written: &[Option<&Path>]) -> Result<(), Exit> {
    for path in written.iter().flatten().filter(|path| **path != Path::new("-")) {
        if let Some(what) = noted_in(path) {
            let message = format!("{} is {what}: it is not written over", path.display());
            output::error(&message, Some("name another file, or take that away"));
            return Err(Exit::Usage);
        }
    }
    Ok(())
}

/// Looks whether files can be written where they are wanted, before what takes long: its result would be lost. What
/// cannot has been told where this fails.
pub(super) fn check_outputs(paths: &[Option<&Path>]) -> Result<(), Exit> {
    for path in paths.iter().flatten().filter(|path| **path != Path::new("-")) {
        output::can_write(path).map_err(|error| {
            let hint = match error.kind() {
                io::ErrorKind::IsADirectory => "name a file in it",
                io::ErrorKind::NotFound => "make its directory first, or name another place",
                _ => "name another place",
            };
            output::error(&format!("cannot write {}: {error}", path.display()), Some(hint));
            Exit::Incomplete
        })?;
    }
    Ok(())
}

/// What to do about a report that cannot be read.
fn hint(error: &ReadError) -> &'static str {
    match error {
        ReadError::CutShort => "write it again, with `clerk-audit history --format json --output FILE`",
        ReadError::Lines | ReadError::NotJson { .. } | ReadError::NotAReport => {
            "make a report with `clerk-audit history --format json --output FILE`"
        }
        ReadError::Wide => {
            "PowerShell's `>` writes that: make it with `clerk-audit history --format json --output FILE`"
        }
        ReadError::Version(_) => "use the version of clerk-audit that wrote it, or make a new report with this one",
        ReadError::Malformed(_) => "make it anew, with `clerk-audit history --format json --output FILE`",
    }
}

/// The place that a path names, whether or not anything is there yet.
pub(super) fn real(path: &Path) -> PathBuf {
    let there = |path: &Path| path.canonicalize().ok();
    let folder = output::folder_of(path);
    let in_its_folder = || Some(there(folder)?.join(path.file_name()?));
    there(path).or_else(in_its_folder).unwrap_or_else(|| path.to_owned())
}

/// Writes what was asked for to a file, or to standard output where none is named or `-`. What went wrong has been
/// told where this fails.
pub(super) fn write_out(path: Option<&Path>, text: &[u8]) -> Result<(), Exit> {
    if let Some(path) = path.filter(|path| *path != Path::new("-")) {
        return write_file(path, text, "--output FILE puts it elsewhere");
    }
    print(text, Some("--output FILE puts it elsewhere"))
}

/// Writes to standard output. What went wrong has been told where this fails.
pub(super) fn print(text: &[u8], hint: Option<&str>) -> Result<(), Exit> {
    output::to_stdout(text).map_err(|error| {
        // A reader that has seen enough closes its pipe.
        if error.kind() != io::ErrorKind::BrokenPipe {
            output::error(&format!("cannot write to standard output: {error}"), hint);
        }
        Exit::Incomplete
    })
}

fn write_file(path: &Path, text: &[u8], hint: &str) -> Result<(), Exit> {
    output::to_file(path, text).map_err(|error| {
        output::error(&format!("cannot write {}: {error}", path.display()), Some(hint));
        Exit::Incomplete
    })
}

/// The id of the one key that a text names: a whole id, or a beginning of an id or of a hint that no other has.
///
/// # Errors
/// In words, where it names none or several, or where it is a key itself.
pub(super) fn select<'a>(
    keys: impl Iterator<Item = (&'a str, &'a str)>,
    text: &str,
    detector: &Detector,
) -> Result<&'a str, String> {
    if detector.mask_text(text) != text {
        return Err(
            "that is a key itself, and what is typed as an argument is seen by everyone on this machine: name \
                    it by its id or hint, and count it as leaked once more"
                .to_owned(),
        );
    }
    let text = as_written(text);
    let text = text.as_str();
    let mut named: Vec<(&str, &str)> =
        keys.filter(|(id, hint)| !text.is_empty() && is_named_by(text, id, hint)).collect();
    named.sort_unstable();
    named.dedup();
    match named[..] {
        [(id, _)] => Ok(id),
        [] => Err(format!("no key's id or hint begins with {text}")),
        _ => {
            let some: Vec<String> =
                named.iter().take(5).map(|(id, hint)| format!("{hint} ({})", id.get(..19).unwrap_or(id))).collect();
            let more = if named.len() > 5 { " and more" } else { "" };
            Err(format!("{text} names {} keys: {}{more}", named.len(), some.join(", ")))
        }
    }
}

/// A hint or an id as reports have it: typed where there is no `…` on the keyboard, or in capitals.
pub(super) fn as_written(text: &str) -> String {
    let small = text.to_ascii_lowercase();
    let digits = small.strip_prefix("sha256:").unwrap_or(&small);
    // A hint of digits alone is the same in capitals.
    if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) { small } else { text.replace("...", "…") }
}

/// What came of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// Yes.
    Yes,
    /// Anything else.
    No,
    /// Ctrl-C, or another signal that ends the program.
    Stopped,
    /// There is no terminal to ask on.
    Nobody,
}

/// Asks on the terminal, once.
pub(super) fn confirm(question: &str, interrupt: &AtomicBool) -> Reply {
    let stdin = io::stdin();
    if !stdin.is_terminal() || !io::stderr().is_terminal() {
        return Reply::Nobody;
    }
    _ = write!(io::stderr().lock(), "{question} [y/N] ");
    // A signal only sets the flag, and reading a line goes on after one: so nothing is read before there is a line.
    let look = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
    while !interrupt.load(Ordering::Relaxed) {
        match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&look)) {
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => {
                let mut answer = String::new();
                return match stdin.read_line(&mut answer).map(|_| answer.trim()) {
                    Ok("y" | "Y" | "yes") => Reply::Yes,
                    Ok(_) => Reply::No,
                    Err(_) => Reply::Nobody,
                };
            }
            Err(_) => return Reply::Nobody,
        }
    }
    _ = writeln!(io::stderr().lock());
    Reply::Stopped
}

/// Says that objects of a repository could not be read, if any: a key may be in them.
pub(super) fn tell_unread(path: &Path, unread: usize) {
    if unread > 0 {
        let objects = if unread == 1 { "1 object".to_owned() } else { format!("{unread} objects") };
        let message = format!("{objects} of {} cannot be read: a key may be in there", path.display());
        output::error(&message, Some("`git fsck` says more; a clone or backup that is whole can be named with --repo"));
    }
}

/// Reads wanted keys of a repository again, and whether all of it was read; what was not has been told.
pub(super) fn recall(auditor: &Auditor<'_>, path: &Path, wanted: &HashSet<KeyId>) -> (Recall, bool) {
    let name = path.as_os_str().as_encoded_bytes();
    match locate(path, false).and_then(|layout| auditor.recall(name, layout, Some(wanted))) {
        Ok(recall) => {
            let is_whole = is_whole_recall(path, &recall);
            (recall, is_whole)
        }
        Err(error) => {
            let hint = "if it has moved, or has a key in its own path, name it with --repo";
            output::error(&error_chain(&error), Some(hint));
            (Recall::default(), false)
        }
    }
}

/// Whether a repository was read again whole; what was not has been told.
fn is_whole_recall(path: &Path, recall: &Recall) -> bool {
    tell_unread(path, recall.unread);
    if recall.limited > 0 {
        let objects = if recall.limited == 1 { "1 object".to_owned() } else { format!("{} objects", recall.limited) };
        let message = format!("{objects} of {} cannot be read to the end: a key may be in there", path.display());
        let hint = "they are packed deeper, or are larger, than the report's own audit was to read: make it anew with more \
                    (--max-depth, --max-decoded, --max-object-time), and use that";
        output::error(&message, Some(hint));
    }
    recall.is_whole()
}

/// Whether all is there that the repositories' refs reach; what is not has been told.
pub(super) fn is_all_there(auditor: &Auditor<'_>, repositories: &[PathBuf]) -> bool {
    let mut is_all_there = true;
    for path in repositories {
        match locate(path, false).and_then(|layout| auditor.missing(layout)) {
            Ok(missing) => {
                tell_unread(path, missing);
                is_all_there &= missing == 0;
            }
            // What is missing there nobody knows.
            Err(error) => {
                output::error(&error_chain(&error), Some("name it where it is now with --repo"));
                is_all_there = false;
            }
        }
    }
    is_all_there
}

/// Says that keys of a report could not be read again, if any: they are gone only where everything was read.
pub(super) fn tell_lost(lost: usize, of: usize, all_was_read: bool) {
    if lost == 0 {
        return;
    }
    let (message, hint) = match all_was_read {
        true => (
            "are not in the repositories any more",
            "they may be cleaned out already; a clone or backup that still has them can be named with --repo",
        ),
        false => (
            "could not be read again, since not all could be read",
            "name the repository where it is now, or a clone or backup that is whole, with --repo",
        ),
    };
    output::error(&format!("{lost} of {of} keys {message}"), Some(hint));
}

/// Whether a report has all that there is; where it has not, that has been told. Half an answer is no answer, and what
/// is made from it is none either.
pub(super) fn is_whole(report: &Report) -> bool {
    if !report.complete {
        let message = "the report is not whole: there may be more keys than it has";
        output::error(message, Some("its part on what was read says why; mend that, and audit again"));
    }
    report.complete
}

/// Says something on standard error that is no error: masked and escaped.
pub(super) fn note(text: &str) {
    output::raw_error(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_never_written_over_and_what_is_to_be_kept_neither() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("report.json"), "{}").unwrap();
        std::os::unix::fs::symlink(at("report.json"), at("link")).unwrap();
        let (report, link) = (at("report.json"), at("link"));
        let (kept, roundabout) = (at("report.status.json"), at("./../").join(folder.path().file_name().unwrap()));
        let roundabout = roundabout.join("report.status.json");
        for written in [&report, &link, &kept, &roundabout] {
            assert_eq!(
                keep_inputs(Some(written), &[None, Some(&report), Some(&kept)]),
                Err(Exit::Usage),
                "{written:?}"
            );
        }
        assert_eq!(keep_inputs(Some(&at("other.json")), &[Some(&report), Some(&kept)]), Ok(()));
        assert_eq!(keep_inputs(Some(Path::new("-")), &[Some(Path::new("-"))]), Ok(()));
        assert_eq!(keep_inputs(None, &[Some(&report)]), Ok(()));
    }

    #[test]
    fn a_report_that_is_cut_short_is_to_be_written_again() {
        assert!(hint(&ReadError::CutShort).contains("write it again"));
    }

    #[test]
    fn a_repository_that_cannot_be_looked_into_is_not_one_in_which_all_is_there() {
        use crate::audit::Options;
        use crate::model::{Interrupt, Silent};
        let (detector, options) = (Detector::new(), Options::default());
        let interrupt = Interrupt::never();
        let auditor = Auditor { detector: &detector, options: &options, events: &Silent, interrupt };
        assert!(is_all_there(&auditor, &[]));
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_all_there(&auditor, &[folder.path().join("gone")]));
        assert!(!is_all_there(&auditor, &[folder.path().to_owned()]));
    }

    #[test]
    fn a_key_is_named_by_a_beginning_that_no_other_has() {
        let keys =
            [("sha256:aa11", "sk_live_Ab…Yz"), ("sha256:aa22", "sk_live_Cd…Wx"), ("sha256:bb33", "sk_test_Ab…Yz")];
        let detector = Detector::new();
        let select = |text: &str| super::select(keys.into_iter(), text, &detector);
        assert_eq!(select("sha256:aa11"), Ok("sha256:aa11"));
        assert_eq!(select("bb"), Ok("sha256:bb33"));
        assert_eq!(select("BB3"), Ok("sha256:bb33"));
        assert_eq!(select("SHA256:AA22"), Ok("sha256:aa22"));
        assert!(select("SK_TEST_").is_err(), "letters of a key's hint are what they are");
        assert_eq!(select("sk_test_"), Ok("sha256:bb33"));
        assert_eq!(select("sk_live_C"), Ok("sha256:aa22"));
        assert_eq!(select("sk_live_Cd...Wx"), Ok("sha256:aa22"));
        assert!(select("aa").unwrap_err().contains("names 2 keys: sk_live_Ab…Yz"));
        assert!(select("cc").unwrap_err().contains("no key's"));
        assert!(select("").is_err() && select("sk").unwrap_err().contains("3 keys"));
        let body = fastrand::Rng::with_seed(7).choose_multiple(('a'..='z').chain('A'..='Z').chain('0'..='9'), 42);
        let body: String = body.into_iter().collect();
        let key = format!("sk_{}_{body}", "live");
        assert!(select(&key).unwrap_err().contains("a key itself"));
    }
}
