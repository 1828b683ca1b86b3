//! The Python module that filter-repo's callbacks and the scripts call.

use super::Spelling;

/// A module for filter-repo's callbacks: names, paths and refs, files that git takes for binary, and spellings that go
/// over lines are none of `--replace-text`'s business.
pub(super) fn module(spellings: &[Spelling], hidden: &[Spelling]) -> String {
    let bytes = |text: &[u8]| text.iter().map(|byte| format!("\\x{byte:02x}")).collect::<String>();
    let pairs = |spellings: &[Spelling]| -> String {
        let pair = |Spelling { from, to }: &Spelling| format!("    (b\"{}\", b\"{}\"),\n", bytes(from), bytes(to));
        spellings.iter().map(pair).collect()
    };
    format!("{MODULE_HEAD}SPELLINGS = [\n{}]\nHIDDEN = [\n{}]\n{MODULE}", pairs(spellings), pairs(hidden))
}

const MODULE_HEAD: &str = "\
# Written by clerk-audit purge-plan. This file has keys in it: destroy it when the history is clean.
";

/// Refs that came since the plan was made may have names that become one, and filter-repo would drop one of them in
/// silence. They may have keys that nobody knows yet, too, which are told by how they look.
///
/// Spellings are written over as [`Cleaner`](super::Cleaner) does it. A file that is to be dropped is taken away by each commit that
/// has it: filter-repo's own `--strip-blobs-with-ids` leaves such a change out, and where an older version stood before it, that
/// stands on.
const MODULE: &str = r#"import bisect
import functools
import os
import re
import signal
import sys

REFS = {}
DROPPED = set()
LOOKS = re.compile(rb"(whsec_)[A-Za-z0-9+/]{16,}|(_[A-Za-z0-9]{4})[A-Za-z0-9]{16,}([A-Za-z0-9]{4})")


def writer_over(spellings):
    shortest = min((len(old) for old, _ in spellings), default=0)
    turns, seconds = {}, {}
    for turn, (old, _) in enumerate(spellings):
        turns.setdefault(old[:shortest], []).append(turn)
        seconds.setdefault(old[0], set()).add(old[1])
    one_of = lambda some: b"[" + b"".join(b"\\x%02x" % byte for byte in some) + b"]"
    begins = re.compile(b"|".join(one_of([byte]) + b"(?=" + one_of(some) + b")" for byte, some in seconds.items()))

    def write_over(text):
        found = [
            (turn, it.start())
            for it in begins.finditer(text)
            for turn in turns.get(text[it.start() : it.start() + shortest], ())
            if text.startswith(spellings[turn][0], it.start())
        ]
        taken = []
        # Where two overlap, that stays whose turn is later.
        for turn, at in sorted(found):
            place = bisect.bisect(taken, (at + len(spellings[turn][0]),))
            if place == 0 or taken[place - 1][0] + len(spellings[taken[place - 1][1]][0]) <= at:
                taken.insert(place, (at, turn))
        written, rest = [], 0
        for at, turn in taken:
            written += [text[rest:at], spellings[turn][1]]
            rest = at + len(spellings[turn][0])
        return b"".join(written) + text[rest:] if taken else text

    return write_over if spellings else lambda text: text


def as_long(old, new):
    return new if len(new) == len(old) else ((new + b"**") * len(old))[: len(old)]


clean = writer_over(SPELLINGS)
# In what is no text, as long as what was there: lengths and places in it stay right.
clean_binary = writer_over([(old, as_long(old, new)) for old, new in SPELLINGS])
hide_known = writer_over(HIDDEN)


def hide(text):
    return LOOKS.sub(lambda it: (it[1] or it[2]) + b"\xe2\x80\xa6" + (it[3] or b""), hide_known(text))


def clean_lines():
    # Whoever is stopped has something to say before it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for line in sys.stdin.buffer:
        sys.stdout.buffer.write(hide(clean(line)))
        sys.stdout.buffer.flush()


@functools.lru_cache(maxsize=None)
def to_drop():
    with open(os.path.join(os.environ["CLERK_PURGE_PLAN"], "strip-blobs.txt"), "rb") as ids:
        return frozenset(ids.read().split())


def clean_file(blob):
    if blob.original_id in to_drop():
        DROPPED.add(blob.id)
        blob.data = b""
    else:
        blob.data = (clean_binary if b"\0" in blob.data[:8192] else clean)(blob.data)


def clean_commit(commit):
    for change in commit.file_changes:
        if change.type == b"M" and change.blob_id in DROPPED:
            change.type = b"D"
    commit.encoding = commit.encoding and clean(commit.encoding)


def clean_ref(name):
    new = clean(name)
    if new != name and REFS.setdefault(new, name) != name:
        raise SystemExit("two refs would become one: rename one of those that become " + new.decode(errors="replace"))
    return new
"#;
