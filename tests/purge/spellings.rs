//! Spellings of which no list has all, and what cannot be written over.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clerk_audit::key::KeyText;
use clerk_audit::model::ObjectType;
use clerk_audit::purge::{Cleaner, Leak, files};

use crate::common::fixture::Repo;
use crate::common::fixture::objects::{Commit, Files, Mode};
use crate::common::run::Audit;
use crate::common::secrets::{Alphabet, Padding, base64, live_key, publishable_key, test_key, utf16le};
use crate::{Case, MAIN, can_rewrite, git_in, percent, removed};

/// Base64 on lines of so many characters.
fn wrapped(text: &str, width: usize) -> String {
    let encoded = base64(text.as_bytes(), Alphabet::Standard, Padding::Full);
    encoded.as_bytes().chunks(width).map(|line| format!("{}\n", String::from_utf8_lossy(line))).collect()
}

/// The file that Clerk's keyless mode writes.
fn keyless(secret: &str) -> String {
    let address = "https://dashboard.clerk.com/apps";
    format!(
        "{{\"publishableKey\":\"{}\",\"secretKey\":\"{secret}\",\"claimUrl\":\"{address}/claim?token={}\",\
         \"apiKeysUrl\":\"{address}/app_{}/instances/ins_{}/api-keys\"}}\n",
        publishable_key("happy-cat-12.clerk.accounts.dev"),
        "3kq9zt1mfa8w0yh2vx7cgj5rlb6pn4desou1aq7z",
        "2abcdefghijklmnopqrstuvwxyz",
        "2bcdefghijklmnopqrstuvwxyza",
    )
}

/// Keys in spellings of which no list has all, in files, messages and names.
fn plant_odd_spellings() -> (Repo, Vec<String>) {
    let keys: Vec<String> = (0..10).map(|seed| live_key(9150 + seed)).collect();
    let mixed = |key: &str| -> String {
        let digits = key.bytes().enumerate();
        digits.map(|(at, byte)| if at % 2 == 0 { format!("{byte:02x}") } else { format!("{byte:02X}") }).collect()
    };
    let around = "some text before it that is long enough to go over a line, and then K=";
    let keyless = keyless(&keys[3]);
    let mut repo = Repo::bare();
    let readme = format!("# Docs\n\nSee https://example.test/?k={}&x=1\n", keys[2].replace('_', "%5F"));
    repo.commit_on(
        MAIN,
        &[
            ("wrapped.txt", Some(&wrapped(&format!("{around}{}\nand some more behind\n", keys[0]), 64))),
            ("mixed.txt", Some(&format!("{}\n", mixed(&keys[1])))),
            ("README.md", Some(&readme)),
            (".clerk/.tmp/keyless.json", Some(&keyless)),
        ],
        "Files",
    );
    let spaced: Vec<String> = keys[6].bytes().map(|byte| format!("{byte:02x}")).collect();
    repo.commit_on(MAIN, &[("m1", Some("1\n"))], &format!("Percent\n\n{}\n", percent(&keys[4])));
    repo.commit_on(MAIN, &[("m2", Some("1\n"))], &format!("Wrapped\n\n{}", wrapped(&format!("abc={}", keys[5]), 40)));
    repo.commit_on(MAIN, &[("m3", Some("1\n"))], &format!("Hex\n\n{}\n", spaced.join(" ")));
    repo.commit_on(MAIN, &[(&format!("dir/{}", percent(&keys[7])), Some("1\n"))], "A name");
    let files = repo.files_at(MAIN);
    let tree = repo.tree(&files);
    let parent = repo.commit_on(MAIN, &[("only.gz.b64", Some("x\n"))], "Before");
    let empty = repo.commit(&Commit::new(tree, &[parent], 1_704_100_000, "Release: nothing changed"));
    let empty = repo.commit(&Commit::new(tree, &[empty], 1_704_100_001, "Release: nothing changed again"));
    repo.set_ref(MAIN, empty);
    // Tags of a file and of a directory: no rewrite of commits goes over these.
    let blob = repo.blob(format!("K={}\n", keys[8]));
    repo.set_ref("refs/tags/of-a-file", blob);
    let inner = repo.blob(format!("K={}\n", keys[9]));
    let tree = repo.tree(&Files::from([(b"a".to_vec(), (Mode::File, inner))]));
    repo.set_ref("refs/tags/of-a-directory", tree);
    let clean = repo.blob("clean\n");
    repo.set_ref("refs/tags/of-a-clean-file", clean);
    repo.finish();
    (repo, keys)
}

