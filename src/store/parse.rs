//! Tolerant parsers of commits, trees and tags.
//!
//! git accepts by push what libgit2 refuses to parse (no committer, no address, a mode of seventeen bits): here
//! everything that can be read is, and what cannot is told. Nothing ends at a NUL. No parser recurses or allocates
//! more than its input.

use std::ops::Range;

use crate::model::{ObjectFormat, ObjectType, Oid};

/// A commit's parts, as ranges of its bytes.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// The tree, where the first line names one.
    pub tree: Option<Oid>,
    /// The parents, in order.
    pub parents: Vec<Oid>,
    /// The author line's value.
    pub author: Option<Range<usize>>,
    /// The committer line's value.
    pub committer: Option<Range<usize>>,
    /// The message.
    pub message: Range<usize>,
    /// Whether its tree or a parent could not be read, so that something may hang from it unseen.
    pub malformed: bool,
}

/// A tag's parts.
#[derive(Clone, Debug, Default)]
pub struct Tag {
    /// What it tags.
    pub target: Option<Oid>,
    /// The tagger line's value.
    pub tagger: Option<Range<usize>>,
    /// The message.
    pub message: Range<usize>,
}

/// One entry of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeEntry<'a> {
    /// Its mode, all of it.
    pub mode: u32,
    /// Its name.
    pub name: &'a [u8],
    /// The id it names.
    pub oid: Oid,
}

impl TreeEntry<'_> {
    /// Whether git takes it for a commit of another repository: a mode that is none of a file's, a link's or a
    /// directory's (git's `cache.h`, `canon_mode`).
    pub fn is_gitlink(&self) -> bool {
        !matches!(self.mode & 0o170_000, 0o100_000 | 0o120_000 | 0o040_000)
    }

    /// Whether its mode is a directory's.
    pub fn is_directory(&self) -> bool {
        self.mode & 0o170_000 == 0o040_000
    }

    /// Whether its mode is exactly a submodule's.
    pub fn is_submodule(&self) -> bool {
        self.mode & 0o170_000 == 0o160_000
    }
}

/// Parses a commit. Never fails: what is not there is `None` or empty.
///
/// As git does (`commit.c`, `parse_commit_buffer`): the first line is the tree, the lines right behind it are the parents, and
/// what looks like either further down is nothing.
pub fn commit(bytes: &[u8], format: ObjectFormat) -> Commit {
    let mut commit = Commit::default();
    let mut last_parent = 0;
    let end = headers(bytes, |number, name, value| match name {
        b"tree" if number == 0 => commit.tree = oid(&bytes[value], format),
        b"parent" if number == last_parent + 1 => {
            last_parent = number;
            match oid(&bytes[value], format) {
                Some(parent) => commit.parents.push(parent),
                None => commit.malformed = true,
            }
        }
        b"author" if commit.author.is_none() => commit.author = Some(value),
        b"committer" if commit.committer.is_none() => commit.committer = Some(value),
        _ => {}
    });
    commit.malformed |= commit.tree.is_none();
    commit.message = end..bytes.len();
    commit
}

/// Parses a tag.
pub fn tag(bytes: &[u8], format: ObjectFormat) -> Tag {
    let mut tag = Tag::default();
    let end = headers(bytes, |_, name, value| match name {
        b"object" if tag.target.is_none() => tag.target = oid(&bytes[value], format),
        b"tagger" if tag.tagger.is_none() => tag.tagger = Some(value),
        _ => {}
    });
    tag.message = end..bytes.len();
    tag
}

/// The type a tag says its target has.
pub fn type_of(name: &[u8]) -> Option<ObjectType> {
    match name {
        b"blob" => Some(ObjectType::Blob),
        b"tree" => Some(ObjectType::Tree),
        b"commit" => Some(ObjectType::Commit),
        b"tag" => Some(ObjectType::Tag),
        _ => None,
    }
}

/// Walks the header lines up to the first empty one, with the number of each from 0; where the message begins.
fn headers(bytes: &[u8], mut each: impl FnMut(usize, &[u8], Range<usize>)) -> usize {
    let (mut at, mut number) = (0, 0);
    while at < bytes.len() {
        let end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |found| at + found);
        let line = &bytes[at..end];
        if line.is_empty() {
            return end + 1;
        }
        // A line that begins with a space continues the header before it.
        if line[0] != b' '
            && let Some(space) = memchr::memchr(b' ', line)
        {
            each(number, &line[..space], at + space + 1..end);
        }
        at = end + 1;
        number += 1;
    }
    bytes.len()
}

fn oid(value: &[u8], format: ObjectFormat) -> Option<Oid> {
    Oid::from_hex(value.trim_ascii_end()).filter(|oid| oid.as_bytes().len() == format.raw_len())
}

/// Hands over a tree's entries; whether it could be read to its end.
pub fn tree<'a>(bytes: &'a [u8], format: ObjectFormat, mut each: impl FnMut(TreeEntry<'a>)) -> bool {
    let mut at = 0;
    while at < bytes.len() {
        let Some((entry, end)) = tree_entry(bytes, at, format) else { return false };
        each(entry);
        at = end;
    }
    true
}

