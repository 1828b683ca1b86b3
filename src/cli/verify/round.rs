//! A round of questions: each key in its turn, and again where Clerk said "later".
//!
//! Clerk counts the requests of each instance by itself, so that one that takes no more says nothing of the next, and
//! whose key is whose is not always known: the others are asked first, and whoever said "later" is come back to at the
//! end. Where several in a row are refused it is the server that has enough, and no new key is sent to it before one of
//! those is answered.

use std::collections::{BTreeMap, VecDeque};
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use time::OffsetDateTime;

use super::super::clock::now;
use super::super::exit::Exit;
use super::super::incident::note;
use super::super::kept::Kept;
use super::super::{output, status};
use super::word;
use crate::key::{KeyId, KeyText};
use crate::model::{Answer, KeyReport, Liveness, Report};
use crate::report::escape::terminal;
use crate::state::{Status as State, Wait};
use crate::verify::{Client, Later, Limited, Unreached, Verdict, When};

/// Where so many keys in a row are told "later", the others would be told the same.
const MOST_REFUSED: usize = 3;
/// Where nobody answered so often in a row, nobody will.
const MOST_UNREACHED: usize = 3;
/// So often is a key asked about.
const MOST_TRIES: u32 = 3;
/// Who wants more patience than this is asked another day.
const MOST_WAIT: Duration = Duration::from_secs(60);
/// Clerk takes 100 requests in ten seconds for a development instance.
const PAUSE: Duration = Duration::from_millis(150);

/// What a round of questions is made with.
pub(super) struct Round<'a> {
    pub(super) report: &'a Report,
    pub(super) texts: &'a BTreeMap<KeyId, KeyText>,
    pub(super) client: &'a Client,
    pub(super) interrupt: &'a AtomicBool,
}

/// A key to be asked about.
#[derive(Clone, Copy)]
struct Turn<'a> {
    key: &'a KeyReport,
    text: &'a KeyText,
    /// How often it was asked about, this round.
    tries: u32,
    /// From when on it may be asked about again, and what the server said of that.
    later: Option<(Instant, When)>,
}

/// How far a round is.
struct Course<'a> {
    /// What was not asked about yet.
    fresh: VecDeque<Turn<'a>>,
    /// What the server said "later" about.
    waiting: Vec<Turn<'a>>,
    /// How many different keys in a row were told "later".
    refused: usize,
    /// How many questions in a row came to no answer at all.
    unreached: usize,
    /// How many came to one, whatever it said.
    reached: usize,
    /// How many keys are known to be alive or dead.
    answered: usize,
}

impl<'a> Course<'a> {
    fn of(keys: &[&'a KeyReport], texts: &'a BTreeMap<KeyId, KeyText>) -> Self {
        let turn = |key: &&'a KeyReport| {
            let text = texts.get(&KeyId::parse(&key.id)?)?;
            Some(Turn { key, text, tries: 0, later: None })
        };
        let fresh = keys.iter().filter_map(turn).collect();
        Self { fresh, waiting: Vec::new(), refused: 0, unreached: 0, reached: 0, answered: 0 }
    }

