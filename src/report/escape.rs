//! Foreign text made harmless for the place it will stand in.
//!
//! A path, a subject or an author's name is the attacker's to choose. On a terminal it could move the cursor,
//! rewrite what stands above it or turn the reading direction; in Markdown it could make a link that an Admin
//! clicks at 2 a.m. Every writer passes every such string through one function of this file.

use std::borrow::Cow;
use std::fmt;

pub use crate::model::is_hidden;

/// The text for a terminal: every hidden character as `\u{…}`. What a terminal shows goes into the logs of CI too, and
/// what its runner would obey there has its first character escaped as well.
///
/// [`crate::model::Shown`] doubles the backslashes of a repository, so that an escape made here cannot be taken for
/// one that stood there.
pub fn terminal(text: &str) -> Terminal<'_> {
    Terminal(text)
}

/// See [`terminal`].
#[derive(Clone, Copy, Debug)]
pub struct Terminal<'a>(&'a str);

impl fmt::Display for Terminal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line_begins = self.0.len() - self.0.trim_start().len();
        let mut done = 0;
        for (at, character) in self.0.char_indices() {
            if is_hidden(character) || begins_command(&self.0[at..], at == line_begins) {
                write!(f, "{}\\u{{{:x}}}", &self.0[done..at], u32::from(character))?;
                done = at + character.len_utf8();
            }
        }
        f.write_str(&self.0[done..])
    }
}

/// Whether a runner of CI that reads a log would take this for a command to it: GitHub's `::add-mask::` where a line begins
/// so, `##[error]` and Azure's and TeamCity's `##vso[` anywhere, GitLab's `section_start:`.
fn begins_command(text: &str, begins_line: bool) -> bool {
    let is_bracketed = |rest: &str| rest.trim_start_matches(|it: char| it.is_ascii_alphabetic()).starts_with('[');
    match text.as_bytes() {
        [b':', b':', ..] => begins_line,
        [b'#', b'#', ..] => is_bracketed(&text[2..]),
        [b's', b'e', b'c', ..] => text.starts_with("section_start:") || text.starts_with("section_end:"),
        _ => false,
    }
}

/// Runs of more backticks than this are escaped. GitHub's and GitLab's parser (cmark) takes no fence longer than 80
/// for one, and text with 80 backticks in it would then stand in the open.
const MOST_BACKTICKS: usize = 3;

/// The text for Markdown, as one code span on one line.
///
/// A code span is the one construct in which CommonMark, GitHub and GitLab read nothing at all: no link, image,
/// HTML, emphasis or entity, and neither of the two makes an address, an e-mail, `@name`, `#1` or a commit's id in
/// one into a link. Backslashes before punctuation would not do: GitHub looks for those after they are undone.
///
/// So that nothing gets out of the span: hidden characters, line breaks above all, are escaped as on a terminal; the
/// fence is one backtick longer than the longest run in the text, and runs of more than three are escaped; spaces keep
/// a backtick at an end apart from the fence. The span must not be the first thing on a line, where a fence of three
/// could open a block, nor stand in a table, where a `|` ends a cell.
pub fn markdown(text: &str) -> CodeSpan<'_> {
    CodeSpan(text)
}

/// See [`markdown`].
#[derive(Clone, Copy, Debug)]
pub struct CodeSpan<'a>(&'a str);

impl fmt::Display for CodeSpan<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("(empty)");
        }
        let visible = terminal(self.0).to_string();
        let (text, longest) = without_long_runs(&visible);
        let fence = "`".repeat(longest + 1);
        let at_ends = |character| text.starts_with(character) || text.ends_with(character);
        let is_blank = text.bytes().all(|byte| byte == b' ');
        // One space at both ends is taken off by CommonMark, so text that has its own gets another.
        let padding = if at_ends('`') || (at_ends(' ') && !is_blank) { " " } else { "" };
        write!(f, "{fence}{padding}{text}{padding}{fence}")
    }
}

/// The text with every backtick of a longer run than [`MOST_BACKTICKS`] escaped, and its longest run then.
fn without_long_runs(text: &str) -> (Cow<'_, str>, usize) {
    let runs = text.split(|character| character != '`').map(str::len);
    let longest = runs.clone().max().unwrap_or(0);
    if longest <= MOST_BACKTICKS {
        return (Cow::Borrowed(text), longest);
    }
    let longest = runs.filter(|&run| run <= MOST_BACKTICKS).max().unwrap_or(0);
    let mut changed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('`') {
        let (before, from) = rest.split_at(at);
        let after = from.trim_start_matches('`');
        let run = from.len() - after.len();
        changed.push_str(before);
        if run > MOST_BACKTICKS {
            changed.push_str(&"\\u{60}".repeat(run));
        } else {
            changed.push_str(&from[..run]);
        }
        rest = after;
    }
    changed.push_str(rest);
    (Cow::Owned(changed), longest)
}

