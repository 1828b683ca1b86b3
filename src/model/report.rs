//! The report: what every output format is written from, and field for field the JSON of
//! `docs/report.schema.json`.
//!
//! Version 1 may gain fields; none is ever lost or changes its meaning.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Confidence, Environment, Kind, Oid, Place, RawTime, ReadLimits, Shown};

/// The name and version of the JSON document.
pub const REPORT_SCHEMA: &str = "clerk-audit/report/1";

/// Everything an audit found out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// [`REPORT_SCHEMA`].
    pub schema: Cow<'static, str>,
    /// Which program wrote it.
    pub tool: Tool,
    /// When, RFC 3339, UTC, by this machine's clock.
    pub generated_at: String,
    /// Whether all that was asked for was read. Where it is false, `skipped` says what was not.
    pub complete: bool,
    /// By which limits it was read; earlier versions had the defaults and did not say so.
    #[serde(default)]
    pub limits: ReadLimits,
    /// What was read, and what was not and why.
    pub repositories: Vec<RepositoryReport>,
    /// The keys, most urgent first.
    pub keys: Vec<KeyReport>,
    /// Tokens that look like keys and are other vendors'.
    pub other_vendors: Vec<OtherVendor>,
    /// How many different placeholders (`sk_test_xxxx…`) were seen.
    pub placeholders: u64,
    /// How many different keys were seen of which somebody masked a part.
    #[serde(default)]
    pub half_masked: u64,
    /// Counts of the above.
    pub summary: Summary,
}

/// The program that wrote a report.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tool {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Its version.
    pub version: Cow<'static, str>,
}

/// Coverage of one repository.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RepositoryReport {
    /// Where it is.
    pub path: Shown,
    /// `sha1` or `sha256`; null where it could not be opened.
    pub object_format: Option<Cow<'static, str>>,
    /// How many refs it has, heads of worktrees included.
    pub refs: u64,
    /// How many commits were read.
    pub commits: u64,
    /// How many trees were read.
    pub trees: u64,
    /// How many blobs were read.
    pub blobs: u64,
    /// How many bytes the objects read have, uncompressed.
    pub bytes: u64,
    /// What of these no ref reaches.
    pub unreachable: UnreachableCounts,
    /// Options that narrowed the audit.
    pub narrowed_by: Vec<Shown>,
    /// What its remotes fetch, where that is less than all branches and tags: refs there, and behind a `^` those left
    /// out. The others are nowhere here, which is no gap. Earlier versions did not say so.
    #[serde(default)]
    pub fetches_only: Vec<Shown>,
    /// What was not read, and why: each entry makes the report incomplete.
    pub skipped: Vec<Skipped>,
    /// Containers that are encrypted, damaged or none after all: scanned as they are, and no gap.
    #[serde(default)]
    pub opaque: Opaque,
    /// What stands elsewhere and was not looked for here.
    pub not_ours: NotOurs,
}

/// Containers whose content could not be read.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Opaque {
    /// How many.
    pub count: u64,
    /// The first of them.
    pub at: Vec<OpaquePlace>,
}

/// One container whose content could not be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OpaquePlace {
    /// The object it is, or stands in.
    pub object: Oid,
    /// The way to it inside that object, outermost first.
    pub encoding: Vec<Shown>,
    /// What it is, and why it cannot be read.
    pub reason: Cow<'static, str>,
}

/// Counts of objects that no tip reaches.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct UnreachableCounts {
    /// Commits.
    pub commits: u64,
    /// Blobs.
    pub blobs: u64,
}

/// Something that was to be read and was not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Skipped {
    /// The object's id, or the file, ref or repository.
    pub object: Shown,
    /// One word: `missing`, `corrupt`, `malformed`, `too_large`, `too_deep`, `shallow`, `broken_ref`,
    /// `unsupported`, `unreadable`, `interrupted`, `limit`.
    pub reason: Cow<'static, str>,
    /// The rest, for a person.
    pub detail: Shown,
}

