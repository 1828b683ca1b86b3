//! `clerk-audit verify`

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::clock::now;
use super::exit::Exit;
use super::incident::{self, Reply, note};
use super::kept::{self, Kept};
use super::output;
use super::progress::Progress;
use super::repos::target;
use super::{input, limits};
use crate::audit::{Auditor, Target};
use crate::detect::Detector;
use crate::key::{KeyId, KeyText};
use crate::model::{Answer, Confidence, Interrupt, KeyReport, Kind, Liveness, ReadLimits, Report, error_chain};
use crate::report::{Step, escape, readable_time};
use crate::state::{Known, Status as State, Wait};
use crate::store::locate;
use crate::verify::{Client, ClientError, Endpoint};
use round::Round;

mod round;

/// Ask Clerk which of the keys found are still alive
///
/// A report has no keys: they are read again from the repositories that it names, or from those named with --repo.
/// Each is then sent once to Clerk's Backend API, in the Authorization header of GET /v1/instance, which names the
/// instance and reads no user. Nothing is sent before you said yes. What Clerk answered is kept beside the report,
/// and sorts its checklist: alive first.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: 0 every key is dead, 1 some are alive, 2 wrong usage, 3 of some it is not known (those that \
Clerk cannot be asked about among them, and those that an earlier report had), or the report is not whole."
)]
pub(super) struct Verify {
    /// A report, as `history --format json` writes it; not needed with --repo
    #[arg(value_name = "REPORT.json")]
    report: Option<PathBuf>,
    /// Read keys from this repository; without a report, audit it first (repeatable)
    #[arg(long, value_name = "REPO")]
    repo: Vec<PathBuf>,
    /// The status file [default: REPORT.status.json beside the report]
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    #[command(flatten)]
    asking: Asking,
}

/// How Clerk is asked
#[derive(Args, Debug)]
pub(super) struct Asking {
    /// Do not ask before sending
    #[arg(long, help_heading = "Asking Clerk")]
    yes: bool,
    /// Ask anew what was answered before: what is dead, what was alive less than an hour ago, and what a server said
    /// "later" about
    #[arg(long, help_heading = "Asking Clerk")]
    again: bool,
    /// Where Clerk's Backend API is: Clerk's own hosts or this machine, nothing else
    #[arg(long, value_name = "URL", help_heading = "Asking Clerk")]
    api_url: Option<String>,
    /// Trust the authorities in FILE (PEM), and no others
    #[arg(long, value_name = "FILE", help_heading = "Asking Clerk")]
    ca_file: Option<PathBuf>,
    /// How many seconds one answer may take
    #[arg(long, value_name = "SECONDS", default_value = "20", value_parser = clap::value_parser!(u64).range(1..=600),
          help_heading = "Asking Clerk")]
    timeout: u64,
}

impl Verify {
    pub(super) fn run(self, interrupt: &AtomicBool) -> Exit {
        let detector = Detector::new();
        self.answer(&detector, interrupt).unwrap_or_else(|exit| exit)
    }

    fn answer(&self, detector: &Detector, interrupt: &AtomicBool) -> Result<Exit, Exit> {
        let report = match &self.report {
            None if self.repo.is_empty() => {
                output::error(
                    "neither a report nor a repository is named",
                    Some("clerk-audit verify REPORT.json, or clerk-audit verify --repo REPO"),
                );
                return Err(Exit::Usage);
            }
            Some(path) => incident::read_report(path, detector)?,
            None => audited(&self.repo, interrupt)?,
        };
        let path = match &self.report {
            Some(report) => kept::status_path(report, self.state.as_deref()),
            None => self.state.clone(),
        };
        incident::keep_inputs(path.as_deref(), &[self.report.as_deref(), self.asking.ca_file()])?;
        let mut kept = Kept::read(path, detector)?;
        if !kept.has_a_place() {
            note("What Clerk answers is not kept: --state FILE keeps it.");
        }
        let exit = self.asking.ask(&report, &self.repo, &mut kept, interrupt)?;
        if let Some(narrowed) = crate::report::narrowed(&report) {
            note(&format!("The report was {narrowed}: there may be more keys than it has."));
        }
        // Of Clerk's secrets that Clerk cannot be asked about it is not known.
        let all_asked = report.keys.iter().all(|key| is_askable(key) || key.confidence == Confidence::Low);
        let left_alive = tell_gone(&report, &kept.state);
        Ok(if incident::is_whole(&report) && all_asked && !left_alive { exit } else { Exit::Incomplete })
    }
}

