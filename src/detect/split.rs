//! A body in two or more parts: over a soft line break, a string concatenation, a `\` or the mere end of a line.

use super::encoding::quoted::soft_break;
use crate::key::BODY;

/// A body put together.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Joined {
    pub(super) body: Vec<u8>,
    /// How long its first part is.
    pub(super) first: usize,
    /// One past its last byte.
    pub(super) end: usize,
    pub(super) reason: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Joint {
    Soft,
    Strings,
    Backslash,
    LineEnd,
}

/// More parts are no key that somebody broke by hand.
const MOST_PARTS: usize = 12;

/// Puts together the body at the start of `tail`, if it is in parts that have exactly 42 letters and digits in all.
pub(super) fn joined(tail: &[u8]) -> Option<Joined> {
    let part = |at: usize| tail[at..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let first = part(0);
    let mut body = tail[..first].to_vec();
    let mut at = first;
    let mut joint = None;
    for _ in 1..MOST_PARTS {
        let (kind, next) = joint_at(tail, at, first)?;
        if *joint.get_or_insert(kind) != kind {
            return None;
        }
        let length = part(next);
        // Nothing between two breaks is an end.
        if length == 0 && kind != Joint::Strings {
            return None;
        }
        body.extend_from_slice(&tail[next..next + length]);
        at = next + length;
        if body.len() >= BODY {
            break;
        }
        if kind == Joint::LineEnd {
            return None;
        }
    }
    let joint = joint?;
    let is_whole = body.len() == BODY
        && match joint {
            Joint::LineEnd => ends_line(&tail[at..]),
            Joint::Strings => quote(tail, at).is_some(),
            Joint::Soft | Joint::Backslash => true,
        };
    let reason = match joint {
        Joint::Soft => "42 letters and digits, broken by a soft line break of quoted-printable",
        Joint::Strings => "42 letters and digits in strings that are put together",
        Joint::Backslash => "42 letters and digits, broken by a \\ at a line's end",
        Joint::LineEnd => "42 letters and digits, the last of them alone on the next line",
    };
    is_whole.then_some(Joined { body, first, end: at, reason })
}

/// Puts together the environment and the body behind a `sk_`, if they are in strings that make up exactly a key: somebody
/// has cut the prefix, so that what looks for it does not find it.
pub(super) fn joined_prefix(tail: &[u8]) -> Option<Joined> {
    const ENVIRONMENTS: [&[u8]; 2] = [b"live_", b"test_"];
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
    // One more than there can be, which makes too many of them.
    let part = |at: usize| tail[at..].iter().take(BODY + 6).take_while(is_part).count();
    let first = part(0);
    let (mut body, mut at) = (tail[..first].to_vec(), first);
    for _ in 1..MOST_PARTS {
        let Some(next) = quote(tail, at).and_then(|behind| next_string(tail, behind)) else { break };
        let length = part(next);
        body.extend_from_slice(&tail[next..next + length]);
        at = next + length;
    }
    let rest = ENVIRONMENTS.iter().find_map(|environment| body.strip_prefix(*environment))?;
    let is_whole = at > first && rest.len() == BODY && rest.iter().all(u8::is_ascii_alphanumeric);
    let reason = "42 letters and digits, and their prefix, in strings that are put together";
    (is_whole && quote(tail, at).is_some()).then_some(Joined { body, first, end: at, reason })
}

/// What joins the part that ends at `at` to the next, and where that one begins.
fn joint_at(tail: &[u8], at: usize, first: usize) -> Option<(Joint, usize)> {
    if let Some(length) = soft_break(tail, at) {
        return Some((Joint::Soft, at + length));
    }
    let line_end = |at: usize| match tail.get(at..)? {
        [b'\r', b'\n', ..] => Some(at + 2),
        [b'\n', ..] => Some(at + 1),
        _ => None,
    };
    let blanks = |at: usize| at + tail[at..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    if let Some(next) = quote(tail, at).and_then(|behind| next_string(tail, behind)) {
        return Some((Joint::Strings, next));
    }
    // A prefix that is a string of its own, and a body that is the next: a list that is joined, a shell's word.
    if at == 0
        && let Some(behind) = quote(tail, 0)
    {
        let comma = blanks(behind);
        let next = if tail.get(comma) == Some(&b',') { blanks(comma + 1) } else { behind };
        return quote(tail, next).map(|next| (Joint::Strings, next));
    }
    match tail.get(at)? {
        b'\\' => line_end(at + 1).map(|next| (Joint::Backslash, blanks(next))),
        // Only in two parts, and not where all of the body would be on the next line.
        b' ' | b'\t' | b'\r' | b'\n' if first > 0 => line_end(blanks(at)).map(|next| (Joint::LineEnd, blanks(next))),
        _ => None,
    }
}

/// Whether nothing but a string's end stands before the end of the line.
fn ends_line(rest: &[u8]) -> bool {
    let is_end = |byte: &&u8| matches!(**byte, b' ' | b'\t' | b'"' | b'\'' | b'`' | b',' | b';' | b')');
    let end = rest.iter().take(8).take_while(is_end).count();
    matches!(rest.get(end), None | Some(b'\n' | b'\r'))
}

/// One past the quote at `at`, which backslashes may escape: programs stand in strings of others.
fn quote(text: &[u8], at: usize) -> Option<usize> {
    const DEEPEST: usize = 7;
    let backslashes = text[at..].iter().take(DEEPEST).take_while(|byte| **byte == b'\\').count();
    matches!(text.get(at + backslashes), Some(b'"' | b'\'' | b'`')).then_some(at + backslashes + 1)
}

/// Where the next string begins after one that ended: an operator, or at least white space, stands between.
fn next_string(tail: &[u8], mut at: usize) -> Option<usize> {
    const FARTHEST: usize = 120;
    let (from, mut is_joined) = (at, false);
    while at - from < FARTHEST {
        if let Some(next) = quote(tail, at) {
            return is_joined.then_some(next);
        }
        let rest = tail.get(at..)?;
        at += match rest {
            // A line end, or an indentation, of a program in a string.
            [b'\\', b'n' | b'r' | b't', ..] => 2,
            [b'|', b'|', ..] | [b'<', b'>', ..] => 2,
            // Visual Basic ends a line that goes on with a `_`.
            [b' ' | b'\t' | b'\r' | b'\n' | b'+' | b'.' | b'&' | b'~' | b'\\' | b'_', ..] => 1,
            [b'/', b'*', ..] => memchr::memmem::find(&rest[..rest.len().min(FARTHEST)], b"*/")? + 2,
            [b'/', b'/', ..] | [b'#', b' ', ..] => memchr::memchr(b'\n', &rest[..rest.len().min(FARTHEST)])?,
            // What a string's quote has before it in Python, PHP, Rust and C#.
            [b'b' | b'f' | b'r' | b'u' | b'B' | b'F' | b'R' | b'U' | b'L' | b'@' | b'$', ..] if is_joined => {
                let marks = rest.iter().take(2).take_while(|byte| b"bfruBFRUL@$".contains(byte)).count();
                return quote(tail, at + marks);
            }
            _ => return None,
        };
        is_joined = true;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_in_parts_is_one_and_what_is_no_key_is_not() {
        let body = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEf";
        let (one, two) = body.split_at(24);
        for (text, joins) in [
            (format!("\" + \"live_\" + \"{body}\""), true),
            (format!("' +\n 'test_{body}'"), true),
            (format!("live' . '_{one}' . '{two}'"), true),
            (format!("li\" \"ve_{body}\""), true),
            (format!("live_{body}\""), false),
            (format!("\" + \"live_{body}x\""), false),
            (format!("\" + \"live_{body}"), false),
            (format!("\" + \"prod_{body}\""), false),
            (format!("\", \"live_{body}\""), false),
            (format!("\" + \"live_{one}_{}\"", &two[1..]), false),
        ] {
            let joined = joined_prefix(text.as_bytes());
            assert_eq!(joined.is_some(), joins, "{text:?}");
            if let Some(joined) = joined {
                assert_eq!(joined.body[5..], *body.as_bytes());
            }
        }
    }

    #[test]
    fn parts_are_put_together_and_names_are_no_parts() {
        let body = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEf";
        let (one, two) = body.split_at(24);
        let (three, four) = two.split_at(9);
        for (text, joins) in [
            (format!("{one}\" + \"{two}\""), true),
            (format!("{one}' .\n   '{two}'"), true),
            (format!("{one}\"\n    \"{two}\""), true),
            (format!("\" + \"{body}\""), true),
            (format!("{one}\" + \"{three}\" + \"{four}\""), true),
            (format!("{one}=\n{two}"), true),
            (format!("{one}=\r\n{three}=\r\n{four}"), true),
            (format!("{one}\\\n  {two}\""), true),
            (format!("{one}\n{two}\n"), true),
            (format!("{one}\n   {two}"), true),
            (format!("{one}\n{two}=x"), false),
            (format!("{one}\n{two} x"), false),
            (format!("{one}\n{three}\n{four}\n"), false),
            (format!("{one}\" + \"{two}x\""), false),
            (format!("{one}\"\"{two}\""), false),
            (format!("{one}\", \"{two}\""), false),
            (format!("\n{body}\n"), false),
            (format!("{one} {two}"), false),
            (format!("{one}\\\" + \\\"{two}\\\""), true),
            (format!("{one}\\\\\\\" +\\\\n \\\\\\\"{two}\\\\\\\""), true),
            (format!("{one}\" + '{two}'"), true),
            (format!("{one}\" + b\"{two}\""), true),
            (format!("{one}\" + $@\"{two}\""), true),
            (format!("{one}\" <> \"{two}\""), true),
            (format!("{one}\" + /* and, more */ \"{two}\""), true),
            (format!("{one}\" + // and\n  \"{two}\""), true),
            (format!("{one}\" # and\n  \"{two}\""), true),
            (format!("{one} \n{two}\""), true),
            (format!("{one}\n{two} \n"), true),
            (format!("{one}\n{two}\");\n"), true),
            (format!("{one}\n{two}\" x\n"), false),
            (format!("{one}\" or \"{two}\""), false),
            (format!("', '{body}']"), true),
            (format!("'\"{body}\""), true),
            (format!("', '{one}', '{two}'"), false),
            (format!("{one}\", b\"{two}\""), false),
            (format!("{one}\"b\"{two}\""), false),
        ] {
            let joined = joined(text.as_bytes());
            assert_eq!(joined.is_some(), joins, "{text:?}");
            if let Some(joined) = joined {
                assert_eq!(joined.body, body.as_bytes());
                assert!(text.as_bytes()[..joined.end].ends_with(&body.as_bytes()[41..]), "{text:?}");
            }
        }
    }
}