/// Content that git keeps elsewhere.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct NotOurs {
    /// Submodules, by their entry's name.
    pub submodules: u64,
    /// Files whose content is in Git LFS.
    pub lfs_pointers: u64,
}

/// All that is known of one key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeyReport {
    /// `sha256:` and the hash of the key's text.
    pub id: String,
    /// What kind of credential it is.
    pub kind: Kind,
    /// Which Clerk environment it is for.
    pub environment: Environment,
    /// Its prefix and the first and last four characters of its body.
    pub hint: String,
    /// How sure it is that it is one.
    pub confidence: Confidence,
    /// Why.
    pub reasons: Vec<String>,
    /// Whether `--known` names it.
    pub known: bool,
    /// Whether it is known and has been introduced again since, or is back at a tip.
    pub known_again: bool,
    /// Where it stands now, the most exposed first.
    pub standing: Where,
    /// Which Clerk instance it likely belongs to.
    pub instance: Option<Instance>,
    /// Names of the variables it is the value of.
    pub variables: Vec<Shown>,
    /// Whether one of these names has a prefix whose variables builds put into the browser's bundle: then whoever
    /// visits the site can read it, however private the repository.
    #[serde(default)]
    pub in_browser_bundle: bool,
    /// The first introduction.
    pub first_introduced: Option<Entry>,
    /// Every introduction by reachable history, oldest first, and no commit before its ancestors.
    pub introductions: Vec<Entry>,
    /// Every removal by reachable history, oldest first, and no commit before its ancestors.
    pub removals: Vec<Entry>,
    /// Which tips hold it now.
    pub held_at: HeldAt,
    /// Which refs reach it.
    pub reachable_from: ReachableFrom,
    /// Where it stands that no ref reaches.
    pub unreachable: Vec<Unreachable>,
    /// How long it stood.
    pub exposure: Exposure,
    /// Other credentials in the same files, by name.
    pub siblings: Vec<NamedPlace>,
    /// Where this repository seems to deploy it.
    pub consumers: Vec<NamedPlace>,
    /// How many different (object, span) it stands at.
    pub sightings: u64,
    /// What the gate's ledger says of it, in the ledger's order: the server's clock, beside author's and committer's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ledger: Vec<LedgerEntry>,
}

/// One decision of the gate about a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// When, by the server's clock.
    pub time: Shown,
    /// What was decided about the push: `refused`, `accepted`, `observed`.
    pub verdict: Shown,
    /// What was decided about the key: `refused`, `warned`, `allowed`, `bypassed`, `passed`.
    pub decision: Shown,
    /// The repository's directory on the server.
    #[serde(default)]
    pub repository: Option<Shown>,
    /// Who pushed, as the server named them.
    pub pusher: Option<Shown>,
    /// From where.
    pub remote_address: Option<Shown>,
    /// The refs of the push, which all keys of it share.
    pub refs: Arc<[Shown]>,
    /// Which hook decided: `pre-receive` of a whole push, the others of each ref by itself. Earlier versions did not say so.
    #[serde(default)]
    pub hook: Option<Shown>,
    /// Whether the push introduced it, whatever was decided.
    #[serde(default)]
    pub introduced: bool,
    /// Whether the repository is one of those that were read, as far as its directory tells: a ledger is a whole host's.
    #[serde(default)]
    pub audited: bool,
}

/// How exposed a key is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Where {
    /// A branch's tip holds it.
    BranchTip,
    /// Only other tips hold it: tags, pull refs, notes, a ref's own name.
    OtherTip,
    /// No tip holds it; history that a ref reaches does.
    History,
    /// No ref reaches it.
    Unreachable,
}

/// What names the Clerk instance of a key. Never certain: another's publishable key can stand beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// The Frontend API host, for comparing; not a link.
    pub frontend_api: Option<Shown>,
    /// The publishable key it was decoded from. It is public.
    pub publishable_key: Option<Shown>,
    /// The dashboard's page of this instance's keys, rebuilt from its two ids; null where they are not known.
    pub dashboard_url: Option<String>,
    /// What says so, and where that stands.
    pub evidence: Shown,
    /// Other instances for which there is evidence too.
    pub alternatives: Vec<Candidate>,
}

