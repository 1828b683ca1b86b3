//! The detection corpus: texts as data, each with all that must be found in it and nothing else. `corpus/README.md`
//! says how to read the files and add to them.
//!
//! `CLERK_AUDIT_SEED` makes the keys of one run again; `CLERK_AUDIT_CORPUS_OUT` names a folder to write the texts to,
//! for other scanners to read (`tests/detection/compare`).

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is the failing test's message")]

mod among;
mod check;
mod detector;
mod lines;
mod one_key;
mod parse;
#[path = "../common/secrets.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod secrets;
mod self_check;
mod shapes;
mod split;
mod template;
mod wrap;
mod written;

use std::collections::BTreeSet;

use clerk_audit::detect::Detector;
use lines::Lines;
use parse::{Case, all_cases, corpus_files};
use template::{Expanded, expand};

/// Three that are always the same, and one that is new each time.
fn seeds() -> Vec<u64> {
    let given = std::env::var("CLERK_AUDIT_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = given.map_or_else(|| vec![1, 2, 3, fastrand::u64(..)], |seed| vec![seed]);
    println!("seeds {seeds:?}");
    seeds
}

fn expanded(case: &Case, seed: u64) -> Expanded {
    expand(&case.content, seed, &format!("{}/{}", case.theme, case.name))
        .unwrap_or_else(|wrong| panic!("tests/detection/corpus/{}.txt:{}: {wrong}", case.theme, case.line))
}

#[test]
fn every_case_is_told_as_it_is() {
    let detector = Detector::new();
    let cases = all_cases();
    let seeds = seeds();
    let mut failing = Vec::new();
    for case in &cases {
        let wrong = seeds.iter().find_map(|&seed| {
            let expanded = expanded(case, seed);
            let wrong = check::problems(case, &expanded, &detector::scan(&detector, &expanded.bytes));
            (!wrong.is_empty()).then(|| format!("(seed {seed})\n    {}", wrong.join("\n    ")))
        });
        failing.extend(wrong.map(|wrong| format!("{}.txt:{}: {} {wrong}", case.theme, case.line, case.name)));
    }
    println!("{} of {} cases hold", cases.len() - failing.len(), cases.len());
    assert!(failing.is_empty(), "{} of {} cases fail:\n{}", failing.len(), cases.len(), failing.join("\n"));
}

#[test]
fn the_corpus_is_large_and_no_two_cases_have_one_name() {
    let cases = all_cases();
    let mut names = BTreeSet::new();
    let mut count = Lines::default();
    for case in &cases {
        assert!(names.insert((&case.theme, &case.name)), "two cases of {} are called {:?}", case.theme, case.name);
        if case.variant == 0 {
            count.add(case, &expanded(case, 1));
        }
    }
    println!("{count}, in {} cases", cases.len());
    assert!(count.must >= 450 && count.must_not >= 450, "{count}");
}

#[test]
fn no_corpus_file_holds_a_secret_as_it_stands() {
    // What scanners of any make go for, ours among them.
    let shapes = regex::Regex::new(concat!(
        r"(?:sk|rk)_(?:live|test|prod|org)_[A-Za-z0-9]{20,}|whsec_[A-Za-z0-9+/]{16,}|\bAKIA[A-Z0-9]{16}|AIza[\w-]{20,}",
        r"|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|xox[abprs]-[\w-]{10,}|SG\.[\w-]{16,}|eyJ[\w-]{10,}\.[\w-]+",
        r"|\b[0-9a-f]{32,}\b|PRIVATE KEY-----|[A-Za-z0-9+/]{60,}",
    ))
    .unwrap();
    let detector = Detector::new();
    for (theme, text) in corpus_files() {
        for (at, line) in text.lines().enumerate() {
            assert!(!shapes.is_match(line), "{theme}.txt:{}: make it at run time, by a template", at + 1);
        }
        let credentials: Vec<detector::Said> = detector::scan(&detector, text.as_bytes())
            .into_iter()
            .filter(|said| matches!(said, detector::Said::Credential(_)))
            .collect();
        assert!(credentials.is_empty(), "{theme}.txt: {credentials:?}");
    }
}
