//! The ledger's line, whatever a push brings.

use std::path::Path;

use super::support::{MAIN, Server, ZERO, pack};
use crate::common::fixture::Repo;
use crate::common::fixture::objects::{Files, Mode, Oid};
use crate::common::git;
use crate::common::run::Audit;
use crate::common::secrets::{live_key, test_key};

#[test]
fn nobody_fills_the_ledger_with_names() {
    let server = Server::new();
    server.policy_with_ledger("");
    let key = live_key(82);
    let mut client = Repo::bare();
    let long = format!("{}{key}", "a".repeat(50_000));
    client.commit_on(MAIN, &[(&long, Some(&live_key(83)))], "bad");
    server.push(&mut client, &[MAIN]).is_refused_for(&live_key(83), &[]);
    let text = std::fs::read_to_string(server.ledger_path()).unwrap();
    assert!(text.len() < 5_000, "{}", text.len());
    // Cut after it was masked, not before.
    assert!(!text.contains(&key[12..38]));
}

#[test]
fn nobody_fills_the_ledger_with_many_keys_at_many_names() {
    let server = Server::new();
    server.policy_with_ledger("");
    let mut client = Repo::bare();
    let keys: Vec<String> = (0..1_100).map(|number| live_key(30_000 + number)).collect();
    let blob = client.blob(keys.join("\n"));
    // Both take six bytes there.
    let path = |number: usize| format!("{}{number:03}", ["\u{1}", "\u{7f}"][number % 2].repeat(590)).into_bytes();
    let files: Files = (0..30).map(|number| (path(number), (Mode::File, blob))).collect();
    client.commit_files(MAIN, files, &[], "bad");
    client.finish();
    let mut command = git::command(client.path());
    command.arg("push").arg(server.path());
    command.args((0..300).map(|number| format!("{MAIN}:refs/heads/{}{number}", "r".repeat(200))));
    let answer = git::answer(command, b"");
    assert!(!answer.success && answer.stderr.contains("1100 Clerk secret keys"), "{}", answer.stderr);
    let text = std::fs::read_to_string(server.ledger_path()).unwrap();
    assert!(text.len() <= 1 << 20, "{} bytes", text.len());
    let line = server.ledger().pop().unwrap();
    let count = |list: &str| line[list].as_array().unwrap().len();
    let places = line["keys"].as_array().unwrap().iter().map(|key| key["places"].as_array().unwrap().len());
    // Each key that there is room for, and as many places as there is room for then.
    assert_eq!((count("keys"), line["key_count"].as_u64()), (1_000, Some(1_100)));
    assert_eq!((line["left_out"]["keys"].as_u64(), line["ref_count"].as_u64()), (Some(100), Some(300)));
    assert_eq!(line["left_out"]["refs"].as_u64(), Some(300 - count("refs") as u64));
    let places: usize = places.sum();
    assert!((50..1_000).contains(&places), "{places}");
    assert_eq!(line["left_out"]["places"].as_u64(), Some(30 * 1_100 - places as u64));
    server.has_a_ledger_that_can_be_read();
}