/// Text of this program's own for Markdown, as prose: punctuation that could be read as structure is escaped.
///
/// Not for foreign text: see [`markdown`] for why this would not hold it.
pub fn prose(text: &str) -> Prose<'_> {
    Prose(text)
}

/// See [`prose`].
#[derive(Clone, Copy, Debug)]
pub struct Prose<'a>(&'a str);

impl fmt::Display for Prose<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in terminal(self.0).to_string().chars() {
            if matches!(character, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '&' | '!' | '@') {
                f.write_str("\\")?;
            }
            write!(f, "{character}")?;
        }
        Ok(())
    }
}

/// The text for HTML and XML, in an element or in an attribute between double quotes: hidden characters as on a
/// terminal, and the five characters that mean something as entities. What XML 1.0 has no character for is escaped as
/// well.
pub fn markup(text: &str) -> Markup<'_> {
    Markup(text)
}

/// See [`markup`].
#[derive(Clone, Copy, Debug)]
pub struct Markup<'a>(&'a str);

impl fmt::Display for Markup<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in terminal(self.0).to_string().chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\u{fffe}' | '\u{ffff}' => write!(f, "\\u{{{:x}}}", u32::from(character))?,
                character => write!(f, "{character}")?,
            }
        }
        Ok(())
    }
}

/// The text as one cell of CSV, quoted (RFC 4180). Hidden characters, line breaks among them, are as on a terminal; a
/// cell that a spreadsheet would take for a formula begins with an apostrophe (OWASP, "CSV Injection").
pub fn cell(text: &str) -> Cell<'_> {
    Cell(text)
}

/// See [`cell`].
#[derive(Clone, Copy, Debug)]
pub struct Cell<'a>(&'a str);

impl fmt::Display for Cell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let visible = terminal(self.0).to_string();
        // The wide forms are what some input methods turn into the narrow ones. Spaces in front do not disarm them.
        let formula =
            |character: char| matches!(character, '=' | '+' | '-' | '@' | '|' | '％' | '＝' | '＋' | '－' | '＠');
        let is_formula = visible.trim_start().starts_with(formula);
        write!(f, "\"{}{}\"", if is_formula { "'" } else { "" }, visible.replace('"', "\"\""))
    }
}

/// A path as the relative reference of a URI (RFC 3986): all but letters, digits, `-._~` and `/` as `%XX`.
pub fn uri_path(path: &[u8]) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(*byte)),
            byte => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

