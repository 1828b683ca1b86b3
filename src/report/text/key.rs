//! The block of one key.

use std::io;

use anstyle::{AnsiColor, Style};

use crate::key::is_bundled_for_browsers;
use crate::model::{
    Answer, Candidate, Confidence, Entry, Environment, Identity, Instance, KeyReport, Level, Liveness, NamedPlace,
    Place, Report, Where,
};

use super::super::wording::{self, count};
use super::super::{clock, remedy, triage};
use super::page::{DIM, Page, show, visible};

pub(super) fn write(page: &mut Page<'_>, number: &str, key: &KeyReport, report: &Report) -> io::Result<()> {
    heading(page, number, key)?;
    alive(page, key)?;
    what(page, key)?;
    let mut exposed = vec![clock::span(&key.exposure, wording::is_cut(key))];
    if clock::is_exposed_ahead(key, report) {
        exposed.push(format!("({})", clock::AHEAD));
    }
    page.field("exposed", &exposed)?;
    if let Some(first) = &key.first_introduced {
        page.field("first in", &introduction(page, first))?;
    }
    page.field("pushed", &page.few(wording::pushes(key, report).iter().map(|line| visible(line)).collect()))?;
    standing(page, key)?;
    changes(page, key)?;
    unreachable(page, key)?;
    named(page, "beside it", &key.siblings)?;
    named(page, "deployed by", &key.consumers)?;
    page.field("id", &[format!("{} ({})", visible(&key.id), count(key.sightings, "sighting", "sightings"))])?;
    let next = page.paint(Style::new().bold(), &next_step(key, page.answer(key)));
    page.field("next", &[next])
}

fn heading(page: &mut Page<'_>, number: &str, key: &KeyReport) -> io::Result<()> {
    let hint = page.paint(Style::new().bold(), &visible(&key.hint));
    let environment = match key.environment {
        Environment::Live => AnsiColor::Red.on_default(),
        Environment::Test | Environment::Unknown => AnsiColor::Yellow.on_default(),
    };
    let environment = page.paint(environment, wording::environment(key.environment));
    let standing = page.paint(Style::new().bold(), wording::standing(key));
    let liveness = page.answer(key).map(|answer| answer.liveness);
    let is_news = !wording::is_quiet(key, liveness);
    let known = page.paint(if is_news { Style::new().bold() } else { DIM }, &wording::known_mark(key, liveness));
    let possible = if triage::is_possible(key, liveness) { ", possible" } else { "" };
    page.line(&format!("{number} {hint}  {environment}, {standing}{known}{possible}"))
}

/// What Clerk answered, where it was asked, and the instance that it named.
fn alive(page: &mut Page<'_>, key: &KeyReport) -> io::Result<()> {
    let Some(answer) = page.answer(key) else { return Ok(()) };
    let style = match answer.liveness {
        Liveness::Alive => AnsiColor::Red.on_default().bold(),
        Liveness::Dead => AnsiColor::Green.on_default(),
        Liveness::Unknown => Style::new(),
    };
    let word = match answer.liveness {
        Liveness::Alive => "alive: ",
        Liveness::Dead => "dead: ",
        Liveness::Unknown => "",
    };
    let told = page.paint(style, &format!("{word}{}", wording::answered(answer, &visible)));
    let instance = answer.instance.as_ref().map(|instance| format!("it opens the instance {}", visible(instance)));
    page.field("Clerk says", &[Some(told), instance].into_iter().flatten().collect::<Vec<_>>())
}