#[test]
fn what_lay_on_the_server_before_is_told_to_remain() {
    let key = live_key(2950);
    let file = |client: &mut Repo| client.commit_on(MAIN, &[("b", Some(&key))], "bad");
    let message = |client: &mut Repo| client.commit_on(MAIN, &[("b", Some("1"))], &format!("with {key}"));
    let name = |client: &mut Repo| client.commit_on(MAIN, &[(&format!("{key}/b"), Some("1"))], "bad");
    let kinds: [&dyn Fn(&mut Repo) -> Oid; 3] = [&file, &message, &name];
    for (was_there, make) in [false, true].into_iter().flat_map(|was_there| kinds.map(|make| (was_there, make))) {
        let server = Server::new();
        server.policy_with_ledger("");
        let mut client = Repo::bare();
        client.commit_on(MAIN, &[("a", Some("1"))], "fine");
        server.push(&mut client, &[MAIN]).passes_silently();
        let tip = make(&mut client).to_string();
        if was_there {
            server.hook("exit 0");
            server.push(&mut client, &[&format!("{MAIN}:refs/heads/gone")]).passes();
            server.git(&["update-ref", "-d", "refs/heads/gone"]);
            server.hook("exec \"$GATE\" hook pre-receive");
        }
        let pushed = match was_there {
            true => server.raw(&[(ZERO, &tip, b"refs/heads/new")], &pack(&[])),
            false => server.push(&mut client, &[MAIN]),
        };
        let word = if was_there { "was on the server before this push" } else { "keeps nothing of this push" };
        pushed.is_refused_for(&key, &["otate", word]);
        assert_eq!(pushed.said.contains("keeps nothing"), !was_there, "{}", pushed.said);
        assert_eq!(server.ledger().pop().unwrap()["objects_remain"], was_there);
    }
}

#[test]
fn no_character_of_the_ledger_is_hidden() {
    let server = Server::new();
    server.policy_with_ledger("");
    server.hook("REMOTE_USER=$(printf 'ada\\302\\233\\342\\200\\250') exec \"$GATE\" hook pre-receive");
    let name = "p\u{9b}31m\u{202e}\u{2028}\u{85}\u{7f}\u{e0041}q";
    let key = live_key(84);
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[(name, Some(&key))], "bad");
    server.push(&mut client, &[MAIN]).is_refused_for(&key, &[]);
    let text = std::fs::read_to_string(server.ledger_path()).unwrap();
    assert_eq!(text.lines().count(), 1);
    let is_plain = |it: char| (' '..='~').contains(&it) || it == '…';
    assert!(text.trim_end_matches('\n').chars().all(is_plain), "{text:?}");
    // What it says is the same, and is read again.
    let line = &server.ledger()[0];
    assert_eq!((&line["pusher"], &line["keys"][0]["places"][0]["path"]), (&"ada\u{9b}\u{2028}".into(), &name.into()));
    server.has_a_ledger_that_can_be_read();
}

/// The lines of the text report that tell of pushes of the only key.
fn pushes(path: &Path, ledger: &Path) -> String {
    let text = Audit::new(&["history", "--ledger"]).and(ledger).and(path).run().text();
    let from = text.find("  pushed  ").unwrap_or_else(|| panic!("nothing is told: {text}"));
    text[from..].split("stands at").next().unwrap().to_owned()
}

#[test]
fn what_was_pushed_to_another_repository_is_told_as_its() {
    let (first, second) = (Server::new(), Server::new());
    let policy = format!("ledger = \"{}\"\n", first.ledger_path().display());
    first.policy(&policy);
    second.policy(&format!("{policy}mode = \"observe\"\n"));
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("a", Some(&live_key(2960)))], "bad");
    for (server, who, times) in [(&first, "ann", 2), (&second, "dan", 1)] {
        server.hook(&format!("REMOTE_USER={who} exec \"$GATE\" hook pre-receive"));
        (0..times).for_each(|_| _ = server.push(&mut client, &[MAIN]));
    }
    // The third got it while it had no gate.
    let third = Server::new();
    third.hook("exit 0");
    third.push(&mut client, &[MAIN]).passes();
    let name = |server: &Server| server.path().canonicalize().unwrap().display().to_string();
    let (refused, let_in) = (format!("refused twice in {}", name(&first)), format!("by dan to {}", name(&second)));
    let told = pushes(third.path(), &first.ledger_path());
    assert!(told.contains(&refused) && told.contains(&let_in), "{told}");
    // Its own are told first, however its path is written, and were not refused before.
    let link = first.repo.beside("link");
    std::os::unix::fs::symlink(second.path(), &link).unwrap();
    for path in [second.path(), &link] {
        let told = pushes(path, &first.ledger_path());
        let own = told.lines().next().unwrap();
        assert!(own.contains("pushed at") && own.ends_with("by dan"), "{told}");
        assert!(told.contains(&refused), "{told}");
    }
    let outcome = Audit::history(second.path()).and("--ledger").and(first.ledger_path()).run();
    let events = &outcome.report()["keys"][0]["ledger"];
    assert_eq!((&events[0]["audited"], &events[2]["audited"]), (&false.into(), &true.into()), "{events}");
}

