//! The words that the reports for people share, so that no two of them call one thing differently.

use std::collections::{BTreeSet, HashMap};

use crate::model::{
    Answer, Answers, Entry, Environment, HeldAt, HeldPlace, KeyReport, Kind, LedgerEntry, Liveness, Place,
    ReachableFrom, Report, RepositoryReport, Shown, Unreachable, Where,
};

/// Clerk's page of API keys for the instance that was opened last.
pub(super) const DASHBOARD: &str = "https://dashboard.clerk.com/~/api-keys";

/// Clerk's own guide to rotation.
pub(super) use crate::key::ROTATION_GUIDE as GUIDE;

/// A number with its thousands told apart: `47,834`.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 key`, `2 keys`.
pub(super) fn count(number_of: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(number_of), if number_of == 1 { one } else { many })
}

/// A number of bytes: `7.2 GB`.
pub(super) fn bytes(bytes: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    for (size, unit) in UNITS {
        if bytes >= size {
            let tenths = bytes / (size / 10);
            return format!("{}.{} {unit}", number(tenths / 10), tenths % 10);
        }
    }
    count(bytes, "byte", "bytes")
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn list(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Each of the names of refs once, with how many repositories have it, and how many names there are in all, those that
/// are not given among them.
pub(super) fn ref_names(reach: &ReachableFrom) -> (Vec<(&Shown, u64)>, u64) {
    let mut at = HashMap::new();
    let mut names: Vec<(&Shown, u64)> = Vec::new();
    for name in &reach.refs {
        let at = *at.entry(name).or_insert(names.len());
        match names.get_mut(at) {
            Some((_, repositories)) => *repositories += 1,
            None => names.push((name, 1)),
        }
    }
    let all = names.len() as u64 + reach.count.saturating_sub(reach.refs.len() as u64);
    (names, all)
}

/// Whether a fetch may bring what these reach: HEADs of other work trees are not told to whoever fetches.
pub(super) fn is_fetched(reach: &ReachableFrom) -> bool {
    let is_all_told = !reach.refs.is_empty() && reach.refs.len() as u64 >= reach.count;
    !is_all_told || reach.refs.iter().any(|name| !name.as_str().starts_with("worktrees/"))
}

/// A ref's name, and how many repositories have one of that name where that is more than one.
pub(super) fn ref_name((name, repositories): (&Shown, u64), show: &dyn Fn(&Shown) -> String) -> String {
    match repositories {
        1 => show(name),
        several => format!("{} (in {} repositories)", show(name), number(several)),
    }
}

/// What a kind of credential is called.
pub(super) fn kind(kind: Kind) -> &'static str {
    kind.in_words()
}

/// The same with its article: `a secret key`, `an encryption key`.
pub(super) fn a_kind(of: Kind) -> String {
    let name = kind(of);
    let article = if name.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {name}")
}

/// The environment as Clerk's prefixes name it.
pub(super) fn environment(environment: Environment) -> &'static str {
    match environment {
        Environment::Live => "live",
        Environment::Test => "test",
        Environment::Unknown => "environment unknown",
    }
}

/// The environment as Clerk's dashboard names it.
pub(super) fn dashboard_environment(environment: Environment) -> &'static str {
    match environment {
        Environment::Live => "Production",
        Environment::Test => "Development",
        Environment::Unknown => "the right environment",
    }
}

/// Said of a key that a list of known ones names and that is news all the same.
pub(super) const BACK: &str = "known, but back";

/// Said of a key that a list of known ones names as dealt with and that Clerk accepted.
pub(super) const ALIVE: &str = "known, but alive";

/// What is left to be done about a key that Clerk refused.
pub(super) const DEAD: &str =
    "it is dead: save the logs, undo what it may have made and changed, take it out of the code";

/// Whether a key is known and nothing has happened to it since: then it asks for nothing. What Clerk accepts was not
/// dealt with, whatever the list says.
pub(super) fn is_quiet(key: &KeyReport, liveness: Option<Liveness>) -> bool {
    key.known && !key.known_again && liveness != Some(Liveness::Alive)
}

/// ", known", ", known, but back" or ", known, but alive", to stand after what else a heading says.
pub(super) fn known_mark(key: &KeyReport, liveness: Option<Liveness>) -> String {
    match key {
        key if !key.known => String::new(),
        key if key.known_again => format!(", {BACK}"),
        key if is_quiet(key, liveness) => ", known".to_owned(),
        _ => format!(", {ALIVE}"),
    }
}