    /// Who is asked about next; nobody where all are answered or want more patience than there is.
    fn next(&mut self) -> Option<Turn<'a>> {
        let fresh = if self.refused < MOST_REFUSED { self.fresh.pop_front() } else { None };
        fresh.or_else(|| {
            let is_worth_it = |turn: &Turn<'_>| {
                turn.tries < MOST_TRIES && turn.later.is_none_or(|(_, when)| when.wait() <= MOST_WAIT)
            };
            let waiting = self.waiting.iter().enumerate().filter(|(_, turn)| is_worth_it(turn));
            let (at, _) = waiting.min_by_key(|(_, turn)| turn.later.map(|(until, _)| until))?;
            Some(self.waiting.swap_remove(at))
        })
    }

    /// Notes what a question has come to.
    fn note(&mut self, turn: Turn<'a>, verdict: &Verdict) {
        match verdict.unreached {
            Some(_) => self.unreached += 1,
            None => (self.unreached, self.reached) = (0, self.reached + 1),
        }
        self.answered += usize::from(verdict.liveness != Liveness::Unknown);
        let Some(Later { when, of }) = verdict.later else {
            // Who was not reached said nothing.
            self.refused = if verdict.unreached.is_some() { self.refused } else { 0 };
            return;
        };
        match of {
            Limited::Server => self.refused = MOST_REFUSED,
            Limited::Instance => self.refused += usize::from(turn.tries == 0),
        }
        let later = Some((Instant::now() + when.wait(), when));
        self.waiting.push(Turn { tries: turn.tries + 1, later, ..turn });
    }

    /// Why what is left was not asked about, or not answered, and what to do about it.
    fn told_waiting(&self, keeps: &str) -> Option<(String, String)> {
        const FEW: usize = 3;
        let wait = self.waiting.iter().filter_map(|turn| turn.later).map(|(_, when)| when.wait()).max()?;
        let mut named: Vec<&str> = self.waiting.iter().map(|turn| turn.key.hint.as_str()).collect();
        let more = named.len().saturating_sub(FEW);
        named.truncate(FEW);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let why = match self.fresh.is_empty() {
            true => format!("Clerk takes no more questions now about {}{more}", named.join(", ")),
            false => "Clerk takes no more requests now: the rest was not asked".to_owned(),
        };
        // However long it is to be, no longer is kept.
        Some((why, format!("run it again in {} s; {keeps}", wait.min(Wait::LONGEST).as_secs())))
    }
}

impl Round<'_> {
    /// Asks about each key; whether every one of them was answered.
    pub(super) fn ask_each(&self, keys: &[&KeyReport], kept: &mut Kept<'_>) -> Result<bool, Exit> {
        let bar = bar(keys.len());
        let mut course = Course::of(keys, self.texts);
        let (mut asked, mut stopped) = (0, None);
        while let Some(turn) = course.next() {
            if asked > 0 {
                std::thread::sleep(PAUSE);
            }
            self.wait(&turn, &bar);
            if self.is_interrupted() {
                break;
            }
            asked += 1;
            let mut verdict = self.client.ask(turn.text);
            if self.is_interrupted() && verdict.liveness == Liveness::Unknown {
                break;
            }
            if verdict.later.is_some() && turn.tries > 0 {
                verdict.reason.push_str(&format!(" (asked {} times)", turn.tries + 1));
            }
            course.note(turn, &verdict);
            let cause = verdict.unreached;
            // A known key that Clerk accepts asks for steps that it did not ask for before.
            let asks_anew = asked == 1 || (turn.key.known && verdict.liveness == Liveness::Alive);
            let told = told(turn.key, &verdict);
            let is_kept = kept.change(|state| {
                keep(state, turn.key, verdict);
                if asks_anew {
                    status::note_keys(self.report, state);
                }
            });
            // The key was sent: what came of it is told, kept or not.
            is_kept.inspect_err(|_| bar.suspend(|| note(&format!("{told}. This is not kept."))))?;
            bar.inc(u64::from(turn.tries == 0));
            stopped = cause.filter(|_| course.unreached >= MOST_UNREACHED.min(keys.len()));
            if stopped.is_some() {
                break;
            }
        }
        bar.finish_and_clear();
        self.tell_end(&course, stopped, asked, kept.keeps());
        Ok(stopped.is_none() && course.answered == keys.len())
    }

    fn is_interrupted(&self) -> bool {
        self.interrupt.load(Ordering::Relaxed)
    }

    /// Waits until a key may be asked about again, or until it is stopped.
    fn wait(&self, turn: &Turn<'_>, bar: &ProgressBar) {
        const SLICE: Duration = Duration::from_millis(100);
        let Some((until, when)) = turn.later else { return };
        let left = || until.saturating_duration_since(Instant::now());
        let seconds = left().as_secs_f64().ceil();
        if seconds > 0.0 {
            let unsaid = if when == When::Unsaid { ", and not when" } else { "" };
            let about = &turn.key.hint;
            bar.suspend(|| {
                note(&format!("The server says \"later\"{unsaid}, about {about}: it is asked again in {seconds} s."));
            });
        }
        while !left().is_zero() && !self.is_interrupted() {
            std::thread::sleep(left().min(SLICE));
        }
    }

    /// Says why not all were answered, if so.
    fn tell_end(&self, course: &Course<'_>, stopped: Option<Unreached>, asked: usize, keeps: &str) {
        if let Some(cause) = stopped {
            let (why, hint) = told_unreached(cause, course, keeps);
            let is_all = course.fresh.is_empty() && course.waiting.is_empty();
            let rest = if is_all { "" } else { ": the rest was not asked" };
            output::error(&format!("{why}{rest}"), Some(&hint));
        } else if self.is_interrupted() {
            if asked > 0 {
                output::error("it was stopped: not all were asked", Some(&format!("run it again: {keeps}")));
            }
        } else if let Some((why, hint)) = course.told_waiting(keeps) {
            output::error(&why, Some(&hint));
        }
    }
}

