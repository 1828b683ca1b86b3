//! The gate's policy: a file of the server's, never of the pushed content.
//!
//! Exactly one file is used, and what it does not say is the default. A setting that this program does not know is an
//! error, because a misspelt one would else be silently without effect.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Error, open_plain};
use crate::key::KeyId;
use crate::model::{Confidence, Environment, Kind};

/// Whether the gate refuses or only tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Refuses.
    #[default]
    Enforce,
    /// Decides and records, and refuses nothing.
    Observe,
}

/// What is done about something that is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reaction {
    /// The push is refused.
    Refuse,
    /// It is told, and passes.
    Accept,
}

/// The same for what cannot be looked into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnOpaque {
    /// It is told, and passes.
    #[default]
    Warn,
    /// The push is refused.
    Refuse,
}

/// A set of keys, by what is known of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// Which kinds.
    pub kinds: Vec<Kind>,
    /// Which environments.
    pub environments: Vec<Environment>,
    /// How sure.
    pub confidence: Vec<Confidence>,
}

impl Class {
    /// Whether a key is in it.
    pub fn has(&self, kind: Kind, environment: Environment, confidence: Confidence) -> bool {
        self.kinds.contains(&kind) && self.environments.contains(&environment) && self.confidence.contains(&confidence)
    }
}

/// A key that may pass: known, and rotated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Which key.
    pub id: KeyId,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The last day on which it counts, `YYYY-MM-DD` in UTC.
    pub expires: String,
}

/// How much one push may cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Seconds from the start of the process; `None` leaves it to the server's kind.
    pub seconds: Option<f64>,
    /// Bytes of one object, inflated.
    pub object_bytes: u64,
    /// Bytes of all objects of the quarantine, inflated.
    pub total_bytes: u64,
    /// The same as a multiple of what they take packed, where it is more than sixteen times `object_bytes`: a file that was
    /// made to unpack without end comes to more.
    pub expansion: u64,
    /// Levels of directories; git's own limit is 2048 (`core.maxTreeDepth`).
    pub tree_depth: usize,
    /// So many bytes of what was there before are read to record what a push takes away. No decision rests on it.
    pub removal_bytes: u64,
}

impl Limits {
    /// The seconds of servers that have no limit of their own.
    pub const SECONDS: f64 = 60.0;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            seconds: None,
            object_bytes: 256 << 20,
            total_bytes: 64 << 30,
            expansion: 10_000,
            tree_depth: 2048,
            removal_bytes: 256 << 20,
        }
    }
}

/// The policy in force.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Where it stands; `None` for the defaults.
    pub path: Option<PathBuf>,
    /// Whether anything is refused.
    pub mode: Mode,
    /// Whether any new object that carries a key is refused, introduced or not.
    pub strict: bool,
    /// Whether a repository may have a policy of its own beside the host's.
    pub per_repository: bool,
    /// Keys that are refused.
    pub refuse: Class,
    /// Keys that are only told.
    pub warn: Class,
    /// Known keys.
    pub allow: Vec<Allowance>,
    /// Whether a push option lets one key pass.
    pub bypass: bool,
    /// What is done about containers that cannot be looked into.
    pub opaque: OnOpaque,
    /// What happens past a limit.
    pub on_limit: Reaction,
    /// What happens on a failure of the gate's own.
    pub on_failure: Reaction,
    /// Where decisions are recorded.
    pub ledger: Option<PathBuf>,
    /// How much one push may cost.
    pub limits: Limits,
}

impl Default for Policy {
    fn default() -> Self {
        // Most kinds of secrets do not say their environment: one that was left out here would let them all pass.
        let environments = vec![Environment::Live, Environment::Test, Environment::Unknown];
        Self {
            path: None,
            mode: Mode::Enforce,
            strict: false,
            per_repository: false,
            refuse: Class {
                kinds: Kind::ALL.to_vec(),
                environments: environments.clone(),
                confidence: vec![Confidence::High, Confidence::Medium],
            },
            warn: Class {
                kinds: Kind::ALL.to_vec(),
                environments,
                confidence: vec![Confidence::High, Confidence::Medium, Confidence::Low],
            },
            allow: Vec::new(),
            bypass: false,
            opaque: OnOpaque::Warn,
            on_limit: Reaction::Refuse,
            on_failure: Reaction::Refuse,
            ledger: None,
            limits: Limits::default(),
        }
    }
}

