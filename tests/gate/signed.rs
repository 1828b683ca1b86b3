//! Signed pushes, by `git push --signed` with a key of ssh's: the certificate that git stores before it asks.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::support::{MAIN, Server, push};
use crate::common::fixture::Repo;
use crate::common::git;
use crate::common::secrets::live_key;

/// Makes a key pair; where its private half is.
fn signing_key(at: PathBuf) -> PathBuf {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "ada", "-f"])
        .arg(&at)
        .output()
        .expect("ssh-keygen, of the package openssh-client");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    at
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
    let (known, stranger) = (signing_key(folder.path().join("ada")), signing_key(folder.path().join("eve")));
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

#[test]
fn a_key_in_a_certificate_is_refused_and_said_to_remain() {
    let folder = tempfile::tempdir().unwrap();
    let known = signing_key(folder.path().join("ada"));
    let server = server_that_knows(&known);
    let mut client = client_with(&known);
    client.commit_on(MAIN, &[("a", Some("1"))], "fine");
    let secret = live_key(111);
    let option = format!("note={secret}");
    let pushed = server.push(&mut client, &["--signed", "-o", &option, MAIN]);
    pushed.is_refused_for(&secret, &["push option 1", "the certificate of the signed push", "git gc --prune=now"]);
    assert!(!pushed.said.contains("keeps nothing"), "{}", pushed.said);
    let line = server.ledger().pop().unwrap();
    assert_eq!((&line["verdict"], &line["objects_remain"]), (&json!("refused"), &json!(true)));
    assert!(!line.to_string().contains(&secret));
    // One that stands in the certificate alone: the address that was pushed to is in it.
    let secret = live_key(112);
    let address = folder.path().join(&secret);
    std::os::unix::fs::symlink(server.path(), &address).unwrap();
    client.finish();
    push(client.path(), &address, &[MAIN]).passes_silently();
    let pushed = push(client.path(), &address, &["--signed", "refs/heads/main:refs/heads/x"]);
    pushed.is_refused(&["the certificate of the signed push", "git gc --prune=now"]);
    assert!(!pushed.said.contains(&secret), "a key was shown");
    server.is_sound();
}