/// What is said of a known key that a tip holds, to stand behind its name.
pub(super) fn known_at_tip(key: &KeyReport, answer: Option<&Answer>) -> Option<String> {
    let deleted = match answer.map(|answer| answer.liveness) {
        Some(Liveness::Dead) => "It is deleted in Clerk: take it out of the code.",
        _ => "Make sure that it is deleted in Clerk, then take it out of the code.",
    };
    matches!(key.standing, Where::BranchTip | Where::OtherTip).then(|| format!("still stands at a tip. {deleted}"))
}

/// What Clerk answered about a key, where it was asked.
pub(super) fn liveness(answers: Option<&Answers>, key: &KeyReport) -> Option<Liveness> {
    Some(answers?.get(&key.id)?.liveness)
}

/// The same in a word.
pub(super) fn alive_or_dead(liveness: Liveness) -> &'static str {
    match liveness {
        Liveness::Alive => "alive",
        Liveness::Dead => "dead",
        Liveness::Unknown => "alive or dead: not known",
    }
}

/// The same in a sentence without its stop, with its time; what may be foreign in it goes through `show`.
pub(super) fn answered(answer: &Answer, show: &dyn Fn(&str) -> String) -> String {
    let at = super::clock::readable(&answer.at);
    match answer.liveness {
        Liveness::Alive => format!("Clerk accepted it on {at}"),
        Liveness::Dead => format!("Clerk refused it on {at}"),
        Liveness::Unknown => format!("not known, asked on {at}: {}", show(&answer.reason)),
    }
}

/// Where a key stands now, of its most exposed place: the order of urgency.
pub(super) fn standing(key: &KeyReport) -> &'static str {
    standing_of(&[key])
}

/// The word for it that the JSON has.
pub(super) fn standing_name(standing: Where) -> &'static str {
    match standing {
        Where::BranchTip => "branch_tip",
        Where::OtherTip => "other_tip",
        Where::History => "history",
        Where::Unreachable => "unreachable",
    }
}

/// The same for several keys that stand alike.
pub(super) fn standing_of(keys: &[&KeyReport]) -> &'static str {
    let any = |has: fn(&KeyReport) -> bool| keys.iter().any(|key| has(key));
    let tags = any(|key| key.held_at.tags > 0 && !is_in_names_alone(key));
    let others = any(|key| key.held_at.other > 0 && !is_in_names_alone(key));
    // Of branches it is the name alone, or it would stand on one.
    let branches = any(|key| key.held_at.branches > 0) && !tags && !others;
    let named = branches || any(is_in_names_alone);
    let own_texts = (any(|key| own_text(key).commits > 0), any(|key| own_text(key).tags > 0));
    match keys.first().map(|key| key.standing) {
        Some(Where::BranchTip) => "on a branch",
        Some(Where::OtherTip) => match (named, tags, others) {
            (true, false, false) => match own_texts {
                (false, false) => "only in a ref's name",
                (true, false) => "in a ref's name and a commit's own text",
                (false, true) => "in a ref's name and a tag's own text",
                (true, true) => "in a ref's name and a commit's or tag's own text",
            },
            (true, true, false) => "only on tags or in a ref's name",
            (true, false, true) => "only on pull or other refs, or in a ref's name",
            (true, true, true) => "only on tags, pull or other refs, or in a ref's name",
            (false, true, false) => "only on tags",
            (false, false, true) => "only on pull or other refs",
            (false, ..) => "only on tags, pull or other refs",
        },
        Some(Where::History) if any(is_open_in_history) => match own_texts {
            (true, false) => "in a commit's own text",
            (false, true) => "in a tag's own text",
            (true, true) => "in a commit's or tag's own text",
            (false, false) => "perhaps still at a tip",
        },
        Some(Where::History) => "only in history",
        Some(Where::Unreachable) | None => "only unreachable",
    }
}

/// Whether all that tips have of a key is their refs' names, where all of them are told.
fn is_in_names_alone(key: &KeyReport) -> bool {
    let by_name = |place: &HeldPlace| place.path.is_none() && place.line.is_none() && is_in_name(key, place);
    let at = &key.held_at.at;
    !at.is_empty() && at.len() as u64 >= key.held_at.count && at.iter().all(by_name)
}

