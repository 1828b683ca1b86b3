//! A real history, with keys planted at known commits: what the tool says of it must be what the oracle finds
//! out and what was planted.
//!
//! `CLERK_AUDIT_REPO` names the repository, which is only read: a whole copy is made in a temporary folder. Where
//! it is not set, a generated repository stands in. `tests/bench/planted.sh` is the way to run it on a large one.

#[path = "../common/mod.rs"]
mod common;
mod copy;
mod plan;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::fixture::Repo;
use common::oracle::compare::differences;
use common::oracle::entry::strings;
use common::oracle::facts::Facts;
use common::random_history::Plan as RandomHistory;
use common::run::{Audit, Outcome};
use common::secrets::key_id;
use common::seeds::say;
use copy::{Copied, copy_with};
use plan::Planted;
use serde_json::Value;

/// A history of some size in which no key is.
fn generated() -> Repo {
    RandomHistory { seed: 20_240_101, steps: Some(400), keys: false }.build()
}

#[test]
fn planted_keys_are_reported_where_they_were_planted() {
    let stand_in = generated();
    let source = std::env::var_os("CLERK_AUDIT_REPO").map_or_else(|| stand_in.path().to_owned(), PathBuf::from);
    let started = Instant::now();
    let copied = copy_with(&source);
    tell("copied and planted", started.elapsed());

    let outcome = Audit::history(&copied.path).within(Duration::from_secs(1800)).run();
    tell("audited", outcome.wall);
    let report = outcome.report();

    let started = Instant::now();
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let facts = Facts::read(&copied.path, threads);
    tell("read by brute force", started.elapsed());
    let mut wrong = differences(&facts, &report);
    wrong.extend(copied.planted.iter().filter_map(|planted| misplaced(planted, &report)));
    wrong.extend(whole_keys(&outcome, &copied));
    say(&figures(&facts, &report, &outcome, &copied));
    if !wrong.is_empty() {
        let path = copied.keep();
        panic!("{} differences; the copy is left in {}:\n{}", wrong.len(), path.display(), wrong.join("\n"));
    }
}

/// A third opinion beside the oracle's: what was done when the key was planted.
fn misplaced(planted: &Planted, report: &Value) -> Option<String> {
    let id = key_id(&planted.key);
    let key = report["keys"].as_array()?.iter().find(|key| key["id"] == id.as_str());
    let introductions = key.and_then(|key| key["introductions"].as_array()).into_iter().flatten();
    let told: BTreeSet<String> = introductions
        .filter(|entry| entry["level"] == "key")
        .map(|entry| {
            let word = |field: &str| entry[field].as_str().unwrap_or("-");
            let path = if word("place") == "path" { "(masked)" } else { word("path") };
            format!("{} {} {path}", word("commit"), word("place"))
        })
        .collect();
    (told != planted.introductions)
        .then(|| format!("{} was planted at {:?}, and the report says {told:?}", planted.what, planted.introductions))
}

fn whole_keys(outcome: &Outcome, copied: &Copied) -> Vec<String> {
    let said = outcome.text() + &outcome.errors();
    let whole = copied.planted.iter().filter(|planted| said.contains(&planted.key));
    whole.map(|planted| format!("the report shows the key of {} whole", planted.what)).collect()
}

fn figures(facts: &Facts, report: &Value, outcome: &Outcome, copied: &Copied) -> String {
    let count = |of: &str| facts.counts.get(of).copied().unwrap_or(0);
    let total = |of: &str| {
        let keys = report["keys"].as_array().into_iter().flatten();
        keys.map(|key| key[of].as_array().map_or(0, Vec::len)).sum::<usize>()
    };
    let refs: usize =
        report["keys"].as_array().into_iter().flatten().map(|key| strings(&key["reachable_from"]["refs"]).len()).sum();
    format!(
        "{} commits, {} trees, {} blobs, {} MB, {} tips; {} blobs were absent\n\
         {} keys planted; reported: {} keys, {} introductions, {} removals, {refs} times reachable from a ref\n\
         peak of anonymous memory: {} MB",
        count("commit"),
        count("tree"),
        count("blob"),
        facts.bytes >> 20,
        facts.tips.len(),
        copied.absent,
        copied.planted.len(),
        facts.keys().len(),
        total("introductions"),
        total("removals"),
        outcome.peak_kilobytes >> 10,
    )
}

#[test]
fn a_partial_clone_is_copied_whole() {
    let mut source = generated();
    // No commit, tag or ref of it is lost with a blob.
    let listing = source.git(&["rev-list", "--objects", "--all", "--filter=object:type=blob", "--no-object-names"]);
    let blob = String::from_utf8(listing).expect("ids").lines().last().expect("a blob").to_owned();
    let (folder, file) = blob.split_at(2);
    let path = source.git_directory().join("objects").join(folder).join(file);
    std::fs::remove_file(path).expect("a loose blob");
    let copied = copy_with(source.path());
    assert_eq!(copied.absent, 1);
    common::git::run(common::git::command(&copied.path), &["rev-list", "--objects", "--all", "--quiet"], b"");
}

fn tell(what: &str, took: Duration) {
    say(&format!("{what} in {:.2} s", took.as_secs_f64()));
}

/// Whether `path` is a folder with a repository in it: asked before hours are spent.
fn is_repository(path: &Path) -> bool {
    common::git::command(path).args(["rev-parse", "--git-dir"]).output().is_ok_and(|output| output.status.success())
}
