//! Where a repository was cloned from, as its own configuration and its refs have it. None of it is followed.
//!
//! Addresses are not kept: they may have credentials in them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Setting, Tip};

/// What a repository knows of others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remotes {
    /// Their names.
    pub names: BTreeSet<Vec<u8>>,
    /// What is fetched from those of which some branches or tags are fetched and others are not: refs there, and behind
    /// a `^` those that are left out.
    pub narrowed_to: BTreeSet<Vec<u8>>,
    /// Whether it was cloned without some of its objects, which git then fetches when it needs them.
    pub is_partial: bool,
}

impl Remotes {
    pub(super) fn of(settings: &[Setting], tips: &[Tip]) -> Self {
        let mut remotes = Self::default();
        let mut fetched: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        let mut without_tags: BTreeMap<String, bool> = BTreeMap::new();
        for Setting { section, name, value } in settings {
            let is_extension = section.eq_ignore_ascii_case("extensions");
            remotes.is_partial |= is_extension && name.eq_ignore_ascii_case("partialclone");
            let Some(remote) = remote(section) else { continue };
            match name.to_ascii_lowercase().as_str() {
                "url" => _ = remotes.names.insert(remote.into_bytes()),
                "fetch" => fetched.entry(remote).or_default().push(value),
                "tagopt" => _ = without_tags.insert(remote, value == "--no-tags"),
                "promisor" => remotes.is_partial |= !matches!(value.as_str(), "false" | "no" | "off" | "0"),
                "partialclonefilter" => remotes.is_partial = true,
                _ => {}
            }
        }
        // Refs of others that no setting has a remote for: what came by git's own hand is in none, either.
        let theirs = tips.iter().filter_map(|tip| tip.name.strip_prefix(b"refs/remotes/"));
        let has = |name: &[u8]| {
            let begins =
                |known: &Vec<u8>| name.strip_prefix(known.as_slice()).is_some_and(|rest| rest.starts_with(b"/"));
            remotes.names.iter().any(begins)
        };
        let others: Vec<Vec<u8>> = theirs
            .filter(|name| !has(name))
            .filter_map(|name| Some(name.split(|byte| *byte == b'/').next()?.to_vec()))
            .collect();
        remotes.names.extend(others);
        let has_no_tags = |remote: &String| without_tags.get(remote).is_some_and(|without| *without);
        remotes.narrowed_to = fetched.iter().flat_map(|(remote, specs)| narrowed(specs, has_no_tags(remote))).collect();
        remotes
    }
}

/// The remote that a section is about: `remote "name"`, or as it was written long ago `remote.name`.
fn remote(section: &str) -> Option<String> {
    let (word, rest) = section.split_at_checked("remote".len())?;
    if !word.eq_ignore_ascii_case("remote") {
        return None;
    }
    if let Some(name) = rest.strip_prefix('.') {
        return Some(name.to_owned());
    }
    let quoted = rest.trim_start().strip_prefix('"')?;
    let mut name = String::new();
    let mut characters = quoted.strip_suffix('"').unwrap_or(quoted).chars();
    while let Some(character) = characters.next() {
        name.extend(if character == '\\' { characters.next() } else { Some(character) });
    }
    Some(name)
}

/// What is fetched by these specifications, where that is less than all branches, or where tags are left out: nothing
/// where it is all, and nothing where nothing is.
fn narrowed(specs: &[&str], without_tags: bool) -> Vec<Vec<u8>> {
    /// Tags that come along with no branch.
    const NO_TAGS: &[u8] = b"^refs/tags/*";
    let sources = || specs.iter().map(|spec| spec.strip_prefix('+').unwrap_or(spec)).map(source);
    let is_whole = sources().any(|source| matches!(source, "refs/*" | "refs/heads/*"));
    let told = sources().filter(|source| !source.is_empty() && (!is_whole || source.starts_with('^')));
    // What is fetched by its own name is fetched, whatever the option says.
    let lacks_tags = without_tags
        && sources().any(|source| !source.is_empty())
        && !sources().any(|source| matches!(source, "refs/*" | "refs/tags/*"));
    told.map(|source| source.as_bytes().to_vec()).chain(lacks_tags.then(|| NO_TAGS.to_vec())).collect()
}

