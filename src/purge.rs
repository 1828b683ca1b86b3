//! The files by which keys are cleaned out of a history with `git filter-repo` or BFG.
//!
//! These are the one output of this program that has keys in it, on purpose; where they may be written is the command
//! line's to see to. Pure: texts in, files out. No key stands in a command: arguments are seen by everyone on a
//! machine, so commands name files.
//!
//! What can be written over in its place is: every spelling of a key whose length does not change. A file in which a
//! key is packed deeper (in an archive, say) is dropped from the history whole, by its blob's id.

use crate::key::KeyText;
use crate::model::Oid;

/// A key that is to go.
#[derive(Clone, Debug)]
pub struct Leak {
    /// Its text.
    pub text: KeyText,
    /// Blobs in which it is packed so that it cannot be written over.
    pub packed: Vec<Oid>,
}

/// Whether a key in these encodings, outermost first, is written over in its place; in any other it is packed too
/// deep, or may be spelt in ways that are not foreseen (a percent sign before any letter).
pub fn is_written_over(encoding: &[&str]) -> bool {
    matches!(encoding, [] | ["utf-16le" | "utf-16be" | "base64" | "hex"] | ["base64", "utf-16le"])
}

/// A file of a plan.
pub struct PlanFile {
    /// Its name.
    pub name: &'static str,
    /// What is in it.
    pub content: Vec<u8>,
}

/// One way in which a key can stand in a file, and what to put in its place: as long, so that nothing around it
/// moves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Spelling {
    from: Vec<u8>,
    to: Vec<u8>,
}

/// Every spelling of a key that is written over in its place.
fn spellings(key: &KeyText) -> Vec<Spelling> {
    let text = key.expose();
    let wide: Vec<u8> = text.iter().flat_map(|byte| [*byte, 0]).collect();
    // What both byte orders have in common: the characters with a NUL between each two.
    let core = &wide[..wide.len().saturating_sub(1)];
    let hex: String = text.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut all = vec![
        Spelling { from: text.to_vec(), to: b"***REMOVED***".to_vec() },
        Spelling {
            from: core.to_vec(),
            to: core.iter().enumerate().map(|(at, _)| if at % 2 == 0 { b'*' } else { 0 }).collect(),
        },
        Spelling { from: hex.to_uppercase().into_bytes(), to: vec![b'0'; hex.len()] },
        Spelling { to: vec![b'0'; hex.len()], from: hex.into_bytes() },
    ];
    for (plain, unit) in [(text, 1), (wide.as_slice(), 2)] {
        for alignment in 0..3 {
            // A wide character's first byte stands at every place in a group as well.
            let core = base64_core(plain, alignment);
            let url_safe: Vec<u8> = core
                .iter()
                .map(|byte| {
                    if *byte == b'+' {
                        b'-'
                    } else if *byte == b'/' {
                        b'_'
                    } else {
                        *byte
                    }
                })
                .collect();
            // Zeros in the place of sixes of bits: a wide text stays wide only by chance, and nobody reads it again.
            let filler = vec![if unit == 1 { b'Q' } else { b'A' }; core.len()];
            all.push(Spelling { from: url_safe, to: filler.clone() });
            all.push(Spelling { from: core, to: filler });
        }
    }
    all.sort_by(|a, b| b.from.len().cmp(&a.from.len()).then(a.cmp(b)));
    all.dedup();
    all
}

/// The base64 characters that are wholly determined by `text` when so many unknown bytes precede it in its group.
fn base64_core(text: &[u8], alignment: usize) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bit = |at: usize| (text[at / 8 - alignment] >> (7 - at % 8)) & 1;
    let (first, last) = (alignment * 8, (alignment + text.len()) * 8);
    (first.div_ceil(6)..last / 6)
        .map(|at| ALPHABET[(at * 6..at * 6 + 6).fold(0, |value, at| (value << 1) | usize::from(bit(at)))])
        .collect()
}

