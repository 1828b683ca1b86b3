//! How far the rotation of each key is: the steps of the checklist in short, and which of them are done.
//!
//! Steps that a machine can see tick themselves, with what it saw; the others are a person's to tick. What a machine
//! sees outweighs what a person says: a key that Clerk still accepts is not deleted, whoever ticked that.

use std::collections::BTreeMap;

use crate::model::{Answers, Environment, KeyReport, Liveness, Report};

use super::triage::Triage;
use super::{clock, wording};

/// A step towards the end of an incident, the same for every key that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// Look whether it is a key at all.
    Look,
    /// Claim the application that nobody has an account for.
    Claim,
    /// Save the logs.
    Logs,
    /// Add a new key.
    Add,
    /// Deploy it.
    Deploy,
    /// Check that it is in use.
    Check,
    /// Delete the old one.
    Dead,
    /// Undo what it may have made.
    Minted,
    /// Undo what it may have changed.
    Config,
    /// Rotate what stood beside it.
    Siblings,
    /// Take it out of every tip.
    Tips,
    /// Have no ref reach it.
    Refs,
    /// Ignore the files it came in with.
    Ignore,
    /// Guard the repositories.
    Gate,
    /// Decide whether anybody must be told.
    Law,
}

impl Step {
    /// All of them, in the order in which they are taken.
    pub const ALL: [Self; 15] = [
        Self::Look,
        Self::Claim,
        Self::Logs,
        Self::Add,
        Self::Deploy,
        Self::Check,
        Self::Dead,
        Self::Minted,
        Self::Config,
        Self::Siblings,
        Self::Tips,
        Self::Refs,
        Self::Ignore,
        Self::Gate,
        Self::Law,
    ];

    /// Its name on the command line and in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Look => "look",
            Self::Claim => "claim",
            Self::Logs => "logs",
            Self::Add => "add",
            Self::Deploy => "deploy",
            Self::Check => "check",
            Self::Dead => "dead",
            Self::Minted => "minted",
            Self::Config => "config",
            Self::Siblings => "siblings",
            Self::Tips => "tips",
            Self::Refs => "refs",
            Self::Ignore => "ignore",
            Self::Gate => "gate",
            Self::Law => "law",
        }
    }

    /// The step of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.name() == name)
    }

    /// What is to be done.
    pub fn told(self) -> &'static str {
        match self {
            Self::Look => "look whether it is a key of Clerk's",
            Self::Claim => "claim the application",
            Self::Logs => "save Clerk's logs",
            Self::Add => "add a new key",
            Self::Deploy => "deploy it everywhere",
            Self::Check => "check that it is used and the old one is not",
            Self::Dead => "delete the old key in Clerk",
            Self::Minted => "undo what it may have made: tokens, users, sessions",
            Self::Config => "undo what it may have changed: webhooks, redirects, single sign-on",
            Self::Siblings => "rotate what stood beside it",
            Self::Tips => "take it out of every branch, tag and other tip",
            Self::Refs => "rewrite history so that no ref reaches it, or decide not to",
            Self::Ignore => "ignore the files that it came in with",
            Self::Gate => "refuse pushes with keys",
            Self::Law => "decide whether users and authorities must be told",
        }
    }
}

/// Whether a step is done, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It is not. What a machine saw of it, if anything.
    Open(Option<String>),
    /// A machine saw that it is.
    Seen(String),
    /// A person said so.
    Said(String),
}

impl State {
    /// Whether it is done.
    pub fn is_done(&self) -> bool {
        !matches!(self, Self::Open(_))
    }
}

/// What is known beyond the report.
#[derive(Default)]
pub struct Evidence<'a> {
    /// What Clerk answered.
    pub answers: Option<&'a Answers>,
    /// By key id and step's name, who ticked it and when, in words.
    pub said: BTreeMap<(String, &'static str), String>,
    /// Of each repository that could be looked at, by its path in the report: the hook that guards it, if any.
    pub gates: BTreeMap<String, Option<String>>,
    /// Keys of which something is noted, by id: the hint and the steps of each. Those that the report has no more are
    /// told all the same.
    pub noted: BTreeMap<String, (String, Vec<Step>)>,
    /// By repository and path: the line of a `.gitignore` that covers it, if any.
    pub ignored: BTreeMap<(String, String), Option<String>>,
}

/// The steps of one key.
pub struct KeyProgress {
    /// The key's id.
    pub id: String,
    /// Its hint.
    pub hint: String,
    /// What is to be said of it beside its hint.
    pub about: String,
    /// Its steps.
    pub steps: Vec<(Step, State)>,
}

