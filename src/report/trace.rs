//! The trace of one key: all that happened to it, in one line of time over all repositories, and where it is now. For a
//! key that is nowhere: exactly what was searched.

mod events;

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;
use serde_json::ser::PrettyFormatter;

use crate::model::{
    Checkout, Contained, Entry, Identity, KeyReport, LedgerEntry, Place, Report, RepositoryReport, Shown,
};

use super::escape::{markdown, shorten, terminal};
use super::{clock, wording};
use events::{Event, events};

/// The name and version of the JSON document.
const SCHEMA: &str = "clerk-audit/trace/1";
const MOST_CHARACTERS: usize = 300;
/// So many gaps of a repository are named to people; there may be a million.
const MOST_GAPS: usize = 50;

/// What a trace looks at in each repository.
const EVERYWHERE: &str = "Every object, reached by a ref or not: files, names of files and directories, messages and \
                          headers of commits and tags; names of refs, reflogs, indexes; stashes and what worktrees \
                          have checked out or staged among them; as text, in every encoding and container that \
                          clerk-audit knows, in each other. Not files that nobody has added to git.";

/// A format of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceFormat {
    /// For a person at a terminal.
    Text,
    /// One JSON document.
    Json,
    /// For a ticket.
    Markdown,
}

/// What is traced, and what was found.
#[derive(Clone, Copy, Debug)]
pub struct Trace<'a> {
    /// The key's id, or the beginning of one.
    pub id: &'a str,
    /// Its hint, where it is known.
    pub hint: Option<&'a str>,
    /// The report of that key alone.
    pub report: &'a Report,
    /// The first tags that contain it.
    pub tags: &'a [Contained],
    /// What the gate's ledger says of it, which may be all that is known of one that is nowhere.
    pub ledger: &'a [LedgerEntry],
    /// The work trees that have it checked out.
    pub checkouts: &'a [Checkout],
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    generated_at: &'a str,
    id: &'a str,
    hint: Option<&'a str>,
    found: bool,
    complete: bool,
    events: Vec<Event<'a>>,
    key: Option<&'a KeyReport>,
    checkouts: &'a [Checkout],
    ledger: &'a [LedgerEntry],
    searched: Vec<Searched<'a>>,
}

/// A repository that was searched, and whether the key is in it.
#[derive(Serialize)]
struct Searched<'a> {
    has_key: bool,
    #[serde(flatten)]
    coverage: &'a RepositoryReport,
}

/// Writes a trace.
///
/// # Errors
/// As `out` gives them.
pub fn write_trace(trace: Trace<'_>, format: TraceFormat, out: &mut dyn io::Write) -> io::Result<()> {
    let key = trace.report.keys.first();
    match format {
        TraceFormat::Json => {
            let document = Document {
                schema: SCHEMA,
                generated_at: &trace.report.generated_at,
                id: trace.id,
                hint: trace.hint,
                found: key.is_some(),
                complete: trace.report.complete,
                events: events(trace),
                key,
                checkouts: trace.checkouts,
                ledger: trace.ledger,
                searched: repositories(trace.report)
                    .map(|(coverage, has_key)| Searched { has_key, coverage })
                    .collect(),
            };
            super::json::write_value(&document, PrettyFormatter::new(), out)
        }
        TraceFormat::Text => people(trace, &Form::TEXT, out),
        TraceFormat::Markdown => people(trace, &Form::MARKDOWN, out),
    }
}

/// The repositories, each with whether the key is in it.
fn repositories(report: &Report) -> impl Iterator<Item = (&RepositoryReport, bool)> {
    let key = report.keys.first();
    report.repositories.iter().map(move |one| (one, key.is_some_and(|key| is_in(key, one))))
}

/// A place that is told, or a ref that reaches it.
fn is_in(key: &KeyReport, repository: &RepositoryReport) -> bool {
    super::spot::is_in(key, repository)
        || key.reachable_from.at.iter().any(|reached| reached.repository == repository.path)
}

/// How the two formats for people differ.
struct Form {
    quote: fn(&str) -> String,
    title: fn(&str) -> String,
    item: &'static str,
    inner: &'static str,
}