#[test]
fn a_key_that_was_let_in_without_a_word_is_told_to_have_been_pushed() {
    let server = Server::new();
    server.policy_with_ledger("[refuse]\nenvironments = [\"live\"]\n[warn]\nenvironments = [\"live\"]");
    server.hook("REMOTE_USER=ann exec \"$GATE\" hook pre-receive");
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("a", Some(&test_key(2961)))], "quietly");
    server.push(&mut client, &[MAIN]).passes_silently();
    client.commit_on(MAIN, &[("a", Some(&format!("#\n{}", test_key(2961))))], "edited");
    server.push(&mut client, &[MAIN]).passes_silently();
    let told = pushes(server.path(), &server.ledger_path());
    assert_eq!((told.matches("pushed at").count(), told.matches("by ann").count()), (1, 1), "{told}");
    // A record that has lost its time.
    for time in ["null", "\"\""] {
        let mut line = server.ledger()[0].clone();
        line["time"] = serde_json::from_str(time).unwrap();
        let ledger = server.repo.beside("other");
        std::fs::write(&ledger, format!("{line}\n")).unwrap();
        let told = pushes(server.path(), &ledger);
        assert!(told.contains("pushed at an unknown time by ann"), "{told}");
        let trace = Audit::new(&["trace", "--ledger"]).and(&ledger).and(server.path());
        let told = trace.input(format!("{}\n", test_key(2961)).as_bytes()).run().text();
        assert!(told.contains("an unknown time  pushed by ann"), "{told}");
    }
}

#[test]
fn what_is_no_plain_file_is_not_read_for_a_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let server = Server::new();
    for ledger in [pipe.as_path(), Path::new("/dev/zero"), folder.path()] {
        for command in ["history", "trace"] {
            let mut timeout = std::process::Command::new("timeout");
            timeout.args(["--kill-after=1", "20", env!("CARGO_BIN_EXE_clerk-audit")]).arg(command).arg("--ledger");
            let output = timeout.arg(ledger).arg(server.path()).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{command} {}: {said}", ledger.display());
            assert!(said.contains("it is no plain file"), "{said}");
        }
    }
}

#[test]
fn refs_that_were_refused_one_by_one_are_not_told_as_pushes() {
    let server = Server::new();
    server.policy_with_ledger("");
    std::fs::remove_file(server.path().join("hooks/pre-receive")).unwrap();
    server.hook_named("update", "exec \"$GATE\" hook update \"$@\"");
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("a", Some(&live_key(2962)))], "bad");
    client.finish();
    let mut both = git::command(client.path());
    both.arg("push").arg(server.path()).args([MAIN, "refs/heads/main:refs/heads/x"]);
    assert!(!git::answer(both, b"").success);
    server.hook_named("update", "exit 0");
    server.push(&mut client, &[MAIN]).passes();
    let told = pushes(server.path(), &server.ledger_path());
    assert!(told.contains("refused 2 times (each ref by itself)"), "{told}");
    // From another machine it comes through a pipe.
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "cat \"$1\" | \"$0\" history --ledger /dev/stdin \"$2\"", env!("CARGO_BIN_EXE_clerk-audit")]);
    let output = shell.arg(server.ledger_path()).arg(server.path()).output().unwrap();
    let piped = String::from_utf8_lossy(&output.stdout);
    assert!(
        piped.contains("refused 2 times (each ref by itself)"),
        "{piped}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