/// The steps of every key that asks for any, in the order of the report.
pub fn progress(report: &Report, evidence: &Evidence<'_>) -> Vec<KeyProgress> {
    let triage = Triage::of(report, evidence.answers);
    let of = |key: &KeyReport, steps: Vec<Step>| KeyProgress {
        id: key.id.clone(),
        hint: key.hint.clone(),
        about: format!("{}, {}", wording::environment(key.environment), wording::standing(key)),
        steps: steps.into_iter().map(|step| (step, state(step, key, report, evidence))).collect(),
    };
    let rotate = triage.rotate.iter().map(|key| of(key, steps(key)));
    let possible = triage.possible.iter().map(|key| of(key, vec![Step::Look]));
    let gone = evidence.noted.iter().filter(|(id, _)| !report.keys.iter().any(|key| key.id == **id));
    let gone = gone.map(|(id, (hint, steps))| KeyProgress {
        id: id.clone(),
        hint: hint.clone(),
        about: "no longer in the report".to_owned(),
        steps: steps.iter().map(|step| (*step, state_of_gone(*step, id, report, evidence))).collect(),
    });
    rotate.chain(possible).chain(gone).collect()
}

/// A key that the report has no more: nothing of it is left in the repositories, if all of them was read.
fn state_of_gone(step: Step, id: &str, report: &Report, evidence: &Evidence<'_>) -> State {
    let (seen, outweighs) = match step {
        Step::Dead => dead(id, evidence),
        Step::Tips | Step::Refs | Step::Look if report.complete => {
            let at = clock::readable(&report.generated_at);
            (Some(State::Seen(format!("the report of {at} does not have it"))), false)
        }
        Step::Tips | Step::Refs => {
            return State::Open(Some("the report does not have it, but not all was read".to_owned()));
        }
        _ => (None, false),
    };
    settled(seen, outweighs, evidence.said.get(&(id.to_owned(), step.name())))
}

/// The paths of a key that a `.gitignore` should cover, with their repositories: files that are made to hold secrets.
pub fn paths_to_ignore(key: &KeyReport) -> Vec<(String, String)> {
    let mut paths: Vec<(String, String)> = key
        .first_introduced
        .iter()
        .chain(&key.introductions)
        .filter_map(|entry| Some((entry.repository.as_str().to_owned(), entry.path.as_ref()?.as_str().to_owned())))
        .filter(|(_, path)| is_made_for_secrets(path))
        .collect();
    paths.sort();
    paths.dedup();
    paths
}

fn is_made_for_secrets(path: &str) -> bool {
    const TEMPLATES: [&str; 5] = [".example", ".sample", ".template", ".dist", ".defaults"];
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_env = name == ".env" || name.starts_with(".env.") || name == ".dev.vars" || name.starts_with(".dev.vars.");
    let is_keyless = path.split('/').any(|part| part == ".clerk");
    (is_env && !TEMPLATES.iter().any(|end| name.ends_with(end))) || is_keyless
}

fn steps(key: &KeyReport) -> Vec<Step> {
    let applies = |step: &Step| match step {
        Step::Look => false,
        Step::Claim => wording::is_keyless(key),
        Step::Siblings => !key.siblings.is_empty(),
        Step::Ignore => !paths_to_ignore(key).is_empty(),
        Step::Law => key.environment != Environment::Test,
        _ => true,
    };
    Step::ALL.into_iter().filter(applies).collect()
}

fn state(step: Step, key: &KeyReport, report: &Report, evidence: &Evidence<'_>) -> State {
    let (seen, outweighs) = match step {
        Step::Dead => dead(&key.id, evidence),
        Step::Tips => (tips(key, report), true),
        Step::Refs => (refs(key, report), false),
        Step::Ignore => (ignore(key, evidence), false),
        Step::Gate => (gate(key, report, evidence), false),
        _ => (None, false),
    };
    settled(seen, outweighs, evidence.said.get(&(key.id.clone(), step.name())))
}

/// What a machine saw and what a person said, put together.
fn settled(seen: Option<State>, outweighs: bool, said: Option<&String>) -> State {
    match (seen, said) {
        (Some(State::Seen(what)), _) => State::Seen(what),
        (Some(State::Open(Some(what))), _) if outweighs => State::Open(Some(what)),
        (_, Some(said)) => State::Said(said.clone()),
        (Some(open), None) => open,
        (None, None) => State::Open(None),
    }
}

