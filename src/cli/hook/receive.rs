//! One push, from the hook's arguments to its exit status.
//!
//! The time budget counts from the start of the process. Standard input is waited for no longer than that; from then on a
//! watchdog keeps it: it asks the examination to end, and where that does not answer (one object can take longer than the
//! whole budget) it speaks and ends the process itself. Whoever claims the last word first has it.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::input::standard_input;
use super::server::{Caller, Server};
use crate::cli::clock::now;
use crate::cli::exit::Exit;
use crate::detect::Detector;
use crate::gate::{
    Circumstances, Counts, Decision, Examination, Examiner, MalformedInput, Problem, Push, RefUpdate, Signer, Stop,
    Verdict, Voice, decide, message, parse_input, record,
};
use crate::model::{Interrupt, ObjectFormat, Oid, error_chain};
use crate::report::escape;
use crate::state::{Append, Policy, PolicyPlaces, append};
use crate::store::{PushPaths, Receiving, locate_git_dir};

/// How long after the budget the examination may take to notice.
const GRACE: Duration = Duration::from_millis(300);

/// How the hook was called.
pub(super) enum Called {
    /// As pre-receive is; with the file in which another hook finds its input.
    WithStandardInput { keep: Option<PathBuf> },
    /// As update is.
    WithUpdate { name: OsString, old: OsString, new: OsString },
    /// As Gerrit's hooks are.
    ByGerrit { name: OsString, old: OsString, new: OsString, uploader: Option<OsString> },
}

impl Called {
    /// Takes what is needed of Gerrit's arguments: it has more of them with every version.
    pub(super) fn by_gerrit(arguments: Vec<OsString>) -> Self {
        let value = |name: &str| {
            let at = arguments.iter().position(|argument| argument == name)?;
            arguments.get(at + 1).cloned()
        };
        Self::ByGerrit {
            // A change's own ref where it differs from the branch it is for.
            name: value("--cmdref").or_else(|| value("--refname")).unwrap_or_default(),
            old: value("--oldrev").unwrap_or_default(),
            new: value("--newrev").unwrap_or_default(),
            uploader: value("--uploader-username").or_else(|| value("--uploader")),
        }
    }

    fn objects_remain(&self) -> bool {
        !matches!(self, Self::WithStandardInput { .. })
    }
}

/// One call of the gate.
pub(super) struct Gate {
    pub(super) hook: &'static str,
    pub(super) policy: Option<PathBuf>,
    pub(super) interrupt: Arc<AtomicBool>,
    pub(super) started: Instant,
}

/// What is known of the push before it is read, and all that it takes to end it.
struct Session {
    detector: Detector,
    policy: Policy,
    push: Push,
    time: String,
    hook: &'static str,
    caller: Caller,
    repository: PathBuf,
    voice: Voice,
    seconds: f64,
    started: Instant,
    interrupt: Arc<AtomicBool>,
    /// Whether somebody has the last word already.
    is_spoken: AtomicBool,
    /// Whether the time is over.
    is_late: AtomicBool,
}

/// A decision, and all that is said of it.
struct Answer {
    decision: Decision,
    /// The ledger's line, if there is a ledger.
    line: Option<serde_json::Value>,
    message: Vec<String>,
}

pub(super) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// What says how the push is to be judged: known before anything of it is.
struct Rules {
    caller: Caller,
    policy: Policy,
    /// Why the policy cannot be used.
    failure: Option<String>,
    /// The repository's directory.
    repository: PathBuf,
}

impl Rules {
    fn seconds(&self) -> f64 {
        self.policy.limits.seconds.unwrap_or(self.caller.server.seconds())
    }
}

impl Gate {
    pub(super) fn run(self, called: Called) -> Exit {
        let paths = PushPaths::from_environment(variable);
        let paths = if called.objects_remain() { paths.in_the_store() } else { paths };
        let rules = self.rules(&called, &paths);
        let format = Receiving::format_of(&paths).unwrap_or(ObjectFormat::Sha1);
        let deadline = self.started + Duration::from_secs_f64(rules.seconds());
        let read = |keep: Option<&Path>| standard_input(deadline, &self.interrupt, keep);
        let updates = updates(&called, format, read);
        let full_names: Vec<Vec<u8>> =
            updates.iter().flatten().map(|update| paths.full_ref_name(&update.name)).collect();
        let mut push = Push {
            updates,
            options: push_options(),
            certificate: certificate(),
            full_names,
            has_quarantine: paths.has_quarantine(),
        };
        if push.has_quarantine && push.names_only_deletions() && rules.caller.server.is_gits_own() {
            push.updates = Err(MalformedInput::Cut);
        }
        let failure = rules.failure.clone();
        let session = Arc::new(self.session(&called, rules, push));
        if let Some(failure) = failure {
            let problems = vec![Problem::Failed(session.detector.mask(failure.as_bytes()))];
            return session.conclude(Examination { problems, ..Examination::default() });
        }
        let is_watched = session.watch();
        let examination = session.examine(&paths, is_watched);
        session.conclude(examination)
    }

