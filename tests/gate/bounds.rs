//! What a push may cost: time, memory, depth; and that whoever reaches a limit is refused with a reason, not let in.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::support::{MAIN, Server, ZERO};
use crate::common::fixture::Repo;
use crate::common::fixture::objects::{Files, Mode};
use crate::common::secrets::live_key;
use crate::common::tools;

#[test]
fn an_object_over_the_limit_is_refused_and_the_setting_named() {
    let server = Server::new();
    server.policy("[limits]\nobject_bytes = 1000");
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("a", Some(&"x".repeat(1001)))], "large");
    server.push(&mut client, &[MAIN]).is_refused(&["more than 1000 bytes", "limits.object_bytes"]);
    server.policy("on_limit = \"accept\"\n[limits]\nobject_bytes = 1000");
    let pushed = server.push(&mut client, &[MAIN]);
    pushed.passes();
    assert!(pushed.said.contains("warning: clerk-audit: the object"), "{}", pushed.said);
    server.policy("[limits]\ntotal_bytes = 1500");
    client.commit_on(MAIN, &[("b", Some(&"y".repeat(900))), ("c", Some(&"z".repeat(900)))], "much");
    server.push(&mut client, &[MAIN]).is_refused(&["more than 1500 bytes when unpacked", "limits.total_bytes"]);
}

/// Policies, a file that each would refuse, and what it says then.
fn refused_files() -> [(&'static str, Vec<u8>, &'static str); 3] {
    let large: String = (0..300_000).map(|number| format!("sk_{}_{number}\n", "test")).collect();
    let mut closed = gzip(&large);
    closed.truncate(closed.len() / 2);
    [
        ("", large.into_bytes(), "readings"),
        ("opaque = \"refuse\"", closed, "cannot be looked into"),
        ("[limits]\nobject_bytes = 1000", vec![b'x'; 1001], "more than 1000 bytes"),
    ]
}

#[test]
fn what_a_tip_has_at_the_same_path_is_no_matter_of_limits() {
    for (policy, content, words) in refused_files() {
        let server = Server::new();
        let mut client = Repo::bare();
        let old = client.blob(content);
        let mut with = |paths: &[&str], beside: &str| -> Files {
            let beside = (Mode::File, client.blob(beside));
            let old = paths.iter().map(|path| (path.as_bytes().to_vec(), (Mode::File, old)));
            old.chain([(b"beside".to_vec(), beside)]).collect()
        };
        let [none, topic, onto, rebased, squashed, copied] = [
            with(&[], "1"),
            with(&["d/old"], "1"),
            with(&[], "2"),
            with(&["d/old"], "2"),
            with(&["d/old"], "3"),
            with(&["d/old", "copy"], "2"),
        ];
        let first = client.commit_files(MAIN, none, &[], "first");
        client.commit_files("refs/heads/topic", topic, &[first], "long ago");
        server.hook("exit 0");
        server.push(&mut client, &[MAIN]).passes();
        server.push(&mut client, &["refs/heads/topic"]).passes();
        server.hook("exec \"$GATE\" hook pre-receive");
        server.policy(policy);
        let onto = client.commit_files(MAIN, onto, &[first], "onto");
        server.push(&mut client, &[MAIN]).passes_silently();
        client.commit_files("refs/heads/topic", rebased, &[onto], "rebased");
        server.push(&mut client, &["--force", "refs/heads/topic"]).passes_silently();
        client.commit_files("refs/heads/squashed", squashed, &[onto], "squashed");
        server.push(&mut client, &["refs/heads/squashed"]).passes_silently();
        // By itself, and as a part of a directory.
        client.git(&["update-ref", "refs/tags/file", "topic:d/old"]);
        client.git(&["update-ref", "refs/tags/folder", "topic:d"]);
        client.git(&["tag", "--annotate", "--message", "x", "tagged", "topic:d/old"]);
        for name in ["refs/tags/file", "refs/tags/folder", "refs/tags/tagged"] {
            server.push(&mut client, &[name]).passes_silently();
            server.git(&["update-ref", "-d", name]);
        }
        client.commit_files("refs/heads/copied", copied, &[onto], "copied");
        server.push(&mut client, &["refs/heads/copied"]).is_refused(&[words]);
        // Once no tip has it, it is brought back.
        server.git(&["update-ref", "-d", "refs/heads/topic"]);
        server.git(&["update-ref", "-d", "refs/heads/squashed"]);
        for name in ["refs/heads/squashed", "refs/tags/file", "refs/tags/folder"] {
            server.push(&mut client, &[name]).is_refused(&[words]);
        }
    }
}

