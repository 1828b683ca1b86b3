//! Reports for the tests of the writers: one with a key in every state, with hostile text wherever text is foreign.

use crate::model::{
    Answer, Answers, Candidate, Checkout, Confidence, EndReason, Entry, Environment, Exposure, HeldAt, HeldPlace,
    Identity, Instance, KeyReport, Kind, LedgerEntry, Level, Liveness, NamedPlace, NotOurs, Oid, Opaque, OpaquePlace,
    Order, OtherVendor, Place, REPORT_SCHEMA, ReachableFrom, ReadLimits, Report, RepositoryReport, Shown, Skipped,
    Summary, Tool, Unreachable, UnreachableCounts, VendorExample, Where,
};

use super::{Format, Options};

/// A subject that tries everything: terminal escapes, reading direction, a line of its own, Markdown, HTML.
pub(super) const HOSTILE: &str = "fix\u{1b}[2J\u{202e}\r\n# [log in](https://evil.example) <img src=x> ``` @admin #1 \
                                  ![i](https://evil.example/i) https://evil.example \\";

pub(super) fn written(report: &Report, format: Format, options: Options<'_>) -> String {
    let mut out = Vec::new();
    super::write(report, format, options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Compares with a file under `tests/golden`, or writes it where `UPDATE_GOLDEN=1` is set.
pub(super) fn assert_golden(name: &str, text: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        std::fs::write(&path, text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    assert!(golden == text, "{name} is not what is written now; set UPDATE_GOLDEN=1 and look at the difference");
}

/// Holds a document to a schema under `tests/schemas`.
pub(super) fn assert_schema(name: &str, document: &serde_json::Value) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas").join(name);
    let schema = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path)).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

/// The schema with no room for fields that it does not describe.
pub(super) fn closed(mut schema: serde_json::Value) -> serde_json::Value {
    match &mut schema {
        serde_json::Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                *value =
                    if name == "additionalProperties" { serde_json::Value::Bool(false) } else { closed(value.take()) };
            }
        }
        serde_json::Value::Array(values) => values.iter_mut().for_each(|value| *value = closed(value.take())),
        _ => {}
    }
    schema
}

/// Holds a document to the published schema of traces, which must describe every field of it.
pub(super) fn assert_trace(document: &serde_json::Value) {
    let published = |name: &str| -> serde_json::Value {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
        closed(serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
    };
    let report = jsonschema::Resource::from_contents(published("report.schema.json")).unwrap();
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .with_resource("urn:clerk-audit:report:1", report)
        .build(&published("trace.schema.json"))
        .unwrap();
    let errors: Vec<String> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path)).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

/// A key in every state, and an incomplete scan.
pub(super) fn report() -> Report {
    let keys =
        vec![on_a_branch(), by_refs(), in_messages(), unreachable(), known_again(), in_history(), known(), possible()];
    Report {
        schema: REPORT_SCHEMA.into(),
        tool: Tool { name: "clerk-audit".into(), version: "0.1.0".into() },
        generated_at: "2026-11-23T10:00:00Z".to_owned(),
        complete: false,
        limits: ReadLimits { max_depth: 9, ..ReadLimits::default() },
        repositories: vec![repository()],
        summary: Summary::of(&keys),
        keys,
        other_vendors: vec![OtherVendor {
            vendor: "Stripe".into(),
            count: 3,
            example: VendorExample { object: Some(oid(90)), path: Some(shown("config/<b>pay</b>.yml")) },
        }],
        placeholders: 4,
        half_masked: 2,
    }
}

/// What Clerk answered, for the first keys of a report: each an instance too where it is alive.
pub(super) fn answers(report: &Report, livenesses: &[Liveness]) -> Answers {
    let answer = |liveness: Liveness| Answer {
        liveness,
        reason: "no answer in time, says `x` <b>".to_owned(),
        at: "2026-11-24T09:00:00Z".to_owned(),
        instance: (liveness == Liveness::Alive).then(|| "ins_2def".to_owned()),
    };
    report.keys.iter().zip(livenesses).map(|(key, liveness)| (key.id.clone(), answer(*liveness))).collect()
}

/// Nothing found, everything read.
pub(super) fn clean() -> Report {
    let mut report = report();
    (report.complete, report.keys, report.summary) = (true, Vec::new(), Summary::default());
    (report.other_vendors, report.placeholders, report.half_masked) = (Vec::new(), 0, 0);
    let repository = &mut report.repositories[0];
    (repository.skipped, repository.narrowed_by) = (Vec::new(), Vec::new());
    repository.fetches_only = Vec::new();
    repository.opaque = Opaque::default();
    report
}