/// What Clerk answered, and whether that outweighs a person's word.
fn dead(id: &str, evidence: &Evidence<'_>) -> (Option<State>, bool) {
    let Some(answer) = evidence.answers.and_then(|answers| answers.get(id)) else { return (None, false) };
    let at = clock::readable(&answer.at);
    match answer.liveness {
        Liveness::Dead => (Some(State::Seen(format!("Clerk refused it on {at}"))), false),
        Liveness::Alive => (Some(State::Open(Some(format!("Clerk accepted it on {at}")))), true),
        Liveness::Unknown => (Some(State::Open(Some(format!("asked on {at}, not known: {}", answer.reason)))), false),
    }
}

/// What stands in a report that is not whole proves nothing.
fn whole(key: &KeyReport, report: &Report) -> Option<String> {
    let here = |path| {
        let entries = key.first_introduced.iter().chain(&key.introductions);
        entries.map(|entry| &entry.repository).any(|of| of == path)
    };
    let cut = report.repositories.iter().any(|repository| here(&repository.path) && !repository.skipped.is_empty());
    cut.then(|| "not all was read, so this cannot be seen".to_owned())
}

fn tips(key: &KeyReport, report: &Report) -> Option<State> {
    if key.held_at.count > 0 {
        return Some(State::Open(Some(format!("it stands at {}", wording::refs(&key.held_at)))));
    }
    if let Some(why) = whole(key, report) {
        return Some(State::Open(Some(why)));
    }
    let at = clock::readable(&report.generated_at);
    Some(State::Seen(format!("no tip held it on {at}")))
}

fn refs(key: &KeyReport, report: &Report) -> Option<State> {
    if key.reachable_from.count > 0 {
        let refs = wording::count(key.reachable_from.count, "ref reaches", "refs reach");
        return Some(State::Open(Some(format!("{refs} it"))));
    }
    if let Some(why) = whole(key, report) {
        return Some(State::Open(Some(why)));
    }
    let at = clock::readable(&report.generated_at);
    Some(State::Seen(format!("no ref reached it on {at}")))
}

fn ignore(key: &KeyReport, evidence: &Evidence<'_>) -> Option<State> {
    let mut by = Vec::new();
    for (repository, path) in paths_to_ignore(key) {
        match evidence.ignored.get(&(repository, path.clone()))? {
            Some(line) => by.push(line.clone()),
            None => return Some(State::Open(Some(format!("no .gitignore covers {path}")))),
        }
    }
    by.sort();
    by.dedup();
    Some(State::Seen(format!("covered by {}", by.join(", "))))
}

