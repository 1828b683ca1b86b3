//! How far the rotation of each key has come: what people ticked, and what Clerk answered.
//!
//! One small JSON file, made to be committed and merged: for each step that a key asks for a line with its name and one
//! with what is noted, `null` at first, sorted, the last line always the same. So two people's ticks are on lines of
//! their own, and a line that neither changed stands between: that is what git's merge asks for. Where both changed the
//! same one, git's marks are in the file, and whoever reads it next takes both sides together: of a step the earliest
//! tick, of `dead` the latest, of a key the newest answer. Lines that are alike lead git astray, so that what both sides added can stand there
//! twice, with marks or without: of entries that are named again the same is taken together. It has ids, hints and kinds of keys, names of steps, and the paths of the repositories in which
//! a key was seen and of the files that are to be ignored there; no key, and nothing that is in a file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::entries::Entries;
use super::{Error, merge};
use crate::key::{KeyId, is_instance_id};
use crate::model::{Answer, Answers, Kind, Liveness};

/// The name and version of the file.
const SCHEMA: &str = "clerk-audit/status/1";
/// What Clerk answered stands under this name, where else a step's name stands.
const ANSWER: &str = "answer";
/// The step that Clerk's answers are about: a tick of it counts where it is newer than they are.
const DEAD: &str = "dead";
/// What a key asks for stands under this one.
const STEPS: &str = "steps";
/// The last entry: it sorts behind every other.
const END: &str = "~";

/// A step that a person ticked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tick {
    /// Who, by their own word.
    pub by: String,
    /// When, RFC 3339, UTC, by their machine's clock.
    pub at: String,
    /// Of the step `dead`: the time of the answer of Clerk's that was known then, if there was one. The tick is newer than
    /// that, whatever the clocks said: one of them may have been off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

impl Tick {
    /// A tick of now.
    pub fn new(by: String, at: String) -> Self {
        Self { by, at, after: None }
    }

    /// The moment up to which answers are older than it, and whether one of that very moment is.
    fn reaches(&self) -> (&str, bool) {
        let of_answer = self.after.as_deref().map(|after| (after, true));
        of_answer.unwrap_or_default().max((&self.at, false))
    }
}

/// What a key asks for: noted when something is noted of it, so that its steps outlive the report that has it. A
/// history that was cleaned has the key no more, and yet somebody must still look for what it made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The key's hint.
    pub hint: String,
    /// The names of its steps.
    pub steps: Vec<String>,
    /// The repositories in which it was seen, by their paths, each with the files that are to be ignored there: a report
    /// that has the key no more says nothing of a repository that it is not about. Earlier versions noted none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub seen_in: BTreeMap<String, BTreeSet<String>>,
    /// What kind of credential it is. Earlier versions did not note it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
}

impl Asked {
    /// Takes in what it asked for before, or what others know of.
    fn asks_too(&mut self, steps: Vec<String>) {
        for step in steps {
            if !self.steps.contains(&step) {
                self.steps.push(step);
            }
        }
    }

    /// Takes in where it was seen before, or by others.
    fn seen_too(&mut self, other: BTreeMap<String, BTreeSet<String>>) {
        for (repository, files) in other {
            self.seen_in.entry(repository).or_default().extend(files);
        }
    }
}

/// What has been done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    keys: BTreeMap<String, Asked>,
    ticks: BTreeMap<(String, String), Tick>,
    answers: Answers,
    was_merged: bool,
}