/// What it is, how sure that is, and whose.
fn what(page: &mut Page<'_>, key: &KeyReport) -> io::Result<()> {
    let reasons: Vec<String> = key.reasons.iter().map(|reason| visible(reason)).collect();
    let reasons = if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join("; ")) };
    let confidence = key.confidence.name();
    page.field("confidence", &[format!("{confidence}, {}{reasons}", wording::a_kind(key.kind))])?;
    let variables = key.variables.iter().map(|name| {
        let published = is_bundled_for_browsers(name.as_str());
        format!("{}{}", show(name), if published { " (a name that builds publish to browsers)" } else { "" })
    });
    page.field("named", &page.few(variables.collect()))?;
    let named = page.answer(key).and_then(|answer| answer.instance.as_deref());
    match (&key.instance, named) {
        (Some(instance), None) => page.field("instance", &instance_lines(page, instance)),
        // What stood beside the key may be another's, or of another key; Clerk's own word stands above.
        (Some(instance), Some(named)) => {
            let mut lines = vec![format!("{}, as Clerk answered", visible(named))];
            lines.extend(instance_lines(page, instance).into_iter().map(|line| format!("beside the key: {line}")));
            page.field("instance", &lines)
        }
        (None, Some(named)) => page.field("instance", &[format!("{}, as Clerk answered", visible(named))]),
        (None, None) => page.field("instance", &["not known: nothing near it names one".to_owned()]),
    }
}

fn instance_lines(page: &Page<'_>, instance: &Instance) -> Vec<String> {
    let main = Candidate {
        frontend_api: instance.frontend_api.clone(),
        publishable_key: instance.publishable_key.clone(),
        dashboard_url: instance.dashboard_url.clone(),
        evidence: instance.evidence.clone(),
    };
    let mut lines = vec![candidate("likely", &main)];
    lines.extend(page.few(instance.alternatives.iter().map(|other| candidate("or perhaps", other)).collect()));
    lines
}

fn candidate(how_sure: &str, candidate: &Candidate) -> String {
    let name = candidate.frontend_api.as_ref().map_or("one whose host is not known".to_owned(), show);
    let key = candidate.publishable_key.as_ref().map_or(String::new(), |key| format!(" ({})", show(key)));
    let page = wording::dashboard_page(candidate.dashboard_url.as_deref());
    let page = page.map_or(String::new(), |page| format!(", {page}"));
    format!("{how_sure} {name}{key}{page}: {}", visible(wording::evidence(&candidate.evidence)))
}

/// The first introduction: commit and people, or the object where there is no commit.
fn introduction(page: &Page<'_>, entry: &Entry) -> Vec<String> {
    let mut lines = vec![came_in(entry)];
    if page.several {
        lines.push(format!("in {}", show(&entry.repository)));
    }
    if entry.at_or_before {
        let committed = entry.committer.as_ref().and_then(clock::recorded);
        lines.extend(committed.map(|time| format!("committed {time}")));
    } else {
        lines.extend(people(entry));
    }
    lines.extend(wording::caveats(entry).into_iter().map(|caveat| format!("({caveat})")));
    lines
}

/// The commit or object, and where in it.
fn came_in(entry: &Entry) -> String {
    let mut parts = vec![heading_of(entry), location(entry)];
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}

/// `1a2b3c "Add login"`. Where history is cut, neither subject nor author: they are not the introduction's.
fn heading_of(entry: &Entry) -> String {
    let Some(commit) = entry.commit else {
        return wording::without_commit(entry, &visible);
    };
    match &entry.subject {
        _ if entry.at_or_before => format!("at or before {}", commit.short()),
        Some(subject) => format!("{} \"{}\"", commit.short(), show(subject)),
        None => commit.short(),
    }
}

fn people(entry: &Entry) -> Vec<String> {
    if let Some(tagger) = &entry.tagger {
        return vec![format!("tagged by {}", person_and_time(tagger))];
    }
    match (&entry.author, &entry.committer) {
        (Some(author), Some(committer)) if author == committer => vec![format!("by {}", person_and_time(author))],
        (Some(author), Some(committer)) if (&author.name, &author.email) == (&committer.name, &committer.email) => {
            vec![format!("by {}, committed {}", person_and_time(author), time(committer))]
        }
        (author, committer) => {
            let author = author.as_ref().map(|author| format!("by {}", person_and_time(author)));
            let committer = committer.as_ref().map(|one| format!("committed by {}", person_and_time(one)));
            author.into_iter().chain(committer).collect()
        }
    }
}

