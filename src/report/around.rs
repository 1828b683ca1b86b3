//! What is seen around a report, in its repositories as they are now: hooks and `.gitignore` files.

use std::collections::BTreeSet;

use super::progress::{Evidence, State};
use super::wording;

/// What was seen of a repository's gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate {
    /// This hook guards it.
    GuardedBy(String),
    /// This hook would, and lets the key pass, by this setting of its policy.
    LetsPass(String, String),
    /// Nothing does.
    Unguarded,
    /// It is a clone, by these names of remotes: what is pushed to the server is not asked about here, whatever hook it has.
    CloneOf(String),
    /// There is no repository where the report has it.
    NotHere,
}

/// Whether a `.gitignore` covers all of these, each a repository and a path in it.
pub(super) fn ignore(paths: Vec<(String, String)>, evidence: &Evidence<'_>) -> Option<State> {
    let mut seen = Seen::default();
    let mut uncovered = Vec::new();
    for place in paths {
        match evidence.ignored.get(&place) {
            Some(Some(line)) => _ = seen.by.insert(line.clone()),
            Some(None) if uncovered.contains(&place.1) => {}
            Some(None) => uncovered.push(place.1),
            None => seen.not_looked_at(&place.0, evidence),
        }
    }
    let covers = (!uncovered.is_empty()).then(|| format!("no .gitignore covers {}", few(uncovered)));
    seen.state("covered by", covers)
}

/// Whether a hook guards all of these repositories against a key, by its id.
pub(super) fn gate<'a>(
    key: &str,
    repositories: impl Iterator<Item = &'a str>,
    evidence: &Evidence<'_>,
) -> Option<State> {
    let mut seen = Seen::default();
    let (mut unguarded, mut clones, mut open) = (Vec::new(), Vec::new(), Vec::new());
    for path in repositories {
        let of_key = evidence.gates_of_keys.get(&(path.to_owned(), key.to_owned()));
        match of_key.or_else(|| evidence.gates.get(path)) {
            Some(Gate::GuardedBy(hook)) => _ = seen.by.insert(hook.clone()),
            Some(Gate::LetsPass(hook, setting)) => open.push(format!("{hook} of {path} lets it pass ({setting})")),
            Some(Gate::Unguarded) => unguarded.push(path.to_owned()),
            Some(Gate::CloneOf(remotes)) => clones.push(format!("{path} ({remotes})")),
            Some(Gate::NotHere) | None => seen.not_looked_at(path, evidence),
        }
    }
    let has = |paths: Vec<String>| {
        let have = if paths.len() == 1 { "has" } else { "have" };
        format!("{} {have} no such hook here", few(paths))
    };
    let are = |clones: Vec<String>| {
        let (is, it) = if clones.len() == 1 { ("is a clone", "it pushes") } else { ("are clones", "they push") };
        format!("{} {is}: the gate belongs on the server that {it} to", few(clones))
    };
    let unguarded = (!unguarded.is_empty()).then(|| has(unguarded));
    let clones = (!clones.is_empty()).then(|| are(clones));
    let open = (!open.is_empty()).then(|| few(open));
    seen.state("guarded by", open.into_iter().chain(unguarded).chain(clones))
}

/// What was seen of a step in all repositories that it is about.
#[derive(Default)]
struct Seen {
    /// By what it is done.
    by: BTreeSet<String>,
    /// Those that are not where the report has them.
    not_here: Vec<String>,
    /// Whether nobody looked at some.
    is_partial: bool,
}

impl Seen {
    fn not_looked_at(&mut self, path: &str, evidence: &Evidence<'_>) {
        let is_known = self.not_here.iter().any(|known| known == path);
        match evidence.gates.get(path) {
            Some(Gate::NotHere) if is_known => {}
            Some(Gate::NotHere) => self.not_here.push(path.to_owned()),
            _ => self.is_partial = true,
        }
    }

