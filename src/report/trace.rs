//! The trace of one key: all that happened to it, in one line of time over all repositories, and where it is now. For a
//! key that is nowhere: exactly what was searched.

use std::io;

use serde::Serialize;
use serde_json::ser::PrettyFormatter;

use crate::model::{
    Contained, Entry, Identity, KeyReport, LedgerEntry, Level, Oid, Place, Report, RepositoryReport, Shown,
};

use super::escape::{markdown, shorten, terminal};
use super::{clock, wording};

/// The name and version of the JSON document.
const SCHEMA: &str = "clerk-audit/trace/1";
const MOST_CHARACTERS: usize = 300;
/// So many gaps of a repository are named to people; there may be a million.
const MOST_GAPS: usize = 50;

/// What a trace looks at in each repository.
const EVERYWHERE: &str = "Every object, reached by a ref or not: files, names of files and directories, messages and \
                          headers of commits and tags; names of refs, reflogs, indexes; worktrees and stashes among \
                          them; as text, in every encoding and container that clerk-audit knows, in each other.";

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
}

/// One thing that happened.
#[derive(Serialize)]
struct Event<'a> {
    time: Option<&'a str>,
    what: &'static str,
    repository: Option<&'a Shown>,
    commit: Option<Oid>,
    subject: Option<&'a Shown>,
    path: Option<&'a Shown>,
    line: Option<u64>,
    #[serde(rename = "ref")]
    reference: Option<&'a Shown>,
    moved_from: Option<&'a Shown>,
    author: Option<&'a Identity>,
    committer: Option<&'a Identity>,
    tagger: Option<&'a Identity>,
    at_or_before: bool,
    clock_skew: bool,
    reachable: Option<bool>,
    first_tag: Option<&'a Contained>,
    push: Option<&'a LedgerEntry>,
    #[serde(skip)]
    entry: Option<&'a Entry>,
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
    ledger: &'a [LedgerEntry],
    searched: &'a [RepositoryReport],
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
                ledger: trace.ledger,
                searched: &trace.report.repositories,
            };
            super::json::write_value(&document, PrettyFormatter::new(), out)
        }
        TraceFormat::Text => people(trace, &Form::TEXT, out),
        TraceFormat::Markdown => people(trace, &Form::MARKDOWN, out),
    }
}

/// Everything that happened, in the order of its time; what has none comes last. Commits have their makers' clocks and
/// pushes the server's, and of a commit and a push of the same second the commit comes first.
fn events(trace: Trace<'_>) -> Vec<Event<'_>> {
    let mut all: Vec<(Option<i64>, Event<'_>)> = trace.report.keys.first().map_or(Vec::new(), |key| {
        let mut stood = false;
        let told = by_commits(key).into_iter().map(|(entry, is_introduction)| {
            (entry.seconds, by_commit(entry, name_of(entry, is_introduction, &mut stood), trace.tags))
        });
        told.collect()
    });
    let pushes = trace.ledger.iter().filter_map(|entry| Some((clock::seconds(entry.time.as_str()), by_push(entry)?)));
    all.extend(pushes);
    all.sort_by_key(|(seconds, _)| (seconds.is_none(), *seconds));
    all.into_iter().map(|(_, event)| event).collect()
}

/// What happened to the key by an entry. `stood` says whether it has been anywhere before, and is kept.
fn name_of(entry: &Entry, is_introduction: bool, stood: &mut bool) -> &'static str {
    match (is_introduction, entry.level, &entry.moved) {
        (true, _, Some(_)) => "moved",
        (true, Level::Key, None) if std::mem::replace(stood, true) => "brought back",
        (true, Level::Key, None) => "introduced",
        (true, Level::Path, None) => "copied",
        (false, Level::Key, _) => "removed",
        (false, Level::Path, _) => "removed here",
    }
}

/// What commits, tags and refs did to it, in order, and whether it came in by that.
fn by_commits(key: &KeyReport) -> Vec<(&Entry, bool)> {
    let first = key.first_introduced.iter().filter(|_| key.introductions.is_empty());
    let came = first.chain(&key.introductions).map(|entry| (entry, true));
    // The other half of a move is told by where it went.
    let went = key.removals.iter().filter(|entry| entry.moved.is_none()).map(|entry| (entry, false));
    let mut entries: Vec<(&Entry, bool)> = came.chain(went).collect();
    entries.sort_by_key(|(entry, _)| (entry.seconds.is_none(), entry.seconds));
    entries
}