/// Says of the keys that earlier reports had and this one lacks which are not known to be dead, and whether there are any:
/// what was cleaned out of a history opens what it opened.
fn tell_gone(report: &Report, state: &State) -> bool {
    let here: HashSet<&str> = report.keys.iter().map(|key| key.id.as_str()).collect();
    let dead = Step::Dead.name();
    let is_settled = |id: &str| match state.answers().get(id).map(|answer| answer.liveness) {
        Some(Liveness::Dead) => true,
        _ => state.is_ticked_since_answer(id, dead),
    };
    let gone = state.keys().iter().filter(|(id, asked)| {
        !here.contains(id.as_str()) && asked.steps.iter().any(|step| step == dead) && !is_settled(id)
    });
    let mut any = false;
    for (id, asked) in gone {
        any = true;
        let last = match state.answers().get(id) {
            Some(answer) => format!("{} on {}", word(answer.liveness), readable_time(&answer.at)),
            None => "never asked about".to_owned(),
        };
        let hint = escape::terminal(&asked.hint);
        note(&format!(
            "{hint} is no longer in the report, and Clerk cannot be asked about it: {last}. Once it is deleted, \
             `clerk-audit status REPORT.json --done KEY:dead` says so."
        ));
    }
    any
}

/// The report of repositories that none was made of yet.
fn audited(paths: &[PathBuf], interrupt: &AtomicBool) -> Result<Report, Exit> {
    let limits = ReadLimits::default();
    let (detector, options, progress) = (limits::detector(limits), limits::options(limits), Progress::new(false));
    let (events, interrupt) = (&progress, Interrupt::on(interrupt));
    let auditor = Auditor { detector: &detector, options: &options, events, interrupt };
    let targets: Vec<Target> = paths.iter().map(|path| target(path, locate(path, false))).collect();
    for error in targets.iter().filter_map(|target| target.layout.as_ref().err()) {
        output::error(&error_chain(error), None);
    }
    let report = auditor.run(targets, &Known::default(), now());
    progress.finish();
    if report.repositories.iter().all(|repository| repository.object_format.is_none()) {
        return Err(Exit::Incomplete);
    }
    Ok(report)
}

impl Asking {
    /// The file of authorities, if one is named.
    pub(super) fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    /// Asks about every key of a report that can be asked about, and keeps each answer at once. The exit says whether
    /// all are dead, some alive, or some not known: what was asked now and not answered is not known, whatever was
    /// answered before.
    pub(super) fn ask(
        &self,
        report: &Report,
        repositories: &[PathBuf],
        kept: &mut Kept<'_>,
        interrupt: &AtomicBool,
    ) -> Result<Exit, Exit> {
        let (endpoint, client, proxy) = self.client()?;
        let keys: Vec<&KeyReport> = report.keys.iter().filter(|key| is_askable(key)).collect();
        let left_out = report.keys.len() - keys.len();
        if left_out > 0 {
            note(&format!(
                "{left_out} of {} keys are not asked about: Clerk cannot be asked about their kind, or they may be \
                 somebody else's",
                report.keys.len()
            ));
        }
        let (open, held) = self.turns(&keys, &kept.state);
        let mut all_answered = held.is_empty();
        tell_held(&held, &kept.state);
        if !open.is_empty() {
            // No key is sent for an answer that would be thrown away.
            kept.check_place()?;
            self.agree(open.len(), &endpoint, proxy.as_deref(), interrupt)?;
            let wanted: HashSet<KeyId> = open.iter().filter_map(|key| KeyId::parse(&key.id)).collect();
            let texts = recall(report, repositories, &wanted, interrupt);
            all_answered &= Round { report, texts: &texts, client: &client, interrupt }.ask_each(&open, kept)?;
        }
        let exit = told(&keys, &kept.state);
        Ok(if all_answered { exit } else { Exit::Incomplete })
    }