/// Where a policy may stand, in the order in which it is looked for.
#[derive(Clone, Debug, Default)]
pub struct PolicyPlaces {
    /// `--policy`.
    pub named: Option<PathBuf>,
    /// The host's, [`Self::HOST`].
    pub host: PathBuf,
    /// `CLERK_AUDIT_POLICY`.
    pub environment: Option<PathBuf>,
    /// `<git dir>/clerk-audit.toml`.
    pub repository: PathBuf,
}

impl PolicyPlaces {
    /// The host's own policy.
    pub const HOST: &str = "/etc/clerk-audit/gate.toml";

    /// Nothing but the host's own.
    pub fn of_host() -> Self {
        Self { named: None, host: PathBuf::from(Self::HOST), environment: None, repository: PathBuf::new() }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    mode: Option<Mode>,
    strict: Option<bool>,
    per_repository: Option<bool>,
    bypass: Option<bool>,
    opaque: Option<OnOpaque>,
    on_limit: Option<Reaction>,
    on_failure: Option<Reaction>,
    ledger: Option<PathBuf>,
    refuse: Option<ClassTable>,
    warn: Option<ClassTable>,
    limits: Option<LimitsTable>,
    #[serde(default)]
    allow: Vec<AllowTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClassTable {
    kinds: Option<Vec<String>>,
    environments: Option<Vec<String>>,
    confidence: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitsTable {
    seconds: Option<f64>,
    object_bytes: Option<u64>,
    total_bytes: Option<u64>,
    expansion: Option<u64>,
    tree_depth: Option<usize>,
    removal_bytes: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AllowTable {
    id: String,
    reason: String,
    owner: String,
    expires: Day,
}

/// A day, in quotes or as TOML has one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Day {
    Quoted(String),
    Own(toml::value::Datetime),
}

impl Policy {
    /// Finds and reads the one policy that is in force.
    ///
    /// # Errors
    /// Where one that is named, or is there, cannot be read or is not valid.
    pub fn find(places: &PolicyPlaces) -> Result<Self, Error> {
        if let Some(path) = &places.named {
            return Self::read(path);
        }
        if is_there(&places.host) {
            let host = Self::read(&places.host)?;
            if !host.per_repository || !is_there(&places.repository) {
                return Ok(host);
            }
            return Self::read(&places.repository);
        }
        if let Some(path) = &places.environment {
            return Self::read(path);
        }
        if is_there(&places.repository) {
            return Self::read(&places.repository);
        }
        Ok(Self::default())
    }

    /// Reads a policy.
    ///
    /// # Errors
    /// Where it cannot be read or is not valid.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let name = path.display().to_string();
        let text = read_file(path).map_err(|source| Error::Read { file: format!("the policy {name}"), source })?;
        let parsed = Self::parse(&text).map_err(|what| Error::Invalid { path: name, what })?;
        Ok(Self { path: Some(path.to_owned()), ..parsed })
    }

    /// Parses a policy; what is wrong with it otherwise.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| in_a_line(&error, text))?;
        let mut policy = Self::default();
        let set = |to: &mut Reaction, from: Option<Reaction>| *to = from.unwrap_or(*to);
        set(&mut policy.on_limit, file.on_limit);
        set(&mut policy.on_failure, file.on_failure);
        policy.mode = file.mode.unwrap_or_default();
        policy.strict = file.strict.unwrap_or_default();
        policy.per_repository = file.per_repository.unwrap_or_default();
        policy.bypass = file.bypass.unwrap_or_default();
        policy.opaque = file.opaque.unwrap_or_default();
        policy.refuse = class(file.refuse, policy.refuse, "refuse")?;
        policy.warn = class(file.warn, policy.warn, "warn")?;
        if let Some(ledger) = file.ledger {
            if !ledger.is_absolute() {
                return Err("ledger is no absolute path".to_owned());
            }
            policy.ledger = Some(ledger);
        }
        if let Some(limits) = file.limits {
            policy.limits = self::limits(&limits)?;
        }
        policy.allow = file.allow.into_iter().map(allowance).collect::<Result<_, _>>()?;
        Ok(policy)
    }

    /// The allowances by key; of several for one key that which lasts longest.
    pub fn allowances(&self) -> HashMap<KeyId, &Allowance> {
        let mut all: HashMap<KeyId, &Allowance> = HashMap::new();
        for allowance in &self.allow {
            let kept = all.entry(allowance.id).or_insert(allowance);
            if allowance.expires > kept.expires {
                *kept = allowance;
            }
        }
        all
    }
}

impl Allowance {
    /// Whether it counts on the day `today` (`YYYY-MM-DD`).
    pub fn is_in_force(&self, today: &str) -> bool {
        self.expires.as_str() >= today
    }
}

/// The entries of a policy that let known keys pass, to be added to one, which may not end with a line feed.
pub fn allow_entries(allowances: &[(Allowance, String)]) -> String {
    let mut text = String::new();
    for (Allowance { id, reason, owner, expires }, hint) in allowances {
        let quoted = |text: &str| toml_string(text);
        text.push_str(&format!(
            "\n[[allow]]\n# {hint}\nid = \"{id}\"\nreason = {}\nowner = {}\nexpires = \"{expires}\"\n",
            quoted(reason),
            quoted(owner)
        ));
    }
    text
}

/// Whether a text is a day, `YYYY-MM-DD`.
pub fn is_day(text: &str) -> bool {
    let part = |range: std::ops::Range<usize>| text.get(range)?.parse::<u16>().ok();
    let (Some(year), Some(month), Some(day)) = (part(0..4), part(5..7), part(8..10)) else { return false };
    let is_written_so = text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() });
    let month = u8::try_from(month).ok().and_then(|month| time::Month::try_from(month).ok());
    is_written_so
        && month.is_some_and(|month| time::Date::from_calendar_date(i32::from(year), month, day as u8).is_ok())
}