/// One key in one of two repositories, of which the other could not be opened.
pub(super) fn unopened() -> Report {
    let mut report = report();
    report.keys.truncate(1);
    report.summary = Summary::of(&report.keys);
    report.repositories[0].skipped.clear();
    report.repositories.push(RepositoryReport {
        path: shown("/srv/git/\u{1b}]0;x\u{7}gone.git"),
        object_format: None,
        refs: 0,
        commits: 0,
        trees: 0,
        blobs: 0,
        bytes: 0,
        unreachable: UnreachableCounts::default(),
        narrowed_by: Vec::new(),
        fetches_only: Vec::new(),
        skipped: vec![skipped("/srv/git/gone.git", "unreadable", "no such directory")],
        opaque: Opaque::default(),
        not_ours: NotOurs::default(),
    });
    report
}

/// The first key of [`report`], alone in a complete one.
pub(super) fn one_key() -> Report {
    let mut report = report();
    report.keys.truncate(1);
    report.summary = Summary::of(&report.keys);
    (report.complete, report.repositories) = (true, clean().repositories);
    report
}

/// The first key of [`report`] as a credential of another kind.
pub(super) fn of_kind(kind: Kind) -> Report {
    let mut report = one_key();
    report.keys[0].kind = kind;
    report.keys[0].hint = format!("{}Ab…Yz", kind.name());
    report
}

/// A work tree on the branch that holds the key.
pub(super) fn checkouts() -> Vec<Checkout> {
    let path = shown("/home/ann/shop\u{202e}");
    vec![Checkout { repository: shown("/srv/git/shop.git"), path, reference: shown("refs/heads/main") }]
}

/// What a gate recorded of one key: refused, let pass by push option, and once there already.
pub(super) fn ledger() -> Vec<LedgerEntry> {
    let entry = |time: &str, verdict: &str, decision: &str, pusher: &str| LedgerEntry {
        time: shown(time),
        verdict: shown(verdict),
        decision: shown(decision),
        repository: Some(shown("/srv/git/shop.git")),
        pusher: Some(shown(pusher)),
        remote_address: Some(shown("192.0.2.7")),
        refs: [shown("refs/heads/main")].into(),
        hook: Some(shown("pre-receive")),
        introduced: decision != "passed",
        audited: true,
    };
    vec![
        entry("2026-11-21T01:31:00Z", "refused", "refused", "ann"),
        entry("2026-11-21T01:33:00Z", "accepted", "bypassed", "ann\u{1b}[1m"),
        entry("2026-11-21T09:01:00Z", "accepted", "passed", "ben"),
    ]
}

fn repository() -> RepositoryReport {
    let missing = (0..7).map(|n| skipped(&oid(n).to_string(), "missing", "pack has no such object"));
    let mut all: Vec<Skipped> = missing.collect();
    all.push(skipped(&oid(80).to_string(), "too_large", "2.0 GB"));
    all.push(skipped(&oid(81).to_string(), "shallow", ""));
    RepositoryReport {
        path: shown("/srv/git/shop.git"),
        object_format: Some("sha1".into()),
        refs: 12,
        commits: 1_204,
        trees: 9_001,
        blobs: 3_777,
        bytes: 52_300_000,
        unreachable: UnreachableCounts { commits: 3, blobs: 5 },
        narrowed_by: vec![shown("--ref refs/heads/*"), shown("--no-reflog")],
        fetches_only: vec![shown("refs/heads/main"), shown("refs/heads/\u{1b}[2J`x`")],
        skipped: all,
        opaque: Opaque {
            count: 1,
            at: vec![OpaquePlace { object: oid(91), encoding: vec![Shown::own("gzip")], reason: "encrypted".into() }],
        },
        not_ours: NotOurs { submodules: 2, lfs_pointers: 1 },
    }
}

