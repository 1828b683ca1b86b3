//! Keys that leave one path and arrive at another in the same commit, where more arrive than leave.

use super::decided::{started, with_a_past};
use super::support::{MAIN, Server};
use crate::common::fixture::Repo;
use crate::common::secrets::live_key;

/// The standings of the only key in the last line of a server's ledger, by path.
fn standings(server: &Server) -> Vec<(String, String)> {
    let last = server.ledger().pop().unwrap();
    let text = |place: &serde_json::Value, name: &str| place[name].as_str().unwrap().to_owned();
    let places = last["keys"][0]["places"].as_array().unwrap().iter();
    let mut told: Vec<_> = places.map(|place| (text(place, "path"), text(place, "standing"))).collect();
    told.sort();
    told
}

fn told(rows: &[(&str, &str)]) -> Vec<(String, String)> {
    rows.iter().map(|(path, standing)| ((*path).to_owned(), (*standing).to_owned())).collect()
}

#[test]
fn what_a_tip_holds_takes_no_others_departure() {
    let key = live_key(1900);
    let (server, mut client) = with_a_past(&key);
    let content = format!("OTHER={key}\n");
    let mut other = Repo::bare();
    other.commit_on(MAIN, &[("a", Some(&content))], "beside it");
    server.hook("exit 0");
    server.push(&mut other, &["refs/heads/main:refs/heads/other"]).passes();
    server.hook("exec \"$GATE\" hook pre-receive");
    server.policy_with_ledger("");
    let moved = format!("KEY={key}\n");
    // With the other branch's file, and a move beside it; without a move; and with one copy too many.
    let changes = [("config/env", None), ("a", Some(content.as_str())), ("b", Some(moved.as_str()))];
    client.branch("refs/heads/both", MAIN);
    client.commit_on("refs/heads/both", &changes, "both");
    server.push(&mut client, &["refs/heads/both"]).passes_silently();
    assert_eq!(standings(&server), told(&[("a", "held_by_tip"), ("b", "moved")]));
    client.branch("refs/heads/gone", MAIN);
    client.commit_on("refs/heads/gone", &changes[..2], "taken out here");
    server.push(&mut client, &["refs/heads/gone"]).passes_silently();
    server.git(&["branch", "-D", "both"]);
    client.branch("refs/heads/copied", MAIN);
    let changes = [changes[0], changes[1], changes[2], ("c", Some(moved.as_str()))];
    client.commit_on("refs/heads/copied", &changes, "once too often");
    server.push(&mut client, &["refs/heads/copied"]).is_refused_for(&key, &["c:1"]);
    assert_eq!(standings(&server), told(&[("a", "held_by_tip"), ("b", "moved"), ("c", "introduced")]));
}

#[test]
fn what_left_for_nowhere_is_told_when_the_tips_were_asked() {
    let key = live_key(1910);
    let (server, mut client) = with_a_past(&key);
    let content = format!("KEY={key}\n");
    let mut other = Repo::bare();
    other.commit_on(MAIN, &[("a", Some(&content)), ("b", Some(&content))], "beside it");
    server.hook("exit 0");
    server.push(&mut other, &["refs/heads/main:refs/heads/other"]).passes();
    server.hook("exec \"$GATE\" hook pre-receive");
    server.policy_with_ledger("");
    client.commit_on(MAIN, &[("config/env", None), ("a", Some(&content)), ("b", Some(&content))], "theirs");
    server.push(&mut client, &[MAIN]).passes_silently();
    assert_eq!(standings(&server), told(&[("a", "held_by_tip"), ("b", "held_by_tip"), ("config/env", "removed")]));
}

#[test]
fn what_is_the_same_was_moved_and_what_is_beside_it_is_new() {
    let key = live_key(1920);
    let (server, mut client) = with_a_past(&key);
    let content = format!("KEY={key}\n");
    let mut number = 0;
    let mut is_blamed = |changes: &[(&str, Option<&str>)], place: &str, others: &[&str]| {
        number += 1;
        let name = format!("refs/heads/topic-{number}");
        client.branch(&name, MAIN);
        client.commit_on(&name, changes, "a rename and more");
        let pushed = server.push(&mut client, &[&name]);
        pushed.is_refused_for(&key, &[place]);
        for other in others {
            assert!(!pushed.said.contains(other), "{other}: {}", pushed.said);
        }
    };
    let gone = ("config/env", None);
    let new = format!("NEW={key}\n");
    // The same file, in a place that sorts behind the new one; a changed one that is still called so.
    is_blamed(&[gone, ("z", Some(&content)), ("a", Some(&new))], "    a:1", &["z:1"]);
    is_blamed(&[gone, ("z/env", Some(&format!("#\n{content}"))), ("a", Some(&new))], "    a:1", &["z/env"]);
    // What was in a file goes to a file first, and not into a name.
    let name = format!("n-{key}");
    is_blamed(&[gone, (&name, Some(&content))], "      the name of n-", &[":1"]);
}

#[test]
fn a_merge_that_moves_reads_no_more_of_a_parent_than_tells_that_it_has_the_key() {
    let key = live_key(1930);
    let (server, mut client) = started();
    let filler: Vec<(String, String)> =
        (0..200).map(|at| (format!("d{at}/f"), format!("{at}\n").repeat(2_000))).collect();
    let files: Vec<(&str, Option<&str>)> =
        filler.iter().map(|(path, text)| (path.as_str(), Some(text.as_str()))).collect();
    let size: usize = filler.iter().map(|(_, text)| text.len()).sum();
    client.commit_on(MAIN, &files, "what has nothing to do with it");
    server.push(&mut client, &[MAIN]).passes_silently();
    server.hook("exit 0");
    let content = format!("KEY={key}\n");
    client.branch("refs/heads/side", MAIN);
    let side = client.commit_on("refs/heads/side", &[("p", Some(&content))], "theirs");
    let ours = client.commit_on(MAIN, &[("keep", Some(&content))], "ours");
    server.push(&mut client, &[MAIN]).passes();
    server.push(&mut client, &["refs/heads/side"]).passes();
    server.hook("exec \"$GATE\" hook pre-receive");
    server.policy_with_ledger("");
    let mut merged = client.files_at(MAIN);
    let carrier = client.files_at("refs/heads/side")[&b"p"[..]];
    merged.insert(b"q".to_vec(), carrier);
    client.commit_files(MAIN, merged, &[ours, side], "merge, p is q");
    server.push(&mut client, &[MAIN]).passes_silently();
    assert_eq!(standings(&server), told(&[("q", "moved")]));
    let read = server.ledger()[0]["coverage"]["bytes"].as_u64().unwrap();
    assert!(read < size as u64 / 10, "{read} of {size}");
}