/// What is wrong, without the line that it is wrong in: pushers read this, and the policy is the server's.
fn in_a_line(error: &toml::de::Error, text: &str) -> String {
    let what = error.message().lines().collect::<Vec<_>>().join(", ");
    let before = error.span().and_then(|span| text.get(..span.start));
    before.map_or(what.clone(), |before| format!("line {}: {what}", before.matches('\n').count() + 1))
}

/// More than anybody writes: an allowance takes some two hundred bytes.
const MOST_BYTES: u64 = 16 << 20;

/// The text of a file.
fn read_file(path: &Path) -> io::Result<String> {
    use std::io::Read;
    let mut text = String::new();
    if open_plain(path)?.take(MOST_BYTES + 1).read_to_string(&mut text)? as u64 > MOST_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is larger than 16 MiB"));
    }
    Ok(text)
}

fn is_there(path: &Path) -> bool {
    // A link that leads nowhere is a policy that cannot be read, not none.
    let absent = |error: io::Error| matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
    !std::fs::symlink_metadata(path).is_err_and(absent)
}

fn toml_string(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            character if character.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(character))),
            character => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

fn class(table: Option<ClassTable>, default: Class, section: &str) -> Result<Class, String> {
    let Some(table) = table else { return Ok(default) };
    let unknown = |setting: &str, name: &str, known: Vec<&str>| {
        format!("{section}.{setting} has no {name:?}: it knows {}", known.join(", "))
    };
    let environments = [Environment::Live, Environment::Test, Environment::Unknown];
    let levels = [Confidence::High, Confidence::Medium, Confidence::Low];
    let mut class = default;
    if let Some(names) = table.kinds {
        let find = |name: &String| {
            let known = Kind::ALL.iter().map(|kind| kind.name()).collect();
            Kind::ALL.iter().find(|kind| kind.name() == name).copied().ok_or_else(|| unknown("kinds", name, known))
        };
        class.kinds = names.iter().map(find).collect::<Result<_, _>>()?;
    }
    if let Some(names) = table.environments {
        let find = |name: &String| {
            let known = environments.iter().map(|one| one.name()).collect();
            let found = environments.iter().find(|one| one.name() == name).copied();
            found.ok_or_else(|| unknown("environments", name, known))
        };
        class.environments = names.iter().map(find).collect::<Result<_, _>>()?;
    }
    if let Some(names) = table.confidence {
        let find = |name: &String| {
            let known = levels.iter().map(|one| one.name()).collect();
            levels.iter().find(|one| one.name() == name).copied().ok_or_else(|| unknown("confidence", name, known))
        };
        class.confidence = names.iter().map(find).collect::<Result<_, _>>()?;
    }
    Ok(class)
}