    /// Who calls, and the policy in force; the defaults, and why, where it cannot be used.
    fn rules(&self, called: &Called, paths: &PushPaths) -> Rules {
        let mut caller = Caller::from_environment(&variable);
        if let Called::ByGerrit { uploader, .. } = called {
            caller.server = Server::Gerrit;
            caller.pusher.clone_from(uploader);
            caller.remote_address = None;
        }
        let repository = std::path::absolute(&paths.git_dir).unwrap_or_else(|_| paths.git_dir.clone());
        // What is pushed into a linked worktree comes to the same repository.
        let common = locate_git_dir(&paths.git_dir).ok().filter(|found| found.common_dir != found.git_dir);
        let common = common.map_or_else(|| repository.clone(), |found| found.common_dir);
        let places = PolicyPlaces {
            named: self.policy.clone(),
            host: PathBuf::from(PolicyPlaces::HOST),
            environment: variable("CLERK_AUDIT_POLICY").filter(|value| !value.is_empty()).map(PathBuf::from),
            repository: common.join("clerk-audit.toml"),
        };
        let (policy, failure) = match Policy::find(&places) {
            Ok(policy) => (policy, None),
            Err(error) => (Policy::default(), Some(error_chain(&error))),
        };
        Rules { caller, policy, failure, repository }
    }

    /// Gathers what a decision needs.
    fn session(self, called: &Called, rules: Rules, push: Push) -> Session {
        let seconds = rules.seconds();
        let Rules { caller, policy, repository, .. } = rules;
        Session {
            seconds,
            voice: Voice { gitlab: caller.server == Server::GitLab, objects_remain: called.objects_remain() },
            detector: Detector::new(),
            policy,
            push,
            time: now(),
            hook: self.hook,
            caller,
            repository,
            started: self.started,
            interrupt: self.interrupt,
            is_spoken: AtomicBool::new(false),
            is_late: AtomicBool::new(false),
        }
    }
}

impl Session {
    /// Starts the watchdog; whether there is a thread for it.
    fn watch(self: &Arc<Self>) -> bool {
        let budget = self.budget();
        // What is over before it began needs no thread to say so.
        if self.started.elapsed() >= budget {
            self.ask_to_end();
        }
        let session = Arc::clone(self);
        let watching = std::thread::Builder::new().name("watchdog".to_owned()).spawn(move || {
            std::thread::sleep(budget.saturating_sub(session.started.elapsed()));
            session.ask_to_end();
            std::thread::sleep(GRACE);
            if !session.is_spoken.swap(true, Ordering::SeqCst) {
                let examination = Examination { problems: vec![session.stop()], ..Examination::default() };
                let exit = session.give(session.answer(examination), Append::AtOnce);
                std::process::exit(i32::from(exit.code()));
            }
        });
        watching.is_ok()
    }

