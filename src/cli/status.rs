//! `clerk-audit status`

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use clap::Args;

use super::clock::now;
use super::exit::Exit;
use super::incident;
use super::kept::{self, Kept};
use super::output;
use super::verify::Asking;
use crate::detect::Detector;
use crate::install::{self, Guard};
use crate::key::{KeyId, KeyText};
use crate::model::{Confidence, KeyReport, Kind, Liveness, Report, Shown};
use crate::report::escape::terminal;
use crate::report::{self, Evidence, Gate, KeyProgress, Noted, Step};
use crate::state::{Asked, Class, PolicyPlaces, Status as State, Tick};
use crate::store::{Ignores, Layout, locate, remote_names};

/// Say what of a rotation is still open, and tick what is done
///
/// Steps that can be seen tick themselves, with what was seen: the key is dead, no tip holds it, no ref reaches it,
/// a hook guards the repository, a .gitignore covers the files. The others are ticked with --done. All is kept in one
/// small file beside the report, which has no key in it, is safe to commit, and merges.
#[derive(Args, Debug)]
#[command(after_help = "Exit status: 0 all is done, 1 something is open, 2 wrong usage, 3 the report is not whole or \
cannot be read, or was narrowed by options and nothing is open of what it has.")]
pub(super) struct Status {
    /// A report, as `history --format json` writes it; the newest there is
    #[arg(value_name = "REPORT.json")]
    report: PathBuf,
    /// Tick a step of a key: its id or hint or a beginning of one, a colon, the step's name (repeatable)
    #[arg(long, value_name = "KEY:STEP")]
    done: Vec<String>,
    /// Take back a tick of a step, named as for --done (repeatable)
    #[arg(long, value_name = "KEY:STEP")]
    undo: Vec<String>,
    /// Who did it [default: $USER]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// The status file [default: REPORT.status.json beside the report]
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Ask Clerk which keys are alive, first
    #[arg(long)]
    verify: bool,
    #[command(flatten)]
    asking: Asking,
}

impl Status {
    pub(super) fn run(self, interrupt: &AtomicBool) -> Exit {
        let detector = Detector::new();
        self.answer(&detector, interrupt).unwrap_or_else(|exit| exit)
    }

    fn answer(&self, detector: &Detector, interrupt: &AtomicBool) -> Result<Exit, Exit> {
        let mut report = incident::read_report(&self.report, detector)?;
        let path = kept::status_path(&self.report, self.state.as_deref());
        incident::keep_inputs(path.as_deref(), &[Some(&self.report), self.asking.ca_file()])?;
        let mut kept = Kept::read(path, detector)?;
        if !kept.has_a_place() && (self.verify || !self.done.is_empty() || !self.undo.is_empty()) {
            output::error("a report from standard input has no place beside it", Some("name one with --state FILE"));
            return Err(Exit::Usage);
        }
        let ticks = named(&self.done, "--done", &report, &kept.state, detector)?;
        let undone = named(&self.undo, "--undo", &report, &kept.state, detector)?;
        if let Some((key, step)) = undone.iter().find(|one| ticks.contains(one)) {
            output::error(&format!("{} of {key} is to be ticked and not to be", step.name()), Some("name it once"));
            return Err(Exit::Usage);
        }
        if ticks.is_empty() && undone.is_empty() {
            kept.note_keys(&report)?;
        } else {
            self.tick(&ticks, &undone, &report, &mut kept, detector)?;
        }
        let mut asked = Exit::Clean;
        if self.verify {
            asked = self.asking.ask(&report, &[], &mut kept, interrupt)?;
        }
        let state = kept.state;
        // As in the checklist: alive first.
        report::sort_by_answer(&mut report, state.answers());
        let evidence = evidence(&report, &state, detector);
        let keys = report::progress(&report, &evidence);
        tell_ahead(&keys, &state);
        ticks.iter().for_each(|tick| tell_outweighed(tick, &keys));
        let mut text = Vec::new();
        // Writing to memory cannot fail.
        _ = report::write_status(&keys, &report, state.answers(), &mut text);
        if !report.complete {
            text.extend_from_slice(b"\nThe report is not whole: there may be more keys than it has.\n");
        }
        let narrowed = report::narrowed(&report);
        if let Some(narrowed) = &narrowed {
            let told = format!("\nThe report was {}: there may be more keys than it has.\n", terminal(narrowed));
            text.extend_from_slice(told.as_bytes());
        }
        incident::print(&text, None)?;
        let done = keys.iter().flat_map(|key| &key.steps).all(|(_, state)| state.is_done());
        Ok(match (report.complete && asked != Exit::Incomplete, done) {
            (false, _) => Exit::Incomplete,
            (true, false) => Exit::Found,
            // Nothing is open of what it has; what it has is not all.
            (true, true) if narrowed.is_some() => Exit::Incomplete,
            (true, true) => Exit::Clean,
        })
    }