fn on_a_branch() -> KeyReport {
    let first = entry(1, HOSTILE, ".env", 3, "2026-11-20T23:30:00-02:00");
    let spread =
        Entry { level: Level::Path, ..entry(2, "Add a script", "scripts/a`b.ts", 12, "2026-11-21T09:00:00+01:00") };
    let moved = Entry {
        level: Level::Path,
        moved: Some(shown(".env")),
        ..entry(3, "Move it", "config/.env", 3, "2026-11-21T10:00:00+01:00")
    };
    let left = Entry { moved: Some(shown("config/.env")), path: Some(shown(".env")), ..moved.clone() };
    KeyReport {
        variables: vec![shown("CLERK_SECRET_KEY"), shown("NEXT_PUBLIC_CLERK_SECRET_KEY")],
        in_browser_bundle: true,
        instance: Some(instance()),
        first_introduced: Some(first.clone()),
        introductions: vec![first, spread, moved],
        removals: vec![left],
        held_at: HeldAt {
            count: 4,
            branches: 2,
            tags: 1,
            other: 1,
            at: vec![
                held("refs/heads/main", "config/.env", 3),
                held("refs/heads/main", "scripts/a`b.ts", 12),
                held("refs/heads/\u{202e}x", "config/.env", 3),
                held("refs/tags/v1", "config/.env", 3),
                held("refs/pull/7/head", "config/.env", 3),
            ],
        },
        reachable_from: ReachableFrom {
            count: 120,
            refs: vec![shown("refs/heads/main"), shown("refs/tags/v1")],
            at: Vec::new(),
        },
        exposure: exposure(Some("2026-11-20T23:30:00-02:00"), None, EndReason::Open),
        siblings: vec![named("STRIPE_SECRET_KEY", "config/.env", 5), named("DATABASE_URL", "config/.env", 6)],
        consumers: vec![named("Vercel", "vercel.json", 1), named("<script>x</script>", ".github/workflows/ci.yml", 40)],
        sightings: 9,
        ledger: Vec::new(),
        ..key('1', Environment::Live, Confidence::High, Where::BranchTip)
    }
}

fn instance() -> Instance {
    Instance {
        frontend_api: Some(shown("clerk.shop.example")),
        publishable_key: Some(shown("pk_live_Y2xlcmsuc2hvcC5leGFtcGxlJA")),
        dashboard_url: Some("https://dashboard.clerk.com/apps/app_2abc/instances/ins_2def/api-keys".to_owned()),
        evidence: shown("likely: a publishable key in the same file, .env:2"),
        alternatives: vec![Candidate {
            frontend_api: Some(shown("clerk.shop-old.example")),
            publishable_key: Some(shown("pk_live_Y2xlcmsuc2hvcC1vbGQuZXhhbXBsZSQ")),
            dashboard_url: None,
            evidence: shown("likely: a publishable key in the same directory, web/.env.production:9"),
        }],
    }
}

/// In the name of a pull ref, and in a file that an annotated tag names by itself.
fn by_refs() -> KeyReport {
    let tag = "refs/tags/config";
    let by_tag = Entry {
        commit: None,
        parents: Vec::new(),
        author: None,
        committer: None,
        tagger: Some(person("Bob", "bob@shop.example", "2026-03-01T12:00:00Z")),
        path: None,
        reference: Some(shown(tag)),
        ..entry(20, "Keep the configuration", "", 4, "2026-03-01T12:00:00Z")
    };
    let name = "refs/pull/3/sk_live_AbC2…WxY2](https://evil.example)";
    let in_name = Entry {
        tagger: None,
        subject: None,
        blob: None,
        reference: Some(shown(name)),
        line: None,
        column: None,
        place: Place::RefName,
        ..by_tag.clone()
    };
    let at = |reference, line| HeldPlace { commit: None, path: None, line, ..held(reference, "", 0) };
    KeyReport {
        first_introduced: Some(by_tag.clone()),
        introductions: vec![by_tag, in_name],
        held_at: HeldAt { count: 3, branches: 0, tags: 1, other: 2, at: vec![at(tag, Some(4)), at(name, None)] },
        reachable_from: ReachableFrom { count: 3, refs: vec![shown(tag), shown(name)], at: Vec::new() },
        exposure: exposure(Some("2026-03-01T12:00:00Z"), None, EndReason::Open),
        sightings: 2,
        ledger: Vec::new(),
        ..key('2', Environment::Live, Confidence::Medium, Where::OtherTip)
    }
}

/// In the message of an annotated tag and in that of a commit: no tip holds it, and it stays exposed.
fn in_messages() -> KeyReport {
    let quoted = Entry {
        blob: None,
        path: None,
        place: Place::CommitMessage,
        ..entry(70, "Rotate sk_live_AbC7…WxY7", "", 3, "2026-04-02T12:00:00Z")
    };
    let tag = Entry {
        commit: None,
        parents: Vec::new(),
        author: None,
        committer: None,
        tagger: Some(person("Bob", "bob@shop.example", "2026-04-01T12:00:00Z")),
        place: Place::TagMessage,
        ..quoted.clone()
    };
    let tag = Entry { object: Some(oid(71)), subject: Some(shown("Release 0.9")), ..tag };
    KeyReport {
        first_introduced: Some(quoted.clone()),
        introductions: vec![tag, quoted],
        reachable_from: ReachableFrom {
            count: 2,
            refs: vec![shown("refs/heads/main"), shown("refs/tags/v0.9")],
            at: Vec::new(),
        },
        exposure: exposure(Some("2026-04-02T12:00:00Z"), None, EndReason::Open),
        sightings: 2,
        ledger: Vec::new(),
        ..key('7', Environment::Live, Confidence::High, Where::History)
    }
}

