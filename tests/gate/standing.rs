//! How a key stands to what was there before, where somebody would have it look as if it had been there.

use super::decided::{started, with_a_past};
use super::support::{MAIN, Server, ZERO, pack};
use crate::common::fixture::Repo;
use crate::common::fixture::objects::{Commit, Files, Mode, ObjectType, Oid, encode_tree, object_id};
use crate::common::secrets::{in_pieces, live_key};

/// Pushes a commit of one tree by hand, whose objects lie on the server or come along.
fn push_tree(
    server: &Server,
    entries: Vec<(Vec<u8>, Mode, Oid)>,
    parents: &[Oid],
    name: &str,
) -> (super::support::Pushed, Oid) {
    let tree = encode_tree(entries);
    let commit = Commit::new(object_id(ObjectType::Tree, &tree), parents, 1_700_000_000, "by hand").encode();
    let id = object_id(ObjectType::Commit, &commit);
    let sent = pack(&[(ObjectType::Tree, tree), (ObjectType::Commit, commit)]);
    (server.raw(&[(ZERO, &id.to_string(), name.as_bytes())], &sent), id)
}

/// An object that lies on the server, and nothing reaches it.
fn lying(server: &Server, kind: &str, bytes: &[u8]) -> Oid {
    let arguments = ["hash-object", "-w", "-t", kind, "--stdin", "--literally"];
    let said = crate::common::git::run(crate::common::git::command(server.path()), &arguments, bytes);
    let kind = if kind == "tree" { ObjectType::Tree } else { ObjectType::Blob };
    assert_eq!(String::from_utf8(said).unwrap().trim(), object_id(kind, bytes).to_string());
    object_id(kind, bytes)
}

#[test]
fn what_stands_behind_a_link_or_a_files_mode_is_held_by_nobody() {
    let key = live_key(1700);
    let server = Server::new();
    let blob = lying(&server, "blob", key.as_bytes());
    let link = vec![(b"n".to_vec(), Mode::Submodule, blob)];
    let file = vec![(b"n".to_vec(), Mode::File, blob)];
    let (pushed, first) = push_tree(&server, link, &[], "refs/heads/first");
    pushed.passes();
    // Over the same path, in a commit on it and in one beside it.
    for parents in [vec![first], vec![]] {
        let (pushed, _) = push_tree(&server, file.clone(), &parents, "refs/heads/second");
        pushed.is_refused_for(&key, &["n:1"]);
    }
}

#[test]
fn a_removed_key_is_not_brought_back_by_a_parent_that_git_does_not_count() {
    let key = live_key(1710);
    let (server, mut client) = with_a_past(&key);
    let old = client.files_at(MAIN);
    let before: Oid = parsed(&server.value(MAIN).unwrap());
    let now = client.commit_on(MAIN, &[("config/env", None)], "take it out");
    server.push(&mut client, &[MAIN]).passes_silently();
    let tree = client.tree(&old);
    for headers in [format!("parent {before}\n"), format!("odd\nparent {before}\n")] {
        let mut commit = Commit::new(tree, &[now], 1_700_000_100, "back");
        commit.headers = headers.into_bytes();
        let back = client.commit(&commit);
        client.set_ref("refs/heads/back", back);
        server.push(&mut client, &["refs/heads/back"]).is_refused_for(&key, &["config/env:1"]);
    }
}

fn parsed(hex: &str) -> Oid {
    let bytes: Vec<u8> = (0..20).map(|at| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).unwrap()).collect();
    Oid(bytes.try_into().unwrap())
}

#[test]
fn headers_that_look_like_another_tree_or_parent_are_nothing() {
    let (server, mut client) = started();
    let head: Oid = parsed(&server.value(MAIN).unwrap());
    let files = client.files_at(MAIN);
    let tree = client.tree(&files);
    for (number, headers) in
        ["tree xyz\n".to_owned(), format!("parent {}\n", "1".repeat(40)), "parent of all\n".to_owned()]
            .into_iter()
            .enumerate()
    {
        let mut commit = Commit::new(tree, &[head], 1_700_000_100 + number as i64, "odd");
        commit.headers = headers.into_bytes();
        let odd = client.commit(&commit);
        client.set_ref("refs/heads/odd", odd);
        server.push(&mut client, &["--force", "refs/heads/odd"]).passes_silently();
    }
}

