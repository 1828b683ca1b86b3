//! Hooks that are there already: kept as they were, or left alone; and what the generated one says by itself.

use std::path::Path;

use super::installed::{bad_client, bare, ends, hook, script};
use super::support::{MAIN, push, push_with};
use crate::common::fixture::Repo;
use crate::common::run::Audit;

fn fine_client() -> Repo {
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("a", Some("1"))], "fine");
    client.finish();
    client
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn a_kept_hook_finds_its_old_name_and_its_neighbours() {
    let client = fine_client();
    for (interpreter, text, refuses) in [
        ("#!/bin/sh", "case $(basename \"$0\") in pre-receive) echo named >&2; exit 1;; esac", true),
        ("#!/usr/bin/env bash", "[ \"${0##*/}\" != pre-receive ] || { echo named >&2; exit 1; }", true),
        ("#!/bin/sh -e", ". \"$(dirname \"$0\")/lib.sh\"\nneighbour\n", true),
        ("#!/bin/bash", "cd \"${0%/*}\" && . ./lib.sh\nneighbour\n", true),
        ("", "for one in \"$0\".d/*; do \"$one\" || exit 1; done", true),
        ("#!/bin/sh", "[ $# = 0 ] && cat >\"$GIT_DIR/seen\" && echo \"$0\" >\"$GIT_DIR/name\"", false),
    ] {
        let server = bare();
        let path = server.path().join("hooks/pre-receive");
        let own = format!("{interpreter}{}{text}\n", if interpreter.is_empty() { "" } else { "\n" });
        script(&path, &own);
        script(&path.with_file_name("lib.sh"), "neighbour() { echo named >&2; exit 1; }\n");
        script(&path.with_file_name("pre-receive.d/one"), "#!/bin/sh\necho named >&2; exit 1\n");
        // (With the directory beside it the third but last is a driver, which would run ours from there.)
        let install = ["install", "--layout", "plain"];
        ends(&hook(&install, server.path()), 0, &["rename"]);
        let outcome = hook(&install, server.path());
        ends(&outcome, 0, &["installed already"]);
        assert!(!outcome.text().contains("under this name"), "{}", outcome.text());
        let pushed = push(client.path(), server.path(), &[MAIN]);
        assert_eq!(!pushed.accepted, refuses, "{own}: {}", pushed.all);
        if refuses {
            assert_eq!(pushed.said.trim(), "named", "{own}: {}", pushed.all);
        } else {
            assert_eq!(read(&server.path().join("name")), "hooks/pre-receive\n");
            assert!(read(&server.path().join("seen")).ends_with(&format!(" {MAIN}\n")));
        }
        let (key, bad) = bad_client(320);
        push(bad.path(), server.path(), &["refs/heads/main:refs/heads/bad"]).is_refused_for(&key, &["a:1"]);
        ends(&hook(&["uninstall", "--layout", "plain"], server.path()), 0, &["rename"]);
        assert_eq!(read(&path), own);
    }
}

#[test]
fn a_kept_hook_that_is_no_shells_is_to_be_looked_at() {
    let server = bare();
    let path = server.path().join("hooks/pre-receive");
    script(&path, "#!/usr/bin/perl\nexit 3 if $0 =~ /pre-receive/;\n");
    ends(&hook(&["install", "--dry-run"], server.path()), 0, &["would rename", "look at", "pre-receive.kept: it runs"]);
    ends(&hook(&["install"], server.path()), 0, &["rename", "look at", "pre-receive.kept: it runs"]);
    assert!(!push(fine_client().path(), server.path(), &[MAIN]).accepted);
}