    fn tick(
        &self,
        ticks: &[(String, Step)],
        undone: &[(String, Step)],
        report: &Report,
        kept: &mut Kept<'_>,
        detector: &Detector,
    ) -> Result<(), Exit> {
        let by = self.by.clone().or_else(|| std::env::var("USER").ok()).filter(|name| !name.is_empty());
        let by = detector.mask_text(&by.unwrap_or_else(|| "somebody".to_owned()));
        let mut told = Vec::new();
        let hint = |state: &State, key: &String| state.keys().get(key).map_or(key.clone(), |asked| asked.hint.clone());
        kept.change(|state| {
            note_keys(report, state);
            for (key, step) in undone {
                if state.remove_tick(key, step.name()).is_none() {
                    told.push(format!("{} of {} was not ticked", step.name(), hint(state, key)));
                }
            }
            for (key, step) in ticks {
                // What was ticked before Clerk accepted the key was not so, and must not stand in the way of what is.
                let was_alive = state.answers().get(key).is_some_and(|answer| answer.liveness == Liveness::Alive);
                if *step == Step::Dead && was_alive && !state.is_ticked_since_answer(key, step.name()) {
                    state.remove_tick(key, step.name());
                }
                // Who did it first did it; whoever means to have it otherwise takes that back.
                if let Some(old) = state.tick(key, step.name()).filter(|old| old.by != by) {
                    let at = report::readable_time(&old.at);
                    told.push(format!(
                        "{} of {} was ticked before, by {} on {at}, and that stays: --undo takes it back",
                        step.name(),
                        hint(state, key),
                        old.by
                    ));
                }
                state.add_tick(key, step.name(), Tick::new(by.clone(), now()));
            }
        })?;
        told.iter().for_each(|line| incident::note(line));
        Ok(())
    }
}

/// What `--done` or `--undo` names; every one of it, or nothing is changed.
fn named(
    texts: &[String],
    option: &str,
    report: &Report,
    state: &State,
    detector: &Detector,
) -> Result<Vec<(String, Step)>, Exit> {
    let all = report::progress(report, &noted(state));
    let named = |text: &String| {
        tick(text, &all, detector).map_err(|why| {
            let steps: Vec<&str> = Step::ALL.iter().map(|step| step.name()).collect();
            output::error(&why, Some(&format!("{option} KEY:STEP, where STEP is one of {}", steps.join(", "))));
            Exit::Usage
        })
    };
    texts.iter().map(named).collect()
}

/// Says of a step that was just ticked that it is open all the same, and why: what can be seen outweighs a person's word.
fn tell_outweighed((id, ticked): &(String, Step), keys: &[KeyProgress]) {
    for key in keys.iter().filter(|key| key.id == *id) {
        let open = key.steps.iter().find_map(|(step, state)| match state {
            report::State::Open(why) if step == ticked => Some(why),
            _ => None,
        });
        if let Some(why) = open {
            let why = why.as_ref().map_or(String::new(), |why| format!(": {why}"));
            incident::note(&format!("{} of {} stays open, whatever was ticked{why}", ticked.name(), key.hint));
        }
    }
}

