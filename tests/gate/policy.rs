//! What the server's owner may say: what is refused, what may pass, and what is recorded.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::support::{MAIN, Server};
use crate::common::fixture::Repo;
use crate::common::fixture::objects::{Files, Mode, Oid};
use crate::common::run::Audit;
use crate::common::secrets::{alphanumerics, key_id, live_key, publishable_key, test_key};

fn bad_push(key: &str) -> Repo {
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("a", Some(&format!("x\n{key}\n")))], "bad");
    client
}

#[test]
fn a_policy_that_is_wrong_refuses_and_says_why() {
    let server = Server::new();
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("a", Some("1"))], "fine");
    server.policy("strct = true");
    server.push(&mut client, &[MAIN]).is_refused(&["the gate itself failed", "is not valid", "strct"]);
    server.hook("exec \"$GATE\" hook pre-receive --policy /nonexistent/policy.toml");
    server.push(&mut client, &[MAIN]).is_refused(&["cannot read the policy /nonexistent/policy.toml"]);
    server.hook("CLERK_AUDIT_POLICY=/nonexistent/other.toml exec \"$GATE\" hook pre-receive");
    server.push(&mut client, &[MAIN]).is_refused(&["/nonexistent/other.toml"]);
}

#[test]
fn classes_of_keys_refuse_warn_or_say_nothing() {
    let server = Server::new();
    server.policy("[refuse]\nenvironments = [\"live\"]");
    let key = test_key(70);
    let pushed = server.push(&mut bad_push(&key), &[MAIN]);
    pushed.passes();
    assert!(pushed.said.starts_with("warning: clerk-audit: sk_test_"), "{}", pushed.said);
    assert!(!pushed.all.contains(&key));
    let server = Server::new();
    server.policy("[refuse]\nenvironments = [\"live\"]\n[warn]\nenvironments = [\"live\"]");
    server.push(&mut bad_push(&key), &[MAIN]).passes_silently();
    // Low confidence: longer than a key, and no vendor's.
    let server = Server::new();
    let long = format!("sk_{}_{}", "live", alphanumerics(71, 50));
    let pushed = server.push(&mut bad_push(&long), &[MAIN]);
    pushed.passes();
    assert!(pushed.said.contains("may be a Clerk secret key: a:2"), "{}", pushed.said);
}

/// One secret of each kind as it stands in a file, and what the message calls it.
fn every_kind() -> Vec<(String, &'static str)> {
    let lower = |seed: u64, length: usize| {
        alphanumerics(seed, length * 4)
            .chars()
            .filter(|it| it.is_ascii_lowercase() || it.is_ascii_digit())
            .take(length)
            .collect::<String>()
    };
    let hex: String = (0..32u64).map(|at| format!("{:02x}", (at * 167 + 41) % 251)).collect();
    let keyless = json!({
        "publishableKey": publishable_key("clear-ant-11.clerk.accounts.dev"),
        "secretKey": test_key(205),
        "claimUrl": format!("https://dashboard.clerk.com/apps/claim?token={}", lower(206, 40)),
        "apiKeysUrl": "https://dashboard.clerk.com/last-active?path=api-keys",
    });
    vec![
        (test_key(200), "a Clerk secret key is in it"),
        (format!("CLERK_API_KEY={}_{}", "live", alphanumerics(201, 34)), "a Clerk legacy API key is in it"),
        (
            format!("CLERK_WEBHOOK_SIGNING_SECRET={}_{}", "whsec", alphanumerics(202, 32)),
            "a Clerk webhook signing secret is in it",
        ),
        (
            format!("CLERK_MACHINE_SECRET_KEY={}_{}", "ak", alphanumerics(203, 40)),
            "a Clerk machine secret key is in it",
        ),
        (format!("CLERK_PLATFORM_API_KEY={}_{}", "ak", alphanumerics(204, 40)), "a Clerk platform API key is in it"),
        (
            format!("clerk: https://dashboard.clerk.com/apps/claim?token={}", lower(207, 40)),
            "a Clerk claim token of a keyless application is in it",
        ),
        (format!("CLERK_ENCRYPTION_KEY={hex}"), "a Clerk encryption key is in it"),
        (format!("{keyless:#}"), "Clerk secrets are in it"),
    ]
}

