//! What the commands of an incident share: reading a report and the status beside it, naming a key, asking.

use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use super::exit::Exit;
use super::output;
use crate::detect::Detector;
use crate::model::Report;
use crate::report;
use crate::state::Status;

/// The largest report that is read: one of a hundred thousand keys is a tenth of it.
const MOST_BYTES: u64 = 2 << 30;

/// Reads a report; `-` is standard input. What is wrong with it has been told where this fails.
pub(super) fn read_report(path: &Path, detector: &Detector) -> Result<Report, Exit> {
    let mut text = Vec::new();
    let read = match path == Path::new("-") {
        true => io::stdin().lock().take(MOST_BYTES + 1).read_to_end(&mut text),
        false => std::fs::File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut text)),
    };
    if let Err(error) = read {
        let hint = "name a file that `clerk-audit history --format json --output FILE` wrote";
        output::error(&format!("cannot read {}: {error}", path.display()), Some(hint));
        return Err(Exit::Incomplete);
    }
    if text.len() as u64 > MOST_BYTES {
        output::error(&format!("{} is too large to be a report", path.display()), None);
        return Err(Exit::Incomplete);
    }
    let report = report::read(&text, &|bytes| detector.mask(bytes)).map_err(|error| {
        output::error(&format!("{}: {error}", path.display()), Some(error.hint()));
        Exit::Incomplete
    })?;
    if report::is_ahead(&report.generated_at, &super::history::now()) {
        note(&format!(
            "warning: the report was made at {}, which this machine's clock has not come to: one of the two clocks is \
             off, and so may be every deadline",
            report.generated_at
        ));
    }
    Ok(report)
}

/// Refuses to write over what was read. It has been told where this fails.
pub(super) fn keep_inputs(written: Option<&Path>, read: &[Option<&Path>]) -> Result<(), Exit> {
    let real = |path: &Path| path.canonicalize().ok();
    let Some(target) = written.and_then(real) else { return Ok(()) };
    if read.iter().flatten().any(|path| real(path).as_ref() == Some(&target)) {
        output::error(&format!("{} is what is read: it is not written over", target.display()), Some("name another"));
        return Err(Exit::Usage);
    }
    Ok(())
}

/// Where the status of a report is kept: beside it.
pub(super) fn status_path(report: &Path, named: Option<&Path>) -> Option<PathBuf> {
    match named {
        Some(path) => Some(path.to_owned()),
        None if report == Path::new("-") => None,
        None => {
            let name = report.file_name()?.to_string_lossy().into_owned();
            let stem = name.strip_suffix(".json").unwrap_or(&name);
            Some(report.with_file_name(format!("{stem}.status.json")))
        }
    }
}

/// Reads a status, masked. What is wrong with it has been told where this fails.
pub(super) fn read_status(path: Option<&Path>, detector: &Detector) -> Result<Status, Exit> {
    let Some(path) = path else { return Ok(Status::default()) };
    match Status::read(path) {
        Ok(status) => Ok(status.masked(&|text| detector.mask_text(text))),
        Err(error) => {
            let hint = "mend it, or take it away and begin anew: what it says is then forgotten";
            output::error(&super::history::chain(&error), Some(hint));
            Err(Exit::Incomplete)
        }
    }
}

/// Writes a status. What went wrong has been told where this fails.
pub(super) fn write_status(path: &Path, status: &Status) -> Result<(), Exit> {
    write_file(path, status.text().as_bytes(), "--state FILE puts it elsewhere")
}

/// Writes what was asked for to a file, or to standard output where none is named or `-`. What went wrong has been
/// told where this fails.
pub(super) fn write_out(path: Option<&Path>, text: &[u8]) -> Result<(), Exit> {
    if let Some(path) = path.filter(|path| *path != Path::new("-")) {
        return write_file(path, text, "--output FILE puts it elsewhere");
    }
    output::to_stdout(text).map_err(|error| {
        // A reader that has seen enough closes its pipe.
        if error.kind() != io::ErrorKind::BrokenPipe {
            output::error(
                &format!("cannot write to standard output: {error}"),
                Some("--output FILE puts it elsewhere"),
            );
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
    let text = with_dots(text);
    let text = text.as_str();
    let begins = |id: &str, hint: &str| {
        !text.is_empty()
            && (id.starts_with(text) || id.trim_start_matches("sha256:").starts_with(text) || hint.starts_with(text))
    };
    let mut named: Vec<(&str, &str)> = keys.filter(|(id, hint)| begins(id, hint)).collect();
    named.sort_unstable();
    named.dedup();
    match named[..] {
        [(id, _)] => Ok(id),
        [] => Err(format!("no key's id or hint begins with {text}")),
        _ => {
            let some: Vec<String> =
                named.iter().take(5).map(|(id, hint)| format!("{hint} ({})", &id[..id.len().min(19)])).collect();
            let more = if named.len() > 5 { " and more" } else { "" };
            Err(format!("{text} names {} keys: {}{more}", named.len(), some.join(", ")))
        }
    }
}

/// A hint as it is typed where there is no `…` on the keyboard.
pub(super) fn with_dots(text: &str) -> String {
    text.replace("...", "…")
}

/// Asks on the terminal, once. `None` where there is none to ask on.
pub(super) fn confirm(question: &str) -> Option<bool> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return None;
    }
    _ = write!(io::stderr().lock(), "{question} [y/N] ");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).ok()?;
    Some(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Says that objects of a repository could not be read, if any: a key may be in them.
pub(super) fn tell_unread(path: &Path, unread: usize) {
    if unread > 0 {
        let objects = if unread == 1 { "1 object".to_owned() } else { format!("{unread} objects") };
        let message = format!("{objects} of {} cannot be read: a key may be in there", path.display());
        output::error(&message, Some("`git fsck` says more; a clone or backup that is whole can be named with --repo"));
    }
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
    fn a_key_is_named_by_a_beginning_that_no_other_has() {
        let keys =
            [("sha256:aa11", "sk_live_Ab…Yz"), ("sha256:aa22", "sk_live_Cd…Wx"), ("sha256:bb33", "sk_test_Ab…Yz")];
        let detector = Detector::new();
        let select = |text: &str| super::select(keys.into_iter(), text, &detector);
        assert_eq!(select("sha256:aa11"), Ok("sha256:aa11"));
        assert_eq!(select("bb"), Ok("sha256:bb33"));
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

    #[test]
    fn the_status_stands_beside_the_report() {
        let path = |name: &str| status_path(Path::new(name), None);
        assert_eq!(path("a/report.json"), Some(PathBuf::from("a/report.status.json")));
        assert_eq!(path("report"), Some(PathBuf::from("report.status.json")));
        assert_eq!(path("-"), None);
    }
}