/// Whether the name of the ref of a place has the key.
fn is_in_name(key: &KeyReport, place: &HeldPlace) -> bool {
    let mut named = key.introductions.iter().filter(|entry| entry.place == Place::RefName);
    named.any(|entry| entry.repository == place.repository && entry.reference.as_ref() == Some(&place.reference))
}

/// Whether no tip holds a key, as far as can be read, and it stays exposed: by the own text of a commit or tag that a ref
/// reaches, or since where it stood a tip has what cannot be read.
pub(super) fn is_open_in_history(key: &KeyReport) -> bool {
    key.standing == Where::History && key.exposure.open
}

/// Commits and tags in whose own text, messages or headers, a key stands, as long as refs reach them.
pub(super) struct OwnText {
    pub(super) commits: u64,
    pub(super) tags: u64,
}

impl OwnText {
    pub(super) fn is_empty(&self) -> bool {
        self.commits == 0 && self.tags == 0
    }

    /// `1 commit and 2 tags: exposed until no ref reaches them`
    pub(super) fn told(&self) -> String {
        let kinds = [(self.commits, "commit", "commits"), (self.tags, "tag", "tags")];
        let kinds: Vec<String> =
            kinds.into_iter().filter(|kind| kind.0 > 0).map(|(number, one, many)| count(number, one, many)).collect();
        let them = if self.commits + self.tags == 1 { "it" } else { "them" };
        format!("{}: exposed until no ref reaches {them}", list(&kinds))
    }
}

/// See [`OwnText`].
pub(super) fn own_text(key: &KeyReport) -> OwnText {
    let (mut commits, mut tags) = (BTreeSet::new(), BTreeSet::new());
    for entry in &key.introductions {
        // Clones have the same ones.
        let object = entry.object;
        match entry.place {
            Place::CommitMessage | Place::Author | Place::Committer | Place::CommitHeader => _ = commits.insert(object),
            Place::TagMessage => _ = tags.insert(object),
            Place::File | Place::Path | Place::Note | Place::RefName | Place::Reflog => {}
        }
    }
    OwnText { commits: commits.len() as u64, tags: tags.len() as u64 }
}

/// What a place is called, in front of its path where it has one.
pub(super) fn place(place: Place) -> &'static str {
    match place {
        Place::File => "file",
        Place::Path => "name of the file or directory",
        Place::Note => "note",
        Place::CommitMessage => "commit message",
        Place::Author => "author line of the commit",
        Place::Committer => "committer line of the commit",
        Place::CommitHeader => "header of the commit",
        Place::TagMessage => "annotated tag",
        Place::RefName => "name of the ref",
        Place::Reflog => "line of a reflog",
    }
}

/// Why something was not read.
pub(super) fn skipped(reason: &str) -> &str {
    match reason {
        "missing" => "missing from the repository",
        "corrupt" => "corrupt",
        "malformed" => "malformed",
        "too_large" => "larger than the limit",
        "too_deep" => "nested deeper than the limit",
        "shallow" => "cut off by a shallow clone",
        "broken_ref" => "a broken ref",
        "unsupported" => "of a kind that this version does not read",
        "unreadable" => "unreadable",
        "interrupted" => "not reached: the audit was interrupted",
        "limit" => "over a limit",
        other => other,
    }
}

/// `2 branches`, or `3 refs (1 branch, 1 tag, 1 other)`.
pub(super) fn refs(held: &HeldAt) -> String {
    if held.count == held.branches {
        return count(held.branches, "branch", "branches");
    }
    if held.count == held.tags {
        return count(held.tags, "tag", "tags");
    }
    if held.count == held.other {
        return count(held.other, "other ref", "other refs");
    }
    let kinds = [(held.branches, "branch", "branches"), (held.tags, "tag", "tags"), (held.other, "other", "others")];
    let kinds: Vec<String> =
        kinds.into_iter().filter(|kind| kind.0 > 0).map(|(number, one, many)| count(number, one, many)).collect();
    let refs = count(held.count, "ref", "refs");
    if kinds.is_empty() { refs } else { format!("{refs} ({})", kinds.join(", ")) }
}