#[test]
fn every_kind_of_secret_is_refused_by_default_and_each_by_its_name_can_pass() {
    for (content, words) in every_kind() {
        let mut client = Repo::bare();
        client.commit_on(MAIN, &[("a", Some(&content))], "bad");
        Server::new().push(&mut client, &[MAIN]).is_refused(&[words, "must be rotated"]);
    }
    let (content, _) = every_kind().swap_remove(2);
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("a", Some(&content))], "bad");
    for policy in ["[refuse]\nkinds = [\"secret_key\"]", "[refuse]\nenvironments = [\"live\", \"test\"]"] {
        let server = Server::new();
        server.policy(policy);
        let pushed = server.push(&mut client, &[MAIN]);
        pushed.passes();
        assert!(pushed.said.contains("may be a Clerk webhook signing secret: a:1"), "{}", pushed.said);
    }
    let pushed = Server::new().push(&mut client, &[MAIN]);
    pushed.is_refused(&["(webhook signing secret)", "https://dashboard.clerk.com/~/webhooks"]);
}

#[test]
fn what_cannot_be_looked_into_is_told_and_refused_where_the_policy_says_so() {
    let server = Server::new();
    let text: Vec<u8> = (0..400).flat_map(|seed| alphanumerics(seed, 60).into_bytes()).collect();
    let mut whole = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    whole.write_all(&text).unwrap();
    let whole = whole.finish().unwrap();
    let mut client = Repo::bare();
    let blob = client.blob(&whole[..whole.len() / 2]);
    let files = Files::from([(b"logs.gz".to_vec(), (Mode::File, blob))]);
    client.commit_files(MAIN, files, &[], "half a file");
    let words = format!("the object {} cannot be looked into: cut short", &blob.to_string()[..12]);
    server.policy_with_ledger("opaque = \"refuse\"");
    let pushed = server.push(&mut client, &[MAIN]);
    pushed.is_refused(&["it has content that cannot be looked into", &words, "git log --all --find-object="]);
    server.policy_with_ledger("");
    let pushed = server.push(&mut client, &[MAIN]);
    pushed.passes();
    assert!(pushed.said.contains(&format!("warning: clerk-audit: {words}")), "{}", pushed.said);
    let verdicts: Vec<_> = server.ledger().iter().map(|line| line["verdict"].clone()).collect();
    assert_eq!(verdicts, ["refused", "accepted"]);
    assert_eq!(server.ledger()[1]["coverage"]["opaque"], 1);
}

#[test]
fn a_bundle_of_git_or_an_archive_that_is_not_opened_does_not_pass_for_looked_into() {
    let mut inner = Repo::bare();
    inner.commit_on(MAIN, &[("env", Some(&live_key(76)))], "with a key");
    inner.finish();
    let bundle = inner.git(&["bundle", "create", "--quiet", "-", MAIN]);
    assert!(bundle.starts_with(b"# v2 git bundle\n"));
    let archive = [b"Rar!\x1a\x07\x01\0".as_slice(), &[7; 100]].concat();
    for (content, what) in [(bundle, "a git bundle"), (archive, "a RAR archive")] {
        let server = Server::new();
        let mut client = Repo::bare();
        let blob = client.blob(content);
        client.commit_files(MAIN, Files::from([(b"backup".to_vec(), (Mode::File, blob))]), &[], "a backup");
        let words = format!("the object {} cannot be looked into: {what}", &blob.to_string()[..12]);
        server.policy("opaque = \"refuse\"");
        server.push(&mut client, &[MAIN]).is_refused(&["it has content that cannot be looked into", &words]);
        server.policy("");
        let pushed = server.push(&mut client, &[MAIN]);
        pushed.passes();
        assert!(pushed.said.contains(&format!("warning: clerk-audit: {words}")), "{}", pushed.said);
    }
}

