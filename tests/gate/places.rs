//! Every place of a push in which a key can stand, one push each: headers of commits, names, tags, links, modules, notes,
//! refs, options; plain and in encodings that a reader of the place undoes.

use super::support::{MAIN, Pushed, Server, ZERO, pack};
use crate::common::fixture::objects::{Mode, ObjectType, Oid, encode_tree, object_id};
use crate::common::git;
use crate::common::secrets::{Alphabet, Padding, base64, live_key, utf16le};

/// Objects of a push, the one that is named last.
type Objects = Vec<(ObjectType, Vec<u8>)>;

fn id(object: &(ObjectType, Vec<u8>)) -> Oid {
    object_id(object.0, &object.1)
}

fn commit(tree: Oid, author: &str, headers: &str, message: &[u8]) -> (ObjectType, Vec<u8>) {
    let text =
        format!("tree {tree}\nauthor {author} 1700000000 +0000\ncommitter C <c@d> 1700000000 +0000\n{headers}\n");
    (ObjectType::Commit, [text.as_bytes(), message].concat())
}

/// A commit whose tree is empty.
fn bare_commit(author: &str, headers: &str, message: &[u8]) -> Objects {
    let tree = (ObjectType::Tree, encode_tree(Vec::new()));
    let commit = commit(id(&tree), author, headers, message);
    vec![tree, commit]
}

/// A commit of one entry.
fn commit_with(name: &str, mode: Mode, target: Oid, mut sent: Objects) -> Objects {
    let tree = (ObjectType::Tree, encode_tree(vec![(name.as_bytes().to_vec(), mode, target)]));
    let commit = commit(id(&tree), "A <a@b>", "", b"one entry\n");
    sent.extend([tree, commit]);
    sent
}

fn commit_of_file(name: &str, mode: Mode, content: &[u8]) -> Objects {
    let blob = (ObjectType::Blob, content.to_vec());
    commit_with(name, mode, id(&blob), vec![blob])
}

fn tag(target: Oid, kind: &str, name: &str, tagger: &str, message: &str) -> (ObjectType, Vec<u8>) {
    let text = format!("object {target}\ntype {kind}\ntag {name}\ntagger {tagger} 1700000000 +0000\n\n{message}\n");
    (ObjectType::Tag, text.into_bytes())
}

