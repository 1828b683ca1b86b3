//! Signed pushes, by `git push --signed` with a key of ssh's: the certificate that git stores before it asks.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::support::{MAIN, Server, ZERO, pack, push};
use crate::common::fixture::Repo;
use crate::common::fixture::objects::{Commit, Mode, ObjectType, Oid, encode_tree, object_id};
use crate::common::git;
use crate::common::secrets::live_key;
use crate::common::tools;

/// Makes a key pair; where its private half is. None where nothing here makes one, which has been told.
fn signing_key(at: PathBuf) -> Option<PathBuf> {
    if !tools::are_here(&[("ssh-keygen", "openssh-client")]) {
        return None;
    }
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "ada", "-f"])
        .arg(&at)
        .output()
        .expect("starting ssh-keygen");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Some(at)
}

/// A server that gives out nonces and knows whose this key is.
fn server_that_knows(key: &Path) -> Server {
    let server = Server::new();
    server.policy_with_ledger("");
    server.config("receive.certNonceSeed", "seed of this server");
    server.config("receive.advertisePushOptions", "true");
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    let signers = server.repo.beside("signers");
    std::fs::write(&signers, format!("ada@example.test {public}")).unwrap();
    server.config("gpg.ssh.allowedSignersFile", signers.to_str().unwrap());
    server
}

fn client_with(key: &Path) -> Repo {
    let client = Repo::bare();
    for (name, value) in [("gpg.format", "ssh"), ("user.signingKey", key.to_str().unwrap())] {
        git::run(git::command(client.path()), &["config", name, value], b"");
    }
    client
}

#[test]
fn a_signed_push_passes_and_its_signer_is_in_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let Some(known) = signing_key(folder.path().join("ada")) else { return };
    let Some(stranger) = signing_key(folder.path().join("eve")) else { return };
    let server = server_that_knows(&known);
    for (key, name, branch) in [(&known, json!("ada@example.test"), "known"), (&stranger, json!(null), "unknown")] {
        let mut client = client_with(key);
        client.commit_on(MAIN, &[("a", Some(branch))], "fine");
        let refspec = format!("{MAIN}:refs/heads/{branch}");
        server.push(&mut client, &["--signed", &refspec]).passes_silently();
        let line = server.ledger().pop().unwrap();
        let signer = &line["signer"];
        // A good signature of a key that nobody knows is one without a name.
        assert_eq!((&signer["name"], &signer["status"], &signer["nonce"]), (&name, &json!("G"), &json!("OK")));
        assert!(signer["key"].as_str().unwrap().starts_with("SHA256:"), "{signer}");
        assert_eq!((&line["verdict"], &line["objects_remain"]), (&json!("accepted"), &json!(false)));
    }
    let mut client = client_with(&known);
    client.commit_on(MAIN, &[("a", Some("unsigned"))], "fine");
    server.push(&mut client, &[MAIN]).passes_silently();
    assert_eq!(server.ledger().pop().unwrap()["signer"], json!(null));
    // What is signed is examined like everything else.
    let secret = live_key(110);
    client.commit_on(MAIN, &[("b", Some(&secret))], "bad");
    server.push(&mut client, &["--signed", MAIN]).is_refused_for(&secret, &["b:1", "keeps nothing of this push"]);
}

/// Whether git stored the certificate of a push that was refused: some versions put it beside what was pushed.
fn keeps_certificates(server: &Server) -> bool {
    let all = server.git(&["cat-file", "--batch-all-objects", "--batch-check=%(objectname)"]);
    all.lines().any(|object| server.git(&["cat-file", "-p", object]).starts_with("certificate version"))
}

#[test]
fn what_a_push_that_only_deletes_says_is_in_the_ledger_and_it_passes() {
    let folder = tempfile::tempdir().unwrap();
    let Some(known) = signing_key(folder.path().join("ada")) else { return };
    let server = server_that_knows(&known);
    let mut client = client_with(&known);
    client.commit_on(MAIN, &[("a", Some("1"))], "fine");
    let secret = live_key(113);
    let named = format!("refs/heads/for-{secret}");
    client.branch(&named, MAIN);
    server.hook("exit 0");
    let branches: Vec<String> = (0..4).map(|number| format!("{MAIN}:refs/heads/gone-{number}")).collect();
    for refspec in branches.iter().map(String::as_str).chain([MAIN, &named]) {
        server.push(&mut client, &[refspec]).passes();
    }
    server.hook("exec \"$GATE\" hook pre-receive");
    // Signed, and nothing in it.
    server.push(&mut client, &["--signed", ":refs/heads/gone-0"]).passes_silently();
    let line = server.ledger().pop().unwrap();
    assert_eq!((&line["signer"]["name"], &line["signer"]["nonce"]), (&json!("ada@example.test"), &json!("OK")));
    assert_eq!((&line["key_count"], &line["objects_remain"]), (&json!(0), &json!(false)));
    // A key in an option, and so in the certificate: git has stored that.
    let option = format!("note={secret}");
    let pushed = server.push(&mut client, &["--signed", "-o", &option, ":refs/heads/gone-1"]);
    pushed.passes();
    assert!(pushed.said.contains("the certificate") && pushed.said.contains("git gc --prune=now"), "{}", pushed.said);
    assert!(!pushed.said.contains(&secret), "a key was shown");
    let line = server.ledger().pop().unwrap();
    assert_eq!((&line["verdict"], &line["objects_remain"]), (&json!("accepted"), &json!(true)));
    let places: Vec<&serde_json::Value> =
        line["keys"][0]["places"].as_array().unwrap().iter().map(|place| &place["place"]).collect();
    assert_eq!(
        (places, &line["keys"][0]["decision"]),
        (vec![&json!("push_option"), &json!("certificate")], &json!("warned"))
    );
    assert!(!line.to_string().contains(&secret));
    // In an option alone; and in the name of what goes, where it is no news.
    server.push(&mut client, &["-o", &option, ":refs/heads/gone-2"]).passes();
    let line = server.ledger().pop().unwrap();
    assert_eq!(
        (&line["keys"][0]["places"][0]["place"], &line["objects_remain"]),
        (&json!("push_option"), &json!(false))
    );
    server.push(&mut client, &[&format!(":{named}")]).passes_silently();
    let line = server.ledger().pop().unwrap();
    let place = &line["keys"][0]["places"][0];
    assert_eq!((&place["place"], &place["standing"]), (&json!("ref_name"), &json!("removed")));
    assert!(!line.to_string().contains(&secret));
    // It passes whatever the policy says of keys, of what cannot be read, and of the ledger.
    server.policy("strict = true\nopaque = \"refuse\"\nledger = \"/dev/full\"");
    let pushed = server.push(&mut client, &["--signed", "-o", &option, ":refs/heads/gone-3"]);
    pushed.passes();
    assert!(pushed.said.contains("the ledger cannot be written"), "{}", pushed.said);
    server.is_sound();
}