#[test]
fn observing_decides_and_records_and_refuses_nothing() {
    let server = Server::new();
    server.policy_with_ledger("mode = \"observe\"");
    let key = live_key(72);
    let pushed = server.push(&mut bad_push(&key), &[MAIN]);
    pushed.passes();
    assert!(
        pushed.said.starts_with("warning: clerk-audit would refuse this push, but only observes"),
        "{}",
        pushed.said
    );
    let ledger = server.ledger();
    assert_eq!((ledger.len(), &ledger[0]["verdict"]), (1, &json!("observed")));
    assert_eq!(ledger[0]["keys"][0]["decision"], "refused");
}

#[test]
fn a_known_key_passes_until_the_day_it_expires() {
    let key = live_key(73);
    for (expires, passes) in [("2999-12-31", true), ("2020-01-01", false)] {
        let server = Server::new();
        server.policy_with_ledger(&format!(
            "[[allow]]\nid = \"{}\"\nreason = \"rotated\"\nowner = \"ada\"\nexpires = \"{expires}\"",
            key_id(&key)
        ));
        let pushed = server.push(&mut bad_push(&key), &[MAIN]);
        if passes {
            pushed.passes_silently();
            assert_eq!(server.ledger()[0]["keys"][0]["decision"], "allowed");
            assert_eq!(server.ledger()[0]["keys"][0]["owner"], "ada");
        } else {
            pushed.is_refused_for(&key, &["allowance for it ended on 2020-01-01"]);
        }
    }
}

#[test]
fn allow_writes_the_keys_of_a_report_into_a_policy() {
    let key = live_key(74);
    let mut client = bad_push(&key);
    client.finish();
    let report = client.beside("report.json");
    let outcome = Audit::history(client.path()).run();
    std::fs::write(&report, &outcome.stdout).unwrap();
    let allow = |expires: &str| {
        Audit::new(&[
            "policy",
            "allow",
            "--reason",
            "rotated on Monday",
            "--owner",
            "ada",
            "--expires",
            expires,
            "--from",
        ])
        .and(&report)
        .run()
    };
    let outcome = allow("2999-12-31");
    assert_eq!(outcome.code, Some(0), "{}", outcome.errors());
    assert!(!outcome.text().contains(&key) && outcome.text().contains(&key_id(&key)));
    let server = Server::new();
    server.policy(&outcome.text());
    server.push(&mut client, &[MAIN]).passes_silently();
    assert_eq!(allow("soon").code, Some(2));
    let policy = client.beside("policy.toml");
    std::fs::write(&policy, outcome.text()).unwrap();
    assert_eq!(Audit::new(&["policy", "check"]).and(&policy).run().code, Some(0));
    std::fs::write(&policy, "mode = \"maybe\"").unwrap();
    let outcome = Audit::new(&["policy", "check"]).and(&policy).run();
    assert_eq!(outcome.code, Some(2));
    assert!(outcome.errors().contains("maybe"), "{}", outcome.errors());
}