/// Says of Clerk's answers and of ticks that are noted at a time that has not come yet that a clock is off.
fn tell_ahead(keys: &[KeyProgress], state: &State) {
    let now = now();
    for key in keys {
        let ahead = state.answers().get(&key.id).filter(|answer| report::is_ahead(&answer.at, &now));
        if let Some(answer) = ahead {
            incident::note(&format!(
                "warning: what Clerk answered about {} is noted as of {}, which this machine's clock has not come to: one \
                 of the two clocks is off. Set it; `verify --again` asks anew, and a tick of dead from now on is newer.",
                key.hint,
                report::readable_time(&answer.at)
            ));
        }
        let ticks = Step::ALL.iter().filter_map(|step| Some((step.name(), state.tick(&key.id, step.name())?)));
        for (step, tick) in ticks.filter(|(_, tick)| report::is_ahead(&tick.at, &now)) {
            incident::note(&format!(
                "warning: {step} of {} was ticked by {} as of {}, which this machine's clock has not come to: one of the \
                 two clocks is off. Set it; --undo takes the tick back, and --done ticks anew.",
                key.hint,
                tick.by,
                report::readable_time(&tick.at)
            ));
        }
    }
}

fn tick(text: &str, keys: &[KeyProgress], detector: &Detector) -> Result<(String, Step), String> {
    let (key, name) = text.rsplit_once(':').ok_or_else(|| format!("{text} has no colon and step behind the key"))?;
    let step = Step::named(name).ok_or_else(|| format!("there is no step {name}"))?;
    let id = incident::select(keys.iter().map(|key| (key.id.as_str(), key.hint.as_str())), key, detector)?;
    let has = keys.iter().any(|key| key.id == id && key.steps.iter().any(|(other, _)| *other == step));
    if !has {
        return Err(format!("that key has no step {name}"));
    }
    Ok((id.to_owned(), step))
}

/// Notes what every key asks for, so that its steps outlive its being in a report.
pub(super) fn note_keys(report: &Report, state: &mut State) {
    let here: BTreeMap<&str, &KeyReport> = report.keys.iter().map(|key| (key.id.as_str(), key)).collect();
    for key in report::progress(report, &noted(state)) {
        let steps = key.steps.iter().map(|(step, _)| step.name().to_owned()).collect();
        if let Some(found) = here.get(key.id.as_str()) {
            let seen_in = report::seen_in(found, report);
            state.add_key(&key.id, Asked { hint: key.hint, steps, seen_in, kind: Some(key.kind) });
        }
    }
}

/// The keys that the status knows, whether or not the report has them, and what Clerk answered: a known key that it
/// accepts has steps.
fn noted(state: &State) -> Evidence<'_> {
    let noted = state.keys().iter().map(|(id, asked)| {
        let steps = asked.steps.iter().filter_map(|name| Step::named(name)).collect();
        (id.clone(), Noted { hint: asked.hint.clone(), kind: asked.kind, steps, seen_in: asked.seen_in.clone() })
    });
    Evidence { answers: Some(state.answers()), noted: noted.collect(), ..Evidence::default() }
}

/// All that is known of the keys: what is noted, and what can be seen where the repositories are here.
pub(super) fn evidence<'a>(report: &Report, state: &'a State, detector: &Detector) -> Evidence<'a> {
    let mut evidence = noted(state);
    let ids = report.keys.iter().map(|key| &key.id).chain(state.keys().keys());
    for id in ids {
        for step in Step::ALL {
            if let Some(tick) = state.tick(id, step.name()) {
                evidence
                    .said
                    .insert((id.clone(), step.name()), format!("{}, {}", tick.by, report::readable_time(&tick.at)));
            }
        }
        if state.is_ticked_since_answer(id, Step::Dead.name()) {
            evidence.deleted_since.insert(id.clone());
        }
    }
    look_around(report, &mut evidence, detector);
    evidence
}