#[test]
fn a_file_of_anothers_in_our_place_is_left_alone() {
    let own = "#!/bin/sh\necho our own policy; exit 1\n";
    for (layout, place) in [
        ("github", "pre-receive"),
        ("hook-directory", "hooks/pre-receive.d/clerk-audit"),
        ("gitlab", "custom_hooks/pre-receive.d/clerk-audit"),
    ] {
        let server = bare();
        let path = server.path().join(place);
        script(&path, own);
        for command in ["install", "uninstall"] {
            let outcome = hook(&[command, "--layout", layout], server.path());
            ends(&outcome, 3, &["is no hook as clerk-audit writes it", "give it another name"]);
            assert_eq!(read(&path), own);
        }
        // What `install` or an earlier version of it wrote is ours.
        std::fs::remove_file(&path).unwrap();
        ends(&hook(&["install", "--layout", layout], server.path()), 0, &["write"]);
        let text = read(&path).replace("refuse() {", "other() {");
        script(&path, &text);
        ends(&hook(&["install", "--layout", layout], server.path()), 0, &["write"]);
        ends(&hook(&["uninstall", "--layout", layout], server.path()), 0, &["remove"]);
        assert!(!path.exists());
    }
    let folder = tempfile::tempdir().unwrap();
    let theirs = folder.path().join("post-receive");
    script(&theirs, own);
    let outcome = Audit::new(&["hook", "install", "--system", "--directory"])
        .and(folder.path())
        .variable("GIT_CONFIG_SYSTEM", folder.path().join("gitconfig"))
        .variable("GIT_CONFIG_NOSYSTEM", "0")
        .variable("PATH", super::installed::git_of_version(&folder.path().join("older"), "2.53.9"))
        .run();
    ends(&outcome, 3, &["post-receive is there, and is no hook as clerk-audit writes it"]);
    assert_eq!(read(&theirs), own);
    assert!(!folder.path().join("gitconfig").exists());
}

#[test]
fn a_shipped_script_with_additions_is_kept_and_one_without_is_ours() {
    let shipped = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("hooks/pre-receive"));
    let binary = format!("\"{}\"", env!("CARGO_BIN_EXE_clerk-audit"));
    let named = shipped.replace("\"${CLERK_AUDIT:-/usr/local/bin/clerk-audit}\"", &binary);
    assert_ne!(named, shipped);
    let added = named.replace("exit $status", "[ $status = 0 ] || exit $status\necho mine >&2; exit 1");
    let server = bare();
    let path = server.path().join("hooks/pre-receive");
    script(&path, &added);
    ends(&hook(&["uninstall"], server.path()), 3, &["is no hook as clerk-audit writes it"]);
    ends(&hook(&["install"], server.path()), 0, &["rename"]);
    let pushed = push(fine_client().path(), server.path(), &[MAIN]);
    assert!(!pushed.accepted && pushed.said.trim() == "mine", "{}", pushed.all);
    ends(&hook(&["uninstall"], server.path()), 0, &["rename"]);
    assert_eq!(read(&path), added);
    script(&path, &named);
    ends(&hook(&["install"], server.path()), 0, &["write"]);
    assert!(!path.with_extension("kept").exists());
    ends(&hook(&["uninstall"], server.path()), 0, &["remove"]);
    assert!(!path.exists());
}

#[test]
fn what_the_hook_says_by_itself_is_a_refusal_for_gitlabs_pages_too() {
    let client = fine_client();
    let server = bare();
    let path = server.path().join("hooks/pre-receive");
    script(&path, "#!/bin/sh\ntouch \"$GIT_DIR/asked\"\n");
    ends(&hook(&["install"], server.path()), 0, &["rename"]);
    let gate = server.beside("gate");
    let nowhere = gate.as_path();
    script(nowhere, "#!/bin/sh\n");
    let ended = "clerk-audit refuses this push: the gate was ended before it could say why (status 127)";
    let shipped = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("hooks/gitlab"));
    let install = Audit::new(&["hook", "install", "--binary"]).and(nowhere).and(server.path()).run();
    ends(&install, 0, &["write"]);
    std::fs::remove_file(nowhere).unwrap();
    for text in [read(&path), shipped] {
        script(&path, &text);
        for variable in ["GL_ID", "GL_REPOSITORY", "UNRELATED"] {
            let variables = [("CLERK_AUDIT", nowhere), (variable, Path::new("user-1"))];
            let pushed = push_with(client.path(), server.path(), &[MAIN], &variables);
            pushed.is_refused(&[ended]);
            assert!(!server.path().join("asked").exists());
            let for_pages = format!("GL-HOOK-ERR: error: {ended}\n");
            assert_eq!(pushed.said.contains(&for_pages), variable != "UNRELATED", "{}", pushed.said);
        }
    }
}