#[test]
fn a_push_option_lets_one_key_pass_where_policy_says_so() {
    let (key, other) = (live_key(75), live_key(76));
    let digits = |key: &str| key_id(key)["sha256:".len()..][..12].to_owned();
    let server = Server::new();
    server.config("receive.advertisePushOptions", "true");
    let wish = format!("clerk-audit.allow={}:rotated, see ticket 7", digits(&key));
    server.policy_with_ledger("");
    let pushed = server.push(&mut bad_push(&key), &["-o", &wish, MAIN]);
    pushed.is_refused_for(&key, &[&format!("id {}", digits(&key)), "lets no push option allow a key"]);
    assert!(!pushed.said.contains("clerk-audit.allow="), "a bypass that is not to be had is not named");
    server.policy_with_ledger("bypass = true");
    let pushed = server.push(&mut bad_push(&key), &[MAIN]);
    pushed.is_refused_for(&key, &[&format!("clerk-audit.allow={}:<reason>", digits(&key))]);
    for wrong in [
        format!("clerk-audit.allow={}:", digits(&key)),
        format!("clerk-audit.allow={}", digits(&key)),
        format!("clerk-audit.allow={}:why", &digits(&key)[..11]),
        format!("clerk-audit.allow={}:why", digits(&other)),
        "clerk-audit.allow=:why".to_owned(),
    ] {
        server.push(&mut bad_push(&key), &["-o", &wrong, MAIN]).is_refused_for(&key, &["has no effect"]);
    }
    let mut both = bad_push(&format!("{key}\n{other}"));
    server.push(&mut both, &[MAIN]).is_refused_for(&other, &["wants an -o of its own"]);
    server.push(&mut both, &["-o", &wish, MAIN]).is_refused_for(&other, &["a Clerk secret key is in it"]);
    let wishes = [&key, &other].map(|key| format!("clerk-audit.allow={}:rotated", digits(key)));
    let scratch = Server::new();
    scratch.config("receive.advertisePushOptions", "true");
    scratch.policy_with_ledger("bypass = true");
    scratch.push(&mut both, &["-o", &wishes[0], "-o", &wishes[1], MAIN]).passes();
    // Neither a commit's message nor a comment lets anything pass.
    let mut words = Repo::bare();
    words.commit_on(MAIN, &[("a", Some(&format!("{key} # clerk-audit:allow {wish}")))], &wish);
    server.push(&mut words, &[MAIN]).is_refused_for(&key, &[]);
    let pushed = server.push(&mut bad_push(&key), &["-o", &wish, MAIN]);
    pushed.passes();
    assert!(pushed.said.contains("passes by push option, recorded: rotated, see ticket 7"), "{}", pushed.said);
    let last = server.ledger().pop().unwrap();
    assert_eq!(last["verdict"], "accepted");
    assert_eq!(last["keys"][0]["decision"], "bypassed");
    assert_eq!(last["keys"][0]["reason"], "rotated, see ticket 7");
    assert!(!last.to_string().contains(&key));
    // Nobody is to fill a disk with reasons.
    let scratch = Server::new();
    scratch.config("receive.advertisePushOptions", "true");
    scratch.policy_with_ledger("bypass = true");
    scratch.push(&mut bad_push(&key), &["-o", &format!("{wish} {}", "x".repeat(2_000)), MAIN]).passes();
    let reason = scratch.ledger().pop().unwrap()["keys"][0]["reason"].as_str().unwrap().to_owned();
    assert!(reason.starts_with("rotated, see ticket 7 x") && reason.chars().count() == 1_001, "{reason}");
}

#[test]
fn the_ledger_says_who_what_and_when_and_joins_the_history() {
    let server = Server::new();
    server.policy_with_ledger("");
    server.hook("REMOTE_USER=ada REMOTE_ADDR=192.0.2.7 exec \"$GATE\" hook pre-receive");
    let key = live_key(77);
    let mut client = bad_push(&key);
    server.push(&mut client, &[MAIN]).is_refused_for(&key, &[]);
    server.push(&mut client, &[MAIN]).is_refused_for(&key, &[]);
    server.policy_with_ledger("mode = \"observe\"");
    server.push(&mut client, &[MAIN]).passes();
    let ledger = server.ledger();
    assert_eq!(ledger.len(), 3);
    for (line, verdict) in ledger.iter().zip(["refused", "refused", "observed"]) {
        assert_eq!(line["verdict"], verdict);
        assert_eq!((&line["pusher"], &line["remote_address"]), (&json!("ada"), &json!("192.0.2.7")));
        assert_eq!((&line["refs"][0]["name"], &line["canary"]), (&json!(MAIN), &json!(false)));
        assert_eq!(
            (&line["server"], &line["hook"], &line["objects_remain"]),
            (&json!("git"), &json!("pre-receive"), &json!(false))
        );
        assert_eq!(line["coverage"]["complete"], true);
        assert_eq!(line["coverage"]["quarantined"], 3);
        assert_eq!(line["keys"][0]["id"], key_id(&key));
        assert_eq!(line["keys"][0]["places"][0]["path"], "a");
        assert_eq!(line["keys"][0]["places"][0]["standing"], "introduced");
        assert!(line["time"].as_str().unwrap().ends_with('Z') && line["milliseconds"].is_u64());
    }
    let outcome = Audit::history(server.path()).and("--ledger").and(server.ledger_path()).run();
    let report = outcome.report();
    let events = &report["keys"][0]["ledger"];
    assert_eq!(events.as_array().unwrap().len(), 3, "{events}");
    assert_eq!((&events[0]["verdict"], &events[2]["verdict"]), (&json!("refused"), &json!("observed")));
    let outcome = Audit::new(&["history", "--ledger"]).and(server.ledger_path()).and(server.path()).run();
    let text = outcome.text();
    assert!(text.contains("pushed at") && text.contains("by ada") && text.contains("refused twice before"), "{text}");
    let outcome = Audit::new(&["history", "--ledger", "/nonexistent/ledger"]).and(server.path()).run();
    assert_eq!(outcome.code, Some(2), "{}", outcome.errors());
}