/// The files for one repository.
pub fn files(leaks: &[Leak]) -> Vec<PlanFile> {
    let mut spellings: Vec<Spelling> = leaks.iter().flat_map(|leak| spellings(&leak.text)).collect();
    spellings.sort_by(|a, b| b.from.len().cmp(&a.from.len()).then(a.cmp(b)));
    spellings.dedup();
    let mut packed: Vec<String> = leaks.iter().flat_map(|leak| &leak.packed).map(ToString::to_string).collect();
    packed.sort();
    packed.dedup();
    let line = |prefix: &[u8], spelling: &Spelling| [prefix, &spelling.from, b"==>", &spelling.to, b"\n"].concat();
    let expressions: Vec<u8> = spellings.iter().flat_map(|spelling| line(b"literal:", spelling)).collect();
    // BFG reads its file as text, and takes a line for literal as it is.
    let is_text = |spelling: &&Spelling| spelling.from.iter().all(u8::is_ascii_graphic);
    let bfg: Vec<u8> = spellings.iter().filter(is_text).flat_map(|spelling| line(b"", spelling)).collect();
    let ids: String = packed.iter().map(|id| format!("{id}\n")).collect();
    vec![
        PlanFile { name: "expressions.txt", content: expressions },
        PlanFile { name: "bfg.txt", content: bfg },
        PlanFile { name: "strip-blobs.txt", content: ids.into_bytes() },
        PlanFile { name: "clerk_purge.py", content: module(&spellings).into_bytes() },
    ]
}

/// A module for filter-repo's callbacks: names, paths and refs, and files that git takes for binary, are none of
/// `--replace-text`'s business.
fn module(spellings: &[Spelling]) -> String {
    let bytes = |text: &[u8]| text.iter().map(|byte| format!("\\x{byte:02x}")).collect::<String>();
    let pairs: String = spellings
        .iter()
        .map(|spelling| format!("    (b\"{}\", b\"{}\"),\n", bytes(&spelling.from), bytes(&spelling.to)))
        .collect();
    format!(
        "# Written by clerk-audit purge-plan. This file has keys in it: destroy it when the history is clean.\n\
         SPELLINGS = [\n{pairs}]\n\n\n\
         def clean(text):\n    for old, new in SPELLINGS:\n        text = text.replace(old, new)\n    return text\n\n\n\
         def clean_ref(name):\n    return clean(name).replace(b\"*\", b\"x\")\n"
    )
}

/// A text as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// A shell script that rewrites a fresh mirror of the repository and proves that it is clean. It has no key in it.
pub fn commands(repository: &str) -> String {
    let quoted = quoted(repository);
    format!(
        r#"#!/bin/sh
# Written by clerk-audit purge-plan. Run it as: sh commands.sh NEW-DIRECTORY
# It clones a mirror into NEW-DIRECTORY, rewrites that, and audits it. The repository itself is not touched.
set -eu
plan=$(cd "$(dirname "$0")" && pwd)
work=${{1:?name a new directory to work in}}
audit=${{CLERK_AUDIT:-clerk-audit}}
export CLERK_PURGE_PLAN="$plan"
git filter-repo --version >/dev/null 2>&1 || {{
  echo "git filter-repo is not installed: it is a package of that name, git-filter-repo" >&2
  exit 3
}}
call="import os, sys; sys.dont_write_bytecode = True; sys.path.insert(0, os.environ['CLERK_PURGE_PLAN']); import clerk_purge"
git clone --quiet --mirror --no-local {quoted} "$work"
cd "$work"
git filter-repo --force --quiet \
  --replace-text "$plan/expressions.txt" \
  --replace-message "$plan/expressions.txt" \
  --strip-blobs-with-ids "$plan/strip-blobs.txt" \
  --blob-callback "$call; blob.data = clerk_purge.clean(blob.data)" \
  --filename-callback "$call; return filename and clerk_purge.clean(filename)" \
  --name-callback "$call; return clerk_purge.clean(name)" \
  --email-callback "$call; return clerk_purge.clean(email)" \
  --refname-callback "$call; return clerk_purge.clean_ref(refname)"
git for-each-ref --format='%(refname)' refs/replace | while read -r name; do git update-ref -d "$name"; done
rm -rf filter-repo
git reflog expire --expire=now --all
git gc --quiet --prune=now
echo "Audit of the rewritten repository:"
"$audit" history .
echo "Clean. Now see README.md for how to publish it, and for what this cannot reach."
"#
    )
}

/// What a person has to know, beside the commands. It has no key in it. The folder is named whole: what destroys it
/// must do nothing to another, wherever it is typed.
pub fn readme(folder: &str) -> String {
    README.replace("FOLDER", &quoted(folder))
}

const README: &str = "\
# Purge plan