#[test]
fn a_merge_with_a_commit_of_long_ago_moves_nothing() {
    let key = live_key(1720);
    let (server, mut client) = with_a_past(&key);
    let before: Oid = parsed(&server.value(MAIN).unwrap());
    let now = client.commit_on(MAIN, &[("config/env", Some("KEY=\n"))], "take it out");
    server.push(&mut client, &[MAIN]).passes_silently();
    let mut files = client.files_at(MAIN);
    let carrier = client.blob(format!("KEY={key}\n"));
    files.insert(b"elsewhere".to_vec(), (Mode::File, carrier));
    client.commit_files("refs/heads/merged", files.clone(), &[now, before], "merge");
    server.push(&mut client, &["refs/heads/merged"]).is_refused_for(&key, &["elsewhere:1"]);
    // Nor does one with a branch that went on from there.
    client.commit_files("refs/heads/side", client.files_at(MAIN), &[now], "side");
    let mut held = client.files_at(MAIN);
    held.insert(b"config/env".to_vec(), (Mode::File, carrier));
    let side = client.commit_files("refs/heads/side", held, &[before], "went on");
    client.commit_files("refs/heads/merged", files, &[now, side], "merge");
    server.push(&mut client, &["--force", "refs/heads/merged"]).is_refused_for(&key, &["elsewhere:1"]);
}

#[test]
fn a_merge_may_move_what_the_other_side_never_held() {
    let key = live_key(1850);
    for (number, held_before, passes) in [(0, false, true), (1, true, false)] {
        let (server, mut client) = started();
        server.policy_with_ledger("");
        let content = format!("KEY={key}\n");
        client.branch("refs/heads/third", MAIN);
        let topic = format!("refs/heads/topic-{number}");
        client.branch(&topic, MAIN);
        if held_before {
            client.commit_on(&topic, &[("other", Some(&content))], "in and");
            client.commit_on(&topic, &[("other", None)], "out again");
        }
        let renamed =
            client.commit_on(&topic, &[("src/a.js", None), ("lib/a.js", Some("1\n"))], "rename the directory");
        let main = client.commit_on(MAIN, &[("src/k", Some(&content))], "long ago");
        server.hook("exit 0");
        server.push(&mut client, &[MAIN]).passes();
        server.push(&mut client, &[&topic]).passes();
        server.hook("exec \"$GATE\" hook pre-receive");
        // As git merges it by itself.
        let mut merged = client.files_at(&topic);
        let carrier = client.files_at(MAIN)[&b"src/k"[..]];
        merged.insert(b"lib/k".to_vec(), carrier);
        client.commit_files(&topic, merged.clone(), &[renamed, main], "merge main");
        let pushed = server.push(&mut client, &[&topic]);
        match passes {
            true => pushed.passes_silently(),
            false => pushed.is_refused_for(&key, &["lib/k:1"]),
        }
        // With a third side that never held it either, which only they descend from together.
        let third = client.commit_on("refs/heads/third", &[("third", Some("1"))], "third");
        client.commit_files("refs/heads/three", merged, &[renamed, main, third], "merge three");
        let pushed = server.push(&mut client, &["refs/heads/three"]);
        assert_eq!(pushed.accepted, passes, "{}", pushed.all);
    }
}

#[test]
fn a_merge_of_what_all_hold_may_move_it() {
    let key = live_key(1840);
    let (server, mut client) = with_a_past(&key);
    let before: Oid = parsed(&server.value(MAIN).unwrap());
    let start = client.files_at(MAIN);
    let carrier = start[&b"config/env"[..]];
    let with = |paths: &[&str]| {
        let mut files = start.clone();
        files.remove(&b"config/env"[..]);
        files.extend(paths.iter().map(|path| (path.as_bytes().to_vec(), carrier)));
        files
    };
    // One has it where it was, which the merge keeps, and one somewhere else; one renamed it, and so did the other.
    for (number, ours, theirs, merged, passes) in [
        (0, vec!["config/env"], vec!["b"], vec!["config/env", "c"], true),
        (1, vec!["a"], vec!["b"], vec!["d"], true),
        (2, vec!["a"], vec![], vec!["e"], false),
    ] {
        let mut side = |name: &str, paths: &[&str]| {
            let name = format!("refs/heads/{name}-{number}");
            let mut files = with(paths);
            files.insert(b"only".to_vec(), (Mode::File, client.blob(name.as_str())));
            server.hook("exit 0");
            let commit = client.commit_files(&name, files, &[before], &name);
            server.push(&mut client, &[&name]).passes();
            commit
        };
        let parents = [side("ours", &ours), side("theirs", &theirs)];
        server.hook("exec \"$GATE\" hook pre-receive");
        let name = format!("refs/heads/merged-{number}");
        client.commit_files(&name, with(&merged), &parents, "merge");
        let pushed = server.push(&mut client, &[&name]);
        match passes {
            true => pushed.passes_silently(),
            false => pushed.is_refused_for(&key, &["e:1"]),
        }
    }
}