    /// The keys to be asked about, in their turn: those of which nothing is known first, so that each run gets further
    /// however few questions a server takes in one; then those of which the answer is oldest. And those that would be,
    /// had the server not said "later".
    fn turns<'a>(&self, keys: &[&'a KeyReport], state: &State) -> (Vec<&'a KeyReport>, Vec<&'a KeyReport>) {
        let now = OffsetDateTime::now_utc();
        let answer = |key: &KeyReport| state.answers().get(&key.id);
        let is_fresh = |key: &KeyReport| answer(key).is_some_and(|answer| is_fresh(answer, now));
        if !self.again {
            let fresh = keys.iter().filter(|key| is_fresh(key)).count();
            if fresh > 0 {
                let which = if fresh == 1 { "1 key was".to_owned() } else { format!("{fresh} keys were") };
                note(&format!("{which} alive less than an hour ago, and not asked about: --again asks all the same."));
            }
        }
        let is_open = |key: &&KeyReport| self.again || !(is_dead(state, key) || is_fresh(key));
        let mut open: Vec<&KeyReport> = keys.iter().copied().filter(|key| is_open(key)).collect();
        open.sort_by_key(|key| answer(key).map(|answer| (answer.liveness != Liveness::Unknown, moment(&answer.at))));
        let waits = || state.waits().iter().filter(|(_, wait)| !self.again && wait.is_on(now));
        let all_wait = waits().any(|(_, wait)| wait.of_all);
        let waiting: HashSet<&str> = waits().map(|(id, _)| id.as_str()).collect();
        open.into_iter().partition(|key| !all_wait && !waiting.contains(key.id.as_str()))
    }

    /// Whom to ask and how, and through which proxy, if any.
    fn client(&self) -> Result<(Endpoint, Client, Option<String>), Exit> {
        let usage = |message: String, hint: Option<&str>| {
            output::error(&message, hint);
            Exit::Usage
        };
        let endpoint = match &self.api_url {
            Some(address) => Endpoint::parse(address)
                .map_err(|error| usage(format!("--api-url {address}: {error}"), Some("leave it out to ask Clerk")))?,
            None => Endpoint::default(),
        };
        let authorities = match &self.ca_file {
            Some(path) => Some(
                input::read_file(path, u64::MAX)
                    .map_err(|error| usage(format!("cannot read {}: {error}", path.display()), None))?,
            ),
            None => None,
        };
        let proxy = proxy(&endpoint, |name| std::env::var_os(name)).map_err(|name| {
            let hint = "write it in UTF-8, or unset it: passed over, keys would go another way than they are meant to";
            usage(format!("{name} cannot be read: it is not UTF-8"), Some(hint))
        })?;
        let patience = Duration::from_secs(self.timeout);
        let options =
            crate::verify::Options { proxy: proxy.clone(), authorities, patience, now: OffsetDateTime::now_utc };
        let client = Client::new(&endpoint, &options).map_err(|error| {
            let hint = "name another in HTTPS_PROXY, or none, or leave this host to NO_PROXY";
            usage(error.to_string(), matches!(error, ClientError::Proxy).then_some(hint))
        })?;
        Ok((endpoint, client, proxy))
    }

    /// Says to whom what will be sent, and asks once.
    fn agree(&self, keys: usize, endpoint: &Endpoint, proxy: Option<&str>, interrupt: &AtomicBool) -> Result<(), Exit> {
        let what = if keys == 1 { "1 key".to_owned() } else { format!("{keys} keys, one after another,") };
        let mut text = format!(
            "This sends {what} to {}, in the Authorization header of GET /v1/instance, over TLS.\n\
             Clerk may move \"last used\" of a key that is alive: note it down in the dashboard first, if it matters.",
            endpoint.base()
        );
        if let Some(proxy) = proxy {
            let shown = shown(proxy);
            // An authority that is named can be the proxy's own.
            let sees = if self.ca_file.is_none() { ", which does not see the keys" } else { "" };
            text.push_str(&format!("\nIt goes through the proxy {shown} (HTTPS_PROXY){sees}."));
        }
        if self.ca_file.is_some() {
            let whoever = if proxy.is_some() { ", the proxy perhaps," } else { "" };
            text.push_str(&format!(
                "\nThe authorities of --ca-file are trusted: whoever has one of them{whoever} can read the keys."
            ));
        }
        note(&text);
        if self.yes {
            return Ok(());
        }
        match incident::confirm("Send?", interrupt) {
            Reply::Yes => Ok(()),
            Reply::No | Reply::Stopped => {
                note("Nothing was sent.");
                Err(Exit::Incomplete)
            }
            Reply::Nobody => {
                output::error(
                    "there is no terminal to ask on, and nothing was sent",
                    Some("--yes sends without asking"),
                );
                Err(Exit::Usage)
            }
        }
    }
}

/// Says of the keys that are not asked about because a server said "later" until when that is.
fn tell_held(held: &[&KeyReport], state: &State) {
    const FEW: usize = 3;
    let now = OffsetDateTime::now_utc();
    // Another key's wait is none of theirs, unless it is everybody's.
    let is_theirs = |id: &String, wait: &Wait| wait.of_all || held.iter().any(|key| key.id == *id);
    let waits = state.waits().iter().filter(|(id, wait)| wait.is_on(now) && is_theirs(id, wait));
    let Some(wait) = waits.map(|(_, wait)| wait).max().filter(|_| !held.is_empty()) else { return };
    let mut named: Vec<&str> = held.iter().map(|key| key.hint.as_str()).collect();
    let more = named.len().saturating_sub(FEW);
    named.truncate(FEW);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    note(&format!(
        "Not asked about: {}{more}. The server said \"later\", and that ends on {}: --again asks all the same.",
        named.join(", "),
        readable_time(&wait.until)
    ));
}