/// What brought a key in where no commit did: a ref, an annotated tag, or an object by itself. Like all functions here
/// that tell of something foreign, it passes that through `quote`.
pub(super) fn without_commit(entry: &Entry, quote: &dyn Fn(&str) -> String) -> String {
    let reference = entry.reference.as_ref().map(|reference| quote(reference.as_str()));
    let object = entry.object.map_or(String::new(), |object| format!(" {}", quote(&object.short())));
    match (reference, entry.place) {
        (Some(reference), Place::RefName) => format!("the name of the ref {reference}"),
        (Some(reference), Place::TagMessage) => format!("the annotated tag{object}, {reference}"),
        (Some(reference), _) if entry.path.is_some() => format!("{reference}, which names a tree and no commit"),
        (Some(reference), _) => format!("{reference}, which names a file and no commit"),
        (None, at) => format!("the {}{object}", place(at)),
    }
}

/// `path:line`, `line 3`, or nothing.
pub(super) fn at(path: Option<&Shown>, line: Option<u64>, quote: &dyn Fn(&str) -> String) -> String {
    let text = path_line(path.map(Shown::as_str), line);
    // Without a path it is all our own.
    if path.is_some() { quote(&text) } else { text }
}

/// One place at a tip.
pub(super) fn held(key: &KeyReport, place: &HeldPlace, quote: &dyn Fn(&str) -> String) -> String {
    let reference = quote(place.reference.as_str());
    let at = at(place.path.as_ref(), place.line, quote);
    match (&place.path, place.line) {
        (Some(_), _) => format!("{at} on {reference}"),
        (None, Some(_)) => format!("{at} of the file that {reference} names"),
        (None, None) if is_in_name(key, place) => format!("in the name of {reference}"),
        (None, None) => format!("in what {reference} names"),
    }
}

/// One place that no ref reaches, and by what it is kept.
pub(super) fn unreachable(item: &Unreachable, quote: &dyn Fn(&str) -> String) -> String {
    let name = item.path.as_ref().map(|path| quote(path.as_str()));
    let of_name = name.as_ref().map_or(String::new(), |name| format!(" {name}"));
    let via = item.via.as_ref().map(|via| quote(via.as_str()));
    match (&*item.object_type, item.place) {
        ("reflog", Place::RefName) => return format!("name of the reflog{of_name}, whose ref is gone"),
        ("reflog", _) => {
            let line = item.line.map_or(String::new(), |line| format!(", line {line}"));
            let entry = via.map_or(String::new(), |via| format!(" ({via})"));
            return format!("reflog of{of_name}{line}{entry}");
        }
        ("index", _) => {
            // A linked worktree's index is named in full.
            let other = item.via.as_ref().filter(|via| via.as_str() != "index");
            let index = other.map_or(String::new(), |other| format!(" ({})", quote(other.as_str())));
            return format!("path{of_name} in the index{index}");
        }
        _ => {}
    }
    let object = item.object.map_or(String::new(), |object| format!(" {}", quote(&object.short())));
    let at = at(item.path.as_ref(), item.line, quote);
    let at = match item.place {
        Place::File | Place::Note => at,
        other if at.is_empty() => format!("in the {}", place(other)),
        other => format!("in the {}, {at}", place(other)),
    };
    let at = if at.is_empty() { at } else { format!(", {at}") };
    let kept = via.map_or("kept by nothing, until git collects garbage".to_owned(), |via| format!("kept by {via}"));
    format!("{}{object}{at}: {kept}", item.object_type)
}

/// What says which instance a key belongs to, without the "likely" that the reports say themselves.
pub(super) fn evidence(evidence: &Shown) -> &str {
    evidence.as_str().strip_prefix("likely: ").unwrap_or(evidence.as_str())
}

/// How many of the refs that hold a key are not named among its places.
pub(super) fn unnamed_refs(held: &HeldAt) -> u64 {
    let named: BTreeSet<_> = held.at.iter().map(|place| (&place.repository, &place.reference)).collect();
    held.count.saturating_sub(named.len() as u64)
}

/// How many things an audit was to read and did not.
pub(super) fn unread(report: &Report) -> u64 {
    report.repositories.iter().map(|repository| repository.skipped.len() as u64).sum()
}

