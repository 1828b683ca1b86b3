//! What is refused and what passes: introductions, moves, removals, what was there before.

use super::support::{MAIN, Server};
use crate::common::fixture::Repo;
use crate::common::fixture::objects::{Commit, Mode, ObjectType, Tag};
use crate::common::secrets::{live_key, look_alike, test_key};

/// A server and a client that agree on a first commit.
pub(super) fn started() -> (Server, Repo) {
    let server = Server::new();
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("README", Some("hello\n")), ("src/a.js", Some("1\n"))], "first");
    server.push(&mut client, &[MAIN]).passes_silently();
    (server, client)
}

/// A server that has a key in its history from before the gate, at `config/env`.
pub(super) fn with_a_past(key: &str) -> (Server, Repo) {
    let (server, mut client) = started();
    client.commit_on(MAIN, &[("config/env", Some(&format!("KEY={key}\n")))], "long ago");
    server.hook("exit 0");
    server.push(&mut client, &[MAIN]).passes();
    server.hook("exec \"$GATE\" hook pre-receive");
    (server, client)
}

#[test]
fn a_push_that_brings_a_key_is_refused_and_says_where() {
    let (server, mut client) = started();
    for key in [live_key(1), test_key(2)] {
        client.branch("refs/heads/topic", MAIN);
        let commit =
            client.commit_on("refs/heads/topic", &[("config/env", Some(&format!("A=1\nKEY={key}\n")))], "Add config");
        let short = &commit.to_string()[..12];
        let pushed = server.push(&mut client, &["refs/heads/topic"]);
        let commit = format!("in commit {short} \"Add config\"");
        pushed.is_refused_for(
            &key,
            &[&commit, "config/env:2", "git commit --all --amend", "must be rotated", "https://"],
        );
        assert_eq!(server.value("refs/heads/topic"), None);
    }
    server.is_sound();
}

#[test]
fn what_brings_no_clerk_key_passes_in_silence() {
    let (server, mut client) = started();
    client.commit_on(MAIN, &[("a", Some(&look_alike(3, 24))), ("b", Some("sk_live_xxxxxxxx"))], "others");
    server.push(&mut client, &[MAIN]).passes_silently();
    client.branch("refs/heads/new", MAIN);
    server.push(&mut client, &["refs/heads/new"]).passes_silently();
    server.push(&mut client, &["refs/heads/new:refs/tags/v1"]).passes_silently();
}

#[test]
fn a_key_that_came_and_went_within_the_push_is_refused() {
    let (server, mut client) = started();
    let key = live_key(4);
    let bad = client.commit_on(MAIN, &[("env", Some(&key))], "add");
    client.commit_on(MAIN, &[("env", None)], "remove");
    let pushed = server.push(&mut client, &[MAIN]);
    pushed.is_refused_for(
        &key,
        &["env:1", &format!("git rebase --interactive --empty=drop {}^", &bad.to_string()[..12])],
    );
}

#[test]
fn removing_a_key_passes_and_bringing_it_back_does_not() {
    let key = live_key(5);
    let (server, mut client) = with_a_past(&key);
    client.commit_on(MAIN, &[("config/env", Some("KEY=elsewhere\n"))], "take it out");
    server.push(&mut client, &[MAIN]).passes_silently();
    client.commit_on(MAIN, &[("config/env", Some(&format!("KEY={key}\n")))], "back");
    server.push(&mut client, &[MAIN]).is_refused_for(&key, &["config/env:1"]);
}

#[test]
fn a_thin_pack_that_removes_a_key_is_not_refused_for_its_base() {
    let key = live_key(6);
    let (server, mut client) = started();
    let filler: String = (0..400).map(|line| format!("line {line} of a file that deltas well\n")).collect();
    client.commit_on(MAIN, &[("big", Some(&format!("{filler}KEY={key}\n")))], "long ago");
    server.hook("exit 0");
    server.push(&mut client, &[MAIN]).passes();
    server.hook("exec \"$GATE\" hook pre-receive");
    server.config("receive.unpackLimit", "1");
    client.commit_on(MAIN, &[("big", Some(&format!("{filler}KEY=\n")))], "take it out");
    // The quarantine holds the old blob too, which completes the pack: the hook sees it there.
    server.hook("ls \"$GIT_QUARANTINE_PATH\"/pack/*.idx >/dev/null || exit 7\ngit show-index <\"$(ls \"$GIT_QUARANTINE_PATH\"/pack/*.idx)\" | wc -l >&2\nexec \"$GATE\" hook pre-receive");
    let pushed = server.push(&mut client, &["--thin", MAIN]);
    pushed.passes();
    assert_eq!(pushed.said.trim().parse(), Ok(4), "commit, tree, blob and the old blob as a base: {}", pushed.said);
}