fn source(spec: &str) -> &str {
    spec.split_once(':').map_or(spec, |(source, _)| source)
}

#[cfg(test)]
mod tests {
    use super::super::settings;
    use super::*;
    use crate::model::Oid;

    fn of(config: &str, refs: &[&str]) -> (String, String, bool) {
        let oid = Oid::from_bytes(&[7; 20]).unwrap();
        let tip = |name: &&str| Tip { name: name.as_bytes().to_vec(), oid, is_head: false };
        let tips: Vec<Tip> = refs.iter().map(tip).collect();
        let remotes = Remotes::of(&settings(config.as_bytes()), &tips);
        let words = |set: &BTreeSet<Vec<u8>>| {
            let words: Vec<String> = set.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
            words.join(" ")
        };
        (words(&remotes.names), words(&remotes.narrowed_to), remotes.is_partial)
    }

    #[test]
    fn a_clone_is_told_from_a_servers_repository_and_what_it_fetches_from_all() {
        let origin = |lines: &str| format!("[core]\n\tbare = false\n[remote \"origin\"]\n\turl = /srv/x.git\n{lines}");
        let whole = "\tfetch = +refs/heads/*:refs/remotes/origin/*\n";
        for (config, refs, expected) in [
            ("[core]\n\tbare = true\n".to_owned(), &["refs/heads/main"][..], ("", "", false)),
            (origin(whole), &["refs/remotes/origin/main"], ("origin", "", false)),
            (origin("\tmirror = true\n\tfetch = +refs/*:refs/*\n"), &[], ("origin", "", false)),
            // To a mirror that is only pushed to.
            (origin("\tmirror = true\n"), &[], ("origin", "", false)),
            (
                origin("\tfetch = +refs/heads/main:refs/remotes/origin/main\n"),
                &[],
                ("origin", "refs/heads/main", false),
            ),
            (origin(&format!("{whole}\tfetch = ^refs/heads/old\n")), &[], ("origin", "^refs/heads/old", false)),
            (origin(&format!("{whole}\ttagOpt = --no-tags\n")), &[], ("origin", "^refs/tags/*", false)),
            (origin(&format!("{whole}\ttagopt = --no-tags\n\ttagOpt = --tags\n")), &[], ("origin", "", false)),
            (
                origin(&format!("{whole}\ttagOpt = --no-tags\n\tfetch = +refs/tags/*:refs/tags/*\n")),
                &[],
                ("origin", "", false),
            ),
            // To a mirror that is only pushed to.
            (origin("\ttagOpt = --no-tags\n"), &[], ("origin", "", false)),
            (
                origin(&format!("{whole}\tfetch = +refs/pull/*/head:refs/remotes/origin/pr/*\n")),
                &[],
                ("origin", "", false),
            ),
            (
                origin(&format!("{whole}\tpromisor = true\n\tpartialclonefilter = blob:none\n")),
                &[],
                ("origin", "", true),
            ),
            ("[Remote \"a\\\"b\"] URL = x\n".to_owned(), &[], ("a\"b", "", false)),
            ("[remote.old]\nurl = x\n".to_owned(), &[], ("old", "", false)),
            ("[remote \"team/ann\"]\nurl = x\n".to_owned(), &["refs/remotes/team/ann/x"], ("team/ann", "", false)),
            (String::new(), &["refs/remotes/gone/main", "refs/remotes/gone/x"], ("gone", "", false)),
            ("[extensions]\npartialClone = origin\n[remotes]\nurl = x\n".to_owned(), &[], ("", "", true)),
        ] {
            let (names, narrowed, is_partial) = of(&config, refs);
            assert_eq!((names.as_str(), narrowed.as_str(), is_partial), expected, "{config}");
        }
    }
}
