//! How far the rotation of each key has come: what people ticked, and what Clerk answered.
//!
//! One small JSON file, made to be committed and merged: for each step that a key asks for a line with its name and one
//! with what is noted, `null` at first, sorted, the last line always the same. So two people's ticks are on lines of
//! their own, and a line that neither changed stands between: that is what git's merge asks for. So do keys that two
//! people note at once: between those whose ids begin with other bytes stands a fence, a line that is always there. Where both changed the
//! same line, git's marks are in the file, and whoever reads it next takes both sides together: of a step the earliest
//! tick, of `dead` the latest, of a key the newest answer. Lines that are alike lead git astray, so that what both sides added can stand there
//! twice, with marks or without: of entries that are named again the same is taken together. It has ids, hints and kinds of keys, names of steps, and the paths of the repositories in which
//! a key was seen and of the files that are to be ignored there; no key, and nothing that is in a file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::entries::Entries;
use super::{Error, Wait, merge};
use crate::key::{KeyId, is_instance_id};
use crate::model::{Answer, Answers, Kind, Liveness};

/// What the name of every version begins with.
pub(super) const SCHEMAS: &str = "clerk-audit/status/";
/// The name and version of the file.
const SCHEMA: &str = "clerk-audit/status/1";
/// What Clerk answered stands under this name, where else a step's name stands.
const ANSWER: &str = "answer";
/// The step that Clerk's answers are about: a tick of it counts where it is newer than they are.
const DEAD: &str = "dead";
/// What a key asks for stands under this one.
const STEPS: &str = "steps";
/// What the names of fences begin with, and those of keys.
const FENCE: &str = "sha256:";
/// The last entry: it sorts behind every other.
const END: &str = "~";

/// A step that a person ticked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
    /// By key id, the ticks of `dead` that were known when Clerk accepted the key all the same. Each such answer is newer
    /// than they are, whatever the clocks said.
    overruled: BTreeMap<String, BTreeSet<Tick>>,
    /// By key id, what was said when it was asked about last.
    waits: BTreeMap<String, Wait>,
    was_merged: bool,
}