#[test]
fn what_no_list_of_spellings_has_is_cleaned_as_it_stands_or_dropped_and_told() {
    if !can_rewrite() {
        return;
    }
    let (repo, keys) = plant_odd_spellings();
    let case = Case::of(&[repo.path()]);
    let run = case.plan(&[]);
    assert_eq!(run.code, Some(0), "{}", run.errors());
    let told = run.errors();
    assert!(told.contains("refs/tags/of-a-file") && told.contains("refs/tags/of-a-directory"), "{told}");
    assert!(!told.contains("of-a-clean-file") && told.contains("strip-blobs.txt"), "{told}");
    let (work, said) = case.rewrite(1);
    assert!(said.contains("No Clerk secret key found"), "{said}");
    let text = |name: &str| git_in(&work, &["show", &format!("main:{name}")]);
    assert_eq!(text("README.md"), format!("# Docs\n\nSee https://example.test/?k={}&x=1\n", removed(&keys[2])));
    assert_eq!(text("mixed.txt"), format!("{}\n", removed(&keys[1])));
    assert!(text("wrapped.txt").contains(&removed(&keys[0])));
    let files = git_in(&work, &["ls-tree", "-r", "--name-only", "main"]);
    assert!(files.contains(&format!("dir/{}", removed(&keys[7]))) && !files.contains("keyless.json"), "{files}");
    let log = git_in(&work, &["log", "--format=%B", "main"]);
    for key in &keys[4..7] {
        assert!(log.contains(&removed(key)), "{log}");
    }
    // A commit that changes nothing is one that somebody made.
    assert!(log.contains("Release: nothing changed again"), "{log}");
    assert_eq!(git_in(&work, &["rev-list", "--count", "main"]), git_in(repo.path(), &["rev-list", "--count", "main"]));
    assert_eq!(git_in(&work, &["tag"]), "of-a-clean-file\n");
}