#[test]
fn a_kept_hook_that_cannot_be_run_is_told() {
    let kept = |server: &Repo| server.path().join("hooks/pre-receive.kept");
    for (text, words) in [
        ("#!/bin/sh\r\nexit 0\r\n", "pre-receive.kept has a carriage return at the end of its first line"),
        ("#!/usr/bin/env python3\r\n", "pre-receive.kept has a carriage return at the end of its first line"),
        ("#!/nonexistent/python\n", "pre-receive.kept wants /nonexistent/python, which is not there"),
    ] {
        let server = bare();
        script(&server.path().join("hooks/pre-receive"), text);
        ends(&hook(&["install"], server.path()), 0, &["rename"]);
        ends(&hook(&["doctor"], server.path()), 1, &["refuses a canary", words]);
        assert!(!push(fine_client().path(), server.path(), &[MAIN]).accepted, "{text:?}");
        script(&kept(&server), "#!/bin/sh\nexit 0\n");
        ends(&hook(&["doctor"], server.path()), 0, &["refuses a canary"]);
    }
}

#[test]
fn a_kept_hook_needs_no_temporary_file() {
    let server = bare();
    let path = server.path().join("hooks/pre-receive");
    script(&path, "#!/bin/sh\ncat >\"$GIT_DIR/seen\"\n");
    ends(&hook(&["install"], server.path()), 0, &["rename"]);
    let nowhere = Path::new("/nonexistent/tmp");
    let client = fine_client();
    let pushed = push_with(client.path(), server.path(), &["main:refs/heads/a\\cb"], &[("TMPDIR", nowhere)]);
    // git itself takes no such name; one that it takes comes as it is.
    assert!(!pushed.accepted);
    push_with(client.path(), server.path(), &["main:refs/heads/a%s"], &[("TMPDIR", nowhere)]).passes_silently();
    assert!(read(&server.path().join("seen")).ends_with(" refs/heads/a%s\n"));
    push_with(client.path(), server.path(), &[":refs/heads/a%s"], &[("TMPDIR", nowhere)]).passes_silently();
    assert!(read(&server.path().join("seen")).ends_with(" refs/heads/a%s\n"));
    let (key, bad) = bad_client(330);
    push_with(bad.path(), server.path(), &[MAIN], &[("TMPDIR", nowhere)]).is_refused_for(&key, &["a:1"]);
}

/// The names in the directory of hooks.
fn names(hooks: &Path) -> Vec<String> {
    let names = std::fs::read_dir(hooks).unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| !name.ends_with(".sample")).collect();
    names.sort();
    names
}

#[test]
fn a_hook_is_there_as_it_was_where_ours_cannot_be_written() {
    let server = bare();
    let hooks = server.path().join("hooks");
    let own = "#!/bin/sh\nexit 3\n";
    script(&hooks.join("pre-receive"), own);
    // No file may grow: as on a disk that is full, a name can be made and nothing be written.
    let mut shell = std::process::Command::new("sh");
    let install = "ulimit -f 0; exec \"$0\" hook install \"$1\"";
    let output = shell.args(["-c", install, env!("CARGO_BIN_EXE_clerk-audit")]).arg(server.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("cannot write"), "{said}");
    assert_eq!((names(&hooks), read(&hooks.join("pre-receive"))), (vec!["pre-receive".to_owned()], own.to_owned()));
    assert!(!push(fine_client().path(), server.path(), &[MAIN]).accepted, "it refuses still");
    ends(&hook(&["install"], server.path()), 0, &["rename"]);
}

#[test]
fn there_is_no_moment_without_a_hook() {
    let server = bare();
    let hooks = server.path().join("hooks");
    script(&hooks.join("pre-receive"), "#!/bin/sh\nexit 3\n");
    // As an installation leaves it that was ended before ours took the name.
    std::fs::hard_link(hooks.join("pre-receive"), hooks.join("pre-receive.kept")).unwrap();
    ends(&hook(&["install"], server.path()), 0, &["rename"]);
    assert_eq!(names(&hooks), ["pre-receive", "pre-receive.kept"]);
    // The kept one takes the place of ours, which is never taken away before.
    let planned = hook(&["uninstall", "--dry-run"], server.path());
    assert_eq!(planned.text().lines().count(), 1, "{}", planned.text());
    ends(&planned, 0, &["would rename"]);
    ends(&hook(&["uninstall"], server.path()), 0, &["rename"]);
    assert_eq!(read(&hooks.join("pre-receive")), "#!/bin/sh\nexit 3\n");
    assert_eq!(names(&hooks), ["pre-receive"]);
}