/// Another instance a key may belong to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// The Frontend API host.
    pub frontend_api: Option<Shown>,
    /// The publishable key it was decoded from.
    pub publishable_key: Option<Shown>,
    /// The dashboard's page, where known.
    pub dashboard_url: Option<String>,
    /// What says so, and where that stands.
    pub evidence: Shown,
}

/// Whether an introduction or removal is of the key or of the key at one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// No parent held the key (or the commit holds it no more).
    Key,
    /// It only came to this path, or left it.
    Path,
}

/// One introduction or removal: one for each commit, place and path, at its first line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// The repository's path.
    pub repository: Shown,
    /// The commit; null for a sighting outside any commit (a tag, a ref's name).
    pub commit: Option<Oid>,
    /// The commit's parents.
    pub parents: Vec<Oid>,
    /// The object in which the key stands.
    pub object: Option<Oid>,
    /// The blob, where it is a file's content.
    pub blob: Option<Oid>,
    /// The author, as recorded.
    pub author: Option<Identity>,
    /// The committer, as recorded.
    pub committer: Option<Identity>,
    /// The tagger, for tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tagger: Option<Identity>,
    /// The first line of the message.
    pub subject: Option<Shown>,
    /// The path.
    pub path: Option<Shown>,
    /// The ref, where the key stands in its name or it names the object by itself.
    #[serde(rename = "ref")]
    pub reference: Option<Shown>,
    /// The first line it stands on, from 1; null where there are no lines.
    pub line: Option<u64>,
    /// The column, from 1, in bytes (UTF-16: code units).
    pub column: Option<u64>,
    /// What kind of place that is.
    pub place: Place,
    /// The encodings that were undone to read it, outermost first.
    pub encoding: Vec<Shown>,
    /// Of the key, or of the key at this path.
    pub level: Level,
    /// History is cut here: the key came in at this commit or at one that is not here.
    pub at_or_before: bool,
    /// The commit is dated before one of its parents.
    pub clock_skew: bool,
    /// Whether a ref reaches the commit.
    pub reachable: bool,
    /// The other path of a move: where it came from, or went to, in this same commit.
    pub moved: Option<Shown>,
    /// Of an introduction of the key: an ancestor of the commit held it in a file or a name, and no parent does. Earlier
    /// versions did not say.
    #[serde(default)]
    pub brought_back: bool,
    /// Committer time in seconds, for ordering; the text above is what is reported.
    #[serde(skip)]
    pub seconds: Option<i64>,
    /// The same where ancestry has the last word; not in a report that was read.
    #[serde(skip)]
    pub order: Order,
}

/// Where a commit stands among others: never before one of its ancestors, whatever their clocks said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Order {
    /// Committer time in seconds, or the latest of an ancestor's where that is later.
    pub seconds: Option<i64>,
    /// How many commits are in a row up to it, at most.
    pub generation: u32,
}

/// Author, committer or tagger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The name.
    pub name: Shown,
    /// The address.
    pub email: Shown,
    /// RFC 3339 with the recorded offset; null where that cannot say what git recorded.
    pub time: Option<String>,
    /// What git recorded.
    pub time_raw: Shown,
}

impl Identity {
    /// The moment, for whoever reads or draws it: as it was recorded, or in UTC where the offset is one that RFC 3339 cannot
    /// say. An odd offset makes no moment unknown.
    pub fn moment(&self) -> Option<Cow<'_, str>> {
        let in_utc = || RawTime::rfc3339_utc(RawTime::parse(&self.time_raw.unescaped())?.seconds).map(Cow::Owned);
        self.time.as_deref().map(Cow::Borrowed).or_else(in_utc)
    }
}