/// Says what is known of each key now.
fn told(keys: &[&KeyReport], state: &State) -> Exit {
    let mut exit = Exit::Clean;
    let mut lines = String::new();
    for key in keys {
        let (word, reason) = match state.answers().get(&key.id) {
            Some(answer) => {
                exit = match (answer.liveness, exit) {
                    (Liveness::Unknown, _) | (_, Exit::Incomplete) => Exit::Incomplete,
                    (Liveness::Alive, _) => Exit::Found,
                    (Liveness::Dead, exit) => exit,
                };
                let word = word(answer.liveness);
                let instance = answer.instance.as_ref().map_or(String::new(), |id| format!(", instance {id}"));
                (word, format!("{}, {}{instance}", answer.reason, answer.at))
            }
            None => {
                exit = Exit::Incomplete;
                ("unknown", "not asked".to_owned())
            }
        };
        lines.push_str(&format!("{word:<8} {}  {}\n", key.hint, escape::terminal(&reason)));
    }
    if keys.is_empty() {
        lines.push_str("No key to ask about.\n");
    }
    match incident::print(lines.as_bytes(), None) {
        Ok(()) => exit,
        Err(failed) => failed,
    }
}

fn word(liveness: Liveness) -> &'static str {
    match liveness {
        Liveness::Alive => "alive",
        Liveness::Dead => "dead",
        Liveness::Unknown => "unknown",
    }
}

/// Whether a key is one that Clerk can be asked about, and surely Clerk's: another vendor's is not sent to Clerk.
fn is_askable(key: &KeyReport) -> bool {
    key.kind == Kind::SecretKey && key.confidence > Confidence::Low
}

/// Whether there is nothing new to be learnt: what is dead stays dead. What was alive may have been deleted since.
fn is_dead(state: &State, key: &KeyReport) -> bool {
    state.answers().get(&key.id).is_some_and(|answer| answer.liveness == Liveness::Dead)
}

/// Whether a key was alive so lately that asking again would tell nothing new. An answer from the future is from a clock
/// that is off, and nothing says when it was.
fn is_fresh(answer: &Answer, now: OffsetDateTime) -> bool {
    let age = moment(&answer.at).map(|at| now - at);
    answer.liveness == Liveness::Alive && age.is_some_and(|age| !age.is_negative() && age < time::Duration::HOUR)
}

fn moment(at: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(at, &Rfc3339).ok()
}

/// Reads the texts of keys again. What cannot be read has been told.
fn recall(
    report: &Report,
    repositories: &[PathBuf],
    wanted: &HashSet<KeyId>,
    interrupt: &AtomicBool,
) -> BTreeMap<KeyId, KeyText> {
    let named = incident::repositories_of(report, repositories);
    // As far as the report's own audit looked: there they were.
    let (detector, options) = (limits::detector(report.limits), limits::options(report.limits));
    let progress = Progress::new(false);
    let (events, stops) = (&progress, Interrupt::on(interrupt));
    let auditor = Auditor { detector: &detector, options: &options, events, interrupt: stops };
    let (mut texts, mut all_was_read) = (BTreeMap::<KeyId, KeyText>::new(), true);
    for path in &named {
        let left: HashSet<KeyId> = wanted.iter().filter(|id| !texts.contains_key(id)).copied().collect();
        if left.is_empty() {
            break;
        }
        let (recall, is_whole) = incident::recall(&auditor, path, &left);
        all_was_read &= is_whole;
        texts.extend(recall.keys.into_iter().map(|(id, key)| (id, key.text)));
    }
    progress.finish();
    // What is named and not there was not read, and may be where they are.
    all_was_read &= texts.len() == wanted.len() || !all_was_read || incident::is_all_there(&auditor, &named);
    if interrupt.load(Ordering::Relaxed) {
        output::error("it was stopped before everything was read", Some("run it again"));
    } else {
        incident::tell_lost(wanted.len() - texts.len(), wanted.len(), all_was_read);
    }
    texts
}