#[test]
fn strict_is_about_objects_that_are_new() {
    let key = live_key(1730);
    let (server, mut client) = with_a_past(&key);
    server.policy("strict = true");
    // The very blob that a tip holds, on another branch; and an edit back to it.
    let files = client.files_at(MAIN);
    let mut other = Repo::bare();
    let blob = other.blob(format!("KEY={key}\n"));
    let tree = Files::from([(b"config/env".to_vec(), (Mode::File, blob))]);
    other.commit_files("refs/heads/other", tree, &[], "the same");
    server.push(&mut other, &["refs/heads/other"]).passes();
    server.policy("");
    client.commit_on(MAIN, &[("config/env", Some(&format!("A=1\nKEY={key}\n")))], "edit");
    server.push(&mut client, &[MAIN]).passes();
    server.policy("strict = true");
    let head: Oid = parsed(&server.value(MAIN).unwrap());
    client.commit_files(MAIN, files, &[head], "back as it was");
    server.push(&mut client, &[MAIN]).passes();
}

#[test]
fn strict_refuses_a_new_directory_that_keeps_a_name() {
    let key = live_key(1740);
    let (server, mut client) = started();
    client.commit_on(MAIN, &[(&format!("d/{key}"), Some("1"))], "long ago");
    server.hook("exit 0");
    server.push(&mut client, &[MAIN]).passes();
    server.hook("exec \"$GATE\" hook pre-receive");
    client.commit_on(MAIN, &[("d/beside", Some("1"))], "beside it");
    client.commit_on(MAIN, &[("d/beside", Some("2"))], "and again");
    server.policy("strict = true");
    let words = ["\"beside it\"", "the name of d/", "git rebase", "git mv gives a file another name"];
    let pushed = server.push(&mut client, &[MAIN]);
    pushed.is_refused_for(&key, &words);
    assert!(!pushed.said.contains("\"and again\""), "{}", pushed.said);
    server.policy_with_ledger("");
    server.push(&mut client, &[MAIN]).passes_silently();
    let ledger = server.ledger();
    let standings: Vec<&str> = ledger[0]["keys"][0]["places"]
        .as_array()
        .unwrap()
        .iter()
        .map(|place| place["standing"].as_str().unwrap())
        .collect();
    assert_eq!(standings, ["kept"], "{}", ledger[0]);
}

#[test]
fn strict_is_about_what_lies_there_and_no_ref_reaches() {
    let key = live_key(1747);
    for (number, late) in [(0, true), (1, false)] {
        let (server, mut client) = with_a_past(&key);
        server.policy("strict = true");
        let before = client.files_at(MAIN);
        let old: Oid = parsed(&server.value(MAIN).unwrap());
        let update = "exec \"$GATE\" hook update \"$@\"";
        let gate = |is_there: bool| {
            server.hook(if is_there && !late { "exec \"$GATE\" hook pre-receive" } else { "exit 0" });
            server.hook_named("update", if is_there && late { update } else { "exit 0" });
        };
        // An edit beside the key, a move of it, and a directory with one in a name; all of it was stored once.
        let content = format!("KEY={key}\n");
        let name = format!("refs/heads/name-{number}");
        client.commit_on(&name, &[(&format!("d/{key}"), Some("1"))], "name");
        gate(false);
        server.push(&mut client, &[&name]).passes();
        let named = client.commit_on(&name, &[("d/beside", Some("1"))], "beside");
        let edited = client.commit_on(MAIN, &[("config/env", Some(&format!("A=1\n{content}")))], "edit");
        server.push(&mut client, &[MAIN]).passes();
        server.push(&mut client, &[&format!("{named}:refs/heads/gone")]).passes();
        server.git(&["update-ref", MAIN, &old.to_string()]);
        server.git(&["update-ref", "-d", "refs/heads/gone"]);
        gate(true);
        server.push(&mut client, &[MAIN]).is_refused_for(&key, &["\"edit\"", "config/env:2", "on the server"]);
        let words = ["\"beside\"", "the name of d/"];
        server.push(&mut client, &[&name]).is_refused_for(&key, &words);
        // What any ref has ever reached is not new: a revert, a move, the same on another branch.
        gate(false);
        server.push(&mut client, &[MAIN]).passes();
        gate(true);
        let reverted = client.commit_files(MAIN, before.clone(), &[edited], "as it was");
        server.push(&mut client, &[MAIN]).passes_silently();
        client.commit_files("refs/heads/again", before.clone(), &[], "the same");
        server.push(&mut client, &["refs/heads/again"]).passes_silently();
        let mut moved = before;
        let carrier = moved.remove(&b"config/env"[..]).unwrap();
        moved.insert(b"elsewhere".to_vec(), carrier);
        client.commit_files(MAIN, moved, &[reverted], "moved");
        server.push(&mut client, &[MAIN]).passes_silently();
    }
}