/// What stands in the file of an answer.
#[derive(Serialize, Deserialize)]
struct Answered<A> {
    #[serde(flatten)]
    answer: A,
    /// Until when the key is not to be asked about again, where a server said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    later: Option<Wait>,
    /// The ticks of `dead` over which Clerk accepted the key.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    over: BTreeSet<Tick>,
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
        let (mut status, mut ticks) = (Self::default(), Vec::new());
        let mut seen = BTreeSet::new();
        let is_entry = |name: &str| name != "schema" && name != END && !is_fence(name);
        for (key, value) in document.into_iter().filter(|(name, _)| is_entry(name)) {
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
                let Answered::<Answer> { answer, later, over } = serde_json::from_value(value).map_err(odd)?;
                status.take_answer(id.to_owned(), answer);
                status.take_overruled(id.to_owned(), over);
                later.into_iter().for_each(|wait| status.take_wait(id.to_owned(), wait));
            } else if step == STEPS {
                let asked: Asked = serde_json::from_value(value).map_err(odd)?;
                if !asked.steps.iter().all(|step| is_word(step)) {
                    return Err(wrong("a key asks for what is the name of no step".to_owned()));
                }
                status.take_key(id.to_owned(), asked);
            } else {
                ticks.push(((id.to_owned(), step.to_owned()), serde_json::from_value(value).map_err(odd)?));
            }
        }
        // Which of two ticks counts is told by the answers.
        ticks.into_iter().for_each(|(name, tick)| status.take_tick(name, tick));
        Ok(status)
    }

    /// What a person ticked of a step of a key.
    pub fn tick(&self, key: &str, step: &str) -> Option<&Tick> {
        self.ticks.get(&(key.to_owned(), step.to_owned()))
    }

    /// Ticks a step. One that is ticked already keeps its name and time: it was done then.
    pub fn add_tick(&mut self, key: &str, step: &str, mut tick: Tick) {
        tick.after = self.answers.get(key).filter(|_| step == DEAD).map(|answer| answer.at.clone());
        if step == DEAD && self.tick(key, step).is_none() {
            // One that says the same to the second was made before the answer, and this one was not.
            self.overruled.get_mut(key).map(|ticks| ticks.remove(&tick));
        }
        self.ticks.entry((key.to_owned(), step.to_owned())).or_insert(tick);
    }

    /// Whether a step of a key was ticked after Clerk's last answer about it; so it was where Clerk was never asked.
    pub fn is_ticked_since_answer(&self, key: &str, step: &str) -> bool {
        self.tick(key, step).is_some_and(|tick| self.is_since_answer(key, tick))
    }

    /// What was known when either was noted has the say, and the clocks only where neither knew of the other.
    fn is_since_answer(&self, key: &str, tick: &Tick) -> bool {
        let Some(answer) = self.answers.get(key) else { return true };
        let is_overruled = self.overruled.get(key).is_some_and(|ticks| ticks.contains(tick));
        !is_overruled && (tick.after.as_ref() == Some(&answer.at) || tick.at > answer.at)
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
        if answer.liveness == Liveness::Alive
            && let Some(tick) = self.tick(key, DEAD).cloned()
        {
            self.take_overruled(key.to_owned(), [tick].into());
        }
        self.answers.insert(key.to_owned(), answer);
    }

    /// What a server that wants to be asked later said of each key, by its id.
    pub fn waits(&self) -> &BTreeMap<String, Wait> {
        &self.waits
    }

    /// Notes until when a key of which an answer is noted is not to be asked about again, or that nobody said so.
    pub fn set_wait(&mut self, key: &str, wait: Option<Wait>) {
        match wait {
            Some(wait) => _ = self.waits.insert(key.to_owned(), wait),
            None => _ = self.waits.remove(key),
        }
    }

    /// Whether it was as a merge left it, with git's marks in it or entries twice, so that both sides were taken together.
    pub fn was_merged(&self) -> bool {
        self.was_merged
    }

    /// Takes in what another copy of the file has: what was done there was done.
    fn take_in(&mut self, other: Self) {
        // Which of two ticks counts is told by the answers.
        other.answers.into_iter().for_each(|(key, answer)| self.take_answer(key, answer));
        other.overruled.into_iter().for_each(|(key, ticks)| self.take_overruled(key, ticks));
        other.ticks.into_iter().for_each(|(name, tick)| self.take_tick(name, tick));
        other.waits.into_iter().for_each(|(key, wait)| self.take_wait(key, wait));
        other.keys.into_iter().for_each(|(key, asked)| self.take_key(key, asked));
    }

    /// Takes in a tick that others have: the earliest is when it was done. Of `dead` the latest counts, since Clerk may
    /// have accepted the key after the first, and before that one which Clerk's answer does not outweigh: the clock of a
    /// later one may have run ahead. Of two at one moment one, whichever is read first.
    fn take_tick(&mut self, name: (String, String), tick: Tick) {
        // Times of this program's are in UTC and sort as they are.
        let is_taken = |old: &Tick| match name.1 == DEAD {
            true => {
                let counts = [old, &tick].map(|tick| self.is_since_answer(&name.0, tick));
                (counts[0], old.reaches(), &old.at, &old.by, &old.after)
                    < (counts[1], tick.reaches(), &tick.at, &tick.by, &tick.after)
            }
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

    fn take_overruled(&mut self, key: String, ticks: BTreeSet<Tick>) {
        if !ticks.is_empty() {
            self.overruled.entry(key).or_default().extend(ticks);
        }
    }

    /// Takes in what others were told: whoever was to wait longest waits for all.
    fn take_wait(&mut self, key: String, wait: Wait) {
        if self.waits.get(&key).is_none_or(|old| *old < wait) {
            self.waits.insert(key, wait);
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
        let masked =
            |Tick { by, at, after }: &Tick| Tick { by: mask(by), at: mask(at), after: after.as_deref().map(mask) };
        self.ticks.values_mut().for_each(|tick| *tick = masked(tick));
        self.overruled.values_mut().for_each(|ticks| *ticks = ticks.iter().map(masked).collect());
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
        for wait in self.waits.values_mut() {
            (wait.until, wait.said_at) = (mask(&wait.until), mask(&wait.said_at));
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
            let over = self.overruled.get(key).cloned().unwrap_or_default();
            let answered = Answered { answer, later: self.waits.get(key).cloned(), over };
            entries.insert(format!("{key}/{ANSWER}"), json(serde_json::to_string(&answered)));
        }
        let mut lines: BTreeMap<String, String> = fences().map(|name| (name, " null".to_owned())).collect();
        lines.extend(entries.into_iter().map(|(name, value)| (name, format!("\n{value}"))));
        let lines: String = lines.into_iter().map(|(name, value)| format!("\"{name}\":{value},\n")).collect();
        format!("{{\n\"schema\": \"{SCHEMA}\",\n{lines}\"{END}\": \"end\"\n}}\n")
    }
}

/// The names of the lines between keys: an id's beginning.
fn fences() -> impl Iterator<Item = String> {
    (0..=u8::MAX).map(|first| format!("{FENCE}{first:02x}"))
}

fn is_fence(name: &str) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    name.strip_prefix(FENCE).is_some_and(|first| first.len() == 2 && first.bytes().all(is_digit))
}

fn is_word(step: &str) -> bool {
    !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_lowercase())
}

#[cfg(test)]
mod tests;