impl Form {
    const TEXT: Self =
        Self { quote: super::text::visible, title: |text| format!("{text}\n"), item: "  ", inner: "      " };
    const MARKDOWN: Self = Self {
        quote: |text| markdown(&shorten(text, MOST_CHARACTERS)).to_string(),
        title: |text| format!("## {text}\n\n"),
        item: "- ",
        inner: "  - ",
    };
}

fn people(trace: Trace<'_>, form: &Form, out: &mut dyn io::Write) -> io::Result<()> {
    let quote = |text: &str| (form.quote)(text);
    let title = |text: &str| (form.title)(text);
    let name = match trace.hint {
        Some(hint) => format!("{} ({})", quote(hint), quote(trace.id)),
        None => quote(trace.id),
    };
    let number = wording::count(trace.report.repositories.len() as u64, "repository", "repositories");
    let Some(key) = trace.report.keys.first() else {
        writeln!(out, "{}\n", title(&nowhere(&name, &number, trace.report)).trim_end())?;
        if !trace.ledger.is_empty() {
            write!(out, "{}", title("What the gate's ledger has of it"))?;
            for event in events(trace) {
                happened(&event, trace, form, out)?;
            }
            writeln!(out)?;
        }
        return searched(trace.report, form, out);
    };
    let here = repositories(trace.report).filter(|(_, has_key)| *has_key).count();
    let standing = wording::standing(key);
    let of = if trace.report.repositories.len() == 1 { "here".to_owned() } else { format!("in {here} of {number}") };
    writeln!(out, "{}\n", title(&format!("Found: {name} is {of}, {standing}.")).trim_end())?;
    let pushes =
        if trace.ledger.is_empty() { "" } else { " Pushes are from the gate's ledger, by the server's clock." };
    let exposed = clock::span(&key.exposure, wording::is_cut(key));
    let ahead = match clock::is_exposed_ahead(key, trace.report) {
        true => format!(" ({})", clock::AHEAD),
        false => String::new(),
    };
    writeln!(out, "Exposed {exposed}{ahead}. {}{pushes}\n", clock::COMMIT_CLOCKS)?;
    write!(out, "{}", title("What happened"))?;
    let all = events(trace);
    if all.is_empty() {
        writeln!(out, "{}not known: no commit, tag or push is known that brought it in", form.item)?;
    }
    for event in &all {
        happened(event, trace, form, out)?;
    }
    now(key, trace, form, out)?;
    next(form, out)?;
    writeln!(out)?;
    searched(trace.report, form, out)
}

/// The first sentence where nothing was found, which does not say nowhere where not all was read.
fn nowhere(name: &str, number: &str, report: &Report) -> String {
    if report.complete {
        return format!("Nowhere: {name} is not in {number}.");
    }
    let opened = report.repositories.iter().filter(|one| one.object_format.is_some()).count();
    match opened {
        0 => format!("Not known: {name} was looked for in nothing, since no repository could be opened."),
        _ => format!("Not found, and not all could be read: {name} is not in what was read of {number}."),
    }
}

/// A push, as the ledger has it.
fn pushed(push: &LedgerEntry, what: &str, form: &Form, out: &mut dyn io::Write) -> io::Result<()> {
    let quote = |text: &Shown| (form.quote)(text.as_str());
    let who = push.pusher.as_ref().map_or(String::new(), |who| format!(" by {}", quote(who)));
    let from = push.remote_address.as_ref().map_or(String::new(), |from| format!(" from {}", quote(from)));
    let how = match push.decision.as_str() {
        "bypassed" => ", let pass by push option",
        "allowed" => ", as the policy allows",
        "warned" => ", with a warning",
        _ => "",
    };
    writeln!(out, "{}{}  {what}{who}{from}{how} (ledger)", form.item, clock::readable(clock::pushed_at(push)))?;
    let refs: Vec<String> = push.refs.iter().map(quote).collect();
    if !refs.is_empty() {
        writeln!(out, "{}to {}", form.inner, refs.join(", "))?;
    }
    if let Some(repository) = &push.repository {
        writeln!(out, "{}in {}", form.inner, quote(repository))?;
    }
    Ok(())
}