/// The text, or its beginning and end where it has more than `most` characters: a commit's subject can be a megabyte.
///
/// Cutting comes after masking (a [`crate::model::Shown`] holds no key that a cut could leave half of) and before
/// escaping, so that no escape is cut in two.
pub fn shorten(text: &str, most: usize) -> Cow<'_, str> {
    // A text cannot have more characters than bytes: most are done here, uncounted.
    if text.len() <= most {
        return Cow::Borrowed(text);
    }
    let count = text.chars().count();
    if count <= most {
        return Cow::Borrowed(text);
    }
    let tail = most / 3;
    let head = most - tail;
    let byte_at = |character: usize| text.char_indices().nth(character).map_or(text.len(), |(byte, _)| byte);
    let (first, last) = (&text[..byte_at(head)], &text[byte_at(count - tail)..]);
    Cow::Owned(format!("{first}[… {} characters left out …]{last}", count - most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_runner_of_ci_obeys_is_no_command_any_more() {
        for (text, shown) in [
            ("::add-mask::key", "\\u{3a}:add-mask::key"),
            ("  ::stop-commands::x", "  \\u{3a}:stop-commands::x"),
            ("all ##[error]fine", "all \\u{23}#[error]fine"),
            ("##vso[task.setvariable x]y", "\\u{23}#vso[task.setvariable x]y"),
            ("section_start:1:x", "\\u{73}ection_start:1:x"),
            // What people write.
            ("std::io and a::b", "std::io and a::b"),
            ("## Heading, issue ##1", "## Heading, issue ##1"),
            ("section_starter", "section_starter"),
        ] {
            assert_eq!(terminal(text).to_string(), shown);
        }
        assert_eq!(markdown("##[error]x").to_string(), "`\\u{23}#[error]x`");
    }

    #[test]
    fn nothing_reaches_a_terminal_that_it_would_obey() {
        let cases = [
            ("plain é 漢字 🔑", "plain é 漢字 🔑"),
            ("\x1b[2J\x1b]8;;http://x\x07", "\\u{1b}[2J\\u{1b}]8;;http://x\\u{7}"),
            ("a\r\nb\tc\0", "a\\u{d}\\u{a}b\\u{9}c\\u{0}"),
            ("\u{9b}31m\u{85}\u{7f}", "\\u{9b}31m\\u{85}\\u{7f}"),
            ("a\u{202e}b\u{2066}c\u{2069}", "a\\u{202e}b\\u{2066}c\\u{2069}"),
            (
                "\u{200b}\u{200f}\u{2028}\u{2029}\u{2060}\u{feff}",
                "\\u{200b}\\u{200f}\\u{2028}\\u{2029}\\u{2060}\\u{feff}",
            ),
            ("\u{e0041}\u{e007f}\u{ad}\u{3164}\u{61c}", "\\u{e0041}\\u{e007f}\\u{ad}\\u{3164}\\u{61c}"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(terminal(text).to_string(), expected);
        }
    }

    #[test]
    fn no_hidden_character_is_left_whatever_comes() {
        let everything: String = ('\0'..=char::MAX).collect();
        assert!(!terminal(&everything).to_string().chars().any(is_hidden));
        assert!(!markdown(&everything).to_string().chars().any(is_hidden));
        assert!(!prose(&everything).to_string().chars().any(is_hidden));
    }

    #[test]
    fn a_code_span_cannot_be_left() {
        let cases = [
            ("plain", "`plain`"),
            ("[x](http://evil)", "`[x](http://evil)`"),
            ("<img src=x onerror=y> @admin #1", "`<img src=x onerror=y> @admin #1`"),
            ("a`b", "``a`b``"),
            ("`a", "`` `a ``"),
            ("a`", "`` a` ``"),
            ("``` x", "```` ``` x ````"),
            ("`` [x](y) `", "``` `` [x](y) ` ```"),
            ("a````b`c", "``a\\u{60}\\u{60}\\u{60}\\u{60}b`c``"),
            ("````", "`\\u{60}\\u{60}\\u{60}\\u{60}`"),
            ("a\n# b\n\n- [ ] c", "`a\\u{a}# b\\u{a}\\u{a}- [ ] c`"),
            ("ends in \\\\", "`ends in \\\\`"),
            (" a ", "`  a  `"),
            (" a", "`  a `"),
            ("  ", "`  `"),
            ("", "(empty)"),
        ];
        for (text, expected) in cases {
            assert_eq!(markdown(text).to_string(), expected, "{text:?}");
        }
    }

    #[test]
    fn fences_are_short_and_longer_than_any_run_between_them() {
        for run in 0..200 {
            let span = markdown(&format!("x{}y", "`".repeat(run))).to_string();
            let fence = span.len() - span.trim_start_matches('`').len();
            let inner = &span[fence..span.len() - fence];
            assert!(fence <= MOST_BACKTICKS + 1);
            assert!(!inner.contains(&"`".repeat(fence)), "{span}");
        }
    }

    #[test]
    fn prose_has_no_structure() {
        assert_eq!(prose("a_b *c* [d](e) <f> @g").to_string(), "a\\_b \\*c\\* \\[d\\](e) \\<f\\> \\@g");
    }

    #[test]
    fn markup_has_no_markup() {
        assert_eq!(
            markup("<a href='x' b=\"y\">&amp;</a>").to_string(),
            "&lt;a href=&#39;x&#39; b=&quot;y&quot;&gt;&amp;amp;&lt;/a&gt;"
        );
        assert_eq!(markup("\u{0}\u{b}\u{ffff}\u{202e}").to_string(), "\\u{0}\\u{b}\\u{ffff}\\u{202e}");
        let everything: String = ('\0'..=char::MAX).collect();
        let told = markup(&everything).to_string();
        assert!(!told.contains(['<', '>', '"', '\'', '\u{fffe}', '\u{ffff}']) && !told.chars().any(is_hidden));
    }

    #[test]
    fn a_cell_is_one_cell_and_no_formula() {
        for (text, expected) in [
            ("plain, \"quoted\"", "\"plain, \"\"quoted\"\"\""),
            ("=1+1", "\"'=1+1\""),
            ("  @SUM(A1)", "\"'  @SUM(A1)\""),
            ("-2", "\"'-2\""),
            ("＝1", "\"'＝1\""),
            ("\t=1", "\"\\u{9}=1\""),
            ("a\r\nb", "\"a\\u{d}\\u{a}b\""),
            ("", "\"\""),
        ] {
            assert_eq!(cell(text).to_string(), expected);
        }
    }

    #[test]
    fn a_path_is_a_relative_reference_and_nothing_else() {
        assert_eq!(uri_path(b"a b/c:d?#%\xff"), "a%20b/c%3Ad%3F%23%25%FF");
        assert_eq!(uri_path("//é\u{202e}".as_bytes()), "//%C3%A9%E2%80%AE");
    }

    #[test]
    fn long_text_keeps_its_ends() {
        assert_eq!(shorten("abc", 3), "abc");
        assert_eq!(shorten("éàü", 3), "éàü");
        assert_eq!(shorten("abcdefghij", 6), "abcd[… 4 characters left out …]ij");
        assert_eq!(shorten("ééééééé", 3), "éé[… 4 characters left out …]é");
        assert_eq!(shorten("abc", 0), "[… 3 characters left out …]");
    }
}
