//! Random histories: what the tool says of each must be what brute force finds out, whether its objects are
//! loose or packed.
//!
//! `CLERK_AUDIT_SEED` replays one history (with `CLERK_AUDIT_HISTORIES`, that many from it on), and leaves a
//! history that fails on the disk; `CLERK_AUDIT_HISTORIES` changes how many there are.

mod common;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;
use std::sync::Mutex;

use common::fixture::Repo;
use common::git;
use common::oracle::compare::differences;
use common::oracle::facts::Facts;
use common::random_history::Plan;
use common::run::Audit;
use common::seeds::{failing, number, say};
use serde_json::Value;

const HISTORIES: u64 = 500;

#[test]
fn random_histories_are_reported_as_brute_force_finds_them() {
    let replayed = number("CLERK_AUDIT_SEED");
    let base = replayed.unwrap_or_else(|| fastrand::u64(..1 << 40));
    let histories = number("CLERK_AUDIT_HISTORIES").unwrap_or(if replayed.is_some() { 1 } else { HISTORIES });
    say(&format!("random histories: {histories} from seed {base} on"));

    let tally = Mutex::new(BTreeMap::<&str, u64>::new());
    let failures = failing(base..base + histories, |seed| {
        let checked = check(&Plan::new(seed), replayed.is_some())?;
        let mut tally = tally.lock().expect("no thread panicked");
        *tally.entry("keys").or_default() += checked.keys;
        *tally.entry(checked.also).or_default() += 1;
        Ok(())
    });
    for (seed, told) in &failures {
        say(&format!("\nseed {seed} (CLERK_AUDIT_SEED={seed} replays it):\n{}", smallest(*seed, told)));
    }
    let seeds: Vec<u64> = failures.iter().map(|(seed, _)| *seed).collect();
    assert!(failures.is_empty(), "base seed {base}: what is reported is not what is there, at seeds {seeds:?}");
    let tally = tally.into_inner().expect("no thread panicked");
    say(&format!("{histories} random histories are reported as they are: {tally:?}"));
}

/// A history that is reported as it is.
struct Checked {
    keys: u64,
    /// In which way it was audited beside loose, with packed refs, and packed.
    also: &'static str,
}

/// Makes one history and audits it loose, with packed refs, packed, and some in other ways too.
fn check(plan: &Plan, keep: bool) -> Result<Checked, String> {
    let seed = plan.seed;
    let checked = std::panic::catch_unwind(|| {
        let mut repo = plan.build();
        let facts = Facts::read(repo.path(), 1);
        let (told, also) = compare(&mut repo, &facts, seed);
        if told.is_empty() {
            return Ok(Checked { keys: facts.keys().len() as u64, also });
        }
        let kept = if keep { format!("\nthe repository is left in {}", repo.keep().display()) } else { String::new() };
        Err(format!("{}{kept}", told.join("\n")))
    });
    checked.unwrap_or_else(|panic| {
        let told = panic.downcast::<String>().map_or_else(|_| "no reason told".into(), |told| *told);
        Err(format!("seed {seed} panicked: {told}"))
    })
}

fn compare(repo: &mut Repo, facts: &Facts, seed: u64) -> (Vec<String>, &'static str) {
    let (loose, mut told) = audit(repo.path(), facts);
    told.extend(differences(facts, &loose));
    repo.git(&["pack-refs", "--all"]);
    let (packed_refs, _) = audit(repo.path(), facts);
    told.extend(first_difference("with packed refs", &loose, &packed_refs, ""));
    repo.git(&["repack", "-a", "-d", "-k", "-q"]);
    let (packed, _) = audit(repo.path(), facts);
    told.extend(first_difference("with packed objects", &loose, &packed, ""));
    let also = match seed % 6 {
        0 => {
            repo.git(&["commit-graph", "write", "--reachable"]);
            repo.git(&["multi-pack-index", "write"]);
            "with a commit graph and an index of packs"
        }
        1 if migrates_to_reftable(repo) => "with refs in tables",
        2 => {
            let copy = sha256_copy(repo);
            let facts = Facts::read(copy.path(), 1);
            let (report, wrong) = audit(copy.path(), &facts);
            let wrong = wrong.into_iter().chain(differences(&facts, &report));
            told.extend(wrong.map(|told| format!("in SHA-256: {told}")));
            return (told, "in SHA-256");
        }
        3 | 4 => {
            // The reference: libgit2 reads the same packs, and the report is the same.
            let mut report = Audit::history(repo.path()).and("--reader").and("libgit2").run().report();
            report.as_object_mut().expect("a report is an object").remove("generated_at");
            told.extend(first_difference("read by libgit2", &loose, &report, ""));
            return (told, "read by libgit2");
        }
        5 => {
            told.extend(since_some_commit(repo, facts, &loose, seed).into_iter().map(|told| format!("--since {told}")));
            return (told, "since one of its commits");
        }
        _ => return (told, "in no other way"),
    };
    let (other, _) = audit(repo.path(), facts);
    told.extend(first_difference(also, &loose, &other, ""));
    (told, also)
}