fn happened(event: &Event<'_>, trace: Trace<'_>, form: &Form, out: &mut dyn io::Write) -> io::Result<()> {
    let quote = |text: &str| (form.quote)(text);
    if let Some(push) = event.push {
        return pushed(push, event.what, form, out);
    }
    let Some(entry) = event.entry else { return Ok(()) };
    let time = event.time.as_deref().map_or("at an unknown time".to_owned(), clock::readable);
    let at = wording::at(event.path, event.line, &quote);
    let what = match (event.what, event.at_or_before) {
        ("copied", _) => "copied to",
        (_, true) => "introduced at or before this",
        (what, false) => what,
    };
    let from = event.moved_from.map_or(String::new(), |from| format!(" from {}", quote(from.as_str())));
    let source = match (event.commit, event.subject) {
        (Some(commit), Some(subject)) => format!("commit {} {}", quote(&commit.to_string()), quote(subject.as_str())),
        (Some(commit), None) => format!("commit {}", quote(&commit.to_string())),
        (None, _) => wording::without_commit(entry, &quote),
    };
    let place = wording::place(entry.place);
    let at = match entry.place {
        Place::File | Place::Note if !at.is_empty() => format!(" {at}"),
        _ if at.is_empty() => format!(" in the {place}"),
        _ => format!(" in the {place}, {at}"),
    };
    writeln!(out, "{}{time}  {what}{at}{from}", form.item)?;
    writeln!(out, "{}{source}", form.inner)?;
    if trace.report.repositories.len() > 1 {
        writeln!(out, "{}in {}", form.inner, some(&event.repositories, form))?;
    }
    let people = [("author", event.author), ("committer", event.committer), ("tagger", event.tagger)];
    for (role, person) in people.into_iter().filter_map(|(role, person)| Some((role, person?))) {
        let time = clock::recorded(person).unwrap_or_else(|| quote(person.time_raw.as_str()));
        writeln!(out, "{}{role} {}, {time}", form.inner, quote(&format!("{} <{}>", person.name, person.email)))?;
    }
    if let Some(tag) = event.first_tag {
        let beside = |time| clock::readable_beside(time, event.time.as_deref());
        let time = tag.time.as_deref().map_or(String::new(), |time| format!(", {}", beside(time)));
        writeln!(out, "{}first tag with it: {}{time}", form.inner, quote(tag.name.as_str()))?;
    }
    for caveat in caveats(entry, event, trace.report) {
        writeln!(out, "{}{caveat}", form.inner)?;
    }
    Ok(())
}