fn person_and_time(identity: &Identity) -> String {
    format!("{} <{}>, {}", show(&identity.name), show(&identity.email), time(identity))
}

fn time(identity: &Identity) -> String {
    clock::recorded(identity).unwrap_or_else(|| format!("at a time that cannot be read ({})", show(&identity.time_raw)))
}

/// Where in the commit or object it stands, and what was undone to read it.
fn location(entry: &Entry) -> String {
    let at = wording::at(entry.path.as_ref(), entry.line, &visible);
    let place = match entry.place {
        Place::File if !at.is_empty() => at,
        Place::Path if !at.is_empty() => format!("in the name {at}"),
        // What has no commit is called by its place already.
        _ if entry.commit.is_none() => at,
        place if at.is_empty() => format!("in the {}", wording::place(place)),
        place => format!("in the {}, {at}", wording::place(place)),
    };
    if entry.encoding.is_empty() {
        return place;
    }
    let encodings: Vec<String> = entry.encoding.iter().map(|encoding| visible(encoding.as_str())).collect();
    format!("{place} (encoded: {})", encodings.join(" > ")).trim_start().to_owned()
}

fn standing(page: &mut Page<'_>, key: &KeyReport) -> io::Result<()> {
    let held = &key.held_at;
    let mut lines = vec![match key.standing {
        _ if held.count > 0 => wording::refs(held),
        Where::Unreachable => "no ref reaches it: a new clone does not bring it".to_owned(),
        _ if key.exposure.open && wording::own_text(key).is_empty() => {
            "perhaps a ref's tip: what is there now could not all be read".to_owned()
        }
        _ if key.exposure.open => "no file at a ref's tip".to_owned(),
        _ if !wording::is_fetched(&key.reachable_from) => {
            "no ref's tip; a work tree's HEAD still reaches it in history, which no fetch brings".to_owned()
        }
        _ => "no ref's tip; refs still reach it in history, so whoever can fetch can read it".to_owned(),
    }];
    let places = held.at.iter().map(|place| {
        let repository = if page.several { format!(" of {}", show(&place.repository)) } else { String::new() };
        let commit = place.commit.map_or(String::new(), |commit| format!(" ({})", commit.short()));
        format!("{}{commit}{repository}", wording::held(key, place, &visible))
    });
    lines.extend(page.few(places.collect()));
    let unnamed = wording::unnamed_refs(held);
    if unnamed > 0 {
        lines.push(format!("and {} (--all-refs names every one)", count(unnamed, "more ref", "more refs")));
    }
    let own_text = wording::own_text(key);
    if !own_text.is_empty() {
        lines.push(format!("in the own text of {}", own_text.told()));
    }
    page.field("stands at", &lines)?;

    let reach = &key.reachable_from;
    if reach.count == 0 {
        return Ok(());
    }
    let (names, all) = wording::ref_names(reach);
    let refs = page.few_of(names.into_iter().map(|name| wording::ref_name(name, &show)).collect(), all);
    page.field("reached by", &[format!("{}: {}", count(reach.count, "ref", "refs"), refs.join(", "))])
}