    fn budget(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    fn ask_to_end(&self) {
        self.is_late.store(true, Ordering::SeqCst);
        self.interrupt.store(true, Ordering::SeqCst);
    }

    fn stop(&self) -> Problem {
        Problem::Stopped(if self.is_late.load(Ordering::SeqCst) {
            Stop::Budget { seconds: self.seconds.ceil() as u64 }
        } else {
            Stop::Signal
        })
    }

    fn examine(&self, paths: &PushPaths, is_watched: bool) -> Examination {
        let mut receiving = match Receiving::open(paths) {
            Ok(receiving) => receiving,
            Err(error) => {
                let problems = vec![Problem::Failed(self.detector.mask(error_chain(&error).as_bytes()))];
                return Examination { problems, ..Examination::default() };
            }
        };
        let mut limits = self.policy.limits.clone();
        if self.policy.ledger.is_none() {
            // What a push takes away is read for the record alone.
            limits.removal_bytes = 0;
        }
        let interrupt = Interrupt::on(&self.interrupt);
        // Without a second thread the examination looks at the clock itself.
        let interrupt =
            if is_watched { interrupt } else { interrupt.until(self.started + self.budget(), Instant::now) };
        let examiner = Examiner {
            detector: &self.detector,
            limits: &limits,
            refused: &self.policy.refuse,
            strict: self.policy.strict,
            interrupt,
            threads: std::thread::available_parallelism().map_or(1, |count| count.get().min(4)),
        };
        let mut examination = examiner.examine(&mut receiving, &self.push);
        if !is_watched && self.started.elapsed() >= self.budget() {
            self.ask_to_end();
        }
        if self.interrupt.load(Ordering::SeqCst) {
            examination.problems.push(self.stop());
        }
        examination
    }

    /// Decides, records and says so, unless the watchdog does.
    fn conclude(&self, examination: Examination) -> Exit {
        // While the watchdog still watches: whoever pushes thousands of keys asks for thousands of decisions, and for as much to
        // be said of them.
        let answer = self.answer(examination);
        if self.is_spoken.swap(true, Ordering::SeqCst) {
            // The other thread is about to end the process.
            loop {
                std::thread::sleep(Duration::from_secs(1));
            }
        }
        // The watchdog is silent from here on, and servers end a hook that takes longer.
        let is_over = || self.started.elapsed() >= self.budget() + GRACE;
        self.give(answer, Append::InTurn(&is_over))
    }

    /// Decides, and words it.
    fn answer(&self, examination: Examination) -> Answer {
        let mask = |text: &[u8]| self.detector.mask(text);
        let today = self.time.get(..10).unwrap_or_default();
        let counts = Counts::of(&examination);
        let decision = decide(examination, &self.push, &self.policy, today, &mask);
        let is_recorded = self.policy.ledger.is_some();
        let line = is_recorded.then(|| record(&decision, &self.push, counts, &self.circumstances(), &mask));
        Answer { line, message: self.message(&decision), decision }
    }

    /// Records an answer and says it.
    fn give(&self, Answer { mut decision, line, mut message }: Answer, how: Append<'_>) -> Exit {
        if let (Some(ledger), Some(line)) = (&self.policy.ledger, line)
            && let Err(error) = append(ledger, &line, how)
        {
            let what = format!("the ledger cannot be written: {error}");
            decision.fail(self.detector.mask(what.as_bytes()), &self.policy);
            message = self.message(&decision);
        }
        say(&message);
        match decision.verdict {
            Verdict::Refused => Exit::Found,
            Verdict::Accepted | Verdict::Observed => Exit::Clean,
        }
    }

    fn message(&self, decision: &Decision) -> Vec<String> {
        message(decision, self.voice, &|text| self.detector.mask(text))
    }

    /// What the ledger says beside the decision. It is masked when it is recorded: what may not be shown is known once the
    /// push was read.
    fn circumstances(&self) -> Circumstances {
        let shown = |text: &OsStr| self.detector.mask(text.as_bytes());
        let Caller { server, pusher, remote_address } = &self.caller;
        Circumstances {
            time: self.time.clone(),
            hook: self.hook,
            server: server.name(),
            repository: shown(self.repository.as_os_str()),
            pusher: pusher.as_deref().map(shown),
            remote_address: remote_address.as_deref().map(shown),
            signer: self.push.certificate.map(|_| signer(&self.detector)),
            objects_remain: self.voice.objects_remain,
            milliseconds: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            policy: self.policy.path.as_ref().map(|path| shown(path.as_os_str())),
        }
    }
}

/// One write a line, each ended. A client that is gone changes nothing about the decision.
fn say(message: &[String]) {
    for line in message {
        let mut text = escape::terminal(line).to_string();
        text.push('\n');
        if std::io::stderr().lock().write_all(text.as_bytes()).is_err() {
            return;
        }
    }
}

/// The ref updates, as the hook's arguments or its standard input have them.
fn updates(
    called: &Called,
    format: ObjectFormat,
    read: impl FnOnce(Option<&Path>) -> Result<Vec<u8>, MalformedInput>,
) -> Result<Vec<RefUpdate>, MalformedInput> {
    match called {
        Called::WithStandardInput { keep } => parse_input(&read(keep.as_deref())?, format),
        Called::WithUpdate { name, old, new } | Called::ByGerrit { name, old, new, .. } => {
            let id =
                |text: &OsString| Oid::from_hex(text.as_bytes()).filter(|oid| oid.as_bytes().len() == format.raw_len());
            match (id(old), id(new), name.is_empty()) {
                (Some(old), Some(new), false) => Ok(vec![RefUpdate::new(old, new, name.as_bytes())]),
                _ => Err(MalformedInput::Arguments),
            }
        }
    }
}

fn push_options() -> Vec<Vec<u8>> {
    let count = variable("GIT_PUSH_OPTION_COUNT").and_then(|count| count.to_str()?.parse::<usize>().ok());
    // A count without the options would be a mistake of the server's: what is there is taken.
    let options = (0..count.unwrap_or(0)).map_while(|at| variable(&format!("GIT_PUSH_OPTION_{at}")));
    options.map(|option| option.as_bytes().to_vec()).collect()
}

/// Who signed the push: git has checked that before it calls its hooks (`git-receive-pack`, `GIT_PUSH_CERT_*`).
fn signer(detector: &Detector) -> Signer {
    let shown = |name: &str| {
        let value = variable(name).filter(|value| !value.is_empty())?;
        Some(detector.mask(value.as_bytes()))
    };
    Signer {
        name: shown("GIT_PUSH_CERT_SIGNER"),
        key: shown("GIT_PUSH_CERT_KEY"),
        status: shown("GIT_PUSH_CERT_STATUS"),
        nonce: shown("GIT_PUSH_CERT_NONCE_STATUS"),
    }
}

fn certificate() -> Option<Oid> {
    Oid::from_hex(variable("GIT_PUSH_CERT")?.as_bytes()).filter(|oid| !oid.is_zero())
}
