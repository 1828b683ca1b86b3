//! What a person has to know of a key before touching it.

use std::io;

use crate::key::is_bundled_for_browsers;
use crate::model::{Answer, Confidence, Entry, Identity, Instance, KeyReport, Level, Liveness, Place, Shown, Where};

use super::super::clock;
use super::super::escape::prose;
use super::super::wording::{self, count};
use super::kinds;
use super::sheet::{Sheet, code, quote};
use super::steps;

pub(super) fn write(sheet: &mut Sheet<'_>, key: &KeyReport) -> io::Result<()> {
    sheet.bullet(0, &format!("**The key:** {}", steps::find_it(key)))?;
    alive(sheet, key)?;
    let liveness = sheet.answer(key).map(|answer| answer.liveness);
    if key.known && !key.known_again && liveness == Some(Liveness::Alive) {
        sheet.bullet(
            0,
            "**Known, but alive:** the list of known keys names it as dealt with, and yet Clerk accepts it. Take it \
             off that list until it is dead.",
        )?;
    }
    if key.known_again {
        sheet.bullet(
            0,
            "**Known, but back:** the list of known keys names it, and since then it was introduced again, or stands \
             at a tip again.",
        )?;
    }
    instance(sheet, key)?;
    if key.confidence != Confidence::High && !key.reasons.is_empty() {
        let sure = key.confidence.name();
        sheet.bullet(0, &format!("**How sure:** {sure}. {}.", prose(&key.reasons.join("; "))))?;
    }
    sheet.bullet(0, &format!("**Exposed:** {}.", clock::span(&key.exposure, wording::is_cut(key))))?;
    if let Some(first) = &key.first_introduced {
        came_in(sheet, "**Came in**", first)?;
        let again = key.introductions.iter().rfind(|entry| entry.level == Level::Key && entry.commit != first.commit);
        if let Some(again) = again.filter(|_| key.known_again) {
            came_in(sheet, "**Came in again**", again)?;
        }
    }
    published(sheet, key)?;
    standing(sheet, key)?;
    unreachable(sheet, key)
}

/// What Clerk answered, where it was asked.
fn alive(sheet: &mut Sheet<'_>, key: &KeyReport) -> io::Result<()> {
    let Some(answer) = sheet.answer(key) else { return Ok(()) };
    let so = if answer.liveness == Liveness::Dead { " It opens nothing any more." } else { "" };
    sheet.bullet(0, &format!("{}.{so}", answered(answer)))?;
    let beside = key.instance.as_ref().and_then(|instance| instance.dashboard_url.as_deref());
    if let (Some(named), Some(page)) = (&answer.instance, beside)
        && !page.contains(&format!("/{named}/"))
    {
        sheet.bullet(1, "Clerk names another instance than the publishable key beside it does: go by Clerk.")?;
    }
    Ok(())
}

/// What Clerk answered, with its time, without a stop.
pub(super) fn answered(answer: &Answer) -> String {
    let word = match answer.liveness {
        Liveness::Alive => "Alive",
        Liveness::Dead => "Dead",
        Liveness::Unknown => "Alive or not",
    };
    format!("**{word}:** {}", wording::answered(answer, &|reason| prose(reason).to_string()))
}

fn instance(sheet: &mut Sheet<'_>, key: &KeyReport) -> io::Result<()> {
    let named = sheet.answer(key).and_then(|answer| answer.instance.as_deref());
    if let Some(named) = named {
        let told = format!("**Which instance:** {}, as Clerk itself answered.", code(&named));
        sheet.bullet(0, &told)?;
    }
    let (depth, likely) =
        if named.is_some() { (1, "What stood beside the key names") } else { (0, "**Which instance:** likely") };
    let Some(instance) = &key.instance else {
        if named.is_some() {
            return Ok(());
        }
        let look = kinds::look(key.kind);
        return sheet.bullet(0, &format!("**Which instance:** not known, nothing near the key names one. {look}"));
    };
    let told = |how_sure: &str, host: &Option<Shown>, evidence: &Shown, url: &Option<String>| {
        let host = host.as_ref().map_or("one whose host is not known".to_owned(), code);
        let page = wording::dashboard_page(url.as_deref()).map_or(String::new(), |page| format!(" Its keys: <{page}>"));
        format!("{how_sure} {host}. What says so: {}.{page}", quote(wording::evidence(evidence)))
    };
    let Instance { frontend_api, dashboard_url, evidence, .. } = instance;
    sheet.bullet(depth, &told(likely, frontend_api, evidence, dashboard_url))?;
    let others = instance
        .alternatives
        .iter()
        .map(|other| told("Or perhaps", &other.frontend_api, &other.evidence, &other.dashboard_url));
    for other in sheet.few(others.collect()) {
        sheet.bullet(1, &other)?;
    }
    Ok(())
}

fn came_in(sheet: &mut Sheet<'_>, label: &str, entry: &Entry) -> io::Result<()> {
    let what = match (entry.commit, &entry.subject) {
        (Some(commit), _) if entry.at_or_before => format!("at or before commit {}", code(&commit.short())),
        (Some(commit), Some(subject)) => format!("with commit {} {}", code(&commit.short()), code(subject)),
        (Some(commit), None) => format!("with commit {}", code(&commit.short())),
        (None, _) => format!("with {}", wording::without_commit(entry, &quote)),
    };
    let repository = if sheet.several { format!(", in {}", code(&entry.repository)) } else { String::new() };
    sheet.bullet(0, &format!("{label} {what}{repository}"))?;
    for line in people(entry) {
        sheet.bullet(1, &line)?;
    }
    if let Some(location) = location(entry) {
        sheet.bullet(1, &location)?;
    }
    for caveat in wording::caveats(entry) {
        sheet.bullet(1, caveat)?;
    }
    Ok(())
}

