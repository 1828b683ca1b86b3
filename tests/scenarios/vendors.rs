//! What is found: other vendors' tokens and placeholders are counted, and are no findings.

use super::support::{MAIN, audit, list, text};
use crate::common::fixture::Repo;
use crate::common::secrets::{alphanumerics, live_key, look_alike};

#[test]
fn other_vendors_are_counted_by_vendor_with_an_example() {
    //  A: two Stripe keys, one of them twice, and a Paystack key, no Clerk key   main
    let stripe = [look_alike(1801, 24), look_alike(1802, 34)];
    let paystack = format!("sk_{}_{}", "live", alphanumerics(1803, 40).to_lowercase());
    let mut repo = Repo::bare();
    let content = format!("A={}\nB={}\nC={}\n", stripe[0], stripe[1], stripe[0]);
    repo.commit_on(MAIN, &[("billing/.env", Some(&content)), ("pay.env", Some(&format!("{paystack}\n")))], "A");
    let found = audit(&mut repo).complete();
    assert_eq!((found.code, list(&found.report["keys"]).count()), (0, 0), "they are not Clerk's");
    let vendors: Vec<(&str, u64, &str)> = list(&found.report["other_vendors"])
        .map(|one| (text(&one["vendor"]), one["count"].as_u64().unwrap(), text(&one["example"]["path"])))
        .collect();
    assert_eq!(vendors, [("Paystack", 1, "pay.env"), ("Stripe", 2, "billing/.env")]);
}

#[test]
fn placeholders_are_counted_and_are_no_keys() {
    //  A: bodies of 42 that nobody drew at random, and shorter fillers   main
    let bodies = [
        "x".repeat(42),
        "abcdefghijklmnopqrstuvwxyz0123456789abcdef".to_owned(),
        "0123456789".repeat(5)[..42].to_owned(),
        "your_key_here".to_owned(),
        "****".to_owned(),
    ];
    let mut repo = Repo::bare();
    let content: String = bodies.iter().map(|body| format!("KEY=sk_{}_{body}\n", "test")).collect();
    repo.commit_on(MAIN, &[(".env.example", Some(&content))], "A");
    let found = audit(&mut repo).complete();
    assert_eq!((found.code, list(&found.report["keys"]).count()), (0, 0));
    assert!(found.report["placeholders"].as_u64().unwrap() >= 4, "{}", found.report["placeholders"]);
}

#[test]
fn a_key_is_found_whatever_stands_around_it() {
    //  A: a file for each surrounding   main
    let around = [
        ("\"", "\""),
        ("'", "',"),
        ("`", "`"),
        ("<", ">"),
        ("**", "**"),
        ("(", ")"),
        ("{", "}"),
        ("[", "]"),
        ("=", "&x=1"),
        ("\\n", "\\n"),
        ("%3D", "%26"),
        ("\u{201c}", "\u{201d}"),
        ("_", ""),
        ("A=", ";"),
        ("\t", "\r\n"),
        ("key:", "#"),
        ("/", "/"),
        ("@", "@"),
        (",", ","),
        ("|", "|"),
        ("\u{0}", "\u{0}"),
        ("-", "-x"),
        (".", "."),
    ];
    let mut repo = Repo::bare();
    let contents: Vec<(String, String)> = around
        .iter()
        .enumerate()
        .map(|(at, (left, right))| (format!("f{at:02}"), format!("{left}{}{right}", live_key(1810 + at as u64))))
        .collect();
    let changes: Vec<(&str, Option<&str>)> =
        contents.iter().map(|(path, content)| (path.as_str(), Some(content.as_str()))).collect();
    repo.commit_on(MAIN, &changes, "A");
    let found = audit(&mut repo).complete();
    for (at, (left, right)) in around.iter().enumerate() {
        assert!(found.has(&live_key(1810 + at as u64)), "between {left:?} and {right:?}");
    }
    assert_eq!(list(&found.report["keys"]).count(), around.len());
}

#[test]
fn what_only_looks_like_a_key_is_none() {
    //  A: 41 and 43 characters, `task_test_…`, another prefix   main
    let body = alphanumerics(1840, 42);
    let mut repo = Repo::bare();
    let lines = [
        format!("ta{}_{}_{body}", "sk", "test"),
        format!("sk_{}{body}", "live"),
        format!("sk-{}-{body}", "live"),
        format!("SK_{}_{body}", "LIVE"),
    ];
    repo.commit_on(MAIN, &[("a", Some(&lines.join("\n")))], "A");
    let found = audit(&mut repo).complete();
    assert_eq!((found.code, list(&found.report["keys"]).count()), (0, 0), "{:#}", found.report["keys"]);
}