/// What can be seen in the repositories as they are now, of keys that the report has no more as well.
fn look_around(report: &Report, evidence: &mut Evidence<'_>, detector: &Detector) {
    let mut wanted: BTreeMap<String, BTreeSet<String>> =
        report.repositories.iter().map(|one| (one.path.as_str().to_owned(), BTreeSet::new())).collect();
    let noted = evidence.noted.values().flat_map(|noted| &noted.seen_in);
    let files = noted.flat_map(|(of, files)| files.iter().map(move |file| (of.clone(), file.clone())));
    for (repository, file) in files.chain(report.keys.iter().flat_map(report::paths_to_ignore)) {
        wanted.entry(repository).or_default().insert(file);
    }
    for repository in evidence.noted.values().flat_map(|noted| noted.seen_in.keys()) {
        wanted.entry(repository.clone()).or_default();
    }
    let (classes, today) = (classes(report, evidence), now());
    for (repository, files) in wanted {
        let Ok(layout) = locate(&path_of(&repository), false) else {
            evidence.gates.insert(repository, Gate::NotHere);
            continue;
        };
        let mut ignores = (!files.is_empty()).then(|| Ignores::of(&layout));
        for file in files {
            let line = ignores.as_mut().and_then(|ignores| ignores.covering(&Shown::unescape(&file)));
            evidence.ignored.insert((repository.clone(), file), line);
        }
        let (gate, guards) = gate(&layout, detector);
        let here = classes.get(&repository).into_iter().flatten();
        for (id, class) in here.filter(|_| !guards.is_empty()) {
            let gate = gate_of_key(&guards, id, class, &today[..10], detector);
            evidence.gates_of_keys.insert((repository.clone(), id.to_string()), gate);
        }
        evidence.gates.insert(repository, gate);
    }
}

/// What is known of the keys of each repository: of one that is seen no more, that it is one of several.
fn classes(report: &Report, evidence: &Evidence<'_>) -> BTreeMap<String, Vec<(KeyId, Class)>> {
    let sure = || vec![Confidence::High, Confidence::Medium];
    let mut classes: BTreeMap<String, Vec<(KeyId, Class)>> = BTreeMap::new();
    let mut add = |id: &str, repositories: BTreeMap<String, _>, class: Class| {
        let Some(id) = KeyId::parse(id) else { return };
        for (repository, _) in repositories {
            classes.entry(repository).or_default().push((id, class.clone()));
        }
    };
    for key in &report.keys {
        // What asks for a gate was surely a key once, wherever it is left.
        let confidence = if key.confidence == Confidence::Low { sure() } else { vec![key.confidence] };
        let class = Class { kinds: vec![key.kind], environments: vec![key.environment], confidence };
        add(&key.id, report::ever_seen_in(key, report, evidence), class);
    }
    let here: BTreeSet<&str> = report.keys.iter().map(|key| key.id.as_str()).collect();
    for (id, noted) in evidence.noted.iter().filter(|(id, _)| !here.contains(id.as_str())) {
        let kinds = noted.kind.map_or_else(|| Kind::ALL.to_vec(), |kind| vec![kind]);
        // Its hint begins as it does.
        let hint = KeyText::new(noted.hint.as_bytes());
        let environment = noted.kind.map_or_else(|| hint.environment(), |kind| hint.environment_as(kind));
        add(id, noted.seen_in.clone(), Class { kinds, environments: vec![environment], confidence: sure() });
    }
    classes
}

/// What is to be seen of a repository's gate, and what guards it. A hook of a clone's own is asked about pushes to the
/// clone, and the server that it pushes to is not here to be looked at.
fn gate(layout: &Layout, detector: &Detector) -> (Gate, Vec<Guard>) {
    let names = remote_names(layout);
    if !names.is_empty() {
        let names: Vec<String> = names.iter().map(|name| detector.mask(name).to_string()).collect();
        return (Gate::CloneOf(names.join(", ")), Vec::new());
    }
    let guards = install::guards(layout, &PolicyPlaces::of_host());
    let gate = guards.first().map_or(Gate::Unguarded, |guard| Gate::GuardedBy(detector.mask_text(&guard.name)));
    (gate, guards)
}

/// Which of those that guard a repository refuses a key, or else what lets it pass.
fn gate_of_key(guards: &[Guard], key: &KeyId, class: &Class, today: &str, detector: &Detector) -> Gate {
    let mut passes = None;
    for guard in guards {
        let name = detector.mask_text(&guard.name);
        match guard.lets_pass(key, class, today) {
            None => return Gate::GuardedBy(name),
            Some(setting) => _ = passes.get_or_insert(Gate::LetsPass(name, setting)),
        }
    }
    passes.unwrap_or(Gate::Unguarded)
}

/// The path that a report's text stands for.
pub(super) fn path_of(shown: &str) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    PathBuf::from(std::ffi::OsString::from_vec(Shown::unescape(shown)))
}