#[test]
fn a_move_passes_and_a_copy_does_not() {
    let key = live_key(7);
    let (server, mut client) = with_a_past(&key);
    let content = format!("KEY={key}\n");
    client.commit_on(MAIN, &[("config/env", None), ("settings/env", Some(&content))], "rename");
    server.push(&mut client, &[MAIN]).passes_silently();
    client.commit_on(MAIN, &[("settings/env", None), ("z", Some(&format!("#\n{content}")))], "rename and change");
    server.push(&mut client, &[MAIN]).passes_silently();
    client.commit_on(MAIN, &[("copy", Some(&content))], "copy");
    server.push(&mut client, &[MAIN]).is_refused_for(&key, &["copy:1"]);
    client.commit_on(MAIN, &[("copy", None)], "undo");
    let mut again = Repo::bare();
    again.commit_on(MAIN, &[("z", Some(&content))], "another history");
    server.push(&mut again, &[&format!("{MAIN}:refs/heads/other")]).passes_silently();
}

#[test]
fn editing_a_file_that_has_had_a_key_passes_and_strict_refuses_it() {
    let key = live_key(8);
    let (server, mut client) = with_a_past(&key);
    client.commit_on(MAIN, &[("config/env", Some(&format!("A=1\nKEY={key}\n")))], "edit");
    server.push(&mut client, &[MAIN]).passes_silently();
    client.commit_on(MAIN, &[("config/env", Some(&format!("A=2\nKEY={key}\n")))], "edit");
    server.policy("strict = true");
    server.push(&mut client, &[MAIN]).is_refused_for(&key, &["config/env:2"]);
    client.branch("refs/heads/rename", MAIN);
    let (server, mut client) = with_a_past(&key);
    server.policy("strict = true");
    let content = format!("KEY={key}\n");
    client.commit_on(MAIN, &[("config/env", None), ("other", Some(&content))], "the same blob elsewhere");
    server.push(&mut client, &[MAIN]).passes();
}

#[test]
fn what_an_existing_tip_holds_at_the_path_is_not_introduced() {
    let key = live_key(9);
    let (server, mut client) = with_a_past(&key);
    let mut other = Repo::bare();
    other.commit_on("refs/heads/rewritten", &[("config/env", Some(&format!("KEY={key}\n")))], "rebased");
    server.push(&mut other, &["refs/heads/rewritten"]).passes_silently();
    client.commit_on(MAIN, &[("config/env", None)], "out");
    server.push(&mut client, &[MAIN]).passes();
    server.git(&["update-ref", "-d", "refs/heads/rewritten"]);
    other.commit_on("refs/heads/rewritten", &[("more", Some("1"))], "more");
    // No tip holds it there any more: it is brought back.
    server.push(&mut other, &["refs/heads/rewritten"]).is_refused_for(&key, &["config/env:1"]);
}

#[test]
fn merges_introduce_only_what_no_parent_holds() {
    let key = live_key(10);
    let (server, mut client) = with_a_past(&key);
    client.branch("refs/heads/side", MAIN);
    let side = client.commit_on("refs/heads/side", &[("side", Some("1"))], "side");
    let main = client.commit_on(MAIN, &[("config/env", None), ("main", Some("1"))], "main without it");
    let files = client.files_at("refs/heads/side");
    client.commit_files(MAIN, files, &[main, side], "a merge that keeps the side's file");
    server.push(&mut client, &[MAIN]).passes_silently();
    let other = live_key(11);
    let mut files = client.files_at(MAIN);
    let evil = client.blob(other.clone());
    files.insert(b"evil".to_vec(), (Mode::File, evil));
    client.commit_files(MAIN, files, &[main, side], "an evil merge");
    server.push(&mut client, &["--force", MAIN]).is_refused_for(&other, &["evil:1", "an evil merge"]);
}