#[test]
fn what_only_goes_from_one_path_to_another_is_no_matter_of_limits() {
    for (policy, content, words) in refused_files() {
        let server = Server::new();
        let mut client = Repo::bare();
        let old = client.blob(content);
        let at = |paths: &[&str]| -> Files {
            paths.iter().map(|path| (path.as_bytes().to_vec(), (Mode::File, old))).collect()
        };
        let first = client.commit_files(MAIN, at(&["d/old"]), &[], "long ago");
        server.hook("exit 0");
        server.push(&mut client, &[MAIN]).passes();
        server.hook("exec \"$GATE\" hook pre-receive");
        server.policy(policy);
        let renamed = client.commit_files("refs/heads/renamed", at(&["e/new"]), &[first], "renamed");
        server.push(&mut client, &["refs/heads/renamed"]).passes_silently();
        // A copy comes to where it was not, in a commit of its own or after the rename.
        client.commit_files("refs/heads/copied", at(&["d/old", "copy"]), &[first], "copied");
        server.push(&mut client, &["refs/heads/copied"]).is_refused(&[words]);
        let again = client.commit_files("refs/heads/again", at(&["f"]), &[renamed], "renamed again");
        client.commit_files("refs/heads/again", at(&["copy", "f"]), &[again], "and copied");
        server.push(&mut client, &["refs/heads/again"]).is_refused(&[words]);
    }
}

fn gzip(text: &str) -> Vec<u8> {
    let mut file = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    file.write_all(text.as_bytes()).unwrap();
    file.finish().unwrap()
}

#[test]
fn input_is_kept_in_plain_files_alone_and_what_was_there_stays() {
    let server = Server::new();
    let mut client = Repo::bare();
    let tip = client.commit_on(MAIN, &[("a", Some("1"))], "fine").to_string();
    server.push(&mut client, &[MAIN]).passes();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let run = |file: &std::path::Path, input: &str, before: &str| {
        let hook = format!("{before} \"$0\" hook pre-receive --keep-input \"$1\"");
        let mut shell = Command::new("sh");
        shell.args(["-c", &hook, env!("CARGO_BIN_EXE_clerk-audit")]).arg(file).current_dir(server.path());
        let mut child = shell.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let line = format!("{ZERO} {tip} refs/heads/other\n");
    let text = |name: &str| std::fs::read_to_string(at(name)).unwrap();
    std::fs::write(at("there"), line.repeat(3)).unwrap();
    for name in ["new", "there"] {
        assert_eq!(run(&at(name), &line, "").0, Some(0));
        assert_eq!(text(name), line);
    }
    assert!(Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
    std::os::unix::fs::symlink(at("pipe"), at("link")).unwrap();
    for name in ["pipe", "link", "."] {
        let (code, said) = run(&at(name), &line, "timeout --kill-after=1 20");
        assert!(code == Some(1) && said.contains("could not be written"), "{name}: {code:?} {said}");
        assert!(std::fs::symlink_metadata(at(name)).is_ok(), "{name} was taken away");
    }
    // A disk that is full.
    for name in ["none", "there"] {
        let (code, said) = run(&at(name), &line, "ulimit -f 0;");
        assert!(code == Some(1) && said.contains("could not be written"), "{name}: {code:?} {said}");
    }
    assert!(!at("none").exists() && text("there").is_empty());
}

#[test]
fn a_tree_that_is_too_deep_is_told_once() {
    let server = Server::new();
    server.policy("[limits]\ntree_depth = 2");
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("a/b/c/d/e", Some("1")), ("f/g/h/i/j", Some(&live_key(93)))], "deep");
    let pushed = server.push(&mut client, &[MAIN]);
    pushed.is_refused(&["more than 2 directories deep", "limits.tree_depth"]);
    assert_eq!(pushed.said.matches("directories deep").count(), 1, "{}", pushed.said);
}

#[test]
fn the_time_budget_is_kept_and_named() {
    let server = Server::new();
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("a", Some("1"))], "fine");
    server.policy_with_ledger("[limits]\nseconds = 0.000001");
    server.push(&mut client, &[MAIN]).is_refused(&["time budget of 1 s", "limits.seconds"]);
    let line = server.ledger().pop().unwrap();
    assert_eq!((&line["verdict"], &line["problems"][0]["reason"]), (&"refused".into(), &"time".into()));
    assert_eq!(line["coverage"]["complete"], false);
    server.policy("on_limit = \"accept\"\n[limits]\nseconds = 0.000001");
    server.push(&mut client, &[MAIN]).passes();
}

