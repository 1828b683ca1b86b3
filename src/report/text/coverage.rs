//! What was read, what was not and why, and what was seen that is no Clerk key.

use std::io;

use anstyle::AnsiColor;

use crate::model::{Report, RepositoryReport, Skipped};

use super::super::wording::{self, count};
use super::page::{Page, show, visible};

pub(super) fn write(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    look_alikes(page, report)?;
    for repository in &report.repositories {
        read(page, repository)?;
        not_read(page, repository)?;
    }
    Ok(())
}

fn look_alikes(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    let vendors: Vec<String> = report
        .other_vendors
        .iter()
        .map(|vendor| {
            let path = vendor.example.path.as_ref().map(show);
            let object = vendor.example.object.map(|object| object.short());
            let example = path.or(object).map_or(String::new(), |example| format!(", in {example}"));
            format!("{}: {}{example}", visible(&vendor.vendor), count(vendor.count, "token", "tokens"))
        })
        .collect();
    if !vendors.is_empty() {
        page.line("Other vendors' tokens that look alike (not Clerk's; rotate them at their own vendor):")?;
        page.field("", &vendors)?;
    }
    if report.placeholders > 0 {
        page.line(&format!("Placeholders (no keys): {}.", wording::number(report.placeholders)))?;
    }
    if report.half_masked > 0 {
        let keys = count(report.half_masked, "key of which", "keys of which");
        page.line(&format!("Half masked: {keys} somebody left the beginning. What is missing may stand elsewhere."))?;
    }
    Ok(())
}

fn read(page: &mut Page<'_>, repository: &RepositoryReport) -> io::Result<()> {
    let Some(format) = &repository.object_format else {
        return page.line(&format!("Not opened: {}", show(&repository.path)));
    };
    page.line(&format!("Read: {}", show(&repository.path)))?;
    page.field("objects", &[format!("{}, {format}", wording::objects(repository))])?;
    let unreachable = &repository.unreachable;
    if unreachable.commits > 0 || unreachable.blobs > 0 {
        let commits = count(unreachable.commits, "commit", "commits");
        let blobs = count(unreachable.blobs, "blob", "blobs");
        page.field("unreachable", &[format!("{commits} and {blobs} of these")])?;
    }
    if !repository.narrowed_by.is_empty() {
        let options: Vec<String> = repository.narrowed_by.iter().map(|option| visible(option.as_str())).collect();
        page.field("narrowed by", &[options.join(", ")])?;
    }
    if !repository.fetches_only.is_empty() {
        let refs = page.few(repository.fetches_only.iter().map(show).collect());
        let (fetched, not_here) = wording::fetched(repository, &refs.join(", "));
        let (name, fetched) = fetched.strip_prefix("only ").map_or(("fetches", &*fetched), |all| ("fetches only", all));
        page.field(name, &[format!("{fetched}: {not_here}")])?;
    }
    if repository.opaque.count > 0 {
        let mut lines = vec![format!(
            "{} encrypted, damaged or none after all: scanned as they are",
            count(repository.opaque.count, "container", "containers")
        )];
        let places = repository.opaque.at.iter().map(|place| format!("  {}: {}", place.object.short(), place.reason));
        lines.extend(page.few_of(places.collect(), repository.opaque.count));
        page.field("opaque", &lines)?;
    }
    let elsewhere = &repository.not_ours;
    if elsewhere.submodules > 0 || elsewhere.lfs_pointers > 0 {
        let submodules = count(elsewhere.submodules, "submodule", "submodules");
        let files = count(elsewhere.lfs_pointers, "Git LFS file", "Git LFS files");
        page.field("elsewhere", &[format!("{submodules} and {files} have their content outside this repository")])?;
    }
    Ok(())
}

fn not_read(page: &mut Page<'_>, repository: &RepositoryReport) -> io::Result<()> {
    for (at, (reason, entries)) in by_reason(&repository.skipped).into_iter().enumerate() {
        let reason = visible(wording::skipped(reason));
        let total =
            page.paint(AnsiColor::Yellow.on_default(), &format!("{}: {reason}", wording::number(entries.len() as u64)));
        let entries = entries.into_iter().map(|entry| {
            let detail =
                if entry.detail.as_str().is_empty() { String::new() } else { format!(": {}", show(&entry.detail)) };
            format!("  {}{detail}", show(&entry.object))
        });
        let mut lines = vec![total];
        lines.extend(page.few(entries.collect()));
        page.field(if at == 0 { "NOT READ" } else { "" }, &lines)?;
    }
    Ok(())
}

/// The entries of each reason, in the order in which reasons first come.
fn by_reason(skipped: &[Skipped]) -> Vec<(&str, Vec<&Skipped>)> {
    let mut groups: Vec<(&str, Vec<&Skipped>)> = Vec::new();
    for entry in skipped {
        match groups.iter_mut().find(|group| group.0 == entry.reason) {
            Some(group) => group.1.push(entry),
            None => groups.push((&entry.reason, vec![entry])),
        }
    }
    groups
}