#[test]
fn a_commit_and_a_tag_are_examined_in_their_own_words() {
    let (server, mut client) = started();
    let key = live_key(12);
    client.commit_on(MAIN, &[("a", Some("1"))], &format!("deploy with {key}"));
    let pushed = server.push(&mut client, &[MAIN]);
    pushed.is_refused_for(
        &key,
        &["the commit's own text", "git commit --amend --allow-empty", "take it out of the message"],
    );
    let (server, mut client) = started();
    let tree = client.tree(&Default::default());
    let mut commit = Commit::new(tree, &[], 1_700_000_000, "clean subject");
    commit.headers = format!("x-note {key}\n").into_bytes();
    let commit = client.commit(&commit);
    client.set_ref("refs/heads/header", commit);
    server.push(&mut client, &["refs/heads/header"]).is_refused_for(&key, &["the commit's own text"]);
    let (server, mut client) = started();
    let head = client.commit_on(MAIN, &[("t", Some("t"))], "t");
    let tag = client.tag(&Tag {
        target: head,
        target_type: ObjectType::Commit,
        name: "v1".to_owned(),
        tagger: None,
        message: format!("\0 {key}\n").into_bytes(),
    });
    client.set_ref("refs/tags/v1", tag);
    server.push(&mut client, &["refs/tags/v1"]).is_refused_for(&key, &["the tag", "git tag --force"]);
}

#[test]
fn names_of_files_refs_and_push_options_are_examined() {
    let (server, mut client) = started();
    let key = live_key(13);
    client.branch("refs/heads/topic", MAIN);
    client.commit_on("refs/heads/topic", &[(&format!("d/{key}/x"), Some("1"))], "name");
    server.push(&mut client, &["refs/heads/topic"]).is_refused_for(&key, &["the name of d/"]);
    let name = format!("refs/heads/{key}");
    client.branch(&name, MAIN);
    let pushed = server.push(&mut client, &[&name]);
    pushed.is_refused(&["the name of the ref refs/heads/sk_live_"]);
    assert!(!pushed.said.contains(&key));
    server.config("receive.advertisePushOptions", "true");
    let option = format!("note={key}");
    let pushed = server.push(&mut client, &["-o", "fine", "-o", &option, &format!("{MAIN}:refs/heads/x")]);
    pushed.is_refused(&["push option 2"]);
    server.push(&mut client, &["-o", "fine", &format!("{MAIN}:refs/heads/x")]).passes_silently();
}

#[test]
fn deletions_pass_whatever_else_is_wrong_and_only_by_themselves() {
    let key = live_key(14);
    let (server, mut client) = with_a_past(&key);
    client.branch("refs/heads/gone", MAIN);
    server.push(&mut client, &["refs/heads/gone"]).passes();
    server.push(&mut client, &["refs/heads/gone:refs/heads/gone2"]).passes();
    server.policy("this is no policy");
    let pushed = server.push(&mut client, &[":refs/heads/gone"]);
    pushed.passes();
    assert!(
        pushed.said.contains("is not valid") && pushed.said.contains("what only deletes passes"),
        "{}",
        pushed.said
    );
    let bad = live_key(15);
    client.commit_on(MAIN, &[("bad", Some(&bad))], "bad");
    client.finish();
    server.policy("");
    let mut command = crate::common::git::command(client.path());
    command.arg("push").arg(server.path()).args([":refs/heads/gone2", MAIN]);
    let answer = crate::common::git::answer(command, b"");
    assert!(!answer.success && answer.stderr.contains("bad:1"), "{}", answer.stderr);
    assert!(server.value("refs/heads/gone2").is_some());
}

#[test]
fn at_most_ten_keys_are_told_and_then_the_count() {
    let (server, mut client) = started();
    let keys: String = (0..25).map(|seed| format!("{}\n", live_key(1000 + seed))).collect();
    client.commit_on(MAIN, &[("many", Some(&keys))], "many");
    let pushed = server.push(&mut client, &[MAIN]);
    pushed.is_refused(&["25 Clerk secret keys", "and 15 more keys, 25 in all"]);
    assert_eq!(pushed.said.matches("many:").count(), 10);
}

#[test]
fn what_the_pusher_wrote_is_escaped_and_masked() {
    let (server, mut client) = started();
    let key = live_key(16);
    let other = live_key(17);
    let path = "a\u{1b}[31mred\r\u{202e}txt";
    client.commit_on(MAIN, &[(path, Some(&key))], &format!("subject \u{7} {other}"));
    let pushed = server.push(&mut client, &[MAIN]);
    pushed.is_refused_for(&key, &["a\\u{1b}[31mred\\u{d}\\u{202e}txt:1", "subject \\u{7} sk_live_"]);
    assert!(!pushed.all.contains(&other));
    assert!(!pushed.all.contains('\0') && !pushed.said.contains('\u{1b}'));
}