**The files here have keys in them.** The folder is yours alone (0700, files 0600). Do not commit, mail or copy it.
Destroy it when you are done:

    find FOLDER -type f -exec shred -u {} + && rm -r -- FOLDER

(`shred` does nothing for copies that a file system, a snapshot or a backup keeps.)

**Delete the keys in Clerk first.** Cleaning a history is tidying, not protection: whoever has the key has it.

## For each folder

1. Tell everyone to push what they have, and stop pushes.
2. `sh NAME/commands.sh NEW-DIRECTORY`: clones a mirror, rewrites it with `git filter-repo`, and audits it. It ends with
   an error unless the audit is clean.
3. Look at what changed, then publish: `git -C NEW-DIRECTORY push --mirror URL`. Servers refuse that for pull refs; push
   `'refs/heads/*' 'refs/tags/*'` by force there.
4. Everyone clones anew. An old clone that is pushed brings the key back: have a pre-receive hook refuse it.
5. Audit the server's repository again: `clerk-audit history`. Only that proves it.

With BFG instead, in a fresh mirror: `java -jar bfg.jar --replace-text NAME/bfg.txt --strip-blobs-with-ids
NAME/strip-blobs.txt --no-blob-protection --filter-content-size-threshold 1000M`, then `git reflog expire --expire=now
--all && git gc --prune=now`, and the audit of step 5. (Without that threshold it leaves files of 1 MiB and more as they
are.) It cleans files that are text, and no messages, names, refs or binary files: prefer filter-repo.

`strip-blobs.txt` names versions of files in which a key is packed (an archive) or spelt so that it cannot be written over
in its place (escapes, other encodings in each other, parts that are put together): these are dropped from the history,
not cleaned. Where it is not empty, keep a copy of what you need of them.

## What a rewrite cannot reach

- **Forks**: each has its own copy, and keeps serving it.
- **Pull and merge request refs** (`refs/pull/*`, `refs/merge-requests/*`): the server's own, not to be pushed to. Ask its
  operator to remove them.
- **Caches and views**: the server shows a commit by its id until it collects garbage. Ask for it.
- **Clones and worktrees** on people's machines, CI caches, mirrors, backups, and their stashes and reflogs.
- **Alternates**: a repository that borrows objects from this one, or lends it some, keeps them.
- **Git LFS, submodules, releases, packages, container images, logs, wikis**: stored elsewhere.
- **Signatures**: rewritten commits and tags lose them.
";

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> KeyText {
        let body = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789ZyXwVu";
        KeyText::new(format!("sk_{}_{body}", "live").as_bytes())
    }

    #[test]
    fn every_spelling_is_written_over_and_nothing_moves() {
        let all = spellings(&key());
        let raw = all.iter().find(|spelling| spelling.from == key().expose()).unwrap();
        assert_eq!(raw.to, b"***REMOVED***");
        for spelling in all.iter().filter(|spelling| *spelling != raw) {
            assert_eq!(spelling.from.len(), spelling.to.len());
            assert!(!spelling.from.contains(&b'\n'));
        }
        // Of base64 no more is left than the two ends that other bytes have a share in.
        let text = [b"ab".as_slice(), key().expose(), b"c"].concat();
        let encoded = base64_core(&text, 0);
        let clean = all.iter().fold(encoded.clone(), |text, spelling| replace(&text, &spelling.from, &spelling.to));
        assert!(clean.iter().filter(|byte| **byte == b'Q').count() >= 65, "{}", String::from_utf8_lossy(&clean));
    }

    fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
        match text.windows(from.len()).position(|window| window == from) {
            Some(at) => [&text[..at], to, &text[at + from.len()..]].concat(),
            None => text.to_vec(),
        }
    }

    #[test]
    fn commands_and_words_have_no_key_in_them() {
        let leak = Leak { text: key(), packed: vec![Oid::from_bytes(&[7; 20]).unwrap()] };
        let files = files(&[leak]);
        let holds = |bytes: &[u8]| bytes.windows(20).any(|window| key().expose()[10..].starts_with(window));
        let with: Vec<&str> = files.iter().filter(|file| holds(&file.content)).map(|file| file.name).collect();
        assert_eq!(with, ["expressions.txt", "bfg.txt"], "the module has them as escapes");
        assert!(files[2].content.starts_with(b"0707"));
        let script = commands("/srv/git/it's; rm -rf x");
        assert!(script.contains(r"'/srv/git/it'\''s; rm -rf x'"));
    }
}