fn gate(key: &KeyReport, report: &Report, evidence: &Evidence<'_>) -> Option<State> {
    let mut by = Vec::new();
    for repository in report.repositories.iter().filter(|repository| super::spot::is_in(key, repository)) {
        match evidence.gates.get(repository.path.as_str())? {
            Some(hook) => by.push(hook.clone()),
            None => return Some(State::Open(Some(format!("{} has no such hook here", repository.path)))),
        }
    }
    (!by.is_empty()).then(|| State::Seen(format!("guarded by {}", by.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::model::Answer;

    fn states(report: &Report, evidence: &Evidence<'_>) -> BTreeMap<Step, State> {
        progress(report, evidence).into_iter().next().unwrap().steps.into_iter().collect()
    }

    fn answers(report: &Report, liveness: Liveness) -> Answers {
        let at = "2026-11-24T09:00:00Z".to_owned();
        let answer = Answer { liveness, reason: String::new(), at, instance: None };
        Answers::from([(report.keys[0].id.clone(), answer)])
    }

    #[test]
    fn a_fresh_report_has_every_step_open() {
        let report = sample::one_key();
        let states = states(&report, &Evidence::default());
        assert_eq!(states.len(), 13);
        assert!(states.values().all(|state| !state.is_done()), "{states:?}");
        assert_eq!(states[&Step::Tips], State::Open(Some("it stands at 4 refs (2 branches, 1 tag, 1 other)".into())));
    }

    #[test]
    fn what_a_machine_sees_ticks_itself_with_what_it_saw() {
        let mut report = sample::one_key();
        let answers = answers(&report, Liveness::Dead);
        report.keys[0].held_at = Default::default();
        report.keys[0].reachable_from = Default::default();
        let repository = "/srv/git/shop.git".to_owned();
        let evidence = Evidence {
            answers: Some(&answers),
            gates: BTreeMap::from([(repository.clone(), Some("hooks/pre-receive".to_owned()))]),
            ignored: [".env", "config/.env"]
                .map(|path| ((repository.clone(), path.to_owned()), Some(".gitignore:1".to_owned())))
                .into(),
            ..Evidence::default()
        };
        let states = states(&report, &evidence);
        let seen = |step| match &states[&step] {
            State::Seen(what) => what.clone(),
            other => panic!("{step:?} {other:?}"),
        };
        assert_eq!(seen(Step::Dead), "Clerk refused it on 2026-11-24 09:00:00 UTC");
        assert_eq!(seen(Step::Tips), "no tip held it on 2026-11-23 10:00:00 UTC");
        assert_eq!(seen(Step::Refs), "no ref reached it on 2026-11-23 10:00:00 UTC");
        assert_eq!(seen(Step::Ignore), "covered by .gitignore:1");
        assert_eq!(seen(Step::Gate), "guarded by hooks/pre-receive");
    }

    #[test]
    fn what_a_machine_sees_outweighs_what_a_person_says() {
        let report = sample::one_key();
        let answers = answers(&report, Liveness::Alive);
        let said = |step: Step| ((report.keys[0].id.clone(), step.name()), "Ann".to_owned());
        let said = BTreeMap::from([said(Step::Dead), said(Step::Tips), said(Step::Refs), said(Step::Logs)]);
        let states = states(&report, &Evidence { answers: Some(&answers), said, ..Evidence::default() });
        assert!(!states[&Step::Dead].is_done() && !states[&Step::Tips].is_done());
        // Not to rewrite history is a decision that people can take.
        assert!(states[&Step::Refs].is_done() && states[&Step::Logs].is_done());
    }

    #[test]
    fn a_key_that_was_cleaned_out_of_history_still_asks_for_what_people_must_do() {
        let id = sample::one_key().keys[0].id.clone();
        let noted = BTreeMap::from([(id, ("sk_live_a…b".to_owned(), vec![Step::Dead, Step::Minted, Step::Refs]))]);
        let evidence = Evidence { noted, ..Evidence::default() };
        let states = states(&sample::clean(), &evidence);
        assert!(states[&Step::Refs].is_done() && !states[&Step::Dead].is_done() && !states[&Step::Minted].is_done());
        let mut half = sample::clean();
        half.complete = false;
        assert!(!self::states(&half, &evidence)[&Step::Refs].is_done());
    }

    #[test]
    fn an_answer_that_says_nothing_outweighs_nobody() {
        let report = sample::one_key();
        let answers = answers(&report, Liveness::Unknown);
        let open = states(&report, &Evidence { answers: Some(&answers), ..Evidence::default() });
        assert!(matches!(&open[&Step::Dead], State::Open(Some(why)) if why.contains("not known")));
        let said = BTreeMap::from([((report.keys[0].id.clone(), "dead"), "Ann".to_owned())]);
        let said = states(&report, &Evidence { answers: Some(&answers), said, ..Evidence::default() });
        assert!(said[&Step::Dead].is_done());
    }

    #[test]
    fn half_a_report_proves_nothing() {
        let mut report = sample::report();
        report.keys.truncate(1);
        (report.keys[0].held_at, report.keys[0].reachable_from) = Default::default();
        let states = states(&report, &Evidence::default());
        assert!(matches!(&states[&Step::Tips], State::Open(Some(why)) if why.contains("not all was read")));
        assert!(!states[&Step::Refs].is_done());
    }

    #[test]
    fn a_known_key_that_clerk_accepts_asks_for_everything() {
        let mut report = sample::report();
        report.keys.retain(|key| key.known && !key.known_again);
        for (liveness, expected) in [(Liveness::Alive, 1), (Liveness::Dead, 0), (Liveness::Unknown, 0)] {
            let answers = answers(&report, liveness);
            let all = progress(&report, &Evidence { answers: Some(&answers), ..Evidence::default() });
            assert_eq!(all.len(), expected, "{liveness:?}");
            assert!(all.iter().flat_map(|key| &key.steps).all(|(_, state)| !state.is_done()));
        }
    }

    #[test]
    fn known_keys_ask_for_nothing_and_possible_ones_for_a_look() {
        let report = sample::report();
        let all = progress(&report, &Evidence::default());
        assert_eq!(all.len(), 7);
        assert_eq!(all[6].steps, [(Step::Look, State::Open(None))]);
        for step in Step::ALL {
            assert_eq!(Step::named(step.name()), Some(step));
        }
    }
}
