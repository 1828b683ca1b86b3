//! Keys that leave one path and arrive at another in the same commit, where more arrive than leave.

use super::decided::with_a_past;
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