fn limits(table: &LimitsTable) -> Result<Limits, String> {
    let default = Limits::default();
    let limits = Limits {
        seconds: table.seconds,
        object_bytes: table.object_bytes.unwrap_or(default.object_bytes),
        total_bytes: table.total_bytes.unwrap_or(default.total_bytes),
        expansion: table.expansion.unwrap_or(default.expansion),
        tree_depth: table.tree_depth.unwrap_or(default.tree_depth),
        removal_bytes: table.removal_bytes.unwrap_or(default.removal_bytes),
    };
    let is_odd = limits.seconds.is_some_and(|seconds| !(seconds > 0.0 && seconds <= 86_400.0));
    let whole = [limits.object_bytes, limits.total_bytes, limits.expansion, limits.tree_depth as u64];
    if is_odd || whole.contains(&0) {
        return Err("a limit is not above 0, or limits.seconds is more than a day".to_owned());
    }
    Ok(limits)
}

fn allowance(table: AllowTable) -> Result<Allowance, String> {
    let id = KeyId::parse(&table.id).ok_or_else(|| format!("allow.id {:?} is not sha256:<64 hex digits>", table.id))?;
    if table.reason.trim().is_empty() || table.owner.trim().is_empty() {
        return Err(format!("the allowance of {id} has no reason or no owner"));
    }
    let expires = match table.expires {
        Day::Quoted(day) => day,
        Day::Own(day) => day.to_string(),
    };
    if !is_day(&expires) {
        return Err(format!("the allowance of {id}: expires is no day YYYY-MM-DD"));
    }
    Ok(Allowance { id, reason: table.reason, owner: table.owner, expires })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_said_is_the_default() {
        let policy = Policy::parse("").unwrap();
        assert_eq!(policy.mode, Mode::Enforce);
        assert!(policy.refuse.has(Kind::SecretKey, Environment::Test, Confidence::Medium));
        assert!(!policy.refuse.has(Kind::SecretKey, Environment::Live, Confidence::Low));
        assert!(policy.warn.has(Kind::SecretKey, Environment::Live, Confidence::Low));
        for kind in Kind::ALL {
            // A webhook's secret and the like do not say their environment.
            assert!(policy.refuse.has(*kind, Environment::Unknown, Confidence::Medium), "{}", kind.name());
        }
        assert!(!policy.bypass && policy.ledger.is_none());
        assert_eq!(policy.limits, Limits::default());
    }

    #[test]
    fn everything_can_be_set() {
        let text = format!(
            "mode = \"observe\"\nstrict = true\nper_repository = true\nbypass = true\nopaque = \"refuse\"\n\
             on_limit = \"accept\"\non_failure = \"accept\"\nledger = \"/var/log/l\"\n[refuse]\nkinds = [\"secret_key\"]\n\
             environments = [\"live\"]\nconfidence = [\"high\"]\n[limits]\nseconds = 1.5\ntree_depth = 9\n\
             [[allow]]\nid = \"sha256:{}\"\nreason = \"rotated\"\nowner = \"ada\"\nexpires = \"2027-01-31\"\n",
            "a".repeat(64)
        );
        let policy = Policy::parse(&text).unwrap();
        assert_eq!((policy.mode, policy.strict, policy.opaque), (Mode::Observe, true, OnOpaque::Refuse));
        assert!(!policy.refuse.has(Kind::SecretKey, Environment::Test, Confidence::High));
        assert_eq!((policy.limits.seconds, policy.limits.tree_depth), (Some(1.5), 9));
        let id = policy.allow[0].id;
        let allowances = policy.allowances();
        assert!(allowances[&id].is_in_force("2027-01-31") && !allowances[&id].is_in_force("2027-02-01"));
    }

    #[test]
    fn whatever_is_not_known_is_an_error() {
        let id = format!("sha256:{}", "a".repeat(64));
        for text in [
            "strct = true",
            "mode = \"off\"",
            "[refuse]\nkinds = [\"secret_keys\"]",
            "[refuse]\nenvironment = [\"live\"]",
            "[warn]\nconfidence = [\"certain\"]",
            "[limits]\nseconds = 0",
            "[limits]\nseconds = nan",
            "[limits]\nbytes = 1",
            "ledger = \"relative\"",
            "[[allow]]\nid = \"sha256:12\"\nreason = \"r\"\nowner = \"o\"\nexpires = \"2027-01-01\"",
            &format!("[[allow]]\nid = \"{id}\"\nreason = \" \"\nowner = \"o\"\nexpires = \"2027-01-01\""),
            &format!("[[allow]]\nid = \"{id}\"\nreason = \"r\"\nowner = \"o\"\nexpires = \"2027-02-30\""),
            &format!("[[allow]]\nid = \"{id}\"\nowner = \"o\"\nexpires = \"2027-01-01\""),
            "mode = ",
        ] {
            assert!(Policy::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn entries_that_are_written_are_read_back() {
        let id = KeyId::parse(&format!("sha256:{}", "b".repeat(64))).unwrap();
        let allowance = Allowance {
            id,
            reason: "rotated \"yesterday\"\nby\\ada".to_owned(),
            owner: "ada".to_owned(),
            expires: "2027-01-31".to_owned(),
        };
        let text = allow_entries(&[(allowance.clone(), "a hint".to_owned())]);
        assert_eq!(Policy::parse(&text).unwrap().allow, std::slice::from_ref(&allowance));
        // Behind a policy whose last line has no end too, and with a day of TOML's own.
        let added = format!("strict = true{}", text.replace("\"2027-01-31\"", "2027-01-31"));
        assert_eq!(Policy::parse(&added).unwrap().allow, [allowance]);
        for day in ["2027-01-31T12:00:00Z", "12:00:00", "20270131"] {
            assert!(Policy::parse(&text.replace("\"2027-01-31\"", day)).is_err(), "{day}");
        }
    }

    #[test]
    fn one_file_is_used_and_the_hosts_says_whether_it_is_the_repositorys() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let write = |name: &str, text: &str| std::fs::write(at(name), text).unwrap();
        let mut places =
            PolicyPlaces { named: None, host: at("host"), environment: None, repository: at("repository") };
        let depth = |places: &PolicyPlaces| Policy::find(places).map(|policy| policy.limits.tree_depth);
        assert_eq!(depth(&places).unwrap(), 2048);
        write("repository", "[limits]\ntree_depth = 4");
        assert_eq!(depth(&places).unwrap(), 4);
        write("environment", "[limits]\ntree_depth = 3");
        places.environment = Some(at("environment"));
        assert_eq!(depth(&places).unwrap(), 3);
        write("host", "[limits]\ntree_depth = 2");
        assert_eq!(depth(&places).unwrap(), 2);
        write("host", "per_repository = true\n[limits]\ntree_depth = 2");
        assert_eq!(depth(&places).unwrap(), 4);
        places.named = Some(at("named"));
        assert!(matches!(depth(&places), Err(Error::Read { .. })));
        write("named", "[limits]\ntree_depth = 1");
        assert_eq!(depth(&places).unwrap(), 1);
        places.named = None;
        std::fs::remove_file(at("host")).unwrap();
        std::os::unix::fs::symlink(at("nowhere"), at("host")).unwrap();
        assert!(matches!(depth(&places), Err(Error::Read { .. })));
    }

    #[test]
    fn a_file_that_has_no_end_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let large = dir.path().join("large");
        std::fs::File::create(&large).unwrap().set_len(MOST_BYTES + 1).unwrap();
        for (path, why) in [
            (Path::new("/dev/zero"), "no plain file"),
            (Path::new("/dev/null"), "no plain file"),
            (dir.path(), "no plain file"),
            (&large, "larger than 16 MiB"),
        ] {
            let Err(Error::Read { source, .. }) = Policy::read(path) else { panic!("{}", path.display()) };
            assert!(source.to_string().contains(why), "{source}");
        }
    }
}
