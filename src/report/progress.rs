//! How far the rotation of each key is: the steps of the checklist in short, and which of them are done.
//!
//! Steps that a machine can see tick themselves, with what it saw; the others are a person's to tick. What a machine
//! sees outweighs what a person says: a key that Clerk still accepts is not deleted, whoever ticked that.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Answers, KeyReport, Kind, Liveness, Report, RepositoryReport};

use super::around::{Gate, few, gate, ignore};
use super::rotation::{self, Step, paths_to_ignore};
use super::triage::Triage;
use super::{clock, wording};

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
    /// Ids of the keys that somebody said to be deleted after Clerk last answered about them.
    pub deleted_since: BTreeSet<String>,
    /// Of each repository that was looked for, by its path in the report: what was seen of its gate.
    pub gates: BTreeMap<String, Gate>,
    /// By repository and key id: what was seen of its gate, where that is another for this key than for others.
    pub gates_of_keys: BTreeMap<(String, String), Gate>,
    /// Keys of which something is noted, by id. Those that the report has no more are told all the same.
    pub noted: BTreeMap<String, Noted>,
    /// By repository and path: the line of a `.gitignore` that covers it, if any.
    pub ignored: BTreeMap<(String, String), Option<String>>,
}

/// What is noted of a key from earlier reports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Noted {
    /// Its hint.
    pub hint: String,
    /// What kind of credential it is, where that was noted.
    pub kind: Option<Kind>,
    /// Its steps.
    pub steps: Vec<Step>,
    /// The repositories in which it was seen, each with the files that are to be ignored there.
    pub seen_in: BTreeMap<String, BTreeSet<String>>,
}

/// The steps of one key.
#[derive(Clone, Debug)]
pub struct KeyProgress {
    /// The key's id.
    pub id: String,
    /// Its hint.
    pub hint: String,
    /// What kind of credential it is.
    pub kind: Kind,
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
        kind: key.kind,
        about: format!("{}, {}", wording::environment(key.environment), wording::standing(key)),
        steps: steps.into_iter().map(|step| (step, state(step, key, report, evidence))).collect(),
    };
    let noted = |key: &KeyReport| evidence.noted.get(&key.id).map_or(&[][..], |noted| &noted.steps);
    let rotate = triage.rotate.iter().map(|key| of(key, united(rotation::steps(key), noted(key))));
    let possible = triage.possible.iter().map(|key| of(key, united(vec![Step::Look], noted(key))));
    // A list of known keys says that a key is no news. What it asked for before it was put there is not done by that.
    let known = triage.known.iter().filter_map(|key| Some(of(key, evidence.noted.get(&key.id)?.steps.clone())));
    let here: BTreeSet<&str> = report.keys.iter().map(|key| key.id.as_str()).collect();
    let gone = evidence.noted.iter().filter(|(id, _)| !here.contains(id.as_str()));
    let gone = gone.map(|(id, noted)| KeyProgress {
        id: id.clone(),
        hint: noted.hint.clone(),
        kind: noted.kind.unwrap_or(Kind::Other),
        about: "no longer in the report".to_owned(),
        steps: noted.steps.iter().map(|step| (*step, state_of_gone(*step, id, noted, report, evidence))).collect(),
    });
    rotate.chain(possible).chain(known).chain(gone).collect()
}

/// What a key asks for as a report has it, and what it asked for before: a report that has less of it, since a repository
/// was cleaned or another is looked at, ends no step.
fn united(mut steps: Vec<Step>, before: &[Step]) -> Vec<Step> {
    for step in before {
        if !steps.contains(step) {
            let at = steps.iter().position(|other| other > step).unwrap_or(steps.len());
            steps.insert(at, *step);
        }
    }
    // What was ever surely a key need not be looked at.
    if steps.iter().any(|step| *step != Step::Look) {
        steps.retain(|step| *step != Step::Look);
    }
    steps
}

/// A key that the report has no more: nothing of it is left where it was seen, if the report is about all of that.
fn state_of_gone(step: Step, id: &str, noted: &Noted, report: &Report, evidence: &Evidence<'_>) -> State {
    let (seen, outweighs) = match step {
        Step::Dead => dead_and_gone(id, evidence),
        Step::Tips | Step::Refs | Step::Look => {
            let unseen = unseen(report, noted.seen_in.keys().map(String::as_str));
            let state = match unseen {
                None if noted.seen_in.is_empty() => {
                    State::Open(Some("the report does not have it, and where it was seen is not noted".to_owned()))
                }
                None => {
                    let at = clock::readable(&report.generated_at);
                    State::Seen(format!("the report of {at} does not have it"))
                }
                Some(why) => State::Open(Some(format!("the report does not have it, but {why}"))),
            };
            (Some(state), false)
        }
        Step::Ignore => (ignore(files(&noted.seen_in), evidence), false),
        Step::Gate => (gate(id, noted.seen_in.keys().map(String::as_str), evidence), false),
        _ => (None, false),
    };
    settled(seen, outweighs, evidence.said.get(&(id.to_owned(), step.name())))
}