fn changes(page: &mut Page<'_>, key: &KeyReport) -> io::Result<()> {
    // What came in once and stayed is told as its first introduction.
    if key.introductions.len() == 1 && key.removals.is_empty() && key.first_introduced.is_some() {
        return Ok(());
    }
    for (label, entries, spread, moved) in [
        ("introduced", &key.introductions, "spread to this path", "moved from"),
        ("removed", &key.removals, "left this path only", "moved to"),
    ] {
        let lines = entries.iter().map(|entry| {
            let mut marks: Vec<String> = wording::caveats(entry).into_iter().map(str::to_owned).collect();
            match (&entry.moved, entry.level) {
                (Some(other), _) => marks.insert(0, format!("{moved} {}", show(other))),
                (None, Level::Path) => marks.insert(0, spread.to_owned()),
                (None, Level::Key) => {}
            }
            let marks = if marks.is_empty() { String::new() } else { format!(" [{}]", marks.join("; ")) };
            let repository = if page.several { format!(", {}", show(&entry.repository)) } else { String::new() };
            format!("{}{}{}{repository}{marks}", when(entry), came_in(entry), by(entry))
        });
        page.field(label, &page.few(lines.collect()))?;
    }
    Ok(())
}

fn when(entry: &Entry) -> String {
    let stamp = entry.tagger.as_ref().or(entry.committer.as_ref());
    stamp.map_or(String::new(), |identity| format!("{}  ", time(identity)))
}

fn by(entry: &Entry) -> String {
    let who = entry.tagger.as_ref().or(entry.author.as_ref()).filter(|_| !entry.at_or_before);
    who.map_or(String::new(), |who| format!(", by {}", show(&who.name)))
}

fn unreachable(page: &mut Page<'_>, key: &KeyReport) -> io::Result<()> {
    let lines = key.unreachable.iter().map(|place| {
        let repository = if page.several { format!(", of {}", show(&place.repository)) } else { String::new() };
        let commits = page.few(place.commits.iter().map(|commit| commit.short()).collect());
        let which = if place.commits.len() == 1 { "commit" } else { "commits" };
        let commits = if commits.is_empty() { String::new() } else { format!("; in {which} {}", commits.join(", ")) };
        format!("{}{commits}{repository}", wording::unreachable(place, &visible))
    });
    page.field("unreachable", &page.few(lines.collect()))
}

fn named(page: &mut Page<'_>, label: &str, places: &[NamedPlace]) -> io::Result<()> {
    let lines = places.iter().map(|place| {
        let at = wording::at(place.path.as_ref(), place.line, &visible);
        if at.is_empty() { show(&place.name) } else { format!("{} ({at})", show(&place.name)) }
    });
    page.field(label, &page.few(lines.collect()))
}

fn next_step(key: &KeyReport, answer: Option<&Answer>) -> String {
    let address = key.instance.as_ref().and_then(|instance| wording::dashboard_page(instance.dashboard_url.as_deref()));
    let address = address.unwrap_or(wording::DASHBOARD);
    let at_tip = matches!(key.standing, Where::BranchTip | Where::OtherTip);
    let liveness = answer.map(|answer| answer.liveness);
    match key.confidence {
        _ if wording::is_quiet(key, liveness) && at_tip && liveness == Some(Liveness::Dead) => {
            "take it out of the code: it is dead, and stands at a tip".to_owned()
        }
        _ if wording::is_quiet(key, liveness) && at_tip => {
            format!("known, yet it stands at a tip: make sure that it is deleted at {address}")
        }
        _ if wording::is_quiet(key, liveness) => "nothing: it is known as dealt with".to_owned(),
        _ if liveness == Some(Liveness::Dead) => wording::DEAD.to_owned(),
        Confidence::Low if liveness != Some(Liveness::Alive) => {
            format!("look at the place; if a key at {address} begins and ends like it, rotate it")
        }
        Confidence::Low | Confidence::Medium | Confidence::High => {
            let keyless = if wording::is_keyless(key) { "claim the application if nobody has, then " } else { "" };
            if let Some(steps) = remedy::of_kind(key.kind) {
                return steps.to_owned();
            }
            let steps = "save the logs, add a new key, deploy it, delete this one";
            if key.known_again && liveness != Some(Liveness::Alive) {
                format!(
                    "{}: as an Admin, look whether it is still listed at {address}; if so, {keyless}{steps}",
                    wording::BACK
                )
            } else {
                format!("as an Admin, {keyless}{steps}: {address}")
            }
        }
    }
}
