//! What a person has to know of a plan.

use crate::model::shell_word;

/// What a person has to know, beside the commands. It has no key in it. The folder is named whole: what destroys it
/// must do nothing to another, wherever it is typed.
pub fn readme(folder: &str) -> String {
    README.replace("FOLDER", &shell_word(folder))
}

const README: &str = "\
# Purge plan

**The files here have keys in them.** The folder is yours alone (0700, files 0600). Do not commit, mail or copy it.
Destroy it when you are done:

    find FOLDER -type f -exec shred -u {} + && rm -r -- FOLDER

(`shred` does nothing for copies that a file system, a snapshot or a backup keeps.)

`clerk_purge.py` has the keys that the report knows and that stay, too: so that no script here says one.

**Delete the keys in Clerk first.** Cleaning a history is tidying, not protection: whoever has the key has it.

## For each folder

In this order. URL is the repository on the server, as `git clone` takes it: a clone of it is no source, since what a clone
has of others' branches is as old as its last fetch.

1. Everyone pushes what they have. Then close the server for pushes.
2. `sh NAME/commands.sh NEW-DIRECTORY URL`: clones a fresh mirror, notes what its refs name, rewrites it with
   `git filter-repo`, and audits it. It ends with an error unless the audit is clean, and then nothing of it is published.
   Without URL the mirror is made of the audited repository itself: right where that is the server's own.
3. Look at what changed: `git --git-dir=NEW-DIRECTORY log --all --stat`.
4. `sh NAME/publish.sh NEW-DIRECTORY URL`: compares what the server has now with what was noted, before it writes and in the
   connection in which it writes, and refuses where anybody has pushed meanwhile: begin anew at step 1 then, with another new
   directory. A repository with a work tree takes no push to the branch that is checked out there: it says what to do.
   Else it publishes everything, as `git push --mirror` does. Where the server refuses refs of its own
   (`refs/pull`, `refs/merge-requests`), run it again with `branches` behind the URL. Refs that stand directly under `refs/`
   (`refs/stash`) no push takes: where one was rewritten it publishes nothing, and says what to do. Do not push by hand: that
   compares nothing, and takes away what others pushed.
5. Everyone clones anew, and throws the old clone away. One that is pushed brings the key back: have a pre-receive hook
   refuse it. Then open the server.
6. Audit the server's repository again: `clerk-audit history`. Only that proves it.

With BFG instead, in a fresh mirror of the server's repository: `java -jar bfg.jar --replace-text NAME/bfg.txt
--strip-blobs-with-ids NAME/strip-blobs.txt --no-blob-protection --filter-content-size-threshold 1000M`, then
`git reflog expire --expire=now --all && git gc --prune=now`, and the audit of step 6. (Without that threshold it leaves
files of 1 MiB and more as they are.) It goes over files one line at a time, and over those alone that it takes for
text: it leaves a key that stands over several lines (wrapped base64, a string that goes on in the next line), in UTF-16
or in a binary file, and in messages, names and refs. Nothing compares what it publishes, either: prefer filter-repo,
which cleans or drops all of these. Else add the ids of the files that the audit still finds (`blob` in its JSON report)
to `strip-blobs.txt`, which drops them, and begin anew in a fresh mirror; what is left in messages, names and refs BFG
cannot clean.

In the place of each key stands `REMOVED-` and ten digits of its id, so that you can tell which it was, and so that no two
names become one. `strip-blobs.txt` names versions of files in which a key is packed (an archive) or spelt so that it cannot
be written over in its place: these are dropped from the history, not cleaned. In the commits that have such a version the file
is not there; where it is the newest one, commit the file anew without the key when all is published. `drop-refs.txt` names refs
that name a file or a directory with a key and no commit (tags of blobs and trees), which no rewrite goes over: these are
dropped. Where either is not empty, keep a copy of what you need of them. Commits that have nothing left in them stay, with
their message. Notes (`refs/notes`) go with the commits that they are of; in their own history they keep the old ids.

In a file that is no text (SQLite, a `.pyc`) the word is as long as the key was, so that all around it stays in its place. What such
a file has a checksum of (PNG does) is wrong all the same: look at those that `purge-plan` named, and make them anew.

Credentials that only a name tells (an encryption key, a webhook's secret) are written over wherever their value stands in a
spelling that is foreseen, and dropped where they are seen packed. Where the value of one stands without its name in an archive, or
spelt otherwise, no audit sees it: search for that as well.

## What else it changes

- **Signatures**: rewritten commits and tags lose them.
- **Commits**: headers beside people, parents and `encoding` are lost (`change-id`, what other tools left there). Messages keep their
  encoding; ids of commits in them become the new ones, and one with a NUL in it ends there.
- **People**: an author or a committer with neither a name nor an address becomes the other one, with that one's time.
- **Annotated tags**: the `tag` line becomes the name of the ref, where that was another, and one without a tagger gets
  `Unspecified Tagger`.
- **Directories**: empty ones, and modes that git no longer writes (100664), are lost.
- **Replaced commits** (`refs/replace`): history is rewritten as it is, and not as they show it. The refs are dropped.
- **Checksums** in files that are no text (PNG), as said above.

## What a rewrite cannot reach

- **Forks**: each has its own copy, and keeps serving it.
- **Pull and merge request refs** (`refs/pull/*`, `refs/merge-requests/*`): the server's own, not to be pushed to. Ask its
  operator to remove them.
- **Caches and views**: the server shows a commit by its id until it collects garbage. Ask for it.
- **Clones and worktrees** on people's machines, CI caches, mirrors, backups, and their stashes and reflogs.
- **Alternates**: a repository that borrows objects from this one, or lends it some, keeps them.
- **Git LFS, submodules, releases, packages, container images, logs, wikis**: stored elsewhere.
";