/// The two ends of a hint, by which a person finds the key in a list that shows no more of it.
pub(super) fn ends(hint: &str) -> Option<(&str, &str)> {
    let (first, last) = hint.split_once('…')?;
    (!first.is_empty() && !last.is_empty() && !last.contains('…')).then_some((first, last))
}

/// The address, if it is one that this program builds and nothing else: the reports make it a link.
pub(super) fn dashboard_page(address: Option<&str>) -> Option<&str> {
    let address = address?;
    let rest = address.strip_prefix("https://dashboard.clerk.com/apps/app_")?;
    let (application, rest) = rest.split_once('/')?;
    let instance = rest.strip_prefix("instances/ins_")?.strip_suffix("/api-keys")?;
    let is_id = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_id(application) && is_id(instance)).then_some(address)
}

/// Whether a key came from an application that Clerk made without an account ("keyless"): until someone claims it,
/// no one can rotate its keys.
pub(super) fn is_keyless(key: &KeyReport) -> bool {
    if matches!(key.kind, Kind::ClaimToken | Kind::KeylessApplication) {
        return true;
    }
    let in_entries = key.first_introduced.iter().chain(&key.introductions).filter_map(|entry| entry.path.as_ref());
    let held = key.held_at.at.iter().filter_map(|place| place.path.as_ref());
    let unreachable = key.unreachable.iter().filter_map(|place| place.path.as_ref());
    in_entries.chain(held).chain(unreachable).any(|path| {
        let path = path.as_str();
        path == "keyless.json" || path.ends_with("/keyless.json")
    })
}

/// Whether history is cut at the first introduction, so that its author is not to be named.
pub(super) fn is_cut(key: &KeyReport) -> bool {
    key.first_introduced.as_ref().is_some_and(|entry| entry.at_or_before)
}

/// `path:line`, or what there is of it; empty where there is neither.
pub(super) fn path_line(path: Option<&str>, line: Option<u64>) -> String {
    match (path, line) {
        (Some(path), Some(line)) => format!("{path}:{line}"),
        (Some(path), None) => path.to_owned(),
        (None, Some(line)) => format!("line {line}"),
        (None, None) => String::new(),
    }
}

/// The marks of an entry that change how it is to be read.
pub(super) fn caveats(entry: &Entry) -> Vec<&'static str> {
    let marks = [
        (entry.at_or_before, "at or before: history is cut here, so it may have come in earlier, by someone else"),
        (entry.clock_skew, "clock skew: dated before its own parent"),
        (!entry.reachable, "no ref reaches it"),
    ];
    marks.into_iter().filter(|mark| mark.0).map(|mark| mark.1).collect()
}

/// What the gate's ledger says of a key: when it came by the server's clock, by whom, and what was refused before. A ledger is
/// a whole host's: of what was pushed anywhere but to the one repository that the report is of its name is told.
pub(super) fn pushes(key: &KeyReport, report: &Report) -> Vec<String> {
    let name = |entry: &'_ LedgerEntry| {
        let is_the_one = entry.audited && report.repositories.len() == 1;
        entry.repository.clone().filter(|_| !is_the_one)
    };
    let mut repositories: Vec<Option<Shown>> = Vec::new();
    for entry in &key.ledger {
        let name = name(entry);
        if !repositories.contains(&name) {
            repositories.push(name);
        }
    }
    repositories.sort_by_key(Option::is_some);
    let of = |repository: &Option<Shown>| key.ledger.iter().filter(|entry| name(entry) == *repository).collect();
    repositories.iter().flat_map(|repository| pushes_to(repository.as_ref(), &of(repository))).collect()
}

/// What it says of one repository.
fn pushes_to(repository: Option<&Shown>, entries: &Vec<&LedgerEntry>) -> Vec<String> {
    let by = |entry: &LedgerEntry| {
        let who = entry.pusher.as_ref().map(|who| format!(" by {who}")).unwrap_or_default();
        let from = entry.remote_address.as_ref().map(|from| format!(" from {from}")).unwrap_or_default();
        format!("{}{who}{from}", super::clock::pushed_at(entry))
    };
    let is_refusal = |entry: &LedgerEntry| entry.verdict.as_str() == "refused" && entry.decision.as_str() == "refused";
    let mut refused: Vec<&LedgerEntry> = Vec::new();
    let mut lines = Vec::new();
    for entry in entries {
        if is_refusal(entry) {
            refused.push(entry);
        } else if entry.verdict.as_str() != "refused" && (entry.decision.as_str() != "passed" || entry.introduced) {
            let before =
                if refused.is_empty() { String::new() } else { format!("; refused {} before", times(&refused)) };
            let let_pass = match entry.decision.as_str() {
                "bypassed" => ", by push option",
                "allowed" => ", as the policy allows",
                _ => "",
            };
            let to = repository.map(|name| format!(" to {name}")).unwrap_or_default();
            lines.push(format!("pushed at {}{to}{let_pass}{before}", by(entry)));
            refused.clear();
        }
    }
    if let Some(last) = refused.last() {
        let at = repository.map(|name| format!(" in {name}")).unwrap_or_default();
        lines.push(format!("refused {}{at}, the last time at {}", times(&refused), by(last)));
    }
    lines
}