#[test]
fn a_memory_limit_refuses_and_damages_nothing() {
    let server = Server::new();
    server.config("receive.unpackLimit", "1");
    let mut client = Repo::bare();
    let key = live_key(91);
    let large = format!("{}{key}", "a line of text\n".repeat(4_000_000));
    client.commit_on(MAIN, &[("large", Some(&large))], "large");
    // Too little to hold the object: whatever happens then, the push does not pass.
    server.hook("ulimit -v 40000; exec \"$GATE\" hook pre-receive");
    let pushed = server.push(&mut client, &[MAIN]);
    assert!(!pushed.accepted, "{}", pushed.all);
    assert!(!pushed.said.trim().is_empty(), "a reason is given: {}", pushed.all);
    assert_eq!(server.value(MAIN), None);
    server.is_sound();
    server.hook("exec \"$GATE\" hook pre-receive");
    server.push(&mut client, &[MAIN]).is_refused_for(&key, &["large:4000001"]);
}

#[test]
fn a_limit_under_the_quarantine_lets_no_key_in_damages_nothing_and_is_told() {
    let key = live_key(92);
    let mut random = fastrand::Rng::with_seed(92);
    let content: String = (0..4_000).map(|_| format!("{:032x}\n", random.u128(..))).collect();
    let (mut taken, mut stopped) = (0, 0);
    for unpack_limit in ["1", "1000"] {
        let server = Server::new();
        server.config("receive.unpackLimit", unpack_limit);
        // In blocks of 512 bytes: for none of it, for some of it, for all.
        for blocks in [0, 1, 2, 8, 64, 100, 200, 1_000] {
            let program = format!("--receive-pack=ulimit -f {blocks}; git-receive-pack");
            let mut client = Repo::bare();
            client.commit_on(MAIN, &[("large", Some(&format!("{content}{blocks}\n{key}\n")))], "bad");
            let pushed = server.push(&mut client, &[&program, "refs/heads/main:refs/heads/bad"]);
            assert!(!pushed.accepted && server.value("refs/heads/bad").is_none(), "{blocks}: {}", pushed.all);
            assert!(!pushed.all.trim().is_empty() && !pushed.all.contains(&key), "{blocks}: {}", pushed.all);
            stopped += usize::from(!pushed.said.contains("clerk-audit refuses"));
            server.is_sound();
            let mut client = Repo::bare();
            client.commit_on(MAIN, &[("large", Some(&format!("{content}{blocks}\n")))], "fine");
            let refspec = format!("refs/heads/main:refs/heads/fine-{blocks}");
            let pushed = server.push(&mut client, &[&program, &refspec]);
            assert!(pushed.accepted || !pushed.all.trim().is_empty(), "{blocks}: refused without a reason");
            taken += usize::from(pushed.accepted);
            server.is_sound();
        }
    }
    assert!(taken > 0 && stopped > 0, "{taken} taken, {stopped} stopped before the hook: that is no test of it");
}

#[test]
fn a_signal_ends_it_with_a_reason_and_a_refusal() {
    let mut client = Repo::bare();
    let content: String = (0..200_000).map(|line| format!("line {line}\n")).collect();
    for number in 0..40 {
        client.commit_on(MAIN, &[("f", Some(&format!("{number}\n{content}")))], "more");
    }
    client.finish();
    let tip = String::from_utf8(client.git(&["rev-parse", MAIN])).unwrap();
    let server = Server::new();
    let mut hook = Command::new(env!("CARGO_BIN_EXE_clerk-audit"))
        .args(["hook", "pre-receive"])
        .current_dir(server.path())
        .env("GIT_DIR", ".")
        .env("GIT_QUARANTINE_PATH", client.path().join("objects"))
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = hook.stdin.take().unwrap();
    writeln!(stdin, "{ZERO} {} {MAIN}", tip.trim()).unwrap();
    drop(stdin);
    std::thread::sleep(Duration::from_millis(60));
    let ended = tools::signal(hook.id(), "TERM");
    let output = hook.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    // Either it was done by then, or it says why it is not.
    assert!(output.status.success() || said.contains("told to end"), "{ended} {:?} {said}", output.status);
}

#[test]
fn gitlab_reads_lines_of_its_own() {
    let server = Server::new();
    let key = live_key(92);
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("a", Some(&key))], "bad");
    server.push(&mut client, &[MAIN]).is_refused_for(&key, &[]);
    assert!(!server.push(&mut client, &[MAIN]).said.contains("GL-HOOK-ERR"));
    // As Gitaly calls custom hooks: an absolute directory, and no GIT_QUARANTINE_PATH.
    server.hook(
        "unset GIT_QUARANTINE_PATH; GL_ID=user-7 GL_USERNAME=ada GL_PROTOCOL=ssh GL_REPOSITORY=project-1 GL_PROJECT_PATH=a/b \
         GIT_DIR=\"$PWD\" exec \"$GATE\" hook pre-receive",
    );
    server.policy_with_ledger("");
    let pushed = server.push(&mut client, &[MAIN]);
    pushed.is_refused_for(&key, &["\nGL-HOOK-ERR: error: clerk-audit refuses this push", "\nGL-HOOK-ERR: a:1"]);
    let line = server.ledger().pop().unwrap();
    assert_eq!((&line["server"], &line["pusher"]), (&"gitlab".into(), &"ada".into()));
}