fn by_commit<'a>(entry: &'a Entry, what: &'static str, tags: &'a [Contained]) -> Event<'a> {
    let whole = |person: &'a Option<Identity>| person.as_ref().filter(|_| !entry.at_or_before);
    let clock = entry.committer.as_ref().or(entry.tagger.as_ref());
    let is_here = |tag: &&Contained| Some(tag.commit) == entry.commit && tag.repository == entry.repository;
    Event {
        time: clock.and_then(|person| person.time.as_deref()),
        what,
        repository: Some(&entry.repository),
        commit: entry.commit,
        subject: entry.subject.as_ref(),
        path: entry.path.as_ref(),
        line: entry.line,
        reference: entry.reference.as_ref(),
        moved_from: entry.moved.as_ref().filter(|_| what == "moved"),
        author: whole(&entry.author),
        committer: whole(&entry.committer),
        tagger: whole(&entry.tagger),
        at_or_before: entry.at_or_before,
        clock_skew: entry.clock_skew,
        reachable: Some(entry.reachable),
        first_tag: tags.iter().find(is_here).filter(|_| matches!(what, "introduced" | "brought back" | "copied")),
        push: None,
        entry: Some(entry),
    }
}

/// What the gate decided of a push that brought it; nothing for one in which it stood where it stood before.
fn by_push(entry: &LedgerEntry) -> Option<Event<'_>> {
    let what = match (entry.verdict.as_str(), entry.decision.as_str()) {
        (_, "passed") => return None,
        ("refused", _) => "push refused",
        _ => "pushed",
    };
    Some(Event {
        time: Some(entry.time.as_str()),
        what,
        repository: entry.repository.as_ref(),
        commit: None,
        subject: None,
        path: None,
        line: None,
        reference: None,
        moved_from: None,
        author: None,
        committer: None,
        tagger: None,
        at_or_before: false,
        clock_skew: false,
        reachable: None,
        first_tag: None,
        push: Some(entry),
        entry: None,
    })
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
        writeln!(out, "{}", title(&nowhere(&name, &number, trace.report)))?;
        if !trace.ledger.is_empty() {
            write!(out, "{}", title("What the gate's ledger has of it"))?;
            for event in events(trace) {
                happened(&event, false, form, out)?;
            }
            writeln!(out)?;
        }
        return searched(trace.report, form, out);
    };
    let here = trace.report.repositories.iter().filter(|one| super::spot::is_in(key, one)).count();
    let standing = wording::standing(key);
    let of = if trace.report.repositories.len() == 1 { "here".to_owned() } else { format!("in {here} of {number}") };
    writeln!(out, "{}", title(&format!("Found: {name} is {of}, {standing}.")))?;
    let pushes =
        if trace.ledger.is_empty() { "" } else { " Pushes are from the gate's ledger, by the server's clock." };
    let exposed = clock::span(&key.exposure, wording::is_cut(key));
    writeln!(out, "Exposed {exposed}. {}{pushes}\n", clock::COMMIT_CLOCKS)?;
    let several = trace.report.repositories.len() > 1;
    write!(out, "{}", title("What happened"))?;
    let all = events(trace);
    if all.is_empty() {
        writeln!(out, "{}not known: no commit, tag or push is known that brought it in", form.item)?;
    }
    for event in &all {
        happened(event, several, form, out)?;
    }
    now(key, trace.tags, several, form, out)?;
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
    writeln!(out, "{}{}  {what}{who}{from}{how} (ledger)", form.item, clock::readable(push.time.as_str()))?;
    let refs: Vec<String> = push.refs.iter().map(quote).collect();
    if !refs.is_empty() {
        writeln!(out, "{}to {}", form.inner, refs.join(", "))?;
    }
    if let Some(repository) = &push.repository {
        writeln!(out, "{}in {}", form.inner, quote(repository))?;
    }
    Ok(())
}