/// Text in base64, in lines of 64 as signatures have it, each but the first behind a space as git folds headers.
fn armored(text: &str) -> String {
    let whole = base64(text.as_bytes(), Alphabet::Standard, Padding::Full);
    let lines: Vec<&str> = (0..whole.len()).step_by(64).map(|at| &whole[at..whole.len().min(at + 64)]).collect();
    format!("-----BEGIN SSH SIGNATURE-----\n {}\n -----END SSH SIGNATURE-----", lines.join("\n "))
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

/// What is pushed for a key, to which ref, and what is said of it.
fn pushes(key: &str) -> Vec<(Objects, Vec<u8>, &'static str)> {
    let nobody = "A <a@b>";
    let encoded = base64(key.as_bytes(), Alphabet::Standard, Padding::Full);
    let own = "the commit's own text";
    let blob = (ObjectType::Blob, key.as_bytes().to_vec());
    let mut chain = vec![blob.clone(), tag(id(&blob), "blob", "inner", nobody, "m")];
    for number in 0..50 {
        chain.push(tag(id(&chain[chain.len() - 1]), "tag", &format!("t{number}"), nobody, "m"));
    }
    let empty = (ObjectType::Tree, encode_tree(Vec::new()));
    let mergetag =
        format!("mergetag object {}\n type commit\n tag v1\n tagger T <t@t> 1 +0000\n \n {key}\n", id(&empty));
    let commits = [
        (bare_commit(nobody, &format!("gpgsig {key}\n"), b"m"), own),
        (bare_commit(nobody, &format!("gpgsig {}\n", armored(&format!("of no use, but long: {key}"))), b"m"), own),
        (bare_commit(nobody, &format!("x-unknown {key}\n"), b"m"), own),
        (bare_commit(nobody, &mergetag, b"m"), own),
        (bare_commit(nobody, "encoding UTF-16LE\n", &utf16le(key)), own),
        (bare_commit(&format!("{key} <a@b>"), "", b"m"), own),
        (bare_commit(&format!("A <{key}@example.test>"), "", b"m"), own),
        (bare_commit(&format!("=?utf-8?B?{encoded}?= <a@b>"), "", b"m"), own),
        (commit_of_file("link", Mode::SymbolicLink, format!("/srv/{key}").as_bytes()), "link:1"),
        (
            commit_of_file(
                ".gitmodules",
                Mode::File,
                format!("[submodule \"m\"]\n\turl = https://x:{key}@h/m\n").as_bytes(),
            ),
            ".gitmodules:2",
        ),
        (commit_with(key, Mode::Submodule, Oid([7; 20]), Vec::new()), "the name of"),
        (commit_of_file(&percent(key), Mode::File, b"x"), "the name of"),
        (commit_of_file(&encoded, Mode::File, b"x"), "the name of"),
    ];
    let mut all: Vec<_> = commits.into_iter().map(|(sent, place)| (sent, MAIN.as_bytes().to_vec(), place)).collect();
    let of_tree =
        |name: &str, tagger: &str, message: &str| vec![empty.clone(), tag(id(&empty), "tree", name, tagger, message)];
    for (sent, place) in [
        (chain, "that a ref names:1"),
        // It says that it tags a commit.
        (vec![blob.clone(), tag(id(&blob), "commit", "liar", nobody, "m")], "that a ref names:1"),
        (of_tree(key, nobody, "m"), "in a tag"),
        (of_tree("t", &format!("{key} <a@b>"), "m"), "in a tag"),
        (of_tree("t", nobody, &percent(key)), "in a tag"),
    ] {
        all.push((sent, b"refs/tags/t".to_vec(), place));
    }
    for name in [key.to_owned(), percent(key), encoded] {
        let name = format!("refs/heads/{name}").into_bytes();
        all.push((bare_commit(nobody, "", b"m"), name, "the name of the ref"));
    }
    all.push((
        vec![blob.clone()],
        b"refs/replace/0707070707070707070707070707070707070707".to_vec(),
        "that a ref names",
    ));
    all.push((commit_of_file("0707", Mode::File, key.as_bytes()), b"refs/notes/commits".to_vec(), "0707:1"));
    all
}

/// A key for each of the pushes.
fn keys(first: u64) -> impl Iterator<Item = (usize, String)> {
    (0..pushes("").len()).zip((first..).map(live_key))
}

#[test]
fn every_place_is_read_whatever_else_is_odd_about_it() {
    let server = Server::new();
    for (number, key) in keys(1_000) {
        let (sent, name, place) = pushes(&key).swap_remove(number);
        let tip = id(&sent[sent.len() - 1]).to_string();
        let pushed = server.raw(&[(ZERO, &tip, &name)], &pack(&sent));
        refused(&pushed, &key, place, number);
    }
    assert_eq!(server.git(&["for-each-ref"]), "");
}

#[test]
fn the_same_places_are_read_in_objects_that_lay_unreachable() {
    for (number, key) in keys(2_000) {
        let (sent, name, place) = pushes(&key).swap_remove(number);
        let server = Server::new();
        let tip = id(&sent[sent.len() - 1]).to_string();
        git::run(git::command(server.path()), &["unpack-objects", "-q"], &pack(&sent));
        let pushed = server.raw(&[(ZERO, &tip, &name)], &pack(&[]));
        refused(&pushed, &key, place, number);
    }
}

/// It is refused for the key at that place, and the gate does not show it: what git itself says of a ref has its name.
#[track_caller]
fn refused(pushed: &Pushed, key: &str, place: &str, number: usize) {
    assert!(!pushed.accepted, "{place}, number {number}: {}", pushed.all);
    pushed.is_refused(&[place, &format!("{}…{}", &key[..12], &key[key.len() - 4..])]);
    assert!(!pushed.said.contains(&key[12..38]), "{place}, number {number}: a key was shown");
}