/// The tips that hold a key.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct HeldAt {
    /// How many refs.
    pub count: u64,
    /// How many of them are branches, here or of a remote.
    pub branches: u64,
    /// How many are tags.
    pub tags: u64,
    /// How many are others: pull refs, notes, stash, a worktree's detached HEAD.
    pub other: u64,
    /// The first of them, those that people know before the rest.
    pub at: Vec<HeldPlace>,
}

/// One place at a tip.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HeldPlace {
    /// The repository's path.
    pub repository: Shown,
    /// The ref.
    #[serde(rename = "ref")]
    pub reference: Shown,
    /// The commit it names; null where it names a tree or blob, or the key stands in its name.
    pub commit: Option<Oid>,
    /// The path.
    pub path: Option<Shown>,
    /// The line.
    pub line: Option<u64>,
}

/// The refs that reach a key.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ReachableFrom {
    /// How many.
    pub count: u64,
    /// The first of them.
    pub refs: Vec<Shown>,
    /// The same with their repositories, where several were read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at: Vec<ReachedRef>,
}

/// A ref that reaches a key, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReachedRef {
    /// The repository's path.
    pub repository: Shown,
    /// The ref.
    #[serde(rename = "ref")]
    pub reference: Shown,
}

/// A place that no ref reaches.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Unreachable {
    /// The repository's path.
    pub repository: Shown,
    /// The object; null for a reflog's line.
    pub object: Option<Oid>,
    /// What it is: `blob`, `tree`, `commit`, `tag`, `reflog`, `index`.
    #[serde(rename = "type")]
    pub object_type: Cow<'static, str>,
    /// What kind of place.
    pub place: Place,
    /// A path, where a commit or the index gives it one.
    pub path: Option<Shown>,
    /// The line.
    pub line: Option<u64>,
    /// By what it is still kept (`refs/stash@{1}`, `index`); null where by nothing.
    pub via: Option<Shown>,
    /// Commits that hold it, none of which a ref reaches.
    pub commits: Vec<Oid>,
}

/// How long a key stood at tips: one span, by commit clocks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Exposure {
    /// Committer time of the first introduction.
    pub start: Option<String>,
    /// Committer time of the last removal; null while open, or where it is not known.
    pub end: Option<String>,
    /// Whether a tip still holds it.
    pub open: bool,
    /// Why it ended, or not.
    pub end_reason: EndReason,
}

/// Why an exposure ended, or did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// It did not.
    Open,
    /// A reachable commit removes the key.
    Removed,
    /// Only commits or tags that no ref reaches any more hold it: a branch was deleted or rewritten.
    RefGone,
    /// No ref is known to have reached it: a loose blob, an index.
    NoRef,
}

/// A name at a place in a file at a tip.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NamedPlace {
    /// The name.
    pub name: Shown,
    /// The file.
    pub path: Option<Shown>,
    /// The line.
    pub line: Option<u64>,
}

/// Look-alikes of one vendor.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OtherVendor {
    /// The vendor, as far as the shape tells.
    pub vendor: Cow<'static, str>,
    /// How many different tokens.
    pub count: u64,
    /// One of them.
    pub example: VendorExample,
}

/// Where a look-alike stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VendorExample {
    /// The object; null where it stands in none.
    pub object: Option<Oid>,
    /// A path of it.
    pub path: Option<Shown>,
}

/// Counts over a report.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Summary {
    /// Keys.
    pub keys: u64,
    /// Of them production keys.
    pub live: u64,
    /// Of them development keys.
    pub test: u64,
    /// Of them those a tip holds.
    pub open: u64,
}

impl Summary {
    /// The counts of these keys.
    pub fn of(keys: &[KeyReport]) -> Self {
        let count = |of: fn(&KeyReport) -> bool| keys.iter().filter(|key| of(key)).count() as u64;
        Self {
            keys: keys.len() as u64,
            live: count(|key| key.environment == Environment::Live),
            test: count(|key| key.environment == Environment::Test),
            open: count(|key| key.exposure.open),
        }
    }
}