#[test]
fn removals_moves_and_edits_are_in_the_ledger() {
    let server = Server::new();
    let key = live_key(78);
    let mut client = bad_push(&key);
    server.policy_with_ledger("mode = \"observe\"");
    server.push(&mut client, &[MAIN]).passes();
    server.policy_with_ledger("");
    client.commit_on(MAIN, &[("a", Some(&format!("more\n{key}\n")))], "edit");
    server.push(&mut client, &[MAIN]).passes_silently();
    client.commit_on(MAIN, &[("a", None), ("b", Some(&format!("more\n{key}\n")))], "move");
    server.push(&mut client, &[MAIN]).passes_silently();
    client.commit_on(MAIN, &[("b", None)], "remove");
    server.push(&mut client, &[MAIN]).passes_silently();
    let standings: Vec<String> = server
        .ledger()
        .iter()
        .map(|line| line["keys"][0]["places"][0]["standing"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(standings, ["introduced", "kept", "moved", "removed"]);
}

/// A server with a file that has a key and a folder of these files, from before the gate; nothing is in its ledger.
fn with_a_past(key: &str, folder: &[String]) -> (Server, Repo, Oid) {
    let server = Server::new();
    server.hook("exit 0");
    let mut client = Repo::bare();
    let paths: Vec<String> = (0..folder.len()).map(|number| format!("folder/{number:03}")).collect();
    let mut files: Vec<(&str, Option<&str>)> =
        paths.iter().zip(folder).map(|(path, content)| (path.as_str(), Some(content.as_str()))).collect();
    files.push(("z/env", Some(key)));
    let tip = client.commit_on(MAIN, &files, "long ago");
    server.push(&mut client, &[MAIN]).passes();
    server.hook("exec \"$GATE\" hook pre-receive");
    server.policy_with_ledger("");
    (server, client, tip)
}

/// The standing and path of each place of the first key in the last line of the ledger.
fn last_places(server: &Server) -> Vec<(String, String)> {
    let line = server.ledger().pop().unwrap();
    let places = line["keys"][0]["places"].as_array().cloned().unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    places.iter().map(|place| (text(&place["standing"]), text(&place["path"]))).collect()
}

#[test]
fn what_a_merge_takes_away_is_in_the_ledger() {
    let key = live_key(84);
    let at = |standing: &str, path: &str| [(standing.to_owned(), path.to_owned())];
    let (server, mut client, _) = with_a_past(&key, &[]);
    client.branch("refs/heads/side", MAIN);
    let side = client.commit_on("refs/heads/side", &[("side", Some("1"))], "side");
    let main = client.commit_on(MAIN, &[("main", Some("1"))], "main");
    let mut files = client.files_at(MAIN);
    files.remove(&b"z/env"[..]);
    let main = client.commit_files(MAIN, files, &[main, side], "a merge that takes it away");
    server.push(&mut client, &[MAIN]).passes_silently();
    assert_eq!(last_places(&server), at("removed", "z/env"));
    // One parent has it no more, and the other holds it still.
    let late = client.commit_on("refs/heads/side", &[("late", Some("1"))], "late");
    server.push(&mut client, &["refs/heads/side"]).passes_silently();
    assert_eq!(last_places(&server), []);
    let files = client.files_at(MAIN);
    client.commit_files("refs/heads/side", files, &[late, main], "a merge of where it is gone");
    server.push(&mut client, &["refs/heads/side"]).passes_silently();
    assert_eq!(last_places(&server), at("removed", "z/env"));
    // What it carries to another path was moved.
    let (server, mut client, main) = with_a_past(&key, &[]);
    client.branch("refs/heads/side", MAIN);
    let side = client.commit_on("refs/heads/side", &[("side", Some("1"))], "side");
    let mut files = client.files_at(MAIN);
    let file = files.remove(&b"z/env"[..]).unwrap();
    files.insert(b"a/env".to_vec(), file);
    client.commit_files(MAIN, files, &[main, side], "a merge that moves it");
    server.push(&mut client, &[MAIN]).passes_silently();
    assert_eq!(last_places(&server), at("moved", "a/env"));
}

#[test]
fn what_is_taken_away_is_recorded_as_far_as_the_policy_reads_it_and_passes_whatever_its_size() {
    let key = live_key(85);
    let megabyte = |number: usize| format!("{number} of a large file\n").repeat(48_000);
    let large: Vec<String> = (0..4).map(megabyte).collect();
    let bytes: usize = large.iter().map(String::len).sum();
    for (limit, told) in [(bytes + key.len(), Some("all")), (bytes / 2, None), (0, None)] {
        let (server, mut client, tip) = with_a_past(&key, &large);
        server.policy_with_ledger(&format!("[limits]\nremoval_bytes = {limit}"));
        client.commit_files(MAIN, Files::new(), &[tip], "nothing of it is left");
        server.push(&mut client, &[MAIN]).passes_silently();
        let coverage = &server.ledger().pop().unwrap()["coverage"];
        assert_eq!(coverage["complete"], true);
        // What was read first is not said anywhere: with less than all of it the key may be told and may not.
        assert_eq!(coverage["removals"], told.unwrap_or("in part"), "{limit}: {coverage}");
        if told.is_some() {
            assert_eq!(last_places(&server), [(String::from("removed"), String::from("z/env"))]);
        }
        // No more was read than that, and one file.
        let read = coverage["bytes"].as_u64().unwrap() as usize;
        assert!(read <= limit + large[0].len() + 10_000, "{read} of {limit}");
    }
    // Whether it was moved is part of the decision, and rests on no such limit.
    let (server, mut client, _) = with_a_past(&key, &large);
    server.policy_with_ledger("[limits]\nremoval_bytes = 0");
    client.commit_on(MAIN, &[("z/env", None), ("a/env", Some(&format!("moved\n{key}\n")))], "move");
    server.push(&mut client, &[MAIN]).passes_silently();
    assert_eq!(last_places(&server), [(String::from("moved"), String::from("a/env"))]);
}

#[test]
fn more_removals_than_are_recorded_pass() {
    let (server, mut client, tip) = with_a_past(&live_key(86), &[]);
    server.hook("exit 0");
    // As many places of few keys.
    let keys: Vec<String> = (0..200).map(|number| live_key(20_000 + number)).collect();
    let content = keys.join("\n");
    let blobs: Vec<Oid> = (0..60).map(|number| client.blob(format!("{number}\n{content}\n"))).collect();
    let files = blobs.iter().enumerate().map(|(at, blob)| (format!("f{at}").into_bytes(), (Mode::File, *blob)));
    let past = client.commit_files(MAIN, files.collect(), &[tip], "long ago too");
    server.push(&mut client, &[MAIN]).passes();
    server.hook("exec \"$GATE\" hook pre-receive");
    client.commit_files(MAIN, Files::new(), &[past], "nothing of it is left");
    server.push(&mut client, &[MAIN]).passes_silently();
    let line = server.ledger().pop().unwrap();
    assert_eq!((&line["coverage"]["removals"], &line["coverage"]["complete"]), (&json!("in part"), &json!(true)));
    assert_eq!(line["key_count"], 200);
}

#[test]
fn a_ledger_that_cannot_be_written_follows_the_policy() {
    let server = Server::new();
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("a", Some("1"))], "fine");
    server.policy("ledger = \"/dev/full\"");
    server.push(&mut client, &[MAIN]).is_refused(&["the ledger cannot be written"]);
    server.policy("ledger = \"/nonexistent/ledger\"");
    server.push(&mut client, &[MAIN]).is_refused(&["the ledger cannot be written"]);
    server.policy("ledger = \"/dev/full\"\non_failure = \"accept\"");
    let pushed = server.push(&mut client, &[MAIN]);
    pushed.passes();
    assert!(pushed.said.contains("warning: clerk-audit: the gate itself failed"), "{}", pushed.said);
    let key = live_key(79);
    client.commit_on(MAIN, &[("b", Some(&key))], "bad");
    server.push(&mut client, &[MAIN]).is_refused_for(&key, &[]);
}