/// Dealt with once, and then introduced again.
fn known_again() -> KeyReport {
    let path = "e2e/setup.ts";
    let first = entry(82, "Add tests", path, 2, "2025-03-01T08:00:00Z");
    let removal = entry(83, "Drop the key", path, 2, "2025-03-02T08:00:00Z");
    let again = entry(84, "Revert \"Drop the key\"", path, 2, "2026-11-19T08:00:00Z");
    KeyReport {
        known: true,
        known_again: true,
        first_introduced: Some(first.clone()),
        introductions: vec![first, again],
        removals: vec![removal],
        held_at: HeldAt { count: 1, branches: 1, tags: 0, other: 0, at: vec![held("refs/heads/main", path, 2)] },
        reachable_from: ReachableFrom { count: 1, refs: vec![shown("refs/heads/main")], at: Vec::new() },
        exposure: exposure(Some("2025-03-01T08:00:00Z"), None, EndReason::Open),
        ..key('8', Environment::Test, Confidence::High, Where::BranchTip)
    }
}

/// A keyless application's file, written by one person, committed by another, removed later.
fn in_history() -> KeyReport {
    let mut first = entry(30, "Start", "web/.clerk/.tmp/keyless.json", 1, "2026-11-01T08:00:00+01:00");
    first.author = Some(Identity {
        time: None,
        time_raw: shown("99999999999999 +9900"),
        ..person("Cy\u{200b}d", "cyd@shop.example", "")
    });
    (first.clock_skew, first.encoding) = (true, vec![shown("utf-16le"), shown("base64")]);
    let removal = entry(31, "Clean up", "web/.clerk/.tmp/keyless.json", 1, "2026-11-05T08:00:00+01:00");
    KeyReport {
        first_introduced: Some(first.clone()),
        introductions: vec![first],
        removals: vec![removal],
        reachable_from: ReachableFrom { count: 1, refs: vec![shown("refs/heads/main")], at: Vec::new() },
        exposure: exposure(Some("2026-11-01T08:00:00+01:00"), Some("2026-11-05T08:00:00+01:00"), EndReason::Removed),
        sightings: 1,
        ledger: Vec::new(),
        ..key('3', Environment::Test, Confidence::High, Where::History)
    }
}

fn unreachable() -> KeyReport {
    let stashed = Entry { reachable: false, ..entry(40, "WIP on main", "debug.js", 7, "2026-11-22T08:00:00+01:00") };
    let place = |object, via: Option<&str>| Unreachable {
        repository: shown("/srv/git/shop.git"),
        object: Some(object),
        object_type: "blob".into(),
        place: Place::File,
        path: Some(shown("debug.js")),
        line: Some(7),
        via: via.map(shown),
        commits: vec![oid(40), oid(41)],
    };
    let log = |place: Place, name: &str, via: Option<&str>| Unreachable {
        repository: shown("/srv/git/shop.git"),
        object: None,
        object_type: "reflog".into(),
        place,
        path: Some(shown(name)),
        line: via.is_some().then_some(7),
        via: via.map(shown),
        commits: Vec::new(),
    };
    let message = Unreachable {
        object_type: "commit".into(),
        place: Place::CommitMessage,
        path: None,
        commits: Vec::new(),
        ..place(oid(41), Some("HEAD@{3}"))
    };
    KeyReport {
        first_introduced: Some(stashed),
        unreachable: vec![
            log(Place::RefName, "refs/heads/sk_live_AbC4…WxY4", None),
            log(Place::Reflog, "HEAD", Some("HEAD@{3}")),
            place(oid(42), Some("refs/stash@{1}")),
            place(oid(43), None),
            message,
        ],
        exposure: exposure(Some("2026-11-22T08:00:00+01:00"), None, EndReason::RefGone),
        ..key('4', Environment::Live, Confidence::High, Where::Unreachable)
    }
}