/// Audits what some commit does not reach. Of the others' introductions and removals the same must be told as in a whole
/// report, and of keys that none of them introduces, and no tag or ref, nothing.
fn since_some_commit(repo: &Repo, facts: &Facts, whole: &Value, seed: u64) -> Vec<String> {
    let reached: Vec<_> = facts.parents_first.iter().filter(|commit| facts.reachable.contains(*commit)).collect();
    if reached.is_empty() {
        return Vec::new();
    }
    let since = reached[seed as usize / 6 % reached.len()];
    let (mut left_out, mut pending) = (HashSet::new(), vec![since]);
    while let Some(commit) = pending.pop() {
        if left_out.insert(commit.as_str()) {
            pending.extend(&facts.commits[commit].parents);
        }
    }
    let run = Audit::history(repo.path()).and("--no-unreachable").and("--since").and(since).run();
    let report = run.report();
    let told = |key: &Value, of: &str| -> BTreeSet<String> {
        let by_commits =
            list(&key[of]).filter(|entry| entry["commit"].as_str().is_some_and(|it| !left_out.contains(it)));
        let fields = ["commit", "place", "path", "line", "level", "moved", "brought_back", "at_or_before", "author"];
        by_commits.map(|entry| fields.map(|field| entry[field].to_string()).join(" ")).collect()
    };
    let mut wrong = Vec::new();
    for key in list(&report["keys"]) {
        let nowhere =
            |entry: &&Value| entry["commit"].is_null() && entry["ref"].is_null() && entry["place"] != "tag_message";
        if list(&key["introductions"]).next().is_none() || list(&key["introductions"]).any(|entry| nowhere(&entry)) {
            wrong.push(format!("{since}: {} is told, and nothing brings it in", key["id"]));
        }
        let first = &key["first_introduced"];
        if !first.is_null() && first["level"] != "key" {
            wrong.push(format!("{since}: {first} is no first introduction"));
        }
    }
    let of = |id: &Value| list(&report["keys"]).find(|key| key["id"] == *id);
    for key in list(&whole["keys"]) {
        let narrowed = of(&key["id"]);
        for what in ["introductions", "removals"] {
            let expected = told(key, what);
            // What only went is no finding.
            let is_finding = narrowed.is_some() || !told(key, "introductions").is_empty();
            if is_finding && expected != narrowed.map(|key| told(key, what)).unwrap_or_default() {
                wrong.push(format!("{since}: {what} of {} are not {expected:?}: {narrowed:?}", key["id"]));
            }
        }
    }
    wrong
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// What is lost of a history makes nothing of what is told false: nobody brings in or removes what he did not, and what a
/// tip holds is not gone from there.
#[test]
fn what_is_lost_of_random_histories_accuses_nobody() {
    const HOLED: u64 = 150;
    let replayed = number("CLERK_AUDIT_SEED");
    let base = replayed.unwrap_or_else(|| fastrand::u64(..1 << 40));
    let histories = number("CLERK_AUDIT_HISTORIES").unwrap_or(if replayed.is_some() { 1 } else { HOLED });
    say(&format!("random histories with holes: {histories} from seed {base} on"));
    let failures = failing(base..base + histories, lose_some);
    for (seed, told) in &failures {
        say(&format!("\nseed {seed} (CLERK_AUDIT_SEED={seed} replays it):\n{told}"));
    }
    assert!(failures.is_empty(), "base seed {base}");
}

/// Loses objects of a history, one after another, each as long as it is audited.
fn lose_some(seed: u64) -> Result<(), String> {
    let mut repo = Plan::new(seed).build();
    repo.finish();
    let whole = Audit::history(repo.path()).run().report();
    let objects = repo.git(&["cat-file", "--batch-all-objects", "--batch-check=%(objecttype) %(objectname)"]);
    let objects = String::from_utf8(objects).expect("types and ids are ASCII");
    let objects: Vec<&str> = objects.lines().collect();
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..4 {
        let victim = objects[random.usize(..objects.len())];
        let (object_type, id) = victim.split_once(' ').expect("a type and an id");
        let path = repo.git_directory().join("objects").join(&id[..2]).join(&id[2..]);
        let Ok(bytes) = std::fs::read(&path) else { continue };
        std::fs::remove_file(&path).expect("losing an object");
        if random.bool() {
            std::fs::write(&path, &bytes[..bytes.len() / 2]).expect("cutting an object");
        }
        let report = Audit::history(repo.path()).run().report();
        _ = std::fs::remove_file(&path);
        std::fs::write(&path, &bytes).expect("putting an object back");
        // A file that is lost at a tip may have had the key all the time.
        let ends_sure = matches!(object_type, "commit" | "tag");
        let wrong = falsehoods(&whole, &report, ends_sure);
        if !wrong.is_empty() {
            return Err(format!("without {victim}: {}", wrong.join("\n")));
        }
    }
    Ok(())
}

/// What a report tells that is not so in the whole one of the same history; ends of exposures where they are sure.
fn falsehoods(whole: &Value, report: &Value, ends_sure: bool) -> Vec<String> {
    // Where another ref is lost, a file is one that only notes reach.
    let place = |entry: &Value| if entry["place"] == "note" { "file".into() } else { entry["place"].clone() };
    let what = |entry: &Value| format!("{} {} {}", entry["commit"], place(entry), entry["path"]);
    let mut wrong = Vec::new();
    for key in list(&report["keys"]).filter(|key| key["confidence"] == "high") {
        let Some(known) = list(&whole["keys"]).find(|known| known["id"] == key["id"]) else {
            wrong.push(format!("there is no {}", key["id"]));
            continue;
        };
        let all = |of: &str| list(&known[of]).map(what).collect::<BTreeSet<_>>();
        let introductions = all("introductions");
        let is_sure = |entry: &&Value| !entry["commit"].is_null() && entry["at_or_before"] == false;
        let first = Some(&key["first_introduced"]).filter(|first| first["reachable"] == true);
        for entry in list(&key["introductions"]).chain(first).filter(is_sure) {
            if !introductions.contains(&what(entry)) {
                wrong.push(format!("{} is no introduction of {}", what(entry), key["id"]));
            }
        }
        let removals = all("removals");
        for entry in list(&key["removals"]).filter(|entry| !removals.contains(&what(entry))) {
            wrong.push(format!("{} is no removal of {}", what(entry), key["id"]));
        }
        let (before, now) = (&known["exposure"], &key["exposure"]);
        // What is lost may have had the key in its own text.
        let is_held = ends_sure && known["held_at"]["count"] != 0;
        if is_held && before["open"] == true && now["end_reason"] == "removed" {
            wrong.push(format!("the exposure of {} is not over", key["id"]));
        }
    }
    wrong
}

/// Puts all refs in tables, if this git can: not with worktrees or reflogs, and no git before 2.46.
fn migrates_to_reftable(repo: &Repo) -> bool {
    let mut migrate = git::command(repo.path());
    migrate.args(["refs", "migrate", "--ref-format=reftable"]);
    git::answer(migrate, b"").success
}

/// The reachable history again, as another repository whose ids are SHA-256.
fn sha256_copy(repo: &mut Repo) -> Repo {
    let options = ["--glob=refs/*", "--signed-tags=strip", "--tag-of-filtered-object=drop", "--reencode=no"];
    let mut stream = repo.git(&[&["fast-export"], &options[..]].concat());
    // A submodule's commit is in no repository here, and its id is any id of the right length.
    let submodule = b"\nM 160000 ";
    let mut at = 0;
    while let Some(found) = stream[at..].windows(submodule.len()).position(|part| part == submodule) {
        at += found + submodule.len() + 40;
        stream.splice(at..at, [b'0'; 24]);
    }
    let mut copy = Repo::bare_sha256();
    copy.git_with_input(&["fast-import", "--quiet", "--force", "--date-format=raw-permissive"], &stream);
    copy
}

/// The report, without the time at which it was made, and what is wrong with the run itself.
fn audit(path: &Path, facts: &Facts) -> (Value, Vec<String>) {
    let outcome = Audit::history(path).run();
    let mut report = outcome.report();
    report.as_object_mut().expect("a report is an object").remove("generated_at");
    let keys = facts.keys();
    let mut wrong = Vec::new();
    // What is nearly a key is told with less confidence.
    let others = report["keys"].as_array().into_iter().flatten().any(|key| key["confidence"] == "medium");
    let code = if keys.is_empty() && !others { 0 } else { 1 };
    if outcome.code != Some(code) {
        wrong.push(format!("exit code {:?}, not {code}; standard error: {}", outcome.code, outcome.errors()));
    }
    let said = outcome.text() + &outcome.errors();
    wrong.extend(keys.iter().filter(|key| said.contains(*key)).map(|key| format!("the report shows {key:.12}… whole")));
    (report, wrong)
}

/// Where two reports of one repository differ first.
fn first_difference(when: &str, one: &Value, other: &Value, at: &str) -> Option<String> {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) if one.len() == other.len() => {
            let null = Value::Null;
            let mut fields = one.iter().map(|(name, value)| (name, value, other.get(name).unwrap_or(&null)));
            fields.find_map(|(name, one, other)| first_difference(when, one, other, &format!("{at}/{name}")))
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            let mut items = one.iter().zip(other).enumerate();
            items.find_map(|(index, (one, other))| first_difference(when, one, other, &format!("{at}/{index}")))
        }
        _ => (one != other).then(|| format!("{when}, {at} is {other}, not {one}")),
    }
}

/// The first steps of a history that fails, if fewer than all of them fail too.
fn smallest(seed: u64, told: &str) -> String {
    for steps in 0..20 {
        if let Err(told) = check(&Plan { steps: Some(steps), ..Plan::new(seed) }, false) {
            return format!("{told}\n(as much fails after the first {steps} steps of it)");
        }
    }
    told.to_owned()
}