#[test]
fn what_is_no_plain_file_is_no_ledger_for_the_gate_the_doctor_and_the_check_alike() {
    let server = Server::new();
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("a", Some("1"))], "fine");
    let pipe = server.repo.beside("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let socket = server.repo.beside("socket");
    let _listening = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    // One that has a reader could be written to; what it is told is lost to whoever asks later all the same.
    let reader = std::fs::OpenOptions::new().read(true).write(true).open(&pipe).unwrap();
    let policy = server.path().join("clerk-audit.toml");
    for (path, what) in [
        (pipe.as_path(), "a named pipe"),
        (socket.as_path(), "a socket"),
        (server.path(), "a directory"),
        (Path::new("/dev/null"), "a device"),
    ] {
        server.policy(&format!("ledger = \"{}\"", path.display()));
        let words = format!("is {what} and no plain file");
        let outcome = Audit::new(&["policy", "check"]).and(&policy).run();
        assert_eq!(outcome.code, Some(2), "{}", outcome.text());
        assert!(outcome.errors().contains(&words), "{}", outcome.errors());
        let outcome = Audit::new(&["hook", "doctor"]).and(server.path()).run();
        assert_eq!(outcome.code, Some(1), "{}", outcome.text());
        assert!(outcome.text().contains(&words), "{}", outcome.text());
        server.push(&mut client, &[MAIN]).is_refused(&["the ledger cannot be written", &words]);
        server.policy(&format!("on_failure = \"accept\"\nledger = \"{}\"", path.display()));
        let name = format!("refs/heads/main:refs/heads/{}", what.replace(' ', "-"));
        let pushed = server.push(&mut client, &[&name]);
        pushed.passes();
        assert!(pushed.said.contains(&words), "{}", pushed.said);
    }
    drop(reader);
}