fn happened(event: &Event<'_>, several: bool, form: &Form, out: &mut dyn io::Write) -> io::Result<()> {
    let quote = |text: &str| (form.quote)(text);
    if let Some(push) = event.push {
        return pushed(push, event.what, form, out);
    }
    let Some(entry) = event.entry else { return Ok(()) };
    let time = event.time.map_or("at an unknown time".to_owned(), clock::readable);
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
    if several {
        writeln!(out, "{}in {}", form.inner, quote(entry.repository.as_str()))?;
    }
    let people = [("author", event.author), ("committer", event.committer), ("tagger", event.tagger)];
    for (role, person) in people.into_iter().filter_map(|(role, person)| Some((role, person?))) {
        let time = clock::recorded(person).unwrap_or_else(|| quote(person.time_raw.as_str()));
        writeln!(out, "{}{role} {}, {time}", form.inner, quote(&format!("{} <{}>", person.name, person.email)))?;
    }
    if let Some(tag) = event.first_tag {
        let time = tag.time.as_deref().map_or(String::new(), |time| format!(", {}", clock::readable(time)));
        writeln!(out, "{}first tag with it: {}{time}", form.inner, quote(tag.name.as_str()))?;
    }
    for caveat in wording::caveats(entry) {
        writeln!(out, "{}{caveat}", form.inner)?;
    }
    Ok(())
}

/// Where it is now: tips, tags that shipped it, refs, and what no ref reaches.
fn now(key: &KeyReport, tags: &[Contained], several: bool, form: &Form, out: &mut dyn io::Write) -> io::Result<()> {
    let quote = |text: &str| (form.quote)(text);
    write!(out, "\n{}", (form.title)("Where it is now"))?;
    let of = |repository: &Shown| if several { format!(", in {}", quote(repository.as_str())) } else { String::new() };
    let own_text = wording::own_text(key);
    if key.held_at.count == 0 {
        writeln!(out, "{}no tip holds it", form.item)?;
    }
    for place in &key.held_at.at {
        writeln!(out, "{}stands at {}{}", form.item, wording::held(key, place, &quote), of(&place.repository))?;
    }
    if !own_text.is_empty() {
        writeln!(out, "{}in the own text of {}", form.item, own_text.told())?;
    }
    let is_tag = |name: &&Shown| name.as_str().starts_with("refs/tags/");
    let shipped: Vec<String> =
        key.reachable_from.refs.iter().filter(is_tag).map(|name| quote(&name.as_str()["refs/tags/".len()..])).collect();
    if !shipped.is_empty() {
        let first = tags.iter().filter(|tag| tag.time.is_some()).min_by(|a, b| a.time.cmp(&b.time));
        let first = first.map_or(String::new(), |tag| format!(", first {}", quote(tag.tag.as_str())));
        writeln!(out, "{}shipped with its history in {}{first}", form.item, wording::list(&shipped))?;
    }
    let refs: Vec<String> = key.reachable_from.refs.iter().map(|name| quote(name.as_str())).collect();
    if refs.is_empty() {
        writeln!(out, "{}no ref reaches it", form.item)?;
    } else {
        let number = wording::count(key.reachable_from.count, "ref", "refs");
        writeln!(out, "{}reached by {number}: {}", form.item, refs.join(", "))?;
    }
    for place in &key.unreachable {
        writeln!(out, "{}kept too: {}{}", form.item, wording::unreachable(place, &quote), of(&place.repository))?;
    }
    Ok(())
}

fn searched(report: &Report, form: &Form, out: &mut dyn io::Write) -> io::Result<()> {
    let quote = |text: &str| (form.quote)(text);
    write!(out, "{}", (form.title)("What was searched"))?;
    writeln!(out, "{}", EVERYWHERE)?;
    if form.item.starts_with('-') {
        writeln!(out)?;
    }
    for repository in &report.repositories {
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
            writeln!(out, "{}{path}: {}{lost}", form.item, objects.join(", "))?;
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
        let trace = Trace { id: &id, hint: key.map(|key| key.hint.as_str()), report, tags: &tags, ledger: &ledger };
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
    fn nowhere_tells_what_was_searched() {
        let text = written(&sample::clean(), TraceFormat::Text);
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
        let text = written(&nothing, TraceFormat::Text);
        assert!(text.starts_with("Not known: sha256:111"), "{text}");
        assert!(written(&sample::unopened(), TraceFormat::Text).contains("NOT OPENED: /srv/git/\\u{1b}"));
    }
}