/// What keeps questions from being answered, by what happened this round, and what to do about it.
fn told_unreached(cause: Unreached, course: &Course<'_>, keeps: &str) -> (String, String) {
    let was_there = course.reached > 0;
    let (why, hint) = match cause {
        Unreached::Silent => (
            if was_there { "nobody answers any more" } else { "nobody answers" },
            "run it again when there is a network",
        ),
        Unreached::Untrusted => (
            if was_there { "who answers now cannot be trusted" } else { "who answers cannot be trusted" },
            "set this machine's clock if it is off; if a proxy here opens TLS, name its authority with --ca-file, and \
             know that it can read the keys then",
        ),
        Unreached::NoTls => (
            if was_there { "who answers now speaks no TLS" } else { "who answers speaks no TLS" },
            "see that --api-url has the right port; a login page of the network, or a firewall, may answer in its place",
        ),
        Unreached::Proxy => (
            if was_there { "the proxy lets nothing through any more" } else { "the proxy lets nothing through" },
            "see what HTTPS_PROXY names: it may want a name and a password in it, or not let this host through",
        ),
        Unreached::Cut => (
            if was_there { "every connection is cut by now" } else { "every connection is cut" },
            "a firewall or a proxy may be in the way: run it again from another network",
        ),
    };
    (why.to_owned(), format!("{hint}; {keeps}"))
}

/// What Clerk answered, in a line.
fn told(key: &KeyReport, Verdict { liveness, reason, instance, .. }: &Verdict) -> String {
    let instance = instance.as_ref().map_or(String::new(), |id| format!(", instance {id}"));
    let reason = terminal(reason);
    format!("{}: {}, {reason}{instance}", key.hint, word(*liveness))
}

/// Notes an answer, and until when the server wants to be left alone, if it said so. An answer that says nothing does not
/// take the place of one that did.
fn keep(state: &mut State, key: &KeyReport, verdict: Verdict) {
    let later = verdict.later.filter(|later| matches!(later.when, When::In(_)));
    let wait = later
        .and_then(|Later { when, of }| Wait::from_now(OffsetDateTime::now_utc(), when.wait(), of == Limited::Server));
    if wait.is_some() || verdict.liveness != Liveness::Unknown {
        state.set_wait(&key.id, wait);
    }
    let old = state.answers().get(&key.id).map(|answer| answer.liveness);
    if verdict.liveness == Liveness::Unknown && old.is_some_and(|old| old != Liveness::Unknown) {
        note(&format!("{}: asked again, and not known: {}", key.hint, verdict.reason));
        return;
    }
    let Verdict { liveness, reason, instance, .. } = verdict;
    state.add_answer(&key.id, Answer { liveness, reason, at: now(), instance });
}

fn bar(keys: usize) -> ProgressBar {
    let bar = ProgressBar::new(keys as u64);
    let visible = std::io::stderr().is_terminal();
    bar.set_draw_target(if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() });
    if let Ok(style) = ProgressStyle::with_template("asking Clerk {bar:30} {pos}/{len} keys") {
        bar.set_style(style);
    }
    bar
}