impl Status {
    /// Reads a file; one that is not there is an empty one.
    ///
    /// # Errors
    /// Where it cannot be read or understood: half of it would say that things are open which are done, or lose them.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let name = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, &name),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(Error::Read { file: name, source }),
        }
    }

    fn parse(text: &str, name: &str) -> Result<Self, Error> {
        let unclear = |_| Error::Malformed {
            path: name.to_owned(),
            what: "it has the marks of a merge in it, and they are not as git writes them".to_owned(),
        };
        match merge::sides(text).map_err(unclear)? {
            None => Self::parse_one(text, name),
            Some([ours, theirs]) => {
                let mut status = Self::parse_one(&ours, name)?;
                status.take_in(Self::parse_one(&theirs, name)?);
                status.was_merged = true;
                Ok(status)
            }
        }
    }

    fn parse_one(text: &str, name: &str) -> Result<Self, Error> {
        let wrong = |what: String| Error::Malformed { path: name.to_owned(), what };
        let Entries(document) = serde_json::from_str(text)
            .map_err(|error| wrong(format!("line {} is not as clerk-audit writes it", error.line())))?;
        let schemas: BTreeSet<Option<&str>> =
            document.iter().filter(|(name, _)| name == "schema").map(|(_, value)| value.as_str()).collect();
        if schemas.is_empty() || schemas.contains(&None) {
            return Err(wrong("it is no status file of clerk-audit".to_owned()));
        }
        if schemas.iter().any(|schema| *schema != Some(SCHEMA)) {
            return Err(wrong("written by another version of clerk-audit".to_owned()));
        }
        let mut status = Self::default();
        let mut seen = BTreeSet::new();
        for (key, value) in document.into_iter().filter(|(key, _)| key != "schema" && key != END) {
            let (id, step) = key.split_once('/').unwrap_or((&key, ""));
            if KeyId::parse(id).is_none_or(|parsed| parsed.to_string() != id) || !is_word(step) {
                return Err(wrong("an entry is not named by a key's id and a step".to_owned()));
            }
            let odd = |_| wrong(format!("the entry of the step {step} is not as clerk-audit writes it"));
            status.was_merged |= !seen.insert(key.clone());
            if value.is_null() && step != STEPS {
                continue;
            }
            if step == ANSWER {
                let answer: Answer = serde_json::from_value(value).map_err(odd)?;
                status.take_answer(id.to_owned(), answer);
            } else if step == STEPS {
                let asked: Asked = serde_json::from_value(value).map_err(odd)?;
                if !asked.steps.iter().all(|step| is_word(step)) {
                    return Err(wrong("a key asks for what is the name of no step".to_owned()));
                }
                status.take_key(id.to_owned(), asked);
            } else {
                let tick: Tick = serde_json::from_value(value).map_err(odd)?;
                status.take_tick((id.to_owned(), step.to_owned()), tick);
            }
        }
        Ok(status)
    }

    /// What a person ticked of a step of a key.
    pub fn tick(&self, key: &str, step: &str) -> Option<&Tick> {
        self.ticks.get(&(key.to_owned(), step.to_owned()))
    }

    /// Ticks a step. One that is ticked already keeps its name and time: it was done then.
    pub fn add_tick(&mut self, key: &str, step: &str, mut tick: Tick) {
        tick.after = self.answers.get(key).filter(|_| step == DEAD).map(|answer| answer.at.clone());
        self.ticks.entry((key.to_owned(), step.to_owned())).or_insert(tick);
    }

    /// Whether a step of a key was ticked after Clerk's last answer about it; so it was where Clerk was never asked.
    pub fn is_ticked_since_answer(&self, key: &str, step: &str) -> bool {
        let Some(tick) = self.tick(key, step) else { return false };
        let is_older = |answer: &Answer| tick.at > answer.at || tick.after.as_ref() == Some(&answer.at);
        self.answers.get(key).is_none_or(is_older)
    }

    /// Takes a tick back. A copy of the file that still has it brings it back where both are merged.
    pub fn remove_tick(&mut self, key: &str, step: &str) -> Option<Tick> {
        self.ticks.remove(&(key.to_owned(), step.to_owned()))
    }

    /// The keys of which anything is noted, and what they ask for.
    pub fn keys(&self) -> &BTreeMap<String, Asked> {
        &self.keys
    }

    /// Notes what a key asks for and where it was seen, beside what was noted before: a report that has less of it than
    /// an earlier one had takes nothing back.
    pub fn add_key(&mut self, key: &str, mut asked: Asked) {
        if let Some(old) = self.keys.remove(key) {
            asked.asks_too(old.steps);
            asked.seen_too(old.seen_in);
        }
        self.keys.insert(key.to_owned(), asked);
    }

    /// What Clerk answered.
    pub fn answers(&self) -> &Answers {
        &self.answers
    }

    /// Notes an answer in the place of an older one.
    pub fn add_answer(&mut self, key: &str, answer: Answer) {
        self.answers.insert(key.to_owned(), answer);
    }

    /// Whether it was as a merge left it, with git's marks in it or entries twice, so that both sides were taken together.
    pub fn was_merged(&self) -> bool {
        self.was_merged
    }

    /// Takes in what another copy of the file has: what was done there was done.
    fn take_in(&mut self, other: Self) {
        other.ticks.into_iter().for_each(|(name, tick)| self.take_tick(name, tick));
        other.answers.into_iter().for_each(|(key, answer)| self.take_answer(key, answer));
        other.keys.into_iter().for_each(|(key, asked)| self.take_key(key, asked));
    }

    /// Takes in a tick that others have: the earliest is when it was done. Of `dead` the latest counts, since Clerk may
    /// have accepted the key after the first; which answers there are is not known before all is read. Of two at one
    /// moment one, whichever is read first.
    fn take_tick(&mut self, name: (String, String), tick: Tick) {
        // Times of this program's are in UTC and sort as they are.
        let is_taken = |old: &Tick| match name.1 == DEAD {
            true => (old.reaches(), &old.at, &old.by, &old.after) < (tick.reaches(), &tick.at, &tick.by, &tick.after),
            false => (&tick.at, &tick.by) < (&old.at, &old.by),
        };
        if self.ticks.get(&name).is_none_or(is_taken) {
            self.ticks.insert(name, tick);
        }
    }

    /// Takes in an answer that others have: the newest that says something counts, and of two at one moment one,
    /// whichever is read first.
    fn take_answer(&mut self, key: String, answer: Answer) {
        fn says(answer: &Answer) -> (bool, &str, Liveness, &str, &Option<String>) {
            let Answer { liveness, reason, at, instance } = answer;
            (*liveness != Liveness::Unknown, at, *liveness, reason, instance)
        }
        if self.answers.get(&key).is_none_or(|old| says(old) < says(&answer)) {
            self.answers.insert(key, answer);
        }
    }

    /// Takes in what others know that a key asks for.
    fn take_key(&mut self, key: String, asked: Asked) {
        let here = self.keys.entry(key).or_insert_with(|| Asked { steps: Vec::new(), ..asked.clone() });
        here.asks_too(asked.steps);
        here.kind = here.kind.or(asked.kind);
        here.seen_too(asked.seen_in);
    }

    /// The masked twin: every text in it, which a stranger may have written, through `mask`.
    pub fn masked(mut self, mask: &dyn Fn(&str) -> String) -> Self {
        for tick in self.ticks.values_mut() {
            (tick.by, tick.at) = (mask(&tick.by), mask(&tick.at));
            tick.after = tick.after.take().map(|after| mask(&after));
        }
        for asked in self.keys.values_mut() {
            asked.hint = mask(&asked.hint);
            let seen = std::mem::take(&mut asked.seen_in).into_iter();
            let masked = |files: BTreeSet<String>| files.iter().map(|file| mask(file)).collect();
            asked.seen_in = seen.map(|(repository, files)| (mask(&repository), masked(files))).collect();
        }
        for answer in self.answers.values_mut() {
            (answer.reason, answer.at) = (mask(&answer.reason), mask(&answer.at));
            answer.instance = answer.instance.take().filter(|id| is_instance_id(id));
        }
        self
    }

    /// The text of the file.
    pub fn text(&self) -> String {
        let mut entries: BTreeMap<String, String> = BTreeMap::new();
        let json = |value: serde_json::Result<String>| value.unwrap_or_else(|_| "null".to_owned());
        for (key, asked) in &self.keys {
            for step in asked.steps.iter().map(String::as_str).chain([ANSWER]) {
                entries.insert(format!("{key}/{step}"), "null".to_owned());
            }
            entries.insert(format!("{key}/{STEPS}"), json(serde_json::to_string(asked)));
        }
        for ((key, step), tick) in &self.ticks {
            entries.insert(format!("{key}/{step}"), json(serde_json::to_string(tick)));
        }
        for (key, answer) in &self.answers {
            entries.insert(format!("{key}/{ANSWER}"), json(serde_json::to_string(answer)));
        }
        let lines: String = entries.into_iter().map(|(name, value)| format!("\"{name}\":\n{value},\n")).collect();
        format!("{{\n\"schema\": \"{SCHEMA}\",\n{lines}\"{END}\": \"end\"\n}}\n")
    }
}