/// The proxy that the environment names for this host, as curl and git take it: the name in small letters first.
///
/// # Errors
/// The name of a variable that would have the say and cannot be read.
fn proxy(endpoint: &Endpoint, variable: impl Fn(&str) -> Option<OsString>) -> Result<Option<String>, &'static str> {
    if endpoint.is_loopback() {
        return Ok(None);
    }
    let first = |names: [&'static str; 2]| {
        for name in names {
            match variable(name).map(OsString::into_string) {
                Some(Ok(value)) if !value.trim().is_empty() => return Ok(Some(value)),
                Some(Err(_)) => return Err(name),
                _ => {}
            }
        }
        Ok(None)
    };
    let exempt = first(["no_proxy", "NO_PROXY"])?.unwrap_or_default();
    let is_exempt = exempt == "*" || exempt.split([',', ' ', '\t']).any(|one| is_below(endpoint.host(), one));
    if is_exempt { Ok(None) } else { first(["https_proxy", "HTTPS_PROXY"]) }
}

/// Whether a host is this one of `NO_PROXY`, or below it; a dot at either end says nothing.
fn is_below(host: &str, one: &str) -> bool {
    let one = one.strip_suffix('.').unwrap_or(one);
    let one = one.strip_prefix('.').unwrap_or(one).to_ascii_lowercase();
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let above = host.strip_suffix(&one).filter(|_| !one.is_empty());
    above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
}

/// A proxy's name: what stands before an @ is a password, and what comes behind the authority is nobody's.
fn shown(proxy: &str) -> String {
    let (scheme, rest) = proxy.split_once("://").map_or(("", proxy), |(scheme, rest)| (scheme, rest));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.rsplit_once('@') {
        Some((_, host)) => host.to_owned(),
        None if scheme.is_empty() => authority.to_owned(),
        None => format!("{scheme}://{authority}"),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;

    fn named(variables: &[(&str, &[u8])]) -> Result<Option<String>, &'static str> {
        proxy(&Endpoint::default(), |name| {
            let value = variables.iter().find(|(of, _)| *of == name)?.1;
            Some(OsString::from_vec(value.to_vec()))
        })
    }

    #[test]
    fn of_two_variables_the_one_in_small_letters_has_the_say() {
        let one = |value: &str| Ok(Some(value.to_owned()));
        assert_eq!(named(&[]), Ok(None));
        assert_eq!(named(&[("HTTPS_PROXY", b"http://a"), ("https_proxy", b"http://b")]), one("http://b"));
        assert_eq!(named(&[("HTTPS_PROXY", b"http://a"), ("https_proxy", b" ")]), one("http://a"));
        let proxied = ("https_proxy", &b"http://b"[..]);
        assert_eq!(named(&[proxied, ("no_proxy", b"example.test"), ("NO_PROXY", b"*")]), one("http://b"));
        assert_eq!(named(&[proxied, ("no_proxy", b"x, .clerk.com"), ("NO_PROXY", b"x")]), Ok(None));
        assert_eq!(named(&[proxied, ("NO_PROXY", b"clerk.com")]), Ok(None));
        assert_eq!(named(&[proxied, ("NO_PROXY", b"lerk.com")]), one("http://b"));
    }

    #[test]
    fn what_is_exempt_is_what_curl_takes_for_it() {
        let proxied = ("https_proxy", &b"http://b"[..]);
        let with = |exempt: &str| named(&[proxied, ("NO_PROXY", exempt.as_bytes())]);
        for exempt in
            ["*", "API.Clerk.com", "Clerk.COM", "clerk.com.", ".clerk.com.", "foo clerk.com", "a,\tapi.clerk.com"]
        {
            assert_eq!(with(exempt), Ok(None), "{exempt}");
        }
        for other in
            ["foo, *", "* foo", "*.clerk.com", "api.clerk.com:443", ".", "com.clerk", "xapi.clerk.com", "lerk.com"]
        {
            assert_eq!(with(other), Ok(Some("http://b".to_owned())), "{other}");
        }
    }

    #[test]
    fn a_proxy_is_shown_by_its_authority_and_without_its_password() {
        for (proxy, name) in [
            ("http://u:p@127.0.0.1:9/x@y", "127.0.0.1:9"),
            ("http://127.0.0.1:9/#@evil", "http://127.0.0.1:9"),
            ("u:p@host:3128", "host:3128"),
            ("host:3128", "host:3128"),
        ] {
            assert_eq!(shown(proxy), name, "{proxy}");
        }
    }

    #[test]
    fn a_variable_that_cannot_be_read_is_named_and_not_passed_over() {
        for name in ["https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"] {
            assert_eq!(named(&[(name, b"http://\xff")]), Err(name));
        }
        let one = Ok(Some("http://a".to_owned()));
        assert_eq!(named(&[("https_proxy", b"http://a"), ("HTTPS_PROXY", b"\xff")]), one, "nobody reads the other");
    }
}