#[test]
fn a_key_in_a_certificate_is_refused_and_said_to_remain() {
    let folder = tempfile::tempdir().unwrap();
    let Some(known) = signing_key(folder.path().join("ada")) else { return };
    let server = server_that_knows(&known);
    let mut client = client_with(&known);
    client.commit_on(MAIN, &[("a", Some("1"))], "fine");
    let secret = live_key(111);
    let option = format!("note={secret}");
    let pushed = server.push(&mut client, &["--signed", "-o", &option, MAIN]);
    pushed.is_refused_for(&secret, &["push option 1", "the certificate of the signed push"]);
    let is_kept = keeps_certificates(&server);
    assert_eq!(pushed.said.contains("git gc --prune=now"), is_kept, "{}", pushed.said);
    assert_eq!(pushed.said.contains("keeps nothing"), !is_kept, "{}", pushed.said);
    assert!(!pushed.said.contains("no ref of this push reaches it"), "{}", pushed.said);
    let line = server.ledger().pop().unwrap();
    assert_eq!((&line["verdict"], &line["objects_remain"]), (&json!("refused"), &json!(is_kept)));
    assert!(!line.to_string().contains(&secret));
    // One that stands in the certificate alone: the address that was pushed to is in it.
    let secret = live_key(112);
    let address = folder.path().join(&secret);
    std::os::unix::fs::symlink(server.path(), &address).unwrap();
    client.finish();
    push(client.path(), &address, &[MAIN]).passes_silently();
    let pushed = push(client.path(), &address, &["--signed", "refs/heads/main:refs/heads/x"]);
    pushed.is_refused(&["the certificate of the signed push"]);
    assert_eq!(pushed.said.contains("git gc --prune=now"), is_kept, "{}", pushed.said);
    assert!(!pushed.said.contains(&secret), "a key was shown");
    server.is_sound();
}

#[test]
fn a_certificate_that_was_stored_is_read_where_it_is_to_be_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let Some(known) = signing_key(folder.path().join("ada")) else { return };
    let server = server_that_knows(&known);
    let mut client = client_with(&known);
    client.commit_on(MAIN, &[("a", Some("1"))], "fine");
    let secret = live_key(114);
    server.push(&mut client, &["refs/heads/main:refs/heads/gone"]).passes();
    // Of a push that only deletes every git stores it, and nothing reaches it.
    let option = format!("note={secret}");
    server.push(&mut client, &["--signed", "-o", &option, ":refs/heads/gone"]).passes();
    let all = server.git(&["cat-file", "--batch-all-objects", "--batch-check=%(objectname)"]);
    let says_so = |object: &&str| server.git(&["cat-file", "-p", object]).starts_with("certificate version");
    let certificate = all.lines().find(says_so).unwrap().to_owned();
    let id = Oid(std::array::from_fn(|at| u8::from_str_radix(&certificate[2 * at..2 * at + 2], 16).unwrap()));
    let tree = encode_tree(vec![(b"certificate".to_vec(), Mode::File, id)]);
    let commit = Commit::new(object_id(ObjectType::Tree, &tree), &[], 1_700_000_000, "by hand").encode();
    let tip = object_id(ObjectType::Commit, &commit).to_string();
    let sent = pack(&[(ObjectType::Tree, tree), (ObjectType::Commit, commit)]);
    server.raw(&[(ZERO, &tip, MAIN.as_bytes())], &sent).is_refused_for(&secret, &["certificate:"]);
    server.raw(&[(ZERO, &certificate, b"refs/tags/x")], &pack(&[])).is_refused_for(&secret, &["that a ref names:"]);
    assert_eq!(server.value(MAIN), None);
}