fn is_word(step: &str) -> bool {
    !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(digit: char) -> String {
        format!("sha256:{}", digit.to_string().repeat(64))
    }

    fn tick(by: &str) -> Tick {
        Tick::new(by.to_owned(), "2026-11-24T10:00:00Z".to_owned())
    }

    fn status() -> Status {
        let mut status = Status::default();
        status.add_tick(&id('b'), "logs", tick("Bob \"B\""));
        status.add_tick(&id('a'), "add", tick("Ann"));
        let answer = Answer {
            liveness: Liveness::Dead,
            reason: "x".to_owned(),
            at: "2026-11-24T10:00:00Z".to_owned(),
            instance: Some("ins_2x".to_owned()),
        };
        status.add_answer(&id('a'), answer);
        let steps = vec!["logs".to_owned(), "add".to_owned()];
        let seen_in = seen("/srv/shop", &[".env"]);
        status.add_key(&id('a'), Asked { hint: "sk_live_a…b".to_owned(), steps, seen_in, kind: Some(Kind::SecretKey) });
        status
    }

    fn seen(repository: &str, files: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
        [(repository.to_owned(), files.iter().map(|file| (*file).to_owned()).collect())].into()
    }

    #[test]
    fn what_a_key_asked_for_and_where_it_was_seen_is_never_forgotten() {
        let mut status = status();
        let (hint, steps) = ("sk_live_a…b".to_owned(), vec!["refs".to_owned()]);
        status.add_key(&id('a'), Asked { hint, steps, seen_in: seen("/srv/api", &[]), kind: None });
        let asked = &status.keys()[&id('a')];
        assert_eq!(asked.steps, ["refs", "logs", "add"]);
        let whole: BTreeMap<_, _> = seen("/srv/shop", &[".env"]).into_iter().chain(seen("/srv/api", &[])).collect();
        assert_eq!(asked.seen_in, whole);
        let masked = status.masked(&|text| text.replace("shop", "…"));
        assert!(masked.keys()[&id('a')].seen_in.contains_key("/srv/…"));
    }

    #[test]
    fn a_file_of_an_earlier_version_is_read() {
        let with = status().text();
        let without = with.replace(",\"seen_in\":{\"/srv/shop\":[\".env\"]}", "");
        assert_ne!(with, without);
        let old = Status::parse(&without, "x").unwrap();
        assert!(old.keys()[&id('a')].seen_in.is_empty() && old.text() == without);
    }

    #[test]
    fn what_is_written_is_read_back() {
        let text = status().text();
        assert_eq!(Status::parse(&text, "x").unwrap(), status());
        assert_eq!(Status::parse(&Status::default().text(), "x").unwrap(), Status::default());
    }

    #[test]
    fn a_tick_changes_one_line_and_those_beside_it_stay() {
        let mut asks = Status::default();
        let steps = ["add", "check", "deploy", "logs"].map(str::to_owned).to_vec();
        let (hint, seen_in) = ("sk_live_a…b".to_owned(), BTreeMap::new());
        asks.add_key(&id('a'), Asked { hint, steps: steps.clone(), seen_in, kind: None });
        let before = asks.text();
        let mut changed = Vec::new();
        for step in &steps {
            let mut ticked = asks.clone();
            ticked.add_tick(&id('a'), step, tick("Cyd"));
            let after = ticked.text();
            assert_eq!(after.lines().count(), before.lines().count());
            let differ = before.lines().zip(after.lines()).enumerate().filter(|(_, (old, new))| old != new);
            let lines: Vec<usize> = differ.map(|(line, _)| line).collect();
            assert_eq!(lines.len(), 1, "{step}");
            changed.extend(lines);
        }
        changed.sort_unstable();
        assert!(changed.windows(2).all(|pair| pair[1] - pair[0] >= 2), "{changed:?}");
        let names: Vec<&str> = before.lines().filter(|line| line.starts_with("\"sha")).collect();
        assert!(names.is_sorted());
        let asked = before.lines().find(|line| line.starts_with("{\"hint\"")).unwrap();
        assert!(Status::parse(&before.replace(asked, "null,"), "x").is_err());
    }

    #[test]
    fn a_second_tick_keeps_the_first() {
        let mut status = status();
        status.add_tick(&id('a'), "add", tick("Zed"));
        assert_eq!(status.tick(&id('a'), "add"), Some(&tick("Ann")));
    }

    #[test]
    fn both_sides_of_a_merge_are_taken_together() {
        let at = |mut tick: Tick, at: &str| {
            at.clone_into(&mut tick.at);
            tick
        };
        let answer = |liveness, at: &str| Answer { liveness, reason: String::new(), at: at.to_owned(), instance: None };
        let (mut ours, mut theirs) = (status(), status());
        ours.add_tick(&id('a'), "logs", at(tick("Ann"), "2026-11-24T12:00:00Z"));
        theirs.add_tick(&id('a'), "logs", at(tick("Bob"), "2026-11-24T11:00:00Z"));
        theirs.add_tick(&id('c'), "logs", tick("Bob"));
        let (hint, steps) = ("sk_live_a…b".to_owned(), vec!["add".into(), "siblings".into()]);
        theirs.add_key(&id('a'), Asked { hint, steps, seen_in: seen("/srv/shop", &[".dev.vars"]), kind: None });
        theirs.add_key(&id('a'), Asked { seen_in: seen("/srv/api", &[]), ..theirs.keys()[&id('a')].clone() });
        ours.add_answer(&id('a'), answer(Liveness::Dead, "2026-11-24T11:00:00Z"));
        theirs.add_answer(&id('a'), answer(Liveness::Unknown, "2026-11-24T13:00:00Z"));
        ours.add_answer(&id('b'), answer(Liveness::Alive, "2026-11-24T11:00:00Z"));
        theirs.add_answer(&id('b'), answer(Liveness::Dead, "2026-11-24T13:00:00Z"));
        for [one, other] in [[&ours, &theirs], [&theirs, &ours]] {
            let text = format!("<<<<<<< HEAD\n{}=======\n{}>>>>>>> other\n", one.text(), other.text());
            let merged = Status::parse(&text, "x").unwrap();
            assert!(merged.was_merged() && !ours.was_merged());
            assert_eq!(merged.tick(&id('a'), "logs").unwrap().by, "Bob");
            assert_eq!(merged.tick(&id('c'), "logs"), Some(&tick("Bob")));
            let liveness = |key| merged.answers()[&id(key)].liveness;
            assert_eq!((liveness('a'), liveness('b')), (Liveness::Dead, Liveness::Dead));
            let steps: std::collections::BTreeSet<&str> =
                merged.keys()[&id('a')].steps.iter().map(String::as_str).collect();
            assert_eq!(steps, ["add", "logs", "siblings"].into());
            let mut whole = seen("/srv/shop", &[".env", ".dev.vars"]);
            whole.extend(seen("/srv/api", &[]));
            assert_eq!(merged.keys()[&id('a')].seen_in, whole);
            assert!(Status::parse(&merged.text(), "x").is_ok_and(|again| !again.was_merged()));
        }
    }

    #[test]
    fn a_tick_of_dead_that_is_newer_than_clerks_answer_outlives_any_merge() {
        let random = &mut fastrand::Rng::with_seed(11);
        let at = |minute: usize| format!("2026-11-24T10:{minute:02}:00Z");
        let (mut counted, mut lost) = (0, 0);
        for _ in 0..2000 {
            let copy = |random: &mut fastrand::Rng| {
                let mut status = Status::default();
                if random.bool() {
                    let liveness = *random.choice(&[Liveness::Alive, Liveness::Unknown]).unwrap();
                    let answer = Answer { liveness, reason: String::new(), at: at(random.usize(..6)), instance: None };
                    status.add_answer(&id('a'), answer);
                }
                if random.bool() {
                    let by = ["Ann", "Bob", "Cyd"][random.usize(..3)].to_owned();
                    let from = status.answers.get(&id('a')).map_or(0, |answer| answer.at[14..16].parse().unwrap());
                    for step in [DEAD, "logs"] {
                        status.add_tick(&id('a'), step, Tick::new(by.clone(), at(from + random.usize(..3))));
                    }
                }
                status
            };
            let copies = [copy(random), copy(random), copy(random)];
            let merged = |order: [usize; 3]| {
                let mut all = copies[order[0]].clone();
                order[1..].iter().for_each(|at| all.take_in(copies[*at].clone()));
                all
            };
            let one = merged([0, 1, 2]);
            let grouped = {
                let mut rest = copies[1].clone();
                rest.take_in(copies[2].clone());
                let mut all = copies[0].clone();
                all.take_in(rest);
                all
            };
            for other in [merged([0, 2, 1]), merged([1, 0, 2]), merged([2, 1, 0]), grouped] {
                assert_eq!((&one.ticks, &one.answers), (&other.ticks, &other.answers), "{copies:?}");
            }
            // What counts in any copy against the answer that all of them come to counts still.
            let counts = |ticked: &Status| {
                let status = Status { answers: one.answers.clone(), ticks: ticked.ticks.clone(), ..Status::default() };
                status.is_ticked_since_answer(&id('a'), DEAD)
            };
            let any = copies.iter().any(counts);
            assert_eq!(counts(&one), any, "{copies:?}");
            (counted, lost) = (counted + usize::from(any), lost + usize::from(!any));
        }
        assert!(counted > 200 && lost > 200, "{counted} {lost}");
    }

    #[test]
    fn a_tick_is_newer_than_the_answer_that_it_was_made_after_whatever_the_clocks_say() {
        let answer =
            |at: &str| Answer { liveness: Liveness::Alive, reason: String::new(), at: at.to_owned(), instance: None };
        let mut status = Status::default();
        status.add_tick(&id('a'), DEAD, tick("Ann"));
        // By a clock that ran ahead.
        status.add_answer(&id('a'), answer("2027-06-01T00:00:00Z"));
        assert!(!status.is_ticked_since_answer(&id('a'), DEAD), "it was ticked before");
        let mut ticked = status.clone();
        ticked.remove_tick(&id('a'), DEAD);
        ticked.add_tick(&id('a'), DEAD, tick("Bob"));
        assert!(ticked.is_ticked_since_answer(&id('a'), DEAD));
        let read = Status::parse(&ticked.text(), "x").unwrap();
        assert!(read == ticked && read.is_ticked_since_answer(&id('a'), DEAD));
        status.take_in(ticked.clone());
        assert!(status.is_ticked_since_answer(&id('a'), DEAD) && status.tick(&id('a'), DEAD).unwrap().by == "Bob");
        // By one that was right, later.
        ticked.add_answer(&id('a'), answer("2026-11-25T00:00:00Z"));
        assert!(!ticked.is_ticked_since_answer(&id('a'), DEAD));
    }

    #[test]
    fn an_entry_that_a_merge_left_twice_loses_nothing() {
        let answer =
            |at: &str| Answer { liveness: Liveness::Alive, reason: String::new(), at: at.to_owned(), instance: None };
        let (mut asks, mut ticked) = (Status::default(), Status::default());
        let asked = |steps: &[&str], repository| Asked {
            hint: "sk_live_a…b".to_owned(),
            steps: steps.iter().map(|step| (*step).to_owned()).collect(),
            seen_in: seen(repository, &[]),
            kind: None,
        };
        asks.add_key(&id('a'), asked(&["add", "logs"], "/srv/api"));
        asks.add_tick(&id('a'), "add", Tick::new("Bob".to_owned(), "2026-11-24T11:00:00Z".to_owned()));
        ticked.add_key(&id('a'), asked(&["logs", "siblings"], "/srv/shop"));
        ticked.add_tick(&id('a'), "logs", tick("Ann"));
        ticked.add_tick(&id('a'), "add", tick("Ann"));
        ticked.add_answer(&id('a'), answer("2026-11-24T10:00:00Z"));
        let lines = |status: &Status| -> String {
            let text = status.text();
            let all: Vec<&str> = text.lines().collect();
            all[2..all.len() - 2].iter().map(|line| format!("{line}\n")).collect()
        };
        let [begins, ends] = ["{\n\"schema\": \"clerk-audit/status/1\",\n", "\"~\": \"end\"\n}\n"];
        for halves in [[&asks, &ticked], [&ticked, &asks]].map(|all| all.map(lines)) {
            let both = Status::parse(&format!("{begins}{}{ends}", halves.concat()), "x").unwrap();
            assert!(both.was_merged());
            assert_eq!(both.tick(&id('a'), "logs"), Some(&tick("Ann")));
            assert_eq!(both.tick(&id('a'), "add"), Some(&tick("Ann")), "the earliest");
            assert_eq!(both.answers()[&id('a')], answer("2026-11-24T10:00:00Z"));
            let asked = &both.keys()[&id('a')];
            let steps: BTreeSet<&str> = asked.steps.iter().map(String::as_str).collect();
            assert_eq!(steps, ["add", "logs", "siblings"].into());
            assert_eq!(asked.seen_in.len(), 2);
            assert!(Status::parse(&both.text(), "x").is_ok_and(|again| !again.was_merged()));
        }
        let other = format!("{begins}\"schema\": \"clerk-audit/status/2\",\n{ends}");
        assert!(Status::parse(&other, "x").is_err());
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        let text = status().text();
        let conflict = text.replace("\"~\"", "<<<<<<< ours\n\"~\"");
        let halves = format!("<<<<<<< ours\n{{}}\n=======\n{text}>>>>>>> theirs\n");
        for (bad, word) in [
            (&text[..text.len() / 2], "line"),
            ("{}", "no status file"),
            ("[]", "line 1"),
            ("{\"schema\": \"clerk-audit/status/2\"}", "another version"),
            (&conflict, "not as git writes them"),
            (&halves, "no status file"),
            ("{\"schema\": \"clerk-audit/status/1\", \"x/logs\": {}}", "not named"),
            (&text.replace("\"by\"", "\"who\""), "not as"),
        ] {
            let error = Status::parse(bad, "file").unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