/// The repositories in which the report has a key, each with the files that are to be ignored there.
pub fn seen_in(key: &KeyReport, report: &Report) -> BTreeMap<String, BTreeSet<String>> {
    let here = report.repositories.iter().filter(|repository| super::spot::is_in(key, repository));
    let mut seen: BTreeMap<String, BTreeSet<String>> =
        here.map(|repository| (repository.path.as_str().to_owned(), BTreeSet::new())).collect();
    for (repository, path) in paths_to_ignore(key) {
        seen.entry(repository).or_default().insert(path);
    }
    seen
}

/// The same with where it was seen before: a repository that was cleaned needs its gate and its ignored files no less.
pub fn ever_seen_in(key: &KeyReport, report: &Report, evidence: &Evidence<'_>) -> BTreeMap<String, BTreeSet<String>> {
    let mut seen = seen_in(key, report);
    for (repository, files) in evidence.noted.get(&key.id).into_iter().flat_map(|noted| &noted.seen_in) {
        seen.entry(repository.clone()).or_default().extend(files.iter().cloned());
    }
    seen
}

/// The files that are to be ignored, each with its repository.
fn files(seen_in: &BTreeMap<String, BTreeSet<String>>) -> Vec<(String, String)> {
    seen_in.iter().flat_map(|(of, files)| files.iter().map(|file| (of.clone(), file.clone()))).collect()
}

