//! What is read: content of every kind, names, and what configuration and attributes cannot hide.

use std::os::unix::fs::PermissionsExt;

use super::support::{MAIN, audit, entries, env, folder, held, text};
use crate::common::fixture::Repo;
use crate::common::fixture::objects::{Files, Mode};
use crate::common::secrets::{Alphabet, Padding, base64, live_key, test_key, utf16le};

#[test]
fn the_target_of_a_symbolic_link_is_read() {
    //  A (latest -> releases/<key>)   main
    let key = live_key(401);
    let mut repo = Repo::bare();
    let target = repo.blob(format!("releases/{key}"));
    let a = repo.commit_files(MAIN, Files::from([(b"latest".to_vec(), (Mode::SymbolicLink, target))]), &[], "A");
    let found = audit(&mut repo).complete();
    let key = found.only(&key);
    assert_eq!(entries(&key["introductions"], &[("A", a)]), ["A file latest key"]);
    assert_eq!(key["introductions"][0]["column"], 10);
}

#[test]
fn binary_content_is_read() {
    //  A (logo.bin, app.sqlite, big.bin)   main      keys between NULs, right after a length byte, past 9 MB of zeros
    let keys = [live_key(402), live_key(403), test_key(404)];
    let mut repo = Repo::bare();
    let contents = [
        [b"\x89PNG\r\n\x1a\n\0\0\0", keys[0].as_bytes(), b"\0\0\xff\xfe"].concat(),
        [b"SQLite format 3\0abc2", keys[1].as_bytes(), b"\x01\x02"].concat(),
        [&vec![0; 9_000_000], keys[2].as_bytes(), b"\0".as_slice()].concat(),
    ];
    let mut files = Files::new();
    for (name, content) in ["logo.bin", "app.sqlite", "big.bin"].into_iter().zip(contents) {
        let blob = repo.blob(content);
        files.insert(name.into(), (Mode::File, blob));
    }
    repo.commit_files(MAIN, files, &[], "A");
    let found = audit(&mut repo).complete();
    for (key, path) in keys.iter().zip(["logo.bin", "app.sqlite", "big.bin"]) {
        assert_eq!(text(&found.key(key)["introductions"][0]["path"]), path);
    }
}

#[test]
fn encoded_keys_are_read_in_every_alignment_and_byte_order() {
    //  A: base64 at alignments 0, 1 and 2, standard and URL-safe; UTF-16 LE and BE, with and without a mark
    let mut repo = Repo::bare();
    let mut files = Files::new();
    let mut all = Vec::new();
    let mut seed = 410;
    let mut plant = |name: String, encode: &dyn Fn(&str) -> Vec<u8>, encoding: &'static str| {
        let key = live_key(seed);
        seed += 1;
        let blob = repo.blob(encode(&key));
        files.insert(name.clone().into_bytes(), (Mode::File, blob));
        all.push((key, name, encoding));
    };
    for before in 0..6 {
        for alphabet in [Alphabet::Standard, Alphabet::UrlSafe] {
            let name = format!("base64-{before}-{}", alphabet == Alphabet::UrlSafe);
            let encode = move |key: &str| {
                let plain = format!("{}{key}\n", "é>?~:x".chars().take(before).collect::<String>());
                base64(plain.as_bytes(), alphabet, Padding::Full).into_bytes()
            };
            plant(name, &encode, "base64");
        }
    }
    let big_endian = |text: &str| text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
    plant("le".to_owned(), &|key| utf16le(&env(key)), "utf-16le");
    plant("le-bare".to_owned(), &|key| utf16le(&env(key))[2..].to_vec(), "utf-16le");
    plant("be".to_owned(), &|key| [&[0xfe, 0xff][..], &big_endian(&env(key))].concat(), "utf-16be");
    plant("be-bare".to_owned(), &|key| big_endian(&env(key)), "utf-16be");
    repo.commit_files(MAIN, files, &[], "A");
    let found = audit(&mut repo).complete();
    for (key, name, encoding) in all {
        assert!(found.has(&key), "{name}");
        let entry = &found.key(&key)["introductions"][0];
        assert_eq!((text(&entry["path"]), text(&entry["encoding"][0])), (name.as_str(), encoding));
    }
}

#[test]
fn the_names_of_files_and_folders_are_read() {
    //  A (<file key>.txt, dir-<folder key>/x, deep/<same file key>) ── B ()   main
    let (file, folder) = (live_key(440), test_key(441));
    let mut repo = Repo::bare();
    let paths = [format!("{file}.txt"), format!("dir-{folder}/x"), format!("deep/{file}")];
    let changes: Vec<(&str, Option<&str>)> = paths.iter().map(|path| (path.as_str(), Some("x\n"))).collect();
    let a = repo.commit_on(MAIN, &changes, "A");
    let gone: Vec<(&str, Option<&str>)> = paths.iter().map(|path| (path.as_str(), None)).collect();
    let b = repo.commit_on(MAIN, &gone, "B");
    let found = audit(&mut repo).complete();
    let names = [("A", a), ("B", b)];
    let key = found.key(&file);
    let hint = text(&key["hint"]);
    assert_eq!(
        entries(&key["introductions"], &names),
        [format!("A path deep/{hint} key"), format!("A path {hint}.txt key")]
    );
    assert_eq!(entries(&key["removals"], &names).len(), 2);
    let key = found.key(&folder);
    assert_eq!(entries(&key["introductions"], &names), [format!("A path dir-{} key", text(&key["hint"]))]);
    assert_eq!(key["introductions"][0]["line"], serde_json::Value::Null);
    assert_eq!(key["introductions"][0]["blob"], serde_json::Value::Null);
    assert_eq!(text(&key["exposure"]["end_reason"]), "removed");
}