#[test]
fn the_module_writes_over_what_the_rehearsal_does() {
    if !can_rewrite() {
        return;
    }
    let random = &mut fastrand::Rng::with_seed(23);
    let letters = |random: &mut fastrand::Rng, from: std::ops::Range<usize>| -> Vec<u8> {
        (0..random.usize(from)).map(|_| *random.choice(b"xyz=\n").unwrap()).collect()
    };
    let keys: Vec<String> = (0..40).map(|seed| live_key(9190 + seed)).collect();
    let leaks: Vec<Leak> = keys
        .iter()
        .map(|key| Leak {
            text: KeyText::new(key.as_bytes()),
            // Spellings that overlap in each other, and over line ends, whose turn is later.
            written: (0..3).map(|_| letters(random, 2..8)).collect(),
            packed: Vec::new(),
        })
        .collect();
    let cleaner = Cleaner::of(&leaks);
    let texts: Vec<Vec<u8>> = (0..400)
        .map(|_| {
            let pieces = (0..random.usize(..6)).map(|_| match random.usize(..4) {
                0 => random.choice(&keys).unwrap().as_bytes().to_vec(),
                1 => utf16le(random.choice(&keys).unwrap()),
                2 => {
                    let text = [letters(random, 0..3).as_slice(), random.choice(&keys).unwrap().as_bytes()].concat();
                    base64(&text, Alphabet::Standard, Padding::None).into_bytes()
                }
                _ => letters(random, 0..30),
            });
            pieces.collect::<Vec<_>>().concat()
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    for file in files(&leaks, &[], &[]) {
        std::fs::write(folder.path().join(file.name), file.content).unwrap();
    }
    // As filter-repo hands over a file: its content, and by what it is known.
    let call = "
import sys, types, clerk_purge
for line in sys.stdin:
    text = bytes.fromhex(line)
    file = types.SimpleNamespace(data=text, id=1, original_id=b'1' * 40)
    clerk_purge.clean_file(file)
    print(clerk_purge.clean(text).hex(), file.data.hex(), sep='.')
";
    let mut python = Command::new("python3")
        .args(["-c", call])
        .current_dir(folder.path())
        .env("CLERK_PURGE_PLAN", folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let hex = |text: &[u8]| -> String { text.iter().map(|byte| format!("{byte:02x}")).collect() };
    let lines: String = texts.iter().map(|text| format!("{}\n", hex(text))).collect();
    let mut input = python.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()).unwrap());
    let output = python.wait_with_output().unwrap();
    writer.join().unwrap();
    let cleaned = String::from_utf8(output.stdout).unwrap();
    assert_eq!(cleaned.lines().count(), texts.len());
    let (mut changed, mut binary) = (0, 0);
    for (text, cleaned) in texts.iter().zip(cleaned.lines()) {
        let expected = [cleaner.clean(text), cleaner.clean_in(ObjectType::Blob, text)];
        assert_eq!(expected.each_ref().map(|text| hex(text)).join("."), cleaned, "{}", String::from_utf8_lossy(text));
        changed += usize::from(*text != expected[0]);
        if expected[0] != expected[1] {
            assert_eq!(expected[1].len(), text.len());
            binary += 1;
        }
    }
    assert!(changed > 200 && binary > 50, "{changed} {binary}");
}

#[test]
fn a_plan_for_many_keys_takes_as_long_as_they_are_many() {
    let mut repo = Repo::bare();
    let texts: Vec<(String, String)> = (0..1500)
        .map(|seed| (format!("d{}/{seed}.env", seed % 20), format!("K={}\n", live_key(700_000 + seed))))
        .collect();
    let files: Vec<(&str, Option<&str>)> =
        texts.iter().map(|(path, text)| (path.as_str(), Some(text.as_str()))).collect();
    repo.commit_on(MAIN, &files, "Many");
    repo.finish();
    let case = Case::of(&[repo.path()]);
    let begun = Instant::now();
    assert_eq!(case.plan(&[]).code, Some(0));
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn a_commit_whose_only_file_is_dropped_stays() {
    if !can_rewrite() {
        return;
    }
    let key = live_key(9170);
    let mut repo = Repo::bare();
    let packed = base64(
        base64(format!("x={key}").as_bytes(), Alphabet::Standard, Padding::Full).as_bytes(),
        Alphabet::Standard,
        Padding::Full,
    );
    let content = [b"\0\x01".as_slice(), packed.as_bytes()].concat();
    let blob = repo.blob(content);
    let first =
        repo.commit_files(MAIN, Files::from([(b"only.bin".to_vec(), (Mode::File, blob))]), &[], "Only an archive");
    repo.set_ref("refs/tags/v1", first);
    repo.finish();
    let case = Case::of(&[repo.path()]);
    let run = case.plan(&[]);
    assert_eq!(run.code, Some(0), "{}", run.errors());
    assert!(run.errors().contains("1 version of a file is dropped"), "{}", run.errors());
    let (work, _) = case.rewrite(1);
    assert_eq!(git_in(&work, &["log", "--format=%s", "main"]), "Only an archive\n");
    assert_eq!(git_in(&work, &["tag"]), "v1\n");
}

#[test]
fn what_will_be_left_is_told_beforehand() {
    if !can_rewrite() {
        return;
    }
    let mut repo = Repo::bare();
    let commit = repo.commit_on(MAIN, &[("a", Some("1\n"))], &format!("A file\n\n{}\n", keyless(&test_key(9171))));
    repo.finish();
    let case = Case::of(&[repo.path()]);
    let run = case.plan(&[]);
    assert_eq!(run.code, Some(3), "{}", run.errors());
    let commit = format!("the commit {}", &commit.to_string()[..12]);
    assert!(run.errors().contains("a key will be left") && run.errors().contains(&commit), "{}", run.errors());
    let (_, is_clean, said) = case.try_to_rewrite(1);
    assert!(!is_clean, "{said}");
}

#[test]
fn of_files_that_are_too_large_to_be_tried_out_only_what_is_surely_written_over_is_kept() {
    let keys: Vec<String> = (0..4).map(|seed| live_key(9180 + seed)).collect();
    let filler = "const n = 1;\n".repeat(100_000);
    let digits = keys[1].bytes().enumerate();
    let mixed: String =
        digits.map(|(at, byte)| if at % 2 == 0 { format!("{byte:02x}") } else { format!("{byte:02X}") }).collect();
    let wide: Vec<u8> = format!("{filler}K={}\n", keys[3]).encode_utf16().flat_map(u16::to_le_bytes).collect();
    let json = format!("some json before it {{\"CLERK_SECRET_KEY\":\"{}\"}} and some behind\n", keys[0]);
    let texts = [
        format!("{filler}\n{}\n", wrapped(&json, 40)).into_bytes(),
        format!("{filler}\n{mixed}\n").into_bytes(),
        format!("{filler}K={}\n", keys[2]).into_bytes(),
        [b"\xff\xfe".as_slice(), &wide].concat(),
    ];
    let mut repo = Repo::bare();
    let blobs = texts.map(|text| repo.blob(text));
    let files: Files =
        blobs.iter().enumerate().map(|(at, blob)| (at.to_string().into_bytes(), (Mode::File, *blob))).collect();
    repo.commit_files(MAIN, files, &[], "Large ones");
    repo.finish();
    let place = tempfile::tempdir().unwrap();
    let case = Case { report: place.path().join("report.json"), place };
    let audit = Audit::new(&["history", "--max-memory", "2M", "--format", "json", "--output"]).and(&case.report);
    assert_eq!(audit.and(repo.path()).run().code, Some(1));
    let run = case.plan(&[]);
    assert_eq!(run.code, Some(0), "{}", run.errors());
    let dropped = std::fs::read_to_string(case.to().join("1-repository/strip-blobs.txt")).unwrap();
    let is_dropped = blobs.map(|blob| dropped.contains(&blob.to_string()));
    assert_eq!(is_dropped, [true, true, false, false], "{dropped}");
    assert!(run.errors().contains("2 versions of files are dropped"), "{}", run.errors());
    if can_rewrite() {
        let (_, said) = case.rewrite(1);
        assert!(said.contains("Clean.\n"), "{said}");
    }
}

/// Archives in which a key stands in clear, as Python makes them of what it reads.
fn uncompressed(form: &str, key: &str) -> Vec<u8> {
    const MADE: &str = "
import io, sys, tarfile, zipfile
key, out = sys.stdin.buffer.read(), io.BytesIO()
if sys.argv[1] == 'zip':
    with zipfile.ZipFile(out, 'w', zipfile.ZIP_STORED) as made:
        made.writestr('.env', key)
else:
    with tarfile.open(fileobj=out, mode='w') as made:
        one = tarfile.TarInfo('.env')
        one.size = len(key)
        made.addfile(one, io.BytesIO(key))
sys.stdout.buffer.write(out.getvalue())
";
    let mut python = Command::new("python3");
    python.args(["-c", MADE, form]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut python = python.spawn().unwrap();
    python.stdin.take().unwrap().write_all(format!("K={key}\n").as_bytes()).unwrap();
    python.wait_with_output().unwrap().stdout
}

#[test]
fn archives_in_which_a_key_stands_in_clear_are_dropped_and_not_damaged() {
    if !can_rewrite() {
        return;
    }
    let keys = [live_key(9360), live_key(9361), live_key(9362)];
    let mut repo = Repo::bare();
    let mut files = Files::new();
    for (name, content) in [
        ("a.zip", uncompressed("zip", &keys[0])),
        ("a.tar", uncompressed("tar", &keys[1])),
        // Binary, and none.
        ("data", [b"\0\x01\x02", keys[2].as_bytes(), b"\0"].concat()),
    ] {
        assert!(content.windows(50).any(|text| keys.iter().any(|key| key.as_bytes() == text)));
        files.insert(name.into(), (Mode::File, repo.blob(content)));
    }
    let tree = repo.tree(&files);
    let tip = repo.commit(&Commit::new(tree, &[], 1_704_000_000, "Archives"));
    repo.set_ref(MAIN, tip);
    repo.finish();
    let case = Case::of(&[repo.path()]);
    let run = case.plan(&[]);
    assert_eq!(run.code, Some(0), "{}", run.errors());
    assert!(run.errors().contains("2 versions of files are dropped whole"), "{}", run.errors());
    let stripped = std::fs::read_to_string(case.to().join("1-repository/strip-blobs.txt")).unwrap();
    assert_eq!(stripped.lines().count(), 2);
    let (work, said) = case.rewrite(1);
    assert!(said.contains("Clean."), "{said}");
    assert_eq!(git_in(&work, &["ls-tree", "--name-only", "main"]), "data\n");
}
