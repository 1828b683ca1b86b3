//! A text that git could not merge, taken apart into the two that it was to be merged of.

/// The marks that git puts around what both sides changed (git-merge-file(1)), each with a name behind it or none.
const OURS: &str = "<<<<<<<";
const BASE: &str = "|||||||";
const BETWEEN: &str = "=======";
const THEIRS: &str = ">>>>>>>";

/// Which side a line belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Both,
    Ours,
    Base,
    Theirs,
}

/// The two sides of a text with git's marks in it; `None` where it has none.
///
/// What stood there before (`merge.conflictStyle` of diff3) is in neither: marks of an earlier merge can stand in it.
///
/// # Errors
/// Where the marks are not in the order in which git writes them: somebody was at work there.
pub(super) fn sides(text: &str) -> Result<Option<[String; 2]>, ()> {
    if !text.lines().any(|line| is_mark(line, OURS) || is_mark(line, THEIRS)) {
        return Ok(None);
    }
    let (mut ours, mut theirs) = (String::new(), String::new());
    let mut side = Side::Both;
    for line in text.lines() {
        side = match side {
            Side::Both if is_mark(line, OURS) => Side::Ours,
            Side::Ours if is_mark(line, BASE) => Side::Base,
            Side::Ours | Side::Base if is_mark(line, BETWEEN) => Side::Theirs,
            Side::Theirs if is_mark(line, THEIRS) => Side::Both,
            Side::Both | Side::Ours | Side::Theirs
                if [OURS, BASE, BETWEEN, THEIRS].iter().any(|mark| is_mark(line, mark)) =>
            {
                return Err(());
            }
            side => {
                for (text, other) in [(&mut ours, Side::Theirs), (&mut theirs, Side::Ours)] {
                    if side != other && side != Side::Base {
                        text.push_str(line);
                        text.push('\n');
                    }
                }
                side
            }
        };
    }
    if side == Side::Both { Ok(Some([ours, theirs])) } else { Err(()) }
}

fn is_mark(line: &str, mark: &str) -> bool {
    line.strip_prefix(mark).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\r']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_is_what_it_was() {
        assert_eq!(sides("a\nb\n"), Ok(None));
        let two = |ours: &str, theirs: &str| Ok(Some([ours.to_owned(), theirs.to_owned()]));
        let text = "a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> other\nd\n";
        assert_eq!(sides(text), two("a\nb\nd\n", "a\nc\nd\n"));
        let with_base =
            "a\n<<<<<<< HEAD\nb\n||||||| 12ab\n<<<<<<<<< x\nold\n=======\nc\n>>>>>>> o\n<<<<<<<\n=======\nd\n>>>>>>>\n";
        assert_eq!(sides(with_base), two("a\nb\n", "a\nc\nd\n"));
    }

    #[test]
    fn half_of_the_marks_are_none() {
        let text = "<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> other\n";
        for mark in [OURS, BETWEEN, THEIRS] {
            let half: String =
                text.lines().filter(|line| !is_mark(line, mark)).map(|line| format!("{line}\n")).collect();
            assert_eq!(sides(&half), Err(()), "{half}");
        }
    }
}