/// The entry of a tree that begins at `at`, and where it ends; `None` where it cannot be read. What it is depends on its
/// own bytes alone.
pub fn tree_entry(bytes: &[u8], at: usize, format: ObjectFormat) -> Option<(TreeEntry<'_>, usize)> {
    let rest = bytes.get(at..)?;
    // A mode mostly has five or six digits: less than a call takes.
    let space = match rest.iter().take(8).position(|byte| *byte == b' ') {
        Some(space) => space,
        None => memchr::memchr(b' ', rest)?,
    };
    let nul = memchr::memchr(0, &rest[space..])? + space;
    let end = nul + 1 + format.raw_len();
    let oid = rest.get(nul + 1..end).and_then(Oid::from_bytes)?;
    let digits = &rest[..space];
    if space == 0 || !digits.iter().all(|digit| (b'0'..=b'7').contains(digit)) {
        return None;
    }
    // As git does, bits that do not fit are dropped.
    let mode = digits.iter().fold(0u32, |mode, digit| (mode << 3) | u32::from(digit - b'0')) & 0xffff;
    Some((TreeEntry { mode, name: &rest[space + 1..nul], oid }, at + end))
}

/// The parts of an author, committer or tagger line: `Name <address> seconds offset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ident<'a> {
    /// The name.
    pub name: &'a [u8],
    /// The address.
    pub email: &'a [u8],
    /// What stands behind.
    pub time: &'a [u8],
}

/// Splits such a line, from its end as git does; what is missing is empty.
pub fn ident(line: &[u8]) -> Ident<'_> {
    let Some(close) = memchr::memrchr(b'>', line) else {
        return Ident { name: line.trim_ascii(), email: b"", time: b"" };
    };
    let open = memchr::memchr(b'<', &line[..close]);
    let name = &line[..open.unwrap_or(0)];
    let email = &line[open.map_or(0, |open| open + 1)..close];
    Ident { name: name.trim_ascii(), email: email.trim_ascii(), time: line[close + 1..].trim_ascii() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_read_whatever_else_stands_in_it() {
        let one = "1".repeat(40);
        let text = format!(
            "tree {one}\nparent {one}\nauthor A <a@b> 1 +0000\ngpgsig x\n y\n parent {one}\ncommitter\n\nsub\0ject\n\nbody"
        );
        let commit = commit(text.as_bytes(), ObjectFormat::Sha1);
        assert_eq!(commit.tree, Oid::from_hex(one.as_bytes()));
        assert_eq!(commit.parents.len(), 1);
        assert_eq!(&text[commit.author.unwrap()], "A <a@b> 1 +0000");
        assert_eq!(commit.committer, None);
        assert_eq!(&text[commit.message], "sub\0ject\n\nbody");
        assert!(!commit.malformed);
        assert!(super::commit(b"", ObjectFormat::Sha1).malformed);
        assert!(super::commit(b"tree xyz\nparent abc", ObjectFormat::Sha1).malformed);
    }

    #[test]
    fn parents_are_those_that_git_counts() {
        let (one, two) = ("1".repeat(40), "2".repeat(40));
        for (text, parents) in [
            (format!("tree {one}\nparent {one}\nparent {two}\nauthor A\n"), 2),
            (format!("tree {one}\nauthor A\nparent {one}\n\nx"), 0),
            (format!("tree {one}\nparent {two}\nodd header\nparent {one}\n"), 1),
            (format!("tree {one}\nparent {two}\n on\nparent {one}\n"), 1),
            (format!("tree {one}\nodd\nparent {one}\n"), 0),
            // Text that looks like a header, where no empty line parts it.
            (format!("tree {one}\nparent {two}\ntree {two}\nparent of all\n"), 1),
        ] {
            let commit = commit(text.as_bytes(), ObjectFormat::Sha1);
            assert_eq!((commit.parents.len(), commit.malformed), (parents, false), "{text}");
            assert_eq!(commit.tree, Oid::from_hex(one.as_bytes()), "{text}");
        }
        assert!(super::commit(format!("parent {one}\ntree {one}\n").as_bytes(), ObjectFormat::Sha1).malformed);
    }

    #[test]
    fn a_tree_is_read_up_to_where_it_breaks() {
        let mut bytes = b"100644 a\0".to_vec();
        bytes.extend([7; 20]);
        bytes.extend(b"1100644 odd\0");
        bytes.extend([8; 20]);
        let mut modes = Vec::new();
        assert!(tree(&bytes, ObjectFormat::Sha1, |entry| modes.push((entry.mode, entry.name.to_vec()))));
        assert_eq!(modes, [(0o100_644, b"a".to_vec()), (0o100_644, b"odd".to_vec())]);
        bytes.extend(b"40000 cut\x00123");
        let mut count = 0;
        assert!(!tree(&bytes, ObjectFormat::Sha1, |_| count += 1));
        assert_eq!(count, 2);
    }

    #[test]
    fn idents_are_split_from_their_end() {
        let parts = ident(b"A > B <a@b> 1700000000 +0100");
        assert_eq!((parts.email, parts.time), (&b"a@b"[..], &b"1700000000 +0100"[..]));
        assert_eq!(ident(b"nobody"), Ident { name: b"nobody", email: b"", time: b"" });
        assert_eq!(ident(b"> x"), Ident { name: b"", email: b"", time: b"x" });
    }
}