/// The marks of an entry. Where its parent's clock ran ahead, that one was off and not its own.
fn caveats(entry: &Entry, event: &Event<'_>, report: &Report) -> Vec<&'static str> {
    let is_ahead = |time: Option<&str>| time.is_some_and(|time| clock::is_ahead(time, &report.generated_at));
    let others = report.keys.iter().flat_map(|key| key.first_introduced.iter().chain(&key.introductions));
    let is_after_one = entry.clock_skew
        && others
            .filter(|other| other.commit.is_some_and(|commit| entry.parents.contains(&commit)))
            .any(|parent| is_ahead(parent.committer.as_ref().and_then(Identity::moment).as_deref()));
    let mut told = match is_after_one {
        true => wording::caveats(&Entry { clock_skew: false, ..entry.clone() }),
        false => wording::caveats(entry),
    };
    if is_ahead(event.time.as_deref()) {
        told.push(clock::AHEAD);
    }
    told
}

/// The first few of many names.
fn some(names: &[&Shown], form: &Form) -> String {
    const MOST: usize = 5;
    let mut told: Vec<String> = names.iter().take(MOST).map(|name| (form.quote)(name.as_str())).collect();
    if names.len() > MOST {
        told.push(format!("{} more", wording::number((names.len() - MOST) as u64)));
    }
    wording::list(&told)
}

/// Lines that several repositories share, each once, with the repositories; in the order of the first of each.
fn gathered<'a>(lines: impl Iterator<Item = (String, &'a Shown)>) -> Vec<(String, Vec<&'a Shown>)> {
    let mut all: Vec<(String, Vec<&'a Shown>)> = Vec::new();
    let mut numbers = std::collections::HashMap::new();
    for (line, repository) in lines {
        let number = *numbers.entry(line.clone()).or_insert(all.len());
        match all.get_mut(number) {
            Some((_, repositories)) if repositories.contains(&repository) => {}
            Some((_, repositories)) => repositories.push(repository),
            None => all.push((line, vec![repository])),
        }
    }
    all
}

/// Where it is now: tips, work trees, tags that shipped it, refs, and what no ref reaches.
fn now(key: &KeyReport, trace: Trace<'_>, form: &Form, out: &mut dyn io::Write) -> io::Result<()> {
    let several = trace.report.repositories.len() > 1;
    let quote = |text: &str| (form.quote)(text);
    write!(out, "\n{}", (form.title)("Where it is now"))?;
    let of =
        |repositories: &[&Shown]| if several { format!(", in {}", some(repositories, form)) } else { String::new() };
    let own_text = wording::own_text(key);
    if key.held_at.count == 0 {
        writeln!(out, "{}no tip holds it", form.item)?;
    }
    let held = key.held_at.at.iter().map(|place| {
        // What has neither path nor line stands in something.
        let at = if place.path.is_none() && place.line.is_none() { "" } else { "at " };
        (format!("{at}{}", wording::held(key, place, &quote)), &place.repository)
    });
    for (place, repositories) in gathered(held) {
        writeln!(out, "{}stands {place}{}", form.item, of(&repositories))?;
    }
    for checkout in trace.checkouts {
        let (path, reference) = (quote(checkout.path.as_str()), quote(checkout.reference.as_str()));
        writeln!(out, "{}checked out in {path} ({reference})", form.item)?;
    }
    if !own_text.is_empty() {
        writeln!(out, "{}in the own text of {}", form.item, own_text.told())?;
    }
    let names: Vec<&str> =
        wording::ref_names(&key.reachable_from).0.into_iter().map(|(name, _)| name.as_str()).collect();
    let shipped: Vec<String> = names.iter().filter_map(|name| name.strip_prefix("refs/tags/")).map(quote).collect();
    // A tag that has it in its name alone ships nothing.
    let is_in_history = key.introductions.iter().any(|entry| entry.place != Place::RefName);
    if is_in_history && !shipped.is_empty() {
        let first = trace.tags.iter().filter(|tag| tag.time.is_some()).min_by(|a, b| a.time.cmp(&b.time));
        let first = first.map_or(String::new(), |tag| format!(", first {}", quote(tag.tag.as_str())));
        writeln!(out, "{}shipped with its history in {}{first}", form.item, wording::list(&shipped))?;
    }
    reached(key, form, out)?;
    let kept = key.unreachable.iter().map(|place| (wording::unreachable(place, &quote), &place.repository));
    for (place, repositories) in gathered(kept) {
        writeln!(out, "{}kept too: {place}{}", form.item, of(&repositories))?;
    }
    Ok(())
}

/// The refs that reach it, and whose they are where there are several repositories.
fn reached(key: &KeyReport, form: &Form, out: &mut dyn io::Write) -> io::Result<()> {
    let quote = |name: &Shown| (form.quote)(name.as_str());
    if key.reachable_from.count == 0 {
        return writeln!(out, "{}no ref reaches it", form.item);
    }
    if key.reachable_from.at.is_empty() {
        let refs: Vec<String> = key.reachable_from.refs.iter().map(quote).collect();
        let number = wording::count(key.reachable_from.count, "ref", "refs");
        let over = if refs.len() as u64 == key.reachable_from.count { "" } else { ", by name" };
        return writeln!(out, "{}reached by {number}{over}: {}", form.item, refs.join(", "));
    }
    let mut by_repository: BTreeMap<&Shown, Vec<String>> = BTreeMap::new();
    for one in &key.reachable_from.at {
        by_repository.entry(&one.repository).or_default().push(quote(&one.reference));
    }
    // Clones have the same refs: told once, with all of them.
    let lines = by_repository.into_iter().map(|(repository, refs)| {
        (format!("{}: {}", wording::count(refs.len() as u64, "ref", "refs"), refs.join(", ")), repository)
    });
    for (refs, repositories) in gathered(lines) {
        writeln!(out, "{}reached by {refs}, in {}", form.item, some(&repositories, form))?;
    }
    Ok(())
}

/// What to do about a key that was found.
fn next(form: &Form, out: &mut dyn io::Write) -> io::Result<()> {
    write!(out, "\n{}", (form.title)("What to do"))?;
    writeln!(out, "{}rotate it: who has it may have copied it, whatever is removed now", form.item)?;
    for (command, what) in [
        ("clerk-audit history --format json --output report.json REPO...", "makes the report for what follows"),
        ("clerk-audit verify report.json", "asks Clerk whether it is alive"),
        ("clerk-audit checklist report.json", "what to do, in order"),
        ("clerk-audit status report.json", "what is still open"),
    ] {
        writeln!(out, "{}{}: {what}", form.item, (form.quote)(command))?;
    }
    Ok(())
}

fn searched(report: &Report, form: &Form, out: &mut dyn io::Write) -> io::Result<()> {
    let quote = |text: &str| (form.quote)(text);
    write!(out, "{}", (form.title)("What was searched"))?;
    let unread = if report.complete { "" } else { " All this apart from what is named below as not read." };
    writeln!(out, "{EVERYWHERE}{unread}")?;
    if form.item.starts_with('-') {
        writeln!(out)?;
    }
    for (repository, has_key) in repositories(report) {
        let path = quote(repository.path.as_str());
        if repository.object_format.is_none() {
            writeln!(out, "{}NOT OPENED: {path}", form.item)?;
        } else {
            let objects = [
                wording::count(repository.refs, "ref", "refs"),
                wording::count(repository.commits, "commit", "commits"),
                wording::count(repository.trees, "tree", "trees"),
                wording::count(repository.blobs, "blob", "blobs"),
                wording::bytes(repository.bytes),
            ];
            let lost = &repository.unreachable;
            let lost = if lost.commits + lost.blobs > 0 {
                let commits = wording::count(lost.commits, "commit", "commits");
                format!(", {commits} and {} of these reached by no ref", wording::count(lost.blobs, "blob", "blobs"))
            } else {
                String::new()
            };
            let found = if has_key { "FOUND IN: " } else { "" };
            writeln!(out, "{}{found}{path}: {}{lost}", form.item, objects.join(", "))?;
        }
        not_looked_into(repository, form, out)?;
        for skipped in repository.skipped.iter().take(MOST_GAPS) {
            let detail = if skipped.detail.as_str().is_empty() {
                String::new()
            } else {
                format!(", {}", quote(skipped.detail.as_str()))
            };
            let why = wording::skipped(&skipped.reason);
            writeln!(out, "{}NOT READ: {}: {}{detail}", form.inner, quote(skipped.object.as_str()), terminal(why))?;
        }
        let more = repository.skipped.len().saturating_sub(MOST_GAPS);
        if more > 0 {
            let more = wording::number(more as u64);
            writeln!(out, "{}NOT READ: {more} more, which --format json names", form.inner)?;
        }
    }
    Ok(())
}

/// What was searched as it stands and hides its content, and what has its content elsewhere.
fn not_looked_into(repository: &RepositoryReport, form: &Form, out: &mut dyn io::Write) -> io::Result<()> {
    if repository.opaque.count > 0 {
        let containers = wording::count(repository.opaque.count, "container that is", "containers that are");
        writeln!(out, "{}not looked into: {containers} encrypted, damaged or none after all", form.inner)?;
    }
    let elsewhere = &repository.not_ours;
    if elsewhere.submodules + elsewhere.lfs_pointers > 0 {
        let submodules = wording::count(elsewhere.submodules, "submodule", "submodules");
        let files = wording::count(elsewhere.lfs_pointers, "Git LFS file", "Git LFS files");
        writeln!(out, "{}kept elsewhere, not searched: {submodules}, {files}", form.inner)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{escape, sample};
    use super::*;

    fn written(report: &Report, format: TraceFormat) -> String {
        let key = report.keys.first();
        let tags: Vec<Contained> = key
            .and_then(|key| key.first_introduced.as_ref())
            .into_iter()
            .map(|entry| Contained {
                repository: entry.repository.clone(),
                commit: entry.commit.unwrap(),
                tag: sample::shown("v1\u{1b}"),
                name: sample::shown("v1\u{1b}~3^2"),
                time: Some("2026-11-22T00:00:00Z".to_owned()),
            })
            .collect();
        let id = format!("sha256:{}", "1".repeat(64));
        let ledger = sample::ledger();
        let (hint, checkouts) = (key.map(|key| key.hint.as_str()), sample::checkouts());
        let trace = Trace { id: &id, hint, report, tags: &tags, ledger: &ledger, checkouts: &checkouts };
        let mut out = Vec::new();
        write_trace(trace, format, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_whole_trace_reads_as_it_should() {
        let report = sample::one_key();
        sample::assert_golden("trace.txt", &written(&report, TraceFormat::Text));
        sample::assert_golden("trace.md", &written(&report, TraceFormat::Markdown));
        sample::assert_golden("trace.json", &written(&report, TraceFormat::Json));
    }

    #[test]
    fn the_schema_describes_every_field() {
        for report in [sample::one_key(), sample::clean(), sample::unopened()] {
            let document = serde_json::from_str(&written(&report, TraceFormat::Json)).unwrap();
            sample::assert_trace(&document);
        }
    }

    #[test]
    fn no_hidden_character_gets_out() {
        for report in [sample::one_key(), sample::clean(), sample::unopened()] {
            for format in [TraceFormat::Text, TraceFormat::Json, TraceFormat::Markdown] {
                let text = written(&report, format);
                assert!(!text.chars().any(|it| it != '\n' && escape::is_hidden(it)), "{format:?}");
            }
        }
    }

    #[test]
    fn a_clock_that_ran_ahead_is_told_where_it_did() {
        let mut report = sample::one_key();
        let (then, after) = ("2027-03-01T00:00:00Z".to_owned(), "2026-11-22T00:00:00Z".to_owned());
        let key = &mut report.keys[0];
        let mut fast = key.first_introduced.clone().unwrap();
        fast.committer.as_mut().unwrap().time = Some(then.clone());
        let mut removal = fast.clone();
        removal.committer.as_mut().unwrap().time = Some(after);
        (removal.clock_skew, removal.parents) = (true, vec![fast.commit.unwrap()]);
        (removal.commit, removal.level) = (removal.object, crate::model::Level::Key);
        key.exposure.start = Some(then);
        (key.introductions, key.removals) = (vec![fast.clone()], vec![removal]);
        key.first_introduced = Some(fast);
        for format in [TraceFormat::Text, TraceFormat::Markdown] {
            let text = written(&report, format);
            let first = text.lines().find(|line| line.starts_with("Exposed")).unwrap();
            assert!(first.contains("still open (its clock runs ahead of this report's)."), "{text}");
            assert_eq!(text.matches("its clock runs ahead of this report's").count(), 2, "{text}");
            assert!(!text.contains("clock skew"), "the removal's clock is right: {text}");
        }
        // Where the parent's clock was right, its own was not.
        report.keys[0].removals[0].parents = Vec::new();
        assert!(written(&report, TraceFormat::Text).contains("clock skew: dated before its own parent"));
    }

    #[test]
    fn nowhere_tells_what_was_searched() {
        let text = written(&sample::clean(), TraceFormat::Text);
        assert!(!text.contains("All this apart from"), "{text}");
        assert!(text.starts_with("Nowhere: sha256:111") && text.contains("1,204 commits, 9,001 trees, 3,777 blobs"));
        assert!(text.contains("kept elsewhere, not searched: 2 submodules, 1 Git LFS file"), "{text}");
        assert!(
            text.contains("What the gate's ledger has of it\n  2026-11-21 01:31:00 UTC  push refused by ann"),
            "{text}"
        );
        let (mut partial, mut nothing) = (sample::report(), sample::unopened());
        (partial.keys, nothing.keys) = (Vec::new(), Vec::new());
        (nothing.repositories, nothing.complete) = (nothing.repositories.split_off(1), false);
        let text = written(&partial, TraceFormat::Text);
        assert!(text.starts_with("Not found, and not all could be read: sha256:111"), "{text}");
        assert!(text.contains("not looked into: 1 container"), "{text}");
        assert!(text.contains("All this apart from what is named below as not read."), "{text}");
        let text = written(&nothing, TraceFormat::Text);
        assert!(text.starts_with("Not known: sha256:111"), "{text}");
        assert!(written(&sample::unopened(), TraceFormat::Text).contains("NOT OPENED: /srv/git/\\u{1b}"));
    }
}