fn state(step: Step, key: &KeyReport, report: &Report, evidence: &Evidence<'_>) -> State {
    let (seen, outweighs) = match step {
        Step::Dead => dead(&key.id, evidence),
        // That something cannot be seen outweighs nobody's word; that it is there does.
        Step::Tips => (Some(tips(key, report, evidence)), key.held_at.count > 0),
        Step::Refs => (Some(refs(key, report, evidence)), false),
        Step::Ignore => (ignore(files(&ever_seen_in(key, report, evidence)), evidence), false),
        Step::Gate => (gate(&key.id, ever_seen_in(key, report, evidence).keys().map(String::as_str), evidence), false),
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

/// The same of a key that the report has no more, so that Clerk cannot be asked again: a word from after its answer counts.
fn dead_and_gone(id: &str, evidence: &Evidence<'_>) -> (Option<State>, bool) {
    match dead(id, evidence) {
        (Some(State::Open(Some(why))), true) => {
            let why = format!("{why}, and cannot be asked again without the key: tick it once it is deleted");
            (Some(State::Open(Some(why))), !evidence.deleted_since.contains(id))
        }
        other => other,
    }
}

/// The options by which a report was narrowed, in words: there may be keys where it did not look. Masked.
pub fn narrowed(report: &Report) -> Option<String> {
    let options: BTreeSet<&str> =
        report.repositories.iter().flat_map(|one| &one.narrowed_by).map(|option| option.as_str()).collect();
    let options: Vec<String> = options.into_iter().map(str::to_owned).collect();
    (!options.is_empty()).then(|| format!("narrowed by {}", wording::list(&options)))
}

/// Why a report says nothing of what is not in it; `None` where it does: all of these repositories were read, and all in
/// them that could have a key.
fn unseen<'a>(report: &Report, mut repositories: impl Iterator<Item = &'a str>) -> Option<String> {
    if !report.complete {
        return Some("not all was read".to_owned());
    }
    if let Some(narrowed) = narrowed(report) {
        return Some(format!("it was {narrowed}"));
    }
    repositories.find_map(|path| match report.repositories.iter().find(|one| one.path.as_str() == path) {
        None => Some(format!("it is not about {path}, where the key was seen")),
        // What was cleaned has its other commits still.
        Some(one) if one.commits == 0 => Some(format!("{path} has no commits any more: is it the same repository?")),
        Some(one) => narrow(one),
    })
}

/// Why nothing is seen of some branches in a clone that fetches others alone.
fn narrow(repository: &RepositoryReport) -> Option<String> {
    let fetched = &repository.fetches_only;
    let told = few(fetched.iter().map(|one| one.as_str().to_owned()).collect());
    let path = &repository.path;
    (!fetched.is_empty()).then(|| {
        let (fetched, _) = wording::fetched(repository, &told);
        format!("{path} fetches {fetched}: audit the server's repository, or a clone that is whole")
    })
}

/// The same of a key that the report has, and that was seen elsewhere too.
fn unseen_of(key: &KeyReport, report: &Report, evidence: &Evidence<'_>) -> Option<String> {
    let here = seen_in(key, report);
    let noted = evidence.noted.get(&key.id).into_iter().flat_map(|noted| noted.seen_in.keys());
    let elsewhere = noted.map(String::as_str).filter(|path| !here.contains_key(*path));
    let narrow_here = || report.repositories.iter().filter(|one| here.contains_key(one.path.as_str())).find_map(narrow);
    unseen(report, elsewhere).or_else(narrow_here).map(|why| format!("the report cannot show it: {why}"))
}

fn tips(key: &KeyReport, report: &Report, evidence: &Evidence<'_>) -> State {
    if key.held_at.count > 0 {
        return State::Open(Some(format!("it stands at {}", wording::refs(&key.held_at))));
    }
    // The own text of a commit or tag is no tip's: only a rewrite takes it away, or somebody decides against one.
    if wording::is_open_in_history(key) && wording::own_text(key).is_empty() {
        return State::Open(Some("it may stand at a tip: what is there now could not all be read".to_owned()));
    }
    if let Some(why) = unseen_of(key, report, evidence) {
        return State::Open(Some(why));
    }
    State::Seen(format!("no tip held it on {}", clock::readable(&report.generated_at)))
}

fn refs(key: &KeyReport, report: &Report, evidence: &Evidence<'_>) -> State {
    if key.reachable_from.count > 0 {
        let refs = wording::count(key.reachable_from.count, "ref reaches", "refs reach");
        let own_text = wording::own_text(key);
        let also =
            if own_text.is_empty() { String::new() } else { format!(", in the own text of {}", own_text.told()) };
        return State::Open(Some(format!("{refs} it{also}")));
    }
    if let Some(why) = unseen_of(key, report, evidence) {
        return State::Open(Some(why));
    }
    State::Seen(format!("no ref reached it on {}", clock::readable(&report.generated_at)))
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::model::Answer;

    fn states(report: &Report, evidence: &Evidence<'_>) -> BTreeMap<Step, State> {
        progress(report, evidence).into_iter().next().unwrap().steps.into_iter().collect()
    }

    fn guarded() -> Gate {
        Gate::GuardedBy("hooks/pre-receive".to_owned())
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
            gates: BTreeMap::from([(repository.clone(), guarded())]),
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
        let repository = "/srv/git/shop.git";
        let evidence = noted(&[Step::Dead, Step::Minted, Step::Refs], &[repository]);
        let states = states(&sample::clean(), &evidence);
        assert!(states[&Step::Refs].is_done() && !states[&Step::Dead].is_done() && !states[&Step::Minted].is_done());
    }

    fn noted(steps: &[Step], repositories: &[&str]) -> Evidence<'static> {
        let seen_in = repositories.iter().map(|path| ((*path).to_owned(), [".env".to_owned()].into())).collect();
        let noted = Noted { hint: "sk_live_a…b".to_owned(), kind: None, steps: steps.to_vec(), seen_in };
        Evidence { noted: [(sample::one_key().keys[0].id.clone(), noted)].into(), ..Evidence::default() }
    }

    #[test]
    fn a_key_that_is_gone_and_was_alive_is_dead_by_a_word_that_is_newer_than_the_answer() {
        let report = sample::one_key();
        let id = report.keys[0].id.clone();
        let answers = answers(&report, Liveness::Alive);
        let mut evidence = Evidence { answers: Some(&answers), ..noted(&[Step::Dead], &["/srv/git/shop.git"]) };
        let dead = |evidence: &Evidence<'_>| states(&sample::clean(), evidence)[&Step::Dead].clone();
        let open = |state: State| matches!(state, State::Open(Some(why)) if why.contains("tick it once it is deleted"));
        assert!(open(dead(&evidence)));
        evidence.said.insert((id.clone(), "dead"), "Ann".to_owned());
        assert!(open(dead(&evidence)), "a word from before the answer");
        evidence.deleted_since.insert(id);
        assert_eq!(dead(&evidence), State::Said("Ann".to_owned()));
        // Of a key that is there Clerk can be asked again.
        assert!(!states(&report, &evidence)[&Step::Dead].is_done());
    }

    #[test]
    fn a_report_of_less_than_where_a_key_was_seen_proves_nothing() {
        let repository = "/srv/git/shop.git";
        let (mut half, mut narrowed) = (sample::clean(), sample::clean());
        half.complete = false;
        narrowed.repositories[0].narrowed_by = vec![sample::shown("--ref refs/heads/clean")];
        let mut narrow = sample::clean();
        narrow.repositories[0].fetches_only = (0..7).map(|at| sample::shown(&format!("refs/heads/b{at}"))).collect();
        for (report, repositories, why) in [
            (&half, &[repository][..], "not all was read"),
            (&narrowed, &[repository], "narrowed by --ref refs/heads/clean"),
            (
                &narrow,
                &[repository],
                "shop.git fetches only refs/heads/b0, refs/heads/b1, refs/heads/b2, refs/heads/b3, \
                                      refs/heads/b4 and 2 more: audit the server's",
            ),
            (&sample::clean(), &[repository, "/srv/git/other.git"], "not about /srv/git/other.git"),
            (&sample::clean(), &[], "where it was seen is not noted"),
        ] {
            let steps = [Step::Tips, Step::Refs, Step::Look];
            let gone = states(report, &noted(&steps, repositories));
            for step in steps {
                assert!(matches!(&gone[&step], State::Open(Some(told)) if told.contains(why)), "{why}: {gone:?}");
            }
            // The same of a key that the report has and that stands at no tip of it.
            let mut present = sample::one_key();
            (present.keys[0].held_at, present.keys[0].reachable_from) = Default::default();
            (present.complete, present.repositories) = (report.complete, report.repositories.clone());
            let mut evidence = noted(&[], repositories);
            let present = |evidence: &Evidence<'_>| states(&present, evidence);
            for step in [Step::Tips, Step::Refs] {
                let state = &present(&evidence)[&step];
                let is_open = matches!(state, State::Open(Some(told)) if told.contains(why));
                // A key that it has was seen in what it is about.
                assert!(is_open || repositories.is_empty() && state.is_done(), "{why}: {state:?}");
                // A person can look where no report was made.
                evidence.said.insert((sample::one_key().keys[0].id.clone(), step.name()), "Ann".to_owned());
                assert!(present(&evidence)[&step].is_done());
            }
        }
    }

    #[test]
    fn a_repository_without_commits_is_not_one_that_was_cleaned() {
        let mut empty = sample::clean();
        empty.repositories[0].commits = 0;
        let gone = states(&empty, &noted(&[Step::Tips, Step::Refs], &["/srv/git/shop.git"]));
        for step in [Step::Tips, Step::Refs] {
            let why = "/srv/git/shop.git has no commits any more";
            assert!(matches!(&gone[&step], State::Open(Some(told)) if told.contains(why)), "{gone:?}");
        }
        // A key that was staged and never committed is in one that never had any.
        let mut staged = sample::one_key();
        staged.repositories = empty.repositories;
        (staged.keys[0].held_at, staged.keys[0].reachable_from) = Default::default();
        assert!(states(&staged, &noted(&[], &["/srv/git/shop.git"]))[&Step::Refs].is_done());
    }

    #[test]
    fn a_cleaned_out_key_keeps_its_gate_and_its_ignored_files() {
        let repository = "/srv/git/shop.git".to_owned();
        let mut evidence = noted(&[Step::Ignore, Step::Gate], &[&repository]);
        assert!(states(&sample::clean(), &evidence).values().all(|state| !state.is_done()));
        evidence.gates.insert(repository.clone(), guarded());
        evidence.ignored.insert((repository, ".env".to_owned()), Some(".gitignore:1".to_owned()));
        let states = states(&sample::clean(), &evidence);
        assert_eq!(states[&Step::Gate], State::Seen("guarded by hooks/pre-receive".into()));
        assert_eq!(states[&Step::Ignore], State::Seen("covered by .gitignore:1".into()));
    }

    #[test]
    fn a_report_that_has_less_of_a_key_ends_none_of_its_steps() {
        let mut report = sample::one_key();
        let before: Vec<Step> =
            progress(&report, &Evidence::default())[0].steps.iter().map(|(step, _)| *step).collect();
        let mut evidence = noted(&before, &["/srv/git/shop.git"]);
        report.keys[0].siblings.clear();
        for entry in report.keys[0].first_introduced.iter_mut() {
            entry.path = Some(sample::shown("settings.py"));
        }
        report.keys[0].introductions.clear();
        let steps = |report: &Report, evidence: &Evidence<'_>| -> Vec<Step> {
            progress(report, evidence)[0].steps.iter().map(|(step, _)| *step).collect()
        };
        let less = steps(&report, &Evidence::default());
        assert!(less.len() < before.len());
        assert_eq!(steps(&report, &evidence), before);
        // That it may be none after all, where it stands now, does not end them either; a look is what they began with.
        report.keys[0].confidence = crate::model::Confidence::Low;
        assert_eq!(steps(&report, &evidence), before);
        evidence.noted.values_mut().for_each(|noted| noted.steps = vec![Step::Look]);
        assert_eq!(steps(&report, &evidence), [Step::Look]);
        report.keys[0].confidence = crate::model::Confidence::High;
        assert_eq!(steps(&report, &evidence), less);
    }

    #[test]
    fn gate_and_ignored_files_are_asked_of_every_repository_in_which_a_key_was_ever_seen() {
        let report = sample::one_key();
        let [here, cleaned] = ["/srv/git/shop.git", "/srv/git/cleaned.git"].map(str::to_owned);
        let mut evidence = noted(&[], &[&cleaned]);
        let paths = paths_to_ignore(&report.keys[0]);
        let line = Some(".gitignore:1".to_owned());
        evidence.ignored.extend(paths.into_iter().map(|path| (path, line.clone())));
        evidence.ignored.insert((cleaned.clone(), ".env".to_owned()), None);
        evidence.gates = [(here, guarded()), (cleaned.clone(), Gate::Unguarded)].into();
        let open = states(&report, &evidence);
        let why = "/srv/git/cleaned.git has no such hook here";
        assert_eq!(open[&Step::Gate], State::Open(Some(why.to_owned())));
        assert_eq!(open[&Step::Ignore], State::Open(Some("no .gitignore covers .env".to_owned())));
        evidence.gates.insert(cleaned.clone(), guarded());
        evidence.ignored.insert((cleaned, ".env".to_owned()), line);
        let done = states(&report, &evidence);
        assert!(done[&Step::Gate].is_done() && done[&Step::Ignore].is_done(), "{done:?}");
    }

    #[test]
    fn a_key_that_is_written_off_as_known_still_asks_for_what_it_asked_before() {
        let mut report = sample::report();
        report.keys.retain(|key| key.known && !key.known_again);
        let id = report.keys[0].id.clone();
        let noted = Noted { steps: vec![Step::Logs, Step::Dead], ..Noted::default() };
        let mut evidence = Evidence { noted: [(id.clone(), noted)].into(), ..Evidence::default() };
        assert!(states(&report, &evidence).values().all(|state| !state.is_done()));
        for step in ["logs", "dead"] {
            evidence.said.insert((id.clone(), step), "Ann".to_owned());
        }
        let states = states(&report, &evidence);
        assert!(states.len() == 2 && states.values().all(State::is_done));
    }

    #[test]
    fn what_stands_in_a_tags_own_text_is_at_no_tip_and_ends_with_its_refs_or_by_a_persons_word() {
        let mut report = sample::report();
        report.complete = true;
        report.keys.retain(wording::is_open_in_history);
        report.repositories = sample::clean().repositories;
        // Clones have the same commit and tag.
        let mut of_clone = report.keys[0].introductions.clone();
        of_clone.iter_mut().for_each(|entry| entry.repository = crate::model::Shown::own("/srv/git/clone.git"));
        report.keys[0].introductions.extend(of_clone);
        let open = states(&report, &Evidence::default());
        assert!(matches!(&open[&Step::Tips], State::Seen(what) if what.starts_with("no tip held it")), "{open:?}");
        let told = "in the own text of 1 commit and 1 tag: exposed until no ref reaches them";
        assert!(matches!(&open[&Step::Refs], State::Open(Some(why)) if why.ends_with(told)), "{open:?}");
        let said = BTreeMap::from([((report.keys[0].id.clone(), "refs"), "Ann".to_owned())]);
        assert!(states(&report, &Evidence { said, ..Evidence::default() })[&Step::Refs].is_done());
        // Where not all was read it may be at a tip besides.
        report.complete = false;
        assert!(!states(&report, &Evidence::default())[&Step::Tips].is_done());
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
    }
}