/// The hook by itself, whose standard input is the test's to end.
fn hook_at(server: &Server) -> Child {
    let mut hook = Command::new(env!("CARGO_BIN_EXE_clerk-audit"));
    hook.args(["hook", "pre-receive"]).current_dir(server.path()).env("GIT_DIR", ".");
    hook.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Its exit code and what it said, within this time; its standard input stays as it is.
#[track_caller]
fn ends_within(mut hook: Child, patience: Duration) -> (Option<i32>, String) {
    let started = Instant::now();
    while hook.try_wait().unwrap().is_none() {
        if started.elapsed() > patience {
            hook.kill().unwrap();
            panic!("it does not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut said = String::new();
    hook.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (hook.wait().unwrap().code(), said)
}

#[test]
fn standard_input_that_never_ends_does_not_outlast_the_budget() {
    let deletion = format!("{} {ZERO} refs/heads/gone\n", "1".repeat(40));
    let creation = format!("{ZERO} {} {MAIN}\n", "1".repeat(40));
    // Nobody knows what else was to come: neither a deletion nor a policy that lets limits pass is a way in.
    for (input, more) in [("", ""), (deletion.as_str(), ""), (creation.as_str(), "on_limit = \"accept\"\n")] {
        let server = Server::new();
        server.policy_with_ledger(&format!("{more}[limits]\nseconds = 0.4"));
        let mut hook = hook_at(&server);
        hook.stdin.as_mut().unwrap().write_all(input.as_bytes()).unwrap();
        let (code, said) = ends_within(hook, Duration::from_secs(20));
        assert_eq!(code, Some(1), "{said}");
        for words in ["error: clerk-audit refuses this push", "standard input", "time budget of 1 s", "limits.seconds"]
        {
            assert!(said.contains(words), "{words:?} is not in: {said}");
        }
        let line = server.ledger().pop().unwrap();
        assert_eq!(line["verdict"], "refused");
        assert!(line["milliseconds"].as_u64().unwrap() >= 400);
    }
}

#[test]
fn standard_input_that_comes_slowly_is_read_to_its_end_or_to_the_budgets() {
    let deletion = format!("{} {ZERO} refs/heads/gone\n", "1".repeat(40));
    for (seconds, code) in [("30", Some(0)), ("0.3", Some(1))] {
        let server = Server::new();
        server.policy(&format!("[limits]\nseconds = {seconds}"));
        let mut hook = hook_at(&server);
        let mut stdin = hook.stdin.take().unwrap();
        let bytes = deletion.clone().into_bytes();
        let writer = std::thread::spawn(move || {
            for byte in bytes {
                std::thread::sleep(Duration::from_millis(10));
                if stdin.write_all(&[byte]).is_err() {
                    return;
                }
            }
        });
        let (ended, said) = ends_within(hook, Duration::from_secs(20));
        assert_eq!(ended, code, "{said}");
        assert!(code == Some(0) || said.contains("limits.seconds"), "{said}");
        writer.join().unwrap();
    }
}

#[test]
fn a_signal_ends_the_wait_for_standard_input() {
    let server = Server::new();
    let hook = hook_at(&server);
    std::thread::sleep(Duration::from_millis(300));
    assert!(tools::signal(hook.id(), "TERM"));
    let (code, said) = ends_within(hook, Duration::from_secs(20));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("told to end") && said.contains("standard input"), "{said}");
}

#[test]
fn a_path_as_long_as_a_push_makes_no_message_as_long() {
    let server = Server::new();
    let mut client = Repo::bare();
    let folder = "a/".repeat(2000);
    let keys: Vec<String> = (0..12).map(|number| live_key(2800 + number)).collect();
    let files: Vec<(String, &str)> = keys
        .iter()
        .enumerate()
        .map(|(number, key)| (format!("{folder}{}{number}", "x".repeat(20_000)), key.as_str()))
        .collect();
    let files: Vec<(&str, Option<&str>)> = files.iter().map(|(path, key)| (path.as_str(), Some(*key))).collect();
    client.commit_on(MAIN, &files, "long");
    let pushed = server.push(&mut client, &[MAIN]);
    pushed.is_refused(&["12 Clerk secret keys", "…"]);
    assert!(pushed.said.len() < 10_000, "{} bytes", pushed.said.len());
}