#[test]
fn attributes_hide_nothing() {
    //  A (.gitattributes: everything binary, no diff, filtered, not exported; .env +)   main
    let key = live_key(442);
    let mut repo = Repo::bare();
    let attributes = "* -diff -text binary filter=hide export-ignore linguist-generated\n";
    repo.commit_on(MAIN, &[(".gitattributes", Some(attributes)), (".env", Some(&env(&key)))], "A");
    overwrite_in(&repo, "info/attributes", attributes);
    let found = audit(&mut repo).complete();
    assert_eq!(held(found.only(&key)), [MAIN]);
}

fn overwrite_in(repo: &Repo, name: &str, content: &str) {
    super::support::overwrite(&repo.git_directory().join(name), content.as_bytes());
}

#[test]
fn configuration_changes_nothing_and_runs_nothing() {
    //  A +   main      the configuration names programs, other folders, and hides refs; its own includes are read by none
    let key = live_key(443);
    let mut repo = Repo::with_work_tree();
    repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    repo.finish();
    let place = folder();
    let program = place.path().join("program");
    let trace = place.path().join("it-ran");
    std::fs::write(&program, format!("#!/bin/sh\ntouch '{}'\ncat\n", trace.display())).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let program = program.display();
    let config = format!(
        "[core]\n\trepositoryformatversion = 0\n\tbare = true\n\tworktree = /nowhere\n\tfsmonitor = {program}\n\
         \tpager = {program}\n\teditor = {program}\n\tsshCommand = {program}\n\thooksPath = {place}\n\
         \talternateRefsCommand = {program}\n\tprecomposeUnicode = true\n\
         [filter \"hide\"]\n\tclean = {program}\n\tsmudge = {program}\n[diff]\n\texternal = {program}\n\
         [alias]\n\tlog = !{program}\n[include]\n\tpath = {place}/missing\n[transfer]\n\thideRefs = refs/heads\n\
         [log]\n\texcludeDecoration = *\n[gc]\n\tauto = 1\n[uploadpack]\n\tpackObjectsHook = {program}\n",
        place = place.path().display()
    );
    overwrite_in(&repo, "config", &config);
    let found = audit(&mut repo_at(repo)).complete();
    assert_eq!(held(found.only(&key)), [MAIN]);
    assert!(!trace.exists(), "a program of the repository's ran");
}

/// Nothing is left to finish, so that git is not run with that configuration.
fn repo_at(repo: Repo) -> Repo {
    repo
}

#[test]
fn configuration_that_is_no_configuration_changes_nothing() {
    //  A +   main      config: rubbish; extensions that nobody knows; a version of the future
    let key = live_key(444);
    for config in [
        "[core\n\0\u{1}rubbish = = =\n[[[".to_owned(),
        "[core]\n\trepositoryformatversion = 1\n[extensions]\n\tunheardOf = true\n\tpartialClone = origin\n".to_owned(),
        "[core]\n\trepositoryformatversion = 99\n[extensions]\n\trefStorage = files\n".to_owned(),
        String::new(),
    ] {
        let mut repo = Repo::bare();
        repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
        repo.finish();
        overwrite_in(&repo, "config", &config);
        let found = super::support::audit_at(repo.path()).complete();
        assert_eq!(held(found.only(&key)), [MAIN], "{config}");
    }
}

#[test]
fn submodules_and_large_file_pointers_are_told_as_not_ours() {
    //  A (vendor/lib: a submodule, video.mp4: a pointer of Git LFS, .gitmodules)   main
    let mut repo = Repo::bare();
    let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 12\n", "0".repeat(64));
    let pointer = repo.blob(pointer);
    let modules = repo.blob("[submodule \"lib\"]\n\tpath = vendor/lib\n\turl = https://example.test/lib\n");
    let elsewhere = crate::common::fixture::objects::Oid([0x11; 20]);
    let files = Files::from([
        (b"vendor/lib".to_vec(), (Mode::Submodule, elsewhere)),
        (b"video.mp4".to_vec(), (Mode::File, pointer)),
        (b".gitmodules".to_vec(), (Mode::File, modules)),
    ]);
    repo.commit_files(MAIN, files, &[], "A");
    let found = audit(&mut repo).complete();
    assert_eq!(found.code, 0, "they are no gaps");
    assert_eq!(found.report["repositories"][0]["not_ours"], serde_json::json!({"submodules": 1, "lfs_pointers": 1}));
}