#[test]
fn strict_is_not_about_directories_that_were_there() {
    let key = live_key(1745);
    let (server, mut client) = started();
    client.commit_on(MAIN, &[(&format!("d/{key}/f"), Some("1"))], "long ago");
    server.hook("exit 0");
    server.push(&mut client, &[MAIN]).passes();
    server.hook("exec \"$GATE\" hook pre-receive");
    server.policy("strict = true");
    // A commit of the very same tree, and one that gives the directory above another name.
    let files = client.files_at(MAIN);
    client.commit_files("refs/heads/again", files.clone(), &[], "the same");
    server.push(&mut client, &["refs/heads/again"]).passes_silently();
    let renamed = files.into_iter().map(|(path, entry)| match path.strip_prefix(b"d/") {
        Some(below) => ([b"e/", below].concat(), entry),
        None => (path, entry),
    });
    let head: Oid = parsed(&server.value(MAIN).unwrap());
    client.commit_files(MAIN, renamed.collect(), &[head], "another name above");
    server.push(&mut client, &[MAIN]).passes_silently();
    client.commit_on(MAIN, &[("e/beside", Some("1"))], "beside it");
    server.push(&mut client, &[MAIN]).is_refused_for(&key, &[]);
}

#[test]
fn a_ref_to_a_part_of_what_a_tip_holds_brings_nothing() {
    let key = live_key(1750);
    let (server, mut client) = with_a_past(&key);
    for (name, part) in [("file", "main:config/env"), ("folder", "main:config"), ("all", "main^{tree}")] {
        let name = format!("refs/tags/{name}");
        client.git(&["update-ref", &name, part]);
        server.push(&mut client, &[&name]).passes_silently();
    }
    // Of what no tip holds any more it brings back what was removed.
    client.commit_on(MAIN, &[("config/env", None)], "take it out");
    server.push(&mut client, &[MAIN]).passes();
    server.git(&["for-each-ref", "refs/tags"]).lines().filter_map(|line| line.split('\t').nth(1)).for_each(|name| {
        server.git(&["update-ref", "-d", name]);
    });
    client.git(&["update-ref", "refs/tags/again", "main~1:config/env"]);
    server.push(&mut client, &["refs/tags/again"]).is_refused_for(&key, &["the file"]);
}

#[test]
fn commits_that_clocks_make_look_new_one_after_another_are_all_old() {
    let key = live_key(1780);
    let (server, mut client) = started();
    let base: Oid = parsed(&server.value(MAIN).unwrap());
    let (files, future) = (client.files_at(MAIN), 4_000_000_000);
    let mut at = |name: &str, parents: &[Oid], seconds: i64, content: &str| {
        let mut files = files.clone();
        files.insert(name.as_bytes().to_vec(), (Mode::File, client.blob(content)));
        let tree = client.tree(&files);
        client.commit(&Commit::new(tree, parents, seconds, name))
    };
    let sides = ["x", "y"].map(|name| at(name, &[base], future, &key));
    let joined = at("z", &sides, 1_700_500_000, "neither");
    client.set_ref(MAIN, joined);
    server.policy("mode = \"observe\"");
    server.push(&mut client, &[MAIN]).passes();
    server.policy("");
    let tags: Vec<String> =
        sides.iter().enumerate().map(|(number, side)| format!("{side}:refs/tags/v{number}")).collect();
    for order in [[0, 1], [1, 0]] {
        for alone in order {
            server.push(&mut client, &["--force", &tags[alone]]).passes_silently();
            server.git(&["update-ref", "-d", &format!("refs/tags/v{alone}")]);
        }
        // (The last argument stands behind the server's path, those before it would too.)
        server
            .raw(
                &order.map(|one| (ZERO, sides[one].to_string())).each_ref().map(|(old, new)| {
                    (
                        *old,
                        new.as_str(),
                        if *new == sides[0].to_string() { &b"refs/tags/a"[..] } else { b"refs/tags/b" },
                    )
                }),
                &pack(&[]),
            )
            .passes_silently();
        ["a", "b"].iter().for_each(|name| _ = server.git(&["update-ref", "-d", &format!("refs/tags/{name}")]));
    }
}