#[test]
fn a_ledger_at_the_limit_of_its_size_refuses_with_a_reason_and_has_no_torn_line() {
    let server = Server::new();
    server.policy_with_ledger("");
    let mut client = Repo::bare();
    for number in 0..40 {
        client.commit_on(MAIN, &[("a", Some(&number.to_string()))], "fine");
        // Blocks of 512 bytes: after some lines the next does not fit.
        server.hook("ulimit -f 8; exec \"$GATE\" hook pre-receive");
        let pushed = server.push(&mut client, &[MAIN]);
        let whole = server.ledger().len();
        if pushed.accepted {
            assert_eq!(whole, number + 1);
            continue;
        }
        pushed.is_refused(&["the ledger cannot be written: File too large"]);
        assert_eq!(whole, number);
        assert!(number > 0);
        server.is_sound();
        server.hook("exec \"$GATE\" hook pre-receive");
        return server.push(&mut client, &[MAIN]).passes_silently();
    }
    panic!("the limit was never reached");
}

#[test]
fn pushes_at_once_leave_whole_lines() {
    let server = Server::new();
    server.policy_with_ledger("");
    let clients: Vec<Repo> = (0..8)
        .map(|number| {
            let mut client = bad_push(&live_key(800 + number));
            client.finish();
            client
        })
        .collect();
    std::thread::scope(|scope| {
        for (number, client) in clients.iter().enumerate() {
            let target = server.path();
            scope.spawn(move || {
                for round in 0..3 {
                    let refspec = format!("{MAIN}:refs/heads/b{number}-{round}");
                    super::support::push(client.path(), target, &[&refspec]).is_refused(&[]);
                }
            });
        }
    });
    assert_eq!(server.ledger().len(), 24);
    server.is_sound();
}