fn known() -> KeyReport {
    let first = entry(50, "First", "app.js", 9, "2025-01-01T00:00:00Z");
    KeyReport {
        known: true,
        first_introduced: Some(first.clone()),
        introductions: vec![first],
        reachable_from: ReachableFrom { count: 1, refs: vec![shown("refs/heads/main")], at: Vec::new() },
        exposure: exposure(Some("2025-01-01T00:00:00Z"), Some("2025-02-01T00:00:00Z"), EndReason::Removed),
        ..key('5', Environment::Test, Confidence::High, Where::History)
    }
}

fn possible() -> KeyReport {
    KeyReport {
        reasons: vec!["37 characters, where Clerk's keys have 42".to_owned()],
        exposure: exposure(None, None, EndReason::NoRef),
        unreachable: vec![Unreachable {
            repository: shown("/srv/git/shop.git"),
            object: Some(oid(60)),
            object_type: "index".into(),
            place: Place::Path,
            path: Some(shown("notes/sk_test_AbC6…WxY6.txt")),
            line: None,
            via: Some(shown("index")),
            commits: Vec::new(),
        }],
        ..key('6', Environment::Test, Confidence::Low, Where::Unreachable)
    }
}

/// A key with nothing known of it but what it is.
fn key(digit: char, environment: Environment, confidence: Confidence, standing: Where) -> KeyReport {
    let prefix = if environment == Environment::Live { "sk_live_" } else { "sk_test_" };
    KeyReport {
        id: format!("sha256:{}", digit.to_string().repeat(64)),
        kind: Kind::SecretKey,
        environment,
        hint: format!("{prefix}AbC{digit}…WxY{digit}"),
        confidence,
        reasons: vec!["42 letters and digits, as Clerk's keys have and no other vendor's".to_owned()],
        known: false,
        known_again: false,
        standing,
        instance: None,
        variables: Vec::new(),
        in_browser_bundle: false,
        first_introduced: None,
        introductions: Vec::new(),
        removals: Vec::new(),
        held_at: HeldAt::default(),
        reachable_from: ReachableFrom::default(),
        unreachable: Vec::new(),
        exposure: exposure(None, None, EndReason::NoRef),
        siblings: Vec::new(),
        consumers: Vec::new(),
        sightings: 1,
        ledger: Vec::new(),
    }
}

fn entry(commit: u8, subject: &str, path: &str, line: u64, time: &str) -> Entry {
    Entry {
        repository: shown("/srv/git/shop.git"),
        commit: Some(oid(commit)),
        parents: vec![oid(commit.wrapping_add(100))],
        object: Some(oid(commit.wrapping_add(150))),
        blob: Some(oid(commit.wrapping_add(150))),
        author: Some(person("Ann", "ann@shop.example", time)),
        committer: Some(person("Ann", "ann@shop.example", time)),
        tagger: None,
        subject: Some(shown(subject)),
        path: Some(shown(path)),
        reference: None,
        line: Some(line),
        column: Some(18),
        place: Place::File,
        encoding: Vec::new(),
        level: Level::Key,
        at_or_before: false,
        clock_skew: false,
        reachable: true,
        moved: None,
        brought_back: false,
        seconds: super::clock::seconds(time),
        order: Order { seconds: super::clock::seconds(time), generation: 0 },
    }
}

fn person(name: &str, email: &str, time: &str) -> Identity {
    Identity {
        name: shown(name),
        email: shown(email),
        time: Some(time.to_owned()),
        time_raw: shown("1763680000 +0100"),
    }
}

fn held(reference: &str, path: &str, line: u64) -> HeldPlace {
    HeldPlace {
        repository: shown("/srv/git/shop.git"),
        reference: shown(reference),
        commit: Some(oid(9)),
        path: Some(shown(path)),
        line: Some(line),
    }
}

fn named(name: &str, path: &str, line: u64) -> NamedPlace {
    NamedPlace { name: shown(name), path: Some(shown(path)), line: Some(line) }
}

fn exposure(start: Option<&str>, end: Option<&str>, end_reason: EndReason) -> Exposure {
    Exposure {
        start: start.map(str::to_owned),
        end: end.map(str::to_owned),
        open: end_reason == EndReason::Open,
        end_reason,
    }
}

fn skipped(object: &str, reason: &'static str, detail: &str) -> Skipped {
    Skipped { object: shown(object), reason: reason.into(), detail: shown(detail) }
}

pub(super) fn shown(text: &str) -> Shown {
    Shown::from_masked(text.as_bytes())
}

fn oid(seed: u8) -> Oid {
    let bytes: Vec<u8> = (0..20u8).map(|at| seed.wrapping_mul(37).wrapping_add(at.wrapping_mul(seed | 1))).collect();
    Oid::from_bytes(&bytes).unwrap()
}
