//! What a push asks for: the lines that git writes to its hooks.
//!
//! Everything in them is the client's claim. Old ids are never trusted and names may hold any byte but a line feed and
//! NUL; names with a line feed in them arrive as lines of their own, and an input that a shell's `echo` has cut ends
//! without a line feed.

use crate::model::{ObjectFormat, Oid};

/// One ref that is to be made, moved or deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefUpdate {
    /// What the client says that it names now; nothing for a ref that is to be made.
    pub old: Option<Oid>,
    /// What it is to name; nothing for one that is to go.
    pub new: Option<Oid>,
    /// Its name, without the namespace.
    pub name: Vec<u8>,
}

/// Why standard input is not what git writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedInput {
    /// There is none.
    #[error("standard input names no ref update")]
    Empty,
    /// It ends in the middle of a line.
    #[error("standard input does not end with a line feed: something between git and the hook has cut it")]
    Unended,
    /// It names deletions and no more, and git took objects in, which it does for other pushes only: a shell's `echo`
    /// can cut it behind a line feed that it made of a name.
    #[error("standard input only deletes refs, but objects came along: something between git and the hook has cut it")]
    Cut,
    /// It had no end by the time that the hook had to end: nobody knows what else was to come.
    #[error("standard input did not end: whatever calls the hook must close it behind the last ref update")]
    Open,
    /// It has more than any push.
    #[error("standard input names more ref updates than there is room for: push them in parts")]
    Long,
    /// It cannot be read.
    #[error("standard input cannot be read")]
    Unreadable,
    /// The hook that runs next could not be given it.
    #[error("standard input could not be written to the file in which the next hook is to find it")]
    NotKept,
    /// The arguments of a hook for one ref are not its name and its ids.
    #[error("the hook's arguments are no ref and no two ids")]
    Arguments,
    /// A line is not `<old> SP <new> SP <ref>`.
    #[error("line {0} of standard input is no ref update")]
    Line(usize),
}

/// Parses standard input whole.
///
/// # Errors
/// Where anything of it is not as git writes it.
pub fn parse(input: &[u8], format: ObjectFormat) -> Result<Vec<RefUpdate>, MalformedInput> {
    if input.is_empty() {
        return Err(MalformedInput::Empty);
    }
    let Some(lines) = input.strip_suffix(b"\n") else { return Err(MalformedInput::Unended) };
    let parsed = lines.split(|byte| *byte == b'\n').enumerate();
    parsed.map(|(at, line)| parse_line(line, format).ok_or(MalformedInput::Line(at + 1))).collect()
}

fn parse_line(line: &[u8], format: ObjectFormat) -> Option<RefUpdate> {
    let digits = format.raw_len() * 2;
    let id = |from: usize| {
        let oid = Oid::from_hex(line.get(from..from + digits)?)?;
        (line.get(from + digits) == Some(&b' ')).then_some(oid)
    };
    let (old, new) = (id(0)?, id(digits + 1)?);
    let name = line.get(digits * 2 + 2..).filter(|name| !name.is_empty() && !name.contains(&0))?;
    Some(RefUpdate::new(old, new, name))
}

impl RefUpdate {
    /// An update from one id to another, either of them all-zero where there is none.
    pub fn new(old: Oid, new: Oid, name: &[u8]) -> Self {
        let there = |oid: Oid| (!oid.is_zero()).then_some(oid);
        Self { old: there(old), new: there(new), name: name.to_vec() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(old: char, new: char, name: &str) -> String {
        format!("{} {} {name}\n", old.to_string().repeat(40), new.to_string().repeat(40))
    }

    #[test]
    fn every_line_is_an_update() {
        let input =
            line('0', 'a', "refs/heads/a b") + &line('1', '0', "refs/heads/gone") + &line('1', '2', "x\u{7f}\\c");
        let updates = parse(input.as_bytes(), ObjectFormat::Sha1).unwrap();
        assert_eq!(updates.len(), 3);
        assert_eq!((updates[0].old, updates[0].name.as_slice()), (None, &b"refs/heads/a b"[..]));
        assert_eq!(updates[1].new, None);
        assert!(updates[2].old.is_some() && updates[2].new.is_some());
    }

    #[test]
    fn whatever_git_would_not_write_is_refused() {
        let good = line('1', '2', "refs/heads/a");
        for (input, why) in [
            (String::new(), MalformedInput::Empty),
            (good.trim_end().to_owned(), MalformedInput::Unended),
            (good.clone() + "\n", MalformedInput::Line(2)),
            (good.replace("refs/heads/a", ""), MalformedInput::Line(1)),
            (good.clone() + &good[1..], MalformedInput::Line(2)),
            (good.replace(' ', "\t"), MalformedInput::Line(1)),
            (good.replace("2 ", "g "), MalformedInput::Line(1)),
            (good.replace("/a", "/\0"), MalformedInput::Line(1)),
        ] {
            assert_eq!(parse(input.as_bytes(), ObjectFormat::Sha1), Err(why), "{input:?}");
        }
        assert_eq!(parse(good.as_bytes(), ObjectFormat::Sha256), Err(MalformedInput::Line(1)));
    }
}