#[test]
fn a_name_that_goes_elsewhere_hides_none_that_is_kept() {
    let key = live_key(1790);
    let (server, mut client) = started();
    let name = format!("d/{key}.txt");
    client.commit_on(MAIN, &[(&name, Some("1")), ("z", Some("1"))], "of long ago");
    server.policy("mode = \"observe\"");
    server.push(&mut client, &[MAIN]).passes();
    client.branch("refs/heads/keep", MAIN);
    client.commit_on("refs/heads/keep", &[("d/other", Some("2"))], "a new directory with that name");
    client.branch("refs/heads/gone", MAIN);
    client.commit_on("refs/heads/gone", &[(&name, None)], "takes it away");
    for with_ledger in [false, true] {
        if with_ledger {
            server.policy_with_ledger("strict = true")
        } else {
            server.policy("strict = true")
        }
        server.push(&mut client, &["refs/heads/keep"]).is_refused_for(&key, &[]);
        server.push(&mut client, &["refs/heads/*:refs/heads/*"]).is_refused_for(&key, &[]);
    }
}

#[test]
fn keys_that_different_tips_hold_in_different_places_are_told_apart() {
    let keys: [String; 4] = [1800, 1801, 1802, 1803].map(live_key);
    let server = Server::new();
    server.hook("exit 0");
    // A path is a file on one of them and leads on on another; one of a directory's keys is held nowhere.
    for (name, path, content) in [
        ("a", "d/one", format!("{}\n", keys[0])),
        ("b", "d/e/two", format!("{}\n{}\n", keys[1], keys[2])),
        ("c", "d/e", format!("{}\n", keys[2])),
        ("d", "d/one/inner", "nothing".to_owned()),
    ] {
        let mut client = Repo::bare();
        client.commit_on(MAIN, &[(path, Some(&content))], name);
        server.push(&mut client, &[&format!("{MAIN}:refs/heads/{name}")]).passes();
    }
    server.git(&["pack-refs", "--all"]);
    server.git(&["tag", "--annotate", "--message", "of it", "t", "b"]);
    server.git(&["branch", "-D", "b"]);
    server.hook("exec \"$GATE\" hook pre-receive");
    for is_packed in [false, true] {
        if is_packed {
            server.git(&["repack", "-adq"]);
            server.git(&["commit-graph", "write", "--reachable"]);
        }
        let mut held = vec![("d/one", format!("A={}\n", keys[0])), ("d/e/two", format!("A={}\n", keys[1]))];
        let mut push = |more: Option<(&'static str, String)>, number: usize| {
            held.extend(more);
            let mut client = Repo::bare();
            let files: Vec<(&str, Option<&str>)> =
                held.iter().map(|(path, content)| (*path, Some(content.as_str()))).collect();
            client.commit_on(MAIN, &files, "unrelated");
            server.push(&mut client, &[&format!("{MAIN}:refs/heads/pushed-{is_packed}-{number}")])
        };
        push(None, 0).passes_silently();
        server.git(&["branch", "-D", &format!("pushed-{is_packed}-0")]);
        let pushed = push(Some(("d/e/three", keys[2].clone())), 1);
        pushed.is_refused_for(&keys[2], &["refuses this push: a Clerk secret key", "d/e/three:1"]);
        let pushed = push(Some(("d/one-more", keys[3].clone())), 2);
        pushed.is_refused_for(&keys[3], &["2 Clerk secret keys", "d/one-more:1", "d/e/three:1"]);
        assert!(!pushed.said.contains("d/one:1") && !pushed.said.contains("d/e/two:1"), "{}", pushed.said);
    }
}