#[test]
fn hooks_that_run_too_late_say_that_the_objects_remain() {
    let server = Server::new();
    std::fs::remove_file(server.path().join("hooks/pre-receive")).unwrap();
    server.hook_named("update", "exec \"$GATE\" hook update \"$@\"");
    server.policy_with_ledger("");
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("a", Some("1"))], "fine");
    server.push(&mut client, &[MAIN]).passes_silently();
    let key = live_key(81);
    client.commit_on(MAIN, &[("b", Some(&key))], "bad");
    server.push(&mut client, &[MAIN]).is_refused_for(&key, &["b:1", "is on the server already", "git gc --prune=now"]);
    // It is asked about each ref by itself, and another has moved.
    client.git(&["update-ref", "refs/heads/fine", "main~1"]);
    let pushed = server.push(&mut client, &["refs/heads/*:refs/heads/*"]);
    pushed.is_refused_for(&key, &["This ref stays as it was", "is on the server already"]);
    assert!(server.value("refs/heads/fine").is_some());
    // git hands these hooks no push options.
    server.policy_with_ledger("bypass = true");
    let pushed = server.push(&mut client, &[MAIN]);
    pushed.is_refused_for(&key, &["is on the server already"]);
    assert!(!pushed.said.contains("clerk-audit.allow="), "a bypass that is not to be had is named: {}", pushed.said);
    let last = server.ledger().pop().unwrap();
    assert_eq!((&last["objects_remain"], &last["hook"]), (&json!(true), &json!("update")));
    // Gerrit's arguments, some of which this program does not know.
    let tip = String::from_utf8(client.git(&["rev-parse", MAIN])).unwrap();
    let old = server.value(MAIN).unwrap();
    for (hook, new, code) in
        [("ref-update", tip.trim(), 1), ("commit-received", tip.trim(), 1), ("ref-update", old.as_str(), 0)]
    {
        let outcome =
            Audit::new(&["hook", hook, "--project", "p", "--refname", MAIN, "--uploader", "Ada (ada@x)", "--odd", "1"])
                .and("--oldrev")
                .and(&old)
                .and("--newrev")
                .and(new)
                .and("--cmdref")
                .and("refs/for/main")
                .variable("GIT_DIR", server.path())
                .variable("SSH_CONNECTION", "192.0.2.7 50000 192.0.2.1 22")
                .run();
        assert_eq!(outcome.code, Some(code), "{}", outcome.errors());
    }
    let last = server.ledger().pop().unwrap();
    assert_eq!((&last["server"], &last["pusher"]), (&json!("gerrit"), &json!("Ada (ada@x)")));
    // Somebody started the server by ssh.
    assert_eq!(last["remote_address"], json!(null));
}

#[test]
fn the_help_names_every_hook() {
    let output = Command::new(env!("CARGO_BIN_EXE_clerk-audit")).args(["hook", "--help"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for name in ["pre-receive", "update", "ref-update", "commit-received"] {
        assert!(text.contains(name), "{text}");
    }
}