    /// Done where it is done everywhere; else every reason why it is not, whichever repository has it.
    fn state(self, done: &str, open: impl IntoIterator<Item = String>) -> Option<State> {
        let Self { by, not_here, is_partial } = self;
        let mut why: Vec<String> = open.into_iter().collect();
        if !not_here.is_empty() {
            let (is, it) = if not_here.len() == 1 { ("is", "it is") } else { ("are", "they are") };
            why.push(format!("{} {is} not here: audit again where {it} now, or run this where {it}", few(not_here)));
        }
        if !why.is_empty() {
            return Some(State::Open(Some(why.join("; "))));
        }
        let by: Vec<String> = by.into_iter().collect();
        (!by.is_empty() && !is_partial).then(|| State::Seen(format!("{done} {}", by.join(", "))))
    }
}

/// The first few of these, and how many more.
pub(super) fn few(mut names: Vec<String>) -> String {
    const MOST: usize = 5;
    let more = names.len().saturating_sub(MOST);
    names.truncate(MOST);
    names.extend((more > 0).then(|| format!("{more} more")));
    wording::list(&names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_repository_says_why_its_step_is_open_and_none_hides_another() {
        let paths = ["/srv/a.git", "/srv/b.git", "/srv/c.git", "/srv/d.git"];
        let guarded = Gate::GuardedBy("hooks/pre-receive".to_owned());
        let gates = [Gate::NotHere, guarded.clone(), Gate::Unguarded, Gate::CloneOf("origin".to_owned())];
        let mut evidence = Evidence::default();
        for (path, gate) in paths.iter().zip(gates) {
            let line = (gate == guarded).then(|| ".gitignore:1".to_owned());
            if gate != Gate::NotHere {
                evidence.ignored.insert(((*path).to_owned(), ".env".to_owned()), line);
            }
            evidence.gates.insert((*path).to_owned(), gate);
        }
        let open = |of: &[usize]| {
            let files = of.iter().map(|at| (paths[*at].to_owned(), ".env".to_owned())).collect();
            let states = [gate("x", of.iter().map(|at| paths[*at]), &evidence), ignore(files, &evidence)];
            states.map(|state| match state {
                Some(State::Open(Some(why))) => why,
                other => format!("{other:?}"),
            })
        };
        let not_here = "/srv/a.git is not here: audit again where it is now, or run this where it is";
        assert_eq!(open(&[0]), [not_here, not_here]);
        assert_eq!(open(&[1, 0]), [not_here, not_here], "what is seen of one says nothing of another");
        let clone = "/srv/d.git (origin) is a clone: the gate belongs on the server that it pushes to";
        let expected = [
            format!("/srv/c.git has no such hook here; {clone}; {not_here}"),
            format!("no .gitignore covers .env; {not_here}"),
        ];
        assert_eq!(open(&[0, 1, 2, 3]), expected);
        let seen = ["guarded by hooks/pre-receive", "covered by .gitignore:1"];
        assert_eq!(open(&[1]), seen.map(|seen| format!("Some(Seen({seen:?}))")));
        // Where nobody looked nothing is known.
        let unknown = ["/srv/b.git", "/srv/x.git"];
        assert_eq!(gate("x", unknown.into_iter(), &evidence), None);
        // What lets one key pass guards against another.
        let passes = Gate::LetsPass("hooks/pre-receive".to_owned(), "refuse.kinds has no secret_key".to_owned());
        evidence.gates_of_keys.insert((paths[1].to_owned(), "y".to_owned()), passes);
        let of_key = |key| gate(key, [paths[1]].into_iter(), &evidence);
        let why = "hooks/pre-receive of /srv/b.git lets it pass (refuse.kinds has no secret_key)";
        assert_eq!(of_key("y"), Some(State::Open(Some(why.to_owned()))));
        assert!(of_key("x").is_some_and(|state| state.is_done()));
    }
}
