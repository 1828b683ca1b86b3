//! `--state FILE`: an audit that remembers what it read, and tells at once what has not changed since.

use std::path::Path;

use super::exit::Exit;
use super::{incident, output};
use crate::audit::{Auditor, Compared, Target, as_of};
use crate::detect::{Detector, TIME_LIMIT};
use crate::model::{Order, Report, Skipped, error_chain};
use crate::report;
use crate::state::{DETECTOR, Known, Remembered, StateFile};

/// What there is to go by, and where what is remembered next is written.
pub(super) struct Memory {
    asked: String,
    earlier: Option<(Box<Remembered>, Compared)>,
}

impl Memory {
    /// Reads what is remembered and holds it against the repositories. Why a file cannot be used has been told where
    /// this fails, and it stays as it is; why it is of no use, unless `quiet`, where it does not.
    pub(super) fn of(path: &Path, auditor: &Auditor<'_>, targets: &[Target], quiet: bool) -> Result<Self, Exit> {
        let asked = auditor.options.asked(auditor.detector.limits());
        let useless = |why: &str| {
            if !quiet {
                incident::note(&format!("{}: everything is read again: {why}", path.display()));
            }
        };
        let refused = |message: &str, hint: &str| {
            output::error(message, Some(hint));
            Exit::Usage
        };
        let file = Remembered::read(path).map_err(|error| {
            let hint = "name another file, or remove this one: it is then made anew, and everything is read again";
            refused(&error_chain(&error), hint)
        })?;
        let remembered = match file {
            StateFile::Missing => return Ok(Self { asked, earlier: None }),
            StateFile::OtherFormat => {
                useless("another version of clerk-audit wrote it, in another format");
                return Ok(Self { asked, earlier: None });
            }
            StateFile::Read(remembered) => remembered,
        };
        // What is another repository's is no less so for being written by another version.
        let compared = auditor.compare(targets, &remembered).map_err(|another| {
            let message = format!("{}: {another}", path.display());
            refused(&message, "name another file, or remove this one if that repository is of no interest any more")
        })?;
        let is_ours = remembered.detector == DETECTOR;
        if !is_ours {
            useless("another version of clerk-audit wrote it, and this one may find more");
        } else if remembered.asked != asked {
            useless("it was written with other options");
        } else if !quiet {
            for repository in &compared.rewritten {
                incident::note(&format!(
                    "{repository}: everything is read again: nothing is left there of what {} remembers of it (its \
                     history was rewritten, or an index of a pack is lost)",
                    path.display()
                ));
            }
        }
        let is_of_use = is_ours && remembered.asked == asked;
        Ok(Self { asked, earlier: is_of_use.then_some((remembered, compared)) })
    }

    /// The report that was made, as it would be made now, where nothing has changed since.
    pub(super) fn replay(&mut self, detector: &Detector, known: &Known, now: &str) -> Option<Report> {
        let (remembered, compared) = self.earlier.as_mut()?;
        let document = remembered.report.take().filter(|_| compared.unchanged)?;
        let report = report::read_document(document, &|bytes| detector.mask(bytes)).ok()?;
        Some(as_of(report, known, now.to_owned()))
    }

    /// Audits what has changed; the report, and what to remember unless the audit was stopped.
    pub(super) fn audit(
        &self,
        auditor: &Auditor<'_>,
        targets: Vec<Target>,
        known: &Known,
        now: String,
    ) -> (Report, Option<Remembered>) {
        let earlier = self.earlier.as_ref().map(|(remembered, compared)| (&**remembered, compared));
        let (report, repositories) = auditor.run_remembering(targets, known, now, earlier);
        // What was not come to is not known: what is remembered from before is worth more.
        let remembered = (!auditor.interrupt.is_set()).then(|| Remembered {
            detector: DETECTOR.to_owned(),
            asked: self.asked.clone(),
            repositories,
            report: kept(&report, auditor.detector),
        });
        (report, remembered)
    }
}

/// A report as it is kept, with nothing in it that is not of the repositories; none where another audit of the same could
/// read what this one could not, or where it would not be the same when it is read back.
fn kept(report: &Report, detector: &Detector) -> Option<serde_json::Value> {
    // The same bytes come to the same end, but for one that depends on the machine.
    let stays = |skipped: &Skipped| match &*skipped.reason {
        "limit" => skipped.detail.as_str() != TIME_LIMIT,
        "malformed" => true,
        _ => false,
    };
    if !report.repositories.iter().flat_map(|repository| &repository.skipped).all(stays) {
        return None;
    }
    let mut plain = as_of(report.clone(), &Known::default(), report.generated_at.clone());
    for key in &mut plain.keys {
        key.ledger.clear();
        // No document has that, and nothing that is told of a whole report goes by it.
        let entries = key.first_introduced.iter_mut().chain(&mut key.introductions).chain(&mut key.removals);
        entries.for_each(|entry| entry.order = Order::default());
    }
    let document = serde_json::to_value(&plain).ok()?;
    let again = report::read_document(document.clone(), &|bytes| detector.mask(bytes)).ok()?;
    (format!("{again:?}") == format!("{plain:?}")).then_some(document)
}