/// A server at whose `main` a key stands in pieces, which it has let pass with a warning.
fn with_pieces(key: &str) -> (Server, Repo) {
    let (server, mut client) = started();
    client.commit_on(MAIN, &[("b.js", Some(&format!("K = {}\n", in_pieces(key))))], "in pieces");
    let pushed = server.push(&mut client, &[MAIN]);
    pushed.passes();
    assert!(pushed.said.contains("may be a Clerk secret key: b.js:1"), "{}", pushed.said);
    (server, client)
}

#[test]
fn a_key_that_was_let_in_as_a_guess_opens_no_way_for_itself_in_clear_text() {
    let key = live_key(1810);
    let whole = format!("K={key}\n");
    let (server, mut client) = with_pieces(&key);
    // At the same path, moved, on a branch beside, and within one push.
    for (name, changes) in [
        ("same", vec![("b.js", Some(whole.as_str()))]),
        ("moved", vec![("b.js", None), (".env", Some(whole.as_str()))]),
    ] {
        let name = format!("refs/heads/{name}");
        client.branch(&name, MAIN);
        client.commit_on(&name, &changes, "made whole");
        let place = changes.last().unwrap().0;
        server.push(&mut client, &[&name]).is_refused_for(&key, &[&format!("{place}:1")]);
    }
    let mut other = Repo::bare();
    other.commit_on(MAIN, &[("b.js", Some(&whole))], "beside it");
    server.push(&mut other, &["refs/heads/main:refs/heads/beside"]).is_refused_for(&key, &["b.js:1"]);
    let (server, mut client) = started();
    server.policy_with_ledger("");
    client.commit_on(MAIN, &[("b.js", Some(&format!("K = {}\n", in_pieces(&key))))], "in pieces");
    client.commit_on(MAIN, &[("b.js", Some(&whole))], "made whole");
    server.push(&mut client, &[MAIN]).is_refused_for(&key, &["\"made whole\"", "b.js:1"]);
    let ledger = server.ledger();
    let places = ledger[0]["keys"][0]["places"].as_array().unwrap();
    let told: Vec<_> = places.iter().map(|place| [&place["standing"], &place["confidence"]]).collect();
    assert_eq!(told, [["introduced", "high"], ["introduced", "low"]], "{}", ledger[0]);
}

#[test]
fn what_is_as_sure_as_before_or_would_have_been_refused_then_is_kept() {
    let key = live_key(1820);
    let (server, mut client) = with_pieces(&key);
    let pieces = format!("// as it was\nK = {}\n", in_pieces(&key));
    client.commit_on(MAIN, &[("b.js", Some(&pieces))], "still in pieces");
    server.push(&mut client, &[MAIN]).passes_silently();
    client.commit_on(MAIN, &[("b.js", None), ("c.js", Some(&pieces))], "somewhere else");
    server.push(&mut client, &[MAIN]).passes_silently();
    // Whole, and then in pieces: nothing came, and nothing was taken away.
    let (server, mut client) = with_a_past(&key);
    server.policy_with_ledger("");
    client.commit_on(MAIN, &[("config/env", Some(&pieces))], "in pieces");
    server.push(&mut client, &[MAIN]).passes_silently();
    let places = server.ledger()[0]["keys"][0]["places"].clone();
    assert_eq!(places.as_array().unwrap().len(), 1, "{places}");
    assert_eq!(places[0]["standing"], "kept", "{places}");
    // A policy that refuses guesses too has let none in: what is there is of before it.
    let (server, mut client) = with_pieces(&key);
    server.policy("[refuse]\nconfidence = [\"high\", \"medium\", \"low\"]");
    client.commit_on(MAIN, &[("b.js", Some(&format!("K={key}\n")))], "made whole");
    server.push(&mut client, &[MAIN]).passes_silently();
}

#[test]
fn of_two_that_move_the_surer_one_does() {
    let key = live_key(1830);
    let (server, mut client) = with_a_past(&key);
    let (whole, pieces) = (format!("K={key}\n"), format!("K = {}\n", in_pieces(&key)));
    let changes = [("config/env", None), ("a.js", Some(pieces.as_str())), ("b.env", Some(whole.as_str()))];
    client.commit_on(MAIN, &changes, "moved, and a guess beside it");
    let pushed = server.push(&mut client, &[MAIN]);
    pushed.passes();
    assert!(pushed.said.contains("a.js:1"), "{}", pushed.said);
}