/// How often a key was refused. What decides of each ref by itself does not know which of them were one push.
fn times(refused: &[&LedgerEntry]) -> String {
    let is_of_a_ref = |entry: &&LedgerEntry| entry.hook.as_ref().is_some_and(|hook| hook.as_str() != "pre-receive");
    match refused.len() {
        1 => "once".to_owned(),
        count if refused.iter().any(is_of_a_ref) => format!("{count} times (each ref by itself)"),
        2 => "twice".to_owned(),
        count => format!("{count} times"),
    }
}

/// What the remotes of a clone fetch, in the words before what `told` has of it, and what is not here then.
pub(super) fn fetched(repository: &RepositoryReport, told: &str) -> (String, &'static str) {
    let all_but: Vec<&str> = repository.fetches_only.iter().map_while(|one| one.as_str().strip_prefix('^')).collect();
    match all_but.len() == repository.fetches_only.len() {
        true if all_but == ["refs/tags/*"] => ("all but tags".to_owned(), "of tags nothing is here"),
        true => (format!("all but these: {told}"), "of these nothing is here"),
        false => (format!("only {told}"), "of other branches nothing is here"),
    }
}

/// How much of a repository was read.
pub(super) fn objects(repository: &RepositoryReport) -> String {
    let objects = [
        count(repository.refs, "ref", "refs"),
        count(repository.commits, "commit", "commits"),
        count(repository.trees, "tree", "trees"),
        count(repository.blobs, "blob", "blobs"),
        bytes(repository.bytes),
    ];
    objects.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_for_reading() {
        let numbers =
            [(0, "0"), (999, "999"), (1_000, "1,000"), (47_834, "47,834"), (u64::MAX, "18,446,744,073,709,551,615")];
        for (value, expected) in numbers {
            assert_eq!(number(value), expected);
        }
        let sizes =
            [(0, "0 bytes"), (1, "1 byte"), (1_234, "1.2 kB"), (7_200_000_000, "7.2 GB"), (999_999, "999.9 kB")];
        for (value, expected) in sizes {
            assert_eq!(bytes(value), expected);
        }
        assert!(bytes(u64::MAX).ends_with(" TB"));
    }

    #[test]
    fn only_an_address_that_we_build_becomes_a_link() {
        let good = "https://dashboard.clerk.com/apps/app_2abc/instances/ins_2def/api-keys";
        assert_eq!(dashboard_page(Some(good)), Some(good));
        for bad in [
            "https://dashboard.clerk.com/apps/app_2abc/instances/ins_2def/api-keys?x",
            "https://dashboard.clerk.com/apps/app_2abc/instances/ins_2def/x/api-keys",
            "https://dashboard.clerk.com.evil.example/apps/app_2abc/instances/ins_2def/api-keys",
            "https://dashboard.clerk.com/apps/app_/instances/ins_2def/api-keys",
            "https://dashboard.clerk.com/apps/app_a)[x](y/instances/ins_2def/api-keys",
            "javascript:alert(1)",
            "",
        ] {
            assert_eq!(dashboard_page(Some(bad)), None, "{bad}");
        }
    }

    #[test]
    fn a_hint_has_two_ends() {
        assert_eq!(ends("sk_live_AbCd…WxYz"), Some(("sk_live_AbCd", "WxYz")));
        assert_eq!(ends("sk_live_AbCd…"), None);
        assert_eq!(ends("sk_live_short"), None);
    }

    #[test]
    fn names_that_publish_a_value_are_known() {}
}
