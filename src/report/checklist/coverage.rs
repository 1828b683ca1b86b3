//! What was read and what was not: a warning at the top, the counts at the end.

use std::io;

use crate::model::{Report, RepositoryReport};

use super::super::escape::prose;
use super::super::wording::{self, count};
use super::sheet::{Sheet, code};

/// The warning at the top, where not all was read.
pub(super) fn warning(sheet: &mut Sheet<'_>, report: &Report) -> io::Result<()> {
    if report.complete {
        return Ok(());
    }
    let unread = match wording::unread(report) {
        0 => "Not all was read.".to_owned(),
        unread => format!("{} not read.", count(unread, "thing was", "things were")),
    };
    sheet.gap();
    sheet.line(&format!("> **This list is incomplete.** {unread} There may be more keys than stand here."))?;
    let reasons = reasons(report);
    if !reasons.is_empty() {
        sheet.line(">")?;
    }
    for (reason, number) in reasons {
        sheet.line(&format!("> - {}: {}", wording::number(number), prose(wording::skipped(reason))))?;
    }
    sheet.line(">")?;
    let which = "> The end of this page says which.";
    let start = if report.keys.is_empty() { "" } else { " Start with the keys below all the same." };
    sheet.line(&format!("{which}{start}"))
}

/// How often each reason is given, over all repositories.
fn reasons(report: &Report) -> Vec<(&str, u64)> {
    let mut reasons: Vec<(&str, u64)> = Vec::new();
    for entry in report.repositories.iter().flat_map(|repository| &repository.skipped) {
        match reasons.iter_mut().find(|reason| reason.0 == entry.reason) {
            Some(reason) => reason.1 += 1,
            None => reasons.push((&entry.reason, 1)),
        }
    }
    reasons
}

/// The section at the end.
pub(super) fn write(sheet: &mut Sheet<'_>, report: &Report) -> io::Result<()> {
    sheet.heading("What was read")?;
    for repository in &report.repositories {
        read(sheet, repository)?;
    }
    for vendor in &report.other_vendors {
        let which = if vendor.count == 1 { "in" } else { "one of them in" };
        let path = vendor.example.path.as_ref().map(|path| format!(", {which} {}", sheet.show(path)));
        let tokens = count(vendor.count, "token that looks", "tokens that look");
        sheet.bullet(
            0,
            &format!(
                "Not Clerk's: {tokens} like {}{}. Rotate at that vendor.",
                prose(&vendor.vendor),
                path.unwrap_or_default()
            ),
        )?;
    }
    if report.placeholders > 0 {
        let placeholders = count(report.placeholders, "placeholder", "placeholders");
        sheet.bullet(0, &format!("{placeholders} seen, which are no keys."))?;
    }
    if report.half_masked > 0 {
        let keys = count(report.half_masked, "key", "keys");
        sheet.bullet(
            0,
            &format!("{keys} seen of which somebody masked a part: look whether the rest stands elsewhere."),
        )?;
    }
    Ok(())
}

fn read(sheet: &mut Sheet<'_>, repository: &RepositoryReport) -> io::Result<()> {
    let path = sheet.show(&repository.path);
    if repository.object_format.is_none() {
        sheet.bullet(0, &format!("Not opened: {path}"))?;
        return not_read(sheet, repository);
    }
    sheet.bullet(0, &format!("In {path}: {}.", wording::objects(repository)))?;
    if !repository.narrowed_by.is_empty() {
        let options: Vec<String> = repository.narrowed_by.iter().map(code).collect();
        sheet.bullet(1, &format!("Narrowed on purpose by {}.", wording::list(&options)))?;
    }
    if !repository.fetches_only.is_empty() {
        let refs = sheet.few(repository.fetches_only.iter().map(code).collect());
        let (fetched, not_here) = wording::fetched(repository, &refs.join(", "));
        sheet.bullet(1, &format!("It fetches {fetched}: {not_here}."))?;
    }
    if repository.opaque.count > 0 {
        let containers = count(repository.opaque.count, "container that is", "containers that are");
        sheet.bullet(1, &format!("{containers} encrypted, damaged or none after all: scanned as they are."))?;
    }
    let elsewhere = &repository.not_ours;
    if elsewhere.submodules > 0 || elsewhere.lfs_pointers > 0 {
        let submodules = count(elsewhere.submodules, "submodule", "submodules");
        let files = count(elsewhere.lfs_pointers, "Git LFS file", "Git LFS files");
        sheet.bullet(1, &format!("Kept elsewhere and not looked at: {submodules}, {files}."))?;
    }
    not_read(sheet, repository)
}

fn not_read(sheet: &mut Sheet<'_>, repository: &RepositoryReport) -> io::Result<()> {
    let entries = repository.skipped.iter().map(|entry| {
        let detail =
            if entry.detail.as_str().is_empty() { String::new() } else { format!(", {}", sheet.show(&entry.detail)) };
        format!("{}: {}{detail}", prose(wording::skipped(&entry.reason)), sheet.show(&entry.object))
    });
    let entries = sheet.few(entries.collect());
    for entry in entries {
        sheet.bullet(1, &format!("**Not read**, {entry}"))?;
    }
    Ok(())
}
