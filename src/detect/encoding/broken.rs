//! Whether a run of base64 or hex that ends goes on behind what breaks lines there: a comment's mark, a quotation's, a
//! string's end and the next one's beginning, an escaped line end of another encoding.
//!
//! Such a run is not read over the break. But what stands at its end may be cut off, and is then nothing certain.

use crate::key::Prefix;

/// Shorter runs are words.
const SHORTEST: usize = 16;
/// The longest thing that breaks a run: two strings' quotes, an operator, a line end and an indentation.
const LONGEST_BREAK: usize = 60;
/// The longest line that is looked at.
const LONGEST_LINE: usize = 1 << 10;

/// Whether the run of characters that `is_part` knows and that ends at `end` goes on.
pub(in crate::detect) fn goes_on(bytes: &[u8], end: usize, is_part: fn(u8) -> bool) -> bool {
    let Some((next, is_blank)) = behind_break(bytes, end) else { return false };
    let before = &bytes[end.saturating_sub(LONGEST_LINE)..end];
    let length = before.iter().rev().take_while(|byte| is_part(**byte)).count();
    let line = before.len() - memchr::memrchr2(b'\n', b'\r', before).map_or(0, |at| at + 1);
    let part = bytes[next..].iter().take(LONGEST_LINE + 1).take_while(|byte| is_part(**byte)).count();
    // Only the last line is shorter than the others; a name and a value, or a word, is none.
    let is_named = match bytes.get(next + part) {
        Some(b' ' | b'\t') => !is_blank && behind_break(bytes, next + part).is_none_or(|(_, is_blank)| is_blank),
        // Padding is followed by no value.
        Some(b'=') => bytes.get(next + part + 1).is_some_and(|value| {
            value.is_ascii_alphanumeric() || matches!(value, b'"' | b'\'' | b'$' | b'/' | b'.' | b'-' | b'_')
        }),
        behind => matches!(behind, Some(b':' | b'.' | b'(' | b'[' | b'{' | b',')),
    };
    let part_of_run = &bytes[next..next + part];
    // Something of its own, and a run of url-safe base64 that begins so by chance is not met with.
    const TELLING: usize = 8;
    let is_token =
        Prefix::ALL.iter().any(|(prefix, _)| prefix.len() >= TELLING && part_of_run.starts_with(prefix.as_bytes()));
    let is_long = part >= SHORTEST || (!is_blank && part > 1 && !is_word(part_of_run));
    length >= SHORTEST && part <= line && is_long && !is_named && !is_token
}

fn is_word(text: &[u8]) -> bool {
    text.iter().skip(1).all(u8::is_ascii_lowercase) || text.iter().all(u8::is_ascii_uppercase)
}

/// One past what breaks a run at `at`, a line end, escaped or not, an operator between strings or mere blanks, and whether
/// it is these.
fn behind_break(bytes: &[u8], at: usize) -> Option<(usize, bool)> {
    let (mut next, mut breaks, mut blanks) = (at, false, 0);
    while next - at < LONGEST_BREAK {
        match bytes.get(next..)? {
            [b'\\', b'n' | b'r', ..] => {
                breaks = true;
                next += 1;
            }
            [b'\r' | b'\n', ..] => breaks = true,
            [b' ' | b'\t', ..] => blanks += 1,
            // Of base64's alphabet, but here an operator.
            [b'+', b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'\'' | b'`', ..] if next > at => breaks = true,
            // And a comment's mark.
            [b'/', b' ' | b'/', ..] if breaks => {}
            [b'"' | b'\'' | b'`' | b'#' | b'>' | b'*' | b'\\' | b'|' | b';' | b'&' | b'~' | b'%' | b'!', ..] => {}
            // Padding ends a run; a soft break does not.
            [b'=', b' ' | b'\t' | b'\r' | b'\n', ..] if next == at => {}
            _ => break,
        }
        next += 1;
    }
    let is_blank = !breaks && blanks > 0 && next == at + blanks;
    (breaks || is_blank).then_some((next, is_blank))
}

#[cfg(test)]
mod tests {
    use super::super::base64::is_base64;
    use super::*;

    #[test]
    fn runs_go_on_over_what_breaks_lines() {
        let (line, last) = ("c2tf".repeat(19), "bGl2ZV9".repeat(4));
        for (between, goes) in [
            ("=\n", true),
            ("=\r\n", true),
            ("\n# ", true),
            ("\n> ", true),
            ("\n// ", true),
            ("\n * ", true),
            ("\\\n", true),
            ("\" +\n    \"", true),
            ("\"\n \"", true),
            ("\\n\" +\n \"", true),
            ("\" + \"", true),
            ("\r", true),
            (" ", true),
            ("\n\n", true),
            ("==\n", false),
            ("\",\n  \"", false),
            (": ", false),
            ("\"", false),
            ("", false),
            ("\nname: ", false),
            (", ", false),
        ] {
            let text = format!("{line}{between}{last}\n");
            assert_eq!(goes_on(text.as_bytes(), line.len(), is_base64), goes, "{between:?}");
        }
        // Words, and a line that is longer than the one before.
        for text in [
            format!("{line} and {last}"),
            format!("{line} word\n"),
            format!("{line}\n\nword\n"),
            format!("{line}\n# Word\n"),
            format!("{line}\n# {last} words\n"),
            format!("{line}\nname: x"),
            format!("{line}\nNEXT_PUBLIC_CLERK_PUBLISHABLE_KEY=pk"),
            format!("{line}\n\n{line}{last}\n"),
            format!("{line}\n**{}_{}**", "sk_live", last),
        ] {
            assert!(!goes_on(text.as_bytes(), line.len(), is_base64), "{text}");
        }
        let lines = format!("{line} \\\n{line} \\\n{last}\n");
        assert!(goes_on(lines.as_bytes(), line.len(), is_base64));
        assert!(!goes_on(line.as_bytes(), line.len(), is_base64));
    }
}