/// Where in the commit or object, and what was undone to read it there, outermost first.
fn location(entry: &Entry) -> Option<String> {
    let at = wording::at(entry.path.as_ref(), entry.line, &quote);
    let at = match entry.place {
        Place::Path if !at.is_empty() => format!("in the name {at}"),
        // What has no commit is called by its place already.
        _ if entry.commit.is_none() && at.is_empty() => at,
        _ if entry.commit.is_none() && entry.path.is_none() => format!("at {at}"),
        Place::File if !at.is_empty() => format!("in {at}"),
        place if at.is_empty() => format!("in the {}", wording::place(place)),
        place => format!("in the {}, {at}", wording::place(place)),
    };
    let encodings: Vec<String> = entry.encoding.iter().map(code).collect();
    let encoded = if encodings.is_empty() { String::new() } else { format!("encoded: {}", encodings.join(", then ")) };
    let parts: Vec<String> = [at, encoded].into_iter().filter(|part| !part.is_empty()).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// Who brought it in; nobody where history is cut, since that commit only is the oldest that is here.
fn people(entry: &Entry) -> Vec<String> {
    if entry.at_or_before {
        return entry
            .committer
            .as_ref()
            .and_then(clock::recorded)
            .map(|time| format!("committed {time}"))
            .into_iter()
            .collect();
    }
    if let Some(tagger) = &entry.tagger {
        return vec![format!("tagged by {}", person(tagger))];
    }
    match (&entry.author, &entry.committer) {
        (Some(author), Some(committer)) if author == committer => vec![format!("by {}", person(author))],
        (author, committer) => {
            let author = author.as_ref().map(|author| format!("by {}", person(author)));
            let committer = committer.as_ref().map(|committer| format!("committed by {}", person(committer)));
            author.into_iter().chain(committer).collect()
        }
    }
}

fn person(identity: &Identity) -> String {
    let time = clock::recorded(identity)
        .unwrap_or_else(|| format!("at a time that cannot be read, {}", code(&identity.time_raw)));
    format!("{}, {time}", code(&format!("{} <{}>", identity.name, identity.email)))
}

/// A warning where the name of a variable puts the value into what browsers load.
fn published(sheet: &mut Sheet<'_>, key: &KeyReport) -> io::Result<()> {
    for name in key.variables.iter().filter(|name| is_bundled_for_browsers(name.as_str())) {
        sheet.bullet(
            0,
            &format!(
                "**Published:** builds put the value of {} into what browsers load, where every visitor can read it. \
                 Deploy the new key under a name without that prefix.",
                sheet.show(name)
            ),
        )?;
    }
    Ok(())
}

fn standing(sheet: &mut Sheet<'_>, key: &KeyReport) -> io::Result<()> {
    let held = &key.held_at;
    if held.count > 0 {
        sheet.bullet(0, &format!("**Still stands** at {}:", wording::refs(held)))?;
        let places = held.at.iter().map(|place| {
            let repository = if sheet.several { format!(" of {}", code(&place.repository)) } else { String::new() };
            format!("{}{repository}", wording::held(key, place, &quote))
        });
        for place in sheet.few(places.collect()) {
            sheet.bullet(1, &place)?;
        }
        let unnamed = wording::unnamed_refs(held);
        if unnamed > 0 {
            sheet.bullet(1, &format!("and {}", count(unnamed, "more ref", "more refs")))?;
        }
    }
    let own_text = wording::own_text(key);
    if !own_text.is_empty() {
        let also = if held.count > 0 { "**And**" } else { "**Still stands**" };
        sheet.bullet(0, &format!("{also} in the own text of {}.", own_text.told()))?;
    } else if wording::is_open_in_history(key) {
        sheet.bullet(0, "**May still stand** at a ref's tip: what is there now could not all be read.")?;
    } else if key.standing == Where::History {
        let who = match wording::is_fetched(&key.reachable_from) {
            true => "History still has it: who can fetch can read it.",
            false => "The history of a work tree's HEAD still has it, which no fetch brings.",
        };
        sheet.bullet(0, &format!("**No longer stands** at any ref's tip. {who}"))?;
    }
    let reach = &key.reachable_from;
    if reach.count == 0 {
        return Ok(());
    }
    let (names, all) = wording::ref_names(reach);
    let refs =
        sheet.few_of(names.into_iter().map(|name| wording::ref_name(name, &|name| sheet.show(name))).collect(), all);
    sheet.bullet(0, &format!("**Reached by** {}: {}", count(reach.count, "ref", "refs"), refs.join(", ")))
}

fn unreachable(sheet: &mut Sheet<'_>, key: &KeyReport) -> io::Result<()> {
    if key.unreachable.is_empty() {
        return Ok(());
    }
    let head = match key.standing {
        Where::Unreachable => "**No ref reaches it:** a new clone does not bring it. This repository still keeps it:",
        _ => "**Kept too** where no ref reaches it:",
    };
    sheet.bullet(0, head)?;
    let places = key.unreachable.iter().map(|place| {
        let repository = if sheet.several { format!(", of {}", code(&place.repository)) } else { String::new() };
        format!("{}{repository}", wording::unreachable(place, &quote))
    });
    for place in sheet.few(places.collect()) {
        sheet.bullet(1, &place)?;
    }
    Ok(())
}
