//! A secret that is known by its variable, or a key's body by itself, where it stands in a name: what teaches that it is
//! one may be read after the name was.

use super::support::{MAIN, Pushed, Server, pack, push};
use crate::common::fixture::Repo;
use crate::common::git;
use crate::common::secrets::live_key;

/// 32 bytes in hex, which are a secret only behind the name of their variable.
fn hex_secret(seed: usize) -> String {
    (0..32).map(|at| format!("{:02x}", (at * 167 + seed) % 251)).collect()
}

/// It is refused for the key, and neither what was said nor the ledger shows the secret.
#[track_caller]
fn shows_nothing(server: &Server, pushed: &Pushed, key: &str, secret: &str) {
    pushed.is_refused_for(key, &[]);
    assert!(!pushed.said.contains(secret), "shown: {}", pushed.said);
    let ledger = std::fs::read_to_string(server.ledger_path()).unwrap();
    assert!(!ledger.contains(secret), "in the ledger: {ledger}");
    assert!(server.ledger().iter().any(|line| line["keys"][0]["places"][0]["path"].is_string()), "{ledger}");
}

#[test]
fn what_a_later_commit_teaches_is_masked_in_the_path_of_an_earlier_one() {
    let (key, other) = (live_key(2900), live_key(2901));
    let body = &other["sk_live_".len()..];
    let pool = Repo::bare();
    let server = Server::new();
    server.policy_with_ledger("");
    let alternates = format!("{}\n", pool.path().join("objects").display());
    std::fs::write(server.path().join("objects/info/alternates"), alternates).unwrap();
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[(&format!("{body}/a"), Some(&format!("KEY={key}\n")))], "first");
    client.commit_on(MAIN, &[("z", Some(&format!("KEY={other}\n")))], "second");
    client.finish();
    push(client.path(), pool.path(), &[MAIN]).passes();
    // Nothing of it is sent: the fork's pool has all of it.
    let pushed = push(client.path(), server.path(), &[MAIN]);
    shows_nothing(&server, &pushed, &key, body);
}

#[test]
fn what_lay_unreachable_teaches_as_much() {
    let (key, secret) = (live_key(2902), hex_secret(41));
    let server = Server::new();
    server.policy_with_ledger("");
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[(&format!("{secret}/a"), Some(&format!("KEY={key}\n")))], "first");
    let tip = client.commit_on(MAIN, &[("z", Some(&format!("CLERK_ENCRYPTION_KEY={secret}\n")))], "second");
    server.hook("exit 0");
    server.push(&mut client, &[MAIN]).passes();
    git::run(git::command(server.path()), &["update-ref", "-d", MAIN], b"");
    server.hook("exec \"$GATE\" hook pre-receive");
    let pushed = server.raw(&[(super::support::ZERO, &tip.to_string(), MAIN.as_bytes())], &pack(&[]));
    shows_nothing(&server, &pushed, &key, &secret);
}

#[test]
fn what_a_removal_teaches_is_masked_in_paths_and_in_names_of_refs() {
    let (key, secret) = (live_key(2903), hex_secret(43));
    for (path, name) in [(format!("{secret}/a"), "topic".to_owned()), ("a".to_owned(), format!("{key}/{secret}"))] {
        let server = Server::new();
        server.policy_with_ledger("");
        let mut client = Repo::bare();
        client.commit_on(MAIN, &[("z", Some(&format!("CLERK_ENCRYPTION_KEY={secret}\n")))], "long ago");
        server.hook("exit 0");
        server.push(&mut client, &[MAIN]).passes();
        server.hook("exec \"$GATE\" hook pre-receive");
        client.commit_on(MAIN, &[(&path, Some(&format!("KEY={key}\n")))], "bad");
        client.commit_on(MAIN, &[("z", Some("gone\n"))], "take it out");
        client.finish();
        let pushed = push(client.path(), server.path(), &[&format!("{MAIN}:refs/heads/{name}")]);
        // git itself names the ref.
        let pushed = Pushed { all: pushed.said.clone(), ..pushed };
        shows_nothing(&server, &pushed, &key, &secret);
    }
}
